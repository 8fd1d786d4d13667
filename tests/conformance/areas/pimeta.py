"""``pimeta``: prediction intervals, confidence intervals and τ² estimators.

Conventions of the R package that are not ours, met here through public functions:

* its HK variance is floored (factor not below 1), its HS is (Q − (k − 1))/Σw, which is HSk·(k − 1)/k;
* iterations for τ² stop when a step is below 1e-5(1 + τ²), root finders at .Machine$double.eps^¼. Our τ² has to solve
  its estimating equation, and R's to lie where its iteration may stop, in a distance that the slope of the iteration
  allows. What follows from τ² is compared at R's τ² to all digits printed, and ours must be the same formula at ours.
* some of its formulas, and its EB where it prints 0, do not solve the equation they are named after; ours do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.errors import NotEstimable
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
    "BM": "pimeta's BM adds Var(tau2)/tau2 to a pure number: it changes with the unit of the data; ours is the mode",
}
"""Where R's formula is not the published one: ours solves that, R's number does not."""
OURS = {"VC": "HE"}
INTERVALS = {
    "HTS": ("DL", "t"),
    "DL": ("DL", "t"),
    "HK": ("REML", "HKSJ-floor"),
    "SJ": ("REML", "SJ"),
    "KR": ("REML", "KR"),
    "CL": ("REML", "t"),
    "APX": ("REML", "t"),
    "PL": ("ML", "PL"),
    "BC": ("ML", "BC"),
}
PREDICTIONS = {"HTS": "HTS", "HK": "riley", "SJ": "riley", "KR": "KR-PR", "CL": "riley", "APX": "riley"}


METHODS = (*INTERVALS, *NOT_THE_METHOD, "SJ2", "boot", "DL", "ML", "REML", "PM", "HM", "HS", "AREML", "EB")
TOO_SMALL = "the variances are below the absolute tolerance of R's root search, 1.2e-4"
TWO_STEPS = "Sidik and Jonkman's estimator from a start by VC; pimeta's is 0 but for rounding"
CLOSED_FORM = ("HTS", "DL", "HM", "HS")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, ("method", "level", "methodci", "B"), in_call=False)
    one_of(args, {"fn": ("pima", "cima", "tau2h"), "method": METHODS})
    rows = lam.EvidenceTable.from_estimates(inputs["yi"], vi=inputs["vi"])
    level = args.get("level", 95) / 100
    if args["method"] == "SJ2":
        raise Unsupported(TWO_STEPS)
    if args["method"] in ("PL", "BC", "boot") and np.median(rows.vi) < STOP:
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
    return out | {
        "_there": intervals(rows, args, level, float(printed)),
        "_here": intervals(rows, args, level, out["tau2"]),
        "_step": estimating(rows, tau2),
        "_near": float(np.median(rows.vi)),
    }


Map = Callable[[float], float]


def estimating(rows: EvidenceTable, method: str) -> Map | None:
    """Return the step from one τ² to the next whose fixed point is the estimate; None for what has a closed form.

    The equations of Veroniki et al. 2016 (doi:10.1002/jrsm.1164), cut at 0; PM as τ² plus the excess of its equation;
    BM is the highest point of τ times the profile likelihood (Chung et al. 2013, doi:10.1002/sim.5821).
    """
    y, v, k = rows.yi, rows.vi, rows.k
    start = float(((y - y.mean()) ** 2).mean())  # of SJ, as published

    def step(t: float) -> float:
        w = 1 / (v + t)
        total = w.sum()
        r2 = (y - (w * y).sum() / total) ** 2
        made = {
            "ML": lambda: (w**2 * (r2 - v)).sum() / (w**2).sum(),
            "REML": lambda: (w**2 * (r2 - v)).sum() / (w**2).sum() + 1 / total,
            "AREML": lambda: (w**2 * (k / (k - 1) * r2 - v)).sum() / (w**2).sum(),
            "EB": lambda: (w * (k / (k - 1) * r2 - v)).sum() / total,
            "PM": lambda: t + ((w * r2).sum() - (k - 1)) / (w**2 * r2).sum(),
            "BM": lambda: ((w**2 * (r2 - v)).sum() + 1 / t) / (w**2).sum() if t > 0 else math.inf,
            "VC": lambda: y.var(ddof=1) - v.mean(),
            "SJ": lambda: sidik_jonkman(y, v, start),
        }[method]
        return max(0.0, float(made()))

    return step if method in ("ML", "REML", "AREML", "EB", "PM", *NOT_THE_METHOD) else None


def sidik_jonkman(y: np.ndarray, v: np.ndarray, start: float) -> float:
    """Return the estimate with weights 1/(v/start + 1) (Sidik and Jonkman 2005)."""
    w = 1 / (v / start + 1)
    return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum() / (y.size - 1))


def moved(step: Map, t: float) -> float:
    """Return by how much the next step leaves ``t``."""
    return abs(step(t) - t)


def reach(step: Map, t: float, stop: float) -> float:
    """Return how far an iteration that stops on a step of ``stop`` at ``t`` may be from where it goes.

    It contracts by the slope of its map, so that what is left is at most stop / (1 - slope).
    """
    h = 1e-4 * (t + stop)
    slope = (step(t + h) - step(t)) / h
    return math.inf if slope >= 1 else stop / (1 - slope)


def intervals(rows: EvidenceTable, args: Mapping[str, Any], level: float, tau2: str | float) -> dict[str, Any]:
    """Return mean, confidence interval and, for ``pima``, prediction interval."""
    method = args["method"]
    kind = PREDICTIONS[method] if args["fn"] == "pima" else "none"
    if rows.k < 3:
        kind = "none"
    fit = lam.pool(rows, model="random", tau2=tau2, interval=INTERVALS[method][1], prediction=kind, level=level)
    low, high = fit.interval()
    out = {"muhat": fit.mu, "ci.lb": low, "ci.ub": high, "tau2": fit.tau2, "nuc": fit.df, "vmuhat": fit.se**2}
    if kind != "none":
        try:
            new_low, new_high = fit.prediction()
            out |= {"pi.lb": new_low, "pi.ub": new_high, "nup": fit.prediction_df}
        except NotEstimable:  # below no degrees of freedom; R has NaN there, and the rule below asks for it
            out |= {"pi.lb": math.nan, "pi.ub": math.nan, "nup": math.nan}
    return out | {"_roots": method in ("PL", "BC")}


def simulated(rows: EvidenceTable, args: Mapping[str, Any], level: float) -> dict[str, Any]:
    """Return the bootstrap's intervals, compared by their widths."""
    boot = lam.checks.bootstrap_prediction(rows, level=level, draws=int(args.get("B", 25_000)), seed=SEED)
    low, high = boot.interval()
    inner_low, inner_high = boot.mean_interval()
    return {
        "muhat": boot.mean,
        "tau2": boot.tau2,
        "ci.lb": inner_low,
        "ci.ub": inner_high,
        "pi.lb": low,
        "pi.ub": high,
        "_widths": {"ci": inner_high - inner_low, "pi": high - low},
        "_draws": {"ci": boot.means, "pi": boot.effects},
        "_tail": (1 - level) / 2,
    }


