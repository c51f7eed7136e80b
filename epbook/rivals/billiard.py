"""Billiards: a ball that bounces about among the separators, whose centre of mass is the Bayes point (thesis 5.8)."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from ..checks import finite_array, number_in, whole_number
from ..result import Result
from .pool import Ball, Pool, Sphere, random_directions
from .samples import doublings
from .separator import Coordinates, require_hard_margin
from .support_vector_machine import support_vector_machine

Redraw = tuple[str, float] | None
EVERY = ("length", 10.0)


class PathAverage:
    """Where the balls were on average: a separator, and how far several balls agree on it.

    The pool knows directions only.  The mean has the length that N(0, I) gives a uniform average over the ball:
    E|w| under N(0, I), over d / (d + 1).

    Attributes:
        signed: the problem's, to which it belongs.
        mean: the posterior mean of the weights, shape (d,), or with a kernel of their values at the signed points, shape (n,).
        scale: mean over centre of mass.
        escapes: the share of flights that met no wall.

    Example:
        >>> from epbook import BayesPoint
        >>> result = billiard(BayesPoint([[1.0, 0.0], [0.0, 1.0]], [1, 1]), 1000, balls=20, rng=0)
        >>> result.posterior.means.shape, bool((result.posterior.standard_error < 0.03).all())
        ((20, 2), True)

    Book: section 5.8.
    """

    def __init__(self, points: Coordinates, pool: Pool):
        self.signed, self.scale = points.signed, pool.reach * _expected_norm(pool.d)
        pooled = pool.path[:, None] > 0  # a ball that has not moved is where it began
        centres = np.divide(pool.moment, pool.path[:, None], out=pool.start.copy(), where=pooled)
        share = pool.path / pool.path.sum() if pooled.any() else np.full(len(centres), 1 / len(centres))
        self.escapes = pool.escapes / (pool.steps * len(centres))
        self._points, self._weights = points, self.scale * centres
        self._average = share @ self._weights
        self.mean = points.mean(self._average)

    @cached_property
    def means(self) -> np.ndarray:
        """The mean from each ball alone, shape (balls, d or n)."""
        return self._points.mean(self._weights)

    @cached_property
    def coefficients(self) -> np.ndarray:
        """With a kernel, gamma of w = sum_j gamma_j x_j, shape (n,), in a basis of points.

        Where points nearly depend on each other gamma is large and not the only one: compare `mean` with other methods'.
        """
        return self._points.coefficients(self._average)

    @property
    def standard_error(self) -> np.ndarray:
        """Of the mean, from the spread among the balls; NaN from one ball."""
        count = len(self.means)
        return self.means.std(axis=0, ddof=1) / math.sqrt(count) if count > 1 else np.full_like(self.mean, math.nan)


def billiard(
    problem: Any,
    bounces: int = 1000,
    table: str = "ball",
    balls: int = 1,
    redraw: Redraw = EVERY,
    start: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
) -> Result:
    """Follow balls among all separators of the data, and pool their paths  (5.100)-(5.110).

    A bounce is a flight and what ends it: a wall, the sphere, an escape, or a new velocity.

    Args:
        problem: a `BayesPoint` without noise and slack.
        bounces: how many each ball makes.
        table: "ball", the thesis's pool inside the unit sphere; or the older ones on the sphere, from which a ball can
            escape: "rujan" restarts it then, "herbrich" leaves it there, and both give it a new velocity.
        balls: how many at once; all begin at the same place.
        redraw: when a ball inside the sphere gets a new velocity: ("length", 10.0), after that path, which leaves the
            uniform law as it is; ("bounces", 100), as the thesis has it, slightly biased; None, never.
        start: a separator of any length, shape (d,), or with a kernel its coefficients, shape (n,);
            the support vector machine by default, whose cost is not counted.
        rng: seed or numpy Generator.

    Returns:
        A `Result` with a snapshot after 1, 2, 4, 8, ... and all bounces; its posterior is a `PathAverage`; no evidence (NaN).

    Raises:
        ValueError: on a problem with noise or slack, or of another kind; a start that does not separate; options out of range;
            an older table in one dimension.

    Example:
        >>> from epbook import BayesPoint
        >>> problem = BayesPoint([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1], bias=True)
        >>> result = billiard(problem, bounces=2000, balls=10, rng=0)
        >>> problem.exact().errors(result)[1] < 0.05
        True

    Book: section 5.8.
    """
    require_hard_margin("billiard", problem)
    bounces, balls = whole_number("bounces", bounces, 1), whole_number("balls", balls, 1)
    points, rng = Coordinates(problem), np.random.default_rng(rng)
    w = _direction(problem, points, start)
    w *= 1.0 if _is_sphere(table) else 0.5  # inside the sphere there is room all around
    velocity = random_directions(balls, len(w), rng)
    pool, result, spent = _pool(points, table, redraw, np.tile(w, (balls, 1)), velocity, rng), Result(None), -_setup_flops(points)
    for flights in doublings(bounces):
        for _ in range(flights):
            pool.step()
        result.posterior = PathAverage(points, pool)
        result.record(math.nan, pool.flops - spent)
        spent = pool.flops
    result.converged = True
    result.status = f"{balls} x {bounces} bounces, {result.posterior.escapes:.0%} of them escapes"
    return result


class Flight(NamedTuple):
    """One flight of one ball.

    Attributes:
        start, velocity: where it began and how it went, shape (d,).
        time: how long it took; 0 if there was no wall ahead.
        hit: the wall in which it ended; n is the sphere; None if no wall was ahead, or its time for a new velocity had come.
        end: where the next begins, shape (d,): start + velocity * time, on the older tables projected onto the sphere.
    """

    start: np.ndarray
    velocity: np.ndarray
    time: float
    hit: int | None
    end: np.ndarray


def flights(
    problem: Any,
    start: ArrayLike,
    velocity: ArrayLike | None = None,
    table: str = "ball",
    redraw: Redraw = EVERY,
    rng: int | np.random.Generator | None = None,
) -> Iterator[Flight]:
    """The flights of one ball in weight space, without end.

    Args:
        problem, table, redraw, rng: as in `billiard`.
        start: a separator, shape (d,), inside the unit sphere; the older tables project it onto the sphere.
        velocity: of any length, shape (d,); None draws one.

    Raises:
        ValueError: as `billiard`; with a kernel; a start outside the sphere; a velocity of zero.

    Example:
        >>> from epbook import BayesPoint
        >>> problem = BayesPoint([[1.0, 0.0], [0.0, 1.0]], [1, 1])
        >>> flight = next(flights(problem, start=[0.5, 0.5], velocity=[-1.0, 0.0]))
        >>> flight.hit, flight.time, flight.end.tolist()
        (0, 0.5, [0.0, 0.5])

    Book: section 5.8.
    """
    require_hard_margin("flights", problem)
    if problem.kernel is not None:
        raise ValueError("flights are in weight space, and this problem has a kernel: use billiard")
    points, rng = Coordinates(problem), np.random.default_rng(rng)
    unit, w = _direction(problem, points, start), finite_array("start", start, 1)
    if not w @ w < 1 and not _is_sphere(table):
        raise ValueError(f"start must lie inside the unit sphere, and its length is {np.linalg.norm(w):g}")
    v = random_directions(1, len(w), rng)[0] if velocity is None else finite_array("velocity", velocity, 1)
    if v.shape != w.shape or not v.any():
        raise ValueError(f"velocity must have shape {w.shape} and not be zero; it is {v}")
    w = unit if _is_sphere(table) else w
    return _follow(_pool(points, table, redraw, w[None], v[None] / np.linalg.norm(v), rng))


def _follow(pool):
    while True:
        start, velocity = pool.place[0].copy(), pool.velocity[0, pool.n :].copy()
        pool.step()
        hit = int(pool.hit[0])
        yield Flight(start, velocity, float(pool.time[0]), hit if hit <= pool.n else None, pool.place[0].copy())


def _is_sphere(table):
    """Whether the table is one of the older ones."""
    if table not in ("ball", "rujan", "herbrich"):
        raise ValueError(f'table must be "ball", "rujan" or "herbrich", not {table!r}')
    return table != "ball"


def _pool(points, table, redraw, start, velocity, rng):
    """The table set up: unit normals, their inner products, and the balls."""
    normals, products = points.normals, points.products
    if _is_sphere(table):
        if normals.shape[1] == 1:
            raise ValueError(f'table "{table}" needs two dimensions or more: in one the sphere is two points; use "ball"')
        return Sphere(normals, products, start, velocity, rng, restart=table == "rujan")
    if redraw is None:
        return Ball(normals, products, start, velocity, rng)
    if not isinstance(redraw, tuple) or len(redraw) != 2 or redraw[0] not in ("length", "bounces"):
        raise ValueError(f'redraw must be ("length", number), ("bounces", whole number) or None, not {redraw!r}')
    when, amount = redraw
    amount = whole_number(when, amount, 1) if when == "bounces" else number_in(when, amount, 0, math.inf, open_low=True)
    return Ball(normals, products, start, velocity, rng, **{when: amount})


def _direction(problem, points, start):
    """Unit weights, in the coordinates of the points, of a separator."""
    if start is None:
        start = support_vector_machine(problem).posterior
        start = start.coefficients if points.has_kernel else start.mean
    start, size = finite_array("start", start, 1), problem.signed.shape[1]
    if len(start) != size:
        raise ValueError(f"start must have {size} {'coefficients' if points.has_kernel else 'weights'}, not {len(start)}")
    w = points.weights(start)
    behind = np.flatnonzero(~(points.normals @ w > 0))
    if behind.size:
        raise ValueError(f"start must separate the data, and point {behind[0]} is on its boundary or on the wrong side")
    return w / np.sqrt(np.einsum("i,i", w, w))


def _expected_norm(d):
    """E|w| of w ~ N(0, I) in d dimensions."""
    return math.sqrt(2) * math.exp(gammaln((d + 1) / 2) - gammaln(d / 2))


def _setup_flops(points):
    """Operations before the first flight."""
    n, d = points.normals.shape
    return points.flops + 2 * n * n * (1 if points.has_kernel else d)
