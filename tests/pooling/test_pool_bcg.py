"""The BCG trials (Colditz 1994), against published values and R; sources beside the numbers."""

import math

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.pooling import PREDICTIONS

ABLAT = [44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33]
YEAR = [1948, 1949, 1960, 1977, 1973, 1953, 1973, 1980, 1968, 1961, 1974, 1969, 1976]
CELLS = [
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
]


@pytest.fixture(scope="module")
def bcg():
    a, b, c, d = np.array(CELLS, dtype=float).T
    yi = np.log(a / (a + b)) - np.log(c / (c + d))
    vi = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    moderators = {"ablat": np.array(ABLAT, dtype=float), "year": np.array(YEAR, dtype=float)}
    return lam.EvidenceTable.from_estimates(yi, vi=vi, moderators=moderators)


# metafor 5.1 on dat.bcg, log RR: τ², estimate, standard error (six or seven digits as printed)
TAU2_VALUES = {
    "DL": (0.3087603, -0.7141172, 0.1787421),
    "HE": (0.3285639, None, None),
    "HS": (0.2283629, None, None),
    "HSk": (0.2491699, None, None),
    "SJ": (0.3455157, None, None),
    "ML": (0.2800281, None, None),
    "REML": (0.3132433, -0.7145323, 0.1797815),
    "EB": (0.3180685, -0.7149682, 0.1808922),
    "PM": (0.3180685, -0.7149682, 0.1808922),
    "PMM": (0.3433879, None, None),
}


@pytest.mark.parametrize("method", TAU2_VALUES)
def test_tau2(bcg, method):
    tau2, mu, se = TAU2_VALUES[method]
    fit = lam.pool(bcg, tau2=method, interval="z")
    assert fit.tau2 == pytest.approx(tau2, abs=6e-8)
    if mu is not None:
        assert (fit.mu, fit.se) == (pytest.approx(mu, abs=6e-8), pytest.approx(se, abs=6e-8))


def test_generalised_q_weights(bcg):
    fit = lam.pool(bcg, tau2="GENQ", weights=1 / bcg.vi, interval="z")
    assert (fit.tau2, fit.mu, fit.se) == (
        pytest.approx(0.3087603, abs=6e-8),
        pytest.approx(-0.4302852, abs=6e-8),
        pytest.approx(0.2835444, abs=6e-8),
    )
    assert lam.pool(bcg, tau2="GENQM", weights=1 / bcg.vi).tau2 == pytest.approx(0.3828094964820, abs=1e-9)


# R: metafor predict(), meta metagen(method.predict=…), on the REML fit
@pytest.mark.parametrize(
    ("prediction", "interval", "low", "high"),
    [
        ("normal", "z", -1.866692, 0.437628),
        ("t", "z", -1.995342, 0.566277),
        ("HTS", "z", -2.008376, 0.579311),
        ("HK", "HKSJ", -1.996017, 0.566952),
        ("HK-PR", "HKSJ", -2.009058, 0.579993),
        ("KR", "KR", -2.016908, 0.587843),
        ("KR-PR", "KR", -2.034679, 0.605615),
    ],
)
def test_prediction_intervals(bcg, prediction, interval, low, high):
    found = lam.pool(bcg, interval=interval, prediction=prediction).prediction()
    assert tuple(found) == (pytest.approx(low, abs=1.1e-6), pytest.approx(high, abs=1.1e-6))


def test_nagashima_interval_within_monte_carlo_error(bcg):
    low, high = lam.pool(bcg, prediction="NNF").prediction()
    assert (low, high) == (pytest.approx(-2.223, abs=0.03), pytest.approx(0.777, abs=0.03))  # pimeta 1.1.3, B = 25000


# R: metafor confint, meta metagen
@pytest.mark.parametrize(
    ("interval", "low", "high"),
    [
        ("z", -1.066898, -0.362167),
        ("t", -1.106243, -0.322822),
        ("HKSJ", -1.108444, -0.320621),
        ("KR", -1.116356, -0.312709),
    ],
)
def test_confidence_intervals(bcg, interval, low, high):
    found = lam.pool(bcg, interval=interval, prediction="none").interval()
    assert tuple(found) == (pytest.approx(low, abs=1.1e-6), pytest.approx(high, abs=1.1e-6))


def test_profile_likelihood_interval(bcg):
    found = lam.pool(bcg, interval="PL", tau2="ML", prediction="none").interval()
    assert tuple(found) == (pytest.approx(-1.08876, abs=5e-5), pytest.approx(-0.35499, abs=5e-5))  # pimeta cima(PL)


def test_henmi_copas_and_ivhet(bcg):
    low, high = lam.pool(bcg, model="henmi-copas").interval()
    assert (low, high) == (pytest.approx(-1.1555, abs=1e-4), pytest.approx(0.2949, abs=1e-4))  # metafor hc()
    assert lam.pool(bcg, model="ivhet", tau2="REML").se == pytest.approx(0.2855537, abs=1e-6)  # meta, method.tau REML


