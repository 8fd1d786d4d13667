"""One-stage likelihoods against 40-digit arithmetic: brute-force integrals, sums over the support, exact Laplace."""

import math

import mpmath as mp
import numpy as np
import pytest

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling.counts import glmm

DIGITS = 40
BCG = {
    "ai": [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27],
    "n1i": [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913],
    "ci": [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29],
    "n2i": [139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854],
}
ZEROS = {"ai": [0, 3, 5, 10, 7], "n1i": [20, 25, 5, 40, 50], "ci": [2, 0, 4, 10, 9], "n2i": [21, 24, 6, 42, 48]}
"""Small tables with empty cells, where optimisers stop at a spurious tau2."""
RATES = {
    "x1i": [7, 8, 3, 6, 1, 1, 17, 3, 2],
    "t1i": [1344, 1600, 12012, 1536, 370, 729, 6760, 1107, 320],
    "x2i": [11, 8, 14, 10, 1, 8, 15, 7, 3],
    "t2i": [1988, 1461, 10962, 1503, 483, 913, 6840, 1015, 440],
}


def table(counts, measure):
    k = len(next(iter(counts.values())))
    names = tuple(str(i) for i in range(k))
    nothing = np.full(k, math.nan)
    return EvidenceTable(yi=nothing, vi=nothing, labels=names, studies=names, measure=measure, unit=None, counts=counts)


def log_binomial_term(n, x):
    return mp.log(mp.binomial(n, x))


def hypergeometric_value(counts, mu, tau):
    """Σ log ∫ NCHG(a; θ) N(θ; mu, τ²) dθ."""
    total = mp.mpf(0)
    for a, n1, c, n2 in zip(*counts.values(), strict=True):
        m = a + c
        weights = {u: mp.binomial(n1, u) * mp.binomial(n2, m - u) for u in range(max(0, m - n2), min(n1, m) + 1)}

        def probability(theta, weights=weights, a=a):
            return weights[a] * mp.e ** (theta * a) / mp.fsum(w * mp.e ** (theta * u) for u, w in weights.items())

        if tau == 0:
            total += mp.log(probability(mu))
            continue
        total += mp.log(mp.quad(lambda z, p=probability: p(mu + tau * z) * mp.npdf(z), mp.linspace(-9, 9, 19)))
    return total


def poisson_rates_laplace(counts, effect, intercept, sigma, tau):
    """Σ log of Laplace's approximation of the two-dimensional integral of UM.RS."""
    total = mp.mpf(0)
    for x1, t1, x2, t2 in zip(*counts.values(), strict=True):
        z = [(sigma, tau / 2), (sigma, -tau / 2)]
        base = [intercept + effect + mp.log(t1), intercept + mp.log(t2)]
        x = [x1, x2]
        v = mp.matrix([0, 0])
        for _ in range(200):
            eta = [base[r] + z[r][0] * v[0] + z[r][1] * v[1] for r in range(2)]
            mean = [mp.e**e for e in eta]
            g = mp.matrix([sum(z[r][j] * (x[r] - mean[r]) for r in range(2)) - v[j] for j in range(2)])
            H = mp.matrix(2, 2)
            for i in range(2):
                for j in range(2):
                    H[i, j] = (1 if i == j else 0) + sum(mean[r] * z[r][i] * z[r][j] for r in range(2))
            step = mp.lu_solve(H, g)
            size = max(abs(z[r][0] * step[0] + z[r][1] * step[1]) for r in range(2))
            v = v + step * (1 if size < 0.5 else mp.mpf("0.5") / size)
            if size < mp.mpf(10) ** -30:
                break
        value = sum(x[r] * eta[r] - mean[r] - mp.loggamma(x[r] + 1) for r in range(2)) - (v[0] ** 2 + v[1] ** 2) / 2
        total += value - mp.log(mp.det(H)) / 2
    return total


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.1])
def test_exact_conditional_likelihood_at_any_point(tau):
    fit = glmm(table(ZEROS, "OR"), model="CM.EL", nagq=25)
    value = fit.likelihood.at(mu=0.1, tau=tau)
    with mp.workdps(DIGITS):
        assert value == pytest.approx(float(hypergeometric_value(ZEROS, mp.mpf("0.1"), mp.mpf(tau))), abs=1e-9)


