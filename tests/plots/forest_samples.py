"""Invented results for figures: layout placeholders, not extracted from any publication."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from lamevidence.effects.evidence_table import EvidenceTable

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


class Bell:
    """A normal posterior stand-in."""

    def __init__(self, mean: float, sd: float) -> None:
        self.median, self.mean, self.sd = mean, mean, sd

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        from scipy.special import ndtri

        half = float(ndtri(0.5 + level / 2)) * self.sd
        return self.median - half, self.median + half


def fit(table, mu, interval, prediction=None, weights=None, model="random", **more):
    """A frequentist stand-in with the public surface only."""
    values = {"tau": 1.7, "tau2": 2.89, "q": 4.30, "q_df": table.k - 1, "q_p": 0.51, "i2": 0.0, "se": 1.0} | more
    spec = SimpleNamespace(model=model, tau2="REML", interval="HKSJ", level=0.95)
    return SimpleNamespace(
        table=table, mu=mu, interval=lambda level: interval, prediction=lambda level: prediction,
        weights=weights, tau2_interval=lambda level: (0.0, 39.69), spec=spec, **values,
    )


def slopes(**changes):
    values = {
        "yi": [1, 4.3, 1.6, 6.1, -3.2, -2.4], "vi": np.array([2, 4.08, 2.3, 5.2, 6.38, 3.88]) ** 2,
        "labels": LABELS, "studies": STUDIES, "measure": "MN", "unit": "mL/month", "n": [46, 13, 63, 38, 15, 98],
        "title": "FEV1 slope on sirolimus", "higher_is": "better", "years": (2011, 2013, 2016, 2014, 2018, 2019),
        "designs": ("Randomised trial", "Prospective, single arm", "Prospective, single arm", ONE, ONE, ONE),
        "moderators": {"months": np.array([12, 24, 24, 18, 36, 60.0])}, "notes": (NOTE,),
        "risk_of_bias": tuple(
            ("ROBINS-I", tuple((f"domain {i}", word) for i, word in enumerate(row))) for row in BIAS
        ),
    }
    return EvidenceTable(**(values | changes))


def slope_fit(table=None):
    table = slopes() if table is None else table
    weights = np.array([33.1, 12.4, 28.0, 8.4, 5.9, 12.2])
    return fit(table, 1.3, (-1.2, 3.8), (-4.6, 7.4), weights)


def slope_posterior(table=None):
    table = slopes() if table is None else table
    effects = zip(STUDIES, [1.2, 2.2, 1.6, 2.6, 0.8, 0.4], [1.7, 2.6, 1.8, 2.9, 2.8, 2.4], strict=True)
    theta = {study: Bell(mean, sd) for study, mean, sd in effects}
    return SimpleNamespace(table=table, mu=Bell(1.4, 1.5), tau=Bell(2, 0.5), theta=theta, theta_new=Bell(1.4, 3.6))


def proportions(**changes):
    x, n = np.array([12, 0, 31, 7, 5, 22.0]), np.array([46, 13, 63, 38, 15, 98.0])
    values = {
        "yi": np.log((x + 0.5) / (n - x + 0.5)), "vi": 1 / (x + 0.5) + 1 / (n - x + 0.5), "labels": LABELS,
        "studies": STUDIES, "measure": "PLO", "counts": {"xi": x, "ni": n}, "n": n, "title": "Oral mucositis",
        "higher_is": "worse", "notes": (NOTE,),
    }
    return EvidenceTable(**(values | changes))


def proportion_fit():
    weights = np.array([16.8, 4.8, 23.1, 13.9, 5.5, 35.9])
    return fit(proportions(), -1.0, (-1.75, -0.237), (-3.44, 1.45), weights, q=24.8, q_p=0.0002, i2=80.0, tau=0.92)


def risk_ratios(**changes):
    counts = {"ai": [12, 1, 9, 4], "n1i": [46, 20, 30, 25], "ci": [6, 0, 2, 5], "n2i": [43, 19, 29, 25]}
    high, low = np.array([4.53, 66.1, 18.4, 2.64]), np.array([0.77, 0.12, 1.03, 0.24])
    values = {
        "yi": np.log([1.87, 2.86, 4.35, 0.8]), "vi": (np.log(high / low) / 3.92) ** 2,
        "labels": ("Alpha 2011", "Hotel 2015", "India 2020", "Juliett 2021"), "studies": ("a", "h", "i", "j"),
        "measure": "RR", "counts": counts, "n": [89, 39, 59, 50], "title": "Serious adverse events",
        "higher_is": "worse", "notes": (NOTE,),
    }
    return EvidenceTable(**(values | changes))


def ratio_fit():
    ends = (0.0, float(np.log(3.53))), (float(np.log(0.61)), float(np.log(5.8)))
    weights = np.array([52, 6, 25, 17.0])
    return fit(risk_ratios(), float(np.log(1.88)), *ends, weights, tau=0.28, q=3.3, q_p=0.35, i2=9.0)
