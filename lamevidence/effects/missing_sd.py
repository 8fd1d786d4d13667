"""Standard deviations that a study does not print, imputed from those of the other studies with their uncertainty.

Variances of studies follow a scaled inverse χ² law, σ² ~ d₀ s₀²/χ²(d₀), whose d₀ and s₀² are estimated from the
printed SDs by the moments of log s² (Smyth 2004, doi:10.2202/1544-6115.1027). Under it a mean of n patients without an
SD is t-distributed with variance E σ²/n, E σ² = s₀² d/(d − 2): the missing SD makes the row weigh less, the more so
the more the SDs of studies differ. d lies below d₀ by what is not known of s₀².

A standardised mean difference is divided by the SD too. s₀²/σ² ~ χ²(d)/d is what s²/σ² would be on d degrees of
freedom, so that (m₁ − m₂)/s₀ is noncentral t on d degrees of freedom in place of n₁ + n₂ − 2: Hedges' J(d) makes it
unbiased, over the law of σ, and his unbiased variance (1983) 1/n₁ + 1/n₂ + {1 − (d − 2)/(d J²)} g² is that of estimate
and SD together. Where one arm prints its SD on ν degrees of freedom, and arms have one σ, the SD of both is
√{(d s₀² + ν s²)/(d + ν)} on d + ν of them (Smyth's moderated variance).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..foundation.errors import InputError, OptionError
from ..foundation.lineage import Step
from .measures.base import Estimates, FloatArray
from .measures.mean_differences import pooled_variance
from .measures.small_sample import exact_j, unbiased_excess

__all__ = ["IMPUTED", "MEASURES_WITH", "STANDARDISED", "ImputedSd", "ImputedStandard", "imputed_sd", "imputed_standard"]

MEASURES_WITH = ("MD", "MN", "SMD", "SMDH")
"""Measures that can be had with an imputed SD."""
STANDARDISED = ("SMD", "SMDH")
"""Those of them that divide by it."""
IMPUTED = "were imputed from those of the other studies"
"""What the notes say of rows with an imputed SD."""
FEWEST = 3
"""Fewer printed SDs say nothing of how SDs of studies differ."""
MOST_DF = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class ImputedSd:
    """A column of SDs without gaps.

    Attributes
    ----------
    sd
        Printed, or √E σ² where none is, (k,).
    missing
        Where none is, (k,).
    step
        The `Step` of lineage of these rows.
    """

    sd: FloatArray
    missing: FloatArray
    step: Step


def imputed_sd(sd: FloatArray, n: FloatArray, column: str, labels: Sequence[str]) -> ImputedSd:
    """Return the SDs with those that are missing imputed.

    Parameters
    ----------
    sd, n
        Printed SDs, NaN where there is none, and patients, (k,).
    column
        Name of the column, for messages.
    labels
        Labels of the rows, for messages.

    Raises
    ------
    InputError
        Fewer than 3 SDs are printed, of two patients or more.
    OptionError
        They differ so much that E σ² does not exist.
    """
    missing = np.isnan(sd)
    use = ~missing & (n > 1) & (sd > 0)
    gone = _named(labels, missing)
    if use.sum() < FEWEST:
        raise _too_few(f"column {column!r} has {int(use.sum())} standard deviations", gone)
    df, scale = _law(sd[use] ** 2, n[use] - 1)
    if df <= 2:
        raise _too_unlike(f"the standard deviations in column {column!r}", sd[use], gone)
    value = math.sqrt(scale * df / (df - 2))
    said = _df_words(df)
    step = Step(
        "impute_sd",
        f"{column} imputed as {value:.4g} from {int(use.sum())} studies (s₀ = {math.sqrt(scale):.4g}, d = {said})",
        "√{s₀² d/(d − 2)}",
        "Smyth 2004, doi:10.2202/1544-6115.1027",
        "the SD is one of the kind that the other studies print",
    )
    return ImputedSd(np.where(missing, value, sd), missing, step)


@dataclass(frozen=True, slots=True, eq=False)
class ImputedStandard:
    """SDs of two arms without gaps, and what stands for the SD of the rows that had one.

    Attributes
    ----------
    sd1i, sd2i
        Printed, or the SD imputed where there is none, (k,).
    rows
        The rows with an imputed SD, (r,).
    sd, df
        What they are standardised by, and its degrees of freedom, (r,).
    arms
        Variance of the difference of means over that of one patient, (r,).
    steps
        Their `Step` of lineage.
    """

    sd1i: FloatArray
    sd2i: FloatArray
    rows: NDArray[np.intp]
    sd: FloatArray
    df: FloatArray
    arms: FloatArray
    steps: tuple[Step, ...]

    def put_into(self, made: Estimates, data: Mapping[str, FloatArray], options: Mapping[str, Any]) -> Estimates:
        """Return the estimates with those of the rows that had a gap: unbiased, with Hedges' unbiased variance."""
        yi, vi = made.yi.copy(), made.vi.copy()
        d = (data["m1i"] - data["m2i"])[self.rows] / self.sd
        g = d * exact_j(self.df) if options.get("correct", True) else d
        yi[self.rows] = -g if options.get("flip", False) else g
        vi[self.rows] = self.arms + unbiased_excess(self.df) * g * g
        yi.flags.writeable = vi.flags.writeable = False
        return Estimates(yi, vi)


