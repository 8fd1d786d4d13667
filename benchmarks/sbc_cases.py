"""Every model of `lamevidence.models`: a design, priors, and its law written again in NumPy and SciPy.

Data sets are simulated by these functions, not by PyMC: a model that is not what its docstring says is not calibrated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

import lamevidence as lam

Truth = dict[str, np.ndarray]

MU, TAU = lam.priors.Normal(0, 20), lam.priors.HalfNormal(6)
SE = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
X = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
SLOPES = lam.priors.Normal(0, 10)
PATIENTS = np.array([6.0, 8.0, 10.0, 15.0, 20.0])
MANY_SE = np.linspace(0.5, 1.0, 10)
AWAY = lam.priors.LogNormal(1.0, 0.5)
"""A prior of τ away from 0, where the centred form is of use."""
WITHIN, SE2 = 0.6, np.array([1.5, 1.5, 2.0, 5.0, 4.0])

DESIGNS = (
    ("trial", 2.0, 0, 0, 0),
    ("trial", 2.5, 1, 0, 0),
    ("series", 4.0, 0, 1, 0),
    ("series", 2.0, 1, 0, 0),
    ("again", 3.0, 0, 1, 0),
    ("again", 1.5, 1, 0, 0),
    ("on", 2.0, 1, 0, 0),
    ("cohort", 1.0, 0, 0, 0),
    ("difference", 3.0, 1, 0, 1),
)
"""Study, standard error; on treatment, before it, a difference."""
PAIRED = 0.5
"""Correlation of the two slopes of a before-after series."""
SHIFT, SHIFTS = lam.priors.Normal(0, 15), lam.priors.HalfNormal(8)
"""Of the bias of slopes before treatment."""

LOGIT, LOG, SPREAD = lam.priors.Normal(-1, 1.5), lam.priors.Normal(-1.5, 1), lam.priors.HalfNormal(1)
SIZE = np.array([12.0, 20.0, 15.0, 22.0])
DISPERSION = lam.priors.HalfNormal(0.75)
YEARS, FRAILTY, VARIED = np.array([1.0, 0.5, 2.0, 1.0]), np.array([0.0, 0.8, 0.0, 0.4]), np.array([0.5, 0.8, 0.3, 1.2])
RATIO, RATIO_SPREAD, BASELINE = lam.priors.Normal(0, 1), lam.priors.HalfNormal(0.5), lam.priors.Normal(0, 2.5)
ARMS = np.array([[15.0, 14.0], [12.0, 13.0], [20.0, 18.0], [10.0, 11.0]])
EVENTS = np.array([8.0, 6.0, 12.0, 9.0])


@dataclass(frozen=True, slots=True)
class Case:
    """One model: how it is built, drawn, simulated; what is ranked.

    Attributes
    ----------
    builder, build
        The function of `lamevidence.models`, and a call of it on the design (the data are placeholders).
    draw, simulate, log_likelihood
        Parameters from the prior; data given parameters; log density of data at many draws, (n,).
    ranked
        Names in the posterior, ``theta[0]`` for one entry; ``log_likelihood`` is ranked besides.
    priors
        In words, for the stored result.
    """

    builder: Callable[..., Any]
    build: Callable[[], Any]
    draw: Callable[[np.random.Generator], Truth]
    simulate: Callable[[Truth, np.random.Generator], np.ndarray]
    log_likelihood: Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]
    ranked: tuple[str, ...]
    priors: tuple[Any, ...]


def around(mu: Any, tau: Any, k: int, rng: np.random.Generator) -> Truth:
    spread = np.exp(rng.normal(tau.meanlog, tau.sdlog)) if isinstance(tau, lam.priors.LogNormal) else half(tau, rng)
    centre = rng.normal(mu.loc, mu.scale)
    return {"mu": centre, "tau": spread, "theta": centre + spread * rng.standard_normal(k)}


def half(prior: Any, rng: np.random.Generator) -> Any:
    return abs(rng.normal(0.0, prior.scale))


def estimates(se: np.ndarray, **more: Any) -> Any:
    return lam.EvidenceTable.from_estimates(np.zeros(se.size), sei=se, **more)


def marginal(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    return stats.norm.logpdf(y, p["mu"][:, None], np.sqrt(SE**2 + p["tau"][:, None] ** 2)).sum(1)


def regression_draw(rng: np.random.Generator) -> Truth:
    beta = np.array([rng.normal(MU.loc, MU.scale), rng.normal(SLOPES.loc, SLOPES.scale)])
    tau = half(TAU, rng)
    return {"beta": beta, "tau": tau, "theta": beta[0] + beta[1] * X + tau * rng.standard_normal(SE.size)}


def regression_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    centre = p["beta"] @ np.stack([np.ones_like(X), X])
    return stats.norm.logpdf(y, centre, np.sqrt(SE**2 + p["tau"][:, None] ** 2)).sum(1)


def student_table() -> Any:
    return dataclasses.replace(estimates(SE), n=PATIENTS)


def bivariate_draw(rng: np.random.Generator) -> Truth:
    mu = rng.normal(MU.loc, MU.scale, 2)
    tau = np.array([half(TAU, rng), half(TAU, rng)])
    return {"mu": mu, "tau": tau, "rho": rng.uniform(-1, 1)}


def bivariate_cov(tau: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Covariances of the pair of every study, (…, k, 2, 2); ``tau`` (…, 2), ``rho`` (…)."""
    first, second, rho = tau[..., :1], tau[..., 1:], np.asarray(rho)[..., None]
    off = WITHIN * SE * SE2 + rho * first * second
    rows = [np.stack([SE**2 + first**2, off], -1), np.stack([off, SE2**2 + second**2], -1)]
    return np.stack(rows, -1)


