"""Generalised belief propagation: beliefs on overlapping regions that make their free energy stationary.

The free energy F = sum_a E_a[log b_a - log(terms of a)] + sum_r c_r E_r[log b_r] is that of `epbook.beyond.region_graphs`.
A negative c_r makes F concave in b_r; there the tangent at an earlier belief, E_r[log b_r'] in place of E_r[log b_r], bounds
it.  The bound is convex, and touches F where b' = b.  Let exp(lambda_ar) enforce b_a(x_r) = b_r.  The bound is least where b_a is
proportional to its terms times its exp(lambda_ar), and sum_a lambda_ar = -max(c_r, 0) log b_r - min(c_r, 0) log b_r'.  With
m_ar = b_a(x_r) / exp(lambda_ar), what a knows of x_r apart from r, all n_r outer regions around r agree on it if

    log b_r = (sum_a log m_ar - min(c_r, 0) log b_r') / (n_r + max(c_r, 0)) + constant,    lambda_ar = log b_r - log m_ar.

One r after another, this is coordinate ascent on the dual of the bound; then b' = b and again (Heskes, Albers and Kappen 2003).
Where it ends F is stationary.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import distinct_variables, number_in, whole_number
from ..errors import ConvergenceWarning, NoMassError
from ..families.road import LARGEST, NOTHING, log_ratio, log_sum, log_sum_flops
from ..posteriors.marginals import Marginals
from ..result import Result
from .region_graphs import RegionGraph


def generalised_belief_propagation(
    network: Any, graph: RegionGraph, *, passes: int = 1000, tol: float = 1e-6, sweeps: int = 2
) -> Result:
    """Approximate a discrete network by the beliefs of a region graph that make its free energy stationary.

    Exact if the outer regions form a junction tree with the inner ones as its separators.

    Args:
        network: has `cardinalities` and `terms`, like `MarkovNetwork`.
        graph: every term's variables must lie in an outer region.
        passes: at most this many bounds.
        tol: stop when no belief of a pass changes by more (see `Result.mismatch`).
        sweeps: over the inner regions, on each bound; enough of them, and F never rises.  On 3 x 3 grids of coupling 5 the
            default lets it rise on 2 of 10, and 8 on none.

    Returns:
        A `Result` whose log_evidence is -F, and whose posterior has `marginal_of(variable)`, and `joint_of(variables)` in one
        outer region.  Unless it converged, or `passes` is 1, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, or a graph that does not cover the network, or has too large a region.
        NoMassError: if the terms contradict each other.

    Example:
        >>> from epbook import MarkovNetwork, loopy_belief_propagation
        >>> network = MarkovNetwork.grid(4, 4, coupling=0.5, rng=0)
        >>> exact, faces = network.exact(), generalised_belief_propagation(network, RegionGraph.faces(4, 4))
        >>> exact.errors(faces)[1] < exact.errors(loopy_belief_propagation(network))[1] / 10
        True

    Book: chapter 6.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, np.inf)
    sweeps = whole_number("sweeps", sweeps, 1)
    beliefs = RegionBeliefs(network, graph)
    result = Result(beliefs)
    for _ in range(passes):
        mismatch = beliefs.sweep(sweeps)
        result.record(beliefs.log_evidence(), sweeps * beliefs.sweep_flops + beliefs.evidence_flops, mismatch)
        result.diagnose(tol)
        if result.converged:
            break
    if not result.converged and passes > 1:
        result.status = (
            f"stopped at mismatch {result.mismatch:.1e}: allow more passes, or bound more tightly by sweeps={4 * sweeps}"
        )
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


