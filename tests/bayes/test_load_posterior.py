"""A file of draws is believed only where it holds what was written: values, version, ranges, hash."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError

h5py = pytest.importorskip("h5py")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], labels=["A", "B", "C"])
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    tree = lam.to_arviz(post, draws=20, chains=2, seed=1)
    return lam.save_posterior(tree, tmp_path_factory.mktemp("posterior") / "post.nc")


def nan_mean(h):
    h["posterior/mu"][0, 0] = np.nan


def infinite_effect(h):
    h["posterior/theta"][0, 0, 0] = np.inf


def negative_tau(h):
    h["posterior/tau"][0, 0] = -1


def of_the_future(h):
    h.attrs["lamevidence_version"] = "99.0"


def no_version(h):
    h.attrs["lamevidence_version"] = "banana"


def last_digit(h):
    h["posterior/mu"][0, 0] += 1e-9


def other_data(h):
    h["observed_data/estimate"][0] = 7


def no_hash(h):
    del h.attrs["lamevidence_sha256"]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (nan_mean, "mu are not all finite"),
        (infinite_effect, "theta are not all finite"),
        (negative_tau, "fall below 0"),
        (of_the_future, "written by lamevidence 99.0"),
        (no_version, "'banana'"),
        (last_digit, "not what was written"),
        (other_data, "not what was written"),
        (no_hash, "no content hash"),
    ],
)
def test_an_edited_file_is_refused(file, tmp_path, edit, says):
    mine = tmp_path / "edited.nc"
    shutil.copy(file, mine)
    with h5py.File(mine, "r+") as h:
        edit(h)
    with pytest.raises(InputError, match=says) as refused:
        lam.load_posterior(mine)
    assert "\n" not in str(refused.value)


def test_what_is_written_again_is_read_again(file, tmp_path):
    back = lam.load_posterior(file)
    again = lam.load_posterior(lam.save_posterior(back, tmp_path / "again.nc"))
    assert np.array_equal(back["posterior"]["theta"].values, again["posterior"]["theta"].values)


@pytest.mark.slow
def test_flipped_bits_change_no_number_in_silence(file, tmp_path):
    whole, generator = file.read_bytes(), np.random.default_rng(4)
    right = lam.load_posterior(file)["posterior"]["mu"].values
    for i in range(40):
        raw = bytearray(whole)
        raw[int(generator.integers(len(raw) if i % 2 else 8000))] ^= 1 << int(generator.integers(8))
        damaged = tmp_path / "bits.nc"
        damaged.write_bytes(raw)
        try:
            read = lam.load_posterior(damaged)
        except InputError:
            continue
        assert np.array_equal(read["posterior"]["mu"].values, right)


def test_a_damaged_file_leaves_one_line_and_nothing_on_the_terminal(file, tmp_path):
    raw = bytearray(file.read_bytes())
    for place in range(600, 9000, 40):
        raw[place] ^= 255
    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(raw)
    code = (
        "import sys, lamevidence as lam\n"
        "try: lam.load_posterior(sys.argv[1])\n"
        "except lam.errors.LamEvidenceError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(damaged)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
