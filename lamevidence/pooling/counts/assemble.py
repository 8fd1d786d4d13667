"""From an optimum to a result, and the exact answer where a likelihood has no finite maximum."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ...effects.escalc import escalc
from ...effects.measures.arm_intervals import arm_interval, rate_interval
from ...effects.measures.base import FloatArray
from ...effects.measures.cells import BoolArray
from ...foundation.errors import NotEstimable, OptionError, TooFewStudies
from ...foundation.values import Interval
from ...results.heterogeneity import typical_variance
from ..policy import FEW, default_count_interval, default_count_prediction
from .count_results import CountSpec
from .cumulants import Binomial, Cumulant, Hypergeometric
from .designs import CountData, saturated_intercept
from .hazard import Hazard, HazardBounds
from .likelihood import Likelihood
from .one_stage_regression import GlmmRegression
from .one_stage_results import GlmmPooled, OneStageFit
from .optimise import Optimum
from .quadrature import StudyModel, evaluate
from .remedies import COLUMNS, which_works
from .request import KINDS, Request
from .search import fit_random

__all__ = [
    "Saturated",
    "assemble",
    "at_the_edge",
    "conditional_value",
    "saturated_arms",
    "saturated_random",
    "saturated_rows",
    "typical_of",
]


@dataclass(frozen=True, slots=True)
class Saturated:
    """Log-likelihood with one effect a study, and the Wald statistic of equal effects."""

    value: float
    wald: float


def _quadratic(theta: FloatArray, information: FloatArray, X: FloatArray) -> float:
    """Return min_b (θ − Xb)'J(θ − Xb)."""
    JX = information @ X
    b = np.linalg.lstsq(X.T @ JX, JX.T @ theta, rcond=None)[0]
    r = theta - X @ b
    return max(0.0, float(r @ information @ r))


def saturated_rows(model: StudyModel, mods: FloatArray) -> Saturated:
    """Return the saturated fit of a model with one row a study (one arm, conditional)."""
    theta, finite = _own_mle(model)
    eta = (model.offset[:, 0] + theta)[None, None, :, None]
    a, _, a2 = (part[0, 0, :, 0] for part in model.cumulant.lower(eta))
    fitted = model.x[:, 0] * (model.offset[:, 0] + theta) - a + model.constant
    value = float(np.where(finite, fitted, 0.0).sum())  # a count at the edge of its support gets probability 1
    weight = np.where(finite, a2, 0.0)
    return Saturated(value, _quadratic(np.where(finite, theta, 0.0), np.diag(weight), mods))


def _own_mle(model: StudyModel) -> tuple[FloatArray, BoolArray]:
    """Return each study's own maximum likelihood effect (0 where infinite) and whether it is finite."""
    low, high = _support(model)
    x = model.x[:, 0]
    finite = (x > low) & (x < high)
    theta = np.zeros(model.k)
    for _ in range(100):
        eta = (model.offset[:, 0] + theta)[None, None, :, None]
        a1, a2, _ = (part[0, 0, :, 0] for part in model.cumulant.upper(eta))
        step = np.where(finite, (x - a1) / np.maximum(a2, 1e-300), 0.0)
        size = np.abs(step)
        step = step * np.where(size > 0.1, np.log1p(size) / np.maximum(size, 1e-300), 1.0)
        theta = theta + step
        if float(np.abs(step).max(initial=0.0)) < 1e-13:
            break
    return theta, np.asarray(finite)


def _support(model: StudyModel) -> tuple[FloatArray, FloatArray]:
    cumulant: Cumulant = model.cumulant
    if isinstance(cumulant, Binomial):
        return np.zeros(model.k), cumulant.n[:, 0]
    if isinstance(cumulant, Hypergeometric):
        return cumulant.low, cumulant.high
    if isinstance(cumulant, Hazard):
        return np.zeros(model.k), np.where(cumulant.rows.risk, cumulant.rows.total, np.inf)
    return np.zeros(model.k), np.full(model.k, np.inf)


def saturated_arms(data: CountData) -> Saturated:
    """Return the saturated fit of UM.FS: every arm its own rate."""
    x, size = data.x, data.size
    if data.family == "binomial":
        p = x / size
        constant = special.gammaln(size + 1) - special.gammaln(x + 1) - special.gammaln(size - x + 1)
        value = float((constant + special.xlogy(x, p) + special.xlogy(size - x, 1 - p)).sum())
        with np.errstate(divide="ignore"):
            arm_variance = 1 / x + 1 / (size - x)
            effect = np.log(x) - np.log(size - x)
    else:
        value = float((special.xlogy(x, x) - x - special.gammaln(x + 1)).sum())
        with np.errstate(divide="ignore"):
            arm_variance, effect = 1 / x, np.log(x / size)
    finite = np.isfinite(effect).all(axis=1)
    theta = np.zeros(data.k)
    theta[finite] = effect[finite, 0] - effect[finite, 1]
    weight = np.where(finite, 1 / arm_variance.sum(axis=1), 0.0)
    return Saturated(value, _quadratic(theta, np.diag(weight), data.mods))


