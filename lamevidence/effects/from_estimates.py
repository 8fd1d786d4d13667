"""From estimates with variances, standard errors or a covariance matrix to an `EvidenceTable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, OptionError
from ..lineage import Lineage
from .given_numbers import floats, names_of
from .measures import MEASURES, FloatArray

if TYPE_CHECKING:
    from .evidence_table import EvidenceTable

__all__ = ["from_estimates", "with_covariance"]


def from_estimates(
    cls: type[EvidenceTable],
    yi: ArrayLike,
    vi: ArrayLike | None = None,
    *,
    sei: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    studies: Sequence[str] | None = None,
    unit: str | None = None,
    measure: str = "GEN",
    V: ArrayLike | None = None,
    n: ArrayLike | None = None,
    moderators: Mapping[str, Any] | None = None,
    title: str = "",
) -> EvidenceTable:
    """Return the table of estimates given with variances, standard errors or a covariance matrix.

    ``vi = 0`` stands for an estimate without sampling error; only likelihood estimators of τ² (REML, ML) can use
    it. ``vi = inf`` stands for a row that carries no information and gets weight 0.

    Raises
    ------
    UnknownName
        The measure does not exist.
    OptionError
        Not exactly one of ``vi``, ``sei`` and ``V`` is given.
    InputError
        An estimate is not finite, a variance is NaN or negative, or lengths differ.

    Examples
    --------
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> EvidenceTable.from_estimates([0.2, 0.5], [0.04, 0.03]).k
    2
    """
    MEASURES.entry(measure)
    estimates = _vector(yi, "yi")
    k = estimates.shape[0]
    if k == 0:
        raise InputError("yi is empty · give one estimate a study")
    variances, covariance = _variances(estimates, vi, sei, V)
    _check_estimates(estimates, variances, root=sei is not None)
    words = type(title) is str and (unit is None or type(unit) is str)
    if words and labels is None and studies is None and V is None and n is None and moderators is None:
        return _numbered_table(cls, estimates, variances, measure, unit, title)
    names = names_of(studies, "study", k) if studies is not None else None
    rows = names_of(labels, "label", k) if labels is not None else names or tuple(str(i) for i in range(1, k + 1))
    if labels is None and names is not None and len(set(names)) < len(names):
        rows = tuple(f"{s} ({names[: i + 1].count(s)})" if names.count(s) > 1 else s for i, s in enumerate(names))
    if moderators is not None and not isinstance(moderators, Mapping):
        raise OptionError(f"moderators={moderators!r} · give a mapping from name to one value a row")
    columns = {} if moderators is None else {str(m): np.asarray(v) for m, v in moderators.items()}
    for name, column in columns.items():
        if column.shape != (k,):
            raise InputError(f"moderator {name!r} has shape {column.shape}, yi has {k} rows · give one value a row")
    return cls(
        yi=estimates, vi=variances, labels=rows, studies=names or rows, measure=measure, unit=unit, V=covariance,
        n=None if n is None else _sizes(n, k), moderators=columns, title=title,
    )


NUMBERED = 1000
"""Up to this number of studies their numbers, and what hangs on them, are kept for the next table of that size."""


def _numbers(k: int) -> tuple[tuple[str, ...], tuple[Lineage, ...], FloatArray]:
    """Return the names 1 … k, their lineage, and sizes that nobody reported: read-only, so that tables share them."""
    names = tuple(map(str, range(1, k + 1)))
    unknown = np.full(k, np.nan)
    unknown.flags.writeable = False
    return names, tuple(map(Lineage, names)), unknown


_kept_numbers = lru_cache(maxsize=64)(_numbers)


def _numbered_table(
    cls: type[EvidenceTable], yi: FloatArray, vi: FloatArray, measure: str, unit: str | None, title: str
) -> EvidenceTable:
    """Return the table of checked numbers alone: nothing is left for `EvidenceTable` to check."""
    yi.flags.writeable = vi.flags.writeable = False
    plain = _in_reach(yi, vi)
    names, lineage, unknown = _kept_numbers(yi.size) if yi.size <= NUMBERED else _numbers(yi.size)
    table = cls.__new__(cls)
    table.__dict__.update(
        yi=yi, vi=vi, labels=names, studies=names, measure=measure, unit=unit, title=title, n=unknown, lineage=lineage,
        counts={}, moderators={}, model={}, plain=plain,
    )
    return table


def _in_reach(yi: FloatArray, vi: FloatArray) -> bool:
    from .evidence_table import FARTHEST

    if not 1 / FARTHEST < float(np.minimum.reduce(vi)) <= float(np.maximum.reduce(vi)) < FARTHEST:
        return False
    return -FARTHEST < float(np.minimum.reduce(yi)) <= float(np.maximum.reduce(yi)) < FARTHEST


def _vector(values: ArrayLike, name: str) -> FloatArray:
    array = floats(values, name)
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape} · give one number a study")
    return array


def _sizes(n: ArrayLike, k: int) -> FloatArray:
    sizes = _vector(n, "n")
    if sizes.shape[0] != k:
        raise InputError(f"n has {sizes.shape[0]} entries, yi has {k} · give one a row, NaN where not reported")
    if (sizes <= 0).any():
        raise InputError(f"n[{int(np.flatnonzero(sizes <= 0)[0])}] is not positive")
    return sizes


def _variances(
    yi: FloatArray, vi: ArrayLike | None, sei: ArrayLike | None, V: ArrayLike | None
) -> tuple[FloatArray, FloatArray | None]:
    given = [name for name, value in (("vi", vi), ("sei", sei), ("V", V)) if value is not None]
    if len(given) != 1:
        got = " and ".join(given) or "none of them"
        raise OptionError(f"give exactly one of vi, sei and V · got {got}")
    if V is not None:
        _, diagonal, matrix = with_covariance(yi, yi, V)
        return diagonal, matrix
    if sei is not None:
        errors = _vector(sei, "sei")
        if (errors < 0).any():
            i = int(np.flatnonzero(errors < 0)[0])
            raise InputError(f"sei[{i}] = {errors[i]:g} is negative · a standard error is not")
        return errors**2, None
    assert vi is not None
    return _vector(vi, "vi"), None


def _check_estimates(yi: FloatArray, vi: FloatArray, *, root: bool) -> None:
    name = "sei" if root else "vi"
    if yi.shape != vi.shape:
        raise InputError(f"{name} has {vi.shape[0]} entries, yi has {yi.shape[0]} · give one a row")
    if np.isfinite(yi).all() and float(np.minimum.reduce(vi)) >= 0:
        return
    for i in np.flatnonzero(~np.isfinite(yi)):
        raise InputError(f"yi[{i}] = {yi[i]:g} is not a finite number · leave the row out by hand if it is missing")
    for i in np.flatnonzero(np.isnan(vi) | (vi < 0)):
        raise InputError(f"{name}[{i}] = {vi[i]:g} is not a variance · give a number ≥ 0, or inf for no information")


def with_covariance(
    yi: FloatArray, vi: FloatArray, V: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return yi, vi and V, vi taken from the diagonal of V when V is given."""
    if V is None:
        return yi, vi, None
    matrix = floats(V, "V", f"give a ({yi.shape[0]}, {yi.shape[0]}) matrix")
    k = yi.shape[0]
    if matrix.shape != (k, k):
        raise InputError(f"V has shape {matrix.shape} · give a ({k}, {k}) matrix")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0):
        raise InputError("V is not a symmetric matrix of finite numbers")
    diagonal = np.diag(matrix)
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if (diagonal < 0).any() or lowest < -1e-8 * float(np.abs(diagonal).max(initial=0.0)):
        raise InputError(f"V is not positive semidefinite (smallest eigenvalue {lowest:.3g})")
    return yi, diagonal, matrix
