"""Newton's method for the one-stage count models; `search` chooses where it starts.

The studies' own parameters are eliminated study by study (arrow-shaped Hessian).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError
from .cumulants import Binomial, Hypergeometric, self_concordant_step
from .hazard import Hazard
from .quadrature import Evaluation, StudyModel, evaluate, hessian_of

IntArray: TypeAlias = NDArray[np.intp]

__all__ = ["LOUIS_FROM", "Optimum", "Point", "evaluate_at", "fit_fixed", "maximise", "moments_at", "with_moments"]

LOUIS_FROM = 5
"""Fewest nodes for which Louis's Hessian is close enough to steer Newton's method."""
STEPS = 100
GAIN = 3e-15
"""Predicted relative gain in log-likelihood that cannot be seen in the value."""
LAST = 1e-10
"""A Newton step of less predicted relative gain is the last: it ends within 1e-9 standard errors of the maximum."""
POLISH = 1e-4
"""Largest last step that is taken unseen."""
NOTHING = np.zeros((0,))


@dataclass(frozen=True, slots=True)
class Optimum:
    """A maximum of the likelihood.

    Attributes
    ----------
    value
        Log-likelihood.
    alpha, beta, scale
        (k,), (p,), (m,).
    covariance
        Of (beta, scale): inverse observed information, studies' own parameters profiled out; rows of a
        scale at 0 are NaN.
    information
        Per-study negative Hessian (k, a, a), a = own parameter, beta, scale.
    modes
        How many local maxima the scan polished to distinct values.
    at
        The last evaluation there, where there are random effects.
    """

    value: float
    alpha: FloatArray
    beta: FloatArray
    scale: FloatArray
    covariance: FloatArray
    information: FloatArray
    studies: FloatArray
    modes: int = 1
    at: Evaluation | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """Parameter values: own (k,), common (p,), scales (m,)."""

    alpha: FloatArray
    beta: FloatArray
    scale: FloatArray

    def moved(self, da: FloatArray, db: FloatArray, ds: FloatArray) -> Point:
        """Return the point after a step."""
        return Point(self.alpha + da, self.beta + db, self.scale + ds)


def _arrow(
    gradient: FloatArray, hessian: FloatArray, has_local: bool, free: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return (g, S) with the own parameters eliminated, and what is needed to get their steps back."""
    if not has_local:
        g, S = gradient.sum(axis=0), hessian.sum(axis=0)
        if free.size < g.size:
            g, S = g[free], S[free[:, None], free]
        return g, S, NOTHING, NOTHING
    h = hessian[:, 0, 0]
    safe = np.where(h < -1e-12, h, -1.0)
    alive = np.where(h < -1e-12, 1.0, 0.0)
    cross = hessian[:, 0, 1:][:, free]
    ga = gradient[:, 0] * alive
    share = cross * (alive / safe)[:, None]
    g = gradient[:, 1:].sum(axis=0)[free] - ga @ share
    S = hessian[:, 1:, 1:].sum(axis=0)[free[:, None], free] - share.T @ cross
    return g, S, -ga / safe, -share


def _ascent(g: FloatArray, S: FloatArray) -> tuple[FloatArray, float]:
    """Return an ascent step from gradient and Hessian, eigenvalues of the wrong sign turned, and its predicted gain."""
    if g.size == 0:
        return g, 0.0
    try:
        np.linalg.cholesky(-S)
    except np.linalg.LinAlgError:
        pass
    else:
        direct: FloatArray = np.asarray(np.linalg.solve(-S, g), dtype=np.float64)
        return direct, float(0.5 * g @ direct)
    values, vectors = np.linalg.eigh(S)
    size = np.abs(values)
    floor = max(float(size.max()) * 1e-12, 1e-300)
    turned = vectors.T @ g / np.maximum(size, floor)
    return vectors @ turned, float(0.5 * (vectors.T @ g) @ turned)


def evaluate_at(model: StudyModel, at: Point, nodes: int, mode: FloatArray | None) -> Evaluation:
    """Return the evaluation at one point."""
    return evaluate(model, at.alpha[None], at.beta[None], at.scale[None], nodes, mode)


