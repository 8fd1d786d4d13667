"""One-stage count models: ``metafor::rma.glmm`` through the public function.

Two of R's habits are followed here, not in the package. Its ``logLik`` of models with one random effect a
study is the log-likelihood given the modes of the random effects, so that is what it is compared with. And its
optimisers sometimes stop early; then our likelihood, evaluated at R's own parameters, must be below our maximum,
and what depends on the optimum is compared only where that is not so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling.glmm import conditional_value, fit_glmm
from lamevidence.pooling.glmm_optimise import maximise
from lamevidence.pooling.glmm_results import GlmmPooled
from tests.conformance.compare import deviations as plain_deviations

COUNTS = ("ai", "n1i", "ci", "n2i", "x1i", "t1i", "x2i", "t2i", "xi", "ni", "ti")
ALWAYS = ("QE.LRT", "QEp.LRT", "QE.Wld", "QEp.Wld", "QE.df", "k")
"""Leaves that do not depend on where the optimiser of the random-effects model stopped."""
GAIN = 1e-13
"""A likelihood relatively higher by this than at R's own parameters: R stopped before its optimum."""
SAME = 5e-5
"""R's log-likelihood and ours at R's parameters agree to this (relative): it is the same function. Loose because the
log-likelihood given the modes is not stationary: it moves with the studies' own parameters, which R does not print."""
NUMERIC_INFORMATION = {"CM.EL", "UM.RS"}
"""Models whose information R differentiates numerically twice, from a likelihood that is itself iterated or
integrated: R prints two values 1 % apart for one Wald statistic (CM.EL with method ML and EE). tests/oracles holds
40-digit values for ours."""


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    return {k: np.array(v, float) for k, v in data["inputs"].items()}


def fitted(inputs: dict[str, Any], args: dict[str, Any]) -> GlmmPooled:
    options = _options(args.get("options", ""))
    measure = args["measure"]
    keep = np.ones(next(iter(inputs.values())).size, dtype=bool)
    settings: dict[str, Any] = {"test": args.get("test", "z"), "method": args.get("method", "ML")}
    if measure in ("OR", "IRR"):
        settings["model"] = args["model"]
        x1, x2 = (inputs["ai"], inputs["ci"]) if measure == "OR" else (inputs["x1i"], inputs["x2i"])
        keep &= (x1 > 0) | (x2 > 0)
        if measure == "OR":
            keep &= (x1 < inputs["n1i"]) | (x2 < inputs["n2i"])
    settings["nagq"] = int(options.get("nAGQ", 1 if args.get("model") == "UM.RS" else 7))
    if args.get("model") == "CM.EL" and measure == "OR":
        settings["nagq"] = 25
    if "coding" in options:
        settings["coding"] = float(options["coding"])
    if options.get("cor") == "TRUE":
        settings["correlated"] = True
    if "mods" in options:
        settings["mods"] = inputs[options["mods"].lstrip("~ ")][keep]
    counts = {name: inputs[name][keep] for name in COUNTS if name in inputs}
    labels = tuple(str(i) for i in range(int(keep.sum())))
    nothing = np.full(len(labels), math.nan)
    table = EvidenceTable(
        yi=nothing, vi=nothing, labels=labels, studies=labels, measure=measure, unit=None, counts=counts
    )
    return fit_glmm(table, **settings)


def _options(text: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)


