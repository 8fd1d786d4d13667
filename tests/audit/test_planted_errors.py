"""Planted errors over the shipped records: how many are seen, under which code, and what nothing can see.

``python -m tests.audit.test_planted_errors`` writes the table that the test holds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lamevidence.audit import CHECKS
from lamevidence.registry.records import Continuous, Contrast, Finding, Study
from tests.audit.planting import KINDS, Plant, contradictions, plant
from tests.registry.bad_records import shipped

TABLE = Path(__file__).with_name("planted_errors.md")
EACH = 50
SEED = 20261130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one plant."""

    plant: Plant
    wanted: frozenset[tuple[str, str]]
    found: frozenset[tuple[str, str]]
    placed: bool

    @property
    def visible(self) -> bool:
        """Whether a number of the record contradicts the plant, or a check does."""
        return bool(self.wanted or self.found)

    @property
    def right(self) -> bool:
        """Whether a doubt names what is contradicted, by its code and finding, within the finding's lines."""
        return bool(self.found & self.wanted if self.wanted else self.found) and self.placed


def doubts(study: Study) -> tuple[frozenset[tuple[str, str]], bool]:
    """Return (code, finding) of every doubt, and whether each stands within the lines of its finding."""
    registry, found, placed = shipped(), set(), True
    document = registry.documents[study.path]
    starts = [f.line for f in study.findings]
    order = {f.id: i for i, f in enumerate(study.findings)}
    for entry in CHECKS.entries():
        for doubt in entry.item(study, registry):
            i = order[doubt.finding.id]
            line = document.problem(entry.code, ("findings", i, *doubt.field), "", "").line
            end = starts[i + 1] if i + 1 < len(starts) else len(document.lines)
            placed = placed and starts[i] <= line < end
            found.add((entry.code, doubt.finding.id))
    return frozenset(found | set(_outside(study))), placed


def _outside(study: Study) -> Iterator[tuple[str, str]]:
    """LE211, which is seen when a record is read: an estimate outside its own interval."""
    for f in study.findings:
        if not isinstance(f, Continuous | Contrast) or f.dispersion.low is None or f.dispersion.high is None:
            continue
        if not f.dispersion.low.value <= f.value.value <= f.dispersion.high.value:
            yield "LE211", f.id


def outcomes(each: int = EACH, seed: int = SEED) -> list[Outcome]:
    """Plant ``each`` errors of each kind, drawn over all findings, and audit every record so injured."""
    rng = random.Random(seed)
    everything: list[tuple[Study, Finding]] = [(s, f) for s in shipped().studies for f in s.findings]
    clean = {s.id: (doubts(s)[0], contradictions(s)) for s in shipped().studies}
    out = []
    for kind in KINDS:
        seen: set[tuple[str, frozenset[str]]] = set()
        for _ in range(400 * each):
            if sum(o.plant.kind == kind for o in out) == each:
                break
            study = rng.choice(everything)[0]
            planted = plant(study, kind, rng)
            if planted is None or (study.id, frozenset({*planted.touched, planted.told})) in seen:
                continue
            seen.add((study.id, frozenset({*planted.touched, planted.told})))
            found, placed = doubts(planted.study)
            before, told = clean[study.id]
            wanted = frozenset(contradictions(planted.study) - told)
            out.append(Outcome(planted, wanted, found - before, placed))
    return out


def table(found: list[Outcome]) -> str:
    """Return the counts by kind, and every plant that nothing contradicts."""
    lines = [
        "# Planted errors",
        "",
        "Errors planted one at a time over the shipped records, the printed cell changed with the number.",
        "Visible: another number of the record contradicts it, found by sums and tests that share no code with the",
        "audit, or a check says so. Seen: by the right code, at the finding that is contradicted.",
        "",
        "| kind | planted | visible | seen | seen of visible |",
        "|---|---|---|---|---|",
    ]
    for kind in (*KINDS, "all"):
        rows = [o for o in found if kind in ("all", o.plant.kind)]
        visible, right = sum(o.visible for o in rows), sum(o.right for o in rows)
        lines.append(f"| {kind} | {len(rows)} | {visible} | {right} | {100 * right / max(visible, 1):.0f} % |")
    dark = [o for o in found if not o.visible]
    independent = [o for o in found if o.wanted]
    hit = sum(o.right for o in independent)
    lines += [
        "",
        f"Of the {len(independent)} that the independent sums and tests contradict, {hit} are seen "
        f"({100 * hit / len(independent):.0f} %).",
        "",
        f"## Invisible in principle ({len(dark)} of {len(found)}, {100 * len(dark) / len(found):.0f} %)",
        "",
        "No other number of the record says anything of these, or the change is within rounding and choice of test.",
        "",
        *(f"- {o.plant.kind}: {o.plant.study.id}, {o.plant.told}" for o in dark),
        "",
    ]
    return "\n".join(lines)


@pytest.mark.slow
def test_planted_errors():
    found = outcomes()
    assert len(found) >= 200
    visible = [o for o in found if o.visible]
    assert sum(o.right for o in visible) / len(visible) >= 0.95
    contradicted = [o for o in found if o.wanted]
    assert sum(o.right for o in contradicted) / len(contradicted) >= 0.95
    assert table(found) == TABLE.read_text(encoding="utf-8"), "python -m tests.audit.test_planted_errors"


if __name__ == "__main__":
    rows = outcomes()
    TABLE.write_text(table(rows), encoding="utf-8")
    print(table(rows)[:1400])
    for o in rows:
        if o.visible and not o.right:
            print("missed", o.plant.kind, o.plant.study.id, o.plant.told, set(o.wanted), set(o.found), o.placed)
