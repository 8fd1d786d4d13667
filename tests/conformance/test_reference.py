"""Every stored reference case is reproduced, or listed as unsupported with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.runner import Outcome, load, reference_files, report, run_file

REFERENCE = Path(__file__).parent.parent / "reference"
LATER = {"netmeta"}
"""Network meta-analysis may wait."""
MOST_UNSUPPORTED = {"pimeta": 0.05, "pubbias": 0.03}
"""Largest share of unsupported cases by area, 0.02 elsewhere: R's formulas that are wrong or unpublished, each case
with its reason; 0.3 % of all cases."""

AREAS = sorted(p.name for p in REFERENCE.iterdir() if p.is_dir())
LONG = {"bayesmeta"}
"""An area of a minute: in the slow run, and in CI with the oldest dependencies."""


def outcome_of(area: str) -> Outcome:
    outcome = Outcome()
    for path in reference_files(REFERENCE / area):
        run_file(load(path), f"{area}/{path.name}", outcome)
    return outcome


@pytest.mark.parametrize("area", [pytest.param(a, marks=pytest.mark.slow) if a in LONG else a for a in AREAS])
def test_area_is_reproduced(area):
    outcome = outcome_of(area)
    assert not outcome.failures, report(outcome)
    assert all(item["reason"] for item in outcome.unsupported)
    if area not in LATER:
        total = sum(outcome.areas[area][key] for key in ("passed", "failed", "unsupported"))
        allowed = max(2, MOST_UNSUPPORTED.get(area, 0.02) * total)
        assert outcome.areas[area]["unsupported"] <= allowed, report(outcome)
