"""One function a model: fit it through `adapter`, and return its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.same_numbers import adapter as a

Numbers = dict[str, float]
MODELS: dict[str, Callable[..., Numbers]] = {}


def model(function: Callable[..., Numbers]) -> Callable[..., Numbers]:
    """Register a function under its own name."""
    MODELS[function.__name__] = function
    return function


def fitted(table: Any, options: Mapping[str, Any]) -> Any:
    """Return a pooled fit."""
    return a.call("pool", table, **options)


@model
def pool(table, **options):
    return a.mean_of(fitted(table, options))


@model
def tau2_interval(table, *, code, **options):
    fit = fitted(table, options)
    out = a.ends("tau2_", lambda: fit.tau2_interval(0.95, code))
    return out | a.ends("tau2_ci80_", lambda: fit.tau2_interval(0.8, code))


@model
def regression(table, *, moderators, **options):
    fit = fitted(table, {"moderators": moderators, **options})
    out = a.coefficients_of(fit) | a.spread_of(fit) | a.attributes(fit, "r2", "qm", "qm_p", "factor", "tau2_total")
    return (
        out
        | a.many("qm_df", a.look(fit, "qm_df"))
        | {key: value for key, value in a.parts("predict", a.columns_of(a.call(fit.predict))) if key.endswith(".sum")}
    )


@model
def glmm(table, **options):
    fit = a.call("glmm", table, **options)
    keys = ("q_lrt", "q_lrt_p", "aic", "bic", "sigma2", "rho", "tau2_error")
    return a.mean_of(fit) | a.attributes(fit, *keys) | a.many("coefficients", a.look(fit, "coefficients", "estimate"))


@model
def mantel_haenszel(table, **options):
    fit = a.call("mantel_haenszel", table, **options)
    return a.mean_of(fit, predicts=False) | _sparse(fit)


@model
def peto(table, **options):
    fit = a.call("peto", table, **options)
    return a.mean_of(fit, predicts=False) | _sparse(fit)


def _sparse(fit):
    out = a.one("cmh", fit, "association.statistic") | a.one("cmh_p", fit, "association.p")
    out |= a.one("breslow_day", fit, "homogeneity.bd") | a.one("tarone", fit, "homogeneity.tarone")
    return out | a.one("tarone_p", fit, "homogeneity.tarone_p")


@model
def beta_binomial(table, **options):
    return a.mean_of(a.call("beta_binomial", table, **options), predicts=False)


@model
def gamma_poisson(table, **options):
    return a.mean_of(a.call("gamma_poisson", table, **options), predicts=False)


def _multilevel(table, options):
    return a.call("multilevel", table, **options)


@model
def multilevel(table, **options):
    fit = _multilevel(table, options)
    components = a.look(fit, "components")
    values = a.look(fit, "tau2") if components is a.MISSING else [c.value for c in components]
    out = a.coefficients_of(fit) | a.many("component", values) | a.percent(fit)
    out |= a.attributes(fit, "q", "q_p", "log_likelihood", "aic", "bic", "deviance")
    if "moderators" in options:
        return out | a.one("omnibus", fit, "omnibus.statistic") | a.one("omnibus_p", fit, "omnibus.p_value")
    return out | a.ends("prediction_", fit.prediction)


@model
def cluster_robust(table, *, cluster, robust, **options):
    fit = a.call("cluster_robust", _multilevel(table, options), cluster, **robust)
    tested = a.look(a.call(fit.wald, [0]), "statistic")
    return a.coefficients_of(fit) | a.many("wald", tested)


@model
def wild_bootstrap(table, *, cluster, robust, **options):
    fit = a.call("cluster_robust", _multilevel(table, options), cluster)
    return a.attributes(a.call("wild_bootstrap", fit, **robust), "statistic", "p_value")


@model
def robust_variance(table, **options):
    fit = a.call("robust_variance", table, **options)
    found = a.look(fit, "robust")
    out = a.coefficients_of(fit if found is a.MISSING else found) | a.attributes(fit, "omega2", "i2", "rho")
    return out | a.one("tau2", fit, "working.tau2", "tau2")


@model
def robust_random_effects(table, **options):
    fit = a.call("robust_random_effects", table, **options)
    keys = ("df_effects", "normal_log_likelihood")
    return {k: v for k, v in a.mean_of(fit).items() if k != "df"} | a.attributes(fit, *keys)


@model
def location_scale(table, **options):
    fit = a.call("location_scale", table, **options)
    out = dict(a.parts("location", a.coefficients_of(a.look(fit, "mean_part", "location"))))
    out |= dict(a.parts("scale", a.coefficients_of(a.look(fit, "variance_part", "scale"))))
    tau2 = np.array(a.vector(a.look(fit, "tau2")))
    out |= {"tau2_sum": float(tau2.sum()), "tau2_least": float(tau2.min()), "tau2_most": float(tau2.max())}
    return out | a.attributes(fit, "log_likelihood", "aic", "bic", "aicc")


@model
def subgroups(table, *, by, **options):
    fit = a.call("subgroups", table, by, **options)
    out = a.attributes(fit, "q_between", "q_between_df", "q_between_p", "common_tau2")
    for i, part in enumerate(fit.groups.values()):
        out |= dict(a.parts(f"group{i}", a.mean_of(part)))
    return out


def _check(function):
    def run(table, *, check=None, **options):
        return a.columns_of(a.call(function, fitted(table, options), **(check or {})))

    MODELS[function] = run


for _function in ("leave_one_out", "cumulative", "influence", "residuals", "shrinkage"):
    _check(_function)


@model
def small_study_test(table, *, code, predictor=None, **options):
    more = {} if predictor is None else {"predictor": predictor}
    found = a.call("small_study_test", fitted(table, options), code, **more)
    return _small_study(found)


def _small_study(found):
    out = a.attributes(found, "statistic", "df", "p_value", "bias", "bias_se", "limit", "tau", "k")
    return out | a.ends("limit_", lambda: found.limit_interval)


@model
def egger_test(table, **options):
    return _small_study(a.call("egger_test", fitted(table, options)))


@model
def pet_peese(table, **options):
    found = a.call("pet_peese", fitted(table, options))
    return a.attributes(found, "estimate", "pet_p") | a.many("interval", a.look(found, "interval"))


@model
def trim_and_fill(table, *, check, **options):
    found = a.call("trim_and_fill", fitted(table, options), **check)
    out = a.attributes(found, "missing", "missing_se", "p_value") | a.mean_of(found.fit)
    return out | {"filled": float(np.sum(found.filled_yi)), "filled_vi": float(np.sum(found.filled_vi))}


@model
def fail_safe_n(table, *, check, **options):
    keys = ("n", "estimate", "p_value", "tau2", "target", "estimate_then", "p_value_then", "tau2_then")
    return a.attributes(a.call("fail_safe_n", fitted(table, options), **check), *keys)


@model
def excess_significance(table, *, check, **options):
    found = a.call("test_excess_significance", fitted(table, options), **check)
    return a.attributes(found, "observed", "expected", "ratio", "statistic", "p_value", "theta", "tau2", "limit")


@model
def permutation_test(table, *, check, **options):
    found = a.call("permutation_test", fitted(table, options), **check)
    return a.many("p_values", a.look(found, "p_values")) | a.one("qm_p", found)


@model
def selection_model(table, *, code, check, **options):
    found = a.call("selection_model", fitted(table, options), code, **check)
    out = a.many("beta", found.beta) | a.many("se", found.se) | a.many("delta", found.delta)
    out |= a.many("se_delta", found.se_delta)
    return out | a.attributes(found, "tau2", "log_likelihood", "lrt", "lrt_p", "aic")


@model
def network(table, **options):
    return _network(a.call("pool_network", table, **options))


def _network(fit):
    low, high = a.look(fit, "pair_intervals", "intervals")
    errors = np.asarray(a.look(fit, "pair_se", "se"))
    out = {"effects": float(np.abs(fit.effects).sum()), "errors": float(np.sum(errors))}
    out |= {"low": float(low.sum()), "high": float(np.abs(high).sum())} | a.many("effect", fit.effects[:, 0])
    out |= a.many("se", errors[:, 0])
    out |= a.one("q", fit, "q", "heterogeneity.q") | a.one("q_df", fit, "heterogeneity.df", "df")
    out |= a.one("tau2", fit) | a.percent(fit)
    return out | a.many("p_score", fit.p_scores(small_is_good=True))


@model
def network_checks(table, **options):
    fit = a.call("pool_network", table, **options)
    out = dict(a.parts("split", a.columns_of(a.call("split_network", fit))))
    found = a.call("design_inconsistency", fit)
    keys = ("q", "q_within", "q_between", "df_between", "tau2_within", "q_between_random")
    return out | dict(a.parts("design", a.attributes(found, *keys)))


@model
def network_arms(table, *, measure, columns, **options):
    made = a.call("network_table", table, measure, **columns)
    out = {"yi": float(np.nansum(np.abs(made.yi))), "vi": float(np.nansum(made.vi))}
    return out | _network(a.call("pool_network", made, **options))


@model
def pool_many(table, *, engine="numpy", **options):
    yi, vi = table
    found = a.call("pool_many", yi, vi, engine=engine, **options)
    out = a.many("mu", found.mu) | a.many("se", found.se) | a.many("tau2", found.tau2) | a.many("q", found.q)
    bounds = np.asarray(found.interval())
    return out | a.many("low", bounds[..., 0]) | a.many("high", bounds[..., 1]) | a.many("i2", found.i2)


@model
def pool_bayes(table, *, mu=None, tau=None, loo=False, **options):
    given = {"mu": mu and a.prior(*mu), "tau": tau and a.prior(*tau)}
    post = a.call("pool_bayes", table, **{k: v for k, v in given.items() if v is not None}, **options)
    out = a.distribution_of("mu", post.mu) | a.distribution_of("tau", post.tau)
    out |= a.distribution_of("theta_new", post.theta_new)
    out |= dict(a.parts("theta0", a.distribution_of("", post.theta[post.table.labels[0]])))
    for i, made in enumerate(post.coefficients.values()):
        out |= dict(a.parts(f"coefficient{i}", a.one("mean", made) | a.one("sd", made)))
    out |= a.one("log_marginal", post) | a.percent_of_posterior(post)
    if loo:
        found = a.call(post.loo)
        out |= a.one("loo", found, "total") | a.many("elpd", found.elpd) | a.many("pit", found.pit)
    return out


@model
def combine_p_values(table, *, code, **options):
    return a.attributes(a.call("combine_p_values", table, code, **options), "p_value", "statistic", "df")


@model
def evidence(table):
    """Return the numbers of a table itself."""
    out = {"k": float(table.k), "excluded": float(len(table.excluded))}
    return out | a.many("yi", table.yi) | a.many("vi", table.vi) | a.many("n", table.n)
