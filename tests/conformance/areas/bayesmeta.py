"""Area bayesmeta: the normal-normal model through ``pool_bayes``.

Every leaf is compared at the file's own tolerance: τ and the marginal likelihood at ``tau_rel``, ``exact`` at
``exact_rel``, modes at 1e-3, everything else at ``rel`` and ``abs``. A leaf that misses it passes only where R's number
is shown to be the error of a known step of R, recomputed here from our posterior without a constant of tolerance:

* effects (not ``exact``): the same leaf over the DIRECT grid of `tests.conformance.direct_grid` agrees with R's at the
  file's tolerance. Over that grid means and standard deviations agree with R's to 1e-9 and better;
* ``exact`` where ``norm_const_check`` = 1 − m: R integrated up to the 1 − m quantile of τ only; the same range over our
  posterior agrees at ``exact_rel``;
* modes and maxima: our exact density is strictly higher at our point than at R's (R's search is local, and that of a
  study's effect never leaves the interval of μ);
* shortest intervals: under the law that R used R's holds 95 % and is wider than the shortest (its optimiser stopped),
  but agrees in width, which is what it minimises, at the file's tolerance;
* ``density.joint``: R's own ``dtau`` times its own conditional law does not give it (not normalised for some priors).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.bayes.exact.exact_state import ExactState
from lamevidence.bayes.posterior import Posterior
from lamevidence.bayes.predictive.joint_mode import marginal_maxima
from lamevidence.bayes.priors.improper_priors import FlatTau
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.compare import plain
from tests.conformance.direct_grid import of_effects, on_direct_grid
from tests.conformance.runner import Unsupported

TAU = {
    "uniform (improper)": lambda a: FlatTau(),
    "sqrt (improper)": lambda a: lam.priors.FlatSqrt(),
    "Jeffreys (improper, general)": lambda a: lam.priors.Jeffreys(),
    "overallJeffreys (improper)": lambda a: lam.priors.OverallJeffreys(),
    "Berger-Deely (improper)": lambda a: lam.priors.BergerDeely(),
    "conventional (proper)": lambda a: lam.priors.Conventional(),
    "DuMouchel (proper)": lambda a: lam.priors.DuMouchel(),
    "uniform shrinkage (proper)": lambda a: lam.priors.UniformShrinkage(),
    "uniform in I2 (proper)": lambda a: lam.priors.UniformI2(),
    "half-normal": lambda a: lam.priors.HalfNormal(a["scale"]),
    "half-Cauchy": lambda a: lam.priors.HalfCauchy(a["scale"]),
    "half-Student-t": lambda a: lam.priors.HalfStudentT(a["df"], a["scale"]),
    "log-normal": lambda a: lam.priors.LogNormal(a["meanlog"], a["sdlog"]),
    "exponential": lambda a: lam.priors.Exponential(1 / a["rate"]),
    "half-logistic": lambda a: lam.priors.HalfLogistic(a["scale"]),
    "Lomax": lambda a: lam.priors.Lomax(a["shape"], a["scale"]),
    "inverse chi (scaled)": lambda a: lam.priors.InverseChi(a["df"], a["scale"]),
    "Rayleigh": lambda a: lam.priors.Rayleigh(a["scale"]),
    "uniform (proper)": lambda a: lam.priors.Uniform(a["max"]),
}


def tau_prior(args: Mapping[str, Any]) -> Any:
    """Return the prior of τ that a case names."""
    family = args["family"]
    if family not in TAU:
        raise Unsupported(f"prior of τ: {family}")
    if family == "log-normal" and args.get("of", "tau") != "tau":
        return lam.priors.LogNormal(args["meanlog"] / 2, args["sdlog"] / 2)
    return TAU[family](args)


def mu_prior(args: Mapping[str, Any]) -> Any:
    """Return the prior of μ that a case names."""
    if args["family"] == "flat":
        return lam.priors.Flat()
    if args["family"] == "normal":
        return lam.priors.Normal(args["mean"], args["sd"])
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
    table = EvidenceTable.from_estimates(np.asarray(inputs["yi"], float), vi=np.asarray(inputs["vi"], float))
    post = lam.pool_bayes(table, mu=mu_prior(args["mu_prior"]), tau=tau_prior(args["tau_prior"]), likelihood="normal")
    kind = args.get("interval_type", "shortest")
    expected = case.get("expected")
    if expected is None:
        return {"mu": post.mu.median}
    got = of_tau(post, kind, expected) | {"exact": exact_block(post.state)}
    merge(got, of_effect(post.state, table, kind, expected))
    hint = case["tolerance_hint"]

    def over(state: ExactState) -> dict[str, Any]:
        return dict(plain(of_effect(state, table, kind, expected)))

    @cache
    def grid() -> tuple[ExactState, dict[str, bool]]:
        state = on_direct_grid(post.state, of_effects(post.state))
        return state, agreement(over(state), expected, hint)

    @cache
    def cut() -> dict[str, bool]:
        missed = 1.0 - float(expected["exact"].get("norm_const_check", 1.0))
        short = missed > float(hint["exact_rel"])
        return (
            agreement(plain({"exact": exact_block(up_to(post.state, 1.0 - missed))}), expected, hint) if short else {}
        )

    @cache
    def again() -> dict[str, Any]:
        state = anew(post.state)
        return over(state) | {"exact": plain(exact_block(state))}

    got |= {"_state": post.state, "_grid": grid, "_cut": cut, "_again": again, "_height": heights(post)}
    return got | {"_level": 0.95, "_shortest": kind == "shortest"}


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add ``more`` to ``into``, block by block."""
    for key, value in more.items():
        into[key] = into.get(key, {}) | value if isinstance(value, dict) else value


