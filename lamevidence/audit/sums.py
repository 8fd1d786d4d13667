"""Do the parts make the whole? Categories and totals, counts and percentages, slopes and changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..effects.recovery.correlations import r_from_paired_p
from ..effects.recovery.counts import counts_from_percentage
from ..effects.recovery.standard_errors import sd_from_se
from ..foundation.errors import LamEvidenceError
from ..foundation.lineage import Reported
from ..foundation.units import UNITS, factor
from ..registry.records import Continuous, Dichotomous, Paired, Rate, Study, Timeframe
from ..registry.registry import RegistryRecords
from ..registry.vocabulary import in_plausible_unit
from .doubts import CHECKS, Compared, Doubt, compares, estimates, of_kind, standard_error

__all__ = [
    "breakdown_fault",
    "category_sums",
    "change_and_slope",
    "count_and_percentage",
    "implied_correlation",
    "plausible_size",
]

_OVERALL = ("", "all")
_USUAL = (-0.5, 0.95)
"""Correlations of two measurements of a patient outside this are questioned."""
_GRIM = "Brown & Heathers 2017, doi:10.1177/1948550616673876"
_HANDBOOK = "Cochrane Handbook 5.5.3, 6.5"


@CHECKS.register("LW221", title="value within the plausible range of its outcome", reference=_HANDBOOK)
def plausible_size(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Question a value outside the range that the vocabulary gives for its outcome."""
    for finding in estimates(study):
        outcome = registry.vocabulary.outcomes.get(finding.outcome)
        unit = finding.value.unit
        if outcome is None or outcome.plausible is None or unit is None or unit == "ratio":
            continue
        value = in_plausible_unit(outcome, float(finding.value), unit)
        low, high = outcome.plausible
        if value is not None and not low <= value <= high:
            yield Doubt(
                finding,
                ("value",),
                f"{finding.value.value} {unit} is outside {low:g} to {high:g} {outcome.plausible_unit}",
                "another unit, or a misplaced decimal point? acknowledge: [LW221] with a note to keep it",
            )


