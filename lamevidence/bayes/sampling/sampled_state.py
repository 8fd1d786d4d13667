"""Draws of a sampler as an engine behind a `Posterior`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.marginal_means import LINKS, linked_average
from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ..counts.families import study_likelihoods
from ..counts.standard_errors import degrees_of_freedom
from ..counts.study_likelihood import StudyLikelihood
from ..design import Design
from ..exact.average_posterior import NO_MEAN
from ..exact.distributions import Distribution
from ..models.building import Parts, resolved
from ..models.conditional import build_conditional, build_hypergeometric
from ..models.counts import build_binomial, build_rates
from ..models.hazard import build_hazard
from ..models.normal import build_normal, build_t
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior
from .arviz_compat import datasets
from .draws import Draws
from .sampling import sample

if TYPE_CHECKING:
    import xarray

__all__ = ["SampledDistribution", "SampledState", "sampled_state"]

_BUILDERS: Mapping[str, Callable[[EvidenceTable, Parts], Any]] = {
    "normal": partial(build_normal, parametrisation="marginal"),
    "t": build_t,
    "binomial": build_binomial,
    "poisson": build_rates,
    "hypergeometric": build_hypergeometric,
    "conditional-binomial": build_conditional,
    "hazard": build_hazard,
}
"""Likelihood → model for a design and its priors."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledDistribution(Distribution):
    """Sorted draws: empirical quantiles; the density is smoothed by a normal one of Silverman's width."""

    values: FloatArray
    unit: str | None = None

    @property
    def mean(self) -> float:
        """Mean of the draws."""
        return float(self.values.mean())

    @property
    def sd(self) -> float:
        """Standard deviation of the draws."""
        return float(self.values.std(ddof=1))

    @property
    def _width(self) -> float:
        low, high = np.quantile(self.values, [0.25, 0.75])
        return float(0.9 * min(self.sd, (high - low) / 1.34) * self.values.size**-0.2)

    def _pdf(self, x: FloatArray) -> FloatArray:
        z = (np.asarray(x)[..., None] - self.values) / self._width
        return np.asarray(np.exp(-0.5 * z * z).mean(-1) / (self._width * np.sqrt(2 * np.pi)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.searchsorted(self.values, x, side="right") / self.values.size)

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.quantile(self.values, p))


class _DrawsOfRates(SampledDistribution):
    """Draws of a marginal rate: their mean would hide that the expectation need not exist."""

    __slots__ = ()

    @property
    def mean(self) -> float:
        """NaN."""
        return float("nan")

    @property
    def sd(self) -> float:
        """NaN."""
        return float("nan")

    @property
    def moment_note(self) -> str:
        """Why there is none."""
        return NO_MEAN

    @property
    def _width(self) -> float:
        low, high = np.quantile(self.values, [0.25, 0.75])
        return float(0.9 * (high - low) / 1.34 * self.values.size**-0.2)


@dataclass(frozen=True, slots=True, eq=False)
class SampledState:
    """Chains of one model; what needs a marginal likelihood is refused."""

    kept: Draws
    statistics: xarray.Dataset
    attributes: Mapping[str, str | float]
    rows: tuple[StudyLikelihood, ...]
    X: FloatArray
    unit: str | None

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and draws."""
        return self.kept.tau.shape[0], self.kept.tau.shape[1]

    def _no(self, what: str) -> OptionError:
        return OptionError(f"{what} does not come from a sampler · use engine='exact'")

    @property
    def log_marginal(self) -> float:
        """Not known to a sampler: NaN."""
        return float("nan")

    @property
    def tau(self) -> Distribution:
        """Draws of τ."""
        return SampledDistribution(np.sort(self.kept.tau.ravel()), self.unit)

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> Distribution:
        """Draws of x'β, of a new study there, plus normal noise of variance ``extra``."""
        flat = self.kept.flat()
        noise = np.sqrt(extra + (flat["tau"] ** 2 if new else 0.0)) * np.ones(flat["tau"].size)
        # stratified normal numbers in an order of their own: the same answer each time it is asked
        z = special.ndtri((np.random.default_rng(0).permutation(noise.size) + 0.5) / noise.size)
        return SampledDistribution(np.sort(flat["beta"] @ x + noise * z), self.unit)

    def theta(self, i: int) -> Distribution:
        """Draws of the true effect of row ``i``."""
        return SampledDistribution(np.sort(self.kept.theta[..., i].ravel()), self.unit)

    def average(self, link: str) -> Distribution:
        """Draws of the average over studies, of one mean on this link scale."""
        flat = self.kept.flat()
        values = LINKS[link](linked_average(link, flat["beta"][:, 0], flat["tau"])[0])
        return (_DrawsOfRates if link == "log" else SampledDistribution)(np.sort(values), self.unit)

    def covariance(self) -> FloatArray:
        """Covariance of the coefficients over the draws, (p, p)."""
        beta = self.kept.flat()["beta"]
        return np.cov(beta, rowvar=False).reshape(beta.shape[1], beta.shape[1])

    def mean_weights(self) -> None:
        """Not kept by a sampler: None."""
        return None

    def draw(self, rng: np.random.Generator, size: int, *, effects: bool = True) -> Mapping[str, FloatArray]:
        """Draws picked from the chains, without replacement as long as there are enough."""
        flat = self.kept.flat()
        have = flat["tau"].size
        pick = rng.choice(have, size, replace=size > have)
        names = ("tau", "beta", "theta") if effects else ("tau", "beta")
        return {name: flat[name][pick] for name in names}

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k)."""
        centre = beta @ self.X.T
        return np.column_stack(
            [row.integrate(centre[:, [i]], tau[:, None], 41).log[:, 0] for i, row in enumerate(self.rows)]
        )

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Refused."""
        raise self._no("a Bayes factor")


def sampled_state(
    evidence: EvidenceTable,
    likelihood: str,
    design: Design,
    mu: tuple[EffectPrior, ...],
    tau: TauPrior,
    seed: int | None,
    chains: Mapping[str, int],
) -> SampledState:
    """Sample the model and return its draws.

    ``chains`` holds options of `sample` under their names: ``chains``, ``draws``, ``tune``.

    Raises
    ------
    ImproperPosterior
        The priors and the rows do not make a proper posterior.
    SamplingError
        The chains did not converge.
    """
    parts = resolved(evidence, likelihood, design.X, design.names, mu, tau)
    known = likelihood != "t" or np.isfinite(degrees_of_freedom(evidence)).any()
    model = _BUILDERS[likelihood if known else "normal"](evidence, parts)
    lengths = {"chains": 4, "draws": 1000, "tune": 1000} | dict(chains)
    tree = sample(model, seed=seed, chains=lengths["chains"], draws=lengths["draws"], tune=lengths["tune"])
    groups = datasets(tree)
    kept = _draws(groups["posterior"], tree.attrs["seed"])
    rows = tuple(study_likelihoods(evidence, likelihood))
    names = ("sampler", "rhat", "ess", "divergences", "accepted", "retried")
    attributes = {name: tree.attrs[name] for name in names}
    return SampledState(kept, groups["sample_stats"], attributes, rows, design.X, evidence.unit)


def _draws(posterior: Any, seed: int) -> Draws:
    tau = posterior["tau"].values
    mu = posterior["mu"].values if "mu" in posterior else None
    beta = posterior["beta"].values if mu is None else mu[..., None]
    rng = np.random.default_rng([seed, 7])
    theta = posterior["theta"].values
    new = beta[..., 0] + tau * rng.standard_normal(tau.shape)
    return Draws(beta[..., 0], tau, new, beta, theta, seed)
