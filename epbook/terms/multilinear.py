"""Log factors as polynomials that are linear in the statistics of each of their variables.

That is what makes a model conjugate-exponential, and all that variational message passing needs.
Under a q whose variables are independent, the mean of such a polynomial is the polynomial of the
means, and the message to a variable is the coefficient of its statistics.

Symbols: a statistic of a variable has plate axes, which copies of a variable run over, and then
event axes, named by letters as in `np.einsum`.  Plates broadcast by numpy's rule, from the right.
"""

from functools import cached_property
from string import ascii_lowercase
from typing import Any, NamedTuple

from .contracted import Contracted


class Moment(NamedTuple):
    """The mean of one statistic of an argument, its last axes labelled by the letters of `axes`."""

    argument: Any
    statistic: str
    axes: str = ""

    def value(self, q):
        """An array: what q expects, or for data what they are."""
        return self.argument.moments(q)[self.statistic]


class Polynomial:
    """A sum of monomials, each a number times a product of moments.

    Args:
        monomials: pairs (number, tuple of `Moment`).

    Example:
        >>> one = Polynomial.constant(3.0)
        >>> (2 * one + one * one - 1).monomials
        ((6.0, ()), (9.0, ()), (-1, ()))

    Book: chapter 7.
    """

    def __init__(self, monomials):
        self.monomials = tuple(monomials)
        self._contracted: Contracted | None = None

    @classmethod
    def constant(cls, number):
        """A number."""
        return cls([(number, ())])

    def __add__(self, other):
        other = other if isinstance(other, Polynomial) else Polynomial.constant(other)
        return Polynomial(self.monomials + other.monomials)

    def __mul__(self, other):
        other = other if isinstance(other, Polynomial) else Polynomial.constant(other)
        pairs = [(left, right) for left in self.monomials for right in other.monomials]
        return Polynomial([(a * b, moments + _renamed(others, moments)) for (a, moments), (b, others) in pairs])

    __rmul__ = __mul__

    def __sub__(self, other):
        return self + -1 * other

    @cached_property
    def variables(self):
        """The variables by name, in order of appearance."""
        arguments = [moment.argument for _, moments in self.monomials for moment in moments]
        return {argument.name: argument for argument in arguments if argument.name}

    def at(self, q) -> Contracted:
        """How to compute it at the shapes of q: made once, and kept for as long as the shapes stay.

        Raises:
            ValueError: if plates do not broadcast, or coordinates are not as many.
        """
        if self._contracted is None or not self._contracted.fits(q):
            self._contracted = Contracted(self.monomials, q)
        return self._contracted

    def __getstate__(self):
        return {"monomials": self.monomials, "_contracted": None}


def _renamed(moments, beside):
    """Moments whose letters, i, j and k apart, are none of those in a product beside which they will stand.

    A factor's own axes are i, j and k; all others are summed within a dot product, which another may use again.
    """
    taken = {letter for moment in beside for letter in moment.axes}
    own = {letter for moment in moments for letter in moment.axes}
    free = (letter for letter in ascii_lowercase if letter not in taken | own | set("ijk"))
    new = {ord(letter): next(free) for letter in sorted((own & taken) - set("ijk"))}
    return tuple([moment._replace(axes=moment.axes.translate(new)) for moment in moments])
