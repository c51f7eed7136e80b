"""BayesPointClassifier keeps scikit-learn's promises, and says what BayesPoint says."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_classification, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process.kernels import RBF
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from epbook import BayesPoint, BayesPointClassifier, ConvergenceWarning, GaussianKernel, LinearKernel, NotSeparableError, ep


@parametrize_with_checks([BayesPointClassifier(), BayesPointClassifier("linear")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def moons():
    X, y = make_moons(60, noise=0.3, random_state=0)
    return X, np.array(["lower", "upper"])[y]


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.mark.parametrize(
    ("settings", "kernel"),
    [
        ({"kernel": "linear"}, None),
        ({"kernel": LinearKernel()}, LinearKernel()),
        ({"kernel": "rbf", "width": 0.7}, GaussianKernel(0.7)),
        ({"kernel": RBF(0.7)}, GaussianKernel(0.7)),
        ({"width": [0.5, 2.0]}, GaussianKernel([0.5, 2.0])),
        ({"kernel": "poly", "degree": 2}, lambda A, B: (A @ B.T + 1) ** 2),
        ({"bias": False}, "the width by default"),
    ],
)
def test_it_says_what_the_bayes_point_machine_says(moons, settings, kernel):
    X, y = moons
    if isinstance(kernel, str):
        kernel = GaussianKernel(np.sqrt(2 * X.var() / 2))
    model = BayesPointClassifier(noise=0.01, tol=1e-8, **settings).fit(X, y)
    problem = BayesPoint(X, np.where(y == "upper", 1, -1), kernel, noise=0.01, slack=0.3, bias=settings.get("bias", True))
    result = ep(problem.posterior(), problem.terms, tol=1e-8)
    assert model.log_evidence_ == pytest.approx(result.log_evidence, abs=1e-8)
    fast = problem.ep(tol=1e-8)
    assert model.status_ == fast.status and model.n_iter_ == fast.passes
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], problem.predict_proba(result, X), atol=1e-9)
    np.testing.assert_array_equal(model.predict(X) == "upper", problem.predict(result, X) > 0)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)
    order = np.argsort(model.decision_function(X))
    assert (np.diff(model.predict_proba(X)[order, 1]) >= 0).all()


def test_the_width_by_default_is_that_of_the_svm(moons):
    X, y = moons
    (gamma,) = {SVC(gamma="scale").fit(X, y)._gamma}
    assert 1 / (2 * BayesPointClassifier().fit(X, y).kernel_.width ** 2) == pytest.approx(gamma)


def test_more_features_than_points_go_to_kernel_space():
    X, y = make_classification(20, 50, random_state=0)
    wide = BayesPointClassifier("linear").fit(X, y)
    padded = BayesPointClassifier("linear").fit(np.vstack([X, X, X]), np.hstack([y, y, y]))  # weight space
    same = BayesPointClassifier(lambda A, B: A @ B.T).fit(np.vstack([X, X, X]), np.hstack([y, y, y]))
    assert wide.kernel_ == padded.kernel_ == LinearKernel()
    np.testing.assert_allclose(padded.predict_proba(X), same.predict_proba(X), atol=1e-5)
    assert wide.score(X, y) == 1.0


def test_several_classes_are_one_against_the_rest(iris):
    X, y = iris
    model = BayesPointClassifier().fit(X, y)
    rest = OneVsRestClassifier(BayesPointClassifier()).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), rest.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[model.decision_function(X).argmax(axis=1)])
    assert model.log_evidence_ == pytest.approx([binary.log_evidence_ for binary in rest.estimators_])
    assert model.status_ == [binary.status_ for binary in rest.estimators_]
    assert model.score(X, y) > 0.95


def test_probabilities_far_from_all_data_keep_their_logs():
    X = np.array([[-2.0], [-1.0], [0.0], [1.0], [4.0], [5.0]])
    for y in ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]):
        model = BayesPointClassifier("linear", slack=1e-3).fit(X, y)
        logs = model.predict_log_proba([[-1e6], [0.5], [1e6]])
        assert np.isfinite(logs).all()
        np.testing.assert_allclose(np.exp(logs), model.predict_proba([[-1e6], [0.5], [1e6]]))
        np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1.0)


def test_classes_that_overlap_fit_silently():
    """The default terms are log-concave: no cavity is improper, however the labels lie."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 2)), rng.integers(2, size=60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kernel in ("rbf", "linear", "poly"):
            assert BayesPointClassifier(kernel).fit(X, y).status_.startswith("converged")
        assert BayesPointClassifier(width=1e3).fit(X, y).status_.startswith("converged")


