"""The parameters of a hidden Markov model: by EP, by variational Bayes, and exactly on a short series.

EP itself is `ep(model.posterior(), model.terms)`; what it needs to know is in `epbook.beyond.unknown_rows`.

Its limits, as measured with two states and two symbols.  Under prior rows (4, 1) and (1, 4) it settles on eight symbols
and beats variational Bayes; of 50 symbols it does not settle in 50 passes, and of 200 its cavities turn improper.  Under
sparse priors, with concentrations of 0.1 and less, five symbols suffice: it does not settle, or where damping makes it,
its log evidence is wrong by a nat and more.  So look at `Result.status`, and distrust it where the prior is sparse.
"""

import itertools
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag
from scipy.special import gammaln, logsumexp, softmax

from ..checks import finite_array, number_in, positive_array, whole_number
from ..errors import ConvergenceWarning
from ..expectation_propagation import ep
from ..families import Dirichlet
from ..models.exact import Exact
from ..posteriors import Forest
from ..result import Result
from .unknown_rows import Draw, MatrixPosterior

_MOST = 10**6


class DiscreteHiddenMarkovModel:
    """x_1 ~ start, x_t ~ the row x_(t-1) of transition, y_t ~ the row x_t of emission; each row has a Dirichlet prior.

    States are known by what the prior says of them: with a prior that is the same for all, so is the posterior.

    Args:
        y: what was seen, numbers 0 .. M - 1, shape (T,).
        emission: prior concentrations, shape (K, M), K, M >= 2.
        transition: prior concentrations, shape (K, K); ones if None.
        start: prior concentrations, shape (K,); ones if None.

    Raises:
        ValueError: on other shapes, concentrations that are not positive, or symbols that the emission has no column for.

    Example:
        >>> model = DiscreteHiddenMarkovModel([0, 0, 1, 1, 1, 0], emission=[[4, 1], [1, 4]], transition=[[4, 1], [1, 4]])
        >>> result, exact = ep(model.posterior(), model.terms), model.exact()
        >>> result.converged, abs(result.log_evidence - exact.log_evidence) < 0.1
        (True, True)

    Book: chapter 6.
    """

    def __init__(self, y: ArrayLike, emission: ArrayLike, transition: ArrayLike | None = None, start: ArrayLike | None = None):
        emission = positive_array("emission", emission, 2)
        K, M = emission.shape
        transition = positive_array("transition", np.ones((K, K)) if transition is None else transition, 2)
        start = positive_array("start", np.ones(K) if start is None else start, 1)
        if transition.shape != (K, K) or start.shape != (K,):
            raise ValueError(f"{K} states need a transition of shape {(K, K)} and a start of shape {(K,)}")
        if np.asarray(y).dtype == bool:
            raise ValueError("y must hold symbols 0 .. M - 1, not truth values")
        self.y = np.array([whole_number("each symbol of y", s, 0, M - 1) for s in finite_array("y", y, 1)])
        self.states, every = K, slice(None)
        self.concentrations = {"start": start[None], "transition": transition, "emission": emission}
        self.terms = [Draw("start", (0,), (0, every), (1, K))]
        for t, symbol in enumerate(self.y):
            if t:
                self.terms.append(Draw("transition", (t - 1, t), (every, every), (K, K)))
            self.terms.append(Draw("emission", (t,), (every, int(symbol)), (K, M)))

    @classmethod
    def sample(
        cls, n: int, emission: ArrayLike, transition: ArrayLike, start: ArrayLike | None = None, rng: Any = None
    ) -> "DiscreteHiddenMarkovModel":
        """Draw the matrices from their priors, and n symbols from the matrices; rng is a seed or numpy Generator."""
        rng, model = np.random.default_rng(rng), cls([0], emission, transition, start)
        first, A, B = ([rng.dirichlet(row) for row in rows] for rows in model.concentrations.values())
        x, y = rng.choice(model.states, p=first[0]), []
        for _ in range(whole_number("n", n, 1)):
            y.append(rng.choice(len(B[x]), p=B[x]))
            x = rng.choice(model.states, p=A[x])
        return cls(y, emission, transition, start)

    def posterior(self, chain: bool = True) -> MatrixPosterior:
        """Where EP starts: the prior, the states being a chain in q, or independent."""
        pairs = [(t, t + 1) for t in range(len(self.y) - 1)] if chain else None
        prior = {name: [Dirichlet(row) for row in rows] for name, rows in self.concentrations.items()}
        return MatrixPosterior(Forest([self.states] * len(self.y), pairs), prior)

    def paths(self) -> tuple[np.ndarray, np.ndarray]:
        """Every sequence of states, shape (K^T, T), and its probability given y; the parameters integrated out.

        Raises:
            ValueError: if there are more than 10^6.
        """
        x, log_joint = self._paths()
        return x, softmax(log_joint)

    def exact(self) -> Exact:
        """Evidence, and mean and covariance of all entries of the matrices, by a sum over all sequences of states.

        Raises:
            ValueError: if there are more than 10^6.
        """
        x, log_joint = self._paths()
        weight = softmax(log_joint)
        rows = [row for name in self.concentrations for row in self._counted(name, x).transpose(1, 0, 2)]
        means = np.concatenate([row / row.sum(axis=1, keepdims=True) for row in rows], axis=1)
        mean = weight @ means
        within = block_diag(*[_average_covariance(weight, row) for row in rows])
        gap = means - mean
        return Exact(float(logsumexp(log_joint)), mean, within + (gap.T * weight) @ gap)

    def _paths(self):
        K, T = self.states, len(self.y)
        if K**T > _MOST:
            raise ValueError(f"the exact answer sums over K^T = {K}^{T} sequences, more than {_MOST}")
        x = np.array(list(itertools.product(range(K), repeat=T)))
        log_joint = np.zeros(len(x))
        for name, prior in self.concentrations.items():
            for row, a in zip(self._counted(name, x).transpose(1, 0, 2), prior, strict=True):
                log_joint += _log_normaliser(row) - _log_normaliser(a)
        return x, log_joint

    def _counted(self, name, x):
        """The rows' concentrations once the sequences x of states are known, shape (sequences, rows, columns)."""
        y, first = self.y, np.zeros_like(x[:, :1])
        row, column = {"start": (first, x[:, :1]), "transition": (x[:, :-1], x[:, 1:]), "emission": (x, y + 0 * x)}[name]
        prior = self.concentrations[name]
        counts = np.zeros((len(x), prior.size))
        np.add.at(counts, (np.arange(len(x))[:, None], row * prior.shape[1] + column), 1.0)
        return prior + counts.reshape(len(x), *prior.shape)


