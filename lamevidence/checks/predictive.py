"""Would the model have produced data like these? Replicates of the same design, compared with what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bayes.counts.likelihoods import choose_likelihood
from ..bayes.posterior import PosteriorBase
from ..bayes.sampling.arviz_compat import datasets
from ..bayes.sampling.groups import observed, observed_name
from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.doors import through
from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_choice, a_level, a_seed, a_whole, an_instance
from .check_result import CheckResult
from .predictive_statistics import statistics_for

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEW", "PredictiveCheck", "predictive_check"]

_DRAWS = 4000
_RARE = 0.05
"""A tail below this is called unusual."""
FEW = 100
"""Fewer replicates than this do not resolve a tail."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictiveCheck(CheckResult):
    """Observed statistics beside those of replicated data.

    Attributes
    ----------
    observed
        Statistic → value of the data.
    replicated
        Statistic → values of the replicates, (draws,).
    rows
        Replicates of each row, (draws, k); of counts, the events.
    data
        The observed datum of each row, (k,).
    labels
        Labels of the rows.
    replicate
        ``new`` or ``same``; ``as drawn`` for replicates that came with an ArviZ object.
    seed
        What reproduces the replicates.
    quantity
        What the data are, with their unit: events, or the measure on its analysis scale.
    """

    observed: Mapping[str, float]
    replicated: Mapping[str, FloatArray]
    rows: FloatArray
    data: FloatArray
    labels: tuple[str, ...]
    replicate: str
    seed: int | None
    quantity: str = "estimate"
    notes: tuple[str, ...] = ()

    @property
    def draws(self) -> int:
        """Number of replicates."""
        return int(self.rows.shape[0])

    def p(self, statistic: str) -> float:
        """Return P(replicate ≥ observed), ties counted half."""
        a_choice("statistic in this check", statistic, self.observed)
        value, drawn = self.observed[statistic], self.replicated[statistic]
        same = np.isclose(drawn, value, rtol=1e-12, atol=0.0)
        return float(np.mean(np.where(same, 0.5, drawn > value)))

    def to_frame(self) -> pd.DataFrame:
        """Return one line a statistic: observed, median, central 95 % of replicates, upper p, Monte Carlo error."""
        import pandas as pd

        lines = []
        for name, value in self.observed.items():
            low, middle, high = np.quantile(self.replicated[name], [0.025, 0.5, 0.975])
            p = self.p(name)
            lines.append(
                {
                    "statistic": name,
                    "observed": value,
                    "median": middle,
                    "low": low,
                    "high": high,
                    "p": p,
                    "mcse": float(np.sqrt(p * (1 - p) / self.draws)),
                }
            )
        return pd.DataFrame(lines)

    def intervals(self, level: float = 0.95) -> pd.DataFrame:
        """Return, for each row, the observed datum and the central interval of its replicates."""
        import pandas as pd

        level = a_level(level)
        low, high = np.quantile(self.rows, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return pd.DataFrame({"label": self.labels, "observed": self.data, "low": low, "high": high})

    def plot(self, ax: Any = None, *, level: float = 0.95) -> Any:  # noqa: ANN401
        """Draw each observed datum in its predicted interval: densities say little about few studies."""
        name = f"{self.quantity[:1].upper() + self.quantity[1:]}: observed, and {100 * level:g}% predicted"
        return through("predictive_intervals")(self.intervals(level), name=name, ax=ax)

    def _could_be_rare(self, statistic: str) -> bool:
        """Return whether a value that the replicates have would lie in a tail below 0.05."""
        drawn = self.replicated[statistic]
        return min(0.5 * float(np.mean(drawn == end)) for end in (drawn.min(), drawn.max())) < _RARE

    def _sentence(self) -> str:
        what = {
            "new": "new studies of the same designs",
            "same": "the same studies with their own true effects (conservative: each row helped to predict itself)",
        }.get(self.replicate, "the draws of the model")
        shown = ", ".join(f"{n} p = {self.p(n):.3f}" for n in self.observed)
        extreme = [n for n in self.observed if min(self.p(n), 1 - self.p(n)) < _RARE]
        blind = [n for n in self.observed if not self._could_be_rare(n)]
        if extreme:
            verdict = f"Unusual under the model: {', '.join(extreme)}."
        elif len(blind) == len(self.observed):
            verdict = "None of these could have been unusual with these rows."
        else:
            verdict = (
                "None of these tails is below 0.05, which says little: replicates follow the fit, and τ the spread."
            )
        if blind and len(blind) < len(self.observed):
            verdict += f" No value of {', '.join(blind)} would have been unusual with these rows."
        if not extreme:
            verdict += " lam.checks.model_check has more power, and says what these rows could show."
        return f"{self.draws} replicates of {what}: {shown}. {verdict}"


def predictive_check(
    fit: Any,  # noqa: ANN401 a Posterior, or any of the containers of ArviZ
    statistics: Sequence[str] | None = None,
    replicate: str = "new",
    draws: int | None = None,
    seed: int | None = None,
    *,
    evidence: EvidenceTable | None = None,
    source: str = "posterior",
) -> PredictiveCheck:
    """Compare statistics of the data with those of replicated data, p = P(T(y_rep) ≥ T(y)).

    Parameters
    ----------
    fit
        Result of `pool_bayes`; or an ArviZ object with ``posterior_predictive``, such as `sample` returns, with
        ``evidence``.
    statistics
        Of ``q``, ``max``, ``min``, ``range``, ``sd``; for counts also ``zeros`` and ``total``, for estimates
        ``above_zero``. All that apply, when left out. Q alone says little: τ grows until Q fits.
        An outlier, too, hides in it: `lamevidence.checks.model_check` has the statistics that see these.
    replicate
        ``new``: each row gets a new true effect, the design stays. ``same``: each row keeps its own (conservative).
    draws, seed
        Number of replicates (4000), and what reproduces them; the seed of the result, or 0, when left out.
    evidence
        The table behind an ArviZ object.
    source
        ``posterior``, or ``prior`` for what the priors alone predict.

    Returns
    -------
    PredictiveCheck
        Statistics of the data beside their distribution under the model, with a p value each.

    Raises
    ------
    OptionError
        A statistic that does not apply, an unknown ``replicate``, fewer than 100 draws. An ArviZ object with
        ``replicate``, ``draws``, ``seed`` or ``source``, since its replicates are drawn; a result with ``evidence``.
    InputError
        An ArviZ object without replicates, or without its table.

    See Also
    --------
    lamevidence.checks.model_check : The statistics that have power, at one error rate, and what they cannot see.
    loo_pit : Each row against the others, exactly.
    node_split : Whether two sources of evidence agree.

    References
    ----------
    Gelman, Meng & Stern 1996, Statistica Sinica 6:733.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> check = lam.predictive_check(post, statistics=["q", "max"], seed=1)
    >>> list(check.to_frame()["statistic"])
    ['q', 'max']
    """
    a_seed(seed)
    size = _DRAWS if draws is None else a_whole("draws", draws, FEW, 10**7)
    a_choice("replicate", replicate, ("new", "same")), a_choice("source", source, ("posterior", "prior"))
    if evidence is not None:
        an_instance("evidence", evidence, EvidenceTable, "give the table the replicates were made for")
    if not isinstance(fit, PosteriorBase):
        if draws is not None or seed is not None or (replicate, source) != ("new", "posterior"):
            raise OptionError(
                "the replicates of an ArviZ object are drawn · leave replicate, draws, seed and source out"
            )
        return _of_arviz(fit, statistics, evidence)
    if evidence is not None:
        raise OptionError("a result of pool_bayes carries its evidence · leave evidence out")
    seed = next(s for s in (seed, fit.seed, 0) if s is not None)
    rows = fit.predictive(size, seed, replicate=replicate, source=source)
    return _check(fit.table, fit.likelihood, statistics, rows, replicate, seed)


def _check(
    table: EvidenceTable,
    likelihood: str,
    statistics: Sequence[str] | None,
    rows: FloatArray,
    replicate: str,
    seed: int | None,
) -> PredictiveCheck:
    functions = statistics_for(table, likelihood, statistics)
    data = observed(table, likelihood)
    found = {name: float(f(data[None, :])[0]) for name, f in functions.items()}
    drawn = {name: f(rows) for name, f in functions.items()}
    return PredictiveCheck(found, drawn, rows, data, table.labels, replicate, seed, _quantity(table, likelihood))


def _quantity(table: EvidenceTable, likelihood: str) -> str:
    """Return what one datum is; a unit belongs to the analysis scale only where that is not transformed."""
    if observed_name(likelihood) == "events":
        return "events"
    measure = MEASURES[table.measure]
    return f"{measure.title} ({table.unit})" if table.unit and measure.scale == "identity" else measure.title


def _of_arviz(
    thing: Any,  # noqa: ANN401
    statistics: Sequence[str] | None,
    table: EvidenceTable | None,
) -> PredictiveCheck:
    parts = datasets(thing)
    if table is None:
        raise InputError("an ArviZ object does not carry its evidence · give evidence=")
    name = next((n for n in ("estimate", "events") if n in parts.get("posterior_predictive", {})), None)
    if name is None:
        raise InputError(
            "no 'estimate' or 'events' in the group posterior_predictive · sample with lam.models.sample(model)"
        )
    drawn = parts["posterior_predictive"][name]
    if tuple(drawn.dims[2:]) != ("study",) or list(map(str, drawn["study"].values)) != list(table.labels):
        raise InputError(f"the replicates are not of the rows of this table: {', '.join(table.labels)}")
    likelihood = "normal" if name == "estimate" else _likelihood_of(table)
    rows = np.asarray(drawn.values, dtype=np.float64).reshape(-1, table.k)
    return _check(table, likelihood, statistics, rows, "as drawn", None)


def _likelihood_of(table: EvidenceTable) -> str:
    return choose_likelihood(table, "auto").name
