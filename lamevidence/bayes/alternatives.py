"""The same rows and priors under the other likelihoods: standard errors known or estimated, counts or their estimates.

A t likelihood for a few patients and a normal one can tell different stories of one outlying study, so that a report
shows both.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import LamEvidenceError
from .counts.likelihoods import choose_likelihood
from .counts.standard_errors import degrees_of_freedom, estimated

if TYPE_CHECKING:
    import pandas as pd

    from .posterior_base import PosteriorBase

__all__ = ["alternatives", "others", "under"]

_COLUMNS = ("mu", "low", "high", "tau", "tau_low", "tau_high", "prediction_low", "prediction_high")


def under(post: PosteriorBase, likelihood: str) -> PosteriorBase:
    """Return the exact posterior of the same rows and priors under another likelihood.

    Raises
    ------
    LamEvidenceError
        It does not exist for these rows.
    """
    assert post.recipe is not None
    chosen = replace(choose_likelihood(post.table, likelihood), why="compared")
    made: PosteriorBase = replace(
        post.recipe, options={**post.recipe.options, "likelihood": chosen, "engine": "exact", "chains": {}}
    )(post.table)
    return made


def others(post: PosteriorBase) -> tuple[str, ...]:
    """Return the likelihoods that are an alternative for the rows of a posterior."""
    known = estimated(post.table) and np.isfinite(degrees_of_freedom(post.table)).any()
    names = ("normal", "t") if known else ("normal",)
    return tuple(name for name in names if name != post.likelihood)


def alternatives(post: PosteriorBase) -> pd.DataFrame:
    """Return one row a likelihood; NaN and the reason where it does not exist."""
    import pandas as pd

    return pd.DataFrame([_row(post, name) for name in (post.likelihood, *others(post))])


def _row(post: PosteriorBase, name: str) -> dict[str, Any]:
    chosen = name == post.likelihood
    row: dict[str, Any] = {"likelihood": name} | dict.fromkeys(_COLUMNS, math.nan) | {"note": "", "chosen": chosen}
    try:
        made = post if chosen or post.recipe is None else under(post, name)
        ends = [d.interval(post.level) for d in (made.mu, made.tau, made.theta_new)]
    except LamEvidenceError as error:
        return row | {"note": str(error)}
    (low, high), (tau_low, tau_high), (new_low, new_high) = ends
    found = (made.mu.median, low, high, made.tau.median, tau_low, tau_high, new_low, new_high)
    return row | dict(zip(_COLUMNS, found, strict=True))
