"""Shrinkage estimates: what each study's true effect is likely to be, given all the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError
from ..pooling.intervals import quantile
from .influence import leverage
from .refits import Fit, source_of
from .tables import CheckTable

__all__ = ["shrinkage"]


def shrinkage(fit: Fit, level: float | None = None) -> CheckTable:
    """Return best linear unbiased predictions of the true effects, and of the deviations from the model.

    With λᵢ = τ²/(τ² + vᵢ), the prediction is λᵢyᵢ + (1 − λᵢ)xᵢ'β and its variance λᵢvᵢ + (1 − λᵢ)² Var(xᵢ'β); the
    deviation is λᵢ(yᵢ − xᵢ'β) with variance λᵢvᵢ + λᵢ² Var(xᵢ'β). τ² is taken as known.

    Parameters
    ----------
    fit
        A random-effects result of `lamevidence.pool`, with or without moderators.
    level
        Level of the intervals; that of the fit when left out.

    Returns
    -------
    CheckTable
        ``effect``, ``effect_se``, ``effect_low``, ``effect_high``, ``deviation``, ``deviation_se``, ``deviation_low``,
        ``deviation_high``, ``shrinkage`` (λᵢ).

    Raises
    ------
    OptionError
        A common-effect model.

    References
    ----------
    Raudenbush & Bryk 1985, doi:10.3102/10769986010002075.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.shrinkage(lam.pool(table, tau2="DL"))["effect"].round(3).tolist()
    [0.202, 0.328, 0.362, 0.604]
    """
    source = source_of(fit, "shrinkage", needed=2)
    if source.method == "none":
        raise OptionError("a common-effect model has no true effects to predict · use model='random'")
    found = _columns(fit, source, fit._level(level))
    low, high = float(np.min(found["shrinkage"])), float(np.max(found["shrinkage"]))
    sentence = f"The studies keep between {100 * low:.0f}% and {100 * high:.0f}% of their distance from the model."
    return CheckTable("Shrinkage estimates", {"label": source.labels, **found}, sentence, ("τ² is taken as known",))


def _columns(fit: Fit, source: Any, level: float) -> dict[str, Any]:  # noqa: ANN401
    total = source.v + source.t
    share = source.t / total
    hat = leverage(source, source.t)
    df = float(fit.df)
    w = 1.0 / total
    means = source.design @ np.linalg.solve(
        (source.design * w[:, None]).T @ source.design, source.design.T @ (w * source.y)
    )
    r = source.y - means
    factor = source.variance_factor(np.array([float((w * r) @ r) / (source.k - source.p)]))[0]
    mean_variance = hat * total * factor
    offset = source.table.yi[source.rows] - source.scale * source.y
    critical = quantile(level, df)
    effect = offset + source.scale * (share * source.y + (1 - share) * means)
    effect_se = source.scale * np.sqrt(share * source.v + (1 - share) ** 2 * mean_variance)
    deviation = source.scale * share * r
    deviation_se = source.scale * np.sqrt(share * source.v + share**2 * mean_variance)
    return {
        "effect": effect,
        "effect_se": effect_se,
        "effect_low": effect - critical * effect_se,
        "effect_high": effect + critical * effect_se,
        "deviation": deviation,
        "deviation_se": deviation_se,
        "deviation_low": deviation - critical * deviation_se,
        "deviation_high": deviation + critical * deviation_se,
        "shrinkage": share,
    }
