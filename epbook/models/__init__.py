"""Problems: data, prior, terms and, where one is known, the exact answer."""

from .bayes_point import BayesPoint
from .clutter import ClutterProblem
from .dynamics import Dynamics
from .exact import Exact
from .logistic_integrand import LogisticIntegrand
from .logistic_normal import LogisticNormal
from .mixture import MixtureProblem
from .mixture_weights import MixtureWeights

__all__ = [
    "BayesPoint",
    "ClutterProblem",
    "Dynamics",
    "Exact",
    "LogisticIntegrand",
    "LogisticNormal",
    "MixtureProblem",
    "MixtureWeights",
]
