"""Many posteriors at once: simulation, calibration and sensitivity surfaces.

One fixed rule for all data sets, not refined: its error is estimated from the half of its nodes that a step twice as
long would use, and reported for each data set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.evidence_table import FARTHEST
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_choice, shown
from .effect_priors import EffectPrior, Flat, Normal
from .existence import existence
from .priors import TauPrior

__all__ = ["BatchPosterior", "NormalBatch", "given_tau", "halving_error", "joined", "place_nodes", "pool_bayes_many"]

Batch = TypeVar("Batch", bound="BatchPosterior")

_STEP = 0.125
_REACH = 4.75
_CHUNK = 1000


@dataclass(frozen=True, slots=True, eq=False)
class BatchPosterior(ABC):
    """Posteriors of D data sets: nodes over τ with their weights, (D, J).

    Attributes
    ----------
    tau, weight
        Nodes and weights of the posterior of τ, (D, J).
    t, step
        Nodes in the variable of the trapezoidal rule, (J,), and their distance.
    centre, width
        log τ = centre + width · sinh t, (D,).
    log_marginal
        (D,).
    numerical_error
        Estimated error of log marginal likelihood, mean of μ in its sd, and mean of log(1 + τ), the largest, (D,).
    """

    shared: ClassVar[tuple[str, ...]] = ("t", "step")

    tau: FloatArray
    weight: FloatArray
    t: FloatArray
    step: float
    centre: FloatArray
    width: FloatArray
    log_marginal: FloatArray
    numerical_error: FloatArray

    def _places(self, x: ArrayLike) -> FloatArray:
        """One place a data set, (D,), or raise `InputError`."""
        sets = self.centre.size
        at = floats(x, "x", f"give one number a data set, ({sets},)")
        if at.shape != (sets,) or np.isnan(at).any():
            raise InputError(f"x={shown(x)} · give one number for each of the {sets} data sets, none of them missing")
        return at

    def tau_cdf(self, x: ArrayLike) -> FloatArray:
        """P(τ ≤ x) for one x a data set, (D,)."""
        at = self._places(x)
        with np.errstate(divide="ignore"):
            place = np.arcsinh((np.log(np.maximum(at, 0.0)) - self.centre) / self.width)
        si = special.sici(np.pi / self.step * (place[:, None] - self.t))[0]
        return np.asarray(np.clip(0.5 + (si * self.weight).sum(1) / np.pi, 0.0, 1.0))

    @property
    def tau_mean(self) -> FloatArray:
        """Posterior mean of τ, (D,)."""
        return np.asarray((self.weight * self.tau).sum(1))

    @abstractmethod
    def mu_cdf(self, x: ArrayLike) -> FloatArray:
        """P(μ ≤ x) for one x a data set, (D,)."""

    @abstractmethod
    def new_cdf(self, x: ArrayLike) -> FloatArray:
        """P(θ_new ≤ x) for one x a data set, (D,)."""

    @property
    @abstractmethod
    def mu_mean(self) -> FloatArray:
        """Posterior mean of μ, (D,)."""

    @property
    @abstractmethod
    def mu_sd(self) -> FloatArray:
        """Posterior standard deviation of μ, (D,)."""


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

    Examples
    --------
    >>> import numpy as np, lamevidence as lam
    >>> many = pool_bayes_many(np.zeros((3, 2)), np.ones((3, 2)), mu=lam.Normal(0, 4), tau=lam.HalfNormal(0.5))
    >>> many.mu_cdf(np.zeros(3)).round(12).tolist()
    [0.5, 0.5, 0.5]
    """
    from .batch_two_level import COLUMNS, two_level_batch

    a_choice("likelihood of a batch", likelihood, ("normal", *COLUMNS))
    if not isinstance(mu, EffectPrior) or not isinstance(tau, TauPrior):
        raise OptionError(f"mu={shown(mu)}, tau={shown(tau)}: a batch takes priors as objects · try lam.HalfNormal(1)")
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
    columns = {name: floats(given[name], name, "give numbers, (D, k)") for name in wanted}
    shape = columns[wanted[0]].shape
    if len(shape) != 2 or 0 in shape or any(column.shape != shape for column in columns.values()):
        shapes = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
        raise InputError(f"{' and '.join(wanted)} need one shape (D, k) with D ≥ 1 and k ≥ 1, got {shapes}")
    if "vi" in columns:
        y, v = columns["yi"], columns["vi"]
        if not ((np.abs(y) < FARTHEST) & (v > 1 / FARTHEST) & (v < FARTHEST)).all():
            raise InputError(
                f"every estimate must be finite with a finite positive variance, both below {FARTHEST:g}"
                " · leave the other data sets out, or rescale them"
            )
    return columns


