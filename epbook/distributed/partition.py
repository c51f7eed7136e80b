"""What happens where the data are: rows are read once, and their sites refined against a cavity.

Symbols: tau, nu precision and shift of the 1-D sites, one a row; Lambda, lambda precision and shift over the weights,
of a cavity or of the message X' diag(tau) X, X' nu.

All functions are pure: a scheduler may call them again elsewhere, and gets the same.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checks import finite_array, signs
from ..errors import NoMassError
from ..fast.moments import moments
from ..fast.refinement import refine_all
from ..models.predictor import with_bias
from ..terms import Step


class Message(NamedTuple):
    """What a partition tells the server: the product of its sites, whatever the number of its rows.

    Attributes:
        precision: shape (d, d).
        shift: shape (d,).
        log_scale: sum of the sites' log scales (3.39).
        mismatch: the largest moment mismatch under the posterior that was sent; infinity if no proper sites were found.
        skipped: how many rows had an improper cavity under it.

    Book: section 8.3.
    """

    precision: np.ndarray
    shift: np.ndarray
    log_scale: float
    mismatch: float
    skipped: int


class Share(NamedTuple):
    """A partition's own state, which stays with its rows.

    Attributes:
        tau: precisions of its sites, shape (n,).
        nu: their shifts, shape (n,).
        message: what they add up to.

    Book: section 8.3.
    """

    tau: np.ndarray
    nu: np.ndarray
    message: Message


def load(source: Any, bias: bool = False, name: str = "the partition") -> np.ndarray:
    """The signed rows y_i x_i of one partition, shape (n, d).

    Args:
        source: (X, y), arrays of shape (n, d) and (n,); or the name of an .npz file with X and y, or of a Parquet file
            (needs pyarrow) whose column `y` holds the labels and whose other columns are the features, in their order.
        bias: add a constant feature 1.
        name: what an error calls the partition.

    Raises:
        ValueError: names the partition, on a file of another kind or without X and y, or on data that `BayesPoint` refuses.

    Example:
        >>> load(([[1.0, 2.0], [3.0, 4.0]], [1, -1])).tolist()
        [[1.0, 2.0], [-3.0, -4.0]]

    Book: section 8.3.
    """
    try:
        X, y = _read(source)
        X = finite_array("X", X, 2)
        signed = signs("y", y, len(X))[:, None] * with_bias(X, bias)
        zero = np.flatnonzero(~signed.any(axis=1))
        if zero.size:
            raise ValueError(f"row {zero[0]} of X is zero, so its term sees nothing of w; use bias=True")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return signed


def _read(source):
    if not isinstance(source, (str, Path)):
        X, y = source
        return X, y
    kind = Path(source).suffix
    if kind == ".npz":
        with np.load(source, allow_pickle=False) as file:
            if not {"X", "y"} <= set(file):
                raise ValueError(f"it must hold the arrays X and y, not {', '.join(file)}")
            return file["X"], file["y"]
    if kind != ".parquet":
        raise ValueError(f"a file must be .npz or .parquet, not {kind or 'without ending'}")
    return _read_parquet(source)


def _read_parquet(source):
    try:
        import pyarrow.parquet
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install 'epbook[parquet]'") from None
    table = pyarrow.parquet.read_table(source)
    if "y" not in table.column_names:
        raise ValueError(f"it must have a column y of labels, not only {', '.join(table.column_names)}")
    features = table.drop_columns(["y"])
    return np.column_stack([column.to_numpy() for column in features.columns]), table["y"].to_numpy()


def share_of(rows: np.ndarray, tau: np.ndarray | None = None, nu: np.ndarray | None = None) -> Share:
    """The share whose sites are given, or all 1.

    Args:
        rows: the signed rows, shape (n, d).
        tau, nu: precisions and shifts of their sites, shape (n,).

    Example:
        >>> share_of(np.ones((2, 3))).message.precision.shape
        (3, 3)

    Book: section 8.3.
    """
    n, d = rows.shape
    if tau is None or nu is None:
        return Share(np.zeros(n), np.zeros(n), Message(np.zeros((d, d)), np.zeros(d), 0.0, math.inf, 0))
    return Share(tau, nu, Message((rows.T * tau) @ rows, nu @ rows, 0.0, math.inf, 0))


def message_of(share: Share) -> Message:
    """What the server is told of a share."""
    return share.message


def refine(
    rows: np.ndarray, share: Share, precision: np.ndarray, shift: np.ndarray, term: Step, inner: int = 2, damping: float = 0.0
) -> Share:
    """Refine a partition's sites against the posterior without them, by some passes of parallel EP.

    Args:
        rows: the signed rows, shape (n, d).
        share: its share in the posterior, as it is.
        precision: of the posterior, shape (d, d).
        shift: of the posterior, shape (d,).
        term: the term of every row.
        inner: how many passes.
        damping: share of the old site that each pass keeps; more where less would leave no proper posterior.

    Returns:
        The new share; its mismatch is infinite, and its sites are not to be used, if a term had no mass under a cavity.

    Example:
        >>> rows = load(([[1.0, 2.0], [3.0, 4.0]], [1, -1]))
        >>> refine(rows, share_of(rows), np.eye(2), np.zeros(2), Step()).message.shift.round(2).tolist()
        [-1.0, 0.62]

    Book: section 8.3.
    """
    cavity = precision - share.message.precision, shift - share.message.shift
    passes = []
    for _ in range(inner):
        try:
            share = _one_pass(rows, share, cavity, moments([term]), damping)
        except NoMassError:
            return share._replace(message=share.message._replace(mismatch=math.inf))
        passes.append(share.message)
    mismatch, skipped = passes[0].mismatch, passes[0].skipped  # measured before anything moved, as in `ep`
    return share._replace(message=share.message._replace(mismatch=mismatch, skipped=skipped))


def _one_pass(rows, share, cavity, moments, damping):
    """All sites at once, from cavity * share."""
    tau, nu, old = share
    precision, shift = cavity[0] + old.precision, cavity[1] + old.shift
    covariance = np.linalg.inv(precision)
    variance = np.einsum("ij,ij->i", rows @ covariance, rows)
    steps = refine_all(rows @ (covariance @ shift), variance, tau, nu, moments)
    fresh = share_of(rows, steps.precision, steps.shift).message
    kept = _safe(damping, cavity[0], old.precision, fresh.precision)
    tau, nu = kept * tau + (1 - kept) * steps.precision, kept * nu + (1 - kept) * steps.shift
    log_scale = steps.log_scales(tau, nu)[steps.proper].sum()
    skipped = np.count_nonzero(~steps.proper)
    precision, shift = (kept * old[j] + (1 - kept) * fresh[j] for j in (0, 1))
    return Share(tau, nu, Message(precision, shift, float(log_scale), steps.mismatch, int(skipped)))


def _safe(damping, cavity, old, fresh):
    """The share to keep of the old: the given, or more, halving the step until it leaves a proper posterior."""
    while not is_proper(cavity + damping * old + (1 - damping) * fresh):  # ends: cavity + old is proper
        damping = (1 + damping) / 2
    return damping


def is_proper(precision: np.ndarray) -> bool:
    """Whether a precision matrix has a Cholesky factor."""
    try:
        np.linalg.cholesky(precision)
    except np.linalg.LinAlgError:
        return False
    return True
