"""What a forest plot says, as data: its rows and everything around them, before it has a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ...results.scale import ReaderScale
from ..bias import BiasColumns
from ..drawing.text import Rich
from .data_columns import DataColumn

__all__ = ["Content", "StudyRow", "SummaryRow", "Triple"]

Triple: TypeAlias = tuple[float, float, float]
"""Estimate, lower and upper bound, as displayed."""


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study as displayed; ``estimate`` is NaN when it is not estimable, ``area`` is the share of the largest.

    ``shrunken`` is the posterior of its true effect, ``fitted`` what a model with moderators says of it; ``hollow``
    rows are no data (filled studies).
    """

    key: str
    position: int
    study: str
    label: str
    mark: str
    group: str
    n: float
    estimate: float
    low: float
    high: float
    weight: float
    area: float
    shrunken: Triple | None = None
    fitted: Triple | None = None
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A pooled estimate or a prediction interval (no estimate) as displayed.

    ``kind`` is ``pooled``, ``subgroup`` (then ``group`` is its heading, ``members`` its rows) or ``prediction``.
    """

    key: str
    kind: str
    label: str
    bayes: bool
    estimate: float
    low: float
    high: float
    weight: float
    totals: bool
    group: str = ""
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a forest plot prints, in reading order."""

    title: str
    display: ReaderScale
    level: float
    decimals: int
    null: float | None
    studies: tuple[StudyRow, ...]
    summaries: tuple[SummaryRow, ...] = ()
    columns: tuple[DataColumn, ...] = ()
    bias: BiasColumns | None = None
    show_weights: bool = False
    notes: tuple[tuple[Rich, ...], ...] = ()
    footnotes: tuple[Rich, ...] = ()
    shrinkage: bool = False
    grouped: bool = False
    fixed_columns: bool = False
    fixed_bias: bool = False
    xlim: tuple[float, float] | None = None
    row_head: str = "Study"
    subtotals: tuple[SummaryRow, ...] = ()
    columns_are: str = "patients and events"
