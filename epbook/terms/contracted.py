"""Polynomials of moments at known shapes, where what depends on data alone is multiplied and summed once."""

import math
from collections.abc import Mapping

import numpy as np

from .contraction import Constant, Products, Statistic, aligned


class Contracted:
    """How to compute the means and coefficients of a polynomial at the shapes of q.

    Args:
        monomials: those of a `Polynomial`.
        q: densities of its variables, of which only the shapes matter.

    Attributes:
        plates: the shape to which all plates broadcast.

    Raises:
        ValueError: if they do not, or if event axes that one letter names differ in length: these never broadcast.

    Book: chapter 7.
    """

    def __init__(self, monomials, q):
        arrays = {moment: np.asarray(moment.value(q)) for _, moments in monomials for moment in moments}
        self.plates = _common_plates(monomials, {moment: array.shape for moment, array in arrays.items()})
        names = {moment.argument.name for moment in arrays if moment.argument.name}
        self._shapes = [(name, q[name].shapes) for name in sorted(names)]
        self._labels = {moment: _labels(array.shape, moment.axes) for moment, array in arrays.items()}
        leaves, products = {moment: self._leaf(moment, array) for moment, array in arrays.items()}, Products()
        each = [_Monomial(scale, moments, leaves, self.plates, products) for scale, moments in monomials]
        self._monomials = [monomial for monomial in each if not monomial.is_zero]
        self._messages: dict[str, tuple] = {}

    def _leaf(self, moment, array):
        labels = "".join([label for label, _ in self._labels[moment]])
        if moment.argument.name:
            return Statistic(moment.argument.name, moment.statistic, labels, array.shape, labels)
        long = [(label, size) for label, size in self._labels[moment] if size > 1]
        return Constant(array.reshape([size for _, size in long]), "".join([label for label, _ in long]))

    def fits(self, q: Mapping) -> bool:
        """Whether q has the shapes that this was made for."""
        return not any(q[name].shapes != shapes for name, shapes in self._shapes)

    def means(self, q):
        """The mean of each monomial, summed over the plates."""
        return [monomial.mean(q) for monomial in self._monomials]

    def coefficients(self, name, q):
        """The coefficient of each statistic of a variable, in an array that broadcasts to that statistic's shape."""
        if name not in self._messages:
            self._messages[name] = self._message_to(name)
        involved, sums = self._messages[name]
        for monomial in involved:
            monomial.receiver = name
        message = {}
        for statistic, nodes in sums:
            total = nodes[0].value(q)
            for node in nodes[1:]:
                total = total + node.value(q)
            message[statistic] = total
        return message

    def _message_to(self, name):
        """The monomials that a variable is in, and for each of its statistics the nodes to add."""
        involved, parts = [monomial for monomial in self._monomials if name in monomial.variables], {}
        for monomial in involved:
            moment = monomial.variables[name]
            labels = "".join([label for label, _ in self._labels[moment]])
            parts.setdefault(moment.statistic, []).append(aligned(monomial.part(name), labels))
        return involved, [(statistic, _known_first(nodes)) for statistic, nodes in parts.items()]


class _Monomial:
    """A number times moments.  Its mean is its part in the message to `receiver`, who got it last, times the moment there."""

    def __init__(self, scale, moments, leaves, plates, products):
        self.variables = {moment.argument.name: moment for moment in moments if moment.argument.name}
        self._leaves = {name: leaves[moment] for name, moment in self.variables.items()}
        present = {label for moment in moments for label in leaves[moment].labels}
        self._number = scale * math.prod([size for label, size in _labels(plates, "") if label not in present])
        self._products, self._parts, self._means = products, {}, {}
        known = [leaves[moment] for moment in moments if not moment.argument.name]
        self._known = products.folded(known, "".join([leaf.labels for leaf in self._leaves.values()]))
        self.is_zero = any(not node.array.any() for node in self._known)
        self.receiver = next(reversed(self.variables), None)

    def part(self, name):
        """The node of the coefficient of a variable's moment."""
        if name not in self._parts:
            others = [leaf for other, leaf in self._leaves.items() if other != name]
            self._parts[name] = self._products.product(self._number, self._known + others, self._leaves[name].labels)
        return self._parts[name]

    def mean(self, q):
        """The mean, summed over the plates."""
        if self.receiver not in self._means:
            self._means[self.receiver] = self._mean_from(self.receiver)
        return float(self._means[self.receiver].value(q))

    def _mean_from(self, name):
        if name is None:
            return self._products.product(self._number, self._known, "")
        return self._products.product(1.0, [self._leaves[name], self.part(name)], "")


def _known_first(nodes):
    """The nodes, those that are constant added up."""
    known = [node.value({}) for node in nodes if isinstance(node, Constant)]
    rest = [node for node in nodes if not isinstance(node, Constant)]
    return [Constant(sum(known)), *rest] if known else rest


def _common_plates(monomials, shapes):
    for _, moments in monomials:
        _check_lengths([(moment, shapes[moment]) for moment in moments])
    plates = {moment: shape[: len(shape) - len(moment.axes)] for moment, shape in shapes.items()}
    try:
        return np.broadcast_shapes(*plates.values())
    except ValueError:
        found = {f"{moment.argument} {shape}" for moment, shape in plates.items()}
        raise ValueError(f"plates must broadcast, but their shapes are {', '.join(sorted(found))}") from None


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


def _labels(shape, axes):
    """Pairs of label and length: plates are capital letters counted from the right, event axes as they are called."""
    count = len(shape) - len(axes)
    names = [chr(ord("A") + count - 1 - k) for k in range(count)] + list(axes)
    return list(zip(names, shape, strict=True))
