"""SDs imputed with their uncertainty: the law of variances, weights, coverage, and that it is never silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import lamevidence as lam
from lamevidence.effects.missing_sd import imputed_sd
from lamevidence.errors import InputError, OptionError
from lamevidence.plots.drawing.shapes import Text

FRAME = pd.DataFrame(
    {
        "trial": ["A", "B", "C", "D", "E", "F"],
        "m": [2.0, 1.5, 2.6, 1.9, 2.2, 2.4],
        "s": [1.0, 1.4, np.nan, 0.8, 1.9, 1.1],
        "n": [20, 35, 40, 25, 30, 28],
    }
)
COLUMNS = {"study": "trial", "mean": "m", "sd": "s", "n": "n"}


def table(frame=FRAME, **options):
    return lam.EvidenceTable.from_frame(frame, "MN", **COLUMNS, **options)


def test_the_law_solves_the_moment_equations():
    """ψ′(d₀/2) is the variance of log s² beyond ψ′((n − 1)/2); s₀² from its mean: Smyth 2004, section 6.2."""
    sd, n = FRAME["s"].to_numpy(), FRAME["n"].to_numpy()
    found = imputed_sd(sd, n, "s", list("ABCDEF"))
    use = ~np.isnan(sd)
    df = n[use] - 1
    e = np.log(sd[use] ** 2) - special.digamma(df / 2) + np.log(df / 2)
    noise = special.polygamma(1, df / 2)
    between = e.var(ddof=1) - noise.mean()
    grid = np.geomspace(0.1, 200, 400_001)
    d0 = 2 * grid[np.argmin(np.abs(special.polygamma(1, grid) - between))]
    spread = between + (between + noise).sum() / 25
    d = 2 * grid[np.argmin(np.abs(special.polygamma(1, grid) - spread))]
    scale = np.exp(e.mean() + special.digamma(d0 / 2) - np.log(d0 / 2))
    assert d < d0
    assert found.sd[2] == pytest.approx(np.sqrt(scale * d / (d - 2)), rel=1e-4)
    np.testing.assert_array_equal(found.sd[use], sd[use])


def test_equal_sds_give_that_sd_and_more_spread_more_variance():
    n = np.full(6, 200.0)
    same = imputed_sd(np.array([1.0, 1.0, np.nan, 1.0, 1.0, 1.0]), n, "s", list("ABCDEF"))
    assert same.sd[2] == pytest.approx(1.0, rel=0.01)
    unlike = imputed_sd(np.array([0.6, 1.0, np.nan, 1.7, 1.0, 1.0]), n, "s", list("ABCDEF"))
    assert unlike.sd[2] > np.exp(np.log([0.6, 1.0, 1.7, 1.0, 1.0]).mean()) * 1.1


def test_intervals_of_rows_without_an_sd_hold_their_mean():
    """4 000 sets of 8 studies with σ² ~ 12/χ²(12), one SD not printed: ± 1.96 SE of its row holds in at least .94."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(4000):
        sigma = np.sqrt(12 / rng.chisquare(12, 8))
        n = rng.integers(15, 60, 8)
        sd = sigma * np.sqrt(rng.chisquare(n - 1) / (n - 1))
        sd[0] = np.nan
        found = imputed_sd(sd, n, "s", list("ABCDEFGH"))
        error = sigma[0] / np.sqrt(n[0]) * rng.standard_normal()
        held += abs(error) <= stats.norm.ppf(0.975) * found.sd[0] / np.sqrt(n[0])
    assert held / 4000 >= 0.94


def test_it_is_asked_for_and_never_silent():
    with pytest.raises(InputError, match="row 2 column 's'"):
        table()
    made = table(impute_sd=True)
    assert made.yi.tolist() == FRAME["m"].tolist()
    assert "Standard deviations of C are not printed: they were imputed" in made.notes[0]
    assert "impute_sd s imputed as" in str(made["C"].lineage)
    assert "Smyth 2004" in made["C"].lineage.steps[0].reference
    assert made["A"].lineage.steps == ()
    assert made.moderators["sd_imputed"].tolist() == [False, False, True, False, False, False]
    assert made.to_frame()["sd_imputed"].sum() == 1
    drawn = " ".join(mark.text for mark in lam.forest(lam.pool(made)).layout.marks if isinstance(mark, Text))
    assert "Standard deviations of C are not printed" in " ".join(drawn.split())
    for result in (lam.pool(made), lam.pool_bayes(made, tau=lam.priors.HalfNormal(1))):
        assert any("imputed from those of the other studies" in note for note in result.notes)
        assert not any("imputed" in note for note in result.without("C").notes)
    whole = table(FRAME.dropna(), impute_sd=True)  # nothing is missing, and nothing is said
    assert whole.notes == table(FRAME.dropna()).notes == ()
    np.testing.assert_array_equal(whole.vi, table(FRAME.dropna()).vi)
    weights = lam.pool(made, model="common").weights
    assert weights[2] == pytest.approx(100 * (1 / made.vi[2]) / (1 / made.vi).sum())


def test_two_arms():
    frame = FRAME.assign(mc=1.0, sc=[1.1, np.nan, np.nan, 0.9, 1.2, 1.0], nc=30)
    made = lam.EvidenceTable.from_frame(
        frame, "MD", **COLUMNS, control_mean="mc", control_sd="sc", control_n="nc", impute_sd=True
    )
    assert [len(line.steps) for line in made.lineage] == [0, 1, 2, 0, 0, 0]
    assert "Standard deviations of B, C" in made.notes[0]


def test_what_cannot_be_imputed_is_refused_with_a_remedy():
    few = FRAME.assign(s=[1.0, np.nan, np.nan, 1.2, np.nan, np.nan])
    with pytest.raises(InputError, match="has 2 standard deviations, 3 are needed to impute those of B, C, E, F"):
        table(few, impute_sd=True)
    assert table(few.dropna()).k == 2
    wild = FRAME.assign(s=[0.01, 5.0, np.nan, 300.0, 0.2, 40.0])
    with pytest.raises(OptionError, match=r"differ so much .* leave out by hand: C"):
        table(wild, impute_sd=True)
    assert table(wild.dropna()).k == 5
    with pytest.raises(OptionError, match="is for MD, MN, SMD, SMDH, not for log mean"):
        lam.EvidenceTable.from_frame(FRAME, "MNLN", **COLUMNS, impute_sd=True)
    with pytest.raises(InputError, match="'sd_imputed', which is what marks"):
        table(FRAME.assign(sd_imputed=1), impute_sd=True)
    with pytest.raises(InputError, match="leave the cell empty"):
        table(FRAME.assign(s=["1", "2", "x", "1", "1", "1"]), impute_sd=True)
    with pytest.raises(InputError):
        table(FRAME.assign(m=[1, np.nan, 1, 1, 1, 1]), impute_sd=True)
