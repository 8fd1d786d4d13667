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

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.checks.refits import Source, source_of
from lamevidence.checks.selection_likelihood import SelectionData, terms
from lamevidence.checks.selection_model import _data, _known, _steps
from tests.conformance.areas.influence import model_of
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
        delta = np.array(e["delta"], float)[int(self.data.weight is None) :] if self.known is None else np.zeros(0)
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
        with np.errstate(all="ignore"):
            return terms(self.data, x, self.known).value - self.source.k * math.log(self.scale)

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
    found = lam.selection_model(fit, args["type"], alternative=args["alternative"], **options)
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
    }


def own_of(fit: Any, args: dict[str, Any]) -> Own:
    source = source_of(fit, "a selection model")
    scale = math.sqrt(float(np.mean(source.table.vi[source.rows])))
    sign = 1.0 if args["alternative"] == "greater" else -1.0
    cuts = _steps(args["type"], args.get("steps"))
    data = _data(source, args["type"], cuts, sign, args.get("prec"), scale)
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


Row = tuple[str, Any, Any, float, bool]


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
    if deficit > max(2 * error, hint["logLik_abs"]):
        yield from elsewhere(got, expected, hint)
        mine = own.errors(got)
        for key in ("se", "se.delta"):
            for i, ours in enumerate(got[key]):
                if mine and math.isfinite(ours) and math.isfinite(mine[key][i]):
                    yield f"{key}[{i}]", ours, float(mine[key][i]), 0.0, abs(ours - mine[key][i]) <= NOISY * ours
        return
    root = math.sqrt(2 * (max(deficit, 0.0) + PRINTED))
    noisy = noise(error if error > hint["logLik_abs"] else 0.0, expected)
    loose = dict(hint) | {"rel": max(hint["rel"], hint["se_rel"], min(NOISY, noisy))}
    for key, theirs in expected.items():
        room = {"abs": hint["abs"] + room_of(key, root, expected)}
        if key == "logLik":  # proved above
            yield key, got[key], theirs, 0.0, abs(got[key] - theirs) <= error + abs(deficit) + PRINTED
        elif key in PAIRS:
            yield from plain_deviations({key: got[key]}, {key: theirs}, hint | room)
        elif key in FOLLOWS or key in PAIRS.values():
            rows = list(plain_deviations({key: got[key]}, {key: theirs}, loose | room))
            if all(row[-1] for row in rows):
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
        if not fine and se and mine and itself(key, i, ours, got, mine):
            fine = void or agree(follows(key, expected, se), i, theirs, loose)
            relative = 0.0 if fine else relative
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


def elsewhere(got: Any, expected: Any, hint: Any) -> Iterator[Row]:
    """Compare what does not depend on where R stopped; likelihoods moved by how far it was short."""
    gain = got["logLik"] - expected["logLik"]
    moved = {"AIC": expected["AIC"] - 2 * gain, "BIC": expected["BIC"] - 2 * gain, "LRTdf": expected["LRTdf"]}
    moved |= {"ptable": expected["ptable"]} if "ptable" in expected else {}
    if expected["LRT"] > 0:
        moved["LRT"] = expected["LRT"] + 2 * gain
    yield from plain_deviations({key: got[key] for key in moved}, moved, hint)
