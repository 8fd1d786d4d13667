"""Nonsense for every parameter of every public callable: refused in words, or a documented result.

How to add base calls
---------------------
One `Base` a callable, in a dictionary by public name, in a file of your own::

    from tests.nonsense.sweep import Base, Kind, NUMBER, TEXT, sweep

    BASES = {
        "pool_bayes": Base(lam.pool_bayes, lambda: {"table": table(), "tau": lam.priors.HalfNormal(0.5)}, {
            "engine": Kind(choices=("auto", "grid", "nuts")),
            "table": Kind(),                       # nothing nonsensical is allowed
            "moderators": Kind(accepts={"matrix"}),  # labels of NONSENSE that are a documented value here
        }),
    }
    REASONS = {"Posterior": "made by pool_bayes; its methods have base calls of their own"}

The first argument is called, the second returns fresh keyword arguments of a valid call (positional-only parameters
go in by name too). Every parameter that `inspect.signature` shows is fed each value of `NONSENSE` in turn; `**options`
are fed when the base call names them. What a parameter may take is said by its `Kind` (or a tuple of accepted
labels): by name in the base, else in `KINDS`, where one name has one meaning through the package, else nothing. A
method goes in as ``"Pooled.interval": Base(fit.interval, dict, …)``. Then::

    @pytest.mark.parametrize("name", sorted(BASES))
    def test_nonsense_is_refused_in_words(name):
        assert not sweep(name, BASES[name])

A finding is a line of text: an exception that is not a `LamEvidenceError`, an empty message, choices that are not
listed, a warning that is not an `EvidenceWarning`, a value accepted that no `Kind` documents, or a number that became
NaN. `uncovered` names the public callables without a base or a reason.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

import lamevidence
from lamevidence.foundation.errors import EvidenceWarning, LamEvidenceError

__all__ = [
    "ANY",
    "BELOW_ONE",
    "COUNT",
    "FLAG",
    "KINDS",
    "NONSENSE",
    "NUMBER",
    "POSITIVE",
    "SEED",
    "TEXT",
    "Base",
    "Kind",
    "calls",
    "outcome",
    "parameters",
    "public_callables",
    "public_methods",
    "sweep",
    "uncovered",
]

NONSENSE: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "text": lambda: "banana",
    "blank": lambda: "",
    "minus": lambda: -1,
    "minus half": lambda: -0.5,
    "zero": lambda: 0,
    "half": lambda: 0.5,
    "two": lambda: 2,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "minus inf": lambda: -float("inf"),
    "overflow": lambda: 10**400,
    "true": lambda: True,
    "complex": lambda: 1j,
    "bytes": lambda: b"x",
    "empty": list,
    "mixed": lambda: [1, "a"],
    "nones": lambda: [None, None],
    "one": lambda: [0.5],
    "text array": lambda: np.array(["x"]),
    "matrix": lambda: np.ones((2, 3)),
    "cube": lambda: np.ones((2, 2, 2)),
    "holes": lambda: pd.Series([1.0, np.nan, 3.0]),
    "frame": lambda: pd.DataFrame({"a": [1.0, 2.0]}),
    "dict": dict,
    "set": lambda: {"a", 3},
    "object": object,
    "class": lambda: dict,
    "generator": lambda: (i for i in range(3)),
}
"""Label → what makes the value. Fresh each time, since a generator is used up by its first reader."""


@dataclass(frozen=True)
class Kind:
    """What a parameter may take: labels of `NONSENSE` that mean something here, and its names if it has any.

    ``nan`` lists endings of result paths that may become NaN, with a documented meaning. ``own`` lists values whose
    error is that of the user's own function, not ours. ``skip`` is a reason not to feed the parameter at all.
    """

    accepts: Collection[str] = ()
    choices: Iterable[str] = ()
    nan: tuple[str, ...] = ()
    own: Collection[str] = ()
    skip: str = ""


ANY = Kind(accepts=tuple(NONSENSE))
TEXT = Kind(accepts=("text", "blank"))
FLAG = Kind(accepts=("true",))
NUMBER = Kind(accepts=("minus", "minus half", "zero", "half", "two"))
POSITIVE = Kind(accepts=("half", "two"))
BELOW_ONE = Kind(accepts=("half",))
COUNT = Kind(accepts=("two",))
SEED = Kind(accepts=("zero", "two", "none"))

KINDS: dict[str, Kind] = {
    "level": BELOW_ONE,
    "alpha": BELOW_ONE,
    "seed": SEED,
    "title": TEXT,
    "unit": TEXT,
}
"""One name of a parameter, one meaning through the whole package."""


@dataclass(frozen=True)
class Base:
    """A valid call, and what its parameters may take."""

    call: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]
    kinds: Mapping[str, Kind | tuple[str, ...]] = field(default_factory=dict)

    def kind(self, name: str) -> Kind:
        known = self.kinds.get(name, KINDS.get(name, Kind()))
        return known if isinstance(known, Kind) else Kind(accepts=known)


def parameters(base: Base) -> dict[str, inspect.Parameter]:
    """Return the parameters to feed: those of the signature, and the **options that the base call names."""
    shown = inspect.signature(base.call).parameters
    fed = {n: p for n, p in shown.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    for name in base.arguments():
        fed.setdefault(name, inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY))
    return fed


def outcome(base: Base, changed: Mapping[str, Any]) -> Any:
    """Return the result of the base call with some arguments changed; every foreign warning is an error."""
    given = base.arguments() | dict(changed)
    shown = inspect.signature(base.call).parameters
    first = [given.pop(n) for n, p in shown.items() if p.kind is p.POSITIONAL_ONLY and n in given]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", EvidenceWarning)
        result = base.call(*first, **given)
        return list(result) if inspect.isgenerator(result) else result


def sweep(name: str, base: Base) -> list[str]:
    """Return every finding of one base call, a line each."""
    usual = set(_nans(outcome(base, {})))
    found = []
    for parameter, shown in parameters(base).items():
        kind = base.kind(parameter)
        if kind.skip:
            continue
        for label, make in NONSENSE.items():
            if label == "none" and shown.default is None:
                continue
            what = _finding(base, parameter, label, make(), kind, usual)
            if what:
                found.append(f"{name}({parameter}={label}): {what}")
    return [*found, *_misspelt(name, base)]


def calls(base: Base) -> int:
    """Return how many calls a sweep of this base makes."""
    return 2 + len(NONSENSE) * sum(not base.kind(p).skip for p in parameters(base))


def _finding(base: Base, parameter: str, label: str, value: Any, kind: Kind, usual: set[str]) -> str:
    try:
        result = outcome(base, {parameter: value})
    except LamEvidenceError as error:
        return _message(str(error), label, kind)
    except Exception as error:
        return "" if label in kind.own else f"{type(error).__name__}: {str(error)[:150]}"
    if label not in kind.accepts:
        return f"accepted, result {repr(result)[:100]!s}"
    nans = {p for p in _nans(result) if p not in usual and not p.endswith(kind.nan or ("\0",))}
    return f"NaN in {', '.join(sorted(nans))}" if nans else ""


def _message(text: str, label: str, kind: Kind) -> str:
    if len(text.strip()) < 10:
        return f"says only {text!r}"
    absent = [c for c in kind.choices if c not in text] if label == "text" else []
    return f"does not list {', '.join(absent)}: {text[:150]}" if absent else ""


def _misspelt(name: str, base: Base) -> list[str]:
    """A keyword with two letters exchanged: refused, and the message names it."""
    known = [n for n in parameters(base) if len(n) > 1]
    if not known:
        return []
    wrong = known[-1][1] + known[-1][0] + known[-1][2:] + "_"
    try:
        outcome(base, {wrong: 1})
    except (LamEvidenceError, TypeError) as error:
        return [] if wrong in str(error) else [f"{name}({wrong}=…): the message does not name it: {str(error)[:150]}"]
    except Exception as error:
        return [f"{name}({wrong}=…): {type(error).__name__}: {str(error)[:150]}"]
    return [f"{name}({wrong}=…): accepted"]


def _nans(result: Any, path: str = "", depth: int = 4) -> Iterator[str]:
    """Yield the places of a result that are NaN, whatever holds them."""
    if depth == 0 or result is None or isinstance(result, str | bytes | bool | int | lamevidence.EvidenceTable):
        return
    if isinstance(result, float):
        if np.isnan(result):
            yield path
    elif isinstance(result, np.ndarray):
        if result.dtype.kind in "fc" and np.isnan(result).any():
            yield path
    elif isinstance(result, pd.DataFrame):
        for column in result.columns:
            yield from _nans(result[column].to_numpy(), f"{path}.{column}", depth - 1)
    elif isinstance(result, Mapping):
        for key, value in result.items():
            yield from _nans(value, f"{path}.{key}", depth - 1)
    elif isinstance(result, tuple | list):
        for i, value in enumerate(result):
            yield from _nans(value, f"{path}.{i}", depth - 1)
    elif dataclasses.is_dataclass(result):
        for member in dataclasses.fields(result):
            if not member.name.startswith("_"):
                yield from _nans(getattr(result, member.name), f"{path}.{member.name}", depth - 1)


PUBLIC_MODULES = (
    "audit",
    "sheets",
    "foundation.catalog",
    "checks",
    "effects.measures",
    "effects.recovery",
    "effects",
    "pooling",
    "bayes",
    "bayes.models",
    "bayes.priors",
    "synthesis",
    "plots",
    "questions",
    "registry",
    "reports",
    "foundation.units",
    "foundation.values",
)
"""Chapters whose ``__all__`` is for users, besides the names of the package itself."""


def public_callables() -> dict[str, Any]:
    """Return every public callable: names of the package, then ``chapter.name`` of what only a chapter offers."""
    found = {n: getattr(lamevidence, n) for n in lamevidence.__all__ if callable(getattr(lamevidence, n))}
    known = {id(o) for o in found.values()}
    for module in PUBLIC_MODULES:
        held = importlib.import_module(f"lamevidence.{module}")
        for name in held.__all__:
            item = getattr(held, name)
            if callable(item) and id(item) not in known:
                known.add(id(item))
                found[f"{module}.{name}"] = item
    return found


def public_methods(kind: type) -> dict[str, Any]:
    """Return the public methods of a class that take something from the user, as ``Class.method``."""
    if issubclass(kind, BaseException | tuple):
        return {}
    found = {}
    for name, member in inspect.getmembers(kind, callable):
        if name.startswith("_") or isinstance(inspect.getattr_static(kind, name), property):
            continue
        own = [p for p in inspect.signature(member).parameters if p != "self"]
        if own:
            found[f"{kind.__name__}.{name}"] = member
    return found


def uncovered(names: Iterable[str], bases: Collection[str], reasons: Collection[str]) -> list[str]:
    """Return the names that have neither a base call nor a reason for having none."""
    return sorted(n for n in names if n not in bases and n not in reasons)
