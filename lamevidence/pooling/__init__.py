"""From estimates to a pooled result: τ², intervals, prediction, heterogeneity, models and their policy.

Importing this package files every method in its catalogue.
"""

from __future__ import annotations

from .api import pool
from .inverse_variance.intervals import INTERVALS
from .inverse_variance.pooled import Pooled
from .inverse_variance.prediction import PREDICTIONS
from .models import MODELS
from .tau2.estimators import TAU2
from .tau2.intervals import TAU2_INTERVALS

__all__ = ["INTERVALS", "MODELS", "PREDICTIONS", "TAU2", "TAU2_INTERVALS", "Pooled", "pool"]