def bivariate_data(p: Truth, rng: np.random.Generator) -> np.ndarray:
    return np.array([rng.multivariate_normal(p["mu"], S) for S in bivariate_cov(p["tau"], p["rho"])])


def bivariate_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    S, gap = bivariate_cov(p["tau"], p["rho"]), y - p["mu"][:, None, :]
    quadratic = (gap * np.linalg.solve(S, gap[..., None])[..., 0]).sum((1, 2))
    return -0.5 * (np.linalg.slogdet(2 * np.pi * S)[1].sum(1) + quadratic)


def designs_model() -> Any:
    names = ("study", "se", "treated", "selected", "contrast")
    frame = pd.DataFrame(DESIGNS, columns=list(names)).assign(y=0.0)
    columns = {name: name for name in names if name != "se"}
    means = {"baseline": MU, "effect": MU, "bias": SHIFT}
    spreads = {"tau_baseline": TAU, "tau_effect": TAU, "tau_bias": SHIFTS}
    return lam.models.joint_slopes(
        frame, yi="y", sei="se", unit=None, correlation=PAIRED, **columns, **means, **spreads
    )


def designs_shape() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each row is made of, (rows, 3); which study it is of; covariance of all rows."""
    study = np.array([row[0] for row in DESIGNS])
    se, on, before, between = np.array([row[1:] for row in DESIGNS]).T
    paired = (study[:, None] == study) & np.isin(study, study[before == 1])
    correlation = np.where(np.eye(study.size) == 1, 1.0, PAIRED * paired)
    return (
        np.column_stack([1 - between, on, before]),
        np.unique(study, return_inverse=True)[1],
        correlation * np.outer(se, se),
    )


def designs_draw(rng: np.random.Generator) -> Truth:
    Z, study, _ = designs_shape()
    out: Truth = {"theta": np.zeros(study.size)}
    for i, (name, mean, spread) in enumerate((("baseline", MU, TAU), ("effect", MU, TAU), ("bias", SHIFT, SHIFTS))):
        out[name] = np.asarray(rng.normal(mean.loc, mean.scale))
        out[f"tau_{name}"] = np.asarray(half(spread, rng))
        own = out[name] + out[f"tau_{name}"] * rng.standard_normal(study.max() + 1)
        out["theta"] = out["theta"] + Z[:, i] * own[study]
    return out


def designs_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    """Every study's own values integrated out, by whole covariance matrices."""
    Z, study, V = designs_shape()
    gap = y
    for i, name in enumerate(("baseline", "effect", "bias")):
        gap = gap - p[name][:, None] * Z[:, i]
        V = V + p[f"tau_{name}"][:, None, None] ** 2 * np.outer(Z[:, i], Z[:, i]) * (study[:, None] == study)
    return -0.5 * (np.linalg.slogdet(2 * np.pi * V)[1] + (gap * np.linalg.solve(V, gap[..., None])[..., 0]).sum(1))


