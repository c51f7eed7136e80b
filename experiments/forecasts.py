"""Machines that say how sure they are, and how well their probabilities are meant: a part of real_data.py."""

from functools import partial

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from epbook import BayesPoint, GaussianKernel, datasets, ep
from epbook.evidence import maximise_evidence

WIDTH = 3.0


def forecasts(name, split):
    """Scores of every machine on one split, and its bins of a reliability diagram."""
    parts = datasets.split(datasets.load(name), standardise=name != "digits35", rng=split)
    return {machine: scores(parts.y_test, chances(parts)) for machine, chances in MACHINES.items()}


def scores(y, chance):
    """Errors, Brier score and log loss; and for ten bins: how many, the sum of their chances, how many positives."""
    tenth = np.minimum((10 * chance).astype(int), 9)
    return {
        "errors": int(np.sum((chance >= 0.5) != (y > 0))),
        "brier": round(brier_score_loss(y, chance), 5),
        "log loss": round(log_loss(y, chance), 5),
        "bins": [np.bincount(tenth, weights, minlength=10).tolist() for weights in (None, chance, y > 0)],
    }


def thesis_ep(parts):
    """Width 3 and no noise, as in the figures."""
    problem = BayesPoint(parts.X_train, parts.y_train, GaussianKernel(WIDTH))
    return problem.predict_proba(ep(problem.posterior(), problem.terms), parts.X_test)


def evidence_ep(parts):
    """All by the evidence: a constant or none, at the thesis's width; then the width, and noise or slack and how much."""
    plain = BayesPoint(parts.X_train, parts.y_train, GaussianKernel(WIDTH))
    start = max((plain, plain.replace(bias=True)), key=lambda problem: ep(problem.posterior(), problem.terms).log_evidence)
    found = [maximise_evidence(start.replace(noise=0.01), noise=True), maximise_evidence(start.replace(slack=1.0), slack=True)]
    problem, result = max(found, key=lambda tuned: tuned.result.log_evidence)
    assert result.converged
    return problem.predict_proba(result, parts.X_test)


def by_library(make, parts):
    return make().fit(parts.X_train, parts.y_train).predict_proba(parts.X_test)[:, 1]


def gaussian_process():
    return GaussianProcessClassifier(1.0 * RBF(WIDTH))


def logistic_regression():
    return GridSearchCV(LogisticRegression(max_iter=1000), {"C": np.logspace(-3, 3, 7)}, cv=5, scoring="neg_log_loss")


def tuned_svm():
    grid = {"C": [0.1, 1, 10, 100], "gamma": [0.001, 0.005, 0.025, 0.125]}
    return CalibratedClassifierCV(GridSearchCV(SVC(), grid, cv=5), cv=5)


MACHINES = {
    "EP, width 3, no noise": thesis_ep,
    "EP, by evidence": evidence_ep,
    "Gaussian process": partial(by_library, gaussian_process),
    "logistic regression": partial(by_library, logistic_regression),
    "tuned SVM": partial(by_library, tuned_svm),
}
