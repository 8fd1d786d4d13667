"""Leave-one-out of counts: the posterior of the others from the nodes of the whole, and predictive probabilities."""

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.bayes import fit_state
from lamevidence.bayes.counts.regression import without_row
from lamevidence.bayes.predictive.loo import exact_state_of, without
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.results.subset_fits import fit_subsets

ONE = np.ones(1)


def pooled(xi, ni):
    names = tuple(f"s{i}" for i in range(len(xi)))
    counts = {"xi": np.array(xi, dtype=float), "ni": np.array(ni, dtype=float)}
    k = len(names)
    table = EvidenceTable(yi=np.zeros(k), vi=np.ones(k), labels=names, studies=names, measure="PLO", counts=counts)
    return lam.pool_bayes(table, mu=lam.priors.Normal(0, 2.5), tau=lam.priors.HalfNormal(1))


def test_nodes_of_the_whole_give_the_posterior_of_the_others():
    rng = np.random.default_rng(7)
    ni = rng.integers(10, 60, 15)
    post = pooled(rng.binomial(ni, 1 / (1 + np.exp(-rng.normal(-1, 0.8, 15)))), ni)
    taken = 0
    for i in range(post.k):
        state = without(post.state, i)
        taken += state.t is post.state.t
        again = exact_state_of(post, [j for j in range(post.k) if j != i])
        assert state.log_marginal == pytest.approx(again.log_marginal, abs=2e-6)
        for a, b in ((state.at(ONE), again.at(ONE)), (state.at(ONE, new=True), again.at(ONE, new=True))):
            assert a.quantile([0.025, 0.5, 0.975]) == pytest.approx(b.quantile([0.025, 0.5, 0.975]), abs=2e-6 * b.sd)
        assert state.tau.mean == pytest.approx(again.tau.mean, rel=2e-6)
    assert taken > 0


def test_nodes_that_do_not_reach_are_laid_anew_from_what_they_show():
    """Without the outlier τ is much smaller than the nodes of all rows go: seven series of 20 and one of 40."""
    post = pooled([2, 3, 2, 4, 3, 2, 3, 39], [20] * 7 + [40])
    state, again = without(post.state, 7), exact_state_of(post, range(7))
    assert state.t is not post.state.t
    allowed = max(state.error + again.error, 1e-9)
    assert abs(state.log_marginal - again.log_marginal) < allowed
    for a, b in ((state.at(ONE), again.at(ONE)), (state.tau, again.tau)):
        assert a.mean == pytest.approx(b.mean, abs=allowed * b.sd)
        assert a.quantile([0.025, 0.5, 0.975]) == pytest.approx(b.quantile([0.025, 0.5, 0.975]), abs=1e-7 * b.sd)


def test_refits_without_a_row_are_read_off_the_nodes_of_all(monkeypatch):
    """`refit_each` against refits one by one; a level of a factor that no other row has is fitted anew, without it."""
    frame = {"xi": np.array([1.0, 3, 0, 10, 4]), "ti": np.array([12.0, 20, 15, 22, 30])}
    frame["g"] = np.array(["a", "a", "b", "b", "a"])
    table = lam.EvidenceTable.from_frame(pd.DataFrame(frame), "IRLN", xi="xi", ti="ti", moderators=["g"])
    priors = {"mu": lam.priors.Normal(0, 2.5), "tau": lam.priors.HalfNormal(1)}
    post = lam.pool_bayes(table, **priors, moderators="~ g", likelihood="poisson")
    masks = ~np.eye(5, dtype=bool)
    slow = fit_subsets(post, masks)
    fitted = []
    whole = fit_state.fit_regression
    monkeypatch.setattr(fit_state, "fit_regression", lambda *given: fitted.append(1) or whole(*given))
    fast = post.refit_each(masks)
    assert len(fitted) < 5
    assert fast.reasons == slow.reasons
    for name in ("beta", "se", "low", "high", "statistic", "p_value", "df", "tau2", "q", "i2", "h2", "cov", "k"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-6, abs=1e-7, nan_ok=True)
    alone = table.subset([0, 1, 3, 4])  # b once
    few = lam.pool_bayes(alone, **priors, moderators="~ g", likelihood="poisson")
    lost = few.refit_each(np.array([[True, True, False, True]]))
    again = few.refit(alone.subset([0, 1, 3]))
    assert again.names == ("intercept",)
    assert lost.beta[0] == pytest.approx([again.estimate[0], np.nan], nan_ok=True)


@pytest.mark.parametrize("flat", [False, True])
def test_nodes_of_a_regression_give_that_of_the_others(flat):
    """A moderator with two values; the numbers are of Poisson counts, one of them 0."""
    x = np.array([0.0, 1, 1, 0, 1, 0, 1])
    frame = {"xi": np.array([1.0, 3, 0, 10, 4, 2, 6]), "ti": np.array([12.0, 20, 15, 22, 30, 9, 18])}
    table = lam.EvidenceTable.from_frame(pd.DataFrame(frame | {"x": x}), "IRLN", xi="xi", ti="ti", moderators=["x"])
    slope = lam.priors.Flat() if flat else lam.priors.Normal(0, 1)
    mu, tau = [lam.priors.Normal(0, 2.5), slope], lam.priors.HalfNormal(1)
    post = lam.pool_bayes(table, mu=mu, tau=tau, moderators=["x"], likelihood="poisson")
    taken, loo = 0, post.loo()
    for i in range(post.k):
        state = without_row(post.state, i)
        again = exact_state_of(post, [j for j in range(post.k) if j != i])
        assert loo.elpd[i] == pytest.approx(post.state.log_marginal - again.log_marginal, abs=1e-7)
        if state is None:
            continue
        taken += 1
        assert abs(state.log_marginal - again.log_marginal) < max(state.error + again.error, 1e-9)
        assert state.tau.interval() == pytest.approx(again.tau.interval(), rel=1e-6)
        assert state.covariance() == pytest.approx(again.covariance(), rel=1e-6)
        for new in (False, True):
            a, b = (one.at(post.X[i], new=new).quantile([0.025, 0.5, 0.975]) for one in (state, again))
            assert a == pytest.approx(b, abs=2e-6)
    assert taken > 3


def test_predictive_probabilities_are_ratios_of_marginal_likelihoods():
    xi, ni = [2, 7, 1, 5], [9, 11, 12, 8]
    loo = pooled(xi, ni).loo()
    for i in (0, 2):
        alone = pooled(xi[:i] + xi[i + 1 :], ni[:i] + ni[i + 1 :]).log_marginal
        mass = [np.exp(pooled([*xi[:i], x, *xi[i + 1 :]], ni).log_marginal - alone) for x in range(xi[i] + 1)]
        assert loo.elpd[i] == pytest.approx(np.log(mass[-1]), abs=1e-6)
        assert loo.pit_low[i] == pytest.approx(sum(mass[:-1]), abs=2e-6)
        assert loo.pit_high[i] == pytest.approx(sum(mass), abs=2e-6)
