"""Two outcomes in one model: numbers of two quadratures, separate fits where nothing is shared, a brute-force grid."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.errors import LamEvidenceError
from lamevidence.priors import Flat, HalfCauchy, HalfNormal, LogNormal, Normal
from lamevidence.synthesis import BivariatePosterior, bivariate

U = "mL/year"
LAM = pd.DataFrame(
    {"study": list("aabb"), "outcome": ["FEV1", "FVC"] * 2, "slope": [12, 96, -10, 54], "se": [24, 36, 15, 22]}
)
GIVEN: dict[str, Any] = {
    "yi": "slope",
    "sei": "se",
    "study": "study",
    "outcome": "outcome",
    "outcomes": ("FEV1", "FVC"),
    "mu": Normal(0, 240, unit=U),
    "tau": HalfNormal(72, unit=U),
    "unit": U,
}


def _fit(frame: pd.DataFrame = LAM, **changed: Any) -> BivariatePosterior:
    return bivariate(frame, **GIVEN | {"within_correlation": 0.7} | changed)


def test_fev1_and_fvc_on_sirolimus() -> None:
    found = _fit()
    assert [found.mu[n].mean for n in found.outcomes] == pytest.approx([-2.65545, 66.93553], abs=5e-5)
    assert [found.mu[n].sd for n in found.outcomes] == pytest.approx([35.10487, 41.63892], abs=5e-5)
    assert found.log_marginal == pytest.approx(-23.321171, abs=5e-7)
    apart = _fit(within_correlation=0.0)
    assert [apart.mu[n].mean for n in apart.outcomes] == pytest.approx([-1.18422, 67.79060], abs=5e-5)


@pytest.mark.parametrize("tau", [HalfNormal(72, unit=U), HalfCauchy(20, unit=U), LogNormal(3, 0.7, unit=U)])
def test_outcomes_that_share_nothing_are_two_fits(tau: Any) -> None:
    """ρ = 0 within and between: evidence, means, τ and new studies of two posteriors of one outcome each."""
    found = _fit(within_correlation=0.0, rho=0.0, tau=tau)
    total = 0.0
    for name in found.outcomes:
        rows = LAM[LAM.outcome == name]
        table = lam.EvidenceTable.from_estimates(rows.slope, sei=rows.se, unit=U)
        one = lam.pool_bayes(table, mu=GIVEN["mu"], tau=tau)
        total += one.log_marginal
        assert found.mu[name].mean == pytest.approx(one.mu.mean, abs=1e-4)
        assert found.mu[name].quantile(0.975) == pytest.approx(one.mu.quantile(0.975), abs=1e-3)
        for p in (0.1, 0.5, 0.9):
            assert found.tau[name].quantile(p) == pytest.approx(one.tau.quantile(p), rel=1e-4)
            assert found.theta_new[name].quantile(p) == pytest.approx(one.theta_new.quantile(p), abs=1e-3)
    assert found.log_marginal == pytest.approx(total, abs=1e-6)


def test_a_grid_of_multivariate_normals_agrees() -> None:
    """Three studies, one without the second outcome: the evidence by a midpoint rule over τ₁, τ₂, ρ."""
    frame = pd.DataFrame(
        {
            "study": ["a", "a", "b", "b", "c"],
            "outcome": ["x", "z", "x", "z", "x"],
            "slope": [0.3, 0.8, -0.2, 0.1, 0.6],
            "se": [0.2, 0.3, 0.25, 0.2, 0.4],
        }
    )
    found = _fit(
        frame, outcomes=("x", "z"), within_correlation=0.4, mu=Normal(0, 1), tau=[HalfNormal(0.5), HalfNormal(0.3)],
        unit=None,
    )  # fmt: skip
    y, se = frame.slope.to_numpy(float), frame.se.to_numpy(float)
    of = np.array([0, 1, 0, 1, 0])
    same = np.equal.outer(frame.study.to_numpy(), frame.study.to_numpy())
    within = np.where(np.equal.outer(of, of), 1.0, 0.4) * same * np.outer(se, se)
    within[np.diag_indices(5)] = se**2
    total, mean = 0.0, np.zeros(2)
    n = 24
    x, w = np.polynomial.legendre.leggauss(n)
    H = np.eye(2)[of]
    for t1, w1 in zip(1.5 * (x + 1), 1.5 * w, strict=True):
        for t2, w2 in zip(0.9 * (x + 1), 0.9 * w, strict=True):
            for r, w3 in zip(x, w, strict=True):
                sigma = np.array([[t1**2, r * t1 * t2], [r * t1 * t2, t2**2]])
                V = within + same * (H @ sigma @ H.T)
                cover = V + H @ H.T
                weight = w1 * w2 * w3 / 2 * 2 * stats.norm.pdf(t1, 0, 0.5) * 2 * stats.norm.pdf(t2, 0, 0.3)
                part = weight * stats.multivariate_normal(np.zeros(5), cover).pdf(y)
                total += part
                mean += part * (H.T @ np.linalg.solve(cover, y))
    assert found.log_marginal == pytest.approx(np.log(total), abs=2e-6)
    assert [found.mu[n].mean for n in found.outcomes] == pytest.approx(mean / total, abs=1e-5)


def test_order_and_units_do_not_matter() -> None:
    found = _fit()
    turned = _fit(LAM.iloc[::-1], outcomes=("FVC", "FEV1"))
    assert turned.log_marginal == pytest.approx(found.log_marginal, abs=1e-6)
    assert turned.mu["FVC"].mean == pytest.approx(found.mu["FVC"].mean, abs=1e-5)
    litres = LAM.assign(slope=LAM.slope / 1000, se=LAM.se / 1000)
    other = _fit(litres, unit="L/year")
    assert 1000 * other.mu["FEV1"].mean == pytest.approx(found.mu["FEV1"].mean, abs=1e-5)


def test_one_outcome_borrows_from_the_other() -> None:
    """With a known correlation near 1 the study without FVC tells of it; with 0 it does not."""
    more = pd.concat([LAM, pd.DataFrame({"study": ["c"], "outcome": ["FEV1"], "slope": [150], "se": [10]})])
    assert _fit(more, rho=0.95).mu["FVC"].mean > _fit(rho=0.95).mu["FVC"].mean + 5
    apart: dict[str, Any] = {"rho": 0.0, "within_correlation": 0.0}
    assert _fit(more, **apart).mu["FVC"].mean == pytest.approx(_fit(**apart).mu["FVC"].mean, abs=1e-6)
    assert _fit(more).without("c").mu["FVC"].mean == pytest.approx(_fit().mu["FVC"].mean, abs=1e-9)
    assert "3 studies, 2 with both outcomes" in _fit(more).describe()


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"outcomes": ("FEV1",)}, "give the two outcomes"),
        ({"outcomes": ("FEV1", "DLCO")}, "DLCO"),
        ({"yi": "slop"}, "did you mean 'slope'"),
        ({"within_correlation": 1.0}, "within_correlation"),
        ({"mu": Flat()}, "use Normal(…)"),
        ({"tau": Flat()}, "HalfNormal(…)"),
        ({"tau": [HalfNormal(72, unit=U)] * 3}, "one for both outcomes"),
        ({"mu": Normal(0, 240)}, "unit"),
    ],
)
def test_what_is_refused(change: dict[str, Any], remedy: str) -> None:
    with pytest.raises(LamEvidenceError, match=re.escape(remedy)):
        _fit(**change)


def test_rows_that_cannot_be() -> None:
    with pytest.raises(LamEvidenceError, match="keep one"):
        _fit(pd.concat([LAM, LAM.iloc[:1]]))
    with pytest.raises(LamEvidenceError, match="positive standard errors"):
        _fit(LAM.assign(se=[24, 0, 15, 22]))
    with pytest.raises(LamEvidenceError, match="study"):
        _fit().without("z")


@pytest.mark.slow
def test_chains_of_the_same_model_agree() -> None:
    """The model written out in PyMC: means and standard deviations within the error of its chains."""
    import pymc as pm

    found = _fit()
    with pm.Model():
        mu = pm.Normal("mu", 0, 240, shape=2)
        tau = pm.HalfNormal("tau", 72, shape=2)
        rho = pm.Uniform("rho", -1, 1)
        z = pm.Normal("z", 0, 1, shape=(2, 2))
        first = mu[0] + tau[0] * z[:, 0]
        second = mu[1] + tau[1] * (rho * z[:, 0] + pm.math.sqrt(1 - rho**2) * z[:, 1])
        theta = pm.math.stack([first, second], axis=1)
        for i, (y, s) in enumerate((((12, 96), (24, 36)), ((-10, 54), (15, 22)))):
            cov = np.array([[s[0] ** 2, 0.7 * s[0] * s[1]], [0.7 * s[0] * s[1], s[1] ** 2]])
            pm.MvNormal(f"y{i}", mu=theta[i], cov=cov, observed=np.array(y, dtype=float))
        trace = pm.sample(2000, tune=1500, chains=2, cores=1, random_seed=4, target_accept=0.97, progressbar=False)
    drawn = np.asarray(trace.posterior["mu"]).reshape(-1, 2)
    for j, name in enumerate(found.outcomes):
        assert drawn[:, j].mean() == pytest.approx(found.mu[name].mean, abs=4)
        assert drawn[:, j].std() == pytest.approx(found.mu[name].sd, rel=0.1)
