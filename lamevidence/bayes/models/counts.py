"""Counts of events: one arm with patients or person-time, and two arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...effects.evidence_table import EvidenceTable, a_table
from ...foundation.errors import InputError, OptionError
from ...foundation.options import shown
from ..design import Moderators
from ..priors.base import HalfNormal, ScalePrior, TauPrior
from ..priors.effect_priors import Normal
from ..priors.prior_parsing import PriorLike
from .building import Parts, add_centre, add_effects, coords_of, counts_of, parts_of, whole
from .prior_forms import add_tau

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["binomial", "contrast", "negative_binomial", "poisson"]


def binomial(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return rᵢ ~ Bin(nᵢ, logit⁻¹ θᵢ), θᵢ ~ N(μ, τ²) as a `pymc.Model` (non-centred; ``events`` observed).

    Parameters
    ----------
    evidence
        Logit proportions (PLO) with counts ``xi`` and ``ni``.
    mu, tau
        Priors on the logit scale; the defaults when left out.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``n`` as data, ``events`` observed.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts.

    See Also
    --------
    lamevidence.pool_bayes : the exact posterior of the same model.

    References
    ----------
    Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"xi": [0, 3], "ni": [12, 20]})
    >>> table = lam.EvidenceTable.from_frame(frame, "PLO", xi="xi", ni="ni")
    >>> [v.name for v in lam.models.binomial(table).free_RVs]
    ['mu', 'tau', 'z']
    """
    counts_of(evidence, "xi", "ni")
    return build_binomial(evidence, parts_of(evidence, "binomial", mu, tau, moderators, slopes))


def build_binomial(evidence: EvidenceTable, parts: Parts) -> pm.Model:
    """Return the model of events among patients."""
    import pymc as pm

    r, n = counts_of(evidence, "xi", "ni")
    events = whole(evidence, r, n)
    with pm.Model(coords=coords_of(evidence, parts)) as model:
        size = pm.Data("n", n.astype(int), dims="study")
        theta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        pm.Binomial("events", n=size, logit_p=theta, observed=events, dims="study")
    return model


def poisson(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return rᵢ ~ Poisson(tᵢ exp θᵢ), θᵢ ~ N(μ, τ²) as a `pymc.Model` (non-centred; ``events`` observed).

    Parameters
    ----------
    evidence
        Log rates (IRLN) with counts ``xi`` and person-time ``ti``.
    mu, tau
        Priors on the log scale; the defaults when left out.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``exposure`` as data, ``events`` observed.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts.

    See Also
    --------
    negative_binomial : rates that vary between patients.

    References
    ----------
    Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"xi": [2, 3], "ti": [12.0, 20.0]})
    >>> table = lam.EvidenceTable.from_frame(frame, "IRLN", xi="xi", ti="ti")
    >>> [v.name for v in lam.models.poisson(table, mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(1)).free_RVs]
    ['mu', 'tau', 'z']
    """
    counts_of(evidence, "xi", "ti")
    return build_rates(evidence, parts_of(evidence, "poisson", mu, tau, moderators, slopes), None)


def negative_binomial(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    dispersion: TauPrior | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return counts that vary between patients more than Poisson: rᵢ ~ NegBin(tᵢ exp θᵢ, nᵢφ), 1/√φ ~ ``dispersion``.

    Parameters
    ----------
    evidence
        As in `poisson`, with the number of patients ``n`` of every row: the shape grows with the patients summed.
    mu, tau
        As in `poisson`.
    dispersion
        Prior of 1/√φ, the coefficient of variation of rates between patients; HalfNormal(0.75) when left out.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``exposure`` and ``n`` as data, ``events`` observed.

    Raises
    ------
    OptionError, InputError
        As in `poisson`; or patients that are not known.

    See Also
    --------
    poisson : one rate for all patients of a study.

    Examples
    --------
    >>> import pandas as pd, dataclasses, lamevidence as lam
    >>> frame = pd.DataFrame({"xi": [2, 3], "ti": [12.0, 20.0]})
    >>> table = lam.EvidenceTable.from_frame(frame, "IRLN", xi="xi", ti="ti")
    >>> table = dataclasses.replace(table, n=[10, 15])
    >>> priors = {"mu": lam.priors.Normal(0, 2), "tau": lam.priors.HalfNormal(1)}
    >>> [v.name for v in lam.models.negative_binomial(table, **priors).free_RVs]
    ['mu', 'tau', 'z', 'dispersion']
    """
    a_table(evidence)
    assert evidence.n is not None
    if not (np.isfinite(evidence.n) & (evidence.n > 0)).all():
        raise OptionError("a negative binomial model needs the patients (n) of every row · use lam.models.poisson")
    prior = HalfNormal(0.75) if dispersion is None else dispersion
    if not isinstance(prior, ScalePrior) or prior.unit is not None:
        raise OptionError(
            f"dispersion={shown(dispersion)} is no proper prior of a pure number above 0 · try HalfNormal(0.75)"
        )
    counts_of(evidence, "xi", "ti")
    parts = parts_of(evidence, "poisson", mu, tau, moderators, slopes)
    return build_rates(evidence, parts, prior)


