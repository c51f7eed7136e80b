"""Tree EP on large pairwise networks: EP with a tree for q, all potentials off the tree at once, in arrays."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import number_in, whole_number
from ..errors import NoMassError
from ..loopy import repeat
from ..posteriors.marginals import Marginals
from ..result import Result
from .rooted import RootedForest
from .walks import Walks, ratio


def tree_ep(
    network: Any,
    tree: Sequence[tuple[int, int]] | None = None,
    *,
    passes: int = 1000,
    tol: float = 1e-6,
    damping: float = 0.0,
) -> Result:
    """Approximate a pairwise network by a tree, all potentials off it refined at once.

    It does what `ep(network.posterior(tree), network.terms)` does with all terms in one batch: the same fixed points, the
    same evidence, in a fraction of the time.

    Args:
        network: a `MarkovNetwork` or `BeliefNetwork` whose potentials are on one or two variables.
        tree: pairs of variables; `network.tree()` by default.
        passes: at most this many.
        tol: stop when no moment mismatch of a pass reaches this (see `Result.mismatch`).
        damping: share of the old sites that is kept, in [0, 1); try 0.5 if it oscillates.

    Returns:
        A `Result` whose posterior has `marginal_of(variable)`.
        Unless it converged, or `passes` is 1, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, a potential on three variables or more, a tree with a cycle, or one that does not
            join the variables of a potential.
        NoMassError: if the potentials contradict each other.

    Example:
        >>> from epbook import MarkovNetwork, ep
        >>> network = MarkovNetwork.grid(4, 4, coupling=0.5, rng=0)
        >>> fast, slow = tree_ep(network), ep(network.posterior(network.tree()), network.terms)
        >>> round(fast.log_evidence - slow.log_evidence, 6), round(network.exact().errors(fast)[1], 4)
        (0.0, 0.0017)

    Book: section 4.2.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    damping = number_in("damping", damping, 0, 1, open_high=True)
    beliefs = TreeBeliefs(network, network.tree() if tree is None else tree)
    return repeat(beliefs, lambda: beliefs.refine(damping), passes, tol)


class TreeBeliefs(Marginals):
    """q, a tree with tables on its edges, and the sites of the potentials off the tree.

    Arrays have the states first and the edges last; edge c of the tree is that from variable number c to its parent.
    Variables with fewer states are padded with impossible ones.

    Args:
        network, tree: see `tree_ep`.

    Attributes:
        joint: the distributions of (parent, child), shape (K, K, n).
        marginal: of each variable number, shape (K, n).
        flops: operations of one `refine`.

    Book: section 4.2.
    """

    def __init__(self, network: Any, tree: Sequence[tuple[int, int]]):
        self.cardinalities = np.array(network.cardinalities)
        n, K = len(self.cardinalities), int(self.cardinalities.max())
        self._forest = RootedForest(n, tree)
        self._own = np.where(np.arange(K)[:, None] < self.cardinalities[self._forest.order], 0.0, -math.inf)
        self._pairs, off = np.zeros((K, K, n)), []
        for term in network.terms:
            if len(term.variables) > 2:
                raise ValueError(f"tables in arrays need potentials on one or two variables, not {term.variables}; use ep")
            if not self._absorb(term):
                off.append(term)
        self._walks = Walks(self._forest, off, K)
        self._upward = []  # levels from the leaves, who hears them, and where in the level each hearer's children begin
        for level in self._forest.levels[:0:-1]:
            hearers, starts = np.unique(self._forest.parent[level], return_index=True)
            self._upward.append((level, hearers, starts))
        self._listen()
        self.flops = 8 * n * K * K + self._walks.flops

    def _absorb(self, term):
        """Multiply a potential on one variable, or on an edge of the tree, into q; whether it was one."""
        places = [self._forest.number_of[v] for v in term.variables]
        if len(places) == 1:
            self._own[: len(term.table), places[0]] += term.log_table
            return True
        for (child, other), table in ((places, term.log_table.T), (places[::-1], term.log_table)):
            if self._forest.parent[child] == other:
                self._pairs[: table.shape[0], : table.shape[1], child] += table
                return True
        return False

    def _listen(self):
        """The marginals and evidence of q: messages up the tree, then down."""
        forest, logs = self._forest, self._pairs + self._walks.news()
        highest, top = logs.max(axis=(0, 1)), self._own.max(axis=0)
        if not min(highest.min(), top.min()) > -math.inf:
            raise NoMassError("the potentials contradict each other: one of them, or those on one variable, forbid every state")
        tables, heard, total = np.exp(logs - highest), np.exp(self._own - top), np.ones(len(top))
        with np.errstate(invalid="ignore"):  # of 0 / 0, which total tells
            for level, hearers, starts in self._upward:
                message = np.einsum("ijc,jc->ic", tables[:, :, level], heard[:, level])
                total[level] = message.sum(axis=0)
                heard[:, hearers] *= np.multiply.reduceat(message / total[level], starts, axis=1)
        roots = forest.levels[0]
        total[roots] = heard[:, roots].sum(axis=0)
        if not total.min() > 0:
            raise NoMassError("the potentials contradict each other, or differ by more than numbers tell (ep works in logs)")
        self.log_evidence = float((highest + top + np.log(total)).sum() + self._walks.log_scales.sum())
        self._descend(heard, tables * heard)

    def _descend(self, heard, joined):
        """Marginals, given what each variable heard from below, and that joined with the table to its parent."""
        given = ratio(joined, joined.sum(axis=1, keepdims=True))  # of a child, given its parent
        self.marginal = heard / heard.sum(axis=0)  # right for the roots
        for level, _, _ in reversed(self._upward):
            above = self.marginal.take(self._forest.parent[level], axis=1)
            self.marginal[:, level] = np.einsum("ijc,ic->jc", given[:, :, level], above)
        self.joint = given * self.marginal.take(self._forest.parent, axis=1)[:, None]

    def refine(self, damping: float) -> tuple[float, float]:
        """Refine all sites at once; return the log evidence and the largest mismatch.

        Raises:
            NoMassError: if a potential forbids every state that the others allow.
        """
        tilted = self._walks.refine(self.joint, self.marginal, damping)
        self._listen()
        return self.log_evidence, self._walks.mismatch(self.joint, tilted)

    @property
    def tables(self):
        """The marginals, one a variable."""
        by_variable = self.marginal[:, self._forest.number].T
        return [table[:k] for table, k in zip(by_variable, self.cardinalities, strict=True)]
