"""Reading an option: the value when it is one, else an error that says what was given and what to give instead."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable
from functools import wraps
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .errors import InputError, OptionError, UnknownName, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "a_choice",
    "a_flag",
    "a_level",
    "a_number",
    "a_path",
    "a_seed",
    "a_text",
    "a_whole",
    "an_instance",
    "here",
    "our_words",
    "shown",
    "unknown_argument",
]

_INF = float("inf")

P = ParamSpec("P")
T = TypeVar("T")

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "method": ("tau2", "kind"),
    "method.tau": ("tau2",),
    "method_tau": ("tau2",),
    "tau2_method": ("tau2",),
    "test": ("interval",),
    "hakn": ("interval",),
    "method_random_ci": ("interval",),
    "ci_method": ("interval",),
    "predtype": ("prediction",),
    "method_predict": ("prediction",),
    "mods": ("moderators",),
    "mod": ("moderators",),
    "formula": ("moderators",),
    "slab": ("labels",),
    "studlab": ("labels",),
    "data": ("evidence", "frame"),
    "table": ("evidence",),
    "x": ("fit", "evidence"),
    "sm": ("measure",),
    "conf_level": ("level",),
    "alpha": ("level",),
    "subgroup": ("by",),
    "byvar": ("by",),
    "permutations": ("draws",),
    "replicates": ("draws",),
    "nsim": ("draws",),
    "iter": ("draws",),
    "n_draws": ("draws",),
    "newmods": ("new",),
    "newdata": ("new",),
}
"""Argument as R's packages (metafor, meta) or older versions name it → what it may be called here."""

VALUES: dict[str, tuple[tuple[str, str], ...]] = {
    "knha": (("interval", "HKSJ"),),
    "hakn": (("interval", "HKSJ"),),
    "hk": (("interval", "HKSJ"),),
    "hartung-knapp": (("interval", "HKSJ"),),
    "knapp-hartung": (("interval", "HKSJ"),),
    "adhoc": (("interval", "HKSJ-floor"),),
    "wald": (("interval", "z"),),
    "normal": (("interval", "z"),),
    "classic": (("interval", "z"),),
    "re": (("model", "random"),),
    "rem": (("model", "random"),),
    "random-effects": (("model", "random"),),
    "ee": (("model", "common"), ("tau2", "none")),
    "ce": (("model", "common"), ("tau2", "none")),
    "fe": (("model", "fixed"), ("tau2", "none")),
    "fem": (("model", "fixed"), ("tau2", "none")),
    "fixed-effects": (("model", "fixed"),),
    "inverse": (("model", "random"),),
    "dersimonian-laird": (("tau2", "DL"),),
    "dsl": (("tau2", "DL"),),
    "mp": (("tau2", "PM"),),
    "paule-mandel": (("tau2", "PM"),),
    "mantel-haenszel": (("model", "mh"),),
    "riley-t": (("prediction", "riley"),),
    "v": (("prediction", "t"),),
    "s": (("prediction", "normal"),),
}
"""Value in lower case as R's packages name it → what is written here: (argument, value), the likeliest first."""


def here(given: object, choices: Iterable[str]) -> str:
    """Return how a word of another package is written here (``interval='HKSJ'``), "" where nothing is known of it.

    Parameters
    ----------
    given
        The word.
    choices
        Values that the argument takes; the answer is one of them.

    Examples
    --------
    >>> here("knha", ("z", "HKSJ"))
    "interval='HKSJ'"
    """
    names = set(choices)
    for argument, value in VALUES.get(given.casefold(), ()) if isinstance(given, str) else ():
        if value in names and given != value:
            return f"{argument}={value!r}"
    return ""


OF_ONE_STAGE = {
    "interval": ("z", "t"),
    "tau2": ("ML", "none"),
    "prediction": ("profile", "HTS", "t", "normal", "none"),
}
"""Values that the one-stage models of counts take, the default of `pool` for counts; others go with the estimates."""


ONE_STAGE = ("glmm", "beta_binomial", "gamma_poisson")
"""Functions that fit them."""


def _of_one_stage(argument: str, value: object) -> bool:
    return argument not in OF_ONE_STAGE or not isinstance(value, str) or value in OF_ONE_STAGE[argument]


def _advice(function: str, argument: str, value: object, names: Iterable[str]) -> str:
    """Return what to write, with the model where the default one for counts does not take it."""
    if function in ONE_STAGE and not _of_one_stage(argument, value):
        return f"{argument}={OF_ONE_STAGE[argument][-1 if argument == 'interval' else 0]!r}, of {function}"
    apart = function.startswith("pool") and "model" in names and not _of_one_stage(argument, value)
    return f"{argument}={shown(value)}" + (", model='random'" if apart else "")


def unknown_argument(function: str, name: str, value: object, known: Iterable[str]) -> OptionError:
    """Return the error for an argument that a function does not have; another package's word is told as ours.

    Parameters
    ----------
    function
        What was called.
    name, value
        The argument given.
    known
        Arguments that the function has.

    Examples
    --------
    >>> print(unknown_argument("pool", "method", "DL", ("tau2", "level")))
    pool has no argument 'method' · here that is tau2='DL'
    """
    names = tuple(known)
    words = [w for w in (value, name) if isinstance(w, str)]
    for argument, meant in (pair for word in words for pair in VALUES.get(word.casefold(), ())):
        if argument in names:
            said = _advice(function, argument, meant, names)
            return OptionError(f"{function} has no argument {name!r} · here that is {said}")
    for argument in ARGUMENTS.get(name, ()):
        if argument in names:
            said = _advice(function, argument, value, names)
            return OptionError(f"{function} has no argument {name!r} · here that is {said}")
    near = did_you_mean(name, names)
    hint = f"did you mean {near}? · " if near else ""
    return OptionError(f"{function} has no argument {name!r} · {hint}arguments: {', '.join(names)}")


def our_words(**words: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator: arguments that the function does not have are refused with the word used here.

    Parameters
    ----------
    **words
        Words of other packages → ours, for this function alone, besides those that hold everywhere.

    Examples
    --------
    >>> @our_words(n="total")
    ... def counted(total=0, tau2="REML"):
    ...     return total
    >>> counted(n=3)
    Traceback (most recent call last):
    lamevidence.foundation.errors.OptionError: counted has no argument 'n' · here that is total=3
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        code = function.__code__  # type: ignore[attr-defined]
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        known = tuple(name for name in names if name not in ("self", "cls"))

        @wraps(function)
        def call(*args: P.args, **given: P.kwargs) -> T:
            for name in given:
                if name in known:
                    continue
                if words.get(name) in known:
                    what = f"{function.__name__} has no argument {name!r}"
                    raise OptionError(f"{what} · here that is {words[name]}={shown(given[name])}")
                raise unknown_argument(function.__name__, name, given[name], known)
            return function(*args, **given)

        return call

    return decorate


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
        raise UnknownName(what, given if isinstance(given, str) else _Shown(given), names, here(given, names))
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
        bounds = (
            [f"between {least:g} and {most:g}"]
            if math.isfinite(least) and math.isfinite(most)
            else [
                f"{words} {bound:g}"
                for words, bound in (("above", above), ("of at least", least), ("below", below), ("of at most", most))
                if math.isfinite(bound)
            ]
        )
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
