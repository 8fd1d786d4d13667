"""Every refusal of a model of counts names something that works on the same table: each remedy is executed."""

import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.errors import LamEvidenceError
from lamevidence.pooling.counts import glmm, mantel_haenszel
from lamevidence.pooling.models import COUNT_MODELS

TWO = {
    "an arm without events": ([0, 0, 0], [10, 20, 30], [1, 2, 3], [12, 18, 33]),
    "an arm of nothing but events": ([10, 20], [10, 20], [1, 2], [12, 18]),
    "no events": ([0, 0], [20, 15], [0, 0], [20, 14]),
    "nothing but events": ([20, 15], [20, 15], [20, 14], [20, 14]),
    "studies at both ends": ([0, 15], [20, 15], [20, 0], [20, 14]),
    "studies at one end": ([5, 2], [5, 20], [3, 0], [20, 10]),
    "double zeros among others": ([0, 3, 0, 5], [20, 25, 30, 9], [2, 0, 0, 4], [21, 24, 30, 8]),
    "one study": ([3], [20], [5], [20]),
    "one study without events": ([0], [20], [0], [20]),
    "one study, one arm without events": ([0], [20], [4], [20]),
    "plain": ([4, 6, 3, 12], [123, 306, 231, 598], [11, 29, 11, 48], [139, 303, 220, 567]),
}
RATES = {
    "an arm without events": ([0, 0], [20.0, 30.0], [1, 2], [10.0, 20.0]),
    "no events": ([0, 0], [20.0, 30.0], [0, 0], [10.0, 20.0]),
    "studies at both ends": ([0, 7], [20.0, 30.0], [8, 0], [10.0, 20.0]),
    "one study": ([3], [20.0], [5], [24.0]),
    "plain": ([3, 6, 2], [20.0, 40.0, 30.0], [5, 3, 4], [24.0, 31.0, 29.0]),
}
ONE = {
    "no events": ([0, 0], [20, 30]),
    "nothing but events": ([20, 30], [20, 30]),
    "studies at both ends": ([0, 9], [9, 9]),
    "one study": ([3], [20]),
    "one study without events": ([0], [20]),
    "plain": ([3, 0, 5, 9], [20, 30, 25, 41]),
}


def table(columns, names, measure):
    labels = tuple(f"s{i}" for i in range(len(columns[0])))
    counts = {name: np.array(column, float) for name, column in zip(names, columns, strict=True)}
    nothing = np.full(len(labels), math.nan)
    return EvidenceTable(
        yi=nothing, vi=nothing, labels=labels, studies=labels, measure=measure, unit=None, counts=counts
    )


def corrected(rows):
    """The same rows with estimates of their own, ½ added where a cell is 0."""
    frame = pd.DataFrame({name: np.asarray(column) for name, column in rows.counts.items()})
    return EvidenceTable.from_frame(frame, rows.measure, **{n: n for n in rows.counts}, add=0.5, to="only0")


AWKWARD = {
    **{
        f"{measure}, {name}": table(columns, ("ai", "n1i", "ci", "n2i"), measure)
        for name, columns in TWO.items()
        for measure in ("OR", "RR", "RD", "PETO", "AS")
    },
    **{
        f"{measure}, {name}": table(columns, ("x1i", "t1i", "x2i", "t2i"), measure)
        for name, columns in RATES.items()
        for measure in ("IRR", "IRD")
    },
    **{
        f"{measure}, {name}": table(columns, ("xi", "ni"), measure)
        for name, columns in ONE.items()
        for measure in ("PLO", "PR")
    },
    **{
        f"{measure}, {name}": table(columns, ("xi", "ti"), measure)
        for name, columns in ONE.items()
        for measure in ("IRLN", "IR")
    },
}
AWKWARD |= {f"{name}, corrected": corrected(rows) for name, rows in list(AWKWARD.items()) if "IR, " not in name}
HALVES = ([0.5, 6.5, 3.5], [11.0, 31.0, 24.0], [1.5, 2.5, 4.5], [13.0, 19.0, 34.0])
"""Counts to which somebody added ½."""
AWKWARD["OR, halves"] = table(HALVES, ("ai", "n1i", "ci", "n2i"), "OR")
ESTIMATES = EvidenceTable.from_estimates([0.1, 0.4, 0.2], vi=[0.03, 0.05, 0.04])


def works(fit):
    assert not math.isnan(fit.estimate)
    low, high = fit.interval()
    assert low <= fit.estimate <= high
    assert low < high


