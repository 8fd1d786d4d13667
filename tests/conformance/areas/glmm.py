"""One-stage count models: ``metafor::rma.glmm`` through the public function.

Every leaf is compared at the file's tolerance (``se_rel`` for standard errors and, as the files' notes say, for QM).
A leaf that then differs passes only under one of the rules below, each counted in `RULES`:

* optimum - R's optimiser stopped early: its parameters have a lower likelihood than ours in the same function (R's
  logLik is reproduced at R's parameters), by at most `DEFICIT` (`INTEGRATED` at tau2 = 0), and they lie where that
  deficit puts them.
* lower maximum - R's parameters are those of a lower mode, by two likelihoods; what follows from them is compared
  there, ours is held to its own.
* edge - R's optimiser did not leave a variance of 0: with that variance held at 0 our maximum is R's, and without it
  ours is higher in the same function.
* standard error - what we get at R's own parameters, or R's noise of differentiating an iterated likelihood.
* Wald heterogeneity - the same noise in the saturated model, where some studies' effects are infinite.
* derived - z, p, intervals, I2, AIC ... are our formulas applied to R's printed estimates.

R's ``logLik`` of models with one random effect a study is the log-likelihood given the modes of the random effects,
so that is what it is compared with.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling.counts import glmm
from lamevidence.pooling.counts.assemble import _own_mle, typical_of
from lamevidence.pooling.counts.cumulants import Hypergeometric
from lamevidence.pooling.counts.one_stage_regression import GlmmRegression
from lamevidence.pooling.counts.one_stage_results import OneStage
from lamevidence.pooling.counts.request import counts_of
from tests.conformance.coherent import coefficients, incoherent
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.compare import plain
from tests.conformance.glmm_direct import Groups, height
from tests.conformance.glmm_point import AtR, at_edge, at_r
from tests.conformance.runner import Unsupported

COUNTS = ("ai", "n1i", "ci", "n2i", "x1i", "t1i", "x2i", "t2i", "xi", "ni", "ti")
RULES: Counter[str] = Counter()
"""Leaves that passed by a rule instead of the file's tolerance."""
DEFICIT = 5e-6
"""How far below the maximum lme4 may stop: the documented FtolAbs = 1e-5 of its second stage (Nelder_Mead), which is on
the deviance."""
DEFICIT_LAPLACE = 3.2e-5
"""The same for Laplace's approximation in one dimension (nAGQ = 1). lme4 ends its inner iteration at the documented
tolPwrss = 1e-7 and takes the determinant from the step before, which is e too low, |e| <= `SAME`. Newton's error after
n steps goes like the 2^n-th power of the start's, so that e changes by up to 2^4 |e| over a standard error; its maximum
is then ½(2^4 |e|)² below the exact one. With tolPwrss = 1e-10 R's estimates, standard errors and QM are ours to seven
digits (dat.pritz1997; dat.lee2004 with UM.RS and a moderator)."""
INTEGRATED = float(np.finfo(float).eps ** 0.25)
"""CM.EL: R searches over log(tau2), which never reaches the maximum at tau2 = 0, and stops where the likelihood is flat
to its integrals: integrate()'s rel.tol, in metafor eps^(1/4), for each study in each of the two values compared. The
better point is proved: R's logLik is reproduced at R's parameters to 1e-8 and ours is higher in the same function;
tests/oracles has both in 40 digits."""
SAME = 5e-4
"""R's log-likelihood against ours at R's parameters: lme4 leaves the studies' own parameters (or modes) unconverged by
this, and prints neither. CM.EL has none and agrees to 1e-9."""
NUMERIC = 2e-2
"""Most that a standard error of CM.EL, UM.RS or Laplace may differ: R differentiates twice, numerically, a likelihood
that is itself iterated or integrated. For CM.EL `noise` says how much of it each case may use; glmer evaluates off the
converged modes, where its deviance is too high, so that its standard errors of UM.RS are below ours, never above."""
WALD, WALD_INFINITE = 3e-2, 0.3
"""Most that QE.Wld of the same models may differ (`wald_noise` for CM.EL); the second where lme4's saturated model of
UM.RS has a study without events in a group, whose information is flat. R prints two values 1 % apart for one
statistic (CM.EL with method ML and EE)."""
RICHARDSON = 0.1 / 2**15
"""Shortest step of numDeriv::hessian relative to the parameter: d = 0.1, halved 15 times (metafor asks for r = 16)."""
AMPLIFIED = 4 * 1.45
"""Rounding errors in a second difference, 1 + 2 + 1, times the weight of the shortest step in Richardson's scheme,
Π 4^j/(4^j − 1)."""
DOUBT = "appear to be unusually small"
"""metafor's warning about standard errors that its differences got wrong."""
SATURATED = 1e-4
"""R's saturated fit stops on its way to an infinite effect; ours has the higher likelihood."""


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    """Return the numeric columns; cells bi and di make the group sizes where those are not given."""
    columns = {}
    for name, values in data["inputs"].items():
        if all(v is None or isinstance(v, int | float) for v in values):
            columns[name] = np.array([math.nan if v is None else v for v in values], float)
    for events, rest, size in (("ai", "bi", "n1i"), ("ci", "di", "n2i"), ("xi", "mi", "ni")):
        if rest in columns and size not in columns and events in columns:
            columns[size] = columns[events] + columns[rest]
    return columns


