"""What the numbers say of four domains of GRADE: each with its rule, no verdict where the rule cannot be applied."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from ..checks.small_study.tests import FEW, small_study_test
from ..foundation.errors import LamEvidenceError, NotEstimable, OptionError
from ..foundation.numbers import count, fixed, p_value, percent
from ..foundation.values import Interval
from ..questions.grade import InformationSize
from ..results.contract import Result
from ..results.study_intervals import study_intervals

__all__ = ["Computed", "information_size", "of_bias", "of_imprecision", "of_inconsistency", "of_publication"]

ALPHA, POWER = 0.05, 0.8
"""What a trial is planned on by custom; the texts say so."""
SUBSTANTIAL_I2 = 50.0
SUSPECT_P = 0.1
_LOW = {"low", "include", "yes"}
_HIGH = {"high", "serious", "critical", "exclude", "no"}
_UNKNOWN = {"no information", "seek further info", "unclear", "not reported", "not applicable", ""}


@dataclass(frozen=True, slots=True)
class Computed:
    """What the numbers of one domain come to.

    Attributes
    ----------
    verdict
        In the words of the domain; empty where the rule says nothing.
    rule
        The rule, or why it cannot be applied.
    numbers
        The numbers it rests on, each in words.
    """

    verdict: str
    rule: str
    numbers: tuple[str, ...]


def information_size(planned: InformationSize) -> int:
    """Return the patients of both arms of one trial with 80 % power at a two-sided 5 %: the optimal information size.

    Parameters
    ----------
    planned
        A control risk and its relative reduction (two proportions, pooled variance under the null), or a difference of
        means and an SD.

    References
    ----------
    Guyatt et al. 2011, doi:10.1016/j.jclinepi.2011.01.012.
    """
    normal = NormalDist()
    za, zb = normal.inv_cdf(1 - ALPHA / 2), normal.inv_cdf(POWER)
    if planned.risk is not None and planned.relative_reduction is not None:
        p2 = planned.risk
        p1 = p2 * (1 - planned.relative_reduction)
        middle = (p1 + p2) / 2
        spread = za * math.sqrt(2 * middle * (1 - middle)) + zb * math.sqrt(p1 * (1 - p1) + p2 * (1 - p2))
        return 2 * math.ceil((spread / (p2 - p1)) ** 2)
    assert planned.difference is not None
    assert planned.sd is not None
    return 2 * math.ceil(2 * ((za + zb) * planned.sd / planned.difference) ** 2)


_OF_PATIENTS_COUNTED = ("two-by-two", "matched-pairs", "proportion")
_OF_MEANS = ("mean", "means", "change")


def _marks(fit: Result, thresholds: tuple[float, ...]) -> list[tuple[str, float]]:
    """Return what an interval should not hold, as displayed: the thresholds where any are stated, else no effect."""
    if thresholds:
        return [(f"the threshold {x:g}", x) for x in thresholds]
    null = fit.scale().null
    return [] if null is None else [(f"no effect ({null:g})", null)]


def check_against_measure(fit: Result, thresholds: tuple[float, ...], planned: InformationSize | None) -> None:
    """Refuse thresholds that the measure cannot take, and an information size planned on another kind of outcome.

    Raises
    ------
    OptionError
        A ratio of 0 or less, a percentage outside 0 to 100; risks for a mean, or means for counts of patients.
    """
    scale = fit.scale()
    low, high = (0.0, math.inf) if scale.log else scale.bounds
    for x in thresholds:
        if not low <= x <= high or (scale.log and x == 0.0):
            range_ = f"above {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise OptionError(
                f"threshold {x:g} is no value of {fit.measure}, which is shown as {scale.word.lower()}"
                f" {'in % ' if scale.unit == '%' else ''}· give one {range_}"
            )
    if planned is None:
        return
    counted = scale.family in _OF_PATIENTS_COUNTED
    if counted and planned.risk is None:
        raise OptionError(
            f"information on a difference and an SD, and {fit.measure} is made of patients with and without the event"
            " · give risk and relative_reduction"
        )
    if planned.risk is not None and (scale.family in _OF_MEANS or fit.unit is not None):
        raise OptionError(
            f"information on a risk, and {fit.measure} is made of means · give difference and sd, in one unit"
        )


def _read(fit: Result, bounds: Any) -> Interval:  # noqa: ANN401
    low, high = sorted(fit.scale().read(float(x)) for x in bounds)
    return Interval(low, high)


def _shown(fit: Result, at: Interval) -> str:
    scale = fit.scale()
    digits = scale.decimals(at.width / 4)
    tail = ("%" if scale.unit == "%" else f" {scale.unit}") if scale.unit else ""
    return f"{fixed(at.low, digits)} to {fixed(at.high, digits)}{tail}"


def patients(fit: Result) -> float:
    """Return the patients of all rows; NaN where a row does not report them."""
    table = fit.table
    counts = table.counts
    sizes = table.n
    if (sizes is None or not np.isfinite(sizes).all()) and {"n1i", "n2i"} <= set(counts):
        sizes = counts["n1i"] + counts["n2i"]
    if sizes is None or not len(sizes) or not np.isfinite(sizes).all():
        return math.nan
    return float(sizes.sum())


def of_imprecision(fit: Result, thresholds: tuple[float, ...], planned: InformationSize | None) -> Computed:
    """Return what interval and information size say of imprecision.

    Parameters
    ----------
    fit
        The result.
    thresholds
        Values that decide, as displayed.
    planned
        What the optimal information size is planned on.

    References
    ----------
    Zeng et al. 2022, doi:10.1016/j.jclinepi.2022.07.014.
    """
    marks = _marks(fit, thresholds)
    at = _read(fit, fit.intervals()[0])
    held = [name for name, x in marks if x in at]
    level = f"{100 * fit.level:g}% {fit.interval_name} {_shown(fit, at)}"
    numbers = [f"{level} {_holds(held, marks)}".strip()]
    n = patients(fit)
    said_n = "not reported by every row" if math.isnan(n) else count(n)
    enough: bool | None = None
    if planned is not None:
        needed = information_size(planned)
        enough = None if math.isnan(n) else n >= needed
        numbers.append(f"patients {said_n}, optimal information size {needed} (5% two-sided, 80% power)")
    else:
        numbers.append(f"patients {said_n}, no information size was entered")
    if not marks:
        return Computed("", "there is no value of no effect and no threshold was entered", tuple(numbers))
    if len(held) > 1:
        return Computed("very serious", "the interval holds more than one threshold", tuple(numbers))
    if held:
        return Computed("serious", f"the interval holds {held[0]}", tuple(numbers))
    if enough is None:
        return Computed(
            "", "the interval holds none, but whether there are patients enough is not known", tuple(numbers)
        )
    if not enough:
        return Computed("serious", "fewer patients than the optimal information size", tuple(numbers))
    return Computed("not serious", "the interval holds none, and there are patients enough", tuple(numbers))


def _holds(held: list[str], marks: list[tuple[str, float]]) -> str:
    if held:
        return f"holds {' and '.join(held)}"
    return f"excludes {' and '.join(name for name, _ in marks)}" if marks else ""


def of_inconsistency(fit: Result, thresholds: tuple[float, ...]) -> Computed:
    """Return what I², the prediction interval and the overlap of study intervals say of inconsistency.

    Parameters
    ----------
    fit
        The result.
    thresholds
        Values that decide, as displayed.

    References
    ----------
    Guyatt et al. 2011, doi:10.1016/j.jclinepi.2011.03.017.
    """
    if fit.k < 2:
        return Computed("", "one study shows no inconsistency, and no consistency", (f"k = {fit.k}",))
    i2 = float(fit.heterogeneity().i2)
    numbers = [f"I² = {percent(i2, 0)}"] if math.isfinite(i2) else ["the model has no I²"]
    apart, pairs = _apart(fit)
    what = "study" if len(set(fit.table.studies)) == fit.k else "row"
    numbers.append(f"{apart} of {pairs} pairs of {what} intervals do not overlap")
    at = _read(fit, fit.intervals()[0])
    beyond: list[str] | None = None
    try:
        new = _read(fit, fit.prediction())
    except NotEstimable as refused:
        numbers.append(f"no prediction interval: {str(refused).partition(' · ')[0]}")
    else:
        beyond = [name for name, x in _marks(fit, thresholds) if x in new and x not in at]
        tail = f", which the {fit.interval_name} does not" if beyond else ""
        numbers.append(f"a new study {_shown(fit, new)}" + (f" holds {' and '.join(beyond)}{tail}" if beyond else ""))
    if beyond:
        return Computed(
            "serious", f"a new study may find {' or '.join(beyond)}, which the mean excludes", tuple(numbers)
        )
    if math.isfinite(i2) and i2 >= SUBSTANTIAL_I2 and apart:
        return Computed("serious", f"I² of at least {SUBSTANTIAL_I2:.0f}% and study intervals apart", tuple(numbers))
    if beyond is None or not math.isfinite(i2):
        return Computed("", "the rule needs I² and a prediction interval", tuple(numbers))
    return Computed(
        "not serious", "a new study is expected on the same side, and studies do not lie apart", tuple(numbers)
    )


def _apart(fit: Result) -> tuple[int, int]:
    rows = study_intervals(fit.table, fit.scale(), fit.level)
    known = np.isfinite(rows.low) & np.isfinite(rows.high)
    low, high = rows.low[known], rows.high[known]
    clear = (low[:, None] > high[None, :]).sum()
    return int(clear), int(len(low) * (len(low) - 1) / 2)


def of_bias(fit: Result) -> Computed:
    """Return the share of the weight by recorded judgement of the risk of bias.

    Parameters
    ----------
    fit
        The result.

    References
    ----------
    Guyatt et al. 2011, doi:10.1016/j.jclinepi.2010.07.017.
    """
    weights = fit.weights if fit.k > 1 else np.array([100.0])
    if weights is None:
        return Computed("", "the model gives studies no weights", tuple(_tally(fit)))
    shares = dict.fromkeys(("low", "some concerns", "high", "not known"), 0.0)
    for weight, judged in zip(np.asarray(weights, dtype=float), _overall(fit), strict=True):
        shares[_group(judged)] += float(weight)
    numbers = tuple(f"{percent(x, 0)} of the weight at {name} risk of bias" for name, x in shares.items() if x > 0)
    numbers = tuple(x.replace("at not known risk of bias", "without a judgement of the risk of bias") for x in numbers)
    if shares["high"] > 50:
        return Computed("serious", "more than half of the weight is at high risk", numbers)
    if shares["low"] > 50:
        return Computed("not serious", "more than half of the weight is at low risk", numbers)
    return Computed("", "neither low nor high risk has more than half of the weight", numbers)


def _overall(fit: Result) -> list[str]:
    judged = fit.table.risk_of_bias or (None,) * fit.k
    told = [x[2] if isinstance(x, tuple) and len(x) > 2 else getattr(x, "overall", "") for x in judged]
    return [str(x).lower().replace("_", " ") for x in told]


def _group(judged: str) -> str:
    if judged in _LOW:
        return "low"
    return "high" if judged in _HIGH else "not known" if judged in _UNKNOWN else "some concerns"


def _tally(fit: Result) -> Iterator[str]:
    groups = [_group(x) for x in _overall(fit)]
    for name in dict.fromkeys(groups):
        yield f"{groups.count(name)} of {fit.k} rows: {name}"


def of_publication(fit: Result) -> Computed:
    """Return what the number of studies, and from ten on a test of asymmetry, say of publication bias.

    Parameters
    ----------
    fit
        The result.

    References
    ----------
    Sterne et al. 2011, doi:10.1136/bmj.d4002.
    """
    if fit.k < FEW:
        return Computed("", f"fewer than {FEW} studies: a test of asymmetry could not tell it", (f"k = {fit.k}",))
    try:
        found = small_study_test(fit)
    except LamEvidenceError as refused:
        return Computed("", f"no test of asymmetry: {str(refused).partition(' · ')[0]}", (f"k = {fit.k}",))
    numbers = (f"k = {fit.k}", f"{found.title}: P {p_value(found.p_value)}")
    if found.p_value < SUSPECT_P:
        return Computed("strongly suspected", f"small studies differ from large ones at P < {SUSPECT_P:g}", numbers)
    return Computed("undetected", f"small studies do not differ from large ones at P < {SUSPECT_P:g}", numbers)
