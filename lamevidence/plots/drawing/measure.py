"""How wide a text is, in points, before anything is placed."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

__all__ = [
    "TextSize",
    "families",
    "font",
    "missing_characters",
    "quiet_about_glyphs",
    "text_size",
    "typeface",
]

_PREFERRED = ("Arial", "Helvetica", "Liberation Sans", "Nimbus Sans", "DejaVu Sans")
_WIDE = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
_MAGNIFY = 10
"""Texts are measured at ten times their size: hinting then moves the result by less than 0.1 pt."""

_pinned: ContextVar[str | None] = ContextVar("typeface", default=None)


@dataclass(frozen=True, slots=True)
class TextSize:
    """Advance width, height above and depth below the baseline, in points."""

    width: float
    ascent: float
    descent: float


@contextlib.contextmanager
def typeface(family: str) -> Iterator[None]:
    """Set every figure made inside in this family (fallbacks for missing characters stay)."""
    token = _pinned.set(family)
    try:
        yield
    finally:
        _pinned.reset(token)


@lru_cache(maxsize=1)
def _installed() -> frozenset[str]:
    from matplotlib import font_manager

    return frozenset(entry.name for entry in font_manager.fontManager.ttflist)


def families() -> tuple[str, ...]:
    """Return the families in use: one for Latin text, then what fills its gaps, all installed."""
    return _families(_pinned.get())


@lru_cache(maxsize=8)
def _families(pinned: str | None) -> tuple[str, ...]:
    installed = _installed()
    wanted = (pinned,) if pinned else _PREFERRED
    main = next((name for name in wanted if name in installed), "DejaVu Sans")
    fill = [name for name in ("DejaVu Sans", *_WIDE) if name in installed and name != main]
    return (main, *fill)


@lru_cache(maxsize=256)
def _font(names: tuple[str, ...], size: float, bold: bool, italic: bool) -> FontProperties:
    from matplotlib.font_manager import FontProperties

    return FontProperties(
        family=list(names), size=size, weight="bold" if bold else "normal", style="italic" if italic else "normal"
    )


def font(size: float, *, bold: bool = False, italic: bool = False) -> FontProperties:
    """Return the font of a text."""
    return _font(families(), size, bold, italic)


@contextlib.contextmanager
def quiet_about_glyphs() -> Iterator[None]:
    """Keep matplotlib from warning once a draw about a character that no font has.

    `missing_characters` finds those characters, and the figure says so once, with the remedy.
    """
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    # a fallback family without a bold face is used as it is; there is nothing the reader could do
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        stack.callback(log.setLevel, level)
        warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing from", category=UserWarning)
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support", category=UserWarning)
        yield


@lru_cache(maxsize=8)
def _renderer(magnify: int) -> Any:  # noqa: ANN401
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(16, 16, 72.0 * magnify)


@lru_cache(maxsize=65536)
def _size(text: str, names: tuple[str, ...], size: float, bold: bool, italic: bool) -> TextSize:
    properties = _font(names, size, bold, italic)
    measure = _renderer(_MAGNIFY).get_text_width_height_descent
    with quiet_about_glyphs():
        # a bar on either side makes leading and trailing spaces count
        spaced = text != text.strip() or not text
        wide, height, descent = measure(f"|{text}|" if spaced else text, properties, False)
        bars = measure("||", properties, False)[0] if spaced else 0.0
    return TextSize((wide - bars) / _MAGNIFY, (height - descent) / _MAGNIFY, descent / _MAGNIFY)


def text_size(text: str, size: float, *, bold: bool = False, italic: bool = False) -> TextSize:
    """Return the size of one line of text, in points.

    Examples
    --------
    >>> text_size("Study", 8).width < text_size("Study", 8, bold=True).width
    True
    """
    return _size(text, families(), size, bold, italic)


@lru_cache(maxsize=64)
def _has(names: tuple[str, ...]) -> tuple[Any, ...]:
    from matplotlib import font_manager

    paths = [font_manager.findfont(name, fallback_to_default=False) for name in names]
    return tuple(font_manager.get_font(path) for path in paths)


def missing_characters(text: str) -> str:
    """Return the characters of ``text`` that no family in use can draw, each once."""
    faces = _has(families())
    missing = (c for c in text if not c.isspace() and not any(f.get_char_index(ord(c)) for f in faces))
    return "".join(dict.fromkeys(missing))
