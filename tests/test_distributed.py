"""Distributed EP gives the answer of one machine, on workers that may die."""

import importlib
import json
import logging
import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import epbook
from epbook import BayesPoint, ConvergenceWarning, LinearGaussian, Step, datasets, ep
from epbook.distributed import Serial, fit, load, refine, share_of

ROOT = Path(__file__).parents[1]
KINDS = {"probit": (0.0, 1.0), "step": (0.0, 0.0), "noise": (0.1, 0.0), "both": (0.1, 0.3)}


def sample(kind, n=120, d=4, seed=0):
    """Data of a kind: X, y, and the options that say so."""
    noise, slack = KINDS[kind]
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    y = np.sign(X @ rng.standard_normal(d) + slack * rng.standard_normal(n))
    y[rng.random(n) < noise] *= -1
    return X, y, {"noise": noise, "slack": slack}


def cut(X, y, count):
    return [(X[k::count], y[k::count]) for k in range(count)]


def one_machine(X, y, noise, slack):
    result = ep(LinearGaussian(y[:, None] * X), [Step(noise, slack)] * len(X), tol=1e-9, passes=300)
    assert result.converged
    return result


def assert_same(result, expected, tol=1e-6):
    assert result.converged, result.status
    np.testing.assert_allclose(result.mean, expected.mean, atol=tol)
    np.testing.assert_allclose(result.covariance, expected.covariance, atol=tol)
    assert result.log_evidence == pytest.approx(expected.log_evidence, abs=1e-8)


# --- without a cluster


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_partitions_gives_the_answer_of_one_machine(kind):
    X, y, options = sample(kind)
    expected = one_machine(X, y, **options)
    for count, asynchronous in [(2, False), (4, False), (16, False), (1, True), (4, True), (16, True)]:
        result = fit(cut(X, y, count), **options, client=Serial(), tol=1e-7, rounds=200, asynchronous=asynchronous)
        assert_same(result, expected)


def test_one_inner_pass_is_parallel_ep_however_the_data_are_cut():
    X, y, options = sample("probit")
    with pytest.warns(ConvergenceWarning):
        runs = [fit(cut(X, y, count), **options, client=Serial(), rounds=3, inner=1) for count in (1, 5)]
    assert [s.mismatch for s in runs[0].history] == pytest.approx([s.mismatch for s in runs[1].history])
    np.testing.assert_allclose(runs[0].mean, runs[1].mean, rtol=1e-10)


def test_a_refinement_changes_no_sites_at_the_fixed_point():
    X, y, options = sample("probit", n=30)
    expected = one_machine(X, y, **options)
    tau, nu = np.array([(site.precision, site.shift) for site in expected.posterior.sites]).T
    rows = load((X[:10], y[:10]))
    precision = np.linalg.inv(expected.covariance)
    new = refine(rows, share_of(rows, tau[:10], nu[:10]), precision, precision @ expected.mean, Step(**options))
    assert new.message.mismatch < 1e-7 and new.message.skipped == 0
    np.testing.assert_allclose(new.tau, tau[:10], rtol=1e-6)
    np.testing.assert_allclose(new.message.shift, nu[:10] @ rows, rtol=1e-6)
    assert new.message.log_scale == pytest.approx(sum(expected.posterior.log_scales[:10]), abs=1e-6)


def test_real_data_with_a_bias_and_what_they_predict():
    data = datasets.load("thyroid")
    problem = BayesPoint(data.X, data.y, noise=0.05, slack=0.5, bias=True)
    expected = ep(problem.posterior(), problem.terms, tol=1e-8)
    result = fit(cut(data.X, data.y, 3), noise=0.05, slack=0.5, bias=True, client=Serial(), tol=1e-7)
    assert_same(result, expected)
    new = data.X[:9] + 0.1
    np.testing.assert_allclose(
        result.predictor().log_probability(new), problem.predictor(expected).log_probability(new), atol=1e-6
    )


def test_a_step_that_all_partitions_overshoot_is_damped_by_itself():
    X, y, options = sample("step", n=200, d=5)
    parts = cut(X, y, 16)
    result = fit(parts, **options, client=Serial(), rounds=200)
    gentle = fit(parts, **options, client=Serial(), rounds=200, damping=0.5)
    assert_same(result, gentle, tol=1e-4)
    with pytest.warns(ConvergenceWarning, match="stopped after 2 passes"):
        fit(parts, **options, client=Serial(), rounds=2)


