"""Does the model fit? Every statistic with power for the kind of data, at one error rate, and what they cannot see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..bayes.posterior import POSTERIORS, PosteriorBase
from ..bayes.predictive.loo import LeaveOneOut, leave_one_out
from ..effects.given_numbers import names_of
from ..effects.measures.base import FloatArray
from ..foundation.doors import through
from ..foundation.errors import InputError, LamEvidenceError, OptionError, UnknownName
from ..foundation.multiple_tests import holm
from ..foundation.options import a_number, a_seed, a_whole, an_instance
from .check_result import CheckResult
from .misfit_power import PLANTS, powers
from .misfits import STATISTICS, Replicates, Statistic, misfits, replicates, shares
from .working_scale import WorkingModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelCheck", "model_check"]

_DRAWS = 1000
FEW = 400
"""Fewer replicates than this do not reach the levels of single statistics."""
SEEN = 0.5
"""A misfit that is not seen more often than this is called one that could be missed."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ModelCheck(CheckResult):
    """Statistics of a model's fit, adjusted for one another, with their power on this design.

    Attributes
    ----------
    statistics
        Name → statistic with its value and its own p value.
    p_holm
        Name → p value adjusted by Holm's method with the weights of ``weights``.
    weights
        Name → share of the error rate, fixed in advance.
    power
        Name → share of data sets of this design in which the statistic alone shows the misfit planted for it.
    not_tested
        Name → why it could not be tested.
    alpha
        Error rate of all statistics together.
    pit
        Label of a row → P(a value below its own | the other rows), mid-p for counts; empty where there are none.
    k
        Number of rows.
    draws, seed
        Number of replicates, and what reproduces them.
    """

    statistics: Mapping[str, Statistic]
    p_holm: Mapping[str, float]
    weights: Mapping[str, float]
    power: Mapping[str, float]
    not_tested: Mapping[str, str]
    alpha: float
    pit: Mapping[str, float]
    k: int
    draws: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def unusual(self) -> tuple[str, ...]:
        """Names of the statistics whose adjusted p value is at most ``alpha``."""
        return tuple(name for name, p in self.p_holm.items() if p <= self.alpha)

    def to_frame(self) -> pd.DataFrame:
        """Return one line a statistic: what it looks for, value, p, weight, adjusted p, planted misfit, power, why not.

        Those that could not be tested have NaN in place of numbers, and the reason.
        """
        import pandas as pd

        lines = []
        for name, looks_for in STATISTICS.items():
            tested = self.statistics.get(name)
            lines.append(
                {
                    "statistic": name,
                    "looks_for": looks_for,
                    "where": tested.where if tested else "",
                    "value": tested.value if tested else np.nan,
                    "p": tested.p if tested else np.nan,
                    "weight": self.weights.get(name, np.nan),
                    "p_holm": self.p_holm.get(name, np.nan),
                    "planted": PLANTS.get(name, "") if tested else "",
                    "power": self.power.get(name, np.nan),
                    "not_tested": self.not_tested.get(name, ""),
                }
            )
        return pd.DataFrame(lines)

    def summary(self) -> pd.DataFrame:
        """Return the statistics that were tested, with value, p values and power."""
        frame = self.to_frame().set_index("statistic")
        return frame.loc[list(self.statistics), ["where", "value", "p", "p_holm", "power"]]

    def plot(self, ax: Any = None) -> Any:  # noqa: ANN401
        """Draw each row's leave-one-out z between the limits beyond which it alone is unusual.

        Raises
        ------
        OptionError
            Leave-one-out predictions do not exist.
        """
        import pandas as pd

        if not self.pit:
            raise OptionError(
                f"no leave-one-out predictions to draw: {self.not_tested['loo_pit']} · to_frame() has the other numbers"
            )
        limit = float(-special.ndtri(0.5 * self.alpha * self.weights["loo_pit"] / self.k))
        z = special.ndtri(np.clip(list(self.pit.values()), 1e-300, 1 - 1e-16))
        frame = pd.DataFrame({"label": list(self.pit), "observed": z, "low": -limit, "high": limit})
        return through("predictive_intervals")(
            frame, name=f"Leave-one-out z, limits of a check of {self.k} rows at {100 * self.alpha:g}%", ax=ax
        )

    def _sentence(self) -> str:
        if not self.statistics:
            return f"Nothing could be tested with {_rows(self.k)}: {self._reasons()}."
        parts = [self._verdict(), f"Tested, with an error rate of {_percent(self.alpha)} for all together: "]
        parts[-1] += f"{', '.join(self.statistics)}."
        if self.not_tested:
            parts.append(f"Not tested: {self._reasons()}.")
        # a misfit that was found need not be said to be hard to find
        quiet = {name: x for name, x in self.power.items() if name not in self.unusual}
        for word, chosen in (
            ("would mostly show", {n: x for n, x in quiet.items() if x > SEEN}),
            ("could easily miss", {n: x for n, x in quiet.items() if x <= SEEN}),
        ):
            if chosen:
                planted = "; ".join(f"{PLANTS[n]} (seen in {_percent(x)})" for n, x in chosen.items())
                parts.append(f"{_rows(self.k).capitalize()} {word}: {planted}.")
        return " ".join(parts)

    def _reasons(self) -> str:
        return "; ".join(f"{name} ({why})" for name, why in self.not_tested.items())

    def _verdict(self) -> str:
        if self.unusual:
            found = [_found(self.statistics[name], self.p_holm[name]) for name in self.unusual]
            return f"Unusual under the model: {'; '.join(found)}."
        least = min(self.p_holm, key=lambda name: self.p_holm[name])
        said = f"smallest adjusted p = {self.p_holm[least]:.3f}, {least}"
        if any(x > SEEN for x in self.power.values()):
            return f"No misfit was found ({said}), which speaks against those that would show, and against no other."
        return f"No misfit was found ({said}), but none of those looked for would mostly have shown."


