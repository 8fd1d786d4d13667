"""The options by which a verb takes a FILE of one's own in place of a question."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from ..foundation.errors import OptionError

__all__ = ["TABLE_WORDS", "asked_of", "takes_a_file"]

_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".ods", ".parquet")

TABLE_WORDS: dict[str, str] = {
    "measure": "of a FILE: OR, RR, MD, PLO … or its name, e.g. 'odds ratio'.",
    "study": "column of studies.",
    "events": "column of events.",
    "total": "column of patients.",
    "control_events": "the control's events.",
    "control_total": "the control's patients.",
    "person_time": "column of time at risk.",
    "control_person_time": "the control's time at risk.",
    "mean": "column of means.",
    "sd": "column of standard deviations.",
    "n": "column of patients, as --total.",
    "control_mean": "the control's means.",
    "control_sd": "the control's standard deviations.",
    "control_n": "the control's patients.",
    "estimate": "column of estimates.",
    "se": "column of standard errors of the estimates, of logs for ratios.",
    "vi": "column of variances of the estimates, of logs for ratios.",
    "ci_low": "column of lower bounds.",
    "ci_high": "column of upper bounds.",
    "ci_level": "level of the intervals, e.g. 95.",
    "scale": "of estimates of ratios: log or ratio.",
    "outcome": "which outcome, where a column names several.",
    "by": "column whose groups are pooled apart.",
    "unit": "unit of the outcome, where the measure has one.",
    "na": "drop: leave out rows that lack a number, said.",
    "sheet": "sheet of a workbook.",
    "decimal": "decimal sign, where the numbers do not tell.",
    "encoding": "encoding of a text file.",
    "separator": "separator of a text file.",
}
"""Option → help; each is of a FILE."""


def takes_a_file(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a verb whose parameter ``own`` is filled from the options of `TABLE_WORDS`.

    Parameters
    ----------
    verb
        A function with a parameter ``own``, name → what was given.
    """
    signature = inspect.signature(verb, eval_str=True)
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values() if p.name != "own"]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(f"--{name.replace('_', '-')}", help=f"FILE: {words}")],
        )
        for name, words in TABLE_WORDS.items()
    ]

    @wraps(verb)
    def call(**given: Any) -> None:  # noqa: ANN401
        own = {name: given.pop(name) for name in TABLE_WORDS}
        verb(**given, own={name: value for name, value in own.items() if value is not None})

    del call.__wrapped__  # the signature is the one below
    call.__signature__ = signature.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in (*kept, *added)} | {"return": None}
    return call


def asked_of(subject: str, own: Mapping[str, str], of_questions: Mapping[str, object]) -> Path | None:
    """Return the file that a verb is asked of, None for a question of the registry.

    Parameters
    ----------
    subject
        A question or a path: what ends as a table does is one, and so is a file that has an ending.
    own, of_questions
        Options of a file and those of a question; each goes with one of the two.

    Raises
    ------
    OptionError
        Options of a file with a question, or the other way round.
    """
    path = Path(subject)
    ending = path.suffix.casefold()
    try:
        is_file = ending in _ENDINGS or (bool(ending) and path.is_file())
    except (OSError, ValueError):  # no name that a file can have
        is_file = False
    if not is_file:
        if own:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in own)
            raise OptionError(f"{names}: for a FILE, and {subject!r} is none · a file ends in {', '.join(_ENDINGS)}")
        return None
    for name, value in of_questions.items():
        if value:
            raise OptionError(f"--{name} is for a question of the registry, and {path.name!r} is a FILE · leave it out")
    return path
