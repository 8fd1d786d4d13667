"""The tables of every result: one set of columns for all models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures import MEASURES
from ..foundation.errors import NotEstimable
from ..foundation.values import Interval
from .heterogeneity import NO_INTERVAL, finite_or_none

if TYPE_CHECKING:
    import pandas as pd

    from .contract import Result

__all__ = ["AUGMENT", "GLANCE", "TIDY", "augment", "glance", "plain", "predicted", "summary", "tidy", "to_json"]

TIDY = ("term", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high")
GLANCE = ("k", "n", "measure", "unit", "model", "tau2", "i2", "q", "q_df", "q_p")
AUGMENT = ("study", "yi", "se", "weight", "fitted", "residual", "leverage", "theta", "theta_low", "theta_high")


def tidy(fit: Result, level: float) -> pd.DataFrame:
    """Return one row a coefficient."""
    import pandas as pd

    p = len(fit.names)
    bounds = fit.intervals(level)

    def column(values: Any) -> Any:  # noqa: ANN401
        return np.broadcast_to(np.asarray(values, dtype=float), (p,)).copy()

    values = (
        list(fit.names),
        column(fit.estimate),
        column(fit.se),
        column(fit.statistic),
        column(fit.df),
        column(fit.p_value),
        bounds[:, 0],
        bounds[:, 1],
    )
    return pd.DataFrame(dict(zip(TIDY, values, strict=True)))


def glance(fit: Result) -> pd.DataFrame:
    """Return one row about the fit."""
    import pandas as pd

    found = fit.heterogeneity()
    row: dict[str, Any] = {
        "k": fit.k,
        "n": fit.n_total,
        "measure": fit.measure,
        "unit": fit.unit,
        "model": fit.spec.label,
        "tau2": dict(found.tau2) if isinstance(found.tau2, Mapping) else found.tau2,
        "i2": found.i2,
        "q": found.q,
        "q_df": found.df,
        "q_p": found.p,
    }
    return pd.DataFrame([row | dict(fit._glance())])


def augment(fit: Result, level: float) -> pd.DataFrame:
    """Return one row a row of the table."""
    import pandas as pd

    table = fit.table
    fitted, theta = fit.fitted(), fit.study_effects(level)
    weights = fit.weights
    values = (
        list(table.studies),
        table.yi,
        table.sei,
        np.full(fit.k, np.nan) if weights is None else weights,
        fitted,
        table.yi - fitted,
        fit.leverage(),
        theta[:, 0],
        theta[:, 1],
        theta[:, 2],
    )
    return pd.DataFrame(dict(zip(AUGMENT, values, strict=True)), index=pd.Index(table.labels, name="label"))


def predicted(fit: Result, level: float) -> pd.DataFrame:
    """Return mean, interval and prediction interval of a model with one mean, as one row."""
    import pandas as pd

    low, high = fit.intervals(level)[0]
    try:
        new = fit.prediction(level)
    except NotEstimable:
        new = NO_INTERVAL
    return pd.DataFrame(
        {
            "mean": [float(np.atleast_1d(fit.estimate)[0])],
            "std_error": [float(np.atleast_1d(fit.se)[0])],
            "conf_low": [low],
            "conf_high": [high],
            "prediction_low": [new.low],
            "prediction_high": [new.high],
        }
    )


def summary(fit: Result) -> pd.DataFrame:
    """Return coefficients, prediction and heterogeneity as numbers, one quantity a row."""
    import pandas as pd

    bounds = fit.intervals()
    estimates, errors, p = (np.atleast_1d(x) for x in (fit.estimate, fit.se, fit.p_value))
    rows: list[tuple[Any, ...]] = [
        (name, estimates[i], errors[i], *bounds[i], p[i if p.size > 1 else 0]) for i, name in enumerate(fit.names)
    ]
    try:
        new = fit.prediction()
    except NotEstimable:
        new = NO_INTERVAL
    if len(fit.names) == 1:
        rows.append(("theta_new", estimates[0], math.nan, *new, math.nan))
    found = fit.heterogeneity()
    if isinstance(found.tau2, Mapping):
        between = found.tau2_interval if isinstance(found.tau2_interval, Mapping) else {}
        rows += [
            (f"tau2 ({name})", value, math.nan, *between.get(name, NO_INTERVAL), math.nan)
            for name, value in found.tau2.items()
        ]
    else:
        bound = found.tau2_interval if isinstance(found.tau2_interval, Interval) else NO_INTERVAL
        rows.append(("tau2", found.tau2, math.nan, *bound, found.p))
    rows.append(("i2", found.i2, math.nan, *found.i2_interval, found.p))
    columns = ["quantity", "estimate", "std_error", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=columns).set_index("quantity")


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON holds it: numbers, strings, lists, mappings, None for what is not finite."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(x) for name, x in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(x) for x in value.tolist()]
    if isinstance(value, list | tuple | set):
        return [plain(x) for x in value]
    if isinstance(value, int | np.integer):
        return int(value)
    return finite_or_none(float(value))


def to_json(fit: Result) -> dict[str, Any]:
    """Return plain values: numbers, strings, lists; None where a quantity does not exist."""
    found = fit.heterogeneity()
    prediction: Interval | None = None
    note = ""
    try:
        prediction = fit.prediction()
    except NotEstimable as refused:
        note = str(refused)
    base = {
        "measure": fit.measure,
        "unit": fit.unit,
        "k": fit.k,
        "n": fit.n_total,
        "names": fit.names,
        "estimate": fit.estimate,
        "se": fit.se,
        "df": fit.df,
        "statistic": fit.statistic,
        "p_value": fit.p_value,
        "level": fit.level,
        "interval": fit.interval(),
        "prediction": prediction,
        "prediction_note": note,
        "tau2": found.tau2,
        "tau": _root(found.tau2),
        "q": found.q,
        "q_df": found.df,
        "q_p": found.p,
        "i2": found.i2,
        "h2": found.h2,
        "heterogeneity": found.to_dict(),
        "weights": fit.weights,
        "spec": fit.spec.to_dict(),
        "transformed": {} if MEASURES[fit.measure].scale == "identity" else fit.display().to_dict(),
        "notes": list(fit.notes),
        "fingerprint": fit.table.fingerprint,
    }
    if len(fit.names) == 1:
        base["mu"] = fit.estimate
    return {name: plain(value) for name, value in (base | dict(fit._json())).items()}


def _root(tau2: float | Mapping[str, float]) -> Any:  # noqa: ANN401
    if isinstance(tau2, Mapping):
        return {name: _root(x) for name, x in tau2.items()}
    return math.sqrt(tau2) if tau2 >= 0 else math.nan