def fitted(inputs: dict[str, Any], args: dict[str, Any]) -> OneStage:
    """Return the fit."""
    options = _options(args.get("options", ""))
    measure = args["measure"]
    unknown = sorted(set(options) - {"nAGQ", "coding", "cor", "mods", "add", "to"})
    if unknown or args["fn"] != "rma.glmm" or measure not in ("OR", "IRR", "PLO", "IRLN"):
        raise Unsupported(f"{args['fn']} of {measure} with {', '.join(unknown) or 'these arguments'}")
    mods = [name.strip() for name in options.get("mods", "~").lstrip("~ ").split("+") if name.strip()]
    if any(name not in inputs for name in mods):
        raise Unsupported(f"mods={options['mods']}: not numeric columns of the file")
    # R leaves out studies that are not complete
    keep = np.all([np.isfinite(inputs[name]) for name in (*COUNTS, *mods) if name in inputs], axis=0)
    settings: dict[str, Any] = {"interval": args.get("test", "z")}
    settings["tau2"] = "none" if args.get("method", "ML") in ("EE", "FE", "CE") else args.get("method", "ML")
    if measure in ("OR", "IRR"):
        settings["model"] = args["model"]
        x1, x2 = (inputs["ai"], inputs["ci"]) if measure == "OR" else (inputs["x1i"], inputs["x2i"])
        keep &= (x1 > 0) | (x2 > 0)
        if measure == "OR":
            keep &= (x1 < inputs["n1i"]) | (x2 < inputs["n2i"])
    # two random effects a study have Laplace only; without heterogeneity UM.RS has one
    two = args.get("model") == "UM.RS" and settings["tau2"] != "none"
    settings["nagq"] = int(options.get("nAGQ", 1 if two else 7))
    if args.get("model") == "CM.EL" and measure == "OR":
        settings["nagq"] = 25
    if "coding" in options:
        settings["coding"] = float(options["coding"])
    if options.get("cor") == "TRUE":
        settings["correlated"] = True
    if "mods" in options:
        settings["moderators"] = np.column_stack([np.ones(int(keep.sum())), *(inputs[name][keep] for name in mods)])
    counts = {name: inputs[name][keep] for name in COUNTS if name in inputs}
    labels = tuple(str(i) for i in range(int(keep.sum())))
    nothing = np.full(len(labels), math.nan)
    names = {"labels": labels, "studies": labels}
    table = EvidenceTable(yi=nothing, vi=nothing, measure=measure, unit=None, counts=counts, **names)
    return glmm(table, **settings)


