"""Quantile estimation and the Box-Cox method: printed examples, and distributions whose quantiles are known."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from lamevidence.effects.recovery import FiveNumbers, mean_sd_from_quantiles
from lamevidence.foundation.errors import InputError, OptionError

N = 100
P = np.array([1 / N, 0.25, 0.5, 0.75, 1 - 1 / N])


def five(quantiles, scenario="S3"):
    low, q1, median, q3, high = map(float, quantiles)
    if scenario == "S1":
        return FiveNumbers(median, N, minimum=low, maximum=high)
    if scenario == "S2":
        return FiveNumbers(median, N, q1=q1, q3=q3)
    return FiveNumbers(median, N, low, q1, q3, high)


def test_example_of_the_authors_package():
    """estmeansd's documentation prints 4.347284 and 1.502171; its optimiser stops at about 1e-5."""
    found = mean_sd_from_quantiles(FiveNumbers(median=4, n=100, minimum=2, maximum=9), "qe")
    assert (found.mean, found.sd) == (pytest.approx(4.347284, abs=3e-5), pytest.approx(1.502171, abs=3e-5))


def test_box_cox_example_within_simulation_error():
    """The same documentation simulates 1100 values: 4.210971 and 1.337348, standard errors 0.040 and about 0.04."""
    found = mean_sd_from_quantiles(FiveNumbers(median=4, n=100, minimum=2, maximum=9), "bc")
    assert (found.mean, found.sd) == (pytest.approx(4.210971, abs=0.08), pytest.approx(1.337348, abs=0.08))


@pytest.mark.parametrize("scenario", ["S1", "S2", "S3"])
@pytest.mark.parametrize(
    "law",
    [
        stats.norm(-3, 40),
        stats.norm(120, 15),
        stats.lognorm(0.8, scale=12),
        stats.gamma(2.3, scale=7),
        stats.weibull_min(1.4, scale=30),
        stats.beta(2, 5),
    ],
)
def test_exact_quantiles_give_back_the_law(law, scenario):
    found = mean_sd_from_quantiles(five(law.ppf(P), scenario), "qe")
    assert (found.mean, found.sd) == (pytest.approx(law.mean(), rel=2e-3), pytest.approx(law.std(), rel=6e-3))


def test_exact_normal_quantiles_to_the_last_digits():
    found = mean_sd_from_quantiles(five(stats.norm(-3, 40).ppf(P)), "qe")
    assert (found.mean, found.sd) == (pytest.approx(-3, rel=1e-11), pytest.approx(40, rel=1e-11))


@pytest.mark.parametrize("method", ["qe", "bc"])
def test_the_unit_does_not_matter(method):
    plain = mean_sd_from_quantiles(five([1.1, 2.0, 3.2, 5.9, 14.0]), method)
    scaled = mean_sd_from_quantiles(five(np.array([1.1, 2.0, 3.2, 5.9, 14.0]) * 1000), method)
    assert (scaled.mean, scaled.sd) == (
        pytest.approx(1000 * plain.mean, rel=1e-6),
        pytest.approx(1000 * plain.sd, rel=1e-6),
    )


def test_box_cox_of_quantiles_symmetric_in_logs_is_the_log_normal_closed_form():
    """Location is the log median; scale is Wan's rule on the logs, width / 2Φ⁻¹((0.75n − 0.125)/(n + 0.25))."""
    found = mean_sd_from_quantiles(FiveNumbers(median=8.0, n=N, q1=4.0, q3=16.0), "bc")
    scale = 2 * math.log(2) / (2 * stats.norm.ppf((0.75 * N - 0.125) / (N + 0.25)))
    mean = 8 * math.exp(scale**2 / 2)
    assert found.mean == pytest.approx(mean, rel=1e-5)
    assert found.sd == pytest.approx(mean * math.sqrt(math.expm1(scale**2)), rel=1e-4)


def test_box_cox_of_symmetric_quantiles_is_luo_and_wan():
    symmetric = FiveNumbers(median=100.0, n=N, q1=95.0, q3=105.0)
    found, plain = (mean_sd_from_quantiles(symmetric, m) for m in ("bc", "luo/wan/shi"))
    assert (found.mean, found.sd) == (pytest.approx(plain.mean, rel=1e-9), pytest.approx(plain.sd, rel=1e-6))


def test_box_cox_integral_against_simulation():
    """Square-root law: x = (1 + t/2)², t ~ N(m, s) cut at −2 and 2m + 2, drawn directly."""
    from lamevidence.effects.recovery.skewed import _moments

    t = np.random.default_rng(5).normal(0.5, 0.9, 2_000_000)
    t = t[(t > -2) & (t < 2 * 0.5 + 2)]
    x = (1 + t / 2) ** 2
    assert _moments(0.5, 0.9, 0.5) == (pytest.approx(x.mean(), abs=4e-3), pytest.approx(x.std(), abs=4e-3))


def test_skewed_numbers_do_not_warn_where_skewness_is_allowed_for():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in ("qe", "bc"):
            mean_sd_from_quantiles(five([1.1, 2.0, 3.2, 5.9, 60.0]), method)


def test_refusals():
    with pytest.raises(InputError, match="positive"):
        mean_sd_from_quantiles(five([-1, 2, 3, 5, 9]), "bc")
    with pytest.raises(InputError, match="equal"):
        mean_sd_from_quantiles(five([1, 3, 3, 5, 9]), "bc")
    with pytest.raises(OptionError, match="unit"):
        mean_sd_from_quantiles(five([1, 2, 3, 5, 9]), "mln")
    with pytest.raises(OptionError, match="fewer than 3"):
        mean_sd_from_quantiles(FiveNumbers(2, 2, minimum=1, maximum=3), "qe")
