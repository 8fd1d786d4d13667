"""Multilevel and multivariate models: several dependent estimates a study, pooled by likelihood."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...effects.rows import MAX_MAGNITUDE, check_alike
from ...foundation.errors import InputError, NotEstimable, OptionError, TooFewStudies
from ...foundation.options import a_choice, a_level, our_words, shown
from ...results.recipe import Recipe, by_label
from ...results.spec import Spec
from ..regression.design import Design
from ..robust.inference import RobustInference, multilevel_inference
from ..rows import no_variance, nothing_to_pool
from .coefficients import Coefficients, target_design
from .fitted import FittedModel, degrees_of_freedom
from .likelihood import Likelihood
from .multilevel_results import MultilevelPooled, MultilevelRegression
from .terms import Term, cluster_labels, group_rows, terms_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["checked_covariance", "multilevel"]

ESTIMATORS = ("REML", "ML")
INTERVALS = ("z", "t")
DEGREES = ("residual", "contain")


@overload
def multilevel(
    evidence: EvidenceTable,
    *,
    random: str | Iterable[str] | None = ...,
    struct: str | Sequence[str] | None = ...,
    moderators: None = ...,
    names: None = ...,
    V: ArrayLike | None = ...,
    R: Mapping[str, ArrayLike] | None = ...,
    tau2: str = ...,
    interval: str = ...,
    dfs: str = ...,
    cluster: str | Sequence[Hashable] | None = ...,
    level: float = ...,
) -> MultilevelPooled: ...
@overload
def multilevel(
    evidence: EvidenceTable,
    *,
    random: str | Iterable[str] | None = ...,
    struct: str | Sequence[str] | None = ...,
    moderators: str | ArrayLike,
    names: Sequence[str] | None = ...,
    V: ArrayLike | None = ...,
    R: Mapping[str, ArrayLike] | None = ...,
    tau2: str = ...,
    interval: str = ...,
    dfs: str = ...,
    cluster: str | Sequence[Hashable] | None = ...,
    level: float = ...,
) -> MultilevelRegression: ...
@our_words()
def multilevel(
    evidence: EvidenceTable,
    *,
    random: str | Iterable[str] | None = "1 | study/row",
    struct: str | Sequence[str] | None = None,
    moderators: str | ArrayLike | None = None,
    names: Sequence[str] | None = None,
    V: ArrayLike | None = None,
    R: Mapping[str, ArrayLike] | None = None,
    tau2: str = "REML",
    interval: str = "z",
    dfs: str = "residual",
    cluster: str | Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> MultilevelPooled | MultilevelRegression:
    """Pool dependent estimates with random effects on several levels.

    y = Xβ + Σ Z_j u_j + e with Var(e) = V known and Var(u_j) estimated by (restricted) maximum likelihood.

    Parameters
    ----------
    evidence
        The k rows to pool; several rows of a study are allowed.
    random
        ``"1 | district/school"`` (nested intercepts), ``"outcome | study"`` (correlated effects of the levels of
        ``outcome`` within a study), or a list of such terms (crossed effects); None for no random effects. Columns are
        moderators of the table, ``study``, or ``row`` (each row its own group).
    struct
        Covariance of the inner levels of ``inner | outer`` terms: CS (default), ID, DIAG, HCS, UN, AR, HAR or CAR; one
        name, or one a term.
    moderators, names
        A formula over the table's moderators, or a design matrix (k, p) used as it is, with the names of its columns.
    V
        Sampling covariance, (k, k), in squared units of the estimates, instead of the table's; the table's own V or
        diag(vi) by default.
    R
        Known correlation matrices of groups, by name of the grouping: a DataFrame whose index names the groups, or an
        array where the groups first appear in sorted order.
    tau2
        Estimator of the variances: ``REML`` or ``ML``.
    interval, dfs
        ``z`` or ``t``; df of t: ``residual`` (k − p) or ``contain`` (levels of the grouping within which a moderator
        does not vary, minus p).
    cluster
        Column or labels of the clusters for cluster-robust (CR2, Satterthwaite) inference; None for model-based.
    level
        Level of intervals, a fraction.

    Returns
    -------
    MultilevelPooled, MultilevelRegression
        The mean; with moderators their coefficients.

    Raises
    ------
    InputError
        Estimates or variances that are not finite, V of another shape, not symmetric or not positive definite, groups
        with a single level, groupings that coincide.
    OptionError, UnknownName
        An option that does not exist.
    NotEstimable, TooFewStudies
        Too few rows, or a singular design.

    See Also
    --------
    lamevidence.robust_variance : when the dependence is not known well enough to be modelled.
    lamevidence.cluster_robust : robust inference with other clusters, kinds or degrees of freedom.

    References
    ----------
    Konstantopoulos 2011, 10.1002/jrsm.35; Berkey 1998,
    10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [-0.18, -0.22, 0.23, 0.13, -0.26, 0.19, 0.45, 0.38],
    ...     vi=[0.118, 0.118, 0.144, 0.014, 0.014, 0.015, 0.023, 0.043],
    ...     studies=["11", "11", "11", "12", "12", "12", "18", "18"])
    >>> fit = multilevel(table)
    >>> list(fit.tau2)
    ['study', 'study/row']
    """
    a_choice("tau2 estimator of a multilevel model", tau2, ESTIMATORS)
    a_choice("interval of a multilevel model", interval, INTERVALS)
    if a_choice("dfs", dfs, DEGREES) != "residual" and interval == "z":
        raise OptionError(f"dfs={dfs!r} are degrees of freedom of t · use interval='t' too")
    level = a_level(level)
    covariance = checked_covariance(evidence, V)
    design = _design(evidence, moderators, names)
    terms = () if random is None else terms_of(evidence, random, struct, R)
    if random is None and struct is not None:
        raise OptionError(f"struct={shown(struct)} belongs to a random effect · give random='outcome | study' too")
    if random is None and R is not None:
        raise OptionError("R belongs to a random effect · give random='1 | group' too")
    _check_size(evidence, design, terms)
    likelihood = Likelihood.of(terms, design.basis, evidence.yi, covariance, tau2 == "REML")
    model = FittedModel.at(evidence.yi, covariance, design, likelihood)
    df = degrees_of_freedom(interval, dfs, design, likelihood)
    coefficients, robust = Coefficients(design.names, model.beta, model.vb, df, level), None
    if cluster is not None:
        groups = group_rows("cluster", cluster_labels(evidence, cluster))
        robust = multilevel_inference(model, groups.codes, "CR2", None, level)
        coefficients = robust.coefficients
    options = {"random": random, "struct": struct, "tau2": tau2, "interval": interval, "dfs": dfs, "level": level}
    recipe = _recipe(evidence, options, terms, design, moderators, V, cluster)
    several = model.maximum.modes > 1
    notes = ("the likelihood has more than one maximum; the highest is reported",) if several else ()
    spec = _spec(terms, tau2, interval, dfs, level, robust)
    kind = MultilevelPooled if moderators is None else MultilevelRegression
    return kind(evidence, spec, model, coefficients, robust, notes, recipe)


def _recipe(
    evidence: EvidenceTable,
    options: Mapping[str, Any],
    terms: Sequence[Term],
    design: Design,
    moderators: str | ArrayLike | None,
    V: ArrayLike | None,
    cluster: str | Sequence[Hashable] | None,
) -> Recipe:
    """Return how to fit the model again; matrices and labels follow their rows, correlations their groups."""
    known = {t.outer.name: _named(t) for t in terms if t.correlation is not None}
    options = {**options, "R": known or None}
    per_row: dict[str, Mapping[str, Any]] = {}
    if moderators is None or isinstance(moderators, str):
        options["moderators"] = moderators
    else:
        options["names"] = design.names
        per_row["moderators"] = by_label(evidence, design.X)
    if cluster is None or isinstance(cluster, str):
        options["cluster"] = cluster
    else:
        per_row["cluster"] = by_label(evidence, cluster_labels(evidence, cluster))
    if V is not None:
        options["V_labels"] = evidence.labels
        per_row["V"] = by_label(evidence, floats(V, "V"))
    return Recipe(_again, options, per_row)


def _named(term: Term) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(term.correlation, index=term.outer.labels, columns=term.outer.labels)


def _again(
    evidence: EvidenceTable,
    *,
    V: FloatArray | None = None,
    V_labels: Sequence[str] = (),
    **options: Any,  # noqa: ANN401
) -> MultilevelPooled | MultilevelRegression:
    """Fit the model to other rows; a matrix V arrives as rows over the labels that it was given for."""
    if V is not None and V.ndim == 2:
        V = V[:, [V_labels.index(label) for label in evidence.labels]]
    if isinstance(options.get("names"), tuple):
        options["names"] = list(options["names"])
    made: MultilevelPooled | MultilevelRegression = multilevel(evidence, V=V, **options)
    return made


def _design(evidence: EvidenceTable, moderators: str | ArrayLike | None, names: Sequence[str] | None) -> Design:
    a_table(evidence, "evidence")
    if moderators is None:
        check_alike(evidence.row_is, evidence.moderators)
    if moderators is None and evidence.k < 2:
        raise TooFewStudies("a multilevel model", evidence.k, 2, "pool() reports a single estimate as it is")
    return target_design(evidence, moderators, names)


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
    a_table(table, "evidence")
    if table.k == 0:
        raise nothing_to_pool(table)
    if not np.isfinite(table.yi).all():
        raise no_variance(table)
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
    far = (np.abs(table.yi) >= MAX_MAGNITUDE) | (diagonal >= MAX_MAGNITUDE) | (diagonal <= 1 / MAX_MAGNITUDE)
    if far.any():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(far))
        raise InputError(f"numbers beyond {MAX_MAGNITUDE:g}, or below its inverse, for {bad} · use another unit")
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
        raise InputError(f"V is not positive definite (smallest eigenvalue of its correlations {lowest:.3g})")
    return given


def _spec(
    terms: Sequence[Term], tau2: str, interval: str, dfs: str, level: float, robust: RobustInference | None
) -> Spec:
    named = [t.name if t.inner is None else f"{t.name} ({t.structure.code})" for t in terms]
    why = {"random": ", ".join(named) or "none"}
    if interval == "t":
        why["df"] = dfs
    levels = ", ".join(f"{t.outer.size} groups of {t.outer.name}" for t in terms)
    shown_interval = interval if robust is None else robust.title
    title = f"Multilevel ({levels}), {tau2} + {shown_interval}" if terms else f"No random effects, {shown_interval}"
    predicts = interval if terms else "none"
    return Spec("multilevel", tau2 if terms else "none", shown_interval, predicts, level, why=why, title=title)
