"""What every posterior keeps: its sites, their log scales, and an honest copy."""

import copy
from typing import Any


class Posterior:
    """q(theta) = prior(theta) * product of sites.

    A subclass knows its prior and supplies `one` (a site equal to 1), `marginal(i)`,
    `update(batch, sites)`, `refresh()`, `log_normaliser()`, `mean` and `flops`.

    Attributes:
        sites: one member of the local family a term.
        log_scales: log s_i, the constant that makes site i as tall as its term (3.39).
    """

    sites: list[Any]
    log_scales: list[float]
    one: Any

    def prepare(self, terms):
        """Start a site a term at 1, or check that the sites of an earlier run fit.

        Raises:
            ValueError: if there are already sites, and not one a term.
        """
        if not self.sites:
            self.sites, self.log_scales = [self.one] * len(terms), [0.0] * len(terms)
        if len(self.sites) != len(terms):
            raise ValueError(f"{len(terms)} terms were given for {len(self.sites)} sites")

    def log_evidence(self):
        """log of the integral of prior times scaled sites (3.40)."""
        return self.log_normaliser() + sum(self.log_scales)

    def copy(self):
        """A copy that shares nothing which an update changes."""
        twin = copy.copy(self)
        twin.sites, twin.log_scales = list(self.sites), list(self.log_scales)
        return twin
