"""Can whole patients give these percentages, intervals, means and spreads?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy import special

from ..foundation.lineage import Reported
from ..foundation.units import factor
from ..registry.records import Continuous, Dichotomous, NotReported, Rate, Study
from ..registry.registry import RegistryRecords
from .between import possible_counts
from .doubts import CHECKS, Compared, Doubt, compares, of_kind

__all__ = ["events_per_patient", "interval_of_count", "person_time", "proportion_intervals", "whole_numbers"]

_WHOLE = ("events", "episodes", "lesions", "patients")
"""Units whose single values are whole numbers."""


def proportion_intervals(x: int, n: int, level: float = 0.95) -> dict[str, tuple[float, float]]:
    """Return the interval of ``x`` of ``n`` by each usual method, as proportions.

    Wald, Wilson (with and without correction for continuity), Clopper-Pearson, Agresti-Coull and Jeffreys.

    Parameters
    ----------
    x, n
        Patients affected, of patients at risk.
    level
        Confidence level, between 0 and 1.

    Returns
    -------
    dict
        Method → lower and upper bound.

    Examples
    --------
    >>> low, high = proportion_intervals(3, 15)["Wilson"]
    >>> round(100 * low, 3), round(100 * high, 3)
    (7.048, 45.185)
    """
    z, p, alpha = float(special.ndtri((1 + level) / 2)), x / n, 1 - level
    out = {}
    half = z * math.sqrt(p * (1 - p) / n)
    out["Wald"] = (max(p - half, 0.0), min(p + half, 1.0))
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    out["Wilson"] = (middle - half / (1 + z * z / n), middle + half / (1 + z * z / n))
    twice, whole = 2 * n * p + z * z, 2 * (n + z * z)
    low = (twice - 1 - z * math.sqrt(z * z - 2 - 1 / n + 4 * p * (n * (1 - p) + 1))) / whole if x > 0 else 0.0
    high = (twice + 1 + z * math.sqrt(z * z + 2 - 1 / n + 4 * p * (n * (1 - p) - 1))) / whole if x < n else 1.0
    out["Wilson, corrected"] = (max(low, 0.0), min(high, 1.0))
    out["Clopper-Pearson"] = (
        0.0 if x == 0 else float(special.betaincinv(x, n - x + 1, alpha / 2)),
        1.0 if x == n else float(special.betaincinv(x + 1, n - x, 1 - alpha / 2)),
    )
    size = n + z * z
    centre = (x + z * z / 2) / size
    half = z * math.sqrt(centre * (1 - centre) / size)
    out["Agresti-Coull"] = (max(centre - half, 0.0), min(centre + half, 1.0))
    out["Jeffreys"] = (
        0.0 if x == 0 else float(special.betaincinv(x + 0.5, n - x + 0.5, alpha / 2)),
        1.0 if x == n else float(special.betaincinv(x + 0.5, n - x + 0.5, 1 - alpha / 2)),
    )
    return out


@CHECKS.register(
    "LE218",
    title="interval of a proportion against its count",
    reference="Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E; "
    "Brown, Cai & DasGupta 2001, doi:10.1214/ss/1009213286",
)
@compares("events|percent|proportion", "n", "ci_low", "ci_high")
def interval_of_count(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question an interval of a proportion that none of six methods gives for its count."""
    for finding in of_kind(study, Dichotomous):
        d = finding.interval
        if d is None or d.kind != "ci" or d.low is None or d.high is None or not isinstance(finding.at_risk, int):
            continue
        counts = possible_counts(finding)
        if not counts:
            continue
        yield Compared(finding)
        tables = [proportion_intervals(x, finding.at_risk, (d.level or 95) / 100) for x in counts]
        if any(_prints(low, d.low) and _prints(high, d.high) for table in tables for low, high in table.values()):
            continue
        near = min(
            ((name, *bounds) for table in tables for name, bounds in table.items()),
            key=lambda m: abs(100 * m[1] - float(d.low or 0)) + abs(100 * m[2] - float(d.high or 0)),
        )
        yield Doubt(
            finding,
            ("interval",),
            f"{d.low.value} to {d.high.value} % is no interval of {counts[0]}/{finding.at_risk}; "
            f"nearest: {near[0]} {100 * near[1]:.1f} to {100 * near[2]:.1f}",
            "a bound, the count or the level misread? acknowledge: [LE218] with a note when the source prints it so",
        )


def _prints(proportion: float, bound: Reported) -> bool:
    # one unit of the last digit, for sources round step by step
    return abs(100 * proportion - float(bound)) <= 2.001 * float(bound.rounding)