def joined(parts: list[Batch]) -> Batch:
    """One batch from its chunks, which share their nodes in t."""
    first = parts[0]

    def whole(name: str) -> Any:
        value = getattr(first, name)
        return value if name in first.shared else np.concatenate([getattr(part, name) for part in parts])

    return type(first)(**{field.name: whole(field.name) for field in fields(first)})


def given_tau(
    y: FloatArray, v: FloatArray, mu: EffectPrior, tau: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log g, conditional mean and sd of μ for τ (D, m), all of a normal likelihood."""
    precision, b0 = (1.0 / mu.sd**2, mu.mean) if mu.proper else (0.0, 0.0)
    total = v[:, None, :] + tau[..., None] ** 2
    w = 1.0 / total
    P = w.sum(-1) + precision
    loc = ((w * y[:, None, :]).sum(-1) + precision * b0) / P
    square = (w * (y[:, None, :] - loc[..., None]) ** 2).sum(-1) + precision * (loc - b0) ** 2
    const = (y.shape[1] - (not mu.proper)) * np.log(2 * np.pi) - (np.log(precision) if mu.proper else 0.0)
    return -0.5 * (const + np.log(total).sum(-1) + square + np.log(P)), loc, 1.0 / np.sqrt(P)


def place_nodes(y: FloatArray, v: FloatArray, mu: EffectPrior, tau: TauPrior) -> tuple[FloatArray, FloatArray]:
    """Mode and curvature width of the posterior of log τ under a normal likelihood, (D,)."""
    spread = np.maximum(np.ptp(y, axis=1), np.sqrt(v.min(axis=1)))
    low = np.log(np.minimum(np.sqrt(v.min(axis=1)), tau.typical)) - 3.0
    high = np.log(np.maximum(np.maximum(np.sqrt(v.max(axis=1)), spread), tau.typical)) + 3.0

    def height(u: FloatArray) -> FloatArray:
        at = np.exp(u)
        return given_tau(y, v, mu, at)[0] + tau.logpdf(at) + u

    u = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 25)
    gap = (high - low) / 24
    every = np.arange(y.shape[0])
    centre = u[every, np.argmax(height(u), axis=1)]
    for _ in range(2):
        u = centre[:, None] + gap[:, None] * np.linspace(-1, 1, 9)
        centre, gap = u[every, np.argmax(height(u), axis=1)], gap / 4
    q = height(centre[:, None] + 0.05 * np.array([-1.0, 0.0, 1.0]))
    bend = -(q[:, 0] - 2 * q[:, 1] + q[:, 2]) / 0.05**2
    return centre, np.where(bend > 0, np.minimum(1 / np.sqrt(np.maximum(bend, 1e-12)), 1.5), 1.5)


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


def halving_error(*gaps: FloatArray) -> FloatArray:
    """Error of the finer rule from its distance to the coarser: halving squares it, a power of 1.5 is assumed."""
    gap = np.max(np.abs(gaps), axis=0)
    return np.asarray(np.where(gap < 1.0, gap**1.5, gap))
