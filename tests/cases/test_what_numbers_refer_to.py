"""Kinds behind the reports, for inputs made here: rows without events, degenerate information, limits, references."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lamevidence as lam
from lamevidence import EvidenceTable
from lamevidence.errors import InputError, NotEstimable
from lamevidence.network import NetworkTable, design_inconsistency, pool_network, split_network
from tests.cases import one_group, two_groups

PATIENTS = st.integers(3, 60)


@st.composite
def arms_with_a_row_without_events(draw):
    k = draw(st.integers(2, 5))
    n1, n2 = ([draw(PATIENTS) for _ in range(k)] for _ in range(2))
    a = [draw(st.integers(1, n - 1)) for n in n1]
    c = [draw(st.integers(1, n - 1)) for n in n2]
    return [*a, 0], [*n1, draw(PATIENTS)], [*c, 0], [*n2, draw(PATIENTS)]


@given(arms_with_a_row_without_events(), st.sampled_from(["RD", "IRD"]))
def test_a_row_without_events_never_gets_the_weight_of_an_exact_one(arms, measure):
    table = two_groups(*arms, measure)
    assert np.isnan(table.vi[-1])
    for model in ("random", "common"):
        with pytest.raises(InputError, match="model='mh'"):
            lam.pool(table, model=model)
    a, n1, c, n2 = (np.array(x, float) for x in arms)
    fit = lam.pool(table, model="mh")
    assert fit.mu == pytest.approx(((a * n2 - c * n1) / (n1 + n2)).sum() / (n1 * n2 / (n1 + n2)).sum(), abs=1e-12)
    np.testing.assert_allclose(fit.weights, 100 * (n1 * n2 / (n1 + n2)) / (n1 * n2 / (n1 + n2)).sum())
    # with ½ its weight is that of the variance with ½, and no larger than its share of patients would have it be
    half = lam.pool(two_groups(*arms, measure, add=0.5, to="only0"), model="common")
    assert np.isfinite(half.weights).all()
    assert math.isfinite(half.q)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(25, 60)), min_size=2, max_size=5), PATIENTS)
def test_nobody_in_one_group_is_not_exact_either(rows, n):
    x, sizes = [*(a for a, _ in rows), 0], [*(b for _, b in rows), n]
    for measure in ("PR", "IR"):
        with pytest.raises(InputError, match="model='glmm'"):
            lam.pool(one_group(x, sizes, measure), model="random")
        assert np.isfinite(lam.pool(one_group(x, sizes, measure, add=0.5, to="only0"), model="common").weights).all()


def test_no_model_calls_a_row_without_events_missing():
    table = two_groups([0, 10, 30], [6, 50, 60], [0, 2, 28], [5, 50, 60], "RD")
    for call in (lam.pool, lam.multilevel, lambda t: lam.robust_variance(t), lambda t: lam.robust_random_effects(t)):
        with pytest.raises(InputError, match=r"no estimate or variance for S1 · model='mh'") as refused:
            call(table)
        assert "leave" not in str(refused.value)


def test_no_events_at_all_has_no_standard_error():
    fit = lam.counts.mantel_haenszel(two_groups([0, 0], [10, 20], [0, 0], [12, 18], "RD"))
    assert fit.mu == 0
    assert math.isnan(fit.se)
    assert any("no standard error" in note for note in fit.notes)


# ---- degenerate information -------------------------------------------------------------------
def test_designs_without_a_loop_have_no_indirect_evidence():
    def trial(name, y, v):
        pairs = ((0, 1, "a", "b"), (0, 2, "a", "c"), (1, 2, "b", "c"))
        return [(y[i] - y[j], v[i] + v[j], first, second, name) for i, j, first, second in pairs]

    def network(rows):
        columns = zip(("yi", "vi", "first", "second", "studies"), zip(*rows, strict=True), strict=True)
        return pool_network(NetworkTable(**{name: list(column) for name, column in columns}), model="common")

    twice = trial("1", (0.2, 0.1, -0.3), (0.1, 0.2, 0.3)) + trial("2", (0.0, 0.5, 0.1), (0.3, 0.05, 0.1))
    fit = network(twice)
    assert design_inconsistency(fit).df_between == 0
    assert split_network(fit)["difference"].isna().all()
    # a loop elsewhere gives these pairs none; that loop keeps its own
    loop = [(0.1, 0.1, "c", "d", "3"), (0.4, 0.2, "d", "e", "4"), (0.2, 0.1, "c", "e", "5")]
    split = split_network(network(twice + loop)).set_index(["first", "second"])["difference"]
    assert split.loc[[("a", "b"), ("a", "c"), ("b", "c")]].isna().all()
    assert split.loc[("c", "d")] == pytest.approx(0.1 - (0.2 - 0.4), abs=1e-9)
    # and a trial of another design closes one
    closed = split_network(network([*twice, (0.3, 0.1, "a", "b", "6")])).set_index(["first", "second"])["difference"]
    assert np.isfinite(closed.loc[("a", "b")])


def test_the_third_comparison_of_three_arms_is_told():
    variances, arms = {"A": 0.03, "B": 0.05, "P": 0.02}, {"A": 0.4, "B": 0.1, "P": 0.0}
    given = {"first": ["A", "B"], "second": ["P", "P"], "studies": ["1", "1"], "yi": [0.4, 0.1], "vi": [0.05, 0.07]}
    with pytest.raises(InputError, match=r"y_AB = .* = 0\.3 and v_AB = v_AP \+ v_BP − 2 v_P.* shared arm P"):
        NetworkTable(**given)
    v_ab = 0.05 + 0.07 - 2 * variances["P"]
    assert v_ab == pytest.approx(variances["A"] + variances["B"])
    whole = NetworkTable(
        yi=[0.4, 0.1, 0.3],
        vi=[0.05, 0.07, v_ab],
        first=["A", "B", "A"],
        second=["P", "P", "B"],
        studies=["1"] * 3,
    )
    fit = pool_network(whole, model="common")
    assert fit.treatments == ("A", "B", "P")
    assert fit.effects[0, 1] == pytest.approx(arms["A"] - arms["B"])


def test_a_coefficient_of_one_cluster_has_no_robust_standard_error():
    table = EvidenceTable.from_estimates(
        [0.2, 0.5, 0.1, 0.9, 0.4, -0.25, 0.3, 0.2],
        vi=[0.02, 0.03, 0.02, 0.04, 0.03, 0.02, 0.03, 0.02],
        studies=list("aabbccdd"),
        moderators={"g": list("xxyyyyyy")},
    )
    fit = lam.multilevel(table, moderators="~ 0 + g")
    for kind in ("CR0", "CR1", "CR2"):
        robust = lam.cluster_robust(fit, "study", kind=kind)
        assert math.isnan(robust.se[0])
        assert robust.se[1] > 0
        assert any(note.startswith("g[x] rests on one cluster alone") for note in robust.notes)
        with pytest.raises(NotEstimable, match="rests on one cluster alone"):
            robust.wald([0, 1])
    assert not any("one cluster" in note for note in lam.cluster_robust(lam.multilevel(table), "study").notes)


def test_rows_without_information_change_no_check():
    y, v = [0.1, 0.3, 0.2, 0.6, 0.4, 0.35], [0.1, 0.2, np.inf, 0.1, 0.1, 0.05]
    fit = lam.pool(EvidenceTable.from_estimates(y, vi=v))
    bare = lam.pool(EvidenceTable.from_estimates(np.delete(y, 2), vi=np.delete(v, 2)))
    for check in (lam.checks.residuals, lam.checks.baujat, lam.checks.normal_quantiles, lam.influence):
        one, other = (check(x).to_frame().select_dtypes("number").to_numpy() for x in (fit, bare))
        np.testing.assert_allclose(one, other, rtol=1e-10)
    assert "5 estimates" not in fit.describe()


# ---- what a number refers to ------------------------------------------------------------------
def test_a_slope_through_the_origin_is_no_mean():
    table = EvidenceTable.from_estimates([0.2, 0.5, 0.3, 0.9], vi=[0.1] * 4, measure="OR")
    fit = lam.pool(table, moderators=np.array([1.0, 2, 3, 4]), names=["dose"])
    assert fit.display().label == "Log odds ratio"
    assert "dose" in fit.describe()
    assert any("no intercept" in note for note in fit.notes)
    with_one = lam.pool(table, moderators=np.column_stack([np.ones(4), [1.0, 2, 3, 4]]))
    assert not any("no intercept" in note for note in with_one.notes)
    dummies = lam.pool(table, moderators=np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]]))
    assert not any("no intercept" in note for note in dummies.notes)  # its columns add up to one


def test_the_intercept_of_a_model_of_counts_is_named_as_such():
    frame = pd.DataFrame({"x": [1, 3, 5, 9], "n": [20, 30, 40, 90], "w": [1.0, 2, 3, 4]})
    table = EvidenceTable.from_frame(frame, "PLO", events="x", total="n", moderators=["w"])
    for fit in (
        lam.counts.glmm(table, moderators="~ w"),
        lam.pool_bayes(
            table, moderators="~ w", mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(1), likelihood="normal"
        ),
    ):
        told = fit.describe().lower()
        assert "intercept" in told
        assert "logit proportion" in told
        assert "mean effect" not in told
        assert "pooled proportion" not in told


def test_two_numbers_for_one_moderator_are_two_rows():
    table = EvidenceTable.from_estimates([0.1, 0.3, 0.2, 0.6], vi=[0.1] * 4, moderators={"x": [10, 20, 30, 44.0]})
    fit = lam.pool(table, moderators="~ x")
    np.testing.assert_allclose(fit.predict([10, 44])["mean"], fit.beta[0] + fit.beta[1] * np.array([10, 44]))


@pytest.mark.parametrize(
    ("make", "beyond"),
    [
        (lambda: one_group([1, 2, 1], [30, 40, 25], "PR"), "below 0 %"),
        (lambda: one_group([29, 38, 25], [30, 40, 26], "PR"), "above 100 %"),
        (lambda: one_group([10, 20, 12], [30, 40, 25], "PR"), None),
        (lambda: one_group([1, 2, 1], [30, 40, 25], "IR"), "below 0,"),
        (lambda: two_groups([9, 5, 9], [10, 6, 10], [1, 0, 1], [10, 9, 10], "RD", add=0.5, to="only0"), "above 1,"),
        (lambda: two_groups([9, 15, 9], [20, 26, 18], [8, 11, 7], [20, 24, 19], "RD"), None),
        (lambda: EvidenceTable.from_estimates([0.95, 0.9, 0.99], vi=[0.01] * 3, measure="COR"), "above 1,"),
        (lambda: EvidenceTable.from_estimates([0.5, 0.4, 0.45], vi=[0.001] * 3, measure="COR"), None),
        (lambda: EvidenceTable.from_estimates([1.95, 2.9, 3.99], vi=[0.01] * 3, measure="MD"), None),
    ],
)
def test_limits_that_cannot_exist_are_cautioned(make, beyond):
    fit = lam.pool(make(), model="random")
    told = [note for note in fit.notes if " limit, " in note]
    assert all(beyond in note for note in told) if beyond else not told
    assert bool(told) == bool(beyond)
    assert [note for note in fit.refit(fit.table).notes if " limit, " in note] == told  # and each of them once


def test_sums_of_means_are_never_printed():
    frame = pd.DataFrame(
        {"m1": [-2.0, 3], "s1": [1.0, 1], "n1": [10, 12], "m2": [1.0, 2], "s2": [1.0, 1], "n2": [10, 9]}
    )
    words = {"m1i": "m1", "sd1i": "s1", "n1i": "n1", "m2i": "m2", "sd2i": "s2", "n2i": "n2"}
    lam.forest(lam.pool(EvidenceTable.from_frame(frame, "MD", **words)), columns=["m1i", "sd1i", "n1i"])

    assert _totals(frame, words) == {"m1i": "", "sd1i": "", "n1i": "22"}


def _totals(frame, words):
    from lamevidence.plots.forest.data_columns import data_columns

    table = EvidenceTable.from_frame(frame, "MD", **words)
    return {column.name: column.total for column in data_columns(table, ["m1i", "sd1i", "n1i"])}


def test_a_number_in_the_place_of_the_intercept_is_refused_and_the_remedy_works():
    table = lam.EvidenceTable.from_estimates(
        [1.0, 2, 3, 5, 4], vi=[1.0] * 5, moderators={"x": [1, 2, 3, 4, 5], "z": [0, 0, 1, 1, 1]}
    )
    fit = lam.pool(table, moderators="~ x + z")
    with pytest.raises(InputError, match=r"in the place of Intercept.*give x and z alone"):
        fit.predict([10, 44, 3])
    assert fit.predict([44, 3])["mean"].tolist() == fit.predict([1, 44, 3])["mean"].tolist()
    # a contrast has no intercept: the slope itself
    assert fit.predict([[0, 1, 0]])["mean"].item() == pytest.approx(fit.estimate[1])


AT_AN_END = [
    ("COR", {"ri": 1.0, "ni": 20}),
    ("UCOR", {"ri": -1.0, "ni": 20}),
    ("ZCOR", {"ri": 1.0, "ni": 20}),
    ("PCOR", {"ri": 1.0, "ni": 20, "mi": 2}),
    ("R2", {"r2i": 0.0, "ni": 20, "mi": 2}),
    ("R2", {"r2i": 1.0, "ni": 20, "mi": 2}),
    ("ARAW", {"ai": 1.0, "ni": 20, "mi": 2}),
    ("AHW", {"ai": 1.0, "ni": 20, "mi": 2}),
]


@pytest.mark.parametrize(("measure", "row"), AT_AN_END)
def test_an_estimate_at_the_end_of_its_range_is_not_exact_and_the_remedy_works(measure, row):
    """A correlation of 1 or an R² of 0 has a variance of 0 by its formula, and had the largest weight."""
    size = {name: x for name, x in row.items() if name in ("ni", "mi")}
    value = next(name for name in row if name not in size)
    frame = pd.DataFrame([row, {value: 0.5, **size}, {value: 0.3, **size}])
    columns = {name: name for name in frame}
    table = EvidenceTable.from_frame(frame, measure, **columns)
    assert np.isnan(table.vi[0])
    with pytest.raises(InputError, match="no estimate or variance for 1") as refused:
        lam.pool(table)
    assert "only0" not in str(refused.value)
    if "measure='ZR2'" in str(refused.value):
        assert row["r2i"] == 0.0
        weights = lam.pool(EvidenceTable.from_frame(frame, "ZR2", **columns)).weights
        assert weights[0] <= weights.max()
        assert np.isfinite(weights).all()
    else:
        own = EvidenceTable.from_estimates([frame[value][0], *table.yi[1:]], vi=[0.05, *table.vi[1:]])
        assert np.isfinite(lam.pool(own).weights).all()
