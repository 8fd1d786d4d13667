"""``pool_bayes``: from an evidence table to a posterior, with the reason of every choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError, TooFewStudies
from ..options import a_choice, a_level, a_seed, shown
from .defaults import default_priors, no_default
from .design import design_matrix
from .effect_priors import EffectPrior, Flat, Normal
from .exact_state import ExactState
from .likelihoods import Likelihood, choose_likelihood
from .normal_normal import fit_normal
from .posterior import Posterior, StudyEffects
from .priors import TauPrior
from .spec import BayesSpec
from .stated import stated_prior

__all__ = ["pool_bayes"]

_ENGINES = ("auto", "exact", "nuts")


def pool_bayes(
    table: EvidenceTable,
    *,
    mu: Any = None,
    tau: Any = None,
    likelihood: str = "auto",
    engine: str = "auto",
    moderators: Any = None,
    level: float = 0.95,
    seed: int | None = None,
) -> Posterior:
    """Return the posterior of a random-effects meta-analysis: yᵢ | θᵢ from the likelihood, θᵢ ~ N(xᵢ'β, τ²).

    Parameters
    ----------
    table
        The evidence, k ≥ 1 rows of different studies.
    mu
        Prior of the mean effect (`Normal`, `StudentT` or `Flat`); with moderators one prior a coefficient, or one for
        the intercept, the others being flat. Left out: the question's, else the default of the scale.
    tau
        Prior of the between-study standard deviation. Left out: the question's, else the default of the scale.
    likelihood
        ``auto``, ``normal``, ``t``, ``binomial``, ``poisson``, ``hypergeometric`` or ``conditional-binomial``.
        ``auto`` uses the counts where the table has them, and t with n − 1 degrees of freedom for means
        of at most 20 patients.
    engine
        ``auto`` or ``exact`` for deterministic quadrature, ``nuts`` for sampling the same model.
    moderators
        Formula, column names, or a design matrix.
    level
        Level of intervals when none is given later.
    seed
        Seed of draws (and of the sampler).

    Raises
    ------
    TooFewStudies
        No row at all.
    InputError
        Estimates or variances that are not evidence.
    OptionError
        A prior without the unit it needs, no default prior on this scale, an option that does not apply.
    ImproperPosterior, NotEstimable, QuadratureError, DependentRows
        The posterior does not exist, or cannot be computed to its error bound.

    References
    ----------
    Röver (2020), doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5, 8, 0.8], sei=[2, 3, 3.5, 6, 1.5])
    >>> post = lam.pool_bayes(table, mu=lam.Normal(0, 20), tau=lam.HalfNormal(4))
    >>> round(post.mu.mean, 10), round(post.mu.sd, 10)
    (1.3199255047, 1.5586425195)
    """
    if not isinstance(table, EvidenceTable):
        raise OptionError(
            f"pool_bayes pools an EvidenceTable, got {shown(table)} · make one with lam.EvidenceTable.from_estimates"
        )
    a_choice("engine", engine, _ENGINES)
    level, seed = a_level(level), a_seed(seed)
    if table.k == 0:
        raise TooFewStudies("a Bayesian pooled effect", 0, 1, "no study answers the question; see table.excluded")
    check_independent(table)
    X, names = design_matrix(table, moderators)
    chosen = choose_likelihood(table, likelihood)
    priors = _priors(table, mu, tau, names)
    job = _Job(table, chosen, priors, X, names, level, seed)
    if engine == "nuts":
        return _sampled(job)
    return _exact(job)


@dataclass(frozen=True, slots=True)
class _Priors:
    mu: tuple[EffectPrior, ...]
    tau: TauPrior
    why_mu: str
    why_tau: str


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Everything an engine needs."""

    table: EvidenceTable
    likelihood: Likelihood
    priors: _Priors
    X: FloatArray
    names: tuple[str, ...]
    level: float
    seed: int | None


def _priors(table: EvidenceTable, mu: Any, tau: Any, names: tuple[str, ...]) -> _Priors:
    stated = table.model.get("bayes", {}) if table.model else {}
    because = str(stated.get("because", "stated in the question"))
    default_mu, default_tau = default_priors(table)
    why_mu = why_tau = "given"
    if mu is None and "mu" in stated:
        mu, why_mu = stated_prior(stated["mu"], "mu", table.unit), because
    elif mu is None:
        mu, why_mu = default_mu.prior, f"default: {default_mu.why}"
    if tau is None and "tau" in stated:
        tau, why_tau = stated_prior(stated["tau"], "tau", table.unit), because
    elif tau is None:
        if default_tau is None:
            raise no_default(table)
        tau, why_tau = default_tau.prior, f"default: {default_tau.why}"
    tau = stated_prior(tau, "tau", table.unit)
    if not isinstance(tau, TauPrior):
        raise OptionError(
            f"tau={shown(tau)} is not a prior of a standard deviation · choose HalfNormal, HalfCauchy, LogNormal …"
        )
    several = isinstance(mu, Sequence) and not isinstance(mu, str | bytes)
    given = list(mu) if several else [mu]
    if several and len(given) != len(names):
        raise OptionError(f"mu has {len(given)} priors, the design has {len(names)} coefficients: {', '.join(names)}")
    if len(given) < len(names):
        given += [Flat()] * (len(names) - 1)
        why_mu += "; coefficients of moderators flat"
    effects = [stated_prior(p, "mu", table.unit) for p in given]
    for prior in effects:
        if not isinstance(prior, EffectPrior):
            raise OptionError(f"mu={shown(prior)} is not a prior of an effect · choose Normal, StudentT or Flat")
    scaled = tuple(p.convert(table.unit) for p in effects)
    return _Priors(scaled, tau.convert(table.unit), why_mu, why_tau)


