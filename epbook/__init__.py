"""epbook: one algorithm, two choices.

Expectation propagation approximates a product of terms by a member of an exponential
family.  Choose the terms, choose the family, call `ep`.

Book: Minka's thesis "A family of algorithms for approximate Bayesian inference" (2001), relived.
"""

from typing import TYPE_CHECKING, Any

from .errors import ConvergenceWarning, ImproperPosteriorError, NoMassError, NotSeparableError
from .expectation_propagation import Refinement, ep, parallel, refine, sequential, shuffled
from .families import DiagonalGaussian, Dirichlet, DirichletTwoMoments, FullGaussian, Gaussian, SphericalGaussian
from .kernels import GaussianKernel, LinearKernel, PolynomialKernel
from .loopy import loopy_belief_propagation
from .models import BayesPoint, BeliefNetwork, ClutterProblem, LogisticIntegrand, MarkovNetwork, MixtureWeights
from .posteriors import Forest, KernelGaussian, LinearGaussian, Whole
from .result import Result, Snapshot
from .terms import Clutter, Logistic, MixtureWeight, Potential, Step

if TYPE_CHECKING:
    from .estimators import BayesPointClassifier as BayesPointClassifier

__version__ = "0.1.0"

__all__ = [
    "BayesPoint",
    "BeliefNetwork",
    "Clutter",
    "ClutterProblem",
    "ConvergenceWarning",
    "DiagonalGaussian",
    "Dirichlet",
    "DirichletTwoMoments",
    "Forest",
    "FullGaussian",
    "Gaussian",
    "GaussianKernel",
    "ImproperPosteriorError",
    "KernelGaussian",
    "LinearGaussian",
    "LinearKernel",
    "Logistic",
    "LogisticIntegrand",
    "MarkovNetwork",
    "MixtureWeight",
    "MixtureWeights",
    "NoMassError",
    "NotSeparableError",
    "PolynomialKernel",
    "Potential",
    "Refinement",
    "Result",
    "Snapshot",
    "SphericalGaussian",
    "Step",
    "Whole",
    "ep",
    "loopy_belief_propagation",
    "parallel",
    "refine",
    "sequential",
    "shuffled",
]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: it needs the extra `sklearn`."""
    if name == "BayesPointClassifier":
        from .estimators import BayesPointClassifier

        return BayesPointClassifier
    raise AttributeError(f"module 'epbook' has no attribute {name!r}")
