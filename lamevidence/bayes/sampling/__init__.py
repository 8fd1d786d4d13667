"""NUTS for the PyMC models, draws, and the groups that ArviZ reads on both lines."""
