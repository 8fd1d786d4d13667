"""Models of one mean effect weighted by their evidence: common or random, an effect or none, under any priors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..bayes.api import pool_bayes
from ..bayes.counts.families import study_likelihoods
from ..bayes.exact.blend import blend
from ..bayes.exact.distributions import Distribution
from ..bayes.posterior import Posterior
from ..bayes.priors.base import HalfNormal
from ..bayes.priors.prior_parsing import PriorLike, mu_prior, tau_prior
from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable, OptionError
from ..foundation.options import a_choice, a_level, a_number
from ..foundation.values import Interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelAverage", "average_models"]

_NEARLY_NONE = 1e-7
"""Scale of τ, in standard errors, that stands for a common effect where its posterior is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelAverage:
    """Models with their evidence, and what they say together.

    Attributes
    ----------
    models
        One line of words a model.
    effect, heterogeneity
        Whether it has an effect other than ``null``, and τ > 0, (m,).
    prior
        Prior probability of each, (m,).
    log_marginal
        Log marginal likelihood of each, (m,).
    means
        Posterior of μ under each model with an effect, None for the others.
    null
        The value of no effect; None where every model has one.
    level
        Level of intervals when none is given.
    unit
        Unit of the estimates.
    """

    models: tuple[str, ...]
    effect: tuple[bool, ...]
    heterogeneity: tuple[bool, ...]
    prior: FloatArray
    log_marginal: FloatArray
    means: tuple[Distribution | None, ...]
    null: float | None
    level: float
    unit: str | None

    @property
    def posterior(self) -> FloatArray:
        """Posterior probability of each model, (m,)."""
        log = np.log(self.prior) + self.log_marginal
        return np.asarray(np.exp(log - special.logsumexp(log)))

    def _having(self, component: str) -> NDArray[np.bool_]:
        """Return which models have a component, (m,)."""
        which = a_choice("component", component, ("effect", "heterogeneity"))
        return np.array(self.effect if which == "effect" else self.heterogeneity)

    def inclusion_bayes_factor(self, component: str) -> float:
        """Return the inclusion Bayes factor of ``effect`` or ``heterogeneity``: posterior odds over prior odds.

        Raises
        ------
        NotEstimable
            Every model has the component, or none has.
        """
        return math.exp(self.log_inclusion_bayes_factor(component))

    def log_inclusion_bayes_factor(self, component: str) -> float:
        """Return the logarithm of `inclusion_bayes_factor`, which does not overflow."""
        has = self._having(component)
        if has.all() or not has.any():
            raise NotEstimable(
                f"{'every' if has.all() else 'no'} model has {component}: there is nothing to compare"
                " · average models with and without it"
            )
        log = np.log(self.prior) + self.log_marginal
        odds = special.logsumexp(log[has]) - special.logsumexp(log[~has])
        return float(odds - np.log(self.prior[has].sum() / self.prior[~has].sum()))

    def probability(self, component: str) -> float:
        """Return the posterior probability of ``effect`` or of ``heterogeneity``."""
        has = self._having(component)
        return float(self.posterior[has].sum())

    @property
    def conditional(self) -> Distribution:
        """Posterior of μ given that there is an effect: the models with one, weighted."""
        held = [
            (math.log(w), law) for w, law in zip(self.posterior, self.means, strict=True) if law is not None and w > 0
        ]
        return blend(np.array([w for w, _ in held]), [law for _, law in held], self.unit)

    @property
    def mean(self) -> float:
        """Mean of μ over all models, μ = null in those without an effect."""
        share = self.probability("effect")
        return share * self.conditional.mean + (0.0 if self.null is None else (1.0 - share) * self.null)

    def quantile(self, p: float) -> float:
        """Return the quantile of μ over all models: an interval of probabilities may be the null itself."""
        p = a_number("p", p, above=0.0, below=1.0)
        law, share = self.conditional, self.probability("effect")
        if self.null is None or share == 1.0:
            return float(law.quantile(p))
        below = share * law.cdf(self.null)
        if p < below:
            return float(law.quantile(p / share))
        if p <= below + 1.0 - share:
            return self.null
        return float(law.quantile((p - (1.0 - share)) / share))

    def interval(self, level: float | None = None) -> Interval:
        """Return the central interval of μ over all models."""
        level = self.level if level is None else a_level(level)
        return Interval(self.quantile((1.0 - level) / 2.0), self.quantile((1.0 + level) / 2.0))

    def to_frame(self) -> pd.DataFrame:
        """Return one line a model: what it assumes, probabilities before and after, log evidence, mean and interval."""
        import pandas as pd

        low, high = (np.full(len(self.models), np.nan) for _ in range(2))
        mean = np.full(len(self.models), np.nan if self.null is None else self.null)
        for i, law in enumerate(self.means):
            if law is not None:
                mean[i] = law.mean
                low[i], high[i] = law.interval(self.level)
        columns = {"model": self.models, "effect": self.effect, "heterogeneity": self.heterogeneity}
        return pd.DataFrame(
            columns
            | {"prior": self.prior, "log_marginal": self.log_marginal, "posterior": self.posterior}
            | {"mean": mean, "low": low, "high": high}
        )

    def describe(self) -> str:
        """What the models say together, in words."""
        low, high = self.interval()
        unit = f" {self.unit}" if self.unit else ""
        text = (
            f"{len(self.models)} models: mean effect {self.mean:.3g}{unit}"
            f" ({100 * self.level:g} % interval {low:.3g} to {high:.3g})"
        )
        for component in ("effect", "heterogeneity"):
            has = self.effect if component == "effect" else self.heterogeneity
            if any(has) and not all(has):
                log = self.log_inclusion_bayes_factor(component)
                text += f"; {_said(log)} {component}, whose probability is {self.probability(component):.3f}"
        return text

    def __repr__(self) -> str:
        return f"<ModelAverage {self.describe()}>"


