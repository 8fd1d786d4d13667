"""Numbers that carry their first and second derivatives: arithmetic of them is exact differentiation.

A function of p estimates, evaluated with `Jet` in place of floats, returns its value, gradient (p,) and Hessian (p, p)
(forward mode, Griewank & Walther 2008, doi:10.1137/1.9780898717761).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .measures.base import FloatArray

__all__ = ["FUNCTIONS", "Jet", "call", "constant", "variable"]


@dataclass(frozen=True, slots=True, eq=False)
class Jet:
    """A value with its gradient (p,) and Hessian (p, p); NaN throughout where the derivative does not exist."""

    value: float
    gradient: FloatArray
    hessian: FloatArray

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.gradient, -self.hessian)

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.value + other.value, self.gradient + other.gradient, self.hessian + other.hessian)

    def __sub__(self, other: Jet) -> Jet:
        return self + -other

    def __mul__(self, other: Jet) -> Jet:
        cross = np.outer(self.gradient, other.gradient)
        return Jet(
            self.value * other.value,
            self.value * other.gradient + other.value * self.gradient,
            self.value * other.hessian + other.value * self.hessian + cross + cross.T,
        )

    def __truediv__(self, other: Jet) -> Jet:
        x = other.value
        return self * (other.through(1 / x, -1 / x**2, 2 / x**3) if x else other.through(*_NOWHERE))

    def __pow__(self, other: Jet) -> Jet:
        if other.gradient.any():
            return call("exp", other * call("log", self))
        x, n = self.value, other.value
        try:
            powers = [_factor(n, j) and _factor(n, j) * x ** (n - j) for j in (0, 1, 2)]
        except (ZeroDivisionError, OverflowError):
            return self.through(*_NOWHERE)
        return self.through(*_NOWHERE) if any(isinstance(y, complex) for y in powers) else self.through(*powers)

    def through(self, value: float, first: float, second: float) -> Jet:
        """Return f of this number, given f, f′ and f″ there."""
        own = np.outer(self.gradient, self.gradient)
        return Jet(value, first * self.gradient, first * self.hessian + second * own)


_NOWHERE = (math.nan, math.nan, math.nan)


def _factor(n: float, j: int) -> float:
    """Return n (n − 1) … with j factors: that of the j-th derivative of xⁿ."""
    return math.prod(n - i for i in range(j))


def constant(value: float, p: int) -> Jet:
    """Return a number that depends on none of p estimates."""
    return Jet(float(value), np.zeros(p), np.zeros((p, p)))


def variable(value: float, j: int, p: int) -> Jet:
    """Return the j-th of p estimates."""
    return Jet(float(value), np.eye(p)[j], np.zeros((p, p)))


def _log(x: float, base: float = math.e) -> tuple[float, float, float]:
    scale = math.log(base)
    return math.log(x) / scale, 1 / (x * scale), -1 / (x**2 * scale)


def _sqrt(x: float) -> tuple[float, float, float]:
    root = math.sqrt(x)
    return root, 0.5 / root, -0.25 / root**3


def _exp(x: float) -> tuple[float, float, float]:
    return (math.exp(x),) * 3


def _expit(x: float) -> tuple[float, float, float]:
    p = 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))
    q = 1 / (1 + math.exp(x)) if x > 0 else 1 - p
    return p, p * q, p * q * (q - p)


def _logit(x: float) -> tuple[float, float, float]:
    return math.log(x) - math.log1p(-x), 1 / (x * (1 - x)), (2 * x - 1) / (x * (1 - x)) ** 2


FUNCTIONS = {
    "log": _log,
    "log2": lambda x: _log(x, 2.0),
    "log10": lambda x: _log(x, 10.0),
    "exp": _exp,
    "sqrt": _sqrt,
    "expit": _expit,
    "logit": _logit,
}
"""Function → value, first and second derivative."""


def call(name: str, x: Jet) -> Jet:
    """Return one of `FUNCTIONS` of a number; NaN outside its domain."""
    try:
        return x.through(*FUNCTIONS[name](x.value))
    except (ValueError, ZeroDivisionError, OverflowError):
        return x.through(*_NOWHERE)