class RegionBeliefs(Marginals):
    """The messages between outer and inner regions, and the beliefs that they make.

    Args:
        network, graph: see `generalised_belief_propagation`.

    Attributes:
        messages: lambda_ar by (a, r), log tables that broadcast against that of a.

    Book: chapter 6.
    """

    def __init__(self, network: Any, graph: RegionGraph):
        self.graph, self.cardinalities = graph, tuple(network.cardinalities)
        if graph.homes is not None and len(graph.homes) != len(network.terms):
            raise ValueError(f"the graph has homes for {len(graph.homes)} terms, and the network has {len(network.terms)}")
        self._check(set().union(*graph.outer))
        self._terms = [np.zeros(self._shape(region, region)) for region in graph.outer]
        for i, term in enumerate(network.terms):
            home = self._home(i, term)
            ordered = term.log_table.transpose(np.argsort(term.variables))
            self._terms[home] = self._terms[home] + ordered.reshape(self._shape(term.variables, graph.outer[home]))
        links = [(a, r) for r, around in enumerate(graph.around) for a in around]
        self.messages = {(a, r): np.zeros(self._shape(graph.inner[r], graph.outer[a])) for a, r in links}
        self._inside = [[r for b, r in links if b == a] for a in range(len(graph.outer))]
        self._inner = [np.zeros(self._shape(region, region)) for region in graph.inner]

    def _check(self, covered):
        if covered != set(range(len(self.cardinalities))):
            raise ValueError(
                f"the regions hold variables {sorted(covered)}, and the network has 0..{len(self.cardinalities) - 1}"
            )
        for region in self.graph.outer:
            if (size := math.prod(self.cardinalities[v] for v in region)) > LARGEST:
                raise ValueError(f"the region {region} needs a table of {size} entries, and {LARGEST} is the most")

    def _home(self, i, term):
        holding = [a for a, region in enumerate(self.graph.outer) if set(term.variables) <= set(region)]
        home = self.graph.homes[i] if self.graph.homes is not None else min(holding, default=None)
        if home not in holding:
            raise ValueError(f"no outer region holds term {i}, on variables {term.variables}")
        return home

    def _shape(self, narrow, wide):
        return tuple([self.cardinalities[v] if v in narrow else 1 for v in wide])

    def outer_belief(self, a: int) -> tuple[np.ndarray, float]:
        """The log belief of outer region a, normalised, and the log of its normaliser.

        Raises:
            NoMassError: if no state of it is left.
        """
        table = self._terms[a] + sum(self.messages[a, r] for r in self._inside[a])
        log_z = float(log_sum(table, tuple(range(table.ndim))))
        if log_z == -math.inf:
            raise NoMassError(f"the terms contradict each other: no state of the variables {self.graph.outer[a]} is possible")
        return table - log_z, log_z

    def _on(self, r, a):
        """The log belief of outer region a on inner region r."""
        outside = tuple([axis for axis, v in enumerate(self.graph.outer[a]) if v not in self.graph.inner[r]])
        return log_sum(self.outer_belief(a)[0], outside)

    def sweep(self, sweeps: int = 1) -> float:
        """Lower the bound at the present beliefs; return by how much outer regions disagreed on an inner one at first."""
        earlier, mismatches = list(self._inner), list[float]()
        for _ in range(sweeps):
            mismatches += [self._agree(r, earlier[r]) for r in range(len(earlier))]
        return max(mismatches[: len(earlier)], default=0.0)

    def _agree(self, r, earlier):
        """Let the outer regions around inner region r agree on it; return by how much they did not."""
        around, count = self.graph.around[r], self.graph.counts[r]
        told = [self._on(r, a) for a in around]
        apart = [log_ratio(table, self.messages[a, r].reshape(table.shape)) for a, table in zip(around, told)]
        known = [*apart, -count * earlier] if count < 0 else apart  # 0 log 0 would be no number
        belief = sum(known) / (len(around) + max(count, 0))
        log_z = log_sum(belief, tuple(range(belief.ndim)))
        if log_z == -math.inf:
            raise NoMassError(f"the terms contradict each other: no state of the variables {self.graph.inner[r]} is possible")
        self._inner[r] = belief - log_z
        for a, heard in zip(around, apart):
            self.messages[a, r] = log_ratio(self._inner[r], heard).reshape(self.messages[a, r].shape)
        return max(2 * math.sqrt(np.square(np.exp(table / 2) - np.exp(self._inner[r] / 2)).sum()) for table in told)

    def log_evidence(self) -> float:
        """Minus the region free energy, with terms and constraints in balance only where all regions agree."""
        total = 0.0
        for a in range(len(self.graph.outer)):
            belief, log_z = self.outer_belief(a)
            weight = np.exp(belief)
            total += log_z - sum(_expectation(weight, self.messages[a, r]) for r in self._inside[a])
        for count, belief in zip(self.graph.counts, self._inner):
            total -= count * _expectation(np.exp(belief), belief)
        return total

    @property
    def tables(self):
        """The marginals, one a variable."""
        return [self.joint_of((v,)) for v in range(len(self.cardinalities))]

    def joint_of(self, variables: Sequence[int]) -> np.ndarray:
        """The belief on variables within one outer region, the smallest if several hold them; an axis each.

        Raises:
            ValueError: if no region holds them all.
        """
        variables = distinct_variables("a joint", variables, len(self.cardinalities))
        holding = [a for a, region in enumerate(self.graph.outer) if set(variables) <= set(region)]
        if not holding:
            raise ValueError(f"no region holds the variables {variables} together")
        a = min(holding, key=lambda a: len(self.graph.outer[a]))
        outside = tuple([axis for axis, v in enumerate(self.graph.outer[a]) if v not in variables])
        return np.exp(log_sum(self.outer_belief(a)[0], outside)).transpose(np.argsort(np.argsort(variables)))

    @property
    def sweep_flops(self) -> int:
        """Operations of one sweep."""
        total = 0
        for (a, _), message in self.messages.items():
            whole = self._terms[a].size
            total += (len(self._inside[a]) + 1) * whole + log_sum_flops(whole, 1) + log_sum_flops(whole, message.size)
            total += 12 * message.size
        return total

    @property
    def evidence_flops(self) -> int:
        """Operations of one `log_evidence`."""
        outer = [(3 * len(inside) + 2) * t.size + log_sum_flops(t.size, 1) for inside, t in zip(self._inside, self._terms)]
        return sum(outer) + 3 * sum(belief.size for belief in self._inner)


def _expectation(weight, log_table):
    """The mean of a log table, 0 log 0 being 0."""
    return float((weight * np.maximum(log_table, NOTHING)).sum())
