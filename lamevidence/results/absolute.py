"""Absolute effects: a pooled relative effect at a stated baseline, per 1000 patients or 100 patient-years.

Each number is a monotone function of the relative effect, so that bounds of its intervals (quantiles of its posterior)
give those of the absolute effect exactly. A baseline that is itself pooled is joined in `joint_baseline`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.absolute_risks import hazard_ratio_to_risk, odds_ratio_to_risk, risk_ratio_to_risk
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable, OptionError
from ..foundation.options import a_level, a_number, a_text, shown
from ..foundation.units import UNITS, convert
from ..foundation.values import Interval
from .absolute_effects import AbsoluteEffect, AbsoluteEffects, ControlRisk
from .joint_baseline import NODES, joint_quantiles, law_of
from .number_needed import number_needed

if TYPE_CHECKING:
    from .contract import Result

__all__ = ["Absolute", "absolute_effects"]

PER_RATE = "events/100 person-year"
_RISKS: dict[str, Callable[..., FloatArray]] = {
    "OR": odds_ratio_to_risk,
    "PETO": odds_ratio_to_risk,
    "RR": risk_ratio_to_risk,
    "HR": hazard_ratio_to_risk,
    "HROE": hazard_ratio_to_risk,
}
_TIMED = ("HR", "HROE")
_MEASURES = (*_RISKS, "RD", "IRR")


class Absolute:
    """A result whose relative effect can be said as an absolute one."""

    __slots__ = ()

    def absolute(
        self, baseline: float | tuple[float, float] | Result, *, time: str = "", level: float | None = None
    ) -> AbsoluteEffects:
        """Return the risk with treatment, the difference and the number needed to treat at a stated baseline.

        Odds ratio, risk ratio and risk difference act on a risk; a hazard ratio on the risk by a stated time,
        1 − (1 − risk)^HR; a rate ratio on events per 100 patient-years.

        Parameters
        ----------
        baseline
            Without treatment: a risk strictly between 0 and 1 (for IRR events per 100 patient-years); ``(low, high)``
            for patients at low and at high risk, one row each; or the pooled proportion (rate) of untreated patients,
            whose uncertainty is joined, taken as independent of the relative effect: the distribution of one effect is
            averaged over that of the other. A posterior takes a posterior, a frequentist result a frequentist one.
        time
            By when the risks hold, in words: ``"within 5 years"``. Needed for HR, refused for rates.
        level
            Level of the intervals; that of the fit when left out.

        Returns
        -------
        AbsoluteEffects
            ``.to_frame()``, ``.describe()``, ``.rows``.

        Raises
        ------
        NotEstimable
            The measure has no baseline (mean differences, proportions of one arm), there is no one mean, or an interval
            is not known as a distribution.
        OptionError
            No such baseline, or a time that is lacking or has no meaning.
        InputError
            A risk would exceed 1 or fall below 0.

        See Also
        --------
        lamevidence.effects.control_groups : The control groups of the same comparisons, to pool as a baseline.

        References
        ----------
        Cochrane Handbook 15.4. Altman 1998, doi:10.1136/bmj.317.7168.1309. Newcombe & Bender 2014,
        doi:10.1136/eb-2013-101340.
        """
        return absolute_effects(self, baseline, time, level)  # type: ignore[arg-type]


def absolute_effects(fit: Result, baseline: object, time: str, level: float | None) -> AbsoluteEffects:
    """Return the absolute effects of a result; see `Absolute.absolute`."""
    code = fit.measure
    _refuse_measure(fit, code)
    rate = code == "IRR"
    _check_time(code, a_text("time", time))
    at = fit.level if level is None else a_level(level)
    arms = fit.table.arms or ("treatment", "control")
    if _is_result(baseline):
        control = _pooled_baseline(fit, baseline, rate, at)
        made: tuple[AbsoluteEffect, ...] = (_joined(fit, baseline, control, code, at),)
        joined = (
            "The uncertainty of the baseline is joined with that of the relative effect, the two taken as independent"
        )
        shared = len(set(baseline.table.studies) & set(fit.table.studies))  # type: ignore[attr-defined]
        joined += f"; {shared} of its studies are in both, which makes that an approximation." if shared else "."
    else:
        made, joined = tuple(_at_number(fit, b, code, at) for b in _numbers(baseline, rate)), ""
    return AbsoluteEffects(made, code, rate, time, at, fit.interval_name, arms, joined)


def _refuse_measure(fit: Result, code: str) -> None:
    if fit.names != ("mu",):
        raise NotEstimable(
            f"an absolute effect is made of one pooled effect, and this model has {', '.join(fit.names)}"
            " · use a result with one mean: a fit without moderators, or one group of subgroups(fit, by=…)"
        )
    if code not in _MEASURES:
        raise NotEstimable(
            f"{fit.effect.title} has no baseline risk to act on; display() reads it as it is"
            f" · absolute effects are made of {', '.join(_MEASURES)}"
        )


def _check_time(code: str, time: str) -> None:
    if code in _TIMED and not time:
        raise OptionError(
            "a hazard ratio acts on the risk by a time, and none is stated · add time='within 5 years', or whichever"
            " the baseline holds for"
        )
    if code == "IRR" and time:
        raise OptionError(f"time={shown(time)}: rates are per 100 patient-years whatever the time · leave time out")


def _is_result(baseline: object) -> bool:
    return hasattr(baseline, "intervals") and hasattr(baseline, "recipe")


def _numbers(baseline: object, rate: bool) -> tuple[float, ...]:
    given = baseline if isinstance(baseline, tuple | list) else (baseline,)
    try:
        found = tuple(a_number("baseline", x, above=0, below=math.inf if rate else 1.0) for x in given)
    except OptionError:
        found = ()
    if len(found) in (1, 2) and list(found) == sorted(set(found)):
        return found
    what = (
        "events per 100 patient-years, above 0: baseline=20, or baseline=(10, 30)"
        if rate
        else "a risk between 0 and 1, such as baseline=0.1 for 100 per 1000, baseline=(0.05, 0.2)"
    )
    raise OptionError(
        f"baseline={shown(baseline)} is not usable · give {what}, or the pooled control groups:"
        " pool(lamevidence.effects.control_groups(table))"
    )


def _value(code: str, theta: FloatArray, base: FloatArray) -> FloatArray:
    """Return the risk (rate) with treatment; infinite effects give its limits."""
    if code == "IRR":
        with np.errstate(over="ignore"):
            return np.asarray(base * np.exp(theta))
    if code == "RD":
        return np.asarray(base + theta)
    theta = np.asarray(theta, dtype=np.float64)
    finite = np.isfinite(theta)
    risk = _RISKS[code](np.where(finite, theta, 0.0), base)
    limit = np.inf if code == "RR" else 1.0
    return np.where(finite, risk, np.where(theta < 0, 0.0, limit))


def _solve(code: str, value: FloatArray, base: FloatArray) -> FloatArray:
    """Return the effect that leads from a baseline to a risk (rate): the inverse of `_value`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if code == "RD":
            return np.asarray(value - base)
        if code == "IRR" or code == "RR":
            return np.where(value > 0, np.log(np.maximum(value, 0.0) / base), -np.inf)
        inside = np.clip(value, 0.0, 1.0)
        if _RISKS[code] is odds_ratio_to_risk:
            return np.asarray(special.logit(inside) - special.logit(base))
        return np.asarray(np.log(np.log1p(-inside) / np.log1p(-base)))


