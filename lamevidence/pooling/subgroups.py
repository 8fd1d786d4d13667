"""Subgroup analysis: the model of one fit for each group of its rows, and the test whether the groups differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import entries_of
from ..foundation.errors import LamEvidenceError, NotEstimable, OptionError
from ..foundation.options import a_flag, shown
from ..results.contract import Result
from ..results.recipe import Recipe, by_label
from .api import pool
from .inverse_variance.pooled import Pooled
from .rows import nothing_to_pool
from .subgroup_results import Subgroups, one_tau2

__all__ = ["Subgroups", "subgroups"]

SHARED_TAU2 = "τ² was estimated within all groups together"


def subgroups(
    evidence: EvidenceTable | Result,
    by: str | Sequence[str],
    *,
    common_tau2: bool = False,
    **options: Any,  # noqa: ANN401 whatever `pool` takes
) -> Subgroups:
    """Pool each group of studies by one model, and test whether the groups differ.

    Parameters
    ----------
    evidence
        A fitted result of one mean, whose model every group gets; or a table, which is pooled first
        (``pool(evidence, **options)``, so the model is what `pool` chooses for the whole table).
    by
        Name of a moderator of the table, ``"groups"`` for the table's own groups, or one label a row (k,).
    common_tau2
        True for one τ² estimated within all groups together, False for one a group. Only with the random-effects model
        of estimates and variances. A group of one study then has the variance v + τ², else that of the study, v.
    **options
        Options of `pool` (``model``, ``tau2``, ``interval``, …), with a table only.

    Returns
    -------
    Subgroups
        ``names`` are the groups; ``result["group"]`` is the result of one, ``overall`` that of all rows.

    Raises
    ------
    OptionError
        Options beside a fitted result; a model with moderators; a shared τ² for a model without one.
    InputError
        Missing labels, or not one a row.
    NotEstimable
        Fewer than two groups, or none that the model can be fitted to.
    DependentRows
        A table whose rows share patients.

    Notes
    -----
    The test holds for groups that share no patients. Where rows of one study, or rows with a covariance, lie in two
    groups it is withheld and ``between_note`` says so. A group that the model cannot be fitted to is kept with NaN and
    its reason.

    See Also
    --------
    pool : moderators instead of groups, in one model.

    References
    ----------
    Borenstein & Higgins 2013, doi:10.1007/s11121-013-0377-7.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.8, 0.9], vi=[0.02, 0.02, 0.02, 0.02])
    >>> sub = lam.subgroups(table, ["a", "a", "b", "b"], model="common")
    >>> round(sub.q_between, 3)
    24.5
    >>> lam.subgroups(lam.pool(table, model="common"), by=["a", "a", "b", "b"]).names
    ('a', 'b')
    """
    a_flag("common_tau2", common_tau2)
    table = _table_of(evidence, options)
    if table.k == 0:
        raise nothing_to_pool(table)
    labels = _labels(table, by)
    names = tuple(dict.fromkeys(labels))
    if len(names) < 2:
        remedy = "use lam.pool(table)" if isinstance(evidence, EvidenceTable) else "describe() reports what there is"
        raise NotEstimable(f"one group only ({names[0]}): there is nothing to compare · {remedy}")
    overall = _overall(evidence, options)
    groups, reasons = _fit_groups(overall, labels, names)
    shared = None
    if common_tau2:
        shared = _shared_tau2(overall, labels, names)
        groups, reasons = _fit_groups(_with_tau2(overall, shared), labels, names)
    note = _why_no_test(overall.table, labels, groups)
    q, df, p = (math.nan, 0, math.nan) if note else _between(groups)
    notes = (
        *((SHARED_TAU2,) if shared is not None else ()),
        *(f"group {name} could not be fitted: {reason}" for name, reason in reasons.items()),
        *((f"no test between groups: {note}",) if note else ()),
    )
    recipe = Recipe(_again, {"common_tau2": common_tau2, "overall": overall}, {"by": by_label(overall.table, labels)})
    return Subgroups(overall.table, overall, groups, labels, reasons, shared, q, df, p, note, notes, recipe)


def _again(table: EvidenceTable, *, overall: Result, by: Sequence[str], common_tau2: bool) -> Subgroups:
    """Return the same analysis of other rows."""
    return subgroups(overall.refit(table), by, common_tau2=common_tau2)


def _table_of(evidence: object, options: Mapping[str, Any]) -> EvidenceTable:
    """Return the rows, after refusing what cannot have subgroups, and options where they say nothing."""
    if isinstance(evidence, EvidenceTable):
        if options.get("moderators") is not None:
            raise OptionError(
                "subgroups have no moderators · leave moderators out, or use lam.pool(table, moderators=…)"
            )
        return evidence
    if not isinstance(evidence, Result):
        raise OptionError(f"evidence={shown(evidence)} is not a table or a fitted result · give lam.pool(table)")
    if not isinstance(evidence.table, EvidenceTable):
        raise OptionError("subgroups are of one comparison, not of a network · use lam.network.split_network(fit)")
    if options:
        raise OptionError(
            f"{', '.join(options)} beside a fitted result, whose model the groups have"
            " · leave them out, or give the table instead of the fit"
        )
    return evidence.table


def _overall(evidence: EvidenceTable | Result, options: Mapping[str, Any]) -> Result:
    """Return the fit to all rows: what was given, or the table pooled."""
    if isinstance(evidence, EvidenceTable):
        made: Result = pool(evidence, **options)
        return made
    if isinstance(evidence, Subgroups):
        return evidence.overall
    if evidence.names != ("mu",) and len(evidence.names) > 1:
        raise OptionError(
            f"subgroups are of one mean, and {evidence.spec.label} has {', '.join(evidence.names)}"
            f" · use lam.subgroups(lam.{_mean_model(evidence.table)}(table), by)"
        )
    return evidence


def _mean_model(table: EvidenceTable) -> str:
    """Return which function fits one mean to these rows."""
    return "multilevel" if len(set(table.studies)) < table.k or table.V is not None else "pool"


def _fit_groups(
    fit: Result, labels: tuple[str, ...], names: tuple[str, ...]
) -> tuple[dict[str, Result], dict[str, str]]:
    """Return the result of each group, and why some have none."""
    groups: dict[str, Result] = {}
    reasons: dict[str, str] = {}
    for name in names:
        rows = [i for i, label in enumerate(labels) if label == name]
        try:
            groups[name] = fit.refit(fit.table.subset(rows))
        except LamEvidenceError as refused:
            reasons[name] = str(refused)
    if not groups:
        first, why = next(iter(reasons.items()))
        remedy = "use lam.subgroups(lam.pool(table), by)"
        if isinstance(fit, Pooled) or len(set(fit.table.studies)) < fit.table.k or fit.table.V is not None:
            remedy = "describe() reports what there is"
        cause = why.split(" · ")[0]
        raise NotEstimable(f"{fit.spec.label} cannot be fitted to any group (group {first}: {cause}) · {remedy}")
    return groups, reasons


def _why_no_test(table: EvidenceTable, labels: tuple[str, ...], groups: Mapping[str, Result]) -> str:
    """Return why the groups cannot be compared by a test for independent means; empty where they can."""
    if len(groups) < 2:
        return "only one group could be fitted"
    of_study: dict[str, set[str]] = {}
    for study, label in zip(table.studies, labels, strict=True):
        of_study.setdefault(study, set()).add(label)
    both = [study for study, found in of_study.items() if len(found) > 1]
    if both:
        named = ", ".join(both[:3]) + (" …" if len(both) > 3 else "")
        return (
            f"rows of {named} are in several groups, which therefore share patients"
            " · compare them in one model, lam.multilevel(table, moderators=…, cluster='study')"
        )
    if table.V is not None:
        apart = np.array([[a != b for b in labels] for a in labels])
        if np.any(table.V[apart] != 0):
            return "rows of different groups have a covariance · compare them in one model, lam.multilevel"
    exact = [name for name, fit in groups.items() if not float(np.atleast_1d(fit.se)[0]) > 0]
    if exact:
        return f"the mean of {', '.join(exact)} has no variance to test it against"
    return ""


def _between(groups: Mapping[str, Result]) -> tuple[float, int, float]:
    """Return Q between the means of independent groups, its degrees of freedom and p value."""
    mu, se = (np.array([float(getattr(fit, what)) for fit in groups.values()]) for what in ("estimate", "se"))
    w = 1.0 / se**2
    centre = float(w @ mu) / float(w.sum())
    q, df = float(w @ (mu - centre) ** 2), len(groups) - 1
    return q, df, float(special.chdtrc(df, q))


def _labels(table: EvidenceTable, by: str | Sequence[str]) -> tuple[str, ...]:
    values: Any = by
    if isinstance(by, str):
        known = {**table.moderators, **({"groups": table.groups} if table.groups else {})}
        if by not in known:
            choices = ", ".join(known) or "none in this table"
            raise OptionError(f"no moderator {by!r} · give one label a row, or one of: {choices}")
        values = known[by]
    return tuple(str(x) for x in entries_of(values, "group", table.k))


# ---- one τ² for all groups --------------------------------------------------------------------
def _shared_tau2(fit: Result, labels: tuple[str, ...], names: tuple[str, ...]) -> float:
    """Return τ² of the model with one mean a group."""
    if not isinstance(fit, Pooled) or fit.spec.model != "random" or fit.recipe is None:
        raise OptionError(
            f"common_tau2 is for the random-effects model of estimates and variances, not for {fit.spec.label}"
            " · leave common_tau2 out"
        )
    if fit.k <= len(names):
        raise OptionError(f"{fit.k} rows in {len(names)} groups say nothing about a shared τ² · leave common_tau2 out")
    design = np.array([[float(label == name) for name in names] for label in labels])
    known = fit.recipe.options
    options: dict[str, Any] = {
        "tau2": known["value"] if fit.spec.tau2 == "fixed" else fit.spec.tau2,
        "weights": known.get("weights"),
    }
    given = fit.recipe.per_row.get("weights")
    if given is not None:
        options["weights"] = [given[label] for label in fit.table.labels]
    return one_tau2(pool(fit.table, moderators=design, names=list(names), model="random", interval="z", **options).tau2)


def _with_tau2(fit: Result, tau2: float) -> Result:
    """Return the fit whose refits take this τ² as known."""
    assert isinstance(fit, Pooled)
    assert fit.recipe is not None
    spec = replace(fit.spec, tau2="fixed", why={**fit.spec.why, "tau2": SHARED_TAU2})
    options = {**fit.recipe.options, "spec": spec, "value": tau2, "shared": True}
    return replace(fit, recipe=replace(fit.recipe, options=options))
