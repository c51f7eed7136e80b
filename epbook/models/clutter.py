"""The clutter problem of thesis section 3.1: a signal mean observed through clutter."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, softmax

from ..checks import finite_array, number_in, whole_number
from ..families import DiagonalGaussian, FullGaussian, Gaussian, SphericalGaussian
from ..families.gaussian import LOG_2PI
from ..terms import Clutter
from .exact import Exact, grid_moments
from .mixture import MixtureProblem, weighted

FAMILIES = ("spherical", "diagonal", "full")


class ClutterProblem(MixtureProblem):
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
        self.start = self.x.mean(axis=0)
        self.terms = [Clutter(x_i, self.w, self.clutter_variance) for x_i in self.x]
        square, c = self._square(np.zeros(self.x.shape[1:])), self.clutter_variance
        with np.errstate(divide="ignore"):  # w = 0 or 1: the log of an impossible part is -inf
            self._log_signal = np.log1p(-self.w) - 0.5 * self._d * LOG_2PI
            self._log_clutter = np.log(self.w) - 0.5 * (self._d * (LOG_2PI + math.log(c)) + square / c)
        self._log_at_zero = np.column_stack([self._log_signal - 0.5 * square, self._log_clutter])

    @property
    def _d(self):
        return 1 if self.x.ndim == 1 else self.x.shape[1]

    def _square(self, theta):
        """Squared distances of the data from theta, shape (..., n)."""
        if self.x.ndim == 1:
            return np.square(self.x - np.asarray(theta)[..., None])
        return np.square(self.x - np.asarray(theta)[..., None, :]).sum(axis=-1)

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
        return self._member(1 / self.prior_variance, np.zeros(self.x.shape[1:]))

    def _member(self, precision, shift):
        """A member of the chosen family with one precision for every coordinate."""
        if self.x.ndim == 1:
            return Gaussian(precision, shift)
        if self.family == "spherical":
            return SphericalGaussian(precision, shift)
        if self.family == "diagonal":
            return DiagonalGaussian(np.full(self._d, precision), shift)
        return FullGaussian(precision * np.eye(self._d), shift)

    def log_parts(self, theta: ArrayLike) -> np.ndarray:
        """log (1 - w) N(x_i; theta, I) and log w N(x_i; 0, c I), shape (..., n, 2)."""
        square = self._square(theta)
        parts = np.empty((2, *square.shape))  # each part contiguous: twice as fast as interleaved
        parts[0], parts[1] = self._log_signal - 0.5 * square, self._log_clutter
        return np.moveaxis(parts, 0, -1)

    def expected_log_parts(self, density) -> np.ndarray:
        """The means of `log_parts` under a member of the family, shape (n, 2)."""
        parts = self.log_parts(density.mean)
        parts[:, 0] -= 0.5 * np.trace(np.atleast_2d(density.covariance))
        return parts

    def given(self, shares: np.ndarray):
        """The posterior of theta if share_i0 of datum i is signal, and the log of its normaliser  (3.73)-(3.75)."""
        signal = shares[:, 0]
        density, prior = self._member(signal.sum() + 1 / self.prior_variance, signal @ self.x), self.prior()
        return density, weighted(shares, self._log_at_zero) + density.log_normaliser - prior.log_normaliser

    def laplace_fit(self, theta: ArrayLike):
        """Laplace's evidence (3.66) and Gaussian (3.65) by the curvature at theta  (3.63); (NaN, None) where there is none."""
        r, gap = self.responsibilities(theta)[:, 0], np.reshape(self.x - theta, (self.n, -1))
        precision = (r.sum() + 1 / self.prior_variance) * np.eye(self._d) - (gap.T * (r * (1 - r))) @ gap
        if np.linalg.eigvalsh(precision)[0] <= 0:
            return math.nan, None
        log_evidence = float(self.log_joint(theta) + 0.5 * (self._d * LOG_2PI - np.linalg.slogdet(precision)[1]))
        if self.x.ndim == 1:
            return log_evidence, Gaussian(precision[0, 0], precision[0, 0] * theta)
        return log_evidence, FullGaussian(precision, precision @ theta)

    parts = 2

    @property
    def parts_flops(self):
        """Operations of one `log_parts`."""
        return self.n * (3 * self._d + 1)

    @property
    def expected_flops(self):
        """Operations of one `expected_log_parts`."""
        inverse = 2 * self._d**3 if self.family == "full" else 0
        return self.parts_flops + self.n + 2 * self._d + 1 + 2 * self._solve_flops + inverse

    @property
    def given_flops(self):
        """Operations of one `given` and its mean."""
        return self.n * (2 * self._d + 5) + 9 * self._d + 7 + 3 * self._solve_flops

    @property
    def _solve_flops(self):
        """Operations of building and solving a system, where the family has a matrix."""
        return self._d**3 // 3 + 3 * self._d**2 if self.family == "full" else 0

    @property
    def draw_flops(self):
        """Operations of a draw from what `given` returns, its mean, and its density at one theta."""
        return super().draw_flops + 4 * self._solve_flops

    @property
    def fit_flops(self):
        """Operations of one `laplace_fit`."""
        d = self._d
        return self.flops + self.parts_flops + self.n * (12 + 2 * d + 2 * d * d) + 2 * d**3 + 4 * d * d + self._solve_flops

    @property
    def range(self) -> tuple[float, float]:
        """An interval outside which the joint has vanished, in 1-D."""
        shrunk = self.n / (self.n + 1 / self.prior_variance)  # no labelling has its mean farther out
        reach = 12 * min(math.sqrt(self.prior_variance), 1) + shrunk * float(np.abs(self.x).max())
        if self.w > 0:  # the prior's own tails hold mass wherever the data may all be clutter
            reach = max(reach, 12 * math.sqrt(self.prior_variance))
        return -reach, reach

    def exact(self) -> Exact:
        """Evidence, mean and covariance: by quadrature in 1-D, else by all 2^n labellings.

        Raises:
            ValueError: in d dimensions with more than 20 data points.
        """
        return self._by_quadrature() if self.x.ndim == 1 else self._by_enumeration()

    def _by_quadrature(self):
        narrowest = 1 / math.sqrt(self.n + 1 / self.prior_variance)
        return grid_moments(self.log_joint, *self.range, 0.25 * narrowest)

    def _by_enumeration(self):
        n, d = self.x.shape
        if n > 20:
            raise ValueError(f"the exact answer in {d} dimensions sums over 2^n labellings: n = {n} is more than 20")
        count, total, square, log_weight = np.zeros(1), np.zeros((1, d)), np.zeros(1), np.zeros(1)
        for x, clutter in zip(self.x, self._log_clutter, strict=True):  # each datum doubles the labellings: clutter, or signal
            log_weight = np.concatenate([log_weight + clutter, log_weight + self._log_signal])
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
