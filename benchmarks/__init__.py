"""Peer comparison, scale run and robustness simulation; see README.md."""
