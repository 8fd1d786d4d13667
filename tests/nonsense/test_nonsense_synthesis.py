"""Nonsense for joint synthesis: every argument, and every question to its result."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from tests.nonsense.sweep import BELOW_ONE, Base, Kind, public_methods, sweep, uncovered
from tests.support.fits import designs


def frame():
    return pd.DataFrame(
        {
            "study": ["MILES", "MILES", "Hu", "Hu", "Bee", "MIDAS"],
            "y": [-144.0, 12, -178, -10, 11, 74],
            "se": [24.0, 24, 36, 15, 11, 30],
            "on": [0, 1, 0, 1, 1, 1],
            "before": [0, 0, 1, 0, 0, 0],
            "difference": [0, 0, 0, 0, 0, 1],
        }
    )


def arguments():
    priors = {name: lam.priors.HalfNormal(40) for name in ("tau_baseline", "tau_effect", "tau_bias")}
    means = {name: lam.priors.Normal(0, 200) for name in ("baseline", "effect", "bias")}
    columns = {"yi": "y", "sei": "se", "study": "study", "treated": "on", "selected": "before"}
    return {"evidence": frame(), "contrast": "difference", "unit": None, **columns, **priors, **means}


KNOWN = Kind(accepts=("zero", "half", "two"))
# columns in the argument of a row that is none of them
KINDS = {
    "unit": Kind(accepts=("none", "blank")),
    "correlation": Kind(accepts=("minus half", "zero", "half")),
    "bias": Kind(accepts=("none",)),
    "discount": Kind(accepts=("dict", "none")),
    "tau_baseline": KNOWN,
    "tau_effect": KNOWN,
    "tau_bias": KNOWN,
    "level": BELOW_ONE,
}


@functools.cache
def post():
    return lam.synthesis.joint(designs(), treated="on", selected="before")


def _questions():
    kind = {"kind": Kind(choices=("central", "shortest"))}
    asked = {
        "interval": ({}, kind),
        "prediction": ({}, {}),
        "summary": ({}, kind),
        "display": ({}, {}),
        "intervals": ({}, {}),
        "tidy": ({}, {}),
        "augment": ({}, {}),
        "study_effects": ({}, {}),
        "predict": ({}, {"new": Kind(accepts=("none",))}),
        "refit": ({"evidence": post().table}, {}),
        "without": ({"study": "Bee"}, {}),
        "probability": ({"statement": "effect > 0"}, {}),
        "quantity": ({"name": "effect"}, {"name": Kind(choices=("effect", "tau_effect"))}),
        "information_by_design": ({}, {"of": Kind(choices=("effect", "baseline", "bias"))}),
    }
    return {
        f"JointPosterior.{m}": Base(getattr(post(), m), lambda g=g: dict(g), kinds) for m, (g, kinds) in asked.items()
    }


def _distributions():
    ends = Kind(accepts=("minus", "minus half", "zero", "half", "two", "inf", "minus inf"))
    places = Kind(accepts=(*ends.accepts, "one", "empty", "matrix", "cube", "frame"))
    chances = Kind(accepts=("half", "zero", "one", "empty", "matrix", "cube"))
    found = {}
    known = lam.synthesis.joint(designs(), treated="on", selected="before", tau_bias=2.0).tau_bias
    for name, d in {"effect": post().effect, "tau": post().tau_effect, "known": known}.items():
        found |= {
            f"{name}.pdf": Base(d.pdf, lambda: {"x": 0.5}, {"x": places}),
            f"{name}.cdf": Base(d.cdf, lambda: {"x": 0.5}, {"x": places}),
            f"{name}.quantile": Base(d.quantile, lambda: {"p": 0.5}, {"p": chances}),
            f"{name}.interval": Base(d.interval, dict, {"kind": Kind(choices=("central", "shortest"))}),
            f"{name}.prob": Base(d.prob, dict, {"low": ends, "high": ends}),
        }
    return found


BASES = {
    "synthesis.joint": Base(lam.synthesis.joint, arguments, KINDS),
    "models.joint_slopes": Base(lam.models.joint_slopes, arguments, {n: k for n, k in KINDS.items() if n != "level"}),
    **_questions(),
    **_distributions(),
}
REASONS = {
    "JointPosterior.refit_each": "takes masks that the checks made",
    "JointPosterior.plot": "options of the figure, swept there",
    "JointPosterior.absolute": "always refused: an absolute effect is made of one mean",
}


@pytest.mark.parametrize("name", sorted(BASES))
def test_nonsense_is_refused_in_words(name):
    assert sweep(name, BASES[name]) == []


def test_every_public_callable_is_swept():
    assert (
        uncovered(
            ["synthesis.joint", "models.joint_slopes", *public_methods(lam.results.JointPosterior)], BASES, REASONS
        )
        == []
    )


def test_rows_that_are_not_numbers():
    for column, wrong in (("y", np.nan), ("se", -1.0), ("on", 0.5)):
        broken = frame()
        broken[column] = broken[column].astype(float)
        broken.loc[2, column] = wrong
        with pytest.raises(lam.errors.InputError):
            lam.synthesis.joint(**(arguments() | {"evidence": broken}))
