"""The answer to a joint question in the terminal: a line a study, a line a design, the sets, who moved the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..bayes.exact.distributions import Distribution
from ..foundation.numbers import NOT_SHOWN, count, fixed, p_value
from ..foundation.printable import one_line
from ..results.scale import ReaderScale
from ..synthesis.joint_moves import DesignsCompared, EffectSaid
from ..synthesis.joint_posterior import JointPosterior
from ..synthesis.joint_text import conflict_text, move_text
from .answer import Answer
from .answer_table import fit_width, shown_width
from .headline import decides, headline, scale_of
from .lines import MOST_LINES, doubts, left_out, short_design, study_label, wrapped

__all__ = ["joint_answer_text", "movers"]

_SHORT = {
    "controlled": "trials",
    "before_after": "before-after",
    "treated_only": "on drug",
    "untreated_only": "untreated",
    "contrast": "differences",
}
"""Kinds of design where pairs of them are named."""
_LEAST_NAME = 16
_FEWEST_STUDIES = 4


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a table, head first; where there is no room, the one with the highest ``drop`` goes first."""

    cells: tuple[str, ...]
    left: bool = False
    drop: int = 0


@dataclass(frozen=True, slots=True)
class _Look:
    """How numbers are printed."""

    scale: ReaderScale
    decimals: int
    level: float

    def number(self, x: float) -> str:
        return fixed(x, self.decimals)

    def effect(self, said: EffectSaid | None) -> str:
        """Return ``159 [74, 266]``."""
        return NOT_SHOWN if said is None else f"{self.number(said.mean)} {self.bounds(said.low, said.high)}"

    def bounds(self, low: float, high: float) -> str:
        return f"[{self.number(low)}, {self.number(high)}]"


def joint_answer_text(found: Answer, width: int) -> str:
    """Return the answer of a joint question, in at most 40 lines where the terminal has 80 columns.

    Parameters
    ----------
    found
        An answer with its joint synthesis, its sets and omissions.
    width
        Columns of the terminal.
    """
    post = found.joint
    assert post is not None
    scale = scale_of(found)
    look = _Look(scale, scale.decimals(post.effect.sd), found.level)
    blocks = [
        wrapped(_title(found, post, scale), width),
        wrapped(" ".join(x for x in (headline(found), decides(found)) if x), width),
        _designs(post, found.designs, look, width),
        _depends(found, look, width),
    ]
    below = wrapped(movers(found), width)
    left = MOST_LINES - sum(len(block) + 1 for block in blocks if block) - len(below) - 1
    blocks[2] = [*_capped(_studies(found, post, look, width), left), *blocks[2]]
    room = MOST_LINES - sum(len(block) + 1 for block in blocks if block) - len(below) - 1
    notes = [" ".join(note.split()) for note in (*post.notes, *found.table.notes)]
    counted = []
    for name, told in (("in doubt (!)", doubts(found)), ("left out", left_out(found)), ("notes", notes)):
        lines = wrapped(f"{name[:1].upper()}{name[1:]}: {' · '.join(told)}", width, "  ") if told else []
        if len(lines) <= room:
            below += lines
            room -= len(lines)
        else:
            counted.append(f"{name}: {len(told)}")
    end = " · ".join([*counted, f"lamevidence explain {found.question.id}"])
    blocks.append([*below, *wrapped(f"{end[:1].upper()}{end[1:]}" if counted else f"Why and how: {end}", width)])
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block)


def _capped(lines: list[str], room: int) -> list[str]:
    """Return head, rules and studies, the last ones counted instead where there is no room for them."""
    room = max(room, _FEWEST_STUDIES + 4)
    if len(lines) <= room:
        return lines
    return [*lines[: room - 2], f"… {len(lines) - room + 1} more studies", lines[-1]]


def movers(found: Answer) -> str:
    """Return which kind of design moved the answer most and by how much, and whether any disagrees with the others."""
    post, compared = found.joint, found.designs
    if post is None or compared is None:
        return ""
    unit = f" {post.unit}" if post.unit else ""
    joint = post.effect.mean
    said = [move_text(move, joint, unit) for move in compared.by_size(joint)[:1]]
    needed = [move.words for move in compared.moves if move.without is None]
    said += [f"Without {' or without '.join(needed)} the effect would not be identified."] if needed else []
    said += [] if compared.apart is None else [conflict_text(compared.apart, unit)]
    return " ".join(said)


def _title(found: Answer, post: JointPosterior, scale: ReaderScale) -> str:
    table = found.table
    patients = [_patients(post, study) for study in post.rows.kinds]
    known = [n for n in patients if not math.isnan(n)]
    parts = [table.title, scale.unit, f"{len(patients)} studies"]
    if known:
        missing = len(patients) - len(known)
        without = f" in {len(known)} of them" if missing else ""
        parts.append(f"{count(sum(known))} patients{without}")
    return " · ".join(part for part in parts if part)


def _patients(post: JointPosterior, study: str) -> float:
    """Return the patients of a study: both arms of a trial, the larger phase of a series."""
    assert post.table.n is not None
    of = [float(n) for n, name in zip(post.table.n, post.table.studies, strict=True) if name == study]
    return sum(of) if post.rows.kinds[study] == "controlled" else max(of)


