"""Nonsense for the Bayesian half: priors, fits, every question to a result, checks, files of draws."""

from __future__ import annotations

import functools
import tempfile

import h5py
import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.bayes.counts.likelihoods import LIKELIHOODS
from lamevidence.foundation.errors import InputError, LamEvidenceError, OptionError, UnknownName
from tests.nonsense.sweep import COUNT, FLAG, NUMBER, POSITIVE, TEXT, Base, Kind, sweep

P = lam.priors
TAU, MU = lam.priors.HalfNormal(4), lam.priors.Normal(0, 20)


@functools.cache
def table():
    return lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], moderators={"x": [0, 1, 3]})


@functools.cache
def table_with_n():
    return lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], n=[20, 30, 12])


@functools.cache
def post():
    return lam.pool_bayes(table(), mu=MU, tau=TAU)


@functools.cache
def regressed():
    return lam.pool_bayes(table(), mu=[MU, MU], tau=TAU, moderators=["x"])


@functools.cache
def events():
    frame = pd.DataFrame({"ai": [1, 3, 0], "bi": [14, 9, 12], "ci": [4, 5, 2], "di": [11, 7, 9]})
    return lam.pool_bayes(lam.EvidenceTable.from_frame(frame, "OR", ai="ai", bi="bi", ci="ci", di="di"))


@functools.cache
def proportions():
    frame = pd.DataFrame({"xi": [1, 3, 0], "ni": [15, 12, 12]})
    return lam.pool_bayes(lam.EvidenceTable.from_frame(frame, "PLO", xi="xi", ni="ni"))


@functools.cache
def ratios():
    frame = pd.DataFrame({"ai": [1, 3, 2], "n1i": [15, 12, 12], "ci": [4, 6, 5], "n2i": [14, 12, 13]})
    table = lam.EvidenceTable.from_frame(frame, "OR", ai="ai", n1i="n1i", ci="ci", n2i="n2i")
    return lam.pool_bayes(table, mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(0.5))


UNIT = Kind(choices=("mL/year",))
SHAPES = dict.fromkeys(("scale", "df", "shape", "high", "sdlog"), POSITIVE)
ARRAYS = ("one", "empty", "matrix", "cube", "frame")
PLACES = Kind(accepts=("half", "two", "zero", "minus", "minus half", "inf", "minus inf", *ARRAYS))
CHANCES = Kind(accepts=("half", "zero", "one", "empty", "matrix", "cube"))
KIND = Kind(choices=("central", "shortest"))
ENDS = Kind(accepts=("minus", "minus half", "zero", "half", "two", "inf", "minus inf"))


def _priors():
    plain = {
        "HalfNormal": {"scale": 1.0},
        "HalfCauchy": {"scale": 1.0},
        "HalfStudentT": {"df": 4.0, "scale": 1.0},
        "Exponential": {"scale": 1.0},
        "HalfLogistic": {"scale": 1.0},
        "InverseChi": {"df": 3.0, "scale": 1.0},
        "InverseGamma": {"shape": 1.0, "scale": 1.0},
        "LogNormal": {"meanlog": 0.0, "sdlog": 1.0},
        "LogStudentT": {"df": 5.0, "meanlog": 0.0, "sdlog": 1.0},
        "Lomax": {"shape": 1.0, "scale": 1.0},
        "Rayleigh": {"scale": 1.0},
        "Uniform": {"high": 1.0},
        "Normal": {"loc": 0.0, "scale": 1.0},
        "StudentT": {"df": 4.0, "loc": 0.0, "scale": 1.0},
        "Flat": {},
    }
    kinds = SHAPES | {"meanlog": NUMBER, "loc": NUMBER, "unit": UNIT}
    made = {name: Base(getattr(P, name), lambda given=given: dict(given), kinds) for name, given in plain.items()}
    by_data = ("BergerDeely", "Conventional", "DuMouchel", "FlatSqrt", "Jeffreys", "OverallJeffreys", "UniformI2")
    for name in (*by_data, "UniformShrinkage"):
        made[name] = Base(getattr(P, name), dict, {"unit": UNIT, "vi": Kind(accepts=("one",))})
    return made


