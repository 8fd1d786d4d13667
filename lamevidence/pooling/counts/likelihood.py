"""The likelihood behind a one-stage result: profiles, their intervals, and the effects of the studies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable
from ...foundation.values import Interval
from ..kernel.distributions import quantile
from .optimise import Optimum, maximise
from .quadrature import StudyModel, evaluate

__all__ = ["Likelihood"]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Model, optimum and quadrature nodes behind a result; what profiles are computed from.

    ``slope`` are the positions of the scale parameters whose squares sum to τ².
    """

    model: StudyModel
    optimum: Optimum
    nodes: int
    slope: tuple[int, ...]

    @property
    def tau2(self) -> float:
        """Between-study variance at the optimum; 0 where the model has none."""
        scale = self.optimum.scale
        return float((scale[list(self.slope)] ** 2).sum()) if scale.size else 0.0

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

    def held(self, tau: float, alpha: FloatArray, beta: FloatArray) -> Optimum:
        """Return the maximum with ``tau`` held, and its covariance; the search starts at ``alpha`` and ``beta``."""
        scale = self.optimum.scale.copy()
        still = tuple(j for j in range(scale.size) if j in self.slope or scale[j] == 0)
        scale[list(self.slope)] = tau
        return maximise(self.model, alpha, beta, scale, self.nodes, hold_scale=still)

    def tau2_interval(self, level: float) -> Interval:
        """Return the profile-likelihood interval of τ²."""
        if len(self.slope) > 1:
            raise NotEstimable("the profile interval is not offered for correlated random effects · use kind='wald'")
        cut, tau = self.optimum.value - quantile(level) ** 2 / 2, math.sqrt(self.tau2)

        def excess(at: float) -> float:
            return self.profile(tau=at) - cut

        low = 0.0
        if tau > 0 and excess(1e-9) < 0:
            low = _root(excess, 0.0, tau)
        upper = max(2 * tau, 0.25)
        while excess(upper) > 0:
            upper *= 2
            if upper > 200:
                return Interval(low**2, math.inf)
        return Interval(low**2, _root(lambda t: -excess(t), tau, upper) ** 2)

    def mu_interval(self, mu: float, se: float, level: float) -> Interval:
        """Return the profile-likelihood interval of the mean."""
        cut = self.optimum.value - quantile(level) ** 2 / 2

        def excess(at: float) -> float:
            return self.profile(mu=at) - cut

        ends = []
        for sign in (-1.0, 1.0):
            far = mu + sign * 2 * se
            while excess(far) > 0:
                far += sign * se
            ends.append(_root(lambda x: -excess(x), mu, far))
        return Interval(ends[0], ends[1])

    def study_effects(self, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mode and standard deviation of the effect of each study of the model, (k,) each.

        With θ = x'β + s'v, own parameters u = (v, α) of precision H = diag(I, 0) + Σ_r A''_r D_r D_r' at the mode, and
        the coefficients' covariance V: var θ ≈ s'(H⁻¹)_vv s + g'Vg, g = x − Σ_r A''_r X_r D_r' H⁻¹ (s, 0). For a normal
        likelihood this is the variance of the best linear unbiased predictor.
        """
        model, top = self.model, self.optimum
        k, d, a = model.k, model.d if top.scale.size else 0, int(model.has_local)
        if d == 0:
            return mean, np.sqrt(np.maximum(self._variance_of_mean(), 0.0))
        ev = top.at
        if ev is None:
            ev = evaluate(model, top.alpha[None], top.beta[None], top.scale[None], self.nodes, want="value")
        mode = ev.mode[0]
        Z = np.einsum("krmd,m->krd", model.E, top.scale)
        eta = model.offset + model.X @ top.beta + model.local * top.alpha[:, None] + np.einsum("krd,kd->kr", Z, mode)
        weight = model.cumulant.upper(eta.T[:, None, :, None])[1][:, 0, :, 0].T * model.active
        D = np.concatenate([Z, model.local[..., None]], axis=-1) if a else Z
        H = np.einsum("kr,kra,krb->kab", weight, D, D)
        H[:, range(d), range(d)] += 1.0
        if a:  # a study whose counts say nothing of its own parameter
            H[:, d, d] = np.where(H[:, d, d] > 0, H[:, d, d], 1.0)
        s = np.zeros((k, d + a))
        s[:, :d] = np.einsum("kmd,m->kd", self._effect(model.E), top.scale)
        turned = np.linalg.solve(H, s[..., None])[..., 0]
        g = self._effect(model.X) - np.einsum("kr,krp,kra,ka->kp", weight, model.X, D, turned)
        V = top.covariance[: model.p, : model.p]
        variance = (s * turned).sum(axis=1) + np.einsum("kp,pq,kq->k", g, V, g)
        return mean + (s[:, :d] * mode).sum(axis=1), np.sqrt(np.maximum(variance, 0.0))

    def _effect(self, rows: FloatArray) -> FloatArray:
        """Return the part of the design that belongs to the effect: the row of one arm, the contrast of two."""
        return np.asarray(rows[:, 0] if rows.shape[1] == 1 else rows[:, 0] - rows[:, 1])

    def _variance_of_mean(self) -> FloatArray:
        x = self._effect(self.model.X)
        V = self.optimum.covariance[: self.model.p, : self.model.p]
        return np.asarray(np.einsum("kp,pq,kq->k", x, V, x))


def _root(f: Callable[[float], float], a: float, b: float) -> float:
    """Return the root of increasing-through-zero ``f`` between ``a`` (f ≤ 0) and ``b`` (f ≥ 0)."""
    from scipy.optimize import brentq

    return float(brentq(f, a, b, xtol=1e-10, rtol=1e-10))