def exact_block(state: ExactState) -> dict[str, Any]:
    """Means, standard deviations, medians and central intervals of μ and of a new study's effect."""
    mu, new = state.at(np.ones(1)), state.at(np.ones(1), new=True)
    (low, high), (new_low, new_high) = mu.interval(), new.interval()
    return {
        "interval": "central 95%",
        "mu": {"mean": mu.mean, "sd": mu.sd, "median": mu.median, "ci.lb": low, "ci.ub": high},
        "theta": {"median": new.median, "ci.lb": new_low, "ci.ub": new_high},
    }


def up_to(state: ExactState, p: float) -> ExactState:
    """The posterior given τ below its ``p`` quantile: Gauss-Legendre nodes between quantiles."""
    edges = state.tau._quantile(np.append(np.linspace(1e-6, 0.999, 40) * p, p))
    return between(state, np.concatenate([[0.0], edges]))


def anew(state: ExactState) -> ExactState:
    """The posterior, its integral over τ on Gauss-Legendre nodes between quantiles and, beyond, doubled values."""
    edges = state.tau._quantile(np.append(np.geomspace(1e-9, 0.02, 12), np.linspace(0.04, 0.999, 49)))
    edges = np.concatenate([[0.0], edges, edges[-1] * 2.0 ** np.arange(1, DOUBLINGS)])
    return between(state, np.unique(np.minimum(edges, state.tau.support.high)))


def between(state: ExactState, edges: np.ndarray) -> ExactState:
    """The posterior on 24 nodes in each interval of τ."""
    node, weight = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(edges)[:, None]
    tau = (edges[:-1, None] + half * (1.0 + node)).ravel()
    mass = state.tau._pdf(tau) * (half * weight).ravel()
    _, b, V = state.fit.model.given(tau)
    grid = replace(state.fit.grid, tau=tau, weight=mass / mass.sum())
    return replace(state, fit=replace(state.fit, grid=grid, b=b, V=V))