def test_spurious_tau2_has_a_lower_likelihood():
    """metafor stops at tau2 = 1.69e-4, beta = 0.0546661; the maximum is at tau2 = 0."""
    fit = glmm(table(ZEROS, "OR"), model="CM.EL")
    assert fit.tau2 == 0
    with mp.workdps(DIGITS):
        ours = hypergeometric_value(ZEROS, mp.mpf(fit.mu), mp.mpf(0))
        theirs = hypergeometric_value(ZEROS, mp.mpf("0.05466614396195"), mp.sqrt(mp.mpf("0.0001687322017906")))
        assert ours > theirs
        assert fit.log_likelihood == pytest.approx(float(ours), abs=1e-11)


def test_spurious_tau2_of_antiarrhythmic_trials():
    """metafor stops at tau2 = 6.98e-05 on dat.hine1989; the maximum is at tau2 = 0."""
    counts = {
        "ai": [2, 4, 6, 7, 7, 11],
        "n1i": [39, 44, 107, 103, 110, 154],
        "ci": [1, 4, 4, 5, 3, 4],
        "n2i": [43, 44, 110, 100, 106, 146],
    }
    fit = glmm(table(counts, "OR"), model="CM.EL")
    assert fit.tau2 == 0
    with mp.workdps(DIGITS):
        ours = hypergeometric_value(counts, mp.mpf(fit.mu), mp.mpf(0))
        theirs = hypergeometric_value(counts, mp.mpf("0.5783738298386"), mp.sqrt(mp.mpf("6.977369524219e-05")))
        assert 0 < ours - theirs < 5e-4
        assert fit.log_likelihood == pytest.approx(float(ours), abs=1e-11)


def test_common_effect_conditional_information():
    """The standard error of CM.EL is 1/√ of the summed hypergeometric variances."""
    fit = glmm(table(ZEROS, "OR"), model="CM.EL", tau2="none")
    with mp.workdps(DIGITS):
        curvature = mp.diff(lambda m: hypergeometric_value(ZEROS, m, mp.mpf(0)), mp.mpf(fit.mu), 2)
        assert fit.se == pytest.approx(float(1 / mp.sqrt(-curvature)), rel=1e-6)


def test_laplace_of_random_baselines_is_exact():
    """lme4 evaluates this objective off the modes: its standard error of the effect is 0.2233."""
    fit = glmm(table(RATES, "IRR"), model="UM.RS", nagq=1)
    optimum = fit.likelihood.optimum
    with mp.workdps(DIGITS):
        point = [mp.mpf(float(p)) for p in (*optimum.beta, *optimum.scale)]
        assert fit.log_likelihood == pytest.approx(float(poisson_rates_laplace(RATES, *point)), abs=1e-11)
        h = mp.mpf("1e-8")
        information = mp.matrix(4, 4)
        for i in range(4):
            for j in range(i + 1):

                def shifted(a, b, i=i, j=j):
                    moved = list(point)
                    moved[i] += a * h
                    moved[j] += b * h
                    return poisson_rates_laplace(RATES, *moved)

                second = (shifted(1, 1) - shifted(1, -1) - shifted(-1, 1) + shifted(-1, -1)) / (4 * h * h)
                information[i, j] = information[j, i] = -second
        assert fit.se == pytest.approx(float(mp.sqrt((information**-1)[0, 0])), rel=1e-6)


def test_binomial_normal_likelihood():
    x, n = [0, 5, 20, 3, 10], [15, 40, 20, 33, 10]
    fit = glmm(table({"xi": x, "ni": n}, "PLO"))
    with mp.workdps(25):
        total = mp.mpf(0)
        for xi, ni in zip(x, n, strict=True):

            def integrand(z, xi=xi, ni=ni):
                theta = fit.mu + fit.tau * z
                return mp.npdf(z) * mp.e ** (xi * theta - ni * mp.log1p(mp.e**theta))

            total += mp.log(mp.binomial(ni, xi)) + mp.log(mp.quad(integrand, mp.linspace(-8, 8, 33)))
    assert fit.log_likelihood == pytest.approx(float(total), abs=1e-6)


