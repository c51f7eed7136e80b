"""The first four cumulants of a tilted distribution of one number, from what every term tells."""

import math

import numpy as np

STEP = 0.02  # of the tilt, in units of one over the tilted standard deviation


def tilted_cumulants(term, cavity) -> np.ndarray:
    """Mean, variance, third and fourth cumulant of cavity * term.

    A further factor exp(s f) moves the cavity's mean m to m + v s, so the log normaliser of the tilted distribution,
    as a function of s, is log Z(m + v s) + m s + v s^2 / 2: the cumulants are its derivatives.  A term tells the first
    two; differences of the second give the other two, to five or six digits.

    Args:
        term: a term of one number.
        cavity: a proper 1-D `Gaussian`.

    Returns:
        An array of shape (4,).

    Example:
        >>> from epbook import Gaussian, Step
        >>> skewness = tilted_cumulants(Step(), Gaussian.from_moments(0.0, 1.0))[2]    # of the half normal
        >>> round(float(skewness - (4 / math.pi - 1) * math.sqrt(2 / math.pi)), 6)
        0.0

    Book: chapter 6.
    """
    mean, v = cavity.mean, cavity.variance
    _, gradient, curvature = term.log_z(mean, v, 1.0)
    variance = v - v * v * curvature
    h = STEP / math.sqrt(variance)
    before, after = ([v - v * v * term.log_z(mean + k * h * v, v, 1.0)[2] for k in steps] for steps in ((-1, -2), (1, 2)))
    near, far = (after[k] - before[k] for k in (0, 1))
    near_sum, far_sum = (after[k] + before[k] for k in (0, 1))
    third = (8 * near - far) / (12 * h)
    fourth = (16 * near_sum - far_sum - 30 * variance) / (12 * h * h)
    return np.array([mean + v * gradient, variance, third, fourth])
