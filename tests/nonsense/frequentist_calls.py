"""Valid calls of the frequentist half and of the registry, and what each parameter may take besides."""

from __future__ import annotations

import atexit
import functools
import math
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lamevidence as lam
from lamevidence import questions
from lamevidence.audit import audit, audit_file, audit_table, barred
from lamevidence.checks.p_values import COMBINATIONS
from lamevidence.checks.small_study.tests import SMALL_STUDY_TESTS
from lamevidence.effects import recovery
from lamevidence.effects.measures import MEASURES
from lamevidence.foundation.units import convert, factor, unit
from lamevidence.pooling.counts import mantel_haenszel_test
from lamevidence.pooling.inverse_variance.intervals import INTERVALS
from lamevidence.pooling.inverse_variance.prediction import PREDICTIONS
from lamevidence.pooling.models import MODELS
from lamevidence.pooling.multilevel.structures import STRUCTURES
from lamevidence.pooling.tau2.estimators import TAU2
from lamevidence.pooling.tau2.intervals import TAU2_INTERVALS
from lamevidence.registry import read_records
from lamevidence.sheets import read_sheet
from tests.nonsense.sweep import COUNT, FLAG, NUMBER, POSITIVE, TEXT, Base, Kind
from tests.registry.test_flow import ABSTRACTS

WORDS = {"judgement": TEXT, "because": ("text",)}
YI = [0.10, 0.35, 0.22, 0.61, 0.05, 0.40, 0.31, 0.52]
VI = [0.02, 0.05, 0.03, 0.04, 0.02, 0.06, 0.03, 0.05]
STUDIES = ["A", "A", "B", "B", "C", "C", "D", "D"]


@functools.cache
def table() -> lam.EvidenceTable:
    """Eight independent studies with one numeric and one verbal moderator."""
    return lam.EvidenceTable.from_estimates(
        YI,
        vi=VI,
        n=[40, 25, 60, 30, 80, 22, 50, 34],
        moderators={"dose": [1.0, 2, 3, 4, 5, 6, 7, 9], "kind": list("xyxyxyxy")},
    )


@functools.cache
def sheet_file() -> Path:
    """An extraction sheet."""
    file = Path(tempfile.mkdtemp()) / "sheet.csv"
    atexit.register(shutil.rmtree, file.parent, ignore_errors=True)
    file.write_text("study,events,n,percent\nLee 2010,16,36,47.2\nKim 2011,3,15,20\n")
    return file


SHEET_WORDS = {
    name: Kind(accepts={"none", "dict"} if name == "columns" else {"none"})
    for name in ("columns", "sheet", "decimal", "encoding", "separator", "measure")
} | {"strict": FLAG}


@functools.cache
def nested() -> lam.EvidenceTable:
    """The same eight rows, two a study."""
    return lam.EvidenceTable.from_estimates(
        YI, vi=VI, studies=STUDIES, moderators={"dose": [1.0, 2, 3, 4, 5, 6, 7, 9], "arm": list("xyxyxyxy")}
    )


@functools.cache
def two_by_two() -> lam.EvidenceTable:
    frame = pd.DataFrame(
        {
            "study": list("abcdef"),
            "ai": [3, 5, 2, 8, 1, 4],
            "n1i": [40, 50, 30, 90, 25, 44],
            "ci": [7, 9, 4, 15, 3, 6],
            "n2i": [41, 52, 31, 88, 26, 45],
        }
    )
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
def one_stage() -> Any:
    return lam.counts.glmm(proportions())


@functools.cache
def one_stage_regression() -> Any:
    dosed = replace(two_by_two(), moderators={"x": np.array([1.0, 2, 4, 3, 6, 5])})
    return lam.counts.glmm(dosed, moderators="~ x")


@functools.cache
def pooled() -> Any:
    return lam.pool(table(), model="random")


@functools.cache
def delta_estimates() -> Any:
    return lam.effects.delta({"a": 1.0, "b": 2.0}, {"ratio": "a / b"}, vi={"a": 0.01, "b": 0.02})


@functools.cache
def selected() -> Any:
    return lam.checks.selection_model(lam.pool(table(), model="random", tau2="ML", interval="z"), "halfnorm")


def a_question() -> Any:
    return next(iter(registry().questions.values()))


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
    return lam.checks.bootstrap_prediction(table(), draws=1000, seed=1)


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


