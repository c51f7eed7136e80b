"""Choice 1 of the algorithm: the terms that a joint distribution is factored into."""

from .gaussian_argument import Clutter, Logistic, Step
from .mixture_weight import MixtureWeight
from .potential import Potential

__all__ = ["Clutter", "Logistic", "MixtureWeight", "Potential", "Step"]
