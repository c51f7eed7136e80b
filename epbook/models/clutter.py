"""The clutter problem of thesis section 3.1: a signal mean observed through clutter."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, softmax

from ..checks import finite_array, number_in, whole_number
from ..families import DiagonalGaussian, FullGaussian, Gaussian, SphericalGaussian
from ..posteriors import Whole
from ..terms import Clutter
from .exact import Exact, grid_moments

FAMILIES = ("spherical", "diagonal", "full")


class ClutterProblem:
    """Infer theta from x_i ~ (1 - w) N(theta, I) + w N(0, c I), theta ~ N(0, v I)  (3.1), (3.3).

    Args:
        x: the data, shape (n,) for a 1-D problem or (n, d).
        w: clutter weight in [0, 1].
        prior_variance: v > 0; the thesis's is 100.
        clutter_variance: c > 0; the thesis's is 10.
        family: "spherical", "diagonal" or "full": the shape of the approximating Gaussian when x is (n, d).

    Raises:
        ValueError: on empty data, NaN (with its row), wrong shapes or numbers out of range.

    Example:
        >>> problem = ClutterProblem([0.5, 2.1, 1.9, -4.0])
        >>> problem.n, round(problem.exact().mean, 3)
        (4, 0.704)

    Book: section 3.1.
    """

    def __init__(
        self,
        x: ArrayLike,
        w: float = 0.5,
        prior_variance: float = 100.0,
        clutter_variance: float = 10.0,
        family: str = "spherical",
    ):
        self.x = finite_array("x", x, (1, 2))
        self.w = number_in("w", w, 0, 1, meaning="the probability of clutter")
        self.prior_variance = number_in("prior_variance", prior_variance, 0, math.inf, open_low=True)
        self.clutter_variance = number_in("clutter_variance", clutter_variance, 0, math.inf, open_low=True)
        if family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
        self.family = family
        self.n = len(self.x)
        self.terms = [Clutter(x_i, self.w, self.clutter_variance) for x_i in self.x]

    @classmethod
    def sample(
        cls,
        n: int,
        theta: ArrayLike = 2.0,
        w: float = 0.5,
        d: int | None = None,
        *,
        rng: int | np.random.Generator | None = None,
        **options,
    ) -> "ClutterProblem":
        """Draw n data from the model.

        Args:
            n: how many.
            theta: the signal's mean, a number (for every coordinate) or shape (d,).
            w: clutter weight.
            d: dimension; None gives a 1-D problem with x of shape (n,).
            rng: seed or numpy Generator.
            **options: `prior_variance`, `clutter_variance`, `family`.
        """
        rng, n = np.random.default_rng(rng), whole_number("n", n, 1)
        w = number_in("w", w, 0, 1, meaning="the probability of clutter")
        if np.shape(theta) not in ((), () if d is None else (d,)):
            raise ValueError(f"theta must be a number or, in d dimensions, have shape (d,), not {np.shape(theta)}")
        shape = (n,) if d is None else (n, d)
        clutter = rng.random(n) < w
        clutter = clutter if d is None else clutter[:, None]
        noise = rng.standard_normal(shape)
        spread = options.get("clutter_variance", 10.0)
        scale = math.sqrt(number_in("clutter_variance", spread, 0, math.inf, open_low=True))
        return cls(np.where(clutter, scale * noise, np.asarray(theta) + noise), w, **options)

    def prior(self):
        """The prior as a member of the chosen family."""
        if self.x.ndim == 1:
            return Gaussian.from_moments(0.0, self.prior_variance)
        d = self.x.shape[1]
        if self.family == "spherical":
            return SphericalGaussian.from_moments(np.zeros(d), self.prior_variance)
        if self.family == "diagonal":
            return DiagonalGaussian.from_moments(np.zeros(d), np.full(d, self.prior_variance))
        return FullGaussian.from_moments(np.zeros(d), self.prior_variance * np.eye(d))

    def posterior(self) -> Whole:
        """Where EP starts: the prior, with no sites yet."""
        return Whole(self.prior())

    def log_likelihood(self, theta: ArrayLike) -> np.ndarray:
        """log p(D | theta): theta of any shape in 1-D, else (..., d)."""
        theta = np.asarray(theta, dtype=float)
        shape = theta.shape if self.x.ndim == 1 else theta.shape[:-1]
        if self.x.ndim == 2 and theta.shape[-1:] != self.x.shape[1:]:
            raise ValueError(f"theta needs {self.x.shape[1]} coordinates on its last axis, not shape {theta.shape}")
        return sum((term.log_value(theta) for term in self.terms), start=np.zeros(shape))

    def log_joint(self, theta: ArrayLike) -> np.ndarray:
        """log p(D, theta)  (3.4)."""
        theta = np.asarray(theta, dtype=float)
        d = 1 if self.x.ndim == 1 else self.x.shape[1]
        square = theta**2 if self.x.ndim == 1 else (theta**2).sum(axis=-1)
        log_prior = -0.5 * (d * math.log(2 * math.pi * self.prior_variance) + square / self.prior_variance)
        return log_prior + self.log_likelihood(theta)

    def sample_prior(self, size: int, rng: int | np.random.Generator | None = None) -> np.ndarray:
        """`size` draws of theta, shape (size,) or (size, d)."""
        shape = (size, *self.x.shape[1:])
        return math.sqrt(self.prior_variance) * np.random.default_rng(rng).standard_normal(shape)

    def exact(self) -> Exact:
        """Evidence, mean and covariance: by quadrature in 1-D, else by all 2^n labellings.

        Raises:
            ValueError: in d dimensions with more than 20 data points.
        """
        return self._by_quadrature() if self.x.ndim == 1 else self._by_enumeration()

    def _by_quadrature(self):
        reach = 12 * min(math.sqrt(self.prior_variance), 1) + np.abs(self.x).max()
        if self.w > 0:  # the prior's own tails hold mass wherever the data may all be clutter
            reach = max(reach, 12 * math.sqrt(self.prior_variance))
        narrowest = 1 / math.sqrt(self.n + 1 / self.prior_variance)
        return grid_moments(self.log_joint, -reach, reach, 0.25 * narrowest)

    def _by_enumeration(self):
        n, d = self.x.shape
        if n > 20:
            raise ValueError(f"the exact answer in {d} dimensions sums over 2^n labellings: n = {n} is more than 20")
        count, total, square, log_weight = np.zeros(1), np.zeros((1, d)), np.zeros(1), np.zeros(1)
        with np.errstate(divide="ignore"):
            log_signal, log_clutter = np.log1p(-self.w), np.log(self.w)
        for x in self.x:  # each datum doubles the labellings: clutter, or signal
            clutter = log_clutter - 0.5 * (d * math.log(2 * math.pi * self.clutter_variance) + x @ x / self.clutter_variance)
            signal = log_signal - 0.5 * d * math.log(2 * math.pi)
            log_weight = np.concatenate([log_weight + clutter, log_weight + signal])
            count = np.concatenate([count, count + 1])
            total = np.concatenate([total, total + x])
            square = np.concatenate([square, square + x @ x])
        precision = count + 1 / self.prior_variance
        means = total / precision[:, None]
        log_weight += 0.5 * ((means * total).sum(axis=1) - square - d * np.log(precision * self.prior_variance))
        log_evidence = float(logsumexp(log_weight))
        weight = softmax(log_weight)
        mean = weight @ means
        gap = means - mean
        covariance = (gap.T * weight) @ gap + (weight @ (1 / precision)) * np.eye(d)
        return Exact(log_evidence, mean, covariance)
