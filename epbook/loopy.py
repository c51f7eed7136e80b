"""Loopy belief propagation on large pairwise networks: EP with a disconnected q, all terms at once, in arrays."""

import math
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax

from .checks import number_in, whole_number
from .errors import ConvergenceWarning, NoMassError
from .families.road import log_sum, log_sum_flops
from .posteriors.marginals import Marginals
from .result import Result

DEEP = -700  # exp of less is rounded to 0, which would forbid what is only rare
LARGEST = 2**24  # entries of all tables, padded


def loopy_belief_propagation(network: Any, *, passes: int = 1000, tol: float = 1e-6, damping: float = 0.0) -> Result:
    """Approximate a pairwise network by messages along its edges, all sent at once.

    It does what `ep(network.posterior(), network.terms)` does with all pairs in one batch: the same fixed
    points, the same (Bethe) evidence, in a hundredth of the time on a large grid.  News travels one edge a pass, so that a
    long chain is better served by `ep`, which passes along it in one go.

    Args:
        network: a `MarkovNetwork` or `BeliefNetwork` whose potentials are on one or two variables.
        passes: at most this many.
        tol: stop when no moment mismatch of a pass reaches this (see `Result.mismatch`).
        damping: share of the old message that is kept, in [0, 1); try 0.5 if it oscillates.

    Returns:
        A `Result` whose posterior has `marginal_of(variable)` and `joint_of((a, b))` for the ends of an edge.
        Unless it converged, or `passes` is 1, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, or a potential on three variables or more, or if the padded tables would be too large.
        NoMassError: if the potentials contradict each other.

    Example:
        >>> from epbook import MarkovNetwork, ep
        >>> network = MarkovNetwork.grid(4, 4, coupling=0.5, rng=0)
        >>> fast, slow = loopy_belief_propagation(network), ep(network.posterior(), network.terms)
        >>> round(fast.log_evidence - slow.log_evidence, 6), round(network.exact().errors(fast)[1], 3)
        (0.0, 0.009)

    Book: section 4.1.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, np.inf)
    damping = number_in("damping", damping, 0, 1, open_high=True)
    beliefs = LoopyBeliefs(network)
    return repeat(beliefs, lambda: beliefs.send(damping), passes, tol)


def repeat(beliefs: Any, one_pass: Callable[[], tuple[float, float]], passes: int, tol: float) -> Result:
    """Pass over beliefs until they converge, and warn in the name of the caller's caller if they do not.

    Args:
        beliefs: the posterior that the passes refine; its `flops` price each.
        one_pass: makes one pass, and returns the log evidence and the largest moment mismatch.
        passes, tol: see `loopy_belief_propagation`.

    Returns:
        The `Result`.
    """
    result = Result(beliefs)
    for _ in range(passes):
        log_evidence, mismatch = one_pass()
        result.record(log_evidence, beliefs.flops, mismatch)
        result.diagnose(tol)
        if result.converged:
            break
    if not result.converged and passes > 1:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=3)
    return result


class LoopyBeliefs(Marginals):
    """The messages of a pairwise network and the marginals that they make.

    Arrays have the states first and the edges last: message e of the 2m runs from `source[e]` to `target[e]`, and
    message e + m runs back.  Variables with fewer states are padded with impossible ones.

    Args:
        network: see `loopy_belief_propagation`.

    Attributes:
        messages: logs of the messages, shape (K, 2m).
        log_belief: logs of the products of what each variable hears, shape (K, n).
        flops: operations of the last `send`, or of the next while there is none.

    Book: section 4.1.
    """

    def __init__(self, network: Any):
        self.cardinalities = np.array(network.cardinalities)
        K = int(self.cardinalities.max())
        self._possible = np.arange(K)[:, None] < self.cardinalities
        own, pairs = np.where(self._possible, 0.0, -math.inf), []
        for term in network.terms:
            if len(term.variables) > 2:
                raise ValueError(f"messages in arrays need potentials on one or two variables, not {term.variables}; use ep")
            if len(term.variables) == 1:
                own[: len(term.table), term.variables[0]] += term.log_table
            else:
                pairs.append(term)
        self._own, self._pairs, m = own, pairs, len(pairs)
        if 2 * m * K * K > LARGEST:
            raise ValueError(
                f"messages in arrays pad every variable to {K} states, and {m} pairs of these need {2 * m * K * K} entries, "
                f"more than {LARGEST}; use ep, which does not pad"
            )
        ends = np.array([term.variables for term in pairs], dtype=int).reshape(m, 2)
        self.source, self.target = ends.T.ravel(), ends[:, ::-1].T.ravel()
        self._back = np.concatenate([np.arange(m, 2 * m), np.arange(m)])
        self._tables = self._padded([term.table for term in pairs], 0.0)
        self._lowest = min([_lowest(term.log_table) for term in pairs], default=0.0)
        self._highest = max([term.log_table.max() for term in pairs], default=0.0)
        self._by_target = np.argsort(self.target, kind="stable")
        self._hearers = np.array(sorted(set(self.target.tolist())), dtype=int)
        self._starts = np.searchsorted(self.target[self._by_target], self._hearers)
        self.messages = np.where(self._possible[:, self.target], 0.0, -math.inf)
        self.flops = self._price(deep=False)
        self._listen()

    def _padded(self, tables, nothing):
        """The tables as an array [state of the source, state of the target, message]."""
        m, K = len(tables), len(self._possible)
        padded = np.full((K, K, 2 * m), nothing)
        for e, table in enumerate(tables):
            rows, cols = table.shape
            padded[:rows, :cols, e] = table
            padded[:cols, :rows, e + m] = table.T
        return padded

    @cached_property
    def _log_tables(self):
        return self._padded([term.log_table for term in self._pairs], -math.inf)

    def _listen(self):
        """Multiply what each variable hears."""
        self.log_belief = self._own.copy()
        self.log_belief[:, self._hearers] += np.add.reduceat(self.messages[:, self._by_target], self._starts, axis=1)
        if not (self.log_belief.max(axis=0) > -math.inf).all():
            variable = int(np.argmin(self.log_belief.max(axis=0)))
            raise NoMassError(f"the potentials contradict each other: no state of variable {variable} is possible")

    def _cavities(self):
        """What each source knows from elsewhere: logs of which the largest is 0, shape (K, 2m)."""
        heard = self.messages[:, self._back]
        known = np.full_like(heard, -math.inf)  # 0 / 0 is 0
        np.subtract(self.log_belief[:, self.source], heard, out=known, where=heard > -math.inf)
        return known - known.max(axis=0)

    def _is_deep(self, known):
        """Whether a product of two cavities and an entry or message might leave the range of numbers."""
        return 2 * _lowest(known) + min(self._lowest, _lowest(self.messages)) < DEEP or self._highest > -DEEP

    def send(self, damping: float) -> tuple[float, float]:
        """Send every message once; return the log evidence and the largest mismatch.

        Raises:
            NoMassError: if two variables or their neighbours exclude each other.
        """
        m, known = len(self.source) // 2, self._cavities()
        deep = self._is_deep(known)
        new, log_z, tilted, log_means = self._told_in_logs(known) if deep else self._told(known)
        if not (log_z > -math.inf).all():
            a, b = self.source[log_z.argmin()], self.target[log_z.argmin()]
            raise NoMassError(f"the potentials contradict each other: no joint state of variables {a} and {b} is possible")
        mismatch = self._mismatch(tilted)
        if damping:
            new = (1 - damping) * new + damping * self.messages
        self.messages, self.flops = new, self._price(deep)
        self._listen()
        log_scales = log_z[:m].sum() - log_means(new).sum()  # of all sites (3.39)
        return float(logsumexp(self.log_belief, axis=0).sum() + log_scales), mismatch

    def _told(self, known):
        """What the cavities tell, all for each message: its log, log Z, the tilted marginal, and log E[exp(message)]."""
        cavity = softmax(known, axis=0)
        told = np.einsum("ije,ie->je", self._tables, cavity)  # (4.16)
        tilted = told * cavity[:, self._back]
        z = tilted.sum(axis=0)  # the same for both directions of an edge
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(told), np.log(z), tilted / z, lambda new: np.log((cavity[:, self._back] * np.exp(new)).sum(axis=0))

    def _told_in_logs(self, known):
        """The same where numbers would underflow, or overflow."""
        cavity = known - log_sum(known, (0,))
        told, back = log_sum(self._log_tables + cavity[:, None], (0,)), cavity[:, self._back]
        log_z = log_sum(told + back, (0,))
        with np.errstate(invalid="ignore"):
            return told, log_z, np.exp(told + back - log_z), lambda new: log_sum(back + new, (0,))

    def _price(self, deep):
        m2, n, K = len(self.source), len(self.cardinalities), len(self._possible)
        if deep:
            sums = 3 * log_sum_flops(m2 * K, m2) + log_sum_flops(m2 * K * K, m2 * K)
            return m2 * (K * K + 14 * K + 4) + sums + 8 * n * K
        return m2 * (2 * K * K + 18 * K + 4) + 8 * n * K

    def _mismatch(self, tilted):
        """That of `JunctionTables.divergence`, the largest over all edges."""
        marginal = softmax(self.log_belief, axis=0)[:, self.target]
        divergence = 4 * np.square(np.sqrt(marginal) - np.sqrt(tilted)).sum(axis=0)
        return math.sqrt((divergence + divergence[self._back]).max(initial=0.0))

    @property
    def tables(self):
        """The marginals, one a variable."""
        return [belief[:k] for belief, k in zip(softmax(self.log_belief, axis=0).T, self.cardinalities)]

    @property
    def mean(self) -> np.ndarray:
        """All marginals end to end, shape (sum of the cardinalities,)."""
        return softmax(self.log_belief, axis=0).T[self._possible.T]

    def joint_of(self, variables: tuple[int, int]) -> np.ndarray:
        """The joint distribution of the ends of an edge, shape (K_a, K_b).

        Raises:
            ValueError: if no potential is on these two variables, or several are.
        """
        a, b = variables
        found = np.flatnonzero((self.source == a) & (self.target == b))
        if len(found) != 1:
            raise ValueError(f"joint_of needs the two ends of one potential, and {len(found)} are on {tuple(variables)}")
        cavity, e = self._cavities(), int(found[0])
        table = self._pairs[e].log_table if e < len(self._pairs) else self._pairs[e - len(self._pairs)].log_table.T
        rows, cols = table.shape
        joint = table + cavity[:rows, e, None] + cavity[:cols, self._back[e]]
        return softmax(joint)


def _lowest(logs):
    """The least of the logs that are finite, or 0."""
    return float(logs.min(initial=0.0, where=logs > -math.inf))