def _said(log: float) -> str:
    """Return a Bayes factor in words: what it speaks for, by how much."""
    size = f"{math.exp(abs(log)):.3g}" if abs(log) < 500 else f"e^{abs(log):.0f}"
    if abs(log) < math.log(1.005):
        return "the data speak neither for nor against"
    return f"Bayes factor {size} {'for' if log > 0 else 'against'}"


def average_models(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | Sequence[PriorLike],
    tau: PriorLike | Sequence[PriorLike],
    null: float | None = 0.0,
    likelihood: str = "auto",
    probability_effect: float = 0.5,
    probability_heterogeneity: float = 0.5,
    level: float = 0.95,
) -> ModelAverage:
    """Return the average of {common, random} × {no effect, an effect} over priors, by exact marginal likelihoods.

    A model is a prior of μ (or μ = null) with a prior of τ (or τ = 0). The weight of each is its prior probability
    times its marginal likelihood, from the quadrature of `pool_bayes`; nothing is sampled.

    Parameters
    ----------
    evidence
        The rows.
    mu, tau
        One prior or several, all proper; models with an effect share its probability equally, so do those with τ > 0.
    null
        Value of no effect; None where every model has one.
    likelihood
        As of `pool_bayes`.
    probability_effect
        Prior probability that μ is not ``null``.
    probability_heterogeneity
        Prior probability that τ is not 0; 1 leaves the common-effect models out.
    level
        Level of intervals when none is given later.

    Returns
    -------
    ModelAverage

    Raises
    ------
    OptionError, InputError
        Improper priors, which have no marginal likelihood; probabilities outside (0, 1).

    See Also
    --------
    lamevidence.pool_bayes : one of these models.
    joint : designs in one model.

    References
    ----------
    Gronau, Heck, Berkhout, Haaf & Wagenmakers 2021, doi:10.1177/25152459211031256; Bartoš, Gronau, Timmers, Otte, Ly &
    Wagenmakers 2021, doi:10.1002/sim.9170.

    Examples
    --------
    >>> import lamevidence as lam
    >>> d = [0.907305, 0.7207589, 1.3305829, 1.7688872, 1.3286828]
    >>> se = [0.2720456, 0.1977769, 0.2721648, 0.2656483, 0.3582617]
    >>> table = lam.EvidenceTable.from_estimates(d, sei=se)
    >>> mu, tau = lam.priors.StudentT(5, 0, 0.51), lam.priors.InverseGamma(1.79, 0.28)
    >>> found = lam.synthesis.average_models(table, mu=mu, tau=tau)
    >>> round(found.inclusion_bayes_factor("effect"), 2)
    218.53
    """
    a_table(evidence)
    level = a_level(level)
    if null is not None:
        null = a_number("null", null, error=InputError)
    share_mu = 1.0 if null is None else a_number("probability_effect", probability_effect, above=0.0, below=1.0)
    share_tau = a_number("probability_heterogeneity", probability_heterogeneity, above=0.0, most=1.0)
    effects = [mu_prior(prior, evidence.unit) for prior in _listed("mu", mu)]
    spreads = [tau_prior(prior, evidence.unit) for prior in _listed("tau", tau)]
    for prior, proper in [(e, e.proper) for e in effects] + [(s, s.proper) for s in spreads]:
        if not proper:
            raise OptionError(
                f"{prior!r} is improper and gives no marginal likelihood · use Normal(…) and HalfNormal(…)"
            )
    fits = {
        (i, j): pool_bayes(evidence, mu=e, tau=s, likelihood=likelihood)
        for (i, e), (j, s) in product(enumerate(effects), enumerate(spreads))
    }
    said, has_effect, has_spread, weight, log, means = [], [], [], [], [], []
    for i, j in product((None, *range(len(effects))), (None, *range(len(spreads)))):
        share = (share_mu / len(effects) if i is not None else 1.0 - share_mu) * (
            share_tau / len(spreads) if j is not None else 1.0 - share_tau
        )
        if share == 0.0:
            continue
        fit = fits[i or 0, j or 0]
        of_tau = "τ = 0" if j is None else f"τ ~ {spreads[j]!r}"
        of_mu = f"μ = {null:g}" if i is None else f"μ ~ {effects[i]!r}"
        said.append(f"{of_tau}, {of_mu}")
        has_effect.append(i is not None)
        has_spread.append(j is not None)
        weight.append(share)
        log.append(_evidence(fit, null if i is None else None, common=j is None))
        means.append(None if i is None else _mean(fit, likelihood, common=j is None))
    words, flags = tuple(said), (tuple(has_effect), tuple(has_spread))
    return ModelAverage(words, *flags, np.array(weight), np.array(log), tuple(means), null, level, evidence.unit)


