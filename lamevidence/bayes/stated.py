"""Priors as they are written: by a caller, in a question, on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import OptionError, UnknownName
from .catalogue import PRIORS
from .data_priors import FlatTau
from .effect_priors import EffectPrior, Flat
from .priors import TauPrior

__all__ = ["parse_prior", "stated_prior"]

_CALL = re.compile(r"^\s*(\w+)\s*(?:\(\s*([^)]*)\))?\s*(.*)$")


def stated_prior(value: Any, role: str, unit: str | None) -> Any:
    """Return a prior given as an object, or as a question writes it: ``{half_normal: 2}``, ``{normal: [0, 10]}``.

    Parameters in a question are in the unit of its analysis; ``{half_normal: 72, unit: mL/year}`` names another.

    Raises
    ------
    UnknownName
        The prior has another name.
    OptionError
        Not a prior, or parameters that it does not have.
    """
    if isinstance(value, TauPrior | EffectPrior):
        return FlatTau(unit=value.unit) if role == "tau" and isinstance(value, Flat) else value
    names = {_snake(name): cls for name, cls in PRIORS[role].items()}
    if isinstance(value, str):
        value = {value: ()}
    if not isinstance(value, Mapping) or len(set(value) - {"unit"}) != 1:
        raise OptionError(
            f"{role}={value!r} is not a prior · write lam.HalfNormal(…) in Python, {{half_normal: 2}} in a question"
        )
    (name,) = set(value) - {"unit"}
    if _snake(name) not in names:
        raise UnknownName(f"prior of {role}", name, PRIORS[role])
    made, given = names[_snake(name)], value[name]
    numbers = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    extra = {"unit": value.get("unit", unit)} if made.needs_unit else {}
    try:
        return made(*numbers, **extra)
    except TypeError as error:
        raise OptionError(f"{role}: {name} does not take {given!r} · {error}") from None


def parse_prior(text: str, unit: str | None = None) -> Any:
    """Return the prior written as text: ``HalfNormal(72 mL/year)``, ``half_normal(6)``, ``Normal(0, 20)``.

    Parameters
    ----------
    text
        A name and its parameters; a unit may follow the last number.
    unit
        Unit of the parameters when the text names none.

    Raises
    ------
    UnknownName
        No prior of that name.
    OptionError
        The text cannot be read.
    """
    match = _CALL.match(text)
    if match is None or match.group(3):
        raise OptionError(f"cannot read the prior {text!r} · write for example 'HalfNormal(72 mL/year)'")
    name, inside = match.group(1), match.group(2) or ""
    numbers: list[float] = []
    for part in filter(None, (p.strip() for p in inside.split(","))):
        found = re.match(r"^(?:\w+\s*=\s*)?([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(\S.*)?$", part)
        named = re.match(r"^unit\s*=\s*['\"]?(.+?)['\"]?$", part)
        if named:
            unit = named.group(1)
        elif found:
            numbers.append(float(found.group(1)))
            unit = found.group(2) or unit
        else:
            raise OptionError(f"cannot read {part!r} in the prior {text!r}")
    role = "tau" if _snake(name) in {_snake(n) for n in PRIORS["tau"]} and _snake(name) != "flat" else "mu"
    if _snake(name) not in {_snake(n) for r in PRIORS.values() for n in r}:
        raise UnknownName("prior", name, sorted({n for r in PRIORS.values() for n in r}))
    return stated_prior({name: numbers, "unit": unit}, role, unit)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower()
