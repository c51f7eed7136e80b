"""Progress of long runs, by tqdm (of the `notebook` extra)."""

from collections.abc import Callable

from .result import Result


def bar(passes: int = 100, title: str = "EP") -> Callable[[Result], None]:
    """A `watch` for `ep` that shows its passes and its mismatch while it runs.

    Args:
        passes: the same limit that `ep` was given.
        title: the words before the bar.

    Example:
        >>> from epbook import ClutterProblem, ep
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> ep(problem.posterior(), problem.terms, watch=bar()).converged
        True
    """
    from tqdm.auto import tqdm

    line = tqdm(total=passes, desc=title, unit="pass")

    def watch(result: Result) -> None:
        line.update()
        line.set_postfix(mismatch=f"{result.mismatch:.1e}", log_evidence=f"{result.log_evidence:.4g}")
        if result.converged or result.passes == passes or not result.mismatch < float("inf"):
            line.close()

    return watch
