# ruff: noqa: E501  a message is quoted whole
"""Each check of the audit finds its contradiction, says it in numbers, and stays silent when acknowledged."""

from __future__ import annotations

import pytest

from lamevidence.audit import audit
from lamevidence.workspace import Registry, load_registry
from tests.registry.bad_records import RECORD, injured, told
from tests.registry.test_files import second, write_registry

SLOPE = "    dispersion: {type: se, value: 2}\n    n: 46\n"


@pytest.fixture
def audited(tmp_path):
    def run(*records: str) -> list[str]:
        names = [r.split("\n", 1)[0].removeprefix("id: ") for r in records]
        registry = load_registry(write_registry(tmp_path / "r", dict(zip(names, records, strict=True))))
        assert isinstance(registry, Registry)
        return told(audit(registry))

    return run


def test_clean(audited):
    assert audited(RECORD) == []


def test_interval_against_se(audited):
    # 2.0 is the SE; entered as the SD it is 13.6 = 2.0 * sqrt(46)
    wrong = injured(
        (SLOPE, "    dispersion: {type: se, value: 13.6, low: -2.9, high: 4.9, level: 95}\n    n: 46\n"),
        ("    p: {value: 0.62}\n", ""),
    )
    assert audited(wrong) == [
        "LE213 23:17 CI half-width 3.9 implies SE 1.99 but SE is 13.6 (×6.8 = √46) | that factor is √n: the SE is the SD"
    ]


def test_asymmetric_interval(audited):
    wrong = injured(("low: 15.87", "low: 71.36"))
    assert [m.split(" |")[0] for m in audited(wrong)] == ["LW214 54:17 CI not symmetric about the estimate (-3/+58.5)"]


def test_p_against_dispersion(audited):
    # 1 ± 2 has z = 0.5 and p = 0.62 as SE; with SD 2 and n 46 z is 3.4 and p 0.0015
    wrong = injured((SLOPE, SLOPE.replace("type: se", "type: sd")))
    assert audited(wrong) == [
        "LW215 25:8 p = 0.62 is printed, estimate and dispersion imply p = 0.0015 | "
        "read as the other of SE and SD they agree: see the legend of the table"
    ]


def test_acknowledged(audited):
    assert (
        audited(
            injured((SLOPE, SLOPE.replace("type: se", "type: sd") + "    note: as printed\n    acknowledge: [LW215]\n"))
        )
        == []
    )


def test_implausible_size(audited):
    wrong = injured(("value: 1\n", "value: -1200\n"), ("1±2", "-1200±2"), ("    p: {value: 0.62}\n", ""))
    assert audited(wrong) == [
        "LW221 21:12 -1200 mL/month is outside -1500 to 1500 mL/year | "
        "another unit, or a misplaced decimal point? acknowledge: [LW221] with a note to keep it"
    ]


def test_count_and_percentage(audited):
    assert audited(injured(("affected: 16", "affected: 16\n    percent: 44.4"))) == []


def test_count_and_percentage_disagree(audited):
    assert audited(injured(("affected: 16", "affected: 16\n    percent: 47.2"))) == [
        "LW233 33:14 47.2 % of 36 is 17, recorded 16 | another denominator? acknowledge: [LW233] with a note when the source prints it so"
    ]


CATEGORY = """\
  - id: ae.{name}
    kind: rate
    outcome: adverse_event
    category: {name}
    arm: sirolimus
    phase: on_treatment
    events: {events}
    follow_up: 12 month
    at: {{source: main, table: "3", printed: "{events}"}}
"""


@pytest.mark.parametrize(("first", "expected"), [(200, []), (201, ["LW232"])])
def test_categories_and_total(audited, first, expected):
    parts = CATEGORY.format(name="infection", events=first) + CATEGORY.format(name="pain", events=75)
    found = audited(RECORD.replace("curation:", parts + "curation:"))
    assert [m.split()[0] for m in found] == expected
    if expected:
        assert "2 categories add up to 276, printed total 275" in found[0]


def test_change_and_slope(audited):
    change = """\
  - id: change
    kind: continuous
    outcome: fev1_change
    arm: sirolimus
    phase: on_treatment
    timeframe: {from: 0 month, to: 12 month}
    statistic: change
    value: -144
    unit: mL
    dispersion: {type: se, value: 24}
    n: 46
    at: {source: main, table: "2", printed: "-144"}
"""
    assert [m.split(" |")[0] for m in audited(RECORD.replace("curation:", change + "curation:"))] == [
        "LW234 63:12 change -144, but slope 1 mL/month over 12 months makes 12 mL"
    ]


def test_implied_correlation(audited):
    before = RECORD[RECORD.index("  - id: slope") : RECORD.index("  - id: response")].replace("id: slope", "id: before")
    pair = """\
  - id: pair
    kind: paired
    outcome: fev1_slope
    arm: sirolimus
    phase: on_treatment
    before: before
    after: slope
    n: 46
    p: {value: 0.9}
    at: {source: main, table: "2", printed: "0.9"}
"""
    before = before.replace("value: 1\n", "value: -12\n").replace("1±2", "-12±2").replace("    p: {value: 0.62}\n", "")
    found = audited(RECORD.replace("curation:", before.replace("on_treatment", "pre_treatment") + pair + "curation:"))
    assert [m.split()[0] for m in found] == ["LW235"]


def test_se_entered_as_sd(audited):
    plain = ("    p: {value: 0.62}\n", "")
    others = [
        second()
        .replace("roe-2012", f"roe-201{i}")
        .replace("abc", f"abc{i}")
        .replace("8765432", f"876543{i}")
        .replace("NCT1111111", f"NCT111111{i}")
        .replace("Springfield", f"Town {i}")
        for i in (2, 3, 4)
    ]
    assert audited(injured(plain, (SLOPE, SLOPE.replace("type: se, value: 2", "type: se, value: 13.6"))), *others) == [
        "LW203 23:17 SE 13.6 with n 46 implies SD 92.2; median of other records 13.6 mL/month (×6.8) | "
        "was it SD? then `type: sd` (SE 2). Confirm with acknowledge: [LW203] and a note"
    ]


def test_miles_table_three_adds_up():
    """MILES Table 3: 718, 959, 99 and 135 events; 18, 23, 5 and 1 serious ones."""
    study = load_registry(strict=False).study("mccormack-2011")
    columns = [
        ("placebo", "placebo"),
        ("sirolimus", "on_treatment"),
        ("placebo", "observation"),
        ("sirolimus", "observation"),
    ]
    for outcome, totals in (("adverse_event", (718, 959, 99, 135)), ("serious_adverse_event", (18, 23, 5, 1))):
        for (arm, phase), total in zip(columns, totals, strict=True):
            counts = {
                f.category: f.events
                for f in study.findings
                if type(f).__name__ == "Rate" and (f.outcome, f.arm, f.phase) == (outcome, arm, phase)
            }
            organs = [n for c, n in counts.items() if c != "all" and not c.startswith("relatedness")]
            assert counts["all"] == total
            assert sum(organs) == total
