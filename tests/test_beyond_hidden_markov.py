"""A hidden Markov model's parameters: exact answers by other means, the family by quadrature, EP against both and against VB."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from epbook import ConvergenceWarning, Dirichlet, Forest, ep, parallel
from epbook.beyond.hidden_markov import DiscreteHiddenMarkovModel, variational_hidden_markov
from epbook.beyond.unknown_rows import Draw, MatrixPosterior

STICKY = [[4.0, 1.0], [1.0, 4.0]]


def model_of(seed, n=8):
    return DiscreteHiddenMarkovModel.sample(n, STICKY, STICKY, rng=seed)


def state_marginals(model):
    x, weight = model.paths()
    return np.array([[weight[column == k].sum() for k in range(model.states)] for column in x.T])


def likelihood(y, start, A, B):
    """p(y) of many models at once by the forward recursion; an axis of models first."""
    forward = start * B[:, :, y[0]]
    for symbol in y[1:]:
        forward = np.einsum("ni,nij->nj", forward, A) * B[:, :, symbol]
    return forward.sum(axis=1)


def test_the_exact_answer_is_that_of_importance_sampling():
    """Matrices drawn from the prior, weighted by the likelihood: no sequence of states is ever named."""
    emission, transition, start = np.array([[2.0, 1.0, 1.0], [0.5, 1.0, 3.0]]), np.array([[3.0, 1.0], [1.0, 2.0]]), [2.0, 1.0]
    y, rng, n = [0, 2, 2, 1, 0], np.random.default_rng(0), 200_000
    first = rng.dirichlet(start, n)
    A, B = (np.stack([rng.dirichlet(row, n) for row in rows], axis=1) for rows in (transition, emission))
    weight = likelihood(y, first, A, B)
    exact = DiscreteHiddenMarkovModel(y, emission, transition, start).exact()
    assert exact.log_evidence == pytest.approx(math.log(weight.mean()), abs=0.01)
    entries = np.concatenate([first, A.reshape(n, -1), B.reshape(n, -1)], axis=1)
    mean = weight @ entries / weight.sum()
    np.testing.assert_allclose(exact.mean, mean, atol=0.005)
    covariance = ((entries - mean).T * weight) @ (entries - mean) / weight.sum()
    np.testing.assert_allclose(exact.covariance, covariance, atol=0.002)


def test_the_exact_evidence_is_a_product_of_predictions():
    """Polya's urns, one entry after another, over all sequences of states."""
    model, total = model_of(3, n=4), 0.0
    for path in np.ndindex(2, 2, 2, 2):
        urns = {name: rows.copy() for name, rows in model.concentrations.items()}
        draws = [("start", 0, path[0])] + [("transition", a, b) for a, b in itertools.pairwise(path)]
        product = 1.0
        for name, row, column in draws + [("emission", x, y) for x, y in zip(path, model.y)]:
            product *= urns[name][row, column] / urns[name][row].sum()
            urns[name][row, column] += 1
        total += product
    assert model.exact().log_evidence == pytest.approx(math.log(total), abs=1e-12)


def test_matched_rows_by_quadrature():
    """E[log] of the tilted rows, integrated over the row and summed over the two states."""
    rows = [Dirichlet([2.0, 0.7]), Dirichlet([1.5, 3.0])]
    posterior = MatrixPosterior(Forest([2, 2]), {"A": rows})
    draw = Draw("A", (0, 1), (slice(None), slice(None)), (2, 2))
    knows = np.array([0.3, 0.9]), np.array([0.8, 0.5])  # unnormalised beliefs about the two states
    posterior.prepare([draw])
    cavity = posterior.marginal(0)
    cavity.states.tables = [np.log(table) for table in knows]
    log_z, tilted = cavity.moment_match(draw)
    joint = np.outer(*knows) / np.outer(*knows).sum()
    mean = np.array([row.mean for row in rows])
    assert log_z == pytest.approx(math.log((joint * mean).sum()), abs=1e-12)
    for k, row in enumerate(rows):
        rest = (joint * mean)[1 - k].sum()

        def weighted(w, log, row=row, own=joint[k], rest=rest):
            return beta.pdf(w, *row.concentration) * (own @ [w, 1 - w] + rest) / math.exp(log_z) * log(w)

        want = [quad(weighted, 0, 1, args=(log,))[0] for log in (np.log, lambda w: np.log1p(-w))]
        np.testing.assert_allclose(tilted.rows[k].expected_logs, want, atol=1e-7)


