"""The choices of a joint synthesis in the unit of its estimates, and why each was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from ..bayes.priors.base import HalfNormal, ScalePrior
from ..bayes.priors.effect_priors import EffectPrior, Flat, Normal
from ..bayes.priors.prior_parsing import PriorLike, mu_prior, tau_prior
from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import OptionError
from ..foundation.options import a_number, shown
from ..foundation.units import unit as unit_named

__all__ = [
    "DEFAULT",
    "JointSpec",
    "Means",
    "ScaleChoice",
    "a_scale",
    "asked_priors",
    "is_default",
    "joint_spec",
    "one_choice",
]

DEFAULT = "default"

Means = Normal | Flat
ScaleChoice = ScalePrior | float
"""Prior of a standard deviation, or its value where that is taken as known."""

_SPREAD = "95 % of it lies below 94 mL/year, two thirds of the decline under placebo (144)"
_SLOPE: dict[str, tuple[EffectPrior | ScalePrior, str]] = {
    "baseline": (
        Normal(-96, 120, unit="mL/year"),
        "95 % within 235 mL/year of the decline that untreated cohorts print: weak and proper",
    ),
    "effect": (
        Normal(0, 240, unit="mL/year"),
        "95 % within 470 mL/year, three times the whole untreated decline: weak and proper",
    ),
    "bias": (
        Normal(0, 240, unit="mL/year"),
        "patients are treated because they decline, by how much more is not assumed",
    ),
    "tau_baseline": (
        HalfNormal(48, unit="mL/year"),
        _SPREAD,
    ),
    "tau_effect": (
        HalfNormal(48, unit="mL/year"),
        _SPREAD,
    ),
    "tau_bias": (
        HalfNormal(240, unit="mL/year"),
        "slopes before treatment have been printed hundreds of mL/year below those of untreated cohorts",
    ),
}
"""Defaults for slopes of a volume: argument → prior and reason."""


@dataclass(frozen=True, slots=True)
class JointSpec:
    """The resolved choices of a joint synthesis.

    Attributes
    ----------
    baseline, effect, bias
        Priors of the mean untreated slope, of the mean effect, and of the mean difference of slopes before treatment
        (None: no such term).
    tau_baseline, tau_effect, tau_bias
        Priors of the standard deviations between studies; a number where one is taken as known.
    correlation
        Correlation of the rows of one before-after study, or the (low, high) of its uniform prior.
    discount
        Kind of design → share of its information that is used.
    level
        Level of intervals.
    why
        Choice → reason.
    """

    baseline: Means
    effect: Means
    bias: Means | None
    tau_baseline: ScaleChoice
    tau_effect: ScaleChoice
    tau_bias: ScaleChoice
    correlation: float | tuple[float, float]
    discount: Mapping[str, float]
    level: float
    why: Mapping[str, str]

    @property
    def label(self) -> str:
        """The model on one line."""
        bias = "" if self.bias is None else ", bias of slopes before treatment"
        return f"Joint synthesis of designs: untreated slope, effect{bias}"

    @property
    def proper(self) -> bool:
        """Whether every prior integrates."""
        return all(prior is None or prior.proper for prior in (self.baseline, self.effect, self.bias))

    def to_dict(self) -> dict[str, object]:
        """Return the choices and reasons as plain values."""
        out: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, EffectPrior | ScalePrior):
                value = repr(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            out[field.name] = value
        return out

    def scaled(self, factor: float) -> JointSpec:
        """Return the same choices with the priors of the standard deviations ``factor`` times as wide."""

        def wider(held: ScaleChoice) -> ScaleChoice:
            return held._rescaled(factor, held.unit) if isinstance(held, ScalePrior) else factor * held

        new = {name: wider(getattr(self, name)) for name in ("tau_baseline", "tau_effect", "tau_bias")}
        return replace(self, **new)  # type: ignore[arg-type]


def a_scale(name: str, given: object, unit: str | None) -> ScaleChoice:
    """Return the prior of a standard deviation, or its value, in the unit of the estimates.

    Raises
    ------
    OptionError
        Neither; an improper prior, or one that standard errors define.
    """
    if isinstance(given, int | float) and not isinstance(given, bool):
        return a_number(name, given, least=0.0, most=1e100)
    prior = tau_prior(given, unit)
    if not isinstance(prior, ScalePrior):
        raise OptionError(
            f"{name}={shown(given)} cannot be used here · give a proper prior with a scale of its own,"
            " such as lam.priors.HalfNormal(48, unit='mL/year'), or a number"
        )
    return prior


def _a_mean(name: str, given: object, unit: str | None) -> Means:
    prior = mu_prior(given, unit)
    if not isinstance(prior, Normal | Flat):
        raise OptionError(
            f"{name}={shown(given)}: the joint model is exact under normal priors of its means"
            " · choose lam.priors.Normal or lam.priors.Flat"
        )
    return prior


def is_default(given: object) -> bool:
    """Whether a prior was left to the default."""
    return isinstance(given, str) and given == DEFAULT


def asked_priors(
    table: EvidenceTable, names: Sequence[str]
) -> tuple[dict[str, PriorLike | float | str | None], dict[str, str]]:
    """Return the priors of these names that the question of a table states, and why it states them.

    ``none`` for the bias is no such term.
    """
    said = table.model.get("bayes", {}) if table.row_is == "phase" else {}
    found: dict[str, PriorLike | float | str | None] = {name: said[name] for name in names if name in said}
    if found.get("bias") == "none":
        found["bias"] = None
    return found, dict.fromkeys(found, str(said.get("because", "stated in the question")))


def one_choice(name: str, given: object, unit: str | None) -> Means | ScaleChoice | None:
    """Return one prior of the model in the unit of the estimates, the default of the scale where none is given.

    Raises
    ------
    OptionError
        It is left out on a scale without a default, or is none.
    """
    if is_default(given):
        if unit is None or unit_named(unit).dimension != "volume/time":
            scale = "HalfNormal(…)" if name.startswith("tau") else "Normal(…)"
            raise OptionError(
                f"{name} has no default for estimates in {unit or 'pure numbers'} · give {name}="
                f"a prior, such as {scale}"
            )
        given = _SLOPE[name][0]
    if name.startswith("tau"):
        return a_scale(name, given, unit)
    return None if name == "bias" and given is None else _a_mean(name, given, unit)


def joint_spec(
    unit: str | None,
    given: Mapping[str, PriorLike | float | str | None],
    *,
    correlation: float | tuple[float, float],
    discount: Mapping[str, float],
    level: float,
    why: Mapping[str, str],
) -> JointSpec:
    """Return the choices in the unit of the estimates, with the defaults of the scale where there are some.

    Raises
    ------
    OptionError
        A prior is left out on a scale without a default, or is none.
    """
    out: dict[str, object] = {}
    reasons: dict[str, str] = {}
    for name, (_, reason) in _SLOPE.items():
        reasons[name] = reason if is_default(given[name]) else why.get(name, "given")
        out[name] = one_choice(name, given[name], unit)
    return JointSpec(**out, correlation=correlation, discount=dict(discount), level=level, why=reasons)  # type: ignore[arg-type]
