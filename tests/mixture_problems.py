"""The small mixture problems of test_mixture.py and test_mixture_rivals.py."""

import numpy as np
import pytest

from epbook import ClutterProblem, MixtureWeights

X = np.array([0.5, 2.1, 1.9, -4.0, 2.5])
PLANE = np.array([[1.0, 0.0], [2.0, 1.5], [-3.0, 4.0], [1.6, 0.4]])
P2 = np.array([[0.3, 0.1], [0.05, 0.4], [0.2, 0.25], [0.0, 0.2]])
P3 = np.array([[0.3, 0.1, 0.2], [0.05, 0.4, 0.1], [0.2, 0.25, 0.6], [0.0, 0.2, 0.1], [0.3, 0.3, 0.1]])
PROBLEMS = {
    "1-D": ClutterProblem(X, 0.4),
    "spherical": ClutterProblem(PLANE, 0.4),
    "diagonal": ClutterProblem(PLANE, 0.4, family="diagonal"),
    "full": ClutterProblem(PLANE, 0.4, family="full"),
    "two weights": MixtureWeights(P2),
    "three weights": MixtureWeights(P3),
}
problems = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
