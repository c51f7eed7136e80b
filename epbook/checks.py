"""Input checks shared by every public constructor: each error says what, the fact and the rule."""

from typing import Any

import numpy as np


def finite_array(name: str, value: Any, ndim: int | tuple[int, ...]) -> np.ndarray:
    """Return a copy of `value` as a float array with `ndim` axes (an int or a tuple of ints), all finite.

    Raises:
        ValueError: names the array, its shape, or the first row with NaN or infinity.
    """
    try:
        given = np.asarray(value)
    except ValueError:  # rows of unequal length
        given = np.array(None)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, not {value!r:.60}")
    array = given.astype(float)  # a copy: whoever owns `value` may change it
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in allowed:
        axes = " or ".join(str(k) for k in allowed)
        raise ValueError(f"{name} needs {axes} axes, not {array.ndim} (its shape is {array.shape})")
    if array.ndim and array.size == 0:
        raise ValueError(f"{name} is empty (its shape is {array.shape})")
    finite = np.isfinite(array)
    if not finite.all():
        where = f"row {np.argwhere(~finite)[0][0]}" if array.ndim else "its value"
        raise ValueError(f"{name} must be finite, but {where} holds NaN or infinity")
    return array


def number_in(
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    open_high: bool = False,
    meaning: str = "",
) -> float:
    """Return `value` as a float within [low, high]; `open_low`, `open_high` exclude an end.

    Raises:
        ValueError: states the name, what it means, the interval and the value.
    """
    interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high or high == np.inf else ']'}"
    message = f"{name}{' is ' + meaning + ' and' if meaning else ''} must lie in {interval}, not {value!r}"
    if isinstance(value, str):
        raise ValueError(message)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(message) from None
    inside = low <= number <= high and number != np.inf
    if not inside or (open_low and number == low) or (open_high and number == high):
        raise ValueError(message)
    return number


def whole_number(name: str, value: Any, low: float, high: float = np.inf) -> int:
    """Return `value` as an int within [low, high].

    Raises:
        ValueError: states the name, the interval and the value.
    """
    number = number_in(name, value, low, high)
    if number != int(number):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    return int(number)


def distinct_variables(owner: str, variables: Any, count: float = np.inf) -> tuple[int, ...]:
    """Return variables, or a single one, as a tuple of distinct whole numbers below `count`.

    Raises:
        ValueError: names the owner, and what is wrong with its variables.
    """
    several = tuple(variables) if hasattr(variables, "__iter__") else (variables,)
    numbers = tuple([whole_number(f"each variable of {owner}", v, 0, count - 1) for v in several])
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"the variables of {owner} must be distinct, and at least one, not {numbers}")
    return numbers


def symmetric_matrix(name: str, value: Any) -> np.ndarray:
    """Return `value` as a finite symmetric matrix.

    Raises:
        ValueError: names the first entry that differs from its mirror image.
    """
    matrix = finite_array(name, value, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be square, not {matrix.shape}")
    if np.array_equal(matrix, matrix.T):  # the usual case, a tenth of the other's time
        return matrix
    gap = np.abs(matrix - matrix.T)
    if gap.max() > 1e-8 * np.abs(matrix).max():
        i, j = np.unravel_index(gap.argmax(), gap.shape)
        raise ValueError(
            f"{name} must be symmetric, but entry ({i}, {j}) is {matrix[i, j]:.6g} and entry ({j}, {i}) is {matrix[j, i]:.6g}"
        )
    return matrix


def signs(name: str, value: Any, n: int) -> np.ndarray:
    """Return `value` as n labels, each +1 or -1.

    Raises:
        ValueError: names the first label that is neither, or the wrong count.
    """
    labels = finite_array(name, value, 1)
    if labels.size != n:
        raise ValueError(f"{labels.size} labels were given for {n} data points")
    wrong = np.flatnonzero(np.abs(labels) != 1)
    if wrong.size:
        raise ValueError(f"{name} must be +1 or -1, but label {wrong[0]} is {labels[wrong[0]]:g}")
    return labels


def positive_array(name: str, value: Any, ndim: int | tuple[int, ...]) -> np.ndarray:
    """Return `value` as a finite array of positive numbers with `ndim` axes.

    Raises:
        ValueError: names the array and its smallest entry.
    """
    array = finite_array(name, value, ndim)
    if not (array > 0).all():
        raise ValueError(f"{name} must be positive, not {array.min():g}")
    return array
