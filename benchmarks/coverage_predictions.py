"""Coverage of prediction intervals from estimates and variances: the candidates of `PREDICTIONS` side by side."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.effects.measures.base import FloatArray
from lamevidence.foundation.errors import NotEstimable
from lamevidence.pooling.inverse_variance.intervals import kenward_roger
from lamevidence.pooling.inverse_variance.prediction import mixture_of
from lamevidence.pooling.kernel.fitted import fit_at
from lamevidence.pooling.policy import NEW

__all__ = ["NEW_KS", "NEW_TAUS", "SPREAD", "new_cell"]

NEW_KS = (3, 5, 10, 30)
NEW_TAUS = (0.0, 0.3, 0.6, 1.0, 2.0)
"""In units of the typical standard error."""
SPREAD = (0.5, 2.0)
"""Standard errors are log-uniform between these; their middle is 1."""


def new_cell(k: int, tau: float, sets: int, seed: int, level: float) -> dict[str, Any]:
    """Return coverage and width of each candidate in ``sets`` data sets, normal with known variances."""
    rng = np.random.default_rng([seed, zlib.crc32(f"new {k} {tau:g}".encode())])
    se = np.exp(rng.uniform(*np.log(SPREAD), (sets, k)))
    y = np.hypot(tau, se) * rng.standard_normal((sets, k))
    new = tau * rng.standard_normal(sets)
    v = se * se
    plain, knapp, floor = (lam.pool_many(y, v, tau2="REML", interval=i) for i in ("z", "HKSJ", "HKSJ-floor"))
    t2, upper = plain.tau2, 0.5 + level / 2

    def spread(variance: FloatArray, df: float | FloatArray) -> FloatArray:
        half = special.stdtrit(df, upper) * np.sqrt(t2 + variance)
        return np.stack([plain.mu - half, plain.mu + half], axis=-1)

    found = {
        "HTS": spread(plain.se**2, k - 2),
        "t": spread(plain.se**2, k - 1),
        "HK": spread(knapp.se**2, k - 1),
        "HK-PR": spread(knapp.se**2, k - 2),
        "HK-PR floored": spread(floor.se**2, k - 2),
        "KR": np.empty((sets, 2)),
        "NNF": np.empty((sets, 2)),
        "NNF-floor": np.empty((sets, 2)),
    }
    for i in range(sets):
        fit = fit_at(y[i], v[i], float(t2[i]))
        try:
            se_kr, df = kenward_roger(fit, "another interval")
        except NotEstimable:  # far below one degree of freedom
            half = np.inf
        else:
            half = float(special.stdtrit(df, upper)) * np.hypot(np.sqrt(t2[i]), se_kr)
        found["KR"][i] = fit.mean - half, fit.mean + half
        law = mixture_of(fit)
        found["NNF"][i] = tuple(law.interval(level))
        found["NNF-floor"][i] = tuple(law.floored().interval(level))
    return {"sets": sets, "default": NEW, **{name: _judge(ends, new) for name, ends in found.items()}}


def _judge(ends: FloatArray, new: FloatArray) -> dict[str, float]:
    inside = (ends[:, 0] <= new) & (new <= ends[:, 1])
    coverage, width = float(inside.mean()), ends[:, 1] - ends[:, 0]
    return {
        "coverage": round(coverage, 4),
        "error": round((coverage * (1 - coverage) / new.size) ** 0.5, 4),
        "width": round(float(width.mean()), 4),
        "median_width": round(float(np.median(width)), 4),
        "no_answer": 0.0,
    }
