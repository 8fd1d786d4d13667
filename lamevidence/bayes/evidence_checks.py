"""What a Bayesian model asks of its rows: independent ones, and estimates with variances where it uses them."""

from __future__ import annotations

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import MEASURES, FloatArray
from ..foundation.errors import InputError, OptionError
from .priors.base import TauPrior
from .priors.effect_priors import EffectPrior

__all__ = ["check_estimates", "check_independent", "check_law"]


def check_independent(evidence: EvidenceTable) -> None:
    """Raise where rows depend on each other: by their covariance V, or as rows of one study.

    Raises
    ------
    OptionError
        V is not diagonal.
    DependentRows
        Two rows of one study, and no V.
    """
    if evidence.V is not None and not np.array_equal(evidence.V, np.diag(np.diagonal(evidence.V))):
        raise OptionError(
            "the table has dependent rows (V) · the Bayesian engine pools independent rows; use lam.multilevel"
        )
    evidence.require_independent()


def check_estimates(evidence: EvidenceTable) -> tuple[FloatArray, FloatArray]:
    """Return (yi, vi), or raise naming the rows that are not evidence.

    Raises
    ------
    InputError
        An estimate that is not finite, a variance that is not finite and positive.
    """
    bad = ~(np.isfinite(evidence.yi) & np.isfinite(evidence.vi) & (evidence.vi > 0))
    if bad.any():
        rows = ", ".join(evidence.labels[i] for i in np.flatnonzero(bad))
        raise InputError(
            f"no finite estimate with a positive variance in: {rows}"
            " · leave these rows out on purpose, or use a likelihood of the counts"
        )
    return evidence.yi, evidence.vi


def check_law(prior: object, evidence: EvidenceTable) -> None:
    """Raise where a prior is the published law of another measure than that of the table.

    Raises
    ------
    OptionError
        It is; the message says what would be right.
    """
    if not isinstance(prior, TauPrior | EffectPrior) or not prior.measures or evidence.measure in prior.measures:
        return
    symbol, own = ("τ", "HalfNormal(0.5") if isinstance(prior, TauPrior) else ("μ", "Normal(0, 2")
    unit = f", unit={evidence.unit!r}" if evidence.unit else ""
    raise OptionError(
        f"{prior!r} is the published law of {symbol} of {prior.law_of}, the table holds {evidence.measure}"
        f" ({MEASURES[evidence.measure].title}) · give a prior of its own scale, such as lam.priors.{own}{unit});"
        f" estimates that are {prior.law_of} say so: from_estimates(…, measure={prior.measures[0]!r})"
    )
