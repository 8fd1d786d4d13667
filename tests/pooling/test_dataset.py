"""Parquet in, Parquet out: the same numbers whoever computed them, and whoever died on the way."""

import multiprocessing
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.errors import InputError, OptionError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def simulated(m, k=6, seed=3):
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.01, 0.4, (m, k))
    y = rng.normal(0, np.sqrt(v + 0.1))
    v[rng.random((m, k)) < 0.1] = np.inf
    return y, v


def written(path, y, v, group, **extra):
    def lists(x):
        return pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])

    pq.write_table(pa.table({"yi": lists(y), "vi": lists(v), **extra}), path, row_group_size=group)
    return path


def results(out):
    files = sorted(out.glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(f) for f in files])


def test_numbers_are_those_of_pool_many_and_ids_stay(tmp_path):
    y, v = simulated(500)
    source = written(tmp_path / "in.parquet", y, v, 100, gene=[f"g{i}" for i in range(500)])
    done = lam.pool_dataset(source, tmp_path / "out", workers=1, part_rows=200)
    table = results(tmp_path / "out")
    many = lam.pool_many(y, v, engine="numba")
    assert (done.rows, done.parts, done.fitted) == (500, 3, 3)
    assert table["gene"].to_pylist() == [f"g{i}" for i in range(500)]
    for name in ("mu", "se", "tau2", "q", "k"):
        assert np.array_equal(table[name].to_numpy(), getattr(many, name), equal_nan=True), name
    bounds = np.column_stack([table["low"].to_numpy(), table["high"].to_numpy()])
    np.testing.assert_allclose(bounds, many.interval(), rtol=1e-13)


def test_ragged_lists():
    table = pa.table({"yi": [[0.1, 0.4, 0.3], [0.2, 0.3]], "vi": [[0.1, 0.2, 0.1], [0.1, 0.3]]})
    pooled = lam.pool_arrow(table, tau2="DL", interval="z")
    alone = lam.pool(lam.EvidenceTable.from_estimates([0.2, 0.3], [0.1, 0.3]), tau2="DL", interval="z")
    assert pooled["k"].to_pylist() == [3.0, 2.0]
    assert pooled["mu"][1].as_py() == pytest.approx(alone.mu, rel=1e-14)
    assert pooled["low"][1].as_py() == pytest.approx(alone.interval().low, rel=1e-12)


@pytest.mark.parametrize("tau2", ["REML", "HE"])
def test_checksum_does_not_depend_on_parts(tmp_path, tau2):
    y, v = simulated(600)
    sums = set()
    for group, part_rows in ((600, 600), (100, 100), (70, 200), (599, 1)):
        source = written(tmp_path / f"{group}.parquet", y, v, group)
        out = tmp_path / f"out{group}"
        sums.add(lam.pool_dataset(source, out, workers=1, part_rows=part_rows, tau2=tau2).checksum)
    assert len(sums) == 1
    y[0, 0] += 1e-12
    changed = lam.pool_dataset(written(tmp_path / "c.parquet", y, v, 600), tmp_path / "outc", workers=1, tau2=tau2)
    assert changed.checksum not in sums


def test_a_killed_worker_is_replaced(tmp_path):
    y, v = simulated(6000)
    source = written(tmp_path / "in.parquet", y, v, 20)
    one = lam.pool_dataset(source, tmp_path / "one", workers=1, part_rows=100)
    answer = {}

    def run():
        answer["two"] = lam.pool_dataset(source, tmp_path / "two", workers=2, part_rows=20)

    thread = threading.Thread(target=run)
    thread.start()
    killed = False
    while thread.is_alive() and not killed:
        if len(list((tmp_path / "two").glob("part-*"))) >= 2:
            children = multiprocessing.active_children()
            if children:
                os.kill(children[0].pid, signal.SIGKILL)
                killed = True
        time.sleep(0.002)
    thread.join()
    assert killed
    assert answer["two"].checksum == one.checksum
    assert (answer["two"].rows, answer["two"].parts) == (6000, 300)
    assert not list((tmp_path / "two").glob(".part-*.parquet")) or sys.platform == "win32"


