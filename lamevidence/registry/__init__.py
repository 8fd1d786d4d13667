"""What the papers say: study records, read with every problem of every file in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registry import Registry as Registry
    from .registry import load_registry as load_registry

__all__ = ["Registry", "load_registry"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load the reader, and pydantic with it, on first use."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(".registry", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
