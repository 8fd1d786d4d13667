"""Meta-regression, permutation tests and location-scale models."""
