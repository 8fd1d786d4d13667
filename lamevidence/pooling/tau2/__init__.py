"""Between-study variance: estimators, their standard errors, and intervals."""
