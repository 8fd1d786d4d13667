"""The one gate: what the rows of an evidence table may hold, checked where the table is made and nowhere after.

Chapters to the right trust a table: its columns have k entries, an estimate is a finite number or missing together
with its variance, a variance is not negative, numbers can be squared and summed, counts are possible, labels are
unique. What they still ask is about their model (dependence, a variance it needs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..foundation.errors import DependentRows, InputError, OptionError
from ..foundation.options import a_text, shown
from .foreign_data import plain_column
from .given_numbers import entries_of, floats, printable
from .measures import FloatArray, Measure
from .measures.hazard import hazard_rules

__all__ = [
    "COUNTED",
    "MAX_MAGNITUDE",
    "SPREADS",
    "TOTALS",
    "arm_names",
    "check_alike",
    "check_counts",
    "check_estimates",
    "check_labels",
    "columns_of",
    "covariance_matrix",
    "first_impossible",
    "in_reach",
    "mapping",
    "moderators_of",
    "one_a_row",
    "patients",
    "per_row",
    "positions",
    "row_names",
    "sentences",
    "words",
]

MAX_MAGNITUDE = 1e100
"""Estimates and variances beyond this (or below its inverse) overflow when they are squared and summed."""

Impossible = tuple[str, NDArray[np.bool_], str]
"""A column, the mask of its impossible rows, and why they are."""


def check_alike(row_is: str, moderators: Mapping[str, Any]) -> None:
    """Raise `DependentRows` where the rows of a joint question are not all of one kind, so that they have no mean."""
    design = [np.asarray(moderators[name]) for name in ("treated", "selected", "contrast") if name in moderators]
    if row_is == "phase" and any(np.unique(column).size > 1 for column in design):
        raise DependentRows(
            "the rows are slopes on and off a treatment, which have no mean in common"
            " · join them with lam.synthesis.joint(table)"
        )


# ---- estimates and variances ------------------------------------------------------------------
def in_reach(yi: FloatArray, vi: FloatArray) -> bool:
    """Return True when every estimate is finite and every variance finite and above 0, all within `MAX_MAGNITUDE`."""
    if not 1 / MAX_MAGNITUDE < float(np.minimum.reduce(vi)) <= float(np.maximum.reduce(vi)) < MAX_MAGNITUDE:
        return False
    return -MAX_MAGNITUDE < float(np.minimum.reduce(yi)) <= float(np.maximum.reduce(yi)) < MAX_MAGNITUDE


def check_estimates(yi: FloatArray, vi: FloatArray, *, labels: Sequence[str] = (), counted: bool = False) -> bool:
    """Raise at the first estimate or variance that cannot be evidence; return `in_reach`.

    Parameters
    ----------
    yi, vi
        Estimates and variances, (k,).
    labels
        Row labels, to name the row by.
    counted
        The rows have counts, so an estimate may be missing (NaN) together with its variance.

    Raises
    ------
    InputError
        The first such row: an infinite or missing estimate, a negative or missing variance, a number beyond
        `MAX_MAGNITUDE`.
    """
    if vi.size == 0:
        return False
    if in_reach(yi, vi):
        return True
    gone = np.isnan(yi) & np.isnan(vi) & counted
    for i in np.flatnonzero(~np.isfinite(yi) & ~gone):
        raise InputError(f"{_at('yi', yi, i, labels)} is not a finite number · leave the row out if it is missing")
    for i in np.flatnonzero((np.isnan(vi) | (vi < 0)) & ~gone):
        raise InputError(f"{_at('vi', vi, i, labels)} is not a variance · give a number ≥ 0, or inf for no information")
    far = np.isfinite(vi) & ((vi >= MAX_MAGNITUDE) | ((vi <= 1 / MAX_MAGNITUDE) & (vi > 0)))
    for column, values, beyond in (("yi", yi, np.abs(yi) >= MAX_MAGNITUDE), ("vi", vi, far)):
        for i in np.flatnonzero(beyond):
            raise InputError(
                f"{_at(column, values, i, labels)} is beyond {MAX_MAGNITUDE:g}, or below its inverse · use another unit"
            )
    return False


def _at(name: str, values: FloatArray, i: SupportsIndex, labels: Sequence[str]) -> str:
    """Return ``vi[1] (B) = -1``."""
    row = f" ({labels[int(i)]})" if labels else ""
    return f"{name}[{i}]{row} = {values[i]:g}"


def covariance_matrix(V: ArrayLike, k: int) -> FloatArray:
    """Return V as a read-only (k, k) matrix: symmetric, finite, positive semidefinite.

    Raises
    ------
    InputError
        It is not.
    """
    matrix = floats(V, "V", f"give a ({k}, {k}) matrix")
    if matrix.shape != (k, k):
        raise InputError(f"V has shape {matrix.shape} · give a ({k}, {k}) matrix")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0):
        raise InputError("V is not a symmetric matrix of finite numbers · give variances and covariances of the rows")
    _check_semidefinite(matrix)
    matrix.flags.writeable = False
    return matrix


def _check_semidefinite(matrix: FloatArray) -> None:
    diagonal = np.diag(matrix)
    if not (diagonal < 0).any():
        try:  # a Cholesky factor is the cheap proof; only matrices on the boundary need their eigenvalues
            np.linalg.cholesky(matrix)
            return
        except np.linalg.LinAlgError:
            pass
    lowest = float(np.linalg.eigvalsh(matrix)[0]) if matrix.size else 0.0
    if (diagonal < 0).any() or lowest < -1e-8 * float(np.abs(diagonal).max(initial=0.0)):
        raise InputError(
            f"V is not positive semidefinite (smallest eigenvalue {lowest:.3g}), so it is no covariance matrix"
            " · correct it, or build one with lam.effects.correlated_covariance"
        )


# ---- counts -----------------------------------------------------------------------------------
SPREADS = ("sdi", "sd1i", "sd2i", "vi")
COUNTED: dict[str, tuple[str, ...]] = {
    "two-by-two": ("ai", "bi", "ci", "di", "n1i", "n2i"),
    "matched-pairs": ("ai", "bi", "ci", "di"),
    "person-time": ("x1i", "x2i"),
    "proportion": ("xi", "mi", "ni"),
    "rate": ("xi",),
    "hazard": ("patients", "total", "events"),
}
"""Family → columns that count something."""
TOTALS = ("n1i", "n2i", "ni")
NOT_WHOLE = (
    "not a whole number; where counts were divided by a design effect, escalc takes them and"
    " EvidenceTable.from_estimates holds its yi and vi"
)


def first_impossible(measure: Measure, data: Mapping[str, FloatArray], *, studies: bool = False) -> Impossible | None:
    """Return the first rule that these columns break, or None; NaN (missing) breaks none.

    Parameters
    ----------
    measure
        Says what the columns are.
    data
        Columns under metafor's names, all of one shape.
    studies
        The rows are those of studies, as printed: counts are whole, someone was observed, a standard deviation is
        above 0. Without it the numbers may be expected values.
    """
    for name, wrong, why in _rules(measure, data, studies=studies):
        if wrong.any():
            return name, wrong, why
    return None


def _rules(measure: Measure, data: Mapping[str, FloatArray], *, studies: bool) -> list[Impossible]:
    found: list[Impossible] = [(name, np.isinf(column), "infinite") for name, column in data.items()]
    counts = COUNTED.get(measure.family, ())
    found += [(name, data[name] < 0, "a count cannot be negative") for name in counts if name in data]
    for events, total in (("ai", "n1i"), ("ci", "n2i"), ("xi", "ni"), ("patients", "total")):
        if counts and events in data and total in data:
            found.append((events, data[events] > data[total], f"more events than {total}"))
    rules: list[tuple[tuple[str, ...], bool, str]] = [
        (SPREADS, False, "a standard deviation or variance cannot be negative")
    ]
    if measure.family in ("means", "change", "mean"):
        rules.append((("ni", "n1i", "n2i"), True, "a group size must be positive"))
    if measure.family in ("rate", "person-time"):
        rules.append((("ti", "t1i", "t2i"), True, "person-time must be positive"))
    if measure.family == "hazard":
        rules.append((("time", "person_time"), True, "time must be positive"))
        rules.append((("frailty",), False, "a variance cannot be negative"))
    for names, zero, why in rules:
        found += [(x, data[x] <= 0 if zero else data[x] < 0, why) for x in names if x in data]
    if "ri" in data:
        found.append(("ri", np.abs(data["ri"]) > 1, "a correlation lies between −1 and 1"))
    if "pi" in data:
        wrong = (data["pi"] == 0) | (np.abs(data["pi"]) > 1)
        found.append(("pi", wrong, "a signed p-value lies in [−1, 1] and is not 0"))
    return found + (_rules_of_studies(measure, data, counts) if studies else [])


def _rules_of_studies(measure: Measure, data: Mapping[str, FloatArray], counts: Sequence[str]) -> list[Impossible]:
    """Return the rules that hold for printed numbers of studies only."""
    found: list[Impossible] = hazard_rules(data) if measure.family == "hazard" else []
    if measure.code != "MPORM":  # its columns are margins and a correlation, which need not be whole
        found += [
            (name, (data[name] != np.round(data[name])) & np.isfinite(data[name]), NOT_WHOLE)
            for name in counts
            if name in data
        ]
    spreads = (name for name in ("sdi", "sd1i", "sd2i") if name in data)
    found += [(name, data[name] == 0, "a standard deviation must be above 0") for name in spreads]
    if counts:
        found += [(name, data[name] == 0, "nobody was observed") for name in TOTALS if name in data]
    return found


def _whole_tables(counts: Mapping[str, FloatArray]) -> bool:
    """Return True when all six columns are there, none is below 0, and the cells add up: nothing can be wrong then."""
    try:
        a, b, n1, c, d, n2 = (counts[name] for name in ("ai", "bi", "n1i", "ci", "di", "n2i"))
    except KeyError:
        return False
    lowest = np.minimum(np.minimum(a, b), np.minimum(c, d))
    added = (a + b == n1) & (c + d == n2) & (lowest >= 0) & (n1 + n2 < np.inf)
    return bool(added.all())


def check_counts(measure: Measure, counts: Mapping[str, FloatArray], labels: Sequence[str]) -> None:
    """Raise `InputError` at the first count of a table that is not possible."""
    if measure.family == "two-by-two" and _whole_tables(counts):
        return
    # a hazard's row is of one kind or the other wherever it was made: which one its empty columns say
    broken = first_impossible(measure, counts, studies=measure.family == "hazard")
    if broken is None:
        for events, rest, total in (("ai", "bi", "n1i"), ("ci", "di", "n2i")):
            if {events, rest, total} <= set(counts):
                apart = np.abs(counts[events] + counts[rest] - counts[total]) > 1e-8 * (1 + np.abs(counts[total]))
                if apart.any():
                    broken = (total, apart, f"not {events} + {rest}")
    if broken is not None:
        name, wrong, why = broken
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(f"counts, row {i} ({labels[i]}): {name} = {counts[name][i]:g} · {why}")


def patients(n: Any, k: int) -> FloatArray:  # noqa: ANN401
    """Return the patients behind each row, (k,), NaN where not reported.

    Raises
    ------
    InputError
        Not one number a row, or one that is not positive.
    """
    if n is None:
        unknown = np.full(k, np.nan)
        unknown.flags.writeable = False
        return unknown
    sizes = one_a_row("n", n, k)
    for i in np.flatnonzero((sizes <= 0) | np.isinf(sizes)):
        raise InputError(f"n[{i}] = {sizes[i]:g} is not positive · give a number of patients, NaN where not reported")
    return sizes


# ---- fields -----------------------------------------------------------------------------------
def check_labels(labels: Sequence[str]) -> None:
    """Raise `InputError` when a label is given twice."""
    if len(set(labels)) < len(labels):
        twice = sorted(label for label, times in Counter(labels).items() if times > 1)
        raise InputError(f"row labels must be unique, given twice: {', '.join(twice)} · give labels=, one a row")


def one_a_row(name: str, values: Any, k: int | None = None) -> FloatArray:  # noqa: ANN401
    """Return a read-only float vector, of length k when k is known; NaN may stand for what is not known."""
    array = floats(values, name, "give one number a row")  # a copy of what was given
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape} · give one number a row")
    if k is not None and array.shape[0] != k:
        raise InputError(f"{name} has {array.shape[0]} entries, yi has {k} · give one a row")
    array.flags.writeable = False
    return array


def mapping(name: str, given: Any) -> Mapping[Any, Any]:  # noqa: ANN401
    """Return a mapping, or raise `OptionError`."""
    if not isinstance(given, Mapping):
        raise OptionError(f"{name}={shown(given)} · give a mapping from names to what they hold")
    return given


def columns_of(name: str, given: Any, k: int) -> dict[str, FloatArray]:  # noqa: ANN401
    """Return named columns of numbers, one a row."""
    columns = {str(n): one_a_row(f"{name} {n!r}", column, k) for n, column in mapping(name, given).items()}
    printable(f"names of {name}", columns)
    return columns


def moderators_of(given: Any, k: int) -> dict[str, Any]:  # noqa: ANN401
    """Return named columns of anything, one entry a row."""
    columns = {}
    for name, values in mapping("moderators", given).items():
        column = plain_column(values)
        if column.shape != (k,):
            raise InputError(f"moderator {name!r} has shape {column.shape}, yi has {k} rows · give one value a row")
        if column.dtype.kind in "OU":
            printable(f"moderator {name!r}", column.tolist())
        columns[str(name)] = column
    printable("names of moderators", columns)
    return columns


def row_names(name: str, values: Any, k: int) -> tuple[str, ...]:  # noqa: ANN401
    """Return k texts, one a row."""
    if not (type(values) is tuple and len(values) == k and all(type(x) is str for x in values)):
        values = tuple(str(x) for x in entries_of(values, name, k))
    printable(name, values)
    return values  # type: ignore[no-any-return]


def per_row(name: str, values: Any, k: int) -> tuple[Any, ...]:  # noqa: ANN401
    """Return a tuple with one entry a row, or an empty one where nothing is known."""
    if not isinstance(values, tuple | list) or len(values) not in (0, k):
        raise InputError(f"{name}={shown(values)} · give one entry for each of the {k} rows, or none")
    printable(name, values)
    return tuple(values)


def sentences(name: str, values: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return a tuple of texts."""
    if not isinstance(values, tuple | list) or not all(isinstance(x, str) for x in values):
        raise OptionError(f"{name}={shown(values)} · give a list of sentences")
    printable(name, values)
    return tuple(values)


