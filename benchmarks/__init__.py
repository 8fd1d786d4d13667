"""Peer comparison, scale run, robustness simulation and calibration of the PyMC models; see README.md."""
