"""Models of counts answer what every fitted result answers, and follow other rows."""

import json
import math
import pickle

import numpy as np
import pytest
from scipy import optimize, special

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import InputError, NotEstimable, OptionError, TooFewStudies
from lamevidence.pooling.counts import beta_binomial, gamma_poisson, glmm, mantel_haenszel, peto
from lamevidence.pooling.counts.count_results import CountPooled
from lamevidence.pooling.counts.one_stage_regression import GlmmRegression
from lamevidence.pooling.counts.one_stage_results import GlmmPooled
from lamevidence.results.contract import CoefficientResult, MeanResult
from lamevidence.results.frames import AUGMENT, GLANCE, TIDY

ARMS = {
    "ai": [4, 6, 3, 12, 33, 18, 8],
    "n1i": [123, 306, 231, 598, 509, 141, 250],
    "ci": [11, 29, 11, 48, 47, 37, 10],
    "n2i": [139, 303, 220, 567, 508, 145, 129],
}
RATES = {
    "x1i": [7, 8, 3, 6, 1, 1, 17, 3, 2],
    "t1i": [1344, 1600, 12012, 1536, 370, 729, 6760, 1107, 320],
    "x2i": [11, 8, 14, 10, 1, 8, 15, 7, 3],
    "t2i": [1988, 1461, 10962, 1503, 483, 913, 6840, 1015, 440],
}
PROPORTIONS = {"xi": [16, 10, 4, 43, 10, 25, 13], "ni": [17, 12, 8, 58, 10, 42, 14]}
PERSON_TIME = {"xi": [2, 9, 3, 1, 12], "ti": [20.0, 40.0, 30.0, 30.0, 25.0]}
YEAR = [48.0, 49.0, 60.0, 77.0, 73.0, 53.0, 70.0]


def table(counts, measure, **more):
    names = tuple(f"s{i}" for i in range(len(next(iter(counts.values())))))
    nothing = np.full(len(names), math.nan)
    columns = {name: np.array(column, float) for name, column in counts.items()}
    return EvidenceTable(
        yi=nothing, vi=nothing, labels=names, studies=names, measure=measure, unit=None, counts=columns, **more
    )


def dated():
    return table(ARMS, "OR", moderators={"year": np.array(YEAR)})


MEANS = {
    "one-arm": lambda **o: glmm(table(PROPORTIONS, "PLO"), **o),
    "one-arm rates": lambda **o: glmm(table(PERSON_TIME, "IRLN"), **o),
    "CM.EL": lambda **o: glmm(table(ARMS, "OR"), **o),
    "CM.AL": lambda **o: glmm(table(ARMS, "OR"), model="CM.AL", **o),
    "UM.FS": lambda **o: glmm(table(ARMS, "OR"), model="UM.FS", interval="t", **o),
    "UM.RS": lambda **o: glmm(table(ARMS, "OR"), model="UM.RS", **o),
    "rates": lambda **o: glmm(table(RATES, "IRR"), model="UM.FS", **o),
    "common": lambda **o: glmm(table(ARMS, "OR"), tau2="none", **o),
    "no events": lambda **o: glmm(table({"xi": [0, 0, 0], "ni": [10, 12, 8]}, "PLO"), **o),
    "one study": lambda **o: glmm(table({"xi": [3], "ni": [15]}, "PLO"), **o),
    "MH OR": lambda **o: mantel_haenszel(table(ARMS, "OR"), **o),
    "MH RR of an OR table": lambda **o: mantel_haenszel(table(ARMS, "OR"), measure="RR", **o),
    "MH RD": lambda **o: mantel_haenszel(table(ARMS, "RD"), **o),
    "MH IRR": lambda **o: mantel_haenszel(table(RATES, "IRR"), **o),
    "MH IRD": lambda **o: mantel_haenszel(table(RATES, "IRD"), **o),
    "Peto": lambda **o: peto(table(ARMS, "OR"), **o),
    "beta-binomial": lambda **o: beta_binomial(table(PROPORTIONS, "PLO"), **o),
    "gamma-Poisson": lambda **o: gamma_poisson(table(PERSON_TIME, "IRLN"), **o),
}
REGRESSIONS = {
    "CM.EL": lambda **o: glmm(dated(), moderators="~ year", **o),
    "UM.RS": lambda **o: glmm(dated(), model="UM.RS", moderators="~ year", interval="t", **o),
    "matrix": lambda **o: glmm(
        table(ARMS, "OR"), moderators=np.column_stack([np.ones(7), YEAR]), names=["level", "year"], **o
    ),
}


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_every_mean_keeps_the_contract(name, level):
    fit = MEANS[name](level=level)
    assert isinstance(fit, CountPooled)
    assert isinstance(fit, MeanResult)
    assert fit.names == ("mu",)
    assert fit.estimate == fit.mu
    assert fit.level == level
    assert fit.interval() == fit.interval(level)
    assert fit.interval(0.5).high < fit.interval(0.99).high
    low, high = fit.interval()
    assert low <= fit.mu <= high
    assert tuple(fit.tidy().columns) == TIDY
    assert fit.tidy().loc[0, "conf_low"] == low
    assert tuple(fit.glance().columns)[: len(GLANCE)] == GLANCE
    assert tuple(fit.augment().columns) == AUGMENT
    assert list(fit.augment().index) == list(fit.table.labels)
    if fit.weights is not None:
        assert fit.weights.sum() == pytest.approx(100)
        assert fit.weights.shape == (fit.k,)
    assert len(repr(fit).splitlines()) <= 12
    assert f"{100 * level:g}%" in fit.describe()
    assert "doi" in fit.methods_text() or "Clopper" in fit.methods_text()
    assert fit.display().level == level
    assert json.loads(json.dumps(fit.to_json(), allow_nan=False))["k"] == fit.k
    assert set(fit.predict().columns) >= {"mean", "conf_low", "prediction_high"}
    assert {"mu", "theta_new", "tau2", "i2"} <= set(fit.summary().index)
    assert fit.study_effects().shape == (fit.k, 3)
    assert pickle.loads(pickle.dumps(fit)).interval() == fit.interval()


