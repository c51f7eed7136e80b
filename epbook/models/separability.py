"""Whether any separator fits the labels: told before EP starts, not after hours."""

import numpy as np
from scipy.optimize import linprog

from ..errors import NotSeparableError


def require_separator(signed: np.ndarray, kernel: bool) -> None:
    """Raise NotSeparableError unless some w has signed w > 0 in every row.

    A positive-definite kernel matrix reaches every pattern of signs, which one Cholesky factor tells;
    the linear programme is left for weight space and for rank-deficient kernel matrices.

    Args:
        signed: rows y_i x_i, shape (n, d), or with a kernel y_i y_j k(x_i, x_j), shape (n, n).
        kernel: which of the two.

    Raises:
        NotSeparableError: if there is none, or the programme cannot tell; the message names the remedy.

    Example:
        >>> require_separator(np.array([[1.0, 0.0], [-1.0, 0.0]]), kernel=False)
        Traceback (most recent call last):
        epbook.errors.NotSeparableError: no separator fits ... allow errors with noise > 0 (say 0.1) or slack > 0...

    Book: section 5.1.
    """
    if kernel and _positive_definite(signed):
        return
    rows = _conditioned(signed)
    answer = linprog(np.zeros(rows.shape[1]), A_ub=-rows, b_ub=-np.ones(len(rows)), bounds=(None, None))
    if answer.status == 2:
        raise NotSeparableError(
            "no separator fits these labels without error, so the noise-free posterior is empty; "
            "allow errors with noise > 0 (say 0.1) or slack > 0, add features (bias=True), or take a kernel"
        )
    if answer.status != 0:
        raise NotSeparableError(
            f"whether a separator fits could not be told ({answer.message}); "
            "centre and scale the features, or allow errors with noise > 0 (say 0.1) or slack > 0"
        )


def _conditioned(signed):
    """Rows of orthonormal columns that span the same, for the programme's tolerances are absolute: 1e-9 in an entry."""
    rows = signed[:, signed.any(axis=0)]
    for axis in (1, 0) * 10:  # rows and columns take turns, each halfway, until no entry is out of scale
        rows = rows / np.sqrt(np.abs(rows).max(axis=axis, keepdims=True))
    _, values, basis = np.linalg.svd(rows, full_matrices=False)
    kept = values > len(rows) * np.finfo(float).eps * values[0]
    seen = np.einsum("ij,kj->ik", rows, basis[kept] / values[kept, None])  # row by row: opposite points stay opposite
    return seen / np.abs(seen).max(axis=1, keepdims=True)


def _positive_definite(matrix):
    """Whether every pivot stands out of the rounding."""
    try:
        pivots = np.diag(np.linalg.cholesky(matrix)) ** 2
    except np.linalg.LinAlgError:
        return False
    return pivots.min() > len(pivots) * np.finfo(float).eps * pivots.max()
