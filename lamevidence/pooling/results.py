"""The result of pooling estimates and variances: one mean for all studies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray, Measure
from ..errors import NotEstimable
from ..values import Interval
from .fitted import Fitted
from .intervals import Inference
from .one_tau2 import OneTau2
from .prediction import PREDICTIONS, Predictive
from .spec import Spec
from .tau2_intervals import Tau2Fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Pooled"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pooled(OneTau2):
    """A pooled mean, with everything that is derived from it on request.

    Attributes
    ----------
    table, spec
        What was pooled, and how and why.
    fit
        Weights and estimate on the centred scale: value = offset + scale × fit value.
    inference
        Standard error, degrees of freedom and interval, on the same scale.
    offset, scale
        Of the centred scale.
    live
        Which rows of the table count (finite variance), (table.k,).
    tau2_method
        Estimator of τ², ``fixed`` or ``none``.
    given_weights
        Weights of the moment estimator or of the mean, on the centred scale, or None.
    notes
        Cautions about this result.
    """

    table: EvidenceTable
    spec: Spec
    fit: Fitted
    inference: Inference
    offset: float
    scale: float
    live: FloatArray
    given_weights: FloatArray | None = None
    notes: tuple[str, ...] = ()
    _memo: dict[str, Any] = field(default_factory=dict)

    # ---- the estimate -------------------------------------------------------------------------
    @property
    def mu(self) -> float:
        """Pooled mean on the analysis scale."""
        return self.offset + self.scale * self.inference.mean

    @property
    def se(self) -> float:
        """Its standard error under the interval method."""
        return self.scale * self.inference.se

    @property
    def df(self) -> float:
        """Degrees of freedom of the interval; inf for the normal distribution."""
        return float(self.inference.df)

    @property
    def statistic(self) -> float:
        """(mu − null)/se, nan where the measure has no null value."""
        return self._test()[0]

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect, nan where the measure has no null value."""
        return self._test()[1]

    def _test(self) -> tuple[float, float]:
        null = self.effect.null
        if null is None:
            return math.nan, math.nan
        return self.inference.test((null - self.offset) / self.scale)

    def interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval for ``mu`` at ``level`` (default: that of the fit)."""
        low, high = self.inference.interval(self._level(level))
        return Interval(self.offset + self.scale * low, self.offset + self.scale * high)

    # ---- a new study --------------------------------------------------------------------------
    @property
    def prediction_note(self) -> str:
        """Why there is no prediction interval; empty where there is one."""
        if self.k == 1:
            return "one study: no between-study variance, so nothing to predict from"
        return self.spec.why.get("prediction", "") if self.spec.prediction == "none" else ""

    def _predictive(self) -> Predictive:
        if self.prediction_note:
            reason = self.prediction_note
            raise NotEstimable(f"no predictive distribution: {reason} · name one, e.g. prediction='HTS'")
        if "predictive" not in self._memo:
            self._memo["predictive"] = PREDICTIONS[self.spec.prediction](self.fit, self.inference)
        found: Predictive = self._memo["predictive"]
        return found

    def prediction(self, level: float | None = None) -> Interval | None:
        """Return the interval for the true effect of a new study; None with `prediction_note` saying why."""
        if self.prediction_note:
            return None
        low, high = self._predictive().interval(self._level(level))
        return Interval(self.offset + self.scale * low, self.offset + self.scale * high)

    @property
    def prediction_se(self) -> float:
        """Standard error behind the prediction interval, √(τ² + se²)."""
        return self.scale * self._predictive().se

    @property
    def prediction_df(self) -> float:
        """Degrees of freedom behind the prediction interval; inf for the normal distribution."""
        return float(self._predictive().df)

    def probability(self, statement: str) -> float:
        """Return the probability that the true effect of a new study is beyond a threshold.

        Parameters
        ----------
        statement
            ``"new > x"`` or ``"new < x"``, with x on the analysis scale.

        Examples
        --------
        >>> import lamevidence as lam
        >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.5, 0.2, 0.6], [0.01, 0.02, 0.03, 0.02, 0.04])
        >>> 0.5 < lam.pool(table).probability("new > 0") < 1
        True
        """
        from .statements import parse_statement

        sign, x = parse_statement(statement)
        below = self._predictive().below((x - self.offset) / self.scale)
        return below if sign == "<" else 1.0 - below

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def tau2(self) -> float:
        """Between-study variance; 0 in common-effect models, nan for one study."""
        return math.nan if self.k == 1 else self.scale**2 * self.fit.t

    @property
    def tau(self) -> float:
        """Between-study standard deviation."""
        return math.sqrt(self.tau2) if self.tau2 >= 0 else math.nan

    def _centred(self) -> Tau2Fit:
        return Tau2Fit(self.fit.y, self.fit.v, None, self.fit.t, self.spec.tau2, self.given_weights)

    def _linear(self) -> tuple[FloatArray, FloatArray]:
        return np.ones((self.fit.k, 1)), self.fit.y - self.fit.mean

    def i2_interval(self, level: float | None = None, method: str = "QP") -> Interval:
        """Return an interval for I² in percent, from the interval for τ² of the same name."""
        low, high = self.tau2_interval(level, method)
        return Interval(*(self.shape.i2(x / self.scale**2) for x in (low, high)))

    def h2_interval(self, level: float | None = None, method: str = "QP") -> Interval:
        """Return an interval for H², from the interval for τ² of the same name."""
        low, high = self.tau2_interval(level, method)
        return Interval(*(self.shape.h2(x / self.scale**2) for x in (low, high)))

    # ---- about the whole ----------------------------------------------------------------------
    @property
    def k(self) -> int:
        """Number of studies that count."""
        return self.fit.k

    @property
    def n_total(self) -> float:
        """Patients in the rows that report them; nan when none does."""
        n = self.table.n
        assert n is not None
        known = n[np.isfinite(n)]
        return float(known.sum()) if known.size else math.nan

    @property
    def measure(self) -> str:
        """Code of the effect measure."""
        return self.table.measure

    @property
    def effect(self) -> Measure:
        """The measure, with its back-transform and its null value."""
        return MEASURES[self.table.measure]

    @property
    def unit(self) -> str | None:
        """Unit of ``mu``."""
        return self.table.unit

    @property
    def weights(self) -> FloatArray:
        """Weight of each row of the table in percent, summing to 100."""
        out = np.zeros(self.live.size)
        a = self.fit.a
        a = a if np.isfinite(a).all() else np.isinf(a).astype(np.float64)
        out[self.live] = 100.0 * a / a.sum()
        return out

    def transformed(self) -> dict[str, Any]:
        """Return estimate and intervals on the scale people read; empty where that is the analysis scale."""
        if self.effect.scale == "identity":
            return {}

        def back(x: float) -> float:
            return float(self.effect.back(np.asarray(x, dtype=np.float64)))

        prediction = self.prediction()
        return {
            "name": self.effect.back_title, "mu": back(self.mu), "interval": [back(x) for x in self.interval()],
            "prediction": None if prediction is None else [back(x) for x in prediction],
        }

    # ---- tables and text ----------------------------------------------------------------------
    def tidy(self) -> pd.DataFrame:
        """Return one row: estimate, standard error, statistic, df, p value, interval."""
        from .presentation import tidy

        return tidy(self)

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        from .presentation import glance

        return glance(self)

    def augment(self) -> pd.DataFrame:
        """Return the rows of the table with weight, fitted value and residual."""
        from .presentation import augment

        return augment(self)

    def summary(self) -> pd.DataFrame:
        """Return the estimate, prediction interval and heterogeneity as a numeric table."""
        from .presentation import summary

        return summary(self)

    def alternatives(self) -> pd.DataFrame:
        """Return what other models, τ² estimators and intervals give for the same rows."""
        from .presentation import alternatives

        return alternatives(self)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: numbers, strings, lists; None where a quantity does not exist."""
        from .presentation import to_json

        return to_json(self)

    def describe(self) -> str:
        """Return one sentence: what was pooled, how, and what came out."""
        from .presentation import describe

        return describe(self)

    def __repr__(self) -> str:
        from .presentation import text

        return text(self)

    def _repr_html_(self) -> str:
        from .presentation import html

        return html(self)
