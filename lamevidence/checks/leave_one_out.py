"""Leave-one-out and cumulative analyses: does the answer hang on one study, and how did it come about?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..effects.evidence_table import EvidenceTable
from ..effects.foreign_data import unmasked
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, UnknownName
from ..results.contract import Result
from ..results.subset_fits import SubsetFits
from .studies import Studies, a_result, refusal_notes, studies_of, term_of
from .tables import CheckTable

__all__ = ["cumulative", "leave_one_out"]


def leave_one_out(fit: Result, term: str | None = None) -> CheckTable:
    """Fit the model again without each study in turn.

    Parameters
    ----------
    fit
        A fitted result of any model. A study goes with all its rows.
    term
        Coefficient that is shown where the model has several; the first when left out.

    Returns
    -------
    CheckTable
        One row a study left out: ``label``, ``estimate``, ``se``, ``statistic``, ``p_value``, ``low``, ``high``, ``q``,
        ``q_p``, ``tau2``, ``i2`` (percent), ``h2``, on the analysis scale, everything estimated anew each time. Where
        the model cannot be fitted without a study its row is NaN, and a column ``reason`` says why. ``fit`` is the
        whole result; ``plot()`` draws the table.

    Raises
    ------
    TooFewStudies
        Fewer than two studies.
    OptionError
        No such coefficient; a sampled posterior.

    See Also
    --------
    cumulative : one study added after the other.
    influence : what each study does to estimate, variance and fit.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> [round(x, 3) for x in lam.leave_one_out(lam.pool(table, model="common"))["estimate"].tolist()]
    [0.535, 0.491, 0.47, 0.235]
    """
    result = a_result(fit, "leave-one-out")
    at = term_of(result, term)
    studies = studies_of(result, "leave-one-out", 2)
    found = result.refit_each(~studies.rows)
    sizes = studies.sizes
    columns = _columns(found, at, studies.labels, sizes.sum() - sizes)
    notes: tuple[str, ...] = ("with one study left there is no between-study variance",) if studies.count == 2 else ()
    notes += refusal_notes(studies.labels, found, "the model cannot be fitted without")
    sentence = _moves(result, at, studies, found)
    return CheckTable(
        "leave_one_out", "Leave-one-out analysis", columns, sentence, notes, result, term=result.names[at]
    )


def _moves(fit: Result, at: int, studies: Studies, found: SubsetFits) -> str:
    with np.errstate(invalid="ignore"):  # infinite estimates of counts without events
        moved = np.abs(found.beta[:, at] - float(np.atleast_1d(fit.estimate)[at]))
    if np.isnan(moved).all():
        return f"The model cannot be fitted without any of the {studies.count} studies."
    low, high = float(np.nanmin(found.beta[:, at])), float(np.nanmax(found.beta[:, at]))
    what = "the estimate" if len(fit.names) == 1 else f"the coefficient of {fit.names[at]}"
    return (
        f"Leaving out one of {studies.count} studies at a time moves {what} between {low:.4g} and {high:.4g};"
        f" the study that moves it most is {studies.labels[int(np.nanargmax(moved))]}."
    )


def cumulative(fit: Result, order: str | ArrayLike | None = None, term: str | None = None) -> CheckTable:
    """Fit the model to the first study, the first two, and so on.

    Parameters
    ----------
    fit
        A fitted result of any model. A study comes with all its rows.
    order
        ``None`` for the order of the table, ``precision`` (largest sum of 1/v first), ``year``, the name of a
        moderator, or the positions of the studies.
    term
        Coefficient that is shown where the model has several; the first when left out.

    Returns
    -------
    CheckTable
        One row a study added, columns as in `leave_one_out`, and ``k``, the number of studies. Where the model cannot
        be fitted yet (fewer studies than coefficients) the row is NaN, and a column ``reason`` says why.

    Raises
    ------
    UnknownName, InputError
        No such order; positions that are not each study once.

    See Also
    --------
    leave_one_out : each study left out in turn.

    References
    ----------
    Lau et al. 1992, doi:10.1056/NEJM199207233270406.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.cumulative(lam.pool(table, model="common"), order="precision")["k"].tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    what = "a cumulative analysis"
    result = a_result(fit, what)
    at = term_of(result, term)
    studies = studies_of(result, what, 1)
    sequence = _sequence(result, studies, order)
    masks = np.logical_or.accumulate(studies.rows[sequence], axis=0)
    labels = tuple(studies.labels[i] for i in sequence)
    found = result.refit_each(masks)
    size = np.arange(1.0, studies.count + 1)
    columns = _columns(found, at, labels, np.cumsum(studies.sizes[sequence]))
    columns = {"label": columns.pop("label"), "k": size} | columns
    beta, se = found.beta[:, at], found.se[:, at]
    with np.errstate(invalid="ignore"):
        steps = np.abs(np.diff(beta))
    moved = int(np.sum(steps[np.isfinite(steps)] > se[-1]))
    sentence = (
        f"Adding {studies.count} studies one by one ends at {beta[-1]:.4g}; {moved} of the steps moved the estimate by"
        " more than the final standard error."
    )
    alone = studies.rows[sequence[0]].sum() == 1
    notes: tuple[str, ...] = ("the first row is a single study and has no τ²",) if alone else ()
    notes += refusal_notes(labels, found, "the model cannot be fitted yet at")
    return CheckTable("cumulative", "Cumulative analysis", columns, sentence, notes, result, term=result.names[at])


