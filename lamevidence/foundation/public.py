"""Public names listed once, in a stub beside the package's ``__init__.py``, and loaded on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["public_names"]


def public_names(
    package: str, file: str, extra: tuple[str, ...] = (), moved: Callable[[str], str | None] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose stub lists its names.

    Parameters
    ----------
    package, file
        ``__name__`` and ``__file__`` of the package.
    extra
        Names that the package defines itself.
    moved
        Name → where it is now, or None; for names that stood here once.
    """
    known: dict[str, tuple[str, str]] = {}

    def names() -> dict[str, tuple[str, str]]:
        if not known:
            import re
            from pathlib import Path

            stub = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
            found = re.findall(r"^from (\S+) import (\w+) as (\w+)$", stub, re.MULTILINE)
            known.update({new: (module, old) for module, old, new in found})
        return known

    def get(name: str) -> Any:  # noqa: ANN401
        if name == "__all__":
            return [*extra, *names()]
        if not name.startswith("_") and name in names():
            import sys
            from importlib import import_module

            module, attribute = names()[name]
            if set(module) == {"."}:
                value = import_module(f"{module}{attribute}", package)
            else:
                value = getattr(import_module(module, package), attribute)
            setattr(sys.modules[package], name, value)
            return value
        place = None if moved is None or name.startswith("_") else moved(name)
        if place is not None:
            raise AttributeError(f"{package}.{name} is now {place}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted([*extra, *names()])
