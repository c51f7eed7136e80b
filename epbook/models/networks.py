"""Networks from the literature, as package data."""

import json
from importlib import resources

from .belief_network import BeliefNetwork


def asia() -> BeliefNetwork:
    """The chest clinic of Lauritzen and Spiegelhalter (1988): eight variables, each "yes" or "no".

    A visit to Asia, tuberculosis, smoking, lung cancer, bronchitis, either tuberculosis or cancer,
    a positive X-ray, shortness of breath (dyspnoea).

    Example:
        >>> network = asia()
        >>> patient = network.exact({"asia": "yes", "dysp": "yes"})
        >>> patient.marginal_of(network.variable("bronc")).round(3).tolist()
        [0.811, 0.189]

    Book: section 4.2.
    """
    file = resources.files("epbook").joinpath("data", "asia.json")
    stored = json.loads(file.read_text("utf-8"))
    return BeliefNetwork(stored["cpts"], {name: stored["states"] for name in stored["cpts"]})
