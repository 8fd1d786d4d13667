"""The result of a meta-regression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_choice, a_whole, shown
from ...foundation.values import Interval
from ...results.contract import CoefficientResult
from ...results.heterogeneity import prediction_se
from ...results.recipe import Recipe
from ...results.spec import Spec
from ...results.statements import unknown_quantity
from ..inverse_variance.one_tau2 import OneTau2
from ..inverse_variance.refits import Source
from ..inverse_variance.study_effects import StudyEffects, study_effects
from ..kernel.distributions import below, quantile, two_sided
from ..kernel.fitted import dispersion_of
from ..kernel.kernels import Projection
from ..tau2.intervals import Tau2Fit
from .design import Design, linear_contrasts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REGRESSION_PREDICTIONS", "Regression"]

REGRESSION_PREDICTIONS = ("none", "normal", "simple", "t", "riley")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regression(OneTau2, CoefficientResult):
    """A meta-regression.

    Attributes
    ----------
    table, spec, design
        What was fitted, how and why.
    estimate, covariance
        Coefficients (p,) and their covariance (p, p) under the test chosen.
    df
        Degrees of freedom of tests and intervals; inf for z.
    tau2
        Residual between-study variance.
    tau2_total
        τ² by the same estimator without moderators; nan where there is no estimator.
    factor
        Knapp-Hartung factor that multiplies the covariance (1 for z and t).
    data, shift, stretch
        Centred data behind τ² intervals and likelihood; estimate = shift + stretch × centred value.
    raw_residuals
        Residuals on the centred scale, (k,).
    notes
        Cautions about this result.
    recipe
        How it was made; what ``refit`` follows.

    See Also
    --------
    lamevidence.pool : makes it, with ``moderators``.
    lamevidence.permutation_test : p values by permutation.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01], moderators={"dose": [1, 2, 2, 4]})
    >>> fit = lam.pool(table, moderators="~ dose", interval="z")
    >>> list(fit.interval())
    ['Intercept', 'dose']
    >>> fit.predict([1, 4])["mean"].round(2).tolist()
    [0.12, 0.65]
    """

    table: EvidenceTable
    spec: Spec
    design: Design
    estimate: FloatArray = field()
    covariance: FloatArray = field()
    df: float = field()
    tau2: float = field()
    tau2_total: float
    factor: float
    data: Tau2Fit
    shift: float
    stretch: float
    raw_residuals: FloatArray
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None
    _memo: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.design.names

    @property
    def beta(self) -> FloatArray:
        """Coefficients, (p,): ``estimate`` by its letter."""
        return self.estimate

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.data.y.size

    @property
    def se(self) -> FloatArray:
        """Standard errors, (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error, (p,); nan where the standard error is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.se > 0, self.estimate / self.se, np.nan)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values, (p,)."""
        return np.array([two_sided(float(z), self.df) for z in self.statistic])

    def intervals(self, level: float | None = None) -> FloatArray:
        """Return confidence intervals of the coefficients, (p, 2)."""
        half = quantile(self._level(level), self.df) * self.se
        return np.column_stack([self.estimate - half, self.estimate + half])

    def interval(self, level: float | None = None) -> Mapping[str, Interval]:
        """Return the confidence interval of each coefficient, by name."""
        rows = self.intervals(level).tolist()
        return {name: Interval(low, high) for name, (low, high) in zip(self.names, rows, strict=True)}

    def _centred(self) -> Tau2Fit:
        return self.data

    def _linear(self) -> tuple[FloatArray, FloatArray]:
        assert self.data.X is not None
        return self.data.X, self.raw_residuals

    # ---- about the rows -----------------------------------------------------------------------
    @property
    def weights(self) -> FloatArray:
        """Weight of each row in percent, (k,), summing to 100: 1/(vᵢ + τ²), or the weights given."""
        w = 1.0 / (self.data.v + self.data.t) if self.data.a is None else self.data.a
        w = w if np.isfinite(w).all() else np.isinf(w).astype(np.float64)
        return np.asarray(100.0 * w / w.sum())

    def fitted(self) -> FloatArray:
        """Return the fitted mean of each row, (k,)."""
        return np.asarray(self.design.X @ self.estimate)

    def leverage(self) -> FloatArray:
        """Return the diagonal of X(X'WX)⁻¹X'W, (k,)."""
        X = self.design.basis
        w = 1.0 / (self.data.v + self.data.t) if self.data.a is None else self.data.a
        return np.asarray(np.einsum("ij,jk,ik->i", X, Projection(w, X).G, X) * w)

    def true_effects(self) -> StudyEffects:
        """Return best linear unbiased predictions of the true effects of the studies.

        Raises
        ------
        NotEstimable
            A model without a between-study variance.
        """
        self._needs_spread()
        if "effects" not in self._memo:
            X, table = self.design.X, self.table
            variance = np.maximum(np.einsum("ij,jk,ik->i", X, self.covariance, X), 0.0)
            self._memo["effects"] = study_effects(table.yi, table.vi, self.tau2, self.fitted(), variance, self.df)
        found: StudyEffects = self._memo["effects"]
        return found

    def _below(self, quantity: str, value: float) -> float:
        """Return the probability below a value: confidence of a coefficient, BLUP of a row."""
        if quantity in self.names:
            i = self.names.index(quantity)
            se = float(self.se[i])
            return below((value - self.estimate[i]) / se, self.df) if se else float(value > self.estimate[i])
        row = self._row_position(quantity)
        if row is not None:
            return self._theta_below(row, value)
        if quantity == "theta_new":
            raise NotEstimable("a new study has no place yet · predict(new) gives its interval from its moderators")
        raise unknown_quantity(quantity, (*self.names, "theta[row]", "theta_new"))

    # ---- fits to subsets ----------------------------------------------------------------------
    def _weights_of_its_own(self) -> bool:
        return self.data.a is not None

    def _source(self) -> Source:
        if "source" not in self._memo:
            d, data = self.design, self.data
            self._memo["source"] = Source(
                self.table,
                self.table.labels,
                data.y,
                data.v,
                data.X,
                d.back,
                np.zeros(len(self.names)) if d.constant is None else self.shift * d.constant,
                self.names,
                self.spec.tau2,
                data.t,
                self.spec.interval,
                self.spec.level,
                self.stretch,
                np.arange(self.k),
            )
        found: Source = self._memo["source"]
        return found

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def tau(self) -> float:
        """Residual between-study standard deviation."""
        return math.sqrt(self.tau2)

    @property
    def r2(self) -> float:
        """Share of τ² that the moderators account for, in percent; 0 where there was none to explain.

        In common-effect models, the adjusted share of Q: 1 − (Q_E/(k − p))/(Q/(k − 1)).
        """
        if self.spec.tau2 == "none":
            return self._share_of_q()
        if self.tau2_total == 0:
            return 0.0
        return max(0.0, 100.0 * (self.tau2_total - self.tau2) / self.tau2_total)

    def _share_of_q(self) -> float:
        whole = dispersion_of(self.data.y, self.data.v)
        if self.design.constant is None or not whole.q > 0:
            return math.nan
        return max(0.0, 100.0 * (1.0 - self.dispersion.h2_q / whole.h2_q))

    # ---- tests and predictions ----------------------------------------------------------------
    def contrasts(self, matrix: ArrayLike) -> pd.DataFrame:
        """Return estimate, test and interval of each row of ``matrix`` @ β.

        Parameters
        ----------
        matrix
            (m, p), one contrast a row.

        Raises
        ------
        InputError
            Another number of columns, or something that is not a finite number.
        """
        return linear_contrasts(matrix, self.names, self.estimate, self.covariance, self._contrast_df, self.spec.level)

    def _contrast_df(self, contrasts: FloatArray) -> FloatArray:
        return np.full(contrasts.shape[0], self.df)

    def test(self, columns: Sequence[int | str] | None = None) -> tuple[float, int, float, float]:
        """Return (statistic, m, denominator df, p) of the hypothesis that these coefficients are all 0.

        χ²(m) with z; F(m, k − p) otherwise, the denominator df inf for χ².
        """
        if columns is not None and not isinstance(columns, list | tuple | range):
            known = ", ".join(self.names)
            raise OptionError(f"columns={shown(columns)} · give a list of {known}, or of their positions")
        at = self.design.tested if columns is None else tuple(self._position(c) for c in columns)
        if not at or len(set(at)) < len(at):
            raise OptionError(f"name at least one coefficient, each once · coefficients: {', '.join(self.names)}")
        b, block = self.estimate[list(at)], self.covariance[np.ix_(at, at)]
        try:
            wald = float(b @ np.linalg.solve(block, b))
        except np.linalg.LinAlgError:
            return math.nan, len(at), self.df, math.nan
        m = len(at)
        if math.isinf(self.df):
            return wald, m, self.df, float(special.chdtrc(m, wald))
        return wald / m, m, self.df, float(special.fdtrc(m, self.df, wald / m))

    def _position(self, column: int | str) -> int:
        if isinstance(column, str):
            return self.names.index(a_choice("coefficient", column, self.names))
        return a_whole("position of a coefficient", column, 0, len(self.names) - 1)

    @property
    def qm(self) -> float:
        """Omnibus statistic of the moderators: χ² with z, F otherwise."""
        return self.test()[0]

    @property
    def qm_df(self) -> tuple[int, float]:
        """Its degrees of freedom."""
        _, m, df, _ = self.test()
        return m, df

    @property
    def qm_p(self) -> float:
        """Its p value."""
        return self.test()[3]

    def predict(self, new: Any = None, level: float | None = None, prediction: str | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return mean, interval and prediction interval for studies with these moderators.

        Parameters
        ----------
        new
            Mapping or frame of moderators (formula models). Or numbers: a matrix (n, p) with all columns or (n, p − 1)
            with all but the intercept; in one dimension one number a new study where the model has one moderator
            (``predict([10, 44])`` is two new studies, as metafor's newmods), else one new study. The studies of the
            table when left out.
        level
            Confidence level; that of the fit when left out.
        prediction
            ``normal``, ``simple`` (mean taken as known), ``t`` (k − p df), ``riley`` (max(1, k − p − 1) df), ``none``.

        Returns
        -------
        DataFrame
            ``mean std_error conf_low conf_high prediction_low prediction_high prediction_se prediction_df``, one row a
            study; the last four NaN where there is no prediction interval.

        Raises
        ------
        OptionError
            A prediction interval of a common-effect model.
        InputError
            Moderators that the model does not know.
        """
        import pandas as pd

        rows = self.design.X if new is None else self.design.rows(new)
        level = self._level(level)
        mean = rows @ self.estimate
        se = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows, self.covariance, rows), 0.0))
        half = quantile(level, self.df) * se
        frame = pd.DataFrame({"mean": mean, "std_error": se, "conf_low": mean - half, "conf_high": mean + half})
        if prediction is not None:
            a_choice("prediction", prediction, REGRESSION_PREDICTIONS)
        kind = self.spec.prediction if prediction is None else prediction
        spread, df = self._prediction(kind, se)
        reach = (math.nan if math.isnan(df) else quantile(level, df)) * spread
        frame["prediction_low"], frame["prediction_high"] = mean - reach, mean + reach
        frame["prediction_se"], frame["prediction_df"] = spread, df
        return frame

    def _prediction(self, kind: str, se: FloatArray) -> tuple[FloatArray, float]:
        if kind == "none":
            return np.full(se.shape, np.nan), math.nan
        if self.spec.tau2 == "none":
            raise OptionError("a common-effect model has no prediction interval · use model='random'")
        df = {"normal": math.inf, "simple": math.inf, "t": self.q_df, "riley": max(1, self.q_df - 1)}[kind]
        return prediction_se(self.tau2 + np.zeros(se.shape), 0.0 * se if kind == "simple" else se**2), float(df)

    def vif(self) -> pd.Series:
        """Return variance inflation factors of the coefficients other than the intercept."""
        import pandas as pd

        at = [i for i in range(len(self.names)) if not self.design.is_intercept(i)]
        block = self.covariance[np.ix_(at, at)]
        root = np.sqrt(np.diag(block))
        inflation = np.diag(np.linalg.inv(block / np.outer(root, root)))
        return pd.Series(inflation, index=[self.names[i] for i in at], name="vif")

    def _glance(self) -> Mapping[str, Any]:
        statistic, m, df, p = self.test()
        tested = {"r2": self.r2, "qm": statistic, "qm_df": m, "qm_df2": df, "qm_p": p}
        return {**OneTau2._glance(self), **tested}

    def _json(self) -> Mapping[str, Any]:
        statistic, m, df, p = self.test()
        tested = {"qm": statistic, "qm_df": [m, df], "qm_p": p}
        return {"beta": self.estimate, "r2": self.r2, **tested}

    def _methods(self) -> Sequence[tuple[str, str]]:
        names = ", ".join(self.names[i] for i in self.design.moderators)
        clause = f"Effects were regressed on {names}" if names else "The mean was fitted as a regression on a constant"
        first, *others = OneTau2._methods(self)
        return (first, (clause, "doi:10.1002/sim.1187"), *others)

    def describe(self) -> str:
        """Return the Results sentence: coefficients with intervals, omnibus test and explained heterogeneity."""
        statistic, m, df, p = self.test()
        kind = f"QM({m}) = {statistic:.3g}" if math.isinf(df) else f"F({m}, {df:g}) = {statistic:.3g}"
        share = f", R² = {self.r2:.0f}%" if math.isfinite(self.r2) else ""
        return f"{CoefficientResult.describe(self).removesuffix('.')}; moderators: {kind}, P = {p:.3g}{share}."
