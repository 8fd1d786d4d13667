"""A number as a sheet writes it: minus signs, decimal commas, thousands, percent signs; each by a rule, or refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from .grid import Cell

__all__ = ["MISSING", "Decimals", "Number", "Trouble", "decimals_of", "is_missing", "read_number"]

Decimals: TypeAlias = Literal["", ".", ","]
"""Decimal point, decimal comma, or nothing in the file that tells them apart."""

_MISSING_WORDS = (
    "|na|n/a|n.a.|#n/a|nr|n.r.|n/r|not reported|not available|not applicable|missing|none|null|nan|-|--|–|—|−|.|..|?"
    "|unknown|not stated"
)
MISSING = frozenset(_MISSING_WORDS.split("|"))
"""What says that a source does not report a number."""

_MINUSES = "−–—‒﹣"
_SPACES = "\u00a0\u2007\u2009\u202f"
_MOST_DIGITS = 60
_PLAIN = re.compile(r"\d+|\d*\.\d+|\d+\.")
_POWER = re.compile(r"(.*\d)[eE]([-+]?\d{1,3})")
_GROUPED = re.compile(rf"\d{{1,3}}(?:[ {_SPACES}'’]\d{{3}})+(?:[.,]\d+)?")
_COMMA_GROUPS = re.compile(r"\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|\d{1,3},\d{3}\.\d+")
_POINT_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}\.\d{3},\d+")
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_COMMA = re.compile(r"\d*,\d+")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was read.

    Attributes
    ----------
    value
        Digits as written, trailing zeros kept.
    relation
        ``<`` or ``>`` for a bound, else ``=``.
    percent
        A percent sign stands behind it.
    rules
        Names of the rules that were needed.
    """

    value: Decimal
    relation: Literal["=", "<", ">"] = "="
    percent: bool = False
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a cell is no number, and what to write."""

    code: str
    message: str
    remedy: str


def is_missing(cell: Cell) -> bool:
    """Tell whether a cell says that there is no number."""
    return cell.kind == "text" and cell.text.strip().casefold() in MISSING


def decimals_of(cells: Iterable[Cell]) -> Decimals:
    """Return what the numbers of a file have for a decimal sign, told by those that can be read in one way only.

    Examples
    --------
    >>> decimals_of([Cell("1,5"), Cell("1,234")]), decimals_of([Cell("1,5"), Cell("1.5")])
    (',', '')
    """
    found = set()
    for cell in cells:
        text = cell.text.strip().lstrip("+-<>=≤≥ " + _MINUSES).rstrip("% ")
        if cell.kind != "text" or _EITHER.fullmatch(text):
            continue
        if _COMMA.fullmatch(text) or _POINT_GROUPS.fullmatch(text):
            found.add(",")
        elif (_PLAIN.fullmatch(text) and "." in text) or _COMMA_GROUPS.fullmatch(text):
            found.add(".")
    return "," if found == {","} else "." if found == {"."} else ""


def read_number(cell: Cell, decimals: Decimals = "", *, told: bool = False) -> Number | Trouble:
    """Return the number of a cell.

    Parameters
    ----------
    cell
        Not a missing one.
    decimals
        Decimal sign of the file.
    told
        The user said so: then a number written the other way is refused.

    Examples
    --------
    >>> read_number(Cell("−1,5")).value, read_number(Cell("47.2 %")).percent
    (Decimal('-1.5'), True)
    >>> read_number(Cell("1,234")).message
    '`1,234` is 1.234 or 1234'
    """
    if cell.kind not in ("text", "number"):
        return _of_kind(cell)
    text = cell.text.strip().strip(_SPACES)
    if cell.kind == "number" and not text.endswith("%"):
        return _checked(text, "=", False, ())
    rules: list[str] = []
    relation, text = _relation(text)
    percent = text.endswith(("%", "％"))
    text = text.rstrip("%％ " + _SPACES) if percent else text
    if percent:
        rules.append("percent sign")
    if text[:1] in _MINUSES and text:
        text, rules = "-" + text[1:].lstrip(" "), [*rules, "typographic minus"]
    sign, body = (text[0], text[1:].lstrip(" ")) if text[:1] in ("-", "+") else ("", text)
    if "·" in body or "٫" in body:
        body, rules = body.replace("·", ".").replace("٫", "."), [*rules, "raised decimal point"]
    power = _POWER.fullmatch(body)
    tail = f"e{power.group(2)}" if power else ""
    made = _digits(power.group(1) if power else body, decimals, told)
    if isinstance(made, Trouble):
        return made
    if not made[0]:
        return _no_number(cell.text.strip())
    return _checked(sign + made[0] + tail, relation, percent, (*rules, *made[1]))


def _digits(body: str, decimals: Decimals, told: bool) -> tuple[str, tuple[str, ...]] | Trouble:
    """Return the digits with a decimal point and the rules used; empty digits where it is no number."""
    if _GROUPED.fullmatch(body):
        return re.sub(rf"[ {_SPACES}'’]", "", body).replace(",", "."), ("thousands",)
    if _COMMA_GROUPS.fullmatch(body):
        return (body.replace(",", ""), ("thousands",)) if not (told and decimals == ",") else _other_sign(body, ",")
    if _POINT_GROUPS.fullmatch(body):
        made = body.replace(".", "").replace(",", ".")
        return (made, ("thousands", "decimal comma")) if not (told and decimals == ".") else _other_sign(body, ".")
    if _EITHER.fullmatch(body) and not (decimals == "." and "." in body):
        # with a comma as the decimal sign elsewhere, 1.234 may be either; with a point, 1,234 may only be thousands
        if decimals == "," and "," in body:
            return body.replace(",", "."), ("decimal comma",)
        if (decimals == "." and "," in body) or (told and decimals == ","):
            return re.sub("[.,]", "", body), ("thousands",)
        if "," in body or decimals == ",":
            point, whole = re.sub("[.,]", ".", body), re.sub("[.,]", "", body)
            return Trouble("LE113", f"`{body}` is {point} or {whole}", _SAY)
        return body, ()
    if _COMMA.fullmatch(body):
        if told and decimals == ".":
            return _other_sign(body, ".")
        return body.replace(",", "."), ("decimal comma",)
    if _PLAIN.fullmatch(body):
        if told and decimals == "," and "." in body:
            return _other_sign(body, ",")
        return body, ()
    return "", ()


_SAY = 'write it without a separator, or say what the decimal sign is: decimal=","  or decimal="." (--decimal)'.replace(
    "  ", " "
)


def _other_sign(body: str, sign: str) -> Trouble:
    other = "," if sign == "." else "."
    return Trouble(
        "LE112", f"`{body}` has another decimal sign than the {sign!r} that was said", f'say decimal="{other}"'
    )


def _relation(text: str) -> tuple[Literal["=", "<", ">"], str]:
    text = re.sub(r"\A[pP]\s*(?:=\s*|(?=[<>≤≥]))", "", text)
    if text[:1] in ("<", "≤"):
        return "<", text[1:].lstrip("= ")
    if text[:1] in (">", "≥"):
        return ">", text[1:].lstrip("= ")
    return "=", text


def _checked(text: str, relation: Literal["=", "<", ">"], percent: bool, rules: tuple[str, ...]) -> Number | Trouble:
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(value.adjusted()) > 300 or len(value.as_tuple().digits) > _MOST_DIGITS:
        return Trouble("LE114", f"`{_brief(text)}` is beyond what a printed number can be", "write the printed digits")
    return Number(value, relation, percent, rules)


def _of_kind(cell: Cell) -> Trouble:
    shown = _brief(cell.text)
    return {
        "date": Trouble("LE107", f"{shown} is a date", "a spreadsheet turned a number into it: type it as text again"),
        "truth": Trouble("LE107", f"{shown} is a truth value, not a number", "write the number that is printed"),
        "error": Trouble("LE103", f"`{shown}` is an error of the spreadsheet", "mend the formula, or write NR"),
        "formula": Trouble(
            "LE103", f"`{shown}` is a formula without a computed value", "open and save the workbook, or paste values"
        ),
    }.get(cell.kind, Trouble("LE107", f"{shown} is not a number", "write the number that is printed"))


def _brief(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _no_number(text: str) -> Trouble:
    shown = f"`{_brief(text)}` is not a number"
    first = re.match(r"[-+−]?\d+(?:[.,·]\d+)?", text)
    if text.startswith(("=", "@", "+", "-")) and re.search("[A-Za-z(]", text):
        return Trouble("LE103", f"`{_brief(text)}` is a formula or a command", "write the number itself")
    if "±" in text or "+/-" in text:
        parts = [p.strip() for p in re.split(r"±|\+/-", text, maxsplit=1)]
        return Trouble(
            "LE115",
            f"`{_brief(text)}`: what is ±{_brief(parts[1])}?",
            f"write {_brief(parts[0])} here and {_brief(parts[1])} in a column named sd or se",
        )
    if found := re.fullmatch(r"(\d+)\s*/\s*(\d+)", text):
        return Trouble("LE103", shown, f"write {found.group(1)} here and {found.group(2)} in the column of patients")
    if found := re.fullmatch(r"(\S+)\s*\(\s*([^)]+?)\s*\)", text):
        inner = found.group(2)
        return Trouble(
            "LE103", shown, f"write {_brief(found.group(1))} here and {_brief(inner)} in a column of its own"
        )
    if first and re.fullmatch(r"\s*([*†‡§¶#a-zA-Z]{1,2}|\[\d+\]|[¹²³])", text[first.end() :]):
        return Trouble("LE103", shown, f"write {first.group()} and the footnote elsewhere")
    if first:
        return Trouble("LE103", shown, f"write {first.group()} here if it is the number, and what follows elsewhere")
    if text.casefold() in ("ns", "n.s.", "not significant"):
        return Trouble("LE103", shown, "a bound is written >0.05, in the column of p; else write NR")
    return Trouble("LE103", shown, "write the number as printed, or NR")
