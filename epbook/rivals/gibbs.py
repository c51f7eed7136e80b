"""Gibbs sampling: labels given theta, theta given labels, in turn."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import whole_number
from ..result import Result
from .arguments import checked_start, require


class Conditionals:
    """The average of the densities of theta given the labels, one a sweep.

    It has less variance than the histogram of the draws themselves (Rao and Blackwell).

    Args:
        members: the conditional densities, members of one family.

    Example:
        >>> from epbook import Gaussian
        >>> both = Conditionals([Gaussian.from_moments(0.0, 1.0), Gaussian.from_moments(2.0, 1.0)])
        >>> both.mean, both.variance, round(float(both.density(1.0)), 3)
        (1.0, 2.0, 0.242)

    Book: section 3.2.2.
    """

    def __init__(self, members):
        self.members = members

    @property
    def mean(self):
        """The average of the conditional means, in the shape of theta."""
        mean = np.mean([member.mean for member in self.members], axis=0)
        return mean if np.ndim(mean) else float(mean)

    @property
    def covariance(self):
        """Average covariance plus covariance of the averages: (d, d), or the variance in 1-D."""
        means = np.array([member.mean for member in self.members]).reshape(len(self.members), -1)
        gap = means - means.mean(axis=0)
        within = np.mean([member.covariance for member in self.members], axis=0)
        covariance = within + (gap.T @ gap / len(gap)).reshape(np.shape(within))
        return covariance if np.ndim(covariance) else float(covariance)

    @property
    def variance(self):
        """The variance of each coordinate."""
        return np.diag(self.covariance) if np.ndim(self.covariance) else self.covariance

    def log_density(self, theta):
        """log of the average density at theta, shape (...) in 1-D, else (..., d)."""
        total = -math.inf
        for member in self.members:
            total = np.logaddexp(total, member.log_density(theta))
        return total - math.log(len(self.members))

    def density(self, theta):
        """The average density at theta, shape (...) in 1-D, else (..., d)."""
        return np.exp(self.log_density(theta))


def gibbs(
    problem, sweeps: int = 1000, start: ArrayLike | None = None, burn_in: int = 0, rng: int | np.random.Generator | None = None
) -> Result:
    """Draw labels given theta and theta given labels, in turn; the evidence by Chib's identity.

    The identity is p(D) = p(D, theta) / p(theta | D) at any theta; the posterior density there is
    the average of the conditionals, and theta the mean.

    Args:
        problem: a `MixtureProblem`.
        sweeps: how many draws of theta count.
        start: the first theta, in its own shape; the problem's start if None.
        burn_in: sweeps made before and thrown away (their cost is not).
        rng: seed or numpy Generator.

    Returns:
        A `Result` with snapshots at 1, 2, 4, 8 ... and the last sweep; the posterior is `Conditionals`.

    Raises:
        ValueError: on a problem of another kind, a start of another shape or where the joint is zero,
            or counts that are not whole.

    Example:
        >>> from epbook import ClutterProblem
        >>> problem = ClutterProblem([0.5, 2.1, 1.9, -4.0])
        >>> evidence_error, mean_error = problem.exact().errors(gibbs(problem, sweeps=2000, rng=0))
        >>> evidence_error < 0.1
        True

    Book: section 3.2.2.
    """
    sweeps, burn_in = whole_number("sweeps", sweeps, 1), whole_number("burn_in", burn_in, 0)
    require("gibbs", problem, "responsibilities", "given")
    theta = checked_start(problem, start)
    rng, members = np.random.default_rng(rng), list[Any]()
    result, price, paid = Result(Conditionals(members)), flops(problem), -burn_in
    for sweep in range(1 - burn_in, sweeps + 1):
        conditional, theta = _sweep(problem, theta, rng)
        if sweep >= 1:
            members.append(conditional)
        if sweep == sweeps or (sweep >= 1 and sweep & (sweep - 1) == 0):
            mean = result.posterior.mean
            log_evidence = float(problem.log_joint(mean) - result.posterior.log_density(mean))
            result.record(log_evidence, price * (sweep - paid) + (0 if result.history else problem.flops))
            paid = sweep
    result.converged, result.status = True, f"drew {sweeps} samples after a burn-in of {burn_in}"
    return result


def _sweep(problem, theta, rng):
    """Labels from their responsibilities, then the conditional density of theta and a draw from it."""
    steps = problem.responsibilities(theta).cumsum(axis=1)
    labels = (steps < rng.random((problem.n, 1)) * steps[:, -1:]).sum(axis=1)
    conditional = problem.given(np.eye(problem.parts)[labels])[0]
    return conditional, conditional.sample(1, rng)[0]


def flops(problem) -> int:
    """Operations of one sweep: labels, theta, and the sweep's share of the posterior's mean and density."""
    return problem.parts_flops + problem.given_flops + problem.n * (6 * problem.parts + 1) + problem.draw_flops
