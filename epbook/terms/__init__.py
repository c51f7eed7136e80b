"""Choice 1 of the algorithm: the terms that a joint distribution is factored into."""

from .gaussian_argument import Clutter, Logistic, Step
from .mixture_weight import MixtureWeight

__all__ = ["Clutter", "Logistic", "MixtureWeight", "Step"]
