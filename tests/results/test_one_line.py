"""A name with a line break or a tab in it imitates no row of what is printed: every door writes it out."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace

import pytest

import lamevidence as lam
from tests.support.fits import FITS, MU, TAU, fitted, odds_ratios

ROW = "mean  9.99 [9.98, 10.00]"
BREAKS = ["\n", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\t"]


def imitated(text: str) -> list[str]:
    """Lines and cells of a text that begin with what stands behind a break."""
    return [
        part for part in re.split("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text) if part.strip().startswith("mean  9")
    ]


def nasty(table):
    labels = [f"{x}{BREAKS[i % len(BREAKS)]}  {ROW}" for i, x in enumerate(table.labels)]
    return replace(table, labels=tuple(labels), title=f"Title\n  {ROW}")


def says(x) -> dict[str, str]:
    """What the package itself prints; frames are data, and pandas writes out the line feeds in them."""
    told = {}
    for name in ("__repr__", "_repr_html_", "describe", "methods_text"):
        if hasattr(x, name):
            told[name] = str(getattr(x, name)())
    return told


@pytest.mark.parametrize("name", [n for n in FITS if n != "network"])
def test_no_result_prints_a_row_that_a_name_made(name):
    fit = fitted(name)
    with contextlib.suppress(lam.errors.LamEvidenceError):  # some families refuse rows under other names: then no text
        fit = fit.refit(nasty(fit.table))
    for door, text in says(fit).items():
        assert not imitated(text), (door, text)


def test_no_check_table_group_or_coefficient_does():
    table = nasty(odds_ratios())
    fit = lam.pool(table, model="random")
    alloc = [f"{x}\n  {ROW}" for x in table.moderators["alloc"]]
    grouped = replace(table, moderators={**table.moderators, "alloc": alloc})
    shown = [
        table,
        lam.leave_one_out(fit),
        lam.checks.cumulative(fit),
        lam.checks.influence(fit),
        lam.subgroups(lam.pool(grouped, model="random"), by="alloc"),
        lam.pool(grouped, model="random", moderators="~ C(alloc)"),
        lam.location_scale(grouped, scale="~ C(alloc)"),
        lam.checks.loo_pit(lam.pool_bayes(table, likelihood="normal", mu=MU, tau=TAU)),
    ]
    for x in shown:
        for door, text in says(x).items():
            assert not imitated(text), (type(x).__name__, door, text)
    assert "\\u000a" in repr(table)


def test_no_figure_does():
    fit = lam.pool(nasty(odds_ratios()), model="random")
    for figure in (
        lam.forest(fit),
        lam.leave_one_out(fit).plot(),
        lam.checks.influence(fit).plot(),
        lam.plots.baujat(fit),
    ):
        svg = figure.to_svg(text=True)
        drawn = re.findall(r"<(?:text|tspan|title|desc)[^>]*>([^<]*)", svg)
        assert not [t for t in drawn if imitated(t)], figure
        assert not imitated(repr(figure))


@pytest.mark.parametrize("break_", BREAKS)
def test_no_message_does(break_):
    with pytest.raises(lam.errors.LamEvidenceError) as told:
        odds_ratios().without(f"T1{break_}{ROW}")
    assert not imitated(str(told.value))
    with pytest.raises(lam.errors.LamEvidenceError) as told:
        lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[0.1, -1.0], labels=["a", f"b{break_}{ROW}"])
    assert "b\\u" in str(told.value)
    assert not imitated(str(told.value))
