"""The answer to one question as a table for the terminal, at most 92 columns wide."""

from __future__ import annotations

import math
import textwrap
import unicodedata

from ..effects.measures import MEASURES
from ..numbers import MINUS, NOT_SHOWN, count, fixed, p_value, percent
from ..values import Interval
from .answer import Answer
from .display import Display, display_of, row_interval

__all__ = ["render_answer"]

WIDE, NARROW = 92, 80
_SHORT_DESIGN = {
    "parallel_rct": "RCT",
    "open_label_single_arm": "single arm",
    "before_after": "before-after",
    "registry_cohort": "cohort",
    "retrospective_series": "retrospective",
    "case_series": "case series",
    "pooled_safety": "pooled safety",
}
_ASCII = str.maketrans(
    {MINUS: "-", NOT_SHOWN: "-", "─": "-", "│": "|", "·": "|", "τ": "tau", "²": "2", "≤": "<=", "–": "-", "₁": "1"}
)


def _fit_width(text: str, width: int) -> str:
    shown = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    if shown <= width:
        return text + " " * (width - shown)
    return text[: width - 1] + "…"


def render_answer(found: Answer, *, width: int = WIDE, ascii_only: bool = False) -> str:
    """Return title, rows, pooled results, heterogeneity, reasons and exclusions of one question."""
    se = found.fit.se if found.fit is not None else math.nan
    display = display_of(found.table, se)
    lines = [_title(found, display), *_rows(found, display, width), *_pooled(found, display, width)]
    lines += [*_heterogeneity(found), *_footnotes(found, width)]
    text = "\n".join(line.rstrip() for line in lines)
    return text.translate(_ASCII) if ascii_only else text


def _title(found: Answer, display: Display) -> str:
    table = found.table
    assert table.n is not None
    unit = f" ({display.unit})" if display.unit else ""
    known = table.n[~(table.n != table.n)]
    patients = float(known.sum()) if found.question.pooled else float(max(known, default=0.0))
    total = f" · N = {count(patients)}" if len(known) else ""
    partial = f" ({table.k - len(known)} not reported)" if 0 < len(known) < table.k else ""
    return f"{table.title}{unit} · k = {table.k}{total}{partial}"


def _columns(width: int) -> tuple[int, bool]:
    wide = width >= NARROW
    return (26 if wide else 24), wide


def _cells(label: str, design: str, n: str, estimate: str, interval: str, weight: str, extra: str, width: int) -> str:
    first, wide = _columns(width)
    middle = _fit_width(design, 16) if wide else ""
    tail = f"  {extra}" if wide and extra else ""
    return f"{_fit_width(label, first)} {middle}{n:>5} {estimate:>8}  {interval:>18} {weight:>7}{tail}"


def _interval(bounds: Interval | None, decimals: int) -> str:
    if bounds is None:
        return NOT_SHOWN
    low, high = fixed(bounds.low, decimals), fixed(bounds.high, decimals)
    pad = max(len(low), len(high), 5)
    return f"[{low:>{pad}}, {high:>{pad}}]"


def _rows(found: Answer, display: Display, width: int) -> list[str]:
    table, d = found.table, display.decimals
    assert table.n is not None
    _, wide = _columns(width)
    head = _cells(
        "Study",
        "Design" if wide else "",
        "N",
        display.name[:8],
        "95% CI",
        "Weight",
        "Shrunken" if found.post else "",
        width,
    )
    lines = [head, "─" * min(width, WIDE)]
    for i, label in enumerate(table.labels):
        shown = row_interval(table, i, display)
        weight = NOT_SHOWN
        if found.fit is not None and found.fit.weights is not None and math.isfinite(found.fit.weights[i]):
            weight = percent(float(found.fit.weights[i]))
        estimate = "not est." if shown is None else fixed(shown[0], d)
        design = _SHORT_DESIGN.get(table.designs[i], table.designs[i]) if table.designs else ""
        lines.append(
            _cells(
                label,
                design,
                count(float(table.n[i])) or NOT_SHOWN,
                estimate,
                _interval(shown[1] if shown else None, d),
                weight,
                _shrunken(found, display, i),
                width,
            )
        )
    return [*lines, "─" * min(width, WIDE)]


