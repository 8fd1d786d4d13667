"""From a user's DataFrame, or from estimates alone, to an `EvidenceTable`; nothing corrected, nothing dropped.

``EvidenceTable.from_frame(frame, measure, study=…, events=…, total=…, …)`` takes column names of the frame under
friendly words (``events``, ``control_mean``, ``cor`` …) or metafor's (``ai``, ``m2i``, ``ri`` …), a number that
holds for every row (``cor=0.5``), and the options of the measure. Where zeros leave no estimate, ``yi`` and ``vi``
are NaN and the counts are kept, so that one-stage models can use the row; ``to="only0"`` asks for the correction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, OptionError, UnknownName
from ..options import a_number
from .escalc import TOO_SMALL, estimated, impossible, inputs_of
from .from_estimates import with_covariance
from .given_numbers import names_of, not_numbers
from .measures import MEASURES, Estimates, FloatArray, Measure
from .measures.cells import two_by_two_cells
from .names import canonical_names

if TYPE_CHECKING:
    import pandas as pd

    from .evidence_table import EvidenceTable

__all__ = ["frame_table"]


def frame_table(
    cls: type[EvidenceTable],
    frame: pd.DataFrame,
    measure: str,
    *,
    study: str | None = None,
    label: str | None = None,
    moderators: Sequence[str] | None = None,
    V: ArrayLike | None = None,
    cluster: str | None = None,
    unit: str | None = None,
    title: str = "",
    higher_is: str = "neutral",
    arms: tuple[str, str] | tuple[()] = (),
    **columns: Any,  # noqa: ANN401
) -> EvidenceTable:
    """Return the table of effect estimates made from the columns named.

    Parameters
    ----------
    cls
        `EvidenceTable`.
    frame
        One row an estimate.
    measure
        Code in `MEASURES`.
    study, label
        Columns with the study ids and the row labels; labels default to the studies, studies to 1 … k. Without a
        ``cluster`` or ``V``, a study may occur once.
    moderators
        Columns kept as moderators; default: every column that is not used otherwise.
    V
        Covariance matrix of dependent rows, (k, k), with the sampling variances on its diagonal.
    cluster
        Column that says which rows share patients; it becomes ``studies``.
    unit, title, higher_is, arms
        As in `EvidenceTable`.
    **columns
        The numbers and the measure's options (``vtype``, ``add``, ``to``, ``drop00``, ``correct``, ``flip``).
        ``to`` defaults to ``"none"``: a zero cell is corrected only when asked.

    Raises
    ------
    UnknownName
        The measure, a keyword or a column of the frame does not exist; the nearest name is given.
    OptionError
        The numbers given do not make the measure, or an option does not apply.
    InputError
        A number that cannot be data, with its row and column.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"trial": ["A", "B"], "r": [4, 6], "n": [123, 306], "rc": [11, 29], "nc": [139, 303]})
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> t = EvidenceTable.from_frame(frame, "RR", study="trial", events="r", total="n",
    ...                              control_events="rc", control_total="nc")
    >>> [round(float(y), 4) for y in t.yi]
    [-0.8893, -1.5854]
    """
    entry = MEASURES[measure]
    _check_frame(frame)
    options = {k: v for k, v in columns.items() if k in entry.options or k in entry.numbers}
    named = canonical_names(entry, {k: v for k, v in columns.items() if k not in options})
    if entry.code == "GEN":
        raise OptionError("measure 'GEN' is estimates as given · use EvidenceTable.from_estimates(yi, vi)")
    wanted = inputs_of(entry, named)
    data = {name: _numbers(frame, named[name], name) for name in wanted}
    studies, labels = _identity(frame, study, label, cluster, dependent=V is not None)
    _check_rows(entry, data, named, labels)
    if "to" in entry.options and "to" not in options:
        options["to"] = "none" if "add" not in options else "only0"
    entry.check_options(options)
    result = estimated(entry, data, options)
    _check_made(result, labels)
    taken = {str(c) for c in (study, label, cluster, *named.values()) if isinstance(c, str)}
    yi, vi, covariance = with_covariance(result.yi, result.vi, V)
    return cls(
        yi=yi, vi=vi, labels=labels, studies=studies, measure=measure, unit=unit,
        counts=_sufficient(entry, data), n=_patients(entry, data), V=covariance,
        moderators=_moderators(frame, moderators, taken), title=title, higher_is=higher_is,
        arms=arms, notes=_notes(entry, yi, labels, options),
    )


def _check_frame(frame: object) -> None:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"the frame is a {type(frame).__name__} · give a pandas DataFrame, one row an estimate")
    if len(frame) == 0:
        raise InputError("the frame has no rows · give one row an estimate")
    twice = sorted({str(c) for c in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise InputError(f"the frame has two columns called {', '.join(twice)} · rename one")


def _check_made(made: Estimates, labels: Sequence[str]) -> None:
    """Raise `InputError` for a variance below zero, or one without its estimate: numbers no study prints."""
    for i in np.flatnonzero(made.vi < 0):
        raise InputError(f"row {i} ({labels[int(i)]}): the sampling variance is negative · {TOO_SMALL}")
    for i in np.flatnonzero(np.isnan(made.yi) != np.isnan(made.vi)):
        raise InputError(
            f"row {i} ({labels[int(i)]}): these numbers give no finite estimate with a finite variance"
            " · look for a slip of the units, or leave the row out by hand"
        )


def _column(frame: pd.DataFrame, name: object) -> Any:  # noqa: ANN401
    if not isinstance(name, str) or name not in frame.columns:
        raise UnknownName("column", name, [str(c) for c in frame.columns])
    return frame[name]


def _numbers(frame: pd.DataFrame, source: object, role: str) -> FloatArray:
    """Return the column as floats; a plain number stands for every row."""
    if isinstance(source, int | float) and not isinstance(source, bool):
        return np.full(len(frame), a_number(role, source, error=InputError))
    if not isinstance(source, str):
        raise OptionError(f"{role}={source!r} · give the name of a column, or one number for all rows")
    import pandas as pd

    series = _column(frame, source)
    raw = np.asarray(series)
    wrong = not_numbers(raw)
    if wrong:
        raise InputError(f"column {source!r} holds {wrong} · give numbers")
    if raw.dtype.kind in "OUT":
        given = pd.Series([x if isinstance(x, str) else _float(x) for x in raw])
        raw = pd.to_numeric(given, errors="coerce").to_numpy()
    values = np.asarray(raw, dtype=np.float64)
    for i, value in enumerate(values):
        if not np.isfinite(value):
            raise InputError(
                f"row {i} column {source!r}: {series.iloc[i]!r} is not a finite number"
                " · give the number, or leave the row out by hand"
            )
    return np.asarray(values)


def _float(x: Any) -> float:  # noqa: ANN401
    try:
        return float(x)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _identity(
    frame: pd.DataFrame, study: str | None, label: str | None, cluster: str | None, *, dependent: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return study ids and unique row labels."""
    k = len(frame)
    names = tuple(map(str, range(1, k + 1))) if study is None else names_of(_column(frame, study), "study", k)
    studies = names_of(_column(frame, cluster), "cluster", k) if cluster is not None else names
    twice = sorted({x for x in names if names.count(x) > 1})
    if twice and not dependent and cluster is None:
        raise InputError(
            f"study {', '.join(twice)} has several rows, which share patients or an arm"
            " · give V, name a cluster column, or keep one row a study"
        )
    if label is not None:
        return studies, names_of(_column(frame, label), "label", k)
    seen: dict[str, int] = {}
    labels = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        labels.append(f"{name} ({seen[name]})" if name in twice else name)
    return studies, tuple(labels)