def _options(text: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)


def derived(e: dict[str, Any], fit: OneStage) -> dict[str, Any]:
    """Return what follows from R's printed estimates by our formulas."""
    beta, se = np.array(e["beta"]), np.array(e["se"])
    t = not math.isinf(fit.df)
    z = beta / se
    half = (special.stdtrit(fit.df, 0.975) if t else special.ndtri(0.975)) * se
    out: dict[str, Any] = {
        "zval": z,
        "pval": 2 * (special.stdtr(fit.df, -np.abs(z)) if t else special.ndtr(-np.abs(z))),
        "ci.lb": beta - half,
        "ci.ub": beta + half,
    }
    typical = typical_of(counts_of(fit.table, fit.one_stage.X)[0], fit.measure)
    out |= {"I2": 100 * e["tau2"] / (typical + e["tau2"]), "H2": 1 + e["tau2"] / typical}
    if beta.size < 3:  # one coefficient is tested
        out["QM"], out["QMp"] = float(z[-1] ** 2), float(out["pval"][-1])
    else:
        m = beta.size - 1
        out["QMp"] = special.fdtrc(m, fit.df, e["QM"] / m) if t else special.chdtrc(m, e["QM"])
    for name in ("Wld", "LRT"):
        out[f"QEp.{name}"] = float(special.chdtrc(e["QE.df"], e[f"QE.{name}"]))
    return out | information_criteria(e["logLik"], fit)


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    fit: OneStage = got.pop("_fit")
    yield from incoherent(got, own_numbers(got, fit))
    there, doubtful = at_r(fit, expected), got.pop("_doubtful")
    follows, own = plain(derived(expected, fit)), plain(derived(got, fit))
    edge = at_edge(fit, expected) if fit.likelihood and fit.likelihood.optimum.scale.size else {}
    wide = dict(hint, rel=max(float(hint["rel"]), 2 * float(hint.get("se_rel", 0.0))))
    ours, lower = at_r(fit, got), lower_mode(fit, got, expected, there)
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        leaf, _, place = path.partition("[")
        index = int(place[:-1]) if place else 0
        if not fine and leaf == "QM":  # a square of something with se_rel
            fine = next(plain_deviations({leaf: g}, {leaf: e}, wide))[-1]
        if fine:
            yield path, g, e, relative, fine
            continue
        known = itself(leaf, index, g, fit, ours) and (leaf != "QM" or abs(own.get("QM", g) - g) <= 1e-8 * max(1.0, g))
        rule = rule_of(leaf, index, g, e, fit, there, expected) if known else ""
        if known and not rule and lower and leaf in (*PARAMETERS, "se", "se.tau2"):
            near = leaf not in ("se",) or abs(there.se[index] - e) <= NUMERIC * e
            rule = LOWER if near else ""
        if known and not rule and leaf == "se" and doubtful:
            rule = "R's own doubt"
        if not rule and leaf in follows:
            value, mine = (x[leaf][index] if place else x[leaf] for x in (follows, own))
            same = next(plain_deviations({leaf: value}, {leaf: e}, hint))[-1]
            rule = "derived" if same and abs(mine - g) <= 1e-8 * max(1.0, abs(g)) else ""
        if not rule and known and leaf in edge:  # standard errors with the same noise as elsewhere
            near = edge[leaf][index] if place else edge[leaf]
            fine = next(plain_deviations({leaf: near}, {leaf: e}, hint))[-1]
            noisy = leaf == "se" and model_is_noisy(fit) and abs(near - e) <= NUMERIC * e
            rule = "edge" if fine or noisy or (leaf == "logLik" and abs(near - e) <= SAME) else ""
        if rule:
            RULES[rule] += 1
        yield path, g, e, 0.0 if rule else relative, bool(rule), rule


PARAMETERS = ("beta", "tau2", "sigma2", "rho", "logLik")
LOWER = "R stopped at a lower maximum: by our likelihood and by the one written out from the counts"


