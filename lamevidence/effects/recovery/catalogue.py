"""What a recovery rule is, and the catalogue of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...catalog import Catalog

__all__ = ["RECOVERY", "Rule", "rule"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that gives a number a paper does not print from those it does.

    Attributes
    ----------
    code
        Name of the rule, which is the name of its function.
    function
        The function; its docstring holds the conditions.
    needs, gives
        What it takes and what it returns, in words.
    formula
        Plain notation.
    reference
        Where it is published.
    assumption
        What it takes for granted, or None.
    """

    code: str
    function: Callable[..., Any]
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    formula: str
    reference: str
    assumption: str | None = None


RECOVERY: Catalog[Rule] = Catalog("recovery rule")


def rule(
    *, needs: str, gives: str, formula: str, reference: str, title: str, assumption: str | None = None
) -> Callable[[F], F]:
    """Return a decorator that files a function in `RECOVERY` under its own name."""

    def file(function: F) -> F:
        code = function.__name__
        entry = Rule(code, function, tuple(needs.split()), tuple(gives.split()), formula, reference, assumption)
        RECOVERY.register(code, title=title, reference=reference)(entry)
        return function

    return file
