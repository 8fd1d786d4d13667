"""Cross-field rules of one finding: what pydantic cannot see because it takes two fields to see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from ..errors import Problem
from ..lineage import Reported, half_width
from ..units import UNITS
from .codes import CODES
from .nodes import Document, Loc
from .records import NOT_REPORTED
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


def finding_problems(
    document: Document, loc: Loc, model: FindingBase, vocabulary: Vocabulary
) -> list[Problem]:
    """Return every problem of a finding that parsed."""
    found = [
        *_inferred(document, loc, model),
        *_locator(document, (*loc, "at"), model.at),
        *_units(document, loc, model, vocabulary),
        *_printed(document, loc, model),
        *_acknowledged(document, loc, model),
        *_timeframe(document, loc, model),
    ]
    spread = getattr(model, "dispersion", None) or getattr(model, "interval", None)
    if isinstance(spread, DispersionModel):
        name = "dispersion" if hasattr(model, "dispersion") else "interval"
        found += _spread(document, (*loc, name), spread)
        found += _inside(document, (*loc, name), spread, _estimate(model), loc)
    p = getattr(model, "p", None)
    if isinstance(p, PModel):
        found += _p_value(document, (*loc, "p"), p)
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


def _inferred(document: Document, loc: Loc, model: FindingBase | DispersionModel) -> Iterator[Problem]:
    if model.basis == "inferred" and not model.because:
        yield document.problem(
            "LE102",
            (*loc, "basis"),
            "`because` is missing",
            "an inferred value needs its argument: `because: …`",
        )
    if model.because and model.basis != "inferred":
        yield document.problem(
            "LE102",
            (*loc, "because"),
            "`because` without `basis: inferred`",
            "write `basis: inferred`, or move the sentence to `note`",
        )


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
    from ..errors import did_you_mean

    allowed = [
        c
        for c in CODES
        if c[2:]
        in ("203", "211", "213", "214", "215", "221", "231", "232", "233", "234", "235", "312", "503")
    ]
    for i, code in enumerate(codes):
        if code not in allowed:
            near = did_you_mean(code, allowed)
            hint = f"did you mean {near}? " if near else ""
            yield document.problem(
                "LE106",
                (*loc, "acknowledge", i),
                f"`{code}` cannot be acknowledged",
                f"{hint}allowed: {', '.join(allowed)}",
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


def _dimension(symbol: str | None) -> str:
    return UNITS[symbol].dimension if symbol in UNITS else ""


def _size(symbol: str | None) -> Decimal:
    size = UNITS[str(symbol)].size
    return Decimal(size.numerator) / Decimal(size.denominator)


def _units(document: Document, loc: Loc, model: FindingBase, vocabulary: Vocabulary) -> Iterator[Problem]:
    outcome = vocabulary.outcomes.get(model.outcome)
    symbol = getattr(model, "unit", None)
    if isinstance(model, ContrastModel) and model.measure not in _RATIOS and symbol is None:
        yield document.problem(
            "LE102", loc, f"`unit` is missing: a {model.measure} has one", "add `unit:` as printed"
        )
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


def _spread(document: Document, loc: Loc, spread: DispersionModel) -> Iterator[Problem]:
    yield from _inferred(document, loc, spread)
    kind = spread.type
    if kind in ("se", "sd"):
        if spread.value is None:
            yield document.problem(
                "LE102", loc, f"`value` is missing for type {kind}", f"add the {kind.upper()} as `value:`"
            )
    elif spread.value is not None:
        yield document.problem(
            "LE101",
            (*loc, "value"),
            f"type {kind} has no `value`",
            "an interval has `low` and `high`; an SE or SD has `value`",
        )
    both = spread.low is not None and spread.high is not None
    if kind in ("ci", "iqr", "range") and not both:
        yield document.problem(
            "LE102", loc, f"`low` and `high` are both needed for type {kind}", "write both bounds as printed"
        )
    if kind in ("none", "not_reported") and (spread.low is not None or spread.high is not None):
        yield document.problem(
            "LE101", loc, f"type {kind} with bounds", "say which interval it is: type ci, iqr or range"
        )
    yield from _sign(document, loc, spread)
    if spread.low is not None and spread.high is not None and spread.low > spread.high:
        yield document.problem(
            "LE212",
            (*loc, "low"),
            f"lower {spread.low} > upper {spread.high}",
            "swapped? For a decline printed as a positive number write both bounds with a minus, the larger decline as `low`",
        )
    needs_level = kind == "ci" or (kind in ("se", "sd") and both)
    if needs_level and spread.level is None:
        yield document.problem(
            "LE102", loc, "`level` is missing for a confidence interval", "write `level: 95`, as printed"
        )
    if spread.level is not None and not 50 <= spread.level < 100:
        help_ = (
            f"write level: {spread.level * 100:g}"
            if 0 < spread.level < 1
            else "a level is between 50 and 100"
        )
        yield document.problem("LE116", (*loc, "level"), f"level {spread.level} is not a percentage", help_)


def _sign(document: Document, loc: Loc, spread: DispersionModel) -> Iterator[Problem]:
    name = {"se": "standard error", "sd": "standard deviation"}.get(spread.type, "")
    if not name or spread.value is None:
        return
    if spread.value < 0:
        size = abs(spread.value)
        yield document.problem(
            "LE104",
            (*loc, "value"),
            f"{name} must be positive ({spread.value})",
            f'{"an SE" if spread.type == "se" else "an SD"} has no sign; "−12 ± {size}" is value -12, {spread.type} {size}',
        )
    elif spread.value == 0:
        yield document.problem(
            "LE105",
            (*loc, "value"),
            f"a zero {name} would take all the weight",
            "rounded? give the interval or more digits, or type not_reported with a note",
        )


def _inside(
    document: Document, at: Loc, spread: DispersionModel, value: Decimal | None, loc: Loc
) -> Iterator[Problem]:
    if value is None or spread.low is None or spread.high is None or spread.low > spread.high:
        return
    model_codes = document.root and _acknowledges(document, loc)
    if not spread.low <= value <= spread.high and "LE211" not in (model_codes or ()):
        yield document.problem(
            "LE211",
            at,
            f"{value} is not in [{spread.low}, {spread.high}]",
            "sign lost on a bound, or the interval of another arm?",
        )


def _acknowledges(document: Document, loc: Loc) -> tuple[str, ...]:
    node = document.root
    for step in (*loc, "acknowledge"):
        node = node.get(step) if node is not None else None
    return tuple(c.text for c in node.children) if node is not None else ()


def _p_value(document: Document, loc: Loc, p: PModel) -> Iterator[Problem]:
    given = {n: v for n in ("value", "less_than", "greater_than") if (v := getattr(p, n)) is not None}
    if len(given) != 1:
        yield document.problem(
            "LE102", loc, f"p has {len(given)} of value, less_than, greater_than", "give exactly one"
        )
    for name, value in given.items():
        if not 0 <= value <= 1 or (name != "value" and value in (0, 1)):
            yield document.problem(
                "LE116",
                (*loc, name),
                f"p {value} is not between 0 and 1",
                "write the p value as printed; for `< 0.001` use less_than",
            )


def _dichotomous(document: Document, loc: Loc, m: DichotomousModel) -> Iterator[Problem]:
    if m.affected is None and m.percent is None:
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
    if m.percent is not None and not 0 <= m.percent <= 100:
        yield document.problem(
            "LE116",
            (*loc, "percent"),
            f"{m.percent} % of the patients",
            "a percentage of patients is between 0 and 100",
        )


def _rate(document: Document, loc: Loc, m: RateModel) -> Iterator[Problem]:
    for name, wanted in (("person_time", "person-time"), ("follow_up", "time")):
        value = getattr(m, name)
        if not isinstance(value, Reported):
            continue
        if _dimension(value.unit) != wanted:
            yield document.problem(
                "LE122",
                (*loc, name),
                f"{name} in {value.unit} is a {_dimension(value.unit)}",
                f"write it in {'person-year' if wanted == 'person-time' else 'month or year'}",
            )
        if value.value <= 0:
            yield document.problem(
                "LE116",
                (*loc, name),
                f"{name} must be positive ({value.value})",
                "write what the source prints, or not_reported",
            )
    derivable = m.person_time is not NOT_REPORTED or m.follow_up is not NOT_REPORTED
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
    printed = {_digits(t) for t in _NUMBER.findall(cell)} | {
        _digits(t) for t in _NUMBER.findall(cell.replace(",", ""))
    }
    printed |= {_digits(str(_WORDS.index(w))) for w in re.findall(r"[a-z]+", cell.lower()) if w in _WORDS}
    if not printed or _is_the_percentage(model, cell):
        return
    for name in ("value", "affected", "percent", "events"):
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
    if (
        not isinstance(model, DichotomousModel)
        or model.affected is None
        or not isinstance(model.at_risk, int)
    ):
        return False
    shares = re.findall(r"(\d+(?:[.·]\d+)?)\s*(?:%|percent|per cent)", cell)
    exact = Decimal(100 * model.affected) / model.at_risk
    printed = (Decimal(s.replace("·", ".")) for s in shares)
    return any(abs(exact - share) <= half_width(share) for share in printed)


def _digits(text: str) -> str:
    text = text.replace(",", ".").replace("·", ".")
    whole, _, part = text.partition(".")
    return f"{whole.lstrip('0') or '0'}.{part.rstrip('0')}"
