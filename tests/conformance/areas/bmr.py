"""Area bmr: Bayesian meta-regression through ``pool_bayes``.

Leaves are judged as in area bayesmeta, with the grid that R's regression uses: the divergence is that between the joint
distributions of the coefficients. Over it means and standard deviations agree with R's to 1e-7 and better, so that what
our exact integral differs by (up to 6e-3 posterior standard deviations) is the grid's error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.bayes.exact_state import ExactState
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.areas.bayesmeta import MODE, agreement, block, stopped_early, tau_prior
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.compare import plain
from tests.conformance.direct_grid import of_coefficients, on_direct_grid
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
    at = (case.get("expected") or {}).get("at")
    out: dict[str, Any] = {"tau": block(post.tau, "shortest")}
    out["marginal_likelihood"] = np.exp(post.log_marginal) if post.proper else None
    out |= of_effects(post.state, names, at)
    out["_state"], out["_names"] = post.state, tuple(names)
    out["_over"] = lambda state: plain(of_effects(state, names, at))
    out["_law"] = {"tau": post.tau, **dict(zip(names, post.coefficients.values(), strict=True))}
    return out


def of_effects(state: ExactState, names: tuple[str, ...], at: Any) -> dict[str, Any]:
    """Coefficients and fitted values, from whichever nodes over τ the state holds."""
    rows = np.eye(len(names))
    out: dict[str, Any] = {name: block(state.at(rows[j]), "shortest") for j, name in enumerate(names)}
    if at:
        x = np.asarray(at["x"], float)
        mean, new = state.at(x), state.at(x, new=True)
        out["at"] = {
            "x": x,
            "mean_ci": list(mean.interval(0.95, "shortest")),
            "pred_ci": list(new.interval(0.95, "shortest")),
            "mean_median": [mean.median],
            "pred_median": [new.median],
        }
    return out


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Every leaf at the file's tolerance, else judged by the step of R that is to blame."""
    if expected is None:
        return
    grid: dict[str, bool] = {}
    state: ExactState | None = None
    for key, g, e, relative, fine in plain_deviations(got, expected, hint):
        head, leaf = key.split(".")[0], key.split(".")[-1]
        if fine or not isinstance(g, float):
            yield key, g, e, relative, fine
            continue
        if leaf == "mode":
            law = got["_law"][head]
            fine = abs(g - e) <= MODE or law.pdf(g) > law.pdf(e)
        elif head not in ("tau", "marginal_likelihood"):
            state = state or on_direct_grid(got["_state"], of_coefficients(got["_state"]))
            grid = grid or agreement(got["_over"](state), expected, hint)
            fine = grid.get(key, False)
            if not fine and ("_ci" in leaf or leaf in ("lb", "ub")):
                block_of = expected[head]
                ends = block_of[leaf.split("[")[0]] if head == "at" else (block_of["ci.lb"], block_of["ci.ub"])
                row = (
                    np.asarray(block_of["x"]) if head == "at" else np.eye(len(got["_names"]))[got["_names"].index(head)]
                )
                law = state.at(row, new="pred" in leaf)
                fine = stopped_early(law, (ends[0], ends[1]), float(hint["rel"]))
        yield key, g, e, relative, fine
