"""Fonts as a PDF embeds them: decoded once a process, without what only a typesetter reads."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

__all__ = ["fonts_decoded_once"]

_FOR_TYPESETTERS = ("GSUB", "GPOS", "GDEF", "BASE", "MATH", "JSTF", "kern", "DSIG", "FFTM")
"""Tables that choose and place glyphs, or sign the file: in a PDF the glyphs are chosen and placed already."""
_FONTS_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """A font file without those tables, and what takes longest to read of it."""

    file: bytes
    order: list[str]
    metrics: Mapping[str, tuple[int, int]]
    outlines: Mapping[str, bytes]
    characters: tuple[Any, ...]

    def font(self, options: Any) -> TTFont:  # noqa: ANN401
        """Return the font for a subsetter to cut down: its tables are its own."""
        from fontTools.ttLib import TTFont, newTable
        from fontTools.ttLib.tables._g_l_y_f import Glyph  # type: ignore[import-untyped]

        made = TTFont(
            io.BytesIO(self.file),
            recalcBBoxes=options.recalc_bounds,
            recalcTimestamp=options.recalc_timestamp,
            lazy=True,
        )
        made.setGlyphOrder(list(self.order))
        made["hmtx"] = widths = newTable("hmtx")
        widths.metrics = dict(self.metrics)
        made["glyf"] = glyphs = newTable("glyf")
        glyphs.glyphs = {name: Glyph(outline) for name, outline in self.outlines.items()}
        glyphs.glyphOrder = list(self.order)
        made["cmap"] = mapping = newTable("cmap")
        mapping.tableVersion = 0
        mapping.tables = [copy.copy(table) for table in self.characters]
        return made


@contextlib.contextmanager
def fonts_decoded_once() -> Iterator[None]:
    """Have figures saved inside embed fonts that are decoded once; the glyphs and their outlines are those of the file.

    Decoding all of a font takes most of the time of writing a PDF, and is the same each time. Names of glyphs are not
    embedded: text is found by its characters (ToUnicode). Fonts without TrueType outlines are read as always.
    """
    from fontTools import subset  # type: ignore[import-untyped]

    usual = subset.load_font

    def load(file: Any, options: Any, **more: Any) -> TTFont:  # noqa: ANN401
        decoded = _decoded(str(file), options.font_number)
        return usual(file, options, **more) if decoded is None else decoded.font(options)

    subset.load_font = load
    try:
        yield
    finally:
        subset.load_font = usual


@lru_cache(maxsize=_FONTS_KEPT)
def _decoded(path: str, number: int) -> _Decoded | None:
    """Return a font file decoded, None where it has no TrueType outlines."""
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=number, recalcBBoxes=False, recalcTimestamp=False, lazy=True) as font:
        if not {"glyf", "hmtx", "cmap", "post"} <= set(font.keys()):
            return None
        order = list(font.getGlyphOrder())
        for tag in _FOR_TYPESETTERS:
            if tag in font:
                del font[tag]
        font["post"].formatType = 3.0
        unicode = [table for table in font["cmap"].tables if table.isUnicode()]
        font["cmap"].tables = unicode or font["cmap"].tables
        buffer = io.BytesIO()
        font.save(buffer, reorderTables=False)
    with TTFont(io.BytesIO(buffer.getvalue()), lazy=True) as font:
        font.setGlyphOrder(order)
        glyphs = font["glyf"].glyphs
        return _Decoded(
            buffer.getvalue(),
            order,
            dict(font["hmtx"].metrics),
            {name: getattr(glyphs[name], "data", b"") for name in order},
            tuple(_read(table) for table in font["cmap"].tables),
        )


def _read(table: Any) -> Any:  # noqa: ANN401
    """Return a character map that is read, for it is read from the file on first use."""
    assert table.cmap is not None
    return table
