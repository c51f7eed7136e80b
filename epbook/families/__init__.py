"""Choice 2 of the algorithm: the exponential family that approximates."""

from .gaussian import Gaussian
from .vector_gaussian import DiagonalGaussian, FullGaussian, SphericalGaussian

__all__ = ["DiagonalGaussian", "FullGaussian", "Gaussian", "SphericalGaussian"]
