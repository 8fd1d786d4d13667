"""How results of R's meta are compared, where it iterates loosely.

Ours never pass for being near: they have to solve the equation, or to be what the formulas give at the solution. R's
number has to be what its own iteration gives when it is done again (`r_stops`), or the formulas at that point. What
meta prints of a one-stage model are the estimates of lme4, whose optimiser stops below the maximum: its point may lie
where its deficit of likelihood allows, ours must be the maximum, and what follows from either is the formulas' at it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from lamevidence.pooling.counts.one_stage_results import GlmmPooled
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.r_stops import Bounds, reml_tau2
from tests.conformance.wald_q import wald_q

OURS = {"rel": 1e-7, "abs": 1e-10}
"""How near ours is to the formulas at the solution."""
ITERATED = {"rel": 1e-6, "abs": 1e-8}
"""The tolerance of the files where R iterates."""
DEFICIT = 1e-5
"""One-stage: lme4 stops at most this far (in log-likelihood) below the maximum, see the adapter ``glmm``."""
NOISE = 2e-2
"""Standard errors that lme4 differentiates numerically twice, see the adapter ``glmm``."""
TOP = 1e-9
"""How far below the maximum ours may lie."""
CURVED = 1e-3
"""Relative error of a standard error by second differences of our likelihood."""
AT_STOP = "compared where R's iteration stops"
SHARES = ("w.common", "w.random")


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[Any, ...]]:
    """Compare every leaf at the file's tolerance, weights as shares; what then differs passes by a rule, named."""
    expected = {key: in_percent(value) if key in SHARES else value for key, value in expected.items()}
    check = got.get("_check")
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        rule = "weights as shares" if fine and path.startswith(SHARES) else ""
        if fine and isinstance(check, Check) and check.predict == "NNF" and not path.startswith("predict."):
            fine = close(g, e, ITERATED, path)  # the file's tolerance is that of the simulated interval
        if not fine and isinstance(g, float | int):
            rule = _rule(check, path, g, e, hint if hint["rel"] < 0.01 else ITERATED, expected)
        yield path, g, e, 0.0 if rule and not fine else relative, fine or bool(rule), rule


def in_percent(weights: Any) -> Any:
    """Return weights as shares of 100."""
    if not isinstance(weights, list) or None in weights:
        return weights
    return [100 * w / sum(weights) for w in weights]


def _rule(check: Any, path: str, g: float, e: Any, hint: Any, expected: Any) -> str:
    if path.startswith(("lower[", "upper[")):
        return "a proportion of 1 and the last double below it" if min(abs(g), abs(e)) > 36 else ""
    return str(check.rule(path, g, e, hint, expected)) if check else ""


def close(g: Any, e: Any, hint: Any, path: str = "") -> bool:
    """Return whether a number is within the tolerance of its leaf."""
    return all(row[4] for row in plain_deviations(g, e, hint, path))


def leaf_of(tree: Any, path: str) -> Any:
    """Return what stands at a path; None where there is nothing."""
    name, *places = path.replace("]", "").split("[")
    for part in (name, *places) if isinstance(tree, Mapping) and name in tree else (*name.split(".", 1), *places):
        if isinstance(tree, Mapping):
            tree = tree.get(part)
        elif isinstance(tree, list | np.ndarray) and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


def estimate(mu: float, se: float, df: float = math.inf, level: float = 0.95) -> dict[str, Any]:
    """Return a Wald interval and test the way meta names them."""
    q = special.ndtri(0.5 + level / 2) if math.isinf(df) else special.stdtrit(df, 0.5 + level / 2)
    stat = mu / se
    p = 2 * (special.ndtr(-abs(stat)) if math.isinf(df) else special.stdtr(df, -abs(stat)))
    return {"TE": mu, "se": se, "lower": mu - q * se, "upper": mu + q * se, "stat": stat, "z": stat, "p": p, "df": df}


def predicted(mu: float, se: float, tau2: float, df: float) -> dict[str, Any]:
    """Return a prediction interval from t with ``df``."""
    if df < 1:
        return {}
    spread = math.sqrt(se * se + tau2)
    half = special.stdtrit(df, 0.975) * spread
    return {"lower": mu - half, "upper": mu + half, "se": spread, "df": df}


def heterogeneity(q: float, df: int, level: float = 0.95) -> dict[str, Any]:
    """Return Q, H and I² with the test-based interval, H not below 1."""
    h = math.sqrt(max(1.0, q / df))
    if q > df + 1:
        se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * df - 1))
    else:
        se = math.sqrt(1 / (2 * (df - 1)) * (1 - 1 / (3 * (df - 1) ** 2))) if df > 1 else math.nan
    low, high = (max(1.0, h * math.exp(sign * special.ndtri(0.5 + level / 2) * se)) for sign in (-1, 1))
    out = {"pval.Q": float(special.chdtrc(df, q)), "H": h, "lower.H": low, "upper.H": high}
    return out | {key.replace("H", "I2"): (x * x - 1) / (x * x) for key, x in out.items() if key.endswith("H")}


