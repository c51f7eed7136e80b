"""What the conjugate models ask of their data: finite, or NaN where missing."""

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array


def with_missing(name: str, value: ArrayLike) -> np.ndarray:
    """Return `value` as a float array of shape (n, d), NaN where missing.

    Raises:
        ValueError: on infinity, another shape, or if nothing is known of all or of a column.
    """
    array = np.array(value, dtype=float)
    missing = np.isnan(array)
    if missing.all():
        raise ValueError(f"{name} has no known value")
    finite_array(name, np.where(missing, 0.0, array), (1, 2))
    empty = np.flatnonzero(missing.all(axis=0))
    if empty.size:
        raise ValueError(f"column {empty[0]} of {name} has no known value: leave it out")
    return array[:, None] if array.ndim == 1 else array
