"""Numbers behind diagnostic plots: radial, Baujat, normal quantiles, likelihood profile."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.given_numbers import finite
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable, OptionError
from ..foundation.options import a_choice
from ..pooling.inverse_variance.deletions import deletions
from ..pooling.inverse_variance.intervals import quantile
from ..pooling.inverse_variance.refits import Source
from ..pooling.kernel.kernels import Projection
from ..pooling.kernel.likelihood import log_likelihood
from ..results.contract import Result
from ..results.subset_fits import SubsetFits
from .influence import WITHOUT, residual_columns, residuals
from .studies import (
    REPORT,
    Studies,
    a_result,
    design_of_rows,
    estimates_of,
    estimates_remedy,
    inverse_variance,
    mean_only,
    one_tau2,
    refusal_notes,
    studies_of,
)
from .tables import CheckTable

__all__ = ["baujat", "likelihood_profile", "normal_quantiles", "radial"]

HOW = "model='random', tau2='REML'"


def radial(fit: Result) -> CheckTable:
    """Return each study's standardised effect against its precision.

    x = 1/√(vᵢ + τ²), y = yᵢ/√(vᵢ + τ²): the slope of the line through the origin is the pooled effect.

    Parameters
    ----------
    fit
        A fitted result of any model of one mean with one τ² (or none), of independent rows.

    Returns
    -------
    CheckTable
        ``label``, ``x``, ``y``; rows without a variance are left out, and the notes name them.

    Raises
    ------
    OptionError
        Models with moderators, or with several between-study variances.
    DependentRows
        Rows that share patients.

    See Also
    --------
    baujat : Contribution to heterogeneity and influence.

    References
    ----------
    Galbraith 1988, doi:10.1002/sim.4780070807.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.4], vi=[0.04, 0.01])
    >>> lam.checks.radial(lam.pool(table, model="common"))["x"].tolist()
    [5.0, 10.0]
    """
    what = "a radial plot"
    found = estimates_of(fit, what)
    source = mean_only(found, fit, what)
    tau2 = source.t * source.scale**2 if found.own else one_tau2(fit)
    if math.isnan(tau2):
        raise OptionError(f"{what} needs one τ², and {fit.spec.label} has several · {estimates_remedy(fit)}")
    x = 1 / np.sqrt(found.v + tau2)
    columns = {"label": source.labels, "x": x, "y": found.y * x}
    sentence = f"Precision and standardised effect of {source.k} studies."
    return CheckTable("radial", "Radial plot", columns, sentence, found.notes, fit)


def baujat(fit: Result) -> CheckTable:
    """Return each study's contribution to heterogeneity, and its influence on the result.

    ``q`` is the squared Pearson residual (yᵢ − ŷᵢ)²/(vᵢ + τ²); ``influence`` the squared change of the study's fitted
    value when it is left out, over the variance of that fitted value without it. Of a study with several rows ``q`` is
    the sum and ``influence`` the mean over its rows.

    Parameters
    ----------
    fit
        A fitted result of any model.

    Returns
    -------
    CheckTable
        ``label``, ``q``, ``influence``; NaN, with the reason in the notes, where a study has no variance or the model
        cannot be fitted without it.

    Raises
    ------
    TooFewStudies
        Fewer than three studies.
    NotEstimable
        The model has neither one τ² nor a design to put the rows in.

    See Also
    --------
    influence : What each study does to every part of the result.

    References
    ----------
    Baujat et al. 2002, doi:10.1002/sim.1221.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.checks.baujat(lam.pool(table, model="common"))["q"].round(2).tolist()
    [4.25, 0.82, 0.23, 3.72]
    """
    what = "a Baujat plot"
    result = a_result(fit, what)
    studies = studies_of(result, what, 3)
    source, _ = inverse_variance(result, what, needed=3)
    notes: tuple[str, ...] = ()
    if source is not None:
        labels = source.labels
        q, moved = _closed_baujat(source)
    else:
        found = result.refit_each(~studies.rows)
        labels, notes = studies.labels, refusal_notes(studies.labels, found, WITHOUT)
        q, moved = _general_baujat(result, studies, found)
    lost = [label for label, x in zip(labels, q + moved, strict=True) if np.isnan(x)]
    notes += (f"no place for {', '.join(lost)}: no variance of a row, or no fit without it",) if lost else ()
    columns = {"label": labels, "q": q, "influence": moved}
    most = labels[int(np.nanargmax(q))] if np.isfinite(q).any() else "No study"
    return CheckTable("baujat", "Baujat plot", columns, f"{most} contributes most to the heterogeneity.", notes, result)


def _closed_baujat(source: Source) -> tuple[FloatArray, FloatArray]:
    """Return q and influence of an inverse-variance model."""
    without = deletions(source)
    pearson = residual_columns(source, without)["pearson"]
    whole = Projection(1 / (source.v + source.t), source.X).coefficients(source.y)
    change = np.einsum("ij,ij->i", source.design, whole - without.basis)
    spread = np.einsum("ij,ijk,ik->i", source.design, without.basis_cov, source.design) * without.factor
    return pearson**2, change**2 / spread


def _general_baujat(fit: Result, studies: Studies, found: SubsetFits) -> tuple[FloatArray, FloatArray]:
    """Return q and influence from refits, NaN for rows without a variance."""
    X, tau2 = design_of_rows(fit), one_tau2(fit)
    if X is None or math.isnan(tau2):
        lacking = "design of its rows" if X is None else "single τ²"
        raise NotEstimable(f"{fit.spec.label} has no {lacking} to place the studies by · influence(fit) needs none")
    y, v = (np.where(np.isfinite(x), x, np.nan) for x in (fit.table.yi, fit.table.vi))
    with np.errstate(invalid="ignore", divide="ignore"):
        q = studies.sums((y - fit.fitted()) ** 2 / (v + tau2))
        change = np.atleast_1d(fit.estimate) - found.beta
        moved = np.array([
            float(np.mean((X[own] @ change[i]) ** 2 / np.einsum("ij,jk,ik->i", X[own], found.cov[i], X[own])))
            for i, own in enumerate(studies.rows)
        ])  # fmt: skip
    return q, moved


def normal_quantiles(fit: Result, residual: str = "standardized") -> CheckTable:
    """Return residuals and the normal quantiles they should follow, in the order of the studies.

    Parameters
    ----------
    fit
        A fitted result of any model.
    residual
        ``standardized`` or ``studentized`` (deleted); the first exists in inverse-variance models only.

    Returns
    -------
    CheckTable
        ``label``, ``x`` (normal quantile), ``y`` (residual) of the rows that have one.

    Raises
    ------
    NotEstimable
        The model has no such residuals.

    See Also
    --------
    residuals : The residuals themselves.

    Notes
    -----
    The quantiles are at (rank − a)/(k + 1 − 2a), a = 3/8 up to ten studies and 1/2 beyond.

    References
    ----------
    Wang & Bushman 1998, doi:10.1037/1082-989X.3.1.46.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.checks.normal_quantiles(lam.pool(table, model="common"))["x"].round(2).tolist()
    [-1.05, -0.3, 0.3, 1.05]
    """
    a_choice("residual", residual, ("standardized", "studentized"))
    what = "a normal quantile plot"
    studies_of(a_result(fit, what), what, 2 if residual == "standardized" else 3)
    every = residuals(fit)
    found = np.asarray(every[residual])
    good = np.isfinite(found)
    if not good.any():
        other = residual == "standardized" and len(found) > 2 and np.isfinite(every["studentized"]).any()
        remedy = "use residual='studentized'" if other else estimates_remedy(fit, needed=2)
        raise NotEstimable(f"{fit.spec.label} has no {residual} residuals for these rows · {remedy}")
    y = found[good]
    rank = np.empty(y.size)
    rank[np.argsort(y, kind="stable")] = np.arange(1, y.size + 1)
    shift = 0.375 if y.size <= 10 else 0.5
    x = special.ndtri((rank - shift) / (y.size + 1 - 2 * shift))
    labels = tuple(label for label, keep in zip(every["label"], good, strict=True) if keep)
    columns = {"label": labels, "x": np.asarray(x), "y": y}
    sentence = f"{residual.capitalize()} residuals of {y.size} studies."
    return CheckTable("normal_quantiles", "Normal quantile plot", columns, sentence, every.notes, fit)


def likelihood_profile(fit: Result, tau2: ArrayLike) -> CheckTable:
    """Return the (restricted) log-likelihood and the coefficients at given values of τ².

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` with tau2="ML" or "REML".
    tau2
        Values ≥ 0 in squared units of yi.

    Returns
    -------
    CheckTable
        ``tau2``, ``tau``, ``log_likelihood``, and for each coefficient its estimate and interval (``<name>``,
        ``<name>_low``, ``<name>_high``).

    Raises
    ------
    OptionError
        A model that does not maximise a likelihood in one τ²; the message names one that does.
    InputError
        Values that are not numbers ≥ 0.

    See Also
    --------
    gosh : Estimates of all subsets.

    References
    ----------
    Hardy & Thompson 1996, doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> profile = lam.checks.likelihood_profile(lam.pool(table, tau2="ML"), [0.0, 0.01, 0.1])
    >>> int(profile["log_likelihood"].argmax())
    1
    """
    what = "a likelihood profile"
    found = estimates_of(fit, what, 2, HOW)
    source = found.source
    if not found.own or source.method not in ("ML", "REML"):
        moderators = "" if source.X is None else ", with the moderators of this one"
        enough = source.k > source.p
        remedy = f"{estimates_remedy(fit, HOW, 2)}{moderators}" if enough else REPORT
        raise OptionError(f"{fit.spec.label} does not maximise a likelihood in one τ² · {remedy}")
    values = np.atleast_1d(finite(tau2, "tau2", "give finite numbers ≥ 0", least=0))
    if values.ndim != 1:
        raise InputError("tau2 is not one row of numbers · give finite numbers ≥ 0")
    rows = [_at(source, t) for t in values / source.scale**2]
    table = np.array(rows)
    columns: dict[str, FloatArray] = {"tau2": values, "tau": np.sqrt(values), "log_likelihood": table[:, 0]}
    for i, name in enumerate(source.names):
        columns[name], columns[f"{name}_low"], columns[f"{name}_high"] = table[:, 1 + 3 * i : 4 + 3 * i].T
    best = float(values[int(np.argmax(table[:, 0]))])
    sentence = f"Highest of these at τ² = {best:.4g}."
    return CheckTable("profile", "Profile of the likelihood", columns, sentence, (), fit)


def _at(source: Source, t: float) -> list[float]:
    """Return log-likelihood, then estimate and bounds of every coefficient."""
    restricted = source.method == "REML"
    own = Projection(1 / (source.v + t), source.design)
    b = own.coefficients(source.y)
    r = source.y - source.design @ b
    value = log_likelihood(source.y, source.v, t, source.design, restricted=restricted, residuals=r)
    size = source.k - source.p if restricted else source.k
    factor = source.variance_factor(np.array([float((own.w * r) @ r) / (source.k - source.p)]))[0]
    estimate = source.scale * source.back @ b + source.shift
    se = source.scale * np.sqrt(factor * np.diag(source.back @ own.G @ source.back.T))
    half = quantile(source.level, float(source.df(np.array([source.k]))[0])) * se
    out = [value - size * float(np.log(source.scale))]
    for e, h in zip(estimate, half, strict=True):
        out += [float(e), float(e - h), float(e + h)]
    return out
