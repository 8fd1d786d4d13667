"""Posterior density of one quantity, with its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from ..bayes.posterior import Posterior, PosteriorRegression
from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from ..foundation.options import a_level, a_text, shown
from ..results.contract import Result
from .data import axis_name
from .drawing.canvas import GREY, RUST, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Density", "Quantity", "posterior"]


@runtime_checkable
class Density(Protocol):
    """Anything that has a density."""

    def pdf(self, x: FloatArray) -> FloatArray | float:
        """Return the density."""


@runtime_checkable
class Quantity(Density, Protocol):
    """A distribution with quantiles."""

    @property
    def median(self) -> float:
        """The median."""

    def quantile(self, p: float) -> float:
        """Return a quantile."""

    def interval(self, level: float) -> tuple[float, float]:
        """Return the central interval."""


def _checked(distribution: object, prior: object) -> None:
    """Raise unless both have what is drawn of them."""
    for thing, kind, wanted in (
        (distribution, Quantity, "pdf, quantile, interval, median"),
        (prior, Density, "pdf"),
    ):
        optional = thing is None and kind is Density
        if not optional and (isinstance(thing, type) or not isinstance(thing, kind)):
            raise OptionError(
                f"{shown(thing)} is not a distribution: it lacks one of {wanted} · give for example post.mu"
            )


@in_own_style
def posterior(
    distribution: Quantity | Posterior,
    *,
    prior: Density | None = None,
    name: str = "",
    unit: str = "",
    level: float = 0.95,
    ax: Axes | None = None,
) -> Plot:
    """Draw a density, its central interval shaded, its median marked, the prior dashed.

    Parameters
    ----------
    distribution
        ``post.mu``, ``post.tau`` or ``post.theta_new``: has ``pdf``, ``quantile``, ``interval`` and ``median``. Of a
        posterior with one mean, that mean.
    prior
        A distribution with ``pdf``.
    name, unit
        Of the quantity, for the axis.
    level
        Level of the shaded central interval.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        Not a distribution; of a frequentist result, which has none, the message names the engine that has.

    See Also
    --------
    lamevidence.checks.prior_learning : How far the data moved the prior.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, third edition, chapter 2.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 4), tau=lam.priors.HalfNormal(0.5))
    >>> lam.plots.posterior(post.tau, prior=post.prior_tau, name="tau").description
    'Posterior of tau: 95% interval shaded, median marked, prior dashed.'
    """
    if isinstance(distribution, PosteriorRegression):
        names = distribution.names
        raise OptionError(
            f"this posterior has the coefficients {', '.join(names)}"
            f" · give one of them, such as post.coefficients[{names[-1]!r}]"
        )
    drawn: Quantity
    if isinstance(distribution, Posterior):
        name, drawn = name or axis_name(distribution.table), distribution.mu
    elif isinstance(distribution, Result):
        raise OptionError(
            "a frequentist result has an estimate and an interval, no posterior"
            " · give lam.pool_bayes(fit.table).mu, or draw lam.forest(fit)"
        )
    else:
        drawn = distribution
    _checked(drawn, prior)
    a_text("name", name)
    a_text("unit", unit)
    low, high = drawn.interval(a_level(level))
    first, last = (float(drawn.quantile(p)) for p in (0.0005, 0.9995))
    if not np.isfinite(last - first):
        raise OptionError(f"the tails of {name or 'this quantity'} reach beyond any axis · draw another quantity")
    at = np.linspace(first, last, 400)
    density = np.asarray(drawn.pdf(at), dtype=float)
    figure, ax = start(ax, 3.6, 2.4)
    inside = (at >= low) & (at <= high)
    ax.fill_between(at[inside], density[inside], color="#f0d9cb", lw=0)
    ax.plot(at, density, color=RUST, lw=1.4)
    if prior is not None:
        ax.plot(at, np.asarray(prior.pdf(at), dtype=float), color=GREY, lw=0.9, ls=(0, (4, 2.5)))
    middle = float(drawn.median)
    top = float(np.asarray(drawn.pdf(np.asarray(middle))))
    ax.plot([middle, middle], [0, top], color=RUST, lw=0.8)
    ax.set_ylim(bottom=0)
    from_zero = 0 < first < 0.1 * last  # a standard deviation is read from zero
    ax.set_xlim(0.0 if from_zero else first, last)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    what = f"{name} ({unit})" if unit else name
    words = f"{100 * level:g}% interval shaded, median marked" + (", prior dashed" if prior is not None else "")
    ax.set_title(words, fontsize=6.5, loc="left", color="#333333")
    return finished(figure, ax, what, "", f"Posterior of {name or 'one quantity'}: {words}.")
