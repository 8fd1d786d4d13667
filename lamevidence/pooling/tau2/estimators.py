"""Estimators of the between-study variance τ².

One function a method, each over m data sets at once: y, v (m, k) centred and scaled (`kernels.centre`),
``k`` live studies (m,), ``X`` (k, p) or (m, k, p) or None, ``a`` weights (m, k) where the method takes
them. A method returns `Tau2`; its sampling standard error is in `tau2_errors`.

In every formula P = A − AX(X'AX)⁻¹X'A for the weights A of the method, and Q = y'Py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ..kernel.distributions import weighted_chi2_cdf
from ..kernel.kernels import OUT_OF_ITERATIONS, IntArray, Projection, pick, solve_decreasing
from ..kernel.likelihood import maximise, restricted_log_likelihood, score

__all__ = ["TAU2", "Estimator", "Tau2", "columns", "form_eigenvalues", "moment_estimate", "q_of", "solve_form"]


@dataclass(frozen=True, slots=True)
class Tau2:
    """τ² of m data sets, with a status code, the number of modes of the likelihood, and its gap."""

    value: FloatArray
    status: IntArray | None = None
    modes: IntArray | None = None
    gap: FloatArray | None = None


Estimator: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray | None, FloatArray | None], Tau2]

TAU2: Catalog[Estimator] = Catalog("tau2 estimator")

THOMPSON_SHARP = "10.1002/(SICI)1097-0258(19991030)18:20<2693::AID-SIM235>3.0.CO;2-V"
HALVINGS = 52
"""Halvings of a bracket of ratio 2: what a double holds."""
_MEDIAN_UNBIASED = "Viechtbauer 2021, European Congress of Methodology, Valencia"


def columns(X: FloatArray | None) -> int:
    """Return p, the number of coefficients."""
    return 1 if X is None else int(X.shape[-1])


def q_of(projection: Projection, y: FloatArray) -> FloatArray:
    """Return Q = y'Py, (m,), for the weights of the projection."""
    r = projection.residuals(y)
    return np.asarray(np.add.reduce(projection.w * r * r, axis=-1))


def _live(v: FloatArray) -> FloatArray:
    """Return 1 for studies that are there, 0 for absent ones."""
    return np.asarray(v < np.inf, dtype=np.float64)


def _finite(v: FloatArray) -> FloatArray:
    """Return variances with absent studies as 0, to be multiplied by weights of 0."""
    return np.asarray(np.where(v < np.inf, v, 0.0))


def moment_estimate(y: FloatArray, v: FloatArray, X: FloatArray | None, a: FloatArray) -> FloatArray:
    """Return (y'Py − tr PV) / tr P for weights ``a``, not below 0 (the generalised method of moments)."""
    projection = Projection(a, X)
    return np.asarray(np.maximum((q_of(projection, y) - projection.trace(_finite(v))) / projection.trace(), 0.0))


