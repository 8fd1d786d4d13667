"""Nonsense for every figure: columns, limits, styles, axes, frames and results that are none."""

from __future__ import annotations

import dataclasses
import functools
import tempfile

import pandas as pd
import pytest

import lamevidence as lam
from tests.nonsense.sweep import FLAG, NUMBER, TEXT, Base, Kind, sweep
from tests.registry.test_flow import UPDATE

FRAME = pd.DataFrame({"label": ["A", "B", "C"], "x": [0.1, 0.2, 0.4], "y": [1.0, 2.0, 3.0]})
ROWS = FRAME.assign(observed=FRAME.x, estimate=FRAME.x, low=FRAME.x - 1, high=FRAME.x + 1, i2=FRAME.y, q=FRAME.y)
ROWS = ROWS.assign(influence=ROWS.y, tau=ROWS.x, log_likelihood=-ROWS.y, studentized=ROWS.x)
NOTHING = Kind(accepts=("none",))


@functools.cache
def table():
    bias = tuple(("RoB2", (("D1", word), ("D2", "low")), word) for word in ("low", "high", "some concerns"))
    made = lam.EvidenceTable.from_estimates(
        [0.2, 0.5, 0.1],
        vi=[0.04, 0.03, 0.02],
        labels=["A", "B", "C"],
        moderators={"dose": [1, 2, 4], "drug": list("xyx")},
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
    return lam.pool_bayes(table(), mu=lam.priors.Normal(0, 4), tau=lam.priors.HalfNormal(0.5))


@functools.cache
def drapery():
    return lam.plots.drapery(fit())


@functools.cache
def profile():
    frame = pd.DataFrame({"trial": "A", "what": ["skin", "gut"], "x1i": [9, 4], "t1i": 5.0, "x2i": [2, 3], "t2i": 4.0})
    columns = {name: name for name in ("x1i", "t1i", "x2i", "t2i")}
    table = lam.EvidenceTable.from_frame(frame, "IRR", study="what", cluster="trial", **columns)
    return lam.synthesis.adverse_event_profile(table)


@functools.cache
def planned():
    return lam.synthesis.next_trial(n=(5, 4), sd=2.0, control=lam.priors.Normal(0, 1), effect=1.0)


@functools.cache
def folder():
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory()


AX = {"ax": NOTHING}
REF = Kind(accepts=("none", "minus", "minus half", "zero", "half", "two"))
ESTIMATES = {"layout": Kind(choices=("revman", "jama", "bmj", "metafor")), "ref": REF, "note": TEXT}
BASES = {
    "forest": Base(
        lam.forest,
        lambda: {"fit": fit()},
        {
            "layout": Kind(choices=("revman", "jama", "bmj", "metafor")),
            "columns": Kind(accepts=("empty", "dict")),
            "group": Kind(accepts=("none", "nones")),
            "pi": FLAG,
            "shrinkage": Kind(),
            "rob": FLAG,
            "overall_test": FLAG,
            "ref": REF,
            "sort": Kind(choices=("estimate", "weight", "year", "none")),
        },
    ),
    "baujat": Base(lam.plots.baujat, lambda: {"fit": ROWS}, AX),
    "bubble": Base(lam.plots.bubble, lambda: {"fit": fit(), "moderator": "dose"}, AX),
    "cumulative": Base(lam.plots.cumulative, lambda: {"fit": ROWS, "evidence": table()}, ESTIMATES),
    "drapery": Base(lam.plots.drapery, lambda: {"fit": fit()}, AX),
    "estimates": Base(lam.plots.estimates, lambda: {"frame": ROWS, "evidence": table()}, ESTIMATES),
    "funnel": Base(lam.plots.funnel, lambda: {"fit": fit()}, AX | {"contour": FLAG, "centre": NUMBER}),
    "gosh": Base(lam.plots.gosh, lambda: {"fit": ROWS}, AX | {"name": TEXT, "subsets": NOTHING, "seed": NOTHING}),
    "influence": Base(lam.plots.influence, lambda: {"fit": ROWS}),
    "specification_curve": Base(
        lam.plots.specification_curve,
        lambda: {"fit": lam.checks.multiverse(table(), bayes=False)},
        {"name": TEXT},
    ),
    "labbe": Base(lam.plots.labbe, lambda: {"fit": counts()}, AX),
    "leave_one_out": Base(lam.plots.leave_one_out, lambda: {"fit": ROWS, "evidence": table()}, ESTIMATES),
    "normal_quantiles": Base(
        lam.plots.normal_quantiles,
        lambda: {"fit": ROWS},
        AX | {"residual": Kind(choices=("standardized", "studentized"))},
    ),
    "orchard": Base(lam.plots.orchard, lambda: {"fit": fit()}, AX),
    "posterior": Base(lam.plots.posterior, lambda: {"distribution": post().mu}, AX | {"name": TEXT}),
    "prisma_flow": Base(
        lam.plots.prisma_flow,
        lambda: {"flow": lam.reports.prisma(UPDATE)},
        AX | {"width": Kind(accepts=("none",))},
    ),
    "predictive_intervals": Base(lam.plots.predictive_intervals, lambda: {"frame": ROWS}, AX | {"name": TEXT}),
    "radial": Base(lam.plots.radial, lambda: {"fit": fit()}, AX | {"centre": NUMBER}),
    "rob_summary": Base(lam.plots.rob_summary, lambda: {"fit": table()}, AX),
    "tau_profile": Base(lam.plots.tau_profile, lambda: {"fit": ROWS}, AX),
    "adverse_events": Base(lam.plots.adverse_events, lambda: {"fit": profile()}, AX),
    "trial_curves": Base(
        lam.plots.trial_curves, lambda: {"fit": planned()}, AX | {"of": Kind(choices=("power", "type_one_error"))}
    ),
    "Plot.save": Base(drapery().save, lambda: {"path": f"{folder().name}/x.png", "dpi": 20}, {"path": Kind()}),
    "Plot.to_svg": Base(drapery().to_svg, dict, {"text": FLAG}),
}


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    assert "\n".join(sweep(name, BASES[name])) == ""