def at_r(fit: GlmmPooled, expected: dict[str, Any]) -> tuple[float, float]:
    """Return our marginal and conditional log-likelihood at R's parameters, nuisance parameters at their best."""
    likelihood = fit.likelihood
    assert likelihood is not None
    model, top = likelihood.model, likelihood.optimum
    beta, scale = top.beta.copy(), top.scale.copy()
    effects = len(expected["beta"])
    beta[:effects] = expected["beta"]
    tau, sigma2, rho = math.sqrt(expected["tau2"]), expected.get("sigma2"), expected.get("rho")
    if scale.size == 1:
        scale[:] = tau if sigma2 is None else math.sqrt(sigma2)
    elif scale.size == 2:
        scale[:] = math.sqrt(sigma2), tau
    elif scale.size == 3:
        r = rho or 0.0  # undefined where a variance is 0
        scale[:] = math.sqrt(sigma2), r * tau, math.sqrt(max(0.0, 1 - r * r)) * tau
    if scale.size == 0:
        return fit.log_likelihood, fit.conditional_log_likelihood
    there = maximise(
        model,
        top.alpha,
        beta,
        scale,
        likelihood.nodes,
        hold_beta=tuple(range(effects)),
        hold_scale=tuple(range(scale.size)),
    )
    return there.value, conditional_value(model, there, likelihood.nodes)


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    fit: GlmmPooled = got.pop("_fit")
    early = stopped_early(fit, expected, got)
    numeric = fit.spec.options["likelihood"] in NUMERIC_INFORMATION and fit.measure in ("OR", "IRR")
    exact_rate = fit.measure == "IRR" and fit.spec.options["likelihood"].startswith("CM")
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        leaf = path.split("[")[0]
        if not fine and leaf in ("QM", "QMp") and isinstance(g, float):
            rel = float(hint.get("se_rel", 0.0)) * (4 if leaf == "QM" else 2 * (1 + expected["QM"]))
            fine = abs(g - e) <= rel * abs(e)
        if not fine and leaf in ("QE.Wld", "QEp.Wld") and numeric and not exact_rate:
            fine = True
        if (
            not fine
            and leaf in ("se", "se.tau2", "zval", "ci.lb", "ci.ub", "QM", "QMp", "pval")
            and numeric
            and not exact_rate
        ):
            fine = abs(g - e) <= 1e-2 * max(abs(e), fit.se)
        if not fine and leaf in ("QE.LRT", "QEp.LRT") and got["QE.LRT"] > expected["QE.LRT"]:
            fine = abs(g - e) <= 1e-3 * abs(e)  # R's saturated fit stops on its way to an infinite effect
        if not fine and early and leaf not in ALWAYS:
            fine = True
        yield path, g, e, relative if relative < 1e-2 or not fine else 0.0, fine


def stopped_early(fit: GlmmPooled, expected: dict[str, Any], got: dict[str, Any]) -> bool:
    """Return whether R's parameters have a lower likelihood than ours, in what is provably the same function."""
    marginal, conditional = at_r(fit, expected)
    theirs, ours = expected["logLik"], conditional if got["logLik"] == fit.conditional_log_likelihood else marginal
    same = abs(theirs - ours) <= SAME * abs(theirs) or theirs < ours
    return same and fit.log_likelihood - marginal > GAIN * abs(fit.log_likelihood)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    fit = fitted(inputs, args)
    return numbers(fit, args)


def numbers(fit: GlmmPooled, args: dict[str, Any]) -> dict[str, Any]:
    beta, vb = fit.coefficients, fit.covariance
    se = np.sqrt(np.diag(vb))
    z = beta / se
    t = not math.isinf(fit.df)
    p = 2 * (special.stdtr(fit.df, -np.abs(z)) if t else special.ndtr(-np.abs(z)))
    half = (special.stdtrit(fit.df, 0.975) if t else special.ndtri(0.975)) * se
    tested = slice(1, None) if beta.size > 1 else slice(0, 1)
    m = beta[tested].size
    qm = float(beta[tested] @ np.linalg.solve(vb[tested, tested], beta[tested]))
    qmp = float(special.fdtrc(m, fit.df, qm / m)) if t else float(special.chdtrc(m, qm))
    one_dimensional = args.get("model") != "UM.RS" and not (args["measure"] == "OR" and args.get("model") == "CM.EL")
    ll = fit.conditional_log_likelihood if one_dimensional else fit.log_likelihood
    # R does not count the correlation of UM.RS as a parameter
    parms, n = fit.parameters - (fit.rho is not None), fit.observations
    wide = max(n, parms + 2)
    se_tau2 = fit.se_tau2 if args.get("model") == "CM.EL" and args["measure"] == "OR" else None
    return {
        "beta": beta,
        "se": se,
        "zval": z,
        "pval": p,
        "ci.lb": beta - half,
        "ci.ub": beta + half,
        "tau2": fit.tau2,
        "se.tau2": se_tau2,
        "sigma2": fit.sigma2,
        "rho": fit.rho,
        "I2": fit.i2,
        "H2": fit.h2,
        "QE.Wld": fit.q,
        "QEp.Wld": fit.q_p,
        "QE.LRT": fit.q_lrt,
        "QEp.LRT": fit.q_lrt_p,
        "QE.df": fit.q_df,
        "QM": qm,
        "QMp": qmp,
        "logLik": ll,
        "AIC": -2 * ll + 2 * parms,
        "BIC": -2 * ll + parms * math.log(n),
        "AICc": -2 * ll + 2 * parms * wide / (wide - parms - 1),
        "k": fit.k,
        "_fit": fit,
    }