def _questions(name, result):
    """A base for every method of a posterior, called on this one."""
    draws, size = {"draws": 5, "chains": 2, "seed": 1}, len(result.coefficients)
    asked = {
        "interval": ({}, {"kind": KIND}),
        "prediction": ({}, {"kind": KIND}),
        "summary": ({}, {"kind": KIND}),
        "display": ({}, {}),
        "intervals": ({}, {}),
        "tidy": ({}, {}),
        "augment": ({}, {}),
        "study_effects": ({}, {}),
        "predict": ({}, {"new": Kind(accepts=("none",))}),
        "refit": ({"evidence": result.table}, {}),
        "without": ({"study": result.table.studies[0]}, {}),
        "at": ({"x": [1.0] * size}, {"x": Kind(accepts=("one", "dict") if size == 1 else ("dict",)), "new": FLAG}),
        "new_study": ({"sd": 1.0, "n": 10}, {"sd": POSITIVE, "n": COUNT}),
        "probability": ({"statement": "mu > 0"}, {}),
        "quantity": ({"name": "mu"}, {"name": Kind(choices=("mu", "tau", "theta_new"))}),
        "bayes_factor": ({"mu": 0.0}, {"mu": NUMBER}),
        "log_bayes_factor": ({"mu": 0.0}, {"mu": NUMBER}),
        "draws": (draws, {"draws": COUNT, "chains": COUNT}),
        "prior_draws": (draws, {"draws": COUNT, "chains": COUNT}),
        "predictive": (
            {"draws": 5, "seed": 1},
            {
                "draws": COUNT,
                "replicate": Kind(choices=("new", "same")),
                "source": Kind(choices=("posterior", "prior")),
            },
        ),
        "pointwise_log_likelihood": ({"draws": result.draws(3, 2, 1)}, {}),
        "ess": ({"uisd": 1.0, "kind": "moment"}, {"uisd": POSITIVE, "kind": Kind(choices=("elir", "mtm"))}),
        "sensitivity": ({"tau": [TAU]}, {}),
        "joint_mode": ({}, {"prior": FLAG}),
    }
    return {f"{name}.{m}": Base(getattr(result, m), lambda g=g: dict(g), kinds) for m, (g, kinds) in asked.items()}


def _distributions():
    found = {}
    for name, d in {"mu": post().mu, "tau": post().tau, "counts.mu": events().mu, "prior": TAU, "normal": MU}.items():
        found |= {
            f"{name}.pdf": Base(d.pdf, lambda: {"x": 0.5}, {"x": PLACES}),
            f"{name}.cdf": Base(d.cdf, lambda: {"x": 0.5}, {"x": PLACES}),
            f"{name}.quantile": Base(d.quantile, lambda: {"p": 0.5}, {"p": CHANCES}),
            f"{name}.interval": Base(d.interval, dict, {"kind": KIND}),
            f"{name}.prob": Base(d.prob, dict, {"low": ENDS, "high": ENDS}),
        }
    for prior in (
        TAU,
        MU,
        lam.priors.Flat(),
        lam.priors.Jeffreys(),
        lam.priors.LogNormal(0, 1),
        lam.priors.LogStudentT(5, 0, 1),
    ):
        own = Base(prior.convert, lambda: {"unit": None}, {"unit": Kind(choices=("mL/year",), accepts=("none",))})
        found[f"{type(prior).__name__}.convert"] = own
    return found


@functools.cache
def folder():
    """A folder that goes with the process, with a file of draws."""
    made = tempfile.TemporaryDirectory()
    lam.save_posterior(drawn(), f"{made.name}/post.nc")
    return made


@functools.cache
def drawn():
    return lam.to_arviz(post(), 5, 2, 1)


