"""What a subgroup analysis adds to a forest plot: a diamond a group, and the test whether the groups differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ...foundation.numbers import decimals_for, fixed, p_value
from ...pooling.subgroups import Subgroups
from ...results.contract import Result
from ...results.scale import ReaderScale
from ..drawing.text import Rich, plain, rich
from .entries import SummaryRow
from .footnotes import heterogeneity_clauses, tau_unit
from .presets import Preset
from .results import summary

__all__ = ["apart", "subgroup_notes", "subtotal_rows"]


def apart(results: Sequence[Result]) -> tuple[list[Result], Subgroups | None]:
    """Return the results that pool all rows, and the subgroup analysis among them; both must share a table.

    A subgroup analysis that stands alone brings the fit to all rows, whose model its groups have.
    """
    found = [r for r in results if isinstance(r, Subgroups)]
    if len(found) > 1:
        raise OptionError("one forest plot shows one subgroup analysis · draw one figure for each")
    wholes = [r for r in results if not isinstance(r, Subgroups)]
    if not found:
        return wholes, None
    return wholes or [found[0].overall], found[0]


def _members(found: Subgroups, group: str) -> tuple[int, ...]:
    return tuple(i for i, label in enumerate(found.labels) if label == group)


def subtotal_rows(found: Subgroups, display: ReaderScale, given: FloatArray | None, level: float) -> list[SummaryRow]:
    """Return one pooled row a group."""
    rows = []
    for number, (group, fit) in enumerate(found.groups.items(), start=1):
        pooled = summary(fit, level)
        members = _members(found, group)
        weight = math.nan if given is None else float(sum(given[i] for i in members))
        middle, low, high = (display.read(v) for v in (pooled.estimate, pooled.low, pooled.high))
        label = _label(found, pooled.label, fit.k)
        rows.append(
            SummaryRow(
                f"subgroup-{number}", "subgroup", label, pooled.bayes, middle, low, high, weight, False, group, members
            )
        )
    return rows


def _label(found: Subgroups, model: str, k: int) -> str:
    if k == 1:
        return model
    if found.common_tau2 is not None:
        return "Subtotal, random effects (common \u03c4\u00b2)"
    # proper names keep their capital
    return f"Subtotal, {model if found.bayesian else model[:1].lower() + model[1:]}"


def subgroup_notes(found: Subgroups, table: EvidenceTable, style: Preset, level: float) -> tuple[tuple[Rich, ...], ...]:
    """Return the heterogeneity within every group and the test for subgroup differences."""
    lines: list[tuple[Rich, ...]] = []
    for group, fit in found.groups.items():
        shared = replace(style, tau=style.tau and found.common_tau2 is None)
        clauses = heterogeneity_clauses(fit, table, shared, level) if fit.k > 1 else []
        if clauses:
            lines.append(((*plain(f"{group}: "), *rich(clauses[0])), *map(rich, clauses[1:])))
    if lines:
        lines.insert(0, (plain("Heterogeneity within subgroups:"),))
        if style.tau and found.common_tau2 is not None:
            tau = fixed(math.sqrt(found.common_tau2), _tau_decimals(found))
            lines[0] = (plain(f"Heterogeneity within subgroups (\u03c4 = {tau}{tau_unit(table)} in all):"),)
    lines += [(plain(f"{group}: not estimable, {why.partition(' · ')[0]}"),) for group, why in found.reasons.items()]
    if found.between_note:
        return (*lines, (plain(f"No test for subgroup differences: {found.between_note.partition(' · ')[0]}"),))
    q, df = found.q_between, found.q_between_df
    chi = f"Test for subgroup differences: \u03c7^{{2}}_{{{df}}} = {fixed(q, 2 if q < 10 else 1)}"
    p = f"*P* {p_value(found.q_between_p, leading_zero=style.leading_zero)}"
    return (*lines, (rich(f"{chi}, {p}"),))


def _tau_decimals(found: Subgroups) -> int:
    """Return the decimals of a shared tau: those of the widest group's standard error."""
    return decimals_for(max(fit.se for fit in found.groups.values()))