def test_a_killed_dask_worker_is_replaced(tmp_path):
    distributed = pytest.importorskip("distributed")
    y, v = simulated(6000)
    source = written(tmp_path / "in.parquet", y, v, 20)
    one = lam.pool_dataset(source, tmp_path / "one", workers=1, part_rows=100)
    answer = {}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())

        def run():
            answer["dask"] = lam.pool_dataset(source, tmp_path / "dask", engine="dask", client=client, part_rows=20)

        thread = threading.Thread(target=run)
        thread.start()
        killed = False
        while thread.is_alive() and not killed:
            if len(list((tmp_path / "dask").glob("part-*"))) >= 2:
                os.kill(pids[0], signal.SIGKILL)
                killed = True
            time.sleep(0.002)
        thread.join()
    assert killed
    assert answer["dask"].checksum == one.checksum
    assert (answer["dask"].rows, answer["dask"].parts) == (6000, 300)


def test_a_second_call_fits_only_what_is_missing(tmp_path):
    y, v = simulated(400)
    source, out = written(tmp_path / "in.parquet", y, v, 50), tmp_path / "out"
    first = lam.pool_dataset(source, out, workers=1, part_rows=50)
    parts = sorted(out.glob("part-*"))
    parts[2].unlink()
    parts[5].write_bytes(parts[5].read_bytes()[:100])  # what a worker that writes in place would leave
    (out / ".part-00001-of-00008.parquet.9.9").write_bytes(b"half")
    second = lam.pool_dataset(source, out, workers=1, part_rows=50)
    assert (first.fitted, second.fitted, second.checksum) == (8, 2, first.checksum)
    assert not list(out.glob(".part-*"))
    assert lam.pool_dataset(source, out, workers=1, part_rows=50, resume=False).fitted == 8
    with pytest.raises(InputError, match="other options"):
        lam.pool_dataset(source, out, workers=1, part_rows=50, tau2="DL")


def test_dask_gives_the_same_checksum(tmp_path):
    distributed = pytest.importorskip("distributed")
    y, v = simulated(300)
    source = written(tmp_path / "in.parquet", y, v, 50)
    local = lam.pool_dataset(source, tmp_path / "local", workers=1, part_rows=50)
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        dask = lam.pool_dataset(source, tmp_path / "dask", engine="dask", client=client, part_rows=50)
    assert (dask.checksum, dask.fitted) == (local.checksum, 6)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"yi": [[0.1]]}, "no column 'vi'"),
        ({"yi": [0.1], "vi": [[0.1]]}, "needed: a list"),
        ({"yi": [[0.1], None], "vi": [[0.1], [0.1]]}, "row 1: yi is null"),
        ({"yi": [[0.1, 0.2], [0.1]], "vi": [[0.1, 0.2], [0.1, 0.2]]}, "row 1: yi has 1 numbers, vi 2"),
        ({"yi": [[0.1, 0.2]], "vi": [[0.1, None]]}, "row 0: a null in vi"),
        ({"yi": [[0.1], []], "vi": [[0.1], []]}, "row 1: yi is empty"),
        ({"yi": [[0.1, 0.2]], "vi": [[0.1, -1.0]]}, "negative"),
        ({"yi": [[0.1]], "vi": [[0.1]], "mu": [1.0]}, "name of a result"),
    ],
)
def test_bad_tables_are_refused(columns, message):
    with pytest.raises(InputError, match=message):
        lam.pool_arrow(pa.table(columns))


def test_options_and_files_are_refused(tmp_path):
    y, v = simulated(10)
    source = written(tmp_path / "in.parquet", y, v, 10)
    for wrong in (
        {"engine": "ray"}, {"workers": 0}, {"part_rows": 1.5}, {"tau2": "REMLL"}, {"resume": "no"}, {"client": 1},
    ):
        with pytest.raises(OptionError):
            lam.pool_dataset(source, tmp_path / "out", **wrong)
    with pytest.raises(InputError, match="does not exist"):
        lam.pool_dataset(tmp_path / "none.parquet", tmp_path / "out")
    (tmp_path / "text.parquet").write_text("not Parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        lam.pool_dataset(tmp_path / "text.parquet", tmp_path / "out")
    v[3, 2] = -1
    bad = written(tmp_path / "bad.parquet", y, v, 10)
    with pytest.raises(InputError, match=r"bad\.parquet"):
        lam.pool_dataset(bad, tmp_path / "bad", workers=1)


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"lamevidence\[scale\]"):
        lam.pool_arrow(None)