@CHECKS.register(
    "LW236",
    title="mean and SD of whole numbers (GRIM, GRIMMER, DEBIT)",
    reference="Brown & Heathers 2017, doi:10.1177/1948550616673876; "
    "Allard 2018, doi:10.31234/osf.io/pdnry; Heathers & Brown 2019, osf.io/5vb3u",
)
@compares("mean", "n", "whole|unit")
def whole_numbers(study: Study, registry: RegistryRecords) -> Iterator[Doubt | Compared]:
    """Question a mean, and an SD, that no whole numbers of as many patients have.

    GRIM: n times the mean must round to a whole total. GRIMMER: then (n − 1) s² + total²/n must be a whole sum of
    squares with the parity of the total. DEBIT, for yes and no as 1 and 0: s² = n m (1 − m) / (n − 1).
    """
    for finding in of_kind(study, Continuous):
        if finding.statistic != "mean" or not isinstance(finding.n, int):
            continue
        outcome = registry.vocabulary.outcomes.get(finding.outcome)
        yes_or_no = finding.value.unit == "ratio" and outcome is not None and "patients" in outcome.dimension
        counted = outcome is not None and finding.value.unit is None and "events" in outcome.dimension
        if finding.value.unit not in _WHOLE and not yes_or_no and not counted:
            continue
        yield Compared(finding)
        totals = _totals(finding.value, finding.n)
        if not totals:
            told = f"no whole number over {finding.n} prints as {finding.value.value}"
            yield Doubt(finding, ("value",), told, "another n, or a digit misread? acknowledge: [LW236] with a note")
            continue
        d = finding.dispersion
        if d.kind != "sd" or d.value is None or finding.n < 2:
            continue
        whole = debit(finding.value, finding.n, d.value) if yes_or_no else None
        if whole is None:
            whole = any(grimmer(total, finding.n, d.value) for total in totals)
        if not whole:
            told = f"no {finding.n} whole numbers have mean {finding.value.value} and SD {d.value.value}"
            yield Doubt(finding, ("dispersion",), told, "an SE for an SD, or a digit misread? acknowledge: [LW236]")


def _totals(mean: Reported, n: int) -> range:
    room = float(mean.rounding) * n * (1 + 1e-9) + 1e-9
    total = float(mean) * n
    return range(math.ceil(total - room), math.floor(total + room) + 1)


def grimmer(total: int, n: int, sd: Reported) -> bool:
    """Tell whether ``n`` whole numbers with this total can have an SD that prints so."""
    low, high = max(float(sd) - float(sd.rounding) * (1 + 1e-9), 0.0), float(sd) + float(sd.rounding) * (1 + 1e-9)
    base = total * total / n
    first, last = math.ceil((n - 1) * low**2 + base - 1e-9), math.floor((n - 1) * high**2 + base + 1e-9)
    least = (total // n) ** 2 * (n - total % n) + (total // n + 1) ** 2 * (total % n)
    return any(squares % 2 == total % 2 and squares >= least for squares in range(first, min(last, first + 3) + 1))


def debit(mean: Reported, n: int, sd: Reported) -> bool:
    """Tell whether ``n`` ones and zeros with this mean have an SD that prints so.

    Parameters
    ----------
    mean, sd
        As printed, as proportions.
    n
        Patients.

    Returns
    -------
    bool
        Whether some count of ones prints as this mean and this SD.
    """
    for total in _totals(mean, n):
        p = total / n
        if 0 <= p <= 1 and abs(math.sqrt(n * p * (1 - p) / (n - 1)) - float(sd)) <= float(sd.rounding) * (1 + 1e-9):
            return True
    return False


@CHECKS.register("LW249", title="events per patient against events", reference="Cochrane Handbook 6.7.1")
def events_per_patient(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare a mean number of events per patient with the events counted in the same arm and category."""
    for mean in of_kind(study, Continuous):
        if not mean.outcome.endswith("_per_patient"):
            continue
        for count in of_kind(study, Rate):
            same = (count.arm, count.phase, count.category) == (mean.arm, mean.phase, mean.population)
            if not same or count.serious or not isinstance(count.n, int):
                continue
            if abs(count.events / count.n - float(mean.value)) > float(mean.value.rounding) * (1 + 1e-9):
                yield Doubt(
                    mean,
                    ("value",),
                    f"{mean.value.value} events per patient, but {count.id} has {count.events} of {count.n} patients "
                    f"({count.events / count.n:.2f})",
                    "other patients or other events? acknowledge: [LW249] with a note",
                )


@CHECKS.register("LW246", title="person-time against patients and follow-up", reference="Cochrane Handbook 6.7.1")
def person_time(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Compare printed person-time with patients times follow-up: exact for a mean, a bound for a planned one."""
    for finding in of_kind(study, Rate):
        time, span = finding.person_time, finding.follow_up
        if isinstance(time, NotReported) or isinstance(span, NotReported) or not isinstance(finding.n, int):
            continue
        years = float(time) * _person_years(str(time.unit))
        each = float(span.value) * _years(str(span.value.unit))
        slack = 1 + (float(time.rounding) / float(time) if float(time) else 0)
        slack += float(span.value.rounding) / float(span.value)
        ratio = years / (finding.n * each)
        most, least = {
            "mean": (slack, 2 - slack),
            "exact": (slack, 2 - slack),
            "planned": (1.1 * slack, 0.5),
            "maximum": (slack, 0.0),
            "minimum": (math.inf, 2 - slack),
        }.get(span.kind, (2.0, 0.5))
        if least <= ratio <= most:
            continue
        yield Doubt(
            finding,
            ("person_time",),
            f"{time.value} {time.unit}, but {finding.n} patients for {span.value.value} {span.value.unit} "
            f"({span.kind}) make {finding.n * each:.4g} person-years",
            "another unit, another n, or a digit misread? acknowledge: [LW246] with a note",
        )


def _person_years(unit: str) -> float:
    if unit.startswith("100 "):
        return 100 * _person_years(unit.removeprefix("100 "))
    return _years(unit.removeprefix("person-"))


def _years(unit: str) -> float:
    return float(factor(unit, "year"))