def _listed(name: str, given: object) -> list[object]:
    """Return one prior or several as a list."""
    several = isinstance(given, Sequence) and not isinstance(given, str)
    found = list(given) if several else [given]  # type: ignore[call-overload]
    if not found or any(prior is None for prior in found):
        raise OptionError(f"{name} has no prior · give one or several, for example {name}=lam.priors.…")
    return found


def _evidence(fit: Posterior, null: float | None, *, common: bool) -> float:
    """Log marginal likelihood with μ fixed at ``null``, and with τ = 0."""
    if null is None:
        return fit.log_marginal + (fit.log_bayes_factor(tau=0) if common else 0.0)
    if not common:
        return fit.log_marginal + fit.log_bayes_factor(mu=null)
    rows = study_likelihoods(fit.table, fit.likelihood)
    return float(sum(row.value(np.array([null]))[0] for row in rows))


def _mean(fit: Posterior, likelihood: str, *, common: bool) -> Distribution:
    """Posterior of μ; under a common effect that of a τ which is next to nothing."""
    if not common:
        return fit.mu
    v = np.array([row.approx[1] for row in study_likelihoods(fit.table, fit.likelihood)])
    small = HalfNormal(_NEARLY_NONE * float(np.sqrt(v.min())), unit=fit.unit)
    return pool_bayes(fit.table, mu=fit.prior_mu[0], tau=small, likelihood=likelihood).mu
