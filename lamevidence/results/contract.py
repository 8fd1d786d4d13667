"""What every fitted result answers, in the same words: one mean, several coefficients, frequentist or Bayesian."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray, Measure
from ..foundation.doors import through
from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import a_level, shown
from ..foundation.values import Interval
from . import frames, words
from .absolute import Absolute
from .cautions import Cautioned
from .display import Display
from .heterogeneity import Heterogeneity
from .recipe import Recipe, row_position, rows_without
from .scale import ReaderScale, reader_scale
from .statements import read_statement, theta_label
from .subset_fits import Mask, SubsetFits, fit_subsets

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AnySpec", "CoefficientResult", "MeanResult", "Result"]


class AnySpec(Protocol):
    """The resolved choices of one analysis, each with its reason."""

    @property
    def level(self) -> float:
        """Level of intervals."""

    @property
    def why(self) -> Mapping[str, str]:
        """Choice → reason."""

    @property
    def label(self) -> str:
        """The model in a few words."""

    def to_dict(self) -> dict[str, Any]:
        """Return the choices and reasons as plain values."""


class Result(Cautioned, Absolute):
    """A fitted result.

    A family gives ``table spec notes recipe``, ``names estimate se df covariance``, ``interval prediction``,
    ``tau2 weights`` and ``heterogeneity``; everything else follows from these in one way for all.

    Attributes
    ----------
    table
        What was pooled: `EvidenceTable`, or `NetworkTable` for networks.
    spec
        The resolved choices, with ``spec.why``.
    notes
        Cautions that belong to the result.
    recipe
        How it was made; what `refit` follows.
    """

    __slots__ = ()

    bayesian: ClassVar[bool] = False
    """True for posteriors."""
    interval_name: ClassVar[str] = "CI"
    """What an interval is called in text."""

    table: Any
    spec: Any
    notes: tuple[str, ...]
    recipe: Recipe | None

    # ---- the estimate: given by each family ---------------------------------------------------
    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients, ``("mu",)`` for a mean."""
        raise NotImplementedError

    @property
    def estimate(self) -> Any:  # noqa: ANN401 a float, or one number a coefficient
        """Estimate on the analysis scale: a number, or one a coefficient (p,)."""
        raise NotImplementedError

    @property
    def se(self) -> Any:  # noqa: ANN401
        """Standard error (posterior SD), of the shape of ``estimate``."""
        raise NotImplementedError

    @property
    def df(self) -> Any:  # noqa: ANN401
        """Degrees of freedom of the interval, inf for the normal distribution and for posteriors."""
        raise NotImplementedError

    @property
    def covariance(self) -> FloatArray:
        """Covariance matrix of the coefficients, (p, p)."""
        raise NotImplementedError

    @property
    def statistic(self) -> Any:  # noqa: ANN401
        """Test statistic of the null value; NaN where there is none."""
        raise NotImplementedError

    @property
    def p_value(self) -> Any:  # noqa: ANN401
        """Two-sided p value; NaN where there is none."""
        raise NotImplementedError

    @property
    def tau2(self) -> float | Mapping[str, float]:
        """Between-study variance; a mapping from component to value where there are several."""
        raise NotImplementedError

    @property
    def weights(self) -> FloatArray | None:
        """Weight of each row in percent, in row order, summing to 100; None where the model has none."""
        return None

    def interval(self, level: float | None = None) -> Any:  # noqa: ANN401
        """Return the interval at ``level`` (default: that of the fit); by name for several coefficients."""
        raise NotImplementedError

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study.

        Raises
        ------
        NotEstimable
            There is none; the message says why (`prediction_note`).
        """
        raise NotImplementedError

    def heterogeneity(self) -> Heterogeneity:
        """Return Q, I² (percent), H² and τ² with their intervals in one record."""
        raise NotImplementedError

    def intervals(self, level: float | None = None) -> FloatArray:
        """Return the bounds of all coefficients as an array, (p, 2)."""
        found = self.interval(level)
        rows = [found] if isinstance(found, Interval) else list(found.values())
        return np.array([tuple(row) for row in rows], dtype=float).reshape(len(rows), 2)

    @property
    def prediction_note(self) -> str:
        """Why there is no prediction interval; empty where there is one."""
        try:
            self.prediction()
        except NotEstimable as refused:
            return str(refused)
        return ""

    # ---- about the rows -----------------------------------------------------------------------
    @property
    def k(self) -> int:
        """Number of rows."""
        return int(self.table.k)

    @property
    def n_total(self) -> float:
        """Patients in the rows that report them; NaN when none does."""
        n = self.table.n
        known = n[np.isfinite(n)] if n is not None else np.zeros(0)
        return float(known.sum()) if known.size else math.nan

    @property
    def measure(self) -> str:
        """Code of the effect measure."""
        return str(self.table.measure)

    @property
    def effect(self) -> Measure:
        """The measure, with its back-transform and its null value."""
        return MEASURES[self.measure]

    @property
    def unit(self) -> str | None:
        """Unit of the estimate on the analysis scale, None for pure numbers."""
        return self.table.unit  # type: ignore[no-any-return]

    @property
    def level(self) -> float:
        """Level of intervals when none is given."""
        return float(self.spec.level)

    def _level(self, level: float | None) -> float:
        return self.level if level is None else a_level(level)

    def fitted(self) -> FloatArray:
        """Return the fitted value of each row on the analysis scale, (k,); NaN where the model has none."""
        return np.full(self.k, np.nan)

    def leverage(self) -> FloatArray:
        """Return the leverage of each row, (k,); NaN where the model has none."""
        return np.full(self.k, np.nan)

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return each row's true effect as the model sees it: estimate and bounds, (k, 3); NaN where it has none."""
        self._level(level)
        return np.full((self.k, 3), np.nan)

    # ---- asking -------------------------------------------------------------------------------
    def probability(self, statement: str) -> float:
        """Return the probability of a statement such as ``"theta_new > 90 mL/year"``.

        Parameters
        ----------
        statement
            ``quantity < number unit`` or ``>``: ``mu`` (or the name of a coefficient), ``theta_new``, ``theta[row]``;
            on posteriors ``tau`` too. A number without a unit is taken only where the estimates have none, or is 0.

        Returns
        -------
        float
            Posterior probability; of a frequentist result the confidence (its confidence distribution for ``mu``, its
            predictive distribution for ``theta_new`` and ``theta[row]``).

        Raises
        ------
        OptionError
            The statement cannot be read, lacks its unit, or speaks of something the model does not have.
        NotEstimable
            The model has no such distribution; the message says why.
        """
        found = read_statement(statement, self.unit)
        below = self._below(found.quantity, found.value)
        return below if found.sign == "<" else 1.0 - below

    def _below(self, quantity: str, value: float) -> float:
        """Return the probability that a quantity lies below a value."""
        if quantity == "theta_new":
            self.prediction()  # a model that predicts nothing says why
        known = ", ".join((*self.names, "theta_new", "theta[row]"))
        raise OptionError(f"{type(self).__name__} has no distribution of {quantity!r} · ask about one of {known}")

    def _row_position(self, quantity: str) -> int | None:
        """Return the row that ``theta[label]`` names, None for another quantity."""
        label = theta_label(quantity)
        return None if label is None else row_position(self.table, label)

    def scale(self) -> ReaderScale:
        """Return how numbers of this result are read: back-transform, unit, words."""
        return reader_scale(self.table, self.measure)

    def _shown(self) -> FloatArray:
        """Return the numbers that a reader sees, (p,): the estimates; of a posterior its medians."""
        return np.atleast_1d(np.asarray(self.estimate, dtype=np.float64))

    def _tau_words(self) -> str:
        """Return τ in words, in its unit; empty where there is none, or one a component."""
        return words.tau_words(self)

    def display(self, level: float | None = None) -> Display:
        """Return what a reader sees: estimate, interval and prediction on the scale people read, labelled.

        Parameters
        ----------
        level
            Level of the intervals; that of the fit when left out.
        """
        return words.display(self, self._level(level))

    def predict(self, new: Any = None, level: float | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return mean, interval and prediction interval; of a model without moderators one row.

        Parameters
        ----------
        new
            Moderators of new studies; only for models that have some.
        level
            Level of the intervals; that of the fit when left out.
        """
        if new is not None:
            raise OptionError(
                f"{self.spec.label} has no moderators, so new={shown(new)} says nothing · leave new out,"
                " or fit pool(table, moderators='~ x')"
            )
        return frames.predicted(self, self._level(level))

    # ---- other rows ---------------------------------------------------------------------------
    def refit(self, evidence: EvidenceTable) -> Self:
        """Return the same model with the same choices, fitted to other rows.

        Parameters
        ----------
        evidence
            The rows.

        Raises
        ------
        OptionError
            Not a table, or one of another measure.
        """
        self._check_rows(evidence)
        if self.recipe is None:
            raise OptionError(f"this {type(self).__name__} was put together by hand and cannot be fitted anew")
        made: Self = self.recipe(evidence)
        return made

    def _check_rows(self, evidence: object) -> None:
        a_table(evidence, "evidence")
        assert isinstance(evidence, EvidenceTable)
        if (evidence.measure, evidence.unit) != (self.table.measure, self.table.unit):
            raise OptionError(
                f"this result is of {self.table.measure} in {self.table.unit or 'pure numbers'}, the table holds"
                f" {evidence.measure} in {evidence.unit or 'pure numbers'} · give rows of the same measure and unit"
            )

    def without(self, study: str) -> Self:
        """Return the same model fitted without a study (all its rows), or without one row.

        Parameters
        ----------
        study
            Id of a study, or label of a row.

        Raises
        ------
        InputError
            No such study.
        """
        return self.refit(self.table.subset(rows_without(self.table, study)))

    def refit_each(self, masks: Mask, progress: Callable[[], None] | None = None) -> SubsetFits:
        """Return the fits to many subsets of the rows: those that are True in each row of ``masks`` (m, k)."""
        return fit_subsets(self, masks, progress)

    # ---- tables and text ----------------------------------------------------------------------
    def tidy(self, level: float | None = None) -> pd.DataFrame:
        """Return one row a coefficient: ``term estimate std_error statistic df p_value conf_low conf_high``."""
        return frames.tidy(self, self._level(level))

    def glance(self) -> pd.DataFrame:
        """Return one row about the fit: ``k n measure unit model tau2 i2 q q_df q_p``, then what the model adds."""
        return frames.glance(self)

    def _glance(self) -> Mapping[str, Any]:
        """Return what this model adds to `glance`."""
        return {}

    def augment(self, level: float | None = None) -> pd.DataFrame:
        """Return one row a row of the table.

        Columns ``study yi se weight fitted residual leverage theta theta_low theta_high``; the index holds the labels.
        """
        return frames.augment(self, self._level(level))

    def summary(self) -> pd.DataFrame:
        """Return the estimates and the heterogeneity as a numeric table."""
        return frames.summary(self)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: numbers, strings, lists; None where a quantity does not exist."""
        return frames.to_json(self)

    def _json(self) -> Mapping[str, Any]:
        """Return what this model adds to `to_json`."""
        return {}

    def describe(self) -> str:
        """Return the Results sentence: what was pooled, how, what came out, at which level."""
        return words.describe(self)

    def methods_text(self) -> str:
        """Return the Methods sentences of a paper, written from ``spec``, with references."""
        return words.methods_text(self)

    def _methods(self) -> Sequence[tuple[str, str]]:
        """Return (clause, reference) pairs that `methods_text` is made of; the reference may be empty."""
        return ((f"Estimates were pooled with: {self.spec.label}", ""),)

    def plot(self, **options: Any) -> Any:  # noqa: ANN401 a figure of plots, which stands to the right of this chapter
        """Return the figure that belongs to this result: its forest plot. Options as in `lamevidence.forest`."""
        return through("forest")(self, **options)

    def __repr__(self) -> str:
        return words.text(self)

    def _repr_html_(self) -> str:
        return words.html(self)


class MeanResult(Result):
    """A result with one mean."""

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The one coefficient, ``("mu",)``."""
        return ("mu",)

    @property
    def mu(self) -> Any:  # noqa: ANN401 a number; on posteriors a distribution
        """Pooled mean on the analysis scale."""
        raise NotImplementedError

    @property
    def estimate(self) -> float:
        """Pooled mean on the analysis scale, the same as ``mu``."""
        return float(self.mu)

    @property
    def covariance(self) -> FloatArray:
        """Variance of the mean as a (1, 1) matrix."""
        return np.array([[self.se**2]])

    @property
    def tau(self) -> Any:  # noqa: ANN401 a number; on posteriors a distribution
        """Between-study standard deviation."""
        tau2 = self.tau2
        return math.sqrt(tau2) if isinstance(tau2, float | int) and tau2 >= 0 else math.nan

    def fitted(self) -> FloatArray:
        """Return the mean for each row, (k,)."""
        return np.full(self.k, self.estimate)

    def leverage(self) -> FloatArray:
        """Return the weights as fractions: the leverage of each row in the mean, (k,)."""
        weights = self.weights
        return np.full(self.k, np.nan) if weights is None else np.asarray(weights) / 100.0


class CoefficientResult(Result):
    """A result with several coefficients."""

    __slots__ = ()

    def prediction(self, level: float | None = None) -> Interval:
        """Refuse: where a new study stands has to be said.

        Raises
        ------
        NotEstimable
            Always; `predict` takes the moderators of the new study.
        """
        del level
        raise NotEstimable(
            f"a new study has no place yet: the model has {', '.join(self.names)}"
            " · use predict(new) with its moderators"
        )
