"""Subgroup diamonds, names of the arms and decimals of ratios, as a reader of the figure meets them."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError
from lamevidence.plots.drawing.shapes import Diamond, Text
from lamevidence.plots.forest.presets import PRESETS
from tests.plots.forest_samples import fit, risk_ratios, slope_fit, slopes
from tests.plots.test_forest_geometry import assert_clean

ALLOCATION = ["random"] * 4 + ["alternate"] + ["alternate"] + ["random"] * 3 + ["systematic"] * 4


@pytest.fixture(scope="module")
def bcg():
    """The 13 trials of Colditz et al. 1994, doi:10.1001/jama.1994.03510330076038."""
    columns = {
        "ai": [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27],
        "n1": [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913],
        "ci": [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29],
        "n2": [139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854],
    }
    frame = pd.DataFrame({"trial": [f"Trial {i}" for i in range(1, 14)], **columns, "allocation": ALLOCATION})
    return lam.EvidenceTable.from_frame(
        frame,
        "RR",
        study="trial",
        ai="ai",
        n1i="n1",
        ci="ci",
        n2i="n2",
        higher_is="worse",
        title="Tuberculosis",
        arms=("BCG", "placebo"),
    )


@pytest.fixture(scope="module")
def parts(bcg):
    return lam.subgroups(bcg, "allocation", tau2="REML", interval="z")


def words(plot, group):
    return [m.text for m in plot.layout.marks if isinstance(m, Text) and m.group == group]


def notes(plot):
    return " ".join(words(plot, "notes"))


@pytest.mark.parametrize("layout", PRESETS)
def test_every_subgroup_has_a_smaller_white_diamond_under_its_studies(bcg, parts, layout):
    plot = lam.forest([parts, lam.pool(bcg)], layout=layout)
    diamonds = {m.group: m for m in plot.layout.marks if isinstance(m, Diamond)}
    assert set(diamonds) == {"subgroup-1", "subgroup-2", "subgroup-3", "pooled"}

    def height(name):
        ys = [y for _, y in diamonds[name].points]
        return max(ys) - min(ys)

    rows = plot.rows.set_index("key")
    for name in ("subgroup-1", "subgroup-2", "subgroup-3"):
        assert diamonds[name].face == "#ffffff"
        assert height(name) == pytest.approx(0.85 * height("pooled"))
        own = rows[(rows.kind == "study") & (rows.group == rows.loc[name, "group"])]
        other = rows[(rows.kind == "study") & (rows.group != rows.loc[name, "group"])]
        assert rows.loc[name, "y"] > own.y.max()
        assert not other.y.between(own.y.min(), rows.loc[name, "y"]).any()


@pytest.mark.parametrize("layout", PRESETS)
@pytest.mark.parametrize("width", [None, 178, 140])
def test_subgroup_figures_keep_texts_apart(bcg, parts, layout, width):
    assert_clean(lam.forest([parts, lam.pool(bcg)], layout=layout, width=width, overall_test=True))
    assert_clean(lam.forest(parts, layout=layout, width=width))


def test_subtotals_are_the_subgroup_results_and_sums(bcg, parts):
    """REML in the seven randomised trials: -0.9710 (SE 0.2760), as metafor's page on comparing subgroups prints."""
    rows = lam.forest([parts, lam.pool(bcg)]).rows.set_index("key")
    first = rows.loc["subgroup-1"]
    assert math.log(first.estimate) == pytest.approx(-0.9710, abs=5e-5)
    assert math.log(first.high / first.low) / (2 * 1.959963984540054) == pytest.approx(0.2760, abs=5e-5)
    studies = rows[rows.kind == "study"]
    for key in ("subgroup-1", "subgroup-2", "subgroup-3"):
        assert rows.loc[key, "weight"] == pytest.approx(studies.weight[studies.group == rows.loc[key, "group"]].sum())
    plot = lam.forest([parts, lam.pool(bcg)])
    assert words(plot, "subgroup-2")[1:5] == ["213", "6610", "419", "7259"]


def test_the_test_for_subgroup_differences_is_printed(bcg, parts):
    text = notes(lam.forest([parts, lam.pool(bcg)]))
    q = f"{parts.q_between:.2f}"
    assert "Test for subgroup differences: " in text
    assert q in text
    assert f"{parts.q_between_p:.2f}" in text
    assert "Test for overall effect" not in text
    assert "subgroup differences" not in notes(lam.forest(lam.pool(bcg)))


