"""Selection models.

Every leaf is compared at the file's tolerance. What then differs passes only if R's log-likelihood is reproduced by
ours at R's own parameters (to its printed digits for step functions, to the tolerance of R's integrals otherwise) and
ours is nowhere lower there than at our maximum: with d the height of our maximum over R's point in this one function,

* optimum - d is no more than the integrals' errors and the file's ``logLik_abs`` explain: estimates may differ by what
  a height of d allows at a maximum, d = ½(Δ/se)², and what follows from them accordingly;
* short of the maximum - d is larger: R's optimiser stopped early, and only what does not depend on where is compared;
* standard error - numDeriv's scheme on our likelihood at R's own parameters, τ² cut at 0 as metafor cuts it: at τ² = 0
  the differences straddle that kink. R's integrals are noise in those differences: where the errors that show exceed
  the curvature itself, R's standard errors and what follows from them say nothing and are not compared.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.checks.selection.likelihood import terms
from lamevidence.checks.selection.rows import SelectionData
from lamevidence.checks.selection.selection_model import _data, _known, _steps
from lamevidence.checks.studies import estimates_of
from lamevidence.errors import OptionError
from lamevidence.pooling.inverse_variance.refits import Source
from tests.conformance.areas.influence import model_of
from tests.conformance.coherent import halves, incoherent, tails
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported

PRINTED = 2e-11
"""How well a log-likelihood of 13 printed digits is known at parameters of 13 printed digits."""
INTEGRATED = float(np.finfo(float).eps ** 0.25)
"""Relative error of R's integral for a study: integrate()'s rel.tol, in metafor eps^(1/4)."""
NOISY = 0.02
"""Most that R's standard errors may be off where its integrals visibly are; `noise` says how much of it a case may use.

R differentiates its likelihood twice by differences; integrals of metafor's rel.tol are noise in that. It shows where
R's likelihood differs from ours at R's own parameters. For such a case quadrature in 20-digit arithmetic gave our
likelihood to 15 digits and the diagonal of our Hessian to 8.
"""
SHORTEST = 0.1 / 2**5
"""Shortest step of numDeriv::hessian relative to a parameter: d = 0.1, halved 5 times (selmodel asks for r = 6)."""
AMPLIFIED = 4 * 1.45
"""Errors of the likelihood in a second difference, times the weight of the shortest step in Richardson's scheme."""
ZERO = math.sqrt(float(np.finfo(float).eps) / 7e-7)
"""numDeriv's zero.tol."""
PAIRS = {"beta": "se", "tau2": "se.tau2", "delta": "se.delta"}
FOLLOWS = {"zval": "beta", "pval": "beta", "ci.lb": "beta", "ci.ub": "beta"} | {
    f"{name}.delta": "delta" for name in ("pval", "ci.lb", "ci.ub")
}
"""What is computed from an estimate and its standard error."""


