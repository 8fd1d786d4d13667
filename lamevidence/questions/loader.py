"""Read the question files of a registry; every problem of every file in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..foundation.errors import OptionError, Problem, did_you_mean
from ..foundation.options import a_path, an_instance
from ..foundation.units import UNITS
from ..registry.files import Budget, read_yaml
from ..registry.folder import yaml_files
from ..registry.nodes import Document, Loc
from ..registry.validation import duplicate_problems, text_problems, validate
from ..registry.vocabulary import Vocabulary
from .grade import Judgements, judgements_of
from .question import (
    JOINT,
    ONE_MEAN,
    ROLE_OF_PHASE,
    Correlation,
    Eligibility,
    ExcludedStudy,
    FollowUpRange,
    Question,
    places_its_number,
)
from .schema import EligibilityModel, FollowUpModel, GradeModel, QuestionModel, VariationModel, VariedBayesModel
from .variation import Variation

__all__ = ["QuestionFile", "load_questions", "read_question", "read_questions"]


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A file of the folder; ``question`` is None when the file has an error."""

    document: Document
    question: Question | None


def load_questions(
    folder: Path, vocabulary: Vocabulary, root: Path | None = None
) -> tuple[dict[str, Question], list[Problem]]:
    """Return the questions by id and all problems of their files.

    Parameters
    ----------
    folder
        Where the ``*.yaml`` files are.
    vocabulary
        Outcomes, designs and categories that a question may name.
    root
        Folder that printed paths are relative to.

    Returns
    -------
    tuple
        Question id → question, and the problems with file, line and column.

    Raises
    ------
    OptionError
        ``folder`` is no path, or ``vocabulary`` no vocabulary.

    Examples
    --------
    >>> import lamevidence as lam
    >>> from lamevidence.questions import load_questions
    >>> registry = lam.load_registry()
    >>> questions, problems = load_questions(registry.root / "questions", registry.vocabulary)
    >>> len(problems)
    0
    """
    folder = a_path("folder", folder)
    an_instance("vocabulary", vocabulary, Vocabulary, "take it from load_registry(path).vocabulary")
    root = None if root is None else a_path("root", root)
    files, problems = read_questions(folder, vocabulary, root)
    return {f.question.id: f.question for f in files if f.question is not None}, problems


def read_questions(
    folder: Path, vocabulary: Vocabulary, root: Path | None = None
) -> tuple[list[QuestionFile], list[Problem]]:
    """Return the files of a folder of questions, and all problems of the folder and of each file by itself."""
    root = folder.parent if root is None else root
    budget = Budget(root)
    paths, problems = yaml_files(folder, "question", root, budget)
    files: list[QuestionFile] = []
    for path in paths:
        document = read_yaml(path, root, budget)
        question, found = read_question(document, vocabulary, path.stem)
        problems += found
        files.append(QuestionFile(document, question))
    return files, problems


def read_question(document: Document, vocabulary: Vocabulary, stem: str) -> tuple[Question | None, list[Problem]]:
    """Return the question of a file, None as soon as it has an error, and the problems that the file shows by itself.

    Parameters
    ----------
    document
        The file.
    vocabulary
        Outcomes, designs and categories that a question may name.
    stem
        Name of the file without its ending.
    """
    found = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    model = None
    if document.root is not None:
        model, invalid = validate(document, QuestionModel, document.value)
        found += invalid
    if model is not None:
        found += _cross_checks(document, model, vocabulary, stem)
    blank = {p.where for p in found if p.code == "LE108"}
    found = [p for p in dict.fromkeys(found) if p.code == "LE108" or p.where not in blank]
    if model is None or any(p.is_error for p in found):
        return None, found
    return _frozen(model, document.path), found


