"""What was computed, and why each choice was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .priors.base import TauPrior
from .priors.effect_priors import EffectPrior

__all__ = ["BayesSpec", "Priors"]


@dataclass(frozen=True, slots=True)
class Priors:
    """The priors of one analysis in the unit of its estimates, and why they were chosen.

    Attributes
    ----------
    mu
        One prior a coefficient.
    tau
        Prior of τ as it was given: one that the standard errors define is made for the rows of each fit.
    why_mu, why_tau
        The reasons.
    """

    mu: tuple[EffectPrior, ...]
    tau: TauPrior
    why_mu: str
    why_tau: str


@dataclass(frozen=True, slots=True)
class BayesSpec:
    """The resolved settings of a Bayesian pooling.

    Attributes
    ----------
    engine, likelihood
        As in `Posterior`.
    mu, tau
        The priors, as they would be typed.
    moderators
        Names of the coefficients.
    level
        Level of intervals.
    why
        Setting → reason.
    printed
        Which uncertainty of what is printed entered; empty where the numbers are taken as they are.
    """

    engine: str
    likelihood: str
    mu: str
    tau: str
    moderators: tuple[str, ...]
    level: float
    why: Mapping[str, str]
    printed: str = ""

    @property
    def label(self) -> str:
        """The model on one line."""
        printed = f" over what is printed ({self.printed})" if self.printed else ""
        return f"Bayesian random effects, {self.likelihood} likelihood{printed}, μ ~ {self.mu}, τ ~ {self.tau}"

    def to_dict(self) -> dict[str, object]:
        """Return the settings and reasons as plain values."""
        return {
            "engine": self.engine,
            "likelihood": self.likelihood,
            "mu": self.mu,
            "tau": self.tau,
            "moderators": list(self.moderators),
            "level": self.level,
            "why": dict(self.why),
        } | ({"print_uncertainty": self.printed} if self.printed else {})
