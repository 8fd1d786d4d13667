"""Estimates of the same patients at several times: the course, its slope, plateau and changes, with all covariances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..effects.dependence import dependent_covariance
from ..effects.evidence_table import EvidenceTable
from ..effects.foreign_data import pandas_frame
from ..effects.given_numbers import finite, floats, names_of
from ..effects.measures.base import FloatArray
from ..foundation.errors import DependentRows, NotEstimable, OptionError, UnknownName
from ..foundation.options import a_choice, a_level, a_number, a_text, shown
from ..pooling.multilevel.multilevel import multilevel
from ..pooling.multilevel.multilevel_results import MultilevelRegression

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TimeCourse", "time_course"]

_STRUCTURES = ("CS", "ID", "DIAG", "HCS", "UN", "AR", "HAR", "CAR")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TimeCourse:
    """Means at the times at which studies measured, and what follows from them.

    Attributes
    ----------
    times
        The times, ascending, (m,).
    fit
        The multilevel model, one coefficient a time.
    correlation
        Correlation of the sampling errors of one study's estimates one unit of time apart.
    unit, time_unit
        Units of the estimates and of time.
    """

    times: FloatArray
    fit: MultilevelRegression
    correlation: float
    unit: str | None
    time_unit: str

    def to_frame(self) -> pd.DataFrame:
        """Mean, standard error, test and interval at each time, and in how many studies it was measured."""
        out = self.fit.contrasts(np.eye(self.times.size))
        out.insert(0, "time", self.times)
        measured = np.asarray(self.fit.table.moderators["time"], dtype=np.float64)
        out["k"] = [int((measured == t).sum()) for t in self.times]
        return out

    def slope(self, first: float | None = None, last: float | None = None) -> pd.DataFrame:
        """Return the slope of a straight line through the means from ``first`` to ``last``, per unit of time.

        Its weights are those of least squares on the times, (t − t̄)/Σ(t − t̄)²; its error has all covariances.
        """
        t, inside = self._window(first, last, 2, "a slope")
        gap = t[inside] - t[inside].mean()
        return self._functional("slope", inside, gap / (gap @ gap))

    def plateau(self, first: float | None = None, last: float | None = None) -> pd.DataFrame:
        """Return the average of the means from ``first`` to ``last``, each time alike."""
        _, inside = self._window(first, last, 1, "a plateau")
        return self._functional("plateau", inside, np.full(int(inside.sum()), 1.0 / inside.sum()))

    def change(self, first: float, last: float) -> pd.DataFrame:
        """Return the mean at ``last`` minus that at ``first``: a gain, or what washes out after a drug was stopped."""
        weights = np.zeros(self.times.size)
        for name, time, sign in (("first", first, -1.0), ("last", last, 1.0)):
            at = np.flatnonzero(self.times == a_number(name, time))
            if at.size == 0:
                raise UnknownName("time", f"{time:g}", [f"{t:g}" for t in self.times])
            weights[at[0]] += sign
        if not weights.any():
            raise OptionError(f"first={first:g} is last · give two times")
        return self._functional("change", np.ones(self.times.size, dtype=bool), weights)

    def describe(self) -> str:
        """The course in one sentence."""
        rows = self.to_frame()
        unit = f" {self.unit}" if self.unit else ""
        means = "; ".join(
            f"{row.time:g}: {row.estimate:.4g} ({row.conf_low:.4g} to {row.conf_high:.4g}), k = {row.k}"
            for row in rows.itertuples()
        )
        return (
            f"Mean{unit} by {self.time_unit} ({self.fit.spec.level:.0%} interval): {means}. Sampling errors of one"
            f" study are taken as correlated by {self.correlation:g} to the power of the {self.time_unit}s between"
            " them; where that is not printed, try others."
        )

    def _window(self, first: float | None, last: float | None, least: int, what: str) -> tuple[FloatArray, Any]:
        low = -np.inf if first is None else a_number("first", first)
        high = np.inf if last is None else a_number("last", last)
        inside = (self.times >= low) & (self.times <= high)
        if inside.sum() < least:
            known = ", ".join(f"{t:g}" for t in self.times)
            raise NotEstimable(f"{what} needs {least} or more of the times measured · widen first and last: {known}")
        return self.times, inside

    def _functional(self, name: str, inside: Any, weights: FloatArray) -> pd.DataFrame:  # noqa: ANN401
        row = np.zeros(self.times.size)
        row[inside] = weights
        out = self.fit.contrasts(row)
        out.insert(0, "functional", name)
        return out

    def __repr__(self) -> str:
        return f"<TimeCourse {self.describe()}>"


def time_course(
    evidence: pd.DataFrame | EvidenceTable,
    *,
    time: str,
    correlation: float,
    yi: str | None = None,
    sei: str | None = None,
    vi: str | None = None,
    study: str | None = None,
    struct: str = "HAR",
    tau2: str = "REML",
    interval: str = "z",
    unit: str | None = None,
    time_unit: str = "time",
    level: float = 0.95,
) -> TimeCourse:
    """Return the course over time of an outcome that studies measured in the same patients at several times.

    y_it = μ_t + u_it + e_it: the e of one study have correlation φ^|t − t′|, u_i. ~ N(0, Σ) with a variance (or one a
    time) and an autocorrelation estimated by (restricted) likelihood.
    A study that lacks a time borrows from its others.

    Parameters
    ----------
    evidence
        One row an estimate, as a DataFrame, or a table that has ``time`` among its moderators.
    time
        Column of the times.
    correlation
        φ, of the sampling errors one unit of time apart, in [0, 1); papers do not print it, so that it has no default.
    yi, sei, vi, study
        Columns of a DataFrame: estimates, standard errors or variances, ids of studies.
    struct
        Covariance of the studies' own courses: HAR (a variance a time, autocorrelated), AR (one variance), CAR (one
        variance, any real times), or CS, HCS, UN, ID, DIAG.
    tau2, interval
        ``REML`` or ``ML``; ``z`` or ``t``.
    unit, time_unit
        Unit of the estimates; what one step of time is called.
    level
        Level of intervals, a fraction.

    Returns
    -------
    TimeCourse

    Raises
    ------
    DependentRows
        A study gives two estimates at one time.
    NotEstimable, TooFewStudies
        A single time, or too few rows.
    InputError, OptionError, UnknownName
        Columns, numbers or options that are not such.

    See Also
    --------
    lamevidence.multilevel : the model beneath, with other random effects.
    joint : slopes of several designs in one model.

    References
    ----------
    Ishak, Platt, Joseph, Hanley & Caro 2007, doi:10.1177/1740774507083567.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> change = pd.DataFrame({
    ...     "trial": list("aabbccd"), "month": [3, 12, 3, 12, 3, 12, 12],
    ...     "mL": [40, 20, 55, 35, 30, 0, 10], "se": [20, 25, 22, 28, 15, 20, 18]})
    >>> course = lam.synthesis.time_course(
    ...     change, yi="mL", sei="se", study="trial", time="month", correlation=0.9, struct="CS", unit="mL",
    ...     time_unit="month")
    >>> round(float(course.change(3, 12)["estimate"][0]), 1)
    -25.5
    """
    phi = a_number("correlation", correlation, least=0.0, below=1.0)
    a_choice("struct", struct, _STRUCTURES)
    level = a_level(level)
    a_text("time_unit", time_unit)
    table = _table(evidence, {"yi": yi, "sei": sei, "vi": vi, "study": study}, time, unit)
    at = np.asarray(table.moderators["time"], dtype=np.float64)
    times = np.unique(at)
    if times.size < 2:
        raise NotEstimable("all estimates are of one time, which is no course · use lam.pool")
    V = dependent_covariance(table.vi, table.studies, time=at, phi=phi) if phi else np.diag(table.vi)
    design = (at[:, None] == times).astype(np.float64)
    fit = multilevel(
        table, random="time | study", struct=struct, moderators=design, names=[f"{t:g}" for t in times], V=V,
        tau2=tau2, interval=interval, level=level,
    )  # fmt: skip
    return TimeCourse(times, fit, phi, table.unit, time_unit)


def _table(evidence: object, columns: Mapping[str, str | None], time: str, unit: str | None) -> EvidenceTable:
    """Return the rows as a table with ``time`` among its moderators."""
    given = {name: column for name, column in columns.items() if column is not None}
    if isinstance(evidence, EvidenceTable):
        if given:
            raise OptionError("an EvidenceTable has its own estimates and studies · leave yi, sei, vi and study out")
        if time not in evidence.moderators:
            raise UnknownName("column", time, list(evidence.moderators))
        at = _once(evidence.studies, np.asarray(evidence.moderators[time]), time)
        return replace(evidence, moderators={**evidence.moderators, "time": at})
    frame: Any = pandas_frame(evidence)
    if not hasattr(frame, "columns") or {*given} not in ({"yi", "sei", "study"}, {"yi", "vi", "study"}):
        raise OptionError("a DataFrame is read by its columns · give yi=, study= and one of sei= and vi=")
    for name in (*given.values(), time):
        if not isinstance(name, str) or name not in frame.columns:
            raise UnknownName("column", name if isinstance(name, str) else shown(name), list(map(str, frame.columns)))
    studies = names_of(frame[given["study"]], given["study"], len(frame))
    at = _once(studies, frame[time], time)
    numbers = {name: floats(frame[given[name]], given[name], "give numbers") for name in given if name != "study"}
    return EvidenceTable.from_estimates(
        numbers["yi"],
        sei=numbers.get("sei"),
        vi=numbers.get("vi"),
        studies=studies,
        labels=[f"{name} at {t:g}" for name, t in zip(studies, at, strict=True)],
        unit=unit,
        moderators={"time": at},
    )


def _once(studies: Sequence[str], given: ArrayLike, time: str) -> FloatArray:
    """Return the times, none of which a study has twice."""
    at = finite(given, time, "give the time of each estimate")
    seen: set[tuple[str, float]] = set()
    for name, t in zip(studies, at, strict=True):
        if (name, t) in seen:
            raise DependentRows(f"{name} gives two estimates at {t:g} · leave one out, or average them")
        seen.add((name, t))
    return at
