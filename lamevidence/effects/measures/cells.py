"""Counts before a formula sees them: completing the two-by-two table, and what is done about zeros.

The zero-cell rule has three parts. ``add`` is the amount added to every cell of a table, ``to`` says to which
tables: ``none`` no one, ``only0`` those with a zero cell, ``all`` every one, ``if0all`` every one as soon as any
table has a zero. ``drop00`` makes tables without any event, or with nothing but events, not estimable.

Nothing is corrected unless asked: ``to`` is ``none``, or ``only0`` once an amount ``add`` is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import FloatArray

__all__ = [
    "ZERO_RULES",
    "corrected_events",
    "corrected_pairs",
    "corrected_proportion",
    "corrected_rate",
    "corrected_table",
    "two_by_two_cells",
    "zero_rule",
]

BoolArray = NDArray[np.bool_]

ZERO_RULES = ("none", "only0", "all", "if0all")
"""To which tables ``add`` goes; the first is the default."""


def zero_rule(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with ``to="only0"`` filled in where an amount is named without saying for which tables."""
    return {"to": "only0", **given} if "add" in given else dict(given)


def _amount(zero: BoolArray, add: float, to: str) -> FloatArray:
    """Return what is added to each study, (…, k)."""
    if to == "none":
        chosen = np.zeros_like(zero)
    elif to == "all":
        chosen = np.ones_like(zero)
    elif to == "if0all":
        chosen = np.broadcast_to(zero.any(axis=-1, keepdims=True), zero.shape)
    else:
        chosen = zero
    return np.where(chosen, add, 0.0)


def two_by_two_cells(data: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the four cells of the table from cells or from events and totals."""
    ai, ci = data["ai"], data["ci"]
    bi = data["bi"] if "bi" in data else data["n1i"] - ai
    di = data["di"] if "di" in data else data["n2i"] - ci
    return ai, bi, ci, di


def corrected_table(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return the cells of independent groups after the zero-cell rule."""
    ai, bi, ci, di = two_by_two_cells(data)
    zero = (ai == 0) | (bi == 0) | (ci == 0) | (di == 0)
    extra = _amount(zero, options["add"], options["to"])
    if options["drop00"]:
        extra = np.where(((ai == 0) & (ci == 0)) | ((bi == 0) & (di == 0)), np.nan, extra)
    return {"ai": ai + extra, "bi": bi + extra, "ci": ci + extra, "di": di + extra}


def corrected_pairs(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return the cells of matched pairs after the zero-cell rule; other columns pass through."""
    ai, bi, ci, di = (data[name] for name in ("ai", "bi", "ci", "di"))
    zero = (ai == 0) | (bi == 0) | (ci == 0) | (di == 0)
    extra = _amount(zero, options["add"], options["to"])
    return dict(data) | {"ai": ai + extra, "bi": bi + extra, "ci": ci + extra, "di": di + extra}


def corrected_events(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return events and person-time of two groups after the zero rule, which adds to the events alone."""
    x1i, x2i = data["x1i"], data["x2i"]
    extra = _amount((x1i == 0) | (x2i == 0), options["add"], options["to"])
    if options["drop00"]:
        extra = np.where((x1i == 0) & (x2i == 0), np.nan, extra)
    return dict(data) | {"x1i": x1i + extra, "x2i": x2i + extra}


def corrected_proportion(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return events and total of one group after the zero rule, which adds to events and to non-events."""
    xi = data["xi"]
    mi = data["mi"] if "mi" in data else data["ni"] - xi
    extra = _amount((xi == 0) | (mi == 0), options["add"], options["to"])
    return {"xi": xi + extra, "ni": xi + mi + 2 * extra}


def corrected_rate(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return events and person-time of one group after the zero rule, which adds to the events alone."""
    extra = _amount(data["xi"] == 0, options["add"], options["to"])
    return dict(data) | {"xi": data["xi"] + extra}
