"""What the builders share: counts, priors as PyMC variables, and the random effects of studies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures.base import FloatArray
from ...errors import InputError, OptionError, TooFewStudies
from ...options import shown
from ..defaults import default_priors, no_default
from ..effect_priors import EffectPrior, Flat, Normal, StudentT
from ..priors import HalfCauchy, HalfNormal, HalfStudentT, TauPrior
from ..scale_priors import Exponential, LogNormal, Uniform
from ..stated import stated_prior

__all__ = ["add_effects", "add_mu", "add_tau", "counts_of", "priors_for", "whole"]


def priors_for(table: EvidenceTable, mu: Any, tau: Any) -> tuple[EffectPrior, TauPrior]:
    """Return the priors in the unit of the table: those given, or the defaults of its scale.

    Raises
    ------
    TooFewStudies
        No row.
    OptionError
        No table, no default on this scale, a prior without its unit, or something that is no prior.
    DependentRows
        Rows that share patients.
    """
    from ..pool import check_independent

    a_table(table)
    if table.k == 0:
        raise TooFewStudies("a model", 0, 1, "no study answers the question; see table.excluded")
    check_independent(table)
    default_mu, default_tau = default_priors(table)
    if tau is None and default_tau is None:
        raise no_default(table)
    effect = stated_prior(default_mu.prior if mu is None else mu, "mu", table.unit)
    spread = stated_prior(default_tau.prior if tau is None and default_tau else tau, "tau", table.unit)
    if not isinstance(effect, EffectPrior) or not isinstance(spread, TauPrior):
        raise OptionError(
            f"mu={shown(effect)}, tau={shown(spread)} are not a prior of an effect and of a standard deviation"
            " · give for example mu=lam.Normal(0, 2), tau=lam.HalfNormal(0.5)"
        )
    return effect.convert(table.unit), spread.convert(table.unit)


def counts_of(table: EvidenceTable, *names: str) -> list[FloatArray]:
    """Return the columns of counts, or raise naming those that the table lacks."""
    a_table(table)
    missing = [n for n in names if n not in table.counts or not np.isfinite(table.counts[n]).all()]
    if missing:
        raise OptionError(f"this model needs counts {', '.join(names)} in every row · missing: {', '.join(missing)}")
    return [np.asarray(table.counts[n]) for n in names]


def whole(table: EvidenceTable, events: FloatArray, total: FloatArray | float = np.inf) -> Any:
    """Return the events as integers, or raise naming the rows where they are not counts."""
    bad = ~((events >= 0) & (events <= total) & (events == np.round(events)))
    if bad.any():
        rows = ", ".join(table.labels[i] for i in np.flatnonzero(bad))
        raise InputError(f"events must be whole numbers from 0 to their total · look at: {rows}")
    return events.astype(int)


def add_mu(name: str, prior: EffectPrior) -> Any:
    """Add an effect with its prior to the model in context."""
    import pymc as pm

    if isinstance(prior, Normal):
        return pm.Normal(name, prior.loc, prior.scale)
    if isinstance(prior, StudentT):
        return pm.StudentT(name, nu=prior.df, mu=prior.loc, sigma=prior.scale)
    if isinstance(prior, Flat):
        return pm.Flat(name)
    raise OptionError(f"{prior!r} has no PyMC form · choose Normal, StudentT or Flat")


def add_tau(name: str, prior: TauPrior) -> Any:
    """Add a between-study standard deviation with its prior to the model in context.

    Raises
    ------
    OptionError
        A prior that PyMC does not have.
    """
    import pymc as pm

    if isinstance(prior, HalfNormal):
        return pm.HalfNormal(name, prior.scale)
    if isinstance(prior, HalfCauchy):
        return pm.HalfCauchy(name, prior.scale)
    if isinstance(prior, HalfStudentT):
        return pm.HalfStudentT(name, nu=prior.df, sigma=prior.scale)
    if isinstance(prior, Exponential):
        return pm.Exponential(name, scale=prior.mean)
    if isinstance(prior, Uniform):
        return pm.Uniform(name, 0.0, prior.upper)
    if isinstance(prior, LogNormal):
        return pm.LogNormal(name, prior.meanlog, prior.sdlog)
    raise OptionError(
        f"{prior!r} has no PyMC form here · choose HalfNormal, HalfCauchy, HalfStudentT, Exponential, LogNormal or "
        "Uniform, or engine='exact'"
    )


def add_effects(centre: Any, tau: Any, parametrisation: str) -> Any:
    """Add the true effects θ over ``study``, around ``centre`` with standard deviation τ."""
    import pymc as pm

    if parametrisation == "centred":
        return pm.Normal("theta", centre, tau, dims="study")
    z = pm.Normal("z", 0.0, 1.0, dims="study")
    return pm.Deterministic("theta", centre + tau * z, dims="study")
