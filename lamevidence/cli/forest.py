"""``lamevidence forest QUESTION``."""

from __future__ import annotations

from pathlib import Path

from .output import open_registry, print_json

__all__ = ["draw_forest"]


def draw_forest(
    question: str,
    *,
    out: Path,
    layout: str,
    width: float | None,
    dpi: int,
    bayes: bool,
    studies: Path | None,
    as_json: bool,
) -> None:
    """Write the forest plot of a question to a file."""
    from ..plots import forest
    from ..reports.answer import answer

    found = answer(open_registry(studies), question, bayes=bayes)
    results = [r for r in (found.joint, found.fit, found.post) if r is not None]
    plot = forest(results or found.table, layout=layout, width=width)
    plot.save(out, dpi=dpi)
    if as_json:
        print_json({"file": str(out), "rows": plot.rows.to_dict("records")})
    else:
        print(f"wrote {out}")
