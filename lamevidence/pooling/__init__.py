"""From estimates to a pooled result: τ², intervals, prediction, heterogeneity, models and their policy."""

from __future__ import annotations

from .confidence_distribution import nagashima as nagashima
from .intervals import INTERVALS
from .prediction import PREDICTIONS
from .profile_interval import profile_likelihood as profile_likelihood
from .random_effects import MODELS, pool
from .results import Pooled
from .tau2 import TAU2
from .tau2_intervals import TAU2_INTERVALS
from .tau2_small import hartung_makambi as hartung_makambi

__all__ = ["INTERVALS", "MODELS", "PREDICTIONS", "TAU2", "TAU2_INTERVALS", "Pooled", "pool"]