def saturated_random(data: CountData, nodes: int) -> Saturated:
    """Return the saturated fit of UM.RS: random intercepts, one effect a study."""
    model = saturated_intercept(data)
    fit = fit_random(model, nodes)
    own = fit.information[:, 0, 0].copy()
    alive = own > 1e-8
    free = [1] if fit.scale[0] == 0 else [1, 2]
    cross = np.where(alive[:, None], fit.information[:, 0, free], 0.0)
    common = fit.information[:, free][:, :, free].sum(axis=0)
    information = np.diag(np.where(alive, own, 0.0)) - cross @ np.linalg.solve(common, cross.T)
    return Saturated(fit.value, _quadratic(np.where(alive, fit.alpha, 0.0), information, data.mods))


def typical_of(data: CountData, measure: str) -> float:
    """Return (k − p)/tr P of Higgins & Thompson (doi:10.1002/sim.1186) over the studies of ``data``.

    A one-stage model has no variance per study; the usual one (½ added where a cell is 0) stands in, for I² alone.
    """
    if data.hazard is not None:
        return _typical(data.hazard.own()[1], data.mods)
    cells = [column for arm in range(data.x.shape[1]) for column in (data.x[:, arm], data.size[:, arm])]
    made: dict[str, Any] = dict(zip(COLUMNS[measure], cells, strict=True))
    own = escalc(measure, **made, add=0.5, to="only0")
    usable = np.isfinite(own.vi) & (own.vi > 0)
    if data.x.shape[1] == 2:
        usable = usable & ~data.uninformative()
    return _typical(own.vi[usable], data.mods[usable])


def _typical(vi: FloatArray, X: FloatArray) -> float:
    return typical_variance(vi, X) if X.shape[0] > X.shape[1] else math.nan


def _scales(
    request: Request, top: Optimum, slope: tuple[int, ...], p: int
) -> tuple[float, float, float | None, float | None]:
    """Return (τ², se of τ², σ², ρ)."""
    s = top.scale
    tau2 = float((s[list(slope)] ** 2).sum()) if request.tau2 == "ML" else 0.0
    se = math.nan
    if len(slope) == 1 and request.tau2 == "ML" and tau2 > 0:
        se = 2 * math.sqrt(tau2 * float(top.covariance[-1, -1]))
    if request.model != "UM.RS":
        return tau2, se, None, None
    rho = None
    if request.correlated and request.tau2 == "ML":
        rho = float(np.sign(s[0]) * s[1] / math.sqrt(tau2)) if tau2 > 0 and s[0] != 0 else 0.0
    return tau2, se, float(s[0] ** 2), rho


def conditional_value(model: StudyModel, top: Optimum, nodes: int) -> float:
    """Return the log-likelihood given the modes of the random effects."""
    if model.m == 0 or top.scale.size == 0:
        return top.value
    ev = top.at
    if ev is None:
        ev = evaluate(model, top.alpha[None], top.beta[None], top.scale[None], nodes, want="value")
    Z = np.einsum("krmd,m->krd", model.E, top.scale)
    eta = model.offset + model.X @ top.beta + model.local * top.alpha[:, None] + np.einsum("krd,kd->kr", Z, ev.mode[0])
    a = model.cumulant.lower(eta.T[:, None, :, None])[0][:, 0, :, 0].T
    return float(((model.x * eta - a) * model.active).sum() + model.constant.sum())


def _notes(request: Request, data: CountData, used: CountData, top: Optimum, tau2: float) -> tuple[str, ...]:
    notes: list[str] = []
    if data.x.shape[1] == 2:
        empty = int(data.uninformative().sum())
        if empty and request.model == "UM.RS" and not request.drop00:
            notes.append(
                f"{empty} of {data.k} studies without events in either group stay in: they inform the baselines"
            )
        elif empty:
            notes.append(
                f"{empty} of {data.k} studies without events in either group (or nothing but events) carry no"
                f" information about the ratio in {request.model}"
            )
    if request.tau2 == "ML" and tau2 == 0:
        notes.append("the likelihood is highest at tau2 = 0; with few studies that does not show that they agree")
    if top.modes > 1:
        notes.append(f"the likelihood has {top.modes} local maxima over tau; the highest is reported")
    if request.interval is None and request.tau2 == "ML" and used.k == used.mods.shape[1] and data.k > 1:
        notes.append(
            f"{used.k} of {data.k} studies carry information: no degrees of freedom for t, so the interval has normal"
            " quantiles and holds for these studies alone"
        )
    if request.nodes == 1:
        notes.append("Laplace's approximation (nagq=1) was asked for; more nodes are more exact")
    return tuple(notes)


