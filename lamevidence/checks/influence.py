"""Case diagnostics: residuals, leverage, and what every result would be without each study."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..pooling.inverse_variance.deletions import deletions
from ..pooling.inverse_variance.refits import CentredFits, Source, refit
from ..pooling.kernel.kernels import Projection
from ..results.contract import Result
from ..results.subset_fits import SubsetFits
from .studies import (
    Studies,
    a_result,
    design_of_rows,
    inverse_variance,
    one_tau2,
    refusal_notes,
    studies_of,
)
from .tables import CheckTable

__all__ = ["influence", "leverage", "residual_columns", "residuals"]

EXACT = 1e-10
"""A study with leverage this close to 1 is fitted exactly: its residual is 0."""
WITHOUT = "the model cannot be fitted without"


def leverage(source: Source, t: float) -> FloatArray:
    """Return the diagonal of X(X'WX)⁻¹X'W at weights 1/(v + t)."""
    w = 1.0 / (source.v + t)
    if source.X is None:
        return np.asarray(w / w.sum())
    G = Projection(w, source.X).G
    return np.asarray(np.einsum("ij,jk,ik->i", source.X, G, source.X) * w)


def residuals(fit: Result) -> CheckTable:
    """Return the residuals of every row, raw and scaled.

    Parameters
    ----------
    fit
        A fitted result of any model, with or without moderators.

    Returns
    -------
    CheckTable
        ``fitted``; ``raw`` = y − fitted; ``pearson`` = raw/√(v + τ²); ``standardized`` = raw over its standard error
        (``se``), internally; ``deleted`` = y minus the prediction of the other studies, ``deleted_se`` and
        ``studentized`` = their ratio; ``hat``; ``weight`` in percent. Deleted values are NaN where the model cannot
        be fitted without the study; ``se`` and ``standardized`` outside inverse-variance models, and whatever needs a
        variance for rows that have none (counts of 0). The notes say so.

    Raises
    ------
    TooFewStudies
        One study: nothing is left to compare it with.

    See Also
    --------
    influence : what leaving a study out changes.
    normal_quantiles : residuals against the normal distribution.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.checks.residuals(lam.pool(table, tau2="DL"))["raw"].round(3).tolist()
    [-0.274, -0.074, -0.024, 0.276]
    """
    result = a_result(fit, "residuals")
    studies = studies_of(result, "residuals", 2)
    source, why = inverse_variance(result, "residuals", needed=2)
    if source is not None:
        columns = residual_columns(source, deletions(source))
        notes = _undeletable(source, columns["studentized"])
    else:
        found = result.refit_each(~studies.rows)
        columns, notes = _general_residuals(result, studies, found), refusal_notes(studies.labels, found, WITHOUT)
        notes += (f"no se and no standardized residuals: {why}",)
        lost = [x for x, r in zip(columns["label"], np.isnan(columns["pearson"]), strict=True) if r]
        notes += (f"no scaled residual for {', '.join(lost)}: no variance of the row, or no single τ²",) if lost else ()
    return CheckTable("residuals", "Residuals", columns, _largest(columns), notes, result)


def _largest(columns: dict[str, Any]) -> str:
    """Return the sentence about the largest residual, of the best-scaled kind that exists."""
    for kind in ("standardized", "studentized", "pearson", "raw"):
        size = np.abs(columns[kind])
        if np.isfinite(size).any():
            worst = int(np.nanargmax(np.where(np.isfinite(size), size, np.nan)))
            return f"The largest {kind} residual is {columns[kind][worst]:.3g} ({columns['label'][worst]})."
    return "No row has an estimate to compare with the model."


def _general_residuals(fit: Result, studies: Studies, found: SubsetFits) -> dict[str, Any]:
    """Return the columns of `residuals` from refits alone: a new row without study i is N(x'b₍ᵢ₎, v + τ² + x'V₍ᵢ₎x)."""
    used = np.flatnonzero(studies.rows.any(axis=0))
    own = studies.rows.argmax(axis=0)[used]
    table = fit.table
    y, v = (np.where(np.isfinite(x), x, np.nan) for x in (table.yi, table.vi))
    fitted = fit.fitted()
    raw, tau2 = y - fitted, one_tau2(fit)
    X = design_of_rows(fit)
    missing = np.full(used.size, np.nan)
    gone, spread = missing, missing
    if X is not None:
        rows = X[used]
        gone = np.einsum("ij,ij->i", rows, found.beta[own])
        spread = np.einsum("ij,ijk,ik->i", rows, found.cov[own], rows)
    without = found.tau2[own] if math.isfinite(tau2) else missing
    deleted = y[used] - gone
    weights = fit.weights
    with np.errstate(invalid="ignore"):
        deleted_se = np.sqrt(v[used] + without + spread)
        pearson = raw[used] / np.sqrt(v[used] + tau2)
    return {
        "label": tuple(table.labels[i] for i in used),
        "fitted": fitted[used],
        "raw": raw[used],
        "pearson": pearson,
        "se": missing,
        "standardized": missing,
        "deleted": deleted,
        "deleted_se": deleted_se,
        "studentized": deleted / deleted_se,
        "hat": fit.leverage()[used],
        "weight": missing if weights is None else np.asarray(weights)[used],
    }


def _undeletable(source: Source, values: FloatArray) -> tuple[str, ...]:
    lost = [source.labels[i] for i in np.flatnonzero(np.isnan(values))]
    return (f"{WITHOUT} {', '.join(lost)}",) if lost else ()


def residual_columns(source: Source, without: CentredFits) -> dict[str, Any]:
    """Return the columns of `residuals` of an inverse-variance model, from its fits without each study."""
    total = source.v + source.t
    X, own = source.design, Projection(1.0 / total, source.X)
    raw = own.residuals(source.y)
    hat = leverage(source, source.t)
    se = np.sqrt(np.maximum(total * (1 - hat), 0.0))
    gone = np.einsum("ij,ij->i", X, without.basis)
    spread = np.einsum("ij,ijk,ik->i", X, without.basis_cov, X)
    deleted = source.y - gone
    deleted_se = np.sqrt(without.factor * (source.v + without.t + spread))
    exact = hat > 1 - EXACT
    raw, se = np.where(exact, 0.0, raw), np.where(exact, 0.0, se)
    with np.errstate(divide="ignore", invalid="ignore"):
        standardized = np.where(exact, 0.0, raw / se)
        studentized = deleted / deleted_se
    weights = 100 / total / np.sum(1 / total)
    shift = source.design @ own.coefficients(source.y)
    offset = source.table.yi[source.rows] - source.scale * source.y
    return {
        "label": source.labels,
        "fitted": offset + source.scale * shift,
        "raw": source.scale * raw,
        "pearson": raw / np.sqrt(total),
        "se": source.scale * se,
        "standardized": standardized,
        "deleted": source.scale * deleted,
        "deleted_se": source.scale * deleted_se,
        "studentized": studentized,
        "hat": hat,
        "weight": weights,
    }


def influence(fit: Result) -> CheckTable:
    """Return how much each study shapes the result.

    Parameters
    ----------
    fit
        A fitted result of any model, with or without moderators. A study is left out with all its rows.

    Returns
    -------
    CheckTable
        One row a study: ``studentized`` (deleted) residual, ``dffits``, ``cook`` distance, ``cov_ratio`` (determinant
        of the covariance of the coefficients without the study over that with it), ``tau2_deleted``, ``q_deleted``,
        ``hat``, ``weight``, ``dfbetas_<coefficient>`` (``mean`` where there is one) and ``influential``.

    Raises
    ------
    TooFewStudies
        Fewer than three studies.

    See Also
    --------
    leave_one_out : the whole result without each study.
    residuals : how far each row is from the model.

    Notes
    -----
    A study is called influential where |DFFITS| > 3√(p/(k − p)), or the χ²(p) probability below its Cook distance is
    above one half, or its hat value is above 3p/k, or any |DFBETAS| > 1.

    Inverse-variance models have closed formulas for everything. For all other models Cook's distance
    (b − b₍ᵢ₎)'V⁻¹(b − b₍ᵢ₎), the covariance ratio, τ² and Q come from refits; DFBETAS are (b − b₍ᵢ₎)/se₍ᵢ₎ with the
    standard error of the refit; the studentized residual and DFFITS do not exist and are NaN; ``hat`` and ``weight``
    are those of the model where it has some, summed over the rows of a study.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.influence(lam.pool(table, tau2="DL"))["influential"].tolist()
    [True, False, False, True]
    """
    result = a_result(fit, "influence")
    studies = studies_of(result, "influence", 3)
    source, why = inverse_variance(result, "influence", needed=3)
    if source is not None:
        without = deletions(source)
        columns = _closed(source, without)
        names = source.names
        labels, notes = source.labels, _undeletable(source, columns["dffits"])
    else:
        found = result.refit_each(~studies.rows)
        names = ("mean",) if result.names == ("mu",) else result.names
        labels, columns = studies.labels, _from_refits(result, studies, found, names)
        notes = refusal_notes(studies.labels, found, WITHOUT)
        notes += (f"no studentized residuals and no dffits: {why}",)
        if any(found.reasons):
            columns["reason"] = found.reasons
    flags = _flags(columns, names, len(labels))
    columns["influential"] = flags
    named = [labels[i] for i in np.flatnonzero(flags)]
    none = f"None of the {len(labels)} studies is influential by the usual limits."
    sentence = f"Influential: {', '.join(named)}." if named else none
    return CheckTable("influence", "Influence of single studies", columns, sentence, notes, result)


def _flags(columns: dict[str, Any], names: tuple[str, ...], k: int) -> Any:  # noqa: ANN401 (k,) truth values
    """Return which studies pass one of the usual limits; what is NaN passes none."""
    p = len(names)
    limit = 3 * math.sqrt(p / (k - p)) if k > p else math.inf
    dfbetas = np.column_stack([columns[f"dfbetas_{name}"] for name in names])
    with np.errstate(invalid="ignore"):
        return (
            (np.abs(columns["dffits"]) > limit)
            | (special.chdtr(p, np.nan_to_num(np.maximum(columns["cook"], 0.0))) > 0.5)
            | (columns["hat"] > 3 * p / k)
            | (np.abs(dfbetas) > 1).any(axis=1)
        )


def _closed(source: Source, without: CentredFits) -> dict[str, Any]:
    """Return the columns of an inverse-variance model."""
    base = residual_columns(source, without)
    dfbetas, dffits, cook, ratio = _changes(source, without)
    columns: dict[str, Any] = {
        "label": source.labels,
        "studentized": base["studentized"],
        "dffits": dffits,
        "cook": cook,
        "cov_ratio": ratio,
        "tau2_deleted": without.tau2,
        "q_deleted": without.q,
        "hat": base["hat"],
        "weight": base["weight"],
    }
    return columns | {f"dfbetas_{name}": dfbetas[:, i] for i, name in enumerate(source.names)}


def _from_refits(fit: Result, studies: Studies, found: SubsetFits, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the columns that refits alone define; NaN for the rest."""
    missing = np.full(studies.count, np.nan)
    with np.errstate(invalid="ignore"):
        change = np.atleast_1d(fit.estimate) - found.beta
    weights, covariance = fit.weights, np.atleast_2d(fit.covariance)
    cook, ratio = missing, missing
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = float(np.linalg.det(covariance))
        if math.isfinite(whole) and whole > 0:
            cook = np.einsum("ij,jk,ik->i", change, np.linalg.inv(covariance), change)
            ratio = np.linalg.det(found.cov) / whole
        dfbetas = np.where(found.se > 0, change / found.se, np.nan)
    columns: dict[str, Any] = {
        "label": studies.labels,
        "studentized": missing,
        "dffits": missing,
        "cook": cook,
        "cov_ratio": ratio,
        "tau2_deleted": found.tau2,
        "q_deleted": found.q,
        "hat": studies.sums(fit.leverage()),
        "weight": missing if weights is None else studies.sums(np.asarray(weights)),
    }
    return columns | {f"dfbetas_{name}": dfbetas[:, i] for i, name in enumerate(names)}


def _changes(source: Source, without: CentredFits) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return DFBETAS (k, p), DFFITS, Cook's distance and the covariance ratio."""
    full = refit(source, np.ones((1, source.k), dtype=bool))
    change = full.basis - without.basis
    design = np.broadcast_to(source.design, (source.k, *source.design.shape))
    at = np.where(np.isnan(without.t), 0.0, without.t)
    W = 1.0 / (source.v + at[:, None])
    inner = np.linalg.inv(np.einsum("ij,ijk,ijl->ikl", W, design, design))
    spread = np.einsum("ab,ibc,ac->ia", source.back, inner, source.back) * without.factor[:, None]
    hat = leverage(source, source.t)
    with np.errstate(invalid="ignore", divide="ignore"):
        dfbetas = (change @ source.back.T) / np.sqrt(spread)
        predicted = np.einsum("ij,ij->i", source.design, change)
        dffits = predicted / np.sqrt(without.factor * hat * (source.v + without.t))
        cook = np.full(source.k, np.nan)
        if full.factor[0] > 0:
            information = np.linalg.inv(full.basis_cov[0] * full.factor[0])
            cook = np.einsum("ij,jk,ik->i", change, information, change)
        whole = np.linalg.det(full.basis_cov[0]) * full.factor[0] ** source.p
        ratio = np.linalg.det(without.basis_cov) * without.factor**source.p / whole
    return dfbetas, dffits, cook, ratio
