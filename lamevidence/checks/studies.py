"""What checks ask of any fitted result: its studies and their rows, refits without them, its rows as estimates.

Two kinds of checks meet here. Those that leave studies out work with every model, through `Result.refit_each`. Those
that look at estimates beside their precision (Egger, radial, fail-safe N …) need rows with a variance that are
independent of each other; `estimates_of` gives them for any model, with a note on what has no variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bayes.posterior import PosteriorBase
from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..foundation.errors import DependentRows, NotEstimable, OptionError, TooFewStudies
from ..foundation.options import a_choice, shown
from ..pooling.api import pool
from ..pooling.counts.count_results import CountPooled
from ..pooling.counts.one_stage_regression import GlmmRegression
from ..pooling.inverse_variance.pooled import Pooled
from ..pooling.inverse_variance.refits import Source, source_of
from ..pooling.regression.regression_results import Regression
from ..pooling.subgroup_results import Subgroups
from ..results.contract import MeanResult, Result
from ..results.subset_fits import Mask, SubsetFits

__all__ = [
    "REPORT",
    "Estimates",
    "Studies",
    "a_result",
    "a_table_of",
    "design_of_rows",
    "egger_remedy",
    "estimates_of",
    "estimates_remedy",
    "inverse_variance",
    "mean_only",
    "one_tau2",
    "pools_counts",
    "refusal_notes",
    "studies_of",
    "term_of",
]


REPORT = "describe() reports what there is"
"""Remedy where the data hold no more than the result says."""
AGGREGATE = "make one row a study with lam.effects.aggregate and pool those"
"""Remedy for rows that share patients."""


@dataclass(frozen=True, slots=True, eq=False)
class Studies:
    """The s studies of a result.

    Attributes
    ----------
    labels
        What each is called: the label of its row, or its id where it has several rows.
    rows
        Which rows of the table are its own, (s, k).
    sizes
        How many these are, (s,).
    """

    labels: tuple[str, ...]
    rows: Mask
    sizes: NDArray[np.intp]

    @property
    def count(self) -> int:
        """Number of studies."""
        return len(self.labels)

    @property
    def single(self) -> bool:
        """Whether each study has one row."""
        return bool((self.sizes == 1).all())

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sum over the rows of each study, (s,)."""
        return np.array([float(values[own].sum()) for own in self.rows])


def a_result(fit: object, what: str) -> Result:
    """Return a fitted result.

    Raises
    ------
    OptionError
        Something else; or a sampled posterior, which would be sampled anew for every study.
    """
    if isinstance(fit, EvidenceTable):
        raise OptionError(f"{what} takes a fitted result, not the table · give lam.pool(table)")
    if not isinstance(fit, Result):
        raise OptionError(f"{what} takes a fitted result, not {shown(fit)} · give what lam.pool returns")
    return fit


def studies_of(fit: Result, what: str, needed: int) -> Studies:
    """Return the studies of a result, in order of appearance; rows that carry no information are left aside.

    Raises
    ------
    OptionError
        A posterior that was sampled: each refit would take as long as the whole.
    TooFewStudies
        Fewer than ``needed``.
    """
    if isinstance(fit, PosteriorBase) and fit.engine != "exact":
        raise OptionError(f"{what} would sample a posterior for every study · use lam.pool_bayes(…, engine='exact')")
    table = fit.table
    live = fit.live if isinstance(fit, Pooled) else np.ones(table.k, dtype=bool)
    used = np.flatnonzero(live)
    place: dict[str, int] = {}
    owner = np.array([place.setdefault(table.studies[i], len(place)) for i in used.tolist()], dtype=np.intp)
    names = tuple(place)
    rows = np.zeros((len(names), table.k), dtype=bool)
    rows[owner, used] = True
    sizes, first = np.bincount(owner, minlength=len(names)), np.zeros(len(names), dtype=np.intp)
    first[owner] = used
    each = zip(names, first.tolist(), sizes.tolist(), strict=True)
    labels = tuple(table.labels[i] if size == 1 else name for name, i, size in each)
    if len(names) < needed:
        raise TooFewStudies(what, len(names), needed, REPORT)
    return Studies(labels, rows, sizes)


