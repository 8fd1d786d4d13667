"""Printed contrasts and paired p values: hazard ratios, differences with an interval or a p, halves without a ±."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.effects.derive.between import between_arms
from lamevidence.effects.derive.selection import Candidate, reason_against
from lamevidence.foundation.errors import NotDerivable, OptionError
from lamevidence.foundation.lineage import Reported
from lamevidence.registry.records import Dispersion, PValue
from lamevidence.results.scale import reader_scale

REGISTRY = lam.load_registry()
RELATIVE = 1e-12
"""Closed-form arithmetic on printed digits."""
Z = stats.norm.ppf(0.975)


def test_a_hazard_ratio_with_its_interval():
    """0.20 (0.14 to 0.30): the log, and the width of the logs of the bounds over 2 z."""
    table = REGISTRY.evidence("pneumothorax-recurrence")
    (row,) = table
    assert row.yi == pytest.approx(math.log(0.20), rel=RELATIVE)
    assert row.sei == pytest.approx((math.log(0.30) - math.log(0.14)) / (2 * Z), rel=RELATIVE)
    assert row.lineage.yi_bounds == pytest.approx((math.log(0.195), math.log(0.205)), rel=RELATIVE)
    low, high = row.lineage.vi_bounds
    assert low < row.vi < high
    assert table.unit is None
    assert [name for _, name, *_ in row.lineage.cells] == ["value", "ci low", "ci high"]


def test_a_hazard_ratio_is_pooled_and_read_as_a_ratio():
    table = REGISTRY.evidence("pneumothorax-recurrence")
    scale = reader_scale(table)
    assert (scale.word, scale.log, scale.null) == ("HR", True, 1.0)
    assert scale.title == "Hazard ratio"
    assert scale.left == "Favours sirolimus", "a recurrence is worse"
    fit = lam.pool(table)
    assert fit.display().estimate == pytest.approx(0.20, rel=1e-9)
    post = lam.pool_bayes(table)
    assert post.spec.tau_prior is not None if hasattr(post.spec, "tau_prior") else post.tau.mean > 0
    lam.forest([fit, post])


def test_hazard_ratios_of_ones_own():
    """Their logs go through from_estimates; from_frame says so, and what it advises works."""
    yi, vi = np.log([0.5, 0.8, 0.7]), np.array([0.04, 0.05, 0.03])
    table = lam.EvidenceTable.from_estimates(yi, vi=vi, measure="HR")
    generic = lam.EvidenceTable.from_estimates(yi, vi=vi)
    assert lam.pool(table).estimate == lam.pool(generic).estimate
    assert lam.pool(table).display().estimate == pytest.approx(math.exp(lam.pool(table).estimate))
    import pandas as pd

    frame = pd.DataFrame({"trial": list("abc"), "loghr": yi, "se": np.sqrt(vi)})
    with pytest.raises(OptionError, match="on the log scale") as refused:
        lam.EvidenceTable.from_frame(frame, "HR", study="trial", yi="loghr", sei="se")
    advice = str(refused.value).partition("use ")[2]
    made = eval(advice, {"EvidenceTable": lam.EvidenceTable, "frame": frame})  # the remedy, word for word
    assert lam.pool(made).estimate == pytest.approx(lam.pool(table).estimate, rel=1e-12)


def _contrast(**changed):
    study = REGISTRY.study("pneumothorax-cohort-2022")
    finding = replace(study.finding("pneumothorax-recurrence.hr"), **changed)
    return Candidate(study, finding)


def _derived(candidate, **changed):
    question = replace(REGISTRY.question("pneumothorax-recurrence"), **changed)
    return between_arms(question, [candidate])


@pytest.mark.parametrize("measure", ["RR", "OR", "IRR", "HR"])
def test_each_ratio_is_read_on_the_log(measure):
    found = _derived(_contrast(measure=measure), measure=measure)
    assert found.yi == pytest.approx(math.log(0.2), rel=RELATIVE)


def test_a_ratio_with_an_exact_p_alone():
    p = PValue(Decimal("0.04"))
    found = _derived(_contrast(dispersion=Dispersion("not_reported"), p=p))
    assert math.sqrt(found.vi) == pytest.approx(abs(math.log(0.2)) / stats.norm.ppf(0.98), rel=1e-9)


def test_a_ratio_of_one_with_a_p_value_alone_is_not_exact():
    """|ln 1| / z(p) is 0 for any p: such a row had the largest weight of all."""
    p = PValue(Decimal("0.97"))
    with pytest.raises(NotDerivable, match="whatever its standard error"):
        _derived(_contrast(value=Reported.printed("1.00", "ratio"), dispersion=Dispersion("not_reported"), p=p))
    near = _derived(_contrast(value=Reported.printed("1.01", "ratio"), dispersion=Dispersion("not_reported"), p=p))
    assert math.sqrt(near.vi) == pytest.approx(math.log(1.01) / stats.norm.ppf(0.515), rel=1e-9)


def test_a_ratio_without_interval_or_exact_p():
    with pytest.raises(NotDerivable, match=r"only p < 0\.001 is printed"):
        _derived(_contrast(dispersion=Dispersion("not_reported")))


def test_a_ratio_that_rounding_lets_be_nought():
    with pytest.raises(NotDerivable, match="no logarithm"):
        _derived(_contrast(value=Reported.printed("0.0", "ratio")))


def test_a_contrast_with_another_comparator_does_not_answer():
    """MIDAS compares with no treatment; a question about placebo leaves it out, and says so."""
    question = REGISTRY.question("fev1-slope-difference-any-design")
    rules = replace(question.eligibility, comparators=("placebo",))
    table = REGISTRY.evidence(replace(question, eligibility=rules, sensitivity=()))
    assert table.studies == ("mccormack-2011",)
    midas = REGISTRY.study("midas-registry")
    reason = reason_against(replace(question, eligibility=rules), midas, midas.finding("fev1-slope.difference"))[1]
    assert reason == "compared with untreated, the question compares with placebo"
    assert reason_against(question, midas, midas.finding("fev1-slope.difference"))[1] == ""


def test_a_printed_difference_can_be_preferred_to_the_arms():
    """226 mL and p = 0.001: |d| / z; the arms give √(260²/41 + 233²/34)."""
    arms = REGISTRY.evidence("fvc-change-12-months-randomised")["mccormack-2011"]
    printed = REGISTRY.sensitivity("fvc-change-12-months-randomised")["the printed difference and its p"]
    (row,) = printed
    assert arms.sei == pytest.approx(math.sqrt(260**2 / 41 + 233**2 / 34), rel=RELATIVE)
    assert row.sei == pytest.approx(226 / stats.norm.ppf(1 - 0.001 / 2), rel=1e-9)


def test_the_five_contrasts_that_are_used():
    """Nine are recorded; the others print no interval and no exact p, or are kept out by their record."""
    entering = REGISTRY.usage().entering
    contrasts = {(s.id, f.id) for s in REGISTRY.studies for f in s.findings if type(f).__name__ == "Contrast"}
    assert len(contrasts) == 9
    assert contrasts & entering == {
        ("chang-2014", "fev1-slope.difference"),
        ("mccormack-2011", "eq-vas-change.difference"),
        ("mccormack-2011", "fvc-change.difference"),
        ("midas-registry", "fev1-slope.difference"),
        ("pneumothorax-cohort-2022", "pneumothorax-recurrence.hr"),
    }


def test_a_paired_p_serves_where_both_halves_lack_a_spread():
    """Ando 2013: 127.8 − (−115.4) = 243.2 mL/year, p = 0.015 of nine patients."""
    row = REGISTRY.evidence("fev1-slope-within-patient-change")["ando-2013"]
    assert row.yi == pytest.approx(243.2, rel=RELATIVE)
    assert row.sei == pytest.approx(243.2 / stats.t.ppf(1 - 0.015 / 2, 8), rel=1e-9)
    assert row.sei == pytest.approx(78.8, abs=0.05)


def test_a_correlation_that_is_hardly_believable_is_said():
    """Neurohr 2011 implies −0.72, Zhan 2018 some −0.4: the one is said, the other is not."""
    question = REGISTRY.question("fev1-slope-within-patient-change")
    table = REGISTRY.evidence(question)
    said = [note for note in table.notes if "implies a within-patient correlation" in note]
    assert len(said) == 1
    assert said[0].startswith("Neurohr 2011: the printed p implies a within-patient correlation of −0.72, outside −0.5")
    other = REGISTRY.evidence(replace(question, primary={"peking": "zhan-2018"}, sensitivity=()))
    assert "zhan-2018" in other.studies
    assert not [note for note in other.notes if note.startswith("Zhan")]
