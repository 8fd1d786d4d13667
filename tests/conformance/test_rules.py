"""Rules that let a reference case pass: each passes what is right and R's known step, and nothing else."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest

from tests.conformance import equations
from tests.conformance.areas import glmm, pimeta, pvalues, rma_mv, rma_uni
from tests.conformance.compare import plain
from tests.conformance.glmm_direct import Groups, height
from tests.conformance.glmm_point import at_r
from tests.conformance.runner import load
from tests.oracles.test_quadratic_forms_mpmath import imhof

REFERENCE = Path(__file__).parent.parent / "reference"

P = [0.001, 0.02, 0.04, 0.3, 0.55, 0.9]


def passes(adapter, got, expected, hint=None):
    return all(row[4] for row in adapter.deviations(dict(got), expected, hint or {"rel": 1e-10, "abs": 1e-14}))


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_rank_truncated_product(rank):
    case = {"args": {"fn": "truncated", "rtrunc": rank}}
    got = pvalues.compute({"p": P}, case)
    if rank == 1:  # the smallest of six
        assert got["p"] == pytest.approx(1 - (1 - P[0]) ** 6, rel=1e-12)
    rough = {"stat": got["stat"], "p": got["p"] * 1.002}  # of a thousand steps
    assert passes(pvalues, got, rough)
    assert not passes(pvalues, got | {"p": got["p"] * 1.01}, rough)
    assert not passes(pvalues, got, rough | {"p": got["p"] + 0.01})


def test_rank_truncated_product_by_simulation():
    draws = np.sort(np.random.default_rng(1).random((400_000, 6)), axis=1)[:, :2].prod(axis=1)
    share = float((draws <= P[0] * P[1]).mean())
    assert pvalues.rank_truncated(np.array(P), 2) == pytest.approx(share, abs=4 * math.sqrt(share / 400_000))


def reference_case(area, name, case_id):
    data = load(REFERENCE / area / f"{name}.json.gz")
    return data, next(c for c in data["cases"] if c["id"] == case_id)


GLMM = ["OR|UM.FS|z", "OR|UM.FS|coding=1", "OR|UM.RS|z", "OR|UM.RS|cor"]


def glmm_case(case_id):
    data, case = reference_case("glmm", "bcg", case_id)
    inputs = glmm.prepare(data)
    return case, plain(glmm.compute(inputs, case)), glmm.fitted(inputs, case["args"])


@pytest.mark.parametrize("case_id", GLMM)
def test_likelihood_written_out_falls_as_ours(case_id):
    _, got, fit = glmm_case(case_id)
    x1, x2, n1, n2 = (np.asarray(fit.table.counts[name], float) for name in ("ai", "ci", "n1i", "n2i"))
    coding = float(fit.spec.options.get("coding", 0.5))
    groups = Groups(np.column_stack([x1, x2]), np.column_stack([n1, n2]), False, coding)
    away = got | {"beta": [got["beta"][0] + 0.05], "tau2": 1.2 * got["tau2"]}
    mean = np.ones(len(x1))
    mine, there = (
        height(groups, mean * x["beta"][0], x["tau2"], fit.sigma2 if "UM.RS" in case_id else None, fit.rho or 0.0)
        for x in (got, away)
    )
    fall = fit.log_likelihood - at_r(fit, away | {"sigma2": fit.sigma2, "rho": fit.rho}).marginal
    assert mine - there == pytest.approx(fall, abs=2e-5)


@pytest.mark.parametrize("case_id", GLMM)
def test_a_lower_maximum_of_r_passes_by_two_likelihoods(case_id):
    case, got, fit = glmm_case(case_id)
    lower = copy.deepcopy(case["expected"])
    lower |= {"beta": [lower["beta"][0] + 0.3], "tau2": 1.6 * lower["tau2"]}
    there = at_r(fit, lower)
    lower |= {"logLik": there.marginal if "UM.RS" in case_id else there.conditional, "se": list(there.se[:1])}
    lower |= plain(glmm.derived(lower, fit))
    hint = case["tolerance_hint"]
    rows = list(glmm.deviations(dict(got), lower, hint))
    assert [row for row in rows if not row[4]] == []
    assert glmm.LOWER in {row[5] for row in rows if len(row) > 5}
    for key in ("beta", "tau2", "se", "logLik"):
        wrong = [1.01 * x for x in got[key]] if isinstance(got[key], list) else 1.01 * got[key]
        assert not all(row[4] for row in glmm.deviations(got | {key: wrong}, lower, hint)), key
    claimed = lower | {"logLik": lower["logLik"] + 0.01}  # not the likelihood of these parameters
    assert not all(row[4] for row in glmm.deviations(dict(got), claimed, hint))


@pytest.mark.parametrize("method", ["EB", "PM", "REML"])
def test_an_estimate_of_0_where_the_equation_has_a_root(method):
    """pimeta's EB prints 0 on some data: its equation is not solved there."""
    inputs = {"yi": [0.1, 0.9, -0.4, 0.6], "vi": [0.02, 0.03, 0.01, 0.05]}
    case = {"args": {"fn": "tau2h", "method": method}, "call": "", "expected": {"tau2": 0.0}}
    got = plain(pimeta.compute(inputs, case))
    rows = list(pimeta.deviations(got, case["expected"], {}))
    assert [(row[4], row[5]) for row in rows] == [(True, pimeta.UNSOLVED)]
    assert not passes(pimeta, got | {"tau2": 1.01 * got["tau2"]}, {"tau2": 0.0})


