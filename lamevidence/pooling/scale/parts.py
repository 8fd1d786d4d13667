"""The parts of a dataset: how the input is cut, and the folder of the results, which holds nothing else.

A folder belongs to `pool_dataset` by its manifest, and a part by its receipt: a line with rows, checksum and the hash
of the file. What has no receipt is not deleted, not overwritten and not believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...foundation.errors import InputError

__all__ = ["MANIFEST", "RECEIPTS", "Done", "Part", "finished", "noted", "plan", "prepare", "sha256_of", "write_part"]

MANIFEST, RECEIPTS = "_pooled.json", "_parts.jsonl"
MARK = "lamevidence.pool_dataset"
"""What a manifest says it is made by."""
LEFT_BY_SYSTEMS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory"})
CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive row groups of one file, and where their results go."""

    source: str
    groups: tuple[int, ...]
    first_row: int
    rows: int
    target: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker tells about a part."""

    rows: int
    checksum: int
    seconds: float
    sha256: str


def plan(source: Path, out: Path, part_rows: int) -> list[Part]:
    """Cut the input into parts; depends on nothing but the input and ``part_rows``.

    Raises
    ------
    InputError
        There is no input, it is the folder of the results or lies in it, or it is not Parquet.
    """
    import pyarrow.parquet as pq

    if not source.exists():
        raise InputError(f"{source} does not exist")
    inside = source.resolve()
    if out.resolve() in (inside, *inside.parents):
        raise InputError(f"parquet_in={source} lies in parquet_out={out} · name another folder for the results")
    files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    cuts: list[tuple[Path, tuple[int, ...], int, int]] = []
    row = 0
    for file in files:
        try:
            meta = pq.ParquetFile(file).metadata
        except Exception as error:
            raise InputError(f"{file} cannot be read as Parquet: {error}") from None
        groups: list[int] = []
        size = 0
        for g in range(meta.num_row_groups):
            groups.append(g)
            size += meta.row_group(g).num_rows
            if size >= part_rows or g == meta.num_row_groups - 1:
                if size:
                    cuts.append((file, tuple(groups), row, size))
                row, groups, size = row + size, [], 0
    if not cuts:
        raise InputError(f"{source} holds no rows in *.parquet files")
    targets = [str(out.absolute() / f"part-{i:05d}-of-{len(cuts):05d}.parquet") for i in range(len(cuts))]
    return [
        Part(str(file.absolute()), groups, first, size, target)
        for target, (file, groups, first, size) in zip(targets, cuts, strict=True)
    ]


# ---- the folder of the results -------------------------------------------------------------------
def prepare(out: Path, parts: list[Part], options: dict[str, Any], resume: bool) -> None:
    """Make the folder, or look whether it is ours; refuse to mix results of different inputs or options.

    Raises
    ------
    InputError
        The folder holds something that `pool_dataset` did not write, or results of another input.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file · parquet_out is a directory")
    sources = {p.source: Path(p.source).stat() for p in parts}
    facts = {
        "options": options,
        "parts": [[Path(p.source).name, list(p.groups), p.rows] for p in parts],
        "sources": [[Path(s).name, stat.st_size, stat.st_mtime_ns] for s, stat in sources.items()],
    }
    identity = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    manifest = {"made_by": MARK, "options": options, "parts": len(parts), "identity": identity}
    out.mkdir(parents=True, exist_ok=True)
    before = _manifest(out)
    receipts = _receipts(out) if before else {}
    if before and resume and before.get("identity") != identity:
        raise InputError(f"{out} holds results of another input or of other options · resume=False writes them anew")
    for part in parts:
        _refuse_strange(Path(part.target), receipts)
    _clear_temporary(out)
    if not resume or not before:
        for name in receipts:
            (out / name).unlink(missing_ok=True)
        (out / RECEIPTS).unlink(missing_ok=True)
    text = json.dumps(manifest, sort_keys=True, indent=1)
    write_part(out / MANIFEST, lambda path: path.write_text(text, encoding="utf-8"))


def _manifest(out: Path) -> dict[str, Any]:
    """Return the manifest of the folder, empty for a new or empty folder."""
    file = out / MANIFEST
    if not file.exists():
        held = sorted(x.name for x in out.iterdir() if x.name not in LEFT_BY_SYSTEMS)
        if held:
            listed = ", ".join(held[:3]) + (" …" if len(held) > 3 else "")
            raise InputError(f"{out} holds files that pool_dataset did not write: {listed} · name a new folder")
        return {}
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or said.get("made_by") != MARK:
        raise InputError(f"{file} is damaged, or not of pool_dataset · name a new folder")
    return said


def _receipts(out: Path) -> dict[str, dict[str, Any]]:
    """Return what is noted of each part, by the name of its file; lines that cannot be read are no receipts."""
    found = {}
    try:
        lines = (out / RECEIPTS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            said = json.loads(line)
            name = str(said["part"])
            if name.startswith("part-") and Path(name).name == name:
                found[name] = said
    return found


def noted(part: Part, done: Done) -> None:
    """Write the receipt of a finished part."""
    name = Path(part.target).name
    line = {"part": name, "rows": done.rows, "checksum": f"{done.checksum:016x}", "sha256": done.sha256}
    with (Path(part.target).parent / RECEIPTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def finished(out: Path, parts: list[Part]) -> dict[str, Done]:
    """Return what is known of the parts whose file is still the one that was noted."""
    receipts, found = _receipts(out), {}
    for part in parts:
        said = receipts.get(Path(part.target).name, {})
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if said["rows"] == part.rows and said["sha256"] == sha256_of(Path(part.target)):
                found[part.target] = Done(part.rows, int(said["checksum"], 16), 0.0, said["sha256"])
    return found


def _refuse_strange(target: Path, receipts: dict[str, dict[str, Any]]) -> None:
    """Raise where a file stands in the way that is neither noted nor says that it is ours."""
    import pyarrow.parquet as pq

    if not target.exists() or target.name in receipts:
        return
    try:
        ours = b"lamevidence" in (pq.read_schema(target).metadata or {})
    except Exception:
        ours = False
    if not ours:
        raise InputError(f"{target} is in the way, and not of pool_dataset · move it, or name a new folder")


# ---- files -----------------------------------------------------------------------------------------
def sha256_of(file: Path) -> str:
    """Return the hash of a file."""
    whole = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(CHUNK):
            whole.update(block)
    return whole.hexdigest()


def write_part(target: Path, write: Callable[[Path], object]) -> str:
    """Write under a temporary name of this process, then rename: a reader sees all or nothing; return the hash."""
    temporary = target.with_name(f".{target.name}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        write(temporary)
        told = sha256_of(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return told


def _clear_temporary(out: Path) -> None:
    """Delete what dead processes of this machine left half written; a run that is alive keeps its own."""
    for file in out.glob(".part-*.parquet.*"):
        host, _, rest = file.name.partition(".parquet.")[2].rpartition(".")[0].rpartition(".")
        if host == socket.gethostname() and rest.isdecimal() and not _alive(int(rest)):
            file.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there os.kill ends a process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