def assemble(
    request: Request,
    data: CountData,
    used: CountData,
    informative: BoolArray,
    model: StudyModel,
    top: Optimum,
    slope: tuple[int, ...],
    common: float,
    saturated: Saturated,
) -> GlmmPooled | GlmmRegression:
    """Return the result of a fit, with everything that is derived from it."""
    p = used.mods.shape[1]
    tau2, se_tau2, sigma2, rho = _scales(request, top, slope, p)
    interval, why_interval = _interval(request, used.k - p)
    df = float(used.k - p) if interval == "t" else math.inf
    if df <= 0:
        raise TooFewStudies("interval='t'", used.k, p + 1, "interval='z' needs no degrees of freedom")
    q_df = used.k - p
    lrt = max(0.0, 2 * (saturated.value - common))

    def chi2(q: float) -> float:
        return float(special.chdtrc(q_df, q)) if q_df > 0 else 1.0

    fit = OneStageFit(
        beta=top.beta[:p],
        covariance=top.covariance[:p, :p],
        X=data.mods,
        informative=informative,
        log_likelihood=top.value,
        conditional_log_likelihood=conditional_value(model, top, request.nodes),
        parameters=model.p + (used.k if model.has_local else 0) + len(top.scale),
        observations=used.k * used.x.shape[1] if request.model.startswith("UM") else used.k,
        q_lrt=lrt,
        q_lrt_p=chi2(lrt),
        tau2_error=se_tau2,
        sigma2=sigma2,
        rho=rho,
        modes=top.modes,
        likelihood=Likelihood(model, top, request.nodes, slope),
    )
    typical = typical_of(used, request.measure)
    shared: dict[str, Any] = {
        "table": request.table,
        "spec": _spec(request, data, used.k, p, interval, why_interval),
        "measure": request.measure,
        "df": df,
        "tau2": tau2,
        "q": saturated.wald,
        "q_df": q_df,
        "q_p": chi2(saturated.wald),
        "i2": 100 * tau2 / (typical + tau2),
        "h2": 1 + tau2 / typical,
        "notes": _notes(request, data, used, top, tau2),
        "one_stage": fit,
    }
    if request.design is not None:
        return GlmmRegression(design=request.design, **shared)
    return GlmmPooled(mu=float(fit.beta[0]), se=math.sqrt(float(fit.covariance[0, 0])), **shared)


def _interval(request: Request, df: int) -> tuple[str, str]:
    """Return the interval and why."""
    if request.interval is None and request.tau2 != "ML":
        return "z", "a common-effect model has no τ² whose uncertainty t would allow for"
    if request.interval is None:
        return default_count_interval(df)
    return request.interval, f"given: Wald, {request.interval} quantile, observed information"


def _spec(request: Request, data: CountData, k: int, p: int, interval: str, why_interval: str) -> CountSpec:
    new, why_new = _prediction(request, k, p)
    return CountSpec(
        model="glmm",
        tau2=request.tau2,
        interval=interval,
        prediction=new,
        level=request.level,
        weights="none",
        why={
            "model": KINDS.entry(request.model).title,
            "interval": why_interval,
            "prediction": why_new,
        },
        options=_options(request),
        name=f"{request.model} GLMM" if request.model != "one-arm" else f"{data.family}-normal GLMM",
    )


def _prediction(request: Request, k: int, p: int) -> tuple[str, str]:
    """Return the prediction interval and why."""
    if request.tau2 != "ML":
        return "none", "a common-effect model has no distribution of effects to predict from"
    mixed = request.design is None and not request.correlated
    degrees = k - p - {"HTS": 1, "t": 0, "profile": 1}.get(request.prediction or "HTS", 0)
    if request.prediction is not None:
        if request.prediction in ("HTS", "t", "profile") and degrees < 1:
            raise TooFewStudies(
                f"prediction={request.prediction!r}", k, k - degrees + 1, "prediction='none' leaves it out"
            )
        if request.prediction == "profile" and not mixed:
            what = "correlated effects have no" if request.correlated else "with moderators there is no"
            raise OptionError(f"{what} confidence distribution of τ² to mix over · use prediction='HTS'")
        return request.prediction, "given"
    if k < FEW:
        return "none", f"k = {k} < {FEW}: τ² is too uncertain for a frequentist prediction interval; use pool_bayes"
    if degrees < 1:
        return "none", "no degrees of freedom are left for a prediction interval"
    return default_count_prediction(mixed)


