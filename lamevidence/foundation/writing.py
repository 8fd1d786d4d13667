"""Writing files whole: a file that was there is replaced by the finished new one, or stays as it was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import OptionError
from .options import a_path

__all__ = ["a_folder", "write_whole"]


def write_whole(path: str | Path, write: Callable[[Path], Any]) -> Path:
    """Have ``write`` fill a file beside ``path``, and put it in its place when it is complete.

    Raises
    ------
    OptionError
        ``path`` is no path or a folder, its folder does not exist, or it cannot be written there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a.txt", lambda file: file.write_text("whole")).read_text()
    'whole'
    """
    target = a_path("path", path)
    # the suffix stays last, since some writers choose the format by it
    part = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}") if target.name else target
    try:
        if target.is_dir() or not target.name:
            raise OptionError(f"{target} is a folder · name a file in it")
        if not target.parent.is_dir():
            raise OptionError(f"there is no folder {target.parent} · make it first, or name another")
        write(part)
        part.replace(target)
    except OSError as error:
        raise OptionError(f"cannot write {target}: {error.strerror or error} · name another place") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return target


def a_folder(path: Path) -> Path:
    """Return the folder, made if need be.

    Raises
    ------
    OptionError
        A file stands in its place, or it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"cannot make the folder {path}: {error.strerror or error} · name another place") from error
    return path
