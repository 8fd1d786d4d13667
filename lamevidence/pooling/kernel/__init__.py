"""The numerical definition: weighted least squares, likelihoods and quadratic forms over leading axes."""
