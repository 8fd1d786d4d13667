"""Predictive checks: the LAM slopes, closed forms by an independent route, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import lamevidence as lam
from lamevidence.checks.loo_pit import order_band
from lamevidence.foundation.errors import ImproperPosterior, InputError, OptionError, UnknownName

Y = np.array([1, 16.1, 36.2, -0.8, 4.2])
S = np.array([2, 8.5, 7.9, 1.25, 1.2])
LABELS = ["MILES", "Zhan", "Neurohr", "Hu", "Taveira"]


def fit(y=Y, s=S, labels=LABELS, **options):
    table = lam.EvidenceTable.from_estimates(y, sei=s, labels=labels)
    return lam.pool_bayes(table, **{"mu": lam.priors.Normal(0, 20), "tau": lam.priors.HalfNormal(6), **options})


@pytest.fixture(scope="module")
def slopes():
    return fit()


@pytest.fixture(scope="module")
def events():
    frame = pd.DataFrame({"study": list("ABCD"), "xi": [0, 3, 2, 10], "ni": [12, 20, 15, 22]})
    table = lam.EvidenceTable.from_frame(frame, "PLO", xi="xi", ni="ni", study="study")
    return lam.pool_bayes(table, mu=lam.priors.Normal(-1.5, 1.5), tau=lam.priors.HalfNormal(1))


def given_tau(tau, y=Y, s=S):
    """Density (unnormalised) of τ and the conditional law of μ, straight from the multivariate normal."""
    cov = np.diag(s**2 + tau**2) + 400.0
    g = stats.multivariate_normal(np.zeros(len(y)), cov).pdf(y) * stats.halfnorm(scale=6).pdf(tau)
    w = 1 / (s**2 + tau**2)
    var = 1 / (w.sum() + 1 / 400)
    return g, var * (w @ y), var


def posterior_mean_of(f, y=Y, s=S):
    tau = np.linspace(1e-4, 45, 1500)
    g, values = np.array([(given_tau(t, y, s)[0], f(t, *given_tau(t, y, s)[1:])) for t in tau]).T
    return integrate.simpson(g * values, x=tau) / integrate.simpson(g, x=tau)


def test_q_says_nothing_and_leave_one_out_names_the_series(slopes):
    check = lam.predictive_check(slopes, statistics=["q"], draws=20_000, seed=1)
    assert check.p("q") == pytest.approx(0.67, abs=0.015)
    pit = lam.checks.loo_pit(slopes)
    assert pit.pit[2] == pytest.approx(0.999, abs=5e-4)
    assert pit.p_holm[2] == pytest.approx(0.01, abs=5e-4)
    assert "Neurohr is not predicted" in pit.describe()
    assert pit.loo.total == pytest.approx(-23.1, abs=0.05)


def test_maximum_of_new_studies_against_quadrature(slopes):
    z, weight = np.polynomial.hermite_e.hermegauss(40)

    def below(tau, loc, var):
        mu = loc + np.sqrt(var) * z
        return stats.norm.cdf((36.2 - mu[:, None]) / np.sqrt(S**2 + tau**2)).prod(1) @ weight / weight.sum()

    exact = 1 - posterior_mean_of(below)
    check = lam.predictive_check(slopes, statistics=["max"], draws=40_000, seed=2)
    assert check.p("max") == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / 40_000))


def test_leave_one_out_pit_against_quadrature(slopes):
    keep = [0, 1, 3, 4]
    exact = posterior_mean_of(
        lambda t, loc, var: stats.norm.cdf((Y[2] - loc) / np.sqrt(var + t * t + S[2] ** 2)), Y[keep], S[keep]
    )
    assert lam.checks.loo_pit(slopes).pit[2] == pytest.approx(exact, abs=1e-6)


def test_same_studies_are_conservative(slopes):
    new, same = (lam.predictive_check(slopes, ["max"], r, 10_000, seed=3) for r in ("new", "same"))
    assert new.p("max") < same.p("max") < 0.5
    assert "conservative" in same.describe()


def test_prior_data_conflict_of_the_slopes(slopes):
    found = lam.checks.prior_data_conflict(slopes, draws=50_000, seed=1)
    assert found["p"] == pytest.approx([0.30, 0.92], abs=0.01)
    tight = lam.checks.prior_data_conflict(fit(tau=lam.priors.HalfNormal(0.5)), draws=5000, seed=1)
    assert tight["p"][0] < 0.01
    assert "conflict with the prior in q" in tight.describe()


def test_node_split_of_one_row_is_its_leave_one_out(slopes):
    split = lam.checks.node_split(slopes, by="label")
    assert split["pit"] == pytest.approx(lam.checks.loo_pit(slopes).pit, abs=1e-12)
    assert split["p_holm"] == pytest.approx(lam.checks.loo_pit(slopes).p_holm, abs=1e-12)


def test_node_split_of_two_rows_against_quadrature(slopes):
    split = lam.checks.node_split(slopes, by=["a", "a", "b", "b", "b"])
    w = 1 / S[:2] ** 2
    a = w / w.sum()
    exact = posterior_mean_of(
        lambda t, loc, var: stats.norm.cdf((a @ Y[:2] - loc) / np.sqrt(var + a**2 @ (S[:2] ** 2 + t * t))), Y[2:], S[2:]
    )
    assert split["pit"][0] == pytest.approx(exact, abs=1e-6)
    assert split["observed"][0] == pytest.approx(a @ Y[:2])


def test_node_split_of_counts_has_the_mid_p_of_leave_one_out(events):
    split = lam.checks.node_split(events, by="label", seed=1)
    assert split["pit"] == pytest.approx(lam.checks.loo_pit(events).pit, abs=0.015)
    assert split["observed"].tolist() == [0, 3, 2, 10]


def test_counts_have_zeros_and_totals(events):
    check = lam.predictive_check(events, draws=4000, seed=1)
    assert list(check.observed) == ["q", "max", "min", "range", "sd", "zeros", "total"]
    r, n = np.array([0, 3, 2, 10]), np.array([12, 20, 15, 22])
    table = np.array([r, n - r])
    assert check.observed["q"] == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)
    assert check.observed["zeros"] == 1
    assert check.observed["total"] == 15
    assert check.observed["max"] == pytest.approx(10 / 22)
    assert 0.05 < check.p("total") < 0.95


def test_two_arms_use_peto():
    counts = [(1, 14, 4, 11), (3, 9, 5, 7), (0, 10, 2, 8)]
    frame = pd.DataFrame(counts, columns=["ai", "bi", "ci", "di"])
    table = lam.EvidenceTable.from_frame(frame, "OR", ai="ai", bi="bi", ci="ci", di="di")
    post = lam.pool_bayes(table)
    a, b, c, d = np.array(counts).T
    law = [stats.hypergeom(a[i] + b[i] + c[i] + d[i], a[i] + c[i], a[i] + b[i]) for i in range(3)]
    e, v = np.array([x.mean() for x in law]), np.array([x.var() for x in law])
    expected = ((a - e) ** 2 / v).sum() - (a - e).sum() ** 2 / v.sum()
    assert lam.predictive_check(post, ["q"], draws=200, seed=1).observed["q"] == pytest.approx(expected)


def test_p_values_count_ties_half():
    """All replicates of a total equal to the observed one give one half."""
    table = lam.EvidenceTable.from_frame(pd.DataFrame({"xi": [0, 0], "ni": [1, 1]}), "PLO", xi="xi", ni="ni")
    post = lam.pool_bayes(table, mu=lam.priors.Normal(-40, 0.1), tau=lam.priors.HalfNormal(0.01))
    assert lam.predictive_check(post, ["total"], draws=500, seed=1).p("total") == 0.5


def test_order_bands_are_beta():
    low, high = order_band(5, 0.9)
    i = np.arange(1, 6)
    assert low == pytest.approx(stats.beta(i, 6 - i).ppf(0.05))
    assert high == pytest.approx(stats.beta(i, 6 - i).ppf(0.95))


def test_an_arviz_object_is_checked_too(slopes):
    check = lam.predictive_check(slopes.idata, statistics=["q", "max"], evidence=slopes.table)
    assert check.p("q") == pytest.approx(0.67, abs=0.03)
    assert check.draws == 4000
    with pytest.raises(InputError, match="give evidence="):
        lam.predictive_check(slopes.idata)
    with pytest.raises(InputError, match="not of the rows"):
        lam.predictive_check(slopes.idata, evidence=slopes.table.subset([0, 1]))


def test_plots_and_tables(slopes):
    check = lam.predictive_check(slopes, draws=500, seed=1)
    assert "interval" in check.plot().description
    assert lam.checks.loo_pit(slopes).plot() is not None
    assert list(lam.checks.loo_pit(slopes).to_frame()["label"])[-1] == "Neurohr"
    assert "<table" in check._repr_html_()
    assert "replicates of new studies" in repr(check)


def test_refusals(slopes, events):
    with pytest.raises(UnknownName, match="did you mean 'max'"):
        lam.predictive_check(slopes, statistics=["maxx"])
    with pytest.raises(OptionError, match="not one of estimates"):
        lam.predictive_check(slopes, statistics=["zeros"])
    with pytest.raises(OptionError, match="not one of counts"):
        lam.predictive_check(events, statistics=["above_zero"])
    with pytest.raises(OptionError, match="at least 100"):
        lam.predictive_check(slopes, draws=5)
    with pytest.raises(OptionError, match="choices: new, same"):
        lam.predictive_check(slopes, replicate="old")
    with pytest.raises(OptionError, match="in this check"):
        lam.predictive_check(slopes, ["q"], draws=200).p("max")
    with pytest.raises(InputError, match="a split needs two"):
        lam.checks.node_split(slopes, by=["a"] * 5)
    with pytest.raises(InputError, match="give one a row"):
        lam.checks.node_split(slopes, by=["a"])
    with pytest.raises(UnknownName):
        lam.checks.node_split(slopes, by="country")
    with pytest.raises(ImproperPosterior):
        lam.checks.prior_data_conflict(fit(mu=lam.priors.Flat()))
