"""Reading an option: the value when it is one, else an error that says what was given and what to give instead."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from .errors import InputError, OptionError, UnknownName

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "a_choice", "a_flag", "a_level", "a_number", "a_path", "a_seed", "a_text", "a_unit", "a_whole", "an_instance",
    "shown",
]

_INF = float("inf")


class _Short(reprlib.Repr):
    """Short texts of values, on one line."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlevel = 2


_SHORT = _Short()


def shown(given: object) -> str:
    """Return a value as one short line for a message.

    Examples
    --------
    >>> shown("x"), shown(10**400)[:5]
    ("'x'", '10000')
    """
    try:
        return " ".join(_SHORT.repr(given).split())
    except ValueError:
        # an integer of thousands of digits, which Python refuses to print
        return f"a {type(given).__name__} too long to print"


def a_choice(what: str, given: object, choices: Iterable[str]) -> str:
    """Return one of the choices.

    Raises
    ------
    UnknownName
        Something else; the message lists the choices and the nearest one.

    Examples
    --------
    >>> a_choice("kind", "central", ("central", "shortest"))
    'central'
    """
    names = tuple(choices)
    if not isinstance(given, str) or given not in names:
        raise UnknownName(what, given if isinstance(given, str) else _Shown(given), names)
    return given


class _Shown:
    """A value whose repr is short."""

    def __init__(self, given: object) -> None:
        self.text = shown(given)

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


def a_flag(name: str, given: object) -> bool:
    """Return a truth value.

    Raises
    ------
    OptionError
        Not ``True`` or ``False``.
    """
    if given is not True and given is not False:
        raise OptionError(f"{name}={shown(given)} is not one of the choices True, False · give one of them")
    return given


def _float(given: object) -> float | None:
    """Return a real number as a float, None for anything else (also for a truth value and an integer beyond floats)."""
    if type(given) is float:
        return given
    if isinstance(given, bool) or not isinstance(given, Real):
        return None
    try:
        return float(given)
    except OverflowError:
        return None


def a_number(
    name: str,
    given: object,
    *,
    above: float = -_INF,
    least: float = -_INF,
    below: float = _INF,
    most: float = _INF,
    error: type[InputError | OptionError] = OptionError,
) -> float:
    """Return a finite number within bounds (``above`` and ``below`` are outside, ``least`` and ``most`` inside).

    Raises
    ------
    OptionError
        Not such a number (or ``error``).

    Examples
    --------
    >>> a_number("scale", 2, above=0)
    2.0
    """
    value = _float(given)
    if value is None or not (math.isfinite(value) and above < value < below and least <= value <= most):
        bounds = [f"between {least:g} and {most:g}"] if math.isfinite(least) and math.isfinite(most) else [
            f"{words} {bound:g}"
            for words, bound in (("above", above), ("of at least", least), ("below", below), ("of at most", most))
            if math.isfinite(bound)
        ]
        wanted = " ".join(["a finite number", " and ".join(bounds)]).strip()
        raise error(f"{name}={shown(given)} is not usable · give {wanted}")
    return value


def a_whole(name: str, given: object, least: int, most: int | None = None) -> int:
    """Return a whole number of at least ``least``.

    Raises
    ------
    OptionError
        Not a whole number, or out of bounds.

    Examples
    --------
    >>> a_whole("draws", 1000, 1)
    1000
    """
    value = int(given) if isinstance(given, Integral) and not isinstance(given, bool) else None
    if value is None or value < least or (most is not None and value > most):
        upper = "" if most is None else f" and at most {most}"
        raise OptionError(f"{name}={shown(given)} is not usable · give a whole number of at least {least}{upper}")
    return value


def a_level(given: object, name: str = "level") -> float:
    """Return a probability strictly between 0 and 1.

    Raises
    ------
    OptionError
        Anything else, ``95`` for 95 % included.

    Examples
    --------
    >>> a_level(0.95)
    0.95
    """
    value = _float(given)
    if value is None or not 0.0 < value < 1.0:
        raise OptionError(f"{name}={shown(given)} is not a probability between 0 and 1 · for 95 % give 0.95")
    return value


def a_seed(given: object) -> int | None:
    """Return a seed: a whole number from 0 to 2¹²⁸, or None.

    Raises
    ------
    OptionError
        Anything else.
    """
    return None if given is None else a_whole("seed", given, 0, 2**128)


def a_text(name: str, given: object) -> str:
    """Return words.

    Raises
    ------
    OptionError
        Not a string.
    """
    if not isinstance(given, str) or any("\ud800" <= c <= "\udfff" for c in given):
        raise OptionError(f"{name}={shown(given)} is not text · give a string")
    return given


def a_unit(given: object) -> str | None:
    """Return the symbol of a unit, or None for a pure number.

    Raises
    ------
    UnknownName
        No unit has this symbol.
    """
    from .units import UNITS

    return None if given is None else a_choice("unit", given, UNITS)


def an_instance(name: str, given: object, kinds: type | tuple[type, ...], remedy: str) -> None:
    """Raise unless a value is of one of these classes.

    Raises
    ------
    OptionError
        It is not; ``remedy`` says how to make one.
    """
    if not isinstance(given, kinds):
        named = " or ".join(k.__name__ for k in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise OptionError(f"{name}={shown(given)} is not a {named} · {remedy}")


def a_path(name: str, given: Any) -> Path:  # noqa: ANN401
    """Return a path.

    Raises
    ------
    OptionError
        Neither a string nor a path, or one that no file system takes.
    """
    from os import PathLike, fsencode
    from pathlib import Path

    try:
        usable = isinstance(given, str | PathLike) and str(given) != "" and b"\0" not in fsencode(given)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise OptionError(f"{name}={shown(given)} is not a path · give the name of a file")
    return Path(given)
