"""Every parameter of mixture priors, of predictive priors and of the next trial, fed with nonsense."""

import inspect

import pandas as pd
import pytest

import lamevidence as lam
from tests.nonsense.sweep import (
    BELOW_ONE,
    NUMBER,
    POSITIVE,
    TEXT,
    Base,
    Kind,
    public_callables,
    public_methods,
    sweep,
    uncovered,
)
from tests.nonsense.test_nonsense_bayes import UNIT, post

P, S = lam.priors, lam.synthesis
NORMALS, BETAS, GAMMAS = (
    P.MixtureOfNormals((0.5, 0.5), (0, 1), (1, 2)),
    P.MixtureOfBetas((0.5, 0.5), (2, 3), (4, 5)),
    P.MixtureOfGammas((0.5, 0.5), (2, 3), (4, 5)),
)
PRIOR = S.map_prior(post(), 2)


def categories():
    frame = pd.DataFrame({"trial": "A", "what": ["skin", "gut"], "x1i": [9, 4], "t1i": 5.0, "x2i": [2, 3], "t2i": 4.0})
    counts = {name: name for name in ("x1i", "t1i", "x2i", "t2i")}
    return lam.EvidenceTable.from_frame(frame, "IRR", study="what", cluster="trial", **counts)


TRIAL = S.next_trial(n=(5, 4), sd=2.0, control=P.Normal(0, 1), effect=P.Normal(1, 1))
COURSE = pd.DataFrame({"s": list("aabbcc"), "t": [1, 2] * 3, "yi": [1.0, 2, 0, 1, 2, 4], "se": 0.5})
S_COURSE = S.time_course(COURSE, yi="yi", sei="se", study="s", time="t", correlation=0.5, struct="CS")
LOW = ("minus", "minus half", "zero", "half", "one")
ESS = Kind(choices=("elir", "moment", "morita"))
SPREAD = Kind(accepts=("half", "two", "one"))
EVENTS = Kind(accepts=("zero", "half", "two"))
ANYWHERE = Kind(accepts=("minus", "minus half", "zero", "half", "two", "one"))
TRUE = Kind(accepts=(*ANYWHERE.accepts, "matrix", "cube", "frame"))
"""Components take one number in an array as one number; true values come in any shape."""
ROBUST = {"weight": BELOW_ONE, "unit_information": POSITIVE}
BASES = {
    "MixtureOfNormals": Base(
        P.MixtureOfNormals,
        lambda: {"weight": (1.0,), "loc": (0.0,), "scale": (1.0,)},
        {"unit": UNIT, "loc": ANYWHERE, "scale": SPREAD},
    ),
    "MixtureOfBetas": Base(
        P.MixtureOfBetas,
        lambda: {"weight": (1.0,), "a": (2.0,), "b": (1.0,)},
        {"a": SPREAD, "b": SPREAD, "unit": Kind()},
    ),
    "MixtureOfGammas": Base(
        P.MixtureOfGammas,
        lambda: {"weight": (1.0,), "a": (2.0,), "b": (1.0,)},
        {"unit": UNIT, "a": SPREAD, "b": SPREAD},
    ),
    "load_mixture": Base(P.load_mixture, lambda: {"text": NORMALS.to_json()}, {"text": Kind()}),
    "MixtureOfNormals.updated": Base(NORMALS.updated, lambda: {"y": 1.0, "se": 1.0}, {"y": NUMBER, "se": POSITIVE}),
    "MixtureOfBetas.updated": Base(
        BETAS.updated, lambda: {"events": 1, "n": 4}, {"events": EVENTS, "n": Kind(accepts=("two",))}
    ),
    "MixtureOfGammas.updated": Base(
        GAMMAS.updated, lambda: {"events": 1, "exposure": 4}, {"events": EVENTS, "exposure": POSITIVE}
    ),
    "MixtureOfNormals.convert": Base(NORMALS.convert, lambda: {"unit": None}, {"unit": Kind(accepts=("none",))}),
    "MixtureOfNormals.robust": Base(
        NORMALS.robust, lambda: {"weight": 0.2, "unit_information": 3.0}, ROBUST | {"mean": NUMBER}
    ),
    "MixtureOfBetas.robust": Base(BETAS.robust, lambda: {"weight": 0.2}, ROBUST | {"mean": BELOW_ONE}),
    "MixtureOfGammas.robust": Base(GAMMAS.robust, lambda: {"weight": 0.2}, ROBUST | {"mean": POSITIVE}),
    "MixtureOfNormals.ess": Base(
        NORMALS.ess,
        lambda: {"unit_information": 3.0},
        {"kind": ESS, "unit_information": POSITIVE, "likelihood": Kind(choices=("normal", "binomial", "poisson"))},
    ),
    "MixtureOfBetas.ess": Base(BETAS.ess, dict, {"kind": ESS}),
    "MixtureOfGammas.ess": Base(GAMMAS.ess, dict, {"kind": ESS}),
    "map_prior": Base(
        S.map_prior,
        lambda: {"fit": post(), "components": 1},
        {
            "components": Kind(accepts=("two",), choices=("auto", "exact")),
            "scale": Kind(choices=("analysis", "response")),
        },
    ),
    "MapPrior.robust": Base(PRIOR.robust, lambda: {"weight": 0.2, "unit_information": 3.0}, ROBUST | {"mean": NUMBER}),
    "MapPrior.ess": Base(PRIOR.ess, lambda: {"unit_information": 3.0}, {"kind": ESS, "unit_information": POSITIVE}),
    "next_trial": Base(
        S.next_trial,
        lambda: {"n": (5, 4), "sd": 2.0, "control": P.Normal(0, 1), "effect": 1.0, "true_control": 0.0},
        {
            "outcome": Kind(choices=("mean", "proportion")),
            "effect": NUMBER,
            "true_control": NUMBER,
            "true_treated": Kind(accepts=("none",)),
            "sd": POSITIVE,
            "n": Kind(),
            "control": Kind(),
            "decision": Kind(choices=("P(effect > 0) > 0.975",)),
        },
    ),
    "NextTrial.probability_of_success": Base(
        TRIAL.probability_of_success, lambda: {"control": 0.0, "effect": 1.0}, {"control": TRUE, "effect": TRUE}
    ),
    "NextTrial.type_one_error": Base(TRIAL.type_one_error, lambda: {"controls": [0.0]}, {"controls": TRUE}),
    "NextTrial.power": Base(TRIAL.power, lambda: {"effects": [1.0]}, {"effects": TRUE, "control": NUMBER}),
    "NextTrial.smallest_n": Base(
        TRIAL.smallest_n,
        lambda: {"target": 0.4, "most": 200},
        {"target": BELOW_ONE, "of": Kind(choices=("assurance", "power")), "most": Kind(accepts=("overflow",))},
    ),
    "slope_sd": Base(
        S.slope_sd,
        lambda: {"between": 1.0, "within": 1.0, "visits": 3, "years": 1.0},
        {"between": EVENTS, "within": EVENTS, "visits": Kind(accepts=("two",)), "years": POSITIVE},
    ),
}
AVERAGE = S.average_models(post().table, mu=P.Normal(0, 20), tau=P.HalfNormal(4))
COMPONENT = Kind(choices=("effect", "heterogeneity"))
BASES |= {
    "average_models": Base(
        S.average_models,
        lambda: {"evidence": post().table, "mu": P.Normal(0, 20), "tau": P.HalfNormal(4)},
        {
            "null": Kind(accepts=("none", *NUMBER.accepts)),
            "likelihood": Kind(
                choices=("normal", "t", "binomial", "poisson", "hypergeometric", "conditional-binomial")
            ),
            "probability_effect": BELOW_ONE,
            "probability_heterogeneity": BELOW_ONE,
        },
    ),
    "ModelAverage.inclusion_bayes_factor": Base(
        AVERAGE.inclusion_bayes_factor, lambda: {"component": "effect"}, {"component": COMPONENT}
    ),
    "ModelAverage.log_inclusion_bayes_factor": Base(
        AVERAGE.log_inclusion_bayes_factor, lambda: {"component": "effect"}, {"component": COMPONENT}
    ),
    "ModelAverage.probability": Base(AVERAGE.probability, lambda: {"component": "effect"}, {"component": COMPONENT}),
    "ModelAverage.quantile": Base(AVERAGE.quantile, lambda: {"p": 0.5}, {"p": BELOW_ONE}),
    "ModelAverage.interval": Base(AVERAGE.interval, dict),
}
FRAME = pd.DataFrame({"study": list("aabb"), "outcome": list("xzxz"), "yi": [1.0, 2, 3, 4], "sei": [1.0, 1, 2, 2]})
TWO = {
    **{name: name for name in ("yi", "sei", "study", "outcome")},
    "outcomes": ("x", "z"),
    "within_correlation": 0.5,
    "mu": P.Normal(0, 20),
    "tau": P.HalfNormal(4),
    "rho": 0.0,
}
BASES |= {
    "bivariate": Base(
        S.bivariate,
        lambda: {"evidence": FRAME, **TWO},
        {
            "unit": Kind(accepts=("none",)),
            "within_correlation": Kind(accepts=("zero", "half", "minus half")),
            "rho": Kind(accepts=("none", "zero", "half", "minus half")),
        },
    ),
    "synthesis.adverse_event_profile": Base(
        S.adverse_event_profile,
        lambda: {"evidence": categories()},
        {"power": Kind(accepts=("half", "one")), "mu": Kind(accepts=("none",)), "tau": Kind(accepts=("none",))},
    ),
    "time_course": Base(
        S.time_course,
        lambda: {"evidence": COURSE, "yi": "yi", "sei": "se", "study": "s", "time": "t", "correlation": 0.5},
        {
            "correlation": Kind(accepts=("zero", "half")),
            "struct": Kind(choices=("CS", "ID", "DIAG", "HCS", "UN", "AR", "HAR", "CAR")),
            "tau2": Kind(choices=("REML", "ML")),
            "interval": Kind(choices=("z", "t")),
            "unit": Kind(accepts=("none", "text", "blank")),
            "time_unit": TEXT,
            "vi": Kind(accepts=("none",)),
        },
    ),
    "TimeCourse.slope": Base(
        S_COURSE.slope, dict, {"first": Kind(accepts=("none", *LOW)), "last": Kind(accepts=("none", "two"))}
    ),
    "TimeCourse.plateau": Base(
        S_COURSE.plateau,
        dict,
        {"first": Kind(accepts=("none", *LOW, "two")), "last": Kind(accepts=("none", "one", "two"))},
    ),
    "TimeCourse.change": Base(
        S_COURSE.change, lambda: {"first": 1, "last": 2}, {"first": Kind(), "last": Kind(accepts=("two",))}
    ),
    "BivariatePosterior.without": Base(
        S.bivariate(FRAME, **TWO).without, lambda: {"study": "a"}, {"study": Kind(choices=("b",))}
    ),
}
REASONS = {
    "synthesis.AdverseEventProfile": "made by adverse_event_profile; it asks for nothing but axes",
    "synthesis.BivariatePosterior": "made by bivariate; its methods have base calls of their own",
    "synthesis.TimeCourse": "made by time_course; its methods have base calls of their own",
    "synthesis.ModelAverage": "made by average_models; its methods have base calls of their own",
    "synthesis.MapPrior": "made by map_prior; its methods have base calls of their own",
    "synthesis.NextTrial": "made by next_trial; its methods have base calls of their own",
}
HERE = tuple(
    f"lamevidence.synthesis.{name}"
    for name in ("adverse_events", "courses", "model_average", "predictive_prior", "trial_design", "two_outcomes")
)
INNER = {"pdf", "cdf", "sf", "quantile", "interval", "prob", "logpdf", "plot"}
"""Of every distribution; swept on priors and posteriors. Figures take axes alone."""


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    assert "\n".join(sweep(name, BASES[name])) == ""


def ours():
    of_mixtures = ("MixtureOf", "load_mixture")
    return {
        name: item
        for name, item in public_callables().items()
        if str(getattr(item, "__module__", "")).startswith(HERE) or name.rpartition(".")[2].startswith(of_mixtures)
    }


def test_every_public_callable_and_method_is_swept():
    swept = {inspect.unwrap(getattr(base.call, "__func__", base.call)) for base in BASES.values()}
    assert uncovered(ours(), {name for name, item in ours().items() if item in swept}, REASONS) == []
    methods = {n: m for item in ours().values() if inspect.isclass(item) for n, m in public_methods(item).items()}
    inner = {name for name in methods if name.split(".")[1] in INNER}
    assert uncovered(methods, {name for name, item in methods.items() if item in swept}, inner) == []
