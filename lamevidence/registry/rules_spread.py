"""Cross-field rules of a printed ±, an interval and a p value."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..foundation.errors import Problem
from .nodes import Document, Loc
from .schema_findings import DispersionModel, FindingBase, PModel

__all__ = ["dispersion_problems", "inferred_problems", "inside_problems", "p_problems"]


def inferred_problems(document: Document, loc: Loc, model: FindingBase | DispersionModel) -> Iterator[Problem]:
    """An inferred value needs its argument, and an argument is of something inferred."""
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


def dispersion_problems(document: Document, loc: Loc, spread: DispersionModel) -> Iterator[Problem]:
    """Each kind of dispersion has its own fields; an SE is positive; bounds are in order."""
    yield from inferred_problems(document, loc, spread)
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
            "swapped? For a decline printed as a positive number "
            "write both bounds with a minus, the larger decline as `low`",
        )
    needs_level = kind == "ci" or (kind in ("se", "sd") and both)
    if needs_level and spread.level is None:
        yield document.problem(
            "LE102", loc, "`level` is missing for a confidence interval", "write `level: 95`, as printed"
        )
    if spread.level is not None and not 50 <= spread.level < 100:
        percent = f"{float(spread.level) * 100:g}"
        help_ = f"write level: {percent}" if spread.level < 1 else "a level is between 50 and 100"
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
            f"{'an SE' if spread.type == 'se' else 'an SD'} has no sign; "
            f'"−12 ± {size}" is value -12, {spread.type} {size}',
        )
    elif spread.value == 0:
        yield document.problem(
            "LE105",
            (*loc, "value"),
            f"a zero {name} would take all the weight",
            "rounded? give the interval or more digits, or type not_reported with a note",
        )


def inside_problems(
    document: Document, at: Loc, spread: DispersionModel, value: Decimal | None, loc: Loc
) -> Iterator[Problem]:
    """LE211: an estimate lies inside its own interval."""
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


def p_problems(document: Document, loc: Loc, p: PModel) -> Iterator[Problem]:
    """One p value or one bound, between 0 and 1."""
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
