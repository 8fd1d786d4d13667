"""Every parameter of the network chapter, fed with nonsense."""

import functools
import inspect

import pandas as pd
import pytest

import lamevidence as lam
from tests.nonsense.sweep import FLAG, Base, Kind, public_callables, public_methods, sweep, uncovered


def columns():
    return {
        "yi": [0.5, 0.3, 0.2, 0.8], "vi": [0.04, 0.03, 0.05, 0.06], "first": list("aaba"), "second": list("bbcc"),
        "studies": list("1234"),
    }


@functools.cache
def table():
    return lam.NetworkTable(**columns())


@functools.cache
def fit():
    return lam.pool_network(table())


def arms():
    return {
        "frame": pd.DataFrame({"study": [1, 1, 2, 2], "treatment": list("abbc"), "r": [3, 5, 7, 4], "n": [40] * 4}),
        "measure": "OR", "events": "r", "total": "n",
    }


BASES = {
    "NetworkTable": Base(lam.NetworkTable, columns, {"measure": Kind()}),
    "network_table": Base(lam.network_table, arms, {
        "measure": Kind(choices=("OR", "RR", "RD", "IRR", "MD")), "add": ("zero", "half", "two"), "time": ("none",),
        "mean": ("none",), "sd": ("none",),
    }),
    "pool_network": Base(lam.pool_network, lambda: {"table": table()}, {
        "model": Kind(choices=("random", "common")), "tau2": ("none", "zero", "half", "two"), "reference": ("none",),
    }),
    "network_contributions": Base(lam.network_contributions, lambda: {"fit": fit()}),
    "network_paths": Base(lam.network_paths, lambda: {"fit": fit()}),
    "design_inconsistency": Base(lam.design_inconsistency, lambda: {"fit": fit()}),
    "split_network": Base(lam.split_network, lambda: {"fit": fit()}),
    "plot_network": Base(lam.plot_network, lambda: {"table": table()}, {"ax": ("none",)}),
    "NetworkTable.take": Base(table().take, lambda: {"rows": [0, 1]}),
    "NetworkPooled.effect": Base(fit().effect, lambda: {"first": "a", "second": "b"}),
    "NetworkPooled.interval": Base(fit().interval, lambda: {"first": "a", "second": "b"}),
    "NetworkPooled.intervals": Base(fit().intervals, dict),
    "NetworkPooled.predictions": Base(fit().predictions, dict),
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
        name: item for name, item in public_callables().items()
        if str(getattr(item, "__module__", "")).startswith("lamevidence.network")
    }
    methods = {m for item in ours.values() if inspect.isclass(item) for m in public_methods(item)}
    assert uncovered({*ours, *methods}, BASES, REASONS) == []
