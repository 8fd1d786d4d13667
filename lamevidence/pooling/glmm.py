"""One-stage random-effects models for counts: exact likelihood, no continuity correction, no variance per study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable, a_table
from ..errors import NotEstimable, TooFewStudies
from ..options import a_choice, a_level
from .count_results import check_test
from .glmm_assemble import assemble, conditional_value
from .glmm_designs import CountData, conditional, one_arm, random_intercept, unconditional
from .glmm_edge import at_the_edge
from .glmm_optimise import fit_fixed
from .glmm_quadrature import StudyModel
from .glmm_request import GLMM_MODELS, PREDICTIONS, Request, check_options, counts_of, model_name, nodes_of
from .glmm_results import GlmmPooled
from .glmm_saturated import Saturated, saturated_arms, saturated_random, saturated_rows
from .glmm_search import fit_random

__all__ = ["GLMM_MODELS", "conditional_value", "fit_glmm"]

MORE_NODES = (61, 101)

INTEGRATED = 1e-8
"""Largest change of the log-likelihood on more nodes that is left alone."""


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
    a_table(table)
    level = a_level(level)
    check_test(test)
    table.require_independent()
    data, measure = counts_of(table, mods)
    name = model_name(measure, model)
    nodes = nodes_of(nagq, name)
    check_options(name, method, coding, correlated, drop00)
    if prediction is not None:
        a_choice("prediction of one-stage models", prediction, PREDICTIONS)
    request = Request(table, measure, name, level, test, nodes, method, coding, correlated, drop00, prediction)
    pooled_edge = at_the_edge(request, data)
    if pooled_edge is not None:
        return pooled_edge
    if nagq is None and name != "UM.RS":
        return _fit_until_exact(request, data)
    return _fit(request, data)


def _fit_until_exact(request: Request, data: CountData) -> GlmmPooled:
    """Return the fit with as many nodes as the integrals need."""
    fit = _fit(request, data)
    for more in MORE_NODES:
        if fit.likelihood is None or fit.tau2 == 0 or fit.likelihood.moves(more) < INTEGRATED:
            break
        fit = _fit(replace(request, nodes=more), data)
    return fit


def _build(request: Request, data: CountData) -> tuple[StudyModel, CountData, tuple[int, ...]]:
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


def _saturated(request: Request, model: StudyModel, used: CountData) -> Saturated:
    if request.model == "UM.FS":
        return saturated_arms(used)
    if request.model == "UM.RS":
        return saturated_random(used, request.nodes)
    return saturated_rows(model, used.mods)


def _fit(request: Request, data: CountData) -> GlmmPooled:
    model, used, slope = _build(request, data)
    p = used.mods.shape[1]
    if used.k <= p - 1:
        raise TooFewStudies(f"{request.model} with {p - 1} moderators", used.k, p + 1)
    random = request.method == "ML" or request.model == "UM.RS"
    base = fit_fixed(model)
    top = fit_random(model, request.nodes, base) if random else base
    if float(np.abs(top.beta).max()) > 40 or float(np.abs(top.scale).max(initial=0.0)) > 40:
        raise NotEstimable(
            "the likelihood rises towards infinity: studies with no events against studies with nothing but events"
            " · fit a Bayesian model, or method='EE'"
        )
    if request.model == "UM.RS":
        plain = random_intercept(used, request.coding, False, slope=False)
        common = fit_random(plain, request.nodes, fit_fixed(plain, base.beta), moments=False).value
    else:
        common = base.value
    saturated = _saturated(request, model, used) if used.k > 1 else Saturated(common, 0.0)
    return assemble(request, data, used, model, top, slope, common, saturated)