def _possible(fit: Result, code: str, risks: FloatArray, at: str) -> None:
    """Raise where a risk cannot be one."""
    if code == "IRR" or bool(np.all((risks >= 0) & (risks <= 1))):
        return
    low, high = (fit.scale().read(float(x)) for x in fit.intervals()[0])
    own = f"the {fit.effect.label(transformed=True).lower()} reaches from {low:.3g} to {high:.3g}"
    where = f"at a baseline of {at} that is a risk of {np.min(risks):.3g} to {np.max(risks):.3g}"
    within = f"below {1 / high:.3g}" if code == "RR" else f"between {max(0.0, -low):.3g} and {min(1.0, 1 - high):.3g}"
    raise InputError(
        f"{own}, and {where}, which cannot exist · state a baseline {within}, or pool the odds ratio of the same counts"
    )


def _row(fit: Result, base: ControlRisk, treated: tuple[float, ...], difference: tuple[float, ...]) -> AbsoluteEffect:
    rate = fit.measure == "IRR"
    bounds, apart = Interval(*treated[1:]), Interval(*difference[1:])
    per = 100.0 if rate else 1.0
    needed = number_needed(
        difference[0] / per,
        Interval(apart.low / per, apart.high / per),
        fit.table.higher_is,
        "patient-years" if rate else "NNT",
    )
    return AbsoluteEffect(base, treated[0], bounds, difference[0], apart, needed)


