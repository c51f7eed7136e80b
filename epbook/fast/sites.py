"""Gaussian sites of one number each, kept as two arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..families import Gaussian


class SiteArrays:
    """A sequence of `Gaussian` sites that makes each when it is asked for.

    Args:
        precision, shift: of every site, shape (n,); kept, not copied.

    Example:
        >>> sites = SiteArrays(np.zeros(2), np.zeros(2))
        >>> sites[1] = Gaussian(2.0, 1.0)
        >>> sites[1], sites.precision.tolist()
        (Gaussian(precision=2.0, shift=1.0), [0.0, 2.0])

    Book: section 8.2.
    """

    def __init__(self, precision: np.ndarray, shift: np.ndarray):
        self.precision, self.shift = precision, shift

    @classmethod
    def of(cls, sites: Iterable[Any]) -> "SiteArrays":
        """The same sites as arrays, copied."""
        pairs = np.array([(site.precision, site.shift) for site in sites], dtype=float).reshape(-1, 2)
        return cls(pairs[:, 0].copy(), pairs[:, 1].copy())

    def __len__(self) -> int:
        return len(self.precision)

    def __getitem__(self, i: int) -> Gaussian:
        return Gaussian._of(self.precision.item(i), self.shift.item(i))

    def __setitem__(self, i: int, site: Gaussian) -> None:
        self.precision[i], self.shift[i] = site.precision, site.shift

    def __iter__(self) -> Iterator[Gaussian]:
        return (Gaussian._of(*pair) for pair in zip(self.precision.tolist(), self.shift.tolist(), strict=True))

    def copy(self) -> "SiteArrays":
        """Arrays of its own."""
        return SiteArrays(self.precision.copy(), self.shift.copy())
