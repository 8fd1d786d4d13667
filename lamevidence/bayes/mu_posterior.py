"""Posterior of μ, or of a new study's effect, from nodes over (τ, μ): one table of its density, built when first asked.

Given τ the logarithm of the density of μ, less that of a normal law, is a polynomial through the nearest nodes.
A new study adds N(0, τ²): by Gauss-Hermite nodes where τ is small beside the width of μ, by a trapezoidal rule of
step 0.9/√(1 + (τ/width)²) where it is not, and as a sum of normals over the nodes of μ where τ is larger. The table has
equal steps in s, x = centre + scale · sinh s, so that it reaches far tails; between its nodes the density is a cubic
Hermite interpolant, and the distribution function the exact integral of that interpolant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray
from ..errors import QuadratureError
from .distributions import Distribution
from .inversion import invert, remembered

__all__ = ["MuPosterior", "slope"]

IntArray = NDArray[np.intp]

_STEP = 0.03
"""Step of the table in s."""
_FINE = 16
"""Cells of the table of a row's density in each step of its nodes."""
_POINTS = 8
"""Nodes of the interpolating polynomial of a row."""
_NEGLIGIBLE = 1e-11
_MOVED = 1e-8
"""The step of the table is halved until its integral is that of the rows this closely."""
_LIMIT = 1e-5
"""The rows hold this much more or less than their nodes at most; the table is normalised."""
_WIDEST = 2000.0
"""The table spans less than this in s, sixty thousand cells: scales e^1000 apart."""
_DEEP = 8.0
"""Noise is integrated to this many standard deviations either side."""
_SMOOTH = 1.2
"""Noise over the width of a row from which the row's nodes are close enough to each other to be added up."""


def _hermite(size: int) -> tuple[FloatArray, FloatArray]:
    z, share = np.polynomial.hermite_e.hermegauss(size)
    return z, share / share.sum()


_HERMITE = ((1e-5, _hermite(1)), (0.01, _hermite(3)), (0.08, _hermite(6)), (0.3, _hermite(12)))
"""Noise over the width of a row up to which so many nodes leave an error below 1e-10."""


