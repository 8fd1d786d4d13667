"""Empirical priors from Cochrane reviews: Turner (log odds ratios), Rhodes (standardised differences), Bartoš.

Turner and Rhodes print, for each outcome type and comparison, the location and scale of log τ². Locations are additive
in outcome and comparison up to rounding; the tests use that to find slips of transcription.
"""

from __future__ import annotations

from ...foundation.errors import OptionError
from ...foundation.options import a_choice
from .base import HalfNormal
from .cochrane_fields import ALL, BINARY, CONTINUOUS, HAZARD
from .effect_priors import StudentT
from .heavy_tailed_priors import InverseGamma
from .scale_priors import LogNormal, LogStudentT

__all__ = ["RHODES", "TURNER", "bartos_mu_prior", "bartos_tau_prior", "rhodes_prior", "turner_prior"]

_COMPARISONS = (
    "pharma vs placebo",
    "pharma vs pharma",
    "non-pharma vs placebo",
    "non-pharma vs pharma",
    "non-pharma vs non-pharma",
)
_TURNER_OUTCOMES = (
    "all-cause mortality",
    "obstetric",
    "cause-specific mortality or morbidity",
    "resource use",
    "surgical or device success",
    "withdrawals",
    "structure",
    "physical health",
    "adverse events",
    "infection",
    "signs and symptoms",
    "pain",
    "quality of life",
    "mental health",
    "biological markers",
    "subjective",
)
_TURNER_LOCATION = (
    (-3.95, -3.52, -3.71, -2.34, -2.14, -2.99, -2.71, -2.29, -1.87, -2.49, -2.06, -1.83, -2.54, -2.12, -1.77, -2.70),
    (-4.18, -3.75, -3.95, -2.58, -2.37, -3.23, -2.94, -2.53, -2.10, -2.73, -2.29, -2.06, -2.78, -2.35, -2.00, -2.93),
    (-4.17, -3.74, -3.93, -2.56, -2.36, -3.21, -2.93, -2.51, -2.10, -2.71, -2.28, -2.05, -2.77, -2.34, -1.99, -2.92),
    (-2.92, -2.49, -2.68, -1.31, -1.11, -1.96, -1.67, -1.26, -0.84, -1.46, -1.03, -0.80, -1.51, -1.09, -0.74, -1.67),
    (-3.50, -3.08, -3.27, -1.90, -1.69, -2.55, -2.26, -1.85, -1.43, -2.05, -1.61, -1.38, -2.10, -1.67, -1.33, -2.26),
)
_TURNER_SCALE = (
    (1.34, 1.74, 1.74, 1.74, 1.74, 1.74, 1.74, 1.53, 1.52, 1.52, 1.51, 1.52, 1.54, 1.53, 1.52, 1.52),
    (1.41, 1.79, 1.79, 1.79, 1.79, 1.79, 1.79, 1.58, 1.58, 1.58, 1.58, 1.58, 1.60, 1.60, 1.58, 1.58),
    (1.55, 1.91, 1.91, 1.91, 1.91, 1.91, 1.92, 1.72, 1.71, 1.71, 1.71, 1.71, 1.73, 1.72, 1.71, 1.71),
    (1.02, 1.50, 1.51, 1.50, 1.50, 1.51, 1.51, 1.25, 1.24, 1.24, 1.24, 1.25, 1.27, 1.27, 1.24, 1.25),
    (1.26, 1.68, 1.68, 1.68, 1.68, 1.68, 1.68, 1.46, 1.45, 1.45, 1.45, 1.45, 1.47, 1.47, 1.45, 1.45),
)
_RHODES_OUTCOMES = (
    "obstetric",
    "resource use",
    "structure",
    "physical health",
    "signs and symptoms",
    "mental health",
    "biological markers",
    "subjective",
)
_RHODES_COMPARISONS = ("pharma vs placebo", "pharma vs pharma", "non-pharma")
_RHODES_RESPIRATORY_LOCATION = (
    (-6.03, -4.46, -4.33, -5.07, -4.90, -4.90, -5.31, -4.66),
    (-6.31, -4.73, -4.61, -5.34, -5.18, -5.17, -5.59, -4.94),
    (-5.89, -4.32, -4.19, -4.93, -4.76, -4.76, -5.17, -4.52),
)
_RHODES_RESPIRATORY_SCALE = (
    (2.36, 2.74, 2.51, 2.51, 2.50, 2.17, 2.83, 2.59),
    (2.31, 2.70, 2.46, 2.45, 2.47, 2.14, 2.78, 2.59),
    (2.21, 2.57, 2.33, 2.28, 2.33, 1.94, 2.66, 2.41),
)

