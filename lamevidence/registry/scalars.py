"""The scalar types of the record format: numbers as printed, counts, text, quantities with a unit.

Each type says in one message what is wrong and in one remedy what to write; the code of the problem
is the type of the pydantic error.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ..foundation.errors import UnknownName
from ..foundation.lineage import Reported, half_width
from ..foundation.units import unit
from .nodes import PlainDate, plain_value
from .records import NOT_REPORTED, NotReported

__all__ = [
    "QUANTITY_SCHEMA",
    "Count",
    "CountOrNot",
    "Day",
    "Flag",
    "Number",
    "NumberOrNot",
    "PatientsOrNot",
    "Quantity",
    "QuantityOrNot",
    "Slug",
    "Text",
    "TextOrNot",
    "UnitSymbol",
    "YearOrNot",
    "blank",
    "number_trouble",
    "read_count",
    "trouble",
]

_MINUSES = "−–—‒﹣-"
_MISSING_WORDS = frozenset({"na", "n/a", "nr", "n.r.", "-", "--", "?", "none", "missing", "not reported", "unknown"})
_MAX_EXPONENT = 300
_MAX_DIGITS = 60
_SLUG = re.compile(r"[a-z0-9][a-z0-9._+-]*\Z", re.IGNORECASE | re.ASCII)


def trouble(code: str, message: str, remedy: str) -> PydanticCustomError:
    """Return the pydantic error that becomes the `Problem` with this code."""
    escaped = message.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError(code, escaped, {"remedy": remedy, "said": message})  # type: ignore[arg-type]


def blank() -> PydanticCustomError:
    """Return the error of an empty field."""
    return trouble("LE108", "the field is blank", "write what the source says, not_reported, or delete the field")


def _shown(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = str(value)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def number_trouble(text: str) -> tuple[str, str, str]:
    """Return code, message and remedy for text where a number belongs.

    Examples
    --------
    >>> number_trouble("−1,5")[2]
    'write -1.5'
    """
    bare = text.strip()
    word = bare.lower().lstrip("+-.").rstrip(".")
    if word in ("nan", "inf", "infinity"):
        return "LE114", f"`{text}` is not data", "write not_reported, or delete the field"
    if "±" in bare or "+/-" in bare or "+-" in bare:
        parts = [p.strip() for p in re.split(r"±|\+/-|\+-", bare, maxsplit=1)]
        return (
            "LE115",
            f"`{text}`: what is ±{parts[1]}?",
            f"`value: {parts[0]}` and `dispersion: {{type: se, value: {parts[1]}}}` or `type: sd`; "
            "the table's legend says which",
        )
    if re.fullmatch(r"(?:\d{1,3}(?:[  '’_]\d{3})+|\d+(?:_\d+)+)(?:\.\d+)?", bare.lstrip("+-−")):
        return (
            "LE113",
            f"`{text}` has a thousands separator",
            f"write {re.sub(r'[  ’_]', '', bare).replace(chr(39), '')}",
        )
    return _comma_or_minus(text, bare)


def _comma_or_minus(text: str, bare: str) -> tuple[str, str, str]:
    plain = bare
    for sign in _MINUSES:
        plain = plain.replace(sign, "-")
    minus = next((c for c in bare if c in _MINUSES and c != "-"), "")
    unsigned = plain.lstrip("+-")
    comma = bool(re.fullmatch(r"\d+[,·٫]\d+", unsigned))
    fixed = re.sub(r"[,·٫]", ".", plain)
    if minus and re.fullmatch(r"-\d+(?:[.,·٫]\d+)?(?:[eE]-?\d+)?", plain):
        also = " and a decimal comma" if comma and "," in plain else ""
        return (
            "LE111",
            f'number uses the typographic minus "{minus}" (U+{ord(minus):04X}){also}',
            f"write {fixed}",
        )
    if re.fullmatch(r"\d{1,3},\d{3}", unsigned):
        return (
            "LE113",
            f"`{text}` is ambiguous: {unsigned.replace(',', '.')} or {unsigned.replace(',', '')}?",
            "write it without a separator, with a decimal point",
        )
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", unsigned):
        return "LE113", f"`{text}` has a thousands separator", f"write {plain.replace(',', '')}"
    if comma:
        return "LE112", f"`{text}` is not a number", f"write {fixed}"
    return _other(text, bare)


def _other(text: str, bare: str) -> tuple[str, str, str]:
    head = f"`{text}` is not a number"
    if not isinstance(plain_value(bare), str | bool | None):
        return "LE103", f'"{text}" in quotes is text, not a number', f"write {bare} without quotes"
    if bare.lower() in _MISSING_WORDS:
        return "LE103", head, "write not_reported when the source does not say"
    if bare[:1] in "<>≤≥" or bare.lower() in ("n.s.", "ns", "n. s.", "not significant"):
        bound = bare.lstrip("<>≤≥= ") if bare[:1] in "<>≤≥" else "0.05"
        relation = "less_than" if bare[:1] in "<≤" else "greater_than"
        return "LE103", head, f"a bound on p is `p: {{{relation}: {bound}}}`; other bounds go into `note`"
    if bare.endswith("%"):
        return "LE103", head, f"write {bare.rstrip('% ')} and give the unit in `unit`, or use `percent`"
    if re.match(r"0[xo]", bare, re.IGNORECASE):
        return "LE103", head, "write it in decimal digits"
    if re.match(r"[-+]?\d", bare) and " " in bare:
        return "LE103", head, f"write {bare.split()[0]} here and the unit in `unit`"
    return "LE103", head, "write the number as printed, or not_reported"


def _number(value: Any) -> Decimal:  # noqa: ANN401
    if value is None:
        raise blank()
    if isinstance(value, bool | dict | list | PlainDate):
        raise trouble("LE103", f"{_shown(value)} is not a number", "write the number as printed")
    if isinstance(value, int):
        return Decimal(value)
    if not isinstance(value, Decimal):
        raise trouble(*number_trouble(str(value)))
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise trouble("LE114", f"{_shown(value)} is not data", "write not_reported, or delete the field")
    if abs(exponent) > _MAX_EXPONENT or len(value.as_tuple().digits) > _MAX_DIGITS:
        raise trouble("LE114", f"{_shown(value)} is beyond what a printed number can be", "write the printed digits")
    return value


def _whole(value: Any, what: str, least: int, code: str) -> int:  # noqa: ANN401
    try:
        number = _number(value)
    except PydanticCustomError as error:
        if error.type == "LE103" and isinstance(value, str):
            raise trouble(
                "LE103", str((error.context or {})["said"]), f"{what} is a whole number, or not_reported"
            ) from None
        raise
    if number != number.to_integral_value():
        raise trouble(code, f"{what} {value} is not a whole number", "count patients, events, records: no percentage")
    if not least <= number < 10**9:
        kind = "positive whole number" if least else "whole number, zero or more"
        raise trouble(
            "LE243",
            f"{what} must be a {kind}, not {_shown(value)}",
            "write the number that the source prints",
        )
    return int(number)


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None:
        raise blank()
    if type(value) is not str:
        kind = "a date" if isinstance(value, PlainDate) else "not text"
        remedy = f'write "{value}" in quotes' if not isinstance(value, dict | list) else "write one line of text"
        raise trouble("LE107", f"{_shown(value)} is {kind}, text is expected here", remedy)
    if not value.strip():
        raise blank()
    return value


def _day(value: Any) -> str:  # noqa: ANN401
    text = _text(value)
    try:
        if len(text) != len("2024-12-24"):
            raise ValueError(text)
        datetime.date.fromisoformat(text)
    except ValueError:
        raise trouble("LE106", f"{_shown(text)} is not a day", 'write year, month and day: "2024-12-24"') from None
    return text


def _slug(value: Any) -> str:  # noqa: ANN401
    text = _text(value)
    if not _SLUG.match(text):
        raise trouble("LE106", f"`{text}` is not an id", "ids are letters, digits, hyphens and dots, without spaces")
    return text


def _flag(value: Any) -> bool:  # noqa: ANN401
    if value is None:
        raise blank()
    if not isinstance(value, bool):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(str(value).lower(), "true or false")
        raise trouble("LE107", f"{_shown(value)} is not true or false", f"write {meant}")
    return value


def _unit(value: Any) -> str:  # noqa: ANN401
    text = _text(value)
    try:
        return unit(text).symbol
    except UnknownName as error:
        raise trouble("LE121", *_unknown_unit(error)) from None


def _unknown_unit(error: UnknownName) -> tuple[str, str]:
    near = f"did you mean `{error.nearest}`? " if error.nearest else ""
    rates = ("/day", "/week", "/month", "/year")
    plain = [c for c in error.choices if not c.endswith(rates) and "person" not in c]
    return (
        f"unknown unit `{error.given}`",
        f"{near}allowed: {', '.join(plain)}; each alone or with {' '.join(rates)}; person-year and its kin",
    )


def _quantity(value: Any) -> Reported:  # noqa: ANN401
    if value is None:
        raise blank()
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        raise trouble("LE121", f"`{value}` has no unit", f"write a number and its unit: `{value} month`")
    if type(value) is not str:
        raise trouble("LE107", f"{_shown(value)} is not a quantity", "write a number and its unit: `12 month`")
    number, _, symbol = value.strip().partition(" ")
    parsed = plain_value(number)
    if isinstance(parsed, str | bool | None):
        raise trouble(*number_trouble(number))
    amount = _number(parsed)
    if not symbol.strip():
        raise trouble("LE121", f"`{value}` has no unit", f"write a number and its unit: `{value} month`")
    return Reported(amount, _unit(symbol.strip()), half_width(amount))


def _or_not(read: Any) -> Any:  # noqa: ANN401
    def reader(value: Any) -> Any:  # noqa: ANN401
        return NOT_REPORTED if value == "not_reported" else read(value)

    return reader


_NUMBER_SCHEMA: dict[str, Any] = {"type": "number"}
_TEXT_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1}
_NOT: dict[str, Any] = {"const": "not_reported"}


def _count_schema(least: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least}


def _either(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, _NOT]})


def read_count(value: Any) -> int:  # noqa: ANN401
    """Return a whole number of at least 0, or raise what becomes the `Problem`."""
    return _whole(value, "the count", 0, "LE242")


def _patients(value: Any) -> int:  # noqa: ANN401
    return _whole(value, "the number of patients", 1, "LE243")


def _year(value: Any) -> int:  # noqa: ANN401
    year = _whole(value, "the year", 0, "LE116")
    if not 1900 <= year <= 2100:
        raise trouble("LE116", f"`{value}` is not a year", "write four digits")
    return year


Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema(_NUMBER_SCHEMA)]
NumberOrNot = Annotated[Decimal | NotReported, BeforeValidator(_or_not(_number)), _either(_NUMBER_SCHEMA)]
Count = Annotated[int, BeforeValidator(read_count), WithJsonSchema(_count_schema(0))]
CountOrNot = Annotated[int | NotReported, BeforeValidator(_or_not(read_count)), _either(_count_schema(0))]
PatientsOrNot = Annotated[int | NotReported, BeforeValidator(_or_not(_patients)), _either(_count_schema(1))]
YearOrNot = Annotated[
    int | NotReported,
    BeforeValidator(_or_not(_year)),
    _either({"type": "integer", "minimum": 1900, "maximum": 2100}),
]
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
Day = Annotated[Text, BeforeValidator(_day)]
TextOrNot = Annotated[str | NotReported, BeforeValidator(_or_not(_text)), _either(_TEXT_SCHEMA)]
Slug = Annotated[
    str,
    BeforeValidator(_slug),
    WithJsonSchema({"type": "string", "pattern": _SLUG.pattern.replace("\\Z", "$")}),
]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
UnitSymbol = Annotated[str, BeforeValidator(_unit), WithJsonSchema(_TEXT_SCHEMA)]
_QUANTITY = "[-+]?[0-9.]+([eE][-+]?[0-9]+)? .+"
QUANTITY_SCHEMA: dict[str, Any] = {"type": "string", "pattern": f"^{_QUANTITY}$"}
Quantity = Annotated[Reported, BeforeValidator(_quantity), WithJsonSchema(QUANTITY_SCHEMA)]
QuantityOrNot = Annotated[
    Reported | NotReported,
    BeforeValidator(_or_not(_quantity)),
    WithJsonSchema({"type": "string", "pattern": f"^(not_reported|{_QUANTITY})$"}),
]
