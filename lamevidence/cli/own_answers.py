"""``pool``, ``table``, ``forest`` and ``bayes`` of a FILE of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import LamEvidenceError, OptionError
from ..foundation.printable import one_line
from ..foundation.writing import a_folder, write_whole
from .bayes import readings_text
from .output import csv_text, jsonable, print_json, talk
from .own_table import OwnTable, own_table
from .table import print_rows, table_json

__all__ = ["bayes_file", "draw_file", "pool_file", "table_file"]

_FIGURES = ("png", "pdf", "svg")


def _read(path: Path, own: Mapping[str, str]) -> OwnTable:
    """Return the evidence in a file; how it was read goes to where talk goes."""
    read = own_table(path, own)
    for line in read.told:
        talk(one_line(line))
    return read


def _without_groups(own: Mapping[str, str], verb: str) -> None:
    if "by" in own:
        raise OptionError(f"--by is for pool and forest, and {verb} has no groups · leave it out")


def _asked(read: OwnTable) -> dict[str, Any]:
    table = read.table
    left = [{"study": e.study, "reason": e.reason, "code": e.code, "label": e.label} for e in table.excluded]
    head = {"title": table.title, "measure": table.measure, "unit": table.unit, "k": table.k}
    return {**head, "read": list(read.told), "excluded": left}


def pool_file(
    path: Path, own: Mapping[str, str], options: Mapping[str, Any], *, out: Path | None, as_json: bool
) -> None:
    """Pool a file; with ``out`` write figures and tables there.

    Parameters
    ----------
    path, own
        The file and the options that say what its columns hold.
    options
        Of `pool`.
    out
        Folder for ``forest.{png,pdf,svg}``, ``summary.csv``, ``studies.csv`` and ``results.json``.
    as_json
        Print JSON.
    """
    from ..pooling.api import pool
    from ..pooling.subgroups import subgroups

    read = _read(path, own)
    fit = pool(read.table, **options)
    groups = subgroups(fit, by=read.by) if read.by else None
    shape = _asked(read) | fit.to_json()
    if groups is not None:
        shape["subgroups"] = groups.tidy().to_dict("records")
    written = [] if out is None else _write(out, read.table, fit, shape)
    if as_json:
        print_json(shape | ({} if out is None else {"out": str(out), "files": written}))
        return
    print_rows(read.table)
    print(f"\n{fit!r}")
    for name, reason in fit.spec.why.items():
        print(f"  {name}: {reason}")
    if groups is not None:
        print(f"\n{groups!r}")
    if out is not None:
        print(f"\nwrote {out}/: {' · '.join(written)}")


def _write(out: Path, table: EvidenceTable, fit: Any, shape: Mapping[str, Any]) -> list[str]:  # noqa: ANN401
    import json

    from ..plots import forest

    folder = a_folder(out)
    whole = jsonable({**shape, "table": table_json(table)})
    texts = {
        "summary.csv": csv_text(fit.tidy().to_dict("records")),
        "studies.csv": csv_text(fit.augment().reset_index(drop=True).to_dict("records")),
        "results.json": json.dumps(whole, indent=2, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        write_whole(folder / name, partial(Path.write_text, data=text, encoding="utf-8"))
    plot = forest(fit)
    for suffix in _FIGURES:
        plot.save(folder / f"forest.{suffix}")
    return [*(f"forest.{suffix}" for suffix in _FIGURES), *texts]


def table_file(path: Path, own: Mapping[str, str], *, as_json: bool) -> None:
    """Print the rows of a file as effect estimates."""
    _without_groups(own, "table")
    read = _read(path, own)
    if as_json:
        print_json(table_json(read.table) | {"read": list(read.told)})
    else:
        print_rows(read.table)


def bayes_file(
    path: Path, own: Mapping[str, str], *, tau: str | None, mu: str | None, level: float, printed: bool, as_json: bool
) -> None:
    """Print the exact posterior of a file and its prior sensitivity."""
    from ..bayes import pool_bayes

    _without_groups(own, "bayes")
    read = _read(path, own)
    post = pool_bayes(read.table, mu=mu, tau=tau, level=level, print_uncertainty=printed)
    if as_json:
        print_json(_asked(read) | post.to_json())
        return
    told = repr(post)
    print(told)
    for name, reason in post.spec.why.items():
        if reason not in told:  # what a reader has to know is among its notes already
            print(f"  {name}: {reason}")
    if post.table.printed:
        print(f"\nWhat may be printed so\n{readings_text(post)}")
    print("\nWhat other priors give")
    print(post.sensitivity().to_string(index=False))


def draw_file(
    path: Path,
    own: Mapping[str, str],
    *,
    out: Path,
    layout: str,
    width: float | None,
    dpi: int,
    bayes: bool,
    as_json: bool,
) -> None:
    """Write the forest plot of a file."""
    from ..bayes import pool_bayes
    from ..plots import forest
    from ..pooling.api import pool

    read = _read(path, own)
    results: list[Any] = [pool(read.table)]
    if bayes:
        try:
            results.append(pool_bayes(read.table))
        except LamEvidenceError as error:
            talk(f"no Bayesian result: {error}")
    plot = forest(results, layout=layout, width=width, group=read.by or "design")
    plot.save(out, dpi=dpi)
    if as_json:
        print_json({"file": str(out), "rows": plot.rows.to_dict("records"), "read": list(read.told)})
    else:
        print(f"wrote {out}")
