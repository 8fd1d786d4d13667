"""Is the ± what the record says it is? SE against SD, interval against SE, p against both."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from scipy import special

from ..effects.recovery.standard_errors import sd_from_se, se_from_ci
from ..registry.records import Continuous, Contrast, Study
from ..registry.registry import RegistryRecords
from .doubts import CHECKS, Compared, Doubt, compares, estimates, of_kind, scale_between, standard_error
from .p_values import apart, as_normal, by_ranks, z_range

__all__ = ["another_order", "asymmetric_interval", "interval_and_se", "p_and_dispersion", "se_or_sd"]

_COCHRANE = "Cochrane Handbook 6.5.2; common errors: PMC11795887"
_FACTOR = 3.0
"""An implied SD this many times the median of other records is questioned."""
_OTHERS = 3
"""Fewer other studies of an outcome say nothing about the usual SD."""
_ORDER = 100.0
"""An SD that differs from a larger study's by more than this is of another order."""
_RATIOS = ("RR", "OR", "HR", "IRR")
_Z_RATIO = 1.6
"""z from p and z from the dispersion differ less than this by choice of t, model or adjustment."""


@CHECKS.register("LE213", title="interval and SE of one finding", reference=_COCHRANE)
@compares("mean|estimate", "se|sd|mean_se", "ci_low", "ci_high")
def interval_and_se(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Compare a printed interval with the SE or SD printed beside it, rounding included."""
    for finding in estimates(study):
        d = finding.dispersion
        if d.kind not in ("se", "sd") or d.value is None or d.low is None or d.high is None or d.scale == "log":
            continue
        own = standard_error(d, finding.n)
        if own is None or own <= 0:
            continue
        yield Compared(finding)
        level = (d.level or 95) / 100
        rounding = float(d.low.rounding + d.high.rounding)
        width = float(d.high) - float(d.low)
        df = [None, finding.n - 1] if isinstance(finding.n, int) and finding.n > 1 else [None]
        bounds = [[float(se_from_ci(0, max(width + s * rounding, 0.0), level, df=f)) for s in (-1, 0, 1)] for f in df]
        implied = bounds[0]
        slack = float(d.value.rounding) / float(d.value)
        if any(b[0] / 1.15 <= own * (1 + slack) and own * (1 - slack) <= b[2] * 1.15 for b in bounds):
            continue
        ratio = own / implied[1] if implied[1] else math.inf
        root = math.sqrt(finding.n) if isinstance(finding.n, int) else 0.0
        if root and 0.8 < ratio / root < 1.25:
            ratio_text, help_ = f"×{ratio:.2g} = √{finding.n}", "that factor is √n: the SE is the SD"
        else:
            ratio_text, help_ = f"×{ratio:.2g}", "one of the two is misread, or belongs to another arm"
        yield Doubt(
            finding,
            ("dispersion",),
            f"CI half-width {width / 2:.3g} implies SE {implied[1]:.3g} but SE is {own:.3g} ({ratio_text})",
            help_,
        )


@CHECKS.register("LW214", title="interval symmetric about its estimate", reference=_COCHRANE)
@compares("mean|estimate", "ci_low", "ci_high")
def asymmetric_interval(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question a confidence interval whose estimate is not in its middle, on the scale it is made on."""
    for finding in estimates(study):
        d = finding.dispersion
        beside = d.kind in ("se", "sd")  # an interval beside the ± of a mean is made from it
        if not (beside or d.kind == "ci") or d.low is None or d.high is None:
            continue
        if getattr(finding, "statistic", "") == "median":
            continue
        value, low, high = float(finding.value), float(d.low), float(d.high)
        slack = 2 * float(finding.value.rounding) + float(d.low.rounding) + float(d.high.rounding)
        ratio = isinstance(finding, Contrast) and finding.measure in _RATIOS
        if ratio and low > 0:
            slack = (
                2 * float(finding.value.rounding) / value + float(d.low.rounding) / low + float(d.high.rounding) / high
            )
            value, low, high = math.log(value), math.log(low), math.log(high)
        elif ratio:
            continue
        yield Compared(finding)
        below, above = value - low, high - value
        if below < 0 or above < 0 or abs(above - below) <= slack + (0.01 if beside else 0.1) * (high - low):
            continue
        where = " on the log scale" if ratio else ""
        yield Doubt(
            finding,
            ("dispersion",),
            f"CI not symmetric about the estimate{where} (-{below:.3g}/+{above:.3g})",
            "sign lost, bootstrap, or log scale (`scale: log`)? acknowledge: [LW214] with a note",
        )


def _z_implied(finding: Continuous | Contrast, se: float) -> tuple[float, float]:
    value, hidden = abs(float(finding.value)), float(finding.value.rounding)
    spread = finding.dispersion.value
    slack = float(spread.rounding) / float(spread) if spread is not None and float(spread) else 0.0
    least, most = (
        max(value - hidden, 0.0) / (se * (1 + slack)),
        (value + hidden) / (se * max(1 - slack, 1e-9)),
    )
    return as_normal(least, _df(finding.n)), as_normal(most, _df(finding.n))


def _df(n: object) -> int | None:
    return n - 1 if isinstance(n, int) and n > 2 else None


def _tests_zero(finding: Continuous | Contrast) -> bool:
    """Tell whether the p of a finding is of this estimate against zero by a test of means."""
    if finding.p is None or by_ranks(finding.p.test) or "between" in finding.p.test.lower():
        return False
    if isinstance(finding, Contrast):
        return finding.measure in ("MD", "DM")
    return finding.statistic in ("slope", "change")


@CHECKS.register("LW215", title="p against estimate and dispersion", reference=_COCHRANE)
@compares("estimate", "se|ci_low", "p")
def p_and_dispersion(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question a p value that the estimate and its dispersion cannot give."""
    for finding in estimates(study):
        if isinstance(finding, Contrast) and finding.measure in _RATIOS:
            yield from _p_of_ratio(finding)
            continue
        se = standard_error(finding.dispersion, finding.n)
        if finding.p is None or se is None or se <= 0 or not _tests_zero(finding):
            continue
        yield Compared(finding)
        implied = _z_implied(finding, se)
        if not apart(z_range(finding.p), implied, _Z_RATIO):
            continue
        p = 2 * float(special.ndtr(-_z_implied_middle(finding, se)))
        help_ = "another test, another n, or a typo? record what is printed and acknowledge: [LW215] with a note"
        if _fits_swapped(finding, se):
            help_ = "read as the other of SE and SD they agree: see the legend of the table"
        yield Doubt(
            finding,
            ("p",),
            f"p {finding.p.relation} {finding.p.value} is printed, estimate and dispersion imply p = {p:.2g}",
            help_,
        )


def _p_of_ratio(finding: Contrast) -> Iterator[Doubt | Compared]:
    """Compare the p of a ratio with its interval, on the log scale, both rounded as printed."""
    d, p = finding.dispersion, finding.p
    if p is None or by_ranks(p.test) or "fisher" in p.test.lower() or d.kind != "ci":
        return
    if d.low is None or d.high is None:
        return
    value, low, high = (float(x) for x in (finding.value, d.low, d.high))
    hidden, below, above = (float(x.rounding) for x in (finding.value, d.low, d.high))
    if not (low - below > 0 and high - above > low + below and low <= value <= high and value - hidden > 0):
        return
    yield Compared(finding)
    level = (d.level or 95) / 100
    se, narrow, wide = (
        float(se_from_ci(a, b, level, log=True))
        for a, b in ((low, high), (low + below, high - above), (low - below, high + above))
    )
    logs = [abs(math.log(value + s * hidden)) for s in (-1, 1)]
    nearest = 0.0 if value - hidden <= 1 <= value + hidden else min(logs)
    if not apart(z_range(p), (nearest / wide, max(logs) / narrow), _Z_RATIO):
        return
    implied = 2 * float(special.ndtr(-abs(math.log(value)) / se))
    yield Doubt(
        finding,
        ("p",),
        f"p {p.relation} {p.value} is printed, {finding.measure} and interval imply p = {implied:.2g}",
        "another test, an adjusted estimate, or a typo? record what is printed and acknowledge: [LW215] with a note",
    )


def _z_implied_middle(finding: Continuous | Contrast, se: float) -> float:
    return as_normal(abs(float(finding.value)) / se, _df(finding.n))


def _fits_swapped(finding: Continuous | Contrast, se: float) -> bool:
    if finding.p is None or not isinstance(finding.n, int) or finding.dispersion.kind not in ("se", "sd"):
        return False
    root = math.sqrt(finding.n)
    other = se / root if finding.dispersion.kind == "se" else se * root
    return not apart(z_range(finding.p), _z_implied(finding, other), _Z_RATIO)


@CHECKS.register("LW203", title="SE entered as SD, or SD as SE", reference=_COCHRANE)
@compares("mean", "sd|se|mean_se", "n")
def se_or_sd(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Compare the patient SD that a dispersion implies with other studies of the same outcome.

    Questioned when it is more than three times, or less than a third of, the median of at least
    three other studies and the other reading would be nearer; or when p fits the other reading only.
    A reading that is inferred with an argument is not questioned by other studies.
    """
    for finding in of_kind(study, Continuous):
        d = finding.dispersion
        if d.kind not in ("se", "sd") or d.value is None:
            continue
        if not isinstance(finding.n, int) or finding.n < 4 or float(d.value) <= 0 or d.basis == "inferred":
            continue
        root = math.sqrt(finding.n)
        given = float(d.value)
        sd = float(sd_from_se(given, finding.n)) if d.kind == "se" else given
        others = _other_sds(finding, study, registry)
        if len(others) < _OTHERS:
            continue
        yield Compared(finding)
        usual = statistics.median(others)
        ratio = sd / usual
        swapped = ratio / root if d.kind == "se" else ratio * root
        if 1 / _FACTOR <= ratio <= _FACTOR or abs(math.log(swapped)) > abs(math.log(ratio)) / 2:
            continue
        yield Doubt(finding, ("dispersion",), *_question(finding, given, sd, usual, ratio, root))


@CHECKS.register("LW223", title="patient SD of another order than in a larger study", reference=_COCHRANE)
@compares("mean", "sd|se|mean_se", "n")
def another_order(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question a patient SD more than a hundred times, or less than a hundredth of, that of the largest other study.

    Only where that study has more patients: of two that disagree the smaller is asked. A wrong unit, a misplaced
    point or another scale makes such a factor; SE taken for SD does not.
    """
    outcomes = {f.outcome for f in study.findings}
    printed: dict[tuple[str, str], list[tuple[int, str, Continuous]]] = {}
    for other in registry.studies:
        for f in of_kind(other, Continuous) if other.id != study.id else ():
            if f.outcome in outcomes and isinstance(f.n, int) and f.dispersion.kind in ("se", "sd"):
                printed.setdefault((f.outcome, f.statistic), []).append((f.n, other.id, f))
    for finding in of_kind(study, Continuous):
        own = _patient_sd(finding, finding.value.unit)
        if own is None or not isinstance(finding.n, int):
            continue
        larger = [
            (n, name, sd)
            for n, name, candidate in printed.get((finding.outcome, finding.statistic), ())
            if n > finding.n and (sd := _patient_sd(candidate, finding.value.unit)) is not None
        ]
        if not larger:
            continue
        yield Compared(finding)
        _, name, usual = max(larger)
        if 1 / _ORDER <= own / usual <= _ORDER:
            continue
        yield Doubt(
            finding,
            ("value",),
            f"patient SD {own:.2g}{_unit(finding)}, in {name} {usual:.3g} (×{own / usual:.2g})",
            "another unit or scale than recorded? acknowledge: [LW223] with a note when the source prints it so",
        )


def _unit(finding: Continuous) -> str:
    return f" {finding.value.unit}" if finding.value.unit else ""


def _patient_sd(finding: Continuous, unit: str | None) -> float | None:
    """Return the SD of patients that a dispersion stands for, in a unit; None when it tells none."""
    d, scale = finding.dispersion, scale_between(finding.value.unit, unit)
    if d.value is None or float(d.value) <= 0 or scale is None:
        return None
    if d.kind == "sd":
        return float(d.value) * scale
    if d.kind == "se" and isinstance(finding.n, int):
        return float(sd_from_se(float(d.value), finding.n)) * scale
    return None


def _question(finding: Continuous, given: float, sd: float, usual: float, ratio: float, root: float) -> tuple[str, str]:
    unit = _unit(finding)
    if finding.dispersion.kind == "se":
        message = f"SE {given:g} with n {finding.n} implies SD {sd:.3g}; "
        message += f"median of other records {usual:.3g}{unit} (×{ratio:.2g})"
        return (
            message,
            f"was it SD? then `type: sd` (SE {given / root:.2g}). Confirm with acknowledge: [LW203] and a note",
        )
    message = f"SD {given:g}; median of other records {usual:.3g}{unit} (×{ratio:.2g})"
    return (
        message,
        f"was it SE? then `type: se` (SD {given * root:.3g}). Confirm with acknowledge: [LW203] and a note",
    )


def _other_sds(finding: Continuous, study: Study, registry: RegistryRecords) -> list[float]:
    """Return the median patient SD of each other study of this outcome, in the finding's unit."""
    unit = finding.value.unit
    by_study: dict[str, list[float]] = {}
    for other, candidate in registry.findings(finding.outcome, kind="continuous"):
        if other.id == study.id or not isinstance(candidate, Continuous) or candidate.statistic != finding.statistic:
            continue
        sd = _patient_sd(candidate, unit)
        if sd is not None:
            by_study.setdefault(other.id, []).append(sd)
    return [statistics.median(values) for values in by_study.values()]
