"""``lamevidence multiverse QUESTION``."""

from __future__ import annotations

import textwrap
from pathlib import Path

from ..foundation.printable import one_line
from .output import open_registry, print_json, terminal_width

__all__ = ["explore"]


def explore(question: str, *, threshold: float | None, out: Path | None, studies: Path | None, as_json: bool) -> None:
    """Print how far the choices of an analysis carry its answer, and which of them; draw the curve where asked."""
    from ..checks.choices.multiverse import multiverse

    found = multiverse(question, open_registry(studies), threshold=threshold)
    shares = found.shares()
    if out is not None:
        found.plot().save(out)
    if as_json:
        rows = found.to_json()["rows"]
        print_json(
            {
                "question": question,
                "unit": found.unit,
                "specifications": rows,
                "choices": [{"name": c.name, "levels": list(c.levels)} for c in found.choices],
                "shares": shares.to_dict("records"),
                "agreement": found.agreement(),
                "sentence": found.describe(),
            }
        )
        return
    width = terminal_width()
    print("\n".join(textwrap.wrap(one_line(f"{found.title}: {found.describe()}"), width)))
    print()
    head = "What each choice makes of the variance of the estimate (Shapley shares), and how far its levels lie apart:"
    print("\n".join(textwrap.wrap(head, width)))
    for row in shares.itertuples():
        levels = next(c.levels for c in found.choices if c.name == row.choice)
        text = f"{row.share:>5.1f}%  {row.spread:>9.4g}  {row.choice}: {', '.join(levels)}"
        print(one_line(text) if len(text) <= width else one_line(text)[: width - 1] + "…")
    if out is not None:
        print(f"wrote {out}")