@dataclass(frozen=True)
class Check:
    """The data behind a generic inverse-variance summary, and how meta was called.

    Attributes
    ----------
    y, v, usable
        Estimates and variances, and which rows of the file they stand in.
    level, interval, predict
        Level; codes of interval and prediction.
    power, cap
        Of the interval of τ²: weights v^−power (None: Q-profile), and where R's search ends.
    stepped
        Whether τ² is by REML at metafor's default threshold.
    """

    y: np.ndarray
    v: np.ndarray
    usable: np.ndarray
    level: float
    interval: str
    predict: str
    power: float | None
    cap: float
    stepped: bool

    def rule(self, path: str, g: float, e: float, hint: Any, expected: Any) -> str:
        """Return by what a value passes, or nothing."""
        if path in ("lower.tau2", "upper.tau2"):
            upper = path == "upper.tau2"
            theirs = self.bounds.of_r(upper, self.cap)
            if not (self.bounds.solves(g, upper) and close(theirs, e, hint)):
                return ""
            return "R's bound of tau2 is the end of its search" if theirs == self.cap else AT_STOP
        if not self.stepped or self.y.size < 2:
            return ""
        ours, theirs = (leaf_of(at, path) for at in (self.solved, self.stopped))
        return AT_STOP if ours is not None and close(g, ours, OURS) and close(theirs, e, hint) else ""

    @cached_property
    def bounds(self) -> Bounds:
        """The equations of the interval of τ²."""
        return Bounds(self.y, self.v, self.level, self.power)

    @cached_property
    def solved(self) -> dict[str, Any]:
        """The formulas at the solution."""
        return self.at(reml_tau2(self.y, self.v, to_the_end=True))

    @cached_property
    def stopped(self) -> dict[str, Any]:
        """The formulas where R's scoring stops."""
        return self.at(reml_tau2(self.y, self.v))

    def at(self, tau2: float) -> dict[str, Any]:
        """Return what depends on the data through τ²."""
        k, w = self.y.size, 1 / (self.v + tau2)
        mu, se = float((w * self.y).sum() / w.sum()), float(w.sum() ** -0.5)
        weights = np.zeros(self.usable.size)
        weights[self.usable] = 100 * w / w.sum()
        out: dict[str, Any] = {"tau2": tau2, "Rb": float((tau2 * w).mean()), "w.random": weights}
        if self.interval in ("z", "HKSJ"):
            factor = float((w * (self.y - mu) ** 2).sum()) / (k - 1) if self.interval == "HKSJ" else 1.0
            df = k - 1 if self.interval == "HKSJ" else math.inf
            out["random"] = estimate(mu, se * math.sqrt(factor), df, self.level)
        df = {"HTS": k - 2, "V": k - 1}.get(self.predict)
        return out if df is None else out | {"predict": predicted(mu, se, tau2, df)}


@dataclass(frozen=True)
class OneStage:
    """A one-stage fit, whose likelihood is asked about our point and about R's."""

    fit: GlmmPooled
    _kept: dict[Any, Any] = field(default_factory=dict)

    def rule(self, path: str, g: float, e: float, hint: Any, expected: Any) -> str:
        """Return by what a value passes, or nothing."""
        mu, se, tau2, q = self.fit.mu, self.fit.se, self.fit.tau2, self.fit.q
        if path in ("random.TE", "tau2"):
            return "optimum" if self.highest(path, g) and self.allowed(path, g, e, expected) else ""
        if path == "random.se":
            return "standard error" if abs(g - self.curved) <= CURVED * g and abs(g - e) <= NOISE * e else ""
        if path == "Q":
            noisy = self.fit.spec.options["likelihood"] == "UM.RS" and self.fit.measure == "IRR"
            same = noisy and abs(g - e) <= 1.5 * NOISE * e and abs(g - self.written_out) <= CURVED * g
            return "Wald heterogeneity" if same else ""
        ours = self.follows(mu, se, tau2, q)
        theirs = self.follows(expected["random"]["TE"], expected["random"]["se"], expected["tau2"], expected["Q"])
        own, at = leaf_of(ours, path), leaf_of(theirs, path)
        return "formulas at either optimum" if own is not None and close(g, own, OURS) and close(at, e, hint) else ""

    def follows(self, mu: float, se: float, tau2: float, q: float) -> dict[str, Any]:
        """Return what the formulas make of estimate, standard error, τ² and Q."""
        k = self.fit.k_informative
        out = {"random": estimate(mu, se), "predict": predicted(mu, se, tau2, k - 1)}
        return out | (heterogeneity(q, k - 1) if k > 1 and isinstance(q, float | int) else {})

    def height(self, mu: float, tau2: float) -> float:
        """Return our log-likelihood at a point, below the maximum."""
        likelihood = self.fit.likelihood
        assert likelihood is not None
        key = mu, tau2
        if key not in self._kept:
            self._kept[key] = self.fit.log_likelihood - likelihood.at(mu, math.sqrt(tau2))
        return float(self._kept[key])

    def highest(self, path: str, g: float) -> bool:
        """Return whether the likelihood at our value, the other one left, is the maximum."""
        mu, tau2 = (g, self.fit.tau2) if path == "random.TE" else (self.fit.mu, g)
        return abs(self.height(mu, tau2)) <= TOP

    def allowed(self, path: str, g: float, e: float, expected: Any) -> bool:
        """Return whether R's value lies where the deficit of R's point puts it."""
        deficit = self.height(expected["random"]["TE"], expected["tau2"])
        far = 1.1 * math.sqrt(2 * max(0.0, deficit)) * (self.fit.se if path == "random.TE" else self.fit.se_tau2)
        return 0 <= deficit <= DEFICIT and abs(g - e) <= far

    @cached_property
    def written_out(self) -> float:
        """Wald's Q of the saturated model, by a likelihood of our own."""
        return wald_q(self.fit.table.counts)

    @cached_property
    def curved(self) -> float:
        """The standard error of the mean by second differences of our likelihood in mean and τ."""
        mu, tau, h = self.fit.mu, self.fit.tau, 0.05 * self.fit.se
        at = lambda a, b: self.height(mu + a * h, (tau + b * h) ** 2)  # noqa: E731
        mean = (at(1, 0) + at(-1, 0)) / h**2
        if not tau > 2 * h:
            return float(mean**-0.5)
        spread = (at(0, 1) + at(0, -1)) / h**2
        both = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / (4 * h**2)
        return float((mean - both**2 / spread) ** -0.5)


