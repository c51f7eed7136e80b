"""The integral of a term over its cavity, where it has no closed form."""

import math

import numpy as np

LOG_2PI = math.log(2 * math.pi)


def require_number(mean):
    """Raise ValueError unless the cavity's mean is one number."""
    if not isinstance(mean, (float, int)):
        raise ValueError(f"here the term is integrated numerically, which needs one dimension, not shape {np.shape(mean)}")


def log_z_by_quadrature(log_term, mean, variance, power, at, width):
    """log Z and its derivatives for term ** power in 1-D by the trapezoid rule.

    The rule converges geometrically for smooth decaying integrands. The grid spans the cavity and
    the place `at` to which the term pulls, in steps of an eighth of the narrower of the two.
    """
    require_number(mean)
    sd = math.sqrt(variance)
    step = min(sd, width / math.sqrt(max(power, 1))) / 8
    low, high = min(mean, at) - 12 * sd, max(mean, at) + 12 * sd
    if high - low > 1e6 * step:
        raise ValueError(
            f"the integral needs a million points or fewer, but width {width:g} under the cavity N({mean:g}, {variance:g}) more"
        )
    theta = np.linspace(low, high, int((high - low) / step) + 2)
    offset = theta - mean
    log_integrand = power * log_term(theta) - 0.5 * (offset / sd) ** 2
    weight = np.exp(log_integrand - log_integrand.max())
    total = weight.sum()
    shift = float(weight @ offset) / total
    spread = float(weight @ (offset - shift) ** 2) / total
    log_z = float(log_integrand.max()) + math.log(total * (theta[1] - theta[0])) - 0.5 * (LOG_2PI + math.log(variance))
    return log_z, shift / variance, (variance - spread) / (variance * variance)
