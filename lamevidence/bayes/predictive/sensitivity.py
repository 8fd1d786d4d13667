"""The same data under other priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...foundation.errors import OptionError
from ...foundation.options import shown
from ..priors.base import HalfNormal, HalfStudentT, ScalePrior, TauPrior
from ..priors.defaults import default_priors
from ..priors.prior_parsing import PriorLike, mu_prior, tau_prior
from ..spec import Priors

if TYPE_CHECKING:
    import pandas as pd

    from ..posterior_base import PosteriorBase

__all__ = ["prior_grid", "sensitivity"]


def prior_grid(post: PosteriorBase) -> tuple[TauPrior, ...]:
    """Return the automatic grid of priors of τ: the one used, the default with its alternatives, half, double."""
    used = post.prior_tau
    _, default = default_priors(post.table)
    grid: list[TauPrior] = [used]
    if default is not None and isinstance(default.prior, TauPrior):
        grid += [default.prior.convert(post.unit), *(p.convert(post.unit) for p in default.alternatives)]
    elif isinstance(used, HalfNormal):
        s, unit = used.scale, used.unit
        grid += [HalfNormal(s / 2, unit), HalfNormal(2 * s, unit), HalfStudentT(4, s, unit)]
    elif isinstance(used, ScalePrior):
        grid += [used._rescaled(0.5, used.unit), used._rescaled(2.0, used.unit)]
    seen: dict[str, TauPrior] = {}
    for prior in grid:
        seen.setdefault(repr(prior), prior)
    return tuple(seen.values())


def sensitivity(
    post: PosteriorBase, tau: Sequence[PriorLike] | None = None, mu: Sequence[PriorLike] | None = None
) -> pd.DataFrame:
    """Return one line for each prior: μ, τ and θ_new under it.

    Parameters
    ----------
    post
        The result to vary.
    tau
        Priors of τ; left out, the automatic grid.
    mu
        Priors of the mean effect to try beside the one used.
    """
    import pandas as pd

    if post.recipe is None:
        raise OptionError("this posterior was put together by hand and cannot be fitted anew · make it with pool_bayes")
    priors = prior_grid(post) if tau is None else [tau_prior(p, post.unit) for p in _listed("tau", tau)]
    others = [] if mu is None else [mu_prior(p, post.unit) for p in _listed("mu", mu)]
    effects = [post.prior_mu, *((m, *post.prior_mu[1:]) for m in others)]
    used: Priors = post.recipe.options["priors"]
    lines = []
    for effect in effects:
        for prior in priors:
            changed = {"priors": replace(used, mu=effect, tau=prior), "engine": "exact", "chains": {}}
            fit = replace(post.recipe, options={**post.recipe.options, **changed})(post.table)
            low, high = fit.mu.interval(post.level)
            new_low, new_high = fit.theta_new.interval(post.level)
            lines.append(
                {
                    "mu_prior": repr(fit.prior_mu[0]),
                    "tau_prior": repr(fit.prior_tau),
                    "used": prior is post.prior_tau and effect is post.prior_mu,
                    "mu": fit.mu.median,
                    "low": low,
                    "high": high,
                    "tau": fit.tau.median,
                    "new_low": new_low,
                    "new_high": new_high,
                    "log_marginal": fit.state.log_marginal if fit.proper else float("nan"),
                }
            )
    return pd.DataFrame(lines)


def _listed(role: str, given: object) -> Sequence[PriorLike]:
    if not isinstance(given, list | tuple) or not given:
        raise OptionError(
            f"{role}={shown(given)} is not a list of priors · give one or more, [lam.priors.HalfNormal(…), …]"
        )
    return given