@pytest.mark.parametrize("name", MEANS)
def test_a_prediction_interval_or_the_reason(name):
    fit = MEANS[name]()
    if fit.prediction_note:
        with pytest.raises(NotEstimable) as refused:
            fit.prediction()
        assert str(refused.value) == fit.prediction_note
        assert fit.to_json()["prediction"] is None
        with pytest.raises(NotEstimable):
            fit.probability("theta_new > 0")
        return
    new = fit.prediction()
    assert new.low < fit.interval().low
    assert fit.probability(f"theta_new < {new.low:.15g}") == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize("name", [n for n in MEANS if n not in ("no events", "one study")])
def test_probability_of_the_mean_is_its_confidence_distribution(name):
    fit = MEANS[name]()
    low, high = fit.interval(0.8)
    assert fit.probability(f"mu < {low:.15g}") == pytest.approx(0.1, abs=1e-9)
    assert fit.probability(f"mu > {high:.15g}") == pytest.approx(0.1, abs=1e-9)
    with pytest.raises(OptionError, match="theta_new"):
        fit.probability("new > 0")


def test_probability_of_one_study_is_its_interval():
    fit = MEANS["one-arm"]()
    theta, low, _ = fit.study_effects()[3]
    assert fit.probability(f"theta[s3] < {low:.15g}") == pytest.approx(0.025, abs=1e-9)
    assert fit.probability(f"theta[s3] < {theta:.15g}") == pytest.approx(0.5, abs=1e-9)
    with pytest.raises(NotEstimable, match="single study"):
        MEANS["Peto"]().probability("theta[s3] > 0")
    with pytest.raises(NotEstimable, match="confidence distribution"):
        MEANS["no events"]().probability("mu < 0")


def test_study_effects_are_modes_with_their_curvature():
    """One arm: mode and curvature of x η − n log(1 + e^η) − (η − μ)²/2τ², and the share of the mean's variance."""
    fit = MEANS["one-arm"]()
    x, n = fit.table.counts["xi"], fit.table.counts["ni"]
    half = special.ndtri(0.975)
    for i, (theta, low, high) in enumerate(fit.study_effects()):
        found = optimize.minimize_scalar(
            lambda e, i=i: n[i] * np.logaddexp(0, e) - x[i] * e + (e - fit.mu) ** 2 / (2 * fit.tau2),
            bracket=(fit.mu - 1, fit.mu + 1),
            tol=1e-12,
        )
        assert theta == pytest.approx(found.x, abs=1e-5)
        p = special.expit(theta)
        own, between = n[i] * p * (1 - p), 1 / fit.tau2
        variance = 1 / (own + between) + (between / (own + between)) ** 2 * fit.se**2
        assert (high - low) / 2 / half == pytest.approx(math.sqrt(variance), rel=1e-8)


def test_a_study_without_information_has_the_effect_of_a_new_one():
    grown = {name: [*column, extra] for (name, column), extra in zip(ARMS.items(), (0, 50, 0, 60), strict=True)}
    fit = glmm(table(grown, "OR"))
    theta, low, high = fit.study_effects()[-1]
    assert theta == fit.mu
    assert (high - low) / 2 == pytest.approx(special.ndtri(0.975) * math.sqrt(fit.tau2 + fit.se**2))


def same(one, other):
    assert one.estimate == pytest.approx(other.estimate, rel=1e-10)
    assert one.se == pytest.approx(other.se, rel=1e-8, nan_ok=True)
    assert one.heterogeneity().tau2 == pytest.approx(other.heterogeneity().tau2, rel=1e-7, nan_ok=True)


