"""Results as text: the one system of sentences, short forms and HTML for every model."""

from __future__ import annotations

import html as markup
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..effects.absolute_risks import hazard_to_risk
from ..effects.measures import MEASURES
from ..foundation.errors import LamEvidenceError, NotEstimable
from ..foundation.printable import one_line, printable
from ..foundation.values import Interval
from .display import Display
from .marginal import PopulationAverage, link_of

if TYPE_CHECKING:
    from .contract import Result

__all__ = ["MAX_LINES", "describe", "display", "html", "methods_text", "tau_unit", "tau_words", "text"]

MAX_LINES = 12
"""Most lines of a short form; what does not fit is named, and where to read it."""


def display(fit: Result, level: float) -> Display:
    """Return what a reader sees of a result."""
    scale = fit.scale()
    one = _is_mean(fit)
    prediction: Interval | None = None
    note = ""
    try:
        prediction = fit.prediction(level)
    except NotEstimable as refused:
        note = str(refused)
    if one:
        bounds = fit.intervals(level)[0]
        return Display(
            scale.title,
            scale.read(float(fit._shown()[0])),
            _read(fit, bounds),
            None if prediction is None else _read(fit, prediction),
            note,
            scale.unit or None,
            level,
            fit.interval_name,
            scale,
        )
    # a difference of logits is no proportion: coefficients stay on the analysis scale, and the label says which it is
    plain = scale.on_analysis_scale(MEASURES[fit.measure], fit.unit)
    rows = fit.intervals(level)
    return Display(
        plain.title,
        dict(zip(fit.names, fit._shown().tolist(), strict=True)),
        {name: Interval(float(low), float(high)) for name, (low, high) in zip(fit.names, rows, strict=True)},
        None,
        note,
        fit.unit,
        level,
        fit.interval_name,
        plain,
    )


def _is_mean(fit: Result) -> bool:
    """Return whether the one number is a mean of the studies: no slope of a moderator, alone or not."""
    if len(fit.names) > 1:
        return False
    X = getattr(getattr(fit, "design", None), "X", None)
    return X is None or X.shape[1] != 1 or bool((X[0] == X).all())


