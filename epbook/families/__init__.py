"""Choice 2 of the algorithm: the exponential family that approximates."""

from .dirichlet import Dirichlet, DirichletTwoMoments
from .discrete_plates import Categoricals, Dirichlets, Poissons, one_hot
from .gaussian import Gaussian
from .gaussian_plates import Gaussians, VectorGaussians
from .markov_chain import MarkovChains
from .precision_plates import Gammas, Wisharts
from .tables import JunctionTables
from .vector_gaussian import DiagonalGaussian, FullGaussian, SphericalGaussian

__all__ = [
    "Categoricals",
    "DiagonalGaussian",
    "Dirichlet",
    "DirichletTwoMoments",
    "Dirichlets",
    "FullGaussian",
    "Gammas",
    "Gaussian",
    "Gaussians",
    "JunctionTables",
    "MarkovChains",
    "Poissons",
    "SphericalGaussian",
    "VectorGaussians",
    "Wisharts",
    "one_hot",
]