def words(name: str, given: Any, *, optional: bool = False) -> str | None:  # noqa: ANN401
    """Return text, or None where it may be left out."""
    return None if optional and given is None else a_text(name, given)


def arm_names(arms: Any) -> tuple[str, str] | tuple[()]:  # noqa: ANN401
    """Return the names of the treated and of the control arm, or nothing."""
    names = tuple(arms) if isinstance(arms, tuple | list) else (arms,)
    if not names:
        return ()
    if len(names) != 2 or not all(isinstance(a, str) and a.strip() for a in names):
        raise InputError(f"arms={arms!r} is not a pair of names · give arms=('sirolimus', 'placebo')")
    printable("arms", names)
    return names[0].strip(), names[1].strip()


def positions(keep: Any, k: int) -> NDArray[np.intp]:  # noqa: ANN401
    """Return positions of rows from a slice, a list of positions or a mask of k truth values.

    Raises
    ------
    InputError
        None of these.
    """
    if isinstance(keep, slice):
        try:
            return np.arange(k, dtype=np.intp)[keep]
        except (TypeError, ValueError):
            raise InputError(f"{shown(keep)} is no slice of rows · give whole numbers, such as table[0:3]") from None
    try:
        given = np.asarray(keep)
    except ValueError:
        given = np.asarray(None)
    if given.size == 0 and given.ndim == 1:
        return np.zeros(0, dtype=np.intp)
    if given.dtype == bool and given.shape == (k,):
        return np.flatnonzero(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or not bool(((given >= -k) & (given < k)).all()):
        raise InputError(f"keep={shown(keep)} · give positions between 0 and {k - 1}, or a mask of {k} truth values")
    return given.astype(np.intp)
