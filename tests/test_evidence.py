"""Hyperparameters by the evidence: against a grid, from bad starts, with other optimizers."""

import warnings

import numpy as np
import pytest

from epbook import BayesPoint, ConvergenceWarning, GaussianKernel, LinearKernel, ep
from epbook.evidence import _Search, fixed_point, maximise_evidence


def ring(n=40, features=2, flipped=0):
    """Inside or outside a circle in the first two features; the others mean nothing."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, features))
    y = np.sign((X[:, :2] ** 2).sum(axis=1) - 1.4)
    y[:flipped] *= -1
    return X, y


def log_evidence(problem):
    return ep(problem.posterior(), problem.terms, tol=1e-9, passes=300).log_evidence


def test_the_width_is_that_of_a_grid():
    start = BayesPoint(*ring(), GaussianKernel(0.1), slack=0.3)
    problem, result = maximise_evidence(start)
    grid = np.geomspace(0.05, 20, 60)
    evidences = [log_evidence(start.replace(kernel=GaussianKernel(width))) for width in grid]
    best = grid[int(np.argmax(evidences))]
    assert abs(np.log(problem.kernel.width / best)) < np.log(grid[1] / grid[0])
    assert result.log_evidence > max(evidences) - 1e-6
    assert result.log_evidence == pytest.approx(log_evidence(problem), abs=1e-6)
    assert problem.term.slack == 0.3


def test_all_that_is_asked_for_is_tuned_and_the_gradient_vanishes():
    start = BayesPoint(*ring(60, flipped=6), GaussianKernel(1.0), noise=0.02, slack=0.1)
    problem, result = maximise_evidence(start, noise=True, slack=True, tol=1e-8)
    gradient = problem.log_evidence_gradient(result)
    logs = [*gradient.log_parameters, gradient.noise * problem.term.noise, gradient.slack * problem.term.slack]
    np.testing.assert_allclose(logs[:2], 0.0, atol=0.01)
    assert logs[2] == pytest.approx(0.0, abs=0.01) or problem.term.slack == pytest.approx(1e-4)  # the step may want to be sharp
    assert problem.term.noise > 0.05
    assert result.log_evidence > log_evidence(start)


def test_widths_tell_which_features_matter():
    X, y = ring(80, features=4)
    start = BayesPoint(X, y, GaussianKernel([1.5] * 4), slack=0.2)
    problem, result = maximise_evidence(start)
    widths = problem.kernel.parameters
    assert widths[2:].min() > 5 * widths[:2].max()
    one = maximise_evidence(start.replace(kernel=GaussianKernel(1.5))).result
    assert result.log_evidence > one.log_evidence


def test_weights_are_scaled_by_the_slack():
    """In weight space and in kernel space the slack is all there is to tune, and the answer the same."""
    X, y = ring(30)
    slacks = [
        maximise_evidence(BayesPoint(X, y, kernel, slack=0.1, bias=True), slack=True, tol=1e-8).problem.term.slack
        for kernel in (None, LinearKernel())
    ]
    assert slacks[0] == pytest.approx(slacks[1], rel=1e-4)


def test_restarts_are_never_worse_and_repeat():
    start = BayesPoint(*ring(), GaussianKernel(0.001), slack=0.3)  # so narrow that the evidence is flat
    stuck = maximise_evidence(start)
    assert stuck.problem.kernel.width == pytest.approx(0.001)
    runs = [maximise_evidence(start.replace(kernel=GaussianKernel(0.05)), restarts=3, rng=seed) for seed in (1, 1)]
    assert runs[0].problem.kernel == runs[1].problem.kernel
    assert runs[0].result.log_evidence > stuck.result.log_evidence


def test_any_optimizer_will_do_and_the_best_place_is_remembered():
    start = BayesPoint(*ring(), GaussianKernel(1.0), slack=0.3)
    seen = []

    def three_looks(objective, place, bounds):
        assert bounds.shape == (1, 2)
        assert objective(place)[1].shape == (1,)
        for step in (-1.0, 0.5, 2.0):
            seen.append((objective(place + step, eval_gradient=False), place + step))

    problem, result = maximise_evidence(start, optimizer=three_looks)
    lowest, place = min(seen + [(-log_evidence(start), np.zeros(1))], key=lambda pair: pair[0])
    assert problem.kernel.width == pytest.approx(np.exp(place[0]))
    assert result.log_evidence == pytest.approx(-lowest, abs=1e-6)


def overlapping(width, noise):
    """Two half-moons that run into each other, label noise and no slack: EP's hard case."""
    rng = np.random.default_rng(1)
    angle, second = np.linspace(0, np.pi, 20), np.repeat([0, 1], 20)
    moons = np.vstack(
        [np.column_stack([np.cos(angle), np.sin(angle)]), np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)])]
    )
    return BayesPoint(moons + 0.3 * rng.standard_normal((40, 2)), 2 * second - 1, GaussianKernel(width), noise=noise)


