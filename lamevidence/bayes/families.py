"""Likelihoods of one true effect θ: counts, and estimates whose standard error is itself estimated.

The t likelihood is a scale mixture of normals, and its integral over θ is closed for each scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from .kernel import Inner, Kernel, ScalarKernel

__all__ = ["Inner", "Kernel", "ScalarKernel", "degrees_of_freedom", "kernels"]

_SUPPORT_LIMIT = 20_000
_LIMIT = 40.0
_STEP = 0.1


@dataclass(frozen=True, eq=False)
class Binomial(ScalarKernel):
    """r events of n with logit probability θ + offset."""

    r: float
    n: float
    offset: float = 0.0

    @property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Logit with half an event added, for placing nodes only."""
        a, b = self.r + 0.5, self.n - self.r + 0.5
        return float(np.log(a / b)) - self.offset, 1 / a + 1 / b

    @property
    def below(self) -> bool:  # type: ignore[override]
        """Bounds θ from below."""
        return self.r > 0

    @property
    def above(self) -> bool:  # type: ignore[override]
        """Bounds θ from above."""
        return self.r < self.n

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Binomial events."""
        return np.asarray(rng.binomial(int(self.n), special.expit(theta + self.offset)), dtype=np.float64)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the events at r − 1 and at r."""
        here = np.exp(self.value(theta))
        if self.r == 0:
            return np.zeros(theta.shape), here
        below = np.asarray(special.betainc(self.n - self.r + 1, self.r, special.expit(-theta - self.offset)))
        return below, below + here

    def value(self, theta: FloatArray) -> FloatArray:
        """Log C(n, r) + r x − n log(1 + eˣ)."""
        x = theta + self.offset
        const = special.gammaln(self.n + 1) - special.gammaln(self.r + 1) - special.gammaln(self.n - self.r + 1)
        # log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)
        return np.asarray(const + self.r * x - self.n * (np.maximum(x, 0.0) + np.log(1.0 + np.exp(-np.abs(x)))))

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """R − n p and −n p (1 − p)."""
        p = special.expit(theta + self.offset)
        return self.r - self.n * p, -self.n * p * (1 - p)


