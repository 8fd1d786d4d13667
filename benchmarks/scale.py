"""``python -m benchmarks.scale [ROWS]``: REML + HKSJ through Parquet, one process and dask; by default 10⁷ rows."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import lamevidence as lam

from .measure import store

STUDIES = 10
FILE_ROWS = 250_000


def write(folder: Path, rows: int) -> None:
    """Write simulated data, one row group a file."""
    folder.mkdir()
    for i, first in enumerate(range(0, rows, FILE_ROWS)):
        rng = np.random.default_rng([1, i])
        v = rng.uniform(0.01, 0.4, (min(FILE_ROWS, rows - first), STUDIES))
        y = rng.normal(0, np.sqrt(v + 0.1))
        columns = {
            name: pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), STUDIES) for name, x in (("yi", y), ("vi", v))
        }
        pq.write_table(pa.table(columns), folder / f"in-{i:05d}.parquet", compression="none", use_dictionary=False)


def run(source: Path, out: Path, engine: str, workers: int) -> dict[str, object]:
    """Pool the data set; with dask the cluster is up, and its workers warm, before the clock starts."""
    if engine == "local":
        wall, own = time.perf_counter(), time.process_time()
        done = lam.pool_dataset(source, out, workers=workers)
        wall, own = time.perf_counter() - wall, time.process_time() - own
    else:
        from distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster,
            Client(cluster) as client,
        ):
            client.run(lam.pool_many, np.zeros((2, 3)), np.ones((2, 3)), engine="numba")
            wall, own = time.perf_counter(), time.process_time()
            done = lam.pool_dataset(source, out, engine="dask", client=client)
            wall, own = time.perf_counter() - wall, time.process_time() - own
    shutil.rmtree(out)
    facts = {
        "engine": engine,
        "workers": workers,
        "wall_seconds": wall,
        "rows": done.rows,
        "parts": done.parts,
        "checksum": done.checksum,
        "worker_seconds": done.worker_seconds,
    }
    if workers > 1 or engine == "dask":
        facts["scheduler_cpu_share"] = own / (own + done.worker_seconds)
    return facts


def main(arguments: list[str]) -> int:
    rows = int(float(arguments[0])) if arguments else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        write(source, rows)
        lam.pool_many(np.zeros((2, 3)), np.ones((2, 3)), engine="numba")
        plans = (("local", 1), ("local", 2), ("dask", 1), ("dask", 2))
        runs = [run(source, Path(folder) / "out", engine, workers) for engine, workers in plans]
    same = len({r["checksum"] for r in runs}) == 1
    path = store("scale", {"task": f"{rows} REML + HKSJ fits, k = {STUDIES}", "same_checksum": same, "runs": runs})
    print(path.read_text(encoding="utf-8"))
    return int(not same)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
