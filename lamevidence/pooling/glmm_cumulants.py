"""Cumulant functions of the count models: A(η) and its first three derivatives.

Every count model of this chapter has the likelihood exp{x η − A(η)} · const with its natural
parameter η: binomial (logit), Poisson (log) and Fisher's non-central hypergeometric (log odds
ratio, Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040). All three are sums of log(1 + e^(η−c))
or limits of such sums, hence \\|A'''\\| ≤ A'': the damping of `self_concordant_step` never overshoots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..effects.measures.base import FloatArray

__all__ = ["Binomial", "Cumulant", "Hypergeometric", "Poisson", "hypergeometric", "self_concordant_step"]

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


DEGREE = 15
"""A(θ) is analytic for \\|Im θ\\| < π (all zeros of its generating polynomial are real and negative), so on a cell of
half-width ½ Chebyshev coefficients fall by 12.6 each: degree 15 reaches double precision."""


@dataclass(frozen=True, slots=True)
class Hypergeometric:
    """A(θ) = log Σ_u C(n1,u) C(n2,m−u) e^(uθ), Fisher's non-central hypergeometric law.

    The sum over the support is taken at Chebyshev points of cells of width 1, once for each (study, cell) met;
    in between A is that cell's polynomial.

    Attributes
    ----------
    support
        Support points u minus ``centre``, (k, s), padded.
    log_weight
        log C(n1,u) + log C(n2,m−u), −inf where padded, (k, s).
    centre
        The observed count, (k,).
    cells
        (study, cell) → polynomial coefficients of A − centre·θ, filled as needed.
    """

    support: FloatArray
    log_weight: FloatArray
    centre: FloatArray
    cells: Cells = field(default_factory=lambda: Cells())

    def lower(self, eta: FloatArray) -> Three:
        """Return log normaliser, mean and variance."""
        found = self._all(eta)
        centre = self.centre[:, None]
        return found[..., 0] + centre * eta, found[..., 1] + centre, found[..., 2]

    def upper(self, eta: FloatArray) -> Three:
        """Return mean, variance and third central moment."""
        found = self._all(eta)
        return found[..., 1] + self.centre[:, None], found[..., 2], found[..., 3]

    def _all(self, eta: FloatArray) -> FloatArray:
        """Return A − centre·η and its three derivatives, (1, b, k, q, 4)."""
        cell = np.rint(eta)
        powers = np.empty((*eta.shape, DEGREE + 1))
        powers[..., 0], powers[..., 1:] = 1.0, (2.0 * (eta - cell))[..., None]
        np.multiply.accumulate(powers, axis=-1, out=powers)
        coefficients = self.cells.at(self, cell.astype(np.int64))
        return np.asarray(np.matmul(coefficients, powers[..., None])[..., 0])

    def polynomials(self, study: int, cells: NDArray[np.int64]) -> FloatArray:
        """Return A − centre·θ and its derivatives on cells of a study, in powers of x = 2(θ − cell), |x| ≤ 1."""
        inside = np.isfinite(self.log_weight[study])
        u, w = self.support[study][inside], self.log_weight[study][inside]
        theta = (cells[:, None] + NODES / 2).ravel()
        exponent = theta[:, None] * u + w
        top = exponent.max(axis=-1)
        values = top + np.log(np.exp(exponent - top[:, None]).sum(axis=-1))
        return np.asarray(np.matmul(values.reshape(cells.size, -1), TO_POWERS).reshape(cells.size, 4, -1))


class Cells:
    """Polynomials of the cells met so far: a table of their coefficients and where each (study, cell) is in it."""

    def __init__(self) -> None:
        self.first = 0
        self.position = np.zeros((0, 0), dtype=np.intp)
        self.table = np.zeros((0, 4, DEGREE + 1))

    def at(self, law: Hypergeometric, cell: NDArray[np.int64]) -> FloatArray:
        """Return the coefficients for cells (…, k, q): (…, k, q, 4, DEGREE + 1)."""
        k = cell.shape[-2]
        low, high = int(cell.min()), int(cell.max())
        if not self.first <= low <= high < self.first + self.position.shape[1]:
            self._widen(k, low, high)
        study = np.arange(k)[:, None]
        found = self.position[study, cell - self.first]
        if found.min() < 0:
            self._fill(law, np.unique((cell * k + study)[found < 0]))
            found = self.position[study, cell - self.first]
        return self.table[found]

    def _widen(self, k: int, low: int, high: int) -> None:
        old, width = self.first, self.position.shape[1]
        if width:
            low, high = min(low, old), max(high, old + width - 1)
        wider = np.full((k, high - low + 1), -1, dtype=np.intp)
        if width:
            wider[:, old - low : old - low + width] = self.position
        self.first, self.position = low, wider

    def _fill(self, law: Hypergeometric, keys: NDArray[np.int64]) -> None:
        cells, studies = np.divmod(keys, self.position.shape[0])
        made = [self.table]
        size = self.table.shape[0]
        for study in np.unique(studies).tolist():
            mine = cells[studies == study]
            self.position[study, mine - self.first] = size + np.arange(mine.size)
            size += mine.size
            made.append(law.polynomials(study, mine))
        self.table = np.concatenate(made)


NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))


def _to_powers() -> FloatArray:
    """Return the matrix from values at the Chebyshev points to coefficients of A, A', A'', A''' in powers of x."""
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


def hypergeometric(ai: FloatArray, n1i: FloatArray, ci: FloatArray, n2i: FloatArray) -> Hypergeometric:
    """Return the conditional law of ``ai`` given all margins of each 2×2 table."""
    m = ai + ci
    low, high = np.maximum(0.0, m - n2i), np.minimum(n1i, m)
    size = int((high - low).max()) + 1
    u = low[:, None] + np.arange(size, dtype=np.float64)[None, :]
    inside = u <= high[:, None]
    u = np.asarray(np.where(inside, u, high[:, None]), dtype=np.float64)
    choose = _log_choose(n1i[:, None], u) + _log_choose(n2i[:, None], m[:, None] - u)
    choose -= choose.max(axis=-1, keepdims=True)
    return Hypergeometric(u - ai[:, None], np.where(inside, choose, -np.inf), ai)


def _log_choose(n: FloatArray, r: FloatArray) -> FloatArray:
    gammaln = special.gammaln
    return np.asarray(gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1))


def self_concordant_step(eta_step: FloatArray) -> FloatArray:
    """Return the damping log(1+r)/r of a Newton step that moves η by at most r (1 for small r).

    With \\|A'''\\| ≤ A'' a step so damped always ascends (Bach 2010, doi:10.1214/09-EJS521).
    """
    r = np.abs(eta_step)
    return np.where(r > 0.1, np.log1p(r) / np.maximum(r, 1e-300), 1.0)
