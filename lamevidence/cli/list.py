"""``lamevidence list``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ..foundation.errors import QuestionError
from ..foundation.printable import one_line
from .output import open_registry, print_json

__all__ = ["list_registry", "list_unused"]


def list_registry(*, studies: Path | None, as_json: bool) -> None:
    """Print the questions with their k and the studies with their design."""
    registry = open_registry(studies)
    questions = []
    for question in registry.questions.values():
        try:
            k: int | None = registry.evidence(question.id).k
            problem = ""
        except QuestionError as error:
            k, problem = None, str(error)
        questions.append(
            {"id": question.id, "title": question.title, "k": k} | ({"problem": problem} if problem else {})
        )
    rows = [{"id": s.id, "design": s.design, "label": s.label, "findings": len(s.findings)} for s in registry.studies]
    if as_json:
        print_json({"questions": questions, "studies": rows})
        return
    width = max((len(str(q["id"])) for q in questions), default=8)
    print(f"{'Question':<{width}}   k  Title")
    for q in questions:
        k_text = "?" if q["k"] is None else str(q["k"])
        print(
            f"{q['id']!s:<{width}} {k_text:>3}  {one_line(str(q['title']))}"
            + (f"  [{q['problem']}]" if "problem" in q else "")
        )
    width = max((len(str(r["id"])) for r in rows), default=8)
    print(f"\n{'Study':<{width}}  {'Design':<24} Findings")
    for r in rows:
        print(f"{r['id']!s:<{width}}  {r['design']!s:<24} {r['findings']:>8}")


def list_unused(*, studies: Path | None, as_json: bool) -> None:
    """Print the findings that could be pooled and enter no question and no sensitivity set, with a reason each."""
    registry = open_registry(studies)
    found = registry.usage()
    if as_json:
        told = {
            "poolable": found.poolable,
            "entering": found.poolable - len(found.unused),
            "studies": list(found.studies),
            "unused": [asdict(one) for one in found.unused],
        }
        print_json(told)
        return
    entering = found.poolable - len(found.unused)
    print(
        f"{entering} of {found.poolable} findings enter a question or a sensitivity set, from {len(found.studies)}"
        f" of {len(registry.studies)} studies; aside: baseline values, directions, and what its record keeps out."
    )
    study = ""
    for one in found.unused:
        if one.study != study:
            study = one.study
            print(f"\n{study}")
        asked = f" ({one.question})" if one.question else ""
        print(one_line(f"  {one.finding}: {one.reason}{asked}"))
