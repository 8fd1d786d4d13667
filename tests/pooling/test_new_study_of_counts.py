"""Prediction intervals of one-stage models that carry the uncertainty of τ² along."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import lamevidence as lam
from benchmarks.coverage_new_counts import DEFAULT, METHODS, cell, cells, name_of, stored
from benchmarks.coverage_page import PAGE
from lamevidence.foundation.errors import NotEstimable, OptionError, TooFewStudies
from lamevidence.pooling.counts.new_study import confidence_of_drop


def rates(events, time, **moderators):
    frame = pd.DataFrame({"x": events, "t": time} | moderators)
    return lam.EvidenceTable.from_frame(
        frame, "IRLN", xi="x", ti="t", **({"moderators": list(moderators)} if moderators else {})
    )


def proportions(events, n):
    return lam.EvidenceTable.from_frame(pd.DataFrame({"x": events, "n": n}), "PLO", xi="x", ni="n")


EVENTS, TIME = [3, 9, 4, 22, 7, 15, 2], [40.0, 61.0, 35.0, 80.0, 90.0, 55.0, 44.0]


@pytest.mark.parametrize("k", [3, 6, 25])
@pytest.mark.parametrize("share", [0.2, 1.0, 4.0])
def test_confidence_of_normal_estimates_is_the_chi_squared_of_their_spread(k, share):
    """k estimates of variance v: Σ(y − ȳ)²/(v + τ²) is χ²(k − 1), whose law needs no likelihood."""
    v, nu = 0.4, k - 1
    squares = nu * share * v

    def restricted(total):  # log-likelihood of the k − 1 contrasts, total = v + τ²
        return -0.5 * nu * np.log(total) - 0.5 * squares / total

    for tau2 in (0.0, 0.1, 0.7, 5.0):
        drop = 2 * (restricted(squares / nu) - restricted(v + tau2))
        found = confidence_of_drop(np.array([drop]), np.array([v + tau2 < squares / nu]), nu)[0]
        assert found == pytest.approx(stats.chi2.sf(squares / (v + tau2), nu), rel=1e-6, abs=1e-12)


def test_many_events_leave_the_interval_of_a_normal_sample():
    """Log rates known nearly exactly: θ_new = ȳ + τ(Z − T/√k) with τ² = S/χ²(k − 1), drawn two million times."""
    rng = np.random.default_rng(11)
    k, theta = 7, rng.normal(0.0, 0.5, 7)
    events = np.round(4e6 * np.exp(theta))
    found = lam.counts.glmm(rates(events, np.full(k, 4e6))).prediction()
    y = np.log(events / 4e6)
    many = 2_000_000
    tau = np.sqrt(((y - y.mean()) ** 2).sum() / rng.chisquare(k - 1, many))
    new = y.mean() + tau * (rng.standard_normal(many) - rng.standard_t(k - 1, many) / np.sqrt(k))
    assert tuple(found) == pytest.approx(np.quantile(new, [0.025, 0.975]), abs=0.01)


def test_the_adjusted_profile_is_highest_where_its_definition_is():
    """The profile by `maximise` against plain integrals of a Poisson-normal likelihood, seven rates."""
    fit = lam.counts.glmm(rates(EVENTS, TIME))
    x, t = np.array(EVENTS, float), np.array(TIME)
    z = np.linspace(-9.0, 9.0, 6001)
    w = stats.norm.pdf(z)

    def value(mu, tau):
        law = stats.poisson(t[:, None] * np.exp(mu + tau * z)).pmf(x[:, None])
        return float(np.log(law @ (w / w.sum())).sum())

    for tau in (0.1, 0.4, 1.0):
        mu = optimize.minimize_scalar(lambda m, s=tau: -value(m, s), bounds=(-4, 0), method="bounded").x
        h = 1e-3
        se = ((-value(mu + h, tau) + 2 * value(mu, tau) - value(mu - h, tau)) / h**2) ** -0.5
        top = fit.likelihood.held(tau, fit.likelihood.optimum.alpha, fit.likelihood.optimum.beta)
        assert top.value == pytest.approx(value(mu, tau), abs=1e-6)
        assert top.beta[0] == pytest.approx(mu, abs=1e-4)
        assert top.covariance[0, 0] ** 0.5 == pytest.approx(se, rel=1e-3)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_one_distribution_behind_interval_probability_and_draws(level):
    fit = lam.counts.glmm(rates(EVENTS, TIME))
    assert fit.spec.prediction == DEFAULT
    low, high = fit.prediction(level)
    assert fit.probability(f"theta_new < {high:.15g}") == pytest.approx(0.5 + level / 2, abs=1e-6)
    assert fit.probability(f"theta_new < {low:.15g}") == pytest.approx(0.5 - level / 2, abs=1e-6)
    drawn = lam.checks.bootstrap_prediction(fit, seed=2, draws=200_000, level=level)
    assert tuple(drawn.interval()) == pytest.approx((low, high), abs=0.05 * (high - low) * (1 - level) ** 0.5)
    assert (drawn.mean, drawn.tau2, drawn.k) == (fit.mu, fit.tau2, fit.k)
    assert fit.prediction_se == pytest.approx(fit.prediction(stats.norm.cdf(1) * 2 - 1).width / 2)


def test_what_stands_beside_is_hts():
    fit = lam.counts.glmm(rates(EVENTS, TIME))
    frame = fit.alternatives()
    own = frame[frame["model"] == "glmm"]
    plain = lam.counts.glmm(fit.table, prediction="HTS").prediction()
    assert own["interval"].tolist() == ["t", "z"]
    assert tuple(own[["prediction_low", "prediction_high"]].iloc[0]) == tuple(fit.prediction())
    assert tuple(own[["prediction_low", "prediction_high"]].iloc[1]) == tuple(plain)


def test_the_words_name_the_method_that_was_used():
    fit = lam.counts.glmm(rates(EVENTS, TIME))
    assert "Nagashima" in fit.methods_text()
    assert "Higgins" in lam.counts.glmm(fit.table, prediction="HTS").methods_text()


@pytest.mark.parametrize(
    "make",
    [
        lambda: lam.counts.glmm(
            rates(EVENTS, TIME, year=[1, 2, 3, 4, 5, 6, 7]), moderators="~ year", prediction="profile"
        ),
        lambda: lam.counts.glmm(ratios(), model="UM.RS", correlated=True, nagq=3, prediction="profile"),
    ],
)
def test_models_without_that_distribution_say_what_they_take(make):
    with pytest.raises(OptionError, match="prediction='HTS'"):
        make()


def ratios():
    columns = {"a": [3, 9, 4, 12, 7], "n1": [40, 61, 35, 80, 90], "c": [6, 11, 9, 16, 9], "n2": [42, 60, 33, 85, 88]}
    return lam.EvidenceTable.from_frame(pd.DataFrame(columns), "OR", ai="a", n1i="n1", ci="c", n2i="n2")


def test_the_remedies_work_on_the_same_data():
    fit = lam.counts.glmm(rates(EVENTS, TIME, year=[1, 2, 3, 4, 5, 6, 7]), moderators="~ year", prediction="HTS")
    assert fit.predict()["prediction_low"].notna().all()
    correlated = lam.counts.glmm(ratios(), model="UM.RS", correlated=True, nagq=3)
    assert correlated.spec.prediction == "HTS"
    with pytest.raises(NotEstimable, match="prediction_note"):
        lam.checks.bootstrap_prediction(correlated, seed=1)
    assert correlated.prediction().width > 0
    with pytest.raises(TooFewStudies, match="at least 3"):
        lam.counts.glmm(rates(EVENTS[:2], TIME[:2]), prediction="profile")


def test_counts_that_leave_tau_open_have_no_interval_and_say_so():
    """Three of five groups without events: the likelihood falls so slowly that τ = 16 is not excluded."""
    table = proportions([0, 0, 3, 1, 0], [10, 12, 30, 18, 22])
    fit = lam.counts.glmm(table)
    with pytest.raises(NotEstimable, match="a τ above 16") as refused:
        fit.prediction()
    assert "prediction='HTS'" in str(refused.value)
    assert fit.prediction_note == str(refused.value)
    assert lam.counts.glmm(table, prediction="HTS").prediction().width > 0
    with pytest.raises(NotEstimable, match="a τ above 16"):
        lam.checks.bootstrap_prediction(fit, seed=1)
    lam.forest(fit)
    assert "τ above 16" in str(fit.to_json()) or fit.to_json()["prediction"] is None


def test_every_stored_cell_is_on_the_page_and_the_default_never_covers_less():
    made, text = stored(), PAGE.read_text(encoding="utf-8")
    assert set(made) == {name_of(c) for c in cells()}
    for name, found in made.items():
        assert found[DEFAULT]["coverage"] >= found["HTS"]["coverage"], name
        assert f"| {name} | " in text
        assert all(f"{found[method]['coverage']:.3f} ± {found[method]['error']:.3f}" in text for method in METHODS)


def test_one_cell_anew():
    """Log odds, k = 10, τ = .2: 25 other sets than the stored ones, whose HTS interval holds a new study in .83."""
    found = cell(("PLO", 10, 0.2, 0.11), 25)
    assert found[DEFAULT]["coverage"] > 0.93
    assert found["HTS"]["coverage"] < 0.93
