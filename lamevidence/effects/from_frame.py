"""From a user's DataFrame to the fields of a table: nothing corrected, nothing dropped.

Columns go by friendly words (``events``, ``control_mean``, ``cor`` …) or metafor's (``ai``, ``m2i``, ``ri`` …); a
number stands for every row (``cor=0.5``). Where zeros leave no estimate, ``yi`` and ``vi`` are NaN and the counts are
kept, so that one-stage models can use the row; ``to="only0"`` asks for the correction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import InputError, OptionError, UnknownName
from ..foundation.lineage import Lineage, Step
from ..foundation.options import a_number, shown
from .column_aliases import canonical_names, inputs_of
from .escalc import estimates_of, negative_variance
from .foreign_data import aligned, is_categorical, pandas_frame, plain_column
from .from_estimates import numbered_rows
from .given_numbers import names_of, not_numbers
from .measures import MEASURES, Estimates, FloatArray, Measure
from .measures.cells import two_by_two_cells
from .measures.hazard import hazard_columns, hazard_notes
from .missing_sd import IMPUTED, MEASURES_WITH, STANDARDISED, imputed_sd, imputed_standard
from .rows import SPREADS, covariance_matrix, first_impossible

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["estimates_as_given", "frame_fields"]


def frame_fields(
    frame: pd.DataFrame,
    measure: str,
    columns: Mapping[str, object],
    options: Mapping[str, Any],
    *,
    study: str | None,
    label: str | None,
    cluster: str | None,
    moderators: Sequence[str] | None,
    V: ArrayLike | None,
    impute_sd: bool = False,
) -> dict[str, Any]:
    """Return the fields of the table of effect estimates made from these columns of the frame.

    Parameters
    ----------
    frame, measure, study, label, cluster, moderators, V, impute_sd
        As in `EvidenceTable.from_frame`.
    columns
        Word → name of a column, or a number for all rows.
    options
        The measure's options.
    """
    entry = MEASURES[measure]
    frame = pandas_frame(frame)
    _check_frame(frame)
    named = canonical_names(entry, columns)
    if impute_sd and measure not in MEASURES_WITH:
        raise OptionError(
            f"impute_sd=True is for {', '.join(MEASURES_WITH)}, not for {entry.title}"
            " · leave the rows without an SD out by hand"
        )
    data = {
        name: _numbers(frame, named[name], name, gaps=entry.family == "hazard" or (impute_sd and name in SPREADS))
        for name in inputs_of(entry, named)
    }
    studies, labels = _identity(frame, study, label, cluster, dependent=V is not None)
    steps = _impute(data, named, labels) if impute_sd and measure not in STANDARDISED else {}
    standard = imputed_standard(measure, data, labels) if impute_sd and _divides(measure, data) else None
    given = data
    if standard:
        data = data | {"sd1i": standard.sd1i, "sd2i": standard.sd2i}
        steps = {int(i): (step,) for i, step in zip(standard.rows, standard.steps, strict=True)}
    _check_rows(entry, data, named, labels)
    entry.check_options(options)
    made = estimates_of(entry, given, options)
    if standard:
        made = standard.put_into(made, data, options)
    _check_made(entry, made, labels)
    if V is not None:
        aligned(frame=frame, V=V)
    covariance = None if V is None else covariance_matrix(V, len(frame))
    taken = {c for c in (study, label, cluster, *named.values()) if isinstance(c, str)}
    return {
        "yi": made.yi,
        "vi": made.vi if covariance is None else np.where(np.isnan(made.yi), np.nan, np.diag(covariance)),
        "labels": labels,
        "studies": studies,
        "measure": measure,
        "counts": _sufficient(entry, data),
        "n": _patients(entry, data),
        "V": covariance,
        "moderators": _moderators(frame, moderators, taken) | _imputed_column(frame, steps),
        "notes": (
            *_notes(entry, data, made.yi, labels, options),
            *_imputed_note(labels, steps, scale=standard is not None),
        ),
        "lineage": tuple(Lineage(name, steps=steps.get(i, ())) for i, name in enumerate(studies)) if steps else (),
    }


BOUNDS = {"ci_low": "ci_high", "conf_low": "conf_high", "low": "high", "lower": "upper"}
"""What the bounds of an interval are called elsewhere."""


def estimates_as_given(measure: str, columns: Mapping[str, object]) -> str:
    """Return the message that sends estimates to `from_estimates`, written for the columns that were named."""
    where = {name: f"frame[{column!r}]" for name, column in columns.items() if isinstance(column, str)}
    yi = next((where[name] for name in ("yi", "estimate") if name in where), "yi")
    pair = next(((where[low], where[high]) for low, high in BOUNDS.items() if {low, high} <= set(where)), None)
    error = next((where[name] for name in ("sei", "se", "std_error") if name in where), None)
    spread = f"ci=({pair[0]}, {pair[1]})" if pair else f"sei={error}" if error else f"vi={where.get('vi', 'vi')}"
    if measure == "GEN":
        return f"measure 'GEN' is estimates as given · use EvidenceTable.from_estimates({yi}, {spread})"
    named = f'{spread}, measure="{measure}"'
    start = f"measure {measure!r} is estimates as given, on the log scale"
    return f"{start} · use EvidenceTable.from_estimates({yi}, {named})"


def _check_frame(frame: object) -> None:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"the frame is a {type(frame).__name__} · give a pandas DataFrame, one row an estimate")
    if len(frame) == 0:
        raise InputError("the frame has no rows · give one row an estimate")
    twice = sorted({str(c) for c in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise InputError(f"the frame has two columns called {', '.join(twice)} · rename one")


def _check_made(measure: Measure, made: Estimates, labels: Sequence[str]) -> None:
    """Raise `InputError` for a variance below zero, or one without its estimate: numbers no study prints."""
    for i in np.flatnonzero(made.vi < 0):
        raise negative_variance(f"row {i} ({labels[int(i)]})", measure)
    for i in np.flatnonzero(np.isnan(made.yi) != np.isnan(made.vi)):
        raise InputError(
            f"row {i} ({labels[int(i)]}): these numbers give no finite estimate with a finite variance"
            " · look for a slip of the units, or leave the row out by hand"
        )


def _column(frame: pd.DataFrame, name: object) -> Any:  # noqa: ANN401
    if not isinstance(name, str) or name not in frame.columns:
        raise UnknownName("column", name if isinstance(name, str) else shown(name), [str(c) for c in frame.columns])
    return frame[name]


def _impute(
    data: dict[str, FloatArray], named: Mapping[str, object], labels: Sequence[str]
) -> dict[int, tuple[Step, ...]]:
    """Fill the gaps in the columns of SDs; return the steps of each row that had one."""
    steps: dict[int, tuple[Step, ...]] = {}
    for name, n in (("sd1i", "n1i"), ("sd2i", "n2i"), ("sdi", "ni")):
        if name in data and np.isnan(data[name]).any():
            found = imputed_sd(data[name], data[n], str(named[name]), labels)
            data[name] = found.sd
            for i in np.flatnonzero(found.missing).tolist():
                steps[i] = (*steps.get(i, ()), found.step)
    return steps


def _divides(measure: str, data: Mapping[str, FloatArray]) -> bool:
    """Whether these columns are means that are divided by SDs, rather than Cohen's d or a test of them."""
    return measure in STANDARDISED and {"m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"} <= set(data)