WHOLE = {
    "two-by-two": ("ai", "bi", "ci", "di", "n1i", "n2i"),
    "matched-pairs": ("ai", "bi", "ci", "di"),
    "person-time": ("x1i", "x2i"),
    "proportion": ("xi", "mi", "ni"),
    "rate": ("xi",),
}
"""Family → columns that count something."""


def _check_rows(
    measure: Measure, data: Mapping[str, FloatArray], named: Mapping[str, object], labels: Sequence[str]
) -> None:
    """Raise `InputError` naming the row and the column of the first impossible number."""
    rules = impossible(measure, data)
    counts = () if measure.code == "MPORM" else WHOLE.get(measure.family, ())
    rules += [(name, data[name] != np.round(data[name]), "not a whole number") for name in counts if name in data]
    rules += [
        (name, data[name] == 0, "a standard deviation must be above 0")
        for name in ("sdi", "sd1i", "sd2i") if name in data
    ]
    if counts:
        totals = ("n1i", "n2i", "ni")
        rules += [(name, data[name] == 0, "nobody was observed") for name in totals if name in data]
    for name, wrong, why in rules:
        for i in np.flatnonzero(wrong):
            raise InputError(f"row {i} ({labels[int(i)]}) column {named[name]!r}: {data[name][i]:g} · {why}")


def _sufficient(measure: Measure, data: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the numbers behind the estimates; two-by-two tables as cells and totals."""
    if measure.family == "two-by-two":
        ai, bi, ci, di = two_by_two_cells(data)
        return {"ai": ai, "bi": bi, "n1i": ai + bi, "ci": ci, "di": di, "n2i": ci + di}
    if measure.family == "proportion" and "ni" not in data:
        return {"xi": data["xi"], "ni": data["xi"] + data["mi"]}
    return dict(data)


def _patients(measure: Measure, data: Mapping[str, FloatArray]) -> FloatArray | None:
    """Return the number of patients behind each row, None where the data do not say."""
    if measure.family == "matched-pairs" and "ri" not in data:
        return np.asarray(data["ai"] + data["bi"] + data["ci"] + data["di"])
    counts = _sufficient(measure, data)
    if "n1i" in counts and "n2i" in counts:
        return np.asarray(counts["n1i"] + counts["n2i"])
    return counts.get("ni")


def _moderators(frame: pd.DataFrame, chosen: Sequence[str] | None, taken: set[str]) -> dict[str, Any]:
    if isinstance(chosen, str):
        chosen = [chosen]
    if chosen is not None and not isinstance(chosen, Sequence):
        raise OptionError(f"moderators={chosen!r} · give a list of column names")
    names = [str(c) for c in frame.columns if str(c) not in taken] if chosen is None else list(chosen)
    return {name: _column(frame, name).to_numpy() for name in names}


def _notes(measure: Measure, yi: FloatArray, labels: Sequence[str], options: Mapping[str, Any]) -> tuple[str, ...]:
    notes = []
    gone = [labels[int(i)] for i in np.flatnonzero(np.isnan(yi))]
    if gone:
        notes.append(
            f"No {measure.title} exists without a correction for {', '.join(gone)}; one-stage models use the counts."
        )
    if options.get("to", "none") != "none":
        amount = options.get("add", measure.numbers.get("add"))
        notes.append(f"{amount:g} was added to the counts by the rule {options['to']!r}, as asked.")
    return tuple(notes)
