"""The results of all specifications: their range, how many agree, and what each choice makes of the spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_whole, shown
from ...results.contract import Result
from ..check_result import CheckResult
from .analyses import Analysis, fit_analysis
from .row_choices import Choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Multiverse", "shapley_shares"]

ROUNDED = 1e-9
"""A share, in percent, that is a rounding error of its sums."""
QUANTITIES = ("estimate", "low", "high")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Multiverse(CheckResult):
    """Every specification of an analysis with its result.

    Attributes
    ----------
    choices
        What was chosen otherwise, each with its levels; the first level is what is done when nothing is said.
    levels
        Level of each choice, one mapping a specification; a choice without effect there (τ² of a common effect) is
        absent.
    estimate, low, high
        Results on the analysis scale, (m,); NaN where the specification has none. Of posteriors mean and interval.
    k
        Rows of each, (m,).
    reasons
        Why a specification has no result; empty where it has.
    threshold
        Value of the mean that matters, None when none was given.
    null
        What the sign is counted from; None where a mean has no such value.
    level
        Level of the intervals.
    unit, title
        Unit of the estimates, and what is asked.
    """

    choices: tuple[Choice, ...]
    levels: tuple[Mapping[str, str], ...]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    k: FloatArray
    reasons: tuple[str, ...]
    threshold: float | None
    null: float | None
    level: float
    unit: str | None
    title: str
    _calls: tuple[tuple[EvidenceTable | None, Analysis], ...]
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.levels)

    def again(self, i: int) -> Result:
        """Return the result of one specification, from a call of `pool` or `pool_bayes` by itself.

        Parameters
        ----------
        i
            Its position, the row of `to_frame`.

        Raises
        ------
        NotEstimable
            It has none; the message says why.
        """
        i = a_whole("i", i, 0, len(self) - 1)
        table, analysis = self._calls[i]
        if table is None or self.reasons[i]:
            raise NotEstimable(f"specification {i} has no result: {self.reasons[i]} · to_frame() shows those that have")
        return fit_analysis(table, analysis)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a specification: the level of each choice, ``k estimate low high reason``."""
        import pandas as pd

        columns: dict[str, Any] = {
            choice.name: [levels.get(choice.name, "") for levels in self.levels] for choice in self.choices
        }
        columns |= {"k": self.k, "estimate": self.estimate, "low": self.low, "high": self.high}
        return pd.DataFrame(columns | {"reason": list(self.reasons)})

    def shares(self, name: str = "estimate") -> pd.DataFrame:
        """Return how much of the variance over the specifications each choice makes, exactly, in percent.

        Parameters
        ----------
        name
            ``estimate``, ``low`` or ``high``.

        Returns
        -------
        DataFrame
            ``choice levels share spread``, the largest share first: the Shapley share in percent (they sum to 100), and
            how far the means of its levels lie apart. A choice without effect on an analysis (the prior of a
            frequentist one) counts there as one that changes nothing.

        References
        ----------
        Owen 2014, doi:10.1137/130936233.
        """
        import pandas as pd

        if name not in QUANTITIES:
            raise OptionError(f"shares of {shown(name)} · give one of {', '.join(QUANTITIES)}")
        cells = self._cells(getattr(self, name))
        shares, variance = shapley_shares(cells)
        percent = 100 * shares / variance if variance > 0 else np.zeros(len(self.choices))
        percent = np.where(np.abs(percent) < ROUNDED, 0.0, percent)
        rows = []
        for axis, choice in enumerate(self.choices):
            means = [float(x[np.isfinite(x)].mean()) for x in np.moveaxis(cells, axis, 0) if np.isfinite(x).any()]
            rows.append((choice.name, len(choice.levels), float(percent[axis]), max(means) - min(means)))
        frame = pd.DataFrame(rows, columns=["choice", "levels", "share", "spread"])
        return frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)

    def _cells(self, values: FloatArray) -> FloatArray:
        """Return the results with one axis a choice; a choice without effect repeats them."""
        shape = tuple(len(choice.levels) for choice in self.choices)
        cells = np.full(shape, np.nan)
        for levels, value in zip(self.levels, values, strict=True):
            at = tuple(c.levels.index(levels[c.name]) if c.name in levels else slice(None) for c in self.choices)
            cells[at] = value
        return cells

    def agreement(self) -> dict[str, float]:
        """Return shares of the specifications that have a result, fractions.

        Returns
        -------
        dict
            ``above``: estimate above no effect; ``interval_above``, ``interval_below``: the whole interval on one side
            of it; with a threshold ``beyond``: estimate above it, ``interval_beyond``: the whole interval.
        """
        there = np.isfinite(self.estimate)
        found: dict[str, float] = {}
        if self.null is not None:
            found["above"] = float(np.mean(self.estimate[there] > self.null))
            found["interval_above"] = float(np.mean(self.low[there] > self.null))
            found["interval_below"] = float(np.mean(self.high[there] < self.null))
        if self.threshold is not None:
            found["beyond"] = float(np.mean(self.estimate[there] > self.threshold))
            found["interval_beyond"] = float(np.mean(self.low[there] > self.threshold))
        return found

    def summary(self) -> pd.DataFrame:
        """Return the shares of the choices."""
        return self.shares().set_index("choice")

    def _figure(self) -> str:
        return "specification_curve"

    def _sentence(self) -> str:
        there = np.isfinite(self.estimate)
        unit = f" {self.unit}" if self.unit else ""
        values, agreed = self.estimate[there], self.agreement()
        lost = int((~there).sum())
        text = f"{len(self)} specifications of {len(self.choices)} choices"
        text += f", {lost} of which cannot be fitted" if lost else ""
        text += f": the estimate lies between {values.min():.4g} and {values.max():.4g}{unit}, half of them at or below"
        text += f" {np.median(values):.4g}."
        if self.null is not None:
            text += f" {self._side(agreed, self.null)}"
        if self.threshold is not None:
            text += (
                f" {_percent(agreed['beyond'])} of the estimates and {_percent(agreed['interval_beyond'])} of the whole"
                f" intervals lie above {self.threshold:g}{unit}."
            )
        first = self.shares().iloc[0] if self.choices else None
        if first is None or first["share"] == 0:
            return f"{text} No choice moves the estimate."
        return (
            f"{text} The choice that moves the estimate most is {first['choice']}: {first['share']:.0f}% of the"
            " variance (Shapley share)."
        )

    def _side(self, agreed: Mapping[str, float], null: float) -> str:
        """Return how many estimates and intervals lie on one side of no effect."""
        above, outside = agreed["above"], agreed["interval_above"] + agreed["interval_below"]
        text = f"{_percent(above)} of the estimates lie above {null:g}"
        if above in (0.0, 1.0):
            text = f"All estimates lie {'above' if above else 'at or below'} {null:g}"
        return f"{text}; {_percent(outside)} of the {100 * self.level:g}% intervals leave {null:g} out."


