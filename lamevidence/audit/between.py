"""Do two arms agree with the p value and the contrast printed for them?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

from scipy import special

from ..effects.recovery.counts import counts_from_percentage
from ..foundation.lineage import half_width
from ..registry.records import Continuous, Contrast, Dichotomous, PValue, Study
from ..registry.registry import RegistryRecords
from .doubts import CHECKS, Compared, Doubt, compares, of_kind, quantity, scale_between, standard_error
from .p_values import as_normal, by_ranks, difference_range, distance, two_by_two, z_range

__all__ = ["between_arms", "contrast_and_arms", "counts_and_p"]

_PLAIN, _ADJUSTED, _RANKS = 0.5, 1.0, 2.0
"""How far z from p and z from means may differ: unnamed or t test; adjusted or model; ranks."""
_TESTS = {"fisher": ("Fisher",), "chi": ("chi-square", "Yates")}
_LIKE = {"MD", "DM"}


@CHECKS.register(
    "LW216",
    title="p between arms against their means",
    reference="Welch 1947, doi:10.1093/biomet/34.1-2.28; Cochrane Handbook 6.5.2.3",
)
@compares("mean", "sd|se|mean_se", "n", "p", "control_mean|arm")
def between_arms(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Compare a printed p between two arms with Welch's test of their means and dispersions, rounding included."""
    by_id = {f.id: f for f in of_kind(study, Continuous)}
    for finding in by_id.values():
        pair = finding.p_between
        other = by_id.get(pair.against) if pair is not None else None
        if (
            pair is None
            or other is None
            or finding.value.unit != other.value.unit
            or "median"
            in (
                finding.statistic,
                other.statistic,
            )
        ):
            continue
        implied = welch_range(finding, other)
        if implied is None:
            continue
        yield Compared(finding)
        room = _RANKS if by_ranks(pair.p.test) else _ADJUSTED if _modelled(pair.p.test) else _PLAIN
        if distance(z_range(pair.p), implied) <= room:
            continue
        p = 2 * float(special.ndtr(-sum(implied) / 2))
        yield Doubt(
            finding,
            ("p_between",),
            f"p {pair.p.relation} {pair.p.value} against {other.id} is printed, "
            f"{_shown(finding)} v {_shown(other)} imply p = {p:.2g}",
            "a mean, its ± or its arm misread, or another test? acknowledge: [LW216] with a note",
            (other,),
        )


def _modelled(test: str) -> bool:
    return any(word in test.lower() for word in ("adjust", "model", "cov", "mixed", "regress"))


def _shown(finding: Continuous) -> str:
    d = finding.dispersion
    return f"{finding.value.value} ± {d.value.value} ({d.kind.upper()})" if d.value is not None else str(finding.value)


def welch_range(one: Continuous, other: Continuous) -> tuple[float, float] | None:
    """Return the smallest and largest |z| of the difference of two arms, None when a dispersion does not tell."""
    parts = []
    for finding in (one, other):
        se = standard_error(finding.dispersion, finding.n)
        if se is None or se <= 0:
            return None
        d = finding.dispersion.value
        slack = float(d.rounding) / float(d) if d is not None and float(d) else 0.0
        size = finding.n if isinstance(finding.n, int) and finding.n > 1 else None
        parts.append((se, slack, size))
    low, high = difference_range(one.value, other.value)
    wide = math.hypot(*(se * (1 + slack) for se, slack, _ in parts))
    narrow = math.hypot(*(se * max(1 - slack, 1e-6) for se, slack, _ in parts))
    df = None
    if all(size is not None for *_, size in parts):
        df = sum(se**2 for se, *_ in parts) ** 2 / sum(se**4 / (size - 1) for se, _, size in parts if size is not None)
    return as_normal(low / wide, df), as_normal(high / narrow, df)


