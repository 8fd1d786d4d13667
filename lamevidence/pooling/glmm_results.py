"""The result of a one-stage count model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, OptionError
from ..options import a_level
from ..values import Interval
from .count_results import CountPooled
from .glmm_optimise import Optimum, maximise
from .glmm_quadrature import StudyModel, evaluate, hermite
from .intervals import quantile

__all__ = ["GlmmPooled", "Likelihood"]

CHI2_TOL = 1e-9


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Model, optimum and quadrature nodes behind a result; what profiles are computed from.

    ``slope`` are the positions of the scale parameters whose squares sum to τ².
    """

    model: StudyModel
    optimum: Optimum
    nodes: int
    slope: tuple[int, ...]

    def moves(self, nodes: int) -> float:
        """Return how much the maximised log-likelihood changes when integrated on ``nodes`` nodes instead."""
        top = self.optimum
        mode = None if top.at is None else top.at.mode
        ev = evaluate(self.model, top.alpha[None], top.beta[None], top.scale[None], nodes, mode, "value")
        return abs(float(ev.value[0]) - top.value)

    def at(self, mu: float, tau: float) -> float:
        """Return the log-likelihood at this ``mu`` and ``tau``, the studies' own parameters at their best."""
        return self.profile(mu=mu, tau=tau)

    def profile(self, *, mu: float | None = None, tau: float | None = None) -> float:
        """Return the log-likelihood maximised over everything but ``mu`` or ``tau``."""
        beta, scale = self.optimum.beta.copy(), self.optimum.scale.copy()
        scale = np.where(scale == 0, 0.05, scale)
        hold_beta: tuple[int, ...] = ()
        hold_scale: tuple[int, ...] = ()
        if mu is not None:
            beta[0], hold_beta = mu, (0,)
        if tau is not None:
            scale[list(self.slope)] = tau
            hold_scale = self.slope
        return maximise(
            self.model,
            self.optimum.alpha,
            beta,
            scale,
            self.nodes,
            hold_beta=hold_beta,
            hold_scale=hold_scale,
            moments=False,
        ).value


