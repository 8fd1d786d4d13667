"""Standard deviations that a study does not print, imputed from those of the other studies with their uncertainty.

Variances of studies follow a scaled inverse χ² law, σ² ~ d₀ s₀²/χ²(d₀), whose d₀ and s₀² are estimated from the
printed SDs by the moments of log s² (Smyth 2004, doi:10.2202/1544-6115.1027). Under it a mean of n patients without an
SD is t-distributed with variance E σ²/n, E σ² = s₀² d/(d − 2): the missing SD makes the row weigh less, the more so
the more the SDs of studies differ. d lies below d₀ by what is not known of s₀².
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..foundation.errors import InputError, OptionError
from ..foundation.lineage import Step
from .measures.base import FloatArray

__all__ = ["IMPUTED", "MEASURES_WITH", "ImputedSd", "imputed_sd"]

MEASURES_WITH = ("MD", "MN")
"""Measures whose estimate does not depend on the SD, and whose variance is proportional to its square."""
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
    gone = ", ".join(labels[int(i)] for i in np.flatnonzero(missing))
    if use.sum() < FEWEST:
        raise InputError(
            f"column {column!r} has {int(use.sum())} standard deviations, {FEWEST} are needed to impute those of {gone}"
            " · find the SDs (from a standard error, an interval or a p value), or leave these rows out by hand"
        )
    df, scale = _law(sd[use] ** 2, n[use] - 1)
    if df <= 2:
        raise OptionError(
            f"the standard deviations in column {column!r} differ so much ({sd[use].min():.3g} to {sd[use].max():.3g})"
            f" that a missing one has no expectation · leave out by hand: {gone}"
        )
    value = math.sqrt(scale * df / (df - 2))
    said = f"{df:.3g}" if df < MOST_DF else "∞"
    step = Step(
        "impute_sd",
        f"{column} imputed as {value:.4g} from {int(use.sum())} studies (s₀ = {math.sqrt(scale):.4g}, d = {said})",
        "√{s₀² d/(d − 2)}",
        "Smyth 2004, doi:10.2202/1544-6115.1027",
        "the SD is one of the kind that the other studies print",
    )
    return ImputedSd(np.where(missing, value, sd), missing, step)


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
