"""Fail-safe N: how many unseen null studies would overturn a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..errors import OptionError
from ..options import a_choice, a_flag, a_level, a_number, a_whole
from ..pooling.random_effects import pool
from .refits import Fit, Source, source_of
from .spoken import Spoken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FailSafeN", "NullStudies", "fail_safe_n", "with_null_studies"]

KINDS = ("Rosenthal", "Orwin", "Rosenberg", "General")
NULLS = ("identical", "heterogeneous")
MOST = 10_000_000


@dataclass(frozen=True, slots=True, repr=False)
class FailSafeN(Spoken):
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
        Orwin and General: the effect that would no longer matter; nan otherwise.
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
        toward = math.isfinite(self.target)
        goal = f"bring the effect to {self.target:.4g}" if toward else f"bring P above {self.alpha:g}"
        text = f"{self.n:g} unseen null studies would {goal} ({self.kind})."
        return " ".join([text, *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])


@dataclass(frozen=True, slots=True)
class NullStudies:
    """A model with n null studies added to its data: mean, standard error, p-value and τ² (0 for a common effect)."""

    n: int
    estimate: float
    se: float
    p_value: float
    tau2: float


def fail_safe_n(
    fit: Fit,
    kind: str = "Rosenthal",
    *,
    alpha: float = 0.05,
    target: float | None = None,
    weighted: bool = True,
    null: str = "identical",
) -> FailSafeN:
    """Return a fail-safe N.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.
    kind
        ``Rosenthal`` (Stouffer's combined z, one-sided ``alpha``), ``Orwin`` (mean effect down to ``target``),
        ``Rosenberg`` (common-effect test, two-sided ``alpha``), ``General`` (the model of the fit with null studies
        whose variance is the harmonic mean of the observed ones).
    alpha
        Significance level; below 0.5 for ``Rosenthal``, whose test is one-sided.
    target
        Orwin: half the estimate when left out. General: when given, the mean is brought to it, whatever its p-value.
    weighted
        Orwin only: inverse-variance weighted mean (default) or plain mean.
    null
        General only, see `with_null_studies`: ``identical`` (each null study reports 0) or ``heterogeneous`` (they
        vary about 0 as much as the observed studies vary about their mean).

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
    a_choice("fail-safe N", kind, KINDS)
    alpha = a_number("alpha", alpha, above=0, below=0.5 if kind == "Rosenthal" else 1)
    a_flag("weighted", weighted)
    a_choice("null studies", null, NULLS)
    if target is not None:
        target = a_number("target", target)
    if kind not in ("Orwin", "General") and target is not None:
        raise OptionError(f"target belongs to kind='Orwin' or 'General', not to {kind!r} · leave it out")
    if kind != "Orwin" and weighted is not True:
        raise OptionError(f"weighted belongs to kind='Orwin', not to {kind!r} · leave it out")
    if kind != "General" and null != "identical":
        raise OptionError(f"null belongs to kind='General', not to {kind!r} · leave it out")
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
    return _general(fit, source, alpha, target, null)


def _up(n: float) -> float:
    """Round up, but for rounding error above a whole number."""
    return max(0, math.ceil(n - 1e-9 * max(1.0, n))) if math.isfinite(n) else math.inf


def _orwin(mean: float, k: int, target: float | None, alpha: float) -> FailSafeN:
    goal = mean / 2 if target is None else target
    if goal * mean < 0:
        raise OptionError(f"target={target!r} must have the sign of the estimate {mean:.4g}")
    if goal == 0:
        return FailSafeN("Orwin", math.inf, alpha, mean, target=goal)
    return FailSafeN("Orwin", _up(k * (mean - goal) / goal), alpha, mean, target=goal)


def with_null_studies(fit: Fit, n: int, *, null: str = "identical") -> NullStudies:
    """Return the model of a fit with ``n`` further studies that found nothing.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.
    n
        Number of null studies; the variance of each is v₀, the harmonic mean of the observed ones.
    null
        ``identical``: each reports exactly 0, and the model is refitted. ``heterogeneous``: their true effects have
        mean 0 and the τ² of the observed studies, so that all together have

            τ²ₙ = ((k − 1) τ² + (n − 1) τ² + μ̂² kn/(k + n)) / (k + n − 1),

        the variance of two groups with these variances and means; the mean is Σ wy/Σ w at τ²ₙ. Intervals "z" and "t".

    Raises
    ------
    UnknownName, OptionError
        No such kind of null study; a negative number; moderators; an interval without a formula here.

    Examples
    --------
    >>> import lamevidence as lam
    >>> from lamevidence.checks.fail_safe import with_null_studies
    >>> fit = lam.pool(lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01]))
    >>> bool(with_null_studies(fit, 5).estimate < fit.mu)
    True
    """
    a_choice("null studies", null, NULLS)
    n = a_whole("n", n, 0)
    source = source_of(fit, "null studies")
    if source.X is not None:
        raise OptionError("null studies are for models without moderators · leave moderators out")
    return _with_null(source, int(n), null)


def _with_null(source: Source, n: int, null: str) -> NullStudies:
    yi, vi = source.table.yi[source.rows], source.table.vi[source.rows]
    typical = vi.size / float((1 / vi).sum())
    if null == "heterogeneous" and n:
        return _heterogeneous(source, n, typical)
    table = EvidenceTable.from_estimates(np.append(yi, np.zeros(n)), np.append(vi, np.full(n, typical)))
    options: dict[str, Any] = {"interval": source.interval, "prediction": "none", "level": a_level(source.level)}
    if source.method == "none":
        options["model"] = "common"
    else:
        options |= {"tau2": source.t * source.scale**2 if source.method == "fixed" else source.method}
    then = pool(table, **options)
    return NullStudies(n, then.mu, then.se, then.p_value, then.tau2)


def _heterogeneous(source: Source, n: int, typical: float) -> NullStudies:
    """Return the mean at the τ² of two groups of studies, one of them about 0."""
    if source.interval not in ("z", "t"):
        raise OptionError(f"null='heterogeneous' has no interval {source.interval!r} · fit with interval='z'")
    yi, vi, k = source.table.yi[source.rows], source.table.vi[source.rows], source.rows.size
    tau2 = 0.0
    if source.method != "none":
        own = source.t * source.scale**2
        w = 1 / (vi + own)
        mean = float(w @ yi / w.sum())
        tau2 = ((k + n - 2) * own + mean**2 * k * n / (k + n)) / (k + n - 1)
    w = 1 / (vi + tau2)
    total = float(w.sum()) + n / (typical + tau2)
    mean, se = float(w @ yi) / total, total**-0.5
    df = math.inf if source.interval == "z" else k + n - 1
    tail = special.ndtr(-abs(mean) / se) if math.isinf(df) else special.stdtr(df, -abs(mean) / se)
    return NullStudies(n, mean, se, float(2 * tail), tau2)


def _general(fit: Any, source: Source, alpha: float, target: float | None, null: str) -> FailSafeN:  # noqa: ANN401
    """Search the smallest n that is enough: doubling, then bisection over the whole numbers."""
    first = _with_null(source, 0, null)
    if target is not None and target * first.estimate < 0:
        raise OptionError(f"target={target!r} must be of the sign of the estimate {first.estimate:.4g}")

    def enough(n: int) -> bool:
        then = _with_null(source, n, null)
        return then.p_value > alpha if target is None else abs(then.estimate) <= abs(target)

    random = source.method != "none"
    tau2 = first.tau2 if random else math.nan
    known = (alpha, first.estimate, first.p_value, tau2, math.nan if target is None else float(target))
    if target == 0 and first.estimate != 0:
        return FailSafeN("General", math.inf, *known)
    if enough(0):
        return FailSafeN("General", 0, *known, first.estimate, first.p_value, tau2)
    high = 1
    while high <= MOST and not enough(high):
        high *= 2
    if high > MOST:
        return FailSafeN("General", math.inf, *known)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    then = _with_null(source, high, null)
    return FailSafeN("General", high, *known, then.estimate, then.p_value, then.tau2 if random else math.nan)