@CHECKS.register("LW232", title="categories add up to the printed total", reference=_HANDBOOK)
def category_sums(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare the sum of event counts over categories with the total of the same column."""
    columns: dict[tuple[object, ...], list[Rate]] = {}
    for finding in of_kind(study, Rate):
        if not finding.subject:
            key = (
                finding.outcome,
                finding.arm,
                finding.phase,
                finding.serious,
                finding.at.source,
                finding.at.table,
            )
            columns.setdefault(key, []).append(finding)
    for column in columns.values():
        totals = [f for f in column if f.category in _OVERALL]
        parts = [f for f in column if f.category not in _OVERALL]
        if len(totals) != 1 or len(parts) < 2:
            continue
        total = totals[0]
        # one table may break its total down several times (by organ and by relatedness), one breakdown after another
        made = breakdown_fault([f.events for f in parts], total.events)
        if made is not None:
            added = sum(f.events for f in parts[made:])
            yield Doubt(
                total,
                ("events",),
                f"{len(parts) - made} categories add up to {added}, printed total {total.events}",
                "a category missing or misread? acknowledge: [LW232] with a note when the source prints it so",
                tuple(parts[made:]),
            )


def breakdown_fault(parts: Sequence[int], total: int) -> int | None:
    """Return None when the parts, in their order, fall into runs of this sum; else where the odd run starts."""
    start = added = 0
    for i, part in enumerate(parts):
        if added == total and part and total:
            start, added = i, 0
        added += part
        if added > total:
            return start
    return None if added == total else start


@CHECKS.register("LW233", title="count and percentage", reference=_GRIM)
@compares("percent|proportion", "n")
def count_and_percentage(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Compare a count of patients with the percentage printed beside it."""
    for finding in of_kind(study, Dichotomous):
        if finding.percent is None or not isinstance(finding.at_risk, int):
            continue
        yield Compared(finding)
        percent = float(finding.percent)
        fit = counts_from_percentage(percent, finding.at_risk, float(finding.percent.rounding))
        if (not fit) if finding.affected is None else (finding.affected not in fit):
            count = "no whole number" if not fit else " or ".join(map(str, fit))
            told = "" if finding.affected is None else f", recorded {finding.affected}"
            yield Doubt(
                finding,
                ("percent",),
                f"{finding.percent.value} % of {finding.at_risk} is {count}{told}",
                "another denominator? acknowledge: [LW233] with a note when the source prints it so",
            )


@CHECKS.register("LW234", title="change over the whole time and slope", reference=_HANDBOOK)
def change_and_slope(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare a printed change with the slope of the same arm and phase times its span."""
    for change in of_kind(study, Continuous):
        if not change.outcome.endswith("_change"):
            continue
        slope = _slope_of(study, change)
        span = _months(change)
        if slope is None or span is None:
            continue
        unit = f"{change.value.unit}/month"
        if unit not in UNITS or UNITS[str(slope.value.unit)].dimension != UNITS[unit].dimension:
            continue
        scale = float(factor(str(slope.value.unit), unit)) * span
        errors = [standard_error(change.dispersion, change.n), standard_error(slope.dispersion, slope.n)]
        if errors[0] is None or errors[1] is None:
            continue
        expected, got = float(slope.value) * scale, float(change.value)
        tolerance = 3 * math.hypot(errors[0], errors[1] * scale) + float(slope.value.rounding) * abs(scale)
        if abs(expected - got) > tolerance:
            yield Doubt(
                change,
                ("value",),
                f"change {got:g}, but slope {slope.value.value} {slope.value.unit} "
                f"over {span:g} months makes {expected:.4g} {change.value.unit}",
                f"see {slope.id}; unit, sign or span misread?",
                (slope,),
            )


def _slope_of(study: Study, change: Continuous) -> Continuous | None:
    wanted = (change.outcome.removesuffix("_change") + "_slope", change.arm, change.phase)
    return next((f for f in of_kind(study, Continuous) if (f.outcome, f.arm, f.phase) == wanted), None)


def _months(finding: Continuous) -> float | None:
    span = finding.timeframe
    if not isinstance(span, Timeframe) or not isinstance(span.end, Reported):
        return None
    start = float(span.start) * float(factor(str(span.start.unit), "month"))
    return float(span.end) * float(factor(str(span.end.unit), "month")) - start


@CHECKS.register(
    "LW235",
    title="correlation implied by before, after and p",
    reference="Follmann et al. 1992, doi:10.1016/0895-4356(92)90054-Q",
)
def implied_correlation(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Question a paired p value that only a correlation outside −0.5 to 0.95 can give."""
    by_id = {f.id: f for f in study.findings}
    for finding in of_kind(study, Paired):
        if finding.p is None or finding.p.relation != "=":
            continue
        before, after = by_id[finding.before], by_id[finding.after]
        if not isinstance(before, Continuous) or not isinstance(after, Continuous) or not isinstance(finding.n, int):
            continue
        r = _correlation(finding, before, after, finding.n)
        if r is not None and not _USUAL[0] <= r <= _USUAL[1]:
            how = "impossible" if abs(r) > 1 else "unusual"
            yield Doubt(
                finding,
                ("p",),
                f"p = {finding.p.value} with n {finding.n} implies a within-patient correlation of {r:.2f} ({how})",
                "an SE read as SD, another test or another n? acknowledge: [LW235] with a note",
                (before, after),
            )


def _correlation(pair: Paired, before: Continuous, after: Continuous, n: int) -> float | None:
    sds = []
    for end in (before, after):
        d = end.dispersion
        if d.value is None or d.kind not in ("se", "sd") or end.value.unit != before.value.unit:
            return None
        sds.append(float(sd_from_se(float(d.value), n)) if d.kind == "se" else float(d.value))
    p = float(pair.p.value) if pair.p is not None else 1.0
    try:
        return float(r_from_paired_p(float(after.value) - float(before.value), p, n, sds[0], sds[1]))
    except LamEvidenceError:
        return None
