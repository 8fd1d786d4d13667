"""The registry as a user meets it: the records of a folder, the questions asked of them, the evidence, the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from .audit import audit, barred
from .effects.derive.derivation import evidence
from .effects.derive.question_rules import Fault, answer_faults, question_faults
from .effects.derive.usage import Usage, usage
from .effects.evidence_table import EvidenceTable
from .foundation.doors import through
from .foundation.errors import InvalidRegistry, Problem, QuestionError
from .foundation.options import a_choice, an_instance
from .questions import Question, varied
from .questions.loader import QuestionFile, read_questions
from .registry.records import Finding, Paired, Study
from .registry.registry import RegistryRecords, read_records

__all__ = ["Registry", "load_registry"]


@dataclass(frozen=True, repr=False)
class Registry(RegistryRecords):
    """All studies of a folder, and what is asked of them; made by `load_registry`.

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
    documents
        Path → the file as it was read, with lines and columns.

    See Also
    --------
    load_registry : reads a folder.

    Examples
    --------
    >>> import lamevidence as lam
    >>> registry = lam.load_registry()
    >>> registry.evidence("fev1-slope-on-sirolimus").measure
    'MN'
    """

    @cached_property
    def questions(self) -> Mapping[str, Question]:
        """Question id → question.

        Raises
        ------
        InvalidRegistry
            One of the question files is wrong; the message lists all problems.
        """
        problems = self._found_in_questions
        if any(p.is_error for p in problems):
            raise InvalidRegistry(problems, self.root)
        return {f.question.id: f.question for f in self._question_files[0] if f.question is not None}

    @cached_property
    def inputs(self) -> Mapping[str, str]:
        """File → sha256 of its bytes, for every file that was read: records, vocabulary, lists and questions."""
        documents = [*self.documents.values(), *(f.document for f in self._question_files[0])]
        return {d.path: d.sha256 for d in sorted(documents, key=lambda d: d.path) if d.sha256}

    @cached_property
    def _question_files(self) -> tuple[list[QuestionFile], list[Problem]]:
        return read_questions(self.root / "questions", self.vocabulary, self.root)

    @cached_property
    def _found_in_questions(self) -> tuple[Problem, ...]:
        """What is wrong with the files by themselves, and with what they say of records and measures."""
        files, problems = self._question_files
        found = list(problems)
        for file in files:
            if file.question is not None:
                found += [_placed(file, fault) for fault in question_faults(file.question, self)]
        return tuple(found)

    def question_problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the questions of the folder: whatever `pool` would refuse is found here first.

        Returns
        -------
        tuple of Problem
            Errors and warnings with file, line and column; empty when all is well.

        Examples
        --------
        >>> import lamevidence as lam
        >>> lam.load_registry().question_problems()
        ()
        """
        found = list(self._found_in_questions)
        wrong = {p.path for p in found if p.is_error}
        for file in self._question_files[0]:
            if file.question is None or file.document.path in wrong:
                continue
            question = file.question
            answer: EvidenceTable | QuestionError
            try:
                answer = evidence(self, question)
            except QuestionError as error:
                answer = error
            faults = [*answer_faults(question, answer)]
            analysed = question.model or question.bayes or question.grade or question.compare == "joint"
            if analysed and isinstance(answer, EvidenceTable):
                faults += through("analysis_faults")(question, answer)
            said = {(fault.code, fault.message) for fault in faults}
            faults += [f for f in self._set_faults(question, answer) if (f.code, f.message) not in said]
            found += [_placed(file, fault) for fault in faults]
        return tuple(found)

    def _set_faults(self, question: Question, primary: EvidenceTable | QuestionError) -> list[Fault]:
        """Return what is wrong with the answers of the sensitivity sets."""
        found: list[Fault] = []
        for i, variation in enumerate(question.sensitivity):
            other, loc = varied(question, variation), ("sensitivity", i, "name")
            try:
                table = evidence(self, other)
            except QuestionError as error:
                found += [replace(fault, loc=loc) for fault in answer_faults(other, error)]
                continue
            if table.k == 0 and isinstance(primary, EvidenceTable) and not primary.k:
                continue
            if table.k == 0:
                found.append(Fault("LW309", loc, f"no study answers in the set {variation.name!r}", "delete the set"))
            elif isinstance(primary, EvidenceTable) and _same(primary, table) and table.model == primary.model:
                message = f"the set {variation.name!r} has the rows and the model of the primary one"
                found.append(Fault("LE321", loc, message, "delete the set, or mend what it changes"))
            elif question.compare == "joint" or (other.model, other.bayes) != (question.model, question.bayes):
                found += [replace(fault, loc=loc, key=False) for fault in through("analysis_faults")(other, table)]
        return found

    def question(self, question_id: str) -> Question:
        """Return one question.

        Parameters
        ----------
        question_id
            Its id, the name of its file.

        Returns
        -------
        Question
            What is asked, and which findings may answer.

        Raises
        ------
        UnknownName
            No such question; names the nearest one.

        Examples
        --------
        >>> import lamevidence as lam
        >>> lam.load_registry().question("fev1-slope-on-sirolimus").unit
        'mL/year'
        """
        return self.questions[a_choice("question", question_id, self.questions)]

    def evidence(self, question: str | Question) -> EvidenceTable:
        """Return the evidence table of a question: the rows that answer it, and every row that does not, with why.

        Parameters
        ----------
        question
            Id of a question of the registry, or a `Question` of one's own.

        Returns
        -------
        EvidenceTable
            One row a study (or a category or patient, as the question says), each with the printed cells behind it.

        Raises
        ------
        UnknownName
            No such question.
        QuestionError
            The question names what the registry does not have, or its measure, unit and kind do not go together.
        AmbiguousFinding
            A study prints several findings that answer equally well; the message lists them.
        DependentRows
            LE311: two usable studies share patients and the question names no primary one.

        Examples
        --------
        >>> import lamevidence as lam
        >>> lam.load_registry().evidence("fev1-slope-on-sirolimus").k
        4
        """
        if isinstance(question, str):
            question = self.question(question)
        an_instance("question", question, Question, f"give a Question, or one of {', '.join(self.questions)}")
        return evidence(self, question)

    def sensitivity(self, question: str | Question) -> Mapping[str, EvidenceTable]:
        """Return the evidence of each sensitivity set that a question names.

        Parameters
        ----------
        question
            Id of a question of the registry, or a `Question` of one's own.

        Returns
        -------
        mapping
            Name of the set → its evidence table, in the order of the question; empty when it names none.

        Raises
        ------
        UnknownName
            No such question.
        QuestionError
            A set cannot be answered, with the reasons of `evidence`.

        See Also
        --------
        evidence : the primary set.
        lamevidence.questions.Variation : what a set may change.

        Examples
        --------
        >>> import lamevidence as lam
        >>> sets = lam.load_registry().sensitivity("fev1-slope-on-sirolimus")
        >>> sets["without Neurohr 2011"].k
        3
        """
        asked = self.question(question) if isinstance(question, str) else question
        an_instance("question", asked, Question, f"give a Question, or one of {', '.join(self.questions)}")
        return {variation.name: evidence(self, varied(asked, variation)) for variation in asked.sensitivity}

    @cached_property
    def admitted(self) -> tuple[Study, ...]:  # type: ignore[override]
        """The studies as a question sees them: a finding with an error of the audit that nobody acknowledged is out.

        Its reason is the code and the message; a pair is out with either of its halves.
        """
        reasons = barred(self)
        touched = {study for study, _ in reasons}
        return tuple(
            replace(s, findings=tuple(_kept_out(f, s.id, reasons) for f in s.findings)) if s.id in touched else s
            for s in self.studies
        )

    def usage(self) -> Usage:
        """Return which findings enter a question or a sensitivity set, and why each of the others does not.

        Returns
        -------
        Usage
            ``entering``, ``unused`` with a reason each, ``poolable``, ``studies``.

        Examples
        --------
        >>> import lamevidence as lam
        >>> usage = lam.load_registry().usage()
        >>> all(one.reason for one in usage.unused)
        True
        """
        return usage(self, self.questions.values())

    def audit(self) -> tuple[Problem, ...]:
        """Return everything that the printed numbers contradict, in the order of files and lines.

        A finding, or its record, that lists a code under ``acknowledge`` is not questioned again. An error that is
        not acknowledged keeps its finding out of every question.

        Returns
        -------
        tuple of Problem
            Each with its file, line, message and remedy.

        Examples
        --------
        >>> import lamevidence as lam
        >>> all(problem.code.startswith("LW") for problem in lam.load_registry().audit())
        True
        """
        return self._audited

    @cached_property
    def _audited(self) -> tuple[Problem, ...]:
        """What the audit finds, once: a registry does not change, and every answer asks for its doubts."""
        return audit(self)


