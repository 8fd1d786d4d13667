"""Counts themselves: one-stage likelihoods, Mantel-Haenszel, Peto, beta-binomial and gamma-Poisson."""

from __future__ import annotations

from .mantel_haenszel_peto import mantel_haenszel, mantel_haenszel_test, peto
from .mixtures import beta_binomial, gamma_poisson
from .one_stage import glmm

__all__ = [
    "beta_binomial",
    "gamma_poisson",
    "glmm",
    "mantel_haenszel",
    "mantel_haenszel_test",
    "peto",
]
