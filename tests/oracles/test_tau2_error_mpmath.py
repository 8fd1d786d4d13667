"""Standard errors of τ² where one study holds nearly all the weight, against 40 digits."""

import numpy as np
import pytest
from mpmath import mp, mpf

import lamevidence as lam

YI = np.array([0.2, -0.45, 0.3, -0.8, -0.15, 0.22, 1.0])
VI = np.array([1e-6, 0.5, 2.0, 40.0, 4e-4, 0.03, 0.1])
SLOPE = np.column_stack([np.ones(7), [1.0, 0.0, 2.0, 1.0, 0.0, 1.0, 0.0]])


def projection(t, X):
    weights = mp.diag([1 / (mpf(float(v)) + t) for v in VI])
    X = mp.matrix(X.tolist())
    return weights - weights * X * ((X.T * weights * X) ** -1) * X.T * weights


def trace(A):
    return sum(A[i, i] for i in range(A.rows))


def exact(method, t, X):
    """√Var(Q)/tr P at weights 1/v or 1 for moment estimators, √(2/tr PP) for REML."""
    with mp.workdps(40):
        t = mpf(float(t))
        if method == "REML":
            P = projection(t, X)
            return float(mp.sqrt(2 / trace(P * P)))
        P = projection(mpf(0), X)
        PV = P * mp.diag([mpf(float(v)) + t for v in VI])
        return float(mp.sqrt(2 * trace(PV * PV)) / trace(P))


@pytest.mark.parametrize("X", [np.ones((7, 1)), SLOPE], ids=["mean", "slope"])
@pytest.mark.parametrize("method", ["DL", "REML"])
def test_standard_error_of_tau2_keeps_its_digits(method, X):
    options = {} if X.shape[1] == 1 else {"moderators": X}
    fit = lam.pool(lam.EvidenceTable.from_estimates(YI, vi=VI), tau2=method, interval="z", prediction="none", **options)
    assert fit.se_tau2 == pytest.approx(exact(method, fit.tau2, X), rel=1e-9)


def test_moments_of_a_regression_keep_their_digits():
    table = lam.EvidenceTable.from_estimates(YI, vi=VI)
    fit = lam.pool(table, tau2="DL", moderators=SLOPE, interval="z", prediction="none")
    with mp.workdps(40):
        P, y = projection(mpf(0), SLOPE), mp.matrix([mpf(float(v)) for v in YI])
        t = ((y.T * P * y)[0] - 5) / trace(P)
        weights, X = mp.diag([1 / (mpf(float(v)) + t) for v in VI]), mp.matrix(SLOPE.tolist())
        cov = (X.T * weights * X) ** -1
        beta = cov * (X.T * weights * y)
        z = [float(beta[i] / mp.sqrt(cov[i, i])) for i in range(2)]
    assert fit.tau2 == pytest.approx(float(t), rel=1e-9)
    assert fit.statistic == pytest.approx(z, rel=1e-9)
