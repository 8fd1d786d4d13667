"""``lamevidence compare``: two extractions of the same sources, cell by cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..foundation.errors import OptionError
from ..foundation.printable import one_line
from .output import open_registry, print_json, talk

if TYPE_CHECKING:
    from ..audit.agreement import Agreement, CellAgreement
    from ..audit.second_reading import Decision, Resolution
    from ..registry.extractions import Extraction

__all__ = ["compare"]


def compare(first: Path | None, second: Path | None, *, log: Path | None, studies: Path | None, as_json: bool) -> None:
    """Print how far two extractions agree, where they differ, and what was decided of it.

    Parameters
    ----------
    first, second
        Records, filled forms, or folders of them; the records of the registry and their second reading when None.
    log
        Decisions about the disagreements; written with empty decisions where the file is not there yet.
    studies
        Registry folder; the shipped one when None.
    as_json
        Print JSON.
    """
    from ..audit.second_reading import blank_decisions, read_decisions, read_second_reading, resolve
    from ..foundation.writing import write_whole
    from ..registry.extractions import extraction_of
    from ..registry.forms import read_extraction

    decisions: tuple[Decision, ...] = ()
    if first is not None and second is not None:
        if studies is not None:
            raise OptionError("two extractions and a registry were given · leave out --studies, or the two")
        one, other = read_extraction(first), read_extraction(second)
    elif first is None:
        registry = open_registry(studies)
        one = extraction_of(registry.studies)
        other, decisions = read_second_reading(registry)
        if not other.cells:
            raise OptionError(
                "the registry has no second reading · give two extractions: lamevidence compare FIRST SECOND"
            )
    else:
        raise OptionError(f"{first} alone was given · give two extractions, or none for those of the registry")
    if log is not None and log.exists():
        decisions = read_decisions(log)
    found = resolve(one, other, decisions)
    if log is not None and not log.exists():
        differ = found.now.disagreements
        write_whole(log, lambda file: file.write_text(blank_decisions(differ), encoding="utf-8"))
        talk(f"wrote {log}: say in it who is right, and why")
    left = _not_compared(found.now, other)
    if as_json:
        print_json(_shape(one, other, found, decisions, left))
    else:
        print("\n".join(one_line(line) for line in _lines(one, other, found, decisions, left)))


def _not_compared(agreement: Agreement, second: Extraction) -> Counter[str]:
    """Return how many findings of the first extraction were not compared, by reason."""
    read = {study for study, _ in second.cells}
    alone = "not in the second extraction"
    return Counter(
        second.not_checked.get(key, alone if key[0] in read else "no text of the study was read")
        for key in agreement.only_first
    )


def _percent(cells: CellAgreement) -> str:
    return f"{cells.percent:5.1f} %" if cells.cells else "      –"


def _row(name: str, cells: CellAgreement, width: int) -> str:
    kappa = "" if cells.kappa is None else f"  κ {cells.kappa:.2f}"
    return f"{name:<{width}} {cells.agreed:>6} of {cells.cells:>6}  {_percent(cells)}{kappa}"


def _lines(
    one: Extraction, other: Extraction, found: Resolution, decisions: tuple[Decision, ...], left: Counter[str]
) -> list[str]:
    read = found.as_read
    lines = [f"First:  {one.by}, {one.date}", f"Second: {other.by}, {other.date}", ""]
    lines += [f"{read.findings} findings of {len(read.by_study)} studies were compared; not compared:"]
    lines += [f"  {n:>5}  {reason}" for reason, n in left.most_common()] or ["  none"]
    if read.only_second:
        lines.append(f"  {len(read.only_second):>5}  in the second extraction alone")
    total = read.total
    lines += ["", f"As read, {total.agreed} of {total.cells} cells agree, {_percent(total).strip()}."]
    lines += [f"In {read.empty} more, both say not_reported.", ""]
    width = max(map(len, (*read.by_cell, *read.by_study)), default=8)
    lines += [_row(name, cells, width) for name, cells in read.by_cell.items() if cells.cells]
    lines += ["", *(_row(name, cells, width) for name, cells in read.by_study.items())]
    if decisions:
        lines += ["", "Looked up in the source:"]
        said = {"both": "the source prints either", "ambiguous": "the source decides for none"}
        lines += [f"  {n:>5}  {said.get(right, f'the {right} is right')}" for right, n in found.decided.items()]
        lines += [f"After correction, {found.now.total.agreed} of {found.now.total.cells} cells agree.", ""]
        for d in decisions:
            cells = len(d.places())
            lines.append(f"{d.study}: {', '.join(d.cells)} of {_some(d.findings)} ({cells}): {d.right}; {d.because}")
    if found.undecided:
        lines += ["", f"Not decided ({len(found.undecided)}):"]
        lines += [f"  {d.study}/{d.finding} {d.cell}: first {d.first}, second {d.second}" for d in found.undecided]
    if found.unfounded:
        lines += ["", "Decisions without a disagreement:"]
        lines += [f"  {study}/{finding} {cell}" for _, study, finding, cell in found.unfounded]
    return lines


def _some(findings: tuple[str, ...]) -> str:
    return findings[0] if len(findings) == 1 else f"{findings[0]} and {len(findings) - 1} more"


def _counts(agreement: Agreement) -> dict[str, Any]:
    def shape(cells: CellAgreement) -> dict[str, Any]:
        return asdict(cells) | {"percent": cells.percent}

    return {
        "findings": agreement.findings,
        **shape(agreement.total),
        "empty": agreement.empty,
        "by_cell": {name: shape(cells) for name, cells in agreement.by_cell.items()},
        "by_study": {name: shape(cells) for name, cells in agreement.by_study.items()},
        "disagreements": [asdict(d) for d in agreement.disagreements],
    }


def _shape(
    one: Extraction, other: Extraction, found: Resolution, decisions: tuple[Decision, ...], left: Counter[str]
) -> dict[str, Any]:
    return {
        "first": {"by": one.by, "date": one.date},
        "second": {"by": other.by, "date": other.date},
        "as_read": _counts(found.as_read),
        "now": _counts(found.now),
        "decided": found.decided,
        "decisions": [asdict(d) for d in decisions],
        "undecided": [asdict(d) for d in found.undecided],
        "unfounded": [list(place[1:]) for place in found.unfounded],
        "not_compared": dict(left),
        "only_second": [list(key) for key in found.now.only_second],
    }
