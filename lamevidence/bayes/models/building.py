"""What the builders share: counts, priors that are checked, the mean of the true effects and their spread."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError, TooFewStudies
from ...foundation.options import shown
from ..counts.families import study_likelihoods
from ..counts.proper import require_proper
from ..design import Moderators, design_matrix
from ..evidence_checks import check_independent, check_law
from ..exact.existence import existence
from ..priors.base import TauPrior
from ..priors.defaults import default_priors, no_default
from ..priors.effect_priors import EffectPrior
from ..priors.prior_parsing import PriorLike, as_prior
from .prior_forms import add_mu

__all__ = [
    "Parts",
    "add_centre",
    "add_effects",
    "coords_of",
    "counts_of",
    "parts_of",
    "priors_for",
    "resolved",
    "whole",
]


class Parts(NamedTuple):
    """Design with its names, one prior a coefficient, and the prior of τ, resolved for the rows."""

    X: FloatArray
    names: tuple[str, ...]
    mu: tuple[EffectPrior, ...]
    tau: TauPrior


def priors_for(evidence: EvidenceTable, mu: PriorLike | None, tau: PriorLike | None) -> tuple[EffectPrior, TauPrior]:
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
    a_table(evidence)
    if evidence.k == 0:
        raise TooFewStudies("a model", 0, 1, "no study answers the question; see table.excluded")
    check_independent(evidence)
    default_mu, default_tau = default_priors(evidence)
    if tau is None and default_tau is None:
        raise no_default(evidence)
    effect = as_prior(default_mu.prior if mu is None else mu, "mu", evidence.unit)
    spread = as_prior(default_tau.prior if tau is None and default_tau else tau, "tau", evidence.unit)
    if not isinstance(effect, EffectPrior) or not isinstance(spread, TauPrior):
        raise OptionError(
            f"mu={shown(effect)}, tau={shown(spread)} are not a prior of an effect and of a standard deviation"
            " · give for example mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(0.5)"
        )
    for prior in (effect, spread):
        check_law(prior, evidence)
    return effect.convert(evidence.unit), spread.convert(evidence.unit)


def parts_of(
    evidence: EvidenceTable,
    likelihood: str,
    mu: PriorLike | None,
    tau: PriorLike | None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> Parts:
    """Return design and priors of a model, checked: the posterior exists.

    Raises
    ------
    OptionError
        Moderators without a prior of their slopes, or the reverse; a column twice; and as `priors_for`.
    ImproperPosterior
        The priors and the rows do not make a proper posterior.
    """
    effect, spread = priors_for(evidence, mu, tau)
    X, names = design_matrix(evidence, moderators)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"the design holds {', '.join(twice)} twice · give each column once")
    if moderators is None and slopes is not None:
        raise OptionError("slopes are the prior of the coefficients of moderators · give moderators, or leave it out")
    if moderators is not None and slopes is None and len(names) > 1:
        raise OptionError("slopes=None: slopes have no default prior · give one, such as lam.priors.Normal(0, 10)")
    other = effect if slopes is None else priors_for(evidence, slopes, tau)[0]
    return resolved(evidence, likelihood, X, names, (effect, *[other] * (len(names) - 1)), spread)


def resolved(
    evidence: EvidenceTable,
    likelihood: str,
    X: FloatArray,
    names: tuple[str, ...],
    mu: tuple[EffectPrior, ...],
    tau: TauPrior,
) -> Parts:
    """Return the parts of a model, a prior of τ that the standard errors define made for these rows, if it is proper.

    Raises
    ------
    ImproperPosterior
        The priors and the rows do not make a proper posterior.
    """
    if likelihood == "normal":
        spread = tau.resolve(evidence.vi)
        existence(spread, evidence.k, sum(not prior.proper for prior in mu))
        return Parts(X, names, mu, spread)
    rows = study_likelihoods(evidence, likelihood)
    variances = evidence.vi if likelihood == "t" else np.array([row.approx[1] for row in rows])
    spread = tau.resolve(variances)
    require_proper(rows, X, mu, spread, likelihood, names)
    return Parts(X, names, mu, spread)


def counts_of(evidence: EvidenceTable, *names: str) -> list[FloatArray]:
    """Return the columns of counts, or raise naming those that the table lacks."""
    a_table(evidence)
    missing = [n for n in names if n not in evidence.counts or not np.isfinite(evidence.counts[n]).all()]
    if missing:
        raise OptionError(f"this model needs counts {', '.join(names)} in every row · missing: {', '.join(missing)}")
    return [np.asarray(evidence.counts[n]) for n in names]


def whole(evidence: EvidenceTable, events: FloatArray, total: FloatArray | float = np.inf) -> NDArray[np.int_]:
    """Return the events as integers, or raise naming the rows where they are not counts."""
    bad = ~((events >= 0) & (events <= total) & (events == np.round(events)))
    if bad.any():
        rows = ", ".join(evidence.labels[i] for i in np.flatnonzero(bad))
        raise InputError(f"events must be whole numbers from 0 to their total · look at: {rows}")
    return events.astype(int)


def coords_of(evidence: EvidenceTable, parts: Parts) -> dict[str, list[str]]:
    """Return the coordinates of a model: its studies and its coefficients."""
    return {"study": list(evidence.labels), "coef": list(parts.names)}


def add_centre(parts: Parts) -> Any:
    """Add the mean of the true effects: ``mu``, or xᵢ'β with ``beta`` over ``coef`` and the design ``X`` as data."""
    import pymc as pm

    if len(parts.names) == 1 and np.all(parts.X == 1.0):
        return add_mu("mu", parts.mu[0])
    design = pm.Data("X", parts.X, dims=("study", "coef"))
    each = [add_mu(f"beta_{name}", prior) for name, prior in zip(parts.names, parts.mu, strict=True)]
    beta = pm.Deterministic("beta", pm.math.stack(each), dims="coef")
    return pm.math.dot(design, beta)


def add_effects(centre: Any, tau: Any, parametrisation: str) -> Any:
    """Add the true effects θ over ``study``, around ``centre`` with standard deviation τ."""
    import pymc as pm

    if parametrisation == "centred":
        return pm.Normal("theta", centre, tau, dims="study")
    z = pm.Normal("z", 0.0, 1.0, dims="study")
    return pm.Deterministic("theta", centre + tau * z, dims="study")
