"""``lamevidence pool QUESTION``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NotEstimable
from .output import open_registry, print_json

__all__ = ["pool_question"]


def pool_question(question: str, options: Mapping[str, Any], *, studies: Path | None, as_json: bool) -> None:
    """Print the pooled result of a question, with the reason for each default."""
    from ..reports.answer import answer
    from ..reports.shapes import pooled_shape

    found = answer(open_registry(studies), question, options, bayes=False)
    if found.fit is None and found.question.pooled:
        raise NotEstimable(found.why_not_pooled)
    if as_json:
        print_json(pooled_shape(found))
        return
    if found.fit is None:
        print(f"{found.table.title}: not pooled, since {found.why_not_pooled}")
        print(f"`lamevidence table {question}` shows the rows, `lamevidence forest {question}` draws them")
        return
    print(repr(found.fit))
    alternatives = found.fit.alternatives()
    if len(alternatives):
        print("\nWhat the alternatives give")
        print(alternatives.to_string(index=False))
