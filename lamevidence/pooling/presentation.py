"""A pooled result as tables, JSON, a sentence, text and HTML."""

from __future__ import annotations

import html as markup
import math
from typing import TYPE_CHECKING, Any

from ..errors import PoolingError
from ..values import Interval

if TYPE_CHECKING:
    import pandas as pd

    from .results import Pooled

__all__ = ["alternatives", "augment", "describe", "glance", "html", "summary", "text", "tidy", "to_json"]

_COMPARED = ("DL", "PM", "REML", "ML", "SJ", "HE", "HS")
_INTERVALS = ("z", "HKSJ", "HKSJ-floor")


def tidy(fit: Pooled) -> pd.DataFrame:
    """Return one row: estimate, standard error, statistic, df, p value, interval."""
    import pandas as pd

    low, high = fit.interval()
    return pd.DataFrame([{
        "term": "overall", "estimate": fit.mu, "std_error": fit.se, "statistic": fit.statistic, "df": fit.df,
        "p_value": fit.p_value, "conf_low": low, "conf_high": high,
    }])


def glance(fit: Pooled) -> pd.DataFrame:
    """Return one row about the whole fit."""
    import pandas as pd

    return pd.DataFrame([{
        "model": fit.spec.model, "tau2_method": fit.spec.tau2, "interval": fit.spec.interval, "k": fit.k,
        "n_total": fit.n_total, "tau2": fit.tau2, "se_tau2": fit.se_tau2, "q": fit.q, "q_df": fit.q_df, "q_p": fit.q_p,
        "i2": fit.i2, "h2": fit.h2, "log_likelihood": fit.log_likelihood,
    }])


def augment(fit: Pooled) -> pd.DataFrame:
    """Return the rows of the table with weight, fitted value and residual."""
    frame = fit.table.to_frame()
    frame["weight"] = fit.weights
    frame["fitted"] = fit.mu
    frame["residual"] = fit.table.yi - fit.mu
    return frame


def _tau2_bounds(fit: Pooled) -> Interval:
    if fit.k < 2 or fit.spec.tau2 == "none" or not (fit.fit.v > 0).all():
        return Interval(math.nan, math.nan)
    return fit.tau2_interval()


def summary(fit: Pooled) -> pd.DataFrame:
    """Return the estimate, prediction interval and heterogeneity as a numeric table."""
    import pandas as pd

    prediction = fit.prediction() or Interval(math.nan, math.nan)
    low, high = _tau2_bounds(fit)
    rows = [
        ("mean", fit.mu, fit.se, *fit.interval(), fit.p_value),
        ("new study", fit.mu, math.nan, *prediction, math.nan),
        ("tau2", fit.tau2, fit.se_tau2, low, high, fit.q_p),
        ("tau", fit.tau, math.nan, math.sqrt(low), math.sqrt(high), fit.q_p),
        ("i2", fit.i2, math.nan, *(fit.shape.i2(x / fit.scale**2) for x in (low, high)), fit.q_p),
    ]
    names = ["quantity", "estimate", "std_error", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=names).set_index("quantity")


def alternatives(fit: Pooled) -> pd.DataFrame:
    """Return what other models, τ² estimators and intervals give for the same rows.

    A combination that does not exist for these data has NaN and its reason in the column ``note``.
    """
    import pandas as pd

    from .random_effects import pool

    asked: list[dict[str, Any]] = [{"model": "common"}]
    asked += [
        {"model": "random", "tau2": t, "interval": i, "prediction": "HTS" if fit.k > 2 else "none"}
        for t in _COMPARED for i in _INTERVALS
    ]
    rows = []
    for options in asked:
        row: dict[str, Any] = {"model": options["model"], "tau2_method": options.get("tau2", "none")}
        row["interval"] = options.get("interval", "z")
        numbers = dict.fromkeys(("mu", "se", "low", "high", "tau2", "prediction_low", "prediction_high"), math.nan)
        row |= numbers | {"note": ""}
        try:
            other = pool(fit.table, level=fit.spec.level, **options)
        except PoolingError as error:
            rows.append(row | {"note": str(error)})
            continue
        low, high = other.interval()
        new = other.prediction() or (math.nan, math.nan)
        row |= {"mu": other.mu, "se": other.se, "low": low, "high": high, "tau2": other.tau2}
        rows.append(row | {"prediction_low": new[0], "prediction_high": new[1]})
    frame = pd.DataFrame(rows)
    frame["chosen"] = [
        (r.model, r.tau2_method, r.interval) == (fit.spec.model, fit.spec.tau2, fit.spec.interval)
        for r in frame.itertuples()
    ]
    return frame


