"""The choices of a joint synthesis in the unit of its estimates, and why each was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ..bayes.priors.base import HalfNormal, ScalePrior
from ..bayes.priors.effect_priors import EffectPrior, Flat, Normal
from ..bayes.priors.prior_parsing import PriorLike, mu_prior, tau_prior
from ..foundation.errors import OptionError
from ..foundation.options import a_number, shown
from ..foundation.units import unit as unit_named

__all__ = ["DEFAULT", "JointSpec", "Means", "ScaleChoice", "a_scale", "joint_spec"]

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


def joint_spec(
    unit: str | None,
    given: Mapping[str, PriorLike | float | str | None],
    *,
    correlation: float | tuple[float, float],
    discount: Mapping[str, float],
    level: float,
) -> JointSpec:
    """Return the choices in the unit of the estimates, with the defaults of the scale where there are some.

    Raises
    ------
    OptionError
        A prior is left out on a scale without a default, or is none.
    """
    slope = unit is not None and unit_named(unit).dimension == "volume/time"
    out: dict[str, object] = {}
    why: dict[str, str] = {}
    for name, (default, reason) in _SLOPE.items():
        value: object = given[name]
        if isinstance(value, str) and value == DEFAULT:
            if not slope:
                scale = "τ ~ HalfNormal(…)" if name.startswith("tau") else "Normal(…)"
                raise OptionError(
                    f"{name} has no default for estimates in {unit or 'pure numbers'} · give {name}="
                    f"a prior, such as {scale.removeprefix('τ ~ ')}"
                )
            value, why[name] = default, reason
        else:
            why[name] = "given"
        if name.startswith("tau"):
            out[name] = a_scale(name, value, unit)
        else:
            out[name] = None if name == "bias" and value is None else _a_mean(name, value, unit)
    return JointSpec(**out, correlation=correlation, discount=dict(discount), level=level, why=why)  # type: ignore[arg-type]
