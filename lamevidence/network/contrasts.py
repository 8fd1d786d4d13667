"""What a network is made of: pairwise comparisons of treatments, complete within every study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..effects.foreign_data import unmasked
from ..effects.given_numbers import floats, printable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable
from ..foundation.options import a_choice, a_text, shown
from ..foundation.units import UNITS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NetworkTable", "Trial"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One study: its arms, sorted, and the rows that compare them."""

    study: str
    arms: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class NetworkTable:
    """Pairwise comparisons from studies of two or more arms.

    A study of n arms gives n(n − 1)/2 rows, which must agree with each other: y_ab + y_bc = y_ac. Their variances
    carry the covariances of rows with a common arm.

    Attributes
    ----------
    yi, vi
        Effect of the first against the second treatment of each row, and its sampling variance, (m,).
    first, second
        Treatments compared, (m,).
    studies
        Study of each row.
    measure
        Code in `MEASURES` (``GEN`` for estimates given as they are).
    unit
        Unit of ``yi`` on the analysis scale, None for pure numbers.
    n
        Patients of each study, shared out over its rows, so that they sum to those of the network, (m,); None where
        not known.
    title
        What is compared, in words.

    Raises
    ------
    InputError
        Lengths differ, an estimate or variance is not usable, a study compares a treatment with itself, lacks a
        comparison of its arms, repeats one, or contradicts itself.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable
    >>> table = NetworkTable(yi=[0.5, 0.2, 0.4], vi=[0.04, 0.03, 0.05], first=["a", "b", "a"],
    ...                      second=["b", "c", "c"], studies=["1", "2", "3"])
    >>> table.treatments, table.k
    (('a', 'b', 'c'), 3)
    """

    arms: ClassVar[tuple[str, ...]] = ()
    counts: ClassVar[Mapping[str, FloatArray]] = MappingProxyType({})
    higher_is: ClassVar[str] = "neutral"
    row_is: ClassVar[str] = "study"

    yi: FloatArray
    vi: FloatArray
    first: tuple[str, ...]
    second: tuple[str, ...]
    studies: tuple[str, ...]
    measure: str = "GEN"
    unit: str | None = None
    n: FloatArray | None = None
    title: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        a_choice("measure", self.measure, tuple(MEASURES))
        a_text("title", self.title)
        if self.unit is not None:
            a_choice("unit", self.unit, UNITS)
        if self.n is not None:
            put(self, "n", _numbers("n", self.n))
        for name in ("yi", "vi"):
            put(self, name, _numbers(name, getattr(self, name)))
        for name in ("first", "second", "studies"):
            put(self, name, _names(name, getattr(self, name)))
        columns = ("yi", "vi", "first", "second", "studies", *(() if self.n is None else ("n",)))
        lengths = {name: len(getattr(self, name)) for name in columns}
        if len(set(lengths.values())) != 1:
            given = ", ".join(f"{name} {n}" for name, n in lengths.items())
            raise InputError(f"the columns of a network must be equally long · got {given}")
        if not len(self.yi):
            raise InputError("a network needs at least one comparison; the columns are empty")
        if not np.all(self.vi > 0):
            row = int(np.flatnonzero(~(self.vi > 0))[0])
            raise InputError(
                f"{self._row(row)}: variance {self.vi[row]:g} · a comparison needs a finite variance above zero"
            )
        for trial in self.trials:
            self._check(trial)

    def _third_pair(self, a: int, b: int, arms: Sequence[int], seen: Mapping[tuple[int, int], float]) -> str:
        """Return how a missing pair follows from two others with an arm in common; empty where there are none."""
        shared = next((p for p in arms if (a, p) in seen and (b, p) in seen), None)
        if shared is None:
            return ""
        A, B, P = (self.treatments[i] for i in (a, b, shared))
        return (
            f": y_{A}{B} = y_{A}{P} − y_{B}{P} = {seen[a, shared] - seen[b, shared]:.6g} and"
            f" v_{A}{B} = v_{A}{P} + v_{B}{P} − 2 v_{P}, with v_{P} the variance of the shared arm {P} (SD²/n of a"
            " mean, 1/events + 1/non-events of log odds)"
        )

    def _row(self, row: int) -> str:
        return f"row {row} (study {self.studies[row]}, {self.first[row]} against {self.second[row]})"

    def _check(self, trial: Trial) -> None:
        seen: dict[tuple[int, int], float] = {}
        place = {t: i for i, t in enumerate(self.treatments)}
        for row in trial.rows:
            a, b = place[self.first[row]], place[self.second[row]]
            if a == b:
                raise InputError(f"{self._row(row)}: a treatment cannot be compared with itself")
            if (a, b) in seen:
                raise InputError(f"{self._row(row)}: the study has this comparison twice · give each pair once")
            seen[a, b], seen[b, a] = float(self.yi[row]), -float(self.yi[row])
        for a, b in combinations(trial.arms, 2):
            if (a, b) not in seen:
                raise InputError(
                    f"study {trial.study} has {len(trial.arms)} arms but no comparison of {self.treatments[a]} and "
                    f"{self.treatments[b]} · give all {len(trial.arms) * (len(trial.arms) - 1) // 2} pairs"
                    f"{self._third_pair(a, b, trial.arms, seen)}"
                )
        scale = max(map(abs, seen.values()))
        base = trial.arms[0]
        for a, b in combinations(trial.arms[1:], 2):
            if abs(seen[base, a] + seen[a, b] - seen[base, b]) > CLOSED * scale:
                names = [self.treatments[i] for i in (base, a, b)]
                raise InputError(
                    f"study {trial.study}: {names[0]}–{names[1]} plus {names[1]}–{names[2]} is not "
                    f"{names[0]}–{names[2]} ({seen[base, a]:.6g} + {seen[a, b]:.6g} ≠ {seen[base, b]:.6g}) · the "
                    "comparisons of one study must come from the same arms"
                )

    @cached_property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in alphabetical order (capitals as small letters), (n,)."""
        return tuple(sorted({*self.first, *self.second}, key=lambda name: (name.casefold(), name)))

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Studies in the order given, with the places of their arms among `treatments`."""
        place = {t: i for i, t in enumerate(self.treatments)}
        rows: dict[str, list[int]] = {}
        for row, study in enumerate(self.studies):
            rows.setdefault(study, []).append(row)
        return tuple(
            Trial(study, tuple(sorted({place[t] for r in own for t in (self.first[r], self.second[r])})), tuple(own))
            for study, own in rows.items()
        )

    @cached_property
    def designs(self) -> dict[tuple[int, ...], tuple[Trial, ...]]:
        """Set of arms → the studies that have just these."""
        found: dict[tuple[int, ...], list[Trial]] = {}
        for trial in self.trials:
            found.setdefault(trial.arms, []).append(trial)
        return {arms: tuple(trials) for arms, trials in found.items()}

    @property
    def k(self) -> int:
        """Number of rows: comparisons. ``len(table.trials)`` is the number of studies."""
        return len(self.yi)

    @property
    def sei(self) -> FloatArray:
        """Standard errors, (k,)."""
        return np.asarray(np.sqrt(self.vi))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """One label a row: ``study: first vs second``."""
        rows = zip(self.studies, self.first, self.second, strict=True)
        return tuple(f"{study}: {first} vs {second}" for study, first, second in rows)

    @cached_property
    def fingerprint(self) -> str:
        """First 16 digits of the sha256 of everything in the table."""
        content = [self.measure, self.unit, *map(list, (self.first, self.second, self.studies))]
        content += [[float(x).hex() for x in column] for column in (self.yi, self.vi)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def subset(self, keep: ArrayLike) -> NetworkTable:
        """Return the table with only the rows at these positions, in this order; a mask of k truth values will do.

        Parameters
        ----------
        keep
            Positions from 0 (negative ones count from the end), or k truth values.

        Raises
        ------
        InputError
            Neither positions nor a mask, no row left, or a study that keeps only some of its comparisons.
        """
        at = _positions(keep, self.k)
        return replace(
            self,
            yi=self.yi[at],
            vi=self.vi[at],
            first=tuple(self.first[i] for i in at),
            second=tuple(self.second[i] for i in at),
            studies=tuple(self.studies[i] for i in at),
            n=None if self.n is None else self.n[at],
        )

    def require_connected(self) -> None:
        """Raise `NotEstimable`, naming the parts, when the treatments are not joined by comparisons."""
        left = set(range(len(self.treatments)))
        parts = []
        while left:
            part = {min(left)}
            while more := {a for t in self.trials if part & set(t.arms) for a in t.arms} - part:
                part |= more
            parts.append(part)
            left -= part
        if len(parts) > 1:
            named = " | ".join(", ".join(self.treatments[i] for i in sorted(part)) for part in parts)
            raise NotEstimable(
                f"the network falls apart into {len(parts)} parts: {named} · pool each part by itself:"
                " table.subset(rows of its studies)"
            )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a comparison."""
        import pandas as pd

        return pd.DataFrame(
            {
                "study": self.studies,
                "first": self.first,
                "second": self.second,
                "yi": self.yi,
                "vi": self.vi,
                "n": np.full(self.k, np.nan) if self.n is None else self.n,
            }
        )

    def __repr__(self) -> str:
        return (
            f"NetworkTable: {len(self.trials)} studies, {self.k} comparisons of {len(self.treatments)} treatments "
            f"in {len(self.designs)} designs ({self.measure})"
        )


CLOSED = 1e-3
"""Rounding of printed effects may leave this much in y_ab + y_bc − y_ac, relative to the largest effect."""


def _positions(keep: ArrayLike, k: int) -> list[int]:
    given = np.asarray(unmasked(keep if not isinstance(keep, range) else list(keep)))
    if given.dtype == bool and given.shape == (k,):
        given = np.flatnonzero(given)
    whole = given.ndim == 1 and given.size and given.dtype.kind in "iu" and bool(((given >= -k) & (given < k)).all())
    if not whole or len({int(i) % k for i in given}) < given.size:
        raise InputError(f"keep={shown(keep)} must list rows from 0 to {k - 1}, each once, or give {k} truth values")
    return [int(i) % k for i in given]


def _numbers(name: str, given: object) -> FloatArray:
    array = np.array(floats(given, name, "give one column of numbers"))
    if array.ndim != 1 or not np.isfinite(array).all():
        bad = "" if array.ndim != 1 else f" · row {int(np.flatnonzero(~np.isfinite(array))[0])} is not finite"
        raise InputError(f"{name} must be one column of finite numbers{bad} · leave such a comparison out yourself")
    array.flags.writeable = False
    return array


def _names(name: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str | bytes | type) or not hasattr(given, "__iter__"):
        raise InputError(f"{name}={shown(given)} is not a column of names")
    names = tuple(x if isinstance(x, str) else str(x) if isinstance(x, int) else None for x in given)
    checked = tuple(x for x in names if x is not None and x.strip())
    if len(checked) != len(names):
        raise InputError(f"{name} must hold a name for every comparison, got {shown(given)}")
    printable(name, checked)
    return checked
