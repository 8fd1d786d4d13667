"""What is measured: for each task, ours and its peers on the same data."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

import lamevidence as lam

from .measure import cpu, rscript

BCG = pd.DataFrame(
    {
        "ai": [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27],
        "bi": [119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886],
        "ci": [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29],
        "di": [128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825],
    }
)
"""Colditz et al. 1994, doi:10.1001/jama.1994.03510330076038."""

Contenders = dict[str, Callable[[], float]]


def simulated(m: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    v = rng.uniform(0.01, 0.4, (m, k))
    return rng.normal(0, np.sqrt(v + 0.1)), v


def _pimeta(y, v, method="REML"):
    import pimeta

    return pimeta.rma(y, v, method=method, test="knha")


def _pma(y, v):
    from meta_analyze import meta_analysis

    return meta_analysis(effect=y, variance=v, tau2_method="REML", ci_method="hartung-knapp")


def _statsmodels(y, v):
    from statsmodels.stats.meta_analysis import combine_effects

    return combine_effects(y, v, method_re="iterated", use_t=True)


def _pymare(y, v, kind="reml"):
    from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator

    chosen = DerSimonianLaird() if kind == "dl" else VarianceBasedLikelihoodEstimator(method="REML")
    X = np.ones((y.shape[0], 1))
    return chosen.fit(y, v, X).summary().get_fe_stats()


def _full(y, v):
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), tau2="REML", interval="HKSJ")
    return fit.mu, fit.se, fit.tau2, fit.q, fit.interval()


def single() -> Contenders:
    table = lam.EvidenceTable.from_frame(BCG, measure="OR", ai="ai", bi="bi", ci="ci", di="di")
    y, v = np.array(table.yi), np.array(table.vi)

    def at_hand():
        return lam.pool(table, model="random", tau2="REML", interval="HKSJ")

    return {
        "lamevidence": lambda: cpu(lambda: _full(y, v)),
        "lamevidence, table at hand": lambda: cpu(at_hand),
        "metafor": lambda: rscript("single", 40),
        "pimeta": lambda: cpu(lambda: _pimeta(y, v)),
        "PyMetaAnalysis": lambda: cpu(lambda: _pma(y, v)),
        "PyMARE": lambda: cpu(lambda: _pymare(y[:, None], v[:, None])),
        "statsmodels (PM)": lambda: cpu(lambda: _statsmodels(y, v)),
    }


def many_reml() -> Contenders:
    y, v = simulated(100_000, 10)
    columns = np.ascontiguousarray(y.T), np.ascontiguousarray(v.T)
    return {
        "lamevidence": lambda: cpu(lambda: lam.pool_many(y, v, engine="numba")),
        "lamevidence, numpy only": lambda: cpu(lambda: lam.pool_many(y, v, engine="numpy")),
        "PyMARE arrays": lambda: cpu(lambda: _pymare(*columns)),
        "metafor loop (from 100)": lambda: 1e5 * rscript("ten", 100),
    }


def many_dl() -> Contenders:
    y, v = simulated(100_000, 10)
    columns = np.ascontiguousarray(y.T), np.ascontiguousarray(v.T)
    return {
        "lamevidence": lambda: cpu(lambda: lam.pool_many(y, v, tau2="DL", engine="numba")),
        "PyMARE arrays": lambda: cpu(lambda: _pymare(*columns, kind="dl")),
    }


def long() -> Contenders:
    y, v = (x[0] for x in simulated(1, 100_000))
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    return {
        "lamevidence": lambda: cpu(lambda: lam.pool(table, tau2="REML", interval="HKSJ")),
        "lamevidence pool_many": lambda: cpu(lambda: lam.pool_many(y, v)),
        "statsmodels (PM)": lambda: cpu(lambda: _statsmodels(y, v)),
        "PyMetaAnalysis": lambda: cpu(lambda: _pma(y, v)),
    }


def leave_one_out() -> Contenders:
    y, v = (x[0] for x in simulated(1, 1000))
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), tau2="REML", interval="HKSJ")

    def peer() -> float:
        whole = _pma(y, v)
        return cpu(whole.leave_one_out)

    return {"lamevidence": lambda: cpu(lambda: lam.leave_one_out(fit)), "PyMetaAnalysis": peer}


def permutation() -> Contenders:
    table = lam.EvidenceTable.from_frame(BCG, measure="RR", ai="ai", bi="bi", ci="ci", di="di")
    y, v = np.array(table.yi), np.array(table.vi)
    fit = lam.pool(table, model="random", tau2="REML", interval="HKSJ")

    def peer():
        from pymare import Dataset
        from pymare.estimators import VarianceBasedLikelihoodEstimator

        data = Dataset(y[:, None], v[:, None])
        VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(data).summary().permutation_test(n_perm=10_000)

    return {
        "lamevidence": lambda: cpu(lambda: lam.permutation_test(fit)),
        "lamevidence, numpy only": lambda: cpu(lambda: lam.permutation_test(fit, engine="numpy")),
        "lamevidence, numba": lambda: cpu(lambda: lam.permutation_test(fit, engine="numba")),
        "PyMARE": lambda: cpu(peer),
    }


def glmm(model: str) -> Callable[[], Contenders]:
    def contenders() -> Contenders:
        table = lam.EvidenceTable.from_frame(BCG, measure="OR", ai="ai", bi="bi", ci="ci", di="di")
        return {
            "lamevidence": lambda: cpu(lambda: lam.counts.glmm(table, model=model)),
            "metafor": lambda: rscript(model, 1),
        }

    return contenders


def three_levels() -> Contenders:
    rng = np.random.default_rng(1)
    v = rng.uniform(0.01, 0.1, 1000)
    y = np.repeat(rng.normal(0, 0.3, 200), 5) + rng.normal(0, np.sqrt(0.05 + v))
    table = lam.EvidenceTable.from_estimates(y, vi=v, studies=[f"s{i // 5}" for i in range(1000)])
    return {
        "lamevidence": lambda: cpu(lambda: lam.multilevel(table)),
        "metafor, sparse": lambda: rscript("levels3", 1),
    }


def bayes() -> Contenders:
    y, v = (x[0] for x in simulated(1, 8))
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    mu, tau = lam.priors.Normal(0, 4), lam.priors.HalfNormal(0.5)

    def exact():
        post = lam.pool_bayes(table, mu=mu, tau=tau, likelihood="normal")
        return post.mu.mean, post.mu.interval(), post.tau.interval()

    def nuts():
        import nutpie
        import pymc as pm

        with pm.Model() as model:
            m, t = pm.Normal("mu", 0, 4), pm.HalfNormal("tau", 0.5)
            pm.Normal("y", m, pm.math.sqrt(t**2 + v), observed=y)
        nutpie.sample(nutpie.compile_pymc_model(model), draws=1000, chains=4, progress_bar=False, seed=1)

    return {"lamevidence": lambda: cpu(exact), "nutpie end to end": lambda: cpu(nuts)}


def series(k: int, seed: int) -> lam.EvidenceTable:
    """Events of patients: logits spread by 0.8 around -1."""
    rng = np.random.default_rng(seed)
    n = rng.integers(10, 60, k)
    x = rng.binomial(n, 1 / (1 + np.exp(-rng.normal(-1, 0.8, k))))
    return lam.EvidenceTable.from_frame(pd.DataFrame({"xi": x, "ni": n}), measure="PLO", xi="xi", ni="ni")


def small_trials(k: int, seed: int) -> lam.EvidenceTable:
    """Estimates of 6 to 40 patients, effects with heavy tails: a t likelihood."""
    rng = np.random.default_rng(seed)
    n, y = rng.integers(6, 40, k), 0.3 * rng.standard_t(2, k)
    return lam.EvidenceTable.from_estimates(y, sei=1.2 / np.sqrt(n) * rng.uniform(0.7, 1.3, k), n=n)


def study_effects(make: Callable[[int, int], lam.EvidenceTable]) -> Callable[[], Contenders]:
    def contenders() -> Contenders:
        table = make(8, 8)

        def all_effects():
            post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(0.5))
            return post.mu.interval(), post.tau.interval(), post.theta_new.interval(), post.study_effects()

        return {"lamevidence": lambda: cpu(all_effects)}

    return contenders


def exact_loo(make: Callable[[int, int], lam.EvidenceTable]) -> Callable[[], Contenders]:
    def contenders() -> Contenders:
        post = lam.pool_bayes(make(20, 20), mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(0.5))
        return {"lamevidence": lambda: cpu(post.loo)}

    return contenders


def imports() -> Contenders:
    def cold(statement: str) -> Callable[[], float]:
        code = f"import time; a = time.process_time(); {statement}; print(time.process_time() - a)"

        def measured() -> float:
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            return float(done.stdout.split()[-1])

        return measured

    names = {
        "lamevidence": "lamevidence",
        "lamevidence and pool": "lamevidence; lamevidence.pool",
        "scipy.special": "scipy.special",
        "PyMARE": "pymare",
        "pimeta": "pimeta",
        "PyMetaAnalysis": "meta_analyze",
        "statsmodels": "statsmodels.api",
    }
    return {name: cold(f"import {module}") for name, module in names.items()}


TASKS: dict[str, tuple[str, Callable[[], Contenders], int]] = {
    "single": ("one REML + HKSJ fit with its table and full result, k = 13", single, 3),
    "many_reml": ("100 000 REML + HKSJ fits, k = 10", many_reml, 3),
    "many_dl": ("100 000 DL + HKSJ fits, k = 10", many_dl, 3),
    "long": ("one REML + HKSJ fit, k = 100 000", long, 3),
    "leave_one_out": ("leave-one-out, k = 1000", leave_one_out, 2),
    "permutation": ("exact permutation test, 8192 sign changes", permutation, 3),
    "CM.EL": ("exact conditional GLMM, BCG", glmm("CM.EL"), 1),
    "CM.AL": ("approximate conditional GLMM, BCG", glmm("CM.AL"), 2),
    "UM.FS": ("GLMM with fixed study effects, BCG", glmm("UM.FS"), 2),
    "UM.RS": ("GLMM with random study effects, BCG (metafor: Laplace)", glmm("UM.RS"), 2),
    "three_levels": ("three-level model, 200 clusters of 5", three_levels, 2),
    "bayes": ("normal-normal posterior with intervals, k = 8", bayes, 2),
    "bayes_counts": ("binomial posterior with all study effects and intervals, k = 8", study_effects(series), 3),
    "bayes_t": ("posterior under t likelihoods with all study effects, k = 8", study_effects(small_trials), 3),
    "loo_counts": ("exact leave-one-out of a binomial posterior, k = 20", exact_loo(series), 3),
    "loo_t": ("exact leave-one-out under t likelihoods, k = 20", exact_loo(small_trials), 3),
    "imports": ("cold import", imports, 3),
}


def quiet() -> None:
    """Peers warn a lot; nothing here depends on it."""
    warnings.simplefilter("ignore")
