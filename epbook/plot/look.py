"""The one style of all figures, and one colour and one line a kind of curve.

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
    "SVM": "#CC79A7",
    "Laplace": "#CC79A7",
    "VB": "#E69F00",
    "EP2": "#009E73",
    "Importance": "#56B4E9",
    "Gibbs": "#666666",
    "Quadrature": "#009E73",
    "Uniform": "#666666",
    "Metropolis": "#D55E00",
    "Jensen": "#0072B2",
    "Bound": "#E69F00",
    "data": "#666666",
    "grid": "#CCCCCC",
}

DASHES = {
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
    "Uniform": (0, (1, 1.5)),
    "Metropolis": (0, (5, 2)),
    "Jensen": (0, (5, 2)),
    "Bound": (0, (4, 1.5, 1, 1.5)),
}

MARKERS = {"EP": "o", "EP2": "D", "Laplace": "s", "VB": "^", "Importance": "", "Gibbs": "", "Quadrature": "D", "Jensen": "o"}


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
    look = {"color": COLOURS[kind], "linestyle": DASHES.get(kind, "-"), **options}
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
