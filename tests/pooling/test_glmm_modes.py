"""One-stage models on sparse data: no higher mode is missed, the optimum is stationary, every option answers."""

import math

import numpy as np
import pytest

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import LamEvidenceError, NotEstimable, OptionError
from lamevidence.pooling.counts import glmm
from lamevidence.pooling.counts.quadrature import evaluate

TAUS = np.concatenate([[0.0], np.geomspace(0.02, 8.0, 28)])


def table(counts, measure):
    names = tuple(f"s{i}" for i in range(len(next(iter(counts.values())))))
    nothing = np.full(len(names), math.nan)
    return EvidenceTable(yi=nothing, vi=nothing, labels=names, studies=names, measure=measure, unit=None, counts=counts)


def sparse_counts(rng, measure):
    k = int(rng.integers(2, 7))
    n1, n2 = rng.integers(4, 40, k), rng.integers(4, 40, k)
    rate = 1 / (1 + np.exp(-rng.normal(-2.2, 0.7, k)))
    odds = rate / (1 - rate) * np.exp(rng.normal(0.3, rng.choice([0.0, 0.6, 2.0]), k))
    treated = rng.binomial(n1, odds / (1 + odds))
    if measure == "PLO":
        return {"xi": treated, "ni": n1}
    return {"ai": treated, "n1i": n1, "ci": rng.binomial(n2, rate), "n2i": n2}


@pytest.mark.parametrize(("measure", "model"), [("PLO", "one-arm"), ("OR", "CM.EL"), ("OR", "CM.AL")])
def test_no_point_of_a_dense_grid_is_higher(measure, model):
    rng = np.random.default_rng(20260)
    fitted = 0
    for _ in range(80):
        try:
            fit = glmm(table(sparse_counts(rng, measure), measure), model=model, nagq=15)
        except NotEstimable:
            continue
        if fit.likelihood is None:
            continue
        fitted += 1
        mus = np.linspace(fit.mu - 5, fit.mu + 5, 21)
        beta, scale = (part.reshape(-1, 1) for part in np.meshgrid(mus, TAUS))
        study = fit.likelihood.model
        values = evaluate(study, np.zeros((len(beta), study.k)), beta, scale, 15).value
        assert values.max() <= fit.log_likelihood + 1e-9
    assert fitted >= 60


def test_no_profile_with_baselines_is_higher():
    rng = np.random.default_rng(7)
    fitted = 0
    for _ in range(25):
        try:
            fit = glmm(table(sparse_counts(rng, "OR"), "OR"), model="UM.FS", nagq=15)
        except NotEstimable:
            continue
        fitted += 1
        assert all(fit.likelihood.profile(tau=float(t)) <= fit.log_likelihood + 1e-9 for t in TAUS[1::3])
    assert fitted >= 15


@pytest.mark.parametrize("model", ["CM.EL", "CM.AL", "UM.FS", "UM.RS"])
def test_the_gradient_vanishes_at_the_optimum(model):
    counts = {"ai": [1, 6, 3, 12, 9], "n1i": [23, 30, 31, 98, 69], "ci": [5, 4, 11, 24, 7], "n2i": [39, 33, 20, 67, 80]}
    fit = glmm(table(counts, "OR"), model=model)
    top = fit.likelihood.optimum
    ev = evaluate(fit.likelihood.model, top.alpha[None], top.beta[None], top.scale[None], fit.likelihood.nodes)
    alive = np.concatenate([np.ones(top.beta.size, bool), top.scale > 0])
    first = int(fit.likelihood.model.has_local)
    assert np.abs(ev.gradient[0].sum(axis=0)[first:][alive]).max() < 1e-7


def explained(refusal):
    assert len(str(refusal)) > 20


GOOD = {"ai": [1, 6, 3, 12], "n1i": [23, 30, 31, 98], "ci": [5, 4, 11, 24], "n2i": [39, 33, 20, 67]}


@pytest.mark.parametrize(
    "options",
    [
        {"model": "UM.XX"},
        {"level": 0.0},
        {"level": 95},
        {"level": math.nan},
        {"interval": "knha"},
        {"nagq": 0},
        {"nagq": 7.5},
        {"nagq": True},
        {"nagq": 1000},
        {"tau2": "REML"},
        {"coding": 0.3},
        {"coding": 1},
        {"correlated": True},
        {"drop00": True},
        {"prediction": "bogus"},
    ],
)
def test_invalid_options_are_refused(options):
    with pytest.raises(OptionError):
        glmm(table(GOOD, "OR"), **options)


@pytest.mark.parametrize(
    "moderators",
    [[1, 2], [[1, 1]] * 4, [1, 2, math.nan, 3], np.zeros((4, 0, 2)), np.eye(4), list("abcd"), 3.0, "~ year"],
)
def test_invalid_moderators_are_refused(moderators):
    with pytest.raises(LamEvidenceError):
        glmm(table(GOOD, "OR"), moderators=moderators)


@pytest.mark.parametrize("model", ["CM.EL", "CM.AL", "UM.FS", "UM.RS"])
@pytest.mark.parametrize(
    "counts",
    [
        {"ai": [], "n1i": [], "ci": [], "n2i": []},
        {"ai": [3], "n1i": [20], "ci": [5], "n2i": [20]},
        {"ai": [3, 0], "n1i": [20, 15], "ci": [5, 0], "n2i": [20, 14]},
        {"ai": [0, 0], "n1i": [20, 15], "ci": [0, 0], "n2i": [20, 14]},
        {"ai": [20, 15], "n1i": [20, 15], "ci": [20, 14], "n2i": [20, 14]},
        {"ai": [20, 3], "n1i": [20, 15], "ci": [4, 14], "n2i": [20, 14]},
        {"ai": [0, 15], "n1i": [20, 15], "ci": [20, 0], "n2i": [20, 14]},
    ],
)
def test_edges_give_a_finite_answer_or_say_why_not(model, counts):
    try:
        fit = glmm(table(counts, "OR"), model=model)
    except LamEvidenceError as refusal:
        explained(refusal)
    else:
        assert math.isfinite(fit.mu)
        assert math.isfinite(fit.se)
        assert fit.tau2 >= 0


@pytest.mark.parametrize(
    ("x", "n"), [([0], [9]), ([9], [9]), ([3], [9]), ([0, 9], [9, 9]), ([9, 9], [9, 9]), ([0, 0], [9, 8])]
)
def test_edges_of_one_arm_have_an_interval_or_say_why_not(x, n):
    try:
        fit = glmm(table({"xi": x, "ni": n}, "PLO"))
    except LamEvidenceError as refusal:
        explained(refusal)
    else:
        low, high = fit.interval()
        assert low <= fit.mu <= high
