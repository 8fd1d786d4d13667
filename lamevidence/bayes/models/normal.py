"""Estimates with known standard errors: the normal-normal model, with or without moderators."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...errors import OptionError
from ...options import a_choice
from ..design import design_matrix
from ..effect_priors import EffectPrior
from ..families import degrees_of_freedom
from .building import add_effects, add_mu, add_tau, priors_for

__all__ = ["PARAMETRISATIONS", "normal_normal", "regression", "student_t"]

PARAMETRISATIONS = ("marginal", "non-centred", "centred")


def normal_normal(table: EvidenceTable, parametrisation: str = "marginal", *, mu: Any = None, tau: Any = None) -> Any:
    """Return yᵢ ~ N(θᵢ, sᵢ²), θᵢ ~ N(μ, τ²) as a `pymc.Model`.

    Parameters
    ----------
    table
        The evidence.
    parametrisation
        ``marginal`` integrates θ out, yᵢ ~ N(μ, sᵢ² + τ²): no funnel, and what leave-one-out needs. ``non-centred``
        samples z = (θ − μ)/τ. ``centred`` samples θ itself, and is refused below 10 studies, where it does not mix.
    mu, tau
        Priors; the defaults of the scale when left out.

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, ``se`` as data and ``estimate`` observed.

    Raises
    ------
    OptionError
        Another parametrisation, ``centred`` with few studies, or a prior that PyMC does not have.

    References
    ----------
    Betancourt & Girolami 2015, arXiv:1312.0906.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> model = lam.models.normal_normal(table, mu=lam.Normal(0, 20), tau=lam.HalfNormal(4))
    >>> [v.name for v in model.free_RVs]
    ['mu', 'tau']
    """
    effect, spread = priors_for(table, mu, tau)
    return build_normal(table, np.ones((table.k, 1)), ("intercept",), (effect,), spread, parametrisation)


def regression(
    table: EvidenceTable,
    moderators: Any,
    *,
    mu: Any = None,
    slopes: Any,
    tau: Any = None,
    parametrisation: str = "marginal",
) -> Any:
    """Return the normal-normal model with mean xᵢ'β as a `pymc.Model`.

    Parameters
    ----------
    table, parametrisation, mu, tau
        As in `normal_normal`; ``mu`` is the prior of the intercept.
    moderators
        As in `pool_bayes`.
    slopes
        Prior of each other coefficient, in the unit of the estimates.

    Raises
    ------
    OptionError, InputError, UnknownName
        As in `normal_normal` and `pool_bayes`.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], moderators={"x": [0, 1, 1]})
    >>> priors = {"mu": lam.Normal(0, 20), "slopes": lam.Normal(0, 10), "tau": lam.HalfNormal(4)}
    >>> [v.name for v in lam.models.regression(table, ["x"], **priors).free_RVs]
    ['beta_intercept', 'beta_x', 'tau']
    """
    effect, spread = priors_for(table, mu, tau)
    X, names = design_matrix(table, moderators)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"the design holds {', '.join(twice)} twice · give each column once")
    if slopes is None:
        raise OptionError("slopes=None: slopes have no default prior · give one, such as lam.Normal(0, 10)")
    other, _ = priors_for(table, slopes, tau)
    return build_normal(table, X, names, (effect, *[other] * (len(names) - 1)), spread, parametrisation)


def student_t(table: EvidenceTable, *, mu: Any = None, tau: Any = None) -> Any:
    """Return (yᵢ − θᵢ)/sᵢ ~ t with the degrees of freedom of sᵢ, θᵢ ~ N(μ, τ²), as a `pymc.Model` (non-centred).

    For standard errors estimated from few patients: n − 1 degrees of freedom, n − 2 for a difference of two arms.

    Parameters
    ----------
    table
        The evidence, with the number of patients ``n`` of every row.
    mu, tau
        As in `normal_normal`.

    Raises
    ------
    OptionError
        Patients that are not known, or too few for one degree of freedom.

    Examples
    --------
    >>> import dataclasses, lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> table = dataclasses.replace(table, n=[12, 9, 20])
    >>> model = lam.models.student_t(table, mu=lam.Normal(0, 20), tau=lam.HalfNormal(4))
    >>> model["df"].eval().tolist()
    [11.0, 8.0, 19.0]
    """
    import pymc as pm

    from ..pool import check_estimates

    effect, spread = priors_for(table, mu, tau)
    y, _ = check_estimates(table)
    freedom = degrees_of_freedom(table)
    if not (np.isfinite(freedom) & (freedom > 0)).all():
        raise OptionError(
            "a t likelihood needs the patients (n) of every row, enough for a degree of freedom"
            " · use lam.models.normal_normal, or engine='exact'"
        )
    with pm.Model(coords={"study": list(table.labels)}) as model:
        se = pm.Data("se", table.sei, dims="study")
        df = pm.Data("df", freedom, dims="study")
        theta = add_effects(add_mu("mu", effect), add_tau("tau", spread), "non-centred")
        pm.StudentT("estimate", nu=df, mu=theta, sigma=se, observed=y, dims="study")
    return model


def build_normal(
    table: EvidenceTable,
    X: FloatArray,
    names: tuple[str, ...],
    priors: tuple[EffectPrior, ...],
    tau: Any,
    parametrisation: str,
) -> Any:
    """Return the model for a design; one coefficient is called ``mu``."""
    import pymc as pm

    from ..pool import check_estimates

    a_choice("parametrisation", parametrisation, PARAMETRISATIONS)
    if parametrisation == "centred" and table.k < 10:
        raise OptionError(
            f"'centred' does not mix with {table.k} studies (10 needed) · use 'marginal' or 'non-centred'"
        )
    y, _ = check_estimates(table)
    with pm.Model(coords={"study": list(table.labels), "coef": list(names)}) as model:
        se = pm.Data("se", table.sei, dims="study")
        if len(names) == 1 and np.all(X == 1.0):
            centre = add_mu("mu", priors[0])
        else:
            design = pm.Data("X", X, dims=("study", "coef"))
            parts = [add_mu(f"beta_{name}", prior) for name, prior in zip(names, priors, strict=True)]
            beta = pm.Deterministic("beta", pm.math.stack(parts), dims="coef")
            centre = pm.math.dot(design, beta)
        spread = add_tau("tau", tau)
        if parametrisation == "marginal":
            pm.Normal("estimate", centre, pm.math.sqrt(se**2 + spread**2), observed=y, dims="study")
        else:
            pm.Normal("estimate", add_effects(centre, spread, parametrisation), se, observed=y, dims="study")
    return model
