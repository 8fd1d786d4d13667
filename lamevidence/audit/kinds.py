"""SE or SD? Decided by the likelihood of all p values that a study prints beside one column of ±."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..registry.records import Continuous, Paired, PValue, Study
from ..registry.registry import RegistryRecords
from .doubts import CHECKS, Compared, Doubt, compares
from .p_values import as_normal, by_ranks, difference_range, distance, z_range

__all__ = ["KindEvidence", "kind_evidence", "kind_of_spread"]

_SCATTER = 0.5
"""SD of z of a printed p about z of its means: choice of t, model or adjustment."""
_OTHERWISE = 1e-3
"""Probability that a p is of another test altogether."""
_DECIDED = math.log(10)
"""A likelihood ratio above this decides: strong evidence by Jeffreys 1961."""
_CORRELATIONS: tuple[float, ...] = tuple(np.linspace(-0.5, 0.95, 30).tolist())
_SIZES = 25
"""Sizes tried where the number of patients is not printed."""


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """What the printed p values say of one column of ±.

    Attributes
    ----------
    statistic
        The column: slopes, changes or means.
    log_ratio
        Log likelihood of the p values with SE, less that with SD; above 0 speaks for SE.
    p_values
        How many p values were used.
    recorded
        What the record calls the ±.
    findings
        The findings of the column with a p value, in the order of the record.
    """

    statistic: str
    log_ratio: float
    p_values: int
    recorded: str
    findings: tuple[Continuous, ...]

    @property
    def decided(self) -> str:
        """``se`` or ``sd`` where the likelihood ratio is above 10, else an empty text."""
        return "" if abs(self.log_ratio) < _DECIDED else "se" if self.log_ratio > 0 else "sd"


@CHECKS.register(
    "LW204",
    title="SE or SD by the likelihood of all p values",
    reference="Cochrane Handbook 6.5.2.3; Royall 1997, Statistical Evidence, doi:10.1201/9780203738665",
)
@compares("mean", "sd|se|mean_se", "n", "p", "control_mean|arm")
def kind_of_spread(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question a column of ± whose printed p values fit the other of SE and SD at least 10 times better."""
    for found in kind_evidence(study):
        yield from map(Compared, found.findings)
        if found.decided and found.decided != found.recorded:
            yield Doubt(
                found.findings[0],
                ("dispersion",),
                f"±{_digits(found.findings[0])} is recorded as "
                f"{found.recorded.upper()}; {found.p_values} printed p value"
                f"{'' if found.p_values == 1 else 's'} of {found.statistic}s fit {found.decided.upper()} "
                f"{_times(abs(found.log_ratio))} times better",
                f"`type: {found.decided}, basis: inferred` with the p values as `because`? "
                "acknowledge: [LW204] with a note to keep it",
                found.findings[1:],
            )


def _digits(finding: Continuous) -> str:
    return "" if finding.dispersion.value is None else str(finding.dispersion.value.value)


def _times(log_ratio: float) -> str:
    return f"{math.exp(log_ratio):.0f}" if log_ratio < math.log(10_000) else "over 10 000"


def kind_evidence(study: Study) -> tuple[KindEvidence, ...]:
    """Return, for each column of ± with p values, how much better they fit SE than SD.

    Each p value is a range of z, and so is what means, ± and n make of it, rounding included; z of the two differs
    with SD 0.5, or by anything with probability 0.001. Where n is not printed the likelihood is averaged over 3 to
    the patients of the arm, and over correlations from −0.5 to 0.95 for values before and after. A bound (``< 0.05``)
    is read as the gap down to the next smaller bound that the study prints.

    Parameters
    ----------
    study
        A record.

    Returns
    -------
    tuple of KindEvidence
        One for each statistic that has a ± and a p value.
    """
    bounds = sorted({float(p.value) for p in _all_p(study) if p.relation == "<"})
    columns: dict[str, list[Callable[[str, int | None], float]]] = {}
    firsts: dict[str, list[Continuous]] = {}
    unknown: dict[str, bool] = {}
    for statistic, first, others, likelihood in _comparisons(study, bounds):
        columns.setdefault(statistic, []).append(likelihood)
        firsts.setdefault(statistic, []).extend((first, *others))
        unknown[statistic] = unknown.get(statistic, False) or any(not isinstance(f.n, int) for f in (first, *others))
    found = []
    for statistic, items in columns.items():
        kinds = {f.dispersion.kind for f in firsts[statistic]}
        if len(kinds) != 1:
            continue
        sizes = _sizes(study, firsts[statistic][0]) if unknown[statistic] else [None]
        logs = [_log_mean([sum(item(kind, n) for item in items) for n in sizes]) for kind in ("se", "sd")]
        column = tuple({f.id: f for f in firsts[statistic]}.values())
        found.append(KindEvidence(statistic, logs[0] - logs[1], len(items), kinds.pop(), column))
    return tuple(found)


def _log_mean(logs: list[float]) -> float:
    most = max(logs)
    return most + math.log(sum(math.exp(x - most) for x in logs) / len(logs))


def _sizes(study: Study, finding: Continuous) -> list[int | None]:
    arm = next((a for a in study.arms if a.id == finding.arm), None)
    candidates = (arm.enrolled if arm else None, arm.randomised if arm else None, study.cohort.enrolled)
    most = next((n for n in candidates if isinstance(n, int)), 50)
    return [int(n) for n in np.unique(np.linspace(3, max(most, 3), _SIZES).round())]


