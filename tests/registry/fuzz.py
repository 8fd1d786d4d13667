"""Mutated files of a registry: whatever is done to a real record, question, list of overlaps or vocabulary, the
reader answers with problems, never with a traceback, and what it takes without an error is what it says.

``python -m tests.registry.fuzz 10000`` runs as many mutations and exits 1 on the first failure.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from unittest import mock

from lamevidence.audit import audit
from lamevidence.effects.derive.question_rules import question_faults
from lamevidence.effects.measures import MEASURES
from lamevidence.foundation.errors import LamEvidenceError
from lamevidence.questions import Question
from lamevidence.questions.loader import read_question
from lamevidence.registry.files import parse_yaml
from lamevidence.registry.overlaps import read_excluded, read_overlaps
from lamevidence.registry.reader import read_study
from lamevidence.registry.records import Continuous, Contrast, Dichotomous, Rate
from lamevidence.registry.registry import shipped_studies
from lamevidence.registry.report import render_problems
from lamevidence.registry.vocabulary import read_vocabulary
from lamevidence.reports.analysis_rules import analysis_faults
from lamevidence.workspace import Registry, load_registry

SCALARS = [
    ".nan",
    ".inf",
    "-.inf",
    "NaN",
    "-1",
    "0",
    "-0.0",
    "1e999",
    "1e-999999",
    "−1,5",
    "3,5",
    "1,234",
    "1 ± 2",
    "n.s.",
    "''",
    '""',
    "null",
    "~",
    "[]",
    "{}",
    "[1, 2]",
    "{a: 1}",
    "true",
    "no",
    "2011-04-28",
    "12:30",
    "014",
    "0x1F",
    "&a 1",
    "*a",
    "!!float 1",
    "9" * 5000,
    "1e400",
    "\t1",
    "\u0000",
    "\ud7ff",
    "\U0001f600",
    "not_reported",
    "? a",
    "|",
    ">",
    "-",
    "'unclosed",
    "[unclosed",
    "{unclosed",
    "%",
    "@x",
    "`x`",
    "a: b: c",
    "#",
    "10.1000/x y",
    "mL/mnth",
    "1_000",
    "99999",
    "½",
    '"\\e[31m\\u202e"',
    "nope",
    "[nope, nope]",
    "{nope: nope}",
    "PLO",
    "XX",
    "mL",
    "paired",
    "between_arms",
    "95",
]
KEYS = [
    "value",
    "estimte",
    "se",
    "low",
    "high",
    "kind",
    "n",
    "id",
    "unit",
    "at",
    "<<",
    "? ",
    "",
    "__class__",
    "0",
]


def mutate(text: str, rng: random.Random) -> bytes:
    """Return one to three random injuries to a record."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        lines = INJURIES[rng.randrange(len(INJURIES))](lines, rng)
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    roll = rng.random()
    if roll < 0.02:
        at = rng.randrange(len(data) + 1)
        data = data[:at] + bytes(rng.randrange(256) for _ in range(3)) + data[at:]
    elif roll < 0.03:
        data = b"\xef\xbb\xbf" + data
    elif roll < 0.04:
        data = data.replace(b"\n", b"\r\n")
    elif roll < 0.05:
        data = data[: rng.randrange(len(data) + 1)]
    return data


def _line(lines: list[str], rng: random.Random) -> int:
    return rng.randrange(len(lines))


def delete_line(lines: list[str], rng: random.Random) -> list[str]:
    i = _line(lines, rng)
    return (lines[:i] + lines[i + 1 :]) or [""]


def double_line(lines: list[str], rng: random.Random) -> list[str]:
    i = _line(lines, rng)
    return [*lines[: i + 1], *lines[i:]]


def swap_lines(lines: list[str], rng: random.Random) -> list[str]:
    i, j = _line(lines, rng), _line(lines, rng)
    out = list(lines)
    out[i], out[j] = out[j], out[i]
    return out


def indent(lines: list[str], rng: random.Random) -> list[str]:
    i = _line(lines, rng)
    return [*lines[:i], rng.choice([" ", "\t", "  ", "    "]) + lines[i], *lines[i + 1 :]]


def retype_scalar(lines: list[str], rng: random.Random) -> list[str]:
    i = rng.choice([n for n, line in enumerate(lines) if ":" in line] or [0])
    spots = [n for n, c in enumerate(lines[i]) if c == ":"]
    if not spots:
        return lines
    start = rng.choice(spots) + 1
    ends = [n for n in (lines[i].find(c, start) for c in ",}]") if n >= 0]
    end = min(ends) if ends and rng.random() < 0.8 else len(lines[i])
    return [*lines[:i], lines[i][:start] + " " + rng.choice(SCALARS) + lines[i][end:], *lines[i + 1 :]]


def rename_key(lines: list[str], rng: random.Random) -> list[str]:
    i = _line(lines, rng)
    head, colon, tail = lines[i].partition(":")
    space = len(head) - len(head.lstrip(" -"))
    return [*lines[:i], head[:space] + rng.choice(KEYS) + colon + tail, *lines[i + 1 :]]


def mangle_character(lines: list[str], rng: random.Random) -> list[str]:
    i = _line(lines, rng)
    if not lines[i]:
        return lines
    at = rng.randrange(len(lines[i]))
    return [
        *lines[:i],
        lines[i][:at] + rng.choice("−,:{}[]'\"#&*!|>%@` \t-0€\x07") + lines[i][at + 1 :],
        *lines[i + 1 :],
    ]