def _cross_checks(document: Document, model: QuestionModel, vocabulary: Vocabulary, stem: str) -> list[Problem]:
    found: list[Problem] = []
    if model.id != stem:
        found.append(document.problem("LE303", ("id",), f"id {model.id} in file {stem}.yaml", "id and file name agree"))
    if model.outcome not in vocabulary.outcomes:
        found.append(_unknown(document, ("outcome",), "outcome", model.outcome, tuple(vocabulary.outcomes)))
    for i, design in enumerate(model.eligibility.designs):
        if design not in vocabulary.designs:
            found.append(_unknown(document, ("eligibility", "designs", i), "design", design, tuple(vocabulary.designs)))
    if model.unit is not None and model.unit not in UNITS:
        found.append(_unknown(document, ("unit",), "unit", model.unit, tuple(UNITS), code="LE121"))
    for i, category in enumerate(model.eligibility.categories):
        if category not in ("", *vocabulary.categories) and vocabulary.categories:
            at = ("eligibility", "categories", i)
            found.append(_unknown(document, at, "category", category, tuple(vocabulary.categories)))
    found += _compare_checks(document, model)
    found += _model_checks(document, model)
    found += _follow_up_checks(document, ("eligibility", "follow_up"), model.eligibility.follow_up)
    found += _set_checks(document, model)
    found += _grade_checks(document, model)
    if model.reads is not None and not places_its_number(model.reads):
        remedy = "write {estimate} once, where the number stands, and no other brace"
        found.append(document.problem("LE116", ("reads",), "`reads` does not say where the number stands", remedy))
    return found


def _model_checks(document: Document, model: QuestionModel) -> list[Problem]:
    """Return what is wrong with the pre-specified analysis whatever the findings are."""
    found = []
    level = model.model.level if model.model is not None else None
    if level is not None and not 0 < level < 1:
        remedy = f"write {level / 100} for {level} %" if 1 < level < 100 else "write 0.95 for 95 %"
        found.append(document.problem("LE116", ("model", "level"), f"level {level} is not between 0 and 1", remedy))
    said = model.bayes
    if said is not None and not said.model_dump(exclude_none=True, exclude={"because"}):
        fitting = [f"`{name}`" for name in (JOINT if model.compare == "joint" else ONE_MEAN)]
        remedy = f"give {', '.join(fitting[:-1])} or {fitting[-1]}, or delete `bayes`"
        found.append(document.problem("LE102", ("bayes",), "`bayes` states no prior", remedy))
    found += _other_priors(document, model)
    if not model.pooled:
        found += [
            document.problem(
                "LE321",
                (name,),
                f"`{name}` in a question that is not pooled",
                f"delete `{name}`, or delete `pooled: false`",
                key=True,
            )
            for name in ("model", "bayes")
            if getattr(model, name) is not None
        ]
    return found


def _other_priors(document: Document, model: QuestionModel) -> list[Problem]:
    """Return one LE321 for every prior of another kind of question, in the question and in its sets."""
    wrong = ONE_MEAN if model.compare == "joint" else JOINT
    places: list[tuple[Loc, VariedBayesModel | None]] = [(("bayes",), model.bayes)]
    places += [(("sensitivity", i, "bayes"), one.bayes) for i, one in enumerate(model.sensitivity)]
    what = f"in a comparison {model.compare}"
    return [
        document.problem("LE321", (*loc, name), f"`{name}` {what}: it has no meaning there", "delete it", key=True)
        for loc, said in places
        if said is not None
        for name in wrong
        if getattr(said, name) is not None
    ]


def _compare_checks(document: Document, model: QuestionModel) -> list[Problem]:
    found = []
    rules = model.eligibility
    if model.compare == "joint":
        found += _joint_checks(document, model)
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
    found += _idle(document, model)
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


