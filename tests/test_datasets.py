"""The five real data sets: what their provenance promises."""

import numpy as np
import pytest

from epbook import datasets

SHAPES = {  # name: rows, features, positives, training points
    "digits35": (500, 64, 250, 70),
    "heart": (270, 13, 120, 162),
    "ionosphere": (351, 34, 225, 211),
    "sonar": (208, 60, 111, 124),
    "thyroid": (215, 5, 65, 129),
}


@pytest.mark.parametrize("name", datasets.NAMES)
def test_shape_and_classes(name):
    data = datasets.load(name)
    n, d, positives, train_size = SHAPES[name]
    assert data.X.shape == (n, d) and len(data.features) == d
    assert (data.y == 1).sum() == positives and (data.y == -1).sum() == n - positives
    assert data.train_size == train_size and np.isfinite(data.X).all()


@pytest.mark.parametrize("name", datasets.NAMES)
def test_split_is_a_partition_standardised_on_the_training_part(name):
    data = datasets.load(name)
    parts = datasets.split(data, rng=0)
    assert len(parts.y_train) == data.train_size and len(parts.y_test) == len(data.y) - data.train_size
    assert parts.y_train.sum() + parts.y_test.sum() == data.y.sum()
    np.testing.assert_allclose(parts.X_train.mean(axis=0), 0, atol=1e-12)
    spread = parts.X_train.std(axis=0)
    assert np.isfinite(parts.X_test).all() and ((np.abs(spread - 1) < 1e-12) | (spread == 0)).all()
    raw = datasets.split(data, standardise=False, rng=0)
    np.testing.assert_array_equal(np.sort(np.vstack([raw.X_train, raw.X_test]), axis=0), np.sort(data.X, axis=0))


def test_split_is_drawn_by_its_seed():
    data = datasets.load("heart")
    one, same, other = (datasets.split(data, rng=seed).X_train for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_bad_input():
    with pytest.raises(ValueError, match="no data set 'iris'; choose one of digits35"):
        datasets.load("iris")
    with pytest.raises(ValueError, match=r"train_size must lie in \[1, 269\], not 270"):
        datasets.split(datasets.load("heart"), 270)
