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
from lamevidence.pooling.glmm import fit_glmm
from lamevidence.pooling.glmm_results import GlmmPooled
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.compare import tolerance

COUNTS = ("ai", "n1i", "ci", "n2i", "x1i", "t1i", "x2i", "t2i", "xi", "ni", "ti")
ALWAYS = ("QE.Wld", "QEp.Wld", "QE.LRT", "QEp.LRT", "QE.df", "k")
"""Leaves that do not depend on where the optimiser of the random-effects model stopped."""
GAIN = 1e-7
"""A likelihood this much higher than at R's parameters means that R stopped early."""


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
    table = EvidenceTable(yi=nothing, vi=nothing, labels=labels, studies=labels, measure=measure, unit=None, counts=counts)
    return fit_glmm(table, **settings)


def _options(text: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)


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
        "beta": beta, "se": se, "zval": z, "pval": p, "ci.lb": beta - half, "ci.ub": beta + half, "tau2": fit.tau2,
        "se.tau2": se_tau2, "sigma2": fit.sigma2, "rho": fit.rho, "I2": fit.i2, "H2": fit.h2, "QE.Wld": fit.q,
        "QEp.Wld": fit.q_p, "QE.LRT": fit.q_lrt, "QEp.LRT": fit.q_lrt_p, "QE.df": fit.q_df, "QM": qm, "QMp": qmp,
        "logLik": ll, "AIC": -2 * ll + 2 * parms, "BIC": -2 * ll + parms * math.log(n),
        "AICc": -2 * ll + 2 * parms * wide / (wide - parms - 1), "k": fit.k, "_fit": None,
    }
