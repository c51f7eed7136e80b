"""Choice 2 of the algorithm: the exponential family that approximates."""

from .dirichlet import Dirichlet, DirichletTwoMoments
from .gaussian import Gaussian
from .tables import JunctionTables
from .vector_gaussian import DiagonalGaussian, FullGaussian, SphericalGaussian

__all__ = [
    "DiagonalGaussian",
    "Dirichlet",
    "DirichletTwoMoments",
    "FullGaussian",
    "Gaussian",
    "JunctionTables",
    "SphericalGaussian",
]
