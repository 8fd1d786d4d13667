"""Valid calls of the frequentist half and of the registry, and what each parameter may take besides."""

from __future__ import annotations

import atexit
import functools
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lamevidence as lam
from lamevidence import questions
from lamevidence.audit import audit
from lamevidence.checks.p_values import COMBINATIONS
from lamevidence.checks.small_study import SMALL_STUDY_TESTS
from lamevidence.effects import recovery, transforms
from lamevidence.effects.measures import MEASURES
from lamevidence.pooling.intervals import INTERVALS
from lamevidence.pooling.multilevel_structures import STRUCTURES
from lamevidence.pooling.prediction import PREDICTIONS
from lamevidence.pooling.random_effects import MODELS
from lamevidence.pooling.sparse import mantel_haenszel_test
from lamevidence.pooling.tau2 import TAU2
from lamevidence.pooling.tau2_intervals import TAU2_INTERVALS
from lamevidence.units import convert, factor, unit
from tests.nonsense.sweep import COUNT, FLAG, NUMBER, POSITIVE, TEXT, Base, Kind

YI = [0.10, 0.35, 0.22, 0.61, 0.05, 0.40, 0.31, 0.52]
VI = [0.02, 0.05, 0.03, 0.04, 0.02, 0.06, 0.03, 0.05]
STUDIES = ["A", "A", "B", "B", "C", "C", "D", "D"]


@functools.cache
def table() -> lam.EvidenceTable:
    """Eight independent studies with one numeric and one verbal moderator."""
    return lam.EvidenceTable.from_estimates(
        YI, VI, n=[40, 25, 60, 30, 80, 22, 50, 34], moderators={"dose": [1.0, 2, 3, 4, 5, 6, 7, 9],
            "kind": list("xyxyxyxy")}
    )


@functools.cache
def nested() -> lam.EvidenceTable:
    """The same eight rows, two a study."""
    return lam.EvidenceTable.from_estimates(
        YI, VI, studies=STUDIES, moderators={"dose": [1.0, 2, 3, 4, 5, 6, 7, 9], "arm": list("xyxyxyxy")}
    )


@functools.cache
def two_by_two() -> lam.EvidenceTable:
    frame = pd.DataFrame({
        "study": list("abcdef"), "ai": [3, 5, 2, 8, 1, 4], "n1i": [40, 50, 30, 90, 25, 44], "ci": [7, 9, 4, 15, 3, 6],
        "n2i": [41, 52, 31, 88, 26, 45],
    })
    return lam.EvidenceTable.from_frame(frame, "OR", study="study", ai="ai", n1i="n1i", ci="ci", n2i="n2i")


@functools.cache
def proportions() -> lam.EvidenceTable:
    frame = pd.DataFrame({"study": list("abcdef"), "xi": [3, 5, 2, 8, 1, 4], "ni": [40, 50, 30, 90, 25, 44]})
    return lam.EvidenceTable.from_frame(frame, "PLO", study="study", xi="xi", ni="ni")


@functools.cache
def rates() -> lam.EvidenceTable:
    frame = pd.DataFrame({"study": list("abcdef"), "xi": [3, 5, 2, 8, 1, 4], "ti": [40.0, 50, 30, 90, 25, 44]})
    return lam.EvidenceTable.from_frame(frame, "IRLN", study="study", xi="xi", ti="ti")


@functools.cache
def pooled() -> Any:
    return lam.pool(table(), model="random")


@functools.cache
def regression() -> Any:
    return lam.pool(table(), moderators="~ dose")


@functools.cache
def likelihood_regression() -> Any:
    return lam.pool(table(), moderators="~ dose", tau2="ML")


@functools.cache
def likelihood_fit() -> Any:
    return lam.pool(table(), tau2="ML", interval="z")


@functools.cache
def located() -> Any:
    return lam.location_scale(table(), scale="~ dose")


@functools.cache
def heavy() -> Any:
    return lam.robust_random_effects(table())


@functools.cache
def drawn() -> Any:
    return lam.bootstrap_prediction(table(), draws=1000, seed=1)


@functools.cache
def folder() -> Path:
    """A registry with a vocabulary, a question and one record, so that a call reads next to nothing."""
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made)
    (made / "records").mkdir()
    shutil.copy(registry().root / "vocabulary.yaml", made)
    first = sorted((registry().root / "records").glob("*.yaml"))[0]
    shutil.copy(first, made / "records")
    return made


@functools.cache
def levels() -> Any:
    return lam.multilevel(nested())


@functools.cache
def clustered() -> Any:
    return lam.cluster_robust(levels(), "study")


@functools.cache
def registry() -> Any:
    return lam.load_registry()


