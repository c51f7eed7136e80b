"""Sums of products of arrays whose axes have names, computed by pairs, and anew only where an array is a new one.

A node of such a computation has `labels`, a letter for each axis, `shape`, and `value(q)`, an array of these axes.
As a node keeps its last operands and product, what several sums share, or what did not change, costs nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from operator import mul

import numpy as np

BLOCK = 512  # multiplications of one matrix product that are worth the call of BLAS


class Constant:
    """An array that does not depend on q."""

    def __init__(self, array, labels=""):
        self.array, self.labels, self.shape = np.asarray(array)[()], labels, np.shape(array)

    def value(self, q):
        """The array."""
        return self.array


class Statistic:
    """The mean of a statistic of a variable, without its axes of length 1, or summed over all axes but those labelled.

    Args:
        name, statistic: of the variable.
        axes: a label for each axis of the statistic.
        shape: of the statistic.
        kept: the labels of the axes that are not summed over.
    """

    def __init__(self, name, statistic, axes, shape, kept):
        self._of = name, statistic, axes, shape
        long = [(k, label, n) for k, (label, n) in enumerate(zip(axes, shape, strict=True)) if n > 1]
        self.gone = tuple([k for k, label, _ in long if label not in kept])
        self.labels = "".join([label for _, label, _ in long if label in kept])
        self.shape = tuple([n for _, label, n in long if label in kept])
        self.name, self.statistic, self.source, self.array = name, statistic, None, None

    def summed(self, kept):
        """The same, summed over more axes."""
        return Statistic(*self._of, kept)

    def value(self, q):
        """What q expects."""
        source = q[self.name].total(self.statistic, self.gone)
        if source is not self.source:
            self.source, self.array = source, source if source.shape == self.shape else source.reshape(self.shape)
        return self.array


class Pair:
    """The product of two nodes, summed over all axes but those kept."""

    def __init__(self, left, right, kept):
        self.left, self.right = left, right
        self.multiply, self.labels = _kernel(left, right, kept)
        length = lengths([left, right])
        self.shape = tuple([length[label] for label in self.labels])
        self.a = self.b = self.product = None

    def value(self, q):
        """The product, a new one only if an operand is."""
        a, b = self.left.value(q), self.right.value(q)
        if a is not self.a or b is not self.b:
            self.a, self.b, self.product = a, b, self.multiply(a, b)
        return self.product


class Aligned:
    """A node with its axes in the order of a statistic's, and axes of length 1 where it has none."""

    def __init__(self, node, labels):
        self.node, self.labels = node, labels
        length = lengths([node])
        self.order = [node.labels.index(label) for label in labels if label in length]
        self.shape = tuple([length.get(label, 1) for label in labels])
        self.source = self.array = None

    def value(self, q):
        """The same numbers."""
        source = self.node.value(q)
        if source is not self.source:
            self.source, self.array = source, source.transpose(self.order).reshape(self.shape)
        return self.array


def aligned(node, labels):
    """The node itself if its axes are in the order of a statistic's, or `Aligned`."""
    if node.labels == labels:
        return node
    turned = Aligned(node, labels)
    return Constant(turned.value({}), labels) if isinstance(node, Constant) else turned


