"""Combining p values of independent one-sided tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.foreign_data import paired
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..foundation.catalog import Catalog
from ..foundation.errors import InputError, OptionError, TooFewStudies
from ..foundation.options import a_number, a_whole
from .check_result import CheckResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COMBINATIONS", "CombinedP", "combine_p_values"]


@dataclass(frozen=True, slots=True, repr=False)
class CombinedP(CheckResult):
    """A combined p value.

    Attributes
    ----------
    method, title, reference
        Code, words, source.
    p_value
        Combined one-sided p value.
    statistic, df
        Test statistic and its degrees of freedom, nan where the method has none.
    k
        Number of p values.
    """

    method: str
    title: str
    reference: str
    p_value: float
    statistic: float
    df: float
    k: int
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        import pandas as pd

        names = ("method", "k", "statistic", "df", "p_value")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> pd.DataFrame:
        """Return one row."""
        return self.to_frame().set_index("method")

    def _sentence(self) -> str:
        return f"{self.k} p values combined ({self.title}): P = {self.p_value:.3g}."


Answer: TypeAlias = tuple[float, float, float]
Combination: TypeAlias = Callable[[FloatArray, dict[str, Any]], Answer]
COMBINATIONS: Catalog[Combination] = Catalog("combination of p values")
_OPTIONS = {
    "stouffer": ("weights",),
    "invchisq": ("df",),
    "invt": ("df",),
    "wilkinson": ("rank",),
    "truncated": ("threshold",),
    "rank-truncated": ("rank",),
    "votes": ("threshold",),
}
ENDS = {
    "fisher": (False, True),
    "invchisq": (False, True),
    **dict.fromkeys(
        ("edgington", "meanp", "tippett", "maximum", "wilkinson", "truncated", "rank-truncated", "votes"), (True, True)
    ),
}
"""Whether a method takes p = 0 and p = 1, which exact tests give; the others need the open interval."""
_NONE = math.nan


@paired
def combine_p_values(p: ArrayLike, method: str = "fisher", **options: Any) -> CombinedP:  # noqa: ANN401
    """Combine p values of k independent one-sided tests of the same direction.

    Parameters
    ----------
    p
        p values between 0 and 1. A p of 0 or 1 is taken where the method stays finite: not by ``stouffer``, ``meanz``,
        ``logit`` and ``invt``, and 0 not by ``fisher`` and ``invchisq``.
    method
        ``fisher`` (−2Σ log p), ``stouffer`` (Σz/√k; ``weights``), ``meanz`` (mean of z over its estimated standard
        error), ``edgington`` (Σp), ``meanp`` (normal approximation of it), ``tippett`` (smallest), ``maximum``
        (largest), ``wilkinson`` (``rank``-th smallest), ``logit``, ``invchisq`` (``df``), ``invt`` (``df``),
        ``truncated`` (product of those up to ``threshold``), ``rank-truncated`` (product of the ``rank`` smallest),
        ``votes`` (sign test of p below ``threshold`` against p above 1 − ``threshold``).
    **options
        ``weights``, ``df``, ``rank`` or ``threshold``, as named above.

    Returns
    -------
    CombinedP
        Statistic and combined p value.

    Raises
    ------
    UnknownName, OptionError, InputError
        No such method; an option of another method, missing or out of range; values outside 0 to 1.

    See Also
    --------
    fail_safe_n : How many null results would overturn the answer.

    References
    ----------
    Becker 1994, in Cooper & Hedges, The Handbook of Research Synthesis, chapter 15; Zaykin et al. 2002,
    doi:10.1002/gepi.0042.

    Examples
    --------
    >>> import lamevidence as lam
    >>> round(lam.checks.combine_p_values([0.01, 0.2, 0.3]).p_value, 4)
    0.0216
    """
    entry = COMBINATIONS.entry(method)
    allowed = _OPTIONS.get(method, ())
    for name in options:
        if name not in allowed:
            raise OptionError(f"method={method!r} has no option {name!r} · options: {', '.join(allowed) or 'none'}")
    for name in allowed:
        if name not in options and name != "weights":
            raise OptionError(f"method={method!r} needs {name} · give {name}=…")
    values = floats(p, "p", "give p values strictly between 0 and 1")
    zero, one = ENDS.get(method, (False, False))
    inside = ((values > 0) | (zero & (values == 0))) & ((values < 1) | (one & (values == 1)))
    if values.ndim != 1 or not inside.all():
        least, most = "≥ 0" if zero else "above 0", "≤ 1" if one else "below 1"
        raise InputError(
            f"p values of method {method!r} must be {least} and {most}, in one dimension · NaN is not a p value"
        )
    if values.size < 2:
        raise TooFewStudies("a combination of p values", values.size, 2)
    statistic, df, combined = entry.item(values, options)
    return CombinedP(method, entry.title, entry.reference, float(combined), float(statistic), float(df), values.size)


def _degrees(options: dict[str, Any]) -> float:
    return a_number("df", options["df"], above=0)


@COMBINATIONS.register("fisher", title="Fisher, sum of logs", reference="Fisher 1932")
def _fisher(p: FloatArray, options: dict[str, Any]) -> Answer:
    statistic = -2 * np.log(p).sum()
    return statistic, 2 * p.size, special.chdtrc(2 * p.size, statistic)


@COMBINATIONS.register("stouffer", title="Stouffer, sum of z", reference="Stouffer 1949")
def _stouffer(p: FloatArray, options: dict[str, Any]) -> Answer:
    w = np.ones(p.size) if options.get("weights") is None else floats(options["weights"], "weights")
    if w.shape != p.shape or not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise InputError("weights must be one finite number ≥ 0 for each p value")
    statistic = -(w @ special.ndtri(p)) / math.sqrt(w @ w)
    return statistic, _NONE, special.ndtr(-statistic)


@COMBINATIONS.register("meanz", title="mean of z over its standard error", reference="Becker 1994")
def _mean_z(p: FloatArray, options: dict[str, Any]) -> Answer:
    z = -special.ndtri(p)
    spread = z.std(ddof=1)
    if spread == 0:
        raise InputError("all p values are equal: the mean of z has no standard error · use method='stouffer'")
    statistic = z.mean() / (spread / math.sqrt(p.size))
    return statistic, _NONE, special.ndtr(-statistic)


@COMBINATIONS.register("edgington", title="Edgington, sum of p", reference="10.1080/00223980.1972.9924813")
def _edgington(p: FloatArray, options: dict[str, Any]) -> Answer:
    """Return P(sum of k uniforms ≤ Σp), summed exactly in rational arithmetic where it would cancel."""
    k, total = p.size, sum((Fraction(float(x)) for x in p), Fraction(0))
    upper = total > Fraction(k, 2)
    s = k - total if upper else total
    value = sum(((-1) ** j * math.comb(k, j) * (s - j) ** k for j in range(int(s) + 1)), Fraction(0))
    share = float(value / math.factorial(k))
    return float(total), _NONE, 1 - share if upper else share


@COMBINATIONS.register("meanp", title="mean of p, normal approximation", reference="Becker 1994")
def _mean_p(p: FloatArray, options: dict[str, Any]) -> Answer:
    statistic = (0.5 - p.mean()) * math.sqrt(12 * p.size)
    return statistic, _NONE, special.ndtr(-statistic)


@COMBINATIONS.register("tippett", title="Tippett, smallest p", reference="Tippett 1931")
def _tippett(p: FloatArray, options: dict[str, Any]) -> Answer:
    with np.errstate(divide="ignore"):  # all p = 1
        return p.min(), _NONE, -np.expm1(p.size * np.log1p(-p.min()))


@COMBINATIONS.register("maximum", title="largest p", reference="Becker 1994")
def _maximum(p: FloatArray, options: dict[str, Any]) -> Answer:
    return p.max(), _NONE, p.max() ** p.size


@COMBINATIONS.register("wilkinson", title="Wilkinson, r-th smallest p", reference="10.1037/h0059111")
def _wilkinson(p: FloatArray, options: dict[str, Any]) -> Answer:
    r = a_whole("rank", options["rank"], 1, p.size)
    value = float(np.sort(p)[r - 1])
    return value, _NONE, special.betainc(r, p.size + 1 - r, value)


@COMBINATIONS.register("logit", title="sum of logits", reference="Becker 1994")
def _logit(p: FloatArray, options: dict[str, Any]) -> Answer:
    k = p.size
    scale = math.sqrt(k * math.pi**2 * (5 * k + 2) / (3 * (5 * k + 4)))
    statistic, df = -special.logit(p).sum() / scale, 5 * k + 4
    return statistic, df, special.stdtr(df, -statistic)


@COMBINATIONS.register("invchisq", title="sum of inverse χ²", reference="10.1007/BF02291709")
def _inverse_chi2(p: FloatArray, options: dict[str, Any]) -> Answer:
    each = _degrees(options)
    statistic, df = special.chdtri(each, p).sum(), each * p.size
    return statistic, df, special.chdtrc(df, statistic)


@COMBINATIONS.register("invt", title="sum of inverse t", reference="Becker 1994")
def _inverse_t(p: FloatArray, options: dict[str, Any]) -> Answer:
    df = _degrees(options)
    if df <= 2:
        raise OptionError(f"df={df:g} must be above 2: the variance of t is used")
    statistic = -special.stdtrit(df, p).sum() / math.sqrt(p.size * df / (df - 2))
    return statistic, _NONE, special.ndtr(-statistic)


@COMBINATIONS.register("truncated", title="truncated product", reference="10.1002/gepi.0042")
def _truncated(p: FloatArray, options: dict[str, Any]) -> Answer:
    """Return P(product of the p ≤ threshold is as small), a binomial mixture of gamma tails."""
    edge = a_number("threshold", options["threshold"], above=0, most=1)
    kept = p[p <= edge]
    if kept.size == 0:
        return 0.0, _NONE, 1.0
    with np.errstate(divide="ignore"):
        product = float(np.log(kept).sum())
    j = np.arange(1, p.size + 1)
    tail = special.gammaincc(j, np.maximum(0.0, j * math.log(edge) - product))
    chance = special.bdtr(j, p.size, edge) - special.bdtr(j - 1, p.size, edge)
    return -2 * product, _NONE, float(np.sum(chance * tail))


@COMBINATIONS.register("rank-truncated", title="product of the r smallest p", reference="10.1002/gepi.10264")
def _rank_truncated(p: FloatArray, options: dict[str, Any]) -> Answer:
    """Return P(product of the r smallest is as small): given the next one, r uniforms below it."""
    k, r = p.size, a_whole("rank", options["rank"], 1, p.size)
    with np.errstate(divide="ignore"):
        product = float(np.log(np.sort(p)[:r]).sum())
    if r == k or not math.isfinite(product):
        return -2 * product, _NONE, float(special.gammaincc(k, -product)) if r == k else 0.0
    # the integrand has a kink at t = exp(product/r), where the product of the uniforms can no longer exceed it
    kink = math.exp(product / r)
    x, w = np.polynomial.legendre.leggauss(200)
    total = float(special.betainc(r + 1, k - r, kink))
    t = kink + (1 - kink) * (x + 1) / 2
    log_density = (
        special.gammaln(k + 1)
        - special.gammaln(r + 1)
        - special.gammaln(k - r)
        + r * np.log(t)
        + (k - r - 1) * np.log1p(-t)
    )
    tail = special.gammaincc(r, np.maximum(0.0, r * np.log(t) - product))
    total += float((1 - kink) / 2 * (w * np.exp(log_density) * tail).sum())
    return -2 * product, _NONE, min(1.0, total)


@COMBINATIONS.register("votes", title="sign test of small against large p", reference="Becker 1994")
def _votes(p: FloatArray, options: dict[str, Any]) -> Answer:
    edge = a_number("threshold", options["threshold"], above=0, below=1)
    small, large = int((p < edge).sum()), int((p > 1 - edge).sum())
    return float(small), _NONE, float(special.bdtrc(small - 1, small + large, 0.5)) if small else 1.0
