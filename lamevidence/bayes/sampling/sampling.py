"""Sampling a PyMC model, and the gate that withholds chains which did not converge."""

from __future__ import annotations

from collections.abc import Sequence, Set
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ...foundation.errors import OptionError, SamplingError
from ...foundation.options import a_choice, a_flag, a_whole, an_instance, shown
from ..models.prior_forms import is_improper
from .arviz_compat import ArvizObject, container, datasets
from .groups import dataset
from .marginal import marginal_log_likelihood, study_effects_of

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["sample"]

SAMPLERS = ("auto", "pymc", "nutpie")
GATES = ("rhat", "ess", "divergences")
RHAT, ESS = 1.01, 400
_MOST_DRAWS = 10**8
_MOST_SEED = 2**63 - 1
"""Seeds beyond it fit neither a sampler nor the attribute of a file."""
_ACCEPT, _RETRY_ACCEPT = 0.95, 0.995


def sample(
    model: pm.Model,
    sampler: str = "auto",
    *,
    chains: int = 4,
    draws: int = 1000,
    tune: int = 1000,
    seed: int | None = None,
    progress: bool = False,
    cores: int | None = None,
    allow: Sequence[str] = (),
) -> ArvizObject:
    """Sample a PyMC model and return an ArviZ object, or raise when the chains did not converge.

    Divergent transitions lead to one retry with twice the tuning and smaller steps. Then every quantity needs
    R-hat ≤ 1.01 and bulk and tail effective sample sizes of at least 400, and no transition may diverge.

    Parameters
    ----------
    model
        A `pymc.Model`, from `lamevidence.models` or your own.
    sampler
        ``nutpie``, ``pymc``, or ``auto``: nutpie if it is installed.
    chains, draws, tune
        Chains, kept draws a chain, and tuning draws.
    seed
        What reproduces the draws on the same versions; recorded. Drawn and recorded when left out.
    progress
        Show a progress bar.
    cores
        Chains run side by side; as many as there are, when left out.
    allow
        Failures of the gate to accept, of ``rhat``, ``ess``, ``divergences``; recorded in the attributes and printed.

    Returns
    -------
    InferenceData or DataTree
        ``posterior``, ``posterior_predictive``, ``prior`` and ``prior_predictive`` (unless a prior is flat),
        ``sample_stats``, ``observed_data``, ``constant_data``, and ``log_likelihood``, which `arviz.loo` and
        `arviz.compare` read: that of each row with the free effects of its study integrated out. Where the model has
        such effects, the likelihood given them is ``log_likelihood_conditional`` (leave-one-out from it is wrong for
        few studies). A model of your own whose rows share effects has no ``log_likelihood``; an attribute says why.

    Raises
    ------
    SamplingError
        The gate is not passed, or the sampler gives up at the start of the model.
    OptionError
        An unknown sampler or gate, too few chains or draws to judge, a model without free or without observed
        variables, or any option that is not what it should be: all are read before anything is sampled.

    See Also
    --------
    lamevidence.pool_bayes : the exact posterior, or ``engine='nuts'``.
    lamevidence.save_posterior : writes what this returns.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, doi:10.1214/20-BA1221.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> model = lam.models.normal_normal(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> tree = lam.models.sample(model, seed=1)  # doctest: +SKIP
    """
    seed = int(np.random.SeedSequence().entropy % 2**31) if seed is None else seed  # type: ignore[operator]
    a_choice("sampler", sampler, SAMPLERS)
    accepted = _accepted(allow)
    fixed = _sizes(chains, draws, tune) | {
        "random_seed": a_whole("seed", seed, 0, _MOST_SEED),
        "progressbar": a_flag("progress", progress),
        "cores": None if cores is None else a_whole("cores", cores, 1, 4096),
    }
    tune = fixed.pop("tune")
    native, attrs = sample_chains(model, sampler_for(model, sampler), tune, accepted, fixed)
    parts = _groups(model, native, attrs, fixed["draws"], fixed["random_seed"], progress)
    return container(parts, attrs)


