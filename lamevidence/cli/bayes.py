"""``lamevidence bayes QUESTION``."""

from __future__ import annotations

from pathlib import Path

from ..foundation.errors import NotEstimable
from .output import open_registry, print_json

__all__ = ["bayes_question"]


def bayes_question(
    question: str, *, tau: str | None, mu: str | None, level: float, studies: Path | None, as_json: bool
) -> None:
    """Print the exact posterior of a question and its prior sensitivity."""
    from ..bayes import pool_bayes
    from ..reports.answer import Answer
    from ..reports.shapes import posterior_shape

    registry = open_registry(studies)
    asked, table = registry.question(question), registry.evidence(question)
    if not asked.pooled:
        raise NotEstimable(f"{question}: the rows share patients and are not pooled")
    post = pool_bayes(table, mu=mu, tau=tau, level=level)
    if as_json:
        print_json(posterior_shape(Answer(asked, table, None, post)))
        return
    told = repr(post)
    print(told)
    for name, reason in post.spec.why.items():
        if reason not in told:  # what a reader has to know is among its notes already
            print(f"  {name}: {reason}")
    print("\nWhat other priors give")
    print(post.sensitivity().to_string(index=False))
