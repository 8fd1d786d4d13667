"""Priors as PyMC variables: the same densities on the same support as those of `lamevidence.priors`.

Where PyMC has the law it is PyMC's; the others are a `pymc.CustomDist` whose log density is written out here, as in the
class of the prior. Numbers are passed in double precision: PyTensor would take the logarithm of a plain 5.0 in single.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ..priors.base import HalfCauchy, HalfNormal, HalfStudentT, TauPrior, log_t
from ..priors.data_priors import DuMouchel, StandardErrorPrior, UniformShrinkage
from ..priors.effect_priors import EffectPrior, Flat, Normal, StudentT
from ..priors.heavy_tailed_priors import InverseChi, InverseGamma, Lomax
from ..priors.improper_priors import BergerDeely, Conventional, FlatSqrt, FlatTau, Jeffreys, OverallJeffreys
from ..priors.mixture_priors import MixtureOfNormals
from ..priors.scale_priors import Exponential, HalfLogistic, LogNormal, LogStudentT, Rayleigh, Uniform

__all__ = ["add_mu", "add_tau", "is_improper"]

Formula = Callable[[Any], Any]
"""τ as a PyTensor variable → its log density for τ > 0."""


def exact(value: float) -> FloatArray:
    """Return a number as an array, which keeps its double precision."""
    return np.asarray(value, dtype=np.float64)


def is_improper(variable: Any) -> bool:
    """Return whether the prior of a variable does not integrate, so that it cannot be drawn from."""
    return variable.owner.op.name in ("flat", "halfflat") or getattr(variable.tag, "improper", False)


def add_mu(name: str, prior: EffectPrior) -> Any:
    """Add an effect with its prior to the model in context."""
    import pymc as pm

    if isinstance(prior, Normal):
        return pm.Normal(name, exact(prior.loc), exact(prior.scale))
    if isinstance(prior, MixtureOfNormals):
        w, mu, sigma = (np.array(column, dtype=np.float64) for column in (prior.weight, prior.loc, prior.scale))
        return pm.NormalMixture(name, w=w, mu=mu, sigma=sigma)
    if isinstance(prior, StudentT):
        return pm.StudentT(name, nu=exact(prior.df), mu=exact(prior.loc), sigma=exact(prior.scale))
    if isinstance(prior, Flat):
        return pm.Flat(name)
    raise OptionError(f"{prior!r} has no PyMC form · choose Normal, MixtureOfNormals, StudentT or Flat")


def add_tau(name: str, prior: TauPrior) -> Any:
    """Add a between-study standard deviation with its prior to the model in context.

    A prior that the standard errors define needs them: `TauPrior.resolve`.

    Raises
    ------
    OptionError
        A prior that is not one of `lamevidence.priors`.
    """
    import pymc as pm

    if isinstance(prior, HalfNormal):
        return pm.HalfNormal(name, exact(prior.scale))
    if isinstance(prior, HalfCauchy):
        return pm.HalfCauchy(name, exact(prior.scale))
    if isinstance(prior, HalfStudentT):
        return pm.HalfStudentT(name, nu=exact(prior.df), sigma=exact(prior.scale))
    if isinstance(prior, Exponential):
        return pm.Exponential(name, scale=exact(prior.scale))
    if isinstance(prior, Uniform):
        return pm.Uniform(name, exact(0.0), exact(prior.upper))
    if isinstance(prior, LogNormal):
        return pm.LogNormal(name, exact(prior.meanlog), exact(prior.sdlog))
    if isinstance(prior, InverseGamma):
        return pm.InverseGamma(name, alpha=exact(prior.shape), beta=exact(prior.scale))
    if isinstance(prior, Rayleigh):
        return pm.Weibull(name, alpha=exact(2.0), beta=exact(prior.scale * np.sqrt(2.0)))
    found = proper_form(prior)
    if found is not None:
        return custom_tau(name, prior, *found)
    formula = improper_formula(prior)
    if formula is None:
        raise OptionError(f"{prior!r} has no PyMC form · choose a prior of lam.priors, such as HalfNormal")
    variable = custom_tau(name, prior, formula, None)
    variable.tag.improper = True
    return variable


def custom_tau(name: str, prior: TauPrior, formula: Formula, law: Callable[[], Any] | None) -> Any:
    """Add τ > 0 with this log density, sampled on the log scale; ``law`` makes what random numbers come from."""
    import pymc as pm

    start = exact(prior.typical)

    def log_density(value: Any) -> Any:
        inside = pm.math.switch(pm.math.gt(value, 0.0), value, 1.0)
        return pm.math.switch(pm.math.gt(value, 0.0), formula(inside), -np.inf)

    return pm.CustomDist(
        name,
        logp=log_density,
        dist=None if law is None else lambda size: law(),
        support_point=lambda rv, *_: 0.0 * rv + start,
        transform=pm.distributions.transforms.log,
    )


def proper_form(prior: TauPrior) -> tuple[Formula, Callable[[], Any]] | None:
    """Return log density and law of a proper prior that PyMC lacks; None for others."""
    import pymc as pm
    import pytensor.tensor as pt

    def uniform() -> Any:
        return pm.Uniform.dist(0.0, 1.0)

    if isinstance(prior, HalfLogistic):
        s = prior.scale
        return (
            lambda tau: np.log(2.0) - np.log(s) - tau / s - 2.0 * pt.log1p(pt.exp(-tau / s)),
            lambda: 2.0 * s * pt.arctanh(uniform()),
        )
    if isinstance(prior, Lomax | DuMouchel):
        # s₀/(s₀ + τ)² is the Lomax law of shape 1
        a, s = (prior.shape, prior.scale) if isinstance(prior, Lomax) else (1.0, prior.typical)
        return (
            lambda tau: np.log(a) - np.log(s) - (a + 1.0) * pt.log1p(tau / s),
            lambda: s * pt.expm1(-pt.log(uniform()) / a),
        )
    if isinstance(prior, InverseChi):
        nu, s = prior.df, prior.scale
        const = (1.0 - 0.5 * nu) * np.log(2.0) - float(special.gammaln(0.5 * nu)) + nu * np.log(s)
        return (
            lambda tau: const - (nu + 1.0) * pt.log(tau) - 0.5 * (s / tau) ** 2,
            lambda: s / pt.sqrt(pm.ChiSquared.dist(exact(nu))),
        )
    if isinstance(prior, LogStudentT):
        nu, m, s = prior.df, prior.meanlog, prior.sdlog
        const = log_t(nu) - np.log(s)
        return (
            lambda tau: const - pt.log(tau) - 0.5 * (nu + 1.0) * pt.log1p(((pt.log(tau) - m) / s) ** 2 / nu),
            lambda: pt.exp(pm.StudentT.dist(nu=exact(nu), mu=exact(m), sigma=exact(s))),
        )
    if isinstance(prior, UniformShrinkage):
        s2 = prior.typical**2
        return (
            lambda tau: np.log(2.0 * s2) + pt.log(tau) - 2.0 * pt.log(s2 + tau**2),
            lambda: _shrunk(s2, uniform()),
        )
    return None


def _shrunk(s2: float, share: Any) -> Any:
    """τ at which the shrinkage s₀²/(s₀² + τ²) is 1 − ``share``."""
    import pytensor.tensor as pt

    return pt.sqrt(s2 * share / (1.0 - share))


def improper_formula(prior: TauPrior) -> Formula | None:
    """Return the log of a density that does not integrate, or whose constant is not used; None for others."""
    import pytensor.tensor as pt

    log = pt.log
    if isinstance(prior, FlatTau):
        return lambda tau: 0.0 * tau
    if isinstance(prior, FlatSqrt):
        return lambda tau: -0.5 * log(tau)
    if not isinstance(prior, StandardErrorPrior):
        return None
    v = prior.variances

    def total(tau: Any, power: float) -> Any:
        return pt.sum((v + tau**2) ** -power)

    if isinstance(prior, Jeffreys):
        return lambda tau: log(tau) + 0.5 * log(total(tau, 2.0))
    if isinstance(prior, OverallJeffreys):
        return lambda tau: log(tau) + 0.5 * log(total(tau, 1.0)) + 0.5 * log(total(tau, 2.0))
    if isinstance(prior, BergerDeely):
        return lambda tau: log(tau) - pt.sum(log(v + tau**2)) / v.size
    if isinstance(prior, Conventional):
        return lambda tau: log(tau) - 1.5 * pt.sum(log(v + tau**2)) / v.size
    return None
