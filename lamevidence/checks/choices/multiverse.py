"""All defensible analyses of one question at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from ...bayes.priors.prior_parsing import PriorLike
from ...effects.derive.derivation import evidence as answered
from ...effects.evidence_table import EvidenceTable
from ...effects.measures import MEASURES
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_flag, a_level, a_number, an_instance, shown
from ...pooling.inverse_variance.intervals import INTERVALS as INTERVAL_CODES
from ...pooling.tau2.estimators import TAU2 as TAU2_CODES
from ...questions.question import Question
from ...registry.registry import RegistryRecords
from .analyses import Analysis, bayesian, frequentist, listed, result_of
from .row_choices import Choice, RowChoice, choices_of_question, choices_of_table, tables_of
from .specifications import Multiverse

__all__ = ["multiverse"]

TAU2 = ("REML", "PM", "DL")
INTERVALS = ("HKSJ-floor", "HKSJ", "z")
MOST = 200_000
"""More specifications than this are refused; what they say is said by fewer."""


def multiverse(
    evidence: EvidenceTable | Question | str,
    registry: RegistryRecords | None = None,
    *,
    tau2: Sequence[str] = TAU2,
    interval: Sequence[str] = INTERVALS,
    likelihood: Sequence[str] | None = None,
    tau: Sequence[PriorLike] | None = None,
    bayes: bool = True,
    threshold: float | None = None,
    level: float = 0.95,
) -> Multiverse:
    """Fit every defensible specification of an analysis: what else could have been chosen, and what would come out.

    Of a question: members of overlaps, the kind of an inferred ±, an assumed correlation, each change of its
    sensitivity sets, designs, risk of bias. Of every table: the model with τ² and interval, the zero rule where cells
    are 0; likelihood and prior of τ for the posterior. All combinations are fitted, each by the call of `pool` or
    `pool_bayes` that it names; equal rows are fitted once.

    Parameters
    ----------
    evidence
        A table; or a question of the registry, or its id.
    registry
        What `load_registry` returns; needed for a question.
    tau2
        Estimators of τ² to use.
    interval
        Intervals of random-effects models to use.
    likelihood
        Likelihoods of the posterior; the automatic one and ``normal`` when left out.
    tau
        Priors of τ; the one used, its alternatives, half and double when left out.
    bayes
        Fit posteriors too.
    threshold
        Value of the mean that matters, on the analysis scale.
    level
        Level of all intervals.

    Returns
    -------
    Multiverse
        ``to_frame()`` has all of them, ``shares()`` what each choice makes of the spread, ``agreement()`` how many
        agree, ``plot()`` draws the specification curve.

    Raises
    ------
    OptionError
        A question without its registry; too many specifications.
    NotEstimable
        None of them can be fitted.

    See Also
    --------
    rounding_interval : what the print leaves open, where this is the choices.

    References
    ----------
    Steegen et al. 2016, doi:10.1177/1745691616658637; specification curves: Simonsohn, Simmons & Nelson 2020,
    doi:10.1038/s41562-020-0912-z; Shapley shares: Owen 2014, doi:10.1137/130936233.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> found = lam.checks.multiverse(table, bayes=False)
    >>> len(found)
    10
    >>> float(found.shares()["share"].sum().round(6))
    100.0
    """
    level = a_level(level)
    a_flag("bayes", bayes)
    if not bayes and not (likelihood is None and tau is None):
        raise OptionError("likelihood and tau are for posteriors, and bayes=False fits none · leave them out")
    limit = None if threshold is None else a_number("threshold", threshold)
    table, question = _asked_of(evidence, registry)
    for t in listed("tau2", tau2):
        TAU2_CODES.entry(t)
    for i in listed("interval", interval):
        INTERVAL_CODES.entry(i)
    rows: tuple[RowChoice, ...] = choices_of_table(table)
    if registry is not None and question is not None:
        rows = choices_of_question(registry, question, table)
    analyses = frequentist(table, question, listed("tau2", tau2), listed("interval", interval), level)
    if bayes:
        analyses += bayesian(table, question, likelihood, tau, level)
    many = math.prod(len(r.changes) for r in rows) * len(analyses)
    if many > MOST:
        raise OptionError(f"{many} specifications, more than {MOST} · give fewer tau2, interval or tau, or bayes=False")
    tables = tables_of(rows, registry, question, table)
    return _all(rows, tables, analyses, table, limit, level)


def _asked_of(given: object, registry: object) -> tuple[EvidenceTable, Question | None]:
    if isinstance(given, EvidenceTable):
        if registry is not None:
            raise OptionError("a table has its rows already, and registry has no effect · leave registry out")
        if given.k == 0:
            raise NotEstimable("no row to pool · give a table with rows")
        return given, None
    if not isinstance(given, str | Question):
        raise OptionError(f"a multiverse is of a table or a question, not of {shown(given)} · give an EvidenceTable")
    if registry is None:
        raise OptionError("a question is asked of a registry · give registry=lam.load_registry()")
    an_instance("registry", registry, RegistryRecords, "give lam.load_registry()")
    assert isinstance(registry, RegistryRecords)
    if isinstance(given, str):
        find: Any = getattr(registry, "question", None)
        if find is None:
            raise OptionError("these records hold no questions · give the Question itself")
        given = find(given)
    assert isinstance(given, Question)
    if given.compare == "joint":
        raise NotEstimable(
            f"{given.id} joins all designs, and nothing of it is pooled · its own choices are in"
            f" lam.synthesis.joint(lam.load_registry().evidence({given.id!r})).sensitivity()"
        )
    table = answered(registry, given)
    if table.k == 0 or not given.pooled:
        raise NotEstimable(f"{given.id} has no pooled answer · lam.load_registry().evidence({given.id!r}) has its rows")
    return table, given


def _all(
    rows: Sequence[RowChoice],
    tables: Sequence[EvidenceTable | str],
    analyses: Sequence[Analysis],
    table: EvidenceTable,
    threshold: float | None,
    level: float,
) -> Multiverse:
    known: dict[tuple[object, ...], list[tuple[float, float, float, float, str]]] = {}
    levels, numbers, reasons, calls = [], [], [], []
    for at, made in zip(product(*(r.choice.levels for r in rows)), tables, strict=True):
        own = dict(zip((r.choice.name for r in rows), at, strict=True))
        if isinstance(made, str):
            results = [(math.nan, math.nan, math.nan, 0.0, made)] * len(analyses)
        else:
            key = _key(made)
            if key not in known:
                known[key] = [result_of(made, analysis) for analysis in analyses]
            results = known[key]
        for analysis, (*found, reason) in zip(analyses, results, strict=True):
            levels.append({**own, **analysis.levels})
            numbers.append(found)
            reasons.append(reason)
            calls.append((None if isinstance(made, str) else made, analysis))
    values = np.array(numbers, dtype=np.float64)
    if not np.isfinite(values[:, 0]).any():
        raise NotEstimable(f"none of {len(levels)} specifications can be fitted: {reasons[0]}")
    names = dict.fromkeys(name for mapping in levels for name in mapping)
    held = {r.choice.name: r.choice for r in rows}
    choices = [
        held.get(name) or Choice(name, tuple(dict.fromkeys(m[name] for m in levels if name in m))) for name in names
    ]
    null = MEASURES[table.measure].null
    if null is None and table.unit is not None:
        null = 0.0  # a change or slope has a sign, a proportion has none
    return Multiverse(
        tuple(choice for choice in choices if len(choice.levels) > 1),
        tuple(levels),
        values[:, 0],
        values[:, 1],
        values[:, 2],
        values[:, 3],
        tuple(reasons),
        threshold,
        None if null is None else float(null),
        level,
        table.unit,
        table.title,
        tuple(calls),
    )


def _key(table: EvidenceTable) -> tuple[object, ...]:
    """Return what tells two tables apart for every analysis."""
    counts = tuple((name, column.tobytes()) for name, column in sorted(table.counts.items()))
    n = b"" if table.n is None else table.n.tobytes()
    return (table.labels, table.yi.tobytes(), table.vi.tobytes(), counts, n, repr(dict(table.model)))
