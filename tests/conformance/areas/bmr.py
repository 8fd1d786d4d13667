"""Area bmr: Bayesian meta-regression through ``pool_bayes``.

Leaves are judged as in area bayesmeta, with the grid that R's regression uses: the divergence is that between the joint
distributions of the coefficients. Over it means and standard deviations agree with R's to 1e-7 and better, so that what
our exact integral differs by (up to 6e-3 posterior standard deviations) is the grid's error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.bayes.exact.exact_state import ExactState
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.areas.bayesmeta import (
    AGAIN,
    EARLY,
    GRID,
    HIGHER,
    MODE,
    NEAR,
    WIDEST,
    agreement,
    anew,
    block,
    flat,
    higher,
    stopped_early,
    summit,
    tau_prior,
)
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
        mu = [lam.priors.Flat() for _ in names]
    elif prior["family"] == "normal":
        mu = [lam.priors.Normal(m, s) for m, s in zip(prior["mean"], prior["sd"], strict=True)]
    else:
        raise Unsupported(f"prior of coefficients: {prior['family']}")
    table = EvidenceTable.from_estimates(np.asarray(inputs["yi"], float), vi=np.asarray(inputs["vi"], float))
    post = lam.pool_bayes(table, mu=mu, tau=tau_prior(args["tau_prior"]), moderators=X, likelihood="normal")
    at = (case.get("expected") or {}).get("at")
    out: dict[str, Any] = {"tau": block(post.tau, "shortest")}
    out["marginal_likelihood"] = np.exp(post.log_marginal) if post.proper else None
    out |= of_effects(post.state, names, at)

    @cache
    def grid() -> tuple[ExactState, dict[str, bool]]:
        state = on_direct_grid(post.state, of_coefficients(post.state))
        return state, agreement(plain(of_effects(state, names, at)), case["expected"], case["tolerance_hint"])

    @cache
    def again() -> dict[str, Any]:
        return dict(plain(of_effects(anew(post.state), names, at)))

    out |= {"_state": post.state, "_names": tuple(names), "_grid": grid, "_again": again}
    laws = {"tau": post.tau, **dict(zip(names, post.coefficients.values(), strict=True))}

    def height(law: Any, name: str) -> Any:
        return lambda r: law.pdf(float(r[name]["mode"]))

    return out | {"_height": {f"{name}.mode": height(law, name) for name, law in laws.items()}}


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


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Every leaf at the file's tolerance, else judged by the step of R that is to blame; ours is proved apart."""
    if expected is None:
        return
    for key, g, e, relative, fine in plain_deviations(got, expected, hint):
        head, leaf = key.split(".")[0], key.split(".")[-1]
        if key.startswith("at.x"):
            yield key, g, e, relative, abs(g - e) <= 1e-9
        elif leaf == "mode" and isinstance(g, float):
            exact = fine and e != 0 and abs(g - e) <= 1e-5 * abs(e)
            proved = exact or (summit(got, key) and (abs(g - e) <= MODE or higher(got, expected, key)))
            yield key, g, e, relative, proved, "" if exact else HIGHER
        elif head == "marginal_likelihood" and isinstance(g, float):
            yield key, g, e, relative, abs(g - e) <= float(hint["rel"]) * abs(e)  # a density: no absolute tolerance
        elif (fine and abs(g - e) <= WIDEST * abs(e)) or not isinstance(g, float) or head == "tau":
            yield key, g, e, relative, fine
        elif not again(got, key, g) or abs(g - e) > NEAR * spread_of(got, head, leaf) + 1e-6:
            yield key, g, e, relative, False
        else:
            state, grid = got["_grid"]()
            if grid.get(key, False):
                yield key, g, e, relative, True, GRID
            else:
                yield key, g, e, relative, ended_early(got, expected, hint, key, state), EARLY


def again(got: Any, key: str, value: float) -> bool:
    """Return whether our number is what our integral gives on other nodes."""
    other = dict(flat(got["_again"]())).get(key)
    head, leaf = key.split(".")[0], key.split(".")[-1]
    return other is not None and abs(value - other) <= AGAIN * max(abs(other), spread_of(got, head, leaf))


def spread_of(got: Any, head: str, leaf: str) -> float:
    """Return the standard deviation on whose scale a number is."""
    if head in got["_names"]:
        return float(got["_again"]()[head]["sd"])
    low, high = got["_again"]()["at"]["pred_ci" if "pred" in leaf else "mean_ci"]
    return float(high - low) / 4


def ended_early(got: Any, expected: Any, hint: Mapping[str, Any], key: str, state: ExactState) -> bool:
    """Return whether R's interval is one of its level that is not the shortest."""
    head, leaf = key.split(".")[0], key.split(".")[-1]
    if "_ci" not in leaf and leaf not in ("lb", "ub"):
        return False
    block_of = expected[head]
    ends = block_of[leaf.split("[")[0]] if head == "at" else (block_of["ci.lb"], block_of["ci.ub"])
    row = np.asarray(block_of["x"]) if head == "at" else np.eye(len(got["_names"]))[got["_names"].index(head)]
    return stopped_early(state.at(row, new="pred" in leaf), (ends[0], ends[1]), float(hint["rel"]))
