"""How q, the prior times the sites, is stored so that a changed site is absorbed cheaply."""

from .forest import Forest
from .projected import KernelGaussian, LinearGaussian
from .whole import Whole

__all__ = ["Forest", "KernelGaussian", "LinearGaussian", "Whole"]
