"""A posterior as tables, words, JSON and HTML."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures.base import MEASURES
from .distributions import Distribution

if TYPE_CHECKING:
    import pandas as pd

    from .posterior import Posterior

__all__ = ["as_html", "as_json", "augment_frame", "glance_frame", "in_words", "summary_frame"]


def _line(name: str, d: Distribution, level: float, kind: str) -> dict[str, Any]:
    low, high = d.interval(level, kind)
    return {
        "quantity": name,
        "mean": d.mean,
        "sd": d.sd,
        "median": d.median,
        "mode": d.mode,
        "low": low,
        "high": high,
        "level": level,
        "kind": kind,
        "note": d.moment_note,
    }


def _quantities(post: Posterior) -> dict[str, Distribution]:
    effects = {"mu": post.mu} if len(post.coefficients) == 1 else dict(post.coefficients)
    return {**effects, "tau": post.tau, "theta_new": post.theta_new}


def summary_frame(post: Posterior, level: float, kind: str) -> pd.DataFrame:
    """One line for μ (or each coefficient), τ and θ_new."""
    import pandas as pd

    frame = pd.DataFrame([_line(name, d, level, kind) for name, d in _quantities(post).items()])
    frame["unit"] = post.unit
    return frame


def glance_frame(post: Posterior) -> pd.DataFrame:
    """One line about the fit."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "k": post.k,
                "measure": post.measure,
                "unit": post.unit,
                "engine": post.engine,
                "likelihood": post.likelihood,
                "log_marginal": post.state.log_marginal if post.proper else math.nan,
                "tau_learned": post.tau_learned,
                "numerical_error": post.numerical_error,
                "fingerprint": post.table.fingerprint,
            }
        ]
    )


def augment_frame(post: Posterior) -> pd.DataFrame:
    """One line a row."""
    import pandas as pd

    rows = []
    for i, label in enumerate(post.table.labels):
        effect = post.theta[label]
        low, high = effect.interval(post.level)
        rows.append(
            {
                "label": label,
                "study": post.table.studies[i],
                "yi": post.table.yi[i],
                "vi": post.table.vi[i],
                "theta": effect.median,
                "theta_mean": effect.mean,
                "theta_sd": effect.sd,
                "low": low,
                "high": high,
                "level": post.level,
            }
        )
    return pd.DataFrame(rows)


def _json_number(x: float) -> float | str | None:
    if math.isnan(x):
        return None
    return float(x) if math.isfinite(x) else ("Inf" if x > 0 else "-Inf")


def _json_distribution(d: Distribution, level: float) -> dict[str, Any]:
    low, high = d.interval(level)
    body = {"mean": d.mean, "sd": d.sd, "median": d.median}
    out: dict[str, Any] = {name: _json_number(x) for name, x in body.items()}
    out["interval"] = [low, high]
    if d.moment_note:
        out["note"] = d.moment_note
    return out


def as_json(post: Posterior) -> dict[str, Any]:
    """Plain numbers of the whole result; infinities are the strings Inf and -Inf."""
    level = post.level
    back = post.transformed()
    return {
        "k": post.k,
        "measure": post.measure,
        "unit": post.unit,
        "level": level,
        **{name: _json_distribution(d, level) for name, d in _quantities(post).items()},
        "mu": _json_distribution(post.mu, level),
        "prediction": list(post.prediction()),
        "theta": {label: _json_distribution(post.theta[label], level) for label in post.table.labels},
        "log_marginal": post.state.log_marginal if post.proper else None,
        "numerical_error": post.numerical_error,
        "tau_learned": post.tau_learned,
        "spec": post.spec.to_dict(),
        "notes": list(post.notes),
        "transformed": {key: list(v) if isinstance(v, tuple) else v for key, v in back.items()},
        "fingerprint": post.table.fingerprint,
    }


def _say(low: float, high: float, unit: str) -> str:
    return f"{low:.3g} to {high:.3g}{unit}"


def in_words(post: Posterior) -> str:
    """The result, its priors and its cautions."""
    unit = f" {post.unit}" if post.unit else ""
    share = f"{100 * post.level:g} %"
    studies = f"{post.k} {'study' if post.k == 1 else 'studies'}"
    lines = [
        f"{post.table.title or 'Bayesian random-effects meta-analysis'}"
        f" ({studies}, {post.likelihood} likelihood, {post.engine})",
        f"mean effect {post.mu.median:.3g}{unit} ({share} {_say(*post.interval(), unit)})",
        f"a new study's true effect {_say(*post.prediction(), unit)} ({share})",
        f"between-study SD {post.tau.median:.3g}{unit} ({share} {_say(*post.tau.interval(post.level), unit)})",
    ]
    measure = MEASURES[post.measure] if post.measure in MEASURES else None  # noqa: SIM401, a Catalog has no get
    if measure and measure.back_title:
        back = post.transformed()
        inner, outer = (_say(back[name].low, back[name].high, "") for name in ("interval", "prediction"))
        lines.append(f"{measure.back_title} {back['mu']:.3g} ({share} {inner}; new study {outer})")
    lines += [p.describe() for p in post.prior_mu]
    lines.append(post.prior_tau.describe())
    lines += list(post.notes)
    return "\n".join(lines)


def as_html(post: Posterior) -> str:
    """A small table for notebooks."""
    unit = html.escape(post.unit or "")
    head = "".join(f"<th>{name}</th>" for name in ("", "median", "mean", "sd", f"{100 * post.level:g} % interval"))
    body = []
    for name, d in _quantities(post).items():
        low, high = d.interval(post.level)
        cells = [f"{x:.4g}" if np.isfinite(x) else str(x) for x in (d.median, d.mean, d.sd)]
        row = "".join(f"<td>{c}</td>" for c in (*cells, f"{low:.4g} to {high:.4g}"))
        body.append(f"<tr><th>{html.escape(name)}</th>{row}</tr>")
    notes = "".join(
        f"<p>{html.escape(note)}</p>"
        for note in (*[p.describe() for p in post.prior_mu], post.prior_tau.describe(), *post.notes)
    )
    title = html.escape(post.table.title or "Bayesian meta-analysis")
    top = f"<caption>{title} {unit}</caption><thead><tr>{head}</tr></thead>"
    return f"<table>{top}<tbody>{''.join(body)}</tbody></table>{notes}"