def lower_mode(fit: OneStage, got: dict[str, Any], expected: dict[str, Any], there: AtR) -> bool:
    """Return whether R's parameters have a lower likelihood than ours by more than its search leaves.

    R's logLik has to be reproduced at R's parameters, and the likelihood written out from the counts has to fall from
    ours to R's parameters as our own does.
    """
    model, deficit = fit.spec.options["likelihood"], fit.log_likelihood - there.marginal
    value = there.marginal if model == "UM.RS" else there.conditional
    if model not in ("UM.FS", "UM.RS") or not deficit > DEFICIT or abs(value - expected["logLik"]) > SAME:
        return False
    names = ("ai", "ci", "n1i", "n2i") if fit.measure == "OR" else ("x1i", "x2i", "t1i", "t2i")
    x1, x2, n1, n2 = (np.asarray(fit.table.counts[name], dtype=float) for name in names)
    coding = float(fit.spec.options.get("coding", 0.5))
    groups = Groups(np.column_stack([x1, x2]), np.column_stack([n1, n2]), fit.measure == "IRR", coding)

    def at(point: dict[str, Any]) -> float:
        mean = np.asarray(fit.one_stage.X) @ np.asarray(point["beta"], dtype=float)
        sigma2 = point.get("sigma2") if model == "UM.RS" else None
        return height(groups, mean, float(point["tau2"]), sigma2, float(point.get("rho") or 0.0))

    return at(got) - at(expected) > 0.5 * deficit


def own_numbers(got: dict[str, Any], fit: OneStage) -> dict[str, Any]:
    """Return the estimates of the fit, and what follows from the numbers printed."""
    out: dict[str, Any] = {"beta": fit.one_stage.beta, "tau2": fit.tau2, "QE.Wld": fit.q, "QE.LRT": fit.q_lrt}
    out |= {name: value for name, value in (("sigma2", fit.sigma2), ("rho", fit.rho)) if value is not None}
    out |= coefficients(got, fit.df) | {name: own for name, own in derived(got, fit).items() if name not in out}
    if len(got["beta"]) > 2:
        V = np.asarray(fit.covariance)[1:, 1:]
        out["QM"] = float(np.array(got["beta"])[1:] @ np.linalg.solve(V, np.array(got["beta"])[1:]))
    out["se.tau2"] = fit.se_tau2
    if fit.spec.tau2 == "none":
        out["tau2"] = 0.0
    return out


def itself(leaf: str, i: int, g: Any, fit: OneStage, ours: AtR) -> bool:
    """Return whether what we print is what the likelihood gives at the estimates we print."""
    if abs(ours.marginal - fit.log_likelihood) > 1e-8:
        return False
    if leaf == "se":
        return bool(abs(g - ours.se[i]) <= 1e-5 * g)
    if leaf == "logLik":
        likely = (ours.marginal, ours.conditional, ours.marginal - saturated(fit.table.counts))
        return any(abs(g - value) <= 1e-6 for value in likely)
    return True


def rounding(fit: OneStage) -> float:
    """Return the rounding error of R's hypergeometric log-likelihood: every term of the support adds one."""
    assert fit.likelihood is not None
    law = fit.likelihood.model.cumulant
    assert isinstance(law, Hypergeometric)
    return float(np.finfo(float).eps * (law.high - law.low + 1).sum())


def noise(fit: OneStage, i: int) -> float:
    """Return the relative error of a standard error of CM.EL that R's second differences allow, `NUMERIC` at most."""
    step = RICHARDSON * abs(fit.one_stage.beta[i])
    return min(NUMERIC, 1e-3 + 0.5 * AMPLIFIED * rounding(fit) / step**2 * float(fit.covariance[i, i]))


