"""The contract of results, held by pooled networks; refits; arms by the registered measures; the rule of zero cells."""

from __future__ import annotations

import functools
import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.effects.escalc import escalc
from lamevidence.errors import InputError, NotEstimable, OptionError
from lamevidence.network import NetworkTable, network_table, pool_network
from lamevidence.results.frames import AUGMENT, GLANCE, TIDY

ARMS = pd.DataFrame(
    {
        "study": [1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6],
        "treatment": list("abbcabcacabbc"),
        "r": [10, 14, 7, 5, 12, 9, 15, 8, 11, 9, 12, 6, 9],
        "n": [50, 48, 40, 42, 60, 61, 59, 45, 44, 52, 50, 41, 43],
        "t": [100.0, 98, 81, 83, 120, 122, 119, 90, 91, 104, 99, 80, 85],
        "m": [1.0, 1.2, 0.9, 1.4, 1.1, 1.0, 1.5, 0.8, 1.3, 1.0, 1.2, 1.1, 1.3],
        "s": [0.5, 0.6, 0.5, 0.7, 0.4, 0.5, 0.6, 0.5, 0.5, 0.6, 0.5, 0.4, 0.6],
    }
)


@functools.cache
def odds_ratios() -> NetworkTable:
    return network_table(ARMS, "OR", events="r", total="n", title="Response")


@functools.cache
def fitted(**options) -> lam.results.NetworkPooled:
    return pool_network(odds_ratios(), **options)


def test_names_are_the_comparisons_with_the_reference():
    fit = fitted(reference="b")
    assert isinstance(fit, lam.results.CoefficientResult)
    assert fit.names == ("a vs b", "c vs b")
    assert fit.estimate == pytest.approx([fit.pair_effect("a", "b"), fit.pair_effect("c", "b")])
    assert fit.se.shape == fit.df.shape == fit.statistic.shape == fit.p_value.shape == (2,)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(fit.se, rel=1e-12)
    assert tuple(fit.interval()) == fit.names
    assert fit.interval()["c vs b"] == pytest.approx(fit.pair_interval("c", "b"))
    assert fit.intervals(0.8).shape == (2, 2)
    assert fit.weights is None
    with pytest.raises(NotEstimable, match="predict"):
        fit.prediction()


def test_the_covariance_makes_every_other_pair():
    """Var(a − c) = Var(a − b) + Var(c − b) − 2 Cov."""
    fit = fitted(reference="b")
    S = fit.covariance
    assert S[0, 0] + S[1, 1] - 2 * S[0, 1] == pytest.approx(fit.pair_se[0, 2] ** 2, rel=1e-12)


def test_tables_have_the_columns_of_every_result():
    fit = fitted()
    assert tuple(fit.tidy().columns) == TIDY
    assert tuple(fit.glance().columns[: len(GLANCE)]) == GLANCE
    assert tuple(fit.augment().columns) == AUGMENT
    assert list(fit.augment().index) == list(odds_ratios().labels)
    assert fit.glance()["studies"].item() == 6
    assert fit.glance()["n"].item() == ARMS["n"].sum()
    assert len(fit.pairs()) == 3
    out = json.loads(json.dumps(fit.to_json(), allow_nan=False))
    assert out["k"] == fit.k == odds_ratios().k == 8
    assert np.shape(out["effects"]) == (3, 3)
    assert len(repr(fit).split("\n")) <= 12
    assert "95%" in fit.describe()
    assert "80%" in pool_network(odds_ratios(), level=0.8).describe()
    assert "Rücker 2012" in fit.methods_text()


def test_readers_see_odds_ratios():
    fit = fitted(reference="a")
    shown = fit.display()
    assert shown.label == "Odds ratio"
    assert shown.estimate["b vs a"] == pytest.approx(np.exp(fit.pair_effect("b", "a")))
    assert tuple(shown.interval["b vs a"]) == pytest.approx(tuple(np.exp(fit.pair_interval("b", "a"))))


