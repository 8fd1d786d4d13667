"""Can the comparisons fail? Every number that adapters return is made wrong, one at a time, and compared again.

An adapter runs once a case. Then each of its numbers that R's result has as well is multiplied by a factor, all
others left right, and the case is compared anew: it is *caught* when the case no longer passes. To a number that is 0
(ours, R's, or both but for rounding) ``(factor − 1) · NOTHING`` is added instead. Whole numbers, truth values, words
and what is not finite are left alone, and counted. Of a long column a sample is taken, `PER_QUANTITY` numbers a case
and quantity, by a seed made of file, case and quantity.

What an adapter hands to its rules under names that begin with ``_`` is no result and stays as it is. A function among
them is a function of its arguments: it is asked once for each, since only comparisons are to be repeated.
"""

from __future__ import annotations

import importlib
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamevidence.foundation.errors import LamEvidenceError

from .compare import INDEX, is_p_value, number, plain
from .compare import deviations as plain_deviations
from .runner import Unsupported, load, reference_files

ENOUGH = 0.98
"""Share that has to be caught in every area."""
NOTHING = 0.01
"""What stands for a 0 before the factor: 1.01 makes it 1e-4, 1 % of 1 %."""
DUST = 1e-13
"""Below it on both sides a number other than a p value is 0 but for rounding."""
PER_QUANTITY = 6
"""Most numbers taken of one quantity of one case."""
Task = tuple[dict[str, Any], str, int]
"""A file, its name, and the number of a case in it."""
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Quantity:
    """How many wrong numbers of one quantity were noticed."""

    caught: int = 0
    tried: int = 0

    def plus(self, caught: int, tried: int) -> Quantity:
        return Quantity(self.caught + caught, self.tried + tried)

    @property
    def share(self) -> float:
        return self.caught / self.tried if self.tried else 1.0


@dataclass
class Mutations:
    """Counts by area and quantity, what was left alone and why, and the first places where nothing was noticed."""

    areas: dict[str, dict[str, Quantity]] = field(default_factory=dict)
    left: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    uncaught: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def of(self, area: str) -> Quantity:
        """Return the sum over the quantities of an area."""
        total = Quantity()
        for q in self.areas[area].values():
            total = total.plus(q.caught, q.tried)
        return total

    @property
    def weak(self) -> list[str]:
        """Areas in which too little is noticed."""
        return [area for area in sorted(self.areas) if self.of(area).share < ENOUGH]

    def to_json(self) -> dict[str, Any]:
        return {
            area: {
                "caught": self.of(area).caught,
                "tried": self.of(area).tried,
                "quantities": {name: [q.caught, q.tried] for name, q in sorted(quantities.items())},
                "left alone": dict(sorted(self.left[area].items())),
            }
            for area, quantities in sorted(self.areas.items())
        }


def mutate_directory(
    directory: Path,
    factor: float,
    *,
    areas: list[str] | None = None,
    name_contains: str | None = None,
    cases: int | None = None,
) -> Mutations:
    """Make wrong the numbers of every case below ``directory``; with ``cases``, of a sample of each area."""
    found = Mutations()
    todo: dict[str, list[Task]] = defaultdict(list)
    for path in reference_files(directory):
        if name_contains and name_contains not in path.name:
            continue
        data = load(path)
        known = str(data.get("schema", "")).startswith("lamevidence-reference/")
        if known and (not areas or data["area"] in areas):
            name = str(path.relative_to(directory))
            todo[data["area"]].extend((data, name, i) for i in range(len(data["cases"])))
    for tasks in todo.values():
        if cases is not None and len(tasks) > cases:
            tasks = sorted(random.Random(cases).sample(tasks, cases), key=lambda task: task[1:])
        _mutate_cases(tasks, factor, found)
    return found


def _mutate_cases(tasks: list[Task], factor: float, found: Mutations) -> None:
    prepared: tuple[str, Any] = ("", None)
    for data, name, i in tasks:
        start = time.perf_counter()
        adapter = importlib.import_module(f"tests.conformance.areas.{data['area']}")
        prepare = getattr(adapter, "prepare", None)
        if prepared[0] != name:
            prepared = name, prepare(data) if prepare else data["inputs"]
        mutate_case(adapter, prepared[1], data["cases"][i], (data["area"], name), factor, found)
        found.seconds[data["area"]] += time.perf_counter() - start