def wald_noise(fit: OneStage, expected: dict[str, Any]) -> float:
    """Return how far R's QE.Wld of CM.EL may be off.

    Finite effects: errors of the second differences, in a quadratic form in θ − b. An infinite effect is stopped by R
    where its likelihood is d below the supremum (seen in QE.LRT); there its information is about d too and
    θ about log(n/d), which adds d log²(n/d).
    """
    assert fit.likelihood is not None
    model = fit.likelihood.model
    theta, finite = _own_mle(model)
    away = np.abs(theta - fit.one_stage.beta[0])[finite] / np.maximum(RICHARDSON * np.abs(theta[finite]), 1e-300)
    out = min(WALD * expected["QE.Wld"], AMPLIFIED * rounding(fit) * float(away.sum()) ** 2)
    if not finite.all():
        short = max(fit.q_lrt - expected["QE.LRT"], 1e-12 * expected["QE.LRT"])
        out += short * math.log(float(model.x.max() + 1) / short) ** 2
    return out


def model_is_noisy(fit: OneStage) -> bool:
    """Return whether R differentiates an iterated or integrated likelihood."""
    model = fit.spec.options["likelihood"]
    return (fit.measure == "OR" and model == "CM.EL") or model == "UM.RS"


def rule_of(leaf: str, i: int, g: Any, e: Any, fit: OneStage, there: AtR, expected: dict[str, Any]) -> str:
    """Return the name of the rule by which a leaf outside the tolerance passes, or nothing."""
    model = fit.spec.options["likelihood"]
    numeric = model_is_noisy(fit)
    if leaf in ("beta", "tau2", "sigma2", "rho", "logLik"):
        return "optimum" if stopped_early(leaf, i, g, fit, there, expected) else ""
    if leaf == "se":
        own = abs(there.se[i] - e) <= 1e-3 * e
        if model == "CM.EL" and numeric:
            return "standard error" if own or abs(g - e) <= noise(fit, i) * e else ""
        if model == "UM.RS":
            return "standard error" if own or -1e-3 * e <= g - e <= NUMERIC * e else ""
        noisy = fit.spec.options["nagq"] == 1
        return "standard error" if own or (noisy and abs(g - e) <= NUMERIC * e) else ""
    if leaf == "se.tau2":  # ours is undefined at tau2 = 0
        near = math.isnan(g) if isinstance(g, float) and fit.tau2 == 0 else abs(g - e) <= NUMERIC * e
        return "standard error" if numeric and near else ""
    if leaf == "QM" and numeric:  # V times 1 + 2 NUMERIC at most
        limit = NUMERIC if model == "UM.RS" else max(noise(fit, j) for j in range(len(expected["beta"])))
        return "standard error" if abs(g - e) <= 2 * limit * e else ""
    if leaf == "QE.Wld" and numeric:
        if model == "CM.EL":
            return "Wald heterogeneity" if abs(g - e) <= wald_noise(fit, expected) else ""
        x = fit.likelihood.model.x if fit.likelihood else np.zeros(1)
        counts = np.column_stack([v for n, v in fit.table.counts.items() if n in ("ai", "ci", "x1i", "x2i")])
        limit = WALD_INFINITE if (counts == 0).any() or (x == 0).any() else WALD
        return "Wald heterogeneity" if abs(g - e) <= limit * e else ""
    if leaf == "QE.LRT":
        return "saturated optimum" if 0 < g - e <= SATURATED * e else ""
    return ""


def stopped_early(leaf: str, i: int, g: Any, fit: OneStage, there: AtR, expected: dict[str, Any]) -> bool:
    """Return whether R's parameters are a little below the maximum of what is provably the same function."""
    model = fit.spec.options["likelihood"]
    exact = fit.measure == "OR" and model == "CM.EL"
    value = there.marginal if exact or model == "UM.RS" else there.conditional
    deficit = fit.log_likelihood - there.marginal
    laplace = fit.spec.options["nagq"] == 1 and model != "UM.RS" and not exact
    limit = 2 * INTEGRATED * fit.k if exact and fit.tau2 == 0 else DEFICIT_LAPLACE if laplace else DEFICIT
    if not (abs(value - expected["logLik"]) <= (1e-8 if exact else SAME) and 0 <= deficit <= limit):
        return False
    far = 1.1 * math.sqrt(2 * deficit)
    if leaf == "beta":
        return bool(abs(g - expected["beta"][i]) <= far * math.sqrt(fit.covariance[i, i]))
    if leaf == "tau2" and math.isfinite(fit.se_tau2):
        return bool(abs(g - expected["tau2"]) <= far * fit.se_tau2)
    return True


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    fit = fitted(inputs, args)
    doubtful = any(DOUBT in warning for warning in case.get("warnings", ()))
    return numbers(fit, args) | {"_doubtful": doubtful}