def estimator(rows: EvidenceTable, args: Mapping[str, Any], level: float, printed: float | None) -> dict[str, Any]:
    """Return τ², with the Wald interval where it is asked for."""
    method = args["method"]
    if method == "HS":
        fit = lam.pool(rows, model="random", tau2="HSk", interval="z", prediction="none")
        return {"tau2": fit.tau2 * (rows.k - 1) / rows.k}
    ours = OURS.get(method, method)
    fit = lam.pool(rows, model="random", tau2=ours, interval="z", prediction="none", level=level)
    out: dict[str, Any] = {"tau2": fit.tau2, "_step": estimating(rows, method)}
    out["_near"] = float(np.median(rows.vi))
    if "methodci" in args:
        if args["methodci"] != method:
            raise Unsupported(f"Wald interval of {args['methodci']} about an estimate by {method}")
        low, high = fit.tau2_interval(method="wald")
        out |= {"ci.lb": low, "ci.ub": high}
        if printed is not None:
            out |= {name: wald(rows, method, t, level) for name, t in (("_there", printed), ("_here", fit.tau2))}
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
    """Compare to nine digits, else by R's own stopping rules, or by the width of simulated intervals."""
    width = got.get("_widths")
    for path, g, e, relative, fine in plain_deviations(got, expected, EXACT):
        head = path.split(".")[0]
        if path == "nup" and isinstance(e, int | float) and e <= 0:
            none = (g == "absent" or math.isnan(g)) and expected.get("pi.lb") is None
            yield path, g, e, 0.0, none, "no degrees of freedom, no prediction interval"
        elif fine or not isinstance(g, float) or not isinstance(e, int | float):
            yield path, g, e, relative, fine
        elif width is not None and head in width:
            yield path, g, e, relative, *simulated_end(got, expected, head, path, hint)
        elif path == "tau2":
            yield path, g, e, relative, *estimates_agree(got.get("_step"), g, e, got.get("_near", 0.0))
        else:
            yield path, g, e, relative, *follows(got, expected, path, g, e)


EXACT = {"rel": 1e-9, "abs": 1e-11}
"""What follows from τ² is a formula; the files' wider hints stand for the τ² of R's iterations."""
SOLVED = 1e-9
"""Our τ² solves its equation to this share of τ² and the variances."""
RESTS = "R's iteration for tau2 rests within its threshold, ours solves the equation"
UNSOLVED = "R's tau2 does not solve the estimating equation, ours does"
THERE = "R's numbers are those of our formulas at R's tau2, ours those at our tau2"
SEARCHED = "within the absolute tolerance of R's root search, ours solves the equation"


def simulated_end(got: Any, expected: Any, head: str, path: str, hint: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether our end leaves its tail of our draws, and R's is as near as two simulations are."""
    draws, tail = got["_draws"][head], got["_tail"]
    own = float(np.quantile(draws, tail if path.endswith("lb") else 1 - tail))
    near = abs(got[path] - expected[path]) <= hint["rel"] * got["_widths"][head] + hint["abs"]
    return near and abs(got[path] - own) <= 1e-12 * got["_widths"][head], "simulated: widths"


def estimates_agree(step: Map | None, ours: float, theirs: float, near: float) -> tuple[bool, str]:
    """Return whether our τ² solves its equation, and R's is where its stopping rule leaves it or no solution at all."""
    if step is None or moved(step, ours) > SOLVED * (ours + near):
        return False, ""
    stop = 1.05 * STOP * (1 + theirs)
    if moved(step, theirs) <= stop:
        return abs(ours - theirs) <= 2 * reach(step, theirs, stop), RESTS
    return True, UNSOLVED


def follows(got: Any, expected: Any, path: str, ours: float, theirs: float) -> tuple[bool, str]:
    """Return whether a leaf is what our τ² gives, and R's what its τ² gives."""

    def same(a: float, b: float) -> bool:
        return abs(a - b) <= EXACT["rel"] * abs(b) + EXACT["abs"]

    here, there = got.get("_here", {}).get(path), got.get("_there", {}).get(path)
    if here is None or there is None or not same(ours, here):
        return False, ""
    if same(there, theirs):
        return True, THERE
    return got.get("_roots", False) and abs(there - theirs) <= ROOT, SEARCHED
