"""``escalc``: effect estimates from columns of numbers, one public door to every measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, OptionError
from .given_numbers import floats
from .measures import MEASURES, Estimates, FloatArray, Measure

__all__ = ["escalc", "inputs_of"]


def inputs_of(measure: Measure, given: Mapping[str, object]) -> tuple[str, ...]:
    """Return the first set of input names of the measure that is wholly given.

    Raises
    ------
    OptionError
        None is, or something was given that the set does not use.
    """
    for names in (measure.needs, *measure.alternatives):
        if set(names) <= set(given):
            return names
    ways = " · or ".join(" ".join(names) for names in (measure.needs, *measure.alternatives))
    got = " ".join(given) or "nothing"
    raise OptionError(f"measure {measure.code} is made from {ways} · got {got}")


def escalc(measure: str, /, **columns: Any) -> Estimates:  # noqa: ANN401
    """Return effect estimates and sampling variances.

    Parameters
    ----------
    measure
        Code in `MEASURES` (``OR``, ``MD``, ``IRLN`` …).
    **columns
        The numbers, under the field's names (``ai n1i ci n2i``, ``m1i sd1i n1i m2i sd2i n2i``, ``xi ti`` …),
        arrays of one shape (…, k), studies last; and the options of the measure (``vtype``, ``add``, ``to``,
        ``drop00``, ``correct``, ``flip``).

    Returns
    -------
    Estimates
        ``yi`` and ``vi``, (…, k), read-only, on the analysis scale. NaN where the estimate does not exist
        (a missing number, a zero cell with ``to="none"``, a variance that is infinite).

    Notes
    -----
    The defaults are metafor's: ½ is added to tables with a zero cell (``add=0.5, to="only0"``). The door for
    pooling, `EvidenceTable.from_frame`, corrects nothing unless asked.

    Raises
    ------
    UnknownName
        No such measure.
    OptionError
        A column is missing, or an option or column does not apply to the measure.
    InputError
        Lengths differ; a count, total, person-time or SD is negative; events exceed the total; |r| > 1.

    Examples
    --------
    >>> r = escalc("OR", ai=[4, 6], n1i=[123, 306], ci=[11, 29], n2i=[139, 303])
    >>> [round(float(y), 4) for y in r.yi]
    [-0.9387, -1.6662]
    """
    entry = MEASURES[measure]
    options = {k: v for k, v in columns.items() if k in entry.options or k in entry.numbers}
    given = {k: v for k, v in columns.items() if k not in options}
    entry.check_options(options)
    names = inputs_of(entry, given)
    extra = sorted(set(given) - {name for way in (entry.needs, *entry.alternatives) for name in way})
    if extra:
        known = " ".join(dict.fromkeys((*names, *entry.options, *entry.numbers)))
        raise OptionError(f"measure {measure} does not use {', '.join(extra)} · it takes {known}")
    data = _aligned({name: given[name] for name in names})
    _check(entry, data)
    made = estimated(entry, data, options)
    for place in np.argwhere(made.vi < 0):
        where = ", ".join(map(str, place))
        raise InputError(f"row {where}: the sampling variance of {measure} is negative · {TOO_SMALL}")
    return made


TOO_SMALL = "the group is too small for its formula, leave the row out by hand"


def estimated(measure: Measure, data: Mapping[str, FloatArray], options: Mapping[str, Any]) -> Estimates:
    """Return the estimates; an overflow leaves none, like every other infinite variance."""
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        return measure.estimate(data, **options)


def _aligned(columns: Mapping[str, ArrayLike]) -> dict[str, FloatArray]:
    """Return the columns as float arrays of one common shape."""
    data: dict[str, FloatArray] = {}
    for name, values in columns.items():
        if values is None:
            raise InputError(f"{name} is None · give numbers, NaN where one is missing")
        data[name] = np.atleast_1d(floats(values, name, "give numbers, NaN where missing"))
    sizes = {name: column.shape[-1] for name, column in data.items() if column.size != 1}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InputError(f"columns differ in length: {listed} · give one number a study")
    try:
        shape = np.broadcast_shapes(*(column.shape for column in data.values()))
    except ValueError:
        listed = ", ".join(f"{name} {column.shape}" for name, column in data.items())
        raise InputError(f"columns do not broadcast: {listed}") from None
    return {name: np.broadcast_to(column, shape) for name, column in data.items()}


SPREADS = ("sdi", "sd1i", "sd2i", "vi")


def _check(measure: Measure, data: Mapping[str, FloatArray]) -> None:
    """Raise `InputError` at the first number that cannot be data; NaN (missing) passes."""
    for name, wrong, why in impossible(measure, data):
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            where = place[0] if len(place) == 1 else place
            value = data[name][place]
            raise InputError(f"{name}[{where}] = {value:g}: {why}")


def impossible(
    measure: Measure, data: Mapping[str, FloatArray]
) -> list[tuple[str, FloatArray, str]]:
    """Return (column, mask of impossible rows, why) for every rule that concerns these columns."""
    found: list[tuple[str, Any, str]] = [(name, np.isinf(column), "infinite") for name, column in data.items()]
    counts = {
        "two-by-two": ("ai", "bi", "ci", "di", "n1i", "n2i"),
        "matched-pairs": ("ai", "bi", "ci", "di"),
        "person-time": ("x1i", "x2i"),
        "proportion": ("xi", "mi", "ni"),
        "rate": ("xi",),
    }.get(measure.family, ())
    found += [(name, data[name] < 0, "a count cannot be negative") for name in counts if name in data]
    for events, total in (("ai", "n1i"), ("ci", "n2i"), ("xi", "ni")):
        if counts and events in data and total in data:
            found.append((events, data[events] > data[total], f"more events than {total}"))
    rules: list[tuple[tuple[str, ...], bool, str]] = [
        (SPREADS, False, "a standard deviation or variance cannot be negative")
    ]
    if measure.family in ("means", "change", "mean"):
        rules.append((("ni", "n1i", "n2i"), True, "a group size must be positive"))
    if measure.family in ("rate", "person-time"):
        rules.append((("ti", "t1i", "t2i"), True, "person-time must be positive"))
    for names, zero, why in rules:
        found += [(x, data[x] <= 0 if zero else data[x] < 0, why) for x in names if x in data]
    if "ri" in data:
        found.append(("ri", np.abs(data["ri"]) > 1, "a correlation lies between −1 and 1"))
    if "pi" in data:
        wrong = (data["pi"] == 0) | (np.abs(data["pi"]) > 1)
        found.append(("pi", wrong, "a signed p-value lies in [−1, 1] and is not 0"))
    return found
