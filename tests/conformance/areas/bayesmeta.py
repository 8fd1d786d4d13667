"""Area bayesmeta: the normal-normal model through ``pool_bayes``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.bayes.data_priors import FlatTau
from lamevidence.bayes.joint import marginal_maxima
from lamevidence.bayes.posterior import Posterior
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported

TAU = {
    "uniform (improper)": lambda a: FlatTau(),
    "sqrt (improper)": lambda a: lam.FlatSqrt(),
    "Jeffreys (improper, general)": lambda a: lam.Jeffreys(),
    "overallJeffreys (improper)": lambda a: lam.OverallJeffreys(),
    "Berger-Deely (improper)": lambda a: lam.BergerDeely(),
    "conventional (proper)": lambda a: lam.Conventional(),
    "DuMouchel (proper)": lambda a: lam.DuMouchel(),
    "uniform shrinkage (proper)": lambda a: lam.UniformShrinkage(),
    "uniform in I2 (proper)": lambda a: lam.UniformI2(),
    "half-normal": lambda a: lam.HalfNormal(a["scale"]),
    "half-Cauchy": lambda a: lam.HalfCauchy(a["scale"]),
    "half-Student-t": lambda a: lam.HalfStudentT(a["df"], a["scale"]),
    "log-normal": lambda a: lam.LogNormal(a["meanlog"], a["sdlog"]),
    "exponential": lambda a: lam.Exponential(1 / a["rate"]),
    "half-logistic": lambda a: lam.HalfLogistic(a["scale"]),
    "Lomax": lambda a: lam.Lomax(a["shape"], a["scale"]),
    "inverse chi (scaled)": lambda a: lam.InverseChi(a["df"], a["scale"]),
    "Rayleigh": lambda a: lam.Rayleigh(a["scale"]),
    "uniform (proper)": lambda a: lam.Uniform(a["max"]),
}


def tau_prior(args: Mapping[str, Any]) -> Any:
    """Return the prior of τ that a case names."""
    family = args["family"]
    if family not in TAU:
        raise Unsupported(f"prior of τ: {family}")
    if family == "log-normal" and args.get("of", "tau") != "tau":
        return lam.LogNormal(args["meanlog"] / 2, args["sdlog"] / 2)
    return TAU[family](args)


def mu_prior(args: Mapping[str, Any]) -> Any:
    """Return the prior of μ that a case names."""
    if args["family"] == "flat":
        return lam.Flat()
    if args["family"] == "normal":
        return lam.Normal(args["mean"], args["sd"])
    raise Unsupported(f"prior of μ: {args['family']}")


def block(d: Any, kind: str) -> dict[str, Any]:
    """Return mode, median, mean, sd and interval ends."""
    low, high = d.interval(0.95, kind)
    return {"mode": d.mode, "median": d.median, "mean": d.mean, "sd": d.sd, "ci.lb": low, "ci.ub": high}


def at_zero(post: Posterior) -> dict[str, Any]:
    """Bayes factors where they exist."""
    if not post.proper:
        return {}
    return {"tau_eq_0": post.bayes_factor(tau=0), "mu_eq_0": post.bayes_factor(mu=0)}


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    if args.get("fn") != "bayesmeta":
        raise Unsupported(f"function {args.get('fn')}")
    table = EvidenceTable.from_estimates(np.asarray(inputs["yi"], float), np.asarray(inputs["vi"], float))
    post = lam.pool_bayes(table, mu=mu_prior(args["mu_prior"]), tau=tau_prior(args["tau_prior"]), likelihood="normal")
    kind = args.get("interval_type", "shortest")
    if case.get("expected") is None:
        return {"mu": post.mu.median}
    effects = [block(post.theta[label], kind) for label in table.labels]
    shrinkage = {key: [e[key] for e in effects] for key in effects[0]}
    low, high = post.mu.interval()
    new_low, new_high = post.theta_new.interval()
    weights, first = post.state.fit.mean_weights(), post.state.fit.shrinkage_weights(0)
    k = table.k + int(post.prior_mu[0].proper)
    expected = case["expected"]
    got: dict[str, Any] = {
        "tau": block(post.tau, kind),
        "mu": block(post.mu, kind),
        "theta": block(post.theta_new, kind),
        "ml": maxima(post, with_priors=False),
        "map": maxima(post, with_priors=True),
        "shrinkage": shrinkage | {"y": table.yi, "sigma": table.sei},
        "weights": weights[:k],
        "weights_theta_1": first[:k],
        "marginal_likelihood": np.exp(post.log_marginal) if post.proper else None,
        "bayes_factor": at_zero(post),
        "I2_mean": post.i2(),
        "grid": grids(post, expected),
        "density": densities(post, expected),
        "exact": {
            "norm_const_check": 1.0,
            "interval": "central 95%",
            "mu": {"mean": post.mu.mean, "sd": post.mu.sd, "median": post.mu.median, "ci.lb": low, "ci.ub": high},
            "theta": {"median": post.theta_new.median, "ci.lb": new_low, "ci.ub": new_high},
        },
    }
    return got | {"_higher": at_least_as_high(post, got, expected)}


def grids(post: Posterior, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Quantiles at the probabilities listed."""
    p = np.asarray(expected["grid"]["p"], float)
    return {"p": p, "qtau": post.tau.quantile(p), "qmu": post.mu.quantile(p), "qpred": post.theta_new.quantile(p)}


