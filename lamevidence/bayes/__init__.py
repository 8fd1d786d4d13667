"""Bayesian pooling: priors with units, exact posteriors, and what can be asked of them."""

from . import models
from .pool import pool_bayes
from .posterior import Posterior

__all__ = ["Posterior", "models", "pool_bayes"]
