"""Mean and SD from a median with a range, quartiles, or both.

Scenario S1 is (minimum, median, maximum), S2 (quartiles), S3 all five. The defaults are Luo's mean with Wan's SD
(Shi's in S3); the earlier rules stay for comparison.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

from scipy import special

from ...foundation.errors import EvidenceWarning, OptionError
from ...foundation.options import a_choice, an_instance
from .catalogue import rule
from .five_numbers import FiveNumbers
from .skewed import box_cox, quantile_estimation

__all__ = ["MeanSd", "mean_sd_from_quantiles", "skewness_test"]

_REFERENCE = (
    "Luo et al. 2018; doi:10.1177/0962280216669183; Wan et al. 2014; doi:10.1186/1471-2288-14-135;"
    " Shi et al. 2020; doi:10.1002/jrsm.1429"
)

_FOR_SKEWED = ("qe", "bc")


@dataclass(frozen=True, slots=True)
class MeanSd:
    """A mean and an SD, and what was taken for granted.

    Attributes
    ----------
    mean, sd
        In the unit of the printed numbers.
    scenario
        ``S1`` from the range, ``S2`` from the quartiles, ``S3`` from both.
    skewed
        Whether the numbers are too asymmetric for the distribution that was assumed.
    """

    mean: float
    sd: float
    scenario: str
    skewed: bool


def _check_five(five: FiveNumbers) -> None:
    an_instance("five", five, FiveNumbers, "write FiveNumbers(median=…, n=…, q1=…, q3=…)")


def range_in_sd(n: int) -> float:
    """Return Wan's expected range of n normals in SDs, 2Φ⁻¹((n − 0.375)/(n + 0.25))."""
    return 2 * float(special.ndtri((n - 0.375) / (n + 0.25)))


def quartiles_in_sd(n: int) -> float:
    """Return Wan's expected interquartile range of n normals in SDs, 2Φ⁻¹((0.75 n − 0.125)/(n + 0.25))."""
    return 2 * float(special.ndtri((0.75 * n - 0.125) / (n + 0.25)))


def _luo_mean(five: FiveNumbers) -> float:
    n, median = five.n, five.median
    if five.scenario == "S1":
        weight = 4 / (4 + n**0.75)
        return float(weight * sum(five.ends) / 2 + (1 - weight) * median)
    if five.scenario == "S2":
        weight = 0.7 + 0.39 / n
        return weight * sum(five.quartiles) / 2 + (1 - weight) * median
    outer, inner = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
    return float(outer * sum(five.ends) / 2 + inner * sum(five.quartiles) / 2 + (1 - outer - inner) * median)


def _spread_sd(five: FiveNumbers, outer: float) -> float:
    """Return the SD from the range, the quartiles, or both with weight ``outer`` on the range."""
    from_range = from_quartiles = 0.0
    if five.scenario != "S2":
        low, high = five.ends
        from_range = (high - low) / range_in_sd(five.n)
    if five.scenario != "S1":
        q1, q3 = five.quartiles
        from_quartiles = (q3 - q1) / quartiles_in_sd(five.n)
    if five.scenario == "S1":
        return from_range
    return from_quartiles if five.scenario == "S2" else outer * from_range + (1 - outer) * from_quartiles


def _luo_wan_shi(five: FiveNumbers) -> tuple[float, float]:
    return _luo_mean(five), _spread_sd(five, 1 / (1 + 0.07 * five.n**0.6))


def _wan(five: FiveNumbers) -> tuple[float, float]:
    if five.scenario == "S1":
        mean = (sum(five.ends) + 2 * five.median) / 4
    elif five.scenario == "S2":
        mean = (sum(five.quartiles) + five.median) / 3
    else:
        mean = (sum(five.ends) + 2 * sum(five.quartiles) + 2 * five.median) / 8
    return mean, _spread_sd(five, 0.5)


