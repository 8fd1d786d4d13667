"""What a number of each column can be, alone and beside the others of its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from .numbers import Number, Trouble

__all__ = ["COUNTS", "alone", "beside"]

COUNTS = ("events", "n", "non_events", "control_events", "control_n", "control_non_events")
_PERCENTS = ("percent", "control_percent")
_SPREADS = ("sd", "se", "vi", "mean_se", "control_sd", "control_se")
_BOUNDED = ("p",)


def alone(role: str, number: Number) -> Trouble | None:
    """Return why a number cannot stand in a column of this role, None when it can."""
    value = number.value
    if number.relation != "=" and role not in _BOUNDED:
        return Trouble("LE103", f"`{number.relation}{value}` is a bound, not a number", "write NR; a bound is for p")
    if number.percent and role not in (*_PERCENTS, "proportion", "control_proportion", "ci_low", "ci_high", "ci_level"):
        return Trouble("LE103", f"`{value} %` is a percentage", f"{role} has none: put it into a column named percent")
    if role in COUNTS:
        return _count(role, value)
    if role in _PERCENTS and not 0 <= value <= 100:
        return Trouble("LE116", f"{value} is no percentage", "a percentage is between 0 and 100")
    if role.endswith("proportion") and not number.percent and not 0 <= value <= 1:
        return Trouble("LE116", f"{value} is no proportion", "a proportion is between 0 and 1: name the column percent")
    if role == "p" and not 0 <= value <= 1:
        return Trouble("LE116", f"p {value} is not between 0 and 1", "write the p value as printed")
    if role == "p" and number.relation != "=" and value in (0, 1):
        return Trouble("LE116", f"p {number.relation} {value} says nothing", "write the p value as printed")
    if role == "ci_level" and not (50 <= value < 100 or Decimal("0.5") <= value < 1):
        return Trouble("LE116", f"level {value} is no level of an interval", "write 95, or 0.95")
    if role in _SPREADS and value < 0:
        return Trouble("LE104", f"{role} must be positive ({value})", "a ± has no sign")
    if role in _SPREADS and value == 0:
        return Trouble("LE105", f"{role} of 0 would take all the weight", "rounded? write more digits, or NR")
    if role.endswith("person_time") and value <= 0:
        return Trouble("LE244", f"person-time of {value}", "write the time at risk, above 0, or NR")
    return None


def _count(role: str, value: Decimal) -> Trouble | None:
    if value != value.to_integral_value():
        return Trouble(
            "LE242",
            f"{role} {value} is not a whole number",
            "count patients or events; a percentage goes into a column named percent",
        )
    least = 1 if role.endswith("n") else 0
    if not least <= value < 10**9:
        return Trouble("LE243", f"{role} {value} is no number of patients or events", "write the number printed, or NR")
    return None


def beside(numbers: Mapping[str, Number]) -> Iterator[tuple[str, Trouble]]:
    """Yield (role, trouble) for numbers of one row that cannot stand together."""
    for group in ("", "control_"):
        events, n, non = (numbers.get(f"{group}{name}") for name in ("events", "n", "non_events"))
        if events and n and f"{group}person_time" not in numbers and events.value > n.value:
            remedy = "the columns swapped? events that are counted more than once a patient need person_time"
            yield f"{group}events", Trouble("LE241", f"{events.value} events in {n.value} patients", remedy)
        if events and n and non and events.value + non.value != n.value:
            told = f"{events.value} with and {non.value} without the event are not {n.value} patients"
            yield f"{group}n", Trouble("LE241", told, "one of the three misread?")
    low, high = numbers.get("ci_low"), numbers.get("ci_high")
    if not low or not high:
        return
    if low.value > high.value:
        yield "ci_low", Trouble("LE212", f"lower {low.value} > upper {high.value}", "swapped, or a sign lost?")
        return
    point = next((numbers[role] for role in ("estimate", "mean") if role in numbers), None)
    if point is not None and not low.value <= point.value <= high.value:
        told = f"{point.value} is not in {low.value} to {high.value}"
        yield "ci_low", Trouble("LE211", told, "sign lost on a bound, another row, or the log of one of them?")