def _at_number(fit: Result, base: float, code: str, level: float) -> AbsoluteEffect:
    theta = np.array([float(fit._shown()[0]), *fit.intervals(level)[0]])
    at = np.full(3, base)
    if code == "RR":  # the formula refuses a risk above 1 in its own words; here the remedy knows the bounds
        _possible(fit, code, base * np.exp(theta), f"{base:g}")
    risks = _value(code, theta, at)
    _possible(fit, code, risks, f"{base:g}")
    treated = tuple(float(x) for x in risks)
    return _row(fit, ControlRisk(base), treated, tuple(float(x) for x in risks - base))


def _pooled_baseline(fit: Result, baseline: Any, rate: bool, level: float) -> ControlRisk:  # noqa: ANN401 any result
    family = "rate" if rate else "proportion"
    remedy = "pool(lamevidence.effects.control_groups(table))"
    if baseline.names != ("mu",) or baseline.effect.family != family:
        raise OptionError(
            f"the baseline is {baseline.effect.title} · give a pooled {family} of untreated patients, such as {remedy}"
        )
    if baseline.bayesian != fit.bayesian:
        one, other = ("posterior", "pool_bayes") if fit.bayesian else ("frequentist result", "pool")
        raise OptionError(
            f"a {one} is joined with a baseline of its own kind · pool the control groups with {other}:"
            f" {other}(lamevidence.effects.control_groups(table))"
        )
    if rate and (baseline.unit is None or baseline.unit not in UNITS):
        raise OptionError(
            "the pooled rate of the baseline has no unit · say what its person-time is counted in:"
            " control_groups(table, unit='events/person-year')"
        )
    value, low, high = (_read(baseline, x, rate) for x in (baseline._shown()[0], *baseline.intervals(level)[0]))
    return ControlRisk(value, Interval(low, high))


def _read(baseline: Result, x: float, rate: bool) -> float:
    """Return a value of the baseline's analysis scale as a risk, or as events per 100 patient-years."""
    scale = baseline.scale()
    value = scale.read(float(x)) / scale.factor
    return convert(value, str(baseline.unit), PER_RATE) if rate else value


def _joined(fit: Result, baseline: Any, control: ControlRisk, code: str, level: float) -> AbsoluteEffect:  # noqa: ANN401
    effect, law = law_of(fit, level), law_of(baseline, level)
    shares = (np.arange(NODES) + 0.5) / NODES
    bases = np.array([_read(baseline, x, code == "IRR") for x in law.quantile(shares)])
    if code != "IRR" and not bool(np.all((bases > 0) & (bases < 1))):
        raise InputError(
            f"the distribution of the baseline, {baseline.effect.title}, reaches {bases.min():.3g} to {bases.max():.3g}"
            ", and risks lie between 0 and 1 · pool the control groups as 'PLO': control_groups(table)"
        )
    if code in ("RR", "RD"):
        ends = np.array([float(x) for x in fit.intervals(level)[0]])
        corners = [b + e if code == "RD" else b * math.exp(e) for b in control.interval or () for e in ends]
        _possible(fit, code, np.array(corners), f"{control.interval.low:.3g} to {control.interval.high:.3g}")  # type: ignore[union-attr]
    tail = (1 - level) / 2
    p = (0.5, tail, 1 - tail)
    as_is = code == "RR"

    def risk(theta: FloatArray, base: FloatArray) -> FloatArray:
        # past the level asked for a risk ratio may lead beyond 1; only its order matters there
        return np.asarray(base * np.exp(theta)) if as_is else _value(code, theta, base)

    treated = joint_quantiles(p, effect, bases, risk, lambda at, base: _solve(code, np.full_like(base, at), base))
    apart = joint_quantiles(
        p, effect, bases, lambda theta, base: risk(theta, base) - base, lambda at, base: _solve(code, at + base, base)
    )
    if not fit.bayesian:  # the estimate is that of the two estimates; a posterior has the median of its own law
        here = float(risk(np.array(float(fit._shown()[0])), np.array(control.value)))
        treated, apart = (here, *treated[1:]), (here - control.value, *apart[1:])
    return _row(fit, control, treated, apart)
