"""Parquet in, Parquet out: the same numbers whoever computed them, and whoever died on the way."""

import itertools
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError
from lamevidence.pooling.scale.arrow import checksum_of
from lamevidence.pooling.tau2.estimators import TAU2

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
    alone = lam.pool(lam.EvidenceTable.from_estimates([0.2, 0.3], vi=[0.1, 0.3]), tau2="DL", interval="z")
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
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, alive = (f".part-00001-of-00008.parquet.{socket.gethostname()}.{pid}.9" for pid in (gone.pid, os.getpid()))
    (out / left).write_bytes(b"half")
    (out / alive).write_bytes(b"half of a run in progress")
    second = lam.pool_dataset(source, out, workers=1, part_rows=50)
    assert (first.fitted, second.fitted, second.checksum) == (8, 2, first.checksum)
    assert [file.name for file in out.glob(".part-*")] == [alive]
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
        {"engine": "ray"},
        {"workers": 0},
        {"part_rows": 1.5},
        {"tau2": "REMLL"},
        {"resume": "no"},
        {"client": 1},
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


# ---- the folder of the results -------------------------------------------------------------------
def listing(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_input_and_output_are_two_places(tmp_path):
    y, v = simulated(20)
    mine = tmp_path / "mine"
    mine.mkdir()
    written(mine / "part-00000-x.snappy.parquet", y, v, 20)
    before = listing(mine)
    (tmp_path / "link").symlink_to(mine)
    for target in (mine, tmp_path / "link", mine / ".." / "mine"):
        with pytest.raises(InputError, match="another folder"):
            lam.pool_dataset(mine, target, workers=1)
    with pytest.raises(InputError, match="another folder"):
        lam.pool_dataset(mine / "part-00000-x.snappy.parquet", mine, workers=1, resume=False)
    assert listing(mine) == before


@pytest.mark.parametrize("name", ["part-valuable.parquet", ".part-00000-of-00001.parquet.x.1.2", "notes.txt", "part-0"])
@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_of_other_files_is_refused_and_kept(tmp_path, name, resume):
    y, v = simulated(20)
    source, out = written(tmp_path / "in.parquet", y, v, 20), tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")
    before = listing(out)
    with pytest.raises(InputError, match=r"did not write: .*name a new folder"):
        lam.pool_dataset(source, out, workers=1, resume=resume)
    assert listing(out) == before


def test_what_a_user_puts_into_the_folder_stays(tmp_path):
    y, v = simulated(60)
    source, out = written(tmp_path / "in.parquet", y, v, 20), tmp_path / "out"
    done = lam.pool_dataset(source, out, workers=1, part_rows=20)
    (out / "part-valuable.parquet").write_bytes(b"mine")
    again = lam.pool_dataset(source, out, workers=1, part_rows=20, resume=False)
    assert (out / "part-valuable.parquet").read_bytes() == b"mine"
    assert (again.checksum, len(again.tidy())) == (done.checksum, 60)
    in_the_way = out / "part-00000-of-00002.parquet"
    in_the_way.write_bytes(b"mine")
    with pytest.raises(InputError, match="in the way"):
        lam.pool_dataset(source, out, workers=1, part_rows=40, resume=False)
    assert in_the_way.read_bytes() == b"mine"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"identity": 1}'])
def test_a_damaged_manifest_is_refused(tmp_path, text):
    y, v = simulated(20)
    source, out = written(tmp_path / "in.parquet", y, v, 20), tmp_path / "out"
    lam.pool_dataset(source, out, workers=1)
    (out / "_pooled.json").write_text(text)
    before = listing(out)
    for resume in (True, False):
        with pytest.raises(InputError, match="damaged"):
            lam.pool_dataset(source, out, workers=1, resume=resume)
    assert listing(out) == before


def test_a_part_is_believed_by_the_hash_of_its_file(tmp_path):
    y, v = simulated(60)
    source, out = written(tmp_path / "in.parquet", y, v, 20), tmp_path / "out"
    first = lam.pool_dataset(source, out, workers=1, part_rows=20)
    part = out / "part-00001-of-00003.parquet"
    table = pq.read_table(part)
    pq.write_table(table.set_column(0, "mu", pa.array([99.0] * 20)), part)  # metadata of the true part kept
    second = lam.pool_dataset(source, out, workers=1, part_rows=20)
    assert (second.fitted, second.checksum) == (1, first.checksum)
    assert 99.0 not in second.tidy()["mu"].tolist()
    lines = (out / "_parts.jsonl").read_text().splitlines()
    (out / "_parts.jsonl").write_text("\n".join(["null", "{", "[1]", *lines[-1:]]) + "\n")
    third = lam.pool_dataset(source, out, workers=1, part_rows=20)
    assert (third.fitted, third.checksum) == (2, first.checksum)


@pytest.mark.parametrize("tau2", [*(name for name in TAU2 if name not in ("GENQ", "GENQM")), "none", 0.3])
def test_no_estimator_depends_on_the_company_of_a_row(tau2):
    rng = np.random.default_rng(5)
    sizes = rng.integers(2, 7, 24)
    y = [rng.normal(0, 1, n) * 10.0 ** rng.integers(-3, 3) for n in sizes]
    v = [rng.uniform(0.01, 2, n) * 10.0 ** rng.integers(-3, 3) for n in sizes]

    def total(*cuts):
        pieces = [(a, pa.table({"yi": y[a:b], "vi": v[a:b]})) for a, b in itertools.pairwise(cuts)]
        return sum(checksum_of(lam.pool_arrow(t, first_row=a, tau2=tau2), a) for a, t in pieces) % 2**64

    assert len({total(0, 24), total(0, 1, 24), total(0, 7, 9, 24), total(*range(25))}) == 1


def state(pid):
    """The letter of the state of a process; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_with_a_killed_parent(tmp_path):
    y, v = simulated(40_000)
    source = written(tmp_path / "in.parquet", y, v, 200)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, lamevidence as lam\n"
        "if __name__ == '__main__':\n"
        "    lam.pool_dataset(sys.argv[1], sys.argv[2], workers=2, part_rows=200, tau2='BM')\n"
    )
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, str(script), str(source), str(out)]) as run:
        until = time.monotonic() + 120
        while not list(out.glob("part-*")) and time.monotonic() < until and run.poll() is None:
            time.sleep(0.05)
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        assert len(children) >= 2
        run.kill()
    until = time.monotonic() + 30
    while any(state(pid) not in ("", "Z") for pid in children) and time.monotonic() < until:
        time.sleep(0.1)
    assert [state(pid) for pid in children if state(pid) not in ("", "Z")] == []
    done = lam.pool_dataset(source, out, workers=1, part_rows=200, tau2="BM")
    # a worker killed while it wrote leaves an unfinished file of its own name, which nothing reads
    assert done.rows == 40_000
