"""Multilevel and multivariate models, and cluster-robust inference."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.runner import Unsupported


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    """Return the table and the settings of the fitted models, by id."""
    inputs = data["inputs"]
    columns = {
        n: c
        for n, c in inputs.items()
        if n not in ("yi", "vi", "V") and isinstance(c, list) and len(c) == len(inputs["yi"])
    }
    V = np.array(inputs["V"]) if "V" in inputs else None
    known: dict[str, Any] = {"V": V} if V is not None else {"vi": inputs["vi"]}
    table = lam.EvidenceTable.from_estimates(inputs["yi"], **known, moderators=columns)
    models = {c["id"]: c for c in data["cases"] if "model" not in c["args"]}
    return {"table": table, "models": models, "fits": {}}


def argument(call: str, name: str) -> str | None:
    """Return the source text of a named argument of an R call."""
    found = re.search(rf"[(,]\s*{re.escape(name)}\s*=\s*", call)
    if found is None:
        return None
    depth, out = 0, ""
    for ch in call[found.end() :]:
        if depth == 0 and ch in ",)":
            break
        depth += (ch in "([") - (ch in ")]")
        out += ch
    return out


def formula(table: lam.EvidenceTable, text: str) -> str:
    """Return an R formula with means written as numbers and factor() as C()."""
    text = re.sub(r"mean\((\w+)\)", lambda m: repr(float(np.mean(table.moderators[m[1]]))), text)
    return re.sub(r"\b(?:as\.)?factor\(", "C(", text)


def fitted(inputs: dict[str, Any], case_id: str) -> Any:
    """Return the fit of a model, made once."""
    if case_id not in inputs["fits"]:
        case = inputs["models"][case_id]
        args, call, table = case["args"], case["call"], inputs["table"]
        options: dict[str, Any] = {
            "method": args.get("method", "REML"),
            "test": args.get("test", "z"),
            "dfs": args.get("dfs", "residual"),
        }
        mods = argument(call, "mods")
        if mods is not None:
            options["moderators"] = formula(table, mods)
        if "struct" in args:
            options["struct"] = args["struct"]
        inputs["fits"][case_id] = lam.multilevel(table, random=args.get("random"), **options)
    return inputs["fits"][case_id]


def listed(x: Any) -> Any:
    return [None if v is None or not math.isfinite(v) else v for v in np.asarray(x).tolist()]


def coefficients(fit: Any) -> dict[str, Any]:
    c = fit.coefficients
    bounds = c.intervals()
    return {
        "beta": c.estimate,
        "se": c.se,
        "zval": c.statistics,
        "pval": c.p_values,
        "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1],
        "vb": c.covariance,
    }


def omnibus(test: Any) -> dict[str, Any]:
    return {
        "QM": test.statistic,
        "QMdf": [test.df, None if math.isinf(test.df_denominator) else test.df_denominator],
        "QMp": test.p_value,
    }


def model(fit: Any, expected: dict[str, Any]) -> dict[str, Any]:
    out = coefficients(fit) | omnibus(fit.omnibus())
    out |= {
        "ddf": listed(fit.coefficients.df),
        "QE": fit.q,
        "QEdf": fit.q_df,
        "QEp": fit.q_p,
        "k": fit.k,
        "p": fit.beta.size,
    }
    if fit.sigma2.size:
        out["sigma2"] = fit.sigma2
    if fit.tau2.size:
        out |= {"tau2": fit.tau2, "G": fit.G, "rho": fit.rho if fit.rho.size else [0.0]}
    out["fit"] = {
        "logLik": fit.log_likelihood,
        "deviance": fit.deviance,
        "AIC": fit.aic,
        "BIC": fit.bic,
        "AICc": fit.aicc,
    }
    out["coef_names"] = expected["coef_names"]
    return out


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args, expected = case["args"], case["expected"] or {}
    if "model" not in args:
        return model(fitted(inputs, case["id"]), expected)
    fit, fn = fitted(inputs, args["model"]), args["fn"]
    if fn == "predict":
        p = fit.predict()
        out = {"pred": p.mean, "se": p.se, "ci.lb": p.interval[:, 0], "ci.ub": p.interval[:, 1]}
        return out | ({} if p.new is None else {"pi.lb": p.new[:, 0], "pi.ub": p.new[:, 1]})
    if fn == "ranef":
        return {
            e.name: {"intrcpt": e.estimate, "se": e.se, "pi.lb": e.interval[:, 0], "pi.ub": e.interval[:, 1]}
            for e in fit.random_effects()
        }
    if fn == "rstandard":
        r = fit.residuals()
        return {"resid": r["residual"].to_numpy(), "se": r["std_error"].to_numpy(), "z": r["standardised"].to_numpy()}
    if fn == "hatvalues":
        return {"hat": fit.hat()}
    if fn == "weights" and args.get("type") == "rowsum":
        return {"weights": fit.weights}
    if fn.startswith("confint"):
        low, high = fit.component_interval(args["component"], args["index"])
        value = fit.components.get(args["component"], args["index"]).value
        return {"estimate": value, "ci.lb": low, "ci.ub": high, "lb.sign": "", "ub.sign": ""}
    return robust(fit, args, case)


def cluster_of(case: dict[str, Any]) -> str:
    found = argument(case["call"], "cluster")
    if found is None:
        raise Unsupported("the clusters are not named")
    return found.split("$")[-1]


def robust(fit: Any, args: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    cluster, fn = cluster_of(case), args["fn"]
    if fn == "robust":
        kind = args["vcov"].split()[0]
        kind = {"CR1": "CR1p"}.get(kind, kind)
        test = "Satterthwaite" if kind == "CR2" else "n-p"
        made = lam.cluster_robust(fit, cluster, kind=kind, df=test)
        df = made.coefficients.df
        shown = df if kind == "CR2" else df[:1]
        return coefficients(made) | omnibus(made.wald(fit.design.tested)) | {"ddf": shown, "n": made.clusters}
    if fn == "clubSandwich::coef_test":
        made = lam.cluster_robust(
            fit, cluster, kind=args["vcov"], df="n-1" if args["test"] == "naive-t" else args["test"]
        )
        c = made.coefficients
        return {"beta": c.estimate, "se": c.se, "tstat": c.statistics, "p": c.p_values, "df": c.df}
    if fn == "clubSandwich::Wald_test":
        made = lam.cluster_robust(fit, cluster, kind=args["vcov"], df="Satterthwaite")
        wanted = args["constraints"]
        tested = [i - 1 for i in (wanted if isinstance(wanted, list) else [wanted])]
        t = made.wald(tested)
        return {"Fstat": t.statistic, "df_num": t.df, "df_denom": t.df_denominator, "p": t.p_value}
    raise Unsupported(f"{fn} is not offered")
