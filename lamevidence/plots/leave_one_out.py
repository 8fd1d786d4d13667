"""Forest of a leave-one-out analysis: the pooled estimate without each study in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checks.leave_one_out import leave_one_out as leave_one_out_of
from ..checks.tables import CheckTable
from ..effects.evidence_table import EvidenceTable
from ..results.contract import Result
from .data import check_frame, frame_of, labels_of
from .estimates import check_rows, estimates
from .forest.forest import ForestPlot

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["leave_one_out"]

_NOTE = "Each row: the pooled estimate without that study."
_COLUMNS = ("label", "estimate", "low", "high")


def leave_one_out(
    fit: Result | CheckTable | pd.DataFrame,
    evidence: EvidenceTable | None = None,
    *,
    layout: str = "revman",
    level: float | None = None,
) -> ForestPlot:
    """Draw the pooled estimate without each study in turn.

    Parameters
    ----------
    fit
        A fitted result, what `lamevidence.leave_one_out` returns, or a frame whose ``label`` is the study left out,
        with ``estimate``, ``low`` and ``high`` on the analysis scale.
    evidence
        The table behind a frame; results and checks hold their own.
    layout
        As for `forest`.
    level
        Level of the intervals of a frame, 0.95 when left out; that of a result or check otherwise.

    Returns
    -------
    ForestPlot
        One row a study left out; no prediction interval is drawn.

    Raises
    ------
    OptionError
        Not something this figure is made of, or a level that the intervals do not have.

    See Also
    --------
    lamevidence.leave_one_out : The numbers.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> list(lam.plots.leave_one_out(lam.pool(table, model="common")).rows["label"])
    ['Without 1', 'Without 2', 'Without 3', 'Without 4']
    """
    if isinstance(fit, Result):
        fit = leave_one_out_of(fit)
    if isinstance(fit, CheckTable):
        check_frame(fit, "a leave-one-out plot", _COLUMNS)  # the check of this figure, with a row that exists
        labels = [str(label) for label in fit["label"]]
        return check_rows(fit, [f"Without {x}" for x in labels], layout=layout, level=level, note=_NOTE)
    frame = frame_of(fit, leave_one_out_of, "a leave-one-out plot", _COLUMNS)
    without = [f"Without {label}" for label in labels_of(frame)]
    return estimates(
        frame.reset_index(drop=True).assign(label=without),
        evidence,  # type: ignore[arg-type]  # None is refused there, in words
        layout=layout,
        level=0.95 if level is None else level,
        note=_NOTE,
    )