class Products:
    """A maker of nodes that makes none twice."""

    def __init__(self):
        self._pairs, self._numbers = {}, {}

    def number(self, value: float):
        """The node of a number."""
        return self._numbers.setdefault(value, Constant(value))

    def pair(self, left, right, kept):
        """The product of two nodes, summed over all axes but those kept."""
        key = (left, right, frozenset(kept) & {*left.labels, *right.labels})
        if key not in self._pairs:
            node = Pair(left, right, kept)
            known = isinstance(left, Constant) and isinstance(right, Constant)
            self._pairs[key] = Constant(node.value({}), node.labels) if known else node
        return self._pairs[key]

    def product(self, number: float, nodes: Sequence, out: str):
        """A number times the product of all nodes, summed over all axes but `out`."""
        if not nodes:
            return self.number(number)
        nodes, number = self._alone(nodes, out), self.number(number)
        while len(nodes) > 2:
            i, j = min(combinations(range(len(nodes)), 2), key=lambda pair: _growth(nodes, pair, out))
            joined = self.pair(nodes[i], nodes[j], _needed(nodes, {i, j}, out))
            nodes = self._alone([node for k, node in enumerate(nodes) if k not in (i, j)] + [joined], out)
        if len(nodes) == 1:
            return self._scaled(number, nodes[0])
        smaller, larger = sorted(nodes, key=_size)
        if _size(smaller) < math.prod([n for label, n in lengths(nodes).items() if label in out]):
            return self.pair(larger, self._scaled(number, smaller), out)
        return self._scaled(number, self.pair(larger, smaller, out))

    def _scaled(self, number, node):
        return node if number.array == 1 else self.pair(node, number, node.labels)

    def _alone(self, nodes, out):
        """The nodes, each summed over the axes that it has alone."""
        needed = [_needed(nodes, {k}, out) for k in range(len(nodes))]
        return [node if needed[k].issuperset(node.labels) else self._sum(node, needed[k]) for k, node in enumerate(nodes)]

    def _sum(self, node, kept):
        if not isinstance(node, Statistic):
            return self.pair(node, self.number(1.0), kept)
        key = (node, None, frozenset(kept) & {*node.labels})
        return self._pairs.setdefault(key, node.summed(kept))

    def folded(self, constants: Sequence, out: str):
        """The constants, multiplied and summed as far as that makes no array larger than they are."""
        constants = self._alone(constants, out)
        for i, j in combinations(range(len(constants)), 2):
            if _growth(constants, (i, j), out) <= -min(_size(constants[i]), _size(constants[j])):
                joined = self.pair(constants[i], constants[j], _needed(constants, {i, j}, out))
                return self.folded([node for k, node in enumerate(constants) if k not in (i, j)] + [joined], out)
        return constants


def lengths(nodes) -> Mapping[str, int]:
    """The length of each axis."""
    return {label: n for node in nodes for label, n in zip(node.labels, node.shape, strict=True)}


def _growth(nodes, pair, out):
    """How much larger a product is than its operands: the greedy choice takes the least."""
    two, kept = [nodes[k] for k in pair], _needed(nodes, pair, out)
    return math.prod([n for label, n in lengths(two).items() if label in kept]) - sum(map(_size, two))


def _size(node):
    return math.prod(node.shape)


def _needed(nodes, without, out):
    """The labels that the result or nodes other than these have."""
    return {*out}.union(*[node.labels for k, node in enumerate(nodes) if k not in without])


def _kernel(left, right, kept) -> tuple[Callable, str]:
    """A function that multiplies two arrays and sums over all axes but those kept, and the labels of what it returns."""
    a, b, length = left.labels, right.labels, lengths([left, right])
    if not b:
        gone = tuple([k for k, label in enumerate(a) if label not in kept])
        summed = "".join([label for label in a if label in kept])
        return (lambda x, number: x.sum(axis=gone) * number) if gone else mul, summed
    batch = [label for label in a if label in b and label in kept]
    inner = [label for label in a if label in b and label not in kept]
    rows, columns = [label for label in a if label not in b], [label for label in b if label not in a]
    out, R, N, C = "".join(batch + rows + columns), *(math.prod([length[k] for k in group]) for group in (rows, inner, columns))
    if not inner or batch and R * N * C < BLOCK:
        return lambda x, y: np.einsum(f"{a},{b}->{out}", x, y), out
    if R > C:
        multiply, out = _kernel(right, left, kept)  # the longer axes last, where they are next to each other in memory
        return lambda x, y: multiply(y, x), out
    plates, shape = [length[k] for k in batch], tuple([length[k] for k in out])
    first = _arranged(left, batch + rows + inner, (*plates, R, N))
    second = _arranged(right, batch + inner + columns, (*plates, N, C))
    return lambda x, y: (first(x) @ second(y)).reshape(shape), out


def _arranged(node, order, shape):
    """A function that puts the axes of a node's array in order, as an array of this shape."""
    axes = [node.labels.index(label) for label in order]
    if axes == sorted(axes):
        return lambda x: x.reshape(shape)
    return lambda x: x.transpose(axes).reshape(shape)