def _percent(x: float) -> str:
    return f"{100 * x:.3g}%"


def _rows(k: int) -> str:
    return "this row" if k == 1 else f"these {k} rows"


def _found(statistic: Statistic, p: float) -> str:
    """Return what one unusual statistic says."""
    words = {
        "loo_pit": f"{statistic.where} is not predicted by the other rows, PIT {statistic.value:.4f}",
        "groups": "the groups have different means",
        "zeros": f"the others predict events where there are none ({statistic.where})",
        "skewness": f"the effects are skewed, {statistic.value:+.2f}",
        "scale": "there is more spread than standard errors and the prior of τ expect",
        "q": f"there is less spread than the standard errors allow, Q = {statistic.value:.3g}",
        "max_z": f"the residual of {statistic.where} is large, z = {statistic.value:.2f}",
    }
    return f"{words[statistic.name]} ({statistic.name}, adjusted p = {p:.3g})"


def model_check(
    fit: PosteriorBase,
    groups: str | Sequence[str] | None = None,
    *,
    alpha: float = 0.1,
    draws: int = _DRAWS,
    seed: int | None = None,
) -> ModelCheck:
    """Ask whether the model fits, by the statistics that have power for its kind of data, at one error rate.

    ========= ====================================================== =========================================
    statistic looks for                                              p value
    ========= ====================================================== =========================================
    loo_pit   a row that the others do not predict                   exact, two-sided, Holm over rows
    groups    groups (designs) with means of their own               χ² given τ, over the posterior of τ
    zeros     rows without events, given their totals (counts)       exact, given the rows with events
    skewness  skewed effects                                         two-sided, replicates
    scale     standard errors too small, or a prior of τ too tight   Bayes factor, replicates with τ ~ prior
    q         standard errors too large                              lower tail of Q, replicates
    max_z     a large standardised residual                          replicates
    ========= ====================================================== =========================================

    The p values are adjusted by Holm's method with weights that were fixed beforehand, so that a model that fits is
    called unusual with probability about ``alpha`` or less. Then the misfit that each statistic is there for is planted
    into replicates of this very design: ``power`` is the share in which that statistic alone shows it, and the sentence
    names what k rows would mostly not show.

    Parameters
    ----------
    fit
        Result of `pool_bayes`.
    groups
        ``design``, ``group``, the name of a moderator, or one name a row. Left out: the designs of the table, where it
        has several with more rows than designs.
    alpha
        Error rate of all statistics together.
    draws, seed
        Number of replicates, and what reproduces them; the seed of the result, or 0, when left out.

    Returns
    -------
    ModelCheck
        Statistics with adjusted p values, power on this design, and what could not be tested and why.

    Raises
    ------
    OptionError
        Fewer than 400 replicates, or an ``alpha`` that is not between 0 and 1.
    InputError
        All rows are of one group, as many groups as rows, or groups that the moderators already hold.
    UnknownName
        A grouping that the table does not have.

    See Also
    --------
    predictive_check : Statistics of your choice, with their predictive distributions.
    loo_pit : Each row against the others.
    node_split : One group against what the others predict for it.

    References
    ----------
    Gelman, Meng & Stern 1996, Statistica Sinica 6:733; Box 1980, doi:10.2307/2982063; Holm 1979, Scandinavian Journal
    of Statistics 6:65; Anscombe 1948, doi:10.1093/biomet/35.3-4.246.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5, 3, 30], sei=[2, 3, 3.5, 2, 2.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> check = lam.checks.model_check(post, seed=1)
    >>> check.unusual[0], check.statistics["loo_pit"].where
    ('loo_pit', '5')
    >>> check.not_tested["zeros"]
    'the data are estimates, not counts'
    """
    an_instance("fit", fit, POSTERIORS, "give what lam.pool_bayes returns")
    alpha = a_number("alpha", alpha, above=0, below=1)
    draws = a_whole("draws", draws, FEW, 10**6)
    given = next(s for s in (a_seed(seed), fit.seed, 0) if s is not None)
    reps = replicates(fit, draws, given)
    apart = _groups(fit, reps, groups)
    loo = _loo(fit)
    found, missing = misfits(fit, reps, loo, apart)
    weights = shares(found, fit.likelihood)
    adjusted = holm(np.array([found[n].p for n in found]), np.array([weights[n] for n in found]))
    return ModelCheck(
        statistics=found,
        p_holm=dict(zip(found, adjusted.tolist(), strict=True)),
        weights=weights,
        power=powers(fit, reps, {name: alpha * weights[name] for name in found}, apart, given),
        not_tested=missing,
        alpha=alpha,
        pit={} if isinstance(loo, str) else dict(zip(loo.labels, loo.pit.tolist(), strict=True)),
        k=fit.k,
        draws=draws,
        seed=given,
    )


