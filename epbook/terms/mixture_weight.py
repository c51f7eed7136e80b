"""The term of one datum drawn from a mixture whose weights are unknown."""

import math

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array


class MixtureWeight:
    """p(x | w) = sum over k of w_k p_k(x): one datum, the component densities known  (3.79).

    Under Dirichlet(a) the tilted distribution is itself a mixture, of the K Dirichlets a + e_k
    with weights proportional to a_k p_k; every family of Dirichlets takes its moments from those.

    Args:
        densities: p_k(x) >= 0, not all zero, shape (K,), K >= 2.

    Raises:
        ValueError: on other shapes, NaN, negative densities, or if all are zero.

    Example:
        >>> log_z, weights = MixtureWeight([0.3, 0.1]).log_z(np.ones(2))
        >>> round(math.exp(log_z), 12), weights.round(12).tolist()
        (0.2, [0.75, 0.25])

    Book: section 3.3.
    """

    def __init__(self, densities: ArrayLike):
        self.densities = finite_array("densities", densities, 1)
        if self.densities.size < 2:
            raise ValueError("densities needs at least two components: the weight of one is 1")
        if (self.densities < 0).any() or not self.densities.any():
            raise ValueError(f"densities must be >= 0 and not all zero, not {self.densities.tolist()}")
        largest = self.densities.max()  # an outlier's densities would lose digits below 1e-308
        self._log_largest, self._relative = math.log(largest), self.densities / largest

    def __repr__(self):
        return f"MixtureWeight({self.densities.tolist()})"

    def log_value(self, weights: ArrayLike) -> np.ndarray:
        """log p(x | w) at weights of shape (..., K)."""
        return np.log(np.asarray(weights, dtype=float) @ self.densities)

    def log_z(self, concentration, power=1.0):
        """log Z (3.91) under Dirichlet(concentration), and the weights of the tilted mixture, shape (K,)."""
        if np.shape(concentration) != self.densities.shape:
            raise ValueError(f"the term has {self.densities.size} components, but the cavity {np.size(concentration)}")
        if power != 1.0:
            raise ValueError("power != 1 has no closed form for mixture weights: use power=1")
        parts = self._relative * concentration
        total = parts.sum()
        return self._log_largest + math.log(total / concentration.sum()), parts / total

    @property
    def flops(self):
        """Operations of one `log_z`."""
        return 4 * self.densities.size
