"""Test-based intervals for H² and I² of counts, and DerSimonian-Laird's τ² about a Mantel-Haenszel mean.

Numbers of R's meta 8.3-0, ``metabin(…, sm="OR", method="MH", method.tau="DL")`` on dat.bcg.
"""

from __future__ import annotations

import pytest

import lamevidence as lam
from tests.conformance.areas.meta_metabin import prepare
from tests.conformance.meta_summary import counted
from tests.conformance.runner import load
from tests.conformance.test_reference import REFERENCE


@pytest.fixture(scope="module")
def bcg():
    cells = prepare(load(REFERENCE / "meta_metabin" / "bcg.json.gz"))
    own = lam.escalc("OR", **cells)
    return counted({name: cells[name] for name in ("ai", "n1i", "ci", "n2i")}, "OR", own.yi, own.vi)


def test_mantel_haenszel(bcg):
    fit = lam.counts.mantel_haenszel(bcg)
    assert fit.q == pytest.approx(163.9425795692, rel=1e-9)
    low, high = fit.h2_interval()
    assert (low**0.5, high**0.5) == pytest.approx((3.049029069344, 4.480731839564), rel=1e-9)
    assert fit.i2_interval() == pytest.approx((89.24335415226, 95.01916570697), rel=1e-9)
    assert fit.tau2_dersimonian_laird == pytest.approx(0.3682280518563, rel=1e-9)
    again = lam.pool(bcg, model="random", tau2=fit.tau2_dersimonian_laird, interval="z", prediction="none")
    assert again.mu == pytest.approx(-0.7475280792669, rel=1e-9)
    wide, narrow = fit.i2_interval(0.99), fit.i2_interval(0.8)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_two_studies_have_one_where_q_is_above_two(bcg):
    differ = lam.counts.mantel_haenszel(bcg.subset([3, 7]))
    agree = lam.counts.mantel_haenszel(bcg.subset([0, 1]))
    assert differ.q > 2
    assert 1 < differ.h2_interval().low < differ.h2 < differ.h2_interval().high
    with pytest.raises(lam.errors.TooFewStudies, match=r"heterogeneity\(\)"):
        agree.h2_interval()
    assert agree.heterogeneity().q == agree.q


def test_one_study_has_neither(bcg):
    one = lam.counts.mantel_haenszel(bcg.subset([3]))
    with pytest.raises(lam.errors.LamEvidenceError, match=r"heterogeneity\(\)"):
        one.i2_interval()
    assert one.tau2_dersimonian_laird != one.tau2_dersimonian_laird


def test_inverse_variance_of_two_studies():
    """R: meta::metagen on edge_k2het_a prints an interval of H where Q > 2."""
    apart = lam.pool(lam.EvidenceTable.from_estimates([0.0, 1.0], vi=[0.1, 0.1]), model="random")
    assert apart.q == pytest.approx(5.0)
    low, high = apart.h2_interval(method="HT")
    assert 1 <= low < 5 < high
    near = lam.pool(lam.EvidenceTable.from_estimates([0.0, 0.5], vi=[0.1, 0.1]), model="random")
    with pytest.raises(lam.errors.TooFewStudies, match="QP"):
        near.h2_interval(method="HT")
    assert near.h2_interval(method="QP").low >= 1
