"""Problems: data, prior, terms and, where one is known, the exact answer."""

from .bayes_point import BayesPoint
from .belief_network import BeliefNetwork
from .clutter import ClutterProblem
from .dynamics import Dynamics
from .exact import Exact
from .logistic_integrand import LogisticIntegrand
from .logistic_normal import LogisticNormal
from .markov_network import MarkovNetwork
from .mixture import MixtureProblem
from .mixture_weights import MixtureWeights
from .variable_elimination import ExactMarginals

__all__ = [
    "BayesPoint",
    "BeliefNetwork",
    "ClutterProblem",
    "Dynamics",
    "Exact",
    "ExactMarginals",
    "LogisticIntegrand",
    "LogisticNormal",
    "MarkovNetwork",
    "MixtureProblem",
    "MixtureWeights",
]
