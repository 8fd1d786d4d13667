"""A distribution from values of its density at Gauss-Legendre nodes of several panels: a polynomial on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import legendre

from ..bayes.exact.distributions import Distribution
from ..bayes.exact.inversion import invert, remembered
from ..effects.measures.base import FloatArray
from ..foundation.values import Interval

__all__ = ["PanelMargin", "panel_rule"]


def panel_rule(edges: Sequence[float], nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of Gauss-Legendre rules of so many ``nodes`` on each panel, (panels · nodes,)."""
    x, w = legendre.leggauss(nodes)
    cuts = np.asarray(edges, dtype=np.float64)
    half, middle = 0.5 * np.diff(cuts)[:, None], 0.5 * (cuts[1:] + cuts[:-1])[:, None]
    return (middle + half * x).ravel(), (half * w).ravel()


@dataclass(frozen=True, slots=True, eq=False)
class PanelMargin(Distribution):
    """The law with these probabilities of the nodes of a `panel_rule`.

    Attributes
    ----------
    edges
        Where the panels meet, (p + 1,).
    share
        Probability of each node, (p · n,).
    unit
        Unit of the number.
    """

    edges: FloatArray
    share: FloatArray
    unit: str | None = None
    _found: dict[float, float] = field(default_factory=dict, init=False, repr=False)

    @property
    def _nodes(self) -> FloatArray:
        return panel_rule(self.edges.tolist(), self.share.size // (self.edges.size - 1))[0]

    @property
    def support(self) -> Interval:
        """From the first to the last edge."""
        return Interval(float(self.edges[0]), float(self.edges[-1]))

    @property
    def mean(self) -> float:
        """Mean."""
        return float(self.share @ self._nodes)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        x = self._nodes
        return float(np.sqrt(self.share @ (x - self.share @ x) ** 2))

    def _law(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density."""
        panels = self.edges.size - 1
        share = self.share.reshape(panels, -1)
        n = share.shape[1]
        x = legendre.leggauss(n)[0]
        half = 0.5 * np.diff(self.edges)
        inside = np.clip(at, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, panels - 1)
        # the coefficient of Pₗ is (2l + 1)/2 Σ wᵢ fᵢ Pₗ(xᵢ), and wᵢ fᵢ is the probability of a node over its half width
        coefficient = (share / half[:, None]) @ legendre.legvander(x, n - 1) * (np.arange(n) + 0.5)
        before = np.concatenate([[0.0], np.cumsum(share.sum(axis=1))])
        out = np.empty((2, at.size))
        for j in np.unique(panel):
            here = panel == j
            u = (inside[here] - 0.5 * (self.edges[j] + self.edges[j + 1])) / half[j]
            out[0, here] = before[j] + half[j] * legendre.legval(u, legendre.legint(coefficient[j], lbnd=-1))
            out[1, here] = legendre.legval(u, coefficient[j])
        density = np.where(inside == at, np.maximum(out[1], 0.0), 0.0)
        return np.clip(out[0], 0.0, 1.0), np.asarray(density)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return self._law(np.ravel(x))[1].reshape(np.shape(x))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._law(np.ravel(x))[0].reshape(np.shape(x))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return remembered(self._found, np.ravel(p), self._solve).reshape(np.shape(p))

    def _solve(self, p: FloatArray) -> FloatArray:
        grid = np.unique(np.concatenate([self.edges, self._nodes]))
        start = np.interp(p, np.maximum.accumulate(self._law(grid)[0]), grid)
        low, high = np.full(p.size, self.edges[0]), np.full(p.size, self.edges[-1])
        return invert(self._law, p, low, high, start, self.sd)