def maximise(
    model: StudyModel,
    alpha: FloatArray,
    beta: FloatArray,
    scale: FloatArray,
    nodes: int,
    *,
    hold_beta: tuple[int, ...] = (),
    hold_scale: tuple[int, ...] = (),
    moments: bool = True,
    mode: FloatArray | None = None,
) -> Optimum:
    """Return the maximum reached by Newton's method from a starting point; held parameters stay.

    ``mode`` holds the modes of a nearby evaluation. Without ``moments`` covariance and information are left empty:
    `with_moments` fills them in.
    """
    free = np.array(
        [j for j in range(model.p) if j not in hold_beta]
        + [model.p + j for j in range(model.m) if j not in hold_scale],
        dtype=np.intp,
    )
    at = Point(np.array(alpha, float), np.array(beta, float), np.array(scale, float))
    ev = evaluate_at(model, at, nodes, mode)
    for _ in range(STEPS):
        hessian = ev.hessian[0]
        if nodes < LOUIS_FROM:
            hessian = hessian_of(model, at.alpha, at.beta, at.scale, nodes, ev.mode)
        g, S, da0, da1 = _arrow(ev.gradient[0], hessian, model.has_local, free)
        step, gain = _ascent(g, S)
        own = float(0.5 * (da0 * ev.gradient[0][:, 0]).sum()) if model.has_local else 0.0
        predicted = (gain + own) / (1.0 + abs(float(ev.value[0])))
        if predicted <= GAIN:
            break
        at, ev, moved = _line_search(model, at, ev, nodes, step, da0, da1, free)
        if not moved or predicted <= LAST:
            break
    else:
        raise ConvergenceError(
            "the likelihood kept rising after 100 Newton steps · the estimate is at infinity or the data are corrupt"
        )
    empty = np.zeros((0, 0))
    top = Optimum(float(ev.value[0]), at.alpha, at.beta, at.scale, empty, empty, ev.studies[0], at=ev)
    return with_moments(model, top, nodes, free) if moments else top


def _line_search(
    model: StudyModel,
    at: Point,
    ev: Evaluation,
    nodes: int,
    step: FloatArray,
    da0: FloatArray,
    da1: FloatArray,
    free: IntArray,
) -> tuple[Point, Evaluation, bool]:
    """Return the first of full, half, quarter … step that raises the likelihood."""
    full = np.zeros(model.p + model.m)
    full[free] = step
    da = da0 + da1 @ step if model.has_local else np.zeros(model.k)
    largest = max(float(np.abs(full).max(initial=0.0)), float(np.abs(da).max(initial=0.0)))
    size = min(1.0, 3.0 / largest) if largest > 0 else 1.0
    value = float(ev.value[0])
    for _ in range(30):
        trial = at.moved(size * da, size * full[: model.p], size * full[model.p :])
        tried = evaluate_at(model, trial, nodes, ev.mode)
        new = float(tried.value[0])
        if np.isfinite(new) and new > value:
            return trial, tried, True
        size *= 0.5
        if size * largest < 1e-12:
            break
    return at, ev, False


def with_moments(model: StudyModel, top: Optimum, nodes: int, free: IntArray) -> Optimum:
    """Return an optimum after a last Newton step, with its information and the covariance of the free parameters."""
    at = Point(top.alpha, top.beta, top.scale)
    ev = evaluate_at(model, at, nodes, None) if top.at is None else top.at
    hessian = hessian_of(model, at.alpha, at.beta, at.scale, nodes, ev.mode)
    at, ev = _polished(model, at, ev, hessian, nodes, free)
    return replace(
        top,
        value=float(ev.value[0]),
        alpha=at.alpha,
        beta=at.beta,
        scale=at.scale,
        covariance=moments_at(model, -hessian, free),
        information=-hessian,
        studies=ev.studies[0],
        at=ev,
    )


def _polished(
    model: StudyModel, at: Point, ev: Evaluation, hessian: FloatArray, nodes: int, free: IntArray
) -> tuple[Point, Evaluation]:
    """Return the point after one Newton step that the gradient asks for, though the value is too coarse to show it."""
    g, S, da0, da1 = _arrow(ev.gradient[0], hessian, model.has_local, free)
    if free.size and np.linalg.eigvalsh(-S).min() <= 0:
        return at, ev
    full = np.zeros(model.p + model.m)
    full[free] = np.linalg.solve(-S, g)
    da = da0 + da1 @ full[free] if model.has_local else np.zeros(model.k)
    largest = max(float(np.abs(full).max(initial=0.0)), float(np.abs(da).max(initial=0.0)))
    if largest > POLISH:
        return at, ev
    there = at.moved(da, full[: model.p], full[model.p :])
    return there, evaluate(model, there.alpha[None], there.beta[None], there.scale[None], nodes, ev.mode, "value")


