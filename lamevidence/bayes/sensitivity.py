"""The same data under other priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..options import shown
from .defaults import default_priors
from .priors import HalfNormal, HalfStudentT, ScalePrior, TauPrior
from .stated import stated_prior

if TYPE_CHECKING:
    import pandas as pd

    from .posterior import Posterior

__all__ = ["prior_grid", "sensitivity"]


def prior_grid(post: Posterior) -> tuple[TauPrior, ...]:
    """Return the automatic grid of priors of τ: the one used, the default with its alternatives, half, double."""
    used = post.prior_tau
    _, default = default_priors(post.table)
    grid: list[TauPrior] = [used]
    if default is not None:
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


def sensitivity(post: Posterior, tau: Sequence[Any] | None = None, mu: Sequence[Any] | None = None) -> pd.DataFrame:
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

    from .pool import pool_bayes

    priors = prior_grid(post) if tau is None else _stated(tau, "tau", post)
    others = [] if mu is None else _stated(mu, "mu", post)
    effects: list[Any] = [post.prior_mu] + [(m, *post.prior_mu[1:]) for m in others]
    lines = []
    for effect in effects:
        for prior in priors:
            fit = pool_bayes(
                replace(post.table, model={}),
                mu=list(effect),
                tau=prior,
                likelihood=post.likelihood,
                moderators=post.X,
                level=post.level,
                engine="exact",
            )
            low, high = fit.interval()
            new_low, new_high = fit.prediction()
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


def _stated(given: Any, role: str, post: Posterior) -> list[Any]:
    if not isinstance(given, list | tuple) or not given:
        raise OptionError(f"{role}={shown(given)} is not a list of priors · give one or more, [lam.HalfNormal(…), …]")
    return [stated_prior(p, role, post.unit) for p in given]
