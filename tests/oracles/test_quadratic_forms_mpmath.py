"""P(Σλχ² ≤ q) against Imhof's integral in 25 digits, and the generalised Q interval as its roots."""

import mpmath as mp
import numpy as np
import pytest

import lamevidence as lam
from lamevidence.pooling.kernel.distributions import weighted_chi2_cdf
from lamevidence.pooling.tau2.estimators import form_eigenvalues


def imhof(q, weights):
    """Imhof 1961, doi:10.1093/biomet/48.3-4.419."""
    mp.mp.dps = 25
    lam_, q = [mp.mpf(float(x)) for x in weights], mp.mpf(float(q))

    def f(u):
        angle = sum(mp.atan(2 * x * u) for x in lam_) / 2 - u * q
        return mp.sin(angle) / (u * mp.fprod((1 + 4 * (x * u) ** 2) ** mp.mpf("0.25") for x in lam_))

    cuts = [mp.mpf(0), *(mp.mpf(10) ** (mp.mpf(j) / 6) / q * mp.mpf("0.03") for j in range(26))]
    return float(mp.mpf("0.5") - mp.quad(f, cuts) / mp.pi)


@pytest.mark.parametrize("q", [0.5, 3.0, 9.0])
@pytest.mark.parametrize("weights", [[1] * 8, [1, 2, 3, 4, 5, 6, 7, 8], [0.1, 0.1, 0.2, 1, 1, 2, 5, 5]])
def test_cdf(q, weights):
    assert weighted_chi2_cdf(q, np.array(weights, dtype=float)) == pytest.approx(imhof(q, weights), abs=2e-9)


@pytest.mark.parametrize("weights", ["1/v", "1/sqrt(v)"])
def test_generalised_q_interval_ends_are_roots(weights):
    y = np.array([-0.89, -1.59, -1.35, -1.44, -0.22, -0.79, -1.62, 0.01])
    v = np.array([0.326, 0.195, 0.415, 0.02, 0.051, 0.007, 0.223, 0.004])
    a = 1 / v if weights == "1/v" else 1 / np.sqrt(v)
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), tau2="GENQ", weights=a, prediction="none")
    q = float(np.sum(a * (y - np.sum(a * y) / a.sum()) ** 2))
    for t, probability in zip(fit.tau2_interval(method="GENQ"), (0.975, 0.025), strict=True):
        assert imhof(q, form_eigenvalues(v, t, None, a)) == pytest.approx(probability, abs=2e-9)
