"""A multilevel result as tables, JSON, a sentence and text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..effects.measures import MEASURES

if TYPE_CHECKING:
    import pandas as pd

    from .multilevel_results import MultilevelPooled

__all__ = ["describe", "glance", "summary", "text", "to_json"]


def _number(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None


def glance(fit: MultilevelPooled) -> pd.DataFrame:
    """Return one row about the whole fit."""
    import pandas as pd

    row: dict[str, Any] = {"model": fit.spec.model, "method": fit.spec.tau2, "k": fit.k}
    row |= {f"groups {t.outer.name}": t.outer.size for t in fit.likelihood.terms}
    row |= {"q": fit.q, "q_df": fit.q_df, "q_p": fit.q_p, "log_likelihood": fit.log_likelihood, "aic": fit.aic}
    row |= {"bic": fit.bic, "aicc": fit.aicc}
    return pd.DataFrame([row])


def summary(fit: MultilevelPooled) -> pd.DataFrame:
    """Return coefficients (with intervals) and variance components (estimates) as a numeric table."""
    import pandas as pd

    frame = fit.tidy().rename(columns={"term": "quantity", "conf_low": "low", "conf_high": "high"})
    parts = pd.DataFrame([{"quantity": f"{c.name} {c.label}", "estimate": c.value} for c in fit.components])
    return pd.concat([frame, parts] if len(parts) else [frame], ignore_index=True).set_index("quantity")


def to_json(fit: MultilevelPooled) -> dict[str, Any]:
    """Return plain values: numbers, strings, lists; None where a quantity does not exist."""
    bounds = fit.coefficients.intervals()
    single = fit.beta.size == 1
    new = fit.prediction() if single else None
    return {
        "measure": fit.measure, "unit": fit.table.unit, "k": fit.k,
        "mu": fit.mu if single else None, "se": fit.se if single else None,
        "interval": [float(x) for x in bounds[0]] if single else None,
        "prediction": None if new is None else [float(x) for x in new],
        "coefficients": [
            {
                "name": name, "estimate": float(b), "se": float(s), "df": _number(float(d)), "p_value": float(p),
                "interval": [float(x) for x in interval],
            }
            for name, b, s, d, p, interval in zip(
                fit.design.names, fit.beta, fit.coefficients.se, fit.coefficients.df, fit.coefficients.p_values, bounds,
                strict=True,
            )
        ],
        "components": [{"name": c.name, "index": c.index, "label": c.label, "value": c.value} for c in fit.components],
        "q": fit.q, "q_df": fit.q_df, "q_p": fit.q_p, "log_likelihood": fit.log_likelihood, "aic": fit.aic,
        "bic": fit.bic, "i2": dict(fit.i2()), "spec": fit.spec.to_dict(), "transformed": fit.transformed(),
        "notes": list(fit.notes), "fingerprint": fit.table.fingerprint,
    }


def _levels(fit: MultilevelPooled) -> str:
    parts = [f"{t.outer.size} {t.outer.name}" for t in fit.likelihood.terms]
    return f"{fit.k} estimates" + (f" in {', '.join(parts)}" if parts else "")


def describe(fit: MultilevelPooled) -> str:
    """Return one sentence: what was pooled, how, and what came out."""
    what = fit.table.title or MEASURES[fit.measure].title
    how = f"multilevel model ({fit.spec.tau2}, {fit.spec.interval})"
    if fit.beta.size > 1:
        test = fit.omnibus()
        return f"{what}: {_levels(fit)}, {how} with {', '.join(fit.design.names)}; joint test P = {test.p_value:.3g}."
    back = fit.transformed()
    mu, (low, high) = (back["mu"], back["interval"]) if back else (fit.mu, fit.interval())
    sentence = f"{what}: {_levels(fit)}, {how}, {mu:.4g} ({100 * fit.spec.level:g}% CI {low:.4g} to {high:.4g})"
    parts = [f"{c.label} {math.sqrt(c.value):.3g}" for c in fit.components if c.name in ("sigma2", "tau2", "gamma2")]
    return sentence + (f"; standard deviations between: {', '.join(parts)}" if parts else "") + "."


def text(fit: MultilevelPooled) -> str:
    """Return the result as a few lines of text."""
    what = fit.table.title or MEASURES[fit.measure].title
    lines = [f"{what} · {_levels(fit)} · {fit.spec.tau2}, {fit.spec.interval}"]
    percent = f"{100 * fit.spec.level:g}%"
    for name, b, (low, high), p in zip(
        fit.design.names, fit.beta, fit.coefficients.intervals(), fit.coefficients.p_values, strict=True
    ):
        lines.append(f"  {name}  {b:.4g}  {percent} CI {low:.4g} to {high:.4g}  P = {p:.3g}")
    lines += [f"  {c.name} {c.label}  {c.value:.4g}" for c in fit.components]
    lines.append(f"  Q({fit.q_df}) = {fit.q:.2f}, P = {fit.q_p:.3g} · log-likelihood {fit.log_likelihood:.4f}")
    lines += [f"  note: {note}" for note in fit.notes]
    return "\n".join(lines)
