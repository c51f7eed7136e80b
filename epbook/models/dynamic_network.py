"""Belief networks that repeat themselves in time."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..checks import whole_number
from .belief_network import BeliefNetwork
from .markov_network import MarkovNetwork

Slice = Mapping[str, tuple[Sequence[Any], Any]]


def unrolled(start: Slice, step: Slice, slices: int) -> BeliefNetwork:
    """Write a dynamic network out over time: variable "a" of slice t is called "a.t", and the slices stand one after the other.

    Args:
        start: (parents, table) by name for slice 0.
        step: the same for every later slice; a parent ("a", -1) is the "a" of the slice before.
        slices: how many.

    Raises:
        ValueError: unless both slices have the same variables in the same order.

    Example:
        >>> start = {"rain": ((), [0.7, 0.3]), "wet": (("rain",), [[0.9, 0.1], [0.2, 0.8]])}
        >>> step = start | {"rain": ((("rain", -1),), [[0.8, 0.2], [0.4, 0.6]])}
        >>> week = unrolled(start, step, 7)
        >>> len(week.terms), week.names[:4]
        (14, ('rain.0', 'wet.0', 'rain.1', 'wet.1'))

    Book: section 4.1.
    """
    if list(start) != list(step):
        raise ValueError(f"start and step must have the same variables in the same order, not {list(start)} and {list(step)}")
    cpts = {
        f"{name}.{t}": ([_dated(parent, t) for parent in parents], table)
        for t in range(whole_number("slices", slices, 1))
        for name, (parents, table) in (step if t else start).items()
    }
    return BeliefNetwork(cpts)


def _dated(parent, t):
    """The name of a parent of slice t."""
    return f"{parent[0]}.{t + parent[1]}" if isinstance(parent, tuple) else f"{parent}.{t}"


def slice_groups(network: BeliefNetwork | MarkovNetwork, slices: int) -> list[list[int]]:
    """Numbers of the terms of each slice, that of a table's child: groups for `MarkovNetwork.grouped`.

    With these, one pass of `ep` is the filter of Boyen and Koller.

    Args:
        network: unrolled, perhaps observed since.
        slices: how many; they have equally many variables.

    Raises:
        ValueError: if the variables do not divide into so many slices.

    Book: section 4.1.
    """
    n = len(network.cardinalities)
    if n % whole_number("slices", slices, 1):
        raise ValueError(f"{n} variables do not make {slices} equal slices")
    groups: list[list[int]] = [[] for _ in range(slices)]
    for i, term in enumerate(network.terms):  # term i is the table of child i, though observing may have cut the child out
        child = i if i < n else term.variables[0]
        groups[child * slices // n].append(i)
    return groups
