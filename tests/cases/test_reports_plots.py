"""Reports about figures."""

import warnings

import pandas as pd
import pytest

import lamevidence as lam
from lamevidence import EvidenceTable
from lamevidence.errors import OptionError

SIX = ([0.2, 0.5, 0.1, 0.9, 0.4, -0.25], [0.02, 0.03, 0.02, 0.04, 0.03, 0.02])


def test_figures_of_a_regression() -> None:
    """jasp-stats/jasp-issues#2974 (2024); jasp-desktop#2176 (2017): they ended in an AttributeError."""
    table = EvidenceTable.from_estimates(
        [0.2, 0.5, 0.1, 0.9, 0.4, -0.25], vi=SIX[1], measure="OR", moderators={"g": list("zzaabb")}
    )
    fit = lam.pool(table, moderators="~ g")
    assert fit.fitted() == pytest.approx([0.346, 0.346, 0.479, 0.479, 0.066, 0.066], abs=5e-4)
    assert lam.forest(fit) is not None
    assert lam.plots.funnel(fit) is not None
    with pytest.raises(OptionError, match=r"one mean, .* draw lam\.forest\(fit\)"):
        lam.plots.orchard(fit)


def test_a_forest_of_a_network_prints_its_table() -> None:
    """guido-s/netmeta#32 (2026): b 1.34 [0.63, 2.84] and c 3.08 [1.14, 8.34] against a."""
    frame = pd.DataFrame(
        {"study": [1, 1, 2, 2, 3, 3, 4, 4], "treatment": list("abacbcab"), "r": [5, 7, 4, 8, 3, 9, 6, 9], "n": [50] * 8}
    )
    fit = lam.network.pool_network(lam.network.network_table(frame, "OR", events="r", total="n"), reference="a")
    printed = lam.forest(fit).rows["printed"].tolist()
    assert "1.34 [0.63, 2.84]" in printed
    assert "3.08 [1.14, 8.34]" in printed


def test_a_hopelessly_wide_ratio_draws_without_warnings() -> None:
    """adayim/forestploter#76 (2025); kassambara/survminer#582 (2022-26): 4.9e8 [0, inf] with arrows."""
    table = EvidenceTable.from_estimates([0.2, 0.5, 0.1, 20.0], vi=[0.02, 0.03, 0.02, 1e6], measure="OR")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert lam.forest(lam.pool(table)) is not None


def test_no_prediction_where_none_is_asked() -> None:
    """guido-s/meta#83 (2026): pi=False draws no prediction interval."""
    fit = lam.pool(EvidenceTable.from_estimates(SIX[0], vi=SIX[1]))
    kinds = set(lam.forest(fit, pi=False).rows["kind"]) | set(
        lam.plots.leave_one_out(lam.leave_one_out(fit)).rows["kind"]
    )
    assert "prediction" not in kinds
    assert "prediction" in set(lam.forest(fit).rows["kind"])


def test_labels_move_with_their_estimates() -> None:
    """Mkossmeier/metaviz#13 (2022): a cumulative plot in the order of years."""
    table = EvidenceTable.from_estimates(
        SIX[0][:4],
        vi=SIX[1][:4],
        labels=["S2010", "S2001", "S2005", "S1999"],
        moderators={"year": [2010, 2001, 2005, 1999]},
    )
    rows = lam.plots.cumulative(lam.cumulative(lam.pool(table), order="year")).rows
    assert rows["label"].iloc[0] == "S1999"
    assert rows["printed"].iloc[0].startswith("0.90")
    steps = rows[rows["label"].str.contains("S2010")]
    assert steps["printed"].iloc[0].startswith("0.40")


def test_markup_in_labels_is_text() -> None:
    """guido-s/meta#82 (2026): dollar, ampersand, underscore and angle brackets are printed as they are."""
    table = EvidenceTable.from_estimates(
        [0.2, 0.5], vi=[0.02, 0.03], labels=["Smith & Co <2010>", "A^2_b $\\alpha $5$"]
    )
    svg = lam.forest(lam.pool(table)).to_svg()
    assert "Smith &amp; Co &lt;2010&gt;" in svg
    assert "A^2_b $\\alpha $5$" in svg


def test_a_funnel_holds_all_points() -> None:
    """jasp-stats/jasp-issues#1223 (2021): far points stay inside the axes."""
    table = EvidenceTable.from_estimates([0.02, 0.01, 0.03, 2.5, -1.0], vi=[0.0001, 0.0002, 0.0001, 0.0003, 0.2])
    left, right = lam.plots.funnel(lam.pool(table)).ax.get_xlim()
    assert left < -1 < 2.5 < right
