"""The stored results of chapter 5.6 are whole, and the script still makes them."""

import importlib
import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from epbook import datasets

ROOT = Path(__file__).parents[1]
STORED = json.loads(resources.files("epbook").joinpath("data", "real-data.json").read_text("utf-8"))
SETTINGS = STORED["settings"]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "experiments")
    return importlib.import_module("real_data")


def test_seeds_settings_versions_and_machine_are_stored(script):
    assert SETTINGS == script.SETTINGS
    assert "rng=s" in SETTINGS["seeds"] and "rng=1000+s" in SETTINGS["seeds"]
    assert set(STORED["versions"]) == {"python", "numpy", "scipy", "scikit-learn"}
    assert "cores" in STORED["machine"]
    assert STORED["training times"]["n"] == script.SIZES == sorted(script.SIZES)
    assert len(STORED["training times"]["seconds"]) == len(script.SIZES) and min(STORED["training times"]["seconds"]) > 0


def test_all_of_it_fits_into_five_minutes_on_two_cores():
    assert 0 < STORED["processor minutes"] < 2 * 5


def test_times_grow_with_the_points_like_seconds_on_some_machine():
    """Wide margins: the clock is not ours."""
    n, seconds = (np.array(STORED["training times"][key]) for key in ("n", "seconds"))
    assert 1.5 < np.polyfit(np.log(n), np.log(seconds), 1)[0] < 4
    assert seconds[-1] > 20 * seconds[0]


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_split_of_every_experiment_is_there(name, script):
    data = datasets.load(name)
    test_size = len(data.y) - data.train_size
    found = STORED["errors"][name]
    counts = np.array([found[who] for who in found if not who.startswith("log evidence")])
    assert counts.shape[1] == SETTINGS["splits"] and counts.min() >= 0 and counts.max() <= test_size
    assert max(found["log evidence"] + found["log evidence + 1"]) < 0
    for trail in STORED["costs"][name].values():
        assert np.shape(trail["errors"]) == (SETTINGS["splits"], len(trail["flops"]))
        assert trail["flops"] == sorted(trail["flops"])
    for scores in STORED["forecasts"][name].values():
        splits = SETTINGS["splits of the forecasts"]
        assert [len(scores[what]) for what in ("errors", "brier", "log loss")] == 3 * [splits]
        assert min(scores["log loss"]) > 0 and min(scores["brier"]) > 0
        # Brier <= log loss, term by term, and a wrong forecast costs 1/4 and log 2 at least
        assert (np.array(scores["brier"]) <= np.array(scores["log loss"]) + 1e-5).all()
        assert (np.array(scores["errors"]) / test_size <= 4 * np.array(scores["brier"]) + 1e-4).all()
        assert max(scores["log loss"]) < 1.5
        count, chance, positive = np.array(scores["bins"])
        assert count.sum() == splits * test_size and (positive <= count).all()
        assert sum(scores["errors"]) == positive[:5].sum() + (count - positive)[5:].sum()
        assert (chance <= (np.arange(10) + 1) / 10 * count + 1e-3).all() and (chance >= np.arange(10) / 10 * count - 1e-3).all()


def test_cost_curves_end_where_the_errors_are():
    for name in datasets.NAMES:
        for who in ("EP", "SVM"):
            last = [wrong[-1] for wrong in STORED["costs"][name][who]["errors"]]
            assert last == STORED["errors"][name][who]


@pytest.mark.parametrize(("name", "split"), [("thyroid", 7), ("heart", 12)])
def test_the_script_makes_the_stored_errors(name, split, script):
    found = script.errors(name, split)
    for who in ("EP", "SVM", "SVM, free offset", "EP + 1", "SVM + 1", "EP failed"):
        assert found[who] == STORED["errors"][name][who][split]
    assert found["log evidence"] == pytest.approx(STORED["errors"][name]["log evidence"][split], abs=2e-3)


@pytest.mark.parametrize(("name", "split"), [("thyroid", 7), ("digits35", 3)])
def test_the_script_makes_the_stored_costs(name, split, script, monkeypatch):
    """The billiard's first bounces too: it is not yet chaotic there."""
    monkeypatch.setitem(script.SETTINGS, "steps of the costs", 3)
    found, stored = script.costs(name, split), STORED["costs"][name]
    for who in ("EP", "SVM", "billiard"):
        again = [wrong for _, wrong in found[who]]
        kept = stored[who]["errors"][split]
        assert again == kept[: len(again)] and (who == "billiard" or set(kept[len(again) :]) <= {again[-1]})
    assert found["EP"][0][0] == pytest.approx(stored["EP"]["flops"][0], rel=0.05)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_billiards_of_two_experiments_agree(name):
    """Stored apart, 500 or 2000 bounces and 4096: different paths, much the same error."""
    errors, costs = STORED["errors"][name], STORED["costs"][name]["billiard"]["errors"]
    data = datasets.load(name)
    test_size = len(data.y) - data.train_size
    long = np.array(costs)[:, -2]
    assert abs(np.mean(errors["billiard"]) - np.mean(long)) < 0.02 * test_size
    assert (np.array(errors["billiard"]) != errors["EP"]).mean() > 0.1


@pytest.mark.parametrize(("name", "split"), [("thyroid", 7)])
def test_the_script_makes_the_stored_forecasts(name, split, script):
    for machine, again in script.forecasts(name, split).items():
        kept = STORED["forecasts"][name][machine]
        assert again["errors"] == kept["errors"][split]
        for what in ("brier", "log loss"):
            assert again[what] == pytest.approx(kept[what][split], abs=2e-3), (machine, what)


@pytest.mark.parametrize("words", ["--splits 0", "--splits -1 heart", "hart", "--redo costs --splits 2"])
def test_a_senseless_order_is_refused_before_the_work(words, script, monkeypatch, capsys):
    before = script.FILE.read_bytes()
    monkeypatch.setattr("sys.argv", ["real_data.py", *words.split()])
    with pytest.raises(SystemExit):
        script.main()
    assert "error:" in capsys.readouterr().err and script.FILE.read_bytes() == before
