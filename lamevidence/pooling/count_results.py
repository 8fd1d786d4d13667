"""What every pooled result of counts carries: the same surface as the inverse-variance results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES, FloatArray, Measure
from ..errors import OptionError
from ..values import Interval
from .intervals import quantile, two_sided

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CountPooled", "CountSpec", "check_level", "check_test", "measure_of"]


def check_level(level: float) -> float:
    """Return a confidence level strictly between 0 and 1, or raise `OptionError`."""
    if not (isinstance(level, int | float) and 0.0 < level < 1.0):
        raise OptionError(f"level={level!r} must lie between 0 and 1, for example 0.95")
    return float(level)


def check_test(test: str) -> str:
    """Return ``z`` or ``t``, or raise `OptionError`."""
    if test not in ("z", "t"):
        raise OptionError(f"test={test!r} does not apply to this model · choices: z, t")
    return test


def measure_of(table: EvidenceTable, choices: tuple[str, ...], given: str | None, what: str) -> str:
    """Return the measure to pool: the one given, or the table's own; raise when ``what`` has no such measure."""
    code = table.measure if given is None else given
    if code not in choices:
        raise OptionError(f"{what} has no measure {code!r} · choices: {', '.join(choices)}")
    return code


@dataclass(frozen=True, slots=True)
class CountSpec:
    """What was computed, and why each choice was made.

    Attributes
    ----------
    model, tau2, interval, prediction, level
        Name of the model, how τ² was estimated, kind of interval and prediction interval, confidence level.
    options
        Options of the model (``nagq``, ``coding`` …).
    why
        Choice → reason.
    """

    model: str
    tau2: str
    interval: str
    prediction: str
    level: float
    options: Mapping[str, Any] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the choices and reasons as plain values."""
        return {
            "model": self.model, "tau2": self.tau2, "interval": self.interval, "prediction": self.prediction,
            "level": self.level, **dict(self.options), "why": dict(self.why),
        }


@dataclass(frozen=True, eq=False)
class CountPooled:
    """A pooled estimate made from counts.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    measure
        Code of the measure of ``mu``.
    mu, se, df
        Estimate on the analysis scale, standard error, degrees of freedom (inf: normal).
    tau2
        Between-study variance, 0 for common-effect models.
    q, q_df, q_p
        Heterogeneity statistic, degrees of freedom, p value.
    i2, h2
        In percent, and as a ratio.
    weights
        Percent, or None where a study has no weight of its own.
    notes
        What the reader must know: studies without information, infinite estimates …
    bounds
        ``bounds(level)`` where the interval is not mu ± quantile × se (exact intervals).
    """

    table: EvidenceTable
    spec: CountSpec
    measure: str
    mu: float
    se: float
    df: float
    tau2: float
    q: float
    q_df: int
    q_p: float
    i2: float
    h2: float
    weights: FloatArray | None
    notes: tuple[str, ...]
    bounds: Callable[[float], Interval] | None = None

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.table.k

    @property
    def unit(self) -> str | None:
        """Unit of the estimate on the analysis scale."""
        return self.table.unit

    @property
    def n_total(self) -> float:
        """Patients in all studies, NaN when not known."""
        return float(np.sum(self.table.n)) if self.table.n is not None else math.nan

    @property
    def tau(self) -> float:
        """Between-study standard deviation."""
        return math.sqrt(self.tau2)

    @property
    def effect(self) -> Measure:
        """The measure, with its back-transform and its null."""
        return MEASURES[self.measure]

    @property
    def statistic(self) -> float:
        """(mu − null)/se; NaN where the measure has no null."""
        null = self.effect.null
        return (self.mu - null) / self.se if null is not None and self.se > 0 else math.nan

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect; NaN where the measure has no null."""
        return two_sided(self.statistic, self.df) if not math.isnan(self.statistic) else math.nan

    def interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval for ``mu`` on the analysis scale."""
        level = self.spec.level if level is None else check_level(level)
        if self.bounds is not None:
            return self.bounds(level)
        half = quantile(level, self.df) * self.se
        return Interval(self.mu - half, self.mu + half)

    def prediction(self, level: float | None = None) -> Interval | None:
        """Return the interval for the true effect of a new study, None for common-effect models."""
        del level
        return None

    @property
    def prediction_note(self) -> str:
        """Why there is no prediction interval, empty when there is one."""
        return f"{self.spec.model} is a common-effect model: it has no between-study distribution to predict from"

    def transformed(self) -> dict[str, Any]:
        """Return estimate and intervals on the scale people read; empty where that is the analysis scale."""
        if self.effect.scale == "identity":
            return {}
        prediction = self.prediction()
        return {
            "name": self.effect.back_title,
            "mu": self._back(self.mu),
            "interval": [self._back(x) for x in self.interval()],
            "prediction": None if prediction is None else [self._back(x) for x in prediction],
        }

    def _back(self, x: float) -> float:
        if math.isinf(x) and x < 0 and self.effect.scale in ("log", "logit"):
            return 0.0
        if math.isinf(x) and self.effect.scale == "logit":
            return 1.0
        return float(self.effect.back(np.asarray(x, dtype=float)))

    def tidy(self) -> pd.DataFrame:
        """Return one row: estimate, standard error, statistic, p value, interval."""
        import pandas as pd

        low, high = self.interval()
        return pd.DataFrame([{
            "term": "overall", "estimate": self.mu, "std_error": self.se, "statistic": self.statistic,
            "p_value": self.p_value, "conf_low": low, "conf_high": high,
        }])

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        import pandas as pd

        return pd.DataFrame([{
            "model": self.spec.model, "measure": self.measure, "k": self.k, "n_total": self.n_total, "tau2": self.tau2,
            "q": self.q, "q_df": self.q_df, "q_p": self.q_p, "i2": self.i2, "h2": self.h2, **self._glance(),
        }])

    def _glance(self) -> dict[str, Any]:
        return {}

    def augment(self) -> pd.DataFrame:
        """Return the rows with their weights."""
        frame = self.table.to_frame()
        frame["weight"] = np.nan if self.weights is None else self.weights
        return frame

    def summary(self) -> str:
        """Return the result as text."""
        return repr(self)

    def describe(self) -> str:
        """Return the methods sentence of the result: model, interval, reasons."""
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self.spec.why.items())
        return f"{self.k} studies pooled as {self.effect.title} ({self.spec.model}). {reasons}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return plain values: numbers, strings, lists."""
        prediction = self.prediction()
        return {
            "measure": self.measure, "unit": self.unit, "k": self.k, "n": self.n_total, "mu": self.mu, "se": self.se,
            "interval": list(self.interval()), "prediction": None if prediction is None else list(prediction),
            "tau2": self.tau2, "tau": self.tau, "q": self.q, "q_df": self.q_df, "q_p": self.q_p, "i2": self.i2,
            "h2": self.h2, "p_value": self.p_value,
            "weights": None if self.weights is None else [float(w) for w in self.weights],
            "spec": self.spec.to_dict(), "transformed": self.transformed(), "notes": list(self.notes), **self._glance(),
        }

    def __repr__(self) -> str:
        low, high = self.interval()
        percent = f"{100 * self.spec.level:g}%"
        lines = [
            f"{self.spec.model}: {self.effect.title}, k = {self.k}",
            f"  estimate {self.mu:.4f}  ({percent} CI {low:.4f} to {high:.4f}, {self.spec.interval})",
        ]
        back = self.transformed()
        if back:
            a, b = back["interval"]
            lines.append(f"  {back['name']} {back['mu']:.4g}  ({a:.4g} to {b:.4g})")
        lines += self._lines()
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _lines(self) -> list[str]:
        return [f"  heterogeneity Q = {self.q:.3f}, df = {self.q_df}, p = {self.q_p:.4f}, I2 = {self.i2:.1f}%"]
