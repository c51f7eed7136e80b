"""The posterior of terms that each see all of theta: q itself is one member of the family."""

from ..errors import ImproperPosteriorError
from .base import Posterior


class Whole(Posterior):
    """q held as a single density, every marginal being q.

    Args:
        prior: a proper member of an exponential family, such as `SphericalGaussian`.

    Raises:
        ValueError: if the prior is improper.

    Example:
        >>> from epbook.families import Gaussian
        >>> Whole(Gaussian.from_moments(0.0, 100.0)).mean
        0.0

    Book: section 3.2.
    """

    def __init__(self, prior):
        if not getattr(prior, "is_proper", False):
            raise ValueError(f"the prior must be a proper density, not {prior!r}")
        self.prior = prior
        self.density = prior
        self.one = prior**0.0
        self.sites, self.log_scales = [], []

    def marginal(self, i):
        """q on the scope of term i, which here is all of theta."""
        return self.density

    def update(self, batch, sites):
        """Replace the sites of `batch` and absorb the change into q.

        Raises:
            ImproperPosteriorError: if the new sites leave no normalisable posterior, as several at once
                or one of power != 1 can; nothing is replaced then.
        """
        density = self.density
        for i, site in zip(batch, sites, strict=True):
            density = density * (site / self.sites[i])
        if not density.is_proper:
            raise ImproperPosteriorError("the sites outweigh the prior")
        self.density = density
        for i, site in zip(batch, sites, strict=True):
            self.sites[i] = site

    def refresh(self):
        """Multiply q anew from the prior and the sites, against accumulated rounding."""
        self.density = self.prior
        for site in self.sites:
            self.density = self.density * site

    def log_normaliser(self):
        """log of the integral of prior times sites, prior normalised."""
        return self.density.log_normaliser - self.prior.log_normaliser

    @property
    def mean(self):
        return self.density.mean

    @property
    def variance(self):
        return self.density.variance

    @property
    def covariance(self):
        return self.density.covariance

    @property
    def flops(self):
        """Operations of one pass beside the terms': a visit of every site.

        The evidence, once a pass, costs less than a visit and is left out.
        """
        return len(self.sites) * self.prior.flops