def term_of(fit: Result, term: str | None) -> int:
    """Return the position of a coefficient, the first when none is named.

    Raises
    ------
    UnknownName
        No such coefficient.
    """
    if term is None:
        return 0
    return fit.names.index(a_choice("coefficient", term, fit.names))


def refusal_notes(labels: tuple[str, ...], found: SubsetFits, what: str) -> tuple[str, ...]:
    """Return one caution a reason why refits do not exist, with the studies it holds for."""
    by_reason: dict[str, list[str]] = {}
    for label, reason in zip(labels, found.reasons, strict=True):
        if reason:
            by_reason.setdefault(reason, []).append(label)
    return tuple(f"{what} {', '.join(names)}: {reason}" for reason, names in by_reason.items())


def design_of_rows(fit: Result) -> FloatArray | None:
    """Return the design matrix (k, p) whose coefficients are those of the result; None where it has none to show."""
    if isinstance(fit, MeanResult):
        return np.ones((fit.table.k, 1))
    if isinstance(fit, Subgroups):
        return np.array([[float(label == name) for name in fit.names] for label in fit.labels])
    X = getattr(getattr(fit, "design", None), "X", None)
    if X is None or np.shape(X) != (fit.table.k, len(fit.names)):
        return None
    return np.asarray(X, dtype=np.float64)


def one_tau2(fit: Result) -> float:
    """Return the between-study variance where there is one, 0 in common-effect models; NaN where there are several."""
    tau2 = fit.tau2
    return float(tau2) if isinstance(tau2, float | int) else math.nan


def pools_counts(fit: Result) -> bool:
    """Return whether the model is one of counts, which estimates cannot be added to."""
    if isinstance(fit, CountPooled | GlmmRegression):
        return True
    return isinstance(fit, PosteriorBase) and fit.likelihood not in ("normal", "t")


# ---- rows as estimates with variances -------------------------------------------------------------------------------
def inverse_variance(fit: Result, what: str, needed: int = 1) -> tuple[Source | None, str]:
    """Return the data behind an inverse-variance fit, or None and why the closed formulas do not hold for this fit.

    Raises
    ------
    TooFewStudies
        Fewer than ``needed`` studies.
    """
    if not isinstance(fit, Pooled | Regression):
        return None, f"{fit.spec.label} has no closed formulas for them"
    if len(set(fit.table.studies)) != fit.table.k:
        return None, "several rows are of one study"
    try:
        return source_of(fit, what, needed=needed), ""
    except TooFewStudies:
        raise
    except (OptionError, NotEstimable) as refused:
        return None, str(refused).split(" · ")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Independent estimates with variances behind a result of any model, and cautions about rows that have none.

    Attributes
    ----------
    source
        The rows in the form that inverse-variance formulas take.
    own
        Whether ``source`` describes the model of the result; else only its rows (τ² is 0, the interval z).
    notes
        Which rows have no usable variance.
    """

    source: Source
    own: bool
    notes: tuple[str, ...]

    @property
    def y(self) -> FloatArray:
        """Estimates on the analysis scale, (k,)."""
        return np.asarray(self.source.table.yi[self.source.rows])

    @property
    def v(self) -> FloatArray:
        """Sampling variances, (k,)."""
        return np.asarray(self.source.table.vi[self.source.rows])


def _usable(table: EvidenceTable) -> Mask:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0))


def _dependent(table: EvidenceTable) -> bool:
    if len(set(table.studies)) != table.k:
        return True
    return table.V is not None and bool(np.any(table.V - np.diag(np.diag(table.V))))


def estimates_remedy(fit: Result, options: str = "model='random'", needed: int = 1) -> str:
    """Return how to get a model of independent estimates from the same rows, so that ``needed`` of them are there.

    The call holds for this very table: a reader can paste it.
    """
    table = fit.table
    if not isinstance(table, EvidenceTable):
        return "use lam.network.split_network(fit)"
    if _dependent(table):
        enough = len(set(table.studies)) >= needed
        return f"{AGGREGATE} (with {options})" if enough and _usable(table).all() else REPORT
    usable = _usable(table)
    if usable.sum() < max(needed, 1):
        return REPORT
    rows = "table" if usable.all() else "table.subset(np.isfinite(table.vi) & (table.vi > 0))"
    lost = ", ".join(table.labels[i] for i in np.flatnonzero(~usable))
    return f"use lam.pool({rows}, {options})" + (f", which leaves out {lost}" if lost else "")


def egger_remedy(fit: Result) -> str:
    """Return which test takes rows that lack what another one needs: Egger's, where that has enough of them."""
    table = fit.table
    if not isinstance(table, EvidenceTable):
        return "use lam.network.split_network(fit)"
    if _dependent(table):
        return f"{AGGREGATE}, with method='egger-lm'" if len(set(table.studies)) > 2 else REPORT
    v = table.vi[_usable(table)]
    shown = len(fit.names) == 1 or design_of_rows(fit) is not None
    if v.size < (len(fit.names) if shown else 1) + 2 or np.ptp(v) <= 1e-9 * v.max():
        return REPORT
    return "use method='egger-lm'" + ("" if shown else f" on {estimates_remedy(fit).removeprefix('use ')}")


