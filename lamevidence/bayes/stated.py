"""Priors as they are written: by a caller, in a question, on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..errors import OptionError, UnknownName
from ..options import a_text, shown
from .catalogue import PRIORS
from .data_priors import FlatTau
from .effect_priors import EffectPrior, Flat
from .priors import TauPrior

__all__ = ["parse_prior", "stated_prior"]

_CALL = re.compile(r"^\s*(\w+)\s*(?:\(\s*([^)]*)\))?\s*$")
_PART = re.compile(r"^(?:(\w+)\s*=\s*)?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*)?$")
_UNIT = re.compile(r"^unit\s*=\s*['\"]?(.+?)['\"]?$")


def stated_prior(value: Any, role: str, unit: str | None) -> Any:
    """Return a prior given as an object, or as a question writes it: ``{half_normal: 2}``, ``{normal: [0, 10]}``.

    ``{normal: {loc: 0, scale: 10}}`` says the same by name. Parameters in a question are in the unit of its analysis;
    ``{half_normal: 72, unit: mL/year}`` names another. Text is read as by `parse_prior`.

    Raises
    ------
    UnknownName
        The prior has another name.
    OptionError
        Not a prior, or parameters that it does not have.
    """
    if isinstance(value, TauPrior | EffectPrior):
        return FlatTau(unit=value.unit) if role == "tau" and isinstance(value, Flat) else value
    if isinstance(value, str):
        return _made(role, *_read(value, unit))
    if not isinstance(value, Mapping) or len(set(value) - {"unit"}) != 1:
        raise OptionError(
            f"{role}={shown(value)} is not a prior"
            " · write lam.HalfNormal(…) in Python, {half_normal: 2} in a question"
        )
    (name,) = set(value) - {"unit"}
    given = value[name]
    unit = value.get("unit", unit)
    if isinstance(given, Mapping):
        return _made(role, name, [], given, unit)
    several = isinstance(given, Sequence) and not isinstance(given, str)
    return _made(role, name, list(given) if several else [] if given is None else [given], {}, unit)


def parse_prior(text: str, unit: str | None = None) -> Any:
    """Return the prior written as text: ``HalfNormal(72 mL/year)``, ``half_normal(6)``, ``Normal(0, scale=20)``.

    Parameters
    ----------
    text
        A name and its parameters; a unit may follow a number.
    unit
        Unit of the parameters when the text names none.

    Raises
    ------
    UnknownName
        No prior of that name.
    OptionError
        The text cannot be read.
    """
    name, numbers, named, unit = _read(text, unit)
    if _snake(name) not in {_snake(n) for r in PRIORS.values() for n in r}:
        raise UnknownName("prior", name, sorted({n for r in PRIORS.values() for n in r}))
    role = "tau" if _snake(name) in {_snake(n) for n in PRIORS["tau"]} and _snake(name) != "flat" else "mu"
    return _made(role, name, numbers, named, unit)


def _read(text: str, unit: str | None) -> tuple[str, list[float], dict[str, float], str | None]:
    """Name, numbers by position, numbers by name, and unit of a prior written as text."""
    match = _CALL.match(a_text("prior", text))
    if match is None:
        raise OptionError(f"cannot read the prior {shown(text)} · write for example 'HalfNormal(72 mL/year)'")
    numbers: list[float] = []
    named: dict[str, float] = {}
    units: list[str] = []
    for part in filter(None, (p.strip() for p in (match.group(2) or "").split(","))):
        of_unit, found = _UNIT.match(part), _PART.match(part)
        if of_unit:
            units.append(of_unit.group(1))
        elif found is None or found.group(1) in named or (named and not found.group(1)):
            raise OptionError(
                f"cannot read {part!r} in the prior {shown(text)} · write numbers, or name=number once for each"
            )
        else:
            if found.group(1):
                named[found.group(1)] = float(found.group(2))
            else:
                numbers.append(float(found.group(2)))
            units += [found.group(3)] if found.group(3) else []
    if len(set(units)) > 1:
        raise OptionError(f"the prior {shown(text)} names the units {', '.join(units)} · give all numbers in one unit")
    return match.group(1), numbers, named, units[0] if units else unit


def _made(role: str, name: object, numbers: Sequence[Any], named: Mapping[str, Any], unit: str | None) -> Any:
    """The prior of this name with these parameters, all of which it needs."""
    names = {_snake(n): cls for n, cls in PRIORS[role].items()}
    if _snake(name) not in names:
        raise UnknownName(f"prior of {role}", name, PRIORS[role])
    made = names[_snake(name)]
    wanted = [f.name for f in fields(made) if f.name not in ("vi", "unit")]
    if set(named) | set(wanted[: len(numbers)]) != set(wanted) or len(numbers) + len(named) != len(wanted):
        given = ", ".join([*map(shown, numbers), *(f"{n}={shown(v)}" for n, v in named.items())])
        raise OptionError(
            f"{role}: {name} does not take ({given}) · give {', '.join(wanted) or 'it without parameters'}"
        )
    return made(*numbers, **named) if unit is None else made(*numbers, **named, unit=unit)


def _snake(name: object) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower()
