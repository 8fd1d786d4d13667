"""Pooling sparse counts without a variance per study: Mantel-Haenszel and Peto."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures.base import FloatArray
from ...effects.measures.cells import BoolArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_flag, a_level, our_words, shown
from ...results.recipe import Recipe
from .count_results import CountPooled, CountSpec, measure_of
from .remedies import RATES, TABLES, check_counts, of_measure, one_arm_each, which_works
from .sparse_counts import person_time, two_by_two
from .sparse_formulas import (
    Association,
    Homogeneity,
    Summed,
    breslow_day,
    cochran_mantel_haenszel,
    irr_test,
    mh_rd,
    peto_or,
)

__all__ = [
    "NO_ASSOCIATION",
    "NO_HOMOGENEITY",
    "SparsePooled",
    "assemble_sums",
    "mantel_haenszel",
    "mantel_haenszel_test",
    "peto",
]


NO_ASSOCIATION = Association(math.nan, math.nan)
NO_HOMOGENEITY = Homogeneity(math.nan, math.nan, math.nan, math.nan, 0)
_VARIANCES = {
    "OR": "Robins, Breslow & Greenland 1986, doi:10.2307/2531052",
    "RR": "Greenland & Robins 1985, doi:10.2307/2530643",
    "RD": "Sato, Greenland & Robins 1989, Biometrics 45:1323",
    "IRR": "Greenland & Robins 1985, doi:10.2307/2530643",
    "IRD": "Greenland & Robins 1985, doi:10.2307/2530643",
}
"""Measure → where the variance of its Mantel-Haenszel estimate is published."""


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class SparsePooled(CountPooled):
    """A Mantel-Haenszel or Peto estimate: one common effect, made from sums over the studies.

    Attributes
    ----------
    association
        Cochran-Mantel-Haenszel test of no association (OR, IRR), else NaN.
    homogeneity
        Breslow-Day and Tarone tests of one odds ratio (OR), else NaN.
    k_estimated
        Studies that have an estimate of their own and enter Q.
    """

    association: Association = NO_ASSOCIATION
    homogeneity: Homogeneity = NO_HOMOGENEITY
    k_estimated: int = 0

    @property
    def tau2_dersimonian_laird(self) -> float:
        """Moment estimate of τ² from Q about this mean, max{0, (Q − df)/(Σw − Σw²/Σw)} with w = 1/v.

        `pool` with this ``tau2`` is RevMan's random-effects answer (Deeks & Higgins 2010, Statistical algorithms in
        Review Manager 5). NaN with fewer than two studies that have a variance of their own.
        """
        _, v = _own_estimates(self.table)
        if self.q_df < 1:
            return math.nan
        w, total = 1.0 / v, float((1.0 / v).sum())
        return max(0.0, (self.q - self.q_df) / (total - float(w @ w) / total))

    def _no_heterogeneity(self) -> str:
        return f"Q rests on the {self.k_estimated} studies with an estimate and a variance of their own"

    def _glance(self) -> Mapping[str, Any]:
        return {
            "cmh": self.association.statistic,
            "cmh_p": self.association.p,
            "breslow_day": self.homogeneity.bd,
            "breslow_day_p": self.homogeneity.bd_p,
            "tarone": self.homogeneity.tarone,
            "tarone_p": self.homogeneity.tarone_p,
        }

    def _json(self) -> Mapping[str, Any]:
        return self._glance()

    def _methods(self) -> Sequence[tuple[str, str]]:
        title, measure = self.effect.title, self.measure
        if self.spec.model == "peto":
            source = "Yusuf et al. 1985, doi:10.1016/S0033-0620(85)80003-7"
            clauses = [("Log odds ratios were pooled by Peto's one-step method, a common-effect model", source)]
        else:
            source = "Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719"
            clauses = [(f"Counts were pooled by the Mantel-Haenszel method ({title}), a common-effect model", source)]
            given = self.spec.options.get("variance") == "greenland-robins"
            clauses.append(("Its variance is the large-sample one", _VARIANCES["RR" if given else measure]))
        if self.spec.options["to"] == "none":
            clauses.append(("Zero cells were not corrected", ""))
        else:
            add, to = self.spec.options["add"], self.spec.options["to"]
            clauses.append((f"{add:g} was added to the cells of the tables chosen by {to}", ""))
        clauses.append((f"{100 * self.level:g}% confidence intervals are Wald intervals with normal quantiles", ""))
        return clauses


def _heterogeneity(q: float, df: int) -> tuple[float, float, float]:
    """Return (p, I² in percent, H²); none to speak of with one estimate, and no such number without any."""
    if df < 0:
        return math.nan, math.nan, math.nan
    if df < 1:
        return 1.0, 0.0, 1.0
    return float(special.chdtrc(df, q)), max(0.0, 100.0 * (q - df) / q) if q > 0 else 0.0, q / df


def assemble_sums(
    table: EvidenceTable,
    code: str,
    spec: CountSpec,
    summed: Summed,
    q: float,
    k_yi: int,
    notes: tuple[str, ...],
    recipe: Recipe,
    association: Association = NO_ASSOCIATION,
    homogeneity: Homogeneity = NO_HOMOGENEITY,
) -> SparsePooled:
    """Return the result of a sum over studies, with the heterogeneity around it."""
    add, to = spec.options["add"], spec.options["to"]
    if to != "none":
        notes += (f"{add:g} was added to the cells of studies chosen by to={to!r}, as asked",)
    if k_yi < table.k:
        notes += (f"Q rests on the {k_yi} of {table.k} studies that have an estimate and a variance of their own",)
    p, i2, h2 = _heterogeneity(q, k_yi - 1)
    return SparsePooled(
        table=table,
        spec=spec,
        measure=code,
        mu=summed.mu,
        se=summed.se,
        q=q if k_yi else math.nan,
        q_df=max(k_yi - 1, 0),
        q_p=p,
        i2=i2,
        h2=h2,
        weights=100 * summed.weights / float(summed.weights.sum()),
        notes=notes,
        recipe=recipe,
        association=association,
        homogeneity=homogeneity,
        k_estimated=k_yi,
    )


RD_VARIANCES = ("sato", "greenland-robins")


def _own_estimates(table: EvidenceTable) -> tuple[FloatArray, FloatArray]:
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0)
    return table.yi[usable], table.vi[usable]


def _no_estimate(table: EvidenceTable, what: str, code: str) -> NotEstimable:
    return NotEstimable(
        f"{what}: one group has no events in any study (or nothing but events), so the estimate is infinite or"
        f" undefined · {which_works(of_measure(table, code), 'mh')}"
    )


def _notes(double_zero: BoolArray, keeps: bool) -> tuple[str, ...]:
    count = int(np.sum(double_zero))
    if not count:
        return ()
    fate = "enter with zero events on both sides" if keeps else "carry no information about this ratio and get weight 0"
    return (
        f"{count} of {double_zero.size} studies without events in either group (or with nothing but events) {fate}",
    )


@our_words()
def mantel_haenszel(
    evidence: EvidenceTable,
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
    evidence
        Counts ``ai n1i ci n2i`` (or ``ai bi ci di``), or ``x1i t1i x2i t2i``. Q uses the table's ``yi`` and
        ``vi`` where they are finite.
    measure
        ``OR RR RD IRR IRD``; the table's own when None (OR of a table of Peto's). With another measure than the table's
        the result holds the table of that measure.
    level
        Confidence level, a fraction.
    correct
        Yates's ½ in the Cochran-Mantel-Haenszel test (default True); only OR and IRR have that test.
    add, to
        Continuity correction of the pooled tables: the amount, and ``none``, ``only0``, ``all`` or ``if0all``.
    variance
        RD only: ``sato`` (default) or ``greenland-robins``.

    Returns
    -------
    SparsePooled
        The common effect, Q, Cochran-Mantel-Haenszel and Breslow-Day tests.

    Raises
    ------
    OptionError, InputError
        Unknown measure or option; counts missing, negative, above their totals.
    NotEstimable
        A ratio where a whole group has no events; the message names what exists for these counts.

    See Also
    --------
    mantel_haenszel_test : The test alone, which exists where the ratio does not.
    peto, glmm : Other models of the same counts.

    References
    ----------
    Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"a": [4, 6], "n1": [123, 306], "c": [11, 29], "n2": [139, 303]})
    >>> table = lam.EvidenceTable.from_frame(frame, "OR", ai="a", n1i="n1", ci="c", n2i="n2")
    >>> round(lam.counts.mantel_haenszel(table).mu, 4)
    -1.4215
    """
    a_table(evidence, "evidence")
    own = "OR" if measure is None and evidence.measure == "PETO" else measure
    code = measure_of(evidence, (*TABLES, *RATES), own, "Mantel-Haenszel pooling")
    level = a_level(level)
    if correct is not None and code not in ("OR", "IRR"):
        raise OptionError(
            f"correct={shown(correct)} does not apply to {code}: only OR and IRR have a test to correct"
            " · leave correct out"
        )
    yates = True if correct is None else a_flag("correct", correct)
    evidence.require_independent()
    what = f"Mantel-Haenszel {code}"
    if variance is not None and (code != "RD" or not isinstance(variance, str) or variance not in RD_VARIANCES):
        choices = ", ".join(RD_VARIANCES)
        raise OptionError(f"variance={shown(variance)} does not apply to {code} · choices for RD: {choices}")
    check_counts(evidence, what, "tables" if code in TABLES else "rates")
    association, homogeneity = NO_ASSOCIATION, NO_HOMOGENEITY
    if code in TABLES:
        raw = two_by_two(evidence, what)
        cells = raw.corrected(add, to)
        summed = TABLES[code](cells) if code != "RD" else mh_rd(cells, variance or "sato")
        empty = raw.double_zero
        if code == "OR":
            association, homogeneity = cochran_mantel_haenszel(cells, yates), breslow_day(cells, summed.mu)
    else:
        rates = person_time(evidence, what)
        times = rates.corrected(add, to)
        summed, empty = RATES[code](times), rates.double_zero
        if code == "IRR":
            association = irr_test(times, yates)
    if math.isnan(summed.mu):
        raise _no_estimate(evidence, what, code)
    table = of_measure(evidence, code)
    yi, vi = _own_estimates(table)
    # one estimate says nothing about heterogeneity, even where others enter the pooled one
    q = max(0.0, float(((yi - summed.mu) ** 2 / vi).sum())) if yi.size > 1 else 0.0
    notes = _notes(empty, code in ("RD", "IRD"))
    if summed.se == 0:
        summed = replace(summed, se=math.nan)
        notes += (f"no study has events that vary, so there is no standard error · {one_arm_each(table)}",)
    given = {"measure": code, "level": level, "correct": correct, "add": add, "to": to, "variance": variance}
    options: dict[str, Any] = {"add": add, "to": to} | ({} if variance is None else {"variance": variance})
    return assemble_sums(
        table,
        code,
        _spec("mh", "Mantel-Haenszel", level, options),
        summed,
        q,
        yi.size,
        notes,
        Recipe(mantel_haenszel, given),
        association,
        homogeneity,
    )