@dataclass(frozen=True)
class Own:
    """Our likelihood of one case, to be evaluated where R arrived."""

    source: Source
    data: SelectionData
    known: np.ndarray | None
    scale: float
    sign: float

    def point(self, e: dict[str, Any]) -> np.ndarray:
        """Return R's parameters as ours."""
        delta = np.array(e["delta"], float) if self.known is None else np.zeros(0)
        if self.known is None and self.data.weight is None:  # weights are relative to one of them
            delta = np.delete(delta / delta[self.data.reference], self.data.reference)
        beta = np.linalg.lstsq(self.data.X, self.design @ np.array(e["beta"]), rcond=None)[0] * self.sign / self.scale
        return np.concatenate([beta, [e["tau2"] / self.scale**2] if self.data.free_tau2 else [], delta])

    @property
    def design(self) -> np.ndarray:
        """The model matrix, (k, p)."""
        k, X = self.source.k, self.source.X
        return np.ones((k, 1)) if X is None else np.asarray(X @ np.linalg.inv(self.source.back))

    def value(self, x: np.ndarray) -> float:
        """Return the log-likelihood at ``x``, τ² and δ cut at the edges of their ranges."""
        x, p = x.copy(), self.data.X.shape[1]
        x[p:] = np.maximum(x[p:], 0.0)
        lowest = 0.0 if self.data.weight is None else self.data.weight.lowest
        x[p + self.data.free_tau2 :] = np.maximum(x[p + self.data.free_tau2 :], lowest)
        head, delta = x[: p + self.data.free_tau2], x[p + self.data.free_tau2 :]
        if self.known is not None:
            delta = self.known
        elif self.data.weight is None:  # R has weights for intervals without a study, too
            delta = np.insert(delta, self.data.reference, 1.0)
        with np.errstate(all="ignore"):
            return terms(self.data, head, delta).value - self.source.k * math.log(self.scale)

    def errors(self, e: dict[str, Any]) -> dict[str, np.ndarray]:
        """Return standard errors in R's own way at R's parameters, NaN where the variance is negative."""
        x, p, free = self.point(e), self.data.X.shape[1], self.data.free_tau2
        stretch = np.concatenate([np.full(p, self.scale), [self.scale**2] * free, np.ones(x.size - p - free)])
        hessian = differences(lambda u: self.value(u / stretch), x * stretch)
        if not np.isfinite(hessian).all() or np.linalg.matrix_rank(hessian) < x.size:
            return {}
        covariance = np.linalg.inv(-hessian)
        back = np.linalg.lstsq(self.design, self.data.X, rcond=None)[0]
        known = np.full(len(e["delta"]) - (x.size - p - free), np.nan)
        with np.errstate(invalid="ignore"):
            root = np.sqrt(np.diag(covariance))
            se = np.sqrt(np.diag(back @ covariance[:p, :p] @ back.T))
        return {"se": se, "se.tau2": root[p : p + free], "se.delta": np.concatenate([known, root[p + free :]])}


