"""Counts of events: one arm with patients or person-time, and two arms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...effects.evidence_table import EvidenceTable, a_table
from ...errors import InputError, OptionError
from ...options import shown
from ..effect_priors import Normal
from ..priors import HalfNormal, TauPrior
from .building import add_effects, add_mu, add_tau, counts_of, priors_for, whole

__all__ = ["binomial", "contrast", "negative_binomial", "poisson"]


def binomial(table: EvidenceTable, *, mu: Any = None, tau: Any = None) -> Any:
    """Return rᵢ ~ Bin(nᵢ, logit⁻¹ θᵢ), θᵢ ~ N(μ, τ²) as a `pymc.Model` (non-centred; ``events`` observed).

    Parameters
    ----------
    table
        Logit proportions (PLO) with counts ``xi`` and ``ni``.
    mu, tau
        Priors on the logit scale; the defaults when left out.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"xi": [0, 3], "ni": [12, 20]})
    >>> table = lam.EvidenceTable.from_frame(frame, "PLO", xi="xi", ni="ni")
    >>> [v.name for v in lam.models.binomial(table).free_RVs]
    ['mu', 'tau', 'z']
    """
    import pymc as pm

    r, n = counts_of(table, "xi", "ni")
    events = whole(table, r, n)
    effect, spread = priors_for(table, mu, tau)
    with pm.Model(coords={"study": list(table.labels)}) as model:
        size = pm.Data("n", n.astype(int), dims="study")
        theta = add_effects(add_mu("mu", effect), add_tau("tau", spread), "non-centred")
        pm.Binomial("events", n=size, logit_p=theta, observed=events, dims="study")
    return model


def poisson(table: EvidenceTable, *, mu: Any = None, tau: Any = None) -> Any:
    """Return rᵢ ~ Poisson(tᵢ exp θᵢ), θᵢ ~ N(μ, τ²) as a `pymc.Model` (non-centred; ``events`` observed).

    Parameters
    ----------
    table
        Log rates (IRLN) with counts ``xi`` and person-time ``ti``.
    mu, tau
        Priors on the log scale; the defaults when left out.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"xi": [2, 3], "ti": [12.0, 20.0]})
    >>> table = lam.EvidenceTable.from_frame(frame, "IRLN", xi="xi", ti="ti")
    >>> [v.name for v in lam.models.poisson(table, mu=lam.Normal(0, 2), tau=lam.HalfNormal(1)).free_RVs]
    ['mu', 'tau', 'z']
    """
    return _rates(table, mu, tau, None)


def negative_binomial(table: EvidenceTable, *, mu: Any = None, tau: Any = None, dispersion: Any = None) -> Any:
    """Return counts that vary between patients more than Poisson: rᵢ ~ NegBin(tᵢ exp θᵢ, nᵢφ), 1/√φ ~ ``dispersion``.

    Parameters
    ----------
    table
        As in `poisson`, with the number of patients ``n`` of every row: the shape grows with the patients summed.
    mu, tau
        As in `poisson`.
    dispersion
        Prior of 1/√φ, the coefficient of variation of rates between patients; HalfNormal(0.75) when left out.

    Raises
    ------
    OptionError, InputError
        As in `poisson`; or patients that are not known.

    Examples
    --------
    >>> import pandas as pd, dataclasses, lamevidence as lam
    >>> frame = pd.DataFrame({"xi": [2, 3], "ti": [12.0, 20.0]})
    >>> table = lam.EvidenceTable.from_frame(frame, "IRLN", xi="xi", ti="ti")
    >>> table = dataclasses.replace(table, n=[10, 15])
    >>> [v.name for v in lam.models.negative_binomial(table, mu=lam.Normal(0, 2), tau=lam.HalfNormal(1)).free_RVs]
    ['mu', 'tau', 'z', 'dispersion']
    """
    a_table(table)
    assert table.n is not None
    if not (np.isfinite(table.n) & (table.n > 0)).all():
        raise OptionError("a negative binomial model needs the patients (n) of every row · use lam.models.poisson")
    prior = HalfNormal(0.75) if dispersion is None else dispersion
    if not isinstance(prior, TauPrior):
        raise OptionError(f"dispersion={shown(dispersion)} is no prior of a standard deviation · try HalfNormal(0.75)")
    return _rates(table, mu, tau, prior)


def _rates(table: EvidenceTable, mu: Any, tau: Any, dispersion: TauPrior | None) -> Any:
    import pymc as pm

    r, t = counts_of(table, "xi", "ti")
    events = whole(table, r)
    if not (t > 0).all():
        raise InputError("person-time must be positive in every row")
    effect, spread = priors_for(table, mu, tau)
    with pm.Model(coords={"study": list(table.labels)}) as model:
        exposure = pm.Data("exposure", t, dims="study")
        theta = add_effects(add_mu("mu", effect), add_tau("tau", spread), "non-centred")
        mean = exposure * pm.math.exp(theta)
        if dispersion is None:
            pm.Poisson("events", mu=mean, observed=events, dims="study")
        else:
            patients = pm.Data("n", np.asarray(table.n), dims="study")
            shape = patients / add_tau("dispersion", dispersion) ** 2
            pm.NegativeBinomial("events", mu=mean, alpha=shape, observed=events, dims="study")
    return model


def contrast(table: EvidenceTable, *, mu: Any = None, tau: Any = None, baseline: Any = None) -> Any:
    """Return two binomial arms with a random log odds ratio: logit pᵢ = φᵢ ± δᵢ/2, δᵢ ~ N(μ, τ²), as a `pymc.Model`.

    Parameters
    ----------
    table
        Log odds ratios (OR) with counts ``ai bi ci di``.
    mu, tau
        Priors of the mean log odds ratio and of its spread; the defaults when left out.
    baseline
        Prior of each study's φᵢ; Normal(0, 2.5) when left out.

    Raises
    ------
    OptionError, InputError
        Counts that are missing, or are not counts; a baseline that is not Normal.

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

    a, b, c, d = counts_of(table, "ai", "bi", "ci", "di")
    events = np.column_stack([whole(table, a), whole(table, c)])
    size = np.column_stack([whole(table, a + b), whole(table, c + d)])
    prior = Normal(0, 2.5) if baseline is None else baseline
    if not isinstance(prior, Normal):
        raise OptionError(f"baseline={shown(baseline)} · give a Normal prior of the study's average log odds")
    effect, spread = priors_for(table, mu, tau)
    with pm.Model(coords={"study": list(table.labels), "arm": ["treated", "control"]}) as model:
        n = pm.Data("n", size, dims=("study", "arm"))
        half = pm.Data("half", np.array([0.5, -0.5]), dims="arm")
        delta = add_effects(add_mu("mu", effect), add_tau("tau", spread), "non-centred")
        phi = pm.Normal("phi", prior.loc, prior.scale, dims="study")
        logit = phi[:, None] + delta[:, None] * half[None, :]
        pm.Binomial("events", n=n, logit_p=logit, observed=events, dims=("study", "arm"))
    return model
