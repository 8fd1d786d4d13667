"""What the estimate of each row may be, given how its numbers are printed: derived anew from numbers that print so.

The rounding of a printed number, the kind of a ± that the record had to infer, a correlation that was assumed and the
printed number that a row starts from each have a prior; the derivation of the row turns nodes over them into estimates
and variances.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ...foundation.errors import DerivationError, InputError, NotEstimable
from ...foundation.lineage import Lineage
from ...foundation.printed_law import PrintedLaw, PrintUncertainty, Reading
from ...questions.question import Question
from ...registry.records import Continuous, Contrast, Finding, Paired, Study
from ..evidence_table import EvidenceTable
from ..measures.base import FloatArray
from .derived import Derived, printed_p
from .print_nodes import Side, mixture_nodes
from .selection import Candidate

__all__ = ["Origin", "origin_of", "printed_laws"]

_SAME = 1e-9
"""Relative difference of an estimate from what its origin gives that is rounding."""
_SPREADS = {"se": "value", "sd": "value", "ci low": "low", "ci high": "high"}

Findings = Mapping[str, Finding]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What one row was derived from, and by what function, so that it can be derived from other numbers.

    Attributes
    ----------
    question
        The question.
    candidates
        The findings that answer it, of a study that holds nothing else.
    derive
        The derivation.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    derive: Callable[[Question, Sequence[Candidate]], Derived]

    @property
    def study(self) -> Study:
        """The study."""
        return self.candidates[0].study

    def again(self, question: Question, findings: Findings) -> Derived:
        """Return the row as other findings of the same names give it."""
        study = replace(self.study, findings=tuple(findings.values()))
        return self.derive(question, [Candidate(study, findings[c.finding.id]) for c in self.candidates])


def origin_of(
    question: Question, candidates: Sequence[Candidate], derive: Callable[[Question, Sequence[Candidate]], Derived]
) -> Origin | None:
    """Return the origin of a row of means or contrasts; None of counts, whose numbers are whole."""
    if not all(isinstance(c.finding, Continuous | Contrast | Paired) for c in candidates):
        return None
    study, ids = candidates[0].study, {c.finding.id for c in candidates}
    for c in candidates:
        if isinstance(c.finding, Paired):
            ids |= {c.finding.before, c.finding.after}
    small = replace(study, findings=tuple(f for f in study.findings if f.id in ids))
    return Origin(question, tuple(Candidate(small, c.finding) for c in candidates), derive)


def printed_laws(table: EvidenceTable, uncertainty: PrintUncertainty) -> tuple[PrintedLaw | None, ...]:
    """Return the law of each row's estimate and variance given what is printed; None where nothing is uncertain.

    Parameters
    ----------
    table
        Derived from records, or made of estimates whose decimals were said.
    uncertainty
        What enters.

    Raises
    ------
    NotEstimable
        A row without printed numbers; a rounding that allows a standard error of 0.
    InputError
        Estimates that are no longer what was derived.
    """
    return tuple(_law(table, i, uncertainty) for i in range(table.k))


def _law(table: EvidenceTable, i: int, wanted: PrintUncertainty) -> PrintedLaw | None:
    lineage, label = table.lineage[i], table.labels[i]
    y, v = float(table.yi[i]), float(table.vi[i])
    origin = lineage.origin
    if isinstance(origin, Origin):
        own = origin.again(origin.question, {f.id: f for f in origin.study.findings})
        if not (math.isclose(own.yi, y, rel_tol=_SAME, abs_tol=1e-300) and math.isclose(own.vi, v, rel_tol=_SAME)):
            raise InputError(
                f"{label}: its estimate {y:g} is no longer the one that was derived from print, {own.yi:g}"
                " · pool registry.evidence(question) as it is, or leave print_uncertainty out"
            )
        return _of_readings(label, list(_readings(origin, own, wanted)))
    if lineage.yi_bounds is not None and lineage.vi_bounds is not None:
        return _between(label, lineage, wanted)
    if lineage.cells and not any(number.rounding for _, _, number, _ in lineage.cells):
        return None
    raise NotEstimable(
        f"print_uncertainty of {label}: it is no printed estimate with a standard error · say how many decimals are"
        " printed, lam.EvidenceTable.from_estimates(yi, sei=…, digits=…), or leave print_uncertainty out"
    )


def _between(label: str, lineage: Lineage, wanted: PrintUncertainty) -> PrintedLaw | None:
    """Return the law of an estimate and a standard error that are uniform between bounds."""
    assert lineage.yi_bounds is not None
    assert lineage.vi_bounds is not None
    if not wanted.rounding:
        return None
    sides = [Side(*lineage.yi_bounds), Side(*(math.sqrt(max(x, 0.0)) for x in lineage.vi_bounds))]
    _positive(label, sides[1].low)
    nodes = mixture_nodes(lambda x: (float(x[0]), float(x[1]) ** 2), sides)
    return _joined([(Reading("as given", "", 1.0, ("estimate", "standard error")), nodes)])


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A reading, the question and the findings that it is derived from, and what it gives."""

    reading: Reading
    origin: Origin
    question: Question
    findings: Findings
    made: Derived
    wanted: PrintUncertainty


