"""Case diagnostics, leave-one-out, cumulative analyses, residuals, predictions, tests, robust standard errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.foundation.errors import NotEstimable
from tests.conformance.areas.predict import transformed
from tests.conformance.areas.rma_uni import fit_case
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported
from tests.conformance.settings import column, design_rows, forgiving, honoured, lost, observed, weights_of

KNOWN = ("method", "test", "weights", "weighted", "tau2", "level", "mods")
OWN = {
    "cumul": ("order", "transf"),
    "cumul_vi": ("order", "transf"),
    "leave1out": ("transf",),
    "anova": ("btt", "L", "X"),
    "robust": ("cluster", "adjust", "vcov", "df"),
}
KINDS = (
    "influence",
    "leave1out",
    "cumul",
    "cumul_vi",
    "residuals",
    "blup",
    "ranef",
    "vif",
    "anova",
    "anova_LRT",
    "robust",
)


def model_of(inputs: Any, args: dict[str, Any]) -> Any:
    """Return the fit that the settings describe."""
    yi, vi, rows = observed(inputs)
    weights = args.get("weights")
    if "mods" not in args:
        return fit_case(yi, vi, args, None, weights=weights_of(weights, inputs, rows))
    if "X" not in inputs:
        raise Unsupported("the file holds no model matrix")
    X = np.array(inputs["X"], dtype=float)
    keep = design_rows(inputs, X)
    yi, vi = column(inputs["yi"])[keep], column(inputs["vi"])[keep]
    return fit_case(yi, vi, args, X, inputs.get("X_columns"), weights_of(weights, inputs, keep))


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    kind = case["id"].removeprefix("X|").split("|")[0]
    kind = "anova" if kind.startswith("anova") and kind != "anova_LRT" else kind
    if kind not in KINDS:
        raise Unsupported(f"a case of kind {kind!r}")
    args = honoured(case, (*KNOWN, *OWN.get(kind, ())))
    if kind == "anova_LRT":
        return likelihood_ratio(inputs, args)
    fit = model_of(inputs, args)
    out = globals()[f"case_{kind}"](fit, args, case | {"inputs": inputs})
    out["_lost"] = lost(fit.table.vi, fit.design.X if "mods" in args else None)
    return out | (
        {"_fit": fit, "_order": args.get("order"), "_kept": {}} if kind in ("leave1out", "cumul", "cumul_vi") else {}
    )


def case_influence(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    found = lam.influence(fit)
    names = list((case["expected"] or {}).get("dfbs", {}))
    ours = [name for name in found.columns if name.startswith("dfbetas_")]
    names = names or ours
    if len(names) != len(ours):
        raise Unsupported(f"{len(names)} coefficients expected, {len(ours)} in the model")
    out = {"dfbs": {n: found[o] for n, o in zip(names, ours, strict=True)}, "is.infl": found["influential"]}
    out["inf"] = {theirs: found[own] for theirs, own in DIAGNOSTICS.items()}
    if "mods" in args:  # R inverts X'WX: digits go with the squared condition number of a year beside an intercept
        out["zero"] = 0.01 * np.finfo(float).eps * np.linalg.cond(fit.design.X) ** 2
    return out


DIAGNOSTICS = {
    "rstudent": "studentized",
    "dffits": "dffits",
    "cook.d": "cook",
    "cov.r": "cov_ratio",
    "tau2.del": "tau2_deleted",
    "QE.del": "q_deleted",
    "hat": "hat",
    "weight": "weight",
}


def case_leave1out(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    return rows(lam.leave_one_out(fit), args)


def rows(found: Any, args: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of R; a single study has τ² = I² = 0, H² = 1 and Qp = 1 there, and none of them here."""
    single = np.isnan(found["tau2"])
    z = "zval" if args.get("test", "z") == "z" else "tval"
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
    out |= {theirs: np.where(single, value, found[ours]) for theirs, (ours, value) in fill.items()}
    if args.get("transf"):
        del out["se"]
        shown = transformed({"pred": out["estimate"], "ci.lb": out["ci.lb"], "ci.ub": out["ci.ub"]}, args["transf"])
        out |= {"estimate": shown["pred"], "ci.lb": shown["ci.lb"], "ci.ub": shown["ci.ub"]}
    return out


