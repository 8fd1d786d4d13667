"""Location-scale models."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured

KNOWN = ("mods", "scale", "link", "method", "test", "level", "model")


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    inputs = data["inputs"]
    return {
        "inputs": inputs,
        "models": {c["id"]: c["args"] for c in data["cases"] if "model" not in c["args"]},
        "fits": {},
    }


def fitted(prepared: dict[str, Any], name: str) -> Any:
    if name not in prepared["fits"]:
        args, inputs = prepared["models"][name], prepared["inputs"]
        if args.get("link", "log") not in ("log", "identity") or args["method"] not in ("ML", "REML"):
            raise Unsupported(f"link={args.get('link')!r}, method={args['method']!r}")
        table = lam.EvidenceTable.from_estimates(inputs["yi"], vi=inputs["vi"])
        X = np.array(inputs["X"], dtype=float) if "X" in inputs else None
        prepared["fits"][name] = lam.location_scale(
            table,
            scale=np.array(inputs["Z"]),
            moderators=X,
            link=args.get("link", "log"),
            tau2=args["method"],
            interval=args.get("test", "z"),
            level=args.get("level", 95) / 100,
        )
    return prepared["fits"][name]


def compute(prepared: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN)
    if "model" in args:
        if args["fn"] != "predict" or args["model"] not in prepared["models"]:
            raise Unsupported(f"{args['fn']} of model {args['model']!r}")
        p = fitted(prepared, args["model"]).predict()
        names = {"pred": "mean", "se": "std_error", "ci.lb": "conf_low", "ci.ub": "conf_high"}
        names |= {"pi.lb": "prediction_low", "pi.ub": "prediction_high"}
        return {theirs: p[ours].to_numpy() for theirs, ours in names.items()}
    fit = fitted(prepared, case["id"])
    out: dict[str, Any] = {"tau2": fit.tau2_rows}
    for c, tail in ((fit.mean_part, ""), (fit.variance_part, ".alpha")):
        bounds = c.intervals()
        out |= {
            "beta" if not tail else "alpha": c.estimate,
            f"se{tail}": c.se,
            f"zval{tail}": c.statistics,
            f"pval{tail}": c.p_values,
        }
        out |= {f"ci.lb{tail}": bounds[:, 0], f"ci.ub{tail}": bounds[:, 1]}
    mean = fit.mean_part.wald(fit.design.tested)
    out |= {"QM": mean.statistic, "QMp": mean.p_value}
    if np.isfinite(fit.variance_part.covariance).all():
        scale = fit.variance_part.wald(fit.scale_design.tested)
        out |= {"QS": scale.statistic, "QSp": scale.p_value}
    out["fit"] = {"logLik": fit.log_likelihood, "AIC": fit.aic, "BIC": fit.bic, "AICc": fit.aicc}
    return out
