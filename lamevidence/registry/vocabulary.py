"""What records and questions may name: outcomes, designs, categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from ..foundation.errors import Problem, did_you_mean
from ..foundation.options import a_choice
from ..foundation.units import UNITS, factor
from .nodes import Document
from .scalars import Flag, Number, Slug, Text, UnitSymbol
from .schema_findings import Strict
from .validation import duplicate_problems, text_problems, validate

__all__ = ["Design", "Outcome", "Vocabulary", "in_plausible_unit", "read_vocabulary"]

HigherIs = Literal["better", "worse", "neutral"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome: which units it may have, which direction is good, which values are believable."""

    id: str
    title: str
    dimension: tuple[str, ...]
    higher_is: HigherIs
    plausible: tuple[float, float] | None = None
    plausible_unit: str | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """Symbols of all units that this outcome may have."""
        return tuple(s for s, u in UNITS.items() if u.dimension in self.dimension)


@dataclass(frozen=True, slots=True)
class Design:
    """A study design."""

    id: str
    title: str
    randomised: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All names that records and questions may use."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    designs: Mapping[str, Design] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    def outcome(self, name: str) -> Outcome:
        """Return an outcome; raises `UnknownName` with the nearest one."""
        return self.outcomes[a_choice("outcome", name, self.outcomes)]


class OutcomeModel(Strict):
    """An outcome as the vocabulary writes it."""

    title: Text
    dimension: Annotated[list[Text], Field(min_length=1)]
    higher_is: HigherIs
    plausible: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    plausible_unit: UnitSymbol | None = None


class DesignModel(Strict):
    """A design as the vocabulary writes it."""

    title: Text
    randomised: Flag


class CategoryModel(Strict):
    """A category of adverse events."""

    title: Text


class VocabularyModel(Strict):
    """The whole file."""

    outcomes: dict[Slug, OutcomeModel]
    designs: dict[Slug, DesignModel]
    categories: dict[Slug, CategoryModel] = Field(default_factory=dict)


def read_vocabulary(document: Document) -> tuple[Vocabulary, list[Problem]]:
    """Return the vocabulary of a file and all its problems; an empty one when it does not parse."""
    problems = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    if document.root is None:
        return Vocabulary(), problems
    model, found = validate(document, VocabularyModel, document.value)
    problems += found
    if model is None:
        return Vocabulary(), problems
    problems += [p for name, item in model.outcomes.items() for p in _outcome_problems(document, name, item)]
    outcomes = {
        name: Outcome(
            name,
            m.title,
            tuple(m.dimension),
            m.higher_is,
            (float(m.plausible[0]), float(m.plausible[1])) if m.plausible else None,
            m.plausible_unit,
        )
        for name, m in model.outcomes.items()
    }
    designs = {name: Design(name, m.title, m.randomised) for name, m in model.designs.items()}
    return Vocabulary(outcomes, designs, {k: m.title for k, m in model.categories.items()}), problems


def _outcome_problems(document: Document, name: str, item: OutcomeModel) -> list[Problem]:
    known = sorted({u.dimension for u in UNITS.values()})
    problems = []
    for i, dimension in enumerate(item.dimension):
        if dimension not in known:
            near = did_you_mean(dimension, known)
            hint = f"did you mean `{near}`? " if near else ""
            problems.append(
                document.problem(
                    "LE122",
                    ("outcomes", name, "dimension", i),
                    f"unknown dimension `{dimension}`",
                    f"{hint}allowed: {', '.join(known)}",
                )
            )
    if (item.plausible is None) != (item.plausible_unit is None):
        problems.append(
            document.problem(
                "LE102",
                ("outcomes", name),
                "`plausible` and `plausible_unit` go together",
                "give both or neither",
            )
        )
    if item.plausible and item.plausible[0] >= item.plausible[1]:
        problems.append(
            document.problem(
                "LE212",
                ("outcomes", name, "plausible"),
                f"lower {item.plausible[0]} is not below upper {item.plausible[1]}",
                "write the smaller number first",
            )
        )
    return problems


def in_plausible_unit(outcome: Outcome, value: float, unit: str) -> float | None:
    """Return a value in the unit of the outcome's plausible range, None when no exact factor joins them."""
    if outcome.plausible_unit is None or UNITS[unit].dimension != UNITS[outcome.plausible_unit].dimension:
        return None
    return value * float(factor(unit, outcome.plausible_unit))
