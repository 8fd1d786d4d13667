"""What a measure is: the numbers it needs, the estimate it makes, and how to read it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...catalog import Catalog
from ...errors import OptionError

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
    """

    code: str
    title: str
    needs: tuple[str, ...]
    estimate: Callable[..., Estimates]
    family: str
    options: Mapping[str, tuple[str, ...]]
    back: Callable[[FloatArray], FloatArray] = identity
    forward: Callable[[FloatArray], FloatArray] = identity
    back_title: str = ""
    null: float | None = 0.0
    scale: str = "identity"
    dimension: str = "none"
    reference: str = ""

    def check_options(self, given: Mapping[str, object]) -> None:
        """Raise `OptionError` for an option or a value that this measure does not have."""
        for name, value in given.items():
            if name not in self.options:
                allowed = ", ".join(self.options) or "none"
                raise OptionError(f"measure {self.code} has no option {name!r} · options: {allowed}")
            choices = self.options[name]
            if choices and value not in choices:
                raise OptionError(
                    f"{name}={value!r} does not apply to measure {self.code} · choices: {', '.join(choices)}"
                )


MEASURES: Catalog[Measure] = Catalog("effect measure")
