"""Points, lines, densities and networks in a plane, on a sphere or in a triangle."""

import matplotlib.pyplot as plt
import numpy as np

from .look import COLOURS, DASHES


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
    look = {"color": COLOURS[kind], "linestyle": DASHES.get(kind, "-"), **options}
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
    axes.contour(side, side, values.reshape(size, size), levels=[0], colors=COLOURS[kind], linestyles=[DASHES.get(kind, "-")])
    axes.set(xlim=ends, ylim=ends, xticks=ends, yticks=ends, aspect="equal")


def doubt(axes, side, chance):
    """Shade where a probability over a square lies between 0.1 and 0.9.

    Args:
        axes: matplotlib Axes.
        side: grid along either axis, shape (m,).
        chance: the probability at the points of `np.meshgrid(side, side)`, shape (m * m,).

    Example:
        >>> figure, axes = plt.subplots()
        >>> doubt(axes, [0, 1], np.array([0.0, 0.4, 0.6, 1.0]))
        >>> plt.close(figure)
    """
    size = len(side)
    axes.contourf(side, side, chance.reshape(size, size), levels=[0.1, 0.9], colors="#E8E8E8")


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


def simplex(axes, log_densities, corners, shares=(0.5, 0.9)):
    """Draw densities of three weights over a triangle, as contours that enclose given shares of their mass.

    Args:
        axes: matplotlib Axes.
        log_densities: dict from a key of `COLOURS` to a function of weights, shape (m, 3), to log densities, shape (m,).
            The first is filled, the others are lines.
        corners: three names, of the corners where a weight is 1.
        shares: of the mass, increasing, in (0, 1).

    Example:
        >>> from epbook import Dirichlet
        >>> figure, axes = plt.subplots()
        >>> simplex(axes, {"exact": Dirichlet([3.0, 2.0, 4.0]).log_density}, ("a", "b", "c"))
        >>> plt.close(figure)
    """
    places = np.array([[0, 0], [1, 0], [0.5, 3**0.5 / 2]])
    count = np.arange(0.5, 120)
    first, second = (part.ravel() for part in np.meshgrid(count, count))
    weights = np.column_stack([first, second, 120 - first - second])
    weights = weights[weights[:, 2] > 0] / 120
    x, y = (weights @ places).T
    for number, (kind, log_density) in enumerate(log_densities.items()):
        density = np.exp(log_density(weights))
        ordered = np.sort(density)[::-1]
        mass = np.cumsum(ordered) / ordered.sum()
        levels = ordered[np.searchsorted(mass, shares)][::-1]  # the height above which each share lies
        if number == 0:
            axes.tricontourf(x, y, density, levels=[*levels, density.max() * 1.01], colors=["#E3E3E3", "#B5B5B5"])
        else:
            axes.tricontour(x, y, density, levels=levels, colors=COLOURS[kind], linestyles=[DASHES.get(kind, "-")])
    axes.fill(*places.T, facecolor="none", edgecolor="#444444", linewidth=1)
    for place, name in zip(places, corners):
        axes.annotate(name, place, (0, -6 if place[1] == 0 else 6), textcoords="offset points", ha="center",
                      va="top" if place[1] == 0 else "bottom")  # fmt: skip
    axes.set(aspect="equal")
    axes.axis("off")


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
