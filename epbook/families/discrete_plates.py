"""Labels, their weights, and counts, on plates."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, logsumexp, psi, softmax

from ..checks import finite_array, positive_array
from .plates import ANY_AXES, Plates


class Categoricals(Plates):
    """Independent labels, one on each plate; Bernoulli variables are those of two states.

    The statistic is the indicator of each state: a label is known by a row of zeros with a one.

    Args:
        probabilities: shape (..., K), none negative; each row is scaled to sum to 1.

    Raises:
        ValueError: on NaN, infinity, negative numbers, or a row of zeros.

    Example:
        >>> Categoricals([[1.0, 3.0], [1.0, 1.0]]).mean.round(12).tolist()
        [[0.25, 0.75], [0.5, 0.5]]

    Book: chapter 7.
    """

    event = 1

    def __init__(self, probabilities: ArrayLike):
        weights = finite_array("probabilities", probabilities, ANY_AXES[1:])
        total = weights.sum(axis=-1, keepdims=True)
        if (weights < 0).any() or (total == 0).any():
            raise ValueError("probabilities must not be negative, nor a row of them all 0")
        with np.errstate(divide="ignore"):  # a start may rule a state out: its log weight is -inf
            self.natural = {"x": np.log(weights / total)}

    @classmethod
    def random(cls, shape, states: int, rng: int | np.random.Generator | None = None) -> "Categoricals":
        """Random probabilities, uniform on the simplex: a start that breaks symmetry.

        Args:
            shape: of the plates, an int or a tuple.
            states: K.
            rng: seed or numpy Generator.
        """
        return cls(np.random.default_rng(rng).dirichlet(np.ones(states), shape))

    @staticmethod
    def observe(value):
        """The statistics of known labels, shape (..., K): rows of shares that sum to 1."""
        if np.any(value < 0) or np.abs(value.sum(axis=-1) - 1).max() > 1e-8:
            raise ValueError("known labels must be rows of shares that sum to 1: see one_hot")
        return {"x": value}

    @property
    def is_proper(self):
        """Whether every log weight is a number."""
        return bool(np.isfinite(self.natural["x"]).all())

    @property
    def mean(self):
        """The probabilities, shape (..., K)."""
        return self.moments["x"]

    @property
    def variance(self):
        """p (1 - p)."""
        return self.mean * (1 - self.mean)

    @cached_property
    def _weights(self):
        """The largest log weight on each plate, the weights relative to it, and their sum."""
        largest = self.natural["x"].max(axis=-1, keepdims=True)
        weights = np.exp(self.natural["x"] - largest)
        return largest[..., 0], weights, weights.sum(axis=-1)

    @property
    def log_normalisers(self):
        """A on each plate."""
        largest, _, total = self._weights
        return largest + np.log(total)

    def _means(self):
        _, weights, total = self._weights
        return {"x": weights / total[..., None]}


def one_hot(labels: ArrayLike, states: int) -> np.ndarray:
    """Labels 0 ... K - 1 as rows of zeros with a one; NaN, a missing label, as a row of NaN.

    Args:
        labels: whole numbers below `states`, any shape.
        states: K.

    Returns:
        Shape (..., K).

    Raises:
        ValueError: on a label that is not among them.

    Example:
        >>> one_hot([2, 0], 3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

    Book: chapter 7.
    """
    given = np.asarray(labels, dtype=float)
    known = given[~np.isnan(given)]
    wrong = known[(known < 0) | (known >= states) | (known != np.floor(known))]
    if wrong.size:
        raise ValueError(f"labels must be whole numbers from 0 to {states - 1}, not {wrong[0]:g}")
    rows = (given[..., None] == np.arange(states)).astype(float)
    rows[np.isnan(given)] = np.nan
    return rows


class Dirichlets(Plates):
    """Independent Dirichlet distributions of weights, one on each plate; beta distributions are those of two weights.

    Args:
        concentration: positive, shape (..., K).

    Raises:
        ValueError: on NaN, infinity, or numbers that are not positive.

    Example:
        >>> Dirichlets([[1.0, 3.0], [1.0, 1.0]]).mean.tolist()
        [[0.25, 0.75], [0.5, 0.5]]

    Book: chapter 7.
    """

    event = 1

    def __init__(self, concentration: ArrayLike):
        self.natural = {"log": positive_array("concentration", concentration, ANY_AXES[1:]) - 1}

    @staticmethod
    def observe(value):
        """The statistics of known weights, shape (..., K)."""
        return {"log": np.log(positive_array("known weights", value, ANY_AXES[1:]))}

    @property
    def is_proper(self):
        """Whether every concentration is positive and finite."""
        return bool(np.all((self.concentration > 0) & np.isfinite(self.concentration)))

    @property
    def concentration(self):
        """Shape (..., K)."""
        return self.natural["log"] + 1

    @property
    def mean(self):
        """E[w], shape (..., K)."""
        return self.concentration / self.concentration.sum(axis=-1, keepdims=True)

    @property
    def variance(self):
        """The variance of each weight, shape (..., K)."""
        return self.mean * (1 - self.mean) / (1 + self.concentration.sum(axis=-1, keepdims=True))

    @property
    def log_normalisers(self):
        """A on each plate."""
        return gammaln(self.concentration).sum(axis=-1) - gammaln(self.concentration.sum(axis=-1))

    def _means(self):
        return {"log": psi(self.concentration) - psi(self.concentration.sum(axis=-1, keepdims=True))}


class Poissons(Plates):
    """Independent Poisson counts, one on each plate; the statistics are x and log x!.

    The natural parameter of log x! is -1 times the number of Poisson factors on the count.  Only sums over all counts up to
    well past the mode know its mean: counts times plates may be at most 1e7.

    Args:
        rate: positive, any shape.

    Raises:
        ValueError: on NaN, infinity, or rates that are not positive.

    Example:
        >>> Poissons([2.0, 50.0]).mean.round(9).tolist()
        [2.0, 50.0]

    Book: chapter 7.
    """

    event = 0

    def __init__(self, rate: ArrayLike):
        log_rate = np.log(positive_array("rate", rate, ANY_AXES))
        self.natural = {"x": log_rate, "log_factorial": np.full(log_rate.shape, -1.0)}

    @staticmethod
    def observe(value):
        """The statistics of known counts."""
        value = finite_array("counts", value, ANY_AXES)
        if np.any((value < 0) | (value != np.floor(value))):
            raise ValueError(f"counts must be 0, 1, 2, ... and not {value[(value < 0) | (value != np.floor(value))].flat[0]:g}")
        return {"x": value, "log_factorial": gammaln(value + 1)}

    @property
    def is_proper(self):
        """Whether the probabilities can be summed."""
        return bool(np.isfinite(self.natural["x"]).all() and np.all(self.natural["log_factorial"] < 0))

    @property
    def _counts(self):
        """All counts with mass, to rounding, and their unnormalised log probabilities on a last axis."""
        sharpness = -self.natural["log_factorial"]
        with np.errstate(over="ignore"):
            mode = np.exp(self.natural["x"] / sharpness)
        most = np.max(mode + 12 * np.sqrt(mode / sharpness) + 40 / sharpness)
        if most * mode.size > 1e7:
            raise ValueError(f"counts up to {most:.1e} on {mode.size} plates are too many to sum over: "
                             "observe them, or approximate them by Gaussians")  # fmt: skip
        counts = np.arange(int(most))
        return counts, self.natural["x"][..., None] * counts + self.natural["log_factorial"][..., None] * gammaln(counts + 1)

    @property
    def mean(self):
        """The mean on each plate."""
        return self.moments["x"]

    @property
    def variance(self):
        """The variance on each plate."""
        counts, logs = self._counts
        return softmax(logs, axis=-1) @ np.square(counts) - self.mean**2

    @property
    def log_normalisers(self):
        """A on each plate."""
        return logsumexp(self._counts[1], axis=-1)

    def _means(self):
        counts, logs = self._counts
        weights = softmax(logs, axis=-1)
        return {"x": weights @ counts, "log_factorial": weights @ gammaln(counts + 1)}