def _log_normaliser(a):
    return gammaln(a).sum(axis=-1) - gammaln(a.sum(axis=-1))


def _average_covariance(weight, a):
    total = a.sum(axis=1, keepdims=True)
    mean, scaled = a / total, weight / (1 + total[:, 0])
    return np.diag(scaled @ mean) - (mean.T * scaled) @ mean


def variational_hidden_markov(model: DiscreteHiddenMarkovModel, passes: int = 1000, tol: float = 1e-10) -> Result:
    """A lower bound on the evidence from q(states) q(matrices), to compare with EP (MacKay 1997).

    Each pass gives the states the chain whose tables are exp E[log matrix], and each row the counts that it expects.  It
    starts at the prior: one that treats all states alike is a saddle of the bound, where it stays.

    Args:
        model: the data and the priors.
        passes: at most this many.
        tol: stop when the bound rises by less.

    Returns:
        A `Result`; log_evidence is the bound, the posterior a `MatrixPosterior`.  Unless it converged, a
            `ConvergenceWarning` tells its status.

    Raises:
        ArithmeticError: if the bound falls beyond rounding, as it never should.

    Example:
        >>> model = DiscreteHiddenMarkovModel([0, 0, 1, 1, 1, 0], emission=[[4, 1], [1, 4]], transition=[[4, 1], [1, 4]])
        >>> variational_hidden_markov(model).log_evidence < model.exact().log_evidence
        True

    Book: chapter 6.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    result = Result(model.posterior())
    for _ in range(passes):
        rows = result.posterior.rows
        logs = {name: np.array([row.expected_logs for row in own]) for name, own in rows.items()}
        tallest = [logs[term.matrix][term.index].max() for term in model.terms]  # taken out, lest exp underflow
        potentials: list[Any] = [term.potential(np.exp(logs[term.matrix] - top)) for term, top in zip(model.terms, tallest)]
        chain = ep(result.posterior.states, potentials, passes=1)
        divergence = sum(_divergence(q, p) for name, own in rows.items() for q, p in zip(own, result.posterior.prior[name]))
        before = result.log_evidence if result.history else -math.inf
        posterior = model.posterior()
        for term in model.terms:
            taken, name = (term.taken(chain.posterior.joint_of(term.variables)), term.matrix)
            posterior.rows[name] = [Dirichlet(row.concentration + w) for row, w in zip(posterior.rows[name], taken)]
        bound = float(chain.log_evidence + sum(tallest) - divergence)
        if bound < before - 1e-9 * max(1.0, abs(bound)):
            raise ArithmeticError(f"the bound fell from {before!r} to {bound!r}")
        result.record(bound, chain.history[-1].flops + _flops(model, chain.posterior))
        if result.log_evidence - before < tol:
            break
        result.posterior = posterior
    result.posterior.states = chain.posterior
    result.converged = result.log_evidence - before < tol
    result.status = (
        f"{'converged' if result.converged else 'stopped'}: the bound rose by {result.log_evidence - before:.1e} at last"
    )
    if not result.converged:
        warnings.warn(f"{result.status}; allow more passes", ConvergenceWarning, stacklevel=2)
    return result


def _flops(model, states):
    """Operations of one pass beside those of the chain: its joint tables, and 25 for every entry of the matrices."""
    joints = sum(
        site.scope.reaching.collect_flops + 8 * math.prod(term.cardinalities) for site, term in zip(states.sites, model.terms)
    )
    return joints + 25 * sum(prior.size for prior in model.concentrations.values())


def _divergence(q, p):
    """KL(q || p) of two Dirichlets, in nats."""
    return float((q.concentration - p.concentration) @ q.expected_logs) - q.log_normaliser + p.log_normaliser
