"""The result of a meta-regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import finite
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_choice, a_whole, shown
from .design import Design
from .heterogeneity import heterogeneity
from .intervals import quantile, two_sided
from .one_tau2 import OneTau2
from .spec import Spec
from .tau2_intervals import Tau2Fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REGRESSION_PREDICTIONS", "Regression"]

REGRESSION_PREDICTIONS = ("none", "normal", "simple", "t", "riley")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regression(OneTau2):
    """A meta-regression.

    Attributes
    ----------
    table, spec, design
        What was fitted, how and why.
    beta, vb
        Coefficients (p,) and their covariance (p, p) under the test chosen.
    df
        Degrees of freedom of tests and intervals; inf for z.
    tau2
        Residual between-study variance.
    tau2_total
        τ² by the same estimator without moderators; nan where there is no estimator.
    factor
        Knapp-Hartung factor that multiplies the covariance (1 for z and t).
    data, scale, offset
        Centred data behind τ² intervals and likelihood; estimate = offset + scale × centred value.
    """

    table: EvidenceTable
    spec: Spec
    design: Design
    beta: FloatArray
    vb: FloatArray
    df: float
    tau2: float
    tau2_total: float
    factor: float
    data: Tau2Fit
    scale: float
    offset: float
    raw_residuals: FloatArray
    notes: tuple[str, ...] = ()
    _memo: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.design.names

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.data.y.size

    @property
    def se(self) -> FloatArray:
        """Standard errors, (p,)."""
        return np.sqrt(np.diag(self.vb))

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error, (p,); nan where the standard error is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.se > 0, self.beta / self.se, np.nan)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values, (p,)."""
        return np.array([two_sided(float(z), self.df) for z in self.statistic])

    def interval(self, level: float | None = None) -> FloatArray:
        """Return confidence intervals of the coefficients, (p, 2)."""
        half = quantile(self._level(level), self.df) * self.se
        return np.column_stack([self.beta - half, self.beta + half])

    def _centred(self) -> Tau2Fit:
        return self.data

    def _linear(self) -> tuple[FloatArray, FloatArray]:
        assert self.data.X is not None
        return self.data.X, self.raw_residuals

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
        whole = heterogeneity(self.data.y, self.data.v)
        if self.design.constant is None or not whole.q > 0:
            return math.nan
        return max(0.0, 100.0 * (1.0 - self.shape.h2_q / whole.h2_q))

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
        import pandas as pd

        L = np.atleast_2d(finite(matrix, "matrix", f"give one number for each of {', '.join(self.names)} in every row"))
        if L.ndim != 2 or L.shape[1] != self.beta.size:
            raise InputError(f"contrasts have shape {L.shape}, the model has {', '.join(self.names)}")
        estimate, se = L @ self.beta, np.sqrt(np.einsum("ij,jk,ik->i", L, self.vb, L))
        half = quantile(self.spec.level, self.df) * se
        statistic = np.divide(estimate, se, out=np.full(se.size, np.nan), where=se > 0)
        p = [two_sided(float(z), self.df) for z in statistic]
        columns = {"estimate": estimate, "std_error": se, "statistic": statistic, "p_value": p}
        return pd.DataFrame(columns | {"conf_low": estimate - half, "conf_high": estimate + half})

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
        b, block = self.beta[list(at)], self.vb[np.ix_(at, at)]
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

    def predict(
        self, new: Any = None, level: float | None = None, prediction: str | None = None  # noqa: ANN401
    ) -> pd.DataFrame:
        """Return mean, interval and prediction interval for studies with these moderators.

        Parameters
        ----------
        new
            Mapping or frame of moderators (formula models), or a matrix with all columns; the studies of the
            table when left out.
        level
            Confidence level; that of the fit when left out.
        prediction
            ``normal``, ``simple`` (mean taken as known), ``t`` (k − p df), ``riley`` (max(1, k − p − 1) df), ``none``.
        """
        import pandas as pd

        rows = self.design.X if new is None else self.design.rows(new)
        level = self._level(level)
        mean, se = rows @ self.beta, np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows, self.vb, rows), 0.0))
        half = quantile(level, self.df) * se
        frame = pd.DataFrame({"mean": mean, "std_error": se, "conf_low": mean - half, "conf_high": mean + half})
        if prediction is not None:
            a_choice("prediction", prediction, REGRESSION_PREDICTIONS)
        kind = self.spec.prediction if prediction is None else prediction
        if kind == "none":
            return frame
        spread, df = self._prediction(kind, se)
        reach = quantile(level, df) * spread
        frame["prediction_se"], frame["prediction_df"] = spread, df
        frame["prediction_low"], frame["prediction_high"] = mean - reach, mean + reach
        return frame

    def _prediction(self, kind: str, se: FloatArray) -> tuple[FloatArray, float]:
        if self.spec.tau2 == "none":
            raise OptionError("a common-effect model has no prediction interval · use model='random'")
        df = {"normal": math.inf, "simple": math.inf, "t": self.q_df, "riley": max(1, self.q_df - 1)}[kind]
        return np.sqrt(self.tau2 + (0.0 if kind == "simple" else se**2)), float(df)

    def vif(self) -> pd.Series:
        """Return variance inflation factors of the coefficients other than the intercept."""
        import pandas as pd

        at = [i for i in range(len(self.names)) if not self.design.is_intercept(i)]
        block = self.vb[np.ix_(at, at)]
        root = np.sqrt(np.diag(block))
        inflation = np.diag(np.linalg.inv(block / np.outer(root, root)))
        return pd.Series(inflation, index=[self.names[i] for i in at], name="vif")

    # ---- tables -------------------------------------------------------------------------------
    def tidy(self) -> pd.DataFrame:
        """Return one row a coefficient."""
        import pandas as pd

        bounds = self.interval()
        return pd.DataFrame({
            "term": self.names, "estimate": self.beta, "std_error": self.se, "statistic": self.statistic,
            "df": self.df, "p_value": self.p_value, "conf_low": bounds[:, 0], "conf_high": bounds[:, 1],
        })

    def summary(self) -> pd.DataFrame:
        """Return the coefficients as a numeric table."""
        return self.tidy().set_index("term")

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        import pandas as pd

        statistic, m, df, p = self.test()
        return pd.DataFrame([{
            "model": self.spec.model, "tau2_method": self.spec.tau2, "interval": self.spec.interval, "k": self.k,
            "tau2": self.tau2, "r2": self.r2, "qm": statistic, "qm_df": m, "qm_df2": df, "qm_p": p, "q": self.q,
            "q_df": self.q_df, "q_p": self.q_p, "i2": self.i2, "h2": self.h2, "log_likelihood": self.log_likelihood,
        }])

    def augment(self) -> pd.DataFrame:
        """Return the rows of the table with fitted value and residual."""
        frame = self.table.to_frame()
        frame["fitted"] = self.design.X @ self.beta
        frame["residual"] = self.table.yi - frame["fitted"]
        return frame

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        statistic, m, df, p = self.test()
        return {
            "measure": self.table.measure, "unit": self.table.unit, "k": self.k, "names": list(self.names),
            "beta": self.beta.tolist(), "se": self.se.tolist(), "interval": self.interval().tolist(),
            "p_value": [clean(x) for x in self.p_value], "tau2": self.tau2, "r2": clean(self.r2), "q": clean(self.q),
            "q_df": self.q_df, "q_p": clean(self.q_p), "i2": clean(self.i2), "qm": clean(statistic),
            "qm_df": [m, clean(df)], "qm_p": clean(p), "spec": self.spec.to_dict(), "notes": list(self.notes),
        }

    def describe(self) -> str:
        """Return one sentence about the moderators."""
        statistic, m, df, p = self.test()
        kind = f"QM({m}) = {statistic:.3g}" if math.isinf(df) else f"F({m}, {df:g}) = {statistic:.3g}"
        share = f", R² = {self.r2:.0f}%" if math.isfinite(self.r2) else ""
        return f"{self.k} studies, {', '.join(self.names)}: {kind}, P = {p:.3g}; residual τ = {self.tau:.3g}{share}."

    def __repr__(self) -> str:
        return f"{self.describe()}\n{self.summary().to_string(float_format=lambda x: f'{x:.4g}')}"

    def _repr_html_(self) -> str:
        return str(self.summary().to_html())


def clean(x: float) -> float | None:
    """Return a plain number, None where it is not finite."""
    return float(x) if math.isfinite(x) else None
