"""Chains of labels in which each depends on the one before: the hidden part of a hidden Markov model."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_array, whole_number
from .discrete_plates import Categoricals
from .plates import ANY_AXES


class MarkovChains(Categoricals):
    """Independent chains of T labels, one on each plate, dependent along the chain.

    The statistics are the indicators `start` of the first label (K,), `x` of each label (T, K), and `pairs` of each
    label with the next (T - 1, K, K).  Their means come from one pass forward and one backward.

    Args:
        start: the probabilities of the first label, positive, shape (..., K).
        transition: the probabilities of the next label after each label, positive, shape (..., K, K).
        length: T >= 2.

    Rows are scaled to sum to 1.

    Raises:
        ValueError: on probabilities that are not positive, other shapes, or a length below 2.

    Example:
        >>> q = MarkovChains([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 3)
        >>> q.mean[1].round(3).tolist()
        [0.55, 0.45]

    Book: chapter 7.
    """

    def __init__(self, start: ArrayLike, transition: ArrayLike, length: int):
        first, then = positive_array("start", start, ANY_AXES[1:]), positive_array("transition", transition, ANY_AXES[2:])
        K, T = first.shape[-1], whole_number("length", length, 2)
        if then.shape[-2:] != (K, K):
            raise ValueError(f"transition needs shape (..., {K}, {K}) for {K} states, not {then.shape}")
        plates = np.broadcast_shapes(first.shape[:-1], then.shape[:-2])
        log_start, log_next = (np.log(w / w.sum(axis=-1, keepdims=True)) for w in (first, then))
        self.natural = {
            "start": np.broadcast_to(log_start, (*plates, K)),
            "x": np.zeros((*plates, T, K)),
            "pairs": np.broadcast_to(log_next[..., None, :, :], (*plates, T - 1, K, K)),
        }

    @classmethod
    def random(cls, shape, states: int, rng: int | np.random.Generator | None = None) -> "MarkovChains":
        """Random probabilities of each label, independent along the chain: a start that breaks symmetry.

        Args:
            shape: of the plates and the time, an int or a tuple; its last number is T.
            states: K.
            rng: seed or numpy Generator.
        """
        x = Categoricals.random(shape, states, rng).natural["x"]
        plates, T = x.shape[:-2], x.shape[-2]
        pairs = np.zeros((*plates, T - 1, states, states))
        return cls.of({"start": np.zeros((*plates, states)), "x": x, "pairs": pairs})

    @property
    def is_proper(self):
        """Whether every log weight is a number."""
        return all(bool(np.isfinite(eta).all()) for eta in self.natural.values())

    @property
    def mean(self):
        """The probabilities of each label, shape (..., T, K)."""
        return self.moments["x"]

    @cached_property
    def _forward(self):
        """log of the weight of all beginnings that end in each label, shape (T, ..., K)."""
        x, pairs = np.moveaxis(self.natural["x"], -2, 0), np.moveaxis(self.natural["pairs"], -3, 0)
        forward = np.empty(x.shape)
        forward[0] = self.natural["start"] + x[0]
        for t in range(1, len(x)):
            forward[t] = np.logaddexp.reduce(forward[t - 1][..., :, None] + pairs[t - 1], axis=-2) + x[t]
        return forward

    @property
    def log_normalisers(self):
        """A on each plate."""
        return np.logaddexp.reduce(self._forward[-1], axis=-1)

    def _means(self):
        x, pairs = np.moveaxis(self.natural["x"], -2, 0), np.moveaxis(self.natural["pairs"], -3, 0)
        backward = np.zeros(x.shape)  # log of the weight of all ends that follow each label
        for t in range(len(x) - 2, -1, -1):
            backward[t] = np.logaddexp.reduce(pairs[t] + (x[t + 1] + backward[t + 1])[..., None, :], axis=-1)
        total = self.log_normalisers[..., None]
        labels = np.exp(self._forward + backward - total)
        ends = (x + backward)[1:, ..., None, :]
        both = np.exp(self._forward[:-1, ..., :, None] + pairs + ends - total[..., None])
        return {"start": labels[0], "x": np.moveaxis(labels, 0, -2), "pairs": np.moveaxis(both, 0, -3)}
