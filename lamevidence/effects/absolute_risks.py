"""From ratios and hazards to risks people can picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_choice, shown
from ..foundation.units import UNITS
from .evidence_table import EvidenceTable, a_table
from .foreign_data import paired
from .given_numbers import broadcast, finite, floats
from .measures import FloatArray
from .measures.hazard import log_survival

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "control_groups",
    "hazard_ratio_to_risk",
    "hazard_to_risk",
    "odds_ratio_to_risk",
    "risk_per_1000",
    "risk_ratio_to_risk",
]


def _risk(name: str, p: ArrayLike) -> FloatArray:
    values = finite(p, name, "a risk lies between 0 and 1", least=0)
    if not bool(np.all(values <= 1)):
        raise InputError(f"{name} = {p!r} · a risk lies between 0 and 1")
    return values


@paired
def odds_ratio_to_risk(log_or: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return the risk with treatment at a stated risk without it: expit(logit(baseline) + log OR).

    Parameters
    ----------
    log_or
        Log odds ratio; give the bounds of an interval too. Arrays broadcast.
    baseline
        The risk without treatment, between 0 and 1.

    Returns
    -------
    array
        Risks between 0 and 1, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number, or a risk lies outside [0, 1].

    See Also
    --------
    risk_ratio_to_risk, risk_per_1000

    References
    ----------
    Cochrane Handbook 15.4.4.4.

    Examples
    --------
    >>> round(float(odds_ratio_to_risk(0.3, 0.3)), 6)
    0.366492
    """
    shift, risk = broadcast(log_or=finite(log_or, "log_or"), baseline=_risk("baseline", baseline))
    return np.asarray(special.expit(special.logit(risk) + shift))


@paired
def risk_ratio_to_risk(log_rr: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return the risk with treatment at a stated risk without it: baseline · exp(log RR).

    Parameters
    ----------
    log_rr
        Log risk ratio; give the bounds of an interval too. Arrays broadcast.
    baseline
        The risk without treatment, between 0 and 1.

    Returns
    -------
    array
        Risks between 0 and 1, of the common shape.

    Raises
    ------
    InputError
        The product exceeds 1: a risk ratio cannot hold at this baseline.

    See Also
    --------
    odds_ratio_to_risk, risk_per_1000

    References
    ----------
    Cochrane Handbook 15.4.4.3.

    Examples
    --------
    >>> round(float(risk_ratio_to_risk(np.log(0.5), 0.3)), 6)
    0.15
    """
    shift, base = broadcast(log_rr=finite(log_rr, "log_rr"), baseline=_risk("baseline", baseline))
    with np.errstate(over="ignore"):
        risk = base * np.exp(shift)
    if not bool(np.all(risk <= 1)):
        raise InputError(
            f"baseline {baseline!r} times the risk ratio exceeds 1 · use an odds ratio, or a lower baseline"
        )
    return np.asarray(risk)


@paired
def hazard_ratio_to_risk(log_hr: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return the risk by a time with treatment at a stated risk by that time without it: 1 − (1 − baseline)^HR.

    Survival without the event is 1 − risk; hazards are proportional up to that time.

    Parameters
    ----------
    log_hr
        Log hazard ratio; give the bounds of an interval too. Arrays broadcast.
    baseline
        The risk of the event by the time without treatment, between 0 and 1.

    Returns
    -------
    array
        Risks between 0 and 1, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number, or a risk lies outside [0, 1].

    See Also
    --------
    odds_ratio_to_risk, risk_ratio_to_risk

    References
    ----------
    Altman & Andersen 1999, doi:10.1136/bmj.319.7223.1492.

    Examples
    --------
    >>> round(float(hazard_ratio_to_risk(np.log(0.5), 0.36)), 6)
    0.2
    """
    shift, risk = broadcast(log_hr=finite(log_hr, "log_hr"), baseline=_risk("baseline", baseline))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        hazard = -np.log1p(-risk) * np.exp(shift)
    # no risk stays none, and certainty certain, at any ratio
    return np.where((risk == 0) | (risk == 1), risk, -np.expm1(-hazard))


def control_groups(evidence: EvidenceTable, unit: str | None = None) -> EvidenceTable:
    """Return the control groups of a table of comparisons as a table of their own: logit proportions, or log rates.

    Parameters
    ----------
    evidence
        Comparisons of two groups with the counts behind them (``ci n2i``, or ``x2i t2i``).
    unit
        For rates, the unit that their person-time makes of them: ``events/person-year``, as in questions of a registry.

    Returns
    -------
    EvidenceTable
        Measure ``PLO``, or ``IRLN`` in ``unit``, one row a comparison. A comparison that shares its control group with
        another one repeats it; pool the distinct ones.

    Raises
    ------
    OptionError
        Not a table, one without the counts of control groups, or a unit that is lacking or has no meaning.

    See Also
    --------
    odds_ratio_to_risk : The risk with treatment at one without.

    References
    ----------
    Spencer et al. 2012, doi:10.1136/bmj.e7401.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.load_registry().evidence("serious-adverse-events-two-arm")
    >>> lam.effects.control_groups(table).measure
    'PLO'
    """
    a_table(evidence, "evidence")
    held = evidence.counts
    if {"ci", "n2i"} <= set(held):
        if unit is not None:
            raise OptionError(f"unit={shown(unit)}: proportions of patients have none · leave unit out")
        frame = _frame(evidence, held["ci"], held["n2i"])
        return EvidenceTable.from_frame(frame, "PLO", study="study", label="label", events="events", total="size")
    if {"x2i", "t2i"} <= set(held):
        if not isinstance(unit, str) or unit not in UNITS or UNITS[unit].dimension != "rate":
            raise OptionError(
                f"unit={shown(unit)} is no unit of a rate · say what the person-time is counted in:"
                " unit='events/person-year', 'events/person-month' …"
            )
        frame = _frame(evidence, held["x2i"], held["t2i"])
        return EvidenceTable.from_frame(
            frame, "IRLN", study="study", label="label", unit=unit, events="events", person_time="size"
        )
    raise OptionError(
        f"the rows of {evidence.measure} carry no counts of control groups (ci and n2i, or x2i and t2i)"
        " · state the baseline as a number"
    )


def _frame(evidence: EvidenceTable, events: FloatArray, size: FloatArray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"study": evidence.studies, "label": evidence.labels, "events": events, "size": size})


