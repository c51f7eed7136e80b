"""epbook's loopy belief propagation and tree EP: from the network on, and BP also once its arrays are made."""

import copy

from clock import main

from epbook import MarkovNetwork, loopy_belief_propagation
from epbook.fast import tree_ep
from epbook.loopy import loopy_beliefs, repeat

LARGEST_TREE = 20  # grid


def answer(result):
    return {"marginals": result.mean[1::2].tolist(), "passes": result.passes, "converged": result.converged}


def methods(side, coupling, seed, **arrays):
    network = MarkovNetwork.grid(int(side), int(side), coupling=float(coupling), rng=int(seed))
    ready = loopy_beliefs(network)

    def passes_alone():
        beliefs = copy.copy(ready)  # whose arrays a pass replaces, and leaves as they are
        return answer(repeat(beliefs, lambda: beliefs.send(0.0), passes=1000, tol=1e-6))

    runs = {"epbook BP": lambda: answer(loopy_belief_propagation(network)), "epbook BP, set up": passes_alone}
    if side <= LARGEST_TREE:
        runs["epbook tree EP"] = lambda: answer(tree_ep(network))
    return runs


if __name__ == "__main__":
    main("epbook", methods)