@pytest.mark.parametrize("name", [n for n in MEANS if n not in ("no events", "one study")])
def test_refit_is_the_same_model_on_other_rows(name):
    fit = MEANS[name](level=0.9)
    same(fit.refit(fit.table), fit)
    less = fit.without("s2")
    assert type(less) is type(fit)
    assert (less.k, less.level) == (fit.k - 1, 0.9)
    assert (less.spec.model, less.spec.tau2, less.spec.interval) == (fit.spec.model, fit.spec.tau2, fit.spec.interval)
    assert "s2" not in less.table.labels
    with pytest.raises(InputError, match="s9"):
        fit.without("s99")
    with pytest.raises(OptionError):
        fit.refit(EvidenceTable.from_estimates([0.1], vi=[0.2]))


@pytest.mark.parametrize("name", [n for n in MEANS if n not in ("no events", "one study")])
def test_leave_one_out_is_a_loop_of_refits(name):
    fit = MEANS[name]()
    found = fit.refit_each(~np.eye(fit.k, dtype=bool))
    assert found.reasons == ("",) * fit.k
    for i in (0, fit.k - 1):
        one = fit.without(fit.table.labels[i])
        assert found.estimate[i] == one.mu
        assert found.se[i, 0] == one.se
        assert (found.low[i, 0], found.high[i, 0]) == one.interval()


@pytest.mark.parametrize("name", [n for n in MEANS if n not in ("no events", "one study")])
def test_refits_down_to_one_study_or_a_reason(name):
    fit = MEANS[name]()
    masks = np.tri(fit.k, dtype=bool)
    found = fit.refit_each(masks)
    alone = found.reasons[0]
    if name in ("beta-binomial", "gamma-Poisson"):
        assert "model='glmm'" in alone
        assert lam.pool(fit.table.subset([0]), model="glmm").k == 1
    elif name == "UM.FS":
        assert "interval='z'" in alone
        assert glmm(fit.table.subset([0]), model="UM.FS", interval="z").k == 1
    else:
        assert alone == ""
        assert math.isfinite(found.estimate[0])
    assert all(reason == "" for reason in found.reasons[1:])


def test_a_default_prediction_is_chosen_anew_and_a_given_one_kept():
    fit = MEANS["one-arm"]()
    assert fit.spec.prediction == "profile"
    few = fit.refit(fit.table.subset([0, 1, 3]))
    assert few.spec.prediction == "none"
    assert "k = 3 < 5" in few.prediction_note
    assert few.refit(fit.table).spec.prediction == "profile"
    kept = MEANS["one-arm"](prediction="normal")
    assert kept.refit(fit.table.subset([0, 1, 3])).spec.prediction == "normal"
    with pytest.raises(TooFewStudies, match="prediction='none'"):
        MEANS["one-arm"](prediction="HTS").refit(fit.table.subset([0, 1]))


@pytest.mark.parametrize("name", REGRESSIONS)
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_a_regression_has_coefficients_and_no_mean(name, level):
    fit = REGRESSIONS[name](level=level)
    assert isinstance(fit, GlmmRegression)
    assert isinstance(fit, CoefficientResult)
    assert not hasattr(fit, "mu")
    assert fit.names[1] == "year"
    assert fit.estimate.shape == fit.se.shape == fit.p_value.shape == (2,)
    assert fit.covariance.shape == (2, 2)
    assert set(fit.interval()) == set(fit.names)
    assert fit.intervals().shape == (2, 2)
    assert fit.interval(0.5)["year"].width < fit.interval(0.99)["year"].width
    assert fit.q_df == fit.k - 2
    assert list(fit.tidy()["term"]) == list(fit.names)
    assert {"qm", "qm_p", "tau2", "i2"} <= set(fit.glance().columns)
    assert fit.test(["year"])[0] == pytest.approx(fit.test()[0])
    with pytest.raises(NotEstimable, match=r"predict\(new\)"):
        fit.prediction()
    low, _ = fit.interval(0.8)["year"]
    assert fit.probability(f"year < {low:.15g}") == pytest.approx(0.1, abs=1e-9)
    with pytest.raises(NotEstimable, match="its moderators"):
        fit.probability("theta_new > 0")
    with pytest.raises(OptionError, match="year, theta"):
        fit.probability("mu > 0")
    assert fit.fitted() == pytest.approx(fit.design.X @ fit.estimate)
    assert fit.study_effects().shape == (7, 3)
    assert f"{100 * level:g}%" in fit.describe()
    assert len(repr(fit).splitlines()) <= 12
    for word in ("Odds ratio", "mean effect", "pooled"):
        assert word not in repr(fit)
    json.dumps(fit.to_json(), allow_nan=False)
    assert "year" in fit.methods_text()


