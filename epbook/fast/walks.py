"""The sites of potentials on variables that a tree does not tie directly: chains of tables on the walks between them."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..errors import NoMassError
from ..terms import Potential
from .rooted import RootedForest


class Walks:
    """One chain of tables a potential, from its first variable to its last along the tree, all as one array.

    Entry [i, j, s] belongs to states i and j of the variables before and after step s.  The first steps of all walks
    come first, then the second steps, the longest walk first in each: what the walks do at a step is a slice.

    Args:
        forest: the tree.
        potentials: on two variables each, which no edge of the tree ties.
        states: K, to which all variables are padded.

    Attributes:
        log_sites: logs of the tables of the sites, shape (K, K, steps).
        log_scales: of each site, what its tables must be multiplied by, as a log.
        flops: operations of one `refine`.

    Raises:
        ValueError: if the tree does not join the variables of a potential.

    Book: section 4.2.
    """

    def __init__(self, forest: RootedForest, potentials: Sequence[Potential], states: int):
        walks = [forest.path(*term.variables) for term in potentials]
        longest_first = sorted(range(len(walks)), key=lambda e: -len(walks[e]))
        walks = [walks[e] for e in longest_first]
        self._potentials = [potentials[e] for e in longest_first]
        n, lengths = len(forest.order), np.array([len(walk) for walk in walks], dtype=int)
        counts = [int((lengths > step).sum()) for step in range(lengths.max(initial=0))]
        bounds = np.cumsum([0, *counts]).tolist()
        self._steps = [slice(a, b) for a, b in pairwise(bounds)]
        taken = [walks[e][step] for step, count in enumerate(counts) for e in range(count)]
        self._edge = np.array([edge for edge, _ in taken], dtype=int)
        self._up = np.array([up for _, up in taken], dtype=bool)
        self._walk = np.concatenate([np.arange(count) for count in counts] or [np.zeros(0, dtype=int)])
        place = np.repeat(np.arange(len(counts)), np.array(counts, dtype=int))  # of each step in its walk
        self._reverse = np.array(bounds)[lengths[self._walk] - 1 - place] + self._walk
        self._begins = np.array([forest.number[term.variables[0]] for term in self._potentials], dtype=int)
        self._tables, self._highest = self._padded(states)
        by_edge = np.argsort(self._edge, kind="stable")
        self._told, self._starts = np.unique(self._edge[by_edge], return_index=True)
        self._n, shape = n, (states, states, len(taken))
        self._from_joint = self._turned(np.arange(states**2 * n).reshape(states, states, n)[:, :, self._edge])
        self._to_edges = self._turned(np.arange(states**2 * len(taken)).reshape(shape))[:, :, by_edge]
        self.log_sites, self.log_scales = np.zeros(shape), np.zeros(len(walks))
        self.flops = len(taken) * (6 * states**3 + 16 * states**2)

    def _padded(self, K):
        """The potentials, each scaled to a largest entry of 1, as an array [first state, last state, walk]."""
        tables, highest = np.zeros((K, K, len(self._potentials))), np.zeros(len(self._potentials))
        for e, term in enumerate(self._potentials):
            rows, columns = term.table.shape
            highest[e] = term.log_table.max()
            tables[:rows, :columns, e] = np.exp(term.log_table - highest[e])
        return tables, highest

    def _turned(self, tables):
        """Tables of steps up the tree transposed: from [before, after] to [parent, child], or back."""
        return np.where(self._up, tables.swapaxes(0, 1), tables)

    def news(self):
        """The logs of all sites multiplied on each edge of the tree, shape (K, K, n)."""
        sums = np.zeros((*self.log_sites.shape[:2], self._n))
        if len(self._edge):
            sums[:, :, self._told] = np.add.reduceat(self.log_sites.take(self._to_edges), self._starts, axis=2)
        return sums

    def refine(self, joint: np.ndarray, marginal: np.ndarray, damping: float) -> np.ndarray:
        """Replace each site by its tilted chain over its cavity; return the tilted distribution of each step.

        Args:
            joint, marginal: of q, as in `TreeBeliefs`.
            damping: share of the old sites that is kept.

        Raises:
            NoMassError: if a potential forbids every state that the others allow.
        """
        before = joint.take(self._from_joint)
        onward = ratio(before, before.sum(axis=1, keepdims=True) * np.exp(self.log_sites))  # conditionals of the cavity
        behind, ahead, log_messages = self._passed_on(onward, marginal[:, self._begins])
        both = np.einsum("xis,xjs->ijs", behind, ahead)
        tilted = onward * both
        total = tilted.sum(axis=(0, 1))
        self._check_mass(total)
        sites = ratio(both, tilted.sum(axis=1, keepdims=True))
        first, later = slice(len(self._begins)), slice(len(self._begins), None)
        sites[:, :, first] = ahead[:, :, first]
        with np.errstate(divide="ignore"):
            log_sites = np.log(sites)
        log_scales = self._highest + np.bincount(self._walk[later], log_messages[later], len(self._begins))
        if damping:
            log_sites = (1 - damping) * log_sites + damping * self.log_sites
            log_scales = (1 - damping) * log_scales + damping * self.log_scales
        self.log_sites, self.log_scales = log_sites, log_scales
        return tilted / total

    def _passed_on(self, onward, begin):
        """What comes to each step along the walk from its beginning, and from its end; and what each step takes from the latter.

        Both are joint distributions, shape (K, K, steps), up to a number: of the first state and that before the step by
        the cavity, and of the first state and that after the step by the potential and the steps to come.
        """
        chains = np.stack([onward, onward.swapaxes(0, 1).take(self._reverse, axis=2)], axis=2)
        now = np.stack([np.eye(len(onward))[:, :, None] * begin, self._tables], axis=2)
        come, totals = np.empty_like(chains), np.empty(chains.shape[2:])
        with np.errstate(invalid="ignore"):  # of 0 / 0, which is found below
            for step in self._steps:
                come[..., step] = now = now[..., : step.stop - step.start]
                now = np.einsum("xids,ijds->xjds", now, chains[..., step])
                totals[:, step] = now.sum(axis=(0, 1))
                now /= totals[:, step]
        taken = totals[1].take(self._reverse)
        self._check_mass(taken)
        return come[:, :, 0], come[:, :, 1].take(self._reverse, axis=2), np.log(taken)

    def _check_mass(self, totals):
        if not totals.min(initial=1.0) > 0:
            a, b = self._potentials[self._walk[totals.argmin()]].variables
            raise NoMassError(f"the potentials contradict each other: that on {a} and {b} forbids what the others allow")

    def mismatch(self, joint: np.ndarray, tilted: np.ndarray) -> float:
        """The largest of all walks, that of `JunctionTables.divergence`."""
        gaps = np.square(np.sqrt(joint).take(self._from_joint) - np.sqrt(tilted)).sum(axis=(0, 1))
        return math.sqrt(4 * np.bincount(self._walk, gaps, len(self._begins)).max(initial=0.0))


def ratio(above, below):
    """above / below, and 0 where below is 0: what is impossible stays so."""
    below = np.broadcast_to(below, above.shape)
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
