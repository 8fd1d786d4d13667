"""What results of estimates and variances answer: probabilities, true effects, refits side by side and alone, words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import lamevidence as lam
from lamevidence.errors import InputError, LamEvidenceError, NotEstimable, OptionError, TooFewStudies, UnknownName
from lamevidence.pooling import INTERVALS, MODELS, PREDICTIONS, TAU2
from lamevidence.results.subset_fits import fit_subsets
from tests.support.fits import odds_ratios

Y = np.array([0.10, 0.30, 0.35, 0.65, -0.20, 0.45, 0.05, 0.80])
V = np.array([0.03, 0.03, 0.05, 0.01, 0.04, 0.06, 0.02, 0.09])
X = np.array([1.0, 2.0, 2.0, 4.0, 0.0, 3.0, 1.0, 5.0])
GROUP = list("aabbaabb")


def table(y=Y, v=V, **more):
    more = {"moderators": {"x": X[: len(y)], "g": GROUP[: len(y)]}} | more
    return lam.EvidenceTable.from_estimates(y, vi=v, **more)


# ---- level -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [1, 8])
def test_the_level_of_the_fit_is_what_sentences_say(rows):
    """One study at 80 % used to be described with a 95% CI."""
    fit = lam.pool(table().subset(range(rows)), level=0.8)
    assert "80% CI" in fit.describe()
    assert "95%" not in fit.describe() + repr(fit)
    low, high = fit.interval()
    df = fit.df
    quantile = stats.norm.ppf(0.9) if math.isinf(df) else stats.t.ppf(0.9, df)
    assert (high - low) / 2 == pytest.approx(quantile * fit.se, rel=1e-12)
    assert fit.tidy()["conf_low"].iloc[0] == low


# ---- probabilities ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("interval", [name for name in INTERVALS if name not in ("PL", "BC")] + ["PL", "BC"])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_confidence_of_mu_is_read_off_its_intervals(interval, level):
    fit = lam.pool(table(), tau2="ML" if interval in ("PL", "BC") else "REML", interval=interval)
    low, high = fit.interval(level)
    assert fit.probability(f"mu < {low:.15g}") == pytest.approx(0.5 - level / 2, abs=1e-7)
    assert fit.probability(f"mu > {high:.15g}") == pytest.approx(0.5 - level / 2, abs=1e-7)


def test_the_confidence_of_mu_in_henmi_and_copas_model():
    fit = lam.pool(table(), model="henmi-copas")
    low, high = fit.interval(0.9)
    assert fit.probability(f"mu < {low:.15g}") == pytest.approx(0.05, abs=1e-7)
    assert fit.probability(f"mu < {high:.15g}") == pytest.approx(0.95, abs=1e-7)


@pytest.mark.parametrize("prediction", [name for name in PREDICTIONS if name != "NNF"])
def test_the_probability_of_a_new_study_is_read_off_its_interval(prediction):
    fit = lam.pool(table(), prediction=prediction)
    low, high = fit.prediction(0.8)
    assert fit.probability(f"theta_new < {low:.15g}") == pytest.approx(0.1, abs=1e-9)
    assert fit.probability(f"theta_new > {high:.15g}") == pytest.approx(0.1, abs=1e-9)


def test_the_probability_of_a_row_is_read_off_its_true_effect():
    fit = lam.pool(table())
    for i, label in enumerate(fit.table.labels):
        middle, low, high = fit.study_effects(0.8)[i]
        assert fit.probability(f"theta[{label}] < {low:.15g}") == pytest.approx(0.1, abs=1e-9)
        assert fit.probability(f"theta[{label}] > {high:.15g}") == pytest.approx(0.1, abs=1e-9)
        assert fit.probability(f"theta[{label}] < {middle:.15g}") == pytest.approx(0.5, abs=1e-9)


def test_statements_need_the_unit_and_our_words():
    fit = lam.pool(table(unit="mL"))
    assert fit.probability("mu > 0.1 mL") == fit.probability("mu > 0.0001 L")
    with pytest.raises(OptionError, match="has no unit"):
        fit.probability("mu > 1")
    with pytest.raises(UnknownName, match="here that is 'theta_new'"):
        fit.probability("new > 0")
    with pytest.raises(InputError, match="is not a row"):
        fit.probability("theta[nobody] > 0")
    with pytest.raises(NotEstimable, match="model='random'"):
        lam.pool(table(), model="common").probability(f"theta[{fit.table.labels[0]}] > 0")


def test_a_regression_speaks_of_its_coefficients():
    fit = lam.pool(table(), moderators="~ x", interval="t")
    low, high = fit.interval(0.9)["x"]
    assert fit.probability(f"x < {low:.15g}") == pytest.approx(0.05, abs=1e-9)
    assert fit.probability(f"x > {high:.15g}") == pytest.approx(0.05, abs=1e-9)
    with pytest.raises(NotEstimable, match=r"predict\(new\)"):
        fit.probability("theta_new > 0")
    with pytest.raises(UnknownName, match="Intercept, x"):
        fit.probability("mu > 0")


# ---- true effects, weights, leverage ---------------------------------------------------------------------------------
@pytest.mark.parametrize("moderators", [None, "~ x"])
def test_true_effects_are_conditional_means_of_the_normal_model(moderators):
    """E[θ | y] of θ ~ N(Xβ, τ²), y | θ ~ N(θ, v), by conditioning the joint normal distribution, β at its estimate."""
    fit = lam.pool(table(), moderators=moderators, interval="z")
    t, mean = fit.tau2, fit.fitted()
    expected = mean + t * np.eye(8) @ np.linalg.solve(np.diag(V + t), Y - mean)
    assert fit.study_effects()[:, 0] == pytest.approx(expected, rel=1e-12)
    D = np.ones((8, 1)) if moderators is None else np.column_stack([np.ones(8), X])
    spread = D @ np.linalg.inv(D.T @ np.diag(1 / (V + t)) @ D) @ D.T
    share = t / (t + V)
    se = np.sqrt(share * V + (1 - share) ** 2 * np.diag(spread))
    assert fit.study_effects()[:, 2] == pytest.approx(expected + stats.norm.ppf(0.975) * se, rel=1e-10)
    hat = np.diag(spread) / (V + t)
    assert fit.leverage() == pytest.approx(hat, rel=1e-10)
    assert fit.weights == pytest.approx(100 / (V + t) / np.sum(1 / (V + t)), rel=1e-12)


def test_checks_shrinkage_is_the_same_computation():
    for options in ({}, {"moderators": "~ x"}, {"interval": "KR"}, {"weights": np.arange(1.0, 9.0)}):
        fit = lam.pool(table(), **options)
        found = lam.checks.shrinkage(fit, level=0.8)
        both = np.column_stack([found["effect"], found["effect_low"], found["effect_high"]])
        np.testing.assert_array_equal(both, fit.study_effects(0.8))


def test_rows_that_do_not_count_have_no_true_effect_and_no_weight():
    fit = lam.pool(table(v=[*V[:7], np.inf]))
    assert fit.k == 7
    assert np.isnan(fit.study_effects()[7]).all()
    assert fit.weights[7] == 0
    assert len(fit.augment()) == 8
    assert fit.without(fit.table.studies[0]).k == 6
    each = fit.refit_each(~np.eye(8, dtype=bool))
    assert each.estimate[7] == pytest.approx(fit.mu, rel=1e-12)


# ---- other rows ------------------------------------------------------------------------------------------------------
CHOICES = [
    {"model": "random"},
    {"model": "random", "tau2": "DL", "interval": "z"},
    {"model": "random", "tau2": 0.05, "interval": "t"},
    {"model": "random", "tau2": "ML", "interval": "PL"},
    {"model": "random", "interval": "HKSJ-IQWiG"},
    {"model": "random", "interval": "HKSJ-hybrid", "prediction": "HTS"},
    {"model": "random", "weights": "equal"},
    {"model": "random", "weights": np.arange(1.0, 9.0)},
    {"model": "random", "tau2": "GENQ", "weights": np.arange(1.0, 9.0)},
    {"model": "common"},
    {"model": "fixed", "level": 0.8},
    {"model": "ivhet"},
    {"model": "henmi-copas"},
    {"moderators": "~ x"},
    {"moderators": "~ x + C(g)", "interval": "z"},
    {"moderators": "~ x", "model": "common"},
    {"moderators": "~ x", "weights": np.arange(1.0, 9.0), "interval": "HKSJ"},
    {"moderators": np.column_stack([np.ones(8), X]), "names": ["one", "x"], "tau2": "PM"},
]


def options_of(choice, rows):
    """The same choices written for some rows, as a user would give them anew."""
    more = {k: v for k, v in choice.items() if k not in ("weights", "moderators")}
    for name in ("weights", "moderators"):
        if isinstance(choice.get(name), np.ndarray):
            more[name] = choice[name][rows]
        elif name in choice:
            more[name] = choice[name]
    return more


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_refit_is_pool_with_the_same_choices(choice):
    fit = lam.pool(table(), **choice)
    rows = [0, 2, 3, 4, 6, 7]
    again, anew = fit.refit(table().subset(rows)), lam.pool(table().subset(rows), **options_of(choice, rows))
    for name in ("estimate", "se", "df", "tau2", "q"):
        np.testing.assert_array_equal(getattr(again, name), getattr(anew, name))
    np.testing.assert_array_equal(again.intervals(0.8), anew.intervals(0.8))
    assert again.spec == anew.spec
    if not any(isinstance(x, np.ndarray) for x in choice.values()):
        assert again.refit(table().subset([*rows, 1])).k == 7
    whole = fit.refit(fit.table)
    np.testing.assert_array_equal(whole.estimate, fit.estimate)


def test_a_default_prediction_interval_is_chosen_again_and_a_given_one_kept():
    fit = lam.pool(table())
    assert fit.spec.prediction == "NNF-floor"
    four = fit.refit(table().subset(range(4)))
    assert four.spec.prediction == "none"
    assert "k = 4" in four.prediction_note
    assert four.refit(table()).spec == fit.spec
    kept = lam.pool(table(), prediction="HTS").refit(table().subset(range(4)))
    assert kept.prediction().low < kept.mu


def test_one_study_is_left_as_it_is_whatever_the_interval():
    for options in ({"interval": "HKSJ"}, {"interval": "KR"}, {"tau2": "GENQ", "weights": V}, {"model": "ivhet"}):
        fit = lam.pool(table(), **options)
        one = fit.refit(table().subset([3]))
        assert (one.mu, one.se) == (pytest.approx(0.65), pytest.approx(0.1))
        assert one.spec.model == "single"
        assert one.recipe.options["spec"].interval == fit.spec.interval
        if "weights" not in options:
            assert one.refit(table()).spec == fit.spec


def test_rows_of_another_kind_are_refused():
    fit = lam.pool(table(unit="mL"))
    with pytest.raises(OptionError, match="same measure and unit"):
        fit.refit(table())
    with pytest.raises(InputError, match="one value a row"):
        lam.pool(table(), weights=V).refit(table(labels=[f"new {i}" for i in range(8)]))
    with pytest.raises(InputError, match="is not a study"):
        fit.without("nobody")


def test_formulas_keep_their_levels_and_constants():
    fit = lam.pool(table(), moderators="~ center(x)", interval="z")
    part = fit.refit(table().subset([0, 1, 2, 3]))
    matrix = np.column_stack([np.ones(4), X[:4] - X.mean()])
    centred = lam.pool(table().subset([0, 1, 2, 3]), moderators=matrix, interval="z")
    assert part.estimate == pytest.approx(centred.estimate, rel=1e-10)
    factor = lam.pool(table(), moderators="~ C(g)")
    with pytest.raises(NotEstimable, match="leave it out"):
        factor.refit(table().subset([0, 1, 4, 5]))
    with pytest.raises(InputError, match="do not fit the formula"):
        factor.refit(table(moderators={"x": X, "g": ["z", *GROUP[1:]]}))
    with pytest.raises(InputError, match="moderators are missing"):
        factor.refit(table(moderators={"x": X, "g": [None, *GROUP[1:]]}))


# ---- batch and loop --------------------------------------------------------------------------------------------------
ARRAYS = ("beta", "se", "low", "high", "statistic", "p_value", "cov", "df", "tau2", "q", "q_df", "q_p", "i2", "h2", "k")


def assert_same(one, other, rel=1e-9):
    for name in ARRAYS:
        a, b = getattr(one, name), getattr(other, name)
        assert np.array_equal(np.isnan(a), np.isnan(b)), name
        np.testing.assert_allclose(a, b, rtol=rel, atol=1e-11, err_msg=name)
    assert one.reasons == other.reasons
    assert one.names == other.names


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_all_subsets_side_by_side_are_the_subsets_one_by_one(choice):
    fit = lam.pool(table(), **choice)
    rng = np.random.default_rng(1)
    masks = np.vstack([rng.random((40, 8)) < 0.6, np.eye(8, dtype=bool)[:3], np.zeros((1, 8), dtype=bool)])
    assert_same(fit.refit_each(masks), fit_subsets(fit, masks))
    lost = fit.refit_each(masks).reasons[-1]
    assert "k = 0" in lost


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 12),
    st.integers(0, 2**31),
    st.sampled_from([0.0, 1.0, 4.0]),
    st.sampled_from([name for name in TAU2 if name not in ("GENQ", "GENQM")]),
    st.sampled_from(["z", "t", "HKSJ", "HKSJ-floor"]),
)
def test_single_deletions_are_refits(k, seed, decades, tau2, interval):
    rng = np.random.default_rng(seed)
    v = 10 ** rng.uniform(-decades / 2, decades / 2, k) * 0.1
    rows = lam.EvidenceTable.from_estimates(rng.normal(0, np.sqrt(v + 0.1)), vi=v)
    fit = lam.pool(rows, tau2=tau2, interval=interval, model="random")
    fast, slow = fit.refit_each(~np.eye(k, dtype=bool)), fit_subsets(fit, ~np.eye(k, dtype=bool))
    assert fast.reasons == slow.reasons
    span = np.sqrt(v).max()
    np.testing.assert_allclose(fast.beta, slow.beta, rtol=1e-9, atol=1e-9 * span)
    np.testing.assert_allclose(fast.se, slow.se, rtol=1e-7)
    np.testing.assert_allclose(fast.tau2, slow.tau2, rtol=1e-7, atol=1e-9 * v.min())
    np.testing.assert_allclose(fast.q, slow.q, rtol=1e-8, atol=1e-10)


def test_deletions_in_any_order_and_number():
    fit = lam.pool(table())
    whole = fit.refit_each(~np.eye(8, dtype=bool))
    order = [5, 1, 1, 7]
    some = fit.refit_each(~np.eye(8, dtype=bool)[order])
    np.testing.assert_array_equal(some.beta, whole.beta[order])
    seen = []
    fit.refit_each(~np.eye(8, dtype=bool), progress=lambda: seen.append(1))
    assert len(seen) == 8


@pytest.mark.parametrize("masks", [np.ones((2, 7), dtype=bool), np.ones((2, 8)), np.ones(8, dtype=bool)])
def test_masks_have_one_truth_value_a_row(masks):
    with pytest.raises(InputError, match="truth values"):
        lam.pool(table()).refit_each(masks)


def test_as_many_studies_as_coefficients_where_nothing_is_estimated():
    fit = lam.pool(table().subset([0, 3]), moderators="~ x", model="common")
    assert fit.fitted() == pytest.approx([0.10, 0.65])
    assert (fit.q, fit.q_df) == (0.0, 0)
    with pytest.raises(NotEstimable, match="need more than 2 studies"):
        lam.pool(table().subset([0, 3]), moderators="~ x")


# ---- new studies -----------------------------------------------------------------------------------------------------
def test_numbers_of_one_moderator_are_new_studies():
    """metafor: predict(res, newmods = c(10, 44)) gives two rows."""
    fit = lam.pool(table(), moderators="~ x")
    by_name = fit.predict({"x": [1.0, 4.0]})
    for new in ([1.0, 4.0], np.array([1.0, 4.0]), [[1.0], [4.0]], [[1.0, 1.0], [1.0, 4.0]]):
        np.testing.assert_allclose(fit.predict(new), by_name, rtol=1e-12)
    assert len(fit.predict(2.0)) == 1
    two = lam.pool(table(), moderators="~ x + C(g)")
    np.testing.assert_allclose(two.predict([2.0, 1.0]), two.predict({"x": [2.0], "g": ["b"]}), rtol=1e-12)
    with pytest.raises(InputError, match="3 columns"):
        two.predict([1.0, 2.0, 3.0, 4.0])


def test_predictions_have_the_columns_of_every_result():
    columns = ["mean", "std_error", "conf_low", "conf_high", "prediction_low", "prediction_high"]
    for fit in (
        lam.pool(table()),
        lam.pool(table(), moderators="~ x"),
        lam.pool(table(), moderators="~ x", model="common"),
    ):
        assert list(fit.predict().columns[:6]) == columns
    assert lam.pool(table(), moderators="~ x", model="common").predict()["prediction_low"].isna().all()
    with pytest.raises(OptionError, match="model='random'"):
        lam.pool(table(), moderators="~ x", model="common").predict(prediction="t")


# ---- sentences and catalogues ----------------------------------------------------------------------------------------
def test_methods_come_from_the_catalogues():
    text = lam.pool(table(), tau2="PM", interval="KR", prediction="KR-PR").methods_text()
    for entry in (MODELS.entry("random"), TAU2.entry("PM"), INTERVALS.entry("KR"), PREDICTIONS.entry("KR-PR")):
        assert entry.title in text
        assert entry.citation in text
    assert "Effects were regressed on x" in lam.pool(table(), moderators="~ x").methods_text()
    assert "reported as published" in lam.pool(table().subset([0])).methods_text()


@pytest.mark.parametrize(
    "model",
    [
        name
        for name in MODELS
        if name not in ("mh", "peto", "beta-binomial", "gamma-poisson", "glmm", "CM.EL", "CM.AL", "UM.FS", "UM.RS")
    ],
)
def test_models_of_estimates(model):
    assert lam.pool(table(), model=model).spec.model == model


@pytest.mark.parametrize("kind", ["CM.EL", "CM.AL", "UM.FS", "UM.RS"])
def test_one_stage_models_by_their_kind(kind):
    counts = odds_ratios().subset([0, 1, 2, 4, 6])
    assert lam.pool(counts, model=kind).mu == pytest.approx(lam.counts.glmm(counts, model=kind).mu, rel=1e-12)


def test_heterogeneity_says_what_is_assumed():
    common = lam.pool(table(), model="common")
    assert (common.tau2, common.heterogeneity().assumed) == (0.0, True)
    assert "τ" not in common.describe()
    found = lam.pool(table()).heterogeneity()
    assert found.tau2_interval == lam.pool(table()).tau2_interval()
    assert found.i2_interval == lam.pool(table()).i2_interval()
    assert "no between-study variance" in common.heterogeneity().note


# ---- remedies that messages name, executed ---------------------------------------------------------------------------
def test_advice_about_prediction_works_on_the_same_rows():
    for rows in (2, 3, 4, 8):
        part = table().subset(range(rows))
        for options in ({}, {"model": "common"}, {"prediction": "none"}):
            fit = lam.pool(part, **options)
            if not fit.prediction_note:
                continue
            with pytest.raises(NotEstimable) as refused:
                fit.prediction()
            named = str(refused.value).split("prediction=")[-1].strip("'\"")
            assert lam.pool(part, model="random", prediction=named).prediction().width > 0


R_WORDS = [
    ({"method": "DL"}, {"tau2": "DL"}),
    ({"method": "REML"}, {"tau2": "REML"}),
    ({"method": "FE"}, {"model": "fixed"}),
    ({"method": "EE"}, {"model": "common"}),
    ({"test": "knha"}, {"interval": "HKSJ"}),
    ({"test": "adhoc"}, {"interval": "HKSJ-floor"}),
    ({"test": "t"}, {"interval": "t"}),
    ({"knha": True}, {"interval": "HKSJ"}),
    ({"mods": "~ x"}, {"moderators": "~ x"}),
    ({"interval": "knha"}, {"interval": "HKSJ"}),
    ({"interval": "hartung-knapp"}, {"interval": "HKSJ"}),
    ({"interval": "adhoc"}, {"interval": "HKSJ-floor"}),
    ({"model": "RE"}, {"model": "random"}),
    ({"model": "EE"}, {"model": "common"}),
    ({"model": "FE"}, {"model": "fixed"}),
    ({"model": "FEM"}, {"model": "fixed"}),
    ({"tau2": "MP"}, {"tau2": "PM"}),
    ({"model": "RE", "moderators": "~ x"}, {"model": "random", "moderators": "~ x"}),
    ({"interval": "knha", "moderators": "~ x"}, {"interval": "HKSJ", "moderators": "~ x"}),
]


@pytest.mark.parametrize(("theirs", "ours"), R_WORDS, ids=str)
def test_words_of_r_are_told_as_ours(theirs, ours):
    (name, value), *_ = ours.items()
    with pytest.raises(OptionError, match=f"here that is {name}={value!r}".replace("~", r"\~")):
        lam.pool(table(), **theirs)
    lam.pool(table(), **ours)


def test_words_of_r_in_other_functions():
    with pytest.raises(OptionError, match="here that is tau2='ML'"):
        lam.location_scale(table(), scale="x", method="ML")
    with pytest.raises(OptionError, match="here that is moderators='x'"):
        lam.location_scale(table(), scale="x", mods="x")
    with pytest.raises(OptionError, match="here that is draws=10"):
        lam.permutation_test(lam.pool(table()), iter=10)
    with pytest.raises(OptionError, match="here that is interval='HKSJ'"):
        lam.pool_many(Y, V, test="knha")
    with pytest.raises(OptionError, match=r"here that is level=0\.9"):
        lam.checks.bootstrap_prediction(table(), seed=1, conf_level=0.9)


def test_factor_of_r_is_c_here():
    for theirs in ("~ factor(g)", "~ x + as.factor(g)"):
        with pytest.raises(OptionError, match=r"C\(g\)") as refused:
            lam.pool(table(), moderators=theirs)
        remedy = str(refused.value).split("moderators=")[-1].strip("'")
        assert "C(g)[T.b]" in lam.pool(table(), moderators=remedy).names


def test_arguments_of_no_package_are_listed():
    with pytest.raises(OptionError, match="arguments: model, tau2, interval"):
        lam.pool(table(), colour="red")
    with pytest.raises(OptionError, match="did you mean level"):
        lam.pool(table(), levle=0.9)
    with pytest.raises(OptionError, match="design matrix"):
        lam.pool(table(), names=["a"])


# ---- permutation of everything that can be fitted again --------------------------------------------------------------
@pytest.mark.parametrize("options", [{"interval": "KR"}, {"weights": "equal"}, {"weights": V[:5]}, {"model": "ivhet"}])
def test_permutations_one_by_one(options):
    part = table().subset(range(5))
    fit = lam.pool(part, **options)
    found = lam.permutation_test(fit)
    hits = 0
    for signs in np.ndindex(*(2,) * 5):
        flipped = lam.pool(table(Y[:5] * np.where(signs, -1, 1), V[:5]), **options)
        hits += (
            abs(flipped.statistic if flipped.effect.null is not None else flipped.mu / flipped.se)
            >= abs(fit.mu / fit.se) - 1e-8
        )
    assert found.p_values[0] == pytest.approx(hits / 32)
    assert found.exact


def test_one_by_one_is_side_by_side():
    from lamevidence.pooling.regression import permutation

    for fit in (lam.pool(table().subset(range(5)), interval="HKSJ"), lam.pool(table(), moderators="~ g", interval="t")):
        drawn = permutation._all(fit)
        batch, alone = permutation._tally(fit, drawn, "numpy"), permutation._tally_alone(fit, drawn)
        np.testing.assert_array_equal(batch[0], alone[0])
        assert batch[2] == alone[2]
        if not math.isnan(alone[1]) and fit.names != ("mu",):
            assert batch[1] == alone[1]


def test_other_models_are_refused_with_one_that_works():
    counts = odds_ratios().subset([0, 1, 2, 4, 6])
    with pytest.raises(OptionError, match="model='random'"):
        lam.permutation_test(lam.pool(counts))
    assert 0 < lam.permutation_test(lam.pool(counts, model="random")).p_values[0] <= 1
    with pytest.raises(TooFewStudies):
        lam.permutation_test(lam.pool(counts.subset([0]), model="random"))


# ---- results that are not of one table -------------------------------------------------------------------------------
def test_tables_and_short_forms_of_batches():
    many = lam.pool_many([[0.1, 0.3, 0.5], [0.2, 0.4, 0.1]], [[0.01, 0.02, 0.03], [0.02, 0.02, np.inf]])
    tidy = many.tidy(0.8)
    one = lam.pool(lam.EvidenceTable.from_estimates([0.1, 0.3, 0.5], vi=[0.01, 0.02, 0.03]), interval="HKSJ", level=0.8)
    for column in ("estimate", "std_error", "df", "conf_low", "conf_high"):
        assert tidy[column].iloc[0] == pytest.approx(one.tidy()[column].iloc[0], rel=1e-9)
    assert many.glance()["count"].iloc[0] == 2
    assert repr(many).startswith("2 meta-analyses of 2 to 3 studies (REML + HKSJ, 95% CI)")
    boot = lam.checks.bootstrap_prediction(table(), seed=1, draws=1000)
    assert boot.tidy()["term"].tolist() == ["mu", "theta_new"]
    assert boot.glance()["seed"].iloc[0] == 1
    assert "95%" in repr(boot)
    with pytest.raises(UnknownName, match="theta_new"):
        boot.probability("tau > 0")
    test = lam.permutation_test(lam.pool(table().subset(range(4))))
    assert test.tidy()["p_value"].tolist() == list(test.p_values)
    assert "all 16 permutations" in repr(test)
    assert test.to_json()["qm_p"] is None


# ---- location-scale --------------------------------------------------------------------------------------------------
def located(**options):
    y = [0.1, 0.3, -0.2, 0.6, 1.5, -0.9, 0.8, 0.2, 0.4, -0.1]
    v = [0.02, 0.03, 0.02, 0.04, 0.05, 0.02, 0.03, 0.04, 0.03, 0.02]
    x = [0, 0, 0, 0, 1, 1, 1, 1, 0, 1]
    return lam.location_scale(lam.EvidenceTable.from_estimates(y, vi=v, moderators={"x": x}), **options)


def test_location_scale_is_one_list_of_coefficients():
    fit = located(scale="x", moderators="~ x")
    assert fit.names == ("Intercept", "x", "scale:Intercept", "scale:x")
    assert fit.estimate.tolist() == [*fit.beta, *fit.alpha]
    assert list(fit.interval()) == list(fit.names)
    assert fit.tau2 == dict(zip(fit.table.labels, fit.tau2_rows, strict=True))
    assert len(repr(fit).splitlines()) <= 12


@pytest.mark.parametrize(
    "options", [{"scale": "x"}, {"scale": np.column_stack([np.ones(10), [0, 0, 0, 0, 1, 1, 1, 1, 0, 1]])}]
)
def test_location_scale_fits_again(options):
    fit = located(**options)
    again = fit.refit(fit.table)
    np.testing.assert_array_equal(again.estimate, fit.estimate)
    left = fit.without(fit.table.studies[0])
    assert left.k == 9
    each = fit.refit_each(~np.eye(10, dtype=bool)[:1])
    np.testing.assert_array_equal(each.beta[0], left.estimate)


def test_errors_are_errors_of_the_package():
    assert issubclass(TooFewStudies, NotEstimable)
    assert issubclass(NotEstimable, LamEvidenceError)
