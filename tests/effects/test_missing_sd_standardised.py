"""Standardised mean differences with imputed SDs: the noncentral t law that they follow, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import lamevidence as lam
from lamevidence.effects.missing_sd import imputed_standard
from lamevidence.errors import InputError, OptionError

FRAME = pd.DataFrame(
    {
        "trial": ["A", "B", "C", "D", "E", "F"],
        "m1": [2.0, 1.5, 2.6, 1.9, 2.2, 2.4],
        "s1": [1.0, 1.4, np.nan, 0.8, 1.9, 1.1],
        "n1": [20, 35, 40, 25, 30, 28],
        "m2": [1.1, 1.0, 1.2, 1.3, 1.0, 1.5],
        "s2": [1.1, 1.2, np.nan, 0.9, 1.7, 1.0],
        "n2": [22, 30, 38, 25, 31, 29],
    }
)
COLUMNS = {f"{name}i": name for name in ("m1", "n1", "m2", "n2")} | {"sd1i": "s1", "sd2i": "s2"}


def table(frame=FRAME, measure="SMD", **options):
    return lam.EvidenceTable.from_frame(frame, measure, study="trial", **COLUMNS, **options)


def law(variances, df):
    """d and s₀² by the moments of log s² (Smyth 2004, section 6.2), d by a grid, with what is not known of s₀²."""
    e = np.log(variances) - special.digamma(df / 2) + np.log(df / 2)
    noise = special.polygamma(1, df / 2)
    between = e.var(ddof=1) - noise.mean()
    grid = np.geomspace(0.1, 200, 400_001)
    d0, d = (
        2 * grid[np.argmin(np.abs(special.polygamma(1, grid) - x))]
        for x in (between, between + (between + noise).sum() / e.size**2)
    )
    return d, np.exp(e.mean() + special.digamma(d0 / 2) - np.log(d0 / 2))


def hedges(df):
    return np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2)


def pooled(frame):
    f1, f2 = frame["n1"] - 1, frame["n2"] - 1
    return ((f1 * frame["s1"] ** 2 + f2 * frame["s2"] ** 2) / (f1 + f2)).to_numpy(), (f1 + f2).to_numpy()


def test_no_sd_at_all_is_the_law_of_the_other_studies():
    d, scale = law(*pooled(FRAME.dropna()))
    made = table(impute_sd=True)
    g = hedges(d) * 1.4 / np.sqrt(scale)
    assert made.yi[2] == pytest.approx(g, rel=1e-5)
    assert made.vi[2] == pytest.approx(1 / 40 + 1 / 38 + (1 - (d - 2) / (d * hedges(d) ** 2)) * g * g, rel=1e-5)
    printed = table(FRAME.dropna())
    np.testing.assert_array_equal(np.delete(made.yi, 2), printed.yi)
    np.testing.assert_array_equal(np.delete(made.vi, 2), printed.vi)


def test_the_variance_is_that_of_the_noncentral_t():
    """E g and E v of (m₁ − m₂)/s₀ by scipy's noncentral t on d degrees of freedom: δ, and the variance of g."""
    d, _ = law(*pooled(FRAME.dropna()))
    arms, delta = 1 / 40 + 1 / 38, 0.7
    mean, variance = stats.nct(df=d, nc=delta / np.sqrt(arms)).stats("mv")
    factor = hedges(d) * np.sqrt(arms)
    assert factor * mean == pytest.approx(delta, rel=1e-8)
    square = factor**2 * (variance + mean**2)
    expected = arms + (1 - (d - 2) / (d * hedges(d) ** 2)) * square
    assert expected == pytest.approx(factor**2 * variance, rel=1e-8)


def test_one_arm_that_prints_its_sd_moderates_it():
    frame = FRAME.assign(s2=[1.1, 1.2, 1.6, 0.9, 1.7, 1.0])
    d, scale = law(*pooled(FRAME.dropna()))
    made = table(frame, impute_sd=True)
    m = d + 37
    g = hedges(m) * 1.4 / np.sqrt((d * scale + 37 * 1.6**2) / m)
    assert made.yi[2] == pytest.approx(g, rel=1e-5)
    assert made.vi[2] < table(impute_sd=True).vi[2] * (g / table(impute_sd=True).yi[2]) ** 2
    assert "the printed arm (ν = 37)" in str(made["C"].lineage)
    assert made.counts["sd2i"][2] == 1.6
    assert table(frame, impute_sd=True, flip=True).yi[2] == -made.yi[2]
    assert table(frame, impute_sd=True, correct=False).yi[2] == pytest.approx(g / hedges(m), rel=1e-5)