@paired
def risk_per_1000(log_ratio: ArrayLike, baseline: ArrayLike, measure: str = "RR") -> tuple[FloatArray, FloatArray]:
    """Return the risk per 1000 with treatment, and the difference to the baseline per 1000.

    Parameters
    ----------
    log_ratio
        Log risk ratio or log odds ratio; give the bounds of an interval too.
    baseline
        The risk without treatment, between 0 and 1.
    measure
        ``RR`` or ``OR``.

    Returns
    -------
    tuple of arrays
        Risk per 1000 with treatment, and that minus the baseline per 1000.

    Raises
    ------
    UnknownName
        Another measure.
    InputError
        Something is not a finite number, or a risk lies outside [0, 1].

    See Also
    --------
    odds_ratio_to_risk, risk_ratio_to_risk

    References
    ----------
    Cochrane Handbook 15.4.4.

    Examples
    --------
    >>> with_treatment, difference = risk_per_1000(np.log(0.5), 0.2)
    >>> round(float(with_treatment)), round(float(difference))
    (100, -100)
    """
    a_choice("measure for a risk per 1000", measure, ("RR", "OR"))
    risk = (risk_ratio_to_risk if measure == "RR" else odds_ratio_to_risk)(log_ratio, baseline)
    return 1000 * risk, 1000 * (risk - np.asarray(baseline, dtype=np.float64))


@paired
def hazard_to_risk(log_hazard: ArrayLike, time: ArrayLike, frailty: ArrayLike = 0.0) -> FloatArray:
    """Return the risk of at least one event within a time at a constant hazard: 1 − exp(−time · exp(log hazard)).

    Parameters
    ----------
    log_hazard
        Log of events per person-year; give the bounds of an interval, or quantiles of a posterior, too.
    time
        Years, above 0.
    frailty
        Variance φ of hazards between patients around a mean of 1 (gamma): the risk is 1 − (1 + φ m)^(−1/φ) with m the
        cumulative hazard. 0 where all patients of a study have one hazard.

    Returns
    -------
    array
        Risks between 0 and 1, of the common shape.

    Raises
    ------
    InputError
        A log hazard that is not a number, a time that is not a finite number above 0, a variance below 0.

    See Also
    --------
    odds_ratio_to_risk, risk_per_1000

    References
    ----------
    Prentice & Gloeckler 1978, doi:10.2307/2529588.

    Examples
    --------
    >>> round(float(hazard_to_risk(np.log(0.3), 1)), 6)
    0.259182
    """
    remedy = "give logs of events per person-year"
    given = floats(log_hazard, "log_hazard", remedy)
    ends = np.isinf(given)  # the bound of an interval may be a hazard of 0, or infinite
    level = finite(np.where(ends, 0.0, given) if ends.any() else log_hazard, "log_hazard", remedy)
    years = finite(time, "time", "give years, above 0", above=0)
    spread = finite(frailty, "frailty", "a variance is 0 or more", least=0)
    level, years, spread, ends, given = broadcast(
        log_hazard=level, time=years, frailty=spread, infinite=ends, given=given
    )
    risk = -np.expm1(log_survival(level + np.log(years), spread))
    return np.asarray(np.where(ends, (given > 0).astype(float), risk))
