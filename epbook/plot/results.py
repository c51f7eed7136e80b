"""How good an answer is: criteria, predicted chances, error against cost."""

import math

import matplotlib.pyplot as plt
import numpy as np

from .look import COLOURS, DASHES, MARKERS, curve


def criteria(panels, widths, log_evidence, error, at, xlabel):
    """Draw evidence above and test error below, over a logarithmic axis, with a mark at one setting.

    Args:
        panels: two matplotlib Axes.
        widths, log_evidence, error: shape (m,); the error in per cent.
        at: index of the marked setting.
        xlabel: what the widths are.

    Example:
        >>> figure, panels = plt.subplots(2)
        >>> criteria(panels, [1, 2], [-3.0, -2.0], [10.0, 9.0], at=1, xlabel="width")
        >>> plt.close(figure)
    """
    for axes, values, kind, title in zip(panels, (log_evidence, error), ("EP", "ADF"), ("log evidence", "test error, %")):
        curve(axes, widths, values, kind)
        axes.plot(widths[at], values[at], "o", color=COLOURS[kind], markersize=10)
        axes.set(xscale="log", title=title)
        axes.minorticks_off()
    ticks = [widths[0], widths[len(widths) // 2], widths[-1]]
    panels[1].set(xlabel=xlabel, xticks=ticks, xticklabels=[f"{tick:g}" for tick in ticks])
    panels[0].tick_params(labelbottom=False)


def chances(axes, chance, truth):
    """Histogram of predicted probabilities, stacked by true class.

    Args:
        axes: matplotlib Axes.
        chance: predicted p(y = 1), shape (m,).
        truth: labels +1 or -1, shape (m,).

    Example:
        >>> figure, axes = plt.subplots()
        >>> chances(axes, np.array([0.2, 0.9]), np.array([-1, 1]))
        >>> plt.close(figure)
    """
    looks = {"color": [COLOURS["EP"], COLOURS["grid"]], "label": ["positive", "negative"]}
    parts, bins = [chance[truth > 0], chance[truth < 0]], np.linspace(0, 1, 11)
    _, _, bars = axes.hist(parts, bins, stacked=True, edgecolor="white", **looks)
    plt.setp(bars[1], hatch="//")
    axes.set(xlabel="predicted $p(y=1)$", xlim=(0, 1))
    axes.legend(loc="upper center")


def cost_accuracy(panels, results, exact):
    """Draw the error of evidence and mean over the operations spent, both logarithmic: figures 3-5 to 3-7.

    A run of `ep` bears a cross at its first pass, which is ADF.

    Args:
        panels: two matplotlib Axes, for the evidence (relative error) and the mean.
        results: dict from the name of a method, a key of `COLOURS` or any other, to its `Result`.
        exact: the `Exact` answer.

    Example:
        >>> from epbook import ClutterProblem, ep
        >>> problem = ClutterProblem.sample(20, rng=0)
        >>> figure, panels = plt.subplots(1, 2)
        >>> cost_accuracy(panels, {"EP": ep(problem.posterior(), problem.terms)}, problem.exact())
        >>> plt.close(figure)
    """
    for name, result in results.items():
        flops = [snapshot.flops for snapshot in result.history]
        errors = np.transpose([exact.errors(snapshot) for snapshot in result.history])
        look = {"color": COLOURS.get(name, COLOURS["data"]), "linestyle": DASHES.get(name, "-"), "marker": MARKERS.get(name, "")}
        for axes, error in zip(panels, errors):
            if not np.isfinite(error).any():  # a method without an evidence
                continue
            axes.plot(flops, error, label=name, markersize=5, markevery=math.ceil(len(flops) / 10), **look)
            if name == "EP":
                axes.plot(flops[0], error[0], "x", color=COLOURS["ADF"], markersize=12, markeredgewidth=3, zorder=4)
    for axes, title in zip(panels, ("error of the evidence", "error of the mean")):
        axes.set(xscale="log", yscale="log", xlabel="operations", title=title)
