"""A printed mean, slope or change with its ± → estimate and standard error in the unit of the question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from ...foundation.errors import NotDerivable, UnitMismatch
from ...foundation.lineage import Reported, Step
from ...foundation.units import unit as unit_of
from ...registry.records import Continuous, Contrast, Dispersion, PValue, Study
from ..recovery import se_from_ci, se_from_p, se_from_sd
from .derived import Traced, corner_bounds, printed_cell, printed_p, traced

__all__ = ["MeanAndError", "mean_and_error", "mean_of"]


@dataclass(frozen=True, slots=True)
class MeanAndError:
    """A mean and its standard error, both traced."""

    mean: Traced
    se: Traced
    n: float


def mean_and_error(study: Study, finding: Continuous | Contrast, unit: str | None) -> MeanAndError:
    """Return the mean of a finding and its standard error in ``unit``.

    The standard error comes, in this order, from what is printed: an SE; an SD and n; a confidence
    interval; an exact p value. A bound on p gives no standard error.

    Raises
    ------
    NotDerivable
        Nothing printed leads to a standard error; the message says what is missing.
    """
    mean = mean_of(finding, unit)
    n = float(finding.n) if isinstance(finding.n, int) else math.nan
    se = _standard_error(finding, unit, n)
    return MeanAndError(mean, se, n)


def mean_of(finding: Continuous | Contrast, unit: str | None) -> Traced:
    """Return the printed mean of a finding in ``unit``, whether or not a standard error goes with it.

    Raises
    ------
    UnitMismatch
        It is printed in a unit of another dimension.
    NotDerivable
        A median is printed.
    """
    if finding.value.unit and unit and unit_of(finding.value.unit).dimension != unit_of(unit).dimension:
        raise UnitMismatch(
            f"printed in {finding.value.unit}, which does not convert to {unit}"
            " (individual reference values would be needed) · a separate outcome"
        )
    if isinstance(finding, Continuous) and finding.statistic == "median":
        raise NotDerivable("a median is printed, from which no mean follows without the shape of the distribution")
    return traced(finding.id, "value", finding.value, finding.at, unit)


def _standard_error(finding: Continuous | Contrast, unit: str | None, n: float) -> Traced:
    spread = finding.dispersion
    inferred = _inferred_step(spread)
    if spread.kind == "se" and spread.value is not None:
        se = _spread_number(finding, "se", spread.value, unit)
        return Traced(se.value, _positive(se.bounds), se.cells, (*inferred, *se.steps))
    if spread.kind == "sd" and spread.value is not None:
        return _from_sd(finding, spread, unit, n, inferred)
    if spread.kind == "ci" and spread.low is not None and spread.high is not None:
        return _from_ci(finding, spread, unit, n, inferred)
    if finding.p is not None and finding.p.relation == "=":
        return _from_p(finding, finding.p, unit, n)
    bound = f"; only p {finding.p.relation} {finding.p.value} is printed" if finding.p is not None else ""
    raise NotDerivable(f"no SE, SD, interval or exact p value is printed{bound}")


def _spread_number(finding: Continuous | Contrast, name: str, number: Reported, unit: str | None) -> Traced:
    own = number if number.unit else Reported(number.value, finding.value.unit, number.rounding)
    return traced(finding.id, name, own, finding.at, unit)


def _inferred_step(spread: Dispersion) -> tuple[Step, ...]:
    if spread.basis == "stated":
        return ()
    return (Step("read as", f"± read as {spread.kind.upper()}", assumption=spread.because),)


def _positive(bounds: tuple[float, float]) -> tuple[float, float]:
    return max(bounds[0], 0.0), bounds[1]


def _from_sd(
    finding: Continuous | Contrast, spread: Dispersion, unit: str | None, n: float, inferred: tuple[Step, ...]
) -> Traced:
    if math.isnan(n):
        raise NotDerivable("the ± is an SD and the number analysed is not reported: no SE follows")
    assert spread.value is not None
    sd = _spread_number(finding, "sd", spread.value, unit)
    se = float(se_from_sd(sd.value, n))
    bounds = _positive((float(se_from_sd(max(sd.bounds[0], 0.0), n)), float(se_from_sd(sd.bounds[1], n))))
    step = Step("se", f"{sd.value:.6g} / √{n:.0f} = {se:.6g}", "SE = SD / √n", "Cochrane Handbook 6.5.2.2")
    cells = (*sd.cells, printed_cell(finding.id, "n", Reported(Decimal(int(n))), finding.at))
    return Traced(se, bounds, cells, (*inferred, *sd.steps, step))


def _from_ci(
    finding: Continuous | Contrast, spread: Dispersion, unit: str | None, n: float, inferred: tuple[Step, ...]
) -> Traced:
    assert spread.low is not None
    assert spread.high is not None
    if spread.scale == "log":
        raise NotDerivable("the interval is on the log scale and the mean is not · record a ratio measure")
    level = spread.level if spread.level is not None else 95.0
    low = _spread_number(finding, "ci low", spread.low, unit)
    high = _spread_number(finding, "ci high", spread.high, unit)

    def rule(a: float, b: float) -> float:
        return float(se_from_ci(a, b, level=level / 100))

    se = rule(low.value, high.value)
    bounds = _positive(corner_bounds(rule, low.bounds, high.bounds))
    step = Step(
        "se",
        f"({high.value:.6g} − {low.value:.6g}) / (2 z) = {se:.6g}",
        f"SE = width of the {level:g} % CI / (2 z)",
        "Cochrane Handbook 6.3.1",
        assumption="the interval is symmetric and uses the normal quantile",
    )
    return Traced(se, bounds, (*low.cells, *high.cells), (*inferred, *low.steps, step))


def _from_p(finding: Continuous | Contrast, p: PValue, unit: str | None, n: float) -> Traced:
    mean = traced(finding.id, "value", finding.value, finding.at, unit)
    df = None if math.isnan(n) or isinstance(finding, Contrast) else n - 1

    def rule(m: float, q: float) -> float:
        return float(se_from_p(m, q, df=df))

    if mean.value == 0:
        raise NotDerivable("an estimate of 0 has a large p value whatever its standard error: none follows from it")
    se = rule(mean.value, float(p.value))
    quantile = "t" if df is not None else "z"
    printed, around = printed_p(p)
    bounds = _positive(corner_bounds(rule, mean.bounds, around))
    step = Step(
        "se",
        f"|{mean.value:.6g}| / {quantile}(p = {p.value}) = {se:.6g}",
        f"SE = |estimate| / {quantile} quantile of p",
        "Cochrane Handbook 6.3.2",
        assumption="the printed p tests this estimate against zero, two-sided",
    )
    cell = printed_cell(finding.id, "p", printed, p.at or finding.at)
    return Traced(se, bounds, (cell,), (step,))
