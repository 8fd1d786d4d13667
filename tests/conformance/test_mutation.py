"""The comparisons notice wrong numbers: at least 98 % of those made wrong by 1 %, in every area."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conformance.mutate import ENOUGH, Mutations, mutate_case, mutate_directory, table
from tests.conformance.test_reference import AREAS, REFERENCE

STORED = Path(__file__).parent / "mutation.json"
"""The whole areas as they came out, by quantity."""
FACTOR = 1.01
SAMPLE, LARGER_SAMPLE = 4, 12
"""Cases an area in the quick run, and in the slow one."""
CASE = {
    "id": "c",
    "expected": {"mu": 2.0, "w": [1.0, 0.0], "k": 3, "p": 1e-30, "note": "x", "gone": None},
    "tolerance_hint": {"rel": 1e-6, "abs": 1e-8},
}


def mutated(deviations: Any = None) -> Mutations:
    got = {"mu": 2.0, "w": [1.0, 0.0], "k": 3, "p": 1e-30, "note": "x", "gone": 1.0, "more": 5.0, "_own": 1.0}
    adapter = SimpleNamespace(compute=lambda inputs, case: dict(got))
    if deviations:
        adapter.deviations = deviations
    found = Mutations()
    mutate_case(adapter, {}, CASE, ("area", "file"), FACTOR, found)
    return found


def test_every_wrong_number_is_noticed_by_the_plain_comparison():
    found = mutated()
    quantities = {name: (q.caught, q.tried) for name, q in found.areas["area"].items()}
    assert quantities == {"mu": (1, 1), "w": (2, 2), "p": (1, 1)}
    assert found.left["area"] == {"whole numbers": 1, "words and truth values": 1, "R gives no value": 1}
    assert not found.weak


def test_rules_that_cannot_fail_are_found():
    found = mutated(lambda got, expected, hint: [("mu", 0, 0, 0.0, True)])
    assert found.weak == ["area"]
    assert found.of("area").caught == 0
    assert len(found.uncaught) == found.of("area").tried == 4
    assert "WEAK area: 0.00% caught, 98% needed" in table(found)


def test_rules_may_take_things_out_of_what_they_are_given():
    assert not mutated(
        lambda got, expected, hint: [("_own", 0, 0, 0.0, got.pop("_own") != 1.0 or got["mu"] == 2.0)]
    ).left["area"]["cases that do not pass as they are"]


def test_a_case_that_fails_as_it_is_proves_nothing():
    found = mutated(lambda got, expected, hint: [("mu", 0, 0, 0.0, False)])
    assert found.left["area"] == {"cases that do not pass as they are": 1}
    assert "area" not in found.areas


@pytest.mark.parametrize("area", AREAS)
def test_wrong_numbers_are_noticed_in_a_sample(area):
    found = mutate_directory(REFERENCE / area, FACTOR, cases=SAMPLE)
    assert found.areas
    assert not found.weak, table(found)


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_wrong_numbers_are_noticed_in_a_larger_sample(area):
    """Whole areas are ``python -m tests.conformance DIR --mutate 1.01``, which takes an hour."""
    found = mutate_directory(REFERENCE / area, FACTOR, cases=LARGER_SAMPLE)
    assert not found.weak, table(found)


def test_every_area_is_stored_and_none_is_weak():
    """An entry is what ``python -m tests.conformance tests/reference --mutate 1.01 --area AREA --json FILE`` writes."""
    stored = json.loads(STORED.read_text())
    assert set(stored) == set(AREAS)
    assert not [area for area, found in stored.items() if found["caught"] < ENOUGH * found["tried"]]
    for found in stored.values():
        sums = [sum(column) for column in zip(*found["quantities"].values(), strict=True)]
        assert sums == [found["caught"], found["tried"]]
