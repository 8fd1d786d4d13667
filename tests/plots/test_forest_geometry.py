import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import EvidenceWarning, FigureTooNarrow
from lamevidence.plots.drawing.shapes import Text
from lamevidence.plots.forest.forest import forest
from lamevidence.plots.forest.presets import PRESETS
from tests.plots.forest_samples import LABELS, fit, proportion_fit, ratio_fit, slope_fit, slope_posterior, slopes

TOUCH = 0.05
"""Points by which two boxes may meet: rounding of the measurement, far below one printed dot."""


def texts(plot):
    return [m for m in plot.layout.marks if isinstance(m, Text) and m.text.strip()]


def overlaps(plot):
    boxes = [(t, t.box) for t in texts(plot)]
    boxes.sort(key=lambda item: item[1][1])
    found = []
    for i, (a, (al, at, ar, ab)) in enumerate(boxes):
        for b, (bl, bt, br, bb) in boxes[i + 1 :]:
            if bt > ab:
                break
            if min(ar, br) - max(al, bl) > TOUCH and min(ab, bb) - max(at, bt) > TOUCH:
                found.append((a.text, b.text))
    return found


def outside(plot):
    width, height = plot.layout.width, plot.layout.height
    return [t.text for t in texts(plot) if t.box[0] < 0 or t.box[1] < 0 or t.box[2] > width or t.box[3] > height]


def assert_clean(plot):
    assert overlaps(plot) == []
    assert outside(plot) == []


@pytest.mark.parametrize("layout", PRESETS)
@pytest.mark.parametrize(
    "make", [slope_fit, proportion_fit, ratio_fit, lambda: [slope_fit(), slope_posterior()], slopes, slope_posterior]
)
def test_no_text_meets_another_and_all_are_on_the_canvas(layout, make):
    assert_clean(forest(make(), layout=layout))


def one_to_sixty(k, scale, label, ratio, seed):
    rng = np.random.default_rng(seed)
    yi = rng.normal(size=k) * (1.0 if ratio else scale)
    if ratio:
        yi = yi + np.log(scale)
    vi = (rng.uniform(0.1, 2.0, size=k) * (1.0 if ratio else scale)) ** 2
    table = EvidenceTable(
        yi=yi,
        vi=vi,
        labels=tuple(f"{label} {i}" for i in range(k)),
        studies=tuple(f"s{i}" for i in range(k)),
        measure="OR" if ratio else "MD",
        unit=None if ratio else "mL",
        n=rng.integers(5, 10**6, size=k).astype(float),
        title="Change of a thing with a long name after twelve months of treatment",
        higher_is="better",
        groups=tuple(f"Design {i % 3}" for i in range(k)),
    )
    w = 1 / vi
    mu, se = float((w * yi).sum() / w.sum()), float(w.sum() ** -0.5)
    ends = (mu - 2 * se, mu + 2 * se), (mu - 4 * se, mu + 4 * se)
    return fit(table, mu, *ends, 100 * w / w.sum(), se=se, tau=se, tau2=se**2)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    k=st.integers(1, 60),
    power=st.integers(-6, 6),
    layout=st.sampled_from(sorted(PRESETS)),
    ratio=st.booleans(),
    label=st.sampled_from(["A", "Müller-Lüdenscheidt, van der Waerden & Hjörleifsdóttir 2011", "$x_1$ \\alpha 2011"]),
    seed=st.integers(0, 999),
)
def test_any_size_any_magnitude_any_preset(k, power, layout, ratio, label, seed):
    assert_clean(forest(one_to_sixty(k, 10.0**power, label, ratio, seed), layout=layout))


@pytest.mark.parametrize("layout", PRESETS)
def test_labels_in_chinese_are_drawn_or_said_to_be_boxes(layout, tmp_path):
    labels = tuple(f"淋巴管肌瘤病 {label}" for label in LABELS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plot = forest(slope_fit(slopes(labels=labels)), layout=layout)
        plot.save(tmp_path / "a.png", dpi=72)
    assert_clean(plot)
    assert {w.category for w in caught} <= {EvidenceWarning}
    assert all("LW602" in str(w.message) and "install" in str(w.message) for w in caught)


@pytest.mark.parametrize("width", ["double", 178, "7in", 140])
@pytest.mark.parametrize("make", [slope_fit, proportion_fit, ratio_fit])
def test_a_width_is_kept_exactly(width, make):
    plot = forest(make(), width=width, layout="bmj")
    assert_clean(plot)
    points = {"double": 178 / 25.4 * 72, 178: 178 / 25.4 * 72, "7in": 504.0, 140: 140 / 25.4 * 72}[width]
    assert plot.layout.width == pytest.approx(points)
    assert plot.fig.get_size_inches()[0] == pytest.approx(points / 72)


def test_the_ladder_drops_columns_then_shrinks_then_refuses():
    full = forest(slope_fit()).layout.width / 72 * 25.4
    said = []
    for width in np.arange(full, 60, -2.0):
        try:
            plot = forest(slope_fit(), width=float(width))
        except FigureTooNarrow as refused:
            said.append(float(str(refused).split("needs ")[1].split(" mm")[0]))
            break
        assert_clean(plot)
    assert said, "a width of 60 mm cannot hold this figure"
    assert_clean(forest(slope_fit(), width=said[0]))
    with pytest.raises(FigureTooNarrow):
        forest(slope_fit(), width=said[0] - 0.2)


def test_a_dropped_column_is_said_and_an_asked_one_is_kept():
    plot = forest(slope_fit(), width=125)
    assert any("Left out at this width" in t.text for t in texts(plot))
    with pytest.raises(FigureTooNarrow):
        forest(slope_fit(), width=85, columns=["n", "months", "year"])


def test_drawn_texts_are_where_the_layout_says():
    from matplotlib.backends.backend_agg import RendererAgg

    from lamevidence.plots.drawing.figure import own_style

    plot = forest([slope_fit(), slope_posterior()])
    with own_style():
        renderer = RendererAgg(int(plot.layout.width * 10) + 1, int(plot.layout.height * 10) + 1, 720)
        plot.fig.set_dpi(720)
        drawn = [m for g in plot.fig.artists for m in g.get_children() if hasattr(m, "get_fontproperties")]
        boxes = {id(m): m.get_window_extent(renderer) for m in drawn}
    marks = [m for m in plot.layout.marks if isinstance(m, Text)]
    assert len(drawn) == len(marks)
    by_place = {(round(m.x, 6), round(m.y, 6), m.text): m for m in marks}
    for artist in drawn:
        x, y = artist.get_position()
        mark = by_place[(round(x, 6), round(y, 6), artist.get_text())]
        box = boxes[id(artist)]
        assert box.x0 / 10 == pytest.approx(mark.x, abs=0.6)
        assert box.width / 10 == pytest.approx(mark.width, abs=0.6)
