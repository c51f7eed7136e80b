"""What the thesis prints, and what holds instead: a check for every erratum, and for the list itself."""

import math
import re

import numpy as np
import pytest
from scipy.special import gammaln, log_ndtr
from sources import check_exists, labels

from epbook import BayesPoint, Clutter, ClutterProblem, Gaussian, MixtureWeights, Step, Whole, concordance, ep, refine
from epbook.errata import KINDS, errata
from epbook.rivals import laplace, support_vector_machine, variational_bayes

X, STEP = np.linspace(-12, 12, 4801, retstep=True)


def normal(x, m, v):
    return np.exp(-((x - m) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)


# --- the list


def test_every_erratum_is_whole_and_leads_somewhere():
    known = labels()
    assert len({erratum.item for erratum in errata()}) == len(errata()) > 20
    for erratum in errata():
        assert erratum.kind in KINDS and erratum.page > 0, erratum.item
        assert erratum.printed and erratum.correct and erratum.why, erratum.item
        assert erratum.place in known, f"{erratum.item}: the book has no label {erratum.place!r}"
        check_exists(erratum.check)


def test_errata_come_in_the_order_of_the_thesis():
    pages = [erratum.page for erratum in errata()]
    assert pages == sorted(pages)


def test_whatever_the_concordance_corrects_is_an_erratum():
    corrected = {row.item for row in concordance.rows() if row.verdict.startswith("corrected")}
    assert corrected <= {erratum.item for erratum in errata()}


def test_no_check_of_this_file_stands_unused():
    used = {erratum.check for erratum in errata()}
    with open(__file__, encoding="utf-8") as file:
        here = {f"tests/test_errata.py::{name}" for name in re.findall(r"^def (test_\w+)", file.read(), re.MULTILINE)}
    general = {name for name in here if re.search(r"every_erratum|come_in_the_order|whatever_the|no_check_of", name)}
    assert here - general <= used


# --- chapter 2


def test_jensens_inequality_turns_round_for_a_convex_function():
    q, f = normal(X, 0.5, 2.0) * STEP, 1 + X**2
    assert q @ np.log(f) < math.log(q @ f)  # the logarithm, which is concave: (2.11)
    assert q @ f**2 > (q @ f) ** 2  # the square, which is convex


def test_the_jensen_bound_is_best_at_the_normalised_integrand():
    f = np.exp(-(X**2) / 2) / (1 + np.exp(-3 * X))
    integral = f.sum() * STEP
    best = f / integral
    assert math.exp(best @ np.log(f / best) * STEP) == pytest.approx(integral)
    assert math.exp(f @ np.log(f / f) * STEP) == 1 != pytest.approx(integral)  # q = f: no bound at all


# --- the clutter problem


def test_a_site_without_precision_is_an_exponential():
    problem = ClutterProblem([0.1, 2.6, -4.4, 3.0, 2.2, -0.5, 9.0, 4.1], w=0.5)
    posterior = ep(problem.posterior(), problem.terms, restricted=True).posterior
    flat = [site for site in posterior.sites if site.precision == 0]
    assert flat and max(abs(site.shift) for site in flat) > 0.05


def test_several_fixed_points_for_several_orders():
    rng = np.random.default_rng(231)
    flocks = [rng.normal(-4, 0.6, 6), rng.normal(0, 0.8, 5), rng.normal(4, 0.6, 6)]
    data = np.concatenate([*flocks, rng.normal(0, 4, 3)])
    orders = [np.random.default_rng(seed).permutation(data) for seed in range(5)]
    runs = [ep(problem.posterior(), problem.terms, restricted=True) for problem in map(ClutterProblem, orders)]
    assert all(run.converged for run in runs)
    assert np.ptp([run.mean for run in runs]) > 1


def test_the_scale_of_a_site_needs_complex_roots():
    """(3.59) for a site of negative variance: no real value as printed; the quotient of the roots is the true one."""
    m, v = 0.0, 0.1
    log_z, new = Gaussian.from_moments(m, v).moment_match(Clutter(2.0))
    v_i = 1 / (1 / new.variance - 1 / v)
    m_i = v_i * (new.mean / new.variance - m / v)
    assert v_i < -v
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.sqrt(2 * math.pi * v_i))
    decay = math.exp(-((m_i - m) ** 2) / (2 * (v_i + v)))
    roots = np.sqrt(2 * math.pi * v_i + 0j) / np.sqrt(2 * math.pi * (v_i + v) + 0j)
    printed = math.exp(log_z) / (roots * decay)
    site = printed * np.exp(-((X - m_i) ** 2) / (2 * v_i))
    ratio = math.exp(log_z) * normal(X, new.mean, new.variance) / normal(X, m, v)
    near = abs(X) < 2
    assert np.allclose(site[near], ratio[near], rtol=1e-9, atol=0)


