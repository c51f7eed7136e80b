"""The five real data sets of thesis section 5.6, as package data.

All come from the UCI Machine Learning Repository under CC BY 4.0; `data/PROVENANCE.md`,
shipped beside them, tells their sources and what was checked.
"""

import csv
from importlib import resources
from typing import NamedTuple

import numpy as np

from .checks import whole_number

# name -> (values of the class, the last column, that become +1; training points as in the thesis)
_SETS = {
    "digits35": ({"3"}, 70),
    "heart": ({"present"}, 162),
    "ionosphere": ({"good"}, 211),
    "sonar": ({"mine"}, 124),
    "thyroid": ({"hyper", "hypo"}, 129),
}
NAMES = tuple(_SETS)


class Dataset(NamedTuple):
    """A two-class data set.

    Attributes:
        X: features, shape (n, d).
        y: labels +1 or -1, shape (n,).
        features: the d column names.
        positive: what +1 means.
        train_size: how many points the thesis trained on.
    """

    X: np.ndarray
    y: np.ndarray
    features: tuple[str, ...]
    positive: str
    train_size: int


def load(name: str) -> Dataset:
    """Load one of `NAMES`: digits35, heart, ionosphere, sonar, thyroid.

    Raises:
        ValueError: on any other name.

    Example:
        >>> heart = load("heart")
        >>> heart.X.shape, heart.positive
        ((270, 13), 'present')

    Book: section 5.6.
    """
    if not isinstance(name, str) or name not in _SETS:
        raise ValueError(f"there is no data set {name!r}; choose one of {', '.join(NAMES)}")
    positive, train_size = _SETS[name]
    text = resources.files("epbook").joinpath("data", f"{name}.csv").read_text("utf-8")
    header, *rows = csv.reader(text.splitlines())
    X = np.array([row[:-1] for row in rows], dtype=float)
    y = np.array([1.0 if row[-1] in positive else -1.0 for row in rows])
    return Dataset(X, y, tuple(header[:-1]), " or ".join(sorted(positive)), train_size)


class Split(NamedTuple):
    """A random division into training and test points, standardised on the training ones.

    Attributes:
        X_train, X_test: points as rows, shapes (n, d) and (m, d).
        y_train, y_test: their labels, +1 or -1, shapes (n,) and (m,).

    Book: section 5.6.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def split(
    dataset: Dataset,
    train_size: int | None = None,
    *,
    standardise: bool = True,
    rng: int | np.random.Generator | None = None,
) -> Split:
    """Divide at random as the thesis does: 60 % for training, 70 points of the digits.

    Args:
        dataset: from `load`.
        train_size: how many points train; None takes the thesis's count.
        standardise: shift and scale each feature to mean 0 and variance 1 on the training points
            (a constant feature is only shifted).
        rng: seed or numpy Generator.

    Raises:
        ValueError: unless both parts are non-empty.

    Example:
        >>> parts = split(load("thyroid"), rng=0)
        >>> parts.X_train.shape, parts.X_test.shape
        ((129, 5), (86, 5))

    Book: section 5.6.
    """
    if not isinstance(dataset, Dataset):
        raise ValueError(f"dataset must be what load() returns, not {dataset!r:.40}")
    n = len(dataset.y)
    size = whole_number("train_size", dataset.train_size if train_size is None else train_size, 1, n - 1)
    order = np.random.default_rng(rng).permutation(n)
    train, test = order[:size], order[size:]
    X = dataset.X
    if standardise:
        spread = X[train].std(axis=0)
        X = (X - X[train].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return Split(X[train], dataset.y[train], X[test], dataset.y[test])
