"""Default priors: anchored to the outcome in physical units, never scaled by the data that are pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import MEASURES
from ..errors import OptionError
from ..units import unit as unit_named
from .effect_priors import Flat, Normal
from .priors import HalfNormal, HalfStudentT, TauPrior

__all__ = ["Default", "default_priors", "no_default", "scale_of"]


@dataclass(frozen=True, slots=True)
class Default:
    """A prior with the reason for it, and the priors of τ that the sensitivity grid adds."""

    prior: Any
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
_MU_FLAT = Default(Flat(), "no anchor is known on this scale; flat, so that no Bayes factor about μ exists")
_TAU_SMD = Default(
    HalfNormal(0.5),
    "half a standard deviation between studies is large heterogeneity for standardised differences",
    (HalfNormal(0.25), HalfNormal(1.0), HalfStudentT(4, 0.5)),
)


def scale_of(table: EvidenceTable) -> str:
    """Return the kind of scale: ``slope``, ``log-ratio``, ``logit``, ``log-one-arm``, ``smd`` or ``other``."""
    if table.unit is not None:
        return "slope" if unit_named(table.unit).dimension == "volume/time" else "other"
    if table.measure not in MEASURES:
        return "other"
    measure = MEASURES[table.measure]
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
    "smd": (_MU_FLAT, _TAU_SMD),
}


def default_priors(table: EvidenceTable) -> tuple[Default, Default | None]:
    """Return the defaults of (μ, τ) for a table; τ is None where no anchored default exists."""
    return _BY_SCALE.get(scale_of(table), (_MU_FLAT, None))


def no_default(table: EvidenceTable) -> OptionError:
    """Return the error that says why there is no default prior of τ here and what to write."""
    unit = table.unit or "the scale of the estimates"
    example = f"HalfNormal(s, unit={table.unit!r})" if table.unit else "HalfNormal(s)"
    return OptionError(
        f"no anchored prior of τ is known for measure {table.measure} in {unit} · give tau=lam.{example} with s a "
        "between-study standard deviation that would surprise you only mildly, "
        "or state it in the question under bayes: tau"
    )
