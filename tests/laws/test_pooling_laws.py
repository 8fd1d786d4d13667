"""What must hold for any data: shifts, scales, order, masks, batches, equal variances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamevidence as lam
from lamevidence.foundation.errors import NotEstimable
from lamevidence.pooling import TAU2

SMOOTH = [m for m in TAU2 if m not in ("GENQ", "GENQM")]
INTERVALS = ["z", "t", "HKSJ", "HKSJ-floor", "KR"]
EXACT = 1e-9
"""Relative: what rounding leaves after an iteration that stops at 1e-14."""


@st.composite
def data_sets(draw, low=2, high=13):
    k = draw(st.integers(low, high))
    seed = draw(st.integers(0, 2**31))
    decades = draw(st.sampled_from([0.0, 1.0, 4.0, 6.0]))
    rng = np.random.default_rng(seed)
    v = 10 ** rng.uniform(-decades / 2, decades / 2, k) * 0.1
    y = rng.normal(0, np.sqrt(v + draw(st.sampled_from([0.0, 0.1, 1.0]))))
    return y, v


def pool(y, v, **options):
    return lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), prediction="none", **options)


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.sampled_from(SMOOTH), st.sampled_from(INTERVALS), st.sampled_from([2.0**-20, 1e-6, 37.0, 1e6]))
def test_scale(data, method, interval, factor):
    y, v = data
    try:
        one = pool(y, v, tau2=method, interval=interval)
    except NotEstimable:  # Kenward-Roger far below one degree of freedom, in every unit
        with pytest.raises(NotEstimable, match="Kenward-Roger has"):
            pool(y * factor, v * factor**2, tau2=method, interval=interval)
        return
    other = pool(y * factor, v * factor**2, tau2=method, interval=interval)
    span = abs(one.mu) + one.se
    assert other.mu == pytest.approx(one.mu * factor, abs=EXACT * span * factor)
    assert other.se == pytest.approx(one.se * factor, rel=1e-7)
    assert other.tau2 == pytest.approx(one.tau2 * factor**2, rel=1e-6, abs=1e-9 * v.min() * factor**2)


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.sampled_from(SMOOTH), st.sampled_from([-3.0, 1e8]))
def test_shift(data, method, by):
    y, v = data
    shifted = y + by
    exact = shifted - by  # what survives of y next to the offset
    one, other = pool(exact, v, tau2=method), pool(shifted, v, tau2=method)
    assert other.tau2 == pytest.approx(one.tau2, rel=1e-5, abs=1e-6 * v.min())
    assert other.mu - by == pytest.approx(one.mu, abs=1e-7 * max(1.0, abs(by) * 1e-8))
    assert other.q == pytest.approx(one.q, rel=1e-5, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(data_sets(), st.sampled_from(SMOOTH), st.randoms())
def test_order(data, method, shuffler):
    y, v = data
    order = list(range(len(y)))
    shuffler.shuffle(order)
    one, other = pool(y, v, tau2=method), pool(y[order], v[order], tau2=method)
    assert other.tau2 == pytest.approx(one.tau2, rel=1e-7, abs=1e-9 * v.min())
    assert other.weights == pytest.approx(one.weights[order], rel=1e-6, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(data_sets(low=2))
def test_equal_variances_make_the_estimators_agree(data):
    y, v = data
    v = np.full_like(v, v[0])
    values = [pool(y, v, tau2=m).tau2 for m in ("DL", "HE", "PM", "REML", "EB", "DL2", "CA2")]
    expected = max(0.0, float(np.var(y, ddof=1) - v[0]))
    assert values == pytest.approx([expected] * len(values), rel=1e-9, abs=1e-9 * v[0])


@settings(max_examples=40, deadline=None)
@given(data_sets(), st.sampled_from(SMOOTH), st.integers(0, 3))
def test_masked_is_deleted(data, method, extra):
    y, v = data
    absent_y, absent_v = np.append(y, [7.0] * extra), np.append(v, [np.inf] * extra)
    one = lam.pool_many(y, v, tau2=method)
    other = lam.pool_many(absent_y, absent_v, tau2=method)
    assert float(other.tau2) == pytest.approx(float(one.tau2), rel=1e-9, abs=1e-12 * v.min())
    assert float(other.mu) == pytest.approx(float(one.mu), rel=1e-9, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(data_sets(low=3, high=8), min_size=2, max_size=6), st.sampled_from(SMOOTH), st.sampled_from(["z", "HKSJ"])
)
def test_single_is_batch(sets, method, interval):
    k = max(len(y) for y, _ in sets)
    many_y, many_v = np.zeros((len(sets), k)), np.full((len(sets), k), np.inf)
    for i, (y, v) in enumerate(sets):
        many_y[i, : len(y)], many_v[i, : len(y)] = y, v
    many = lam.pool_many(many_y, many_v, tau2=method, interval=interval)
    ragged = lam.pool_many(
        np.concatenate([y for y, _ in sets]),
        np.concatenate([v for _, v in sets]),
        tau2=method,
        interval=interval,
        offsets=np.cumsum([0, *(len(y) for y, _ in sets)]),
    )
    for i, (y, v) in enumerate(sets):
        one = pool(y, v, tau2=method, interval=interval)
        for found in (many, ragged):
            assert found.tau2[i] == pytest.approx(one.tau2, rel=1e-8, abs=1e-12 * v.min())
            assert found.se[i] == pytest.approx(one.se, rel=1e-8)
            assert found.interval()[i] == pytest.approx(list(one.interval()), rel=1e-7, abs=1e-9 * one.se)


@settings(max_examples=40, deadline=None)
@given(data_sets(low=3), st.sampled_from(["DL", "REML", "PM"]))
def test_regression_on_a_constant_is_the_pooled_mean(data, method):
    y, v = data
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    mean = pool(y, v, tau2=method, interval="HKSJ")
    fit = lam.pool(table, moderators=np.ones(len(y)), tau2=method, interval="HKSJ", prediction="none")
    assert fit.tau2 == pytest.approx(mean.tau2, rel=1e-7, abs=1e-9 * v.min())
    assert fit.beta[0] == pytest.approx(mean.mu, rel=1e-7, abs=1e-9 * mean.se)
    assert fit.se[0] == pytest.approx(mean.se, rel=1e-7)


@settings(max_examples=40, deadline=None)
@given(data_sets(low=4))
def test_swapping_the_sign_mirrors_everything(data):
    y, v = data
    one, other = pool(y, v), pool(-y, v)
    low, high = one.interval()
    assert other.interval() == (pytest.approx(-high, rel=1e-9), pytest.approx(-low, rel=1e-9))


@settings(max_examples=30, deadline=None)
@given(data_sets(), st.sampled_from([0.5, 0.9, 0.99]))
def test_q_profile_ends_are_roots(data, level):
    from scipy.special import chdtri

    y, v = data
    low, high = pool(y, v).tau2_interval(level)
    tail = (1 - level) / 2
    for t, quantile in ((low, chdtri(len(y) - 1, tail)), (high, chdtri(len(y) - 1, 1 - tail))):
        w = 1 / (v + t)
        q = np.sum(w * (y - np.sum(w * y) / w.sum()) ** 2)
        assert q == pytest.approx(quantile, rel=1e-9) if t > 0 else q <= quantile * (1 + 1e-12)


@settings(max_examples=30, deadline=None)
@given(data_sets(low=3))
def test_likelihood_is_at_its_global_maximum(data):
    y, v = data
    for method, restricted in (("REML", True), ("ML", False)):
        fit = pool(y, v, tau2=method)
        grid = np.concatenate([[0.0], np.geomspace(v.min() * 1e-4, 1e4 * (np.ptp(y) ** 2 + v.max()), 4000)])
        w = 1 / (v + grid[:, None])
        r = y - (w @ y / w.sum(axis=1))[:, None]
        heights = 0.5 * (np.log(w).sum(axis=1) - (w * r * r).sum(axis=1) - restricted * np.log(w.sum(axis=1)))
        w1 = 1 / (v + fit.tau2)
        r1 = y - w1 @ y / w1.sum()
        own = 0.5 * (np.log(w1).sum() - (w1 * r1 * r1).sum() - restricted * np.log(w1.sum()))
        assert own >= heights.max() - 1e-9
