"""Multilevel and multivariate models, and cluster-robust inference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

import lamevidence as lam
from lamevidence.foundation.errors import InputError, NotEstimable
from lamevidence.pooling.multilevel.profile import _leading, _Profile
from tests.conformance.coherent import coefficients as follow
from tests.conformance.coherent import incoherent, joint, tails
from tests.conformance.compare import deviations as plain_deviations
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
    ours = {"method": "tau2", "test": "interval", "dfs": "dfs"}
    plain = {ours[name]: named[name].strip('"') for name in ours if name in named}
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
    tau2 = fit.components.values("tau2")
    if tau2.size:
        out |= {"tau2": tau2, "G": fit.G, "rho": fit.rho if fit.rho.size else [0.0]}
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
        X = fit.design.X
        p = fit.predict(X[:1]) if len(fit.names) > 1 and (X[0] == X).all() else fit.predict()
        none = bool(p["prediction_low"].isna().all())
        if none and "pi.lb" in expected:
            raise Unsupported("prediction intervals of inner levels with variances of their own need a level")
        ours = {"pred": "mean", "se": "std_error", "ci.lb": "conf_low", "ci.ub": "conf_high"}
        ours |= {} if none else {"pi.lb": "prediction_low", "pi.ub": "prediction_high"}
        return {theirs: p[column].to_numpy() for theirs, column in ours.items()}
    if fn == "ranef":
        return {
            e.name: {"intrcpt": e.estimate, "se": e.se, "pi.lb": e.interval[:, 0], "pi.ub": e.interval[:, 1]}
            for e in fit.random_effects()
        }
    if fn == "rstandard":
        r = fit.residuals()
        return {"resid": r["residual"].to_numpy(), "se": r["std_error"].to_numpy(), "z": r["standardised"].to_numpy()}
    if fn == "hatvalues":
        return {"hat": fit.leverage()}
    if fn == "weights" and args.get("type") == "rowsum":
        return {"weights": fit.weights}
    if fn.startswith("confint"):
        low, high = fit.component_interval(args["component"], args["index"])
        value = fit.components.get(args["component"], args["index"]).value
        shown = {"estimate": value, "ci.lb": low, "ci.ub": high, "lb.sign": "", "ub.sign": ""}
        return shown | {"_profile": (fit, args["component"], args["index"]), "_level": fit.level}
    if fn == "anova" and isinstance(args.get("btt"), list):
        return omnibus(fit.coefficients.wald(args["btt"]))
    return robust(fit, args, case)


def positions(wanted: Any) -> list[int]:
    """Return coefficients, counted from 1, that R's ``constrain_zero`` names: 2, [2, 3], "2:3" or "c(2, 3)"."""
    if isinstance(wanted, str):
        found = re.fullmatch(r"(?:constrain_zero\()?\s*(?:c\()?([\d:,\s]+)\)*", wanted)
        if found is None:
            raise Unsupported(f"constraints {wanted}")
        ends = [[int(x) for x in part.split(":")] for part in found[1].split(",")]
        return [i for part in ends for i in range(part[0], part[-1] + 1)]
    return [int(i) for i in (wanted if isinstance(wanted, list) else [wanted])]


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
        t = made.wald([i - 1 for i in positions(args["constraints"])])
        return {"Fstat": t.statistic, "df_num": t.df, "df_denom": t.df_denominator, "p": t.p_value}
    raise Unsupported(f"{fn} is not offered")


CAPPED = "R's bound is the end of its search; ours lies beyond, where the likelihood has fallen far enough"
SHARP = {"rel": 1e-8, "abs": 1e-13}
"""Cochran's Q of the fixed-effects model depends on no variance component."""
SMALL = 1e-4
"""A bound of a component is compared to this share of it: the files' absolute tolerance is as large as some bounds."""


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Compare; what follows from our numbers has to follow, and a bound has to be where the profile falls so far."""
    yield from incoherent(got, own_numbers(got))
    if "_profile" in got:
        yield from bounds(got, expected, hint)
        return
    for key, value in (expected or {}).items():
        room = SHARP if key in ("QE", "QEp") else hint
        yield from plain_deviations({key: got[key]} if key in got else {}, {key: value}, room)


def own_numbers(got: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from the estimates, standard errors and statistics printed."""
    out: dict[str, Any] = {}
    if {"zval", "pval"} <= set(got):
        df = got.get("ddf", math.inf)
        df = df * len(got["beta"]) if isinstance(df, list) and len(df) == 1 else df
        out |= follow(got, df, got.get("_level", 0.95))
    if "QMp" in got:
        q, (df, below) = got["QM"], got["QMdf"]
        out["QMp"] = joint(q, df, below)
    if "QEp" in got:
        out["QEp"] = joint(got["QE"], got["QEdf"], None)
    if "tstat" in got:
        beta, se = np.asarray(got["beta"]), np.asarray(got["se"])
        out |= {"tstat": beta / se, "p": tails(beta / se, got["df"])}
    if "Fstat" in got:
        out["p"] = joint(got["Fstat"], got["df_num"], got["df_denom"])
    return out


def bounds(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Compare a profile interval; a sign says that R's search ended there before the likelihood did."""
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        sign = expected.get(f"{path[3:]}.sign") if path.startswith("ci.") else ""
        if path.endswith(".sign"):
            yield path, g, e, 0.0, e in ("", "<", ">"), CAPPED if e else ""
        elif sign:
            limit = number(e)
            beyond = g <= limit + 1e-6 if sign == "<" else g >= limit * (1 - 1e-6)
            yield path, g, e, 0.0, beyond and solved(got, g), CAPPED
        elif isinstance(g, float) and isinstance(e, int | float) and e:
            room = min(hint["abs"] + hint["rel"] * abs(e), max(SMALL, hint["rel"]) * abs(e))
            yield path, g, e, relative, abs(g - e) <= room
        else:
            yield path, g, e, relative, fine and (g == 0) == (e == 0)


def solved(got: Mapping[str, Any], bound: float) -> bool:
    """Return whether twice the fall of the profile likelihood at the bound is the χ² quantile, or less at an edge."""
    fit, name, index = got["_profile"]
    component = fit.model.components.get(name, index)
    likelihood, theta, component = _leading(fit.model.likelihood, fit.model.maximum.theta, component)
    term, position = likelihood.terms[component.term], likelihood.parts[component.term].start + component.position
    critical = float(special.chdtri(1, 1 - got["_level"]))
    profile = _Profile(likelihood, theta, position, fit.model.log_likelihood, critical)
    if name in ("rho", "phi"):
        angles = term.structure.code == "UN" and term.structure.m > 2
        excess, edges = profile(math.acos(bound) if angles else bound), (-1.0, 1.0)
    else:
        sd = term.structure.as_sd
        excess, edges = profile(math.sqrt(bound) / likelihood.scale if sd else bound / likelihood.scale**2), (0.0,)
    return abs(excess) <= 1e-5 or (bound in edges and excess <= 0)