def test_the_curvature_holds_the_prior():
    problem = ClutterProblem([1.6, 2.3, 6.0, 0.4], w=0.3)
    mode, h = laplace(problem).mean, 1e-3
    signal, clutter = 0.7 * normal(problem.x, mode, 1), 0.3 * normal(problem.x, 0, 10)
    r = signal / (signal + clutter)
    printed = -r.sum() + r * (1 - r) @ (problem.x - mode) ** 2  # (3.63)
    curvature = problem.log_joint(np.array([mode - h, mode, mode + h])) @ [1, -2, 1] / h**2
    assert curvature == pytest.approx(printed - 1 / 100, abs=1e-5) != pytest.approx(printed, abs=1e-5)


def test_the_steps_that_are_not_printed():
    """The M step of EM stands still at a peak of the joint; the optimal q_ij raise the bound to its top."""
    problem = ClutterProblem([1.6, 2.3, 6.0, 0.4], w=0.3)
    signal, clutter = 0.7 * normal(problem.x, laplace(problem).mean, 1), 0.3 * normal(problem.x, 0, 10)
    r = signal / (signal + clutter)
    assert laplace(problem).mean == pytest.approx(r @ problem.x / (r.sum() + 1 / 100), abs=1e-5)
    q = variational_bayes(problem).posterior
    closeness = 0.7 * np.exp(-((problem.x - q.mean) ** 2 + q.variance) / 2) / math.sqrt(2 * math.pi)
    share = closeness / (closeness + clutter)
    assert q.variance == pytest.approx(1 / (share.sum() + 1 / 100), rel=1e-4)
    assert q.mean == pytest.approx(q.variance * share @ problem.x, rel=1e-4)


def test_a_huge_variance_overflows():
    """A flat site with v_i = 1e8 instead of no precision: the logarithm of (3.59) is fine, its exponential is not."""
    v_i, shift = 1e8, 0.5
    log_scale = (v_i * shift) ** 2 / (2 * v_i)
    assert math.isfinite(log_scale)
    with pytest.raises(OverflowError):
        math.exp(log_scale)
    assert 1 / v_i * 3.0**2 / 2 < 1e-7  # what the natural form leaves out by putting precision 0, three units from zero


# --- mixture weights


def test_the_uniform_density_on_a_simplex_is_not_one():
    side, cell = np.linspace(0, 1, 1001, retstep=True)
    area = np.sum(np.add.outer(side, side) <= 1) * cell**2  # of the simplex with three corners
    assert area == pytest.approx(1 / math.gamma(3), abs=2e-3)
    prior = MixtureWeights([[0.2, 0.3, 0.4]]).prior()
    assert math.exp(prior.log_density([0.2, 0.3, 0.5])) == pytest.approx(math.gamma(3))


def test_the_first_pass_misses_the_evidence_by_a_gamma_function():
    problem = MixtureWeights([[0.2, 0.3, 0.4], [0.1, 0.5, 0.2], [0.6, 0.1, 0.1]])
    q, log_adf, log_sites = problem.prior(), 0.0, 0.0
    for term in problem.terms:
        log_z, new = q.moment_match(term)
        log_adf += log_z  # (3.95)
        log_sites += log_z + log_beta(q) - log_beta(new)  # (3.107)
        q = new
    printed = log_beta(q) + log_sites  # (3.108) with s_0 = 1
    assert printed + gammaln(3) == pytest.approx(log_adf)
    assert ep(problem.posterior(), problem.terms, passes=1).log_evidence == pytest.approx(log_adf)


