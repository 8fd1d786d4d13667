"""Two closed-form mixtures of single-arm counts, which need no link and no quadrature: sensitivity analyses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError, InputError, NotEstimable, TooFewStudies
from ...foundation.options import a_level, our_words
from ...results.recipe import Recipe
from ..policy import default_count_interval
from .count_results import CountPooled, CountSpec, check_interval
from .remedies import check_counts, of_measure, which_works
from .sparse_counts import require

__all__ = ["MixedPooled", "beta_binomial", "gamma_poisson"]


@dataclass(frozen=True, slots=True)
class MixedModel:
    """Name of the model, code of its measure, name of its dispersion, where to start, its function and its source."""

    name: str
    measure: str
    dispersion: str
    start: float
    make: Callable[..., Any]
    reference: str


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MixedPooled(CountPooled):
    """A beta-binomial or gamma-Poisson result.

    Attributes
    ----------
    dispersion
        Intra-study correlation ρ, or squared coefficient of variation φ.
    dispersion_name
        ``rho`` or ``phi``.
    log_likelihood
        Maximised log-likelihood.
    reference
        Where the model is published.
    """

    dispersion: float
    dispersion_name: str
    log_likelihood: float
    reference: str = ""

    def _glance(self) -> Mapping[str, Any]:
        return {self.dispersion_name: self.dispersion, "log_likelihood": self.log_likelihood}

    def _json(self) -> Mapping[str, Any]:
        return self._glance()

    def _no_prediction(self) -> str:
        return f"the {self.spec.label} model has no normal distribution of effects on the link scale · use model='glmm'"

    def _no_heterogeneity(self) -> str:
        return f"between-study variance is not on the link scale: {self.dispersion_name} = {self.dispersion:.4g}"

    def _methods(self) -> Sequence[tuple[str, str]]:
        kind = "normal" if self.spec.interval == "z" else "t(k − 1)"
        mean = "proportion" if self.measure == "PLO" else "rate"
        return (
            (f"The mean {mean} was estimated by maximum likelihood in a {self.spec.label} model", self.reference),
            (
                f"{100 * self.level:g}% confidence intervals are Wald intervals of the link with {kind} quantiles",
                "",
            ),
        )


def several_arms(
    table: EvidenceTable, names: tuple[str, str], what: str, level: object
) -> tuple[FloatArray, FloatArray, float]:
    """Return events and sizes (or person-time) of at least two single arms, and the level, all checked."""
    a_table(table, "evidence")
    level = a_level(level)
    table.require_independent()
    check_counts(table, what, "proportions" if names[1] == "ni" else "times")
    events, size = require(table, names, what)
    link = "PLO" if names[1] == "ni" else "IRLN"
    if table.k < 2:
        remedy = "model='glmm' reports one study with its exact interval" if table.measure == link else ""
        raise TooFewStudies(what, table.k, 2, remedy or which_works(table))
    wrong = (events < 0) | (size <= 0) | ((events > size) if names[1] == "ni" else False)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{table.labels[row]}: {names[0]} = {events[row]:g} with {names[1]} = {size[row]:g} is impossible · events "
            f"are 0 or more, {'and at most the number of patients' if names[1] == 'ni' else 'in a time above 0'}"
        )
    if np.mod(events, 1).any() or (names[1] == "ni" and np.mod(size, 1).any()):
        raise InputError(
            f"{what} needs whole numbers of events · leave the continuity correction out; with these numbers"
            f" {which_works(table, 'glmm')}"
        )
    return events, size, level


def fit_mixed(
    table: EvidenceTable,
    model: MixedModel,
    value: Callable[[float, float], float],
    grid: FloatArray,
    top: float,
    level: float,
    interval: str | None,
) -> MixedPooled:
    """Return the fit of ``value(mu, dispersion)``: profile over a grid of dispersions, then polish, 0 included."""
    profile = [_best_mu(value, model.start, 0.0)]
    for d in grid[1:]:  # a value is known to the square of what the mean is known to
        profile.append(_best_mu(value, profile[-1][0], float(d), 0.1, 1e-5))
    best = int(np.argmax([v for _, v in profile]))
    low, high = grid[max(best - 1, 0)], grid[best + 1] if best + 1 < grid.size else top
    dispersion = _golden(lambda d: _best_mu(value, profile[best][0], d, 0.02, 1e-8)[1], float(low), float(high))
    mu, at = _best_mu(value, profile[best][0], dispersion)
    if profile[0][1] >= at - 1e-10 * (1 + abs(at)):
        dispersion, (mu, at) = 0.0, profile[0]
    mu, dispersion, se = _polished(value, mu, dispersion, top)
    at = value(mu, dispersion)
    plain = profile[0][1]
    lrt = max(0.0, 2 * (at - plain))
    # under no heterogeneity the statistic is 0 half of the time (the dispersion cannot be negative)
    q_p = 0.5 * float(special.chdtrc(1, lrt)) if lrt > 0 else 1.0
    notes = (
        f"{model.dispersion} = {dispersion:.4g}; the estimate is the mean over studies, not that of the middle study",
        "q is the likelihood-ratio statistic of no dispersion (half χ² with 1 df)",
    )
    chosen, reason = default_count_interval(table.k - 1, "k − 1") if interval is None else (interval, "given")
    why = {"model": f"{model.name}: marginal mean, a check of the normal distribution of study effects"}
    why["interval"] = reason
    return MixedPooled(
        table=of_measure(table, model.measure),
        spec=CountSpec(
            model=model.name, tau2="ML", interval=chosen, level=level, weights="none", why=why, name=model.name
        ),
        measure=model.measure,
        mu=mu,
        se=se,
        df=table.k - 1.0 if chosen == "t" else math.inf,
        tau2=math.nan,
        q=lrt,
        q_df=1,
        q_p=q_p,
        i2=math.nan,
        h2=math.nan,
        notes=notes,
        recipe=Recipe(model.make, {"level": level, "interval": interval}),
        dispersion=dispersion,
        dispersion_name=model.dispersion,
        log_likelihood=at,
        reference=model.reference,
    )


def _golden(f: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    if high <= low:
        return low
    found = minimize_scalar(
        lambda d: -f(d), bounds=(low, high), method="bounded", options={"xatol": 1e-10 * (1 + high)}
    )
    return float(found.x)


def _best_mu(
    value: Callable[[float, float], float], start: float, dispersion: float, reach: float = 0.5, tol: float = 1e-12
) -> tuple[float, float]:
    """Return the best mu at a dispersion and the log-likelihood there."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda m: -value(m, dispersion), bracket=(start - reach, start + reach), tol=tol)
    if not math.isfinite(found.fun):
        raise ConvergenceError("the likelihood has no finite maximum over the mean")
    return float(found.x), -float(found.fun)


