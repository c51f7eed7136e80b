"""What every algorithm returns: where it ended, how it got there, and whether to trust it."""

import copy
import math
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Snapshot(NamedTuple):
    """The state after one pass, or after some more samples.

    Attributes:
        log_evidence: the estimate of log p(D), in nats; NaN from a method that has none.
        mean: the posterior mean.
        flops: operations so far, by the declared prices; EP's are those of power 1.
        seconds: wall time so far.
        mismatch: the largest moment mismatch met in the pass (see `Result.mismatch`); NaN beside EP.
        skipped: how many terms had an improper cavity in the pass.

    Book: section 3.2.
    """

    log_evidence: float
    mean: float | np.ndarray
    flops: int
    seconds: float
    mismatch: float = math.nan
    skipped: int = 0


@dataclass(repr=False)
class Result:
    """An approximate posterior with its evidence, its history and a diagnosis.

    Attributes:
        posterior: the final posterior, with `mean`, `variance` and `covariance`; EP's continues when passed to `ep` again.
        status: a sentence: converged, or what happened and what to try.
        converged: whether every cavity of the last pass was proper and the mismatch below tol.
            A rival says the same of its own tolerance; a sampler, that it drew what was asked.
        history: one `Snapshot` a pass.

    Book: section 3.2.
    """

    posterior: Any
    status: str = "not started"
    converged: bool = False
    history: list[Snapshot] = field(default_factory=list)
    _start: float = field(default_factory=time.perf_counter, repr=False)

    def __repr__(self) -> str:
        evidence = f", log_evidence={self.log_evidence:.6g}" if self.history else ""
        return f"Result({self.status!r}{evidence})"

    def record(self, log_evidence: float, flops: float, mismatch: float = math.nan, skipped: int = 0) -> None:
        """Append the posterior's present mean and what this pass cost to the history.

        Args:
            log_evidence: the estimate of log p(D).
            flops: operations of this pass alone; the history holds the sum.
            mismatch, skipped: see `Snapshot`.
        """
        spent = self.history[-1].flops if self.history else 0
        seconds = time.perf_counter() - self._start
        mean = copy.copy(self.posterior.mean)
        self.history.append(Snapshot(log_evidence, mean, spent + round(flops), seconds, mismatch, skipped))

    def diagnose(self, tol: float, left_out: int = 0) -> None:
        """Set `converged` and `status` from the history of an iteration that should reach a fixed point.

        Args:
            tol: converged below this mismatch.
            left_out: how many terms the last pass did not visit.
        """
        trail, passes = [snapshot.mismatch for snapshot in self.history], self.passes
        last, half = self.history[-1], passes // 2
        skipped = sum(snapshot.skipped for snapshot in self.history[half:])
        self.converged = last.mismatch < tol and not last.skipped and not left_out
        if self.converged:
            self.status = f"converged: moments match to {last.mismatch:.1e} after {passes} passes"
        elif not last.mismatch < math.inf:
            self.status = f"diverged: pass {passes} left no proper posterior; try damping=0.5 or the sequential schedule"
        elif left_out:
            self.status = f"partial: the schedule left out {left_out} terms of pass {passes}; let it visit all of them to converge"
        elif skipped:
            self.status = (
                f"improper: {skipped} cavities since pass {half} had no normaliser; "
                "try damping=0.5 or, with Gaussians, restricted=True for a safer but cruder answer"
            )
        elif passes >= 10 and min(trail[half:]) > 0.5 * min(trail[:half]):
            self.status = f"oscillating: mismatch still {last.mismatch:.1e} after {passes} passes; try damping=0.5"
        else:
            made = "1 pass" if passes == 1 else f"{passes} passes"
            self.status = f"stopped after {made} at mismatch {last.mismatch:.1e}; allow more passes to converge"

    @property
    def log_evidence(self) -> float:
        """log p(D), in nats."""
        return self.history[-1].log_evidence

    @property
    def mean(self) -> Any:
        """The posterior mean."""
        return self.posterior.mean

    @property
    def variance(self) -> Any:
        """The posterior variance, in the family's own shape."""
        return self.posterior.variance

    @property
    def covariance(self) -> Any:
        """The posterior covariance matrix."""
        return self.posterior.covariance

    @property
    def passes(self) -> int:
        """How many passes were made over the terms."""
        return len(self.history)

    @property
    def skipped(self) -> int:
        """How many refinements of the whole run met an improper cavity."""
        return sum(snapshot.skipped for snapshot in self.history)

    @property
    def failed(self) -> bool:
        """Whether the run met an improper cavity in any pass, or ended unconverged."""
        return self.skipped > 0 or not self.converged

    @property
    def mismatch(self) -> float:
        """The square root of the largest Jeffreys divergence between marginal and tilted, over power.

        Zero exactly at a fixed point, without units, the same for every family.  (Tables that may hold
        zeros take four times the squared Hellinger distance instead, equal to second order.)
        """
        return self.history[-1].mismatch
