"""Finite mixtures of normal distributions: what the exact posterior of every effect is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ...foundation.options import a_choice
from ..priors.base import positive
from .distributions import Distribution
from .inversion import Ladder, invert, ladder, remembered

__all__ = ["NormalMixture", "effective_sample_size"]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_NEGLIGIBLE = 1e-18
"""Components whose weight cannot move a probability are left out."""
_RUNGS = np.sinh(np.linspace(-2.7, 2.7, 21))
"""Places of the table of starts in widths of the core: a quarter apart in the middle, to seven in the tails."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture(Distribution):
    """Normal mixture with weights that sum to one.

    Attributes
    ----------
    weight, loc, scale
        Weights, means and standard deviations of the components, (m,).
    finite_mean, finite_sd
        False where the mixture stands for an integral whose moment does not exist.
    note
        Why, in words.
    unit
        Unit of the number.

    Examples
    --------
    >>> import numpy as np
    >>> d = NormalMixture(np.array([1.0]), np.array([2.0]), np.array([3.0]))
    >>> round(d.quantile(0.975), 4)
    7.8799
    """

    weight: FloatArray
    loc: FloatArray
    scale: FloatArray
    finite_mean: bool = True
    finite_sd: bool = True
    note: str = ""
    unit: str | None = None
    _made: list[tuple[Ladder, float, float]] = field(default_factory=list, init=False, repr=False)
    _found: dict[float, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        keep = self.weight > _NEGLIGIBLE
        for name in ("weight", "loc", "scale"):
            column = np.asarray(getattr(self, name), dtype=np.float64)[keep]
            if name == "weight":
                column /= column.sum()
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    @property
    def mean(self) -> float:
        """Σ wⱼ mⱼ; ``nan`` when the integral it stands for diverges."""
        return self._mean() if self.finite_mean else float("nan")

    def _mean(self) -> float:
        centre = float(self.loc[0])
        return centre + float(self.weight @ (self.loc - centre))

    @property
    def sd(self) -> float:
        """Root of Σ wⱼ (sⱼ² + (mⱼ − mean)²); ``inf`` when the integral diverges."""
        if not self.finite_sd:
            return float("inf")
        gap = self.loc - self._mean()
        return float(np.sqrt(self.weight @ (self.scale**2 + gap * gap)))

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite or undefined."""
        return self.note

    def _pdf(self, x: FloatArray) -> FloatArray:
        z = (x[..., None] - self.loc) / self.scale
        return np.asarray(np.exp(-0.5 * z * z) @ (self.weight / (self.scale * _ROOT_2PI)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr((x[..., None] - self.loc) / self.scale) @ self.weight)

    def sf(self, x: float) -> float:
        """Return the probability above ``x``, accurate far in the tail."""
        return float(special.ndtr((self.loc - x) / self.scale) @ self.weight)

    def _law(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        z = (x[:, None] - self.loc) / self.scale
        height = self.weight / (self.scale * _ROOT_2PI)
        return np.asarray(special.ndtr(z) @ self.weight), np.asarray(np.exp(-0.5 * z * z) @ height)

    def _core(self) -> tuple[Ladder, float, float]:
        """Table of the distribution function around the core, and centre and width of the core; made once."""
        if not self._made:
            centre = float(self.weight @ self.loc)
            inner = float(np.exp(self.weight @ np.log(self.scale)))
            spread = float(np.hypot(inner, np.sqrt(self.weight @ (self.loc - centre) ** 2)))
            x = centre + spread * _RUNGS
            self._made.append((ladder(x, *self._law(x)), centre, spread))
        return self._made[0]

    def _quantile(self, p: FloatArray) -> FloatArray:
        return remembered(self._found, p, self._solve)

    def _solve(self, p: FloatArray) -> FloatArray:
        table, centre, spread = self._core()
        inside, start, low, high = table.starts(p)
        if not inside.all():
            ends = self.loc[:, None] + self.scale[:, None] * special.ndtri(p)
            start = np.where(inside, start, centre + spread * special.ndtri(p))
            low, high = np.where(inside, low, ends.min(axis=0)), np.where(inside, high, ends.max(axis=0))
        return invert(self._law, p, low, high, start, spread)

    def shifted(self, shift: float, factor: float = 1.0, unit: str | None = None) -> NormalMixture:
        """Return the distribution of ``factor · x + shift``."""
        return NormalMixture(
            self.weight,
            factor * self.loc + shift,
            abs(factor) * self.scale,
            self.finite_mean,
            self.finite_sd,
            self.note,
            unit or self.unit,
        )

    def widened(self, variance: float) -> NormalMixture:
        """Return the distribution of x plus independent normal noise of this variance."""
        return NormalMixture(
            self.weight,
            self.loc,
            np.sqrt(self.scale**2 + variance),
            self.finite_mean,
            self.finite_sd,
            self.note,
            self.unit,
        )

    def draw(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Return independent draws."""
        which = rng.choice(self.weight.size, size=size, p=self.weight)
        return np.asarray(self.loc[which] + self.scale[which] * rng.standard_normal(size))


_KINDS = ("elir", "moment", "vr", "mtm")


def effective_sample_size(d: Distribution, uisd: float, kind: str = "elir") -> float:
    """Return how many patients ``d`` is worth, when one patient brings the information 1/uisd².

    Parameters
    ----------
    d
        A normal mixture, such as the predictive distribution of a new study.
    uisd
        Unit-information standard deviation: the standard error of the effect times √n.
    kind
        ``elir`` expected local information ratio, uisd² ∫ p'²/p (Neuenschwander 2020, doi:10.1111/biom.13252);
        ``moment`` or ``vr`` variance ratio uisd²/Var; ``mtm`` local information at the mode (Morita 2008).

    Raises
    ------
    OptionError
        Another method, or a distribution that is not a normal mixture.
    """
    uisd = positive("uisd", uisd)
    a_choice("effective sample size", kind, _KINDS)
    if kind in ("moment", "vr"):
        return uisd**2 / d.sd**2
    if not isinstance(d, NormalMixture):
        raise OptionError("this effective sample size needs a normal mixture: the exact result of a normal likelihood")
    if kind == "mtm":
        p, first, second = _derivatives(d, np.array([d.mode]))
        return float(uisd**2 * (first[0] ** 2 / p[0] - second[0]) / p[0])
    low, middle, high = d.quantile(np.array([0.16, 0.5, 0.84]))  # type: ignore[misc]
    t = np.linspace(-8.0, 8.0, 1601)
    x = middle + 0.5 * (high - low) * np.sinh(t)
    p, first, _ = _derivatives(d, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        local = np.where(p > 1e-290, first * first / p, 0.0)
    slope = 0.5 * (high - low) * np.cosh(t)
    return float(uisd**2 * (local * slope).sum() * (t[1] - t[0]))


def _derivatives(d: NormalMixture, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Density and its first two derivatives."""
    z = (x[:, None] - d.loc) / d.scale
    part = d.weight * np.exp(-0.5 * z * z) / (d.scale * np.sqrt(2 * np.pi))
    return part.sum(1), (-part * z / d.scale).sum(1), (part * (z * z - 1) / d.scale**2).sum(1)