@dataclass(frozen=True)
class Groups:
    """Subgroups whose τ² is by REML at metafor's default threshold: one for all, or one each.

    Attributes
    ----------
    y, v, indicators
        Estimates, variances, and the group of each row (k, groups).
    together
        Whether there is one τ².
    """

    y: np.ndarray
    v: np.ndarray
    indicators: np.ndarray
    together: bool

    def rule(self, path: str, g: float, e: float, hint: Any, expected: Any) -> str:
        """Return by what a value passes, or nothing."""
        ours, theirs = (leaf_of(at, path) for at in (self.solved, self.stopped))
        return AT_STOP if ours is not None and close(g, ours, OURS) and close(theirs, e, hint) else ""

    @cached_property
    def solved(self) -> dict[str, Any]:
        """The formulas at the solution."""
        return self.at(True)

    @cached_property
    def stopped(self) -> dict[str, Any]:
        """The formulas where R's scoring stops."""
        return self.at(False)

    def at(self, to_the_end: bool) -> dict[str, Any]:
        """Return the means of the groups and the test between them."""
        groups = [column > 0 for column in self.indicators.T]
        if self.together:
            tau2 = [reml_tau2(self.y, self.v, self.indicators, to_the_end=to_the_end)] * len(groups)
        else:
            tau2 = [
                reml_tau2(self.y[rows], self.v[rows], to_the_end=to_the_end) if rows.sum() > 1 else 0.0
                for rows in groups
            ]
        weights = [1 / (self.v[rows] + t) for rows, t in zip(groups, tau2, strict=True)]
        mu = np.array([(w * self.y[rows]).sum() / w.sum() for w, rows in zip(weights, groups, strict=True)])
        se = np.array([w.sum() ** -0.5 for w in weights])
        half = special.ndtri(0.975) * se
        q = float((((mu - (mu / se**2).sum() / (se**-2.0).sum()) / se) ** 2).sum())
        return {
            "TE.random.w": mu,
            "se.random.w": se,
            "lower.random.w": mu - half,
            "upper.random.w": mu + half,
            "tau2.w": tau2,
            "Q.b.random": q,
            "pval.Q.b.random": float(special.chdtrc(len(groups) - 1, q)),
        }


@dataclass(frozen=True)
class Thompson:
    """Thompson and Sharp's test: a regression on the standard error, τ² by REML at metafor's default threshold."""

    y: np.ndarray
    v: np.ndarray

    def rule(self, path: str, g: float, e: float, hint: Any, expected: Any) -> str:
        """Return by what a value passes, or nothing."""
        ours, theirs = (leaf_of(self.at(end), path) for end in (True, False))
        return AT_STOP if ours is not None and close(g, ours, OURS) and close(theirs, e, hint) else ""

    def at(self, to_the_end: bool) -> dict[str, Any]:
        """Return the slope and its test."""
        X = np.column_stack([np.ones(self.y.size), np.sqrt(self.v)])
        w = 1 / (self.v + reml_tau2(self.y, self.v, X, to_the_end=to_the_end))
        V = np.linalg.inv(X.T @ (w[:, None] * X))
        slope, se = float((V @ X.T @ (w * self.y))[1]), float(V[1, 1] ** 0.5)
        stat, df = slope / se, self.y.size - 2
        p = 2 * float(special.stdtr(df, -abs(stat)))
        return {"statistic": stat, "pval": p, "estimate": {"bias": slope, "se.bias": se}}
