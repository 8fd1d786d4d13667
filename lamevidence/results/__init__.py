"""The contract of all results: one base, one set of tables and words, one way to fit again to other rows.

``lamevidence.results.NAME`` is every class that a public function returns; the list is in ``__init__.pyi`` beside this
file. The classes themselves live in the chapters that make them.
"""

from __future__ import annotations

from ..foundation.public import public_names

__getattr__, __dir__ = public_names(__name__, __file__)
