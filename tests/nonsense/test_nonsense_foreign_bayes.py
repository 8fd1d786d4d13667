"""Masked, nullable, misaligned, huge and non-regular columns for everything of the Bayesian half that takes numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, LamEvidenceError

TAU, MU = lam.priors.HalfNormal(4), lam.priors.Normal(0, 20)
OF = lam.EvidenceTable.from_estimates
V = np.array([4.0, 9.0, 12.0, 1.0])
Y = np.array([1.0, 4.0, -2.5, 0.5])
X = np.array([0.0, 1.0, 3.0, 2.0])
TABLE = OF(Y, vi=V, moderators={"x": X})
POST = lam.pool_bayes(TABLE, mu=MU, tau=TAU)
REGRESSED = lam.pool_bayes(TABLE, mu=[MU, MU], tau=TAU, moderators=["x"])
BY_FORMULA = lam.pool_bayes(TABLE, mu=[MU, MU], tau=TAU, moderators="~ x")


def numbers(fit) -> np.ndarray:
    return np.array([*np.ravel(fit.estimate), *np.ravel(fit.se), *np.ravel(fit.intervals())])


CALLS: dict[str, tuple[Callable, np.ndarray]] = {
    "yi": (lambda x: numbers(lam.pool_bayes(OF(x, vi=V), mu=MU, tau=TAU)), Y),
    "vi": (lambda x: numbers(lam.pool_bayes(OF(Y, vi=x), mu=MU, tau=TAU)), V),
    "n": (lambda x: numbers(lam.pool_bayes(OF(Y, vi=V, n=x), mu=MU, tau=TAU)), V + 4),
    "moderator": (
        lambda x: numbers(lam.pool_bayes(OF(Y, vi=V, moderators={"x": x}), mu=[MU, MU], tau=TAU, moderators=["x"])),
        X,
    ),
    "many": (
        lambda x: lam.pool_bayes_many(yi=[x, x], vi=[V.tolist(), V.tolist()], mu=MU, tau=TAU).mu_mean,
        Y,
    ),
    "mu.cdf": (lambda x: POST.mu.cdf(x), X),
    "mu.pdf": (lambda x: POST.mu.pdf(x), X),
    "mu.quantile": (lambda x: POST.mu.quantile(x), np.array([0.125, 0.25, 0.5, 0.75])),
    "prior.quantile": (lambda x: TAU.quantile(x), np.array([0.125, 0.25, 0.5, 0.75])),
    "prior.cdf": (lambda x: MU.cdf(x), X),
    "predict": (lambda x: REGRESSED.predict(new={"x": x}).to_numpy(), X),
    "predict by formula": (lambda x: BY_FORMULA.predict(new={"x": x}).to_numpy(), X),
    "predict of a frame": (lambda x: REGRESSED.predict(new=pd.DataFrame({"x": x})).to_numpy(), X),
    "at": (lambda x: REGRESSED.at(x).median, np.array([1.0, 2.0])),
    "prior of vi": (lambda x: numbers(lam.pool_bayes(TABLE, mu=MU, tau=lam.priors.DuMouchel(vi=x))), V),
}

SAME = {
    "list": lambda v: v.tolist(),
    "tuple": lambda v: tuple(v.tolist()),
    "every second entry": lambda v: np.repeat(v, 2)[::2],
    "other byte order": lambda v: v.astype(v.dtype.newbyteorder(">")),
    "objects": lambda v: v.astype(object),
    "read-only": lambda v: np.frombuffer(v.tobytes(), v.dtype),
    "half precision": lambda v: v.astype(np.float16),  # all the numbers above have an exact one
    "long double": lambda v: v.astype(np.longdouble),
    "nullable": lambda v: pd.array(v, dtype="Float64"),
    "arrow in pandas": lambda v: pd.array(v.tolist(), dtype=pd.ArrowDtype(pa.float64())),
    "series": lambda v: pd.Series(v),
    "a mask that hides nothing": lambda v: np.ma.array(v, mask=False),
    "polars": lambda v: pl.Series(v),
    "arrow": lambda v: pa.array(v),
    "arrow in chunks": lambda v: pa.chunked_array([v[:1], v[1:]]),
}
MISSING = {
    "masked": lambda v: np.ma.array(v, mask=np.arange(v.size) == 1),
    "nan": lambda v: [v[0], np.nan, *v[2:]],
    "NA": lambda v: pd.array([v[0], None, *v[2:]], dtype="Float64"),
    "None": lambda v: [v[0], None, *v[2:]],
    "null of polars": lambda v: pl.Series([v[0], None, *v[2:].tolist()]),
    "null of arrow": lambda v: pa.array([v[0], None, *v[2:].tolist()]),
}
NO_NUMBERS = {
    "ragged": lambda v: [1.0, [2.0, 3.0], *v[2:]],
    "complex": lambda v: v + 0j,
    "dates": lambda v: pd.date_range("2020", periods=v.size),
    "durations": lambda v: np.ones(v.size, dtype="m8[s]"),
    "bytes": lambda v: np.array([b"1"] * v.size),
    "records": lambda v: np.array([(1.0,)] * v.size, dtype=[("a", "f8")]),
    "categories": lambda v: pd.Categorical(["a"] * v.size),
    "beyond floats": lambda v: [10**400] * v.size,
    "words": lambda v: ["low"] * v.size,
}
SIZES = (1e308, -1e308, 5e-324, 1e-160, 1e160)


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("name", CALLS)
def test_one_column_in_any_container_is_one_answer(name, kind):
    call, values = CALLS[name]
    np.testing.assert_array_equal(call(SAME[kind](values)), call(values))


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("name", CALLS)
def test_a_missing_entry_is_refused_or_stays_missing(name, kind):
    call, values = CALLS[name]
    if name == "n":  # the one column in which it has a meaning: that row's standard error is taken as known
        np.testing.assert_array_equal(call(MISSING[kind](values)), call(np.where(np.arange(4) == 1, np.nan, values)))
        return
    with pytest.raises(LamEvidenceError, match="·"):
        call(MISSING[kind](values))


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_number_is_refused_in_words(name, kind):
    call, values = CALLS[name]
    if (name, kind) in {("predict of a frame", "ragged")}:
        pytest.skip("a frame of objects: pandas's own, tested as objects")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LamEvidenceError, match="·"):
            call(NO_NUMBERS[kind](values))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CALLS)
def test_huge_and_tiny_numbers_answer_or_say_why_not(name, size):
    call, values = CALLS[name]
    try:
        answer = np.asarray(call(np.full(values.size, size)), dtype=float)
    except LamEvidenceError as error:
        said, answer = str(error), np.zeros(0)
    else:
        said = "numbers · "
    assert np.isfinite(answer).all()
    assert "·" in said


def test_columns_with_other_row_labels_are_refused():
    a, b = pd.Series(Y), pd.Series(V[::-1], index=range(4)[::-1])
    for call in (
        lambda: OF(a, vi=b),
        lambda: lam.pool_bayes_many(yi=pd.DataFrame([Y, Y]), vi=pd.DataFrame([V, V], index=[1, 0]), mu=MU, tau=TAU),
        lambda: REGRESSED.predict(new={"x": a, "y": b}),
        lambda: lam.pool_bayes(
            OF(Y, vi=V, labels=list("abcd")),
            tau=TAU,
            moderators=pd.DataFrame({"one": 1.0, "x": X}, index=list("badc")),
        ),
    ):
        with pytest.raises(InputError, match="index"):
            call()
