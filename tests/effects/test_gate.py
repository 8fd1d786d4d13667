"""The one gate: what no table may hold is refused where the table is made, through every door."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lamevidence as lam
from lamevidence.effects.derive.single import count_estimate
from lamevidence.effects.measures import MEASURES
from lamevidence.effects.rows import MAX_MAGNITUDE, in_reach
from lamevidence.foundation.errors import InputError, LamEvidenceError, OptionError, UnknownName

Table = lam.EvidenceTable
TWO = {"yi": [0.1, 0.2], "vi": [0.01, 0.02], "labels": ("A", "B"), "studies": ("A", "B")}
CELLS = {"ai": [4, 6], "bi": [119, 300], "n1i": [123, 306], "ci": [11, 29], "di": [128, 274], "n2i": [139, 303]}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"yi": [0.1, np.inf]}, InputError, r"yi\[1\] \(B\) = inf is not a finite number"),
        ({"yi": [0.1, np.nan]}, InputError, r"yi\[1\] \(B\)"),
        ({"yi": [0.1, np.nan], "vi": [0.01, np.nan]}, InputError, r"yi\[1\] \(B\)"),
        ({"vi": [0.01, -1]}, InputError, r"vi\[1\] \(B\) = -1 is not a variance"),
        ({"vi": [0.01, np.nan]}, InputError, r"vi\[1\] \(B\)"),
        ({"yi": [0.1, -1e101]}, InputError, "beyond 1e\\+100.* · use another unit"),
        ({"vi": [0.01, 1e101]}, InputError, "beyond"),
        ({"vi": [0.01, 1e-101]}, InputError, "or below its inverse"),
        ({"n": [10, 0]}, InputError, r"n\[1\] = 0 is not positive"),
        ({"n": [10, np.inf]}, InputError, r"n\[1\]"),
        ({"n": [10]}, InputError, "n has 1 entries"),
        ({"labels": ("A", "A")}, InputError, "unique, given twice: A"),
        ({"V": [[0.01, 0.5], [0.5, 0.02]]}, InputError, "positive semidefinite"),
        ({"V": [[0.01, 0.0], [0.0, 0.03]]}, InputError, r"vi\[1\] = 0.02 is not the variance in V"),
        ({"V": [[0.01]]}, InputError, "shape"),
        ({"measure": "ORR"}, UnknownName, "effect measure"),
        ({"measure": "OR", "counts": CELLS | {"ai": [4, -6]}}, InputError, r"row 1 \(B\): ai = -6 · a count cannot"),
        ({"measure": "OR", "counts": CELLS | {"ai": [4, 400]}}, InputError, "more events than n1i"),
        ({"measure": "OR", "counts": CELLS | {"n1i": [123, 310]}}, InputError, r"n1i = 310 · not ai \+ bi"),
        ({"measure": "IRR", "counts": {"x1i": [1, 2], "t1i": [5, 0]}}, InputError, "person-time must be positive"),
        ({"counts": {"xi": [1]}}, InputError, "1 entries"),
        ({"higher_is": "up"}, UnknownName, "better, worse, neutral"),
        ({"excluded": ["B"]}, OptionError, "tuple of Excluded"),
    ],
)
def test_the_constructor_refuses(change, error, words):
    with pytest.raises(error, match=words):
        Table(**(TWO | change))


def test_what_may_be_missing_or_infinite():
    table = Table(**(TWO | {"yi": [0.1, np.nan], "vi": [0.01, np.nan], "measure": "OR", "counts": CELLS}))
    assert np.isnan(table.yi[1])
    assert not table.plain
    assert Table(**(TWO | {"vi": [0, np.inf]})).vi.tolist() == [0, np.inf]
    assert Table(**TWO).plain
    assert in_reach(np.array([1.0]), np.array([MAX_MAGNITUDE / 2]))
    assert not in_reach(np.array([1.0]), np.array([0.0]))


def test_numbers_are_read_only():
    table = Table(**TWO)
    for column in (table.yi, table.vi, table.n, table[0:1].yi, table.subset([1]).vi):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_pooling_trusts_the_table():
    """What is left to the models is about them: dependence, and variances they need."""
    with pytest.raises(LamEvidenceError, match="share patients"):
        lam.pool(Table(**(TWO | {"studies": ("A", "A")})))
    table = Table(**(TWO | {"yi": [0.1, np.nan], "vi": [0.01, np.nan], "measure": "OR", "counts": CELLS}))
    with pytest.raises(LamEvidenceError, match="B"):
        lam.pool(table, model="random")


# ---- zero cells: one rule through every door --------------------------------------------------
counts = st.integers(0, 4)
# a few small integers are drawn in microseconds: that they take long says how busy the machine is, nothing about them
on_busy_machines = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def two_by_two(draw):
    rows = draw(st.lists(st.tuples(counts, counts, counts, counts), min_size=1, max_size=5))
    cells = np.array([(a, a + b + (a + b == 0), c, c + d + (c + d == 0)) for a, b, c, d in rows], dtype=float)
    return dict(zip(("ai", "n1i", "ci", "n2i"), cells.T, strict=True))


@settings(on_busy_machines, max_examples=60)
@given(two_by_two(), st.sampled_from(["OR", "RR", "RD"]), st.sampled_from([{}, {"add": 0.5}, {"to": "only0"}]))
def test_zero_cells_are_the_same_through_every_door(cells, measure, asked):
    """`escalc`, `from_frame`, the registry's derivation and `network_table` agree, corrected or not."""
    made = lam.escalc(measure, **cells, **asked)
    table = Table.from_frame(pd.DataFrame(cells), measure, **{name: name for name in cells}, **asked)
    np.testing.assert_array_equal(made.yi, table.yi)
    np.testing.assert_array_equal(made.vi, table.vi)
    assert (np.isnan(made.yi) == np.isnan(made.vi)).all()
    assert not (made.vi == 0).any()
    for name in cells:
        np.testing.assert_array_equal(table.counts[name], cells[name])
    for i in range(table.k):
        row = {name: float(column[i]) for name, column in cells.items()}
        if not asked:
            np.testing.assert_array_equal(count_estimate(measure, row), (made.yi[i], made.vi[i]))
        arms = pd.DataFrame(
            {"study": ["s", "s"], "treatment": ["a", "b"], "r": [row["ai"], row["ci"]], "n": [row["n1i"], row["n2i"]]}
        )
        if np.isnan(made.yi[i]):
            with pytest.raises(InputError, match="study s"):
                lam.network.network_table(arms, measure, events="r", total="n", **asked)
        else:
            network = lam.network.network_table(arms, measure, events="r", total="n", **asked)
            np.testing.assert_allclose([network.yi[0], network.vi[0]], [made.yi[i], made.vi[i]], rtol=1e-12)