def _imputed_column(frame: pd.DataFrame, steps: Mapping[int, object]) -> dict[str, Any]:
    """Return the column that marks rows with an imputed SD; nothing where there is none."""
    if not steps:
        return {}
    if "sd_imputed" in frame.columns:
        raise InputError("the frame has a column 'sd_imputed', which is what marks imputed rows · rename it")
    return {"sd_imputed": np.isin(np.arange(len(frame)), list(steps))}


def _imputed_note(labels: Sequence[str], steps: Mapping[int, tuple[Step, ...]], *, scale: bool) -> tuple[str, ...]:
    """Return the sentence about the rows with an imputed SD; nothing where there is none."""
    if not steps:
        return ()
    rows = ", ".join(labels[i] for i in sorted(steps))
    return (
        f"Standard deviations of {rows} are not printed: they {IMPUTED}, as asked,"
        " with a variance that carries how much those differ (Smyth 2004)"
        + ("; this takes the outcome to be measured on the same scale in all studies." if scale else "."),
    )


def _numbers(frame: pd.DataFrame, source: object, role: str, *, gaps: bool = False) -> FloatArray:
    """Return the column as floats; a plain number stands for every row; with ``gaps`` some may be missing (NaN)."""
    if isinstance(source, int | float) and not isinstance(source, bool):
        return np.full(len(frame), a_number(role, source, error=InputError))
    if not isinstance(source, str):
        raise OptionError(f"{role}={shown(source)} · give the name of a column, or one number for all rows")
    import pandas as pd

    series = _column(frame, source)
    # categories that are numbers hold them as they are; texts that look like numbers are labels
    if is_categorical(series) and series.cat.categories.dtype.kind not in "iuf":
        raise InputError(f"column {source!r} holds categories, which are labels · give numbers: .astype(float)")
    raw = np.asarray(series)
    wrong = not_numbers(raw)
    if wrong:
        raise InputError(f"column {source!r} holds {wrong} · give numbers")
    if raw.dtype.kind in "OUT":
        given = pd.Series([x if isinstance(x, str) else _float(x) for x in raw])
        raw = pd.to_numeric(given, errors="coerce").to_numpy()
    values = np.asarray(raw, dtype=np.float64)
    if gaps:
        given = np.isnan(values) & ~series.isna().to_numpy()
        if given.any():
            first = int(np.flatnonzero(given)[0])
            raise InputError(
                f"row {first} column {source!r}: {series.iloc[first]!r} is not a number · leave the cell empty"
            )
    for i in np.flatnonzero(np.isinf(values) if gaps else ~np.isfinite(values)):
        raise InputError(
            f"row {i} column {source!r}: {series.iloc[i]!r} is not a finite number"
            " · give the number, or leave the row out by hand"
        )
    return values


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
    same = cluster is None or (isinstance(cluster, str) and cluster == study)
    studies = names if same else names_of(_column(frame, cluster), "cluster", k)
    if not dependent and cluster is None and len(set(names)) < k:
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        raise InputError(
            f"study {', '.join(twice)} has several rows, which share patients or an arm"
            f" · give V, name a cluster column (cluster={study!r}), or keep one row a study"
        )
    if label is not None:
        return studies, names_of(_column(frame, label), "label", k)
    return studies, numbered_rows(names)