def numbers(fit: OneStage, args: dict[str, Any]) -> dict[str, Any]:
    rows = fit.tidy()
    beta, se = (rows[name].to_numpy() for name in ("estimate", "std_error"))
    if isinstance(fit, GlmmRegression):
        qm, m, df, qmp = fit.test()
        qm = qm if math.isinf(df) else qm * m  # R prints the χ² form with either
    else:
        qm, qmp = float(rows["statistic"][0]) ** 2, float(rows["p_value"][0])
    tested = {"zval": rows["statistic"].to_numpy(), "pval": rows["p_value"].to_numpy()}
    if fit.effect.null is None:  # no value of a proportion or a rate is "no effect"; R tests logit = 0 and log = 0
        follow = coefficients({"beta": beta, "se": se}, fit.df)
        tested = {name: follow[name] for name in tested}
        if len(beta) == 1:
            qm, qmp = follow["zval"][0] ** 2, follow["pval"][0]
    two = args.get("model") == "UM.RS" and args.get("method", "ML") == "ML"
    one_dimensional = args.get("model") != "UM.RS" and not (args["measure"] == "OR" and args.get("model") == "CM.EL")
    ll = fit.conditional_log_likelihood if one_dimensional else fit.log_likelihood
    if args.get("model") == "UM.RS" and not two:  # lme4's value with several nodes is relative to the saturated model
        ll -= saturated(fit.table.counts)
    se_tau2 = fit.se_tau2 if args.get("model") == "CM.EL" and args["measure"] == "OR" else None
    return {
        "beta": beta,
        "se": se,
        **tested,
        "ci.lb": rows["conf_low"].to_numpy(),
        "ci.ub": rows["conf_high"].to_numpy(),
        "tau2": fit.tau2,
        "se.tau2": se_tau2,
        "sigma2": fit.sigma2,
        "rho": fit.rho,
        "I2": fit.i2,
        "H2": fit.h2,
        "QE.Wld": fit.q,
        "QEp.Wld": fit.q_p,
        "QE.LRT": fit.q_lrt,
        "QEp.LRT": fit.q_lrt_p,
        "QE.df": fit.q_df,
        "QM": qm,
        "QMp": qmp,
        "logLik": ll,
        **information_criteria(ll, fit),
        "k": fit.k,
        "_fit": fit,
    }


def saturated(counts: Any) -> float:
    """Return the log-likelihood of the arms with a parameter each; NaN for one group."""
    if "xi" in counts:
        return math.nan
    if "x1i" in counts:
        x = np.concatenate([counts["x1i"], counts["x2i"]])
        return float((special.xlogy(x, x) - x - special.gammaln(x + 1)).sum())
    x, n = np.concatenate([counts["ai"], counts["ci"]]), np.concatenate([counts["n1i"], counts["n2i"]])
    ways = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    return float((ways + special.xlogy(x, x / n) + special.xlogy(n - x, 1 - x / n)).sum())


def information_criteria(ll: float, fit: OneStage) -> dict[str, float]:
    """Return R's criteria; it does not count the correlation of UM.RS as a parameter."""
    parms, n = fit.parameters - (fit.rho is not None), fit.observations
    wide = max(n, parms + 2)
    return {
        "AIC": -2 * ll + 2 * parms,
        "BIC": -2 * ll + parms * math.log(n),
        "AICc": -2 * ll + 2 * parms * wide / (wide - parms - 1),
    }
