"""Profile of the likelihood over the between-study standard deviation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..checks.coordinates import likelihood_profile
from ..checks.tables import CheckTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.options import a_level, a_text
from ..foundation.values import Interval
from ..results.contract import Result
from .data import PointSource, frame_of, numbers_of
from .drawing.canvas import BLUE, GREY, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["tau_profile"]

_POINTS = 121


def _grid(fit: Result) -> FloatArray:
    """Return values of τ² that reach beyond its interval, and hold its estimate."""
    found = fit.heterogeneity()
    tau2 = found.tau2 if isinstance(found.tau2, float) and math.isfinite(found.tau2) else 0.0
    high = found.tau2_interval.high if isinstance(found.tau2_interval, Interval) else math.nan
    typical = float(np.nanmedian(fit.table.vi))
    top = high if math.isfinite(high) and high > 0 else 9 * (tau2 or typical)
    return np.union1d(np.linspace(0.0, 1.1 * math.sqrt(top), _POINTS) ** 2, [tau2])


def _profile(fit: Result) -> CheckTable:
    return likelihood_profile(fit, _grid(fit))


def _unit(fit: object) -> str:
    source = fit.fit if isinstance(fit, CheckTable) else fit
    if not isinstance(source, Result) or not source.unit or MEASURES[source.measure].scale != "identity":
        return ""
    return str(source.unit)


@in_own_style
def tau_profile(fit: PointSource, *, unit: str = "", level: float = 0.95, ax: Axes | None = None) -> Plot:
    """Draw log-likelihood against τ, relative to its maximum; the dashed line cuts the profile interval.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` with ``tau2="ML"`` or ``"REML"``, what `lamevidence.checks.likelihood_profile`
        returns, or a frame with the columns ``tau`` and ``log_likelihood``.
    unit
        Unit of tau; of a result its own.
    level
        Level of the profile interval.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        Not something this figure is made of, or an estimator of τ² that maximises no likelihood.

    See Also
    --------
    lamevidence.checks.likelihood_profile : The numbers behind it, at values of one's own.

    References
    ----------
    Hardy & Thompson 1996, doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.tau_profile(lam.pool(table, tau2="ML")).description
    'Profile likelihood of tau.'
    """
    frame = frame_of(fit, _profile, "a likelihood profile", ("tau", "log_likelihood"))
    tau, value = numbers_of(frame, "tau"), numbers_of(frame, "log_likelihood")
    order = np.argsort(tau)
    tau, value = tau[order], value[order] - value.max()
    cut = -(float(special.ndtri(0.5 + a_level(level) / 2)) ** 2) / 2
    unit = a_text("unit", unit) or _unit(fit)
    figure, ax = start(ax, 3.6, 2.4)
    ax.plot(tau, value, color=BLUE, lw=1.4)
    best = int(np.argmax(value))
    ax.plot(tau[best], 0.0, "o", ms=4, mfc=BLUE, mec="white", mew=0.5)
    ax.axhline(cut, color=GREY, lw=0.8, ls=(0, (4, 2.5)))
    ax.set_ylim(bottom=max(float(value.min()), 4 * cut))
    what = f"\u03c4 ({unit})" if unit else "\u03c4"
    return finished(figure, ax, what, "Log-likelihood below its maximum", "Profile likelihood of tau.")
