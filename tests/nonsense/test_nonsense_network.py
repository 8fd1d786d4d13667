"""Every parameter of the network chapter, fed with nonsense."""

import functools
import inspect

import pandas as pd
import pytest

import lamevidence as lam
from tests.nonsense.sweep import FLAG, Base, Kind, public_callables, public_methods, sweep, uncovered


def columns():
    return {
        "yi": [0.5, 0.3, 0.2, 0.8],
        "vi": [0.04, 0.03, 0.05, 0.06],
        "first": list("aaba"),
        "second": list("bbcc"),
        "studies": list("1234"),
    }


@functools.cache
def table():
    return lam.network.NetworkTable(**columns())


@functools.cache
def fit():
    return lam.network.pool_network(table())


def arms():
    return {
        "frame": pd.DataFrame({"study": [1, 1, 2, 2], "treatment": list("abbc"), "r": [3, 5, 7, 4], "n": [40] * 4}),
        "measure": "OR",
        "events": "r",
        "total": "n",
    }


BASES = {
    "NetworkTable": Base(lam.network.NetworkTable, columns, {"measure": Kind()}),
    "network_table": Base(
        lam.network.network_table,
        arms,
        {
            "measure": Kind(choices=("OR", "RR", "RD", "IRR", "MD")),
            "add": ("zero", "half", "two", "none"),
            "to": Kind(accepts=("none",), choices=("none", "only0", "if0all", "all")),
            "time": ("none",),
            "mean": ("none",),
            "sd": ("none",),
        },
    ),
    "pool_network": Base(
        lam.network.pool_network,
        lambda: {"evidence": table()},
        {
            "model": Kind(choices=("random", "common")),
            "tau2": ("none", "zero", "half", "two"),
            "reference": ("none",),
        },
    ),
    "network_contributions": Base(lam.network.network_contributions, lambda: {"fit": fit()}),
    "network_paths": Base(lam.network.network_paths, lambda: {"fit": fit()}),
    "design_inconsistency": Base(lam.network.design_inconsistency, lambda: {"fit": fit()}),
    "split_network": Base(lam.network.split_network, lambda: {"fit": fit()}),
    "plot_network": Base(lam.plots.network, lambda: {"evidence": table()}, {"ax": ("none",)}),
    "NetworkTable.subset": Base(table().subset, lambda: {"keep": [0, 1]}),
    "NetworkPooled.pair_effect": Base(fit().pair_effect, lambda: {"first": "a", "second": "b"}),
    "NetworkPooled.pair_interval": Base(fit().pair_interval, lambda: {"first": "a", "second": "b"}),
    "NetworkPooled.pair_intervals": Base(fit().pair_intervals, dict),
    "NetworkPooled.pair_predictions": Base(fit().pair_predictions, dict),
    "NetworkPooled.pairs": Base(fit().pairs, dict),
    "NetworkPooled.interval": Base(fit().interval, dict),
    "NetworkPooled.intervals": Base(fit().intervals, dict),
    "NetworkPooled.tidy": Base(fit().tidy, dict),
    "NetworkPooled.augment": Base(fit().augment, dict),
    "NetworkPooled.display": Base(fit().display, dict),
    "NetworkPooled.study_effects": Base(fit().study_effects, dict),
    "NetworkPooled.predict": Base(fit().predict, dict),
    "NetworkPooled.probability": Base(fit().probability, lambda: {"statement": "b vs a > 0"}),
    "NetworkPooled.refit": Base(fit().refit, lambda: {"evidence": table()}),
    "NetworkPooled.without": Base(fit().without, lambda: {"study": "1"}),
    "NetworkPooled.p_scores": Base(fit().p_scores, lambda: {"small_is_good": True}, {"small_is_good": FLAG}),
    "NetworkPooled.league_table": Base(fit().league_table, dict, {"transformed": FLAG}),
}
REASONS = {"NetworkPooled": "made by pool_network", "DesignInconsistency": "made by design_inconsistency"}


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    findings = sweep(name, BASES[name])
    assert not findings, "\n".join(findings)


def test_every_public_name_of_the_chapter_is_swept():
    ours = {
        name: item
        for name, item in public_callables().items()
        if str(getattr(item, "__module__", "")).startswith("lamevidence.network")
    }
    methods = {m for item in ours.values() if inspect.isclass(item) for m in public_methods(item)}
    assert uncovered({*ours, *methods}, BASES, REASONS) == []
