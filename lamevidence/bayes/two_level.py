"""Exact posterior for any likelihood of one effect: quadrature over τ, μ and each study's θ.

Nodes over τ come from the normal approximation, nodes over μ given τ from a sinh map around its conditional law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import ImproperPosterior, NotEstimable, OptionError, QuadratureError
from .distributions import Distribution
from .effect_priors import EffectPrior, Normal, StudentT
from .existence import Existence, existence
from .families import Kernel, kernels
from .likelihoods import Likelihood
from .mu_posterior import MuPosterior
from .normal_normal import fit_normal
from .priors import TauPrior
from .quadrature import TauGrid
from .study_posterior import study_effect

__all__ = ["LEVELS", "TwoLevelState", "fit_two_level", "normal_like", "require_proper"]

LEVELS = ((0.25, 0.3, 25), (0.125, 0.25, 31), (0.0625, 0.2, 41), (0.04, 0.15, 61))
"""Steps over τ and μ, and nodes over θ."""
_LIMIT = 1e-6
_FLAT_BELOW = 1e-5
_WIDE = 4.0
"""μ runs to sinh(4) = 27 conditional standard deviations either side."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoLevelState:
    """Nodes over (τ, μ) with their weights; laws made from them are kept."""

    rows: tuple[Kernel, ...]
    prior_mu: EffectPrior
    prior_tau: TauPrior
    grid: TauGrid
    t: FloatArray
    step: float
    centre: FloatArray
    width: FloatArray
    weight: FloatArray
    log_total: float
    error: float
    exists: Existence
    level: int
    unit: str | None
    likelihood: str
    laws: dict[tuple[bool, float], MuPosterior] = field(default_factory=dict)
    effects: dict[int, Distribution] = field(default_factory=dict)

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood."""
        return self.log_total

    @property
    def mu_nodes(self) -> FloatArray:
        """Nodes of μ for each τ, (J, M)."""
        return np.asarray(self.centre[:, None] + self.width[:, None] * np.sinh(self.t))

    @property
    def tau(self) -> Distribution:
        """Posterior of τ."""
        from .tau_posterior import TauPosterior

        grid, sinc = self.grid, self.grid.pdf_t
        # below this node hardly any mass is left and the sinc series is noise; there the likelihood is flat in τ, so
        # the density follows the prior
        least = float(grid.tau[np.flatnonzero(grid.weight > _FLAT_BELOW * grid.weight.max())[0]])

        def on_nodes(tau: FloatArray) -> FloatArray:
            place = grid.to_t(tau)
            x = np.sinh(place)
            slope = grid.width * np.cosh(place)
            with np.errstate(divide="ignore", invalid="ignore"):
                value = (
                    np.log(np.maximum(sinc(place), 0.0))
                    - np.log(slope)
                    - grid.variable.log_slope(grid.centre + grid.width * x)
                )
            return np.asarray(value)

        def log_density(tau: FloatArray) -> FloatArray:
            value = on_nodes(np.maximum(tau, least))
            small = tau < least
            if small.any():
                prior = np.asarray(self.prior_tau.logpdf(np.append(tau[small], least)))
                value[small] += prior[:-1] - prior[-1]
            return value

        return TauPosterior(grid, log_density, self.exists, self.unit)

    @property
    def _mu(self) -> MuPosterior:
        return self.at(np.ones(1))

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> MuPosterior:
        """Posterior of μ, of a new study's effect, plus normal noise of variance ``extra``; made once."""
        if (new, extra) not in self.laws:
            self.laws[new, extra] = self._law(new, extra)
        return self.laws[new, extra]

    def _law(self, new: bool, extra: float) -> MuPosterior:
        nodes = self.mu_nodes
        mean = float((self.weight * nodes).sum())
        var = float((self.weight * (nodes - mean) ** 2).sum())
        noise = np.sqrt((self.grid.tau**2 if new else 0.0) + np.full(self.grid.tau.size, extra))
        var += float(self.grid.weight @ noise**2)
        finite = self.exists.tau_moments == 2 or (self.exists.flat == 0 and not new)
        return MuPosterior(
            self.weight,
            self.t,
            self.step,
            self.centre,
            self.width,
            (mean, float(np.sqrt(var)) if finite else float("inf")),
            noise,
            "" if finite else self.exists.note,
            self.unit,
        )

    def theta(self, i: int) -> Distribution:
        """Posterior of θᵢ: its likelihood times its density given all other rows; mean and sd from its conditionals."""
        if i not in self.effects:
            self.effects[i] = study_effect(self.rows[i], self)
        return self.effects[i]

    def draw(self, rng: np.random.Generator, size: int) -> Mapping[str, FloatArray]:
        """Draws of τ and μ by inverse distribution functions, and of each θ from its conditional moments."""
        tau = self.tau._quantile(rng.uniform(size=size))
        # given τ, μ less its centre and over its width hardly depends on τ: taken from one of the two nodes around it
        place = np.clip((self.grid.to_t(tau) - self.grid.t[0]) / self.grid.step, 0.0, self.grid.t.size - 1.0)
        row = np.floor(place + rng.uniform(size=size)).astype(np.intp)
        nodes = np.arange(self.grid.t.size)
        scaled = self._mu.draw_rows(rng, np.minimum(row, nodes[-1]))
        width = np.exp(np.interp(place, nodes, np.log(self.width)))
        mu = np.interp(place, nodes, self.centre) + width * scaled
        theta = np.empty((size, len(self.rows)))
        for i, kernel in enumerate(self.rows):
            inner = kernel.integrate(mu[:, None], tau[:, None], 41)
            theta[:, i] = inner.mean[:, 0] + np.sqrt(inner.var[:, 0]) * rng.standard_normal(size)
        return {"tau": tau, "beta": mu[:, None], "theta": theta}

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k)."""
        inner = (kernel.integrate(beta[:, :1], tau[:, None], 41, moments=False) for kernel in self.rows)
        return np.column_stack([one.log[:, 0] for one in inner])

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log p(y | null) − log p(y)."""
        if name == "mu":
            density = float(self.at(np.ones(1)).pdf(value))
            if density == 0.0:
                raise NotEstimable(f"mu={value:g} is so far from the data that its density is 0 · give a nearer null")
            return float(np.log(density) - self.prior_mu.logpdf(np.array(value)))
        if value != 0.0:
            raise OptionError("the point null of τ is 0 · write bayes_factor(tau=0)")
        edge = np.array([1e-6 * min(float(np.sqrt(k.approx[1])) for k in self.rows)])
        with np.errstate(divide="ignore"):
            return float(np.log(self.tau.pdf(edge))[0] - self.prior_tau.logpdf(edge)[0])


