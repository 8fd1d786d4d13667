"""One-stage random-effects models for counts: exact likelihood, no continuity correction, no variance per study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures.cells import BoolArray
from ...foundation.errors import ConvergenceError, NotEstimable, TooFewStudies
from ...foundation.options import a_choice, a_level, our_words
from ...results.recipe import Recipe, by_label
from ..regression.design import Design
from .assemble import Saturated, assemble, at_the_edge, saturated_arms, saturated_random, saturated_rows
from .count_results import check_interval
from .designs import CountData, conditional, one_arm, random_intercept, unconditional
from .one_stage_regression import GlmmRegression
from .one_stage_results import GlmmPooled
from .optimise import Optimum, fit_fixed
from .quadrature import StudyModel
from .remedies import check_counts, which_works
from .request import PREDICTIONS, Request, check_options, counts_of, kind_of, moderators_of, nodes_of
from .search import fit_random

__all__ = ["glmm"]

MORE_NODES = (61, 101)

INTEGRATED = 1e-8
"""Largest change of the log-likelihood on more nodes that is left alone."""
AT_INFINITY = 40.0
"""A coefficient or scale beyond this (odds of e⁴⁰) is on its way to infinity."""


@overload
def glmm(
    evidence: EvidenceTable,
    *,
    model: str | None = None,
    level: float = 0.95,
    interval: str | None = None,
    nagq: int | None = None,
    tau2: str = "ML",
    moderators: None = None,
    names: None = None,
    coding: float = 0.5,
    correlated: bool = False,
    drop00: bool = False,
    prediction: str | None = None,
) -> GlmmPooled: ...


@overload
def glmm(
    evidence: EvidenceTable,
    *,
    model: str | None = None,
    level: float = 0.95,
    interval: str | None = None,
    nagq: int | None = None,
    tau2: str = "ML",
    moderators: str | ArrayLike,
    names: Sequence[str] | None = None,
    coding: float = 0.5,
    correlated: bool = False,
    drop00: bool = False,
    prediction: str | None = None,
) -> GlmmRegression: ...


@our_words(method="tau2")
def glmm(
    evidence: EvidenceTable,
    *,
    model: str | None = None,
    level: float = 0.95,
    interval: str | None = None,
    nagq: int | None = None,
    tau2: str = "ML",
    moderators: str | ArrayLike | None = None,
    names: Sequence[str] | None = None,
    coding: float = 0.5,
    correlated: bool = False,
    drop00: bool = False,
    prediction: str | None = None,
) -> GlmmPooled | GlmmRegression:
    """Fit a one-stage model to counts by maximum likelihood.

    The study effects θ_i ~ N(x_i'β, τ²) are integrated out of the exact likelihood of the counts by adaptive
    Gauss-Hermite quadrature. Every local maximum over τ is looked at, τ² = 0 included.

    Parameters
    ----------
    evidence
        Counts ``xi ni`` (log odds, PLO), ``xi ti`` (log rate, IRLN), ``ai n1i ci n2i`` (log odds ratio),
        ``x1i t1i x2i t2i`` (log rate ratio), or ``patients total time`` and ``events person_time`` (log hazard, HAZ).
    model
        Two-group models: ``CM.EL`` (default), ``CM.AL``, ``UM.FS``, ``UM.RS`` (Stijnen 2010, Jackson 2018); one group:
        ``one-arm``.
    level
        Confidence level, a fraction.
    interval
        ``t`` with k − p degrees of freedom (default), or ``z`` (default with tau2="none", and where one study alone
        carries information, so that no degrees of freedom are left; a note says so).
    nagq
        Quadrature nodes a dimension; 1 is Laplace's approximation. Default 21 (9 for UM.RS), raised to 61 and 101
        where the log-likelihood of a model with one random effect still moves by more than 1e-8.
    tau2
        ``ML``, or ``none`` for one common effect (τ² = 0; UM.RS keeps its random baselines).
    moderators
        Formula over the table's moderators (``"~ year + C(alloc)"``), or a design matrix (k, p), used as it is: it
        needs a column of ones where the model is to have an intercept.
    names
        Names of the columns of a design matrix.
    coding
        Where the random effect sits in unconditional models: ½ both groups alike, 1 on group 1, 0 on group 2.
    correlated
        UM.RS: let baselines and effects correlate.
    drop00
        UM.RS: leave out studies without events in both groups (they inform the baselines).
    prediction
        ``profile`` (τ² as uncertain as its adjusted profile likelihood leaves it; for one mean, not with
        ``correlated``), ``HTS`` (t with k − p − 1 degrees of freedom), ``t`` (k − p), ``normal`` or ``none``. Default
        from five studies on ``profile``, or ``HTS`` where that is not for the model; else ``none``.

    Returns
    -------
    GlmmPooled
        On the link scale; ``display()`` is the rate of the middle study, ``marginal()`` the average over studies.
        With moderators a `GlmmRegression`.

    Raises
    ------
    OptionError, InputError
        Unknown or inapplicable option; impossible counts.
    TooFewStudies
        No degrees of freedom are left for what was asked.
    NotEstimable, ConvergenceError
        The likelihood has no finite maximum; the message names what exists for these counts.

    See Also
    --------
    mantel_haenszel, peto : Common-effect models of two groups.
    beta_binomial, gamma_poisson : Other distributions between studies, for one group.

    References
    ----------
    Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040; Jackson et al. 2018, doi:10.1002/sim.7588.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"x": [0, 0, 3, 1, 0], "n": [10, 12, 30, 18, 22]})
    >>> fit = lam.counts.glmm(lam.EvidenceTable.from_frame(frame, "PLO", xi="x", ni="n"))
    >>> round(fit.mu, 3), round(fit.display().estimate, 2)
    (-3.172, 4.02)
    """
    a_table(evidence, "evidence")
    options = {
        "model": model,
        "level": a_level(level),
        "interval": None if interval is None else check_interval(interval),
        "nagq": nagq,
        "tau2": tau2,
        "coding": coding,
        "correlated": correlated,
        "drop00": drop00,
        "prediction": prediction,
    }
    found = _counts(evidence)
    return _made(evidence, found, moderators_of(evidence, moderators, names), options)


def _counts(table: EvidenceTable) -> tuple[CountData, str]:
    """Return the counts of rows that may be pooled, and the measure that they lead to."""
    table.require_independent()
    check_counts(table, "the one-stage model", "tables", "rates", "times", "proportions", "hazards")
    return counts_of(table)


def _made(
    table: EvidenceTable, counts: tuple[CountData, str], design: Design | None, given: Mapping[str, Any]
) -> GlmmPooled | GlmmRegression:
    """Return the fit, with how to fit other rows."""
    data, measure = counts
    if design is not None:
        data = replace(data, mods=design.X)
    kind = kind_of(table, measure, given["model"])
    options = {**given, "model": kind}
    nodes = nodes_of(options["nagq"], kind)
    check_options(kind, options["tau2"], options["coding"], options["correlated"], options["drop00"])
    if options["prediction"] is not None:
        a_choice("prediction of one-stage models", options["prediction"], PREDICTIONS)
    chosen = {name: value for name, value in options.items() if name not in ("model", "nagq")}
    request = Request(table=table, measure=measure, model=kind, nodes=nodes, design=design, **chosen)
    found: GlmmPooled | GlmmRegression | None = at_the_edge(request, data)
    if found is None:
        again = options["nagq"] is None and kind != "UM.RS"
        found = _fit_until_exact(request, data) if again else _fit(request, data)
    if design is None:
        return replace(found, recipe=Recipe(glmm, options))
    rows = {"X": by_label(table, design.X)} if design.recipe is None else {}
    return replace(found, recipe=Recipe(_again, {**options, "design": design}, rows))


def _again(
    table: EvidenceTable,
    *,
    design: Design,
    X: ArrayLike | None = None,
    **options: Any,  # noqa: ANN401
) -> GlmmPooled | GlmmRegression:
    """Return the same columns with the same choices, fitted to the rows of ``table``."""
    return _made(table, _counts(table), design.again(table, X), options)


def _fit_until_exact(request: Request, data: CountData) -> GlmmPooled | GlmmRegression:
    """Return the fit with as many nodes as the integrals need."""
    try:
        fit = _fit(request, data)
    except ConvergenceError:  # on a likelihood like a step, few nodes make a surface that rises and falls
        request = replace(request, nodes=MORE_NODES[-1])
        return _fit(request, data)
    for more in MORE_NODES:
        if fit.likelihood is None or fit.tau2 == 0 or fit.likelihood.moves(more) < INTEGRATED:
            break
        fit = _fit(replace(request, nodes=more), data)
    return fit


def _build(request: Request, data: CountData) -> tuple[StudyModel, CountData, BoolArray, tuple[int, ...]]:
    """Return the model, the studies in it and their mask, and which scale parameters make τ."""
    inside = np.ones(data.k, dtype=bool)
    if data.x.shape[1] == 2 and (request.model != "UM.RS" or request.drop00):
        inside = ~data.uninformative()
    used = data if inside.all() else data.rows(inside)
    if request.model == "one-arm":
        return one_arm(used), used, inside, (0,)
    if request.model == "UM.FS":
        return unconditional(used, request.coding), used, inside, (0,)
    if request.model == "UM.RS":
        slope = request.tau2 == "ML"
        model = random_intercept(used, request.coding, request.correlated and slope, slope)
        return model, used, inside, () if not slope else (1, 2) if request.correlated else (1,)
    return conditional(used, request.model == "CM.EL"), used, inside, (0,)


def _saturated(request: Request, model: StudyModel, used: CountData) -> Saturated:
    if request.model == "UM.FS":
        return saturated_arms(used)
    if request.model == "UM.RS":
        return saturated_random(used, request.nodes)
    return saturated_rows(model, used.mods)


def _check_design(request: Request, used: CountData) -> None:
    """Refuse moderators that the studies with information cannot tell apart."""
    p = used.mods.shape[1]
    if request.design is None:
        return
    if used.k <= p - 1:
        raise TooFewStudies(f"{request.model} with {p} coefficients", used.k, p, "leave moderators out")
    length = np.linalg.norm(used.mods, axis=0)
    if (length == 0).any() or np.linalg.matrix_rank(used.mods / length, tol=1e-10) < p:
        raise NotEstimable(
            f"the {used.k} studies with information about the effect do not tell {', '.join(request.design.names)}"
            " apart · leave a moderator out"
        )


def _remedy(request: Request, base: Optimum) -> str:
    """Return what exists where the likelihood has no finite maximum."""
    if request.design is not None:
        return "leave moderators out, or take fewer"
    ways = [which_works(request.table, "glmm")]
    finite = float(np.abs(base.beta).max()) < AT_INFINITY / 2 and bool((np.diag(base.covariance) > 0).all())
    if request.tau2 == "ML" and finite and request.model != "UM.RS":
        ways.insert(0, "tau2='none' fits one common effect")
    return "; ".join(ways)


def _fit(request: Request, data: CountData) -> GlmmPooled | GlmmRegression:
    model, used, inside, slope = _build(request, data)
    _check_design(request, used)
    random = request.tau2 == "ML" or request.model == "UM.RS"
    base = fit_fixed(model)
    try:
        top = fit_random(model, request.nodes, base) if random else base
    except ConvergenceError as error:
        cause = str(error).split(" · ")[0]
        raise ConvergenceError(f"{cause}: the estimate is at infinity · {_remedy(request, base)}") from None
    largest = max(float(np.abs(top.beta).max()), float(np.abs(top.scale).max(initial=0.0)))
    p = used.mods.shape[1]
    if largest > AT_INFINITY or not bool((np.diag(top.covariance)[:p] > 0).all()):
        raise NotEstimable(
            "the likelihood rises towards infinity: studies with no events against studies with nothing but events"
            f" · {_remedy(request, base)}"
        )
    if request.model == "UM.RS":
        plain = random_intercept(used, request.coding, False, slope=False)
        common = fit_random(plain, request.nodes, fit_fixed(plain, base.beta), moments=False).value
    else:
        common = base.value
    saturated = _saturated(request, model, used) if used.k > 1 else Saturated(common, 0.0)
    return assemble(request, data, used, inside, model, top, slope, common, saturated)
