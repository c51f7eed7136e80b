"""The posterior of discrete variables: tables over a junction forest, from single variables to trees of clusters."""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from ..checks import distinct_variables, whole_number
from ..errors import NoMassError
from ..families.road import LARGEST, Road, log_ratio, log_sum, log_sum_flops
from ..families.tables import JunctionTables, Scope
from .base import Posterior
from .junction import JunctionForest


class Forest(Posterior):
    """q over discrete variables, disconnected but for its cliques  (4.1), (4.38).

    Single variables give loopy belief propagation, the edges of a chain or tree give tree EP, disjoint
    groups give clusters.  q starts at 1, unnormalised, so that the evidence is the sum over all states
    of the product of the terms.  A term within one clique is absorbed exactly (4.44); the scope of
    another is the smallest sub-forest that holds its variables, the thesis's loop X_L.

    A pass along a chain in order costs O(n), since it keeps the messages that a change leaves valid.  In a random
    order (`schedule=shuffled`) nearly all of them change each time: on one long chain or tree that is O(n^2).

    Args:
        cardinalities: the number of states of each variable.
        cliques: tuples of variables which form a junction forest; variables not named stand alone.

    Raises:
        ValueError: on variables out of range, a clique with too large a table, or if the cliques form no junction forest.

    Example:
        >>> from epbook import Potential, ep
        >>> terms = [Potential((0, 1), [[3.0, 1.0], [1.0, 2.0]]), Potential((1,), [0.5, 1.0])]
        >>> result = ep(Forest([2, 2]), terms)
        >>> result.posterior.marginal_of(1).round(6).tolist(), round(float(np.exp(result.log_evidence)), 6)
        ([0.4, 0.6], 5.0)

    Book: section 4.1.
    """

    def __init__(self, cardinalities: Iterable[int], cliques: Iterable[Sequence[int]] | None = None):
        self.cardinalities = tuple(whole_number("a number of states", k, 1) for k in cardinalities)
        if not self.cardinalities:
            raise ValueError("a Forest needs at least one variable")
        self._junctions = JunctionForest(self._complete([] if cliques is None else cliques))
        self.cliques = self._junctions.cliques
        self._tables = self._ones()
        self._messages: dict[tuple[int, int], np.ndarray] = {}  # from clique u to clique v, until a change behind u
        self._members: Sequence[dict[int, int]] = ()  # of each term's scope, the cliques and their positions in it
        self._scopes: Sequence[Scope] = ()
        self.sites, self.log_scales = [], []

    def _complete(self, cliques):
        """The cliques with their variables in increasing order, and alone those variables that are in none."""
        cliques = [tuple(sorted(self._checked("a clique", clique))) for clique in cliques]
        for clique in cliques:
            if (size := math.prod(self.cardinalities[v] for v in clique)) > LARGEST:
                raise ValueError(f"the clique {clique} needs a table of {size} entries, and {LARGEST} is the most")
        named = {v for clique in cliques for v in clique}
        return cliques + [(v,) for v in range(len(self.cardinalities)) if v not in named]

    def _checked(self, owner, variables):
        return distinct_variables(owner, variables, len(self.cardinalities))

    def _ones(self):
        return [np.zeros([self.cardinalities[v] for v in clique]) for clique in self.cliques]

    def prepare(self, terms):
        """Find the scope of each term and start its site at 1, or check that the sites of an earlier run fit.

        Raises:
            ValueError: if a term is no potential on these variables, or there are sites, and not one a term.
        """
        if not self.sites:
            self._members, self._scopes = zip(*[self._scope(self._variables_of(term)) for term in terms])
            self.sites = [self._one(*places) for places in zip(self._members, self._scopes)]
            self.log_scales = [0.0] * len(terms)
        super().prepare(terms)

    def _variables_of(self, term):
        if not hasattr(term, "cardinalities"):
            raise ValueError(f"a term of a Forest has variables and cardinalities, like Potential; {term!r} has not")
        variables = self._checked(repr(term), term.variables)
        states = tuple(self.cardinalities[v] for v in variables)
        if states != tuple(term.cardinalities):
            raise ValueError(f"variables {variables} have {states} states, which {term!r} contradicts")
        return variables

    def _scope(self, variables):
        """The cliques of the smallest sub-forest that holds the variables, with positions, and its `Scope`."""
        road = self._junctions.span(variables)
        position = {c: k for k, (c, _) in enumerate(road, start=1)}
        parents = [position.get(before, 0) for _, before in road]
        return position, Scope(sorted(variables), [self.cliques[c] for c in position], parents, self.cardinalities)

    def _one(self, members, scope):
        return JunctionTables(scope, [np.zeros_like(self._tables[c]) for c in members])

    def marginal(self, i):
        """q on the scope of term i."""
        return self._on(self._members[i], self._scopes[i])

    def _on(self, members, scope):
        """q on these cliques: their tables, and what the rest of the forest tells them."""
        return JunctionTables(scope, [self._informed(c, members) for c in members])

    def _informed(self, c, besides=()):
        """The table of clique c times the messages from its neighbours, besides some."""
        table = self._tables[c]
        for u in self._junctions.neighbours[c]:
            if u not in besides:
                table = table + self._message(u, c)
        return table

    def _message(self, u, v):
        """What clique u tells its neighbour v of all that lies behind u, up to a constant."""
        for a, b in self._junctions.inputs(u, v, self._messages):
            outside = tuple([axis for axis, x in enumerate(self.cliques[a]) if x not in self.cliques[b]])
            shape = [self.cardinalities[x] if x in self.cliques[a] else 1 for x in self.cliques[b]]
            message = log_sum(self._informed(a, (b,)), outside).reshape(shape)
            self._messages[a, b] = message - message.max()
        return self._messages[u, v]

    def update(self, batch, sites):
        """Replace the sites of `batch` and absorb the change into q.

        Raises:
            NoMassError: if several sites at once leave no state possible.
        """
        for i, site in zip(batch, sites, strict=True):
            for c, new, old in zip(self._members[i], site.tables, self.sites[i].tables, strict=True):
                self._tables[c] = log_ratio(self._tables[c] + new, old)
                for message in self._junctions.consequences(c, self._messages):
                    del self._messages[message]
            self.sites[i] = site
        if len(batch) > 1 and self.log_normaliser() == -math.inf:
            raise NoMassError("the terms contradict each other: together they forbid every state")

    def refresh(self):
        """Multiply q anew from the sites, against accumulated rounding."""
        self._tables, self._messages = self._ones(), {}
        for members, site in zip(self._members, self.sites, strict=True):
            for c, table in zip(members, site.tables, strict=True):
                self._tables[c] = self._tables[c] + table

    @cached_property
    def _everywhere(self):
        """The road through all cliques."""
        parents = [0 if parent is None else parent + 1 for parent in self._junctions.parents]
        return Road((), self.cliques, parents, self.cardinalities)

    def log_normaliser(self):
        """log of the sum of q over all states."""
        return float(self._everywhere.collect(self._tables)[0][0])

    def copy(self):
        twin = super().copy()
        twin._tables, twin._messages = list(self._tables), dict(self._messages)
        return twin

    def joint_of(self, variables: int | Sequence[int]) -> np.ndarray:
        """q of one or several variables, in one clique or not, shape (states of the first, of the second, ...)."""
        variables = self._checked("a joint", variables)
        table = np.exp(self._on(*self._scope(variables)).joint())
        return table.transpose(np.argsort(np.argsort(variables)))

    def marginal_of(self, variable: int) -> np.ndarray:
        """q of one variable, shape (states,)."""
        return self.joint_of((variable,))

    @property
    def mean(self):
        """The probability of every state of every variable, one variable after another."""
        held = [(v, self._junctions.top[v]) for v in range(len(self.cardinalities))]
        tables = [log_sum(self._informed(c), tuple([k for k, x in enumerate(self.cliques[c]) if x != v])) for v, c in held]
        weights = [np.exp(table - table.max()) for table in tables]
        return np.concatenate([weight / weight.sum() for weight in weights])

    @property
    def variance(self):
        """The variance of every state's indicator, in the order of `mean`."""
        return self.mean * (1 - self.mean)

    @property
    def covariance(self):
        """The covariance of all states' indicators, in the order of `mean`: a block for each pair of variables.

        It is dense, and takes time and memory O(n^2) in the number of variables; `joint_of` asks for one pair.
        """
        n = range(len(self.cardinalities))
        return np.block([[self._covariance_of(a, b) for b in n] for a in n])

    def _covariance_of(self, a, b):
        joint = np.diag(self.marginal_of(a)) if a == b else self.joint_of((a, b))
        return joint - np.outer(self.marginal_of(a), self.marginal_of(b))

    @property
    def flops(self):
        """Operations of one pass beside the terms', sequential and with the messages that it makes anew.

        The mean, once a pass, costs less and is left out.
        """
        visits = sum(site.flops for site in self.sites)
        refresh = sum(table.size for site in self.sites for table in site.tables)
        return visits + refresh + self._message_flops() + self._everywhere.collect_flops + len(self.sites)

    def _message_flops(self):
        """Operations of the messages of one sequential pass: the same walk with the sizes alone."""
        known, total = set(), 0
        for members in self._members:
            for c in members:
                for u in self._junctions.neighbours[c]:
                    if u not in members:
                        made = self._junctions.inputs(u, c, known)
                        total += self._tables[c].size + sum(self._message_price(*pair) for pair in made)
                        known.update(made)
            for c in members:
                known.difference_update(self._junctions.consequences(c, known))
        return total

    def _message_price(self, u, v):
        size = self._tables[u].size
        shared = math.prod(self.cardinalities[x] for x in set(self.cliques[u]) & set(self.cliques[v]))
        return size * (len(self._junctions.neighbours[u]) - 1) + log_sum_flops(size, shared) + shared
