"""Posterior of μ, or of a new study's effect, from nodes over (τ, μ): one table of its density, built when first asked.

Given τ the logarithm of the density of μ, less that of a normal law, is a polynomial through the nearest nodes.
A new study adds N(0, τ²): by Gauss-Hermite nodes where τ is small beside the width of μ, by a trapezoidal rule of
step 0.9/√(1 + (τ/width)²) where it is not, and as a sum of normals over the nodes of μ where τ is larger. The table has
equal steps in s, x = centre + scale · sinh s, so that it reaches far tails; between its nodes the density is a cubic
Hermite interpolant, and the distribution function the exact integral of that interpolant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ...foundation.errors import QuadratureError
from .distributions import Distribution
from .inversion import invert, remembered
from .node_maps import BROAD, NodeMap

__all__ = ["MuPosterior", "Table", "lagrange", "normal_shape", "slope"]

IntArray = NDArray[np.intp]

_STEP = 0.03
"""Step of the table in s."""
_FINE = 12
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
_SMOOTH = 0.75
"""Noise over the width of a row from which the row's nodes are close enough to each other to be added up."""
_SMOOTH_OF_SEVERAL = 1.2
"""The same where a row has several centres, so that there is mass where nodes are far apart."""
_AT_ONCE = 50_000
"""Values in memory at once."""


def _hermite(size: int) -> tuple[FloatArray, FloatArray]:
    z, share = np.polynomial.hermite_e.hermegauss(size)
    return z, share / share.sum()


_HERMITE = ((1e-5, _hermite(1)), (0.01, _hermite(3)), (0.08, _hermite(6)), (0.3, _hermite(12)))
"""Noise over the width of a row up to which so many nodes leave an error below 1e-10."""


class Table(NamedTuple):
    """Line, nodes s on it, density in s, its slope, and the distribution function at the nodes."""

    line: NodeMap
    s: FloatArray
    density: FloatArray
    slope: FloatArray
    below: FloatArray


