"""The registry: every study record of a folder, with the vocabulary, the overlaps and what is wrong with them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ..errors import InvalidRegistry, Problem
from ..options import a_choice, a_flag, a_path, an_instance
from .files import missing, read_yaml
from .nodes import Document
from .overlaps import ExcludedPaper, OverlapGroup, read_excluded, read_overlaps
from .reader import read_study
from .records import Finding, Phase, Study
from .rules_registry import registry_problems
from .vocabulary import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    from ..effects.evidence_table import EvidenceTable
    from ..questions.question import Question

__all__ = ["Registry", "load_registry", "shipped_studies"]


@dataclass(frozen=True)
class Registry:
    """All studies of a folder.

    Attributes
    ----------
    root
        The folder.
    by_id
        Study id → study, for the records without errors.
    vocabulary, overlap_groups, excluded
        Contents of the files of these names.
    problems
        Everything found, warnings included, over all files.
    sha256
        Fingerprint of every file that was read; ``version`` is its first 12 digits.
    """

    root: Path
    by_id: Mapping[str, Study]
    vocabulary: Vocabulary
    overlap_groups: tuple[OverlapGroup, ...] = ()
    excluded: tuple[ExcludedPaper, ...] = ()
    problems: tuple[Problem, ...] = ()
    sha256: str = ""
    documents: Mapping[str, Document] = field(default_factory=dict, repr=False)

    @property
    def version(self) -> str:
        """Return the first 12 digits of the fingerprint."""
        return self.sha256[:12]

    @property
    def studies(self) -> tuple[Study, ...]:
        """All studies, by id."""
        return tuple(self.by_id.values())

    def study(self, study_id: str) -> Study:
        """Return one study; raises `UnknownName` with the nearest id."""
        return self.by_id[a_choice("study", study_id, self.by_id)]

    def findings(
        self,
        outcome: str | None = None,
        *,
        kind: str | None = None,
        study: str | None = None,
        phase: str | None = None,
    ) -> tuple[tuple[Study, Finding], ...]:
        """Return (study, finding) for every finding that fits.

        Raises
        ------
        UnknownName
            No such outcome, study or kind; names the nearest one.
        """
        if outcome is not None:
            self.vocabulary.outcome(outcome)
        kinds = ("continuous", "dichotomous", "rate", "contrast", "paired", "direction")
        if kind is not None:
            a_choice("kind of finding", kind, kinds)
        if phase is not None:
            a_choice("phase", phase, get_args(Phase))
        return tuple(
            self._matching(outcome, kind, self.studies if study is None else (self.study(study),), phase)
        )

    @staticmethod
    def _matching(
        outcome: str | None, kind: str | None, studies: tuple[Study, ...], phase: str | None
    ) -> Iterator[tuple[Study, Finding]]:
        for study in studies:
            for finding in study.findings:
                fits = outcome in (None, finding.outcome) and phase in (None, finding.phase)
                if fits and kind in (None, type(finding).__name__.lower()):
                    yield study, finding

    @functools.cached_property
    def questions(self) -> Mapping[str, Question]:
        """Question id → question; raises `InvalidRegistry` when one of them is wrong."""
        questions, problems = self._read_questions()
        if any(p.is_error for p in problems):
            raise InvalidRegistry(problems, self.root)
        return questions

    def question_problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the questions of the folder."""
        return tuple(self._read_questions()[1])

    def _read_questions(self) -> tuple[Mapping[str, Any], list[Problem]]:
        from ..questions import load_questions

        return load_questions(self.root / "questions", self.vocabulary, self.root)

    def question(self, question_id: str) -> Question:
        """Return one question; raises `UnknownName` with the nearest id."""
        return self.questions[a_choice("question", question_id, self.questions)]

    def evidence(self, question: str | Question) -> EvidenceTable:
        """Return the evidence table of a question, given by id or as a `Question` of one's own."""
        from ..effects.derivation import evidence
        from ..questions.question import Question

        if isinstance(question, str):
            question = self.question(question)
        an_instance("question", question, Question, f"give a Question, or one of {', '.join(self.questions)}")
        return evidence(self, question)

    def __repr__(self) -> str:
        findings = sum(len(s.findings) for s in self.studies)
        counts = f"{len(self.by_id)} studies, {findings} findings, {len(self.problems)} problems"
        return f"<Registry {self.version}: {counts}>"


