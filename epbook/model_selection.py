"""Criteria by which section 5.7 chooses a kernel, beside the evidence: two bounds on the error of the hard-margin machine."""

import math
from typing import Any

import numpy as np

from .rivals import support_vector_machine
from .rivals.arguments import require
from .rivals.least_distance import least_distance
from .rivals.separator import Coordinates


def radius(problem: Any) -> float:
    """R, the radius of the smallest ball around the points as the kernel maps them.

    R^2 is the least |c|^2 + t with 2 x_i.c + t >= |x_i|^2 for every i: the points then lie within R of c.

    Args:
        problem: a `BayesPoint`; its labels do not matter.

    Raises:
        ValueError: on a problem of another kind.

    Example:
        >>> from epbook import BayesPoint
        >>> round(radius(BayesPoint([[0.0, 1.0], [2.0, 1.0], [1.0, 1.5]], [1, 1, 1])), 9)
        1.0

    Book: section 5.7.
    """
    require("radius", problem, "signed", "kernel", "y")
    rows = problem.y[:, None] * Coordinates(problem).rows
    rows = rows - rows.mean(axis=0)
    square = np.einsum("ij,ij->i", rows, rows)
    length = math.sqrt(square.max())
    if length == 0:
        return 0.0
    best = least_distance(2 * rows / length, square / length**2, np.ones(len(rows)), price=1.0)
    return float(np.linalg.norm(rows - length * best.z, axis=1).max())


def radius_margin(problem: Any) -> float:
    """R^2 / M^2, which grows with the expected error: radius of the points over margin, both squared.

    Args:
        problem: a `BayesPoint` without noise and slack.

    Raises:
        ValueError: on a problem with noise or slack, or of another kind.

    Example:
        >>> from epbook import BayesPoint
        >>> problem = BayesPoint([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1], bias=True)
        >>> round(radius_margin(problem), 9)
        2.5

    Book: section 5.7.
    """
    margin = support_vector_machine(problem).posterior.margin
    return (radius(problem) / margin) ** 2


def span_bound(problem: Any) -> int:
    """How many points the machine would err on, left out, if the other support vectors stayed as they are  (5.93).

    Left out, support vector i gets y_i w.x_i = 1 - alpha_i / [C_SV^-1]_ii; other points are classified as before.
    Zero counts as an error: a support vector that sees no other is undecided.

    Args:
        problem: a `BayesPoint` without noise and slack.

    Raises:
        ValueError: on a problem with noise or slack, or of another kind.

    Example:
        >>> from epbook import BayesPoint
        >>> span_bound(BayesPoint([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1], bias=True))
        2

    Book: section 5.7.
    """
    support = np.flatnonzero(support_vector_machine(problem).posterior.coefficients)
    length, rows = Coordinates(problem).length[support], problem.signed[support]
    C = rows[:, support] if problem.kernel else rows @ rows.T
    inverse = np.linalg.inv(C / np.outer(length, length))
    np.fill_diagonal(inverse, 0.0)  # alpha_i - [C_SV^-1]_ii is the rest of row i: a narrow kernel's 1 - 1 has no digits left
    return int(np.count_nonzero(inverse @ (1 / length) >= 0))
