"""The cases: which model with which options on which of the data sets of ``tests/reference``."""

from __future__ import annotations

import functools
import gzip
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.same_numbers import adapter as a
from tests.same_numbers.models import MODELS

REFERENCE = Path(__file__).parent.parent / "reference"

Make = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One result: ``model`` with ``options`` on what ``make`` returns.

    ``closed`` says that the numbers come from a formula, not from an iteration or an integral.
    """

    id: str
    make: Make
    model: str
    options: dict[str, Any] = field(default_factory=dict)
    closed: bool = False

    def compute(self) -> dict[str, float | str]:
        """Return the numbers, or the name of the error."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return dict(MODELS[self.model](self.make(), **self.options))
            except Exception as error:
                # one of the package's own is a result, any other is shown to whoever writes the file
                own = isinstance(error, a.errors())
                return {"error": type(error).__name__ if own else f"{type(error).__name__} {error}"}


@functools.cache
def inputs(path: str) -> dict[str, Any]:
    """Return the inputs of a reference file."""
    return json.loads(gzip.decompress((REFERENCE / f"{path}.json.gz").read_bytes()))["inputs"]


def plain(path: str, **more: Any) -> Make:
    """Return what makes a table of estimates and variances."""
    return lambda: a.estimates(inputs(path)["yi"], inputs(path)["vi"], **more)


def counts(path: str, measure: str, names: str, **options: Any) -> Make:
    """Return what makes a table from the columns named, of the rows that have them all."""

    def make() -> Any:
        columns = complete(path, names.split())
        return a.counted(measure, columns, **options)

    return make


@functools.cache
def _complete(path: str, names: tuple[str, ...]) -> tuple[np.ndarray, ...]:
    given = [np.array([np.nan if x is None else float(x) for x in inputs(path)[n]]) for n in names]
    keep = np.all([np.isfinite(column) for column in given], axis=0)
    return tuple(column[keep] for column in given)


def complete(path: str, names: list[str]) -> dict[str, np.ndarray]:
    """Return columns, without the rows that lack one of them."""
    return dict(zip(names, _complete(path, tuple(names)), strict=True))


# ---- pooled means and regressions ---------------------------------------------------------------------------------
SMALL = (
    "bcg_or",
    "bcg_rr",
    "bcg_rd",
    "bonett2010",
    "cohen1981",
    "collins1985b",
    "debruin2009",
    "edge_bighet_a",
    "edge_borderline_a",
    "edge_k2het_a",
    "edge_k2hom_a",
    "edge_k3_a",
    "edge_k5equalv_a",
    "edge_k5hom_a",
    "edge_tiny_a",
    "edge_unequalv_a",
    "hine1989",
    "nielweise2007",
    "nielweise2008",
    "normand1999_md",
    "normand1999_smd",
    "obrien_colditz1994",
    "raudenbush1985",
    "viechtbauer2021",
)
LARGE = ("anand1999_high", "collins1985a", "egger2001", "hackshaw1998", "li2007", "linde2005", "pignon2000")
TAU2 = (
    "DL",
    "HE",
    "HS",
    "HSk",
    "SJ",
    "DL2",
    "CA",
    "CA2",
    "PM",
    "EB",
    "DLIT",
    "SJIT",
    "PMM",
    "ML",
    "REML",
    "HM",
    "AREML",
    "BM",
    "GENQ",
    "GENQM",
)
FORMULA = ("DL", "HE", "HS", "HSk", "SJ", "DL2", "CA", "CA2", "GENQ", "HM")
INTERVALS = ("z", "t", "HKSJ", "HKSJ-floor", "HKSJ-hybrid", "HKSJ-IQWiG", "KR", "SJ")
PREDICTIONS = ("normal", "simple", "t", "riley", "HTS", "HK", "HK-PR", "KR", "KR-PR", "none")
TAU2_INTERVALS = ("QP", "GENQ", "BJ", "PL", "HT", "wald", "wald-log", "wald-sqrt")


def size(path: str) -> int:
    """Return the number of rows of a file of estimates."""
    return len(inputs(path)["yi"])


