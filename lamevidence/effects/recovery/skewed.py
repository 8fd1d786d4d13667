"""Mean and SD from five-number summaries of samples that need not be normal.

Two methods of McGrath and colleagues (2020, doi:10.1177/0962280219889080). Quantile estimation fits whole
distributions to the printed quantiles and takes the closest; Box-Cox makes the quantiles symmetric first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy import special

from ...foundation.errors import InputError, OptionError
from ..measures.base import FloatArray
from .five_numbers import FiveNumbers

__all__ = ["box_cox", "quantile_estimation"]

SHAPES = np.geomspace(0.02, 400.0, 120)
"""Where the search over a shape parameter starts; the best cell is then searched to the last digits."""
LARGEST_POWER = 3.0


def _printed(five: FiveNumbers) -> tuple[FloatArray, FloatArray]:
    """Return the quantiles as printed and their probabilities; extremes of n values stand for 1/n and 1 − 1/n."""
    if five.n < 3:
        raise OptionError(f"n = {five.n}: a distribution cannot be fitted to fewer than 3 values · use luo/wan/shi")
    rows = [
        (five.minimum, 1 / five.n),
        (five.q1, 0.25),
        (five.median, 0.5),
        (five.q3, 0.75),
        (five.maximum, 1 - 1 / five.n),
    ]
    known = [(x, p) for x, p in rows if x is not None]
    return np.array([x for x, _ in known]), np.array([p for _, p in known])


def quantile_estimation(five: FiveNumbers) -> tuple[float, float]:
    """Return mean and SD of the distribution whose quantiles are nearest to the printed ones in squared distance.

    Candidates are the normal and, where no number is negative, the log-normal, gamma and Weibull families; the beta
    family too where all numbers lie between 0 and 1.
    """
    x, p = _printed(five)
    if x[-1] == x[0]:
        return float(x[0]), 0.0
    candidates = [_fit_normal(x, p)]
    if x[0] >= 0:
        candidates += [_fit_scaled(x, p, family) for family in (_log_normal, _gamma, _weibull)]
    if x[0] >= 0 and x[-1] <= 1:
        candidates.append(_fit_beta(x, p))
    _, mean, sd = min(candidates)
    return mean, sd


def _fit_normal(x: FloatArray, p: FloatArray) -> tuple[float, float, float]:
    z = special.ndtri(p)
    sd, mean = np.polyfit(z, x, 1)
    return float(((x - mean - sd * z) ** 2).sum()), float(mean), float(sd)


Family = Callable[[float, FloatArray], tuple[FloatArray, float, float]]


def _log_normal(shape: float, p: FloatArray) -> tuple[FloatArray, float, float]:
    """Return quantiles, mean and SD with median 1; the SD of the logs is 1/shape."""
    s = 1.0 / shape
    mean = math.exp(min(s * s / 2, 700.0))
    return np.exp(s * special.ndtri(p)), mean, mean * math.sqrt(math.expm1(min(s * s, 700.0)))


def _gamma(shape: float, p: FloatArray) -> tuple[FloatArray, float, float]:
    """Return quantiles, mean and SD with scale 1."""
    return np.asarray(special.gammaincinv(shape, p)), shape, math.sqrt(shape)


def _weibull(shape: float, p: FloatArray) -> tuple[FloatArray, float, float]:
    """Return quantiles, mean and SD with scale 1."""
    one, two = special.gammaln(1 + 1 / shape), special.gammaln(1 + 2 / shape)
    mean = math.exp(min(one, 700.0))
    return np.exp(np.log(-np.log1p(-p)) / shape), mean, mean * math.sqrt(math.expm1(min(two - 2 * one, 700.0)))


def _fit_scaled(x: FloatArray, p: FloatArray, family: Family) -> tuple[float, float, float]:
    """Return (distance, mean, SD) of a family with a shape and a scale; the scale is a closed-form projection."""
    from scipy.optimize import minimize_scalar

    def distance(log_shape: float) -> float:
        q = family(math.exp(log_shape), p)[0]
        length = float(q @ q)
        return float(x @ x) if length == 0 or not math.isfinite(length) else float(x @ x) - float(x @ q) ** 2 / length

    grid = np.log(SHAPES)
    best = int(np.argmin([distance(g) for g in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = minimize_scalar(distance, bounds=ends, method="bounded", options={"xatol": 1e-10})
    q, mean, sd = family(math.exp(float(found.x)), p)
    scale = float(x @ q) / float(q @ q)
    return float(((x - scale * q) ** 2).sum()), scale * mean, scale * sd


def _fit_beta(x: FloatArray, p: FloatArray) -> tuple[float, float, float]:
    from scipy.optimize import minimize

    def distance(logs: FloatArray) -> float:
        a, b = np.exp(np.clip(logs, -15.0, 15.0))
        return float(((special.betaincinv(a, b, p) - x) ** 2).sum())

    middle, width = float(np.median(x)), float(x[-1] - x[0])
    middle = min(max(middle, 0.01), 0.99)
    size = max(middle * (1 - middle) / (width / 3) ** 2 - 1, 0.5)
    start = np.log([middle * size, (1 - middle) * size])
    found = minimize(distance, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-18, "maxiter": 4000})
    a, b = np.exp(found.x)
    return float(found.fun), float(a / (a + b)), float(math.sqrt(a * b / (a + b + 1)) / (a + b))


def _power(x: FloatArray | float, power: float) -> FloatArray:
    """Return the Box-Cox transform (xᵖ − 1)/p, log x at p = 0."""
    return np.asarray(special.boxcox(x, power))


def _asymmetry(five: FiveNumbers, power: float) -> float:
    """Return the squared excess of upper over lower distances from the median, summed over the pairs at hand."""
    total = 0.0
    for low, high in ((five.q1, five.q3), (five.minimum, five.maximum)):
        if low is not None and high is not None:
            a, m, b = _power(np.array([low, five.median, high]), power)
            total += float(((b - m) / (m - a) - 1.0) ** 2)
    return total


def box_cox(five: FiveNumbers, location_scale: Callable[[FiveNumbers], tuple[float, float]]) -> tuple[float, float]:
    """Return mean and SD of the variable whose power is normal, the power (0 to 3) making the quantiles symmetric.

    ``location_scale`` estimates mean and SD of the transformed, normal variable. That variable ends where the
    original is 0, and is cut as far out on the other side.
    """
    values = [v for v in (five.minimum, five.q1, five.median, five.q3, five.maximum) if v is not None]
    if min(values) <= 0:
        raise InputError("the Box-Cox method takes powers of the values · give positive numbers, or use qe")
    if any(b <= a for a, b in itertools.pairwise(values)):
        raise InputError("two of the numbers are equal, so no power makes them symmetric · use luo/wan/shi")
    from scipy.optimize import minimize_scalar

    unit = five.median  # powers of pure numbers: the result does not depend on the unit
    inner = five.divided(unit)
    power = float(
        minimize_scalar(
            lambda at: _asymmetry(inner, at), bounds=(0.0, LARGEST_POWER), method="bounded", options={"xatol": 1e-10}
        ).x
    )
    power = 0.0 if power < 1e-6 else power
    location, scale = location_scale(inner.mapped(lambda v: float(_power(v, power))))
    mean, sd = _moments(location, scale, power)
    return unit * mean, unit * sd


def _moments(location: float, scale: float, power: float) -> tuple[float, float]:
    """Return mean and SD of the inverse transform of a normal variable cut symmetrically where the original is 0."""
    if power == 0.0:
        mean = math.exp(location + scale**2 / 2)
        return mean, mean * math.sqrt(math.expm1(scale**2))
    from scipy.integrate import quad

    reach = min((location + 1.0 / power) / scale, 38.0)

    def moment(order: int) -> float:
        def density(z: float) -> float:
            base = max(power * (location + scale * z) + 1.0, 0.0)
            return float(base ** (order / power)) * math.exp(-z * z / 2)

        return float(quad(density, -reach, reach, epsabs=0.0, epsrel=1e-11, limit=400, points=[0.0])[0])

    whole = moment(0)
    mean = moment(1) / whole
    return mean, math.sqrt(moment(2) / whole - mean**2)
