"""``docs/coverage.md``, written from the stored table of `coverage_table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .coverage_new_counts import DEFAULT, METHODS

__all__ = ["LEAST", "PAGE", "below", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
LEAST = 0.93
"""Coverage below which a cell is named."""
WIDE = 200.0
"""A mean width from which on it says nothing."""
NAMES = {
    "t": "t(k − p)",
    "z": "normal",
    "IV HKSJ-floor": "IV, HKSJ-floor",
    "IV HKSJ": "IV, plain HKSJ",
    "IV z": "IV, normal",
}
WHAT = {
    "OR": "log odds ratios, exact conditional likelihood",
    "IRR": "log rate ratios, conditional likelihood",
    "PLO": "log odds of one group, binomial-normal likelihood",
    "IRLN": "log rates of one group, Poisson-normal likelihood",
    "RR": "log risk ratios, REML (½ added to tables with a zero, as the user must ask)",
    "RD": "risk differences, REML",
    "MD": "mean differences with estimated variances, REML",
}
Cells = Mapping[str, Mapping[str, Any]]


def below(cells: Cells) -> list[tuple[str, float]]:
    """Return the cells whose default answer covers less than `LEAST`, with the number."""
    found = [(name, float(cell[cell["default"]]["coverage"])) for name, cell in cells.items()]
    return [(name, coverage) for name, coverage in found if coverage < LEAST]


def page(stored: Mapping[str, Any], names: Sequence[str], new_counts: Cells) -> str:
    """Return the page; ``names`` are those of all cells, present or not, ``new_counts`` of `coverage_new_counts`."""
    cells: Cells = stored["cells"]
    settings = stored["settings"]
    sets = sorted({cell["sets"] for cell in cells.values()})
    means = {name: cell for name, cell in cells.items() if not name.startswith("new ")}
    news = {name: cell for name, cell in cells.items() if name.startswith("new ")}
    parts = [_head(stored, settings, sets), _low(cells), _means(means)]
    fewer = [f"{name} ({cell['sets']})" for name, cell in cells.items() if cell["sets"] < max(sets)]
    if fewer:
        parts.insert(1, "Fewer sets, and so a coverage less well known, have: " + ", ".join(fewer) + ".")
    missing = [name for name in names if name not in cells]
    if missing:
        parts.insert(1, "Not computed yet (the program goes on where it stopped): " + ", ".join(missing) + ".")
    if news:
        parts.append(_news(news))
    parts.append(_new_counts(new_counts))
    return "\n\n".join(parts) + "\n"


def _head(stored: Mapping[str, Any], settings: Mapping[str, Any], sets: list[int]) -> str:
    low, high = settings["arms"]
    return f"""# Coverage of the default answers

Written by `python -m benchmarks.coverage_table` from `benchmarks/results/coverage.json`
(seed {settings["seed"]}, {" or ".join(str(n) for n in sets)} simulated meta-analyses a cell: a coverage of .95 is known
to ± {1.96 * (0.95 * 0.05 / min(sets)) ** 0.5:.3f}; lamevidence {stored["versions"]["lamevidence"]}, numpy \
{stored["versions"]["numpy"]}, {stored["date"][:10]}).

A cell is a number of studies k, a true τ and an event rate. Arms have {low:g} to {high:g} patients (or years),
log-uniform; effects are normal with standard deviation τ, half of each effect above and half below the study's own
level, which varies by {settings["baseline_sd"]:g} on the link scale. τ of mean differences is in units of their typical
standard error, that of risk differences is {settings["rd_tau_share"]:g} of the τ in the table.

**Coverage** is the share of 95 % intervals that hold the true mean; **width** is their mean width on the analysis scale
(with one degree of freedom it has no finite expectation, so the table gives the median there too)."""


def _low(cells: Cells) -> str:
    named = below(cells)
    lines = ["## Where the default falls short", ""]
    if not named:
        return "\n".join([*lines, f"Nowhere below {LEAST}."])
    lines += [f"Below {LEAST}, with the coverage reached and what is missing to .95:", ""]
    lines += [f"- {name}: {coverage:.4f} ({0.95 - coverage:.3f} short)" for name, coverage in named]
    lines += ["", "All other cells reach it."]
    return "\n".join(lines)


def _means(cells: Cells) -> str:
    text = ["## Means", "", MEANING]
    for measure, what in WHAT.items():
        mine = {name: cell for name, cell in cells.items() if name.split()[0] == measure}
        if not mine:
            continue
        first = next(iter(mine.values()))
        methods = [name for name in first if isinstance(first[name], dict)]
        heads = [f"{NAMES.get(name, name)}{' (default)' if name == first['default'] else ''}" for name in methods]
        text += ["", f"### {measure}: {what}", ""]
        text += ["| cell | " + " | ".join(heads) + " | no answer |", "|---|" + "---|" * (len(heads) + 1)]
        for name, cell in mine.items():
            shown = [_shown(cell[method], name) for method in methods]
            short, refused = name.removeprefix(measure + " "), cell[cell["default"]]["no_answer"]
            text.append(f"| {short} | {' | '.join(shown)} | {refused:.3f} |")
    return "\n".join(text)


def _shown(found: Mapping[str, float], name: str) -> str:
    median = f" (median {found['median_width']:.2f})" if " k=2 " in f"{name} " else ""
    return f"{found['coverage']:.3f} · {found['width']:.2f}{median}"


def _news(cells: Cells) -> str:
    first = next(iter(cells.values()))
    methods = [name for name in first if isinstance(first[name], dict)]
    heads = [f"{name}{' (default)' if name == first['default'] else ''}" for name in methods]
    text = ["## Prediction intervals", "", PREDICTIONS, ""]
    text += ["| cell | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name, cell in cells.items():
        shown = [f"{cell[method]['coverage']:.3f} · {_width(cell[method])}" for method in methods]
        text.append(f"| {name.removeprefix('new ')} | {' | '.join(shown)} |")
    return "\n".join(text)


def _width(found: Mapping[str, float]) -> str:
    """Return the mean width, the median where a few intervals without degrees of freedom make the mean."""
    if found["width"] < WIDE:
        return f"{found['width']:.2f}"
    return f"{found['median_width']:.2f} (median)"


MEANING = """Columns hold coverage · mean width.