def test_the_traffic_is_counted():
    X, y, options = sample("probit")
    result = fit(cut(X, y, 5), **options, client=Serial())
    assert len(result.traffic) == result.passes == len(result.history)
    assert result.traffic[0] == (10, 5 * 8 * (2 * (16 + 4) + 3))


def test_a_checkpoint_is_resumed_in_other_partitions(tmp_path):
    X, y, options = sample("step")
    path = tmp_path / "sites.npz"
    with pytest.warns(ConvergenceWarning):
        broken = fit(cut(X, y, 1), **options, client=Serial(), rounds=10, every=5, checkpoint=path)
    assert [file.name for file in tmp_path.iterdir()] == ["sites.npz"]
    parts = [(part, label) for part, label in zip(np.split(X, 3), np.split(y, 3), strict=True)]
    resumed = fit(parts, **options, client=Serial(), resume=path, rounds=100)
    assert resumed.history[0].mismatch < broken.history[5].mismatch < broken.history[0].mismatch
    assert_same(resumed, one_machine(X, y, **options), tol=1e-4)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    X, y, options = sample("probit")
    path = tmp_path / "sites.npz"
    fit([(X, y)], **options, client=Serial(), checkpoint=path)
    with pytest.raises(ValueError, match="120 sites for 119 rows"):
        fit([(X[:-1], y[:-1])], **options, client=Serial(), resume=path)
    np.savez(tmp_path / "bad.npz", precision=np.full(120, -9.0), shift=np.zeros(120))
    with pytest.raises(ValueError, match="no proper posterior"):
        fit([(X, y)], **options, client=Serial(), resume=tmp_path / "bad.npz")
    np.savez(tmp_path / "data.npz", X=X, y=y)
    with pytest.raises(ValueError, match=r"data\.npz is no checkpoint: it holds X, y"):
        fit([(X, y)], **options, client=Serial(), resume=tmp_path / "data.npz")


def test_messages_taken_as_they_come_are_checked_at_the_end():
    X, y, options = sample("probit")
    parts, states = cut(X, y, 4), []
    fit(parts, **options, client=Serial(), asynchronous=True, watch=lambda now: states.append((now.converged, now.status)))
    assert [converged for converged, _ in states] == [False] * (len(states) - 1) + [True]
    assert states[-2][1].startswith("on the way: mismatch") and states[-1][1].startswith("converged")
    with pytest.warns(ConvergenceWarning, match="stopped after 1 pass"):
        fit(parts, **options, client=Serial(), asynchronous=True, rounds=1)


def test_the_library_beside_it_never_imports_it():
    package = Path(epbook.__file__).parent
    beside = [path for path in package.rglob("*.py") if "distributed" not in path.relative_to(package).parts]
    assert len(beside) > 40
    assert not [
        path.name for path in beside if re.search(r"^\s*(from|import) .*distributed", path.read_text("utf-8"), re.MULTILINE)
    ]


def test_the_stored_times_of_the_chapter_are_those_of_the_script(monkeypatch):
    pytest.importorskip("distributed", reason="an extra")
    monkeypatch.syspath_prepend(ROOT / "experiments")
    script = importlib.import_module("scaling")
    stored = json.loads((ROOT / "book" / "data" / "scaling.json").read_text("utf-8"))
    assert stored["settings"] == script.SETTINGS
    seconds = stored["seconds a round"]
    assert set(seconds) == {f"{size}, {place}" for size in ("full", "empty") for place in ("here", 1, 2)}
    assert all(row["wall"] > 0 and row["server"] > 0 for row in seconds.values())
    with pytest.warns(ConvergenceWarning, match="stopped after 6 passes"):  # as asked
        spent, result = script.run(script.data(400, 3, 2, 1.0, 0), Serial(), 1.0, 2, 6)
    assert spent[0] > 0 and result.passes == 6 and result.mismatch < 1e-3


# --- where partitions come from


def test_files_and_dask_arrays_give_what_arrays_give(tmp_path):
    array = pytest.importorskip("dask.array", reason="an extra")
    pyarrow, parquet = pytest.importorskip("pyarrow", reason="an extra"), pytest.importorskip("pyarrow.parquet")
    X, y, options = sample("probit")
    parts = [(X[:50], y[:50]), (X[50:], y[50:])]
    for k, (points, labels) in enumerate(parts):
        np.savez(tmp_path / f"{k}.npz", X=points, y=labels)
        columns = {"y": labels.astype(int)} | {f"x{j}": column for j, column in enumerate(points.T)}
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{k}.parquet")
    lazy = array.from_array(X, chunks=((50, 70), (2, 2))), array.from_array(y, chunks=40)
    forms = [parts, [tmp_path / "0.npz", tmp_path / "1.npz"], [f"{tmp_path}/0.parquet", f"{tmp_path}/1.parquet"], [lazy]]
    results = [fit(form, **options, client=Serial()) for form in forms]
    assert {result.passes for result in results} == {results[0].passes}
    for result in results[1:]:
        np.testing.assert_array_equal(result.mean, results[0].mean)


