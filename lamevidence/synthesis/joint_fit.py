"""From rows and choices to the exact posterior of the joint model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..bayes.exact.existence import Existence, existence
from ..bayes.priors.base import TauPrior
from ..bayes.priors.effect_priors import Normal
from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..foundation.errors import DependentRows, InputError, TooFewStudies
from .design_rows import JointRows, check_identified
from .joint_quadrature import MeanPriors
from .joint_spec import JointSpec
from .joint_state import JointState, fit_state
from .scale_axis import ScaleAxis, axis_of, fixed_axis
from .study_blocks import Block, block_of

__all__ = ["SCALES", "mean_names", "posterior_state", "sampling_covariance", "split_state", "told_by", "usable"]

SCALES = ("baseline", "effect", "bias")
"""What has a mean and a standard deviation between studies, in the order of the design."""

_CORRELATIONS = 12
"""Gauss-Legendre nodes of a correlation with a prior."""
_KNOWN = Existence(np.inf, 2, 0)


def mean_names(spec: JointSpec) -> tuple[str, ...]:
    """Return the mean effects in the order of the design: baseline, effect, and bias where there is one."""
    return ("baseline", "effect") if spec.bias is None else ("baseline", "effect", "bias")


def posterior_state(table: EvidenceTable, rows: JointRows, spec: JointSpec) -> JointState:
    """Return the posterior.

    Raises
    ------
    NotEstimable
        The effect is not identified.
    TooFewStudies
        One study alone, and standard deviations between studies to be estimated.
    InputError
        A row without a variance, or a correlation that makes no covariance matrix.
    DependentRows
        Rows of different studies are correlated.
    """
    check_identified(rows, spec.bias is not None)
    _check_numbers(table)
    known = not any(isinstance(x, TauPrior) for x in (spec.tau_baseline, spec.tau_effect))
    if len(rows.kinds) < 2 and not known:
        raise TooFewStudies(
            "a joint synthesis with standard deviations between studies",
            len(rows.kinds),
            2,
            "give tau_baseline=0 and tau_effect=0 for what this study says about itself",
        )
    return _state(table, rows, spec, ())


def split_state(table: EvidenceTable, rows: JointRows, spec: JointSpec, apart: str) -> JointState:
    """Return the posterior in which studies of one kind have a mean effect of their own, the last coefficient."""
    return _state(table, rows, spec, tuple(s for s, kind in rows.kinds.items() if kind == apart))


def _state(table: EvidenceTable, rows: JointRows, spec: JointSpec, apart: tuple[str, ...]) -> JointState:
    names = mean_names(spec)
    means = [spec.baseline, spec.effect, *([] if spec.bias is None else [spec.bias])]
    means += [spec.effect] if apart else []
    priors = MeanPriors(
        np.array([m.loc if isinstance(m, Normal) else 0.0 for m in means]),
        np.array([m.scale**-2.0 if isinstance(m, Normal) else 0.0 for m in means]),
    )
    Z = rows.Z(spec.bias is not None)
    versions = []
    for weight, rho in _correlations(spec):
        blocks = []
        for study, kind in rows.kinds.items():
            of = np.flatnonzero([name == study for name in table.studies])
            B = np.eye(3)[:, : len(names)]
            if apart:
                B = np.column_stack([B, np.zeros(3)])
                if study in apart:
                    B[1, 1], B[1, -1] = 0.0, 1.0
            C = sampling_covariance(table, of, rho if kind == "before_after" else 0.0, study)
            blocks.append(block_of(study, table.yi[of], C / spec.discount.get(kind, 1.0), Z[of], B))
        versions.append((weight, tuple(blocks)))
    axes, exists = _axes(versions[0][1], spec, means)
    return fit_state(versions, priors, axes, exists, table.unit)


def _axes(
    blocks: tuple[Block, ...], spec: JointSpec, means: Sequence[object]
) -> tuple[list[ScaleAxis], list[Existence]]:
    """Return the first axes, and which moments exist on each."""
    information = np.array([block.information() for block in blocks])
    axes: list[ScaleAxis] = []
    exists: list[Existence] = []
    for i, choice in enumerate((spec.tau_baseline, spec.tau_effect, spec.tau_bias)):
        told = int((information[:, i] > 0.0).sum())
        if isinstance(choice, TauPrior) and not (i == 2 and spec.bias is None):
            scale = float(1.0 / np.sqrt(information[:, i].max())) if told else float(choice.typical)
            axes.append(axis_of(choice, scale))
            flat = int(i < len(means) and not isinstance(means[i], Normal))
            exists.append(existence(choice, told, flat))
        else:
            axes.append(fixed_axis(0.0 if isinstance(choice, TauPrior) else choice))
            exists.append(_KNOWN)
    return axes, exists


def _correlations(spec: JointSpec) -> list[tuple[float, float]]:
    """Return (weight, correlation) pairs: one, or the nodes of its uniform prior."""
    if isinstance(spec.correlation, tuple):
        low, high = spec.correlation
        x, w = np.polynomial.legendre.leggauss(_CORRELATIONS)
        places = 0.5 * (low + high) + 0.5 * (high - low) * x
        return list(zip((0.5 * w).tolist(), places.tolist(), strict=True))
    return [(1.0, spec.correlation)]


def sampling_covariance(table: EvidenceTable, of: NDArray[np.intp], rho: float, study: str) -> FloatArray:
    """Return the covariance of the rows of one study."""
    if table.V is not None:
        return np.asarray(table.V[np.ix_(of, of)])
    se = table.sei[of]
    within = np.full((of.size, of.size), rho)
    np.fill_diagonal(within, 1.0)
    lowest = float(np.linalg.eigvalsh(within)[0])
    if lowest <= 1e-10:
        least = -1.0 / (of.size - 1)
        raise InputError(
            f"correlation={rho:g} makes no covariance matrix of the {of.size} rows of {study} (smallest eigenvalue"
            f" {lowest:.3g}) · give a correlation above {least:.3g} and below 1"
        )
    return np.asarray(within * np.outer(se, se))


def _check_numbers(table: EvidenceTable) -> None:
    for i in np.flatnonzero(~(np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0))):
        raise InputError(
            f"row {table.labels[int(i)]} has no estimate with a variance above 0 · leave it out:"
            f" table.subset([…]) without position {int(i)}"
        )
    if table.V is not None:
        other = np.not_equal.outer(table.studies, table.studies)
        if np.any(table.V[other]):
            raise DependentRows(
                "V correlates rows of different studies, which the joint model takes as independent"
                " · give such rows the same study"
            )


def usable(spec: JointSpec, rows: JointRows) -> tuple[JointSpec, tuple[str, ...]]:
    """Return the choices that these rows can use, and what is to be said about the others."""
    notes: list[str] = []
    if spec.bias is not None and not rows.selected.any():
        spec = replace(spec, bias=None)
    if spec.bias is None and rows.selected.any():
        notes.append("Slopes before treatment are taken as untreated slopes: no bias term was asked for.")
    return spec, tuple(notes)


def told_by(rows: JointRows, table: EvidenceTable) -> Mapping[str, int]:
    """Return how many studies tell each standard deviation."""
    of = {"tau_baseline": ~rows.contrast, "tau_effect": rows.treated, "tau_bias": rows.selected}
    return {name: len({table.studies[int(i)] for i in np.flatnonzero(mask)}) for name, mask in of.items()}
