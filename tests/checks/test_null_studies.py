"""General fail-safe N with null studies as heterogeneous as the observed ones, against R's fsn (metafor 5.0-1)."""

import math

import pytest

import lamevidence as lam
from lamevidence.checks.fail_safe import with_null_studies
from lamevidence.foundation.errors import OptionError, UnknownName

EQUAL = ([0.3, -0.2, 0.9, 0.5, 1.4], [0.1] * 5)


@pytest.fixture
def equal():
    return lam.pool(lam.EvidenceTable.from_estimates(EQUAL[0], vi=EQUAL[1]), tau2="DL", interval="z", prediction="none")


def test_two_heterogeneous_null_studies(equal):
    """R: fsn(rma(yi, vi, method="DL"), type="General") prints these at its 2 studies."""
    then = with_null_studies(equal, 2, null="heterogeneous")
    assert then.estimate == pytest.approx(0.4142857142857, rel=1e-12)
    assert then.tau2 == pytest.approx(0.3025952380952, rel=1e-12)
    assert then.p_value == pytest.approx(0.08408032842403, rel=1e-12)


def test_the_least_number_is_given(equal):
    found = lam.checks.fail_safe_n(equal, "General", null="heterogeneous")
    assert with_null_studies(equal, int(found.n), null="heterogeneous").p_value > 0.05
    assert with_null_studies(equal, int(found.n) - 1, null="heterogeneous").p_value <= 0.05


def test_null_studies_without_heterogeneity_overturn_less(equal):
    same = lam.checks.fail_safe_n(equal, "General", null="identical")
    assert same.n >= lam.checks.fail_safe_n(equal, "General", null="heterogeneous").n


def test_target_instead_of_significance(equal):
    found = lam.checks.fail_safe_n(equal, "General", target=0.29, null="heterogeneous")
    assert (found.n, found.estimate_then) == (5, pytest.approx(0.29))
    assert found.target == 0.29
    assert "bring the effect to 0.29" in found.describe()


def test_already_above_alpha(equal):
    found = lam.checks.fail_safe_n(equal, "General", alpha=0.01)
    assert found.n == 0
    assert found.estimate_then == found.estimate
    assert math.isnan(found.target)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda fit: lam.checks.fail_safe_n(fit, "Rosenthal", null="heterogeneous"), OptionError),
        (lambda fit: lam.checks.fail_safe_n(fit, "General", null="none"), UnknownName),
        (lambda fit: lam.checks.fail_safe_n(fit, "General", target=-1.0), OptionError),
        (lambda fit: with_null_studies(fit, -1), OptionError),
        (lambda fit: with_null_studies(fit, 2, null="some"), UnknownName),
    ],
)
def test_refusals(equal, call, error):
    with pytest.raises(error):
        call(equal)
