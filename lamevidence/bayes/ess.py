"""Effective sample size of a distribution used as a prior: how many patients it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import OptionError
from ..options import a_choice
from .mixture import NormalMixture
from .priors import positive

if TYPE_CHECKING:
    from .distributions import Distribution

__all__ = ["effective_sample_size"]

_METHODS = ("elir", "moment", "vr", "mtm")


def effective_sample_size(d: Distribution, uisd: float, method: str = "elir") -> float:
    """Return how many patients ``d`` is worth, when one patient brings the information 1/uisd².

    Parameters
    ----------
    d
        A normal mixture, such as the predictive distribution of a new study.
    uisd
        Unit-information standard deviation: the standard error of the effect times √n.
    method
        ``elir`` expected local information ratio, uisd² ∫ p'²/p (Neuenschwander 2020, doi:10.1111/biom.13252);
        ``moment`` or ``vr`` variance ratio uisd²/Var; ``mtm`` local information at the mode (Morita 2008).

    Raises
    ------
    OptionError
        Another method, or a distribution that is not a normal mixture.
    """
    uisd = positive("uisd", uisd)
    a_choice("effective sample size", method, _METHODS)
    if method in ("moment", "vr"):
        return uisd**2 / d.sd**2
    if not isinstance(d, NormalMixture):
        raise OptionError("this effective sample size needs a normal mixture: the exact result of a normal likelihood")
    if method == "mtm":
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


def _derivatives(d: NormalMixture, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Density and its first two derivatives."""
    z = (x[:, None] - d.loc) / d.scale
    part = d.weight * np.exp(-0.5 * z * z) / (d.scale * np.sqrt(2 * np.pi))
    return part.sum(1), (-part * z / d.scale).sum(1), (part * (z * z - 1) / d.scale**2).sum(1)
