"""The contract of results, held by multilevel, cluster-robust, RVE and heavy-tailed models; their refits; advice."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import lamevidence as lam
from lamevidence.effects.covariance import correlated_covariance
from lamevidence.errors import InputError, LamEvidenceError, NotEstimable, OptionError
from lamevidence.foundation.values import Interval
from lamevidence.results.frames import AUGMENT, GLANCE, TIDY

RNG = np.random.default_rng(7)
STUDIES = np.repeat(list("abcdefgh"), 3).tolist()
K = len(STUDIES)
VI = RNG.uniform(0.01, 0.06, K).round(4)
YI = (np.repeat(RNG.normal(0.3, 0.25, 8), 3) + RNG.normal(0, 0.15, K) + RNG.normal(0, np.sqrt(VI))).round(4)
COLUMNS = {
    "time": [1, 2, 3] * 8,
    "dose": RNG.normal(0, 1, K).round(3),
    "site": np.repeat(list("wwwxxxyyyzzz"), 2).tolist(),
    "region": np.repeat([1, 2, 3, 4], 6).tolist(),
}
LABELS = [f"{s}{t}" for s, t in zip(STUDIES, COLUMNS["time"], strict=True)]


def table(measure="GEN"):
    return lam.EvidenceTable.from_estimates(
        YI, vi=VI, studies=STUDIES, labels=LABELS, moderators=COLUMNS, measure=measure
    )


def independent():
    return lam.EvidenceTable.from_estimates(
        YI[::3], vi=VI[::3], labels=list("abcdefgh"), moderators={"dose": COLUMNS["dose"][::3]}
    )


MEANS = {
    "multilevel": lambda t: lam.multilevel(t, random="1 | study/row"),
    "three levels, t": lambda t: lam.multilevel(t, random="1 | region/study/row", interval="t", dfs="contain"),
    "ML": lambda t: lam.multilevel(t, random="1 | study", tau2="ML", level=0.9),
    "inner and outer": lambda t: lam.multilevel(t, random="time | study", struct="UN"),
    "crossed": lambda t: lam.multilevel(t, random=["1 | study", "1 | site"]),
    "no random effects": lambda t: lam.multilevel(t, random=None),
    "V": lambda t: lam.multilevel(t, random="1 | study", V=correlated_covariance(t.vi, t.studies, 0.5)),
    "R": lambda t: lam.multilevel(t, random="1 | study", R={"study": 0.4 + 0.6 * np.eye(len(set(t.studies)))}),
    "robust inside": lambda t: lam.multilevel(t, random="1 | study/row", cluster="study"),
    "labels of clusters": lambda t: lam.multilevel(t, random="1 | row", cluster=[s * 2 for s in t.studies]),
    "cluster-robust": lambda t: lam.cluster_robust(lam.multilevel(t), "study"),
    "cluster-robust, labels": lambda t: lam.cluster_robust(lam.multilevel(t), list(t.studies), kind="CR1", df="n-1"),
    "RVE": lambda t: lam.robust_variance(t),
    "RVE, HIER": lambda t: lam.robust_variance(t, working="HIER", small=False),
    "RVE, labels": lambda t: lam.robust_variance(t, cluster=[s * 2 for s in t.studies], rho=0.5),
}
SEVERAL = {
    "multilevel": lambda t: lam.multilevel(t, moderators="~ dose"),
    "matrix": lambda t: lam.multilevel(
        t, moderators=np.column_stack([np.ones(t.k), t.moderators["dose"]]), names=["one", "dose"], tau2="ML"
    ),
    "cluster-robust": lambda t: lam.cluster_robust(lam.multilevel(t, moderators="~ dose"), "study"),
    "RVE": lambda t: lam.robust_variance(t, moderators="~ dose"),
    "RVE, matrix": lambda t: lam.robust_variance(
        t, moderators=np.column_stack([np.ones(t.k), t.moderators["dose"]]), names=["one", "dose"]
    ),
}


@functools.cache
def mean(name):
    return MEANS[name](table())


@functools.cache
def several(name):
    return SEVERAL[name](table())


# ---- the members ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", MEANS)
def test_a_model_without_moderators_is_a_mean(name):
    fit = mean(name)
    assert isinstance(fit, lam.results.MeanResult)
    assert fit.names == ("mu",)
    assert fit.estimate == fit.mu
    assert isinstance(fit.estimate, float)
    assert isinstance(fit.interval(), Interval)
    assert fit.covariance == pytest.approx(np.array([[fit.se**2]]))
    assert fit.weights.sum() == pytest.approx(100, rel=1e-12)
    assert float(fit.weights @ fit.table.yi) / 100 == pytest.approx(fit.mu, rel=1e-9)
    assert fit.interval(0.8).width < fit.interval().width
    assert fit.statistic == pytest.approx(fit.mu / fit.se)
    assert fit.probability("mu > 0") == pytest.approx(1 - fit.probability("mu < 0"), abs=1e-12)
    low, high = fit.interval(0.8)
    assert fit.probability(f"mu < {low!r}") == pytest.approx(0.1, abs=1e-9)
    assert fit.probability(f"mu < {high!r}") == pytest.approx(0.9, abs=1e-9)


@pytest.mark.parametrize("name", SEVERAL)
def test_a_model_with_moderators_has_coefficients(name):
    fit = several(name)
    assert isinstance(fit, lam.results.CoefficientResult)
    assert not isinstance(fit, lam.results.MeanResult)
    assert len(fit.names) == 2
    assert fit.estimate.shape == fit.se.shape == fit.statistic.shape == fit.p_value.shape == (2,)
    assert tuple(fit.interval()) == fit.names
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(fit.se)
    with pytest.raises(NotEstimable):
        fit.prediction()
    low, high = fit.interval()["dose"]
    assert fit.probability(f"dose < {high!r}") - fit.probability(f"dose < {low!r}") == pytest.approx(0.95)
    ahead = fit.predict(np.array([[1.0, 0.5]]))
    assert ahead["mean"].iloc[0] == pytest.approx(fit.estimate @ [1.0, 0.5])
    assert np.array_equal(fit.fitted(), fit.predict()["mean"])


@pytest.mark.parametrize("fits", [mean, several], ids=["mean", "several"])
def test_tables_and_text(fits):
    for name in MEANS if fits is mean else SEVERAL:
        fit = fits(name)
        assert tuple(fit.tidy().columns) == TIDY
        assert tuple(fit.glance().columns[: len(GLANCE)]) == GLANCE
        assert tuple(fit.augment().columns) == AUGMENT
        assert list(fit.augment().index) == LABELS
        out = json.loads(json.dumps(fit.to_json(), allow_nan=False))
        assert out["names"] == list(fit.names)
        assert len(repr(fit).split("\n")) <= 12
        assert f"{100 * fit.level:g}%" in fit.describe()
        assert fit._repr_html_().startswith("<div>")
        assert "doi:" in fit.methods_text()
        assert fit.leverage().sum() == pytest.approx(len(fit.names), rel=1e-9)


def test_one_variance_is_a_number_and_several_are_named():
    assert isinstance(mean("ML").tau2, float)
    assert mean("no random effects").tau2 == 0.0
    several_parts = mean("three levels, t").tau2
    assert list(several_parts) == ["region", "region/study", "region/study/row"]
    assert mean("three levels, t").sigma2 == pytest.approx(list(several_parts.values()))
    assert list(mean("inner and outer").tau2) == ["time|study: 1", "time|study: 2", "time|study: 3"]
    assert mean("inner and outer").components.values("tau2") == pytest.approx(
        list(mean("inner and outer").tau2.values())
    )
    assert isinstance(mean("RVE").tau2, float)
    assert isinstance(mean("RVE, HIER").tau2, Mapping)
    for name in MEANS:
        assert mean(name).heterogeneity().tau2 == mean(name).tau2


def test_i2_is_in_percent_and_splits_by_component():
    fit = mean("three levels, t")
    found = fit.heterogeneity()
    assert found.i2 == fit.i2 == pytest.approx(sum(fit.i2_by_component().values()))
    assert 1 < found.i2 < 100
    assert found.h2 == pytest.approx(1 / (1 - found.i2 / 100))
    assert (found.q, found.df) == (fit.q, K - 1)


def test_prediction_or_the_reason():
    fit = mean("multilevel")
    between = sum(fit.tau2.values())
    half = stats.norm.ppf(0.975) * np.sqrt(fit.se**2 + between)
    assert fit.prediction() == pytest.approx((fit.mu - half, fit.mu + half))
    assert fit.probability(f"theta_new < {fit.prediction()[1]!r}") == pytest.approx(0.975)
    assert fit.prediction_note == ""
    assert "no random effects" in mean("no random effects").prediction_note
    robust = mean("cluster-robust")
    half = stats.t.ppf(0.975, robust.df) * np.sqrt(robust.se**2 + between)
    assert robust.prediction() == pytest.approx((robust.mu - half, robust.mu + half))
    frame = mean("inner and outer").predict(inner="2")
    half = stats.norm.ppf(0.975) * np.sqrt(
        mean("inner and outer").se ** 2 + mean("inner and outer").tau2["time|study: 2"]
    )
    assert frame["prediction_high"].iloc[0] == pytest.approx(mean("inner and outer").mu + half)


def test_measures_without_a_null_value_have_no_test():
    fit = lam.multilevel(table("PLO"))
    assert np.isnan(fit.p_value)
    assert fit.display().unit == "%"
    assert fit.display().estimate == pytest.approx(100 / (1 + np.exp(-fit.mu)))


# ---- true effects of rows -------------------------------------------------------------------------------------------
def test_study_effects_are_fitted_values_plus_random_effects():
    for random in ("1 | study/row", "time | study", ["1 | study", "1 | site"]):
        fit = lam.multilevel(table(), random=random, moderators="~ dose")
        total = fit.fitted()
        for term, effects in zip(fit.likelihood.terms, fit.random_effects(), strict=True):
            inner = np.zeros(K, int) if term.inner is None else term.inner.codes
            cells = np.unique(term.outer.codes * term.structure.m + inner, return_inverse=True)[1]
            total = total + effects.estimate[cells]
        assert fit.study_effects()[:, 0] == pytest.approx(total, rel=1e-8)


def test_study_effects_of_one_effect_a_row_have_the_textbook_error():
    """B = v/(v + τ²): θ̂ = y − B(y − μ), variance v(1 − B) + B² se²."""
    fit = lam.multilevel(independent(), random="1 | row")
    B = VI[::3] / (VI[::3] + fit.tau2)
    y = YI[::3]
    error = np.sqrt(VI[::3] * (1 - B) + B**2 * fit.se**2)
    estimate, low, high = fit.study_effects(0.9).T
    assert estimate == pytest.approx(y - B * (y - fit.mu), rel=1e-9)
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.95) * error, rel=1e-9)
    assert fit.probability(f"theta[a] < {float(high[0])!r}") == pytest.approx(0.95)


def test_study_effects_with_a_given_covariance_against_dense_algebra():
    V = correlated_covariance(VI, STUDIES, 0.5)
    fit = lam.multilevel(table(), random="1 | study", V=V)
    M = V + fit.tau2 * np.equal.outer(STUDIES, STUDIES)
    W, X = np.linalg.inv(M), np.ones((K, 1))
    P = W - W @ X @ np.linalg.inv(X.T @ W @ X) @ X.T @ W
    estimate, low, high = fit.study_effects().T
    assert estimate == pytest.approx(YI - V @ P @ YI, rel=1e-8)
    error = np.sqrt(np.diag(V - V @ P @ V))
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error, rel=1e-7)


# ---- other rows -----------------------------------------------------------------------------------------------------
def without(study):
    return table().subset([i for i, s in enumerate(STUDIES) if s != study])


@pytest.mark.parametrize("name", [n for n in MEANS if n not in ("R", "three levels, t")])
def test_leaving_a_study_out_is_the_model_of_the_other_rows(name):
    left, direct = mean(name).without("c"), MEANS[name](without("c"))
    assert left.k == K - 3
    assert "c" not in left.table.studies
    assert left.mu == pytest.approx(direct.mu, rel=1e-7)
    assert left.se == pytest.approx(direct.se, rel=1e-6)
    assert left.interval() == pytest.approx(direct.interval(), rel=1e-6)
    assert left.spec == direct.spec


@pytest.mark.parametrize("name", SEVERAL)
def test_coefficients_follow_the_rows(name):
    left, direct = several(name).without("c"), SEVERAL[name](without("c"))
    assert left.names == direct.names
    assert left.estimate == pytest.approx(direct.estimate, rel=1e-6)
    assert left.se == pytest.approx(direct.se, rel=1e-6)


@pytest.mark.parametrize("fits", [mean, several], ids=["mean", "several"])
def test_the_same_rows_give_the_same_result(fits):
    for name in MEANS if fits is mean else SEVERAL:
        fit = fits(name)
        again = fit.refit(fit.table)
        assert np.asarray(again.estimate) == pytest.approx(np.asarray(fit.estimate), rel=1e-12)
        assert type(again) is type(fit)


def test_rows_in_another_order_give_the_same_mean():
    order = np.random.default_rng(1).permutation(K)
    for name in MEANS:
        again = mean(name).refit(table().subset(order))
        assert again.mu == pytest.approx(mean(name).mu, rel=1e-6)


def test_a_known_correlation_follows_its_groups():
    related = 0.4 + 0.6 * np.eye(8)
    related[0, 1] = related[1, 0] = 0.8
    fit = lam.multilevel(table(), random="1 | study", R={"study": related})
    names = list("abdefgh")
    smaller = pd.DataFrame(related, index=list("abcdefgh"), columns=list("abcdefgh")).loc[names, names]
    direct = lam.multilevel(without("c"), random="1 | study", R={"study": smaller})
    assert fit.without("c").mu == pytest.approx(direct.mu, rel=1e-9)


def test_labels_of_clusters_are_asked_for_new_rows():
    other = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.4], vi=[0.1] * 3, labels=["n1", "n2", "n3"])
    with pytest.raises(InputError, match="cluster was given as one value a row"):
        mean("RVE, labels").refit(other)


def test_refit_refuses_other_measures_and_strange_studies():
    for fit in (mean("multilevel"), mean("RVE"), mean("cluster-robust")):
        with pytest.raises(OptionError, match="same measure"):
            fit.refit(table("OR"))
        with pytest.raises(OptionError):
            fit.refit([1, 2])
        with pytest.raises(InputError, match="studies: a, b"):
            fit.without("nobody")


def test_leave_one_out_of_nested_groups():
    fit = lam.multilevel(table(), random="1 | region/study")
    masks = np.array([[s != gone for s in STUDIES] for gone in "abcdefgh"])
    found = fit.refit_each(masks)
    assert found.reasons == ("",) * 8
    for i, gone in enumerate("abcdefgh"):
        assert found.estimate[i] == pytest.approx(lam.multilevel(without(gone), random="1 | region/study").mu, rel=1e-9)


def test_a_refit_that_does_not_exist_says_why():
    small = table().subset(range(6))
    fit = lam.multilevel(small, random="1 | study/row")
    with pytest.raises(InputError, match="study has one level"):
        fit.without("a")
    found = fit.refit_each(np.array([[s != "a" for s in small.studies]]))
    assert "study has one level" in found.reasons[0]
    assert np.isnan(found.estimate[0])


# ---- cluster-robust inference of other models -----------------------------------------------------------------------
def test_cluster_robust_of_a_pooled_mean_is_that_of_one_effect_a_row():
    pair = [s // 2 for s in range(8)]
    pooled = lam.pool(independent(), model="random", tau2="REML", interval="HKSJ")
    other = lam.multilevel(independent(), random="1 | row")
    for kind in ("CR0", "CR1p", "CR2"):
        one, two = lam.cluster_robust(pooled, pair, kind=kind), lam.cluster_robust(other, pair, kind=kind)
        assert one.mu == pytest.approx(pooled.mu, rel=1e-9)
        assert one.se == pytest.approx(two.se, rel=1e-6)
        assert one.df == pytest.approx(two.df, rel=1e-6)
    assert isinstance(one, lam.results.ClusterRobust)
    assert one.without("c").k == 7
    assert one.weights == pytest.approx(pooled.weights)
    assert one.prediction().width > one.interval().width


def test_cluster_robust_of_a_regression():
    pair = [s // 2 for s in range(8)]
    regression = lam.pool(independent(), moderators="~ dose", tau2="REML", interval="z")
    other = lam.multilevel(independent(), random="1 | row", moderators="~ dose")
    one, two = lam.cluster_robust(regression, pair), lam.cluster_robust(other, pair)
    assert isinstance(one, lam.results.ClusterRobustRegression)
    assert one.estimate == pytest.approx(regression.estimate, rel=1e-9)
    assert one.se == pytest.approx(two.se, rel=1e-6)
    assert one.without("c").names == ("Intercept", "dose")


def test_the_hc0_of_independent_rows_is_whites():
    """Every row its own cluster, CR0: Σ w² e² / (Σw)² (White 1980)."""
    fit = lam.pool(independent(), model="common")
    robust = lam.cluster_robust(fit, "row", kind="CR0")
    w = 1 / VI[::3]
    e = YI[::3] - fit.mu
    assert robust.se == pytest.approx(np.sqrt((w**2 * e**2).sum()) / w.sum(), rel=1e-12)
    with pytest.raises(NotEstimable, match="model='random'"):
        robust.prediction()
    assert lam.cluster_robust(lam.pool(independent(), model="random"), "row").prediction().width > 0


def test_wild_bootstrap_takes_every_result_with_clusters():
    tests = [
        lam.checks.wild_bootstrap(fit)
        for fit in (mean("robust inside"), mean("cluster-robust"), mean("RVE"), several("RVE"))
    ]
    assert tests[0] == tests[1]
    assert all(test.exact and test.draws == 256 for test in tests)
    assert tests[0].tested == ("mu",)
    assert "every pattern" in tests[0].describe()
    assert json.dumps(tests[0].to_json())
    assert list(tests[0].to_frame().columns) == ["tested", "statistic", "p_value", "draws", "exact"]
    with pytest.raises(OptionError, match="cluster_robust"):
        lam.checks.wild_bootstrap(mean("multilevel"))


# ---- heavy tails ----------------------------------------------------------------------------------------------------
@functools.cache
def heavy(interval="profile"):
    rows = lam.EvidenceTable.from_estimates(
        [0.1, 0.12, 0.08, 0.3, 2.0], vi=[0.01, 0.02, 0.01, 0.03, 0.02], labels=list("abcde")
    )
    return lam.robust_random_effects(rows, df=3, interval=interval)


@pytest.mark.parametrize("interval", ["profile", "z"])
def test_heavy_tails_keep_the_contract(interval):
    fit = heavy(interval)
    assert isinstance(fit, lam.results.MeanResult)
    assert tuple(fit.augment().columns) == AUGMENT
    assert json.dumps(fit.to_json(), allow_nan=False)
    low, high = fit.interval(0.8)
    assert fit.probability(f"mu < {low!r}") == pytest.approx(0.1, abs=1e-7)
    assert fit.probability(f"mu < {high!r}") == pytest.approx(0.9, abs=1e-7)
    low, high = fit.prediction(0.8)
    assert fit.probability(f"theta_new < {low!r}") == pytest.approx(0.1, abs=1e-9)
    w = 1 / fit.table.vi
    y = fit.table.yi
    assert fit.heterogeneity().q == pytest.approx((w * (y - (w @ y) / w.sum()) ** 2).sum())
    left = fit.without("e")
    assert left.k == 4
    direct = lam.robust_random_effects(fit.table.subset(range(4)), df=3, interval=interval)
    assert left.mu == pytest.approx(direct.mu, rel=1e-9)


def test_effects_of_rows_under_heavy_tails_against_quadrature():
    fit = heavy()
    for row in (1, 4):
        y, s = fit.table.yi[row], np.sqrt(fit.table.vi[row])

        def joint(theta, power, y=y, s=s):
            density = stats.norm.pdf(y, theta, s) * stats.t.pdf((theta - fit.mu) / fit.tau, 3) / fit.tau
            return theta**power * density

        area = [
            integrate.quad(joint, -10, 10, args=(p,), points=[y, fit.mu], epsabs=0, epsrel=1e-11, limit=400)[0]
            for p in (0, 1)
        ]
        estimate, low, high = fit.study_effects(0.8)[row].tolist()
        assert estimate == pytest.approx(area[1] / area[0], rel=1e-7)
        label = fit.table.labels[row]
        assert fit.probability(f"theta[{label}] < {low!r}") == pytest.approx(0.1, abs=1e-9)
        assert fit.probability(f"theta[{label}] < {high!r}") == pytest.approx(0.9, abs=1e-9)


# ---- words ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: lam.multilevel(table(), method="REML"), "tau2='REML'"),
        (lambda: lam.multilevel(table(), test="t"), "interval='t'"),
        (lambda: lam.multilevel(table(), mods="~ dose"), "moderators='~ dose'"),
        (lambda: lam.robust_variance(table(), studynum="study"), "cluster='study'"),
        (lambda: lam.robust_variance(table(), modelweights="HIER"), "working='HIER'"),
        (lambda: lam.cluster_robust(mean("multilevel"), "study", vcov="CR2"), "kind='CR2'"),
        (lambda: lam.checks.wild_bootstrap(mean("RVE"), replicates=999), "draws=999"),
    ],
)
def test_words_of_other_packages_name_ours(call, says):
    with pytest.raises(OptionError) as refused:
        call()
    assert says in str(refused.value)


def following(message):
    """The formula that a message tells to write."""
    return eval(message.split("write random=")[1])


@pytest.mark.parametrize(
    ("random", "change"),
    [
        ("1 | study/row", {"studies": LABELS}),
        ("1 | region/study", {"moderators": {**COLUMNS, "region": STUDIES}}),
        ("1 | region/study/time", {"moderators": {**COLUMNS, "region": STUDIES}}),
        (["1 | region", "1 | study/row"], {"moderators": {**COLUMNS, "region": STUDIES}}),
        ("1 | region/study", {"moderators": {**COLUMNS, "region": [1] * K}}),
        ("1 | study/row", {"studies": ["a"] * K}),
        ("1 | region", {"moderators": {**COLUMNS, "region": [1] * K}}),
    ],
)
def test_advice_about_groupings_works(random, change):
    rows = {"studies": STUDIES, "labels": LABELS, "moderators": COLUMNS} | change
    given = lam.EvidenceTable.from_estimates(YI, vi=VI, **rows)
    with pytest.raises(InputError) as refused:
        lam.multilevel(given, random=random)
    assert lam.multilevel(given, random=following(str(refused.value))).k == K


def test_advice_about_predictions_works():
    note = mean("RVE").prediction_note
    call = note.split("use multilevel(table, ")[1].rstrip(")")
    assert lam.multilevel(table(), **eval(f"dict({call})")).prediction().width > 0
    note = mean("inner and outer").prediction_note
    inner = eval(note.split("predict(inner=")[1].split(")")[0])
    assert np.isfinite(mean("inner and outer").predict(inner=inner)["prediction_low"]).all()
    note = mean("no random effects").prediction_note
    assert lam.multilevel(table(), random=eval(note.split("random=")[1])).prediction().width > 0


def test_advice_about_degrees_of_freedom_works():
    few = table().subset(range(9))
    with pytest.raises(NotEstimable, match="dfs='residual'"):
        lam.multilevel(few, random="1 | study", moderators="~ C(study)", interval="t", dfs="contain")
    assert lam.multilevel(few, random="1 | study", moderators="~ C(study)", interval="t").k == 9
    with pytest.raises(LamEvidenceError, match="interval='t'"):
        lam.multilevel(few, dfs="contain")
    with pytest.raises(OptionError, match="tau2='ML'"):
        lam.multilevel(table(), moderators="~ dose").against(lam.multilevel(table(), random="1 | study"))
    full = lam.multilevel(table(), moderators="~ dose", tau2="ML")
    assert full.against(lam.multilevel(table(), random="1 | study", tau2="ML")).df == 2