def _all_p(study: Study) -> Iterator[PValue]:
    for finding in study.findings:
        p = getattr(finding, "p", None)
        if isinstance(p, PValue):
            yield p
        if finding.p_between is not None:
            yield finding.p_between.p


def _comparisons(
    study: Study, bounds: list[float]
) -> Iterator[tuple[str, Continuous, tuple[Continuous, ...], Callable[[str, int | None], float]]]:
    """Yield each printed p with the ± it stands beside, and its log likelihood for a kind and a size."""
    by_id = {f.id: f for f in study.findings}
    for finding in study.findings:
        if isinstance(finding, Continuous) and _spread(finding):
            p = finding.p
            if p is not None and finding.statistic in ("slope", "change") and _usable(p):
                yield finding.statistic, finding, (), _Within(finding, _gap(p, bounds))
            pair = finding.p_between
            other = by_id.get(pair.against) if pair is not None else None
            if pair is None or not isinstance(other, Continuous) or not _spread(other) or not _usable(pair.p):
                continue
            if other.value.unit == finding.value.unit:
                yield finding.statistic, finding, (other,), _Between(finding, other, _gap(pair.p, bounds))
        if isinstance(finding, Paired) and finding.p is not None and _usable(finding.p):
            before, after = by_id.get(finding.before), by_id.get(finding.after)
            if not isinstance(before, Continuous) or not isinstance(after, Continuous):
                continue
            if _spread(before) and _spread(after) and before.value.unit == after.value.unit:
                yield after.statistic, after, (before,), _BeforeAfter(before, after, _gap(finding.p, bounds))


def _spread(finding: Continuous) -> bool:
    d = finding.dispersion
    return d.kind in ("se", "sd") and d.value is not None and float(d.value) > 0 and finding.statistic != "median"


def _usable(p: PValue) -> bool:
    return not by_ranks(p.test) and "between" not in p.test.lower()


def _gap(p: PValue, bounds: list[float]) -> tuple[float, float]:
    """Return the range of z of a p value; a bound ends where the study would print the next smaller one."""
    low, high = z_range(p)
    smaller = [b for b in bounds if b < float(p.value)]
    if p.relation == "<" and smaller:
        return low, z_range(PValue(p.value.__class__(str(smaller[-1])), "<"))[0]
    return low, high


def _log_likelihood(printed: tuple[float, float], implied: tuple[float, float]) -> float:
    gap = distance(printed, implied) / _SCATTER
    return math.log((1 - _OTHERWISE) * math.exp(-0.5 * gap * gap) + _OTHERWISE)


def _errors(finding: Continuous, kind: str, n: int | None) -> tuple[float, float, float | None]:
    """Return the smallest and largest SE of a printed ± read as this kind, and its degrees of freedom."""
    d = finding.dispersion.value
    size = finding.n if isinstance(finding.n, int) else n
    root = math.sqrt(size) if kind == "sd" and size else 1.0
    value, hidden = (float(d), float(d.rounding)) if d is not None else (0.0, 0.0)
    return max(value - hidden, 1e-3 * value) / root, (value + hidden) / root, size - 1 if size else None


@dataclass(frozen=True, slots=True)
class _Within:
    """A change or slope against zero."""

    finding: Continuous
    printed: tuple[float, float]

    def __call__(self, kind: str, n: int | None) -> float:
        narrow, wide, df = _errors(self.finding, kind, n)
        value, hidden = abs(float(self.finding.value)), float(self.finding.value.rounding)
        implied = as_normal(max(value - hidden, 0.0) / wide, df), as_normal((value + hidden) / narrow, df)
        return _log_likelihood(self.printed, implied)


@dataclass(frozen=True, slots=True)
class _Between:
    """Two arms against each other."""

    one: Continuous
    other: Continuous
    printed: tuple[float, float]

    def __call__(self, kind: str, n: int | None) -> float:
        a, b = (_errors(f, kind, n) for f in (self.one, self.other))
        low, high = difference_range(self.one.value, self.other.value)
        df = a[2] + b[2] if a[2] is not None and b[2] is not None else None
        implied = as_normal(low / math.hypot(a[1], b[1]), df), as_normal(high / math.hypot(a[0], b[0]), df)
        return _log_likelihood(self.printed, implied)


@dataclass(frozen=True, slots=True)
class _BeforeAfter:
    """The same patients before and after, with an unknown correlation."""

    before: Continuous
    after: Continuous
    printed: tuple[float, float]

    def __call__(self, kind: str, n: int | None) -> float:
        a, b = (_errors(f, kind, n) for f in (self.before, self.after))
        low, high = difference_range(self.after.value, self.before.value)
        logs = []
        for r in _CORRELATIONS:
            narrow, wide = (_of_difference(x, y, r) for x, y in ((a[0], b[0]), (a[1], b[1])))
            logs.append(_log_likelihood(self.printed, (as_normal(low / wide, b[2]), as_normal(high / narrow, b[2]))))
        return _log_mean(logs)


def _of_difference(one: float, other: float, r: float) -> float:
    return math.sqrt(max(one * one + other * other - 2 * r * one * other, 1e-300))
