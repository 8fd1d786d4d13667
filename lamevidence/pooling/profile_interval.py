"""Profile-likelihood interval for the common mean, with or without Bartlett-type correction of the χ² quantile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, TooFewStudies
from ..values import Interval
from .fitted import Fitted
from .intervals import INTERVALS, Inference, quantile
from .kernels import Projection
from .likelihood import maximise, restricted_log_likelihood

__all__ = ["bartlett_corrected", "profile_likelihood"]

_HARDY_THOMPSON = "10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A"


def _best_at(fit: Fitted, mean: float) -> tuple[float, float]:
    """Return the likelihood of ``mean`` maximised over τ² (all modes compared), and that τ².

    With the mean known, the likelihood of τ² is that of the residuals about it without any coefficient:
    (y − mean) mirrored about 0 has weighted mean 0 at every τ², and twice the likelihood.
    """
    r = fit.y - mean
    twice = np.concatenate([r, -r])[None]
    v = np.concatenate([fit.v, fit.v])[None]
    found = maximise(twice, v, np.array([2.0 * fit.k]), None, restricted=False)
    height = float(restricted_log_likelihood(twice, v, found.value, None, False)[0]) / 2
    return height, float(found.value[0])


def _unstretched(v: FloatArray, t: float) -> float:
    return 1.0


def _bartlett(v: FloatArray, t: float) -> float:
    """Return the mean of the likelihood ratio over that of χ²₁: 1 + 2Σw³/(Σw Σw²), w = 1/(v + t)."""
    w = 1.0 / (v + t)
    return 1.0 + 2.0 * float((w**3).sum()) / (float(w.sum()) * float((w * w).sum()))


def _by_likelihood_ratio(fit: Fitted, name: str, stretch: Callable[[FloatArray, float], float]) -> Inference:
    """Return the means whose likelihood ratio, divided by ``stretch`` at its own τ², is below the χ²₁ quantile."""
    if fit.k < 2:
        raise TooFewStudies(f"the {name} interval", fit.k, 2, "interval='z' reports the study as it is")
    if fit.own_weights:
        raise NotEstimable(f"the {name} interval needs the model's own weights · leave weights out")
    found = maximise(fit.y[None], fit.v[None], np.array([float(fit.k)]), None, restricted=False)
    top_mean = float(Projection(1.0 / (fit.v + found.value[0])).coefficients(fit.y)[0])
    top = float(restricted_log_likelihood(fit.y[None], fit.v[None], found.value, None, False)[0])

    def ratio(mean: float) -> float:
        height, t = _best_at(fit, mean)
        return 2.0 * (top - height) / stretch(fit.v, t)

    def bounds(level: float) -> Interval:
        from scipy.optimize import brentq

        cut = quantile(level) ** 2
        ends = []
        for sign in (-1.0, 1.0):
            far = top_mean + 2 * sign * fit.se
            while ratio(far) < cut:
                far = top_mean + 2 * (far - top_mean)
            end = brentq(lambda x: ratio(x) - cut, top_mean, far, xtol=1e-12 * fit.se, rtol=1e-14)
            ends.append(float(end))
        return Interval(ends[0], ends[1])

    def test(null: float) -> tuple[float, float]:
        root = np.sqrt(max(0.0, ratio(null))) * np.sign(top_mean - null)
        return float(root), float(2 * special.ndtr(-abs(root)))

    return Inference(fit.se, np.inf, fit.mean, bounds, test)


@INTERVALS.register("PL", title="profile likelihood (ML)", reference=_HARDY_THOMPSON)
def profile_likelihood(fit: Fitted) -> Inference:
    """Return the means whose likelihood, maximised over τ², is within χ²₁/2 of the maximum (Hardy & Thompson).

    The centre of the interval and the standard error belong to the maximum-likelihood mean, so τ² should be
    estimated by ML too.
    """
    return _by_likelihood_ratio(fit, "profile-likelihood", _unstretched)


@INTERVALS.register("BC", title="profile likelihood, Bartlett-corrected (ML)", reference="10.1002/sim.4350")
def bartlett_corrected(fit: Fitted) -> Inference:
    """Return the profile-likelihood interval with the ratio divided by its Bartlett factor (Noma 2011).

    The factor, 1 + 2Σw³/(Σw Σw²), is that of the τ² most likely under each mean, w = 1/(v + τ²). It makes the
    interval longer, most with few studies. τ² should be estimated by ML.
    """
    return _by_likelihood_ratio(fit, "Bartlett-corrected", _bartlett)
