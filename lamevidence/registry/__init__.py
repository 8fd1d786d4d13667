"""What the papers say: study records, read with every problem of every file in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registry import RegistryRecords as RegistryRecords
    from .registry import read_records as read_records

__all__ = ["RegistryRecords", "read_records"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the reader, and pydantic with it, on first use."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(".registry", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
