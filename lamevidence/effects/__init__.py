"""From printed numbers to effect estimates.

The public names are listed in ``__init__.pyi`` beside this file and loaded on first use.
"""

from __future__ import annotations

from ..foundation.public import public_names

__getattr__, __dir__ = public_names(__name__, __file__)
