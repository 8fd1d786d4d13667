"""One-stage random-effects models for counts: exact likelihood, no continuity correction, no variance per study."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.arm_intervals import arm_interval, rate_interval
from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, OptionError, TooFewStudies
from ..values import Interval
from .count_results import CountSpec, check_test
from .glmm_designs import CountData, conditional, one_arm, random_intercept, unconditional
from .glmm_optimise import Optimum, fit_fixed, fit_random
from .glmm_quadrature import StudyModel, evaluate
from .glmm_results import GlmmPooled, Likelihood
from .glmm_saturated import Saturated, saturated_arms, saturated_random, saturated_rows
from .glmm_typical import typical_of
from .policy import FEW, check_level
from .sparse_counts import arms_of, person_time, two_by_two

__all__ = ["GLMM_MODELS", "fit_glmm"]

GLMM_MODELS = {
    "OR": ("CM.EL", "UM.FS", "UM.RS", "CM.AL"),
    "IRR": ("CM.EL", "UM.FS", "UM.RS"),
    "PLO": ("one-arm",),
    "IRLN": ("one-arm",),
}
"""Measure → models, the default first."""

MORE_NODES = (61, 101)
INTEGRATED = 1e-8
"""Largest change of the log-likelihood on more nodes that is left alone."""
PREDICTIONS = ("HTS", "t", "normal", "none")
"""Prediction intervals of one-stage models."""

_WHY = {
    "CM.EL": "exact conditional likelihood: no baseline risks to estimate, no continuity correction",
    "CM.AL": "binomial approximation of the conditional likelihood, good while events are rare",
    "UM.FS": "exact likelihood with one baseline a study",
    "UM.RS": "exact likelihood with normally distributed baselines",
    "one-arm": "exact likelihood of the counts with normally distributed study effects: no continuity correction",
}


def fit_glmm(
    table: EvidenceTable,
    *,
    model: str | None = None,
    level: float = 0.95,
    test: str = "z",
    nagq: int | None = None,
    method: str = "ML",
    mods: ArrayLike | None = None,
    coding: float = 0.5,
    correlated: bool = False,
    drop00: bool = False,
    prediction: str | None = None,
) -> GlmmPooled:
    """Fit a one-stage model to counts by maximum likelihood.

    The study effects θ_i ~ N(x_i'β, τ²) are integrated out of the exact likelihood of the counts by adaptive
    Gauss-Hermite quadrature. Every local maximum over τ is looked at, τ² = 0 included.

    Parameters
    ----------
    table
        Counts ``xi ni`` (log odds, PLO), ``xi ti`` (log rate, IRLN), ``ai n1i ci n2i`` (log odds ratio) or
        ``x1i t1i x2i t2i`` (log rate ratio).
    model
        Two-group models: ``CM.EL`` (default), ``CM.AL``, ``UM.FS``, ``UM.RS`` (Stijnen 2010, Jackson 2018); one group:
        ``one-arm``.
    level
        Confidence level.
    test
        ``z``, or ``t`` with k − p degrees of freedom.
    nagq
        Quadrature nodes a dimension; 1 is Laplace's approximation. Default 21 (9 for UM.RS), raised to 61 and 101
        where the log-likelihood of a model with one random effect still moves by more than 1e-8.
    method
        ``ML``, or ``EE`` for one common effect (τ² = 0; UM.RS keeps its random baselines).
    mods
        Moderators of the effect, (k,) or (k, m); an intercept is added.
    coding
        Where the random effect sits in unconditional models: ½ both groups alike, 1 on group 1, 0 on group 2.
    correlated
        UM.RS: let baselines and effects correlate.
    drop00
        UM.RS: leave out studies without events in both groups (they inform the baselines).
    prediction
        ``HTS`` (t with k − p − 1 degrees of freedom), ``t`` (k − p), ``normal`` or ``none``. Default ``HTS`` from
        five studies on, else ``none``.

    Returns
    -------
    GlmmPooled
        On the link scale; ``transformed()`` gives the conditional (middle study) and marginal (average) rate.

    Raises
    ------
    OptionError, InputError
        Unknown or inapplicable option; impossible counts.
    NotEstimable
        The likelihood has no finite maximum.

    Examples
    --------
    >>> import numpy as np
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> x, n = [0, 0, 3, 1, 0], [10, 12, 30, 18, 22]
    >>> names = tuple("abcde")
    >>> t = EvidenceTable(yi=np.zeros(5), vi=np.full(5, np.nan), labels=names, studies=names, measure="PLO", unit=None,
    ...     counts={"xi": x, "ni": n})
    >>> fit = fit_glmm(t)
    >>> round(fit.mu, 3), round(fit.transformed()["mu"], 4)
    (-3.172, 0.0402)
    """
    check_level(level)
    check_test(test)
    table.require_independent()
    data, measure = _data(table, mods)
    name = _model_name(measure, model)
    nodes = _nodes(nagq, name)
    _check_options(name, method, coding, correlated, drop00)
    if prediction is not None and prediction not in PREDICTIONS:
        raise OptionError(
            f"prediction={prediction!r} does not apply to one-stage models · choices: {', '.join(PREDICTIONS)}"
        )
    request = _Request(table, measure, name, level, test, nodes, method, coding, correlated, drop00, prediction)
    pooled_edge = _edge(request, data)
    if pooled_edge is not None:
        return pooled_edge
    if nagq is None and name != "UM.RS":
        return _fit_until_exact(request, data)
    return _fit(request, data)


def _fit_until_exact(request: _Request, data: CountData) -> GlmmPooled:
    """Return the fit with as many nodes as the integrals need."""
    fit = _fit(request, data)
    for more in MORE_NODES:
        if fit.likelihood is None or fit.tau2 == 0 or fit.likelihood.moves(more) < INTEGRATED:
            break
        fit = _fit(replace(request, nodes=more), data)
    return fit


@dataclass(frozen=True, slots=True)
class _Request:
    table: EvidenceTable
    measure: str
    model: str
    level: float
    test: str
    nodes: int
    method: str
    coding: float
    correlated: bool
    drop00: bool
    prediction: str | None


def _data(table: EvidenceTable, mods: ArrayLike | None) -> tuple[CountData, str]:
    """Return the counts as arrays and the measure that they lead to."""
    have = set(table.counts)
    if have & {"ai", "ci"}:
        cells = two_by_two(table, "the one-stage model")
        x, size = np.column_stack([cells.a, cells.c]), np.column_stack([cells.n1, cells.n2])
        family, measure = "binomial", "OR"
    elif "x1i" in have:
        rates = person_time(table, "the one-stage model")
        x, size = np.column_stack([rates.x1, rates.x2]), np.column_stack([rates.t1, rates.t2])
        family, measure = "poisson", "IRR"
    else:
        events, total, family = arms_of(table, "the one-stage model")
        x, size = events[:, None], total[:, None]
        measure = "PLO" if family == "binomial" else "IRLN"
    if table.measure not in (measure, "PETO"[: 4 * (measure == "OR")]):
        raise OptionError(
            f"one-stage models of these counts estimate {measure}, the table asks for {table.measure}"
            f" · make the table with measure={measure!r}, or pool {table.measure} by inverse variance or Mantel-Haenszel"
        )
    if not (np.equal(np.mod(x, 1), 0).all()):
        raise InputError("a one-stage likelihood needs whole numbers of events · leave the continuity correction out")
    if family == "binomial" and not np.equal(np.mod(size, 1), 0).all():
        raise InputError("a one-stage likelihood needs whole numbers of patients")
    return CountData(x, size, family, _design(mods, table.k)), measure


def _design(mods: ArrayLike | None, k: int) -> FloatArray:
    if mods is None:
        return np.ones((k, 1))
    columns = np.asarray(mods, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.shape[0] != k or not np.isfinite(columns).all():
        raise InputError(f"mods must be finite with one row a study ({k}), got shape {columns.shape}")
    X = np.column_stack([np.ones(k), columns])
    scaled = X / np.linalg.norm(X, axis=0)
    if np.linalg.matrix_rank(scaled, tol=1e-10) < X.shape[1]:
        raise NotEstimable("the moderators are collinear (or constant) · drop one")
    return X


def _model_name(measure: str, model: str | None) -> str:
    choices = GLMM_MODELS[measure]
    if model is None:
        return choices[0]
    if model not in choices:
        raise OptionError(f"model={model!r} does not apply to {measure} · choices: {', '.join(choices)}")
    return model


def _nodes(nagq: int | None, model: str) -> int:
    if nagq is None:
        return 9 if model == "UM.RS" else 21
    if isinstance(nagq, bool) or not isinstance(nagq, int) or not 1 <= nagq <= 100:
        raise OptionError(f"nagq={nagq!r} must be a whole number from 1 (Laplace) to 100")
    return nagq


def _check_options(model: str, method: str, coding: float, correlated: bool, drop00: bool) -> None:
    if method not in ("ML", "EE"):
        raise OptionError(f"method={method!r} does not apply to one-stage models · choices: ML, EE")
    if coding not in (0, 0.5, 1):
        raise OptionError(f"coding={coding!r} does not apply · choices: 0.5, 1, 0")
    if coding != 0.5 and not model.startswith("UM"):
        raise OptionError(f"coding applies to UM.FS and UM.RS, not to {model}")
    if (correlated or drop00) and model != "UM.RS":
        raise OptionError(f"correlated and drop00 apply to UM.RS, not to {model}")


def _edge(request: _Request, data: CountData) -> GlmmPooled | None:
    """Return the exact answer where the likelihood has no finite maximum or one study is all there is."""
    none = data.x.sum(axis=0) == 0
    full = (data.x == data.size).all(axis=0) if data.family == "binomial" else np.zeros_like(none)
    if data.x.shape[1] == 2:
        if (none | full).any():
            raise NotEstimable(
                "one group has no events in any study (or nothing but events): the ratio is infinite or undefined"
                " · pool each group by itself, which gives exact bounds, or fit a Bayesian model"
            )
        return None
    if not (none[0] or full[0]) and data.k > 1:
        return None
    return _exact_one_arm(request, data, bool(none[0]), bool(full[0]))


def _exact_one_arm(request: _Request, data: CountData, none: bool, full: bool) -> GlmmPooled:
    events, total = float(data.x.sum()), float(data.size.sum())
    exact = arm_interval if data.family == "binomial" else rate_interval

    def bounds(level: float) -> Interval:
        low, high = exact(events, total, "exact", level)
        return on_link(Interval(float(low), float(high)), data.family)

    mu = on_link(Interval(events / total, events / total), data.family).low
    se = (
        math.nan if none or full else math.sqrt(1 / events + (1 / (total - events) if data.family == "binomial" else 0))
    )
    kind = "Clopper-Pearson" if data.family == "binomial" else "Garwood"
    if none or full:
        what = "no events in any study" if none else "every patient of every study had the event"
        note = (
            f"{what}: the estimate is at the edge; the interval is the exact {kind} interval of the {data.k} studies"
            " taken together, and how much studies differ cannot be estimated"
        )
    else:
        note = f"one study: its own rate with the exact {kind} interval; how much studies differ cannot be estimated"
    why = {"model": _WHY["one-arm"], "interval": note, "prediction": "how much studies differ cannot be estimated"}
    spec = CountSpec(
        "glmm",
        "none",
        f"exact ({kind})",
        "none",
        request.level,
        "none",
        why,
        {"likelihood": "one-arm"},
        f"exact {kind} interval",
    )
    return GlmmPooled(
        request.table,
        spec,
        request.measure,
        mu,
        se,
        math.inf,
        0.0,
        math.nan,
        data.k - 1,
        math.nan,
        math.nan,
        math.nan,
        None,
        (note,),
        bounds,
        np.array([mu]),
        np.array([[se**2]]),
    )


def _build(request: _Request, data: CountData) -> tuple[StudyModel, CountData, tuple[int, ...]]:
    """Return the model, the studies in it, and which scale parameters make τ."""
    used = data
    if data.x.shape[1] == 2 and (request.model != "UM.RS" or request.drop00):
        used = data.rows(~data.uninformative())
    if request.model == "one-arm":
        return one_arm(used), used, (0,)
    if request.model == "UM.FS":
        return unconditional(used, request.coding), used, (0,)
    if request.model == "UM.RS":
        slope = request.method == "ML"
        model = random_intercept(used, request.coding, request.correlated and slope, slope)
        return model, used, () if not slope else (1, 2) if request.correlated else (1,)
    return conditional(used, request.model == "CM.EL"), used, (0,)


def _saturated(request: _Request, model: StudyModel, used: CountData) -> Saturated:
    if request.model == "UM.FS":
        return saturated_arms(used)
    if request.model == "UM.RS":
        return saturated_random(used, request.nodes)
    return saturated_rows(model, used.mods)


def _fit(request: _Request, data: CountData) -> GlmmPooled:
    model, used, slope = _build(request, data)
    p = used.mods.shape[1]
    if used.k <= p - 1:
        raise TooFewStudies(f"{request.model} with {p - 1} moderators", used.k, p + 1)
    random = request.method == "ML" or request.model == "UM.RS"
    top = fit_random(model, request.nodes) if random else fit_fixed(model)
    if float(np.abs(top.beta).max()) > 40 or float(np.abs(top.scale).max(initial=0.0)) > 40:
        raise NotEstimable(
            "the likelihood rises towards infinity: studies with no events against studies with nothing but events"
            " · fit a Bayesian model, or method='EE'"
        )
    if request.model == "UM.RS":
        plain = random_intercept(used, request.coding, False, slope=False)
        common = fit_random(plain, request.nodes).value
    else:
        common = fit_fixed(model).value
    saturated = _saturated(request, model, used) if used.k > 1 else Saturated(common, 0.0)
    return _assemble(request, data, used, model, top, slope, common, saturated)


def _scales(
    request: _Request, top: Optimum, slope: tuple[int, ...], p: int
) -> tuple[float, float, float | None, float | None]:
    """Return (τ², se of τ², σ², ρ)."""
    s = top.scale
    tau2 = float((s[list(slope)] ** 2).sum()) if request.method == "ML" else 0.0
    se = math.nan
    if len(slope) == 1 and request.method == "ML" and tau2 > 0:
        se = 2 * math.sqrt(tau2 * float(top.covariance[-1, -1]))
    if request.model != "UM.RS":
        return tau2, se, None, None
    rho = None
    if request.correlated and request.method == "ML":
        rho = float(np.sign(s[0]) * s[1] / math.sqrt(tau2)) if tau2 > 0 and s[0] != 0 else 0.0
    return tau2, se, float(s[0] ** 2), rho


def conditional_value(model: StudyModel, top: Optimum, nodes: int) -> float:
    """Return the log-likelihood given the modes of the random effects."""
    if model.m == 0 or top.scale.size == 0:
        return top.value
    ev = evaluate(model, top.alpha[None], top.beta[None], top.scale[None], nodes)
    Z = np.einsum("krmd,m->krd", model.E, top.scale)
    eta = model.offset + model.X @ top.beta + model.local * top.alpha[:, None] + np.einsum("krd,kd->kr", Z, ev.mode[0])
    a = model.cumulant.derivatives(eta[None, :, None, :])[0][0, :, 0, :]
    return float(((model.x * eta - a) * model.active).sum() + model.constant.sum())


def _notes(request: _Request, data: CountData, used: CountData, top: Optimum, tau2: float) -> tuple[str, ...]:
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
    if request.method == "ML" and tau2 == 0:
        notes.append("the likelihood is highest at tau2 = 0; with few studies that does not show that they agree")
    if top.modes > 1:
        notes.append(f"the likelihood has {top.modes} local maxima over tau; the highest is reported")
    if request.nodes == 1:
        notes.append("Laplace's approximation (nagq=1) was asked for; more nodes are more exact")
    return tuple(notes)


def _assemble(
    request: _Request,
    data: CountData,
    used: CountData,
    model: StudyModel,
    top: Optimum,
    slope: tuple[int, ...],
    common: float,
    saturated: Saturated,
) -> GlmmPooled:
    p = used.mods.shape[1]
    tau2, se_tau2, sigma2, rho = _scales(request, top, slope, p)
    covariance = top.covariance[:p, :p]
    se = math.sqrt(float(covariance[0, 0]))
    df = float(used.k - p) if request.test == "t" else math.inf
    if df <= 0:
        raise TooFewStudies("test='t'", used.k, p + 1, "test='z' needs no degrees of freedom")
    q_df = used.k - p
    lrt = max(0.0, 2 * (saturated.value - common))
    typical = typical_of(request.table, used, request.measure)
    parameters = model.p + (used.k if model.has_local else 0) + len(top.scale)
    new, why_new = _prediction(request, used.k, p)
    why = {
        "model": _WHY[request.model],
        "interval": f"Wald, {request.test} quantile, observed information",
        "prediction": why_new,
    }
    spec = CountSpec(
        "glmm",
        "ML" if request.method == "ML" else "none",
        request.test,
        new,
        request.level,
        "none",
        why,
        _options(request),
        f"{request.model} GLMM" if request.model != "one-arm" else f"{data.family}-normal GLMM",
    )
    chi2 = lambda q: float(special.chdtrc(q_df, q)) if q_df > 0 else 1.0  # noqa: E731
    return GlmmPooled(
        request.table,
        spec,
        request.measure,
        float(top.beta[0]),
        se,
        df,
        tau2,
        saturated.wald,
        q_df,
        chi2(saturated.wald),
        100 * tau2 / (typical + tau2),
        1 + tau2 / typical,
        None,
        _notes(request, data, used, top, tau2),
        None,
        top.beta[:p],
        covariance,
        top.value,
        conditional_value(model, top, request.nodes),
        parameters,
        used.k * used.x.shape[1] if request.model.startswith("UM") else used.k,
        lrt,
        chi2(lrt),
        se_tau2,
        sigma2,
        rho,
        top.modes,
        Likelihood(model, top, request.nodes, slope),
    )


def _prediction(request: _Request, k: int, p: int) -> tuple[str, str]:
    """Return the prediction interval and why."""
    if request.method != "ML":
        return "none", "a common-effect model has no distribution of effects to predict from"
    degrees = k - p - {"HTS": 1, "t": 0}.get(request.prediction or "HTS", 0)
    if request.prediction is not None:
        if request.prediction in ("HTS", "t") and degrees < 1:
            raise TooFewStudies(
                f"prediction={request.prediction!r}", k, k - degrees + 1, "prediction='none' leaves it out"
            )
        return request.prediction, "given"
    if k < FEW:
        return "none", f"k = {k} < {FEW}: τ² is too uncertain for a frequentist prediction interval; use pool_bayes"
    if degrees < 1:
        return "none", "no degrees of freedom are left for a prediction interval"
    return "HTS", "t(k − 2) with the Wald standard error (Higgins, Thompson and Spiegelhalter)"


def _options(request: _Request) -> dict[str, Any]:
    options: dict[str, Any] = {"likelihood": request.model, "method": request.method, "nagq": request.nodes}
    if request.model.startswith("UM"):
        options["coding"] = request.coding
    if request.model == "UM.RS":
        options |= {"correlated": request.correlated, "drop00": request.drop00}
    return options


def on_link(bound: Interval, family: str) -> Interval:
    """Return a bound of a proportion (logit) or rate (log) on the link scale, infinite at the edge."""
    with np.errstate(divide="ignore"):
        low, high = special.logit(np.array(bound)) if family == "binomial" else np.log(np.array(bound))
    return Interval(float(low), float(high))
