"""``lamevidence explain QUESTION`` or ``lamevidence explain LE104``."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..foundation.numbers import decimals_for, fixed
from ..foundation.printable import one_line
from ..pooling.counts.count_results import CountPooled
from ..pooling.inverse_variance.pooled import Pooled
from ..reports.answer import Answer
from ..synthesis.joint_posterior import JointPosterior
from .output import open_registry, print_json
from .table import table_json

__all__ = ["explain", "explanation", "quantity_lines"]

_CODE = re.compile(r"L[EW]\d{3}\Z", re.IGNORECASE)


def explain(subject: str, *, studies: Path | None, as_json: bool) -> None:
    """Print the explanation of a question, or the meaning of a problem code."""
    if _CODE.match(subject):
        from ..registry.codes import explanation as meaning

        told = meaning(subject.upper())
        print_json(asdict(told)) if as_json else print(told)
        return
    from ..reports.answer import whole_answer
    from ..reports.shapes import answer_shape

    found = whole_answer(open_registry(studies), subject)
    if as_json:
        body: dict[str, Any] = {"estimand": found.question.estimand, "table": table_json(found.table)}
        shape = answer_shape(found)
        print_json(body | {"pooled": shape, "bayes": shape["bayes"], "text": explanation(found)})
        return
    print(explanation(found))


def explanation(found: Answer) -> str:
    """Return in plain words what entered, what did not, each conversion, the model and its assumptions."""
    question, table = found.question, found.table
    lines = [
        one_line(question.title),
        f"  {' '.join(question.estimand.split())}",
        "",
        f"Entered: {table.k} row{'s' if table.k != 1 else ''}",
    ]
    for row in table:
        lines.append(f"  {one_line(row.label)}")
        lines += [f"    {text}" for text in str(row.lineage).splitlines()[1:]]
        if row.lineage.yi_bounds and row.lineage.vi_bounds:
            low, high = row.lineage.yi_bounds
            se_low, se_high = (max(v, 0.0) ** 0.5 for v in row.lineage.vi_bounds)
            lines.append(
                f"    what the print allows: estimate {low:.6g} to {high:.6g}, SE {se_low:.6g} to {se_high:.6g}"
            )
    lines += ["", f"Left out: {len(table.excluded)}"]
    lines += [
        one_line(f"  {e.label or e.study} ({e.study}{': ' + e.finding if e.finding else ''}): {e.reason}")
        for e in table.excluded
    ]
    lines += ["", *_model(found), *_sets(found)]
    if table.notes:
        lines += ["", *(f"Note: {' '.join(note.split())}" for note in table.notes)]
    lines += ["", f"Fingerprint {table.fingerprint} (question {question.hash})"]
    return "\n".join(lines)


def _sets(found: Answer) -> list[str]:
    """Return what each sensitivity set changes, and what the other models give."""
    lines = []
    if found.question.sensitivity:
        lines += ["", "Sensitivity sets"]
        lines += [one_line(f"  {one.name}: {one.because}") for one in found.question.sensitivity]
    if found.table.k > 1 and isinstance(found.fit, Pooled | CountPooled) and len(others := found.fit.alternatives()):
        lines += ["", "What other models give", others.to_string(index=False)]
    return lines


def _model(found: Answer) -> list[str]:
    lines: list[str] = []
    if found.joint is not None:
        return _joint_model(found.joint)
    if found.fit is None:
        lines.append(f"Not pooled: {found.why_not_pooled}")
    else:
        lines += ["Frequentist result", f"  {found.fit.describe()}"]
        lines += [f"  {name}: {reason}" for name, reason in found.fit.spec.why.items()]
        lines += [one_line(f"  note: {note}") for note in found.fit.notes]
    if found.post is None:
        lines.append(f"No Bayesian result: {found.why_not_bayes}")
    else:
        lines += ["Bayesian result", f"  {found.post.describe()}"]
        lines += [f"  {name}: {reason}" for name, reason in found.post.spec.why.items()]
        lines += [one_line(f"  note: {note}") for note in found.post.notes]
    return lines


def quantity_lines(post: JointPosterior) -> list[str]:
    """Return mean, SD and interval of each quantity of a joint synthesis."""
    names = ("effect", "effect_new", "baseline", "bias", "on_treatment", "tau_baseline", "tau_effect", "tau_bias")
    made = [(name, getattr(post, name)) for name in names]
    digits = decimals_for(post.effect.sd)
    lines = []
    for name, d in made:
        if d is not None:
            low, high = d.interval(post.level)
            mean, sd, low, high = (fixed(x, digits) for x in (d.mean, d.sd, low, high))
            lines.append(f"{name}: mean {mean}, SD {sd}, {100 * post.level:g}% {low} to {high}")
    return lines


def _joint_model(post: JointPosterior) -> list[str]:
    """Return the joint synthesis in words: its numbers, priors with reasons, who moved it, how it is made."""
    lines = ["Joint synthesis of all designs", f"  {post.design_text()}"]
    lines += [f"  {line}" for line in quantity_lines(post)]
    for reason in dict.fromkeys(post.spec.why.values()):
        names = ", ".join(name for name, why in post.spec.why.items() if why == reason)
        lines.append(one_line(f"  {names}: {reason}"))
    lines += [one_line(f"  note: {note}") for note in post.notes]
    return [*lines, f"  {post.methods_text()}"]
