"""The public JSON shapes of results."""

from __future__ import annotations

from typing import Any

from .answer import Answer

__all__ = ["pooled_shape", "posterior_shape"]


def pooled_shape(found: Answer) -> dict[str, Any]:
    """Return the frequentist result on the analysis scale, with ``transformed`` beside it."""
    fit, table = found.fit, found.table
    base = {
        "question": table.question,
        "title": table.title,
        "measure": table.measure,
        "unit": table.unit,
        "k": table.k,
    }
    if fit is None:
        nothing = dict.fromkeys(("mu", "se", "interval", "prediction", "tau2", "q", "i2"))
        return base | nothing | {"spec": {}, "not_pooled": found.why_not_pooled}
    prediction = fit.prediction()
    shape = base | {
        "n": fit.n_total,
        "mu": fit.mu,
        "se": fit.se,
        "interval": list(fit.interval()),
        "prediction": None if prediction is None else list(prediction),
        "tau2": fit.tau2,
        "tau": fit.tau,
        "q": fit.q,
        "q_df": fit.q_df,
        "q_p": fit.q_p,
        "i2": fit.i2,
        "h2": fit.h2,
        "p_value": fit.p_value,
        "weights": fit.weights,
        "spec": fit.spec.to_dict(),
        "transformed": fit.transformed(),
        "notes": list(fit.notes),
        "fingerprint": table.fingerprint,
    }
    if prediction is None:
        shape["prediction_note"] = fit.prediction_note
    return shape


def posterior_shape(found: Answer) -> dict[str, Any]:
    """Return the Bayesian result on the analysis scale."""
    post, table = found.post, found.table
    base = {
        "question": table.question,
        "title": table.title,
        "measure": table.measure,
        "unit": table.unit,
        "k": table.k,
    }
    if post is None:
        return base | {"mu": None, "tau": None, "not_pooled": found.why_not_bayes}
    summary: dict[str, Any] = post.to_json()
    return base | summary