def of_tau(post: Posterior, kind: str, expected: Mapping[str, Any]) -> dict[str, Any]:
    """What does not depend on the integral over τ of an effect."""
    p, tau, mu = (np.asarray(expected[a][b], float) for a, b in (("grid", "p"), ("density", "tau"), ("density", "mu")))
    model = post.state.fit.model
    _, b, V = model.given(tau)
    mean, sd = b[:, 0] + model.shift[0], np.sqrt(V[:, 0, 0])
    conditional = np.exp(-0.5 * ((mu - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    joint_density = post.tau.pdf(tau) * conditional
    loglik = post.state.log_likelihood(tau, mu[:, None]).sum(axis=1)
    at_tau = {"tau": tau, "mu": mu, "dtau": post.tau.pdf(tau), "ptau": post.tau.cdf(tau)}
    null = {"tau_eq_0": post.bayes_factor(tau=0), "mu_eq_0": post.bayes_factor(mu=0)} if post.proper else {}
    return {
        "tau": block(post.tau, kind),
        "ml": maxima(post, with_priors=False),
        "map": maxima(post, with_priors=True),
        "marginal_likelihood": np.exp(post.log_marginal) if post.proper else None,
        "bayes_factor": null,
        "I2_mean": post.i2 / 100,
        "grid": {"p": p, "qtau": post.tau.quantile(p)},
        "density": at_tau | {"joint": joint_density, "loglik": loglik, "cond_mean": mean, "cond_sd": sd},
    }


def of_effect(state: ExactState, table: EvidenceTable, kind: str, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about effects, from whichever nodes over τ the state holds."""
    mu, new = state.at(np.ones(1)), state.at(np.ones(1), new=True)
    effects = [block(state.theta(i), kind) for i in range(table.k)]
    p, x = np.asarray(expected["grid"]["p"], float), np.asarray(expected["density"]["mu"], float)
    k = table.k + int(state.priors[0].proper)
    return {
        "mu": block(mu, kind),
        "theta": block(new, kind),
        "shrinkage": {key: [e[key] for e in effects] for key in effects[0]} | {"y": table.yi, "sigma": table.sei},
        "weights": state.fit.mean_weights()[:k],
        "weights_theta_1": state.fit.shrinkage_weights(0)[:k],
        "grid": {"qmu": mu.quantile(p), "qpred": new.quantile(p)},
        "density": {"dmu": mu.pdf(x), "pmu": mu.cdf(x), "dpred": new.pdf(x), "ppred": new.cdf(x)},
    }


def maxima(post: Posterior, *, with_priors: bool) -> dict[str, Any]:
    """Joint and marginal maxima of the likelihood, or of the posterior."""
    joint_tau, joint_mu = post.joint_mode(prior=with_priors)
    tau, mu = (post.tau.mode, post.mu.mode) if with_priors else marginal_maxima(post)
    return {"joint": {"tau": joint_tau, "mu": joint_mu}, "marginal": {"tau": tau, "mu": mu}}


def heights(post: Posterior) -> dict[str, Callable[[Mapping[str, Any]], float]]:
    """For each mode or maximum, the height of what it maximises at the point that a result names."""
    prior = post.prior_mu[0]
    model = post.state.fit.model

    def joint(point: Mapping[str, float], priors: bool) -> float:
        tau, at = np.array([float(point["tau"])]), float(point["mu"])
        total = post.table.vi + tau**2
        height = float(-0.5 * (np.log(total) + (post.table.yi - at) ** 2 / total).sum())
        if priors:
            height += float(post.prior_tau.logpdf(tau)[0])
            height -= 0.5 * ((at - prior.mean) / prior.sd) ** 2 if prior.proper else 0.0
        return height

    def without_prior(at: float) -> float:
        free = lam.pool_bayes(post.table, mu=lam.priors.Flat(), tau=post.prior_tau, likelihood="normal")
        return float(free.mu.pdf(at))

    out: dict[str, Callable[[Mapping[str, Any]], float]] = {
        "tau.mode": lambda r: post.tau.pdf(float(r["tau"]["mode"])),
        "map.marginal.tau": lambda r: post.tau.pdf(float(r["map"]["marginal"]["tau"])),
        "mu.mode": lambda r: post.mu.pdf(float(r["mu"]["mode"])),
        "map.marginal.mu": lambda r: post.mu.pdf(float(r["map"]["marginal"]["mu"])),
        "theta.mode": lambda r: post.theta_new.pdf(float(r["theta"]["mode"])),
        "ml.marginal.tau": lambda r: model.log_likelihood(np.array([float(r["ml"]["marginal"]["tau"])]))[0],
        "ml.marginal.mu": lambda r: without_prior(float(r["ml"]["marginal"]["mu"])),
        "ml.joint": lambda r: joint(r["ml"]["joint"], False),
        "map.joint": lambda r: joint(r["map"]["joint"], True),
    }
    for i, label in enumerate(post.table.labels):
        law = post.theta[label]
        out[f"shrinkage.mode[{i}]"] = lambda r, i=i, law=law: law.pdf(float(r["shrinkage"]["mode"][i]))  # type: ignore[misc]
    return out


DOUBLINGS = 60
"""How often the 99.9 % quantile of τ is doubled where our integrals are done again: heavy tails hold variance."""
AGAIN = 2e-6
"""How well the two integrals agree, of the value or of the spread of the effect."""
NEAR = 0.02
"""Most that R's grid may put a number off ours: in standard deviations of the effect, or relative (probabilities,
densities and weights)."""
SHARP = {"rel": 1e-9, "abs": 1e-12}
GIVEN = ("grid.p", "density.tau", "density.mu", "shrinkage.y", "shrinkage.sigma")
"""Data and places, no results: exact."""
TINY = 1e-9
"""Absolute tolerance of what both compute without a grid."""
WIDEST = 2e-3
"""Most of a file's relative tolerance that is used before R's grid is looked at."""
MODE = 1e-3
"""What the reference set says of modes: they come from a one-dimensional optimiser."""


GRID = "R's grid over tau: the same grid on our posterior gives R's number, our integral done again gives ours"
CUT = "R's integral ends at a quantile of tau: the same integral gives R's number, the whole one ours"
HIGHER = "R's search for a maximum stopped beside it, lower than ours"
EARLY = "R's interval has the level, and is wider than the shortest"
PRODUCT = "R's joint density is not the product of its factors; ours is"


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Every leaf at the file's tolerance, else judged by the step of R that is to blame; ours is proved apart."""
    if expected is None:
        return
    room = dict(hint) | {"rel": min(float(hint["rel"]), WIDEST)}
    sharp = dict(hint) | {"rel": float(hint["tau_rel"])}
    for key, g, e, relative, fine in plain_deviations(got, without_checks(expected), room):
        head, leaf = key.split(".")[0], key.split(".")[-1].split("[")[0]
        if key.split("[")[0] in GIVEN:
            fine = abs(g - e) <= SHARP["rel"] * abs(e) + SHARP["abs"]
        elif leaf in ("qtau", "dtau", "ptau") and isinstance(e, float):
            fine = abs(g - e) <= sharp["rel"] * abs(e) + TINY
        elif head in ("weights", "weights_theta_1", "marginal_likelihood") or key.startswith("density.joint"):
            fine = fine and abs(g - e) <= float(hint["rel"]) * abs(e) + TINY * (head != "marginal_likelihood")
        elif isinstance(g, float) and head not in ("tau", "exact", "ml", "map"):
            fine = fine and abs(g - e) <= WIDEST * abs(e) + SHARP["abs"]  # what is smaller is proved
        if not isinstance(g, float) or key.split("[")[0] in GIVEN:
            yield key, g, e, relative, fine
        elif leaf == "mode" or head in ("ml", "map"):
            exact = fine and abs(g - e) <= 1e-5 * abs(e) + 1e-7  # a search ends so far above 0
            proved = exact or (summit(got, key) and (abs(g - e) <= MODE or higher(got, expected, key)))
            yield key, g, e, relative, proved, "" if exact else HIGHER
        elif fine:
            yield key, g, e, relative, fine
        elif key.startswith("density.joint"):
            listed = factorised(expected["density"], int(key.rsplit("[", 1)[1][:-1]))
            yield key, g, e, relative, abs(g - listed) <= float(hint["rel"]) * abs(listed) < abs(e - listed), PRODUCT
        elif head == "exact":
            yield key, g, e, relative, got["_cut"]().get(key, False) and again(got, key, g), CUT
        elif leaf in ("qtau", "dtau", "ptau"):
            yield key, g, e, relative, fine
        elif head == "tau":
            yield key, g, e, relative, *interval_stopped(got, expected, key, hint, got["_state"])
        elif again(got, key, g) and near(got, key, g, e):
            state, grid = got["_grid"]()
            if grid.get(key, False):
                yield key, g, e, relative, True, GRID
            else:
                yield key, g, e, relative, *interval_stopped(got, expected, key, hint, state)
        else:
            yield key, g, e, relative, False


def interval_stopped(got: Any, expected: Any, key: str, hint: Mapping[str, Any], state: ExactState) -> tuple[bool, str]:
    """Return whether R's interval is one of its level that is not the shortest; that of τ is ours by its level."""
    head, leaf = key.split(".")[0], key.split(".")[-1].split("[")[0]
    if leaf not in ("lb", "ub"):
        return False, ""
    i = int(key[:-1].rsplit("[", 1)[1]) if key.endswith("]") else None
    theirs, ours = ([x if i is None else x[i] for x in (d["ci.lb"], d["ci.ub"])] for d in (expected[head], got[head]))
    if head == "tau" and abs(got["_state"].tau.prob(*ours) - got["_level"]) > COVERED:
        return False, ""
    return stopped_early(law_of(state, head, i), (theirs[0], theirs[1]), float(hint["rel"])), EARLY


def again(got: Any, key: str, value: float) -> bool:
    """Return whether our number is what our integral gives on other nodes."""
    whole = dict(flat(got["_again"]()))
    other = whole.get(key)
    return other is not None and abs(value - other) <= AGAIN * max(abs(other), spread(got, key))


def near(got: Any, key: str, ours: float, theirs: float) -> bool:
    """Return whether R's number is ours but for what a grid of its kind can be off."""
    size = spread(got, key)
    return abs(ours - theirs) <= NEAR * (size if size else max(abs(ours), abs(theirs))) + 1e-6


def spread(got: Any, key: str) -> float:
    """Return a quarter of the interval of the effect that a number is on the scale of; 0 for pure numbers.

    The standard deviation does not exist for every prior.
    """
    whole, head, leaf = got["_again"](), key.split(".")[0], key.split(".")[-1].split("[")[0]
    if head == "shrinkage":
        i = int(key.rsplit("[", 1)[1][:-1])
        return float(whole[head]["ci.ub"][i] - whole[head]["ci.lb"][i]) / 4
    name = {"qmu": "mu", "qpred": "theta"}.get(leaf, head)
    name = ("theta" if ".theta." in key else "mu") if head == "exact" else name
    return float(whole[name]["ci.ub"] - whole[name]["ci.lb"]) / 4 if name in ("mu", "theta") else 0.0


def flat(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield (path, number) of every leaf, in the words of the comparison."""
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from flat(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list):
        for i, value in enumerate(tree):
            yield from flat(value, f"{path}[{i}]")
    elif isinstance(tree, float):
        yield path, tree


BESIDE = 4e-3
"""How far beside a maximum the height is looked at, of the maximum's place or of `MODE`."""


def summit(got: Any, key: str) -> bool:
    """Return whether what is maximised is no higher on either side of our point."""
    name = key if key in got["_height"] else ".".join(key.split(".")[:2])
    height, top = got["_height"][name], got["_height"][name](got)
    parts = key.replace("[", ".").replace("]", "").split(".")
    value = got
    for part in parts:
        value = value[int(part)] if part.isdigit() else value[part]
    step = BESIDE * max(abs(value), MODE)
    bounded = parts[-1] == "tau" or parts[0] == "tau"
    for beside in (value - step, value + step):
        moved = placed(got, parts, max(0.0, beside) if bounded else beside)
        if height(moved) > top:
            return False
    return True


def placed(tree: Any, parts: list[str], value: float) -> Any:
    """Return the numbers with another one in one place."""
    if not parts:
        return value
    if isinstance(tree, list):
        i = int(parts[0])
        return [*tree[:i], placed(tree[i], parts[1:], value), *tree[i + 1 :]]
    return {**tree, parts[0]: placed(tree[parts[0]], parts[1:], value)}


def without_checks(expected: Mapping[str, Any]) -> dict[str, Any]:
    """``expected`` without R's own check sum, which says how far R integrated and is no result."""
    exact = {key: value for key, value in expected.get("exact", {}).items() if key != "norm_const_check"}
    return dict(expected) | ({"exact": exact} if exact else {})


def agreement(got: Any, expected: Any, hint: Mapping[str, Any]) -> dict[str, bool]:
    """Leaf → within the file's tolerance, for the blocks that ``got`` has."""
    part = {
        name: {key: value for key, value in expected[name].items() if key in got[name]}
        if isinstance(got[name], Mapping)
        else expected[name]
        for name in got
        if name in expected
    }
    return {key: fine for key, _, _, _, fine in plain_deviations(got, without_checks(part), hint)}


def higher(got: Any, expected: Any, key: str) -> bool:
    """Whether what is maximised is strictly higher at our point than at R's."""
    name = key if key in got["_height"] else ".".join(key.split(".")[:2])
    height = got["_height"][name]
    return bool(height(got) > height(expected))


def stopped_early(law: Any, ends: tuple[float, float], rel: float, level: float = 0.95) -> bool:
    """Whether R's interval holds ``level`` under its own law and is wider than the shortest by no more than ``rel``.

    The ends of a shortest interval are loosely determined where the density is flat; its width is what R minimised.
    """
    low, high = law.interval(level, "shortest")
    holds = abs(law.prob(*ends) - level) <= COVERED
    return bool(holds and 0.0 <= (ends[1] - ends[0]) / (high - low) - 1.0 <= rel)


COVERED = 1e-7
"""What R's quantiles (found to 1e-10) leave of the level."""


def law_of(state: ExactState, head: str, i: int | None) -> Any:
    """Distribution behind a block: ``tau``, ``mu``, ``theta`` or row ``i`` of ``shrinkage``."""
    if head == "tau":
        return state.tau
    return state.theta(i) if i is not None else state.at(np.ones(1), new=head == "theta")


def factorised(listed: Mapping[str, Any], i: int) -> float:
    """Joint density from the listed density of τ and conditional law of μ."""
    z = (listed["mu"][i] - listed["cond_mean"][i]) / listed["cond_sd"][i]
    return float(listed["dtau"][i] * np.exp(-0.5 * z * z) / (listed["cond_sd"][i] * np.sqrt(2 * np.pi)))
