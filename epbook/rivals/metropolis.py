"""Metropolis: a random walk that visits every place as often as the posterior asks."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import number_in, whole_number
from ..families.gaussian import GaussianFamily
from ..result import Result
from .arguments import checked_start, require, shape_of
from .samples import Samples, doublings

STEP_FLOPS = 7  # beside log_joint and coordinates: the uniform draw, its log, a difference, and a weight for the mean


def metropolis(
    problem: Any,
    samples: int = 1000,
    width: float | None = None,
    start: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
) -> Result:
    """Propose a Gaussian step, accept it with probability min(1, ratio of the joints), and count where one stands.

    The joint is needed up to a constant only, so the evidence stays unknown: `log_evidence` is NaN.

    Args:
        problem: has `log_joint`; theta ranges over the whole space.
        samples: how many steps to make; a step not accepted counts the old place again.
        width: standard deviation of a step in each coordinate;
            the prior's over sqrt(n d) by default, for n terms in d dimensions.
        start: where the walk begins; the problem's `start` by default.
        rng: seed or numpy Generator.

    Returns:
        A `Result` with a snapshot at 1, 2, 4, 8, ... and all samples; its posterior is a `Samples`, in the walk's order.

    Raises:
        ValueError: on options out of range, a theta confined to a part of space, or a start that has
            another shape than theta's or no probability.

    Example:
        >>> from epbook import LogisticIntegrand
        >>> problem = LogisticIntegrand()
        >>> problem.exact().errors(metropolis(problem, 20_000, rng=0))[1] < 0.05
        True

    Book: section 2.2.
    """
    require("metropolis", problem, "log_joint", "start", "flops")
    rng, samples = np.random.default_rng(rng), whole_number("samples", samples, 1)
    shape = shape_of(problem)
    if not isinstance(problem.posterior().prior, GaussianFamily):
        raise ValueError("the walk needs a theta that ranges over the whole space: its steps would leave this problem's")
    theta = np.asarray(checked_start(problem, problem.start if start is None else start))
    width = _default_width(problem, shape) if width is None else number_in("width", width, 0, math.inf, open_low=True)
    here = problem.log_joint(theta)
    result, price = Result(None), problem.flops + STEP_FLOPS + 5 * math.prod(shape)
    walk, done, moves = np.empty((samples, *shape)), 0, 0
    for new in doublings(samples):
        steps, log_uniform = width * rng.standard_normal((new, *shape)), np.log(rng.random(new))
        for step, threshold in zip(steps, log_uniform):
            there = problem.log_joint(theta + step)
            if there - here > threshold:
                theta, here, moves = theta + step, there, moves + 1
            walk[done] = theta
            done += 1
        result.posterior = Samples(walk[:done])
        result.record(math.nan, price * new)
    result.converged = moves > 0
    result.status = f"made {samples} steps of width {width:.3g} and accepted {moves / samples:.0%}"
    return result


def _default_width(problem, shape):
    prior_variance = float(np.mean(problem.posterior().variance))
    return math.sqrt(prior_variance / (len(problem.terms) * math.prod(shape)))
