# ruff: noqa: E501  a message is quoted whole
"""Follow-up, p between arms, blood levels, bounds, years and possible overlaps: read, refused, and used."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.audit.dispersion import interval_and_se
from lamevidence.effects.derive.counts import events_over_time, patients_affected
from lamevidence.effects.derive.derivation import evidence
from lamevidence.errors import NotDerivable, QuestionError
from lamevidence.foundation.lineage import Reported
from lamevidence.registry.files import parse_yaml
from lamevidence.registry.overlaps import OverlapGroup
from lamevidence.registry.reader import read_study
from lamevidence.registry.records import NOT_REPORTED, Direction, FollowUp
from lamevidence.workspace import load_registry
from tests.registry.bad_records import injured, problems_in, told, vocabulary

PLACEBO = """  - id: slope.placebo
    kind: continuous
    outcome: fev1_slope
    arm: placebo
    phase: placebo
    statistic: slope
    value: -12
    unit: mL/month
    dispersion: {type: se, value: 2}
    at: {source: main, table: "2", printed: "-12±2"}
curation:"""
AT_SLOPE = '    at: {source: main, table: "2", printed: "1±2"}\n'
AT_RESPONSE = '    at: {source: main, section: abstract, printed: "16/36"}\n'


def study(*edits):
    record, problems = read_study(parse_yaml(injured(*edits).encode(), "records/doe-2011.yaml"), vocabulary())
    assert record is not None, told(problems)
    assert not problems, told(problems)
    return record


def slope_with(line: str, *more: tuple[str, str]):
    return [(AT_SLOPE, f"    {line}\n{AT_SLOPE}"), *more]


@pytest.fixture(scope="module")
def registry():
    return load_registry()


# --- follow-up


def test_follow_up_is_read_on_every_kind_of_finding():
    line = 'follow_up: {value: 35.8 month, kind: mean, spread: {type: sd, value: 4}, at: {source: main, section: x, printed: "35.8"}}'
    span = study(*slope_with(line)).finding("slope").follow_up
    assert isinstance(span, FollowUp)
    assert (span.kind, span.value.value, span.value.unit) == ("mean", Decimal("35.8"), "month")
    assert span.spread.value.value == 4
    assert span.at.section == "x"
    assert study().finding("slope").follow_up is NOT_REPORTED
    assert study(*slope_with("follow_up: not_reported")).finding("slope").follow_up is NOT_REPORTED


def test_a_bare_length_does_not_say_what_it_is():
    assert study().finding("ae").follow_up == FollowUp(Reported(Decimal(12), "month", Decimal("0.5")), "not_stated")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("follow_up: {value: 12 month}", "LE102 26:16 `kind` is missing | add it; what the source does not say is written not_reported"),
        ("follow_up: {value: 12 mL, kind: mean}", "LE122 26:16 follow_up in mL is a volume | write it in month or year"),
        ("follow_up: {value: 0 month, kind: mean}", "LE116 26:16 follow_up must be positive (0) | write what the source prints, or not_reported"),
        ("follow_up: {value: 12 month, kind: about}", "LE106 26:40 `about` is not allowed here | allowed: planned, mean, median, minimum, maximum, exact, not_stated"),
        ("follow_up: {value: 12 month, kind: mean, at: {source: othr, section: x}}", "LE304 26:59 unknown publication `othr` | choices: main"),
        ("follow_up: {value: 12 month, kind: median, spread: {type: iqr, low: 20, high: 10}}", "LE212 26:73 lower 20 > upper 10 | swapped? For a decline printed as a positive number write both bounds with a minus, the larger decline as `low`"),
    ],
)  # fmt: skip
def test_follow_up_is_refused_with_its_place(line, expected):
    assert expected in told(problems_in(injured(*slope_with(line))))


@pytest.mark.parametrize(
    ("kind", "assumption"),
    [
        ("mean", "every patient was followed for the printed time"),
        ("planned", "every patient was followed for the planned time"),
        ("minimum", "no patient was followed for longer than the printed lower bound"),
    ],
)
def test_the_assumption_of_a_nominal_person_time_says_which_follow_up_it_is(kind, assumption):
    rate = study().finding("ae")
    rate = replace(rate, follow_up=replace(rate.follow_up, kind=kind))
    count = events_over_time(rate, "person-year")
    assert float(count.person_time.value) == pytest.approx(46)  # 46 patients, 12 months
    assert count.steps[0].assumption == assumption


# --- p between arms


def test_p_between_names_the_other_arm():
    line = 'p_between: {less_than: 0.001, against: slope.placebo, test: mixed model, at: {source: main, table: "2", column: p}}'
    found = study(*slope_with(line, ("curation:", PLACEBO))).finding("slope").p_between
    assert (found.against, found.p.relation, str(found.p.value), found.p.test) == (
        "slope.placebo",
        "<",
        "0.001",
        "mixed model",
    )
    assert found.p.at.column == "p"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("p_between: {value: 0.3, against: slope.placbo}", "unknown finding `slope.placbo`"),
        ("p_between: {value: 0.3, against: slope}", "slope is of fev1_slope in arm sirolimus, this finding of fev1_slope in arm sirolimus"),
        ("p_between: {value: 0.3, against: response}", "response is of aml_response in arm sirolimus, this finding of fev1_slope in arm sirolimus"),
        ("p_between: {value: 1.3, against: slope.placebo}", "p 1.3 is not between 0 and 1"),
        ("p_between: {value: 0.3}", "`against` is missing"),
        ("p_between: {against: slope.placebo}", "p has 0 of value, less_than, greater_than"),
    ],
)  # fmt: skip
def test_p_between_is_refused(line, expected):
    problems = problems_in(injured(*slope_with(line, ("curation:", PLACEBO))))
    assert [p.message for p in problems] == [expected]


# --- levels, bounds, years, identifiers, several outcomes of one judgement


def test_levels_are_numbers():
    arm = "  - {id: sirolimus, intervention: sirolimus, randomised: 46"
    good = f'{arm}, level: {{kind: target, low: 5 ng/mL, high: 15 ng/mL, at: {{source: main, section: Methods, printed: "5 and 15"}}}}'
    level = study((arm, good)).arm("sirolimus").level
    assert (level.kind, float(level.low), float(level.high), level.mean) == ("target", 5, 15, None)
    for wrong, message in [
        ("low: 5 mL", "a blood level in mL"),
        ("low: 20 ng/mL", "low, mean and high are not in order"),
        ("low: 5", "`5` has no unit"),
    ]:
        problems = problems_in(injured((arm, good.replace("low: 5 ng/mL", wrong))))
        assert [p.message for p in problems] == [message]


def test_a_bound_is_no_count():
    edits = ("    affected: 16\n", "    percent_at_most: 5\n"), ("16/36", "5 or less")
    bound = study(*edits, ("    interval: {type: ci, low: 28, high: 61, level: 95}\n", "")).finding("response")
    assert float(bound.percent_at_most) == 5
    with pytest.raises(NotDerivable, match="only a bound is printed: at most 5 %"):
        patients_affected(bound)


def test_years_and_identifiers_may_be_not_reported():
    edits = [('pmid: "12345678"', "pmid: not_reported"), ("doi: 10.1000/xyz", "doi: not_reported")]
    record = study(*edits, ("label: Doe 2011", "label: Doe"), ("year: 2011\n", "year: not_reported\n"))
    assert record.year is NOT_REPORTED
    assert record.publications[0].doi is record.publications[0].pmid is NOT_REPORTED


def test_one_judgement_of_several_outcomes():
    text = """risk_of_bias:
  - tool: RoB2
    outcome: [fev1_slope, aml_response]
    overall: low
    domains: {D1: {judgement: low, support: central}}
