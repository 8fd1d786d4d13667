"""Nonsense for every figure: columns, limits, styles, axes, frames and results that are none."""

from __future__ import annotations

import dataclasses
import functools
import tempfile

import pandas as pd
import pytest

import lamevidence as lam
from tests.nonsense.sweep import FLAG, NUMBER, TEXT, Base, Kind, sweep

FRAME = pd.DataFrame({"label": ["A", "B", "C"], "x": [0.1, 0.2, 0.4], "y": [1.0, 2.0, 3.0]})
ROWS = FRAME.assign(observed=FRAME.x, estimate=FRAME.x, low=FRAME.x - 1, high=FRAME.x + 1, i2=FRAME.y, q=FRAME.y)
ROWS = ROWS.assign(influence=ROWS.y, tau=ROWS.x, log_likelihood=-ROWS.y)
NOTHING = Kind(accepts=("none",))


@functools.cache
def table():
    bias = tuple(("RoB2", (("D1", word), ("D2", "low")), word) for word in ("low", "high", "some concerns"))
    made = lam.EvidenceTable.from_estimates(
        [0.2, 0.5, 0.1], [0.04, 0.03, 0.02], labels=["A", "B", "C"], moderators={"dose": [1, 2, 4], "drug": list("xyx")}
    )
    return dataclasses.replace(made, risk_of_bias=bias)


@functools.cache
def counts():
    frame = pd.DataFrame({"ai": [1, 3, 0], "bi": [14, 9, 12], "ci": [4, 5, 2], "di": [11, 7, 9]})
    return lam.EvidenceTable.from_frame(frame.assign(n1i=15, n2i=15), "OR", ai="ai", n1i="n1i", ci="ci", n2i="n2i")


@functools.cache
def fit():
    return lam.pool(table())


@functools.cache
def post():
    return lam.pool_bayes(table(), mu=lam.Normal(0, 4), tau=lam.HalfNormal(0.5))


@functools.cache
def drapery():
    return lam.plot_drapery(fit())


@functools.cache
def folder():
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory()


AX = {"ax": NOTHING}
REF = Kind(accepts=("none", "minus", "minus half", "zero", "half", "two"))
ESTIMATES = {"layout": Kind(choices=("revman", "jama", "bmj", "metafor")), "ref": REF, "note": TEXT}
BASES = {
    "forest": Base(lam.forest, lambda: {"result": fit()}, {
        "layout": Kind(choices=("revman", "jama", "bmj", "metafor")),
        "columns": Kind(accepts=("empty", "dict")),
        "group": Kind(accepts=("none", "nones")),
        "pi": FLAG, "shrinkage": Kind(), "rob": FLAG, "overall_test": FLAG,
        "ref": REF,
        "sort": Kind(choices=("estimate", "weight", "year", "none")),
    }),
    "plot_baujat": Base(lam.plot_baujat, lambda: {"frame": ROWS}, AX),
    "plot_bubble": Base(lam.plot_bubble, lambda: {"result": fit(), "moderator": "dose"}, AX),
    "plot_cumulative": Base(lam.plot_cumulative, lambda: {"frame": ROWS, "table": table()}, ESTIMATES),
    "plot_drapery": Base(lam.plot_drapery, lambda: {"result": fit()}, AX),
    "plot_estimates": Base(lam.plot_estimates, lambda: {"frame": ROWS, "table": table()}, ESTIMATES),
    "plot_funnel": Base(lam.plot_funnel, lambda: {"result": fit()}, AX | {"contour": FLAG, "centre": NUMBER}),
    "plot_gosh": Base(lam.plot_gosh, lambda: {"frame": ROWS}, AX | {"name": TEXT}),
    "plot_labbe": Base(lam.plot_labbe, lambda: {"result": counts()}, AX),
    "plot_leave_one_out": Base(lam.plot_leave_one_out, lambda: {"frame": ROWS, "table": table()}, ESTIMATES),
    "plot_orchard": Base(lam.plot_orchard, lambda: {"result": fit()}, AX),
    "plot_posterior": Base(lam.plot_posterior, lambda: {"distribution": post().mu}, AX | {"name": TEXT}),
    "plot_predictive_intervals": Base(lam.plot_predictive_intervals, lambda: {"frame": ROWS}, AX | {"name": TEXT}),
    "plot_radial": Base(lam.plot_radial, lambda: {"result": fit()}, AX | {"centre": NUMBER}),
    "plot_rob_summary": Base(lam.plot_rob_summary, lambda: {"result": table()}, AX),
    "plot_tau_profile": Base(lam.plot_tau_profile, lambda: {"frame": ROWS}, AX),
    "Plot.save": Base(drapery().save, lambda: {"path": f"{folder().name}/x.png", "dpi": 20}, {"path": Kind()}),
    "Plot.to_svg": Base(drapery().to_svg, dict, {"text": FLAG}),
}


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    assert "\n".join(sweep(name, BASES[name])) == ""
