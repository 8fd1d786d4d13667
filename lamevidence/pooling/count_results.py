"""What every pooled result of counts carries: the same surface as the inverse-variance results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.measures import MEASURES, FloatArray, Measure
from ..errors import OptionError
from ..options import a_choice, a_level, shown
from ..values import Interval
from . import presentation
from .intervals import quantile, two_sided
from .spec import Spec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CountPooled", "CountSpec", "check_test", "measure_of", "plain"]


def check_test(test: str) -> str:
    """Return ``z`` or ``t``, or raise `OptionError`."""
    return a_choice("test", test, ("z", "t"))


def measure_of(table: EvidenceTable, choices: tuple[str, ...], given: str | None, what: str) -> str:
    """Return the measure to pool: the one given, or the table's own; raise when ``what`` has no such measure."""
    a_table(table)
    code = table.measure if given is None else given
    if not isinstance(code, str) or code not in choices:
        raise OptionError(f"{what} has no measure {shown(code)} · choices: {', '.join(choices)}")
    return code


@dataclass(frozen=True, slots=True)
class CountSpec(Spec):
    """The choices of a model of counts: those of every model, its own options, and its name in words.

    Attributes
    ----------
    options
        Options of the model (``nagq``, ``coding``, ``likelihood`` …).
    name
        What the model is called in text.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def label(self) -> str:
        """A few words for the row of a table."""
        return self.name or self.model

    def to_dict(self) -> dict[str, Any]:
        """Return the choices and reasons as plain values."""
        return {
            "model": self.model,
            "tau2": self.tau2,
            "interval": self.interval,
            "prediction": self.prediction,
            "level": self.level,
            **dict(self.options),
            "why": dict(self.why),
        }


@dataclass(frozen=True, eq=False, repr=False)
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
        n = self.table.n
        known = n[np.isfinite(n)] if n is not None else np.zeros(0)
        return float(known.sum()) if known.size else math.nan

    @property
    def se_tau2(self) -> float:
        """Standard error of τ², NaN where there is none."""
        return math.nan

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
        level = self.spec.level if level is None else a_level(level)
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
        return f"{self.spec.label} is a common-effect model: it has no between-study distribution to predict from"

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
        """Return one row: estimate, standard error, statistic, df, p value, interval."""
        return presentation.tidy(cast(Any, self))

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "model": self.spec.label,
                    "measure": self.measure,
                    "k": self.k,
                    "n_total": self.n_total,
                    "tau2": self.tau2,
                    "q": self.q,
                    "q_df": self.q_df,
                    "q_p": self.q_p,
                    "i2": self.i2,
                    "h2": self.h2,
                    **self._glance(),
                }
            ]
        )

    def _glance(self) -> dict[str, Any]:
        return {}

    def augment(self) -> pd.DataFrame:
        """Return the rows with their weights (NaN where a study has none of its own)."""
        frame = self.table.to_frame()
        frame["weight"] = np.nan if self.weights is None else self.weights
        return frame

    def summary(self) -> pd.DataFrame:
        """Return the estimate, prediction interval and heterogeneity as a numeric table."""
        import pandas as pd

        new = self.prediction() or Interval(math.nan, math.nan)
        rows = [
            ("mean", self.mu, self.se, *self.interval(), self.p_value),
            ("new study", self.mu, math.nan, *new, math.nan),
            ("tau2", self.tau2, self.se_tau2, math.nan, math.nan, self.q_p),
        ]
        names = ["quantity", "estimate", "std_error", "low", "high", "p_value"]
        return pd.DataFrame(rows, columns=names).set_index("quantity")

    def alternatives(self) -> pd.DataFrame:
        """Return what other models give for the same rows; NaN and a note where one does not exist."""
        from .count_alternatives import alternatives

        return alternatives(self)

    def describe(self) -> str:
        """Return one sentence: what was pooled, how, and what came out."""
        return presentation.describe(cast(Any, self))

    def to_json(self) -> dict[str, Any]:
        """Return plain values: numbers, strings, lists; None where a quantity does not exist."""
        prediction = self.prediction()
        own = {name: plain(value) for name, value in self._glance().items()}
        return {
            "measure": self.measure,
            "unit": self.unit,
            "k": self.k,
            "n": plain(self.n_total),
            "mu": plain(self.mu),
            "se": plain(self.se),
            "df": plain(self.df),
            "statistic": plain(self.statistic),
            "p_value": plain(self.p_value),
            "interval": [plain(x) for x in self.interval()],
            "prediction": None if prediction is None else [plain(x) for x in prediction],
            "prediction_note": self.prediction_note,
            "tau2": plain(self.tau2),
            "tau": plain(self.tau),
            "q": plain(self.q),
            "q_df": self.q_df,
            "q_p": plain(self.q_p),
            "i2": plain(self.i2),
            "h2": plain(self.h2),
            "weights": None if self.weights is None else [float(w) for w in self.weights],
            "spec": self.spec.to_dict(),
            "transformed": self.transformed(),
            "notes": list(self.notes),
            "fingerprint": self.table.fingerprint,
            **own,
        }

    def __repr__(self) -> str:
        return presentation.text(cast(Any, self))

    def _repr_html_(self) -> str:
        return presentation.html(cast(Any, self))


def plain(x: Any) -> Any:  # noqa: ANN401
    """Return a finite number, or None: JSON has neither NaN nor infinity."""
    return x if not isinstance(x, float) or math.isfinite(x) else None