@dataclass(frozen=True, eq=False)
class MuPosterior(Distribution):
    """Posterior of μ, or with ``noise`` of μ plus normal noise that depends on τ.

    Attributes
    ----------
    weight
        Probability of each node, (J, M): rows are values of τ.
    t, step
        Nodes of μ in the variable of its trapezoidal rule, (M,), and their distance.
    map
        Where node m of row j lies: at x with map(x) = tₘ.
    nodes
        These places, (J, M).
    moments
        Mean and standard deviation, ``inf`` where it does not exist.
    noise
        Standard deviation of what is added in each row, (J,).
    """

    weight: FloatArray
    t: FloatArray
    step: float
    map: NodeMap
    nodes: FloatArray
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
    def _table(self) -> Table:
        """Density and distribution function on equal steps of a line with nodes where the law is narrow."""
        rows = np.flatnonzero(self.weight.sum(axis=1) > _NEGLIGIBLE)
        mass = self.weight[rows].sum(axis=1)
        narrow = self.map[rows].narrowest
        at = self.nodes[rows]
        held = self.weight[rows] > 1e-18
        reach = _DEEP * self.noise[rows]
        low = float((np.where(held, at, np.inf).min(axis=1) - reach).min())
        high = float((np.where(held, at, -np.inf).max(axis=1) + reach).max())
        # the narrowest row that matters sets where the table is finest, and how fine
        breadth = np.where(mass > 1e-4 * mass.max(), np.hypot(narrow, self.noise[rows]), np.inf)
        finest = int(np.argmin(breadth))
        line = NodeMap(
            self.map.centre[rows][[finest]], np.hypot(self.map.width[rows][[finest]] / BROAD, self.noise[rows][finest])
        )
        first, last = line.place(0, np.array([low, high]))[0]
        sharp, smooth = self._split(rows)
        tables = self._row_tables(sharp)
        held_by_rows = tables[2] * float((tables[0].sum(axis=2).T @ np.array([1.0, 1 / 2, 1 / 3, 1 / 4])).sum())
        held_by_rows += float(self.weight[smooth].sum())
        if not last - first < _WIDEST:
            raise QuadratureError(
                "the effect has mass on scales too far apart to tabulate"
                " · check the prior of μ against the scale of the data"
            )
        for step in (_STEP, _STEP / 2, _STEP / 4):
            s = np.linspace(first, last, int(np.ceil((last - first) / step)) + 1)
            x = line.nodes(s)[0]
            density = self._densities(x, sharp, tables) + self._sum_of_normals(x, smooth)
            density /= line.place(0, x)[1]
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
        return Table(line, s, density / total, gradient / total, below / total)

    @property
    def edges(self) -> FloatArray:
        """Ends of the cells of the table."""
        return np.asarray(self._table.line.nodes(self._table.s)[0])

    def draw_rows(self, rng: np.random.Generator, row: IntArray) -> FloatArray:
        """One draw of t(μ) for each value of τ named by its row, by the inverse distribution function."""
        rows, back = np.unique(row, return_inverse=True)
        cells, origin, fine = self._row_tables(rows)
        out = np.empty(row.size)
        edges = origin + fine * np.arange(cells.shape[2] + 1)
        for i in range(rows.size):
            below = np.concatenate([[0.0], np.cumsum(cells[0, i] + cells[1:, i].T @ np.array([1 / 2, 1 / 3, 1 / 4]))])
            pick = back == i
            out[pick] = np.interp(rng.uniform(size=int(pick.sum())) * below[-1], below, edges)
        return out

    def rows_law(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density of μ at ``x`` (J, n) given each τ, times the weight of that τ, (J, n)."""
        cells, below, origin, fine = self._cumulated
        last = cells.shape[2]
        law = np.empty((2, *x.shape))
        for j in range(x.shape[0]):
            place, rise = self.map.place(j, x[j])
            place = (place - origin) / fine
            cell = np.clip(place.astype(np.intp), 0, last - 1)
            u = np.clip(place - cell, 0.0, 1.0)
            c0, c1, c2, c3 = cells[:, j, cell]
            inside = (place >= 0.0) & (place <= last)
            law[0, j] = below[j, cell] + fine * u * (c0 + u * (c1 / 2 + u * (c2 / 3 + u * c3 / 4)))
            law[1, j] = np.where(inside, (c0 + u * (c1 + u * (c2 + u * c3))) * rise, 0.0)
        return law[0], law[1]

    @cached_property
    def _cumulated(self) -> tuple[FloatArray, FloatArray, float, float]:
        """Tables of all rows, normalised, and their integrals up to each cell (J, T)."""
        cells, origin, fine = self._row_tables(np.arange(self.weight.shape[0]))
        parts = fine * (cells[0] + cells[1] / 2 + cells[2] / 3 + cells[3] / 4)
        total = float(parts.sum())
        return cells / total, (np.cumsum(parts, axis=1) - parts) / total, origin, fine

    def _row_tables(self, rows: IntArray) -> tuple[FloatArray, float, float]:
        """Coefficients (4, J, T) of the cubic in every cell of each row's density over t, the first t and the step."""
        fine = self.step / _FINE
        grid = self.t[0] + fine * np.arange((self.t.size - 1) * _FINE + 1)
        # a normal law of μ given τ would be this; the logarithm of what is left is smooth, and is interpolated
        single = self.map.single
        ratio = np.log(np.maximum(self.weight[rows], 1e-300)) - (normal_shape(self.t) if single else 0.0)
        y = np.exp((normal_shape(grid) if single else 0.0) + ratio @ _refined(self.t.size).T) / self.step
        m = slope(y, 1.0)
        gap, p, q = y[:, 1:] - y[:, :-1], m[:, :-1], m[:, 1:]
        cells = np.empty((4, *gap.shape))
        cells[0], cells[1] = y[:, :-1], p
        np.subtract(p + q, 2.0 * gap, out=cells[3])
        np.subtract(gap - p, cells[3], out=cells[2])
        return cells, float(self.t[0]), fine

    def _densities(self, x: FloatArray, sharp: IntArray, tables: tuple[FloatArray, float, float]) -> FloatArray:
        """Contribution of these values of τ to the density at ``x``, their noise integrated; ``tables`` are theirs."""
        out = np.zeros(x.size)
        ratio = self._ratio[sharp]
        least = -1.0
        for most, rule in _HERMITE:
            group = np.flatnonzero((ratio > least) & (ratio <= most))
            if group.size:
                out += self._interpolated(x, sharp, group, tables, rule)
            least = most
        group = np.flatnonzero(ratio > least)
        if group.size:
            out += self._interpolated(x, sharp, group, tables, _trapezoid(float(ratio[group].max())))
        return out

    def _interpolated(
        self,
        x: FloatArray,
        sharp: IntArray,
        group: IntArray,
        tables: tuple[FloatArray, float, float],
        rule: tuple[FloatArray, FloatArray],
    ) -> FloatArray:
        """The same for those of them whose noise one rule integrates, from the cubics of their tables."""
        cells, origin, fine = tables
        last, flat = cells.shape[2], cells.reshape(4, -1)
        z, share = rule
        out = np.zeros(x.size)
        rows = sharp[group]
        shift = self.noise[rows, None] * z
        # only the part of the line that these rows reach
        low, high = self.nodes[rows, 0] + shift[:, 0], self.nodes[rows, -1] + shift[:, -1]
        first, end = np.searchsorted(x, [low.min(), high.max()])
        at_once = max(1, _AT_ONCE // max((end - first) * z.size, 1))
        for start in range(0, rows.size, at_once):
            part = slice(start, start + at_once)
            u, rise = self.map[rows[part]].places(x[first:end] - shift[part, :, None])
            u -= origin
            u /= fine
            rise[(u < 0.0) | (u > last)] = 0.0
            cell = np.minimum(np.maximum(u, 0.0), last - 1.0).astype(np.intp)
            u -= cell
            cell += (group[part] * last)[:, None, None]
            value = flat[3].take(cell)
            for power in (2, 1, 0):
                value *= u
                value += flat[power].take(cell)
            value *= rise
            out[first:end] += share @ value.sum(axis=0)
        return out

    @cached_property
    def _ratio(self) -> FloatArray:
        """Noise over the width of the narrowest part of each row, (J,)."""
        return self.noise / self.map.narrowest

    def _split(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return the rows that are interpolated, and those whose noise is wider than the distances of their nodes."""
        smooth = self._ratio[rows] > (_SMOOTH if self.map.single else _SMOOTH_OF_SEVERAL)
        return rows[~smooth], rows[smooth]

    def _matter(self, rows: IntArray) -> NDArray[np.bool_]:
        """Nodes of these rows that hold anything, (n, M)."""
        return np.asarray(self.weight[rows] > 1e-18)

    def _sum_of_normals(self, x: FloatArray, rows: IntArray) -> FloatArray:
        """Contribution of rows with wide noise to the density at ``x``: the mixture of normals over their nodes."""
        held = self._matter(rows)
        at = self.nodes[rows][held]
        scale = np.broadcast_to(self.noise[rows, None], held.shape)[held]
        height = self.weight[rows][held] / (scale * np.sqrt(2.0 * np.pi))
        narrow = np.sqrt(0.5) / scale
        at = at * narrow
        out = np.empty(x.size)
        at_once = max(1, _AT_ONCE // max(at.size, 1))
        for start in range(0, x.size, at_once):
            part = slice(start, start + at_once)
            z = x[part, None] * narrow
            z -= at
            z *= z
            out[part] = np.exp(np.negative(z, out=z), out=z) @ height
        return out

    @cached_property
    def _limits(self) -> FloatArray:
        """One cell beyond either end of the table: as good as infinity, and does not overflow."""
        line, s, *_ = self._table
        step = s[1] - s[0]
        return np.asarray(line.nodes(np.array([s[0] - step, s[-1] + step]))[0])

    def _cell(self, x: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Cell, place in it from 0 to 1, and ds/dx."""
        line, s, *_ = self._table
        step = s[1] - s[0]
        low, high = self._limits
        place, rise = line.place(0, np.minimum(np.maximum(x, low), high))
        place = (place - s[0]) / step
        cell = np.clip(place.astype(np.intp), 0, s.size - 2)
        return cell, place - cell, rise

    def _law(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, s, y, m, below = self._table
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
        line, s, y, _, below = self._table
        i = np.clip(np.searchsorted(below, p) - 1, 0, s.size - 2)
        low, high = s[i], s[i + 1]
        a, rise, left = y[i] * (high - low), (y[i + 1] - y[i]) * (high - low), p - below[i]
        # a density that rises evenly in the cell: the root of a x + rise x²/2 = left, in the form that stands rise = 0
        share = 2.0 * left / np.maximum(a + np.sqrt(np.maximum(a * a + 2.0 * rise * left, 0.0)), 1e-300)
        start = low + np.minimum(np.maximum(share, 0.0), 1.0) * (high - low)
        x = line.nodes(np.concatenate([low, high, start]))[0].reshape(3, -1)
        return invert(self._law, p, x[0], x[1], x[2], float(line.width.min()))


def _trapezoid(ratio: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and shares for standard normal noise ``ratio`` times as wide as the law that it is added to."""
    step = 0.9 / np.sqrt(1.0 + ratio * ratio)
    z = step * np.arange(-np.ceil(_DEEP / step), np.ceil(_DEEP / step) + 1)
    share = np.exp(-0.5 * z * z)
    return z, share / share.sum()


def normal_shape(t: FloatArray) -> FloatArray:
    """Logarithm of a standard normal density of `BROAD` sinh t, as a density in t, up to a constant."""
    return np.asarray(-0.5 * (BROAD * np.sinh(t)) ** 2 + np.log(np.cosh(t)))


def lagrange(nodes: FloatArray, at: FloatArray) -> FloatArray:
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


@lru_cache(maxsize=32)
def _refined(size: int) -> FloatArray:
    """`lagrange` from ``size`` nodes to `_FINE` places in each step between them."""
    return lagrange(np.arange(size, dtype=np.float64), np.arange((size - 1) * _FINE + 1) / _FINE)


def slope(y: FloatArray, h: float) -> FloatArray:
    """Derivative on equal steps, fourth order inside; the ends carry no mass."""
    out = np.empty(y.shape)
    for end, beside, next_but_one, sign in ((0, 1, 2, 1.0), (-1, -2, -3, -1.0)):
        out[..., end] = sign * (y[..., beside] - y[..., end]) / h
        out[..., beside] = sign * (y[..., next_but_one] - y[..., end]) / (2.0 * h)
    inner = out[..., 2:-2]
    np.subtract(y[..., 3:-1], y[..., 1:-3], out=inner)
    inner *= 8.0
    inner -= y[..., 4:] - y[..., :-4]
    inner /= 12.0 * h
    return out
