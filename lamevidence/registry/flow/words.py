"""A flow in words: sentences as a paper prints them, and lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...foundation.printable import one_line
from .boxes import Counts, FlowIncluded, FlowOther, FlowSearched, total_of

if TYPE_CHECKING:
    from .prisma_flow import PrismaFlow

__all__ = ["amount", "sentences", "step_lines"]

UNREPORTED = "an unreported number of"
_MANY = {"study": "studies", "record": "records", "report": "reports", "duplicate": "duplicates"}


def amount(n: int | None, noun: str) -> str:
    """Return a number with its noun: ``1 record``, ``0 reports``, ``an unreported number of studies``.

    Examples
    --------
    >>> amount(1, "study"), amount(2, "study"), amount(None, "report")
    ('1 study', '2 studies', 'an unreported number of reports')
    """
    return f"{UNREPORTED if n is None else n} {noun if n == 1 else _MANY[noun]}"


def _short(n: int | None) -> str:
    return "an unreported number" if n is None else str(n)


def _was(n: int | None) -> str:
    return "was" if n == 1 else "were"


def _named(counts: Counts) -> str:
    """Return the names in brackets, empty where only the sum was given."""
    told = [f"{one_line(name)} {'not reported' if n is None else n}" for name, n in counts.items() if name]
    return f" ({', '.join(told)})" if told else ""


def sentences(flow: PrismaFlow) -> Iterator[str]:
    """Yield the sentences of a flow, one a step."""
    yield from _of_searches(flow.databases_and_registers)
    if flow.other_methods is not None:
        yield from _of_other(flow.other_methods)
    yield from _of_included(flow)
    if not flow.searched:
        yield "When the sources were last searched is not reported."
    elif set(flow.searched) == {""}:
        yield f"The sources were last searched on {flow.last_searched}."
    else:
        told = ", ".join(f"{one_line(name)} {date}" for name, date in flow.searched.items())
        yield f"The sources were last searched on: {told}."


def _of_searches(s: FlowSearched) -> Iterator[str]:
    databases, registers = total_of(s.databases), total_of(s.registers)
    yield (
        f"Databases gave {amount(databases, 'record')}{_named(s.databases)}"
        f" and registers {_short(registers)}{_named(s.registers)}."
    )
    yield (
        f"Before screening, {amount(s.duplicates, 'duplicate')}, {amount(s.automation, 'record')} marked as ineligible"
        f" by automation tools and {amount(s.other_reasons, 'record')} for other reasons were removed."
    )
    out = total_of(s.excluded)
    yield (
        f"{_first(amount(s.screened, 'record'))} {_was(s.screened)} screened and {_short(out)} excluded"
        f"{_named(s.excluded)}."
    )
    yield _of_reports(s)


def _of_reports(s: FlowSearched | FlowOther) -> str:
    return (
        f"{_first(amount(s.sought, 'report'))} {_was(s.sought)} sought for retrieval, {_short(s.not_retrieved)} not"
        f" retrieved and {_short(s.assessed)} assessed for eligibility; {_excluded(s.excluded_reports)}."
    )


def _excluded(counts: Counts) -> str:
    n = total_of(counts)
    why = _named(counts)
    if not why and n != 0:
        why = ", for reasons that are not reported"
    return f"{_short(n)} {_was(n)} excluded{why}"


def _of_other(o: FlowOther) -> Iterator[str]:
    yield f"Other methods gave {amount(total_of(o.identified), 'record')}{_named(o.identified)}."
    yield f"Of these, {_of_reports(o)[:1].lower()}{_of_reports(o)[1:]}"


def _of_included(flow: PrismaFlow) -> Iterator[str]:
    new = flow.included
    if flow.previous is None or flow.total is None:
        yield f"{_first(_with_reports(new))} {_was(new.studies)} included."
        return
    yield (
        f"{_first(_with_reports(new, 'new '))} {_was(new.studies)} included, which with {_with_reports(flow.previous)}"
        f" of the previous version of the review makes {_with_reports(flow.total)}."
    )


def _with_reports(part: FlowIncluded, kind: str = "") -> str:
    what = amount(part.studies, "study")
    number, _, noun = what.rpartition(" ")
    return f"{number} {kind}{noun} ({amount(part.reports, 'report')})"


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def step_lines(flow: PrismaFlow) -> Iterator[str]:
    """Yield the numbers step by step, for a terminal."""
    if flow.previous is not None:
        yield f"previous version: {_pair(flow.previous)}"
    s = flow.databases_and_registers
    yield f"identified: databases {_all(s.databases)}, registers {_all(s.registers)}"
    yield (
        f"removed before screening: duplicates {_nr(s.duplicates)}, by automation tools {_nr(s.automation)},"
        f" for other reasons {_nr(s.other_reasons)}"
    )
    yield f"records: screened {_nr(s.screened)}, excluded {_all(s.excluded)}"
    yield _reports(s, "reports")
    if flow.other_methods is not None:
        yield f"identified by other methods: {_all(flow.other_methods.identified)}"
        yield _reports(flow.other_methods, "their reports")
    yield f"included: {_pair(flow.included)}"
    if flow.total is not None:
        yield f"total: {_pair(flow.total)}"
    dates = ", ".join(f"{name} {date}".strip() for name, date in flow.searched.items())
    yield f"last searched: {dates or 'not reported'}"
    for note in flow.notes:
        yield f"note: {note}"


def _reports(s: FlowSearched | FlowOther, what: str) -> str:
    return (
        f"{what}: sought {_nr(s.sought)}, not retrieved {_nr(s.not_retrieved)}, assessed {_nr(s.assessed)},"
        f" excluded {_all(s.excluded_reports)}"
    )


def _pair(part: FlowIncluded) -> str:
    return f"studies {_nr(part.studies)}, reports {_nr(part.reports)}"


def _nr(n: int | None) -> str:
    return "not reported" if n is None else str(n)


def _all(counts: Counts) -> str:
    return f"{_nr(total_of(counts))}{_named(counts)}"