@dataclass(frozen=True, eq=False)
class MuPosterior(Distribution):
    """Posterior of μ, or with ``noise`` of μ plus normal noise that depends on τ.

    Attributes
    ----------
    weight
        Probability of each node, (J, M): rows are values of τ.
    t, step
        Nodes of μ in the variable of its trapezoidal rule, (M,), and their distance.
    centre, width
        Node m of row j lies at centreⱼ + widthⱼ sinh tₘ, both (J,).
    moments
        Mean and standard deviation, ``inf`` where it does not exist.
    noise
        Standard deviation of what is added in each row, (J,).
    """

    weight: FloatArray
    t: FloatArray
    step: float
    centre: FloatArray
    width: FloatArray
    moments: tuple[float, float]
    noise: FloatArray
    note: str = ""
    unit: str | None = None

    @property
    def mean(self) -> float:
        """Mean."""
        return self.moments[0]

    @property
    def sd(self) -> float:
        """Standard deviation, ``inf`` when it does not exist."""
        return self.moments[1]

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite."""
        return self.note

    @cached_property
    def _table(self) -> tuple[float, float, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Centre, scale, nodes s, density in s, its slope, and the distribution function at the nodes."""
        rows = np.flatnonzero(self.weight.sum(axis=1) > _NEGLIGIBLE)
        mass = self.weight[rows].sum(axis=1)
        at = self.centre[rows, None] + self.width[rows, None] * np.sinh(self.t)
        held = self.weight[rows] > 1e-18
        reach = _DEEP * self.noise[rows]
        low = float((np.where(held, at, np.inf).min(axis=1) - reach).min())
        high = float((np.where(held, at, -np.inf).max(axis=1) + reach).max())
        # the narrowest row that matters sets where the table is finest, and how fine
        breadth = np.where(mass > 1e-4, np.hypot(self.width[rows], self.noise[rows]), np.inf)
        scale, middle = float(breadth.min()), float(self.centre[rows][np.argmin(breadth)])
        first, last = np.arcsinh((np.array([low, high]) - middle) / scale)
        cells, origin, fine = self._row_tables(rows)
        held_by_rows = fine * float((cells.sum(axis=2).T @ np.array([1.0, 1 / 2, 1 / 3, 1 / 4])).sum())
        if not last - first < _WIDEST:
            raise QuadratureError(
                "the effect has mass on scales too far apart to tabulate"
                " · check the prior of μ against the scale of the data"
            )
        for step in (_STEP, _STEP / 2, _STEP / 4):
            s = np.linspace(first, last, int(np.ceil((last - first) / step)) + 1)
            x = middle + scale * np.sinh(s)
            density = np.zeros(s.size)
            for i, j in enumerate(rows):
                density += self._row_density(j, x, cells[:, i], origin, fine)
            density *= scale * np.cosh(s)
            h = float(s[1] - s[0])
            gradient = slope(density, h)
            parts = 0.5 * h * (density[1:] + density[:-1]) + h * h / 12.0 * (gradient[:-1] - gradient[1:])
            total = float(parts.sum())
            if abs(total - held_by_rows) < _MOVED:
                break
        lost = max(abs(total - held_by_rows), abs(held_by_rows - float(mass.sum())))
        if lost > _LIMIT:
            raise QuadratureError(
                f"the density of an effect integrates to 1 only within {lost:.1e} (limit {_LIMIT:g})"
                " · use engine='nuts'"
            )
        below = np.concatenate([[0.0], np.cumsum(parts)])
        return middle, scale, s, density / total, gradient / total, below / total

    @property
    def edges(self) -> FloatArray:
        """Ends of the cells of the table."""
        middle, scale, s, *_ = self._table
        return np.asarray(middle + scale * np.sinh(s))

    def draw_rows(self, rng: np.random.Generator, row: IntArray) -> FloatArray:
        """One draw of (μ − centre)/width for each value of τ named by its row, by the inverse distribution function."""
        rows, back = np.unique(row, return_inverse=True)
        cells, origin, fine = self._row_tables(rows)
        out = np.empty(row.size)
        edges = np.sinh(origin + fine * np.arange(cells.shape[2] + 1))
        for i in range(rows.size):
            below = np.concatenate([[0.0], np.cumsum(cells[0, i] + cells[1:, i].T @ np.array([1 / 2, 1 / 3, 1 / 4]))])
            pick = back == i
            out[pick] = np.interp(rng.uniform(size=int(pick.sum())) * below[-1], below, edges)
        return out

    def _row_tables(self, rows: IntArray) -> tuple[FloatArray, float, float]:
        """Coefficients (4, J, T) of the cubic in every cell of each row's density over t, the first t and the step."""
        fine = self.step / _FINE
        grid = self.t[0] + fine * np.arange((self.t.size - 1) * _FINE + 1)
        # a normal law of μ given τ would be this; the logarithm of what is left is smooth, and is interpolated
        ratio = np.log(np.maximum(self.weight[rows], 1e-300)) - _normal(self.t)
        y = np.exp(_normal(grid) + ratio @ _lagrange(self.t, grid).T) / self.step
        m = slope(y, 1.0)
        a, b, p, q = y[:, :-1], y[:, 1:], m[:, :-1], m[:, 1:]
        return np.stack([a, p, 3 * (b - a) - 2 * p - q, 2 * (a - b) + p + q]), float(self.t[0]), fine

    def _row_density(self, j: np.intp, x: FloatArray, cells: FloatArray, origin: float, fine: float) -> FloatArray:
        """Contribution of one value of τ to the density at ``x``, its noise integrated."""
        ratio = self.noise[j] / self.width[j]
        if ratio > _SMOOTH:
            return self._sum_of_normals(j, x)
        z, share = next((rule for most, rule in _HERMITE if ratio <= most), None) or _trapezoid(ratio)
        shift = self.noise[j] * z
        # only the part of the line that this row reaches
        ends = self.width[j] * np.sinh(self.t[[0, -1]])
        inside = slice(*np.searchsorted(x, [self.centre[j] + shift[0] + ends[0], self.centre[j] + shift[-1] + ends[1]]))
        scaled = (x[inside] - self.centre[j] - shift[:, None]) / self.width[j]
        place = (np.arcsinh(scaled) - origin) / fine
        last = cells.shape[1]
        cell = np.clip(place.astype(np.intp), 0, last - 1)
        u = place - cell
        c0, c1, c2, c3 = cells[:, cell]
        value = np.where((place >= 0.0) & (place <= last), c0 + u * (c1 + u * (c2 + u * c3)), 0.0)
        out = np.zeros(x.size)
        out[inside] = share @ (value / np.sqrt(1.0 + scaled * scaled)) / self.width[j]
        return out

    def _sum_of_normals(self, j: np.intp, x: FloatArray) -> FloatArray:
        """The same where the noise is wider than the distances between the nodes: their mixture."""
        held = self.weight[j] > 1e-18
        at = self.centre[j] + self.width[j] * np.sinh(self.t[held])
        out = np.zeros(x.size)
        inside = slice(*np.searchsorted(x, [at[0] - _DEEP * self.noise[j], at[-1] + _DEEP * self.noise[j]]))
        z = (x[inside, None] - at) / self.noise[j]
        out[inside] = np.exp(-0.5 * z * z) @ (self.weight[j, held] / (self.noise[j] * np.sqrt(2.0 * np.pi)))
        return out

    def _cell(self, x: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Cell, place in it from 0 to 1, and ds/dx."""
        middle, scale, s, *_ = self._table
        step = s[1] - s[0]
        # one cell beyond either end is as good as infinity, and does not overflow
        scaled = np.clip((x - middle) / scale, np.sinh(s[0] - step), np.sinh(s[-1] + step))
        place = (np.arcsinh(scaled) - s[0]) / (s[1] - s[0])
        cell = np.clip(place.astype(np.intp), 0, s.size - 2)
        return cell, place - cell, 1.0 / (scale * np.sqrt(1.0 + scaled * scaled))

    def _law(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, _, s, y, m, below = self._table
        i, u, slope = self._cell(x)
        h = s[1] - s[0]
        within = np.minimum(np.maximum(u, 0.0), 1.0)
        a, b, p, q = y[i], y[i + 1], h * m[i], h * m[i + 1]
        c, d = 3 * (b - a) - 2 * p - q, 2 * (a - b) + p + q
        part = within * (a + within * (p / 2 + within * (c / 3 + within * d / 4)))
        value = a + within * (p + within * (c + within * d))
        density = np.where(within == u, np.maximum(value, 0.0) * slope, 0.0)
        return np.minimum(np.maximum(below[i] + h * part, 0.0), 1.0), np.asarray(density)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return self._law(x)[1]

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._law(x)[0]

    @cached_property
    def _found(self) -> dict[float, float]:
        return {}

    def _quantile(self, p: FloatArray) -> FloatArray:
        return remembered(self._found, p, self._solve)

    def _solve(self, p: FloatArray) -> FloatArray:
        middle, scale, s, _, _, below = self._table
        i = np.clip(np.searchsorted(below, p) - 1, 0, s.size - 2)
        low, high = s[i], s[i + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (p - below[i]) / (below[i + 1] - below[i])
        start = np.where(np.isfinite(share), low + np.clip(share, 0.0, 1.0) * (high - low), low)
        x = middle + scale * np.sinh(np.stack([low, high, start]))
        return invert(self._law, p, x[0], x[1], x[2], scale)


def _trapezoid(ratio: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and shares for standard normal noise ``ratio`` times as wide as the law that it is added to."""
    step = 0.9 / np.sqrt(1.0 + ratio * ratio)
    z = step * np.arange(-np.ceil(_DEEP / step), np.ceil(_DEEP / step) + 1)
    share = np.exp(-0.5 * z * z)
    return z, share / share.sum()


def _normal(t: FloatArray) -> FloatArray:
    """Logarithm of a standard normal density of sinh t, as a density in t, up to a constant."""
    return np.asarray(-0.5 * np.sinh(t) ** 2 + np.log(np.cosh(t)))


def _lagrange(nodes: FloatArray, at: FloatArray) -> FloatArray:
    """Matrix (n, m) of interpolation by the polynomial through the `_POINTS` nearest of m equally spaced nodes."""
    size = min(_POINTS, nodes.size)
    first = np.clip(np.searchsorted(nodes, at) - size // 2, 0, nodes.size - size)
    near = first[:, None] + np.arange(size)
    place = (at[:, None] - nodes[near]) / (nodes[1] - nodes[0])
    share = np.ones((at.size, size))
    for i in range(size):
        for other in range(size):
            if other != i:
                share[:, i] *= place[:, other] / (i - other)
    out = np.zeros((at.size, nodes.size))
    np.put_along_axis(out, near, share, axis=1)
    return out


def slope(y: FloatArray, h: float) -> FloatArray:
    """Derivative on equal steps, fourth order inside; the ends carry no mass."""
    out = np.gradient(y, h, axis=-1)
    out[..., 2:-2] = (8.0 * (y[..., 3:-1] - y[..., 1:-3]) - (y[..., 4:] - y[..., :-4])) / (12.0 * h)
    return np.asarray(out)
