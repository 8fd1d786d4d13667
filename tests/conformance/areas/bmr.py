"""Area bmr: Bayesian meta-regression through ``pool_bayes``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.areas.bayesmeta import block, tau_prior
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    X = np.asarray(inputs["X"], float)
    names = tuple(inputs["X_columns"])
    prior = args["beta_prior"]
    if prior["family"] == "flat":
        mu = [lam.Flat() for _ in names]
    elif prior["family"] == "normal":
        mu = [lam.Normal(m, s) for m, s in zip(prior["mean"], prior["sd"], strict=True)]
    else:
        raise Unsupported(f"prior of coefficients: {prior['family']}")
    table = EvidenceTable.from_estimates(np.asarray(inputs["yi"], float), np.asarray(inputs["vi"], float))
    post = lam.pool_bayes(table, mu=mu, tau=tau_prior(args["tau_prior"]), moderators=X, likelihood="normal")
    out: dict[str, Any] = {"tau": block(post.tau, "shortest")}
    for name, d in zip(names, post.coefficients.values(), strict=True):
        out[name] = block(d, "shortest")
    out["marginal_likelihood"] = np.exp(post.log_marginal) if post.proper else None
    at = (case.get("expected") or {}).get("at")
    if at:
        mean, new = post.at(at["x"]), post.at(at["x"], new=True)
        out["at"] = {
            "x": at["x"],
            "mean_ci": list(mean.interval(0.95, "shortest")),
            "pred_ci": list(new.interval(0.95, "shortest")),
            "mean_median": [mean.median],
            "pred_median": [new.median],
        }
    return out


GRID_ERROR = 1e-2
"""bmr's grid over τ (delta = 0.002) moves effects by up to 6e-3 posterior standard deviations: adaptive quadrature of the same
posterior gives 0.414501253 for the intercept of raudenbush1985 under uniform priors, where the file has 0.414412878 (sd 0.094)."""


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """τ and the marginal likelihood at the file's tolerance; effects also within the grid error, in posterior sd."""
    if expected is None:
        return
    tau = {key: expected[key] for key in ("tau", "marginal_likelihood") if key in expected}
    yield from plain_deviations(got, tau, hint)
    for name, block_of in expected.items():
        if name in tau:
            continue
        if name == "at":
            low, high = block_of["mean_ci"]
            low_new, high_new = block_of["pred_ci"]
            sds = {"mean": (high - low) / 3.92, "pred": (high_new - low_new) / 3.92, "x": 0.0}
            for key, value in block_of.items():
                wide = dict(hint) | {"abs": hint["abs"] + GRID_ERROR * sds[key.split("_")[0]]}
                yield from plain_deviations(got["at"][key], value, wide, f"at.{key}")
        else:
            wide = dict(hint) | {"abs": hint["abs"] + GRID_ERROR * block_of["sd"]}
            yield from plain_deviations(got[name], block_of, wide, name)
