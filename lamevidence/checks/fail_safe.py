"""Fail-safe N: how many unseen null studies would overturn a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..errors import OptionError, UnknownName
from ..pooling.policy import check_level
from ..pooling.random_effects import pool
from .refits import Fit, Source, source_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FailSafeN", "fail_safe_n"]

KINDS = ("Rosenthal", "Orwin", "Rosenberg", "General")
MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class FailSafeN:
    """A fail-safe number.

    Attributes
    ----------
    kind
        ``Rosenthal``, ``Orwin``, ``Rosenberg`` or ``General``.
    n
        Null studies needed, rounded up; inf when no number would do.
    estimate, p_value, tau2
        Of the observed studies, nan where the method has none.
    target
        Orwin: the effect that would no longer matter; nan otherwise.
    estimate_then, p_value_then, tau2_then
        General: with the null studies added.
    """

    kind: str
    n: float
    alpha: float
    estimate: float = math.nan
    p_value: float = math.nan
    tau2: float = math.nan
    target: float = math.nan
    estimate_then: float = math.nan
    p_value_then: float = math.nan
    tau2_then: float = math.nan
    notes: tuple[str, ...] = ("a fail-safe number says nothing about how many studies are missing",)

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        import pandas as pd

        names = [name for name in self.__slots__ if name != "notes"]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> pd.DataFrame:
        """Return one row."""
        return self.to_frame().set_index("kind")

    def describe(self) -> str:
        """Return the number in words, with its caution."""
        goal = f"bring the effect to {self.target:.4g}" if self.kind == "Orwin" else f"bring P above {self.alpha:g}"
        text = f"{self.n:g} unseen null studies would {goal} ({self.kind})."
        return " ".join([text, *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])


def fail_safe_n(
    fit: Fit, kind: str = "Rosenthal", *, alpha: float = 0.05, target: float | None = None, weighted: bool = True
) -> FailSafeN:
    """Return a fail-safe N.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.
    kind
        ``Rosenthal`` (Stouffer's combined z, one-sided ``alpha``), ``Orwin`` (mean effect down to ``target``),
        ``Rosenberg`` (common-effect test, two-sided ``alpha``), ``General`` (the model of the fit, refitted with null
        studies whose variance is the harmonic mean of the observed ones).
    alpha
        Significance level.
    target
        Orwin only: half the estimate when left out.
    weighted
        Orwin only: inverse-variance weighted mean (default) or plain mean.

    Raises
    ------
    UnknownName, OptionError
        No such kind; an option of another kind; a target of 0 or of the other sign.

    References
    ----------
    Rosenthal 1979, doi:10.1037/0033-2909.86.3.638; Orwin 1983, doi:10.3102/10769986008002157; Rosenberg 2005,
    doi:10.1111/j.0014-3820.2005.tb01004.x.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.fail_safe_n(lam.pool(table), "Rosenthal").n
    36
    """
    if kind not in KINDS:
        raise UnknownName("fail-safe N", kind, KINDS)
    if not (isinstance(alpha, int | float) and 0 < alpha < 1):
        raise OptionError(f"alpha={alpha!r} must lie between 0 and 1, for example 0.05")
    if kind != "Orwin" and (target is not None or weighted is not True):
        raise OptionError(f"target and weighted belong to kind='Orwin', not to {kind!r} · leave them out")
    source = source_of(fit, "fail-safe N")
    if source.X is not None:
        raise OptionError("fail-safe N is for models without moderators · leave moderators out")
    yi, vi = source.table.yi[source.rows], source.table.vi[source.rows]
    if kind == "Rosenthal":
        z = float((yi / np.sqrt(vi)).sum() / math.sqrt(yi.size))
        n = yi.size * (z / float(special.ndtri(alpha))) ** 2 - yi.size
        return FailSafeN(kind, _up(n), alpha, p_value=float(special.ndtr(-abs(z))))
    w = 1 / vi
    mean = float(w @ yi / w.sum())
    if kind == "Rosenberg":
        n = ((float(w @ yi) / float(special.ndtri(alpha / 2))) ** 2 - w.sum()) / w.mean()
        return FailSafeN(kind, _up(n), alpha, mean, float(2 * special.ndtr(-abs(mean) * math.sqrt(w.sum()))))
    if kind == "Orwin":
        return _orwin(mean if weighted else float(yi.mean()), yi.size, target, alpha)
    return _general(fit, source, alpha)


def _up(n: float) -> float:
    """Round up, but for rounding error above a whole number."""
    return max(0, math.ceil(n - 1e-9 * max(1.0, n))) if math.isfinite(n) else math.inf


def _orwin(mean: float, k: int, target: float | None, alpha: float) -> FailSafeN:
    goal = mean / 2 if target is None else float(target)
    if not math.isfinite(goal) or goal * mean < 0:
        raise OptionError(f"target={target!r} must be finite and of the sign of the estimate {mean:.4g}")
    if goal == 0:
        return FailSafeN("Orwin", math.inf, alpha, mean, target=goal)
    return FailSafeN("Orwin", _up(k * (mean - goal) / goal), alpha, mean, target=goal)


def _with_null(source: Source, n: int) -> Any:  # noqa: ANN401
    """Return the model refitted with n studies of effect 0 and the harmonic mean of the variances."""
    yi, vi = source.table.yi[source.rows], source.table.vi[source.rows]
    typical = vi.size / float((1 / vi).sum())
    table = EvidenceTable.from_estimates(np.append(yi, np.zeros(n)), np.append(vi, np.full(n, typical)))
    options: dict[str, Any] = {"interval": source.interval, "prediction": "none", "level": check_level(source.level)}
    if source.method == "none":
        return pool(table, model="common", **options)
    tau2 = source.t * source.scale**2 if source.method == "fixed" else source.method
    return pool(table, model="random", tau2=tau2, **options)


def _general(fit: Any, source: Source, alpha: float) -> FailSafeN:  # noqa: ANN401
    """Search the smallest n with p > alpha: doubling, then bisection over the whole numbers."""
    first = _with_null(source, 0)
    tau2 = math.nan if source.method == "none" else first.tau2
    if first.p_value > alpha:
        return FailSafeN("General", 0, alpha, first.mu, first.p_value, tau2)
    high = 1
    while high <= MOST and _with_null(source, high).p_value <= alpha:
        high *= 2
    if high > MOST:
        return FailSafeN("General", math.inf, alpha, first.mu, first.p_value, tau2)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _with_null(source, middle).p_value <= alpha else (low, middle)
    then = _with_null(source, high)
    tau2_then = math.nan if source.method == "none" else then.tau2
    return FailSafeN("General", high, alpha, first.mu, first.p_value, tau2, math.nan, then.mu, then.p_value, tau2_then)
