"""Model averaging: a published example, every marginal likelihood by plain integration, limits, words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.errors import LamEvidenceError
from lamevidence.priors import Flat, HalfNormal, InverseGamma, Normal, StudentT
from lamevidence.synthesis import average_models

POULSEN = lam.EvidenceTable.from_estimates(
    [0.907305, 0.7207589, 1.3305829, 1.7688872, 1.3286828],
    sei=[0.2720456, 0.1977769, 0.2721648, 0.2656483, 0.3582617],
)
Y, SE = np.array([0.1, 0.5, -0.2, 0.4]), np.array([0.2, 0.25, 0.3, 0.15])
TABLE = lam.EvidenceTable.from_estimates(Y, sei=SE)


def test_poulsen_2006_as_published() -> None:
    """RoBMA prints 218.53 and 3.52 for the priors of oral health; .7744 is the random model with an effect."""
    found = average_models(POULSEN, mu=StudentT(5, 0, 0.51), tau=InverseGamma(1.79, 0.28))
    assert found.inclusion_bayes_factor("effect") == pytest.approx(218.526, abs=5e-4)
    assert found.inclusion_bayes_factor("heterogeneity") == pytest.approx(3.5237, abs=5e-5)
    frame = found.to_frame()
    assert frame.posterior[frame.effect & frame.heterogeneity].sum() == pytest.approx(0.7744, abs=5e-5)
    assert "Bayes factor 219 for effect" in found.describe()


def _grid() -> tuple[Any, Any, Any]:
    """μ, τ and the likelihood at each, on a fine grid."""
    mu, tau = np.linspace(-5, 5, 4001), (np.arange(2000) + 0.5) * 4 / 2000
    log = sum(stats.norm.logpdf(y, mu, np.hypot(s, tau)[:, None]) for y, s in zip(Y, SE, strict=True))
    return mu, tau, np.exp(log)


def test_every_evidence_is_an_integral_and_the_average_their_mixture() -> None:
    mu, tau, likelihood = _grid()
    found = average_models(
        TABLE, mu=[Normal(0, 1), Normal(0.3, 0.2)], tau=[HalfNormal(0.5), HalfNormal(1)],
        probability_effect=0.7, probability_heterogeneity=0.4,
    )  # fmt: skip
    h, g = mu[1] - mu[0], tau[1] - tau[0]
    priors = [None, stats.norm(0, 1).pdf(mu) * h, stats.norm(0.3, 0.2).pdf(mu) * h]
    spreads = [None, stats.halfnorm(scale=0.5).pdf(tau) * g, stats.halfnorm(scale=1).pdf(tau) * g]
    at_zero = np.exp(sum(stats.norm.logpdf(y, mu, s) for y, s in zip(Y, SE, strict=True)))
    middle = np.argmin(np.abs(mu))
    weights, shapes = [], []
    for p, a in zip(priors, (0.3, 0.35, 0.35), strict=True):
        for s, b in zip(spreads, (0.6, 0.2, 0.2), strict=True):
            over = at_zero if s is None else s @ likelihood
            weights.append(a * b * (over[middle] if p is None else over @ p))
            shapes.append(None if p is None else over * p / (over @ p))
    total = np.array(weights) / sum(weights)
    np.testing.assert_allclose(found.posterior, total, rtol=1e-6)
    expected = sum(w * (shape @ mu) for w, shape in zip(total, shapes, strict=True) if shape is not None)
    assert found.mean == pytest.approx(expected, abs=1e-7)
    present = sum(w * shape for w, shape in zip(total, shapes, strict=True) if shape is not None)
    absent = float(total[:3].sum())
    below = np.cumsum(present) - 0.5 * present + np.where(mu >= 0, absent, 0)
    for p in (0.3 * below[middle - 1], 0.9, 0.975):
        x = found.quantile(p)
        assert np.interp(x, mu, below) == pytest.approx(p, abs=2e-4)
    assert found.quantile(below[middle] - absent / 2) == 0.0


def test_one_model_alone_is_its_posterior() -> None:
    found = average_models(TABLE, mu=Normal(0, 1), tau=HalfNormal(0.5), null=None, probability_heterogeneity=1.0)
    post = lam.pool_bayes(TABLE, mu=Normal(0, 1), tau=HalfNormal(0.5))
    assert found.models == ("τ ~ HalfNormal(0.5), μ ~ Normal(0, 1)",)
    assert found.interval() == post.interval()
    assert found.mean == post.mu.mean
    with pytest.raises(LamEvidenceError, match="with and without it"):
        found.inclusion_bayes_factor("effect")
    assert average_models(TABLE, mu=Normal(0, 1), tau=HalfNormal(0.5)).inclusion_bayes_factor("effect") > 0


def test_counts_and_the_common_effect() -> None:
    """Binomial rows: the common-effect evidence by a sum over a grid."""
    table = lam.EvidenceTable.from_frame(
        pd.DataFrame({"r": [3, 0, 5], "n": [10, 12, 20]}), measure="PLO", events="r", total="n"
    )
    found = average_models(table, mu=Normal(-1, 1.5), tau=HalfNormal(1), null=-1.0)
    theta = np.linspace(-12, 10, 20_001)
    log = sum(stats.binom.logpmf(r, n, 1 / (1 + np.exp(-theta))) for r, n in ((3, 10), (0, 12), (5, 20)))
    density = np.exp(log) * stats.norm(-1, 1.5).pdf(theta)
    step = theta[1] - theta[0]
    frame = found.to_frame()
    row = frame[frame.effect & ~frame.heterogeneity].iloc[0]
    assert row.log_marginal == pytest.approx(np.log(density.sum() * step), abs=1e-6)
    assert row["mean"] == pytest.approx((density @ theta) / density.sum(), abs=1e-5)


def test_the_words_follow_the_numbers() -> None:
    for_it = average_models(POULSEN, mu=Normal(0, 1), tau=HalfNormal(0.5))
    none = lam.EvidenceTable.from_estimates([0.01, -0.02, 0.0, 0.01, -0.01], sei=[0.1] * 5)
    against = average_models(none, mu=Normal(0, 1), tau=HalfNormal(0.5))
    assert for_it.log_inclusion_bayes_factor("effect") > 0
    assert re.search(r"Bayes factor \S+ for effect", for_it.describe())
    assert against.log_inclusion_bayes_factor("effect") < 0
    assert re.search(r"Bayes factor \S+ against effect", against.describe())
    assert against.interval() == (0.0, 0.0)


def test_what_is_refused() -> None:
    for change, remedy in (
        ({"mu": Flat()}, "use Normal(…)"),
        ({"mu": []}, "give one or several"),
        ({"tau": None}, "give one or several"),
        ({"probability_effect": 1.0}, "probability_effect"),
        ({"probability_heterogeneity": 0.0}, "probability_heterogeneity"),
        ({"null": float("inf")}, "null"),
    ):
        given: dict[str, Any] = {"mu": Normal(0, 1), "tau": HalfNormal(0.5)} | change
        with pytest.raises(LamEvidenceError, match=re.escape(remedy)):
            average_models(TABLE, **given)
    with pytest.raises(LamEvidenceError, match="choices: effect, heterogeneity"):
        average_models(TABLE, mu=Normal(0, 1), tau=HalfNormal(0.5)).probability("bias")
