"""Log factors as polynomials that are linear in the statistics of each of their variables.

That is what makes a model conjugate-exponential, and all that variational message passing needs.
Under a q whose variables are independent, the mean of such a polynomial is the polynomial of the
means, and the message to a variable is the coefficient of its statistics.

Symbols: a statistic of a variable has plate axes, which copies of a variable run over, and then
event axes, named by letters as in `np.einsum`.  Plates broadcast by numpy's rule, from the right.
"""

import math
from collections.abc import Mapping
from functools import cached_property, lru_cache
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np


SMALL = 4096  # multiplications that take no longer than to follow a path


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

    def plates(self, q):
        """The shape to which all plates broadcast.

        Raises:
            ValueError: if they do not, or if event axes that one letter names differ in length: these never broadcast.
        """
        arrays = {moment: np.shape(moment.value(q)) for _, moments in self.monomials for moment in moments}
        for _, moments in self.monomials:
            _check_lengths([(moment, arrays[moment]) for moment in moments])
        shapes = {moment: shape[: len(shape) - len(moment.axes)] for moment, shape in arrays.items()}
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError:
            found = {f"{moment.argument} {shape}" for moment, shape in shapes.items()}
            raise ValueError(f"plates must broadcast, but their shapes are {', '.join(sorted(found))}") from None

    def means(self, q, plates):
        """The mean of each monomial, summed over the plates: together the average of the log factor."""
        return [scale * float(_contract([m.value(q) for m in moments], [m.axes for m in moments], plates, (), ""))
                for scale, moments in self.monomials]  # fmt: skip

    def coefficients(self, name, q, plates) -> Mapping[str, np.ndarray]:
        """The coefficient of each statistic of a variable, in that statistic's shape."""
        message: dict[str, np.ndarray] = {}
        for scale, moments in self.monomials:
            for k, moment in enumerate(moments):
                if moment.argument.name == name:
                    others, shape = moments[:k] + moments[k + 1 :], moment.value(q).shape
                    values = [other.value(q) for other in others]
                    part = scale * _contract(values, [other.axes for other in others], plates, shape, moment.axes)
                    message[moment.statistic] = message.get(moment.statistic, 0.0) + part
        return message


def _renamed(moments, beside):
    """Moments whose letters, i, j and k apart, are none of those in a product beside which they will stand.

    A factor's own axes are i, j and k; all others are summed within a dot product, which another may use again.
    """
    taken = {letter for moment in beside for letter in moment.axes}
    own = {letter for moment in moments for letter in moment.axes}
    free = (letter for letter in ascii_lowercase if letter not in taken | own | set("ijk"))
    new = {ord(letter): next(free) for letter in sorted((own & taken) - set("ijk"))}
    return tuple([moment._replace(axes=moment.axes.translate(new)) for moment in moments])


def _check_lengths(moments_and_shapes):
    """Raise ValueError if a moment has too few axes, or two have lengths of one event axis that differ."""
    lengths = {}
    for moment, shape in moments_and_shapes:
        if len(shape) < len(moment.axes):
            raise ValueError(f"{moment.argument} of shape {shape} needs {len(moment.axes)} axes or more in its place")
        for letter, length in zip(moment.axes, shape[len(shape) - len(moment.axes) :], strict=True):
            other, first = lengths.setdefault(letter, (length, moment))
            if other != length:
                raise ValueError(
                    f"coordinates must be as many, but are {length} in {moment.argument}, {other} in {first.argument}"
                )


def _contract(arrays, axes, plates, shape, out):
    """Multiply arrays, and sum over all axes that the result, of this shape and event axes `out`, has not."""
    how, times, squeezed = _plan(tuple([a.shape for a in arrays]), tuple(axes), plates, shape, out)
    if not arrays:
        return np.full(shape, times)
    arrays = [array.reshape(kept) for array, kept in zip(arrays, squeezed[:-1], strict=True)]
    summed = np.einsum(how[0], *arrays, optimize=how[1]).reshape(squeezed[-1])
    return np.broadcast_to(times * summed, shape)


@lru_cache(maxsize=4096)
def _plan(shapes, axes, plates, shape, out):
    """What `_contract` does at these shapes: the einsum with its path, a number, and the shapes without axes of length 1.

    A plate that no array has is a sum of equal things: it multiplies by its length, unless the result has it too.
    """
    labels = [_labels(s, a) for s, a in zip(shapes, axes, strict=True)]
    target = _labels(shape, out)
    present = {label for row in labels for label, size in row if size > 1}
    wanted = [label if size > 1 and label in present else "" for label, size in target]
    whole = _labels(plates, "")
    kept = {label for label, size in target if size > 1}
    times = math.prod([size for label, size in whole if label not in present | kept])
    rows = ["".join([label for label, size in row if size > 1]) for row in labels]
    squeezed = [tuple([size for _, size in row if size > 1]) for row in labels]
    squeezed.append(tuple([size if label else 1 for label, (_, size) in zip(wanted, target, strict=True)]))
    subscripts = ",".join(rows) + "->" + "".join(wanted)
    work = math.prod(dict([pair for row in labels for pair in row if pair[1] > 1]).values())
    path = np.einsum_path(subscripts, *map(np.empty, squeezed[:-1]), optimize="greedy")[0] if work > SMALL else False
    return (subscripts, path), float(times), squeezed


def _labels(shape, axes):
    """Pairs of label and length: plates are capital letters counted from the right, event axes as they are called."""
    count = len(shape) - len(axes)
    names = [chr(ord("A") + count - 1 - k) for k in range(count)] + list(axes)
    return list(zip(names, shape, strict=True))
