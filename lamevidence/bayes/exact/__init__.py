"""Exact posteriors by quadrature: normal-normal, mixtures, inversion of distribution functions, batches."""