def carry_out(remedy, rows, options):
    """Do what a remedy says, each way it offers; fail where it offers none."""
    ways = 0
    for model, name, value in re.findall(r"(?<!for which )model='([\w.-]+)'(?: with (\w+)='(\w+)')?", remedy):
        works(lam.pool(rows, model=model, **({name: value} if name else {})))
        ways += 1
    new = r"make the table with measure='(\w+)', for which model='glmm'(?: with (\w+)='(\w+)')?"
    for measure, name, value in re.findall(new, remedy):
        works(glmm(table(list(rows.counts.values()), tuple(rows.counts), measure), **({name: value} if name else {})))
        ways += 1
    for measure, events, size in re.findall(r"from_frame\(frame, '(\w+)', xi='(\w+)', [nt]i='(\w+)'\)", remedy):
        frame = pd.DataFrame({name: np.asarray(column) for name, column in rows.counts.items()})
        second = {"ai": "ci", "n1i": "n2i", "x1i": "x2i", "t1i": "t2i"}
        for x, n in ((events, size), (second[events], second[size])):
            works(lam.pool(EvidenceTable.from_frame(frame, measure, xi=x, **{"ti" if "t" in n else "ni": n})))
        ways += 1
    if re.search(r"(?<!with )tau2='none'", remedy):
        works(lam.pool(rows, **{**options, "tau2": "none"}))
        ways += 1
    if "interval='z'" in remedy:
        works(lam.pool(rows, **{**options, "interval": "z"}))
        ways += 1
    if "add=0.5, to='only0'" in remedy:
        works(lam.pool(corrected(rows), model="random"))
        ways += 1
    assert ways, f"nobody can do this: {remedy}"


def refusals(rows, **options):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            works(lam.pool(rows, **options))
    except AssertionError:
        return  # a sum without spread, which says so in its notes
    except LamEvidenceError as refused:
        cause, dot, remedy = str(refused).partition(" · ")
        assert dot, f"no remedy: {cause}"
        yield remedy


@pytest.mark.parametrize("name", AWKWARD)
def test_what_a_refusal_advises_works_on_the_same_table(name):
    rows = AWKWARD[name]
    for model in (*COUNT_MODELS, "random", "common", None):
        options = {} if model is None else {"model": model}
        for remedy in refusals(rows, **options):
            carry_out(remedy, rows, options)


@pytest.mark.parametrize("name", [n for n in AWKWARD if n.startswith(("OR", "IRR"))])
@pytest.mark.parametrize("options", [{"interval": "t"}, {"tau2": "none"}, {"prediction": "none"}])
def test_options_of_one_stage_models_are_refused_with_advice_that_works(name, options):
    for model in ("CM.EL", "UM.FS"):
        for remedy in refusals(AWKWARD[name], model=model, **options):
            carry_out(remedy, AWKWARD[name], {"model": model, **options})


@pytest.mark.parametrize("model", COUNT_MODELS)
def test_a_table_of_estimates_is_sent_to_a_model_of_estimates(model):
    (remedy,) = refusals(ESTIMATES, model=model)
    assert "model='random'" in remedy
    carry_out(remedy, ESTIMATES, {})


@pytest.mark.parametrize("model", ["mh", "peto", "glmm", "beta-binomial"])
@pytest.mark.parametrize("option", [{"weights": "equal"}, {"mods": "~ x"}])
def test_an_option_that_a_model_lacks_can_be_left_out(model, option):
    rows = AWKWARD["PLO, plain"] if model == "beta-binomial" else AWKWARD["OR, plain"]
    with pytest.raises(LamEvidenceError):
        lam.pool(rows, model=model, **option)
    works(lam.pool(rows, model=model))


def test_a_sum_without_spread_says_that_it_says_nothing():
    fit = mantel_haenszel(AWKWARD["RD, no events"])
    assert fit.mu == 0
    assert np.isnan(fit.se)
    assert np.isnan(fit.interval()).all()
    (note,) = (text for text in fit.notes if "no standard error" in text)
    carry_out(note, AWKWARD["RD, no events"], {})


def test_random_sparse_tables_are_never_sent_in_circles():
    rng = np.random.default_rng(3)
    for _ in range(150):
        k = int(rng.integers(1, 5))
        n1, n2 = rng.integers(2, 12, k), rng.integers(2, 12, k)
        columns = (rng.binomial(n1, rng.choice([0.02, 0.2, 0.97])), n1, rng.binomial(n2, rng.choice([0.02, 0.2])), n2)
        for measure in ("OR", "RR"):
            rows = table(columns, ("ai", "n1i", "ci", "n2i"), measure)
            for model in ("random", "CM.EL", "UM.FS", "mh", "peto"):
                for remedy in refusals(rows, model=model):
                    carry_out(remedy, rows, {"model": model})
