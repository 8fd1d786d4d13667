"""``lamevidence list``."""

from __future__ import annotations

from pathlib import Path

from ..errors import QuestionError
from .output import open_registry, print_json

__all__ = ["list_registry"]


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
        print(f"{q['id']!s:<{width}} {k_text:>3}  {q['title']}" + (f"  [{q['problem']}]" if "problem" in q else ""))
    width = max((len(str(r["id"])) for r in rows), default=8)
    print(f"\n{'Study':<{width}}  {'Design':<24} Findings")
    for r in rows:
        print(f"{r['id']!s:<{width}}  {r['design']!s:<24} {r['findings']:>8}")
