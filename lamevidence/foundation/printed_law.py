"""What estimate and standard error of a row may be, given only how they are printed: a finite mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .errors import OptionError
from .options import a_choice, a_flag, a_number, shown

__all__ = ["PrintUncertainty", "PrintedLaw", "Reading", "print_uncertainty_of"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrintUncertainty:
    """Which uncertainty of print enters, and the prior probability of the kind of ± that the record infers.

    Attributes
    ----------
    rounding
        Each printed number is uniform over the numbers that print like it.
    kind
        Probability that a ± of inferred kind is what the record reads it as; 1 takes the kind as known.
    r
        A within-patient correlation that is assumed is uniform over the range that the question states.
    route
        A row that can be derived from another printed number of the same quantity is, with equal probability.
    """

    rounding: bool = True
    kind: float = 0.5
    r: bool = True
    route: bool = True

    @property
    def any(self) -> bool:
        """Whether anything enters."""
        return self.rounding or self.r or self.route or self.kind < 1.0


def print_uncertainty_of(given: object) -> PrintUncertainty | None:
    """Return what an argument ``print_uncertainty`` says; None where nothing enters.

    Raises
    ------
    OptionError
        Neither a truth value nor a mapping of its words.
    """
    if isinstance(given, PrintUncertainty):
        return given
    if isinstance(given, Mapping):
        names = [f.name for f in fields(PrintUncertainty)]
        for name, value in given.items():
            a_choice("word of print_uncertainty", name, names)
            if name == "kind":
                a_number("kind", value, least=0, most=1)
            else:
                a_flag(name, value)
        found = PrintUncertainty(**given)
        return found if found.any else None
    if not isinstance(given, bool):
        raise OptionError(
            f"print_uncertainty={shown(given)} · write True, or a mapping such as {{'kind': 0.8, 'route': False}}"
        )
    return PrintUncertainty() if given else None


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read what is printed of a row.

    Attributes
    ----------
    route
        The findings that it is derived from.
    kind
        What each ± of inferred kind is read as; empty where none is.
    probability
        Prior probability of this reading.
    rounded
        The numbers whose rounding matters, in words.
    r
        Range of the correlation that is assumed, None where none is.
    note
        Why another reading gives no estimate; empty where all do.
    """

    route: str
    kind: str
    probability: float
    rounded: tuple[str, ...] = ()
    r: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PrintedLaw:
    """Weights of estimates and variances that are compatible with what is printed of one row.

    Attributes
    ----------
    yi, vi, weight
        Components, (J,); the weights sum to 1.
    reading
        Position of the reading that each component belongs to, (J,).
    readings
        The readings.
    """

    yi: FloatArray
    vi: FloatArray
    weight: FloatArray
    reading: NDArray[np.intp]
    readings: tuple[Reading, ...]
