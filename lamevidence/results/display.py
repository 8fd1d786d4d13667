"""What a reader sees of a result: back-transformed where the measure is, with its name, unit and level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..foundation.numbers import fixed
from ..foundation.values import Interval
from .heterogeneity import finite_or_none
from .scale import PER_100, ReaderScale

__all__ = ["Display"]


@dataclass(frozen=True, slots=True)
class Display:
    """An estimate on the scale people read.

    Attributes
    ----------
    label
        What the number is (``Odds ratio``, ``Proportion``, ``Mean slope``); on the analysis scale where there is no
        other one, and then it says so (``Log odds ratio``).
    estimate, interval
        Numbers, or mappings from coefficient to number in results with several.
    prediction, prediction_note
        Interval for the true effect of a new study, or None and the reason.
    unit
        ``%`` for proportions, the unit of the outcome, None for pure numbers.
    level
        Level of both intervals.
    interval_name
        ``CI`` or ``credible interval``.
    scale
        How the numbers were read back.
    """

    label: str
    estimate: float | Mapping[str, float]
    interval: Interval | Mapping[str, Interval]
    prediction: Interval | None
    prediction_note: str
    unit: str | None
    level: float
    interval_name: str
    scale: ReaderScale

    @property
    def percent(self) -> str:
        """The level as printed: ``95%``."""
        return f"{100 * self.level:g}%"

    def number(self, x: float, width: float = math.nan) -> str:
        """Return a number with the decimals that its interval's width asks for."""
        if math.isnan(x):
            return "—"
        decimals = self.scale.decimals(width / 4 if math.isfinite(width) and width > 0 else math.nan)
        return fixed(x, decimals)

    def _one(self, x: float, bounds: Interval) -> str:
        width = bounds.width
        low, high = (self.number(b, width) for b in bounds)
        unit = f" {self.unit}" if self.unit and self.unit != "%" else (self.unit or "")
        return f"{self.number(x, width)}{unit} ({self.percent} {self.interval_name} {low} to {high})"

    def __str__(self) -> str:
        if isinstance(self.estimate, Mapping):
            assert isinstance(self.interval, Mapping)
            each = (f"{name} {self._one(x, self.interval[name])}" for name, x in self.estimate.items())
            return f"{self.label}: {'; '.join(each)}"
        assert isinstance(self.interval, Interval)
        text = f"{self.label} {self._one(self.estimate, self.interval)}"
        if self.prediction is not None:
            width = self.prediction.width
            text += f", a new study {self.number(self.prediction.low, width)} to"
            text += f" {self.number(self.prediction.high, width)}"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for other programs: fractions, hazards per person-year; infinities are None."""
        factor = self.scale.factor

        def plain(x: Any) -> Any:  # noqa: ANN401
            if isinstance(x, Mapping):
                return {name: plain(value) for name, value in x.items()}
            if isinstance(x, tuple):
                return [plain(value) for value in x]
            return finite_or_none(x / factor) if isinstance(x, float) else x

        estimate = plain(self.estimate)
        return {
            "name": self.label,
            **({} if isinstance(estimate, dict) else {"mu": estimate}),
            "estimate": estimate,
            "interval": plain(self.interval),
            "prediction": plain(self.prediction),
            "prediction_note": self.prediction_note,
            "unit": {"%": None, PER_100: "per person-year"}.get(self.unit or "", self.unit)
            if factor != 1
            else self.unit,
            "level": self.level,
        }
