"""Derivatives of a Python function by complex steps, compared with real differences before they are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import shown
from .jets import Jet
from .measures.base import FloatArray

__all__ = ["jet_of"]

TINY = 1e-30
"""Complex step, in units of the real ones: f(x + ih) = f + ih f′ loses no digits, so it can be as small as it likes."""
STEP, AGREE = 1e-3, 1e-3
"""Real step in standard errors, and the relative difference at which two derivatives are no longer one."""
KINK = 0.02
"""Largest relative difference of the slopes on both sides, one real step away."""

Function = Callable[[Sequence[complex]], object]


def jet_of(function: Function, title: str, x: FloatArray, scale: FloatArray) -> Jet:
    """Return value, gradient and Hessian of a function of p numbers.

    Parameters
    ----------
    function
        Takes p numbers, real or complex.
    title
        Its name, for messages.
    x, scale
        Where, (p,), and the errors of these numbers, (p,), which set the size of real steps.

    Raises
    ------
    OptionError
        It does not return one number, or does not take complex ones.
    NotEstimable
        Its derivatives by complex and by real steps differ, or those on both sides do.
    """
    steps = STEP * np.where(scale > 0, scale, 1e-3 * np.maximum(np.abs(x), 1.0))
    value = _real(function, title, x)
    gradient = _gradient(function, title, x, steps)
    hessian = np.empty((x.size, x.size))
    sides = np.empty((2, x.size))
    for j, h in enumerate(steps):
        step = np.eye(x.size)[j] * h
        ahead, behind = _real(function, title, x + step), _real(function, title, x - step)
        sides[:, j] = (ahead - value) / h, (value - behind) / h
        hessian[j] = (_gradient(function, title, x + step, steps) - _gradient(function, title, x - step, steps)) / (
            2 * h
        )
    _check(title, gradient, sides, value, steps)
    return Jet(value, gradient, (hessian + hessian.T) / 2)


def _check(title: str, gradient: FloatArray, sides: FloatArray, value: float, steps: FloatArray) -> None:
    """Raise where real and complex derivatives, or those of the two sides, are not the same."""
    if not (np.isfinite(gradient).all() and np.isfinite(sides).all()):
        return  # no derivative at all, which the caller says
    size = np.abs(sides).max(axis=0) + np.abs(gradient)
    lost = 1e-14 * abs(value) / steps  # what rounding leaves of a real difference
    if (np.abs(sides[0] - sides[1]) > KINK * size + lost).any():
        raise NotEstimable(
            f"{title} has another slope on one side of the estimates than on the other (a kink, as of abs, min or max)"
            " · the delta method needs a derivative: choose a function that is smooth there"
        )
    if (np.abs(sides.mean(axis=0) - gradient) > AGREE * size + lost).any():
        raise NotEstimable(
            f"{title} has one derivative by real steps and another by complex ones, so it is not made of smooth"
            " arithmetic throughout (abs, comparisons, .real) · write it as an expression, such as 'log(a / b)'"
        )


def _real(function: Function, title: str, x: FloatArray) -> float:
    found = _called(function, title, x.tolist())
    try:
        return float(found)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise OptionError(f"{title} returns {shown(found)} · return one number") from None


def _gradient(function: Function, title: str, x: FloatArray, steps: FloatArray) -> FloatArray:
    gradient = np.empty(x.size)
    for j in range(x.size):
        h = TINY * steps[j]
        shifted: list[complex] = x.tolist()
        shifted[j] = complex(x[j], h)
        found = _called(function, title, shifted)
        try:
            gradient[j] = complex(found).imag / h  # type: ignore[call-overload]
        except (TypeError, ValueError, OverflowError):
            raise OptionError(f"{title} returns {shown(found)} · return one number") from None
    return gradient


def _called(function: Function, title: str, values: Sequence[complex]) -> object:
    with np.errstate(all="ignore"):
        try:
            return function(values)
        except ZeroDivisionError:
            return float("nan")
        except Exception as error:
            hint = (
                "write it with numpy, which takes complex numbers (np.log for math.log), or as an expression"
                if any(isinstance(v, complex) for v in values)
                else "let it take the names of the estimates as arguments, and return one number"
            )
            raise OptionError(f"{title} fails: {type(error).__name__}: {str(error)[:80]} · {hint}") from None
