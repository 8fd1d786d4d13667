"""Every public figure of every result: a figure, or words that say what to give instead. No other error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.plots import ForestPlot, Plot
from lamevidence.plots.bias import JUDGEMENTS
from lamevidence.plots.rob_summary import _ORDER
from tests.support.fits import FITS, fitted, odds_ratios

TRIMMED = "trim and fill"
NAMES = (*FITS, TRIMMED)
REFITTING = ("baujat", "cumulative", "gosh", "influence", "leave_one_out", "normal_quantiles")
ALIKE = (
    "random, own weights",
    "profile",
    "ivhet",
    "henmi-copas",
    "conditional glmm",
    "glmm proportions",
    "gamma-poisson",
    "posterior of slopes",
)
"""Results of a class that another one shows too: their refits add time and nothing else."""
SIMPLE = ("random", "regression", "posterior", "network", TRIMMED)
"""Results for figures whose refusal does not depend on the model."""
FIGURES = {
    "forest": lam.forest,
    "funnel": lam.plots.funnel,
    "orchard": lam.plots.orchard,
    "radial": lam.plots.radial,
    "drapery": lam.plots.drapery,
    "bubble": lambda fit: lam.plots.bubble(fit, moderator_of(fit)),
    "labbe": lam.plots.labbe,
    "rob_summary": lambda fit: lam.plots.rob_summary(fit, tool=tool_of(fit)),
    "influence": lam.plots.influence,
    "baujat": lam.plots.baujat,
    "leave_one_out": lam.plots.leave_one_out,
    "cumulative": lam.plots.cumulative,
    "normal_quantiles": lam.plots.normal_quantiles,
    "gosh": lambda fit: lam.plots.gosh(fit, subsets=6, seed=1),
    "tau_profile": lam.plots.tau_profile,
    "posterior": lam.plots.posterior,
}
OTHERS = {
    "network": lam.plots.network,
    "predictive_intervals": lam.plots.predictive_intervals,
    "estimates": lambda fit: lam.plots.estimates(fit, odds_ratios()),
    "prisma_flow": lam.plots.prisma_flow,
}


def moderator_of(fit):
    return next(iter(getattr(fit.table, "moderators", {"x": 0})), "x") if hasattr(fit, "table") else "x"


def tool_of(fit):
    return "RoB2" if hasattr(fit, "table") and getattr(fit.table, "risk_of_bias", ()) else None


@cache
def result(name):
    if name != TRIMMED:
        return fitted(name)
    y, v = [0.1, 0.3, 0.35, 0.65, 0.9, 1.4, 1.1], [0.01, 0.02, 0.02, 0.05, 0.09, 0.2, 0.15]
    table = lam.EvidenceTable.from_estimates(y, vi=v, measure="OR", labels=[f"S{i}" for i in range(1, 8)])
    return lam.checks.trim_and_fill(lam.pool(table, model="random", tau2="DL"))


def drawn(figure, fit):
    """Return the plot, or the words of its refusal."""
    try:
        return figure(fit)
    except lam.LamEvidenceError as refused:
        return str(refused)


def check(figure, fit):
    plot = drawn(figure, fit)
    if isinstance(plot, str):
        assert " · " in plot, f"no remedy: {plot}"
        return
    assert isinstance(plot, Plot)
    assert plot.description
    assert plot.ax.get_figure() is plot.fig
    if isinstance(plot, ForestPlot):
        assert len(plot.rows)
        assert np.isfinite(plot.rows.y).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("figure", [name for name in FIGURES if name not in REFITTING])
def test_a_figure_or_words(figure, name):
    check(FIGURES[figure], result(name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ALIKE])
@pytest.mark.parametrize("figure", REFITTING)
def test_a_figure_of_refits_or_words(figure, name):
    check(FIGURES[figure], result(name))


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("figure", OTHERS)
def test_figures_of_other_things_refuse_in_words(figure, name):
    check(OTHERS[figure], result(name))


@pytest.mark.parametrize("figure", [*FIGURES, *OTHERS])
@pytest.mark.parametrize("given", [None, 3, "x", [], {}, object(), pd.DataFrame()], ids=lambda x: type(x).__name__)
def test_what_is_no_result_is_refused_in_words(figure, given):
    with pytest.raises(lam.LamEvidenceError):
        (FIGURES | OTHERS)[figure](given)


def test_every_judgement_has_its_place_in_the_summary():
    assert set(_ORDER) == set(JUDGEMENTS)
