"""``pimeta``: prediction intervals, confidence intervals and τ² estimators.

Conventions of the R package that are not ours, met here through public functions:

* its HK variance is floored (factor not below 1), its HS is (Q − (k − 1))/Σw, which is HSk·(k − 1)/k;
* iterations for τ² stop when a step is below 1e-5(1 + τ²), root finders at .Machine$double.eps^¼. Where the τ² that R
  printed is a point at which its iteration rests, what follows from τ² is compared there, to all digits printed. Data
  whose variances are themselves below 1e-5 cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

STOP = 1e-5
"""R's stopping rule for τ², times (1 + τ²)."""
ROOT = 1.3e-4
"""``stats::uniroot``'s default tolerance, .Machine$double.eps^0.25, on the scale of the data."""
SEED = 20190

NOT_THE_METHOD = {
    "VC": "pimeta's VC takes the mean standard error, not the mean variance, from the variance of the estimates",
    "SJ": "pimeta's SJ sums weighted residuals without squaring them: 0 but for rounding",
    "SJ2": "pimeta's SJ2 sums weighted residuals without squaring them: 0 but for rounding",
    "BM": "pimeta's BM adds Var(tau2)/tau2 to a pure number: it changes with the unit of the data; ours is the mode",
}
INTERVALS = {"HTS": ("DL", "t"), "DL": ("DL", "t"), "HK": ("REML", "HKSJ-floor"), "SJ": ("REML", "SJ"),
             "KR": ("REML", "KR"), "CL": ("REML", "t"), "APX": ("REML", "t"), "PL": ("ML", "PL"), "BC": ("ML", "BC")}
PREDICTIONS = {"HTS": "HTS", "HK": "riley", "SJ": "riley", "KR": "KR-PR", "CL": "riley", "APX": "riley"}


METHODS = (*INTERVALS, *NOT_THE_METHOD, "boot", "DL", "ML", "REML", "PM", "HM", "HS", "AREML", "EB")
TOO_SMALL = "the variances are below the absolute tolerances of R's solvers (1e-5 for tau2, 1.2e-4 for roots)"
CLOSED_FORM = ("HTS", "DL", "HM", "HS")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, ("method", "level", "methodci", "B"), in_call=False)
    one_of(args, {"fn": ("pima", "cima", "tau2h"), "method": METHODS})
    rows = lam.EvidenceTable.from_estimates(inputs["yi"], inputs["vi"])
    level = args.get("level", 95) / 100
    if args["method"] in NOT_THE_METHOD and args["fn"] == "tau2h":
        raise Unsupported(NOT_THE_METHOD[args["method"]])
    if args["method"] not in CLOSED_FORM and np.median(rows.vi) < STOP:
        raise Unsupported(TOO_SMALL)
    printed = (case.get("expected") or {}).get("tau2")
    if args["fn"] == "tau2h":
        return estimator(rows, args, level, printed)
    if args["method"] == "boot":
        if None in (case.get("expected") or {}).values():
            raise Unsupported("R's simulation has no number for some of the ends: not all of its draws succeeded")
        return simulated(rows, args, level)
    if args["method"] not in INTERVALS:
        raise Unsupported(f"method {args['method']}")
    tau2 = INTERVALS[args["method"]][0]
    out = intervals(rows, args, level, tau2)
    if printed is None:
        return out
    return out | {"_there": intervals(rows, args, level, float(printed)), "_rests": rests(rows, tau2, float(printed))}


def rests(rows: EvidenceTable, method: str, t: float) -> bool:
    """Return whether R's iteration for τ² moves by less than its stopping rule from ``t`` (PM: is so near its root)."""
    if method == "PM":
        return abs(lam.pool(rows, model="random", tau2="PM", interval="z", prediction="none").tau2 - t) <= ROOT
    w = 1 / (rows.vi + t)
    total, k = w.sum(), rows.k
    r2 = (rows.yi - (w * rows.yi).sum() / total) ** 2
    steps = {
        "ML": lambda: (w**2 * (r2 - rows.vi)).sum() / (w**2).sum(),
        "REML": lambda: (w**2 * (r2 - rows.vi)).sum() / (w**2).sum() + 1 / total,
        "AREML": lambda: (w**2 * (k / (k - 1) * r2 - rows.vi)).sum() / (w**2).sum(),
        "EB": lambda: (w * (k / (k - 1) * r2 - rows.vi)).sum() / total,
    }
    return method in steps and bool(abs(max(0.0, float(steps[method]())) - t) <= 1.05 * STOP * (1 + t))


