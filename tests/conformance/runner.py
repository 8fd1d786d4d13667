"""Read reference files, hand each case to the adapter of its area, compare, and count.

An adapter is a module ``tests/conformance/areas/<area>.py`` with ``compute(inputs, case) -> dict``:
it calls the **public** functions of lamevidence and names their results as the reference does.
It raises `Unsupported` with a reason for what the package does not offer. A case whose expected
value is null (R gave no result) passes when ``compute`` returns a number of ours or raises a
`LamEvidenceError`: deciding on purpose is what is asked for there.

An adapter may compare by rules of its own: ``deviations(got, expected, hint)`` yields (path, got, expected, relative
deviation, fine) and, as a sixth item, the name of the rule by which a value passed that the plain tolerance would
refuse. Such cases are counted by rule.
"""

from __future__ import annotations

import gzip
import importlib
import json
import math
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamevidence.foundation.errors import LamEvidenceError

from .compare import deviations, plain


class Unsupported(Exception):
    """The package does not offer what the case asks for; the message says why."""


@dataclass
class Outcome:
    """Counts per area, and every failure and unsupported case by name."""

    areas: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    unsupported: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    rules: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def area(self, name: str) -> dict[str, Any]:
        return self.areas.setdefault(name, {"passed": 0, "failed": 0, "unsupported": 0, "worst": 0.0})

    def to_json(self) -> dict[str, Any]:
        return {
            "areas": self.areas,
            "rules": dict(sorted(self.rules.items())),
            "failures": [_jsonable(f) for f in self.failures],
            "unsupported": self.unsupported,
        }


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Inf" if value > 0 else "-Inf")
    return value


def reference_files(directory: Path) -> Iterator[Path]:
    """Yield every ``.json`` and ``.json.gz`` below ``directory``, in order."""
    yield from sorted(p for p in directory.rglob("*") if p.name.endswith((".json", ".json.gz")))


def load(path: Path) -> dict[str, Any]:
    """Return one reference file."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    data: dict[str, Any] = json.loads(raw)
    return data


def run_directory(directory: Path, *, areas: list[str] | None = None, name_contains: str | None = None) -> Outcome:
    """Run every case of every file of the reference schema below ``directory``."""
    outcome = Outcome()
    for path in reference_files(directory):
        if name_contains and name_contains not in path.name:
            continue
        data = load(path)
        if not str(data.get("schema", "")).startswith("lamevidence-reference/"):
            continue
        if areas and data["area"] not in areas:
            continue
        run_file(data, str(path.relative_to(directory)), outcome)
    return outcome


def run_file(data: dict[str, Any], name: str, outcome: Outcome) -> None:
    """Run all cases of one file into ``outcome``."""
    area = data["area"]
    tally = outcome.area(area)
    start = time.perf_counter()
    try:
        adapter = importlib.import_module(f"tests.conformance.areas.{area}")
    except ModuleNotFoundError:
        for case in data["cases"]:
            tally["unsupported"] += 1
            reason = f"area {area} is not offered"
            outcome.unsupported.append({"area": area, "file": name, "case": case["id"], "reason": reason})
        return
    prepare = getattr(adapter, "prepare", None)
    inputs = prepare(data) if prepare else data["inputs"]
    for case in data["cases"]:
        run_case(adapter, inputs, case, (area, name), tally, outcome)
    outcome.seconds[area] += time.perf_counter() - start


def run_case(
    adapter: Any, inputs: Any, case: dict[str, Any], place: tuple[str, str], tally: dict[str, Any], outcome: Outcome
) -> None:
    """Run one case of a (area, file): pass, fail or unsupported."""
    area, name = place
    expected = case.get("expected")
    try:
        got = plain(adapter.compute(inputs, case))
    except Unsupported as reason:
        tally["unsupported"] += 1
        outcome.unsupported.append({"area": area, "file": name, "case": case["id"], "reason": str(reason)})
        return
    except LamEvidenceError as error:
        if expected is None:
            tally["passed"] += 1
            return
        tally["failed"] += 1
        outcome.failures.append(
            {
                "file": name,
                "case": case["id"],
                "key": "",
                "got": f"{type(error).__name__}: {error}",
                "expected": "a result",
            }
        )
        return
    except Exception:
        tally["failed"] += 1
        last = traceback.format_exc(limit=-2)
        outcome.failures.append({"file": name, "case": case["id"], "key": "", "got": last, "expected": "no traceback"})
        return
    if expected is None:  # R has no result, ours is one on purpose
        tally["passed"] += 1
        return
    hint = case.get("tolerance_hint") or {}
    bad, by = [], set()
    checker = getattr(adapter, "deviations", deviations)
    try:
        for key, g, e, relative, fine, *rule in checker(got, expected, hint):
            by.update(rule)
            if not fine:
                bad.append({"file": name, "case": case["id"], "key": key, "got": g, "expected": e})
            elif math.isfinite(relative):
                tally["worst"] = max(tally["worst"], relative)
    except Exception:
        bad.append({"file": name, "case": case["id"], "key": "", "got": traceback.format_exc(limit=-2), "expected": ""})
    tally["failed" if bad else "passed"] += 1
    outcome.failures.extend(bad)
    if not bad and checker is not deviations and not all(row[4] for row in deviations(got, expected, hint)):
        for rule in sorted(r for r in by if r) or ["compared by the adapter's own rule"]:
            outcome.rules[f"{area}: {rule}"] += 1


def report(outcome: Outcome, show: int = 20) -> str:
    """Return the counts per area and the first failures as text."""
    lines = [f"{'area':<16}{'passed':>8}{'failed':>8}{'unsupp.':>8}  {'worst rel.':>10}  {'seconds':>7}"]
    for area, t in sorted(outcome.areas.items()):
        counts = f"{t['passed']:>8}{t['failed']:>8}{t['unsupported']:>8}"
        lines.append(f"{area:<16}{counts}  {t['worst']:>10.1e}  {outcome.seconds[area]:>7.1f}")
    totals = [sum(t[key] for t in outcome.areas.values()) for key in ("passed", "failed", "unsupported")]
    lines.append(f"{'total':<16}{totals[0]:>8}{totals[1]:>8}{totals[2]:>8}")
    lines.extend(f"by rule ({count}): {rule}" for rule, count in sorted(outcome.rules.items()))
    for failure in outcome.failures[:show]:
        place = f"{failure['file']} {failure['case']} {failure['key']}"
        lines.append(f"FAIL {place}: got {failure['got']}, expected {failure['expected']}")
    if len(outcome.failures) > show:
        lines.append(f"... {len(outcome.failures) - show} more")
    reasons: dict[str, int] = defaultdict(int)
    for item in outcome.unsupported:
        reasons[f"{item['area']}: {item['reason']}"] += 1
    lines.extend(f"unsupported ({count}): {reason}" for reason, count in sorted(reasons.items()))
    return "\n".join(lines)
