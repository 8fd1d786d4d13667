"""The four house styles of forest plots: values only."""

from __future__ import annotations

from dataclasses import dataclass

from ...foundation.errors import UnknownName

__all__ = ["PRESETS", "Preset", "preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """What a journal's style changes.

    Attributes
    ----------
    brackets, separator
        Around and between the bounds of an interval. ``hyphen`` separators give way to ``to`` when a bound is
        negative.
    weights
        Whether the weight column is shown.
    tau
        Whether the heterogeneity line gives the between-study standard deviation.
    leading_zero
        Whether P values keep the zero before the point.
    zebra
        Colour of the band behind every other study row, or empty.
    hairline
        Whether a thin line separates the pooled block.
    caps
        Whether interval lines end in caps.
    favours_on_top
        Whether the direction labels stand above the panel, bold.
    """

    name: str
    brackets: tuple[str, str]
    separator: str
    square: str
    diamond: str
    diamond_edge: str = "#000000"
    weights: bool = True
    tau: bool = True
    leading_zero: bool = True
    zebra: str = ""
    hairline: bool = False
    caps: bool = False
    favours_on_top: bool = False


PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset("revman", ("[", "]"), ",", "#1f4e79", "#222222"),
        Preset(
            "jama",
            ("(", ")"),
            "-",
            "#00467f",
            "#7eb1e8",
            tau=False,
            leading_zero=False,
            hairline=True,
            favours_on_top=True,
        ),
        Preset("bmj", ("(", ")"), "to", "#2a6ebb", "#2a6ebb", zebra="#eef3f8"),
        Preset("metafor", ("[", "]"), ",", "#000000", "#000000", weights=False, caps=True),
    )
}


def preset(name: str) -> Preset:
    """Return the preset with this name, or raise `UnknownName` with the choices."""
    try:
        return PRESETS[name]
    except (KeyError, TypeError):
        raise UnknownName("forest layout", name, PRESETS) from None
