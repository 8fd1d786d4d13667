"""lamevidence: evidence synthesis that traces every pooled figure back to the printed cell.

The public names are listed once, in ``__init__.pyi`` beside this file, and loaded on first use, so that
``import lamevidence`` stays light.
"""

from __future__ import annotations

from .foundation.public import public_names

__version__ = "0.2.0"


def _moved(name: str) -> str | None:
    from ._moved import MOVED

    return f"lamevidence.{MOVED[name]}" if name in MOVED else None


__getattr__, __dir__ = public_names(__name__, __file__, ("__version__",), _moved)
