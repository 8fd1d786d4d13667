"""One record file → one frozen study, or all its problems: structure first, then what fields say together."""

from __future__ import annotations

from ..foundation.errors import Problem
from .nodes import Document, Node
from .records import Study
from .rules_finding import finding_problems
from .rules_study import study_problems
from .schema import HeaderModel
from .schema_findings import FINDING_MODELS, FindingBase
from .to_records import finding_record, study_record
from .validation import duplicate_problems, text_problems, validate
from .vocabulary import Vocabulary

__all__ = ["read_study"]


def read_study(document: Document, vocabulary: Vocabulary) -> tuple[Study | None, list[Problem]]:
    """Return the study of a record file and every problem of the file.

    Parameters
    ----------
    document
        From `read_yaml`.
    vocabulary
        Names that the record may use; an empty one checks none.

    Returns
    -------
    tuple
        The study, None as soon as the record has an error; and the problems in the order of the file.
    """
    root = document.root
    if root is None:
        return None, list(document.problems)
    problems = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    if root.kind != "map":
        what = "a list" if root.kind == "list" else "text"
        problems.append(
            document.problem(
                "LE107",
                (),
                f"the file holds {what}, a record is a mapping",
                "start with `id: …`, one study a file",
            )
        )
        return None, problems
    header, found = _header(document, root)
    problems += found
    findings, found = _findings(document, root.get("findings"))
    problems += found
    problems += study_problems(document, header, findings, vocabulary)
    for i, model in findings.items():
        problems += finding_problems(document, ("findings", i), model, vocabulary)
    problems = _once(problems)
    complete = header is not None and len(findings) == len(_items(root.get("findings")))
    if header is None or not complete or any(p.is_error for p in problems):
        return None, problems
    records = tuple(finding_record(m, document.mark(("findings", i))[0]) for i, m in findings.items())
    return study_record(header, records, document.path, document.sha256), problems


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.children if node is not None and node.kind == "list" else ()


def _header(document: Document, root: Node) -> tuple[HeaderModel | None, list[Problem]]:
    value = root.value
    if isinstance(value.get("findings"), list):
        value["findings"] = []
    return validate(document, HeaderModel, value)


def _findings(document: Document, node: Node | None) -> tuple[dict[int, FindingBase], list[Problem]]:
    models: dict[int, FindingBase] = {}
    problems: list[Problem] = []
    if node is None or node.kind != "list":
        return models, problems
    for i, item in enumerate(node.children):
        loc = ("findings", i)
        kind = item.get("kind") if item.kind == "map" else None
        if item.kind != "map":
            problems.append(
                document.problem(
                    "LE107",
                    loc,
                    f"`{item.text}` where a finding is expected"
                    if item.kind == "scalar"
                    else "a list where a finding is expected",
                    "a finding is a mapping: `- id: …`",
                )
            )
        elif kind is None:
            problems.append(
                document.problem("LE102", loc, "`kind` is missing", f"a finding is {', '.join(FINDING_MODELS)}")
            )
        elif kind.text not in FINDING_MODELS:
            problems.append(_unknown_kind(document, i, kind.text))
        else:
            model, found = validate(document, FINDING_MODELS[kind.text], item.value, loc)
            problems += found
            if model is not None:
                models[i] = model
    return models, problems


def _unknown_kind(document: Document, i: int, given: str) -> Problem:
    from .rules_study import unknown

    return unknown(document, ("findings", i, "kind"), "kind of finding", given, FINDING_MODELS, "LE106")


def _once(problems: list[Problem]) -> list[Problem]:
    """Return the problems in the order of the file, each once."""
    ordered = sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.column, p.code))
    blank = {p.where for p in ordered if p.code == "LE108"}
    return [p for p in ordered if p.code == "LE108" or p.where not in blank]
