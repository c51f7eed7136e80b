"""What EP's cavities tell of a Bayes Point Machine at the fixed point: leave-one-out and the evidence's gradient."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.special import erf

from ..errors import ConvergenceWarning, ImproperPosteriorError
from ..kernels import tunable
from ..result import Result
from ..terms import Step


class EvidenceGradient(NamedTuple):
    """Derivatives of EP's log evidence.

    Attributes:
        log_parameters: in the log of each parameter of the kernel, shape (p,); empty without any.
        noise: in the noise.
        slack: in the slack.

    Book: section 5.7.
    """

    log_parameters: np.ndarray
    noise: float
    slack: float


class CavityAnswers:
    """The part of `BayesPoint` that reads its cavities.

    Book: section 5.7.
    """

    X: np.ndarray
    y: np.ndarray
    term: Step
    kernel: Any

    def _own(self, result, *needs) -> Any:
        """The posterior of a result of this problem's."""
        raise NotImplementedError

    def _cavities(self, result):
        """Mean and variance of every w.y_i x_i given all data but the i-th, each of shape (n,)."""
        posterior = self._own(result, "sites", "marginal")
        cavities = [posterior.marginal(i) / site for i, site in enumerate(posterior.sites)]
        improper = [i for i, cavity in enumerate(cavities) if not cavity.is_proper]
        if improper:
            raise ImproperPosteriorError(f"the cavity of point {improper[0]} is improper: see result.status")
        if not result.converged:
            warnings.warn(f"the cavities are not at EP's fixed point: {result.status}", ConvergenceWarning, stacklevel=3)
        return np.array([cavity.mean for cavity in cavities]), np.array([cavity.variance for cavity in cavities])

    def leave_one_out(self, result: Result) -> np.ndarray:
        """p(y_i | x_i, all other data) as EP's cavities tell it, shape (n,): no run but the one that was made.

        Args:
            result: what `ep` returned for this problem.

        Raises:
            ValueError: on another problem's result, or a rival's without sites.
            ImproperPosteriorError: if EP left a cavity improper.

        Example:
            >>> from epbook import BayesPoint, ep
            >>> problem = BayesPoint([[0.0, 1.0], [0.1, 1.0], [2.0, -1.0]], [1, 1, -1], noise=0.1)
            >>> problem.leave_one_out(ep(problem.posterior(), problem.terms)).round(2).tolist()
            [0.79, 0.76, 0.61]

        Book: section 5.4.
        """
        return np.exp(self._log_z(*self._cavities(result))[1])

    def _log_z(self, mean, variance):
        """The standardised distance z, and log Z (5.17), of many cavities at once."""
        z = mean / np.sqrt(variance + self.term.slack**2)
        return z, Step(self.term.noise, 1.0).log_value(z)

    def log_evidence_gradient(self, result: Result) -> EvidenceGradient:
        """Derivatives of the log evidence at EP's fixed point, in closed form.

        There the evidence is stationary in the sites and cavities, which may therefore stand still while the model
        changes.  The prior enters through log |I + C / Lambda| and the mean only: a change dC of the kernel matrix adds
        beta' dC beta / 2 - tr((C + Lambda)^-1 dC) / 2.  The terms enter through log Z_i only.

        Args:
            result: what `ep` returned for this problem, converged.

        Raises:
            ValueError: on another problem's result, or a rival's without sites.
            ImproperPosteriorError: if EP left a cavity improper.

        Example:
            >>> from epbook import BayesPoint, GaussianKernel, ep
            >>> problem = BayesPoint([[0.0], [1.0], [3.0]], [1, 1, -1], GaussianKernel(1.0), slack=1.0)
            >>> problem.log_evidence_gradient(ep(problem.posterior(), problem.terms)).log_parameters.round(4).tolist()
            [-0.0026]

        Book: section 5.7.
        """
        mean, variance = self._cavities(result)
        z, log_z = self._log_z(mean, variance)
        noise, slack = self.term.noise, self.term.slack
        by_noise = -erf(z / math.sqrt(2)) * np.exp(-log_z)
        height = (1 - 2 * noise) / math.sqrt(2 * math.pi) * np.exp(-0.5 * z**2 - log_z)  # of N(z) over Z: no 0 / 0
        by_slack = -height * z * slack / (variance + slack**2)
        return EvidenceGradient(self._by_parameters(result.posterior), float(by_noise.sum()), float(by_slack.sum()))

    def _by_parameters(self, posterior):
        if not len(tunable(self.kernel)):
            return np.empty(0)
        tau = np.array([site.precision for site in posterior.sites])
        alpha, inverse = posterior.coefficients, posterior.solve(np.diag(tau))  # the latter (C + Lambda)^-1
        weights = 0.5 * (np.outer(alpha, alpha) - inverse)
        return self.kernel.gradient(self.X, self.y[:, None] * self.y * weights)
