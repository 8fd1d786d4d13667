"""What every verb shares: JSON without NaN, safe printing, errors to exit codes, the registry to use."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..foundation.errors import InvalidRegistry, LamEvidenceError, OptionError, UnknownName
from ..foundation.printable import cell, printable

if TYPE_CHECKING:
    from ..workspace import Registry

__all__ = [
    "EVIDENCE_ERROR",
    "USAGE_ERROR",
    "ascii_only",
    "csv_text",
    "exit_codes",
    "jsonable",
    "open_registry",
    "print_json",
    "safe_streams",
    "talk",
    "terminal_width",
]

EVIDENCE_ERROR = 1
USAGE_ERROR = 2


def jsonable(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON can hold it: NaN as null, infinities as strings, arrays as lists."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(v) for v in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("Inf" if value > 0 else "-Inf")
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the text of a CSV file; text that a spreadsheet would run is quoted as text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_value(row.get(name)) for name in names})
    return buffer.getvalue()


def _csv_value(value: Any) -> Any:  # noqa: ANN401
    """Return a value as a cell of a CSV file holds it; text that a spreadsheet would run is quoted as text."""
    plain = jsonable(value)
    return "" if plain is None else cell(value) if isinstance(value, str) else plain


def print_json(value: Any) -> None:  # noqa: ANN401
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def talk(message: str) -> None:
    """Print what is not a result on standard error; where that cannot be written, nobody is listening."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


class _Safe:
    """A text stream that lets no control character and no bidirectional override through."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stream, name)


def safe_streams() -> None:
    """Have everything that is printed pass through `printable`; a closed stream swallows it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _Safe):
            continue
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 lives as long as the program
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
        setattr(sys, name, _Safe(stream))


def _unwritable(error: OSError) -> SystemExit:
    """Tell in one line that the output cannot be written, and have nothing more written to it."""
    if isinstance(error, BrokenPipeError):
        code = 0  # the reader has seen enough
    else:
        place = "the output" if error.filename is None else str(error.filename)
        talk(f"error: cannot read or write {place}: {error.strerror or error}")
        code = EVIDENCE_ERROR
    with contextlib.suppress(OSError, ValueError, AttributeError):
        # what is still in the buffer would be tried again, and fail again, when the program ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SystemExit(code)


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn every error of the package into a message and an exit code: 1 evidence, 2 usage."""
    try:
        yield
        sys.stdout.flush()
    except InvalidRegistry as error:
        from ..registry.report import render_problems

        talk(render_problems(error.problems, root=error.root))
        raise SystemExit(EVIDENCE_ERROR) from None
    except (UnknownName, OptionError) as error:
        talk(f"error: {error}")
        raise SystemExit(USAGE_ERROR) from None
    except LamEvidenceError as error:
        talk(f"error: {error}")
        raise SystemExit(EVIDENCE_ERROR) from None
    except OSError as error:
        raise _unwritable(error) from None


def open_registry(studies: Path | None) -> Registry:
    """Return the registry in ``studies``, or the shipped one."""
    from ..workspace import load_registry

    return load_registry(studies)


def terminal_width() -> int:
    """Return the columns of the terminal, or of ``COLUMNS``; 100 where neither is known."""
    return shutil.get_terminal_size((100, 40)).columns


def ascii_only() -> bool:
    """Whether the output can hold nothing else."""
    return "utf" not in (sys.stdout.encoding or "ascii").lower()
