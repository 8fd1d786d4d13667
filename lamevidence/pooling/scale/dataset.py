"""Meta-analyses by the million: Parquet in, Parquet out, on the cores of one machine or of many.

The input is cut into parts of consecutive row groups. A worker opens its part itself, pools it and writes a
file of its own under a temporary name, renamed when it is complete; its hash goes into the receipts of the folder,
by which a later call knows the part again. Only row counts, checksums and hashes travel between processes.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...foundation.errors import InputError, OptionError, PoolingError
from ...foundation.options import a_choice, a_flag, a_path, a_text, a_whole, our_words
from .arrow import MODULUS, NeedsScale, checksum_of, load_pyarrow, pool_arrow
from .batch import pool_many
from .parts import Done, Part, finished, noted, plan, prepare, write_part

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PooledDataset", "pool_dataset"]

MOST_WORKERS = 1024
ENGINES = ("local", "dask")
DEATHS = 3
"""Rounds of dead workers without one finished part after which the input, not chance, is to blame."""


@dataclass(frozen=True, slots=True, repr=False)
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

    See Also
    --------
    pool_dataset : makes it.
    """

    path: Path
    rows: int
    checksum: str
    parts: int
    fitted: int
    worker_seconds: float

    def tidy(self) -> pd.DataFrame:
        """Return the results read back, one row a meta-analysis in order of the input: all columns of the files."""
        import pandas as pd
        import pyarrow.parquet as pq

        names = [f"part-{i:05d}-of-{self.parts:05d}.parquet" for i in range(self.parts)]
        parts = [pq.read_table(self.path / name).to_pandas() for name in names]
        whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return whole

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole: rows, parts, what this call fitted, checksum."""
        import pandas as pd

        row = {"rows": self.rows, "parts": self.parts, "fitted": self.fitted, "checksum": self.checksum}
        return pd.DataFrame([row | {"worker_seconds": self.worker_seconds, "path": str(self.path)}])

    def __repr__(self) -> str:
        done = f"{self.parts} parts, {self.fitted} fitted now in {self.worker_seconds:.3g} s of workers"
        return f"{self.rows} meta-analyses in {self.path} ({done}; checksum {self.checksum}) · tidy() reads them"


@our_words()
def pool_dataset(
    parquet_in: str | os.PathLike[str],
    parquet_out: str | os.PathLike[str],
    *,
    engine: str = "local",
    tau2: str | float = "REML",
    interval: str = "HKSJ",
    level: float = 0.95,
    yi: str = "yi",
    vi: str = "vi",
    workers: int | None = None,
    resume: bool = True,
    part_rows: int = 250_000,
    client: Any = None,  # noqa: ANN401
) -> PooledDataset:
    """Pool every row of a Parquet dataset.

    Call it under ``if __name__ == "__main__":`` in a script, since workers import the script anew.

    Parameters
    ----------
    parquet_in
        A Parquet file, or a directory of them (read in order of names), with list columns as in
        `pool_arrow`. Other columns are kept.
    parquet_out
        Directory for the results, new, empty or of an earlier call: one file a part, the manifest ``_pooled.json`` and
        the receipts ``_parts.jsonl``. Other files are never touched: a directory that holds them is refused.
    engine
        ``local`` (processes of this machine) or ``dask`` (dask.distributed, extra ``scale``).
    tau2, interval, level
        As in `pool_many`.
    yi, vi
        Names of the list columns.
    workers
        Processes, up to 1024; default one a core. Not with ``client``.
    resume
        True: parts that are finished, and whose file has the hash that was noted, are not fitted again. False:
        everything is fitted again.
    part_rows
        Row groups are joined until a part has this many rows; a row group is never cut.
    client
        A ``distributed.Client`` of your own cluster, which must see both paths (engine="dask" only).

    Returns
    -------
    PooledDataset
        Where the results are, how many, and their checksum.

    Raises
    ------
    InputError
        No rows, bad columns, bad numbers (file and row are named), input and output in one place, or in
        ``parquet_out`` results of another input or other options, or files that this function did not write.
    OptionError, UnknownName
        A choice that does not exist or does not apply.
    PoolingError
        Workers died again and again; call again to resume.

    See Also
    --------
    lamevidence.pool_many : arrays in memory.
    lamevidence.pool_arrow : one Arrow table.

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
    parts = plan(source, out, part_rows)
    prepare(out, parts, options, resume)
    known = finished(out, parts) if resume else {}
    todo = [p for p in parts if p.target not in known]
    seconds = 0.0
    run = with_dask if engine == "dask" else with_processes
    for part, done in run(todo, options, workers, client) if todo else ():
        noted(part, done)
        known[part.target] = done
        seconds += done.seconds
    rows, total = sum(d.rows for d in known.values()), sum(d.checksum for d in known.values())
    return PooledDataset(out, rows, f"{total % MODULUS:016x}", len(parts), len(todo), seconds)


