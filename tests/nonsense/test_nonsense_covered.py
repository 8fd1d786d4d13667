"""Every public callable of the Bayesian chapter and of the figures is fed with nonsense, or has a reason not to be."""

from __future__ import annotations

import inspect

from tests.nonsense import (
    test_nonsense_bayes,
    test_nonsense_borrowing,
    test_nonsense_models,
    test_nonsense_network,
    test_nonsense_plots,
)
from tests.nonsense.sweep import public_callables, public_methods, uncovered

CHAPTERS = ("lamevidence.bayes", "lamevidence.plots")
OF_POSTERIORS = {"predictive_check", "loo_pit", "model_check", "node_split", "prior_data_conflict", "prior_learning"}
SWEPT = [
    *test_nonsense_bayes.BASES.values(),
    *test_nonsense_bayes.PRIORS.values(),
    *test_nonsense_borrowing.BASES.values(),
    *test_nonsense_models.BASES.values(),
    *test_nonsense_network.BASES.values(),
    *test_nonsense_plots.BASES.values(),
]
REASONS = {
    "bayes.Posterior": "made by pool_bayes; its methods have base calls of their own",
    "bayes.PosteriorRegression": "made by pool_bayes; its methods have base calls of their own",
    "plots.FlowPlot": "made by prisma_flow; its methods have base calls of their own",
    "plots.ForestPlot": "made by forest; its methods have base calls of their own",
    "plots.Plot": "made by the functions of figures; its methods have base calls of their own",
}
INNER = {
    "logpdf": "called by the engines on arrays that they made; pdf is for users and is swept",
    "resolve": "called by pool_bayes with variances that it has read",
    "refit_each": "takes masks that the checks made",
    "plot": "options of the figure, swept there",
}
"""Methods of priors and posteriors, whichever the class."""

REFUSED = {"PosteriorRegression.prediction": "always refused: a new study has to be given its moderators"}


def code(call):
    """The function behind a call, so that an inherited or wrapped method counts as the one that is written."""
    return inspect.unwrap(getattr(call, "__func__", call))


def ours():
    return {
        name: item
        for name, item in public_callables().items()
        if str(getattr(item, "__module__", "")).startswith(CHAPTERS) or name.rpartition(".")[2] in OF_POSTERIORS
    }


def test_every_public_callable_is_swept():
    swept = {code(base.call) for base in SWEPT}
    assert uncovered(ours(), {name for name, item in ours().items() if code(item) in swept}, REASONS) == []


def test_every_public_method_that_takes_something_is_swept():
    swept = {code(base.call) for base in SWEPT}
    methods = {n: m for item in ours().values() if inspect.isclass(item) for n, m in public_methods(item).items()}
    inner = {name for name in methods if name.split(".")[1] in INNER} | set(REFUSED)
    assert uncovered(methods, {name for name, item in methods.items() if code(item) in swept}, inner) == []


def test_reasons_are_for_public_names_alone():
    assert set(REASONS) <= set(ours())
