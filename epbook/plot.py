"""Drawing for the chapters: one style, one colour and one line a kind of curve.

Colours are those of Okabe and Ito, told apart by colour-blind readers; the line styles
tell the curves apart in print without colour.
"""

import matplotlib.pyplot as plt
import numpy as np

COLOURS = {
    "exact": "#000000",
    "EP": "#0072B2",
    "ADF": "#D55E00",
    "term": "#000000",
    "site": "#0072B2",
    "cavity": "#E69F00",
    "restricted": "#009E73",
    "SVM": "#CC79A7",
    "Laplace": "#CC79A7",
    "VB": "#E69F00",
    "EP2": "#009E73",
    "Importance": "#56B4E9",
    "Gibbs": "#666666",
    "data": "#666666",
    "grid": "#CCCCCC",
}

_DASHES = {
    "exact": "-",
    "EP": "-",
    "ADF": (0, (5, 2)),
    "term": "-",
    "site": (0, (5, 2)),
    "cavity": (0, (1, 1.5)),
    "restricted": (0, (4, 1.5, 1, 1.5)),
    "SVM": (0, (5, 2)),
    "Laplace": (0, (5, 2)),
    "VB": (0, (4, 1.5, 1, 1.5)),
    "EP2": (0, (1, 1.5)),
    "Importance": "-",
    "Gibbs": (0, (1, 1.5)),
}

_MARKERS = {"EP": "o", "EP2": "D", "Laplace": "s", "VB": "^", "Importance": "", "Gibbs": ""}


def style():
    """Set matplotlib for every figure that follows: legible on a phone, and plain.

    Example:
        >>> style()
        >>> plt.rcParams["font.size"] >= 12
        True
    """
    plt.rcParams.update(
        {
            "axes.edgecolor": "#444444",
            "axes.labelsize": 14,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 14,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "figure.figsize": (6.4, 3.8),
            "font.size": 14,
            "legend.fontsize": 13,
            "legend.frameon": False,
            "lines.linewidth": 2.2,
            "savefig.facecolor": "white",
            "xtick.labelsize": 13,
            "ytick.labelsize": 13,
        }
    )


def curve(axes, x, y, kind, label=None, **options):
    """Draw y over x in the colour and line of its kind.

    Args:
        axes: matplotlib Axes.
        x, y: shape (m,).
        kind: a key of `COLOURS`.
        label: for the legend; none if not given.
        **options: for `Axes.plot`.

    Returns:
        The matplotlib line.

    Example:
        >>> figure, axes = plt.subplots()
        >>> curve(axes, [0, 1], [1, 0], "ADF").get_color()
        '#D55E00'
        >>> plt.close(figure)
    """
    look = {"color": COLOURS[kind], "linestyle": _DASHES.get(kind, "-"), **options}
    return axes.plot(x, y, label=label, **look)[0]


def rug(axes, x):
    """Mark the data with short strokes at the foot of the axes.

    Args:
        axes: matplotlib Axes.
        x: data, shape (n,).

    Example:
        >>> figure, axes = plt.subplots()
        >>> rug(axes, [0.5, 1.0])
        >>> plt.close(figure)
    """
    axes.plot(x, [0.02] * len(x), "|", color=COLOURS["data"], markersize=10, markeredgewidth=1.5,
              transform=axes.get_xaxis_transform())  # fmt: skip


def boundary(axes, w, kind, label=None, **options):
    """Draw the line w1 x1 + w2 x2 + w3 = 0 across the axes, in the colour and line of its kind.

    Args:
        axes: matplotlib Axes.
        w: weights, the bias last, shape (3,).
        kind, label, options: as in `curve`.

    Example:
        >>> figure, axes = plt.subplots()
        >>> boundary(axes, [2.0, 0.0, -1.0], "SVM")
        >>> plt.close(figure)
    """
    w1, w2, bias = w
    nearest = -bias / (w1**2 + w2**2)
    foot = nearest * w1, nearest * w2
    look = {"color": COLOURS[kind], "linestyle": _DASHES.get(kind, "-"), **options}
    axes.axline(foot, (foot[0] - w2, foot[1] + w1), label=label, **look)


def classes(axes, X, y):
    """Mark labelled points in the plane: crosses for +1, circles for -1.

    Args:
        axes: matplotlib Axes.
        X: points, shape (n, 2).
        y: labels +1 or -1, shape (n,).

    Example:
        >>> figure, axes = plt.subplots()
        >>> classes(axes, np.eye(2), np.array([1, -1]))
        >>> plt.close(figure)
    """
    axes.plot(*X[y > 0].T, "x", color="black", markersize=8, markeredgewidth=2, zorder=3)
    axes.plot(*X[y < 0].T, "o", color="black", markerfacecolor="white", markersize=7, markeredgewidth=1.5, zorder=3)


def field_and_curves():
    """A figure with one large panel and, right of it, two small ones over one axis.

    Returns:
        (figure, [large, upper, lower]).

    Example:
        >>> figure, panels = field_and_curves()
        >>> len(panels)
        3
        >>> plt.close(figure)
    """
    figure = plt.figure(figsize=(6.4, 3.9))
    cells = figure.add_gridspec(2, 2, width_ratios=[1.45, 1])
    upper = figure.add_subplot(cells[0, 1])
    return figure, [figure.add_subplot(cells[:, 0]), upper, figure.add_subplot(cells[1, 1], sharex=upper)]


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


