"""A measure goes by its code in any case, or by its name; the choices are told for anything else."""

from __future__ import annotations

import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.effects.measures import MEASURES
from lamevidence.effects.measures.measure_words import measure_code

FRAME = pd.DataFrame({"e": [4, 6], "n": [123, 306], "ec": [11, 29], "nc": [139, 303]})
COLUMNS = {"events": "e", "total": "n", "control_events": "ec", "control_total": "nc"}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("odds ratio", "OR"),
        ("Odds-Ratio", "OR"),
        ("or", "OR"),
        ("relative risk", "RR"),
        ("Hedges' g", "SMD"),
        ("standardized mean difference", "SMD"),
        ("mean difference", "MD"),
        ("incidence rate ratio", "IRR"),
        ("hazard ratio", "HR"),
        ("prevalence", "PLO"),
        ("generic", "GEN"),
    ],
)
def test_words(word, code):
    assert measure_code(word) == code


def test_codes_stay_as_they_are():
    assert [measure_code(code) for code in MEASURES] == list(MEASURES)
    assert measure_code("nothing of the kind") == "nothing of the kind"


def test_where_a_measure_is_given():
    by_word = lam.EvidenceTable.from_frame(FRAME, measure="odds ratio", **COLUMNS)
    by_code = lam.EvidenceTable.from_frame(FRAME, measure="OR", **COLUMNS)
    assert by_word.measure == "OR"
    assert by_word.yi.tolist() == by_code.yi.tolist()
    assert lam.EvidenceTable.from_estimates([0.1], vi=[0.1], measure="odds ratio").measure == "OR"
    assert lam.escalc("risk ratio", ai=[4], n1i=[123], ci=[11], n2i=[139]).yi[0] == pytest.approx(-0.8893, abs=1e-4)
    with pytest.raises(lam.errors.UnknownName, match="OR"):
        lam.EvidenceTable.from_frame(FRAME, measure="odd ratios of things", **COLUMNS)
