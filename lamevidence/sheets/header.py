"""Which row names the columns, and what each column holds: guessed from the field's usual names, or as told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..foundation.errors import Problem, UnknownName
from ..foundation.options import a_choice
from .column_names import NUMBERS, ROLES, TEXTS, normalised, role_of
from .grid import Cell, Grid, address, refused
from .numbers import Number, is_missing, read_number

__all__ = ["Column", "columns_of", "header_row", "is_total", "sums_of_rows"]

_SEARCHED = 60
"""A header further down than this is not looked for."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is read.

    Attributes
    ----------
    role
        What it holds: ``study``, ``events``, ``control_n``, ``ci_low`` …
    name
        Its name in the sheet.
    index
        Its place, from 0.
    guessed
        False when the user named it.
    measure
        Code of the effect measure that its name says, ``logOR`` for one on the log scale; empty for none.
    """

    role: str
    name: str
    index: int
    guessed: bool = True
    measure: str = ""

    def __str__(self) -> str:
        letter = address(1, self.index + 1).rstrip("1")
        said = f"`{self.name}`" if self.name else f"column {letter}, which has no name"
        return f"{self.role} ← {said}"


def header_row(grid: Grid, told: Mapping[str, str]) -> int:
    """Return the index of the row that names the columns.

    Raises
    ------
    InputError
        No row does.
    """
    wanted = set(told.values())
    best, most = -1, (0, 0)
    for i, row in enumerate(grid.rows[:_SEARCHED]):
        names = [c.text.strip() for c in row if c.kind == "text"]
        others = frozenset(map(normalised, names))
        known = len({role for name in names if (role := role_of(name, others)[0])})
        score = (len(wanted & set(names)), known)
        if score > most and (score[0] or known >= 2):
            best, most = i, score
    if best >= 0:
        return best
    for i, row in enumerate(grid.rows[:_SEARCHED]):
        full = [c for c in row if not c.blank]
        if len(full) > 1 and not any(c.kind != "text" or isinstance(read_number(c), Number) for c in full):
            return i
    raise refused(
        grid.path,
        "no row names the columns",
        "name them in one row, for example: study, events, n, control_events, control_n",
    )


def columns_of(grid: Grid, header: int, told: Mapping[str, str]) -> tuple[dict[str, Column], list[Problem], list[str]]:
    """Return role → column, what is wrong with the names, and the names that are not used.

    Raises
    ------
    UnknownName
        The user named a column that is not there, or a role that no column has.
    """
    row = grid.rows[header]
    names = [c.text.strip() for c in row]
    found, problems = _told(grid, header, names, told)
    taken = {c.index for c in found.values()}
    others = frozenset(map(normalised, names))
    claims: dict[str, list[tuple[int, int, str]]] = {}
    for i, name in enumerate(names):
        role, rank, measure = role_of(name, others)
        if role and role not in found and i not in taken:
            claims.setdefault(role, []).append((rank, i, measure))
    for role, claim in claims.items():
        claim.sort()
        first = [c for c in claim if c[0] == claim[0][0]]
        if len(claim) > 1 and (role not in TEXTS or len({normalised(names[i]) for _, i, _ in first}) < len(first)):
            exact = [c for c in claim if normalised(names[c[1]]) == role]
            if len(exact) != 1:
                problems.append(_ambiguous(grid, header, role, [(names[i], i) for _, i, _ in claim]))
                continue
            claim = exact
        _, i, measure = claim[0]
        found[role] = Column(role, names[i], i, True, measure)
    if "study" not in found and (first_column := _unnamed_study(grid, header, names, found)) is not None:
        found["study"] = Column("study", names[first_column], first_column)
    used = {c.index for c in found.values()}
    unused = [name for i, name in enumerate(names) if name and i not in used]
    return {role: found[role] for role in ROLES if role in found}, problems, unused


def _told(
    grid: Grid, header: int, names: Sequence[str], told: Mapping[str, str]
) -> tuple[dict[str, Column], list[Problem]]:
    found, problems = {}, []
    others = frozenset(map(normalised, names))
    for role, name in told.items():
        a_choice("column role", role, ROLES)
        places = [i for i, text in enumerate(names) if text == name.strip()]
        if not places:
            places = [i for i, text in enumerate(names) if normalised(text) == normalised(name)]
        if not places:
            raise UnknownName("column", name, [n for n in names if n])
        if len(places) > 1:
            problems.append(_ambiguous(grid, header, role, [(names[i], i) for i in places]))
            continue
        found[role] = Column(role, names[places[0]], places[0], False, role_of(name, others)[2])
    return found, problems


def _ambiguous(grid: Grid, header: int, role: str, claims: Sequence[tuple[str, int]]) -> Problem:
    places = " and ".join(f"`{name}` ({address(header + 1, i + 1)})" for name, i in claims)
    same = len({name for name, _ in claims}) < len(claims)
    remedy = (
        "rename them, for example events_treatment and events_control"
        if same
        else f'say which: columns={{"{role}": "{claims[0][0]}"}} (--column {role}="{claims[0][0]}")'
    )
    return Problem("LE002", grid.path, header + 1, claims[0][1] + 1, role, f"{places} may each be {role}", remedy)


def _unnamed_study(grid: Grid, header: int, names: Sequence[str], found: Mapping[str, Column]) -> int | None:
    """Return the first column where it has no known name and holds words, as one of studies does."""
    if any(c.index == 0 for c in found.values()) or not names or (names[0] and role_of(names[0])[0] in NUMBERS):
        return None
    cells = [row[0] for row in grid.rows[header + 1 :] if row and not row[0].blank]
    words = [c for c in cells if c.kind == "text" and not isinstance(read_number(c), Number) and not is_missing(c)]
    return 0 if cells and len(words) == len(cells) else None


_TOTAL_WORDS = (
    "total|totals|subtotal|sub total|sub-total|grand total|overall|pooled|sum|all studies|pooled estimate|combined"
    "|overall effect|summary|mean|average|random effects model|fixed effect model|common effect model|total events"
    "|gesamt|insgesamt|summe|zwischensumme|sous-total|totaux|totale|totaal|subtotaal|totales"
)
_TOTALS = frozenset(_TOTAL_WORDS.split("|"))


def is_total(cell: Cell) -> bool:
    """Tell whether the first words of a row say that it sums the others up."""
    text = cell.text.strip().casefold().split("(")[0].split(":")[0].rstrip(" :=")
    return text in _TOTALS or text.startswith(("heterogeneity", "test for overall", "test for subgroup"))


_COUNTED = frozenset(
    prefix + name for prefix in ("", "control_") for name in ("events", "n", "non_events", "person_time")
)


def sums_of_rows(rows: Sequence[Mapping[str, Number]]) -> list[int]:
    """Return which rows are the sum of those above, since the first or the last such sum, whatever word they go by.

    Two counts at least have to agree, of two rows at least, events among them and not none.
    """
    found: list[int] = []
    above: dict[str, Decimal] = {}
    size = 0
    for i, row in enumerate(rows):
        own = {role: number.value for role, number in row.items() if role in _COUNTED}
        events = max((x for role, x in own.items() if "events" in role), default=Decimal(0))
        if size > 1 and len(own) > 1 and events > 0 and own == above:
            found.append(i)
            above, size = {}, 0
            continue
        above = {role: above[role] + x for role, x in own.items() if role in above} if size else own
        size += 1
    return found
