"""What stands in the places of a conjugate factor: variables of q, known values, and sums and products of them.

Each, called with a statistic and the letters of its axes, gives a `Polynomial`: `x("xx", "ij")` is E[x_i x_j].
"""

from itertools import permutations

import numpy as np

from ..checks import finite_array
from ..families.gaussian_plates import Gaussians, VectorGaussians
from ..families.plates import ANY_AXES
from ..families.precision_plates import Gammas
from .multilinear import Moment, Polynomial


class Argument:
    """One place of a factor that a variable or a known value fills."""

    name: str | None = None

    def __call__(self, statistic, axes=""):
        return Polynomial([(1.0, (Moment(self, statistic, axes),))])


class Variable(Argument):
    """A variable of q, by name, of the family that its place asks for."""

    def __init__(self, name, family):
        self.name, self.family = name, family

    def __repr__(self):
        return repr(self.name)

    def moments(self, q):
        """The means of its statistics."""
        return q[self.name].moments


class Known(Argument):
    """Data or constants, as dict of their statistics."""

    def __init__(self, **statistics):
        self.statistics = {key: np.asarray(value, dtype=float) for key, value in statistics.items()}

    def __repr__(self):
        first = next(iter(self.statistics.values()))
        return f"known values of shape {first.shape}" if first.ndim else f"{first:g}"

    def moments(self, q):
        """Their statistics."""
        return self.statistics


class OfSize(Argument):
    """A constant made of the dimension d of a vector argument, which only q may know: d itself, or the identity matrix."""

    def __init__(self, argument, make):
        self.argument, self.make = argument, make

    def __repr__(self):
        return repr(self.argument)

    def moments(self, q):
        """The constant."""
        shape = np.shape(next(iter(self.argument.moments(q).values())))
        if not shape:
            raise ValueError(f"{self.argument} is a number where a last axis must run over coordinates")
        return {"x": np.asarray(self.make(shape[-1]), dtype=float)}


def argument(value, family, what="known values"):
    """A name, known values, or an expression, as what fills a place of this family."""
    if isinstance(value, Argument):
        return value
    if isinstance(value, Expression):
        return value.bound(family)
    if isinstance(value, str):
        return Variable(value, family)
    return Known(**family.observe(finite_array(what, value, ANY_AXES[family.event :])))


def data(value, family):
    """What fills the first place of a factor, and a polynomial that is 1 where it is known and 0 where missing."""
    if isinstance(value, (str, Argument)):
        return argument(value, family), Polynomial.constant(1.0)
    missing = np.isnan(np.asarray(value, dtype=float))
    if family.event:
        missing, entries = missing.any(axis=tuple(range(-family.event, 0))), missing
        if (entries != missing[(...,) + (None,) * family.event]).any():
            raise ValueError("a vector may be missing as a whole only: give its coordinates factors of their own")
    if not missing.any():
        return argument(value, family, "data"), Polynomial.constant(1.0)
    if missing.all():
        raise ValueError("the data are all missing: leave their factor out")
    filled = np.array(value, dtype=float)
    filled[missing] = filled[~missing][0]  # what stands there is multiplied by 0, but must be a value
    return argument(filled, family, "data"), Known(x=~missing)("x")


class Expression:
    """Sums and products, in the place of a mean."""

    def __init__(self, *parts):
        self.parts = parts

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(map(repr, self.parts))})"

    def bound(self, family):
        """The same, its parts filling places of this family."""
        return type(self)(*[argument(part, family) for part in self.parts])


class Sum(Expression):
    """A sum of independent things, in the place of a mean.

    Args:
        *parts: names of variables, known values, sums and products; no variable may stand in two of them.

    Example:
        >>> Sum("level", 3.0, Product(2.0, "slope"))
        Sum('level', 3.0, Product(2.0, 'slope'))

    Book: chapter 7.
    """

    def __call__(self, statistic, axes=""):
        if statistic == "x":
            return sum([part("x", axes) for part in self.parts], Polynomial([]))
        i, j = axes[: len(axes) // 2], axes[len(axes) // 2 :]
        squares = [part("xx", axes) for part in self.parts]
        mixed = [a("x", i) * b("x", j) for a, b in permutations(self.parts, 2)]
        return sum(squares + mixed, Polynomial([]))


class Product(Expression):
    """A product of independent things, in the place of a mean: of scalars, or of scalars and a last vector.

    Args:
        *parts: names of variables and known values; the last may be a sum or product.

    Example:
        >>> Product(2.0, "slope")
        Product(2.0, 'slope')

    Book: chapter 7.
    """

    def bound(self, family):
        """The same, its last part filling a place of this family."""
        *scalars, last = self.parts
        return Product(*[argument(part, Gaussians) for part in scalars], argument(last, family))

    def __call__(self, statistic, axes=""):
        *scalars, last = self.parts
        product = last(statistic, axes)
        for scalar in scalars:
            product = scalar(statistic) * product
        return product


class Dot(Expression):
    """The inner product of two vectors, in the place of a scalar mean.

    Args:
        left, right: names of variables in `VectorGaussians`, or known vectors, shape (..., d).

    Example:
        >>> Dot("weights", "inputs")
        Dot('weights', 'inputs')

    Book: chapter 7.
    """

    def __init__(self, left, right):
        super().__init__(argument(left, VectorGaussians), argument(right, VectorGaussians))

    def bound(self, family):
        """Itself: both places are of vectors."""
        return self

    def __call__(self, statistic, axes=""):
        letters = "p" if statistic == "x" else "pq"
        return Polynomial([(1.0, tuple([Moment(part, statistic, letters) for part in self.parts]))])


class Diagonal(Expression):
    """A diagonal precision matrix, in the place of the precision of a vector.

    Args:
        precisions: the name of a variable in `Gammas` whose last plate runs over the d coordinates, or d known values.

    Example:
        >>> Diagonal("relevance")
        Diagonal('relevance')

    Book: chapter 7.
    """

    def __init__(self, precisions):
        super().__init__(argument(precisions, Gammas))

    def bound(self, family):
        """Itself: its place is of scalars."""
        return self

    def __call__(self, statistic, axes=""):
        (precisions,) = self.parts
        if statistic == "log":
            return precisions("log", "p")
        identity = Moment(OfSize(precisions, np.eye), "x", axes)
        return Polynomial([(1.0, (identity, Moment(precisions, "x", axes[-1:])))])
