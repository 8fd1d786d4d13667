import math
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable, Excluded
from lamevidence.foundation.errors import NotEstimable, OptionError, UnknownName
from lamevidence.plots.drawing.shapes import Arrow, Bar, Diamond, Square, Text
from lamevidence.plots.forest.data_columns import data_columns
from lamevidence.plots.forest.forest import forest
from lamevidence.plots.forest.presets import PRESETS
from tests.plots.forest_samples import (
    fit,
    proportion_fit,
    proportions,
    ratio_fit,
    risk_ratios,
    slope_fit,
    slope_posterior,
    slopes,
)


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+\.?\d*", text.replace("\u2212", "-"))]


def words(plot, group=None):
    return [m.text for m in plot.layout.marks if isinstance(m, Text) and group in (None, m.group)]


@pytest.mark.parametrize("layout", PRESETS)
@pytest.mark.parametrize("make", [slope_fit, proportion_fit, ratio_fit])
def test_each_printed_number_is_the_number_of_the_frame(layout, make):
    plot = forest(make(), layout=layout)
    for row in plot.rows.itertuples():
        text = " ".join(words(plot, row.key))
        expected = [row.estimate, row.low, row.high] if row.kind != "prediction" else [row.low, row.high]
        printed = row.printed.replace("-", " ") if layout == "jama" else row.printed
        found = numbers(printed)
        decimals = len(printed.split()[0].partition(".")[2].rstrip("])")) if "." in printed else 0
        decimals = len(re.findall(r"\d+\.?(\d*)", printed)[0])
        assert found == [pytest.approx(round(x, decimals), abs=1.01 * 10.0**-decimals / 2) for x in expected]
        for piece in re.findall(r"[\u2212\d.]+", printed):
            assert piece in text


def test_values_are_those_of_the_table_back_transformed():
    rows = forest(ratio_fit()).rows
    studies = rows[rows.kind == "study"]
    table = risk_ratios()
    assert studies.estimate.to_numpy() == pytest.approx(np.exp(table.yi))
    z = 1.959963984540054
    assert studies.low.to_numpy() == pytest.approx(np.exp(table.yi - z * table.sei))
    assert studies.high.to_numpy() == pytest.approx(np.exp(table.yi + z * table.sei))
    assert list(studies.weight) == [52, 6, 25, 17]
    pooled = rows[rows.kind == "pooled"].iloc[0]
    assert (pooled.estimate, pooled.low, pooled.high) == pytest.approx((1.88, 1.0, 3.53))


def test_proportions_get_the_exact_interval_and_say_so():
    """Clopper-Pearson of 0/13 and of 12/46 as R's binom.test prints them."""
    plot = forest(proportion_fit())
    rows = plot.rows.set_index("study")
    assert rows.loc["bravo", "low"] == 0.0
    assert rows.loc["bravo", "high"] == pytest.approx(100 * (1 - 0.025 ** (1 / 13)))
    assert any("Clopper-Pearson" in t for t in words(plot, "footnotes"))


def test_rates_get_the_exact_interval():
    """Garwood for 0 events: upper bound -log(0.025)/t; doi:10.1093/biomet/28.3-4.437."""
    table = EvidenceTable(
        yi=[np.nan, np.log(0.5)],
        vi=[np.nan, 0.2],
        labels=("A", "B"),
        studies=("a", "b"),
        measure="IRLN",
        counts={"xi": [0, 5], "ti": [10, 10]},
        unit="events/person-year",
    )
    plot = forest(table)
    assert plot.rows.high[0] == pytest.approx(-math.log(0.025) / 10)
    assert plot.rows.low[0] == 0.0
    assert any("Garwood" in t for t in words(plot, "footnotes"))


def test_a_row_that_is_not_estimable_is_printed_with_its_reason():
    table = slopes(vi=[4, np.inf, 5, 27, 40, 15])
    plot = forest(fit(table, 1.3, (-1.2, 3.8), (-4, 7), np.array([40, np.nan, 30, 10, 10, 10])))
    row = plot.rows.set_index("study").loc["bravo"]
    assert row.printed == "not estimable"
    assert "\u2014" in words(plot, "row-bravo")
    assert not [m for m in plot.layout.marks if isinstance(m, Square) and m.group == "row-bravo"]
    assert any("Bravo 2013: not estimable" in t for t in words(plot, "footnotes"))


def test_squares_have_areas_proportional_to_weight():
    plot = forest(slope_fit(), rob=False)
    side = {m.group: m.side for m in plot.layout.marks if isinstance(m, Square)}
    assert side["row-charlie"] ** 2 / side["row-alpha"] ** 2 == pytest.approx(28.0 / 33.1)
    assert side["row-delta"] ** 2 / side["row-alpha"] ** 2 == pytest.approx(8.4 / 33.1)


