"""Fail-safe N: how many unseen null studies would overturn a result."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import OptionError
from ..foundation.options import a_choice, a_flag, a_number, a_whole
from ..pooling.inverse_variance.intervals import two_sided
from ..pooling.inverse_variance.refits import Source
from ..results.contract import Result
from .check_result import CheckResult
from .studies import Estimates, estimates_of, estimates_remedy, mean_only, pools_counts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FailSafeN", "NullStudies", "fail_safe_n", "with_null_studies"]

KINDS = ("Rosenthal", "Orwin", "Rosenberg", "General")
NULLS = ("identical", "heterogeneous")
MOST = {"identical": 100_000, "heterogeneous": 10_000_000}
"""Kind of null study → most of them that are tried; identical ones are rows of a refit, the others a formula."""
HOW = {"identical": "model='random'", "heterogeneous": "model='random', interval='z'"}
"""Kind of null study → options of a fit that takes them."""
NOTHING_ABOUT = "a fail-safe number says nothing about how many studies are missing"


@dataclass(frozen=True, slots=True, repr=False)
class FailSafeN(CheckResult):
    """A fail-safe number.

    Attributes
    ----------
    kind
        ``Rosenthal``, ``Orwin``, ``Rosenberg`` or ``General``.
    n
        Null studies needed, rounded up; inf when no number would do (General: none up to 100 000 identical, 10⁷
        heterogeneous ones).
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
    notes: tuple[str, ...] = (NOTHING_ABOUT,)

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        import pandas as pd

        names = [name for name in self.__slots__ if name != "notes"]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> pd.DataFrame:
        """Return one row."""
        return self.to_frame().set_index("kind")

    def _sentence(self) -> str:
        toward = math.isfinite(self.target)
        goal = f"bring the effect to {self.target:.4g}" if toward else f"bring P above {self.alpha:g}"
        return f"{self.n:g} unseen null studies would {goal} ({self.kind})."


@dataclass(frozen=True, slots=True)
class NullStudies:
    """A model with n null studies added to its data: mean, standard error, p-value and τ² (0 for a common effect)."""

    n: int
    estimate: float
    se: float
    p_value: float
    tau2: float


