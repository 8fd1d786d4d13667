"""Location-scale models: moderators of the mean effect, and moderators of the between-study variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from ..options import a_choice, a_level
from .design import Design, design_of, mean_design
from .intervals import quantile
from .location_scale_likelihood import ScaleLikelihood
from .multilevel_coefficients import Coefficients
from .multilevel_predict import Predictions
from .rows import checked_rows
from .spec import Spec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LocationScale", "location_scale"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LocationScale:
    """A fitted location-scale model.

    Attributes
    ----------
    table, spec
        What was fitted, and how.
    design, scale_design
        Design matrices of the mean and of the variance.
    location, scale
        Coefficients of the mean, and of log τ² (link ``log``) or τ² (``identity``); the covariance of the latter is NaN
        where a variance lies at 0.
    tau2
        Between-study variance of each row, (k,).
    log_likelihood
        Maximised (restricted) log-likelihood.
    observations
        What BIC and AICc count.
    """

    table: EvidenceTable
    spec: Spec
    design: Design
    scale_design: Design
    location: Coefficients
    scale: Coefficients
    tau2: FloatArray
    log_likelihood: float
    observations: int

    @property
    def k(self) -> int:
        """Number of rows."""
        return self.table.k

    @property
    def beta(self) -> FloatArray:
        """Coefficients of the mean."""
        return self.location.estimate

    @property
    def alpha(self) -> FloatArray:
        """Coefficients of the variance."""
        return self.scale.estimate

    @property
    def parameters(self) -> int:
        """Number of coefficients of both parts."""
        return self.beta.size + self.alpha.size

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return -2 * self.log_likelihood + self.parameters * math.log(self.observations)

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        n = max(self.observations, self.parameters + 2)
        return -2 * self.log_likelihood + 2 * self.parameters * n / (n - self.parameters - 1)

    def predict(self, level: float | None = None) -> Predictions:
        """Return the fitted mean of each row with its confidence interval, and the interval for a new study like it."""
        level = self.spec.level if level is None else a_level(level)
        X = self.design.X
        mean = X @ self.beta
        variance = np.einsum("ij,jk,ik->i", X, self.location.covariance, X)
        crit = quantile(level, float(self.location.df[0]))
        half, wide = crit * np.sqrt(variance), crit * np.sqrt(variance + self.tau2)
        bounds = np.stack([mean - half, mean + half], axis=1)
        return Predictions(mean, np.sqrt(variance), bounds, np.stack([mean - wide, mean + wide], axis=1))

    def tidy(self) -> pd.DataFrame:
        """Return one row a coefficient, location first."""
        import pandas as pd

        return pd.concat(
            [self.location.frame().assign(part="location"), self.scale.frame().assign(part="scale")], ignore_index=True
        )

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        import pandas as pd

        row = {"model": self.spec.model, "method": self.spec.tau2, "k": self.k, "log_likelihood": self.log_likelihood}
        return pd.DataFrame([row | {"aic": self.aic, "bic": self.bic, "aicc": self.aicc}])

    def summary(self) -> pd.DataFrame:
        """Return the coefficients as a numeric table."""
        return self.tidy().set_index(["part", "term"])

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None where a quantity does not exist."""
        records = self.tidy().to_dict(orient="records")
        clean = [
            {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()} for r in records
        ]
        return {
            "measure": self.table.measure, "k": self.k, "coefficients": clean, "tau2": [float(t) for t in self.tau2],
            "log_likelihood": self.log_likelihood, "aic": self.aic, "bic": self.bic, "spec": self.spec.to_dict(),
            "fingerprint": self.table.fingerprint,
        }

    def describe(self) -> str:
        """Return one sentence: what was fitted, and the range of the between-study standard deviation."""
        what = self.table.title or MEASURES[self.table.measure].title
        low, high = float(np.sqrt(self.tau2.min())), float(np.sqrt(self.tau2.max()))
        head = f"{what}: location-scale model of {self.k} studies ({self.spec.tau2})"
        return f"{head}; τ between {low:.3g} and {high:.3g}."

    def __repr__(self) -> str:
        lines = [self.describe()]
        for part, c in (("mean", self.location), ("variance", self.scale)):
            lines += [
                f"  {part}  {name}  {b:.4g}  se {s:.4g}" for name, b, s in zip(c.names, c.estimate, c.se, strict=True)
            ]
        return "\n".join(lines)


