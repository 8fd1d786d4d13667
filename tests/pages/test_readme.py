"""The README does what it says: its Python runs, its table is what the program prints, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import lamevidence as lam
from lamevidence.reports.answer import whole_answer
from lamevidence.reports.terminal import render_answer

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "README.md", "exec"), {})
    assert (tmp_path / "forest.pdf").stat().st_size > 1000


def test_the_table_is_what_run_prints():
    printed = render_answer(whole_answer(lam.load_registry(), "fev1-slope-on-sirolimus"))
    assert block("text").strip() == printed.strip()


def test_both_commands_are_plain_pip_and_venv():
    commands = [line for line in block("sh").splitlines() if line and not line.startswith("#")]
    assert len(commands) == 2
    assert all(c.startswith("python3 -m venv .venv && .venv/bin/pip install -q ") for c in commands)
