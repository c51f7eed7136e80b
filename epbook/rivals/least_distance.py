"""The shortest vector that satisfies linear inequalities, by non-negative least squares."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

PROXIMITY = 0.01  # of t to its last value: smaller takes fewer rounds, and loses more digits


class Shortest(NamedTuple):
    """The answer of `least_distance`.

    Attributes:
        z: the vector, shape (k,).
        t: the free number; 0 if there is none.
        multipliers: u >= 0 with z = A'u, positive only where an inequality holds with equality, shape (m,).
        flops: operations, counted as if a solver never took back what it tried.
    """

    z: np.ndarray
    t: float
    multipliers: np.ndarray
    flops: int


def least_distance(A: np.ndarray, b: np.ndarray, free: np.ndarray | None = None, price: float = 0.0) -> Shortest:
    """Minimise |z|^2 + price * t subject to A z + free * t >= b.

    Without `free` one call of nnls answers (Lawson and Hanson 1974, chapter 23): with u' the least |A'u'|^2 + (1 - b.u')^2,
    u = u' / (1 - b.u').  A free number t joins z at a small price for every move, and is asked again from where it came
    to rest (the proximal point method), until the move is nil: two to five calls.

    Args:
        A: shape (m, k); rows of about unit length keep most digits.
        b: shape (m,).
        free: shape (m,).
        price: of t.

    Raises:
        ValueError: if nothing satisfies all inequalities.
        ArithmeticError: if rounding keeps t from coming to rest.

    Example:
        >>> answer = least_distance(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([1.0, 3.0]))
        >>> answer.z.round(9).tolist(), answer.multipliers.round(9).tolist()
        ([1.5, 1.5], [0.0, 1.5])

    Book: section 5.7.
    """
    if free is None:
        z, u, flops = _least_norm(A, b)
        return Shortest(z, 0.0, u, flops)
    t, spent, scale = 0.0, 0, PROXIMITY**-0.5
    joint = np.column_stack([A, scale * free])
    for _ in range(100):
        rest = t - 0.5 * price / PROXIMITY
        z, u, flops = _least_norm(joint, b - rest * free)
        t, spent = float(rest + scale * z[-1]), spent + flops + 2 * len(b)
        if abs(free @ u - 0.5 * price) < 1e-10 * (np.abs(free) @ u):
            return Shortest(z[:-1], t, u, spent)
    raise ArithmeticError("the least distance has not settled in 100 rounds: the rows of A are too nearly parallel")


def _least_norm(A, b):
    """The shortest z with A z >= b, its multipliers, and the cost."""
    target = np.append(np.zeros(A.shape[1]), 1.0)
    scale, flops, gap = 1.0, 0, 0.0
    while gap < 1e-5:  # 1 / (1 + |z / scale|^2), which must not be lost in rounding
        if scale > 1e12:
            raise ValueError("no z satisfies A z >= b, to rounding")
        u, _ = nnls(np.vstack([scale * A.T, b]), target, maxiter=30 * len(b))
        gap = 1 - float(b @ u)
        flops += nnls_flops(len(target), len(b), np.count_nonzero(u)) + 2 * len(b) + A.size
        scale *= 100
    u = np.where(u > 1e-10 * u.max(), (scale / 100) ** 2 * u / gap, 0.0)  # less is rounding: a point that does not press
    return u @ A, u, flops + 2 * A.size + 3 * len(b)


def nnls_flops(rows: int, columns: int, positive: int) -> int:
    """Operations of Lawson and Hanson's method that never takes a variable back: for each positive one
    a gradient (2 m n), a reflection of the columns that remain (4 m n), and a triangular solve."""
    return sum(6 * max(rows - k, 0) * (columns - k) + k * k for k in range(positive))
