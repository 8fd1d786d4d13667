"""What a check reports, and the catalogue that every check is filed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TypeAlias, TypeVar

from ..effects.recovery.standard_errors import se_from_ci, se_from_sd
from ..foundation.catalog import Catalog
from ..foundation.lineage import Reported
from ..foundation.units import UNITS
from ..registry.records import Continuous, Contrast, Dispersion, Finding, Study
from ..registry.registry import RegistryRecords

__all__ = [
    "CHECKS",
    "COMPARISONS",
    "Check",
    "Compared",
    "Comparison",
    "Doubt",
    "compares",
    "estimates",
    "of_kind",
    "quantity",
    "scale_between",
    "standard_error",
]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Printed numbers that contradict each other.

    ``field`` is the place within the finding, as a tuple of names; ``beside`` are the other findings that it
    concerns, for a wrong number may be theirs.
    """

    finding: Finding
    field: tuple[str, ...]
    message: str
    remedy: str
    beside: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A finding has all that a check needs, and is compared."""

    finding: Finding


Check: TypeAlias = Callable[[Study, RegistryRecords], Iterator[Doubt]]
CHECKS: Catalog[Check] = Catalog("audit check")

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A check that says what it compared, and the columns that a sheet needs for it.

    ``needs`` has one entry a number; alternatives are joined by ``|``.
    """

    run: Callable[[Study, RegistryRecords], Iterator[Doubt | Compared]]
    needs: tuple[str, ...]


COMPARISONS: dict[Check, Comparison] = {}
"""The checks that a sheet can be put to; the others need what no sheet has, such as the phases of a study."""


def compares(
    *needs: str,
) -> Callable[[Callable[[Study, RegistryRecords], Iterator[Doubt | Compared]]], Check]:
    """Return a decorator of a check that yields `Compared` before its doubts; the check itself gives the doubts alone.

    Parameters
    ----------
    *needs
        Columns that a sheet needs, alternatives joined by ``|``.
    """

    def decorate(run: Callable[[Study, RegistryRecords], Iterator[Doubt | Compared]]) -> Check:
        @wraps(run)
        def check(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
            return (found for found in run(study, registry) if isinstance(found, Doubt))

        COMPARISONS[check] = Comparison(run, needs)
        return check

    return decorate


def scale_between(source: str | None, target: str | None) -> float | None:
    """Return how many ``target`` one ``source`` is, 1 for units written alike, None where no factor joins them."""
    if source == target:
        return 1.0
    a, b = UNITS.get(str(source)), UNITS.get(str(target))
    return float(a.size / b.size) if a is not None and b is not None and a.dimension == b.dimension else None


def quantity(number: Reported) -> str:
    """Return a number as printed, with its unit where it has one."""
    return f"{number.value} {number.unit}" if number.unit else str(number.value)


def of_kind(study: Study, kind: type[F]) -> Iterator[F]:
    """Yield the findings of one kind."""
    for finding in study.findings:
        if isinstance(finding, kind):
            yield finding


def estimates(study: Study) -> Iterator[Continuous | Contrast]:
    """Yield the findings that are an estimate with a dispersion."""
    for finding in study.findings:
        if isinstance(finding, Continuous | Contrast):
            yield finding


def standard_error(spread: Dispersion, n: object) -> float | None:
    """Return the standard error that a printed dispersion stands for, None when it tells none."""
    size = n if isinstance(n, int) else None
    if spread.kind == "se" and spread.value is not None:
        return float(spread.value)
    if spread.kind == "sd" and spread.value is not None and size is not None:
        return float(se_from_sd(float(spread.value), size))
    if spread.kind == "ci" and spread.low is not None and spread.high is not None and spread.scale == "linear":
        df = size - 1 if size is not None and size > 1 else None
        return float(se_from_ci(float(spread.low), float(spread.high), (spread.level or 95) / 100, df=df))
    return None
