"""Every error and warning of the package, and the one way of suggesting the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .printable import one_line, printable

__all__ = [
    "AmbiguousFinding",
    "ConvergenceError",
    "DependentRows",
    "DerivationError",
    "EvidenceWarning",
    "FigureTooNarrow",
    "ImproperPosterior",
    "InputError",
    "InvalidFlow",
    "InvalidRegistry",
    "InvalidSheet",
    "LamEvidenceError",
    "NotDerivable",
    "NotEstimable",
    "OptionError",
    "PoolingError",
    "Problem",
    "QuadratureError",
    "QuestionError",
    "SamplingError",
    "TooFewStudies",
    "UnitMismatch",
    "UnknownName",
    "did_you_mean",
]


def did_you_mean(given: object, choices: Iterable[str]) -> str | None:
    """Return the choice nearest to what was given, or None when nothing is near."""
    names = [str(c) for c in choices]
    text = str(given)
    folded = {n.casefold(): n for n in names}
    if text.casefold() in folded:
        return folded[text.casefold()]
    near = difflib.get_close_matches(text.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


class LamEvidenceError(Exception):
    """Base of every error that the package raises on purpose; its message is one line, whatever names it quotes."""

    def __str__(self) -> str:
        return one_line(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        # an error that cannot come back from another process leaves the reader with a broken pool instead of its words
        return _as_it_was, (type(self), self.args, vars(self))


def _as_it_was(kind: type[LamEvidenceError], args: tuple[object, ...], state: Mapping[str, object]) -> LamEvidenceError:
    """Return an error from another process: its words are in ``args``, not what they were made of."""
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error


class InputError(LamEvidenceError, ValueError):
    """The numbers given cannot be evidence: NaN, a negative standard error, events above the total."""


class OptionError(LamEvidenceError, ValueError):
    """An option does not apply here; the message names what would."""


class UnknownName(OptionError):
    """A name that no catalogue holds; the message lists the choices and the nearest one.

    Parameters
    ----------
    kind, given, choices
        What was asked for, what was given, what there is.
    here
        What a word of another package is called here, as it is written: ``interval='HKSJ'``.
    """

    def __init__(self, kind: str, given: object, choices: Iterable[str], here: str = "") -> None:
        self.kind = kind
        self.given = given
        self.choices: tuple[str, ...] = tuple(str(c) for c in choices)
        self.nearest = did_you_mean(given, self.choices)
        hint = f" · did you mean {self.nearest!r}?" if self.nearest else ""
        hint = f" · here that is {here}" if here else hint
        super().__init__(f"unknown {kind} {given!r}{hint} · choices: {', '.join(self.choices) or 'none here'}")


class QuestionError(LamEvidenceError):
    """A question cannot be answered from this registry."""


class AmbiguousFinding(QuestionError):
    """Several findings of one study answer the question equally well."""


class DependentRows(QuestionError, ValueError):
    """Rows that share patients would have been pooled as if independent."""


class DerivationError(LamEvidenceError):
    """A printed finding does not lead to the estimate asked for."""


class NotDerivable(DerivationError):
    """The finding lacks what the measure needs."""


class UnitMismatch(DerivationError, ValueError):
    """Two units have different dimensions."""


class PoolingError(LamEvidenceError):
    """A pooled result does not exist for these data."""


class NotEstimable(PoolingError, ValueError):
    """The quantity is not identified by these data (singular design, no events, zero variance)."""


class TooFewStudies(NotEstimable):
    """The method needs more studies than there are."""

    def __init__(self, what: str, k: int, needed: int, remedy: str = "") -> None:
        self.k, self.needed = k, needed
        tail = f" · {remedy}" if remedy else ""
        super().__init__(f"{what} needs at least {needed} studies, got {k}{tail}")


class ConvergenceError(PoolingError):
    """An iteration, or a sampler, did not arrive; the result is withheld."""


class QuadratureError(PoolingError):
    """Exact integration missed its error bound."""


class ImproperPosterior(PoolingError, ValueError):
    """Prior and data do not make a proper posterior."""


class SamplingError(ConvergenceError):
    """Chains did not mix, or transitions diverged."""


class FigureTooNarrow(LamEvidenceError, ValueError):
    """LE601: the figure cannot be drawn at the width asked for."""


class EvidenceWarning(UserWarning):
    """A result stands, with a caution that carries a stable code."""

    def __init__(self, message: str, code: str = "LW000") -> None:
        self.code = code
        super().__init__(f"{code}: {message}" if not message.startswith(code) else message)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place of a registry file.

    Attributes
    ----------
    code
        Stable code, ``LE…`` for an error and ``LW…`` for a warning.
    path
        The file, relative to the registry.
    line, column
        Counted from 1; 0 when the problem has no single place.
    where
        The field, for example ``findings[0].statistic.value``.
    message
        What is wrong.
    remedy
        What is allowed and what to do.
    excerpt
        The source line, for the caret.
    width
        How many characters the caret underlines.
    """

    code: str
    path: str
    line: int
    column: int
    where: str
    message: str
    remedy: str
    excerpt: str = ""
    width: int = 1
    related: tuple[str, ...] = field(default=())

    @property
    def is_error(self) -> bool:
        """True when the problem stops its record from being pooled."""
        return self.code.startswith("LE")


class InvalidRegistry(LamEvidenceError, ValueError):
    """All problems of all files of a registry, found in one pass."""

    what = "the registry"

    def __init__(self, problems: Sequence[Problem], root: Path | None = None) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.root = root
        errors = [p for p in self.problems if p.is_error]
        head = f"{len(errors)} error{'s' if len(errors) != 1 else ''} in {self.what}"
        super().__init__("\n".join([head, *(one_line(self._told(p)) for p in errors)]))

    @staticmethod
    def _told(problem: Problem) -> str:
        """Return a problem in one line."""
        place = f"{problem.path}:{problem.line}:{problem.column}"
        return f"{place}: {problem.code}: {problem.message} · {problem.remedy}"

    def __str__(self) -> str:
        return printable(str(self.args[0]))


class InvalidSheet(InvalidRegistry):
    """All problems of a table of a user's own, found in one pass; lines and columns are those of the sheet."""

    what = "the sheet"

    @staticmethod
    def _told(problem: Problem) -> str:
        """Return a problem in one line, its column and its study named."""
        place = f"{problem.path}:{problem.line}:{problem.column}"
        return f"{place}: {problem.where}: {problem.code}: {problem.message} · {problem.remedy}"


class InvalidFlow(InvalidRegistry):
    """All problems of a flow of records and reports (PRISMA 2020), found in one pass."""

    what = "the flow"

    @staticmethod
    def _told(problem: Problem) -> str:
        """Return a problem in one line; a mapping has no lines, its fields have names."""
        place = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
        where = f"{problem.where}: " if problem.where else ""
        return f"{place}: {where}{problem.code}: {problem.message} · {problem.remedy}"
