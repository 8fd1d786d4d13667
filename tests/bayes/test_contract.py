"""One contract for every engine: groups, names, dimensions, on whichever line of ArviZ is installed."""

from pathlib import Path

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.sampling.arviz_compat import datasets
from lamevidence.foundation.errors import InputError, OptionError

LABELS = ["MILES", "Zhan", "Neurohr", "Hu", "Taveira"]
GROUPS = {
    "posterior", "prior", "prior_predictive", "posterior_predictive",
    "log_likelihood", "log_prior", "observed_data", "constant_data",
}  # fmt: skip


@pytest.fixture(scope="module")
def slopes():
    table = lam.EvidenceTable.from_estimates(
        [1, 16.1, 36.2, -0.8, 4.2], sei=[2, 8.5, 7.9, 1.25, 1.2], labels=LABELS, unit="mL/month"
    )
    return lam.pool_bayes(
        table,
        mu=lam.priors.Normal(0, 20, unit="mL/month"),
        tau=lam.priors.HalfNormal(6, unit="mL/month"),
        likelihood="normal",
    )


@pytest.fixture(scope="module")
def counts():
    import pandas as pd

    frame = pd.DataFrame({"study": list("ABCD"), "xi": [0, 3, 2, 10], "ni": [12, 20, 15, 22]})
    table = lam.EvidenceTable.from_frame(frame, "PLO", xi="xi", ni="ni", study="study")
    return lam.pool_bayes(table, mu=lam.priors.Normal(-1.5, 1.5), tau=lam.priors.HalfNormal(1))


def test_groups_names_and_dimensions(slopes):
    parts = datasets(lam.to_arviz(slopes, draws=50, chains=2, seed=3))
    assert set(parts) == GROUPS
    for group in ("posterior", "prior"):
        assert {n: v.dims for n, v in parts[group].data_vars.items()} == {
            "mu": ("chain", "draw"), "tau": ("chain", "draw"),
            "theta": ("chain", "draw", "study"), "theta_new": ("chain", "draw"),
        }  # fmt: skip
    for group in ("prior_predictive", "posterior_predictive", "log_likelihood"):
        assert parts[group]["estimate"].shape == (2, 50, 5)
    assert parts["observed_data"]["estimate"].dims == ("study",)
    assert parts["constant_data"]["se"].sel(study="Zhan") == pytest.approx(8.5)
    assert all(list(parts[g]["study"].values) == LABELS for g in GROUPS - {"log_prior"})


def test_counts_have_their_own_name_and_constants(counts):
    parts = datasets(lam.to_arviz(counts, draws=40, chains=2, seed=1))
    assert parts["observed_data"]["events"].values.tolist() == [0, 3, 2, 10]
    assert parts["constant_data"]["ni"].values.tolist() == [12, 20, 15, 22]
    replicated = parts["posterior_predictive"]["events"].values
    assert ((replicated >= 0) & (replicated <= [12, 20, 15, 22])).all()


def test_regression_adds_its_coefficients():
    table = lam.EvidenceTable.from_estimates(
        [1, 4, -2.5, 8, 0.8], sei=[2, 3, 3.5, 6, 1.5], moderators={"x": [0, 1, 1, 1, 0]}
    )
    post = lam.pool_bayes(
        table, mu=[lam.priors.Normal(0, 20), lam.priors.Normal(0, 10)], tau=lam.priors.HalfNormal(4), moderators=["x"]
    )
    parts = datasets(lam.to_arviz(post, draws=30, chains=1, seed=1))
    assert list(parts["posterior"]["coef"].values) == ["intercept", "x"]
    assert parts["log_prior"]["beta"].dims == ("chain", "draw", "coef")


