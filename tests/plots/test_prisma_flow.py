"""The flow diagram: every number in its box, nothing over its edge, at the widths of a journal's page."""

from __future__ import annotations

import copy
import itertools

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import lamevidence as lam
from lamevidence.errors import EvidenceWarning, FigureTooNarrow, OptionError
from tests.registry.test_flow import CASES, NR, UPDATE, changed, leaves

WIDTHS = (85, 140, 178)


def unreported(case):
    out = copy.deepcopy(case)
    for place, _ in leaves(case):
        out = changed(out, place, NR)
    return out


def long_names():
    out = copy.deepcopy(UPDATE)
    part = out["databases_and_registers"]
    part["databases"] = {"Cumulative Index to Nursing and Allied Health Literature (CINAHL)": 412, "Embase": 633}
    part["excluded_reports"] = {f"reason {i} in words that go on for a line and a half": 2 for i in range(20)}
    out["searched"] = NR
    return out


FLOWS = {**CASES, "unreported": unreported(UPDATE), "long": long_names()}


def boxes(plot):
    return [p for p in plot.ax.patches if isinstance(p, Rectangle) and (p.get_gid() or "").startswith("box-")]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FLOWS)
def test_texts_lie_in_their_boxes_and_boxes_apart(name, width):
    plot = lam.plots.prisma_flow(lam.reports.prisma(FLOWS[name]), width=width)
    assert plot.fig.get_size_inches()[0] == pytest.approx(width / 25.4)
    plot.fig.draw_without_rendering()
    canvas = plot.fig.bbox
    areas = [box.get_window_extent() for box in boxes(plot)]
    for one, other in itertools.combinations(areas, 2):
        assert not one.overlaps(other)
    strips = [p.get_window_extent() for p in plot.ax.patches if not p.get_gid() and isinstance(p, Rectangle)]
    for text in plot.ax.texts:
        if not text.get_text():
            continue  # an arrow
        extent = text.get_window_extent()
        assert text.get_fontsize() >= 6.5
        assert canvas.x0 <= extent.x0 <= extent.x1 <= canvas.x1
        assert canvas.y0 <= extent.y0 <= extent.y1 <= canvas.y1
        held = [
            area
            for area in (areas if text.get_rotation() == 0 else strips)
            if area.x0 <= extent.x0 and extent.x1 <= area.x1 and area.y0 - 1 <= extent.y0 and extent.y1 <= area.y1 + 1
        ]
        assert len(held) == 1, text.get_text()
    for one, other in itertools.combinations([t.get_window_extent() for t in plot.ax.texts if t.get_text()], 2):
        assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 + 1 < other.y1 and other.y0 + 1 < one.y1)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FLOWS)
def test_rows_are_the_numbers_of_the_flow_and_stand_in_the_diagram(name, width):
    flow = lam.reports.prisma(FLOWS[name])
    plot = lam.plots.prisma_flow(flow, width=width)
    shown = " ".join(t.get_text() for t in plot.ax.texts).replace("\u00a0", " ")
    assert len(plot.rows) == len(flow.to_frame())
    for row, expected in zip(plot.rows.itertuples(), flow.rows(), strict=True):
        assert (row.part, row.box, row.item) == (expected.box.part, expected.box.name, expected.item)
        assert row.printed in shown
        n = "(n not reported)" if expected.n is None else f"(n = {expected.n})"
        assert n in row.printed
        assert row.left < row.right
        assert row.top < row.bottom
    assert plot.to_frame().equals(plot.rows)
    assert plot.to_frame() is not plot.rows
    assert plot.description == f"PRISMA 2020 flow diagram. {flow.describe()}"


def test_sums_of_named_numbers_are_printed_too():
    plot = lam.plots.prisma_flow(lam.reports.prisma(UPDATE))
    shown = " ".join(t.get_text() for t in plot.ax.texts).replace("\u00a0", " ")
    for words in ("Databases (n = 1045)", "Registers (n = 31)", "Records excluded (n = 612):", "methods (n = 5):"):
        assert words in shown
    assert "Reports excluded (n = 40)" in shown
    assert "reasons not reported" in shown
    assert "reasons not reported" not in " ".join(
        t.get_text() for t in lam.plots.prisma_flow(lam.reports.prisma(CASES["scope"])).ax.texts
    )


