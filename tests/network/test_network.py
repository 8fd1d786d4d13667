"""Networks against what is known of them: pairwise meta-analysis, ordinary least squares, and each other."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, NotEstimable, OptionError, UnknownName


def three_arm_network(seed: int = 3) -> lam.network.NetworkTable:
    """Simulated arms a, b, c, d; study variances differ, two studies have three arms."""
    rng = np.random.default_rng(seed)
    truth = {"a": 0.0, "b": 0.4, "c": 0.7, "d": 0.1}
    rows = []
    for study, arms in enumerate(["ab", "ab", "ac", "abc", "bc", "cd", "bcd", "ad"]):
        variance = {t: rng.uniform(0.02, 0.08) for t in arms}
        value = {t: truth[t] + rng.normal(0, 0.6) for t in arms}
        rows += [(value[p] - value[q], variance[p] + variance[q], p, q, str(study)) for p, q in combinations(arms, 2)]
    return lam.network.NetworkTable(*map(list, zip(*rows, strict=True)))


def generalised_least_squares(table: lam.network.NetworkTable, tau2: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Textbook GLS on comparisons with the first arm, covariances from the arms: coefficients, covariance, RSS."""
    names = table.treatments
    y, X, blocks = [], [], []
    for trial in table.trials:
        arms = [names[i] for i in trial.arms]
        pair = {}
        for i in trial.rows:
            pair[table.first[i], table.second[i]] = (table.yi[i], table.vi[i])
            pair[table.second[i], table.first[i]] = (-table.yi[i], table.vi[i])
        base, others = arms[0], arms[1:]
        S = np.empty((len(others), len(others)))
        for i, p in enumerate(others):
            y.append(pair[p, base][0])
            X.append([float(n == p) - float(n == base) for n in names[1:]])
            for j, q in enumerate(others):
                S[i, j] = (
                    pair[p, base][1] + tau2
                    if p == q
                    else (0.5 * (pair[p, base][1] + pair[q, base][1] - pair[p, q][1] + tau2))
                )
        blocks.append(S)
    V = np.zeros((len(y), len(y)))
    at = 0
    for S in blocks:
        V[at : at + len(S), at : at + len(S)] = S
        at += len(S)
    X, y, W = np.array(X), np.array(y), np.linalg.inv(V)
    covariance = np.linalg.inv(X.T @ W @ X)
    beta = covariance @ X.T @ W @ y
    return beta, covariance, float((y - X @ beta) @ W @ (y - X @ beta))


@pytest.mark.parametrize("tau2", [0.0, 0.05, 2.0])
def test_graph_weights_are_generalised_least_squares(tau2):
    table = three_arm_network()
    fit = lam.network.pool_network(table, tau2=tau2)
    beta, covariance, rss = generalised_least_squares(table, tau2)
    np.testing.assert_allclose(fit.effects[1:, 0], beta, rtol=1e-11)
    np.testing.assert_allclose(fit.pair_se[1:, 0] ** 2, np.diag(covariance), rtol=1e-11)
    assert fit.graph.q == pytest.approx(rss, rel=1e-11)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_tau2_maximises_the_multivariate_likelihood(method):
    """`multilevel` with the sampling covariances and R = ½(I + J) within studies is the same model."""
    table = three_arm_network()
    names = table.treatments
    y, V, X, studies = [], [], [], []
    blocks = []
    for trial in table.trials:
        arms = [names[i] for i in trial.arms]
        value = {}
        for i in trial.rows:
            value[table.first[i], table.second[i]] = (table.yi[i], table.vi[i])
            value[table.second[i], table.first[i]] = (-table.yi[i], table.vi[i])
        base, others = arms[0], arms[1:]
        for p in others:
            y.append(value[p, base][0])
            V.append(value[p, base][1])
            X.append([float(n == p) - float(n == base) for n in names[1:]])
            studies.append(trial.study)
        blocks.append(
            [
                [0.5 * (value[p, base][1] + value[q, base][1] - (value[p, q][1] if p != q else 0)) for q in others]
                for p in others
            ]
        )
    S = np.zeros((len(y), len(y)))
    at = 0
    for block in blocks:
        S[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    labels = [f"{i:03d}" for i in range(len(y))]
    same = np.array(studies)[:, None] == np.array(studies)
    flat = lam.EvidenceTable.from_estimates(y, vi=V, labels=labels, studies=studies)
    other = lam.multilevel(
        flat,
        V=S,
        random="1 | row",
        R={"row": 0.5 * same + 0.5 * np.eye(len(y))},
        moderators=np.array(X),
        names=list(names[1:]),
        tau2=method,
    )
    fit = lam.network.pool_network(table, tau2=method)
    assert fit.tau2 == pytest.approx(float(other.sigma2[0]), rel=1e-5)
    assert fit.tau2 > 0


def test_two_treatments_are_pairwise_meta_analysis():
    y, v = [0.5, 0.1, 0.4, -0.2], [0.04, 0.03, 0.05, 0.06]
    table = lam.network.NetworkTable(y, v, ["new"] * 4, ["old"] * 4, list("1234"))
    for method in ("DL", "REML", "ML"):
        pair = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), model="random", tau2=method, interval="z")
        fit = lam.network.pool_network(table, tau2=method)
        assert fit.pair_effect("new", "old") == pytest.approx(pair.mu, rel=1e-9)
        assert fit.tau2 == pytest.approx(pair.tau2, rel=1e-8)
        assert fit.q == pytest.approx(pair.q, rel=1e-12)
        assert tuple(fit.pair_interval("new", "old")) == pytest.approx(tuple(pair.interval()), rel=1e-9)