def _shrunken(found: Answer, display: Display, i: int) -> str:
    if found.post is None:
        return ""
    theta = found.post.theta[found.table.labels[i]]
    d = display.decimals
    low, high = display.interval(theta.interval(0.95))
    return f"{fixed(display.value(theta.median), d)} [{fixed(low, d)}, {fixed(high, d)}]"


def _pooled(found: Answer, display: Display, width: int) -> list[str]:
    d = display.decimals
    lines: list[str] = []
    if found.fit is not None:
        fit = found.fit
        name = fit.spec.label
        lines.append(
            _cells(
                name,
                "",
                "",
                fixed(display.value(fit.mu), d),
                _interval(display.interval(fit.interval(0.95)), d),
                "100%" if found.table.k > 1 else "",
                "",
                width,
            )
        )
        prediction = fit.prediction(0.95)
        if prediction is not None:
            lines.append(
                _cells("  prediction interval", "", "", "", _interval(display.interval(prediction), d), "", "", width)
            )
    elif found.why_not_pooled:
        lines += textwrap.wrap(f"not pooled: {found.why_not_pooled}", width, subsequent_indent="  ")
    if found.post is not None:
        post = found.post
        null = MEASURES[found.table.measure].null
        tail = (
            "" if null is None else f"P(> {fixed(display.value(null), 0)}) = {fixed(1 - float(post.mu.cdf(null)), 2)}"
        )
        lines.append(
            _cells(
                "Bayes, exact",
                "",
                "",
                fixed(display.value(post.mu.median), d),
                _interval(display.interval(post.mu.interval(0.95)), d),
                "",
                tail,
                width,
            )
        )
        lines.append(
            _cells(
                "  prediction interval",
                "",
                "",
                "",
                _interval(display.interval(post.theta_new.interval(0.95)), d),
                "",
                "",
                width,
            )
        )
    elif found.question.pooled and found.table.k:
        lines += textwrap.wrap(f"no Bayesian result: {found.why_not_bayes}", width, subsequent_indent="  ")
    return lines


def _heterogeneity(found: Answer) -> list[str]:
    lines: list[str] = []
    fit = found.fit
    if fit is not None and found.table.k > 1 and math.isfinite(fit.tau2):
        parts = [f"τ {fit.tau:.3g}"]
        if fit.q is not None and math.isfinite(fit.q):
            parts.append(f"Q({fit.q_df}) = {fit.q:.2f}, P {p_value(fit.q_p)}")
        if fit.i2 is not None and math.isfinite(fit.i2):
            parts.append(f"I² = {fit.i2:.0f}%")
        lines.append(" · ".join(parts))
    if found.post is not None:
        low, high = found.post.tau.interval(0.95)
        lines.append(f"Bayes: τ {found.post.tau.median:.3g} [{low:.3g}, {high:.3g}]")
    return lines


def _footnotes(found: Answer, width: int) -> list[str]:
    """Return the reason for each choice, what was left out for a reason of its own, and the notes."""
    told: list[str] = []
    if found.fit is not None:
        told += [f"{name}: {reason}" for name, reason in found.fit.spec.why.items()]
    if found.post is not None:
        told += [f"Bayes, {name}: {reason}" for name, reason in found.post.spec.why.items()]
    near = [e for e in found.table.excluded if e.code in ("overlap", "not_derivable")]
    told += [f"left out {e.label or e.study}: {e.reason}" for e in near]
    others = len(found.table.excluded) - len(near)
    if others:
        told.append(f"{others} more left out as not eligible: `lamevidence table {found.question.id}` says why")
    told += found.table.notes
    lines: list[str] = []
    for text in told:
        lines += textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="    ")
    return lines