def _number(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None


def to_json(fit: Pooled) -> dict[str, Any]:
    """Return plain values: numbers, strings, lists; None where a quantity does not exist."""
    prediction = fit.prediction()
    return {
        "measure": fit.measure, "unit": fit.unit, "k": fit.k, "n": _number(fit.n_total),
        "mu": fit.mu, "se": fit.se, "df": _number(fit.df), "statistic": _number(fit.statistic),
        "p_value": _number(fit.p_value), "interval": [float(x) for x in fit.interval()],
        "prediction": None if prediction is None else [float(x) for x in prediction],
        "prediction_note": fit.prediction_note, "tau2": _number(fit.tau2), "tau": _number(fit.tau),
        "q": _number(fit.q), "q_df": fit.q_df, "q_p": _number(fit.q_p), "i2": _number(fit.i2), "h2": _number(fit.h2),
        "weights": [float(w) for w in fit.weights], "spec": fit.spec.to_dict(), "transformed": fit.transformed(),
        "notes": list(fit.notes), "fingerprint": fit.table.fingerprint,
    }


def _shown(fit: Pooled) -> tuple[str, float, Interval, Interval | None]:
    back = fit.transformed()
    if not back:
        return fit.effect.title, fit.mu, fit.interval(), fit.prediction()
    new = back["prediction"]
    return back["name"], back["mu"], Interval(*back["interval"]), None if new is None else Interval(*new)


def describe(fit: Pooled) -> str:
    """Return one sentence: what was pooled, how, and what came out."""
    name, mu, (low, high), new = _shown(fit)
    unit = f" {fit.unit}" if fit.unit else ""
    what = fit.table.title or name
    if fit.k == 1:
        return f"{what}: one study, reported as it is, {mu:.4g}{unit} (95% CI {low:.4g} to {high:.4g})."
    how = fit.spec.label
    sentence = f"{what}: {fit.k} studies, {how}, {mu:.4g}{unit} ({100 * fit.spec.level:g}% CI {low:.4g} to {high:.4g})"
    if new is not None:
        sentence += f", a new study is expected between {new.low:.4g} and {new.high:.4g}"
    if fit.spec.tau2 != "none":
        sentence += f"; τ = {fit.tau:.3g}{unit if not fit.transformed() else ''}, I² = {fit.i2:.0f}%"
    return sentence + "."


def text(fit: Pooled) -> str:
    """Return the result as a few lines of text."""
    name, mu, (low, high), new = _shown(fit)
    percent = f"{100 * fit.spec.level:g}%"
    lines = [f"{fit.table.title or name} · k = {fit.k} · {fit.spec.label}"]
    lines.append(f"  {name}  {mu:.4g}  {percent} CI {low:.4g} to {high:.4g}" + (f"  ({fit.unit})" if fit.unit else ""))
    if new is None:
        lines.append(f"  no prediction interval: {fit.prediction_note}")
    else:
        lines.append(f"  new study  {new.low:.4g} to {new.high:.4g}  ({fit.spec.prediction})")
    if fit.k > 1:
        lines.append(f"  tau2 {fit.tau2:.4g} · I² {fit.i2:.1f}% · Q({fit.q_df}) = {fit.q:.2f}, P = {fit.q_p:.3g}")
    lines += [f"  {choice}: {reason}" for choice, reason in fit.spec.why.items()]
    lines += [f"  note: {note}" for note in fit.notes]
    return "\n".join(lines)


def html(fit: Pooled) -> str:
    """Return the result as an HTML fragment."""
    rows = "".join(f"<li>{markup.escape(line.strip())}</li>" for line in text(fit).split("\n")[1:])
    return f"<div><strong>{markup.escape(text(fit).splitlines()[0])}</strong><ul>{rows}</ul></div>"
