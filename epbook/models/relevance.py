"""Linear models that learn which directions matter: regression with automatic relevance, and Bayesian PCA.

Each weight vector has the prior N(0, diag(relevance)^-1), and where the data ask for no weight the
relevance, its precision, grows until the weight is gone (MacKay 1994; Bishop 1999).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, number_in, whole_number
from ..families import Gammas, Gaussians, VectorGaussians
from ..families.plates import Plates
from ..terms.arguments import Diagonal, Dot, Sum
from ..terms.conjugate import GammaFactor, GaussianFactor, VectorGaussianFactor
from .conjugate_data import with_missing

SHAPE, RATE = 1e-3, 1e-3  # of the gamma priors: vague


class RelevanceRegression:
    """y = X weights + noise, with a relevance for each weight.

    Args:
        X: inputs, shape (n, d); a column of ones gives an offset.
        y: shape (n,) or (n, 1), NaN where missing.

    Attributes:
        factors: for `vmp`, of the variables "weights", "relevance", "noise" (two of them precisions).

    Raises:
        ValueError: on infinite data, NaN in X, or shapes that do not agree.

    Example:
        >>> from epbook import vmp
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((50, 4))
        >>> model = RelevanceRegression(X, 3 * X[:, 1] + 0.1 * rng.standard_normal(50))
        >>> result = vmp(model.factors, model.start())
        >>> result.mean["weights"].round(1).tolist()
        [0.0, 3.0, 0.0, 0.0]

    Book: chapter 7.
    """

    def __init__(self, X: ArrayLike, y: ArrayLike):
        self.X, self.y = finite_array("X", X, 2), with_missing("y", y)
        n, d = self.X.shape
        if self.y.shape != (n, 1):
            raise ValueError(f"y must have shape ({n},) for X of shape ({n}, {d}), not {np.shape(y)}")
        self.factors = [
            VectorGaussianFactor("weights", np.zeros(d), Diagonal("relevance")),
            GammaFactor("relevance", SHAPE, RATE),
            GammaFactor("noise", SHAPE, RATE),
            GaussianFactor(self.y[:, 0], Dot(self.X, "weights"), "noise"),
        ]

    def start(self) -> dict[str, Plates]:
        """A q to begin at: relevances and noise of 1, whose best weights are ridge regression's."""
        d = self.X.shape[1]
        return {
            "weights": VectorGaussians(np.zeros(d), np.eye(d)),
            "relevance": Gammas(np.ones(d), 1.0),
            "noise": Gammas(1.0, 1.0),
        }


class BayesianPCA:
    """x_i = loadings scores_i + offset + noise, with a relevance for each column of the loadings.

    Args:
        x: shape (n, d), NaN where missing, entry by entry.
        dimension: of the scores, at most d and n; columns beyond what the data need vanish.

    Attributes:
        factors: for `vmp`, of the variables "scores", "loadings", "offset", "relevance", "noise".

    Raises:
        ValueError: on infinite data, a column without a known value, or a dimension out of range.

    Example:
        >>> from epbook import vmp
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((60, 1)) @ [[3.0, 2.0, 1.0, 0.0]] + 0.1 * rng.standard_normal((60, 4))
        >>> model = BayesianPCA(x, 2)
        >>> result = vmp(model.factors, model.start(), tol=0.03)
        >>> model.pruned(result.posterior)[0].dimension
        1

    Book: chapter 7.
    """

    def __init__(self, x: ArrayLike, dimension: int):
        self.x = with_missing("x", x)
        self.dimension = whole_number("dimension", dimension, 1, min(self.x.shape))
        origin = np.zeros(self.dimension)
        self.factors = [
            VectorGaussianFactor("scores", origin, np.eye(self.dimension)),
            VectorGaussianFactor("loadings", origin, Diagonal("relevance")),
            GammaFactor("relevance", SHAPE, RATE),
            GaussianFactor("offset", 0.0, SHAPE),
            GammaFactor("noise", SHAPE, RATE),
            GaussianFactor(self.x, Sum(Dot("loadings", "scores"), "offset"), "noise"),
        ]

    def start(self, rng: int | np.random.Generator | None = None) -> dict[str, Plates]:
        """A q to begin at, which breaks the symmetry by its scores; all else follows from them.

        Args:
            rng: seed or numpy Generator for scores drawn at random; if None they are those of ordinary PCA with each missing
                entry at its column's mean, near which VMP ends: from elsewhere it crawls.
        """
        (n, d), k = self.x.shape, self.dimension
        if rng is None:
            centred = np.nan_to_num(self.x - np.nanmean(self.x, axis=0))
            scores = math.sqrt(n) * np.linalg.svd(centred, full_matrices=False)[0][:, None, :k]
        else:
            scores = np.random.default_rng(rng).standard_normal((n, 1, k))
        return {
            "offset": Gaussians(np.zeros(d), 1.0),
            "loadings": VectorGaussians(np.zeros((d, k)), np.eye(k)),
            "scores": VectorGaussians(scores, 1e-3 * np.eye(k)),
            "relevance": Gammas(np.ones(k), 1.0),
            "noise": Gammas(1.0, 1.0),
        }

    def pruned(self, q: dict[str, Any], below: float = 1e-3) -> tuple["BayesianPCA", dict[str, Any]]:
        """The model and q without the columns of loadings that are next to nothing.

        Args:
            q: of this model, a result's posterior.
            below: the least mean square of a column of loadings to stay, relative to the largest, in [0, 1].

        Returns:
            (model, q): `vmp(model.factors, q)` continues.

        Raises:
            ValueError: if q is of other data or another dimension, or `below` out of range.

        Example:
            >>> model = BayesianPCA([[1.0, 2.0], [2.0, 4.1], [3.0, 6.0]], 2)
            >>> q = model.start() | {"loadings": VectorGaussians([[1.0, 0.0], [2.0, 0.0]], 1e-6 * np.eye(2))}
            >>> model.pruned(q)[0].dimension
            1
        """
        below, shape, own = number_in("below", below, 0, 1), q["loadings"].mean.shape, (self.x.shape[1], self.dimension)
        if shape != own or q["scores"].plates != (len(self.x), 1):
            raise ValueError(f"q is of another model: loadings of shape {shape} for {q['scores'].plates[0]} data, "
                             f"not {own} for {len(self.x)}")  # fmt: skip
        size = np.einsum("jkk->k", q["loadings"].moments["xx"])
        keep = np.flatnonzero(size >= below * size.max())
        vectors = {name: VectorGaussians(q[name].mean[..., keep], q[name].covariance[..., keep[:, None], keep])
                   for name in ("loadings", "scores")}  # fmt: skip
        relevance = Gammas(q["relevance"].shape[keep], q["relevance"].rate[keep])
        return BayesianPCA(self.x, keep.size), {**q, **vectors, "relevance": relevance}
