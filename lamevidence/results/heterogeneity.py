"""How much the studies differ beyond chance, in one record for every model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.numbers import fixed, p_value
from ..foundation.values import Interval

__all__ = ["NO_INTERVAL", "Heterogeneity", "prediction_se", "typical_variance"]

Spread = TypeVar("Spread", float, FloatArray)

MOST_COMPONENTS = 6
"""Variance components that a line lists one by one."""
NO_INTERVAL = Interval(math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Q, I², H² and τ² of one result.

    Attributes
    ----------
    q, df, p
        Test of equal effects: statistic, degrees of freedom, p value; NaN (df 0) where the model has none.
    i2, i2_interval
        Share of the variance of a typical study that lies between studies, in percent.
    h2
        Total over typical sampling variance.
    tau2, tau2_interval
        Between-study variance in squared units of the estimate; mappings from component to value in models with
        several components. On posteriors, E τ² and the credible interval of τ².
    note
        Why an entry is NaN; empty where nothing is missing.
    assumed
        Whether τ² is 0 because the model says so, and not an estimate; texts then leave it out.
    """

    q: float = math.nan
    df: int = 0
    p: float = math.nan
    i2: float = math.nan
    i2_interval: Interval = NO_INTERVAL
    h2: float = math.nan
    tau2: float | Mapping[str, float] = math.nan
    tau2_interval: Interval | Mapping[str, Interval] = NO_INTERVAL
    note: str = ""
    assumed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: numbers, lists, None where a quantity does not exist."""
        return {
            "q": finite_or_none(self.q),
            "df": self.df,
            "p": finite_or_none(self.p),
            "i2": finite_or_none(self.i2),
            "i2_interval": _plain_interval(self.i2_interval),
            "h2": finite_or_none(self.h2),
            "tau2": _plain(self.tau2, finite_or_none),
            "tau2_interval": _plain(self.tau2_interval, _plain_interval),
            "note": self.note,
        }

    def __str__(self) -> str:
        parts = []
        if isinstance(self.tau2, Mapping):
            known = {name: value for name, value in self.tau2.items() if math.isfinite(value)}
            if len(known) > MOST_COMPONENTS:
                parts.append(f"{len(known)} τ² from {min(known.values()):.4g} to {max(known.values()):.4g}")
            else:
                parts += [f"τ² ({name}) = {value:.4g}" for name, value in known.items()]
            parts += [self.note] if self.note and len(known) < len(self.tau2) else []
        elif math.isfinite(self.tau2) and not self.assumed:
            parts.append(f"τ² = {self.tau2:.4g}")
        if math.isfinite(self.i2):
            parts.append(f"I² = {fixed(self.i2, 1)}%")
        if math.isfinite(self.q) and self.df > 0:
            parts.append(f"Q({self.df}) = {fixed(self.q, 2)}, P {p_value(self.p)}")
        return " · ".join(parts) or self.note or "no heterogeneity to speak of: one study"


def finite_or_none(x: float) -> float | None:
    """Return a finite number, or None: JSON has neither NaN nor infinity."""
    return float(x) if math.isfinite(x) else None


def _plain_interval(bounds: Interval) -> list[float | None] | None:
    if all(math.isnan(x) for x in bounds):
        return None
    return [finite_or_none(x) for x in bounds]


def _plain(value: Any, make: Any) -> Any:  # noqa: ANN401
    return {name: make(x) for name, x in value.items()} if isinstance(value, Mapping) else make(value)


def typical_variance(v: FloatArray, X: FloatArray | None = None) -> float:
    """Return the typical sampling variance behind I² and H²: (k − p)/tr P at weights 1/v.

    Without a design that is (k − 1)Σw/((Σw)² − Σw²), Higgins & Thompson 2002, doi:10.1002/sim.1186.

    Parameters
    ----------
    v
        Sampling variances above 0, (k,).
    X
        Full-rank design (k, p), or None for a common mean.

    Examples
    --------
    >>> typical_variance(np.array([0.04, 0.04, 0.04]))
    0.04
    """
    w = 1.0 / v
    if X is None:
        total = float(np.add.reduce(w))
        return float((v.size - 1) / (total - float(w.dot(w)) / total))
    wX = w[:, None] * X
    lost = float(np.trace(np.linalg.solve(X.T @ wX, wX.T @ wX)))
    return float((v.size - X.shape[1]) / (float(np.add.reduce(w)) - lost))


def prediction_se(tau2: Spread, variance: Spread) -> Spread:
    """Return √(τ² + se²): how far the true effect of a new study lies from the estimated mean, one standard error.

    Reference: Higgins, Thompson & Spiegelhalter 2009, doi:10.1111/j.1467-985X.2008.00552.x.

    Parameters
    ----------
    tau2
        Between-study variance; a number or an array.
    variance
        Squared standard error of the mean, 0 where it is taken as known.

    Examples
    --------
    >>> prediction_se(0.09, 0.16)
    0.5
    """
    root: Spread = (tau2 + variance) ** 0.5
    return root