def log_beta(q):
    """log of prod Gamma(a_k) / Gamma(sum a_k)."""
    a = q.mean * (q.mean[0] * (1 - q.mean[0]) / q.variance[0] - 1)
    return gammaln(a).sum() - gammaln(a.sum())


def test_equal_sources_teach_nothing():
    """(3.114) and (3.115) as our copy has them."""
    exact = MixtureWeights(np.tile(normal(np.array([[0.3], [2.0], [-1.0]]), 1, 3), 2)).exact()
    assert exact.mean == pytest.approx([0.5, 0.5])
    assert exact.covariance[0, 0] == pytest.approx(1 / 12)


def test_the_likelihood_of_weights_is_log_concave():
    densities = np.random.default_rng(0).uniform(0.1, 1, (50, 2))
    w = np.linspace(0.01, 0.99, 99)
    height = np.log(densities @ [w, 1 - w]).sum(axis=0)
    assert (np.diff(height, 2) < 0).all()


# --- networks


@pytest.fixture
def tables():
    """Two tables on the chain of variables 0 - 1 - 2."""
    return np.random.default_rng(3).uniform(0.1, 2, (2, 2, 2))


def test_the_product_of_messages_lacks_a_factor(tables):
    first, second = tables
    to_middle, back = first.sum(axis=0) / 2, second.sum(axis=1) / 2  # (4.16), the ends' cavities being uniform
    to_left, to_right = first @ (back / back.sum()), (to_middle / to_middle.sum()) @ second
    printed = to_left.sum() * (to_middle * back).sum() * to_right.sum()  # (4.17)
    z_first, z_second = to_left.sum() / 2, to_right.sum() / 2  # (4.14)
    exact = np.einsum("ij,jk->", first, second)
    assert printed / (z_first * z_second) == pytest.approx(exact)  # times the product of Z_i^(1 - 2)
    assert abs(math.log(printed / exact)) > 0.1


def test_a_normalised_start_must_be_paid_back(tables):
    first, second = tables
    z_first = first.sum() / 4  # q = 1 / 2^3; the third variable sums to one
    middle = first.sum(axis=0) / first.sum()
    z_second = middle @ second.sum(axis=1) / 2
    exact = np.einsum("ij,jk->", first, second)
    assert z_first * z_second * 2**3 == pytest.approx(exact)


@pytest.fixture
def six():
    """Tables of the network (4.21), by their edges."""
    rng = np.random.default_rng(5)
    return {edge: rng.uniform(0.2, 2, (2, 2)) for edge in ("12", "23", "34", "14", "45", "56", "36")}


def pair(tables, edges, wanted="34"):
    """The distribution of two variables under a product of some edges."""
    table = np.einsum(",".join(edges) + "->" + wanted, *(tables[edge] for edge in edges))
    return table / table.sum()


def letters(tables):
    """The same tables with letters for variables, as einsum wants them."""
    return {"".join("abcdef"[int(k) - 1] for k in edge): table for edge, table in tables.items()}


def test_after_one_edge_the_pair_still_hears_the_rest_of_the_chain(six):
    tables = letters(six)
    after_one = pair(tables, ["ab", "bc", "cd", "de", "ef", "ad"], "cd")  # the chain and the edge 1-4
    assert np.abs(after_one - pair(tables, ["ad", "ab", "bc", "cd"], "cd")).max() > 0.01  # (4.59) as printed


def test_the_second_edge_meets_conditionals_and_the_slips_cancel(six):
    tables = letters(six)
    chain = ["ab", "bc", "cd", "de", "ef"]
    after_one = pair(tables, [*chain, "ad"], "cd")
    joint = np.einsum("cd,de,ef->cdef", np.ones((2, 2)), tables["de"], tables["ef"])
    conditional = joint / joint.sum(axis=(2, 3), keepdims=True)  # q(x5 | x4) q(x6 | x5)
    corrected = after_one * np.einsum("cdef,cf->cd", conditional, tables["cf"])
    printed = after_one * np.einsum("de,ef,cf->cd", tables["de"], tables["ef"], tables["cf"])  # (4.60)
    exact = pair(tables, [*chain, "ad", "cf"], "cd")  # (4.61)
    assert np.allclose(corrected / corrected.sum(), exact, atol=1e-12)
    assert np.abs(printed / printed.sum() - exact).max() > 0.01


