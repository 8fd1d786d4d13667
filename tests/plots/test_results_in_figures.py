"""What each family of results shows in its figures, and that the remedy of every refusal works on the same data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.doors import DOORS, through
from lamevidence.foundation.errors import NotEstimable, OptionError
from lamevidence.plots.drawing.shapes import Diamond, Square, Text
from tests.plots.test_every_plot_every_result import TRIMMED, result
from tests.support.fits import fitted, nested, odds_ratios

PLOTS = lam.plots


def words(plot, group):
    return " ".join(m.text for m in plot.layout.marks if isinstance(m, Text) and m.group == group)


# ---- forests ----------------------------------------------------------------------------------
def test_a_regression_shows_the_fitted_value_of_every_row_and_its_coefficients():
    """With a factor alone, the fitted value of a row is the mean of its group at weights 1/(v + τ²)."""
    table = lam.EvidenceTable.from_estimates(
        [0.2, 0.5, 0.1, 0.9, 0.4, -0.25],
        vi=[0.02, 0.03, 0.02, 0.04, 0.03, 0.02],
        measure="OR",
        moderators={"g": list("zzaabb")},
    )
    fit = lam.pool(table, moderators="~ g")
    plot = lam.forest(fit)
    rows = plot.rows[plot.rows.kind == "study"]
    assert np.log(rows.fitted).to_numpy() == pytest.approx(fit.fitted())
    w = 1 / (table.vi + fit.tau2)
    means = [np.average(table.yi[i : i + 2], weights=w[i : i + 2]) for i in (0, 2, 4)]
    assert np.log(rows.fitted).to_numpy() == pytest.approx(np.repeat(means, 2))
    predicted = fit.predict()
    assert np.log(rows.fitted_low).to_numpy() == pytest.approx(predicted.conf_low.to_numpy())
    assert np.log(rows.fitted_high).to_numpy() == pytest.approx(predicted.conf_high.to_numpy())
    assert sum(isinstance(m, Diamond) for m in plot.layout.marks) == 6
    for name in fit.names:
        assert name in words(plot, "notes")
    assert set(plot.rows.kind) == {"study"}


def test_rows_of_one_study_stand_under_its_name():
    plot = lam.forest(fitted("multilevel"))
    assert words(plot, "headings").split() == ["a", "b", "c", "d"]
    rows = plot.rows[plot.rows.kind == "study"]
    assert list(rows.group) == list(nested().studies)
    assert "(study)" in words(plot, "notes")
    assert not words(lam.forest(fitted("multilevel"), group=None), "headings")


def test_a_study_with_one_row_needs_no_heading():
    table = lam.EvidenceTable.from_estimates(
        [0.1, 0.5, 0.3, 0.2], vi=[0.02] * 4, studies=["a", "b", "b", "c"], labels=["a", "b1", "b2", "c"]
    )
    plot = lam.forest(table)
    assert words(plot, "headings") == "b"
    assert list(plot.rows.label) == ["a", "b1", "b2", "c"]
    assert list(lam.forest(table, sort="estimate").rows.label) == ["a", "c", "b2", "b1"]
    places = {m.text: m.x for m in plot.layout.marks if isinstance(m, Text) and m.group.startswith("row-")}
    assert places["b1"] == places["b2"] > places["a"] == places["c"]


def test_filled_studies_are_hollow_and_both_means_are_shown():
    found = result(TRIMMED)
    assert found.missing == 2
    plot = lam.forest(found)
    hollow = {m.group for m in plot.layout.marks if isinstance(m, Square) and m.hollow}
    assert hollow == {"row-Filled-1", "row-Filled-2"}
    pooled = plot.rows[plot.rows.kind == "pooled"]
    assert np.log(pooled.estimate).tolist() == pytest.approx([found.fit.estimate, found.original.estimate])
    assert [label.rpartition(", ")[2] for label in pooled.label] == ["with filled studies", "observed studies"]
    assert "2 filled studies, which are no data" in words(plot, "footnotes")


def test_a_network_shows_the_intervals_of_its_table():
    """Intervals of the figure that differ from those of the table are a defect of netmeta's (guido-s/netmeta#32)."""
    frame = pd.DataFrame(
        {
            "study": [1, 1, 2, 2, 3, 3, 4, 4],
            "treatment": list("abacbcab"),
            "r": [5, 7, 4, 8, 3, 9, 6, 9],
            "n": [50] * 8,
        }
    )
    fit = lam.network.pool_network(lam.network.network_table(frame, "OR", events="r", total="n"), reference="a")
    plot = lam.forest(fit)
    assert list(plot.rows.printed) == ["1.34 [0.63, 2.84]", "3.08 [1.14, 8.34]"]
    assert np.log(plot.rows[["low", "high"]].to_numpy()) == pytest.approx(fit.intervals())
    wide = lam.forest(fit, level=0.8, sort="estimate")
    assert np.log(wide.rows[["low", "high"]].to_numpy()) == pytest.approx(fit.intervals(0.8))
    for option in ({"columns": ["n"]}, {"group": None}, {"rob": False}, {"overall_test": True}, {"shrinkage": True}):
        with pytest.raises(OptionError, match=f"leave {next(iter(option))} out"):
            lam.forest(fit, **option)


