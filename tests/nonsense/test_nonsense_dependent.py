"""Every method of results of dependent rows that takes something, fed with invalid input."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest

import lamevidence as lam
from tests.nonsense.frequentist_calls import nested, table
from tests.nonsense.sweep import Base, public_methods, sweep, uncovered

FITS: dict[str, Any] = {
    "MultilevelPooled": lambda: lam.multilevel(nested(), random="arm | study"),
    "MultilevelRegression": lambda: lam.multilevel(nested(), random="1 | study", moderators="~ dose"),
    "ClusterRobust": lambda: lam.cluster_robust(lam.multilevel(nested(), random="1 | study"), "study"),
    "ClusterRobustRegression": lambda: lam.cluster_robust(
        lam.multilevel(nested(), random="1 | study", moderators="~ dose"), "study"
    ),
    "RobustVariance": lambda: lam.robust_variance(nested()),
    "RobustVarianceRegression": lambda: lam.robust_variance(nested(), moderators="~ dose"),
    "RobustPooled": lambda: lam.robust_random_effects(table()),
}
ARGUMENTS: dict[str, Any] = {
    "probability": lambda fit: {"statement": f"{fit.names[0]} > 0"},
    "refit": lambda fit: {"evidence": fit.table},
    "without": lambda fit: {"study": fit.table.studies[0]},
    "component_interval": lambda fit: {"name": fit.components.parts[0].name},
    "against": lambda fit: {
        "reduced": lam.multilevel(fit.table, random=None, moderators=None if fit.names == ("mu",) else "~ dose")
    },
    "wald": lambda fit: {"tested": [0]},
    "contrasts": lambda fit: {"matrix": [[1.0] * len(fit.names)]},
    "absolute": lambda fit: {"baseline": 0.1},
}
KINDS: dict[str, Any] = {
    "component_interval": {"index": ("zero",)},
    "predict": {"new": ("empty", "one", "matrix", "dict", "minus", "minus half", "zero", "half", "two")},
}
"""Method → what its parameters may take besides what their names mean everywhere."""
NOT_FED = {"refit_each": "a mask that the package makes", "plot": "options of the figure", "with_inference": "internal"}


@functools.cache
def fitted(name: str) -> Any:
    return FITS[name]()


def methods(name: str) -> list[str]:
    """The methods of a result that take something; those whose base call is refused have nothing to feed."""
    return [m.split(".")[1] for m in public_methods(type(fitted(name))) if m.split(".")[1] not in NOT_FED]


def base(name: str, method: str) -> Base:
    fit = fitted(name)
    call = getattr(fit, method)
    return Base(call, lambda: ARGUMENTS.get(method, lambda fit: {})(fit), KINDS.get(method, {}))


def answers(given: Base) -> bool:
    try:
        given.call(**given.arguments())
    except lam.errors.LamEvidenceError:
        return False
    return True


@pytest.mark.parametrize("name", FITS)
def test_methods_refuse_in_words(name):
    assert type(fitted(name)).__name__ == name
    bases = {f"{name}.{m}": base(name, m) for m in methods(name)}
    findings = [line for key, one in bases.items() if answers(one) for line in sweep(key, one)]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("name", FITS)
def test_every_method_that_takes_something_is_fed(name):
    known = {f"{name}.{m}" for m in methods(name)} | {f"{name}.{m}" for m in NOT_FED}
    assert uncovered(public_methods(type(fitted(name))), known, ()) == []
    required = {
        m
        for m in methods(name)
        for p in inspect.signature(getattr(fitted(name), m)).parameters.values()
        if p.default is p.empty
    }
    assert required <= set(ARGUMENTS)