def five() -> lam.FiveNumbers:
    return lam.FiveNumbers(10.0, 50, q1=7.0, q3=14.0)


REALS = ("minus", "minus half", "zero", "half", "two", "one", "matrix", "cube", "frame")
AMOUNTS = ("zero", "half", "two", "one", "matrix", "cube", "frame")
POSITIVES = ("half", "two", "one", "matrix", "cube", "frame")
RISKS = ("zero", "half", "one", "matrix", "cube")
AMOUNT = ("zero", "half", "two")
CORRELATION = Kind(accepts=("minus", "minus half", "zero", "half"))
CELLS = Kind(accepts=("zero", "half", "two", "one", "nan", "nones", "cube", "frame"), nan=(".yi", ".vi"))
GENERATOR = Kind(accepts=("generator",))

def X() -> Any:
    return np.column_stack([np.ones(8), table().moderators["dose"]])


def _one_stage(model: str, source: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {"evidence": source(), "model": model, **options}


def _bounds(rule: Any, value: Any, half: Any) -> Any:
    return recovery.bounds(rule, (value, half))


BASES: dict[str, Base] = {
    # effects
    "EvidenceTable": Base(lam.EvidenceTable, lambda: {
        "yi": np.array(YI[:3]), "vi": np.array(VI[:3]), "labels": ("a", "b", "c"), "studies": ("a", "b", "c"),
    }, {
        "yi": ("holes",), "vi": ("holes",), "n": ("holes",), "labels": GENERATOR, "studies": GENERATOR,
        "measure": TEXT, "counts": ("dict",), "moderators": ("dict",), "model": ("dict",), "question": TEXT,
        "question_hash": TEXT, "lineage": ("empty",), "excluded": ("empty",), "designs": ("empty",),
        "years": ("empty",), "groups": ("empty",), "risk_of_bias": ("empty",), "notes": ("empty",), "arms": ("empty",),
        "higher_is": Kind(choices=("better", "worse", "neutral")), "row_is": Kind(choices=("category", "subject")),
    }),
    "EvidenceTable.from_estimates": Base(lam.EvidenceTable.from_estimates, lambda: {"yi": YI[:3], "vi": VI[:3]}, {
        "labels": Kind(accepts=("generator",)), "studies": Kind(accepts=("generator",)),
        "n": Kind(accepts=("holes",)), "moderators": Kind(accepts=("dict",)),
        "measure": Kind(choices=tuple(MEASURES)),
    }),
    "EvidenceTable.from_frame": Base(lam.EvidenceTable.from_frame, lambda: {
        "frame": pd.DataFrame({"s": ["a", "b"], "xi": [3, 4], "ni": [10, 12], "m": [1, 2]}), "measure": "PLO",
        "study": "s", "label": "s", "cluster": "s", "moderators": ["m"], "V": np.diag([0.47619048, 0.375]),
        "unit": None, "title": "", "higher_is": "better", "arms": (), "xi": "xi", "ni": "ni",
    }, {
        "study": ("none",), "label": ("none",), "cluster": ("none",), "moderators": ("none", "empty"), "V": ("none",),
        "unit": ("none", "text", "blank"), "xi": Kind(accepts=("zero", "two"), nan=("",)), "arms": ("empty",),
        "higher_is": Kind(choices=("better", "worse", "neutral")),
    }),
    "EvidenceTable.row": Base(table().row, lambda: {"i": 1}, {"i": Kind(accepts=("zero", "two", "minus"))}),
    "EvidenceTable.subset": Base(table().subset, lambda: {"keep": [0, 2, 3]}, {"keep": ("empty",)}),
    "escalc": Base(lam.escalc, lambda: {"measure": "OR", "ai": [3, 5], "bi": [7, 9], "ci": [4, 6], "di": [5, 5]}, {
        "measure": Kind(choices=tuple(MEASURES)), "ai": CELLS, "bi": CELLS, "ci": CELLS, "di": CELLS,
    }),
    "escalc, options": Base(lam.escalc, lambda: {
        "measure": "OR", "ai": [0, 5], "n1i": [7, 9], "ci": [4, 6], "n2i": [5, 8], "add": 0.5, "to": "all",
        "drop00": False,
    }, {
        "add": Kind(accepts=("zero", "half", "two"), nan=(".yi", ".vi")), "to": Kind(choices=("only0", "if0all",
        "none")),
        "drop00": FLAG, "ai": CELLS, "ci": CELLS, "n1i": CELLS, "n2i": CELLS,
    }),
    "arm_interval": Base(lam.arm_interval, lambda: {"events": [3, 5], "total": [10, 12]}, {
        "events": ("zero", "two", "cube", "frame"), "method": Kind(choices=("exact", "wilson")),
    }),
    "rate_interval": Base(lam.rate_interval, lambda: {"events": [3, 5], "person_time": [10.0, 12.0]}, {
        "events": ("zero", "two", "cube", "frame"), "person_time": ("half", "two", "one", "cube", "frame"),
        "method": Kind(choices=("exact",)),
    }),
    "aggregate": Base(lam.aggregate, lambda: {
        "yi": [0.2, 0.4, 0.1], "V": [[0.1, 0.05, 0], [0.05, 0.1, 0], [0, 0, 0.2]], "cluster": ["A", "A", "B"],
    }, {"cluster": GENERATOR, "weighted": FLAG}),
    "correlated_covariance": Base(lam.correlated_covariance, lambda: {
        "vi": [0.04, 0.09, 0.05], "cluster": ["A", "A", "B"], "rho": 0.5, "within": ["x", "x", "y"], "rho_within": 0.7,
    }, {"cluster": GENERATOR, "within": GENERATOR, "rho": CORRELATION, "rho_within": CORRELATION}),
    "dependent_covariance": Base(lam.dependent_covariance, lambda: {
        "vi": [0.04, 0.09, 0.05], "cluster": ["A", "A", "B"], "time": [1.0, 2.0, 1.0], "phi": 0.5,
    }, {"cluster": GENERATOR, "phi": ("zero", "half")}),
    "shared_control_covariance": Base(lam.shared_control_covariance, lambda: {
        "vi": [0.3, 0.4, 0.5], "control_vi": [0.1, 0.1, 0.2], "control": ["A", "A", "B"],
    }, {"control": GENERATOR}),
    "risk_per_1000": Base(lam.risk_per_1000, lambda: {"log_ratio": -0.4, "baseline": 0.2}, {
        "log_ratio": REALS, "baseline": RISKS, "measure": Kind(choices=("RR", "OR")),
    }),
    "FiveNumbers": Base(lam.FiveNumbers, lambda: {
        "median": 10.0, "n": 50, "minimum": 2.0, "q1": 7.0, "q3": 14.0, "maximum": 30.0,
    }, {"minimum": NUMBER, "n": COUNT, "q1": Kind(accepts=("two",))}),
    "FiveNumbers.mapped": Base(five().mapped, lambda: {"rising": np.log}, {"rising": Kind(own=("class",))}),
    "FiveNumbers.divided": Base(five().divided, lambda: {"unit": 2.0}, {"unit": POSITIVE}),
    "mean_sd_from_quantiles": Base(lam.mean_sd_from_quantiles, lambda: {"five": five()}, {
        "method": Kind(choices=("luo/wan/shi", "hozo2005", "wan2014", "bland2015", "walter2007", "qe", "bc")),
        "distribution": Kind(choices=("normal", "log-normal")),
    }),
    "effects.recovery.skewness_test": Base(recovery.skewness_test, lambda: {"five": five()}),
    "effects.recovery.bounds": Base(_bounds, lambda: {"rule": math.sqrt, "value": 2.0, "half": 0.5}, {
        "rule": Kind(own=("class",)), "value": Kind(accepts=("half", "two"), own=("minus", "minus half", "zero")),
        "half": AMOUNT,
    }),
    "effects.recovery.change_variance_range": Base(recovery.change_variance_range, lambda: {
        "sd_pre": 3.0, "sd_post": 4.0, "n": 20, "r": (0.3, 0.8),
    }, {"sd_pre": AMOUNT, "sd_post": AMOUNT, "n": POSITIVE}),
    "effects.recovery.count_from_percentage": Base(recovery.count_from_percentage, lambda: {
        "percentage": 43, "total": 46, "rounding": 0.5,
    }, {"percentage": ("zero", "half", "two"), "rounding": ("half",)}),
    "effects.recovery.counts_from_percentage": Base(recovery.counts_from_percentage, lambda: {
        "percentage": 43, "total": 46,
    }, {"percentage": AMOUNT, "total": COUNT, "rounding": AMOUNT}),
    "effects.recovery.table_from_odds_ratio": Base(recovery.table_from_odds_ratio, lambda: {
        "odds_ratio": 2.0, "n1": 30, "n2": 40, "events": 20,
    }, {"odds_ratio": POSITIVE, "n1": COUNT, "n2": COUNT, "events": AMOUNT}),
    "effects.recovery.r_from_change_sd": Base(recovery.r_from_change_sd, lambda: {
        "sd_change": 2.0, "sd_pre": 3.0, "sd_post": 4.0,
    }, {"sd_change": AMOUNTS, "sd_pre": POSITIVES, "sd_post": POSITIVES}),
    "effects.recovery.r_from_change_se": Base(recovery.r_from_change_se, lambda: {
        "se_change": 2.0, "se_pre": 3.0, "se_post": 4.0,
    }, {"se_change": AMOUNTS, "se_pre": POSITIVES, "se_post": POSITIVES}),
    "effects.recovery.r_from_paired_p": Base(recovery.r_from_paired_p, lambda: {
        "mean_change": 4.0, "p": 0.002, "n": 18, "sd_pre": 30.0, "sd_post": 36.0,
    }, {"mean_change": REALS, "p": ("half", "one"), "n": ("two",), "sd_pre": POSITIVES, "sd_post": POSITIVES}),
    "effects.recovery.sd_from_se": Base(recovery.sd_from_se, lambda: {"se": 2.0, "n": 18}, {
        "se": AMOUNTS, "n": POSITIVES,
    }),
    "effects.recovery.se_from_sd": Base(recovery.se_from_sd, lambda: {"sd": 2.0, "n": 18}, {
        "sd": AMOUNTS, "n": POSITIVES,
    }),
    "effects.recovery.sd_of_change": Base(recovery.sd_of_change, lambda: {"sd_pre": 2.0, "sd_post": 3.0, "r": 0.5}, {
        "sd_pre": AMOUNTS, "sd_post": AMOUNTS, "r": (*CORRELATION.accepts, "one", "matrix", "cube"),
    }),
    "effects.recovery.se_from_ci": Base(
        recovery.se_from_ci, lambda: {"low": 0.65, "high": 4.0, "df": 20, "log": False}, {
        "low": REALS, "high": ("two", "matrix", "cube", "frame"), "df": POSITIVES, "log": FLAG,
    }),
    "effects.recovery.se_from_p": Base(recovery.se_from_p, lambda: {"estimate": 2.0, "p": 0.02}, {
        "estimate": REALS, "p": ("half", "one"), "df": POSITIVES,
    }),
    "effects.recovery.se_from_statistic": Base(
        recovery.se_from_statistic, lambda: {"estimate": 2.0, "statistic": 2.1}, {
        "estimate": REALS, "statistic": tuple(x for x in REALS if x != "zero"),
    }),
    "effects.recovery.slope_from_change": Base(
        recovery.slope_from_change, lambda: {"change": 2.0, "se": 0.3, "span": 12.0}, {
        "change": REALS, "se": AMOUNTS, "span": POSITIVES,
    }),
    **{f"effects.transforms.{name}": Base(getattr(transforms, name), lambda: {"d": 0.4}, {"d": REALS}) for name in (
        "d_to_cles", "d_to_cliff", "d_to_overlap", "d_to_success_rate", "d_to_u1", "d_to_u2", "d_to_u3",
    )},
    "effects.transforms.d_to_point_biserial": Base(
        transforms.d_to_point_biserial, lambda: {"d": 0.4, "n1": 20, "n2": 30}, {
        "d": REALS, "n1": POSITIVES, "n2": POSITIVES,
    }),
    **{f"effects.transforms.{name}": Base(getattr(transforms, name), lambda: {"x": 0.4, "tau2": 0.1}, {
        "x": REALS, "tau2": ("zero", "half") if name == "logit_mode" else AMOUNT,
    }) for name in ("arcsine_mean", "exp_mean", "exp_mode", "logit_mean", "logit_mode", "tanh_mean")},
    **{f"effects.transforms.{name}": Base(getattr(transforms, name), lambda: {"x": 0.4, "total": 20}, {
        "x": REALS, "total": POSITIVES,
    }) for name in ("freeman_tukey_back", "freeman_tukey_rate_back")},
    "effects.transforms.odds_ratio_to_risk": Base(
        transforms.odds_ratio_to_risk, lambda: {"log_or": 0.4, "baseline": 0.1}, {
        "log_or": REALS, "baseline": RISKS,
    }),
    "effects.transforms.risk_ratio_to_risk": Base(
        transforms.risk_ratio_to_risk, lambda: {"log_rr": -0.4, "baseline": 0.1}, {
        "log_rr": REALS, "baseline": RISKS,
    }),
    # pooling
    "pool": Base(lam.pool, lambda: {"evidence": table(), "model": "random"}, {
        "model": Kind(choices=tuple(MODELS)), "tau2": Kind(accepts=AMOUNT, choices=tuple(TAU2)),
        "interval": Kind(choices=tuple(INTERVALS)), "prediction": Kind(choices=tuple(PREDICTIONS)),
    }),
    "pool, moderators": Base(lam.pool, lambda: {"evidence": table(), "moderators": X(), "names": ["one", "dose"]}, {
        "model": Kind(choices=("random", "common", "fixed")),
        "tau2": Kind(accepts=AMOUNT, choices=tuple(TAU2), nan=("tau2_total",)),
        "interval": Kind(choices=("z", "t", "HKSJ", "HKSJ-floor")), "names": ("none",),
    }),
    **{f"pool, {name}": Base(lam.pool, functools.partial(_one_stage, name, source, options), {"nagq": COUNT, **kinds})
       for name, source, options, kinds in (
           ("glmm", two_by_two, {"nagq": 5, "test": "t"}, {
               "tau2": Kind(choices=("ML",)), "test": Kind(choices=("z", "t")), "nagq": ("none", "two"),
           }),
           ("mh", two_by_two, {"add": 0.5, "to": "all"}, {"add": AMOUNT}),
           ("peto", two_by_two, {}, {}),
           ("beta-binomial", proportions, {}, {}),
           ("gamma-poisson", rates, {}, {}),
           ("common", table, {}, {}),
           ("henmi-copas", table, {}, {"tau2": AMOUNT}),
       )},
    "multilevel": Base(lam.multilevel, lambda: {"table": nested(), "random": "1 | study"}, {
        "random": ("none",), "struct": ("none",), "R": ("dict",),
        "method": Kind(choices=("REML", "ML")), "test": Kind(choices=("z", "t")),
        "dfs": Kind(choices=("residual", "contain")), "cluster": Kind(choices=("study", "row")),
    }),
    "multilevel, inner": Base(lam.multilevel, lambda: {"table": nested(), "random": "arm | study", "struct": "CS"}, {
        "random": Kind(skip="without an inner level the structure has nothing to describe"), "R": ("dict",),
        "struct": Kind(accepts=("none",), choices=tuple(STRUCTURES)),
    }),
    "multilevel, matrix": Base(lam.multilevel, lambda: {
        "table": nested(), "random": "1 | study", "moderators": X(), "names": ["one", "dose"], "test": "t",
        "dfs": "contain",
    }, {"random": ("none",), "struct": ("none",), "R": ("dict",), "names": ("none",)}),
    "cluster_robust": Base(lam.cluster_robust, lambda: {"fit": levels(), "cluster": "study"}, {
        "kind": Kind(choices=("CR0", "CR1", "CR2", "CR3")), "df": Kind(choices=("Satterthwaite", "n-p", "n-1", "z")),
    }),
    "location_scale": Base(lam.location_scale, lambda: {"table": table(), "scale": "~ dose"}, {
        "link": Kind(choices=("log", "identity")), "method": Kind(choices=("REML", "ML")),
        "test": Kind(choices=("z", "t")),
    }),
    "robust_random_effects": Base(lam.robust_random_effects, lambda: {"table": table()}, {
        "df": Kind(accepts=("two", "inf"), choices=("estimate",)), "interval": Kind(choices=("profile", "z")),
    }),
    "robust_variance": Base(lam.robust_variance, lambda: {"table": nested()}, {
        "rho": ("zero", "half", "none"), "small": FLAG, "working": Kind(choices=("CORR", "HIER")),
    }),
    "wild_bootstrap": Base(lam.wild_bootstrap, lambda: {"robust": clustered()}, {
        "signs": Kind(choices=("rademacher", "webb")),
    }),
    "bootstrap_prediction": Base(lam.bootstrap_prediction, lambda: {"table": table(), "draws": 1000, "seed": 1}, {
        "seed": ("zero", "two"),
    }),
    "subgroups": Base(lam.subgroups, lambda: {"table": table(), "by": "kind", "tau2": "DL", "interval": "z"}, {
        "common_tau2": FLAG, "tau2": Kind(accepts=("none", *AMOUNT), choices=tuple(TAU2)),
        "interval": Kind(accepts=("none",), choices=tuple(INTERVALS)),
    }),
    "permutation_test": Base(lam.permutation_test, lambda: {"fit": pooled(), "permutations": 99, "seed": 1}, {
        "exact": FLAG, "permutations": COUNT, "limit": ("zero", "two"), "engine": Kind(choices=("auto", "numpy",
        "numba")),
    }),
    "permutation_test, regression": Base(lam.permutation_test, lambda: {
        "fit": regression(), "permutations": 99, "seed": 1, "exact": False,
    }, {"exact": Kind(skip="as above; all 40320 orders take a second"), "permutations": COUNT, "limit": ("zero",
        "two")}),
    "pool_many": Base(lam.pool_many, lambda: {"yi": [YI, YI], "vi": [VI, VI]}, {
        "tau2": Kind(accepts=AMOUNT, choices=tuple(TAU2)), "interval": Kind(choices=("z", "t", "HKSJ", "HKSJ-floor")),
        "engine": Kind(choices=("auto", "numpy", "numba")),
    }),
    "pool_many, offsets": Base(lam.pool_many, lambda: {"yi": YI, "vi": VI, "offsets": [0, 3, 8]}, {"tau2": AMOUNT}),
    "tau2_standard_error": Base(lam.tau2_standard_error, lambda: {
        "method": "DL", "y": np.array(YI), "v": np.array(VI), "t": 0.01,
    }, {"method": Kind(choices=tuple(TAU2)), "t": AMOUNT}),
    "fit_beta_binomial": Base(lam.fit_beta_binomial, lambda: {"table": proportions()}),
    "fit_gamma_poisson": Base(lam.fit_gamma_poisson, lambda: {"table": rates()}),
    "fit_glmm": Base(lam.fit_glmm, lambda: {"table": proportions()}, {
        "nagq": COUNT, "coding": ("half",), "model": Kind(choices=("one-arm",)), "test": Kind(choices=("z", "t")),
        "method": Kind(choices=("ML", "EE")), "prediction": Kind(choices=("HTS", "none")),
    }),
    "fit_glmm, arms": Base(lam.fit_glmm, lambda: {"table": two_by_two(), "model": "UM.RS", "nagq": 3}, {
        "nagq": ("none", "two"), "coding": ("zero", "half"), "model": Kind(accepts=("none",), choices=("CM.EL",
        "UM.FS")),
        "correlated": FLAG, "drop00": FLAG,
    }),
    "mantel_haenszel": Base(lam.mantel_haenszel, lambda: {"table": two_by_two(), "add": 0.5, "to": "all"}, {
        "measure": Kind(choices=("OR", "RR", "RD")), "correct": Kind(accepts=("none", "true")), "add": AMOUNT,
        "variance": Kind(choices=("sato",)),
        "to": Kind(choices=("none", "only0", "all", "if0all")),
    }),
    "mantel_haenszel_test": Base(mantel_haenszel_test, lambda: {"table": two_by_two(), "add": 0.5, "to": "all"}, {
        "measure": Kind(choices=("OR", "IRR")), "correct": FLAG, "add": AMOUNT,
        "to": Kind(choices=("none", "only0", "all", "if0all")),
    }),
    "peto": Base(lam.peto, lambda: {"table": two_by_two(), "add": 0.5, "to": "all"}, {
        "add": AMOUNT, "to": Kind(choices=("none", "only0", "all", "if0all")),
    }),
    # checks
    "leave_one_out": Base(lam.leave_one_out, lambda: {"fit": pooled()}),
    "cumulative": Base(lam.cumulative, lambda: {"fit": pooled(), "order": list(range(8))}),
    "influence": Base(lam.influence, lambda: {"fit": pooled()}),
    "residuals": Base(lam.residuals, lambda: {"fit": pooled()}),
    "wald_test": Base(lam.wald_test, lambda: {"fit": regression(), "matrix": [[0.0, 1.0]]}),
    "likelihood_ratio_test": Base(lam.likelihood_ratio_test, lambda: {
        "full": likelihood_regression(), "reduced": lam.pool(table(), model="random", tau2="ML"),
    }),
    "small_study_test": Base(lam.small_study_test, lambda: {"fit": pooled()}, {
        "method": Kind(choices=tuple(SMALL_STUDY_TESTS)), "predictor": Kind(choices=("sei", "vi")),
    }),
    "egger_test": Base(lam.egger_test, lambda: {"fit": pooled()}),
    "trim_and_fill": Base(lam.trim_and_fill, lambda: {"fit": pooled()}, {
        "estimator": Kind(choices=("L0", "R0", "Q0")), "side": Kind(choices=("left", "right")),
    }),
    "fail_safe_n": Base(lam.fail_safe_n, lambda: {"fit": pooled()}, {
        "kind": Kind(choices=("Rosenthal", "Orwin", "Rosenberg", "General")), "alpha": (), "weighted": FLAG,
        "null": Kind(choices=("identical", "heterogeneous")),
    }),
    "fail_safe_n, Orwin": Base(lam.fail_safe_n, lambda: {"fit": pooled(), "kind": "Orwin", "target": 0.1}, {
        "target": ("none", *AMOUNT), "weighted": FLAG,
    }),
    "fail_safe_n, General": Base(lam.fail_safe_n, lambda: {"fit": pooled(), "kind": "General", "null": "identical"}, {
        "kind": Kind(skip="as above"), "target": Kind(accepts=AMOUNT, nan=("tau2_then", "then")),
        "weighted": FLAG,
    }),
    "test_excess_significance": Base(lam.test_excess_significance, lambda: {"fit": pooled()}, {
        "test": Kind(choices=("exact", "chi2", "binomial")), "limit_alpha": Kind(accepts=("half",), nan=("limit",)),
        "alternative": Kind(choices=("two-sided", "greater", "less")),
    }),
    "radial": Base(lam.radial, lambda: {"fit": pooled()}),
    "baujat": Base(lam.baujat, lambda: {"fit": pooled()}),
    "normal_quantiles": Base(lam.normal_quantiles, lambda: {"fit": pooled()}, {
        "residual": Kind(choices=("standardized", "studentized")),
    }),
    "gosh": Base(
        lam.gosh, lambda: {"fit": pooled(), "subsets": 20, "seed": 1}, {"subsets": COUNT, "seed": ("zero", "two")}),
    "likelihood_profile": Base(lam.likelihood_profile, lambda: {"fit": pooled(), "tau2": [0.0, 0.1]}, {
        "tau2": ("zero", "half", "two", "one"),
    }),
    "selection_model": Base(lam.selection_model, lambda: {"fit": likelihood_fit(), "steps": 0.025}, {
        "type": Kind(choices=("stepfun", "beta", "negexppow")), "alternative": Kind(choices=("greater", "less")),
        "steps": ("half", "one"), "precision": Kind(choices=("sei", "vi")),
    }),
    "selection_model, negexp": Base(lam.selection_model, lambda: {
        "fit": likelihood_fit(), "type": "negexp", "delta": 1.0, "precision": "sei",
    }, {"type": Kind(skip="as above"), "steps": ("half", "one"), "delta": ("none", "zero", "half", "two", "one"),
        "precision": Kind(accepts=("none",), choices=("sei", "vi"))}),
    "combine_p_values": Base(lam.combine_p_values, lambda: {"p": [0.01, 0.2, 0.4]}, {
        "method": Kind(choices=tuple(COMBINATIONS)),
    }),
    **{f"combine_p_values, {method}": Base(
        lam.combine_p_values, lambda method=method, options=options: {"p": [0.01, 0.2, 0.4], "method": method,
            **options},
        {"method": Kind(skip="as above"), **kinds},
    ) for method, options, kinds in (
        ("stouffer", {"weights": [1, 2, 3]}, {"weights": ("none",)}),
        ("wilkinson", {"rank": 1}, {"rank": COUNT}),
        ("invchisq", {"df": 3}, {"df": POSITIVE}),
        ("invt", {"df": 3}, {}),
        ("truncated", {"threshold": 0.5}, {"threshold": ("half",)}),
    )},
    "pet_peese": Base(lam.pet_peese, lambda: {"fit": pooled()}),
    "shrinkage": Base(lam.shrinkage, lambda: {"fit": pooled()}),
    # units, questions, registry
    "units.unit": Base(unit, lambda: {"symbol": "mL/month"}, {"symbol": Kind(choices=("mL/month",))}),
    "units.factor": Base(factor, lambda: {"source": "mL/month", "target": "mL/year"}, {
        "source": Kind(choices=("mL/month",)), "target": Kind(choices=("mL/month",)),
    }),
    "units.convert": Base(
        convert, lambda: {"value": 2.0, "source": "mL/month", "target": "mL/year"}, {"value": NUMBER}),
    "questions.load_questions": Base(questions.load_questions, lambda: {
        "folder": folder(), "vocabulary": registry().vocabulary, "root": folder(),
    }, {"folder": ("text",), "root": ("none", "text")}),
    "questions.Question": Base(questions.Question, lambda: {
        "id": "Q1", "title": "t", "estimand": "e", "outcome": "fev1", "kind": "rate", "compare": "single_arm",
        "measure": "IRLN",
    }, {
        **dict.fromkeys(("id", "estimand", "outcome", "measure", "higher_is", "registered", "path"), TEXT),
        **dict.fromkeys(("prefer", "primary", "model", "bayes"), ("dict",)), "pooled": FLAG, "unit": (),
        "kind": Kind(choices=("rate", "paired")), "compare": Kind(choices=("single_arm",)),
        "rows": Kind(choices=("study", "subject")),
    }),
    "load_registry": Base(lam.load_registry, lambda: {"path": folder(), "strict": False}, {
        "path": ("none", "text"), "strict": FLAG,
    }),
    "audit.audit": Base(audit, lambda: {"registry": registry()}),
    "Registry.study": Base(registry().study, lambda: {"study_id": next(iter(registry().by_id))}),
    "Registry.question": Base(registry().question, lambda: {"question_id": next(iter(registry().questions))}),
    "Registry.evidence": Base(registry().evidence, lambda: {"question": next(iter(registry().questions))}),
    "Registry.findings": Base(registry().findings, dict, {
        "kind": Kind(choices=("rate", "paired")), "phase": Kind(choices=("baseline",)),
    }),
    # results: what their methods take
    "Pooled.interval": Base(pooled().interval, dict),
    "Pooled.prediction": Base(pooled().prediction, dict),
    "Pooled.probability": Base(pooled().probability, lambda: {"statement": "new < 0"}),
    "Pooled.tau2_interval": Base(pooled().tau2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Pooled.i2_interval": Base(pooled().i2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Pooled.h2_interval": Base(pooled().h2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Regression.interval": Base(regression().interval, dict),
    "Regression.tau2_interval": Base(regression().tau2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Regression.contrasts": Base(regression().contrasts, lambda: {"matrix": [[0.0, 1.0]]}),
    "Regression.test": Base(regression().test, lambda: {"columns": [1]}, {"columns": ("none",)}),
    "Regression.predict": Base(regression().predict, lambda: {"new": {"dose": [1.0, 2.0]}}),
    "MultilevelPooled.interval": Base(levels().interval, dict),
    "MultilevelPooled.prediction": Base(levels().prediction, dict),
    "MultilevelPooled.random_effects": Base(levels().random_effects, dict),
    "MultilevelPooled.predict": Base(levels().predict, dict, {"new": REALS}),
    "MultilevelPooled.against": Base(levels().against, lambda: {
        "reduced": lam.multilevel(nested(), random=None, method="REML"),
    }),
    "MultilevelPooled.component_interval": Base(levels().component_interval, lambda: {"name": "sigma2"}, {
        "index": ("zero",),
    }),
    "ClusterRobust.wald": Base(clustered().wald, lambda: {"tested": [0]}),
    "LocationScale.predict": Base(located().predict, dict),
    "RobustPooled.interval": Base(heavy().interval, dict),
    "RobustPooled.prediction": Base(heavy().prediction, dict),
    "RobustVariance.interval": Base(lam.robust_variance(nested()).interval, dict),
    "BootstrapPrediction.interval": Base(drawn().interval, dict),
    "BootstrapPrediction.mean_interval": Base(drawn().mean_interval, dict),
    "BootstrapPrediction.probability": Base(drawn().probability, lambda: {"statement": "new < 0"}),
    "PooledMany.interval": Base(lam.pool_many([YI, YI], [VI, VI]).interval, dict),
    "Measure.label": Base(MEASURES["OR"].label, dict, {"transformed": FLAG}),
    "Measure.check_options": Base(MEASURES["OR"].check_options, lambda: {"given": {"add": 0.5}}, {"given": ("dict",)}),
    "Catalog.entry": Base(TAU2.entry, lambda: {"code": "DL"}, {"code": Kind(choices=tuple(TAU2))}),
}

REASONS = {
    **dict.fromkeys(("Pooled", "Regression"), "made by pool"),
    "MultilevelPooled": "made by multilevel", "ClusterRobust": "made by cluster_robust",
    "LocationScale": "made by location_scale", "RobustPooled": "made by robust_random_effects",
    "BootstrapTest": "made by wild_bootstrap", "RobustVariance": "made by robust_variance",
    "BootstrapPrediction": "made by bootstrap_prediction", "Subgroups": "made by subgroups",
    "PermutationTest": "made by permutation_test", "PooledMany": "made by pool_many",
    "PooledDataset": "made by pool_dataset", "Registry": "made by load_registry", "CheckTable": "made by the checks",
    "ModelTest": "made by wald_test", "SmallStudyTest": "made by small_study_test",
    "TrimAndFill": "made by trim_and_fill",
    "FailSafeN": "made by fail_safe_n", "ExcessSignificance": "made by test_excess_significance",
    "SelectionModel": "made by selection_model", "CombinedP": "made by combine_p_values",
    "PetPeese": "made by pet_peese",
    "LamEvidenceError": "takes any message", "EvidenceWarning": "takes any message",
    "effects.recovery.MeanSd": "made by mean_sd_from_quantiles", "effects.recovery.Rule": "made by the catalogue",
    "effects.measures.Estimates": "made by escalc", "effects.measures.Measure": "made by the catalogue",
    "effects.measures.FloatArray": "a type", "catalog.Catalog": "for the package's own methods",
    "catalog.Entry": "made by Catalog.register", "units.Unit": "made by units.unit", "values.Interval": "a plain pair",
    "Catalog.register": "for the package's own methods", "MultilevelPooled.at": "how multilevel makes its result",
    "MultilevelPooled.with_inference": "how multilevel(cluster=…) makes its result",
    "pool_arrow": "tests/nonsense/test_nonsense_data.py", "pool_dataset": "tests/nonsense/test_nonsense_data.py",
}
"""Public name → why it has no base call of its own."""