TURNER: dict[tuple[str, str], tuple[float, float]] = {
    (outcome, comparison): (_TURNER_LOCATION[c][o], _TURNER_SCALE[c][o])
    for o, outcome in enumerate(_TURNER_OUTCOMES)
    for c, comparison in enumerate(_COMPARISONS)
}
"""(outcome, comparison) → mean and standard deviation of log τ² for log odds ratios."""

RHODES: dict[tuple[str, str], tuple[float, float]] = {
    (outcome, comparison): (_RHODES_RESPIRATORY_LOCATION[c][o], _RHODES_RESPIRATORY_SCALE[c][o])
    for o, outcome in enumerate(_RHODES_OUTCOMES)
    for c, comparison in enumerate(_RHODES_COMPARISONS)
}
"""(outcome, comparison) → location and scale of log τ² (t with 5 df), standardised differences, respiratory."""

_TURNER_MARGINAL = (-2.56, 1.74)


_OR = ("OR", "PETO", "MPOR", "MPORC", "MPPETO")
_SMD = ("SMD", "SMD1", "SMD1H", "SMDH")
_RR = ("RR", "MPRR")
_RD = ("RD", "MPRD")
_HR = ("HR", "HROE")
_MEASURES = ("SMD", "OR", "RR", "RD", "HR")
"""What `bartos_mu_prior` and `bartos_tau_prior` have laws of."""


class _TurnerTau(LogNormal):
    measures, law_of, printed_name = _OR, "log odds ratios", "LogNormal"


class _RhodesTau(LogStudentT):
    measures, law_of, printed_name = _SMD, "standardised mean differences", "LogStudentT"


class _SmdTau(InverseGamma):
    measures, law_of, printed_name = _SMD, "standardised mean differences", "InverseGamma"


class _SmdMu(StudentT):
    measures, law_of, printed_name = _SMD, "standardised mean differences", "StudentT"


class _OrTau(InverseGamma):
    measures, law_of, printed_name = _OR, "log odds ratios", "InverseGamma"


class _OrMu(StudentT):
    measures, law_of, printed_name = _OR, "log odds ratios", "StudentT"


class _RrTau(InverseGamma):
    measures, law_of, printed_name = _RR, "log risk ratios", "InverseGamma"


class _RrMu(StudentT):
    measures, law_of, printed_name = _RR, "log risk ratios", "StudentT"


class _RdTau(HalfNormal):
    measures, law_of, printed_name = _RD, "risk differences", "HalfNormal"


class _RdMu(StudentT):
    measures, law_of, printed_name = _RD, "risk differences", "StudentT"


class _HrTau(InverseGamma):
    measures, law_of, printed_name = _HR, "log hazard ratios", "InverseGamma"


class _HrMu(StudentT):
    measures, law_of, printed_name = _HR, "log hazard ratios", "StudentT"


def turner_prior(outcome: str | None = None, comparison: str = "pharma vs placebo") -> LogNormal:
    """Return the empirical prior of τ for log odds ratios; `pool_bayes` refuses it for other measures.

    Parameters
    ----------
    outcome
        Outcome type; None for a general setting.
    comparison
        Kind of comparison.

    Returns
    -------
    LogNormal
        Prior of τ, a pure number.

    Raises
    ------
    UnknownName
        Another outcome or comparison; the message lists them.

    See Also
    --------
    rhodes_prior : for standardised mean differences.
    bartos_tau_prior : by field of medicine, also for risk ratios and differences.

    References
    ----------
    Turner (2015), doi:10.1002/sim.6381, table IV.

    Examples
    --------
    >>> turner_prior("adverse events")
    LogNormal(-0.935, 0.76)
    """
    a_choice("comparison", comparison, _COMPARISONS)
    if outcome is not None:
        a_choice("outcome type", outcome, _TURNER_OUTCOMES)
    location, scale = _TURNER_MARGINAL if outcome is None else TURNER[outcome, comparison]
    return _TurnerTau(location / 2, scale / 2)


def rhodes_prior(outcome: str, comparison: str = "pharma vs placebo", area: str = "respiratory") -> LogStudentT:
    """Return the empirical prior of τ for standardised mean differences; `pool_bayes` refuses it for other measures.

    Parameters
    ----------
    outcome
        Outcome type.
    comparison
        Kind of comparison.
    area
        ``respiratory``: the only table whose printed constants are additive throughout.

    Returns
    -------
    LogStudentT
        Prior of τ, a pure number.

    Raises
    ------
    UnknownName
        Another outcome, comparison or area; the message lists them.

    See Also
    --------
    turner_prior : for log odds ratios.
    bartos_tau_prior : by field of medicine.

    References
    ----------
    Rhodes (2015), doi:10.1016/j.jclinepi.2014.08.012, table A.3.1.

    Examples
    --------
    >>> rhodes_prior("structure")
    LogStudentT(5, -2.165, 1.255)
    """
    a_choice("medical area", area, ("respiratory",))
    a_choice("comparison", comparison, _RHODES_COMPARISONS)
    a_choice("outcome type", outcome, _RHODES_OUTCOMES)
    location, scale = RHODES[outcome, comparison]
    return _RhodesTau(5, location / 2, scale / 2)


