"""Mixtures of Gaussians, and hidden Markov models whose states are such components, for variational message passing."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..checks import number_in, whole_number
from ..families import Categoricals, Dirichlets, MarkovChains, VectorGaussians, Wisharts
from ..families.plates import Plates
from ..terms.conjugate import Factor, VectorGaussianFactor, WishartFactor
from ..terms.conjugate_discrete import CategoricalFactor, DirichletFactor, Gate, StartFactor, TransitionFactor
from .conjugate_data import with_missing


class GaussianComponents:
    """Data with a label each that names one of K Gaussians; a subclass knows how the labels arise.

    Args: those of `GaussianMixture`.

    Book: chapter 7.
    """

    def __init__(self, x: ArrayLike, components: int, concentration: float = 1.0, mean_precision: float = 0.01):
        self.x = with_missing("x", x)
        self.components = whole_number("components", components, 1)
        self.concentration = number_in("concentration", concentration, 0, np.inf, open_low=True)
        self.mean_precision = number_in("mean_precision", mean_precision, 0, np.inf, open_low=True)
        d = self.x.shape[1]
        self._means = VectorGaussians(np.zeros(d), np.eye(d) / self.mean_precision)
        self._precisions = Wisharts(d, d * np.eye(d))
        self.factors = [
            *self._label_factors(),
            VectorGaussianFactor("means", self._means.mean, self._means.precision),
            WishartFactor("precisions", self._precisions.dof, self._precisions.rate),
            Gate("label", VectorGaussianFactor(self.x[:, None], "means", "precisions")),
        ]

    def _label_factors(self) -> list[Factor]:
        """The prior of the labels."""
        raise NotImplementedError

    def _label_start(self) -> dict[str, Plates]:
        """Labels, whose start plays no part, and their weights at the prior."""
        raise NotImplementedError

    @property
    def _symmetric(self):
        return Dirichlets(np.full(self.components, self.concentration))

    def start(self, rng: int | np.random.Generator | None = None) -> dict[str, Plates]:
        """A q to begin at, which breaks the symmetry: means at distinct data drawn at random, labels to be updated
        first.

        Args:
            rng: seed or numpy Generator.

        Raises:
            ValueError: with fewer distinct data than components.
        """
        known = self.x[np.isfinite(self.x).all(axis=1)]
        known = known[np.sort(np.unique(known, axis=0, return_index=True)[1])]  # two equal means would stay equal
        if len(known) < self.components:
            raise ValueError(f"{len(known)} distinct data are too few to begin {self.components} components at")
        chosen, K = np.random.default_rng(rng).choice(len(known), self.components, replace=False), self.components
        precisions = Wisharts(np.full(K, self._precisions.dof), self._precisions.rate)
        means = VectorGaussians(known[chosen], np.eye(self.x.shape[1]))
        return {**self._label_start(), "means": means, "precisions": precisions}


class GaussianMixture(GaussianComponents):
    """Data from K Gaussians of unknown weights, means and precisions, with a label each.

    The priors suit standardised data: means N(0, I / mean_precision), precisions Wishart of mean I, weights Dirichlet.

    Args:
        x: shape (n, d), or (n,) for d = 1; a row of NaN is missing.
        components: K >= 1.
        concentration: of each weight in the prior, positive; below 1 it empties components that the data do not need.
        mean_precision: positive.

    Attributes:
        factors: for `vmp`, of the variables "label", "weights", "means", "precisions".

    Raises:
        ValueError: on infinite data, rows missing in part, or options out of range.

    Example:
        >>> from epbook import vmp
        >>> model = GaussianMixture([-5.1, -4.9, -5.0, 4.8, 5.0, 5.2], 2)
        >>> result = vmp(model.factors, model.start(rng=0))
        >>> sorted(result.mean["means"].ravel().round(1).tolist())
        [-5.0, 5.0]

    Book: chapter 7.
    """

    def _label_factors(self):
        return [DirichletFactor("weights", self._symmetric.concentration), CategoricalFactor("label", "weights")]

    def _label_start(self):
        labels = Categoricals(np.ones((len(self.x), self.components)))
        return {"label": labels, "weights": self._symmetric}

    def pruned(self, q: Mapping[str, Plates], below: float = 1.0) -> tuple["GaussianMixture", dict[str, Plates]]:
        """The model and q without the components that hold less than this many data in the mean.

        Args:
            q: of this model, a result's posterior.
            below: the least number of data to stay.

        Returns:
            (model, q): `vmp(model.factors, q)` continues.

        Raises:
            ValueError: if no component holds that many, or q is of another number of data or components.

        Example:
            >>> model = GaussianMixture([0.0, 0.1, 0.2], 2)
            >>> q = model.start(rng=0) | {"label": Categoricals([[0.1, 0.9]] * 3)}
            >>> model.pruned(q)[0].components
            1
        """
        below, shape = number_in("below", below, 0, np.inf), q["label"].moments["x"].shape
        if shape != (len(self.x), self.components):
            raise ValueError(f"q is of another model: its labels have shape {shape}, not {(len(self.x), self.components)}")
        keep = np.flatnonzero(q["label"].moments["x"].sum(axis=0) >= below)
        if not keep.size:
            raise ValueError(f"no component holds {below:g} data or more")
        model = GaussianMixture(self.x, keep.size, self.concentration, self.mean_precision)
        last = {name: q[name].of({s: eta[..., keep] for s, eta in q[name].natural.items()}) for name in ("label", "weights")}
        first = {name: q[name].of({s: eta[keep] for s, eta in q[name].natural.items()}) for name in ("means", "precisions")}
        return model, last | first


class HiddenMarkovModel(GaussianComponents):
    """A mixture of Gaussians over time: the label of each datum depends on that of the datum before.

    Args:
        x: shape (T, d), or (T,) for d = 1, T >= 2, in the order of time; a row of NaN is missing.
        components: K, the number of states.
        concentration: of each first and each next state in the prior.
        mean_precision: as in `GaussianMixture`.

    Attributes:
        factors: for `vmp`, of the variables "label", "first", "next", "means", "precisions".

    Raises:
        ValueError: as `GaussianMixture`, and with a single datum.

    Example:
        >>> from epbook import vmp
        >>> model = HiddenMarkovModel([-2.1, -1.9, -2.0, 1.8, 2.0, 2.2], 2)
        >>> result = vmp(model.factors, model.start(rng=0))
        >>> labels = result.mean["label"].argmax(axis=1)
        >>> (labels == labels[0]).tolist()
        [True, True, True, False, False, False]

    Book: chapter 7.
    """

    def _label_factors(self):
        if len(self.x) < 2:
            raise ValueError("x of a hidden Markov model needs 2 data or more, not 1")
        first = DirichletFactor("first", self._symmetric.concentration)
        following = DirichletFactor("next", self._symmetric.concentration)
        return [first, following, StartFactor("label", "first"), TransitionFactor("label", "next")]

    def _label_start(self):
        K = self.components
        labels = MarkovChains(np.ones(K), np.ones((K, K)), len(self.x))
        return {"label": labels, "first": self._symmetric, "next": Dirichlets(np.full((K, K), self.concentration))}