def _percent(share: float) -> str:
    """Return a share in words that never say all or none when it is not."""
    if 0 < share < 0.005:
        return "under 1%"
    return "over 99%" if 0.995 <= share < 1 else f"{100 * share:.0f}%"


def shapley_shares(values: FloatArray) -> tuple[FloatArray, float]:
    """Return the Shapley share of each axis in the variance of an array, and the variance; the shares sum to it.

    v(S) is the variance of the means given the levels of the choices in S; an axis receives the average of
    v(S ∪ i) − v(S) over the orders in which axes can be added. Cells that are NaN count nowhere.

    Parameters
    ----------
    values
        One axis a choice, one cell a specification.

    References
    ----------
    Owen 2014, doi:10.1137/130936233.
    """
    d = values.ndim
    there = np.isfinite(values)
    count = float(there.sum())
    if count == 0:
        return np.full(d, math.nan), math.nan
    mean = float(values[there].mean())
    whole = (1 << d) - 1
    held = {whole: (np.where(there, values - mean, 0.0), there.astype(np.float64))}
    explained = np.zeros(1 << d)
    for _ in range(d + 1):
        following: dict[int, tuple[FloatArray, FloatArray]] = {}
        for mask, (sums, counts) in held.items():
            explained[mask] = float(np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0).sum()) / count
            for i in range(d):
                rest = mask & ~(1 << i)
                if mask >> i & 1 and rest not in following:
                    following[rest] = (sums.sum(axis=i, keepdims=True), counts.sum(axis=i, keepdims=True))
        held = following
    shares = np.zeros(d)
    weights = [math.factorial(s) * math.factorial(d - s - 1) / math.factorial(d) for s in range(d)]
    for mask in range(whole):
        weight = weights[mask.bit_count()]
        for i in range(d):
            if not mask >> i & 1:
                shares[i] += weight * (explained[mask | 1 << i] - explained[mask])
    return shares, float(explained[whole])