def test_predictions_of_every_pair():
    fit = fitted(tau2=0.04)
    frame = fit.predict()
    assert list(frame.index) == ["a vs b", "a vs c", "b vs c"]
    q_df = fit.heterogeneity().df
    reach = stats.t.ppf(0.975, q_df) * np.sqrt(fit.pair_se[0, 1] ** 2 + 0.04)
    assert frame.loc["a vs b", "prediction_high"] == pytest.approx(fit.pair_effect("a", "b") + reach)
    common = pool_network(odds_ratios(), model="common")
    assert common.predict()["prediction_low"].isna().all()
    with pytest.raises(NotEstimable, match="model='random'"):
        common.pair_predictions()
    with pytest.raises(OptionError, match="no moderators"):
        fit.predict({"x": 1})


def test_two_treatments_have_one_prediction():
    table = NetworkTable([0.5, 0.1, 0.4], [0.04, 0.03, 0.05], ["new"] * 3, ["old"] * 3, list("123"))
    fit = pool_network(table, reference="old")
    assert fit.names == ("new vs old",)
    assert fit.prediction().width > fit.interval()["new vs old"].width
    assert fit.prediction_note == ""


def test_heterogeneity_is_in_percent():
    fit = fitted()
    found = fit.heterogeneity()
    assert (found.q, found.df, found.i2, found.tau2) == (fit.q, fit.q_df, fit.i2, fit.tau2)
    assert isinstance(fit.tau2, float)
    assert fit.tau == pytest.approx(np.sqrt(fit.tau2))


def test_probabilities_of_comparisons():
    fit = fitted(reference="a")
    z = (0.1 - fit.pair_effect("c", "b")) / fit.pair_se[2, 1]
    assert fit.probability("c vs b < 0.1") == pytest.approx(stats.norm.cdf(z))
    with pytest.raises(OptionError, match="theta_new"):
        fit.probability("new > 0")


def test_fitted_values_and_leverages():
    fit = fitted(model="common")
    table = odds_ratios()
    direct = [fit.pair_effect(a, b) for a, b in zip(table.first, table.second, strict=True)]
    assert fit.fitted() == pytest.approx(direct)
    # fitted values come from treatments − 1 free effects
    assert fit.leverage().sum() == pytest.approx(2)


# ---- other rows -----------------------------------------------------------------------------------------------------
def test_without_a_study_is_the_network_of_the_others():
    fit = fitted(tau2="DL", reference="c", level=0.9)
    for gone in "12346":
        left = fit.without(gone)
        rows = [i for i, s in enumerate(odds_ratios().studies) if s != gone]
        direct = pool_network(odds_ratios().subset(rows), tau2="DL", reference="c", level=0.9)
        assert left.estimate == pytest.approx(direct.estimate, rel=1e-12)
        assert (left.reference, left.level, left.spec.tau2) == ("c", 0.9, "DL")
    assert fit.without("3").k == fit.k - 3
    assert fit.refit(odds_ratios()).estimate == pytest.approx(fit.estimate, rel=1e-12)
    fixed = fitted(tau2=0.2)
    assert fixed.without("1").tau2 == 0.2


def test_leave_one_out_as_arrays():
    fit = fitted(reference="a")
    masks = np.array([[s != gone for s in odds_ratios().studies] for gone in "123456"])
    found = fit.refit_each(masks)
    assert found.reasons == ("",) * 6
    assert found.beta[0] == pytest.approx(fit.without("1").estimate)


def test_a_study_that_holds_the_network_together_is_named():
    table = NetworkTable(
        [0.1, 0.2, 0.3, 0.1, 0.2], [0.1] * 5, ["a", "a", "c", "c", "b"], ["b", "b", "d", "d", "c"], list("12345")
    )
    fit = pool_network(table, reference="a")
    with pytest.raises(NotEstimable, match=r"without 5: the network falls apart into 2 parts: a, b \| c, d"):
        fit.without("5")
    found = fit.refit_each(np.array([[True, True, True, True, False]]))
    assert "without 5" in found.reasons[0]


