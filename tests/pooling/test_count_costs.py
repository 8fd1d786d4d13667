"""Models of counts at 10⁶ patients a study: as exact as at 10², at about the same cost. Oracles: mpmath, 40 digits."""

import mpmath as mp
import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.pooling.counts.cumulants import Hypergeometric
from lamevidence.pooling.counts.mixtures import rising
from lamevidence.pooling.inverse_variance.prediction import exceeds, mixture_of
from lamevidence.pooling.kernel.distributions import weighted_chi2_cdf
from lamevidence.pooling.kernel.fitted import fit_at
from lamevidence.pooling.tau2.estimators import form_eigenvalues
from tests.work import calls, peak


def hypergeometric_mp(n1, n2, m, x, theta):
    """Return log P(x) and the mean at θ from the whole sum."""
    with mp.workdps(40):
        support = range(int(max(0, m - n2)), int(min(n1, m)) + 1)
        terms = [mp.binomial(n1, u) * mp.binomial(n2, m - u) * mp.e ** (mp.mpf(theta) * u) for u in support]
        total = mp.fsum(terms)
        mean = mp.fsum(u * t for u, t in zip(support, terms, strict=True)) / total
        return float(mp.log(terms[int(x) - support[0]] / total)), float(mean)


@pytest.mark.parametrize("theta", [-3.3, 0.2, 4.6])
@pytest.mark.parametrize("margins", [(40, 30, 20, 7), (3000, 2600, 2500, 1400), (9000, 8000, 2300, 1100)])
def test_hypergeometric_law_is_the_whole_sum(margins, theta):
    n1, n2, m, x = (np.array([float(part)]) for part in margins)
    law = Hypergeometric(n1, n2, m, x)
    eta = np.full((1, 1, 1, 1), theta)
    a, mean, _ = (float(part.ravel()[0]) for part in law.lower(eta))
    log_p, expected = hypergeometric_mp(*margins, theta)
    assert margins[3] * theta - a == pytest.approx(log_p, rel=1e-11, abs=1e-11)
    assert mean == pytest.approx(expected, rel=1e-11, abs=5e-9)  # small supports: the derivative of a polynomial


def test_rising_sums_beyond_the_head_are_those_of_loggamma():
    for start in (1e-6, 0.3, 1.0):
        for theta in (1e-4, 0.02, 1.0, 19.0):
            for count in (64, 65, 5000, 10**6):
                found = rising(start, theta, np.array([float(count), 5000.0]))[0]
                with mp.workdps(40):
                    a = mp.mpf(start) / mp.mpf(theta)
                    right = count * mp.log(mp.mpf(theta)) + mp.loggamma(a + count) - mp.loggamma(a)
                assert found == pytest.approx(float(right), rel=1e-13, abs=1e-13)


def test_standard_error_of_the_beta_binomial_with_many_patients():
    """Treated arms of dat.bcg: mpmath's derivatives give .342304; steps of 1e-4 in double precision gave .2498."""
    x = [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27]
    n = [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913]
    frame = pd.DataFrame({"x": x, "n": n})
    fit = lam.counts.beta_binomial(lam.EvidenceTable.from_frame(frame, "PLO", xi="x", ni="n"))
    assert fit.se == pytest.approx(0.34230381590155123, rel=2e-6)
    assert fit.mu == pytest.approx(-4.057358706811757, abs=1e-6)
    assert fit.dispersion == pytest.approx(0.023737316320904638, abs=1e-7)


@pytest.mark.parametrize("model", ["CM.EL", "CM.AL", "UM.FS", "UM.RS", "glmm", "beta-binomial", "gamma-poisson"])
def test_a_million_patients_a_study_cost_no_more_than_a_hundred(model):
    def fit(n):
        events = np.array([n // 3, n // 4, n // 5, n // 3 + n // 50])
        if model[:2] in ("CM", "UM"):
            frame = pd.DataFrame({"a": events, "n1": n, "c": events // 2, "n2": n})
            table = lam.EvidenceTable.from_frame(frame, "OR", ai="a", n1i="n1", ci="c", n2i="n2")
        else:
            size, measure = ("ti", "IRLN") if model == "gamma-poisson" else ("ni", "PLO")
            table = lam.EvidenceTable.from_frame(pd.DataFrame({"x": events, "n": n}), measure, xi="x", **{size: "n"})
        return lambda: lam.pool(table, model=model)

    small, large = fit(100), fit(10**6)
    small(), large()
    assert calls(large) < 4 * calls(small)
    assert peak(large) < 2 * peak(small) + 2**20  # a sum over a million counts is eight times that


def test_law_of_q_without_eigenvalues_is_that_with_them():
    rng = np.random.default_rng(3)
    for k in (2, 3, 8, 40):
        v = np.exp(rng.uniform(-2, 2, k))
        t, q = np.array([0.0, 0.1, 1.0, 30.0]), float(rng.chisquare(k))
        right = [1 - weighted_chi2_cdf(q, form_eigenvalues(v, float(x), None, 1 / v)) for x in t]
        np.testing.assert_allclose(exceeds(q, v, t), right, atol=1e-12)


def test_default_prediction_interval_holds_the_mixture_and_is_never_about_nothing():
    """Against 400 000 draws of the same mixture written out; equal estimates leave the floored interval of the mean."""
    y, v = np.array([0.1, 0.9, -0.4, 0.6, 0.3]), np.array([0.04, 0.09, 0.02, 0.1, 0.05])
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    boot = lam.checks.bootstrap_prediction(table, seed=3, draws=400_000).interval()
    law = mixture_of(fit_at(y, v, 0.1)).interval(0.95)
    assert law.low == pytest.approx(boot.low, abs=0.01 * boot.width)
    assert law.high == pytest.approx(boot.high, abs=0.01 * boot.width)
    fit = lam.pool(lam.EvidenceTable.from_estimates(np.full(6, 0.2), vi=np.full(6, 0.1)))
    assert fit.spec.prediction == "NNF-floor"
    assert fit.prediction().low == pytest.approx(fit.interval().low, rel=1e-6)
