"""epbook's loopy belief propagation and tree EP, their set-up included."""

from clock import main

from epbook import MarkovNetwork, loopy_belief_propagation
from epbook.fast import tree_ep

LARGEST_TREE = 20  # grid


def answer(result):
    return {"marginals": result.mean[1::2].tolist(), "passes": result.passes, "converged": result.converged}


def methods(side, coupling, seed, **arrays):
    network = MarkovNetwork.grid(int(side), int(side), coupling=float(coupling), rng=int(seed))
    runs = {
        "epbook BP": lambda: answer(loopy_belief_propagation(network)),
        "epbook BP, set-up and a pass": lambda: answer(loopy_belief_propagation(network, passes=1)),
    }
    if side <= LARGEST_TREE:
        runs["epbook tree EP"] = lambda: answer(tree_ep(network))
    return runs


if __name__ == "__main__":
    main("epbook", methods)
