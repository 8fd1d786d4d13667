"""The registry that ships: clean, traceable, and hardly ever doubted."""

from __future__ import annotations

import pytest

from lamevidence.audit import audit
from lamevidence.registry.overlaps import dimension_conflict, overlap_conflicts, shared_control_conflicts
from lamevidence.workspace import load_registry
from tests.registry.fuzz import run

FUZZED = 300
"""Enough to meet every injury; the program of this module runs ten thousand."""


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def test_it_loads_without_errors(registry):
    assert not [p for p in registry.problems if p.is_error]
    assert len(registry.studies) >= 25


def test_every_finding_says_where_it_is_printed(registry):
    for study, finding in registry.findings():
        assert finding.at.source in {p.id for p in study.publications}, (study.id, finding.id)
        assert finding.line > 0


def test_at_most_one_false_alarm_in_fifteen_records(registry):
    doubted = {p.path for p in (*registry.problems, *audit(registry))}
    assert len(doubted) <= len(registry.studies) / 15


def test_overlap_groups_name_real_pairs(registry):
    ids = [s.id for s in registry.studies]
    for group, shared in overlap_conflicts(registry.overlap_groups, ids):
        assert set(shared) == set(group.studies)
    assert overlap_conflicts(registry.overlap_groups, ids[:1]) == []


def test_no_question_pools_shared_patients(registry):
    for question in registry.questions.values():
        if question.pooled and question.rows == "study":
            table = registry.evidence(question.id)
            assert overlap_conflicts(registry.overlap_groups, table.studies) == [], question.id


def test_a_control_arm_counts_once(registry):
    miles = registry.study("mccormack-2011")
    assert shared_control_conflicts([(miles, "placebo"), (miles, "placebo")]) == [("mccormack-2011", "placebo")]
    assert shared_control_conflicts([(miles, "placebo"), (miles, "sirolimus")]) == []


def test_two_dimensions_do_not_pool(registry):
    slopes = [(s, f) for s, f in registry.findings("fev1_slope", kind="continuous")]
    volume = next(x for x in slopes if x[1].value.unit == "mL/month")
    percent = next(x for x in slopes if x[1].value.unit.startswith("%pred/"))
    assert dimension_conflict([volume, volume]) == ""
    assert dimension_conflict([volume, percent]).startswith(f"LE123: cannot pool {volume[0].id}: mL/month with ")


@pytest.mark.slow
def test_mutated_records_end_in_problems_not_in_tracebacks():
    assert run(FUZZED, seed=20261121) == []
