"""Leave-one-out of counts: the posterior of the others from the nodes of the whole, and predictive probabilities."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.refit import refit
from lamevidence.bayes.without import without
from lamevidence.effects.evidence_table import EvidenceTable

ONE = np.ones(1)


def pooled(xi, ni):
    names = tuple(f"s{i}" for i in range(len(xi)))
    counts = {"xi": np.array(xi, dtype=float), "ni": np.array(ni, dtype=float)}
    k = len(names)
    table = EvidenceTable(
        yi=np.zeros(k), vi=np.ones(k), labels=names, studies=names, measure="PLO", counts=counts
    )
    return lam.pool_bayes(table, mu=lam.Normal(0, 2.5), tau=lam.HalfNormal(1))


def test_nodes_of_the_whole_give_the_posterior_of_the_others():
    rng = np.random.default_rng(7)
    ni = rng.integers(10, 60, 15)
    post = pooled(rng.binomial(ni, 1 / (1 + np.exp(-rng.normal(-1, 0.8, 15)))), ni)
    taken = 0
    for i in range(post.k):
        state = without(post.state, i)
        if state is None:
            continue
        taken += 1
        again = refit(post, [j for j in range(post.k) if j != i])
        assert state.log_marginal == pytest.approx(again.log_marginal, abs=2e-6)
        for a, b in ((state.at(ONE), again.at(ONE)), (state.at(ONE, new=True), again.at(ONE, new=True))):
            assert a.quantile([0.025, 0.5, 0.975]) == pytest.approx(b.quantile([0.025, 0.5, 0.975]), abs=2e-6 * b.sd)
        assert state.tau.mean == pytest.approx(again.tau.mean, rel=2e-6)
    assert taken > 0


def test_predictive_probabilities_are_ratios_of_marginal_likelihoods():
    xi, ni = [2, 7, 1, 5], [9, 11, 12, 8]
    loo = pooled(xi, ni).loo()
    for i in (0, 2):
        alone = pooled(xi[:i] + xi[i + 1 :], ni[:i] + ni[i + 1 :]).log_marginal
        mass = [np.exp(pooled([*xi[:i], x, *xi[i + 1 :]], ni).log_marginal - alone) for x in range(xi[i] + 1)]
        assert loo.elpd[i] == pytest.approx(np.log(mass[-1]), abs=1e-6)
        assert loo.pit_low[i] == pytest.approx(sum(mass[:-1]), abs=2e-6)
        assert loo.pit_high[i] == pytest.approx(sum(mass), abs=2e-6)
