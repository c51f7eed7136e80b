"""What expectation propagation is measured against: one method a file, each a function of a problem that returns a `Result`."""

from .assumed_density import assumed_density
from .billiard import billiard
from .extended_kalman import extended_kalman
from .gibbs import gibbs
from .grid_filter import grid_filter
from .importance import importance
from .integrand_bound import integrand_bound
from .jensen import jensen
from .laplace import laplace
from .metropolis import metropolis
from .particle_filter import particle_filter
from .quadrature import quadrature
from .samples import Samples
from .support_vector_machine import support_vector_machine
from .tap import tap
from .uniform import uniform
from .variational_bayes import variational_bayes

__all__ = [
    "Samples",
    "assumed_density",
    "billiard",
    "extended_kalman",
    "gibbs",
    "grid_filter",
    "importance",
    "integrand_bound",
    "jensen",
    "laplace",
    "metropolis",
    "particle_filter",
    "quadrature",
    "support_vector_machine",
    "tap",
    "uniform",
    "variational_bayes",
]
