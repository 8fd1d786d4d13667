"""The exact engine for a likelihood and its priors: closed form given τ, nodes over (τ, μ), or a blend of these."""

from __future__ import annotations

from typing import TypeAlias

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from .blended_state import BlendedState, blended_state, has_mixture
from .counts.fitting import fit_two_level
from .counts.likelihoods import Likelihood
from .counts.regression import fit_regression
from .counts.regression_state import RegressionState
from .counts.two_level import TwoLevelState
from .evidence_checks import check_estimates
from .exact.exact_state import ExactState
from .exact.normal_normal import fit_normal
from .priors.base import TauPrior
from .priors.effect_priors import EffectPrior, Flat, Normal

__all__ = ["ExactEngine", "error_of", "fit_state", "tau_prior_of"]

ExactEngine: TypeAlias = ExactState | TwoLevelState | RegressionState | BlendedState


def fit_state(
    evidence: EvidenceTable,
    likelihood: Likelihood,
    X: FloatArray,
    mu: tuple[EffectPrior, ...],
    tau: TauPrior,
    names: tuple[str, ...],
    *,
    one_mean: bool,
) -> ExactEngine:
    """Return the exact posterior.

    Raises
    ------
    InputError
        Estimates or variances that are not evidence.
    ImproperPosterior, NotEstimable, QuadratureError
        The posterior does not exist, or cannot be computed to its error bound.
    """
    if has_mixture(mu):
        return blended_state(
            mu,
            evidence.unit,
            lambda chosen: fit_state(evidence, likelihood, X, chosen, tau, names, one_mean=one_mean),
        )
    closed = likelihood.name == "normal" and not any(evidence.printed)
    if closed and all(isinstance(prior, Normal | Flat) for prior in mu):
        yi, vi = check_estimates(evidence)
        return ExactState(fit_normal(yi, vi, X, mu, tau.resolve(vi)), mu, evidence.unit)
    if one_mean:
        return fit_two_level(evidence, likelihood, mu[0], tau)
    return fit_regression(evidence, likelihood, X, mu, tau, names)


def tau_prior_of(state: ExactEngine) -> TauPrior:
    """Return the prior of τ, resolved."""
    if isinstance(state, BlendedState):
        return tau_prior_of(state.parts[0])
    return state.fit.prior if isinstance(state, ExactState) else state.prior_tau


def error_of(state: ExactEngine) -> float:
    """Return the bound of the numerical error: the largest of the components of a blend."""
    if isinstance(state, BlendedState):
        return max(error_of(part) for part in state.parts)
    return state.fit.grid.error if isinstance(state, ExactState) else state.error
