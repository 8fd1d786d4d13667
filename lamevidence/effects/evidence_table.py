"""The pivot of the house: the rows that are pooled, and every row that is not, with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from ..foundation.errors import DependentRows, InputError, OptionError, UnknownName
from ..foundation.lineage import Lineage
from ..foundation.options import a_choice, a_whole, an_instance, shown
from ..foundation.printed_law import PrintedLaw
from . import rows
from .foreign_data import aligned, plain_column
from .given_numbers import printable
from .measures import MEASURES, FloatArray
from .table_factories import TableFactories
from .table_row import Excluded, Row
from .table_text import table_html, table_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EvidenceTable", "Excluded", "Row", "a_table"]

HIGHER_IS = ("better", "worse", "neutral")
ROW_IS = ("study", "category", "subject", "phase")


@dataclass(frozen=True, eq=False, repr=False)
class EvidenceTable(TableFactories):
    """Effect estimates with everything that is known about them, checked once, here.

    Made with `EvidenceTable.from_frame`, `EvidenceTable.from_estimates` or `Registry.evidence`; read by position
    (``table[0]``, ``table[0:3]``, a mask, a list of positions) or by name (``table["Moss 2001"]``).

    Attributes
    ----------
    yi, vi
        Estimates and sampling variances on the analysis scale, (k,), read-only. Both are NaN where counts leave no
        estimate without a correction (zero events).
    labels
        One label a row, unique; what plots and tables print.
    studies
        Study id of each row; rows with the same study share patients or an arm.
    measure
        Code in `MEASURES` (``GEN`` for estimates given as they are).
    unit
        Unit of ``yi`` on the analysis scale, None for pure numbers.
    counts
        Sufficient statistics behind the rows, metafor's names (``ai n1i ci n2i xi ni ti x1i t1i m1i sd1i …``), each
        (k,).
    n
        Patients behind each row, (k,); NaN where not reported.
    V
        Covariance of the rows when they are dependent, (k, k), else None.
    moderators
        Named columns, each (k,).
    lineage
        One `Lineage` a row.
    excluded
        What was left out and why.
    title
        What is pooled, in words.
    higher_is
        ``better``, ``worse`` or ``neutral``.
    question, question_hash
        Id of the registry question, or None, and its hash.
    designs, years, groups, risk_of_bias
        Study design, year, title of the design and judgement of bias, one a row; empty where not known.
    notes
        Sentences that belong under every figure made from this table.
    model
        Options of the pooled model that the question asks for.
    arms
        Names of the treated and of the control arm where two arms are compared, else empty.
    row_is
        What one row is: ``study``; ``category`` or ``subject`` of one study; ``phase``, an arm in a phase of its study.
    printed
        What each estimate may be given how it is printed, where that enters a posterior; else empty.

    Raises
    ------
    InputError
        Numbers, counts, labels or shapes that cannot be evidence; the message names the row.
    OptionError
        A field that is not what it should be; `UnknownName` for an unknown measure.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5, 0.1], sei=[0.2, 0.1, 0.3], labels=["A", "B", "C"])
    >>> table
    EvidenceTable
    GEN, estimate · k = 3
    row    yi    se
    A    0.20  0.20
    B    0.50  0.10
    C    0.10  0.30
    >>> table[0:2].labels, table["B"].yi
    (('A', 'B'), 0.5)
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
    years: tuple[int | None, ...] = ()
    notes: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    risk_of_bias: tuple[Any, ...] = ()
    arms: tuple[str, str] | tuple[()] = ()
    row_is: str = "study"
    printed: tuple[PrintedLaw | None, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_words()
        for_each_row = ("yi", "vi", "labels", "studies", "n", "V", "counts", "moderators")
        aligned(**{name: getattr(self, name) for name in for_each_row})
        put(self, "yi", rows.one_a_row("yi", self.yi))
        k = self.yi.shape[0]
        put(self, "vi", rows.one_a_row("vi", self.vi, k))
        put(self, "n", rows.patients(self.n, k))
        same = self.studies is self.labels
        put(self, "labels", rows.row_names("labels", self.labels, k))
        put(self, "studies", self.labels if same else rows.row_names("studies", self.studies, k))
        rows.check_labels(self.labels)
        put(self, "counts", rows.columns_of("counts", self.counts, k))
        put(self, "moderators", rows.moderators_of(self.moderators, k))
        if self.V is not None:
            put(self, "V", rows.covariance_matrix(self.V, k))
        for name in ("designs", "years", "groups", "risk_of_bias", "lineage", "printed"):
            held = getattr(self, name)
            if type(held) is not tuple or held:
                put(self, name, rows.per_row(name, held, k))
        if not all(isinstance(law, PrintedLaw | None) for law in self.printed):
            raise OptionError(
                f"printed={shown(self.printed)} · leave it out; pool_bayes(…, print_uncertainty=True) makes it"
            )
        put(self, "notes", rows.sentences("notes", self.notes))
        if not isinstance(self.excluded, tuple | list) or not all(isinstance(x, Excluded) for x in self.excluded):
            raise OptionError(f"excluded={shown(self.excluded)} · give a tuple of Excluded")
        printable("excluded", [text for x in self.excluded for text in (x.study, x.reason, x.label)])
        if not self.lineage:
            put(self, "lineage", tuple(map(Lineage, self.studies)))
        put(self, "arms", rows.arm_names(self.arms))
        self._check_numbers()

    def _check_words(self) -> None:
        for name in ("measure", "title", "question_hash"):
            rows.words(name, getattr(self, name))
        for name in ("unit", "question"):
            rows.words(name, getattr(self, name), optional=True)
        MEASURES.entry(self.measure)
        a_choice("value of higher_is", self.higher_is, HIGHER_IS)
        a_choice("value of row_is", self.row_is, ROW_IS)
        rows.mapping("model", self.model)
        if self.measure == "HAZ" and self.unit is not None:
            raise OptionError(
                f"unit={self.unit!r}: a hazard is per person-year, made from times in years · leave unit out, and"
                " divide months by 12"
            )

    def _check_numbers(self) -> None:
        rows.check_estimates(self.yi, self.vi, labels=self.labels, counted=bool(self.counts))
        if self.counts:
            rows.check_counts(MEASURES[self.measure], self.counts, self.labels)
        if self.V is not None:
            apart = ~np.isnan(self.vi) & ~np.isclose(np.diag(self.V), self.vi, rtol=1e-8, atol=0.0)
            for i in np.flatnonzero(apart):
                raise InputError(
                    f"vi[{i}] = {self.vi[i]:g} is not the variance in V, {self.V[i, i]:g} · give V with the sampling"
                    " variances on its diagonal"
                )

    @classmethod
    def _made(cls, fields: Mapping[str, Any]) -> Self:
        return cls(**fields)

    @classmethod
    def _trusted(cls, fields: Mapping[str, Any]) -> Self:
        table = cls.__new__(cls)
        table.__dict__.update(fields)
        return table

    @property
    def k(self) -> int:
        """Number of rows used."""
        return int(self.yi.shape[0])

    @cached_property
    def plain(self) -> bool:
        """True where each row is a study of its own with an estimate and a finite variance above 0."""
        if self.V is not None or self.k == 0 or not rows.in_reach(self.yi, self.vi):
            return False
        return len(set(self.studies)) == self.k

    @property
    def sei(self) -> FloatArray:
        """Standard errors, (k,)."""
        return np.asarray(np.sqrt(self.vi))

    def __len__(self) -> int:
        return self.k

    def __iter__(self) -> Iterator[Row]:
        return (self.row(i) for i in range(self.k))

    def row(self, i: int) -> Row:
        """Return row ``i``; negative positions count from the end.

        Parameters
        ----------
        i
            Position, from −k to k − 1.

        Returns
        -------
        Row
            Label, study, estimate, variance, patients, counts and lineage.

        Raises
        ------
        OptionError
            No such position.

        Examples
        --------
        >>> import lamevidence as lam
        >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
        >>> table.row(-1).label
        'B'
        """
        assert self.n is not None
        i = a_whole("row", i, -self.k, self.k - 1)
        counts = {name: float(column[i]) for name, column in self.counts.items()}
        numbers = (float(self.yi[i]), float(self.vi[i]), float(self.n[i]))
        return Row(self.labels[i], self.studies[i], *numbers, self.lineage[i], counts)

    @overload
    def __getitem__(self, key: str | int) -> Row: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int] | Sequence[bool] | NDArray[Any]) -> Self: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            for names in (self.labels, self.studies):
                if key in names:
                    return self.row(names.index(key))
            raise KeyError(f"{key!r} is not a row of this table · rows: {', '.join(self.labels)}")
        if isinstance(key, int | np.integer) and not isinstance(key, bool | np.bool_):
            if not -self.k <= key < self.k:
                raise IndexError(f"row {key} of a table of {self.k} · give a position between 0 and {self.k - 1}")
            return self.row(int(key))
        return self.subset(key)

    def subset(self, keep: slice | Sequence[int] | Sequence[bool] | NDArray[Any]) -> Self:
        """Return the table with only these rows, in this order.

        Parameters
        ----------
        keep
            Positions, a mask of k truth values, or a slice.

        Returns
        -------
        EvidenceTable
            The rows, with everything that belongs to them.

        Raises
        ------
        InputError
            None of these, or a row twice.

        Examples
        --------
        >>> import lamevidence as lam
        >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
        >>> table.subset([1, 0]).labels
        ('B', 'A')
        """
        idx = rows.positions(keep, self.k)
        order = idx.tolist()
        if len({i % self.k for i in order}) < len(order):
            raise InputError(f"keep={shown(keep)} names a row twice · row labels must be unique")
        values = dict(self.__dict__)
        values.pop("plain", None)
        for name in ("labels", "studies", "lineage", "designs", "years", "groups", "risk_of_bias", "printed"):
            held = getattr(self, name)
            values[name] = tuple([held[i] for i in order]) if held else ()
        assert self.n is not None
        values |= {name: _picked(getattr(self, name), idx) for name in ("yi", "vi", "n")}
        values["counts"] = {name: _picked(column, idx) for name, column in self.counts.items()}
        values["moderators"] = {name: plain_column(column[idx]) for name, column in self.moderators.items()}
        values["V"] = None if self.V is None else _picked(self.V, np.ix_(idx, idx))
        return self._trusted(values)

    def without(self, study: str | Sequence[str]) -> Self:
        """Return the table without a study (all its rows) or one row; what goes is kept in ``excluded``.

        Parameters
        ----------
        study
            Id of a study, label of a row, or several of them.

        Returns
        -------
        EvidenceTable
            The other rows.

        Raises
        ------
        UnknownName
            No such study or row; the nearest name is given.

        Examples
        --------
        >>> import lamevidence as lam
        >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
        >>> table.without("A").labels
        ('B',)
        """
        names = [study] if isinstance(study, str) else study
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise OptionError(f"study={shown(study)} · give the id of a study or the label of a row, or a list of them")
        gone: set[int] = set()
        for name in names:
            held = self.studies if name in self.studies else self.labels
            if name not in held:
                raise UnknownName("study of this table", name, dict.fromkeys((*self.studies, *self.labels)))
            gone |= {i for i, other in enumerate(held) if other == name}
        left = self.subset([i for i in range(self.k) if i not in gone])
        reason = "left out on request"
        more = tuple(Excluded(self.studies[i], reason, "on_request", "", self.labels[i]) for i in sorted(gone))
        return self._trusted(left.__dict__ | {"excluded": (*self.excluded, *more)})

    def require_independent(self) -> None:
        """Raise `DependentRows` when two rows come from one study and no covariance is given.

        Raises
        ------
        DependentRows
            The message names the studies and what to do.

        Examples
        --------
        >>> import lamevidence as lam
        >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
        >>> table.require_independent()
        """
        rows.check_alike(self.row_is, self.moderators)
        if self.V is not None or len(set(self.studies)) == self.k:
            return
        shared = ", ".join(sorted(name for name, times in Counter(self.studies).items() if times > 1))
        raise DependentRows(
            f"rows of {shared} share patients and cannot be pooled as independent"
            " · keep one row a study, give V, or use a multilevel model (lam.multilevel)"
        )

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the sha256 of question, rows and package version."""
        from .. import __version__

        facts = [__version__, self.question_hash, self.measure, self.unit, self.labels, self.studies]
        numbers = [[float(x).hex() for x in column] for column in (self.yi, self.vi)]
        counts = {k: [float(x).hex() for x in v] for k, v in sorted(self.counts.items())}
        return hashlib.sha256(json.dumps([*facts, *numbers, counts], sort_keys=True).encode()).hexdigest()[:12]

    def to_frame(self) -> pd.DataFrame:
        """Return the used rows as a DataFrame: ``study label yi vi sei n unit``, then counts and moderators.

        Returns
        -------
        DataFrame
            One row each; ``attrs`` holds measure and unit.

        Examples
        --------
        >>> import lamevidence as lam
        >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
        >>> table.to_frame().shape
        (2, 7)
        """
        import pandas as pd

        columns: dict[str, Any] = {"study": self.studies, "label": self.labels, "yi": self.yi, "vi": self.vi}
        columns |= {"sei": self.sei, "n": self.n, "unit": [self.unit] * self.k}
        columns |= dict(self.counts) | dict(self.moderators)
        frame = pd.DataFrame(columns)
        frame.attrs["measure"], frame.attrs["unit"] = self.measure, self.unit
        return frame

    def __repr__(self) -> str:
        return table_text(self)  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        return table_html(self)  # type: ignore[arg-type]


def _picked(values: Any, idx: Any) -> Any:  # noqa: ANN401
    """Return the entries at these positions, read-only."""
    chosen = values[idx]
    chosen.flags.writeable = False
    return chosen


def a_table(given: object, name: str = "evidence") -> None:
    """Raise `OptionError` unless this is an `EvidenceTable`; the message says how to make one."""
    if not isinstance(given, EvidenceTable):
        an_instance(name, given, EvidenceTable, "make one with EvidenceTable.from_estimates(yi, vi=…) or from_frame")