def densities(post: Posterior, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Densities and distribution functions at the points listed."""
    tau, mu = (np.asarray(expected["density"][key], float) for key in ("tau", "mu"))
    log_g, b, V = post.state.fit.model.given(tau)
    mean, sd = b[:, 0] + post.state.fit.model.shift[0], np.sqrt(V[:, 0, 0])
    conditional = np.exp(-0.5 * ((mu - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    loglik = post.state.log_likelihood(tau, mu[:, None]).sum(axis=1)
    return {
        "tau": tau,
        "mu": mu,
        "dtau": post.tau.pdf(tau),
        "ptau": post.tau.cdf(tau),
        "dmu": post.mu.pdf(mu),
        "pmu": post.mu.cdf(mu),
        "dpred": post.theta_new.pdf(mu),
        "ppred": post.theta_new.cdf(mu),
        "joint": post.tau.pdf(tau) * conditional,
        "loglik": loglik,
        "cond_mean": mean,
        "cond_sd": sd,
    }


def maxima(post: Posterior, *, with_priors: bool) -> dict[str, Any]:
    """Joint and marginal maxima of the likelihood, or of the posterior."""
    joint_tau, joint_mu = post.joint_mode(prior=with_priors)
    if with_priors:
        return {"joint": {"tau": joint_tau, "mu": joint_mu}, "marginal": {"tau": post.tau.mode, "mu": post.mu.mode}}
    tau_ml, mu_ml = marginal_maxima(post)
    return {"joint": {"tau": joint_tau, "mu": joint_mu}, "marginal": {"tau": tau_ml, "mu": mu_ml}}


GRID_ERROR = 5e-3
"""bayesmeta's grid over τ (delta = 0.002, tails cut at 1e-6) moves quantiles of effects by up to this many posterior standard
deviations, at the 0.01 and 0.99 quantiles most; its adaptive-quadrature block ``exact`` is compared at rel 1e-6."""


def at_least_as_high(post: Posterior, got: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, bool]:
    """For each mode or maximum, whether our point is at least as high as the one listed (bayesmeta's optimisers are local)."""
    mu = post.prior_mu[0]
    model = post.state.fit.model

    def joint(point: Mapping[str, float], prior: bool) -> float:
        tau, at = np.array([float(point["tau"])]), float(point["mu"])
        total = post.table.vi + tau**2
        height = float(-0.5 * (np.log(total) + (post.table.yi - at) ** 2 / total).sum())
        if prior:
            height += float(post.prior_tau.logpdf(tau)[0]) + (
                -0.5 * ((at - mu.mean) / mu.sd) ** 2 if mu.proper else 0.0
            )
        return height

    free = (
        lam.pool_bayes(post.table, mu=lam.Flat(), tau=post.prior_tau, likelihood="normal")
        if mu.proper and post.k > 2
        else post
    )
    heights: dict[str, Any] = {
        "tau.mode": lambda r: post.tau.pdf(float(r["tau"]["mode"])),
        "map.marginal.tau": lambda r: post.tau.pdf(float(r["map"]["marginal"]["tau"])),
        "mu.mode": lambda r: post.mu.pdf(float(r["mu"]["mode"])),
        "map.marginal.mu": lambda r: post.mu.pdf(float(r["map"]["marginal"]["mu"])),
        "theta.mode": lambda r: post.theta_new.pdf(float(r["theta"]["mode"])),
        "ml.marginal.tau": lambda r: model.log_likelihood(np.array([float(r["ml"]["marginal"]["tau"])]))[0],
        "ml.marginal.mu": lambda r: free.mu.pdf(float(r["ml"]["marginal"]["mu"])),
        "ml.joint": lambda r: joint(r["ml"]["joint"], False),
        "map.joint": lambda r: joint(r["map"]["joint"], True),
    }
    for i, label in enumerate(post.table.labels):
        heights[f"shrinkage.mode[{i}]"] = lambda r, i=i, label=label: post.theta[label].pdf(
            float(r["shrinkage"]["mode"][i])
        )
    out = {}
    for name, height in heights.items():
        try:
            ours, theirs = float(height(got)), float(height(expected))
        except TypeError:
            continue
        out[name] = ours >= theirs - 1e-9 * max(abs(theirs), 1e-3)
    return out


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """``exact`` and τ at their own tolerances, effects also within the grid error, modes at 1e-3 or where ours are higher.

    The ``exact`` block itself says how much mass its integration missed (``norm_const_check``).
    bayesmeta searches the mode of a study's effect only inside the interval of μ, and stops at its end.
    """
    if expected is None:
        return
    sd = {name: spread(expected[name]) for name in ("mu", "theta")}
    rows = [
        spread({key: expected["shrinkage"][key][i] for key in ("sd", "ci.lb", "ci.ub")})
        for i in range(len(expected["shrinkage"]["sd"]))
    ]
    for key, g, e, relative, fine in plain_deviations(got, expected, hint):
        if fine or not isinstance(g, float) or not isinstance(e, int | float):
            yield key, g, e, relative, fine
            continue
        gap, head, index = abs(g - e), key.split(".")[0], int(key.rsplit("[", 1)[1][:-1]) if key.endswith("]") else 0
        if head == "exact":
            missed = abs(1.0 - float(expected["exact"].get("norm_const_check", 1.0)))
            fine = gap <= 20 * missed * max(abs(float(e)), 1.0)
        elif "mode" in key.split(".")[-1] or head in ("ml", "map"):
            fine = (
                gap <= 1e-3 or got["_higher"].get(key, False) or got["_higher"].get(".".join(key.split(".")[:2]), False)
            )
        elif head == "shrinkage":
            fine = gap <= GRID_ERROR * rows[index]
        elif head in ("mu", "theta"):
            fine = gap <= GRID_ERROR * sd[head]
        elif key.startswith(("grid.qmu", "grid.qpred")):
            fine = gap <= GRID_ERROR * sd["mu" if "qmu" in key else "theta"]
        elif key.startswith(("density.dmu", "density.dpred")):
            fine = gap <= GRID_ERROR / sd["mu" if "dmu" in key else "theta"]
        elif key.startswith(("density.pmu", "density.ppred")):
            fine = gap <= GRID_ERROR
        elif key.startswith("density.joint"):
            fine = abs(g - factorised(expected["density"], index)) <= 1e-5 * g
        yield key, g, e, relative, fine


def spread(summary: Mapping[str, Any]) -> float:
    """Posterior sd, or the width of the interval in normal units where it does not exist."""
    width = (summary["ci.ub"] - summary["ci.lb"]) / 3.92
    return float(summary["sd"]) if summary.get("sd") is not None else float(width)


def factorised(listed: Mapping[str, Any], i: int) -> float:
    """Joint density from the listed density of τ and conditional law of μ: ``joint`` itself is not normalised for some priors."""
    z = (listed["mu"][i] - listed["cond_mean"][i]) / listed["cond_sd"][i]
    return float(listed["dtau"][i] * np.exp(-0.5 * z * z) / (listed["cond_sd"][i] * np.sqrt(2 * np.pi)))
