"""Selection models: weights, likelihood, fit, result."""
