"""Case diagnostics: residuals, leverage, and what every result would be without each study."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..pooling.kernels import Projection
from .deletions import deletions
from .refits import Fit, Refits, Source, refit, source_of
from .tables import CheckTable

EXACT = 1e-10
"""A study with leverage this close to 1 is fitted exactly: its residual is 0."""

__all__ = ["influence", "residuals"]


def leverage(source: Source, t: float) -> FloatArray:
    """Return the diagonal of X(X'WX)⁻¹X'W at weights 1/(v + t)."""
    w = 1.0 / (source.v + t)
    if source.X is None:
        return np.asarray(w / w.sum())
    G = Projection(w, source.X).G
    return np.asarray(np.einsum("ij,jk,ik->i", source.X, G, source.X) * w)


def residuals(fit: Fit) -> CheckTable:
    """Return the residuals of every study, raw and scaled.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool`, with or without moderators.

    Returns
    -------
    CheckTable
        ``fitted``; ``raw`` = y − fitted; ``pearson`` = raw/√(v + τ²); ``standardized`` = raw over its standard error
        (``se``), internally; ``deleted`` = y minus the prediction of the other studies, ``deleted_se`` and
        ``studentized`` = their ratio; ``hat``; ``weight`` in percent. Deleted values are nan where the model cannot
        be fitted without the study.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.residuals(lam.pool(table, tau2="DL"))["raw"].round(3).tolist()
    [-0.274, -0.074, -0.024, 0.276]
    """
    source = source_of(fit, "residuals", needed=2)
    columns = residual_columns(source, deletions(source))
    worst = int(np.nanargmax(np.abs(columns["standardized"])))
    size = columns["standardized"][worst]
    sentence = f"The largest standardized residual is {size:.3g} ({source.labels[worst]})."
    return CheckTable("Residuals", columns, sentence, _undeletable(source, columns["studentized"]))


def _undeletable(source: Source, values: FloatArray) -> tuple[str, ...]:
    lost = [source.labels[i] for i in np.flatnonzero(np.isnan(values))]
    return (f"the model cannot be fitted without {', '.join(lost)}",) if lost else ()


def residual_columns(source: Source, without: Refits) -> dict[str, Any]:
    """Return the columns of `residuals`."""
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


def influence(fit: Fit) -> CheckTable:
    """Return how much each study shapes the result.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool`, with or without moderators.

    Returns
    -------
    CheckTable
        One row a study: ``studentized`` (deleted) residual, ``dffits``, ``cook`` distance, ``cov_ratio`` (determinant
        of the covariance of the coefficients without the study over that with it), ``tau2_deleted``, ``q_deleted``,
        ``hat``, ``weight``, ``dfbetas_<coefficient>`` and ``influential``.

    Notes
    -----
    A study is called influential where |DFFITS| > 3√(p/(k − p)), or the χ²(p) probability below its Cook distance is
    above one half, or its hat value is above 3p/k, or any |DFBETAS| > 1.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.influence(lam.pool(table, tau2="DL"))["influential"].tolist()
    [True, False, False, True]
    """
    source = source_of(fit, "influence", needed=3)
    without = deletions(source)
    base = residual_columns(source, without)
    dfbetas, dffits, cook, ratio = _changes(source, without)
    p, k = source.p, source.k
    limit = 3 * math.sqrt(p / (k - p))
    with np.errstate(invalid="ignore"):
        flags = (
            (np.abs(dffits) > limit)
            | (special.chdtr(p, np.nan_to_num(cook)) > 0.5)
            | (base["hat"] > 3 * p / k)
            | (np.abs(dfbetas) > 1).any(axis=1)
        )
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
    columns |= {f"dfbetas_{name}": dfbetas[:, i] for i, name in enumerate(source.names)}
    columns["influential"] = flags
    named = [source.labels[i] for i in np.flatnonzero(flags)]
    sentence = (
        f"Influential: {', '.join(named)}." if named else f"None of the {k} studies is influential by the usual limits."
    )
    return CheckTable("Influence of single studies", columns, sentence, _undeletable(source, dffits))


def _changes(source: Source, without: Refits) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
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
