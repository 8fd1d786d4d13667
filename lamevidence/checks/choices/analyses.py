"""How the rows can be analysed: models, τ², intervals, zero rules, likelihoods and priors, each as one call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ...bayes.api import pool_bayes
from ...bayes.counts.likelihoods import LIKELIHOODS
from ...bayes.posterior import Posterior
from ...bayes.predictive.sensitivity import prior_grid
from ...bayes.priors.prior_parsing import PriorLike, tau_prior
from ...effects.escalc import estimates_of
from ...effects.evidence_table import EvidenceTable
from ...effects.measures import MEASURES
from ...foundation.errors import LamEvidenceError, OptionError
from ...foundation.options import a_choice, shown
from ...pooling.api import pool
from ...questions.question import Question
from ...results.contract import Result

__all__ = ["Analysis", "bayesian", "fit_analysis", "frequentist", "listed", "result_of"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One way to analyse a table: the level of each of its own choices, and the call."""

    levels: Mapping[str, str]
    engine: str
    options: Mapping[str, Any]
    zero: str = ""


def listed(name: str, given: object) -> tuple[Any, ...]:
    """Return a list of choices; one alone is refused, with how to write it."""
    if isinstance(given, str) or not isinstance(given, list | tuple) or not given:
        raise OptionError(f"{name}={shown(given)} is not a list · give one or more, {name}=['…']")
    return tuple(given)


def frequentist(
    table: EvidenceTable, question: Question | None, tau2: Sequence[str], interval: Sequence[str], level: float
) -> list[Analysis]:
    """Return the frequentist analyses; a count model where the default is one."""
    sets = () if question is None else question.sensitivity
    tau2 = tuple(dict.fromkeys((*tau2, *(str(v.model["tau2"]) for v in sets if v.model.get("tau2")))))
    interval = tuple(dict.fromkeys((*interval, *(str(v.model["interval"]) for v in sets if v.model.get("interval")))))
    found: list[Analysis] = []
    engine = {"engine": "frequentist"}
    zeros = _zero_rules(table)
    if _counts_by_default(table):
        found.append(Analysis({**engine, "model": "glmm"}, "pool", {"model": "glmm", "level": level}))
    for zero in zeros or ("",):
        rule = {"zero rule": zero} if zero else {}
        for t, i in product(tau2, interval):
            levels = {**engine, **rule, "model": "random", "tau2": t, "interval": i}
            options = {"model": "random", "tau2": t, "interval": i, "level": level, "prediction": "none"}
            found.append(Analysis(levels, "pool", options, zero))
        common = {"model": "common", "tau2": "none", "interval": "z", "prediction": "none", "level": level}
        found.append(Analysis({**engine, **rule, "model": "common"}, "pool", common, zero))
    return found


def _counts_by_default(table: EvidenceTable) -> bool:
    try:
        return pool(table).spec.model not in ("random", "common", "fixed", "single")
    except LamEvidenceError:
        return False


HALF, DROP = "add 1/2 where a cell is 0", "leave out rows with a cell of 0"


def _zero_rules(table: EvidenceTable) -> tuple[str, ...]:
    return (HALF, DROP) if table.counts and not np.isfinite(table.vi).all() else ()


def bayesian(
    table: EvidenceTable,
    question: Question | None,
    likelihood: Sequence[str] | None,
    tau: Sequence[PriorLike] | None,
    level: float,
) -> list[Analysis]:
    """Return the posteriors; none where the table has no posterior by default."""
    # a word that nobody knows is refused here: further down it would be a specification that cannot be fitted
    for law in () if likelihood is None else listed("likelihood", likelihood):
        a_choice("likelihood", law, LIKELIHOODS)
    for prior in () if tau is None else listed("tau", tau):
        tau_prior(prior, table.unit)
    try:
        own = pool_bayes(table) if tau is None else pool_bayes(table, tau=tau[0])
    except LamEvidenceError:
        if tau is not None or likelihood is not None:
            raise
        return []
    assert isinstance(own, Posterior)
    sets = () if question is None else question.sensitivity
    if likelihood is None:
        said = [str(v.bayes["likelihood"]) for v in sets if v.bayes.get("likelihood")]
        likelihood = tuple(dict.fromkeys((own.likelihood, "normal", *said)))
        likelihood = likelihood if np.isfinite(table.vi).all() else (own.likelihood,)
    priors = prior_grid(own) if tau is None else tuple(tau)
    found = []
    for law, prior in product(listed("likelihood", likelihood), priors):
        levels = {"engine": "bayes", "likelihood": law, "prior of tau": str(prior)}
        found.append(Analysis(levels, "pool_bayes", {"likelihood": law, "tau": prior, "level": level}))
    return found


def fit_analysis(table: EvidenceTable, analysis: Analysis) -> Result:
    """Return the result of one call of `pool` or `pool_bayes`."""
    if analysis.engine == "pool_bayes":
        post: Result = pool_bayes(table, **analysis.options)
        return post
    fit: Any = pool
    made: Result = fit(_corrected(table, analysis.zero), **_for(table, analysis.options))
    return made


def _for(table: EvidenceTable, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of one study, which has no interval but its own."""
    return {**options, "interval": "z"} if table.k == 1 and "interval" in options else dict(options)


def _corrected(table: EvidenceTable, zero: str) -> EvidenceTable:
    if zero == DROP:
        return table.subset(np.isfinite(table.vi))
    if zero == HALF and not np.isfinite(table.vi).all():
        found = estimates_of(MEASURES[table.measure], dict(table.counts), {"add": 0.5, "to": "only0"})
        return replace(table, yi=found.yi, vi=found.vi)
    return table


def result_of(table: EvidenceTable, analysis: Analysis) -> tuple[float, float, float, float, str]:
    """Return estimate, interval, rows and an empty reason; or NaN and why there is no result."""
    try:
        fit = fit_analysis(table, analysis)
        low, high = fit.interval()
        return float(fit.estimate), float(low), float(high), float(fit.k), ""
    except LamEvidenceError as error:
        return math.nan, math.nan, math.nan, float(table.k), str(error)
