"""One answer from mixed evidence: designs that say different things about one effect, joined in one model.

Its names are in ``__init__.pyi`` beside this file and loaded on first use.
"""

from __future__ import annotations

from ..foundation.public import public_names

__getattr__, __dir__ = public_names(__name__, __file__)