@dataclass(frozen=True, eq=False)
class Poisson(ScalarKernel):
    """r events with log mean θ + log exposure."""

    r: float
    exposure: float

    below = property(lambda self: self.r > 0)  # type: ignore[assignment]
    above = True

    @property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Log rate with half an event added, for placing nodes only."""
        return float(np.log((self.r + 0.5) / self.exposure)), 1 / (self.r + 0.5)

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Poisson events."""
        return np.asarray(rng.poisson(np.exp(np.minimum(theta + np.log(self.exposure), 40.0))), dtype=np.float64)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the events at r − 1 and at r."""
        here = np.exp(self.value(theta))
        if self.r == 0:
            return np.zeros(theta.shape), here
        below = np.asarray(special.gammaincc(self.r, np.exp(np.minimum(theta + np.log(self.exposure), 700.0))))
        return below, below + here

    def value(self, theta: FloatArray) -> FloatArray:
        """R x − eˣ − log r!."""
        x = theta + np.log(self.exposure)
        return np.asarray(self.r * x - np.exp(np.minimum(x, 700.0)) - special.gammaln(self.r + 1))

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """R − λ and −λ."""
        rate = np.exp(np.minimum(theta + np.log(self.exposure), 700.0))
        return self.r - rate, -rate


class Hypergeometric(ScalarKernel):
    """Fisher's non-central hypergeometric law of the events in one arm, given all margins; θ is the log odds ratio.

    The log normaliser is tabulated with its two derivatives and interpolated by quintic Hermite polynomials.
    """

    def __init__(self, a: float, n1: float, c: float, n2: float) -> None:
        m = a + c
        low, high = max(0.0, m - n2), min(n1, m)
        if high - low > _SUPPORT_LIMIT:
            raise OptionError(
                f"the exact law of a 2×2 table with {high - low + 1:.0f} possible values is too long"
                " · use likelihood='normal'"
            )
        u = np.arange(low, high + 1)
        log_choose = (
            special.gammaln(n1 + 1)
            - special.gammaln(u + 1)
            - special.gammaln(n1 - u + 1)
            + special.gammaln(n2 + 1)
            - special.gammaln(m - u + 1)
            - special.gammaln(n2 - m + u + 1)
        )
        self.a, self.low, self.high, self.margins = a, low, high, (n1, n2, m)
        self._log_choose = log_choose
        self.below, self.above = a > low, a < high
        self._grid(u, log_choose)
        self._const = float(log_choose[int(a - low)])
        b, d = n1 - a, n2 - c
        self.approx = (
            float(np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))),
            1 / (a + 0.5) + 1 / (b + 0.5) + 1 / (c + 0.5) + 1 / (d + 0.5),
        )

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Events of the first arm given all margins, by their cumulative probabilities."""
        u = np.arange(self.low, self.high + 1)
        log = self._log_choose + theta[:, None] * u
        below = np.cumsum(np.exp(log - special.logsumexp(log, axis=1, keepdims=True)), axis=1)
        return np.asarray(self.low + (rng.uniform(size=(theta.size, 1)) > below[:, :-1]).sum(1), dtype=np.float64)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the events in the first arm at a − 1 and at a."""
        u, place = np.arange(self.low, self.high + 1), int(self.a - self.low)
        out = np.empty((2, theta.size))
        block = max(1, 200_000 // u.size)
        for i in range(0, theta.size, block):
            terms = self._log_choose + theta[i : i + block, None] * u
            p = np.exp(terms - terms.max(axis=1, keepdims=True))
            below, total = p[:, :place].sum(axis=1), p.sum(axis=1)
            out[:, i : i + block] = below / total, (below + p[:, place]) / total
        return out[0], out[1]

    def _grid(self, u: FloatArray, log_choose: FloatArray) -> None:
        theta = np.arange(-_LIMIT, _LIMIT + 0.5 * _STEP, _STEP)
        k0, k1, k2 = (np.empty(theta.size) for _ in range(3))
        block = max(1, 200_000 // u.size)
        for i in range(0, theta.size, block):
            s = slice(i, i + block)
            terms = log_choose + theta[s, None] * u
            k0[s] = special.logsumexp(terms, axis=1)
            p = np.exp(terms - k0[s, None])
            k1[s] = p @ u
            k2[s] = (p * (u - k1[s, None]) ** 2).sum(1)
        h = _STEP
        f0, f1, d0, d1, s0, s1 = k0[:-1], k0[1:], k1[:-1] * h, k1[1:] * h, k2[:-1] * h * h, k2[1:] * h * h
        gap = f1 - f0
        self._poly = np.stack(
            [
                f0,
                d0,
                0.5 * s0,
                10 * gap - 6 * d0 - 4 * d1 - 1.5 * s0 + 0.5 * s1,
                -15 * gap + 8 * d0 + 7 * d1 + 1.5 * s0 - s1,
                6 * gap - 3 * (d0 + d1) - 0.5 * (s0 - s1),
            ]
        )
        self._ends = (float(k1[0]), float(k1[-1]))

    def _locate(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        inside = np.clip(theta, -_LIMIT, _LIMIT * (1 - 1e-15))
        place = (inside + _LIMIT) / _STEP
        i = np.minimum(place.astype(np.intp), self._poly.shape[1] - 1)
        return self._poly[:, i], place - i, theta - inside

    def value(self, theta: FloatArray) -> FloatArray:
        """A θ + log choose − log normaliser."""
        c, x, out = self._locate(theta)
        k = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))))
        k = k + np.where(out < 0, out * self._ends[0], out * self._ends[1])
        return np.asarray(self._const + self.a * theta - k)

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A − E[u] and −Var[u]."""
        c, x, _ = self._locate(theta)
        first = (c[1] + x * (2 * c[2] + x * (3 * c[3] + x * (4 * c[4] + x * 5 * c[5])))) / _STEP
        second = (2 * c[2] + x * (6 * c[3] + x * (12 * c[4] + x * 20 * c[5]))) / _STEP**2
        return self.a - first, -np.maximum(second, 0.0)


