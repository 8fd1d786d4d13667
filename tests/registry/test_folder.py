"""What stands in a registry folder and is no file of it: an error with its name, never "nothing there"."""

from __future__ import annotations

import json
import os
import socket
import time

import pytest

import lamevidence as lam
from lamevidence.foundation.errors import OptionError
from lamevidence.registry import parse_cache
from lamevidence.registry.files import parse_yaml, read_yaml
from lamevidence.registry.report import render_problems
from tests.registry.bad_records import RECORD, shipped
from tests.registry.test_files import write_registry

QUICK = 60.0
"""Seconds within which anything refused is refused; what hung, or grew, took minutes."""


@pytest.fixture
def folder(tmp_path):
    root = write_registry(tmp_path / "r", {"doe-2011": RECORD})
    (root / "questions").mkdir()
    return root


def problems(root) -> list[str]:
    """``CODE path message`` of every problem of a folder, questions included; anything hanging fails by its time."""
    began = time.monotonic()
    registry = lam.load_registry(root, strict=False)
    found = [*registry.problems, *registry.question_problems()]
    assert time.monotonic() - began < QUICK
    for output in ("text", "json", "github"):
        assert "root:x:" not in render_problems(found, output)
    return [f"{p.code} {p.path} {p.message}" for p in found]


def test_a_folder_as_it_should_be(folder):
    assert problems(folder) == []
    (folder / "README.md").write_text("about")
    (folder / "records" / ".gitkeep").write_text("")
    (folder / "records" / ".doe-2011.yaml.swp").write_text("")
    (folder / "notes on overlaps.md").write_text("about")
    assert problems(folder) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("overlaps.yml", "LE009 overlaps.yml is this meant as overlaps.yaml? it is not read"),
        ("Overlaps.yaml", "LE009 Overlaps.yaml is this meant as overlaps.yaml? it is not read"),
        ("overlaps.yaml.txt", "LE009 overlaps.yaml.txt is this meant as overlaps.yaml? it is not read"),
        ("overlap.yaml", "LE009 overlap.yaml is this meant as overlaps.yaml? it is not read"),
        ("exclude.yaml", "LE009 exclude.yaml is this meant as excluded.yaml? it is not read"),
        ("environment.yml", "LW011 environment.yml a YAML file that no registry has: it is not read"),
        ("records/x.YAML", "LE009 records/x.YAML a study file must end in .yaml: this one is not read"),
        ("records/x.yml", "LE009 records/x.yml a study file must end in .yaml: this one is not read"),
        ("records/x.yaml.txt", "LE009 records/x.yaml.txt a study file must end in .yaml: this one is not read"),
        ("records/x.yaml~", "LE009 records/x.yaml~ a study file must end in .yaml: this one is not read"),
        ("records/.x.yaml", "LE009 records/.x.yaml a hidden file: no study is read from it"),
        ("questions/x.yml", "LE009 questions/x.yml a question file must end in .yaml: this one is not read"),
    ],
)
def test_a_file_that_nobody_reads_is_told(folder, name, expected):
    (folder / name).write_text("[]")
    assert problems(folder) == [expected]


def test_folders_where_files_belong(folder):
    (folder / "overlaps.yaml").mkdir()
    (folder / "records" / "sub").mkdir()
    (folder / "records" / "x.yaml").mkdir()
    (folder / "question").mkdir()
    assert problems(folder) == [
        "LE009 question is this meant as questions? it is not read",
        "LE009 records/sub a folder: the files of a study are not looked for in it",
        "LE009 records/x.yaml a folder where a file is expected",
        "LE009 overlaps.yaml a folder where a file is expected",
    ]


def test_a_missing_folder_of_questions_is_not_no_questions(folder):
    (folder / "questions").rmdir()
    assert problems(folder) == ["LE008 questions the folder questions/ is missing"]
    (folder / "questions").write_text("")
    assert problems(folder) == ["LE009 questions questions is not a folder"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
@pytest.mark.parametrize("name", ["records/x.yaml", "questions/x.yaml", "overlaps.yaml", "vocabulary.yaml"])
def test_pipes_sockets_and_devices_are_not_waited_for(folder, name):
    path = folder / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert f"LE009 {name} a named pipe where a file is expected" in problems(folder)
    path.unlink()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
        assert f"LE009 {name} a socket or a device where a file is expected" in problems(folder)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert f"LE009 {name} a link that leads out of the registry: it is not read" in problems(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="devices are Unix's")
def test_a_device_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "x.yaml").symlink_to("/dev/zero")
    (problem,) = read_yaml(tmp_path / "x.yaml").problems
    assert (problem.code, problem.message) == ("LE009", "a device where a file is expected")


def test_links_stay_in_the_registry(folder, tmp_path):
    (folder / "records" / "x.yaml").symlink_to("/etc/passwd")
    (folder / "overlaps.yaml").symlink_to("nowhere.yaml")
    (folder / "questions" / "y.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert problems(folder) == [
        "LE009 records/x.yaml a link that leads out of the registry: it is not read",
        "LE008 overlaps.yaml cannot read the file: No such file or directory",
        "LE009 questions/y.yaml a link that leads out of the registry: it is not read",
    ]
    (tmp_path / "s").symlink_to(folder)
    assert len(problems(tmp_path / "s")) == 3  # the registry itself may be reached through a link
    other = write_registry(tmp_path / "other", {})
    (other / "records").rmdir()
    (other / "records").symlink_to(shipped().root / "records")
    assert "LE009 records a link that leads out of the registry: it is not read" in problems(other)


