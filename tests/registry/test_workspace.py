"""The registry as a user meets it: records, questions, evidence, audit in one value; the chapter keeps the records."""

from __future__ import annotations

import pytest

import lamevidence as lam
from lamevidence.audit import audit
from lamevidence.effects.derive.derivation import evidence
from lamevidence.foundation.errors import InvalidRegistry, OptionError, UnknownName
from lamevidence.registry import RegistryRecords, read_records
from lamevidence.workspace import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return lam.load_registry()


def test_the_facade_adds_to_the_records(registry):
    records = read_records()
    assert type(records) is RegistryRecords
    assert isinstance(registry, RegistryRecords)
    assert type(registry) is lam.Registry
    assert records.sha256 == registry.sha256
    assert not hasattr(records, "evidence")
    assert repr(registry).startswith("<Registry ")


def test_questions_evidence_and_audit(registry):
    question = registry.question("fev1-slope-on-sirolimus")
    assert registry.evidence(question).fingerprint == registry.evidence(question.id).fingerprint
    assert evidence(read_records(), question).fingerprint == registry.evidence(question).fingerprint
    assert registry.audit() == audit(registry)
    assert registry.audit() is registry.audit()  # each answer asks for it
    assert registry.question_problems() == ()
    with pytest.raises(UnknownName, match="did you mean 'fev1-slope-on-sirolimus'"):
        registry.evidence("fev1-slope-on-sirolimu")
    with pytest.raises(OptionError, match="give a Question"):
        registry.evidence(7)


def test_a_wrong_question_stops_the_questions_not_the_records(tmp_path, registry):
    import shutil

    shutil.copytree(registry.root, tmp_path / "r")
    (tmp_path / "r" / "questions" / "bad.yaml").write_text("id: bad\n", encoding="utf-8")
    found = lam.load_registry(tmp_path / "r")
    assert len(found.studies) == len(registry.studies)
    assert found.question_problems()
    with pytest.raises(InvalidRegistry, match=r"bad\.yaml"):
        found.evidence("fev1-slope-on-sirolimus")