def negate_number(lines: list[str], rng: random.Random) -> list[str]:
    i = rng.choice([n for n, line in enumerate(lines) if any(c.isdigit() for c in line)] or [0])
    at = [n for n, c in enumerate(lines[i]) if c.isdigit() and lines[i][n - 1] == " "]
    if not at:
        return lines
    n = rng.choice(at)
    return [*lines[:i], lines[i][:n] + rng.choice(["-", "9999", "0.", "."]) + lines[i][n:], *lines[i + 1 :]]


INJURIES = [
    delete_line,
    double_line,
    swap_lines,
    indent,
    retype_scalar,
    retype_scalar,
    rename_key,
    mangle_character,
    negate_number,
    negate_number,
]


def silent_acceptance(study: object) -> str:
    """Return what a study without errors should not hold, or an empty string."""
    for f in study.findings:  # type: ignore[attr-defined]
        numbers = [getattr(f, "value", None), getattr(f, "percent", None)]
        spread = getattr(f, "dispersion", None) or getattr(f, "interval", None)
        numbers += [spread.value, spread.low, spread.high] if spread is not None else []
        if any(x is not None and not abs(float(x)) < float("inf") for x in numbers):
            return f"{f.id}: NaN or infinity"
        if isinstance(f, Continuous | Contrast) and spread.kind in ("se", "sd") and not float(spread.value) > 0:
            return f"{f.id}: SE or SD not positive"
        if (
            isinstance(f, Dichotomous)
            and f.affected is not None
            and isinstance(f.at_risk, int)
            and f.affected > f.at_risk
        ):
            return f"{f.id}: affected > at risk"
        if isinstance(f, Rate) and f.events < 0:
            return f"{f.id}: negative events"
    return ""


def answered(question: Question, registry: Registry) -> str:
    """Ask a question that its file shows no error of; return what it names and what is not there, or a string."""
    names = [rule.study for rule in question.eligibility.exclude]
    names += [*question.prefer, *question.primary.values()]
    groups = {group.id for group in registry.overlap_groups}
    faults = [f for f in question_faults(question, registry) if f.code.startswith("LE")]
    if not faults:
        if not set(names) <= set(registry.by_id) or not set(question.primary) <= groups:
            return "names what is not there, and no error"
        if question.unit is None and MEASURES[question.measure].dimension != "none":
            return "no unit, and no error"
    try:
        table = registry.evidence(question)
    except LamEvidenceError:
        return ""
    if faults:
        return "a question with errors was answered"
    analysis_faults(question, table)
    return ""


def attack(data: bytes, path: str, registry: Registry) -> str:
    """Read one mutated file the way `check` does; return what went wrong with us, or an empty string."""
    vocabulary, root = registry.vocabulary, registry.root
    document = parse_yaml(data, path)
    if path == "vocabulary.yaml":
        problems = read_vocabulary(document)[1]
    elif path == "overlaps.yaml":
        groups, problems = read_overlaps(document, tuple(registry.by_id))
        if not any(p.is_error for p in problems) and not {s for g in groups for s in g.studies} <= set(registry.by_id):
            return "an overlap of studies that are not there, and no error"
    elif path == "excluded.yaml":
        problems = read_excluded(document)[1]
    elif path.startswith("questions/"):
        question, problems = read_question(document, vocabulary, Path(path).stem)
        if (question is None) != any(p.is_error for p in problems):
            return "a question with an error, or none without"
        if question is not None and (wrong := answered(question, registry)):
            return wrong
    else:
        study, problems = read_study(document, vocabulary)
        if study is None and not any(p.is_error for p in problems):
            return "no study and no error"
        if study is not None:
            if wrong := silent_acceptance(study):
                return wrong
            problems += audit(Registry(root, {study.id: study}, vocabulary, documents={study.path: document}))
    for output in ("text", "json", "github"):
        render_problems(problems, output)
    return ""


def run(count: int, seed: int = 1) -> list[str]:
    """Return the failures of ``count`` mutations, with the seed that makes each."""
    with mock.patch.dict(os.environ, LAMEVIDENCE_CACHE="0"):  # mutants are read once
        return _failures(count, seed)


def _failures(count: int, seed: int) -> list[str]:
    root = shipped_studies()
    registry = load_registry(root, strict=False)
    texts = {}
    for path in sorted(root.rglob("*.yaml")):
        texts[path.relative_to(root).as_posix()] = shorten(path.read_text(encoding="utf-8"))
    kinds = [[n for n in sorted(texts) if n.startswith(part)] for part in ("records/", "questions/", "")]
    kinds[2] = [n for n in kinds[2] if "/" not in n]
    failures = []
    for i in range(count):
        rng = random.Random(seed * 1_000_003 + i)
        name = rng.choice(rng.choice(kinds))
        try:
            wrong = attack(mutate(texts[name], rng), name, registry)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            failures.append(f"mutation {i} of {name}: {wrong}")
    return failures


def shorten(text: str, findings: int = 4) -> str:
    """Keep a record's head, its first findings and its tail: parsing is what takes the time."""
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("  - id: ")]
    if len(starts) <= findings + 1:
        return text
    inside = "findings:" in lines
    end = next((i for i in range(starts[-1], len(lines)) if lines[i] and not lines[i].startswith(" ")), len(lines))
    return "\n".join(lines[: starts[findings]] + lines[end:]) if inside else text


if __name__ == "__main__":
    found = run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print("\n".join(found[:20]) or "no traceback, no silent acceptance")
    raise SystemExit(bool(found))
