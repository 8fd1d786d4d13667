"""Subgroup analysis: one pooled mean a group, with τ² of its own or shared, and the test of interaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.given_numbers import entries_of
from ..errors import InputError, NotEstimable, OptionError
from ..options import a_flag
from .random_effects import pool
from .results import Pooled
from .rows import nothing_to_pool

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Subgroups", "subgroups"]


@dataclass(frozen=True, slots=True, eq=False)
class Subgroups:
    """Pooled means by group.

    Attributes
    ----------
    groups
        Group → its result, in order of appearance.
    common_tau2
        The τ² shared by all groups, or None where each has its own.
    q_between, q_between_df, q_between_p
        Σ(μ_g − μ̄)²/se_g² over the groups, its degrees of freedom and p value (χ²).
    table, labels
        All rows, and the group of each.
    """

    groups: Mapping[str, Pooled]
    common_tau2: float | None
    q_between: float
    q_between_df: int
    q_between_p: float
    table: EvidenceTable
    labels: tuple[str, ...]

    def __getitem__(self, group: str) -> Pooled:
        if group not in self.groups:
            raise InputError(f"no group {group!r} · groups: {', '.join(self.groups)}")
        return self.groups[group]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group."""
        import pandas as pd

        rows = []
        for name, fit in self.groups.items():
            low, high = fit.interval()
            rows.append({
                "group": name, "k": fit.k, "mu": fit.mu, "se": fit.se, "low": low, "high": high, "tau2": fit.tau2,
                "q": fit.q, "i2": fit.i2,
            })
        return pd.DataFrame(rows).set_index("group")

    def __repr__(self) -> str:
        test = f"between groups: Q({self.q_between_df}) = {self.q_between:.3g}, P = {self.q_between_p:.3g}"
        return f"{self.to_frame().to_string(float_format=lambda x: f'{x:.4g}')}\n{test}"


def subgroups(
    table: EvidenceTable, by: str | Sequence[str], *, common_tau2: bool = False, **options: Any,  # noqa: ANN401
) -> Subgroups:
    """Pool each group of studies, and test whether the groups differ.

    Parameters
    ----------
    table
        The rows.
    by
        Name of a moderator of the table, ``"groups"`` for the table's own groups, or one label a row.
    common_tau2
        True for one τ² estimated within all groups together, False for one a group.
    **options
        Options of `pool` (``tau2``, ``interval``, …).

    Raises
    ------
    InputError
        Missing labels, or not one a row.
    NotEstimable
        Fewer than two groups.

    References
    ----------
    Borenstein & Higgins 2013, doi:10.1007/s11121-013-0377-7.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.8, 0.9], [0.02, 0.02, 0.02, 0.02])
    >>> sub = subgroups(table, ["a", "a", "b", "b"], model="common")
    >>> round(sub.q_between, 3)
    24.5
    """
    a_table(table)
    a_flag("common_tau2", common_tau2)
    if table.k == 0:
        raise nothing_to_pool(table)
    if options.get("moderators") is not None:
        raise OptionError("subgroups have no moderators · use pool(table, moderators='~ x + C(group)')")
    labels = _labels(table, by)
    names = list(dict.fromkeys(labels))
    if len(names) < 2:
        raise NotEstimable(f"one group only ({names[0]}): there is nothing to compare · pool the table")
    options.setdefault("model", "random")
    shared = None
    if common_tau2:
        shared = _shared_tau2(table, labels, names, options)
        options["tau2"] = shared
    fits = {}
    for name in names:
        rows = [i for i, label in enumerate(labels) if label == name]
        fits[name] = pool(table.subset(rows), **_for_one(options, len(rows)))
    exact = [n for n, f in fits.items() if f.se == 0]
    if exact:
        raise NotEstimable(f"the mean of {', '.join(exact)} has variance 0: nothing to test it against · leave it out")
    mu, se = np.array([f.mu for f in fits.values()]), np.array([f.se for f in fits.values()])
    w = 1.0 / se**2
    centre = float(w @ mu) / float(w.sum())
    q = float(w @ (mu - centre) ** 2)
    df = len(names) - 1
    return Subgroups(fits, shared, q, df, float(special.chdtrc(df, q)), table, tuple(labels))


def _for_one(options: dict[str, Any], k: int) -> dict[str, Any]:
    """Return the options for a group; a lone study is reported as it is, whatever the interval method."""
    if k > 1:
        return options
    return {n: x for n, x in options.items() if n in ("level",)} | {"model": "common"}


def _labels(table: EvidenceTable, by: str | Sequence[str]) -> list[str]:
    if isinstance(by, str):
        if by != "groups" and by not in table.moderators:
            known = ", ".join([*table.moderators, "groups"])
            raise OptionError(f"no moderator {by!r} · choices: {known}")
        values: Any = table.groups if by == "groups" else table.moderators[by]
    else:
        values = by
    return [str(x) for x in entries_of(values, "group", table.k)]


def _shared_tau2(table: EvidenceTable, labels: list[str], names: list[str], options: dict[str, Any]) -> float:
    design = np.array([[float(label == name) for name in names] for label in labels])
    known = {n: x for n, x in options.items() if n in ("tau2", "weights")}
    fit = pool(table, moderators=design, names=names, model="random", interval="z", **known)
    return float(fit.tau2)