def bartos_mu_prior(measure: str = "SMD", area: str | None = None) -> StudentT:
    """Return the empirical prior of the mean effect in a field of medicine: a t law around 0.

    Parameters
    ----------
    measure
        ``SMD``, ``OR``, ``RR``, ``RD`` or ``HR`` (which has no single fields); ratios on the log scale. `pool_bayes`
        refuses the prior for other measures.
    area
        Field, as Cochrane's groups are called (``"Airways"``, ``"Heart"`` …); None for all of them together.

    Returns
    -------
    StudentT
        Prior of μ, a pure number.

    Raises
    ------
    UnknownName
        Another measure, or a field that has no law of this measure; the message lists them.

    See Also
    --------
    bartos_tau_prior : the prior of τ that goes with it.

    References
    ----------
    Bartoš 2021, doi:10.1002/sim.9170 (SMD); Bartoš 2023, doi:10.48550/arXiv.2306.11468 (OR, RR, RD, HR); the numbers
    as in the authors' R package BayesTools.

    Examples
    --------
    >>> bartos_mu_prior("SMD", "Oral Health")
    StudentT(5, 0, 0.51)
    """
    field = _field(measure, area)
    if measure == "SMD":
        scale, df = CONTINUOUS[field][:2]
        return _SmdMu(df, 0, scale)
    if measure == "HR":
        return _HrMu(HAZARD[1], 0, HAZARD[0])
    odds, _, risks, _, difference, _ = BINARY[field]
    if measure == "OR":
        return _OrMu(odds[1], 0, odds[0])
    return _RrMu(risks[1], 0, risks[0]) if measure == "RR" else _RdMu(difference[1], 0, difference[0])


def bartos_tau_prior(measure: str = "SMD", area: str | None = None) -> InverseGamma | HalfNormal:
    """Return the empirical prior of τ in a field of medicine: inverse gamma, half-normal for risk differences.

    Parameters
    ----------
    measure
        ``SMD``, ``OR``, ``RR``, ``RD`` or ``HR`` (which has no single fields); ratios on the log scale. `pool_bayes`
        refuses the prior for other measures.
    area
        Field, as Cochrane's groups are called (``"Airways"``, ``"Heart"`` …); None for all of them together.

    Returns
    -------
    InverseGamma or HalfNormal
        Prior of τ, a pure number.

    Raises
    ------
    UnknownName
        Another measure, or a field that has no law of this measure; the message lists them.
    OptionError
        The field has a law of μ only.

    See Also
    --------
    bartos_mu_prior : the prior of μ that goes with it.
    turner_prior : log odds ratios by outcome and comparison.

    References
    ----------
    Bartoš 2021, doi:10.1002/sim.9170 (SMD); Bartoš 2023, doi:10.48550/arXiv.2306.11468 (OR, RR, RD, HR); the numbers
    as in the authors' R package BayesTools.

    Examples
    --------
    >>> bartos_tau_prior("SMD", "Oral Health")
    InverseGamma(1.79, 0.28)
    >>> bartos_tau_prior("RD", "Airways")
    HalfNormal(0.099)
    """
    field = _field(measure, area)
    if measure == "SMD":
        return _SmdTau(*CONTINUOUS[field][2:])
    if measure == "HR":
        return _HrTau(*HAZARD[2:])
    _, odds, _, risks, _, difference = BINARY[field]
    if odds is None or risks is None or difference is None:
        raise OptionError(
            f"no prior of τ was published for {field}, only one of μ"
            f" · take that of all fields: lam.priors.bartos_tau_prior({measure!r})"
        )
    if measure == "OR":
        return _OrTau(*odds)
    return _RrTau(*risks) if measure == "RR" else _RdTau(difference)


def _field(measure: str, area: str | None) -> str:
    """Return the name of the field in the tables, after checking that it has a law of the measure."""
    a_choice("measure of these priors", measure, _MEASURES)
    if area is None:
        return ALL
    known = {"SMD": CONTINUOUS, "HR": {ALL: HAZARD}}.get(measure, BINARY)
    return a_choice(f"medical area of {measure}", area, known)
