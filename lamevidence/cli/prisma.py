"""``lamevidence prisma [FILE]``."""

from __future__ import annotations

import textwrap
from pathlib import Path

from ..foundation.errors import OptionError
from .output import ascii_only, csv_text, open_registry, print_json, talk, terminal_width

__all__ = ["show_flow"]


def show_flow(file: Path | None, *, out: Path | None, width: float, studies: Path | None, as_json: bool) -> None:
    """Print the flow of a review, and what a registry can count of it.

    Parameters
    ----------
    file
        A flow of one's own, or the folder of a registry; that of the registry when None.
    out
        Draw the diagram, or write the numbers as CSV, to this file.
    width
        Of the diagram, in mm.
    studies
        Registry folder; the shipped one when None.
    as_json
        Print JSON.
    """
    from ..foundation.writing import write_whole
    from ..registry.flow.counted import counted
    from ..reports.flow import prisma
    from ..reports.lines import plain_letters

    if file is not None and studies is not None:
        raise OptionError("a file and a registry were given · leave out FILE, or --studies")
    if file is not None and file.is_dir():
        file, studies = None, file
    registry = open_registry(studies) if file is None else None
    flow = prisma(file if registry is None else registry)  # type: ignore[arg-type]
    here = None if registry is None else counted(registry)
    if out is not None:
        if out.suffix.lower() == ".csv":
            found = flow.to_frame().drop(columns="noun").astype({"n": object}).fillna({"n": "not_reported"})
            rows = [{str(name): x for name, x in row.items()} for row in found.to_dict("records")]
            write_whole(out, lambda target: target.write_text(csv_text(rows), encoding="utf-8"))
        else:
            flow.plot(width=width).save(out)
        talk(f"wrote {out}")
    if as_json:
        print_json({"flow": flow.to_json(), "registry": None if here is None else here.to_json()})
        return
    lines = repr(flow).splitlines()
    if here is not None:
        lines += ["", *repr(here).splitlines()]
    width_ = terminal_width()
    told = [w for line in lines for w in (textwrap.wrap(line, width_, subsequent_indent="      ") or [""])]
    text = "\n".join(told)
    print(plain_letters(text) if ascii_only() else text)
