"""Loopy belief propagation on large pairwise networks: EP with a disconnected q, all terms at once, in arrays."""

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax

from .checks import number_in, whole_number
from .errors import ConvergenceWarning, NoMassError
from .families.road import log_sum, log_sum_flops
from .posteriors.marginals import Marginals
from .result import Result

DEEP = -700.0  # exp of less is rounded to 0, which would forbid what is only rare
LARGEST = 2**24  # entries of all tables, padded


def loopy_belief_propagation(network: Any, *, passes: int = 1000, tol: float = 1e-6, damping: float = 0.0) -> Result:
    """Approximate a pairwise network by messages along its edges, all sent at once.

    It does what `ep(network.posterior(), network.terms)` does with all pairs in one batch: the same fixed
    points, the same (Bethe) evidence, in a thousandth of the time on a large grid.  News travels one edge a pass, so that a
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
    beliefs = loopy_beliefs(network)
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
        if mismatch < tol:
            break
    result.diagnose(tol)
    if not result.converged and passes > 1:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=3)
    return result


def loopy_beliefs(network: Any) -> "LoopyBeliefs":
    """The beliefs before any message is sent: in plain numbers where these cannot underflow, else in logs.

    Args:
        network: see `loopy_belief_propagation`.

    Returns:
        `MessagesInNumbers` or `MessagesInLogs`.

    Raises:
        ValueError, NoMassError: see `loopy_belief_propagation`.
    """
    beliefs = MessagesInNumbers(network)
    return beliefs if beliefs.lowest > DEEP else MessagesInLogs(network)


class LoopyBeliefs(Marginals):
    """A pairwise network in arrays, with the states first and the messages last.

    Message e of the 2m runs from `source[e]` to `target[e]`, message `twin[e]` back; they are in the order of their targets.
    Variables with fewer states are padded with impossible ones.

    Args:
        network: see `loopy_belief_propagation`.

    Attributes:
        flops: operations of one `send`.
        messages: what was sent last, shape (K, 2m).
        marginals: the probabilities of the states, shape (K, n).

    Book: section 4.1.
    """

    messages: np.ndarray
    marginals: np.ndarray

    def __init__(self, network: Any):
        self.cardinalities = np.array(network.cardinalities)
        n, K = len(self.cardinalities), int(self.cardinalities.max())
        self._possible = np.arange(K)[:, None] < self.cardinalities
        alone = [term for term in network.terms if len(term.variables) == 1]
        pairs = [term for term in network.terms if len(term.variables) == 2]
        for term in network.terms:
            if len(term.variables) > 2:
                raise ValueError(f"messages in arrays need potentials on one or two variables, not {term.variables}; use ep")
        if 2 * len(pairs) * K * K > LARGEST:
            raise ValueError(
                f"messages in arrays pad every variable to {K} states, and {len(pairs)} pairs of these need "
                f"{2 * len(pairs) * K * K} entries, more than {LARGEST}; use ep, which does not pad"
            )
        self._own = np.where(self._possible, 0.0, -math.inf)
        np.add.at(self._own.T, [term.variables[0] for term in alone], _padded(alone, (K,), 0.0))
        if not (self._own.max(axis=0) > -math.inf).all():
            self._contradict(self._own)
        tables = _padded(pairs, (K, K), -math.inf)
        source, target = np.array([term.variables for term in pairs], dtype=int).reshape(-1, 2).T
        order = np.argsort(np.concatenate([target, source]), kind="stable")
        self.source, self.target = np.concatenate([source, target])[order], np.concatenate([target, source])[order]
        self.twin = np.argsort(order)[(order + len(pairs)) % len(order)] if pairs else order
        # of message e: [state of the target, state of the source], as the target's reply needs them
        self._log_tables = np.concatenate([tables.transpose(2, 1, 0), tables.transpose(1, 2, 0)], axis=2)[:, :, order]
        starts = np.searchsorted(self.target, np.arange(n + 1))
        self._degrees = starts[1:] - starts[:-1]
        hearers = np.flatnonzero(self._degrees)
        self._starts, self._hearers = starts[hearers], hearers if len(hearers) < n else slice(None)
        self._order = np.arange(K * n).reshape(K, n).T[self._possible.T]

    @abstractmethod
    def send(self, damping: float) -> tuple[float, float]:
        """Send every message once; return the log evidence and the largest mismatch.

        Raises:
            NoMassError: if two variables or their neighbours exclude each other.
        """

    @abstractmethod
    def _log_cavities(self):
        """Logs of what the target of each message knows from elsewhere, shape (K, 2m)."""

    def _contradict(self, logs):
        variable = int(np.argmin(logs.max(axis=0)))
        raise NoMassError(f"the potentials contradict each other: no state of variable {variable} is possible")

    def _mismatch(self, tilted):
        """That of `JunctionTables.divergence`, the largest over all edges."""
        gap = np.sqrt(self.marginals).take(self.target, axis=1)
        gap -= np.sqrt(tilted)
        gap *= gap
        divergence = gap.sum(axis=0)
        divergence += divergence.take(self.twin)
        return 2 * math.sqrt(divergence.max(initial=0.0))

    @property
    def tables(self):
        """The marginals, one a variable."""
        return [marginal[:k] for marginal, k in zip(self.marginals.T, self.cardinalities)]

    @property
    def mean(self) -> np.ndarray:
        """All marginals end to end, shape (sum of the cardinalities,)."""
        return self.marginals.take(self._order)

    def joint_of(self, variables: tuple[int, int]) -> np.ndarray:
        """The joint distribution of the ends of an edge, shape (K_a, K_b).

        Raises:
            ValueError: if no potential is on these two variables, or several are.
        """
        a, b = variables
        found = np.flatnonzero((self.source == b) & (self.target == a))
        if len(found) != 1:
            raise ValueError(f"joint_of needs the two ends of one potential, and {len(found)} are on {tuple(variables)}")
        known, e = self._log_cavities(), int(found[0])
        joint = self._log_tables[:, :, e] + known[:, e, None] + known[:, self.twin[e]]
        return softmax(joint[: self.cardinalities[a], : self.cardinalities[b]])


class MessagesInNumbers(LoopyBeliefs):
    """Loopy beliefs by products and quotients of plain numbers, for tables without zeros.

    A message is a mean of entries of its table, so the tables bound every product beforehand.

    Args:
        network: see `loopy_belief_propagation`.

    Attributes:
        lowest: log of the least product of messages that can be met, if the largest entry of every table is 1; -inf with zeros.

    Book: section 4.1.
    """

    def __init__(self, network: Any):
        super().__init__(network)
        K, n, m2 = len(self._own), len(self.cardinalities), len(self.source)
        highest, top = self._log_tables.max(axis=(0, 1), initial=-math.inf), self._own.max(axis=0)
        self._scale = top.sum() + 0.5 * highest.sum()
        inside = self._possible[:, None, self.target] & self._possible[:, self.source]
        scaled = np.subtract(self._log_tables, highest, out=np.zeros_like(self._log_tables), where=inside)
        fields = self._own - top
        self.lowest = _lowest(fields) + self._degrees.max(initial=0) * scaled.min(initial=0.0)
        self._tables, self._fields = np.exp(scaled), np.exp(fields)
        self.messages = np.ones((K, m2))
        self.flops = m2 * (2 * K * K + 11 * K) + n * (3 * K + 1)
        self._listen()

    def _listen(self):
        """Multiply what each variable hears."""
        self.marginals = self._fields.copy()
        self.marginals[:, self._hearers] *= np.multiply.reduceat(self.messages, self._starts, axis=1)
        self._mass = self.marginals.sum(axis=0)
        self.marginals /= self._mass

    def _cavities(self):
        known = self.marginals.take(self.target, axis=1)
        known /= self.messages
        known /= known.sum(axis=0)
        return known

    def _log_cavities(self):
        with np.errstate(divide="ignore"):
            return np.log(self._cavities())

    def send(self, damping: float) -> tuple[float, float]:
        """See `LoopyBeliefs.send`."""
        known = self._cavities()
        told = np.einsum("ije,ie->je", self._tables, known).take(self.twin, axis=1)  # (4.16)
        tilted = told * known
        z = tilted.sum(axis=0)
        tilted /= z
        mismatch, log_z = self._mismatch(tilted), np.log(z).sum()
        log_means = log_z
        if damping:
            told = told ** (1 - damping) * self.messages**damping
            log_means = np.log((told * known).sum(axis=0)).sum()
        self.messages = told
        self._listen()
        log_scales = 0.5 * log_z - log_means  # of all sites (3.39); z is the same for a message and its twin
        log_evidence = self._scale + np.log(self._mass).sum() + log_scales
        return float(log_evidence), mismatch


class MessagesInLogs(LoopyBeliefs):
    """Loopy beliefs in logs, where 0 is -inf and 0 / 0 is 0: for all tables.

    Args:
        network: see `loopy_belief_propagation`.

    Attributes:
        log_belief: logs of the products of what each variable hears, shape (K, n).

    Book: section 4.1.
    """

    def __init__(self, network: Any):
        super().__init__(network)
        K, n, m2 = len(self._own), len(self.cardinalities), len(self.source)
        self.messages = np.where(self._possible[:, self.target], 0.0, -math.inf)
        sums = 2 * log_sum_flops(m2 * K, m2) + log_sum_flops(m2 * K * K, m2 * K)
        self.flops = m2 * (K * K + 10 * K + 2) + sums + n * (8 * K + 2)
        self._listen()

    def _listen(self):
        """Multiply what each variable hears."""
        self.log_belief = self._own.copy()
        self.log_belief[:, self._hearers] += np.add.reduceat(self.messages, self._starts, axis=1)
        if not (self.log_belief.max(axis=0) > -math.inf).all():
            self._contradict(self.log_belief)
        self.marginals = softmax(self.log_belief, axis=0)

    def _log_cavities(self):
        known = np.full_like(self.messages, -math.inf)  # 0 / 0 is 0
        np.subtract(self.log_belief[:, self.target], self.messages, out=known, where=self.messages > -math.inf)
        return known - log_sum(known, (0,))

    def send(self, damping: float) -> tuple[float, float]:
        """See `LoopyBeliefs.send`."""
        known = self._log_cavities()
        told = log_sum(self._log_tables + known[:, None], (0,)).take(self.twin, axis=1)  # (4.16)
        tilted = told + known
        log_z = log_means = log_sum(tilted, (0,))
        if not (log_z > -math.inf).all():
            a, b = sorted((int(self.source[log_z.argmin()]), int(self.target[log_z.argmin()])))
            raise NoMassError(f"the potentials contradict each other: no joint state of variables {a} and {b} is possible")
        mismatch = self._mismatch(np.exp(tilted - log_z))
        if damping:
            told = (1 - damping) * told + damping * self.messages
            log_means = log_sum(told + known, (0,))
        self.messages = told
        self._listen()
        log_scales = 0.5 * log_z.sum() - log_means.sum()  # of all sites (3.39)
        log_evidence = logsumexp(self.log_belief, axis=0).sum() + log_scales
        return float(log_evidence), mismatch


def _padded(terms, shape, nothing):
    """The logs of their tables as one array, filled up to this shape each; tables of one shape go in together."""
    padded, places = np.full((len(terms), *shape), nothing), {}
    for k, term in enumerate(terms):
        places.setdefault(term.log_table.shape, []).append(k)
    for lengths, found in places.items():
        padded[(found, *map(slice, lengths))] = [terms[k].log_table for k in found]
    return padded


def _lowest(logs):
    """The least of the logs that are finite, or 0."""
    return float(logs.min(initial=0.0, where=logs > -math.inf))
