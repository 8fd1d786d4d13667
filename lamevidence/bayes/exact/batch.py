"""Many posteriors at once: simulation, calibration and sensitivity surfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...effects.foreign_data import aligned
from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...effects.rows import MAX_MAGNITUDE
from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_choice, shown
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior, Flat, Normal, StudentT
from .batch_posterior import BatchPosterior, given_tau, halving_error, joined, place_nodes
from .batch_two_level import COLUMNS, two_level_batch
from .existence import existence

__all__ = ["NormalBatch", "pool_bayes_many"]

_STEP = 0.125
_REACH = 4.75
_CHUNK = 1000


@dataclass(frozen=True, slots=True, eq=False)
class NormalBatch(BatchPosterior):
    """Normal-normal posteriors: beside `BatchPosterior` mean and sd of μ given τ, ``loc`` and ``scale`` (D, J)."""

    loc: FloatArray
    scale: FloatArray

    def mu_cdf(self, x: ArrayLike) -> FloatArray:
        """P(μ ≤ x) for one x a data set, (D,)."""
        at = self._places(x)[:, None]
        return np.asarray((self.weight * special.ndtr((at - self.loc) / self.scale)).sum(1))

    def new_cdf(self, x: ArrayLike) -> FloatArray:
        """P(θ_new ≤ x) for one x a data set, (D,)."""
        at = self._places(x)[:, None]
        return np.asarray((self.weight * special.ndtr((at - self.loc) / np.hypot(self.scale, self.tau))).sum(1))

    @property
    def mu_mean(self) -> FloatArray:
        """Posterior mean of μ, (D,)."""
        return np.asarray((self.weight * self.loc).sum(1))

    @property
    def mu_sd(self) -> FloatArray:
        """Posterior standard deviation of μ, (D,)."""
        gap = self.loc - self.mu_mean[:, None]
        return np.asarray(np.sqrt((self.weight * (self.scale**2 + gap * gap)).sum(1)))


def pool_bayes_many(
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    *,
    mu: EffectPrior,
    tau: TauPrior,
    likelihood: str = "normal",
    df: ArrayLike | None = None,
    counts: Mapping[str, ArrayLike] | None = None,
) -> BatchPosterior:
    """Return the posteriors of D data sets of k studies each, under one prior.

    One fixed rule serves all data sets and is not refined: its error is estimated from the half of its nodes that a
    step twice as long would use, and reported for each data set as ``numerical_error``.

    Parameters
    ----------
    yi, vi
        Estimates and variances, (D, k), for ``normal`` and ``t``.
    mu, tau
        Priors; τ unbounded above and not defined by the standard errors. `StudentT` for μ needs another likelihood
        than ``normal``.
    likelihood
        ``normal``, ``t``, ``binomial``, ``poisson``, ``hypergeometric`` or ``conditional-binomial``.
    df
        Degrees of freedom of each standard error, (D, k), for ``t``.
    counts
        The columns of the likelihood of counts, each (D, k): ``xi, ni``; ``xi, ti``; ``ai, bi, ci, di``;
        ``x1i, t1i, x2i, t2i``.

    Returns
    -------
    BatchPosterior
        ``mu_cdf``, ``new_cdf``, ``tau_cdf``, moments and ``log_marginal`` of each data set, (D,).

    Raises
    ------
    InputError
        Shapes that differ, or numbers that are not evidence: estimates with positive variances, counts.
    OptionError
        A prior that the batch does not take, or data that the likelihood does not use.
    UnknownName
        Not a likelihood.
    ImproperPosterior
        The priors do not make a proper posterior.
    QuadratureError
        A data set is beyond the fixed rule; `pool_bayes` refines its own.

    See Also
    --------
    pool_bayes : one data set, refined until two rules agree.
    pool_many : the frequentist batch.

    Examples
    --------
    >>> import numpy as np, lamevidence as lam
    >>> priors = {"mu": lam.priors.Normal(0, 4), "tau": lam.priors.HalfNormal(0.5)}
    >>> many = lam.pool_bayes_many(np.zeros((3, 2)), np.ones((3, 2)), **priors)
    >>> many.mu_cdf(np.zeros(3)).round(12).tolist()
    [0.5, 0.5, 0.5]
    """
    a_choice("likelihood of a batch", likelihood, ("normal", *COLUMNS))
    if not isinstance(mu, EffectPrior) or not isinstance(tau, TauPrior):
        raise OptionError(
            f"mu={shown(mu)}, tau={shown(tau)}: a batch takes priors as objects · try lam.priors.HalfNormal(1)"
        )
    if not isinstance(mu, Normal | Flat | StudentT):
        raise OptionError(f"a batch takes no mu={mu!r} · use Normal(…), or lam.pool_bayes for each data set")
    if np.isfinite(tau.upper) or not tau.needs_unit:
        raise OptionError("a batch takes an unbounded prior of τ with its own scale")
    given = {"yi": yi, "vi": vi, "df": df, **_named(counts)}
    wanted = ("yi", "vi") if likelihood == "normal" else COLUMNS[likelihood]
    extra = [name for name, column in given.items() if column is not None and name not in wanted]
    if extra:
        unused = ", ".join(map(str, extra))
        raise OptionError(f"likelihood={likelihood!r} does not use {unused} · give {', '.join(wanted)}")
    columns = _columns(given, wanted)
    if likelihood != "normal":
        return two_level_batch(likelihood, columns, mu, tau)
    y, v = columns["yi"], columns["vi"]
    if not isinstance(mu, Normal | Flat):
        raise OptionError("a batch with a normal likelihood takes mu=Normal or Flat")
    existence(tau, y.shape[1], int(not mu.proper))
    parts = [_chunk(y[i : i + _CHUNK], v[i : i + _CHUNK], mu, tau) for i in range(0, y.shape[0], _CHUNK)]
    return joined(parts)


def _named(counts: Mapping[str, ArrayLike] | None) -> Mapping[str, ArrayLike]:
    """The columns of counts; estimates have arguments of their own."""
    if counts is None:
        return {}
    if not isinstance(counts, Mapping) or not set(counts).isdisjoint(("yi", "vi", "df")):
        raise OptionError(f"counts={shown(counts)} · give a mapping such as {{'xi': …, 'ni': …}}, each (D, k)")
    return counts


def _columns(given: Mapping[str, ArrayLike | None], wanted: tuple[str, ...]) -> dict[str, FloatArray]:
    """The columns as (D, k) arrays, checked."""
    missing = [name for name in wanted if given.get(name) is None]
    if missing:
        raise OptionError(f"the likelihood needs {', '.join(wanted)} · missing: {', '.join(missing)}")
    aligned(**{name: given[name] for name in wanted})
    columns = {name: floats(given[name], name, "give numbers, (D, k)") for name in wanted}
    shape = columns[wanted[0]].shape
    if len(shape) != 2 or 0 in shape or any(column.shape != shape for column in columns.values()):
        shapes = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
        raise InputError(f"{' and '.join(wanted)} need one shape (D, k) with D ≥ 1 and k ≥ 1, got {shapes}")
    if "vi" in columns:
        y, v = columns["yi"], columns["vi"]
        if not ((np.abs(y) < MAX_MAGNITUDE) & (v > 1 / MAX_MAGNITUDE) & (v < MAX_MAGNITUDE)).all():
            raise InputError(
                f"every estimate must be finite with a finite positive variance, both below {MAX_MAGNITUDE:g}"
                " · leave the other data sets out, or rescale them"
            )
    return columns


def _chunk(y: FloatArray, v: FloatArray, mu: EffectPrior, tau: TauPrior) -> NormalBatch:
    centre, width = place_nodes(y, v, mu, tau)
    t: FloatArray = np.asarray(_STEP * np.arange(-int(_REACH / _STEP), int(_REACH / _STEP) + 1))
    at = np.exp(np.clip(centre[:, None] + width[:, None] * np.sinh(t), -300.0, 300.0))
    log_g, loc, scale = given_tau(y, v, mu, at)
    log = log_g + tau.logpdf(at) + np.log(at) + np.log(width)[:, None] + np.log(np.cosh(t))
    peak = log.max(axis=1, keepdims=True)
    weight = np.exp(log - peak)
    total = weight.sum(axis=1)
    log_marginal = peak[:, 0] + np.log(total) + np.log(_STEP)
    half = weight[:, ::2] / weight[:, ::2].sum(axis=1, keepdims=True)
    weight = weight / total[:, None]
    sd = np.sqrt((weight * scale**2).sum(1))
    error = halving_error(
        np.log(2.0 * weight[:, ::2].sum(axis=1)),
        ((weight * loc).sum(1) - (half * loc[:, ::2]).sum(1)) / sd,
        np.log((weight * np.log1p(at)).sum(1) / (half * np.log1p(at[:, ::2])).sum(1)),
    )
    return NormalBatch(at, weight, t, _STEP, centre, width, log_marginal, error, loc, scale)