def test_a_lost_treatment_is_left_out_and_a_lost_reference_refused():
    table = NetworkTable(
        [0.1, 0.2, 0.3, 0.1], [0.1] * 4, ["a", "a", "a", "b"], ["b", "b", "c", "d"], ["1", "2", "3", "4"]
    )
    fit = pool_network(table, reference="a")
    assert fit.without("3").names == ("b vs a", "d vs a")
    with pytest.raises(NotEstimable, match="without 3: no study has the reference c") as refused:
        pool_network(table, reference="c").without("3")
    other = re.search(r"reference='(\w)'", str(refused.value))[1]
    rest = table.subset([0, 1, 3])
    assert pool_network(rest, reference=other).reference == other


def test_too_few_studies_left_say_so():
    table = NetworkTable([0.1, 0.2, 0.3], [0.1] * 3, ["a", "a", "b"], ["b", "b", "c"], list("123"))
    fit = pool_network(table, reference="a")
    with pytest.raises(NotEstimable, match="without 1: the network has as many comparisons") as refused:
        fit.without("1")
    value = float(re.search(r"tau2=([\d.]+)", str(refused.value))[1])
    assert pool_network(table.subset([1, 2]), tau2=value).k == 2
    assert pool_network(table, model="common", reference="a").without("1").k == 2


def test_only_networks_of_the_same_measure_are_refitted():
    fit = fitted()
    with pytest.raises(OptionError, match="NetworkTable"):
        fit.refit(lam.EvidenceTable.from_estimates([0.1], vi=[0.1]))
    with pytest.raises(OptionError, match="same measure"):
        fit.refit(network_table(ARMS, "RR", events="r", total="n"))
    with pytest.raises(InputError, match="studies: 1, 2"):
        fit.without("7")


def test_a_table_reads_like_any_other():
    table = odds_ratios()
    assert table.labels[:2] == ("1: a vs b", "2: b vs c")
    assert len(set(table.labels)) == table.k == 8
    assert table.sei == pytest.approx(np.sqrt(table.vi))
    assert table.n.sum() == ARMS["n"].sum()
    assert table.title == "Response"
    assert table.subset([True] * 8).fingerprint == table.fingerprint
    assert table.subset([-1]).studies == ("6",)
    with pytest.raises(InputError, match="no comparison of"):
        table.subset([0, 2, 3])
    with pytest.raises(InputError, match="rows from 0 to 7"):
        table.subset([])


def test_advice_to_pool_each_part_works():
    apart = NetworkTable([0.1, 0.2, 0.3, 0.2], [0.1] * 4, list("aacc"), list("bbdd"), list("1234"))
    with pytest.raises(NotEstimable, match="subset"):
        pool_network(apart)
    assert [pool_network(apart.subset(rows)).names for rows in ([0, 1], [2, 3])] == [("b vs a",), ("d vs c",)]


# ---- arms -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("measure", "columns", "names"),
    [
        ("OR", {"events": "r", "total": "n"}, ("ai", "n1i", "ci", "n2i")),
        ("RR", {"events": "r", "total": "n"}, ("ai", "n1i", "ci", "n2i")),
        ("RD", {"events": "r", "total": "n"}, ("ai", "n1i", "ci", "n2i")),
        ("IRR", {"events": "r", "time": "t"}, ("x1i", "t1i", "x2i", "t2i")),
        ("MD", {"mean": "m", "sd": "s", "total": "n"}, ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")),
    ],
)
def test_comparisons_are_the_registered_measures(measure, columns, names):
    made = network_table(ARMS, measure, **columns)
    first, second = (ARMS[ARMS["study"] == 4].iloc[i] for i in (0, 1))
    values = [arm[c] for arm in (first, second) for c in columns.values()]
    one = escalc(measure, **{name: [x] for name, x in zip(names, values, strict=True)})
    row = made.studies.index("4")
    assert (made.yi[row], made.vi[row]) == pytest.approx((one.yi[0], one.vi[0]), rel=1e-13)


