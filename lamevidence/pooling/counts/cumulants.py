"""Cumulant functions of the count models: A(η) and its first three derivatives.

Every count model of this chapter has the likelihood exp{x η − A(η)} · const with its natural
parameter η: binomial (logit), Poisson (log) and Fisher's non-central hypergeometric (log odds
ratio, Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040). All three are sums of log(1 + e^(η−c))
or limits of such sums, hence \\|A'''\\| ≤ A'': the damping of `self_concordant_step` never overshoots.

The hypergeometric A(θ) = log Σ_u C(n1,u) C(n2,m−u) e^(uθ) is summed at Chebyshev points of cells of width 1, once for
each (study, cell) met; in between A is that cell's polynomial. A sum has only the terms that count: they lie about the
mode, the root of a quadratic, and where they are a smooth bell every h-th one is enough (Poisson's summation formula:
the error is e^(−2π²s²/h²) of the sum, s the standard deviation). So the cost does not grow with the counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.measures.base import FloatArray

__all__ = ["Binomial", "Cumulant", "Hypergeometric", "Poisson", "self_concordant_step"]

Three = tuple[FloatArray, FloatArray, FloatArray]


class Cumulant(Protocol):
    """A(η) for every row and study; ``eta`` has shape (rows, batch, k, nodes)."""

    def lower(self, eta: FloatArray) -> Three:
        """Return A, A', A''."""

    def upper(self, eta: FloatArray) -> Three:
        """Return A', A'', A'''."""


@dataclass(frozen=True, slots=True)
class Binomial:
    """A(η) = n log(1 + e^η); ``n`` has shape (k, rows)."""

    n: FloatArray

    def lower(self, eta: FloatArray) -> Three:
        """Return A, A', A''."""
        n = self.n.T[:, None, :, None]
        a1 = n * special.expit(eta)
        return -n * special.log_expit(-eta), a1, a1 * special.expit(-eta)

    def upper(self, eta: FloatArray) -> Three:
        """Return A', A'', A'''."""
        p, q = special.expit(eta), special.expit(-eta)
        a1 = self.n.T[:, None, :, None] * p
        a2 = a1 * q
        return a1, a2, a2 * (q - p)


@dataclass(frozen=True, slots=True)
class Poisson:
    """A(η) = e^η; the log of the person-time is part of η."""

    def lower(self, eta: FloatArray) -> Three:
        """Return A, A', A'' (all equal)."""
        a = np.exp(np.minimum(eta, 700.0))
        return a, a, a

    upper = lower


def self_concordant_step(eta_step: FloatArray) -> FloatArray:
    """Return the damping log(1+r)/r of a Newton step that moves η by at most r (1 for small r).

    With \\|A'''\\| ≤ A'' a step so damped always ascends (Bach 2010, doi:10.1214/09-EJS521).
    """
    r = np.abs(eta_step)
    return np.where(r > 0.1, np.log1p(r) / np.maximum(r, 1e-300), 1.0)


# ---- Fisher's non-central hypergeometric law
DEGREE = 15
"""A(θ) is analytic for \\|Im θ\\| < π (all zeros of its generating polynomial are real and negative), so on a cell of
half-width ½ Chebyshev coefficients fall by 12.6 each: degree 15 reaches double precision."""
WHOLE = 2048
"""Supports below this size have their weights made once; larger ones only where terms count."""
SHORT = 128
"""Supports below this size have the cells beside made with those that are asked for."""
AROUND = np.arange(-3, 4)
FEW_COUNT = 512
"""Below this size the whole support is summed: finding the terms that count costs more."""
REACH, EDGE = 9.5, 30.0
"""Terms further from the mode than 9.5 standard deviations and 30 are below e^-45 of the largest."""
SMOOTH, APART = 20.0, 1.7
"""From this standard deviation on terms are taken every s/1.7: an error of e^-57."""