def _exact(job: _Job) -> Posterior:
    table, priors = job.table, job.priors
    if job.likelihood.name == "normal" and all(isinstance(p, Normal | Flat) for p in priors.mu):
        yi, vi = check_estimates(table)
        prior_tau = priors.tau.resolve(vi)
        state: Any = ExactState(fit_normal(yi, vi, job.X, priors.mu, prior_tau), priors.mu, table.unit)
        error = state.fit.grid.error
    else:
        from .two_level import fit_two_level

        state = fit_two_level(table, job.likelihood, job.X, priors.mu, priors.tau)
        prior_tau, error = state.prior_tau, state.error
    return _assemble(job, state, "exact", prior_tau, error)


def _sampled(job: _Job) -> Posterior:
    from .sampled_state import sampled_state

    table, priors = job.table, job.priors
    vi = check_estimates(table)[1] if job.likelihood.name == "normal" else table.vi
    prior_tau = priors.tau.resolve(vi)
    state = sampled_state(table, job.likelihood.name, job.X, job.names, priors.mu, prior_tau, job.seed)
    return _assemble(job, state, "nuts", prior_tau, None)


def check_independent(table: EvidenceTable) -> None:
    """Raise where rows depend on each other: by their covariance V, or as rows of one study.

    Raises
    ------
    OptionError
        V is not diagonal.
    DependentRows
        Two rows of one study, and no V.
    """
    if table.V is not None and not np.array_equal(table.V, np.diag(np.diagonal(table.V))):
        raise OptionError(
            "the table has dependent rows (V) · the Bayesian engine pools independent rows; use lam.multilevel"
        )
    table.require_independent()


def check_estimates(table: EvidenceTable) -> tuple[FloatArray, FloatArray]:
    """Return (yi, vi), or raise naming the rows that are not evidence.

    Raises
    ------
    InputError
        An estimate that is not finite, a variance that is not finite and positive.
    """
    bad = ~(np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0))
    if bad.any():
        rows = ", ".join(table.labels[i] for i in np.flatnonzero(bad))
        raise InputError(
            f"no finite estimate with a positive variance in: {rows}"
            " · leave these rows out on purpose, or use a likelihood of the counts"
        )
    return table.yi, table.vi


def _assemble(job: _Job, state: Any, engine: str, prior_tau: TauPrior, error: float | None) -> Posterior:
    table, p = job.table, job.X.shape[1]
    rows = np.eye(p)
    coefficients = {name: state.at(rows[j]) for j, name in enumerate(job.names)}
    why = {
        "engine": "deterministic quadrature covers this model" if engine == "exact" else "asked for",
        "likelihood": job.likelihood.why,
        "mu": job.priors.why_mu,
        "tau": job.priors.why_tau,
    }
    shown = ", ".join(map(repr, job.priors.mu))
    spec = BayesSpec(engine, job.likelihood.name, shown, repr(prior_tau), job.names, job.level, why)
    flat = sum(not prior.proper for prior in job.priors.mu)
    learned = table.k - flat >= 1 and table.k > 1
    notes = list(job.likelihood.notes)
    if not learned:
        notes.append(
            f"{table.k} {'study says' if table.k == 1 else 'studies say'} nothing about τ by themselves: "
            "its posterior is the prior's"
        )
    elif table.k <= 4:
        notes.append(f"with {table.k} studies the prior of τ matters: see sensitivity()")
    first = coefficients[job.names[0]]
    new = state.at(rows[0], new=True)
    if new.moment_note:
        notes.append(new.moment_note)
    return Posterior(
        table=table,
        engine=engine,
        likelihood=job.likelihood.name,
        mu=first,
        tau=state.tau,
        theta=StudyEffects(table.labels, table.studies, state.theta),
        theta_new=new,
        coefficients=coefficients,
        prior_mu=job.priors.mu,
        prior_tau=prior_tau,
        spec=spec,
        state=state,
        X=job.X,
        seed=job.seed,
        numerical_error=error,
        tau_learned=learned,
        notes=tuple(notes),
    )
