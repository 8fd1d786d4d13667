"""``escalc``: effect estimates from columns of numbers, one public door to every measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import InputError, OptionError, UnknownName
from .column_aliases import canonical_names, inputs_of, split_words, words_of
from .foreign_data import aligned
from .given_numbers import floats
from .measures import MEASURES, Estimates, FloatArray, Measure
from .measures.measure_words import measure_code
from .rows import first_impossible

__all__ = ["escalc", "estimates_of", "negative_variance"]


def escalc(
    measure: str,
    *positional: object,
    ai: ArrayLike | None = None,
    bi: ArrayLike | None = None,
    ci: ArrayLike | None = None,
    di: ArrayLike | None = None,
    n1i: ArrayLike | None = None,
    n2i: ArrayLike | None = None,
    x1i: ArrayLike | None = None,
    t1i: ArrayLike | None = None,
    x2i: ArrayLike | None = None,
    t2i: ArrayLike | None = None,
    xi: ArrayLike | None = None,
    ni: ArrayLike | None = None,
    mi: ArrayLike | None = None,
    ti: ArrayLike | None = None,
    m1i: ArrayLike | None = None,
    sd1i: ArrayLike | None = None,
    m2i: ArrayLike | None = None,
    sd2i: ArrayLike | None = None,
    sdi: ArrayLike | None = None,
    pi: ArrayLike | None = None,
    ri: ArrayLike | None = None,
    r2i: ArrayLike | None = None,
    oei: ArrayLike | None = None,
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    vtype: str | None = None,
    add: float | None = None,
    to: str | None = None,
    drop00: bool | None = None,
    correct: bool | None = None,
    flip: bool | None = None,
    **friendly: ArrayLike | None,
) -> Estimates:
    """Return effect estimates and sampling variances.

    Parameters
    ----------
    measure
        Code in `MEASURES` (``OR``, ``MD``, ``IRLN`` …), or its name (``odds ratio``).
    ai, bi, ci, di, n1i, n2i
        Two groups, counts, (…, k): with and without the event in group 1 (``ai bi``) and 2 (``ci di``), group sizes.
        In matched pairs the four cells. ``ai`` is also Cronbach's alpha, ``di`` a standardised mean difference.
    x1i, t1i, x2i, t2i
        Two groups: events and person-time, (…, k).
    xi, ni, mi, ti
        One group: events or people with the event, group size, people without it (or the mean, or the number of
        predictors or items), person-time (or a t statistic), (…, k).
    m1i, sd1i, m2i, sd2i, sdi
        Means and standard deviations in the unit of the outcome, (…, k).
    pi, ri, r2i
        Signed p-value, correlation, R², (…, k).
    oei, yi, vi
        Observed minus expected events and the variance of that (``oei vi``); estimates as they are (``yi vi``).
    vtype
        Which variance formula: ``LS``, ``UB``, ``AV`` …, where the measure has several.
    add, to, drop00
        The zero-cell rule: how much is added (default ½ where anything is), to which tables (``none``, the default;
        ``only0`` those with a zero, the default once ``add`` is given; ``all``; ``if0all``), and whether tables
        without any event are dropped.
    correct
        Whether the small-sample bias of a standardised mean difference is removed.
    flip
        Whether groups 1 and 2 change places.
    positional
        Refused: columns go by name.
    friendly
        The same columns under the words of `EvidenceTable.from_frame` (``events``, ``control_total``, ``cor`` …).

    Returns
    -------
    Estimates
        ``yi`` and ``vi``, (…, k), read-only, on the analysis scale. NaN where the estimate does not exist: a missing
        number, counts that leave no estimate or one whose variance is 0 or infinite.

    Notes
    -----
    Nothing is corrected unless asked, as through every other door of the package; metafor's `escalc` adds ½ to
    tables with a zero cell, here ``to="only0"``.

    Raises
    ------
    UnknownName
        No such measure, no such column.
    OptionError
        A column is missing, or an option or column does not apply to the measure.
    InputError
        Lengths differ; a count, total, person-time or SD is negative; events exceed the total; |r| > 1.

    See Also
    --------
    EvidenceTable.from_frame : the same from a DataFrame, with study names, ready to be pooled.

    References
    ----------
    Viechtbauer 2010, doi:10.18637/jss.v036.i03, for the names of columns and options; each measure has its own in
    ``MEASURES[code].reference``.

    Examples
    --------
    >>> r = escalc("OR", ai=[4, 6], n1i=[123, 306], ci=[11, 29], n2i=[139, 303])
    >>> [round(float(y), 4) for y in r.yi]
    [-0.9387, -1.6662]
    """
    call = dict(locals())  # the columns and options by name, so that they need not be listed a third time
    measure = measure_code(measure)
    entry = MEASURES[measure]
    if positional:
        raise OptionError(
            f"escalc takes its columns by name · write escalc({measure!r},"
            f" {', '.join(f'{name}=…' for name in entry.needs)})"
        )
    columns, options = split_words(call | friendly)
    strange = [word for word in friendly if word not in columns and friendly[word] is not None]
    if strange:
        raise UnknownName(f"argument for measure {entry.code}", strange[0], words_of(entry))
    entry.check_options(options)
    given = canonical_names(entry, columns)
    data = _aligned({name: given[name] for name in inputs_of(entry, given)})
    _check(entry, data)
    made = estimates_of(entry, data, options)
    for place in np.argwhere(made.vi < 0):
        raise negative_variance(f"row {', '.join(map(str, place))}", entry)
    return made


def negative_variance(row: str, measure: Measure) -> InputError:
    """Return the error for a row whose formula gives a variance below 0."""
    return InputError(
        f"{row}: the sampling variance of {measure.code} is negative · the group is too small for its formula,"
        " leave the row out by hand"
    )


def estimates_of(measure: Measure, data: Mapping[str, FloatArray], options: Mapping[str, Any]) -> Estimates:
    """Return the estimates as every door gives them: `escalc`, `EvidenceTable.from_frame`, registry and network.

    An overflow leaves no estimate, like every other infinite variance. Of counts nothing is corrected unless the
    options ask for it; where they leave no estimate, or one with a variance of 0, both numbers are NaN. A variance of
    0 says that everybody in a group had the same result, not that the estimate is exact: its weight would be infinite.
    So it is with a correlation of 1 and an R² of 0, whose formulas give a variance of 0.

    Parameters
    ----------
    measure
        An entry of `MEASURES`.
    data
        Its columns under metafor's names, of one shape (…, k).
    options
        Its options; ``to`` is ``only0`` where ``add`` is given alone, ``none`` where neither is.
    """
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        made = measure.estimate(data, **options)
    if "to" in measure.options:
        gone = ~(np.isfinite(made.yi) & np.isfinite(made.vi) & (made.vi != 0))
    else:
        gone = np.isfinite(made.yi) & (made.vi == 0)
    if not gone.any():
        return made
    yi, vi = np.where(gone, np.nan, made.yi), np.where(gone, np.nan, made.vi)
    yi.flags.writeable = vi.flags.writeable = False
    return Estimates(yi, vi)


def _aligned(columns: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Return the columns as float arrays of one common shape."""
    aligned(**columns)
    data = {
        name: np.atleast_1d(floats(values, name, "give numbers, NaN where missing")) for name, values in columns.items()
    }
    sizes = {name: column.shape[-1] for name, column in data.items() if column.size != 1}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InputError(f"columns differ in length: {listed} · give one number a study")
    try:
        shape = np.broadcast_shapes(*(column.shape for column in data.values()))
    except ValueError:
        listed = ", ".join(f"{name} {column.shape}" for name, column in data.items())
        raise InputError(f"columns do not broadcast: {listed} · give one number a study") from None
    return {name: np.broadcast_to(column, shape) for name, column in data.items()}


def _check(measure: Measure, data: Mapping[str, FloatArray]) -> None:
    """Raise `InputError` at the first number that cannot be data; NaN (missing) passes."""
    broken = first_impossible(measure, data)
    if broken is not None:
        name, wrong, why = broken
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = place[0] if len(place) == 1 else place
        raise InputError(f"{name}[{where}] = {data[name][place]:g}: {why} · correct it, or leave the row out by hand")