@dataclass(frozen=True, eq=False)
class TEstimate(Kernel):
    """Estimate y with (y − θ)/s a t variable with ``df`` degrees of freedom (``inf``: normal)."""

    y: float
    v: float
    df: float

    below = above = True

    @property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Estimate and variance."""
        return self.y, self.v * (self.df / (self.df - 2) if 4 < self.df < np.inf else 1.0)

    def value(self, theta: FloatArray) -> FloatArray:
        """Log density of the estimate."""
        gap2 = (self.y - theta) ** 2 / self.v
        if np.isinf(self.df):
            return np.asarray(-0.5 * (gap2 + np.log(2 * np.pi * self.v)))
        half = 0.5 * self.df
        const = special.gammaln(half + 0.5) - special.gammaln(half) - 0.5 * np.log(self.df * np.pi * self.v)
        return np.asarray(const - (half + 0.5) * np.log1p(gap2 / self.df))

    def integrate(self, mu: FloatArray, tau: FloatArray, nodes: int, *, moments: bool = True) -> Inner:
        """Σ over scales λ ~ Gamma(ν/2, ν/2) of N(y | μ, v/λ + τ²)."""
        weight, scale = _t_scales(self.df, nodes)
        v = self.v * scale
        total = v + (tau * tau)[..., None]
        gap = (self.y - mu)[..., None]
        log = np.log(weight) - 0.5 * (np.log(2 * np.pi * total) + gap * gap / total)
        out = special.logsumexp(log, axis=-1)
        if not moments:
            return Inner(out, out, out)
        share = np.exp(log - out[..., None])
        pull = (tau * tau)[..., None] / total
        centre = mu[..., None] + pull * gap
        mean = (share * centre).sum(-1)
        var = (share * (v * pull + (centre - mean[..., None]) ** 2)).sum(-1)
        return Inner(out, mean, var)

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Estimate with the same standard error."""
        noise = rng.standard_normal(theta.size) if np.isinf(self.df) else rng.standard_t(self.df, theta.size)
        return np.asarray(theta + np.sqrt(self.v) * noise)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the estimate, twice."""
        z = (self.y - theta) / np.sqrt(self.v)
        below = np.asarray(special.ndtr(z) if np.isinf(self.df) else special.stdtr(self.df, z))
        return below, below


_NEAR_NORMAL = 135.0
"""From this ν/2 on, log λ is nearly normal and its range shrinks with its spread."""


def _t_scales(df: float, nodes: int) -> tuple[FloatArray, FloatArray]:
    """Weights and variance factors 1/λ of the normal scale mixture that is a t density, by trapezoid in log λ."""
    if np.isinf(df):
        return np.ones(1), np.ones(1)
    a = 0.5 * df
    if a >= _NEAR_NORMAL:
        # eˣ − 1 − x ≥ x²/3 on [−1, 0] and ≥ x²/2 above: outside, the density of log λ is below e⁻⁴⁵ of its peak
        ends = -np.sqrt(135.0 / a), np.sqrt(90.0 / a)
    else:
        ends = -max(40.0 / a, 6.5 / np.sqrt(a)) - 1.0, np.log1p(40.0 / a) + 4.0 / np.sqrt(a)
    x = np.linspace(*ends, 2 * nodes)
    log = a * x - a * np.exp(x) + a * np.log(a) - special.gammaln(a)
    weight = np.exp(log) * (x[1] - x[0])
    keep = weight > 1e-18
    return weight[keep] / weight[keep].sum(), np.exp(-x[keep])


def kernels(table: EvidenceTable, name: str) -> list[Kernel]:
    """Return one kernel a row.

    Raises
    ------
    InputError
        Counts that are not counts: negative, above their total, no person-time.
    """
    c = table.counts
    if name == "binomial":
        _check(table, c["xi"], c["ni"])
        return [Binomial(float(r), float(n)) for r, n in zip(c["xi"], c["ni"], strict=True)]
    if name == "poisson":
        _check(table, c["xi"], np.full(table.k, np.inf), c["ti"])
        return [Poisson(float(r), float(t)) for r, t in zip(c["xi"], c["ti"], strict=True)]
    if name == "hypergeometric":
        n1, n2 = c["ai"] + c["bi"], c["ci"] + c["di"]
        _check(table, c["ai"], n1)
        _check(table, c["ci"], n2)
        return [Hypergeometric(*map(float, row)) for row in zip(c["ai"], n1, c["ci"], n2, strict=True)]
    if name == "conditional-binomial":
        for x, t in (("x1i", "t1i"), ("x2i", "t2i")):
            _check(table, c[x], np.full(table.k, np.inf), c[t])
        offset = np.log(c["t1i"] / c["t2i"])
        both = c["x1i"] + c["x2i"]
        return [Binomial(*map(float, row)) for row in zip(c["x1i"], both, offset, strict=True)]
    df = degrees_of_freedom(table) if name == "t" else np.full(table.k, np.inf)
    return [TEstimate(*map(float, row)) for row in zip(table.yi, table.vi, df, strict=True)]


def degrees_of_freedom(table: EvidenceTable) -> FloatArray:
    """Return n − 1 of each standard error, n − 2 for a difference of two arms, infinite where n is not known."""
    assert table.n is not None
    lost = 2.0 if table.measure in ("MD", "SMD") else 1.0
    return np.where(np.isfinite(table.n), table.n - lost, np.inf)


def _check(table: EvidenceTable, events: FloatArray, total: FloatArray, time: FloatArray | None = None) -> None:
    bad = ~((events >= 0) & (events <= total) & (events == np.round(events)))
    if time is not None:
        bad |= ~((time > 0) & np.isfinite(time))
    if bad.any():
        rows = ", ".join(table.labels[i] for i in np.flatnonzero(bad))
        raise InputError(
            f"events must be whole numbers from 0 to their total, and person-time positive · look at: {rows}"
        )
