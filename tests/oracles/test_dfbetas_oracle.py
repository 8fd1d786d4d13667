"""DFBETAS of a calendar year beside an intercept, against 40 digits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import lamevidence as lam

YI = [0.31, -0.52, 0.08, 0.44, -0.11, 0.73, -0.29]
VI = [0.02, 0.11, 0.05, 0.31, 0.04, 0.19, 0.07]
YEARS = [1986, 1988, 1989, 1991, 1992, 1994, 1995]


def weighted(rows, w):
    A, b = mp.matrix(2, 2), mp.matrix(2, 1)
    for i in rows:
        x = (mp.mpf(1), mp.mpf(YEARS[i]))
        for r in range(2):
            b[r] += w[i] * x[r] * mp.mpf(YI[i])
            for c in range(2):
                A[r, c] += w[i] * x[r] * x[c]
    inverse = A**-1
    return inverse * b, inverse


def test_dfbetas_in_forty_digits():
    with mp.workdps(40):
        w = [1 / mp.mpf(v) for v in VI]
        whole, inverse = weighted(range(7), w)
        want = []
        for i in range(7):
            without, _ = weighted([j for j in range(7) if j != i], w)
            want.append([float((whole[c] - without[c]) / mp.sqrt(inverse[c, c])) for c in range(2)])
    table = lam.EvidenceTable.from_estimates(YI, vi=VI)
    X = np.column_stack([np.ones(7), YEARS])
    fit = lam.pool(table, model="common", moderators=X, names=["one", "year"], interval="z", prediction="none")
    found = lam.influence(fit)
    got = np.column_stack([found["dfbetas_one"], found["dfbetas_year"]])
    assert got == pytest.approx(np.array(want), rel=1e-9)