def _loo(fit: PosteriorBase) -> LeaveOneOut | str:
    """Return leave-one-out predictions, or why there are none."""
    try:
        return leave_one_out(fit, medians=False)
    except LamEvidenceError as error:
        return str(error).partition(" · ")[0]


def _groups(fit: PosteriorBase, reps: Replicates, groups: str | Sequence[str] | None) -> WorkingModel | str:
    """Return the working model with a mean for each group, or why there is none."""
    names = _names(fit, groups)
    if isinstance(names, str):
        return names
    kept = [names[i] for i in reps.scale.kept]
    distinct = tuple(dict.fromkeys(kept))
    fault = ""
    if len(distinct) < 2:
        fault = f"all rows with information are of one group ({', '.join(distinct) or 'none'})"
    elif len(distinct) + reps.scale.X.shape[1] > len(kept):
        fault = f"{len(kept)} rows with information in {len(distinct)} groups leave nothing to compare them with"
    if fault:
        if groups is None:
            return fault
        raise InputError(f"{fault} · leave groups out, or give fewer, larger groups")
    added = np.array([[float(name == other) for other in distinct[1:]] for name in kept])
    X: FloatArray = np.column_stack([reps.scale.X, added])
    if np.linalg.matrix_rank(X) < X.shape[1]:
        if groups is None:
            return "the moderators already hold the designs"
        raise InputError("the moderators already hold these groups · leave groups out")
    return WorkingModel(reps.scale.vi, X, reps.nodes)


def _names(fit: PosteriorBase, groups: str | Sequence[str] | None) -> Sequence[str] | str:
    """Return the group of each row, or why there are none."""
    table = fit.table
    if groups is None:
        return list(table.designs) if table.designs else "no groups were given"
    if not isinstance(groups, str):
        return list(names_of(groups, "groups", fit.k))
    known: dict[str, Any] = dict(table.moderators)
    for name, values in (("design", table.designs), ("group", table.groups)):
        if values:
            known[name] = values
    if groups not in known:
        raise UnknownName("grouping", groups, known)
    return [str(v) for v in known[groups]]
