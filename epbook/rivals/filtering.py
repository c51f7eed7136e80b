"""The one loop of all filters: predict the next state, observe, and go on with what was made of it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite_array
from ..result import Result


class Track:
    """What a filter believed after each step.

    Attributes:
        beliefs: one a step, each with `mean` and `variance`: a `Gaussian`, or `Samples`.

    Book: section 2.6.
    """

    def __init__(self):
        self.beliefs: list[Any] = []

    @property
    def means(self) -> np.ndarray:
        """The filtered means, shape (steps,)."""
        return np.array([belief.mean for belief in self.beliefs])

    @property
    def variances(self) -> np.ndarray:
        """The filtered variances, shape (steps,)."""
        return np.array([belief.variance for belief in self.beliefs])

    @property
    def mean(self) -> float:
        """The last state's mean."""
        return self.beliefs[-1].mean

    @property
    def variance(self) -> float:
        """The last state's variance."""
        return self.beliefs[-1].variance

    @property
    def covariance(self) -> float:
        """The variance again."""
        return self.variance


def run_filter(
    belief: Any,
    predict: Callable[[Any, int], Any],
    observe: Callable[[Any, float], tuple[float, Any]],
    y: ArrayLike,
    price: float,
) -> Result:
    """Run a filter, which is two functions of a belief, along a sequence.

    Args:
        belief: about the first state, before anything is seen.
        predict: (belief, t) -> belief about state t, from that about state t - 1.
        observe: (belief, y_t) -> (log p(y_t | what was seen before), belief).
        y: the observations, shape (steps,).
        price: operations of one step.

    Returns:
        A `Result` with one snapshot a step: log evidence so far, filtered mean. Its posterior is a `Track`.

    Raises:
        ValueError: if y is empty or not finite.

    Book: section 2.6.
    """
    y, result, log_evidence = finite_array("y", y, 1), Result(Track()), 0.0
    for t, y_t in enumerate(y.tolist()):
        if t:
            belief = predict(belief, t)
        log_z, belief = observe(belief, y_t)
        log_evidence += log_z
        result.posterior.beliefs.append(belief)
        result.record(log_evidence, price)
    result.converged = math.isfinite(log_evidence)
    result.status = f"filtered {len(y)} observations" + ("" if result.converged else f", to log evidence {log_evidence}")
    return result


def is_resolved(weights: np.ndarray) -> bool:
    """Whether a distribution on an even grid is neither cut off at the ends nor lost between the knots.

    Half the knots, if they sum a Gaussian with a relative error r, tell that all of them err by about r^4.

    Example:
        >>> is_resolved(np.array([0, 0.25, 0.5, 0.25, 0])), is_resolved(np.array([0, 0.1, 0.8, 0.1, 0]))
        (True, False)
    """
    return bool(max(weights[0], weights[-1]) < 1e-5 and abs(2 * weights[::2].sum() - 1) < 0.1)