@pytest.mark.parametrize("wanted", [2, [2], "2", "2:2", "c(2)", "constrain_zero(2)"])
def test_constraints_of_a_wald_test(wanted):
    assert rma_mv.positions(wanted) == [2]


def test_constraints_of_several_coefficients():
    assert rma_mv.positions("2:3") == rma_mv.positions("constrain_zero(c(2, 3))") == rma_mv.positions([2, 3]) == [2, 3]


def test_a_bound_beyond_r_s_search():
    name = "konstantopoulos2011"
    data, case = reference_case(
        "rma_mv",
        name,
        next(
            c["id"]
            for c in load(REFERENCE / "rma_mv" / f"{name}.json.gz")["cases"]
            if "confint" in c["args"].get("fn", "")
        ),
    )
    got = plain(rma_mv.compute(rma_mv.prepare(data), case))
    ended = case["expected"] | {"ub.sign": ">", "ci.ub": 0.5 * got["ci.ub"]}
    assert passes(rma_mv, got, ended, case["tolerance_hint"])
    assert not passes(rma_mv, got | {"ci.ub": 1.01 * got["ci.ub"]}, ended, case["tolerance_hint"])
    assert not passes(rma_mv, got, ended | {"ci.ub": 2 * got["ci.ub"]}, case["tolerance_hint"])


@pytest.mark.parametrize("q", [0.5, 3.0, 9.0])
@pytest.mark.parametrize("weights", [(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0), (0.1, 0.1, 0.2, 1, 1, 2, 5, 5)])
def test_quadratic_forms_by_ruben_are_those_by_imhof(q, weights):
    assert equations.q_below(weights, q) == pytest.approx(imhof(q, weights), abs=2e-9)


def test_r2_of_two_strays():
    """dat.lau1992 by ML: both values of τ² are 0 but for R's last steps, 9e-15 and 3e-13, and R prints R² = 97."""
    yi, vi = [0.1, 0.12, 0.09, 0.11], [0.04, 0.05, 0.03, 0.06]
    X = [[1, 1], [1, 2], [1, 3], [1, 4]]
    inputs = {"yi": yi, "vi": vi, "designs": {"x": {"X": X, "columns": ["intrcpt", "x"]}}}
    got = plain(rma_uni.compute(inputs, {"args": {"method": "ML", "mods": "x"}, "call": ""}))
    assert got["R2"] == got["tau2"] == 0
    theirs = {"tau2": 8.9e-15, "R2": 97.03}
    assert passes(rma_uni, got, theirs)
    assert not passes(rma_uni, got | {"R2": 1e-4}, theirs)
    assert not passes(rma_uni, got, theirs | {"tau2": 0.001})
