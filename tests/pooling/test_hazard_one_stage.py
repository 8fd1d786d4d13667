"""The one-stage model of hazards against a likelihood written out by hand, and its exact ends."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

import lamevidence as lam
from lamevidence.foundation.errors import ConvergenceError, NotEstimable, OptionError

Z, W = np.polynomial.legendre.leggauss(300)
Z, W = 8.5 * Z, 8.5 * W * stats.norm.pdf(8.5 * Z)
MIXED = pd.DataFrame(
    {
        "patients": [5, 10, 1, 0, 12, 9, None, None, None],
        "total": [25, 22, 19, 14, 40, 9, None, None, None],
        "time": [1, 1, 0.55, 2, 1.5, 0.7, None, None, None],
        "events": [None] * 6 + [6, 0, 23],
        "person_time": [None] * 6 + [25, 13, 46.0],
    }
)
CLUSTERED = MIXED.assign(total=[25, 22, 19, 14, 40, 9, 25, 13, 46], frailty=[0, 0.5, 1, 0.2, 0, 0.8, 0.4, 1.2, 0])


def table(frame):
    return lam.EvidenceTable.from_frame(frame, "HAZ", **{c: c for c in frame})


def likelihood(row, hazard):
    frailty = row.get("frailty", 0.0)
    if not np.isnan(row["patients"]):
        m = hazard * row["time"]
        free = np.exp(-m) if frailty == 0 else (1 + frailty * m) ** (-1 / frailty)
        return stats.binom.pmf(row["patients"], row["total"], 1 - free)
    mean = hazard * row["person_time"]
    if frailty == 0:
        return stats.poisson.pmf(row["events"], mean)
    shape = row["total"] / frailty
    return stats.nbinom.pmf(row["events"], shape, shape / (shape + mean))


def minus_log(frame, mu, tau):
    hazard = np.exp(mu + tau * Z)
    return -sum(np.log(np.sum(W * likelihood(row, hazard))) for row in frame.to_dict("records"))


@pytest.mark.parametrize("frame", [MIXED, CLUSTERED], ids=["plain", "frailty"])
def test_the_maximum_is_that_of_the_likelihood_written_out(frame):
    fit = lam.pool(table(frame))
    assert (fit.spec.model, fit.measure, fit.df) == ("glmm", "HAZ", 8.0)
    assert fit.log_likelihood == pytest.approx(-minus_log(frame, fit.mu, fit.tau2**0.5), abs=2e-8)
    top = optimize.minimize(
        lambda p: minus_log(frame, p[0], abs(p[1])), [-1.0, 1.0], method="Nelder-Mead", options={"fatol": 1e-12}
    )
    assert fit.mu == pytest.approx(top.x[0], abs=2e-4)
    assert fit.tau2**0.5 == pytest.approx(abs(top.x[1]), abs=2e-4)
    assert fit.log_likelihood > -top.fun - 1e-7
    h = 1e-3
    at = np.array([fit.mu, fit.tau2**0.5])
    H = np.array(
        [
            [
                sum(s * t * minus_log(frame, *(at + h * (s * a + t * b))) for s in (1, -1) for t in (1, -1))
                / (4 * h * h)
                for b in np.eye(2)
            ]
            for a in np.eye(2)
        ]
    )
    assert fit.se == pytest.approx(np.linalg.inv(H)[0, 0] ** 0.5, rel=1e-4)
    low, high = fit.interval()
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 8) * fit.se)


def test_events_alone_are_the_model_of_rates():
    events = MIXED.iloc[6:][["events", "person_time"]]
    rates = lam.EvidenceTable.from_frame(events, "IRLN", events="events", person_time="person_time")
    one, other = lam.pool(table(events)), lam.pool(rates)
    assert (one.mu, one.se, one.tau2) == pytest.approx((other.mu, other.se, other.tau2), abs=1e-7)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-9)


def test_one_common_hazard():
    fit = lam.pool(table(MIXED), tau2="none")
    top = optimize.minimize_scalar(lambda mu: minus_log(MIXED, mu, 0.0), bounds=(-4, 2), options={"xatol": 1e-10})
    assert fit.mu == pytest.approx(top.x, abs=1e-6)


def test_rare_risks_are_rates():
    """With small hazards n patients for t years are n t person-years."""
    risks = pd.DataFrame({"patients": [3, 5, 9], "total": [10**6, 2 * 10**6, 10**6], "time": 1.0})
    rates = pd.DataFrame({"events": [3, 5, 9], "person_time": [10.0**6, 2e6, 1e6]})
    assert lam.pool(table(risks)).mu == pytest.approx(lam.pool(table(rates)).mu, abs=1e-5)


@pytest.mark.parametrize("keep", [[3, 7], [3], [7]])
def test_no_events_have_an_exact_upper_bound(keep):
    fit = lam.pool(table(MIXED.iloc[keep].reset_index(drop=True)))
    exposure = sum({3: 28.0, 7: 13.0}[i] for i in keep)
    low, high = fit.interval()
    assert low == -np.inf
    assert np.exp(high) == pytest.approx(-np.log(0.025) / exposure, rel=1e-10)
    assert fit.display().estimate == 0.0


def test_events_only_have_an_exact_lower_bound():
    frame = pd.DataFrame({"patients": [9, 4], "total": [9, 4], "time": [0.7, 1.5]})
    low, high = lam.pool(table(frame)).interval()
    assert high == np.inf
    chance = np.prod((1 - np.exp(-np.exp(low) * frame["time"])) ** frame["total"])
    assert chance == pytest.approx(0.025, rel=1e-9)


def test_one_study_has_its_own_exact_interval():
    low, high = np.exp(lam.pool(table(MIXED.iloc[[0]])).interval())
    risk = special.betaincinv([5, 6], [21, 20], [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(-np.log1p(-risk)), rel=1e-10)
    frame = CLUSTERED.iloc[[6]].reset_index(drop=True)
    low, high = np.exp(lam.pool(table(frame)).interval())
    shape = 25 / 0.4
    for rate, tail in ((low, lambda p: stats.nbinom.sf(5, shape, p)), (high, lambda p: stats.nbinom.cdf(6, shape, p))):
        assert tail(shape / (shape + 25 * rate)) == pytest.approx(0.025, rel=1e-8)


def test_studies_at_opposite_ends_have_no_maximum():
    frame = pd.DataFrame({"patients": [0, 9], "total": [14, 9], "time": 1.0})
    with pytest.raises((NotEstimable, ConvergenceError), match="tau2='none' fits one common effect"):
        lam.pool(table(frame))
    assert np.isfinite(lam.pool(table(frame), tau2="none").mu)


def test_models_without_variances_are_refused_where_a_row_has_none():
    for model in ("random", "mh", "gamma-poisson"):
        with pytest.raises(Exception, match="model='glmm'"):
            lam.pool(table(MIXED), model=model)
    with pytest.raises(OptionError):
        lam.pool(table(MIXED), model="CM.EL")


def test_leave_one_out_and_refit_are_fits_of_the_other_rows():
    fit = lam.pool(table(MIXED))
    left = lam.leave_one_out(fit).to_frame()
    for i in (0, 3, 8):
        alone = lam.pool(table(MIXED.drop(index=i).reset_index(drop=True)))
        assert left["estimate"][i] == pytest.approx(alone.mu, abs=1e-7)
    assert fit.refit(table(MIXED)).mu == fit.mu


def test_a_moderator_changes_the_hazard():
    frame = MIXED.assign(drug=[0, 1] * 4 + [1])
    columns = {c: c for c in MIXED}
    fit = lam.pool(lam.EvidenceTable.from_frame(frame, "HAZ", **columns), model="glmm", moderators="~ drug")
    b, tau = fit.estimate, fit.tau2**0.5

    def value(b):
        return -sum(
            np.log(np.sum(W * likelihood(row, np.exp(b[0] + b[1] * row["drug"] + tau * Z))))
            for row in frame.to_dict("records")
        )

    assert fit.log_likelihood == pytest.approx(-value(b), abs=2e-8)
    assert all(value(b + step) > value(b) for step in (np.eye(2) * 0.01).tolist() + (-np.eye(2) * 0.01).tolist())


def test_what_a_reader_sees():
    fit = lam.pool(table(MIXED))
    shown = fit.display()
    assert shown.unit == "per 100 patient-years"
    assert shown.estimate == pytest.approx(100 * np.exp(fit.mu))
    assert shown.to_dict()["mu"] == pytest.approx(np.exp(fit.mu))
    assert shown.to_dict()["unit"] == "per person-year"
    risk = 100 * (1 - np.exp(-np.exp(fit.mu)))
    assert f"risk of at least one event within a year {risk:.0f}" in fit.describe()
    assert "within a year" not in lam.pool(lam.EvidenceTable.from_estimates([1, 2.0], vi=[1, 1])).describe()
