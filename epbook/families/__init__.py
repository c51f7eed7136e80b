"""Choice 2 of the algorithm: the exponential family that approximates."""

from .gaussian import DiagonalGaussian, FullGaussian, Gaussian, SphericalGaussian

__all__ = ["DiagonalGaussian", "FullGaussian", "Gaussian", "SphericalGaussian"]
