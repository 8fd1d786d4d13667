"""Conflict between sources: between groups of studies, and between the priors and the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bayes.counts.families import study_likelihoods
from ..bayes.exact.exact_state import ExactState
from ..bayes.exact.mixture import NormalMixture
from ..bayes.posterior import POSTERIORS, PosteriorBase
from ..bayes.predictive.loo import exact_state_of
from ..bayes.sampling.groups import observed
from ..effects.given_numbers import names_of
from ..effects.measures.base import FloatArray
from ..foundation.errors import ImproperPosterior, InputError, NotEstimable, UnknownName
from ..foundation.multiple_tests import holm
from ..foundation.options import a_seed, a_whole, an_instance
from .predictive import FEW, predictive_check
from .tables import CheckTable

__all__ = ["node_split", "prior_data_conflict"]

_DRAWS = 20_000


def node_split(fit: PosteriorBase, by: str | Sequence[str] = "design", seed: int | None = None) -> CheckTable:
    """Compare each group of studies with what all the other studies predict for it.

    Every group is taken out, the model is refitted exactly to the rest under the same priors, and the inverse-variance
    mean of the group (events in total, for counts) is placed in its predictive distribution: given μ and τ it is
    N(μ, Σ aᵢ²(vᵢ + τ²)), aᵢ = wᵢ/Σw. The p-value is two-sided, adjusted over the groups by Holm's method.

    Parameters
    ----------
    fit
        Result of `pool_bayes`.
    by
        ``design``, ``group``, ``label``, the name of a moderator, or one name a row.
    seed
        For likelihoods other than the normal, whose predictive distribution of a total is simulated.

    Returns
    -------
    CheckTable
        ``group``, ``k``, ``observed``, ``predicted`` (median), ``low``, ``high`` (95 %), ``pit``, ``p``, ``p_holm``.

    Raises
    ------
    InputError
        All rows are of one group, or ``by`` has another length.
    NotEstimable
        The other rows do not determine the coefficients.

    See Also
    --------
    prior_data_conflict : Whether the data surprise the prior.

    References
    ----------
    Presanis, Ohlssen, Spiegelhalter & De Angelis 2013, doi:10.1214/13-STS426.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, 3, -2.5], sei=[2, 3, 2.5, 3.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> lam.checks.node_split(post, by=["trial", "trial", "series", "series"])["group"]
    ('trial', 'series')
    """
    an_instance("fit", fit, POSTERIORS, "give what lam.pool_bayes returns")
    a_seed(seed)
    names, title = _groups(fit, by)
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) < 2:
        raise InputError(f"all {fit.k} rows are of one {title} ({distinct[0]}) · a split needs two")
    rng = np.random.default_rng(next(s for s in (seed, fit.seed, 0) if s is not None))
    lines = np.array([_split(fit, [n == g for n in names], rng) for g in distinct])
    seen, middle, low, high, pit = lines.T
    p = np.minimum(1.0, 2 * np.minimum(pit, 1 - pit))
    adjusted = holm(p)
    worst = int(np.argmin(adjusted))
    word = "conflicts with" if adjusted[worst] < 0.05 else "agrees with"
    sentence = (
        f"{distinct[worst]} {word} what the other rows predict for it (observed {seen[worst]:.3g}, "
        f"predicted {middle[worst]:.3g}, 95% {low[worst]:.3g} to {high[worst]:.3g}; Holm p = {adjusted[worst]:.3f})."
    )
    columns = {
        "group": distinct,
        "k": np.array([names.count(g) for g in distinct]),
        "observed": seen, "predicted": middle, "low": low, "high": high,
        "pit": pit, "p": p, "p_holm": adjusted,
    }  # fmt: skip
    few = ("groups of few studies conflict detectably only when they differ much",)
    return CheckTable("node_split", f"Conflict between groups, by {title}", columns, sentence, few, fit)


def _groups(post: PosteriorBase, by: str | Sequence[str]) -> tuple[list[str], str]:
    table = post.table
    if not isinstance(by, str):
        return list(names_of(by, "by", post.k)), "given group"
    known: dict[str, Any] = {"label": table.labels, **table.moderators}
    for name, values in (("design", table.designs), ("group", table.groups)):
        if values:
            known[name] = values
    if by not in known:
        raise UnknownName("grouping", by, known)
    return [str(v) for v in known[by]], by


def _split(post: PosteriorBase, inside: Sequence[bool], rng: np.random.Generator) -> tuple[float, ...]:
    """Observed statistic of one group; median, interval and PIT of its prediction from the other rows."""
    taken, rest = np.flatnonzero(inside), np.flatnonzero(~np.asarray(inside))
    flat = sum(not prior.proper for prior in post.prior_mu)
    if flat and np.linalg.matrix_rank(post.X[rest]) < post.X.shape[1]:
        raise NotEstimable(
            "without this group the flat coefficients are not determined · give their priors as Normal(…)"
        )
    state = exact_state_of(post, rest.tolist())
    if isinstance(state, ExactState):
        y, v, X = post.table.yi[taken], post.table.vi[taken], post.X[taken]
        a = (1 / v) / (1 / v).sum()
        fit, x = state.fit, a @ X
        variance = np.einsum("mpq,p,q->m", fit.V, x, x) + float(a * a @ v) + float(a @ a) * fit.grid.tau**2
        ahead = NormalMixture(fit.grid.weight, fit.b @ x + float(fit.model.shift @ x), np.sqrt(variance))
        seen = float(a @ y)
        return seen, ahead.median, *ahead.interval(0.95), float(ahead.cdf(seen))
    return _simulated(post, state, taken, rng)


def _simulated(
    post: PosteriorBase,
    state: Any,  # noqa: ANN401
    taken: Any,  # noqa: ANN401
    rng: np.random.Generator,
) -> tuple[float, ...]:
    rows = study_likelihoods(post.table, post.likelihood)
    raw = state.draw(rng, _DRAWS)
    theta = raw["beta"] @ post.X[taken].T
    theta = theta + raw["tau"][:, None] * rng.standard_normal(theta.shape)
    drawn = np.column_stack([rows[i].sample(theta[:, j], rng) for j, i in enumerate(taken)])
    data = observed(post.table, post.likelihood)[taken]
    if post.likelihood == "t":
        w = 1 / post.table.vi[taken]
        drawn, data = drawn * (w / w.sum()), data * (w / w.sum())
    total, seen = drawn.sum(1), float(data.sum())
    pit = float(np.mean(total < seen) + 0.5 * np.mean(total == seen))
    low, middle, high = (float(q) for q in np.quantile(total, [0.025, 0.5, 0.975]))
    return seen, middle, low, high, pit


def prior_data_conflict(fit: PosteriorBase, draws: int = _DRAWS, seed: int | None = None) -> CheckTable:
    """Ask whether the data are unusual under the priors, before the data have moved them (Box's predictive p-values).

    The statistics are Q (is τ's prior too small or too large?) and the inverse-variance mean (is μ's prior elsewhere?)
    of data drawn from the priors; for counts, Q of `predictive_check` and the events in total.

    Parameters
    ----------
    fit
        Result of `pool_bayes` with proper priors.
    draws, seed
        Number of data sets drawn from the priors, and what reproduces them.

    Returns
    -------
    CheckTable
        ``statistic``, ``observed``, ``median``, ``low``, ``high``, ``p``: upper tail for Q, two-sided for the other.

    Raises
    ------
    ImproperPosterior
        A prior is improper and predicts nothing.

    See Also
    --------
    prior_learning : How far the data moved the priors.

    References
    ----------
    Box 1980, doi:10.2307/2982063.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> lam.checks.prior_data_conflict(post, seed=1)["statistic"]
    ('q', 'mean')
    """
    an_instance("fit", fit, POSTERIORS, "give what lam.pool_bayes returns")
    draws = a_whole("draws", draws, FEW, 10**7)
    if not fit.proper:
        raise ImproperPosterior("an improper prior predicts no data · give mu=Normal(…) and a proper prior of τ")
    estimates = fit.likelihood in ("normal", "t")
    check = predictive_check(fit, ["q"] if estimates else ["q", "total"], draws=draws, seed=seed, source="prior")
    second, seen, drawn = _location(fit, check, estimates)
    upper = float(np.mean(drawn > seen) + 0.5 * np.mean(drawn == seen))
    p = np.array([check.p("q"), min(1.0, 2 * min(upper, 1 - upper))])
    both = [check.replicated["q"], drawn]
    low, middle, high = np.array([np.quantile(x, [0.025, 0.5, 0.975]) for x in both]).T
    worst = (
        "No conflict" if p.min() >= 0.05 else f"The data conflict with the prior in {('q', second)[int(p.argmin())]}"
    )
    columns = {
        "statistic": ("q", second),
        "observed": np.array([check.observed["q"], seen]),
        "median": middle, "low": low, "high": high, "p": p,
    }  # fmt: skip
    sentence = f"{worst} (Q p = {p[0]:.3f}, {second} p = {p[1]:.3f})."
    return CheckTable("prior_data_conflict", "Prior against data", columns, sentence, (), fit)


def _location(post: PosteriorBase, check: Any, estimates: bool) -> tuple[str, float, FloatArray]:  # noqa: ANN401
    if not estimates:
        return "total", check.observed["total"], check.replicated["total"]
    w = 1.0 / post.table.vi
    return "mean", float(post.table.yi @ w / w.sum()), np.asarray(check.rows @ w / w.sum())
