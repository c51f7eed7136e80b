"""What the variables of a network and their states are called."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..checks import whole_number


class Labels:
    """Numbers for names: a variable or state may be given by its number or, where it has one, by its name.

    Args:
        cardinalities: how many states each variable has.
        names: distinct strings, one a variable; None: they have numbers only.
        states: for each variable its states' names, distinct strings; None, for all or for one: numbers only.

    Raises:
        ValueError: unless every cardinality is at least 1, and names and states are as told.

    Book: section 4.1.
    """

    def __init__(self, cardinalities: Sequence[int], names: Sequence[str] | None, states: Sequence[Any] | None):
        if np.ndim(cardinalities) != 1 or len(cardinalities) == 0:
            raise ValueError(f"cardinalities must be one number of states a variable, not {cardinalities!r:.60}")
        self.cardinalities = tuple(whole_number("a cardinality", k, 1) for k in cardinalities)
        n = len(self.cardinalities)
        self.names = None if names is None else _distinct("names", names, n)
        states = [None] * n if states is None else list(states)
        if len(states) != n:
            raise ValueError(f"states of {len(states)} variables were given for {n} variables")
        self.states = [
            s if s is None else _distinct(f"states of variable {v}", s, k)
            for v, (s, k) in enumerate(zip(states, self.cardinalities))
        ]

    def variable(self, name: int | str) -> int:
        """The number of a variable.

        Raises:
            ValueError: if there is none of this name or number.
        """
        return _number("variable", name, self.names, len(self.cardinalities))

    def state(self, variable: int | str, name: int | str) -> int:
        """The number of a state of a variable.

        Raises:
            ValueError: if there is none of this name or number.
        """
        v = self.variable(variable)
        return _number(f"state of variable {variable!r}", name, self.states[v], self.cardinalities[v])

    def evidence(self, evidence: Mapping[Any, Any]) -> dict[int, int]:
        """Observed states as numbers.

        Raises:
            ValueError: on an unknown variable or state, or a variable observed under its name and under its number.
        """
        if not isinstance(evidence, Mapping):
            raise ValueError(f"evidence must be a dictionary of variable: state, not {evidence!r:.60}")
        seen = {self.variable(variable): self.state(variable, state) for variable, state in evidence.items()}
        if len(seen) < len(evidence):
            raise ValueError(f"a variable is observed twice, by name and by number: {evidence}")
        return seen


def _distinct(what, names, n):
    """The names as a tuple, checked."""
    names = tuple(names)
    if len(names) != n or len(set(names)) != n or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{what} must be {n} distinct strings, not {names!r:.80}")
    return names


def _number(what, name, names, n):
    """The number that a name stands for; a number stands for itself."""
    if isinstance(name, str):
        if names is None or name not in names:
            raise ValueError(f"there is no {what} called {name!r}; there are {', '.join(names) if names else f'0..{n - 1}'}")
        return names.index(name)
    if isinstance(name, (bool, np.bool_)):  # True is 1 in Python, but who says it means "yes" or "here"
        raise ValueError(f"{what} must be a number or a name, not {name!r}")
    return whole_number(what, name, 0, n - 1)