@pytest.mark.parametrize("name", ["a\udcff.yaml", "a\x1b[31m.yaml", "a\u202e.yaml", "a\nb.yaml"])
def test_names_that_cannot_be_printed(folder, name):
    try:
        (folder / "records" / name).write_text(RECORD)
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    (told,) = problems(folder)
    assert told.startswith("LE009 records/a")
    assert told.isprintable() or "\n" in name
    lam.load_registry(folder, strict=False).sha256.encode()


def test_sizes_are_limited_and_the_limit_can_be_raised(folder, monkeypatch):
    (folder / "records" / "big.yaml").write_text("# " + "x" * 1_000_000)
    assert problems(folder) == ["LE010 records/big.yaml the file is larger than 1 MB"]
    monkeypatch.setenv("LAMEVIDENCE_MAX_FILE_MB", "1.5")
    assert problems(folder) == ["LE006 records/big.yaml the file is empty"]
    monkeypatch.setenv("LAMEVIDENCE_MAX_REGISTRY_MB", "1")
    told = problems(folder)
    assert told[0].startswith("LE010 records/")
    assert "together larger than 1 MB" in told[0]
    for nonsense in ("much", "0", "-1", "nan"):
        monkeypatch.setenv("LAMEVIDENCE_MAX_FILE_MB", nonsense)
        with pytest.raises(OptionError, match="LAMEVIDENCE_MAX_FILE_MB"):
            lam.load_registry(folder)


def test_ids_are_names_of_files_everywhere(folder):
    for name in ("manifest.json", "con", "Ab", "aB"):
        (folder / "questions" / f"{name}.yaml").write_text(f"id: {name}\n")
    told = [p for p in problems(folder) if p.startswith(("LE301", "LE305"))]
    assert told == [
        "LE301 questions/aB.yaml Ab.yaml and aB.yaml differ in case only: on some systems they are one file",
        "LE305 questions/con.yaml the id con cannot name a file or folder on every system",
        "LE305 questions/manifest.json.yaml the id manifest.json is a file that `run` writes",
    ]


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "? " * 50_000, "\n".join(" " * i + "a:" for i in range(500))],
)
def test_nesting_is_limited_before_the_rest_is_read(text, monkeypatch):
    monkeypatch.setenv("LAMEVIDENCE_CACHE", "0")
    began = time.monotonic()
    (problem,) = parse_yaml(text.encode(), "x.yaml").problems
    assert (problem.code, problem.message) == ("LE010", "nested deeper than 40 levels")
    assert time.monotonic() - began < QUICK


def test_forty_levels_are_read(monkeypatch):
    monkeypatch.setenv("LAMEVIDENCE_CACHE", "0")
    assert parse_yaml(("[" * 40 + "1" + "]" * 40).encode(), "x.yaml").problems == ()


DAMAGE = [b"", b"[]", b"null", b"1.5", b'"a"', b'[0,1,1,1,[],[[2,1,1,1,"a",1]]]', b'[0,"a",1,1,[],[]]', b"{", b"[[[["]


def test_a_changed_cache_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "doe-2011.yaml"
    path.write_text(RECORD.replace("value: 1\n", "value: 11\n"), encoding="utf-8")
    fresh = read_yaml(path).root
    (kept,) = (tmp_path / "cache").rglob("*.json")
    whole = kept.read_bytes()
    assert whole.count(b'"11"') == 1
    kept.write_bytes(whole.replace(b'"11"', b'"999"'))
    assert read_yaml(path).root == fresh
    assert kept.read_bytes() == whole  # mended
    for damage in (*DAMAGE, *(whole[:65] + d for d in DAMAGE), whole[:-1], whole + b" "):
        kept.write_bytes(damage)
        assert read_yaml(path).root == fresh
    for damage in DAMAGE:  # damage under a seal of its own: by whoever writes the cache, not by chance
        kept.write_bytes(parse_cache._seal(kept.stem, damage) + b"\n" + damage)
        assert read_yaml(path).root == fresh
    other = kept.with_name(f"{'0' * 64}.json")
    other.write_bytes(whole)
    assert parse_cache.recall("0" * 64) is None  # the entry of another file


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights of Unix")
def test_a_cache_that_others_can_write_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "doe-2011.yaml"
    path.write_text(RECORD, encoding="utf-8")
    read_yaml(path)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    assert parse_cache.recall(kept.stem) is not None
    kept.chmod(0o666)
    assert parse_cache.recall(kept.stem) is None
    kept.chmod(0o600)
    kept.parent.chmod(0o777)
    assert parse_cache.recall(kept.stem) is None


def test_every_input_has_its_hash(folder):
    registry = lam.load_registry(shipped().root)
    files = {p.relative_to(registry.root).as_posix() for p in registry.root.rglob("*.yaml")}
    files = {name for name in files if not name.startswith("second_extraction/")}  # questions do not depend on it
    assert set(registry.inputs) == files
    assert all(len(digest) == 64 for digest in registry.inputs.values())
    assert json.dumps(dict(registry.inputs))
