"""What is spared in drawing a forest changes nothing that is drawn: each saving against the long way."""

import io

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text as TextArtist
from matplotlib.transforms import Bbox

from lamevidence.plots.drawing import measure
from lamevidence.plots.drawing.figure import own_style
from lamevidence.plots.drawing.text import Run, _break, _pieces, _stripped, plain, rich, rich_width, wrap_words
from lamevidence.plots.forest.draw import _text_class
from lamevidence.plots.forest.forest import forest
from tests.plots.forest_samples import slope_fit, slope_posterior

SENTENCES = (
    "Left out at this width: risk of bias, patients and events, weights.",
    "Études AVAWATA — Tokyo, To, Ty; 3 of 15 (20\u00a0%): ffi fl fj, WAVE 1.1 ≥ 0.5",
    "a  b   c    d  averyveryveryverylongwordthatnolineholds e",
    "x",
    "",
)


@pytest.fixture(scope="module")
def plot():
    with measure.typeface("DejaVu Sans"):
        return forest([slope_fit(), slope_posterior()])


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_texts_are_drawn_where_matplotlib_draws_them(plot, kind, tmp_path, monkeypatch):
    ours = plot.save(tmp_path / f"a.{kind}", dpi=150).read_bytes()
    monkeypatch.setattr(_text_class(), "draw", TextArtist.draw)
    assert plot.save(tmp_path / f"b.{kind}", dpi=150).read_bytes() == ours


def test_saving_measures_no_text(plot, tmp_path, monkeypatch):
    def measured(*_: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(TextArtist, "_get_layout", measured)
    for kind in ("png", "pdf", "svg"):
        plot.save(tmp_path / f"a.{kind}", dpi=50)


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": 30},
        {"ha": "right"},
        {"va": "top"},
        {"text": "two\nlines"},
        {"text": "$x^2$", "parse_math": True},
        {"bbox": {"facecolor": "red"}},
        {"visible": False},
        {"text": ""},
        {"color": "red", "alpha": 0.5, "url": "https://example.org"},
        {"clip_box": Bbox([[0, 0], [110, 90]])},
    ],
)
def test_a_text_that_somebody_changes_is_drawn_as_changed(change, monkeypatch):
    def drawn() -> str:
        figure, out = Figure(figsize=(2, 1)), io.StringIO()
        text = _text_class()(0.5, 0.5, "abc", transform=figure.transFigure, parse_math=False)
        figure.add_artist(text).set(**change)
        with matplotlib.rc_context({"svg.hashsalt": "a"}):
            figure.savefig(out, format="svg", metadata={"Date": None})
        return out.getvalue()

    ours = drawn()
    monkeypatch.setattr(_text_class(), "draw", TextArtist.draw)
    assert drawn() == ours


def word_by_word(text, size, width, bold):
    """Lines made by trying each further word: the plain way."""
    lines: list[list[Run]] = []
    for piece in [part for run in _pieces(text) for part in _break(run, size, width, bold)]:
        if lines and rich_width(_stripped([*lines[-1], piece]), size, bold=bold) <= width:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [line for line in map(_stripped, lines) if line]


@pytest.mark.parametrize("words", [*SENTENCES, " ".join(SENTENCES)])
@pytest.mark.parametrize("bold", [False, True])
def test_lines_break_where_the_next_word_does_not_fit(words, bold):
    for width in (3, 20, 37.5, 60, 90, 133, 200, 400):
        for text in (plain(words), rich(f"*I*^{{2}} = 9 %; {words}")):
            assert wrap_words(text, 6.5, width, bold=bold) == word_by_word(text, 6.5, width, bold)


def test_a_long_note_is_measured_a_few_times_a_line():
    words = plain(" ".join(f"word{i} and more" for i in range(200)))
    wrap_words(words, 6.5, 300)  # the letters
    measure._size.cache_clear()
    lines = wrap_words(words, 6.5, 300)
    letters = len(set(words[0].text))
    assert measure._size.cache_info().misses <= letters + 4 * len(lines)


def test_a_session_with_settings_of_its_own_gets_the_same_figure_and_keeps_them(tmp_path):
    odd = {"lines.linewidth": 7.0, "font.size": 30.0, "axes.facecolor": "red", "svg.fonttype": "none"}
    usual = forest(slope_fit()).save(tmp_path / "a.svg").read_bytes()
    with matplotlib.rc_context(odd):
        assert forest(slope_fit()).save(tmp_path / "b.svg").read_bytes() == usual
        assert {name: matplotlib.rcParams[name] for name in odd} == odd
        with own_style():
            assert matplotlib.rcParams["lines.linewidth"] == matplotlib.rcParamsDefault["lines.linewidth"]


def test_a_png_has_the_pixels_that_matplotlib_writes_in_fewer_bytes(plot, tmp_path):
    from PIL import Image, ImageChops

    plot.save(tmp_path / "a.png", dpi=150)
    with own_style():
        plot.fig.savefig(tmp_path / "b.png", dpi=150)
    with Image.open(tmp_path / "a.png") as ours, Image.open(tmp_path / "b.png") as usual:
        assert ours.mode == usual.mode
        assert ImageChops.difference(ours, usual).getbbox(alpha_only=False) is None
    assert (tmp_path / "a.png").stat().st_size < (tmp_path / "b.png").stat().st_size
