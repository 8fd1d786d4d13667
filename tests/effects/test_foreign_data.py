"""Masks, row labels, missing values and categories of other libraries mean the same here."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lamevidence as lam
from lamevidence.checks import combine_p_values
from lamevidence.effects import recovery
from lamevidence.effects.absolute_risks import odds_ratio_to_risk
from lamevidence.effects.covariance import aggregate, correlated_covariance
from lamevidence.effects.measures.arm_intervals import arm_interval
from lamevidence.effects.transforms import d_to_point_biserial
from lamevidence.foundation.errors import InputError, LamEvidenceError
from tests.work import calls, peak

OF = lam.EvidenceTable.from_estimates
MASKED = np.ma.array([1.0, 100.0, 3.0], mask=[0, 1, 0])
ONES = [1.0, 1.0, 1.0]
TAU = lam.priors.HalfNormal(1)
FRAME = pd.DataFrame(
    {"study": list("abcd"), "ai": [1, 2, 3, 4], "n1i": [9] * 4, "ci": [3, 3, 2, 2], "n2i": [10] * 4, "x": [1, 2, 3, 4]}
)


def from_frame(frame, **more):
    return lam.EvidenceTable.from_frame(frame, "OR", study="study", ai="ai", n1i="n1i", ci="ci", n2i="n2i", **more)


TAKES_NUMBERS = {
    "yi": lambda x: OF(x, vi=ONES),
    "vi": lambda x: OF(ONES, vi=x),
    "sei": lambda x: OF(ONES, sei=x),
    "ci": lambda x: OF([50.0, 50.0, 50.0], ci=([0.0, 0.0, 0.0], x)),
    "labels": lambda x: OF(ONES, vi=ONES, labels=x),
    "pool_many yi": lambda x: lam.pool_many(x, ONES),
    "pool_many vi": lambda x: lam.pool_many(ONES, x),
    "pool_many list of masked": lambda x: lam.pool_many([x, x], [ONES, ONES]),
    "arm_interval": lambda x: arm_interval(x, [200, 200, 200]),
    "correlated_covariance": lambda x: correlated_covariance(x, ["a", "a", "b"], 0.5),
    "cluster": lambda x: correlated_covariance(ONES, x, 0.5),
    "aggregate": lambda x: aggregate(x, np.eye(3), ["a", "a", "b"]),
    "combine_p_values": lambda x: combine_p_values(x / 1000),
    "p weights": lambda x: combine_p_values([0.1, 0.2, 0.3], "stouffer", weights=x),
    "weights": lambda x: lam.pool(OF(ONES, vi=ONES), weights=x),
    "design": lambda x: lam.pool(OF([1.0, 2, 4, 7], vi=[1.0] * 4), moderators=np.ma.append(x, [7.0])),
    "V": lambda x: OF(ONES, V=np.ma.array(np.eye(3), mask=np.diag(np.ma.getmaskarray(x)))),
    "se_from_sd": lambda x: recovery.se_from_sd(x, 10),
    "pool_bayes_many": lambda x: lam.pool_bayes_many(
        yi=np.ma.array([x, x]), vi=np.ones((2, 3)), mu=lam.priors.Normal(0, 1), tau=lam.priors.HalfNormal(1)
    ),
}


@pytest.mark.parametrize("name", TAKES_NUMBERS)
def test_what_a_mask_hides_is_never_read(name):
    with pytest.raises(LamEvidenceError):
        TAKES_NUMBERS[name](MASKED)


def test_where_nan_is_allowed_a_mask_is_nan():
    made = lam.escalc("OR", ai=np.ma.array([1, 2], mask=[0, 1]), n1i=[9, 9], ci=[1, 2], n2i=[9, 9])
    assert made.yi[0] == 0
    assert np.isnan(made.yi[1])
    sizes = OF([1.0, 2], vi=[1, 1], n=np.ma.array([10, 99], mask=[0, 1])).n
    assert sizes[0] == 10
    assert np.isnan(sizes[1])


def test_a_mask_that_hides_nothing_changes_nothing():
    assert lam.pool(OF(np.ma.array([1.0, 3.0], mask=[0, 0]), vi=[1, 1]), model="common").mu == 2.0


PAIRED = {
    "from_estimates": lambda a, b: OF(a, vi=b),
    "sei": lambda a, b: OF(a, sei=b),
    "labels": lambda a, b: OF(a, vi=[1, 1], labels=b.map(str)),
    "n": lambda a, b: OF(a, vi=[1, 1], n=b),
    "ci": lambda a, b: OF((a.to_numpy() + b.to_numpy()) / 2, ci=(a - 5, b + 5)),
    "moderators": lambda a, b: OF(a, vi=[1, 1], moderators={"x": b}),
    "table": lambda a, b: lam.EvidenceTable(yi=a, vi=b, labels=("x", "y"), studies=("x", "y")),
    "escalc": lambda a, b: lam.escalc("MN", mi=a, sdi=b, ni=[10, 10]),
    "pool_many": lambda a, b: lam.pool_many(a, b),
    "arm_interval": lambda a, b: arm_interval(a.round(), b.round() + 9),
    "covariance": lambda a, b: correlated_covariance(a, b, 0.5),
    "p": lambda a, b: combine_p_values(a / 10, "stouffer", weights=b),
    "recovery": lambda a, b: recovery.se_from_ci(a - 9, b + 9),
    "risk": lambda a, b: odds_ratio_to_risk(a, b / 10),
    "biserial": lambda a, b: d_to_point_biserial(0.3, a + 9, b + 9),
}


@pytest.mark.parametrize("name", PAIRED)
def test_columns_of_different_rows_are_not_paired_by_position(name):
    call = PAIRED[name]
    a = pd.Series([1.0, 2.0], index=["B", "A"])
    with pytest.raises(InputError, match=r"another order: row 0 is B.*align them: .*\.loc\["):
        call(a, pd.Series([0.5, 1.0], index=["A", "B"]))
    with pytest.raises(InputError, match=r"differ: row 1 is A.*to_numpy\(\)"):
        call(a, pd.Series([0.5, 1.0], index=["B", "C"]))
    with pytest.raises(InputError, match="differ"):
        call(a, pd.Series([0.5, 1.0]))
    call(a, pd.Series([1.0, 0.5], index=["B", "A"]))
    call(a, [1.0, 0.5]) if name not in ("ci", "labels", "arm_interval", "risk", "biserial", "recovery", "p") else None


def test_the_remedy_pairs_the_rows():
    yi, vi = pd.Series([1.0, 100.0], index=["B", "A"]), pd.Series([0.01, 1.0], index=["A", "B"])
    assert OF(yi, vi=vi.loc[yi.index]).vi.tolist() == [1.0, 0.01]
    assert OF(yi, vi=vi.to_numpy()).vi.tolist() == [0.01, 1.0]


def test_rows_of_a_design_in_another_order_than_the_table():
    table = OF([1.0, 2, 4, 7], vi=[1.0] * 4, labels=list("abcd"))
    X = pd.DataFrame({"one": 1.0, "x": [1.0, 2, 3, 5]}, index=list("abdc"))
    for fit in (lam.pool, lambda t, moderators: lam.pool_bayes(t, moderators=moderators, tau=lam.priors.HalfNormal(1))):
        with pytest.raises(InputError, match=r"moderators\.loc\[list\(table\.labels\)\]"):
            fit(table, moderators=X)
        fit(table, moderators=X.loc[list(table.labels)])


def test_covariances_have_the_rows_of_the_estimates():
    yi = pd.Series([1.0, 2.0], index=list("ab"))
    V = pd.DataFrame(np.diag([1.0, 9.0]), index=list("ba"), columns=list("ba"))
    with pytest.raises(InputError, match=r"V\.loc\[yi\.index, yi\.index\]"):
        OF(yi, V=V)
    assert OF(yi, V=V.loc[yi.index, yi.index]).vi.tolist() == [9.0, 1.0]


def test_nullable_numbers_are_numbers_and_na_is_missing():
    assert OF(pd.Series([1, 2], dtype="Int64"), vi=pd.array([0.5, 1.0], dtype="Float64")).yi.tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match=r"yi\[1\]"):
        OF(pd.array([1.0, None], dtype="Float64"), vi=[1, 1])
    with pytest.raises(InputError, match="not a number"):
        OF(pd.array([True, None], dtype="boolean"), vi=[1, 1])
    with pytest.raises(InputError, match="row 1 column 'ai'"):
        from_frame(FRAME.astype({"ai": "Int64"}).assign(ai=lambda d: d["ai"].mask(d["ai"] == 2)))
    table = OF([1.0, 2, 4, 3], vi=[1.0] * 4, moderators={"x": pd.array([1, None, 3, 4], dtype="Int64")})
    assert np.isnan(table.moderators["x"][1])
    with pytest.raises(InputError, match="missing for 2"):
        lam.pool(table, moderators="~ x")


def test_categories_are_labels_with_an_order():
    with pytest.raises(InputError, match=r"categories, which are labels · give numbers: yi\.astype"):
        OF(pd.Series([1, 2]).astype("category"), vi=[1, 1])
    with pytest.raises(InputError, match="categories"):
        from_frame(FRAME.assign(ai=FRAME["ai"].astype(str).astype("category")))
    np.testing.assert_array_equal(from_frame(FRAME.astype({"ai": "category"})).yi, from_frame(FRAME).yi)
    g = pd.Categorical(["b", "a", "c", "a", "b", "c"], categories=["c", "b", "a", "never"])
    table = OF(
        [1.0, 2, 3, 4, 4.5, 1], vi=[1.0] * 6, moderators={"g": g, "n": pd.Series([1, 2, 4] * 2).astype("category")}
    )
    bayes = lam.pool_bayes(table, moderators="~ g", tau=lam.priors.HalfNormal(1))
    assert lam.pool(table, moderators="~ g").names[1:] == bayes.names[1:] == ("g[T.b]", "g[T.a]")
    assert lam.pool(table, moderators="~ n").names[1:] == ("n[T.2]", "n[T.4]")
    assert lam.pool(table[[0, 1, 3, 4]], moderators="~ g").names[1:] == ("g[T.a]",)
    both = lam.EvidenceTable.concat([table, table], names=["one", "two"])
    assert list(both.moderators["g"].categories) == ["c", "b", "a"]


class Foreign:
    """A frame of another library, known by what it can be turned into."""

    columns = ()

    def __init__(self, way):
        if way == "to_pandas":
            self.to_pandas = lambda: FRAME
        else:
            self.__dataframe__ = lambda **options: FRAME.__dataframe__(**options)


def test_frames_of_other_libraries_are_read():
    pa = pytest.importorskip("pyarrow")
    want = from_frame(FRAME).yi
    for frame in (Foreign("to_pandas"), Foreign("interchange"), pa.Table.from_pandas(FRAME)):
        assert np.array_equal(from_frame(frame).yi, want)
    assert np.array_equal(OF(pa.array([1.0, 2.0]), vi=pa.array([1, 2])).vi, [1, 2])
    with pytest.raises(InputError, match=r"yi\[1\]"):
        OF(pa.array([1.0, None]), vi=[1, 2])


POLARS = pl.DataFrame(FRAME.to_dict("list"))


def test_polars_frames_are_read():
    want = from_frame(FRAME, moderators=["x"])
    levels = pl.Enum(["low", "high", "never"])
    frame = POLARS.with_columns(
        pl.col("ai").cast(pl.Int8), pl.col("x").cast(pl.Float32), g=pl.Series(["high", "low"] * 2, dtype=levels)
    )
    table = from_frame(frame, moderators=["x", "g"])
    np.testing.assert_array_equal(table.yi, want.yi)
    assert table.labels == want.labels == tuple("abcd")
    assert table.moderators["x"].tolist() == [1, 2, 3, 4]
    assert lam.pool(table, moderators="~ g").names[1:] == ("g[T.high]",)  # the order of the categories
    np.testing.assert_array_equal(from_frame(frame.filter(pl.col("x") > 1)).yi, want.yi[1:])
    assert lam.escalc("OR", **{c: frame[c] for c in ("ai", "n1i", "ci", "n2i")}).yi.tolist() == want.yi.tolist()


def test_columns_of_polars_are_numbers_and_null_is_missing():
    assert OF(pl.Series([1.0, 2.0]), vi=pl.Series([1, 2])).yi.tolist() == [1.0, 2.0]
    assert OF([1.0, 2.0], vi=[1, 1], labels=pl.Series(["a", "b"])).labels == ("a", "b")
    for call in (
        lambda x: OF(x, vi=ONES),
        lambda x: OF(ONES, vi=x),
        lambda x: lam.pool(OF(ONES, vi=ONES), weights=x),
        lambda x: OF(ONES, vi=ONES, labels=x),
        lambda x: lam.pool_many(x, ONES),
    ):
        with pytest.raises(LamEvidenceError):
            call(pl.Series([1.0, None, 3.0]))
    assert np.isnan(OF(ONES, vi=ONES, n=pl.Series([10, None, 12])).n[1])
    with pytest.raises(InputError, match="row 1 column 'ai'"):
        from_frame(POLARS.with_columns(ai=pl.Series([1, None, 3, 4])))
    with pytest.raises(InputError, match=r"yi\[1\] is text|not a number"):
        OF(pl.Series(["1", "two"]), vi=[1, 1])
    with pytest.raises(LamEvidenceError):
        OF(pl.Series([True, False]), vi=[1, 1])


def test_polars_frames_give_moderators_and_new_studies():
    table = OF([1.0, 2, 4, 7], vi=[1.0] * 4, moderators={"x": pl.Series([0.0, 1, 2, 4])})
    fit, post = (f(table, moderators="~ x", **more) for f, more in ((lam.pool, {}), (lam.pool_bayes, {"tau": TAU})))
    new = pd.DataFrame({"x": [1.0, 3.0]})
    for result in (fit, post):
        pd.testing.assert_frame_equal(result.predict(pl.from_pandas(new)), result.predict(new))
    design = pl.DataFrame({"one": [1.0] * 4, "x": [0.0, 1, 2, 4]})
    assert lam.pool(table, moderators=design).estimate == pytest.approx(fit.estimate)
    assert lam.pool_bayes(table, moderators=design, tau=TAU).estimate == pytest.approx(post.estimate)


def test_a_frame_of_many_rows_costs_in_proportion():
    def table(k):
        frame = pd.DataFrame({"ai": np.arange(k) % 7 + 1, "n1i": 20, "ci": 3, "n2i": 20})
        return lambda: lam.EvidenceTable.from_frame(frame, "OR", ai="ai", n1i="n1i", ci="ci", n2i="n2i")

    table(10)()
    assert calls(table(40_000)) < 6 * calls(table(10_000))
    assert peak(table(40_000)) < 6 * peak(table(10_000))
