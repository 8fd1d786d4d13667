"""What a paper prints of a distribution: a median with a range, quartiles, or both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_number, shown

__all__ = ["FiveNumbers"]


@dataclass(frozen=True, slots=True)
class FiveNumbers:
    """What a paper prints of a distribution; None where it does not.

    Attributes
    ----------
    median
        In the unit of the outcome, like the other four.
    n
        Size of the sample, at least 2.
    minimum, maximum
        The range: both or none.
    q1, q3
        First and third quartile: both or none. Range or quartiles are needed.

    Raises
    ------
    InputError
        The numbers do not ascend, one bound stands alone, or there is a median only.

    Examples
    --------
    >>> FiveNumbers(median=6, n=20, q1=4, q3=9).scenario
    'S2'
    """

    median: float
    n: int
    minimum: float | None = None
    q1: float | None = None
    q3: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        values = {name: getattr(self, name) for name in ("minimum", "q1", "median", "q3", "maximum")}
        for name, x in values.items():
            if x is not None or name == "median":
                a_number(name, x, error=InputError)
        given = [x for x in values.values() if x is not None]
        if given != sorted(given):
            raise InputError(f"{given} does not ascend from minimum to maximum")
        if a_number("n", self.n, least=2, error=InputError) != int(self.n):
            raise InputError(f"n = {self.n!r} · give a whole number of at least 2")
        if (self.minimum is None) != (self.maximum is None) or (self.q1 is None) != (self.q3 is None):
            raise InputError("one bound alone leads nowhere · give minimum and maximum, or both quartiles")
        if self.minimum is None and self.q1 is None:
            raise InputError("a median alone leads nowhere · give the range or the quartiles")

    @property
    def scenario(self) -> str:
        """``S1`` range, ``S2`` quartiles, ``S3`` both."""
        if self.q1 is None:
            return "S1"
        return "S2" if self.minimum is None else "S3"

    @property
    def ends(self) -> tuple[float, float]:
        """Minimum and maximum."""
        if self.minimum is None or self.maximum is None:
            raise OptionError("this method needs the minimum and the maximum")
        return self.minimum, self.maximum

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile."""
        if self.q1 is None or self.q3 is None:
            raise OptionError("this method needs the quartiles")
        return self.q1, self.q3

    def mapped(self, rising: Callable[[float], float]) -> FiveNumbers:
        """Return the same after a rising transformation, a function of one number.

        Parameters
        ----------
        rising
            A rising function of one number, such as ``math.log``.

        Returns
        -------
        FiveNumbers
            The transformed numbers of the same sample.

        Raises
        ------
        OptionError
            Not a function.

        Examples
        --------
        >>> five = FiveNumbers(median=6, n=20, q1=4, q3=9)
        >>> five.mapped(lambda x: 2 * x).q3
        18
        """
        if not callable(rising):
            raise OptionError(f"rising={shown(rising)} is not a function · give one of one number, such as math.log")
        values = (self.minimum, self.q1, self.q3, self.maximum)
        low, q1, q3, high = (None if x is None else rising(x) for x in values)
        return FiveNumbers(rising(self.median), self.n, low, q1, q3, high)

    def divided(self, unit: float) -> FiveNumbers:
        """Return the same in multiples of ``unit`` > 0.

        Parameters
        ----------
        unit
            Above 0.

        Returns
        -------
        FiveNumbers
            The numbers divided by ``unit``.

        Raises
        ------
        OptionError
            ``unit`` is not positive.

        Examples
        --------
        >>> five = FiveNumbers(median=6, n=20, q1=4, q3=9)
        >>> five.divided(3).median
        2.0
        """
        unit = a_number("unit", unit, above=0)
        return self.mapped(lambda x: x / unit)

    def logs(self) -> FiveNumbers:
        """Return the same on the log scale.

        Returns
        -------
        FiveNumbers
            The logs of the numbers.

        Raises
        ------
        InputError
            One of them is not positive.

        Examples
        --------
        >>> five = FiveNumbers(median=1, n=20, q1=0.5, q3=2)
        >>> five.logs().median
        0.0
        """
        values = (self.minimum, self.q1, self.median, self.q3, self.maximum)
        if any(x is not None and x <= 0 for x in values):
            raise InputError("a log-normal distribution is positive · give positive numbers, or distribution='normal'")
        return self.mapped(math.log)
