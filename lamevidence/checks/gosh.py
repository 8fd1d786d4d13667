"""All subsets of the studies, or many of them: does the answer come in one cloud, or in several?"""

from __future__ import annotations

import math

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from ..foundation.options import a_seed, a_whole
from ..pooling.inverse_variance.pooled import Pooled
from ..results.contract import Result
from ..results.subset_fits import Mask, SubsetFits
from .studies import a_result, inverse_variance, studies_of, term_of
from .tables import CheckTable

__all__ = ["gosh"]

ALL_SUBSETS = 15
"""Up to this many studies all subsets are fitted when no number is given."""
ALL_SUBSETS_ALONE = 10
"""The same for models that are fitted to one subset after the other."""
MANY = 2_000_000


def gosh(fit: Result, subsets: int | None = None, seed: int | None = None, term: str | None = None) -> CheckTable:
    """Fit the model to subsets of the studies: all of them, or a random sample.

    Parameters
    ----------
    fit
        A fitted result of any model. A study goes and comes with all its rows.
    subsets
        How many random subsets of at least two studies; all 2ᵏ − 1 when left out (k ≤ 15; k ≤ 10 for models that are
        fitted to one subset after the other).
    seed
        Seed of the sample; needed with ``subsets``.
    term
        Coefficient that is shown where the model has several; the first when left out.

    Returns
    -------
    CheckTable
        One row a subset: ``k`` (studies), ``estimate``, ``tau2``, ``q``, ``i2``, ``h2``, and ``included`` (m, s); I²
        and H² come from Q for a common effect and DerSimonian and Laird's τ², from τ² otherwise; they and τ² are NaN
        for single studies, everything is NaN for subsets that the model cannot be fitted to (column ``reason``).

    Raises
    ------
    TooFewStudies
        Fewer than three studies.
    OptionError
        Too many subsets and no number of them; a number without a seed.

    See Also
    --------
    leave_one_out : One study left out at a time.

    References
    ----------
    Olkin, Dahabreh & Trikalinos 2012, doi:10.1002/jrsm.1053.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> len(lam.checks.gosh(lam.pool(table, model="common")))
    15
    """
    what = "a GOSH analysis"
    result = a_result(fit, what)
    at = term_of(result, term)
    studies = studies_of(result, what, 3)
    batched = inverse_variance(result, what, needed=3)[0] is not None
    chosen = _subsets(studies.count, ALL_SUBSETS if batched else ALL_SUBSETS_ALONE, subsets, seed)
    masks = np.asarray(chosen.astype(np.intp) @ studies.rows.astype(np.intp) > 0)
    found = result.refit_each(masks)
    columns = {"k": chosen.sum(axis=1).astype(np.float64), "estimate": found.beta[:, at]}
    columns |= _spread(result, masks, found) | {"included": list(chosen)}
    reasons = {"reason": found.reasons} if any(found.reasons) else {}
    refused = sum(1 for reason in found.reasons if reason)
    notes = (f"{refused} of {len(chosen)} subsets cannot be fitted, for example: {_first(found.reasons)}",)
    kind = "all" if subsets is None else "random"
    low, high = _ends(found.beta[:, at])
    sentence = f"Estimates of {len(chosen)} subsets ({kind}) lie between {low:.4g} and {high:.4g}."
    return CheckTable(
        "gosh", "GOSH", columns | reasons, sentence, notes if refused else (), result, term=result.names[at]
    )


def _first(reasons: tuple[str, ...]) -> str:
    return next((reason for reason in reasons if reason), "")


def _ends(values: FloatArray) -> tuple[float, float]:
    good = values[np.isfinite(values)]
    return (float(good.min()), float(good.max())) if good.size else (math.nan, math.nan)


def _spread(fit: Result, masks: Mask, found: SubsetFits) -> dict[str, FloatArray]:
    """Return τ², Q, I² and H² of the subsets, I² and H² of moment estimators from Q (below 1 where Q is below df)."""
    size = masks.sum(axis=1)
    several = size > 1
    i2, h2 = found.i2, found.h2
    if isinstance(fit, Pooled) and fit.spec.model in ("random", "common", "fixed") and fit.spec.tau2 in ("none", "DL"):
        df = np.maximum(size - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            i2 = np.where(found.q > 0, np.maximum(0.0, 100 * (found.q - df) / found.q), 0.0)
        h2 = found.q / df
    columns = {"tau2": found.tau2, "q": found.q, "i2": i2, "h2": h2}
    return {name: x if name == "q" else np.where(several, x, np.nan) for name, x in columns.items()}


def _subsets(k: int, most: int, subsets: int | None, seed: int | None) -> Mask:
    if subsets is None:
        if k > most:
            raise OptionError(f"{k} studies have 2^{k} subsets · give subsets=1000 and seed=1")
        if seed is not None:
            raise OptionError("seed has no effect when all subsets are fitted · leave it out, or give subsets")
        codes = np.arange(1, 2**k)
        masks = (codes[:, None] >> np.arange(k)) & 1 == 1
        return np.asarray(masks)
    subsets, seed = a_whole("subsets", subsets, 1, MANY), a_seed(seed)
    if seed is None:
        raise OptionError("random subsets cannot be drawn again without a seed · give seed=1")
    random = np.random.default_rng(seed)
    sizes = random.integers(2, k + 1, size=subsets)
    order = random.random((subsets, k)).argsort(axis=1).argsort(axis=1)
    return np.asarray(order < sizes[:, None])
