"""Random effects with heavy tails: an outlying study moves the mean less."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import ConvergenceError, NotEstimable, OptionError, TooFewStudies
from ..options import a_choice, a_level, a_number
from ..values import Interval
from .intervals import quantile, two_sided
from .multilevel_optimise import minimise
from .robust_t_likelihood import TLikelihood, mixture
from .rows import checked_rows
from .spec import Spec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RobustPooled", "robust_random_effects"]

LARGEST_INVERSE = 1.0
"""The estimate of 1/ν is searched between 0 (normal) and 1 (Cauchy)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobustPooled:
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
    likelihood, unit, offset
        Likelihood on the scaled units: value = offset + unit × scaled value.
    """

    table: EvidenceTable
    spec: Spec
    mu: float
    se: float
    df_effects: float
    tau2: float
    weights: FloatArray
    scales: FloatArray
    log_likelihood: float
    normal_log_likelihood: float
    likelihood: TLikelihood
    unit: float
    offset: float

    @property
    def k(self) -> int:
        """Number of rows."""
        return self.table.k

    @property
    def tau(self) -> float:
        """Scale τ of the random effects."""
        return math.sqrt(self.tau2)

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect (Wald)."""
        return two_sided(self.mu / self.se)

    def _profile(self, mu: float) -> float:
        found = minimise(
            lambda t: _second(self.likelihood, mu, t), np.array([max(self.tau2 / self.unit**2, 1e-3)]), np.zeros(1),
            np.full(1, np.inf),
        )
        return found.value

    def interval(self, level: float | None = None, *, kind: str | None = None) -> Interval:
        """Return the confidence interval of ``mu``: ``profile`` likelihood or ``z`` (the fit's own kind by default)."""
        level = self.spec.level if level is None else a_level(level)
        kind = self.spec.interval if kind is None else _kind(kind)
        if kind == "z":
            half = quantile(level) * self.se
            return Interval(self.mu - half, self.mu + half)
        best = self.likelihood.objective(np.array([(self.mu - self.offset) / self.unit, self.tau2 / self.unit**2]))[0]
        cut = best + quantile(level) ** 2 / 2
        center, step = (self.mu - self.offset) / self.unit, self.se / self.unit
        low, high = (_crossing(lambda x: self._profile(x) - cut, center, sign * step) for sign in (-1.0, 1.0))
        return Interval(self.offset + self.unit * low, self.offset + self.unit * high)

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study: quantiles of N(mu, se²) plus τ times t(ν)."""
        level = self.spec.level if level is None else a_level(level)
        nodes = mixture(self.df_effects, 1 / 16)
        sd = np.sqrt(self.se**2 + self.tau2 * nodes.inverse)
        weight = np.exp(nodes.log_weight)
        target = 0.5 + level / 2
        half = _crossing(lambda x: float(weight @ special.ndtr(x / sd)) - target, 0.0, self.se + self.tau)
        return Interval(self.mu - half, self.mu + half)

    def tidy(self) -> pd.DataFrame:
        """Return one row: estimate, standard error, p value, interval."""
        import pandas as pd

        low, high = self.interval()
        return pd.DataFrame([{
            "term": "overall", "estimate": self.mu, "std_error": self.se, "statistic": self.mu / self.se,
            "p_value": self.p_value, "conf_low": low, "conf_high": high,
        }])

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        import pandas as pd

        return pd.DataFrame([{
            "model": self.spec.model, "k": self.k, "tau2": self.tau2, "df_effects": self.df_effects,
            "log_likelihood": self.log_likelihood, "normal_log_likelihood": self.normal_log_likelihood,
        }])

    def augment(self) -> pd.DataFrame:
        """Return the rows with weight and outlier scale."""
        frame = self.table.to_frame()
        frame["weight"], frame["scale"] = self.weights, self.scales
        return frame

    def summary(self) -> pd.DataFrame:
        """Return mean and prediction as a numeric table."""
        import pandas as pd

        rows = [("mean", self.mu, self.se, *self.interval()), ("new study", self.mu, math.nan, *self.prediction())]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "std_error", "low", "high"]).set_index("quantity")

    def to_json(self) -> dict[str, Any]:
        """Return plain values: numbers, strings, lists; None for infinite df."""
        return {
            "measure": self.table.measure, "unit": self.table.unit, "k": self.k, "mu": self.mu, "se": self.se,
            "interval": [float(x) for x in self.interval()], "prediction": [float(x) for x in self.prediction()],
            "tau2": self.tau2, "df_effects": None if math.isinf(self.df_effects) else self.df_effects,
            "weights": [float(w) for w in self.weights], "scales": [float(s) for s in self.scales],
            "log_likelihood": self.log_likelihood, "normal_log_likelihood": self.normal_log_likelihood,
            "spec": self.spec.to_dict(), "fingerprint": self.table.fingerprint,
        }

    def describe(self) -> str:
        """Return one sentence: what was pooled, how, and what came out."""
        what = self.table.title or MEASURES[self.table.measure].title
        low, high = self.interval()
        new = self.prediction()
        return (
            f"{what}: {self.k} studies, random effects with a t distribution ({self.df_effects:.3g} df), {self.mu:.4g} "
            f"({100 * self.spec.level:g}% CI {low:.4g} to {high:.4g}), a new study is expected between "
            f"{new.low:.4g} and {new.high:.4g}; scale τ = {self.tau:.3g}."
        )

    def __repr__(self) -> str:
        low = int(np.argmin(self.scales))
        return f"{self.describe()}\n  most outlying: {self.table.labels[low]} (scale {self.scales[low]:.2f})"


def robust_random_effects(
    table: EvidenceTable, *, df: float | str = 4.0, interval: str = "profile", level: float = 0.95
) -> RobustPooled:
    """Pool estimates with t-distributed random effects by maximum likelihood.

    y_i = μ + τ u_i + e_i, u_i ~ t(ν), e_i ~ N(0, v_i); the random effects are integrated out to 1e-12.

    Parameters
    ----------
    table
        Rows to pool, independent of each other.
    df
        ν ≥ 1 of the random effects, ``inf`` for the normal model, or ``"estimate"`` (maximum likelihood over ν ≥ 1).
    interval
        ``profile`` likelihood or ``z``.
    level
        Confidence level.

    Raises
    ------
    TooFewStudies
        Fewer than three rows (five for ``df="estimate"``).
    OptionError, UnknownName
        df below 1, or another interval.
    InputError, DependentRows
        Rows that cannot be pooled.

    References
    ----------
    Lee and Thompson 2008, 10.1002/sim.2897; Baker and Jackson 2008, 10.1007/s10729-007-9041-8.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, robust_random_effects
    >>> table = EvidenceTable.from_estimates([0.1, 0.12, 0.08, 0.11, 2.0], [0.01] * 5)
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
    live = checked_rows(table)
    kept = table if live.all() else table.subset(np.flatnonzero(live).tolist())
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
    return RobustPooled(
        kept, Spec("robust random effects", "ML", interval, "t mixture", level, why=why), offset + unit * mu,
        unit * _standard_error(likelihood, theta), nu, unit**2 * tau2, 100.0 * precision / precision.sum(),
        likelihood.scales(mu, tau2), constant - value, constant - normal, likelihood, unit, offset,
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
