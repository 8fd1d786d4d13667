"""Compute all cases and hold them to the file; differences that are meant stand in ``changes.md``."""

from __future__ import annotations

import fnmatch
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.same_numbers.cases import Case, cases

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
CHANGES = HERE / "changes.md"
CLOSED, ITERATED = (1e-9, 1e-14), (1e-7, 1e-11)
"""Relative and absolute room of formulas, and of what is iterated or integrated."""

WITHIN = " within "
"""``pattern within 1e-5``: the change is meant up to this relative size; a larger one is a difference."""

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A number that is not what the file has."""

    case: str
    key: str
    before: Any
    now: Any

    @property
    def name(self) -> str:
        """What patterns of ``changes.md`` are held against."""
        return f"{self.case}#{self.key}"

    def __str__(self) -> str:
        return f"{self.name}: {self.before!r} before, {self.now!r} now"


@dataclass
class Outcome:
    """What came out of a comparison."""

    equal: int = 0
    more: int = 0
    cases: int = 0
    unexplained: list[Difference] = field(default_factory=list)
    meant: dict[str, list[Difference]] = field(default_factory=dict)
    idle: list[str] = field(default_factory=list)
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def fine(self) -> bool:
        """Whether nothing is unexplained and every pattern is needed."""
        return not self.unexplained and not self.idle


def computed(progress: Callable[[Case], None] = lambda case: None) -> dict[str, Numbers]:
    """Return the results of all cases."""
    out: dict[str, Numbers] = {}
    for case in cases():
        progress(case)
        out[case.id] = case.compute()
    return out


def recorded() -> dict[str, Numbers]:
    """Return the file."""
    found: dict[str, Numbers] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def write(results: Mapping[str, Numbers]) -> None:
    """Write the file, one line a case."""
    lines = (f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in results.items())
    RESULTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def changes() -> dict[str, str]:
    """Return pattern → reason."""
    lines = CHANGES.read_text(encoding="utf-8").splitlines()
    pairs = (line[2:].split(": ", 1) for line in lines if line.startswith("- "))
    return {pair[0].strip("`"): pair[1] for pair in pairs}


def distance(before: Any, now: Any, room: tuple[float, float]) -> tuple[bool, float]:
    """Return whether two values agree, and their relative difference (0 within the absolute room)."""
    if isinstance(before, str) or isinstance(now, str) or before is None or now is None:
        return before == now, 0.0
    if math.isnan(before) or math.isnan(now):
        return math.isnan(before) and math.isnan(now), 0.0
    if before == now:
        return True, 0.0
    gap, size = abs(before - now), max(abs(before), abs(now))
    if not math.isfinite(gap):
        return False, math.inf
    if gap <= room[1]:
        return True, 0.0
    return gap <= room[0] * size, gap / size


def compare(before: Mapping[str, Numbers], now: Mapping[str, Numbers], meant: Mapping[str, str]) -> Outcome:
    """Hold the results to the file; keys that the file lacks are counted, not judged."""
    closed = {case.id: case.closed for case in cases()}
    out, used = Outcome(cases=len(now)), set()
    out.meant = defaultdict(list)
    for case in [*before, *(c for c in now if c not in before)]:
        if case not in now or case not in before:
            _file(out, used, meant, Difference(case, "", *("a case" if case in x else None for x in (before, now))))
            continue
        old, new = before[case], now[case]
        if "error" in old or "error" in new:
            if old.get("error") == new.get("error"):
                out.equal += 1
            else:
                _file(out, used, meant, Difference(case, "error", *(x.get("error", "a result") for x in (old, new))))
            continue
        room, model = CLOSED if closed.get(case) else ITERATED, case.split("/")[0]
        out.more += len(new.keys() - old.keys())
        for key, value in old.items():
            same, relative = distance(value, new.get(key), room)
            if relative > out.worst.get(model, (0.0, ""))[0]:
                out.worst[model] = relative, f"{case}#{key}"
            if same:
                out.equal += 1
            else:
                _file(out, used, meant, Difference(case, key, value, new.get(key)))
    out.idle = [pattern for pattern in meant if pattern not in used]
    return out


def _file(out: Outcome, used: set[str], meant: Mapping[str, str], found: Difference) -> None:
    for pattern in meant:
        names, _, most = pattern.partition(WITHIN)
        if most and not _within(found, float(most)):
            continue
        if fnmatch.fnmatchcase(found.name, names) or fnmatch.fnmatchcase(found.case, names):
            used.add(pattern)
            out.meant[pattern].append(found)
            return
    out.unexplained.append(found)


def _within(found: Difference, most: float) -> bool:
    """Return whether both are numbers no further apart than a relative size; small ones on the scale of 0.01."""
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in (found.before, found.now)):
        return False
    return abs(found.before - found.now) <= most * max(abs(found.before), abs(found.now), 0.01)


def report(out: Outcome, meant: Mapping[str, str], show: int = 40) -> str:
    """Return the outcome as text."""
    explained = sum(len(x) for x in out.meant.values())
    lines = [
        f"{out.cases} cases: {out.equal} numbers equal, {len(out.unexplained)} different,"
        f" {explained} changed on purpose, {out.more} not in the file"
    ]
    lines += [f"worst {model}: {relative:.1e} {where}" for model, (relative, where) in sorted(out.worst.items())]
    counted: dict[str, int] = defaultdict(int)
    for found in out.unexplained:
        counted[found.case.split("/")[0]] += 1
    lines += [f"different {model}: {count}" for model, count in sorted(counted.items())]
    lines += [f"DIFFERENT {found}" for found in out.unexplained[:show]]
    if len(out.unexplained) > show:
        lines.append(f"... {len(out.unexplained) - show} more")
    for pattern, found in out.meant.items():
        lines.append(f"meant {pattern} ({len(found)}): {meant[pattern]}, e.g. {found[0]}")
    lines += [f"IDLE {pattern} of changes.md matches no difference" for pattern in out.idle]
    return "\n".join(lines)
