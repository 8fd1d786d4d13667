"""Pooling sparse counts without a variance per study: Mantel-Haenszel and Peto."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..effects.measures.cells import BoolArray
from ..errors import NotEstimable, OptionError
from ..options import a_flag, a_level, shown
from .count_results import CountPooled, CountSpec, measure_of
from .sparse_counts import person_time, two_by_two
from .sparse_formulas import (
    Association,
    Homogeneity,
    Summed,
    breslow_day,
    cochran_mantel_haenszel,
    irr_test,
    mh_ird,
    mh_irr,
    mh_or,
    mh_rd,
    mh_rr,
    peto_or,
)

__all__ = ["SparsePooled", "mantel_haenszel", "mantel_haenszel_test", "peto"]

_TABLES = {"OR": mh_or, "RR": mh_rr, "RD": mh_rd}
RD_VARIANCES = ("sato", "greenland-robins")
_RATES = {"IRR": mh_irr, "IRD": mh_ird}


@dataclass(frozen=True, eq=False, repr=False)
class SparsePooled(CountPooled):
    """A Mantel-Haenszel or Peto estimate.

    Attributes
    ----------
    association
        Cochran-Mantel-Haenszel test of no association (OR, IRR), else NaN.
    homogeneity
        Breslow-Day and Tarone tests of one odds ratio (OR), else NaN.
    k_estimated
        Studies that have an estimate of their own and enter Q.
    """

    association: Association = field(default_factory=lambda: Association(math.nan, math.nan))
    homogeneity: Homogeneity = field(default_factory=lambda: Homogeneity(math.nan, math.nan, math.nan, math.nan, 0))
    k_estimated: int = 0

    def _glance(self) -> dict[str, Any]:
        return {
            "cmh": self.association.statistic,
            "cmh_p": self.association.p,
            "breslow_day": self.homogeneity.bd,
            "breslow_day_p": self.homogeneity.bd_p,
            "tarone": self.homogeneity.tarone,
            "tarone_p": self.homogeneity.tarone_p,
        }


def _own_estimates(table: EvidenceTable) -> tuple[FloatArray, FloatArray]:
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0)
    return table.yi[usable], table.vi[usable]


def _heterogeneity(q: float, df: int) -> tuple[float, float, float]:
    """Return (p, I² in percent, H²); no heterogeneity to speak of below two estimates."""
    if df < 1:
        return 1.0, 0.0, 1.0
    return float(special.chdtrc(df, q)), max(0.0, 100.0 * (q - df) / q) if q > 0 else 0.0, q / df


def _no_estimate(what: str, method: str) -> NotEstimable:
    return NotEstimable(
        f"{what}: one group has no events in any study (or nothing but events), so the {method} estimate is infinite"
        " or undefined · model='glmm' on each arm gives exact bounds; a Bayesian fit has a proper answer"
    )


def _notes(double_zero: BoolArray, keeps: bool) -> tuple[str, ...]:
    count = int(np.sum(double_zero))
    if not count:
        return ()
    fate = "enter with zero events on both sides" if keeps else "carry no information about this ratio and get weight 0"
    return (
        f"{count} of {double_zero.size} studies without events in either group (or with nothing but events) {fate}",
    )


def mantel_haenszel(
    table: EvidenceTable,
    *,
    measure: str | None = None,
    level: float = 0.95,
    correct: bool | None = None,
    add: float = 0.0,
    to: str = "none",
    variance: str | None = None,
) -> SparsePooled:
    """Pool two-group counts by the Mantel-Haenszel method (a common-effect model).

    Estimates log OR = log(Σad/N ÷ Σbc/N) with Robins, Breslow & Greenland's variance (doi:10.2307/2531052), log RR
    and log IRR with Greenland & Robins's (doi:10.2307/2530643), RD with Sato's (1989), and IRD. Zero cells need no
    correction and get none unless asked for.

    Parameters
    ----------
    table
        Counts ``ai n1i ci n2i`` (or ``ai bi ci di``), or ``x1i t1i x2i t2i``. Q uses the table's ``yi`` and
        ``vi`` where they are finite.
    measure
        ``OR RR RD IRR IRD``; the table's own when None.
    level
        Confidence level.
    correct
        Yates's ½ in the Cochran-Mantel-Haenszel test (default True); only OR and IRR have that test.
    add, to
        Continuity correction of the pooled tables: the amount, and ``none``, ``only0``, ``all`` or ``if0all``.
    variance
        RD only: ``sato`` (default) or ``greenland-robins``.

    Raises
    ------
    OptionError, InputError
        Unknown measure or option; counts missing, negative, above their totals.
    NotEstimable
        A ratio where a whole group has no events.

    Examples
    --------
    >>> import numpy as np
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> t = EvidenceTable(yi=np.array([0.0, 0.0]), vi=np.array([np.nan, np.nan]), labels=("a", "b"), studies=("a", "b"),
    ...     measure="OR", unit=None, counts={"ai": [4, 6], "n1i": [123, 306], "ci": [11, 29], "n2i": [139, 303]})
    >>> fit = mantel_haenszel(t)
    >>> round(fit.mu, 4)
    -1.4215
    """
    code = measure_of(table, (*_TABLES, *_RATES), measure, "Mantel-Haenszel pooling")
    level = a_level(level)
    if correct is not None and code not in ("OR", "IRR"):
        raise OptionError(f"correct={shown(correct)} does not apply to {code} · only OR and IRR have a test to correct")
    correct = True if correct is None else a_flag("correct", correct)
    table.require_independent()
    what = f"Mantel-Haenszel {code}"
    if variance is not None and (code != "RD" or not isinstance(variance, str) or variance not in RD_VARIANCES):
        choices = ", ".join(RD_VARIANCES)
        raise OptionError(f"variance={shown(variance)} does not apply to {code} · choices for RD: {choices}")
    association, homogeneity = Association(math.nan, math.nan), Homogeneity(math.nan, math.nan, math.nan, math.nan, 0)
    if code in _TABLES:
        raw = two_by_two(table, what)
        cells = raw.corrected(add, to)
        summed = _TABLES[code](cells) if code != "RD" else mh_rd(cells, variance or "sato")
        if code == "OR":
            association, homogeneity = cochran_mantel_haenszel(cells, correct), breslow_day(cells, summed.mu)
    else:
        rates = person_time(table, what)
        raw_rates = rates
        times = rates.corrected(add, to)
        summed = _RATES[code](times)
        if code == "IRR":
            association = irr_test(times, correct)
    empty = (raw if code in _TABLES else raw_rates).double_zero
    if math.isnan(summed.mu):
        raise _no_estimate(what, "Mantel-Haenszel")
    yi, vi = _own_estimates(table) if code == table.measure else (np.zeros(0), np.zeros(0))
    # one estimate says nothing about heterogeneity, even where others enter the pooled one
    q = max(0.0, float(((yi - summed.mu) ** 2 / vi).sum())) if yi.size > 1 else 0.0
    return _result(
        table,
        code,
        "Mantel-Haenszel",
        summed,
        q,
        yi.size,
        level,
        _notes(empty, code in ("RD", "IRD")),
        {"add": add, "to": to},
        association,
        homogeneity,
    )


def mantel_haenszel_test(
    table: EvidenceTable, *, measure: str | None = None, correct: bool = True, add: float = 0.0, to: str = "none"
) -> Association:
    """Test that no study has an effect: Cochran-Mantel-Haenszel for odds ratios, its person-time form for rate ratios.

    Exists where the pooled ratio is infinite, with events in one group only.

    Parameters
    ----------
    table, measure
        As in `mantel_haenszel`, with ``measure`` ``OR`` or ``IRR``.
    correct
        Yates's ½.
    add, to
        Continuity correction, as in `mantel_haenszel`.

    Returns
    -------
    Association
        Chi-square with one degree of freedom and its p value; NaN where no study tells the groups apart.

    Raises
    ------
    OptionError, InputError
        As `mantel_haenszel`.

    Examples
    --------
    >>> import numpy as np
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> nan = np.full(3, np.nan)
    >>> counts = {"ai": [0, 0, 0], "n1i": [10, 20, 30], "ci": [1, 2, 3], "n2i": [12, 18, 33]}
    >>> t = EvidenceTable(yi=nan, vi=nan, labels=("a", "b", "c"), studies=("a", "b", "c"), measure="OR", unit=None,
    ...     counts=counts)
    >>> round(mantel_haenszel_test(t).p, 4)
    0.0436
    """
    code = measure_of(table, ("OR", "IRR"), measure, "the Mantel-Haenszel test")
    table.require_independent()
    a_flag("correct", correct)
    if code == "OR":
        return cochran_mantel_haenszel(two_by_two(table, "the Mantel-Haenszel test").corrected(add, to), correct)
    return irr_test(person_time(table, "the Mantel-Haenszel test").corrected(add, to), correct)


def _result(
    table: EvidenceTable,
    code: str,
    model: str,
    summed: Summed,
    q: float,
    k_yi: int,
    level: float,
    notes: tuple[str, ...],
    options: dict[str, Any],
    association: Association,
    homogeneity: Homogeneity,
) -> SparsePooled:
    if options.get("to", "none") != "none":
        notes += (f"{options['add']:g} was added to the cells of studies chosen by to={options['to']!r}, as asked",)
    if k_yi < table.k:
        notes += (f"Q rests on the {k_yi} of {table.k} studies that have an estimate and a variance of their own",)
    p, i2, h2 = _heterogeneity(q, k_yi - 1)
    spec = CountSpec(
        {"Peto": "peto"}.get(model, "mh"),
        "none",
        "z",
        "none",
        level,
        "sums over studies",
        {"model": "common effect from sums over studies: no variance per study, no continuity correction"},
        options,
        model,
    )
    total = float(summed.weights.sum())
    return SparsePooled(
        table,
        spec,
        code,
        summed.mu,
        summed.se,
        math.inf,
        0.0,
        q,
        k_yi - 1,
        p,
        i2,
        h2,
        100 * summed.weights / total,
        notes,
        None,
        association,
        homogeneity,
        k_yi,
    )


def peto(table: EvidenceTable, *, level: float = 0.95, add: float = 0.0, to: str = "none") -> SparsePooled:
    """Pool two-by-two counts by Peto's one-step method: log OR = Σ(O − E)/ΣV, se = 1/√ΣV.

    Good for rare events, balanced groups and small effects (Bradburn 2007, doi:10.1002/sim.2528); biased otherwise.

    Parameters
    ----------
    table
        Counts ``ai n1i ci n2i`` or ``ai bi ci di``.
    level
        Confidence level.
    add, to
        Continuity correction, as in `mantel_haenszel`.

    Raises
    ------
    OptionError, InputError
        Counts missing or impossible.
    NotEstimable
        No study has both patients with and without the event.

    Examples
    --------
    >>> import numpy as np
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> t = EvidenceTable(yi=np.array([0.0, 0.0]), vi=np.array([np.nan, np.nan]), labels=("a", "b"), studies=("a", "b"),
    ...     measure="PETO", unit=None, counts={"ai": [4, 6], "n1i": [123, 306], "ci": [11, 29], "n2i": [139, 303]})
    >>> round(peto(t).mu, 4)
    -1.2401
    """
    measure_of(table, ("PETO", "OR"), None, "Peto pooling")
    a_level(level)
    table.require_independent()
    raw = two_by_two(table, "Peto pooling")
    summed, q, k_pos = peto_or(raw.corrected(add, to))
    if k_pos == 0:
        raise _no_estimate("Peto pooling", "Peto")
    notes = _notes(raw.double_zero, False)
    imbalance = np.maximum(raw.n1, raw.n2) / np.minimum(raw.n1, raw.n2)
    if float(imbalance.max()) > 2 or abs(summed.mu) > math.log(2.5):
        notes += (
            "Peto's method is biased with unbalanced groups or large effects; Mantel-Haenszel or a GLMM is safer here",
        )
    homogeneity = Homogeneity(math.nan, math.nan, math.nan, math.nan, k_pos)
    nothing = Association(math.nan, math.nan)
    return _result(table, "PETO", "Peto", summed, q, k_pos, level, notes, {"add": add, "to": to}, nothing, homogeneity)
