"""What a measure is: the numbers it needs, the estimate it makes, and how to read it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...foundation.catalog import Catalog
from ...foundation.errors import OptionError
from ...foundation.options import a_flag, a_number, an_instance

__all__ = ["MEASURES", "Estimates", "FloatArray", "Measure", "identity"]

FloatArray: TypeAlias = NDArray[np.float64]


def identity(x: FloatArray) -> FloatArray:
    """Return ``x`` unchanged."""
    return x


@dataclass(frozen=True, slots=True)
class Estimates:
    """Effect estimates and sampling variances, both (…, k)."""

    yi: FloatArray
    vi: FloatArray


@dataclass(frozen=True, slots=True)
class Measure:
    """An effect measure.

    Attributes
    ----------
    code
        The field's code: ``OR``, ``IRLN``, ``MC`` …
    title
        In words: ``log odds ratio``.
    needs
        Names of the numbers it is made from, metafor's names (``ai bi ci di n1i n2i x1i t1i m1i sd1i ri`` …).
    estimate
        ``estimate(data, **options) -> Estimates`` with ``data`` a mapping of the names in ``needs``.
    options
        Option name → allowed values (the first is the default); anything else raises.
    numbers
        Numeric option → default; any finite number ≥ 0 is allowed (``add``).
    alternatives
        Other sets of names that do as well as ``needs``.
    back
        From the analysis scale to the scale people read (exp for ratios), vectorised.
    forward
        Its inverse.
    back_title
        What the back-transformed number is called (``odds ratio``).
    null
        The value of no effect on the analysis scale, None where there is none (single-arm rates).
    scale
        ``identity``, ``log``, ``logit``, ``sqrt``, ``asin``, ``z``.
    dimension
        ``none`` for pure numbers; ``outcome`` when it carries the unit of the outcome.
    family
        ``two-by-two``, ``person-time``, ``means``, ``change``, ``proportion``, ``rate``, ``mean``,
        ``correlation``, ``generic``.
    reference
        Where the formula is published.
    back_total
        For transformations whose inverse needs the sample size or person-time (Freeman-Tukey):
        ``back_total(x, total)``; None elsewhere.
    """

    code: str
    title: str
    needs: tuple[str, ...]
    estimate: Callable[..., Estimates]
    family: str
    options: Mapping[str, tuple[object, ...]]
    back: Callable[[FloatArray], FloatArray] = identity
    forward: Callable[[FloatArray], FloatArray] = identity
    back_title: str = ""
    null: float | None = 0.0
    scale: str = "identity"
    dimension: str = "none"
    reference: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    alternatives: tuple[tuple[str, ...], ...] = ()
    back_total: Callable[[FloatArray, FloatArray], FloatArray] | None = None

    def label(self, *, transformed: bool = False) -> str:
        """Return the axis title in words, on the analysis scale or on the scale people read."""
        a_flag("transformed", transformed)
        text = (self.back_title or self.title) if transformed else self.title
        return text[:1].upper() + text[1:]

    def check_options(self, given: Mapping[str, object]) -> None:
        """Raise `OptionError` for an option or a value that this measure does not have."""
        an_instance("options", given, Mapping, "give a mapping from option to value")
        known = (*self.options, *self.numbers)
        for name, value in given.items():
            if name not in known:
                allowed = ", ".join(known) or "none"
                raise OptionError(f"measure {self.code} has no option {name!r} · options: {allowed}")
            if name in self.numbers:
                a_number(f"{name} for measure {self.code}", value, least=0)
                continue
            choices = self.options[name]
            if not any(value is c or (type(value) is type(c) and value == c) for c in choices):
                listed = ", ".join(str(c) for c in choices)
                raise OptionError(f"{name}={value!r} does not apply to measure {self.code} · choices: {listed}")


MEASURES: Catalog[Measure] = Catalog("effect measure")