def a_table_of(fit: Result, what: str, needed: int = 1, options: str = "model='random'") -> EvidenceTable:
    """Return the table behind a result of any model, whose rows are independent.

    Raises
    ------
    OptionError
        A result of a network.
    DependentRows
        Rows of one study, or rows with covariances; the message says how to make them independent, with ``options``
        of `pool`, where that leaves ``needed`` studies.
    """
    table = fit.table
    if not isinstance(table, EvidenceTable):
        raise OptionError(f"{what} is for one comparison, not for a network · use lam.network.split_network(fit)")
    if _dependent(table):
        raise DependentRows(
            f"{what} takes rows as independent, and some share patients · {estimates_remedy(fit, options, needed)}"
        )
    return table


def estimates_of(fit: object, what: str, needed: int = 1, options: str = "model='random'") -> Estimates:
    """Return the rows of any result as independent estimates with variances.

    Parameters
    ----------
    fit
        What a user gave.
    what
        The check, in the words of a message.
    needed
        Fewest rows with a variance.
    options
        Options of `pool` that a message recommends.

    Raises
    ------
    OptionError
        Not a result; a result of a network, or of coefficients without a design of the rows.
    DependentRows
        Rows of one study, or rows with covariances.
    TooFewStudies
        Fewer than ``needed`` rows with a variance.
    """
    result = a_result(fit, what)
    table = a_table_of(result, what, needed, options)
    found, _ = inverse_variance(result, what)
    if found is not None:
        _enough(found.k, needed, what)
        return Estimates(found, True, ())
    usable = _usable(table)
    several = len(result.names) > 1
    _enough(int(usable.sum()), max(needed, len(result.names) if several else 1), what)
    lost = ", ".join(table.labels[i] for i in np.flatnonzero(~usable))
    notes = (f"{lost} left out: no estimate with a variance",) if lost else ()
    design: dict[str, Any] = {}
    if several:
        X = design_of_rows(result)
        if X is None:
            raise OptionError(f"{what} is for models of one mean · {estimates_remedy(result, options, needed)}")
        design = {"moderators": X[usable], "names": list(result.names), "interval": "z"}
    plain = pool(table.subset(usable.tolist()), model="common", level=result.level, **design)
    return Estimates(source_of(plain, what), False, notes)


def _enough(count: int, needed: int, what: str) -> None:
    if count < needed:
        raise TooFewStudies(what, count, needed, REPORT)


def mean_only(found: Estimates, fit: Result, what: str, options: str = "model='random'") -> Source:
    """Return the rows of a model without moderators.

    Raises
    ------
    OptionError
        The model has moderators.
    """
    if found.source.X is not None:
        raise OptionError(f"{what} is for models without moderators · {estimates_remedy(fit, options)}")
    return found.source