def test_an_interval_beyond_the_axis_gets_an_arrow_and_keeps_its_numbers():
    plot = forest(slope_fit(), xlim=(-5, 5))
    tips = {(m.group, m.direction): m.x for m in plot.layout.marks if isinstance(m, Arrow)}
    assert tips[("row-echo", -1)] == plot.layout.scale.left
    assert tips[("row-echo", 1)] == plot.layout.scale.right
    assert plot.rows.set_index("study").loc["echo", "printed"] == "\u22123.2 [\u221215.7, 9.3]"
    outside = forest(slope_fit(), xlim=(20, 30), ref=None)
    assert {m.group for m in outside.layout.marks if isinstance(m, Arrow)} >= {f"row-{s}" for s in ("alpha", "echo")}
    assert not [m for m in outside.layout.marks if isinstance(m, Diamond | Square)]


def test_a_diamond_is_cut_at_the_panel():
    plot = forest(slope_fit(), xlim=(0, 2))
    corners = next(m.points for m in plot.layout.marks if isinstance(m, Diamond))
    assert min(x for x, _ in corners) == pytest.approx(plot.layout.scale.left)
    assert len(corners) == 6


def test_glyphs_stand_at_their_values_on_the_axes():
    plot = forest(ratio_fit())
    left = plot.layout.scale.left
    for mark in plot.layout.marks:
        if isinstance(mark, Square):
            value = plot.rows.set_index("key").loc[mark.group, "estimate"]
            pixel = plot.ax.transData.transform((value, mark.y))
            assert pixel[0] / plot.fig.dpi * 72 == pytest.approx(mark.x, abs=1e-6)
            assert plot.layout.height - pixel[1] / plot.fig.dpi * 72 == pytest.approx(mark.y, abs=1e-6)
    assert plot.ax.get_xscale() == "log"
    assert left > 0


def test_directions_come_from_the_outcome():
    def sides(higher_is):
        plot = forest(risk_ratios(higher_is=higher_is))
        marks = [m for m in plot.layout.marks if isinstance(m, Text) and m.group == "axis"]
        spot = {w: min(m.x for m in marks if w in m.text) for w in ("treatment", "control")}
        return spot["treatment"] < spot["control"]

    assert sides("worse")
    assert not sides("better")


def test_prediction_interval_has_its_own_row_or_a_reason():
    assert [m for m in forest(slope_fit()).layout.marks if isinstance(m, Bar) and m.group == "prediction"]
    assert "prediction" not in set(forest(slope_fit(), pi=False).rows.kind)
    two = slopes().subset([0, 1])
    plot = forest(fit(two, 1.3, (-1.2, 3.8), (-4, 7), np.array([60.0, 40.0])))
    assert "prediction" not in set(plot.rows.kind)
    assert any("needs at least 3 studies" in t for t in words(plot, "footnotes"))


def test_one_study_is_shown_as_reported():
    plot = forest(slopes().subset([0]))
    assert plot.rows.printed[0] == "1.0 [\u22122.9, 4.9]"
    assert "notes" not in {m.group for m in plot.layout.marks}


def test_no_study_is_refused_with_the_reasons():
    empty = slopes().subset([])
    import dataclasses

    empty = dataclasses.replace(empty, excluded=(Excluded("x", "median only", label="Xray 2010"),))
    with pytest.raises(NotEstimable, match="Xray 2010: median only"):
        forest(empty)


def test_shrunken_estimates_stand_under_the_observed_ones():
    plot = forest([slope_fit(), slope_posterior()])
    assert set(plot.rows.kind) == {"study", "pooled", "prediction"}
    assert list(plot.rows[plot.rows.kind == "pooled"].bayes) == [False, True]
    assert any("shrunken" in t for t in words(plot, "footnotes"))
    without = forest([slope_fit(), slope_posterior()], shrinkage=False)
    assert not any("shrunken" in t for t in words(without, "footnotes"))


def test_order_is_by_year_or_as_asked():
    def labels(**options):
        rows = forest(slope_fit(), group=None, **options).rows
        return list(rows[rows.kind == "study"].study)

    assert labels() == ["alpha", "bravo", "delta", "charlie", "echo", "foxtrot"]
    assert labels(sort="none") == ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"]
    assert labels(sort="estimate") == ["echo", "foxtrot", "alpha", "charlie", "bravo", "delta"]
    assert labels(sort="weight") == ["alpha", "charlie", "bravo", "foxtrot", "delta", "echo"]