def _joint_checks(document: Document, model: QuestionModel) -> list[Problem]:
    """Return what a joint question lacks, or says that has no meaning in it."""
    found = []
    rules = model.eligibility
    if not rules.interventions:
        message, remedy = "a joint question needs to know which treatment", "add `interventions: [...]`"
        found.append(document.problem("LE102", ("eligibility",), message, remedy))
    blocks = (("model", model.model), ("grade", model.grade), ("rows", None if model.rows == "study" else model.rows))
    for name, given in blocks:
        if given is not None:
            message = f"`{name}` in a comparison joint: it has no meaning there"
            found.append(document.problem("LE321", (name,), message, "delete it", key=True))
    if not model.pooled:
        message = "`pooled: false` in a comparison joint, which is one model of all rows"
        found.append(document.problem("LE321", ("pooled",), message, "delete it", key=True))
    neither = [phase for phase in rules.phases if phase not in ROLE_OF_PHASE]
    for phase in neither:
        where: Loc = ("eligibility", "phases", rules.phases.index(phase))
        message = f"phase {phase} is neither on the treatment, nor before it, nor without it"
        found.append(document.problem("LE321", where, message, f"choose among {', '.join(ROLE_OF_PHASE)}"))
    for i, one in enumerate(model.sensitivity):
        if one.model is not None:
            where = ("sensitivity", i, "model")
            message = "`model` in a comparison joint: it has no meaning there"
            found.append(document.problem("LE321", where, message, "delete it", key=True))
    return found


def _idle(document: Document, model: QuestionModel) -> list[Problem]:
    """Return one LE321 for every field that would silently do nothing in this comparison or kind."""
    rules, two_arms = model.eligibility, model.compare in ("between_arms", "joint")
    counts = model.kind in ("dichotomous", "rate")
    idle: list[tuple[Loc, str]] = []
    if rules.comparators and not two_arms:
        idle.append((("eligibility", "comparators"), f"`comparators` in a comparison {model.compare}"))
    if model.correlation is not None and model.compare not in ("within_patients", "joint"):
        idle.append((("correlation",), f"`correlation` in a comparison {model.compare}"))
    if rules.statistics and counts:
        idle.append((("eligibility", "statistics"), f"`statistics` for findings of kind {model.kind}"))
    if rules.categories and not counts:
        idle.append((("eligibility", "categories"), f"`categories` for findings of kind {model.kind}"))
    if model.rows == "category" and not counts:
        idle.append((("rows",), f"rows by category for findings of kind {model.kind}"))
    if model.rows == "subject" and model.kind != "rate":
        idle.append((("rows",), f"rows by subject for findings of kind {model.kind}"))
    found = [document.problem("LE321", loc, f"{what}: it has no meaning there", "delete it") for loc, what in idle]
    for i, name in enumerate(rules.comparators):
        if two_arms and name in rules.interventions:
            here: Loc = ("eligibility", "comparators", i)
            found.append(document.problem("LE321", here, f"{name} is compared with itself", "name another comparator"))
    first: set[str] = set()
    for i, rule in enumerate(rules.exclude):
        if rule.study in first:
            here = ("eligibility", "exclude", i, "study")
            found.append(document.problem("LE301", here, f"{rule.study} is excluded twice", "keep one"))
        first.add(rule.study)
    return found


def _unknown(
    document: Document, loc: tuple[str | int, ...], what: str, given: str, choices: tuple[str, ...], code: str = "LE304"
) -> Problem:
    near = did_you_mean(given, choices)
    hint = f"did you mean `{near}`? " if near else ""
    return document.problem(code, loc, f"unknown {what} `{given}`", f"{hint}choices: {', '.join(choices)}")


def _set_checks(document: Document, model: QuestionModel) -> list[Problem]:
    """Return what is wrong with the sensitivity sets whatever the records are."""
    found = []
    first: set[str] = set()
    for i, variation in enumerate(model.sensitivity):
        if variation.name in first:
            where: Loc = ("sensitivity", i, "name")
            found.append(document.problem("LE301", where, f"two sets are named {variation.name!r}", "rename one"))
        first.add(variation.name)
        span = None if variation.eligibility is None else variation.eligibility.follow_up
        wrong = _follow_up_checks(document, ("sensitivity", i, "eligibility", "follow_up"), span)
        if wrong:
            found += wrong
            continue
        made = _variation(variation)
        if not made.changes:
            remedy = "say what it changes, or delete it"
            where = ("sensitivity", i, "name")
            found.append(document.problem("LE321", where, f"the set {made.name!r} changes nothing", remedy))
        if made.correlation is not None and model.correlation is None:
            where, what = ("sensitivity", i, "correlation"), "`correlation` in a question that states none"
            found.append(document.problem("LE321", where, what, "add `correlation` to the question, or delete it here"))
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(v) for v in value)
    return value


