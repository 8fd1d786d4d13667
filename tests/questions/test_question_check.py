# ruff: noqa: E501  a message is quoted whole
"""Questions are checked as strictly as records: what `pool` would refuse, `check` refuses, with the place in the file."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path

import pytest

from lamevidence.effects.derive.derivation import evidence
from lamevidence.effects.escalc import escalc
from lamevidence.effects.measures import MEASURES
from lamevidence.foundation.errors import AmbiguousFinding, InvalidRegistry, LamEvidenceError, QuestionError
from lamevidence.registry.registry import RegistryRecords
from lamevidence.workspace import Registry
from tests.registry.bad_records import injured, problems_in, shipped, told

SLOPES = "fev1-slope-on-sirolimus"
RATES = "pneumothorax-case-series"
TWO_ARM = "serious-adverse-events-two-arm"
END = 'registered: "2026-11-21"'


def text_of(question: str) -> str:
    return (shipped().root / "questions" / f"{question}.yaml").read_text(encoding="utf-8")


def edited(question: str, *edits: tuple[str, str]) -> str:
    text = text_of(question)
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def added(line: str) -> tuple[str, str]:
    return (END, f"{line}\n{END}")


def registry_asking(folder: Path, **questions: str) -> Registry:
    """The shipped records with other questions."""
    (folder / "questions").mkdir()
    for name, text in questions.items():
        (folder / "questions" / f"{name}.yaml").write_text(text, encoding="utf-8")
    records = {f.name: getattr(shipped(), f.name) for f in fields(RegistryRecords)}
    return Registry(**{**records, "root": folder})


def found(folder: Path, name: str, text: str) -> list[str]:
    """``CODE line:column message`` of each problem; the remedies are tested by following them."""
    problems = registry_asking(folder, **{name: text}).question_problems()
    return [f"{p.code} {p.line}:{p.column} {p.message}" for p in problems]


REFUSED = [
    (
        SLOPES,
        ("unit: mL/year\n", ""),
        "LE102 7:10 `unit` is missing: a mean has one, and findings in several units cannot be told apart without",
    ),
    (
        SLOPES,
        ("conditions: [LAM]", "conditions: [LAM], exclude: [{study: bee-2081, reason: x}]"),
        "LE304 9:125 unknown study `bee-2081`",
    ),
    (
        SLOPES,
        (
            "conditions: [LAM]",
            "conditions: [LAM], exclude: [{study: bee-2018, reason: x}, {study: bee-2018, reason: y}]",
        ),
        "LE301 9:155 bee-2018 is excluded twice",
    ),
    (SLOPES, ("hu-2019", "nope"), "LE304 10:19 unknown study of the group peking `nope`"),
    (SLOPES, ("hu-2019", "bee-2018"), "LE304 10:19 unknown study of the group peking `bee-2018`"),
    (SLOPES, ("peking:", "pekin:"), "LE304 10:11 unknown overlap group `pekin`"),
    (SLOPES, added("prefer: {nope: nope}"), "LE304 11:10 unknown study `nope`"),
    (SLOPES, added("prefer: {bee-2018: nope}"), "LE304 11:20 unknown finding of bee-2018 `nope`"),
    (
        SLOPES,
        added("prefer: {bee-2018: fev1-slope.direction}"),
        "LE308 11:20 finding fev1-slope.direction of bee-2018 does not answer this question: only the direction is printed (improved), no number",
    ),
    (
        SLOPES,
        added("prefer: {bee-2018: [1]}"),
        "LE107 11:20 an id of a finding, or a list of such ids, is expected here",
    ),
    (SLOPES, added("model: {tau2: NOPE}"), "LE322 11:15 unknown tau2 estimator 'NOPE'"),
    (SLOPES, added("model: {kind: nope}"), "LE322 11:15 unknown model 'nope'"),
    (SLOPES, added("model: {interval: HKSK}"), "LE322 11:19 unknown interval method 'HKSK'"),
    (SLOPES, added("model: {prediction: x}"), "LE322 11:21 unknown prediction interval 'x'"),
    (SLOPES, added("model: {level: 95}"), "LE116 11:16 level 95 is not between 0 and 1"),
    (SLOPES, added("model: {level: 1}"), "LE116 11:16 level 1 is not between 0 and 1"),
    (SLOPES, added("model: {kind: common, tau2: REML}"), "LE322 11:8 model='common' has no tau2"),
    (SLOPES, added("model: {kind: mh}"), "LE322 11:8 Mantel-Haenszel pooling has no measure 'MN'"),
    (SLOPES, ("measure: MN", "measure: XX"), "LE304 7:10 unknown effect measure `XX`"),
    (
        SLOPES,
        ("measure: MN", "measure: MD"),
        "LE321 7:10 measure MD is not made from findings of kind continuous in a comparison single_arm",
    ),
    (SLOPES, ("measure: MN", "measure: mn"), "LE304 7:10 unknown effect measure `mn`"),
    (
        SLOPES,
        ("kind: continuous", "kind: contrast"),
        "LE321 5:7 no estimate of a comparison single_arm is made from findings of kind contrast",
    ),
    (SLOPES, ("unit: mL/year", "unit: mL"), "LE122 8:7 fev1_slope in `mL`, a volume"),
    (SLOPES, ("unit: mL/year", "unit: mL/yr"), "LE121 8:7 unknown unit `mL/yr`"),
    (SLOPES, ("[sirolimus]", "[sirolimis]"), "LE304 9:31 unknown intervention `sirolimis`"),
    (SLOPES, ("on_treatment", "on_treatmen"), "LE106 9:52 `on_treatmen` is not allowed here"),
    (
        SLOPES,
        ("primary: {peking: hu-2019}\n", ""),
        "LE311 1:1 hu-2019 and zhan-2018 share patients (one hospital and author group in Peking; patients overlap to an unknown extent) and all enter fev1-slope-on-sirolimus",
    ),
    (
        SLOPES,
        added("rows: category"),
        "LE321 11:7 rows by category for findings of kind continuous: it has no meaning there",
    ),
    (
        SLOPES,
        added("rows: subject"),
        "LE321 11:7 rows by subject for findings of kind continuous: it has no meaning there",
    ),
    (
        SLOPES,
        added("correlation: {used: 0, low: 0, high: 0, because: x}"),
        "LE321 11:14 `correlation` in a comparison single_arm: it has no meaning there",
    ),
    (
        SLOPES,
        ("phases:", "comparators: [placebo], phases:"),
        "LE321 9:56 `comparators` in a comparison single_arm: it has no meaning there",
    ),
    (
        TWO_ARM,
        added("bayes: {print_uncertainty: true, because: x}"),
        "LE322 9:28 print_uncertainty is that of estimates, and the hypergeometric likelihood is one of counts, whole numbers",
    ),
    (SLOPES, added("bayes: {tau: {os.system: id}, because: x}"), "LE322 11:14 unknown prior of tau 'os.system'"),
    (SLOPES, added("bayes: {tau: {half_normal: -1}, because: x}"), "LE322 11:14 HalfNormal scale=-1 is not usable"),
    (
        SLOPES,
        added("bayes: {tau: {half_normal: [1, 2]}, because: x}"),
        "LE322 11:14 tau: half_normal does not take (1, 2)",
    ),
    (SLOPES, added("bayes: {mu: {half_normal: 2}, because: x}"), "LE322 11:13 unknown prior of mu 'half_normal'"),
    (
        SLOPES,
        added("bayes: {tau: {half_normal: 2, unit: L}, because: x}"),
        "LE322 11:14 L is a volume and mL/year a volume/time: no exact factor joins them",
    ),
    (
        SLOPES,
        added("bayes: {tau: {jeffreys: []}, because: x}"),
        "LE322 11:14 τ ~ Jeffreys() is improper and a t likelihood does not bound τ",
    ),
    (SLOPES, (END, 'registered: "2026-13-45"'), "LE106 11:13 `2026-13-45` is not a day"),
    (SLOPES, (END, 'registered: "20261121"'), "LE106 11:13 `20261121` is not a day"),
    (
        SLOPES,
        ("conditions: [LAM]}\nprimary", "conditions: [LAM], follow_up: {least: -2 year}}\nprimary"),
        "LE116 9:118 follow_up of -2 year",
    ),
    (SLOPES, added("bayes: {because: x}"), "LE102 11:8 `bayes` states no prior"),
    (SLOPES, added('notes: ["a\\x1bb"]'), "LW109 11:9 `a\\u001bb` holds U+001B"),
    ("stomatitis", added("unit: mL"), "LE321 9:7 a logit proportion has no unit, not mL"),
    (
        "stomatitis",
        ("phases:", "statistics: [mean], phases:"),
        "LE321 8:55 `statistics` for findings of kind dichotomous: it has no meaning there",
    ),
    ("stomatitis", ("phases:", "categories: [nope], phases:"), "LE304 8:56 unknown category `nope`"),
    (
        "stomatitis",
        ("measure: PLO", "measure: IRLN"),
        "LE321 7:10 measure IRLN is not made from findings of kind dichotomous in a comparison single_arm",
    ),
    (TWO_ARM, ("comparators: [placebo]", "comparators: [sirolimus]"), "LE321 8:82 sirolimus is compared with itself"),
    (
        RATES,
        ("unit: events/person-year\n", ""),
        "LE102 7:10 `unit` is missing: a log incidence rate has one, and findings in several units cannot be told apart without",
    ),
    (RATES, ("unit: events/person-year", "unit: month"), "LE122 8:7 a rate in `month`"),
    (
        "miles-adverse-events-by-category",
        ("pooled: false\n", ""),
        "LE311 9:7 several rows of one study share patients and cannot be pooled: those of mccormack-2011",
    ),
    (
        "miles-adverse-events-by-category",
        added("model: {tau2: REML}"),
        "LE321 12:1 `model` in a question that is not pooled",
    ),
]


@pytest.mark.parametrize(("question", "edit", "expected"), REFUSED, ids=[e[2][:60] for e in REFUSED])
def test_check_refuses_with_the_place(tmp_path, question, edit, expected):
    assert found(tmp_path, question, edited(question, edit))[0] == expected


@pytest.mark.parametrize(
    "line",
    [
        "model: {level: 0.9}",
        "model: {kind: common}",
        "model: {tau2: none}",
        "bayes: {mu: {normal: {loc: 0, scale: 10}}, because: x}",
        "bayes: {tau: {half_normal: 2, unit: L/year}, because: x}",
        "bayes: {print_uncertainty: true, because: x}",
        "prefer: {bee-2018: fev1-slope.on}",
        "prefer: {bee-2018: [fev1-slope.on]}",
    ],
)
def test_what_pool_would_take_is_no_problem(tmp_path, line):
    assert found(tmp_path, SLOPES, edited(SLOPES, added(line))) == []


def test_shipped_questions_are_clean():
    assert shipped().question_problems() == ()


def test_nearest_names_are_in_the_remedy(tmp_path):
    text = edited(SLOPES, ("conditions: [LAM]", "conditions: [LAM], exclude: [{study: bee-2081, reason: x}]"))
    (problem,) = registry_asking(tmp_path, **{SLOPES: text}).question_problems()
    assert problem.remedy.startswith("did you mean `bee-2018`?")
    assert problem.path == f"questions/{SLOPES}.yaml"
    assert problem.excerpt.startswith("eligibility:")


def test_a_word_that_no_record_has_is_told(tmp_path):
    text = edited(SLOPES, ("[sirolimus]", "[nintedanib]"))
    assert found(tmp_path, SLOPES, text) == [
        "LW307 9:31 unknown intervention `nintedanib`",
        "LW309 1:5 no study answers this question",
    ]


def test_a_wrong_question_is_not_answered(tmp_path):
    registry = registry_asking(tmp_path, **{SLOPES: edited(SLOPES, ("unit: mL/year\n", ""))})
    with pytest.raises(InvalidRegistry, match="`unit` is missing"):
        registry.evidence(SLOPES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": None}, "LE102: `unit` is missing"),
        ({"measure": "XX"}, "LE304: unknown effect measure `XX`"),
        ({"measure": "PLO"}, "LE321: measure PLO is not made"),
        ({"outcome": "nope"}, "LE304: unknown outcome `nope`"),
        ({"prefer": {"nope": "nope"}}, "LE304: unknown study `nope`"),
        ({"primary": {"peking": "nope"}}, "LE304: unknown study of the group peking"),
        ({"primary": {"nope": "nope"}}, "LE304: unknown overlap group `nope`"),
    ],
)
def test_a_question_made_in_python_is_refused_alike(change, said):
    question = replace(shipped().question(SLOPES), **change)
    with pytest.raises(QuestionError, match=said):
        shipped().evidence(question)
    with pytest.raises(QuestionError, match=said):
        evidence(shipped(), question)


def test_no_measure_is_taken_for_another():
    """Every comparison × kind × measure: refused, or the estimates are those that the measure's own formula gives."""
    for base in (SLOPES, "stomatitis", RATES, TWO_ARM, "fev1-slope-difference-randomised"):
        question = shipped().question(base)
        for code in MEASURES:
            asked = replace(question, measure=code, unit=question.unit if MEASURES[code].dimension != "none" else None)
            try:
                table = shipped().evidence(asked)
            except LamEvidenceError:
                assert code != question.measure
                continue
            family = MEASURES[question.measure].family
            hazard = MEASURES[code].family == "hazard"  # patients in a time and events in person-time are both read so
            assert code == question.measure or MEASURES[code].family == family or hazard, (base, code)
            if hazard:
                assert table.yi == pytest.approx(escalc(code, **table.counts).yi, rel=1e-12, nan_ok=True)
            elif family in ("means", "mean"):
                assert code == question.measure
            else:
                names = {"proportion": ("xi", "ni"), "rate": ("xi", "ti"), "two-by-two": ("ai", "n1i", "ci", "n2i")}
                again = escalc(code, **{n: table.counts[n] for n in names[family]})
                assert table.yi == pytest.approx(again.yi, rel=1e-12, nan_ok=True)


