"""The sums of a flow: what enters a step leaves it as excluded, or enters the next one.

A number that is not reported is unknown, and not 0. A step without its number is passed over: the one before then
has to be what left in between and the one after together. Where a number of the sum is unknown, what is known must not
be more than the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from ...foundation.errors import Problem
from ..nodes import Document, Loc
from ..scalars import read_count

__all__ = ["sum_problems"]

_SEARCHED, _OTHER = "databases_and_registers", "other_methods"
_REMEDY = "mend the number that is wrong; what was not counted is written not_reported"


@dataclass(frozen=True, slots=True)
class _Term:
    """A number of a sum: its place, its name, what is known of it, and whether that is all."""

    loc: Loc
    name: str
    known: int = 0
    complete: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.known if self.complete else 'not reported'}"


_UNKNOWN = _Term((), "")


class _Numbers:
    """The numbers of a file; one that is wrong by itself counts as unknown here, and is told elsewhere."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401
        self.value: Mapping[str, Any] = value if isinstance(value, Mapping) else {}

    def has(self, part: str) -> bool:
        return part in self.value

    def term(self, part: str, name: str, called: str = "") -> _Term:
        """Return a number, or the sum of the names below it."""
        block = self.value.get(part)
        given = block.get(name) if isinstance(block, Mapping) else None
        parts = list(given.values()) if isinstance(given, Mapping) else [given]
        known = [n for n in map(_known, parts) if n is not None]
        return _Term((part, name), called or name.replace("_", " "), sum(known), len(known) == len(parts) > 0)


def _known(given: Any) -> int | None:  # noqa: ANN401
    try:
        return read_count(given)
    except PydanticCustomError:
        return None


@dataclass(frozen=True, slots=True)
class _Column:
    """What is left of a column at its end: the last step with a number, and what left after it."""

    last: tuple[_Term, ...]
    left: tuple[_Term, ...]


def sum_problems(document: Document) -> list[Problem]:
    """Return every sum of the file that does not hold (LE701), and what is odd (LW702)."""
    numbers = _Numbers(document.value)
    found: list[Problem] = []
    columns = [_column(document, found, _searched_steps(numbers))]
    if numbers.has(_OTHER):
        columns.append(_column(document, found, _other_steps(numbers)))
    ends = [p for one in columns for p in _compared(document, one.last, (*one.left, _UNKNOWN))]
    last, left = (tuple(t for one in columns for t in getattr(one, side)) for side in ("last", "left"))
    called = f"reports of {'new' if numbers.has('previous') else 'included'} studies"
    # a column that loses more than it has is told once, and not again in the sum of both
    found += ends or _compared(document, last, (*left, numbers.term("included", "reports", called)))
    found += _odd_others(document, numbers)
    for part in ("previous", "included", "total"):
        found += _studies_and_reports(document, numbers, part)
    if numbers.has("previous") and numbers.has("total"):
        for name in ("studies", "reports"):
            both = [numbers.term(part, name, f"{part} {name}") for part in ("previous", "included")]
            found += _compared(document, both, [numbers.term("total", name, f"total {name}")])
    return found


_Step = tuple[tuple[_Term, ...], tuple[_Term, ...]]
"""The number of a step (several terms where it is a sum), and what leaves after it."""


def _searched_steps(numbers: _Numbers) -> list[_Step]:
    def at(*names: str) -> tuple[_Term, ...]:
        return tuple(numbers.term(_SEARCHED, name) for name in names)

    return [
        (at("databases", "registers"), at("duplicates", "automation", "other_reasons")),
        (at("screened"), at("excluded")),
        (at("sought"), at("not_retrieved")),
        (at("assessed"), (numbers.term(_SEARCHED, "excluded_reports"),)),
    ]


def _other_steps(numbers: _Numbers) -> list[_Step]:
    def at(name: str, called: str) -> tuple[_Term, ...]:
        return (numbers.term(_OTHER, name, called),)

    return [
        # the diagram has no box between: how many went is unknown here, and told by _odd_others
        (at("identified", "identified by other methods"), (_UNKNOWN,)),
        (at("sought", "sought (other methods)"), at("not_retrieved", "not retrieved (other methods)")),
        (at("assessed", "assessed (other methods)"), at("excluded_reports", "excluded reports (other methods)")),
    ]


def _column(document: Document, found: list[Problem], steps: Sequence[_Step]) -> _Column:
    """Compare each step that has a number with the next that has one."""
    last, left = steps[0]
    for terms, out in steps[1:]:
        if terms[0].complete:
            found += _compared(document, last, (*left, *terms))
            last, left = terms, out
        else:
            left = (*left, *out)
    return _Column(last, left)


def _compared(document: Document, one: Sequence[_Term], other: Sequence[_Term]) -> Iterator[Problem]:
    """Yield the problem of two sides that cannot be equal, at the last number of the second."""
    a, b = (sum(t.known for t in side) for side in (one, other))
    a_all, b_all = (all(t.complete for t in side) for side in (one, other))
    wrong = (a != b and a_all and b_all) or (a < b and a_all) or (b < a and b_all)
    if not wrong:
        return
    place = next(t for t in (*reversed(other), *reversed(one)) if t.complete or t.known)
    message = f"{_side(one, a, a_all)}, but {_side(other, b, b_all)}"
    yield document.problem("LE701", place.loc, message, _REMEDY)


def _side(terms: Sequence[_Term], total: int, complete: bool) -> str:
    named = [t for t in terms if t.name]
    told = " + ".join(map(str, named))
    if len(named) == 1 and complete:
        return f"{told}"
    return f"{told} = {total}{'' if complete else ' or more'}"


def _odd_others(document: Document, numbers: _Numbers) -> Iterator[Problem]:
    if not numbers.has(_OTHER):
        return
    identified, sought = numbers.term(_OTHER, "identified"), numbers.term(_OTHER, "sought")
    if identified.complete and sought.complete and sought.known < identified.known:
        lost = identified.known - sought.known
        verb = "is" if lost == 1 else "are"
        yield document.problem(
            "LW702",
            sought.loc,
            f"{lost} of {identified.known} records from other methods {verb} in no box: {sought.known} were sought",
            "say in the text what became of them, or mend a number",
        )


def _studies_and_reports(document: Document, numbers: _Numbers, part: str) -> Iterator[Problem]:
    studies, reports = numbers.term(part, "studies"), numbers.term(part, "reports")
    if not (studies.complete and reports.complete):
        return
    if (studies.known == 0) != (reports.known == 0):
        none = "a study has at least one report" if reports.known == 0 else "a report is of at least one study"
        yield document.problem("LE701", reports.loc, f"{part} {studies}, {reports}: {none}", _REMEDY)
    elif studies.known > reports.known:
        yield document.problem(
            "LW702",
            studies.loc,
            f"{part}: {studies.known} studies in {reports.known} reports, so a report has several studies",
            "exchange the numbers if they are the wrong way round",
        )