def _eligibility(model: EligibilityModel) -> Eligibility:
    names = [name for name in EligibilityModel.model_fields if name not in ("exclude", "follow_up")]
    return Eligibility(
        **{name: tuple(getattr(model, name)) for name in names},
        exclude=tuple(ExcludedStudy(e.study, e.reason) for e in model.exclude),
        follow_up=_follow_up(model.follow_up),
    )


def _follow_up(model: FollowUpModel | None) -> FollowUpRange | None:
    return None if model is None else FollowUpRange(model.least, model.most)


def _follow_up_checks(document: Document, loc: Loc, model: FollowUpModel | None) -> list[Problem]:
    try:
        _follow_up(model)
    except OptionError as error:
        message, _, remedy = str(error).partition(" · ")
        return [document.problem("LE116", loc, message, remedy)]
    return []


def _grade(model: GradeModel | None) -> Judgements | None:
    return None if model is None else judgements_of(_plain(model.model_dump(exclude_none=True)))


def _grade_checks(document: Document, model: QuestionModel) -> list[Problem]:
    """Return what is wrong with the judgements, part by part, so that each problem has its place."""
    if model.grade is None:
        return []
    if not model.pooled:
        remedy = "delete `grade`, or delete `pooled: false`"
        return [document.problem("LE321", ("grade",), "`grade` in a question that is not pooled", remedy, key=True)]
    found = []
    given = model.grade.model_dump(exclude_none=True)
    parts: list[tuple[Loc, dict[str, Any]]] = []
    for name, value in given.items():
        if name in ("domains", "upgrades"):
            parts += [(("grade", name, key), {name: {key: one}}) for key, one in value.items()]
        else:
            parts.append((("grade", name), {name: value}))
    for loc, part in parts:
        try:
            judgements_of(_plain(part))
        except OptionError as error:
            message, _, remedy = str(error).partition(" · ")
            found.append(document.problem("LE116", loc, message, remedy))
    if not given:
        found.append(document.problem("LE321", ("grade",), "`grade` judges nothing", "delete it, or enter a judgement"))
    return found


def _variation(model: VariationModel) -> Variation:
    own = model.eligibility
    lists = {} if own is None else own.model_dump(exclude_none=True, exclude={"follow_up"})
    return Variation(
        name=model.name,
        because=model.because,
        eligibility={name: tuple(words) for name, words in lists.items()},
        leave_out=tuple(model.leave_out),
        take_in=tuple(model.take_in),
        primary=dict(model.primary),
        prefer=_preferences(model.prefer),
        read_as=dict(model.read_as),
        follow_up=None if own is None else _follow_up(own.follow_up),
        correlation=None if model.correlation is None else float(model.correlation),
        model={} if model.model is None else _plain(model.model.model_dump(exclude_none=True)),
        bayes={} if model.bayes is None else _plain(model.bayes.model_dump(exclude_none=True)),
    )


def _preferences(given: Mapping[str, tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    return {study: names[0] if len(names) == 1 else names for study, names in given.items()}


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
        prefer=_preferences(model.prefer),
        primary=dict(model.primary),
        rows=model.rows,
        pooled=model.pooled,
        correlation=None if r is None else Correlation(float(r.used), float(r.low), float(r.high), r.because),
        model={} if model.model is None else _plain(model.model.model_dump(exclude_none=True)),
        bayes={} if model.bayes is None else _plain(model.bayes.model_dump(exclude_none=True)),
        read_as=dict(model.read_as),
        sensitivity=tuple(_variation(v) for v in model.sensitivity),
        reads=model.reads or "",
        higher_is=model.higher_is or "",
        grade=_grade(model.grade),
        notes=tuple(model.notes),
        registered=model.registered,
        path=path,
    )