@CHECKS.register(
    "LW217",
    title="p of a two-by-two table against its counts",
    reference="Fisher 1922, doi:10.2307/2340521; Campbell 2007, doi:10.1002/sim.2832",
)
@compares("events|percent|proportion", "n", "p", "control_events|control_percent|arm")
def counts_and_p(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question a p value between two counts that neither Fisher's nor a chi-square test gives."""
    by_id = {f.id: f for f in of_kind(study, Dichotomous)}
    for finding in by_id.values():
        pair = finding.p_between
        other = by_id.get(pair.against) if pair is not None else None
        if pair is None or other is None:
            continue
        first, second = possible_counts(finding), possible_counts(other)
        if not first or not second or not isinstance(finding.at_risk, int) or not isinstance(other.at_risk, int):
            continue
        yield Compared(finding)
        tables = [two_by_two(a, finding.at_risk, c, other.at_risk) for a in first for c in second]
        names = next((n for word, n in _TESTS.items() if word in pair.p.test.lower()), tuple(tables[0]))
        values = [table[name] for table in tables for name in names]
        if any(_prints_as(p, pair.p) for p in values) or min(values) <= float(pair.p.value) <= max(values) != 1:
            continue
        told = ", ".join(f"{name} {tables[0][name]:.2g}" for name in ("Fisher", "chi-square"))
        yield Doubt(
            finding,
            ("p_between",),
            f"p {pair.p.relation} {pair.p.value} is printed, {first[0]}/{finding.at_risk} v "
            f"{second[0]}/{other.at_risk} give {told}",
            "a count or its arm misread, or another test? acknowledge: [LW217] with a note",
            (other,),
        )


def possible_counts(finding: Dichotomous) -> tuple[int, ...]:
    """Return the count of a finding, or every count that prints as its percentage."""
    if finding.affected is not None:
        return (finding.affected,)
    if finding.percent is None or not isinstance(finding.at_risk, int):
        return ()
    return counts_from_percentage(float(finding.percent), finding.at_risk, float(finding.percent.rounding))


def _prints_as(p: float, printed: PValue) -> bool:
    value, hidden = float(printed.value), float(half_width(printed.value))
    if printed.relation == "<":
        return p < value
    if printed.relation == ">":
        return p > value
    return abs(p - value) <= hidden * (1 + 1e-9) or (value >= 0.995 and p > 0.99)


@CHECKS.register(
    "LW219",
    title="difference or ratio against the two arms",
    reference="Cochrane Handbook 6.5.2; Deeks & Higgins 2010",
)
@compares("estimate", "mean|events", "control_mean|control_events|arm")
def contrast_and_arms(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Compare a printed difference, or a ratio of counts, with the arms that it is made of, rounding included."""
    for contrast in of_kind(study, Contrast):
        if contrast.measure in _OF_COUNTS:
            yield from _against_counts(study, contrast)
        if contrast.measure not in _LIKE:
            continue
        for one, other in _arms_of(study, contrast):
            scales = [scale_between(f.value.unit, contrast.value.unit) or 0.0 for f in (one, other)]
            yield Compared(contrast)
            made = float(one.value) * scales[0] - float(other.value) * scales[1]
            room = float(contrast.value.rounding)
            room += float(one.value.rounding) * scales[0] + float(other.value.rounding) * scales[1]
            if abs(made - float(contrast.value)) <= room * (1 + 1e-9):
                continue
            help_ = "a sign, a digit or the arm misread? an adjusted difference is acknowledged: [LW219] with a note"
            if abs(made + float(contrast.value)) <= room:
                help_ = "the sign is that of comparator minus arm; write arm minus comparator"
            yield Doubt(
                contrast,
                ("value",),
                f"difference {quantity(contrast.value)}, but {one.id} {one.value.value} "
                f"minus {other.id} {other.value.value} makes {made:.4g}",
                help_,
                (one, other),
            )


def _against_counts(study: Study, contrast: Contrast) -> Iterator[Doubt | Compared]:
    """Compare a risk ratio, odds ratio or risk difference with the two counts; 0.5 added is as good as not."""
    arms = [
        [
            f
            for f in of_kind(study, Dichotomous)
            if (f.arm, f.outcome, f.population, f.timeframe)
            == (arm, contrast.outcome, contrast.population, contrast.timeframe)
            and f.affected is not None
            and isinstance(f.at_risk, int)
        ]
        for arm in (contrast.arm, contrast.comparator)
    ]
    if len(arms[0]) != 1 or len(arms[1]) != 1:
        return
    one, other = arms[0][0], arms[1][0]
    a, n1, c, n2 = (float(cast("int", x)) for f in (one, other) for x in (f.affected, f.at_risk))
    value_of = _OF_COUNTS[contrast.measure]
    tables = ((a + add, n1 - a + add, c + add, n2 - c + add) for add in (0.0, 0.5))
    made = [x for cells in tables if (x := value_of(*cells)) is not None]
    if not made:
        return
    yield Compared(contrast)
    scale = 100.0 if contrast.value.unit == "%" else 1.0
    value, room = float(contrast.value), float(contrast.value.rounding) * (1 + 1e-9)
    if any(abs(scale * x - value) <= room for x in made):
        return
    help_ = "a count or its arm misread? an adjusted estimate is acknowledged: [LW219] with a note"
    swapped = [-x if contrast.measure == "RD" else 1 / x for x in made if x]
    if any(abs(scale * x - value) <= room for x in swapped):
        help_ = "that is comparator against arm; write arm against comparator"
    yield Doubt(
        contrast,
        ("value",),
        f"{contrast.measure} {quantity(contrast.value)}, but {one.affected}/{one.at_risk} v "
        f"{other.affected}/{other.at_risk} make {scale * made[0]:.4g}",
        help_,
        (one, other),
    )


def _ratio(one: float, other: float) -> float | None:
    return one / other if other else None


_OF_COUNTS: dict[str, Callable[[float, float, float, float], float | None]] = {
    "OR": lambda a, b, c, d: _ratio(a * d, b * c),
    "RR": lambda a, b, c, d: _ratio(a * (c + d), c * (a + b)),
    "RD": lambda a, b, c, d: a / (a + b) - c / (c + d),
}
"""Measure → its value from events and non-events of two arms, None where it has none."""


def _arms_of(study: Study, contrast: Contrast) -> Iterator[tuple[Continuous, Continuous]]:
    """Yield the two findings whose difference a contrast is; nothing where more than one of an arm could be."""

    def like(finding: Continuous) -> bool:
        return (
            finding.outcome == contrast.outcome
            and finding.population == contrast.population
            and finding.timeframe == contrast.timeframe
            and (finding.statistic == "median") == (contrast.measure == "DM")
            and scale_between(finding.value.unit, contrast.value.unit) is not None
        )

    both = [
        [f for f in of_kind(study, Continuous) if f.arm == arm and like(f)]
        for arm in (contrast.arm, contrast.comparator)
    ]
    if len(both[0]) == 1 and len(both[1]) == 1:
        yield both[0][0], both[1][0]
