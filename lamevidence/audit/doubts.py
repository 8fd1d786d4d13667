"""What a check reports, and the catalogue that every check is filed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ..catalog import Catalog
from ..registry.records import Continuous, Contrast, Dispersion, Finding, Study
from ..registry.registry import Registry

__all__ = ["CHECKS", "Check", "Doubt", "estimates", "of_kind", "standard_error"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Printed numbers that contradict each other.

    ``field`` is the place within the finding, as a tuple of names.
    """

    finding: Finding
    field: tuple[str, ...]
    message: str
    remedy: str


Check: TypeAlias = Callable[[Study, Registry], Iterator[Doubt]]
CHECKS: Catalog[Check] = Catalog("audit check")

F = TypeVar("F")


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
    from ..effects.recovery.standard_errors import se_from_ci, se_from_sd

    size = n if isinstance(n, int) else None
    if spread.kind == "se" and spread.value is not None:
        return float(spread.value)
    if spread.kind == "sd" and spread.value is not None and size is not None:
        return float(se_from_sd(float(spread.value), size))
    if (
        spread.kind == "ci"
        and spread.low is not None
        and spread.high is not None
        and spread.scale == "linear"
    ):
        df = size - 1 if size is not None and size > 1 else None
        return float(se_from_ci(float(spread.low), float(spread.high), (spread.level or 95) / 100, df=df))
    return None