def means() -> Iterator[Case]:
    """Pooled means: estimators of τ², intervals, predictions, weights and levels."""
    for i, data in enumerate(SMALL):
        path = f"rma_uni/{data}"
        make, places = plain(path), list(range(1, size(path) + 1))
        for j, tau2 in enumerate(TAU2):
            interval = INTERVALS[(i + j) % 8] if tau2 == "REML" else INTERVALS[(i + j) % 6]
            options: dict[str, Any] = {"tau2": tau2, "interval": interval}
            if tau2.startswith("GENQ"):
                options["weights"] = places
            closed = tau2 in FORMULA
            yield Case(f"pool/{data}/random {tau2} {interval}", make, "pool", {"model": "random", **options}, closed)
        for word in ("common", "fixed", "ivhet", "henmi-copas"):
            yield Case(f"pool/{data}/{word}", make, "pool", {"model": word}, word != "henmi-copas")
        yield Case(f"pool/{data}/as it is", make, "pool")
        yield Case(f"pool/{data}/random level 0.9", make, "pool", {"model": "random", "level": 0.9})
        yield Case(f"pool/{data}/random equal weights", make, "pool", {"weights": "equal", "interval": "z"})
        yield Case(f"pool/{data}/random given weights", make, "pool", {"weights": places, "interval": "HKSJ"})
        yield Case(f"pool/{data}/random tau2 known", make, "pool", {"tau2": 0.05, "interval": "z"}, True)
    for data in LARGE:
        make = plain(f"rma_uni/{data}")
        for tau2, interval in (("REML", "HKSJ-floor"), ("DL", "z"), ("PM", "HKSJ"), ("ML", "t"), ("SJ", "KR")):
            options = {"model": "random", "tau2": tau2, "interval": interval}
            yield Case(f"pool/{data}/random {tau2} {interval}", make, "pool", options)
        yield Case(f"pool/{data}/common", make, "pool", {"model": "common"}, True)
        yield Case(f"pool/{data}/henmi-copas", make, "pool", {"model": "henmi-copas"})
    for data in ("bcg_or", "hine1989"):
        for interval in INTERVALS:
            for prediction in PREDICTIONS:
                options = {"model": "random", "tau2": "REML", "interval": interval, "prediction": prediction}
                yield Case(
                    f"pool/{data}/random REML {interval} predict {prediction}",
                    plain(f"rma_uni/{data}"),
                    "pool",
                    options,
                )
    for data in ("bcg_rr", "collins1985b", "edge_k5hom_a", "normand1999_smd", "raudenbush1985", "edge_k2het_a"):
        for code in TAU2_INTERVALS:
            for tau2 in ("REML", "DL", "ML"):
                yield Case(
                    f"tau2_interval/{data}/{tau2} {code}",
                    plain(f"rma_uni/{data}"),
                    "tau2_interval",
                    {"code": code, "tau2": tau2, "interval": "z"},
                )


def regressions() -> Iterator[Case]:
    """Meta-regressions on the designs of the reference."""
    fits = (
        ("REML", "z"),
        ("REML", "HKSJ"),
        ("DL", "t"),
        ("ML", "HKSJ-floor"),
        ("PM", "HKSJ"),
        ("HE", "z"),
        ("SJ", "z"),
        ("EB", "t"),
        ("HS", "HKSJ"),
    )
    for data in (*SMALL, *LARGE):
        path = f"rma_uni/{data}"
        for word, design in inputs(path).get("designs", {}).items():
            if len(design["X"]) != size(path):
                continue
            X = np.array(design["X"], dtype=float)
            for tau2, interval in fits:
                options = {"moderators": X, "tau2": tau2, "interval": interval}
                yield Case(
                    f"regression/{data}/{word} {tau2} {interval}", plain(path), "regression", options, tau2 in FORMULA
                )
            yield Case(
                f"regression/{data}/{word} common",
                plain(path),
                "regression",
                {"moderators": X, "model": "common", "interval": "z"},
                True,
            )


