"""The articles run from top to bottom."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
PAGES = sorted(FOLDER.glob("*.md"))
SLOW = ("04_edit_the_model",)
"""Compiles a model and samples from it: twenty seconds of CPU, where the others take five."""


def test_there_are_articles():
    assert [p.stem[:2] for p in PAGES] == ["01", "02", "03", "04", "05", "06", "07", "08"]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * (p.stem in SLOW)) for p in PAGES]
)
def test_an_article_runs(page, monkeypatch):
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = jupytext.read(page)
    assert any(cell.cell_type == "code" for cell in notebook.cells)
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources={}).execute()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_an_article_has_its_parts(page):
    text = page.read_text(encoding="utf-8")
    for part in ("**Question.**", "**Data.**", "**Model.**", "**Result.**", "**What would change the conclusion.**"):
        assert part in text