def fit_two_level(
    table: EvidenceTable, likelihood: Likelihood, X: FloatArray, mu: tuple[EffectPrior, ...], tau: TauPrior
) -> TwoLevelState:
    """Return the exact posterior; the accuracy level rises by itself until two levels agree.

    Raises
    ------
    OptionError
        Moderators, which this engine does not take.
    ImproperPosterior
        An improper prior of τ, or a flat prior of μ with data that do not bound it (no events at all).
    QuadratureError
        The finest level still misses 1e-6.
    """
    if X.shape[1] != 1 or not np.all(X == 1.0):
        raise OptionError(
            f"moderators with a {likelihood.name} likelihood are not covered by the exact engine"
            " · use likelihood='normal' with Normal or Flat priors"
        )
    if likelihood.name in ("normal", "t"):
        from .pool import check_estimates

        check_estimates(table)
    rows = tuple(kernels(table, likelihood.name))
    place = np.array([kernel.approx for kernel in rows])
    prior_tau = tau.resolve(place[:, 1])
    require_proper(rows, mu[0], prior_tau, likelihood.name)
    informative = sum(kernel.below and kernel.above for kernel in rows)
    exists = existence(prior_tau, informative, int(not mu[0].proper))
    previous: TwoLevelState | None = None
    for level in range(len(LEVELS)):
        state = _fit_level(rows, place, mu[0], prior_tau, exists, level, table.unit, likelihood.name, previous)
        if previous is not None:
            error = _distance(previous, state)
            if error < _LIMIT and (level == len(LEVELS) - 1 or _tabulated(state)):
                return _with_error(state, error)
        previous = state
    raise QuadratureError(
        f"integration over τ, μ and θ still moves by {error:.1e} at the finest level (limit {_LIMIT:g})"
        " · use engine='nuts'"
    )


def _tabulated(state: TwoLevelState) -> bool:
    """Return whether the laws of μ and of a new effect, read off the nodes, hold their mass at this level."""
    one = np.ones(1)
    try:
        return all(np.isfinite(state.at(one, new=new).median) for new in (False, True))
    except QuadratureError:
        return False


def require_proper(rows: tuple[Kernel, ...], mu: EffectPrior, tau: TauPrior, name: str) -> None:
    """Raise `ImproperPosterior` where the priors and the rows do not make a proper posterior."""
    if not tau.proper:
        raise ImproperPosterior(
            f"τ ~ {tau!r} is improper and a {name} likelihood does not bound τ · give a proper prior such as HalfNormal"
        )
    if mu.proper:
        return
    missing = "above" if not any(k.above for k in rows) else "below" if not any(k.below for k in rows) else ""
    if missing:
        what = "no events" if missing == "below" else "events only"
        raise ImproperPosterior(
            f"{what} in all rows: the data do not bound μ from {missing} and its prior is flat · give mu=Normal(…)"
        )


