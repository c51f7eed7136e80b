"""EP for speed and for many points: the same terms, sites and fixed points as the loop's, which nothing in the core imports."""

from .blocked import BlockedKernelGaussian
from .chunked import ChunkedGaussian
from .inducing import InducingGaussian
from .inducing_bayes_point import InducingBayesPoint
from .kernel import kernel_ep
from .linear import linear_ep
from .low_rank import LowRankKernel
from .sweeps import chunked_ep
from .tree import tree_ep

__all__ = [
    "BlockedKernelGaussian",
    "ChunkedGaussian",
    "InducingBayesPoint",
    "InducingGaussian",
    "LowRankKernel",
    "chunked_ep",
    "kernel_ep",
    "linear_ep",
    "tree_ep",
]
