"""A finished figure: saved to the same bytes each time, shown in a notebook, no global state touched."""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape

from ...foundation.errors import OptionError, UnknownName
from ...foundation.options import a_flag, a_number, a_path
from ...foundation.printable import one_line, printable
from ...foundation.writing import write_whole
from .embedding import fonts_decoded_once
from .measure import quiet_about_glyphs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "Plot", "own_style"]

SUFFIXES = ("png", "pdf", "svg")
_FOREIGN = (
    "backend",
    "webagg",
    "interactive",
    "toolbar",
    "timezone",
    "tk.",
    "savefig.directory",
    "docstring",
    "figure.max_open",
    "text.hinting_factor",
    "text.kerning_factor",
)
_COMPRESSION = 3
"""Of a PNG: letters on white become a sixth smaller than with the usual 6, in two thirds of the time."""
_MOST_PIXELS = 2**16
"""matplotlib draws no wider or higher image."""
_MOST_IN_ALL = 4e8
"""Pixels of an image whose drawing needs about two gigabytes."""


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever the session has set; restored on leaving."""
    import matplotlib

    defaults = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith(_FOREIGN)}
    ours = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "lamevidence", "pdf.compression": 6}
    ours |= {"text.hinting": "no_hinting"}
    wanted, now = {**defaults, **ours}, matplotlib.rcParams
    other = {k: v for k, v in wanted.items() if now[k] != v}  # setting is slow, for every value is validated
    with quiet_about_glyphs(), matplotlib.rc_context(other):
        yield


@dataclass(frozen=True, eq=False, repr=False)
class Plot:
    """A figure with one Axes in data units.

    Attributes
    ----------
    fig, ax
        matplotlib's Figure and Axes; draw on ``ax`` to add to the plot.
    description
        One sentence that says what the plot shows, for readers who cannot see it.
    """

    fig: Figure
    ax: Axes
    description: str = ""

    def __repr__(self) -> str:
        return one_line(f"<{type(self).__name__}: {self.description}>")

    def _write(self, target: Any, kind: str, dpi: float, fonts: Literal["path", "none"] = "path") -> None:  # noqa: ANN401
        import matplotlib

        title = one_line(self.description) or "lamevidence figure"
        metadata: dict[str, dict[str, Any]] = {
            "png": {"Software": None, "Title": title},
            "pdf": {"CreationDate": None, "ModDate": None, "Creator": "lamevidence", "Producer": None, "Title": title},
            "svg": {"Date": None, "Creator": "lamevidence", "Title": title},
        }
        with own_style(), fonts_decoded_once(), matplotlib.rc_context({"svg.fonttype": fonts}):
            more: dict[str, Any] = {"pil_kwargs": {"compress_level": _COMPRESSION}} if kind == "png" else {}
            self.fig.savefig(target, format=kind, dpi=dpi, metadata=metadata[kind], **more)

    def save(self, path: str | Path, dpi: float = 600) -> Path:
        """Write the figure as .png, .pdf or .svg; the same figure gives the same bytes.

        Raises
        ------
        UnknownName
            The suffix is another.
        OptionError
            ``dpi`` is not between 10 and 10 000, the image would be too large, or the file cannot be written; a figure
            that was there then stays as it was.
        """
        target = a_path("path", path)
        kind = target.suffix.lower().removeprefix(".")
        if kind not in SUFFIXES:
            raise UnknownName("figure format", target.suffix or target.name, [f".{s}" for s in SUFFIXES])
        dpi = a_number("dpi", dpi, least=10, most=10_000)
        width, height = self.fig.get_size_inches()
        most = min((_MOST_PIXELS - 1) / max(width, height), math.sqrt(_MOST_IN_ALL / (width * height)))
        if kind == "png" and dpi > most:
            raise OptionError(
                f"dpi={dpi:g} makes an image too large to draw · give at most {math.floor(most)}, or write .pdf or .svg"
            )
        if kind == "svg":
            text = self.to_svg()
            return write_whole(target, lambda file: file.write_text(text, encoding="utf-8", newline=""))
        return write_whole(target, lambda file: self._write(file, kind, dpi))

    def to_svg(self, *, text: bool = False) -> str:
        """Return the figure as SVG: text as outlines, or with ``text=True`` as text for a web page."""
        buffer = io.StringIO()
        self._write(buffer, "svg", 72, "none" if a_flag("text", text) else "path")
        described = f"<desc>{escape(one_line(self.description))}</desc>"
        drawn = re.sub(r"(</title>)", lambda m: m.group(1) + described, buffer.getvalue(), count=1)
        return printable(drawn)  # no XML may hold control characters, not even in the comments of matplotlib

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self._write(buffer, "png", 144)
        return buffer.getvalue()

    def _repr_svg_(self) -> str:
        return self.to_svg()
