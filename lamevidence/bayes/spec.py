"""What was computed, and why each choice was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BayesSpec"]


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
    """

    engine: str
    likelihood: str
    mu: str
    tau: str
    moderators: tuple[str, ...]
    level: float
    why: Mapping[str, str]

    @property
    def label(self) -> str:
        """The model on one line."""
        return f"{self.likelihood} likelihood, μ ~ {self.mu}, τ ~ {self.tau}"

    def to_dict(self) -> dict[str, Any]:
        """Return the settings and reasons as plain values."""
        return {
            "engine": self.engine,
            "likelihood": self.likelihood,
            "mu": self.mu,
            "tau": self.tau,
            "moderators": list(self.moderators),
            "level": self.level,
            "why": dict(self.why),
        }