def _polished(
    value: Callable[[float, float], float], mu: float, dispersion: float, top: float
) -> tuple[float, float, float]:
    """Return the maximum after two Newton steps, and √ of the (mu, mu) element of the inverse observed information.

    Derivatives are central differences, extrapolated from steps of 1/25 and 2/25 of a standard error (Richardson):
    the value is rounded to 1e-16 of the sum over all events, so a step that is too short sees nothing else. A
    dispersion that rises to its end ``top`` is held there.
    """
    room = min(dispersion, top - dispersion) / 4
    free = 2 if room > 1e-6 * dispersion else 1
    steps = np.array([1e-3, min(1e-3 * dispersion, room) if free == 2 else 0.0])
    for turn in range(3):
        gradient, hessian = _differences(value, mu, dispersion, steps)
        covariance = np.linalg.inv(-hessian[:free, :free])
        if not (np.diag(covariance) > 0).all():  # flat in the dispersion
            free, covariance = 1, np.linalg.inv(-hessian[:1, :1])
        sd = np.sqrt(np.diag(covariance))
        if turn:
            move = covariance @ gradient[:free]
            if (np.abs(move) < 0.01 * sd).all():
                mu += float(move[0])
                dispersion += float(move[1]) if free == 2 and 0 < dispersion + move[1] < top else 0.0
        steps = np.array([0.04 * sd[0], min(0.04 * sd[1], room) if free == 2 else 0.0])
    return mu, dispersion, float(sd[0])


