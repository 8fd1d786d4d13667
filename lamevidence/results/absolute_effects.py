"""The absolute effects of one relative effect: values, sentences, table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..foundation.numbers import decimals_for, fixed
from ..foundation.values import Interval
from .heterogeneity import finite_or_none
from .number_needed import NumberNeeded

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AbsoluteEffect", "AbsoluteEffects", "ControlRisk"]


@dataclass(frozen=True, slots=True)
class ControlRisk:
    """A baseline: its number, and its interval where it is estimated; a risk, or events per 100 patient-years."""

    value: float
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class AbsoluteEffect:
    """The absolute effect at one baseline.

    Attributes
    ----------
    baseline
        Without treatment: a risk as a fraction, or events per 100 patient-years.
    treated, treated_interval
        The same with treatment.
    difference, difference_interval
        With treatment minus without.
    needed
        Number needed to treat.
    """

    baseline: ControlRisk
    treated: float
    treated_interval: Interval
    difference: float
    difference_interval: Interval
    needed: NumberNeeded


@dataclass(frozen=True, slots=True, repr=False)
class AbsoluteEffects:
    """Absolute effects at one baseline or several; made by ``fit.absolute(baseline)``.

    Attributes
    ----------
    rows
        One `AbsoluteEffect` a baseline.
    measure
        Code of the relative measure.
    rate
        True for events per 100 patient-years, False for risks.
    time
        By when the risks hold, as stated; empty where it was not.
    level, interval_name
        Of every interval.
    arms
        Names of treatment and control.
    joined
        How the uncertainty of the baseline was joined; empty where it is a number.
    """

    rows: tuple[AbsoluteEffect, ...]
    measure: str
    rate: bool
    time: str
    level: float
    interval_name: str
    arms: tuple[str, str]
    joined: str = ""

    @property
    def factor(self) -> float:
        """What a stored number is multiplied by to be read: 1000 for risks, 1 for rates per 100 patient-years."""
        return 1.0 if self.rate else 1000.0

    @property
    def per(self) -> str:
        """The denominator in words."""
        return "per 100 patient-years" if self.rate else "per 1000"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a baseline: risks per 1000, rates per 100 patient-years, ``nnt…`` as in `NumberNeeded`."""
        import pandas as pd

        return pd.DataFrame([self._record(row) for row in self.rows])

    def _record(self, row: AbsoluteEffect) -> dict[str, Any]:
        f, base, need = self.factor, row.baseline, row.needed
        low, high = base.interval or (math.nan, math.nan)
        return {
            "baseline": f * base.value,
            "baseline_low": f * low,
            "baseline_high": f * high,
            "treated": f * row.treated,
            "treated_low": f * row.treated_interval.low,
            "treated_high": f * row.treated_interval.high,
            "difference": f * row.difference,
            "difference_low": f * row.difference_interval.low,
            "difference_high": f * row.difference_interval.high,
            "nnt": need.number,
            "nnt_side": need.side,
            "nnt_start": need.start,
            "nnt_start_side": need.start_side,
            "nnt_end": need.end,
            "nnt_end_side": need.end_side,
            "nnt_through_infinity": need.through_infinity,
            "per": self.per,
            "level": self.level,
        }

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None for what is infinite or does not exist."""
        rows = [
            {name: finite_or_none(x) if isinstance(x, float) else x for name, x in self._record(row).items()}
            for row in self.rows
        ]
        return {"measure": self.measure, "time": self.time or None, "joined": self.joined or None, "rows": rows}

    def describe(self) -> str:
        """Return a sentence a baseline, and how the uncertainty of an estimated baseline was joined."""
        said = [self.sentence(row) for row in self.rows]
        return " ".join([*said, self.joined] if self.joined else said)

    def sentence(self, row: AbsoluteEffect) -> str:
        """Return the sentence of one baseline.

        Parameters
        ----------
        row
            One of ``rows``.
        """
        digits = self._decimals(row.difference_interval.width)
        level = f"{100 * self.level:g}% {self.interval_name}"
        treated, control = self.arms
        own = row.baseline.interval
        base = fixed(self.factor * row.baseline.value, self._stated(row.baseline.value) if own is None else digits)
        if own is not None:
            base += f" (pooled, {level} {self._range(own, digits)})"
        number = f"{fixed(self.factor * row.treated, digits)}"
        if self.rate:
            start = f"Where there are {base} events {self.per} with {control}, there are {number} with {treated}"
        else:
            time = f" {self.time}" if self.time else ""
            start = f"Where {base} {self.per} have the event{time} with {control}, {number} have it with {treated}"
        return (
            f"{start} ({level} {self._range(row.treated_interval, digits)}): {self.difference_words(row)};"
            f" {row.needed.words(f'{100 * self.level:g}%', self.interval_name)}."
        )

    def difference_words(self, row: AbsoluteEffect) -> str:
        """Return ``62 fewer per 1000 (from 95 fewer to 20 more)``.

        Parameters
        ----------
        row
            One of ``rows``.
        """
        digits = self._decimals(row.difference_interval.width)
        low, high = (self._signed(x, digits) for x in row.difference_interval)
        return f"{self._signed(row.difference, digits)} {self.per} (from {low} to {high})"

    def baseline_words(self, row: AbsoluteEffect) -> str:
        """Return ``300 per 1000``, with its interval where the baseline is estimated.

        Parameters
        ----------
        row
            One of ``rows``.
        """
        own, value = row.baseline.interval, self.factor * row.baseline.value
        if own is None:
            return f"{fixed(value, self._stated(row.baseline.value))} {self.per}"
        digits = self._decimals(row.difference_interval.width)
        return f"{fixed(value, digits)} {self.per} ({self._range(own, digits)})"

    def treated_words(self, row: AbsoluteEffect) -> str:
        """Return ``238 per 1000 (200 to 280)``.

        Parameters
        ----------
        row
            One of ``rows``.
        """
        digits = self._decimals(row.difference_interval.width)
        bounds = self._range(row.treated_interval, digits)
        return f"{fixed(self.factor * row.treated, digits)} {self.per} ({bounds})"

    def _signed(self, difference: float, digits: int) -> str:
        text = fixed(self.factor * abs(difference), digits)
        if float(text.replace("∞", "inf")) == 0:
            return f"{text} fewer or more"
        return f"{text} {'fewer' if difference < 0 else 'more'}"

    def _range(self, bounds: Interval, digits: int) -> str:
        return f"{fixed(self.factor * bounds.low, digits)} to {fixed(self.factor * bounds.high, digits)}"

    def _decimals(self, width: float) -> int:
        """Return the decimals that show an interval's width: one significant digit of its standard error."""
        return max(0, decimals_for(self.factor * width / 4) - 1) if width > 0 and math.isfinite(width) else 0

    def _stated(self, value: float) -> int:
        """Return the decimals that a baseline was stated with."""
        number = self.factor * value
        return next((d for d in range(4) if math.isclose(round(number, d), number, rel_tol=1e-6)), 4)

    def __repr__(self) -> str:
        return "\n".join(["Absolute effects", *(f"  {self.sentence(row)}" for row in self.rows), *self._joined_line()])

    def _joined_line(self) -> list[str]:
        return [f"  {self.joined}"] if self.joined else []