@pytest.mark.parametrize("symbol", [0, 2])
def test_one_symbol_is_exact(symbol):
    """Two terms that share a state and no matrix: a tree, on which only the rows' own shape is approximated."""
    model = DiscreteHiddenMarkovModel([symbol], [[2.0, 1.0, 1.0], [0.5, 1.0, 3.0]], start=[1.0, 2.0])
    result = ep(model.posterior(), model.terms, tol=1e-10)
    assert result.log_evidence == pytest.approx(model.exact().log_evidence, abs=1e-10)
    np.testing.assert_allclose(result.posterior.marginal_of(0), state_marginals(model)[0], atol=1e-8)


def test_nearly_known_matrices_give_the_forward_recursion():
    A, B, start = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.8, 0.2], [0.25, 0.75]]), np.array([0.5, 0.5])
    y = np.random.default_rng(0).integers(2, size=30)
    model = DiscreteHiddenMarkovModel(y, 1e5 * B, 1e5 * A, 1e5 * start)
    want = math.log(likelihood(y, start[None], A[None], B[None])[0])
    assert ep(model.posterior(), model.terms).log_evidence == pytest.approx(want, abs=1e-2)


def test_ep_is_closer_than_variational_bayes():
    errors = []
    for seed in range(12):
        model = model_of(seed)
        exact, states = model.exact(), state_marginals(model)
        for result in (ep(model.posterior(), model.terms), variational_hidden_markov(model)):
            assert result.converged
            found = np.array([result.posterior.marginal_of(t) for t in range(len(model.y))])
            errors.append(
                (*exact.errors(result), np.abs(found - states).max(), np.abs(result.variance / exact.variance - 1).max())
            )
    ours, theirs = np.median(errors[::2], axis=0), np.median(errors[1::2], axis=0)
    assert (ours[:3] < theirs[:3] / 2).all() and ours[3] < theirs[3]  # evidence, mean, states; variance
    assert np.mean(np.less(errors[::2], errors[1::2]), axis=0).min() >= 0.8