def test_inseparable_labels_without_noise_and_slack_are_refused(moons):
    with pytest.raises(NotSeparableError, match="noise > 0 .* or slack > 0"):
        BayesPointClassifier("linear", slack=0).fit(*moons)


def test_a_fit_that_does_not_converge_says_so_and_is_still_of_use(moons):
    X, y = moons
    with pytest.warns(ConvergenceWarning, match="restricted, for plain EP was improper") as caught:
        model = BayesPointClassifier(width=1.0, noise=0.01, slack=0, max_iter=60).fit(X, y)
    assert caught[0].filename == __file__
    assert model.status_.startswith("restricted, for plain EP was improper: ")
    assert "; restricted EP converged: " in model.status_
    assert model.score(X, y) > 0.75
    with pytest.warns(ConvergenceWarning, match="restricted EP stopped after 2 passes"):
        BayesPointClassifier(max_iter=2, tol=1e-9).fit(X, y)


def test_the_evidence_tunes_the_kernel_and_the_slack(moons):
    X, y = moons
    plain = BayesPointClassifier(width=5.0).fit(X, y)
    tuned = BayesPointClassifier(width=5.0, optimizer="fmin_l_bfgs_b").fit(X, y)
    assert tuned.log_evidence_ > plain.log_evidence_ + 1
    assert tuned.slack_ != 0.3 and tuned.kernel_ != plain.kernel_ and tuned.noise_ == 0
    again = BayesPointClassifier(tuned.kernel_, slack=tuned.slack_).fit(X, y)
    np.testing.assert_allclose(again.predict_proba(X), tuned.predict_proba(X), rtol=1e-12)
    noisy = BayesPointClassifier(noise=0.02, optimizer="fmin_l_bfgs_b").fit(X, y)
    assert noisy.noise_ != 0.02
    hard = BayesPointClassifier("poly", slack=0, degree=9, optimizer="fmin_l_bfgs_b").fit(X[:12], y[:12])  # has nothing to tune
    assert hard.slack_ == 0


def test_restarts_repeat_with_their_seed_and_callables_optimise(moons):
    X, y = moons
    runs = [BayesPointClassifier(optimizer="fmin_l_bfgs_b", n_restarts_optimizer=2, random_state=3).fit(X, y) for _ in "ab"]
    assert runs[0].kernel_ == runs[1].kernel_
    looked = []

    def look(objective, start, bounds):
        looked.append(objective(start + 0.5))

    model = BayesPointClassifier(width=1.0, slack=0.2, optimizer=look).fit(X, y)
    assert len(looked) == 1
    assert (model.kernel_.width, model.slack_) == pytest.approx((np.exp(0.5), 0.2 * np.exp(0.5)))


def test_it_works_in_what_scikit_learn_builds(moons):
    X, y = moons
    pipe = make_pipeline(StandardScaler(), BayesPointClassifier())
    search = GridSearchCV(pipe, {"bayespointclassifier__width": [0.01, 0.7, 70.0]}, scoring="neg_log_loss", cv=3).fit(X, y)
    assert search.best_params_ == {"bayespointclassifier__width": 0.7}
    for method in ("sigmoid", "isotonic"):
        assert CalibratedClassifierCV(pipe, method=method, cv=3).fit(X, y).score(X, y) > 0.8
    assert cross_val_score(pipe, X, y, cv=5).mean() > 0.8


@pytest.mark.parametrize("width", [2.0, [1.0, 2.0], np.array([1.0, 2.0])])
def test_clones_have_the_same_parameters(width):
    model = clone(BayesPointClassifier(GaussianKernel(1.0), width=width, noise=0.1))
    assert model.get_params()["kernel"] == GaussianKernel(1.0) and model.noise == 0.1
    np.testing.assert_array_equal(model.set_params(slack=1.0).width, width)
    assert model.slack == 1.0


