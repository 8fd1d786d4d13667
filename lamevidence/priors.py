"""Priors of the mean effect and of τ: `HalfNormal(72, unit="mL/year")`, published tables, priors read from text."""

from .bayes.priors import *  # noqa: F403
from .bayes.priors import __all__ as __all__
