"""Choice 1 of the algorithm: the terms that a joint distribution is factored into."""

from .gaussian_argument import Clutter, Step

__all__ = ["Clutter", "Step"]
