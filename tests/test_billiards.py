"""Billiards: the geometry of single flights, what is conserved, and the averages against closed forms."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest

from epbook import BayesPoint, GaussianKernel, LinearKernel, ep
from epbook.rivals import billiard, support_vector_machine
from epbook.rivals.billiard import PathAverage, flights
from epbook.rivals.pool import Ball, Sphere, random_directions
from epbook.rivals.separator import Coordinates

X3, Y3 = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1, -1, 1]
START = [0.4, 0.0, -0.2]
TABLES = ["ball", "rujan", "herbrich"]


@pytest.fixture(scope="module")
def three():
    return BayesPoint(X3, Y3, bias=True)


@pytest.fixture(scope="module")
def curved():
    X = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    return BayesPoint(X, np.where((X**2).sum(axis=1) < 0.5, 1, -1), GaussianKernel(0.5))


def angle(one, other):
    """Distance of the directions."""
    return np.linalg.norm(one / np.linalg.norm(one) - other / np.linalg.norm(other))


def next_event(problem, w, v):
    """Times to all walls and to the sphere, as the thesis has them: (5.100)-(5.104)."""
    normals = problem.signed / np.linalg.norm(problem.signed, axis=1, keepdims=True)
    d, speed = normals @ w, normals @ v
    walls = [-a / b if b < 0 else math.inf for a, b in zip(d, speed, strict=True)]
    sphere = (math.sqrt((w @ v) ** 2 + v @ v * (1 - w @ w)) - w @ v) / (v @ v)
    return np.array([*walls, sphere]), normals


def test_flights_inside_the_ball(three):
    path = list(islice(flights(three, START, redraw=None, rng=0), 400))
    for flight, after in pairwise(path):
        times, normals = next_event(three, flight.start, flight.velocity)
        if flight.hit < 3:
            times[flight.hit], normal = max(times[flight.hit], 0), normals[flight.hit]
        else:
            normal = flight.end
        left = np.where(times > 1e-9, times, math.inf)  # all but the wall that it leaves
        assert flight.time == pytest.approx(left.min(), abs=1e-9) and left.argmin() == flight.hit
        np.testing.assert_allclose(flight.end, flight.start + flight.time * flight.velocity, atol=1e-12)
        np.testing.assert_allclose(after.velocity, flight.velocity - 2 * (flight.velocity @ normal) * normal, atol=1e-12)
        np.testing.assert_array_equal(after.start, flight.end)
    assert {flight.hit for flight in path} == {0, 1, 2, 3}


def test_only_new_velocities_change_the_area_swept(three):
    """|w x v| stays in every reflection, so that one flight without end would not see all directions."""

    def swept(redraw):
        return [np.linalg.norm(np.cross(f.start, f.velocity)) for f in islice(flights(three, START, redraw=redraw, rng=1), 500)]

    assert np.ptp(swept(None)) < 1e-12
    assert np.ptp(swept(("length", 10.0))) > 0.3 and np.ptp(swept(("bounces", 100))) > 0.1


def test_new_velocities_come_when_promised(three):
    by_length = list(islice(flights(three, START, redraw=("length", 2.5), rng=0), 200))
    stops = [k for k, flight in enumerate(by_length) if flight.hit is None]
    lengths = np.diff(np.cumsum([0.0] + [flight.time for flight in by_length])[[0, *np.array(stops) + 1]])
    np.testing.assert_allclose(lengths, 2.5, atol=1e-9)
    by_count = list(islice(flights(three, START, redraw=("bounces", 7), rng=0), 50))
    swept = [np.linalg.norm(np.cross(f.start, f.velocity)) for f in by_count]
    assert [k for k in range(1, 50) if abs(swept[k] - swept[k - 1]) > 1e-9] == list(range(7, 50, 7))


@pytest.mark.parametrize("table", ["rujan", "herbrich"])
def test_flights_on_the_sphere(three, table):
    path = list(islice(flights(three, START, table=table, rng=3), 300))
    escapes = 0
    for flight, after in pairwise(path):
        times, normals = next_event(three, flight.start, flight.velocity)
        assert np.linalg.norm(flight.start) == pytest.approx(1) == np.linalg.norm(flight.velocity)
        if flight.hit is None:
            escapes += 1
            assert (times[:3][normals @ flight.start > 1e-9] == math.inf).all()
            np.testing.assert_allclose(flight.end, path[0].start if table == "rujan" else flight.start, atol=1e-12)
        else:
            crash = flight.start + flight.time * flight.velocity
            np.testing.assert_allclose(flight.end, crash / np.linalg.norm(crash), atol=1e-12)
            normal = normals[flight.hit]
            assert normal @ flight.end == pytest.approx(0, abs=1e-12)
            np.testing.assert_allclose(after.velocity, flight.velocity - 2 * (flight.velocity @ normal) * normal, atol=1e-12)
    assert 0.2 * len(path) < escapes < 0.5 * len(path)


@pytest.mark.parametrize("table", TABLES)
def test_the_average_is_the_path_s(three, table):
    """(5.107) by hand, flight by flight."""
    start = support_vector_machine(three).mean
    start = 0.5 * start / np.linalg.norm(start)
    M, s = np.zeros(3), 0.0
    for flight in islice(flights(three, start, table=table, rng=5), 200):
        if flight.hit is not None or table == "ball":
            z = np.linalg.norm(flight.end - flight.start)
            M, s = (s * M + z * (flight.start + flight.end) / 2) / (s + z), s + z
    q = billiard(three, 200, table, rng=5).posterior
    np.testing.assert_allclose(q.mean / q.scale, M, atol=1e-9)


def test_snapshots_are_those_of_shorter_runs(three):
    long = billiard(three, 100, balls=3, rng=2)
    assert [len(billiard(three, k, balls=3, rng=2).history) for k in (1, 2, 5)] == [1, 2, 4]
    for k in range(7):
        np.testing.assert_array_equal(long.history[k].mean, billiard(three, 2**k, balls=3, rng=2).mean)
    assert long.converged and long.status == "3 x 100 bounces, 0% of them escapes"


def test_a_path_average_of_the_posterior_mean(three):
    """Within its own standard errors of the closed form, whose length needs the length of N(0, I)."""
    q, exact = billiard(three, 3000, balls=200, rng=0).posterior, three.exact().mean
    assert q.scale == pytest.approx(math.sqrt(8 / math.pi) / 0.75)
    assert (np.abs(q.mean - exact) < 3.5 * q.standard_error).all() and q.standard_error.max() < 0.005
    assert angle(q.mean, exact) < 0.002


def test_the_thesis_redraws_with_a_bias(three):
    exact = np.linalg.norm(three.exact().mean)

    def norm(redraw):
        q = billiard(three, 3000, balls=300, redraw=redraw, rng=1).posterior
        along = q.means @ q.mean / np.linalg.norm(q.mean) / exact
        return along.mean(), along.std() / math.sqrt(len(along))

    (free, error), (printed, error_printed), (never, _) = norm(("length", 10.0)), norm(("bounces", 100)), norm(None)
    assert abs(free - 1) < 3.5 * error < 0.02
    assert printed < 1 - 3 * error_printed
    assert never < 0.9


def test_older_tables_level_off(three):
    exact = three.exact().mean
    ball, rujan, herbrich = (angle(billiard(three, 3000, table, balls=50, rng=0).mean, exact) for table in TABLES)
    assert 0.1 < rujan < 0.2 and 0.005 < herbrich < 0.03 and ball < 0.003


def test_standard_error_is_the_spread_of_repeated_runs(three):
    runs = [billiard(three, 300, balls=8, rng=seed).posterior for seed in range(60)]
    claimed = np.sqrt(np.mean([q.standard_error**2 for q in runs], axis=0))
    np.testing.assert_allclose(np.std([q.mean for q in runs], axis=0), claimed, rtol=0.3)
    assert np.isnan(billiard(three, 10, rng=0).posterior.standard_error).all()


def test_a_segment_and_a_quadrant():
    """E|w| under N(0, 1) is sqrt(2 / pi), on a line and along each side of a right angle."""
    line = billiard(BayesPoint([[3.0]], [1]), 1001, redraw=None, rng=0)
    assert line.mean[0] == pytest.approx(math.sqrt(2 / math.pi), rel=2e-3)
    corner = billiard(BayesPoint(np.eye(2), [1, 1]), 2000, balls=50, rng=0).posterior
    assert (np.abs(corner.mean - math.sqrt(2 / math.pi)) < 4 * corner.standard_error).all()


@pytest.mark.parametrize("table", TABLES)
def test_a_kernel_changes_no_equation(three, table):
    """The same rows, once as points and once as the factor of a kernel matrix, give the same path from the same seed."""
    kernel = BayesPoint(X3, Y3, LinearKernel(), bias=True)
    rows = Coordinates(kernel).rows
    plain = BayesPoint(kernel.y[:, None] * rows, kernel.y)
    one, other = (billiard(problem, 40, table, balls=4, rng=0) for problem in (kernel, plain))
    np.testing.assert_allclose(one.mean, rows @ other.mean, atol=1e-8)
    np.testing.assert_allclose(one.posterior.coefficients @ rows, other.mean, atol=1e-8)
    np.testing.assert_allclose(one.posterior.means, other.posterior.means @ rows.T, atol=1e-8)


def test_spaces_agree_in_law(three):
    kernel = BayesPoint(X3, Y3, LinearKernel(), bias=True)
    one, other = (billiard(problem, 2000, balls=100, rng=7).posterior for problem in (kernel, three))
    seen = other.means @ three.signed.T
    error = np.sqrt(one.standard_error**2 + seen.var(axis=0) / len(seen))
    assert (np.abs(one.mean - seen.mean(axis=0)) < 4 * error).all() and error.max() < 0.02


@pytest.mark.parametrize("table", TABLES)
def test_an_average_of_separators_separates(three, curved, table):
    for problem in (three, curved):
        result = billiard(problem, 300, table, balls=5, rng=0)
        np.testing.assert_array_equal(problem.predict(result, problem.X), problem.y)
        assert (result.mean @ three.signed.T > 0 if problem is three else result.mean > 0).all()


def test_ep_and_the_billiard_agree_on_a_curved_boundary(curved):
    result, other = billiard(curved, 20_000, balls=10, rng=0), ep(curved.posterior(), curved.terms)
    machine = support_vector_machine(curved)
    rows = Coordinates(curved).rows
    to = {name: r.posterior.coefficients @ rows for name, r in [("b", result), ("ep", other), ("svm", machine)]}
    assert angle(to["b"], to["ep"]) < 0.05
    assert angle(to["svm"], to["ep"]) > 0.2


@pytest.mark.parametrize("redraw", [None, ("length", 10.0)])
def test_rounding_does_not_grow_on_radial_paths(redraw):
    """A ball may cross near the corner for ever; there an error in w.v, were it carried along, would grow with every turn."""
    problem = BayesPoint(np.eye(2), [1, 1])
    for velocity in ([0.6, 0.8], [0.7, 0.71], [-0.3, 0.9]):
        for flight in islice(flights(problem, [0.3, 0.4], velocity, redraw=redraw, rng=0), 3000):
            assert np.linalg.norm(flight.velocity) == pytest.approx(1, abs=1e-9)
            assert np.linalg.norm(flight.end) < 1 + 1e-9 and flight.end.min() > -1e-9
            assert flight.hit != 2 or np.linalg.norm(flight.end) > 1 - 1e-9


@pytest.mark.parametrize("table", [Ball, lambda *places: Sphere(*places, restart=False)])
def test_every_thousand_steps_rounding_is_swept_out(curved, table):
    """What has crept into lengths and images by then is gone, and did not wait for a new velocity."""
    points, rng = Coordinates(curved), np.random.default_rng(0)
    w = points.weights(support_vector_machine(curved).posterior.coefficients)
    start, velocity = 0.5 * w[None] / np.linalg.norm(w), random_directions(1, len(w), rng)
    pool = table(points.normals, points.products, start, velocity, rng)
    pool.steps = 998
    pool.step()
    pool.velocity *= 1 + 1e-6
    pool.distance += 1e-9
    pool.step()
    v = pool.velocity[:, pool.n :]
    assert np.linalg.norm(v) == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(pool.velocity[:, : pool.n], v @ points.normals.T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(pool.distance, pool.place @ points.normals.T, rtol=0, atol=1e-13)


def test_balls_count_by_their_paths(three):
    start = np.tile([0.3, -0.1, -0.15], (4, 1))
    points, rng = Coordinates(three), np.random.default_rng(0)
    pool = Ball(points.normals, points.products, start, random_directions(4, 3, rng), rng)
    for _ in range(5):
        pool.step()
    average = PathAverage(points, pool)
    assert pool.path.max() > 1.2 * pool.path.min()
    np.testing.assert_allclose(average.mean, average.scale * pool.moment.sum(axis=0) / pool.path.sum(), rtol=1e-12)


def test_a_ball_that_rounding_has_put_outside_still_flies():
    """Along the tangent of the sphere, from a place whose square exceeds 1 by the last digit."""
    w, v = np.array([[0.6, np.nextafter(0.8, 1)]]), np.array([[-0.8, 0.6]])
    assert (w**2).sum() > 1
    ball = Ball(np.eye(2), np.eye(2), w, v, np.random.default_rng(0))
    ball.step()
    assert ball.hit == [2] and 0 <= ball.time[0] < 1e-7
    assert np.isfinite(ball.velocity).all()


def test_any_separator_may_be_the_start(three, curved):
    near, far = (billiard(three, 50, start=scale * np.array(START), rng=0).mean for scale in (1.0, 1e6))
    np.testing.assert_allclose(near, far, atol=1e-6)
    machine = support_vector_machine(curved).posterior.coefficients
    np.testing.assert_array_equal(billiard(curved, 9, start=machine, rng=0).mean, billiard(curved, 9, rng=0).mean)


def test_predictions_have_no_probability(curved):
    with pytest.raises(ValueError, match="one separator without a spread"):
        curved.predict_proba(billiard(curved, 5, rng=0), curved.X)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda p, c: billiard(p.replace(noise=0.1)), r"billiard knows only .* problem.replace\(noise=0, slack=0\)"),
        (lambda p, c: billiard(p, bounces=0), "bounces must lie in"),
        (lambda p, c: billiard(BayesPoint([[2.0]], [1]), table="rujan"), 'table "rujan" needs two dimensions or more'),
        (lambda p, c: flights(BayesPoint([[2.0]], [1]), [0.5], table="herbrich"), "needs two dimensions or more"),
        (lambda p, c: billiard(p, balls=1.5), "balls must be a whole number"),
        (lambda p, c: billiard(p, table="round"), 'table must be "ball", "rujan" or "herbrich", not \'round\''),
        (lambda p, c: billiard(p, redraw=100), r'redraw must be \("length", number\)'),
        (lambda p, c: billiard(p, redraw=("time", 1)), "redraw must be"),
        (lambda p, c: billiard(p, redraw=("length", 0)), r"length must lie in \(0, inf\)"),
        (lambda p, c: billiard(p, redraw=("bounces", 0.5)), "bounces must lie in"),
        (lambda p, c: billiard(p, start=[1.0, 0.0, 0.0]), "start must separate the data, and point 0 is on its boundary"),
        (lambda p, c: billiard(p, start=[1.0]), "start must have 3 weights, not 1"),
        (lambda p, c: billiard(c, start=[1.0]), "start must have 30 coefficients, not 1"),
        (lambda p, c: flights(c, np.ones(30)), "flights are in weight space, and this problem has a kernel"),
        (lambda p, c: flights(p, [2.0, 0.0, -1.0]), "start must lie inside the unit sphere, and its length is 2.236"),
        (lambda p, c: flights(p, START, [0.0, 0.0, 0.0]), "velocity must have shape .3,. and not be zero"),
        (lambda p, c: flights(p.replace(slack=1.0), START), "flights knows only separators without error"),
        (lambda p, c: billiard(3.0), "billiard needs a problem with signed"),
    ],
)
def test_bad_input(three, curved, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(three, curved)
