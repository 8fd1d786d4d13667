"""Covariance structures of the levels of a random effect.

A structure maps free parameters θ to the covariance matrix G of its m levels. Heteroscedastic structures are
parametrised by standard deviations, the others by variances, correlations by themselves, so that G is smooth in θ up
to the boundary. The formulas accept complex θ: derivatives come from the complex step, exact to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog

__all__ = ["STRUCTURES", "Structure"]

COMPLEX_STEP = 1e-30
BERKEY = "10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C"


@dataclass(frozen=True, slots=True)
class Structure:
    """A covariance structure for a given number of levels.

    Attributes
    ----------
    code
        Name in `STRUCTURES`.
    m
        Number of levels.
    spread, related
        Number of variances (or standard deviations) and of correlations; θ holds them in this order.
    as_sd
        True when θ starts with standard deviations instead of variances.
    bounds
        (lowest, highest) of a correlation.
    build
        θ → G, complex-capable.
    """

    code: str
    m: int
    spread: int
    related: int
    as_sd: bool
    bounds: tuple[float, float]
    build: Callable[[FloatArray], FloatArray]

    @property
    def size(self) -> int:
        """Number of free parameters."""
        return self.spread + self.related

    @property
    def lower(self) -> FloatArray:
        """Lower bounds of θ."""
        return np.concatenate([np.zeros(self.spread), np.full(self.related, self.bounds[0])])

    @property
    def upper(self) -> FloatArray:
        """Upper bounds of θ."""
        return np.concatenate([np.full(self.spread, np.inf), np.full(self.related, self.bounds[1])])

    def start(self, variance: float, rho: float) -> FloatArray:
        """Return θ with all variances and all correlations equal."""
        first = variance**0.5 if self.as_sd else variance
        inside = min(max(rho, 0.9 * self.bounds[0]), 0.9 * self.bounds[1])
        if self.code == "UN" and self.m > 2:
            inside = float(np.arccos(inside))
        return np.concatenate([np.full(self.spread, first), np.full(self.related, inside)])

    def matrix(self, theta: FloatArray) -> FloatArray:
        """Return G, (m, m)."""
        return np.asarray(self.build(theta))

    def slopes(self, theta: FloatArray) -> FloatArray:
        """Return dG/dθ, (size, m, m)."""
        shifted = theta[None, :] + 1j * COMPLEX_STEP * np.eye(self.size)
        return np.stack([np.imag(self.build(row)) / COMPLEX_STEP for row in shifted])

    def variances(self, theta: FloatArray) -> FloatArray:
        """Return the variances as people read them, (spread,)."""
        first = theta[: self.spread]
        return first**2 if self.as_sd else first.copy()

    def correlations(self, theta: FloatArray) -> FloatArray:
        """Return the correlations: one, or those of the upper triangle row by row."""
        if self.code != "UN" or self.m == 2:
            return theta[self.spread :].copy()
        angles = _angles_to_correlation(theta[self.spread :], self.m)
        return np.asarray(np.real(angles[np.triu_indices(self.m, 1)]))


STRUCTURES: Catalog[Callable[[FloatArray], Structure]] = Catalog("covariance structure")

_LONGITUDINAL = "Trikalinos & Olkin 2012, Clinical Trials 9:610"


def _outer(sd: FloatArray, correlation: FloatArray) -> FloatArray:
    return np.asarray(sd[:, None] * correlation * sd[None, :])


def _exchangeable(rho: Any, m: int) -> FloatArray:  # noqa: ANN401
    return np.asarray(np.eye(m) + rho * (1 - np.eye(m)))


def _lowest_exchangeable(m: int) -> float:
    return -1.0 / (m - 1) if m > 1 else -1.0


@STRUCTURES.register("ID", title="one variance, no correlation", reference="10.18637/jss.v036.i03")
def identity(places: FloatArray) -> Structure:
    """Return τ² I."""
    m = places.size
    return Structure("ID", m, 1, 0, False, (0.0, 0.0), lambda t: t[0] * np.eye(m))


@STRUCTURES.register("DIAG", title="a variance for each level, no correlation", reference="10.18637/jss.v036.i03")
def diagonal(places: FloatArray) -> Structure:
    """Return diag(τ₁² … τ_m²)."""
    return Structure("DIAG", places.size, places.size, 0, False, (0.0, 0.0), np.diag)


@STRUCTURES.register("CS", title="compound symmetry", reference="10.1002/sim.1040")
def compound_symmetry(places: FloatArray) -> Structure:
    """Return τ²[(1 − ρ) I + ρ J]."""
    m = places.size
    related = int(m > 1)
    return Structure(
        "CS",
        m,
        1,
        related,
        False,
        (_lowest_exchangeable(m), 1.0),
        lambda t: t[0] * _exchangeable(t[1] if related else 0.0, m),
    )


@STRUCTURES.register("HCS", title="heteroscedastic compound symmetry", reference="10.1002/sim.1040")
def heteroscedastic_compound_symmetry(places: FloatArray) -> Structure:
    """Return τᵢτⱼρ off and τᵢ² on the diagonal."""
    m = places.size
    related = int(m > 1)
    return Structure(
        "HCS",
        m,
        m,
        related,
        True,
        (_lowest_exchangeable(m), 1.0),
        lambda t: _outer(t[:m], _exchangeable(t[m] if related else 0.0, m)),
    )


def _angles_to_correlation(angles: FloatArray, m: int) -> FloatArray:
    """Return the correlation matrix of m(m − 1)/2 angles: rows of its Cholesky factor on the unit sphere.

    Pinheiro and Bates 1996, 10.1007/BF00140873.
    """
    root = np.zeros((m, m), dtype=angles.dtype)
    root[0, 0] = 1.0
    position = 0
    for i in range(1, m):
        rest = angles.dtype.type(1.0)
        for j in range(i):
            root[i, j] = rest * np.cos(angles[position])
            rest = rest * np.sin(angles[position])
            position += 1
        root[i, i] = rest
    return np.asarray(root @ root.T)


@STRUCTURES.register("UN", title="unstructured", reference=BERKEY)
def unstructured(places: FloatArray) -> Structure:
    """Return any covariance matrix: m standard deviations and m(m − 1)/2 correlations (angles for m > 2)."""
    m = places.size
    related = m * (m - 1) // 2
    if m <= 2:
        return Structure(
            "UN", m, m, related, True, (-1.0, 1.0), lambda t: _outer(t[:m], _exchangeable(t[m] if m == 2 else 0.0, m))
        )
    return Structure(
        "UN", m, m, related, True, (-np.inf, np.inf), lambda t: _outer(t[:m], _angles_to_correlation(t[m:], m))
    )


def _gaps(places: FloatArray) -> FloatArray:
    return np.asarray(np.abs(places[:, None] - places[None, :]))


def _powers(rho: FloatArray, gaps: FloatArray) -> FloatArray:
    return np.asarray(np.where(gaps == 0, 1.0, rho ** np.where(gaps == 0, 1.0, gaps)))


@STRUCTURES.register("AR", title="autoregressive, whole-numbered times", reference=_LONGITUDINAL)
def autoregressive(places: FloatArray) -> Structure:
    """Return τ² ρ^|i − j|."""
    gaps = _gaps(places).astype(int)
    return Structure("AR", places.size, 1, 1, False, (-1.0, 1.0), lambda t: t[0] * _powers(t[1], gaps))


@STRUCTURES.register("HAR", title="heteroscedastic autoregressive", reference=_LONGITUDINAL)
def heteroscedastic_autoregressive(places: FloatArray) -> Structure:
    """Return τᵢτⱼ ρ^|i − j|."""
    m, gaps = places.size, _gaps(places).astype(int)
    return Structure("HAR", m, m, 1, True, (-1.0, 1.0), lambda t: _outer(t[:m], _powers(t[m], gaps)))


@STRUCTURES.register("CAR", title="autoregressive in continuous time", reference="10.18637/jss.v036.i03")
def continuous_autoregressive(places: FloatArray) -> Structure:
    """Return τ² ρ^|tᵢ − tⱼ| with ρ ≥ 0."""
    gaps = _gaps(places)
    return Structure("CAR", places.size, 1, 1, False, (0.0, 1.0), lambda t: t[0] * _powers(t[1], gaps))
