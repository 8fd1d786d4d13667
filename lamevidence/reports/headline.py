"""What an answer says in words: the sentence a clinician can repeat, what decides it, why the engines differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from ..bayes.posterior import PosteriorBase
from ..foundation.errors import NotEstimable
from ..foundation.numbers import fixed
from ..foundation.values import Interval
from ..pooling.kernel.distributions import quantile
from ..results.contract import Result
from ..results.scale import ReaderScale, reader_scale
from ..synthesis.joint_posterior import JointPosterior
from .answer import Answer
from .verdict import Said, differ, side, verdict, widest_without

__all__ = ["Disagreement", "decider", "disagreement", "headline", "said", "scale_of"]

LEVEL = 0.95


def said(result: Result | None, scale: ReaderScale, level: float) -> Said | None:
    """Return the middle and the interval of a result as a reader sees them, None where there is none."""
    if result is None:
        return None
    if isinstance(result, JointPosterior):
        middle = result.effect.mean
    else:
        middle = result.mu.median if isinstance(result, PosteriorBase) else float(result.estimate)
    low, high = sorted(scale.read(float(x)) for x in result.intervals(level)[0])
    return Said(scale.read(float(middle)), Interval(low, high), scale.log)


def in_words(it: Said, scale: ReaderScale, name: str, level: float) -> str:
    """Return ``11 mL/year (95 % credible interval −33 to 134)``."""
    decimals = max(scale.decimals(_width(it) / (2 * NormalDist().inv_cdf(0.5 + level / 2))), int(scale.unit == "%"))
    low, high = (fixed(x, decimals) for x in it.interval)
    tail = ("%" if scale.unit == "%" else f" {scale.unit}") if scale.unit else ""
    return f"{fixed(it.middle, decimals)}{tail} ({100 * level:g} % {name} {low} to {high})"


def _width(it: Said) -> float:
    return it.interval.high - it.interval.low


def scale_of(found: Answer) -> ReaderScale:
    """Return how the leading number of an answer is read; a joint effect is a difference, whose value of none is 0."""
    scale = reader_scale(found.table)
    return replace(scale, null=0.0) if found.question.compare == "joint" else scale


def interval_word(found: Answer) -> str:
    """Return what the interval of the leading result is called."""
    return "credible interval" if found.lead in ("bayes", "joint") else "confidence interval"


def headline(found: Answer) -> str:
    """Return the sentence that leads an answer: the number, its interval, and what the interval shows."""
    table, scale = found.table, scale_of(found)
    if table.k == 0:
        return "No study of the registry answers; the table of its rows gives the reason of each that does not."
    it = said(found.leading, scale, found.level)
    if it is None:
        reason = found.why_not_pooled or found.why_not_bayes
        if found.question.compare == "joint":
            return f"The rows do not tell the effect of the treatment: {reason}."
        text = f"The rows are shown side by side and not pooled: {reason}."
        if found.profile is None:
            return text
        seen = 1.0 / found.profile.cautious.power
        return f"{text} Shrunk to each other, each event taken as if seen {seen:.3g} times: {found.profile.verdict()}."
    number = in_words(it, scale, interval_word(found), found.level)
    if found.lead == "reported":
        start = f"One study, as reported: {scale.word if scale.null is not None else scale.title.lower()} {number}"
    elif found.question.reads:
        start = found.question.reads.format(estimate=number)
    else:
        start = f"{table.title}: {number}"
    shown = verdict(it.interval, scale.null, table.higher_is, found.question.compare in ("between_arms", "joint"))
    if not shown:
        return f"{start}.{_new_study(found, it, scale)}"
    return f"{start}: {shown}.{_new_study(found, it, scale)}"


def _new_study(found: Answer, it: Said, scale: ReaderScale) -> str:
    """Return the sentence about a new study where it says something else than the mean."""
    null = scale.null
    if found.leading is None or found.lead == "reported" or null is None or not side(it.interval, null):
        return ""
    try:
        low, high = sorted(scale.read(float(x)) for x in found.leading.prediction(found.level))
    except NotEstimable:
        return ""
    return "" if side(Interval(low, high), null) else " A new study may still find no effect, or the opposite."


@dataclass(frozen=True, slots=True)
class Decider:
    """A study that decides the leading answer, and how: ``verdict`` changes without it, or ``width`` halves."""

    study: str
    label: str
    how: str
    without: Said


def decider(found: Answer) -> Decider | None:
    """Return the study that decides the leading answer, None when no single one does."""
    scale = scale_of(found)
    whole = said(found.leading, scale, found.level)
    if whole is None or found.lead == "reported" or len(found.omissions) < 3:
        return None
    without = {o.study: it for o in found.omissions if (it := said(o.of(found.lead), scale, found.level)) is not None}
    labels = {o.study: o.label for o in found.omissions}
    widest = widest_without(whole, without)
    if widest:
        return Decider(widest, labels[widest], "width", without[widest])
    if scale.null is None:
        return None
    changed = [s for s, it in without.items() if side(it.interval, scale.null) != side(whole.interval, scale.null)]
    if len(changed) != 1:
        return None
    return Decider(changed[0], labels[changed[0]], "verdict", without[changed[0]])


def decides(found: Answer) -> str:
    """Return the sentence that names the study that decides, empty when none does."""
    one = decider(found)
    if one is None:
        return ""
    what = "decides the width" if one.how == "width" else "decides what is shown"
    scale = reader_scale(found.table)
    return f"{one.label} {what}: without it {in_words(one.without, scale, interval_word(found), found.level)}."


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How the two engines differ, and what makes it.

    Attributes
    ----------
    respects
        ``side``, ``middle``, ``width``.
    cause
        ``study``, ``likelihood``, ``t`` (few studies), or empty when none of these explains it.
    text
        The sentence.
    study
        The study that makes it, where one does.
    """

    respects: tuple[str, ...]
    cause: str
    text: str
    study: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the parts as plain values."""
        return {"respects": list(self.respects), "cause": self.cause, "study": self.study or None, "text": self.text}


def disagreement(found: Answer) -> Disagreement | None:
    """Return how the engines disagree and why; None when they agree or one of them has no answer.

    The causes are tried: a study whose omission makes the engines agree; standard errors taken as exact, which makes
    the posterior agree; a t quantile of few degrees of freedom, whose normal counterpart agrees.
    """
    scale = reader_scale(found.table)
    one, other = said(found.fit, scale, found.level), said(found.post, scale, found.level)
    if one is None or other is None or found.table.k < 2 or found.fit is None:
        return None
    respects = differ(one, other, scale.null)
    if not respects:
        return None
    start = _start(respects)
    model = found.fit.spec.label
    if found.beside is not None and (known := said(found.beside, scale, found.level)) is not None:
        nearer = abs(known.scaled()[0] - one.scaled()[0]) < 0.5 * abs(other.scaled()[0] - one.scaled()[0])
        study = _most_moved(found, scale)
        if nearer and study is not None:
            i = found.table.studies.index(study)
            weights, n = found.fit.weights, found.table.n
            share = f" {weights[i]:.0f} % of the weight" if weights is not None else " its weight"
            patients = f" from {n[i]:.0f} patients" if n is not None and n[i] == n[i] else ""
            why = f"{model} gives {found.table.labels[i]}{share}, its standard error taken as exact"
            text = f"{start}: {why}; the t likelihood takes it as estimated{patients}."
            return Disagreement(respects, "likelihood", text, study)
    alone = _reconciling(found, scale)
    if alone:
        labels = [found.table.labels[found.table.studies.index(study)] for study in alone]
        which = labels[0] if len(labels) == 1 else f"any one of {', '.join(labels)}"
        return Disagreement(
            respects, "study", f"{start}: without {which} they agree.", alone[0] if len(alone) == 1 else ""
        )
    df = float(found.fit.df) if isinstance(found.fit.df, int | float) else float("inf")
    if "width" in respects and one.half > other.half and df < 4:
        factor = quantile(found.level, df)
        text = f"{start}: with {found.table.k} studies the frequentist interval reaches {factor:.3g} standard errors"
        return Disagreement(respects, "t", f"{text} to each side (t with {df:g} degrees of freedom).")
    tried = alone is not None
    return Disagreement(
        respects, "", f"{start}; leaving out no single study makes them agree." if tried else f"{start}."
    )


def _start(respects: tuple[str, ...]) -> str:
    words = {"side": "in what they show", "middle": "in the estimate", "width": "in the width of the interval"}
    return f"The two engines differ {' and '.join(words[r] for r in respects)}"


def _most_moved(found: Answer, scale: ReaderScale) -> str | None:
    """Return the study whose omission moves the frequentist estimate most."""
    whole = said(found.fit, scale, found.level)
    assert whole is not None
    moved = {
        o.study: abs(it.scaled()[0] - whole.scaled()[0])
        for o in found.omissions
        if (it := said(o.fit, scale, found.level)) is not None
    }
    return max(moved, key=lambda name: moved[name]) if moved else None


def _reconciling(found: Answer, scale: ReaderScale) -> tuple[str, ...] | None:
    """Return the studies without each of which the engines agree; None where it cannot be tried with every study."""
    if len(found.omissions) < 3:
        return None
    agree = []
    for o in found.omissions:
        one, other = said(o.fit, scale, found.level), said(o.post, scale, found.level)
        if one is None or other is None:
            return None
        if not differ(one, other, scale.null):
            agree.append(o.study)
    return tuple(agree)
