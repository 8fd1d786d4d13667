"""Profile-likelihood interval for the common mean, with or without Bartlett-type correction of the χ² quantile."""

from __future__ import annotations

import numpy as np
from scipy import special

from ..errors import NotEstimable, TooFewStudies
from ..values import Interval
from .fitted import Fitted
from .intervals import INTERVALS, Inference, quantile
from .kernels import Projection
from .likelihood import maximise, restricted_log_likelihood

__all__ = ["profile_likelihood"]


def _best_at(fit: Fitted, mean: float) -> float:
    """Return the likelihood of ``mean`` maximised over τ² (all modes compared).

    With the mean known, the likelihood of τ² is that of the residuals about it without any coefficient:
    (y − mean) mirrored about 0 has weighted mean 0 at every τ², and twice the likelihood.
    """
    r = fit.y - mean
    twice = np.concatenate([r, -r])[None]
    v = np.concatenate([fit.v, fit.v])[None]
    found = maximise(twice, v, np.array([2.0 * fit.k]), None, restricted=False)
    return float(restricted_log_likelihood(twice, v, found.value, None, False)[0]) / 2


@INTERVALS.register("PL", title="profile likelihood (ML)", reference="10.1002/sim.4780150307")
def profile_likelihood(fit: Fitted) -> Inference:
    """Return the means whose likelihood, maximised over τ², is within χ²₁/2 of the maximum (Hardy & Thompson).

    The centre of the interval and the standard error belong to the maximum-likelihood mean, so τ² should be
    estimated by ML too.
    """
    if fit.k < 2:
        raise TooFewStudies("the profile-likelihood interval", fit.k, 2, "interval='z' reports the study as it is")
    if fit.own_weights:
        raise NotEstimable("the profile likelihood needs the model's own weights · leave weights out")
    found = maximise(fit.y[None], fit.v[None], np.array([float(fit.k)]), None, restricted=False)
    top_mean = float(Projection(1.0 / (fit.v + found.value[0])).coefficients(fit.y)[0])
    top = float(restricted_log_likelihood(fit.y[None], fit.v[None], found.value, None, False)[0])

    def bounds(level: float) -> Interval:
        from scipy.optimize import brentq

        cut = top - quantile(level) ** 2 / 2
        ends = []
        for sign in (-1.0, 1.0):
            far = top_mean + 2 * sign * fit.se
            while _best_at(fit, far) > cut:
                far = top_mean + 2 * (far - top_mean)
            end = brentq(lambda x: _best_at(fit, x) - cut, top_mean, far, xtol=1e-12 * fit.se, rtol=1e-14)
            ends.append(float(end))
        return Interval(ends[0], ends[1])

    def test(null: float) -> tuple[float, float]:
        root = np.sqrt(max(0.0, 2 * (top - _best_at(fit, null)))) * np.sign(top_mean - null)
        return float(root), float(2 * special.ndtr(-abs(root)))

    return Inference(fit.se, np.inf, fit.mean, bounds, test)
