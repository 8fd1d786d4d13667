"""From estimates with variances, standard errors, intervals or a covariance matrix to the fields of a table."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import EvidenceWarning, InputError, OptionError
from ..foundation.lineage import Lineage
from ..foundation.options import a_level, a_whole, shown
from .given_numbers import floats, names_of
from .measures import FloatArray
from .recovery.standard_errors import se_from_ci
from .rows import covariance_matrix

__all__ = ["LEVEL", "names_and_labels", "numbered_fields", "numbered_rows", "printed_lineage", "variances_of", "vector"]

NUMBERED = 1000
"""Up to this number of studies their numbers, and what hangs on them, are kept for the next table of that size."""

LEVEL = 0.95
"""Level of intervals when none is said; the object itself, so that the usual call is told by identity."""

LOPSIDED = 0.1
"""An interval is noted as asymmetric when its sides differ by more than this part of its width, and by rounding."""


def vector(values: ArrayLike, name: str) -> FloatArray:
    """Return one number a study, (k,)."""
    array = floats(values, name)
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape} · give one number a study")
    return array


def variances_of(
    yi: FloatArray,
    vi: ArrayLike | None,
    sei: ArrayLike | None,
    V: ArrayLike | None,
    ci: Any,  # noqa: ANN401
    level: float,
    names: Sequence[str] | None = None,
) -> tuple[FloatArray, FloatArray | None]:
    """Return the variances (k,), and V where it was given; the gate (`effects.rows`) looks at the numbers.

    ``names`` are those of the rows, for messages.

    Raises
    ------
    OptionError
        Not exactly one of ``vi``, ``sei``, ``V`` and ``ci`` is given, or ``level`` without ``ci``.
    InputError
        There are not as many as estimates, or they are no standard errors, intervals or covariances.
    """
    if vi is not None and sei is None and V is None and ci is None and level is LEVEL:
        variances, name = vector(vi, "vi"), "vi"
    else:
        _check_one_given(vi, sei, V, ci, level)
        if V is not None:
            matrix = covariance_matrix(V, yi.shape[0])
            return np.diag(matrix).copy(), matrix
        if vi is not None:
            variances, name = vector(vi, "vi"), "vi"
        elif sei is not None:
            variances, name = _squares(sei), "sei"
        else:
            variances, name = _from_intervals(yi, ci, level, names), "ci"
    if yi.shape != variances.shape:
        raise InputError(f"{name} has {variances.shape[0]} entries, yi has {yi.shape[0]} · give one a row")
    return variances, None


def _check_one_given(vi: object, sei: object, V: object, ci: object, level: float) -> None:
    given = [name for name, value in (("vi", vi), ("sei", sei), ("V", V), ("ci", ci)) if value is not None]
    if len(given) != 1:
        raise OptionError(f"give exactly one of vi, sei, V and ci · got {' and '.join(given) or 'none of them'}")
    if ci is None and a_level(level) != LEVEL:
        raise OptionError(f"level={level} is the level of ci, which is not given · leave level out, or give ci")


def _squares(sei: ArrayLike) -> FloatArray:
    errors = vector(sei, "sei")
    if not (errors >= 0).all():
        i = int(np.flatnonzero(~(errors >= 0))[0])
        raise InputError(f"sei[{i}] = {errors[i]:g} is not a standard error · give a number ≥ 0")
    return errors**2


def _from_intervals(yi: FloatArray, ci: Any, level: float, names: Sequence[str] | None) -> FloatArray:  # noqa: ANN401
    """Return the squared width of each interval over 2z, after comparing it with its estimate."""
    if not isinstance(ci, tuple | list) or len(ci) != 2:
        raise OptionError(f"ci={shown(ci)} · give the lower and the upper bounds, ci=(low, high)")
    low, high = vector(ci[0], "ci, lower bounds"), vector(ci[1], "ci, upper bounds")
    for name, bound in (("lower", low), ("upper", high)):
        if bound.shape != yi.shape:
            raise InputError(f"ci has {bound.shape[0]} {name} bounds, yi has {yi.shape[0]} · give one a row")
    for i in np.flatnonzero(~(np.isfinite(low) & np.isfinite(high) & (low < high))):
        raise InputError(f"ci of row {i} is {low[i]:g} to {high[i]:g} · give two finite bounds, the lower first")
    for i in np.flatnonzero((yi < low) | (yi > high)):
        named = f" ({names[int(i)]})" if names is not None and len(names) == yi.size else ""
        raise InputError(
            f"yi[{i}]{named} = {yi[i]:g} lies outside its interval {low[i]:g} to {high[i]:g}"
            " · give estimate and bounds on one scale (logs for ratios)"
        )
    uneven = np.abs((high - yi) - (yi - low))
    rows = np.flatnonzero(uneven > LOPSIDED * (high - low) + 2 * _last_digit(np.concatenate([yi, low, high])))
    if rows.size:
        first = int(rows[0])
        more = f" and {rows.size - 1} more" if rows.size > 1 else ""
        warnings.warn(
            EvidenceWarning(
                f"interval {low[first]:g} to {high[first]:g} of row {first}{more} is not symmetric about its estimate"
                f" {yi[first]:g}"
                " · give both on the analysis scale (logs for ratios), or standard errors",
                code="LW214",
            ),
            stacklevel=5,
        )
    return np.asarray(se_from_ci(low, high, level) ** 2)


def _last_digit(numbers: FloatArray) -> float:
    """Return the unit of the last digit that any of these numbers has, as they print."""
    decimals = max((len(text.partition(".")[2]) for x in numbers.tolist() if "e" not in (text := repr(x))), default=17)
    return float(10.0 ** -min(decimals, 17))


def printed_lineage(names: Sequence[str], yi: FloatArray, sei: ArrayLike | None, digits: object) -> tuple[Lineage, ...]:
    """Return the lineage of rows whose estimates and standard errors are printed to so many decimals.

    Raises
    ------
    OptionError
        There are no standard errors, or ``digits`` are no whole numbers.
    """
    if sei is None:
        raise OptionError("digits are the decimals of yi and sei, and sei is not given · leave digits out, or give sei")
    both = digits if isinstance(digits, tuple | list) and len(digits) == 2 else (digits, digits)
    half, half_se = (0.5 * 10.0 ** -a_whole("digits", d, -9, 15) for d in both)
    errors = vector(sei, "sei")
    return tuple(
        Lineage(name, (), (), (y - half, y + half), (max(s - half_se, 0.0) ** 2, (s + half_se) ** 2))
        for name, y, s in zip(names, yi.tolist(), errors.tolist(), strict=True)
    )


# ---- names ------------------------------------------------------------------------------------
def names_and_labels(
    studies: Sequence[str] | None, labels: Sequence[str] | None, k: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return study ids and row labels; rows of one study are numbered, ``A (1)``, ``A (2)``."""
    names = names_of(studies, "study", k) if studies is not None else None
    if labels is not None:
        rows = names_of(labels, "label", k)
        return names or rows, rows
    if names is None:
        names = tuple(map(str, range(1, k + 1)))
        return names, names
    return names, numbered_rows(names)


