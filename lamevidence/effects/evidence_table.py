"""The pivot of the house: the rows that are pooled, and every row that is not, with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DependentRows, InputError, OptionError
from ..lineage import Lineage
from ..options import a_choice, a_whole, an_instance, shown
from . import from_estimates as estimates
from . import table_fields as fields
from .given_numbers import floats, printable
from .measures.base import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EvidenceTable", "Excluded", "Row", "a_table"]

HIGHER_IS = ("better", "worse", "neutral")
FARTHEST = 1e100
"""Estimates and variances beyond this (or below its inverse) overflow when they are squared and summed."""
ROW_IS = ("study", "category", "subject")


@dataclass(frozen=True, slots=True)
class Excluded:
    """A study or row that was left out, and why."""

    study: str
    reason: str
    code: str = ""
    finding: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One used row of an `EvidenceTable`."""

    label: str
    study: str
    yi: float
    vi: float
    n: float
    lineage: Lineage
    counts: Mapping[str, float]

    @property
    def sei(self) -> float:
        """Standard error."""
        return float(np.sqrt(self.vi))


def _square(V: ArrayLike, k: int) -> FloatArray:
    matrix = np.array(floats(V, "V", f"give a ({k}, {k}) matrix"))
    if matrix.shape != (k, k):
        raise InputError(f"V has shape {matrix.shape} · give a ({k}, {k}) matrix")
    matrix.flags.writeable = False
    return matrix