def location_scale(
    table: EvidenceTable, *, scale: str | ArrayLike, moderators: str | ArrayLike | None = None, link: str = "log",
    method: str = "REML", test: str = "z", level: float = 0.95, names: Sequence[str] | None = None,
    scale_names: Sequence[str] | None = None,
) -> LocationScale:
    """Fit y_i ~ N(x_i'β, v_i + τ_i²) with log τ_i² = z_i'α, or τ_i² = z_i'α ≥ 0.

    Parameters
    ----------
    table
        Rows to pool, independent of each other.
    scale, scale_names
        Formula or design matrix of the variance, with names of its columns.
    moderators, names
        The same for the mean; a common mean by default.
    link
        ``log`` or ``identity``.
    method
        ``REML`` or ``ML``.
    test
        ``z``, or ``t`` with k − p and k − q df for mean and variance.
    level
        Confidence level.

    Raises
    ------
    UnknownName
        Another link, method or test.
    NotEstimable
        Singular designs, too few rows.
    ConvergenceError
        Variances that go to 0 under the log link.

    References
    ----------
    Viechtbauer and López-López 2022, 10.1002/jrsm.1562.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, location_scale
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, -0.2, 0.6, 1.5, -0.9, 0.8, 0.2], [0.02] * 8, moderators={"x": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> fit = location_scale(table, scale="x")
    >>> bool(fit.tau2[7] > fit.tau2[0])
    True
    """
    a_choice("link", link, ("log", "identity"))
    a_choice("method", method, ("REML", "ML"))
    a_choice("test", test, ("z", "t"))
    level = a_level(level)
    live = checked_rows(table)
    kept = table if live.all() else table.subset(np.flatnonzero(live).tolist())
    design = mean_design(kept, moderators, names)
    variance = design_of(kept, scale, scale_names)
    p, q = design.X.shape[1], variance.X.shape[1]
    if kept.k <= p + q:
        raise NotEstimable(f"{p} + {q} coefficients need more than {p + q} studies, got {kept.k}")
    rest = kept.yi - design.basis @ (design.basis.T @ kept.yi)
    unit = 2.0 ** round(math.log2(math.sqrt(float(rest @ rest) / kept.k + float(kept.vi.mean()))))
    likelihood = ScaleLikelihood(
        design.basis, variance.basis, rest / unit, kept.vi / unit**2, unit, method == "REML", link == "log"
    )
    gamma, value = likelihood.maximise()
    fit = likelihood.moments(gamma)
    beta = design.back @ (unit * fit.beta + design.basis.T @ kept.yi)
    to_alpha = variance.back if link == "log" else unit**2 * variance.back
    spread = likelihood.covariance(gamma)
    alpha_cov = np.full((q, q), np.nan) if spread is None else to_alpha @ spread @ to_alpha.T
    df = (math.inf, math.inf) if test == "z" else (float(kept.k - p), float(kept.k - q))
    beta_cov = unit**2 * design.back @ fit.covariance @ design.back.T
    location = Coefficients(design.names, beta, beta_cov, np.full(p, df[0]), level)
    scaled = Coefficients(variance.names, to_alpha @ gamma, alpha_cov, np.full(q, df[1]), level)
    return LocationScale(
        kept, Spec("location-scale", method, test, test, level, why={"link": link}), design, variance, location, scaled,
        unit**2 * likelihood.variances(gamma), likelihood.log_likelihood(value),
        kept.k - (p if method == "REML" else 0),
    )