def shipped_studies() -> Path:
    """Return the folder of the registry that comes with the package."""
    from importlib.resources import files

    package = Path(str(files("lamevidence")))
    beside = package.parent / "studies"
    inside = package / "_studies"
    return inside if (inside / "vocabulary.yaml").is_file() else beside


def load_registry(path: str | Path | None = None, *, strict: bool = True) -> Registry:
    """Read a registry folder: all records, all problems, in one pass.

    Parameters
    ----------
    path
        Folder with ``records/`` and ``vocabulary.yaml``; the shipped registry when None.
    strict
        Raise when there is any error; with False return what could be read, problems attached.

    Raises
    ------
    InvalidRegistry
        Lists every problem of every file, with line and column.

    Examples
    --------
    >>> import lamevidence as lam
    >>> registry = lam.load_registry(strict=False)  # doctest: +SKIP
    """
    a_flag("strict", strict)
    root = a_path("path", path) if path is not None else shipped_studies()
    registry = _read(root)
    if strict and any(p.is_error for p in registry.problems):
        raise InvalidRegistry(registry.problems, root)
    return registry


def _read(root: Path) -> Registry:
    if not root.is_dir():
        problem = missing(
            str(root), "the registry folder does not exist", "give a folder with records/ and vocabulary.yaml"
        )
        return Registry(root, {}, Vocabulary(), problems=(problem,))
    problems: list[Problem] = []
    vocabulary_file = read_yaml(root / "vocabulary.yaml", root)
    vocabulary, found = read_vocabulary(vocabulary_file)
    problems += found
    documents, found = _record_files(root)
    problems += found
    entries: list[tuple[Document, Study]] = []
    for document in documents:
        study, found = read_study(document, vocabulary)
        problems += found
        if study is not None:
            entries.append((document, study))
    stems = [Path(d.path).stem for d in documents]
    others = [
        read_yaml(root / name, root) for name in ("overlaps.yaml", "excluded.yaml") if (root / name).is_file()
    ]
    groups, papers, found = _lists(others, stems)
    problems += found
    problems += registry_problems(entries, groups)
    by_id = {study.id: study for _, study in sorted(entries, key=lambda e: e[1].id)}
    read = [vocabulary_file, *documents, *others]
    return Registry(
        root,
        by_id,
        vocabulary,
        groups,
        papers,
        tuple(problems),
        _fingerprint(read),
        {d.path: d for d in read},
    )


def _record_files(root: Path) -> tuple[list[Document], list[Problem]]:
    folder = root / "records"
    if not folder.is_dir():
        return [], [
            missing("records", "the folder records/ is missing", "put one YAML file per study into records/")
        ]
    problems = [
        missing(f"records/{p.name}", "a record file must end in .yaml", f"rename it to {p.stem}.yaml")
        for p in sorted(folder.iterdir())
        if p.suffix == ".yml"
    ]
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        problems.append(
            missing("records", "the folder records/ has no .yaml file", "put one YAML file per study into it")
        )
    return [read_yaml(p, root) for p in paths], problems


def _lists(
    documents: list[Document], studies: list[str]
) -> tuple[tuple[OverlapGroup, ...], tuple[ExcludedPaper, ...], list[Problem]]:
    groups: tuple[OverlapGroup, ...] = ()
    papers: tuple[ExcludedPaper, ...] = ()
    problems: list[Problem] = []
    for document in documents:
        if document.path == "overlaps.yaml":
            groups, found = read_overlaps(document, studies)
        else:
            papers, found = read_excluded(document)
        problems += found
    return groups, papers, problems


def _fingerprint(documents: list[Document]) -> str:
    lines = "".join(f"{d.path} {d.sha256}\n" for d in sorted(documents, key=lambda d: d.path))
    return hashlib.sha256(lines.encode()).hexdigest()