def mutate_case(
    adapter: Any, inputs: Any, case: dict[str, Any], place: tuple[str, str], factor: float, found: Mutations
) -> None:
    """Make wrong the numbers of one case, one at a time."""
    area, name = place
    expected, hint = case.get("expected"), case.get("tolerance_hint") or {}
    if expected is None:
        return
    try:
        got = {name: _once(value) for name, value in plain(adapter.compute(inputs, case)).items()}
    except (Unsupported, LamEvidenceError):
        return
    checker = getattr(adapter, "deviations", None)
    if not _passes(checker or plain_deviations, got, expected, hint):
        found.left[area]["cases that do not pass as they are"] += 1
        return
    chosen = defaultdict(list)
    for at, value, theirs in _numbers(got, expected):
        if reason := _left_alone(value, theirs):
            found.left[area][reason] += 1
        else:
            chosen[_quantity(at)].append((at, value, theirs))
    quantities = found.areas.setdefault(area, {})
    for quantity, leaves in chosen.items():
        if len(leaves) > PER_QUANTITY:
            found.left[area]["not in the sample"] += len(leaves) - PER_QUANTITY
            leaves = random.Random(f"{name}|{case['id']}|{quantity}").sample(leaves, PER_QUANTITY)
        caught = 0
        for at, value, theirs in leaves:
            zero = not value or not theirs or (max(abs(value), abs(theirs)) < DUST and not is_p_value(quantity))
            wrong = value + (factor - 1) * NOTHING if zero else value * factor
            if checker is None:  # the others are compared as before, and passed
                passes = all(row[4] for row in plain_deviations(wrong, theirs, hint, _path(at)))
            else:
                passes = _passes(checker, _with(got, at, wrong), _first(at[0], expected), hint)
            caught += not passes
            if passes:
                found.uncaught.append(
                    {"area": area, "file": name, "case": case["id"], "key": _path(at), "got": value, "expected": theirs}
                )
        quantities[quantity] = quantities.get(quantity, Quantity()).plus(caught, len(leaves))


def _once(value: Any) -> Any:
    """Return a function that keeps its answers; anything else as it is."""
    if not callable(value):
        return value
    answers: dict[Any, Any] = {}

    def remembered(*given: Any) -> Any:
        key = tuple(x if isinstance(x, int | float | str) else id(x) for x in given)
        if key not in answers:
            answers[key] = given, value(*given)  # what was given is kept, so that no other can have its identity
        return answers[key][1]

    return remembered


def _passes(checker: Any, got: Any, expected: Any, hint: Any) -> bool:
    """Return whether the case passes; an adapter's rules may take things out of what they are given."""
    try:
        return all(row[4] for row in checker(dict(got), expected, hint))
    except Exception:  # as in a run: a comparison that cannot be made has failed
        return False


def _first(key: Any, expected: Any) -> Any:
    """Return what is expected with one entry in front: a comparison ends with the first number that is refused."""
    return {key: expected[key], **expected} if isinstance(expected, dict) else expected


def _numbers(got: Any, expected: Any, at: Place = ()) -> Iterator[tuple[Place, Any, Any]]:
    """Yield the place, our value and R's of every leaf that both have."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key, value in expected.items():
            if key in got:
                yield from _numbers(got[key], value, (*at, key))
    elif isinstance(expected, list) and isinstance(got, list):
        for i, (ours, theirs) in enumerate(zip(got, expected, strict=False)):
            yield from _numbers(ours, theirs, (*at, i))
    else:
        yield at, number(got), expected


def _left_alone(value: Any, theirs: Any) -> str:
    """Return why a leaf cannot be made wrong, or nothing."""
    if theirs is None:
        return "R gives no value"
    if isinstance(value, bool | str) or value is None:
        return "words and truth values"
    if not math.isfinite(value):
        return "not finite"
    return "whole numbers" if isinstance(value, int) else ""


def _with(tree: Any, at: Place, value: Any) -> Any:
    """Return ``tree`` with another value at one place; everything else is shared."""
    if not at:
        return value
    again = tree.copy()
    again[at[0]] = _with(tree[at[0]], at[1:], value)
    return again


def _path(at: Place) -> str:
    """Return the place in the words of `compare.deviations`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).removeprefix(".")


def _quantity(at: Place) -> str:
    return INDEX.sub("", _path(at))


def table(found: Mutations, show: int = 20) -> str:
    """Return the share caught by area and quantity, what was left alone, and the first uncaught numbers."""
    lines = [f"{'area':<16}{'caught':>8}{'of':>8}{'share':>8}  {'seconds':>7}"]
    for area in sorted(found.areas):
        total = found.of(area)
        lines.append(f"{area:<16}{total.caught:>8}{total.tried:>8}{total.share:>8.2%}  {found.seconds[area]:>7.1f}")
        lines.extend(
            f"  {name:<30}{q.caught:>8}{q.tried:>8}{q.share:>8.2%}"
            for name, q in sorted(found.areas[area].items(), key=lambda item: item[1].share)
        )
        lines.extend(f"  left alone ({count}): {reason}" for reason, count in sorted(found.left[area].items()))
    for item in found.uncaught[:show]:
        place = f"{item['file']} {item['case']} {item['key']}"
        lines.append(f"UNCAUGHT {place}: ours {item['got']}, R's {item['expected']}")
    if len(found.uncaught) > show:
        lines.append(f"... {len(found.uncaught) - show} more")
    for area in found.weak:
        lines.append(f"WEAK {area}: {found.of(area).share:.2%} caught, {ENOUGH:.0%} needed")
    return "\n".join(lines)
