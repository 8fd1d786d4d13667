"""Data no method should be given, given to every method: an error in words, or a finite answer."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import EvidenceWarning, LamEvidenceError
from lamevidence.pooling.inverse_variance.intervals import INTERVALS
from lamevidence.pooling.tau2.estimators import TAU2
from tests.nonsense.sweep import Base, Kind, sweep

NAN, INF = float("nan"), float("inf")
SIX = [0.1, 0.3, 0.2, 0.5, 0.4, 0.2]
DATA = {
    "one variance of 0": (SIX, [0, 0.1, 0.1, 0.2, 0.1, 0.3]),
    "two variances of 0": (SIX, [0, 0, 0.1, 0.2, 0.1, 0.3]),
    "all variances 0": (SIX, [0] * 6),
    "negative variance": (SIX, [-0.1, 0.1, 0.1, 0.2, 0.1, 0.3]),
    "infinite variance": (SIX, [INF, 0.1, 0.1, 0.2, 0.1, 0.3]),
    "all variances infinite": (SIX, [INF] * 6),
    "one finite variance": (SIX, [0.1, *[INF] * 5]),
    "unknown variance": (SIX, [NAN, 0.1, 0.1, 0.2, 0.1, 0.3]),
    "unknown estimate": ([NAN, *SIX[1:]], [0.1] * 6),
    "infinite estimate": ([INF, *SIX[1:]], [0.1] * 6),
    "no study": ([], []),
    "one study": ([0.2], [0.1]),
    "two studies": ([0.2, 0.5], [0.1, 0.2]),
    "three studies": ([0.2, 0.5, 0.1], [0.1, 0.2, 0.1]),
    "the same estimate": ([0.3] * 6, [0.1] * 6),
    "nothing but 0": ([0.0] * 6, [0.1, 0.2, 0.3, 0.1, 0.2, 0.1]),
    "very large": ([1e150 * y for y in SIX], [1e299, 1e300, 2e300, 1e300, 3e300, 1e300]),
    "near the end of the numbers": ([1e300, 3e300, -2e300, 5e300], [1e308] * 4),
    "very small": ([1e-120 * y for y in SIX], [1e-242] * 6),
    "below the normal numbers": ([1e-160 * y for y in SIX], [1e-320] * 6),
    "far apart": ([-1e10, 1e10, 0, 5], [1e-10] * 4),
    "precisions of all orders": ([0.1, 0.2, 0.3, 0.4], [1e-300, 1e300, 0.1, 1]),
}


def given(yi, vi):
    """The table by the front door, else by the constructor, which leaves the numbers to the methods."""
    try:
        return lam.EvidenceTable.from_estimates(yi, vi=vi)
    except LamEvidenceError:
        names = tuple(f"s{i}" for i in range(len(yi)))
        return lam.EvidenceTable(yi=np.array(yi, float), vi=np.array(vi, float), labels=names, studies=names)


def pooling(**options):
    return functools.partial(lam.pool, **options)


def halves(t):
    return ["ab"[i % 2] for i in range(t.k)]


FITS = {
    **{f"model {m}": pooling(model=m) for m in ("random", "common", "fixed", "ivhet", "henmi-copas")},
    **{f"tau2 {m}": pooling(tau2=m) for m in TAU2 if m not in ("GENQ", "GENQM")},
    **{f"interval {m}": pooling(interval=m) for m in INTERVALS},
    "regression": lambda t: lam.pool(t, moderators=np.column_stack([np.ones(t.k), np.arange(t.k)])),
    "multilevel": lambda t: lam.multilevel(t, random="1 | row"),
    "robust variance": lam.robust_variance,
    "heavy tails": lam.robust_random_effects,
    "location-scale": lambda t: lam.location_scale(t, scale=np.ones((t.k, 1))),
    "bootstrap": lambda t: lam.checks.bootstrap_prediction(t, draws=1000, seed=1),
    "subgroups": lambda t: lam.subgroups(t, halves(t)),
    "subgroups, one tau2": lambda t: lam.subgroups(t, halves(t), common_tau2=True),
    "many": lambda t: lam.pool_many(t.yi, t.vi),
}
CHECKS = {
    **{
        name: getattr(lam.checks, name)
        for name in (
            "leave_one_out",
            "cumulative",
            "influence",
            "residuals",
            "egger_test",
            "trim_and_fill",
            "fail_safe_n",
            "test_excess_significance",
            "radial",
            "baujat",
            "normal_quantiles",
            "pet_peese",
            "shrinkage",
        )
    },
    "gosh": lambda f: lam.checks.gosh(f, subsets=5, seed=1),
    "permutation": lambda f: lam.permutation_test(f, draws=50, seed=1, exact=False),
    "profile": lambda f: lam.checks.likelihood_profile(f, [0.0, 0.1]),
}
READ = (
    "interval",
    "prediction",
    "tau2_interval",
    "i2_interval",
    "summary",
    "tidy",
    "glance",
    "describe",
    "to_json",
    "to_frame",
    "augment",
    "alternatives",
)
ASKED = ("se_tau2", "i2", "h2", "q", "q_p", "p_value", "weights")


def answer(what, found, call, *arguments):
    """Return what a call gives; anything but a result or a refusal in words goes into ``found``."""
    try:
        return call(*arguments)
    except LamEvidenceError as error:
        if len(str(error)) < 15:
            found.append(f"{what}: says only {str(error)!r}")
    except Exception as error:
        found.append(f"{what}: {type(error).__name__}: {str(error)[:100]}")
    return None


def read(fit):
    for name in READ:
        if callable(getattr(fit, name, None)):
            getattr(fit, name)()
    for name in ASKED:
        getattr(fit, name, None)


@pytest.mark.parametrize("data", DATA)
def test_impossible_data(data):
    found: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", EvidenceWarning)
        t = answer("table", found, given, *DATA[data])
        for name, call in FITS.items() if t is not None else ():
            fit = answer(name, found, call, t)
            if fit is None:
                continue
            if name != "many" and not np.isfinite(np.asarray(getattr(fit, "mu", 0.0))).all():
                found.append(f"{name}: mean {fit.mu}")
            answer(f"{name}, read", found, read, fit)
            for check in CHECKS if name in ("model random", "model common", "regression") else ():
                answer(f"{check} of {name}", found, CHECKS[check], fit)
    assert not found, "\n".join(found)


REFUSED = {
    "lengths differ": lambda: lam.EvidenceTable.from_estimates([0.1, 0.2, 0.3], vi=[0.1, 0.1]),
    "a study twice": lambda: lam.pool(lam.EvidenceTable.from_estimates(SIX, vi=[0.1] * 6, studies=list("aabbcc"))),
    "a label twice": lambda: lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[0.1, 0.1], labels=["a", "a"]),
    "text for numbers": lambda: lam.EvidenceTable.from_estimates(["high", "low"], vi=[0.1, 0.1]),
    "a text column": lambda: lam.EvidenceTable.from_frame(
        pd.DataFrame({"x": ["three", "4"], "n": [10, 10]}), "PLO", xi="x", ni="n"
    ),
    "more events than patients": lambda: lam.EvidenceTable.from_frame(
        pd.DataFrame({"x": [11, 4], "n": [10, 10]}), "PLO", xi="x", ni="n"
    ),
    "a column twice": lambda: lam.pool(six(), moderators=np.column_stack([np.ones(6), np.arange(6), np.arange(6)])),
    "a column of 0": lambda: lam.pool(six(), moderators=np.column_stack([np.ones(6), np.zeros(6)])),
    "more columns than studies": lambda: lam.pool(six(), moderators=np.vander(np.arange(6.0), 7)),
    "a hole in a moderator": lambda: lam.pool(six(), moderators=[NAN, 1, 2, 3, 4, 5]),
    "V not symmetric": lambda: lam.multilevel(six(), random="1 | row", V=np.eye(6) + np.eye(6, k=1) / 9),
    "V singular": lambda: lam.multilevel(six(), random="1 | row", V=np.ones((6, 6))),
    "one cluster": lambda: lam.robust_variance(six(), cluster=["a"] * 6),
    "one group": lambda: lam.subgroups(six(), ["a"] * 6),
    "a cluster without a name": lambda: lam.robust_variance(six(), cluster=["a", "a", None, "b", "b", "b"]),
    "a subgroup with moderators": lambda: lam.subgroups(six(), list("ababab"), moderators="~ x"),
    "a mask of another length": lambda: six().subset([True, False]),
    "V of nothing": lambda: lam.effects.aggregate([0.1, 0.2], np.full((2, 2), NAN), ["a", "b"]),
    "no such registry": lambda: lam.load_registry("there/is/nothing/here"),
    "no such file": lambda: lam.pool_dataset("there/is/nothing/here", "out"),
}


def six():
    return lam.EvidenceTable.from_estimates(SIX, vi=[0.1, 0.2, 0.1, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_words(case):
    with pytest.raises(LamEvidenceError) as refusal:
        REFUSED[case]()
    assert len(str(refusal.value)) > 15


def test_a_mask_keeps_its_rows():
    assert six().subset([True, False, False, True, False, False]).labels == ("1", "4")


def test_files_and_arrow_tables(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    rows = pa.table({"yi": [[0.1, 0.4], [0.2, 0.3]], "vi": [[0.1, 0.2], [0.1, 0.1]]})
    pq.write_table(rows, tmp_path / "in.parquet")
    amount, methods = ("zero", "half", "two"), tuple(TAU2)
    kinds = {"tau2": Kind(accepts=amount, choices=methods), "interval": Kind(choices=("z", "t", "HKSJ"))}
    arrow = Base(lam.pool_arrow, lambda: {"table": rows}, {**kinds, "first_row": ("zero", "two")})
    paths = {"parquet_in": tmp_path / "in.parquet", "parquet_out": tmp_path / "out", "workers": 1}
    other = Kind(skip="read as by pool_many; each is another result or another plan")
    dataset = Base(
        lam.pool_dataset,
        lambda: paths,
        {
            **dict.fromkeys(("tau2", "interval", "level", "part_rows"), other),
            "parquet_in": (),
            "parquet_out": Kind(skip="any path is a place to write"),
            "engine": Kind(choices=("local",)),
            "workers": ("none", "two"),
            "resume": ("true",),
            "client": (),
        },
    )
    findings = [*sweep("pool_arrow", arrow), *sweep("pool_dataset", dataset)]
    assert not findings, "\n".join(findings)