def _differences(
    value: Callable[[float, float], float], mu: float, dispersion: float, steps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return gradient (2,) and Hessian (2, 2) by extrapolated central differences; 0 along a step of 0."""
    middle = value(mu, dispersion)
    found = []
    for h, s in (steps, 2 * steps):
        up, down = value(mu + h, dispersion), value(mu - h, dispersion)
        g, H = np.array([(up - down) / (2 * h), 0.0]), np.zeros((2, 2))
        H[0, 0] = (up - 2 * middle + down) / h**2
        if s > 0:
            more, less = value(mu, dispersion + s), value(mu, dispersion - s)
            g[1], H[1, 1] = (more - less) / (2 * s), (more - 2 * middle + less) / s**2
            corners = [value(mu + i * h, dispersion + j * s) for i, j in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            H[0, 1] = H[1, 0] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h * s)
        found.append((g, H))
    (g1, H1), (g2, H2) = found
    return (4 * g1 - g2) / 3, (4 * H1 - H2) / 3


def beta_binomial_likelihood(x: FloatArray, n: FloatArray, mean: float, rho: float) -> float:
    """Return Σ log P(x | n) with p ~ Beta, E p = ``mean`` and intra-study correlation ``rho`` = 1/(a + b + 1).

    With θ = ρ/(1 − ρ): C(n,x) Π_{j<x}(m + jθ) Π_{j<n−x}(1 − m + jθ) / Π_{j<n}(1 + jθ), exact at ρ = 0 too.
    """
    theta = rho / (1 - rho)
    total = float((special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)).sum())
    # the three sums in one call: it costs what one does
    first, second, all_ = rising(np.array([mean, 1 - mean, 1.0]), theta, np.stack([x, n - x, n])).sum(axis=1)
    return total + float(first + second - all_)


FEW_EVENTS, HEAD = 4096, 64
"""Counts up to the first are summed term by term; of larger ones the terms from the second on are not."""


def rising(start: FloatArray | float, theta: float, counts: FloatArray) -> FloatArray:
    """Return Σ_{j < counts_i} log(start + jθ) for each count, at a cost that does not grow with large ones.

    ``counts`` (…, k) have one ``start`` a row. Beyond `FEW_EVENTS` the terms from `HEAD` on are summed by Euler and
    Maclaurin's formula: the integral, half of the ends, and the derivatives of order 1, 3 and 5 at them, which leaves
    less than 1e-15 a count.
    """
    start = np.asarray(start)[..., None]
    largest = int(counts.max(initial=0.0))
    many = largest > FEW_EVENTS
    head = min(largest, HEAD if many else FEW_EVENTS)
    j = np.arange(head + 1)
    sums = np.zeros((*start.shape[:-1], head + 1))
    np.cumsum(np.log1p(theta / start * j[:-1]), axis=-1, out=sums[..., 1:])
    sums += np.log(start) * j
    found = np.take_along_axis(sums, np.minimum(counts, head).astype(np.intp), axis=-1)
    if many:
        size = np.maximum(counts - HEAD, 0.0)  # of shorter ones every term below is 0
        first = start + theta * HEAD
        last, gap = first + theta * size, size * theta / first
        growth = (1.0 + gap) * np.log1p(gap) - gap
        integral = size * np.log(first) + (growth * first / theta if theta > 0 else 0.0)
        ends = 0.5 * np.log(first / last)
        a, b = theta / first, theta / last
        found += integral + ends + (b - a) / 12 - 2 * (b**3 - a**3) / 720 + 24 * (b**5 - a**5) / 30240
    return found


@our_words()
def beta_binomial(evidence: EvidenceTable, *, level: float = 0.95, interval: str | None = None) -> MixedPooled:
    """Fit x_i ~ Binomial(n_i, p_i), p_i ~ Beta(a, b), by maximum likelihood.

    ``mu`` is the log odds of the mean proportion a/(a+b): a marginal quantity, unlike the conditional one of
    `glmm`. ``tau2`` is NaN, since between-study variance lives on the proportion scale: the intra-study
    correlation ρ = 1/(a+b+1) is ``dispersion``, and in ``glance()``.

    Parameters
    ----------
    evidence
        Counts ``xi ni`` of at least two studies.
    level
        Confidence level, a fraction.
    interval
        ``t`` with k − 1 degrees of freedom (default), or ``z``.

    Returns
    -------
    MixedPooled
        On the logit scale; ``display()`` is the mean proportion in percent.

    Raises
    ------
    OptionError, InputError
        Counts missing or impossible.
    TooFewStudies, NotEstimable
        Fewer than two studies; no events, or nothing but events.

    See Also
    --------
    glmm : Normal distribution of the studies' log odds, exact bounds without events.

    References
    ----------
    Kuss 2015, doi:10.1002/sim.6383.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({
    ...     "x": [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6],
    ...     "n": [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10]})
    >>> fit = lam.counts.beta_binomial(lam.EvidenceTable.from_frame(frame, "PLO", xi="x", ni="n"))
    >>> round(fit.display().estimate, 4)
    77.475
    """
    x, n, level = several_arms(evidence, ("xi", "ni"), "the beta-binomial model", level)
    interval = None if interval is None else check_interval(interval)
    if x.sum() == 0 or (x == n).all():
        raise NotEstimable(f"no events, or nothing but events: the mean is at the edge · {which_works(evidence)}")
    start = float(special.logit(x.sum() / n.sum()))
    model = MixedModel("beta-binomial", "PLO", "rho", start, beta_binomial, "Kuss 2015, doi:10.1002/sim.6383")

    def value(mu: float, rho: float) -> float:
        return beta_binomial_likelihood(x, n, float(special.expit(mu)), rho)

    return fit_mixed(
        evidence, model, value, np.concatenate([[0.0], np.geomspace(1e-4, 0.95, 25)]), 0.9999, level, interval
    )


def gamma_poisson_likelihood(x: FloatArray, t: FloatArray, rate: float, phi: float) -> float:
    """Return Σ log P(x | t) with rates Gamma of mean ``rate`` and squared coefficient of variation ``phi``.

    log P = x log m − log x! + Σ_{j<x} log(1 + jφ) − x log(1 + φm) − log(1 + φm)/φ with m = rate·t; exact at φ = 0 too.
    """
    m = rate * t
    grown = np.log1p(phi * m)
    spread = grown / phi if phi > 0 else m
    terms = special.xlogy(x, m) - special.gammaln(x + 1) + rising(1.0, phi, x) - x * grown - spread
    return float(terms.sum())


@our_words()
def gamma_poisson(evidence: EvidenceTable, *, level: float = 0.95, interval: str | None = None) -> MixedPooled:
    """Fit x_i ~ Poisson(λ_i t_i), λ_i ~ Gamma with mean e^mu, by maximum likelihood.

    ``mu`` is the log of the mean rate: a marginal quantity, unlike the conditional one of `glmm`. ``tau2`` is
    NaN; the squared coefficient of variation φ of the rates is ``dispersion``, and in ``glance()``.

    Parameters
    ----------
    evidence
        Counts ``xi ti`` of at least two studies.
    level
        Confidence level, a fraction.
    interval
        ``t`` with k − 1 degrees of freedom (default), or ``z``.

    Returns
    -------
    MixedPooled
        On the log scale; ``display()`` is the mean rate.

    Raises
    ------
    OptionError, InputError
        Counts missing or impossible.
    TooFewStudies, NotEstimable
        Fewer than two studies; no events.

    See Also
    --------
    glmm : Normal distribution of the studies' log rates, exact bounds without events.

    References
    ----------
    Guevara, Berlin & Wolf 2004, doi:10.1186/1471-2288-4-17.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"x": [2, 4, 3, 3], "t": [20.0, 40.0, 30.0, 30.0]})
    >>> fit = lam.counts.gamma_poisson(lam.EvidenceTable.from_frame(frame, "IRLN", xi="x", ti="t"))
    >>> round(fit.display().estimate, 6)
    0.1
    """
    x, t, level = several_arms(evidence, ("xi", "ti"), "the gamma-Poisson model", level)
    interval = None if interval is None else check_interval(interval)
    if x.sum() == 0:
        raise NotEstimable(f"no events: the rate is at the edge · {which_works(evidence)}")
    source = "Guevara, Berlin & Wolf 2004, doi:10.1186/1471-2288-4-17"
    model = MixedModel("gamma-poisson", "IRLN", "phi", math.log(x.sum() / t.sum()), gamma_poisson, source)

    def value(mu: float, phi: float) -> float:
        return gamma_poisson_likelihood(x, t, math.exp(mu), phi)

    return fit_mixed(evidence, model, value, np.concatenate([[0.0], np.geomspace(1e-4, 50, 25)]), 1e4, level, interval)
