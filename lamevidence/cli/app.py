"""The program ``lamevidence``: verbs, options and help; each verb's work is in its own file."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from .. import __version__
from .output import USAGE_ERROR, exit_codes, safe_streams, talk
from .own_columns import asked_of, takes_a_file

__all__ = ["app", "main"]

_BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Matrices of a few studies are done before a second thread has begun; side by side, they cost a quarter of a run."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Evidence synthesis that traces every pooled figure back to the printed cell it came from.",
)

Studies = Annotated[Path | None, typer.Option("--studies", help="A registry of your own instead of the shipped one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ColumnNames = Annotated[
    list[str], typer.Option("--column", help="ROLE=NAME where the name of a column does not tell, e.g. events=Ev.T.")
]
SheetName = Annotated[str | None, typer.Option("--sheet", help="Sheet of a workbook.")]
DecimalSign = Annotated[str | None, typer.Option("--decimal", help="Decimal sign where the numbers do not tell.")]
QuestionOrFile = Annotated[
    str, typer.Argument(metavar="QUESTION|FILE", help="Question id (`lamevidence list` shows them), or a table's path.")
]
Own: TypeAlias = dict[str, str]
QuestionId = Annotated[str, typer.Argument(metavar="QUESTION", help="Question id; `lamevidence list` shows them.")]


class ProblemFormat(StrEnum):
    """How `check` prints problems."""

    text = "text"
    json = "json"
    github = "github"


def _version(value: bool) -> None:
    if value:
        typer.echo(f"lamevidence {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    safe_streams()


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", help="Folder for figures, tables and the manifest.")] = Path("out"),
    studies: Studies = None,
    as_json: AsJson = False,
    layout: Annotated[str, typer.Option(help="Forest preset: revman, jama, bmj or metafor.")] = "revman",
    figures: Annotated[bool, typer.Option(help="Write the forest plots.")] = True,
) -> None:
    """Pool every question of the registry; write figures, tables and a manifest."""
    from .run import run_all

    with exit_codes():
        run_all(out=out, studies=studies, as_json=as_json, layout=layout, figures=figures)


@app.command()
def check(
    directory: Annotated[Path | None, typer.Argument(help="Registry folder; the shipped one when absent.")] = None,
    studies: Studies = None,
    output: Annotated[ProblemFormat, typer.Option("--format", help="How to print problems.")] = ProblemFormat.text,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
) -> None:
    """Read and audit every record; print all problems of all files."""
    from .check import check as run_check

    if directory is not None and studies is not None:
        talk("error: give the registry once, as DIRECTORY or as --studies")
        raise typer.Exit(USAGE_ERROR)
    with exit_codes():
        code = run_check(directory or studies, output="json" if as_json else output.value, strict=strict)
    raise typer.Exit(code)


@app.command()
def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, XLSX, ODS or Parquet.")],
    measure: Annotated[str | None, typer.Option(help="Measure of the column of estimates, e.g. OR.")] = None,
    column: ColumnNames = [],  # noqa: B006
    sheet: SheetName = None,
    decimal: DecimalSign = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a text file.")] = None,
    separator: Annotated[str | None, typer.Option(help="Separator of a text file.")] = None,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
) -> None:
    """Audit an extraction sheet of your own: do its printed numbers agree with each other?"""
    from .audit import audit_sheet

    names = {"measure": measure, "sheet": sheet, "decimal": decimal, "encoding": encoding, "separator": separator}
    with exit_codes():
        code = audit_sheet(file, names, column=column, as_json=as_json, strict=strict)
    raise typer.Exit(code)


@app.command(name="list")
def list_(
    studies: Studies = None,
    as_json: AsJson = False,
    unused: Annotated[
        bool, typer.Option("--unused", help="List the findings that enter no question, with a reason each.")
    ] = False,
) -> None:
    """List the questions and the studies."""
    from .list import list_registry, list_unused

    with exit_codes():
        if unused:
            list_unused(studies=studies, as_json=as_json)
        else:
            list_registry(studies=studies, as_json=as_json)


@app.command()
def show(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Study id.")],
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Show one study: every number as printed, and where it is printed."""
    from .show import show_study

    with exit_codes():
        show_study(study, studies=studies, as_json=as_json)


