"""Bayesian pooling: priors with units, exact posteriors, and what can be asked of them.

Its names are in ``__init__.pyi`` and loaded on first use: a prior that a question names is read without the engines.
"""

from __future__ import annotations

from ..foundation.public import public_names

__getattr__, __dir__ = public_names(__name__, __file__)
