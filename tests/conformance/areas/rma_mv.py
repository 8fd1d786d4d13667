"""Multilevel and multivariate models, and cluster-robust inference."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd

import lamevidence as lam
from lamevidence.errors import InputError, NotEstimable
from tests.conformance.compare import number
from tests.conformance.runner import Unsupported

UNDERSTOOD = {"mods", "random", "struct", "data", "method", "test", "dfs", "R", "level", "control", "verbose", "digits"}
"""Arguments of ``rma.mv`` that are read from the call; any other makes the case unsupported."""


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    """Return the columns, the settings of the fitted models by id, and a place for the fits."""
    models = {c["id"]: c for c in data["cases"] if "model" not in c["args"]}
    return {"columns": data["inputs"], "models": models, "fits": {}, "rows": {}}


def arguments(call: str) -> list[tuple[str, str]]:
    """Return the (name, text) of every argument of an R call; the name is empty where none is given."""
    inside, found, depth, quoted, piece = call[call.index("(") + 1 :], [], 0, False, ""
    for ch in inside:
        quoted ^= ch == '"'
        if not quoted and depth == 0 and ch in ",)":
            found.append(piece.strip())
            piece = ""
            if ch == ")":
                break
            continue
        depth += 0 if quoted else (ch in "([") - (ch in ")]")
        piece += ch
    named = [re.match(r"([\w.]+)\s*=(?!=)\s*(.*)", text, re.S) for text in found]
    return [(m[1], m[2]) if m else ("", text) for m, text in zip(named, found, strict=True)]


def complete(columns: dict[str, Any], used: set[str]) -> np.ndarray:
    """Return which rows have every value that a model uses; R leaves the others out."""
    names = [n for n in ("yi", "vi", *sorted(used)) if n in columns]
    return np.all([[v is not None for v in columns[n]] for n in names], axis=0)


def table_of(columns: dict[str, Any], keep: np.ndarray) -> lam.EvidenceTable:
    """Return the rows of ``keep`` as a table."""
    k = len(columns["yi"])
    chosen = {
        n: [v for v, kept in zip(c, keep, strict=True) if kept]
        for n, c in columns.items()
        if n not in ("V", "R") and isinstance(c, list) and len(c) == k
    }
    known: dict[str, Any] = {"vi": chosen["vi"]} if "V" not in columns else {}
    if "V" in columns:
        known["V"] = np.array(columns["V"], dtype=float)[np.ix_(keep, keep)]
    moderators = {n: c for n, c in chosen.items() if n not in ("yi", "vi") and all(v is not None for v in c)}
    return lam.EvidenceTable.from_estimates(chosen["yi"], **known, moderators=moderators)


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


def terms(text: str) -> list[str]:
    """Return the random terms of ``~inner|outer`` or of a list of such formulas."""
    parts = [t for _, t in arguments(text)] if text.startswith("list(") else [text]
    return [re.sub(r"\b(?:as\.)?factor\((\w+)\)", r"\1", part).strip().lstrip("~ ") for part in parts]


def known_correlations(columns: dict[str, Any], text: str) -> dict[str, Any]:
    """Return ``R=list(group=R)`` as matrices; the file stores one, in the order of the sorted labels."""
    given = dict(arguments(text))
    if list(given.values()) != ["R"] or "R" not in columns:
        raise Unsupported(f"R = {text}")
    frames = {}
    for name in given:
        groups = sorted(set(columns[name]))
        labels = [str(int(x)) if isinstance(x, float) and x.is_integer() else str(x) for x in groups]
        frames[name] = pd.DataFrame(np.array(columns["R"], dtype=float), index=labels, columns=labels)
    return frames


def fitted(inputs: dict[str, Any], case_id: str) -> Any:
    """Return the fit of a model, made once."""
    if case_id not in inputs["fits"]:
        case = inputs["models"][case_id]
        call, columns = case["call"], inputs["columns"]
        given = arguments(call)
        named = {name: text for name, text in given if name}
        extra = sorted(set(named) - UNDERSTOOD)
        free = [text for name, text in given if not name]
        if extra or free[0] != "yi" or free[1:] not in (["vi"], ["V"]):
            raise Unsupported(f"rma.mv with {', '.join(extra) or free}")
        used = set(re.findall(r"[A-Za-z_.][\w.]*", named.get("mods", "") + " " + named.get("random", "")))
        keep = complete(columns, used)
        if free[1] == "vi":
            columns = {n: c for n, c in columns.items() if n != "V"}
        table = table_of(columns, keep)
        options = options_of(table, named, columns)
        inputs["rows"][case_id] = keep
        random = terms(named["random"]) if "random" in named else None
        one = random[0] if random is not None and len(random) == 1 else random
        try:
            inputs["fits"][case_id] = lam.multilevel(table, random=one, **options)
        except InputError as error:
            if "cannot be told apart" in str(error):
                raise Unsupported("groupings that coincide: R splits their variance at random, ours refuses") from None
            raise
    return inputs["fits"][case_id]


def options_of(table: lam.EvidenceTable, named: dict[str, str], columns: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of `lamevidence.multilevel` that the R arguments ask for."""
    plain = {name: named[name].strip('"') for name in ("method", "test", "dfs") if name in named}
    options: dict[str, Any] = plain
    if "mods" in named:
        options["moderators"] = formula(table, named["mods"])
    if "struct" in named:
        found = re.findall(r'"(\w+)"', named["struct"])
        options["struct"] = found[0] if len(found) == 1 else found
    if "R" in named:
        options["R"] = known_correlations(columns, named["R"])
    if "level" in named:
        level = float(named["level"])
        options["level"] = level / 100 if level > 1 else level
    return options


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
        if p.new is None and "pi.lb" in expected:
            raise Unsupported("prediction intervals of inner levels with variances of their own need a level")
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
        shown = {"estimate": value, "ci.lb": low, "ci.ub": high, "lb.sign": "", "ub.sign": ""}
        # a sign says that R's search ended there before the likelihood did: ours lies beyond
        if expected.get("lb.sign") == "<" and low <= number(expected["ci.lb"]) + 1e-6:
            shown |= {"ci.lb": expected["ci.lb"], "lb.sign": "<"}
        if expected.get("ub.sign") == ">" and high >= number(expected["ci.ub"]) * (1 - 1e-6):
            shown |= {"ci.ub": expected["ci.ub"], "ub.sign": ">"}
        return shown
    if fn == "anova" and isinstance(args.get("btt"), list):
        return omnibus(fit.coefficients.wald(args["btt"]))
    return robust(fit, args, case)