def test_bcg_random_baselines_against_the_product_rule():
    """2-D AGQ (9²) gives tau2 = .32176 on BCG where Laplace gives .3198."""
    fit = glmm(table(BCG, "OR"), model="UM.RS")
    assert fit.tau2 == pytest.approx(0.32176, abs=5e-5)


MODERATED = {"ai": [4, 6, 3, 22, 33, 18], "n1i": [123, 306, 231, 598, 509, 141], "ci": [11, 29, 11, 48, 27, 37]}
MODERATED |= {"n2i": [139, 303, 220, 567, 508, 145]}
YEARS = [48.0, 49.0, 60.0, 77.0, 73.0, 53.0]
"""Moderator of the six studies."""


def fixed_baseline_study(i, alpha, b0, b1, tau):
    """Log marginal likelihood of one study of UM.FS by the trapezoidal rule, exact to e^(−2π²/h²) for analytic z."""
    cells = [[MODERATED[name][i] for name in ("ai", "n1i")], [MODERATED[name][i] for name in ("ci", "n2i")]]
    effect, h = b0 + b1 * mp.mpf(YEARS[i]), mp.mpf(1) / 6
    constant = mp.fsum(log_binomial_term(n, x) for x, n in cells)
    total = mp.mpf(0)
    for step in range(-84, 85):
        z = h * step
        g = -z * z / 2
        for (x, n), eta in zip(cells, (alpha + effect + tau * z / 2, alpha - tau * z / 2), strict=True):
            g += x * eta - n * mp.log1p(mp.exp(eta))
        total += mp.exp(g)
    return constant + mp.log(total * h / mp.sqrt(2 * mp.pi))


def test_fixed_baselines_with_a_moderator():
    """Likelihood, its stationarity and the standard errors; scales of the moderator differ by 60."""
    fit = glmm(table(MODERATED, "OR"), model="UM.FS", moderators=np.column_stack([np.ones(6), YEARS]))
    top = fit.likelihood.optimum
    with mp.workdps(DIGITS):
        common = [mp.mpf(float(x)) for x in (*top.beta, *top.scale)]
        h = [mp.mpf("1e-12")] * 2 + [mp.mpf("1e-14"), mp.mpf("1e-12")]
        value, slope, bent = mp.mpf(0), mp.matrix(3, 1), mp.matrix(3, 3)
        for i in range(6):
            point = [mp.mpf(float(top.alpha[i])), *common]

            def shifted(*moves, i=i, point=point):
                at = list(point)
                for j, sign in moves:
                    at[j] += sign * h[j]
                return fixed_baseline_study(i, *at)

            f0 = shifted()
            up, down = [shifted((j, 1)) for j in range(4)], [shifted((j, -1)) for j in range(4)]
            value += f0
            H = mp.matrix(4, 4)
            for j in range(4):
                H[j, j] = (up[j] - 2 * f0 + down[j]) / h[j] ** 2
                for m in range(j):
                    both = shifted((j, 1), (m, 1)) + shifted((j, -1), (m, -1)) - up[j] - down[j] - up[m] - down[m]
                    H[j, m] = H[m, j] = (both + 2 * f0) / (2 * h[j] * h[m])
            assert abs((up[0] - down[0]) / (2 * h[0])) < 1e-8
            for j in range(3):
                slope[j] += (up[j + 1] - down[j + 1]) / (2 * h[j + 1])
                for m in range(3):
                    bent[j, m] -= H[j + 1, m + 1] - H[j + 1, 0] * H[0, m + 1] / H[0, 0]
        covariance = bent**-1
        assert fit.tau2 > 0
        assert fit.log_likelihood == pytest.approx(float(value), abs=1e-11)
        newton = covariance * slope
        for j in range(3):  # how far the maximum is, in standard errors
            assert abs(newton[j]) < 1e-8 * mp.sqrt(covariance[j, j])
        for j in range(2):
            assert math.sqrt(fit.covariance[j, j]) == pytest.approx(float(mp.sqrt(covariance[j, j])), rel=1e-7)
