"""The PyMC model of joined designs: its density by SciPy, its chains by the exact posterior, its refusals."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.bayes.sampling.arviz_compat import datasets
from lamevidence.bayes.sampling.sampling import sample_chains, sampler_for
from lamevidence.errors import InputError, NotEstimable, OptionError, TooFewStudies
from tests.bayes.agreement import worst
from tests.synthesis.test_joint import COLUMNS, LAM, MIDAS, P, frame, joint

ROWS = [*LAM, MIDAS]


def model_of(rows, **more):
    return lam.models.joint_slopes(frame(rows), **(COLUMNS | {"contrast": "contrast"} | more))


def covariance(rho, shares=None):
    """Whole matrix of all rows: correlation in before-after series, variances over the share that is used."""
    study = np.array([r.study for r in ROWS])
    same = (study[:, None] == study) & np.isin(study, ["Neurohr", "Hu"])
    se = np.array([r.se for r in ROWS])
    out = np.where(np.eye(len(ROWS)) == 1, 1.0, rho * same) * np.outer(se, se)
    return out / np.where(np.isin(study, ["Neurohr", "Hu"]), shares or 1.0, 1.0)


@pytest.mark.parametrize(
    ("more", "C"),
    [
        ({}, covariance(0.0)),
        ({"correlation": 0.4}, covariance(0.4)),
        ({"correlation": (-0.3, 0.9)}, covariance(0.6)),
        ({"correlation": 0.4, "discount": {"before_after": 0.25}}, covariance(0.4, 0.25)),
    ],
    ids=["none", "known", "prior", "discount"],
)
def test_density_of_the_estimates(more, C):
    """Given each study's own values the rows are normal around γ + T δ + P b, with C written out."""
    model = model_of(ROWS, **more)
    point = {name: np.asarray(value, dtype=float) for name, value in model.initial_point().items()}
    rng = np.random.default_rng(3)
    for name in ("baseline", "effect", "bias"):
        point[name] = rng.normal(0.0, 50.0, ())
        point[f"z_{name}"] = rng.standard_normal(8)
        point[f"tau_{name}_log__"] = np.log(rng.uniform(20.0, 60.0, ()))
    if "rho_interval__" in point:
        point["rho_interval__"] = np.log((0.6 + 0.3) / (0.9 - 0.6))
    found = model.compile_fn(model.logp(vars=[model["estimate"]]), mode="FAST_COMPILE")(point)
    studies = list(dict.fromkeys(r.study for r in ROWS))
    own = {n: point[n] + np.exp(point[f"tau_{n}_log__"]) * point[f"z_{n}"] for n in ("baseline", "effect", "bias")}
    theta = [
        own["baseline"][i] * (1 - r.contrast) + own["effect"][i] * r.treated + own["bias"][i] * r.selected
        for r, i in ((r, studies.index(r.study)) for r in ROWS)
    ]
    wanted = stats.multivariate_normal(theta, C).logpdf([r.y for r in ROWS])
    assert float(found) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.6, (0.599, 0.601)], ids=["known", "prior"])
def test_simulated_estimates_have_the_correlation(correlation):
    """2000 prior draws minus θ over their standard errors: correlation .6 in a series, none elsewhere."""
    model = model_of(ROWS, correlation=correlation)
    y, theta = pm.draw([model["estimate"], model["theta"]], 2000, random_seed=5)
    found = np.corrcoef(((y - theta) / np.array([r.se for r in ROWS])).T)
    assert found[2, 3] == pytest.approx(0.6, abs=4 * 0.64 / np.sqrt(2000))
    assert found[4, 5] == pytest.approx(0.6, abs=4 * 0.64 / np.sqrt(2000))
    assert abs(found[0, 1]) < 4 / np.sqrt(2000)
    assert ((y - theta)[:, 3] / ROWS[3].se).std() == pytest.approx(1.0, abs=0.07)


@pytest.mark.slow
def test_chains_agree_with_the_exact_posterior():
    more = {"correlation": (0.0, 0.8), "discount": {"treated_only": 0.5}}
    model, post = model_of(ROWS, **more), joint(ROWS, **more)
    chains = {"draws": 1000, "chains": 4, "random_seed": 11, "progressbar": False, "cores": 1}
    native, _ = sample_chains(model, sampler_for(model, "auto"), 1000, (), chains)
    names = ("baseline", "effect", "bias", "tau_baseline", "tau_effect", "tau_bias")
    references = {(name, None): post.quantity(name) for name in names}
    references |= {("own_effect", 0): post.study["MILES"].effect, ("theta", 2): post.quantity("theta[Neurohr, before]")}
    score, where = worst(datasets(native)["posterior"], references)
    assert score < 4, where


def test_choices_that_leave_variables_out():
    names = {v.name for v in model_of(ROWS, bias=None, tau_effect=0).free_RVs}
    assert names == {"baseline", "tau_baseline", "z_baseline", "effect", "z_effect"}
    rest = [r for r in ROWS if not r.selected]
    assert "bias" not in {v.name for v in model_of(rest).free_RVs}
    model = model_of(ROWS)
    assert list(model.coords["study"]) == list(dict.fromkeys(r.study for r in ROWS))
    assert model.named_vars_to_dims["estimate"] == ("row",)


def test_what_the_exact_model_refuses_is_refused():
    with pytest.raises(TooFewStudies, match="tau_baseline=0 and tau_effect=0"):
        model_of(LAM[:2])
    assert model_of(LAM[:2], tau_baseline=0, tau_effect=0).free_RVs
    with pytest.raises(NotEstimable, match="add rows with treated = 1"):
        model_of(LAM[7:])
    assert model_of([*LAM[7:], LAM[6]]).free_RVs
    with pytest.raises(NotEstimable, match="do not determine every mean"):
        model_of([MIDAS, MIDAS._replace(study="M2")], baseline=P.Flat(), tau_baseline=0)
    with pytest.raises(InputError, match="without position 2"):
        model_of([*LAM[:2], LAM[7]._replace(se=0.0)])
    with pytest.raises(OptionError, match="correlation"):
        model_of(LAM, correlation=1.5)


def test_the_table_of_a_joint_question_is_taken_as_it_is():
    table = lam.load_registry().evidence("sirolimus-effect-on-fev1-slope")
    model, post = lam.models.joint_slopes(table), lam.synthesis.joint(table)
    assert list(model.coords["row"]) == list(table.labels)
    assert {v.name for v in model.free_RVs if v.name in post.names} == set(post.names)
