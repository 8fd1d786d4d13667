"""Statistics with power against the ways in which a random-effects model fails, each with a p value of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..bayes.counts.families import study_likelihoods
from ..bayes.predictive.loo import exact_state_of
from ..bayes.sampling.groups import OBSERVED, observed
from ..effects.measures.base import FloatArray
from ..foundation.errors import LamEvidenceError
from .working_scale import Fitted, WorkingModel, WorkingScale, tau_nodes, working_scale

if TYPE_CHECKING:
    from ..bayes.posterior import PosteriorBase
    from ..bayes.predictive.loo import LeaveOneOut

__all__ = [
    "STATISTICS",
    "WEIGHTS",
    "Replicates",
    "Statistic",
    "between",
    "misfits",
    "replicates",
    "shares",
    "tail",
]

STATISTICS = {
    "loo_pit": "a row that the others do not predict",
    "groups": "groups with means of their own",
    "zeros": "rows without events that the others do not predict",
    "skewness": "skewed effects",
    "scale": "standard errors that are too small, or more spread than the prior of τ expects",
    "q": "standard errors that are too large",
    "max_z": "a large residual",
}
"""Statistic → the misfit it is there for."""
WEIGHTS = {"loo_pit": 0.45, "groups": 2.0, "zeros": 0.1, "skewness": 0.35, "scale": 0.7, "q": 0.05, "max_z": 0.02}
"""Fixed shares of the error rate, before they are divided by their sum over the statistics that are tested."""
OF_COUNTS = WEIGHTS | {"loo_pit": 1.2, "scale": 0.3}
"""The same for counts, for which leave-one-out is exact and ``scale`` is an approximation."""
FACTOR = 3.0
"""The standard errors that ``scale`` compares with those given are this much larger."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic of the data with its p value.

    Attributes
    ----------
    name
        A key of `STATISTICS`.
    value
        Its value.
    p
        Its p value, not adjusted for the others.
    where
        What it is largest for: a row, or rows.
    """

    name: str
    value: float
    p: float
    where: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """The design on its working scale, and data of new studies of this design.

    Attributes
    ----------
    scale, model, wide
        The working scale, the model on it, and the model with standard errors three times as large.
    y
        The data on the working scale, (1, k).
    new
        Replicates with μ and τ from the posterior, (draws, k).
    prior
        The same with τ from its prior; None where that is improper.
    fitted
        What the replicates give.
    tau, mean
        Draws of τ, (draws,), and of the rows' means around the fit, (draws, k), behind ``new``.
    beta
        Draws of the coefficients, (draws, p).
    nodes
        Nodes of τ of the working models.
    """

    scale: WorkingScale
    model: WorkingModel
    wide: WorkingModel
    y: FloatArray
    new: FloatArray
    prior: FloatArray | None
    fitted: Fitted
    tau: FloatArray
    mean: FloatArray
    beta: FloatArray
    nodes: FloatArray


def replicates(post: PosteriorBase, draws: int, seed: int) -> Replicates:
    """Return replicates of the design of ``post``."""
    rng = np.random.default_rng([seed, 2])
    scale = working_scale(post)
    flat = post.state.draw(np.random.default_rng(seed), draws, effects=False)
    rows = study_likelihoods(post.table, post.likelihood)

    def drawn(tau: FloatArray) -> FloatArray:
        theta = flat["beta"] @ post.X.T + tau[:, None] * rng.standard_normal((draws, post.k))
        return scale.of(np.column_stack([row.sample(theta[:, i], rng) for i, row in enumerate(rows)]))

    y = scale.of(observed(post.table, post.likelihood))[None, :]
    nodes = tau_nodes(post, scale.vi, y)
    model = WorkingModel(scale.vi, scale.X, nodes)
    new = drawn(flat["tau"])
    prior = drawn(np.asarray(post.prior_tau.quantile(rng.uniform(size=draws)))) if post.prior_tau.proper else None
    at = np.array([law.median for law in post.coefficients.values()])
    return Replicates(
        scale,
        model,
        WorkingModel(FACTOR**2 * scale.vi, scale.X, nodes),
        y,
        new,
        prior,
        model.fit(new),
        flat["tau"],
        (flat["beta"] - at) @ scale.X.T,
        flat["beta"],
        nodes,
    )


def tail(value: FloatArray, drawn: FloatArray) -> FloatArray:
    """Return the share of the draws that are at least ``value``, the data counted among them, (n,)."""
    ordered = np.sort(drawn)
    return np.asarray((1.0 + drawn.size - np.searchsorted(ordered, value, side="left")) / (1.0 + drawn.size))


def skewness(z: FloatArray) -> FloatArray:
    """Correlation of the ordered residuals (n, k) with the squares of their normal scores, (n,).

    For skewed effects it has more power than the third moment.
    """
    k = z.shape[1]
    squares = special.ndtri((np.arange(1, k + 1) - 0.375) / (k + 0.25)) ** 2
    curve = squares - squares.mean()
    gap = np.sort(z, axis=1) - z.mean(axis=1, keepdims=True)
    length = np.sqrt((gap * gap).sum(axis=1) * (curve @ curve))
    return np.asarray(gap @ curve / np.where(length > 0, length, 1.0))


def cochran_q(reps: Replicates, y: FloatArray) -> FloatArray:
    """Σ (y − Xb)²/v of working estimates (n, k), (n,)."""
    w = 1.0 / np.sqrt(reps.scale.vi)
    X = reps.scale.X * w[:, None]
    basis = np.linalg.qr(X)[0]
    at = y * w
    return np.asarray((at * at).sum(axis=1) - ((at @ basis) ** 2).sum(axis=1))


def wide_ratio(reps: Replicates, y: FloatArray) -> FloatArray:
    """Log Bayes factor for standard errors three times as large, (n,)."""
    return reps.wide.log(y) - reps.model.log(y)


def between(reps: Replicates, apart: WorkingModel, y: FloatArray) -> FloatArray:
    """P value of no difference between groups, τ integrated over its law where they differ, (n,).

    Given τ the difference of the weighted sums of squares is χ² with the number of added coefficients.
    """
    given = apart.log_given(y)
    weight = np.exp(given - given.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    gain = np.maximum(reps.model.square(y) - apart.square(y), 0.0)
    return np.asarray((weight * special.chdtrc(apart.X.shape[1] - reps.model.X.shape[1], gain)).sum(axis=1))


def misfits(
    post: PosteriorBase, reps: Replicates, loo: LeaveOneOut | str, apart: WorkingModel | str
) -> tuple[dict[str, Statistic], dict[str, str]]:
    """Return the statistics of the data that can be tested, and why the others cannot.

    Parameters
    ----------
    post
        The result.
    reps
        Replicates of its design.
    loo
        Leave-one-out predictions, or why there are none.
    apart
        The working model with a mean for each group, or why there is none.
    """
    found: dict[str, Statistic] = {}
    missing: dict[str, str] = {}

    def put(name: str, made: Callable[[], Statistic] | str) -> None:
        if isinstance(made, str):
            missing[name] = made
        else:
            found[name] = made()

    informative, p = reps.scale.X.shape
    few = "" if informative >= p + 2 else f"{informative} rows with information for {p} coefficient{'s'[: p > 1]}"
    z = reps.model.fit(reps.y).z if not few else reps.y
    labels = [post.table.labels[i] for i in reps.scale.kept]
    put("loo_pit", loo if isinstance(loo, str) else lambda: _worst(loo))
    put("groups", apart if isinstance(apart, str) else lambda: _groups(reps, apart))
    zeros = _zeros(post)
    put("zeros", zeros if isinstance(zeros, str) else lambda: zeros)
    skewed = few or ("" if informative >= p + 3 else f"{informative} rows have no shape")
    put("skewness", skewed or (lambda: _skewness(reps, z)))
    prior = few or ("" if reps.prior is not None else f"the prior of τ, {post.prior_tau!r}, is improper")
    put("scale", prior or (lambda: _scale(reps)))
    put("q", few or (lambda: _q(reps)))
    put("max_z", few or (lambda: _largest(reps, z, labels)))
    return found, missing


def _worst(loo: LeaveOneOut) -> Statistic:
    adjusted = loo.p_holm
    i = int(np.argmin(np.where(adjusted < 1.0, adjusted, 1.0 + np.minimum(loo.pit, 1.0 - loo.pit))))
    return Statistic("loo_pit", float(loo.pit[i]), float(adjusted[i]), loo.labels[i])


def _groups(reps: Replicates, apart: WorkingModel) -> Statistic:
    p = float(between(reps, apart, reps.y)[0])
    return Statistic("groups", float(special.chdtri(apart.X.shape[1] - reps.model.X.shape[1], p)), p)


def _skewness(reps: Replicates, z: FloatArray) -> Statistic:
    value = skewness(z)
    drawn = skewness(reps.fitted.z)
    p = 2.0 * np.minimum(tail(value, drawn), tail(-value, -drawn))
    return Statistic("skewness", float(value[0]), min(1.0, float(p[0])))


def _scale(reps: Replicates) -> Statistic:
    assert reps.prior is not None
    value = wide_ratio(reps, reps.y)
    return Statistic("scale", float(value[0]), float(tail(value, wide_ratio(reps, reps.prior))[0]))


def _q(reps: Replicates) -> Statistic:
    value = cochran_q(reps, reps.y)
    return Statistic("q", float(value[0]), float(tail(-value, -cochran_q(reps, reps.new))[0]))


def _largest(reps: Replicates, z: FloatArray, labels: list[str]) -> Statistic:
    i = int(np.argmax(np.abs(z[0])))
    drawn = np.abs(reps.fitted.z).max(axis=1)
    return Statistic("max_z", float(z[0, i]), float(tail(np.abs(z[:, i]), drawn)[0]), labels[i])


def _zeros(post: PosteriorBase) -> Statistic | str:
    """Probability that the rows without events have none given the others, times the ways to choose as many rows.

    Under the model such a product is at most α with probability ≤ α for each number of rows: what the others predict
    is integrated over their posterior, so that nothing is used twice.
    """
    if post.likelihood not in OBSERVED:
        return "the data are estimates, not counts"
    rows = study_likelihoods(post.table, post.likelihood)
    events = observed(post.table, post.likelihood)
    open_rows = [i for i, row in enumerate(rows) if row.below or row.above]
    empty = [i for i in open_rows if events[i] == 0]
    rest = [i for i in open_rows if events[i] != 0]
    if not open_rows:
        return "no row carries information"
    if not empty:
        return Statistic("zeros", 0.0, 1.0)
    if not rest:
        return "no row has events to predict the others from"
    whole = post.state if post.engine == "exact" and len(open_rows) == post.k else None
    try:
        log = (whole or exact_state_of(post, open_rows)).log_marginal - exact_state_of(post, rest).log_marginal
    except LamEvidenceError as error:
        return str(error).partition(" · ")[0]
    ways = np.log(special.comb(len(open_rows), len(empty)))
    where = ", ".join(post.table.labels[i] for i in empty)
    return Statistic("zeros", float(len(empty)), float(np.exp(min(0.0, log + ways))), where)


def shares(names: Mapping[str, object], likelihood: str) -> dict[str, float]:
    """Return the share of the error rate of each statistic that is tested."""
    weights = OF_COUNTS if likelihood in OBSERVED else WEIGHTS
    total = sum(weights[name] for name in names)
    return {name: weights[name] / total for name in names}
