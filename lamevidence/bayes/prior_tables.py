"""Empirical priors of τ from Cochrane reviews: Turner 2015 (log odds ratios), Rhodes 2015 (standardised differences).

Both papers print, for each outcome type and comparison, the location and scale of log τ². Locations are additive in
outcome and comparison up to rounding; the tests use that to find slips of transcription.
"""

from __future__ import annotations

from ..options import a_choice
from .scale_priors import LogNormal, LogStudentT

__all__ = ["RHODES", "TURNER", "rhodes_prior", "turner_prior"]

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


def turner_prior(outcome: str | None = None, comparison: str = "pharma vs placebo") -> LogNormal:
    """Return the empirical prior of τ for log odds ratios.

    Parameters
    ----------
    outcome
        Outcome type; None for a general setting.
    comparison
        Kind of comparison.

    Raises
    ------
    UnknownName
        Another outcome or comparison; the message lists them.

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
    return LogNormal(location / 2, scale / 2)


def rhodes_prior(outcome: str, comparison: str = "pharma vs placebo", area: str = "respiratory") -> LogStudentT:
    """Return the empirical prior of τ for standardised mean differences.

    Parameters
    ----------
    outcome
        Outcome type.
    comparison
        Kind of comparison.
    area
        ``respiratory``: the only table whose printed constants are additive throughout.

    Raises
    ------
    UnknownName
        Another outcome, comparison or area; the message lists them.

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
    return LogStudentT(5, location / 2, scale / 2)