def test_unequal_variances():
    use = FRAME.dropna()
    v1, v2 = (use[name].to_numpy() ** 2 for name in ("s1", "s2"))
    f1, f2 = use["n1"].to_numpy() - 1, use["n2"].to_numpy() - 1
    d, scale = law((v1 + v2) / 2, (v1 + v2) ** 2 / (v1**2 / f1 + v2**2 / f2))
    made = table(measure="SMDH", impute_sd=True)
    g = hedges(d) * 1.4 / np.sqrt(scale)
    share = np.mean(2 * v1 / (v1 + v2))
    assert made.yi[2] == pytest.approx(g, rel=1e-5)
    arms = share / 40 + (2 - share) / 38
    assert made.vi[2] == pytest.approx(arms + (1 - (d - 2) / (d * hedges(d) ** 2)) * g * g, rel=1e-5)
    frame = FRAME.assign(s2=[1.1, 1.2, 1.6, 0.9, 1.7, 1.0])
    with pytest.raises(OptionError, match=r'one arm alone .* in C, .* measure="SMD" takes the other arm'):
        table(frame, "SMDH", impute_sd=True)
    assert table(frame, "SMD", impute_sd=True).k == 6


def test_the_average_of_av_is_that_of_printed_rows():
    made, printed = table(impute_sd=True, vtype="AV"), table(FRAME.dropna(), vtype="AV")
    np.testing.assert_array_equal(np.delete(made.vi, 2), printed.vi)
    assert made.vi[2] == table(impute_sd=True).vi[2]


def test_it_is_never_silent_and_refused_with_a_remedy():
    made = table(impute_sd=True)
    assert "imputed" in made.notes[0]
    assert "on the same scale in all studies" in made.notes[0]
    assert made.moderators["sd_imputed"].tolist() == [False, False, True, False, False, False]
    assert any("imputed from those of the other studies" in note for note in lam.pool(made).notes)
    assert made["A"].lineage.steps == ()
    whole = table(FRAME.dropna(), impute_sd=True)
    assert whole.notes == ()
    np.testing.assert_array_equal(whole.vi, table(FRAME.dropna()).vi)
    few = FRAME.assign(s1=[1.0, np.nan, np.nan, 1.2, np.nan, np.nan])
    with pytest.raises(InputError, match="2 rows print the standard deviations of both arms, 3 are needed"):
        table(few, impute_sd=True)
    assert table(few.dropna()).k == 2
    wild = FRAME.assign(s1=[0.01, 5.0, np.nan, 300.0, 0.2, 40.0], s2=[0.01, 5.0, np.nan, 300.0, 0.2, 40.0])
    with pytest.raises(OptionError, match=r"differ so much .* leave out by hand: C"):
        table(wild, impute_sd=True)
    assert table(wild.dropna()).k == 5


@pytest.mark.slow
@pytest.mark.parametrize("arms", ["none", "one"])
def test_estimates_without_an_sd_are_unbiased_and_their_intervals_hold(arms):
    """σ² ~ 12/χ²(12) in 8 studies, δ = .8, the SD of both arms or of one not printed: mean, variance, coverage."""
    rng = np.random.default_rng(11)
    delta, sets = 0.8, 4000
    found = np.empty((2, sets))
    for i in range(sets):
        sigma = np.sqrt(12 / rng.chisquare(12, 8))
        n1, n2 = rng.integers(12, 50, (2, 8)).astype(float)
        means = rng.standard_normal((2, 8)) * sigma / np.sqrt([n1, n2])
        sd1, sd2 = (sigma * np.sqrt(rng.chisquare(n - 1) / (n - 1)) for n in (n1, n2))
        sd1[0] = np.nan
        if arms == "none":
            sd2[0] = np.nan
        data = {"m1i": means[0] + delta * sigma, "sd1i": sd1, "n1i": n1, "m2i": means[1], "sd2i": sd2, "n2i": n2}
        made = imputed_standard("SMD", data, list("ABCDEFGH"))
        d = (data["m1i"] - data["m2i"])[0] / made.sd[0]
        j = hedges(made.df[0])
        g = j * d
        found[:, i] = g, made.arms[0] + (1 - (made.df[0] - 2) / (made.df[0] * j * j)) * g * g
    g, v = found
    assert g.mean() == pytest.approx(delta, abs=0.03)
    assert v.mean() == pytest.approx(g.var(), rel=0.1)
    assert np.mean(np.abs(g - delta) <= 1.96 * np.sqrt(v)) >= 0.94
