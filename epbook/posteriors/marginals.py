"""A discrete posterior known by the marginal distribution of each variable."""

from collections.abc import Sequence

import numpy as np

from ..checks import whole_number


class Marginals:
    """One probability table a variable, laid end to end as `Result` wants its mean.

    Args:
        tables: for each variable the probabilities of its states, each of shape (K,), or one array (n, K).

    Example:
        >>> Marginals([[0.25, 0.75], [0.5, 0.25, 0.25]]).mean.tolist()
        [0.25, 0.75, 0.5, 0.25, 0.25]

    Book: section 4.1.
    """

    def __init__(self, tables: Sequence[np.ndarray]):
        self.tables = tables

    @property
    def mean(self) -> np.ndarray:
        """All marginals end to end, shape (sum of the cardinalities,): the means of the indicators of the states."""
        return np.concatenate(self.tables)

    @property
    def variance(self) -> np.ndarray:
        """p (1 - p) of each entry of `mean`."""
        return self.mean * (1 - self.mean)

    @property
    def covariance(self) -> np.ndarray:
        """Not known from marginals alone.

        Raises:
            NotImplementedError: always; `joint_of` of an exact answer or a `Forest` tells how two variables go together.
        """
        raise NotImplementedError("marginals do not tell a covariance; ask an exact answer or a Forest for joint_of((a, b))")

    def marginal_of(self, variable: int) -> np.ndarray:
        """The probabilities of the states of one variable, shape (K,).

        Raises:
            ValueError: if there is no such variable.
        """
        return np.array(self.tables[whole_number("variable", variable, 0, len(self.tables) - 1)], dtype=float)
