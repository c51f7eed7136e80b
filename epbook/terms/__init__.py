"""Choice 1 of the algorithm: the terms that a joint distribution is factored into."""

from .arguments import Diagonal, Dot, Product, Sum
from .conjugate import CorrelatedFactor, GammaFactor, GaussianFactor, VectorGaussianFactor, WishartFactor
from .conjugate_discrete import (
    CategoricalFactor,
    DirichletFactor,
    Gate,
    PoissonFactor,
    StartFactor,
    TableFactor,
    TransitionFactor,
)
from .gaussian_argument import Clutter, Logistic, Step
from .mixture_weight import MixtureWeight
from .potential import Potential

__all__ = [
    "CategoricalFactor",
    "Clutter",
    "CorrelatedFactor",
    "Diagonal",
    "DirichletFactor",
    "Dot",
    "GammaFactor",
    "Gate",
    "GaussianFactor",
    "Logistic",
    "MixtureWeight",
    "PoissonFactor",
    "Potential",
    "Product",
    "StartFactor",
    "Step",
    "Sum",
    "TableFactor",
    "TransitionFactor",
    "VectorGaussianFactor",
    "WishartFactor",
]
