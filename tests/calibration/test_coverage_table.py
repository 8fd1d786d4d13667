"""The stored coverage table, its page, and one cell simulated anew."""

import json

import numpy as np
import pytest
from scipy import special, stats

import lamevidence as lam
from benchmarks.coverage_page import LEAST, PAGE, below
from benchmarks.coverage_sets import fit_counts, simulate
from benchmarks.coverage_table import PATH, SETTINGS, cells, name_of
from lamevidence.pooling.counts import beta_binomial, gamma_poisson, glmm
from lamevidence.pooling.policy import NEW, default_interval

STORED = json.loads(PATH.read_text(encoding="utf-8"))
PLAIN = ("HKSJ", "IV HKSJ")


def test_the_file_has_the_settings_of_the_program_and_the_page_says_which_cells_it_lacks():
    assert STORED["settings"] == json.loads(json.dumps(SETTINGS))
    names = {name_of(cell) for cell in cells()}
    assert set(STORED["cells"]) <= names
    text = PAGE.read_text(encoding="utf-8")
    assert all(name in text for name in names - set(STORED["cells"]))


def test_each_cell_is_of_the_present_default():
    for name, cell in STORED["cells"].items():
        measure = name.split()[0]
        want = NEW if measure == "new" else "t" if measure in ("OR", "IRR", "PLO", "IRLN") else None
        assert cell["default"] == (want or default_interval("random", 5)[0])


def test_a_cell_below_the_mark_is_named_on_the_page_with_its_number():
    text = PAGE.read_text(encoding="utf-8")
    for name, coverage in below(STORED["cells"]):
        assert f"- {name}: {coverage:.4f}" in text
    assert str(LEAST) in text


def test_the_floor_never_covers_less_than_the_plain_interval():
    for name, cell in STORED["cells"].items():
        for plain in PLAIN:
            if plain in cell:
                assert cell[f"{plain}-floor"]["coverage"] >= cell[plain]["coverage"], name


def test_two_studies_hold_the_truth_which_normal_quantiles_do_not():
    """Log odds ratios, k = 2, τ = ½: a binomial bound at 1e-6 that the normal interval (.75 to .85) fails."""
    sets = simulate("OR", 2, 0.5, 0.3, 300, np.random.default_rng(5))
    fits = fit_counts(sets, 150)
    least = stats.binom.ppf(1e-6, 300, 0.93)
    held = []
    for quantile in (special.stdtrit(np.maximum(fits.df, 1.0), 0.975), np.full(300, special.ndtri(0.975))):
        ends = fits.ends(quantile)
        held.append(int(((ends[:, 0] <= sets.truth) & (sets.truth <= ends[:, 1])).sum()))
    assert held[0] >= least > held[1]


@pytest.mark.parametrize("seed", range(4))
def test_default_interval_of_counts_is_not_shorter_than_the_normal_one(seed):
    rng = np.random.default_rng(seed)
    for k in (2, 3, 4, 5):
        n = rng.integers(20, 200, k)
        x = rng.binomial(n, special.expit(rng.normal(-1.0, 0.5, k)))
        x[0] = max(1, x[0])
        single = {"labels": tuple(map(str, range(k))), "studies": tuple(map(str, range(k)))}
        nothing = np.full(k, np.nan)

        def table(measure, **counts):
            made = {name: np.asarray(c, float) for name, c in counts.items()}
            return lam.EvidenceTable(yi=nothing, vi=nothing, measure=measure, unit=None, counts=made, **single)  # noqa: B023

        for make, rows in (
            (glmm, table("PLO", xi=x, ni=n)),
            (glmm, table("IRLN", xi=x, ti=n)),
            (beta_binomial, table("PLO", xi=x, ni=n)),
            (gamma_poisson, table("IRLN", xi=x, ti=n)),
        ):
            default, normal = make(rows), make(rows, interval="z")
            assert default.interval().width > normal.interval().width
            assert default.df == k - 1
            assert default.spec.why["interval"].startswith("t(k")


def test_degrees_of_freedom_with_moderators():
    rows = lam.EvidenceTable(
        yi=np.full(6, np.nan),
        vi=np.full(6, np.nan),
        measure="PLO",
        unit=None,
        counts={"xi": np.array([3.0, 5, 9, 4, 8, 12]), "ni": np.array([30.0, 40, 50, 30, 40, 60])},
        labels=tuple("abcdef"),
        studies=tuple("abcdef"),
        moderators={"x": np.arange(6.0)},
    )
    fit = glmm(rows, moderators="~ x")
    assert fit.df == 4
    assert fit.interval()["x"].width == pytest.approx(2 * special.stdtrit(4, 0.975) * fit.se[1])
    assert glmm(rows).df == 5
    assert glmm(rows, tau2="none").spec.interval == "z"
