"""What came after the thesis: answers to the open questions of its last chapter, which nothing in the core imports."""

from .corrections import evidence_correction
from .double_loop import double_loop
from .fixed_points import FixedPoints, fixed_points, random_tables, sites_around
from .generalised_belief_propagation import generalised_belief_propagation
from .hidden_markov import DiscreteHiddenMarkovModel, variational_hidden_markov
from .region_graphs import RegionGraph
from .stochastic import stochastic_ep

__all__ = [
    "DiscreteHiddenMarkovModel",
    "FixedPoints",
    "RegionGraph",
    "double_loop",
    "evidence_correction",
    "fixed_points",
    "generalised_belief_propagation",
    "random_tables",
    "sites_around",
    "stochastic_ep",
    "variational_hidden_markov",
]