def case_cumul(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    order = args.get("order", "input order")
    if order not in ("input order", "increasing vi") and not isinstance(order, list):
        raise Unsupported(f"order={order!r}")
    given = "precision" if order == "increasing vi" else None if order == "input order" else order
    found = lam.cumulative(fit, order=given)
    k = len(found)
    return rows(found, args) | {"k": found["k"], "slab.null": [True] * k, "measure": [fit.table.measure] * k}


case_cumul_vi = case_cumul


def case_residuals(fit: Any, args: dict[str, Any], case: Any) -> dict[str, Any]:
    found = lam.checks.residuals(fit)
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
    found = lam.checks.shrinkage(fit)
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
        columns = [args["btt"]] if isinstance(args["btt"], int) else args["btt"]
        statistic, m, df, p = fit.test(columns)
        return {"QM": statistic, "QMdf": [m, df], "QMp": p}
    L = contrasts_of(args.get("L", args.get("X")), len(fit.names))
    rows = fit.contrasts(L)
    out = {
        "Xb": rows["estimate"].to_numpy(),
        "se": rows["std_error"].to_numpy(),
        "zval": rows["statistic"].to_numpy(),
        "pval": rows["p_value"].to_numpy(),
    }
    if np.linalg.matrix_rank(L) < len(L):
        return out  # R gives no joint test of dependent contrasts
    try:
        joint = lam.checks.wald_test(fit, L)
    except NotEstimable:
        return out | {"QM": math.nan, "QMdf": [len(L), fit.df], "QMp": math.nan}
    return out | {"QM": joint.statistic, "QMdf": [joint.df, joint.df_denominator], "QMp": joint.p_value}


def contrasts_of(given: Any, p: int) -> np.ndarray:
    """Return the contrast matrix: numbers, or the pattern in words that does not depend on p."""
    if isinstance(given, list):
        return np.atleast_2d(np.array(given, dtype=float))
    if given == "rows (1,.5,...,.5) and (0,1,0,...)":
        return np.vstack([[1.0] + [0.5] * (p - 1), np.eye(p)[1]])
    raise Unsupported(f"contrasts {given!r}")


def likelihood_ratio(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison with the model without moderators."""
    if args["method"] != "ML":
        raise Unsupported(f"likelihood ratio test by {args['method']}")
    full = model_of(inputs, args | {"test": "z"})
    reduced = lam.pool(full.table, tau2="ML", interval="z", prediction="none")
    found = lam.checks.likelihood_ratio_test(full, reduced)
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
    if args.get("method", "REML") not in ("ML", "REML") or "weights" in args or args.get("weighted") is False:
        raise Unsupported("cluster-robust inference of this model")
    table = lam.EvidenceTable.from_estimates(fit.table.yi, vi=fit.table.vi)
    X = fit.design.X if "mods" in args else None
    kind = args.get("vcov") or ("CR1p" if args.get("adjust", True) else "CR0")
    if kind not in ("CR0", "CR1", "CR1p", "CR1S", "CR2"):
        raise Unsupported(f"vcov={kind!r}")
    whole = lam.multilevel(table, random="1 | row", moderators=X, tau2=args.get("method", "REML"))
    level = args.get("level", 95) / 100
    found = lam.cluster_robust(whole, clusters(args.get("cluster"), case["inputs"], fit.k), kind=kind, level=level)
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


def clusters(given: Any, inputs: Any, k: int) -> list[str]:
    """Return the cluster of each row."""
    if given == "pairs of consecutive rows":
        return [str(i // 2) for i in range(k)]
    labels = inputs.get(given.removeprefix("inputs.")) if isinstance(given, str) else given
    if not isinstance(labels, list) or len(labels) != k:
        raise Unsupported(f"cluster={given!r}")
    return [str(x) for x in labels]


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; where R's τ² stopped just above the 0 it stands for, random effects of size √τ² are 0."""
    zero = isinstance(got, dict) and got.get("zero", 0.0)
    wide = dict(hint) | {"abs": hint["abs"] + zero} if zero else hint
    what = "digits lost with the condition number of the design" if "dfbs" in got else STRAY
    relative = got["_lost"] if isinstance(got, dict) and "_lost" in got else 0.0
    series = expected and "_fit" in got and "tau2" in expected
    kept: dict[int, Any] = got.get("_kept", {})
    for row in forgiving(plain_deviations(got, expected, wide), relative):
        name, _, place = row[0].partition("[")
        i = int(place.rstrip("]")) if place else -1
        if series and not row[4] and place and i not in kept:
            kept[i] = at_their_tau2(got, i, expected["tau2"][i])
        if series and not row[4] and place and kept[i]:
            rule, ours, theirs = kept[i]
            near = {"rel": 10 * hint["rel"], "abs": 10 * hint["abs"]}
            fine = all(
                close(x, values[name], near) for x, values in ((row[1], ours), (row[2], theirs)) if name in values
            )
            yield *row[:3], 0.0, fine and name in ours, rule
        else:
            yield *row[:5], *(row[5:] or [what if zero else ""])


def close(g: Any, e: Any, hint: Any) -> bool:
    """Return whether two numbers are within a tolerance."""
    return all(row[4] for row in plain_deviations(g, e, hint))


STRAY = "R's tau2 stopped just above the 0 it stands for"
LOWER = "R stopped at a lower maximum of the likelihood: compared at its tau2"
LIKELIHOODS = ("ML", "REML")


def at_their_tau2(got: Any, i: int, theirs: Any) -> tuple[str, dict[str, float], dict[str, float]] | None:
    """Return, for row i, why R's τ² may differ, what the model gives for these studies, and what it gives at R's τ².

    R's may be a stray from 0, or lie at a lower maximum of the likelihood than ours.
    """
    fit, part = got["_fit"], subset_of(got["_fit"], got, i)
    if part.k < 2 or not isinstance(theirs, float | int):
        return None
    model = {"interval": fit.spec.interval, "prediction": "none", "level": fit.spec.level}
    own = lam.pool(part, tau2=fit.spec.tau2, **model)
    if own.tau2 == theirs:
        return None
    rule = STRAY
    if not (own.tau2 == 0 and theirs <= 1e-10 * np.var(fit.table.yi, ddof=1)):
        if fit.spec.tau2 not in LIKELIHOODS:
            return None
        high, low = lam.checks.likelihood_profile(own, [own.tau2, theirs])["log_likelihood"]
        if high <= low:
            return None
        rule = LOWER
    return rule, named(own), named(lam.pool(part, tau2=float(theirs), **model))


def named(fit: Any) -> dict[str, float]:
    """Return one row of a leave-one-out or cumulative analysis in R's names."""
    low, high = fit.interval()
    tested = {"zval": fit.statistic, "tval": fit.statistic, "pval": fit.p_value, "ci.lb": low, "ci.ub": high}
    return {"estimate": fit.mu, "se": fit.se, "tau2": fit.tau2, "I2": fit.i2, "H2": fit.h2, **tested}


def subset_of(fit: Any, got: Any, i: int) -> Any:
    """Return the studies behind row i of a leave-one-out or cumulative analysis."""
    yi, vi = fit.table.yi, fit.table.vi
    if "_order" in got and got["_order"] is not None:
        rows = np.argsort(vi, kind="stable") if got["_order"] == "increasing vi" else np.arange(vi.size)
        rows = rows[: i + 1]
    else:
        rows = np.delete(np.arange(vi.size), i)
    return lam.EvidenceTable.from_estimates(yi[rows], vi=vi[rows])
