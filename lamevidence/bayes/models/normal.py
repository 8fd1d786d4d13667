"""Estimates with known standard errors: the normal-normal model, with or without moderators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...effects.evidence_table import EvidenceTable, a_table
from ...foundation.errors import OptionError
from ...foundation.options import a_choice
from ..counts.standard_errors import degrees_of_freedom
from ..design import Moderators
from ..evidence_checks import check_estimates
from ..priors.prior_parsing import PriorLike
from .building import Parts, add_centre, add_effects, coords_of, parts_of
from .prior_forms import add_tau

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["PARAMETRISATIONS", "normal_normal", "regression", "student_t"]

_AS_NORMAL = 1e7
"""PyTensor has no t law of infinite degrees of freedom; this one is as good as normal within 20 standard errors."""
PARAMETRISATIONS = ("marginal", "non-centred", "centred")


def normal_normal(
    evidence: EvidenceTable,
    parametrisation: str = "marginal",
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
) -> pm.Model:
    """Return yᵢ ~ N(θᵢ, sᵢ²), θᵢ ~ N(μ, τ²) as a `pymc.Model`.

    Parameters
    ----------
    evidence
        The evidence.
    parametrisation
        How the study effects θ enter; all three are the same posterior. ``marginal`` integrates them out of the
        likelihood, yᵢ ~ N(μ, sᵢ² + τ²), and draws θᵢ from its normal law given yᵢ, μ and τ: no funnel, and the
        likelihood is what leave-one-out needs. ``non-centred`` is conditional on θ = μ + τz, yᵢ ~ N(θᵢ, sᵢ²), and
        samples z: the form to add to, such as a likelihood of your own. ``centred`` samples θ itself, and is refused
        below 10 studies, where it does not mix.
    mu, tau
        Priors; the defaults of the scale when left out.

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``se`` as data, ``theta`` and the observed ``estimate`` over ``study``.

    Raises
    ------
    OptionError
        Another parametrisation, or ``centred`` with few studies.
    ImproperPosterior
        Priors under which the posterior does not exist.

    See Also
    --------
    student_t : standard errors from few patients.
    lamevidence.pool_bayes : the exact posterior of the same model.

    References
    ----------
    Betancourt & Girolami 2015, arXiv:1312.0906.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> model = lam.models.normal_normal(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> [v.name for v in model.free_RVs], model.named_vars_to_dims["theta"]
    (['mu', 'tau', 'z'], ('study',))
    """
    return build_normal(evidence, parts_of(evidence, "normal", mu, tau), parametrisation)


def regression(
    evidence: EvidenceTable,
    moderators: Moderators | None,
    *,
    mu: PriorLike | None = None,
    slopes: PriorLike,
    tau: PriorLike | None = None,
    parametrisation: str = "marginal",
) -> pm.Model:
    """Return the normal-normal model with mean xᵢ'β as a `pymc.Model`.

    Parameters
    ----------
    evidence, parametrisation, mu, tau
        As in `normal_normal`; ``mu`` is the prior of the intercept.
    moderators
        As in `pool_bayes`.
    slopes
        Prior of each other coefficient, in the unit of the estimates.

    Returns
    -------
    pymc.Model
        With ``study`` and ``coef`` as dimensions, ``se`` and ``X`` as data, ``estimate`` observed.

    Raises
    ------
    OptionError, InputError, UnknownName
        As in `normal_normal` and `pool_bayes`.

    See Also
    --------
    normal_normal : without moderators.

    References
    ----------
    Higgins, Thompson & Spiegelhalter 2009, doi:10.1111/j.1467-985X.2008.00552.x.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], moderators={"x": [0, 1, 1]})
    >>> priors = {"mu": lam.priors.Normal(0, 20), "slopes": lam.priors.Normal(0, 10), "tau": lam.priors.HalfNormal(4)}
    >>> [v.name for v in lam.models.regression(table, ["x"], **priors).free_RVs]
    ['beta_intercept', 'beta_x', 'tau', 'z']
    """
    if slopes is None:
        raise OptionError("slopes=None: slopes have no default prior · give one, such as lam.priors.Normal(0, 10)")
    given = None if moderators is None else slopes  # one mean effect: there is no slope
    return build_normal(evidence, parts_of(evidence, "normal", mu, tau, moderators, given), parametrisation)


def student_t(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return (yᵢ − θᵢ)/sᵢ ~ t with the degrees of freedom of sᵢ, θᵢ ~ N(μ, τ²), as a `pymc.Model` (non-centred).

    For standard errors estimated from patients: n − 1 degrees of freedom, n₁ + n₂ − 2 or Welch's for two arms. Rows
    whose number of patients is not known are normal (infinite degrees of freedom).

    Parameters
    ----------
    evidence
        The evidence, with the number of patients ``n`` of some rows at least.
    mu, tau
        As in `normal_normal`.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``se`` and ``df`` as data, ``theta`` and ``estimate`` over ``study``.

    Raises
    ------
    OptionError
        No row whose number of patients leaves a degree of freedom.

    See Also
    --------
    normal_normal : standard errors taken as known.

    Examples
    --------
    >>> import dataclasses, lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> table = dataclasses.replace(table, n=[12, 9, 20])
    >>> model = lam.models.student_t(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> model["df"].eval().tolist()
    [11.0, 8.0, 19.0]
    """
    a_table(evidence)
    if evidence.k:
        check_estimates(evidence)
        if not np.isfinite(degrees_of_freedom(evidence)).any():
            raise OptionError(
                "a t likelihood needs the patients (n) of a row at least, enough for a degree of freedom"
                " · use lam.models.normal_normal"
            )
    return build_t(evidence, parts_of(evidence, "t", mu, tau, moderators, slopes))


def build_t(evidence: EvidenceTable, parts: Parts) -> pm.Model:
    """Return the model of estimates whose standard errors are estimated."""
    import pymc as pm

    y, _ = check_estimates(evidence)
    with pm.Model(coords=coords_of(evidence, parts)) as model:
        se = pm.Data("se", evidence.sei, dims="study")
        df = pm.Data("df", degrees_of_freedom(evidence), dims="study")
        theta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        pm.StudentT("estimate", nu=pm.math.minimum(df, _AS_NORMAL), mu=theta, sigma=se, observed=y, dims="study")
    return model


def build_normal(evidence: EvidenceTable, parts: Parts, parametrisation: str) -> pm.Model:
    """Return the model for a design."""
    import pymc as pm

    a_choice("parametrisation", parametrisation, PARAMETRISATIONS)
    if parametrisation == "centred" and evidence.k < 10:
        raise OptionError(
            f"'centred' does not mix with {evidence.k} studies (10 needed) · use 'marginal' or 'non-centred'"
        )
    y, _ = check_estimates(evidence)
    with pm.Model(coords=coords_of(evidence, parts)) as model:
        se = pm.Data("se", evidence.sei, dims="study")
        centre = add_centre(parts)
        spread = add_tau("tau", parts.tau)
        if parametrisation == "marginal":
            total = pm.math.sqrt(se**2 + spread**2)
            estimate = pm.Normal("estimate", centre, total, observed=y, dims="study")
            # θ given the estimate: its law is known, so that it does not enter the likelihood
            share = (spread / total) ** 2
            z = pm.Normal("z", 0.0, 1.0, dims="study")
            pm.Deterministic("theta", centre + share * (estimate - centre) + se * spread / total * z, dims="study")
        else:
            theta = add_effects(centre, spread, parametrisation)
            pm.Normal("estimate", theta, se, observed=y, dims="study")
    return model
