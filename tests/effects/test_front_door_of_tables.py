"""How a user makes and reads a table: signatures, keyword-only variances, intervals, slices, joins, short forms."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.effects.column_aliases import OPTIONS, WORDS
from lamevidence.effects.table_text import MAX_LINES
from lamevidence.foundation.errors import EvidenceWarning, InputError, OptionError, UnknownName
from tests.work import calls

Table = lam.EvidenceTable


@pytest.fixture
def table() -> lam.EvidenceTable:
    return Table.from_estimates(
        [0.2, 0.5, 0.1, 0.4],
        sei=[0.2, 0.1, 0.3, 0.2],
        labels=["A 1", "A 2", "B", "C"],
        studies=["A", "A", "B", "C"],
        n=[10, 20, np.nan, 40],
        moderators={"dose": [1, 2, 3, 4], "site": ["x", "y", "x", "y"]},
        title="Rate of change",
    )


# ---- signatures -------------------------------------------------------------------------------
def test_every_column_word_is_a_documented_keyword():
    parameters = inspect.signature(Table.from_frame).parameters
    assert set(WORDS) | set(OPTIONS) <= set(parameters)
    assert all(parameters[word].annotation == "str | float | None" for word in WORDS)
    documented = set(inspect.getdoc(Table.from_frame).replace(",", " ").split())
    assert (set(WORDS) | set(OPTIONS)) - documented == set()
    columns = inspect.signature(lam.escalc).parameters
    metafor = {word for word in WORDS if word.endswith("i") and word != "predictors"}
    assert metafor | set(OPTIONS) <= set(columns)
    assert (metafor | set(OPTIONS)) - set(inspect.getdoc(lam.escalc).replace(",", " ").split()) == set()


def test_a_bare_second_argument_is_refused_with_both_spellings():
    words = r"from_estimates\(yi, vi=variances\) or from_estimates\(yi, sei=standard_errors\)"
    with pytest.raises(OptionError, match=words):
        Table.from_estimates([0.2, 0.5], [0.04, 0.03])
    with pytest.raises(OptionError, match=r"escalc\('OR', ai=…, n1i=…, ci=…, n2i=…\)"):
        lam.escalc("OR", [1], [2], [3], [4])
    with pytest.raises(OptionError, match="by name"):
        Table.from_frame(pd.DataFrame({"a": [1]}), "PLO", "a")


@pytest.mark.parametrize(("word", "ours"), [("se", "sei"), ("variances", "vi"), ("slab", "studies"), ("mods", "moder")])
def test_words_of_other_packages(word, ours):
    with pytest.raises(OptionError, match=f"here that is {ours}"):
        Table.from_estimates([0.2, 0.5], **{word: [0.04, 0.03]})


def test_friendly_words_work_in_escalc():
    one = lam.escalc("OR", events=[4], total=[123], control_events=[11], control_total=[139])
    other = lam.escalc("OR", ai=[4], n1i=[123], ci=[11], n2i=[139])
    assert one.yi == other.yi
    with pytest.raises(UnknownName, match="did you mean 'events'"):
        lam.escalc("OR", evnts=[4], total=[123], control_events=[11], control_total=[139])
    with pytest.raises(OptionError, match="given twice"):
        lam.escalc("OR", ai=[4], events=[4], total=[123], control_events=[11], control_total=[139])


def test_generic_estimates_in_a_frame_are_sent_to_the_other_door():
    frame = pd.DataFrame({"y": [0.1, 0.2], "v": [0.01, 0.02]})
    with pytest.raises(OptionError) as refused:
        Table.from_frame(frame, "GEN", yi="y", vi="v")
    remedy = str(refused.value).split("use ")[1]
    assert remedy == "EvidenceTable.from_estimates(frame['y'], vi=frame['v'])"
    assert eval(f"lam.{remedy}", {"lam": lam, "frame": frame}).k == 2


# ---- intervals --------------------------------------------------------------------------------
def test_intervals_give_standard_errors():
    # RR 0.86 (0.65 to 1.14): SE of the log 0.1433, from the Cochrane Handbook's (log high − log low)/3.92
    log = np.log([0.86, 0.65, 1.14])
    table = Table.from_estimates(log[:1], ci=(log[1:2], log[2:]), measure="RR")
    assert table.sei[0] == pytest.approx((log[2] - log[1]) / (2 * 1.959963984540054), rel=1e-12)
    assert table.sei[0] == pytest.approx(0.1433, abs=5e-5)
    ninety = Table.from_estimates([1.0], ci=([0.0], [2.0]), level=0.9)
    assert ninety.sei[0] == pytest.approx(1 / 1.6448536269514722)


@pytest.mark.parametrize(
    ("ci", "error", "words"),
    [
        (([0, 2], [1, 3]), InputError, r"yi\[1\] = 1 lies outside its interval 2 to 3 · .* one scale"),
        (([0, 2], [1, 0]), InputError, "ci of row 1 is 2 to 0 · give two finite bounds, the lower first"),
        (([0, np.nan], [1, 2]), InputError, "ci of row 1"),
        (([0], [1]), InputError, "1 lower bounds"),
        ([0, 1, 2], OptionError, r"ci=\(low, high\)"),
    ],
)
def test_intervals_refused(ci, error, words):
    with pytest.raises(error, match=words):
        Table.from_estimates([0.5, 1.0], ci=ci)


def test_asymmetric_intervals_are_noted():
    with pytest.warns(EvidenceWarning, match=r"LW214: interval 0.4 to 1.85 of row 0 is not symmetric .*logs"):
        Table.from_estimates([0.86], ci=([0.4], [1.85]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # rounding alone, one decimal: 0.3 to 0.5 about 0.4 ± 0.1
        Table.from_estimates([0.3], ci=([0.2], [0.5]))


def test_level_belongs_to_ci():
    with pytest.raises(OptionError, match="leave level out"):
        Table.from_estimates([0.1], vi=[1], level=0.9)
    with pytest.raises(OptionError, match="exactly one"):
        Table.from_estimates([0.1], vi=[1], ci=([0], [1]))


# ---- reading ----------------------------------------------------------------------------------
def test_rows_by_name_and_position(table):
    assert table["A 2"].yi == 0.5
    assert table["A"].label == "A 1"
    assert table[-1].label == "C"
    assert table[np.int64(1)].label == "A 2"
    with pytest.raises(KeyError):
        table["D"]
    with pytest.raises(IndexError):
        table[4]


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        (slice(0, 2), ("A 1", "A 2")),
        (slice(None, None, -1), ("C", "B", "A 2", "A 1")),
        ([3, 0], ("C", "A 1")),
        ([True, False, True, False], ("A 1", "B")),
        (np.array([False, False, False, True]), ("C",)),
        (np.array([1]), ("A 2",)),
        ([], ()),
    ],
)
def test_slices_masks_and_positions(table, key, labels):
    for part in (table[key], table.subset(key)):
        assert part.labels == labels
        where = [table.labels.index(x) for x in labels]
        assert part.yi.tolist() == table.yi[where].tolist()
        assert part.moderators["site"].tolist() == [["x", "y", "x", "y"][i] for i in where]
        assert part.title == table.title
        assert [row.study for row in part] == [table.studies[i] for i in where]


@pytest.mark.parametrize("key", [[0, 0], [0, -4], [4], [True], 1.5, "AB", [[0]], None, slice("a", None)])
def test_keys_refused(table, key):
    with pytest.raises((InputError, KeyError)):
        table[key]


def test_subset_keeps_covariances_and_forgets_what_was_said_of_all():
    whole = Table.from_estimates([1, 2, 3], V=[[1, 0.5, 0], [0.5, 2, 0], [0, 0, 3]], studies=["a", "a", "b"])
    assert not whole.plain
    assert whole[0:2].V.tolist() == [[1, 0.5], [0.5, 2]]
    twice = Table.from_estimates([1, 2, 3], vi=[1, 1, 1], studies=["a", "a", "b"])
    assert not twice.plain
    assert twice[1:3].plain


def test_without(table):
    left = table.without("A")
    assert left.labels == ("B", "C")
    assert [(e.label, e.reason) for e in left.excluded] == [(x, "left out on request") for x in ("A 1", "A 2")]
    assert table.without("A 2").labels == ("A 1", "B", "C")
    assert table.without(["A 2", "C"]).labels == ("A 1", "B")
    with pytest.raises(UnknownName, match="'D'"):
        table.without("D")


def test_short_forms(table):
    lines = repr(table).split("\n")
    assert lines[0] == "EvidenceTable: Rate of change"
    assert lines[1] == "GEN, estimate · k = 4 · 3 studies · N = 70 · moderators dose, site"
    assert [line.split()[0] for line in lines[2:]] == ["row", "A", "A", "B", "C"]
    long = Table.from_estimates(np.zeros(500), vi=np.ones(500)).without("7")
    assert len(repr(long).split("\n")) == MAX_LINES
    assert repr(long).split("\n")[-2:] == [
        "… and 492 more · to_frame() has all",
        "1 row was left out: .excluded says which and why",
    ]
    assert "<table>" in long._repr_html_()
    assert "&lt;b&gt;" in Table.from_estimates([1], vi=[1], labels=["<b>"])._repr_html_()
    assert repr(table[[]]) == "EvidenceTable: Rate of change\nGEN, estimate · k = 0 · moderators dose, site"


def test_short_form_of_a_missing_estimate():
    frame = pd.DataFrame({"x": [0, 3], "n": [10, 10]})
    assert "—" in repr(Table.from_frame(frame, "PLO", events="x", total="n"))


def test_shipped_table_is_short():
    text = repr(lam.load_registry().evidence("fev1-slope-on-sirolimus"))
    assert len(text.split("\n")) <= MAX_LINES
    assert "mL/year" in text
    assert "left out" in text


# ---- joining ----------------------------------------------------------------------------------
def test_concat(table):
    more = Table.from_estimates([0.9], vi=[0.2], labels=["D"], moderators={"dose": [9]}, title="Rate of change")
    joined = Table.concat([table, more])
    assert joined.labels == (*table.labels, "D")
    assert joined.yi.tolist() == [*table.yi, 0.9]
    assert joined.title == "Rate of change"
    assert joined.moderators["dose"].tolist() == [1, 2, 3, 4, 9]
    assert joined.moderators["site"].tolist() == ["x", "y", "x", "y", None]
    assert np.isnan(joined.n[-1])
    fit = lam.pool(Table.concat([table[[0, 2]], more]))
    assert fit.k == 3


def test_concat_tells_equal_labels_apart(table):
    with pytest.raises(InputError, match="rows of several tables are called A 1, A 2, B, C") as refused:
        Table.concat([table, table])
    assert "names=['table 1', 'table 2']" in str(refused.value)
    joined = Table.concat([table, table], names=["table 1", "table 2"])
    assert joined.labels[:1] + joined.labels[-1:] == ("A 1 (table 1)", "C (table 2)")
    assert joined.moderators["table"].tolist() == ["table 1"] * 4 + ["table 2"] * 4
    assert joined.studies == table.studies * 2  # the same patients, whichever table
    numbered = Table.from_estimates([1, 2], vi=[1, 1])
    assert Table.concat([numbered, numbered]).labels == ("1", "2", "3", "4")


def test_concat_joins_covariances_and_counts():
    one = Table.from_estimates([1, 2], V=[[1, 0.5], [0.5, 2]], studies=["a", "a"])
    two = Table.from_estimates([3], vi=[3], labels=["b"])
    assert Table.concat([one, two]).V.tolist() == [[1, 0.5, 0], [0.5, 2, 0], [0, 0, 3]]
    frame = pd.DataFrame({"s": ["a", "b"], "x": [1, 0], "n": [10, 12]})
    left, right = (Table.from_frame(frame.iloc[[i]], "PLO", study="s", events="x", total="n") for i in (0, 1))
    both = Table.concat([left, right])
    assert both.counts["ni"].tolist() == [10, 12]
    assert len(both.notes) == 1
    assert np.isfinite(lam.pool(both, model="glmm").estimate)


def test_concat_refuses_what_does_not_belong_together(table):
    with pytest.raises(OptionError, match="several values of measure: GEN and OR"):
        Table.concat([table, Table.from_estimates([1], vi=[1], measure="OR")])
    with pytest.raises(OptionError, match="several values of unit: pure numbers and mL"):
        Table.concat([table, Table.from_estimates([1], vi=[1], unit="mL")])
    with pytest.raises(OptionError, match="list of tables"):
        Table.concat([])
    with pytest.raises(OptionError, match=r"tables\[1\]"):
        Table.concat([table, "table"])


# ---- speed ------------------------------------------------------------------------------------
def test_many_rows_of_clusters_cost_in_proportion():
    def table(k):
        frame = pd.DataFrame({"s": [f"s{i // 2}" for i in range(k)], "x": np.arange(k) % 7, "n": 20})
        return Table.from_frame(frame, "PLO", study="s", cluster="s", events="x", total="n")

    table(10)
    assert calls(lambda: table(40_000)) < 6 * calls(lambda: table(10_000))
    assert table(100_000).labels[:2] == ("s0 (1)", "s0 (2)")
