"""Default priors: anchored to the outcome in physical units, never scaled by the estimates that are pooled.

Where no anchor is known, the prior of τ is scaled by the unit-information standard deviation of the rows, which rests
on standard errors and numbers of patients alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import MEASURES
from ...foundation.errors import OptionError
from ...foundation.units import unit as unit_named
from .base import HalfNormal, HalfStudentT, TauPrior
from .effect_priors import EffectPrior, Flat, Normal
from .unit_information import rows_with_n, uisd

__all__ = ["Default", "default_priors", "no_default", "scale_of"]


@dataclass(frozen=True, slots=True)
class Default:
    """A prior with the reason for it, and the priors of τ that the sensitivity grid adds."""

    prior: TauPrior | EffectPrior
    why: str
    alternatives: tuple[TauPrior, ...] = ()


_TAU_SLOPE = Default(
    HalfNormal(72, unit="mL/year"),
    "95 % of it lies below 141 mL/year, the whole decline under placebo (12 mL/month)",
    (HalfNormal(36, unit="mL/year"), HalfNormal(144, unit="mL/year"), HalfStudentT(4, 72, unit="mL/year")),
)
_MU_SLOPE = Default(
    Normal(0, 20, unit="mL/month"),
    "95 % within 39 mL/month, three times the whole untreated decline: weak and proper",
)
_TAU_LOG_RATIO = Default(
    HalfNormal(0.5),
    "weakly informative for log ratios (Friede 2017, doi:10.1002/jrsm.1217)",
    (HalfNormal(0.25), HalfNormal(1.0), HalfStudentT(4, 0.5)),
)
_MU_LOG_RATIO = Default(Normal(0, 2.82), "95 % of ratios between 1/250 and 250 (Günhan 2020, doi:10.1002/jrsm.1370)")
_TAU_ONE_ARM = Default(
    HalfNormal(1.0),
    "weakly informative for single-arm risks on the logit scale",
    (HalfNormal(0.5), HalfNormal(2.0), HalfStudentT(4, 1.0)),
)
_MU_LOGIT = Default(Normal(0, 1.5), "nearly flat on the probability")
_MU_HAZARD = Default(
    Normal(math.log(0.3), 1.5),
    "per person-year: 95 % of it lies between 1.6 and 570 events per 100 patient-years, around 30: weak and proper",
)
_TAU_HAZARD = Default(
    HalfNormal(1.0),
    "on the log scale: at its median two thirds of studies lie within a factor of 2 of the middle one, at its 95 %"
    " point within one of 7",
    (HalfNormal(0.5), HalfNormal(2.0), HalfStudentT(4, 1.0)),
)
_MU_FLAT = Default(Flat(), "no anchor is known on this scale; flat, so that no Bayes factor about μ exists")
_TAU_SMD = Default(
    HalfNormal(0.5),
    "half a standard deviation between studies is large heterogeneity for standardised differences",
    (HalfNormal(0.25), HalfNormal(1.0), HalfStudentT(4, 0.5)),
)


def scale_of(table: EvidenceTable) -> str:
    """Return the kind of scale: ``slope log-ratio logit log-hazard log-one-arm smd other``."""
    if table.unit is not None:
        return "slope" if unit_named(table.unit).dimension == "volume/time" else "other"
    if table.measure not in MEASURES:
        return "other"
    measure = MEASURES[table.measure]
    if measure.family == "hazard":
        return "log-hazard"
    one_arm = measure.family in ("proportion", "rate")
    if measure.scale == "logit":
        return "logit"
    if measure.scale == "log" and measure.dimension == "none":
        return "log-one-arm" if one_arm else "log-ratio"
    return "smd" if table.measure.startswith("SM") else "other"


_BY_SCALE: dict[str, tuple[Default, Default]] = {
    "slope": (_MU_SLOPE, _TAU_SLOPE),
    "log-ratio": (_MU_LOG_RATIO, _TAU_LOG_RATIO),
    "logit": (_MU_LOGIT, _TAU_ONE_ARM),
    "log-hazard": (_MU_HAZARD, _TAU_HAZARD),
    "smd": (_MU_FLAT, _TAU_SMD),
}


def default_priors(table: EvidenceTable) -> tuple[Default, Default | None]:
    """Return the defaults of (μ, τ) for a table; τ is None where there is no anchor and no row has its n."""
    return _BY_SCALE.get(scale_of(table)) or (_MU_FLAT, _by_unit_information(table))


def _by_unit_information(table: EvidenceTable) -> Default | None:
    """Return HalfNormal(UISD/8), with UISD/4 and UISD/2 beside it; None where no row has its n."""
    rows = rows_with_n(table)
    if not rows.any():
        return None
    unit, scale = table.unit, uisd(table)
    some = "" if rows.all() else f" (from the {int(rows.sum())} of {table.k} rows whose n is known)"
    return Default(
        HalfNormal(scale / 8, unit),
        f"no anchor is known on this scale; an eighth of the unit-information standard deviation of the rows, "
        f"{scale:.4g}{f' {unit}' if unit else ''}{some}, as HalfNormal(0.5) is of that of log odds ratios "
        "(Röver 2021, doi:10.1002/jrsm.1475); it rests on standard errors and n, not on the estimates",
        (HalfNormal(scale / 4, unit), HalfNormal(scale / 2, unit), HalfStudentT(4, scale / 8, unit)),
    )


def no_default(table: EvidenceTable) -> OptionError:
    """Return the error that says why there is no default prior of τ here and what to write."""
    unit = table.unit or "the scale of the estimates"
    example = f"HalfNormal(s, unit={table.unit!r})" if table.unit else "HalfNormal(s)"
    return OptionError(
        f"no anchored prior of τ is known for measure {table.measure} in {unit} · give tau=lam.priors.{example} with s "
        "a between-study standard deviation that would surprise you only mildly, "
        "or state it in the question under bayes: tau; "
        "or give the patients of each row as n, by which a default is scaled (lam.priors.uisd)"
    )
