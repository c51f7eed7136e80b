"""A bound on the integrand: a function below it whose integral is known (2.15), (2.16)."""

import math

from scipy.special import log_expit

from ..checks import number_in, whole_number
from ..families import Gaussian
from ..models.logistic_integrand import LogisticIntegrand
from ..result import Result

PASS_FLOPS = 42


def integrand_bound(problem: LogisticIntegrand, start: float = 1.0, passes: int = 1000, tol: float = 1e-12) -> Result:
    """Integrate the best of the Gaussian curves under a `LogisticIntegrand` that touch it at logit xi.

    The bound's maximum over xi is where xi^2 is the mean of the squared logit under the Gaussian;
    repeating this as an update is EM, and no step lowers the bound.

    Args:
        problem: the integrand.
        start: the first xi.
        passes: at most this many updates.
        tol: stop when xi moves by less, relatively.

    Returns:
        A `Result` with one snapshot an update. `log_evidence + posterior.log_density(x)` is the log of the curve.

    Raises:
        ValueError: on options out of range, or a problem that is no `LogisticIntegrand`.

    Example:
        >>> problem = LogisticIntegrand()
        >>> result = integrand_bound(problem)
        >>> bool(result.log_evidence + result.posterior.log_density(0.3) < problem.log_joint(0.3))
        True

    Book: section 2.4.
    """
    if not isinstance(problem, LogisticIntegrand):
        raise ValueError(f"integrand_bound knows a curve under the logistic, not under {type(problem).__name__}")
    xi = number_in("start", start, -math.inf, math.inf)
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    result = Result(None)
    while result.passes < passes and not result.converged:
        log_evidence, q = curve_below(problem, xi)
        result.posterior = q
        result.record(log_evidence, PASS_FLOPS)
        old, xi = xi, math.hypot(problem.a * q.mean + problem.b, problem.a * math.sqrt(q.variance))
        result.converged = abs(xi - old) <= tol * xi
    result.status = f"{'converged' if result.converged else 'stopped'} at xi = {xi:.6g} after {result.passes} updates"
    return result


def curve_below(problem: LogisticIntegrand, xi: float) -> tuple[float, Gaussian]:
    """log of the integral of the curve that touches the integrand where a x + b is xi or -xi, and its Gaussian shape.

    logistic(z) >= logistic(xi) exp((z - xi) / 2 - curvature (z^2 - xi^2)),  curvature = tanh(xi / 2) / (4 xi).

    Example:
        >>> log_integral, q = curve_below(LogisticIntegrand(), 16.5)
        >>> round(log_integral, 4), round(q.mean, 3)
        (-1.4675, 0.577)
    """
    a, b = problem.a, problem.b
    curvature = math.tanh(xi / 2) / (4 * xi) if xi else 1 / 8
    q = Gaussian(1 + 2 * curvature * a**2, a / 2 - 2 * curvature * a * b)
    at_zero = float(log_expit(xi)) + (b - xi) / 2 - curvature * (b**2 - xi**2) - 0.5 * math.log(2 * math.pi)
    return at_zero + q.log_normaliser, q
