"""Do words and numbers point the same way?"""

from __future__ import annotations

from collections.abc import Iterator

from ..registry.records import Continuous, Contrast, Direction, Study
from ..registry.registry import RegistryRecords
from .doubts import CHECKS, Doubt, estimates

__all__ = ["words_and_numbers"]

_CHANGES = ("_slope", "_change")
_TREATED = ("on_treatment", "whole_study")


@CHECKS.register("LW248", title="direction in words against numbers", reference="Cochrane Handbook 5.5.3, 12.2.2")
def words_and_numbers(study: Study, registry: RegistryRecords) -> Iterator[Doubt]:
    """Question a direction in words where every slope, change and difference of the outcome has the other sign.

    Improved and worsened are read by what the vocabulary calls better; a zero contradicts no word.
    """
    for said in study.findings:
        if not isinstance(said, Direction):
            continue
        sign = _sign(said, registry)
        if sign == 0:
            continue
        found = [f for f in estimates(study) if _of(f, said)]
        values = [float(f.value) for f in found]
        if values and all(value * sign < 0 for value in values):
            first = found[0]
            yield Doubt(
                said,
                ("direction",),
                f"{said.outcome} {said.direction}, but {first.id} is {first.value.value} {first.value.unit}",
                "an arrow or a sign misread? acknowledge: [LW248] with a note when the source prints both",
            )


def _sign(said: Direction, registry: RegistryRecords) -> int:
    if said.direction in ("increased", "decreased"):
        return 1 if said.direction == "increased" else -1
    outcome = registry.vocabulary.outcomes.get(said.outcome)
    better = {"better": 1, "worse": -1}.get(outcome.higher_is if outcome is not None else "", 0)
    return better * {"improved": 1, "worsened": -1}.get(said.direction, 0)


def _of(finding: Continuous | Contrast, said: Direction) -> bool:
    """Tell whether an estimate is of the change that a direction tells in words."""
    stem = next((finding.outcome.removesuffix(end) for end in _CHANGES if finding.outcome.endswith(end)), "")
    if stem != said.outcome.removesuffix("_slope").removesuffix("_change") or finding.arm != said.arm:
        return False
    if isinstance(finding, Contrast):
        return finding.measure in ("MD", "DM")
    return finding.phase in _TREATED and finding.population == said.population
