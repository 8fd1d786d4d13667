"""Do the printed numbers agree with each other? One check a function, each with a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import Problem
    from ..registry.registry import Registry

__all__ = ["audit"]


def audit(registry: Registry) -> tuple[Problem, ...]:
    """Return everything that the printed numbers of a registry contradict."""
    return ()