def imputed_standard(measure: str, data: Mapping[str, FloatArray], labels: Sequence[str]) -> ImputedStandard | None:
    """Return what stands for the missing SDs of a standardised mean difference; None where none is missing.

    Parameters
    ----------
    measure
        ``SMD``: arms of a study have one σ. ``SMDH``: they have not, and the mean of their variances is imputed.
    data
        Columns ``m1i sd1i n1i m2i sd2i n2i``; missing SDs are NaN.
    labels
        Labels of the rows, for messages.

    Raises
    ------
    InputError
        Fewer than 3 rows print both SDs.
    OptionError
        These differ so much that the variance does not exist; or one arm alone lacks its SD, and arms may differ.
    """
    sd1, sd2, n1, n2 = (data[name] for name in ("sd1i", "sd2i", "n1i", "n2i"))
    lost = np.isnan(sd1) | np.isnan(sd2)
    if not lost.any():
        return None
    gone = _named(labels, lost)
    use = ~lost & (n1 + n2 > 2) & (sd1 + sd2 > 0)
    if measure == "SMDH":
        use &= (n1 > 1) & (n2 > 1)
    if use.sum() < FEWEST:
        raise _too_few(f"{int(use.sum())} rows print the standard deviations of both arms", gone)
    one_arm = lost & (np.isnan(sd1) != np.isnan(sd2))
    if measure == "SMDH" and one_arm.any():
        raise OptionError(
            f"one arm alone lacks its standard deviation in {_named(labels, one_arm)}, and SMDH takes arms to differ"
            ' · measure="SMD" takes the other arm to tell of it; or leave these rows out by hand'
        )
    v1, v2 = sd1[use] ** 2, sd2[use] ** 2
    f1, f2 = n1[use] - 1, n2[use] - 1
    if measure == "SMD":
        pooled, share = pooled_variance(sd1[use], n1[use], sd2[use], n2[use]), 1.0
        df, scale = _law(pooled, f1 + f2)
    else:
        pooled = (v1 + v2) / 2
        share = float(np.mean(v1 / pooled))
        df, scale = _law(pooled, (v1 + v2) ** 2 / (v1**2 / f1 + v2**2 / f2))
    rows = np.flatnonzero(lost)
    # what the row itself prints: nothing, or the SD of one arm
    known = [np.nan_to_num((n[rows] - 1) * np.where(np.isnan(sd[rows]), 0.0, 1.0)) for n, sd in ((n1, sd1), (n2, sd2))]
    own = known[0] + known[1]
    square = known[0] * np.nan_to_num(sd1[rows]) ** 2 + known[1] * np.nan_to_num(sd2[rows]) ** 2
    total = df + own
    if (total <= 2).any():
        raise _too_unlike("the standard deviations of the rows that print both", np.sqrt(pooled), gone)
    standard = np.sqrt((df * scale + square) / total)
    filled = []
    for sd in (sd1, sd2):
        new = sd.copy()
        new[rows] = np.where(np.isnan(sd[rows]), standard, sd[rows])
        filled.append(new)
    words = f"from {int(use.sum())} studies (s₀ = {math.sqrt(scale):.4g}, d = {_df_words(df)})"
    steps = tuple(
        Step(
            "impute_sd",
            f"standardised by {s:.4g}, {words}{f' and the printed arm (ν = {nu:.4g})' if nu else ''}",
            "g = J(m) (m₁ − m₂)/√{(d s₀² + ν s²)/m}, m = d + ν; 1/n₁ + 1/n₂ + {1 − (m − 2)/(m J²)} g²",
            "Smyth 2004, doi:10.2202/1544-6115.1027; Hedges 1983, doi:10.1037/0033-2909.93.2.388",
            "the outcome is measured on the scale of the other studies, and its SD is one of their kind",
        )
        for s, nu in zip(standard.tolist(), own.tolist(), strict=True)
    )
    arms = share / n1[rows] + (2.0 - share) / n2[rows]
    return ImputedStandard(filled[0], filled[1], rows, standard, total, np.asarray(arms), steps)


def _named(labels: Sequence[str], rows: NDArray[np.bool_]) -> str:
    return ", ".join(labels[int(i)] for i in np.flatnonzero(rows))


def _df_words(df: float) -> str:
    return f"{df:.3g}" if df < MOST_DF else "∞"


def _too_few(found: str, gone: str) -> InputError:
    return InputError(
        f"{found}, {FEWEST} are needed to impute those of {gone}"
        " · find the SDs (from a standard error, an interval or a p value), or leave these rows out by hand"
    )


def _too_unlike(what: str, sd: FloatArray, gone: str) -> OptionError:
    return OptionError(
        f"{what} differ so much ({sd.min():.3g} to {sd.max():.3g})"
        f" that a missing one has no expectation · leave out by hand: {gone}"
    )


def _law(s2: FloatArray, df: FloatArray) -> tuple[float, float]:
    """Return d and s₀² of the law of σ² from variances with their degrees of freedom, by the moments of log s²."""
    e = np.log(s2) - special.digamma(df / 2) + np.log(df / 2)
    noise = special.polygamma(1, df / 2)
    k = s2.size
    between = max(0.0, float(((e - e.mean()) ** 2).sum() / (k - 1) - noise.mean()))
    # what is not known of the centre widens the law of log σ² of one more study
    spread = between + float((between + noise).sum()) / k**2
    d = 2 * _inverse_trigamma(spread)
    d0 = 2 * _inverse_trigamma(between) if between > 0 else math.inf
    shift = float(special.digamma(d0 / 2)) - math.log(d0 / 2) if math.isfinite(d0) else 0.0
    return d, math.exp(float(e.mean()) + shift)


def _inverse_trigamma(y: float) -> float:
    """Return x with ψ′(x) = y."""
    from scipy.optimize import brentq

    if y < 2 / MOST_DF:
        return MOST_DF / 2
    return float(brentq(lambda x: float(special.polygamma(1, x)) - y, 1e-8, MOST_DF, xtol=1e-12))
