"""epbook: one algorithm, two choices.

Expectation propagation approximates a product of terms by a member of an exponential
family.  Choose the terms, choose the family, call `ep`.

Book: Minka's thesis "A family of algorithms for approximate Bayesian inference" (2001), relived.
"""

from .errors import ConvergenceWarning, ImproperPosteriorError, NoMassError, NotSeparableError
from .expectation_propagation import Refinement, ep, parallel, refine, sequential, shuffled
from .families import DiagonalGaussian, Dirichlet, DirichletTwoMoments, FullGaussian, Gaussian, SphericalGaussian
from .kernels import GaussianKernel, LinearKernel, PolynomialKernel
from .models import BayesPoint, ClutterProblem, LogisticIntegrand, MixtureWeights
from .posteriors import KernelGaussian, LinearGaussian, Whole
from .result import Result, Snapshot
from .terms import Clutter, Logistic, MixtureWeight, Step

__version__ = "0.1.0"

__all__ = [
    "BayesPoint",
    "Clutter",
    "ClutterProblem",
    "ConvergenceWarning",
    "DiagonalGaussian",
    "Dirichlet",
    "DirichletTwoMoments",
    "FullGaussian",
    "Gaussian",
    "GaussianKernel",
    "ImproperPosteriorError",
    "KernelGaussian",
    "LinearGaussian",
    "LinearKernel",
    "Logistic",
    "LogisticIntegrand",
    "MixtureWeight",
    "MixtureWeights",
    "NoMassError",
    "NotSeparableError",
    "PolynomialKernel",
    "Refinement",
    "Result",
    "Snapshot",
    "SphericalGaussian",
    "Step",
    "Whole",
    "ep",
    "parallel",
    "refine",
    "sequential",
    "shuffled",
]
