"""Excess significance: are there more significant studies than their power makes likely?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from ..foundation.options import a_choice, a_number
from ..results.contract import Result
from .check_result import CheckResult
from .small_study.tests import caution
from .studies import estimates_of, estimates_remedy, mean_only, one_tau2

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExcessSignificance", "test_excess_significance"]

TESTS = ("exact", "chi2", "binomial")
SIDES = ("two-sided", "greater", "less")


@dataclass(frozen=True, slots=True, repr=False)
class ExcessSignificance(CheckResult):
    """A test of excess significance.

    Attributes
    ----------
    observed, expected, ratio
        Significant studies seen, expected from their power, and their ratio.
    test, statistic, p_value
        Statistic of the χ² test (nan for exact tests), one-sided p value of too many.
    power
        Power of each study, (k,).
    theta, tau2
        Effect and between-study variance behind the power.
    limit
        The effect nearest to ``theta`` at which the test no longer rejects at ``limit_alpha``; nan where there is none.
    """

    observed: int
    expected: float
    ratio: float
    test: str
    statistic: float
    p_value: float
    power: FloatArray
    labels: tuple[str, ...]
    theta: float
    tau2: float
    limit: float
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a study."""
        import pandas as pd

        return pd.DataFrame({"label": self.labels, "power": self.power})

    def summary(self) -> pd.DataFrame:
        """Return the test as one row."""
        import pandas as pd

        names = ("observed", "expected", "ratio", "test", "statistic", "p_value", "theta", "tau2", "limit")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def _sentence(self) -> str:
        seen = f"{self.observed} significant studies where {self.expected:.3g} are expected"
        return f"{seen}, P = {self.p_value:.3g} ({self.test})."


def test_excess_significance(
    fit: Result,
    *,
    kind: str = "exact",  # noqa: PT028
    alternative: str = "two-sided",  # noqa: PT028
    alpha: float = 0.05,  # noqa: PT028
    limit_alpha: float = 0.1,  # noqa: PT028
) -> ExcessSignificance:
    """Compare the number of significant studies with the sum of their powers at the pooled effect.

    The power of study i is P(|yᵢ|/√vᵢ > z) for yᵢ ~ N(μ, vᵢ + τ²).

    Parameters
    ----------
    fit
        A fitted result of any model of one mean with one τ² (or none), of independent rows. Rows without a variance are
        left out, and the notes name them.
    kind
        ``exact`` (Poisson-binomial), ``chi2``, or ``binomial`` with the mean power.
    alternative
        What the studies tested: ``two-sided``, ``greater`` or ``less``.
    alpha, limit_alpha
        Level of the studies' tests; level that defines the limit estimate.

    Returns
    -------
    ExcessSignificance
        Observed and expected numbers of significant studies, and the test.

    Raises
    ------
    OptionError, UnknownName
        Moderators; several between-study variances; names that do not exist.
    DependentRows
        Rows that share patients.

    See Also
    --------
    selection_model : Selection by p value, modelled.

    References
    ----------
    Ioannidis & Trikalinos 2007, doi:10.1177/1740774507079441; Francis 2013, doi:10.1016/j.jmp.2013.02.003.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.checks.test_excess_significance(lam.pool(table, model="common")).observed
    1
    """
    a_choice("kind", kind, TESTS)
    a_choice("alternative", alternative, SIDES)
    alpha = a_number("alpha", alpha, above=0, below=1)
    limit_alpha = a_number("limit_alpha", limit_alpha, above=0, below=1)
    what = "the test of excess significance"
    found = estimates_of(fit, what)
    source = mean_only(found, fit, what)
    yi, vi = found.y, found.v
    tau2 = source.t * source.scale**2 if found.own else one_tau2(fit)
    if math.isnan(tau2):
        raise OptionError(f"{what} needs one τ², and {fit.spec.label} has several · {estimates_remedy(fit)}")
    theta = float(fit.estimate)
    observed = int(_significant(yi / np.sqrt(vi), alpha, alternative).sum())
    power = _power(theta, tau2, vi, alpha, alternative)
    statistic, p = _compare(observed, power, kind)
    limit = _limit(theta, tau2, vi, alpha, alternative, observed, kind, limit_alpha)
    expected = float(power.sum())
    return ExcessSignificance(
        observed,
        expected,
        observed / expected,
        kind,
        statistic,
        p,
        power,
        source.labels,
        theta,
        tau2,
        limit,
        (*found.notes, *caution(source.k)),
    )


test_excess_significance.__test__ = False  # type: ignore[attr-defined]


def _significant(z: FloatArray, alpha: float, alternative: str) -> FloatArray:
    if alternative == "two-sided":
        return np.asarray(np.abs(z) >= -special.ndtri(alpha / 2))
    return np.asarray((z if alternative == "greater" else -z) >= -special.ndtri(alpha))


def _power(theta: float, tau2: float, vi: FloatArray, alpha: float, alternative: str) -> FloatArray:
    total, se = np.sqrt(vi + tau2), np.sqrt(vi)
    if alternative == "two-sided":
        z = -special.ndtri(alpha / 2) * se
        return np.asarray(special.ndtr((theta - z) / total) + special.ndtr((-theta - z) / total))
    sign = 1.0 if alternative == "greater" else -1.0
    return np.asarray(special.ndtr((sign * theta + special.ndtri(alpha) * se) / total))


def _compare(observed: int, power: FloatArray, test: str) -> tuple[float, float]:
    """Return the χ² statistic (nan for exact tests) and the one-sided p value of too many significant studies."""
    k, expected = power.size, float(power.sum())
    if test == "chi2":
        gap = observed - expected
        room = expected * (k - expected) / k
        statistic = gap**2 / room if room > 0 else (math.inf if gap else 0.0)
        return statistic, float(special.ndtr(-math.copysign(math.sqrt(statistic), gap)))
    if test == "binomial":
        return math.nan, float(special.bdtrc(observed - 1, k, expected / k)) if observed else 1.0
    mass = np.ones(1)
    for p in power:
        mass = np.convolve(mass, [1 - p, p])
    return math.nan, min(1.0, float(mass[observed:].sum()))


def _limit(
    theta: float, tau2: float, vi: FloatArray, alpha: float, alternative: str, observed: int, test: str, level: float
) -> float:
    """Return the effect on the side of ``theta`` at which the p value equals ``level``."""
    from scipy.optimize import brentq

    sign = math.copysign(1.0, theta) if alternative == "two-sided" else (1.0 if alternative == "greater" else -1.0)

    def excess(size: float) -> float:
        return _compare(observed, _power(sign * size, tau2, vi, alpha, alternative), test)[1] - level

    low, high = 0.0, 10 * float(np.sqrt(vi.max() + tau2))
    if not excess(low) < 0 < excess(high):
        return math.nan
    return sign * float(brentq(excess, low, high, xtol=1e-14, rtol=1e-13))
