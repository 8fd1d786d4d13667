"""Distance of posteriors from their priors: closed forms, a plain integral, refusals."""

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.foundation.errors import ImproperPosterior, OptionError

Y, S = np.array([1, 16.1, 36.2, -0.8, 4.2]), np.array([2, 8.5, 7.9, 1.25, 1.2])


def fit(y=Y, s=S, **priors):
    table = lam.EvidenceTable.from_estimates(y, sei=s)
    return lam.pool_bayes(
        table, likelihood="normal", **{"mu": lam.priors.Normal(0, 20), "tau": lam.priors.HalfNormal(6), **priors}
    )


def test_a_single_study_teaches_nothing_about_tau():
    found = lam.checks.prior_learning(fit([3.0], [2.0], mu=lam.priors.Flat()))
    assert found["quantity"] == ("tau",)
    assert found["kl"][0] == pytest.approx(0, abs=1e-6)
    assert found["pit"][0] == pytest.approx(0.5, abs=1e-6)
    assert "leave the prior as it is" in found.describe()


def test_normal_posterior_of_a_normal_prior():
    """Without heterogeneity KL of two normals is closed."""
    found = lam.checks.prior_learning(fit([5.0, 5.0], [2.0, 2.0], tau=lam.priors.HalfNormal(1e-4)))
    var = 1 / (2 / 4 + 1 / 400)
    mean = var * 10 / 4
    assert found["kl"][0] == pytest.approx(np.log(20 / np.sqrt(var)) + (var + mean**2) / 800 - 0.5, abs=1e-6)
    assert found["pit"][0] == pytest.approx(stats.norm.cdf(mean / 20), abs=1e-6)


def test_tau_of_the_slopes_against_a_plain_integral():
    """log p/q is the log likelihood of τ, μ integrated out, less the log marginal likelihood."""
    tau = np.linspace(1e-3, 50, 20_001)
    V = S**2 + tau[:, None] ** 2
    precision = (1 / V).sum(1) + 1 / 400
    log = -0.5 * (np.log(V) + Y**2 / V).sum(1) + 0.5 * (Y / V).sum(1) ** 2 / precision - 0.5 * np.log(precision)
    q = stats.halfnorm(scale=6).pdf(tau)
    like = np.exp(log - log.max())
    total = np.trapezoid(like * q, tau)
    p = like * q / total
    found = lam.checks.prior_learning(fit())
    assert found["kl"][1] == pytest.approx(np.trapezoid(p * np.log(like / total), tau), abs=1e-4)
    median = np.interp(0.5, np.cumsum(p) * (tau[1] - tau[0]), tau)
    assert found["pit"][1] == pytest.approx(stats.halfnorm(scale=6).cdf(median), abs=1e-3)


def test_refusals():
    with pytest.raises(OptionError, match="takes an exact result"):
        lam.checks.prior_learning([1, 2])
    with pytest.raises(ImproperPosterior, match="no distance"):
        lam.checks.prior_learning(fit(mu=lam.priors.Flat(), tau=lam.priors.Jeffreys()))