def test_a_wall_stands_where_ep_does_not_converge():
    """Label noise without slack on overlapping data: from many widths EP has no fixed point, and the search goes on."""
    start = overlapping(width=0.1, noise=0.05)
    failures = []

    def watched(objective, place, bounds):
        for width in np.geomspace(0.1, 30, 6):
            value, gradient = objective(np.log([width]))
            assert np.isfinite([value, *gradient]).all()
            failures.append(not fixed_point(start.replace(kernel=GaussianKernel(width))).converged)

    result = maximise_evidence(start, optimizer=watched).result
    assert any(failures) and not all(failures)
    assert result.converged
    assert maximise_evidence(start).result.converged


def test_the_wall_is_above_everything_and_leads_back_to_the_best_place():
    search = _Search(BayesPoint(*ring(), GaussianKernel([1.0, 2.0]), slack=0.3), noise=False, slack=True, options={})
    value, _ = search(search.start)
    place = search.start + [0.3, -0.2, 0.5]
    height, gradient = search._wall(place)
    assert height > value + 1 and (gradient * (place - search.start) > 0).all()
    for i, step in enumerate(1e-6 * np.eye(3)):
        rise = search._wall(place + step)[0] - search._wall(place - step)[0]
        assert gradient[i] == pytest.approx(rise / 2e-6, rel=1e-6)


class Partial:
    """A kernel that offers its parameters, and nothing else that tuning needs."""

    def __init__(self, parameters):
        self.parameters = parameters

    def __call__(self, X, Y):
        return GaussianKernel(1.0)(X, Y)


def test_a_kernel_with_parameters_alone_works_everywhere_but_in_tuning():
    problem = BayesPoint(*ring(), Partial([1.0]), slack=0.3)
    result = ep(problem.posterior(), problem.terms)
    assert problem.leave_one_out(result).shape == (40,)
    for ask in (lambda: maximise_evidence(problem), lambda: problem.log_evidence_gradient(result)):
        with pytest.raises(ValueError, match="offers parameters but no with_parameters, which tuning needs"):
            ask()


def test_convergence_nowhere_is_said():
    start = BayesPoint(*ring(), GaussianKernel(1.0), slack=0.3)
    with pytest.warns(ConvergenceWarning, match="nothing was tuned; try restarts, .* At the start: stopped after 2 passes"):
        problem, result = maximise_evidence(start, passes=2, tol=1e-12)
    assert problem is start and not result.converged


def test_half_steps_help_where_whole_ones_do_not():
    problem = overlapping(width=0.67, noise=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # not a word: the caller looks at the result
        result = fixed_point(problem)
    with pytest.warns(ConvergenceWarning):
        assert not ep(problem.posterior(), problem.terms).converged
    assert result.converged


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: maximise_evidence(BayesPoint(*ring(), slack=1.0)), "there is nothing to tune: the kernel has no parameters"),
        (lambda: maximise_evidence(BayesPoint(*ring(), GaussianKernel(1.0), slack=1.0), noise=True), "must start above 0: Step"),
        (lambda: maximise_evidence(BayesPoint(*ring(), GaussianKernel(1.0)), slack=True), "must start above 0"),
        (lambda: maximise_evidence(BayesPoint(*ring(), GaussianKernel(1.0)), restarts=0.5), "restarts must be a whole number"),
        (lambda: maximise_evidence(BayesPoint(*ring(), Partial(1.0), slack=1.0)), "the kernel's parameters needs 1 axes"),
        (lambda: maximise_evidence(BayesPoint(*ring(), Partial([-1.0]), slack=1.0)), "the kernel's parameters must be positive"),
        (
            lambda: maximise_evidence(BayesPoint(*ring(), noise=1e-9), noise=True),
            r"noise, where it is tuned, must lie in \[1e-06",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
