"""Whether priors and rows make a proper posterior under a likelihood that is not normal.

A coefficient with a flat prior needs data that bound it: there must be no direction in which no row says no. Rows with
events and with non-events bound xᵢ'β from both sides, rows without events from above, rows of events only from below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import ImproperPosterior
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior
from .study_likelihood import StudyLikelihood

__all__ = ["require_proper"]

_SMALL = 1e-9


def require_proper(
    rows: Sequence[StudyLikelihood],
    X: FloatArray,
    mu: Sequence[EffectPrior],
    tau: TauPrior,
    name: str,
    names: Sequence[str] = (),
) -> None:
    """Raise `ImproperPosterior` where the priors and the rows do not make a proper posterior."""
    if not tau.proper:
        raise ImproperPosterior(
            f"τ ~ {tau!r} is improper and a {name} likelihood does not bound τ · give a proper prior such as HalfNormal"
        )
    flat = np.array([not prior.proper for prior in mu])
    if not flat.any():
        return
    if X.shape[1] == 1 and np.all(X == 1.0):
        missing = "above" if not any(k.above for k in rows) else "below" if not any(k.below for k in rows) else ""
        if missing:
            what = "no events" if missing == "below" else "events only"
            raise ImproperPosterior(
                f"{what} in all rows: the data do not bound μ from {missing} and its prior is flat · give mu=Normal(…)"
            )
        return
    free = _unbounded(rows, X[:, flat])
    if free is not None:
        known = [*names] if names else [f"x{j}" for j in range(X.shape[1])]
        which = ", ".join(n for n, d in zip(np.array(known)[flat], free, strict=True) if abs(d) > _SMALL)
        raise ImproperPosterior(
            f"the data do not bound {which} (groups without events, or with events only, or columns that depend on each"
            " other) and the prior is flat · give these coefficients a Normal prior"
        )


def _unbounded(rows: Sequence[StudyLikelihood], X: FloatArray) -> FloatArray | None:
    """Return a direction of the coefficients in which no row falls, None where there is none."""
    from scipy.optimize import linprog

    both = np.array([row.below and row.above for row in rows])
    one = np.array([row.below != row.above for row in rows])
    scale = np.maximum(np.abs(X).max(axis=0), 1e-300)
    X = X / scale
    _, size, axes = np.linalg.svd(X[both]) if both.any() else (None, np.zeros(0), np.eye(X.shape[1]))
    free = axes[int((size > _SMALL * max(1.0, float(size.max(initial=0.0)))).sum()) :].T
    if free.shape[1] == 0:
        return None
    # a row of events only lets xᵢ'β rise, a row without events lets it fall
    sign = np.array([1.0 if row.below else -1.0 for row in rows])[one]
    rises = sign[:, None] * X[one] @ free
    _, size, axes = np.linalg.svd(rises) if rises.size else (None, np.zeros(0), np.eye(free.shape[1]))
    idle = axes[int((size > _SMALL).sum()) :]
    if idle.shape[0]:
        return np.asarray(free @ idle[0] / scale)
    found = linprog(-rises.sum(axis=0), A_ub=-rises, b_ub=np.zeros(rises.shape[0]), bounds=(-1.0, 1.0))
    return np.asarray(free @ found.x / scale) if -found.fun > _SMALL else None
