"""pyAgrum's loopy belief propagation: the grid as a Bayes net, an observed child for every pair; its set-up not timed."""

import pyagrum
from clock import main


def bayes_net(log_fields, pairs, log_tables):
    """A pair's table, scaled to at most 1, is the probability of its child's being 1."""
    net, seen = pyagrum.BayesNet(), {}
    for i, fields in enumerate(log_fields):
        net.add(pyagrum.RangeVariable(f"x{i}", "", 0, 1))
        net.cpt(f"x{i}")[:] = fields / fields.sum()
    for k, ((a, b), table) in enumerate(zip(pairs, log_tables, strict=True)):
        child = net.add(pyagrum.RangeVariable(f"e{k}", "", 0, 1))
        net.addArc(f"x{a}", f"e{k}")
        net.addArc(f"x{b}", f"e{k}")
        for i in (0, 1):
            for j in (0, 1):
                net.cpt(child)[{f"x{a}": i, f"x{b}": j}] = [1 - table[i, j], table[i, j]]
        seen[f"e{k}"] = 1
    return net, seen


def methods(fields, pairs, tables, **rest):
    pyagrum.setNumberOfThreads(1)
    net, seen = bayes_net(fields, pairs, tables / tables.max(axis=(1, 2), keepdims=True))

    def run():
        engine = pyagrum.LoopyBeliefPropagation(net)
        engine.setEvidence(seen)
        engine.setEpsilon(1e-6)
        engine.setMinEpsilonRate(1e-12)
        engine.setMaxIter(1000)
        engine.makeInference()
        return {"marginals": [float(engine.posterior(f"x{i}")[1]) for i in range(len(fields))]}

    return {"pyAgrum LoopyBP": run}


if __name__ == "__main__":
    main("pyagrum", methods)
