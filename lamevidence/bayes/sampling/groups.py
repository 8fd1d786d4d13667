"""What every engine hands over: the same groups, names and dimensions, as one xarray Dataset a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ..counts.families import study_likelihoods
from .draws import Draws, posterior_draws, prior_draws

if TYPE_CHECKING:
    from ..posterior_base import PosteriorBase

__all__ = ["DRAWS", "OBSERVED", "constants", "dataset", "groups", "observed", "observed_name"]

DRAWS = (1000, 4)
"""Draws a chain, and chains, when none are given."""

OBSERVED = {
    "binomial": ("xi",),
    "poisson": ("xi",),
    "hypergeometric": ("ai",),
    "conditional-binomial": ("x1i",),
    "hazard": ("patients", "events"),
}
"""Likelihood of counts → the count that is modelled; of a hazard that of the row's kind."""


def observed_name(likelihood: str) -> str:
    """Return what the datum is called in every group: ``estimate`` or ``events``."""
    return "events" if likelihood in OBSERVED else "estimate"


def observed(table: EvidenceTable, likelihood: str) -> FloatArray:
    """Return the datum of each row, (k,)."""
    if likelihood not in OBSERVED:
        return np.asarray(table.yi)
    held = [table.counts[name] for name in OBSERVED[likelihood] if name in table.counts]
    return np.asarray(held[0] if len(held) == 1 else np.where(np.isnan(held[0]), held[1], held[0]))


def constants(table: EvidenceTable, likelihood: str) -> dict[str, FloatArray]:
    """Return what the model takes as known: standard errors, or the other counts."""
    assert table.n is not None
    if likelihood in OBSERVED:
        return {name: column for name, column in table.counts.items() if name not in OBSERVED[likelihood]}
    known = {"se": table.sei}
    return known | {"n": table.n} if likelihood == "t" or np.isfinite(table.n).any() else known


def dataset(
    variables: Mapping[str, Any], dims: Mapping[str, tuple[str, ...]], coords: Mapping[str, Any], *, draws: bool = True
) -> Any:
    """Return a Dataset; with ``draws`` every variable starts with ``chain`` and ``draw``."""
    import xarray

    lead = ("chain", "draw") if draws else ()
    data = {name: ((*lead, *dims.get(name, ())), np.asarray(value)) for name, value in variables.items()}
    used = {d for dim, _ in data.values() for d in dim}
    places = {name: np.asarray(values) for name, values in coords.items() if name in used}
    if draws and data:
        shape = next(iter(data.values()))[1].shape
        places |= {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    return xarray.Dataset(data, coords=places)


_DIMS: dict[str, tuple[str, ...]] = {"theta": ("study",), "beta": ("coef",)}


def groups(post: PosteriorBase, draws: int, chains: int, seed: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (group → Dataset, attributes)."""
    seed = next(s for s in (seed, post.seed, 0) if s is not None)
    name = observed_name(post.likelihood)
    coords = {"study": list(post.table.labels), "coef": list(post.coefficients)}
    dims = {**_DIMS, name: ("study",)}
    shape = (chains, draws, post.k)
    kept: Draws | None = getattr(post.state, "kept", None)
    drawn = posterior_draws(post, draws, chains, seed) if kept is None else kept
    out = {"posterior": dataset(_parameters(post, drawn), dims, coords)}

    def replicated(source: Draws, number: int) -> Any:
        return dataset({name: _replicate(post, source, [seed, number]).reshape(shape)}, dims, coords)

    out["posterior_predictive"] = replicated(drawn, 1)
    out["log_likelihood"] = dataset({name: post.pointwise_log_likelihood(drawn)}, dims, coords)
    if kept is not None:
        out["sample_stats"] = post.state.statistics  # type: ignore[attr-defined]
    if post.proper:
        before = prior_draws(post, draws, chains, seed + 1)
        out["prior"] = dataset(_parameters(post, before), dims, coords)
        out["prior_predictive"] = replicated(before, 2)
        out["log_prior"] = dataset(_log_prior(post, drawn), dims, coords)
    known = constants(post.table, post.likelihood)
    flat: dict[str, tuple[str, ...]] = dict.fromkeys((name, *known), ("study",))
    out["observed_data"] = dataset({name: observed(post.table, post.likelihood)}, flat, coords, draws=False)
    design = {"X": post.X}
    out["constant_data"] = dataset({**known, **design}, {**flat, "X": ("study", "coef")}, coords, draws=False)
    return out, _attributes(post, seed)


def _parameters(post: PosteriorBase, drawn: Draws) -> dict[str, FloatArray]:
    found = {"mu": drawn.mu, "tau": drawn.tau, "theta": drawn.theta, "theta_new": drawn.theta_new}
    return found | ({"beta": drawn.beta} if len(post.coefficients) > 1 else {})


def _replicate(post: PosteriorBase, drawn: Draws, seed: list[int]) -> FloatArray:
    """One replicate of all rows for each draw, with new true effects, (n, k)."""
    rng = np.random.default_rng(seed)
    flat = drawn.flat()
    theta = flat["beta"] @ post.X.T + flat["tau"][:, None] * rng.standard_normal(flat["theta"].shape)
    rows = study_likelihoods(post.table, post.likelihood)
    return np.column_stack([row.sample(theta[:, i], rng) for i, row in enumerate(rows)])


def _log_prior(post: PosteriorBase, drawn: Draws) -> dict[str, FloatArray]:
    """Log prior density of what has a prior of its own, so that it can be power-scaled."""
    found = {"tau": post.prior_tau.logpdf(drawn.tau), "mu": post.prior_mu[0].logpdf(drawn.mu)}
    if len(post.coefficients) > 1:
        found["beta"] = np.stack([p.logpdf(drawn.beta[..., j]) for j, p in enumerate(post.prior_mu)], axis=-1)
    return found


def _attributes(post: PosteriorBase, seed: int) -> dict[str, Any]:
    """Plain strings and numbers, which netCDF keeps."""
    from ... import __version__

    found: dict[str, Any] = {
        "engine": post.engine,
        "likelihood": post.likelihood,
        "lamevidence_version": __version__,
        "evidence": post.table.fingerprint,
        "title": post.table.title,
        "measure": post.measure,
        "unit": post.unit or "",
        "prior_mu": "; ".join(map(repr, post.prior_mu)),
        "prior_tau": repr(post.prior_tau),
        "seed": seed,
        "notes": " · ".join(post.notes),
    }
    if post.numerical_error is not None:
        found["numerical_error"] = post.numerical_error
    if not post.proper:
        found["prior_groups"] = "absent: an improper prior cannot be drawn from"
    return found | dict(getattr(post.state, "attributes", {}))