def test_the_remedy_of_an_ambiguous_finding_works():
    """Each arm of MILES prints a rate for every category: `prefer` names one an arm, as the message says."""
    question = shipped().question("miles-adverse-events-by-category")
    loose = replace(question, rows="study", pooled=True)
    with pytest.raises(AmbiguousFinding, match=r"name one under `prefer: \{mccormack-2011: …\}`") as caught:
        shipped().evidence(loose)
    assert "results of its treated arm" in str(caught.value)
    shown = shipped().evidence(question)
    of_one = next(row for row in shown if math.isfinite(row.yi))
    named = replace(loose, prefer={"mccormack-2011": tuple({cell[0] for cell in of_one.lineage.cells})})
    assert shipped().evidence(named).yi.tolist() == [of_one.yi]


PAIR = """\
  - id: change
    kind: paired
    outcome: fev1_slope
    arm: sirolimus
    phase: on_treatment
    before: {before}
    after: {after}
    at: {{source: main, section: abstract}}
curation:"""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("change", "slope", "LE304 {line}:13 finding change refers to itself | name the finding of the before value"),
        ("slope", "slope", "LE304 {line}:12 slope is compared with itself | name the finding after the treatment"),
        (
            "slope",
            "response",
            "LE304 {line}:12 response is of kind dichotomous, not a mean or slope | name a finding of kind continuous",
        ),
        (
            "slope",
            "slop",
            "LE304 {line}:12 unknown finding `slop` | did you mean `slope`? choices: ae, change, difference, response, slope",
        ),
    ],
)
def test_a_pair_names_two_other_findings(before, after, expected):
    text = injured(("curation:", PAIR.format(before=before, after=after)))
    line = text[: text.index("    before:" if "before value" in expected else "    after:")].count("\n") + 1
    assert told(problems_in(text)) == [expected.format(line=line)]
