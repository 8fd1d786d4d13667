"""Forest of a cumulative analysis: the pooled estimate after each study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..checks.leave_one_out import cumulative as cumulative_of
from ..checks.tables import CheckTable
from ..effects.evidence_table import EvidenceTable
from ..results.contract import Result
from .data import check_frame, frame_of, labels_of
from .estimates import check_rows, estimates
from .forest.forest import ForestPlot

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cumulative"]

_NOTE = "Each row: the pooled estimate of this study and those above it."
_COLUMNS = ("label", "estimate", "low", "high")


def _added(labels: Sequence[str]) -> list[str]:
    first, *others = labels
    return [first, *(f"+ {label}" for label in others)]


def cumulative(
    fit: Result | CheckTable | pd.DataFrame,
    evidence: EvidenceTable | None = None,
    *,
    layout: str = "revman",
    level: float | None = None,
) -> ForestPlot:
    """Draw the pooled estimate after each study.

    Parameters
    ----------
    fit
        A fitted result (its studies in the order of the table), what `lamevidence.cumulative` returns, or a frame
        whose ``label`` is the study added, with ``estimate``, ``low`` and ``high`` on the analysis scale.
    evidence
        The table behind a frame; results and checks hold their own.
    layout
        As for `forest`.
    level
        Level of the intervals of a frame, 0.95 when left out; that of a result or check otherwise.

    Returns
    -------
    ForestPlot
        One row a study added.

    Raises
    ------
    OptionError
        Not something this figure is made of, or a level that the intervals do not have.

    See Also
    --------
    lamevidence.cumulative : The numbers, in an order of one's own.

    References
    ----------
    Lau et al. 1992, doi:10.1056/NEJM199207233270406.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35], vi=[0.03, 0.03, 0.05], labels=["A", "B", "C"])
    >>> list(lam.plots.cumulative(lam.pool(table, model="common")).rows["label"])
    ['A', '+ B', '+ C']
    """
    if isinstance(fit, Result):
        fit = cumulative_of(fit)
    if isinstance(fit, CheckTable):
        check_frame(fit, "a cumulative plot", _COLUMNS)  # the check of this figure, with a row that exists
        labels = [str(label) for label in fit["label"]]
        return check_rows(fit, _added(labels), layout=layout, level=level, note=_NOTE)
    frame = frame_of(fit, cumulative_of, "a cumulative plot", _COLUMNS)
    added = frame.reset_index(drop=True).assign(label=_added(labels_of(frame)))
    return estimates(
        added,
        evidence,  # type: ignore[arg-type]  # None is refused there, in words
        layout=layout,
        level=0.95 if level is None else level,
        note=_NOTE,
    )
