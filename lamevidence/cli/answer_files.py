"""What `run` writes for one answer: results, rows, numbers to cite, the words, the forest plot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..bayes.posterior import Posterior
from ..effects.evidence_table import EvidenceTable
from ..foundation.printable import printable
from ..foundation.values import Interval
from ..foundation.writing import a_folder, write_whole
from ..reports.answer import Answer
from ..reports.lines import WIDE
from ..reports.shapes import dependence_shape, pooled_shape, posterior_shape
from ..reports.terminal import render_answer
from ..results.contract import Result
from ..synthesis.joint_posterior import JointPosterior
from .output import csv_text, jsonable
from .table import table_json

__all__ = ["FILES", "Look", "Written", "json_text", "save_text", "sha256_of", "write_answer"]

_FORMATS = ("png", "pdf", "svg")
FILES = ("results.json", "studies.csv", "summary.csv", "answer.txt", *(f"forest.{suffix}" for suffix in _FORMATS))
"""What the folder of a question may hold of ours."""
DPI = 150
"""Enough to look at; `lamevidence forest --dpi 600` draws one for print."""


@dataclass(frozen=True, slots=True)
class Look:
    """How answers are drawn and shown: forest preset, None without figures; columns and letters of the terminal."""

    layout: str | None
    width: int
    ascii_only: bool

    @property
    def whole(self) -> bool:
        """Whether the terminal shows an answer as ``answer.txt`` has it."""
        return self.width >= WIDE and not self.ascii_only


@dataclass(frozen=True, slots=True)
class Written:
    """What one answer left: file → sha256, its frequentist shape, its words for the terminal."""

    files: Mapping[str, str]
    pooled: Mapping[str, Any]
    shown: str


def write_answer(found: Answer, out: Path, look: Look) -> Written:
    """Write the folder of a question; the same answer gives the same bytes, whatever the terminal."""
    folder = a_folder(out / found.question.id)
    pooled, told = pooled_shape(found), render_answer(found)
    shapes = {"pooled": pooled, "bayes": posterior_shape(found), "answer": dependence_shape(found)}
    texts = {
        "results.json": json_text({"table": table_json(found.table, _tables(found)), **shapes}),
        "studies.csv": csv_text(_study_rows(found)),
        "summary.csv": csv_text(_summary_rows(found)),
        "answer.txt": printable(told) + "\n",
    }
    for name, text in texts.items():
        save_text(folder / name, text)
    files = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    if look.layout is not None and found.table.k:
        files |= _draw(found, folder, look.layout)
    shown = told if look.whole else render_answer(found, width=look.width, ascii_only=look.ascii_only)
    return Written({f"{found.question.id}/{name}": digest for name, digest in files.items()}, jsonable(pooled), shown)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_text(path: Path, text: str) -> None:
    """Write a file whole, with the line ends of the text."""
    write_whole(path, lambda file: file.write_text(text, encoding="utf-8", newline=""))


def json_text(value: Any) -> str:  # noqa: ANN401
    """Return a value as the text of a JSON file."""
    return printable(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _draw(found: Answer, folder: Path, layout: str) -> dict[str, str]:
    from ..plots import forest

    results = [r for r in (found.joint, found.fit, found.post) if r is not None]
    plot = forest(results or found.table, layout=layout)
    names = [f"forest.{suffix}" for suffix in _FORMATS]
    return {name: sha256_of(plot.save(folder / name, dpi=DPI)) for name in names}


def _tables(found: Answer) -> dict[str, EvidenceTable]:
    return {one.name: one.table for one in found.sets}


def _summary_rows(found: Answer) -> list[dict[str, Any]]:
    """Return one row a number that a paper would print, on the analysis scale and as people read it."""
    base = {"question": found.question.id, "measure": found.table.measure, "unit": found.table.unit, "k": found.table.k}
    rows: list[dict[str, Any]] = []
    for engine, fit in (("frequentist", found.fit), ("bayes", found.post)):
        if fit is not None:
            rows += [base | {"engine": engine} | row for row in _terms(fit)]
    if found.joint is not None:
        rows += [base | {"engine": "joint"} | row for row in _joint_terms(found.joint)]
    return rows or [base | {"engine": "none", "reason": found.why_not_pooled}]


def _terms(fit: Result) -> list[dict[str, Any]]:
    """Return the rows of one result: mean, prediction, between-study standard deviation."""
    shown = fit.display()
    middle = fit.mu.median if isinstance(fit, Posterior) else float(np.atleast_1d(fit.estimate)[0])
    se, ends = float(np.atleast_1d(fit.se)[0]), fit.intervals()[0]
    assert isinstance(shown.estimate, float)
    assert isinstance(shown.interval, Interval)
    plain = shown.to_dict()
    rows = [_row("mu", fit.level, middle, se, ends) | _shown(plain["estimate"], plain["interval"])]
    if shown.prediction is not None:
        rows.append(_row("prediction", fit.level, None, None, fit.prediction()) | _shown(None, plain["prediction"]))
    if isinstance(fit, Posterior):
        tau = fit.tau
        rows.append(_row("tau", fit.level, tau.median, tau.sd, tau.interval(fit.level)) | _shown(None, None))
        return rows
    found = fit.heterogeneity().tau2
    parts = {f"tau ({name})": x for name, x in found.items()} if isinstance(found, Mapping) else {"tau": found}
    rows += [_row(name, fit.level, x**0.5, None, (None, None)) | _shown(None, None) for name, x in parts.items()]
    return rows


def _joint_terms(post: JointPosterior) -> list[dict[str, Any]]:
    """Return one row a quantity of a joint synthesis: mean, SD and interval."""
    names = ("effect", "effect_new", "baseline", "bias", "on_treatment", "tau_baseline", "tau_effect", "tau_bias")
    made = {name: getattr(post, name) for name in names}
    return [
        _row(name, post.level, d.mean, d.sd, d.interval(post.level)) | _shown(None, None)
        for name, d in made.items()
        if d is not None
    ]


def _row(
    term: str, level: float, estimate: float | None, std_error: float | None, ends: Iterable[float | None]
) -> dict[str, Any]:
    low, high = ends
    return {"term": term, "estimate": estimate, "std_error": std_error, "low": low, "high": high, "level": level}


def _shown(estimate: float | None, ends: Iterable[float | None] | None) -> dict[str, Any]:
    """Return an estimate and its bounds back-transformed; a proportion is a fraction."""
    low, high = (None, None) if ends is None else ends
    return {"transformed": estimate, "transformed_low": low, "transformed_high": high}


def _study_rows(found: Answer) -> list[dict[str, Any]]:
    table = found.table
    weights = found.fit.weights if found.fit is not None else None
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(table):
        cells = "; ".join(f"{name} {number.value} [{at}]" for _, name, number, at in row.lineage.cells)
        rows.append(
            {
                "study": row.study,
                "label": row.label,
                "used": "yes",
                "yi": row.yi,
                "vi": row.vi,
                "unit": table.unit,
                "n": row.n,
                "weight": None if weights is None else float(weights[i]),
                "reason": "",
                "printed": cells,
            }
        )
    for e in table.excluded:
        rows.append(
            {"study": e.study, "label": e.label or e.study, "used": "no", "unit": table.unit, "reason": e.reason}
        )
    return rows