def cluster_of(case: dict[str, Any]) -> str:
    found = argument(case["call"], "cluster")
    if found is None:
        raise Unsupported("the clusters are not named")
    return found.split("$")[-1]


def robust(fit: Any, args: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    cluster, fn = cluster_of(case), args["fn"]
    if args.get("test", "z") not in ("z", "naive-t", "Satterthwaite", "HTZ"):
        raise Unsupported(f"degrees of freedom {args['test']}")
    if fn == "robust":
        kind = args["vcov"].split()[0]
        kind = {"CR1": "CR1p"}.get(kind, kind)
        test = "Satterthwaite" if kind == "CR2" else "n-p"
        made = lam.cluster_robust(fit, cluster, kind=kind, df=test)
        df = made.coefficients.df
        shown = df if kind == "CR2" else df[:1]
        return coefficients(made) | omnibus(made.wald(fit.design.tested)) | {"ddf": shown, "n": made.clusters}
    if fn == "clubSandwich::coef_test":
        try:
            made = lam.cluster_robust(
                fit, cluster, kind=args["vcov"], df="n-1" if args["test"] == "naive-t" else args["test"]
            )
        except NotEstimable as error:
            if "CR3 does not exist" in str(error):
                raise Unsupported("CR3 with a cluster of leverage 1: R divides by rounding errors") from None
            raise
        c = made.coefficients
        return {"beta": c.estimate, "se": c.se, "tstat": c.statistics, "p": c.p_values, "df": c.df}
    if fn == "clubSandwich::Wald_test":
        made = lam.cluster_robust(fit, cluster, kind=args["vcov"], df="Satterthwaite")
        wanted = args["constraints"]
        tested = [i - 1 for i in (wanted if isinstance(wanted, list) else [wanted])]
        t = made.wald(tested)
        return {"Fstat": t.statistic, "df_num": t.df, "df_denom": t.df_denominator, "p": t.p_value}
    raise Unsupported(f"{fn} is not offered")
