"""Posteriors of the PyMC models that the exact engine does not cover, on dense grids with plain NumPy.

Standard deviations are integrated on a log scale and correlations on Fisher's, where trapezoids converge fast and no
edge is left; marginal distribution functions are the antiderivatives of cubic splines through the densities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import interpolate, optimize, special, stats


@dataclass(frozen=True)
class Marginal:
    """A density at equally spaced t, and the quantity x as a function of t."""

    t: np.ndarray
    density: np.ndarray
    x: object = staticmethod(lambda t: t)

    def _spline(self):
        return interpolate.CubicSpline(self.t, self.density / np.trapezoid(self.density, self.t))

    @property
    def mean(self):
        return np.average(self.x(self.t), weights=self.density)

    @property
    def sd(self):
        return np.sqrt(np.average((self.x(self.t) - self.mean) ** 2, weights=self.density))

    def quantile(self, p):
        cdf = self._spline().antiderivative()
        return float(self.x(optimize.brentq(lambda t: cdf(t) - p, self.t[0], self.t[-1])))


def half_normal(scale, t):
    """Log density of log x, x half-normal."""
    return stats.halfnorm(scale=scale).logpdf(np.exp(t)) + t


def marginals(log, axes):
    """Name → marginal of a log density on the product of ``axes``: name → (t, x of t)."""
    weight = np.exp(log - log.max())
    places = range(weight.ndim)
    return {
        name: Marginal(t, weight.sum(tuple(j for j in places if j != i)), x)
        for i, (name, (t, x)) in enumerate(axes.items())
    }


def same(t):
    return t


Z = np.linspace(-6.5, 6.5, 66)
LOG_PHI = stats.norm.logpdf(Z) + np.log(Z[1] - Z[0])


def negative_binomial(events, time, patients, mu, tau, dispersion):
    """Normal prior ``mu`` (mean, sd), half-normal scales ``tau`` and ``dispersion``."""
    m, u, d = np.linspace(mu[0] - 5 * mu[1], mu[0] + 5 * mu[1], 101), np.linspace(-9, 1.7, 46), np.linspace(-9, 1.4, 30)
    theta = m[:, None, None] + np.exp(u)[None, :, None] * Z
    out = stats.norm(*mu).logpdf(m)[:, None, None] + half_normal(tau, u)[:, None] + half_normal(dispersion, d)
    for j, log_d in enumerate(d):
        for r, t, n in zip(events, time, patients, strict=True):
            a, mean = n * np.exp(-2 * log_d), t * np.exp(theta)
            log = r * np.log(mean) - r * np.log(mean + a) - a * np.log1p(mean / a)
            log += special.gammaln(r + a) - special.gammaln(a) - special.gammaln(r + 1)
            out[:, :, j] += special.logsumexp(log + LOG_PHI, axis=-1)
    return marginals(out, {"mu": (m, same), "tau": (u, np.exp), "dispersion": (d, np.exp)})


def contrast(a, b, c, d, mu, tau, baseline):
    """Two binomial arms; log odds φ ± δ/2 with φ normal(0, ``baseline``)."""
    m, u = np.linspace(mu[0] - 6 * mu[1], mu[0] + 6 * mu[1], 81), np.linspace(-9, 1.7, 55)
    delta, phi = np.linspace(-25, 25, 1001), np.linspace(-7 * baseline, 7 * baseline, 281)
    log_phi = stats.norm(0, baseline).logpdf(phi) + np.log(phi[1] - phi[0])
    theta = m[:, None, None] + np.exp(u)[None, :, None] * Z
    out = stats.norm(*mu).logpdf(m)[:, None] + half_normal(tau, u)
    for row in zip(a, b, c, d, strict=True):
        one, two = phi + delta[:, None] / 2, phi - delta[:, None] / 2
        log = row[0] * special.log_expit(one) + row[1] * special.log_expit(-one)
        log += row[2] * special.log_expit(two) + row[3] * special.log_expit(-two)
        given = interpolate.CubicSpline(delta, special.logsumexp(log + log_phi, axis=1))
        out += special.logsumexp(given(theta) + LOG_PHI, axis=-1)
    return marginals(out, {"mu": (m, same), "tau": (u, np.exp)})


def bivariate(y, se, within, mu_sd, tau):
    """y, se (k, 2); μ normal(0, ``mu_sd``) each, integrated in closed form; uniform ρ."""
    u, f = np.linspace(-7, 3.6, 71), np.linspace(-5.5, 5.5, 37)
    t1, t2, rho = (g[..., None, None, None] for g in np.meshgrid(np.exp(u), np.exp(u), np.tanh(f), indexing="ij"))
    off = within * se[:, 0] * se[:, 1] + (rho * t1 * t2)[..., 0]
    first, second = (np.broadcast_to(se[:, i] ** 2 + (t**2)[..., 0], off.shape) for i, t in ((0, t1), (1, t2)))
    V = np.stack([np.stack([first, off], -1), np.stack([off, second], -1)], -2)[..., 0, :, :, :]
    W = np.linalg.inv(V)
    precision = W.sum(-3) + np.eye(2) / mu_sd**2
    cov = np.linalg.inv(precision)
    centre = np.einsum("...ab,...kbc,kc->...a", cov, W, y)
    quadratic = np.einsum("ka,...kab,kb->...", y, W, y) - np.einsum("...a,...ab,...b->...", centre, precision, centre)
    log = -0.5 * (np.linalg.slogdet(V)[1].sum(-1) + np.linalg.slogdet(precision)[1] + quadratic)
    log = log + half_normal(tau, u)[:, None, None] + half_normal(tau, u)[:, None] + np.log1p(-(np.tanh(f) ** 2))
    found = marginals(log, {"tau_first": (u, np.exp), "tau_second": (u, np.exp), "rho": (f, np.tanh)})
    weight = np.exp(log - log.max()).ravel()
    keep = weight > 1e-9 * weight.sum() / weight.size
    for i, name in enumerate(("mu_first", "mu_second")):
        m, s = centre[..., i].ravel()[keep], np.sqrt(cov[..., i, i]).ravel()[keep]
        x = np.linspace(m.min() - 5 * s.max(), m.max() + 5 * s.max(), 401)
        density = np.array([weight[keep] @ (np.exp(-0.5 * ((v - m) / s) ** 2) / s) for v in x])
        found[name] = Marginal(x, density)
    return found
