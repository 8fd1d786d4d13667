"""Cluster-robust inference whose clusters cut through crossed random effects."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, NotEstimable

YI = [0.2, 0.5, -0.1, 0.4, 0.8, 0.1, 0.3, 0.6, -0.2, 0.45]
VI = [0.05, 0.04, 0.06, 0.03, 0.08, 0.05, 0.04, 0.07, 0.06, 0.05]
A = list("aabbccddee")
B = list("xyxyxyxyxy")


@pytest.fixture
def fit():
    table = lam.EvidenceTable.from_estimates(YI, vi=VI, moderators={"a": A, "b": B, "e": list(range(10))})
    return lam.multilevel(table, random=["1 | a", "1 | e"])


def full(fit, cluster, factor):
    """The definition: B diag(e_g e_g') B' with B = (X'WX)⁻¹X'W of the whole covariance."""
    a, e = fit.sigma2
    same = np.equal.outer(np.array(A), np.array(A))
    M = np.diag(VI) + a * same + e * np.eye(10)
    X, W = np.ones((10, 1)), np.linalg.inv(M)
    bread = np.linalg.inv(X.T @ W @ X) @ X.T @ W
    residual = np.array(YI) - X[:, 0] * fit.mu
    groups = np.equal.outer(np.array(cluster), np.array(cluster))
    return factor * (bread @ (groups * np.outer(residual, residual)) @ bread.T)[0, 0]


@pytest.mark.parametrize(("kind", "factor"), [("CR0", 1.0), ("CR1", 2.0), ("CR1p", 2.0)])
def test_clusters_across_groups(fit, kind, factor):
    made = lam.cluster_robust(fit, "b", kind=kind, df="n-p")
    assert made.coefficients.covariance[0, 0] == pytest.approx(full(fit, B, factor), rel=1e-9)


def test_nested_clusters_have_one_answer(fit):
    made = lam.cluster_robust(fit, "a", kind="CR0")
    assert made.coefficients.covariance[0, 0] == pytest.approx(full(fit, A, 1.0), rel=1e-9)


def test_adjusted_kinds_are_refused(fit):
    for kind in ("CR2", "CR3"):
        with pytest.raises(InputError, match="CR0"):
            lam.cluster_robust(fit, "b", kind=kind)


def test_leverage_one_has_no_jackknife():
    table = lam.EvidenceTable.from_estimates(
        [0.1, 0.4, 0.3, 0.2, 0.6, 0.5], vi=[0.04] * 6, studies=list("aabbcc"), moderators={"x": [0, 0, 0, 0, 1, 1]}
    )
    fit = lam.multilevel(table, random="1 | study", moderators="~ x")
    with pytest.raises(NotEstimable, match="CR3"):
        lam.cluster_robust(fit, "study", kind="CR3")