@dataclass(frozen=True, slots=True)
class Hypergeometric:
    """The law of ``x`` given all margins of each 2×2 table; the log weight of the observed table is taken as 0.

    Attributes
    ----------
    n1, n2, m, x
        Group sizes, events of both groups and observed events of group 1, (k,).
    cells
        (study, cell) → polynomial coefficients of A − xθ, filled as needed.
    weights
        Study → its whole support about the observed count, with log weights, filled as needed.
    """

    n1: FloatArray
    n2: FloatArray
    m: FloatArray
    x: FloatArray
    cells: Cells = field(default_factory=lambda: Cells())
    weights: dict[int, tuple[FloatArray, FloatArray]] = field(default_factory=dict)

    @property
    def low(self) -> FloatArray:
        """Fewest events of group 1 that the margins allow, (k,)."""
        return np.asarray(np.maximum(0.0, self.m - self.n2))

    @property
    def high(self) -> FloatArray:
        """Most events of group 1 that the margins allow, (k,)."""
        return np.asarray(np.minimum(self.n1, self.m))

    def lower(self, eta: FloatArray) -> Three:
        """Return log normaliser, mean and variance."""
        found = self._all(eta, upper=False)
        x = self.x[:, None]
        return found[..., 0] + x * eta, found[..., 1] + x, found[..., 2]

    def upper(self, eta: FloatArray) -> Three:
        """Return mean, variance and third central moment."""
        found = self._all(eta, upper=True)
        return found[..., 0] + self.x[:, None], found[..., 1], found[..., 2]

    def _all(self, eta: FloatArray, upper: bool) -> FloatArray:
        """Return three of A − xη and its derivatives, (1, b, k, q, 3)."""
        cell = np.rint(eta)
        powers = np.empty((*eta.shape, DEGREE + 1))
        powers[..., 0], powers[..., 1:] = 1.0, (2.0 * (eta - cell))[..., None]
        np.multiply.accumulate(powers, axis=-1, out=powers)
        coefficients = self.cells.at(self, cell.astype(np.int64), upper)
        return np.asarray(np.matmul(coefficients, powers[..., None])[..., 0])

    def polynomials(self, study: int, cells: NDArray[np.int64]) -> FloatArray:
        """Return A − xθ and its derivatives on cells of a study, (cells, 4, 16), in powers of 2(θ − cell)."""
        theta = (cells[:, None] + NODES / 2).ravel()
        if self.high[study] - self.low[study] >= WHOLE:
            made = np.matmul(self._where_it_counts(study, theta).reshape(4, cells.size, -1), VALUES_TO_POWERS)
            return np.asarray(made.transpose(1, 0, 2))
        u, w = self._whole(study)
        near = self._near(study, theta) if u.size > FEW_COUNT else slice(None)
        exponent = theta[:, None] * u[near] + w[near]
        top = exponent.max(axis=-1)
        exponent -= top[:, None]
        values = top + np.log(np.exp(exponent, out=exponent).sum(axis=-1))
        return np.asarray(np.matmul(values.reshape(cells.size, -1), TO_POWERS).reshape(cells.size, 4, -1))

    def _margins(self, study: int) -> tuple[float, float, float, float]:
        return float(self.n1[study]), float(self.n2[study]), float(self.m[study]), float(self.x[study])

    def _whole(self, study: int) -> tuple[FloatArray, FloatArray]:
        """Return the support about the observed count, and the log weights relative to its own."""
        if study not in self.weights:
            n1, n2, m, x = self._margins(study)
            u = np.arange(max(0.0, m - n2), min(n1, m) + 1.0)
            four = np.stack([u, n1 - u, m - u, n2 - m + u])
            w = -special.gammaln(four + 1.0).sum(axis=0)
            self.weights[study] = u - x, w - w[int(x - u[0])]
        return self.weights[study]

    def _near(self, study: int, theta: FloatArray) -> slice:
        """Return the part of the support with all terms that count for these θ."""
        mode, sd = self._shape(study, np.array([theta.min(), theta.max()]))
        reach, low = REACH * sd + EDGE, float(self.low[study])
        return slice(max(0, int(mode[0] - reach[0] - low)), int(mode[1] + reach[1] - low) + 2)

    def _shape(self, study: int, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mode for each θ, root of u(n2 − m + u) = e^θ (n1 − u)(m − u), and the standard deviation there."""
        n1, n2, m, _ = self._margins(study)
        # the quadratic is divided by e^θ where that is large
        small, large = np.exp(np.minimum(theta, 0.0)), np.exp(-np.maximum(theta, 0.0))
        a, b, c = large - small, large * (n2 - m) + small * (n1 + m), small * n1 * m
        root = np.sqrt(np.maximum(b * b + 4.0 * a * c, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(b >= 0, 2.0 * c / (b + root), (root - b) / (2.0 * a))
        mode = np.clip(np.where(np.isfinite(found), found, 0.0), max(0.0, m - n2), min(n1, m))
        parts = np.stack([mode, n1 - mode, m - mode, n2 - m + mode])
        return mode, 1.0 / np.sqrt((1.0 / np.maximum(parts, 0.5)).sum(axis=0))

    def _where_it_counts(self, study: int, theta: FloatArray) -> FloatArray:
        """Return A − xθ and the first three central moments about the observed count, (4, θ), of a large support."""
        mode, sd = self._shape(study, theta)
        out = np.empty((4, theta.size))
        smooth = sd >= SMOOTH
        order = np.argsort(sd)  # what is summed together has about the same number of terms
        for at in (*np.array_split(order[~smooth[order]], 6), order[smooth[order]]):
            if at.size == 0:
                continue
            bell = bool(smooth[at[0]])
            step = np.floor(sd[at] / APART) if bell else np.ones(at.size)
            count = int(np.ceil((REACH * sd[at] / step).max() + (0.0 if bell else EDGE)))
            away = step[:, None] * np.arange(-count, count + 1)
            out[:, at] = self._sums(study, theta[at], np.rint(mode[at]), away, step)
        return out

    def _sums(self, study: int, theta: FloatArray, start: FloatArray, away: FloatArray, step: FloatArray) -> FloatArray:
        """Return log sum, mean, variance and third central moment over ``start + away``, about the observed count."""
        n1, n2, m, x = self._margins(study)
        u = start[:, None] + away
        inside = (u >= max(0.0, m - n2)) & (u <= min(n1, m))
        u = np.where(inside, u, start[:, None])
        away = u - start[:, None]

        def weight(to: FloatArray, of: FloatArray) -> FloatArray:
            pairs = ((to, of), (n1 - to, n1 - of), (m - to, m - of), (n2 - m + to, n2 - m + of))
            return np.asarray(-np.sum([_log_factorial_ratio(a, b) for a, b in pairs], axis=0))

        height = np.where(inside, weight(u, start[:, None]) + theta[:, None] * away, -np.inf)
        top = height.max(axis=-1, keepdims=True)
        share = np.exp(height - top)
        total = share.sum(axis=-1)
        share /= total[:, None]
        mean = (share * away).sum(axis=-1)
        centred = away - mean[:, None]
        square = share * centred * centred
        value = weight(start, np.full(start.shape, x)) + theta * (start - x) + top[:, 0] + np.log(total * step)
        return np.stack([value, mean + start - x, square.sum(axis=-1), (square * centred).sum(axis=-1)])


def _log_factorial_ratio(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return log(a!/b!), by Stirling's series where both are large: differences of gammaln lose what they share."""
    a, b = np.broadcast_arrays(a, b)
    big = np.minimum(a, b) >= 16
    out = np.empty(a.shape)
    few = ~big
    out[few] = special.gammaln(a[few] + 1.0) - special.gammaln(b[few] + 1.0)
    p, q = a[big], b[big]
    gap = p - q
    out[big] = (q + 0.5) * np.log1p(gap / q) + gap * (np.log(p) - 1.0) + (_stirling(p) - _stirling(q))
    return out


def _stirling(x: FloatArray) -> FloatArray:
    s = 1.0 / (x * x)
    return np.asarray((1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / x)


class Cells:
    """Polynomials of the cells met so far: tables of their coefficients and where each (study, cell) is in them."""

    def __init__(self) -> None:
        self.first = 0
        self.position = np.zeros((0, 0), dtype=np.intp)
        self.tables = (np.zeros((0, 3, DEGREE + 1)), np.zeros((0, 3, DEGREE + 1)))

    def at(self, law: Hypergeometric, cell: NDArray[np.int64], upper: bool) -> FloatArray:
        """Return coefficients of A and its derivatives 1 and 2 (``upper``: 1 to 3) for cells (…, k, q)."""
        k = cell.shape[-2]
        low, high = int(cell.min()), int(cell.max())
        if not self.first <= low <= high < self.first + self.position.shape[1]:
            self._widen(k, low, high)
        study = np.arange(k)[:, None]
        found = self.position[study, cell - self.first]
        if found.min() < 0:
            missing = (study * CELLS + cell + CELLS // 2)[found < 0]
            self._fill(law, np.unique(np.concatenate([missing, self._beside(law, missing)])))
            found = self.position[study, cell - self.first]
        return self.tables[int(upper)][found]

    def _beside(self, law: Hypergeometric, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Neighbours, not yet made, of cells of short supports: a cell more costs less there than another call."""
        short = law.high - law.low < SHORT
        some = keys[short[keys // CELLS]]
        near = (some[:, None] + AROUND).ravel()
        place = near % CELLS - CELLS // 2 - self.first
        inside = (place >= 0) & (place < self.position.shape[1])
        near, place = near[inside], place[inside]
        return np.asarray(near[self.position[near // CELLS, place] < 0])

    def _widen(self, k: int, low: int, high: int) -> None:
        old, width = self.first, self.position.shape[1]
        low, high = low + int(AROUND[0]), high + int(AROUND[-1])
        if width:
            low, high = min(low, old), max(high, old + width - 1)
        wider = np.full((k, high - low + 1), -1, dtype=np.intp)
        if width:
            wider[:, old - low : old - low + width] = self.position
        self.first, self.position = low, wider

    def _fill(self, law: Hypergeometric, keys: NDArray[np.int64]) -> None:
        """Make the polynomials of (study, cell) pairs, sorted by study."""
        studies, cells = np.divmod(keys, CELLS)
        cells -= CELLS // 2
        starts = np.flatnonzero(np.concatenate([[True], np.diff(studies) > 0]))
        size = self.tables[0].shape[0]
        made = np.concatenate(
            [
                law.polynomials(int(studies[start]), mine)
                for start, mine in zip(starts.tolist(), np.split(cells, starts[1:]), strict=True)
            ]
        )
        self.position[studies, cells - self.first] = size + np.arange(keys.size)
        lower, upper = self.tables
        self.tables = (np.concatenate([lower, made[:, :3]]), np.concatenate([upper, made[:, 1:]]))


CELLS = 1 << 20
"""More cells than η can lie in."""
NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))


def _to_powers() -> FloatArray:
    """Return the matrix from values at the Chebyshev points to coefficients of A and three derivatives in powers."""
    order = np.arange(DEGREE + 1)
    transform = 2.0 / (DEGREE + 1) * np.cos(order[:, None] * np.arccos(NODES)[None, :])
    transform[0] /= 2.0
    powers = np.zeros((DEGREE + 1, DEGREE + 1))
    for n in order:
        row = np.polynomial.chebyshev.cheb2poly(np.eye(DEGREE + 1)[n])
        powers[: row.size, n] = row
    derivatives = [powers @ transform]
    for _ in range(3):  # θ moves by 1 where x moves by 2
        slope = 2.0 * order[1:, None] * derivatives[-1][1:]
        derivatives.append(np.concatenate([slope, np.zeros((1, DEGREE + 1))]))
    return np.concatenate(derivatives).T.copy()


TO_POWERS = _to_powers()
VALUES_TO_POWERS = TO_POWERS[:, : DEGREE + 1]
