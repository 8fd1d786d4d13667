"""Likelihoods of one true effect (counts, t) and the two-level posterior over (τ, μ)."""
