"""Models of counts: one-stage likelihoods, Mantel-Haenszel, Peto, beta-binomial, gamma-Poisson."""

from .pooling.counts import *  # noqa: F403
from .pooling.counts import __all__ as __all__
