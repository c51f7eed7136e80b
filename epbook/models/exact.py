"""Exact answers, for the problems small enough to have one."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, softmax

from ..checks import finite_array, number_in


class Exact(NamedTuple):
    """Evidence and first two moments of a posterior, without approximation.

    Attributes:
        log_evidence: log p(D), in nats.
        mean: shape (d,), or a number in 1-D.
        covariance: shape (d, d), or the variance in 1-D.
    """

    log_evidence: float
    mean: float | np.ndarray
    covariance: float | np.ndarray

    @property
    def variance(self) -> Any:
        """The variance of each coordinate, or the variance in 1-D."""
        return np.diag(self.covariance) if np.ndim(self.covariance) else self.covariance

    def errors(self, estimate: Any) -> tuple[float, float]:
        """Relative error of the evidence, and distance of the mean, of a `Result` or a `Snapshot`.

        Example:
            >>> from epbook import ClutterProblem, ep
            >>> problem = ClutterProblem.sample(20, rng=0)
            >>> evidence, mean = problem.exact().errors(ep(problem.posterior(), problem.terms))
            >>> evidence < 0.01, mean < 0.01
            (True, True)
        """
        with np.errstate(over="ignore"):
            evidence = float(abs(np.expm1(estimate.log_evidence - self.log_evidence)))
        return evidence, float(np.linalg.norm(np.subtract(estimate.mean, self.mean)))


def grid_moments(log_joint: Callable[[np.ndarray], np.ndarray], low: float, high: float, step: float) -> Exact:
    """Evidence, mean and variance of a smooth 1-D joint by the trapezoid rule.

    On an analytic integrand that decays to nothing at both ends the rule converges
    geometrically: halving the step squares the error.

    Args:
        log_joint: function of an array of points, returns log p(D, theta) there.
        low, high: where the integrand has vanished.
        step: spacing of the points; 0.3 posterior standard deviations give full precision.

    Raises:
        ValueError: if step is not positive, or low not below high.

    Example:
        >>> round(grid_moments(lambda t: -t**2 / 2, -12, 12, 0.3).covariance, 12)
        1.0

    Book: chapter 2.
    """
    step = number_in("step", step, 0, math.inf, open_low=True)
    low = number_in("low", low, -math.inf, high)
    theta = np.linspace(low, high, math.ceil((high - low) / step) + 1)
    log_weight = log_joint(theta) + math.log(theta[1] - theta[0])
    log_evidence = float(logsumexp(log_weight))
    weight = softmax(log_weight)
    mean = float(weight @ theta)
    return Exact(log_evidence, mean, float(weight @ (theta - mean) ** 2))


def cone_moments(X: ArrayLike, noise: float = 0.0) -> Exact:
    """Evidence, mean and covariance of w ~ N(0, I) in three dimensions, given that X w > 0.

    The planes X w = 0 cut space into cones.  A cone's evidence is its solid angle over 4 pi;
    by the divergence theorem its moments are sums over its flat faces.  With label noise the
    posterior weighs each cone by noise^r (1 - noise)^(n - r), r being the labels it gets wrong.

    Args:
        X: signed data points as rows, shape (n, 3).
        noise: probability of a wrong label, in [0, 0.5).

    Raises:
        ValueError: unless X has three columns, three of its rows are independent, and some w fits.

    Example:
        >>> octant = cone_moments(np.eye(3))
        >>> round(math.exp(octant.log_evidence), 6), octant.mean.round(4).tolist()
        (0.125, [0.7979, 0.7979, 0.7979])

    Book: section 5.5.
    """
    X = finite_array("X", X, 2)
    noise = number_in("noise", noise, 0, 0.5, open_high=True)
    if not X.any(axis=1).all():
        raise ValueError(f"row {np.flatnonzero(~X.any(axis=1))[0]} of X is zero: it is on the boundary of every w")
    X = X / np.abs(X).max(axis=1, keepdims=True)  # before the norm, which would overflow or vanish
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    if X.shape[1] != 3 or np.linalg.matrix_rank(X) < 3:
        raise ValueError(f"the closed form needs three weights and three independent points, not X of shape {X.shape}")
    evidence, first, second = 0.0, np.zeros(3), np.zeros((3, 3))
    for signs in _sign_patterns(X):
        wrong = np.count_nonzero(signs < 0)
        if noise or not wrong:
            weight = noise**wrong * (1 - noise) ** (len(X) - wrong)
            cone = _unnormalised_moments(signs[:, None] * X)
            evidence, first, second = (a + weight * b for a, b in zip((evidence, first, second), cone, strict=True))
    if not evidence:
        raise ValueError("no w satisfies X w > 0: the cone is empty")
    mean = first / evidence
    return Exact(math.log(evidence), mean, second / evidence - np.outer(mean, mean))


def _sign_patterns(X):
    """The signs of X w over all cones that the planes X w = 0 cut out, one row a cone; X has unit rows."""
    patterns = []
    for x, y in itertools.combinations(X, 2):
        edge = np.cross(x, y)
        if np.linalg.norm(edge) < 1e-9:
            continue
        dual = np.linalg.pinv(np.stack([x, y]))
        dual *= 1e-7 / np.linalg.norm(dual, axis=0)
        for s, a, b in itertools.product((-1, 1), repeat=3):  # the four cones around either end of the edge
            patterns.append(np.sign(X @ (s * edge / np.linalg.norm(edge) + dual @ (a, b))))
    patterns = np.unique(patterns, axis=0)
    return patterns[patterns.all(axis=1)]  # a zero: the point fell on a further plane through the same edge


def _unnormalised_moments(X):
    """Integrals of N(w; 0, I) times 1, w and w w' over the cone X w > 0; X has unit rows.

    A face with unit inner normal n, whose edges a and b enclose an angle t, adds n t / (2 pi)^(3/2)
    to the first, and n (a + b)' tan(t / 2) / (4 pi) to the second beside the evidence times I.
    """
    normals = _distinct(X)
    rays = _extreme_rays(normals)
    touching = [(normal, rays[np.abs(rays @ normal) < 1e-9]) for normal in normals]
    faces = [  # a plane that touches the cone in one edge bounds nothing
        (normal, min(itertools.combinations(edges, 2), key=lambda pair: pair[0] @ pair[1]))
        for normal, edges in touching
        if len(edges) >= 2
    ]
    centre = rays.sum(axis=0)
    evidence = sum(_solid_angle(centre, a, b) for _, (a, b) in faces) / (4 * math.pi)
    first, second = np.zeros(3), evidence * np.eye(3)
    for normal, (a, b) in faces:
        angle = math.atan2(np.linalg.norm(np.cross(a, b)), a @ b)
        first += normal * angle / (2 * math.pi) ** 1.5
        second += np.outer(normal, a + b) * math.tan(angle / 2) / (4 * math.pi)
    return evidence, first, (second + second.T) / 2


def _extreme_rays(normals):
    """Unit vectors along the edges of the cone {w: normals w >= 0}."""
    rays = []
    for a, b in itertools.combinations(normals, 2):
        ray = np.cross(a, b)
        length = np.linalg.norm(ray)
        if length > 1e-9:
            rays += [sign * ray / length for sign in (1, -1) if (sign * (normals @ ray) / length > -1e-9).all()]
    return _distinct(rays)


def _distinct(vectors):
    """The vectors without those that repeat another up to rounding."""
    kept = []
    for vector in vectors:
        if all(np.linalg.norm(vector - other) > 1e-9 for other in kept):
            kept.append(vector)
    return np.reshape(kept, (-1, 3))


def _solid_angle(a, b, c):
    """Solid angle of the triangle spanned by three directions (Van Oosterom and Strackee)."""
    a, b, c = (v / np.linalg.norm(v) for v in (a, b, c))
    return 2 * math.atan2(abs(a @ np.cross(b, c)), 1 + a @ b + b @ c + c @ a)
