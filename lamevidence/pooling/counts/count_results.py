"""What every pooled result of counts carries, and what the other models make of the same counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures import FloatArray
from ...foundation.errors import LamEvidenceError, NotEstimable, OptionError
from ...foundation.options import a_choice, shown
from ...foundation.values import Interval
from ...results.contract import MeanResult
from ...results.heterogeneity import Heterogeneity
from ...results.recipe import Recipe
from ...results.spec import Spec
from ...results.statements import unknown_quantity
from ..kernel.distributions import below, quantile, two_sided
from ..kernel.test_based import h2_test_based
from ..models import GLMM_KINDS, MODELS
from .remedies import which_works

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CountPooled", "CountSpec", "alternatives", "check_interval", "measure_of"]


def check_interval(interval: str) -> str:
    """Return ``z`` or ``t``, or raise `OptionError`."""
    return a_choice("interval of one-stage models", interval, ("z", "t"))


def measure_of(table: EvidenceTable, choices: tuple[str, ...], given: str | None, what: str) -> str:
    """Return the measure to pool: the one given, or the table's own; raise when ``what`` has no such measure."""
    a_table(table, "evidence")
    code = table.measure if given is None else given
    if not isinstance(code, str) or code not in choices:
        remedy = f" · for this table {which_works(table, 'mh')}" if given is None else ""
        raise OptionError(f"{what} has no measure {shown(code)} · choices: {', '.join(choices)}{remedy}")
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


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class CountPooled(MeanResult):
    """One mean made from counts: Mantel-Haenszel, Peto, beta-binomial, gamma-Poisson, one-stage.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    measure
        Code of the measure of ``mu``.
    mu, se, df
        Estimate on the analysis scale, standard error, degrees of freedom (inf: normal).
    tau2
        Between-study variance on the analysis scale; 0 in common-effect models, NaN where the model has none there.
    q, q_df, q_p
        Heterogeneity statistic, degrees of freedom, p value.
    i2, h2
        In percent, and as a ratio.
    weights
        Percent in row order, summing to 100; None where a study has no weight of its own.
    notes
        What the reader must know: studies without information, infinite estimates …
    bounds
        ``bounds(level)`` where the interval is not mu ± quantile × se (exact intervals).
    recipe
        What `refit` follows.
    """

    table: EvidenceTable = field()
    spec: CountSpec = field()
    measure: str = field()
    mu: float = field()
    se: float = field()
    df: float = field(default=math.inf)
    tau2: float = field(default=0.0)
    q: float
    q_df: int
    q_p: float
    i2: float
    h2: float
    weights: FloatArray | None = field(default=None)
    notes: tuple[str, ...] = field(default=())
    bounds: Callable[[float], Interval] | None = None
    recipe: Recipe | None = field(default=None)

    @property
    def se_tau2(self) -> float:
        """Standard error of τ², NaN where there is none."""
        return math.nan

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
        """Return the confidence interval for ``mu`` on the analysis scale.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.
        """
        level = self._level(level)
        if self.bounds is not None:
            return self.bounds(level)
        half = quantile(level, self.df) * self.se
        return Interval(self.mu - half, self.mu + half)

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study.

        Raises
        ------
        NotEstimable
            The model has no distribution of effects between studies; the message says why.
        """
        del level
        raise NotEstimable(self._no_prediction())

    def _no_prediction(self) -> str:
        """Return why there is no prediction interval."""
        return f"{self.spec.label} is a common-effect model: it has no between-study distribution to predict from"

    def heterogeneity(self) -> Heterogeneity:
        """Return Q, I² (percent), H² and τ² in one record; entries that the model lacks are NaN, with a note."""
        return Heterogeneity(
            self.q, self.q_df, self.q_p, i2=self.i2, h2=self.h2, tau2=self.tau2, note=self._no_heterogeneity()
        )

    def h2_interval(self, level: float | None = None) -> Interval:
        """Return the test-based interval of Higgins and Thompson for H², from Q; not below 1.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.

        Raises
        ------
        NotEstimable
            A model without Q.
        TooFewStudies
            Q with one degree of freedom and not above 2, or without any.
        """
        if not math.isfinite(self.q):
            raise NotEstimable(
                f"{self.spec.label} has no Q here, so no interval for H² · heterogeneity() says what it has"
            )
        instead = "heterogeneity() has Q and H² without an interval"
        low, high = h2_test_based(self.q, self.q_df, self._level(level), instead)
        return Interval(max(1.0, low), max(1.0, high))

    def i2_interval(self, level: float | None = None) -> Interval:
        """Return the interval for I² in percent, 100(H² − 1)/H², from that for H²."""
        low, high = self.h2_interval(level)
        return Interval(100 * (low - 1) / low, 100 * (high - 1) / high)

    def _no_heterogeneity(self) -> str:
        """Return why an entry of `heterogeneity` is NaN."""
        return ""

    def _below(self, quantity: str, value: float) -> float:
        """Return the probability that ``mu``, ``theta_new`` or ``theta[row]`` lies below a value."""
        if quantity == "mu":
            return self._below_mu(value)
        if quantity == "theta_new":
            return self._below_new(value)
        row = self._row_position(quantity)
        if row is not None:
            return self._below_theta(row, value)
        raise unknown_quantity(quantity, ("mu", "theta_new", "theta[row]"))

    def _below_mu(self, value: float) -> float:
        if not self.se > 0 or self.bounds is not None:
            raise NotEstimable(
                f"{self.spec.label} has an interval but no confidence distribution of mu · interval(level) at any level"
            )
        return below((value - self.mu) / self.se, self.df)

    def _below_new(self, value: float) -> float:
        del value
        raise NotEstimable(self._no_prediction())

    def _below_theta(self, row: int, value: float) -> float:
        del row, value
        raise NotEstimable(f"{self.spec.label} has no distribution of the effect of a single study")

    def alternatives(self) -> pd.DataFrame:
        """Return what every model of `MODELS` gives for the same rows, at the level of this fit.

        Returns
        -------
        DataFrame
            One row a model: ``model title tau2_method interval mu se low high tau2 prediction_low prediction_high note
            chosen``; NaN and the reason in ``note`` where it does not exist for these rows. Where quantiles are those
            of t, the same model with normal ones stands below it (and HTS as prediction interval where the fit mixes
            over τ²), and plain Hartung-Knapp below the inverse-variance answer.
        """
        return alternatives(self)


def alternatives(fit: CountPooled) -> pd.DataFrame:
    """Return one row a model: estimate, interval, τ²; NaN and the reason where it does not exist."""
    import pandas as pd

    kind = fit.spec.options.get("likelihood", "")
    own = kind if kind in GLMM_KINDS else fit.spec.model
    # the kinds of one-stage model are for two groups; the one of a single group goes by "glmm"
    left_out = GLMM_KINDS if {"xi", "patients", "events"} & set(fit.table.counts) else ("glmm",)
    rows = []
    for code in (code for code in MODELS if code not in left_out):
        rows.append(_row(fit, code, code == own))
        if code == own and fit.spec.interval == "t":
            rows.append(_row(fit, code, False, "z"))
        if code == "random":
            rows.append(_row(fit, code, False, "HKSJ"))
    return pd.DataFrame(rows)


def _row(fit: CountPooled, code: str, chosen: bool, interval: str | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "model": code,
        "title": MODELS.entry(code).title,
        "tau2_method": "",
        "interval": interval or "",
    }
    names = ("mu", "se", "low", "high", "tau2", "prediction_low", "prediction_high")
    row |= dict.fromkeys(names, math.nan) | {"note": "", "chosen": chosen}
    given = {"level": fit.level, "why_model": "an alternative"} | ({"interval": interval} if interval else {})
    if interval == "z" and fit.spec.prediction == "profile":
        given["prediction"] = "HTS"
    try:
        other = fit if chosen else MODELS[code](fit.table, given)
    except LamEvidenceError as error:
        return row | {"note": str(error)}
    low, high = other.interval()
    row |= {"mu": other.estimate, "se": other.se, "low": low, "high": high, "tau2": other.tau2}
    row |= {"interval": other.spec.interval, "tau2_method": other.spec.tau2}
    try:
        new = other.prediction()
    except NotEstimable:
        return row
    return row | {"prediction_low": new.low, "prediction_high": new.high}
