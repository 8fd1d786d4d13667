"""Sensitivity sets: what each changes, and what is refused because it changes nothing or names what is not there."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import OptionError, QuestionError
from lamevidence.questions import Variation, varied

QUESTION = "fev1-slope-on-sirolimus"
REGISTRY = lam.load_registry()


def made(**changes):
    return varied(REGISTRY.question(QUESTION), Variation("set", "because", **changes))


def test_the_sets_of_the_flagship_question():
    """Numbers of the plan: 4.7 without Neurohr, 145 with Zhan for Hu, 13 with both; normal likelihood 57.5."""
    sets = REGISTRY.sensitivity(QUESTION)
    assert [t.k for t in sets.values()] == [4, 3, 4, 3, 2, 4, 4, 4]
    means = {name: lam.pool(table) for name, table in sets.items()}
    assert float(means["without Neurohr 2011"].estimate) == pytest.approx(4.7, abs=0.05)
    assert float(means["Zhan 2018 in place of Hu 2019"].estimate) == pytest.approx(145, abs=0.5)
    assert float(means["Zhan 2018, without Neurohr 2011"].estimate) == pytest.approx(13, abs=0.5)
    normal = lam.pool_bayes(sets["every SE taken as exact"])
    assert normal.likelihood == "normal"
    assert normal.mu.median == pytest.approx(57.5, abs=0.5)
    assert lam.pool_bayes(REGISTRY.evidence(QUESTION)).likelihood == "t"


def test_a_set_is_the_question_with_one_choice_made_otherwise():
    question = REGISTRY.question(QUESTION)
    other = made(leave_out=("neurohr-2011",))
    assert other.id == question.id
    assert other.sensitivity == ()
    assert replace(other, eligibility=question.eligibility, sensitivity=question.sensitivity) == question
    (left,) = [e for e in REGISTRY.evidence(other).excluded if e.study == "neurohr-2011"]
    assert "because" in left.reason


def test_reading_a_spread_otherwise_scales_its_standard_error_and_says_so():
    primary, other = REGISTRY.evidence(QUESTION), REGISTRY.evidence(made(read_as={"bee-2018": "se"}))
    before, after = primary["bee-2018"], other["bee-2018"]
    assert after.sei == pytest.approx(before.sei * np.sqrt(before.n), rel=1e-12)
    assert "the question reads it so" in str(after.lineage)
    finding = next(f for f in REGISTRY.study("bee-2018").findings if f.id == before.lineage.cells[0][0])
    named = REGISTRY.evidence(made(read_as={f"bee-2018/{finding.id}": "se"}))
    assert named["bee-2018"].vi == after.vi


def test_taking_in_and_admitting_any():
    question = replace(
        REGISTRY.question(QUESTION),
        eligibility=replace(
            REGISTRY.question(QUESTION).eligibility,
            exclude=(lam.questions.question.ExcludedStudy("bee-2018", "tried"),),
        ),
    )
    assert REGISTRY.evidence(question).k == 3
    assert REGISTRY.evidence(varied(question, Variation("s", "b", take_in=("bee-2018",)))).k == 4
    wider = varied(question, Variation("s", "b", eligibility={"conditions": ()}))
    assert wider.eligibility.conditions == ()
    assert wider.eligibility.phases == question.eligibility.phases


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"leave_out": ("neurohr-2012",)}, "did you mean `neurohr-2011`"),
        ({"take_in": ("bee-2018",)}, "not excluded by the question"),
        ({"read_as": {"bee-2018": "sd"}}, "reads otherwise than SD"),
        ({"read_as": {"bee-2018/nope": "se"}}, "unknown finding of bee-2018"),
        ({"read_as": {"nope": "se"}}, "unknown study"),
        ({"primary": {"peking": "bee-2018"}}, "unknown study of the group peking"),
        ({"prefer": {"nope": "x"}}, "unknown study"),
    ],
)
def test_a_set_that_names_what_is_not_there_is_refused(changes, words):
    question = replace(REGISTRY.question(QUESTION), sensitivity=(Variation("set", "because", **changes),))
    with pytest.raises(QuestionError, match=words):
        REGISTRY.evidence(question)


def test_values_of_a_variation_are_checked():
    for wrong in ({"eligibility": {"nope": ()}}, {"leave_out": ["a"]}, {"correlation": 2.0}, {"read_as": [1]}):
        with pytest.raises(OptionError):
            Variation("set", "because", **wrong)
    with pytest.raises(OptionError, match="uses no correlation"):
        made(correlation=0.5)
    with pytest.raises(OptionError, match="read_as"):
        made(read_as={"bee-2018": "range"})


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        ("- {name: a, because: b, leave_out: [neurohr-2012]}", "LE304", "did you mean `neurohr-2011`"),
        ("- {name: a, because: b}", "LE321", "changes nothing"),
        ("- {name: a, because: b, correlation: 0.5}", "LE321", "states none"),
        ("- {name: a, because: b, model: {tau2: NOPE}}", "LE322", "NOPE"),
        ("- {name: a, because: b, bayes: {likelihood: nope}}", "LE322", "nope"),
        ("- {name: a, because: b, bayes: {likelihood: binomial}}", "LE322", "binomial"),
        (
            "- {name: a, because: b, eligibility: {phases: [on_treatment]}}",
            "LE321",
            "of the primary one",
        ),
        ("- {name: a, because: b, eligibility: {conditions: [gout]}}", "LW309", "no study answers"),
        ("- {name: a, because: b, primary: {peking: bee-2018}}", "LE304", "group peking"),
        ("- {name: a, because: b, nope: 1}", "LE101", "nope"),
        (
            "- {name: a, because: b, leave_out: [bee-2018]}\n  - {name: a, because: b, leave_out: [hu-2019]}",
            "LE301",
            "two sets are named",
        ),
    ],
)
def test_check_finds_the_set_with_its_line(tmp_path, lines, code, words):
    root = tmp_path / "registry"
    shutil.copytree(REGISTRY.root, root)
    path = root / "questions" / f"{QUESTION}.yaml"
    text = path.read_text(encoding="utf-8")
    head = text[: text.index("sensitivity:")]
    path.write_text(f"{head}sensitivity:\n  {lines}\n", encoding="utf-8")
    found = lam.load_registry(root).question_problems()
    hits = [p for p in found if p.code == code and words in f"{p.message} {p.remedy}"]
    assert hits, [str(p) for p in found]
    assert all(p.line > head.count("\n") for p in hits)


def test_every_shipped_set_differs_from_its_primary():
    for question_id, question in REGISTRY.questions.items():
        primary = REGISTRY.evidence(question_id)
        for name, table in REGISTRY.sensitivity(question_id).items():
            same = table.studies == primary.studies and np.array_equal(table.yi, primary.yi)
            assert not same or not np.array_equal(table.vi, primary.vi) or table.model != primary.model, name
        assert len({v.name for v in question.sensitivity}) == len(question.sensitivity)
