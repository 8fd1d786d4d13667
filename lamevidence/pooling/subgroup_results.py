"""The result of a subgroup analysis: the means of the groups, all from the model of one fit."""

from __future__ import annotations

import html as markup
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable, OptionError
from ..foundation.options import shown
from ..foundation.printable import one_line, printable
from ..foundation.values import Interval
from ..results import words
from ..results.contract import CoefficientResult, Result
from ..results.heterogeneity import NO_INTERVAL, Heterogeneity
from ..results.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Subgroups", "one_tau2"]

NAMED = 3
"""Groups that a sentence names one by one."""
FRAME = ("group", "k", "mu", "se", "low", "high", "tau2", "q", "i2")


def one_tau2(tau2: object) -> float:
    """Return a between-study variance, NaN where there are several."""
    return float(tau2) if isinstance(tau2, float | int) else math.nan


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Subgroups(CoefficientResult):
    """The means of the groups, all from the model of one fit.

    Attributes
    ----------
    table
        All rows.
    overall
        The fit to all rows, whose model every group has.
    groups
        Group → its result, in order of appearance; groups to which the model cannot be fitted are left out.
    labels
        The group of each row, (k,).
    reasons
        Group → why the model cannot be fitted to it.
    common_tau2
        The τ² shared by all groups, or None where each has its own.
    q_between, q_between_df, q_between_p
        Σ(μ_g − μ̄)²/se_g² over the groups, its degrees of freedom and p value (χ²); NaN (df 0) where ``between_note``
        says why there is no such test.
    between_note
        Why there is no test between the groups; empty where there is one.
    notes
        Cautions about this result.
    """

    table: EvidenceTable
    overall: Result
    groups: Mapping[str, Result]
    labels: tuple[str, ...]
    reasons: Mapping[str, str]
    common_tau2: float | None
    q_between: float
    q_between_df: int
    q_between_p: float
    between_note: str = ""
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = field(default=None)

    # ---- the contract -------------------------------------------------------------------------
    @property
    def bayesian(self) -> bool:  # type: ignore[override]
        """True where the groups are posteriors."""
        return self.overall.bayesian

    @property
    def interval_name(self) -> str:  # type: ignore[override]
        """What an interval is called in text."""
        return self.overall.interval_name

    @property
    def spec(self) -> Any:  # type: ignore[override]  # noqa: ANN401 the choices of whatever model was fitted
        """The choices of the model that every group has."""
        return self.overall.spec

    @property
    def measure(self) -> str:
        """Code of the effect measure."""
        return self.overall.measure

    @property
    def names(self) -> tuple[str, ...]:
        """The groups, in order of appearance."""
        return tuple(dict.fromkeys(self.labels))

    def _each(self, what: str) -> FloatArray:
        """Return one number a group, NaN where it could not be fitted."""
        values = (float(getattr(self.groups[g], what)) if g in self.groups else math.nan for g in self.names)
        return np.array(list(values), dtype=np.float64)

    @property
    def estimate(self) -> FloatArray:
        """Mean of each group on the analysis scale, (groups,)."""
        return self._each("estimate")

    @property
    def se(self) -> FloatArray:
        """Standard error of each mean, (groups,)."""
        return self._each("se")

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of each interval, (groups,)."""
        return self._each("df")

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the means, diagonal: groups share no patients, or nothing is said about what they share."""
        return np.diag(self.se**2)

    @property
    def statistic(self) -> FloatArray:
        """Test statistic of each mean, (groups,)."""
        return self._each("statistic")

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p value of each mean, (groups,)."""
        return self._each("p_value")

    @property
    def tau2(self) -> Mapping[str, float]:
        """Group → its between-study variance; the same for all with ``common_tau2``, NaN where there are several."""
        return {g: one_tau2(self.groups[g].tau2) if g in self.groups else math.nan for g in self.names}

    def interval(self, level: float | None = None) -> Mapping[str, Interval]:
        """Return the interval of each mean at ``level`` (default: that of the fit)."""
        return {g: self.groups[g].interval(level) if g in self.groups else NO_INTERVAL for g in self.names}

    def prediction(self, level: float | None = None) -> Interval:
        """Refuse: a new study belongs to one of the groups.

        Raises
        ------
        NotEstimable
            Always.
        """
        del level
        first = next(iter(self.groups))
        raise NotEstimable(
            f"a new study belongs to one of the groups {', '.join(self.names)}"
            f" · ask one of them, for example result[{first!r}].prediction()"
        )

    def heterogeneity(self) -> Heterogeneity:
        """Return Q of all rows, and τ² of each group with its interval."""
        whole = self.overall.heterogeneity()
        bounds = {
            g: self.groups[g].heterogeneity().tau2_interval if g in self.groups else NO_INTERVAL for g in self.names
        }
        plain = {g: b if isinstance(b, Interval) else NO_INTERVAL for g, b in bounds.items()}
        return replace(whole, tau2=self.tau2, tau2_interval=plain, note=self._without_tau2() or whole.note)

    def _without_tau2(self) -> str:
        """Return in words which groups have no τ², and why."""
        none = [g for g, value in self.tau2.items() if math.isnan(value)]
        single = [g for g in none if self.labels.count(g) == 1]
        parts = []
        for groups, why in (
            (single, "one study: τ² not estimable"),
            ([g for g in none if g in self.reasons and g not in single], "not fitted"),
            ([g for g in none if g in self.groups and g not in single], "τ² not estimable"),
        ):
            if groups:
                names = ", ".join(groups) if len(groups) <= NAMED else f"{len(groups)} groups"
                parts.append(f"{names}: {why}")
        return "; ".join(parts)

    @property
    def weights(self) -> FloatArray | None:
        """Weight of each row in the mean of all rows, in percent."""
        return self.overall.weights

    def _spread(self, read: str, width: int) -> FloatArray:
        """Return one value (or ``width`` of them) a row, each from the fit of its own group."""
        out = np.full((self.k, width), np.nan)
        for name, fit in self.groups.items():
            rows = [i for i, label in enumerate(self.labels) if label == name]
            out[rows] = np.asarray(getattr(fit, read)(), dtype=np.float64).reshape(len(rows), width)
        return out

    def fitted(self) -> FloatArray:
        """Return the mean of each row's group, (k,)."""
        return self._spread("fitted", 1)[:, 0]

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return each row's true effect as the model of its group sees it: estimate and bounds, (k, 3)."""
        out = np.full((self.k, 3), np.nan)
        for name, fit in self.groups.items():
            out[[label == name for label in self.labels]] = fit.study_effects(level)
        return out

    def _below(self, quantity: str, value: float) -> float:
        """Return the probability that the mean of a group lies below a value."""
        if quantity not in self.groups:
            raise OptionError(f"{quantity!r} is not a group · groups: {', '.join(self.groups)}")
        return self.groups[quantity]._below("mu", value)

    def predict(self, new: Any = None, level: float | None = None) -> pd.DataFrame:  # noqa: ANN401 refused
        """Return mean, interval and prediction interval of each group, one row each.

        Parameters
        ----------
        new
            Groups have no moderators: None.
        level
            Level of the intervals; that of the fit when left out.
        """
        import pandas as pd

        rows = [fit.predict(new, level) for fit in self.groups.values()]
        return pd.concat(rows, ignore_index=True).set_index(pd.Index(list(self.groups), name="group"))

    # ---- the groups ---------------------------------------------------------------------------
    def __getitem__(self, group: str) -> Result:
        if group in self.groups:
            return self.groups[group]
        if group in self.reasons:
            raise NotEstimable(f"group {group}: {self.reasons[group]}")
        raise InputError(f"no group {shown(group)} · groups: {', '.join(self.groups)}")

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group: ``k mu se low high tau2 q i2``, and ``reason`` where one could not be fitted."""
        import pandas as pd

        rows = []
        for name in self.names:
            k = self.labels.count(name)
            if name not in self.groups:
                rows.append({"group": name, "k": k} | dict.fromkeys(FRAME[2:], math.nan))
                continue
            fit = self.groups[name]
            found, (low, high) = fit.heterogeneity(), fit.intervals()[0]
            values = (name, k, fit.estimate, fit.se, low, high, one_tau2(found.tau2), found.q, found.i2)
            rows.append(dict(zip(FRAME, values, strict=True)))
        frame = pd.DataFrame(rows).set_index("group")
        if self.reasons:
            frame["reason"] = [self.reasons.get(name, "") for name in self.names]
        return frame

    @property
    def between(self) -> str:
        """The test between the groups as text, or why there is none."""
        if self.between_note:
            return f"no test between groups: {self.between_note}"
        return f"between groups: Q({self.q_between_df}) = {self.q_between:.3g}, P = {self.q_between_p:.3g}"

    def describe(self) -> str:
        """Return the Results sentence: each group's mean, and the test between them."""
        return one_line(f"{CoefficientResult.describe(self).rstrip('.')}; {self.between}.")

    def __repr__(self) -> str:
        # the test between groups is what a reader looks for: it has the last of the lines a short form may have
        lines = words.text(self).split("\n")
        return "\n".join([*lines[: words.MAX_LINES - 1], f"  {one_line(self.between)}"])

    def _repr_html_(self) -> str:
        return printable(f"{words.html(self)}<p>{markup.escape(one_line(self.between))}</p>")

    def _glance(self) -> Mapping[str, Any]:
        return {
            "groups": len(self.names),
            "q_between": self.q_between,
            "q_between_df": self.q_between_df,
            "q_between_p": self.q_between_p,
        }

    def _json(self) -> Mapping[str, Any]:
        return {
            **self._glance(),
            "between_note": self.between_note,
            "common_tau2": self.common_tau2,
            "overall": self.overall.to_json(),
            "groups": {name: fit.to_json() for name, fit in self.groups.items()},
            "reasons": dict(self.reasons),
        }

    def _methods(self) -> Sequence[tuple[str, str]]:
        test = "Subgroups were pooled with the same model and compared by Q between their means"
        return (*self.overall._methods(), (test, "Borenstein & Higgins 2013, doi:10.1007/s11121-013-0377-7"))
