"""Reproductions of errors of other packages; each value is the truth of a 40-digit computation or of hand."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, NotEstimable, OptionError
from lamevidence.pooling import TAU2


def pool(yi, vi, **options):
    return lam.pool(lam.EvidenceTable.from_estimates(yi, vi=vi), **options)


def test_reml_where_fisher_scoring_cycles():
    y = [0.75, 0.24, -0.06, 0.13, 0.58, -0.06, 0.8, 0.71, 0.24, 0.89]
    v = [0.034, 0.066, 0.227, 0.377, 0.245, 0.342, 0.278, 0.362, 0.326, 0.304]
    assert pool(y, v).tau2 == pytest.approx(0.018253002, abs=1e-9)


def test_paule_mandel_is_not_zero_where_q_is_below_twice_its_df():
    assert pool([0.1, 0.2, 0.9, 0.4], [0.1] * 4, tau2="PM").tau2 == pytest.approx(2 / 75, rel=1e-12)


def test_paule_mandel_has_no_cap_and_no_absolute_tolerance():
    y, v = np.array([0.1, 0.2, 0.9, 0.4]), np.array([0.1, 0.1, 0.1, 0.1])
    for factor in (1e4, 1e-6, 1e9):
        assert pool(y * factor, v * factor**2, tau2="PM").tau2 == pytest.approx(2 / 75 * factor**2, rel=1e-12)


@pytest.mark.parametrize("method", ["REML", "PM"])
def test_tiny_scale(method):
    y, v = np.array([0.1, 0.5, -0.3, 0.8, 0.2]), np.array([0.04, 0.05, 0.03, 0.06, 0.04])
    large = pool(y, v, tau2=method).tau2
    assert pool(y * 1e-6, v * 1e-12, tau2=method).tau2 == pytest.approx(large * 1e-12, rel=1e-11)


def test_reml_inside_although_the_score_at_zero_is_negative():
    y, v = [0.029, 0.264, -1.113, -1.861, 1.124], [0.01175, 0.18569, 0.98481, 0.71248, 0.36646]
    fit = pool(y, v)
    assert fit.tau2 == pytest.approx(0.574881, abs=1e-6)
    assert any("2 maxima" in note for note in fit.notes)


def test_moment_estimates_are_cut_at_zero():
    assert pool([0.1, 0.12, 0.09], [0.04, 0.05, 0.03], tau2="DL").tau2 == 0.0


def test_q_survives_an_offset():
    y, v = np.array([0.1, 0.9, -0.4, 0.6]), np.array([0.03, 0.05, 0.02, 0.06])
    assert pool(y + 1e8, v).q == pytest.approx(pool(y, v).q, rel=1e-6)


def test_standard_error_of_dl():
    assert pool([0.1, 0.9], [0.04, 0.09], tau2="DL").se_tau2 == pytest.approx(0.4525, abs=5e-5)


@pytest.mark.parametrize(
    ("y", "v", "upper"), [([-10, 0, 30, 55], [4, 5, 6, 4], 12131.11), ([0, 0.8], [0.04, 0.09], None)]
)
def test_q_profile_is_unbounded(y, v, upper):
    low, high = pool(y, v, tau2="DL").tau2_interval()
    if upper is None:  # k = 2: Q(t) = (y1 - y2)²/(v1 + v2 + 2t) in closed form
        upper = (0.64 / 0.0009820691171752589 - 0.13) / 2  # χ²(1) quantile at 0.025
    assert high == pytest.approx(upper, rel=1e-6)
    assert 0 <= low < high


@pytest.mark.parametrize("X", [[[1, 1, 2], [1, 2, 4], [1, 3, 6], [1, 4, 8], [1, 7, 14]], [[1, 1, 5]] * 5])
def test_singular_designs_name_the_column(X):
    table = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.4, 0.3, 0.2], vi=[0.02] * 5)
    with pytest.raises(NotEstimable, match="singular design: "):
        lam.pool(table, moderators=X, names=["one", "x", "twice"])


def test_full_rank_design_in_odd_units():
    year = np.array([1948, 1949, 1960, 1977, 1973, 1953, 1980], dtype=float)
    X = np.column_stack([np.ones(7), year**3, np.arange(7.0) ** 2 * 1e-9])
    y, v = np.array([0.3, 0.1, 0.5, 0.2, 0.9, 0.4, 0.6]), np.full(7, 0.05)
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), moderators=X)
    scaled = lam.pool(
        lam.EvidenceTable.from_estimates(y, vi=v), moderators=X / np.array([1, 1e10, 1e-9]), interval="HKSJ-floor"
    )
    assert fit.tau2 == pytest.approx(scaled.tau2, rel=1e-9, abs=1e-14)
    assert fit.statistic == pytest.approx(scaled.statistic, rel=1e-6)


def test_saturated_design_is_refused():
    table = lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[0.02, 0.02])
    with pytest.raises(NotEstimable, match="need more than 2 studies"):
        lam.pool(table, moderators=[[1, 0], [1, 1]])


def test_one_zero_variance_with_reml_pins_the_mean():
    fit = pool([0.1, 0.5, -0.2], [0.0, 0.04, 0.05], interval="z")
    assert np.isfinite(fit.tau2)


@pytest.mark.parametrize("method", ["DL", "PM", "ML", "EB", "HS"])
def test_zero_variance_is_refused_where_it_is_divided_by(method):
    with pytest.raises(NotEstimable, match="variance 0"):
        pool([0.1, 0.5, -0.2], [0.0, 0.04, 0.05], tau2=method)


@pytest.mark.parametrize("method", [m for m in TAU2 if m not in ("GENQ", "GENQM")])
def test_infinite_variance_drops_out(method):
    y, v = [0.1, 0.5, -0.3, 0.8], [0.04, 0.05, 0.03, 0.06]
    with_absent = pool([*y, 7.0], [*v, np.inf], tau2=method)
    assert with_absent.tau2 == pool(y, v, tau2=method).tau2
    assert with_absent.k == 4
    assert with_absent.weights[4] == 0


@pytest.mark.parametrize("bad", [-0.01, float("nan")])
def test_impossible_variances_are_refused(bad):
    with pytest.raises(InputError):
        pool([0.1, 0.2, 0.3], [0.01, bad, 0.02])


def test_permutation_keeps_the_knapp_hartung_statistic():
    """Exact BCG p: .001465 with HKSJ, .001709 without (metafor, PyMARE)."""
    y = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.012, -0.4694, -1.3713, -0.3394, 0.4459]
    y.append(-0.0173)
    v = [0.3256, 0.1946, 0.4154, 0.02, 0.0512, 0.0069, 0.223, 0.004, 0.0564, 0.073, 0.0124, 0.5325, 0.0714]
    assert lam.permutation_test(pool(y, v, interval="HKSJ")).p_values[0] == pytest.approx(12 / 8192)
    assert lam.permutation_test(pool(y, v, tau2="DL", interval="z")).p_values[0] == pytest.approx(14 / 8192)


def test_options_are_honoured_or_refused():
    from lamevidence.foundation.errors import UnknownName

    y, v = [0.1, 0.5, -0.3, 0.8], [0.04, 0.05, 0.03, 0.06]
    for options in ({"tau2": "REMLL"}, {"interval": "KH"}, {"prediction": "HTZ"}, {"model": "randon"}):
        with pytest.raises(UnknownName, match="choices"):
            pool(y, v, **options)
    for options in (
        {"level": 95},
        {"level": 0},
        {"tau2": -1},
        {"tau2": float("nan")},
        {"nonsense": 1},
        {"weights": "sqrt"},
        {"model": "common", "tau2": "DL"},
        {"model": "common", "prediction": "HTS"},
        {"tau2": "GENQ"},
        {"model": "fixed", "weights": "equal"},
        {"model": "henmi-copas", "interval": "t"},
        {"tau2": True},
    ):
        with pytest.raises(OptionError):
            pool(y, v, **options)
    for weights in ([1, 2], [1, 2, 3, -1], [1, 2, 3, float("inf")], ["a", "b", "c", "d"]):
        with pytest.raises(InputError):
            pool(y, v, weights=weights)
