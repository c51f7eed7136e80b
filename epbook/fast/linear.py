"""A million points in weight space."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from ..protocols import Term
from ..result import Result
from .chunked import ChunkedGaussian
from .sweeps import chunked_ep


def linear_ep(X: ArrayLike, terms: Sequence[Term] | Term, **options: Any) -> Result:
    """EP over weights w with prior N(0, I), where term i sees w.x_i: the answer of `ep(LinearGaussian(X), terms)`.

    Beside X it needs seven arrays of n numbers and a few of a chunk's points: for a million points of 50 features,
    400 MB of X and 60 MB more.

    Args:
        X: signed data points y_i x_i as rows, shape (n, d); an array of float64 is not copied.
        terms: one a point, or a single one for all points.
        **options: for `chunked_ep`, such as tol, passes and damping.

    Returns:
        A `Result`; its posterior goes on in `chunked_ep` and in `ep`.

    Raises:
        ValueError: on wrong shapes, NaN, infinity, a row of zeros or options out of range.
        NoMassError: if a term has no mass under its cavity.

    Example:
        >>> from epbook import BayesPoint
        >>> problem = BayesPoint([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [-1, 1, 1], slack=1.0)
        >>> result = linear_ep(problem.signed, problem.term)
        >>> problem.predict(result, [[-1.0, 1.0]]).tolist(), result.converged
        ([1.0], True)

    Book: section 8.2.
    """
    return chunked_ep(ChunkedGaussian(X), terms, **options)