def _options(request: Request) -> dict[str, Any]:
    options: dict[str, Any] = {"likelihood": request.model, "nagq": request.nodes}
    if request.model.startswith("UM"):
        options["coding"] = request.coding
    if request.model == "UM.RS":
        options |= {"correlated": request.correlated, "drop00": request.drop00}
    return options


def at_the_edge(request: Request, data: CountData) -> GlmmPooled | None:
    """Return the exact answer where the likelihood has no finite maximum or one study is all there is."""
    none = data.x.sum(axis=0) == 0
    full = (data.x == data.size).all(axis=0) if data.family == "binomial" else np.zeros_like(none)
    if data.hazard is not None:
        full = data.hazard.full.all(keepdims=True)
    if data.x.shape[1] == 2:
        if (none | full).any():
            raise NotEstimable(
                "one group has no events in any study (or nothing but events): the ratio is infinite or undefined"
                f" · {which_works(request.table, 'glmm')}"
            )
        return None
    if not (none[0] or full[0]) and data.k > 1:
        return None
    if request.design is not None:
        what = "one study" if data.k == 1 else "no events in any study, or nothing but events,"
        raise NotEstimable(f"{what} cannot tell moderators apart · leave moderators out for the exact interval")
    return _exact_one_arm(request, data, bool(none[0]), bool(full[0]))


@dataclass(frozen=True, slots=True)
class ExactBounds:
    """The exact interval of events in all studies together, on the link scale, at any level."""

    events: float
    total: float
    family: str

    def __call__(self, level: float) -> Interval:
        """Return the interval at ``level``."""
        exact = arm_interval if self.family == "binomial" else rate_interval
        low, high = exact(self.events, self.total, "exact", level)
        return on_link(Interval(float(low), float(high)), self.family)


def _exact_one_arm(request: Request, data: CountData, none: bool, full: bool) -> GlmmPooled:
    mu, se, kind, bounds = _one_arm(request, data, none, full)
    if none or full:
        what = "no events in any study" if none else "every patient of every study had the event"
        note = (
            f"{what}: the estimate is at the edge; the interval is the exact {kind} interval of the {data.k} studies"
            " taken together, and how much studies differ cannot be estimated"
        )
    else:
        note = f"one study: its own rate with the exact {kind} interval; how much studies differ cannot be estimated"
    spec = CountSpec(
        model="glmm",
        interval=f"exact ({kind})",
        level=request.level,
        weights="none",
        why={
            "model": KINDS.entry("one-arm").title,
            "interval": note,
            "prediction": "how much studies differ cannot be estimated",
        },
        options={"likelihood": "one-arm"},
        name=f"exact {kind} interval",
    )
    return GlmmPooled(
        table=request.table,
        spec=spec,
        measure=request.measure,
        mu=mu,
        se=se,
        q=math.nan,
        q_df=data.k - 1,
        tau2=math.nan,
        q_p=math.nan,
        i2=math.nan,
        h2=math.nan,
        notes=(note,),
        bounds=bounds,
        one_stage=OneStageFit(np.array([mu]), np.array([[se**2]]), np.ones((data.k, 1)), np.ones(data.k, dtype=bool)),
    )


def _one_arm(
    request: Request, data: CountData, none: bool, full: bool
) -> tuple[float, float, str, Callable[[float], Interval]]:
    """Return estimate, standard error, the name of the exact interval, and the interval of all rows together."""
    if data.hazard is not None:
        mu, se = (-math.inf if none else math.inf), math.nan
        if not none and not full:
            mu, se = float(request.table.yi[0]), math.sqrt(float(request.table.vi[0]))
        rows = data.hazard
        kind = "tail-probability"
        if data.k == 1 and (rows.risk[0] or rows.frailty[0] == 0):
            kind = "Clopper-Pearson" if rows.risk[0] else "Garwood"
        return mu, se, kind, HazardBounds(dict(request.table.counts))
    events, total = float(data.x.sum()), float(data.size.sum())
    mu = on_link(Interval(events / total, events / total), data.family).low
    rest = 1 / (total - events) if data.family == "binomial" and not full else 0.0
    se = math.nan if none or full else math.sqrt(1 / events + rest)
    kind = "Clopper-Pearson" if data.family == "binomial" else "Garwood"
    return mu, se, kind, ExactBounds(events, total, data.family)


def on_link(bound: Interval, family: str) -> Interval:
    """Return a bound of a proportion (logit) or rate (log) on the link scale, infinite at the edge."""
    with np.errstate(divide="ignore"):
        low, high = special.logit(np.array(bound)) if family == "binomial" else np.log(np.array(bound))
    return Interval(float(low), float(high))