@our_words()
def mantel_haenszel_test(
    evidence: EvidenceTable, *, measure: str | None = None, correct: bool = True, add: float = 0.0, to: str = "none"
) -> Association:
    """Test that no study has an effect: Cochran-Mantel-Haenszel for odds ratios, its person-time form for rate ratios.

    Exists where the pooled ratio is infinite, with events in one group only.

    Parameters
    ----------
    evidence, measure
        As in `mantel_haenszel`, with ``measure`` ``OR`` or ``IRR`` (OR for every table of two-by-two counts).
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

    See Also
    --------
    mantel_haenszel : The pooled ratio itself.

    References
    ----------
    Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"a": [0, 0, 0], "n1": [10, 20, 30], "c": [1, 2, 3], "n2": [12, 18, 33]})
    >>> table = lam.EvidenceTable.from_frame(frame, "OR", ai="a", n1i="n1", ci="c", n2i="n2")
    >>> round(lam.counts.mantel_haenszel_test(table).p, 4)
    0.0436
    """
    a_table(evidence, "evidence")
    own = "OR" if measure is None and evidence.measure in ("PETO", "RR", "RD") else measure
    code = measure_of(evidence, ("OR", "IRR"), own, "the Mantel-Haenszel test")
    evidence.require_independent()
    check_counts(evidence, "the Mantel-Haenszel test", "tables" if code == "OR" else "rates")
    a_flag("correct", correct)
    if code == "OR":
        return cochran_mantel_haenszel(two_by_two(evidence, "the Mantel-Haenszel test").corrected(add, to), correct)
    return irr_test(person_time(evidence, "the Mantel-Haenszel test").corrected(add, to), correct)


