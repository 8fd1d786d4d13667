"""REML, ML, PM and Q-profile against 40-digit solutions, where R's iterations fail or stop early too."""

import mpmath as mp
import numpy as np
import pytest
from scipy.special import chdtri

import lamevidence as lam

DATA = {
    "R: Fisher scoring does not converge": (
        [0.75, 0.24, -0.06, 0.13, 0.58, -0.06, 0.8, 0.71, 0.24, 0.89],
        [0.034, 0.066, 0.227, 0.377, 0.245, 0.342, 0.278, 0.362, 0.326, 0.304],
    ),
    "two modes": ([0.029, 0.264, -1.113, -1.861, 1.124], [0.01175, 0.18569, 0.98481, 0.71248, 0.36646]),
    "large heterogeneity": ([-10, 0, 30, 55], [4, 5, 6, 4]),
    "variances over 8 decades": ([0.1, 0.5, -0.4, 0.9, 0.3], [1e-6, 1e-2, 1.0, 10.0, 100.0]),
    "two studies": ([0.0, 0.82], [0.04, 0.0225]),
    "three studies": ([-0.42, 0.08, 0.55], [0.04, 0.025, 0.06]),
    "tiny scale": ([1e-7, 5e-7, -3e-7, 8e-7, 2e-7], [4e-14, 5e-14, 3e-14, 6e-14, 4e-14]),
    "homogeneous": ([0.1, 0.12, 0.09, 0.11], [0.04, 0.05, 0.03, 0.04]),
}


def terms(y, v, t):
    w = [1 / (x + t) for x in v]
    total = sum(w)
    mean = sum(a * b for a, b in zip(w, y, strict=True)) / total
    return w, total, sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))


def height(y, v, t, restricted):
    w, total, q = terms(y, v, t)
    value = -sum(mp.log(a) for a in w) + q
    return -(value + mp.log(total)) / 2 if restricted else -value / 2


def score(y, v, t, restricted):
    return mp.diff(lambda x: height(y, v, x, restricted), t)


def global_maximum(y, v, restricted):
    """Scan the likelihood on 600 points a decade-free log grid, polish every local maximum, compare."""
    span = max(y) - min(y)
    ratio = 10**6 * (span**2 + max(v)) / min(v)
    grid = [mp.mpf(0), *(min(v) / 1000 * ratio ** (mp.mpf(i) / 600) for i in range(601))]
    heights = [height(y, v, t, restricted) for t in grid]
    best_t, best = mp.mpf(0), heights[0]
    for i in range(1, 600):
        if heights[i] >= heights[i - 1] and heights[i] >= heights[i + 1]:
            ends = (grid[i - 1] or grid[i] / 10, grid[i + 1])
            root = mp.findroot(lambda t: score(y, v, t, restricted), ends, solver="anderson", tol=1e-50, verify=False)
            if height(y, v, root, restricted) > best:
                best_t, best = root, height(y, v, root, restricted)
    return best_t


def q_root(y, v, target):
    if terms(y, v, mp.mpf(0))[2] <= target:
        return mp.mpf(0)
    high = (max(y) - min(y)) ** 2 + max(v)
    while terms(y, v, high)[2] > target:
        high *= 4
    ends = (mp.mpf(0), high)
    return mp.findroot(lambda t: terms(y, v, t)[2] - target, ends, solver="anderson", tol=1e-60, verify=False)


def chi2_quantile(df, p):
    start = float(chdtri(df, 1 - float(p)))
    return mp.findroot(lambda x: mp.gammainc(mp.mpf(df) / 2, 0, x / 2, regularized=True) - mp.mpf(p), start)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_likelihood(name, method):
    y, v = DATA[name]
    with mp.workdps(40):
        truth = global_maximum([mp.mpf(float(x)) for x in y], [mp.mpf(float(x)) for x in v], method == "REML")
    found = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), tau2=method, prediction="none").tau2
    assert found == pytest.approx(float(truth), rel=1e-10, abs=1e-12 * min(v))


@pytest.mark.parametrize("name", DATA)
def test_paule_mandel_and_q_profile(name):
    y, v = DATA[name]
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), tau2="PM", prediction="none")
    low, high = fit.tau2_interval()
    with mp.workdps(40):
        yy, vv, df = [mp.mpf(float(x)) for x in y], [mp.mpf(float(x)) for x in v], len(y) - 1
        targets = [mp.mpf(df), chi2_quantile(df, "0.975"), chi2_quantile(df, "0.025")]
        truths = [q_root(yy, vv, target) for target in targets]
    for found, truth in zip((fit.tau2, low, high), truths, strict=True):
        assert found == pytest.approx(float(truth), rel=1e-10, abs=1e-12 * min(v))
    assert np.isfinite(high)
