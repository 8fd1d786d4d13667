"""What every result with one τ² says about it, about heterogeneity and about the likelihood."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from ..options import a_level
from ..values import Interval
from .heterogeneity import Heterogeneity, heterogeneity
from .likelihood import information, log_likelihood
from .spec import Spec
from .tau2_intervals import TAU2_INTERVALS, Tau2Fit

__all__ = ["OneTau2"]


class OneTau2(ABC):
    """A result with one between-study variance, of a mean or of a regression (then the residual one).

    Attributes
    ----------
    spec
        How it was fitted and why.
    scale
        Of the centred scale of ``data``.
    """

    __slots__ = ()

    spec: Spec
    scale: float
    _memo: dict[str, Any]

    @property
    @abstractmethod
    def k(self) -> int:
        """Number of studies that count."""

    @abstractmethod
    def _centred(self) -> Tau2Fit:
        """Return the centred data behind τ² intervals and likelihood."""

    @abstractmethod
    def _linear(self) -> tuple[FloatArray, FloatArray]:
        """Return design (k, p) and residuals (k,) of the mean on the centred scale."""

    def _level(self, level: float | None) -> float:
        return self.spec.level if level is None else a_level(level)

    # ---- the between-study variance -----------------------------------------------------------
    @property
    def se_tau2(self) -> float:
        """Standard error of τ², nan where none is published or τ² is not estimated."""
        if self.spec.tau2 in ("none", "fixed") or self.k == 1:
            return math.nan
        return self.scale**2 * self._centred().se

    def tau2_interval(self, level: float | None = None, method: str = "QP") -> Interval:
        """Return a confidence interval for τ² by a method of `TAU2_INTERVALS`; unbounded above.

        Raises
        ------
        NotEstimable
            One study, or a model without a between-study variance.
        """
        make, fit = TAU2_INTERVALS[method], self._centred()
        if self.k < 2 or self.spec.tau2 == "none":
            more = ", k ≥ 2" if fit.X is None else ""
            raise NotEstimable(f"there is no between-study variance in this result · use model='random'{more}")
        if not fit.v.all():
            raise NotEstimable("a variance is 0: Q at τ² = 0 is infinite and bounds nothing · leave the row out")
        low, high = make(fit, self._level(level))
        return Interval(self.scale**2 * low, self.scale**2 * high)

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def shape(self) -> Heterogeneity:
        """Q, I² and H² of the data alone, residual with moderators."""
        if "shape" not in self._memo:
            fit = self._centred()
            self._memo["shape"] = heterogeneity(fit.y, fit.v, fit.X)
        found: Heterogeneity = self._memo["shape"]
        return found

    @property
    def q(self) -> float:
        """Cochran's Q; with moderators the residual Q_E."""
        return self.shape.q

    @property
    def q_df(self) -> int:
        """Its degrees of freedom, k − 1 (with moderators k − p)."""
        return self.shape.q_df

    @property
    def q_p(self) -> float:
        """Its p value."""
        return self.shape.q_p

    @property
    def i2(self) -> float:
        """I² in percent, from τ² in random-effects models and from Q in common-effect models."""
        if self.k == 1:
            return math.nan
        return self.shape.i2_q if self.spec.tau2 == "none" else self.shape.i2(self._centred().t)

    @property
    def h2(self) -> float:
        """H², from τ² in random-effects models and from Q in common-effect models."""
        if self.k == 1:
            return math.nan
        return self.shape.h2_q if self.spec.tau2 == "none" else self.shape.h2(self._centred().t)

    @property
    def typical_variance(self) -> float:
        """The typical sampling variance behind I²."""
        return self.scale**2 * self.shape.typical

    # ---- likelihood ---------------------------------------------------------------------------
    @property
    def log_likelihood(self) -> float:
        """Log-likelihood, restricted for REML."""
        fit, (X, residuals), restricted = self._centred(), self._linear(), self.spec.tau2 == "REML"
        value = log_likelihood(fit.y, fit.v, fit.t, X, restricted=restricted, residuals=residuals)
        size = self.k - X.shape[1] if restricted else self.k
        return value - size * math.log(self.scale)

    def information(self) -> dict[str, float]:
        """Return log_likelihood, deviance, aic, bic and aicc (restricted ones for REML)."""
        estimated, p = self.spec.tau2 not in ("none", "fixed"), self._linear()[0].shape[1]
        v = self.scale**2 * self._centred().v
        return information(self.log_likelihood, v, p, estimated, restricted=self.spec.tau2 == "REML")
