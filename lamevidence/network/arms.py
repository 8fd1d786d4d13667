"""From arms to comparisons: every pair of arms of a study, by the registered measures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..effects.escalc import escalc
from ..effects.given_numbers import floats
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_choice, a_number, our_words, shown
from .contrasts import NetworkTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["network_table"]

_TWO_BY_TWO = {"events": ("ai", "ci"), "total": ("n1i", "n2i")}
ARMS: dict[str, dict[str, tuple[str, str]]] = {
    "OR": _TWO_BY_TWO,
    "RR": _TWO_BY_TWO,
    "RD": _TWO_BY_TWO,
    "IRR": {"events": ("x1i", "x2i"), "time": ("t1i", "t2i")},
    "MD": {"mean": ("m1i", "m2i"), "sd": ("sd1i", "sd2i"), "total": ("n1i", "n2i")},
}
"""Measure → column of an arm → its names in the registered measure, for the first and the second arm."""
RULES = ("none", "only0", "if0all", "all")
WORDS = {
    **dict.fromkeys(("n", "ni", "sampleSize", "sample_size"), "total"),
    **dict.fromkeys(("r", "event", "responders"), "events"),
    **dict.fromkeys(("person_time", "exposure"), "time"),
    **dict.fromkeys(("treat", "arm"), "treatment"),
    "studlab": "study",
    "incr": "add",
    "sm": "measure",
}
"""Arguments of other functions → ours."""


@our_words(**WORDS)
def network_table(
    frame: pd.DataFrame,
    measure: str,
    *,
    study: str = "study",
    treatment: str = "treatment",
    events: str | None = None,
    total: str | None = None,
    time: str | None = None,
    mean: str | None = None,
    sd: str | None = None,
    add: float | None = None,
    to: str | None = None,
    title: str = "",
) -> NetworkTable:
    """Return the comparisons of a table with one row an arm.

    Nothing is added to zero cells unless asked: a comparison that has no finite estimate or variance without a
    correction is refused. A correction is made in whole studies, so that their comparisons still agree.

    Parameters
    ----------
    frame
        One row an arm.
    measure
        ``OR``, ``RR``, ``RD`` (events, total), ``IRR`` (events, time) or ``MD`` (mean, sd, total), as registered in
        `MEASURES`.
    study, treatment, events, total, time, mean, sd
        Names of columns; study and treatment by default are called so.
    add, to
        Continuity correction as in ``escalc``: ``add`` (0.5 unless said) goes to every cell of the studies that
        ``to`` names: ``only0`` (with a zero cell; the default once ``add`` is given), ``if0all`` (all, when one has a
        zero cell), ``all``, ``none``.
    title
        What is compared, in words.

    Returns
    -------
    NetworkTable
        n(n − 1)/2 rows for a study of n arms; patients of a study are shared out over its rows.

    Raises
    ------
    OptionError
        A column the measure does not use or does not get, a correction for a measure that has none.
    InputError
        Missing or impossible counts, a treatment twice in a study, a study of one arm, a comparison that cannot be
        estimated without a correction.

    See Also
    --------
    lamevidence.effects.escalc : The measures themselves.
    pool_network : What the table is for.

    Examples
    --------
    >>> import pandas as pd
    >>> from lamevidence.network import network_table
    >>> arms = pd.DataFrame({"study": [1, 1, 2, 2], "treatment": ["a", "b", "b", "c"],
    ...                      "r": [10, 14, 7, 5], "n": [50, 48, 40, 42]})
    >>> network_table(arms, "OR", events="r", total="n")
    NetworkTable: 2 studies, 2 comparisons of 3 treatments in 2 designs (OR)
    """
    a_choice("measure of a network", measure, tuple(ARMS))
    amount, rule = _correction(measure, add, to)
    columns = _columns(frame, measure, {"events": events, "total": total, "time": time, "mean": mean, "sd": sd})
    studies, treatments = (_labels(frame, name) for name in (study, treatment))
    first, second = _pairs(studies, treatments)
    corrected = _corrected(columns, np.array(studies, dtype=object), rule)[first]
    yi, vi = _estimates(measure, columns, first, second, corrected, amount)
    bad = ~(np.isfinite(yi) & np.isfinite(vi) & (vi > 0))
    if bad.any():
        raise _no_estimate(measure, studies[first[int(np.flatnonzero(bad)[0])]])
    patients = None
    if "total" in columns:
        of_study: dict[str, float] = {}
        for name, n in zip(studies, columns["total"].tolist(), strict=True):
            of_study[name] = of_study.get(name, 0.0) + n
        rows = np.array([studies[i] for i in first])
        patients = np.array([of_study[name] / np.sum(rows == name) for name in rows])
    return NetworkTable(
        yi,
        vi,
        tuple(treatments[i] for i in first),
        tuple(treatments[i] for i in second),
        tuple(studies[i] for i in first),
        measure,
        n=patients,
        title=title,
    )


def _correction(measure: str, add: float | None, to: str | None) -> tuple[float, str]:
    """Return what is added, and the rule that says where; the rule of ``from_frame``."""
    if "to" not in MEASURES[measure].options:
        for name, given in (("add", add), ("to", to)):
            if given:
                raise OptionError(f"{name}={shown(given)} means nothing for {measure} · leave it out")
        return 0.0, "none"
    amount = 0.5 if add is None else a_number("add", add, least=0)
    rule = ("none" if add is None else "only0") if to is None else a_choice("value of to", to, RULES)
    return amount, rule if amount else "none"


def _pairs(studies: list[str], treatments: list[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of the first and of the second arm of every comparison."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(studies):
        rows.setdefault(name, []).append(row)
    for name, own in rows.items():
        arms = [treatments[i] for i in own]
        if len(arms) < 2 or len(set(arms)) < len(arms):
            raise InputError(
                f"study {name} has the arms {', '.join(arms)} · a study needs two or more arms, each treatment once"
            )
    made = [pair for own in rows.values() for pair in combinations(own, 2)]
    if not made:
        raise InputError("the frame has no rows · give one row an arm")
    first, second = np.array(made, dtype=np.intp).T
    return first, second


def _corrected(columns: Mapping[str, FloatArray], studies: NDArray[np.object_], rule: str) -> NDArray[np.bool_]:
    """Return which arms get the correction: those of whole studies."""
    if rule in ("none", "all"):
        return np.full(studies.size, rule == "all")
    zero = columns["events"] == 0
    if "total" in columns:
        zero = zero | (columns["events"] == columns["total"])
    if rule == "if0all":
        return np.full(studies.size, bool(zero.any()))
    return np.isin(studies, np.unique(studies[zero]))


def _estimates(
    measure: str,
    columns: Mapping[str, FloatArray],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    corrected: NDArray[np.bool_],
    amount: float,
) -> tuple[FloatArray, FloatArray]:
    yi, vi = np.empty(first.size), np.empty(first.size)
    for at, rule in ((corrected, "all"), (~corrected, "none")):
        if not at.any():
            continue
        given: dict[str, Any] = {"add": amount, "to": rule} if "to" in MEASURES[measure].options else {}
        for column, (ours, theirs) in ARMS[measure].items():
            given[ours], given[theirs] = columns[column][first[at]], columns[column][second[at]]
        made = escalc(measure, **given)
        yi[at], vi[at] = made.yi, made.vi
    return yi, vi


def _no_estimate(measure: str, study: str) -> InputError:
    remedy = "" if measure == "MD" else ", or say add=0.5 (to='only0') to add half an event to each of its cells"
    what = "an arm whose standard deviation is 0" if measure == "MD" else "an arm where none or all had the event"
    return InputError(
        f"study {study} has {what}, so a comparison has no finite variance above 0 · leave the study out{remedy}"
    )


def _columns(frame: pd.DataFrame, measure: str, named: Mapping[str, str | None]) -> dict[str, FloatArray]:
    needs = tuple(ARMS[measure])
    given = tuple(name for name, column in named.items() if column is not None)
    if set(given) != set(needs):
        raise OptionError(f"{measure} needs the columns {', '.join(needs)} · given: {', '.join(given) or 'none'}")
    out = {}
    for name in needs:
        column = _column(frame, named[name])
        values = floats(column, f"column {named[name]!r}", f"give the {name} of each arm as a number")
        low = -np.inf if name == "mean" else 0.0 if name == "events" else np.nextafter(0, 1)
        if not (np.isfinite(values) & (values >= low)).all():
            row = int(np.flatnonzero(~(np.isfinite(values) & (values >= low)))[0])
            raise InputError(f"column {named[name]!r}, row {row}: {values[row]:g} cannot be {name}")
        out[name] = values
    if "events" in out and "total" in out and np.any(out["events"] > out["total"]):
        row = int(np.flatnonzero(out["events"] > out["total"])[0])
        raise InputError(f"row {row}: {out['events'][row]:g} events among {out['total'][row]:g}")
    return out


def _column(frame: pd.DataFrame, name: object) -> pd.Series:
    if not hasattr(frame, "columns"):
        raise InputError(f"frame={shown(frame)} is not a DataFrame · give one row an arm")
    if not isinstance(name, str) or name not in frame.columns:
        raise OptionError(f"there is no column {shown(name)} · columns: {', '.join(map(str, frame.columns))}")
    return frame[name]


def _labels(frame: pd.DataFrame, name: str) -> list[str]:
    column = _column(frame, name)
    if column.isna().any():
        raise InputError(f"column {name!r} has empty cells · every arm needs a {name}")
    return [str(x) for x in column]
