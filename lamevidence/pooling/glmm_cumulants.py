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

Derivatives = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class Cumulant(Protocol):
    """A(η) for every study and row."""

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return A, A', A'', A''' at ``eta``, shape (batch, k, nodes, rows)."""


@dataclass(frozen=True, slots=True)
class Binomial:
    """A(η) = n log(1 + e^η); ``n`` has shape (k, rows)."""

    n: FloatArray

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return A, A', A'', A'''."""
        n = self.n[:, None, :]
        e = np.exp(-np.abs(eta))
        positive = eta >= 0
        p = np.where(positive, 1.0, e) / (1.0 + e)
        a = n * (np.where(positive, eta, 0.0) + np.log1p(e))
        a2 = n * e / (1.0 + e) ** 2
        return a, n * p, a2, a2 * (1.0 - 2.0 * p)


@dataclass(frozen=True, slots=True)
class Poisson:
    """A(η) = e^η; the log of the person-time is part of η."""

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return A, A', A'', A''' (all equal)."""
        a = np.exp(np.minimum(eta, 700.0))
        return a, a, a, a


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
    cells: dict[int, FloatArray] = field(default_factory=dict)

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return log normaliser, mean, variance and third central moment."""
        theta = eta[..., 0]
        cell = np.rint(theta)
        x = 2.0 * (theta - cell)
        study = np.arange(theta.shape[1])[None, :, None]
        keys = (cell.astype(np.int64) + OFFSET) * theta.shape[1] + study
        found, position = np.unique(keys, return_inverse=True)
        self._fill(found)
        table = np.stack([self.cells[key] for key in found.tolist()], axis=1)
        c = table[:, position.reshape(keys.shape)]
        a, a1, a2, a3 = c[-1], np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
        for j in range(c.shape[0] - 2, -1, -1):  # Horner, carrying A^(n)/n!
            a3 = a3 * x + a2
            a2 = a2 * x + a1
            a1 = a1 * x + a
            a = a * x + c[j]
        centre = self.centre[:, None]
        a = a + centre * theta
        return a[..., None], (2.0 * a1 + centre)[..., None], (8.0 * a2)[..., None], (48.0 * a3)[..., None]

    def _fill(self, keys: NDArray[np.int64]) -> None:
        """Make the polynomials of new cells in x = 2(θ − cell), |x| ≤ 1: all cells of a study at once."""
        new = np.array([key for key in keys.tolist() if key not in self.cells], dtype=np.int64)
        cells, studies = np.divmod(new, self.support.shape[0])
        for study in np.unique(studies):
            mine = studies == study
            inside = np.isfinite(self.log_weight[study])
            u, w = self.support[study][inside], self.log_weight[study][inside]
            theta = (cells[mine] - OFFSET)[:, None] + NODES / 2
            exponent = theta[:, :, None] * u + w
            top = exponent.max(axis=-1)
            values = top + np.log(np.exp(exponent - top[..., None]).sum(axis=-1))
            self.cells.update(zip(new[mine].tolist(), values @ TO_POWERS.T, strict=True))


OFFSET = 10_000
NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))


def _to_powers() -> FloatArray:
    """Return the matrix from values at the Chebyshev points to coefficients of powers of x."""
    order = np.arange(DEGREE + 1)
    transform = 2.0 / (DEGREE + 1) * np.cos(order[:, None] * np.arccos(NODES)[None, :])
    transform[0] /= 2.0
    powers = np.zeros((DEGREE + 1, DEGREE + 1))
    for n in order:
        row = np.polynomial.chebyshev.cheb2poly(np.eye(DEGREE + 1)[n])
        powers[: row.size, n] = row
    return np.asarray(powers @ transform)


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