def contour(axes, side, values, kind):
    """Draw where values over a square change sign, in the colour and line of their kind.

    Args:
        axes: matplotlib Axes.
        side: grid along either axis, shape (m,).
        values: at the points of `np.meshgrid(side, side)`, shape (m * m,).
        kind: a key of `COLOURS`.

    Example:
        >>> figure, axes = plt.subplots()
        >>> contour(axes, [0, 1], np.array([-1, 1, -1, 1]), "EP")
        >>> plt.close(figure)
    """
    size, ends = len(side), (side[0], side[-1])
    axes.contour(side, side, values.reshape(size, size), levels=[0], colors=COLOURS[kind], linestyles=[_DASHES.get(kind, "-")])
    axes.set(xlim=ends, ylim=ends, xticks=ends, yticks=ends, aspect="equal")


def doubt(axes, side, chance):
    """Shade where a probability over a square lies between 0.1 and 0.9. Arguments as in `contour`.

    Example:
        >>> figure, axes = plt.subplots()
        >>> doubt(axes, [0, 1], np.array([0.0, 0.4, 0.6, 1.0]))
        >>> plt.close(figure)
    """
    size = len(side)
    axes.contourf(side, side, chance.reshape(size, size), levels=[0.1, 0.9], colors="#E8E8E8")


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


def hemisphere(axes, view, region, planes):
    """Draw half of the unit sphere with a region and the great circles of some planes through its centre.

    Args:
        axes: matplotlib Axes.
        view: three unit vectors as rows: to the right, up, toward the eye, shape (3, 3).
        region: its outline as directions in columns, shape (3, m).
        planes: normals as rows, shape (p, 3).

    Example:
        >>> figure, axes = plt.subplots()
        >>> hemisphere(axes, np.eye(3), np.eye(3), planes=np.eye(3))
        >>> plt.close(figure)
    """
    turn = np.linspace(0, 2 * np.pi, 181)
    circle = np.array([np.cos(turn), np.sin(turn)])
    look = {"color": COLOURS["data"], "linewidth": 1}
    axes.plot(*circle, **look)
    axes.fill(*(view @ (region / np.linalg.norm(region, axis=0)))[:2], color=COLOURS["grid"])
    for normal in planes:
        across = np.linalg.svd(normal[None])[2][1:]  # two unit vectors in the plane
        x, y, depth = view @ across.T @ circle
        axes.plot(np.where(depth > 0, x, np.nan), y, **look)
    axes.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
    axes.axis("off")


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
        look = {"color": COLOURS.get(name, COLOURS["data"]), "linestyle": _DASHES.get(name, "-"), "marker": _MARKERS.get(name, "")}
        for axes, error in zip(panels, errors):
            if not np.isfinite(error).any():  # a method without an evidence
                continue
            axes.plot(flops, error, label=name, markersize=5, **look)
            if name == "EP":
                axes.plot(flops[0], error[0], "x", color=COLOURS["ADF"], markersize=12, markeredgewidth=3, zorder=4)
    for axes, title in zip(panels, ("error of the evidence", "error of the mean")):
        axes.set(xscale="log", yscale="log", xlabel="operations", title=title)


def network(axes, places, edges, directed=False, filled=None, words=None):
    """Draw a graph: a circle a node with its name below, and a line or an arrow an edge.

    Args:
        axes: matplotlib Axes.
        places: dict from node to its centre (x, y); circles have radius 0.25.
        edges: pairs of nodes; an arrow runs from the first to the second.
        directed: whether edges are arrows.
        filled: dict from node to a share in [0, 1]: how far its circle is filled, from below.
        words: dict from node to its name; the node itself if not given.

    Example:
        >>> figure, axes = plt.subplots()
        >>> network(axes, {1: (0, 0), 2: (1, 0)}, [(1, 2)], directed=True, filled={1: 0.3})
        >>> plt.close(figure)
    """
    radius = 0.25
    for start, end in edges:
        foot, head = np.array(places[start], dtype=float), np.array(places[end], dtype=float)
        gap = radius * (head - foot) / np.linalg.norm(head - foot)
        look = {"arrowstyle": "-|>" if directed else "-", "color": COLOURS["data"], "shrinkA": 0, "shrinkB": 0, "linewidth": 1.5}
        axes.annotate("", head - gap, foot + gap, arrowprops=look)
    for node, (x, y) in places.items():
        circle = axes.add_patch(plt.Circle((x, y), radius, facecolor="white", edgecolor="black", linewidth=1.5))
        level = axes.bar(x, 2 * radius * (filled or {}).get(node, 0), 2 * radius, y - radius, color=COLOURS["EP"], zorder=1)[0]
        level.set_clip_path(circle)
        axes.add_patch(plt.Circle((x, y), radius, fill=False, linewidth=1.5, zorder=2))
        beneath = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
        axes.text(x, y - radius - 0.08, (words or {}).get(node, node), ha="center", va="top", fontsize=12, bbox=beneath, zorder=4)
    across, up = np.transpose(list(places.values()))
    axes.set(aspect="equal", xlim=(across.min() - 0.5, across.max() + 0.5), ylim=(up.min() - 0.65, up.max() + 0.35))
    axes.axis("off")
