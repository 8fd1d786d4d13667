"""Does the whole lie among its parts, is one quantity one number, are there enough patients for a finding?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal

from ..foundation.lineage import Reported
from ..foundation.units import UNITS, factor
from ..registry.records import Continuous, Contrast, Dichotomous, Direction, Finding, Rate, Study
from ..registry.registry import RegistryRecords
from .doubts import CHECKS, Compared, Doubt, compares, quantity

__all__ = ["arms_make_the_whole", "enough_patients", "one_unit", "printed_twice"]

_HANDBOOK = "Cochrane Handbook 6.5.2.10 (combining groups)"
_TOGETHER = ("all", "both", "total", "overall")
"""Names of an arm that is the other arms together."""


@CHECKS.register("LW238", title="all patients against their parts", reference=_HANDBOOK)
@compares("arm", "mean|events")
def arms_make_the_whole(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Compare the figure of all patients with those of the arms, and of named groups, that make it up.

    A count of all is the sum; a mean of all is the mean of the arms weighted by patients, its sum of squares
    Σ (nᵢ − 1) sᵢ² + Σ nᵢ (mᵢ − m)². Where patients are not printed, a mean lies between those of its parts.
    """
    groups = _alike(study)
    whole_arm = next((a.id for a in study.arms if a.id in _TOGETHER), None)
    for finding in study.findings:
        if not isinstance(finding, Continuous | Dichotomous):
            continue
        if finding.arm == whole_arm and not finding.population:
            parts = [f for f in groups[_key(finding)] if f is not finding and f.arm != whole_arm and not f.population]
            others = {a.id for a in study.arms} - {whole_arm}
            if len(parts) > 1 and {f.arm for f in parts} == others and len(parts) == len(others):
                yield Compared(finding)
                yield from _compared(finding, parts)
        elif not finding.population:
            parts = [
                f
                for f in groups[_key(finding)]
                if f is not finding and f.arm == finding.arm and f.population.endswith("group")
            ]
            if len(parts) > 1:
                yield Compared(finding)
                yield from _compared(finding, parts)


def _alike(study: Study) -> dict[tuple[object, ...], list[Finding]]:
    """Return the findings of one kind, outcome, time and unit together."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in study.findings:
        groups.setdefault(_key(finding), []).append(finding)
    return groups


def _key(f: Finding) -> tuple[object, ...]:
    unit = f.value.unit if isinstance(f, Continuous) else ""
    kind = getattr(f, "statistic", "")
    return (type(f), f.outcome, getattr(f, "category", ""), f.phase, f.timeframe, unit, kind)


def _compared(whole: Finding, parts: Sequence[Finding]) -> Iterator[Doubt]:
    if isinstance(whole, Dichotomous):
        for name in ("affected", "at_risk"):
            counts = [getattr(f, name) for f in parts]
            total = getattr(whole, name)
            if isinstance(total, int) and all(isinstance(c, int) for c in counts) and sum(counts) != total:
                told = f"{' + '.join(map(str, counts))} = {sum(counts)}, printed for all {total}"
                yield Doubt(whole, (name,), told, _REMEDY, tuple(parts))
    elif isinstance(whole, Continuous) and whole.statistic != "median":
        yield from _means(whole, [f for f in parts if isinstance(f, Continuous)])


_REMEDY = "one of them misread, or other patients? acknowledge: [LW238] with a note"


def _means(whole: Continuous, parts: Sequence[Continuous]) -> Iterator[Doubt]:
    values = [float(f.value) for f in parts]
    rounding = float(whole.value.rounding) + max(float(f.value.rounding) for f in parts)
    sizes = [f.n for f in parts if isinstance(f.n, int)]
    if len(sizes) == len(parts) and isinstance(whole.n, int):
        if sum(sizes) != whole.n:
            told = f"{' + '.join(map(str, sizes))} = {sum(sizes)} patients, printed for all {whole.n}"
            yield Doubt(whole, ("n",), told, _REMEDY, tuple(parts))
            return
        mean = sum(n * v for n, v in zip(sizes, values, strict=True)) / whole.n
        # papers cut as well as round, whole and parts
        if abs(mean - float(whole.value)) > 2 * rounding * (1 + 1e-9):
            told = f"the parts make a mean of {mean:.5g}, printed for all {quantity(whole.value)}"
            yield Doubt(whole, ("value",), told, _REMEDY, tuple(parts))
        yield from _squares(whole, parts, sizes, mean)
        return
    if not min(values) - rounding <= float(whole.value) <= max(values) + rounding:
        made = ", ".join(str(f.value.value) for f in parts)
        told = f"{quantity(whole.value)} lies outside its parts {made}"
        yield Doubt(whole, ("value",), told, _REMEDY, tuple(parts))


def _squares(whole: Continuous, parts: Sequence[Continuous], sizes: Sequence[int], mean: float) -> Iterator[Doubt]:
    spreads = [f.dispersion.value for f in (whole, *parts) if f.dispersion.kind == "sd"]
    sds = [s for s in spreads if s is not None]
    if len(sds) != len(parts) + 1:
        return
    bounds = []
    for sign in (-1, 1):
        within = sum((n - 1) * (float(s) + sign * float(s.rounding)) ** 2 for n, s in zip(sizes, sds[1:], strict=True))
        apart = sum(n * (float(f.value) - mean) ** 2 for n, f in zip(sizes, parts, strict=True))
        bounds.append(math.sqrt((within + apart) / (sum(sizes) - 1)))
    room = 3 * float(sds[0].rounding) + 0.005 * float(sds[0])
    if not bounds[0] - room <= float(sds[0]) <= bounds[1] + room:
        told = f"the parts make an SD of {sum(bounds) / 2:.4g}, printed for all {sds[0].value}"
        yield Doubt(whole, ("dispersion",), told, _REMEDY, tuple(parts))


@CHECKS.register("LW237", title="one quantity, one number", reference="Cochrane Handbook 5.5.3")
def printed_twice(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Question two findings of one quantity in two places of the source that do not print alike."""
    seen: dict[tuple[object, ...], Finding] = {}
    for finding in study.findings:
        key = _quantity(finding)
        if key is None:
            continue
        first = seen.setdefault(key, finding)
        if first is finding or _place(first) == _place(finding):
            continue
        one, other = _number(first), _number(finding)
        if one is None or other is None:
            continue
        scale = 1.0 if one.unit == other.unit else float(factor(str(other.unit), str(one.unit)))
        room = float(one.rounding) + float(other.rounding) * scale
        if abs(float(one) - float(other) * scale) > room * (1 + 1e-9):
            yield Doubt(
                finding,
                (_field(finding),),
                f"{other.value} {other.unit or ''}".rstrip() + f", but {first.id} prints {one.value}",
                "one misread, or the source prints both? say in a note which is used and acknowledge: [LW237]",
                (first,),
            )


