"""PyMC models to read, edit and sample: plain `pymc.Model` objects with `pm.Data` and named dimensions."""

from .bivariate import bivariate
from .conditional import conditional_binomial, hypergeometric
from .counts import binomial, contrast, negative_binomial, poisson
from .hazard import hazard
from .normal import normal_normal, regression, student_t

__all__ = [
    "binomial",
    "bivariate",
    "conditional_binomial",
    "contrast",
    "hazard",
    "hypergeometric",
    "negative_binomial",
    "normal_normal",
    "poisson",
    "regression",
    "student_t",
]