def _with_error(state: TwoLevelState, error: float) -> TwoLevelState:
    values = {name: getattr(state, name) for name in state.__slots__}
    return TwoLevelState(**(values | {"error": error}))


def _distance(a: TwoLevelState, b: TwoLevelState) -> float:
    """Estimated error of the finer level: halving a step squares a geometric error; a power of 1.5 is assumed."""
    mu_a, mu_b = a.at(np.ones(1)), b.at(np.ones(1))
    sd = mu_b.sd if np.isfinite(mu_b.sd) else float(np.sqrt(b.width @ b.grid.weight))
    gaps = [a.log_total - b.log_total, (mu_a.mean - mu_b.mean) / sd]
    gaps.append(float(np.log(a.grid.weight @ np.log1p(a.grid.tau)) - np.log(b.grid.weight @ np.log1p(b.grid.tau))))
    gap = float(np.max(np.abs(gaps)))
    return gap**1.5 if gap < 1 else gap


def _fit_level(
    rows: tuple[Kernel, ...],
    place: FloatArray,
    mu: EffectPrior,
    tau: TauPrior,
    exists: Existence,
    level: int,
    unit: str | None,
    likelihood: str,
    coarse: TwoLevelState | None,
) -> TwoLevelState:
    h, hm, nodes = LEVELS[level]
    approx = normal_like(mu) if isinstance(mu, StudentT) else mu
    guide = fit_normal(place[:, 0], place[:, 1], np.ones((len(rows), 1)), [approx], tau)
    wide = max(guide.grid.width, 0.8)
    # from the nodes' own variable: a τ that rounds to the upper edge of its prior has no way back
    ends = np.arcsinh(guide.grid.width * np.sinh(guide.grid.t[[0, -1]]) / wide)
    grid_t = h * np.arange(np.floor(ends[0] / h) - 1, np.ceil(ends[1] / h) + 2)
    t = hm * np.arange(-np.round(_WIDE / hm), np.round(_WIDE / hm) + 1)
    if coarse is not None:
        # what carried no weight on the coarser level is not visited again
        alive = coarse.t[coarse.weight.max(axis=0) > 1e-20]
        t = t[(t > alive[0] - coarse.step) & (t < alive[-1] + coarse.step)]
        near, far = coarse.grid.t[0] - coarse.grid.step, coarse.grid.t[-1] + coarse.grid.step
        grid_t = grid_t[(grid_t > near) & (grid_t < far)]
    u = guide.grid.centre + wide * np.sinh(grid_t)
    taus = guide.grid.variable.tau(u)
    slope = guide.grid.variable.log_slope(u) + np.log(wide * np.cosh(grid_t))
    keep = np.isfinite(tau.logpdf(taus)) & (taus > 0)
    grid_t, taus, slope = grid_t[keep], taus[keep], slope[keep]
    _, b, V = guide.model.given(taus)
    centre, width = b[:, 0] + guide.model.shift[0], np.sqrt(V[:, 0, 0])
    at = centre[:, None] + width[:, None] * np.sinh(t)
    log = mu.logpdf(at) + (tau.logpdf(taus) + slope + np.log(width))[:, None] + np.log(np.cosh(t))
    for kernel in rows:
        log = log + kernel.integrate(at, taus[:, None], nodes, moments=False).log
    peak = log.max()
    weight = np.exp(log - peak)
    total = weight.sum()
    weight = weight / total
    row = weight.sum(1)
    alive = row > 1e-22
    a, z = np.flatnonzero(alive)[[0, -1]]
    cut = slice(a, z + 1)
    log_total = float(peak + np.log(total) + np.log(h) + np.log(hm))
    grid = TauGrid(taus[cut], row[cut], grid_t[cut], h, log_total, guide.grid.centre, wide, guide.grid.variable, np.inf)
    return TwoLevelState(
        rows,
        mu,
        tau,
        grid,
        t,
        hm,
        centre[cut],
        width[cut],
        weight[cut],
        log_total,
        np.inf,
        exists,
        level,
        unit,
        likelihood,
    )


def normal_like(mu: StudentT) -> Normal:
    """Normal prior with about the same central 90 %, which only places nodes."""
    centre, reach = mu.median, mu.scale * float(special.stdtrit(mu.df, 0.95))
    return Normal(centre, min(reach / 1.645, 1e100))
