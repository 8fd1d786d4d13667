"""Likelihoods of one true effect θ: counts, and estimates whose standard error is itself estimated.

The t likelihood is a scale mixture of normals, and its integral over θ is closed for each scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError
from .hazard import hazard_likelihoods
from .printed_estimate import PrintedEstimate
from .rates import Poisson
from .standard_errors import degrees_of_freedom
from .study_likelihood import Inner, LogConcaveLikelihood, StudyLikelihood
from .t_scales import t_scales

__all__ = ["Inner", "LogConcaveLikelihood", "PrintedEstimate", "StudyLikelihood", "study_likelihoods"]

_SUPPORT_LIMIT = 20_000
_LIMIT = 40.0
_STEP = 0.1
_LARGEST = 700.0
"""Exponents up to this do not overflow."""

IntArray = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Binomial(LogConcaveLikelihood):
    """r events of n with logit probability θ + offset."""

    r: float
    n: float
    offset: float = 0.0

    @cached_property
    def _const(self) -> float:
        return float(special.gammaln(self.n + 1) - special.gammaln(self.r + 1) - special.gammaln(self.n - self.r + 1))

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
        """log C(n, r) + r x − n log(1 + eˣ)."""
        x = theta + self.offset if self.offset else theta
        # in place, as this is most of the work
        if x.size and x.max() < _LARGEST:
            log = np.asarray(np.exp(x))
            log += 1.0
            np.log(log, out=log)
        else:
            # log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)
            log = np.asarray(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0))
        log *= -self.n
        log += self.r * x
        log += self._const
        return log

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """r − n p and −n p (1 − p)."""
        p = special.expit(theta + self.offset if self.offset else theta)
        mean = self.n * p
        p -= 1.0
        p *= mean
        return self.r - mean, p


class Hypergeometric(LogConcaveLikelihood):
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
            p = log_choose + theta[s, None] * u
            top = p.max(axis=1)
            p = np.exp(np.subtract(p, top[:, None], out=p), out=p)
            total = p.sum(axis=1)
            k0[s], k1[s] = top + np.log(total), p @ u / total
            k2[s] = np.einsum("ij,ij->i", p, (u - k1[s, None]) ** 2) / total
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

    def _locate(self, theta: FloatArray) -> tuple[IntArray, FloatArray, FloatArray | None]:
        """Cell of the table, place in it from 0 to 1, and how far beyond the table θ is, None where it nowhere is."""
        beyond = None
        if theta.size and not (theta.min() > -_LIMIT and theta.max() < _LIMIT):
            inside = np.minimum(np.maximum(theta, -_LIMIT), _LIMIT * (1 - 1e-15))
            beyond, theta = theta - inside, inside
        place = (theta + _LIMIT) / _STEP
        i = place.astype(np.intp)
        np.minimum(i, self._poly.shape[1] - 1, out=i)
        place -= i
        return i, place, beyond

    def value(self, theta: FloatArray) -> FloatArray:
        """a θ + log choose − log normaliser."""
        i, x, beyond = self._locate(theta)
        k = self._poly[5].take(i)
        for c in self._poly[4::-1]:
            k *= x
            k += c.take(i)
        if beyond is not None:
            k += np.where(beyond < 0, beyond * self._ends[0], beyond * self._ends[1])
        out = np.asarray(self.a * theta)
        out -= k
        out += self._const
        return out

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """a − E[u] and −Var[u]."""
        i, x, _ = self._locate(theta)
        c = self._poly[1:].take(i, axis=1)
        first = (c[0] + x * (2 * c[1] + x * (3 * c[2] + x * (4 * c[3] + x * 5 * c[4])))) / _STEP
        second = (2 * c[1] + x * (6 * c[2] + x * (12 * c[3] + x * 20 * c[4]))) / _STEP**2
        return self.a - first, -np.maximum(second, 0.0)


@dataclass(frozen=True, eq=False)
class TEstimate(StudyLikelihood):
    """Estimate y with (y − θ)/s a t variable with ``df`` degrees of freedom (``inf``: normal)."""

    y: float
    v: float
    df: float

    below = above = True

    @property
    def narrowest(self) -> float:
        """The standard error."""
        return float(np.sqrt(self.v))

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
        shape = np.broadcast_shapes(mu.shape, tau.shape)
        gap = self.y - mu
        weight, scale = t_scales(self.df, nodes, float(np.max(gap * gap)) / self.v)
        v = self.v * scale
        total = v + (tau * tau)[..., None]
        bend = -0.5 / total
        part = np.asarray(bend * (gap * gap)[..., None])
        np.exp(part, out=part)
        part *= weight / np.sqrt(2 * np.pi * total)
        here = part.sum(axis=-1)
        if weight.size == 1 or not here.min() > 1e-280:
            log = np.log(weight) - 0.5 * np.log(2 * np.pi * total) + bend * (gap * gap)[..., None]
            out = special.logsumexp(log, axis=-1)
            part, here = np.exp(log - out[..., None]), np.ones(shape)
        else:
            out = np.log(here)
        with np.errstate(divide="ignore"):
            half = out + (np.log(2.0 * part[..., ::2].sum(axis=-1) / here) if weight.size > 1 else 0.0)
        if not moments:
            return Inner(out, out, out, half)
        # given its scale θ has mean μ + pull (y − μ) and variance v pull
        pull = (tau * tau)[..., None] / total
        pulls = np.broadcast_to(pull, part.shape)
        first = np.einsum("...s,...s->...", part, pulls) / here
        second = np.einsum("...s,...s->...", part, np.broadcast_to(pull * pull, part.shape)) / here
        inner = np.einsum("...s,...s->...", part, np.broadcast_to(pull * v, part.shape)) / here
        mean = mu + first * gap
        var = inner + np.maximum(second - first * first, 0.0) * gap * gap
        return Inner(out, mean, var, half)

    def draw(self, mu: FloatArray, tau: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One draw of θ: of the scale by its share, then of the normal law given it."""
        gap = self.y - mu
        weight, scale = t_scales(self.df, 41, float(np.max(gap * gap)) / self.v)
        v = self.v * scale
        total = v + (tau * tau)[:, None]
        log = np.log(weight) - 0.5 * (np.log(total) + (gap * gap)[:, None] / total)
        below = np.cumsum(np.exp(log - log.max(axis=1, keepdims=True)), axis=1)
        which = (below < rng.uniform(size=(mu.size, 1)) * below[:, -1:]).sum(axis=1)
        pull = tau * tau / total[np.arange(mu.size), which]
        return np.asarray(mu + pull * gap + np.sqrt(v[which] * pull) * rng.standard_normal(mu.size))

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Estimate with the same standard error."""
        noise = rng.standard_normal(theta.size) if np.isinf(self.df) else rng.standard_t(self.df, theta.size)
        return np.asarray(theta + np.sqrt(self.v) * noise)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the estimate, twice."""
        z = (self.y - theta) / np.sqrt(self.v)
        below = np.asarray(special.ndtr(z) if np.isinf(self.df) else special.stdtr(self.df, z))
        return below, below


def study_likelihoods(table: EvidenceTable, name: str) -> list[StudyLikelihood]:
    """Return the likelihood of each row as a function of its true effect.

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
    if name == "hazard":
        return hazard_likelihoods(c)
    df = degrees_of_freedom(table) if name == "t" else np.full(table.k, np.inf)
    known = [TEstimate(*map(float, row)) for row in zip(table.yi, table.vi, df, strict=True)]
    laws = table.printed or (None,) * table.k
    return [row if law is None else PrintedEstimate(law, row.df) for row, law in zip(known, laws, strict=True)]


def _check(table: EvidenceTable, events: FloatArray, total: FloatArray, time: FloatArray | None = None) -> None:
    bad = ~((events >= 0) & (events <= total) & (events == np.round(events)))
    if time is not None:
        bad |= ~((time > 0) & np.isfinite(time))
    if bad.any():
        rows = ", ".join(table.labels[i] for i in np.flatnonzero(bad))
        raise InputError(
            f"events must be whole numbers from 0 to their total, and person-time positive · look at: {rows}"
        )
