"""Fonts as a PDF embeds them: decoded once a process, without what only a typesetter reads."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

__all__ = ["fonts_decoded_once"]

_FOR_TYPESETTERS = ("GSUB", "GPOS", "GDEF", "BASE", "MATH", "JSTF", "kern", "DSIG", "FFTM")
"""Tables that choose and place glyphs, or sign the file: in a PDF the glyphs are chosen and placed already."""
_FONTS_KEPT = 16


class _Glyphs(MutableMapping[str, Any]):
    """The glyphs of a font, each made of its outline when it is asked for: a subset asks for few of thousands."""

    def __init__(self, outlines: Mapping[str, bytes]) -> None:
        self._outlines = dict(outlines)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        from fontTools.ttLib.tables._g_l_y_f import Glyph  # type: ignore[import-untyped]

        if name not in self._made:
            self._made[name] = Glyph(self._outlines[name])
        return self._made[name]

    def __setitem__(self, name: str, glyph: Any) -> None:  # noqa: ANN401
        self._outlines[name] = b""
        self._made[name] = glyph

    def __delitem__(self, name: str) -> None:
        del self._outlines[name]
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._outlines)

    def __len__(self) -> int:
        return len(self._outlines)


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
        glyphs.glyphs = _Glyphs(self.outlines)
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
        if unicode := [table for table in font["cmap"].tables if table.isUnicode() and table.format != 14]:
            # the fullest says all that the others do; no reader of a PDF that places glyphs by number needs even one
            font["cmap"].tables = [max(unicode, key=lambda table: (len(table.cmap), table.platformID))]
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
