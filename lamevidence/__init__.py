"""lamevidence: evidence synthesis that traces every pooled figure back to the printed cell.

Public names are loaded on first use, so that ``import lamevidence`` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES: dict[str, str] = {
    "EvidenceTable": "effects.evidence_table",
    "LamEvidenceError": "errors",
    "EvidenceWarning": "errors",
}
"""Public name → module that defines it."""

if TYPE_CHECKING:
    from .effects.evidence_table import EvidenceTable as EvidenceTable
    from .errors import EvidenceWarning as EvidenceWarning
    from .errors import LamEvidenceError as LamEvidenceError


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _NAMES:
        import importlib

        value = getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})


__all__ = ["__version__", *_NAMES]