def test_draws_are_from_the_exact_posterior(slopes):
    posterior = datasets(slopes.idata)["posterior"]
    size = posterior["mu"].size
    for name, exact in (("mu", slopes.mu), ("tau", slopes.tau), ("theta_new", slopes.theta_new)):
        place = np.sort(exact.cdf(posterior[name].values.ravel()))
        gap = np.abs(place - (np.arange(size) + 0.5) / size).max()
        assert gap < 2.2 / np.sqrt(size), name  # Kolmogorov's bound at 1e-4


def test_predictive_groups_follow_their_laws(slopes):
    parts = datasets(slopes.idata)
    v = slopes.table.vi
    for group, mean, var in (
        ("posterior_predictive", slopes.mu.mean, slopes.theta_new.sd**2 + v),
        ("prior_predictive", 0.0, 20**2 + 6**2 + v),
    ):
        drawn = parts[group]["estimate"].values.reshape(-1, 5)
        assert drawn.mean(0) == pytest.approx(mean, abs=5 * np.sqrt(var.max() / 4000))
        assert drawn.var(0) == pytest.approx(var, rel=0.2)


def test_same_seed_same_draws(slopes):
    a, b, c = (datasets(lam.to_arviz(slopes, draws=20, chains=1, seed=s)) for s in (1, 1, 2))
    assert (a["posterior"]["mu"] == b["posterior"]["mu"]).all()
    assert not (a["posterior"]["mu"] == c["posterior"]["mu"]).any()


def test_improper_priors_have_no_prior_groups(slopes):
    post = lam.pool_bayes(
        slopes.table, mu=lam.priors.Flat(), tau=lam.priors.HalfNormal(6, unit="mL/month"), likelihood="normal"
    )
    tree = lam.to_arviz(post, draws=20, chains=1)
    assert GROUPS - set(datasets(tree)) == {"prior", "prior_predictive", "log_prior"}
    assert "improper" in tree.attrs["prior_groups"]


def test_arviz_takes_it(slopes):
    import arviz as az
    import matplotlib as mpl

    mpl.use("agg")
    tree = slopes.idata
    found = az.loo(tree)
    elpd = found.elpd_loo if hasattr(found, "elpd_loo") else found.elpd
    # importance sampling of the marginal likelihood is close to the exact refits; the conditional one misses by 3 to 4
    assert elpd == pytest.approx(slopes.loo().total, abs=0.5)
    az.plot_forest(tree, var_names=["theta"])
    az.plot_trace(tree, var_names=["mu", "tau"])
    if hasattr(az, "plot_ppc"):
        az.plot_ppc(tree, num_pp_samples=10)
    else:
        az.plot_ppc_dist(tree, num_samples=10)
    mpl.pyplot.close("all")


def test_saved_and_read_back(slopes, tmp_path):
    file = lam.save_posterior(slopes, tmp_path / "slopes.nc")
    back, there = lam.load_posterior(file), slopes.idata
    for name, part in datasets(there).items():
        assert part.equals(datasets(back)[name]), name
    assert back.attrs["unit"] == "mL/month"
    assert back.attrs["prior_tau"] == "HalfNormal(6, unit='mL/month')"
    assert lam.save_posterior(back, tmp_path / "again.nc").is_file()


def test_bad_files_and_objects(slopes, tmp_path):
    with pytest.raises(InputError, match="no file"):
        lam.load_posterior(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("not draws")
    with pytest.raises(InputError, match="not a netCDF file"):
        lam.load_posterior(tmp_path / "text.nc")
    with pytest.raises(InputError, match="not an ArviZ object"):
        lam.save_posterior({"posterior": 1}, tmp_path / "x.nc")
    with pytest.raises(OptionError, match="draws=0"):
        lam.to_arviz(slopes, draws=0)


def test_only_two_files_know_arviz():
    package = Path(lam.__file__).parent
    using = {p.relative_to(package).as_posix() for p in package.rglob("*.py") if "import arviz" in p.read_text()}
    assert using <= {"bayes/sampling/arviz_compat.py", "bayes/sampling/sampling.py"}
