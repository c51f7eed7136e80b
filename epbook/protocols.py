"""What the loop asks of a term, a density and a posterior: implement these to add your own."""

from typing import Any, Protocol, Self


class Term(Protocol):
    """A factor of the joint distribution.

    It tells log Z, and the derivatives that its family needs, at the parameters of a cavity:
    the Gaussian families pass (mean, variance), and another family passes its own.
    """

    flops: int  # operations of one log_z

    def log_z(self, mean: Any, variance: Any, power: float) -> tuple[float, Any, Any]:
        """log of the integral of cavity * term ** power, its gradient in the mean, and minus its Hessian."""


class Density(Protocol):
    """A member of an exponential family, not necessarily normalisable."""

    is_proper: bool
    log_normaliser: float
    flops: int  # operations of one visit of EP beside the term's

    def __mul__(self, other: Self) -> Self: ...

    def __truediv__(self, other: Self) -> Self: ...

    def __pow__(self, power: float) -> Self: ...

    def moment_match(self, term: Term, power: float, restricted: bool) -> tuple[float, Self]:
        """log Z of self * term ** power, and the member of the family with its moments."""

    def divergence(self, other: Self) -> float:
        """Jeffreys divergence, in nats, or one equal to it to second order."""


class Posterior(Protocol):
    """The prior times the sites; see `epbook.posteriors.base.Posterior`."""

    sites: list[Any]
    log_scales: list[float]
    mean: Any
    variance: Any
    covariance: Any
    flops: int  # operations of one pass beside the terms'

    def copy(self) -> Self:
        """The same, to be changed on its own."""

    def prepare(self, terms: Any) -> None:
        """Make room for a site a term, each 1 at first; raise ValueError if there are other sites already."""

    def marginal(self, i: int) -> Density:
        """The posterior of what term i sees."""

    def update(self, batch: Any, sites: list[Density]) -> None:
        """Put new sites in the places that batch names, and bring q up to date."""

    def refresh(self) -> None:
        """Compute q anew from prior and sites, once a pass, so that rounding does not pile up."""

    def log_evidence(self) -> float:
        """log of the integral of prior and sites with their scales, in nats."""
