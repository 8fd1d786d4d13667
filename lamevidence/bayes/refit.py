"""The same model and priors on some of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .effect_priors import Flat, Normal
from .exact_state import ExactState
from .likelihoods import Likelihood
from .normal_normal import fit_normal
from .two_level import fit_two_level

if TYPE_CHECKING:
    from .posterior import Posterior

__all__ = ["refit"]


def refit(post: Posterior, keep: Sequence[int]) -> Any:
    """Return the exact state of the rows ``keep`` under the priors of ``post``, data-defined ones unchanged."""
    idx = np.asarray(keep, dtype=np.intp)
    X = post.X[idx]
    if post.likelihood == "normal" and all(isinstance(p, Normal | Flat) for p in post.prior_mu):
        fit = fit_normal(post.table.yi[idx], post.table.vi[idx], X, post.prior_mu, post.prior_tau)
        return ExactState(fit, post.prior_mu, post.unit)
    return fit_two_level(
        post.table.subset(list(keep)), Likelihood(post.likelihood, "refit"), X, post.prior_mu, post.prior_tau
    )
