"""One row of an evidence table, and one that did not get in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..foundation.lineage import Lineage

__all__ = ["Excluded", "Row"]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A study or row that was left out, and why.

    Attributes
    ----------
    study
        Study id.
    reason
        The reason in words.
    code
        The reason as a code (``not_derivable``, ``overlap`` …), empty where there is none.
    finding
        Id of the printed finding that was not used.
    label
        Label of the row.
    """

    study: str
    reason: str
    code: str = ""
    finding: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One used row of an `EvidenceTable`.

    Attributes
    ----------
    label, study
        Label of the row and id of its study.
    yi, vi
        Estimate and sampling variance on the analysis scale; NaN where there is none.
    n
        Patients, NaN where not reported.
    lineage
        The printed cells behind it and the steps from there.
    counts
        The sufficient statistics, by metafor's names.
    """

    label: str
    study: str
    yi: float
    vi: float
    n: float
    lineage: Lineage
    counts: Mapping[str, float]

    @property
    def sei(self) -> float:
        """Standard error."""
        return float(np.sqrt(self.vi))
