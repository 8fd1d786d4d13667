"""Case diagnostics, leave-one-out, cumulative analyses, residuals, predictions, tests, robust standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.rma_uni import fit_case
from tests.conformance.compare import deviations as plain_deviations


def model_of(inputs: Any, args: dict[str, Any]) -> Any:
    """Return the fit that the settings describe."""
    yi, vi = np.array(inputs["yi"], dtype=float), np.array(inputs["vi"], dtype=float)
    if "mods" not in args:
        return fit_case(yi, vi, args, None)
    rows = inputs.get("rows_used", range(len(yi)))
    X = np.array(inputs["X"], dtype=float)
    keep = np.asarray(list(rows), dtype=int) if len(X) != len(yi) else np.arange(len(yi))
    return fit_case(yi[keep], vi[keep], args, X, inputs["X_columns"])


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    kind = case["id"].removeprefix("X|").split("|")[0]
    if kind == "anova_LRT":
        return likelihood_ratio(inputs, args)
    fit = model_of(inputs, args)
    kind = "anova" if kind.startswith("anova") else kind
    return globals()[f"case_{kind}"](fit, args, case)


def case_influence(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    found = lam.influence(fit)
    names = list((case["expected"] or {}).get("dfbs", {}))
    ours = [name for name in found.columns if name.startswith("dfbetas_")]
    out = {"dfbs": {n: found[o] for n, o in zip(names, ours, strict=True)}, "is.infl": found["influential"]}
    if (
        "mods" in args
    ):  # R inverts X'WX: digits go with the squared condition number of a calendar year beside an intercept
        out["zero"] = 0.01 * np.finfo(float).eps * np.linalg.cond(fit.design.X) ** 2
    return out


def case_leave1out(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    return rows(lam.leave_one_out(fit), args)


def rows(found: Any, args: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of R; a single study has τ² = I² = 0, H² = 1 and Qp = 1 there, and none of them here."""
    single = np.isnan(found["tau2"])
    z = "zval" if args["test"] == "z" else "tval"
    names = {
        "estimate": "estimate",
        "se": "se",
        z: "statistic",
        "pval": "p_value",
        "ci.lb": "low",
        "ci.ub": "high",
        "Q": "q",
    }
    out: dict[str, Any] = {theirs: found[ours] for theirs, ours in names.items()}
    fill = {"Qp": ("q_p", 1.0), "tau2": ("tau2", 0.0), "I2": ("i2", 0.0), "H2": ("h2", 1.0)}
    return out | {theirs: np.where(single, value, found[ours]) for theirs, (ours, value) in fill.items()}


def case_cumul(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    found = lam.cumulative(fit, order="precision" if args["order"] == "increasing vi" else None)
    k = len(found)
    return rows(found, args) | {"k": found["k"], "slab.null": [True] * k, "measure": [fit.table.measure] * k}


case_cumul_vi = case_cumul


def case_residuals(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    found = lam.residuals(fit)
    return {
        "raw": found["raw"],
        "pearson": found["pearson"],
        "cholesky": found["pearson"],
        "hat": found["hat"],
        "weights": found["weight"],
        "fitted": found["fitted"],
        "rstandard": {"resid": found["raw"], "se": found["se"], "z": found["standardized"]},
        "rstudent": {"resid": found["deleted"], "se": found["deleted_se"], "z": found["studentized"]},
    }


def _shrunk(fit: Any, what: str) -> dict[str, Any]:
    found = lam.shrinkage(fit)
    names = {"pred": what, "se": f"{what}_se", "pi.lb": f"{what}_low", "pi.ub": f"{what}_high"}
    out = {theirs: found[ours] for theirs, ours in names.items()}
    negligible = 1e-10 * np.var(fit.table.yi, ddof=1)
    return out | ({"zero": 2 * np.sqrt(negligible)} if fit.tau2 == 0 and what == "deviation" else {})


def case_blup(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    return _shrunk(fit, "effect")


def case_ranef(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    return _shrunk(fit, "deviation")


def case_vif(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    vif = fit.vif().to_numpy()
    return {"vif": vif, "sif": np.sqrt(vif)}


def case_anova(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    if "btt" in args:
        statistic, m, df, p = fit.test([args["btt"]])
        return {"QM": statistic, "QMdf": [m, df], "QMp": p}
    p = len(fit.names)
    L = np.vstack([[1.0] + [0.5] * (p - 1), np.eye(p)[1]])
    rows = fit.contrasts(L)
    joint = lam.wald_test(fit, L)
    return {
        "Xb": rows["estimate"].to_numpy(),
        "se": rows["std_error"].to_numpy(),
        "zval": rows["statistic"].to_numpy(),
        "pval": rows["p_value"].to_numpy(),
        "QM": joint.statistic,
        "QMdf": [joint.df, joint.df_denominator],
        "QMp": joint.p_value,
    }


def likelihood_ratio(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison with the model without moderators."""
    full = model_of(inputs, args | {"test": "z"})
    reduced = lam.pool(full.table, tau2="ML", interval="z", prediction="none")
    found = lam.likelihood_ratio_test(full, reduced)
    return {
        "LRT": found.statistic,
        "pval": found.p_value,
        "parms.f": full.beta.size + 1,
        "parms.r": 2,
        "R2": full.r2,
        "ll.f": {"ll": full.log_likelihood},
        "ll.r": {"ll": reduced.log_likelihood},
    }


def case_robust(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    """Robust inference of the same model, fitted with one random effect a row."""
    k = fit.k
    table = lam.EvidenceTable.from_estimates(fit.table.yi, fit.table.vi)
    labels = [str(i // 2) for i in range(k)]
    kind = args.get("vcov") or ("CR1p" if args["adjust"] else "CR0")
    found = lam.cluster_robust(lam.multilevel(table, random="1 | row"), labels, kind=kind)
    c = found.coefficients
    bounds = np.array(list(c.intervals()))
    return {
        "beta": c.estimate,
        "se": c.se,
        "zval": c.statistics,
        "pval": c.p_values,
        "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1],
        "ddf": c.df,
        "n": found.clusters,
    }


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; where R's τ² stopped just above the 0 it stands for, random effects of size √τ² are 0."""
    zero = isinstance(got, dict) and got.pop("zero", 0.0)
    yield from plain_deviations(got, expected, dict(hint) | {"abs": hint["abs"] + zero} if zero else hint)
