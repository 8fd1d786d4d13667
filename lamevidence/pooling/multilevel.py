"""Multilevel and multivariate models: several dependent estimates a study, pooled by likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import FARTHEST, EvidenceTable, a_table
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, OptionError, TooFewStudies
from ..options import a_choice, a_level, shown
from .design import Design, mean_design
from .multilevel_likelihood import Likelihood
from .multilevel_results import MultilevelPooled
from .multilevel_terms import Term, terms_of
from .rows import nothing_to_pool
from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["multilevel"]

METHODS = ("REML", "ML")
TESTS = ("z", "t")
DEGREES = ("residual", "contain")


def multilevel(
    table: EvidenceTable, *, random: str | Iterable[str] | None = "1 | study/row",
    struct: str | Sequence[str] | None = None, moderators: str | ArrayLike | None = None,
    names: Sequence[str] | None = None, V: ArrayLike | None = None,
    R: Mapping[str, ArrayLike] | None = None, method: str = "REML", test: str = "z", dfs: str = "residual",
    cluster: str | Sequence[Hashable] | None = None, level: float = 0.95,
) -> MultilevelPooled:
    """Pool dependent estimates with random effects on several levels.

    y = Xβ + Σ Z_j u_j + e with Var(e) = V known and Var(u_j) estimated by (restricted) maximum likelihood.

    Parameters
    ----------
    table
        Rows to pool; several rows of a study are allowed.
    random
        ``"1 | district/school"`` (nested intercepts), ``"outcome | study"`` (correlated effects of the levels of
        ``outcome`` within a study), or a list of such terms (crossed effects); None for no random effects. Columns are
        moderators of the table, ``study``, or ``row`` (each row its own group).
    struct
        Covariance of the inner levels of ``inner | outer`` terms: CS (default), ID, DIAG, HCS, UN, AR, HAR or CAR; one
        name, or one a term.
    moderators, names
        A formula over the table's moderators, or a design matrix used as it is, with the names of its columns.
    V
        Sampling covariance, (k, k), instead of the table's; the table's own V or diag(vi) by default.
    R
        Known correlation matrices of groups, by name of the grouping: a DataFrame whose index names the groups, or an
        array where the groups first appear in sorted order.
    method
        ``REML`` or ``ML``.
    test, dfs
        ``z`` or ``t``; df of t: ``residual`` (k − p) or ``contain`` (levels of the grouping within which a moderator
        does not vary, minus p).
    cluster
        Column or labels of the clusters for cluster-robust (CR2, Satterthwaite) inference; None for model-based.
    level
        Confidence level.

    Raises
    ------
    InputError
        Estimates or variances that are not finite, V of another shape, not symmetric or not positive definite, groups
        with a single level, groupings that coincide.
    OptionError, UnknownName
        An option that does not exist.
    NotEstimable, TooFewStudies
        Too few rows, or a singular design.

    References
    ----------
    Konstantopoulos 2011, 10.1002/jrsm.35; Berkey 1998,
    10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [-0.18, -0.22, 0.23, 0.13, -0.26, 0.19, 0.45, 0.38],
    ...     [0.118, 0.118, 0.144, 0.014, 0.014, 0.015, 0.023, 0.043],
    ...     studies=["11", "11", "11", "12", "12", "12", "18", "18"])
    >>> fit = multilevel(table)
    >>> len(fit.sigma2)
    2
    """
    a_choice("method", method, METHODS)
    a_choice("test", test, TESTS)
    if a_choice("dfs", dfs, DEGREES) != "residual" and test == "z":
        raise OptionError(f"dfs={dfs!r} are degrees of freedom of t · use test='t' too")
    level = a_level(level)
    covariance = checked_covariance(table, V)
    design = _design(table, moderators, names)
    terms = () if random is None else terms_of(table, random, struct, R)
    if random is None and struct is not None:
        raise OptionError(f"struct={shown(struct)} belongs to a random effect · give random='outcome | study' too")
    if random is None and R is not None:
        raise OptionError("R belongs to a random effect · give random='1 | group' too")
    _check_size(table, design, terms)
    likelihood = Likelihood.of(terms, design.basis, table.yi, covariance, method == "REML")
    fit = MultilevelPooled.at(
        table, _spec(terms, method, test, dfs, level), design, covariance, likelihood, likelihood.maximise()
    )
    if cluster is None:
        return fit
    from .robust import cluster_robust

    return fit.with_inference(cluster_robust(fit, cluster))


def _design(table: EvidenceTable, moderators: str | ArrayLike | None, names: Sequence[str] | None) -> Design:
    if moderators is None and table.k < 2:
        raise TooFewStudies("a multilevel model", table.k, 2, "pool() reports a single estimate as it is")
    return mean_design(table, moderators, names)


def _check_size(table: EvidenceTable, design: Design, terms: Sequence[Term]) -> None:
    free = sum(t.structure.size for t in terms)
    left = table.k - design.X.shape[1]
    if free > left:
        raise NotEstimable(
            f"{free} variance parameters cannot be estimated from {table.k} rows and {design.X.shape[1]} coefficients"
            " · use fewer terms or a simpler structure"
        )


def checked_covariance(table: EvidenceTable, V: ArrayLike | None) -> FloatArray:
    """Return the sampling covariance: (k,) when the rows are independent, else (k, k), positive definite.

    Raises
    ------
    NotEstimable
        No rows.
    InputError
        What is wrong with the estimates, the variances or the matrix, by row.
    """
    a_table(table)
    if table.k == 0:
        raise nothing_to_pool(table)
    if not np.isfinite(table.yi).all():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(~np.isfinite(table.yi)))
        raise InputError(f"no finite estimate for {bad} · leave the row out")
    given = table.V if V is None else floats(V, "V", f"give a ({table.k}, {table.k}) matrix")
    if given is None:
        given = table.vi
    k = table.k
    if given.shape not in ((k,), (k, k)):
        raise InputError(f"V has shape {given.shape} for {k} rows · give {k} variances or a {k} × {k} matrix")
    diagonal = given if given.ndim == 1 else np.diag(given)
    wrong = ~(np.isfinite(diagonal) & (diagonal > 0))
    if wrong.any():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(wrong))
        raise InputError(f"the sampling variance of {bad} is not a positive number · leave the row out")
    far = (np.abs(table.yi) >= FARTHEST) | (diagonal >= FARTHEST) | (diagonal <= 1 / FARTHEST)
    if far.any():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(far))
        raise InputError(f"numbers beyond {FARTHEST:g}, or below its inverse, for {bad} · use another unit")
    if given.ndim == 1:
        return given
    if not np.isfinite(given).all():
        raise InputError("V holds values that are not finite")
    if np.abs(given - given.T).max() > 1e-10 * float(diagonal.max()):
        raise InputError("V is not symmetric · V[i, j] and V[j, i] are the same covariance")
    if not (given - np.diag(diagonal)).any():
        return np.asarray(diagonal).copy()
    sd = np.sqrt(diagonal)
    lowest = float(np.linalg.eigvalsh(given / sd[:, None] / sd[None, :])[0])
    if lowest <= 1e-12:
        raise InputError(
            f"V is not positive definite (smallest eigenvalue of its correlations {lowest:.3g})"
        )
    return given


def _spec(terms: Sequence[Term], method: str, test: str, dfs: str, level: float) -> Spec:
    named = [t.name if t.inner is None else f"{t.name} ({t.structure.code})" for t in terms]
    why = {"random": ", ".join(named) or "none"}
    if test == "t":
        why["df"] = dfs
    return Spec("multilevel", method if terms else "none", test, test if terms else "none", level, why=why)
