"""Meta-analytic predictive priors: published examples, the divergence by another integral, sizes, robust mixtures."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special

import lamevidence as lam
from lamevidence.errors import LamEvidenceError
from lamevidence.priors import HalfNormal, MixtureOfNormals, Normal
from lamevidence.synthesis import map_prior

U = "mL/year"
ONE = 24 * np.sqrt(43)
"""Standard deviation of one patient's slope: the standard error of the MILES placebo arm times √43."""


@pytest.fixture(scope="module")
def untreated() -> lam.results.Posterior:
    """Four untreated slopes of cohorts with LAM."""
    table = lam.EvidenceTable.from_estimates(
        [-144, -118, -90, -89], sei=[24, 142 / 43**0.5, 154 / 11**0.5, 53 / 217**0.5], unit=U
    )
    return lam.pool_bayes(table, mu=Normal(0, 240, unit=U), tau=HalfNormal(72, unit=U))


@pytest.fixture(scope="module")
def spondylitis() -> lam.results.Posterior:
    """Responders on placebo in eight trials of ankylosing spondylitis (Weber et al. 2021, JSS 100(19))."""
    events, size = [23, 12, 19, 9, 39, 6, 9, 10], [107, 44, 51, 39, 139, 20, 78, 35]
    table = lam.EvidenceTable.from_frame(pd.DataFrame({"r": events, "n": size}), measure="PLO", events="r", total="n")
    return lam.pool_bayes(table, mu=Normal(0, 2), tau=HalfNormal(1))


def test_divergence_and_components_of_the_untreated_slope(untreated: Any) -> None:
    """Numbers from an EM on the exact density, by two quadratures."""
    for size, kl in enumerate((0.133, 0.0155, 0.00357, 0.00067), start=1):
        assert map_prior(untreated, size).kl == pytest.approx(kl, rel=0.02)
    two: Any = map_prior(untreated, 2).prior
    np.testing.assert_allclose(two.weight, (0.6974, 0.3026), atol=1e-4)
    np.testing.assert_allclose(two.loc, (-103.72, -111.48), atol=0.006)
    np.testing.assert_allclose(two.scale, (24.49, 75.63), atol=0.006)


def test_the_divergence_is_that_integral(untreated: Any) -> None:
    made = map_prior(untreated, 2)
    p, q = made.exact, made.prior
    value = integrate.quad(
        lambda x: p.pdf(x) * np.log(p.pdf(x) / q.pdf(x)), -1200, 1000, points=[-250, -150, -106, -60, 40], limit=500
    )[0]
    assert made.kl == pytest.approx(value, rel=1e-4)


def test_auto_takes_the_fewest_components_that_are_near_enough(untreated: Any) -> None:
    made = map_prior(untreated)
    assert [size for size, _ in made.tried] == [1, 2, 3]
    assert made.tried[1][1] > 0.005 > made.tried[2][1]
    assert made.kl == made.tried[2][1]
    assert f"divergence {made.kl:.2g}" in made.describe()


def test_effective_sizes_of_the_untreated_slope(untreated: Any) -> None:
    exact = map_prior(untreated, "exact")
    assert exact.kl == 0
    assert exact.ess("elir", unit_information=ONE) == pytest.approx(29.290, abs=5e-4)
    assert exact.ess("moment", unit_information=ONE) == pytest.approx(11.457, abs=5e-4)
    for weight, size in ((0.2, 21.337), (0.5, 11.233)):
        robust: Any = exact.robust(weight=weight, mean=-106.071, unit_information=157.379)
        assert robust.ess("elir", unit_information=157.379) == pytest.approx(size, abs=5e-4)


def test_the_spondylitis_prior(spondylitis: Any) -> None:
    """Predictive mean .2583, SD .0874, quantiles .1109, .2486, .4714 (two quadratures)."""
    law = spondylitis.theta_new
    np.testing.assert_allclose(special.expit(law.quantile([0.025, 0.5, 0.975])), [0.1109, 0.2486, 0.4714], atol=1e-4)
    made = map_prior(spondylitis, 4, scale="response")
    assert made.prior.mean == pytest.approx(0.2583, abs=1e-4)
    assert made.prior.sd == pytest.approx(0.0874, abs=2e-4)
    np.testing.assert_allclose(made.prior.quantile([0.025, 0.5, 0.975]), [0.1109, 0.2486, 0.4714], atol=1e-3)
    logits = map_prior(spondylitis, 4)
    assert isinstance(logits.prior, MixtureOfNormals)
    assert logits.ess("elir") == pytest.approx(made.ess("elir"), rel=0.02)


def test_the_crohn_prior() -> None:
    """Quantiles of θ_new −92.059, −48.545, −11.435, and median τ 12.471, of a grid good to a thousandth."""
    se = [88 / n**0.5 for n in (74, 166, 328, 20, 25, 58)]
    table = lam.EvidenceTable.from_estimates([-51, -49, -36, -47, -90, -54], sei=se)
    post = lam.pool_bayes(table, mu=Normal(0, 88), tau=HalfNormal(44))
    assert post.tau.median == pytest.approx(12.471, abs=5e-3)
    made = map_prior(post, "exact").prior
    np.testing.assert_allclose(made.quantile([0.025, 0.5, 0.975]), [-92.059, -48.545, -11.435], rtol=5e-3)


def test_rates_become_gammas() -> None:
    table = lam.EvidenceTable.from_frame(
        pd.DataFrame({"x": [6, 10, 3, 8], "t": [25.0, 22.0, 20.0, 40.0]}), measure="IRLN", events="x", person_time="t"
    )
    post = lam.pool_bayes(table, mu=Normal(-1.2, 1.5), tau=HalfNormal(1))
    made = map_prior(post, 4, scale="response")
    assert made.kl < 0.005
    for p in (0.1, 0.5, 0.9):
        assert np.log(made.prior.quantile(p)) == pytest.approx(post.theta_new.quantile(p), abs=0.03)
    assert made.ess("elir") > made.ess("moment") > 0


def test_a_better_mixture_is_never_farther(untreated: Any) -> None:
    found = [map_prior(untreated, size).kl for size in range(1, 6)]
    assert all(a >= b > 0 for a, b in pairwise(found))


def test_what_is_refused(untreated: Any, spondylitis: Any) -> None:
    other: Any = lam.pool(untreated.table)
    for ask, remedy in (
        (lambda: map_prior(untreated, scale="response"), "leave scale out"),
        (lambda: map_prior(spondylitis, "exact"), "components='auto'"),
        (lambda: map_prior(untreated, 9), "6"),
        (lambda: map_prior(untreated, "many"), "auto"),
        (lambda: map_prior(other), "lam.pool_bayes(table)"),
        (lambda: map_prior(untreated).robust(weight=0.2), "unit_information"),
        (lambda: map_prior(untreated).robust(weight=1.2, unit_information=9), "weight"),
        (lambda: map_prior(spondylitis, scale="response").ess(unit_information=3), "leave unit_information out"),
    ):
        with pytest.raises(LamEvidenceError, match=re.escape(remedy)):
            ask()
    assert map_prior(spondylitis, "auto").kl < 0.005
    assert map_prior(untreated, 6).prior.size == 6
