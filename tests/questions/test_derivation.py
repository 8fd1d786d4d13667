"""Printed cells to estimates: the numbers of the papers, converted once and traced."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.bayes.counts.standard_errors import degrees_of_freedom
from lamevidence.effects.derive.between import between_arms
from lamevidence.effects.derive.selection import Candidate
from lamevidence.foundation.errors import AmbiguousFinding, DependentRows
from lamevidence.registry.records import NOT_REPORTED

RELATIVE = 1e-12
"""Closed-form arithmetic on printed digits."""


@pytest.fixture(scope="module")
def registry():
    return lam.load_registry()


def test_miles_slopes_in_ml_per_year(registry):
    """Table 2 prints 1±2 and −12±2 mL/month; times 12 they are 12±24 and −144±24 mL/year."""
    on = registry.evidence("fev1-slope-on-sirolimus")["mccormack-2011"]
    off = registry.evidence("fev1-slope-untreated")["mccormack-2011"]
    assert (on.yi, on.sei) == pytest.approx((12, 24), rel=RELATIVE)
    assert (off.yi, off.sei) == pytest.approx((-144, 24), rel=RELATIVE)


def test_miles_difference_of_slopes(registry):
    """156 mL/year; SE √(24² + 24²) = 33.9."""
    row = registry.evidence("fev1-slope-difference-randomised")["mccormack-2011"]
    assert row.yi == pytest.approx(156, rel=RELATIVE)
    assert row.sei == pytest.approx(math.sqrt(2) * 24, rel=RELATIVE)


def test_miles_difference_at_12_months(registry):
    """19±124 (n 41) against −134±182 (n 34): 153 mL, the difference that the paper's text prints."""
    row = registry.evidence("fev1-change-12-months-randomised")["mccormack-2011"]
    assert row.yi == pytest.approx(153, rel=RELATIVE)
    assert row.sei == pytest.approx(math.sqrt(124**2 / 41 + 182**2 / 34), rel=RELATIVE)


@pytest.mark.parametrize(
    ("question", "arms"),
    [
        # Table 2 of MILES prints SDs of changes, and SEs of slopes in mL/month
        ("fev1-change-12-months-randomised", {"m1i": 19, "sd1i": 124, "n1i": 41, "m2i": -134, "sd2i": 182, "n2i": 34}),
        (
            "fev1-slope-difference-randomised",
            {"m1i": 12, "sd1i": 24 * 46**0.5, "n1i": 46, "m2i": -144, "sd2i": 24 * 43**0.5, "n2i": 43},
        ),
    ],
)
def test_two_arms_lead_to_one_answer_from_a_record_and_from_a_frame(registry, question, arms):
    """Welch 1947 as scipy's own test has it; the posterior is that of the same two arms in a data frame."""
    recorded = registry.evidence(question)
    framed = lam.EvidenceTable.from_frame(
        pd.DataFrame([arms]), measure="MD", unit=recorded.unit, **{c: c for c in arms}
    )
    test = stats.ttest_ind_from_stats(*arms.values(), equal_var=False)
    for table in (recorded, framed):
        (df,) = degrees_of_freedom(table)
        assert 2 * stats.t.sf(abs(test.statistic), df) == pytest.approx(test.pvalue, rel=1e-9)
    assert recorded.counts.keys() == framed.counts.keys() == arms.keys()
    unit = recorded.unit
    priors = {"mu": lam.priors.Normal(0, 500, unit=unit), "tau": lam.priors.HalfNormal(72, unit=unit)}
    one, other = (lam.pool_bayes(table, **priors) for table in (recorded, framed))
    assert one.likelihood == other.likelihood == "t"
    assert one.interval() == pytest.approx(other.interval(), rel=1e-9)
    assert one.log_marginal == pytest.approx(other.log_marginal, rel=1e-9)


def test_arms_are_kept_where_both_print_their_patients(registry):
    """The registry study prints a difference and n = 350: its row has no arms, and n − 2 degrees of freedom."""
    table = registry.evidence("fev1-slope-difference-any-design")
    midas = table.studies.index("midas-registry")
    assert np.isnan([column[midas] for column in table.counts.values()]).all()
    assert degrees_of_freedom(table)[midas] == 348
    study, question = registry.study("mccormack-2011"), registry.question("fev1-slope-difference-randomised")
    arms = [study.finding(f"fev1-slope.{arm}") for arm in ("sirolimus.on", "placebo.treatment-year")]
    known = between_arms(question, [Candidate(study, finding) for finding in arms])
    assert (known.counts["n1i"], known.counts["n2i"], known.n) == (46, 43, 89)
    arms[1] = replace(arms[1], n=NOT_REPORTED)
    unknown = between_arms(question, [Candidate(study, finding) for finding in arms])
    assert (unknown.yi, unknown.vi) == (known.yi, known.vi)
    assert math.isnan(unknown.n)
    assert not unknown.counts