@settings(on_busy_machines, max_examples=40)
@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=5), st.sampled_from(["PLO", "PR", "PLN", "PAS"]))
def test_proportions_too(rows, measure):
    x = np.array([a for a, _ in rows], dtype=float)
    n = np.array([a + b + (a + b == 0) for a, b in rows], dtype=float)
    made = lam.escalc(measure, xi=x, ni=n)
    table = Table.from_frame(pd.DataFrame({"x": x, "n": n}), measure, events="x", total="n")
    np.testing.assert_array_equal(made.yi, table.yi)
    for i in range(len(rows)):
        np.testing.assert_array_equal(count_estimate(measure, {"xi": x[i], "ni": n[i]}), (made.yi[i], made.vi[i]))
    if measure != "PAS":
        assert np.isnan(made.yi[x == 0]).all()


def test_rates_too():
    made = lam.escalc("IRLN", xi=[0, 3], ti=[10, 10])
    assert np.isnan(made.yi[0])
    assert made.yi[1] == pytest.approx(np.log(0.3))
    # ½ added to the events alone: metafor 4.8, escalc(measure="IRLN", xi=0, ti=10) gives log(0.05)
    assert lam.escalc("IRLN", xi=[0], ti=[10], add=0.5).yi[0] == pytest.approx(np.log(0.05))


def test_no_door_corrects_unless_asked():
    for code in MEASURES:
        options = MEASURES[code].options
        if "to" in options:
            assert options["to"][0] == "none", code


def test_a_row_without_estimate_is_kept_and_the_models_that_need_none_are_named():
    frame = pd.DataFrame({"s": list("ABC"), "r": [0, 4, 6], "n": [40, 123, 306], "c": [3, 11, 29], "m": [41, 139, 303]})
    roles = {"study": "s", "events": "r", "total": "n", "control_events": "c", "control_total": "m"}
    table = Table.from_frame(frame, "OR", **roles)
    assert table.k == 3
    with pytest.raises(InputError, match="glmm"):
        lam.pool(table, model="random")
    assert np.isfinite(lam.pool(table, model="glmm").estimate)
    assert np.isfinite(lam.pool(table, model="mh").estimate)
