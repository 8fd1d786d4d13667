"""The answer to one question for the terminal, at most 100 columns wide and 40 lines long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..bayes.posterior import PosteriorBase
from ..foundation.errors import NotEstimable
from ..foundation.numbers import NOT_SHOWN, count, fixed, p_value, percent
from ..foundation.printable import one_line
from ..foundation.values import Interval
from ..results.contract import Result
from ..results.scale import ReaderScale, reader_scale
from ..results.study_intervals import StudyIntervals, study_intervals
from .answer import BAYES_LEADS, Answer, SetAnswer
from .answer_table import Line, fit_width, laid_out, shown_width
from .headline import decides, disagreement, headline, said
from .joint_lines import joint_answer_text
from .lines import (
    LEAST,
    MOST_LINES,
    WIDE,
    doubts,
    left_out,
    listed,
    plain_letters,
    short_design,
    wrapped,
)

__all__ = ["render_answer"]

FEWEST_ROWS = 4


@dataclass(frozen=True, slots=True)
class _Look:
    """How the numbers of one answer are printed."""

    scale: ReaderScale
    decimals: int
    rows: StudyIntervals
    level: float

    @property
    def head(self) -> str:
        """Head of the estimate column."""
        return "Percent" if self.scale.unit == "%" else self.scale.word

    def number(self, x: float) -> str:
        """Return a number of the analysis scale as it is printed."""
        return fixed(self.scale.read(x), self.decimals)

    def bounds(self, ends: Interval | np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
        """Return bounds of the analysis scale as they are printed."""
        low, high = sorted(self.scale.read(float(x)) for x in ends)
        return _interval(low, high, self.decimals)


def _look(found: Answer) -> _Look:
    scale = reader_scale(found.table)
    rows = study_intervals(found.table, scale, found.level)
    widths = rows.high - rows.low
    width = float(np.nanmedian(widths)) if np.isfinite(widths).any() else math.nan
    if found.fit is not None:
        low, high = (scale.read(float(x)) for x in found.fit.intervals(found.level)[0])
        width = abs(high - low)
    se = width / (2 * NormalDist().inv_cdf(0.5 + found.level / 2))
    # a percentage is read to its first decimal, however few the patients
    return _Look(scale, max(scale.decimals(se), int(scale.unit == "%")), rows, found.level)


def render_answer(found: Answer, *, width: int = WIDE, ascii_only: bool = False) -> str:
    """Return the answer to one question: its sentence, rows, both engines, what it depends on, doubts, exclusions.

    Parameters
    ----------
    found
        The answer.
    width
        Columns of the terminal; no line is wider. The columns ``Shrunken`` and ``Design`` are the first to go.
    ascii_only
        Whether the terminal can print nothing else.
    """
    width = max(min(width, WIDE), LEAST)
    if found.joint is not None:
        text = joint_answer_text(found, width)
        return plain_letters(text) if ascii_only else text
    look = _look(found)
    rows, pooled = _table(found, look, width)
    rule = "─" * width
    pooled = [*pooled, *_not_pooled(found, width), *_heterogeneity(found)]
    blocks = [
        wrapped(_title(found, look), width),
        wrapped(" ".join(x for x in (headline(found), decides(found)) if x), width),
        [] if found.absolute is None else wrapped(found.absolute.describe(), width),
        [],
        _depends(found, look, width),
        _below(found, width),
    ]
    others = sum(len(block) + 1 for block in blocks if block)
    if found.table.k:
        kept = _capped(rows, MOST_LINES - others - len(pooled) - 2)
        blocks[3] = [kept[0], rule, *kept[1:], rule, *pooled]
    text = "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block)
    return plain_letters(text) if ascii_only else text


def _capped(lines: list[str], room: int) -> list[str]:
    """Return head and rows, the last ones counted instead where there is no room for them."""
    room = max(room, FEWEST_ROWS + 2)
    if len(lines) <= room:
        return lines
    return [*lines[: room - 1], f"… {len(lines) - room + 1} more rows"]


def _title(found: Answer, look: _Look) -> str:
    table = found.table
    assert table.n is not None
    known = table.n[~np.isnan(table.n)]
    patients = float(known.sum()) if found.question.pooled else float(max(known, default=0.0))
    what = {"study": ("study", "studies"), "category": ("row", "rows"), "subject": ("patient", "patients")}
    one, many = what[found.question.rows]
    parts = [table.title, look.scale.unit, f"{table.k} {one if table.k == 1 else many}"]
    if len(known) and found.question.rows != "subject":
        parts.append(f"{count(patients)} patients")
    missing = table.k - len(known)
    if missing:
        parts[-1] += f", {missing} of {table.k} print{'s' if missing == 1 else ''} no number of patients"
    return " · ".join(part for part in parts if part)


def _interval(low: float, high: float, decimals: int) -> str:
    if math.isnan(low) or math.isnan(high):
        return NOT_SHOWN
    bounds = fixed(low, decimals), fixed(high, decimals)
    pad = max(*map(len, bounds), 5)
    return f"[{bounds[0]:>{pad}}, {bounds[1]:>{pad}}]"


def _table(found: Answer, look: _Look, width: int) -> tuple[list[str], list[str]]:
    """Return head and rows, and the pooled results, laid out together."""
    table = found.table
    assert table.n is not None
    doubted = {label for label, _ in found.doubts}
    weights = None if found.fit is None else found.fit.weights
    head = Line("Study", "Design", "N", look.head, f"{100 * look.level:g}% CI", "Weight", _head_of_shrunken(found))
    rows = [head]
    for i, label in enumerate(table.labels):
        estimate = float(look.rows.estimate[i])
        weight = math.nan if weights is None else float(weights[i])
        rows.append(
            Line(
                one_line(f"{label} !" if label in doubted else label),
                short_design(table.designs[i]) if table.designs else "",
                count(float(table.n[i])) or "NR",
                "not est." if math.isnan(estimate) else fixed(estimate, look.decimals),
                _interval(float(look.rows.low[i]), float(look.rows.high[i]), look.decimals),
                percent(weight) if math.isfinite(weight) else NOT_SHOWN,
                _shrunken(found, look, i),
            )
        )
    pooled = _pooled(found, look)
    lines = laid_out([*rows, *pooled], width)
    return lines[: len(rows)], lines[len(rows) :]


def _head_of_shrunken(found: Answer) -> str:
    if found.profile is not None:
        return "Cautious"
    return "Shrunken" if found.post else ""


def _shrunken(found: Answer, look: _Look, i: int) -> str:
    if found.profile is not None:
        one = found.profile.cautious.theta[i]
        low, high = sorted(look.scale.read(float(x)) for x in one.interval(look.level))
        return f"{look.number(one.mean)} [{fixed(low, look.decimals)}, {fixed(high, look.decimals)}]"
    if found.post is None:
        return ""
    theta = found.post.theta[found.table.labels[i]]
    low, high = sorted(look.scale.read(float(x)) for x in theta.interval(look.level))
    return f"{look.number(theta.median)} [{fixed(low, look.decimals)}, {fixed(high, look.decimals)}]"


def _pooled(found: Answer, look: _Look) -> list[Line]:
    """Return the rows of both engines, the leading one first."""
    rows = []
    if found.fit is not None:
        total = "100%" if found.table.k > 1 and found.fit.weights is not None else ""
        rows.append(_pooled_row(found.fit, found.fit.spec.label, float(found.fit.estimate), total, look))
    if found.post is not None:
        leads = f", leads: k ≤ {BAYES_LEADS}" if found.lead == "bayes" and found.table.k <= BAYES_LEADS else ""
        name = f"Bayes, exact, {found.post.likelihood}{leads}"
        rows.insert(0 if found.lead == "bayes" else 1, _pooled_row(found.post, name, found.post.mu.median, "", look))
    return rows


def _pooled_row(fit: Result, name: str, middle: float, weight: str, look: _Look) -> Line:
    """Return the row of a pooled estimate, with what a new study may find beside it."""
    try:
        low, high = sorted(look.scale.read(float(x)) for x in fit.prediction(look.level))
        tail = f"new {fixed(low, look.decimals)} to {fixed(high, look.decimals)}"
    except NotEstimable:
        tail = ""
    bounds = look.bounds(fit.intervals(look.level)[0])
    return Line(name, "", "", look.number(middle), bounds, weight, tail, pooled=True)


def _not_pooled(found: Answer, width: int) -> list[str]:
    """Return why an engine has no result; a question that does not pool has said so in its sentence."""
    if not found.question.pooled or not found.table.k:
        return []
    lines = []
    if found.fit is None and found.why_not_pooled:
        lines += wrapped(f"not pooled: {found.why_not_pooled}", width, "  ")
    if found.post is None and found.why_not_bayes:
        why = found.why_not_bayes
        if found.lead == "reported" and why.startswith("no anchored prior"):
            why = "no prior of τ is stated, and one study says nothing about τ"
        lines += wrapped(f"no Bayesian result: {why}", width, "  ")
    return lines


def _depends(found: Answer, look: _Look, width: int) -> list[str]:
    """Return how far each choice carries the answer: the sets, leaving one study out, other likelihoods."""
    rows: list[tuple[str, int, Result | None, PosteriorBase | None]] = []
    if found.beside is not None:
        rows.append(("every SE taken as exact", found.table.k, None, found.beside))
    for one in found.sets:
        if not _is_beside(found, one):
            rows.append((one.name, one.table.k, one.fit, one.post))
    told = [(f" {one_line(name)}", str(k), _short(post, look), _short(fit, look)) for name, k, fit, post in rows]
    spans = [_span([o.post for o in found.omissions], look), _span([o.fit for o in found.omissions], look)]
    if any(spans):
        told.append((" one study left out", "", spans[0], spans[1]))
    if not told:
        return []
    told.insert(0, ("How much it depends", "k", "Bayes", "Frequentist"))
    k, post, fit = (max(shown_width(row[i]) for row in told) for i in (1, 2, 3))
    first = min(max(shown_width(row[0]) for row in told), width - k - post - fit - 6)
    return [f"{fit_width(a, first)}  {b:>{k}}  {c:>{post}}  {d:>{fit}}" for a, b, c, d in told]


def _is_beside(found: Answer, one: SetAnswer) -> bool:
    """Whether a set is the answer with every standard error taken as exact, which is shown anyway."""
    same = found.beside is not None and one.post is not None and one.table.studies == found.table.studies
    return same and one.post is not None and found.beside is not None and one.post.mu.median == found.beside.mu.median


def _short(result: Result | None, look: _Look) -> str:
    it = said(result, look.scale, look.level)
    if it is None:
        return NOT_SHOWN
    low, high = (fixed(x, look.decimals) for x in it.interval)
    return f"{fixed(it.middle, look.decimals)} [{low}, {high}]"


def _span(results: list[Result | None] | list[PosteriorBase | None], look: _Look) -> str:
    middles = [it.middle for result in results if (it := said(result, look.scale, look.level)) is not None]
    if not middles:
        return ""
    return f"{fixed(min(middles), look.decimals)} to {fixed(max(middles), look.decimals)}"


def _heterogeneity(found: Answer) -> list[str]:
    lines: list[str] = []
    if found.fit is not None and found.table.k > 1:
        between = found.fit.heterogeneity()
        parts = []
        if isinstance(between.tau2, Mapping):
            parts += [f"τ ({name}) {math.sqrt(x):.3g}" for name, x in between.tau2.items() if x >= 0]
        elif between.tau2 >= 0:
            parts.append(f"τ {math.sqrt(between.tau2):.3g}")
        if math.isfinite(between.q) and between.df > 0:
            parts.append(f"Q({between.df}) = {between.q:.2f}, P {p_value(between.p)}")
        if math.isfinite(between.i2):
            parts.append(f"I² = {between.i2:.0f}%")
        lines += [one_line(" · ".join(parts))] if parts else []
    if found.post is not None:
        low, high = found.post.tau.interval(found.level)
        lines.append(f"Bayes: τ {found.post.tau.median:.3g} [{low:.3g}, {high:.3g}]")
    return lines


def _below(found: Answer, width: int) -> list[str]:
    """Return why the engines differ, what is in doubt, what was left out, notes, and where the rest is."""
    lines: list[str] = []
    entered = None if found.question.grade is None else found.question.grade.certainty
    if entered is not None:
        lines += wrapped(f"Certainty of the evidence: {entered.judgement} ({entered.because})", width)
    differ = disagreement(found)
    if differ is not None:
        lines += wrapped(differ.text, width)
    for start, told in (("In doubt (!): ", doubts(found)), ("Left out: ", left_out(found))):
        lines += listed(start, told, 4, found, width) if told else []
    for note in found.table.notes:
        lines += wrapped(" ".join(note.split()), width)
    question = found.question.id
    more = f"why and how: lamevidence explain {question} · rows: lamevidence table {question}"
    return [*lines, *wrapped(more, width)]