def sample_chains(
    model: pm.Model, sampler: str, tune: int, allow: tuple[str, ...], fixed: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return chains that passed the gate, as the sampler made them, and what is recorded of them.

    ``fixed`` are the arguments of `pymc.sample` that a retry keeps.
    """
    native = _run(model, sampler, tune, _ACCEPT, fixed)
    retried = _divergences(native) > 0
    if retried:
        native = _run(model, sampler, 2 * tune, _RETRY_ACCEPT, fixed)
    attrs = _gate(native, allow)
    return native, attrs | {"engine": "nuts", "sampler": sampler, "seed": fixed["random_seed"], "retried": int(retried)}


def _accepted(allow: Any) -> tuple[str, ...]:
    listed = isinstance(allow, Sequence | Set) and not isinstance(allow, str | bytes)
    if not listed or not all(isinstance(name, str) and name in GATES for name in allow):
        raise OptionError(f"allow={shown(allow)} · a list of {', '.join(GATES)}")
    return tuple(allow)


def _sizes(chains: int, draws: int, tune: int) -> dict[str, Any]:
    chains = a_whole("chains", chains, 1, 1000)
    draws, tune = a_whole("draws", draws, 1, _MOST_DRAWS // chains), a_whole("tune", tune, 1, _MOST_DRAWS // chains)
    if chains < 2 or draws < 100 or tune < 100:
        raise OptionError("convergence cannot be judged from fewer than 2 chains of 100 draws after 100 of tuning")
    return {"chains": chains, "draws": draws, "tune": tune}


def sampler_for(model: pm.Model, sampler: str) -> str:
    """Return the sampler, or raise where it is missing, or where this is no model to be sampled by it."""
    import pymc as pm

    installed = find_spec("nutpie") is not None
    if sampler == "nutpie" and not installed:
        raise OptionError("nutpie is not installed · pip install nutpie, or sampler='pymc'")
    an_instance("model", model, pm.Model, "take one of lam.models, or write a pymc.Model of your own")
    if not model.free_RVs or not model.observed_RVs:
        raise OptionError("the model needs free variables and observed ones · give the data as observed=")
    if not model.continuous_value_vars:
        raise OptionError("every free variable of the model is discrete · NUTS needs one that is continuous")
    if sampler == "nutpie" and model.discrete_value_vars:
        raise OptionError("nutpie takes no discrete free variables · use sampler='pymc'")
    if sampler != "auto":
        return sampler
    return "nutpie" if installed and not model.discrete_value_vars else "pymc"


def _run(model: pm.Model, sampler: str, tune: int, accept: float, fixed: dict[str, Any]) -> Any:
    import warnings

    import pymc as pm

    with warnings.catch_warnings():
        # what these say, the gate says as an error
        warnings.simplefilter("ignore")
        try:
            return pm.sample(
                model=model,
                tune=tune,
                nuts_sampler=sampler,
                target_accept=accept,
                compute_convergence_checks=False,
                **fixed,
            )
        except (pm.exceptions.SamplingError, RuntimeError) as error:
            # what pymc and nutpie raise of a density that is not finite where the chains start
            raise SamplingError(f"{sampler} gave up: {str(error)[:300]} · look at the priors and the data") from error


def _divergences(native: Any) -> int:
    return int(datasets(native)["sample_stats"]["diverging"].sum())


def _gate(native: Any, allow: tuple[str, ...]) -> dict[str, Any]:
    """Return what was measured, or raise."""
    import arviz as az

    part = datasets(native)["posterior"]
    if not all(bool(np.isfinite(v).all()) for v in part.data_vars.values()):
        raise SamplingError("the chains hold values that are not finite · look at the model")
    # a correlation of a variable with itself, say, never moves: it has no R-hat
    rhat = _extreme(az.rhat(part), np.nanmax)
    ess = min(_extreme(az.ess(part, method=m), np.nanmin) for m in ("bulk", "tail"))
    diverging = _divergences(native)
    failed = {
        "rhat": (rhat > RHAT, f"R-hat {rhat:.3f} (limit {RHAT})"),
        "ess": (ess < ESS, f"effective sample size {ess:.0f} (at least {ESS})"),
        "divergences": (diverging > 0, f"{diverging} divergent transitions after one retry"),
    }
    wrong = {name: words for name, (bad, words) in failed.items() if bad}
    refused = [words for name, words in wrong.items() if name not in allow]
    if refused:
        names = [name for name in wrong if name not in allow]
        raise SamplingError(
            f"the chains did not converge: {'; '.join(refused)} · sample longer, use another parametrisation,"
            f" or accept it on purpose with allow={names}"
        )
    accepted = "; ".join(f"accepted: {words}" for words in wrong.values())
    if accepted:
        print(accepted)
    return {"rhat": rhat, "ess": ess, "divergences": diverging, "allow": ", ".join(allow), "accepted": accepted}


def _extreme(found: Any, pick: Any) -> float:
    return float(pick([pick(np.asarray(v)) for v in found.data_vars.values()]))


def _groups(
    model: pm.Model, native: Any, attrs: dict[str, Any], draws: int, seed: int, progress: bool
) -> dict[str, Any]:
    """Return the groups; why one is missing goes into ``attrs``."""
    import pymc as pm

    parts = datasets(native)
    wanted = ("posterior", "sample_stats", "observed_data", "constant_data")
    out: dict[str, Any] = {name: parts[name] for name in wanted if name in parts}
    # some versions of nutpie also keep the unconstrained variables, others do not
    out["posterior"] = out["posterior"][[v.name for v in model.unobserved_RVs if v.name in out["posterior"]]]
    with model:
        ahead = pm.sample_posterior_predictive(
            out["posterior"], extend_inferencedata=False, random_seed=seed, progressbar=progress
        )
        out["posterior_predictive"] = datasets(ahead)["posterior_predictive"]
        likelihood = pm.compute_log_likelihood(native, extend_inferencedata=False, progressbar=progress)
        if not any(map(is_improper, model.free_RVs)):
            before = datasets(pm.sample_prior_predictive(draws=draws, random_seed=seed))
            out |= {name: before[name] for name in ("prior", "prior_predictive")}
    effects = study_effects_of(model)
    out["log_likelihood_conditional" if effects else "log_likelihood"] = likelihood
    if effects:
        log, why_not = marginal_log_likelihood(model, effects, out["posterior"])
        if log is None:
            attrs["log_likelihood_note"] = f"no marginal log likelihood: {why_not}"
        else:
            name = model.observed_RVs[0].name
            coords = {"study": list(model.coords["study"])}
            out["log_likelihood"] = dataset({name: log}, {name: ("study",)}, coords)
    return out
