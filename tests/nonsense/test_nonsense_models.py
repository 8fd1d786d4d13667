"""Nonsense for PyMC models, their sampling, and what is asked of sampled posteriors; nothing here is sampled."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import lamevidence as lam
from lamevidence.bayes.sampling import sampled_state
from lamevidence.bayes.sampling.arviz_compat import container, datasets
from lamevidence.effects.evidence_table import Excluded
from lamevidence.foundation.errors import DependentRows, InputError, LamEvidenceError, OptionError, SamplingError
from tests.nonsense.sweep import COUNT, FLAG, Base, Kind, sweep

MU, TAU = lam.priors.Normal(0, 20), lam.priors.HalfNormal(4)
PRIORS = {"mu": MU, "tau": TAU}


@functools.cache
def table():
    made = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], moderators={"x": [0, 1, 3]})
    return dataclasses.replace(made, n=[12, 9, 20])


@functools.cache
def counted(measure, **columns):
    frame = pd.DataFrame({name: list(values) for name, values in columns.items()})
    made = lam.EvidenceTable.from_frame(frame, measure, **{name: name for name in columns})
    return dataclasses.replace(made, n=[12] * made.k)


def arms():
    return counted("OR", ai=(1, 3), bi=(14, 9), ci=(4, 5), di=(11, 7))


def rates():
    return counted("IRR", x1i=(2, 3), t1i=(12.0, 20.0), x2i=(5, 4), t2i=(11.0, 19.0))


def one_arm():
    return counted("IRLN", xi=(2, 3), ti=(12.0, 20.0))


def hazards():
    return counted("HAZ", patients=(0, 3), total=(12, 20), time=(1.0, 0.5))


def risks():
    return counted("PLO", xi=(0, 3), ni=(12, 20))


@functools.cache
def model():
    return lam.models.normal_normal(table(), **PRIORS)


class Reached(Exception):
    """The options were read, and the sampler was called."""


def stopped(call):
    """Return the call with its samplers replaced: what they are given is the result."""

    @functools.wraps(call)
    def run(*args, **options):
        def instead(**given):
            raise Reached(given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pm, "sample", instead)
            try:
                call(*args, **options)
            except Reached as found:
                given = dict(*found.args)
                return {name: value for name, value in given.items() if name != "model"}
        return None

    return run


@functools.cache
def sampled():
    """A posterior as the sampler leaves it, of draws that the exact engine made."""
    exact = lam.pool_bayes(table(), likelihood="normal", **PRIORS)
    parts = datasets(lam.to_arviz(exact, 50, 2, 1))
    parts["sample_stats"] = parts["posterior"][["tau"]].rename(tau="diverging")
    attrs = {"sampler": "pymc", "rhat": 1.0, "ess": 400.0, "divergences": 0, "accepted": "", "retried": 0, "seed": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampled_state, "sample", lambda *_, **__: container(parts, attrs))
        return lam.pool_bayes(table(), likelihood="normal", engine="nuts", seed=1, **PRIORS)


M = lam.models
DESIGN = {"moderators": ("none", "frame")}
"""A frame of as many rows as the table is a design."""
BASES = {
    "sample": Base(stopped(lam.models.sample), lambda: {"model": model(), "chains": 4, "cores": 1}, {
        "sampler": Kind(choices=("auto", "pymc", "nutpie")), "chains": COUNT, "cores": Kind(accepts=("two", "none")),
        "progress": FLAG, "allow": ("empty",),
    }),
    "pool_bayes.nuts": Base(stopped(lam.pool_bayes), lambda: {"evidence": table(), "engine": "nuts"} | PRIORS, {
        "mu": Kind(accepts=("none",)), "engine": Kind(choices=("auto", "exact", "nuts")),
        "chains": COUNT, "draws": COUNT, "tune": COUNT,
    }),
    "models.normal_normal": Base(M.normal_normal, lambda: {"evidence": table()} | PRIORS, {
        "parametrisation": Kind(choices=("marginal", "non-centred", "centred")), "mu": ("none",),
    }),
    "models.regression": Base(M.regression, lambda: {"evidence": table(), "moderators": ["x"], "slopes": MU} | PRIORS, {
        "parametrisation": Kind(choices=("marginal", "non-centred", "centred")), "mu": ("none",),
        "moderators": ("none",),
    }),
    "models.student_t": Base(M.student_t, lambda: {"evidence": table()} | PRIORS, {"mu": ("none",)}),
    "models.bivariate": Base(M.bivariate, lambda: {"first": table(), "second": table(), "within": 0.5} | PRIORS, {
        "within": ("zero", "half", "minus half"), "mu": ("none",),
    }),
    "models.binomial": Base(M.binomial, lambda: {"evidence": risks()}, DESIGN),
    "models.poisson": Base(M.poisson, lambda: {"evidence": one_arm(), "tau": TAU}, DESIGN),
    "models.hazard": Base(M.hazard, lambda: {"evidence": hazards()}, DESIGN),
    "models.negative_binomial": Base(M.negative_binomial, lambda: {"evidence": one_arm(), "tau": TAU}, DESIGN),
    "models.contrast": Base(M.contrast, lambda: {"evidence": arms()}, DESIGN),
    "models.hypergeometric": Base(M.hypergeometric, lambda: {"evidence": arms()}, DESIGN),
    "models.conditional_binomial": Base(M.conditional_binomial, lambda: {"evidence": rates()}, DESIGN),
}  # fmt: skip


def _of_sampled():
    post = sampled()
    draws = {"draws": 5, "chains": 2, "seed": 1}
    kind = Kind(choices=("central", "shortest"))
    asked = {
        "predictive_check": (lam.predictive_check, {"fit": post, "statistics": ["q"], "draws": 100}, {
            "statistics": Kind(choices=("q", "max")), "replicate": Kind(choices=("new", "same")),
            "source": Kind(choices=("posterior", "prior")),
        }),
        "predictive_check.arviz": (lam.predictive_check, {"fit": post.idata, "evidence": table()}, {
            "seed": Kind(), "replicate": Kind(choices=("new", "same")), "source": Kind(choices=("posterior", "prior")),
        }),
        "node_split": (lam.checks.node_split, {"fit": post, "by": ["a", "a", "b"]}, {
            "by": Kind(choices=("label", "x"), accepts=("generator",)),
        }),
        "loo_pit": (lam.checks.loo_pit, {"fit": post}, {}),
        "prior_data_conflict": (lam.checks.prior_data_conflict, {"fit": post, "draws": 100, "seed": 1}, {}),
        "interval": (post.interval, {}, {"kind": kind}),
        "prediction": (post.prediction, {}, {"kind": kind}),
        "summary": (post.summary, {}, {"kind": kind}),
        "at": (post.at, {"x": [1.0]}, {"x": ("one", "dict"), "new": FLAG}),
        "probability": (post.probability, {"statement": "mu > 0"}, {}),
        "quantity": (post.quantity, {"name": "mu"}, {"name": Kind(choices=("mu", "tau", "theta_new"))}),
        "draws": (post.draws, draws, {"draws": COUNT, "chains": COUNT}),
        "prior_draws": (post.prior_draws, draws, {"draws": COUNT, "chains": COUNT}),
        "mu.quantile": (post.mu.quantile, {"p": 0.5}, {
            "p": Kind(accepts=("half", "zero", "one", "empty", "matrix", "cube")),
        }),
        "sensitivity": (post.sensitivity, {"tau": [TAU]}, {}),
    }  # fmt: skip
    return {f"sampled.{name}": Base(call, lambda g=g: dict(g), kinds) for name, (call, g, kinds) in asked.items()}


def _of_batches():
    """Many posteriors at once: how they are asked for, and what they are asked."""
    unset = {"yi": Kind(), "vi": Kind(), "df": Kind()}
    priors = {"mu": lam.priors.Normal(0, 4), "tau": lam.priors.HalfNormal(0.5)}
    zero, one = np.zeros((3, 2)), np.ones((3, 2))
    events = {"xi": one, "ni": 5 * one}
    asked = {
        "pool_bayes_many": {"yi": zero, "vi": one},
        "pool_bayes_many.t": {"yi": zero, "vi": one, "df": 5 * one, "likelihood": "t"},
        "pool_bayes_many.binomial": {"counts": events, "likelihood": "binomial"},
    }
    names = ("normal", "t", "binomial", "poisson", "hypergeometric", "conditional-binomial")
    made = {}
    for name, given in asked.items():
        empty = () if "counts" in given else ("dict",)
        kinds = unset | {"likelihood": Kind(choices=names), "counts": Kind(accepts=empty), "mu": Kind(), "tau": Kind()}
        made[name] = Base(lam.pool_bayes_many, lambda given=given: given | priors, kinds)
        many = lam.pool_bayes_many(**given, **priors)
        for m in ("mu_cdf", "tau_cdf", "new_cdf"):
            made[f"{name}.{m}"] = Base(getattr(many, m), lambda: {"x": np.zeros(3)})
    return made


BASES |= _of_sampled() | _of_batches()


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    assert "\n".join(sweep(name, BASES[name])) == ""


@pytest.mark.parametrize("names", ["x", "ab", "", ("", ""), ("a", "a"), ("a", " a"), ("a",), ("a", 2), ("a", "\ud800")])
def test_outcomes_need_two_names(names):
    with pytest.raises(OptionError, match="names="):
        lam.models.bivariate(table(), table(), within=0.5, names=names, **PRIORS)


def test_models_take_independent_rows_alone():
    twice = lam.EvidenceTable.from_estimates([1, 2], vi=[1, 1], labels=["A1", "A2"], studies=["A", "A"])
    tied = dataclasses.replace(table(), V=np.diag(table().vi) + 0.1 * (1 - np.eye(3)))
    for build in (lam.models.normal_normal, functools.partial(lam.models.regression, moderators=None, slopes=MU)):
        with pytest.raises(DependentRows, match="share patients"):
            build(twice, **PRIORS)
        with pytest.raises(OptionError, match="dependent rows"):
            build(tied, **PRIORS)
    with pytest.raises(OptionError, match="dependent rows"):
        lam.models.bivariate(table(), tied, within=0.5, **PRIORS)


@pytest.mark.parametrize("moderators", [["x", "x"], np.ones((3, 2))])
def test_a_column_given_twice(moderators):
    with pytest.raises(OptionError, match="twice"):
        lam.models.regression(table(), moderators, slopes=MU, **PRIORS)


def test_models_that_cannot_be_sampled():
    with pm.Model() as empty:
        pass
    with pm.Model() as unseen:
        pm.Normal("a")
    with pm.Model() as whole:
        pm.Poisson("y", pm.Poisson("a", 2.0) + 1.0, observed=[1, 2])
    for bad, words in ((empty, "free variables and observed"), (unseen, "observed"), (whole, "is discrete")):
        with pytest.raises(OptionError, match=words):
            lam.models.sample(bad)
    with pm.Model() as mixed:
        pm.Normal("y", pm.Normal("a") + pm.Bernoulli("b", 0.5), observed=[1.0])
    with pytest.raises(OptionError, match="nutpie"):
        lam.models.sample(mixed, "nutpie")


def test_a_sampler_that_gives_up_says_so():
    def instead(**_):
        raise pm.exceptions.SamplingError("Initial evaluation of model at starting point failed!")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pm, "sample", instead)
        with pytest.raises(SamplingError, match=r"gave up: Initial evaluation .* ·"):
            lam.models.sample(model(), "pymc")


def test_options_reach_the_sampler():
    given = stopped(lam.models.sample)(
        model(), "pymc", chains=np.int64(3), draws=np.int64(200), tune=300, seed=np.int64(5), cores=2
    )
    assert {type(given[name]) for name in ("chains", "draws", "random_seed", "cores")} == {int}
    expected = {"chains": 3, "draws": 200, "tune": 300, "random_seed": 5, "cores": 2, "progressbar": False}
    assert {name: given[name] for name in expected} == expected
    assert given["nuts_sampler"] == "pymc"


def test_an_arviz_object_keeps_its_replicates():
    for option in ({"draws": 4000}, {"seed": 1}, {"replicate": "same"}, {"source": "prior"}):
        with pytest.raises(OptionError, match="leave replicate, draws, seed and source out"):
            lam.predictive_check(sampled().idata, evidence=table(), **option)
    with pytest.raises(OptionError, match="leave evidence out"):
        lam.predictive_check(sampled(), evidence=table())


HALF = "A\ud800"


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": (HALF, "B", "C")}, {"studies": (HALF, "B", "C")}, {"groups": (HALF, "B", "C")},
        {"designs": (HALF, "B", "C")}, {"arms": (HALF, "B")}, {"notes": (HALF,)}, {"title": HALF}, {"unit": HALF},
        {"moderators": {HALF: [1, 2, 3]}}, {"moderators": {"drug": [HALF, "B", "C"]}},
        {"moderators": {"drug": np.array([HALF, "B", "C"])}}, {"counts": {HALF: [1, 2, 3]}},
        {"excluded": (Excluded(HALF, "no control"),)}, {"excluded": (Excluded("D", HALF),)},
    ],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_text_that_no_file_can_hold_is_refused(fields):
    with pytest.raises((InputError, OptionError), match=r"\\ud800.* ·"):
        dataclasses.replace(table(), **fields)


def test_such_text_is_refused_wherever_a_table_is_made():
    frame = pd.DataFrame({"ai": [1, 3], "bi": [14, 9], "ci": [4, 5], "di": [11, 7]})
    frame["study"] = pd.Series([HALF, "B"], dtype=object)
    with pytest.raises(LamEvidenceError, match="UTF-8"):
        lam.EvidenceTable.from_frame(frame, "OR", ai="ai", bi="bi", ci="ci", di="di", study="study")
    with pytest.raises(LamEvidenceError, match="UTF-8"):
        lam.EvidenceTable.from_estimates([1, 2], vi=[1, 1], labels=[HALF, "B"])
    with pytest.raises(LamEvidenceError, match="UTF-8"):
        lam.network.NetworkTable(yi=[0.5], vi=[0.04], first=[HALF], second=["b"], studies=["1"])
    with pytest.raises(LamEvidenceError, match="UTF-8"):
        lam.forest(lam.pool(table()), group=[HALF, "B", "B"])
    with pytest.raises(LamEvidenceError, match="UTF-8"):
        lam.checks.node_split(sampled(), by=[HALF, "B", "B"])
    with pytest.raises(LamEvidenceError, match="is not a path"):
        lam.save_posterior(sampled(), f"{HALF}.nc")


def test_a_batch_reads_places_on_the_edge():
    many = lam.pool_bayes_many(
        np.zeros((3, 2)), np.ones((3, 2)), mu=lam.priors.Normal(0, 4), tau=lam.priors.HalfNormal(0.5)
    )
    ends = [-np.inf, -1.0, np.inf]
    assert many.tau_cdf(ends).tolist() == [0.0, 0.0, 1.0]
    assert many.mu_cdf(ends)[[0, 2]].tolist() == pytest.approx([0.0, 1.0])
    with pytest.raises(OptionError, match="mapping"):
        lam.pool_bayes_many(counts={"yi": [[1.0]]}, mu=MU, tau=TAU)
    with pytest.raises(InputError, match="below 1e"):
        lam.pool_bayes_many([[1e200]], [[1.0]], mu=MU, tau=TAU)
