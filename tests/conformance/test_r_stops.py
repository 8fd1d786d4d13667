"""Where R's iterations stop: numbers of R 4 with metafor 3.8-1, printed to 15 digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lamevidence as lam
from tests.conformance.areas import meta_metagen, meta_metainc
from tests.conformance.compare import plain
from tests.conformance.meta_rules import Check, OneStage, deviations
from tests.conformance.meta_summary import counted, one_stage, summary
from tests.conformance.r_stops import Bounds, r_uniroot, reml_tau2, scoring_step
from tests.conformance.runner import load
from tests.conformance.test_reference import REFERENCE
from tests.conformance.wald_q import wald_q

Y, V = np.array([0.1, 0.5, 0.3, 0.9, 1.4]), np.array([0.02, 0.03, 0.02, 0.04, 0.05])
HINT = {"rel": 1e-6, "abs": 1e-8}


@pytest.mark.parametrize(
    ("f", "high", "tolerance", "r"),
    [
        (lambda x: x**3 - x - 1, 2, None, 1.32471782512877),
        (lambda x: math.exp(-x) - 0.3, 100, None, 1.20396532133747),
        (lambda x: math.atan(x - 3), 100, 1e-3, 3.00001768897352),
    ],
)
def test_uniroot_stops_where_r_does(f, high, tolerance, r):
    assert r_uniroot(f, 0.0, high, *([tolerance] if tolerance else [])) == pytest.approx(r, rel=1e-14)


def test_scoring_stops_where_metafor_does():
    assert reml_tau2(Y, V) == pytest.approx(0.225078433636447, rel=1e-13)
    end = reml_tau2(Y, V, to_the_end=True)
    assert abs(scoring_step(Y, V, np.ones((5, 1)), end)) < 1e-14
    assert lam.pool(lam.EvidenceTable.from_estimates(Y, vi=V), tau2="REML").tau2 == pytest.approx(end, rel=1e-9)


def test_bounds_stop_where_metafor_does():
    bounds = Bounds(Y, V, 0.95)
    assert bounds.of_r(False, 100.0) == pytest.approx(0.0593615439741997, rel=1e-12)
    assert bounds.of_r(True, 100.0) == pytest.approx(2.1753736568683646, rel=1e-12)
    assert bounds.of_r(True, 1.0) == 1.0
    ours = lam.pool(lam.EvidenceTable.from_estimates(Y, vi=V), tau2="REML").tau2_interval()
    for bound, upper in zip(ours, (False, True), strict=True):
        assert bounds.solves(bound, upper)
        assert not bounds.solves(1.01 * bound, upper)
        assert not bounds.solves(0.0, upper)


def test_a_wrong_number_of_ours_does_not_pass_for_being_near_r():
    case = {"call": 'metagen(yi, sqrt(vi), data=dat, method.tau="REML")'}
    got = plain(summary(Y, V, case, {}))
    stop = reml_tau2(Y, V)
    w = 1 / (V + stop)
    expected = {"tau2": stop, "random": {"TE": float((w * Y).sum() / w.sum())}, "w.random": list(w)}
    assert all(row[4] for row in deviations(got, expected, HINT))
    assert isinstance(got["_check"], Check)
    for factor in (1.01, 1.0001):
        assert not all(row[4] for row in deviations(got | {"tau2": factor * got["tau2"]}, expected, HINT))
    elsewhere = expected | {"tau2": 1.01 * stop}
    assert not all(row[4] for row in deviations(got, elsewhere, HINT))


def test_wald_q_of_random_baselines():
    counts = meta_metainc.prepare(load(REFERENCE / "meta_metainc" / "nielweise2008.json.gz"))
    table = counted(counts, "IRR")
    fit = lam.counts.glmm(table, model="UM.RS", nagq=1, interval="z", prediction="t")
    assert wald_q(counts) == pytest.approx(fit.q, rel=1e-5)
    assert OneStage(fit).curved == pytest.approx(fit.se, rel=1e-3)
    assert one_stage(fit, fit)["Q"] == fit.q


def test_subgroups_of_one_study_with_a_shared_tau2():
    inputs = {"yi": Y, "vi": V, "group": ["a", "a", "a", "a", "b"]}
    args = {"subgroup": "group", "tau.common": True, "method.tau": "REML"}
    found = meta_metagen.subgroups(inputs, args)
    assert found["se.random.w"][1] == pytest.approx((V[4] + found["tau2.w"][1]) ** 0.5)
    again = meta_metagen.subgroups(inputs, args | {"tau.common": False})
    assert again["se.random.w"][1] == pytest.approx(V[4] ** 0.5)
    assert again["tau2.w"][1] is None