@dataclass(frozen=True, eq=False, repr=False)
class GlmmPooled(CountPooled):
    """A one-stage (binomial-normal, Poisson-normal, hypergeometric-normal) result.

    Attributes
    ----------
    coefficients, covariance
        Regression coefficients of the effect (the intercept first) and their covariance.
    log_likelihood
        Maximised marginal log-likelihood, every constant included.
    conditional_log_likelihood
        Log-likelihood of the data given the modes of the random effects; what metafor prints as ``logLik`` of models
        fitted with one random effect a study. It is not comparable between models.
    parameters, observations
        What AIC and BIC count.
    q, q_df, q_p
        Wald test of equal effects; ``q_lrt, q_lrt_p`` the likelihood-ratio test.
    tau2_error
        Standard error of τ².
    sigma2, rho
        UM.RS: variance of the intercepts, and their correlation with the effects; else None.
    modes
        Local maxima found; the highest is reported.
    """

    coefficients: FloatArray = field(default_factory=lambda: np.zeros(0))
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    log_likelihood: float = math.nan
    conditional_log_likelihood: float = math.nan
    parameters: int = 0
    observations: int = 0
    q_lrt: float = math.nan
    q_lrt_p: float = math.nan
    tau2_error: float = math.nan
    sigma2: float | None = None
    rho: float | None = None
    modes: int = 1
    likelihood: Likelihood | None = None

    @property
    def se_tau2(self) -> float:
        """Standard error of τ² from the observed information; NaN at τ² = 0."""
        return self.tau2_error

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, with the number of count rows as sample size."""
        if self.observations == 0:
            return math.nan
        return -2 * self.log_likelihood + self.parameters * math.log(self.observations)

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        n = max(self.observations, self.parameters + 2)
        return -2 * self.log_likelihood + 2 * self.parameters * n / (n - self.parameters - 1)

    @property
    def prediction_note(self) -> str:
        """Why there is no prediction interval, empty when there is one."""
        return self.spec.why.get("prediction", "") if self.spec.prediction == "none" else ""

    @property
    def prediction_df(self) -> float:
        """Degrees of freedom behind the prediction interval; inf for the normal distribution."""
        rows = self.k_informative - self.coefficients.size
        return {"HTS": float(rows - 1), "t": float(rows)}.get(self.spec.prediction, math.inf)

    def prediction(self, level: float | None = None) -> Interval | None:
        """Return mu ± quantile × √(se² + τ²): the true effect of a new study, on the link scale."""
        if self.prediction_note:
            return None
        level = self.spec.level if level is None else a_level(level)
        half = quantile(level, self.prediction_df) * math.sqrt(self.se**2 + self.tau2)
        return Interval(self.mu - half, self.mu + half)

    @property
    def k_informative(self) -> int:
        """Studies that carry information about the effect."""
        return self.table.k if self.likelihood is None else self.likelihood.model.k

    def marginal(self) -> float:
        """Return the mean proportion or rate over studies: E{back(θ)} with θ ~ N(mu, τ²).

        ``transformed()['mu']`` is the rate of the middle (median) study; this is the average over studies.
        """
        if self.effect.scale not in ("logit", "log") or math.isinf(self.mu):
            return self._back(self.mu)
        if self.effect.scale == "log":
            return math.exp(self.mu + self.tau2 / 2)
        t, logw = hermite(99, 1)
        weight = np.exp(logw - t[:, 0] ** 2 / 2)
        return float((weight * special.expit(self.mu + self.tau * t[:, 0])).sum())

    def transformed(self) -> dict[str, Any]:
        """Return estimate and intervals on the scale people read, conditional and marginal."""
        out = CountPooled.transformed(self)
        if out and self.measure in ("PLO", "IRLN"):
            out["marginal"] = self.marginal()
        return out

    def tau2_interval(self, level: float | None = None, *, kind: str = "profile") -> Interval:
        """Return an interval for τ²: ``profile`` likelihood, or ``wald`` on the log scale.

        Raises
        ------
        NotEstimable
            The model has no τ², or it is 0 and ``wald`` was asked for.
        """
        level = self.spec.level if level is None else a_level(level)
        if kind not in ("profile", "wald"):
            raise OptionError(f"kind={kind!r} does not apply · choices: profile, wald")
        if self.spec.tau2 != "ML" or self.likelihood is None:
            raise NotEstimable("this result has no between-study variance to put an interval around")
        if kind == "wald":
            if not self.tau2 > 0 or not math.isfinite(self.se_tau2):
                raise NotEstimable("a Wald interval does not exist at tau2 = 0 · use kind='profile'")
            half = quantile(level) * self.se_tau2 / self.tau2
            return Interval(self.tau2 * math.exp(-half), self.tau2 * math.exp(half))
        return self._profile_tau2(level)

    def _profile_tau2(self, level: float) -> Interval:
        likelihood = self.likelihood
        assert likelihood is not None
        if len(likelihood.slope) > 1:
            raise NotEstimable("the profile interval is not offered for correlated random effects · use kind='wald'")
        cut = likelihood.optimum.value - quantile(level) ** 2 / 2

        def excess(tau: float) -> float:
            return likelihood.profile(tau=tau) - cut

        low = 0.0
        if self.tau > 0 and excess(1e-9) < 0:
            low = _bisect(excess, 0.0, self.tau)
        upper = max(2 * self.tau, 0.25)
        while excess(upper) > 0:
            upper *= 2
            if upper > 200:
                return Interval(low**2, math.inf)
        return Interval(low**2, _bisect(lambda t: -excess(t), self.tau, upper) ** 2)

    def profile_interval(self, level: float | None = None) -> Interval:
        """Return the profile-likelihood interval for ``mu``.

        Raises
        ------
        NotEstimable
            The estimate is infinite.
        """
        level = self.spec.level if level is None else a_level(level)
        likelihood = self.likelihood
        if likelihood is None or self.bounds is not None:
            raise NotEstimable("the estimate is infinite; interval() holds its exact bound")
        cut = likelihood.optimum.value - quantile(level) ** 2 / 2

        def excess(mu: float) -> float:
            return likelihood.profile(mu=mu) - cut

        ends = []
        for sign in (-1.0, 1.0):
            far = self.mu + sign * 2 * self.se
            while excess(far) > 0:
                far += sign * self.se
            inside, outside = self.mu, far
            ends.append(_bisect(lambda x: -excess(x), inside, outside))
        return Interval(ends[0], ends[1])

    def study_effects(self) -> FloatArray:
        """Return the studies' own effects as the model shrinks them (modes), (k,)."""
        if self.likelihood is None:
            raise NotEstimable("the estimate is infinite: no study effects")
        model, top = self.likelihood.model, self.likelihood.optimum
        ev = top.at
        if ev is None:
            ev = evaluate(model, top.alpha[None], top.beta[None], top.scale[None], self.likelihood.nodes, want="value")
        slope = np.zeros((model.m, model.d))
        slope[:] = model.E[0].sum(axis=0) if model.x.shape[1] == 1 else model.E[0, 0] - model.E[0, 1]
        return np.asarray(self.mu + np.einsum("kd,md,m->k", ev.mode[0], slope, top.scale))

    def _glance(self) -> dict[str, Any]:
        return {
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "bic": self.bic,
            "q_lrt": self.q_lrt,
            "q_lrt_p": self.q_lrt_p,
            "sigma2": self.sigma2,
            "rho": self.rho,
            "modes": self.modes,
        }


def _bisect(f: Any, a: float, b: float) -> float:  # noqa: ANN401
    """Return the root of increasing-through-zero ``f`` between ``a`` (f ≤ 0) and ``b`` (f ≥ 0)."""
    from scipy.optimize import brentq

    return float(brentq(f, a, b, xtol=1e-10, rtol=1e-10))
