"""What every verb shares: JSON without NaN, errors to exit codes, the registry to use."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRegistry, LamEvidenceError, OptionError, UnknownName

if TYPE_CHECKING:
    from ..registry.registry import Registry

__all__ = ["EVIDENCE_ERROR", "USAGE_ERROR", "exit_codes", "jsonable", "open_registry", "print_json", "talk"]

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


def print_json(value: Any) -> None:  # noqa: ANN401
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def talk(message: str) -> None:
    """Print what is not a result on standard error."""
    sys.stderr.write(message + "\n")


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn every error of the package into a message and an exit code: 1 evidence, 2 usage."""
    try:
        yield
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
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None


def open_registry(studies: Path | None) -> Registry:
    """Return the registry in ``studies``, or the shipped one."""
    from ..registry import load_registry

    return load_registry(studies)
