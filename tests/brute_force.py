"""EP on full joint tables straight from its definition: slow, and without messages, cliques' trees or logs."""

import numpy as np


def over(shape, variables, table):
    """The table on these variables as an array that broadcasts against full joint tables."""
    order = np.argsort(variables)
    return np.transpose(table, order).reshape([size if v in variables else 1 for v, size in enumerate(shape)])


def marginal(joint, variables):
    """The joint table with all other variables summed out, their axes kept."""
    return joint.sum(axis=tuple(v for v in range(joint.ndim) if v not in variables), keepdims=True)


def ratio(above, below):
    """Quotient with 0 / 0 = 0."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(above.shape), where=above > 0)


def projection(joint, cliques):
    """The member of the family with the joint's clique marginals: proportional fitting, from the uniform, until it stays."""
    q = np.full(joint.shape, 1 / joint.size)
    for _ in range(1000):
        before = q
        for clique in cliques:
            q = q * ratio(marginal(joint, clique), marginal(q, clique))
        if np.abs(q - before).max() < 1e-15:
            return q
    raise AssertionError("proportional fitting did not settle")


def ep_on_joint_tables(shape, cliques, terms, passes, power=1.0, damping=0.0):
    """(log evidence, q) after each pass; terms are pairs of variables and table, q and sites full joint tables."""
    tables = [over(shape, *term) for term in terms]
    sites, history = [np.ones(shape) for _ in terms], []
    for _ in range(passes):
        for i, table in enumerate(tables):
            cavity = ratio(np.prod(sites, axis=0), sites[i] ** power)
            tilted = cavity * table**power
            site = ratio(projection(tilted / tilted.sum(), cliques), cavity) ** (1 / power)
            site = site ** (1 - damping) * sites[i] ** damping
            sites[i] = site * (tilted.sum() / (cavity * site**power).sum()) ** (1 / power)  # as tall as its term
        q = np.prod(sites, axis=0)
        history.append((np.log(q.sum()), q / q.sum()))
    return history