@pytest.mark.parametrize("seed", range(3))
def test_chain_and_single_states_and_all_schedules_have_one_fixed_point(seed):
    """No term reaches beyond one edge of the chain, so its messages pass through single states (section 4.2)."""
    model = model_of(seed)
    want = ep(model.posterior(), model.terms, tol=1e-9)
    for q, options in [(model.posterior(chain=False), {}), (model.posterior(), {"schedule": parallel, "damping": 0.3})]:
        result = ep(q, model.terms, tol=1e-9, **options)
        assert result.converged and result.log_evidence == pytest.approx(want.log_evidence, abs=1e-7)
        np.testing.assert_allclose(result.mean, want.mean, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_rises_and_is_one(seed):
    model = model_of(seed)
    result = variational_hidden_markov(model)
    trail = [snapshot.log_evidence for snapshot in result.history]
    assert np.diff(trail).min() > -1e-9 and trail[-1] < model.exact().log_evidence


def test_its_limits():
    """Long series and sparse priors: EP does not settle and says so, and on five symbols its evidence is far off."""
    long = model_of(0, 50)
    with pytest.warns(ConvergenceWarning):
        assert not ep(long.posterior(), long.terms, passes=30).converged
    c = 0.1
    sparse = DiscreteHiddenMarkovModel([0, 0, 1, 1, 0], [[1 + c, c], [c, 1 + c]], np.full((2, 2), c))
    with pytest.warns(ConvergenceWarning):
        result = ep(sparse.posterior(), sparse.terms)
    assert not result.converged and result.log_evidence > sparse.exact().log_evidence + 1
    damped = ep(sparse.posterior(), sparse.terms, damping=0.5)
    assert damped.converged and damped.log_evidence > sparse.exact().log_evidence + 1


@pytest.mark.parametrize("c", [0.1, 1e-4])
def test_the_bound_is_one_under_sparse_priors(c):
    sparse = DiscreteHiddenMarkovModel([0, 0, 1, 1, 0], [[1 + c, c], [c, 1 + c]], np.full((2, 2), c))
    result = variational_hidden_markov(sparse)
    assert result.converged and result.log_evidence < sparse.exact().log_evidence


def test_the_bound_stops_early_with_a_warning():
    with pytest.warns(ConvergenceWarning, match="stopped: the bound rose by .*; allow more passes"):
        assert not variational_hidden_markov(model_of(0), passes=2).converged


def test_a_falling_bound_is_an_error(monkeypatch):
    falling = iter([0.0, 1.0])
    monkeypatch.setattr("epbook.beyond.hidden_markov._divergence", lambda q, p: next(falling, 2.0))
    with pytest.raises(ArithmeticError, match="the bound fell from"):
        variational_hidden_markov(model_of(0))


def test_states_that_the_prior_confuses_stay_confused():
    model = DiscreteHiddenMarkovModel([0, 0, 1, 1], np.ones((2, 2)))
    result = ep(model.posterior(), model.terms)
    np.testing.assert_allclose(result.mean, np.full(10, 0.5), atol=1e-12)


def test_a_run_continues_and_leaves_where_it_began_alone():
    model = model_of(0)
    q = model.posterior()
    first = ep(q, model.terms)
    assert q.sites == [] and (q.matrix("transition") == np.array(STICKY) / 5).all()
    again = ep(first.posterior, model.terms)
    assert again.passes == 1 and again.log_evidence == pytest.approx(first.log_evidence, abs=1e-8)


def test_refresh_repairs_rows():
    model = model_of(0)
    posterior = ep(model.posterior(), model.terms).posterior
    want = posterior.matrix("emission")
    posterior.rows["emission"] = [row**1.1 for row in posterior.rows["emission"]]
    assert np.abs(posterior.matrix("emission") - want).max() > 1e-4
    posterior.refresh()
    np.testing.assert_allclose(posterior.matrix("emission"), want, atol=1e-10)


def test_moments_have_one_order():
    model = DiscreteHiddenMarkovModel.sample(6, [[3.0, 1.0, 1.0], [1.0, 1.0, 3.0]], STICKY, rng=0)
    result, exact = ep(model.posterior(), model.terms), model.exact()
    assert result.mean.shape == result.variance.shape == exact.mean.shape == (2 + 4 + 6,)
    np.testing.assert_allclose(np.diag(result.covariance), result.variance, rtol=1e-12)
    np.testing.assert_array_equal(result.mean[6:], result.posterior.matrix("emission").ravel())
    np.testing.assert_allclose(exact.covariance.sum(axis=1), 0, atol=1e-12)  # every row sums to 1


def test_sampling_is_deterministic():
    assert (model_of(5).y == model_of(5).y).all() and any((model_of(5).y != model_of(seed).y).any() for seed in range(6, 9))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 2], STICKY), r"each symbol of y must lie in \[0, 1\], not"),
        (([0, 1], [[1.0, 0.0], [1.0, 1.0]]), "emission must be positive"),
        (([0, 1], STICKY, np.ones((3, 3))), r"2 states need a transition of shape \(2, 2\)"),
        (([True, False], STICKY), "not truth values"),
        (([0, math.nan], STICKY), "y must be finite, but row 1"),
    ],
)
def test_bad_models(arguments, message):
    with pytest.raises(ValueError, match=message):
        DiscreteHiddenMarkovModel(*arguments)


def test_what_has_no_closed_form_or_too_many_sequences_is_refused():
    model = DiscreteHiddenMarkovModel([0] * 20, STICKY)
    with pytest.raises(ValueError, match=r"K\^T = 2\^20 sequences, more than 1000000"):
        model.exact()
    with pytest.raises(ValueError, match="in closed form for power=1"):
        ep(model.posterior(), model.terms, power=0.5)
    with pytest.raises(ValueError, match="restricted=False alone"):
        ep(model.posterior(), model.terms, restricted=True)