def _columns(found: SubsetFits, at: int, labels: Sequence[str], rows: NDArray[np.intp]) -> dict[str, Any]:
    """Return the columns of refits to so many rows; a lone row has no between-study variance, whatever the model."""
    alone = rows < 2

    def between(values: FloatArray) -> FloatArray:
        return np.where(alone, np.nan, values)

    out: dict[str, Any] = {
        "label": tuple(labels),
        "estimate": found.beta[:, at],
        "se": found.se[:, at],
        "statistic": found.statistic[:, at],
        "p_value": found.p_value[:, at],
        "low": found.low[:, at],
        "high": found.high[:, at],
        "q": found.q,
        "q_p": between(found.q_p),
        "tau2": between(found.tau2),
        "i2": between(found.i2),
        "h2": between(found.h2),
    }
    return out | ({"reason": found.reasons} if any(found.reasons) else {})


def _sequence(fit: Result, studies: Studies, order: str | ArrayLike | None) -> NDArray[np.intp]:
    """Return the positions of the studies in the order they are added; ties keep the order of the table."""
    if order is None:
        return np.arange(studies.count)
    if isinstance(order, str):
        return np.argsort(_keys(fit, studies, order), kind="stable")
    given = np.asarray(unmasked(order))
    if not (given.shape == (studies.count,) and np.array_equal(np.sort(given), np.arange(studies.count))):
        raise InputError(
            f"order is not each of the positions 0 to {studies.count - 1} once · give them, or order='precision'"
        )
    return given.astype(np.intp)


def _keys(fit: Result, studies: Studies, name: str) -> NDArray[Any]:
    """Return what the studies are sorted by: of their precision the sum, of everything else the first row's value."""
    table = fit.table
    first = studies.rows.argmax(axis=1)
    vi: FloatArray = table.vi
    if name == "precision":
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.nan_to_num(1.0 / vi, nan=0.0, posinf=np.inf)
        return vi[first] if studies.single else -studies.sums(precision)
    known: EvidenceTable | None = table if isinstance(table, EvidenceTable) else None  # networks have no such columns
    years = tuple(math.inf if y is None else y for y in known.years) if known else ()  # without a year: last
    moderators: Mapping[str, Any] = known.moderators if known else {}
    columns: dict[str, Any] = {**({"year": years} if years else {}), **moderators}
    if name not in columns:
        raise UnknownName("order", name, ("precision", *columns))
    keys: NDArray[Any] = np.asarray(columns[name])[first]
    return keys
