"""Meta-analyses by the million: Parquet in, Parquet out, on the cores of one machine or of many.

The input is cut into parts of consecutive row groups. A worker opens its part itself, pools it and writes a
file of its own under a temporary name, renamed when it is complete: a file with a final name is a finished
part, whatever died meanwhile. Only row counts and checksums travel between processes.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, OptionError
from ..options import a_choice, a_flag, a_path, a_text, a_whole
from .arrow import MODULUS, load_pyarrow
from .batch import pool_many
from .dataset_workers import Done, Part, with_dask, with_processes, write_whole

__all__ = ["PooledDataset", "pool_dataset"]

MOST_WORKERS = 1024
ENGINES = ("local", "dask")
MANIFEST = "_pooled.json"


@dataclass(frozen=True, slots=True)
class PooledDataset:
    """What was pooled.

    Attributes
    ----------
    path
        Directory of the result, one Parquet file a part; read it as one dataset.
    rows
        Meta-analyses in it.
    checksum
        16 hexadecimal digits over all results in order of rows; the same for any number of workers and parts.
    parts, fitted
        Parts in all, and parts that this call had to fit.
    worker_seconds
        Time that workers spent reading, fitting and writing in this call, summed.
    """

    path: Path
    rows: int
    checksum: str
    parts: int
    fitted: int
    worker_seconds: float


def pool_dataset(
    parquet_in: str | os.PathLike[str], parquet_out: str | os.PathLike[str], *, engine: str = "local",
    tau2: str | float = "REML", interval: str = "HKSJ", level: float = 0.95, yi: str = "yi", vi: str = "vi",
    workers: int | None = None, resume: bool = True, part_rows: int = 250_000, client: Any = None,  # noqa: ANN401
) -> PooledDataset:
    """Pool every row of a Parquet dataset.

    Call it under ``if __name__ == "__main__":`` in a script, since workers import the script anew.

    Parameters
    ----------
    parquet_in
        A Parquet file, or a directory of them (read in order of names), with list columns as in
        `pool_arrow`. Other columns are kept.
    parquet_out
        Directory for the results: one file a part, and the manifest ``_pooled.json``.
    engine
        ``local`` (processes of this machine) or ``dask`` (dask.distributed, extra ``scale``).
    tau2, interval, level
        As in `pool_many`.
    yi, vi
        Names of the list columns.
    workers
        Processes, up to 1024; default one a core. Not with ``client``.
    resume
        True: parts that are finished are not fitted again. False: everything is fitted again.
    part_rows
        Row groups are joined until a part has this many rows; a row group is never cut.
    client
        A ``distributed.Client`` of your own cluster, which must see both paths (engine="dask" only).

    Returns
    -------
    PooledDataset

    Raises
    ------
    InputError
        No rows, bad columns, bad numbers (file and row are named), or results of another input or of
        other options in ``parquet_out``.
    OptionError, UnknownName
        A choice that does not exist or does not apply.
    PoolingError
        Workers died again and again; call again to resume.

    Examples
    --------
    >>> import tempfile, pathlib, pyarrow as pa, pyarrow.parquet as pq
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> table = pa.table({"yi": [[0.1, 0.4], [0.2, 0.3]], "vi": [[0.1, 0.2], [0.1, 0.1]]})
    >>> pq.write_table(table, folder / "in.parquet")
    >>> pool_dataset(folder / "in.parquet", folder / "out", workers=1).rows
    2
    """
    source, out = a_path("parquet_in", parquet_in), a_path("parquet_out", parquet_out)
    _check(engine, workers, resume, part_rows, client)
    yi, vi = a_text("yi", yi), a_text("vi", vi)
    pool_many([0.0, 0.0], [1.0, 1.0], tau2=tau2, interval=interval, level=level)  # refuses options before work starts
    load_pyarrow()
    options: dict[str, Any] = {"tau2": tau2, "interval": interval, "level": level, "yi": yi, "vi": vi}
    parts = _plan(source, out, part_rows)
    _prepare(out, parts, options, resume)
    finished = {p.target: done for p in parts if (done := _finished(p)) is not None} if resume else {}
    todo = [p for p in parts if p.target not in finished]
    seconds = 0.0
    run = with_dask if engine == "dask" else with_processes
    for part, done in run(todo, options, workers, client) if todo else ():
        finished[part.target] = done
        seconds += done.seconds
    rows, total = sum(d.rows for d in finished.values()), sum(d.checksum for d in finished.values())
    return PooledDataset(out, rows, f"{total % MODULUS:016x}", len(parts), len(todo), seconds)


def _check(engine: str, workers: int | None, resume: bool, part_rows: int, client: Any) -> None:  # noqa: ANN401
    a_choice("engine", engine, ENGINES)
    if workers is not None:
        a_whole("workers", workers, 1, MOST_WORKERS)
    a_whole("part_rows", part_rows, 1)
    a_flag("resume", resume)
    if client is not None and (engine != "dask" or workers is not None):
        raise OptionError("client needs engine='dask' and brings its own workers · leave workers out")


def _plan(source: Path, out: Path, part_rows: int) -> list[Part]:
    """Cut the input into parts; depends on nothing but the input and ``part_rows``."""
    import pyarrow.parquet as pq

    if not source.exists():
        raise InputError(f"{source} does not exist")
    files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    cuts: list[tuple[Path, tuple[int, ...], int, int]] = []
    row = 0
    for file in files:
        try:
            meta = pq.ParquetFile(file).metadata
        except Exception as error:
            raise InputError(f"{file} cannot be read as Parquet: {error}") from None
        groups: list[int] = []
        size = 0
        for g in range(meta.num_row_groups):
            groups.append(g)
            size += meta.row_group(g).num_rows
            if size >= part_rows or g == meta.num_row_groups - 1:
                if size:
                    cuts.append((file, tuple(groups), row, size))
                row, groups, size = row + size, [], 0
    if not cuts:
        raise InputError(f"{source} holds no rows in *.parquet files")
    targets = [str(out.absolute() / f"part-{i:05d}-of-{len(cuts):05d}.parquet") for i in range(len(cuts))]
    return [
        Part(str(file.absolute()), groups, first, size, target)
        for target, (file, groups, first, size) in zip(targets, cuts, strict=True)
    ]


def _prepare(out: Path, parts: list[Part], options: dict[str, Any], resume: bool) -> None:
    """Make the directory; refuse to mix results of different inputs or options."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file · parquet_out is a directory")
    sources = {p.source: Path(p.source).stat() for p in parts}
    facts = {
        "options": options,
        "parts": [[Path(p.source).name, list(p.groups), p.rows] for p in parts],
        "sources": [[Path(s).name, stat.st_size, stat.st_mtime_ns] for s, stat in sources.items()],
    }
    text = json.dumps(facts, sort_keys=True)
    manifest = {"options": options, "identity": hashlib.sha256(text.encode()).hexdigest()}
    out.mkdir(parents=True, exist_ok=True)
    for left_by_the_dead in out.glob(".part-*"):
        left_by_the_dead.unlink()
    file = out / MANIFEST
    if resume and file.exists() and _identity(file) != manifest["identity"]:
        raise InputError(f"{out} holds results of another input or of other options · resume=False writes them anew")
    if not resume or not file.exists():
        for old in out.glob("part-*.parquet"):
            old.unlink()
    write_whole(file, lambda path: path.write_text(json.dumps(manifest, sort_keys=True, indent=1), encoding="utf-8"))


def _identity(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8")).get("identity")
    except (ValueError, AttributeError):
        return None


def _finished(part: Part) -> Done | None:
    """Return what a finished part says of itself, or None."""
    import pyarrow.parquet as pq

    if not Path(part.target).exists():
        return None
    try:
        said = json.loads(pq.read_schema(part.target).metadata[b"lamevidence"])
        return Done(part.rows, int(said["checksum"], 16), 0.0) if said["rows"] == part.rows else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