def test_patients_stand_by_arm_where_every_row_has_arms():
    """MILES prints 41 and 34 patients by arm; beside a difference printed with its n alone, 350, totals are shown."""
    registry = lam.load_registry()

    def patients(question):
        return [(c.name, c.cells) for c in data_columns(registry.evidence(question), None)]

    assert patients("fev1-change-12-months-randomised") == [("n1i", ("41",)), ("n2i", ("34",))]
    assert patients("fev1-slope-difference-any-design") == [("n", ("89", "350"))]


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"layout": "lancet"}, UnknownName, "revman, jama, bmj, metafor"),
        ({"columns": ["month"]}, UnknownName, "did you mean 'months'"),
        ({"columns": "n"}, OptionError, "not a list"),
        ({"group": "desing"}, UnknownName, "did you mean 'design'"),
        ({"pi": "yes"}, OptionError, "pi='yes'"),
        ({"shrinkage": True}, OptionError, "needs a posterior"),
        ({"rob": "yes"}, OptionError, "rob='yes'"),
        ({"width": 7}, OptionError, "7in"),
        ({"width": "wide"}, OptionError, "double"),
        ({"xlim": (3, 1)}, OptionError, "low < high"),
        ({"xlim": (float("nan"), 1)}, OptionError, "finite"),
        ({"ref": "zero"}, OptionError, "auto"),
        ({"sort": "size"}, UnknownName, "estimate, weight"),
        ({"level": 95}, OptionError, "0.95"),
    ],
)
def test_an_option_is_honoured_or_refused(options, kind, says):
    with pytest.raises(kind, match=re.escape(says)):
        forest(slope_fit(), **options)


def test_results_of_different_rows_do_not_share_a_figure():
    with pytest.raises(OptionError, match="different rows"):
        forest([slope_fit(), proportion_fit()])
    with pytest.raises(OptionError, match="EvidenceTable"):
        forest({"mu": 1})


def test_svg_has_an_id_for_every_row_and_a_title(tmp_path):
    plot = forest([slope_fit(), slope_posterior()])
    svg = plot.to_svg()
    for key in plot.rows.key:
        assert svg.count(f'id="{key}"') == 1
    assert "<title>" in svg
    assert "<desc>Forest plot of FEV1 slope" in svg
    assert "FEV" in plot.to_svg(text=True)


def test_rows_of_one_study_have_ids_of_their_own():
    table = slopes(studies=("a a", "a a", "b", "c", "d", "e"))
    keys = list(forest(table, sort="none", group=None).rows.key)
    assert keys == ["row-a-a", "row-a-a-2", "row-b", "row-c", "row-d", "row-e"]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_the_same_figure_is_the_same_bytes(tmp_path, suffix):
    paths = [tmp_path / f"{i}.{suffix}" for i in range(3)]
    for path in paths[:2]:
        forest(proportion_fit()).save(path, dpi=100)
    plot = forest(proportion_fit())
    plot.save(tmp_path / "other.png", dpi=50)
    plot.save(paths[2], dpi=100)
    assert len({path.read_bytes() for path in paths}) == 1


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(UnknownName, match=r"\.png, \.pdf, \.svg"):
        forest(slope_fit()).save(tmp_path / "a.jpg")
    with pytest.raises(OptionError, match="dpi"):
        forest(slope_fit()).save(tmp_path / "a.png", dpi=0)


def test_global_settings_are_left_alone_and_do_not_matter(tmp_path):
    before = forest(slope_fit())._repr_png_()
    odd = {"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9, "savefig.bbox": "tight"}
    with matplotlib.rc_context(odd):
        kept = dict(matplotlib.rcParams)
        assert forest(slope_fit())._repr_png_() == before
        assert dict(matplotlib.rcParams) == kept


def test_a_forest_is_drawn_into_a_given_axes():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6))
    ax = figure.add_axes([0.02, 0.02, 0.96, 0.96])
    plot = forest(slope_fit(), ax=ax)
    assert plot.fig is figure
    assert plot.layout.width == pytest.approx(0.96 * 9 * 72)
    with pytest.raises(OptionError, match="both"):
        forest(slope_fit(), ax=ax, width=178)


def test_unweighted_counts_need_no_normal_approximation():
    table = proportions(yi=[np.nan] * 6, vi=[np.nan] * 6)
    plot = forest(table)
    assert not any(p == "not estimable" for p in plot.rows.printed)
    assert any("number of patients" in t for t in words(plot, "footnotes"))


def test_a_limit_where_no_proportion_can_be_has_its_footnote():
    """1/20, 2/30, 9/25 and 1/40 as raw proportions: the t(3) interval reaches below 0 %; at 50 % it does not."""
    frame = pd.DataFrame({"x": [1, 2, 9, 1], "n": [20, 30, 25, 40]})
    table = EvidenceTable.from_frame(frame, measure="PR", events="x", total="n")
    pooled = lam.pool(table, model="random", tau2="REML")
    below = "ower confidence limit, \u2212"

    def said(plot):
        return [t for t in words(plot, "footnotes") if below in t]

    (note,) = said(forest(pooled, width=180))
    assert note.startswith("The lower confidence limit")
    assert note.endswith("is below 0 %, where no proportion can be.")
    assert "measure=" not in note
    assert len(said(forest([pooled, lam.pool(table, model="random", tau2="DL")], width=180))) == 2
    assert not said(forest(pooled, level=0.5, width=180))
    logits = EvidenceTable.from_frame(frame, measure="PLO", events="x", total="n")
    assert not said(forest(lam.pool(logits, model="random", tau2="REML"), width=180))
