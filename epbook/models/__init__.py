"""Problems: data, prior, terms and, where one is known, the exact answer."""

from .bayes_point import BayesPoint
from .belief_network import BeliefNetwork
from .clutter import ClutterProblem
from .dynamics import Dynamics
from .exact import Exact
from .gaussian_mixture import GaussianMixture, HiddenMarkovModel
from .logistic_integrand import LogisticIntegrand
from .logistic_normal import LogisticNormal
from .markov_network import MarkovNetwork
from .mixture import MixtureProblem
from .mixture_weights import MixtureWeights
from .relevance import BayesianPCA, RelevanceRegression
from .unknown_gaussian import ConjugateClutter, UnknownGaussian
from .variable_elimination import ExactMarginals

__all__ = [
    "BayesPoint",
    "BayesianPCA",
    "BeliefNetwork",
    "ClutterProblem",
    "ConjugateClutter",
    "Dynamics",
    "Exact",
    "ExactMarginals",
    "GaussianMixture",
    "HiddenMarkovModel",
    "LogisticIntegrand",
    "LogisticNormal",
    "MarkovNetwork",
    "MixtureProblem",
    "MixtureWeights",
    "RelevanceRegression",
    "UnknownGaussian",
]
