"""epbook: one algorithm, two choices.

Expectation propagation approximates a product of terms by a member of an exponential
family.  Choose the terms, choose the family, call `ep`.

Book: Minka's thesis "A family of algorithms for approximate Bayesian inference" (2001), relived.
"""

from typing import TYPE_CHECKING, Any

from .errors import BoundError, ConvergenceWarning, ImproperPosteriorError, NoMassError, NotSeparableError
from .expectation_propagation import Refinement, ep, parallel, refine, sequential, shuffled
from .families import (
    Categoricals,
    DiagonalGaussian,
    Dirichlet,
    DirichletTwoMoments,
    Dirichlets,
    FullGaussian,
    Gammas,
    Gaussian,
    Gaussians,
    MarkovChains,
    Poissons,
    SphericalGaussian,
    VectorGaussians,
    Wisharts,
    one_hot,
)
from .kernels import GaussianKernel, LinearKernel, PolynomialKernel
from .loopy import loopy_belief_propagation
from .models import (
    BayesPoint,
    BayesianPCA,
    BeliefNetwork,
    ClutterProblem,
    ConjugateClutter,
    GaussianMixture,
    HiddenMarkovModel,
    LogisticIntegrand,
    MarkovNetwork,
    MixtureWeights,
    RelevanceRegression,
    UnknownGaussian,
)
from .posteriors import Forest, KernelGaussian, LinearGaussian, Whole
from .result import Result, Snapshot
from .terms import (
    CategoricalFactor,
    Clutter,
    CorrelatedFactor,
    Diagonal,
    DirichletFactor,
    Dot,
    GammaFactor,
    Gate,
    GaussianFactor,
    Logistic,
    MixtureWeight,
    PoissonFactor,
    Potential,
    Product,
    StartFactor,
    Step,
    Sum,
    TableFactor,
    TransitionFactor,
    VectorGaussianFactor,
    WishartFactor,
)
from .variational_message_passing import vmp

if TYPE_CHECKING:
    from .estimators import BayesPointClassifier as BayesPointClassifier

__version__ = "0.1.0"

__all__ = [
    "BayesPoint",
    "BayesianPCA",
    "BeliefNetwork",
    "BoundError",
    "CategoricalFactor",
    "Categoricals",
    "Clutter",
    "ClutterProblem",
    "ConjugateClutter",
    "ConvergenceWarning",
    "CorrelatedFactor",
    "Diagonal",
    "DiagonalGaussian",
    "Dirichlet",
    "DirichletFactor",
    "DirichletTwoMoments",
    "Dirichlets",
    "Dot",
    "Forest",
    "FullGaussian",
    "GammaFactor",
    "Gammas",
    "Gate",
    "Gaussian",
    "GaussianFactor",
    "GaussianKernel",
    "GaussianMixture",
    "Gaussians",
    "HiddenMarkovModel",
    "ImproperPosteriorError",
    "KernelGaussian",
    "LinearGaussian",
    "LinearKernel",
    "Logistic",
    "LogisticIntegrand",
    "MarkovChains",
    "MarkovNetwork",
    "MixtureWeight",
    "MixtureWeights",
    "NoMassError",
    "NotSeparableError",
    "PoissonFactor",
    "Poissons",
    "PolynomialKernel",
    "Potential",
    "Product",
    "Refinement",
    "RelevanceRegression",
    "Result",
    "Snapshot",
    "SphericalGaussian",
    "StartFactor",
    "Step",
    "Sum",
    "TableFactor",
    "TransitionFactor",
    "UnknownGaussian",
    "VectorGaussianFactor",
    "VectorGaussians",
    "Whole",
    "WishartFactor",
    "Wisharts",
    "ep",
    "loopy_belief_propagation",
    "one_hot",
    "parallel",
    "refine",
    "sequential",
    "shuffled",
    "vmp",
]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: it needs the extra `sklearn`."""
    if name == "BayesPointClassifier":
        from .estimators import BayesPointClassifier

        return BayesPointClassifier
    raise AttributeError(f"module 'epbook' has no attribute {name!r}")