@pytest.mark.parametrize(
    "partitions, message",
    [
        ([], "there are no partitions"),
        ([([[1.0]], [1]), ([[1.0], [np.nan]], [1, 1])], "partition 1: X must be finite, but row 1"),
        ([([[1.0]], [2])], "partition 0: y must be"),
        ([([[1.0]], [1, 1])], "partition 0: 2 labels were given for 1 data points"),
        ([([[1.0], [0.0]], [1, 1])], "partition 0: row 1 of X is zero"),
        ([([[1.0]], [1]), ([[1.0, 2.0]], [1])], "partition 1 has 2 columns, and partition 0 has 1"),
        (["data.csv"], "partition 0: a file must be .npz or .parquet, not .csv"),
    ],
)
def test_bad_partitions_are_named(partitions, message):
    with pytest.raises(ValueError, match=message):
        fit(partitions, client=Serial())


def test_bad_files_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", X=[[1.0]], labels=[1])
    with pytest.raises(ValueError, match="partition 0: it must hold the arrays X and y, not X, labels"):
        fit([tmp_path / "a.npz"], client=Serial())
    with pytest.raises(FileNotFoundError):
        fit([tmp_path / "b.npz"], client=Serial())


@pytest.mark.parametrize(
    "option", [{"rounds": 0}, {"inner": 0}, {"damping": 1.0}, {"noise": 0.5}, {"tol": -1}, {"every": 0.5}, {"workers": 0}]
)
def test_bad_options_are_refused_before_anything_starts(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        fit([([[1.0]], [1])], **option)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"epbook\[distributed\]"):
        fit([([[1.0]], [1])])


# --- on a cluster


@pytest.fixture(scope="module")
def client():
    """Two workers, processes of their own, for all tests below; one of them will be killed."""
    distributed = pytest.importorskip("distributed", reason="an extra")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_workers_give_the_digits_of_one_process(client):
    X, y, options = sample("noise")
    parts = cut(X, y, 5)
    here, there = (fit(parts, **options, client=who) for who in (Serial(), client))
    assert here.passes == there.passes
    np.testing.assert_allclose(there.mean, here.mean, rtol=1e-9)


def test_messages_taken_as_they_come_give_the_same_answer(client):
    X, y, options = sample("step")
    result = fit(cut(X, y, 6), **options, client=client, asynchronous=True, tol=1e-7)
    assert_same(result, one_machine(X, y, **options))


def test_arrays_that_live_on_the_workers_are_fitted_there(client):
    array = pytest.importorskip("dask.array")
    X, y, options = sample("probit")
    points, labels = client.persist([array.from_array(X, chunks=(30, 4)), array.from_array(y, chunks=30)])
    assert_same(fit([(points, labels)], **options, client=client, tol=1e-7), one_machine(X, y, **options))


def test_a_worker_killed_while_messages_come_loses_nothing(client):
    """The chapter kills one in synchronous rounds."""
    X, y, options = sample("both")
    parts, before = cut(X, y, 6), client.run(os.getpid).values()
    victims = []

    def kill(result):
        """After the second round, when each worker holds rows and sites, and works on the next."""
        if result.passes == 2:
            victims.append(max(before))
            os.kill(victims[0], signal.SIGKILL)

    result = fit(parts, **options, client=client, asynchronous=True, tol=1e-7, watch=kill)
    assert_same(result, one_machine(X, y, **options))
    assert victims and victims[0] not in client.run(os.getpid).values()


def test_workers_are_started_for_a_call_and_stopped_after_it():
    distributed = pytest.importorskip("distributed", reason="an extra")
    X, y, options = sample("probit")
    clients = []

    def look(result):
        clients.append(distributed.Client.current())
        assert len(clients[-1].nthreads()) == 1

    result = fit(cut(X, y, 2), **options, workers=1, tol=1e-7, watch=look)
    assert_same(result, one_machine(X, y, **options))
    assert {client.status for client in clients} == {"closed"}
