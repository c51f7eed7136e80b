"""Region graphs: which sets of variables have beliefs of their own, from loopy belief propagation to Kikuchi's and EP's.

Each outer region a has a belief b_a on all its variables, each inner region r one on a part that outer regions share.
The region free energy counts every variable and every term once (Yedidia, Freeman and Weiss 2005):

    F = sum_a E_a[log b_a - log(terms of a)] + sum_r c_r E_r[log b_r],    c_r = 1 - (the counts of all that contain r).

With the terms' own scopes outside and single variables inside, F is Bethe's free energy and its stationary points are the fixed
points of loopy belief propagation; with the faces of a grid outside it is Kikuchi's.  EP's fixed points are the stationary
points of one such F too (Welling, Minka and Teh 2005): see `RegionGraph.of_ep`.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..checks import distinct_variables, whole_number


class RegionGraph:
    """Which sets of variables have a belief of their own, and how often each counts.

    Args:
        outer: the regions that hold the terms, each counted once; one may contain, or equal, another.
        inner: the regions on which outer ones agree; None takes all intersections, as Kikuchi does.
        homes: for each term the number of its outer region; None takes the first that holds its variables.

    Attributes:
        counts: c_r of the inner regions.

    Raises:
        ValueError: unless there is an outer region, every variable is counted once, and every inner region lies in an outer one.

    Example:
        >>> two_faces = RegionGraph([(0, 1, 2, 3), (2, 3, 4, 5)])
        >>> two_faces.inner, two_faces.counts
        ([(2, 3)], [-1])

    Book: chapter 6.
    """

    def __init__(
        self, outer: Iterable[Sequence[int]], inner: Iterable[Sequence[int]] | None = None, homes: Sequence[int] | None = None
    ):
        self.outer = [_region(variables) for variables in outer]
        if not self.outer:
            raise ValueError("a region graph needs at least one outer region")
        chosen = _intersections(self.outer) if inner is None else {_region(variables) for variables in inner}
        self.inner, self.homes = (sorted(chosen, key=lambda region: (-len(region), region)), homes)
        self.around = [[a for a, region in enumerate(self.outer) if set(r) <= set(region)] for r in self.inner]
        counted, self.counts = [(set(region), 1) for region in self.outer], []
        for r in self.inner:  # the largest first: whatever contains r is counted already
            self.counts.append(1 - sum(count for region, count in counted if region >= set(r)))
            counted.append((set(r), self.counts[-1]))
        self._check(counted)

    def _check(self, counted):
        for r, around in zip(self.inner, self.around):
            if not around:
                raise ValueError(f"inner region {r} lies in no outer region")
        for v in sorted(set().union(*self.outer)):
            total = sum(count for region, count in counted if v in region)
            if total != 1:
                raise ValueError(f"the regions count variable {v} {total} times, not once: add an inner region that holds it")

    @classmethod
    def faces(cls, rows: int, cols: int) -> "RegionGraph":
        """The faces of a grid whose spin (r, c) is variable r * cols + c, and all their intersections (Kikuchi).

        Raises:
            ValueError: if the grid has no face.
        """
        number = np.arange(whole_number("rows", rows, 2) * whole_number("cols", cols, 2)).reshape(rows, cols)
        corners = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]], axis=-1)
        return cls(corners.reshape(-1, 4).tolist())

    @classmethod
    def of_ep(cls, posterior: Any, terms: Sequence[Any]) -> "RegionGraph":
        """The graph whose free energy is stationary where EP's moments match: scopes of terms outside, q's cliques inside.

        q's entropy is that of its cliques less that of their separators.  A tilted distribution is q but on the scope of its
        term, so that EP's free energy takes q's entropy on the scope away and puts the tilted one's in its place.

        Args:
            posterior: a `Forest`, before or after a run.
            terms: those of the run.

        Example:
            >>> from epbook import MarkovNetwork
            >>> square = MarkovNetwork.ising([(0, 1), (1, 2), (2, 3), (0, 3)], 1.0, np.zeros(4))
            >>> graph = RegionGraph.of_ep(square.posterior([(0, 1), (1, 2), (2, 3)]), square.terms[4:])
            >>> graph.outer[3], dict(zip(graph.inner, graph.counts))[0, 1]  # in two outer regions
            ((0, 1, 2, 3), -1)
        """
        posterior = posterior.copy()
        posterior.prepare(terms)
        scopes = [set().union(*site.scope.cliques) for site in posterior.sites]
        cliques = posterior.cliques
        alone = [clique for clique in cliques if not any(set(clique) <= scope for scope in scopes)]
        inner = _intersections(cliques).union(cliques)
        return cls([*map(tuple, scopes), *alone], inner, range(len(terms)))


def _region(variables):
    return tuple(sorted(distinct_variables("a region", variables)))


def _intersections(regions):
    """All sets of variables that two or more of the regions share, but for the empty one."""
    found: set[tuple[int, ...]] = set()
    new = {tuple(sorted(set(a) & set(b))) for a, b in itertools.combinations(regions, 2)} - {()}
    while new:
        found |= new
        new = {tuple(sorted(set(a) & set(b))) for a in new for b in regions} - found - {()}
    return found
