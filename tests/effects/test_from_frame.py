"""A user's frame: what is kept, what is refused, and in which words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError, UnknownName

Table = lam.EvidenceTable
ROLES = {"study": "trial", "events": "r", "total": "n", "control_events": "rc", "control_total": "nc"}


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": ["A", "B", "C"],
            "r": [4, 0, 6],
            "n": [123, 40, 306],
            "rc": [11, 3, 29],
            "nc": [139, 41, 303],
            "year": [1948, 1949, 1960],
        }
    )


def test_nothing_is_corrected_unless_asked(frame):
    table = Table.from_frame(frame, "OR", **ROLES)
    assert np.isnan(table.yi).tolist() == [False, True, False]
    assert table.counts["ai"].tolist() == [4, 0, 6]
    assert "B" in table.notes[0]
    corrected = Table.from_frame(frame, "OR", **ROLES, to="only0")
    assert np.isfinite(corrected.yi).all()
    assert "0.5 was added" in corrected.notes[0]
    np.testing.assert_array_equal(
        corrected.yi, lam.escalc("OR", ai=frame.r, n1i=frame.n, ci=frame.rc, n2i=frame.nc, to="only0").yi
    )


def test_metafor_names_moderators_and_n(frame):
    table = Table.from_frame(frame, "RR", study="trial", ai="r", n1i="n", ci="rc", n2i="nc")
    assert table.labels == ("A", "B", "C")
    assert list(table.moderators) == ["year"]
    assert table.n.tolist() == [262, 81, 609]
    assert list(Table.from_frame(frame, "RR", **ROLES, moderators=[]).moderators) == []


def test_one_number_for_every_row():
    frame = pd.DataFrame({"a": [5.0, 6.0], "b": [4.0, 4.5], "s": [2.0, 2.0], "t": [2.0, 2.5], "n": [20, 30]})
    table = Table.from_frame(frame, "MC", post_mean="a", pre_mean="b", post_sd="s", pre_sd="t", n="n", cor=0.6)
    assert table.vi[0] == pytest.approx((4 + 4 - 2 * 0.6 * 4) / 20)


def test_several_rows_of_one_study(frame):
    twice = frame.assign(trial=["A", "A", "C"])
    with pytest.raises(InputError, match="study A has several rows"):
        Table.from_frame(twice, "RD", **ROLES)
    table = Table.from_frame(twice, "RD", **ROLES, V=np.eye(3))
    assert table.labels == ("A (1)", "A (2)", "C")
    assert table.studies == ("A", "A", "C")
    clustered = Table.from_frame(twice.assign(centre=["x", "x", "y"]), "RD", **ROLES, cluster="centre")
    assert clustered.studies == ("x", "x", "y")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"r": [4, 200, 6]}, r"row 1 \(B\) column 'r': 200 · more events"),
        ({"r": [4, -1, 6]}, r"row 1 \(B\) column 'r': -1 · a count cannot be negative"),
        ({"r": [4, 1.5, 6]}, r"row 1 \(B\) column 'r': 1.5 · not a whole number"),
        ({"r": [4, np.nan, 6]}, "row 1 column 'r': .*nan"),
        ({"r": [4, "three", 6]}, "row 1 column 'r': 'three'"),
        ({"n": [123, 40, np.inf]}, "row 2 column 'n'"),
        ({"r": [0, 0, 0], "n": [123, 0, 306]}, r"row 1 \(B\) column 'n': 0 · nobody"),
    ],
)
def test_a_bad_cell_is_named(frame, change, words):
    with pytest.raises(InputError, match=words):
        Table.from_frame(frame.assign(**change), "OR", **ROLES)


def test_unknown_names(frame):
    with pytest.raises(UnknownName, match="effect measure"):
        Table.from_frame(frame, "ODDS", **ROLES)
    with pytest.raises(UnknownName, match="did you mean 'events'"):
        Table.from_frame(frame, "OR", study="trial", event="r")
    with pytest.raises(UnknownName, match="did you mean 'trial'"):
        Table.from_frame(frame, "OR", **(ROLES | {"study": "trail"}))
    with pytest.raises(OptionError, match="given twice"):
        Table.from_frame(frame, "OR", **ROLES, ai="r")
    with pytest.raises(OptionError, match="choices: LS, AV"):
        Table.from_frame(frame, "OR", **ROLES, vtype="XX")
    with pytest.raises(OptionError, match="from_estimates"):
        Table.from_frame(frame, "GEN", yi="r", vi="n")
    with pytest.raises(InputError, match="no rows"):
        Table.from_frame(frame.iloc[:0], "OR", **ROLES)


def test_zero_sd_is_refused():
    frame = pd.DataFrame({"m": [1.0], "s": [0.0], "n": [4]})
    with pytest.raises(InputError, match="standard deviation must be above 0"):
        Table.from_frame(frame, "MN", mean="m", sd="s", n="n")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"yi": [1, np.nan], "vi": [1, 1]}, InputError, r"yi\[1\]"),
        ({"yi": [1, np.inf], "vi": [1, 1]}, InputError, r"yi\[1\]"),
        ({"yi": [1, 2], "vi": [1, -1]}, InputError, r"vi\[1\] = -1"),
        ({"yi": [1, 2], "vi": [1, np.nan]}, InputError, r"vi\[1\]"),
        ({"yi": [1, 2], "sei": [1, -1]}, InputError, r"sei\[1\]"),
        ({"yi": [1, 2], "vi": [1]}, InputError, "1 entries"),
        ({"yi": [1, 2]}, OptionError, "exactly one"),
        ({"yi": [1, 2], "vi": [1, 1], "sei": [1, 1]}, OptionError, "exactly one"),
        ({"yi": [], "vi": []}, InputError, "empty"),
        ({"yi": [[1]], "vi": [[1]]}, InputError, "shape"),
        ({"yi": [1, 2], "V": [[1, 2], [2, 1]]}, InputError, "positive semidefinite"),
        ({"yi": [1, 2], "V": [[1, 0.1], [0.2, 1]]}, InputError, "symmetric"),
        ({"yi": [1, 2], "vi": [1, 1], "measure": "XX"}, UnknownName, "measure"),
        ({"yi": ["a"], "vi": [1]}, InputError, "not a number"),
        ({"yi": [1, 2], "vi": [1, 1], "labels": ["a", "a"]}, InputError, "unique"),
    ],
)
def test_estimates_refused(given, error, words):
    with pytest.raises(error, match=words):
        Table.from_estimates(**given)


def test_estimates_kept():
    table = Table.from_estimates([1, 2], sei=[0.5, np.inf], studies=["a", "a"])
    assert table.vi.tolist() == [0.25, np.inf]
    assert table.labels == ("a (1)", "a (2)")
    assert Table.from_estimates([1, 2], vi=[0, 1]).vi[0] == 0
