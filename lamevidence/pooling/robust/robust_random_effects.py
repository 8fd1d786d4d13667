"""Random effects with heavy tails: an outlying study moves the mean less."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError, NotEstimable, OptionError, TooFewStudies
from ...foundation.options import a_choice, a_level, a_number, our_words
from ...foundation.values import Interval
from ...results.contract import MeanResult
from ...results.heterogeneity import Heterogeneity
from ...results.recipe import Recipe
from ...results.spec import Spec
from ..kernel.distributions import quantile, two_sided
from ..kernel.kernels import generalised_q
from ..multilevel.optimise import minimise
from ..rows import checked_rows
from .t_likelihood import TLikelihood, mixture

__all__ = ["RobustPooled", "robust_random_effects"]

LARGEST_INVERSE = 1.0
"""The estimate of 1/ν is searched between 0 (normal) and 1 (Cauchy)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobustPooled(MeanResult):
    """A pooled mean with t-distributed random effects.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    mu, se
        Mean of the random-effects distribution, and its standard error from the observed information.
    df_effects
        Degrees of freedom ν of the random effects, inf for the normal distribution.
    tau2
        Squared scale τ² of the random effects; their variance is τ² ν/(ν − 2) for ν > 2.
    weights
        Share of each row in the mean, in percent: its expected precision given the data.
    scales
        E(λ | y) of each row: near 1 an ordinary study, near 0 an outlier.
    log_likelihood, normal_log_likelihood
        Of this model, and of normal random effects.
    likelihood, scale_unit, offset
        Likelihood on the scaled units: value = offset + scale_unit × scaled value.
    notes, recipe
        Cautions; how it was made, which `refit` follows.
    """

    table: EvidenceTable
    spec: Spec
    # field(): the base class has members of these names, which would be read as defaults
    mu: float = field()
    se: float = field()
    df_effects: float
    tau2: float = field()
    weights: FloatArray = field()
    scales: FloatArray
    log_likelihood: float
    normal_log_likelihood: float
    likelihood: TLikelihood
    scale_unit: float
    offset: float
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    @property
    def df(self) -> float:
        """Degrees of freedom of the interval: inf, it rests on the likelihood."""
        return math.inf

    @property
    def statistic(self) -> float:
        """(mu − null)/se (Wald); NaN where the measure has no null value."""
        null = self.effect.null
        return math.nan if null is None else (self.mu - null) / self.se

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect (Wald); NaN where the measure has no null value."""
        return two_sided(self.statistic)

    def heterogeneity(self) -> Heterogeneity:
        """Return Cochran's Q and τ² (squared scale of the effects); with heavy tails there is no I²."""
        y, v = self.likelihood.y, self.likelihood.v
        q = float(generalised_q(y, v, np.zeros(()), None)[0])
        note = "I² compares variances, and t effects are described by a scale"
        return Heterogeneity(q, self.k - 1, float(special.chdtrc(self.k - 1, q)), tau2=self.tau2, note=note)

    def _scaled(self, x: float) -> float:
        return (x - self.offset) / self.scale_unit

    def _profile(self, mu: float) -> float:
        found = minimise(
            lambda t: _second(self.likelihood, mu, t),
            np.array([max(self.tau2 / self.scale_unit**2, 1e-3)]),
            np.zeros(1),
            np.full(1, np.inf),
        )
        return found.value

    def _best(self) -> float:
        return self.likelihood.objective(np.array([self._scaled(self.mu), self.tau2 / self.scale_unit**2]))[0]

    def interval(self, level: float | None = None, *, kind: str | None = None) -> Interval:
        """Return the confidence interval of ``mu``.

        Parameters
        ----------
        level
            Level; that of the fit when left out.
        kind
            ``profile`` likelihood or ``z``; the fit's own kind when left out.
        """
        level = self._level(level)
        kind = self.spec.interval if kind is None else _kind(kind)
        if kind == "z":
            half = quantile(level) * self.se
            return Interval(self.mu - half, self.mu + half)
        cut = self._best() + quantile(level) ** 2 / 2
        center, step = self._scaled(self.mu), self.se / self.scale_unit
        low, high = (_crossing(lambda x: self._profile(x) - cut, center, sign * step) for sign in (-1.0, 1.0))
        return Interval(self.offset + self.scale_unit * low, self.offset + self.scale_unit * high)

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study: quantiles of N(mu, se²) plus τ times t(ν)."""
        target = 0.5 + self._level(level) / 2
        half = _crossing(lambda x: self._new_below(x) - target, 0.0, self.se + self.tau)
        return Interval(self.mu - half, self.mu + half)

    def _new_below(self, distance: float) -> float:
        """Return the probability that a new study's true effect lies below mu + distance."""
        nodes = mixture(self.df_effects, 1 / 16)
        sd = np.sqrt(self.se**2 + self.tau2 * nodes.inverse)
        return float(np.exp(nodes.log_weight) @ special.ndtr(distance / sd))

    def _row_mixture(self, row: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return weights, means and SDs of the normal mixture that is a row's true effect given the data.

        Given λ the effect is normal with mean y − B(y − μ), B = v/(v + τ²/λ), and variance v(1 − B) + B² se².
        """
        mu, tau2 = self._scaled(self.mu), self.tau2 / self.scale_unit**2
        y, v = float(self.likelihood.y[row]), float(self.likelihood.v[row])
        posterior = self.likelihood.pieces(mu, tau2)[1][row]
        B = v / (v + tau2 * self.likelihood.nodes.inverse)
        mean = self.offset + self.scale_unit * (y - B * (y - mu))
        return posterior, mean, np.sqrt(self.scale_unit**2 * v * (1 - B) + B**2 * self.se**2)

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return each row's true effect given the data: mean and quantiles of a normal mixture, (k, 3).

        An outlier is shrunk less than its distance asks for. The estimation of τ and ν is not reflected.
        """
        tail = (1 - self._level(level)) / 2
        out = np.empty((self.k, 3))
        for row in range(self.k):
            weight, mean, sd = self._row_mixture(row)
            low, high = _mixture_quantiles(weight, mean, sd, (tail, 1 - tail))
            out[row] = float(weight @ mean), low, high
        return out

    def _below(self, quantity: str, value: float) -> float:
        row = self._row_position(quantity)
        if row is not None:
            weight, mean, sd = self._row_mixture(row)
            return float(weight @ special.ndtr((value - mean) / sd))
        if quantity == "theta_new":
            return self._new_below(value - self.mu)
        if quantity != "mu":
            return MeanResult._below(self, quantity, value)
        if self.spec.interval == "z":
            return float(special.ndtr((value - self.mu) / self.se))
        # the confidence distribution whose quantiles are the profile bounds: the signed root of the likelihood ratio
        root = math.sqrt(max(0.0, 2.0 * (self._profile(self._scaled(value)) - self._best())))
        return float(special.ndtr(math.copysign(root, value - self.mu)))

    def _glance(self) -> Mapping[str, Any]:
        keys = ("df_effects", "log_likelihood", "normal_log_likelihood")
        return {key: getattr(self, key) for key in keys}

    def _json(self) -> Mapping[str, Any]:
        keys = ("df_effects", "scales", "log_likelihood", "normal_log_likelihood")
        return {key: getattr(self, key) for key in keys}

    def _methods(self) -> Sequence[tuple[str, str]]:
        how = "estimated" if self.spec.why.get("df", "").startswith("estimated") else "fixed in advance"
        return (
            (
                f"Random effects had a t distribution ({self.df_effects:.3g} degrees of freedom, {how}), fitted by"
                " maximum likelihood",
                "Lee and Thompson 2008, doi:10.1002/sim.2897",
            ),
            (f"Intervals: {'profile likelihood' if self.spec.interval == 'profile' else 'normal (Wald)'}", ""),
        )


@our_words()
def robust_random_effects(
    evidence: EvidenceTable,
    *,
    df: float | str = 4.0,
    interval: str = "profile",
    level: float = 0.95,
) -> RobustPooled:
    """Pool estimates with t-distributed random effects by maximum likelihood.

    y_i = μ + τ u_i + e_i, u_i ~ t(ν), e_i ~ N(0, v_i); the random effects are integrated out to 1e-12.

    Parameters
    ----------
    evidence
        Rows to pool, independent of each other.
    df
        ν ≥ 1 of the random effects, ``inf`` for the normal model, or ``"estimate"`` (maximum likelihood over ν ≥ 1).
    interval
        ``profile`` likelihood or ``z``.
    level
        Level of intervals, a fraction.

    Returns
    -------
    RobustPooled
        Mean, prediction and outlier scales of the rows.

    Raises
    ------
    TooFewStudies
        Fewer than three rows (five for ``df="estimate"``).
    OptionError, UnknownName
        df below 1, or another interval.
    InputError, DependentRows
        Rows that cannot be pooled.

    See Also
    --------
    lamevidence.influence : how much each study moves the usual mean.

    References
    ----------
    Lee and Thompson 2008, 10.1002/sim.2897; Baker and Jackson 2008, 10.1007/s10729-007-9041-8.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, robust_random_effects
    >>> table = EvidenceTable.from_estimates([0.1, 0.12, 0.08, 0.11, 2.0], vi=[0.01] * 5)
    >>> fit = robust_random_effects(table)
    >>> bool(fit.mu < table.yi.mean())
    True
    """
    _kind(interval)
    a_level(level)
    estimated = isinstance(df, str) and df == "estimate"
    if not estimated and not (type(df) is float and df == math.inf):
        if isinstance(df, str):
            raise OptionError(f"df={df!r} · give a number of at least 1, inf for the normal model, or 'estimate'")
        a_number("df (or 'estimate', or inf for the normal model)", df, least=1)
    live = checked_rows(evidence)
    kept = evidence if live.all() else evidence.subset(np.flatnonzero(live).tolist())
    if not kept.vi.all():
        raise NotEstimable("a variance of 0: the likelihood has no maximum · leave the row out")
    needed = 5 if estimated else 3
    if kept.k < needed:
        raise TooFewStudies("a robust random-effects model", kept.k, needed, "use pool(), or a Bayesian model")
    offset = float(np.median(kept.yi))
    unit = 2.0 ** round(math.log2(math.sqrt(float(np.mean((kept.yi - offset) ** 2) + np.mean(kept.vi)))))
    y, v = (kept.yi - offset) / unit, kept.vi / unit**2
    nu = _best_df(y, v) if estimated else float(df)
    likelihood = TLikelihood.of(y, v, nu)
    theta, value = _maximum(likelihood)
    normal = _maximum(TLikelihood.of(y, v, math.inf))[1]
    constant = -kept.k * (0.5 * math.log(2 * math.pi) + math.log(unit))
    mu, tau2 = float(theta[0]), float(theta[1])
    precision = likelihood.precisions(mu, tau2)
    why = {"df": "estimated by maximum likelihood" if estimated else "given"}
    title = f"Random effects with t({nu:.3g}) distribution, ML + {interval}"
    worst = int(np.argmin(likelihood.scales(mu, tau2)))
    outlier = float(likelihood.scales(mu, tau2)[worst])
    notes = (f"most outlying: {kept.labels[worst]} (scale {outlier:.2f})",) if math.isfinite(nu) and tau2 > 0 else ()
    return RobustPooled(
        kept,
        Spec("robust random effects", "ML", interval, "t mixture", level, why=why, title=title),
        offset + unit * mu,
        unit * _standard_error(likelihood, theta),
        nu,
        unit**2 * tau2,
        100.0 * precision / precision.sum(),
        likelihood.scales(mu, tau2),
        constant - value,
        constant - normal,
        likelihood,
        unit,
        offset,
        notes,
        Recipe(robust_random_effects, {"df": df, "interval": interval, "level": level}),
    )


def _kind(interval: str) -> str:
    return a_choice("interval", interval, ("profile", "z"))


def _second(likelihood: TLikelihood, mu: float, tau2: FloatArray) -> tuple[float, FloatArray]:
    value, gradient = likelihood.objective(np.array([mu, tau2[0]]))
    return value, gradient[1:]


def _maximum(likelihood: TLikelihood) -> tuple[FloatArray, float]:
    """Return (μ, τ²) of the highest maximum: a heavy-tailed likelihood can have one near every cluster of studies."""
    y, v = likelihood.y, likelihood.v
    centres = [*np.quantile(y, [0.0, 0.25, 0.5, 0.75, 1.0]).tolist(), float((y / v).sum() / (1 / v).sum())]
    starts = [np.array([m, t]) for m in centres for t in (0.02, 0.3)]
    starts.sort(key=lambda s: likelihood.objective(s)[0])
    lower, upper = np.array([-np.inf, 0.0]), np.full(2, np.inf)
    ends = [minimise(likelihood.objective, s, lower, upper) for s in starts[:4]]
    found = [e for e in ends if e.arrived]
    if not found:
        raise ConvergenceError("no start led to a maximum of the likelihood of the t model · use a larger df")
    best = min(found, key=lambda e: e.value)
    return best.theta, best.value


def _best_df(y: FloatArray, v: FloatArray) -> float:
    """Return ν that maximises the profile likelihood over 1/ν; inf when the normal model is as likely."""
    from scipy.optimize import minimize_scalar

    def value(inverse: float) -> float:
        return _maximum(TLikelihood.of(y, v, 1.0 / inverse))[1]

    grid = np.array([0.02, 0.08, 0.2, 0.35, 0.5, 0.7, LARGEST_INVERSE])
    values = np.array([value(g) for g in grid])
    i = int(np.argmin(values))
    low, high = grid[i - 1] if i else 0.005, grid[min(i + 1, grid.size - 1)]
    found = minimize_scalar(value, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    inverse, best = min([(float(found.x), float(found.fun)), (float(grid[i]), float(values[i]))], key=lambda p: p[1])
    normal = _maximum(TLikelihood.of(y, v, math.inf))[1]
    return math.inf if normal <= best + 1e-9 else 1.0 / inverse


def _standard_error(likelihood: TLikelihood, theta: FloatArray) -> float:
    """Return the standard error of μ from the observed information; of μ alone when τ² = 0."""
    free = [0] if theta[1] <= 0 else [0, 1]
    H = np.zeros((len(free), len(free)))
    for row, i in enumerate(free):
        h = 1e-5 * max(abs(theta[i]), 1e-2)
        e = np.zeros(2)
        e[i] = min(h, theta[1] / 2) if i == 1 else h
        up, down = likelihood.objective(theta + e)[1], likelihood.objective(theta - e)[1]
        H[row] = (up - down)[free] / (2 * e[i])
    return float(math.sqrt(np.linalg.inv((H + H.T) / 2)[0, 0]))


def _crossing(excess: Callable[[float], float], inside: float, step: float) -> float:
    """Return where the excess rises through 0, walking from ``inside`` in growing steps."""
    from scipy.optimize import brentq

    far = inside + step
    while excess(far) < 0:
        step *= 1.6
        inside, far = far, far + step
    return float(brentq(excess, inside, far, xtol=1e-13, rtol=1e-11))


def _mixture_quantiles(
    weight: FloatArray, mean: FloatArray, sd: FloatArray, targets: Sequence[float]
) -> tuple[float, ...]:
    """Return quantiles of a mixture of normals."""
    from scipy.optimize import brentq

    low, high = float((mean - 40 * sd).min()), float((mean + 40 * sd).max())

    def excess(x: float, target: float) -> float:
        return float(weight @ special.ndtr((x - mean) / sd)) - target

    return tuple(float(brentq(excess, low, high, args=(t,), xtol=1e-13, rtol=1e-11)) for t in targets)