curation:"""
    judged = study(("curation:", text)).risk_of_bias
    assert [j.outcome for j in judged] == ["fev1_slope", "aml_response"]
    assert judged[0].domains == judged[1].domains


# --- possible overlaps


def test_a_possible_overlap_is_said_and_removes_nothing(registry):
    question = registry.questions["fev1-slope-untreated"]
    table = evidence(registry, question)
    used = table.studies
    group = OverlapGroup("spring", (used[0], used[1]), "possible", "one town")
    others = tuple(g for g in registry.overlap_groups if g.binding)
    plain = evidence(replace(registry, overlap_groups=others), question)
    doubted = evidence(replace(registry, overlap_groups=(*others, group)), question)
    assert doubted.studies == plain.studies == table.studies
    said = f"{used[0]} and {used[1]} may share patients (one town); all are used (overlap spring)."
    assert doubted.notes == (*plain.notes, said)
    lone = replace(group, studies=(used[0], "yoon-2018"))
    assert evidence(replace(registry, overlap_groups=(*others, lone)), question).notes == plain.notes


def test_a_possible_overlap_has_no_primary_study(registry):
    question = registry.questions["fev1-slope-untreated"]
    wrong = replace(question, primary={**question.primary, "uk-centre": "johnson-1999"})
    with pytest.raises(QuestionError, match="the group uk-centre is a possible overlap, which removes no study"):
        evidence(registry, wrong)
    assert evidence(registry, question).k > 0  # the remedy: delete the line


def test_the_possible_overlaps_of_the_registry(registry):
    possible = {g.id: set(g.studies) for g in registry.overlap_groups if not g.binding}
    assert possible["uk-centre"] == {"johnson-1999", "chang-2014", "bee-2018"}
    assert set(possible) == {"uk-centre", "nhlbi-miles", "midas-nih", "china-pool-peking"}
    assert all(g.reason and g.basis == "inferred" for g in registry.overlap_groups if not g.binding)


# --- what the shipped records print


def test_every_direction_has_its_printed_words(registry):
    directions = [(s.id, f) for s, f in registry.findings() if isinstance(f, Direction)]
    assert len(directions) > 40
    assert [(s, f.id) for s, f in directions if not f.at.printed] == []


def test_the_row_that_a_damaged_copy_gave_to_yao_is_not_recorded(registry):
    assert {f.outcome: f.direction for f in registry.study("yao-2014").findings if isinstance(f, Direction)} == {
        "fev1": "improved",
        "dlco": "improved",
        "lung_cysts": "unchanged",
        "six_minute_walk": "unchanged",
    }


def test_corrections_of_single_records(registry):
    knee = registry.study("benveniste-2021-ibm").finding("knee-extension-change.difference")
    assert knee.measure == "DM"
    assert registry.study("midas-registry").year is NOT_REPORTED
    exist2 = registry.study("bissler-2013-exist2").finding("on-treatment-at-cutoff")
    assert (exist2.affected, exist2.at_risk) == (98, 118)
    bee = registry.study("bee-2018")
    assert float(bee.finding("adverse-event.any-one-kind").percent_at_most) == 5
    assert str(bee.finding("fev1-slope.direction").p.value) == "0.0001"


def test_a_study_without_a_year_sorts_last():
    table = lam.EvidenceTable.from_estimates([1.0, 2.0, 3.0], vi=[1.0, 1.0, 1.0], labels=["A", "B", "C"])
    table = replace(table, years=(2011, None, 2004))
    order = lam.checks.cumulative(lam.pool(table, model="fixed"), order="year")
    assert "B" in str(order.to_frame().iloc[-1, 0])


def test_miles_p_values_between_arms_are_data(registry):
    """The columns of p of Tables 1 and 2, and the text, of McCormack 2011."""
    miles = registry.study("mccormack-2011")
    printed = {f.id: f.p_between for f in miles.findings if f.p_between is not None}
    assert len(printed) == 50
    told = {i: f"{'' if b.p.relation == '=' else b.p.relation}{b.p.value}" for i, b in printed.items()}
    slopes = "fev1 <0.001 fvc <0.001 tlc 0.34 rv 0.46 frc 0.049 dlco 0.17 six-minute-walk 0.88 eq-vas 0.03 fpi 0.03 vegfd 0.001"
    changes = "fev1 <0.001 fvc 0.001 tlc 0.65 rv 0.61 frc 0.43 dlco 0.38 six-minute-walk 0.99 eq-vas 0.02 fpi 0.08 vegfd 0.001"
    for column, cells in ((".sirolimus.on", slopes), (".sirolimus", changes)):
        kind = "slope" if column.endswith("on") else "change"
        words = cells.split()
        for name, p in zip(words[::2], words[1::2], strict=True):
            assert told[f"{name}-{kind}{column}"] == p
    assert told["sae.pulmonary-upper-respiratory.sirolimus.on"] == "<0.001"
    assert all(b.p.at is not None and b.p.at.printed for b in printed.values())
    assert [f.id for f in miles.findings if "between arms p" in f.note] == [
        "baseline.race-white.sirolimus"
    ]  # of a 3 × 2 table
    assert miles.finding("eq-vas-change.difference").p.at.source == "pmc"


def test_miles_completers_deaths_and_reasons_to_leave(registry):
    miles = registry.study("mccormack-2011")
    cells = {
        "completed.12m.placebo": (34, 43),
        "completed.12m.sirolimus": (41, 46),
        "death.placebo.treatment-year": (0, 43),
        "death.sirolimus.on": (0, 46),
        "sae-patients.pericarditis.sirolimus": (1, 46),
    }
    assert {i: (miles.finding(i).affected, miles.finding(i).at_risk) for i in cells} == cells
    left = [f for f in miles.findings if f.outcome == "withdrawal"]
    by_arm = {arm: sum(f.affected for f in left if f.arm == arm) for arm in ("placebo", "sirolimus")}
    assert by_arm == {"placebo": 12, "sirolimus": 12}  # 3 + 2 + 3 + 2 + 2 and 5 + 3 + 2 + 1 + 1, legend of Figure 1
    assert len(left) == 16  # eight reasons, two arms
    assert {f.phase for f in left} == {"whole_study"}


def test_one_clock_a_study(registry):
    for study, finding in registry.findings():
        if finding.phase == "observation" and finding.timeframe and isinstance(finding.timeframe.end, Reported):
            assert float(finding.timeframe.end) >= 24, (study.id, finding.id)  # months from baseline


def test_malinowska_intervals_follow_from_their_sd(registry):
    """The printed 95 % intervals are t intervals of the printed means and SDs, to within 2 pg/mL (Table 1)."""
    rows = [f for f in registry.study("malinowska-2013").findings if f.outcome == "vegfd" and f.statistic == "mean"]
    medians = [f for f in registry.study("malinowska-2013").findings if getattr(f, "statistic", "") == "median"]
    assert len(rows) == len(medians) == 10
    for f in rows:
        half = stats.t.ppf(0.975, f.n - 1) * float(f.dispersion.value) / f.n**0.5
        assert float(f.dispersion.low) == pytest.approx(float(f.value) - half, abs=3)
        assert float(f.dispersion.high) == pytest.approx(float(f.value) + half, abs=3)


def test_an_interval_of_another_sd_is_questioned(registry):
    """LE213 takes t and normal intervals, and neither of another arm."""
    study = registry.study("malinowska-2013")
    row = study.finding("vegfd.stopped.0m")
    other = replace(row, dispersion=replace(row.dispersion, value=study.finding("vegfd.stopped.4m").dispersion.value))
    doubts = list(interval_and_se(replace(study, findings=(row, other)), registry))
    assert [d.finding.dispersion.value.value for d in doubts] == [Decimal(304)]


def test_follow_up_wherever_printed(registry):
    spans = {
        s.id: {f.id: f.follow_up for f in s.findings if isinstance(f.follow_up, FollowUp)} for s in registry.studies
    }
    assert {s for s, found in spans.items() if not found} == {
        "lam-foundation-pneumothorax",
        "pneumothorax-cohort-2022",
        "taveira-dasilva-2015",
    }
    assert str(spans["bee-2018"]["fev1-slope.on"].value.value) == "35.8"
    assert {f.kind for found in spans.values() for f in found.values()} == {
        "planned", "mean", "median", "minimum", "maximum", "exact", "not_stated"
    }  # fmt: skip
    for study in registry.studies:
        for finding in study.findings:
            if isinstance(finding.follow_up, FollowUp):
                at = finding.follow_up.at or finding.at
                assert at.printed, (study.id, finding.id)
                assert at.source in {p.id for p in study.publications}


def test_levels_of_arms(registry):
    levels = {s.id: a.level for s in registry.studies for a in s.arms if a.level is not None}
    assert len(levels) == 13
    ando = levels["ando-2013"]
    assert (ando.kind, float(ando.mean), float(ando.low), float(ando.high)) == ("measured", 2.16, 0.8, 4.3)
    assert (levels["mccormack-2011"].kind, float(levels["mccormack-2011"].high)) == ("target", 15)


def test_histories_of_pneumothorax_and_the_figures_of_the_lam_foundation(registry):
    series = registry.study("pneumothorax-series-2018")
    spans = [series.finding(f"pneumothorax.pre.case-{n}").follow_up.value for n in range(1, 6)]
    assert [f"{s.value} {s.unit}" for s in spans] == ["4 month", "4 month", "9 month", "8 year", "3 year"]
    told = {f.id: float(f.percent) for f in registry.study("lam-foundation-pneumothorax").findings}
    assert told == {"recurrence.conservative": 67, "recurrence.surgery": 32, "recurrence.chemical-pleurodesis": 27}


def test_risk_of_bias_of_every_outcome_that_could_be_pooled(registry):
    counted = ("follow_up_time",)  # a description of the cohort, not an outcome
    for study in registry.studies:
        judged = {j.outcome for j in study.risk_of_bias}
        usable = {
            f.outcome
            for f in study.findings
            if not isinstance(f, Direction) and f.phase != "baseline" and not f.not_poolable
        }
        assert usable - judged - set(counted) == set(), study.id
        assert len(judged) == len(study.risk_of_bias), f"{study.id}: one outcome judged twice"
        for entry in study.risk_of_bias:
            assert entry.assessor
            assert len(entry.domains) == {"RoB2": 5, "ROBINS-I": 7, "JBI-case-series": 10}[entry.tool]
            assert all(support for _, _, support in entry.domains)


def test_a_rob2_judgement_is_not_better_than_its_worst_domain(registry):
    rank = {"low": 0, "moderate": 1, "some": 1, "serious": 2, "high": 2}
    for study in registry.studies:
        for entry in study.risk_of_bias:
            if entry.tool != "JBI-case-series":
                worst = max(rank.get(judgement, 0) for _, judgement, _ in entry.domains)
                assert rank[entry.overall] == worst, (study.id, entry.outcome)


def test_an_answer_shows_the_judgement_of_its_own_outcome(registry):
    table = registry.evidence("aml-response")
    by_study = dict(zip(table.studies, table.risk_of_bias, strict=True))
    assert by_study["dabora-2011"].outcome == "aml_response"
    question = registry.questions["aml-response"]
    study = registry.study("dabora-2011")
    other = replace(study, risk_of_bias=tuple(j for j in study.risk_of_bias if j.outcome != "aml_response"))
    without = replace(registry, by_id={**registry.by_id, "dabora-2011": other})
    table = evidence(without, question)
    assert dict(zip(table.studies, table.risk_of_bias, strict=True))["dabora-2011"] is None


def test_a_registry_without_a_year_is_pooled_and_drawn(registry):
    """MIDAS prints none: MILES 156 (33.94) and MIDAS 74.36 (29.84) mL/year."""
    question = registry.questions["fev1-slope-difference-randomised"]
    rules = replace(
        question.eligibility, designs=(), comparators=("placebo", "untreated"), phases=("on_treatment", "placebo")
    )
    table = evidence(registry, replace(question, eligibility=rules, prefer={
        "mccormack-2011": ("fev1-slope.sirolimus.on", "fev1-slope.placebo.treatment-year")
    }))  # fmt: skip
    assert dict(zip(table.studies, table.years, strict=True)) == {"mccormack-2011": 2011, "midas-registry": None}
    assert table.yi.tolist() == pytest.approx([156, 74.36])
    assert table.sei.tolist() == pytest.approx([33.94, 29.84], abs=0.01)
    fit = lam.pool(table)
    assert lam.checks.cumulative(fit, order="year").to_frame().shape[0] == 2
    assert lam.plots.forest(fit, sort="year").description
