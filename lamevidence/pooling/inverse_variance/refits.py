"""One fit again on subsets of its studies: a batch of masked data sets through the pooling kernel.

An absent study has variance inf, so that leave-one-out, cumulative and all-subsets analyses are the same call.
`OneTau2.refit_each` puts the arrays of this module into `SubsetFits`, which all models share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError, NotEstimable, OptionError, TooFewStudies
from ...results.subset_fits import Mask
from ..kernel.kernels import Projection
from ..scale.batch import INTERVALS_FOR_MANY, ManyFits, fit_many

if TYPE_CHECKING:
    from ..regression.regression_results import Regression
    from .pooled import Pooled

__all__ = ["CentredFits", "Fit", "Mask", "Source", "Sourced", "refit", "refits_of", "source_of"]

Fit: TypeAlias = "Pooled | Regression"

PIECE = 1_500_000
"""Numbers (subsets × grid × studies) worked on at once."""
GRID = 24
ALONE = 1e-10
"""A study whose unweighted leverage is this close to 1 cannot be left out of its design."""


@dataclass(frozen=True, slots=True)
class Source:
    """The data of a fit, centred: value = offset + scale × centred value.

    Attributes
    ----------
    y, v
        Centred estimates and variances of the k studies that count.
    X
        Orthonormal basis of the design (k, p), None for a common mean.
    back
        Coefficients of the design are ``back @`` coefficients of the basis.
    method
        Estimator of τ², ``none`` or ``fixed``.
    t
        τ² of the whole, centred.
    interval, level
        Interval method and confidence level.
    """

    table: EvidenceTable
    labels: tuple[str, ...]
    y: FloatArray
    v: FloatArray
    X: FloatArray | None
    back: FloatArray
    shift: FloatArray
    names: tuple[str, ...]
    method: str
    t: float
    interval: str
    level: float
    scale: float
    rows: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.y.size

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return 1 if self.X is None else int(self.X.shape[1])

    @property
    def design(self) -> FloatArray:
        """The basis, a column of ones for a common mean."""
        return np.ones((self.k, 1)) if self.X is None else self.X

    def df(self, k: FloatArray) -> FloatArray:
        """Return the degrees of freedom of intervals for subsets of k studies; inf for z and for one study."""
        whole = np.asarray(k, dtype=np.float64)
        if self.interval == "z":
            return np.full(whole.shape, np.inf)
        return np.where(whole > self.p, whole - self.p, np.inf)

    def variance_factor(self, factor: FloatArray) -> FloatArray:
        """Return what multiplies the Wald variance under the interval method."""
        if self.interval == "HKSJ":
            return factor
        return np.maximum(1.0, factor) if self.interval == "HKSJ-floor" else np.ones_like(factor)


class Sourced(ABC):
    """A result of estimates and variances, whose subsets the batch can fit."""

    __slots__ = ()

    @abstractmethod
    def _source(self) -> Source:
        """Return the centred data behind the fit."""

    @abstractmethod
    def _weights_of_its_own(self) -> bool:
        """Whether the mean has other weights than 1/(v + τ²)."""


def source_of(fit: object, what: str, *, needed: int = 1) -> Source:
    """Return the data behind a fit, or refuse with the reason.

    Parameters
    ----------
    fit
        A `Pooled` or a `Regression`.
    what
        What needs the data, in the words of a message.
    needed
        Fewest studies.

    Raises
    ------
    OptionError
        Results of counts, of one-step or Bayesian models; own weights; interval methods without a batch form.
    TooFewStudies
        Fewer than ``needed`` studies.
    NotEstimable
        A variance of 0.
    """
    if not isinstance(fit, Sourced):
        raise OptionError(
            f"{what} needs estimates with variances pooled by lam.pool, not {type(fit).__name__}"
            " · use lam.pool(table, model='random')"
        )
    source = fit._source()
    if fit._weights_of_its_own():
        raise OptionError(
            f"{what} is defined for inverse-variance weights · leave weights out, model='random' or 'common'"
        )
    if source.interval not in INTERVALS_FOR_MANY:
        choices = ", ".join(INTERVALS_FOR_MANY)
        raise OptionError(f"{what} has no form for interval={source.interval!r} · choices: {choices}")
    if source.k < needed:
        raise TooFewStudies(what, source.k, needed)
    if (source.v <= 0).any():
        raise NotEstimable(f"{what} divides by the variances, and one of them is 0 · leave that study out")
    return source


@dataclass(frozen=True, slots=True)
class CentredFits:
    """Fits on m subsets, on the scale of the analysis; nan where a subset cannot be fitted.

    Attributes
    ----------
    beta, cov
        Coefficients (m, p) and their covariance under the interval method (m, p, p).
    basis, basis_cov
        The same on the centred scale and on the basis, without the factor of the interval.
    factor
        What multiplies the Wald variance.
    tau2, q, typical
        τ², Q and the typical variance of each subset, on the scale of the analysis (Q has none).
    t
        τ², centred.
    k, df
        Studies of each subset, degrees of freedom of its intervals.
    """

    beta: FloatArray
    cov: FloatArray
    basis: FloatArray
    basis_cov: FloatArray
    factor: FloatArray
    tau2: FloatArray
    q: FloatArray
    typical: FloatArray
    t: FloatArray
    k: FloatArray
    df: FloatArray

    def rows(self, at: NDArray[np.intp]) -> CentredFits:
        """Return the fits at these positions."""
        if at.size == self.k.size and (at == np.arange(at.size)).all():
            return self
        return CentredFits(*(getattr(self, name)[at] for name in CentredFits.__slots__))

    @property
    def se(self) -> FloatArray:
        """Standard errors, (m, p)."""
        return np.asarray(np.sqrt(np.diagonal(self.cov, axis1=1, axis2=2)))

    def bounds(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds of the coefficients, (m, p) each."""
        upper = 0.5 + level / 2
        # deletions all have the same degrees of freedom: one quantile will do
        df = self.df[:1] if self.df.size and (self.df == self.df[0]).all() else self.df
        finite = np.where(np.isinf(df), 1.0, df)
        half = np.where(np.isinf(df), special.ndtri(upper), special.stdtrit(finite, upper))[:, None] * self.se
        return self.beta - half, self.beta + half

    def test(self, null: float) -> tuple[FloatArray, FloatArray]:
        """Return statistics and two-sided p values of coefficients equal to ``null``, (m, p) each."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(self.se > 0, (self.beta - null) / self.se, np.nan)
        df = self.df[:, None]
        finite = np.where(np.isinf(df), 1.0, df)
        return z, 2 * np.where(np.isinf(df), special.ndtr(-np.abs(z)), special.stdtr(finite, -np.abs(z)))

    def heterogeneity(self, p: int, common: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the p value of Q, I² in percent and H²; from Q in common-effect models, else from τ²."""
        df = self.k - p
        with np.errstate(divide="ignore", invalid="ignore"):
            q_p = np.where(df > 0, special.chdtrc(np.maximum(df, 1), self.q), np.nan)
            if common:
                i2 = np.where(self.q > 0, np.maximum(0.0, 100 * (self.q - df) / self.q), 0.0)
                h2 = self.q / df
            else:
                i2, h2 = 100 * self.tau2 / (self.tau2 + self.typical), 1 + self.tau2 / self.typical
        return q_p, np.where(df > 0, i2, np.nan), np.where(df > 0, h2, np.nan)