# ---- counts -------------------------------------------------------------------------------------------------------
TWO = "ai n1i ci n2i"
RATES = "x1i t1i x2i t2i"
TABLES = (
    "anand1999_high",
    "bcg",
    "collins1985a",
    "collins1985b",
    "damico2009",
    "edge_zerocells_a",
    "egger2001",
    "graves2010",
    "hine1989",
    "li2007",
    "linde2005",
    "nielweise2007",
    "viechtbauer2021",
)


def sparse() -> Iterator[Case]:
    """Mantel-Haenszel and Peto."""
    for data in TABLES:
        path = f"mh_peto/{data}"
        for measure in ("OR", "RR", "RD"):
            for add in (0.0, 0.5):
                own = {"add": add, "to": "only0"} if add else {}
                yield Case(
                    f"mantel_haenszel/{data}/{measure} own {add}",
                    counts(path, measure, TWO, **own),
                    "mantel_haenszel",
                    {},
                    True,
                )
        yield Case(
            f"mantel_haenszel/{data}/OR corrected",
            counts(path, "OR", TWO),
            "mantel_haenszel",
            {"add": 0.5, "to": "only0"},
            True,
        )
        yield Case(
            f"mantel_haenszel/{data}/OR no Yates",
            counts(path, "OR", TWO),
            "mantel_haenszel",
            {"correct": False, "level": 0.9},
            True,
        )
        yield Case(
            f"mantel_haenszel/{data}/RD other variance",
            counts(path, "RD", TWO),
            "mantel_haenszel",
            {"variance": "greenland-robins"},
            True,
        )
        yield Case(f"mantel_haenszel/{data}/through pool", counts(path, "OR", TWO), "pool", {"model": "mh"}, True)
        yield Case(f"peto/{data}/plain", counts(path, "PETO", TWO), "peto", {}, True)
        yield Case(f"peto/{data}/corrected", counts(path, "PETO", TWO), "peto", {"add": 0.5, "to": "all"}, True)
    for data in ("edge_persontime_a", "nielweise2008"):
        for measure in ("IRR", "IRD"):
            yield Case(
                f"mantel_haenszel/{data}/{measure}",
                counts(f"mh_peto/{data}", measure, RATES),
                "mantel_haenszel",
                {},
                True,
            )


def one_stage() -> Iterator[Case]:
    """One-stage likelihoods of counts."""
    ratios = ("CM.EL", "CM.AL", "UM.FS", "UM.RS")
    for data in ("bcg", "collins1985b", "edge_zerocells_a", "egger2001", "hine1989", "nielweise2007"):
        make = counts(f"glmm/{data}", "OR", TWO)
        for word in ratios:
            yield Case(f"glmm/{data}/{word}", make, "glmm", {"model": word})
            yield Case(f"glmm/{data}/{word} EE", make, "glmm", {"model": word, "method": "EE"})
        yield Case(f"glmm/{data}/UM.FS t", make, "glmm", {"model": "UM.FS", "test": "t"})
        yield Case(f"glmm/{data}/CM.AL 90%", make, "glmm", {"model": "CM.AL", "level": 0.9})
        yield Case(f"glmm/{data}/UM.RS correlated", make, "glmm", {"model": "UM.RS", "correlated": True})
        yield Case(f"glmm/{data}/as it is", make, "pool")
    for data in ("edge_persontime_a", "nielweise2008_irr"):
        make = counts(f"glmm/{data}", "IRR", RATES)
        for word in ("CM.EL", "UM.FS", "UM.RS"):
            yield Case(f"glmm/{data}/{word}", make, "glmm", {"model": word})
            yield Case(f"glmm/{data}/{word} EE", make, "glmm", {"model": word, "method": "EE"})
        yield Case(f"glmm/{data}/as it is", make, "pool")
    arms = (
        ("debruin2009_plo", "PLO", "xi ni"),
        ("edge_proportions_a_plo", "PLO", "xi ni"),
        ("nielweise2008_irln", "IRLN", "xi ti"),
    )
    for data, measure, names in arms:
        make = counts(f"glmm/{data}", measure, names)
        for method in ("ML", "EE"):
            for test in ("z", "t"):
                yield Case(f"glmm/{data}/{measure} {method} {test}", make, "glmm", {"method": method, "test": test})
        yield Case(f"glmm/{data}/as it is", make, "pool")
        other = "beta_binomial" if measure == "PLO" else "gamma_poisson"
        for level in (0.95, 0.8):
            yield Case(f"{other}/{data}/{level}", make, other, {"level": level})
    for data in ("bcg", "hine1989"):
        for word, column in (("ai", "n1i"), ("ci", "n2i")):
            columns = {"xi": inputs(f"glmm/{data}")[word], "ni": inputs(f"glmm/{data}")[column]}
            yield Case(f"beta_binomial/{data}/{word}", functools.partial(a.counted, "PLO", columns), "beta_binomial")
            times = {"xi": columns["xi"], "ti": columns["ni"]}
            yield Case(f"gamma_poisson/{data}/{word}", functools.partial(a.counted, "IRLN", times), "gamma_poisson")