def test_subtotals_and_overall_come_from_one_model():
    found = fitted("subgroups of counts")
    rows = lam.forest(found).rows
    for group, part in found.groups.items():
        shown = part.display()
        row = rows[(rows.kind == "subgroup") & (rows.group == group)].iloc[0]
        assert (row.estimate, row.low, row.high) == pytest.approx((shown.estimate, *shown.interval))
    overall = found.overall.display()
    row = rows[rows.kind == "pooled"].iloc[0]
    assert (row.estimate, row.low, row.high) == pytest.approx((overall.estimate, *overall.interval))


@pytest.mark.parametrize("name", ["random", "glmm", "mantel-haenszel", "multilevel", "posterior", "robust variance"])
@pytest.mark.parametrize("level", [None, 0.8])
def test_the_pooled_row_is_what_the_result_displays(name, level):
    fit = fitted(name)
    shown = fit.display(level)
    rows = lam.forest(fit, level=level).rows
    row = rows[rows.kind == "pooled"].iloc[0]
    assert (row.estimate, row.low, row.high) == pytest.approx((shown.estimate, *shown.interval))
    prediction = rows[rows.kind == "prediction"]
    if shown.prediction is None:
        assert prediction.empty
    else:
        assert prediction[["low", "high"]].iloc[0].tolist() == pytest.approx(list(shown.prediction))


