"""Invented results for figures: layout placeholders, not extracted from any publication."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import NotEstimable
from lamevidence.foundation.values import Interval
from lamevidence.results.contract import MeanResult
from lamevidence.results.heterogeneity import Heterogeneity
from lamevidence.results.spec import Spec

NOTE = "Layout placeholder data: not extracted from any publication."
LABELS = ("Alpha 2011", "Bravo 2013", "Charlie 2016", "Delta 2014", "Echo 2018", "Foxtrot & Golf 2019")
STUDIES = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")
ONE = "Registry or retrospective"
BIAS = (
    ("low", "low", "moderate", "low", "low"),
    ("serious", "moderate", "low", "moderate", "moderate"),
    ("serious", "moderate", "low", "moderate", "low"),
    ("serious", "serious", "low", "moderate", "moderate"),
    ("serious", "critical", "moderate", "moderate", "moderate"),
    ("serious", "moderate", "no information", "moderate", "serious"),
)

RANDOM = Spec("random", "REML", "HKSJ")


class Invented(MeanResult):
    """A frequentist result with the members of the contract, each given."""

    mu = se = df = statistic = p_value = weights = math.nan
    notes, recipe = (), None

    def __init__(self, table, mu, given, new, weights, found, spec=RANDOM):
        self.table, self.mu, self.given, self.new, self.weights = table, mu, given, new, weights
        self.found, self.spec, self.se, self.df = found, spec, 1.0, math.inf

    @property
    def tau2(self):
        return self.found.tau2

    def heterogeneity(self):
        return self.found

    def interval(self, level=None):
        return self.given

    def prediction(self, level=None):
        if self.k < 3:
            raise NotEstimable("it needs at least 3 studies")
        if self.new is None:
            raise NotEstimable("not given")
        return self.new


def fit(table, mu, interval, prediction=None, weights=None, model="random", **more):
    """A frequentist result that was not computed."""
    values = {"tau": 1.7, "q": 4.30, "q_df": table.k - 1, "q_p": 0.51, "i2": 0.0} | more
    found = Heterogeneity(
        values["q"],
        values["q_df"],
        values["q_p"],
        values["i2"],
        tau2=values["tau"] ** 2,
        tau2_interval=Interval(0.0, 39.69),
    )
    new = None if prediction is None else Interval(*prediction)
    return Invented(table, mu, Interval(*interval), new, weights, found, Spec(model, "REML", "HKSJ"))


class Bell:
    """A normal distribution."""

    def __init__(self, mean, sd):
        self.median, self.mean, self.sd = mean, mean, sd

    def interval(self, level):
        half = float(ndtri(0.5 + level / 2)) * self.sd
        return Interval(self.median - half, self.median + half)


class InventedPosterior(MeanResult):
    """A posterior with the members of the contract, each given."""

    bayesian, interval_name = True, "credible interval"
    mu = tau = statistic = p_value = math.nan
    df = math.inf
    notes, recipe, spec = (), None, RANDOM

    def __init__(self, table, mu, tau, theta, theta_new):
        self.table, self.mu, self.tau, self.theta, self.theta_new = table, mu, tau, theta, theta_new

    @property
    def estimate(self):
        return self.mu.mean

    @property
    def se(self):
        return self.mu.sd

    @property
    def tau2(self):
        return self.tau.mean**2 + self.tau.sd**2

    def _shown(self):
        return np.array([self.mu.median])

    def heterogeneity(self):
        return Heterogeneity(tau2=self.tau2)

    def interval(self, level=None):
        return self.mu.interval(self._level(level))

    def prediction(self, level=None):
        return self.theta_new.interval(self._level(level))

    def study_effects(self, level=None):
        bells = [self.theta[label] for label in self.table.labels]
        return np.array([[b.median, *b.interval(self._level(level))] for b in bells])


def slopes(**changes):
    values = {
        "yi": [1, 4.3, 1.6, 6.1, -3.2, -2.4],
        "vi": np.array([2, 4.08, 2.3, 5.2, 6.38, 3.88]) ** 2,
        "labels": LABELS,
        "studies": STUDIES,
        "measure": "MN",
        "unit": "mL/month",
        "n": [46, 13, 63, 38, 15, 98],
        "title": "FEV1 slope on sirolimus",
        "higher_is": "better",
        "years": (2011, 2013, 2016, 2014, 2018, 2019),
        "designs": ("Randomised trial", "Prospective, single arm", "Prospective, single arm", ONE, ONE, ONE),
        "moderators": {"months": np.array([12, 24, 24, 18, 36, 60.0])},
        "notes": (NOTE,),
        "risk_of_bias": tuple(("ROBINS-I", tuple((f"domain {i}", word) for i, word in enumerate(row))) for row in BIAS),
    }
    return EvidenceTable(**(values | changes))


def slope_fit(table=None):
    table = slopes() if table is None else table
    weights = np.array([33.1, 12.4, 28.0, 8.4, 5.9, 12.2])
    return fit(table, 1.3, (-1.2, 3.8), (-4.6, 7.4), weights)


def slope_posterior(table=None):
    table = slopes() if table is None else table
    effects = zip(table.labels, [1.2, 2.2, 1.6, 2.6, 0.8, 0.4], [1.7, 2.6, 1.8, 2.9, 2.8, 2.4], strict=True)
    theta = {label: Bell(mean, sd) for label, mean, sd in effects}
    return InventedPosterior(table, Bell(1.4, 1.5), Bell(2, 0.5), theta, Bell(1.4, 3.6))


def proportions(**changes):
    x, n = np.array([12, 0, 31, 7, 5, 22.0]), np.array([46, 13, 63, 38, 15, 98.0])
    values = {
        "yi": np.log((x + 0.5) / (n - x + 0.5)),
        "vi": 1 / (x + 0.5) + 1 / (n - x + 0.5),
        "labels": LABELS,
        "studies": STUDIES,
        "measure": "PLO",
        "counts": {"xi": x, "ni": n},
        "n": n,
        "title": "Oral mucositis",
        "higher_is": "worse",
        "notes": (NOTE,),
    }
    return EvidenceTable(**(values | changes))


def proportion_fit():
    weights = np.array([16.8, 4.8, 23.1, 13.9, 5.5, 35.9])
    return fit(proportions(), -1.0, (-1.75, -0.237), (-3.44, 1.45), weights, q=24.8, q_p=0.0002, i2=80.0, tau=0.92)


def risk_ratios(**changes):
    counts = {"ai": [12, 1, 9, 4], "n1i": [46, 20, 30, 25], "ci": [6, 0, 2, 5], "n2i": [43, 19, 29, 25]}
    high, low = np.array([4.53, 66.1, 18.4, 2.64]), np.array([0.77, 0.12, 1.03, 0.24])
    values = {
        "yi": np.log([1.87, 2.86, 4.35, 0.8]),
        "vi": (np.log(high / low) / 3.92) ** 2,
        "labels": ("Alpha 2011", "Hotel 2015", "India 2020", "Juliett 2021"),
        "studies": ("a", "h", "i", "j"),
        "measure": "RR",
        "counts": counts,
        "n": [89, 39, 59, 50],
        "title": "Serious adverse events",
        "higher_is": "worse",
        "notes": (NOTE,),
    }
    return EvidenceTable(**(values | changes))


def ratio_fit():
    ends = (0.0, float(np.log(3.53))), (float(np.log(0.61)), float(np.log(5.8)))
    weights = np.array([52, 6, 25, 17.0])
    return fit(risk_ratios(), float(np.log(1.88)), *ends, weights, tau=0.28, q=3.3, q_p=0.35, i2=9.0)
