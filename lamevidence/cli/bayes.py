"""``lamevidence bayes QUESTION``."""

from __future__ import annotations

from pathlib import Path

from ..errors import NotEstimable
from .output import open_registry, print_json

__all__ = ["bayes_question"]


def bayes_question(
    question: str, *, tau: str | None, mu: str | None, level: float, studies: Path | None, as_json: bool
) -> None:
    """Print the exact posterior of a question and its prior sensitivity."""
    from ..bayes import pool_bayes
    from ..bayes.stated import parse_prior
    from ..reports.answer import Answer
    from ..reports.shapes import posterior_shape

    registry = open_registry(studies)
    asked, table = registry.question(question), registry.evidence(question)
    if not asked.pooled:
        raise NotEstimable(f"{question}: the rows share patients and are not pooled")
    priors = {name: parse_prior(text, unit=table.unit) for name, text in (("mu", mu), ("tau", tau)) if text is not None}
    post = pool_bayes(table, level=level, **priors)
    if as_json:
        print_json(posterior_shape(Answer(asked, table, None, post)))
        return
    print(repr(post))
    for name, reason in post.spec.why.items():
        print(f"  {name}: {reason}")
    print("\nWhat other priors give")
    print(post.sensitivity().to_string(index=False))