def arrows(plot):
    """Where each arrow begins and ends, as names of boxes."""
    plot.fig.draw_without_rendering()
    places = {
        p.get_gid(): (p.get_x(), p.get_y(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in boxes(plot)
    }

    def at(point):
        found = [
            name
            for name, (left, top, right, bottom) in places.items()
            if left - 0.1 <= point[0] <= right + 0.1 and top - 0.1 <= point[1] <= bottom + 0.1
        ]
        return found[0].removeprefix("box-") if found else None

    bends = {tuple(line.get_xydata()[-1]): tuple(line.get_xydata()[0]) for line in plot.ax.lines}
    found = set()
    for arrow in plot.ax.texts:
        if not arrow.get_text():
            start = arrow.xyann
            found.add((at(bends.get(tuple(start), start)), at(arrow.xy)))
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_arrows_lead_as_in_the_template(width):
    """The four templates of the statement: doi:10.1136/bmj.n71, figure 1."""
    steps = {
        ("identified", "removed"),
        ("identified", "screened"),
        ("screened", "excluded"),
        ("screened", "sought"),
        ("sought", "not_retrieved"),
        ("sought", "assessed"),
        ("assessed", "excluded_reports"),
        ("assessed", "included"),
    }
    others = {
        ("other-identified", "other-sought"),
        ("other-sought", "other-not_retrieved"),
        ("other-sought", "other-assessed"),
        ("other-assessed", "other-excluded_reports"),
        ("other-assessed", "included"),
    }
    before = {("included", "total"), ("previous", "total")}
    alone = changed(
        changed(changed(UPDATE, ("other_methods",), None), ("searched",), None), ("included", "reports"), 16
    )
    update = changed(alone, ("total", "reports"), 29)
    for given, expected in (
        (CASES["scope"], steps),
        (CASES["revision"], steps | others),
        (update, steps | before),
        (UPDATE, steps | others | before),
    ):
        assert arrows(lam.plots.prisma_flow(lam.reports.prisma(given), width=width)) == expected


def test_axes_given_are_the_room_there_is():
    flow = lam.reports.prisma(CASES["scope"])
    figure = Figure(figsize=(7, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot = lam.plots.prisma_flow(flow, ax=right)
    assert plot.ax is right
    figure.draw_without_rendering()
    for text in plot.ax.texts:
        extent, box = text.get_window_extent(), right.get_window_extent()
        assert not text.get_text() or (box.x0 - 1 <= extent.x0 and extent.x1 <= box.x1 + 1)
    low = Figure(figsize=(7, 1)).subplots()
    with pytest.raises(FigureTooNarrow, match=r"LE601: the flow diagram is \d+ mm high"):
        lam.plots.prisma_flow(flow, ax=low)
    with pytest.raises(OptionError, match="both set the width"):
        lam.plots.prisma_flow(flow, ax=left, width=85)
    assert flow.plot(width="single").fig.get_size_inches()[0] < flow.plot().fig.get_size_inches()[0]


def test_the_narrowest_width_that_is_named_is_drawn():
    for case in CASES.values():
        flow = lam.reports.prisma(case)
        with pytest.raises(FigureTooNarrow, match=r"give at least (\d+) mm") as caught:
            lam.plots.prisma_flow(flow, width=40)
        least = int(str(caught.value).rpartition("least ")[2].removesuffix(" mm"))
        assert lam.plots.prisma_flow(flow, width=least).rows is not None
        with pytest.raises(FigureTooNarrow):
            lam.plots.prisma_flow(flow, width=least - 1)


def test_a_name_that_no_font_has_is_said():
    odd = changed(CASES["abstracts"], ("databases_and_registers", "databases"), {"\U0001f9ff": 162})
    with pytest.warns(EvidenceWarning, match="LW602"):
        lam.plots.prisma_flow(lam.reports.prisma(odd))


def test_dollar_signs_and_markup_are_text():
    odd = changed(CASES["abstracts"], ("databases_and_registers", "databases"), {"$x$ *y* ^{z}": 162})
    shown = " ".join(t.get_text() for t in lam.plots.prisma_flow(lam.reports.prisma(odd)).ax.texts)
    assert "$x$ *y* ^{z} (n" in shown
