"""Reports about Bayesian programs; the expected values are sums over grids written here."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence import EvidenceTable
from tests.cases import one_group


def test_correlations_near_their_bounds() -> None:
    """FBartos/RoBMA#18 (2022): six correlations, finite on the r scale."""
    r, n = np.array([-0.3, -0.55, 0.02, 0.1, -0.2, 0.15]), np.array([31, 16, 40, 52, 28, 70])
    table = EvidenceTable.from_frame(
        pd.DataFrame({"s": list("abcdef"), "r": r, "n": n}), "ZCOR", study="s", cor="r", n="n"
    )
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 1), tau=lam.priors.HalfNormal(0.5))
    mu, tau = np.meshgrid(np.linspace(-3, 3, 2401), (np.arange(1600) + 0.5) * 0.0025, indexing="ij")
    log_density = -(mu**2) / 2 - tau**2 / (2 * 0.25)
    for z, v in zip(np.arctanh(r), 1 / (n - 3), strict=True):
        log_density -= 0.5 * np.log(v + tau**2) + (z - mu) ** 2 / (2 * (v + tau**2))
    weight = np.exp(log_density - log_density.max())
    assert post.mu.mean == pytest.approx(float((weight * mu).sum() / weight.sum()), abs=1e-5)
    low, high = post.display().interval
    assert -1 < low < high < 1


def test_few_groups_of_which_one_has_no_events() -> None:
    """Novartis/RBesT#64 (2026): four groups, an exact posterior, no divergences."""
    x, n = [3, 11, 0, 1], [25, 28, 31, 22]
    post = lam.pool_bayes(one_group(x, n), mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(1))
    nodes, share = np.polynomial.hermite_e.hermegauss(61)
    mu, tau = np.meshgrid(np.linspace(-8, 6, 281), np.linspace(1e-3, 5, 150), indexing="ij")
    log_density = stats.norm.logpdf(mu, 0, 2) + stats.halfnorm.logpdf(tau)
    rate = 1 / (1 + np.exp(-(mu[..., None] + tau[..., None] * nodes)))
    for events, total in zip(x, n, strict=True):
        log_density += np.log((stats.binom.pmf(events, total, rate) * share / share.sum()).sum(-1))
    weight = np.exp(log_density - log_density.max())
    assert post.mu.mean == pytest.approx(float((weight * mu).sum() / weight.sum()), abs=2e-3)
