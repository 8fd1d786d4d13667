"""The normal-normal hierarchical model, exactly: yᵢ ~ N(θᵢ, vᵢ), θᵢ ~ N(xᵢ'β, τ²).

Given τ everything is normal (Röver 2020, doi:10.18637/jss.v093.i06): with W = diag 1/(vᵢ + τ²), β ~ N(b₀, B₀) or flat,
P = X'WX + B₀⁻¹, V = P⁻¹, b = V(X'Wy + B₀⁻¹b₀), and the marginal likelihood of τ is

    log g(τ) = −½[(k − f) log 2π + Σ log(vᵢ + τ²) + (y−Xb)'W(y−Xb) + (b−b₀)'B₀⁻¹(b−b₀) + log|P| + log|B₀|].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior, Flat, Normal
from .existence import Existence, existence
from .mixture import NormalMixture
from .quadrature import TauGrid, Watch, tau_grid

__all__ = ["ExactNormal", "NormalModel", "fit_normal", "normal_model"]

_LOG_2PI = float(np.log(2.0 * np.pi))
_PROBES = np.array([-2.0, -0.7, 0.7, 2.0])


@dataclass(frozen=True, slots=True, eq=False)
class NormalModel:
    """Data and coefficient priors, centred: y is stored less X·shift.

    Attributes
    ----------
    y, v, X
        Estimates (k,), variances (k,), design (k, p).
    b0, precision
        Prior means and precisions of the coefficients (p,); precision 0 is a flat prior.
    shift
        What was taken off the coefficients, (p,).
    const
        (k − f) log 2π + log|B₀| of the marginal likelihood.
    """

    y: FloatArray
    v: FloatArray
    X: FloatArray
    b0: FloatArray
    precision: FloatArray
    shift: FloatArray
    const: float = field(init=False)

    def __post_init__(self) -> None:
        proper = self.precision[self.precision > 0.0]
        object.__setattr__(self, "const", (self.k - self.flat) * _LOG_2PI - float(np.log(proper).sum()))

    @property
    def flat(self) -> int:
        """Number of flat coefficients."""
        return int(np.count_nonzero(self.precision == 0.0))

    @property
    def k(self) -> int:
        """Number of rows."""
        return int(self.y.size)

    def given(self, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return (log g, b, V) at each τ: shapes (m,), (m, p), (m, p, p); b is relative to ``shift``."""
        total = self.v + tau[:, None] ** 2
        w = 1.0 / total
        size, p = tau.size, self.X.shape[1]
        if p == 1:
            x = self.X[:, 0]
            P1 = w @ (x * x) + self.precision[0]
            V1 = 1.0 / P1
            b1 = V1 * (w @ (x * self.y) + self.precision[0] * self.b0[0])
            fitted, b, V, log_det = b1[:, None] * x, b1[:, None], V1[:, None, None], np.log(P1)
        elif p == 0:
            b, V, fitted, log_det = np.zeros((size, 0)), np.zeros((size, 0, 0)), np.zeros((size, 1)), np.zeros(size)
        else:
            P = np.einsum("mk,kp,kq->mpq", w, self.X, self.X, optimize=True) + np.diag(self.precision)
            root = np.linalg.cholesky(P)
            V = np.linalg.inv(P)
            b = np.einsum("mpq,mq->mp", V, w @ (self.X * self.y[:, None]) + self.precision * self.b0)
            fitted, log_det = b @ self.X.T, 2.0 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(-1)
        residual = self.y - fitted
        square = (w * residual * residual).sum(-1) + ((b - self.b0) ** 2) @ self.precision
        return -0.5 * (self.const + np.log(total).sum(-1) + square + log_det), b, V

    def log_likelihood(self, tau: FloatArray) -> FloatArray:
        """Log g(τ), the likelihood of τ with the coefficients integrated out over their priors."""
        return self.given(tau)[0]