def test_an_indirect_comparison_is_buchers():
    """Bucher 1997: a–c through b is the sum of the effects, and of the variances."""
    table = lam.network.NetworkTable([0.5, 0.2], [0.04, 0.03], ["a", "b"], ["b", "c"], ["1", "2"])
    fit = lam.network.pool_network(table, model="common")
    assert fit.pair_effect("a", "c") == pytest.approx(0.7)
    assert fit.pair_se[0, 2] ** 2 == pytest.approx(0.07)
    assert lam.network.network_contributions(fit).loc["a:c"].tolist() == pytest.approx([0.5, 0.5])
    assert lam.network.network_paths(fit)["mean_path"].tolist() == pytest.approx([1, 2, 1])


def test_split_rejoins_to_the_network_estimate():
    fit = lam.network.pool_network(three_arm_network())
    split = lam.network.split_network(fit).dropna()
    joined = split["share"] * split["direct"] + (1 - split["share"]) * split["indirect"]
    np.testing.assert_allclose(joined, split["network"], rtol=1e-10)
    precision = 1 / split["direct_se"] ** 2 + 1 / split["indirect_se"] ** 2
    np.testing.assert_allclose(1 / precision, split["network_se"] ** 2, rtol=1e-10)


def test_contributions_sum_to_one():
    shares = lam.network.network_contributions(lam.network.pool_network(three_arm_network()))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert (shares.to_numpy() >= 0).all()


def test_arms_give_the_comparisons_of_the_reference_set():
    """Log odds ratios of the published arms of Pagliaro 1992 give the published comparisons."""
    fit = lam.network.pool_network(
        lam.network.network_table(
            pd.DataFrame(
                {
                    "study": [1, 1, 1, 2, 2],
                    "treatment": ["b", "s", "c", "s", "c"],
                    "r": [2, 9, 13, 12, 13],
                    "n": [43, 42, 41, 68, 72],
                }
            ),
            "OR",
            events="r",
            total="n",
        ),
        model="common",
    )
    # first study, b against c: log(2·28 / (13·41))
    assert fit.table.yi[1] == pytest.approx(np.log(2 * 28 / (13 * 41)), rel=1e-12)
    assert fit.table.vi[1] == pytest.approx(1 / 2 + 1 / 41 + 1 / 13 + 1 / 28, rel=1e-12)


def test_p_scores_mean_one_half():
    fit = lam.network.pool_network(three_arm_network())
    for small in (True, False):
        assert np.mean(list(fit.p_scores(small_is_good=small).values())) == pytest.approx(0.5)


