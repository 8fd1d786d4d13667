"""How numbers are printed: true minus, one number of decimals a column, P values by rule."""

from __future__ import annotations

import math

from .errors import InputError

__all__ = ["MINUS", "NOT_SHOWN", "count", "decimals_for", "fixed", "p_value", "percent"]

MINUS = "\u2212"
NOT_SHOWN = "\u2014"
_MOST_USUAL, _MOST_EVER = 3, 9
_TINY_SE = 0.001


def fixed(x: float, decimals: int) -> str:
    """Return ``x`` with this many decimals, a true minus sign and never a negative zero.

    Raises
    ------
    InputError
        ``x`` is NaN: a number that does not exist is not printed.

    Examples
    --------
    >>> fixed(-12.34, 1), fixed(-0.04, 1), fixed(float("inf"), 1)
    ('\u221212.3', '0.0', '\u221e')
    """
    if math.isnan(x):
        raise InputError("NaN cannot be printed as a number · leave the cell out and say why")
    if math.isinf(x):
        return "\u221e" if x > 0 else f"{MINUS}\u221e"
    text = f"{abs(x):.{decimals}f}"
    return MINUS + text if x < 0 and float(text) != 0 else text


def count(x: float) -> str:
    """Return a number of patients, events or person-years; decimals only where it has them.

    Examples
    --------
    >>> count(46.0), count(12.5), count(float("nan"))
    ('46', '12.5', '')
    """
    if math.isnan(x):
        return ""
    return fixed(x, 0 if float(x).is_integer() else 1)


def decimals_for(se: float) -> int:
    """Return the decimals that show a standard error to two significant digits, 0 to 3 of them.

    A standard error below 0.001 gets as many more as it needs, since three would print only zeros.

    Examples
    --------
    >>> [decimals_for(se) for se in (120.0, 12.0, 1.9, 0.32, 0.021, 0.00021)]
    [0, 0, 1, 2, 3, 5]
    """
    if not (math.isfinite(se) and se > 0):
        return 2
    needed = 1 - math.floor(math.log10(se))
    return max(0, min(needed, _MOST_EVER if se < _TINY_SE else _MOST_USUAL))


def p_value(p: float, *, leading_zero: bool = True) -> str:
    """Return a P value with its relation: ``= 0.35``, ``= 0.004``, ``< 0.001``, ``> 0.99``.

    Examples
    --------
    >>> p_value(0.348), p_value(0.0042), p_value(1e-9), p_value(0.9996)
    ('= 0.35', '= 0.004', '< 0.001', '> 0.99')
    """
    if not 0 <= p <= 1:
        raise InputError(f"a P value lies between 0 and 1, got {p}")
    if p < 0.001:
        text = "< 0.001"
    elif p > 0.99:
        text = "> 0.99"
    else:
        text = f"= {fixed(p, 3 if p < 0.01 else 2)}"
    return text if leading_zero else text.replace(" 0.", " .")


def percent(x: float, decimals: int = 1) -> str:
    """Return a percentage: ``33.1%``; exactly one hundred is ``100%``.

    Examples
    --------
    >>> percent(33.14), percent(100.0)
    ('33.1%', '100%')
    """
    text = fixed(x, decimals)
    return ("100" if text == fixed(100, decimals) else text) + "%"