def fail_safe_n(
    fit: Result,
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
        A fitted result of any model of independent rows, without moderators. ``Rosenthal``, ``Orwin`` and ``Rosenberg``
        look at its rows (those without a variance are left out, and the notes name them); ``General`` refits the
        model with null studies, which models of counts have no place for.
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

    Returns
    -------
    FailSafeN
        The number, and what it was computed from.

    Raises
    ------
    UnknownName, OptionError
        No such kind; an option of another kind; a target of 0 or of the other sign.

    See Also
    --------
    with_null_studies : The fit with such studies added.

    References
    ----------
    Rosenthal 1979, doi:10.1037/0033-2909.86.3.638; Orwin 1983, doi:10.3102/10769986008002157; Rosenberg 2005,
    doi:10.1111/j.0014-3820.2005.tb01004.x.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.checks.fail_safe_n(lam.pool(table), "Rosenthal").n
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
    found = estimates_of(fit, "fail-safe N")
    mean_only(found, fit, "fail-safe N")
    yi, vi, notes = found.y, found.v, (NOTHING_ABOUT, *found.notes)
    if kind == "Rosenthal":
        z = float((yi / np.sqrt(vi)).sum() / math.sqrt(yi.size))
        n = yi.size * (z / float(special.ndtri(alpha))) ** 2 - yi.size
        return FailSafeN(kind, _up(n), alpha, p_value=float(special.ndtr(-abs(z))), notes=notes)
    w = 1 / vi
    mean = float(w @ yi / w.sum())
    if kind == "Rosenberg":
        n = ((float(w @ yi) / float(special.ndtri(alpha / 2))) ** 2 - w.sum()) / w.mean()
        p = float(2 * special.ndtr(-abs(mean) * math.sqrt(w.sum())))
        return FailSafeN(kind, _up(n), alpha, mean, p, notes=notes)
    if kind == "Orwin":
        return replace(_orwin(mean if weighted else float(yi.mean()), yi.size, target, alpha), notes=notes)
    return _general(fit, found, alpha, target, null)


def _up(n: float) -> float:
    """Round up, but for rounding error above a whole number."""
    return max(0, math.ceil(n - 1e-9 * max(1.0, n))) if math.isfinite(n) else math.inf


def _orwin(mean: float, k: int, target: float | None, alpha: float) -> FailSafeN:
    goal = mean / 2 if target is None else target
    if goal * mean < 0:
        raise OptionError(f"target={goal!r} is on the other side of 0 than the estimate {mean:.4g} · give {-goal!r}")
    if goal == 0:
        return FailSafeN("Orwin", math.inf, alpha, mean, target=goal)
    return FailSafeN("Orwin", _up(k * (mean - goal) / goal), alpha, mean, target=goal)


def with_null_studies(fit: Result, n: int, *, null: str = "identical") -> NullStudies:
    """Return the model of a fit with ``n`` further studies that found nothing.

    Parameters
    ----------
    fit
        A fitted result of any model of one mean whose rows are estimates with variances.
    n
        Number of null studies; the variance of each is v₀, the harmonic mean of the observed ones.
    null
        ``identical``: each reports exactly 0, and the model is refitted (`Result.refit`). ``heterogeneous``: their true
        effects have mean 0 and the τ² of the observed studies, so that all together have

            τ²ₙ = ((k − 1) τ² + (n − 1) τ² + μ̂² kn/(k + n)) / (k + n − 1),

        the variance of two groups with these variances and means; the mean is Σ wy/Σ w at τ²ₙ. Intervals "z" and "t".

    Returns
    -------
    NullStudies
        The fit with n null studies added, and its test.

    Raises
    ------
    UnknownName, OptionError
        No such kind of null study; a negative number; moderators, models of counts; an interval without a formula here.

    See Also
    --------
    fail_safe_n : How many it takes.

    Examples
    --------
    >>> import lamevidence as lam
    >>> from lamevidence.checks.fail_safe import with_null_studies
    >>> fit = lam.pool(lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01]))
    >>> bool(with_null_studies(fit, 5).estimate < fit.mu)
    True
    """
    a_choice("null studies", null, NULLS)
    n = a_whole("n", n, 0, MOST[null])
    found = estimates_of(fit, "a model with null studies", options=HOW[null])
    mean_only(found, fit, "a model with null studies", HOW[null])
    return _with_null(fit, found, int(n), null)


def _with_null(fit: Result, found: Estimates, n: int, null: str) -> NullStudies:
    _check_model(fit, found, null)
    typical = found.v.size / float((1 / found.v).sum())
    if null == "heterogeneous" and n:
        return _heterogeneous(found, n, typical)
    table = EvidenceTable.from_estimates(
        np.append(found.y, np.zeros(n)),
        vi=np.append(found.v, np.full(n, typical)),
        measure=fit.table.measure,
        unit=fit.table.unit,
    )
    then = fit.refit(table)
    mean, se, df = (float(np.atleast_1d(x)[0]) for x in (then.estimate, then.se, then.df))
    return NullStudies(n, mean, se, two_sided(mean / se, df), _tau2(then.tau2))


def _tau2(tau2: object) -> float:
    return float(tau2) if isinstance(tau2, float | int) else math.nan


def _check_model(fit: Result, found: Estimates, null: str) -> None:
    """Refuse models that null studies cannot be added to, and those whose formula for them does not hold."""
    remedy = estimates_remedy(fit, HOW[null])
    if pools_counts(fit):
        raise OptionError(f"null studies are estimates, and {fit.spec.label} pools counts · {remedy}")
    if fit.recipe is not None and fit.recipe.per_row:
        raise OptionError(f"a null study has no {', '.join(fit.recipe.per_row)} of its own · {remedy}")
    if null == "heterogeneous" and not found.own:
        raise OptionError(f"null='heterogeneous' has no formula for {fit.spec.label} · use null='identical'")


def _heterogeneous(found: Estimates, n: int, typical: float) -> NullStudies:
    """Return the mean at the τ² of two groups of studies, one of them about 0."""
    source: Source = found.source
    if source.interval not in ("z", "t"):
        raise OptionError(f"null='heterogeneous' has no interval {source.interval!r} · use null='identical'")
    yi, vi, k = found.y, found.v, source.rows.size
    tau2 = 0.0
    if source.method != "none":
        own = source.t * source.scale**2
        w = 1 / (vi + own)
        mean = float(w @ yi / w.sum())
        tau2 = ((k + n - 2) * own + mean**2 * k * n / (k + n)) / (k + n - 1)
    w = 1 / (vi + tau2)
    total = float(w.sum()) + n / (typical + tau2)
    mean, se = float(w @ yi) / total, total**-0.5
    return NullStudies(n, mean, se, two_sided(mean / se, math.inf if source.interval == "z" else k + n - 1), tau2)


def _general(fit: Result, found: Estimates, alpha: float, target: float | None, null: str) -> FailSafeN:
    """Search the smallest n that is enough: doubling, then bisection over the whole numbers."""
    first = _with_null(fit, found, 0, null)
    if target is not None and target * first.estimate < 0:
        raise OptionError(
            f"target={target!r} is on the other side of 0 than the estimate {first.estimate:.4g} · give {-target!r}"
        )

    def enough(n: int) -> bool:
        then = _with_null(fit, found, n, null)
        return then.p_value > alpha if target is None else abs(then.estimate) <= abs(target)

    random = fit.bayesian or fit.spec.tau2 != "none"
    tau2 = first.tau2 if random else math.nan
    known = (alpha, first.estimate, first.p_value, tau2, math.nan if target is None else float(target))
    if target == 0 and first.estimate != 0:
        return FailSafeN("General", math.inf, *known)
    if enough(0):
        return FailSafeN("General", 0, *known, first.estimate, first.p_value, tau2)
    high = 1
    while high <= MOST[null] and not enough(high):
        high *= 2
    if high > MOST[null]:
        return FailSafeN("General", math.inf, *known)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    then = _with_null(fit, found, high, null)
    return FailSafeN("General", high, *known, then.estimate, then.p_value, then.tau2 if random else math.nan)
