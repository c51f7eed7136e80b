"""Discrete states and matrices with unknown rows: tables times Dirichlets, and the term that draws from a row.

Every term is one draw from one row of a matrix whose rows are unknown: the next state from the row of the last one, or what
is seen from the row of the state.  Say that the draw takes entry j of row k where the states are in (k, j).  With the rows
integrated out the term is a table on the states, E[entries] = a_kj / sum_j a_kj; and given that the draw took entry j of row
k, with probability w_kj, row k is Dirichlet(a_k + e_j), and every other row is what it was.  So the tilted row is a mixture:

    E[log row k] = (1 - sum_j w_kj) E_a[log] + sum_j w_kj E_(a + e_j)[log],

where E_(a + e_j)[log] differs from E_a[log] by e_j / a_kj - 1 / sum_j a_kj.  No more is asked of the loop than a family.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from ..families import Dirichlet
from ..families.road import log_sum_flops
from ..posteriors import Forest
from ..posteriors.base import Posterior
from ..terms import Potential


class Draw:
    """The term of one draw from a row of a matrix.

    Args:
        matrix: its name.
        variables: the states that choose the entry, at most (row's, column's).
        index: for each axis of the matrix `slice(None)` if a state chooses along it, else the number chosen.
        shape: of the matrix.

    Example:
        >>> seen = Draw("emission", (3,), (slice(None), 1), (2, 2))  # state 3 chose the row, and column 1 was seen
        >>> seen.potential(np.array([[0.9, 0.1], [0.4, 0.6]])).table.tolist()
        [0.1, 0.6]

    Book: chapter 6.
    """

    def __init__(self, matrix: str, variables: tuple[int, ...], index: tuple, shape: tuple[int, int]):
        self.matrix, self.variables, self.index, self.shape = (matrix, variables, index, shape)
        self.cardinalities = np.empty(shape)[index].shape

    def __repr__(self):
        return f"Draw({self.matrix!r}, states {self.variables})"

    def potential(self, entries: np.ndarray) -> Potential:
        """The table that the matrix, here `entries`, is to the states."""
        return Potential(self.variables, entries[self.index])

    def taken(self, joint: np.ndarray) -> np.ndarray:
        """The probability w that the draw took each entry of the matrix, from that of the states."""
        weights = np.zeros(self.shape)
        weights[self.index] = joint
        return weights

    def log_z(self, states: Any, entries: np.ndarray) -> tuple[float, Any, np.ndarray]:
        """log Z, the matched states, and w, under a cavity with E[matrix] = entries."""
        potential = self.potential(entries)
        log_z, matched = states.moment_match(potential)
        return log_z, matched, self.taken(np.exp(potential.log_z(states.joint())[1]))

    @property
    def flops(self):
        """Operations of one `log_z`, and of the E[matrix] that it is told, beside those of the states."""
        size = math.prod(self.cardinalities)
        return 2 * math.prod(self.shape) + 8 * size + 2 * log_sum_flops(size, 1)


class StatesAndRows:
    """Tables for some states, times a Dirichlet for every row of one matrix.

    Args:
        states: a `JunctionTables`.
        rows: one `Dirichlet` a row.

    Example:
        >>> posterior = MatrixPosterior(Forest([2]), {"emission": [Dirichlet([1.0, 1.0]), Dirichlet([1.0, 3.0])]})
        >>> seen = Draw("emission", (0,), (slice(None), 1), (2, 2))
        >>> posterior.prepare([seen])
        >>> log_z, tilted = posterior.marginal(0).moment_match(seen)
        >>> round(math.exp(log_z), 3), np.exp(tilted.states.marginals[0]).round(3).tolist()
        (0.625, [0.4, 0.6])

    Book: chapter 6.
    """

    def __init__(self, states: Any, rows: Sequence[Dirichlet]):
        self.states, self.rows = states, rows

    def __mul__(self, other):
        return StatesAndRows(self.states * other.states, [a * b for a, b in zip(self.rows, other.rows, strict=True)])

    def __truediv__(self, other):
        return StatesAndRows(self.states / other.states, [a / b for a, b in zip(self.rows, other.rows, strict=True)])

    def __pow__(self, power):
        return StatesAndRows(self.states**power, [row**power for row in self.rows])

    def moment_match(self, term, power=1.0, restricted=False):
        """log Z, and the member with the states' clique marginals and E[log row] of self * term.

        Raises:
            ValueError: if power is not 1, which has no closed form, or restricted.
            NoMassError: if the term leaves self without probability.
        """
        if power != 1.0 or restricted:
            raise ValueError("a draw from an unknown row is matched in closed form for power=1 and restricted=False alone")
        log_z, states, taken = term.log_z(self.states, np.array([row.mean for row in self.rows]))
        return log_z, StatesAndRows(states, [_matched(row, w) for row, w in zip(self.rows, taken, strict=True)])

    @property
    def is_proper(self):
        """Whether this can be normalised."""
        return self.states.is_proper and all(row.is_proper for row in self.rows)

    @property
    def log_normaliser(self):
        """log of the sum over the states and the integral over the rows."""
        return self.states.log_normaliser + sum(row.log_normaliser for row in self.rows)

    def divergence(self, other):
        """The sum of the parts' divergences."""
        rows = sum(a.divergence(b) for a, b in zip(self.rows, other.rows, strict=True))
        return self.states.divergence(other.states) + rows

    @property
    def flops(self):
        """Operations of one visit of EP beside the term's."""
        return self.states.flops + self.states.scope.reaching.collect_flops + sum(row.flops for row in self.rows)


