"""Reports about counts: zeros, Mantel-Haenszel, matched pairs, cluster trials, proportions."""

import math

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence import EvidenceTable
from lamevidence.errors import DependentRows, InputError, NotEstimable, OptionError
from tests.cases import one_group, two_groups


def test_a_study_without_events_is_not_exact() -> None:
    """neurostuff/NiMARE#542 (2021): 0/6 v 0/5 has an estimated variance of 0 on the raw scale."""
    counts = ([0, 10, 30, 40], [6, 50, 60, 80], [0, 2, 28, 10], [5, 50, 60, 80], "RD")
    with pytest.raises(InputError, match=r"no estimate or variance for S1 · model='mh' pools RD") as refused:
        lam.pool(two_groups(*counts))
    assert "measure='OR', for which model='glmm' has the exact likelihood" in str(refused.value)
    assert "add=0.5, to='only0'" in str(refused.value)
    # each remedy, executed
    assert math.isfinite(lam.pool(two_groups(*counts), model="mh").mu)
    assert math.isfinite(lam.pool(two_groups(*counts[:4], "OR"), model="glmm").mu)
    fit = lam.pool(two_groups(*counts, add=0.5, to="only0"))
    # metafor: rma(escalc("RD", …, add=1/2, to="only0")), test="knha"
    np.testing.assert_allclose(fit.weights, [17.2, 29.2, 25.0, 28.6], atol=0.05)
    np.testing.assert_allclose([fit.mu, fit.tau2, fit.q], [0.1602, 0.0222, 12.58], atol=5e-3, rtol=1e-3)


def test_double_zero_studies_inform_a_risk_difference() -> None:
    """Merck/metalite.ae#252 (2026): leaving 0/10 v 0/20 out biases the pooled RD away from 0."""
    table = two_groups([0, 1, 3], [10, 50, 60], [0, 2, 1], [20, 50, 60], "RD")
    with pytest.raises(InputError, match="model='mh' pools RD") as refused:
        lam.pool(table)
    assert "out" not in str(refused.value).replace("without", "")
    a, n1, c, n2 = np.array([0, 1, 3]), np.array([10, 50, 60]), np.array([0, 2, 1]), np.array([20, 50, 60])
    by_hand = ((a * n2 - c * n1) / (n1 + n2)).sum() / (n1 * n2 / (n1 + n2)).sum()
    assert lam.pool(table, model="mh").mu == pytest.approx(by_hand, rel=1e-12)
    assert by_hand == pytest.approx(0.00811, abs=5e-6)
    assert by_hand < lam.pool(table.subset([1, 2]), model="mh").mu  # what leaving the row out would have done


def test_mantel_haenszel_where_no_study_informs_the_ratio() -> None:
    """wviechtb/metafor#21 (2018): an odds ratio of nothing, and Q with negative degrees of freedom."""
    with pytest.raises(NotEstimable, match="infinite or undefined"):
        lam.counts.mantel_haenszel(two_groups([3, 0], [3, 3], [4, 0], [4, 3]))
    fit = lam.counts.mantel_haenszel(two_groups([2, 0, 0], [5, 3, 4], [0, 0, 3], [4, 3, 4]))
    assert "Q(" not in repr(fit)
    assert fit.q_df == 0
    assert math.isnan(fit.q)
    assert math.isnan(fit.q_p)
    assert math.exp(fit.mu) == pytest.approx((2 * 4 / 9 + 0 * 1 / 8) / (3 * 0 / 9 + 4 * 3 / 8), rel=1e-12)
    test = lam.counts.mantel_haenszel_test(two_groups([3, 0], [3, 3], [4, 0], [4, 3]))
    assert math.isnan(test.statistic)
    assert math.isnan(test.p)


def test_grades_of_the_same_patients_are_no_subgroups() -> None:
    """guido-s/meta#48, #49 (2022): the same patients are in minor, major and deadly."""
    frame = pd.DataFrame(
        {
            "study": np.repeat(list("1234"), 3),
            "sev": ["grade 1-2", "grade 3", "grade 4"] * 4,
            "n": np.repeat([40, 22, 75, 18], 3),
            "x": [14, 3, 1, 9, 2, 1, 25, 7, 2, 6, 2, 1],
        }
    )
    table = EvidenceTable.from_frame(
        frame, "PLO", study="study", cluster="study", events="x", total="n", moderators=["sev"]
    )
    with pytest.raises(DependentRows, match=r"share patients .*lam\.multilevel"):
        lam.subgroups(table, "sev")
    apart = table.subset([0, 4, 8, 9])  # one row a study: the groups share nobody
    assert math.isfinite(lam.subgroups(apart, "sev", model="common").q_between_p)


def test_leave_one_out_with_zero_events() -> None:
    """bwallace/OpenMeta-analyst-#270 (2015); wwiecek/baggr#116 (2021-23): each door sent to the other."""
    table = one_group([0, 2, 1, 5], [30, 40, 25, 60])
    frame = lam.leave_one_out(lam.pool(table)).to_frame().set_index("label")
    assert frame.loc["S1", "estimate"] == pytest.approx(lam.pool(table.subset([1, 2, 3])).mu, abs=1e-8)
    assert len(lam.cumulative(lam.pool(table)).to_frame()) == 4
    with pytest.raises(InputError, match="model='glmm' has the exact likelihood"):
        lam.pool(table, model="random")