def refit(source: Source, masks: Mask) -> CentredFits:
    """Return the fit of every subset: rows of ``masks`` (m, k) are True where a study stays."""
    step = max(1, PIECE // (GRID * source.k))
    parts = [_piece(source, masks[i : i + step]) for i in range(0, masks.shape[0], step)]
    return CentredFits(*(np.concatenate([getattr(part, name) for part in parts]) for name in CentredFits.__slots__))


def _estimable(source: Source, masks: Mask) -> Mask:
    """Return which subsets leave more studies than coefficients (or one study) and a full-rank design.

    With τ² known and z tests, as many studies as coefficients are enough: nothing is estimated from the residuals.
    """
    size = masks.sum(axis=1)
    if source.X is None:
        return np.asarray(size >= 2)
    known = source.method in ("none", "fixed") and source.interval == "z"
    enough = size >= source.p if known else size > source.p
    grams = np.einsum("mk,ki,kj->mij", masks.astype(np.float64), source.X, source.X)
    return np.asarray(enough & (np.linalg.eigvalsh(grams)[:, 0] > ALONE))


def _piece(source: Source, masks: Mask) -> CentredFits:
    m, p = masks.shape[0], source.p
    v = np.where(masks, source.v, np.inf)
    y = np.where(masks, source.y, 0.0)
    good = _estimable(source, masks)
    beta, cov = np.full((m, p), np.nan), np.full((m, p, p), np.nan)
    factor, t, q, typical = (np.full(m, np.nan) for _ in range(4))
    if good.any():
        known = np.full(int(good.sum()), source.t) if source.method == "fixed" else None
        with np.errstate(invalid="ignore", divide="ignore"):
            found = fit_many(y[good], v[good], source.method, source.X, known)
        _check_status(found, source)
        beta[good], t[good] = found.beta, found.t
        cov[good] = (found.se**2)[:, :, None] if found.cov is None else found.cov
        factor[good] = source.variance_factor(found.factor)
        plain = Projection(1.0 / v[good], source.X)
        r = plain.residuals(y[good])
        q[good] = np.add.reduce(plain.w * r * r, axis=-1)
        df = masks[good].sum(axis=1) - p
        typical[good] = np.divide(df, plain.trace(), out=np.full(df.size, np.nan), where=df > 0)
    single = masks.sum(axis=1) == 1
    if source.X is None and single.any():
        at = masks[single].argmax(axis=1)
        beta[single, 0], cov[single, 0, 0], factor[single], q[single] = source.y[at], source.v[at], 1.0, 0.0
    return refits_of(source, beta, cov, factor, t, q, typical, masks.sum(axis=1).astype(np.float64))


def refits_of(
    source: Source,
    beta: FloatArray,
    cov: FloatArray,
    factor: FloatArray,
    t: FloatArray,
    q: FloatArray,
    typical: FloatArray,
    k: FloatArray,
) -> CentredFits:
    """Return fits on the centred scale and the basis, put on the scale of the analysis too."""
    s2 = source.scale**2
    whole = s2 * factor[:, None, None] * (source.back @ cov @ source.back.T)
    shifted = source.scale * beta @ source.back.T + source.shift
    return CentredFits(shifted, whole, beta, cov, factor, s2 * t, q, s2 * typical, t, k, source.df(k))


def _check_status(found: ManyFits, source: Source) -> None:
    if found.status.any():
        raise ConvergenceError(
            f"tau2={source.method!r} did not arrive at its root in a subset · please report these data"
        )
