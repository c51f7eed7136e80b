"""Conjugate factors of labels, their weights and counts, and gates, which a label opens."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_array, whole_number
from ..families.discrete_plates import Categoricals, Dirichlets, Poissons
from ..families.markov_chain import MarkovChains
from ..families.precision_plates import Gammas
from .arguments import Known, OfSize, argument, data
from .conjugate import Factor
from .multilinear import Moment, Polynomial


class DirichletFactor(Factor):
    """Dirichlet(x; concentration); a beta distribution when there are two weights.

    Args:
        x: weights, rows that sum to 1, or a variable in `Dirichlets`.
        concentration: known, positive, shape (..., K).

    Example:
        >>> DirichletFactor("weights", [1.0, 1.0]).scope
        ('weights',)

    Book: chapter 7.
    """

    def __init__(self, x, concentration):
        prior, (x, present) = Dirichlets(concentration), data(_summing_to_1(x), Dirichlets)
        constants = Known(log=prior.natural["log"], a=-prior.log_normalisers)
        super().__init__(present * (constants("log", "i") * x("log", "i") + constants("a")), x, constants)


class CategoricalFactor(Factor):
    """The probability weights[x] of a label x; Bernoulli variables are labels of two states.

    Args:
        x: labels as rows of `one_hot`, or a variable in `Categoricals`.
        weights: known, positive, shape (..., K), or a variable in `Dirichlets`.  Known rows need not sum to 1: the
            likelihood of each state will do.

    Example:
        >>> CategoricalFactor("label", "weights").scope
        ('label', 'weights')

    Book: chapter 7.
    """

    def __init__(self, x, weights):
        (x, present), w = data(x, Categoricals), argument(weights, Dirichlets)
        super().__init__(present * (x("x", "i") * w("log", "i")), x, w)


class PoissonFactor(Factor):
    """Poisson(x; rate).

    Args:
        x: counts, or a variable in `Poissons`.
        rate: known, or a variable in `Gammas`.

    Example:
        >>> PoissonFactor([3, 0, 2], "rate").scope
        ('rate',)

    Book: chapter 7.
    """

    def __init__(self, x, rate):
        (x, present), r = data(x, Poissons), argument(rate, Gammas)
        super().__init__(present * (x("x") * r("log") - r("x") - x("log_factorial")), x, r)


class StartFactor(Factor):
    """The probability of the first label of a Markov chain.

    Args:
        chain: a variable in `MarkovChains`.
        weights: known, positive, shape (K,), summing to 1, or a variable in `Dirichlets`.

    Example:
        >>> StartFactor("state", "start").scope
        ('state', 'start')

    Book: chapter 7.
    """

    def __init__(self, chain, weights):
        s, w = argument(chain, MarkovChains), argument(_summing_to_1(weights), Dirichlets)
        super().__init__(s("start", "i") * w("log", "i"), s, w)


class TransitionFactor(Factor):
    """The probability of all labels of a Markov chain but the first, each given the one before.

    Args:
        chain: a variable in `MarkovChains`.
        weights: known, positive, shape (K, K), row i the next label's probabilities after i, or K `Dirichlets`.

    Example:
        >>> TransitionFactor("state", "transition").scope
        ('state', 'transition')

    Book: chapter 7.
    """

    def __init__(self, chain, weights):
        s, w = argument(chain, MarkovChains), argument(_summing_to_1(weights), Dirichlets)
        super().__init__(s("pairs", "ij") * w("log", "ij"), s, w)


class TableFactor(Factor):
    """Any positive function of several labels.

    Args:
        names: variables in `Categoricals`.
        table: positive, one axis a variable.

    Raises:
        ValueError: on another number of axes, or values that are not positive.

    Example:
        >>> TableFactor(["a", "b"], [[0.9, 0.1], [0.2, 0.8]]).scope
        ('a', 'b')

    Book: chapter 7.
    """

    def __init__(self, names, table: ArrayLike):
        places = [argument(name, Categoricals) for name in names]
        log_table = Known(x=np.log(positive_array(f"the table on {list(names)}", table, len(places))))
        letters = [chr(ord("a") + k) for k in range(len(places))]
        each = [Moment(place, "x", letter) for place, letter in zip(places, letters, strict=True)]
        super().__init__(Polynomial([(1.0, (Moment(log_table, "x", "".join(letters)), *each))]), *places)


class Gate(Factor):
    """A factor that holds only where a label says so.

    Without `state`, copy k of the factor, on its last plate, holds in state k: the components of a mixture.

    Args:
        label: a variable in `Categoricals` or `MarkovChains`, or known labels, as rows of `one_hot`.
        factor: any factor.
        state: the factor holds in this state alone.

    Raises:
        ValueError: on a label that is missing: make it a variable, since whether the factor holds is not known.

    Example:
        >>> from epbook import GaussianFactor
        >>> Gate("label", GaussianFactor([[1.0], [2.0]], "means", 1.0)).scope
        ('label', 'means')

    Book: chapter 7.
    """

    def __init__(self, label, factor: Factor, state: int | None = None):
        z = argument(label, Categoricals)
        holds = z("x") if state is None else _in_state(z, whole_number("state", state, 0))
        super().__init__(holds * factor.log, z, factor)


def _in_state(z, k):
    """The probability that a label is in state k: its indicators times a row of zeros with a one."""
    return Polynomial([(1.0, (Moment(OfSize(z, partial(_indicator, z, k)), "x", "a"), Moment(z, "x", "a")))])


def _indicator(z, k, states):
    if k >= states:
        raise ValueError(f"state {k} of a gate is not one of the {states} of {z}")
    return np.arange(states) == k


def _summing_to_1(weights):
    """The same, if a name or rows that sum to 1, or miss."""
    if not isinstance(weights, str):
        totals = np.sum(np.asarray(weights, dtype=float), axis=-1)
        off = np.abs(totals - 1) > 1e-8
        if off.any():
            raise ValueError(f"known weights must sum to 1 in each row, not to {totals[off].flat[0]:g}")
    return weights
