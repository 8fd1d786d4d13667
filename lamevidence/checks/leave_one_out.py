"""Leave-one-out and cumulative analyses: does the answer hang on one study, and how did it come about?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..effects.measures import MEASURES
from ..errors import InputError, OptionError, UnknownName
from .deletions import deletions
from .refits import Fit, Mask, Refits, Source, refit, source_of
from .tables import CheckTable

__all__ = ["cumulative", "leave_one_out"]


def leave_one_out(fit: Fit) -> CheckTable:
    """Fit the model again without each study in turn.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.

    Returns
    -------
    CheckTable
        One row a study left out: ``label``, ``estimate``, ``se``, ``statistic``, ``p_value``, ``low``, ``high``, ``q``,
        ``q_p``, ``tau2``, ``i2`` (percent), ``h2``, on the analysis scale, τ² estimated anew each time.

    Raises
    ------
    TooFewStudies
        Fewer than two studies.
    OptionError
        Models with moderators, of counts, or with weights of their own.

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> [round(x, 3) for x in lam.leave_one_out(lam.pool(table, model="common"))["estimate"].tolist()]
    [0.535, 0.491, 0.47, 0.235]
    """
    source = _mean_only(fit, "leave-one-out", 2)
    found = deletions(source)
    columns = _columns(source, found, source.labels)
    at = int(np.argmax(np.abs(found.beta[:, 0] - _whole(fit))))
    low, high = float(found.beta.min()), float(found.beta.max())
    sentence = (
        f"Leaving out one of {source.k} studies at a time moves the estimate between {low:.4g} and {high:.4g};"
        f" the study that moves it most is {source.labels[at]}."
    )
    notes = ("with one study left there is no between-study variance",) if source.k == 2 else ()
    return CheckTable("Leave-one-out analysis", columns, sentence, notes)


def cumulative(fit: Fit, order: str | ArrayLike | None = None) -> CheckTable:
    """Fit the model to the first study, the first two, and so on.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.
    order
        ``None`` for the order of the table, ``precision`` (most precise first), ``year``, the name of a moderator,
        or the positions of the rows.

    Returns
    -------
    CheckTable
        One row a study added, columns as in `leave_one_out`, and ``k``.

    References
    ----------
    Lau et al. 1992, doi:10.1056/NEJM199207233270406.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.cumulative(lam.pool(table, model="common"), order="precision")["k"].tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    source = _mean_only(fit, "a cumulative analysis", 1)
    sequence = _sequence(source, order)
    masks: Mask = np.zeros((source.k, source.k), dtype=bool)
    for i, row in enumerate(sequence):
        masks[i:, row] = True
    found = refit(source, masks)
    labels = tuple(source.labels[i] for i in sequence)
    columns = {"label": labels, "k": found.k} | _columns(source, found, labels)
    last = float(found.beta[-1, 0])
    moved = int(np.sum(np.abs(np.diff(found.beta[:, 0])) > found.se[-1, 0]))
    sentence = (
        f"Adding {source.k} studies one by one ends at {last:.4g}; {moved} of the steps moved the estimate by more"
        " than the final standard error."
    )
    return CheckTable("Cumulative analysis", columns, sentence, ("the first row is a single study and has no τ²",))


def _mean_only(fit: Fit, what: str, needed: int) -> Source:
    source = source_of(fit, what, needed=needed)
    if source.X is not None:
        raise OptionError(f"{what} is for models without moderators · use lam.influence for a regression")
    return source


def _whole(fit: Any) -> float:  # noqa: ANN401
    return float(fit.mu)


def _columns(source: Source, found: Refits, labels: Sequence[str]) -> dict[str, Any]:
    null = MEASURES[source.table.measure].null
    statistic, p = found.test(np.nan if null is None else null)
    low, high = found.bounds(source.level)
    q_p, i2, h2 = found.heterogeneity(1, source.method == "none")
    return {
        "label": tuple(labels),
        "estimate": found.beta[:, 0],
        "se": found.se[:, 0],
        "statistic": statistic[:, 0],
        "p_value": p[:, 0],
        "low": low[:, 0],
        "high": high[:, 0],
        "q": found.q,
        "q_p": q_p,
        "tau2": found.tau2,
        "i2": i2,
        "h2": h2,
    }


def _sequence(source: Source, order: str | ArrayLike | None) -> NDArray[np.intp]:
    """Return the positions of the studies in the order they are added; ties keep the order of the table."""
    if order is None:
        return np.arange(source.k)
    if isinstance(order, str):
        return np.argsort(_keys(source, order), kind="stable")
    given = np.asarray(order)
    if not (given.shape == (source.k,) and np.array_equal(np.sort(given), np.arange(source.k))):
        raise InputError(f"order must hold each of the positions 0 to {source.k - 1} once, or be a name")
    return given.astype(np.intp)


def _keys(source: Source, name: str) -> NDArray[Any]:
    if name == "precision":
        return np.asarray(source.v)
    if name == "year" and source.table.years:
        return np.asarray(source.table.years)[source.rows]
    if name in source.table.moderators:
        return np.asarray(source.table.moderators[name])[source.rows]
    years = ("year",) if source.table.years else ()
    raise UnknownName("order", name, ("precision", *years, *source.table.moderators))
