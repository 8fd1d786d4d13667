"""Is the result to be trusted? Influence, small-study effects, selection, and the numbers behind diagnostic plots."""

from __future__ import annotations

from . import small_study_counts as _counts
from .small_study import SMALL_STUDY_TESTS
from .tables import CheckTable
from .trim_and_fill import MISSING_ESTIMATORS

del _counts

__all__ = ["MISSING_ESTIMATORS", "SMALL_STUDY_TESTS", "CheckTable"]