def five() -> lam.effects.FiveNumbers:
    return lam.effects.FiveNumbers(10.0, 50, q1=7.0, q3=14.0)


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
    "EvidenceTable": Base(
        lam.EvidenceTable,
        lambda: {
            "yi": np.array(YI[:3]),
            "vi": np.array(VI[:3]),
            "labels": ("a", "b", "c"),
            "studies": ("a", "b", "c"),
        },
        {
            "yi": ("holes",),
            "vi": ("holes",),
            "n": ("holes",),
            "labels": GENERATOR,
            "studies": GENERATOR,
            "measure": TEXT,
            "counts": ("dict",),
            "moderators": ("dict",),
            "model": ("dict",),
            "question": TEXT,
            "question_hash": TEXT,
            "lineage": ("empty",),
            "excluded": ("empty",),
            "designs": ("empty",),
            "years": ("empty",),
            "groups": ("empty",),
            "risk_of_bias": ("empty",),
            "printed": ("empty",),
            "notes": ("empty",),
            "arms": ("empty",),
            "higher_is": Kind(choices=("better", "worse", "neutral")),
            "row_is": Kind(choices=("category", "subject")),
        },
    ),
    "EvidenceTable.from_estimates": Base(
        lam.EvidenceTable.from_estimates,
        lambda: {"yi": YI[:3], "vi": VI[:3]},
        {
            "labels": Kind(accepts=("generator",)),
            "studies": Kind(accepts=("generator",)),
            "n": Kind(accepts=("holes",)),
            "moderators": Kind(accepts=("dict",)),
            "measure": Kind(choices=tuple(MEASURES)),
        },
    ),
    "EvidenceTable.from_frame": Base(
        lam.EvidenceTable.from_frame,
        lambda: {
            "frame": pd.DataFrame({"s": ["a", "b"], "xi": [3, 4], "ni": [10, 12], "m": [1, 2]}),
            "measure": "PLO",
            "study": "s",
            "label": "s",
            "cluster": "s",
            "moderators": ["m"],
            "V": np.diag([0.47619048, 0.375]),
            "unit": None,
            "title": "",
            "higher_is": "better",
            "arms": (),
            "xi": "xi",
            "ni": "ni",
        },
        {
            "study": ("none",),
            "label": ("none",),
            "cluster": ("none",),
            "moderators": ("none", "empty"),
            "V": ("none",),
            "unit": ("none", "text", "blank"),
            "xi": Kind(accepts=("zero", "two"), nan=("",)),
            "add": ("zero", "half", "two"),
            "to": Kind(choices=("none", "only0", "all", "if0all")),
            "vtype": Kind(choices=("LS", "AV")),
            "arms": ("empty",),
            "higher_is": Kind(choices=("better", "worse", "neutral")),
        },
    ),
    "EvidenceTable.row": Base(table().row, lambda: {"i": 1}, {"i": Kind(accepts=("zero", "two", "minus"))}),
    "EvidenceTable.subset": Base(table().subset, lambda: {"keep": [0, 2, 3]}, {"keep": ("empty",)}),
    "EvidenceTable.without": Base(table().without, lambda: {"study": table().studies[0]}, {"study": ("empty", "dict")}),
    "EvidenceTable.concat": Base(
        lam.EvidenceTable.concat,
        lambda: {"tables": [table(), table()], "names": ["one", "two"]},
    ),
    "escalc": Base(
        lam.escalc,
        lambda: {"measure": "OR", "ai": [3, 5], "bi": [7, 9], "ci": [4, 6], "di": [5, 5]},
        {
            "measure": Kind(choices=tuple(MEASURES)),
            "ai": CELLS,
            "bi": CELLS,
            "ci": CELLS,
            "di": CELLS,
            "add": ("zero", "half", "two"),
            "to": Kind(choices=("none", "only0", "all", "if0all")),
            "vtype": Kind(choices=("LS", "AV")),
            "drop00": FLAG,
            "flip": FLAG,
        },
    ),
    "escalc, options": Base(
        lam.escalc,
        lambda: {
            "measure": "OR",
            "ai": [0, 5],
            "n1i": [7, 9],
            "ci": [4, 6],
            "n2i": [5, 8],
            "add": 0.5,
            "to": "all",
            "drop00": False,
        },
        {
            "add": Kind(accepts=("zero", "half", "two"), nan=(".yi", ".vi")),
            "to": Kind(choices=("only0", "if0all", "none", "all")),
            "drop00": FLAG,
            "flip": FLAG,
            "vtype": Kind(choices=("LS", "AV")),
            "ai": CELLS,
            "ci": CELLS,
            "n1i": CELLS,
            "n2i": CELLS,
        },
    ),
    "effects.arm_interval": Base(
        lam.effects.arm_interval,
        lambda: {"events": [3, 5], "total": [10, 12]},
        {
            "events": ("zero", "two", "cube", "frame"),
            "method": Kind(choices=("exact", "wilson", "wald", "wald-corrected", "wilson-corrected", "agresti-coull")),
        },
    ),
    "effects.rate_interval": Base(
        lam.effects.rate_interval,
        lambda: {"events": [3, 5], "person_time": [10.0, 12.0]},
        {
            "events": ("zero", "two", "cube", "frame"),
            "person_time": ("half", "two", "one", "cube", "frame"),
            "method": Kind(choices=("exact",)),
        },
    ),
    "effects.aggregate": Base(
        lam.effects.aggregate,
        lambda: {
            "yi": [0.2, 0.4, 0.1],
            "V": [[0.1, 0.05, 0], [0.05, 0.1, 0], [0, 0, 0.2]],
            "cluster": ["A", "A", "B"],
        },
        {"cluster": GENERATOR, "weighted": FLAG},
    ),
    "effects.correlated_covariance": Base(
        lam.effects.correlated_covariance,
        lambda: {
            "vi": [0.04, 0.09, 0.05],
            "cluster": ["A", "A", "B"],
            "rho": 0.5,
            "within": ["x", "x", "y"],
            "rho_within": 0.7,
        },
        {"cluster": GENERATOR, "within": GENERATOR, "rho": CORRELATION, "rho_within": CORRELATION},
    ),
    "effects.dependent_covariance": Base(
        lam.effects.dependent_covariance,
        lambda: {
            "vi": [0.04, 0.09, 0.05],
            "cluster": ["A", "A", "B"],
            "time": [1.0, 2.0, 1.0],
            "phi": 0.5,
        },
        {"cluster": GENERATOR, "subgroup": GENERATOR, "phi": ("zero", "half")},
    ),
    "effects.triangle_covariance": Base(
        lam.effects.triangle_covariance,
        lambda: {
            "triangle": [[0.04, float("nan")], [0.01, 0.09], [0.05, float("nan")]],
            "cluster": ["A", "A", "B"],
        },
        {"cluster": GENERATOR},
    ),
    "effects.shared_control_covariance": Base(
        lam.effects.shared_control_covariance,
        lambda: {
            "vi": [0.3, 0.4, 0.5],
            "control_vi": [0.1, 0.1, 0.2],
            "control": ["A", "A", "B"],
        },
        {"control": GENERATOR},
    ),
    "effects.risk_per_1000": Base(
        lam.effects.risk_per_1000,
        lambda: {"log_ratio": -0.4, "baseline": 0.2},
        {
            "log_ratio": REALS,
            "baseline": RISKS,
            "measure": Kind(choices=("RR", "OR")),
        },
    ),
    "effects.hazard_to_risk": Base(
        lam.effects.hazard_to_risk,
        lambda: {"log_hazard": -1.2, "time": 1.0},
        {"log_hazard": (*REALS, "inf", "minus inf"), "time": POSITIVES, "frailty": AMOUNTS},
    ),
    "effects.recovery.FiveNumbers": Base(
        lam.effects.FiveNumbers,
        lambda: {
            "median": 10.0,
            "n": 50,
            "minimum": 2.0,
            "q1": 7.0,
            "q3": 14.0,
            "maximum": 30.0,
        },
        {"minimum": NUMBER, "n": COUNT, "q1": Kind(accepts=("two",))},
    ),
    "FiveNumbers.mapped": Base(five().mapped, lambda: {"rising": np.log}, {"rising": Kind(own=("class",))}),
    "FiveNumbers.divided": Base(five().divided, lambda: {"unit": 2.0}, {"unit": POSITIVE}),
    "effects.recovery.mean_sd_from_quantiles": Base(
        lam.effects.mean_sd_from_quantiles,
        lambda: {"five": five()},
        {
            "method": Kind(choices=("luo/wan/shi", "hozo2005", "wan2014", "bland2015", "walter2007", "qe", "bc")),
            "distribution": Kind(choices=("normal", "log-normal")),
        },
    ),
    "effects.recovery.skewness_test": Base(recovery.skewness_test, lambda: {"five": five()}),
    "effects.recovery.bounds": Base(
        _bounds,
        lambda: {"rule": math.sqrt, "value": 2.0, "half": 0.5},
        {
            "rule": Kind(own=("class",)),
            "value": Kind(accepts=("half", "two"), own=("minus", "minus half", "zero")),
            "half": AMOUNT,
        },
    ),
    "effects.recovery.change_variance_range": Base(
        recovery.change_variance_range,
        lambda: {
            "sd_pre": 3.0,
            "sd_post": 4.0,
            "n": 20,
            "r": (0.3, 0.8),
        },
        {"sd_pre": AMOUNT, "sd_post": AMOUNT, "n": POSITIVE},
    ),
    "effects.recovery.count_from_percentage": Base(
        recovery.count_from_percentage,
        lambda: {
            "percentage": 43,
            "total": 46,
            "rounding": 0.5,
        },
        {"percentage": ("zero", "half", "two"), "rounding": ("half",)},
    ),
    "effects.recovery.counts_from_percentage": Base(
        recovery.counts_from_percentage,
        lambda: {
            "percentage": 43,
            "total": 46,
        },
        {"percentage": AMOUNT, "total": COUNT, "rounding": AMOUNT},
    ),
    "effects.recovery.table_from_odds_ratio": Base(
        recovery.table_from_odds_ratio,
        lambda: {
            "odds_ratio": 2.0,
            "n1": 30,
            "n2": 40,
            "events": 20,
        },
        {"odds_ratio": POSITIVE, "n1": COUNT, "n2": COUNT, "events": AMOUNT},
    ),
    "effects.recovery.r_from_change_sd": Base(
        recovery.r_from_change_sd,
        lambda: {
            "sd_change": 2.0,
            "sd_pre": 3.0,
            "sd_post": 4.0,
        },
        {"sd_change": AMOUNTS, "sd_pre": POSITIVES, "sd_post": POSITIVES},
    ),
    "effects.recovery.r_from_change_se": Base(
        recovery.r_from_change_se,
        lambda: {
            "se_change": 2.0,
            "se_pre": 3.0,
            "se_post": 4.0,
        },
        {"se_change": AMOUNTS, "se_pre": POSITIVES, "se_post": POSITIVES},
    ),
    "effects.recovery.r_from_paired_p": Base(
        recovery.r_from_paired_p,
        lambda: {
            "mean_change": 4.0,
            "p": 0.002,
            "n": 18,
            "sd_pre": 30.0,
            "sd_post": 36.0,
        },
        {"mean_change": REALS, "p": ("half", "one"), "n": ("two",), "sd_pre": POSITIVES, "sd_post": POSITIVES},
    ),
    "effects.recovery.sd_from_se": Base(
        recovery.sd_from_se,
        lambda: {"se": 2.0, "n": 18},
        {
            "se": AMOUNTS,
            "n": POSITIVES,
        },
    ),
    "effects.recovery.se_from_sd": Base(
        recovery.se_from_sd,
        lambda: {"sd": 2.0, "n": 18},
        {
            "sd": AMOUNTS,
            "n": POSITIVES,
        },
    ),
    "effects.recovery.sd_of_change": Base(
        recovery.sd_of_change,
        lambda: {"sd_pre": 2.0, "sd_post": 3.0, "r": 0.5},
        {
            "sd_pre": AMOUNTS,
            "sd_post": AMOUNTS,
            "r": (*CORRELATION.accepts, "one", "matrix", "cube"),
        },
    ),
    "effects.recovery.se_from_ci": Base(
        recovery.se_from_ci,
        lambda: {"low": 0.65, "high": 4.0, "df": 20, "log": False},
        {
            "low": REALS,
            "high": ("two", "matrix", "cube", "frame"),
            "df": POSITIVES,
            "log": FLAG,
        },
    ),
    "effects.recovery.se_from_p": Base(
        recovery.se_from_p,
        lambda: {"estimate": 2.0, "p": 0.02},
        {
            "estimate": REALS,
            "p": ("half", "one"),
            "df": POSITIVES,
        },
    ),
    "effects.recovery.se_from_statistic": Base(
        recovery.se_from_statistic,
        lambda: {"estimate": 2.0, "statistic": 2.1},
        {
            "estimate": REALS,
            "statistic": tuple(x for x in REALS if x != "zero"),
        },
    ),
    "effects.recovery.slope_from_change": Base(
        recovery.slope_from_change,
        lambda: {"change": 2.0, "se": 0.3, "span": 12.0},
        {
            "change": REALS,
            "se": AMOUNTS,
            "span": POSITIVES,
        },
    ),
    **{
        f"effects.{name}": Base(getattr(lam.effects, name), lambda: {"d": 0.4}, {"d": REALS})
        for name in (
            "d_to_cles",
            "d_to_cliff",
            "d_to_overlap",
            "d_to_success_rate",
            "d_to_u1",
            "d_to_u2",
            "d_to_u3",
        )
    },
    "effects.d_to_point_biserial": Base(
        lam.effects.d_to_point_biserial,
        lambda: {"d": 0.4, "n1": 20, "n2": 30},
        {
            "d": REALS,
            "n1": POSITIVES,
            "n2": POSITIVES,
        },
    ),
    **{
        f"effects.{name}": Base(
            getattr(lam.effects, name),
            lambda: {"x": 0.4, "tau2": 0.1},
            {
                "x": REALS,
                "tau2": ("zero", "half") if name == "logit_mode" else AMOUNT,
            },
        )
        for name in ("arcsine_mean", "exp_mean", "exp_mode", "logit_mean", "logit_mode", "tanh_mean")
    },
    **{
        f"effects.{name}": Base(
            getattr(lam.effects, name),
            lambda: {"x": 0.4, "total": 20},
            {
                "x": REALS,
                "total": POSITIVES,
            },
        )
        for name in ("freeman_tukey_back", "freeman_tukey_rate_back")
    },
    "effects.control_groups": Base(lam.effects.control_groups, lambda: {"evidence": two_by_two()}, {"unit": ("none",)}),
    "effects.odds_ratio_to_risk": Base(
        lam.effects.odds_ratio_to_risk,
        lambda: {"log_or": 0.4, "baseline": 0.1},
        {
            "log_or": REALS,
            "baseline": RISKS,
        },
    ),
    "effects.hazard_ratio_to_risk": Base(
        lam.effects.hazard_ratio_to_risk,
        lambda: {"log_hr": -0.4, "baseline": 0.1},
        {
            "log_hr": REALS,
            "baseline": RISKS,
        },
    ),
    "effects.risk_ratio_to_risk": Base(
        lam.effects.risk_ratio_to_risk,
        lambda: {"log_rr": -0.4, "baseline": 0.1},
        {
            "log_rr": REALS,
            "baseline": RISKS,
        },
    ),
    # pooling
    "pool": Base(
        lam.pool,
        lambda: {"evidence": table(), "model": "random"},
        {
            "model": Kind(choices=tuple(MODELS)),
            "tau2": Kind(accepts=AMOUNT, choices=tuple(TAU2)),
            "interval": Kind(choices=tuple(INTERVALS)),
            "prediction": Kind(choices=tuple(PREDICTIONS)),
        },
    ),
    "pool, moderators": Base(
        lam.pool,
        lambda: {"evidence": table(), "moderators": X(), "names": ["one", "dose"]},
        {
            "model": Kind(choices=("random", "common", "fixed")),
            "tau2": Kind(accepts=AMOUNT, choices=tuple(TAU2), nan=("tau2_total",)),
            "interval": Kind(choices=("z", "t", "HKSJ", "HKSJ-floor")),
            "names": ("none",),
        },
    ),
    **{
        f"pool, {name}": Base(lam.pool, functools.partial(_one_stage, name, source, options), {"nagq": COUNT, **kinds})
        for name, source, options, kinds in (
            (
                "glmm",
                two_by_two,
                {"nagq": 5, "interval": "t"},
                {
                    "tau2": Kind(choices=("ML",)),
                    "interval": Kind(choices=("z", "t")),
                    "nagq": ("none", "two"),
                },
            ),
            ("mh", two_by_two, {"add": 0.5, "to": "all"}, {"add": ("none", *AMOUNT)}),
            ("peto", two_by_two, {}, {}),
            ("beta-binomial", proportions, {}, {}),
            ("gamma-poisson", rates, {}, {}),
            ("common", table, {}, {}),
            ("henmi-copas", table, {}, {"tau2": AMOUNT}),
        )
    },
    "multilevel": Base(
        lam.multilevel,
        lambda: {"evidence": nested(), "random": "1 | study"},
        {
            "random": ("none",),
            "struct": ("none",),
            "R": ("dict",),
            "tau2": Kind(choices=("REML", "ML")),
            "interval": Kind(choices=("z", "t")),
            "dfs": Kind(choices=("residual", "contain")),
            "cluster": Kind(choices=("study", "row")),
        },
    ),
    "multilevel, inner": Base(
        lam.multilevel,
        lambda: {"evidence": nested(), "random": "arm | study", "struct": "CS"},
        {
            "random": Kind(skip="without an inner level the structure has nothing to describe"),
            "R": ("dict",),
            "struct": Kind(accepts=("none",), choices=tuple(STRUCTURES)),
        },
    ),
    "multilevel, matrix": Base(
        lam.multilevel,
        lambda: {
            "evidence": nested(),
            "random": "1 | study",
            "moderators": X(),
            "names": ["one", "dose"],
            "interval": "t",
            "dfs": "contain",
        },
        {"random": ("none",), "struct": ("none",), "R": ("dict",), "names": ("none",)},
    ),
    "cluster_robust": Base(
        lam.cluster_robust,
        lambda: {"fit": levels(), "cluster": "study"},
        {
            "kind": Kind(choices=("CR0", "CR1", "CR2", "CR3")),
            "df": Kind(choices=("Satterthwaite", "n-p", "n-1", "z")),
        },
    ),
    "location_scale": Base(
        lam.location_scale,
        lambda: {"evidence": table(), "scale": "~ dose"},
        {
            "link": Kind(choices=("log", "identity")),
            "tau2": Kind(choices=("REML", "ML")),
            "interval": Kind(choices=("z", "t")),
        },
    ),
    "robust_random_effects": Base(
        lam.robust_random_effects,
        lambda: {"evidence": table()},
        {
            "df": Kind(accepts=("two", "inf"), choices=("estimate",)),
            "interval": Kind(choices=("profile", "z")),
        },
    ),
    "robust_variance": Base(
        lam.robust_variance,
        lambda: {"evidence": nested()},
        {
            "rho": ("zero", "half", "none"),
            "small": FLAG,
            "working": Kind(choices=("CORR", "HIER")),
        },
    ),
    "checks.wild_bootstrap": Base(
        lam.checks.wild_bootstrap,
        lambda: {"fit": clustered()},
        {
            "signs": Kind(choices=("rademacher", "webb")),
        },
    ),
    "checks.bootstrap_prediction": Base(
        lam.checks.bootstrap_prediction,
        lambda: {"evidence": table(), "draws": 1000, "seed": 1},
        {
            "seed": ("zero", "two"),
        },
    ),
    "subgroups": Base(
        lam.subgroups,
        lambda: {"evidence": table(), "by": "kind", "tau2": "DL", "interval": "z"},
        {
            "common_tau2": FLAG,
            "tau2": Kind(accepts=("none", *AMOUNT), choices=tuple(TAU2)),
            "interval": Kind(accepts=("none",), choices=tuple(INTERVALS)),
        },
    ),
    "permutation_test": Base(
        lam.permutation_test,
        lambda: {"fit": pooled(), "draws": 99, "seed": 1},
        {
            "exact": FLAG,
            "draws": COUNT,
            "limit": ("zero", "two"),
            "engine": Kind(choices=("auto", "numpy", "numba")),
        },
    ),
    "permutation_test, regression": Base(
        lam.permutation_test,
        lambda: {
            "fit": regression(),
            "draws": 99,
            "seed": 1,
            "exact": False,
        },
        {
            "exact": Kind(skip="as above; all 40320 orders take a second"),
            "draws": COUNT,
            "limit": ("zero", "two"),
        },
    ),
    "pool_many": Base(
        lam.pool_many,
        lambda: {"yi": [YI, YI], "vi": [VI, VI]},
        {
            "tau2": Kind(accepts=AMOUNT, choices=tuple(TAU2)),
            "interval": Kind(choices=("z", "t", "HKSJ", "HKSJ-floor")),
            "engine": Kind(choices=("auto", "numpy", "numba")),
        },
    ),
    "pool_many, offsets": Base(lam.pool_many, lambda: {"yi": YI, "vi": VI, "offsets": [0, 3, 8]}, {"tau2": AMOUNT}),
    "checks.tau2_standard_error": Base(
        lam.checks.tau2_standard_error,
        lambda: {
            "method": "DL",
            "y": np.array(YI),
            "v": np.array(VI),
            "t": 0.01,
        },
        {"method": Kind(choices=tuple(TAU2)), "t": AMOUNT},
    ),
    "beta_binomial": Base(lam.counts.beta_binomial, lambda: {"evidence": proportions()}),
    "gamma_poisson": Base(lam.counts.gamma_poisson, lambda: {"evidence": rates()}),
    "glmm": Base(
        lam.counts.glmm,
        lambda: {"evidence": proportions()},
        {
            "nagq": COUNT,
            "coding": ("half",),
            "model": Kind(choices=("one-arm",)),
            "interval": Kind(choices=("z", "t")),
            "tau2": Kind(choices=("ML", "none")),
            "prediction": Kind(choices=("profile", "HTS", "none")),
        },
    ),
    "glmm, arms": Base(
        lam.counts.glmm,
        lambda: {"evidence": two_by_two(), "model": "UM.RS", "nagq": 3},
        {
            "nagq": ("none", "two"),
            "coding": ("zero", "half"),
            "model": Kind(accepts=("none",), choices=("CM.EL", "UM.FS")),
            "correlated": FLAG,
            "drop00": FLAG,
        },
    ),
    "mantel_haenszel": Base(
        lam.counts.mantel_haenszel,
        lambda: {"evidence": two_by_two(), "add": 0.5, "to": "all"},
        {
            "measure": Kind(choices=("OR", "RR", "RD")),
            "correct": Kind(accepts=("none", "true")),
            "add": AMOUNT,
            "variance": Kind(choices=("sato",)),
            "to": Kind(choices=("none", "only0", "all", "if0all")),
        },
    ),
    "mantel_haenszel_test": Base(
        mantel_haenszel_test,
        lambda: {"evidence": two_by_two(), "add": 0.5, "to": "all"},
        {
            "measure": Kind(choices=("OR", "IRR")),
            "correct": FLAG,
            "add": AMOUNT,
            "to": Kind(choices=("none", "only0", "all", "if0all")),
        },
    ),
    "peto": Base(
        lam.counts.peto,
        lambda: {"evidence": two_by_two(), "add": 0.5, "to": "all"},
        {
            "add": AMOUNT,
            "to": Kind(choices=("none", "only0", "all", "if0all")),
        },
    ),
    # checks
    "leave_one_out": Base(lam.leave_one_out, lambda: {"fit": pooled()}, {"term": Kind(choices=("mu",))}),
    "cumulative": Base(
        lam.cumulative, lambda: {"fit": pooled(), "order": list(range(8))}, {"term": Kind(choices=("mu",))}
    ),
    "influence": Base(lam.influence, lambda: {"fit": pooled()}),
    "checks.residuals": Base(lam.checks.residuals, lambda: {"fit": pooled()}),
    "checks.wald_test": Base(lam.checks.wald_test, lambda: {"fit": regression(), "matrix": [[0.0, 1.0]]}),
    "checks.likelihood_ratio_test": Base(
        lam.checks.likelihood_ratio_test,
        lambda: {
            "fit": likelihood_regression(),
            "reduced": lam.pool(table(), model="random", tau2="ML"),
        },
    ),
    "checks.small_study_test": Base(
        lam.checks.small_study_test,
        lambda: {"fit": pooled()},
        {
            "method": Kind(choices=tuple(SMALL_STUDY_TESTS)),
            "predictor": Kind(choices=("sei", "vi")),
        },
    ),
    "checks.egger_test": Base(lam.checks.egger_test, lambda: {"fit": pooled()}),
    "checks.trim_and_fill": Base(
        lam.checks.trim_and_fill,
        lambda: {"fit": pooled()},
        {
            "estimator": Kind(choices=("L0", "R0", "Q0")),
            "side": Kind(choices=("left", "right")),
        },
    ),
    "checks.fail_safe_n": Base(
        lam.checks.fail_safe_n,
        lambda: {"fit": pooled()},
        {
            "kind": Kind(choices=("Rosenthal", "Orwin", "Rosenberg", "General")),
            "alpha": (),
            "weighted": FLAG,
            "null": Kind(choices=("identical", "heterogeneous")),
        },
    ),
    "checks.fail_safe_n, Orwin": Base(
        lam.checks.fail_safe_n,
        lambda: {"fit": pooled(), "kind": "Orwin", "target": 0.1},
        {
            "target": ("none", *AMOUNT),
            "weighted": FLAG,
        },
    ),
    "checks.fail_safe_n, General": Base(
        lam.checks.fail_safe_n,
        lambda: {"fit": pooled(), "kind": "General", "null": "identical"},
        {
            "kind": Kind(skip="as above"),
            "target": Kind(accepts=AMOUNT, nan=("tau2_then", "then")),
            "weighted": FLAG,
        },
    ),
    "checks.with_null_studies": Base(
        lam.checks.with_null_studies,
        lambda: {"fit": pooled(), "n": 2},
        {"n": ("zero", "two", "one"), "null": Kind(choices=("identical", "heterogeneous"))},
    ),
    "checks.test_excess_significance": Base(
        lam.checks.test_excess_significance,
        lambda: {"fit": pooled()},
        {
            "kind": Kind(choices=("exact", "chi2", "binomial")),
            "limit_alpha": Kind(accepts=("half",), nan=("limit",)),
            "alternative": Kind(choices=("two-sided", "greater", "less")),
        },
    ),
    "checks.radial": Base(lam.checks.radial, lambda: {"fit": pooled()}),
    "checks.baujat": Base(lam.checks.baujat, lambda: {"fit": pooled()}),
    "checks.normal_quantiles": Base(
        lam.checks.normal_quantiles,
        lambda: {"fit": pooled()},
        {
            "residual": Kind(choices=("standardized", "studentized")),
        },
    ),
    "checks.gosh": Base(
        lam.checks.gosh,
        lambda: {"fit": pooled(), "subsets": 20, "seed": 1},
        {"subsets": COUNT, "seed": ("zero", "two"), "term": Kind(choices=("mu",))},
    ),
    "checks.multiverse": Base(
        lam.checks.multiverse,
        lambda: {
            "evidence": table(),
            "tau2": ["DL"],
            "interval": ["z"],
            "bayes": False,
            "threshold": 0.1,
            "level": 0.9,
        },
        {"threshold": Kind(accepts=("zero", "half", "two", "one", "minus", "minus half", "none")), "bayes": ("true",)},
    ),
    "checks.rounding_interval": Base(
        lam.checks.rounding_interval,
        lambda: {
            "fit": pooled(),
            "yi_bounds": np.column_stack([pooled().table.yi - 0.01, pooled().table.yi + 0.01]),
            "vi_bounds": np.column_stack([pooled().table.vi, pooled().table.vi]),
            "draws": 4,
            "seed": 1,
        },
        {"draws": Kind(accepts=("zero", "two")), "seed": Kind(accepts=("zero", "two", "none"))},
    ),
    "checks.likelihood_profile": Base(
        lam.checks.likelihood_profile,
        lambda: {"fit": pooled(), "tau2": [0.0, 0.1]},
        {
            "tau2": ("zero", "half", "two", "one"),
        },
    ),
    "checks.selection_model": Base(
        lam.checks.selection_model,
        lambda: {"fit": likelihood_fit(), "steps": 0.025},
        {
            "kind": Kind(choices=("stepfun", "beta", "negexppow")),
            "alternative": Kind(choices=("greater", "less")),
            "steps": ("half", "one"),
            "precision": Kind(choices=("sei", "vi")),
        },
    ),
    "checks.selection_model, negexp": Base(
        lam.checks.selection_model,
        lambda: {
            "fit": likelihood_fit(),
            "kind": "negexp",
            "delta": 1.0,
            "precision": "sei",
        },
        {
            "kind": Kind(skip="as above"),
            "steps": ("half", "one"),
            "delta": ("none", "zero", "half", "two", "one"),
            "precision": Kind(accepts=("none",), choices=("sei", "vi")),
        },
    ),
    "checks.combine_p_values": Base(
        lam.checks.combine_p_values,
        lambda: {"p": [0.01, 0.2, 0.4]},
        {
            "method": Kind(choices=tuple(COMBINATIONS)),
        },
    ),
    **{
        f"checks.combine_p_values, {method}": Base(
            lam.checks.combine_p_values,
            lambda method=method, options=options: {"p": [0.01, 0.2, 0.4], "method": method, **options},
            {"method": Kind(skip="as above"), **kinds},
        )
        for method, options, kinds in (
            ("stouffer", {"weights": [1, 2, 3]}, {"weights": ("none",)}),
            ("wilkinson", {"rank": 1}, {"rank": COUNT}),
            ("invchisq", {"df": 3}, {"df": POSITIVE}),
            ("invt", {"df": 3}, {}),
            ("truncated", {"threshold": 0.5}, {"threshold": ("half",)}),
        )
    },
    "checks.pet_peese": Base(lam.checks.pet_peese, lambda: {"fit": pooled()}),
    "checks.shrinkage": Base(lam.checks.shrinkage, lambda: {"fit": pooled()}),
    # units, questions, registry
    "foundation.units.unit": Base(unit, lambda: {"symbol": "mL/month"}, {"symbol": Kind(choices=("mL/month",))}),
    "foundation.units.factor": Base(
        factor,
        lambda: {"source": "mL/month", "target": "mL/year"},
        {
            "source": Kind(choices=("mL/month",)),
            "target": Kind(choices=("mL/month",)),
        },
    ),
    "foundation.units.convert": Base(
        convert, lambda: {"value": 2.0, "source": "mL/month", "target": "mL/year"}, {"value": NUMBER}
    ),
    "questions.load_questions": Base(
        questions.load_questions,
        lambda: {
            "folder": folder(),
            "vocabulary": registry().vocabulary,
            "root": folder(),
        },
        {"folder": ("text",), "root": ("none", "text")},
    ),
    "questions.Question": Base(
        questions.Question,
        lambda: {
            "id": "Q1",
            "title": "t",
            "estimand": "e",
            "outcome": "fev1",
            "kind": "rate",
            "compare": "single_arm",
            "measure": "IRLN",
        },
        {
            **dict.fromkeys(("id", "estimand", "outcome", "measure", "higher_is", "registered", "path"), TEXT),
            **dict.fromkeys(("prefer", "primary", "read_as", "model", "bayes"), ("dict",)),
            "reads": ("blank",),
            "pooled": FLAG,
            "unit": (),
            "kind": Kind(choices=("rate", "paired")),
            "compare": Kind(choices=("single_arm",)),
            "rows": Kind(choices=("study", "subject")),
        },
    ),
    "questions.Judged": Base(questions.Judged, lambda: {"judgement": "low", "because": "x"}, WORDS),
    "questions.Upgrade": Base(
        questions.Upgrade, lambda: {"levels": 1, "because": "x"}, {"levels": COUNT, "because": ("text",)}
    ),
    "questions.InformationSize": Base(
        questions.InformationSize,
        lambda: {"because": "x", "risk": 0.2, "relative_reduction": 0.25},
        {
            "because": ("text",),
            **dict.fromkeys(("risk", "relative_reduction"), Kind(accepts=("half",))),
            **dict.fromkeys(("difference", "sd"), Kind(accepts=("none",))),
        },
    ),
    "questions.StatedBaseline": Base(
        questions.StatedBaseline, lambda: {"at": (0.2,), "because": "x"}, {"because": ("text",), "time": TEXT}
    ),
    "questions.Judgements": Base(
        questions.Judgements,
        dict,
        {
            **dict.fromkeys(("start", "certainty", "information", "baseline"), Kind(accepts=("none",))),
            **dict.fromkeys(("domains", "upgrades"), Kind(accepts=("dict",))),
            "judged_by": TEXT,
        },
    ),
    "questions.judgements_of": Base(
        questions.judgements_of, lambda: {"given": {"thresholds": [1.0]}}, {"given": Kind(accepts=("dict",))}
    ),
    "reports.grade": Base(lam.reports.grade, lambda: {"fit": pooled()}, {"judgements": ("none", "dict")}),
    "reports.summary_of_findings": Base(
        lam.reports.summary_of_findings, lambda: {"profiles": {"one": lam.reports.grade(pooled())}}
    ),
    "reports.prisma": Base(lam.reports.prisma, lambda: {"source": ABSTRACTS}),
    "questions.Variation": Base(
        questions.Variation,
        lambda: {"name": "s", "because": "b"},
        {
            **dict.fromkeys(("name", "because"), TEXT),
            **dict.fromkeys(("eligibility", "primary", "prefer", "read_as", "model", "bayes"), ("dict",)),
            "correlation": ("none", "minus", "minus half", "zero", "half"),
        },
    ),
    "questions.varied": Base(
        questions.varied, lambda: {"question": a_question(), "variation": questions.Variation("s", "b")}
    ),
    "effects.delta": Base(
        lam.effects.delta,
        lambda: {"estimates": {"a": 1.0, "b": 2.0}, "functions": {"ratio": "a / b"}, "vi": {"a": 0.01, "b": 0.02}},
    ),
    "load_registry": Base(
        lam.load_registry,
        lambda: {"path": folder(), "strict": False},
        {
            "path": ("none", "text"),
            "strict": FLAG,
        },
    ),
    "registry.read_records": Base(
        read_records,
        lambda: {"path": folder(), "strict": False},
        {"path": ("none", "text"), "strict": FLAG},
    ),
    "sheets.read_sheet": Base(read_sheet, lambda: {"path": sheet_file()}, SHEET_WORDS),
    "audit.audit_file": Base(audit_file, lambda: {"path": sheet_file()}, SHEET_WORDS),
    "audit.audit_table": Base(audit_table, lambda: {"frame": pd.read_csv(sheet_file())}, SHEET_WORDS),
    "audit.audit": Base(audit, lambda: {"registry": registry()}),
    "Registry.study": Base(registry().study, lambda: {"study_id": next(iter(registry().by_id))}),
    "Registry.question": Base(registry().question, lambda: {"question_id": next(iter(registry().questions))}),
    "Registry.sensitivity": Base(registry().sensitivity, lambda: {"question": next(iter(registry().questions))}),
    "audit.barred": Base(barred, lambda: {"registry": registry()}),
    "Registry.evidence": Base(registry().evidence, lambda: {"question": next(iter(registry().questions))}),
    "Registry.findings": Base(
        registry().findings,
        dict,
        {
            "kind": Kind(choices=("rate", "paired")),
            "phase": Kind(choices=("baseline",)),
        },
    ),
    # results: what their methods take
    "Pooled.prediction": Base(pooled().prediction, dict),
    "Pooled.absolute": Base(
        lam.pool(two_by_two(), model="random").absolute,
        lambda: {"baseline": 0.1},
        {"baseline": ("half", "one"), "time": TEXT},
    ),
    "Pooled.marginal_interval": Base(lam.pool(proportions(), model="random").marginal_interval, dict),
    "DeltaEstimates.to_table": Base(delta_estimates().to_table, dict, {"study": TEXT}),
    **{
        f"SelectionModel.{method}": Base(getattr(selected(), method), dict)
        for method in ("interval", "delta_interval", "tau2_interval")
    },
    "Pooled.refit": Base(pooled().refit, lambda: {"evidence": table()}),
    "Pooled.without": Base(pooled().without, lambda: {"study": pooled().table.studies[0]}),
    "Pooled.refit_each": Base(
        pooled().refit_each, lambda: {"masks": ~np.eye(pooled().k, dtype=bool)}, {"progress": ("none", "class")}
    ),
    **{
        f"{name}.{method}": Base(getattr(make(), method), dict)
        for name, make in (("Pooled", pooled), ("Regression", regression), ("LocationScale", located))
        for method in ("interval", "intervals", "display", "tidy", "augment", "study_effects")
    },
    "Pooled.predict": Base(pooled().predict, dict, {"new": ("none",)}),
    "Regression.refit": Base(regression().refit, lambda: {"evidence": table()}),
    "Regression.without": Base(regression().without, lambda: {"study": regression().table.studies[0]}),
    "Regression.refit_each": Base(
        regression().refit_each, lambda: {"masks": ~np.eye(regression().k, dtype=bool)}, {"progress": ("none", "class")}
    ),
    "Regression.probability": Base(regression().probability, lambda: {"statement": "dose < 0"}),
    "Regression.i2_interval": Base(regression().i2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Regression.h2_interval": Base(regression().h2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "LocationScale.refit": Base(located().refit, lambda: {"evidence": table()}),
    "LocationScale.without": Base(located().without, lambda: {"study": located().table.studies[0]}),
    "LocationScale.probability": Base(located().probability, lambda: {"statement": "overall < 0"}),
    "PooledMany.tidy": Base(lam.pool_many([YI, YI], [VI, VI]).tidy, dict),
    "BootstrapPrediction.tidy": Base(drawn().tidy, dict),
    "Pooled.probability": Base(pooled().probability, lambda: {"statement": "theta_new < 0"}),
    "Pooled.tau2_interval": Base(pooled().tau2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Pooled.i2_interval": Base(pooled().i2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Pooled.h2_interval": Base(pooled().h2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Regression.tau2_interval": Base(regression().tau2_interval, dict, {"method": Kind(choices=tuple(TAU2_INTERVALS))}),
    "Regression.contrasts": Base(regression().contrasts, lambda: {"matrix": [[0.0, 1.0]]}),
    "Regression.test": Base(regression().test, lambda: {"columns": [1]}, {"columns": ("none",)}),
    "Regression.predict": Base(
        regression().predict,
        lambda: {"new": {"dose": [1.0, 2.0]}},
        {"new": Kind(accepts=("minus", "minus half", "zero", "half", "two", "empty", "one"))},
    ),
    "MultilevelPooled.interval": Base(levels().interval, dict),
    "MultilevelPooled.prediction": Base(levels().prediction, dict),
    "MultilevelPooled.random_effects": Base(levels().random_effects, dict),
    "MultilevelPooled.predict": Base(levels().predict, dict, {"new": REALS}),
    "MultilevelPooled.against": Base(
        levels().against,
        lambda: {
            "reduced": lam.multilevel(nested(), random=None, tau2="REML"),
        },
    ),
    "MultilevelPooled.component_interval": Base(
        levels().component_interval,
        lambda: {"name": "sigma2"},
        {
            "index": ("zero",),
        },
    ),
    "ClusterRobust.wald": Base(clustered().wald, lambda: {"tested": [0]}),
    "LocationScale.predict": Base(located().predict, dict),
    "RobustPooled.interval": Base(heavy().interval, dict),
    "RobustPooled.prediction": Base(heavy().prediction, dict),
    "RobustVariance.interval": Base(lam.robust_variance(nested()).interval, dict),
    "BootstrapPrediction.interval": Base(drawn().interval, dict),
    "BootstrapPrediction.mean_interval": Base(drawn().mean_interval, dict),
    "BootstrapPrediction.probability": Base(drawn().probability, lambda: {"statement": "theta_new < 0"}),
    "PooledMany.interval": Base(lam.pool_many([YI, YI], [VI, VI]).interval, dict),
    "GlmmPooled.interval": Base(one_stage().interval, dict),
    "GlmmPooled.prediction": Base(one_stage().prediction, dict),
    "GlmmPooled.study_effects": Base(one_stage().study_effects, dict),
    "GlmmPooled.profile_interval": Base(one_stage().profile_interval, dict),
    "GlmmPooled.tau2_interval": Base(one_stage().tau2_interval, dict, {"kind": Kind(choices=("profile",))}),
    "GlmmPooled.probability": Base(one_stage().probability, lambda: {"statement": "theta_new < 0"}),
    "GlmmPooled.without": Base(one_stage().without, lambda: {"study": "b"}),
    "GlmmPooled.refit": Base(one_stage().refit, lambda: {"evidence": proportions()}),
    "GlmmPooled.display": Base(one_stage().display, dict),
    "GlmmPooled.tidy": Base(one_stage().tidy, dict),
    "GlmmPooled.augment": Base(one_stage().augment, dict),
    "GlmmRegression.interval": Base(one_stage_regression().interval, dict),
    "GlmmRegression.test": Base(one_stage_regression().test, lambda: {"columns": [1]}, {"columns": ("none",)}),
    "GlmmRegression.predict": Base(
        one_stage_regression().predict,
        lambda: {"new": {"x": [1.0, 2.0]}},
        {"new": Kind(accepts=("minus", "minus half", "zero", "half", "two", "empty", "one"))},
    ),
    "GlmmRegression.probability": Base(one_stage_regression().probability, lambda: {"statement": "x < 0"}),
    "SparsePooled.interval": Base(lam.counts.peto(two_by_two()).interval, dict),
    "MixedPooled.interval": Base(lam.counts.beta_binomial(proportions()).interval, dict),
    "Measure.label": Base(MEASURES["OR"].label, dict, {"transformed": FLAG}),
    "Measure.check_options": Base(MEASURES["OR"].check_options, lambda: {"given": {"add": 0.5}}, {"given": ("dict",)}),
    "Catalog.entry": Base(TAU2.entry, lambda: {"code": "DL"}, {"code": Kind(choices=tuple(TAU2))}),
}

REASONS = {
    "audit.CheckRun": "made by audit_file",
    "audit.SheetAudit": "made by audit_file",
    "sheets.Column": "made by read_sheet",
    "sheets.Sheet": "made by read_sheet",
    "Sheet.place": "takes a row that the reader made",
    "audit.audit_study": "takes a study that the registry made",
    "pooling.Pooled": "made by pool",
    "Pooled.plot": "options of the figure, swept there",
    "Question.preferred": "takes findings that the selection made",
    "Registry": "made by load_registry",
    "checks.CheckTable": "made by the checks",
    "reports.GradeDomain": "made by grade",
    "reports.GradeProfile": "made by grade",
    "reports.PrismaFlow": "made by prisma",
    "PrismaFlow.plot": "options of the figure, swept there",
    "reports.SummaryOfFindings": "made by summary_of_findings",
    "checks.RoundingInterval": "made by rounding_interval",
    "checks.Multiverse": "made by multiverse",
    "Multiverse.plot": "hands its options to a function of plots",
    "Multiverse.again": "takes the position of a row; refused in words by a_whole",
    "Multiverse.shares": "refused in words in tests/checks/test_multiverse.py",
    "checks.ModelTest": "made by wald_test",
    "checks.SmallStudyTest": "made by small_study_test",
    "checks.TrimAndFill": "made by trim_and_fill",
    "checks.FailSafeN": "made by fail_safe_n",
    "checks.ExcessSignificance": "made by test_excess_significance",
    "checks.SelectionModel": "made by selection_model",
    "effects.DeltaEstimates": "made by effects.delta",
    "ModelCheck.plot": "hands its options to a function of plots",
    "RoundingInterval.plot": "hands its options to a function of plots",
    "checks.CombinedP": "made by combine_p_values",
    "checks.CheckResult": "made by the checks",
    "checks.LooPit": "made by loo_pit",
    "checks.ModelCheck": "made by model_check",
    "checks.NullStudies": "made by with_null_studies",
    "checks.PredictiveCheck": "made by predictive_check",
    "CheckResult.plot": "hands its options to a function of plots",
    "CheckTable.plot": "hands its options to a function of plots",
    "CombinedP.plot": "hands its options to a function of plots",
    "ExcessSignificance.plot": "hands its options to a function of plots",
    "FailSafeN.plot": "hands its options to a function of plots",
    "LooPit.plot": "hands its options to a function of plots",
    "ModelTest.plot": "hands its options to a function of plots",
    "PetPeese.plot": "hands its options to a function of plots",
    "PredictiveCheck.plot": "hands its options to a function of plots",
    "SelectionModel.plot": "hands its options to a function of plots",
    "SmallStudyTest.plot": "hands its options to a function of plots",
    "TrimAndFill.plot": "hands its options to a function of plots",
    "PredictiveCheck.p": "swept with the posteriors",
    "PredictiveCheck.intervals": "swept with the posteriors",
    "checks.PetPeese": "made by pet_peese",
    "LamEvidenceError": "takes any message",
    "EvidenceWarning": "takes any message",
    "effects.recovery.MeanSd": "made by mean_sd_from_quantiles",
    "effects.recovery.Rule": "made by the catalogue",
    "effects.measures.Estimates": "made by escalc",
    "effects.measures.Measure": "made by the catalogue",
    "effects.measures.FloatArray": "a type",
    "effects.Row": "made by EvidenceTable",
    "effects.Excluded": "made by EvidenceTable",
    "foundation.units.a_unit": "reads an option of others, whose base calls sweep it",
    "registry.RegistryRecords": "made by read_records",
    "RegistryRecords.findings": "swept as Registry.findings",
    "RegistryRecords.study": "swept as Registry.study",
    "foundation.catalog.Catalog": "for the package's own methods",
    "foundation.catalog.Entry": "made by Catalog.register",
    "foundation.units.Unit": "made by units.unit",
    "foundation.values.Interval": "a plain pair",
    "Catalog.register": "for the package's own methods",
    "pool_arrow": "tests/nonsense/test_nonsense_data.py",
    "pool_dataset": "tests/nonsense/test_nonsense_data.py",
}
"""Public name → why it has no base call of its own."""