def _studies(found: Answer, post: JointPosterior, look: _Look, width: int) -> list[str]:
    """Return one line a study: what it prints, slope and SE, and its own effect as all studies together see it."""
    table, rows = found.table, post.rows
    doubted = {label for label, _ in found.doubts}
    roles = {
        "Untreated": ~rows.treated & ~rows.selected,
        "Before": rows.selected,
        "On treatment": rows.treated & ~rows.contrast,
        "Difference": rows.contrast,
    }
    cells: dict[str, list[str]] = {name: [name] for name in ("Study", "Design", "N", *roles, "Effect, shrunken")}
    effects = post.study
    for study, kind in rows.kinds.items():
        of = [i for i, name in enumerate(table.studies) if name == study]
        mark = " !" if any(table.labels[i] in doubted for i in of) else ""
        cells["Study"].append(one_line(f"{study_label(table, of[0])}{mark}"))
        cells["Design"].append(short_design(table.designs[of[0]]) if table.designs else "")
        cells["N"].append(count(_patients(post, study)) or "NR")
        for name, mask in roles.items():
            told = [f"{look.number(table.yi[i])} ({look.number(table.sei[i])})" for i in of if mask[i]]
            cells[name].append(told[0] if told else "")
        effect = "" if kind == "untreated_only" else _of(effects[study].effect, look)
        cells["Effect, shrunken"].append(effect)
    drop = {"Effect, shrunken": 3, "Design": 2, "N": 1}
    columns = [
        _Column(tuple(held), name in ("Study", "Design"), drop.get(name, 0))
        for name, held in cells.items()
        if any(held[1:])
    ]
    lines = _laid_out(columns, width)
    return [lines[0], "─" * width, *lines[1:], "─" * width]


def _of(effect: Distribution, look: _Look) -> str:
    return f"{look.number(effect.mean)} {look.bounds(*effect.interval(look.level))}"


def _designs(post: JointPosterior, compared: DesignsCompared | None, look: _Look, width: int) -> list[str]:
    """Return one line a kind of design: by itself, the others without it, its share, whether it agrees with them."""
    if compared is None:
        return []
    level = f"{100 * look.level:g}% CrI"
    joint = EffectSaid(post.effect.mean, *post.effect.interval(look.level))
    new = look.bounds(*post.prediction(look.level))
    rows = [(f"Effect, {level}", "Studies", "By itself", "Without it", "Share", "P")]
    rows += [
        (
            f"{m.words[:1].upper()}{m.words[1:]}",
            str(m.studies),
            look.effect(m.alone),
            look.effect(m.without),
            f"{m.share:.0f}%",
            NOT_SHOWN if math.isnan(m.p) else p_value(m.p).removeprefix("= "),
        )
        for m in compared.moves
    ]
    rows.append(("Joint, leads", str(len(post.rows.kinds)), look.effect(joint), f"new study {new}", "", ""))
    drop = (0, 2, 0, 3, 1, 1)
    columns = [_Column(cells, i == 0, drop[i]) for i, cells in enumerate(zip(*rows, strict=True))]
    lines = _laid_out(columns, width)
    if not any(new in line for line in lines):
        lines.append(f"  new study {new}")
    told = [f"{_SHORT[a]} + {_SHORT[b]} {look.effect(said)}" for a, b, said in compared.pairs if said is not None]
    if told:
        silent = " · others not identified" if len(told) < len(compared.pairs) else ""
        lines += wrapped(f"Pairs: {' · '.join(told)}{silent}", width, "  ")
    return lines


def _depends(found: Answer, look: _Look, width: int) -> list[str]:
    """Return how far each choice carries the effect."""
    rows = [("How much it depends", "Rows", "Effect", "New study")]
    for one in found.sets:
        if one.joint is None:
            rows.append((f" {one_line(one.name)}", str(one.table.k), NOT_SHOWN, NOT_SHOWN))
            continue
        said = EffectSaid(one.joint.effect.mean, *one.joint.effect.interval(look.level))
        rows.append(
            (f" {one_line(one.name)}", str(one.table.k), look.effect(said), look.bounds(*one.joint.prediction()))
        )
    means = [o.joint.effect.mean for o in found.omissions if o.joint is not None]
    if means:
        rows.append((" one study left out", "", f"{look.number(min(means))} to {look.number(max(means))}", ""))
    if len(rows) == 1:
        return []
    columns = [_Column(cells, i == 0, (0, 2, 0, 1)[i]) for i, cells in enumerate(zip(*rows, strict=True))]
    return _laid_out(columns, width)


def _laid_out(columns: Sequence[_Column], width: int) -> list[str]:
    """Return the columns as lines no wider than ``width``: columns that may go do so, then the first is cut."""
    kept = list(columns)
    widths = [max(map(shown_width, column.cells)) for column in kept]
    while sum(widths) + 2 * (len(widths) - 1) > width and any(column.drop for column in kept):
        gone = max(range(len(kept)), key=lambda i: kept[i].drop)
        del kept[gone], widths[gone]
    widths[0] = max(widths[0] - max(sum(widths) + 2 * (len(widths) - 1) - width, 0), _LEAST_NAME)
    lines = []
    for cells in zip(*(column.cells for column in kept), strict=True):
        placed = [
            fit_width(cell, w) if column.left else " " * max(w - shown_width(cell), 0) + cell
            for cell, w, column in zip(cells, widths, kept, strict=True)
        ]
        lines.append("  ".join(placed).rstrip())
    return lines