def _check_rows(
    measure: Measure, data: Mapping[str, FloatArray], named: Mapping[str, object], labels: Sequence[str]
) -> None:
    """Raise `InputError` naming the row and the column of the first impossible number."""
    broken = first_impossible(measure, data, studies=True)
    if broken is not None:
        name, wrong, why = broken
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(f"row {i} ({labels[i]}) column {named[name]!r}: {data[name][i]:g} · {why}")


def _sufficient(measure: Measure, data: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the numbers behind the estimates; two-by-two tables as cells and totals."""
    if measure.family == "two-by-two":
        ai, bi, ci, di = two_by_two_cells(data)
        return {"ai": ai, "bi": bi, "n1i": ai + bi, "ci": ci, "di": di, "n2i": ci + di}
    if measure.family == "proportion" and "ni" not in data:
        return {"xi": data["xi"], "ni": data["xi"] + data["mi"]}
    return hazard_columns(data) if measure.family == "hazard" else dict(data)


def _patients(measure: Measure, data: Mapping[str, FloatArray]) -> FloatArray | None:
    """Return the number of patients behind each row, None where the data do not say."""
    if measure.family == "matched-pairs" and "ri" not in data:
        return np.asarray(data["ai"] + data["bi"] + data["ci"] + data["di"])
    counts = _sufficient(measure, data)
    if "n1i" in counts and "n2i" in counts:
        return np.asarray(counts["n1i"] + counts["n2i"])
    return counts.get("total" if measure.family == "hazard" else "ni")


def _moderators(frame: pd.DataFrame, chosen: Sequence[str] | None, taken: set[str]) -> dict[str, Any]:
    if isinstance(chosen, str):
        chosen = [chosen]
    if chosen is not None and not isinstance(chosen, Sequence):
        raise OptionError(f"moderators={shown(chosen)} · give a list of column names")
    names = [str(c) for c in frame.columns if str(c) not in taken] if chosen is None else list(chosen)
    return {name: plain_column(_column(frame, name)) for name in names}


def _notes(
    measure: Measure,
    data: Mapping[str, FloatArray],
    yi: FloatArray,
    labels: Sequence[str],
    options: Mapping[str, Any],
) -> tuple[str, ...]:
    notes = [*hazard_notes(data)] if measure.family == "hazard" else []
    gone = [labels[int(i)] for i in np.flatnonzero(np.isnan(yi))]
    if gone:
        notes.append(
            f"No {measure.title} exists without a correction for {', '.join(gone)}; one-stage models use the counts."
        )
    rule = options.get("to", "only0" if "add" in options else "none")
    if rule != "none":
        amount = options.get("add", measure.numbers.get("add"))
        notes.append(f"{amount:g} was added to the counts by the rule {rule!r}, as asked.")
    return tuple(notes)