# ---- other figures ----------------------------------------------------------------------------
def test_a_funnel_of_a_regression_holds_its_residuals():
    fit = fitted("regression")
    plot = PLOTS.funnel(fit)
    dots = next(line for line in plot.ax.lines if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx(fit.table.yi - fit.fitted())
    assert plot.ax.get_xlabel().startswith("Residual")


def test_a_funnel_tells_filled_studies_from_data():
    seen, filled = (line for line in PLOTS.funnel(result(TRIMMED)).ax.lines if line.get_marker() == "o")
    assert (len(seen.get_xdata()), len(filled.get_xdata())) == (7, 2)
    assert filled.get_markerfacecolor() == "white"
    assert filled.get_xdata() == pytest.approx(result(TRIMMED).filled_yi)


def test_an_orchard_of_subgroups_has_a_branch_each():
    found = fitted("subgroups")
    plot = PLOTS.orchard(found)
    names = [tick.get_text() for tick in plot.ax.get_yticklabels()]
    assert names == ["r (k = 7)", "a (k = 2)", "s (k = 4)"]
    means = [line.get_xdata()[0] for line in plot.ax.lines if line.get_marker() == "o"]
    assert means == pytest.approx([part.estimate for part in found.groups.values()])


def test_influence_has_one_axes_a_diagnostic():
    check = lam.influence(fitted("random"))
    plot = PLOTS.influence(check)
    titles = [ax.get_title().replace("\n", " ") for ax in plot.fig.axes]
    assert titles == [
        "Studentized residual",
        "DFFITS",
        "Cook's distance",
        "Covariance ratio",
        "Hat value",
        "\u03c4\u00b2 without",
        "Q without",
    ]
    for ax, name in zip(plot.fig.axes, ("studentized", "dffits", "cook"), strict=False):
        dots = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
        assert sorted(dots) == pytest.approx(sorted(check[name]))
    assert [t.get_text() for t in plot.ax.get_yticklabels()] == list(check["label"])


def test_leave_one_out_and_cumulative_need_only_their_result():
    fit = fitted("random")
    for make, draw in ((lam.leave_one_out, PLOTS.leave_one_out), (lam.cumulative, PLOTS.cumulative)):
        check = make(fit)
        from_fit, from_check = draw(fit).rows, draw(check).rows
        from_frame = draw(check.to_frame(), fit.table).rows
        pd.testing.assert_frame_equal(from_fit, from_check)
        pd.testing.assert_frame_equal(from_check, from_frame)
        assert np.log(from_fit.estimate).to_numpy() == pytest.approx(np.asarray(check["estimate"]))
        with pytest.raises(OptionError, match="fit with this level"):
            draw(check, level=0.5)
        with pytest.raises(OptionError, match="evidence"):
            draw(check.to_frame())


def test_a_coefficient_is_read_on_the_scale_of_the_analysis():
    fit = fitted("regression")
    check = lam.leave_one_out(fit)
    rows = PLOTS.leave_one_out(check).rows
    assert rows.estimate.to_numpy() == pytest.approx(np.asarray(check["estimate"]))


OF_NO_CHECK = {"forest", "predictive_intervals", "analysis_faults", "adverse_events", "trial_curves", "prisma_flow"}


@pytest.mark.parametrize("kind", [name for name in DOORS if name not in OF_NO_CHECK])
def test_every_door_draws_a_check(kind):
    checks = {
        "baujat": lam.checks.baujat,
        "cumulative": lam.cumulative,
        "funnel": lambda fit: result(TRIMMED),
        "gosh": lambda fit: lam.checks.gosh(fit, subsets=6, seed=1),
        "influence": lam.influence,
        "leave_one_out": lam.leave_one_out,
        "normal_quantiles": lam.checks.normal_quantiles,
        "profile": lambda fit: lam.checks.likelihood_profile(fit, [0.0, 0.1, 0.2, 0.5]),
        "radial": lam.checks.radial,
        "specification_curve": lambda fit: lam.checks.multiverse(fit.table, bayes=False),
    }
    plot = checks[kind](fitted("random")).plot()
    assert isinstance(plot, PLOTS.Plot)
    assert plot.description
    assert through(kind) in [getattr(PLOTS, name) for name in PLOTS.__all__]
    assert isinstance(fitted("random").plot(), PLOTS.ForestPlot)


# ---- refusals and what they name ---------------------------------------------------------------
def refused(kind, says, call, *args, **options):
    with pytest.raises(kind, match=says):
        call(*args, **options)


def test_models_with_coefficients_are_sent_to_the_forest():
    fit = fitted("regression")
    for draw in (PLOTS.orchard, PLOTS.radial, PLOTS.drapery):
        refused(OptionError, r"draw lam\.forest\(fit\)", draw, fit)
    assert lam.forest(fit).rows.fitted.notna().all()


def test_subgroups_are_sent_to_one_of_them():
    found = fitted("subgroups")
    for draw in (PLOTS.radial, PLOTS.drapery):
        refused(OptionError, r"found\['r'\]", draw, found)
        assert draw(found["r"]).description


def test_networks_are_sent_to_their_own_figures():
    fit = fitted("network")
    refused(OptionError, r"lam\.forest\(fit\).*lam\.plots\.network", PLOTS.funnel, fit)
    assert lam.forest(fit).description
    assert PLOTS.network(fit).description == PLOTS.network(fit.table).description
    refused(OptionError, "network_table", PLOTS.network, fitted("random"))


def test_trim_and_fill_is_sent_to_its_fits():
    found = result(TRIMMED)
    for draw in (PLOTS.orchard, PLOTS.baujat, PLOTS.leave_one_out):
        refused(OptionError, r"found\.fit or found\.original", draw, found)
        assert draw(found.original).description
    refused(OptionError, "figure of its own", lam.forest, [found, found.original])


def test_a_frequentist_result_is_sent_to_the_engine_that_has_posteriors():
    fit = fitted("random")
    refused(OptionError, r"lam\.pool_bayes\(fit\.table\)\.mu", PLOTS.posterior, fit)
    assert PLOTS.posterior(lam.pool_bayes(fit.table, likelihood="normal").mu).description
    regression = fitted("posterior regression")
    refused(OptionError, r"post\.coefficients\['ablat'\]", PLOTS.posterior, regression)
    assert PLOTS.posterior(regression.coefficients["ablat"]).description
    refused(OptionError, "lam.predictive_check", PLOTS.predictive_intervals, fitted("posterior"))
    assert PLOTS.predictive_intervals(lam.predictive_check(fitted("posterior"), draws=200, seed=1)).description


def test_rows_without_two_arms_are_sent_to_the_forest():
    refused(OptionError, r"draw lam\.forest\(fit\)", PLOTS.labbe, fitted("multilevel"))
    assert lam.forest(fitted("multilevel")).description


def test_a_result_of_another_measure_does_not_share_the_axis_of_its_rows():
    risk_ratio = lam.pool(odds_ratios(), model="random")
    other = lam.counts.mantel_haenszel(odds_ratios(), measure="RR")
    if other.table.measure == "RR":
        assert lam.forest(other).rows.kind.tolist().count("pooled") == 1
    refused(OptionError, "different rows or measures", lam.forest, [risk_ratio, fitted("multilevel")])
    peto = fitted("peto")
    rows = lam.forest(peto).rows
    assert np.log(rows[rows.kind == "pooled"].estimate.iloc[0]) == pytest.approx(peto.estimate)


def test_diagnostics_that_a_model_lacks_name_one_that_it_has():
    fit = fitted("glmm")
    refused(NotEstimable, "residual='studentized'", PLOTS.normal_quantiles, fit)
    assert PLOTS.normal_quantiles(fit, residual="studentized").description
    many = lam.checks.gosh(fitted("t-distributed effects"), subsets=6, seed=1)
    refused(NotEstimable, "to_frame\\(\\) has what there is", PLOTS.gosh, many)
    assert len(many.to_frame()) == 6
    refused(OptionError, "subsets=", PLOTS.gosh, fitted("profile"))
    assert PLOTS.gosh(fitted("profile"), subsets=6, seed=1).description
    refused(OptionError, "leave both out", PLOTS.gosh, many, subsets=5, seed=1)


def test_a_check_is_drawn_by_its_own_figure():
    check = lam.checks.baujat(fitted("random"))
    refused(OptionError, r"plot\(\)", PLOTS.funnel, check)
    assert check.plot().description
    refused(OptionError, "lacks", PLOTS.leave_one_out, check)


def test_a_plot_is_told_in_one_line():
    plot = lam.forest(fitted("random"))
    assert repr(plot) == f"<ForestPlot: {plot.description}>"
    assert "\n" not in repr(plot)
