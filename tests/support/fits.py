"""One fitted result of every family, for tests that hold for all of them.

The data are published: BCG trials (Colditz 1994, in the reference set), Konstantopoulos 2011 in small, and counts of
the
shipped registry's size; what is asserted about them is a property, not a number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import lamevidence as lam

BCG = pd.DataFrame(
    {
        "trial": [f"T{i}" for i in range(1, 14)],
        "tpos": [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27],
        "n1": [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913],
        "cpos": [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29],
        "n2": [139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854],
        "ablat": [44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33],
        "alloc": ["r", "r", "r", "r", "a", "a", "r", "r", "r", "s", "s", "s", "s"],
    }
)


@cache
def odds_ratios() -> lam.EvidenceTable:
    return lam.EvidenceTable.from_frame(
        BCG,
        measure="OR",
        study="trial",
        events="tpos",
        total="n1",
        control_events="cpos",
        control_total="n2",
        moderators=["ablat", "alloc"],
    )


@cache
def proportions() -> lam.EvidenceTable:
    return lam.EvidenceTable.from_frame(BCG.iloc[:6], measure="PLO", study="trial", events="cpos", total="n2")


@cache
def rates() -> lam.EvidenceTable:
    return lam.EvidenceTable.from_frame(BCG.iloc[:6], measure="IRLN", study="trial", events="cpos", person_time="n2")


@cache
def slopes() -> lam.EvidenceTable:
    """Slopes of FEV1 in mL/year, as the shipped question pools them."""
    return lam.load_registry().evidence("fev1-slope-on-sirolimus")


@cache
def nested() -> lam.EvidenceTable:
    """Twelve estimates of four studies."""
    y = [0.10, 0.30, 0.22, 0.61, 0.50, 0.42, 0.05, 0.11, -0.02, 0.33, 0.41, 0.28]
    v = [0.04, 0.03, 0.05, 0.04, 0.02, 0.03, 0.03, 0.05, 0.04, 0.02, 0.06, 0.03]
    study = [s for s in "abcd" for _ in range(3)]
    labels = [f"{s}{i}" for s in "abcd" for i in range(1, 4)]
    x = [0.0, 1.0, 2.0] * 4
    return lam.EvidenceTable.from_estimates(y, vi=v, studies=study, labels=labels, moderators={"x": x})


@cache
def network() -> Any:
    return lam.network.NetworkTable(
        [0.1, 0.3, 0.2, 0.35, 0.15, 0.25],
        [0.04, 0.05, 0.04, 0.06, 0.05, 0.04],
        ["A", "A", "B", "A", "B", "A"],
        ["B", "C", "C", "B", "C", "C"],
        ["s1", "s2", "s3", "s4", "s5", "s6"],
    )


@cache
def designs() -> lam.EvidenceTable:
    """Slopes of FEV1 of a trial, a before-after series, a series on the drug and a cohort, in mL/year."""
    return lam.EvidenceTable.from_estimates(
        [-144, 12, -178, -10, 11, -118],
        sei=[24, 24, 36, 15, 11, 22],
        studies=["MILES", "MILES", "Hu", "Hu", "Bee", "Johnson"],
        labels=["MILES, placebo", "MILES, sirolimus", "Hu, before", "Hu, on", "Bee", "Johnson"],
        unit="mL/year",
        moderators={"on": [0, 1, 0, 1, 1, 0], "before": [0, 0, 1, 0, 0, 0]},
    )


TAU, MU = lam.priors.HalfNormal(0.5), lam.priors.Normal(0, 4)

FITS: dict[str, Callable[[], Any]] = {
    "random": lambda: lam.pool(odds_ratios(), model="random"),
    "random, own weights": lambda: lam.pool(odds_ratios(), model="random", weights=np.arange(1.0, 14.0)),
    "profile": lambda: lam.pool(odds_ratios(), model="random", tau2="ML", interval="PL"),
    "common": lambda: lam.pool(odds_ratios(), model="common"),
    "ivhet": lambda: lam.pool(odds_ratios(), model="ivhet"),
    "henmi-copas": lambda: lam.pool(odds_ratios(), model="henmi-copas"),
    "one study": lambda: lam.pool(odds_ratios().subset([3]), model="random"),
    "slopes": lambda: lam.pool(slopes()),
    "regression": lambda: lam.pool(odds_ratios(), model="random", moderators="~ ablat + C(alloc)"),
    "glmm": lambda: lam.counts.glmm(odds_ratios(), model="UM.FS"),
    "conditional glmm": lambda: lam.pool(odds_ratios().subset([0, 1, 2, 6, 11])),
    "glmm proportions": lambda: lam.pool(proportions()),
    "glmm rates": lambda: lam.pool(rates()),
    "glmm regression": lambda: lam.counts.glmm(odds_ratios(), model="UM.FS", moderators="~ ablat"),
    "mantel-haenszel": lambda: lam.pool(odds_ratios(), model="mh"),
    "mantel-haenszel RD": lambda: lam.counts.mantel_haenszel(odds_ratios(), measure="RD"),
    "peto": lambda: lam.pool(odds_ratios(), model="peto"),
    "beta-binomial": lambda: lam.counts.beta_binomial(proportions()),
    "gamma-poisson": lambda: lam.counts.gamma_poisson(rates()),
    "multilevel": lambda: lam.multilevel(nested(), random="1 | study/row"),
    "multilevel regression": lambda: lam.multilevel(nested(), random="1 | study/row", moderators="~ x"),
    "cluster-robust multilevel": lambda: lam.cluster_robust(lam.multilevel(nested(), random="1 | study/row"), "study"),
    "robust variance": lambda: lam.robust_variance(nested(), cluster="study"),
    "robust variance regression": lambda: lam.robust_variance(nested(), cluster="study", moderators="~ x"),
    "t-distributed effects": lambda: lam.robust_random_effects(odds_ratios().subset(range(8))),
    "location-scale": lambda: lam.location_scale(odds_ratios(), scale="~ ablat"),
    "subgroups": lambda: lam.subgroups(lam.pool(odds_ratios(), model="random"), by="alloc"),
    "a subgroup": lambda: lam.subgroups(lam.pool(odds_ratios(), model="random"), by="alloc")["r"],
    "subgroups of counts": lambda: lam.subgroups(lam.pool(proportions()), by=["x", "x", "x", "y", "y", "y"]),
    "network": lambda: lam.network.pool_network(network()),
    "posterior": lambda: lam.pool_bayes(odds_ratios(), likelihood="normal", mu=MU, tau=TAU),
    "posterior of counts": lambda: lam.pool_bayes(proportions(), mu=MU, tau=TAU),
    "posterior of slopes": lambda: lam.pool_bayes(slopes()),
    "posterior regression": lambda: lam.pool_bayes(
        odds_ratios(), likelihood="normal", mu=[MU, lam.priors.Normal(0, 1)], tau=TAU, moderators=["ablat"]
    ),
    "joint": lambda: lam.synthesis.joint(designs(), treated="on", selected="before"),
}
"""Name → how to make it."""

SAMPLED = "sampled posterior"


@cache
def fitted(name: str) -> Any:
    """The result, made once."""
    if name == SAMPLED:
        return lam.pool_bayes(
            odds_ratios(), likelihood="normal", mu=MU, tau=TAU, engine="nuts", seed=1, draws=1000, tune=500
        )
    return FITS[name]()