ZERO = pd.DataFrame(
    {
        "study": [1, 1, 1, 2, 2, 3, 3],
        "treatment": list("abcabac"),
        "r": [0, 3, 4, 5, 6, 7, 4],
        "n": [20, 20, 20, 30, 31, 25, 26],
    }
)


@pytest.mark.parametrize("measure", ["OR", "RR"])
def test_zero_cells_are_never_corrected_unasked(measure):
    with pytest.raises(InputError, match="study 1") as refused:
        network_table(ZERO, measure, events="r", total="n")
    # what the message says, on the same table
    advice = re.search(r"add=([\d.]+) \(to='(\w+)'\)", str(refused.value))
    made = network_table(ZERO, measure, events="r", total="n", add=float(advice[1]), to=advice[2])
    assert pool_network(made).k == 5
    left_out = network_table(ZERO[ZERO["study"] != 1], measure, events="r", total="n")
    assert left_out.k == 2


def test_a_correction_goes_to_whole_studies():
    made = network_table(ZERO, "OR", events="r", total="n", add=0.5)
    assert made.yi[2] == pytest.approx(np.log(3.5 / 17.5) - np.log(4.5 / 16.5))
    assert made.yi[3] == pytest.approx(np.log(5 / 25) - np.log(6 / 25))
    everywhere = network_table(ZERO, "OR", events="r", total="n", add=0.5, to="all")
    assert everywhere.yi[3] == pytest.approx(np.log(5.5 / 25.5) - np.log(6.5 / 25.5))
    either = network_table(ZERO, "OR", events="r", total="n", to="if0all")
    assert either.yi == pytest.approx(everywhere.yi)
    with pytest.raises(InputError, match=r"add=0\.5"):
        network_table(ZERO, "OR", events="r", total="n", add=0.0)


def test_a_risk_difference_with_one_empty_arm_needs_no_correction():
    made = network_table(ZERO, "RD", events="r", total="n")
    assert (made.yi[0], made.vi[0]) == pytest.approx((-0.15, 0.15 * 0.85 / 20))
    assert pool_network(made, model="common").k == 5
    none = ZERO.assign(r=[0, 0, 4, 5, 6, 7, 4])
    with pytest.raises(InputError, match=r"study 1.*add=0\.5"):
        network_table(none, "RD", events="r", total="n")
    assert network_table(none, "RD", events="r", total="n", add=0.5, to="only0").k == 5


def test_measures_without_cells_take_no_correction():
    for option in ({"add": 0.5}, {"to": "only0"}):
        with pytest.raises(OptionError, match="means nothing for MD"):
            network_table(ARMS, "MD", mean="m", sd="s", total="n", **option)


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ({"n": "n", "events": "r"}, "total='n'"),
        ({"r": "r", "total": "n"}, "events='r'"),
        ({"studlab": "study"}, "study='study'"),
        ({"person_time": "t"}, "time='t'"),
    ],
)
def test_unknown_columns_name_ours(given, ours):
    with pytest.raises(OptionError) as refused:
        network_table(ARMS, "OR", **given)
    assert ours in str(refused.value)


def test_words_of_other_packages_name_ours():
    with pytest.raises(OptionError, match="tau2='DL'"):
        pool_network(odds_ratios(), method_tau="DL")
    with pytest.raises(OptionError, match="reference='a'"):
        pool_network(odds_ratios(), reference_group="a")


def test_inconsistency_says_what_it_found():
    found = lam.network.design_inconsistency(fitted())
    assert found.describe().endswith(".")
    assert found.p_value == pytest.approx(stats.chi2.sf(found.q_between_random, found.df_between))
    assert json.dumps(found.to_json(), allow_nan=False)
    chain = NetworkTable([0.1, 0.2], [0.1, 0.2], ["a", "b"], ["b", "c"], ["1", "2"])
    none = lam.network.design_inconsistency(pool_network(chain, model="common"))
    assert "cannot be tested" in none.describe()
    assert np.isnan(none.p_value)
