"""Undirected networks of discrete variables: a product of potentials, and what to do with it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array, number_in, whole_number
from ..errors import NoMassError
from ..posteriors import Forest
from ..terms import Potential
from .groupings import short_cycles, strongest_tree
from .labels import Labels
from .variable_elimination import LARGEST, ExactMarginals


class MarkovNetwork(Labels):
    """Discrete variables x_0 .. x_{n-1} with p(x) proportional to a product of potentials.

    Its evidence is the sum of that product over all joint states, the partition function.

    Args:
        cardinalities: how many states each variable has.
        potentials: `Potential`s, or pairs (variables, table).
        names: distinct strings, one a variable, or None.
        states: for each variable the names of its states, or None.

    Raises:
        ValueError: if a potential's table does not fit the cardinalities of its variables.

    Example:
        >>> loop = [((0, 1), [[3, 1], [1, 2]]), ((1, 2), [[2, 1], [1, 2]]), ((0, 2), [[2, 1], [1, 1]])]
        >>> network = MarkovNetwork([2, 2, 2], loop)
        >>> network.exact().marginal_of(0).round(3).tolist()
        [0.679, 0.321]
        >>> network.observe({1: 0}).exact().marginal_of(0).round(3).tolist()
        [0.833, 0.167]

    Book: section 4.1.
    """

    def __init__(
        self,
        cardinalities: Sequence[int],
        potentials: Iterable[Any],
        names: Sequence[str] | None = None,
        states: Sequence[Any] | None = None,
    ):
        super().__init__(cardinalities, names, states)
        self.terms = [p if isinstance(p, Potential) else _potential(p) for p in potentials]
        for term in self.terms:
            self._check_fit(term)

    def _check_fit(self, term):
        n = len(self.cardinalities)
        if max(term.variables) >= n:
            raise ValueError(f"a potential is on variables {term.variables}, but the network has variables 0..{n - 1}")
        shape = tuple(self.cardinalities[v] for v in term.variables)
        if term.table.shape != shape:
            raise ValueError(f"a potential on variables {term.variables} needs a table of shape {shape}, not {term.table.shape}")

    def posterior(self, cliques: Sequence[Sequence[int]] | None = None) -> Forest:
        """Where EP starts: q uniform over the junction forest of the cliques, all variables alone by default."""
        return Forest(self.cardinalities, cliques)

    def exact(self, evidence: Mapping[Any, Any] | None = None, largest: int = LARGEST) -> ExactMarginals:
        """Evidence and marginals by variable elimination.

        Args:
            evidence: observed states by variable, as in `observe`.
            largest: refuse to build a table with more entries than this.

        Raises:
            ValueError: if a larger table would be needed.
            NoMassError: if no joint state is possible.
        """
        network = self.observe(evidence) if evidence else self
        return ExactMarginals(self.cardinalities, [(term.variables, term.log_table) for term in network.terms], largest)

    def observe(self, evidence: Mapping[Any, Any]) -> "MarkovNetwork":
        """The network with some variables known.

        They keep their numbers and states, with probability 1 on the observed one; the tables are cut down to it,
        so that no loop passes through a known variable.  The terms keep their numbers too; one more for each known
        variable follows them.  The evidence of the new network is the sum of the product over the joint states
        that agree with what was observed.

        Args:
            evidence: state by variable, each a number or a name.

        Raises:
            ValueError: on an unknown variable or state.
            NoMassError: if a potential forbids what was observed.
        """
        seen = self.evidence(evidence)
        certain = {v: np.eye(self.cardinalities[v])[state] for v, state in seen.items()}
        cut = []
        for term in self.terms:
            index = tuple(seen.get(v, slice(None)) for v in term.variables)
            table, log_table = term.table[index], term.log_table[index]
            if log_table.max() == -np.inf:
                raise NoMassError(f"the potential on variables {term.variables} forbids the observed states")
            rest = tuple(v for v in term.variables if v not in seen)
            if rest:
                cut.append(_with_logs(rest, table, log_table))
            else:  # a number, kept with one of its variables; apart from the others, as their product may underflow
                here = certain[term.variables[0]] > 0
                cut.append(_with_logs(term.variables[:1], np.where(here, table, 0), np.where(here, log_table, -np.inf)))
        known = [Potential((v,), table) for v, table in certain.items()]
        return MarkovNetwork(self.cardinalities, cut + known, self.names, self.states)

    def tree(self) -> list[tuple[int, int]]:
        """Edges of the tree, or forest, that keeps the strongest interactions: cliques for `posterior`.

        The strength of a pair is the mutual information of its variables under the potentials that hold both.
        """
        return strongest_tree(self.terms, len(self.cardinalities))

    def groups(self, variables: int = 4) -> list[list[int]]:
        """Numbers of terms to be taken together, each term once: short cycles, such as the faces of a grid.

        Args:
            variables: no group of several terms ties more variables than this together.
        """
        return short_cycles(self.terms, whole_number("variables", variables, 2))

    def grouped(self, groups: Sequence[Sequence[int]] | None = None) -> list[Potential]:
        """The terms multiplied together group by group: terms for `ep`.

        Args:
            groups: numbers of terms, each term once; by default those of `groups()`.

        Raises:
            ValueError: if a term is in no group, or in two.
        """
        groups = self.groups() if groups is None else [list(group) for group in groups]
        if sorted(i for group in groups for i in group) != list(range(len(self.terms))) or not all(groups):
            raise ValueError(f"groups must hold each of the {len(self.terms)} terms once, and none be empty")
        return [Potential.group([self.terms[i] for i in group]) if len(group) > 1 else self.terms[group[0]] for group in groups]

    @classmethod
    def ising(cls, edges: ArrayLike, couplings: ArrayLike, fields: ArrayLike) -> "MarkovNetwork":
        """Spins s = -1 (state 0) or +1 (state 1) with p proportional to exp(sum J_ab s_a s_b + sum h_a s_a).

        Args:
            edges: pairs (a, b), shape (m, 2); there may be none.
            couplings: J, shape (m,), or one number for all; |J| and |h| at most 700, so that their exponentials are numbers.
            fields: h, shape (n,).

        Raises:
            ValueError: on other shapes, NaN, larger numbers, or an edge to a spin that has no field.

        Example:
            >>> loop = MarkovNetwork.ising([(0, 1), (1, 2), (0, 2)], 0.5, [0.3, 0.0, 0.0])
            >>> loop.exact().marginal_of(2).round(3).tolist()
            [0.41, 0.59]
        """
        fields = _exponents("fields", fields, 1)
        edges = finite_array("edges", edges, 2) if len(edges) else np.zeros((0, 2))
        if edges.shape[1] != 2:
            raise ValueError(f"edges must be pairs of spins, shape (m, 2), not {edges.shape}")
        couplings = _exponents("couplings", couplings, (0, 1)) if np.size(couplings) else np.zeros(0)
        if couplings.ndim and len(couplings) != len(edges):
            raise ValueError(f"{len(couplings)} couplings were given for {len(edges)} edges")
        couplings = np.broadcast_to(couplings, len(edges))
        spins = np.array([-1.0, 1.0])
        pairs = [Potential(edge, np.exp(J * np.outer(spins, spins))) for edge, J in zip(edges, couplings)]
        alone = [Potential((a,), np.exp(h * spins)) for a, h in enumerate(fields)]
        return MarkovNetwork([2] * len(fields), alone + pairs)

    @classmethod
    def grid(
        cls, rows: int, cols: int, coupling: float = 1.0, field: float = 1.0, rng: int | np.random.Generator | None = None
    ) -> "MarkovNetwork":
        """An Ising grid, spin (r, c) being variable r * cols + c, with Gaussian couplings and fields.

        Args:
            rows, cols: its size.
            coupling, field: standard deviations of the couplings and of the fields, >= 0.
            rng: seed or numpy Generator.

        Example:
            >>> len(MarkovNetwork.grid(3, 3, rng=0).terms)
            21
        """
        number = np.arange(whole_number("rows", rows, 1) * whole_number("cols", cols, 1)).reshape(rows, cols)
        across = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
        down = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
        return cls._random_ising(np.concatenate([across, down]), number.size, coupling, field, rng)

    @classmethod
    def random(
        cls, variables: int, edges: int, coupling: float = 1.0, field: float = 1.0, rng: int | np.random.Generator | None = None
    ) -> "MarkovNetwork":
        """An Ising model on a connected random graph: a random tree, and further edges drawn among all others.

        Args:
            variables, edges: its size; at least variables - 1 edges, at most all pairs.
            coupling, field: standard deviations of the couplings and of the fields, >= 0.
            rng: seed or numpy Generator.

        Example:
            >>> len(MarkovNetwork.random(6, 8, rng=0).tree())
            5
        """
        n = whole_number("variables", variables, 2)
        m, rng = whole_number("edges", edges, n - 1, n * (n - 1) // 2), np.random.default_rng(rng)
        order = rng.permutation(n)
        chosen = {tuple(sorted((int(order[k]), int(order[rng.integers(k)])))) for k in range(1, n)}
        others = [(a, b) for a in range(n) for b in range(a + 1, n) if (a, b) not in chosen]
        extra = [others[k] for k in rng.permutation(len(others))[: m - n + 1]]
        return cls._random_ising(sorted(chosen) + extra, n, coupling, field, rng)

    @classmethod
    def _random_ising(cls, edges, n, coupling, field, rng):
        rng = np.random.default_rng(rng)
        coupling, field = number_in("coupling", coupling, 0, np.inf), number_in("field", field, 0, np.inf)
        return cls.ising(edges, coupling * rng.standard_normal(len(edges)), field * rng.standard_normal(n))


def _exponents(name, value, ndim):
    """The array, checked: neither its exponentials nor those of its negative may overflow."""
    array = finite_array(name, value, ndim)
    if np.abs(array).max() > 700:
        raise ValueError(f"{name} must lie in [-700, 700], not {array.flat[np.abs(array).argmax()]:g}")
    return array


def _with_logs(variables, table, log_table):
    """A potential cut from another, whose table may have under- or overflowed."""
    potential = Potential._of(variables, log_table)
    potential.table = table
    return potential


def _potential(pair):
    """The potential of a pair (variables, table)."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"each potential must be a Potential or a pair (variables, table), not {pair!r:.60}")
    return Potential(*pair)
