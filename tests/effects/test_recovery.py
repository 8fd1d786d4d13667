"""Recovery rules against numbers that papers print."""

from __future__ import annotations

import math

import pytest

from lamevidence.effects import recovery as rec
from lamevidence.foundation.errors import EvidenceWarning, InputError, NotDerivable, OptionError, UnknownName


@pytest.mark.parametrize(("sd", "n", "se"), [(75, 47, 10.940), (142, 43, 21.655), (154, 11, 46.433)])
def test_se_from_sd_and_back(sd, n, se):
    assert float(rec.se_from_sd(sd, n)) == pytest.approx(se, abs=5e-4)
    assert float(rec.sd_from_se(rec.se_from_sd(sd, n), n)) == pytest.approx(sd, rel=1e-14)


@pytest.mark.parametrize(
    ("low", "high", "df", "se", "tolerance"),
    [(15.87, 132.85, None, 29.84, 5e-3), (-10.61, 17.31, None, 7.122, 1e-3), (-213, 148, 21, 86.8, 5e-2)],
)
def test_se_from_interval(low, high, df, se, tolerance):
    assert float(rec.se_from_ci(low, high, df=df)) == pytest.approx(se, abs=tolerance)


def test_log_interval():
    """OR 0.86 (0.65–1.14): variance 0.0205."""
    assert float(rec.se_from_ci(0.65, 1.14, log=True)) ** 2 == pytest.approx(0.0205, abs=5e-5)


@pytest.mark.parametrize(("change", "p", "se"), [(220, 0.0251, 82), (360, 0.0310, 141)])
def test_se_from_paired_p(change, p, se):
    """Neurohr 2011: the printed ± is reproduced as an SE with 9 degrees of freedom."""
    assert float(rec.se_from_p(change, p, df=9)) == pytest.approx(se, rel=2e-3)


def test_statistic_and_p_agree():
    se = float(rec.se_from_statistic(3.0, -1.5))
    assert se == 2
    assert float(rec.se_from_p(3.0, math.erfc(1.5 / math.sqrt(2)))) == pytest.approx(se, rel=1e-12)


def test_correlation_of_the_peking_cohort():
    """−31.12±30.78 → 16.11±36.00 mL/month, n 18, p 0.002: r −0.35, from −0.43 to −0.26 by rounding of p."""
    change = 16.11 + 31.12
    rule = lambda p: float(rec.r_from_paired_p(change, p, 18, 30.78, 36.00))  # noqa: E731
    assert rule(0.002) == pytest.approx(-0.35, abs=0.005)
    low, high = rec.bounds(rule, (0.002, 0.0005))
    assert low == pytest.approx(-0.53, abs=0.12)
    assert high == pytest.approx(-0.26, abs=0.06)


def test_correlation_round_trip():
    sd = float(rec.sd_of_change(5.0, 4.0, 0.6))
    assert sd == pytest.approx(math.sqrt(25 + 16 - 24), rel=1e-14)
    assert float(rec.r_from_change_sd(sd, 5.0, 4.0)) == pytest.approx(0.6, rel=1e-12)
    low, high = rec.change_variance_range(5.0, 4.0, 10, (-0.5, 0.9))
    assert low == pytest.approx((41 - 36) / 10)
    assert high == pytest.approx((41 + 20) / 10)
    with pytest.raises(NotDerivable):
        rec.change_variance_range(5.0, 4.0, 10, (0.9, -0.5))


def test_counts():
    assert rec.counts_from_percentage(43, 46) == (20,)
    assert rec.count_from_percentage(86.7, 15, 0.05) == 13
    with pytest.raises(NotDerivable, match="3, 4, 5, 6, 7"):
        rec.count_from_percentage(1, 500)
    with pytest.raises(NotDerivable, match="no whole number"):
        rec.count_from_percentage(50, 3)
    assert rec.counts_from_percentage(0, 10) == (0,)
    assert rec.counts_from_percentage(100, 10) == (10,)


@pytest.mark.parametrize("table", [(13, 5, 2, 21), (5, 38, 21, 25), (7, 7, 7, 7)])
def test_table_from_odds_ratio(table):
    a, b, c, d = table
    found = rec.table_from_odds_ratio(a * d / (b * c), a + b, c + d, a + c)
    assert found == pytest.approx(table, rel=1e-12)


@pytest.mark.parametrize(
    ("five", "normal", "log_normal"),
    [
        ({"minimum": 2, "maximum": 14}, (6.5944678, 3.211576), (6.5315, 3.4426)),
        ({"q1": 4, "q3": 10}, (6.7195, 4.787076), (7.8179, 5.5429)),
        ({"minimum": 2, "q1": 4, "q3": 10, "maximum": 14}, (6.9388412, 3.679435), (7.0596, 4.2404)),
    ],
)
def test_five_numbers(five, normal, log_normal):
    """Median 6, n 20 (R)."""
    numbers = rec.FiveNumbers(median=6, n=20, **five)
    found = rec.mean_sd_from_quantiles(numbers)
    assert (found.mean, found.sd) == pytest.approx(normal, rel=1e-6)
    found = rec.mean_sd_from_quantiles(numbers, distribution="log-normal")
    assert (found.mean, found.sd) == pytest.approx(log_normal, abs=5e-5)


def test_skewed_numbers_warn():
    with pytest.warns(EvidenceWarning, match="too far from the middle"):
        found = rec.mean_sd_from_quantiles(rec.FiveNumbers(median=2, n=200, q1=1.9, q3=9))
    assert found.skewed


def test_five_number_refusals():
    five = rec.FiveNumbers(median=6, n=20, q1=4, q3=10)
    with pytest.raises(UnknownName, match="luo/wan/shi"):
        rec.mean_sd_from_quantiles(five, "luo")
    with pytest.raises(OptionError, match="needs all five"):
        rec.mean_sd_from_quantiles(five, "bland2015")
    with pytest.raises(OptionError, match="log-normal"):
        rec.mean_sd_from_quantiles(five, "wan2014", distribution="log-normal")
    with pytest.raises(InputError, match="ascend"):
        rec.FiveNumbers(median=6, n=20, q1=7, q3=10)
    with pytest.raises(InputError, match="leads nowhere"):
        rec.FiveNumbers(median=6, n=20, q1=4)
    with pytest.raises(OptionError, match="level=95"):
        rec.se_from_ci(1, 2, 95)
    with pytest.raises(InputError, match="positive"):
        rec.mean_sd_from_quantiles(rec.FiveNumbers(median=6, n=20, q1=-4, q3=16), distribution="log-normal")


@pytest.mark.parametrize(
    "call",
    [
        lambda: rec.se_from_sd(-1, 5),
        lambda: rec.se_from_sd(1, 0),
        lambda: rec.se_from_sd(math.nan, 5),
        lambda: rec.se_from_ci(2, 1),
        lambda: rec.se_from_ci(-1, 2, log=True),
        lambda: rec.se_from_p(1, 0),
        lambda: rec.se_from_p(1, 1),
        lambda: rec.se_from_p(1, math.nan),
        lambda: rec.se_from_statistic(1, 0),
        lambda: rec.sd_of_change(1, 1, 1.5),
        lambda: rec.slope_from_change(1, 1, 0),
        lambda: rec.counts_from_percentage(101, 10),
        lambda: rec.counts_from_percentage(10, 10.5),
        lambda: rec.table_from_odds_ratio(0, 5, 5, 3),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError):
        call()


def test_catalogue_names_formula_and_reference():
    assert len(rec.RECOVERY) >= 12
    for entry in rec.RECOVERY.entries():
        assert entry.item.formula
        assert entry.reference
        assert entry.item.needs
