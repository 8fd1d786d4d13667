"""The joint model of designs in PyMC, to read, edit and sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bayes.models.prior_forms import add_mu, add_tau
from ..bayes.priors.base import TauPrior
from ..bayes.priors.prior_parsing import PriorLike
from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from .design_rows import JointRows, joint_rows
from .joint_api import chosen
from .joint_fit import mean_names, posterior_state, sampling_covariance, usable
from .joint_spec import DEFAULT, JointSpec

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm

__all__ = ["joint_slopes"]


def joint_slopes(
    evidence: pd.DataFrame | EvidenceTable,
    *,
    yi: str | None = None,
    sei: str | None = None,
    vi: str | None = None,
    study: str | None = None,
    treated: str | None = None,
    selected: str | None = None,
    contrast: str | None = None,
    correlation: float | tuple[float, float] | None = None,
    unit: str | None = "mL/year",
    baseline: PriorLike = DEFAULT,
    effect: PriorLike = DEFAULT,
    bias: PriorLike | None = DEFAULT,
    tau_baseline: PriorLike | float = DEFAULT,
    tau_effect: PriorLike | float = DEFAULT,
    tau_bias: PriorLike | float = DEFAULT,
    discount: Mapping[str, float] | None = None,
) -> pm.Model:
    """Return the joint model of trials, series, cohorts and printed differences as a `pymc.Model` (non-centred).

    yₐ = γₛ + Tₐ δₛ + Pₐ bₛ + eₐ as in `lamevidence.synthesis.joint`, which gives its posterior exactly; here each
    study's own untreated slope, effect and bias stand as variables, for models that are to differ from it.

    Parameters
    ----------
    evidence, yi, sei, vi, study, treated, selected, contrast, correlation, unit, discount
        As in `lamevidence.synthesis.joint`.
    baseline, effect, bias, tau_baseline, tau_effect, tau_bias
        Priors, as there.

    Returns
    -------
    pymc.Model
        With ``study`` and ``row`` as dimensions, ``se`` as data, ``own_baseline``, ``own_effect`` and ``own_bias``
        over ``study``, ``theta`` and the observed ``estimate`` over ``row``; ``rho`` where the correlation has a prior.

    Raises
    ------
    NotEstimable, TooFewStudies, InputError, DependentRows, OptionError
        As in `lamevidence.synthesis.joint`.

    See Also
    --------
    lamevidence.synthesis.joint : the exact posterior of the same model.
    normal_normal : one kind of row alone.

    References
    ----------
    Welton, Ades, Carlin, Altman & Sterne 2009, doi:10.1111/j.1467-985X.2008.00548.x.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> rows = pd.DataFrame(
    ...     {"study": list("aab"), "y": [-144, 12, -118], "se": [24, 24, 21.7], "on": [0, 1, 0]}
    ... )
    >>> model = lam.models.joint_slopes(rows, yi="y", sei="se", study="study", treated="on")
    >>> [v.name for v in model.free_RVs]
    ['baseline', 'tau_baseline', 'z_baseline', 'effect', 'tau_effect', 'z_effect']
    """
    table, columns, spec = chosen(
        evidence,
        {"yi": yi, "sei": sei, "vi": vi, "study": study},
        {"treated": treated, "selected": selected, "contrast": contrast},
        {
            "baseline": baseline,
            "effect": effect,
            "bias": bias,
            "tau_baseline": tau_baseline,
            "tau_effect": tau_effect,
            "tau_bias": tau_bias,
        },
        unit=unit,
        correlation=correlation,
        discount=discount,
        level=0.95,
    )
    rows = joint_rows(table, **columns)
    spec, _ = usable(spec, rows)
    # what has no exact posterior has none in PyMC either, and PyMC would not say so
    posterior_state(table, rows, spec)
    return build_joint(table, rows, spec)


def build_joint(table: EvidenceTable, rows: JointRows, spec: JointSpec) -> pm.Model:
    """Return the model for a design."""
    import pymc as pm

    studies = list(rows.kinds)
    of = np.array([studies.index(name) for name in table.studies])
    Z = rows.Z(spec.bias is not None)
    shares = np.array([spec.discount.get(rows.kinds[name], 1.0) for name in table.studies])
    drawn = isinstance(spec.correlation, tuple)
    C = covariance_of(table, rows, spec) / shares[:, None]
    with pm.Model(coords={"study": studies, "row": list(table.labels)}) as model:
        se = pm.Data("se", np.sqrt(np.diag(C)), dims="row")
        theta: Any = 0.0
        for i, name in enumerate(mean_names(spec)):
            mean, spread = add_mu(name, getattr(spec, name)), getattr(spec, f"tau_{name}")
            tau = add_tau(f"tau_{name}", spread) if isinstance(spread, TauPrior) else spread
            z = pm.Normal(f"z_{name}", 0.0, 1.0, dims="study")
            own = pm.Deterministic(f"own_{name}", mean + tau * z, dims="study")
            theta = theta + Z[:, i] * own[of]
        theta = pm.Deterministic("theta", theta, dims="row")
        if drawn:
            low, high = spec.correlation  # type: ignore[misc]
            rho = pm.Uniform("rho", np.asarray(low), np.asarray(high))
            add_correlated(table.yi, theta, se, rho, series_of(table, rows))
        elif np.count_nonzero(C - np.diag(np.diag(C))):
            add_known(table.yi, theta, C)
        else:
            pm.Normal("estimate", theta, se, observed=table.yi, dims="row")
    return model


def covariance_of(table: EvidenceTable, rows: JointRows, spec: JointSpec) -> FloatArray:
    """Return the covariance of all rows at the known correlation, or at the lowest that its prior allows."""
    rho = spec.correlation[0] if isinstance(spec.correlation, tuple) else spec.correlation
    C = np.zeros((table.k, table.k))
    for study, kind in rows.kinds.items():
        of = np.flatnonzero([name == study for name in table.studies])
        C[np.ix_(of, of)] = sampling_covariance(table, of, rho if kind == "before_after" else 0.0, study)
    return C


def series_of(table: EvidenceTable, rows: JointRows) -> FloatArray:
    """Return which rows each before-after series has, (series, rows)."""
    series = [study for study, kind in rows.kinds.items() if kind == "before_after"]
    return np.array([[name == study for name in table.studies] for study in series], dtype=np.float64).reshape(
        -1, table.k
    )


def add_known(y: FloatArray, theta: Any, C: FloatArray) -> None:
    """Add estimates with a known covariance, whitened by numbers: a Cholesky factor takes a minute to compile."""
    import pymc as pm

    whitening = np.linalg.inv(np.linalg.cholesky(C))
    rest = np.log(np.diag(whitening)).sum() - 0.5 * y.size * np.log(2.0 * np.pi)

    def log_density(value: Any, mean: Any, _: Any) -> Any:
        return rest - 0.5 * (pm.math.dot(whitening, value - mean) ** 2).sum()

    pm.CustomDist(
        "estimate",
        theta,
        C,
        dist=lambda mean, cov, size: pm.MvNormal.dist(mean, cov=cov, size=size),
        logp=log_density,
        signature="(r),(r,r)->(r)",
        observed=y,
        dims="row",
    )


def add_correlated(y: FloatArray, theta: Any, se: Any, rho: Any, series: FloatArray) -> None:
    """Add estimates of which those of one series have the correlation ρ.

    Of r rows of a series the inverse of (1 − ρ) I + ρ 11' is (I − ρ/(1 + (r − 1)ρ) 11')/(1 − ρ), and its determinant
    is (1 − ρ)^(r−1) (1 + (r − 1)ρ).
    """
    import pymc as pm

    inside = series.sum(axis=0)
    size = series.sum(axis=1)

    def log_density(value: Any, mean: Any, spread: Any, rho: Any) -> Any:
        z = (value - mean) / spread
        sums = pm.math.dot(series, z)
        last = 1.0 + (size - 1.0) * rho
        squares = (z**2 * (1.0 - inside + inside / (1.0 - rho))).sum() - (rho / last * sums**2).sum() / (1.0 - rho)
        determinant = ((size - 1.0) * pm.math.log(1.0 - rho) + pm.math.log(last)).sum()
        return -0.5 * (squares + determinant + y.size * np.log(2.0 * np.pi)) - pm.math.log(spread).sum()

    pm.CustomDist(
        "estimate",
        theta,
        se,
        rho,
        dist=lambda mean, spread, rho, size: pm.MvNormal.dist(
            mean, cov=spread[:, None] * spread[None, :] * (np.eye(y.size) + rho * pairs_of(series)), size=size
        ),
        logp=log_density,
        signature="(r),(r),()->(r)",
        observed=y,
        dims="row",
    )


def pairs_of(series: FloatArray) -> FloatArray:
    """Return 1 where two different rows are of one series, (rows, rows)."""
    same = series.T @ series
    np.fill_diagonal(same, 0.0)
    return same
