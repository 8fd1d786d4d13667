"""What the figures of single estimates need from a table or a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from ..options import a_number
from .results import bayesian, one_table

__all__ = ["axis_name", "centre_of", "estimates", "table_of"]


def table_of(result: Any) -> EvidenceTable:  # noqa: ANN401
    """Return the table of a result, or the table itself."""
    return result if isinstance(result, EvidenceTable) else one_table([result])


def estimates(table: EvidenceTable, least: int = 1) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return estimates, standard errors and labels of the rows that have both."""
    with np.errstate(all="ignore"):
        weight = 1.0 / table.vi
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & np.isfinite(weight) & (table.vi > 0)
    if usable.sum() < least:
        raise NotEstimable(
            f"this figure needs at least {least} rows with an estimate and a variance,"
            f" the table has {int(usable.sum())}"
        )
    labels = tuple(label for label, u in zip(table.labels, usable, strict=True) if u)
    return table.yi[usable], np.sqrt(table.vi[usable]), labels


def centre_of(result: Any, centre: float | None) -> float:  # noqa: ANN401
    """Return the pooled estimate on the analysis scale: given, of the result, or inverse-variance weighted."""
    if centre is not None:
        return a_number("centre", centre)
    if isinstance(result, EvidenceTable):
        yi, se, _ = estimates(result)
        return float(np.sum(yi / se**2) / np.sum(1 / se**2))
    return float(result.mu.median) if bayesian(result) else float(result.mu)


def axis_name(table: EvidenceTable) -> str:
    """Return the name of the analysis scale with its unit."""
    measure = MEASURES[table.measure]
    name = measure.title[:1].upper() + measure.title[1:]
    return f"{name} ({table.unit})" if table.unit and measure.scale == "identity" else name
