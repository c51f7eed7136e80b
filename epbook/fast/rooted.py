"""A forest over variables, rooted at its centres and numbered by levels, and the paths through it."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np


class RootedForest:
    """Variables numbered level by level from the roots: levels, and the children of one variable, are slices.

    Args:
        n: how many variables.
        edges: pairs of variables, closing no cycle.

    Attributes:
        order: the variable of each number.
        number, number_of: the number of each variable, as an array and as a list.
        parent: the number of the parent of each number; a root's is -1.
        levels: slices of numbers, the roots' first.

    Raises:
        ValueError: if the edges close a cycle.

    Example:
        >>> forest = RootedForest(5, [(0, 1), (1, 2), (3, 4)])
        >>> forest.order.tolist(), forest.parent.tolist()
        ([1, 4, 0, 2, 3], [-1, -1, 0, 0, 1])
        >>> forest.path(0, 2)
        [(2, True), (3, False)]

    Book: section 4.2.
    """

    def __init__(self, n: int, edges: Sequence[tuple[int, int]]):
        self._neighbours: list[list[int]] = [[] for _ in range(n)]
        for a, b in edges:
            self._neighbours[a].append(b)
            self._neighbours[b].append(a)
        above = self._breadth_first(self._centres(n))
        roots = sum(parent == -1 for parent in above.values())
        if len(edges) != n - roots:
            raise ValueError(f"the {len(edges)} edges of a forest must close no cycle, but tie {n} variables to {roots} trees")
        self.order = np.array(list(above))
        self.number = np.argsort(self.order)
        self.number_of = self.number.tolist()
        parents = np.array(list(above.values()))
        self.parent = np.where(parents == -1, -1, self.number[parents])
        self._above, depth = self.parent.tolist(), [0] * n
        for k in range(roots, n):
            depth[k] = depth[self._above[k]] + 1
        first = np.searchsorted(depth, np.arange(depth[-1] + 2))
        self.levels = [slice(a, b) for a, b in pairwise(first.tolist())]

    def _breadth_first(self, roots: Iterable[int]) -> dict[int, int]:
        """The parent of each variable within reach, near ones first."""
        above = dict.fromkeys(roots, -1)
        queue = list(above)
        for a in queue:
            new = [b for b in self._neighbours[a] if b not in above]
            above.update(dict.fromkeys(new, a))
            queue += new
        return above

    def _centres(self, n):
        """The middle of a longest path of each tree."""
        centres, seen = [], set()
        for v in range(n):
            if v not in seen:
                reached = self._breadth_first([v])
                seen.update(reached)
                above = self._breadth_first([list(reached)[-1]])
                walk = [list(above)[-1]]
                while above[walk[-1]] != -1:
                    walk.append(above[walk[-1]])
                centres.append(walk[len(walk) // 2])
        return centres

    def path(self, a: int, b: int) -> list[tuple[int, bool]]:
        """The edges from variable a to b, each by the number of its lower end, and whether it leads up to the parent.

        Raises:
            ValueError: if they are in different trees.
        """
        up, down, (i, j) = [], [], (self.number_of[a], self.number_of[b])
        while i != j:
            if i > j:  # which is no nearer to the roots
                up.append((i, True))
                i = self._above[i]
            else:
                down.append((j, False))
                j = self._above[j]
            if -1 in (i, j):
                raise ValueError(f"a potential is on variables {a} and {b}, which the tree does not join")
        return up + down[::-1]
