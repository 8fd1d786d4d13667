"""Several estimates a study: random effects at several levels and known covariances."""
