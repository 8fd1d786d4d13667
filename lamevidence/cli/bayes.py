"""``lamevidence bayes QUESTION``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import NotEstimable, OptionError
from ..foundation.printable import one_line
from ..questions.question import Question
from .explain import quantity_lines
from .output import open_registry, print_json

if TYPE_CHECKING:
    from ..bayes.posterior import Posterior

__all__ = ["bayes_question", "readings_text"]


def readings_text(post: Posterior) -> str:
    """Return the ways to read each row with their probabilities before and after the data."""
    columns = ["label", "route", "kind", "r", "probability", "posterior", "yi", "sei"]
    frame = post.print_readings()
    return frame[[c for c in columns if c in ("label", "posterior") or frame[c].astype(str).str.len().any()]].to_string(
        index=False, float_format=lambda x: f"{x:.4g}"
    )


def bayes_question(
    question: str,
    *,
    tau: str | None,
    mu: str | None,
    level: float,
    printed: bool,
    studies: Path | None,
    as_json: bool,
) -> None:
    """Print the exact posterior of a question and its prior sensitivity."""
    from ..bayes import pool_bayes
    from ..reports.answer import Answer
    from ..reports.shapes import posterior_shape

    registry = open_registry(studies)
    asked, table = registry.question(question), registry.evidence(question)
    if not asked.pooled:
        raise NotEstimable(f"{question}: the rows share patients and are not pooled")
    if asked.compare == "joint":
        _joint_posterior(asked, table, mu=mu, tau=tau, level=level, printed=printed, as_json=as_json)
        return
    post = pool_bayes(table, mu=mu, tau=tau, level=level, print_uncertainty=printed or None)
    if as_json:
        print_json(posterior_shape(Answer(asked, table, None, post)))
        return
    told = repr(post)
    print(told)
    for name, reason in post.spec.why.items():
        if reason not in told:  # what a reader has to know is among its notes already
            print(f"  {name}: {reason}")
    if post.table.printed:
        print(f"\nWhat may be printed so\n{readings_text(post)}")
    print("\nWhat other priors give")
    print(post.sensitivity().to_string(index=False))


def _joint_posterior(
    asked: Question,
    table: EvidenceTable,
    *,
    mu: str | None,
    tau: str | None,
    level: float,
    printed: bool,
    as_json: bool,
) -> None:
    """Print the joint synthesis of a question, and what other choices give."""
    from ..synthesis.joint_api import joint

    given = [name for name, text in (("--mu", mu), ("--tau", tau)) if text is not None]
    if printed:
        raise OptionError(f"--print-uncertainty is for one mean, and {asked.id} joins all designs · leave it out")
    if given:
        raise OptionError(
            f"{', '.join(given)}: {asked.id} joins all designs, with three means and three spreads · leave"
            f" {'them' if len(given) > 1 else 'it'} out, or give lam.synthesis.joint(table) its priors by name"
        )
    post = joint(table, level=level)
    if as_json:
        print_json(post.to_json())
        return
    print(f"{one_line(table.title)} · {post.spec.label}")
    print("\n".join(f"  {line}" for line in quantity_lines(post)))
    for reason in dict.fromkeys(post.spec.why.values()):
        names = ", ".join(name for name, why in post.spec.why.items() if why == reason)
        print(f"  {names}: {reason}")
    print(f"\n{post.design_text()}\n\nWhat other choices give")
    print(post.sensitivity().drop(columns="note").to_string(index=False))