def differences(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """Return the matrix of second derivatives as numDeriv's documentation describes `hessian` with r = 6.

    Steps of a tenth of a parameter, and 1e-4 more below 1.78e-5 (zero.tol), halved five times; central differences of
    second order, extrapolated by Richardson.
    """
    n, at = x.size, f(x)
    steps = 0.1 * np.abs(x) + 1e-4 * (np.abs(x) < ZERO)
    out = np.empty((n, n))

    def extrapolated(rows: list[float]) -> float:
        for m in range(1, len(rows)):
            rows = [(4**m * b - a) / (4**m - 1) for a, b in pairwise(rows)]
        return rows[0]

    for i in range(n):
        moves = [np.eye(n)[i] * steps[i] / 2**j for j in range(6)]
        out[i, i] = extrapolated([(f(x + d) - 2 * at + f(x - d)) / d[i] ** 2 for d in moves])
    for i in range(n):
        for j in range(i):
            rows = []
            for h in range(6):
                a, b = steps[i] / 2**h, steps[j] / 2**h
                d = np.eye(n)[i] * a + np.eye(n)[j] * b
                twice = f(x + d) - 2 * at + f(x - d)
                rows.append((twice - out[i, i] * a * a - out[j, j] * b * b) / (2 * a * b))
            out[i, j] = out[j, i] = extrapolated(rows)
    return out


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    if args["type"].startswith("trunc"):
        raise Unsupported("selection by truncation of the estimates")
    if args["alternative"] == "two.sided":
        raise Unsupported("selection by two-sided p values")
    fit = model_of(inputs, {"test": "z", "method": args["method"]} | ({"mods": "X"} if "mods" in args else {}))
    names = (("steps", "steps"), ("delta", "delta"), ("prec", "precision"))
    options = {ours: args[theirs] for theirs, ours in names if theirs in args}
    call = functools.partial(lam.checks.selection_model, fit, args["type"], alternative=args["alternative"], **options)
    try:
        found = call(interval="z")
    except OptionError:  # a parameter at the edge: no Wald interval, in R neither
        found = call()
        return edge(found) | {"_own": own_of(fit, args), "_bounds": np.full((found.delta.size, 2), np.nan)}
    bounds, delta = found.interval(), found.delta_interval()
    return {
        "beta": found.beta,
        "se": found.se,
        "zval": found.statistic,
        "pval": found.p_value,
        "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1],
        "tau2": found.tau2,
        "se.tau2": found.se_tau2,
        "delta": found.delta,
        "se.delta": found.se_delta,
        "pval.delta": found.delta_p_value,
        "ci.lb.delta": delta[:, 0],
        "ci.ub.delta": delta[:, 1],
        "LRT": found.lrt,
        "LRTdf": found.lrt_df,
        "LRTp": found.lrt_p,
        "logLik": found.log_likelihood,
        "AIC": found.aic,
        "BIC": found.bic,
        "ptable": [[n] for n in found.counts],
        "_own": own_of(fit, args),
        "_bounds": found.delta_interval(),
    }


def edge(found: Any) -> dict[str, Any]:
    """Return what a fit has that no standard error is needed for."""
    none, nothing = np.full_like(found.beta, np.nan), np.full_like(found.delta, np.nan)
    return (
        dict.fromkeys(("zval", "pval", "ci.lb", "ci.ub"), none)
        | dict.fromkeys(("pval.delta", "ci.lb.delta", "ci.ub.delta"), nothing)
        | {"beta": found.beta, "se": found.se, "tau2": found.tau2, "se.tau2": found.se_tau2, "delta": found.delta}
        | {"se.delta": found.se_delta, "LRT": found.lrt, "LRTdf": found.lrt_df, "LRTp": found.lrt_p}
        | {"logLik": found.log_likelihood, "AIC": found.aic, "BIC": found.bic, "ptable": [[n] for n in found.counts]}
    )


def own_of(fit: Any, args: dict[str, Any]) -> Own:
    rows = estimates_of(fit, "a selection model")
    source = rows.source
    scale = math.sqrt(float(np.mean(source.table.vi[source.rows])))
    sign = 1.0 if args["alternative"] == "greater" else -1.0
    cuts = _steps(args["type"], args.get("steps"))
    data = _data(rows, args["type"], cuts, sign, args.get("prec"), scale)
    return Own(source, data, _known(args["type"], args.get("delta"), len(cuts)), scale, sign)


def noise(error: float, expected: Any) -> float:
    """Return the relative error of R's standard errors where its likelihood is visibly off by ``error``."""
    worst = 0.0
    for key, name in PAIRS.items():
        for x, se in zip(np.atleast_1d(expected[key]), np.atleast_1d(expected[name]), strict=True):
            if isinstance(se, float | int) and x:
                worst = max(worst, 0.5 * AMPLIFIED * error * (se / (SHORTEST * x)) ** 2)
    return worst


def sizes(value: Any) -> list[float]:
    """Return the numbers among R's standard errors."""
    return [x for x in (value if isinstance(value, list) else [value]) if isinstance(x, float | int)]


Row = tuple[Any, ...]


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[Row]:
    """Compare at the file's tolerance, then by the rules above."""
    own: Own = got.pop("_own")
    value = own.value(own.point(expected))
    error, deficit = abs(expected["logLik"] - value), got["logLik"] - value
    integrals = 0 if own.data.weight is None else own.source.k
    itself = abs(own.value(own.point(got)) - got["logLik"]) <= PRINTED
    if not (itself and error <= PRINTED + INTEGRATED * integrals and deficit >= -PRINTED):
        yield "logLik", got["logLik"], expected["logLik"], math.inf, False
        return
    yield from incoherent(got, derived(got))
    yield from likelihoods(got, expected, value)
    noisy = noise(error if error > hint["logLik_abs"] else 0.0, expected)
    early = deficit > max(2 * error, hint["logLik_abs"])
    if early or max(noisy, hint["rel"], hint["se_rel"]) > SHARP:
        yield from own_errors(got, own)
    if early:
        yield "logLik", got["logLik"], expected["logLik"], 0.0, True, STOPPED
        return
    root = math.sqrt(2 * (max(deficit, 0.0) + PRINTED))
    loose = dict(hint) | {"rel": max(hint["rel"], hint["se_rel"], min(NOISY, noisy))}
    for key, theirs in expected.items():
        room = {"abs": hint["abs"] + room_of(key, root, expected)}
        if key == "logLik":  # proved above
            yield key, got[key], theirs, 0.0, abs(got[key] - theirs) <= error + abs(deficit) + PRINTED, REPRODUCED
        elif key in LIKELIHOODS:
            continue
        elif key in PAIRS:
            yield from plain_deviations({key: got[key]}, {key: theirs}, hint | room)
        elif key in FOLLOWS or key in PAIRS.values():
            rows = list(plain_deviations({key: got[key]}, {key: theirs}, loose | room))
            if all(row[4] for row in rows):
                yield from rows
            else:
                yield from in_rs_way(rows, own, got, expected, loose, noisy >= 1)
        else:
            yield from plain_deviations({key: got[key]}, {key: theirs}, loose)


def room_of(key: str, root: float, expected: Any) -> float:
    """Return how far a leaf may be off, its estimate being off by ``root`` standard errors."""
    if key in PAIRS.values() or key not in PAIRS.keys() | FOLLOWS.keys():
        return 0.0
    if key.split(".")[0] in ("zval", "pval"):
        return root
    return root * max(sizes(expected[PAIRS[FOLLOWS.get(key, key)]]), default=0.0)


def in_rs_way(rows: list[Row], own: Own, got: Any, expected: Any, loose: Any, void: bool) -> Iterator[Row]:
    """Compare what follows from R's standard errors with R's way of getting them, at R's parameters.

    Ours have to be what the same differences give at our estimates; with ``void`` R's are not compared.
    """
    se, mine = own.errors(expected), own.errors(got)
    for path, ours, theirs, relative, fine in rows:
        key, _, place = path.partition("[")
        i = int(place[:-1]) if place else 0
        known = not fine and se and mine and itself(key, i, ours, got, mine)
        if known and (void or agree(follows(key, expected, se), i, theirs, loose)):
            yield path, ours, theirs, 0.0, True, DIFFERENCES
        else:
            yield path, ours, theirs, relative, fine


def agree(follow: np.ndarray | None, i: int, value: Any, loose: Any) -> bool:
    """Return whether a value is what follows from standard errors."""
    return follow is not None and next(plain_deviations({"x": float(follow[i])}, {"x": value}, loose))[-1]


def itself(key: str, i: int, ours: Any, got: Any, mine: dict[str, np.ndarray]) -> bool:
    """Return whether what we print follows from our likelihood at the estimates we print."""
    if key == "se.tau2" and got["tau2"] == 0:  # undefined at the edge
        return math.isnan(ours)
    if key not in PAIRS.values() and "delta" in key:
        return True
    return agree(follows(key, got, mine), i, ours, {"rel": 5e-3, "abs": 1e-8})


def follows(key: str, expected: Any, se: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return what a leaf of the coefficients is with these standard errors."""
    if key in se:
        return se[key]
    z = np.array(expected["beta"]) / se["se"]
    half = float(special.ndtri(0.975))
    leaves = {"zval": z, "pval": 2 * special.ndtr(-np.abs(z))}
    leaves |= {"ci.lb": (z - half) * se["se"], "ci.ub": (z + half) * se["se"]}
    return leaves.get(key)


def derived(got: Any) -> dict[str, Any]:
    """Return what follows from our own estimates, standard errors and likelihood ratio.

    The Wald interval of a weight is cut at the end of its range; where a standard error does not exist the intervals
    are no Wald intervals, and stand for themselves.
    """
    out: dict[str, Any] = {"LRTp": float(special.chdtrc(got["LRTdf"], got["LRT"])) if got["LRTdf"] else got["LRTp"]}
    beta, se = np.array(got["beta"], float), np.array(got["se"], float)
    out |= {"zval": beta / se, "pval": tails(beta / se)}
    delta, error = np.array(got["delta"], float), np.array(got["se.delta"], float)
    if np.isfinite(se).all() and not (np.isnan(error) & ~np.isnan(np.array(got["pval.delta"], float))).any():
        half = halves(se)
        out |= {"ci.lb": beta - half, "ci.ub": beta + half}
    wald = np.isfinite(error)
    if wald.any():
        p = np.array(got["pval.delta"], float)
        null = min((0.0, 1.0), key=lambda x: np.nanmax(np.abs(p - tails((delta - x) / error))))
        out["pval.delta"] = np.where(wald, tails((delta - null) / error), p)
    half, public = halves(error), np.array(got["_bounds"], float)
    for side, name in ((-1, "ci.lb.delta"), (1, "ci.ub.delta")):
        bound = np.where(wald, delta + side * half, np.nan)
        printed = public[:, (side + 1) // 2]
        out[name] = np.where(np.abs(bound - printed) <= 1e-8 * np.abs(bound), bound, printed)  # cut, or a profile's
    return out


REPRODUCED = "R's likelihood is ours at R's parameters, no higher than our maximum"
STOPPED = "R's search stopped short of the maximum: its likelihood is ours at R's parameters, and lower"
DIFFERENCES = "R's standard errors are differences at R's parameters; ours are those of our likelihood"
LIKELIHOODS = ("AIC", "BIC", "LRT", "LRTp")


def likelihoods(got: Any, expected: Any, value: float) -> Iterator[Row]:
    """Compare the criteria, each less its own likelihood: what is left does not depend on where a search stopped.

    R's likelihood is the one printed; ``LRT`` is cut at 0, where the model without selection is as good.
    """
    for key, times in (("AIC", 2), ("BIC", 2), ("LRT", -2)):
        if key == "LRT" and not expected[key] > 0:
            yield key, got[key], expected[key], 0.0, 0 <= got[key] <= 2 * max(0.0, got["logLik"] - value) + CRITERIA
            continue
        ours, theirs = (x[key] + times * x["logLik"] for x in (got, expected))
        yield key, got[key], expected[key], 0.0, abs(ours - theirs) <= CRITERIA
    yield from plain_deviations({"LRTdf": got["LRTdf"]}, {"LRTdf": expected["LRTdf"]}, {"rel": 0, "abs": 0})
    if "ptable" in expected:
        yield from plain_deviations({"ptable": got["ptable"]}, {"ptable": expected["ptable"]}, {"rel": 0, "abs": 0})


CRITERIA = 2e-6
"""R's model without selection stops on a step of 1e-5 in τ², which is second order in its likelihood."""
SHARP = 1e-3
"""A standard error that is not compared with R's to this is compared with differences of our own likelihood."""
OWN = 2e-3
"""How well those differences give it."""


def own_errors(got: Any, own: Own) -> Iterator[Row]:
    """Compare our standard errors with differences of our likelihood at our estimates, away from the edges."""
    mine = own.errors(got)
    for key in ("se", "se.tau2", "se.delta") if mine else ():
        for i, ours in enumerate(np.atleast_1d(np.array(got[key], dtype=float))):
            if i < len(mine[key]) and math.isfinite(ours) and math.isfinite(mine[key][i]):
                path = f"{key}[{i}]" if isinstance(got[key], list) else key
                yield path, float(ours), float(mine[key][i]), 0.0, bool(abs(ours - mine[key][i]) <= OWN * ours)
