"""Small-study effects: regression and rank tests, trim-and-fill, fail-safe N, Henmi-Copas, excess significance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.checks.fail_safe import with_null_studies
from lamevidence.foundation.errors import NotEstimable
from tests.conformance.areas.rma_uni import INTERVALS, fit_case
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.compare import plain
from tests.conformance.equations import direct_height
from tests.conformance.runner import Unsupported
from tests.conformance.settings import column, design_rows, forgiving, honoured, lost, observed, weights_of

PREDICTORS = ("sei", "vi", "ni", "ninv", "sqrtni", "sqrtninv")


MODEL = ("method", "test", "mods", "level", "weights", "weighted", "tau2")
KNOWN = {
    "regtest": (*MODEL, "model", "predictor"),
    "ranktest": (*MODEL, "exact"),
    "hc": MODEL,
    "trimfill": (*MODEL, "estimator", "side"),
    "fsn": (*MODEL, "type", "alpha", "target", "exact"),
    "tes": ("method", "mods", "level", "tau2", "test", "tes.alternative", "alpha", "tes.alpha"),
}


def pooled(inputs: Any, args: dict[str, Any]) -> Any:
    """Return the fit that the settings describe."""
    yi, vi, keep = observed(inputs)
    n = inputs.get("ni")
    X = None
    if "mods" in args:
        if "X" not in inputs:
            raise Unsupported("the file holds no model matrix")
        X = np.array(inputs["X"], dtype=float)
        keep = design_rows(inputs, X)
        yi, vi = column(inputs["yi"])[keep], column(inputs["vi"])[keep]
    sizes = None if n is None else column(n)[keep]
    settings = {"method": "EE", **args}
    return fit_case(yi, vi, settings, X, None, weights_of(args.get("weights"), inputs, keep), sizes)


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    fn = case["args"].get("fn")
    if fn not in KNOWN:
        raise Unsupported(f"function {fn!r}")
    args = honoured(case, KNOWN[fn])
    return globals()[f"case_{fn}"](inputs, args) | {"_lost": precision(inputs, args) if fn == "regtest" else 0.0}


def precision(inputs: Any, args: dict[str, Any]) -> float:
    """Return the relative error of sums over the weights and the design of a regression test."""
    table = pooled(inputs, args | {"method": "EE", "test": "z"}).table
    x = {"sei": np.sqrt(table.vi), "vi": table.vi}.get(args.get("predictor", "sei"), table.n)
    if x is None:
        return 0.0
    x = {"ninv": lambda n: 1 / n, "sqrtni": np.sqrt, "sqrtninv": lambda n: n**-0.5}.get(
        args.get("predictor", "sei"), lambda n: n
    )(x)
    X = np.array(inputs["X"], dtype=float) if "mods" in args else np.ones((table.k, 1))
    return lost(table.vi, np.column_stack([X, x]))


def case_regtest(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    model, predictor = args.get("model", "rma"), args.get("predictor", "sei")
    if model not in ("rma", "lm") or predictor not in PREDICTORS:
        raise Unsupported(f"regtest with model={model!r}, predictor={predictor!r}")
    args = args | {"model": model, "predictor": predictor}
    found = lam.checks.small_study_test(pooled(inputs, args), f"egger-{model}", predictor=predictor)
    out = _regression(found)
    if args.get("method") != "ML":
        return out
    return out | {"other": lambda: _lower_modes(inputs, args), "here": lambda: plain(out)}


def _lower_modes(inputs: Any, args: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results at local maxima of the likelihood that are not the highest."""
    from scipy.optimize import minimize_scalar

    table = pooled(inputs, args).table
    vi = table.vi
    x = {"sei": np.sqrt(vi), "vi": vi}.get(args["predictor"], 1 / table.n)
    x = np.sqrt(x) if args["predictor"] == "sqrtninv" else x
    fit = lam.pool(table, tau2="ML", moderators=np.column_stack([np.ones(table.k), x]), prediction="none", interval="z")

    def height(t: float) -> float:
        return float(lam.checks.likelihood_profile(fit, [t])["log_likelihood"][0])

    grid = np.append(0.0, np.geomspace(vi.min() / 100, 10 * vi.max() + 10 * np.var(table.yi), 60))
    heights = np.array([height(t) for t in grid])
    out = []
    for i in range(grid.size - 1):
        if heights[i] < heights[i + 1] or (i and heights[i] <= heights[i - 1]):
            continue
        bounds = (grid[max(i - 1, 0)], grid[i + 1])
        t = (
            minimize_scalar(lambda u: -height(u), bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
            if i
            else 0.0
        )
        if height(t) < fit.log_likelihood - 1e-8 and direct_height(fit, t) < direct_height(fit, fit.tau2):
            interval = INTERVALS.get(args.get("test", "z"), "z")
            there = lam.pool(table, tau2=float(t), interval=interval, prediction="none")
            out.append(_regression(lam.checks.small_study_test(there, "egger-rma", predictor=args["predictor"])))
    return out


def _regression(found: Any) -> dict[str, Any]:
    low, high = found.limit_interval or (math.nan, math.nan)
    return {
        "zval": found.statistic,
        "pval": found.p_value,
        "ddf": found.df,
        "est": found.limit,
        "ci.lb": low,
        "ci.ub": high,
    }


def case_ranktest(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    try:
        found = lam.checks.small_study_test(pooled(inputs, args), "begg" if args.get("exact", True) else "begg-normal")
    except NotEstimable:
        return {"tau": None, "pval": None}
    return {"tau": found.tau, "pval": found.p_value}


def case_hc(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    table, level = pooled(inputs, args).table, args.get("level", 95) / 100
    found = lam.pool(table, model="henmi-copas", level=level)
    low, high = found.interval()

    def miss(half: float) -> float:
        """Return by how much a half-width misses its tail probability."""
        from tests.oracles.henmi_copas_mp import tail_at

        return abs(tail_at(table.yi, table.vi, half) - (1 - level) / 2)

    return {"beta": found.mu, "se": found.se, "ci.lb": low, "ci.ub": high, "tau2": found.tau2, "miss": miss}


def case_trimfill(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    side, estimator = args.get("side", "auto"), args.get("estimator", "L0")
    if side not in ("auto", "left", "right") or estimator not in ("L0", "R0", "Q0"):
        raise Unsupported(f"trimfill with estimator={estimator!r}, side={side!r}")
    side = None if side == "auto" else side
    found = lam.checks.trim_and_fill(pooled(inputs, args), estimator=estimator, side=side)
    out: dict[str, Any] = {
        "k0": found.missing,
        "se.k0": found.missing_se,
        "side": found.side,
        "p.k0": found.p_value,
        "filled_yi": found.filled_yi,
        "filled_vi": found.filled_vi,
    }
    return out | summary_of(found.filled) | ({"at": found.filled} if args.get("method") in ("ML", "REML", "PM") else {})


def summary_of(fit: Any) -> dict[str, Any]:
    """Return what R prints of a fit."""
    low, high = fit.interval()
    return {
        "beta": [fit.mu],
        "se": [fit.se],
        "zval": [fit.statistic],
        "pval": [fit.p_value],
        "ci.lb": [low],
        "ci.ub": [high],
        "tau2": fit.tau2,
        "I2": fit.i2,
        "H2": fit.h2,
        "QE": fit.q,
        "QEp": fit.q_p,
        "k": fit.k,
    }


def case_fsn(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    kind = args.get("type", "Rosenthal")
    if kind not in ("Rosenthal", "Orwin", "Rosenberg", "General"):
        raise Unsupported(f"type={kind!r}")
    if args.get("exact"):
        raise Unsupported("R's exact general fail-safe N")
    options = {name: args[name] for name in ("alpha", "target", "weighted") if name in args}
    model = {name: value for name, value in args.items() if name not in ("weighted", "type", "alpha", "target")}
    fit = pooled(inputs, model)
    if kind == "General":
        options["null"] = "heterogeneous"
    if "target" in options:  # R turns the sign of the target where it must; here that is the caller's decision
        mean = fit.mu if args.get("weighted", True) else float(fit.table.yi.mean())
        options["target"] = math.copysign(options["target"], mean)
    out = fail_safe(fit, kind, options)
    if kind != "General":
        return out

    def at(tau2: float) -> dict[str, Any]:
        return fail_safe(fit_at(fit, tau2), kind, options) | {"with null studies": null_at(tau2)}

    def null_at(tau2: float) -> Any:
        return lambda n: with_null(fit_at(fit, tau2), n)

    def higher(ours: float, theirs: float) -> bool:
        """Return whether the likelihood of τ² is no lower at ours; estimators without one have a closed form."""
        if fit.spec.tau2 not in ("ML", "REML"):
            return False
        return likelihood_no_lower(fit, ours, theirs)

    return out | {"with null studies": lambda n: with_null(fit, n), "at tau2": at, "higher": higher}


def likelihood_no_lower(fit: Any, ours: float, theirs: float) -> bool:
    """Return whether our τ² is at least as likely as R's, by our profile and by the formula written out."""
    heights = lam.checks.likelihood_profile(fit, [ours, theirs])["log_likelihood"]
    own, other = (direct_height(fit, t) for t in (ours, theirs))
    return bool(heights[0] >= heights[1] - 1e-10 and own >= other - 1e-10)


def fit_at(fit: Any, tau2: float) -> Any:
    """Return the same model with τ² given."""
    return lam.pool(fit.table, tau2=tau2, interval=fit.spec.interval, prediction="none")


def fail_safe(fit: Any, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return what R prints of a fail-safe number."""
    found = lam.checks.fail_safe_n(fit, kind, **options)
    return {
        "fsnum": found.n,
        "est": found.estimate,
        "tau2": found.tau2,
        "pval": found.p_value,
        "target": found.target,
        "alpha": found.alpha,
        "est.fsn": found.estimate_then,
        "tau2.fsn": found.tau2_then,
        "pval.fsn": found.p_value_then,
        "ub.sign": "",
    }


def with_null(fit: Any, n: int) -> dict[str, Any]:
    """Return what R prints of a model with n null studies."""
    then = with_null_studies(fit, n, null="heterogeneous")
    return {"fsnum": n, "est.fsn": then.estimate, "tau2.fsn": then.tau2, "pval.fsn": then.p_value}


TESTS = {"chi2": "chi2", "binom": "binomial", "exact": "exact"}


def case_tes(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    fit = pooled(inputs, {name: value for name, value in args.items() if name != "test"})
    test, side = args.get("test", "exact" if fit.k <= 20 else "chi2"), args.get("tes.alternative", "greater")
    if test not in TESTS or side != "greater":
        raise Unsupported(f"tes with test={test!r}, tes.alternative={side!r}")
    found = lam.checks.test_excess_significance(
        fit, kind=TESTS[test], alpha=args.get("alpha", 0.05), limit_alpha=args.get("tes.alpha", 0.1)
    )
    return {
        "O": found.observed,
        "E": found.expected,
        "OEratio": found.ratio,
        "X2": found.statistic,
        "pval": found.p_value,
        "power": found.power,
        "theta": [found.theta],
        "theta.lim": [found.limit],
        "exact": lambda: exact_power(fit, args.get("alpha", 0.05)),
    }


def exact_power(fit: Any, alpha: float) -> list[float]:
    """Return the two-sided power of each study at the fitted distribution of effects, in 30 digits."""
    from mpmath import mp, mpf

    with mp.workdps(30):
        z = mp.sqrt(2) * mp.erfinv(1 - mpf(alpha))
        out = []
        for v in fit.table.vi:
            own, whole = mp.sqrt(mpf(float(v))), mp.sqrt(mpf(float(v)) + mpf(float(fit.tau2)))
            out.append(float(sum(mp.ncdf((sign * mpf(float(fit.mu)) - z * own) / whole) for sign in (1, -1))))
        return out


ROOT = float(np.finfo(float).eps) ** 0.25
"""Tolerance at which R's root finder stops unless told otherwise."""


SEARCH = "R's root finder at its default tolerance"
LOWER = "R stopped at a lower maximum of the likelihood"
CEILING = "R's search over whole numbers ends one above the least number that is enough"
EARLY = "R's iteration for tau2 stopped early: compared at its tau2"
CLOSE = "the chi2 statistic magnifies the error of the expected number"


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; quantities that R finds by a root finder at its default tolerance are known to that tolerance only."""
    rule = ""
    if "theta.lim" in (expected or {}):
        limit = {"theta.lim": expected["theta.lim"]}
        rest = {key: value for key, value in expected.items() if key != "theta.lim"}
        for row in plain_deviations(got, limit, dict(hint) | {"abs": hint["abs"] + ROOT}):
            yield *row, SEARCH
    elif set(expected or {}) == {"beta", "se", "ci.lb", "ci.ub", "tau2"}:
        rest, hint, rule = expected, dict(hint) | {"abs": hint["abs"] + 2 * ROOT * expected["se"]}, SEARCH
    else:
        rest = expected
    if rest and "at tau2" in got and 0 < abs(rest["tau2"] - got["tau2"]) <= 2e-5 * max(1.0, rest["tau2"]):
        rule = EARLY if abs(rest["tau2"] - got["tau2"]) > hint["abs"] + hint["rel"] * rest["tau2"] else ""
        if rule:
            yield from same_again(got, got["at tau2"](got["tau2"]))
            yield "tau2", got["tau2"], rest["tau2"], 0.0, got["higher"](got["tau2"], rest["tau2"]), EARLY
            got = got | got["at tau2"](rest["tau2"])
    if rest and "with null studies" in got and rest.get("fsnum") == got["fsnum"] + 1:
        yield from same_again(got, got["with null studies"](got["fsnum"]))
        got, rule = got | got["with null studies"](int(rest["fsnum"])), CEILING
    if rest and "other" in got and not all(row[4] for row in plain_deviations(got, rest, hint)):
        # R stopped at a lower maximum: its results must be those of that maximum, to the digits of its iteration
        for there in got["other"]():
            rows = list(plain_deviations(there, rest, dict(hint) | {"rel": max(hint["rel"], 1e-5)}))
            if all(row[4] for row in rows):
                yield from ((*row, LOWER) for row in rows)
                yield from same_again(got, got["here"]())
                return
    rows = _by_kind(got, rest, hint, rule)
    if rest and "_lost" in got:
        rows = forgiving(rows, got["_lost"])
    yield from rows


def same_again(got: Any, again: Any) -> Any:
    """Yield whether our numbers are what our function gives at our own estimate, where R's are those at R's."""
    mine = {key: value for key, value in again.items() if key in got and isinstance(value, float | list)}
    mine = {key: value for key, value in mine.items() if isinstance(value, list) or not math.isnan(value)}
    yield from plain_deviations(got, plain(mine), {"rel": 1e-8, "abs": 1e-12})


def _by_kind(got: Any, rest: Any, hint: Any, rule: str) -> Any:
    """Compare what is left by the rules of its function."""
    rows = [(*row, rule) for row in plain_deviations(got, rest, hint)]
    bad = {row[0] for row in rows if not row[4]}
    if bad and "power" in rest and any(path.startswith("power") for path in bad) and _integral(got, rest):
        rows = [row if row[4] else (*row[:3], 0.0, True, INTEGRAL) for row in rows]
    elif rest and rest.get("X2") is not None:
        rows = [(*row, CLOSE) for row in _excess(got, rest, hint)]
    elif rest and "k0" in rest and rest["tau2"] and "at" in got:
        rows = [(*row, EARLY) for row in _at_their_tau2(got, rest, hint)]
    elif bad and bad <= {"ci.lb", "ci.ub"} and "miss" in got:
        ours, theirs = (got["miss"]((x["ci.ub"] - x["ci.lb"]) / 2) for x in (got, rest))
        rows = [row if row[4] else (*row[:3], 0.0, ours < 1e-10 and ours < theirs, NO_ROOT) for row in rows]
    yield from rows


def _integral(got: Any, rest: Any) -> bool:
    """Return whether our power is right to nine digits, and R's sums are those of its own power."""
    return bool(np.allclose(got["power"], got["exact"](), rtol=1e-9)) and math.isclose(
        sum(rest["power"]), rest["E"], rel_tol=1e-9
    )


INTEGRAL = "R's numerical integral of the power misses its value at 30 digits"
NO_ROOT = "R's critical value is no root of its equation at 20 digits; ours is"


def _at_their_tau2(got: Any, expected: Any, hint: Any) -> Any:
    """Compare the refit at R's τ² where R stopped early there: τ² differs by less than R's tolerance.

    The mean about which studies are filled in was iterated as loosely, so all filled values may be shifted alike.
    """
    fit, filled = got["at"], np.asarray(got["filled_yi"], dtype=float)
    scale = max(1.0, expected["tau2"])
    shift = np.asarray(expected["filled_yi"], dtype=float) - filled if filled.size == expected["k0"] else filled
    alike = filled.size and np.ptp(shift) <= 1e-9 * np.abs(filled).max() and abs(shift[0]) <= 1e-4 * fit.se
    stop = ROOT if fit.spec.tau2 == "PM" else 2e-5
    if abs(got["tau2"] - expected["tau2"]) > stop * scale or (filled.size and not alike):
        yield from plain_deviations(got, expected, hint)
        return
    yi = np.array(fit.table.yi)
    if filled.size:
        yi[-filled.size :] = expected["filled_yi"]
    table = lam.EvidenceTable.from_estimates(yi, vi=fit.table.vi)
    mine = lam.pool(fit.table, tau2=got["tau2"], interval=fit.spec.interval, prediction="none")
    yield from same_again(got, summary_of(mine) | {"filled_yi": list(fit.table.yi[fit.k - filled.size :])})
    again = lam.pool(table, tau2=expected["tau2"], interval=fit.spec.interval, prediction="none")
    if fit.spec.tau2 != "PM":
        own = lam.pool(table, tau2=fit.spec.tau2, interval="z", prediction="none")
        yield "tau2", got["tau2"], expected["tau2"], 0.0, likelihood_no_lower(own, got["tau2"], expected["tau2"])
    yield from plain_deviations(got | summary_of(again) | {"filled_yi": expected["filled_yi"]}, expected, hint)


def _excess(got: Any, expected: Any, hint: Any) -> Any:
    """Compare the χ² test: an error of ``rel`` in the expected number is magnified close to the observed one."""
    gap, k = expected["O"] - expected["E"], len(expected["power"])
    room = expected["E"] * (k - expected["E"]) / k
    slack = 3 * abs(gap) / room * hint["rel"] * expected["E"]
    for key, value in expected.items():
        wide = dict(hint) | {"abs": hint["abs"] + slack} if key in ("X2", "pval") else hint
        yield from plain_deviations({key: got[key]}, {key: value}, wide)
