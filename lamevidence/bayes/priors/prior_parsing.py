"""Priors as they are written: by a caller, in a question, on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TypeAlias, cast

from ...foundation.errors import OptionError, UnknownName
from ...foundation.options import a_text, shown
from .base import TauPrior
from .catalogue import PRIORS
from .effect_priors import EffectPrior, Flat
from .improper_priors import FlatTau

__all__ = ["PriorLike", "as_prior", "mu_prior", "parse_prior", "tau_prior"]

Prior: TypeAlias = TauPrior | EffectPrior
PriorLike: TypeAlias = Prior | str | Mapping[str, object]
"""A prior as an object, as text, or as a question writes it."""

_CALL = re.compile(r"^\s*(\w+)\s*(?:\(\s*([^)]*)\))?\s*$")
_PART = re.compile(r"^(?:(\w+)\s*=\s*)?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*)?$")
_UNIT = re.compile(r"^unit\s*=\s*['\"]?(.+?)['\"]?$")


def as_prior(value: object, role: str, unit: str | None) -> Prior:
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
            " · write lam.priors.HalfNormal(…) in Python, {half_normal: 2} in a question"
        )
    (name,) = set(value) - {"unit"}
    given = value[name]
    unit = cast("str | None", value.get("unit", unit))
    if isinstance(given, Mapping):
        return _made(role, name, [], given, unit)
    several = isinstance(given, Sequence) and not isinstance(given, str)
    return _made(role, name, list(given) if several else [] if given is None else [given], {}, unit)


def mu_prior(value: object, unit: str | None) -> EffectPrior:
    """Return a prior of an effect in the unit of the estimates.

    Raises
    ------
    OptionError
        Not such a prior, or one without the unit it needs.
    """
    made = as_prior(value, "mu", unit)
    if not isinstance(made, EffectPrior):
        raise OptionError(f"mu={shown(made)} is not a prior of an effect · choose Normal, StudentT or Flat")
    return made.convert(unit)


def tau_prior(value: object, unit: str | None) -> TauPrior:
    """Return a prior of a standard deviation in the unit of the estimates.

    Raises
    ------
    OptionError
        Not such a prior, or one without the unit it needs.
    """
    made = as_prior(value, "tau", unit)
    if not isinstance(made, TauPrior):
        raise OptionError(
            f"tau={shown(made)} is not a prior of a standard deviation · choose HalfNormal, HalfCauchy, LogNormal …"
        )
    return made.convert(unit)


def parse_prior(text: str, unit: str | None = None) -> Prior:
    """Return the prior written as text: ``HalfNormal(72 mL/year)``, ``half_normal(6)``, ``Normal(0, scale=20)``.

    Parameters
    ----------
    text
        A name and its parameters; a unit may follow a number.
    unit
        Unit of the parameters when the text names none.

    Returns
    -------
    Prior
        The prior that the text writes.

    Raises
    ------
    UnknownName
        No prior of that name.
    OptionError
        The text cannot be read.

    See Also
    --------
    HalfNormal, Normal : priors made in Python.

    Examples
    --------
    >>> parse_prior("HalfNormal(72 mL/year)")
    HalfNormal(72, unit='mL/year')
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


def _made(role: str, name: object, numbers: Sequence[object], named: Mapping[str, object], unit: str | None) -> Prior:
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
    prior: Prior = made(*numbers, **named) if unit is None else made(*numbers, **named, unit=unit)
    return prior


def _snake(name: object) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower()