PRIORS = _priors()
ONE_MEAN = ("sensitivity", "ess", "joint_mode")
"""What is asked of one mean under the normal likelihood."""
BASES = {
    "pool_bayes": Base(lam.pool_bayes, lambda: {"evidence": table(), "mu": MU, "tau": TAU}, {
        "mu": Kind(accepts=("none",)),
        "engine": Kind(choices=("auto", "exact", "nuts")),
        "likelihood": Kind(choices=LIKELIHOODS[1:]), "print_uncertainty": Kind(accepts=("none",)),
    }),
    "uisd": Base(lam.priors.uisd, lambda: {"evidence": table_with_n()}),
    "turner_prior": Base(lam.priors.turner_prior, dict, {
        "outcome": Kind(choices=("infection", "subjective")), "comparison": Kind(choices=("pharma vs placebo",)),
    }),
    "rhodes_prior": Base(lam.priors.rhodes_prior, lambda: {"outcome": "structure"}, {
        "outcome": Kind(choices=("structure", "subjective")), "area": Kind(choices=("respiratory",)),
    }),
    "bartos_mu_prior": Base(lam.priors.bartos_mu_prior, dict, {
        "measure": Kind(choices=("OR", "SMD")), "area": Kind(choices=("Airways", "Heart"), accepts=("none",)),
    }),
    "bartos_tau_prior": Base(lam.priors.bartos_tau_prior, dict, {
        "measure": Kind(choices=("OR", "SMD")), "area": Kind(choices=("Airways", "Heart"), accepts=("none",)),
    }),
    "parse_prior": Base(lam.priors.parse_prior, lambda: {"text": "HalfNormal(2)"}, {
        "unit": UNIT, "text": Kind(choices=("HalfNormal",)),
    }),
    "to_arviz": Base(lam.to_arviz, lambda: {"fit": post(), "draws": 5, "chains": 2, "seed": 1}, {
        "draws": COUNT, "chains": COUNT,
    }),
    "predictive_check": Base(lam.predictive_check, lambda: {"fit": post(), "statistics": ["q"], "draws": 100}, {
        "statistics": Kind(choices=("q", "max")), "replicate": Kind(choices=("new", "same")),
        "source": Kind(choices=("posterior", "prior")),
    }),
    "save_posterior": Base(lam.save_posterior, lambda: {"fit": drawn(), "path": f"{folder().name}/again.nc"}, {
        "path": Kind(skip="any text is the name of a file; test_files_that_hold_no_draws"),
    }),
    "load_posterior": Base(lam.load_posterior, lambda: {"path": f"{folder().name}/post.nc"}),
    "loo_pit": Base(lam.checks.loo_pit, lambda: {"fit": post()}),
    "model_check": Base(lam.checks.model_check, lambda: {"fit": post(), "groups": ["a", "a", "b"], "draws": 400}, {
        "groups": Kind(choices=("x",), accepts=("none", "generator")),
    }),
    "node_split": Base(lam.checks.node_split, lambda: {"fit": post(), "by": ["a", "a", "b"]}, {
        "by": Kind(choices=("label", "x"), accepts=("generator",)),
    }),
    "prior_data_conflict": Base(lam.checks.prior_data_conflict, lambda: {"fit": post(), "draws": 100, "seed": 1}),
    "prior_learning": Base(lam.checks.prior_learning, lambda: {"fit": post()}),
    **_questions("Posterior", post()),
    **{n: b for n, b in _questions("regression", regressed()).items() if not n.endswith((*ONE_MEAN, ".prediction"))},
    "regression.predict of others": Base(regressed().predict, lambda: {"new": {"x": [0.0, 1.0]}}, {
        "new": Kind(accepts=("none",)),
    }),
    **{n: b for n, b in _questions("counts", events()).items() if not n.endswith(ONE_MEAN)},
    "absolute": Base(ratios().absolute, lambda: {"baseline": 0.1}, {
        "baseline": Kind(accepts=("half", "one")), "time": TEXT,
    }),
    "marginal_interval": Base(proportions().marginal_interval, dict, {"kind": KIND}),
    **_distributions(),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    assert "\n".join(sweep(name, BASES[name])) == ""


@pytest.mark.parametrize("name", sorted(PRIORS))
def test_priors_refuse_nonsense_when_they_are_made(name):
    assert "\n".join(sweep(name, PRIORS[name])) == ""


@pytest.mark.parametrize(
    "text",
    ["HalfNormal", "HalfNormal(", "HalfNormal(1..2)", "HalfNormal(1, 2)", "HalfNormal(loc=2)", "HalfNormal(2, scale=2)",
     "HalfNormal(-1)", "HalfNormal(nan)", "HalfNormal(1e400)", "HalfNormal(1 furlong)", "Normal(scale=1, 0)",
     "Normal(0 mL/year, 1 L/year)", "Normal(1)", "Flat(3)", "Jeffreys(3)", "HalfNormal(2) x", "LogNormal(0, -1)"],
)  # fmt: skip
def test_a_prior_written_badly(text):
    with pytest.raises(LamEvidenceError, match=r"·|choices"):
        lam.priors.parse_prior(text)


def test_names_of_parameters_are_honoured():
    assert repr(lam.priors.parse_prior("Normal(scale=3, loc=1)")) == "Normal(1, 3)"
    fit = lam.pool_bayes(table(), mu={"normal": {"scale": 20, "loc": 0}}, tau="HalfNormal(4)")
    assert fit.mu.median == post().mu.median


@pytest.mark.parametrize(
    "tau",
    [P.HalfNormal(1e100), P.HalfNormal(1e-100), P.Uniform(1e-100), P.InverseGamma(1e-3, 1e-3),
     P.HalfStudentT(1e-3, 1), P.LogNormal(0, 100), P.LogNormal(230, 1), P.HalfCauchy(1e-100)],
    ids=repr,
)  # fmt: skip
def test_far_priors_answer_or_say_why_not(tau):
    try:
        fit = lam.pool_bayes(table(), mu=MU, tau=tau)
        numbers = [fit.mu.median, fit.tau.median, *fit.interval(), *fit.prediction()]
    except LamEvidenceError as error:
        numbers, said = [], str(error)
    else:
        said = "numbers · "
    assert np.isfinite(numbers).all()
    assert "·" in said


def test_a_prior_of_mu_much_narrower_than_tau():
    """StudentT with a million degrees of freedom is normal: two engines, one new study."""
    normal = lam.pool_bayes(table(), mu=lam.priors.Normal(0, 0.01), tau=TAU).prediction()
    student = lam.pool_bayes(table(), mu=lam.priors.StudentT(1e6, 0, 0.01), tau=TAU).prediction()
    assert student == pytest.approx(normal, rel=1e-6)


@pytest.mark.parametrize(
    "moderators", ["~ foo", "~ x +", "~ (", "~ 0", "", "~", "1.5", ["zz"], [], b"x", {}, [["a"]] * 3, np.ones((3, 0))]
)
def test_designs_that_are_none(moderators):
    with pytest.raises(LamEvidenceError, match="·"):
        lam.pool_bayes(table(), mu=MU, tau=TAU, moderators=moderators)


@pytest.mark.parametrize(
    "statement",
    ["mu", "mu > nan", "mu > 1e999", "mu = 1", "> 1", "theta[] > 0", "theta[zz] > 0", "foo > 1", "mu > 1 mL"],
)
def test_statements_that_say_nothing(statement):
    with pytest.raises(LamEvidenceError, match="·"):
        post().probability(statement)


def test_a_row_that_does_not_exist_is_a_key_error_in_words():
    with pytest.raises(UnknownName, match="choices: 1, 2, 3") as caught:
        post().theta["zz"]
    assert isinstance(caught.value, KeyError)
    assert "zz" not in post().theta


@pytest.mark.parametrize("columns", [
    {"ai": [0, 0], "bi": [5, 9], "ci": [0, 0], "di": [7, 8]},
    {"ai": [5, 9], "bi": [0, 0], "ci": [7, 8], "di": [0, 0]},
    {"ai": [1, 0], "bi": [0, 1], "ci": [1, 0], "di": [0, 1]},
])  # fmt: skip
def test_tables_without_events_keep_the_prior_or_say_so(columns):
    roles = {name: name for name in columns}
    held = lam.EvidenceTable.from_frame(pd.DataFrame(columns), "OR", **roles)
    fit = lam.pool_bayes(held)
    assert np.isfinite([fit.mu.median, *fit.interval(), *fit.prediction(), fit.bayes_factor(mu=0)]).all()


def test_files_that_hold_no_draws(tmp_path):
    file = lam.save_posterior(lam.to_arviz(post(), 5, 2, 1), tmp_path / "post.nc")
    whole = file.read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[:2000])
    (tmp_path / "empty.nc").write_bytes(b"")
    with h5py.File(tmp_path / "foreign.nc", "w") as foreign:
        foreign.create_group("posterior")["mu"] = np.arange(3)
    for name in ("cut.nc", "empty.nc", "foreign.nc", "none.nc", "."):
        with pytest.raises(InputError, match="·"):
            lam.load_posterior(tmp_path / name)
    for target in (tmp_path, tmp_path / "none" / "x.nc", file / "x.nc", tmp_path / ("x" * 300), "", 3):
        with pytest.raises(OptionError, match="·"):
            lam.save_posterior(lam.to_arviz(post(), 5, 2, 1), target)
    assert file.read_bytes() == whole
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.nc", "empty.nc", "foreign.nc", "post.nc"]
