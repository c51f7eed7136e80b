"""The one loop of all filters: predict the next state, observe, and go on with what was made of it."""

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

    Book: chapter 2.
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

    Book: chapter 2.
    """
    y, result, log_evidence = finite_array("y", y, 1), Result(Track()), 0.0
    for t, y_t in enumerate(y.tolist()):
        if t:
            belief = predict(belief, t)
        log_z, belief = observe(belief, y_t)
        log_evidence += log_z
        result.posterior.beliefs.append(belief)
        result.record(log_evidence, price)
    result.converged, result.status = True, f"filtered {len(y)} observations"
    return result