def _readings(origin: Origin, own: Derived, wanted: PrintUncertainty) -> Iterator[_Way]:
    """Yield each way to read what is printed, with its prior probability."""
    findings = {f.id: f for f in origin.study.findings}
    routes = [(origin.question, own), *(_routes(origin, own) if wanted.route else ())]
    for question, made in routes:
        share = 1.0 / len(routes)
        kind = _inferred(made)
        names = " and ".join(dict.fromkeys(finding for finding, *_ in made.lineage.cells))
        if not kind or wanted.kind == 1.0:
            yield _Way(Reading(names, kind, share), origin, question, findings, made, wanted)
            continue
        flipped = {name: _other_kind(f) for name, f in findings.items()}
        swapped = " and ".join(_SWAPPED[k] for k in kind.split(" and "))
        try:
            other = origin.again(question, flipped)
        except DerivationError as error:
            note = f"± read as {swapped} gives no estimate: {error}"
            yield _Way(Reading(names, kind, share, note=note), origin, question, findings, made, wanted)
            continue
        if other.yi == made.yi and other.vi == made.vi:  # the spread is printed and not used
            yield _Way(Reading(names, "", share), origin, question, findings, made, wanted)
            continue
        if wanted.kind > 0.0:
            yield _Way(Reading(names, kind, share * wanted.kind), origin, question, findings, made, wanted)
        rest = share * (1.0 - wanted.kind)
        yield _Way(Reading(names, swapped, rest), origin, question, flipped, other, wanted)


_SWAPPED = {"SE": "SD", "SD": "SE"}


def _inferred(made: Derived) -> str:
    """Return the kinds that inferred ± are read as, ``SE`` or ``SD`` or both; empty where all are printed."""
    read = [step.text for step in made.lineage.steps if step.rule == "read as"]
    kinds = dict.fromkeys(text.rsplit(" ", 1)[-1] for text in read if text.startswith("± read as S"))
    return " and ".join(kinds)


def _other_kind(finding: Finding) -> Finding:
    """Return a finding whose ± of inferred kind is read the other way: all of a paper at once."""
    if isinstance(finding, Continuous | Contrast | Paired) and finding.dispersion is not None:
        spread = finding.dispersion
        if spread.basis != "stated" and spread.kind in ("se", "sd"):
            return replace(finding, dispersion=replace(spread, kind="sd" if spread.kind == "se" else "se"))
    return finding


def _routes(origin: Origin, own: Derived) -> Iterator[tuple[Question, Derived]]:
    """Yield what other printed numbers of the same quantity give, which a set of the question takes instead."""
    question, study = origin.question, origin.study
    used = {finding for finding, *_ in own.lineage.cells}
    held = {c.finding.id: c.finding for c in origin.candidates}
    spans = {(held[name].phase, str(held[name].timeframe)) for name in used if name in held}
    found: set[frozenset[str]] = {frozenset(used)}
    for variation in question.sensitivity:
        names = variation.prefer.get(study.id, ())
        names = (names,) if isinstance(names, str) else tuple(names)
        if not names or not all(n in held and (held[n].phase, str(held[n].timeframe)) in spans for n in names):
            continue
        other = replace(question, prefer={**question.prefer, study.id: names})
        try:
            made = origin.again(other, {f.id: f for f in study.findings})
        except DerivationError:
            continue
        cells = frozenset(finding for finding, *_ in made.lineage.cells)
        if cells not in found:
            found.add(cells)
            yield other, made