def normal_model(y: FloatArray, v: FloatArray, X: FloatArray, priors: Sequence[EffectPrior]) -> NormalModel:
    """Return the centred model.

    Raises
    ------
    NotEstimable
        Columns with flat priors are linearly dependent.
    """
    assert all(isinstance(prior, Normal | Flat) for prior in priors)
    precision = np.array([1.0 / prior.scale**2 if isinstance(prior, Normal) else 0.0 for prior in priors])
    b0 = np.array([prior.loc if isinstance(prior, Normal) else 0.0 for prior in priors])
    flat = precision == 0.0
    if flat.any():
        loose = X[:, flat]
        norm = np.abs(loose).max(axis=0)
        if np.any(norm == 0) or np.linalg.matrix_rank(loose / np.where(norm > 0, norm, 1.0)) < loose.shape[1]:
            raise NotEstimable(
                "the design has linearly dependent columns, and their coefficients have flat priors"
                " · leave a moderator out or give its coefficient a Normal prior"
            )
    root = np.sqrt(v)
    shift: FloatArray = np.zeros(X.shape[1])
    if shift.size == 1:
        # the mean in closed form: half of the time of a least-squares routine is its set-up
        w = X[:, 0] / v
        held = float(w @ X[:, 0])
        shift[0] = float(w @ y) / held if held > 0.0 else 0.0
    elif shift.size:
        shift = np.asarray(np.linalg.lstsq(X / root[:, None], y / root, rcond=None)[0], dtype=np.float64)
    return NormalModel(y - X @ shift, v, X, b0 - shift, precision, shift)


@dataclass(frozen=True, slots=True, eq=False)
class ExactNormal:
    """The exact posterior: nodes over τ and the normal conditionals at each.

    Attributes
    ----------
    model, prior
        The model and the prior of τ.
    grid
        Nodes and weights of the posterior of τ.
    b, V
        Conditional means (m, p) and covariances (m, p, p) of the coefficients at the nodes, less ``model.shift``.
    exists
        Which moments exist.
    """

    model: NormalModel
    prior: TauPrior
    grid: TauGrid
    b: FloatArray
    V: FloatArray
    exists: Existence

    @property
    def log_marginal(self) -> float:
        """Log ∫ g(τ) p(τ) dτ."""
        return self.grid.log_norm

    def _spread(self, x: FloatArray) -> FloatArray:
        """Variance of x'β given τ, (m,)."""
        return np.asarray(self.V.reshape(self.grid.tau.size, x.size**2) @ np.outer(x, x).ravel())

    def contrast(self, x: FloatArray, unit: str | None, *, new: bool = False, extra: float = 0.0) -> NormalMixture:
        """Return the posterior of x'β, of a new study's effect there (``new``), plus noise of variance ``extra``."""
        loc = self.b @ x + float(self.model.shift @ x)
        variance = self._spread(x) + extra
        if new:
            variance = variance + self.grid.tau**2
        safe = self.model.flat == 0
        moments = self.exists.tau_moments
        finite_sd = moments == 2 or (safe and not new)
        finite_mean = moments >= 1 or (safe and not new)
        note = "" if finite_sd else self.exists.note
        return NormalMixture(self.grid.weight, loc, np.sqrt(variance), finite_mean, finite_sd, note, unit)

    def shrinkage(self, i: int, unit: str | None) -> NormalMixture:
        """Return the posterior of the true effect of row ``i``, drawn towards the mean; all its moments are finite."""
        v, x = float(self.model.v[i]), self.model.X[i]
        pull = v / (v + self.grid.tau**2)
        centre = float(self.model.shift @ x)
        loc = (1.0 - pull) * self.model.y[i] + pull * (self.b @ x) + centre
        variance = (1.0 - pull) * v + pull**2 * self._spread(x)
        return NormalMixture(self.grid.weight, loc, np.sqrt(variance), unit=unit)

    def covariance(self) -> FloatArray:
        """Return the posterior covariance of the coefficients, (p, p): E[V | τ] + Cov[b | τ]."""
        if self.exists.tau_moments < 2 and self.model.flat:
            return np.full(self.V.shape[1:], np.inf)
        share = self.grid.weight / self.grid.weight.sum()
        centre = self.b[0] + share @ (self.b - self.b[0])
        gap = self.b - centre
        within = np.einsum("m,mpq->pq", share, self.V)
        return np.asarray(within + np.einsum("m,mp,mq->pq", share, gap, gap))

    def mean_weights(self) -> FloatArray:
        """Posterior mean weights of the rows, then of the prior, in the one mean effect, (k + 1,)."""
        x = self.model.X[:, 0]
        w = x / (self.model.v + self.grid.tau[:, None] ** 2) * self.V[:, 0, 0][:, None]
        rows = self.grid.weight @ w
        return np.append(rows, self.grid.weight @ self.V[:, 0, 0] * self.model.precision[0])

    def shrinkage_weights(self, i: int) -> FloatArray:
        """Posterior mean weights of the rows, then of the prior, in the effect of row ``i``, (k + 1,)."""
        tau2 = self.grid.tau**2
        pull = self.model.v[i] / (self.model.v[i] + tau2) * self.model.X[i, 0]
        x = self.model.X[:, 0]
        w = x / (self.model.v + tau2[:, None]) * (self.V[:, 0, 0] * pull)[:, None]
        rows = self.grid.weight @ w
        rows[i] += float(self.grid.weight @ (tau2 / (self.model.v[i] + tau2)))
        return np.append(rows, self.grid.weight @ (self.V[:, 0, 0] * pull) * self.model.precision[0])