# --- the Bayes Point Machine


def test_a_gaussian_tail_has_a_half_in_its_exponent():
    assert log_ndtr(-40.0) / -(40.0**2) == pytest.approx(0.5, abs=0.01)


def test_a_matrix_of_rank_one_has_no_inverse():
    """(5.31) inverts it; along the data point, precisions give the same variance as (5.36)."""
    x, mean, V = np.array([0.6, -1.1]), np.array([0.3, 0.1]), np.array([[1.0, 0.2], [0.2, 0.7]])
    lam, h = x @ V @ x, x @ mean
    _, alpha, _ = Step().log_z(h, lam)
    alpha_h = alpha * (h + lam * alpha)
    inner = np.outer(x, x) * alpha_h / lam
    assert np.linalg.matrix_rank(inner) == 1
    new = V - V @ inner @ V
    precision = np.linalg.inv(new) - np.linalg.inv(V)
    assert precision == pytest.approx(np.outer(x, x) / (lam * (1 / alpha_h - 1)))  # 1 / v_i along x, nothing across


def test_a_scale_is_infinite_where_the_new_mean_is_zero():
    """Label noise puts the new mean along x at zero for some cavity; the natural parameters pass by unharmed."""
    step, low, high = Step(noise=0.1), -3.0, 0.0
    for _ in range(60):
        h = (low + high) / 2
        low, high = (h, high) if h + step.log_z(h, 1.0)[1] < 0 else (low, h)
    new = h + step.log_z(h, 1.0)[1]
    assert abs(new) < 1e-12 and abs(step.log_z(h, 1.0)[1] / (2 * new)) > 1e10  # the exponent in (5.50)
    posterior = Whole(Gaussian.from_moments(h, 1.0))
    site = refine(posterior, [step], 0).site
    assert abs(site.precision) < 1e-9 and site.shift == pytest.approx(-h)


def test_an_entry_of_the_exact_covariance():
    three = BayesPoint([[0, 0], [0, 1], [1, 0]], [-1, -1, 1], bias=True)
    covariance = three.exact().covariance
    printed = np.array(concordance.thesis("covariance of the 3-point problem, exact").value)
    assert np.round(covariance[0, 1], 4) == 0.0549 != printed[0, 1]
    others = ~np.eye(3, dtype=bool)[[1, 0, 2]]
    assert np.allclose(covariance[others], printed[others], atol=5.1e-4)
    assert np.trace(printed) > 1  # on the unit sphere the mean square of w is 1, and its trace below


def test_two_points_two_boundaries():
    points = BayesPoint([[0, 0], [1, 0]], [-1, 1], bias=True)
    plane, _ = np.linalg.qr(points.signed.T)
    angles = np.linspace(0, 2 * np.pi, 100_001)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T
    bayes = directions[(directions @ points.signed.T > 0).all(axis=1)].mean(axis=0)
    machine = support_vector_machine(points).mean
    assert -bayes[2] / bayes[0] == pytest.approx(math.sqrt(2) - 1, abs=1e-4)
    assert -machine[2] / machine[0] == pytest.approx(1 / 2)
    units = points.signed / np.linalg.norm(points.signed, axis=1, keepdims=True)
    assert bayes / np.linalg.norm(bayes) == pytest.approx(units.sum(axis=0) / np.linalg.norm(units.sum(axis=0)), abs=1e-4)


def test_the_time_to_the_sphere_may_be_zero():
    w = np.array([0.6, 0.8])
    for v, time in (([0.6, 0.8], 0), ([-0.6, -0.8], 2), ([1.0, 0.0], 0), ([0.0, -1.0], 1.6)):
        along = w @ v
        assert math.sqrt(along**2 + np.dot(v, v) * (1 - w @ w)) - along == pytest.approx(time)  # (5.104), |v| = 1
