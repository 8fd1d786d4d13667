"""The pivot of the house: the rows that are pooled, and every row that is not, with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DependentRows, InputError, OptionError, UnknownName
from ..lineage import Lineage
from .measures.base import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EvidenceTable", "Excluded", "Row"]

HIGHER_IS = ("better", "worse", "neutral")


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


def _read_only(values: ArrayLike) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _arm_names(arms: Any) -> tuple[str, str] | tuple[()]:  # noqa: ANN401
    names = (arms,) if isinstance(arms, str) else tuple(arms)
    if not names:
        return ()
    if len(names) != 2 or not all(isinstance(a, str) and a.strip() for a in names):
        raise InputError(f"arms={arms!r} is not a pair of names · give arms=('sirolimus', 'placebo')")
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
        put(self, "yi", _read_only(self.yi))
        put(self, "vi", _read_only(self.vi))
        if self.yi.ndim != 1:
            raise InputError(f"yi has shape {self.yi.shape} · give one number a study")
        for name, text in (("title", self.title), ("unit", self.unit or "")):
            if not isinstance(text, str):
                raise OptionError(f"{name}={text!r} · give it in words")
        if self.higher_is not in HIGHER_IS:
            raise UnknownName("value of higher_is", self.higher_is, HIGHER_IS)
        k = self.yi.shape[0]
        put(self, "n", _read_only(np.full(k, np.nan) if self.n is None else self.n))
        put(self, "counts", {name: _read_only(column) for name, column in self.counts.items()})
        if self.V is not None:
            put(self, "V", _read_only(self.V))
        if not self.lineage:
            put(self, "lineage", tuple(Lineage(s) for s in self.studies))
        for name, size in (
            ("vi", self.vi.shape[0]),
            ("labels", len(self.labels)),
            ("studies", len(self.studies)),
            ("lineage", len(self.lineage)),
            *((name, column.shape[0]) for name, column in self.counts.items()),
        ):
            if size != k:
                raise InputError(f"{name} has {size} entries, yi has {k} · give one a row")
        put(self, "arms", _arm_names(self.arms))
        if len(set(self.labels)) != k:
            twice = sorted({x for x in self.labels if self.labels.count(x) > 1})
            raise InputError(f"row labels must be unique, given twice: {', '.join(twice)}")

    @property
    def k(self) -> int:
        """Number of rows used."""
        return int(self.yi.shape[0])

    @property
    def sei(self) -> FloatArray:
        """Standard errors, (k,)."""
        return np.asarray(np.sqrt(self.vi))

    def __len__(self) -> int:
        return self.k

    def __iter__(self) -> Iterator[Row]:
        return (self.row(i) for i in range(self.k))

    def row(self, i: int) -> Row:
        """Return row ``i``."""
        assert self.n is not None
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
        """Return the table with only the rows at these positions, in this order."""
        idx = np.asarray(keep, dtype=np.intp)

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

    @classmethod
    def from_estimates(
        cls,
        yi: ArrayLike,
        vi: ArrayLike | None = None,
        *,
        sei: ArrayLike | None = None,
        labels: Sequence[str] | None = None,
        studies: Sequence[str] | None = None,
        unit: str | None = None,
        measure: str = "GEN",
        V: ArrayLike | None = None,
        n: ArrayLike | None = None,
        moderators: Mapping[str, Any] | None = None,
        title: str = "",
    ) -> EvidenceTable:
        """Return a table of estimates and variances (or standard errors) alone.

        Examples
        --------
        >>> EvidenceTable.from_estimates([0.2, 0.5], [0.04, 0.03]).k
        2
        """
        from .from_frame import estimates_table

        return estimates_table(
            cls,
            yi,
            vi,
            sei=sei,
            labels=labels,
            studies=studies,
            unit=unit,
            measure=measure,
            V=V,
            n=n,
            moderators=moderators,
            title=title,
        )

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, measure: str, **columns: Any) -> EvidenceTable:  # noqa: ANN401
        """Return a table made from a user's DataFrame; see `lamevidence.effects.from_frame`."""
        from .from_frame import frame_table

        return frame_table(cls, frame, measure, **columns)
