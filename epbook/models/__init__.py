"""Problems: data, prior, terms and, where one is known, the exact answer."""

from .bayes_point import BayesPoint
from .clutter import ClutterProblem
from .exact import Exact

__all__ = ["BayesPoint", "ClutterProblem", "Exact"]
