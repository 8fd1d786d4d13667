"""The (restricted) likelihood of a multilevel model, its maximum, and its profile over one component."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError
from .blocks import BlockEngine, Moments
from .nested import NestedEngine, nested_engine
from .optimise import FINE, NEAR, Minimum, minimise
from .terms import Term

__all__ = ["Likelihood", "Maximum"]

RIVALS = 4
"""Starts followed where there are correlations, whose likelihoods often have several maxima; else two."""
LEVEL = 1e-6
"""Maxima closer than this in log-likelihood count as one: parameters without influence differ."""
COARSE = 1e-2
"""A second start runs only until it is clear that it ends at the same maximum."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """The highest point found: parameters, log-likelihood, local maxima met on the way."""

    theta: FloatArray
    log_likelihood: float
    modes: int


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Data on a scale where residuals have variance 1, with the terms and the engine that evaluates them.

    Attributes
    ----------
    terms
        Random effects.
    basis
        Orthonormal design, (k, p): the restricted likelihood is then free of the coding of X.
    y, V
        Scaled estimates (OLS fit removed) and covariance, (k,) and (k,) or (k, k).
    scale
        Unit of ``y`` in the given units.
    restricted
        REML when True, ML otherwise.
    engine
        Nested or block evaluation.
    parts
        Which parameters belong to each term.
    memory
        The last weighted least squares fit, by θ.
    """

    terms: tuple[Term, ...]
    basis: FloatArray
    y: FloatArray
    V: FloatArray
    scale: float
    restricted: bool
    engine: NestedEngine | BlockEngine
    parts: tuple[slice, ...]
    memory: dict[bytes, Moments] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, terms: Sequence[Term], basis: FloatArray, y: FloatArray, V: FloatArray, restricted: bool) -> Likelihood:
        """Return the likelihood of estimates ``y`` with covariance ``V``, (k,) or (k, k), in their own units."""
        rest = y - basis @ (basis.T @ y)
        typical = float(np.mean(V if V.ndim == 1 else np.diag(V)))
        scale = math.sqrt(float(rest @ rest) / y.size + typical)
        scale = 2.0 ** round(math.log2(scale))
        scaled = V / scale**2
        engine = nested_engine(terms, scaled) or BlockEngine(terms, scaled)
        ends = np.cumsum([t.structure.size for t in terms], dtype=int).tolist()
        parts = tuple(slice(e - t.structure.size, e) for e, t in zip(ends, terms, strict=True))
        return cls(tuple(terms), basis, rest / scale, scaled, scale, restricted, engine, parts)

    # ---- parameters ---------------------------------------------------------------------------
    @property
    def size(self) -> int:
        """Number of variance parameters."""
        return sum(t.structure.size for t in self.terms)

    @property
    def lower(self) -> FloatArray:
        """Lower bounds."""
        return np.concatenate([np.zeros(0), *(t.structure.lower for t in self.terms)])

    @property
    def upper(self) -> FloatArray:
        """Upper bounds."""
        return np.concatenate([np.zeros(0), *(t.structure.upper for t in self.terms)])

    @property
    def soft(self) -> NDArray[np.bool_]:
        """Which parameters are standard deviations."""
        flags = [np.arange(t.structure.size) < (t.structure.spread if t.structure.as_sd else 0) for t in self.terms]
        return np.concatenate([np.zeros(0, dtype=bool), *flags])

    def split(self, theta: FloatArray) -> list[FloatArray]:
        """Return the parameters term by term."""
        return [theta[part] for part in self.parts]

    def covariances(self, theta: FloatArray) -> list[FloatArray]:
        """Return G of every term, on the scaled units."""
        return [
            theta[part][:, None] if t.inner is None else t.structure.matrix(theta[part])
            for t, part in zip(self.terms, self.parts, strict=True)
        ]

    # ---- the function -------------------------------------------------------------------------
    def moments(self, theta: FloatArray) -> Moments:
        """Return weighted least squares at θ; the last one is remembered, for the Hessian at the same place."""
        key = theta.tobytes()
        if key not in self.memory:
            fit = self.engine.evaluate(self.covariances(theta), self.basis, self.y, self.restricted)
            self.memory.clear()
            self.memory[key] = fit
        return self.memory[key]

    def objective(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return −log-likelihood without its constant, and its gradient; inf where M is not positive definite."""
        try:
            fit = self.moments(theta)
        except np.linalg.LinAlgError:
            return math.inf, np.zeros(self.size)
        gradient = np.empty(self.size)
        for pull, term, part in zip(fit.pulls, self.terms, self.parts, strict=True):
            if term.inner is None:
                gradient[part] = 0.5 * pull[0, 0]
            else:
                gradient[part] = 0.5 * np.einsum("ij,pij->p", pull, term.structure.slopes(theta[part]))
        return fit.criterion(self.restricted), gradient

    def curvature(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the Hessian of the objective and its expectation, where the engine knows them (`knows_curvature`)."""
        assert isinstance(self.engine, NestedEngine)
        return self.engine.curvature(self.covariances(theta), self.moments(theta), self.restricted)

    @property
    def knows_curvature(self) -> bool:
        """Whether the Hessian is at hand in closed form."""
        return isinstance(self.engine, NestedEngine)

    def log_likelihood(self, value: float) -> float:
        """Return the log-likelihood in the given units from a value of the objective.

        The restricted one holds +½ log|X'X|, so that it does not depend on the units of the moderators.
        """
        k, p = self.basis.shape
        n = k - p if self.restricted else k
        return float(-value - 0.5 * n * math.log(2 * math.pi) - n * math.log(self.scale))

    # ---- its maximum --------------------------------------------------------------------------
    def starts(self) -> list[FloatArray]:
        """Return starting points: the excess spread shared out in several ways, with high and low correlations."""
        k, p = self.basis.shape
        typical = float(np.mean(self.V if self.V.ndim == 1 else np.diag(self.V)))
        excess = max(float(self.y @ self.y) / max(k - p, 1) - typical, 0.1 * typical, 0.02)
        count = len(self.terms)
        shares = [np.full(count, 1.0 / count)]
        if count > 1:
            shares += [np.where(np.arange(count) == i, 0.85, 0.15 / (count - 1)) for i in range(count)]
        rhos = (0.5, -0.3) if any(t.structure.related for t in self.terms) else (0.0,)
        return [
            np.concatenate([t.structure.start(float(s) * size, rho) for t, s in zip(self.terms, part, strict=True)])
            for size in (excess, 0.1 * excess)
            for part in shares
            for rho in rhos
        ]

    def maximise(self) -> Maximum:
        """Return the highest maximum found from the best of several starting points.

        Raises
        ------
        ConvergenceError
            No start led to a maximum.
        """
        if self.size == 0:
            return Maximum(np.zeros(0), self.log_likelihood(self.moments(np.zeros(0)).criterion(self.restricted)), 1)
        candidates = sorted(self.starts(), key=lambda theta: self.objective(theta)[0])
        found = [m for m in [self._climb(candidates[0])] if m.arrived]
        for start in candidates[1 : RIVALS if any(t.structure.related for t in self.terms) else 2]:
            rival = self._climb(start, COARSE)
            if rival.arrived and not any(_same(rival.theta, m.theta) for m in found):
                rival = self._climb(rival.theta)
                if rival.arrived and not any(_same(rival.theta, m.theta) for m in found):
                    found.append(rival)
        if not found:
            raise ConvergenceError("no start led to a maximum of the likelihood · try fewer variance components")
        best = min(found, key=lambda m: m.value)
        different = [m for m in found if m.value > best.value + LEVEL]
        return Maximum(self._tidy(best.theta), self.log_likelihood(best.value), 1 + len(different))

    def _climb(self, start: FloatArray, fine: float = FINE) -> Minimum:
        curvature = self.curvature if self.knows_curvature else None
        return minimise(self.objective, start, self.lower, self.upper, self.soft, fine, curvature)

    def _tidy(self, theta: FloatArray) -> FloatArray:
        return np.where(self.soft & (theta <= NEAR), 0.0, theta)

    def profile(self, starts: Sequence[FloatArray], position: int, value: float) -> tuple[float, FloatArray]:
        """Return the log-likelihood maximised over everything but one parameter, and where; best of the starts."""
        keep = np.arange(self.size) != position

        def rest(part: FloatArray) -> tuple[float, FloatArray]:
            level, gradient = self.objective(np.insert(part, position, value))
            return level, gradient[keep]

        if not keep.any():
            return self.log_likelihood(self.objective(np.array([value]))[0]), np.array([value])

        def bend(part: FloatArray) -> tuple[FloatArray, FloatArray]:
            observed, expected = self.curvature(np.insert(part, position, value))
            return observed[keep][:, keep], expected[keep][:, keep]

        curvature = bend if self.knows_curvature else None
        found = [
            minimise(rest, first[keep], self.lower[keep], self.upper[keep], self.soft[keep], curvature=curvature)
            for first in (np.where(self.soft & (start == 0), 0.05, start) for start in starts)
        ]
        best = min(found, key=lambda m: m.value)
        return self.log_likelihood(best.value), np.insert(best.theta, position, value)


def _same(a: FloatArray, b: FloatArray) -> bool:
    return bool((np.abs(a - b) <= 0.02 * np.abs(b) + 1e-4).all())