def counted(measure: str, **columns: np.ndarray) -> Any:
    return lam.EvidenceTable.from_frame(pd.DataFrame(columns), measure, **{name: name for name in columns})


def rate_table() -> Any:
    return dataclasses.replace(counted("IRLN", xi=np.ones(SIZE.size), ti=SIZE), n=SIZE)


def risk_table() -> Any:
    return counted("HAZ", patients=np.ones(SIZE.size), total=SIZE, time=YEARS, frailty=FRAILTY)


def events_table() -> Any:
    return counted("HAZ", events=np.ones(SIZE.size), person_time=YEARS * SIZE, total=SIZE, frailty=VARIED)


def patients_with_events(p: Truth, rng: np.random.Generator) -> np.ndarray:
    """Each patient with a hazard of their own, gamma around the study's."""
    found = []
    for hazard, n, years, frailty in zip(np.exp(p["theta"]), SIZE.astype(int), YEARS, FRAILTY, strict=True):
        own = rng.gamma(1 / frailty, frailty, n) if frailty else np.ones(n)
        found.append((rng.uniform(size=n) > np.exp(-own * hazard * years)).sum())
    return np.array(found)


def risk_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    m = np.exp(p["theta"]) * YEARS
    some = np.where(FRAILTY > 0, FRAILTY, 1.0)
    free = np.where(FRAILTY > 0, (1 + some * m) ** (-1 / some), np.exp(-m))
    return stats.binom.logpmf(y, SIZE, 1 - free).sum(1)


def events_of_patients(p: Truth, rng: np.random.Generator) -> np.ndarray:
    """Each patient with a rate of their own, gamma around the study's, and events added up."""
    each = zip(np.exp(p["theta"]), SIZE.astype(int), YEARS, VARIED, strict=True)
    return np.array([rng.poisson(rate * t * rng.gamma(1 / v, v, n)).sum() for rate, n, t, v in each])


def events_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    shape = SIZE / VARIED
    return stats.nbinom.logpmf(y, shape, shape / (shape + YEARS * SIZE * np.exp(p["theta"]))).sum(1)


def negative_binomial_draw(rng: np.random.Generator) -> Truth:
    return around(LOG, SPREAD, SIZE.size, rng) | {"dispersion": half(DISPERSION, rng)}


def negative_binomial_data(p: Truth, rng: np.random.Generator) -> np.ndarray:
    shape = SIZE / p["dispersion"] ** 2
    return rng.poisson(SIZE * np.exp(p["theta"]) * rng.gamma(shape) / shape)


def negative_binomial_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    shape = SIZE / p["dispersion"][:, None] ** 2
    return stats.nbinom.logpmf(y, shape, shape / (shape + SIZE * np.exp(p["theta"]))).sum(1)