@app.command()
@takes_a_file
def table(question: QuestionOrFile, own: Own, studies: Studies = None, as_json: AsJson = False) -> None:
    """Show the rows of a question, or of a FILE of your own, and every row left out, with its reason."""
    from .own_answers import table_file
    from .table import show_table

    with exit_codes():
        file = asked_of(question, own, {"studies": studies})
        if file is not None:
            table_file(file, own, as_json=as_json)
        else:
            show_table(question, studies=studies, as_json=as_json)


@app.command()
@takes_a_file
def pool(
    question: QuestionOrFile,
    own: Own,
    model: Annotated[str | None, typer.Option(help="Model; `lamevidence methods` lists the choices.")] = None,
    tau2: Annotated[str | None, typer.Option(help="Estimator of the between-study variance.")] = None,
    interval: Annotated[str | None, typer.Option(help="Interval of the pooled estimate.")] = None,
    prediction: Annotated[str | None, typer.Option(help="Prediction interval.")] = None,
    level: Annotated[float | None, typer.Option(help="Level of all intervals, e.g. 0.95.")] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help="Say the effect per 1000 at this risk without treatment: 0.1, or 0.05,0.2, or controls."),
    ] = None,
    time: Annotated[str, typer.Option(help='By when the baseline risk holds, e.g. "within 5 years".')] = "",
    out: Annotated[Path | None, typer.Option("--out", help="FILE: folder for figures and tables.")] = None,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Pool one question, or a FILE of your own; without options its model or the k-aware default, with the reason."""
    from .own_answers import pool_file
    from .pool import pool_question

    options = {"model": model, "tau2": tau2, "interval": interval, "prediction": prediction, "level": level}
    with exit_codes():
        given = {k: v for k, v in options.items() if v is not None}
        of_file = own if out is None else {**own, "out": str(out)}
        file = asked_of(question, of_file, {"studies": studies, "baseline": baseline, "time": time})
        if file is not None:
            pool_file(file, own, given, out=out, as_json=as_json)
        else:
            pool_question(question, given, baseline=baseline, time=time, studies=studies, as_json=as_json)


@app.command()
@takes_a_file
def bayes(
    question: QuestionOrFile,
    own: Own,
    tau: Annotated[
        str | None, typer.Option(help='Prior of tau, e.g. "HalfNormal(72)" in the unit of the question.')
    ] = None,
    mu: Annotated[str | None, typer.Option(help='Prior of mu, e.g. "Normal(0, 240)".')] = None,
    level: Annotated[float, typer.Option(help="Level of all intervals.")] = 0.95,
    print_uncertainty: Annotated[
        bool, typer.Option("--print-uncertainty", help="Let rounding, kind of ±, r and route enter as priors.")
    ] = False,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Exact Bayesian answer to one question, or of a FILE of your own, with its prior sensitivity."""
    from .bayes import bayes_question
    from .own_answers import bayes_file

    with exit_codes():
        file = asked_of(question, own, {"studies": studies})
        if file is not None:
            bayes_file(file, own, tau=tau, mu=mu, level=level, printed=print_uncertainty, as_json=as_json)
        else:
            options: dict[str, Any] = {"tau": tau, "mu": mu, "level": level, "printed": print_uncertainty}
            bayes_question(question, **options, studies=studies, as_json=as_json)