def moments_at(model: StudyModel, information: FloatArray, free: IntArray) -> FloatArray:
    """Return the covariance of the free (beta, scale), NaN where held or not identified."""
    size = model.p + model.m
    out = np.full((size, size), np.nan)
    _, S, _, _ = _arrow(np.zeros(information.shape[:2]), -information, model.has_local, free)
    if free.size and np.linalg.eigvalsh(-S).min() > 0:
        out[free[:, None], free] = np.linalg.inv(-S)
    return out


def fit_fixed(model: StudyModel, beta: FloatArray | None = None, hold: bool = False) -> Optimum:
    """Return the maximum likelihood fit without random effects (τ = 0); ``hold`` keeps ``beta`` as given."""
    alpha, beta = _own_start(model), _start(model) if beta is None else np.array(beta, float)
    fixed = model.without_random()
    free = np.arange(0 if hold else model.p, dtype=np.intp)
    for _ in range(STEPS):
        value, gradient, hessian = _fixed_terms(fixed, alpha, beta)
        g, S, da0, da1 = _arrow(gradient, hessian, fixed.has_local, free)
        step, gain = _ascent(g, S)
        da = da0 + da1 @ step if fixed.has_local else np.zeros(fixed.k)
        gain += 0.5 * float((da0 * gradient[:, 0]).sum()) if fixed.has_local else 0.0
        db = step if free.size else np.zeros(fixed.p)
        move = fixed.X @ db + fixed.local * da[:, None]
        damping = float(self_concordant_step(np.asarray(np.abs(move * fixed.active).max(initial=0.0))))
        alpha, beta = alpha + damping * da, beta + damping * db
        if gain <= GAIN * (1.0 + abs(value)):
            break
    value, gradient, hessian = _fixed_terms(fixed, alpha, beta)
    studies = value_by_study(fixed, alpha, beta)
    covariance = moments_at(fixed, -hessian, free)
    return Optimum(value, alpha, beta, np.zeros(0), covariance, -hessian, studies)


def _start(model: StudyModel) -> FloatArray:
    """Return where the common coefficients start: least squares of the rows' own links, or 0."""
    if model.has_local or isinstance(model.cumulant, Hypergeometric):
        return np.zeros(model.p)
    x = model.x + 0.5
    if isinstance(model.cumulant, Hazard):
        yi, vi = model.cumulant.rows.own()
        link, weight = yi[:, None] + model.offset, 1.0 / vi[:, None]
    elif isinstance(model.cumulant, Binomial):
        n = model.cumulant.n + 1.0
        link, weight = np.log(x / (n - x)), x * (n - x) / n
    else:
        link, weight = np.log(x), x
    X = model.X.reshape(-1, model.p)
    W = X * weight.reshape(-1, 1)
    return np.asarray(np.linalg.lstsq(W.T @ X, W.T @ (link - model.offset).ravel(), rcond=None)[0])


def _own_start(model: StudyModel) -> FloatArray:
    """Return where the studies' own parameters start: the link of each study's rate over all its rows."""
    if not model.has_local:
        return np.zeros(model.k)
    x = model.x.sum(axis=1) + 0.5
    if isinstance(model.cumulant, Binomial):
        n = model.cumulant.n.sum(axis=1) + 1.0
        return np.asarray(np.log(x / (n - x)))
    return np.asarray(np.log(x / np.exp(model.offset).sum(axis=1)))


def value_by_study(model: StudyModel, alpha: FloatArray, beta: FloatArray) -> FloatArray:
    """Return each study's log-likelihood without random effects, (k,)."""
    eta = model.offset + model.X @ beta + model.local * alpha[:, None]
    a = model.cumulant.lower(eta.T[:, None, :, None])[0][:, 0, :, 0].T
    return np.asarray(((model.x * eta - a) * model.active).sum(axis=1) + model.constant)


def _fixed_terms(model: StudyModel, alpha: FloatArray, beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    eta = model.offset + model.X @ beta + model.local * alpha[:, None]
    a, a1, a2 = (part[:, 0, :, 0].T for part in model.cumulant.lower(eta.T[:, None, :, None]))
    D = np.concatenate([model.local[..., None], model.X], axis=-1) if model.has_local else model.X
    value = float(((model.x * eta - a) * model.active).sum() + model.constant.sum())
    gradient = np.einsum("kr,kra->ka", (model.x - a1) * model.active, D)
    return value, gradient, -np.einsum("kr,kra,krb->kab", a2 * model.active, D, D)
