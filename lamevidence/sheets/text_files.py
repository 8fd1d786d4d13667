"""CSV and TSV: which encoding, which separator; told by the file or by the user, and said."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from ..foundation.options import a_choice
from .column_names import normalised, role_of
from .grid import EMPTY, Cell, bounded, refused

__all__ = ["SEPARATORS", "text_rows"]

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8 with a byte order mark"),
    (b"\xff\xfe\x00\x00", "utf-32", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32", "UTF-32"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_MAGIC = {
    b"PK\x03\x04": "a zip archive, as workbooks are",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
}
_LOOKED_AT = 100


def text_rows(
    data: bytes, path: str, suffix: str, encoding: str | None, separator: str | None
) -> tuple[tuple[tuple[Cell, ...], ...], list[str]]:
    """Return the rows of a text file and how it was read.

    Raises
    ------
    InputError
        It is not text, or its quotes do not close.
    """
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            raise refused(path, f"{name}, named {suffix}", "give it the ending that it has, or save it as CSV")
    text, notes = _decoded(data, path, encoding)
    if "\x00" in text:
        raise refused(path, "NUL characters: not a text file", "save it as CSV in UTF-8")
    head, _, rest = text.partition("\n")
    named = head.strip()
    if named.casefold().startswith("sep=") and named[4:] in SEPARATORS and separator is None:
        separator, text = named[4:], "\n" + rest
        notes.append(f"row 1 says that the separator is a {SEPARATORS[named[4:]]}")
    if separator is not None:
        sign = a_choice("separator", separator, SEPARATORS)
    else:
        sign = _separator(text, suffix)
        notes.append(f"separator: {SEPARATORS[sign]}")
    return _parsed(text, sign, path), notes


def _decoded(data: bytes, path: str, encoding: str | None) -> tuple[str, list[str]]:
    if encoding is not None:
        try:
            return data.decode(encoding).removeprefix("\ufeff"), []
        except LookupError:
            raise refused(path, f"unknown encoding {encoding!r}", "give utf-8, utf-16, latin-1 or cp1252") from None
        except UnicodeError as error:
            place = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
            raise refused(path, f"line {place} is not {encoding}", "leave the encoding out, or name another") from None
    for mark, name, words in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name), [f"encoding: {words}"]
            except UnicodeError:
                raise refused(path, f"begins as {words} and is not", "save it as UTF-8") from None
    sample = data[:4000]
    if sample.count(0) > len(sample) // 4:
        name = "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
        try:
            return data.decode(name), ["encoding: UTF-16 without a byte order mark"]
        except UnicodeError:
            raise refused(path, "not a text file", "save it as CSV in UTF-8") from None
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        told = f"encoding: not UTF-8 (byte 0x{data[error.start]:02X} in line {line}), read as Windows-1252"
        try:
            return data.decode("cp1252"), [told]
        except UnicodeDecodeError:
            return data.decode("latin-1"), [told.replace("Windows-1252", "Latin-1")]


def _separator(text: str, suffix: str) -> str:
    """Return the sign under which most columns have a name of the field, then the one that makes rows alike."""
    lines = "\n".join(text.split("\n", 400)[:400])
    best: tuple[tuple[float, ...], str] = ((-1.0,), "\t" if suffix in (".tsv", ".tab") else ",")
    for rank, sign in enumerate(("\t", ",", ";", "|") if suffix in (".tsv", ".tab") else SEPARATORS):
        try:
            reader = csv.reader(io.StringIO(lines), delimiter=sign)
            rows = list(islice((row for row in reader if any(x.strip() for x in row)), _LOOKED_AT))
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows)
        width, times = max(widths.items(), key=lambda x: (x[1], x[0]), default=(1, 0))
        if width < 2 and max(widths, default=1) < 2:
            continue
        score = (float(max(map(_named, rows[:20]), default=0)), times / len(rows), float(width), float(-rank))
        best = max(best, (score, sign))
    return best[1]


def _named(row: Sequence[str]) -> int:
    others = frozenset(map(normalised, row))
    return len({role for name in row if (role := role_of(name, others)[0])})


def _parsed(text: str, sign: str, path: str) -> tuple[tuple[Cell, ...], ...]:
    rows: list[tuple[Cell, ...]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True):
            rows.append(tuple(Cell(x) if x else EMPTY for x in row))
            bounded(path, len(rows), len(row))
    except csv.Error as error:
        raise refused(path, f"row {len(rows) + 1}: {error}", "close the quotes of that row, or save it anew") from None
    return tuple(rows)