@app.command()
@takes_a_file
def forest(
    question: QuestionOrFile,
    own: Own,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .png, .pdf or .svg.")] = Path("forest.png"),
    layout: Annotated[str, typer.Option(help="revman, jama, bmj or metafor.")] = "revman",
    width: Annotated[
        float | None, typer.Option(help="Width in mm (85, 140, 178 …); sized by content when absent.")
    ] = None,
    dpi: Annotated[int, typer.Option(help="Dots per inch of a PNG.")] = 600,
    bayes: Annotated[bool, typer.Option(help="Draw the Bayesian result below the frequentist one.")] = True,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Draw the forest plot of one question, or of a FILE of your own."""
    from .forest import draw_forest
    from .own_answers import draw_file

    drawn: dict[str, Any] = {"out": out, "layout": layout, "width": width, "dpi": dpi, "bayes": bayes}
    with exit_codes():
        file = asked_of(question, own, {"studies": studies})
        if file is not None:
            draw_file(file, own, as_json=as_json, **drawn)
        else:
            draw_forest(question, studies=studies, as_json=as_json, **drawn)


@app.command()
def explain(
    subject: Annotated[
        str, typer.Argument(metavar="QUESTION", help="Question id, or the code of a problem such as LE104.")
    ],
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Say in plain words what entered, what did not and why, each conversion, the model and its assumptions."""
    from .explain import explain as run_explain

    with exit_codes():
        run_explain(subject, studies=studies, as_json=as_json)


@app.command()
def grade(question: QuestionId, studies: Studies = None, as_json: AsJson = False) -> None:
    """Rate the certainty of the evidence: what the numbers say, what was judged, what was not; summary of findings."""
    from .grade import grade_question

    with exit_codes():
        grade_question(question, studies=studies, as_json=as_json)


@app.command()
def prisma(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A flow of your own in YAML; the registry's when absent.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw the diagram (.png, .pdf, .svg), or write .csv.")
    ] = None,
    width: Annotated[float, typer.Option(help="Width of the diagram in mm (85, 140, 178 …).")] = 178,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Print how the studies were found (PRISMA 2020), every sum checked; what is not recorded is said to be so."""
    from .prisma import show_flow

    with exit_codes():
        show_flow(file, out=out, width=width, studies=studies, as_json=as_json)


@app.command()
def multiverse(
    question: QuestionId,
    threshold: Annotated[float | None, typer.Option(help="Value of the mean that matters.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Draw the specification curve to this file.")] = None,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Fit every defensible specification of one question: how far the choices carry the answer, and which."""
    from .multiverse import explore

    with exit_codes():
        explore(question, threshold=threshold, out=out, studies=studies, as_json=as_json)


@app.command()
def form(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Study id.")],
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Publication of the record to be read; all when absent.")
    ] = None,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Print the blank form by which a second reader extracts a study without sight of its numbers."""
    from .form import print_form

    with exit_codes():
        print_form(study, sources=source or (), studies=studies, as_json=as_json)


@app.command()
def compare(
    first: Annotated[Path | None, typer.Argument(metavar="FIRST", help="Records, filled forms, or a folder.")] = None,
    second: Annotated[Path | None, typer.Argument(metavar="SECOND", help="The other reader's.")] = None,
    resolve: Annotated[
        Path | None, typer.Option("--resolve", help="Decisions about the disagreements; written blank if not there.")
    ] = None,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Compare two extractions cell by cell, those of the registry when none is named: agreement, kappa, differences."""
    from .compare import compare as run_compare

    with exit_codes():
        run_compare(first, second, log=resolve, studies=studies, as_json=as_json)


@app.command()
def methods(as_json: AsJson = False) -> None:
    """List every measure, estimator, interval, model and prior, with its reference."""
    from .methods import list_methods

    with exit_codes():
        list_methods(as_json=as_json)


def main() -> None:
    """Run the program; the exit code is 0, 1 (evidence) or 2 (usage)."""
    safe_streams()
    for threads in _BLAS_THREADS:
        os.environ.setdefault(threads, "1")
    with exit_codes():
        try:
            app()
        finally:
            sys.stdout.flush()