def test_scale_and_order_change_nothing():
    table = three_arm_network()
    fit = lam.network.pool_network(table)
    scaled = lam.network.pool_network(
        lam.network.NetworkTable(table.yi * 1e6, table.vi * 1e12, table.first, table.second, table.studies)
    )
    np.testing.assert_allclose(scaled.effects, fit.effects * 1e6, rtol=1e-8, atol=1e-6)
    flipped = lam.network.pool_network(
        lam.network.NetworkTable(
            -table.yi[::-1], table.vi[::-1], table.second[::-1], table.first[::-1], table.studies[::-1]
        )
    )
    np.testing.assert_allclose(flipped.effects, fit.effects, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vi": [0.1, 0.0]}, "variance 0"),
        ({"yi": [0.1, float("nan")]}, "row 1 is not finite"),
        ({"yi": "ab"}, "give one column of numbers"),
        ({"first": ["a"]}, "equally long"),
        ({"second": ["b", "b"], "first": ["a", "b"]}, "compared with itself"),
        ({"studies": ["1", "1"]}, "no comparison of a and c"),
        ({"studies": ["1", "1"], "first": ["a", "b"], "second": ["b", "a"]}, "comparison twice"),
        ({"first": ["a", None]}, "a name for every comparison"),
        ({"yi": [], "vi": [], "first": [], "second": [], "studies": []}, "at least one comparison"),
    ],
)
def test_a_table_that_is_no_network_says_why(change, says):
    good = {"yi": [0.1, 0.2], "vi": [0.1, 0.2], "first": ["a", "b"], "second": ["b", "c"], "studies": ["1", "2"]}
    with pytest.raises(InputError, match=says):
        lam.network.NetworkTable(**{**good, **change})


def test_contradicting_comparisons_are_refused():
    with pytest.raises(InputError, match="study 1: a–b plus b–c is not a–c"):
        lam.network.NetworkTable([0.1, 0.2, 0.9], [0.1, 0.1, 0.1], list("aab"), list("bcc"), ["1"] * 3)
    with pytest.raises(InputError, match="study 1: its variances"):
        lam.network.pool_network(
            lam.network.NetworkTable([0.1, 0.3, 0.2], [0.1, 0.1, 0.9], list("aab"), list("bcc"), ["1"] * 3)
        )


def test_what_cannot_be_pooled_says_why():
    apart = lam.network.NetworkTable([0.1, 0.2], [0.1, 0.2], ["a", "c"], ["b", "d"], ["1", "2"])
    with pytest.raises(NotEstimable, match=r"2 parts: a, b \| c, d"):
        lam.network.pool_network(apart)
    chain = lam.network.NetworkTable([0.1, 0.2], [0.1, 0.2], ["a", "b"], ["b", "c"], ["1", "2"])
    with pytest.raises(NotEstimable, match="cannot be estimated"):
        lam.network.pool_network(chain)
    assert lam.network.pool_network(chain, tau2=0.05).tau2 == 0.05
    with pytest.raises(UnknownName, match="REML"):
        lam.network.pool_network(three_arm_network(), tau2="PM")
    with pytest.raises(OptionError, match="common model"):
        lam.network.pool_network(chain, model="common", tau2="DL")
    with pytest.raises(UnknownName, match="choices: a, b, c"):
        lam.network.pool_network(chain, model="common", reference="z")
    with pytest.raises(OptionError, match="NetworkTable"):
        lam.network.pool_network([1, 2])
    with pytest.raises(NotEstimable, match="prediction"):
        lam.network.pool_network(chain, model="common").pair_predictions()


def test_zero_cells_are_refused_or_continued_in_the_whole_study():
    arms = pd.DataFrame({"study": [1, 1, 1], "treatment": list("abc"), "r": [0, 3, 4], "n": [20, 20, 20]})
    with pytest.raises(InputError, match=r"add=0\.5"):
        lam.network.network_table(arms, "OR", events="r", total="n")
    table = lam.network.network_table(arms, "OR", events="r", total="n", add=0.5)
    assert table.vi[2] == pytest.approx(1 / 3.5 + 1 / 17.5 + 1 / 4.5 + 1 / 16.5)
    with pytest.raises(OptionError, match="MD needs the columns mean, sd, total"):
        lam.network.network_table(arms, "MD", events="r", total="n")


def test_every_output_is_reachable():
    fit = lam.network.pool_network(three_arm_network(), reference="a")
    assert json.dumps(fit.to_json())
    assert [len(fit.pairs()), len(fit.tidy()), len(fit.summary()), len(fit.league_table())] == [6, 3, 5, 4]
    assert fit.glance()["designs"].item() == len(fit.table.designs)
    assert "8 studies" in fit.describe()
    assert "between designs" in repr(lam.network.design_inconsistency(fit))