MEASURES = (
    ("hine1989", TWO, "OR RR RD AS PETO YUQ YUY PHI OR2D OR2DN OR2DL PBIT RTET ZTET"),
    ("bcg", "ai bi ci di", "OR RR RD AS PETO YUQ PHI"),
    ("edge_zerocells_a", TWO, "OR RR RD AS PETO"),
    ("nielweise2008", RATES, "IRR IRD IRSD"),
    ("normand1999", "m1i sd1i n1i m2i sd2i n2i", "MD SMD SMDH SMD1H ROM CVR D2ORL D2ORN CLESN RPB ZPB RBIS"),
    ("normand1999", "sd1i n1i sd2i n2i", "VR"),
    ("normand1999", "m1i n1i m2i sd2i n2i", "SMD1"),
    ("cohen1981", "ri ni", "COR UCOR ZCOR"),
    ("edge_proportions_a", "xi ni", "PR PLN PLO PAS PFT PRZ"),
    ("nielweise2008_single", "xi ti", "IR IRLN IRS IRFT"),
    ("normand1999_single", "mi sdi ni", "MN SMN MNLN CVLN"),
    ("normand1999_single", "sdi ni", "SDLN"),
    ("edge_prepost_a", "m1i m2i sd1i sd2i ni ri", "MC SMCC SMCR SMCRH ROMC CVRC"),
    ("edge_prepost_a", "sd1i sd2i ni ri", "VRC"),
    ("edge_matchedpairs_a", "ai bi ci di", "MPRD MPRR MPOR MPORC MPPETO"),
    ("dat.bonett2010", "ai mi ni", "ARAW AHW ABT"),
)


def tables() -> Iterator[Case]:
    """Effect estimates as they come out of the columns of a frame, and the shipped questions."""
    for data, names, measures in MEASURES:
        whole = data if data.startswith(("edge", "dat.")) else f"dat.{data}"
        for measure in measures.split():
            make = counts(f"escalc/{whole}", measure, names)
            yield Case(f"evidence/{whole}/{measure}", make, "evidence", {}, True)
            if data == "edge_zerocells_a":
                make = counts(f"escalc/{whole}", measure, names, add=0.5, to="only0")
                yield Case(f"evidence/{whole}/{measure} corrected", make, "evidence", {}, True)
    for question in a.questions():
        make = functools.partial(a.question_table, question)
        yield Case(f"evidence/question {question}/rows", make, "evidence", {}, True)
        yield Case(f"pool/question {question}/as it is", make, "pool")
        yield Case(f"pool/question {question}/common", make, "pool", {"model": "common"}, True)
        yield Case(f"pool/question {question}/random", make, "pool", {"model": "random"})
        yield Case(f"pool_bayes/question {question}/as it is", make, "pool_bayes", {"loo": True})


def cases() -> list[Case]:
    """Return all cases, each id once."""
    from tests.same_numbers import more_cases as more

    made = [
        case
        for generator in (
            means,
            regressions,
            sparse,
            one_stage,
            tables,
            more.dependent,
            more.groups,
            more.refits,
            more.bias,
            more.networks,
            more.batches,
            more.bayes,
        )
        for case in generator()
    ]
    seen: dict[str, Case] = {}
    for case in made:
        if case.id in seen:
            raise ValueError(f"two cases called {case.id}")
        seen[case.id] = case
    return made
