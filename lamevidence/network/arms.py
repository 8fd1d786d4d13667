"""From arms to comparisons: every pair of arms of a study, with variances that are sums over its arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_choice, a_number, shown
from .contrasts import NetworkTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["network_table"]

Columns = Mapping[str, FloatArray]
ArmFormula = Callable[[Columns], tuple[FloatArray, FloatArray]]

ARMS: dict[str, tuple[tuple[str, ...], ArmFormula]] = {
    "OR": (("events", "total"), lambda c: (
        np.log(c["events"] / (c["total"] - c["events"])), 1 / c["events"] + 1 / (c["total"] - c["events"]),
    )),
    "RR": (("events", "total"), lambda c: (np.log(c["events"] / c["total"]), 1 / c["events"] - 1 / c["total"])),
    "RD": (("events", "total"), lambda c: (
        c["events"] / c["total"], c["events"] * (c["total"] - c["events"]) / c["total"] ** 3,
    )),
    "IRR": (("events", "time"), lambda c: (np.log(c["events"] / c["time"]), 1 / c["events"])),
    "MD": (("mean", "sd", "total"), lambda c: (c["mean"], c["sd"] ** 2 / c["total"])),
}
"""Measure → the columns an arm needs, and its estimate and variance; a comparison is the difference of two arms."""


def network_table(
    frame: pd.DataFrame, measure: str, *, study: str = "study", treatment: str = "treatment",
    events: str | None = None, total: str | None = None, time: str | None = None, mean: str | None = None,
    sd: str | None = None, add: float = 0.0,
) -> NetworkTable:
    """Return the comparisons of a table with one row an arm.

    Parameters
    ----------
    frame
        One row an arm.
    measure
        ``OR``, ``RR``, ``RD`` (events, total), ``IRR`` (events, time) or ``MD`` (mean, sd, total).
    study, treatment, events, total, time, mean, sd
        Names of columns.
    add
        Added to the events, and twice to the totals, of every arm of a study in which an arm has no event (or
        none without), so that its comparisons still agree. 0 refuses such a study and says so.

    Raises
    ------
    OptionError
        A column the measure does not use or does not get.
    InputError
        Missing or impossible counts, a treatment twice in a study, a study of one arm, a zero cell with ``add=0``.

    Examples
    --------
    >>> import pandas as pd
    >>> from lamevidence import network_table
    >>> arms = pd.DataFrame({"study": [1, 1, 2, 2], "treatment": ["a", "b", "b", "c"],
    ...                      "r": [10, 14, 7, 5], "n": [50, 48, 40, 42]})
    >>> network_table(arms, "OR", events="r", total="n")
    NetworkTable: 2 studies, 2 comparisons of 3 treatments in 2 designs (OR)
    """
    a_choice("measure of a network", measure, tuple(ARMS))
    add = a_number("add", add, least=0)
    needs, formula = ARMS[measure]
    columns = _columns(frame, measure, needs, {"events": events, "total": total, "time": time, "mean": mean, "sd": sd})
    if add and "events" not in needs:
        raise OptionError(f"add={add:g} means nothing for {measure} · leave it out")
    studies, treatments = (_labels(frame, name) for name in (study, treatment))
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(studies):
        rows.setdefault(name, []).append(row)
    made: list[tuple[float, float, str, str, str]] = []
    for name, own in rows.items():
        arms = [treatments[i] for i in own]
        if len(arms) < 2 or len(set(arms)) < len(arms):
            raise InputError(
                f"study {name} has the arms {', '.join(arms)} · a study needs two or more arms, each treatment once"
            )
        y, v = _study(name, {c: x[own] for c, x in columns.items()}, formula, add)
        made += [
            (y[i] - y[j], v[i] + v[j], arms[i], arms[j], name) for i, j in combinations(range(len(arms)), 2)
        ]
    yi, vi, first, second, labels = zip(*made, strict=True)
    return NetworkTable(np.array(yi), np.array(vi), first, second, labels, measure)


def _study(
    name: str, columns: dict[str, FloatArray], formula: ArmFormula, add: float,
) -> tuple[FloatArray, FloatArray]:
    if "events" in columns:
        none_without = "total" in columns and np.any(columns["events"] == columns["total"])
        if np.any(columns["events"] == 0) or none_without:
            if not add:
                raise InputError(
                    f"study {name} has an arm where none or all had the event, so its comparisons have no finite "
                    "variance · leave the study out, or say add=0.5 to add half an event to each of its cells"
                )
            columns = {
                c: x + add * {"events": 1, "total": 2}.get(c, 0) for c, x in columns.items()
            }
    return formula(columns)


def _columns(
    frame: pd.DataFrame, measure: str, needs: tuple[str, ...], named: Mapping[str, str | None],
) -> dict[str, FloatArray]:
    given = tuple(name for name, column in named.items() if column is not None)
    if set(given) != set(needs):
        raise OptionError(f"{measure} needs the columns {', '.join(needs)} · given: {', '.join(given) or 'none'}")
    out = {}
    for name in needs:
        column = _column(frame, named[name])
        try:
            values = np.asarray(column, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"column {named[name]!r} ({name}) is not numeric: {shown(list(column))}") from None
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