@TAU2.register("DL", title="DerSimonian-Laird", reference="10.1016/0197-2456(86)90046-2")
def dersimonian_laird(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return (Q − (k − p)) / tr P with weights 1/v."""
    projection = Projection(1.0 / v, X)
    return Tau2(np.maximum((q_of(projection, y) - (k - columns(X))) / projection.trace(), 0.0))


@TAU2.register("HE", title="Hedges (Cochran ANOVA)", reference="10.1037/0033-2909.93.2.388")
def hedges(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the moment estimate with equal weights."""
    return Tau2(moment_estimate(y, v, X, _live(v)))


@TAU2.register("HS", title="Hunter-Schmidt", reference="10.3102/10769986030003261")
def hunter_schmidt(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return (Q − k) / Σw with w = 1/v."""
    return Tau2(_hunter_schmidt(y, v, k, X, np.ones_like(k)))


@TAU2.register("HSk", title="Hunter-Schmidt with small-sample correction", reference="10.1177/1094428117741966")
def hunter_schmidt_corrected(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return (Q·k/(k − p) − k) / Σw with w = 1/v."""
    return Tau2(_hunter_schmidt(y, v, k, X, k / (k - columns(X))))


def _hunter_schmidt(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, factor: FloatArray
) -> FloatArray:
    w = 1.0 / v
    q = q_of(Projection(w, X), y)
    return np.asarray(np.maximum((factor * q - k) / np.add.reduce(w, axis=-1), 0.0))


def crude_variance(y: FloatArray, v: FloatArray, k: FloatArray) -> FloatArray:
    """Return Σ(y − ȳ)²/k, the value that Sidik and Jonkman start from."""
    return np.asarray(q_of(Projection(_live(v)), y) / k)


@TAU2.register("SJ", title="Sidik-Jonkman", reference="10.1111/j.1467-9876.2005.00489.x")
def sidik_jonkman(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return τ₀² Q/(k − p) with weights 1/(v + τ₀²), τ₀² = Σ(y − ȳ)²/k."""
    start = crude_variance(y, v, k)
    w = 1.0 / (v + start[..., None])
    return Tau2(start * q_of(Projection(w, X), y) / (k - columns(X)))


@TAU2.register("GENQ", title="generalised Q with given weights", reference="10.1016/j.cct.2006.04.004")
def generalised(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the moment estimate with the weights given."""
    assert a is not None
    return Tau2(moment_estimate(y, v, X, a))


@TAU2.register("DL2", title="two-step DerSimonian-Laird", reference="10.1016/j.cct.2006.04.004")
def dersimonian_laird_two_step(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the moment estimate with weights 1/(v + τ²_DL)."""
    first = dersimonian_laird(y, v, k, X, None).value
    return Tau2(moment_estimate(y, v, X, 1.0 / (v + first[..., None])))


@TAU2.register("CA", title="Cochran ANOVA (identical to HE)", reference="10.1016/j.cct.2006.04.004")
def cochran_anova(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the moment estimate with equal weights."""
    return hedges(y, v, k, X, None)


@TAU2.register("CA2", title="two-step Cochran ANOVA", reference="10.1016/j.cct.2006.04.004")
def cochran_anova_two_step(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the moment estimate with weights 1/(v + τ²_CA)."""
    first = hedges(y, v, k, X, None).value
    return Tau2(moment_estimate(y, v, X, 1.0 / (v + first[..., None])))


@TAU2.register("PM", title="Paule-Mandel", reference="10.6028/jres.087.022")
def paule_mandel(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the root of Q(τ²) = k − p, the generalised Q at its expectation."""
    roots = solve_decreasing(y, v, X, k - columns(X))
    return Tau2(roots.value, roots.status)


@TAU2.register("EB", title="empirical Bayes (identical to PM)", reference="10.1080/01621459.1983.10477920")
def empirical_bayes(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the Paule-Mandel root, which solves the empirical Bayes equation too."""
    return paule_mandel(y, v, k, X, None)


@TAU2.register("DLIT", title="iterated DerSimonian-Laird (limit: PM)", reference="10.1016/j.cct.2006.04.004")
def dersimonian_laird_iterated(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the fixed point of the moment estimate with weights 1/(v + τ²), which is the PM root."""
    return paule_mandel(y, v, k, X, None)


@TAU2.register("SJIT", title="iterated Sidik-Jonkman (limit: PM)", reference="10.1111/j.1467-9876.2005.00489.x")
def sidik_jonkman_iterated(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the fixed point of τ² ← τ² Q(τ²)/(k − p), which is the PM root."""
    return paule_mandel(y, v, k, X, None)


@TAU2.register("PMM", title="median-unbiased Paule-Mandel", reference=_MEDIAN_UNBIASED)
def paule_mandel_median(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the root of Q(τ²) = median of χ²(k − p)."""
    roots = solve_decreasing(y, v, X, special.chdtri(k - columns(X), 0.5))
    return Tau2(roots.value, roots.status)


@TAU2.register("ML", title="maximum likelihood", reference="10.3102/10769986030003261")
def maximum_likelihood(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the global maximum of the likelihood."""
    fit = maximise(y, v, k, X, restricted=False)
    return Tau2(fit.value, fit.status, fit.modes, fit.gap)


@TAU2.register("REML", title="restricted maximum likelihood", reference="10.3102/10769986030003261")
def restricted_maximum_likelihood(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the global maximum of the restricted likelihood."""
    fit = maximise(y, v, k, X, restricted=True)
    return Tau2(fit.value, fit.status, fit.modes, fit.gap)


@TAU2.register("GENQM", title="median-unbiased generalised Q", reference=_MEDIAN_UNBIASED)
def generalised_median(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the τ² at which the observed generalised Q is the median of its distribution."""
    assert a is not None
    value = np.empty(y.shape[0])
    status = np.zeros(y.shape[0], dtype=np.int64)
    for i in range(y.shape[0]):
        live = np.isfinite(v[i])
        design = None if X is None else np.asarray(pick(X, i) if X.ndim == 3 else X)[live]
        value[i], status[i] = solve_form(y[i, live], v[i, live], design, a[i, live], 0.5)
    return Tau2(value, status)


def form_eigenvalues(v: FloatArray, t: float, X: FloatArray | None, a: FloatArray) -> FloatArray:
    """Return the weights λ of Q_a = Σλᵢχ²₁ when the variances are v + t: eigenvalues of S½PS½."""
    design = np.ones((v.size, 1)) if X is None else X
    root = np.sqrt(v + t)
    inner = np.linalg.inv(design.T @ (a[:, None] * design))
    ax = a[:, None] * design
    form = root[:, None] * (np.diag(a) - ax @ inner @ ax.T) * root
    values = np.linalg.eigvalsh(form)[design.shape[1] :]
    return np.asarray(np.maximum(values, 0.0))


def solve_form(
    y: FloatArray, v: FloatArray, X: FloatArray | None, a: FloatArray, probability: float
) -> tuple[float, int]:
    """Return t with P_t(Q_a ≤ observed) = ``probability`` (0 when it is below that at t = 0), and a status.

    The probability falls as t grows, so the root is bracketed by doubling and found by Brent's method.
    """
    from scipy.optimize import brentq

    r = Projection(a, X).residuals(y)
    observed = float(np.sum(a * r * r))

    def excess(t: float) -> float:
        return weighted_chi2_cdf(observed, form_eigenvalues(v, t, X, a)) - probability

    if excess(0.0) <= 0:
        return 0.0, 0
    high = float(v.min()) + float(np.mean(r * r))
    for _ in range(2000):
        if excess(high) < 0:
            low = 0.0
            return float(brentq(excess, low, high, xtol=1e-15 * high, rtol=1e-14, maxiter=500)), 0
        high *= 2
    return np.inf, OUT_OF_ITERATIONS


# ---- made for few studies: never negative, or never zero ------------------------------------------
@TAU2.register("HM", title="Hartung-Makambi", reference="10.1081/SAC-120023884")
def hartung_makambi(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return Q² / ((2(k − p) + Q) tr P) with weights 1/v: DerSimonian-Laird made positive."""
    projection = Projection(1.0 / v, X)
    q = q_of(projection, y)
    return Tau2(np.asarray(q * q / ((2.0 * (k - columns(X)) + q) * projection.trace())))


@TAU2.register("AREML", title="approximate restricted likelihood", reference=THOMPSON_SHARP)
def approximate_restricted_likelihood(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the root of Σw²(k/(k − p)·r² − v − τ²) = 0 with w = 1/(v + τ²), r the weighted residuals.

    It is the maximum-likelihood estimate when the residuals are stretched by √(k/(k − p)); where there are
    several roots, the one with the highest likelihood of that kind is taken.
    """
    stretch = np.sqrt(k / (k - columns(X)))
    fit = maximise(y * stretch[..., None], v, k, X, restricted=False)
    return Tau2(fit.value, fit.status, fit.modes, fit.gap)


@TAU2.register("BM", title="Bayes modal, gamma(2, 0) prior of τ", reference="10.1002/sim.5821")
def bayes_modal(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the mode of likelihood × τ, the limit of a gamma prior with shape 2: never 0.

    The mode itself is found, not the quadratic approximation around the maximum-likelihood estimate.
    """
    grid = _modal_grid(y, v, X)
    up, down = score(y[:, None, :], v[:, None, :], grid, X if X is None or X.ndim == 2 else X[:, None], False)
    rising = up - down + 1.0 / grid > 0
    row, cell = np.nonzero(rising[:, :-1] & ~rising[:, 1:])
    low, high = grid[row, cell], grid[row, cell + 1]
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        up, down = score(y[row], v[row], middle, pick(X, row), False)
        above = up - down + 1.0 / middle > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    heights = restricted_log_likelihood(y[row], v[row], low, pick(X, row), False) + 0.5 * np.log(low)
    order = np.lexsort((heights, row))
    last = np.searchsorted(row[order], np.arange(y.shape[0]), side="right") - 1
    return Tau2(np.asarray(low[order][last]))


def _modal_grid(y: FloatArray, v: FloatArray, X: FloatArray | None) -> FloatArray:
    """Return a grid with ratio 2, (m, G), that holds every root of the penalised score, the same in any company.

    Below 1/Σv⁻¹ the prior's 1/τ² outweighs the whole likelihood. Above 3·max v and 16·max r² the score is negative.
    """
    live = v < np.inf
    low = 0.5 / np.add.reduce(1.0 / v, axis=-1)
    r = np.where(live, np.abs(Projection(live.astype(np.float64), X).residuals(y)), 0.0).max(axis=-1)
    high = 2.0 * np.maximum(3.0 * np.where(live, v, 0.0).max(axis=-1), 16.0 * r * r)
    count = int(np.ceil(np.log2((high / low).max()))) + 2
    return np.asarray(np.minimum(low[:, None] * 2.0 ** np.arange(count), np.maximum(high, 2 * low)[:, None]))
