"""Read the question files of a registry; every problem of every file in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import Problem, did_you_mean
from ..options import a_path, an_instance
from ..registry.files import read_yaml
from ..registry.nodes import Document
from ..registry.validation import blank_problems, duplicate_problems, validate
from ..registry.vocabulary import Vocabulary
from ..units import UNITS
from .question import Correlation, Eligibility, ExcludedStudy, Question
from .schema import EligibilityModel, QuestionModel

__all__ = ["load_questions"]


def load_questions(
    folder: Path, vocabulary: Vocabulary, root: Path | None = None
) -> tuple[dict[str, Question], list[Problem]]:
    """Return the questions by id and all problems of their files.

    Parameters
    ----------
    folder
        Where the ``*.yaml`` files are; a registry without the folder has no questions.
    vocabulary
        Outcomes, designs and categories that a question may name.
    root
        Folder that printed paths are relative to.
    """
    folder = a_path("folder", folder)
    an_instance("vocabulary", vocabulary, Vocabulary, "take it from load_registry(path).vocabulary")
    root = None if root is None else a_path("root", root)
    questions: dict[str, Question] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        document = read_yaml(path, root)
        found = [*document.problems, *duplicate_problems(document), *blank_problems(document)]
        model = None
        if document.root is not None:
            model, invalid = validate(document, QuestionModel, document.value)
            found += invalid
        if model is not None:
            found += _cross_checks(document, model, vocabulary, path, questions)
        problems += found
        if model is not None and not any(p.is_error for p in found):
            questions[model.id] = _frozen(model, document.path)
    return questions, problems


def _cross_checks(
    document: Document, model: QuestionModel, vocabulary: Vocabulary, path: Path, known: Mapping[str, Question]
) -> list[Problem]:
    found: list[Problem] = []
    if model.id != path.stem:
        found.append(document.problem("LE303", ("id",), f"id {model.id} in file {path.name}", "id and file name agree"))
    if model.id in known:
        found.append(document.problem("LE301", ("id",), f"id {model.id} used in two files", "ids are unique"))
    if model.outcome not in vocabulary.outcomes:
        found.append(_unknown(document, ("outcome",), "outcome", model.outcome, tuple(vocabulary.outcomes)))
    for i, design in enumerate(model.eligibility.designs):
        if design not in vocabulary.designs:
            found.append(_unknown(document, ("eligibility", "designs", i), "design", design, tuple(vocabulary.designs)))
    if model.unit is not None and model.unit not in UNITS:
        found.append(_unknown(document, ("unit",), "unit", model.unit, tuple(UNITS), code="LE121"))
    found += _compare_checks(document, model)
    return found


def _compare_checks(document: Document, model: QuestionModel) -> list[Problem]:
    found = []
    rules = model.eligibility
    if model.compare == "between_arms" and not (rules.interventions and rules.comparators):
        found.append(
            document.problem(
                "LE102",
                ("eligibility",),
                "a comparison between arms needs interventions and comparators",
                "add `interventions: [...]` and `comparators: [...]`",
            )
        )
    if (model.compare == "within_patients") != (model.kind == "paired"):
        found.append(
            document.problem(
                "LE106",
                ("compare",),
                f"compare {model.compare} does not go with kind {model.kind}",
                "within_patients goes with kind: paired",
            )
        )
    if model.correlation is not None:
        low, used, high = (float(getattr(model.correlation, n)) for n in ("low", "used", "high"))
        if not -1 <= low <= used <= high <= 1:
            found.append(
                document.problem(
                    "LE116",
                    ("correlation",),
                    "the correlation and its range must satisfy −1 ≤ low ≤ used ≤ high ≤ 1",
                    "give the range that is believable",
                )
            )
    return found


def _unknown(
    document: Document, loc: tuple[str | int, ...], what: str, given: str, choices: tuple[str, ...], code: str = "LE304"
) -> Problem:
    near = did_you_mean(given, choices)
    hint = f"did you mean `{near}`? " if near else ""
    return document.problem(code, loc, f"unknown {what} `{given}`", f"{hint}choices: {', '.join(choices)}")


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(v) for v in value)
    return value


def _eligibility(model: EligibilityModel) -> Eligibility:
    lists = {name: tuple(getattr(model, name)) for name in EligibilityModel.model_fields if name != "exclude"}
    return Eligibility(**lists, exclude=tuple(ExcludedStudy(e.study, e.reason) for e in model.exclude))


def _frozen(model: QuestionModel, path: str) -> Question:
    r = model.correlation
    return Question(
        id=model.id,
        title=model.title,
        estimand=model.estimand,
        outcome=model.outcome,
        kind=model.kind,
        compare=model.compare,
        measure=model.measure,
        unit=model.unit,
        eligibility=_eligibility(model.eligibility),
        prefer=dict(model.prefer),
        primary=dict(model.primary),
        rows=model.rows,
        pooled=model.pooled,
        correlation=None if r is None else Correlation(float(r.used), float(r.low), float(r.high), r.because),
        model={} if model.model is None else _plain(model.model.model_dump(exclude_none=True)),
        bayes={} if model.bayes is None else _plain(model.bayes.model_dump(exclude_none=True)),
        higher_is=model.higher_is or "",
        notes=tuple(model.notes),
        registered=model.registered,
        path=path,
    )