def _spec(model: str, name: str, level: float, options: dict[str, Any]) -> CountSpec:
    why = {"model": "common effect from sums over studies: no variance per study, no continuity correction"}
    if options["to"] != "none":
        why = {"model": "common effect from sums over studies: no variance per study"}
    return CountSpec(model=model, level=level, weights="sums over studies", why=why, options=options, name=name)


@our_words()
def peto(evidence: EvidenceTable, *, level: float = 0.95, add: float = 0.0, to: str = "none") -> SparsePooled:
    """Pool two-by-two counts by Peto's one-step method: log OR = Σ(O − E)/ΣV, se = 1/√ΣV.

    Good for rare events, balanced groups and small effects (Bradburn 2007, doi:10.1002/sim.2528); biased otherwise.

    Parameters
    ----------
    evidence
        Counts ``ai n1i ci n2i`` or ``ai bi ci di`` in a table of odds ratios (``OR`` or ``PETO``).
    level
        Confidence level, a fraction.
    add, to
        Continuity correction, as in `mantel_haenszel`.

    Returns
    -------
    SparsePooled
        The common log odds ratio, and Q.

    Raises
    ------
    OptionError, InputError
        Counts missing or impossible.
    NotEstimable
        No study has both patients with and without the event; the message names what exists for these counts.

    See Also
    --------
    mantel_haenszel, glmm : Other models of the same counts.

    References
    ----------
    Yusuf et al. 1985, doi:10.1016/S0033-0620(85)80003-7.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"a": [4, 6], "n1": [123, 306], "c": [11, 29], "n2": [139, 303]})
    >>> table = lam.EvidenceTable.from_frame(frame, "PETO", ai="a", n1i="n1", ci="c", n2i="n2")
    >>> round(lam.counts.peto(table).mu, 4)
    -1.2401
    """
    a_table(evidence, "evidence")
    if evidence.measure not in ("PETO", "OR"):
        raise OptionError(
            f"Peto pooling has no measure {evidence.measure!r} · choices: PETO, OR; for this table"
            f" {which_works(evidence)}"
        )
    level = a_level(level)
    evidence.require_independent()
    check_counts(evidence, "Peto pooling", "tables")
    raw = two_by_two(evidence, "Peto pooling")
    summed, q, k_pos = peto_or(raw.corrected(add, to))
    if k_pos == 0:
        raise _no_estimate(evidence, "Peto pooling", evidence.measure)
    notes = _notes(raw.double_zero, False)
    imbalance = np.maximum(raw.n1, raw.n2) / np.minimum(raw.n1, raw.n2)
    if float(imbalance.max()) > 2 or abs(summed.mu) > math.log(2.5):
        notes += (
            "Peto's method is biased with unbalanced groups or large effects; Mantel-Haenszel or a GLMM is safer here",
        )
    return assemble_sums(
        evidence,
        "PETO",
        _spec("peto", "Peto", level, {"add": add, "to": to}),
        summed,
        q,
        k_pos,
        notes,
        Recipe(peto, {"level": level, "add": add, "to": to}),
        homogeneity=Homogeneity(math.nan, math.nan, math.nan, math.nan, k_pos),
    )
