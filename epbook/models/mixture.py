"""What every mixture problem shares: each term is a sum of K parts, and each part is conjugate to one family."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from ..posteriors import Whole

_BLOCK = 1 << 15  # numbers at once: what the processor's cache holds


class MixtureProblem:
    """p(D | theta) = product over i of sum over k of part_ik(theta).

    The label of datum i says which part it came from.  Given labels, or shares of them, the
    posterior is a member of the family, and EM, Gibbs sampling and variational Bayes all rest on that.

    A subclass has, n being the number of data:

        n, parts                   how many data, and K
        terms                      one a datum, for EP
        start                      a theta for the iterative methods to begin at
        prior()                    a member of the family
        log_parts(theta)           log part_ik(theta), shape (..., n, K)
        expected_log_parts(q)      their means under a member of the family, shape (n, K)
        given(shares)              (density, log weight): prior * product of part_ik ** share_ik, normalised,
                                   and the log of the integral that normalised it
        laplace_fit(theta)         (log evidence, posterior) by height and curvature at theta;
                                   (NaN, None) where the joint curves upward
        parts_flops, given_flops, expected_flops, fit_flops      operations of one call of each, `given` with the mean

    Example:
        >>> from epbook import ClutterProblem
        >>> problem = ClutterProblem([0.5, 2.1, -4.0])
        >>> problem.responsibilities(2.0).round(3).tolist()  # signal, clutter
        [[0.51, 0.49], [0.797, 0.203], [0.0, 1.0]]

    Book: sections 3.1 and 3.3.
    """

    n: int
    parts: int
    start: float | np.ndarray
    prior: Callable[[], Any]
    log_parts: Callable[[ArrayLike], np.ndarray]
    given: Callable[[np.ndarray], tuple[Any, float]]
    parts_flops: int
    given_flops: int
    expected_flops: int
    fit_flops: int

    def posterior(self) -> Whole:
        """Where EP starts: the prior, with no sites yet."""
        return Whole(self.prior())

    def sample_prior(self, size: int, rng: int | np.random.Generator | None = None) -> np.ndarray:
        """`size` draws of theta, shape (size,) in 1-D or (size, d)."""
        return self.prior().sample(size, rng)

    def log_likelihood(self, theta: ArrayLike) -> np.ndarray:
        """log p(D | theta): theta of any shape in 1-D, else (..., d)."""
        theta, event = np.asarray(theta, dtype=float), np.shape(self.start)
        if event and theta.shape[-1:] != event:
            raise ValueError(f"theta needs {event[0]} coordinates on its last axis, not shape {theta.shape}")
        flat = theta.reshape(-1, *event)
        block = max(1, _BLOCK // (self.n * max(self.parts, *event, 1)))
        rows = [self._log_likelihoods(flat[i : i + block]) for i in range(0, len(flat), block)]
        return np.concatenate([np.zeros(0), *rows]).reshape(theta.shape[: theta.ndim - len(event)])[()]

    def _log_likelihoods(self, theta):
        parts = self.log_parts(theta)
        top = np.maximum(parts.max(axis=-1), np.finfo(float).min)  # finite, even where no part is possible
        with np.errstate(divide="ignore"):
            return (top + np.log(np.exp(parts - top[..., None]).sum(axis=-1))).sum(axis=-1)

    def log_joint(self, theta: ArrayLike) -> np.ndarray:
        """log p(D, theta)  (3.4), theta as in `log_likelihood`."""
        return self.log_likelihood(theta) + self.prior().log_density(np.asarray(theta, dtype=float))

    def responsibilities(self, theta: ArrayLike) -> np.ndarray:
        """The probability that datum i came from part k, given theta  (3.64), shape (..., n, K)."""
        return softmax(self.log_parts(theta), axis=-1)

    def climb(self, theta: ArrayLike) -> float | np.ndarray:
        """One step of EM: the joint at the theta returned is no lower."""
        return self.given(self.responsibilities(theta))[0].mean

    @property
    def flops(self) -> int:
        """Operations of `log_joint`, for each of many theta."""
        return self.parts_flops + self.n * (3 * self.parts + 2) + 8 * np.size(self.start)

    @property
    def climb_flops(self) -> int:
        """Operations of one step of EM."""
        return self.parts_flops + 4 * self.n * self.parts + self.given_flops

    @property
    def draw_flops(self) -> int:
        """Operations of a draw from what `given` returns, its mean, and its density at one theta."""
        return 26 * np.size(self.start)


def weighted(shares: np.ndarray, logs: np.ndarray) -> float:
    """The sum of shares * logs, where no share of an impossible part (log 0) is 0."""
    return float(np.multiply(shares, logs, out=np.zeros(np.shape(shares)), where=shares > 0).sum())
