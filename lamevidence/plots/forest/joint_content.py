"""What the forest plot of a joint synthesis says: effects by design, the joint effect, a new study."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from scipy import special

from ...foundation.errors import OptionError
from ...foundation.numbers import fixed, p_value
from ...foundation.options import a_flag, a_level, a_text, shown
from ...results.scale import ReaderScale, reader_scale, reference_line
from ...synthesis.design_rows import KINDS
from ...synthesis.joint_moves import DesignsCompared, compare_designs
from ...synthesis.joint_posterior import JointPosterior, StudySlopes
from ..drawing.axis import check_limits
from ..drawing.text import Rich, plain, rich
from .data_columns import DataColumn
from .entries import Content, StudyRow, SummaryRow, Triple

__all__ = ["joint_content"]


def joint_content(post: JointPosterior, asked: Any) -> Content:  # noqa: ANN401
    """Return what the forest plot of a joint synthesis prints: one row a study, one open diamond a kind of design.

    Parameters
    ----------
    post
        The synthesis.
    asked
        The `Options` of the caller.

    Raises
    ------
    OptionError
        An option about rows that are pooled one by one.
    """
    _check(asked)
    level = post.level if asked.level is None else a_level(asked.level)
    scale = _effect_scale(post)
    compared = compare_designs(post if level == post.level else _at(post, level))
    order = sorted(post.rows.kinds, key=lambda study: list(KINDS).index(post.rows.kinds[study]))
    effects = post.study
    raw = {study: _raw(post, study, level) for study in order}
    bare = {study for study in order if asked.shrinkage is False or not _treated(post, study)}
    rows = [
        StudyRow(
            f"row-{i + 1}",
            i,
            study,
            _label(post, study),
            "",
            _heading(post.rows.kinds[study]),
            math.nan,
            *raw[study],
            math.nan,
            0.35,
            shrunken=None if study in bare else _shrunken(effects[study], level),
        )
        for i, study in enumerate(order)
    ]
    decimals = scale.decimals(post.effect.sd)
    summaries, subtotals = _summaries(post, level, bool(asked.pi)), _subtotals(compared, rows)
    return Content(
        title=post.table.title if asked.title is None else asked.title,
        display=scale,
        level=level,
        decimals=decimals,
        null=reference_line(asked.ref, 0.0, False),
        studies=tuple(rows),
        summaries=tuple(summaries),
        columns=_slopes(post, order, reader_scale(post.table).word, decimals),
        notes=_notes(post, compared),
        footnotes=_footnotes(post, level, bool(asked.pi), any(row.shrunken for row in rows)),
        shrinkage=any(row.shrunken for row in rows),
        grouped=len(set(post.rows.kinds.values())) > 1,
        fixed_columns=False,
        xlim=_limits(rows, [*subtotals, *summaries]) if asked.xlim is None else check_limits(asked.xlim, False),
        row_head="Study or design",
        subtotals=tuple(subtotals),
        columns_are="printed slopes",
    )


def _effect_scale(post: JointPosterior) -> ReaderScale:
    """Return how the effect is read: in the unit of the rows, and with the words of a difference."""
    words = {"better": ("Harm", "Benefit"), "worse": ("Benefit", "Harm")}
    left, right = words.get(post.table.higher_is, ("Lower on treatment", "Higher on treatment"))
    return replace(reader_scale(post.table), word="Effect", null=0.0, left=left, right=right)


def _limits(rows: list[StudyRow], pooled: list[SummaryRow]) -> tuple[float, float]:
    """Return limits that hold every posterior; a printed difference beyond them has an arrow and its numbers."""
    ends = [(row.low, row.high) for row in pooled] + [row.shrunken[1:] for row in rows if row.shrunken]
    low, high = min(0.0, *(a for a, _ in ends)), max(0.0, *(b for _, b in ends))
    spare = 0.04 * (high - low)
    return low - spare, high + spare


def _check(asked: Any) -> None:  # noqa: ANN401
    given = {
        "columns": asked.columns is not None,
        "rob": asked.rob is True,
        "overall_test": asked.overall is not False,
        "sort": asked.sort is not None,
    }
    for name in (name for name, is_given in given.items() if is_given):
        raise OptionError(
            f"{name} is about rows that are pooled one by one, a joint synthesis shows studies by design"
            f" · leave {name} out, or show the rows with group=None"
        )
    if not isinstance(asked.shrinkage, bool) and asked.shrinkage != "auto":
        raise OptionError(f"shrinkage={shown(asked.shrinkage)} is not one of the choices · give 'auto', True or False")
    if not isinstance(asked.rob, bool) and asked.rob != "auto":
        raise OptionError(f"rob={shown(asked.rob)} is not one of the choices · give 'auto' or False")
    a_flag("pi", asked.pi)
    if asked.title is not None:
        a_text("title", asked.title)


def _at(post: JointPosterior, level: float) -> JointPosterior:
    """Return the same synthesis with intervals at another level."""
    assert post.recipe is not None
    made: JointPosterior = replace(post.recipe, options={**post.recipe.options, "level": level})(post.table)
    return made


def _rows_of(post: JointPosterior, study: str) -> list[int]:
    return [i for i, name in enumerate(post.table.studies) if name == study]


def _treated(post: JointPosterior, study: str) -> bool:
    return any(bool(post.rows.treated[i]) for i in _rows_of(post, study))


def _label(post: JointPosterior, study: str) -> str:
    """Return the study: as the rows of a question name it before they say what they are, else by its id."""
    label = post.table.labels[_rows_of(post, study)[0]]
    return label.rpartition(", ")[0] if post.table.row_is == "phase" else study


def _heading(kind: str) -> str:
    return KINDS[kind][:1].upper() + KINDS[kind][1:]


def _raw(post: JointPosterior, study: str, level: float) -> Triple:
    """Return the printed difference, or the slope on treatment minus that off it; NaN where a study has not both."""
    table, rows = post.table, post.rows
    z = float(special.ndtri(0.5 + level / 2))
    of = _rows_of(post, study)
    alone = [i for i in of if rows.contrast[i]]
    if len(alone) == 1:
        y, v = float(table.yi[alone[0]]), float(table.vi[alone[0]])
    else:
        on = [i for i in of if rows.treated[i]]
        off = [i for i in of if not rows.treated[i]]
        if len(on) != 1 or len(off) != 1:
            return math.nan, math.nan, math.nan
        (a,), (b,) = on, off
        rho = post.spec.correlation if rows.kinds[study] == "before_after" else 0.0
        shared = 0.0 if isinstance(rho, tuple) else rho * float(table.sei[a] * table.sei[b])
        shared = float(table.V[a, b]) if table.V is not None else shared
        y, v = float(table.yi[a] - table.yi[b]), float(table.vi[a] + table.vi[b]) - 2.0 * shared
    half = z * math.sqrt(v)
    return y, y - half, y + half


def _shrunken(slopes: StudySlopes, level: float) -> Triple:
    return (slopes.effect.mean, *slopes.effect.interval(level))


def _summaries(post: JointPosterior, level: float, pi: bool) -> list[SummaryRow]:
    low, high = post.effect.interval(level)
    mean = post.effect.mean
    rows = [SummaryRow("pooled", "pooled", "Joint effect", True, mean, low, high, math.nan, True)]
    if pi:
        low, high = post.prediction(level)
        label = f"{100 * level:g}% prediction, a new study"
        rows.append(SummaryRow("prediction", "prediction", label, True, math.nan, low, high, math.nan, False))
    return rows


def _subtotals(compared: DesignsCompared, rows: list[StudyRow]) -> list[SummaryRow]:
    """Return one open diamond a kind of design that tells the effect by itself."""
    found = []
    for number, move in enumerate(compared.moves, start=1):
        heading = _heading(move.kind)
        members = tuple(row.position for row in rows if row.group == heading)
        if move.alone is not None:
            said = (move.alone.mean, move.alone.low, move.alone.high)
            found.append(
                SummaryRow(
                    f"subgroup-{number}", "subgroup", "By itself", True, *said, math.nan, False, heading, members
                )
            )
    return found


def _slopes(post: JointPosterior, order: list[str], word: str, decimals: int) -> tuple[DataColumn, ...]:
    """Return the printed slopes with their standard errors, a column for each thing that a slope can be."""
    rows, table = post.rows, post.table
    off = ~rows.treated & ~rows.selected
    columns = []
    for name, head, mask in (
        ("untreated", "Untreated", off),
        ("before", "Before", rows.selected),
        ("on", "On treatment", rows.treated & ~rows.contrast),
    ):
        cells = []
        for study in order:
            told = [
                f"{fixed(table.yi[i], decimals)} ({fixed(table.sei[i], decimals)})"
                for i in _rows_of(post, study)
                if mask[i]
            ]
            cells.append("; ".join(told))
        if any(cells):
            columns.append(DataColumn(name, head, tuple(cells), spanner=f"{word} (SE)"))
    return tuple(columns)


def _notes(post: JointPosterior, compared: DesignsCompared) -> tuple[tuple[Rich, ...], ...]:
    shares = [f"{move.words} {move.share:.0f}%" for move in compared.moves]
    told = (f"Share of the information: {shares[0]}", *shares[1:], f"priors {compared.prior:.0f}%")
    lines = [tuple(plain(text) for text in told)]
    worst = compared.apart
    if worst is not None:
        p, holm = p_value(worst.p), p_value(worst.p_holm)
        lines.append((rich(f"Largest conflict between designs: {worst.words}, *P* {p} (after Holm {holm})"),))
    return tuple(lines)


def _footnotes(post: JointPosterior, level: float, pi: bool, shrunken: bool) -> tuple[Rich, ...]:
    said = [f"Squares: slope on treatment minus slope off it, as printed, with {100 * level:g}% CI"]
    if post.rows.selected.any() and post.spec.bias is not None:
        said[0] += "; before-after differences hold the bias of slopes before treatment"
    if shrunken:
        said.append(f"circles below: effect in the study, given all studies, with {100 * level:g}% CrI")
    said.append("open diamonds: one design by itself; filled diamond: all designs, posterior mean and CrI")
    if pi:
        said.append("bar: effect in a new study")
    text = "; ".join(said)
    return (plain(f"{text}. {post.spec.label}."), plain(f"Evidence {post.table.fingerprint}"))