def arm_logits(p: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([p["phi"] + 0.5 * p["theta"], p["phi"] - 0.5 * p["theta"]], axis=-1)


def contrast_draw(rng: np.random.Generator) -> Truth:
    k = len(ARMS)
    return around(RATIO, RATIO_SPREAD, k, rng) | {"phi": rng.normal(BASELINE.loc, BASELINE.scale, k)}


def two_by_two() -> Any:
    a = np.minimum(np.floor(EVENTS / 2), ARMS[:, 0])
    c = EVENTS - a
    return counted("OR", ai=a, bi=ARMS[:, 0] - a, ci=c, di=ARMS[:, 1] - c)


def fisher(theta: np.ndarray) -> Any:
    return stats.nchypergeom_fisher(ARMS.sum(1), ARMS[:, 0], EVENTS, np.exp(theta))


def fisher_log(p: Mapping[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    return fisher(p["theta"]).logpmf(y).sum(1)


def arms_in_time() -> Any:
    a = np.floor(EVENTS / 2)
    return counted("IRR", x1i=a, x2i=EVENTS - a, t1i=ARMS[:, 0], t2i=ARMS[:, 1])


def share(theta: np.ndarray) -> np.ndarray:
    return special.expit(theta + np.log(ARMS[:, 0] / ARMS[:, 1]))


N = {"mu": MU, "tau": TAU}
CASES: dict[str, Case] = {
    "normal_normal marginal": Case(
        lam.models.normal_normal,
        lambda: lam.models.normal_normal(estimates(SE), **N),
        lambda rng: around(MU, TAU, SE.size, rng),
        lambda p, rng: rng.normal(p["theta"], SE),
        marginal, ("mu", "tau", "theta[0]", "theta[4]"), (MU, TAU, SE),
    ),
    "normal_normal non-centred": Case(
        lam.models.normal_normal,
        lambda: lam.models.normal_normal(estimates(SE), "non-centred", **N),
        lambda rng: around(MU, TAU, SE.size, rng),
        lambda p, rng: rng.normal(p["theta"], SE),
        marginal, ("mu", "tau", "theta[0]", "theta[4]"), (MU, TAU, SE),
    ),
    "normal_normal centred": Case(
        lam.models.normal_normal,
        lambda: lam.models.normal_normal(estimates(MANY_SE), "centred", mu=MU, tau=AWAY),
        lambda rng: around(MU, AWAY, MANY_SE.size, rng),
        lambda p, rng: rng.normal(p["theta"], MANY_SE),
        lambda p, y: stats.norm.logpdf(y, p["theta"], MANY_SE).sum(1),
        ("mu", "tau", "theta[0]", "theta[9]"), (MU, AWAY, MANY_SE),
    ),
    "regression": Case(
        lam.models.regression,
        lambda: lam.models.regression(estimates(SE, moderators={"x": X}), ["x"], slopes=SLOPES, **N),
        regression_draw,
        lambda p, rng: rng.normal(p["theta"], SE),
        regression_log, ("beta[0]", "beta[1]", "tau", "theta[0]"), (MU, SLOPES, TAU, SE, X),
    ),
    "student_t": Case(
        lam.models.student_t,
        lambda: lam.models.student_t(student_table(), **N),
        lambda rng: around(MU, TAU, SE.size, rng),
        lambda p, rng: p["theta"] + SE * rng.standard_t(PATIENTS - 1),
        lambda p, y: stats.t.logpdf(y, PATIENTS - 1, p["theta"], SE).sum(1),
        ("mu", "tau", "theta[0]", "theta[4]"), (MU, TAU, SE, PATIENTS),
    ),
    "bivariate": Case(
        lam.models.bivariate,
        lambda: lam.models.bivariate(estimates(SE), estimates(SE2), within=WITHIN, **N),
        bivariate_draw, bivariate_data, bivariate_log,
        ("mu[0]", "mu[1]", "tau[0]", "tau[1]", "rho"), (MU, TAU, SE, SE2, WITHIN),
    ),
    "joint_slopes": Case(
        lam.models.joint_slopes, designs_model, designs_draw,
        lambda p, rng: rng.multivariate_normal(p["theta"], designs_shape()[2]),
        designs_log, ("baseline", "effect", "bias", "tau_baseline", "tau_effect", "tau_bias", "theta[3]"),
        (MU, TAU, SHIFT, SHIFTS, DESIGNS, PAIRED),
    ),
    "binomial": Case(
        lam.models.binomial,
        lambda: lam.models.binomial(counted("PLO", xi=np.ones(SIZE.size), ni=SIZE), mu=LOGIT, tau=SPREAD),
        lambda rng: around(LOGIT, SPREAD, SIZE.size, rng),
        lambda p, rng: rng.binomial(SIZE.astype(int), special.expit(p["theta"])),
        lambda p, y: stats.binom.logpmf(y, SIZE, special.expit(p["theta"])).sum(1),
        ("mu", "tau", "theta[0]"), (LOGIT, SPREAD, SIZE),
    ),
    "poisson": Case(
        lam.models.poisson,
        lambda: lam.models.poisson(rate_table(), mu=LOG, tau=SPREAD),
        lambda rng: around(LOG, SPREAD, SIZE.size, rng),
        lambda p, rng: rng.poisson(SIZE * np.exp(p["theta"])),
        lambda p, y: stats.poisson.logpmf(y, SIZE * np.exp(p["theta"])).sum(1),
        ("mu", "tau", "theta[0]"), (LOG, SPREAD, SIZE),
    ),
    "negative_binomial": Case(
        lam.models.negative_binomial,
        lambda: lam.models.negative_binomial(rate_table(), mu=LOG, tau=SPREAD, dispersion=DISPERSION),
        negative_binomial_draw, negative_binomial_data, negative_binomial_log,
        ("mu", "tau", "dispersion", "theta[0]"), (LOG, SPREAD, DISPERSION, SIZE),
    ),
    "contrast": Case(
        lam.models.contrast,
        lambda: lam.models.contrast(two_by_two(), mu=RATIO, tau=RATIO_SPREAD, baseline=BASELINE),
        contrast_draw,
        lambda p, rng: rng.binomial(ARMS.astype(int), special.expit(arm_logits(p))),
        lambda p, y: stats.binom.logpmf(y, ARMS, special.expit(arm_logits(p))).sum((1, 2)),
        ("mu", "tau", "theta[0]", "phi[0]"), (RATIO, RATIO_SPREAD, BASELINE, ARMS),
    ),
    "hypergeometric": Case(
        lam.models.hypergeometric,
        lambda: lam.models.hypergeometric(two_by_two(), mu=RATIO, tau=RATIO_SPREAD),
        lambda rng: around(RATIO, RATIO_SPREAD, len(ARMS), rng),
        lambda p, rng: fisher(p["theta"]).rvs(size=len(ARMS), random_state=rng),
        fisher_log, ("mu", "tau", "theta[0]"), (RATIO, RATIO_SPREAD, ARMS, EVENTS),
    ),
    "conditional_binomial": Case(
        lam.models.conditional_binomial,
        lambda: lam.models.conditional_binomial(arms_in_time(), mu=RATIO, tau=RATIO_SPREAD),
        lambda rng: around(RATIO, RATIO_SPREAD, len(ARMS), rng),
        lambda p, rng: rng.binomial(EVENTS.astype(int), share(p["theta"])),
        lambda p, y: stats.binom.logpmf(y, EVENTS, share(p["theta"])).sum(1),
        ("mu", "tau", "theta[0]"), (RATIO, RATIO_SPREAD, ARMS, EVENTS),
    ),
    "hazard": Case(
        lam.models.hazard,
        lambda: lam.models.hazard(risk_table(), mu=LOG, tau=SPREAD),
        lambda rng: around(LOG, SPREAD, SIZE.size, rng),
        patients_with_events, risk_log, ("mu", "tau", "theta[0]"), (LOG, SPREAD, SIZE, YEARS, FRAILTY),
    ),
    "hazard events": Case(
        lam.models.hazard,
        lambda: lam.models.hazard(events_table(), mu=LOG, tau=SPREAD),
        lambda rng: around(LOG, SPREAD, SIZE.size, rng),
        events_of_patients, events_log, ("mu", "tau", "theta[0]"), (LOG, SPREAD, SIZE, YEARS, VARIED),
    ),
}  # fmt: skip
