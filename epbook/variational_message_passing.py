"""Variational message passing: the best product of independent densities, one variable at a time.

    q(x) is proportional to exp of the mean of log p(data, all variables) over all of q but x

In a conjugate-exponential model that mean is a sum of messages, one from each factor that has x in
its scope, and the messages are natural parameters: they add.  No update lowers the bound

    log p(data) >= sum over factors of E[log factor] + sum over variables of the entropy of q.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .checks import number_in, whole_number
from .errors import BoundError, ConvergenceWarning, ImproperPosteriorError
from .families.plates import Plates
from .result import Result, Snapshot
from .terms.conjugate import Factor


REMEDY = "subtract their mean, and divide them by their deviation"


class MeanField(dict):
    """A product of independent densities: a dict from name to density.

    Example:
        >>> from epbook import Gammas, Gaussians
        >>> q = MeanField(level=Gaussians(1.0, 2.0), precision=Gammas(2.0, 4.0))
        >>> float(q.mean["precision"])
        0.5

    Book: chapter 7.
    """

    @property
    def mean(self):
        """A dict of the means."""
        return {name: density.mean for name, density in self.items()}

    @property
    def variance(self):
        """A dict of the variances, each in the shape of its mean."""
        return {name: density.variance for name, density in self.items()}

    @property
    def covariance(self):
        """A dict of the covariance matrices of the Gaussian vectors; no two variables are correlated."""
        return {name: density.covariance for name, density in self.items() if hasattr(density, "covariance")}

    def __or__(self, others):
        return MeanField({**self, **others})


def vmp(
    factors: Sequence[Factor],
    q: Mapping[str, Plates],
    *,
    passes: int = 1000,
    tol: float = 1e-6,
    schedule: Sequence[str] | Callable | None = None,
    check: bool = False,
    rng: int | np.random.Generator | None = None,
    watch: Callable[[Result], None] | None = None,
) -> Result:
    """Maximise a lower bound on the evidence over products of independent densities.

    Args:
        factors: the factors of the joint, data and priors included; of a model, `model.factors`.
        q: where to begin: a dict from the name of each variable to a density, whose plates say how many there are.
            The first update replaces its variable's density without looking at it: order or `schedule` decide what
            the start means.
        passes: at most this many passes over the variables.
        tol: stop when no update of a pass moves its density by this much (the square root of a Jeffreys divergence).
            That is so near a saddle, too, where a symmetric start stays.
        schedule: the names in the order of their updates, each pass; that of q if None.  Or `shuffled`, or any function
            of (n, rng) that yields batches of one index.
        check: compute the bound after every single update, to name the one that lowers it.
        rng: seed or numpy Generator, for schedules that draw.
        watch: called with the `Result` after each pass.

    Returns:
        A `Result`: log_evidence is the bound, posterior a dict of densities with `mean` and `variance`.  Its history has
            the bound of each pass, but no means (`watch` sees each pass's posterior), and 0 flops: none are counted.
            Unless it converged, or `passes` is 1, a `ConvergenceWarning` tells its status.

    Raises:
        ValueError: on options out of range, a name without density or factor, or a pair of factor and family that is not
            conjugate: it says which family the place takes.
        ImproperPosteriorError: if the messages to a variable make no density.
        BoundError: if the bound falls by more than rounding, or rounding is as large as 1e-3 nats.

    Example:
        >>> from epbook import Gammas, GammaFactor, GaussianFactor, Gaussians
        >>> factors = [
        ...     GaussianFactor("mean", 0.0, 0.01),
        ...     GammaFactor("precision", 2.0, 1.0),
        ...     GaussianFactor([1.9, 2.0, 1.0, 1.9, 2.4], "mean", "precision"),
        ... ]
        >>> result = vmp(factors, {"mean": Gaussians(0.0, 1.0), "precision": Gammas(2.0, 1.0)})
        >>> result.converged, round(float(result.mean["mean"]), 3), round(result.log_evidence, 3)
        (True, 1.839, -7.679)

    Book: chapter 7.
    """
    passes, tol = whole_number("passes", passes, 1), number_in("tol", tol, 0, math.inf)
    factors, q = _all(factors), MeanField(q)
    _check_model(factors, q)
    if watch is not None and not callable(watch):
        raise ValueError(f"watch must be a function of the result, not {watch!r}")
    order = _order(schedule, list(q), np.random.default_rng(rng))
    result, start, before = Result(q), time.perf_counter(), bound(factors, q)
    for sweep in range(passes):
        mismatch, visited = 0.0, set()
        for name in order():
            old, q[name] = q[name], update(name, factors, q)
            mismatch = max(mismatch, old.divergence(q[name]))
            visited.add(name)
            if check:
                before = bound(factors, q).not_below(before, f"the update of {name!r} in pass {sweep + 1}")
        before = bound(factors, q).not_below(before, f"pass {sweep + 1}")
        moved, seconds = math.sqrt(max(mismatch, 0.0)), time.perf_counter() - start
        result.history.append(Snapshot(before.value, math.nan, 0, seconds, moved))
        _diagnose(result, tol, [name for name in q if name not in visited])
        if watch:
            watch(result)
        if result.converged:
            break
    if not result.converged and passes > 1:
        warnings.warn(result.status, ConvergenceWarning, stacklevel=2)
    return result


def update(name: str, factors: Iterable[Factor], q: Mapping[str, Plates]) -> Plates:
    """The best density of one variable given those of the others: the sum of its messages.

    Args:
        name: the variable.
        factors, q: as in `vmp`.

    Raises:
        ImproperPosteriorError: if there is none.

    Book: chapter 7.
    """
    senders, natural = [factor for factor in factors if name in factor.scope], dict.fromkeys(q[name].natural, np.zeros(()))
    for factor in senders:
        for statistic, message in factor.message(name, q).items():
            natural[statistic] = natural[statistic] + message
    shapes = zip(natural.items(), q[name].shapes, strict=True)
    density = q[name].of({s: eta if eta.shape == shape else np.broadcast_to(eta, shape) for (s, eta), shape in shapes})
    if not density.is_proper:
        raise ImproperPosteriorError(
            f"the messages to {name!r} from {senders} make no proper {type(density).__name__}: "
            f"give it a prior, or, where the data lie far from 0 for their spread, {REMEDY}"
        )
    return density


class Bound(NamedTuple):
    """The lower bound on log p(data), and the size of what was added up to it."""

    value: float
    size: float

    def not_below(self, before: "Bound", what: str) -> "Bound":
        """Itself, if it did not fall by more than rounding, and rounding is small.

        Raises:
            BoundError: if not.
        """
        if np.finfo(float).eps * self.size > 1e-3:  # the true error is up to ten times less
            raise BoundError(f"rounding has lost the bound after {what}: the data lie too far from 0 for their spread; {REMEDY}")
        if self.value >= before.value - 1e-11 * (1 + max(self.size, before.size)):
            return self
        raise BoundError(f"{what} lowered the bound from {before.value:.12g} to {self.value:.12g}: a message is wrong, "
                         f"or rounding has lost it ({REMEDY}); check=True names the variable")  # fmt: skip


def bound(factors: Iterable[Factor], q: Mapping[str, Plates]) -> Bound:
    """The lower bound on log p(data) that q gives, as `value`; `size` is the sum of the absolute values of its parts.

    Args:
        factors, q: as in `vmp`.

    Book: chapter 7.
    """
    logs = [value for factor in factors for value in factor.log.at(q).means(q)]
    entropies = [value for density in q.values() for value in (density.log_normaliser, -density.mean_log_weight)]
    return Bound(math.fsum(logs + entropies), math.fsum(map(abs, logs + entropies)))


def _all(factors):
    if hasattr(factors, "factors"):
        raise ValueError(f"vmp takes factors, not a model: give it model.factors of this {type(factors).__name__}")
    return list(factors)


def _check_model(factors, q):
    """Raise ValueError before any work if factors and q do not make a model."""
    for factor in factors:
        if not isinstance(factor, Factor):
            raise ValueError(f"{factor!r} is no conjugate factor, so vmp has no message for it: use ep, or a conjugate bound")
        for name, variable in factor.log.variables.items():
            if name not in q:
                raise ValueError(f"{factor} has the variable {name!r}, but q has no density of that name")
            if not isinstance(q[name], variable.family):
                raise ValueError(
                    f"{factor} and {type(q[name]).__name__} for {name!r} are not conjugate: "
                    f"in its place there, {name!r} must be {variable.family.__name__}"
                )
    lonely = [name for name in q if not any(name in factor.scope for factor in factors)]
    if lonely or not q:
        raise ValueError(f"no factor has the variable {lonely[0]!r}" if lonely else "q is empty: there is nothing to infer")


def _order(schedule, names, rng):
    """A function that gives the names to update in the next pass."""
    if callable(schedule):
        return lambda: [names[i] for batch in schedule(len(names), rng) for i in _single(batch, names)]
    order = names if schedule is None else list(schedule)
    unknown = [name for name in order if name not in names]
    if unknown or not order:
        raise ValueError(f"schedule must hold names among {names}, not {unknown or order}")
    return lambda: order


def _single(batch, names):
    """The batch, if it is of one variable: updated at once, two that share a factor may lower the bound."""
    if len(batch) != 1:
        raise ValueError(f"vmp updates one variable at a time, but the schedule has {[names[i] for i in batch]} at once")
    return batch


def _diagnose(result, tol, left_out):
    """Set `converged` and `status`."""
    moved, passes = result.mismatch, result.passes
    result.converged = moved < tol and not left_out
    if result.converged:
        result.status = f"converged: the last of {passes} passes moved no density by more than {moved:.1e}"
    elif left_out:
        result.status = f"partial: the schedule left out {', '.join(map(repr, left_out))} in pass {passes}"
    else:
        result.status = f"stopped after {passes} passes, the last of which moved a density by {moved:.1e}; allow more to converge"
