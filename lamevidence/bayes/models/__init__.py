"""PyMC models to read, edit and sample: plain `pymc.Model` objects with `pm.Data` and named dimensions."""

from .bivariate import bivariate
from .counts import binomial, contrast, negative_binomial, poisson
from .normal import normal_normal, regression

__all__ = ["binomial", "bivariate", "contrast", "negative_binomial", "normal_normal", "poisson", "regression"]
