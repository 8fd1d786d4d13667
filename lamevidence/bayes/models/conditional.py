"""Two arms given their total number of events: the effect alone, without a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError
from ..design import Moderators
from ..priors.prior_parsing import PriorLike
from .building import Parts, add_centre, add_effects, coords_of, counts_of, parts_of, whole
from .prior_forms import add_tau

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["conditional_binomial", "hypergeometric"]

_OUTSIDE = -1e6
"""Log weight of an impossible table: finite, because compiled code may assume so, and 0 after exp."""


def hypergeometric(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return two arms given all margins: aᵢ has odds ratio exp θᵢ, θᵢ ~ N(μ, τ²), as a `pymc.Model` (non-centred).

    Fisher's non-central hypergeometric law, P(aᵢ = j) ∝ C(n₁, j) C(n₂, m − j) exp(jθᵢ) with n₁, n₂ the sizes of the
    arms and m the events of both, is a categorical variable over j: ``events`` observed.

    Parameters
    ----------
    evidence
        Log odds ratios (OR) with counts ``ai bi ci di``.
    mu, tau
        Priors of the mean log odds ratio and of its spread; the defaults when left out.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``log_ways`` as data, ``events`` of the first arm observed.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts.

    See Also
    --------
    contrast : with a baseline a study.

    References
    ----------
    Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"ai": [1, 3], "bi": [14, 9], "ci": [4, 5], "di": [11, 7]})
    >>> table = lam.EvidenceTable.from_frame(frame, "OR", ai="ai", bi="bi", ci="ci", di="di")
    >>> [v.name for v in lam.models.hypergeometric(table).free_RVs]
    ['mu', 'tau', 'z']
    """
    counts_of(evidence, "ai", "bi", "ci", "di")
    return build_hypergeometric(evidence, parts_of(evidence, "hypergeometric", mu, tau, moderators, slopes))


def build_hypergeometric(evidence: EvidenceTable, parts: Parts) -> pm.Model:
    """Return the model of events in the first arm given all margins."""
    import pymc as pm

    a, b, c, d = counts_of(evidence, "ai", "bi", "ci", "di")
    events = whole(evidence, a, a + b)
    whole(evidence, c, c + d)
    weight = _log_ways(a + b, c + d, a + c)
    with pm.Model(coords={**coords_of(evidence, parts), "value": np.arange(weight.shape[1])}) as model:
        ways = pm.Data("log_ways", weight, dims=("study", "value"))
        value = pm.Data("treated_events", np.arange(weight.shape[1], dtype=float), dims="value")
        theta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        pm.Categorical("events", logit_p=ways + theta[:, None] * value[None, :], observed=events, dims="study")
    return model


def _log_ways(n1: FloatArray, n2: FloatArray, m: FloatArray) -> FloatArray:
    """Return log C(n₁, j) C(n₂, m − j) for j = 0 … the largest possible, (k, values)."""
    j = np.arange(np.minimum(n1, m).max() + 1.0)
    n1, n2, rest = n1[:, None], n2[:, None], m[:, None] - j
    possible = (j <= n1) & (rest >= 0) & (rest <= n2)
    j, rest = np.where(possible, j, 0.0), np.where(possible, rest, 0.0)
    log = -np.log(n1 + 1) - special.betaln(n1 - j + 1, j + 1) - np.log(n2 + 1) - special.betaln(n2 - rest + 1, rest + 1)
    return np.where(possible, log, _OUTSIDE)


def conditional_binomial(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return two arms with person-time given their total: x₁ᵢ ~ Bin(x₁ᵢ + x₂ᵢ, pᵢ), as a `pymc.Model` (non-centred).

    logit pᵢ = θᵢ + log(t₁ᵢ/t₂ᵢ), θᵢ ~ N(μ, τ²) the log ratio of rates; ``events`` observed.

    Parameters
    ----------
    evidence
        Log ratios of rates (IRR) with counts ``x1i x2i`` and person-time ``t1i t2i``.
    mu, tau
        Priors of the mean log ratio and of its spread; the defaults when left out.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``n`` and ``offset`` as data, ``events`` of the first arm observed.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts.

    See Also
    --------
    poisson : one arm.

    References
    ----------
    Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"x1": [2, 3], "t1": [12.0, 20.0], "x2": [5, 4], "t2": [11.0, 19.0]})
    >>> table = lam.EvidenceTable.from_frame(frame, "IRR", x1i="x1", t1i="t1", x2i="x2", t2i="t2")
    >>> [v.name for v in lam.models.conditional_binomial(table).free_RVs]
    ['mu', 'tau', 'z']
    """
    counts_of(evidence, "x1i", "t1i", "x2i", "t2i")
    return build_conditional(evidence, parts_of(evidence, "conditional-binomial", mu, tau, moderators, slopes))


def build_conditional(evidence: EvidenceTable, parts: Parts) -> pm.Model:
    """Return the model of events in the first arm given those of both."""
    import pymc as pm

    x1, t1, x2, t2 = counts_of(evidence, "x1i", "t1i", "x2i", "t2i")
    events, other = whole(evidence, x1), whole(evidence, x2)
    if not ((t1 > 0) & (t2 > 0)).all():
        raise InputError("person-time must be positive in every row and arm")
    with pm.Model(coords=coords_of(evidence, parts)) as model:
        both = pm.Data("n", events + other, dims="study")
        offset = pm.Data("offset", np.log(t1 / t2), dims="study")
        theta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        pm.Binomial("events", n=both, logit_p=theta + offset, observed=events, dims="study")
    return model
