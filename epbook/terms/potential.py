"""The term of a network: a table over a few discrete variables."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..checks import distinct_variables, finite_array
from ..families.road import LARGEST, log_sum, log_sum_flops


class Potential:
    """A table h(x_a, x_b, ...) >= 0 over discrete variables: a conditional probability, an interaction, a piece of evidence.

    Args:
        variables: their numbers, distinct, in the order of the table's axes.
        table: shape (states of the first variable, of the second, ...), not all zero.

    Attributes:
        log_table: log of the table, its axes in the same order.  In a group `table` may under- or overflow; this does not.

    Raises:
        ValueError: unless table has one axis a variable, and is finite, >= 0 and not all zero.

    Example:
        >>> rain_given_cloud = Potential((0, 1), [[0.9, 0.1], [0.3, 0.7]])
        >>> cloudy = Potential((0,), [0.2, 0.8])
        >>> Potential.group([rain_given_cloud, cloudy]).table.sum(axis=0).round(12).tolist()
        [0.42, 0.58]

    Book: section 4.1.
    """

    def __init__(self, variables: Sequence[int], table: ArrayLike):
        self.variables = distinct_variables("a potential", variables)
        self.table = finite_array("table", table, tuple(range(len(self.variables) + 1)))
        if self.table.ndim != len(self.variables):
            axes = "1 axis" if len(self.variables) == 1 else f"{len(self.variables)} axes"
            raise ValueError(f"a potential on variables {self.variables} needs a table with {axes}, not {self.table.ndim}")
        if (self.table < 0).any() or not self.table.any():
            raise ValueError(f"a potential must be >= 0 and not all zero, but that on variables {self.variables} is not")
        with np.errstate(divide="ignore"):
            self.log_table = np.log(self.table)
        self._keep()

    def _keep(self):
        """Order the axes for `log_z`, and let nobody change one table without the other."""
        self._sorted = self.log_table.transpose(np.argsort(self.variables))
        self.table.flags.writeable = False
        self.log_table.flags.writeable = False

    def __repr__(self):
        return f"Potential({self.variables}, table of shape {self.table.shape})"

    @classmethod
    def group(cls, potentials: Iterable["Potential"]) -> "Potential":
        """The product of several potentials as one term, on all their variables in increasing order  (4.22).

        A single one is its own product, and is returned as it is.

        Args:
            potentials: at least one.

        Raises:
            ValueError: if none are given, two differ in a variable's number of states, the table would be too large,
                or no state is left.
        """
        potentials = list(potentials)
        if len(potentials) == 1:
            return potentials[0]
        states: dict[int, int] = {}
        for potential in potentials:
            for v, size in zip(potential.variables, potential.cardinalities):
                if states.setdefault(v, size) != size:
                    raise ValueError(f"variable {v} has {states[v]} states in one potential and {size} in another")
        variables, size = tuple(sorted(states)), math.prod(states.values())
        if not potentials or size > LARGEST:
            raise ValueError(
                f"a group of {len(potentials)} potentials, on variables {variables}, needs 1 to {LARGEST} entries, not {size}"
            )
        log_table = np.zeros([states[v] for v in variables])
        for potential in potentials:
            log_table += potential._sorted.reshape([states[v] if v in potential.variables else 1 for v in variables])
        if log_table.max() == -math.inf:
            raise ValueError(f"the group on variables {variables} is zero: its potentials contradict each other")
        return cls._of(variables, log_table)

    @classmethod
    def _of(cls, variables, log_table):
        """Build without checks, and without a product's underflow; variables in increasing order."""
        self = object.__new__(cls)
        with np.errstate(over="ignore", under="ignore"):
            self.variables, self.table, self.log_table = variables, np.exp(log_table), log_table
        self._keep()
        return self

    @property
    def cardinalities(self):
        """The number of states of each of `variables`."""
        return self.table.shape

    def log_z(self, cavity, power=1.0):
        """log of the sum of exp(cavity) * table ** power  (4.14), and the tilted log table.

        Args:
            cavity: normalised log table, the variables in increasing order.
            power: the exponent; 0 ** power is 0.
        """
        tilted = cavity + power * self._sorted
        log_z = float(log_sum(tilted, tuple(range(tilted.ndim))))
        return log_z, tilted if log_z == -math.inf else tilted - log_z

    @property
    def flops(self):
        """Operations of one `log_z`."""
        return 3 * self.table.size + log_sum_flops(self.table.size, 1)