def _kept_out(finding: Finding, study: str, reasons: Mapping[tuple[str, str], str]) -> Finding:
    """Return a finding as not poolable where it, or a half of it, is barred."""
    names = (finding.id, finding.before, finding.after) if isinstance(finding, Paired) else (finding.id,)
    why = next((reasons[study, name] for name in names if (study, name) in reasons), "")
    return replace(finding, not_poolable=f"kept out by the audit, {why}") if why else finding


def _same(one: EvidenceTable, other: EvidenceTable) -> bool:
    """Whether two tables hold the same rows."""
    alike = one.studies == other.studies and one.labels == other.labels
    return alike and all(np.array_equal(a, b, equal_nan=True) for a, b in ((one.yi, other.yi), (one.vi, other.vi)))


def _placed(file: QuestionFile, fault: Fault) -> Problem:
    """Return a fault of a question with its place in the file."""
    return file.document.problem(fault.code, fault.loc, fault.message, fault.remedy, key=fault.key)


def load_registry(path: str | Path | None = None, *, strict: bool = True) -> Registry:
    """Read a registry folder: all records, all problems, in one pass.

    Parameters
    ----------
    path
        Folder with ``records/`` and ``vocabulary.yaml``; the shipped registry when None.
    strict
        Raise when there is any error; with False return what could be read, problems attached.

    Returns
    -------
    Registry
        The studies, with ``.question``, ``.evidence`` and ``.audit``.

    Raises
    ------
    InvalidRegistry
        Lists every problem of every file, with line and column.

    See Also
    --------
    Registry : Questions, evidence and audit of what was read.

    Examples
    --------
    >>> import lamevidence as lam
    >>> lam.load_registry().study("mccormack-2011").year
    2011
    """
    return Registry(**vars(read_records(path, strict=strict)))
