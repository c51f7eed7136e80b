"""The posterior that `kernel_ep` returns: marginals known, n x n arrays made when asked for."""

import numpy as np

from ..families import Gaussian
from ..posteriors import KernelGaussian
from ..posteriors.base import Posterior
from .sites import SiteArrays


class SolvedKernelGaussian(KernelGaussian):
    """A `KernelGaussian` at the sites where a solver ended, which `ep` continues from.

    Args:
        kernel: `DensePrior`, whose C is not copied and must stay as it is, or `LowRankKernel`, whose C is made when asked for.
        marginals: `Marginals`, or their like, at the sites.
        log_scales: of the sites, shape (n,).
        error: what the log evidence may be off, to first order, because C was replaced by one of low rank; 0 if it was not.

    Attributes:
        error: as given.

    Example:
        >>> from epbook import Step
        >>> from epbook.fast import kernel_ep
        >>> q = kernel_ep([[1.0, 0.5], [0.5, 1.0]], [Step()] * 2).posterior
        >>> q.covariance.shape, bool(np.allclose(q.covariance.diagonal(), q.variance))
        ((2, 2), True)

    Book: section 8.1.
    """

    def __init__(self, kernel, marginals, log_scales, error=0.0):
        self._kernel, self.mean, self.error = kernel, marginals.mean, error
        self.sites, self.log_scales = SiteArrays(marginals.precision, marginals.shift), log_scales.tolist()
        self._log_det = marginals.log_det
        self._known: tuple | None = (marginals.variance, marginals.coefficients)
        self._covariance: np.ndarray | None = None

    @property
    def C(self) -> np.ndarray:  # type: ignore[override]
        """The kernel matrix, shape (n, n)."""
        return self._kernel.C

    @property
    def covariance(self) -> np.ndarray:
        """A, shape (n, n), made when first asked for, O(n^3)."""
        if self._covariance is None:
            self._rebuild()
        assert self._covariance is not None
        return self._covariance

    @covariance.setter
    def covariance(self, full):
        self._covariance = full

    @property
    def variance(self) -> np.ndarray:
        """The diagonal of the covariance."""
        return super().variance if self._known is None else self._known[0].copy()

    @property
    def coefficients(self) -> np.ndarray:
        """beta, by which the posterior mean is C beta."""
        return super().coefficients if self._known is None else self._known[1].copy()

    def marginal(self, i: int) -> Gaussian:
        """q on f_i."""
        if self._known is None:
            return super().marginal(i)
        precision = 1 / self._known[0].item(i)
        return Gaussian._of(precision, self.mean.item(i) * precision)

    def update(self, batch, sites):
        """Replace the sites of `batch`, as `KernelGaussian` does."""
        super().update(batch, sites)
        self._known = None

    def copy(self) -> "SolvedKernelGaussian":
        """A copy that shares nothing which an update changes; n x n arrays only if there are some."""
        twin = Posterior.copy(self)
        twin.mean, twin._covariance = self.mean.copy(), None if self._covariance is None else self._covariance.copy(order="F")
        return twin
