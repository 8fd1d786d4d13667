"""Text that is safe to print: nothing in it moves the cursor, turns the reading direction, or runs in a spreadsheet."""

from __future__ import annotations

import re

__all__ = ["cell", "one_line", "printable"]

# controls of ASCII and Latin-1 without tab and line feed; separators of lines and paragraphs; embeddings, overrides
# and isolates of bidirectional text (Boucher & Anderson 2021, arXiv:2111.00169); surrogates and what no XML may hold
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile("[\t\n]")
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def printable(text: str) -> str:
    r"""Return a text with control characters and bidirectional overrides written out as ``\uXXXX``.

    The form is JSON's own, so that a JSON text means the same afterwards; tabs and line feeds stay.

    Examples
    --------
    >>> printable("\x1b[31mBee 2018\u202e")
    '\\u001b[31mBee 2018\\u202e'
    """
    return _UNSAFE.sub(_written_out, text)


def one_line(text: str) -> str:
    r"""Return a text as `printable` does, line feeds and tabs too: a name with one cannot imitate a row of a table.

    Examples
    --------
    >>> print(one_line("Bee 2018\nHu 2019\t9.99"))
    Bee 2018\u000aHu 2019\u00099.99
    """
    return _BREAKS.sub(_written_out, printable(text))


def _written_out(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def cell(text: str) -> str:
    """Return a text as a spreadsheet shows it as text: what begins like a formula is led by an apostrophe.

    Examples
    --------
    >>> cell('=HYPERLINK("x")'), cell("Bee 2018")
    ('\\'=HYPERLINK("x")', 'Bee 2018')
    """
    safe = one_line(text)
    return f"'{safe}" if safe.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else safe
