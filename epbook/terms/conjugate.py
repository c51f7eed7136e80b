"""The factors of conjugate-exponential models, each the log of a conditional density as a polynomial of moments.

Here are those of continuous variables; `conjugate_discrete` has labels, counts and gates.

Every place of a factor takes the name of a variable or known values; in the first, NaN marks what is missing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from ..checks import finite_array, positive_array, symmetric_matrix
from ..families.gaussian import LOG_2PI
from ..families.gaussian_plates import Gaussians, VectorGaussians, definite
from ..families.plates import ANY_AXES
from ..families.precision_plates import Gammas, Wisharts
from .arguments import Known, OfSize, argument, data
from .multilinear import Polynomial


class Factor:
    """A factor of the joint, linear in the statistics of each of its variables.

    Args:
        log: its logarithm, a `Polynomial`.
        *places: what fills its places, for `repr`.

    Attributes:
        scope: the names of its variables.

    Raises:
        ValueError: if a variable stands in two of its places.

    Book: chapter 7.
    """

    def __init__(self, log: Polynomial, *places: Any):
        self.log, self.places, self.scope = log, places, tuple(log.variables)
        for _, moments in log.monomials:
            names = [moment.argument.name for moment in moments if moment.argument.name]
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"{self} has {twice[0]!r} in two places: it is not linear in its statistics, so not conjugate")

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(map(repr, self.places))})"

    def message(self, name: str, q: Mapping) -> Mapping[str, np.ndarray]:
        """The natural parameters of exp E[log factor], the mean over all of q but `name`.

        What is equal on all plates has length 1 there: they broadcast to those of q[name].
        """
        return self.log.at(q).coefficients(name, q)

    def average_log(self, q: Mapping) -> float:
        """E[log factor] under q, in nats."""
        return sum(self.log.at(q).means(q))


class GaussianFactor(Factor):
    """N(x; mean, 1 / precision), of numbers.

    Args:
        x: data, any shape, or a variable in `Gaussians`.
        mean: known, a variable in `Gaussians`, or a `Sum`, `Product` or `Dot`.
        precision: known, or a variable in `Gammas`.

    Example:
        >>> GaussianFactor([1.0, 2.0], "mean", "precision").scope
        ('precision', 'mean')

    Book: chapter 7.
    """

    def __init__(self, x, mean, precision):
        (x, present), m, t = data(x, Gaussians), argument(mean, Gaussians), argument(precision, Gammas)
        log = 0.5 * (t("log") - LOG_2PI - t("x") * (x("xx") - 2 * x("x") * m("x") + m("xx")))
        super().__init__(present * log, x, m, t)


class VectorGaussianFactor(Factor):
    """N(x; mean, precision^-1), of vectors.

    Args:
        x: data, shape (..., d), or a variable in `VectorGaussians`.
        mean: known, a variable in `VectorGaussians`, or a `Sum` or `Product`.
        precision: known, shape (..., d, d), a variable in `Wisharts`, or a `Diagonal`.

    Example:
        >>> VectorGaussianFactor("weights", [0.0, 0.0], "precision").scope
        ('precision', 'weights')

    Book: chapter 7.
    """

    def __init__(self, x, mean, precision):
        (x, present), m, t = data(x, VectorGaussians), argument(mean, VectorGaussians), argument(precision, Wisharts)
        square = x("xx", "ij") - x("x", "i") * m("x", "j") - m("x", "i") * x("x", "j") + m("xx", "ij")  # symmetric: a message
        log = 0.5 * (t("log") - LOG_2PI * OfSize(x, float)("x") - t("x", "ij") * square)
        super().__init__(present * log, x, m, t)


class CorrelatedFactor(Factor):
    """N(x; mean, precision^-1), of numbers that are variables of their own.

    Args:
        names: d variables in `Gaussians`.
        mean: shape (d,).
        precision: shape (d, d), symmetric and positive definite.

    Raises:
        ValueError: if the shapes do not agree, or the precision is not symmetric and positive definite.

    Example:
        >>> CorrelatedFactor(["x", "y"], [0.0, 0.0], [[1.0, 0.9], [0.9, 1.0]]).scope
        ('x', 'y')

    Book: chapter 7.
    """

    def __init__(self, names, mean: ArrayLike, precision: ArrayLike):
        m, P = finite_array("mean", mean, 1), definite("precision", symmetric_matrix("precision", precision))
        d, places = len(m), [argument(name, Gaussians) for name in names]
        if len(places) != d or len(P) != d:
            raise ValueError(f"{len(places)} names, a mean {m.shape} and a precision {P.shape} must agree in d")
        log = Polynomial.constant(0.5 * (np.linalg.slogdet(P)[1] - d * LOG_2PI - m @ P @ m))
        for i, x in enumerate(places):
            log += (P @ m)[i] * x("x") - 0.5 * P[i, i] * x("xx")
            for j in range(i):
                log -= P[i, j] * x("x") * places[j]("x")
        super().__init__(log, *places)


class GammaFactor(Factor):
    """Gamma(x; shape, rate), proportional to x^(shape - 1) exp(-rate x).

    Args:
        x: data, or a variable in `Gammas`.
        shape: known, positive.
        rate: known, or a variable in `Gammas`.

    Example:
        >>> GammaFactor("precision", 2.0, 1.0).scope
        ('precision',)

    Book: chapter 7.
    """

    def __init__(self, x, shape, rate):
        (x, present), b, a = data(x, Gammas), argument(rate, Gammas), positive_array("shape", shape, ANY_AXES)
        a = Known(x=a, less=a - 1, log_gamma=gammaln(a))
        log = a("less") * x("log") - b("x") * x("x") + a("x") * b("log") - a("log_gamma")
        super().__init__(present * log, x, a, b)


class WishartFactor(Factor):
    """Wishart(x; dof, rate), proportional to |x|^((dof - d - 1) / 2) exp(-tr(rate x) / 2).

    Args:
        x: precisions, shape (..., d, d), or a variable in `Wisharts`.
        dof: known, more than d - 1.
        rate: known, the inverse of the scale matrix, shape (..., d, d).

    Raises:
        ValueError: on too few degrees of freedom, or a rate that is not symmetric and positive definite.

    Example:
        >>> WishartFactor("precision", 3.0, np.eye(2)).scope
        ('precision',)

    Book: chapter 7.
    """

    def __init__(self, x, dof, rate):
        prior, (x, present) = Wisharts(dof, rate), data(x, Wisharts)
        constants = Known(x=prior.natural["x"], log=prior.natural["log"], a=-prior.log_normalisers)
        log = constants("log") * x("log") + constants("x", "ij") * x("x", "ij") + constants("a")
        super().__init__(present * log, x, constants)
