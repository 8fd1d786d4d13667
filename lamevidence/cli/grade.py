"""``lamevidence grade QUESTION``."""

from __future__ import annotations

import textwrap
from pathlib import Path

from ..foundation.errors import NotEstimable
from ..foundation.printable import one_line
from .output import ascii_only, open_registry, print_json, terminal_width

__all__ = ["grade_question"]


def grade_question(question: str, *, studies: Path | None, as_json: bool) -> None:
    """Print the certainty of the evidence behind the leading result of a question, and its summary of findings."""
    from ..reports.answer import answer
    from ..reports.certainty import grade
    from ..reports.findings import summary_of_findings
    from ..reports.lines import plain_letters

    registry = open_registry(studies)
    if registry.question(question).compare == "joint":
        raise NotEstimable(
            f"{question}: GRADE rates one body of evidence, and this question joins several designs"
            f" · rate each by its own question, and see what each does: lamevidence pool {question}"
        )
    found = answer(registry, question)
    if found.leading is None:
        raise NotEstimable(found.why_not_pooled or found.why_not_bayes)
    profile = grade(found.leading, found.question.grade)
    summary = summary_of_findings({found.question.title: profile})
    if as_json:
        print_json({"question": question, "lead": found.lead, **profile.to_json(), "summary": summary.rows()})
        return
    width = terminal_width()
    lines = [f"{one_line(found.question.title)} · certainty of the evidence (GRADE)", "", *profile.lines(), ""]
    lines += [*summary.text().splitlines(), ""]
    told = [w for line in lines for w in (textwrap.wrap(line, width, subsequent_indent="    ") or [""])]
    text = "\n".join(told).rstrip()
    print(plain_letters(text) if ascii_only() else text)
