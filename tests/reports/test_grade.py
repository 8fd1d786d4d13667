"""Certainty of the evidence: rules tried with data that make each verdict, words entered, nothing invented."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.errors import NotEstimable, OptionError
from lamevidence.foundation.errors import LamEvidenceError
from lamevidence.questions import InformationSize, Judged, Judgements, StatedBaseline, Upgrade, judgements_of
from lamevidence.questions.grade import DOMAINS
from lamevidence.reports.certainty import NOT_JUDGED
from lamevidence.reports.grade_numbers import information_size
from tests.questions.test_question_check import END, TWO_ARM, added, edited, registry_asking
from tests.support.fits import FITS, fitted, odds_ratios

SERIOUS = {"judgement": "serious", "because": "another population"}


def means(yi, se, **more):
    return lam.pool(lam.EvidenceTable.from_estimates(yi, sei=se, measure="MD", unit="mL", **more), model="random")


def domain(fit, name, **judged):
    return {d.name: d for d in lam.reports.grade(fit, judged).domains}[name]


def test_the_information_size_is_that_of_r():
    """R 4: power.prop.test(p1=.2, p2=.15, power=.8)$n = 905.3658, (.1, .07) 1355.369, (.4, .3) 355.9428 an arm."""
    for risk, reduction, arm in ((0.2, 0.25, 906), (0.1, 0.3, 1356), (0.4, 0.25, 356)):
        assert information_size(InformationSize("x", risk=risk, relative_reduction=reduction)) == 2 * arm
    # Lehr's rule: 16 SD²/difference² an arm, with 15.7 for 16
    z = 1.959963984540054 + 0.8416212335729143
    found = information_size(InformationSize("x", difference=10, sd=50))
    assert found == 2 * math.ceil(2 * (z * 5) ** 2) == 786


def test_nothing_is_invented():
    found = lam.reports.grade(means([1.0, 2.0, 1.5], [1.0, 1.0, 1.0]))
    assert found.certainty == NOT_JUDGED
    assert found.symbols == ""
    assert {d.name: d.said for d in found.domains}["indirectness"] == NOT_JUDGED
    text = str(found)
    assert "certainty: not judged" in text
    assert "starts at: not judged" in text
    assert "reasons to rate up: none entered" in text
    told = found.to_json()
    assert told["certainty"] is None
    assert [d["judgement"] for d in told["domains"] if d["domain"] == "indirectness"] == [None]


ENOUGH = {"information": {"difference": 10, "sd": 10, "because": "x"}}
"""32 patients."""


@pytest.mark.parametrize(
    ("yi", "judged", "verdict", "why"),
    [
        ([1.0, -1.0, 0.5], ENOUGH, "serious", "the interval holds no effect (0)"),
        ([20.0, 21.0, 20.5], ENOUGH, "not serious", "there are patients enough"),
        ([20.0, 21.0, 20.5], {}, "", "is not known"),
        ([20.0, 21.0, 20.5], {"information": {"difference": 1, "sd": 10, "because": "x"}}, "serious", "fewer patients"),
        ([20.0, 21.0, 20.5], {"thresholds": [20.4], **ENOUGH}, "serious", "the threshold 20.4"),
        ([20.0, 21.0, 20.5], {"thresholds": [20.4, 20.6], **ENOUGH}, "very serious", "more than one threshold"),
        ([1.0, -1.0, 0.5], {"thresholds": [-50, 50], **ENOUGH}, "not serious", "patients enough"),
    ],
)
def test_imprecision(yi, judged, verdict, why):
    found = domain(means(yi, [1.0, 1.0, 1.0], n=[40, 40, 40]), "imprecision", **judged).computed
    assert (found.verdict, why in found.rule) == (verdict, True)


def test_imprecision_without_patients_or_without_a_value_of_no_effect():
    assert domain(means([20.0, 21.0, 20.5], [1.0] * 3), "imprecision", **ENOUGH).computed.verdict == ""
    shares = domain(fitted("glmm proportions"), "imprecision").computed
    assert (shares.verdict, "no threshold was entered" in shares.rule) == ("", True)
    assert domain(fitted("glmm proportions"), "imprecision", thresholds=[90]).computed.rule.startswith("the interval")


@pytest.mark.parametrize(
    ("yi", "verdict", "why"),
    [
        ([5.0, 5.2, 4.9, 5.1, 5.0, 5.1], "not serious", "studies do not lie apart"),
        ([1.0, 9.0, 2.0, 8.0, 1.5, 8.5, 5.0], "serious", "a new study may find no effect (0)"),
        ([11.0, 19.0, 12.0, 18.0, 11.5, 18.5, 15.0], "serious", "I² of at least 50%"),
        ([5.0, 5.2], "", "needs I² and a prediction interval"),
        ([5.0], "", "one study shows no inconsistency"),
    ],
)
def test_inconsistency(yi, verdict, why):
    found = domain(means(yi, [1.0] * len(yi)), "inconsistency").computed
    assert (found.verdict, why in found.rule) == (verdict, True), found


def test_overlap_is_counted_pair_by_pair():
    yi, se = np.array([0.0, 3.0, 5.0, 5.5]), 1.0
    half = 1.959963984540054 * se
    pairs = [(i, j) for i in range(4) for j in range(i) if abs(yi[i] - yi[j]) > 2 * half]
    numbers = domain(means(yi, [se] * 4), "inconsistency").computed.numbers
    assert f"{len(pairs)} of 6 pairs of study intervals do not overlap" in numbers


@pytest.mark.parametrize(
    ("overall", "verdict"),
    [
        (("low", "low", "high"), "not serious"),
        (("high", "serious", "low"), "serious"),
        (("critical", "high", None), "serious"),
        (("some_concerns", "moderate", "low"), ""),
        ((None, None, None), ""),
        (("low", "high", "no_information"), ""),
    ],
)
def test_risk_of_bias_by_share_of_weight(overall, verdict):
    table = lam.EvidenceTable.from_estimates([1.0, 2.0, 1.5], sei=[1.0, 1.0, 1.0], measure="MD", unit="mL")
    rows = tuple(None if word is None else ("RoB2", (("D1", word),), word) for word in overall)
    found = domain(lam.pool(replace(table, risk_of_bias=rows), model="common"), "risk_of_bias").computed
    assert found.verdict == verdict
    if None in overall or "no_information" in overall:
        assert any("without a judgement" in x for x in found.numbers)


def test_publication_bias_by_number_of_studies():
    few = domain(means([1.0] * 9, [1.0] * 9), "publication_bias").computed
    assert (few.verdict, few.numbers) == ("", ("k = 9",))
    se = np.linspace(0.2, 2.0, 12)
    rng = np.random.default_rng(1)
    asymmetric = domain(means(3 * se + 0.1 * rng.standard_normal(12), se), "publication_bias").computed
    assert asymmetric.verdict == "strongly suspected"
    symmetric = domain(means(1 + se * np.array([1, -1] * 6), se), "publication_bias").computed
    assert symmetric.verdict == "undetected"
    again = lam.checks.small_study_test(means(1 + se * np.array([1, -1] * 6), se))
    assert again.p_value > 0.1


def test_what_is_entered_goes_before_what_is_computed_and_both_are_shown():
    fit = means([1.0, -1.0, 0.5], [1.0] * 3, n=[40, 40, 40])
    judged = {"domains": {"imprecision": {"judgement": "very serious", "because": "one event"}}}
    found = lam.reports.grade(fit, judged)
    one = {d.name: d for d in found.domains}["imprecision"]
    assert (one.said, one.source, one.levels) == ("very serious", "entered", 2)
    assert "very serious (entered) · one event · the numbers alone: serious" in one.line()
    assert found.to_frame().set_index("domain").loc["imprecision", "computed"] == "serious"


EVERY = {name: {"judgement": words[0], "because": "read"} for name, words in DOMAINS.items()}


@pytest.mark.parametrize(
    ("start", "down", "up", "entered", "agrees"),
    [
        ("high", {}, {}, "high", True),
        ("high", {"indirectness": SERIOUS}, {}, "moderate", True),
        ("high", {"indirectness": SERIOUS}, {}, "high", False),
        ("low", {}, {"large_effect": {"levels": 1, "because": "x"}}, "moderate", True),
        ("low", {"indirectness": SERIOUS, "inconsistency": SERIOUS}, {}, "very low", True),
    ],
)
def test_a_certainty_that_the_levels_do_not_come_to_is_named(start, down, up, entered, agrees):
    judged = {
        "start": {"judgement": start, "because": "design"},
        "domains": EVERY | down,
        "upgrades": up,
        "certainty": {"judgement": entered, "because": "all told"},
    }
    found = lam.reports.grade(means([1.0, 2.0], [1.0, 1.0]), judged)
    assert (found.disagreement == "") == agrees
    assert found.certainty == entered
    assert found.symbols.count("⊕") == ("very low", "low", "moderate", "high").index(entered) + 1
    if not agrees:
        assert "from high, 1 level down and 0 up come to moderate; high was entered" in str(found)


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        ({"certainty": {"judgement": "fair", "because": "x"}}, "very low, low, moderate, high"),
        ({"start": {"judgement": "moderate", "because": "x"}}, "choices: high, low"),
        ({"domains": {"precision": SERIOUS}}, "did you mean 'imprecision'"),
        ({"domains": {"publication_bias": SERIOUS}}, "undetected, strongly suspected"),
        ({"domains": {"indirectness": {"judgement": "serious"}}}, "indirectness lacks because"),
        ({"domains": {"indirectness": {"judgement": "serious", "because": " "}}}, "say why in `because`"),
        ({"upgrades": {"large_effect": {"levels": 3, "because": "x"}}}, "at most 2"),
        ({"information": {"risk": 0.2, "because": "x"}}, "give risk and relative_reduction, or difference and sd"),
        ({"baseline": {"at": [1, 2, 3], "because": "x"}}, "one baseline, or low and high"),
        ({"thresholds": ["a"]}, "finite number"),
        ({"certainly": 1}, "did you mean 'certainty'"),
    ],
)
def test_words_that_grade_does_not_have_are_refused(judged, said):
    with pytest.raises(OptionError) as refused:
        judgements_of(judged)
    assert said in str(refused.value)


def test_a_mapping_and_the_values_are_the_same():
    mapped = judgements_of(
        {
            "start": {"judgement": "high", "because": "a"},
            "domains": {"indirectness": SERIOUS},
            "upgrades": {"dose_response": {"levels": 1, "because": "b"}},
            "thresholds": [1, 2],
            "baseline": {"at": 0.2, "because": "c", "time": "within a year"},
            "judged_by": "two readers",
        }
    )
    assert mapped == Judgements(
        start=Judged("high", "a"),
        domains={"indirectness": Judged("serious", "another population")},
        upgrades={"dose_response": Upgrade(1, "b")},
        thresholds=(1, 2),
        baseline=StatedBaseline((0.2,), "c", "within a year"),
        judged_by="two readers",
    )


@pytest.mark.parametrize("name", FITS)
def test_every_family_with_one_mean_is_rated(name):
    fit = fitted(name)
    if fit.names != ("mu",):
        with pytest.raises(NotEstimable, match="one mean"):
            lam.reports.grade(fit)
        return
    found = lam.reports.grade(fit, {"baseline": {"at": 0.2, "because": "assumed"}})
    assert (found.absolute is None) == bool(found.no_absolute)
    json.dumps(found.to_json())
    assert "nan" not in str(found).lower()
    summary = lam.reports.summary_of_findings({"one": found})
    assert "nan" not in str(summary).lower()
    assert len(summary.to_frame()) == 1


def test_numbers_of_the_summary_are_those_of_the_results():
    fit = fitted("random")
    found = lam.reports.grade(
        fit,
        {
            "baseline": {"at": [0.05, 0.2], "because": "range of the trials"},
            "certainty": {"judgement": "low", "because": "two levels down"},
        },
    )
    frame = lam.reports.summary_of_findings({"Tuberculosis": found}).to_frame()
    absolute = fit.absolute((0.05, 0.2))
    assert frame["without"].tolist() == ["50 per 1000", "200 per 1000"]
    assert frame["difference"].tolist() == [absolute.difference_words(row) for row in absolute.rows]
    assert set(frame["effect"]) == {str(fit.display())}
    assert set(frame["certainty"]) == {"⊕⊕◯◯ low"}
    n = sum(odds_ratios().counts["n1i"] + odds_ratios().counts["n2i"])
    assert set(frame["patients"]) == {f"{n:.0f}"}
    with pytest.raises(OptionError, match="two profiles have one name"):
        lam.reports.summary_of_findings([found, found])
    for bad in ([], {}, [fit], {"a": fit}, "x", None):
        with pytest.raises(OptionError, match=r"give \{'outcome': grade\(fit\), …\}"):
            lam.reports.summary_of_findings(bad)


BLOCK = """grade:
  start: {judgement: high, because: one randomised trial}
  domains:
    indirectness: {judgement: serious, because: another dose}
  information: {risk: 0.2, relative_reduction: 0.25, because: custom}
  baseline: {at: [0.1, 0.3], because: placebo arms elsewhere, time: within a year}
  certainty: {judgement: low, because: indirect and imprecise}
  judged_by: two readers"""


def test_a_block_of_a_question_is_read_and_no_part_of_its_hash(tmp_path):
    registry = registry_asking(tmp_path, **{TWO_ARM: edited(TWO_ARM, added(BLOCK))})
    assert registry.question_problems() == ()
    question = registry.question(TWO_ARM)
    assert question.grade is not None
    assert question.grade.baseline == StatedBaseline((0.1, 0.3), "placebo arms elsewhere", "within a year")
    assert question.hash == lam.load_registry().question(TWO_ARM).hash
    found = lam.reports.grade(lam.pool(registry.evidence(TWO_ARM)), question.grade)
    assert found.certainty == "low"
    assert "within a year" in str(found)


@pytest.mark.parametrize(
    ("block", "code", "said"),
    [
        ("grade: {}", "LE321", "judges nothing"),
        ("grade: {certainty: {judgement: fair, because: x}}", "LE116", "very low, low, moderate, high"),
        ("grade: {certainty: {judgement: low}}", "LE102", "because"),
        ("grade: {certain: {judgement: low, because: x}}", "LE101", "certain"),
        ("grade: {domains: {precision: {judgement: serious, because: x}}}", "LE101", "precision"),
        ("grade: {domains: {imprecision: {judgement: bad, because: x}}}", "LE116", "extremely serious"),
        ("grade: {upgrades: {large_effect: {levels: 3, because: x}}}", "LE116", "at most 2"),
        ("grade: {information: {risk: 0.2, because: x}}", "LE116", "relative_reduction"),
        ("grade: {thresholds: [a]}", "LE", "a"),
        ("grade: {thresholds: [-2]}", "LE116", "threshold -2 is no value of OR"),
        ("grade: {thresholds: [0]}", "LE116", "give one above 0"),
        ("grade: {information: {difference: 5, sd: 3, because: x}}", "LE116", "give risk and relative_reduction"),
        ("grade: {baseline: {at: 2, because: x}}", "LE116", "baseline=2.0"),
    ],
)
def test_a_block_is_checked_as_strictly_as_everything(tmp_path, block, code, said):
    problems = registry_asking(tmp_path, **{TWO_ARM: edited(TWO_ARM, added(block))}).question_problems()
    assert any(p.code.startswith(code) and said in f"{p.message} {p.remedy}" for p in problems), problems
    assert all(p.line >= edited(TWO_ARM, added(block)).splitlines().index(block) + 1 for p in problems)


def test_a_question_that_is_not_pooled_has_no_certainty(tmp_path):
    side = "miles-adverse-events-by-category"
    text = (lam.load_registry().root / "questions" / f"{side}.yaml").read_text(encoding="utf-8")
    text += "grade: {certainty: {judgement: low, because: x}}\n"
    problems = registry_asking(tmp_path, **{side: text}).question_problems()
    assert [p.code for p in problems] == ["LE321"]


def test_the_end_of_a_question_is_where_the_tests_think():
    assert END in edited(TWO_ARM)


def test_no_shipped_question_claims_a_certainty_that_nobody_entered():
    for question in lam.load_registry().questions.values():
        assert question.grade is None


def test_grade_of_something_else_is_refused():
    for bad in (None, 1, odds_ratios()):
        with pytest.raises(LamEvidenceError, match="give what pool or pool_bayes returns"):
            lam.reports.grade(bad)


def test_thresholds_and_information_of_another_kind_of_outcome_are_refused_and_the_remedy_works():
    series = lam.pool(lam.load_registry().evidence("aml-response"))
    with pytest.raises(OptionError, match=r"threshold 120 is no value of PLO.*from 0 to 100"):
        lam.reports.grade(series, {"thresholds": [120]})
    assert "excludes" in str(lam.reports.grade(series, {"thresholds": [99.9]}))
    means = lam.pool(lam.load_registry().evidence("fev1-slope-on-sirolimus"))
    size = {"because": "as planned", "risk": 0.1, "relative_reduction": 0.5}
    with pytest.raises(OptionError, match="give difference and sd"):
        lam.reports.grade(means, {"information": size})
    size = {"because": "as planned", "difference": 50.0, "sd": 100.0}
    assert "information size 126" in str(lam.reports.grade(means, {"information": size}))
    assert "threshold -50" in str(lam.reports.grade(means, {"thresholds": [-50]}))