def test_rounding_travels_with_the_estimate(registry):
    """A printed 1±2 may be 0.5…1.5 ± 1.5…2.5 mL/month."""
    lineage = registry.evidence("fev1-slope-on-sirolimus")["mccormack-2011"].lineage
    assert lineage.yi_bounds == pytest.approx((6, 18), rel=RELATIVE)
    assert lineage.vi_bounds == pytest.approx((18**2, 30**2), rel=RELATIVE)


def test_every_used_number_has_a_place(registry):
    for question in registry.questions:
        for row in registry.evidence(question):
            assert row.lineage.cells, (question, row.label)
            for _, _, _, at in row.lineage.cells:
                assert at.source
                assert any((at.page, at.table, at.row, at.column, at.figure, at.section))


def test_sd_of_slopes_becomes_a_standard_error(registry):
    """Bee 2018: SD 75 with n 47 → SE 10.940; Johnson 1999: SD 142, n 43 → 21.655."""
    assert registry.evidence("fev1-slope-on-sirolimus")["bee-2018"].sei == pytest.approx(
        75 / math.sqrt(47), rel=RELATIVE
    )
    assert registry.evidence("fev1-slope-untreated")["johnson-1999"].sei == pytest.approx(
        142 / math.sqrt(43), rel=RELATIVE
    )


def test_percentage_becomes_the_only_count_that_prints_like_it(registry):
    """Yoon 2018 prints 89.7 % and 35.9 % of 39 patients: 35 and 14."""
    assert registry.evidence("any-adverse-event")["yoon-2018"].counts["xi"] == 35
    assert registry.evidence("stomatitis")["yoon-2018"].counts["xi"] == 14


def test_percent_predicted_is_never_converted(registry):
    left_out = {e.study: e.reason for e in registry.evidence("fev1-slope-on-sirolimus").excluded}
    assert "%pred/year" in left_out["taveira-dasilva-2011"]


def test_shared_patients_are_refused_without_a_primary(registry):
    question = replace(registry.question("fev1-slope-on-sirolimus"), primary={})
    with pytest.raises(DependentRows, match=r"LE311: hu-2019 and zhan-2018 share patients"):
        registry.evidence(question)


def test_every_exclusion_has_a_reason(registry):
    for question in registry.questions:
        for left_out in registry.evidence(question).excluded:
            assert left_out.reason
            assert left_out.study in {s.id for s in registry.studies}


def test_two_equal_candidates_are_ambiguous(registry):
    question = registry.question("fev1-slope-untreated")
    loose = replace(
        question, eligibility=replace(question.eligibility, phases=("on_treatment", "placebo", "observation"))
    )
    with pytest.raises(AmbiguousFinding, match="name one under"):
        registry.evidence(loose)


def test_within_patient_change_uses_the_printed_p(registry):
    """Neurohr 2011: paired P = 0.001 with n = 10 gives |t9| = 4.781."""
    row = registry.evidence("fev1-slope-within-patient-change")["neurohr-2011"]
    assert abs(row.yi) / row.sei == pytest.approx(4.7809, abs=5e-5)


def test_stated_correlation_range_is_carried(registry):
    """Hu 2019 prints P < 0.05 only; SEs 36 and 15, r from −0.5 to 0.9."""
    row = registry.evidence("fev1-slope-within-patient-change")["hu-2019"]
    assert row.sei == pytest.approx(math.hypot(36, 15), rel=RELATIVE)
    low, high = row.lineage.vi_bounds
    assert low < 36**2 + 15**2 - 2 * 0.9 * 36 * 15 < row.vi < 36**2 + 15**2 + 36 * 15 < high
    assert any("r = 0" in (s.assumption or "") for s in row.lineage.steps)


def test_pneumothorax_counts_without_time_form_no_rate(registry):
    table = registry.evidence("pneumothorax-case-series")
    assert table.k == 5
    reasons = {e.finding: e.reason for e in table.excluded}
    assert "not reported: no rate" in reasons["pneumothorax.pre.all"]  # five histories of different length
    for case in range(1, 6):  # the text prints histories of 4 months (cases 1, 2), 9 months, 8 and 3 years
        assert reasons[f"pneumothorax.pre.case-{case}"].startswith("measured in phase pre treatment")