def test_subgroups_alone_bring_the_fit_to_all_rows(parts):
    """Subtotals and overall come from one model: the figure of both is that of the subgroups alone."""
    plot = lam.forest(parts)
    rows = plot.rows
    assert set(rows.kind) == {"study", "subgroup", "pooled", "prediction"}
    studies = rows[rows.kind == "study"]
    assert studies.weight.sum() == pytest.approx(100.0)
    assert rows[rows.kind == "subgroup"].weight.sum() == pytest.approx(100.0)
    pd.testing.assert_frame_equal(rows, lam.forest([parts, parts.overall]).rows)


def test_a_shared_tau2_is_named(bcg):
    parts = lam.subgroups(bcg, "allocation", common_tau2=True, interval="z")
    plot = lam.forest(parts)
    subtotals = plot.rows[plot.rows.kind == "subgroup"]
    assert set(subtotals.label) == {"Subtotal, random effects (common \u03c4\u00b2)"}
    assert f"{math.sqrt(parts.common_tau2):.2f} on the log scale in all" in notes(plot)


def test_a_group_of_one_study_is_shown_as_reported(bcg):
    plot = lam.forest(lam.subgroups(bcg, ["one"] + ["rest"] * 12))
    rows = plot.rows.set_index("key")
    assert rows.loc["subgroup-1", "label"] == "One study, as reported"
    assert rows.loc["subgroup-1", "printed"] == rows.loc["row-Trial-1", "printed"]


def test_the_test_for_overall_effect_is_printed_when_asked(bcg):
    pooled = lam.pool(bcg)
    plot = lam.forest(pooled, overall_test=True)
    assert "Test for overall effect: " in notes(plot)
    assert f"{pooled.statistic:.2f}".replace("-", "\u2212") in notes(plot)
    with pytest.raises(OptionError, match="value of no effect"):
        lam.forest(bcg, overall_test=True)
    with pytest.raises(OptionError, match="overall_test='yes'"):
        lam.forest(pooled, overall_test="yes")


def test_subgroups_refuse_what_contradicts_them(bcg, parts):
    with pytest.raises(OptionError, match="leave `group` out"):
        lam.forest(parts, group=None)
    with pytest.raises(OptionError, match="one subgroup analysis"):
        lam.forest([parts, parts])
    with pytest.raises(OptionError, match="different rows"):
        lam.forest([parts, slope_fit()])


def test_arms_go_by_their_names(bcg):
    plot = lam.forest(bcg)
    assert {"BCG", "Placebo"} <= set(words(plot, "header"))
    axis = " ".join(words(plot, "axis"))
    assert "Favours BCG" in axis
    assert "Favours placebo" in axis
    unnamed = lam.forest(replace(bcg, arms=()))
    assert {"Treatment", "Control"} <= set(words(unnamed, "header"))
    assert "Favours treatment" in " ".join(words(unnamed, "axis"))


@pytest.mark.parametrize("arms", ["sirolimus", ("sirolimus",), ("a", ""), ("a", "b", "c"), (1, 2)])
def test_arms_are_a_pair_of_names(arms):
    with pytest.raises(InputError, match="not a pair of names"):
        risk_ratios(arms=arms)


def test_the_registry_names_the_arms():
    registry = lam.load_registry()
    assert registry.evidence("serious-adverse-events-two-arm").arms == ("sirolimus", "placebo")
    assert registry.evidence("stomatitis").arms == ()
    plot = lam.forest(registry.evidence("miles-adverse-events-by-category"))
    assert {"Category", "Sirolimus", "Placebo"} <= set(words(plot, "header"))


def test_ratios_have_two_decimals():
    close = risk_ratios(yi=np.log([0.791, 0.812, 0.77, 0.803]), vi=[1e-4] * 4)
    assert lam.forest(close).rows.printed[0] == "0.79 [0.78, 0.81]"
    wide = fit(close, math.log(2.2), (math.log(0.6), math.log(7.8)), (-1.0, 3.0), np.full(4, 25.0))
    assert lam.forest(wide).rows.set_index("key").loc["pooled", "printed"] == "2.20 [0.60, 7.80]"
    tiny = risk_ratios(yi=np.log([1.00031, 1.00028, 1.0003, 1.0003]), vi=[1e-10] * 4)
    assert lam.forest(tiny).rows.printed[0].startswith("1.0003")


def test_words_that_belong_together_are_not_parted():
    plot = lam.forest(slopes(title="FEV1 slope on sirolimus, % predicted", unit="%pred/year"))
    lines = [t for t in words(plot, "header") if "predicted" in t]
    assert lines
    assert not any(t.endswith("%") for t in words(plot, "header"))


def test_a_long_title_ends_in_more_than_one_word_and_its_unit():
    plot = lam.forest(slopes(title="FEV1 slope in patients who discontinued sirolimus, all"))
    lines = [t for t in words(plot, "header") if "slope" in t or "(mL/month)" in t]
    assert len(lines) == 2
    assert len(lines[1].split()) > 2
