"""What is computed, choice by choice, and why each choice was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Spec"]


@dataclass(frozen=True, slots=True)
class Spec:
    """The resolved choices of one analysis.

    Attributes
    ----------
    model
        Code in `MODELS`.
    tau2
        Code in `TAU2`, ``fixed`` for a value given by the user, ``none`` where the model has no τ².
    interval, prediction
        Codes in `INTERVALS` and `PREDICTIONS` (``none`` for no prediction interval).
    level
        Confidence level, a fraction.
    weights
        ``inverse-variance``, ``equal`` or ``given``.
    why
        Choice → reason; ``given`` where the user or the question chose.
    title
        The model in a few words, where ``model``, ``tau2`` and ``interval`` do not say it; empty elsewhere.
    """

    model: str
    tau2: str = "none"
    interval: str = "z"
    prediction: str = "none"
    level: float = 0.95
    weights: str = "inverse-variance"
    why: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    @property
    def label(self) -> str:
        """A few words for the row of a table."""
        if self.title:
            return self.title
        if self.model == "single":
            return "One study, as reported"
        if self.model == "random":
            return f"{self.tau2} + {self.interval}"
        return {"common": "Common effect", "fixed": "Fixed effects", "ivhet": "IVhet"}.get(self.model, self.model)

    def to_dict(self) -> dict[str, Any]:
        """Return the choices and reasons as plain values."""
        return {
            "model": self.model,
            "tau2": self.tau2,
            "interval": self.interval,
            "prediction": self.prediction,
            "level": self.level,
            "weights": self.weights,
            "why": dict(self.why),
        }
