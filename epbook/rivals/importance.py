"""Importance sampling: points from a distribution that is easy, weighted toward the one that is not (2.4)."""

import math
from typing import Any

import numpy as np

from ..checks import whole_number
from ..result import Result
from .arguments import require, shape_of
from .samples import Samples, doublings, log_average

SAMPLE_FLOPS = 5  # beside draw, densities and mean: the weight and its part in both sums
PROPOSAL_FLOPS = 11  # a coordinate of the proposal's density and of the prior's, which would else cancel


def importance(problem: Any, samples: int = 1000, proposal: Any = None, rng: int | np.random.Generator | None = None) -> Result:
    """Average weights for the evidence (3.77), weighted samples for the mean (3.78).

    Args:
        problem: has `log_joint`, `log_likelihood` and `sample_prior`.
        samples: how many to draw.
        proposal: where from: like `scipy.stats.norm(m, s)`, with `rvs(size, random_state)` and `logpdf`.
            By default the prior, so that a weight is a likelihood.
        rng: seed or numpy Generator.

    Returns:
        A `Result` with a snapshot at 1, 2, 4, 8, ... and all samples; its posterior is a `Samples`.

    Raises:
        ValueError: if samples is not a positive whole number, the problem or proposal lacks what is told above,
            or the proposal draws another shape than theta's.

    Example:
        >>> from epbook import ClutterProblem
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> problem.exact().errors(importance(problem, 100_000, rng=0))[0] < 0.05
        True

    Book: sections 2.2 and 3.2.2.
    """
    require("importance", problem, "log_joint", "log_likelihood", "sample_prior", "flops")
    if proposal is not None and not (hasattr(proposal, "rvs") and hasattr(proposal, "logpdf")):
        raise ValueError(f"proposal must have rvs and logpdf, like scipy.stats.norm(0, 1), not be {proposal!r}")
    rng, samples, shape = np.random.default_rng(rng), whole_number("samples", samples, 1), shape_of(problem)
    each = 3 if proposal is None else 3 + PROPOSAL_FLOPS
    result, price = Result(None), problem.flops + SAMPLE_FLOPS + each * math.prod(shape)
    values, log_weights = np.empty((0, *shape)), np.empty(0)
    for new in doublings(samples):
        theta, fresh = _draw(problem, new, proposal, rng, shape)
        values, log_weights = np.concatenate([values, theta]), np.concatenate([log_weights, fresh])
        result.posterior = Samples(values, log_weights)
        result.record(log_average(log_weights), price * new)
    result.converged = result.log_evidence > -math.inf
    effective = f"drew {samples} samples, worth {result.posterior.effective_size:.1f} equal ones"
    result.status = effective if result.converged else f"none of {samples} samples met the integrand: try another proposal"
    return result


def _draw(problem, size, proposal, rng, shape):
    """`size` points and the logs of their weights."""
    if proposal is None:
        theta = problem.sample_prior(size, rng)
        return theta, problem.log_likelihood(theta)
    theta = np.asarray(proposal.rvs(size=size, random_state=rng))
    if theta.size != size * math.prod(shape):
        raise ValueError(f"theta has shape {shape}, but {size} draws of the proposal have shape {theta.shape}")
    theta = theta.reshape(size, *shape)  # scipy drops axes of length 1
    return theta, problem.log_joint(theta) - proposal.logpdf(theta)
