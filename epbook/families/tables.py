"""Distributions of discrete variables that are a product of tables over a junction forest."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ..errors import NoMassError
from .road import Road, log_ratio, log_sum, log_sum_flops


class Scope:
    """The cliques that a term needs, and the roads of messages among them.

    Args:
        variables, cliques, parents, cardinalities: as in `Road`.

    Attributes:
        states: pairs of a variable of the term and its number of states.
        alone: the road without the term.
        reaching: the road to the term.
    """

    def __init__(self, variables: Sequence[int], cliques: Sequence[tuple], parents: Sequence[int], cardinalities: Sequence[int]):
        self.states, self.cliques = [(v, cardinalities[v]) for v in variables], list(cliques)
        self.alone = Road((), cliques, parents, cardinalities)
        self.reaching = Road(variables, cliques, parents, cardinalities)

    @cached_property
    def flops(self):
        """Operations of one visit of EP beside the term's."""
        alone, reaching = self.alone, self.reaching
        roads = 3 * alone.collect_flops + alone.distribute_flops + reaching.collect_flops + reaching.distribute_flops
        to_cliques = sum(log_sum_flops(wide.size, wide.own) for wide in reaching.steps[1:])
        to_conditionals = sum(log_sum_flops(clique.own, clique.shared) for clique in alone.steps[1:])
        algebra = 16 * sum(clique.own for clique in alone.steps[1:])  # 7 of them in the divergence
        return roads + to_cliques + to_conditionals + algebra + reaching.steps[0].size + 6


class JunctionTables:
    """A product of tables, one a clique of a `Scope`, not necessarily normalised.

    Args:
        scope: the cliques and their trees.
        tables: log tables, one a clique, with the variables in increasing order.

    Example:
        >>> apart = Scope((0, 1), [(0,), (1,)], [0, 0], [2, 2])
        >>> q = JunctionTables(apart, [np.log([1.0, 3.0]), np.log([2.0, 2.0])])
        >>> round(float(np.exp(q.log_normaliser)), 12), np.exp(q.marginals[0]).round(12).tolist()
        (16.0, [0.25, 0.75])

    Book: section 4.2.
    """

    def __init__(self, scope: Scope, tables: Sequence[np.ndarray]):
        self.scope, self.tables = scope, tables

    def __mul__(self, other):
        return JunctionTables(self.scope, [a + b for a, b in zip(self.tables, other.tables, strict=True)])

    def __truediv__(self, other):
        return JunctionTables(self.scope, [log_ratio(a, b) for a, b in zip(self.tables, other.tables, strict=True)])

    def __pow__(self, power):
        return self if power == 1.0 else JunctionTables(self.scope, [power * table for table in self.tables])

    def __repr__(self):
        return f"JunctionTables on cliques {self.scope.cliques}"

    def moment_match(self, term, power=1.0, restricted=False):
        """Keep the clique marginals of self * term ** power: (4.13), (4.55), (4.56).

        Args:
            term: has `variables`, `cardinalities` and `log_z(cavity, power)`, which takes the cavity's normalised log table on
                these, in increasing order, and returns log Z and the tilted log table.
            power: the exponent of power EP.
            restricted: must be False.

        Returns:
            (log Z, the matched distribution).

        Raises:
            ValueError: if restricted, or if the term's variables or their states are not those of the scope.
            NoMassError: if the term leaves self without probability.
        """
        if restricted:
            raise ValueError("restricted=True is defined for Gaussians: a table has no precision to keep; use damping")
        if sorted(zip(term.variables, term.cardinalities)) != self.scope.states:
            variables, states = zip(*self.scope.states)
            raise ValueError(f"{term!r} cannot take the place of a term on variables {variables} with {states} states")
        road = self.scope.reaching
        beliefs, messages = road.collect(self.tables)
        log_z, beliefs[0] = term.log_z(beliefs[0] - self.log_normaliser, power)
        if not log_z > -math.inf:
            raise NoMassError(f"{term!r} forbids every state that the other terms allow")
        road.distribute(beliefs, messages)
        marginals = [log_sum(belief, step.carried) for belief, step in zip(beliefs[1:], road.steps[1:], strict=True)]
        return log_z, self._with_marginals(marginals)

    def _with_marginals(self, marginals):
        """Every clique's distribution given its parent (4.57) replaced, and nothing else.

        Tables in another form, each a conditional say, are the same distribution, but then a site would hold
        beside its news the difference in form, which adds up when many sites are updated at once.
        """
        below = zip(*[steps[1:] for steps in (*self._collected, self.scope.alone.steps)], strict=True)
        tables = []
        for table, marginal, (belief, message, step) in zip(self.tables, marginals, below, strict=True):
            new = log_ratio(marginal, log_sum(marginal, step.up).reshape(step.in_clique))
            old = log_ratio(belief, message.reshape(step.in_clique))
            tables.append(table + log_ratio(new, old))
        matched = JunctionTables(self.scope, tables)
        matched.marginals = marginals
        return matched

    def joint(self):
        """The normalised log table on the term's variables, in increasing order."""
        return self.scope.reaching.collect(self.tables)[0][0] - self.log_normaliser

    @cached_property
    def _collected(self):
        return self.scope.alone.collect(self.tables)

    @property
    def log_normaliser(self):
        """log of the sum over all states of the cliques' variables."""
        return float(self._collected[0][0])

    @property
    def is_proper(self):
        """Whether some state has mass."""
        return math.isfinite(self.log_normaliser)

    @cached_property
    def marginals(self):
        """Normalised log tables, the marginal of each clique."""
        beliefs, messages = list(self._collected[0]), self._collected[1]
        beliefs[0] = np.zeros(())  # the log of the whole, once normalised
        self.scope.alone.distribute(beliefs, messages)
        return beliefs[1:]

    def divergence(self, other):
        """Four times the squared Hellinger distances of the cliques' marginals, summed.

        To second order that is the Jeffreys divergence of each, and it is finite where only one of the two
        allows a state.
        """
        pairs = zip(self.marginals, other.marginals, strict=True)
        return sum(4 * float(np.square(np.exp(a / 2) - np.exp(b / 2)).sum()) for a, b in pairs)

    @property
    def flops(self):
        """Operations of one visit of EP beside the term's."""
        return self.scope.flops
