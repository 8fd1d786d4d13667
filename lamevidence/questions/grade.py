"""Judgements of the certainty of evidence (GRADE): what is entered by people, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..foundation.errors import OptionError
from ..foundation.options import a_choice, a_number, a_text, a_whole, an_instance, shown

__all__ = [
    "CERTAINTIES",
    "DOMAINS",
    "UPGRADES",
    "InformationSize",
    "Judged",
    "Judgements",
    "StatedBaseline",
    "Upgrade",
    "judgements_of",
    "levels_of",
]

CERTAINTIES = ("very low", "low", "moderate", "high")
_SERIOUS = ("not serious", "serious", "very serious", "extremely serious")
_SUSPECTED = ("undetected", "strongly suspected")
DOMAINS: dict[str, tuple[str, ...]] = {
    "risk_of_bias": _SERIOUS[:3],
    "inconsistency": _SERIOUS[:3],
    "indirectness": _SERIOUS[:3],
    "imprecision": _SERIOUS,
    "publication_bias": _SUSPECTED,
}
"""Domain → the words of its judgement, each one level further down."""
UPGRADES = ("large_effect", "dose_response", "opposing_confounding")


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement in the words of GRADE, and why."""

    judgement: str
    because: str

    def __post_init__(self) -> None:
        a_text("judgement", self.judgement)
        _a_reason(self.because, self.judgement)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Levels up for what raises certainty, and why."""

    levels: int
    because: str

    def __post_init__(self) -> None:
        a_whole("levels", self.levels, 1, 2)
        _a_reason(self.because, f"{self.levels} levels up")


@dataclass(frozen=True, slots=True)
class InformationSize:
    """What a single trial would be planned on: a risk and its relative reduction, or a difference and an SD."""

    because: str
    risk: float | None = None
    relative_reduction: float | None = None
    difference: float | None = None
    sd: float | None = None

    def __post_init__(self) -> None:
        _a_reason(self.because, "an information size")
        pairs = ((self.risk, self.relative_reduction), (self.difference, self.sd))
        if [sum(x is not None for x in pair) for pair in pairs] not in ([2, 0], [0, 2]):
            raise OptionError("information · give risk and relative_reduction, or difference and sd")
        if self.risk is not None:
            a_number("risk", self.risk, above=0, below=1)
            a_number("relative_reduction", self.relative_reduction, above=0, most=1)
        else:
            a_number("difference", self.difference, above=0)
            a_number("sd", self.sd, above=0)


@dataclass(frozen=True, slots=True)
class StatedBaseline:
    """The baseline of the absolute effect: one number or low and high, why, and by when it holds."""

    at: tuple[float, ...]
    because: str
    time: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.at, tuple) or len(self.at) not in (1, 2):
            raise OptionError(f"at={shown(self.at)} · give one baseline, or low and high")
        for one in self.at:
            a_number("at", one, above=0)
        _a_reason(self.because, "a baseline")
        a_text("time", self.time)


@dataclass(frozen=True, slots=True)
class Judgements:
    """What was judged of one body of evidence; whatever is absent was not.

    Attributes
    ----------
    start
        Certainty to start from (``high`` or ``low``).
    domains
        Domain of `DOMAINS` → judgement.
    upgrades
        One of `UPGRADES` → levels up.
    certainty
        The certainty in the end.
    thresholds
        Values of the effect, as displayed, that decide: an interval that holds one is imprecise.
    information, baseline
        Optimal information size, baseline of the absolute effect.
    judged_by
        Who judged.

    References
    ----------
    Guyatt et al. 2008, doi:10.1136/bmj.39489.470347.AD.
    """

    start: Judged | None = None
    domains: Mapping[str, Judged] = field(default_factory=dict)
    upgrades: Mapping[str, Upgrade] = field(default_factory=dict)
    certainty: Judged | None = None
    thresholds: tuple[float, ...] = ()
    information: InformationSize | None = None
    baseline: StatedBaseline | None = None
    judged_by: str = ""

    def __post_init__(self) -> None:
        for name, kind in (("start", Judged), ("certainty", Judged), ("information", InformationSize)):
            if getattr(self, name) is not None:
                an_instance(name, getattr(self, name), kind, f"write {kind.__name__}(…)")
        if self.baseline is not None:
            an_instance("baseline", self.baseline, StatedBaseline, "write StatedBaseline(at, because)")
        if self.start is not None:
            a_choice("certainty to start from", self.start.judgement, ("high", "low"))
        if self.certainty is not None:
            a_choice("certainty", self.certainty.judgement, CERTAINTIES)
        an_instance("domains", self.domains, Mapping, "give domain → Judged")
        for name, judged in self.domains.items():
            a_choice("domain", name, DOMAINS)
            an_instance(name, judged, Judged, "write Judged(judgement, because)")
            a_choice(f"judgement of {name}", judged.judgement, DOMAINS[name])
        an_instance("upgrades", self.upgrades, Mapping, "give reason → Upgrade")
        for name, up in self.upgrades.items():
            a_choice("upgrade", name, UPGRADES)
            an_instance(name, up, Upgrade, "write Upgrade(levels, because)")
        an_instance("thresholds", self.thresholds, tuple, "give a tuple of numbers")
        for one in self.thresholds:
            a_number("thresholds", one)
        a_text("judged_by", self.judged_by)


def levels_of(domain: str, judgement: str) -> int:
    """Return how many levels down a judgement of a domain is."""
    return DOMAINS[domain].index(judgement)


def _a_reason(because: object, of: str) -> None:
    if not a_text("because", because).strip():
        raise OptionError(f"{of} without a reason · say why in `because`")


_PARTS: dict[str, Any] = {
    "start": Judged,
    "certainty": Judged,
    "information": InformationSize,
    "baseline": StatedBaseline,
}


def judgements_of(given: Mapping[str, Any]) -> Judgements:
    """Return the judgements that a ``grade:`` block (or a mapping of its form) holds.

    Parameters
    ----------
    given
        Keys as the attributes of `Judgements`; ``{judgement: serious, because: "…"}`` for each judgement.

    Raises
    ------
    OptionError
        A key or a word that GRADE does not have, or a judgement without its reason.
    """
    an_instance("judgements", given, Mapping, "give Judgements(…), or a mapping with their names")
    known = tuple(Judgements.__dataclass_fields__)
    made: dict[str, Any] = {}
    for name, value in given.items():
        a_choice("part of grade", name, known)
        if name in _PARTS:
            made[name] = _made(name, _PARTS[name], value)
        elif name in ("domains", "upgrades"):
            an_instance(name, value, Mapping, "give name → {…}")
            kind = Judged if name == "domains" else Upgrade
            made[name] = {key: _made(key, kind, one) for key, one in value.items()}
        else:
            made[name] = tuple(value) if isinstance(value, list) else value
    return Judgements(**made)


def _made(name: str, kind: Any, value: object) -> Any:  # noqa: ANN401
    if isinstance(value, kind):
        return value
    an_instance(str(name), value, Mapping, f"give {', '.join(kind.__dataclass_fields__)}")
    assert isinstance(value, Mapping)
    given = {}
    for key, x in value.items():
        a_choice(f"part of {name}", key, tuple(kind.__dataclass_fields__))
        given[key] = tuple(x) if isinstance(x, list) else x
    if kind is StatedBaseline and isinstance(given.get("at"), int | float):
        given["at"] = (given["at"],)
    needed = {"Judged": ("judgement", "because"), "Upgrade": ("levels", "because"), "StatedBaseline": ("at", "because")}
    lacking = [x for x in needed.get(kind.__name__, ("because",)) if x not in given]
    if lacking:
        raise OptionError(f"{name} lacks {' and '.join(lacking)} · every judgement is entered with its reason")
    return kind(**given)
