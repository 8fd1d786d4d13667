"""Every parameter of every public callable of the frequentist half and the registry, fed with nonsense."""

import inspect

import pytest

import lamevidence as lam
from tests.nonsense.frequentist_calls import BASES, REASONS
from tests.nonsense.sweep import public_callables, public_methods, sweep, uncovered

ELSEWHERE = ("lamevidence.bayes", "lamevidence.plots", "lamevidence.network", "lamevidence.synthesis")
"""Chapters that are swept by files of their own."""
OF_POSTERIORS = {"predictive_check", "loo_pit", "model_check", "node_split", "prior_data_conflict", "prior_learning"}


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    findings = sweep(name, BASES[name])
    assert not findings, "\n".join(findings)


def ours():
    return {
        name: item
        for name, item in public_callables().items()
        if not str(getattr(item, "__module__", "")).startswith(ELSEWHERE)
        and name.rpartition(".")[2] not in OF_POSTERIORS
    }


def test_every_public_callable_is_swept():
    assert uncovered(ours(), BASES, REASONS) == []


def test_every_public_method_that_takes_something_is_swept():
    methods = {m for item in ours().values() if inspect.isclass(item) for m in public_methods(item)}
    assert uncovered(methods, BASES, REASONS) == []


def test_reasons_are_for_public_names_alone():
    public = ours()
    methods = {m for item in public.values() if inspect.isclass(item) for m in public_methods(item)}
    assert set(REASONS) <= set(public) | methods


def test_keyword_with_a_slip_is_named():
    with pytest.raises(lam.errors.OptionError, match="modl"):
        lam.multilevel(lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[0.1, 0.1]), modl=1)
