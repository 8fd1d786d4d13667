"""The result of pooling estimates and variances: one mean for all studies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, PoolingError
from ...foundation.values import Interval
from ...results.contract import MeanResult
from ...results.marginal import PopulationAverage, average, link_of, recovered
from ...results.recipe import Recipe
from ...results.spec import Spec
from ...results.statements import unknown_quantity
from ..kernel.fitted import Fitted
from ..models import MODELS
from ..tau2.intervals import Tau2Fit
from .intervals import Inference
from .one_tau2 import OneTau2
from .prediction import PREDICTIONS, Predictive
from .refits import Source
from .study_effects import StudyEffects, study_effects

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Pooled"]

_COMPARED = ("DL", "PM", "REML", "ML", "SJ", "HE", "HS")
_INTERVALS = ("z", "HKSJ", "HKSJ-floor")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pooled(OneTau2, PopulationAverage, MeanResult):
    """A pooled mean, with everything that is derived from it on request.

    Attributes
    ----------
    table, spec
        What was pooled, and how and why.
    fit
        Weights and estimate on the centred scale: value = shift + stretch × fit value.
    inference
        Standard error, degrees of freedom and interval, on the same scale.
    shift, stretch
        Of the centred scale.
    live
        Which rows of the table count (finite variance), (table.k,).
    given_weights
        Weights of the moment estimator or of the mean, on the centred scale, or None.
    notes
        Cautions about this result.
    recipe
        How it was made; what ``refit`` follows.

    See Also
    --------
    lamevidence.pool : makes it.
    lamevidence.leave_one_out, lamevidence.influence : what single studies do to it.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.5, 0.2, 0.6], vi=[0.01, 0.02, 0.03, 0.02, 0.04])
    >>> fit = lam.pool(table)
    >>> fit.interval(0.8).low < fit.mu < fit.interval(0.8).high
    True
    >>> fit.without(table.studies[0]).k
    4
    """

    table: EvidenceTable
    spec: Spec
    fit: Fitted
    inference: Inference
    shift: float
    stretch: float
    live: FloatArray
    given_weights: FloatArray | None = None
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None
    _memo: dict[str, Any] = field(default_factory=dict)

    # ---- the estimate -------------------------------------------------------------------------
    @property
    def mu(self) -> float:
        """Pooled mean on the analysis scale."""
        return self.shift + self.stretch * self.inference.mean

    @property
    def se(self) -> float:
        """Its standard error under the interval method."""
        return self.stretch * self.inference.se

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

    def _null(self) -> float:
        null = self.effect.null
        return math.nan if null is None else null

    def _test(self) -> tuple[float, float]:
        null = self._null()
        if math.isnan(null):
            return math.nan, math.nan
        return self.inference.test(self._centre(null))

    def _centre(self, value: float) -> float:
        return (value - self.shift) / self.stretch

    def _back(self, bounds: Interval) -> Interval:
        return Interval(self.shift + self.stretch * bounds.low, self.shift + self.stretch * bounds.high)

    def interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval for ``mu`` at ``level`` (default: that of the fit)."""
        return self._back(self.inference.interval(self._level(level)))

    # ---- the average over studies -------------------------------------------------------------
    def marginal(self) -> float:
        """Return the mean proportion or rate over studies: E{back(θ)} with θ ~ N(mu, τ²), a fraction.

        ``display().estimate`` is the rate of the middle (median) study; this is the average over studies.

        Raises
        ------
        NotEstimable
            The result is no proportion or rate of one arm.
        """
        return average(link_of(self), self.mu, 0.0 if self.k == 1 else self.tau2)

    def marginal_interval(self, level: float | None = None) -> Interval:
        """Return an interval for `marginal`, from those of the mean and of τ² (Q-profile), by recovery of variances.

        Estimates of mean and τ² are independent under the normal model. On the link scale each limit lies √(Δμ² + Δτ²)
        from the average, the distances it moves where one of them moves to its own limit; the interval of the mean is
        that of the fit, whichever its method. In common-effect models it is that interval read back.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.

        Raises
        ------
        NotEstimable
            The result is no proportion or rate of one arm.
        """
        level, link = self._level(level), link_of(self)
        mean = self.interval(level)
        if link == "identity":
            return mean
        if self.k == 1 or self.spec.tau2 == "none":
            return Interval(*(average(link, end, 0.0) for end in mean))
        given = self.spec.tau2 == "fixed"
        spread = Interval(self.tau2, self.tau2) if given else self.tau2_interval(level)
        return recovered(link, self.mu, mean, self.tau2, spread)

    # ---- a new study --------------------------------------------------------------------------
    @property
    def prediction_note(self) -> str:
        """Why there is no prediction interval, and what to do; empty where there is one."""
        if self.k == 1 and self.spec.tau2 != "fixed":
            return "one study: no between-study variance, so nothing to predict from"
        if self.k == 1:
            return "one study: its mean and its true effect cannot be told apart, so nothing to predict from"
        if self.spec.prediction != "none":
            return ""
        reason = self.spec.why.get("prediction", "")
        if reason in ("given", ""):
            reason = "prediction='none' was asked for"
        name = "HTS" if self.k > 2 else "t"
        remedy = f"name one: prediction={name!r}" if self.spec.tau2 != "none" else "use model='random'"
        return f"{reason} · {remedy}{'' if self.spec.tau2 != 'none' else f', prediction={name!r}'}"

    def _predictive(self) -> Predictive:
        note = self.prediction_note
        if note:
            raise NotEstimable(note)
        if "predictive" not in self._memo:
            self._memo["predictive"] = PREDICTIONS[self.spec.prediction](self.fit, self.inference)
        found: Predictive = self._memo["predictive"]
        return found

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study.

        Raises
        ------
        NotEstimable
            There is none; `prediction_note` is the reason.
        TooFewStudies
            The method asked for needs more studies.
        """
        return self._back(self._predictive().interval(self._level(level)))

    @property
    def prediction_se(self) -> float:
        """Standard error behind the prediction interval, √(τ² + se²)."""
        return self.stretch * self._predictive().se

    @property
    def prediction_df(self) -> float:
        """Degrees of freedom behind the prediction interval; inf for the normal distribution."""
        return float(self._predictive().df)

    def _below(self, quantity: str, value: float) -> float:
        """Return the probability below a value: confidence of mu, predictive of a new study, BLUP of a row."""
        if quantity == "mu":
            return self.inference.below(self._centre(value))
        if quantity == "theta_new":
            return self._predictive().below(self._centre(value))
        row = self._row_position(quantity)
        if row is None:
            raise unknown_quantity(quantity, ("mu", "theta_new", "theta[row]"))
        return self._theta_below(row, value)

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def tau2(self) -> float:
        """Between-study variance; 0 in common-effect models, nan for one study unless known from others."""
        return math.nan if self.k == 1 and self.spec.tau2 != "fixed" else self.stretch**2 * self.fit.t

    def _centred(self) -> Tau2Fit:
        return Tau2Fit(self.fit.y, self.fit.v, None, self.fit.t, self.spec.tau2, self.given_weights)

    def _linear(self) -> tuple[FloatArray, FloatArray]:
        return np.ones((self.fit.k, 1)), self.fit.y - self.fit.mean

    # ---- about the rows -----------------------------------------------------------------------
    @property
    def k(self) -> int:
        """Number of studies that count: those of finite variance."""
        return self.fit.k

    @property
    def weights(self) -> FloatArray:
        """Weight of each row of the table in percent, (table.k,), summing to 100."""
        out = np.zeros(self.live.size)
        a = self.fit.a
        a = a if np.isfinite(a).all() else np.isinf(a).astype(np.float64)
        out[self.live] = 100.0 * a / a.sum()
        return out

    def fitted(self) -> FloatArray:
        """Return the mean for each row of the table, (table.k,)."""
        return np.full(self.table.k, self.mu)

    def true_effects(self) -> StudyEffects:
        """Return best linear unbiased predictions of the true effects of the studies that count.

        Raises
        ------
        NotEstimable
            A model without a between-study variance.
        """
        self._needs_spread()
        if "effects" not in self._memo:
            y, v = self.table.yi[self.live], self.table.vi[self.live]
            mean, variance = np.full(y.size, self.mu), np.full(y.size, self.se**2)
            self._memo["effects"] = study_effects(y, v, self.tau2, mean, variance, self.df)
        found: StudyEffects = self._memo["effects"]
        return found

    # ---- other rows ---------------------------------------------------------------------------
    def _weights_of_its_own(self) -> bool:
        return self.fit.own_weights or self.given_weights is not None or self.spec.model in ("ivhet", "henmi-copas")

    def _source(self) -> Source:
        if "source" in self._memo:
            known: Source = self._memo["source"]
            return known
        rows = np.flatnonzero(self.live)
        found = Source(
            self.table,
            tuple(self.table.labels[i] for i in rows),
            self.fit.y,
            self.fit.v,
            None,
            np.ones((1, 1)),
            np.array([self.shift]),
            ("mean",),
            self.spec.tau2,
            self.fit.t,
            self.spec.interval,
            self.spec.level,
            self.stretch,
            rows,
        )
        self._memo["source"] = found
        return found

    def alternatives(self) -> pd.DataFrame:
        """Return what other models, τ² estimators and intervals give for the same rows.

        Returns
        -------
        DataFrame
            One row a combination: ``model tau2_method interval mu se low high tau2 prediction_low prediction_high``,
            ``note`` (why it does not exist for these data) and ``chosen``.
        """
        import pandas as pd

        asked: list[dict[str, Any]] = [{"model": "common"}]
        prediction = "HTS" if self.k > 2 else "none"
        asked += [
            {"model": "random", "tau2": t, "interval": i, "prediction": prediction}
            for t in _COMPARED
            for i in _INTERVALS
        ]
        own = (self.spec.model, self.spec.tau2, self.spec.interval)
        return pd.DataFrame([self._alternative(**options) | {"chosen": _choice(options) == own} for options in asked])

    def _alternative(self, model: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        names = ("mu", "se", "low", "high", "tau2", "prediction_low", "prediction_high")
        row: dict[str, Any] = {"model": model, "tau2_method": options.get("tau2", "none")}
        row |= {"interval": options.get("interval", "z")} | dict.fromkeys(names, math.nan) | {"note": ""}
        try:
            other = MODELS[model](self.table, {"level": self.spec.level, "why_model": "compared", **options})
        except PoolingError as error:
            return row | {"note": str(error)}
        low, high = other.interval()
        row |= {"mu": other.estimate, "se": other.se, "low": low, "high": high, "tau2": other.tau2}
        try:
            new = other.prediction()
        except NotEstimable:
            return row
        return row | {"prediction_low": new.low, "prediction_high": new.high}

    # ---- sentences ----------------------------------------------------------------------------
    def _methods(self) -> Sequence[tuple[str, str]]:
        clauses = list(OneTau2._methods(self))
        if self.spec.prediction != "none" and self.k > 1:
            entry = PREDICTIONS.entry(self.spec.prediction)
            clauses.append((f"The prediction interval for a new study is of the kind {entry.title}", entry.citation))
        return clauses


def _choice(options: Mapping[str, Any]) -> tuple[str, str, str]:
    return options["model"], options.get("tau2", "none"), options.get("interval", "z")