def test_pickles_are_small_and_say_the_same(moons):
    X, y = make_moons(300, noise=0.3, random_state=0)
    model = BayesPointClassifier().fit(X, y)
    before = model.predict_proba(X)
    kept = pickle.dumps(model)
    assert len(kept) < 0.05 * 8 * 300**2
    np.testing.assert_array_equal(pickle.loads(kept).predict_proba(X), before)


def test_many_points_are_predicted_at_once(moons):
    """Two kernel matrices, the data's for a factor and the new points'; the diagonal comes from the kernel."""
    shapes = []

    class Watched(GaussianKernel):
        def __call__(self, X, Y):
            shapes.append((len(X), len(Y)))
            return super().__call__(X, Y)

    model = BayesPointClassifier(Watched(1.0)).fit(*moons)
    shapes.clear()
    new = np.random.default_rng(0).standard_normal((500, 2))
    probabilities = model.predict_proba(new)
    assert sorted(shapes) == [(60, 60), (500, 60)]
    np.testing.assert_allclose(probabilities[:20], [model.predict_proba(x[None])[0] for x in new[:20]], atol=1e-12)


def test_names_of_columns_are_kept(moons):
    pandas = pytest.importorskip("pandas")
    X, y = moons
    frame = pandas.DataFrame(X, columns=["across", "up"])
    model = BayesPointClassifier().fit(frame, y)
    assert model.feature_names_in_.tolist() == ["across", "up"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["up", "across"]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel": "cosine"}, "kernel must be 'rbf', 'linear', 'poly' or a callable .* not 'cosine'"),
        ({"kernel": None}, "kernel must be 'rbf'"),
        ({"width": "wide"}, "width must be 'scale', a number or one for each feature, not 'wide'"),
        ({"width": -1}, "width is the kernel's length scale"),
        ({"width": [1.0, 2.0, 3.0]}, "the kernel has 3 widths, but the data have 2 features"),
        ({"kernel": "poly", "degree": 0}, "degree must lie in"),
        ({"noise": 0.5}, "noise is the probability of a wrong label"),
        ({"slack": -1}, "slack is the width of the step"),
        ({"optimizer": "adam"}, "optimizer must be None, 'fmin_l_bfgs_b' or a callable, not 'adam'"),
        ({"max_iter": 0}, "max_iter must lie in"),
        ({"tol": -1}, "tol must lie in"),
        ({"optimizer": "fmin_l_bfgs_b", "n_restarts_optimizer": -1}, "restarts must lie in"),
    ],
)
def test_bad_settings(moons, settings, message):
    with pytest.raises(ValueError, match=message):
        BayesPointClassifier(**settings).fit(*moons)


def test_a_kernel_of_scikit_learn_is_asked_for_its_diagonal_once(moons):
    calls = []

    class Counted(RBF):
        def __call__(self, X, Y=None, eval_gradient=False):
            calls.append(len(X))
            return super().__call__(X, Y, eval_gradient)

    model = BayesPointClassifier(kernel=Counted(0.7)).fit(*moons)
    calls.clear()
    model.predict_proba(moons[0][:20])
    assert len(calls) <= 2  # new points and training points against the latter


def test_bad_data(moons):
    X, y = moons
    with pytest.raises(ValueError, match="variance overflows: scale the features"):
        BayesPointClassifier().fit(X * 1e200, y)
    with pytest.raises(ValueError, match="one class only: lower"):
        BayesPointClassifier().fit(X[:3], ["lower"] * 3)
    with pytest.raises(NotFittedError):
        BayesPointClassifier().predict(X)


def test_without_scikit_learn_the_extra_is_named_and_the_rest_works():
    code = """
import sys
sys.modules["sklearn"] = None
from epbook import BayesPoint
from epbook import *
try:
    from epbook import BayesPointClassifier
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "BayesPointClassifier is a scikit-learn estimator: pip install 'epbook[sklearn]'\n", done.stderr


def test_an_unknown_name_is_still_an_attribute_error():
    import epbook

    with pytest.raises(AttributeError, match="module 'epbook' has no attribute 'nothing'"):
        epbook.nothing
