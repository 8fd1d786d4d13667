"""``pool_bayes``: from an evidence table to a posterior, with the reason of every choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError, TooFewStudies
from ..foundation.options import a_choice, a_level, a_seed, our_words, shown
from ..foundation.printed_law import PrintUncertainty, print_uncertainty_of
from ..results.recipe import Recipe, by_label
from .counts.likelihoods import Likelihood, choose_likelihood, same_likelihood
from .design import Design, Moderators, design_of
from .engine import Engine, StudyEffects
from .evidence_checks import check_estimates, check_independent, check_law
from .fit_state import ExactEngine, error_of, fit_state, tau_prior_of
from .posterior import Posterior, PosteriorRegression
from .printed import as_printed, entered, print_note
from .priors.base import TauPrior
from .priors.defaults import default_priors, no_default
from .priors.effect_priors import Flat
from .priors.prior_parsing import PriorLike, mu_prior, tau_prior
from .sampling.sampled_state import sampled_state
from .spec import BayesSpec, Priors

__all__ = ["pool_bayes"]

_ENGINES = ("auto", "exact", "nuts")


@overload
def pool_bayes(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | Sequence[PriorLike] | None = None,
    tau: PriorLike | None = None,
    beta: PriorLike | None = None,
    likelihood: str = "auto",
    print_uncertainty: bool | Mapping[str, object] | None = None,
    engine: str = "auto",
    moderators: None = None,
    level: float = 0.95,
    seed: int | None = None,
    chains: int | None = None,
    draws: int | None = None,
    tune: int | None = None,
) -> Posterior: ...


@overload
def pool_bayes(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | Sequence[PriorLike] | None = None,
    tau: PriorLike | None = None,
    beta: PriorLike | None = None,
    likelihood: str = "auto",
    print_uncertainty: bool | Mapping[str, object] | None = None,
    engine: str = "auto",
    moderators: Moderators,
    level: float = 0.95,
    seed: int | None = None,
    chains: int | None = None,
    draws: int | None = None,
    tune: int | None = None,
) -> PosteriorRegression: ...


@our_words(tau_prior="tau", mu_prior="mu", table="evidence")
def pool_bayes(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | Sequence[PriorLike] | None = None,
    tau: PriorLike | None = None,
    beta: PriorLike | None = None,
    likelihood: str = "auto",
    print_uncertainty: bool | Mapping[str, object] | None = None,
    engine: str = "auto",
    moderators: Moderators | None = None,
    level: float = 0.95,
    seed: int | None = None,
    chains: int | None = None,
    draws: int | None = None,
    tune: int | None = None,
) -> Posterior | PosteriorRegression:
    """Return the posterior of a random-effects meta-analysis: yᵢ | θᵢ from the likelihood, θᵢ ~ N(xᵢ'β, τ²).

    Parameters
    ----------
    evidence
        The rows, k ≥ 1 of different studies.
    mu
        Prior of the mean effect (`Normal`, `MixtureOfNormals`, `StudentT` or `Flat`); with moderators one prior a
        coefficient, or one for the intercept, the others being flat. Left out: the question's, else the default of
        the scale.
    tau
        Prior of the between-study standard deviation. Left out: the question's, else the default of the scale.
    beta
        Prior of each coefficient of a moderator (a drug, a disease), for ``mu`` that of the intercept alone; flat when
        left out. A `Normal` around 0 says how much kindred drugs or diseases may differ before the data speak.
    likelihood
        ``auto normal t binomial poisson hypergeometric conditional-binomial hazard``.
        ``auto`` uses the counts where the table has them; for means and estimates given with n a t likelihood with
        the degrees of freedom of each standard error (n − 1; n₁ + n₂ − 2 or Welch's for two arms), normal for rows
        whose n is not known; normal with moderators unless ``t`` is asked. `Posterior.alternatives` shows the other
        one.
    print_uncertainty
        True: what is printed enters with its uncertainty instead of as it is used. Each printed number is uniform over
        the numbers that round to it; a ± of inferred kind is SE or SD with probability 1/2 each; an assumed
        within-patient correlation is uniform over the range that the question states; a row that another printed number
        of the same quantity gives too (a set of the question names it) is derived from either with equal probability.
        A mapping says which of them: ``{"kind": 0.8}`` trusts the kind that a record infers with probability 0.8 (1: as
        known), ``{"rounding": False, "r": False, "route": False}`` leaves others out. `Posterior.print_readings` lists
        what entered. For estimates derived from records, and tables of `from_estimates` with ``digits``. Left out: as
        the question says, else False.
    engine
        ``auto`` or ``exact`` for deterministic quadrature, ``nuts`` for sampling the same model.
    moderators
        Formula, column names, or a design matrix (k, p). Any p with the normal likelihood; up to three coefficients
        with another one, or with a `StudentT` prior, in the exact engine.
    level
        Level of intervals when none is given later.
    seed
        Seed of draws (and of the sampler).
    chains, draws, tune
        Chains, kept draws a chain and tuning draws of ``engine='nuts'``; 4, 1000 and 1000 when left out.

    Returns
    -------
    Posterior or PosteriorRegression
        The latter with moderators.

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
    SamplingError
        The chains did not converge.

    See Also
    --------
    pool : the frequentist model.
    lamevidence.priors : what ``mu`` and ``tau`` may be.
    lamevidence.models : the same models in PyMC, to edit.

    References
    ----------
    Röver (2020), doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5, 8, 0.8], sei=[2, 3, 3.5, 6, 1.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> round(post.mu.mean, 10), round(post.mu.sd, 10)
    (1.3199255047, 1.5586425195)
    >>> registry = lam.load_registry()
    >>> doubted = lam.pool_bayes(registry.evidence("fev1-slope-on-sirolimus"), print_uncertainty=True)
    >>> doubted.print_readings().query("kind == 'SD'")["label"].tolist()
    ['McCormack 2011 (MILES)', 'Neurohr 2011']
    """
    if not isinstance(evidence, EvidenceTable):
        raise OptionError(
            f"pool_bayes pools an EvidenceTable, got {shown(evidence)} · make one with lam.EvidenceTable.from_estimates"
        )
    a_choice("engine", engine, _ENGINES)
    level, seed = a_level(level), a_seed(seed)
    lengths = {"chains": chains, "draws": draws, "tune": tune}
    sampler = {name: given for name, given in lengths.items() if given is not None}
    if sampler and engine != "nuts":
        raise OptionError(
            f"{', '.join(sampler)} belong to engine='nuts' · leave them out: an exact posterior is drawn from by"
            " post.draws(1000)"
        )
    _check(evidence)
    design = design_of(evidence, moderators)
    chosen, wanted = _likelihood(evidence, likelihood, design), _printed(evidence, print_uncertainty)
    evidence = as_printed(evidence, wanted, chosen.name, engine, one_mean=design.one_mean)
    job = _Job(
        evidence,
        chosen,
        _priors(evidence, mu, tau, beta, design.names),
        design,
        "nuts" if engine == "nuts" else "exact",
        level,
        seed,
        sampler,
        printed=wanted,
    )
    return _fit(job)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Everything an engine needs."""

    evidence: EvidenceTable
    likelihood: Likelihood
    priors: Priors
    design: Design
    engine: str
    level: float
    seed: int | None
    chains: Mapping[str, int]
    state: ExactEngine | None = None
    """The posterior itself, where it was read off one that is known."""
    printed: PrintUncertainty | None = None


def _likelihood(evidence: EvidenceTable, given: str, design: Design) -> Likelihood:
    """Return the likelihood asked for, by the caller or by the question of the rows."""
    said = evidence.model.get("bayes", {}) if evidence.model and given == "auto" and design.one_mean else {}
    chosen = choose_likelihood(evidence, said.get("likelihood", given), moderators=not design.one_mean)
    return replace(chosen, why=str(said.get("because", chosen.why))) if "likelihood" in said else chosen


def _printed(evidence: EvidenceTable, given: object) -> PrintUncertainty | None:
    """Return which uncertainty of print enters: as asked, else as the question of the rows says."""
    said = evidence.model.get("bayes", {}) if evidence.model else {}
    return print_uncertainty_of(said.get("print_uncertainty", False) if given is None else given)


def _check(evidence: EvidenceTable) -> None:
    if evidence.k == 0:
        raise TooFewStudies("a Bayesian pooled effect", 0, 1, "no study answers the question; see table.excluded")
    check_independent(evidence)


def _priors(
    evidence: EvidenceTable,
    mu: PriorLike | Sequence[PriorLike] | None,
    tau: PriorLike | None,
    beta: PriorLike | None,
    names: tuple[str, ...],
) -> Priors:
    asked = evidence.model.get("bayes", {}) if evidence.model else {}
    because = str(asked.get("because", "stated in the question"))
    defaults = default_priors(evidence) if mu is None or tau is None else None
    why_mu = why_tau = "given"
    if mu is None and "mu" in asked:
        mu, why_mu = mu_prior(asked["mu"], evidence.unit), because
    elif defaults and mu is None:
        mu, why_mu = defaults[0].prior, f"default: {defaults[0].why}"
    if tau is None and "tau" in asked:
        tau, why_tau = tau_prior(asked["tau"], evidence.unit), because
    elif defaults and tau is None:
        if defaults[1] is None:
            raise no_default(evidence)
        tau, why_tau = defaults[1].prior, f"default: {defaults[1].why}"
    listed = isinstance(mu, Sequence) and not isinstance(mu, str | bytes)
    given: list[object] = list(mu) if listed else [mu]  # type: ignore[arg-type]
    if beta is not None:
        if len(names) == 1 or listed:
            remedy = (
                "give moderators too" if len(names) == 1 else "give one prior of the intercept as mu, or leave beta out"
            )
            raise OptionError(
                f"beta is the prior of the coefficients of moderators beside that of the intercept · {remedy}"
            )
        given += [beta] * (len(names) - 1)
    for prior in (tau, *given):
        check_law(prior, evidence)  # before its unit is asked for
    spread = tau_prior(tau, evidence.unit)
    if listed and len(given) != len(names):
        raise OptionError(f"mu has {len(given)} priors, the design has {len(names)} coefficients: {', '.join(names)}")
    if len(given) < len(names):
        given += [Flat()] * (len(names) - 1)
        why_mu += "; coefficients of moderators flat"
    return Priors(tuple(mu_prior(p, evidence.unit) for p in given), spread, why_mu, why_tau)


def _fit(job: _Job) -> Posterior | PosteriorRegression:
    for prior in (job.priors.tau, *job.priors.mu):
        check_law(prior, job.evidence)
    if job.engine == "nuts":
        return _sampled(job)
    return _exact(job)


def _refit(
    evidence: EvidenceTable,
    *,
    likelihood: Likelihood,
    priors: Priors,
    design: Design,
    engine: str,
    level: float,
    seed: int | None,
    chains: Mapping[str, int],
    state: ExactEngine | None = None,
    printed: PrintUncertainty | None = None,
    X: FloatArray | None = None,
) -> Posterior | PosteriorRegression:
    """Return the same model for other rows: priors, likelihood, engine and coding kept; ``state`` is its posterior."""
    _check(evidence)
    design = design.refitted(evidence, X)
    idle = ~design.X.any(axis=0) & np.array([not prior.proper for prior in priors.mu])
    if idle.any():
        # a flat coefficient of a level that no row has any more says nothing
        kept = np.flatnonzero(~idle)
        priors = replace(priors, mu=tuple(priors.mu[j] for j in kept))
        design = design.reduced(kept.tolist())
    likelihood = same_likelihood(evidence, likelihood)
    evidence = as_printed(evidence, printed, likelihood.name, engine, one_mean=design.one_mean)
    return _fit(_Job(evidence, likelihood, priors, design, engine, level, seed, chains, state, printed))


def _recipe(job: _Job) -> Recipe:
    options = {
        "likelihood": job.likelihood,
        "priors": job.priors,
        "design": job.design,
        "engine": job.engine,
        "level": job.level,
        "seed": job.seed,
        "chains": job.chains,
        "printed": job.printed,
    }
    return Recipe(_refit, options, {"X": by_label(job.evidence, job.design.X)} if job.design.by_row else {})


def _exact(job: _Job) -> Posterior | PosteriorRegression:
    design, priors = job.design, job.priors
    state = job.state or fit_state(
        job.evidence, job.likelihood, design.X, priors.mu, priors.tau, design.names, one_mean=design.one_mean
    )
    return _assemble(job, state, tau_prior_of(state), error_of(state))


def _sampled(job: _Job) -> Posterior | PosteriorRegression:
    evidence, priors = job.evidence, job.priors
    vi = check_estimates(evidence)[1] if job.likelihood.name == "normal" else evidence.vi
    prior_tau = priors.tau.resolve(vi)
    state = sampled_state(evidence, job.likelihood.name, job.design, priors.mu, prior_tau, job.seed, dict(job.chains))
    return _assemble(job, state, prior_tau, None)


def _assemble(job: _Job, state: Engine, prior_tau: TauPrior, error: float | None) -> Posterior | PosteriorRegression:
    evidence, names = job.evidence, job.design.names
    rows = np.eye(len(names))
    coefficients = {name: state.at(rows[j]) for j, name in enumerate(names)}
    why = {
        "engine": "deterministic quadrature covers this model" if job.engine == "exact" else "asked for",
        "likelihood": job.likelihood.why,
        "mu": job.priors.why_mu,
        "tau": job.priors.why_tau,
    }
    if job.printed is not None:
        why["print_uncertainty"] = print_note(evidence)
    mu = ", ".join(map(repr, job.priors.mu))
    spec = BayesSpec(job.engine, job.likelihood.name, mu, repr(prior_tau), names, job.level, why, entered(evidence))
    new = state.at(rows[0], new=True)
    learned, notes = _notes(job, new.moment_note)
    make = Posterior if job.design.one_mean else PosteriorRegression
    return make(
        table=evidence,
        engine=job.engine,
        likelihood=job.likelihood.name,
        mu=coefficients[names[0]],
        tau=state.tau,
        theta=StudyEffects(evidence.labels, evidence.studies, state.theta),
        theta_new=new,
        coefficients=coefficients,
        prior_mu=job.priors.mu,
        prior_tau=prior_tau,
        spec=spec,
        state=state,
        design=job.design,
        seed=job.seed,
        numerical_error=error,
        tau_learned=learned,
        notes=notes,
        recipe=_recipe(job),
    )


def _notes(job: _Job, moments: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether the data say anything about τ, and the cautions."""
    k = job.evidence.k
    flat = sum(not prior.proper for prior in job.priors.mu)
    learned = k - flat >= 1 and k > 1
    notes = list(job.likelihood.notes)
    if not learned:
        notes.append(
            f"{k} {'study says' if k == 1 else 'studies say'} nothing about τ by themselves: "
            "its posterior is the prior's"
        )
    elif k <= 4:
        notes.append(f"with {k} studies the prior of τ matters: see sensitivity()")
    if job.printed is not None:
        notes.append(print_note(job.evidence))
    return learned, tuple([*notes, moments] if moments else notes)
