"""The typical sampling variance behind I² and H² of a one-stage model."""

from __future__ import annotations

import math

import numpy as np

from ..effects.escalc import escalc
from ..effects.evidence_table import EvidenceTable
from .glmm_designs import CountData

__all__ = ["typical_of"]

_NAMES = {
    "OR": ("ai", "n1i", "ci", "n2i"),
    "IRR": ("x1i", "t1i", "x2i", "t2i"),
    "PLO": ("xi", "ni"),
    "IRLN": ("xi", "ti"),
}


def typical_of(table: EvidenceTable, data: CountData, measure: str) -> float:
    """Return (k − p)/tr P of Higgins & Thompson (doi:10.1002/sim.1186) over the studies of ``data``.

    A one-stage model has no variance per study; the usual one (½ added where a cell is 0) stands in, for I² alone.
    """
    from .kernels import Projection

    columns = [column for arm in range(data.x.shape[1]) for column in (data.x[:, arm], data.size[:, arm])]
    own = escalc(measure, **dict(zip(_NAMES[measure], columns, strict=True)))
    usable = np.isfinite(own.vi) & (own.vi > 0)
    if data.x.shape[1] == 2:
        usable = usable & ~data.uninformative()
    X = data.mods[usable]
    df = X.shape[0] - X.shape[1]
    if df <= 0:
        return math.nan
    return float(df) / float(Projection(1.0 / own.vi[usable], X).trace())