def build_rates(evidence: EvidenceTable, parts: Parts, dispersion: TauPrior | None = None) -> pm.Model:
    """Return the model of events in person-time, Poisson without ``dispersion``."""
    import pymc as pm

    r, t = counts_of(evidence, "xi", "ti")
    events = whole(evidence, r)
    if not (t > 0).all():
        raise InputError("person-time must be positive in every row")
    with pm.Model(coords=coords_of(evidence, parts)) as model:
        exposure = pm.Data("exposure", t, dims="study")
        theta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        mean = exposure * pm.math.exp(theta)
        if dispersion is None:
            pm.Poisson("events", mu=mean, observed=events, dims="study")
        else:
            patients = pm.Data("n", np.asarray(evidence.n), dims="study")
            shape = patients / add_tau("dispersion", dispersion) ** 2
            pm.NegativeBinomial("events", mu=mean, alpha=shape, observed=events, dims="study")
    return model


def contrast(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    baseline: Normal | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return two binomial arms with a random log odds ratio: logit pᵢ = φᵢ ± δᵢ/2, δᵢ ~ N(μ, τ²), as a `pymc.Model`.

    Parameters
    ----------
    evidence
        Log odds ratios (OR) with counts ``ai bi ci di``.
    mu, tau
        Priors of the mean log odds ratio and of its spread; the defaults when left out.
    baseline
        Prior of each study's φᵢ; Normal(0, 2.5) when left out.
    moderators, slopes
        As in `regression`: δᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` and ``arm`` as dimensions, ``n`` as data, ``events`` observed.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts; a baseline that is not Normal.

    See Also
    --------
    hypergeometric : the effect alone, given all margins.

    References
    ----------
    Günhan, Röver & Friede 2020, doi:10.1002/jrsm.1370.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"ai": [1, 3], "bi": [14, 9], "ci": [4, 5], "di": [11, 7]})
    >>> table = lam.EvidenceTable.from_frame(frame, "OR", ai="ai", bi="bi", ci="ci", di="di")
    >>> [v.name for v in lam.models.contrast(table).free_RVs]
    ['mu', 'tau', 'z', 'phi']
    """
    import pymc as pm

    a, b, c, d = counts_of(evidence, "ai", "bi", "ci", "di")
    events = np.column_stack([whole(evidence, a), whole(evidence, c)])
    size = np.column_stack([whole(evidence, a + b), whole(evidence, c + d)])
    prior = Normal(0, 2.5) if baseline is None else baseline
    if not isinstance(prior, Normal):
        raise OptionError(f"baseline={shown(baseline)} · give a Normal prior of the study's average log odds")
    parts = parts_of(evidence, "hypergeometric", mu, tau, moderators, slopes)
    with pm.Model(coords={**coords_of(evidence, parts), "arm": ["treated", "control"]}) as model:
        n = pm.Data("n", size, dims=("study", "arm"))
        half = pm.Data("half", np.array([0.5, -0.5]), dims="arm")
        delta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        phi = pm.Normal("phi", prior.loc, prior.scale, dims="study")
        logit = phi[:, None] + delta[:, None] * half[None, :]
        pm.Binomial("events", n=n, logit_p=logit, observed=events, dims=("study", "arm"))
    return model
