"""What figures are made from: a result or a table behind one gate, and the columns of a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from ..checks.small_study.trim_and_fill import TrimAndFill
from ..checks.tables import CheckTable
from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable, OptionError
from ..foundation.options import a_choice, a_number, an_instance, shown
from ..foundation.printable import one_line
from ..network.contrasts import NetworkTable
from ..network.results import NetworkPooled
from ..pooling.subgroups import Subgroups
from ..results.contract import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Estimates",
    "FigureSource",
    "PointSource",
    "axis_name",
    "called",
    "centre_of",
    "check_frame",
    "estimates",
    "frame_of",
    "labels_of",
    "middle",
    "numbers_of",
    "one_mean",
    "table_of",
]

FigureSource: TypeAlias = Result | EvidenceTable | TrimAndFill
"""What a figure of studies is made from."""
PointSource: TypeAlias = Union[Result, CheckTable, "pd.DataFrame"]
"""What a figure of a check is made from: the result (then the check is made), the check, or a frame of its columns."""


def called(given: object) -> str:
    """Return what was given in a few words: a result by its class, anything else as it is typed."""
    if isinstance(given, Result | CheckTable | TrimAndFill | EvidenceTable | NetworkTable):
        return f"{'an' if type(given).__name__[0] in 'AEIOU' else 'a'} {type(given).__name__}"
    return shown(given)


def table_of(fit: object, figure: str) -> EvidenceTable:
    """Return the rows behind a result, or the table itself.

    Raises
    ------
    OptionError
        Neither; the message says what to give.
    """
    if isinstance(fit, EvidenceTable):
        return fit
    if isinstance(fit, NetworkPooled | NetworkTable):
        raise OptionError(
            f"{figure} shows estimates of one effect, and a network has several · draw lam.forest(fit) of a"
            " pooled network, or lam.plots.network"
        )
    if isinstance(fit, TrimAndFill):
        filled: EvidenceTable = fit.fit.table
        return filled
    if isinstance(fit, CheckTable):
        raise OptionError(
            f"{figure} is made of a fitted result, got the check {fit.title!r} · draw the check with its plot(),"
            " or give the result it was made from"
        )
    if isinstance(fit, Result) and isinstance(fit.table, EvidenceTable):
        found: EvidenceTable = fit.table
        return found
    raise OptionError(
        f"{figure} is made of an EvidenceTable or of a result that holds one, got {called(fit)}"
        " · give what lam.pool(table) or lam.pool_bayes(table) returns, or the table"
    )


def middle(fit: Result) -> float:
    """Return the pooled mean on the analysis scale; of a posterior its median."""
    return float(fit._shown()[0])


def one_mean(fit: object, figure: str) -> None:
    """Raise where a result has several means or coefficients, of which this figure shows one.

    Raises
    ------
    OptionError
        It has; the message names the figure that shows them.
    """
    if isinstance(fit, Subgroups):
        raise OptionError(
            f"{figure} shows one mean, and there is one for each of {', '.join(fit.groups)} · give one of the groups,"
            f" such as found[{next(iter(fit.groups))!r}], or draw lam.forest(found)"
        )
    if isinstance(fit, Result) and len(fit.names) > 1:
        raise OptionError(
            f"{figure} shows one mean, and this model has the coefficients {', '.join(fit.names)}"
            " · draw lam.forest(fit), which shows the fitted value of each row"
        )


@dataclass(frozen=True, slots=True)
class Estimates:
    """The rows that have both an estimate and a variance: values, standard errors, labels, positions in the table."""

    yi: FloatArray
    se: FloatArray
    labels: tuple[str, ...]
    rows: NDArray[np.intp]


def estimates(table: EvidenceTable, least: int = 1) -> Estimates:
    """Return the rows of a table that have an estimate and a variance.

    Raises
    ------
    NotEstimable
        Fewer than ``least``.
    """
    with np.errstate(all="ignore"):
        weight = 1.0 / table.vi
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & np.isfinite(weight) & (table.vi > 0)
    if usable.sum() < least:
        raise NotEstimable(
            f"this figure needs at least {least} rows with an estimate and a variance,"
            f" the table has {int(usable.sum())}"
        )
    rows = np.flatnonzero(usable)
    return Estimates(table.yi[rows], np.sqrt(table.vi[rows]), tuple(one_line(table.labels[i]) for i in rows), rows)


def centre_of(fit: object, centre: float | None) -> float:
    """Return the pooled estimate on the analysis scale: given, of the result, or inverse-variance weighted."""
    if centre is not None:
        return a_number("centre", centre)
    if isinstance(fit, TrimAndFill):
        return middle(fit.fit)
    if isinstance(fit, Result):
        return middle(fit)
    found = estimates(table_of(fit, "this figure"))
    return float(np.sum(found.yi / found.se**2) / np.sum(1 / found.se**2))


def axis_name(table: EvidenceTable) -> str:
    """Return the name of the analysis scale with its unit."""
    measure = MEASURES[table.measure]
    name = measure.title[:1].upper() + measure.title[1:]
    return f"{name} ({table.unit})" if table.unit and measure.scale == "identity" else name


def frame_of(
    given: object, check: Callable[[Result], CheckTable], figure: str, needed: tuple[str, ...]
) -> pd.DataFrame:
    """Return the columns of a check: of the check of a result, of a check that was made, or the frame itself.

    Raises
    ------
    OptionError
        None of these, or another check; the message says what to give.
    """
    import pandas as pd

    if isinstance(given, Result):
        return check_frame(check(given), figure, needed)
    if isinstance(given, CheckTable):
        return check_frame(given, figure, needed)
    if isinstance(given, pd.DataFrame):
        return given
    give = "found.fit or found.original" if isinstance(given, TrimAndFill) else "what lam.pool(table) returns"
    raise OptionError(
        f"{figure} is made of a fitted result, of its check or of a frame with the columns {', '.join(needed)},"
        f" got {called(given)} · give {give}"
    )


def check_frame(check: CheckTable, figure: str, needed: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns of a check, without the rows that its notes say have no place in the figure.

    Raises
    ------
    OptionError
        Not the check that this figure draws.
    NotEstimable
        No row has a place.
    """
    lacking = [name for name in needed if name not in check.columns]
    if lacking:
        raise OptionError(
            f"{figure} needs the columns {', '.join(needed)}, and the check {check.title!r} lacks"
            f" {', '.join(lacking)} · give the fitted result itself"
        )
    frame = check.to_frame().dropna(subset=list(needed))
    if frame.empty:
        raise NotEstimable(f"no study has a place in {figure}: {'; '.join(check.notes)} · to_frame() has what there is")
    return frame


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    import pandas as pd

    if isinstance(frame, Result | EvidenceTable | CheckTable | TrimAndFill):
        raise OptionError(
            f"this figure is made of a DataFrame, got {called(frame)} · give one, or draw lam.forest(fit) of a result"
        )
    an_instance("frame", frame, pd.DataFrame, "give a DataFrame, for example result.to_frame()")
    a_choice("column", name, map(str, frame.columns))
    if list(map(str, frame.columns)).count(name) > 1:
        raise InputError(f"the frame has several columns {name!r} · rename them")
    if len(frame) == 0:
        raise NotEstimable("the frame has no rows, there is nothing to draw")
    return frame[name]


def numbers_of(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return a column as finite numbers, or raise naming its first row that is not one."""
    values = floats(_column(frame, name), f"column {name!r}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(f"column {name!r} has no number in row {int(bad[0])} · leave that row out")
    return values


def labels_of(frame: pd.DataFrame, name: str = "label") -> tuple[str, ...]:
    """Return a column as words."""
    return tuple(one_line(str(v)) for v in _column(frame, name))
