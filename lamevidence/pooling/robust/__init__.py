"""Inference that does not lean on the model: cluster-robust, robust variance estimation, t-distributed effects."""
