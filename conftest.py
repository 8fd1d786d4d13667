"""Doctests of a file alone: a function is not hidden by the module that has its name."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give packages back the functions that pytest's import of one file replaced by the file's module.

    With ``--import-mode=importlib`` pytest binds the module it was given in its package, after the package has bound
    the function of the same name (``lamevidence.plots.labbe``).
    """
    del items
    for name, package in list(sys.modules.items()):
        if name.partition(".")[0] != "lamevidence":
            continue
        for public in getattr(package, "__all__", ()):
            held = vars(package).get(public)
            if not isinstance(held, ModuleType) or hasattr(held, "__path__"):
                continue  # a chapter is public as the package that it is
            if callable(getattr(held, public, None)):
                setattr(package, public, getattr(held, public))