def _check(engine: str, workers: int | None, resume: bool, part_rows: int, client: Any) -> None:  # noqa: ANN401
    a_choice("engine", engine, ENGINES)
    if workers is not None:
        a_whole("workers", workers, 1, MOST_WORKERS)
    a_whole("part_rows", part_rows, 1)
    a_flag("resume", resume)
    if client is not None and (engine != "dask" or workers is not None):
        raise OptionError("client needs engine='dask' and brings its own workers · leave workers out")


# ---- workers: what one does with its part, and the two ways of running many ----------------------------
def run_part(part: Part, options: dict[str, Any]) -> Done:
    """Read, pool and write one part; the work of one task."""
    import pyarrow.parquet as pq

    began = time.perf_counter()
    with pq.ParquetFile(part.source) as file:
        table = file.read_row_groups(list(part.groups), use_threads=False)
    try:
        pooled = pool_arrow(table, first_row=part.first_row, **options)
    except InputError as error:
        rows = f"rows {part.first_row}–{part.first_row + part.rows - 1}"
        raise InputError(f"{part.source}, {rows} of the dataset: {error}") from None
    checksum = checksum_of(pooled, part.first_row)
    said = json.dumps({"rows": part.rows, "checksum": f"{checksum:016x}", "options": options})
    pooled = pooled.replace_schema_metadata({"lamevidence": said})
    told = write_part(
        Path(part.target), lambda path: pq.write_table(pooled, path, compression="none", use_dictionary=False)
    )
    return Done(part.rows, checksum, time.perf_counter() - began, told)


def _end_with_the_parent() -> None:
    """End this worker when the process that started it is gone, however that ended: nobody else would."""
    parent = parent_process()
    if parent is not None:

        def wait() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=wait, daemon=True).start()


Outcomes = Iterator[tuple[Part, Done]]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_processes(todo: list[Part], options: dict[str, Any], workers: int | None, client: Any) -> Outcomes:  # noqa: ANN401
    """Run parts in processes of this machine; parts of a dead worker are given to new ones."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    context = get_context("spawn")
    count = min(workers or _cores(), len(todo))
    if count == 1:
        for part in todo:
            yield part, run_part(part, options)
        return
    left, deaths = {p.target: p for p in todo}, 0
    while left:
        before = len(left)
        with ProcessPoolExecutor(min(count, len(left)), mp_context=context, initializer=_end_with_the_parent) as pool:
            futures = {pool.submit(run_part, part, options): part for part in left.values()}
            try:
                for future in as_completed(futures):
                    done = future.result()
                    yield left.pop(futures[future].target), done
            except BrokenProcessPool:
                deaths = deaths + 1 if len(left) == before else 0
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if deaths == DEATHS:
            raise PoolingError(f"workers died {DEATHS} times without finishing a part (memory?) · call again to resume")


def with_dask(todo: list[Part], options: dict[str, Any], workers: int | None, client: Any) -> Outcomes:  # noqa: ANN401
    """Run parts on dask.distributed, which gives parts of a dead worker to another."""
    try:
        from distributed import Client, LocalCluster, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise NeedsScale("dask.distributed") from None
    own = client is None
    if own:
        cluster = LocalCluster(
            n_workers=min(workers or _cores(), len(todo)),
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,
        )
        client = Client(cluster)
    try:
        futures = {f: p for p in todo for f in [client.submit(run_part, p, options, pure=False)]}
        try:
            for future in as_completed(list(futures)):
                yield futures[future], future.result()
        except KilledWorker:
            raise PoolingError("workers died again and again on one part (memory?) · call again to resume") from None
        finally:
            client.cancel(list(futures))
    finally:
        if own:
            client.close()
            cluster.close()
