"""Effect measures: importing this package files every measure in `MEASURES`."""

from . import (
    association,
    change,
    correlations,
    from_smd,
    generic,
    hazard,
    matched_pairs,
    mean_differences,
    means,
    person_time,
    proportions,
    rates,
    reliability,
    standardised,
    tetrachoric,
    two_by_two,
)
from .base import MEASURES, Estimates, FloatArray, Measure

__all__ = ["MEASURES", "Estimates", "FloatArray", "Measure"]

FILES = (
    two_by_two,
    association,
    tetrachoric,
    matched_pairs,
    person_time,
    proportions,
    rates,
    hazard,
    means,
    mean_differences,
    standardised,
    from_smd,
    change,
    correlations,
    reliability,
    generic,
)
"""The chapter's files, in reading order."""
