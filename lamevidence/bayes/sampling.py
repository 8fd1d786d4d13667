"""Sampling a PyMC model, and the gate that withholds chains which did not converge."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..errors import OptionError, SamplingError
from .arviz_compat import container, datasets

__all__ = ["sample"]

SAMPLERS = ("auto", "pymc", "nutpie")
GATES = ("rhat", "ess", "divergences")
RHAT, ESS = 1.01, 400
_ACCEPT, _RETRY_ACCEPT = 0.95, 0.995


def sample(
    model: Any,
    sampler: str = "auto",
    *,
    chains: int = 4,
    draws: int = 1000,
    tune: int = 1000,
    seed: int | None = None,
    progress: bool = False,
    cores: int | None = None,
    allow: Sequence[str] = (),
) -> Any:
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
        ``sample_stats``, ``observed_data``, ``constant_data``, and ``log_likelihood``: under the name
        ``log_likelihood_conditional`` where the model keeps one free effect a study, because leave-one-out from it
        is wrong for few studies.

    Raises
    ------
    SamplingError
        The gate is not passed.
    OptionError
        An unknown sampler or gate, or too few chains or draws to judge.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, doi:10.1214/20-BA1221.
    """
    seed = int(np.random.SeedSequence().entropy % 2**31) if seed is None else seed  # type: ignore[operator]
    fixed = {"draws": draws, "chains": chains, "random_seed": seed, "progressbar": progress, "cores": cores}
    native, attrs = sample_chains(model, sampler, tune, allow, fixed)
    return container(_groups(model, native, draws, seed, progress), attrs)


def sample_chains(
    model: Any, sampler: str, tune: int, allow: Sequence[str], fixed: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return chains that passed the gate, as the sampler made them, and what is recorded of them.

    ``fixed`` are the arguments of `pymc.sample` that a retry keeps.
    """
    _check(sampler, fixed["chains"], fixed["draws"], tune, allow)
    if sampler == "auto":
        sampler = "nutpie" if find_spec("nutpie") else "pymc"
    native = _run(model, sampler, tune, _ACCEPT, fixed)
    retried = _divergences(native) > 0
    if retried:
        native = _run(model, sampler, 2 * tune, _RETRY_ACCEPT, fixed)
    attrs = _gate(native, tuple(allow))
    return native, attrs | {"engine": "nuts", "sampler": sampler, "seed": fixed["random_seed"], "retried": int(retried)}


def _check(sampler: str, chains: int, draws: int, tune: int, allow: Sequence[str]) -> None:
    if sampler not in SAMPLERS:
        raise OptionError(f"sampler={sampler!r} · choices: {', '.join(SAMPLERS)}")
    if sampler == "nutpie" and find_spec("nutpie") is None:
        raise OptionError("nutpie is not installed · pip install nutpie, or sampler='pymc'")
    if isinstance(allow, str) or not set(allow) <= set(GATES):
        raise OptionError(f"allow={allow!r} · a list of {', '.join(GATES)}")
    if chains < 2 or draws < 100 or tune < 100:
        raise OptionError("convergence cannot be judged from fewer than 2 chains of 100 draws after 100 of tuning")


def _run(model: Any, sampler: str, tune: int, accept: float, fixed: dict[str, Any]) -> Any:
    import warnings

    import pymc as pm

    with warnings.catch_warnings():
        # what these say, the gate says as an error
        warnings.simplefilter("ignore")
        return pm.sample(
            model=model,
            tune=tune,
            nuts_sampler=sampler,
            target_accept=accept,
            compute_convergence_checks=False,
            **fixed,
        )


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


def _groups(model: Any, native: Any, draws: int, seed: int, progress: bool) -> dict[str, Any]:
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
        if all(rv.owner.op.name not in ("flat", "halfflat") for rv in model.free_RVs):
            before = datasets(pm.sample_prior_predictive(draws=draws, random_seed=seed))
            out |= {name: before[name] for name in ("prior", "prior_predictive")}
    free = any("study" in (model.named_vars_to_dims.get(rv.name) or ()) for rv in model.free_RVs)
    out["log_likelihood_conditional" if free else "log_likelihood"] = likelihood
    return out
