"""Counts from percentages and from margins."""

from __future__ import annotations

import math

from ...foundation.errors import InputError, NotDerivable
from ...foundation.options import a_number
from .catalogue import rule

__all__ = ["count_from_percentage", "counts_from_percentage", "table_from_odds_ratio"]


def _total(total: float) -> int:
    size = a_number("total", total, least=1, error=InputError)
    if size != int(size):
        raise InputError(f"total = {total!r} · give a whole number of patients above 0")
    return int(size)


@rule(
    title="counts from a percentage",
    needs="percentage total",
    gives="count",
    formula="every whole x with |100 x / n − percentage| ≤ half a unit of the last digit",
    reference="Brown & Heathers 2017; doi:10.1177/1948550616673876",
)
def counts_from_percentage(percentage: float, total: float, rounding: float = 0.5) -> tuple[int, ...]:
    """Return every whole number of ``total`` that prints as ``percentage``, in order; empty when none does.

    ``rounding`` is the half-width of the printed digits in percent (0.5 for "43 %", 0.05 for "43.1 %").

    Parameters
    ----------
    percentage
        As printed, 0 to 100.
    total
        Patients, a whole number above 0.
    rounding
        Half-width of the printed digits in percent.

    Returns
    -------
    tuple of int
        The counts; empty when none prints so.

    Raises
    ------
    InputError
        No percentage, or no number of patients.

    Examples
    --------
    >>> counts_from_percentage(43, 46)
    (20,)
    >>> counts_from_percentage(1, 500)
    (3, 4, 5, 6, 7)
    """
    n = _total(total)
    percentage = a_number("percentage", percentage, least=0, most=100, error=InputError)
    rounding = a_number("rounding", rounding, least=0, error=InputError)
    slack = 1e-9 * n
    low = math.ceil((percentage - rounding) * n / 100 - slack)
    high = math.floor((percentage + rounding) * n / 100 + slack)
    return tuple(range(max(low, 0), min(high, n) + 1))


def count_from_percentage(percentage: float, total: float, rounding: float = 0.5) -> int:
    """Return the only whole number that prints as ``percentage`` of ``total``.

    Parameters
    ----------
    percentage, total, rounding
        As in `counts_from_percentage`.

    Returns
    -------
    int
        The count.

    Raises
    ------
    NotDerivable
        None does, or several do; the message names them.

    Examples
    --------
    >>> count_from_percentage(43, 46)
    20
    """
    possible = counts_from_percentage(percentage, total, rounding)
    if len(possible) != 1:
        named = ", ".join(map(str, possible)) or "no whole number"
        raise NotDerivable(f"{percentage:g} % of {total:g} is compatible with {named} · find the count itself")
    return possible[0]


@rule(
    title="two-by-two table from odds ratio and margins",
    needs="odds_ratio n1 n2 events",
    gives="ai bi ci di",
    formula="(OR−1) a² − [OR (n1 + m) + n2 − m] a + OR n1 m = 0, m all events",
    reference="Bonett 2007; doi:10.1177/0013164406294774",
)
def table_from_odds_ratio(odds_ratio: float, n1: float, n2: float, events: float) -> tuple[float, ...]:
    """Return the cells a, b, c, d with these group sizes, this number of events in both groups and this odds ratio.

    The cells are exact for the printed odds ratio and therefore not whole; the caller rounds, or carries the
    rounding of the odds ratio with `bounds`.

    Parameters
    ----------
    odds_ratio
        Above 0.
    n1, n2
        Group sizes, whole numbers above 0.
    events
        Events in both groups, at most n1 + n2.

    Returns
    -------
    tuple of float
        The cells a, b, c, d.

    Raises
    ------
    InputError
        A number is out of these bounds.

    Examples
    --------
    >>> [round(x, 6) for x in table_from_odds_ratio(4.0, 30, 30, 30)]
    [20.0, 10.0, 10.0, 20.0]
    """
    first, second = _total(n1), _total(n2)
    odds_ratio = a_number("odds_ratio", odds_ratio, above=0, error=InputError)
    events = a_number("events", events, least=0, most=first + second, error=InputError)
    if odds_ratio == 1:
        a = first * events / (first + second)
    else:
        # the root between max(0, m − n2) and min(n1, m), in the form that does not cancel near OR = 1
        b = odds_ratio * (first + events) + second - events
        a = 2 * odds_ratio * first * events / (b + math.sqrt(b**2 - 4 * (odds_ratio - 1) * odds_ratio * first * events))
    return a, first - a, events - a, second - events + a
