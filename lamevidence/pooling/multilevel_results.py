"""The result of a multilevel model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from ..options import a_level
from ..values import Interval
from .design import Design
from .multilevel_coefficients import Coefficients, Omnibus
from .multilevel_components import Components, components_of
from .multilevel_likelihood import Likelihood, Maximum
from .multilevel_moments import Moments
from .spec import Spec

if TYPE_CHECKING:
    import pandas as pd

    from .multilevel_compare import LikelihoodRatio
    from .multilevel_predict import Predictions, RandomEffects
    from .robust import ClusterRobust

__all__ = ["MultilevelPooled"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MultilevelPooled:
    """A fitted multilevel or multivariate model.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    design
        Design matrix of the fixed effects.
    covariance
        Known sampling covariance, (k,) or (k, k).
    likelihood, maximum
        The likelihood and where it is highest; from these profiles are computed.
    moments
        Weighted least squares at the maximum, in scaled units.
    coefficients
        Fixed effects with their covariance, df, tests and intervals.
    components
        Variances and correlations.
    q, q_df, q_p
        Test of residual heterogeneity, Σ of squares weighted by V⁻¹.
    robust
        Cluster-robust inference that replaces the model-based one, or None.
    notes
        Cautions.
    """

    table: EvidenceTable
    spec: Spec
    design: Design
    covariance: FloatArray
    likelihood: Likelihood
    maximum: Maximum
    moments: Moments
    coefficients: Coefficients
    components: Components
    q: float
    q_df: int
    q_p: float
    robust: ClusterRobust | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def at(
        cls, table: EvidenceTable, spec: Spec, design: Design, covariance: FloatArray, likelihood: Likelihood,
        maximum: Maximum,
    ) -> MultilevelPooled:
        """Return the result at a maximum of the likelihood."""
        fit = likelihood.moments(maximum.theta)
        scale, back = likelihood.scale, design.back
        beta = back @ (scale * fit.beta + design.basis.T @ table.yi)
        vb = scale**2 * back @ fit.covariance @ back.T
        k, p = design.X.shape
        none = Likelihood.of((), design.basis, table.yi, covariance, True)
        q = none.moments(np.zeros(0)).quadratic
        df = _degrees(spec, design, likelihood)
        notes = ("the likelihood has more than one maximum; the highest is reported",) if maximum.modes > 1 else ()
        return cls(
            table, spec, design, covariance, likelihood, maximum, fit,
            Coefficients(design.names, beta, vb, df, spec.level), components_of(likelihood, maximum.theta),
            float(q), k - p, float(special.chdtrc(k - p, q)), notes=notes,
        )

    def with_inference(self, robust: ClusterRobust) -> MultilevelPooled:
        """Return the same fit with cluster-robust standard errors, df and intervals."""
        spec = replace(self.spec, interval=f"{robust.kind} ({robust.df_kind} df)")
        return replace(self, robust=robust, coefficients=robust.coefficients, spec=spec)

    # ---- fixed effects ------------------------------------------------------------------------
    @property
    def beta(self) -> FloatArray:
        """Coefficients, (p,)."""
        return self.coefficients.estimate

    @property
    def vb(self) -> FloatArray:
        """Their covariance, (p, p)."""
        return self.coefficients.covariance

    @property
    def _only(self) -> int:
        if self.beta.size > 1:
            raise NotEstimable(f"the model has several coefficients: {', '.join(self.design.names)} · use tidy()")
        return 0

    @property
    def mu(self) -> float:
        """Pooled mean; of a model with one coefficient."""
        return float(self.beta[self._only])

    @property
    def se(self) -> float:
        """Its standard error."""
        return float(self.coefficients.se[self._only])

    @property
    def df(self) -> float:
        """Its degrees of freedom, inf for the normal distribution."""
        return float(self.coefficients.df[self._only])

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect."""
        return float(self.coefficients.p_values[self._only])

    def interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval of ``mu``."""
        low, high = self.coefficients.intervals(level)[self._only]
        return Interval(float(low), float(high))

    def omnibus(self) -> Omnibus:
        """Return the Wald test that all coefficients but the intercept are 0 (F with t tests, else χ²)."""
        if self.robust is not None:
            return self.robust.wald(self.design.tested)
        return self.coefficients.wald(self.design.tested)

    # ---- variance components --------------------------------------------------------------------
    @property
    def sigma2(self) -> FloatArray:
        """Variances of the random intercepts, in the order of the formula."""
        return self.components.values("sigma2")

    @property
    def tau2(self) -> FloatArray:
        """Variances of the levels of ``inner | outer``."""
        return self.components.values("tau2")

    @property
    def rho(self) -> FloatArray:
        """Their correlations."""
        return self.components.values("rho")

    @property
    def G(self) -> FloatArray:
        """Covariance matrix of the levels of the first ``inner | outer`` term, empty without one."""
        for term, G in zip(self.likelihood.terms, self.likelihood.covariances(self.maximum.theta), strict=True):
            if term.inner is not None:
                return np.asarray(G * self.likelihood.scale**2)
        return np.zeros((0, 0))

    def component_interval(self, name: str, index: int = 0, level: float | None = None) -> Interval:
        """Return the profile-likelihood interval of a component: ``sigma2``, ``tau2``, ``rho``, ``gamma2``, ``phi``."""
        from .multilevel_profile import profile_interval

        return profile_interval(self, name, index, self.spec.level if level is None else a_level(level))

    def i2(self) -> Mapping[str, float]:
        """Return the share of each variance in the total variance of a typical row, in percent.

        The typical sampling variance is (k − p)/tr(P) with P of the model without random effects
        (Higgins and Thompson 2002, 10.1002/sim.1186).
        """
        k, p = self.design.X.shape
        none = Likelihood.of((), self.design.basis, self.table.yi, self.covariance, True)
        fit = none.moments(np.zeros(0))
        ones = none.engine.solve([], np.eye(k)) if self.covariance.ndim == 2 else np.diag(1.0 / none.V)
        trace = float(np.trace(ones)) - float(np.einsum("ki,ij,kj->", fit.projected, fit.covariance, fit.projected))
        typical = (k - p) / trace * none.scale**2
        parts = {c.label: c.value for c in self.components if c.name in ("sigma2", "tau2", "gamma2")}
        whole = sum(parts.values()) + typical
        return {name: 100.0 * value / whole for name, value in parts.items()}

    # ---- likelihood ---------------------------------------------------------------------------
    @property
    def log_likelihood(self) -> float:
        """Maximised (restricted) log-likelihood; the restricted one holds ½ log|X'X|."""
        return self.maximum.log_likelihood

    @property
    def parameters(self) -> int:
        """Number of coefficients and of variance parameters."""
        return self.beta.size + self.likelihood.size

    @property
    def observations(self) -> int:
        """What BIC and AICc count: rows, less coefficients with REML."""
        return self.table.k - (self.beta.size if self.likelihood.restricted else 0)

    @property
    def deviance(self) -> float:
        """−2 log-likelihood; with ML relative to the saturated model."""
        if self.likelihood.restricted:
            return -2.0 * self.log_likelihood
        V = self.covariance
        logdet = float(np.log(V).sum() if V.ndim == 1 else np.linalg.slogdet(V)[1])
        return -2.0 * self.log_likelihood - self.table.k * math.log(2 * math.pi) - logdet

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2.0 * self.log_likelihood + 2.0 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return -2.0 * self.log_likelihood + self.parameters * math.log(self.observations)

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        n = max(self.observations, self.parameters + 2)
        return -2.0 * self.log_likelihood + 2.0 * self.parameters * n / (n - self.parameters - 1)

    def against(self, reduced: MultilevelPooled) -> LikelihoodRatio:
        """Return the likelihood-ratio test of a reduced model against this one; see `compare_multilevel`."""
        from .multilevel_compare import compare_multilevel

        return compare_multilevel(reduced, self)

    # ---- rows ---------------------------------------------------------------------------------
    def marginal_variances(self) -> FloatArray:
        """Return the variance of each row: sampling variance plus all random effects, (k,)."""
        V = self.covariance if self.covariance.ndim == 1 else np.diag(self.covariance)
        total = V.copy()
        for term, G in zip(self.likelihood.terms, self.likelihood.covariances(self.maximum.theta), strict=True):
            own = np.zeros(self.table.k, dtype=np.intp) if term.inner is None else term.inner.codes
            total += self.likelihood.scale**2 * np.diag(G)[own]
        return total

    def hat(self) -> FloatArray:
        """Return the leverages, (k,)."""
        return np.asarray(((self.design.basis @ self.moments.covariance) * self.moments.projected).sum(axis=1))

    @property
    def weights(self) -> FloatArray:
        """Weight of each row in the pooled mean in percent (row sums of the inverse covariance), (k,)."""
        self._only  # noqa: B018
        if self.design.constant is None:
            raise NotEstimable("weights in percent belong to a pooled mean · this model has no constant")
        column = self.moments.projected[:, 0]
        return np.asarray(100.0 * column / column.sum())

    def residuals(self) -> pd.DataFrame:
        """Return raw residuals, their standard errors and internally standardised residuals."""
        import pandas as pd

        resid = self.table.yi - self.design.X @ self.beta
        scale2 = self.likelihood.scale**2
        fitted = scale2 * np.einsum("ki,ij,kj->k", self.design.basis, self.moments.covariance, self.design.basis)
        se = np.sqrt(np.maximum(self.marginal_variances() - fitted, 0.0))
        return pd.DataFrame(
            {"residual": resid, "std_error": se, "standardised": resid / se}, index=list(self.table.labels)
        )

    def predict(self, new: Any = None, *, level: float | None = None, inner: str | None = None) -> Predictions:  # noqa: ANN401
        """Return fitted values with confidence and prediction intervals; see `multilevel_predict.predictions`."""
        from .multilevel_predict import predictions

        return predictions(self, new, self.spec.level if level is None else a_level(level), inner)

    def prediction(self, level: float | None = None) -> Interval | None:
        """Return the interval for the true effect in a new group of every level, None where it does not exist."""
        self._only  # noqa: B018
        made = self.predict(np.ones((1, 1)) * self.design.X[0, 0], level=level)
        return None if made.new is None else Interval(float(made.new[0, 0]), float(made.new[0, 1]))

    def random_effects(self, level: float | None = None) -> tuple[RandomEffects, ...]:
        """Return the predicted random effects (BLUPs) of every term."""
        from .multilevel_predict import random_effects

        return random_effects(self, self.spec.level if level is None else a_level(level))

    # ---- presentation -------------------------------------------------------------------------
    @property
    def k(self) -> int:
        """Number of rows."""
        return self.table.k

    @property
    def measure(self) -> str:
        """Code of the measure."""
        return self.table.measure

    def transformed(self) -> dict[str, Any]:
        """Return mean and intervals on the scale people read; empty where that is the analysis scale."""
        effect = MEASURES[self.measure]
        if effect.scale == "identity" or self.beta.size > 1:
            return {}
        new = self.prediction()

        def back(x: float) -> float:
            return float(effect.back(np.asarray(x, dtype=np.float64)))

        return {
            "name": effect.back_title, "mu": back(self.mu), "interval": [back(x) for x in self.interval()],
            "prediction": None if new is None else [back(x) for x in new],
        }

    def tidy(self) -> pd.DataFrame:
        """Return one row a coefficient."""
        return self.coefficients.frame()

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        from .multilevel_text import glance

        return glance(self)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: numbers, strings, lists."""
        from .multilevel_text import to_json

        return to_json(self)

    def summary(self) -> pd.DataFrame:
        """Return coefficients and variance components as a numeric table."""
        from .multilevel_text import summary

        return summary(self)

    def describe(self) -> str:
        """Return one sentence: what was pooled, how, and what came out."""
        from .multilevel_text import describe

        return describe(self)

    def __repr__(self) -> str:
        from .multilevel_text import text

        return text(self)


def _degrees(spec: Spec, design: Design, likelihood: Likelihood) -> FloatArray:
    k, p = design.X.shape
    if spec.interval == "z":
        return np.full(p, np.inf)
    if spec.why.get("df") != "contain":
        return np.full(p, float(k - p))
    groupings = [t.outer.codes for t in likelihood.terms]
    groupings += [t.inner.codes for t in likelihood.terms if t.inner is not None]
    df = np.full(p, float(k))
    for j in range(p):
        for codes in groupings:
            first = np.zeros(int(codes.max()) + 1)
            first[codes] = design.X[:, j]
            if (first[codes] == design.X[:, j]).all():
                df[j] = min(df[j], float(first.size))
    df -= p
    if (df < 1).any():
        bad = ", ".join(design.names[j] for j in np.flatnonzero(df < 1))
        raise NotEstimable(f"dfs='contain' leaves no degrees of freedom for {bad} · use dfs='residual' or cluster=")
    return df

