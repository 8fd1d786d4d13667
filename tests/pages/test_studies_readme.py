"""The examples of studies/README.md that are no record are read, and have every part there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import lamevidence as lam
from lamevidence.questions.grade import CERTAINTIES, DOMAINS, UPGRADES, Judgements
from lamevidence.questions.loader import read_question
from lamevidence.registry.files import parse_yaml
from lamevidence.registry.flow.reading import FlowModel, flow_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "studies" / "README.md").read_text(encoding="utf-8")
QUESTION = "serious-adverse-events-two-arm"


def block(start):
    (found,) = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if text.startswith(start)]
    return found


def test_the_grade_block_is_complete_and_its_levels_come_to_its_certainty():
    registry = lam.load_registry()
    asked = (registry.root / "questions" / f"{QUESTION}.yaml").read_text(encoding="utf-8")
    document = parse_yaml((asked + block("grade:")).encode(), f"questions/{QUESTION}.yaml")
    question, problems = read_question(document, registry.vocabulary, QUESTION)
    assert problems == []
    assert question is not None
    judged = question.grade
    assert judged is not None
    assert all(getattr(judged, field.name) for field in fields(Judgements))
    assert set(judged.domains) == set(DOMAINS)
    profile = lam.reports.grade(lam.pool(registry.evidence(question)), judged)
    assert profile.disagreement == ""
    assert profile.absolute is not None


def test_every_word_of_grade_is_named():
    section = PAGE.partition("## The certainty of the evidence")[2].partition("\n## ")[0]
    words = {word for domain in DOMAINS.values() for word in domain} | set(UPGRADES) | set(CERTAINTIES) | set(DOMAINS)
    assert [word for word in words if word not in section] == []


def test_the_example_of_a_flow_is_complete_and_its_sums_hold():
    flow, problems = flow_of(parse_yaml(block("searched:").encode(), "prisma.yaml"))
    assert problems == []
    assert flow is not None
    assert flow.not_reported == ()
    assert all(getattr(flow, part) for part in FlowModel.model_fields)
    section = PAGE.partition("## How the studies were found")[2]
    assert not (ROOT / "studies" / "prisma.yaml").exists(), "the page says that there is none"
    assert "This folder has no such file" in section
