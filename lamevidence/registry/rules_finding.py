"""Cross-field rules of one finding: what pydantic cannot see because it takes two fields to see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from ..foundation.errors import Problem
from ..foundation.lineage import Reported, half_width
from ..foundation.units import UNITS
from .codes import ACKNOWLEDGED
from .nodes import Document, Loc
from .records import NOT_REPORTED
from .rules_spread import dispersion_problems, inferred_problems, inside_problems, p_problems
from .schema_findings import (
    ContrastModel,
    DichotomousModel,
    DispersionModel,
    FindingBase,
    LocatorModel,
    PairedModel,
    PModel,
    RateModel,
)
from .vocabulary import Vocabulary

__all__ = ["finding_problems"]

_PLACES = ("page", "table", "row", "column", "figure", "section")
_NUMBER = re.compile(r"\d+(?:[.,·]\d+)?|[.·]\d+")
_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_RATIOS = ("RR", "OR", "HR", "IRR")


def finding_problems(document: Document, loc: Loc, model: FindingBase, vocabulary: Vocabulary) -> list[Problem]:
    """Return every problem of a finding that parsed."""
    found = [
        *inferred_problems(document, loc, model),
        *_locator(document, (*loc, "at"), model.at),
        *_units(document, loc, model, vocabulary),
        *_printed(document, loc, model),
        *_acknowledged(document, loc, model),
        *_timeframe(document, loc, model),
        *_follow_up(document, loc, model),
    ]
    spread = getattr(model, "dispersion", None) or getattr(model, "interval", None)
    if isinstance(spread, DispersionModel):
        name = "dispersion" if hasattr(model, "dispersion") else "interval"
        found += dispersion_problems(document, (*loc, name), spread)
        found += inside_problems(document, (*loc, name), spread, _estimate(model), loc)
    p = getattr(model, "p", None)
    if isinstance(p, PModel):
        found += p_problems(document, (*loc, "p"), p)
    if model.p_between is not None:
        found += p_problems(document, (*loc, "p_between"), model.p_between)
    if isinstance(model, DichotomousModel):
        found += _dichotomous(document, loc, model)
    elif isinstance(model, RateModel):
        found += _rate(document, loc, model)
    elif isinstance(model, PairedModel):
        found += _paired(document, loc, model)
    return found


def _estimate(model: FindingBase) -> Decimal | None:
    for name in ("value", "percent", "change"):
        value = getattr(model, name, None)
        if isinstance(value, Decimal):
            return value
    return None


def _locator(document: Document, loc: Loc, at: LocatorModel) -> Iterator[Problem]:
    if not any(getattr(at, place) for place in _PLACES):
        yield document.problem(
            "LE501",
            loc,
            "the locator names a source but no place in it",
            f"add one of {', '.join(_PLACES)}; nothing is pooled without",
        )


def _acknowledged(document: Document, loc: Loc, model: FindingBase) -> Iterator[Problem]:
    yield from unknown_codes(document, loc, model.acknowledge)
    if model.acknowledge and not model.note:
        yield document.problem(
            "LE102",
            (*loc, "acknowledge"),
            "`acknowledge` without a `note`",
            "say in `note` why the printed numbers stand",
        )


def unknown_codes(document: Document, loc: Loc, codes: list[str]) -> Iterator[Problem]:
    """Yield one problem for each acknowledged code that does not exist or cannot be acknowledged."""
    for i, code in enumerate(codes):
        if code not in ACKNOWLEDGED:
            yield document.problem(
                "LE106",
                (*loc, "acknowledge", i),
                f"`{code}` cannot be acknowledged",
                f"allowed: {', '.join(ACKNOWLEDGED)}",
            )


def _timeframe(document: Document, loc: Loc, model: FindingBase) -> Iterator[Problem]:
    span = model.timeframe
    if span is None:
        return
    for name, value in (("from", span.start), ("to", span.to)):
        if isinstance(value, Reported) and _dimension(value.unit) != "time":
            yield document.problem(
                "LE122",
                (*loc, "timeframe", name),
                f"a time span in {value.unit}",
                "write day, week, month or year",
            )
    if isinstance(span.to, Reported) and _dimension(span.to.unit) == _dimension(span.start.unit) == "time":
        start = span.start.value * _size(span.start.unit)
        if span.to.value * _size(span.to.unit) < start:
            yield document.problem(
                "LE212",
                (*loc, "timeframe"),
                f"the span ends ({span.to.value} {span.to.unit}) before it starts",
                "write `from` before `to`",
            )


def _follow_up(document: Document, loc: Loc, model: FindingBase) -> Iterator[Problem]:
    span = model.follow_up
    if span is None:
        return
    at = (*loc, "follow_up")
    if _dimension(span.value.unit) != "time":
        found = f"follow_up in {span.value.unit} is a {_dimension(span.value.unit)}"
        yield document.problem("LE122", at, found, "write it in month or year")
    if span.value.value <= 0:
        found = f"follow_up must be positive ({span.value.value})"
        yield document.problem("LE116", at, found, "write what the source prints, or not_reported")
    if span.spread is not None:
        yield from dispersion_problems(document, (*loc, "follow_up", "spread"), span.spread)
        yield from inside_problems(document, (*loc, "follow_up", "spread"), span.spread, span.value.value, loc)


def _dimension(symbol: str | None) -> str:
    return UNITS[symbol].dimension if symbol in UNITS else ""


def _size(symbol: str | None) -> Decimal:
    size = UNITS[str(symbol)].size
    return Decimal(size.numerator) / Decimal(size.denominator)


def _units(document: Document, loc: Loc, model: FindingBase, vocabulary: Vocabulary) -> Iterator[Problem]:
    outcome = vocabulary.outcomes.get(model.outcome)
    symbol = getattr(model, "unit", None)
    if isinstance(model, ContrastModel) and model.measure not in _RATIOS and symbol is None:
        yield document.problem("LE102", loc, f"`unit` is missing: a {model.measure} has one", "add `unit:` as printed")
    if isinstance(model, ContrastModel) and model.measure in _RATIOS:
        if symbol not in (None, "ratio"):
            yield document.problem(
                "LE122",
                (*loc, "unit"),
                f"{model.measure} in `{symbol}`: a ratio has no unit",
                "delete `unit`",
            )
        return
    if outcome is None or symbol is None:
        return
    dimension = _dimension(symbol)
    allowed = (
        (*outcome.dimension, "percent")
        if isinstance(model, ContrastModel) and model.measure == "RD"
        else outcome.dimension
    )
    if dimension not in allowed:
        lacks = " has no time" if any(d == f"{dimension}/time" for d in allowed) else f" is a {dimension}"
        near = next(
            (u for u in outcome.units if u.startswith(f"{symbol}/y")),
            outcome.units[0] if outcome.units else "",
        )
        yield document.problem(
            "LE122",
            (*loc, "unit"),
            f"{model.outcome} in `{symbol}`{lacks}",
            f"`{near}`? allowed dimensions: {', '.join(allowed)}",
        )


def _dichotomous(document: Document, loc: Loc, m: DichotomousModel) -> Iterator[Problem]:
    if m.affected is None and m.percent is None and m.percent_at_most is None:
        yield document.problem(
            "LE102",
            loc,
            "`affected` or `percent` is missing",
            "add the patients affected, or the percentage when only that is printed",
        )
    if m.affected is not None and isinstance(m.at_risk, int) and m.affected > m.at_risk:
        yield document.problem(
            "LE241",
            (*loc, "affected"),
            f"{m.affected} patients affected of {m.at_risk} at risk",
            "events counted, not patients? then `kind: rate` with `events` and `person_time`",
        )
    for name in ("percent", "percent_at_most"):
        percent = getattr(m, name)
        if percent is not None and not 0 <= percent <= 100:
            yield document.problem(
                "LE116",
                (*loc, name),
                f"{percent} % of the patients",
                "a percentage of patients is between 0 and 100",
            )


def _rate(document: Document, loc: Loc, m: RateModel) -> Iterator[Problem]:
    value = m.person_time
    if isinstance(value, Reported):
        if _dimension(value.unit) != "person-time":
            found = f"person_time in {value.unit} is a {_dimension(value.unit)}"
            yield document.problem("LE122", (*loc, "person_time"), found, "write it in person-year")
        if value.value <= 0:
            found = f"person_time must be positive ({value.value})"
            yield document.problem(
                "LE116", (*loc, "person_time"), found, "write what the source prints, or not_reported"
            )
    derivable = m.person_time is not NOT_REPORTED or m.follow_up is not None
    if not derivable and not m.not_poolable:
        yield document.problem(
            "LE244",
            loc,
            "a rate needs `person_time` or `follow_up`",
            "add what the source prints, or say `not_poolable: no follow-up time is printed`",
        )


def _paired(document: Document, loc: Loc, m: PairedModel) -> Iterator[Problem]:
    if isinstance(m.correlation, Decimal) and not -1 <= m.correlation <= 1:
        yield document.problem(
            "LE116",
            (*loc, "correlation"),
            f"correlation {m.correlation} is not between -1 and 1",
            "write it as printed, or not_reported",
        )
    if m.change is not None and m.unit is None:
        yield document.problem("LE102", loc, "`change` without `unit`", "add `unit:` as printed")


def _printed(document: Document, loc: Loc, model: FindingBase) -> Iterator[Problem]:
    """LW503: the digits recorded should stand in the printed cell."""
    cell = model.at.printed
    if not cell or model.basis == "inferred" or "LW503" in model.acknowledge:
        return
    printed = {_digits(t) for t in _NUMBER.findall(cell)} | {_digits(t) for t in _NUMBER.findall(cell.replace(",", ""))}
    printed |= {_digits(str(_WORDS.index(w))) for w in re.findall(r"[a-z]+", cell.lower()) if w in _WORDS}
    if not printed or _is_the_percentage(model, cell):
        return
    for name in ("value", "affected", "percent", "percent_at_most", "events"):
        number = getattr(model, name, None)
        if number is None or isinstance(number, str):
            continue
        if _digits(str(abs(number))) not in printed:
            yield document.problem(
                "LW503",
                (*loc, name),
                f'{number} does not occur in the printed cell "{cell}"',
                "typo in one of them?",
            )
            return


def _is_the_percentage(model: FindingBase, cell: str) -> bool:
    """Tell whether the cell prints the count as a percentage of the patients at risk."""
    if not isinstance(model, DichotomousModel) or model.affected is None or not isinstance(model.at_risk, int):
        return False
    shares = re.findall(r"(\d+(?:[.·]\d+)?)\s*(?:%|percent|per cent)", cell)
    exact = Decimal(100 * model.affected) / model.at_risk
    printed = (Decimal(s.replace("·", ".")) for s in shares)
    return any(abs(exact - share) <= half_width(share) for share in printed)


def _digits(text: str) -> str:
    text = text.replace(",", ".").replace("·", ".")
    whole, _, part = text.partition(".")
    return f"{whole.lstrip('0') or '0'}.{part.rstrip('0')}"
