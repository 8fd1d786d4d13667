"""``lamevidence explain QUESTION`` or ``lamevidence explain LE104``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..reports.answer import Answer
from .output import open_registry, print_json
from .table import table_json

__all__ = ["explain", "explanation"]

_CODE = re.compile(r"L[EW]\d{3}\Z", re.IGNORECASE)


def explain(subject: str, *, studies: Path | None, as_json: bool) -> None:
    """Print the explanation of a question, or the meaning of a problem code."""
    if _CODE.match(subject):
        from ..registry.codes import explain as meaning

        text = meaning(subject.upper())
        print_json({"code": subject.upper(), "meaning": text}) if as_json else print(text)
        return
    from ..reports.answer import answer
    from ..reports.shapes import pooled_shape, posterior_shape

    found = answer(open_registry(studies), subject)
    if as_json:
        body: dict[str, Any] = {"estimand": found.question.estimand, "table": table_json(found.table)}
        print_json(body | {"pooled": pooled_shape(found), "bayes": posterior_shape(found), "text": explanation(found)})
        return
    print(explanation(found))


def explanation(found: Answer) -> str:
    """Return in plain words what entered, what did not, each conversion, the model and its assumptions."""
    question, table = found.question, found.table
    lines = [question.title, f"  {question.estimand}", "", f"Entered: {table.k} row{'s' if table.k != 1 else ''}"]
    for row in table:
        lines.append(f"  {row.label}")
        lines += [f"    {text}" for text in str(row.lineage).splitlines()[1:]]
        if row.lineage.yi_bounds and row.lineage.vi_bounds:
            low, high = row.lineage.yi_bounds
            se_low, se_high = (max(v, 0.0) ** 0.5 for v in row.lineage.vi_bounds)
            lines.append(
                f"    what the print allows: estimate {low:.6g} to {high:.6g}, SE {se_low:.6g} to {se_high:.6g}"
            )
    lines += ["", f"Left out: {len(table.excluded)}"]
    lines += [
        f"  {e.label or e.study} ({e.study}{': ' + e.finding if e.finding else ''}): {e.reason}" for e in table.excluded
    ]
    lines += ["", *_model(found)]
    if table.notes:
        lines += ["", *(f"Note: {note}" for note in table.notes)]
    lines += ["", f"Fingerprint {table.fingerprint} (question {question.hash})"]
    return "\n".join(lines)


def _model(found: Answer) -> list[str]:
    lines: list[str] = []
    if found.fit is None:
        lines.append(f"Not pooled: {found.why_not_pooled}")
    else:
        lines += ["Frequentist result", f"  {found.fit.describe()}"]
        lines += [f"  {name}: {reason}" for name, reason in found.fit.spec.why.items()]
        lines += [f"  note: {note}" for note in found.fit.notes]
    if found.post is None:
        lines.append(f"No Bayesian result: {found.why_not_bayes}")
    else:
        lines += ["Bayesian result", f"  {found.post.describe()}"]
        lines += [f"  {name}: {reason}" for name, reason in found.post.spec.why.items()]
        lines += [f"  note: {note}" for note in found.post.notes]
    return lines
