"""What a one-stage fit is asked to do: counts, model and options, each checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_choice, a_flag, a_whole, shown
from ..regression.design import Design, design_of
from .designs import CountData
from .hazard import HazardRows
from .remedies import which_works
from .sparse_counts import arms_of, person_time, two_by_two

__all__ = ["KINDS", "PREDICTIONS", "TAU2", "Request", "check_options", "counts_of", "kind_of", "nodes_of"]

KINDS: Catalog[tuple[str, ...]] = Catalog("one-stage model")
"""Kinds of one-stage model, each with the measures it is for; the first of a measure is its default."""
_STIJNEN = "Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040"
_JACKSON = "Jackson, Law, Stijnen, Viechtbauer & White 2018, doi:10.1002/sim.7588"
for _code, _measures, _title, _source in (
    (
        "CM.EL",
        ("OR", "IRR"),
        "exact conditional likelihood: no baseline risks to estimate, no continuity correction",
        _STIJNEN,
    ),
    ("UM.FS", ("OR", "IRR"), "exact likelihood with one baseline a study", _JACKSON),
    ("UM.RS", ("OR", "IRR"), "exact likelihood with normally distributed baselines", _JACKSON),
    (
        "CM.AL",
        ("OR",),
        "binomial approximation of the conditional likelihood, good while events are rare",
        _STIJNEN,
    ),
    (
        "one-arm",
        ("PLO", "IRLN", "HAZ"),
        "exact likelihood of the counts with normally distributed study effects: no continuity correction",
        "Hamza, van Houwelingen & Stijnen 2008, doi:10.1016/j.jclinepi.2007.03.016",
    ),
):
    KINDS.register(_code, title=_title, reference=_source)(_measures)

PREDICTIONS = ("profile", "HTS", "t", "normal", "none")
"""Prediction intervals of one-stage models."""
TAU2 = ("ML", "none")
"""Estimators of τ²; ``none`` for one common effect."""


@dataclass(frozen=True, slots=True)
class Request:
    """A table with the choices made for it, all of them checked."""

    table: EvidenceTable
    measure: str
    model: str
    level: float
    interval: str | None
    nodes: int
    tau2: str
    coding: float
    correlated: bool
    drop00: bool
    prediction: str | None
    design: Design | None


def counts_of(table: EvidenceTable, X: FloatArray | None = None) -> tuple[CountData, str]:
    """Return the counts as arrays, with the design of the effect (k, p), and the measure that they lead to."""
    have, hazard = set(table.counts), None
    if have & {"patients", "events"}:
        hazard = HazardRows.of(table.counts)
        x, size, family, measure = hazard.x[:, None], hazard.time[:, None], "hazard", "HAZ"
    elif have & {"ai", "ci"}:
        cells = two_by_two(table, "the one-stage model")
        x, size = np.column_stack([cells.a, cells.c]), np.column_stack([cells.n1, cells.n2])
        family, measure = "binomial", "OR"
    elif "x1i" in have:
        rates = person_time(table, "the one-stage model")
        x, size = np.column_stack([rates.x1, rates.x2]), np.column_stack([rates.t1, rates.t2])
        family, measure = "poisson", "IRR"
    else:
        events, total, family = arms_of(table, "the one-stage model")
        x, size = events[:, None], total[:, None]
        measure = "PLO" if family == "binomial" else "IRLN"
    if table.measure != measure and not (table.measure == "PETO" and measure == "OR"):
        raise OptionError(
            f"one-stage models of these counts estimate {measure}, the table asks for {table.measure}"
            f" · {which_works(table, 'glmm')}"
        )
    if not np.equal(np.mod(x, 1), 0).all() or (family == "binomial" and not np.equal(np.mod(size, 1), 0).all()):
        what = "events" if not np.equal(np.mod(x, 1), 0).all() else "patients"
        raise InputError(
            f"a one-stage likelihood needs whole numbers of {what} · leave the continuity correction out;"
            f" with these numbers {which_works(table, 'glmm')}"
        )
    return CountData(x, size, family, np.ones((table.k, 1)) if X is None else X, hazard), measure


def moderators_of(
    table: EvidenceTable, moderators: str | ArrayLike | None, names: Sequence[str] | None
) -> Design | None:
    """Return the design of the effect, None without moderators."""
    if moderators is None:
        if names is not None:
            raise OptionError("names belong to a design matrix · give moderators too")
        return None
    return design_of(table, moderators, names)


def kind_of(table: EvidenceTable, measure: str, model: str | None) -> str:
    """Return the kind of model, the default of the measure when None."""
    choices = tuple(code for code in KINDS if measure in KINDS[code])
    if model is None:
        return choices[0]
    if isinstance(model, str) and model in KINDS and model not in choices:
        raise OptionError(
            f"{model} is a model of {' and '.join(KINDS[model])}, not of {measure} · {which_works(table)}"
        )
    return a_choice(f"one-stage model of {measure}", model, choices)


def nodes_of(nagq: int | None, model: str) -> int:
    """Return the quadrature nodes a dimension."""
    if nagq is None:
        return 9 if model == "UM.RS" else 21
    return a_whole("nagq", nagq, 1, 100)


def check_options(model: str, tau2: str, coding: float, correlated: bool, drop00: bool) -> None:
    """Raise `OptionError` for a value that does not exist or does not apply to the model."""
    a_choice("tau2 of one-stage models", tau2, TAU2)
    if isinstance(coding, bool) or not isinstance(coding, Real) or coding not in (0, 0.5, 1):
        raise OptionError(f"coding={shown(coding)} does not apply · choices: 0.5, 1, 0")
    a_flag("correlated", correlated)
    a_flag("drop00", drop00)
    if coding != 0.5 and not model.startswith("UM"):
        raise OptionError(f"coding applies to UM.FS and UM.RS, not to {model} · leave coding out")
    if (correlated or drop00) and model != "UM.RS":
        raise OptionError(f"correlated and drop00 apply to UM.RS, not to {model} · leave them out")