def _read(fit: Result, bounds: Interval | np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
    scale = fit.scale()
    low, high = sorted((scale.read(float(bounds[0])), scale.read(float(bounds[1]))))
    return Interval(low, high)


def describe(fit: Result) -> str:
    """Return one sentence: what was pooled, how, what came out, at which level."""
    what = fit.table.title or MEASURES[fit.measure].title
    shown = fit.display()
    shared = not fit.bayesian and fit.spec.model == "random" and fit.spec.tau2 == "fixed"  # τ² of other studies too
    if fit.k == 1 and not shared:
        return one_line(f"{what}: one study, as reported: {shown}.")
    studies = f"{fit.k} {'study' if fit.k == 1 else 'studies'}"
    if len(set(fit.table.studies)) != fit.table.k:
        studies = f"{fit.k} estimates of {len(set(fit.table.studies))} studies"
    return one_line(
        f"{what}: {studies}, {fit.spec.label}: {shown}{_risk_words(fit)}{_average_words(fit)}{_between(fit)}."
    )


def _risk_words(fit: Result) -> str:
    """Return the risk within a year at the middle hazard; empty for other measures."""
    if MEASURES[fit.measure].family != "hazard" or not _is_mean(fit):
        return ""
    middle, low, high = 100 * hazard_to_risk(np.array([float(fit._shown()[0]), *fit.intervals()[0]]), 1.0)
    risk = replace(fit.display(), unit="%")._one(float(middle), Interval(float(low), float(high)))
    return f"; risk of at least one event within a year {risk}"


def _average_words(fit: Result) -> str:
    """Return the average over studies beside the median study; empty where the two are one, or there is none."""
    if not isinstance(fit, PopulationAverage) or not isinstance(fit.tau2, float) or not fit.tau2 > 0:
        return ""
    try:
        if link_of(fit) == "identity":
            return ""
    except NotEstimable:
        return ""
    shown, factor = fit.display(), fit.scale().factor
    try:
        bounds = Interval(*(factor * end for end in fit.marginal_interval()))
    except LamEvidenceError:
        known = shown.number(factor * fit._average())
        return f"; average over studies (not the median study) {known}, an interval is not estimable"
    return f"; average over studies (not the median study) {shown._one(factor * fit._average(), bounds)}"


def tau_words(fit: Result) -> str:
    """Return τ with its unit or scale; empty where there is none, or one a component."""
    found = fit.heterogeneity()
    tau2 = found.tau2
    if isinstance(tau2, Mapping) or found.assumed or not math.isfinite(tau2):
        return ""
    return f"τ = {math.sqrt(tau2):.3g}{tau_unit(fit)}"


def tau_unit(fit: Result) -> str:
    """Return what τ is measured in: the unit of the estimates, or the scale of the analysis."""
    if MEASURES[fit.measure].scale != "identity":
        return f" on the {MEASURES[fit.measure].scale} scale"
    return f" {fit.unit}" if fit.unit else ""


def _between(fit: Result) -> str:
    found = fit.heterogeneity()
    parts = list(filter(None, [fit._tau_words()]))
    if isinstance(found.tau2, Mapping) and not fit.bayesian:
        known = {name: value for name, value in found.tau2.items() if math.isfinite(value)}
        parts += [f"τ² ({name}) = {value:.3g}" for name, value in known.items()]
        parts += [found.note] if found.note and len(known) < len(found.tau2) else []
    if math.isfinite(found.i2):
        parts.append(f"I² = {found.i2:.0f}%")
    return f"; {', '.join(parts)}" if parts else ""


def methods_text(fit: Result) -> str:
    """Return the Methods sentences, each choice with its reference."""
    from .. import __version__

    sentences = []
    references: list[str] = []
    for clause, reference in fit._methods():
        mark = ""
        if reference:
            if reference not in references:
                references.append(reference)
            mark = f" [{references.index(reference) + 1}]"
        sentences.append(one_line(f"{clause}{mark}."))
    sentences.append(f"Computed with lamevidence {__version__}.")
    cited = [f"[{i}] {reference}" for i, reference in enumerate(references, 1)]
    return "\n".join([" ".join(sentences), *cited])


def text(fit: Result) -> str:
    """Return the result in at most `MAX_LINES` lines."""
    what = fit.table.title or MEASURES[fit.measure].title
    head = [f"{what} · k = {fit.k} · {fit.spec.label}"]
    shown = fit.display()
    if isinstance(shown.estimate, Mapping):
        assert isinstance(shown.interval, Mapping)
        body = [f"  {name}  {shown._one(x, shown.interval[name])}" for name, x in shown.estimate.items()]
        room = MAX_LINES - 4
        if len(body) > room:
            body = [*body[: room - 1], f"  … and {len(body) - room + 1} more · tidy() has all"]
        head.append(f"  {shown.label}")
    else:
        body = [f"  {shown}"]
        if shown.prediction is None:
            body.append(f"  no prediction interval: {shown.prediction_note}")
    found = fit.heterogeneity()
    # E τ² is no number that readers of a posterior know; its median and interval are
    between = f"{fit._tau_words()} · {replace(found, tau2=math.nan)}" if fit.bayesian else str(found)
    lines = [*head, *body, f"  {between}"]
    notes = [f"  note: {note}" for note in fit.notes]
    room = MAX_LINES - len(lines)
    if len(notes) > room:
        notes = [*notes[: max(room - 1, 0)], f"  … and {len(notes) - max(room - 1, 0)} more notes · .notes has all"]
    return "\n".join(map(one_line, [*lines, *notes][:MAX_LINES]))


def html(fit: Result) -> str:
    """Return the result as an HTML fragment."""
    lines = text(fit).split("\n")
    rows = "".join(f"<li>{markup.escape(line.strip())}</li>" for line in lines[1:])
    why = "".join(f"<li>{markup.escape(f'{name}: {reason}')}</li>" for name, reason in dict(fit.spec.why).items())
    choices = f"<details><summary>choices</summary><ul>{why}</ul></details>" if why else ""
    return printable(f"<div><strong>{markup.escape(lines[0])}</strong><ul>{rows}</ul>{choices}</div>")