def test_predictions_of_a_regression():
    fit = REGRESSIONS["CM.EL"]()
    made = fit.predict({"year": [50.0, 60.0]})
    assert made["mean"].to_numpy() == pytest.approx(fit.estimate[0] + fit.estimate[1] * np.array([50.0, 60.0]))
    assert (made["prediction_low"] < made["conf_low"]).all()
    assert len(fit.predict()) == fit.k
    assert fit.predict(level=0.5)["conf_low"].gt(fit.predict()["conf_low"]).all()


def test_a_matrix_and_a_formula_are_the_same_model():
    by_formula, by_matrix = REGRESSIONS["CM.EL"](), REGRESSIONS["matrix"]()
    assert by_matrix.estimate == pytest.approx(by_formula.estimate, rel=1e-12)
    assert by_matrix.names == ("level", "year")
    assert lam.pool(dated(), model="glmm", moderators="~ year").estimate == pytest.approx(by_formula.estimate)


def test_rows_of_a_matrix_follow_their_studies():
    by_formula, by_matrix = REGRESSIONS["CM.EL"](), REGRESSIONS["matrix"]()
    backwards = list(range(7))[::-1]
    turned = by_matrix.refit(by_matrix.table.subset(backwards))
    assert turned.estimate == pytest.approx(by_matrix.estimate, rel=1e-8)
    assert by_matrix.without("s4").estimate == pytest.approx(by_formula.without("s4").estimate, rel=1e-8)
    strange = table({name: [column[0]] for name, column in ARMS.items()}, "OR")
    with pytest.raises(InputError, match="anew"):
        by_matrix.refit(EvidenceTable(**{**vars_of(strange), "labels": ("other",), "studies": ("other",)}))


def test_transforms_of_a_formula_keep_their_constants():
    fit = glmm(dated(), moderators="~ center(year)")
    less = fit.without("s0")
    assert less.names == fit.names
    plain = glmm(dated(), moderators="~ year").without("s0")
    assert less.estimate[1] == pytest.approx(plain.estimate[1], rel=1e-8)
    assert less.estimate[0] == pytest.approx(plain.estimate[0] + plain.estimate[1] * np.mean(YEAR), rel=1e-7)


def vars_of(made):
    return {name: getattr(made, name) for name in ("yi", "vi", "measure", "unit", "counts")}


def test_moderators_that_the_informative_studies_do_not_tell_apart():
    counts = {"ai": [0, 3, 5, 6, 7], "n1i": [9] * 5, "ci": [0, 2, 3, 4, 2], "n2i": [9] * 5}
    rows = table(counts, "OR", moderators={"x": np.array([1.0, 0, 0, 0, 0])})
    with pytest.raises(NotEstimable, match="tell Intercept, x apart"):
        glmm(rows, moderators="~ x")
    assert glmm(rows).k == 5


@pytest.mark.parametrize("name", MEANS)
def test_alternatives_hold_every_model_once_an_interval_and_mark_the_chosen_one(name):
    fit = MEANS[name]()
    frame = fit.alternatives()
    assert frame["chosen"].sum() == 1
    estimates = lam.pool(lam.EvidenceTable.from_estimates([0.1, 0.4, 0.2], vi=[0.1, 0.2, 0.1])).alternatives()
    assert [c for c in frame if c != "title"] == list(estimates)  # the columns of docs/arguments.md
    own = frame[frame["chosen"]].iloc[0]
    assert (own["tau2_method"], own["interval"]) == (fit.spec.tau2, fit.spec.interval)
    assert own["mu"] == fit.mu
    assert (frame["mu"].notna() | (frame["note"] != "")).all()
    twice = frame.loc[frame["model"].duplicated(keep=False), "model"]
    assert set(twice) <= {own["model"], "random"}  # with normal quantiles, and with plain Hartung-Knapp, beside it
    assert (fit.spec.interval == "t") == (own["model"] in set(twice) and own["model"] != "random")


def test_another_measure_brings_its_own_estimates():
    rows = table(ARMS, "OR")
    fit = lam.pool(rows, model="mh", measure="RR")
    assert fit.mu == mantel_haenszel(table(ARMS, "RR")).mu
    assert (fit.measure, fit.table.measure) == ("RR", "RR")
    risk = np.array(ARMS["ai"]) / ARMS["n1i"] / (np.array(ARMS["ci"]) / ARMS["n2i"])
    assert fit.augment()["yi"].to_numpy() == pytest.approx(np.log(risk))
    assert fit.without("s1").measure == "RR"


def test_no_weight_of_its_own_in_a_likelihood():
    assert MEANS["CM.EL"]().weights is None
    assert np.isnan(MEANS["CM.EL"]().augment()["weight"]).all()
    assert isinstance(MEANS["CM.EL"](), GlmmPooled)
