"""What the families of variational message passing share: independent copies of one kind, in arrays.

A member is exp(sum over statistics s of eta_s u_s(x) - A) on each plate: `natural` holds the eta,
`moments` the means of the u.  Both are dicts of arrays, with plate axes first and event axes last.
"""

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

    @property
    def plates(self):
        """The shape of the plates."""
        return np.shape(self.log_normalisers)

    @cached_property
    def log_normaliser(self):
        """A, summed over the plates."""
        return float(np.sum(self.log_normalisers))

    @property
    def entropy(self):
        """A - eta.mu, in nats, summed over the plates."""
        return self.log_normaliser - self.inner(self.moments)

    def inner(self, moments):
        """The sum over statistics and plates of natural parameter times moment."""
        return sum(_dot(eta, moments[s]) for s, eta in self.natural.items())

    def divergence(self, other):
        """Jeffreys divergence in nats, summed over the plates."""
        return sum(_dot(self.natural[s] - other.natural[s], self.moments[s] - other.moments[s]) for s in self.natural)


def _dot(eta, mu):
    """The sum of products, in which a state that q rules out, of log weight -inf and probability 0, adds nothing."""
    return float(np.multiply(eta, mu, out=np.zeros(np.shape(mu)), where=np.not_equal(mu, 0)).sum())


def spread(*arrays_and_ranks):
    """Arrays broadcast over common plates: each comes with its number of event axes."""
    pairs = [(np.asarray(array, dtype=float), rank) for array, rank in arrays_and_ranks]
    plates = np.broadcast_shapes(*[array.shape[: array.ndim - rank] for array, rank in pairs])
    return [np.broadcast_to(array, plates + array.shape[array.ndim - rank :]) for array, rank in pairs]