def test_matched_pairs_with_an_empty_discordant_cell() -> None:
    """statsmodels/statsmodels#2743 (2015): three messages pointed at each other."""
    frame = pd.DataFrame({"s": list("ab"), "b": [5, 3], "f": [8, 6], "g": [0, 1], "n": [15, 20]})
    columns = {"study": "s", "first_only": "f", "second_only": "g", "both": "b", "neither": "n"}
    table = EvidenceTable.from_frame(frame, "MPORC", **columns)
    for options in ({}, {"model": "glmm"}, {"model": "mh"}, {"model": "mh", "measure": "RD"}):
        with pytest.raises((InputError, OptionError), match=r"odds ratio of matched pairs .* 'PLO'"):
            lam.pool(table, **options)
    pairs = EvidenceTable.from_frame(frame, "PLO", study="s", events="f", non_events="g")
    assert lam.pool(pairs, model="glmm").mu == pytest.approx(math.log(14), abs=1e-6)  # logit(14/15), τ² = 0
    assert math.isfinite(lam.pool(EvidenceTable.from_frame(frame, "MPORC", **columns, add=0.5, to="only0")).mu)


def test_counts_divided_by_a_design_effect() -> None:
    """statsmodels/statsmodels#8390 (2022); Cochrane Handbook 23.1.5: effective counts are not whole."""
    deff = 1.8
    a, n1, c, n2 = [20 / deff, 10], [200 / deff, 100], [30 / deff, 15], [210 / deff, 100]
    with pytest.raises(InputError, match=r"row 0 \(S1\) column 'a': 11\.1111 · .*design effect, escalc"):
        two_groups(a, n1, c, n2)
    made = lam.escalc("OR", ai=a, n1i=n1, ci=c, n2i=n2)
    assert made.yi[0] == pytest.approx(math.log(20 * 180 / (30 * 180)), rel=1e-12)
    assert made.vi[0] == pytest.approx(deff * (1 / 20 + 1 / 180 + 1 / 30 + 1 / 180), rel=1e-12)
    assert math.isfinite(lam.pool(EvidenceTable.from_estimates(made.yi, vi=made.vi, measure="OR")).mu)


def test_an_interval_below_zero_percent_is_cautioned() -> None:
    """bwallace/OpenMeta-analyst-#134 (2011): raw proportions, an interval from −4.6 %."""
    fit = lam.pool(one_group([1, 2, 1], [30, 40, 25], "PR"))
    assert fit.interval().low < 0
    assert any("is below 0 %" in note and "measure='PLO'" in note for note in fit.notes)
    assert "below 0 %" in repr(fit)
    logit = lam.pool(one_group([1, 2, 1], [30, 40, 25]))
    assert logit.mu == pytest.approx(math.log(4 / 91), abs=1e-6)  # 4 of 95, τ² = 0
    assert not any("below" in note for note in logit.notes)
    inside = lam.pool(one_group([10, 20, 12], [30, 40, 25], "PR"))
    assert not any("below" in note for note in inside.notes)


def test_none_and_all_in_one_table() -> None:
    """jamovi/jamovi#1687, #1688 (2025); kylehamilton/MAJOR#35 (2025): Clopper-Pearson 0-21.8, 73.5-100."""
    printed = lam.forest(lam.pool(one_group([0, 12, 5, 30, 20], [15, 12, 22, 41, 33]))).rows["printed"].tolist()
    assert printed[:2] == ["0 [0, 22]", "100 [74, 100]"]


def test_more_events_than_patients() -> None:
    """guido-s/netmeta#18 (2024): 31.7 events of 28 became NaN in silence."""
    frame = pd.DataFrame(
        {"study": [1, 1, 2, 2], "treatment": list("abab"), "r": [12, 20, 31.7, 19.4], "n": [60, 60, 28, 28]}
    )
    with pytest.raises(InputError, match=r"row 2: 31\.7 events among 28"):
        lam.network.network_table(frame, "OR", events="r", total="n")


def test_impossible_means() -> None:
    """guido-s/meta#103 (2026): n = 0, and the log of a mean that is not positive."""
    frame = {"s": list("ab"), "m": [-2.0, 3], "sd": [1.0, 1], "n": [10, 10], "cm": [1.0, 2], "csd": [1.0, 1]}
    frame["cn"] = [10, 10]
    words = {"study": "s", "mean": "m", "sd": "sd", "n": "n", "control_mean": "cm", "control_sd": "csd"}
    with pytest.raises(InputError, match=r"row 0 \(a\)"):
        EvidenceTable.from_frame(pd.DataFrame(frame), "ROM", control_n="cn", **words)
    with pytest.raises(InputError, match=r"row 0 \(a\) column 'n': 0 · a group size must be positive"):
        EvidenceTable.from_frame(pd.DataFrame({**frame, "n": [0, 10]}), "MD", control_n="cn", **words)
