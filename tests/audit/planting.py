"""Planted errors: what a tired transcriber does to a record, and what the rest of the record says of it.

A plant changes one number, or swaps two, as if the printed cell had been misread: the digits of the record and of the
printed cell change together, so that nothing but the other numbers can tell. `contradictions` says which numbers do, by
scipy and plain sums, without the code of the audit; a plant that nothing contradicts is invisible in principle.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from scipy import stats

from lamevidence.foundation.lineage import Reported
from lamevidence.foundation.units import factor
from lamevidence.registry.records import Continuous, Contrast, Dichotomous, Finding, PValue, Rate, Study

KINDS = ("digit", "transposed digits", "sign", "arm", "kind of ±", "unit", "count", "transposed columns")
RATIO, PLAIN, MODEL, RANKS = 1.6, 0.5, 1.0, 2.0
"""How far z of a printed p may be from z of its means, as the documentation of the checks states it."""


@dataclass(frozen=True, slots=True)
class Plant:
    """A record with one error: its kind, the findings touched, what was done."""

    study: Study
    kind: str
    touched: tuple[str, ...]
    told: str


def _put(study: Study, *findings: Finding) -> Study:
    new = {f.id: f for f in findings}
    return replace(study, findings=tuple(new.get(f.id, f) for f in study.findings))


def _number(value: Decimal) -> Reported:
    return Reported.printed(str(value))


def _misread(value: Decimal, rng: random.Random, swap: bool) -> Decimal | None:
    text = str(abs(value))
    places = [i for i, c in enumerate(text) if c.isdigit()]
    if swap:
        pairs = [(i, j) for i, j in itertools.pairwise(places) if text[i] != text[j]]
        if not pairs:
            return None
        i, j = rng.choice(pairs)
        text = "".join(text[j] if k == i else text[i] if k == j else c for k, c in enumerate(text))
    else:
        i = rng.choice(places)
        text = text[:i] + rng.choice([d for d in "0123456789" if d != text[i]]) + text[i + 1 :]
    return Decimal(text) * (-1 if value < 0 else 1)


def plant(study: Study, kind: str, rng: random.Random) -> Plant | None:
    """Return the study with one error of this kind, None where the finding drawn cannot have it."""
    finding = rng.choice(study.findings)
    if kind == "kind of ±":
        finding = rng.choice([f for f in study.findings if isinstance(f, Continuous)] or [finding])
    if kind in ("digit", "transposed digits", "sign", "unit", "kind of ±"):
        return _estimate(study, kind, finding, rng)
    if kind == "count":
        return _count(study, finding, rng)
    return _swap(study, kind, finding, rng)


def _estimate(study: Study, kind: str, finding: Finding, rng: random.Random) -> Plant | None:
    if not isinstance(finding, Continuous | Contrast) or finding.n == 1:
        return None
    d, value = finding.dispersion, finding.value
    if kind == "kind of ±":
        if d.kind not in ("se", "sd"):
            return None
        other = "sd" if d.kind == "se" else "se"
        # the whole column is read so, as the legend of a table is
        column = [
            replace(f, dispersion=replace(f.dispersion, kind=other))
            for f in study.findings
            if isinstance(f, Continuous) and f.statistic == finding.statistic and f.dispersion.kind == d.kind
        ]
        return Plant(_put(study, *column), kind, tuple(f.id for f in column), f"{finding.id}: {d.kind} as {other}")
    if kind == "unit":
        swaps = {
            "mL": "L",
            "L": "mL",
            "mL/month": "mL/year",
            "mL/year": "mL/month",
            "mL/day": "mL/month",
            "pg/mL": "ng/mL",
        }
        unit = swaps.get(str(value.unit))
        if unit is None or not isinstance(finding, Continuous):
            return None
        spread = replace(d, value=replace(d.value, unit=unit) if d.value is not None else None)
        return Plant(
            _put(study, replace(finding, value=replace(value, unit=unit), dispersion=spread)),
            kind,
            (finding.id,),
            f"{finding.id}: {value.unit} as {unit}",
        )
    if kind == "sign":
        if value.value == 0 or (value.value > 0 and not finding.outcome.endswith(("_change", "_slope"))):
            return None
        new: Decimal | None = -value.value
    else:
        new = _misread(value.value, rng, kind == "transposed digits")
    if new is None or new == value.value:
        return None
    changed = replace(finding, value=replace(_number(new), unit=value.unit))
    return Plant(_put(study, changed), kind, (finding.id,), f"{finding.id}: {value.value} as {new}")


def _count(study: Study, finding: Finding, rng: random.Random) -> Plant | None:
    name = {Dichotomous: "affected", Rate: "events"}.get(type(finding))
    old = getattr(finding, name) if name else None
    if name is None or old is None or getattr(finding, "subject", ""):
        return None
    new = _misread(Decimal(old), rng, rng.random() < 0.3)
    if new is None or int(new) == old or (isinstance(finding, Dichotomous) and int(new) > int(finding.at_risk or 0)):
        return None  # more affected than at risk is refused when the record is read
    changed: Any = replace(finding, **{name: int(new)})
    return Plant(_put(study, changed), "count", (finding.id,), f"{finding.id}: {old} as {int(new)}")


def _swap(study: Study, kind: str, finding: Finding, rng: random.Random) -> Plant | None:
    """Exchange what two arms print (arm), or two columns of one row of counts (transposed columns)."""
    if kind == "arm" and isinstance(finding, Continuous | Dichotomous):
        pair = [
            f for f in study.findings if type(f) is type(finding) and _row(f) == _row(finding) and f.arm != finding.arm
        ]
        if not pair:
            return None
        other = rng.choice(pair)
        names = ("value", "dispersion") if isinstance(finding, Continuous) else ("affected", "percent")
    elif kind == "transposed columns" and isinstance(finding, Rate) and finding.at.row:
        pair = [
            f
            for f in study.findings
            if isinstance(f, Rate) and f.at.row == finding.at.row and f.serious == finding.serious
        ]
        pair = [f for f in pair if f.id != finding.id and f.events != finding.events]
        if not pair:
            return None
        other, names = rng.choice(pair), ("events",)
    else:
        return None
    ours, theirs = ({n: getattr(f, n) for n in names} for f in (finding, other))
    if all(str(ours[n]) == str(theirs[n]) for n in names):
        return None
    if isinstance(finding, Continuous) and not isinstance(other, Continuous):
        return None
    one: Any = replace(finding, **theirs)
    two: Any = replace(other, **ours)
    return Plant(_put(study, one, two), kind, (finding.id, other.id), f"{finding.id} and {other.id} exchanged")


def _row(f: Finding) -> tuple[object, ...]:
    unit = f.value.unit if isinstance(f, Continuous) else ""
    return (f.outcome, f.timeframe, f.population, getattr(f, "category", ""), getattr(f, "statistic", ""), unit)


# --- what the rest of the record says -----------------------------------------------------------------------------


def _z(p: PValue) -> tuple[float, float]:
    digits = Decimal(1).scaleb(int(p.value.as_tuple().exponent)) / 2
    low, high = float(max(p.value - digits, Decimal("1e-300"))), float(min(p.value + digits, Decimal(1)))
    edge = float(stats.norm.isf(float(p.value) / 2))
    if p.relation == "<":
        return edge, math.inf
    return (0.0, edge) if p.relation == ">" else (float(stats.norm.isf(high / 2)), float(stats.norm.isf(low / 2)))


def _se(f: Continuous) -> tuple[float, float, int | None] | None:
    d, n = f.dispersion, f.n if isinstance(f.n, int) else None
    if d.value is None or d.kind not in ("se", "sd") or (d.kind == "sd" and n is None) or float(d.value) <= 0:
        return None
    root = math.sqrt(n) if d.kind == "sd" and n else 1.0
    hidden = float(d.value.rounding)
    return max(float(d.value) - hidden, 1e-9) / root, (float(d.value) + hidden) / root, n


def _as_z(t: float, df: float | None) -> float:
    return t if df is None else float(stats.norm.isf(max(float(stats.t.sf(t, df)), 1e-300)))


def _gap(a: tuple[float, float], b: tuple[float, float]) -> float:
    return max(0.0, a[0] - b[1], b[0] - a[1])


def contradictions(study: Study) -> set[tuple[str, str]]:
    """Return (code, finding) for each number that another number of the record contradicts."""
    return {
        *_own_p(study),
        *_between(study),
        *_differences(study),
        *_columns(study),
        *_percentages(study),
        *_totals(study),
        *_rates(study),
        *_units(study),
        *_intervals(study),
    }


def _own_p(study: Study) -> Iterator[tuple[str, str]]:
    for f in study.findings:
        if not isinstance(f, Continuous) or f.p is None or f.statistic not in ("slope", "change"):
            continue
        se = _se(f)
        if se is None or any(w in f.p.test.lower() for w in ("rank", "between")):
            continue
        value, hidden = abs(float(f.value)), float(f.value.rounding)
        df = se[2] - 1 if se[2] and se[2] > 2 else None
        implied = [_as_z(max(value - hidden, 0) / se[1], df), _as_z((value + hidden) / se[0], df)]
        printed = _z(f.p)
        if max(implied[0], 0.15) > RATIO * max(printed[1], 0.15) or max(printed[0], 0.15) > RATIO * max(
            implied[1], 0.15
        ):
            yield "LW215", f.id


def _between(study: Study) -> Iterator[tuple[str, str]]:
    by_id = {f.id: f for f in study.findings}
    for f in study.findings:
        other = by_id.get(f.p_between.against) if f.p_between else None
        if f.p_between is None or other is None:
            continue
        test = f.p_between.p.test.lower()
        if isinstance(f, Continuous) and isinstance(other, Continuous) and f.value.unit == other.value.unit:
            a, b = _se(f), _se(other)
            if a is None or b is None:
                continue
            gap, hidden = abs(float(f.value) - float(other.value)), float(f.value.rounding + other.value.rounding)
            wide, narrow = math.hypot(a[1], b[1]), math.hypot(a[0], b[0])
            df = a[2] + b[2] - 2 if a[2] and b[2] else None
            implied = (_as_z(max(gap - hidden, 0) / wide, df), _as_z((gap + hidden) / narrow, df))
            room = RANKS if "rank" in test else MODEL if "model" in test or "adjust" in test else PLAIN
            if _gap(_z(f.p_between.p), implied) > room:
                yield "LW216", f.id
        if isinstance(f, Dichotomous) and isinstance(other, Dichotomous) and f.affected is not None:
            if other.affected is None or not isinstance(f.at_risk, int) or not isinstance(other.at_risk, int):
                continue
            table = [[f.affected, f.at_risk - f.affected], [other.affected, other.at_risk - other.affected]]
            ps = [] if "chi" in test else [stats.fisher_exact(table)[1]]
            if "fisher" not in test and sum(x[0] for x in table) and sum(x[1] for x in table):
                ps += [stats.chi2_contingency(table, correction=c)[1] for c in (False, True)]
            low, high = stats.norm.isf(max(ps) / 2), stats.norm.isf(max(min(ps), 1e-300) / 2)
            if _gap(_z(f.p_between.p), (float(low), float(high))) > 1e-6:
                yield "LW217", f.id


def _differences(study: Study) -> Iterator[tuple[str, str]]:
    for c in study.findings:
        if not isinstance(c, Contrast) or c.measure not in ("MD", "DM"):
            continue
        ends = []
        for arm in (c.arm, c.comparator):
            found = [
                f
                for f in study.findings
                if isinstance(f, Continuous)
                and f.arm == arm
                and f.outcome == c.outcome
                and f.timeframe == c.timeframe
                and f.population == c.population
            ]
            ends.append(found[0] if len(found) == 1 else None)
        if ends[0] is None or ends[1] is None:
            continue
        scale = float(factor(str(ends[0].value.unit), str(c.value.unit)))
        other = float(factor(str(ends[1].value.unit), str(c.value.unit)))
        made = float(ends[0].value) * scale - float(ends[1].value) * other
        room = float(ends[0].value.rounding) * scale + float(ends[1].value.rounding) * other + float(c.value.rounding)
        if abs(made - float(c.value)) > room + 1e-9:
            yield "LW219", c.id


def _columns(study: Study) -> Iterator[tuple[str, str]]:
    arms = [a.id for a in study.arms if a.id != "all"]
    for f in study.findings:
        if not isinstance(f, Continuous | Dichotomous) or f.arm != "all" or f.population:
            continue
        parts: list[Any] = [
            g
            for g in study.findings
            if type(g) is type(f) and _row(g) == _row(f) and g.phase == f.phase and g.arm in arms and not g.population
        ]
        if sorted(g.arm for g in parts) != sorted(arms) or len(arms) < 2:
            continue
        if isinstance(f, Dichotomous):
            if (
                f.affected is not None
                and all(g.affected is not None for g in parts)
                and sum(g.affected for g in parts) != f.affected
            ):
                yield "LW238", f.id
        elif f.statistic == "mean" and all(isinstance(g.n, int) for g in (f, *parts)):
            mean = sum(g.n * float(g.value) for g in parts) / sum(g.n for g in parts)
            if (
                abs(mean - float(f.value))
                > 2 * (float(f.value.rounding) + max(float(g.value.rounding) for g in parts)) + 1e-9
            ):
                yield "LW238", f.id


def _percentages(study: Study) -> Iterator[tuple[str, str]]:
    for f in study.findings:
        if not isinstance(f, Dichotomous) or f.percent is None or f.affected is None or not isinstance(f.at_risk, int):
            continue
        if abs(100 * f.affected / f.at_risk - float(f.percent)) > float(f.percent.rounding) + 1e-9:
            yield "LW233", f.id


def _totals(study: Study) -> Iterator[tuple[str, str]]:
    columns: dict[tuple[object, ...], list[Rate]] = {}
    for f in study.findings:
        if isinstance(f, Rate) and not f.subject:
            columns.setdefault((f.outcome, f.arm, f.phase, f.serious, f.at.table), []).append(f)
    for column in columns.values():
        totals = [f for f in column if f.category in ("", "all")]
        splits: dict[bool, int] = {}
        for f in column:
            if f.category not in ("", "all"):
                related = f.category.startswith("relatedness")
                splits[related] = splits.get(related, 0) + f.events
        parts = sum(f.category not in ("", "all") for f in column)
        if len(totals) == 1 and parts > 1 and any(s != totals[0].events for s in splits.values()):
            yield "LW232", totals[0].id


def _units(study: Study) -> Iterator[tuple[str, str]]:
    """Findings of one outcome in one table, one of them in the unit that the others do not have."""
    for f in study.findings:
        if isinstance(f, Continuous):
            near = [
                str(g.value.unit)
                for g in study.findings
                if isinstance(g, Continuous)
                and g.outcome == f.outcome
                and g.at.table == f.at.table
                and g.at.source == f.at.source
                and ("%" in str(g.value.unit)) == ("%" in str(f.value.unit))
            ]
            if near.count(str(f.value.unit)) == 1 and len(set(near)) == 2 and len(near) > 2:
                yield "LW222", f.id


def _intervals(study: Study) -> Iterator[tuple[str, str]]:
    """A t interval printed beside a mean and its SD: the mean is its middle, the SD its width."""
    for f in study.findings:
        if not isinstance(f, Continuous) or f.statistic != "mean":
            continue
        d = f.dispersion
        if d.kind not in ("se", "sd") or d.low is None or d.high is None or d.value is None or not isinstance(f.n, int):
            continue
        middle, width = (float(d.low) + float(d.high)) / 2, float(d.high) - float(d.low)
        if not d.low.value <= f.value.value <= d.high.value:
            yield "LE211", f.id
        elif abs(middle - float(f.value)) > 0.01 * width + 2 * float(f.value.rounding) + float(d.low.rounding):
            yield "LW214", f.id
        se = float(d.value) / math.sqrt(f.n if d.kind == "sd" else 1)
        if not 0.8 < float(stats.t.ppf(0.975, f.n - 1)) * se * 2 / width < 1.25:
            yield "LE213", f.id


def _rates(study: Study) -> Iterator[tuple[str, str]]:
    """Slope × span against change, within 3 standard errors."""
    for change in study.findings:
        if not isinstance(change, Continuous) or not change.outcome.endswith("_change") or change.statistic != "change":
            continue
        stem = change.outcome.removesuffix("_change")
        slope = next(
            (
                f
                for f in study.findings
                if isinstance(f, Continuous)
                and (f.outcome, f.arm, f.phase) == (f"{stem}_slope", change.arm, change.phase)
            ),
            None,
        )
        span: Any = change.timeframe
        a, b = _se(change), _se(slope) if slope is not None else None
        if slope is None or a is None or b is None or not span or str(slope.value.unit) != f"{change.value.unit}/month":
            continue
        months = float(span.end.value - span.start.value) * float(factor(str(span.start.unit), "month"))
        room = 3 * math.hypot((a[0] + a[1]) / 2, (b[0] + b[1]) / 2 * months) + float(slope.value.rounding) * months
        if abs(float(slope.value) * months - float(change.value)) > room + 1e-9:
            yield "LW234", change.id
