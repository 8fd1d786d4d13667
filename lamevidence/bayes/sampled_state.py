"""Draws of a sampler as an engine behind a `Posterior`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import OptionError
from .distributions import Distribution
from .draws import Draws
from .families import kernels

__all__ = ["SampledDistribution", "SampledState", "sampled_state"]

_BUILDERS = {"t": "student_t", "conditional-binomial": "conditional_binomial"}
"""Likelihood → builder, where they are not called alike."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledDistribution(Distribution):
    """Sorted draws: empirical quantiles; the density is a normal kernel with Silverman's width."""

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


@dataclass(frozen=True, slots=True, eq=False)
class SampledState:
    """Chains of one model; what needs a marginal likelihood is refused."""

    kept: Draws
    statistics: Any
    attributes: Mapping[str, Any]
    rows: tuple[Any, ...]
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

    def draw(self, rng: np.random.Generator, size: int) -> Mapping[str, FloatArray]:
        """Draws picked from the chains, without replacement as long as there are enough."""
        flat = self.kept.flat()
        have = flat["tau"].size
        pick = rng.choice(have, size, replace=size > have)
        return {name: flat[name][pick] for name in ("tau", "beta", "theta")}

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
    table: EvidenceTable, likelihood: str, X: FloatArray, names: tuple[str, ...], mu: Any, tau: Any, seed: int | None
) -> SampledState:
    """Sample the model and return its draws.

    Raises
    ------
    OptionError
        Moderators with another likelihood than the normal.
    SamplingError
        The chains did not converge.
    """
    from . import models
    from .arviz_compat import datasets
    from .models.normal import build_normal
    from .sampling import sample

    if likelihood == "normal":
        model = build_normal(table, X, names, mu, tau, "marginal")
    elif X.shape[1] == 1 and np.all(X == 1.0):
        model = getattr(models, _BUILDERS.get(likelihood, likelihood))(table, mu=mu[0], tau=tau)
    else:
        raise OptionError(
            f"engine='nuts' takes moderators with the normal likelihood, not with {likelihood} · use engine='exact'"
        )
    tree = sample(model, seed=seed)
    parts = datasets(tree)
    kept = _draws(table, parts["posterior"], X, tree.attrs["seed"])
    rows = tuple(kernels(table, likelihood))
    attributes = {name: tree.attrs[name] for name in ("sampler", "rhat", "ess", "divergences", "accepted", "retried")}
    return SampledState(kept, parts["sample_stats"], attributes, rows, X, table.unit)


def _draws(table: EvidenceTable, posterior: Any, X: FloatArray, seed: int) -> Draws:
    tau = posterior["tau"].values
    mu = posterior["mu"].values if "mu" in posterior else None
    beta = posterior["beta"].values if mu is None else mu[..., None]
    rng = np.random.default_rng([seed, 7])
    if "theta" in posterior:
        theta = posterior["theta"].values
    else:
        pull = table.vi / (table.vi + tau[..., None] ** 2)
        centre = (1 - pull) * table.yi + pull * (beta @ X.T)
        theta = centre + np.sqrt((1 - pull) * table.vi) * rng.standard_normal(centre.shape)
    new = beta[..., 0] + tau * rng.standard_normal(tau.shape)
    return Draws(beta[..., 0], tau, new, beta, theta, seed)
