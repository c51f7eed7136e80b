"""What the families of variational message passing share: independent copies of one kind, in arrays.

A member is exp(sum over statistics s of eta_s u_s(x) - A) on each plate: `natural` holds the eta,
`moments` the means of the u.  Both are dicts of arrays, with plate axes first and event axes last.
"""

import math
from functools import cached_property

import numpy as np

ANY_AXES = tuple(range(8))  # any number of plates


class Plates:
    """Independent members of one exponential family, one on each plate.

    A subclass has `_means()`, the dict of E[u], `log_normalisers`, the A of each plate (both functions of
    `natural` alone), `is_proper`, and `observe(value)`, the statistics of a known value.

    Attributes:
        natural: dict from the name of each statistic to its natural parameters.

    Book: chapter 7.
    """

    natural: dict[str, np.ndarray]

    @classmethod
    def of(cls, natural):
        """The member with these natural parameters, unchecked: what messages sum to."""
        self = object.__new__(cls)
        self.natural = natural
        return self

    def __repr__(self):
        return f"{type(self).__name__} on plates {self.plates}"

    @cached_property
    def moments(self):
        """The mean of each statistic, a dict of arrays in the shapes of `natural`."""
        return self._means()

    @cached_property
    def _sums(self):
        return {}

    def total(self, statistic, axes):
        """The mean of a statistic, summed over some of its axes: once, however many factors ask for it."""
        if not axes:
            return self.moments[statistic]
        if (statistic, axes) not in self._sums:
            self._sums[statistic, axes] = self._sum(statistic, axes)
        return self._sums[statistic, axes]

    def _sum(self, statistic, axes):
        return self.moments[statistic].sum(axis=axes)

    @cached_property
    def shapes(self):
        """The shapes of the natural parameters, in their order."""
        return tuple([eta.shape for eta in self.natural.values()])

    @property
    def plates(self):
        """The shape of the plates."""
        return np.shape(self.log_normalisers)

    @cached_property
    def log_normaliser(self):
        """A, summed over the plates."""
        return float(self.log_normalisers.sum())

    @property
    def entropy(self):
        """A - eta.mu, in nats, summed over the plates."""
        return self.log_normaliser - self.mean_log_weight

    @property
    def mean_log_weight(self):
        """eta.mu, summed over the plates."""
        return self.inner(self.moments)

    def inner(self, moments):
        """The sum over statistics and plates of natural parameter times moment."""
        return sum([_dot(eta, moments[s]) for s, eta in self.natural.items()])

    def divergence(self, other):
        """Jeffreys divergence in nats, summed over the plates."""
        gaps = {s: distinct(eta) - distinct(other.natural[s]) for s, eta in self.natural.items()}
        return sum([_dot(gap, self.moments[s] - other.moments[s]) for s, gap in gaps.items()])


def _dot(eta, mu):
    """The sum of products, in which a state that q rules out, of log weight -inf and probability 0, adds nothing."""
    if not mu.shape:
        return float(eta * mu)
    eta = distinct(eta)
    if eta.shape != mu.shape:
        mu = mu.sum(axis=tuple([k for k, n in enumerate(mu.shape) if eta.shape[k] != n]), keepdims=True)
    order = "K" if eta.strides == mu.strides else "C"
    total = float(np.vdot(eta.ravel(order), mu.ravel(order)))
    return total if math.isfinite(total) else float(np.multiply(eta, mu, out=np.zeros(mu.shape), where=mu != 0).sum())


def distinct(array, event=0):
    """The array cut to length 1 on each plate axis along which `np.broadcast_to` repeats it: enough to compute with."""
    if 0 not in array.strides:
        return array
    plates = array.strides[: array.ndim - event]
    return array[tuple([slice(1) if step == 0 else slice(None) for step in plates])]


def spread(*arrays_and_ranks):
    """Arrays broadcast over common plates: each comes with its number of event axes."""
    pairs = [(np.asarray(array, dtype=float), rank) for array, rank in arrays_and_ranks]
    plates = np.broadcast_shapes(*[array.shape[: array.ndim - rank] for array, rank in pairs])
    return [np.broadcast_to(array, plates + array.shape[array.ndim - rank :]) for array, rank in pairs]