def intervals(rows: EvidenceTable, args: Mapping[str, Any], level: float, tau2: str | float) -> dict[str, Any]:
    """Return mean, confidence interval and, for ``pima``, prediction interval."""
    method = args["method"]
    kind = PREDICTIONS[method] if args["fn"] == "pima" else "none"
    if rows.k < 3:
        kind = "none"
    fit = lam.pool(
        rows, model="random", tau2=tau2, interval=INTERVALS[method][1], prediction=kind, level=level
    )
    low, high = fit.interval()
    out = {"muhat": fit.mu, "ci.lb": low, "ci.ub": high, "tau2": fit.tau2, "nuc": fit.df, "vmuhat": fit.se**2}
    if kind != "none":
        new_low, new_high = fit.prediction()
        out |= {"pi.lb": new_low, "pi.ub": new_high, "nup": fit.prediction_df}
    return out | {"_roots": method in ("PL", "BC")}


def simulated(rows: EvidenceTable, args: Mapping[str, Any], level: float) -> dict[str, Any]:
    """Return the bootstrap's intervals, compared by their widths."""
    boot = lam.bootstrap_prediction(rows, level=level, draws=int(args.get("B", 25_000)), seed=SEED)
    low, high = boot.interval()
    inner_low, inner_high = boot.mean_interval()
    return {
        "muhat": boot.mean, "tau2": boot.tau2, "ci.lb": inner_low, "ci.ub": inner_high, "pi.lb": low, "pi.ub": high,
        "_widths": {"ci": inner_high - inner_low, "pi": high - low},
    }


def estimator(rows: EvidenceTable, args: Mapping[str, Any], level: float, printed: float | None) -> dict[str, Any]:
    """Return τ², with the Wald interval where it is asked for."""
    method = args["method"]
    if method == "HS":
        fit = lam.pool(rows, model="random", tau2="HSk", interval="z", prediction="none")
        return {"tau2": fit.tau2 * (rows.k - 1) / rows.k}
    fit = lam.pool(rows, model="random", tau2=method, interval="z", prediction="none", level=level)
    out: dict[str, Any] = {"tau2": fit.tau2, "_rests": printed is not None and rests(rows, method, printed)}
    if "methodci" in args:
        if args["methodci"] != method:
            raise Unsupported(f"Wald interval of {args['methodci']} about an estimate by {method}")
        low, high = fit.tau2_interval(method="wald")
        out |= {"ci.lb": low, "ci.ub": high}
        if printed is not None:
            out["_there"] = wald(rows, method, printed, level)
    return out


def wald(rows: EvidenceTable, method: str, t: float, level: float) -> dict[str, float]:
    """Return the Wald interval at R's own τ²: information Σw²/2 for ML, tr PP/2 for REML."""
    w = 1 / (rows.vi + t)
    two = (w**2).sum()
    if method == "REML":
        two = two - 2 * (w**3).sum() / w.sum() + (two / w.sum()) ** 2
    half = float(special.ndtri(0.5 + level / 2) * np.sqrt(2 / two))
    return {"ci.lb": max(0.0, t - half), "ci.ub": t + half}


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Compare at the file's tolerance, with R's own stopping rules and the width of simulated intervals."""
    at_theirs = got.get("_there", {})
    width = got.get("_widths")
    rule = hint if width is None else {"rel": 1e-9, "abs": 1e-11}
    for path, g, e, relative, fine in plain_deviations(got, expected, rule):
        head = path.split(".")[0]
        if path == "nup" and isinstance(e, int | float) and e <= 0:
            yield path, g, e, 0.0, expected.get("pi.lb") is None, "no degrees of freedom, no prediction interval"
        elif fine or not isinstance(g, float) or not isinstance(e, int | float):
            yield path, g, e, relative, fine
        elif width is not None and head in width:
            yield path, g, e, relative, abs(g - e) <= hint["rel"] * width[head] + hint["abs"], "simulated: widths"
        elif path == "tau2":
            yield path, g, e, relative, got.get("_rests", False), "R's iteration for tau2 rests within its threshold"
        else:
            gap = abs(at_theirs.get(path, g) - e)
            exact = gap <= 1e-9 * abs(e) + 1e-11
            rule = "compared at R's tau2" if exact else "within the absolute tolerance of R's root search"
            yield path, g, e, relative, exact or (got.get("_roots", False) and gap <= ROOT), rule
