"""The categories of one trial shrunk to each other: numbers of two independent quadratures, and brute force here."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.foundation.errors import OptionError


@pytest.fixture(scope="module")
def miles():
    return lam.load_registry().evidence("miles-adverse-events-by-category")


@pytest.fixture(scope="module")
def profile(miles):
    return lam.synthesis.adverse_event_profile(miles)


def brute(table, power, category):
    """Log integral, mean and sd of μ, mean of τ, and mean and P(> 0) of one category, by Gauss-Legendre panels."""
    x, w = np.polynomial.legendre.leggauss(60)
    m, wm = 1.2 * x + 0.25, 1.2 * w
    t, wt = 1.0 * (x + 1), 1.0 * w
    z, wz = np.polynomial.legendre.leggauss(80)
    z, wz = 8 * z, 8 * wz
    theta = m[:, None, None] + t[:, None] * z
    log = stats.norm.logpdf(m, 0, 2.82)[:, None] + stats.halfnorm.logpdf(t, scale=0.5)
    law = wz * stats.norm.pdf(z)
    c = table.counts
    share = np.exp(theta) * 46 / (np.exp(theta) * 46 + 43)
    for i in range(table.k):
        one = law * stats.binom.pmf(c["x1i"][i], c["x1i"][i] + c["x2i"][i], share) ** power
        log = log + np.log(one.sum(-1))
        if i == category:
            mean = (one * theta).sum(-1) / one.sum(-1)
            # above 0 by nodes of its own, from z = −μ/τ on: the others would straddle the step
            start = np.clip(-m[:, None] / t, -8, 8)[..., None]
            place = start + (8 - start) * (z + 8) / 16
            there = np.exp(m[:, None, None] + t[:, None] * place) * 46
            law_there = wz * (8 - start) / 16 * stats.norm.pdf(place)
            x, n = c["x1i"][i], c["x1i"][i] + c["x2i"][i]
            above = (law_there * stats.binom.pmf(x, n, there / (there + 43)) ** power).sum(-1) / one.sum(-1)
    weight = np.exp(log - log.max()) * wm[:, None] * wt
    total = np.log(weight.sum()) + log.max()
    weight /= weight.sum()
    mu = (weight.sum(1) * m).sum()
    sd = np.sqrt((weight.sum(1) * (m - mu) ** 2).sum())
    return total, mu, sd, (weight.sum(0) * t).sum(), (weight * mean).sum(), (weight * above).sum()


def test_the_printed_numbers(profile):
    one, cautious = profile.independent, profile.cautious
    found = (one.log_marginal, one.mu.mean, one.mu.sd, one.tau.mean)
    assert found == pytest.approx((-61.853984, 0.249813, 0.103126, 0.311205), abs=1e-6)
    assert (cautious.mu.mean, cautious.mu.sd) == pytest.approx((0.231719, 0.114149), abs=1e-6)
    frame = profile.to_frame().set_index("category")
    skin, lung = frame.loc["Dermatologic"], frame.loc["Pulmonary or upper respiratory"]
    assert (skin["raw"], skin["ratio"], skin["cautious_ratio"]) == pytest.approx((2.42, 2.028, 1.531), abs=5e-3)
    assert (lung["ratio"], lung["cautious_ratio"]) == pytest.approx((0.828, 1.027), abs=5e-4)


@pytest.mark.parametrize("power", [1.0, 1 / 3])
def test_by_brute_force(miles, profile, power):
    i = miles.labels.index("Pulmonary or upper respiratory")
    fit = profile.independent if power == 1.0 else profile.cautious
    found = (fit.log_marginal, fit.mu.mean, fit.mu.sd, fit.tau.mean, fit.theta[i].mean, 1 - fit.theta[i].cdf(0.0))
    assert found == pytest.approx(brute(miles, power, i), abs=5e-5)


def test_a_power_of_one_is_the_independent_reading(miles):
    both = lam.synthesis.adverse_event_profile(miles, power=1)
    assert both.cautious.log_marginal == both.independent.log_marginal
    assert both.named()["unsure"] == ()


def test_one_prior_with_no_spread_gives_one_ratio(miles):
    tight = lam.synthesis.adverse_event_profile(miles, tau=lam.priors.HalfNormal(1e-3)).to_frame()
    assert np.ptp(tight["ratio"]) < 1e-3
    c = miles.counts
    # all categories together: the ratio of totals, at a prior that hardly says anything
    whole = c["x1i"].sum() / 46 / (c["x2i"].sum() / 43)
    assert tight["ratio"].mean() == pytest.approx(whole, rel=2e-3)


def test_what_the_sentence_says_is_so(miles, profile):
    frame = profile.to_frame()
    text = profile.describe()
    assert set(profile.named()["more"]) == set(frame["category"][frame["cautious_low"] > 1]) != set()
    assert "more frequent on sirolimus than on placebo: Dermatologic, Gastrointestinal;" in text
    assert "; only if events were independent of each other: Metabolic or laboratory." in text
    assert "not modelled" in text
    counts = {**miles.counts, "x1i": miles.counts["x2i"]}
    alike = dataclasses.replace(miles, counts=counts, yi=np.zeros(miles.k), vi=np.ones(miles.k))
    same = lam.synthesis.adverse_event_profile(alike)
    assert same.named() == {"more": (), "less": (), "unsure": ()}
    assert "of no single category does the cautious interval leave 1 out" in same.describe()
    assert "only if" not in same.describe()
    swapped = {f"{name}{i}i": miles.counts[f"{name}{3 - i}i"] for name in "xt" for i in (1, 2)}
    turned = lam.synthesis.adverse_event_profile(dataclasses.replace(miles, counts={**miles.counts, **swapped}))
    assert turned.named()["less"] == profile.named()["more"]


def test_the_figure_holds_every_category(profile):
    plot = profile.plot()
    ax = plot.ax
    assert len(ax.get_yticks()) == 23
    hollow = [line for line in ax.lines if line.get_marker() in "o<>" and line.get_markerfacecolor() == "white"]
    # 22 raw ratios exist, one of them 0 and one infinite; without any event there is none
    assert sum(len(line.get_xdata()) for line in hollow) == 22
    filled = [line for line in ax.lines if line.get_label().startswith("shrunken")]
    assert [len(line.get_xdata()) for line in filled] == [23, 23]


def test_what_is_no_profile_is_refused(miles):
    frame = pd.DataFrame({"trial": ["A", "B"], "x": [3, 4], "t": [5.0, 6], "c": [2, 2], "u": [5.0, 5]})
    roles = {"events": "x", "person_time": "t", "control_events": "c", "control_person_time": "u"}
    several = lam.EvidenceTable.from_frame(frame, "IRR", study="trial", **roles)
    with pytest.raises(OptionError, match="2 rows of 2 studies are no categories of one trial"):
        lam.synthesis.adverse_event_profile(several)
    one = frame.assign(category=frame["trial"], trial="A")
    made = lam.EvidenceTable.from_frame(one, "IRR", study="category", cluster="trial", **roles)
    assert lam.synthesis.adverse_event_profile(made).table.k == 2
    with pytest.raises(OptionError, match="1 rows of 1 studies"):
        lam.synthesis.adverse_event_profile(made[[0]])
    with pytest.raises(OptionError, match="IRR"):
        lam.synthesis.adverse_event_profile(lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[1, 1]))
    for power in (0, -1, 1.5, "a third"):
        with pytest.raises(OptionError, match="power"):
            lam.synthesis.adverse_event_profile(miles, power=power)
