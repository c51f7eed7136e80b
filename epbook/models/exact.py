"""Exact answers, for the problems small enough to have one."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from ..checks import finite_array


class Exact(NamedTuple):
    """Evidence and first two moments of a posterior, without approximation.

    Attributes:
        log_evidence: log p(D), in nats.
        mean: shape (d,), or a number in 1-D.
        covariance: shape (d, d), or the variance in 1-D.
    """

    log_evidence: float
    mean: np.ndarray
    covariance: np.ndarray


def grid_moments(log_joint, low, high, step):
    """Evidence, mean and variance of a smooth 1-D joint by the trapezoid rule.

    On an analytic integrand that decays to nothing at both ends the rule converges
    geometrically: halving the step squares the error.

    Args:
        log_joint: function of an array of points, returns log p(D, theta) there.
        low, high: where the integrand has vanished.
        step: spacing of the points; 0.3 posterior standard deviations give full precision.

    Example:
        >>> round(grid_moments(lambda t: -t**2 / 2, -12, 12, 0.3).covariance, 12)
        1.0

    Book: section 2.1.
    """
    theta = np.linspace(low, high, math.ceil((high - low) / step) + 1)
    log_weight = log_joint(theta) + math.log(theta[1] - theta[0])
    log_evidence = float(logsumexp(log_weight))
    weight = np.exp(log_weight - log_evidence)
    mean = float(weight @ theta)
    return Exact(log_evidence, mean, float(weight @ (theta - mean) ** 2))


def cone_moments(X):
    """Evidence, mean and covariance of N(0, I) in three dimensions, kept where X w > 0.

    The evidence is the cone's solid angle over 4 pi.  By the divergence theorem the
    moments are sums over the cone's flat faces: a face with inner normal n and opening
    angle a between its edges adds n a / (2 pi)^(3/2) to the first moment of p(D) times
    the posterior, and its own first moment, along n, to the second.

    Args:
        X: signed data points as rows, shape (n, 3).

    Raises:
        ValueError: unless X has three columns and the cone is pointed and not empty.

    Example:
        >>> octant = cone_moments(np.eye(3))
        >>> round(math.exp(octant.log_evidence), 6), octant.mean.round(4).tolist()
        (0.125, [0.7979, 0.7979, 0.7979])

    Book: section 5.5.
    """
    X = finite_array("X", X, 2)
    if X.shape[1] != 3:
        raise ValueError(f"the closed form needs three weights, not {X.shape[1]}")
    normals = np.unique(np.round(X / np.linalg.norm(X, axis=1, keepdims=True), 14), axis=0)
    rays = _extreme_rays(normals)
    if len(rays) < 3:
        raise ValueError("the cone X w > 0 is empty or holds a whole line: no closed form")
    faces = [(normal, rays[np.abs(rays @ normal) < 1e-9]) for normal in normals]
    faces = [(normal, edges) for normal, edges in faces if len(edges) == 2]
    evidence = sum(_solid_angle(rays.sum(axis=0), *edges) for _, edges in faces) / (4 * math.pi)
    first, second = np.zeros(3), evidence * np.eye(3)
    for normal, (a, b) in faces:
        angle = math.atan2(np.linalg.norm(np.cross(a, b)), a @ b)
        first += normal * angle / (2 * math.pi) ** 1.5
        second += np.outer(normal, a + b) * math.tan(angle / 2) / (4 * math.pi)
    mean = first / evidence
    second = (second + second.T) / (2 * evidence)
    return Exact(math.log(evidence), mean, second - np.outer(mean, mean))


def _extreme_rays(normals):
    """Unit vectors along the edges of the cone {w: normals w >= 0}."""
    rays = []
    for a, b in itertools.combinations(normals, 2):
        ray = np.cross(a, b)
        if np.linalg.norm(ray) > 1e-12:
            rays += [ray / np.linalg.norm(ray), -ray / np.linalg.norm(ray)]
    kept = [ray for ray in rays if (normals @ ray > -1e-9).all()]
    return np.unique(np.round(kept, 12), axis=0) if kept else np.empty((0, 3))


def _solid_angle(a, b, c):
    """Solid angle of the triangle spanned by three directions (Van Oosterom and Strackee)."""
    a, b, c = (v / np.linalg.norm(v) for v in (a, b, c))
    return 2 * math.atan2(abs(a @ np.cross(b, c)), 1 + a @ b + b @ c + c @ a)