def _positions(keep: Sequence[int], k: int) -> NDArray[np.intp]:
    given = np.asarray(keep)
    if given.size == 0 and given.ndim == 1:
        return np.zeros(0, dtype=np.intp)
    if given.dtype == bool and given.shape == (k,):
        return np.flatnonzero(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or not bool(((given >= -k) & (given < k)).all()):
        raise InputError(f"keep={shown(keep)} · give positions between 0 and {k - 1}, or a mask of {k} truth values")
    return given.astype(np.intp)


def _arm_names(arms: Any) -> tuple[str, str] | tuple[()]:  # noqa: ANN401
    names = tuple(arms) if isinstance(arms, tuple | list) else (arms,)
    if not names:
        return ()
    if len(names) != 2 or not all(isinstance(a, str) and a.strip() for a in names):
        raise InputError(f"arms={arms!r} is not a pair of names · give arms=('sirolimus', 'placebo')")
    printable("arms", names)
    return names[0].strip(), names[1].strip()


@dataclass(frozen=True, eq=False)
class EvidenceTable:
    """Effect estimates with everything that is known about them.

    Attributes
    ----------
    yi, vi
        Estimates and sampling variances on the analysis scale, shape (k,). ``vi`` is NaN where a
        one-stage measure has counts but no usable normal approximation (zero events).
    labels
        One label a row, unique; what plots and tables print.
    studies
        Study id of each row; rows with the same study share patients or an arm.
    measure
        Code in `MEASURES` (``GEN`` for estimates given as they are).
    unit
        Unit of ``yi`` on the analysis scale, None for pure numbers.
    counts
        Sufficient statistics behind the rows, metafor's names (``ai n1i ci n2i xi ni ti x1i t1i …``), each (k,).
    n
        Patients behind each row, NaN where not reported.
    V
        Covariance of the rows when they are dependent, else None.
    moderators
        Named columns, each (k,).
    lineage
        One `Lineage` a row.
    excluded
        What was left out and why.
    title
        What is pooled, in words. ``higher_is`` is ``better``, ``worse`` or ``neutral``.
    question
        Id of the registry question, or None; ``question_hash`` its hash.
    notes
        Sentences that belong under every figure made from this table.
    arms
        Names of the treated and of the control arm where two arms are compared, else empty.
    row_is
        What one row is: ``study``, or ``category`` or ``subject`` of one study.
    """

    yi: FloatArray
    vi: FloatArray
    labels: tuple[str, ...]
    studies: tuple[str, ...]
    measure: str = "GEN"
    unit: str | None = None
    counts: Mapping[str, FloatArray] = field(default_factory=dict)
    n: FloatArray | None = None
    V: FloatArray | None = None
    moderators: Mapping[str, Any] = field(default_factory=dict)
    lineage: tuple[Lineage, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    title: str = ""
    higher_is: str = "neutral"
    question: str | None = None
    question_hash: str = ""
    designs: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    risk_of_bias: tuple[Any, ...] = ()
    arms: tuple[str, str] | tuple[()] = ()
    row_is: str = "study"

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "yi", fields.one_a_row("yi", self.yi))
        k = self.yi.shape[0]
        put(self, "vi", fields.one_a_row("vi", self.vi, k))
        put(self, "n", fields.one_a_row("n", np.full(k, np.nan) if self.n is None else self.n, k))
        for name in ("labels", "studies"):
            put(self, name, fields.row_names(name, getattr(self, name), k))
        put(self, "counts", fields.columns_of("counts", self.counts, k))
        put(self, "moderators", fields.moderators_of(self.moderators, k))
        if self.V is not None:
            put(self, "V", _square(self.V, k))
        self._check_words()
        for name in ("designs", "years", "groups", "risk_of_bias", "lineage"):
            put(self, name, fields.per_row(name, getattr(self, name), k))
        put(self, "notes", fields.sentences("notes", self.notes))
        if not isinstance(self.excluded, tuple | list) or not all(isinstance(x, Excluded) for x in self.excluded):
            raise OptionError(f"excluded={shown(self.excluded)} · give a tuple of Excluded")
        printable("excluded", (text for x in self.excluded for text in (x.study, x.reason, x.label)))
        if not self.lineage:
            put(self, "lineage", tuple(Lineage(s) for s in self.studies))
        put(self, "arms", _arm_names(self.arms))
        if len(set(self.labels)) != k:
            twice = sorted({x for x in self.labels if self.labels.count(x) > 1})
            raise InputError(f"row labels must be unique, given twice: {', '.join(twice)}")

    def _check_words(self) -> None:
        for name in ("measure", "title", "question_hash"):
            fields.words(name, getattr(self, name))
        for name in ("unit", "question"):
            fields.words(name, getattr(self, name), optional=True)
        a_choice("value of higher_is", self.higher_is, HIGHER_IS)
        a_choice("value of row_is", self.row_is, ROW_IS)
        fields.mapping("model", self.model)

    @property
    def k(self) -> int:
        """Number of rows used."""
        return int(self.yi.shape[0])

    @cached_property
    def plain(self) -> bool:
        """True where each row is a study of its own with a finite estimate and a finite variance above 0, in reach."""
        y, v = self.yi, self.vi
        if self.V is not None or self.k == 0 or not 1 / FARTHEST < float(v.min()) <= float(v.max()) < FARTHEST:
            return False
        return bool((np.abs(y) < FARTHEST).all()) and len(set(self.studies)) == self.k

    @property
    def sei(self) -> FloatArray:
        """Standard errors, (k,)."""
        return np.asarray(np.sqrt(self.vi))

    def __len__(self) -> int:
        return self.k

    def __iter__(self) -> Iterator[Row]:
        return (self.row(i) for i in range(self.k))

    def row(self, i: int) -> Row:
        """Return row ``i``; negative positions count from the end."""
        assert self.n is not None
        i = a_whole("row", i, -self.k, self.k - 1)
        counts = {name: float(column[i]) for name, column in self.counts.items()}
        return Row(
            self.labels[i],
            self.studies[i],
            float(self.yi[i]),
            float(self.vi[i]),
            float(self.n[i]),
            self.lineage[i],
            counts,
        )

    def __getitem__(self, key: str) -> Row:
        for i in range(self.k):
            if key in (self.labels[i], self.studies[i]):
                return self.row(i)
        raise KeyError(f"{key!r} is not a row of this table · rows: {', '.join(self.labels)}")

    def subset(self, keep: Sequence[int]) -> EvidenceTable:
        """Return the table with only the rows at these positions, in this order; a mask of k truth values will do.

        Raises
        ------
        InputError
            Neither positions of rows nor a mask, or a row twice.
        """
        idx = _positions(keep, self.k)

        def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in idx) if values else ()

        assert self.n is not None
        return replace(
            self,
            yi=self.yi[idx],
            vi=self.vi[idx],
            labels=pick(self.labels),
            studies=pick(self.studies),
            counts={name: column[idx] for name, column in self.counts.items()},
            n=self.n[idx],
            V=None if self.V is None else self.V[np.ix_(idx, idx)],
            moderators={name: np.asarray(column)[idx] for name, column in self.moderators.items()},
            lineage=pick(self.lineage),
            designs=pick(self.designs),
            years=pick(self.years),
            groups=pick(self.groups),
            risk_of_bias=pick(self.risk_of_bias),
        )

    def require_independent(self) -> None:
        """Raise `DependentRows` when two rows come from one study and no covariance is given."""
        if self.V is not None:
            return
        shared = sorted({s for s in self.studies if self.studies.count(s) > 1})
        if shared:
            raise DependentRows(
                f"rows of {', '.join(shared)} share patients and cannot be pooled as independent"
                " · keep one row a study, give V, or use a multilevel model (lam.multilevel)"
            )

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the sha256 of question, rows and package version."""
        from .. import __version__

        blob = json.dumps(
            [
                __version__,
                self.question_hash,
                self.measure,
                self.unit,
                self.labels,
                self.studies,
                [float(x).hex() for x in self.yi],
                [float(x).hex() for x in self.vi],
                {k: [float(x).hex() for x in v] for k, v in sorted(self.counts.items())},
            ],
            sort_keys=True,
        )
        return hashlib.sha256(blob.encode()).hexdigest()[:12]

    def to_frame(self) -> pd.DataFrame:
        """Return the used rows as a DataFrame, one row each."""
        import pandas as pd

        columns: dict[str, Any] = {"study": self.studies, "label": self.labels, "yi": self.yi, "vi": self.vi}
        columns |= {"sei": self.sei, "n": self.n, "unit": [self.unit] * self.k}
        columns |= dict(self.counts) | dict(self.moderators)
        frame = pd.DataFrame(columns)
        frame.attrs["measure"], frame.attrs["unit"] = self.measure, self.unit
        return frame

    from_estimates = classmethod(estimates.from_estimates)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, measure: str, **columns: Any) -> EvidenceTable:  # noqa: ANN401
        """Return a table made from a user's DataFrame; see `lamevidence.effects.from_frame`."""
        from .from_frame import frame_table

        return frame_table(cls, frame, measure, **columns)


def a_table(given: object, name: str = "table") -> None:
    """Raise `OptionError` unless this is an `EvidenceTable`; the message says how to make one."""
    if not isinstance(given, EvidenceTable):
        an_instance(name, given, EvidenceTable, "make one with EvidenceTable.from_estimates(yi, vi) or from_frame")
