"""The exact interval of Michael et al. 2019: against rma.exact, its coverage, and what it asks of the data."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.errors import NotEstimable, OptionError
from lamevidence.pooling.inverse_variance.exact_interval import ExactRegion, exact_region

RMA_EXACT = [
    # data, weight c, and limits of rma.exact.fast of the authors' R package rma.exact 0.1.0 with 10⁵ replicates and
    # 200 to 400 values of τ²; the first data are those of its help page, set.seed(1)
    (
        [-2.3017382756, 0.7459627094, -3.8746504777, 8.5164689792, 2.0178147681],
        [1.0, 4.0, 9.0, 16.0, 25.0],
        1.0,
        (-5.528612, 5.589033),
    ),
    (
        [-2.3017382756, 0.7459627094, -3.8746504777, 8.5164689792, 2.0178147681],
        [1.0, 4.0, 9.0, 16.0, 25.0],
        1.2,
        (-5.522363, 5.614187),
    ),
    ([0.1, 0.9], [0.04, 0.09], 1.2, (-4.571346, 5.508861)),
    ([-0.5, 0.1, 0.3], [0.02, 0.3, 0.05], 1.2, (-1.643342, 1.489327)),
    (
        [0.1, 0.3, -0.2, 0.5, 0.9, 0.4, 0.0, 0.35],
        [0.05, 0.02, 0.1, 0.08, 0.2, 0.01, 0.06, 0.03],
        0.6,
        (0.1152628, 0.4803307),
    ),
]


@pytest.mark.parametrize(("y", "v", "c", "limits"), RMA_EXACT)
def test_limits_are_those_of_the_authors_program(y, v, c, limits):
    """Both are simulations: within 2 % of the width."""
    found = exact_region(np.array(y), np.array(v), c).interval(0.95)
    assert found == pytest.approx(limits, abs=0.02 * (limits[1] - limits[0]))


@pytest.mark.parametrize(("y", "v", "c", "limits"), RMA_EXACT)
def test_limits_have_the_p_value_of_the_level(y, v, c, limits):
    region = exact_region(np.array(y), np.array(v), c)
    for level in (0.8, 0.95):
        for end in region.interval(level):
            assert region.p_value(end) == pytest.approx(1 - level, abs=0.002)
    assert region.p_value(limits[1] + 1.0) < 0.05 < region.p_value(region.mean)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 8.0])
@pytest.mark.parametrize("v", [(0.04, 0.3), (0.02, 0.1, 0.4), (0.02, 0.05, 0.1, 0.3, 0.5)])
def test_coverage_is_at_least_the_level(v, ratio):
    """1 500 sets of k = 2, 3, 5 studies of unequal sizes, τ² of 0, ½ and 8 times the mean variance."""
    rng = np.random.default_rng(len(v) + int(10 * ratio))
    v = np.array(v)
    tau2 = ratio * v.mean()
    grid = np.concatenate([[0.0], np.geomspace(1e-3 * v.min(), 400.0 * (tau2 + v.max()), 30)]).tolist()
    shared: dict[float, np.ndarray] = {}
    held = 0
    for _ in range(1500):
        y = np.sqrt(v + tau2) * rng.standard_normal(v.size)
        one = exact_region(y, v)
        region = ExactRegion(one.y, one.v, one.c, one.mean, one.total, one.top, shared)
        held += any(got is not None and got[0] <= 0.0 <= got[1] for t in grid if (got := region.accepted(t, 0.95)))
    assert held / 1500 >= 0.94
    if ratio == 8.0 and v.size > 2:
        assert held / 1500 <= 0.995  # exact where studies differ, conservative where they do not


def test_it_is_an_interval_of_pool_and_depends_on_neither_unit_nor_order():
    y, v = np.array([-0.5, 0.1, 0.3]), np.array([0.02, 0.3, 0.05])
    table = lam.EvidenceTable.from_estimates(y, vi=v, measure="OR")
    fit = lam.pool(table, model="random", tau2="DL", interval="exact")
    assert fit.interval() == pytest.approx(exact_region(y, v).interval(0.95), rel=1e-9)
    assert fit.interval(0.8).width < fit.interval().width
    assert fit.p_value == pytest.approx(exact_region(y, v).p_value(0.0), abs=1e-3)
    assert "exact (Michael, Thornton, Xie & Tian)" in fit.methods_text()
    assert "10.1111/biom.12998" in fit.methods_text()
    turned = lam.pool(lam.EvidenceTable.from_estimates(y[::-1], vi=v[::-1]), tau2="DL", interval="exact")
    assert turned.interval() == pytest.approx(fit.interval(), rel=1e-9)
    scaled = lam.EvidenceTable.from_estimates(1e3 * y + 7, vi=1e6 * v)
    low, high = lam.pool(scaled, tau2="DL", interval="exact").interval()
    assert ((low - 7) / 1e3, (high - 7) / 1e3) == pytest.approx(fit.interval(), rel=1e-6)
    assert fit.without("1").interval().width > 0


def test_what_it_cannot_do_is_refused_with_a_remedy():
    one = lam.EvidenceTable.from_estimates([0.1], vi=[0.1])
    with pytest.raises(OptionError, match="interval='z'"):
        lam.pool(one, model="random", tau2=0.1, interval="exact")
    lam.pool(one, interval="z")
    table = lam.EvidenceTable.from_estimates([0.1, 0.5, 0.2], vi=[0.1, 0.2, 0.1])
    with pytest.raises(NotEstimable, match="leave weights out"):
        lam.pool(table, weights=[1, 2, 3], interval="exact")
    lam.pool(table, interval="exact")
