"""What a registry folder says: every study record, the vocabulary, the overlaps and what is wrong with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from ..foundation.errors import InvalidRegistry, Problem
from ..foundation.options import a_choice, a_flag, a_path
from .files import Budget, missing, read_yaml
from .folder import stray_parts, yaml_files
from .nodes import Document
from .overlaps import ExcludedPaper, OverlapGroup, read_excluded, read_overlaps
from .reader import read_study
from .records import Finding, Phase, Study
from .rules_registry import registry_problems
from .vocabulary import Vocabulary, read_vocabulary

__all__ = ["RegistryRecords", "read_records", "shipped_studies"]


@dataclass(frozen=True)
class RegistryRecords:
    """All studies of a folder.

    `lamevidence.workspace.Registry` adds what is asked of them: questions, evidence, audit.

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

    @property
    def admitted(self) -> tuple[Study, ...]:
        """The studies as a question sees them; `Registry` marks what an unacknowledged error keeps out."""
        return self.studies

    def study(self, study_id: str) -> Study:
        """Return one study; raises `UnknownName` with the nearest id.

        Parameters
        ----------
        study_id
            Its id, the name of its file.

        Returns
        -------
        Study
            The record.

        Raises
        ------
        UnknownName
            No such study; names the nearest one.

        Examples
        --------
        >>> import lamevidence as lam
        >>> lam.load_registry().study("mccormack-2011").year
        2011
        """
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

        Parameters
        ----------
        outcome
            Outcome of the vocabulary; all when None.
        kind
            ``continuous``, ``dichotomous``, ``rate``, ``contrast``, ``paired`` or ``direction``.
        study
            Id of a study.
        phase
            Phase of a study, such as ``on_treatment``.

        Returns
        -------
        tuple
            Pairs of `Study` and finding.

        Raises
        ------
        UnknownName
            No such outcome, study or kind; names the nearest one.

        Examples
        --------
        >>> import lamevidence as lam
        >>> len(lam.load_registry().findings(kind="paired", study="mccormack-2011"))
        0
        """
        if outcome is not None:
            self.vocabulary.outcome(outcome)
        kinds = ("continuous", "dichotomous", "rate", "contrast", "paired", "direction")
        if kind is not None:
            a_choice("kind of finding", kind, kinds)
        if phase is not None:
            a_choice("phase", phase, get_args(Phase))
        return tuple(self._matching(outcome, kind, self.studies if study is None else (self.study(study),), phase))

    @staticmethod
    def _matching(
        outcome: str | None, kind: str | None, studies: tuple[Study, ...], phase: str | None
    ) -> Iterator[tuple[Study, Finding]]:
        for study in studies:
            for finding in study.findings:
                fits = outcome in (None, finding.outcome) and phase in (None, finding.phase)
                if fits and kind in (None, type(finding).__name__.lower()):
                    yield study, finding

    def __repr__(self) -> str:
        findings = sum(len(s.findings) for s in self.studies)
        counts = f"{len(self.by_id)} studies, {findings} findings, {len(self.problems)} problems"
        return f"<{type(self).__name__} {self.version}: {counts}>"


def shipped_studies() -> Path:
    """Return the folder of the registry that comes with the package."""
    from importlib.resources import files

    package = Path(str(files("lamevidence")))
    beside = package.parent / "studies"
    inside = package / "_studies"
    return inside if (inside / "vocabulary.yaml").is_file() else beside


def read_records(path: str | Path | None = None, *, strict: bool = True) -> RegistryRecords:
    """Read a registry folder: all records, all problems, in one pass.

    Parameters
    ----------
    path
        Folder with ``records/`` and ``vocabulary.yaml``; the shipped registry when None.
    strict
        Raise when there is any error; with False return what could be read, problems attached.

    Returns
    -------
    RegistryRecords
        The studies without errors, and everything found.

    Raises
    ------
    InvalidRegistry
        Lists every problem of every file, with line and column.
    """
    a_flag("strict", strict)
    root = a_path("path", path) if path is not None else shipped_studies()
    records = _read(root)
    if strict and any(p.is_error for p in records.problems):
        raise InvalidRegistry(records.problems, root)
    return records


def _read(root: Path) -> RegistryRecords:
    if not root.is_dir():
        problem = missing(
            str(root), "the registry folder does not exist", "give a folder with records/ and vocabulary.yaml"
        )
        return RegistryRecords(root, {}, Vocabulary(), problems=(problem,))
    budget = Budget(root)
    problems: list[Problem] = stray_parts(root)
    vocabulary_file = read_yaml(root / "vocabulary.yaml", root, budget)
    vocabulary, found = read_vocabulary(vocabulary_file)
    problems += found
    documents, found = _record_files(root, budget)
    problems += found
    entries: list[tuple[Document, Study]] = []
    for document in documents:
        study, found = read_study(document, vocabulary)
        problems += found
        if study is not None:
            entries.append((document, study))
    stems = [Path(d.path).stem for d in documents]
    # a link to nowhere, a folder or a pipe of that name is not the same as no overlaps
    names = [name for name in ("overlaps.yaml", "excluded.yaml") if os.path.lexists(root / name)]
    others = [read_yaml(root / name, root, budget) for name in names]
    groups, papers, found = _lists(others, stems)
    problems += found
    problems += registry_problems(entries, groups)
    by_id = {study.id: study for _, study in sorted(entries, key=lambda e: e[1].id)}
    read = [vocabulary_file, *documents, *others]
    return RegistryRecords(
        root,
        by_id,
        vocabulary,
        groups,
        papers,
        tuple(problems),
        _fingerprint(read),
        {d.path: d for d in read},
    )


def _record_files(root: Path, budget: Budget) -> tuple[list[Document], list[Problem]]:
    paths, problems = yaml_files(root / "records", "study", root, budget)
    if not paths and not problems:
        problems = [missing("records", "the folder records/ has no .yaml file", "put one YAML file per study into it")]
    return [read_yaml(p, root, budget) for p in paths], problems


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
