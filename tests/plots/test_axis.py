import pytest

from lamevidence.plots.drawing.axis import Scale, limits, tick_label, ticks
from lamevidence.plots.forest.presets import PRESETS


@pytest.mark.parametrize("power", range(-6, 7))
def test_linear_ticks_are_few_round_and_inside(power):
    for low, high in ((-1.6, 1.6), (0.0, 1.0), (-0.3, 7.9), (2.1, 2.9)):
        a, b = low * 10.0**power, high * 10.0**power
        values = ticks(a, b)
        assert 4 <= len(values) <= 7
        assert all(a - 1e-9 * abs(b) <= v <= b * (1 + 1e-9) for v in values)
        assert len({tick_label(v, values) for v in values}) == len(values)


def test_log_ticks_are_one_two_five_or_decades():
    assert ticks(0.1, 25, log=True) == (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
    assert ticks(0.5, 3, log=True) == (0.5, 1, 2)
    assert ticks(1e-6, 1e6, log=True) == (1e-6, 1e-4, 1e-2, 1, 1e2, 1e4, 1e6)


def test_one_wide_interval_does_not_stretch_the_axis():
    rows = [(0.0, -1.0, 1.0), (0.5, -0.5, 1.5), (0.2, -0.8, 1.2), (3.0, -50.0, 56.0)]
    low, high = limits(rows, [(-0.5, 0.8)], log=False, null=0.0)
    assert low == -1.0
    assert 3.0 < high < 4.0


def test_the_null_is_inside():
    low, high = limits([(10.0, 9.0, 11.0)], [], log=False, null=0.0)
    assert low <= 0 <= high


def test_scale_goes_both_ways():
    scale = Scale(0.1, 10, 100, 300, 6, log=True)
    assert scale.x(1.0) == pytest.approx(200)
    assert scale.value(scale.x(3.3)) == pytest.approx(3.3)
    assert set(PRESETS) == {"revman", "jama", "bmj", "metafor"}