def _hozo(five: FiveNumbers) -> tuple[float, float]:
    if five.scenario != "S1":
        raise OptionError("hozo2005 is made from minimum, median and maximum alone · use luo/wan/shi")
    low, high = five.ends
    mean = (low + 2 * five.median + high) / 4 if five.n <= 25 else five.median
    if five.n <= 15:
        return mean, math.sqrt(((low - 2 * five.median + high) ** 2 / 4 + (high - low) ** 2) / 12)
    return mean, (high - low) / (4 if five.n <= 70 else 6)


def _bland(five: FiveNumbers) -> tuple[float, float]:
    if five.scenario != "S3":
        raise OptionError("bland2015 needs all five numbers · use luo/wan/shi")
    (a, b), (q1, q3), m = five.ends, five.quartiles, five.median
    total = a + 2 * q1 + 2 * m + 2 * q3 + b
    squares = (a**2 + 2 * q1**2 + 2 * m**2 + 2 * q3**2 + b**2) / 16
    products = (a * q1 + q1 * m + m * q3 + q3 * b) / 8
    return total / 8, math.sqrt(squares + products - total**2 / 64)


def _walter(five: FiveNumbers) -> tuple[float, float]:
    if five.scenario != "S1":
        raise OptionError("walter2007 is made from minimum, median and maximum alone · use luo/wan/shi")
    from scipy.integrate import quad

    below = lambda x: 1 - special.ndtr(x) ** five.n - special.ndtr(-x) ** five.n  # noqa: E731
    expected_range, _ = quad(below, -10, 10, epsabs=1e-12, epsrel=1e-12, limit=200)
    low, high = five.ends
    return five.median, (high - low) / expected_range


def _luo_wan(five: FiveNumbers) -> tuple[float, float]:
    return _luo_mean(five), _spread_sd(five, 0.5)


def _box_cox(five: FiveNumbers) -> tuple[float, float]:
    return box_cox(five, _luo_wan)


def log_normal(five: FiveNumbers) -> tuple[float, float]:
    """Return the bias-corrected mean and SD of a log-normal variable (doi:10.4310/sii.2020.v13.n4.a9).

    φ̂ and s come from the logs; σ̂² = s²/c₂(n) and σ̂⁴ = s⁴/c₄(n) are unbiased on their own. The mean is
    exp(φ̂ + σ̂²/2) / (1 + a σ̂²/n + b σ̂⁴/n); the variance is the like difference of second moments.
    """
    n, squared_log = five.n, math.log(five.n) ** 2
    shrink2, shrink4, a, b = {
        "S1": (1.01 + 0.25 / squared_log, 1 + 2.23 / squared_log, 0.565, 0.37),
        "S2": (1 + 1.58 / n, 1 + 19.2 / n**1.2, 0.57, 0.75),
        "S3": (1 + 0.28 / squared_log, 1 + 3.93 / n, 0.405, 0.315),
    }[five.scenario]
    phi, sd = _luo_wan_shi(five.logs())
    variance = sd**2 / shrink2
    one, two = a * variance / n, b * sd**4 / shrink4 / n
    mean = math.exp(phi + variance / 2) / (1 + one + two)
    square_of_values = math.exp(2 * phi + 2 * variance) / (1 + 4 * one + 16 * two)
    square_of_mean = math.exp(2 * phi + variance) / (1 + 4 * one + 4 * two)
    return mean, math.sqrt(square_of_values - square_of_mean)


