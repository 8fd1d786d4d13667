"""Every code has a meaning, an example and a remedy; the examples of numbers raise the code they explain."""

from __future__ import annotations

import json

import pytest

from lamevidence.audit import CHECKS
from lamevidence.foundation.errors import UnknownName
from lamevidence.registry.codes import ACKNOWLEDGED, CODES, explanation
from lamevidence.registry.explanations import EXAMPLES, REMEDIES
from tests.cli.test_verbs import invoke
from tests.registry.bad_records import injured, problems_in


def test_every_code_is_explained():
    assert EXAMPLES.keys() == CODES.keys()
    assert set(REMEDIES) <= set(CODES)
    # the remedy "acknowledge it with a note" is given only where that is allowed
    assert set(CODES) - set(REMEDIES) <= set(ACKNOWLEDGED)
    assert {entry.code for entry in CHECKS.entries()} <= set(ACKNOWLEDGED)


@pytest.mark.parametrize(
    ("code", "edit"),
    [
        ("LE101", ("    value: 1\n", "    valeu: 1\n")),
        ("LE104", ("{type: se, value: 2}", "{type: se, value: -2}")),
        ("LE105", ("{type: se, value: 2}", "{type: se, value: 0}")),
        ("LE112", ("    value: 1\n", "    value: 1,5\n")),
        ("LE116", ("p: {value: 0.62}", "p: {value: 5}")),
        ("LE211", ("low: 15.87", "low: 85.87")),
        ("LE212", ("low: 15.87, high: 132.85", "low: 132.85, high: 15.87")),
        ("LE243", ("    n: 46\n", "    n: 0\n")),
        ("LW503", ('printed: "1±2"', 'printed: "-21±2"')),
    ],
)
def test_examples_raise_their_code(code, edit):
    assert code in {p.code for p in problems_in(injured(edit))}


def test_unknown_code():
    with pytest.raises(UnknownName, match="LE999"):
        explanation("LE999")


def test_verb_prints_meaning_example_and_remedy():
    out = invoke("explain", "le104").stdout
    told = explanation("LE104")
    assert all(part in out for part in (told.meaning, told.example, told.remedy))
    assert json.loads(invoke("explain", "LE104", "--json").stdout) == {
        "code": "LE104",
        "meaning": told.meaning,
        "example": told.example,
        "remedy": told.remedy,
    }