def _matched(row, w):
    """The Dirichlet with the E[log] of the mixture: row + e_j with probability w_j, row itself with the rest."""
    a = row.concentration
    return Dirichlet.from_expected_logs(row.expected_logs + w / a - w.sum() / a.sum()) if w.any() else row


class MatrixPosterior(Posterior):
    """q over all states and all rows of the matrices.

    Args:
        states: a `Forest` on the states: single ones, or the chain of pairs.
        prior: for each matrix, by name, its rows' `Dirichlet`s.

    Example:
        >>> from epbook import ep
        >>> rows = {"emission": [Dirichlet([3.0, 1.0]), Dirichlet([1.0, 3.0])]}
        >>> result = ep(MatrixPosterior(Forest([2]), rows), [Draw("emission", (0,), (slice(None), 1), (2, 2))])
        >>> result.posterior.marginal_of(0).round(3).tolist()
        [0.25, 0.75]

    Book: chapter 6.
    """

    def __init__(self, states: Forest, prior: dict[str, list[Dirichlet]]):
        self.states, self.prior, self.rows = states, prior, dict(prior)
        self.sites, self.log_scales = [], []
        self._matrices: Sequence[str] = ()

    def prepare(self, terms):
        """Start a site a term at 1, or check that the sites of an earlier run fit."""
        self.states.prepare(terms)
        if not self.sites:
            self._matrices = [term.matrix for term in terms]
            pairs = zip(self.states.sites, self._matrices, strict=True)
            self.sites = [StatesAndRows(one, [row**0.0 for row in self.prior[name]]) for one, name in pairs]
            self.log_scales = [0.0] * len(terms)
        super().prepare(terms)

    def marginal(self, i):
        """q on the states of term i and its matrix."""
        return StatesAndRows(self.states.marginal(i), self.rows[self._matrices[i]])

    def update(self, batch, sites):
        """Replace the sites of `batch` and absorb the change into q."""
        self.states.update(batch, [site.states for site in sites])
        for i, site in zip(batch, sites, strict=True):
            name = self._matrices[i]
            self.rows[name] = [q * new / old for q, new, old in zip(self.rows[name], site.rows, self.sites[i].rows, strict=True)]
            self.sites[i] = site

    def refresh(self):
        """Multiply q anew from the prior and the sites, against accumulated rounding."""
        self.states.refresh()
        self.rows = dict(self.prior)
        for name, site in zip(self._matrices, self.sites, strict=True):
            self.rows[name] = [q * row for q, row in zip(self.rows[name], site.rows, strict=True)]

    def copy(self):
        twin = super().copy()
        twin.states, twin.rows = self.states.copy(), dict(self.rows)
        return twin

    def log_normaliser(self):
        """log of the sum and integral of prior times sites, prior normalised."""
        pairs = [(q, p) for name in self.prior for q, p in zip(self.rows[name], self.prior[name], strict=True)]
        return self.states.log_normaliser() + sum(q.log_normaliser - p.log_normaliser for q, p in pairs)

    def matrix(self, name: str) -> np.ndarray:
        """The posterior mean of one matrix."""
        return np.array([row.mean for row in self.rows[name]])

    def marginal_of(self, variable: int) -> np.ndarray:
        """The probabilities of the state at one time, shape (K,)."""
        return self.states.marginal_of(variable)

    @property
    def mean(self):
        """The means of all entries of all matrices, row after row."""
        return np.concatenate([self.matrix(name).ravel() for name in self.prior])

    @property
    def variance(self):
        """The variances of all entries, in the order of `mean`."""
        return np.concatenate([row.variance for rows in self.rows.values() for row in rows])

    @property
    def covariance(self):
        """The covariance matrix of all entries, in the order of `mean`; q takes the rows to be independent."""
        return block_diag(*[row.covariance for rows in self.rows.values() for row in rows])

    @property
    def flops(self):
        """Operations of one pass beside the terms'."""
        own = sum(site.flops - site.states.flops for site in self.sites)
        return self.states.flops + own
