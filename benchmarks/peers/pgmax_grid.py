"""pgmax's loopy belief propagation, as many passes as epbook's needed: from the network on, and once all is compiled."""

import jax
import numpy as np
from clock import main
from pgmax import fgraph, fgroup, infer, vgroup


def built(fields, pairs, tables):
    """The network, the engine, and its first messages."""
    variables = vgroup.NDVarArray(num_states=2, shape=(len(fields),))
    graph = fgraph.FactorGraph(variable_groups=variables)
    ends = [[variables[a], variables[b]] for a, b in pairs.tolist()]
    graph.add_factors(fgroup.PairwiseFactorGroup(variables_for_factors=ends, log_potential_matrix=np.log(tables)))
    engine = infer.build_inferer(graph.bp_state, backend="bp")
    return variables, engine, engine.init(evidence_updates={variables: np.log(fields)})


def methods(fields, pairs, tables, passes, **rest):
    options = {"num_iters": int(passes), "damping": 0.0, "temperature": 1.0}
    variables, engine, first = built(fields, pairs, tables)
    compiled = jax.jit(lambda arrays: engine.run(arrays, **options))

    def answer(arrays):
        marginals = infer.get_marginals(engine.get_beliefs(arrays))[variables]
        return {"marginals": np.asarray(marginals)[:, 1].tolist(), "passes": int(passes)}

    def whole():
        _, engine, first = built(fields, pairs, tables)
        return answer(engine.run(first, **options))

    answer(compiled(first))  # compiles
    return {
        "pgmax": whole,
        "pgmax, set up": lambda: answer(engine.run(first, **options)),
        "pgmax, compiled": lambda: answer(compiled(first)),
    }


if __name__ == "__main__":
    main("pgmax", methods)
