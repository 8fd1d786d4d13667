"""Awkward tables, every model that takes them, every check: what the two cross-model tests walk through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.checks import SMALL_STUDY_TESTS

Y = [0.10, 0.30, 0.35, 0.65, 0.45, -0.20, 0.80]
V = [0.030, 0.034, 0.050, 0.010, 0.021, 0.090, 0.120]
MU, TAU = lam.priors.Normal(0, 4), lam.priors.HalfNormal(0.5)


def estimates(k: int) -> Any:
    """Return k independent estimates with sizes, years and two moderators."""
    moderators = {"x": np.arange(k, dtype=float) ** 2, "g": np.array([("a", "b")[i % 2] for i in range(k)])}
    return lam.EvidenceTable.from_estimates(Y[:k], vi=V[:k], n=[20.0 + 10 * i for i in range(k)], moderators=moderators)


def counted(measure: str, k: int, **columns: list[float]) -> Any:
    """Return a table of counts with a moderator; no cell is corrected."""
    frame = pd.DataFrame({"study": [f"S{i + 1}" for i in range(k)], **columns})
    frame["x"], frame["g"] = np.arange(k, dtype=float), [("a", "b")[i % 2] for i in range(k)]
    names = {name: name for name in columns}
    return lam.EvidenceTable.from_frame(frame, measure, study="study", moderators=["x", "g"], **names)


def nested() -> Any:
    """Return ten estimates of four studies."""
    studies = ["a", "a", "a", "b", "b", "c", "c", "c", "d", "d"]
    y = [0.10, 0.30, 0.22, 0.61, 0.50, 0.05, 0.11, -0.02, 0.33, 0.41]
    v = [0.04, 0.03, 0.05, 0.04, 0.02, 0.03, 0.045, 0.04, 0.02, 0.06]
    g = np.array(["p", "p", "p", "q", "q", "p", "p", "p", "q", "q"])
    labels = [f"{s}{i}" for i, s in enumerate(studies)]
    moderators = {"x": np.arange(10.0) ** 1.5, "g": g}
    return lam.EvidenceTable.from_estimates(y, vi=v, studies=studies, labels=labels, moderators=moderators)


def network() -> Any:
    """Return seven two-arm trials of three treatments."""
    first, second = list("AABABAB"), list("BCCBCCC")
    y, v = [0.10, 0.30, 0.20, 0.35, 0.15, 0.25, 0.05], [0.04, 0.05, 0.04, 0.06, 0.05, 0.04, 0.03]
    return lam.network.NetworkTable(y, v, first, second, [f"s{i}" for i in range(7)])


ZEROS = {"ai": [0.0, 2, 4, 0, 3, 1], "n1i": [20.0, 30, 45, 25, 60, 40]}
TABLES: dict[str, Callable[[], Any]] = {
    "one estimate": lambda: estimates(1),
    "two estimates": lambda: estimates(2),
    "three estimates": lambda: estimates(3),
    "seven estimates": lambda: estimates(7),
    "equally precise": lambda: lam.EvidenceTable.from_estimates(
        Y[:5], vi=[0.04] * 5, moderators={"x": np.arange(5.0), "g": np.array(list("abaab"))}
    ),
    "proportions": lambda: counted("PLO", 5, xi=[3.0, 5, 2, 9, 4], ni=[30.0, 40, 25, 60, 22]),
    "proportions with zeros": lambda: counted("PLO", 5, xi=[0.0, 2, 1, 5, 3], ni=[30.0, 40, 25, 60, 22]),
    "one proportion of zero": lambda: counted("PLO", 1, xi=[0.0], ni=[30.0]),
    "two proportions, one zero": lambda: counted("PLO", 2, xi=[0.0, 4], ni=[30.0, 22]),
    "no events at all": lambda: counted("PLO", 3, xi=[0.0, 0, 0], ni=[30.0, 22, 41]),
    "rates": lambda: counted("IRLN", 5, xi=[3.0, 0, 2, 9, 4], ti=[30.0, 40, 25, 60, 22]),
    "trials": lambda: counted(
        "OR", 6, ai=[4.0, 6, 3, 12, 9, 5], n1i=[60.0, 80, 45, 150, 90, 71],
        ci=[9.0, 11, 5, 20, 11, 4], n2i=[61.0, 78, 40, 149, 95, 60],
    ),
    "trials with zeros": lambda: counted("OR", 6, **ZEROS, ci=[3.0, 5, 0, 0, 8, 2], n2i=[21.0, 28, 44, 25, 58, 41]),
    "two trials": lambda: counted("OR", 2, ai=[4.0, 6], n1i=[60.0, 80], ci=[9.0, 11], n2i=[61.0, 78]),
    "dependent rows": nested,
    "network": network,
}  # fmt: skip
"""Name → how to make it."""


@cache
def table(name: str) -> Any:
    """The table, made once."""
    return TABLES[name]()


def _saturated(t: Any) -> Any:
    return lam.pool(t, model="common", moderators=np.vander(np.arange(1.0, t.k + 1), t.k), interval="z")


MODELS: dict[str, Callable[[Any], Any]] = {
    "default": lam.pool,
    "random": lambda t: lam.pool(t, model="random", tau2="REML", interval="HKSJ"),
    "common": lambda t: lam.pool(t, model="common"),
    "tau2 known": lambda t: lam.pool(t, model="random", tau2=0.04, interval="z"),
    "profile interval": lambda t: lam.pool(t, model="random", tau2="ML", interval="PL"),
    "equal weights": lambda t: lam.pool(t, model="random", weights="equal", tau2="DL"),
    "given weights": lambda t: lam.pool(t, model="random", weights=np.arange(1.0, t.k + 1)),
    "ivhet": lambda t: lam.pool(t, model="ivhet"),
    "henmi-copas": lambda t: lam.pool(t, model="henmi-copas"),
    "regression": lambda t: lam.pool(t, model="random", moderators="~ x"),
    "saturated regression": _saturated,
    "glmm": lambda t: lam.pool(t, model="glmm"),
    "UM.FS": lambda t: lam.pool(t, model="UM.FS"),
    "glmm regression": lambda t: lam.pool(t, model="glmm", moderators="~ x"),
    "mh": lambda t: lam.pool(t, model="mh"),
    "peto": lambda t: lam.pool(t, model="peto"),
    "beta-binomial": lambda t: lam.pool(t, model="beta-binomial"),
    "gamma-poisson": lambda t: lam.pool(t, model="gamma-poisson"),
    "multilevel": lam.multilevel,
    "multilevel, one level": lambda t: lam.multilevel(t, random="1 | study"),
    "multilevel regression": lambda t: lam.multilevel(t, moderators="~ x"),
    "cluster-robust": lambda t: lam.cluster_robust(lam.multilevel(t), "study"),
    "robust variance": lam.robust_variance,
    "robust variance regression": lambda t: lam.robust_variance(t, moderators="~ x"),
    "t effects": lam.robust_random_effects,
    "location-scale": lambda t: lam.location_scale(t, scale="~ x"),
    "posterior": lambda t: lam.pool_bayes(t, mu=MU, tau=TAU),
    # of the estimates: each refit of a regression of counts takes seconds; tests/bayes refits those
    "posterior regression": lambda t: lam.pool_bayes(
        t, mu=[MU, lam.priors.Normal(0, 1)], tau=TAU, moderators=["x"], likelihood="normal"
    ),
    "subgroups": lambda t: lam.subgroups(t, "g"),
    "network": lam.network.pool_network,
}
"""Name → how to fit it."""


SLOW = {
    ("posterior", "trials"),
    ("posterior", "trials with zeros"),
    ("posterior", "two trials"),
    ("posterior", "rates"),
    ("posterior regression", "trials"),
    ("posterior regression", "trials with zeros"),
    ("posterior regression", "rates"),
    ("posterior regression", "proportions"),
    ("posterior regression", "proportions with zeros"),
}
"""Pairs whose refits take seconds each."""


@cache
def fitted(model: str, data: str) -> Any:
    """The fit, made once; the refusal where the model does not take the table."""
    try:
        return MODELS[model](table(data))
    except lam.LamEvidenceError as refused:
        return refused


CHECKS: dict[str, Callable[[Any], Any]] = {
    "leave_one_out": lam.leave_one_out,
    "cumulative": lambda fit: lam.cumulative(fit, order="precision"),
    "influence": lam.influence,
    "residuals": lam.checks.residuals,
    "shrinkage": lam.checks.shrinkage,
    "radial": lam.checks.radial,
    "baujat": lam.checks.baujat,
    "normal_quantiles": lam.checks.normal_quantiles,
    "gosh": lambda fit: lam.checks.gosh(fit, subsets=3, seed=1),
    "likelihood_profile": lambda fit: lam.checks.likelihood_profile(fit, [0.0, 0.1]),
    "pet_peese": lam.checks.pet_peese,
    "trim_and_fill": lambda fit: lam.checks.trim_and_fill(fit, side="left"),
    "trim_and_fill, side found": lam.checks.trim_and_fill,
    "fail_safe Rosenthal": lambda fit: lam.checks.fail_safe_n(fit, "Rosenthal"),
    "fail_safe Orwin": lambda fit: lam.checks.fail_safe_n(fit, "Orwin"),
    "fail_safe General": lambda fit: lam.checks.fail_safe_n(fit, "General", target=_half(fit)),
    "with_null_studies": lambda fit: lam.checks.with_null_studies(fit, 2),
    "with_null_studies heterogeneous": lambda fit: lam.checks.with_null_studies(fit, 2, null="heterogeneous"),
    "excess_significance": lam.checks.test_excess_significance,
    "selection_model": lambda fit: lam.checks.selection_model(fit, alternative="less"),
    "subgroups": lambda fit: lam.subgroups(fit, by=_halves(fit)),
    "subgroups, one tau2": lambda fit: lam.subgroups(fit, by=_halves(fit), common_tau2=True),
    "wald_test": lambda fit: lam.checks.wald_test(fit, np.eye(len(fit.names))[-1:]),
    **{
        f"small_study_test {code}": (lambda fit, code=code: lam.checks.small_study_test(fit, code))
        for code in SMALL_STUDY_TESTS
    },
}
"""Name → the call."""


def _half(fit: Any) -> float:
    estimate = float(np.atleast_1d(fit.estimate)[0])
    return 0.5 * estimate if np.isfinite(estimate) else 0.1


def _halves(fit: Any) -> list[str]:
    """Return two groups that keep the rows of a study together where there are several studies."""
    places = {study: i for i, study in enumerate(dict.fromkeys(fit.table.studies))}
    return [("a", "b")[places[study] % 2] for study in fit.table.studies]


def cases() -> Iterator[Any]:
    """Yield (model, table) pairs, whether the model takes the table or not."""
    for model in MODELS:
        for data in TABLES:
            if (model == "network") == (data == "network"):
                yield pytest.param(model, data, marks=[pytest.mark.slow] if (model, data) in SLOW else [])