**Models of counts** have t(k − p) quantiles. With normal quantiles the interval of two studies holds the truth in about
two thirds of the sets when τ = 1, and that of five in 84 to 87 %: the standard error of a likelihood knows nothing of
the uncertainty of τ. With t the interval is conservative at k = 2 (one degree of freedom) and near its level after.
`fit.alternatives()` shows the same model with normal quantiles, and the inverse-variance answer where it exists.

**Estimates with variances** have the Hartung-Knapp interval with its variance factor not below 1 (HKSJ-floor). It is
*conservative*: at k = 2 and 3 with little heterogeneity it holds the truth nearly always and is wider than plain
Hartung-Knapp by what the columns show. It is the default all the same, for two reasons that the plain interval fails.
It covers where the plain one falls short (rare events at k = 2 and 3). And plain Hartung-Knapp is
right only on the average over data sets: where the studies happen to agree it is shorter than an interval that takes τ
as 0, and holds the truth far less often than it says (the column "plain HKSJ where shorter than normal" of mean
differences). Those are the data a reader believes most. `fit.alternatives()` and `lamevidence explain` show the plain
interval beside it; `pool(…, interval="HKSJ")` makes it the answer.

"No answer" is the share of sets in which the default refuses: one group without any event, no study with information.
Coverage is that of the rest."""

PREDICTIONS = """Estimates with known variances, standard errors log-uniform from ½ to 2, τ in units of their middle;
a 95 % interval should hold the true effect of a new study in 95 %. Columns hold coverage · mean width.

Intervals that put one estimate of τ² into a t quantile (HTS, t, HK, HK-PR, KR) fall short wherever τ² may be estimated
as 0 although it is not: the more studies, the fewer degrees of freedom help. NNF mixes over the confidence distribution
of τ² (Nagashima, Noma & Furukawa 2019), which the package integrates by quadrature, without draws; `NNF-floor`, the
default from five studies on, keeps the Hartung-Knapp factor at each τ² from falling below 1, so that it is never about
nothing where studies agree. `lam.checks.bootstrap_prediction(table, seed=1)` draws from the same distribution, with the
draws of the mean and of the new study to look at."""

COUNTS = """One-stage models of counts have no Cochran's Q of known law. `profile`, their default from five studies on,
mixes in the same way over the confidence distribution that the adjusted profile likelihood of τ makes, and
`lam.checks.bootstrap_prediction(fit, seed=1)` draws from it. HTS, the default before, puts one estimate of τ² into a t
quantile and falls short; `prediction="HTS"` has it, and `fit.alternatives()` shows it beside. Counts so sparse that a τ
of 16 on the link scale is not excluded get no interval, with that reason.

Made by `python -m benchmarks.coverage_new_counts`: {sets} sets a cell of counts as above, of each the probability with
which the interval holds the true effect of a new study, in closed form given the set. Columns hold the mean of that ±
its Monte Carlo error · median width on the link scale. Over all cells `HTS` holds {HTS:.3f} and `profile`
{profile:.3f} on the average; {low}."""


def _new_counts(made: Cells) -> str:
    """Return the prediction intervals of one-stage models."""
    mean = {method: sum(cell[method]["coverage"] for cell in made.values()) / len(made) for method in METHODS}
    lowest = {method: min(cell[method]["coverage"] for cell in made.values()) for method in METHODS}
    short = [
        f"{name} ({cell[DEFAULT]['coverage']:.3f})" for name, cell in made.items() if cell[DEFAULT]["coverage"] < LEAST
    ]
    low = f"the lowest are {lowest['HTS']:.3f} and {lowest[DEFAULT]:.3f}; below {LEAST} `{DEFAULT}` is in "
    low += ", ".join(short) if short else "no cell"
    sets = next(iter(made.values()))["sets"]
    heads = [f"{method}{' (default)' if method == DEFAULT else ''}" for method in METHODS]
    text = ["## Prediction intervals of one-stage models", "", COUNTS.format(sets=sets, low=low, **mean), ""]
    text += ["| cell | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name, cell in made.items():
        shown = (f"{cell[m]['coverage']:.3f} ± {cell[m]['error']:.3f} · {cell[m]['median_width']:.2f}" for m in METHODS)
        text.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(text)
