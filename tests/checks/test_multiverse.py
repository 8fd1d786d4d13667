"""Every specification against a call by itself, the shares against their definition, each sentence true and false."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.checks.choices.specifications import shapley_shares
from lamevidence.errors import NotEstimable, OptionError, UnknownName
from lamevidence.questions import Variation, varied

REGISTRY = lam.load_registry()
SLOPES = "fev1-slope-on-sirolimus"
TABLE = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01], measure="RR")


@pytest.fixture(scope="module")
def slopes():
    return lam.checks.multiverse(SLOPES, REGISTRY, threshold=20.0)


def at(found, **levels):
    """The one row of the frame with these levels."""
    frame = found.to_frame()
    for name, level in levels.items():
        frame = frame[frame[name] == level]
    assert len(frame) == 1
    return frame.iloc[0]


def test_every_tenth_specification_is_bitwise_a_call_by_itself(slopes):
    for i in range(0, len(slopes), 23):
        fit = slopes.again(i)
        assert fit.estimate == slopes.estimate[i]
        assert tuple(fit.interval()) == (slopes.low[i], slopes.high[i])
        assert fit.k == slopes.k[i]


def test_specifications_are_the_calls_that_their_levels_name(slopes):
    """Written out by hand from the question and the public functions; other choices stay at their first level."""
    question = REGISTRY.question(SLOPES)
    analysis = ("engine", "model", "tau2", "interval", "likelihood", "prior of tau")
    rows = {c.name: c.levels[0] for c in slopes.choices if c.name not in analysis} | {
        "member of peking": "zhan-2018",
        "study neurohr-2011": "out",
        "± of mccormack-2011/fev1-slope.sirolimus.on": "sd",
        "± of neurohr-2011/fev1-slope.on": "se",
        "± of hu-2019/fev1-slope.on": "se",
        "design": "all",
    }
    change = Variation(
        "by hand",
        "by hand",
        primary={"peking": "zhan-2018"},
        leave_out=("neurohr-2011",),
        read_as={"mccormack-2011/fev1-slope.sirolimus.on": "sd"},
    )
    table = REGISTRY.evidence(varied(question, change))
    fit = lam.pool(table, model="random", tau2="PM", interval="HKSJ")
    cell = at(slopes, **rows, engine="frequentist", model="random", tau2="PM", interval="HKSJ")
    assert (cell["estimate"], cell["low"], cell["high"]) == (fit.estimate, *fit.interval())
    common = lam.pool(table, model="common")
    cell = at(slopes, **rows, model="common")
    assert (cell["estimate"], cell["low"], cell["high"]) == (common.estimate, *common.interval())
    post = lam.pool_bayes(table, likelihood="normal", tau=lam.priors.HalfNormal(36, unit="mL/year"))
    cell = at(slopes, **rows, likelihood="normal", **{"prior of tau": "HalfNormal(36, unit='mL/year')"})
    assert (cell["estimate"], cell["low"], cell["high"]) == (post.estimate, *post.interval())


def test_the_primary_analysis_is_among_them(slopes):
    fit = lam.pool(REGISTRY.evidence(SLOPES))
    first = {choice.name: choice.levels[0] for choice in slopes.choices}
    there = [
        i
        for i, levels in enumerate(slopes.levels)
        if all(name == "engine" or first[name] == x for name, x in levels.items())
    ]
    assert fit.estimate in slopes.estimate[there]
    assert lam.pool_bayes(REGISTRY.evidence(SLOPES)).estimate in slopes.estimate[there]


@pytest.mark.slow
def test_ten_thousand_specifications():
    question = REGISTRY.question(SLOPES)
    more = tuple(Variation(f"without {s}", "for number", leave_out=(s,)) for s in ("bee-2018", "mccormack-2011"))
    question = replace(question, sensitivity=(*question.sensitivity, *more))
    found = lam.checks.multiverse(
        question,
        REGISTRY,
        tau2=["REML", "PM", "DL", "ML", "EB", "SJ", "HS", "HE"],
        interval=["HKSJ-floor", "HKSJ", "z", "t"],
    )
    assert len(found) >= 10_000
    lost = np.flatnonzero(np.isnan(found.estimate))
    assert all(found.reasons[i] for i in lost)


# ---- shares -----------------------------------------------------------------------------------
def by_permutations(cells):
    """The definition, over all orders of the axes."""
    d, there = cells.ndim, np.isfinite(cells)
    where = np.argwhere(there)
    y = cells[there] - cells[there].mean()

    def explained(chosen):
        groups = pd.Series(y).groupby([where[:, i] for i in chosen]) if chosen else None
        return 0.0 if groups is None else float((groups.transform("mean") ** 2).mean())

    shares = np.zeros(d)
    for order in itertools.permutations(range(d)):
        for place, i in enumerate(order):
            shares[i] += explained(sorted(order[: place + 1])) - explained(sorted(order[:place]))
    return shares / math.factorial(d)


@pytest.mark.parametrize("holes", [0, 7])
def test_shares_are_those_of_the_definition(holes):
    random = np.random.default_rng(4)
    cells = random.normal(size=(2, 3, 2, 2)) + np.arange(3)[None, :, None, None]
    cells.ravel()[random.choice(cells.size, holes, replace=False)] = np.nan
    shares, variance = shapley_shares(cells)
    np.testing.assert_allclose(shares, by_permutations(cells), atol=1e-12)
    assert shares.sum() == pytest.approx(variance)
    assert variance == pytest.approx(np.nanvar(cells))


def test_shares_of_an_additive_table_by_hand():
    """Two levels 0 and 2 (variance 1), three levels 0, 3, 6 (variance 6): shares 1 and 6."""
    cells = np.array([0.0, 2.0])[:, None] + np.array([0.0, 3.0, 6.0])[None, :]
    assert shapley_shares(cells)[0].tolist() == pytest.approx([1, 6])


def test_shares_of_a_multiverse_sum_to_a_hundred(slopes):
    for name in ("estimate", "low", "high"):
        shares = slopes.shares(name)
        assert shares["share"].sum() == pytest.approx(100)
        assert (shares["share"] >= 0).all()
    assert slopes.shares().set_index("choice").loc["interval", "share"] == 0
    assert slopes.shares("high").set_index("choice").loc["interval", "share"] > 0
    with pytest.raises(OptionError, match="give one of estimate, low, high"):
        slopes.shares("k")


# ---- words ------------------------------------------------------------------------------------
def test_the_sentence_names_what_moves_the_estimate_most():
    found = lam.checks.multiverse(TABLE, bayes=False)
    assert "most is model" in found.describe()
    same = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.6], vi=[0.05] * 4)
    assert lam.checks.multiverse(same, bayes=False).describe().endswith("No choice moves the estimate.")
    tau2 = lam.checks.multiverse(TABLE, tau2=["REML", "DL", "SJ", "HS"], bayes=False)
    shares = tau2.shares()
    assert f"most is {shares['choice'][0]}: {shares['share'][0]:.0f}%" in tau2.describe()


def test_the_sentence_counts_signs_and_thresholds():
    above = lam.checks.multiverse(TABLE, bayes=False, threshold=0.0)
    assert "All estimates lie above 0;" in above.describe()
    assert "100% of the estimates" in above.describe()
    frame = above.to_frame()
    outside = ((frame["low"] > 0) | (frame["high"] < 0)).mean()
    assert f"{100 * outside:.0f}% of the 95% intervals leave 0 out" in above.describe()
    below = replace(TABLE, yi=-TABLE.yi)
    assert "All estimates lie at or below 0;" in lam.checks.multiverse(below, bayes=False).describe()
    assert "0% of the estimates" in lam.checks.multiverse(below, bayes=False, threshold=0.0).describe()
    both = replace(TABLE, yi=TABLE.yi - 0.38)
    mixed = lam.checks.multiverse(both, bayes=False)
    share = (mixed.estimate > 0).mean()
    assert 0 < share < 1
    assert f"{100 * share:.0f}% of the estimates lie above 0;" in mixed.describe()
    assert mixed.agreement()["above"] == share


def test_a_proportion_has_no_sign():
    found = lam.checks.multiverse("stomatitis", REGISTRY)
    assert found.null is None
    assert "leave" not in found.describe()
    assert "above" not in found.agreement()


def test_what_cannot_be_fitted_is_counted_with_its_reason():
    whole = lam.checks.multiverse(TABLE, tau2=["DL"], bayes=False)
    assert "cannot be fitted" not in whole.describe()
    some = lam.checks.multiverse(TABLE, tau2=["DL", "GENQ"], bayes=False)  # GENQ needs weights of its own
    lost = int(np.isnan(some.estimate).sum())
    assert lost == 3
    assert "7 specifications of 3 choices, 3 of which cannot be fitted:" in some.describe()
    i = int(np.flatnonzero(np.isnan(some.estimate))[0])
    with pytest.raises(NotEstimable, match="weights"):
        some.again(i)
    with pytest.raises(NotEstimable, match="no row to pool"):
        lam.checks.multiverse(TABLE.subset([]), bayes=False)
    with pytest.raises(UnknownName, match="REML"):
        lam.checks.multiverse(TABLE, tau2=["REM"], bayes=False)


# ---- choices ----------------------------------------------------------------------------------
def test_the_zero_rule_is_a_choice_where_cells_are_zero_alone():
    frame = pd.DataFrame({"t": ["A", "B", "C"], "x": [0, 5, 7], "n": [30, 40, 50], "c": [4, 6, 9], "m": [30, 40, 50]})
    names = {"study": "t", "events": "x", "total": "n", "control_events": "c", "control_total": "m"}
    table = lam.EvidenceTable.from_frame(frame, measure="OR", **names)
    found = lam.checks.multiverse(table, bayes=False)
    rules = next(c for c in found.choices if c.name == "zero rule")
    by_hand = lam.EvidenceTable.from_frame(frame, measure="OR", **names, add=0.5, to="only0")
    fit = lam.pool(by_hand, model="random", tau2="DL", interval="z")
    cell = at(found, **{"zero rule": rules.levels[0], "model": "random", "tau2": "DL", "interval": "z"})
    assert cell["estimate"] == pytest.approx(fit.estimate, rel=1e-14)
    left = lam.pool(table.subset([1, 2]), model="random", tau2="DL", interval="z")
    cell = at(found, **{"zero rule": rules.levels[1], "model": "random", "tau2": "DL", "interval": "z"})
    assert (cell["estimate"], cell["k"]) == (left.estimate, 2)
    assert at(found, model="glmm")["estimate"] == lam.pool(table).estimate
    whole = lam.checks.multiverse(table.subset([1, 2]), bayes=False)
    assert "zero rule" not in [c.name for c in whole.choices]


def test_designs_and_bias_are_left_out_where_two_rows_stay():
    class Judged:
        overall = "serious"

    class Well:
        overall = "low"

    table = replace(TABLE, designs=("a", "a", "b", "b"), risk_of_bias=(Judged(), Well(), Well(), Well()))
    found = lam.checks.multiverse(table, bayes=False)
    assert {c.name: c.levels for c in found.choices}["design"] == ("all", "without a", "without b")
    cell = at(found, design="all", model="common", **{"risk of bias": "without high or serious"})
    assert cell["estimate"] == lam.pool(table.subset([1, 2, 3]), model="common").estimate
    alone = replace(TABLE, designs=("a", "a", "a", "a"), risk_of_bias=(Judged(),) * 4)
    assert [c.name for c in lam.checks.multiverse(alone, bayes=False).choices] == ["model", "tau2", "interval"]


def test_what_is_refused_and_its_remedy():
    with pytest.raises(OptionError, match=r"give registry=lam.load_registry\(\)"):
        lam.checks.multiverse(SLOPES)
    with pytest.raises(OptionError, match="leave registry out"):
        lam.checks.multiverse(TABLE, REGISTRY)
    assert len(lam.checks.multiverse(TABLE, bayes=False)) == 10
    with pytest.raises(OptionError, match=r"give one or more, tau2=\['…'\]"):
        lam.checks.multiverse(TABLE, tau2="DL")
    assert len(lam.checks.multiverse(TABLE, tau2=["DL"], bayes=False)) == 4
    with pytest.raises(OptionError, match="bayes=False fits none · leave them out"):
        lam.checks.multiverse(TABLE, likelihood=["normal"], bayes=False)
    prior = [lam.priors.HalfNormal(1)]
    with pytest.raises(UnknownName, match="normal"):
        lam.checks.multiverse(TABLE, likelihood=["normall"], tau=prior)
    with pytest.raises(OptionError, match="nonsense"):
        lam.checks.multiverse(TABLE, likelihood=["normal"], tau=[*prior, "nonsense"])
    assert len(lam.checks.multiverse(TABLE, likelihood=["normal"], tau=prior)) == 11
    with pytest.raises(NotEstimable, match="no pooled answer"):
        lam.checks.multiverse("miles-adverse-events-by-category", REGISTRY)
    with pytest.raises(OptionError, match="not of 3"):
        lam.checks.multiverse(3)


# ---- the figure and the command line --------------------------------------------------------
def test_the_curve_draws_every_level(tmp_path):
    found = lam.checks.multiverse(TABLE, threshold=0.5, tau=[lam.priors.HalfNormal(1)])
    plot = found.plot()
    upper, lower = plot.fig.axes
    shown = [tick.get_text() for tick in lower.get_yticklabels()]
    assert shown == [level for choice in found.choices for level in choice.levels]
    assert "drawn" not in lower.get_xlabel()
    plot.save(tmp_path / "curve.png", dpi=100)
    assert upper.get_ylabel() == "Estimate"
    with pytest.raises(OptionError, match=r"give lam\.checks\.multiverse"):
        lam.plots.specification_curve(TABLE)


def test_the_curve_says_what_it_does_not_draw(slopes):
    lower = slopes.plot().fig.axes[1]
    assert f"(600 of {len(slopes)} drawn)" in lower.get_xlabel()
    calm = lam.checks.multiverse(TABLE, bayes=False).plot().fig.axes[1].get_xlabel()
    assert "beyond the axis" not in calm
    wide = lam.EvidenceTable.from_estimates([0.1, 0.9], vi=[0.01, 0.01], measure="RR")
    priors = [lam.priors.HalfNormal(1 + i / 10) for i in range(30)]
    found = lam.checks.multiverse(wide, tau2=["DL"], interval=["HKSJ"], likelihood=["normal"], tau=priors)
    assert "1 interval reaches beyond the axis" in found.plot().fig.axes[1].get_xlabel()


def test_the_verb(capsys, tmp_path, monkeypatch):
    from lamevidence.cli.multiverse import explore

    monkeypatch.setenv("COLUMNS", "80")
    options = {"threshold": None, "studies": None}
    explore("fev1-slope-within-patient-change", out=tmp_path / "c.png", as_json=False, **options)
    text = capsys.readouterr().out
    assert "member of peking" in text
    assert (tmp_path / "c.png").stat().st_size > 10_000
    assert max(map(len, text.splitlines()[:-1])) <= 80
    explore("fev1-slope-within-patient-change", out=None, as_json=True, **options)
    found = json.loads(capsys.readouterr().out)
    assert sum(row["share"] for row in found["shares"]) == pytest.approx(100)
    assert len(found["specifications"]) == len(lam.checks.multiverse("fev1-slope-within-patient-change", REGISTRY))
