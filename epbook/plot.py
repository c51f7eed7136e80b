"""Drawing for the chapters: one style, one colour and one line a kind of curve.

Colours are those of Okabe and Ito, told apart by colour-blind readers; the line styles
tell the curves apart in print without colour.
"""

import matplotlib.pyplot as plt

COLOURS = {
    "exact": "#000000",
    "EP": "#0072B2",
    "ADF": "#D55E00",
    "term": "#000000",
    "site": "#0072B2",
    "cavity": "#E69F00",
    "restricted": "#009E73",
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
}


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
            "axes.labelsize": 13,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 13,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "figure.figsize": (6.4, 3.8),
            "font.size": 13,
            "legend.fontsize": 12,
            "legend.frameon": False,
            "lines.linewidth": 2.2,
            "savefig.facecolor": "white",
            "xtick.labelsize": 12,
            "ytick.labelsize": 12,
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
    axes.plot(x, [0.0] * len(x), "|", color=COLOURS["data"], markersize=12, markeredgewidth=1.5, clip_on=False,
              transform=axes.get_xaxis_transform())  # fmt: skip
