"""Likelihood-ratio test of two multilevel models of the same data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..errors import InputError, OptionError
from ..options import an_instance

if TYPE_CHECKING:
    from .multilevel_results import MultilevelPooled

__all__ = ["LikelihoodRatio", "compare_multilevel"]


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """Statistic 2(ℓ₁ − ℓ₀), difference in parameters, p value from χ², and a caution where that is not exact."""

    statistic: float
    df: int
    p_value: float
    note: str = ""


def compare_multilevel(reduced: MultilevelPooled, full: MultilevelPooled) -> LikelihoodRatio:
    """Return the likelihood-ratio test of a reduced against a full model.

    Variances on the edge of their space make the χ² p value too large (Self and Liang 1987,
    10.1080/01621459.1987.10478472); the note says so.

    Raises
    ------
    InputError
        Different rows, V or method.
    OptionError
        REML with different fixed effects, or a full model that is not larger.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], [0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> multilevel(table).against(multilevel(table, random="1 | study")).df
    1
    """
    an_instance("the reduced model", reduced, type(full), "fit it with multilevel(table, random=…)")
    if reduced.table.k != full.table.k or (reduced.table.yi != full.table.yi).any():
        raise InputError("the two models were fitted to different rows · compare models of the same table")
    if reduced.covariance.shape != full.covariance.shape or (reduced.covariance != full.covariance).any():
        raise InputError("the two models have different sampling covariances V")
    if reduced.likelihood.restricted != full.likelihood.restricted:
        raise InputError("one model was fitted by REML and one by ML · fit both by the same method")
    same_mean = reduced.design.X.shape == full.design.X.shape and np.allclose(
        full.design.basis @ (full.design.basis.T @ reduced.design.X), reduced.design.X
    )
    if full.likelihood.restricted and not same_mean:
        raise OptionError("REML likelihoods with different moderators cannot be compared · fit both with method='ML'")
    df = full.parameters - reduced.parameters
    if df < 1:
        raise OptionError(
            f"the full model has {full.parameters} parameters, the reduced one {reduced.parameters} · swap them"
        )
    statistic = max(0.0, 2.0 * (full.log_likelihood - reduced.log_likelihood))
    on_edge = full.likelihood.size > reduced.likelihood.size
    note = "the hypothesis sets variances to 0, the edge of their space: the p value is too large" if on_edge else ""
    return LikelihoodRatio(statistic, df, float(special.chdtrc(df, statistic)), note)