def skewness_test(five: FiveNumbers) -> bool:
    """Return True when the numbers are too asymmetric for a normal sample at the 5 % level.

    Shi et al. 2023 (doi:10.1177/09622802231172043): the asymmetry of the range or of the quartiles, against a
    threshold in n.

    Parameters
    ----------
    five
        What the paper prints.

    Returns
    -------
    bool
        True when a normal distribution is rejected.

    Raises
    ------
    OptionError
        Not `FiveNumbers`.

    Examples
    --------
    >>> skewness_test(FiveNumbers(median=6, n=100, q1=5, q3=20))
    True
    """
    _check_five(five)
    n = five.n
    outer = inner = 0.0
    if five.scenario != "S2" and five.ends[1] > five.ends[0]:
        outer = abs(sum(five.ends) - 2 * five.median) / (five.ends[1] - five.ends[0])
    if five.scenario != "S1" and five.quartiles[1] > five.quartiles[0]:
        inner = abs(sum(five.quartiles) - 2 * five.median) / (five.quartiles[1] - five.quartiles[0])
    if five.scenario == "S1":
        return outer > 1.01 / math.log(n + 9) + 2.43 / (n + 1)
    if five.scenario == "S2":
        return inner > 2.65 / math.sqrt(n) - 6 / n**2
    return max(2.65 * math.log(0.6 * n) / math.sqrt(n) * outer, inner) > 3 / math.sqrt(n) - 40 / n**3


@rule(
    title="mean and SD from median, range and quartiles",
    needs="median n minimum q1 q3 maximum",
    gives="mean sd",
    formula="weighted mid-range, mid-quartile and median; widths over their expectation in SDs",
    reference=_REFERENCE,
    assumption="the values are normal (or log-normal, when so asked)",
)
def mean_sd_from_quantiles(five: FiveNumbers, method: str = "luo/wan/shi", *, distribution: str = "normal") -> MeanSd:
    """Return mean and SD, with a warning when the numbers are too skewed for the distribution assumed.

    Parameters
    ----------
    five
        What the paper prints.
    method
        ``luo/wan/shi``; the earlier ``hozo2005``, ``wan2014``, ``bland2015``, ``walter2007``; or, for skewed samples,
        ``qe`` (quantile estimation) and ``bc`` (Box-Cox), which assume no one distribution and never warn.
    distribution
        ``normal`` or ``log-normal`` (only with ``luo/wan/shi``, on the logs).

    Returns
    -------
    MeanSd
        ``mean`` and ``sd`` in the unit of the numbers, ``scenario``, and whether they are ``skewed``.

    Raises
    ------
    UnknownName
        No such method or distribution.
    OptionError
        The method needs numbers that are not there, or does not go with the distribution.

    See Also
    --------
    skewness_test : the test behind the warning.

    References
    ----------
    Luo et al. 2018, doi:10.1177/0962280216669183; Wan et al. 2014, doi:10.1186/1471-2288-14-135; Shi et al. 2020,
    doi:10.1002/jrsm.1429; McGrath et al. 2020, doi:10.1177/0962280219889080 (``qe``, ``bc``).

    Examples
    --------
    >>> r = mean_sd_from_quantiles(FiveNumbers(median=6, n=20, minimum=2, maximum=14))
    >>> round(r.mean, 7), round(r.sd, 6)
    (6.5944678, 3.211576)
    """
    methods = {
        "luo/wan/shi": _luo_wan_shi,
        "hozo2005": _hozo,
        "wan2014": _wan,
        "bland2015": _bland,
        "walter2007": _walter,
        "qe": quantile_estimation,
        "bc": _box_cox,
    }
    _check_five(five)
    if isinstance(method, str) and method == "mln":
        raise OptionError("mln picks its power by a likelihood that changes with the unit of the data · use qe or bc")
    a_choice("method", method, methods)
    a_choice("distribution", distribution, ("normal", "log-normal"))
    skewed = skewness_test(five.logs() if distribution == "log-normal" else five)
    if distribution == "log-normal":
        if method != "luo/wan/shi":
            raise OptionError(f"{method} assumes a normal distribution · use luo/wan/shi for a log-normal one")
        mean, sd = log_normal(five)
    else:
        mean, sd = methods[method](five)
    if skewed and method not in _FOR_SKEWED:
        warnings.warn(
            EvidenceWarning(
                f"median {five.median:g} lies too far from the middle for a {distribution} sample of {five.n};"
                " mean and SD are rough",
                code="LW214",
            ),
            stacklevel=2,
        )
    return MeanSd(mean, sd, five.scenario, skewed)
