"""Workers of `dataset`: what one does with its part, and the two ways of running many."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, PoolingError
from .arrow import NeedsScale, checksum_of, pool_arrow

__all__ = ["Done", "Part", "run_part", "with_dask", "with_processes", "write_whole"]

DEATHS = 3
"""Rounds of dead workers without one finished part after which the input, not chance, is to blame."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive row groups of one file, and where their results go."""

    source: str
    groups: tuple[int, ...]
    first_row: int
    rows: int
    target: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker tells about a part."""

    rows: int
    checksum: int
    seconds: float


def write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Write under a temporary name of this process, then rename: a reader sees all or nothing."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        write(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


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
    write_whole(Path(part.target), lambda path: pq.write_table(pooled, path, compression="none", use_dictionary=False))
    return Done(part.rows, checksum, time.perf_counter() - began)


Outcomes = Iterator[tuple[Part, Done]]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_processes(todo: list[Part], options: dict[str, Any], workers: int | None, client: Any) -> Outcomes:  # noqa: ANN401
    """Run parts in processes of this machine; parts of a dead worker are given to new ones."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    count = min(workers or _cores(), len(todo))
    if count == 1:
        for part in todo:
            yield part, run_part(part, options)
        return
    left, deaths = {p.target: p for p in todo}, 0
    while left:
        before = len(left)
        with ProcessPoolExecutor(min(count, len(left)), mp_context=get_context("spawn")) as pool:
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
            n_workers=min(workers or _cores(), len(todo)), threads_per_worker=1, dashboard_address=None,
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
