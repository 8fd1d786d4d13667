"""Lung function: FEV1 over FVC, and the way from the start over the change to the end."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..foundation.lineage import Reported
from ..foundation.units import UNITS, factor
from ..registry.records import Continuous, Study, Timeframe
from ..registry.registry import RegistryRecords
from .doubts import CHECKS, Doubt, of_kind, standard_error

__all__ = ["change_and_ends", "ratio_triangle"]

_OF_MEANS = 0.10
"""A mean of ratios and a ratio of means, or of percentages of predicted, differ less than this."""


@CHECKS.register(
    "LW245",
    title="FEV1 over FVC against their ratio",
    reference="Stanojevic et al. 2022, doi:10.1183/13993003.01499-2021",
)
def ratio_triangle(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare FEV1 / FVC with the ratio printed: to the digit for one patient, within 10 % for means.

    In percent of predicted the three have three reference equations, so they agree within 10 % only.
    """
    for ratio in of_kind(study, Continuous):
        if ratio.outcome != "fev1_fvc" or ratio.statistic == "median":
            continue
        percent = ratio.value.unit == "%pred"
        ends = [_beside(study, ratio, outcome, percent) for outcome in ("fev1", "fvc")]
        if ends[0] is None or ends[1] is None:
            continue
        fev1, fvc = (end.value for end in ends if end is not None)
        scale = 1.0 if percent else float(factor(str(fev1.unit), str(fvc.unit)))
        unit = 1.0 if ratio.value.unit == "ratio" else 100.0
        made = unit * float(fev1) * scale / float(fvc)
        slack = 0.0 if ratio.n == 1 and not percent else _OF_MEANS
        room = made * (float(fev1.rounding) / float(fev1) + float(fvc.rounding) / float(fvc) + slack)
        room += float(ratio.value.rounding)
        if abs(made - float(ratio.value)) > room * (1 + 1e-9):
            yield Doubt(
                ratio,
                ("value",),
                f"FEV1/FVC {ratio.value.value} {ratio.value.unit}, but {fev1.value} over {fvc.value} makes {made:.4g}",
                "one of the three misread? acknowledge: [LW245] with a note when the source prints it so",
                (ends[0], ends[1]),
            )


def _beside(study: Study, ratio: Continuous, outcome: str, percent: bool) -> Continuous | None:
    """Return the finding of the same patients and time, in percent of predicted or in litres."""
    for finding in of_kind(study, Continuous):
        unit = str(finding.value.unit)
        if finding.outcome != outcome or (unit == "%pred") != percent or float(finding.value) <= 0:
            continue
        if not percent and UNITS[unit].dimension != "volume":
            continue
        same = ("arm", "phase", "population", "timeframe", "statistic", "n")
        if all(getattr(finding, name) == getattr(ratio, name) for name in same):
            return finding
    return None


@CHECKS.register("LW247", title="start, change and end", reference="Cochrane Handbook 6.5.2.8")
def change_and_ends(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare end minus start with the printed change: to the digit with the same patients.

    With fewer patients at the end the starts of those who stayed are unknown; then 3 standard errors of their
    mean, SD √(1/n_end − 1/n_start), are allowed beside the digits.
    """
    for change in of_kind(study, Continuous):
        if not change.outcome.endswith("_change") or change.statistic != "change" or not isinstance(change.n, int):
            continue
        start, end = _end(study, change, 0), _end(study, change, 1)
        if start is None or end is None or end.n != change.n or not isinstance(start.n, int) or start.n < change.n:
            continue
        made = float(end.value) - float(start.value)
        room = sum(float(f.value.rounding) for f in (start, end, change))
        if start.n > change.n:
            se = standard_error(start.dispersion, start.n)
            if se is None:
                continue
            room += 3 * se * math.sqrt(start.n) * math.sqrt(1 / change.n - 1 / start.n)
        if abs(made - float(change.value)) > room * (1 + 1e-9):
            yield Doubt(
                change,
                ("value",),
                f"change {change.value.value} {change.value.unit}, but from {start.value.value} ({start.id}) "
                f"to {end.value.value} ({end.id}) is {made:.4g}",
                "one of the three misread? acknowledge: [LW247] with a note when the source prints it so",
                (start, end),
            )


def _end(study: Study, change: Continuous, which: int) -> Continuous | None:
    """Return the value at the start (0) or the end (1) of a change."""
    span = change.timeframe
    if not isinstance(span, Timeframe) or not isinstance(span.end, Reported):
        return None
    at = (span.start, span.end)[which]
    for finding in of_kind(study, Continuous):
        wanted = (change.outcome.removesuffix("_change"), change.arm, change.value.unit, change.population, "mean")
        got = (finding.outcome, finding.arm, finding.value.unit, finding.population, finding.statistic)
        time = finding.timeframe
        if got == wanted and isinstance(time, Timeframe) and isinstance(time.end, Reported) and _same(time, at):
            return finding
    return None


def _same(time: Timeframe, at: Reported) -> bool:
    ends = (time.start, time.end)
    return all(isinstance(e, Reported) and e.unit == at.unit and e.value == at.value for e in ends)