def _quantity(f: Finding) -> tuple[object, ...] | None:
    same = (type(f), f.outcome, getattr(f, "arm", ""), f.phase, f.timeframe, f.population, getattr(f, "category", ""))
    if isinstance(f, Continuous):
        unit = UNITS.get(str(f.value.unit))
        return (*same, f.statistic, unit.dimension if unit else "", f.n)
    if isinstance(f, Contrast):
        return (*same, f.comparator, f.measure)
    if isinstance(f, Dichotomous) and f.affected is not None:
        return (*same, f.at_risk)
    if isinstance(f, Rate) and not f.subject:
        return (*same, f.serious, f.n)
    return None


def _place(f: Finding) -> tuple[str | None, ...]:
    return (f.at.source, f.at.section, f.at.table, f.at.row, f.at.figure)


def _number(f: Finding) -> Reported | None:
    if isinstance(f, Continuous | Contrast):
        return f.value
    count = getattr(f, _field(f), None)
    return Reported(Decimal(count)) if isinstance(count, int) else None


def _field(f: Finding) -> str:
    return {Dichotomous: "affected", Rate: "events"}.get(type(f), "value")


@CHECKS.register("LW222", title="one outcome, one unit", reference="Cochrane Handbook 5.5.3, 6.5.1")
@compares("mean", "unit")
def one_unit(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question an outcome of one table or section whose findings have two units of one dimension (mL and L)."""
    columns: dict[tuple[object, ...], list[Continuous]] = {}
    for finding in study.findings:
        if isinstance(finding, Continuous) and finding.value.unit in UNITS:
            dimension = UNITS[str(finding.value.unit)].dimension
            columns.setdefault((finding.at.source, finding.at.table, finding.outcome, dimension), []).append(finding)
    for column in columns.values():
        if len(column) > 1:
            yield from map(Compared, column)
        units = [str(f.value.unit) for f in column]
        if len(set(units)) < 2:
            continue
        usual = max(dict.fromkeys(units), key=units.count)
        for finding in column:
            if finding.value.unit != usual:
                first = next(f for f in column if f.value.unit == usual)
                told = f"{finding.value.value} {finding.value.unit}, but {first.id} of the same outcome is in {usual}"
                yield Doubt(finding, ("unit",), told, "the unit misread? acknowledge: [LW222] with a note to keep it")


@CHECKS.register("LE239", title="patients of a finding within its arm and study", reference="Cochrane Handbook 5.5.3")
def enough_patients(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare the patients of each finding with those of its arm, and complementary groups with the cohort."""
    sizes = {a.id: max((n for n in (a.randomised, a.enrolled) if isinstance(n, int)), default=None) for a in study.arms}
    enrolled = study.cohort.enrolled if isinstance(study.cohort.enrolled, int) else None
    for finding in study.findings:
        name = "at_risk" if isinstance(finding, Dichotomous) else "n"
        n = getattr(finding, name, None)
        if not isinstance(n, int):
            continue
        arm = getattr(finding, "arm", "")
        whole = isinstance(finding, Contrast | Direction) or finding.population.startswith("both arms")
        size = None if whole else sizes.get(arm)
        most = size or enrolled
        outcome = registry.vocabulary.outcomes.get(finding.outcome)
        if outcome is not None and outcome.dimension == ("lesions",):
            continue
        if most is not None and n > most:
            where = f"arm {arm}" if size else "the study"
            yield Doubt(
                finding,
                (name,),
                f"{n} patients, {where} has {most}",
                "a digit or the arm misread, or not patients? acknowledge: [LE239] with a note",
            )
    yield from _with_and_without(study, enrolled)


def _with_and_without(study: Study, enrolled: int | None) -> Iterator[Doubt]:
    """Patients with something and patients without it, by the stem of its first word, are no more than all."""
    sized = [(f, getattr(f, "at_risk", None) or getattr(f, "n", None)) for f in study.findings if f.population]
    for finding, n in sized:
        words = finding.population.lower()
        if not words.startswith("patients with ") or not isinstance(n, int) or enrolled is None:
            continue
        thing = words.removeprefix("patients with ").split()[0]
        stem = thing[:4]
        for other, m in sized:
            if (
                other.population.lower().startswith(f"patients without {stem}")
                and isinstance(m, int)
                and n + m > enrolled
            ):
                field = "at_risk" if isinstance(finding, Dichotomous) else "n"
                told = f"{n} patients with and {m} without {thing} ({other.id}) are more than the {enrolled} enrolled"
                yield Doubt(finding, (field,), told, "one misread, or counted twice? acknowledge: [LE239] with a note")
                break
