"""PyMC model of log hazards: patients with an event in a time, and events in person-time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...effects.evidence_table import EvidenceTable, a_table
from ...effects.measures.hazard import hazard_columns
from ...foundation.errors import OptionError
from ..design import Moderators
from ..priors.prior_parsing import PriorLike
from .building import Parts, add_centre, add_effects, coords_of, parts_of, whole
from .prior_forms import add_tau

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["hazard"]


def hazard(
    evidence: EvidenceTable,
    *,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    moderators: Moderators | None = None,
    slopes: PriorLike | None = None,
) -> pm.Model:
    """Return rᵢ ~ Bin(nᵢ, 1 − exp(−tᵢ exp θᵢ)) and xᵢ ~ Poisson(Tᵢ exp θᵢ), θᵢ ~ N(μ, τ²), as a `pymc.Model`.

    With a frailty of variance φ the risk is 1 − (1 + φ tᵢ exp θᵢ)^(−1/φ) and events are negative binomial with shape
    nᵢ/φ. Effects are non-centred; ``patients``, ``events`` and ``clustered_events`` (those with a frailty) are
    observed, whichever the table has.

    Parameters
    ----------
    evidence
        Log hazards (HAZ) with counts ``patients total time``, or ``events person_time``, in each row.
    mu, tau
        Priors on the log scale, per person-year; the defaults when left out.
    moderators, slopes
        As in `regression`: θᵢ ~ N(xᵢ'β, τ²).

    Returns
    -------
    pymc.Model
        With ``study`` as dimension, its rows by kind as ``row_of_patients``, ``row_of_events`` ….

    Raises
    ------
    OptionError, InputError
        Another measure, counts that are missing, or are not counts.

    See Also
    --------
    lamevidence.pool_bayes : the exact posterior of the same model.
    poisson : events in person-time alone.

    References
    ----------
    Prentice & Gloeckler 1978, doi:10.2307/2529588.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> frame = pd.DataFrame({"patients": [10, None], "total": [22, None], "time": [1, None], "x": [None, 6],
    ...     "pt": [None, 25]})
    >>> columns = {"patients": "patients", "total": "total", "time": "time", "events": "x", "person_time": "pt"}
    >>> table = lam.EvidenceTable.from_frame(frame, "HAZ", **columns)
    >>> [v.name for v in lam.models.hazard(table).observed_RVs]
    ['patients', 'events']
    """
    a_table(evidence)
    if evidence.measure != "HAZ" or not {"patients", "events"} & set(evidence.counts):
        raise OptionError(
            f"a model of hazards needs measure HAZ with its counts, the table has measure {evidence.measure} with"
            f" {', '.join(evidence.counts) or 'no counts'}"
            " · make one with EvidenceTable.from_frame(frame, 'HAZ', patients=…, total=…, time=…)"
        )
    return build_hazard(evidence, parts_of(evidence, "hazard", mu, tau, moderators, slopes))


def build_hazard(evidence: EvidenceTable, parts: Parts) -> pm.Model:
    """Return the model of patients in their time and of events in person-time."""
    import pymc as pm
    import pytensor.tensor as pt

    c = hazard_columns(evidence.counts)
    varied = c["frailty"] > 0
    kinds = {
        "patients": np.flatnonzero(~np.isnan(c["patients"])),
        "events": np.flatnonzero(np.isnan(c["patients"]) & ~varied),
        "clustered_events": np.flatnonzero(np.isnan(c["patients"]) & varied),
    }
    rows = {f"row_of_{name}": [evidence.labels[i] for i in at] for name, at in kinds.items() if at.size}
    with pm.Model(coords={**coords_of(evidence, parts), **rows}) as model:
        theta = add_effects(add_centre(parts), add_tau("tau", parts.tau), "non-centred")
        for name, at in kinds.items():
            if at.size == 0:
                continue
            dims = f"row_of_{name}"
            if name == "patients":
                n = pm.Data("n", c["total"][at].astype(int), dims=dims)
                m = pm.Data("time", c["time"][at], dims=dims) * pm.math.exp(theta[at])
                frailty = np.where(varied[at], c["frailty"][at], 1.0)
                free = pt.switch(varied[at], pt.log1p(frailty * m) / frailty, m)
                observed = whole(evidence.subset(at), c["patients"][at], c["total"][at])
                pm.Binomial(name, n=n, p=-pt.expm1(-free), observed=observed, dims=dims)
                continue
            observed = whole(evidence.subset(at), c["events"][at])
            mean = pm.Data(f"exposure_of_{name}", c["person_time"][at], dims=dims) * pm.math.exp(theta[at])
            if name == "events":
                pm.Poisson(name, mu=mean, observed=observed, dims=dims)
            else:
                shape = c["total"][at] / c["frailty"][at]
                pm.NegativeBinomial(name, mu=mean, alpha=shape, observed=observed, dims=dims)
    return model
