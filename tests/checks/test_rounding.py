"""What rounding can do: against all corners, by hand from the printed numbers, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.checks.choices.box_search import search_box
from lamevidence.checks.choices.print_bounds import print_bounds
from lamevidence.errors import InputError, NotEstimable, OptionError
from tests.support.fits import FITS, fitted

Y, V = np.array([0.1, 0.32, 0.35, 0.65]), np.array([0.03, 0.03, 0.05, 0.01])
YB = np.column_stack([Y - 0.05, Y + 0.05])
VB = np.column_stack([V * 0.8, V * 1.25])
TABLE = lam.EvidenceTable.from_estimates(Y, vi=V, labels=["A", "B", "C", "D"])
GIVEN = {"yi_bounds": YB, "vi_bounds": VB}
REGISTRY = lam.load_registry()


def corners():
    for code in product((0, 1), repeat=8):
        yield YB[range(4), code[:4]], VB[range(4), code[4:]]


@pytest.mark.parametrize("options", [{"model": "common"}, {"tau2": "DL", "interval": "z"}, {"tau2": "REML"}])
def test_no_corner_lies_beyond_it(options):
    fit = lam.pool(TABLE, **options)
    found = lam.checks.rounding_interval(fit, **GIVEN)
    each = [fit.refit(lam.EvidenceTable.from_estimates(y, vi=v)) for y, v in corners()]
    mu = [other.estimate for other in each]
    ends = np.array([tuple(other.interval()) for other in each])
    assert found.estimate.low <= min(mu) + 1e-12
    assert found.estimate.high >= max(mu) - 1e-12
    assert found.low.low <= ends[:, 0].min() + 1e-12
    assert found.low.high >= ends[:, 0].max() - 1e-12
    assert found.high.low <= ends[:, 1].min() + 1e-12
    assert found.high.high >= ends[:, 1].max() - 1e-12
    if options == {"model": "common"}:
        assert found.exact
        assert tuple(found.estimate) == pytest.approx((min(mu), max(mu)), rel=1e-13)
    else:
        assert not found.exact


@pytest.mark.parametrize("options", [{"model": "common"}, {"tau2": "DL", "interval": "HKSJ"}, {"tau2": "PM"}])
def test_no_random_rounding_lies_beyond_it(options):
    fit = lam.pool(TABLE, **options)
    found = lam.checks.rounding_interval(fit, **GIVEN, draws=0)
    random = np.random.default_rng(5)
    y, v = random.uniform(*YB.T, (20_000, 4)), random.uniform(*VB.T, (20_000, 4))
    common = options.get("model") == "common"
    many = lam.pool_many(y, v, tau2="none" if common else fit.spec.tau2, interval="z" if common else fit.spec.interval)
    assert found.estimate.low <= many.mu.min() <= many.mu.max() <= found.estimate.high
    ends = many.interval()
    assert found.low.low <= ends[:, 0].min() <= ends[:, 0].max() <= found.low.high
    assert found.high.low <= ends[:, 1].min() <= ends[:, 1].max() <= found.high.high


def test_of_a_posterior():
    post = lam.pool_bayes(
        TABLE.subset([0, 3]), likelihood="normal", mu=lam.priors.Normal(0, 4), tau=lam.priors.HalfNormal(0.5)
    )
    found = lam.checks.rounding_interval(post, yi_bounds=YB[[0, 3]], vi_bounds=VB[[0, 3]], draws=10)
    random = np.random.default_rng(5)
    for _ in range(30):
        table = lam.EvidenceTable.from_estimates(
            random.uniform(*YB[[0, 3]].T), vi=random.uniform(*VB[[0, 3]].T), labels=["A", "D"]
        )
        other = post.refit(table)
        assert found.estimate.low <= other.estimate <= found.estimate.high
        assert found.high.low <= other.interval().high <= found.high.high


def test_miles_by_hand():
    """Table 2 prints −12±2 and 1±2 mL/month: each slope hides 0.5, each SE 0.5; × 12."""
    fit = lam.pool(REGISTRY.evidence("fev1-slope-difference-randomised"))
    found = lam.checks.rounding_interval(fit)
    assert tuple(found.estimate) == pytest.approx((144, 168), rel=1e-12)
    z = 1.959963984540054
    widest, narrowest = 12 * np.hypot(2.5, 2.5), 12 * np.hypot(1.5, 1.5)
    assert tuple(found.low) == pytest.approx((144 - z * widest, 168 - z * narrowest), rel=1e-9)
    assert tuple(found.high) == pytest.approx((144 + z * narrowest, 168 + z * widest), rel=1e-9)
    assert "leaves out no effect (0) whatever was rounded away" in found.describe()


def test_person_time_is_rounded_and_counts_are_not():
    """Case 1 of the series: the follow-up of each patient is printed in whole years or months."""
    table = REGISTRY.evidence("pneumothorax-case-series")
    bounds = print_bounds(table)
    assert set(bounds.columns) == {"ti"}
    for (finding, *_), i, low, high in zip(
        [row.lineage.cells[0] for row in table], bounds.rows, bounds.low, bounds.high, strict=True
    ):
        assert finding
        cell = next(n for _, name, n, _ in table[i].lineage.cells if name in ("follow-up", "person-time"))
        assert (high - low) / (high + low) == pytest.approx(float(cell.rounding / cell.value))
    found = lam.checks.rounding_interval(lam.pool(table), draws=4)
    assert found.estimate.low < lam.pool(table).estimate < found.estimate.high
    assert lam.pool(bounds.with_numbers(bounds.high)).estimate == pytest.approx(found.estimate.low, abs=1e-6)


def test_whole_numbers_hide_nothing():
    fit = lam.pool(REGISTRY.evidence("aml-response"))
    found = lam.checks.rounding_interval(fit)
    assert found.estimate == lam.foundation.values.Interval(fit.estimate, fit.estimate)
    assert found.describe() == f"No number behind the estimate, {fit.estimate:.4g}, is rounded: all are whole numbers."


def test_its_sentence_says_whether_rounding_decides():
    means = lam.checks.rounding_interval(lam.pool(REGISTRY.evidence("fev1-slope-on-sirolimus"), model="common"))
    assert means.depends is None  # a mean has no value of no effect
    assert "no effect" not in means.describe()
    ratios = lam.EvidenceTable.from_estimates(Y, vi=V, measure="RR")
    none = lam.checks.rounding_interval(lam.pool(ratios, model="common"), **GIVEN)
    assert none.low.low > 0
    assert none.describe().endswith("The interval leaves out no effect (0) whatever was rounded away.")
    near = lam.EvidenceTable.from_estimates(Y - 0.36, vi=V, measure="RR")
    both = lam.checks.rounding_interval(lam.pool(near, model="common"), yi_bounds=YB - 0.36, vi_bounds=VB)
    assert both.low.low <= 0 < both.low.high
    assert both.describe().endswith("Whether the interval holds no effect (0) depends on what was rounded away.")
    middle = lam.EvidenceTable.from_estimates(Y - 0.49, vi=V, measure="RR")
    held = lam.checks.rounding_interval(lam.pool(middle, model="common"), yi_bounds=YB - 0.49, vi_bounds=VB)
    assert held.low.high < 0 < held.high.low
    assert held.describe().endswith("The interval holds no effect (0) whatever was rounded away.")


@pytest.mark.parametrize(("row", "name"), [(0, "A"), (3, "D")])
def test_it_names_the_row_that_moves_the_estimate_most(row, name):
    wide = YB.copy()
    wide[row] = Y[row] - 0.4, Y[row] + 0.4
    found = lam.checks.rounding_interval(lam.pool(TABLE, model="common"), yi_bounds=wide, vi_bounds=VB)
    assert f"moves the estimate most is {name}." in found.describe()
    alone = found.to_frame().set_index("label")["moves"]
    w = 1 / V
    if row == 3:  # by hand, with its variance at the lower bound
        heavy = w.copy()
        heavy[3] = 1 / VB[3, 0]
        up = [heavy @ np.where(np.arange(4) == 3, end, Y) / heavy.sum() for end in wide[3]]
        assert alone["D"] >= up[1] - up[0] - 1e-12
    assert alone.idxmax() == name


def test_rows_without_a_print_are_refused_and_the_remedy_works():
    fit = lam.pool(TABLE)
    with pytest.raises(NotEstimable, match=r"A has no bounds .* give yi_bounds and vi_bounds, a pair"):
        lam.checks.rounding_interval(fit)
    assert lam.checks.rounding_interval(fit, **GIVEN).estimate.width > 0
    with pytest.raises(NotEstimable, match="no bounds"):
        lam.checks.rounding_interval(fit, yi_bounds=YB)
    wrong = YB.copy()
    wrong[2] = 0.5, 0.6
    with pytest.raises(InputError, match=r"yi_bounds of C: 0.5 to 0.6 does not hold its yi = 0.35"):
        lam.checks.rounding_interval(fit, yi_bounds=wrong, vi_bounds=VB)
    with pytest.raises(InputError, match="for each of 4 rows"):
        lam.checks.rounding_interval(fit, yi_bounds=YB[:2], vi_bounds=VB)


def test_a_standard_error_of_nothing_is_refused_and_the_remedies_work():
    fit, zero = lam.pool(TABLE), VB.copy()
    zero[1, 0] = 0
    with pytest.raises(NotEstimable, match=r"allows a standard error of 0 · leave it out, fit.without\('B'\)"):
        lam.checks.rounding_interval(fit, yi_bounds=YB, vi_bounds=zero)
    left = [0, 2, 3]
    assert lam.checks.rounding_interval(fit.without("B"), yi_bounds=YB[left], vi_bounds=zero[left]).estimate.width > 0
    assert lam.checks.rounding_interval(fit, **GIVEN).estimate.width > 0


def test_models_of_counts_take_no_bounds_of_estimates():
    table = lam.EvidenceTable.from_frame(
        pd.DataFrame({"trial": ["A", "B", "C"], "x": [3, 5, 7], "n": [30, 40, 50]}),
        measure="PLO",
        study="trial",
        events="x",
        total="n",
    )
    fit = lam.pool(table)
    with pytest.raises(NotEstimable, match=r"pool the estimates, lam.pool\(table, .*, and give yi_bounds"):
        lam.checks.rounding_interval(fit)
    given = {
        "yi_bounds": np.column_stack([table.yi - 0.1, table.yi + 0.1]),
        "vi_bounds": np.column_stack([table.vi] * 2),
    }
    with pytest.raises(OptionError, match=r"leave yi_bounds and vi_bounds out, or pool the estimates: lam.pool\(table"):
        lam.checks.rounding_interval(fit, **given)
    assert lam.checks.rounding_interval(lam.pool(table, model="random"), **given).estimate.width > 0


def test_what_it_is_not_for():
    moderated = TABLE.subset([0, 1, 2, 3])
    regression = lam.pool(moderated, moderators=np.column_stack([np.ones(4), np.arange(4.0)]))
    with pytest.raises(OptionError, match=r"results with one mean · use lam.pool\(table\) without moderators"):
        lam.checks.rounding_interval(regression, **GIVEN)
    assert lam.checks.rounding_interval(lam.pool(moderated), **GIVEN).estimate.width > 0
    with pytest.raises(OptionError, match=r"give lam.pool\(table\)"):
        lam.checks.rounding_interval(TABLE)


def test_covariances_keep_their_correlations():
    V2 = np.array([[0.04, 0.01], [0.01, 0.09]])
    table = lam.EvidenceTable.from_estimates([0.1, 0.4], V=V2, studies=["s", "s"], labels=["a", "b"])
    bounds = print_bounds(table, [[0.0, 0.2], [0.3, 0.5]], [[0.03, 0.05], [0.08, 0.10]])
    moved = bounds.with_numbers(np.array([0.2, 0.05, 0.5, 0.08])).V
    assert moved is not None
    assert moved[0, 1] / np.sqrt(moved[0, 0] * moved[1, 1]) == pytest.approx(0.01 / np.sqrt(0.04 * 0.09))
    assert np.diag(moved).tolist() == pytest.approx([0.05, 0.08])


def test_a_random_point_beyond_the_search_widens_it_and_is_told():
    """A narrow ridge in the middle, which no side and no corner shows."""

    def ridge(x):
        return (1.0 * (np.abs(x - 0.37) < 0.2).all(axis=1) + 0.01 * x[:, 0])[:, None]

    sides = {"low": np.zeros(2), "high": np.ones(2), "start": np.array([0.9, 0.9]), "more": np.empty((0, 2))}
    found = search_box(ridge, **sides, levels=2, draws=400, seed=1)
    assert found.beyond > 0
    assert found.values[0, 1] > 1
    calm = search_box(lambda x: x[:, :1], **sides, levels=2, draws=400, seed=1)
    assert calm.beyond == 0
    assert calm.values.tolist() == [[0.0, 1.0]]


NOT_MEANS = ("regression", "subgroups", "network", "location-scale", "joint")
SLOW = ("t-distributed effects", "posterior of slopes", "cluster-robust multilevel", "multilevel")
COUNTED = ("glmm", "conditional", "mantel", "peto", "beta", "gamma", "posterior of counts")
MEANS = [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
    for name in FITS
    if not any(word in name for word in NOT_MEANS)
]


@pytest.mark.parametrize("name", MEANS)
def test_every_result_with_one_mean_answers_or_says_why(name):
    fit = fitted(name)
    table = fit.table
    given = {
        "yi_bounds": np.column_stack([table.yi - 0.001, table.yi + 0.001]),
        "vi_bounds": np.column_stack([table.vi * 0.99, table.vi * 1.01]),
    }
    if name.startswith(COUNTED):
        with pytest.raises(OptionError, match="is fitted to the counts"):
            lam.checks.rounding_interval(fit, **given)
        return
    found = lam.checks.rounding_interval(fit, **given, draws=2)
    low, high = fit.interval()
    assert found.estimate.low <= fit.estimate <= found.estimate.high
    assert found.low.low <= low <= found.low.high
    assert found.high.low <= high <= found.high.high
    assert 0 < found.estimate.width < 0.1 or name in ("slopes", "posterior of slopes")
