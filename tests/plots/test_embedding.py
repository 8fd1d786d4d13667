"""Fonts in PDFs: embedded, TrueType, with the outlines and widths of the font file, and text that can be found."""

from __future__ import annotations

import io
import re
import unicodedata
import zlib
from pathlib import Path

import pytest
from fontTools import subset
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.figure import Figure

from lamevidence.plots.drawing import embedding
from lamevidence.plots.drawing.figure import Plot

WORDS = "Bée 2018 −3.5 [τ² ≤ 4] fi office Ñandú µ"
"""Composite letters, signs, and letters that a typesetter would join."""


def plot(words: str = WORDS) -> Plot:
    figure = Figure(figsize=(4, 1))
    ax = figure.add_subplot()
    ax.set_axis_off()
    ax.text(0, 0.3, words, family="DejaVu Sans")
    ax.text(0, 0.7, words, family="DejaVu Sans", weight="bold")
    return Plot(figure, ax, "words")


def streams(pdf: bytes) -> list[tuple[bytes, bytes]]:
    """Return the dictionary and the decoded content of each stream."""
    found = re.findall(rb"obj\n(<<.*?>>)\nstream\n(.*?)\nendstream", pdf, re.S)
    return [(head, zlib.decompress(body) if b"FlateDecode" in head else body) for head, body in found]


def saved(tmp_path, words: str = WORDS, name: str = "a.pdf") -> bytes:
    return plot(words).save(tmp_path / name).read_bytes()


def outline(font: TTFont, name: str) -> tuple[object, int]:
    glyphs = font.getGlyphSet()
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)
    return pen.value, glyphs[name].width


def test_outlines_and_widths_are_those_of_the_file(tmp_path):
    pdf = saved(tmp_path)
    assert b"/Subtype /CIDFontType2" in pdf  # TrueType, which journals and editors take
    embedded = [TTFont(io.BytesIO(body)) for head, body in streams(pdf) if b"/Length1" in head]
    assert [len(font["cmap"].tables) for font in embedded] == [1] * len(embedded) != []  # one says all
    seen = set()
    for weight in ("normal", "bold"):
        path = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight))
        original = TTFont(io.BytesIO(Path(path).read_bytes()))
        characters = original.getBestCmap()
        for font in embedded:
            if font["OS/2"].usWeightClass != original["OS/2"].usWeightClass:
                continue
            for code, name in font.getBestCmap().items():
                assert outline(font, name) == outline(original, characters[code]), chr(code)
                letters = chr(code) + unicodedata.normalize("NFKC", chr(code))  # ﬁ is f and i
                seen |= {(weight, letter) for letter in letters}
    assert {(weight, letter) for weight in ("normal", "bold") for letter in WORDS} <= seen


def test_text_can_be_found(tmp_path):
    """Each character shown has its Unicode in a ToUnicode map."""
    maps = [body.decode() for _, body in streams(saved(tmp_path)) if b"beginbfrange" in body]
    told = {
        bytes.fromhex(code).decode("utf-16-be")
        for body in maps
        for line in re.findall(r"\[(.*?)\]", body, re.S)
        for code in re.findall(r"<([0-9a-f]+)>", line)
    }
    assert set(WORDS) <= {letter for text in told for letter in text}


def test_the_same_bytes_from_a_font_read_anew_and_from_one_kept(tmp_path):
    embedding._decoded.cache_clear()
    first = saved(tmp_path)
    saved(tmp_path, "other letters: xyz QRST 789 ≥", "b.pdf")
    assert saved(tmp_path) == first


def test_nothing_is_left_changed(tmp_path):
    usual = subset.load_font
    saved(tmp_path)
    with embedding.fonts_decoded_once():
        assert subset.load_font is not usual
    with pytest.raises(FileNotFoundError), embedding.fonts_decoded_once():
        subset.load_font(str(tmp_path / "absent.ttf"), subset.Options())
    assert subset.load_font is usual


def test_a_font_without_truetype_outlines_is_read_as_always(tmp_path):
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.t2CharStringPen import T2CharStringPen

    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({65: "A"})
    pen = T2CharStringPen(600, None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 0))
    pen.lineTo((0, 700))
    pen.closePath()
    empty = T2CharStringPen(600, None)
    builder.setupCFF("Test", {}, {".notdef": empty.getCharString(), "A": pen.getCharString()}, {})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "A": (600, 0)})
    builder.setupHorizontalHeader()
    builder.setupNameTable({})
    builder.setupPost()
    builder.save(tmp_path / "a.otf")
    with embedding.fonts_decoded_once(), subset.load_font(str(tmp_path / "a.otf"), subset.Options()) as font:
        assert "CFF " in font


def test_glyphs_are_made_when_asked_for():
    glyphs = embedding._Glyphs({"a": b"", "b": b"", "c": b""})
    assert (list(glyphs), len(glyphs), glyphs._made) == (["a", "b", "c"], 3, {})
    assert glyphs["b"] is glyphs["b"]
    assert list(glyphs._made) == ["b"]
    made = glyphs["c"]
    glyphs["d"] = made
    del glyphs["a"], glyphs["b"]
    assert (dict(glyphs), "a" in glyphs, glyphs.get("a")) == ({"c": made, "d": made}, False, None)