def numbered_rows(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, those that occur several times with their number: ``A (1)``, ``A (2)``."""
    times = Counter(names)
    if len(times) == len(names):
        return names
    seen: Counter[str] = Counter()
    rows = []
    for name in names:
        seen[name] += 1
        rows.append(f"{name} ({seen[name]})" if times[name] > 1 else name)
    return tuple(rows)


def _numbers(k: int) -> tuple[tuple[str, ...], tuple[Lineage, ...], FloatArray]:
    """Return the names 1 … k, their lineage, and sizes that nobody reported: read-only, so that tables share them."""
    names = tuple(map(str, range(1, k + 1)))
    unknown = np.full(k, np.nan)
    unknown.flags.writeable = False
    return names, tuple(map(Lineage, names)), unknown


_kept_numbers = lru_cache(maxsize=64)(_numbers)


def numbered_fields(
    yi: FloatArray, vi: FloatArray, plain: bool, measure: str, unit: str | None, title: str
) -> dict[str, Any]:
    """Return the fields of a table of checked numbers alone: nothing is left for it to check."""
    yi.flags.writeable = vi.flags.writeable = False
    names, lineage, unknown = _kept_numbers(yi.size) if yi.size <= NUMBERED else _numbers(yi.size)
    return {
        "yi": yi,
        "vi": vi,
        "labels": names,
        "studies": names,
        "measure": measure,
        "unit": unit,
        "title": title,
        "n": unknown,
        "lineage": lineage,
        "counts": {},
        "moderators": {},
        "model": {},
        "plain": plain,
    }