def test_heterogeneity(bcg):
    fit = lam.pool(bcg)
    assert fit.q == pytest.approx(152.23301, abs=1e-5)
    assert (fit.i2, fit.h2) == (pytest.approx(92.2214, abs=1e-4), pytest.approx(12.8558, abs=1e-4))
    assert tuple(fit.i2_interval()) == (pytest.approx(81.92, abs=5e-3), pytest.approx(97.678, abs=5e-3))
    assert fit.se_tau2 == pytest.approx(0.16643, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-12.2024, abs=1e-4)
    assert fit.weights.sum() == pytest.approx(100)


def test_probability_of_a_new_effect(bcg):
    fit = lam.pool(bcg, interval="z", prediction="normal")
    assert fit.probability("theta_new < 0") == pytest.approx(0.8879, abs=5e-5)  # metafor predict(prob=)
    assert fit.probability("theta_new > 0") == pytest.approx(1 - fit.probability("theta_new < 0"))


def test_default_is_reml_floored_hksj_and_says_why(bcg):
    fit = lam.pool(bcg)
    assert (fit.spec.model, fit.spec.tau2) == ("random", "REML")
    assert (fit.spec.interval, fit.spec.prediction) == ("HKSJ-floor", "NNF-floor")
    assert set(fit.spec.why) == {"model", "tau2", "interval", "prediction", "level"}
    assert lam.pool(bcg, tau2="DL").spec.why["tau2"] == "given"
    assert fit.to_json()["spec"]["why"] == dict(fit.spec.why)


def test_regression_on_latitude(bcg):
    """Berkey 1995; metafor: rma(yi, vi, mods = ~ ablat), printed digits, and R² and QM at tight convergence."""
    fit = lam.pool(bcg, moderators="~ ablat", interval="z")
    assert fit.beta == pytest.approx([0.2514643, -0.0291017], abs=1e-5)
    assert fit.se == pytest.approx([0.2491037, 0.0071956], abs=1e-5)
    assert (fit.tau2, fit.r2, fit.qm) == (
        pytest.approx(0.0763547, abs=1e-5),
        pytest.approx(75.62662181162, abs=1e-6),
        pytest.approx(16.35823214716, abs=1e-6),
    )
    knapp = lam.pool(bcg, moderators="~ ablat", interval="HKSJ")
    assert knapp.se == pytest.approx([0.28393, 0.0082015], abs=1e-5)
    assert knapp.qm == pytest.approx(12.59098288443, abs=1e-6)
    assert lam.pool(bcg, moderators="~ ablat + year").tau2 == pytest.approx(0.1107874, abs=1e-5)


def test_prediction_from_a_formula_equals_the_matrix(bcg):
    fit = lam.pool(bcg, moderators="~ ablat")
    new = fit.predict({"ablat": [10.0, 50.0]})
    matrix = fit.predict([[1, 10], [1, 50]])
    assert np.allclose(new, matrix)
    assert new["mean"].to_numpy() == pytest.approx(fit.beta[0] + fit.beta[1] * np.array([10, 50]))


def test_permutation(bcg):
    """Higgins & Thompson 2004; the first five trials, 2 of 32; latitude about .009 (metafor)."""
    five = lam.pool(bcg.subset(range(5)), interval="z")
    assert lam.permutation_test(five).p_values == (0.0625,)
    random = lam.permutation_test(lam.pool(bcg, moderators="~ ablat"), draws=4000, seed=1)
    assert not random.exact
    assert random.p_values[1] == pytest.approx(0.009, abs=0.005)


def test_subgroups(bcg):
    """Meta: metagen(subgroup = alloc), DL and REML, separate and common τ²."""
    alloc = [
        "random",
        "random",
        "random",
        "random",
        "alternate",
        "alternate",
        "random",
        "random",
        "random",
        "systematic",
        "systematic",
        "systematic",
        "systematic",
    ]
    own = lam.subgroups(bcg, alloc, tau2="DL", interval="z")
    assert own["random"].mu == pytest.approx(-1.004161353998, abs=1e-9)
    assert own.q_between == pytest.approx(1.536768872063, abs=1e-9)
    one = lam.subgroups(bcg, alloc, tau2="DL", interval="z", common_tau2=True)
    assert one.common_tau2 == pytest.approx(0.5595687501277, abs=1e-9)
    assert one.q_between == pytest.approx(1.434912451922, abs=1e-9)
    assert lam.subgroups(bcg, alloc, model="common").q_between == pytest.approx(19.86536981967, abs=1e-8)


def test_alternatives_names_the_chosen_row(bcg):
    frame = lam.pool(bcg).alternatives()
    assert frame["chosen"].sum() == 1
    assert (frame["note"] == "").all()


@pytest.mark.parametrize("name", [n for n in PREDICTIONS if n != "NNF"])
def test_wider_level_gives_wider_prediction(bcg, name):
    fit = lam.pool(bcg, prediction=name)
    assert fit.prediction(0.99).width > fit.prediction(0.95).width > fit.prediction(0.5).width


def test_text_and_tables(bcg):
    fit = lam.pool(bcg)
    assert "REML + HKSJ-floor" in repr(fit)
    assert "<li>" in fit._repr_html_()
    assert fit.describe().startswith("estimate: 13 studies")
    assert fit.summary().loc["mu", "estimate"] == fit.mu
    assert fit.tidy().loc[0, "conf_low"] == fit.interval().low
    assert list(fit.augment()["weight"]) == list(fit.weights)
    assert math.isfinite(fit.glance().loc[0, "log_likelihood"])