def fit_normal(
    y: FloatArray, v: FloatArray, X: FloatArray, priors: Sequence[EffectPrior], prior: TauPrior
) -> ExactNormal:
    """Return the exact posterior of the normal-normal model.

    Parameters
    ----------
    y, v
        Estimates and variances, (k,), finite and positive.
    X
        Design, (k, p); a column of ones for a mean effect.
    priors
        `Normal` or `Flat`, one a column.
    prior
        Prior of τ, resolved.

    Raises
    ------
    ImproperPosterior, NotEstimable, QuadratureError
        The posterior does not exist, or misses its error bound.
    """
    model = normal_model(y, v, X, priors)
    exists = existence(prior, model.k, model.flat)
    p = X.shape[1]

    def target(tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        log, b, V = model.given(tau)
        return log + prior.logpdf(tau), np.concatenate([b, V.reshape(tau.size, p * p)], axis=1)

    spread = float(np.ptp(model.y)) if model.k > 1 else 0.0
    scales = np.concatenate([np.sqrt(v), [max(spread, float(np.sqrt(v.min())))], [prior.typical]])
    grid, given = tau_grid(
        target,
        partial(_watched, X.mean(axis=0)),
        scales=(float(scales.min()), float(scales.max())),
        upper=prior.upper,
        moments=exists.tau_moments,
    )
    return ExactNormal(model, prior, grid, given[:, :p], given[:, p:].reshape(grid.tau.size, p, p), exists)


def _watched(x: FloatArray, tau: FloatArray, given: FloatArray, weight: FloatArray) -> Watch:
    """Distribution functions of x'β and of a new effect there, four places each."""
    p = x.size

    def laws(tau: FloatArray, given: FloatArray) -> tuple[FloatArray, FloatArray]:
        variance = np.maximum(given[:, p:] @ np.outer(x, x).ravel(), 1e-300)
        return given[:, :p] @ x, np.sqrt(np.stack([variance, variance + tau * tau], axis=1))

    loc, sd = laws(tau, given)
    places = np.exp(weight @ np.log(sd))[:, None] * _PROBES + weight @ loc

    def watch(tau: FloatArray, given: FloatArray) -> FloatArray:
        loc, sd = laws(tau, given)
        return np.asarray(special.ndtr((places - loc[:, None, None]) / sd[:, :, None])).reshape(tau.size, -1)

    return watch