def _of_readings(label: str, ways: list[_Way]) -> PrintedLaw | None:
    """Return the law over all readings; None where they are one, whose numbers are exact."""
    parts = [_nodes(label, way) for way in ways]
    if len(parts) == 1 and parts[0][1][0].size == 1:
        return None
    return _joined(parts)


def _joined(parts: Sequence[tuple[Reading, tuple[FloatArray, FloatArray, FloatArray]]]) -> PrintedLaw:
    nodes = [found for _, found in parts]
    return PrintedLaw(
        np.concatenate([y for y, _, _ in nodes]),
        np.concatenate([v for _, v, _ in nodes]),
        np.concatenate([reading.probability * w for reading, (_, _, w) in parts]),
        np.repeat(np.arange(len(parts)), [y.size for y, _, _ in nodes]),
        tuple(reading for reading, _ in parts),
    )


def _nodes(label: str, way: _Way) -> tuple[Reading, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return a reading with what is uncertain in it, and its nodes."""
    numbers = list(_numbers(label, way)) if way.wanted.rounding else []
    sides = [side for *_, side in numbers]
    stated = way.question.correlation
    assumed = any((step.assumption or "").startswith("r = ") for step in way.made.lineage.steps)
    with_r = way.wanted.r and assumed and stated is not None and stated.low < stated.high
    if with_r:
        assert stated is not None
        sides.append(Side(stated.low, stated.high))

    def rule(x: FloatArray) -> tuple[float, float]:
        findings, question = dict(way.findings), way.question
        for (finding, name, _), value in zip(numbers, x, strict=False):
            findings[finding] = _moved(findings[finding], name, float(value))
        if with_r:
            assert stated is not None
            question = replace(question, correlation=replace(stated, used=float(x[-1])))
        made = way.origin.again(question, findings)
        _positive(label, made.vi)
        return made.yi, made.vi

    try:
        found = mixture_nodes(rule, sides)
    except DerivationError as error:
        raise NotEstimable(f"print_uncertainty of {label}: {error}") from None
    rounded = tuple(f"{name} of {finding}" for finding, name, _ in numbers)
    r = (stated.low, stated.high) if with_r and stated is not None else None
    return replace(way.reading, rounded=rounded, r=r), found


def _numbers(label: str, way: _Way) -> Iterator[tuple[str, str, Side]]:
    """Yield finding, name and bounds of each printed number whose rounding moves estimate or variance."""
    seen: set[tuple[str, str]] = set()
    for finding, name, number, _ in way.made.lineage.cells:
        if not number.rounding or (finding, name) in seen:
            continue
        seen.add((finding, name))
        value, half = float(number.value), float(number.rounding)
        side = Side(value - half, value + half)
        if name == "p":
            held = way.findings[finding]
            assert isinstance(held, Continuous | Contrast | Paired)
            assert held.p is not None
            side = Side(*printed_p(held.p)[1])
        if name in ("se", "sd"):
            _positive(label, side.low)
        moved = [{**way.findings, finding: _moved(way.findings[finding], name, x)} for x in side]
        ends = [way.origin.again(way.question, findings) for findings in moved]
        if any((made.yi, made.vi) != (way.made.yi, way.made.vi) for made in ends):
            yield finding, name, side


def _positive(label: str, spread: float) -> None:
    if not spread > 0:
        raise NotEstimable(
            f"{label}: its rounding allows a standard error of 0 · leave it out, table.without({label!r}), or its"
            " rounding, print_uncertainty={'rounding': False}"
        )


def _moved(finding: Finding, name: str, value: float) -> Finding:
    """Return a finding that prints another number."""
    assert isinstance(finding, Continuous | Contrast | Paired)
    number = Decimal(repr(value))
    if name == "p":
        assert finding.p is not None
        return replace(finding, p=replace(finding.p, value=number))
    if name == "value":
        if isinstance(finding, Paired):
            assert finding.change is not None
            return replace(finding, change=replace(finding.change, value=number, rounding=Decimal(0)))
        return replace(finding, value=replace(finding.value, value=number, rounding=Decimal(0)))
    spread, field = finding.dispersion, _SPREADS[name]
    assert spread is not None
    exact = replace(getattr(spread, field), value=number, rounding=Decimal(0))
    return replace(finding, dispersion=replace(spread, **{field: exact}))
