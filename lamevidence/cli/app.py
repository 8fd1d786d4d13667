"""The program ``lamevidence``: verbs, options and help; each verb's work is in its own file."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from .output import USAGE_ERROR, exit_codes, talk

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Evidence synthesis that traces every pooled figure back to the printed cell it came from.",
)

Studies = Annotated[Path | None, typer.Option("--studies", help="A registry of your own instead of the shipped one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
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
    pass


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


@app.command(name="list")
def list_(studies: Studies = None, as_json: AsJson = False) -> None:
    """List the questions and the studies."""
    from .list import list_registry

    with exit_codes():
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
def table(question: QuestionId, studies: Studies = None, as_json: AsJson = False) -> None:
    """Show the rows of a question and every row left out, with its reason."""
    from .table import show_table

    with exit_codes():
        show_table(question, studies=studies, as_json=as_json)


@app.command()
def pool(
    question: QuestionId,
    model: Annotated[str | None, typer.Option(help="Model; `lamevidence methods` lists the choices.")] = None,
    tau2: Annotated[str | None, typer.Option(help="Estimator of the between-study variance.")] = None,
    interval: Annotated[str | None, typer.Option(help="Interval of the pooled estimate.")] = None,
    prediction: Annotated[str | None, typer.Option(help="Prediction interval.")] = None,
    level: Annotated[float | None, typer.Option(help="Level of all intervals, e.g. 0.95.")] = None,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Pool one question; without options the question's model, or the k-aware default, with the reason."""
    from .pool import pool_question

    options = {"model": model, "tau2": tau2, "interval": interval, "prediction": prediction, "level": level}
    with exit_codes():
        pool_question(question, {k: v for k, v in options.items() if v is not None}, studies=studies, as_json=as_json)


@app.command()
def bayes(
    question: QuestionId,
    tau: Annotated[
        str | None, typer.Option(help='Prior of tau, e.g. "HalfNormal(72)" in the unit of the question.')
    ] = None,
    mu: Annotated[str | None, typer.Option(help='Prior of mu, e.g. "Normal(0, 240)".')] = None,
    level: Annotated[float, typer.Option(help="Level of all intervals.")] = 0.95,
    studies: Studies = None,
    as_json: AsJson = False,
) -> None:
    """Exact Bayesian answer to one question, with its prior sensitivity."""
    from .bayes import bayes_question

    with exit_codes():
        bayes_question(question, tau=tau, mu=mu, level=level, studies=studies, as_json=as_json)


@app.command()
def forest(
    question: QuestionId,
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
    """Draw the forest plot of one question."""
    from .forest import draw_forest

    with exit_codes():
        draw_forest(
            question, out=out, layout=layout, width=width, dpi=dpi, bayes=bayes, studies=studies, as_json=as_json
        )


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
def methods(as_json: AsJson = False) -> None:
    """List every measure, estimator, interval, model and prior, with its reference."""
    from .methods import list_methods

    with exit_codes():
        list_methods(as_json=as_json)


def main() -> None:
    """Run the program; the exit code is 0, 1 (evidence) or 2 (usage)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app()
