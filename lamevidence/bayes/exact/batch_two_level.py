"""Many posteriors with likelihoods of counts, or t, at once: nodes over (τ, μ) placed by the normal approximation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import ImproperPosterior, InputError, QuadratureError
from ..counts.placing import normal_like
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior, Flat, Normal, StudentT
from .batch_posterior import BatchPosterior, given_tau, halving_error, joined, place_nodes
from .existence import existence

__all__ = ["COLUMNS", "TwoLevelBatch", "two_level_batch"]

BoolArray = NDArray[np.bool_]

COLUMNS: dict[str, tuple[str, ...]] = {
    "t": ("yi", "vi", "df"),
    "binomial": ("xi", "ni"),
    "poisson": ("xi", "ti"),
    "hypergeometric": ("ai", "bi", "ci", "di"),
    "conditional-binomial": ("x1i", "t1i", "x2i", "t2i"),
}
_STEP, _REACH = 0.2, 4.2
_STEP_MU, _REACH_MU = 0.25, 3.5
_CHUNK = 500
_WIDTHS = (0.5, 0.65)
"""A narrower map spends its nodes on the tails, a wider one is too coarse for a prior that falls like exp(−τ²)."""
_LIMIT = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class TwoLevelBatch(BatchPosterior):
    """Posteriors with nodes over μ as well: beside `BatchPosterior`.

    Attributes
    ----------
    joint
        Weights of the nodes, (D, J, M); their sums over μ are ``weight``.
    loc, scale
        Node m of μ given τ lies at loc + scale · sinh(sₘ), both (D, J).
    s
        (M,), a step ``step_mu`` apart.
    """

    shared: ClassVar[tuple[str, ...]] = ("t", "step", "s", "step_mu")

    joint: FloatArray
    loc: FloatArray
    scale: FloatArray
    s: FloatArray
    step_mu: float

    @property
    def mu_nodes(self) -> FloatArray:
        """Nodes of μ, (D, J, M)."""
        return np.asarray(self.loc[..., None] + self.scale[..., None] * np.sinh(self.s))

    @property
    def mu_mean(self) -> FloatArray:
        """Posterior mean of μ, (D,)."""
        return np.asarray((self.joint * self.mu_nodes).sum((1, 2)))

    @property
    def mu_sd(self) -> FloatArray:
        """Posterior standard deviation of μ, (D,)."""
        gap = self.mu_nodes - self.mu_mean[:, None, None]
        return np.asarray(np.sqrt((self.joint * gap * gap).sum((1, 2))))

    def mu_cdf(self, x: ArrayLike) -> FloatArray:
        """P(μ ≤ x) for one x a data set, (D,)."""
        return self._below(x, new=False)

    def new_cdf(self, x: ArrayLike) -> FloatArray:
        """P(θ_new ≤ x) for one x a data set, (D,)."""
        return self._below(x, new=True)

    def _below(self, x: ArrayLike, *, new: bool) -> FloatArray:
        from .batch_reading import below

        at = self._places(x)
        apart = np.subtract.outer(self.s, self.s) / self.step_mu
        sinc = 0.5 + special.sici(np.pi * apart)[0] / np.pi
        return np.clip(below(at, new, self.tau, self.loc, self.scale, self.s, sinc, self.joint), 0.0, 1.0)


def two_level_batch(name: str, columns: Mapping[str, FloatArray], mu: EffectPrior, tau: TauPrior) -> TwoLevelBatch:
    """Return the posteriors; see `lamevidence.bayes.exact.batch.pool_bayes_many`."""
    data = _rows(name, columns)
    y, v, below, above = _approximate(name, data)
    if not tau.proper:
        raise ImproperPosterior(f"τ ~ {tau!r} is improper and a {name} likelihood does not bound τ")
    if not mu.proper:
        open_ended = np.asarray(~(below.any(axis=1) & above.any(axis=1)))
        if open_ended.any():
            raise ImproperPosterior(
                f"the prior of μ is flat and data sets {_some(open_ended)} hold no events, or events only"
                " · give mu=Normal(…)"
            )
    existence(tau, int((below & above).sum(axis=1).min()), int(not mu.proper))
    parts = [
        _chunk(name, data[i : i + _CHUNK], y[i : i + _CHUNK], v[i : i + _CHUNK], mu, tau)
        for i in range(0, data.shape[0], _CHUNK)
    ]
    batch = joined(parts)
    bad = np.asarray(~(batch.numerical_error < _LIMIT))
    if bad.any():
        raise QuadratureError(
            f"the fixed rule misses {_LIMIT:g} in data sets {_some(bad)}"
            " · fit them by pool_bayes, which refines its own"
        )
    return batch


def _some(which: BoolArray) -> str:
    found = np.flatnonzero(which)
    return ", ".join(map(str, found[:5])) + (f" and {found.size - 5} more" if found.size > 5 else "")


def _rows(name: str, c: Mapping[str, FloatArray]) -> FloatArray:
    """The four numbers of every row that the compiled sums read, (D, k, 4)."""
    if name == "t":
        if not np.all(c["df"] > 0):
            raise InputError("df must be positive")
        return np.stack([c["yi"], c["vi"], np.minimum(c["df"], 1e6), np.zeros_like(c["yi"])], axis=-1)
    whole = {"binomial": ("xi", "ni"), "poisson": ("xi",), "hypergeometric": tuple(c)}.get(name, ("x1i", "x2i"))
    bad: BoolArray = np.zeros(next(iter(c.values())).shape, dtype=bool)
    for x, column in c.items():
        right = column == np.round(column) if x in whole else column > 0
        bad |= ~((column >= 0) & np.isfinite(column) & right)
    if name == "binomial":
        bad |= c["xi"] > c["ni"]
    if np.any(bad):
        raise InputError(
            "events must be whole numbers from 0 to their total, and person-time positive"
            f" · look at data sets {_some(np.asarray(np.any(bad, axis=1)))}"
        )
    zero = np.zeros_like(next(iter(c.values())))
    if name == "binomial":
        return np.stack([c["xi"], c["ni"], zero, zero], axis=-1)
    if name == "poisson":
        return np.stack([c["xi"], c["ti"], zero, zero], axis=-1)
    if name == "hypergeometric":
        return np.stack([c["ai"], c["ai"] + c["bi"], c["ai"] + c["ci"], c["ci"] + c["di"]], axis=-1)
    return np.stack([c["x1i"], c["x1i"] + c["x2i"], np.log(c["t1i"] / c["t2i"]), zero], axis=-1)


def _approximate(name: str, data: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    """Normal approximation of every row, for placing nodes, and whether it bounds θ from below and above."""
    a, n, x, n2 = np.moveaxis(data, -1, 0)
    if name == "t":
        sure = np.ones(a.shape, dtype=bool)
        return a, n * np.where(x > 4, x / np.maximum(x - 2, 1.0), 1.0), sure, sure
    if name == "poisson":
        return np.log((a + 0.5) / n), 1 / (a + 0.5), a > 0, np.ones(a.shape, dtype=bool)
    b = n - a
    if name == "hypergeometric":
        c, d = x - a, n2 - x + a
        cells = [cell + 0.5 for cell in (a, b, c, d)]
        log = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
        return log, sum(1 / cell for cell in cells), a > np.maximum(0.0, x - n2), a < np.minimum(n, x)
    return np.log((a + 0.5) / (b + 0.5)) - x, 1 / (a + 0.5) + 1 / (b + 0.5), a > 0, b > 0


def _chunk(name: str, data: FloatArray, y: FloatArray, v: FloatArray, mu: EffectPrior, tau: TauPrior) -> TwoLevelBatch:
    from .batch_sums import FAMILIES, fill

    assert isinstance(mu, Normal | Flat | StudentT)
    guide = normal_like(mu) if isinstance(mu, StudentT) else mu
    centre, width = place_nodes(y, v, guide, tau)
    width = np.clip(width, *_WIDTHS)
    t, s = (h * np.arange(-round(r / h), round(r / h) + 1.0) for h, r in ((_STEP, _REACH), (_STEP_MU, _REACH_MU)))
    u = np.clip(centre[:, None] + width[:, None] * np.sinh(t), -300.0, 300.0)
    taus = np.exp(u)
    _, loc, scale = given_tau(y, v, guide, taus)
    outer = tau.logpdf(taus) + u + np.log(width)[:, None] + np.log(np.cosh(t)) + np.log(scale)
    joint, peak = np.empty((*taus.shape, s.size)), np.empty(y.shape[0])
    too_long = fill(FAMILIES[name], data, *_scales(name, data), _law(mu), taus, outer, loc, scale, s, joint, peak)
    if too_long >= 0 or not np.isfinite(peak).all():
        raise QuadratureError("the fixed rule does not reach a data set of this batch · fit it by pool_bayes")
    total = joint.sum(axis=(1, 2))
    joint /= total[:, None, None]
    log_marginal = peak + np.log(total) + np.log(_STEP * _STEP_MU)
    batch = TwoLevelBatch(
        taus, joint.sum(axis=2), t, _STEP, centre, width, log_marginal, total, joint, loc, scale, s, _STEP_MU
    )
    return replace(batch, numerical_error=_halved(batch))


def _law(mu: EffectPrior) -> FloatArray:
    """Degrees of freedom, centre, scale and constant of the prior of μ."""
    if isinstance(mu, Flat):
        return np.array([0.0, 0.0, 1.0, 0.0])
    assert isinstance(mu, Normal | StudentT)
    df = mu.df if isinstance(mu, StudentT) else np.inf
    return np.array([df, mu.loc, mu.scale, float(mu.logpdf(np.array(mu.loc)))])


def _halved(batch: TwoLevelBatch) -> FloatArray:
    """Error from the nodes that rules with twice the steps would use: over τ at all μ, and over μ at all τ."""
    x, spread = np.sinh(batch.s), np.log1p(batch.tau)
    every, other = slice(None), slice(None, None, 2)
    sums = []
    for rows, columns in ((every, every), (other, every), (every, other)):
        part = batch.joint[:, rows, columns]
        mass, first, second = (part @ np.stack([np.ones(x.size), x, x * x], axis=-1)[columns]).transpose(2, 0, 1)
        loc, scale = batch.loc[:, rows], batch.scale[:, rows]
        total = mass.sum(1)
        mean = (mass * loc + scale * first).sum(1) / total
        square = (mass * loc**2 + 2 * loc * scale * first + scale**2 * second).sum(1) / total
        sums.append((total, mean, np.sqrt(square - mean**2), (mass * spread[:, rows]).sum(1) / total))
    _, mean, sd, middle = sums[0]
    with np.errstate(divide="ignore"):
        return np.asarray(
            sum(halving_error(np.log(2.0 * a), (b - mean) / sd, np.log(c / middle)) for a, b, _, c in sums[1:])
        )


def _scales(name: str, data: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, variances and number of the normals whose scale mixture is the t likelihood of a row."""
    shape = data.shape[:2]
    if name != "t":
        return np.zeros((*shape, 1)), np.zeros((*shape, 1)), np.zeros(shape)
    known, which = np.unique(data[..., 2], return_inverse=True)
    laws = [_scale_mixture(float(df)) for df in known]
    longest = max(share.size for share, _ in laws)
    shares, factors = np.zeros((2, known.size, longest))
    for i, (share, factor) in enumerate(laws):
        shares[i, : share.size], factors[i, : share.size] = share, factor
    which = which.reshape(shape)
    sizes = np.array([share.size for share, _ in laws], dtype=np.float64)
    return shares[which], factors[which] * data[..., 1, None], sizes[which]


def _scale_mixture(df: float) -> tuple[FloatArray, FloatArray]:
    """Trapezoidal rule in log λ for λ ~ Gamma(ν/2, ν/2): weights and 1/λ, to about 1e-8."""
    a = 0.5 * df
    step = min(0.4, 0.85 / np.sqrt(a))
    x = step * np.arange(np.floor(-max(45.0 / a, 9.0 / np.sqrt(a)) / step), np.ceil(4.0 / step) + 1)
    log = a * x - a * np.exp(x) + a * np.log(a) - special.gammaln(a) + np.log(step)
    keep = log > -40.0
    return np.exp(log[keep]), np.exp(-x[keep])
