"""Would the model have produced data like these? Replicates of the same design, compared with what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bayes.contract import observed, observed_name
from ..bayes.posterior import Posterior
from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_choice, a_level, a_seed, a_whole, an_instance
from .predictive_statistics import statistics_for

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEW", "PredictiveCheck", "predictive_check"]

_DRAWS = 4000
FEW = 100
"""Fewer replicates than this do not resolve a tail."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictiveCheck:
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
        from ..plots.predictive import plot_predictive_intervals

        name = f"{self.quantity[:1].upper() + self.quantity[1:]}: observed, and {100 * level:g}% predicted"
        return plot_predictive_intervals(self.intervals(level), name=name, ax=ax)

    def describe(self) -> str:
        """Return the result in words."""
        what = {
            "new": "new studies of the same designs",
            "same": "the same studies with their own true effects (conservative: each row helped to predict itself)",
        }.get(self.replicate, "the draws of the model")
        extreme = [n for n in self.observed if min(self.p(n), 1 - self.p(n)) < 0.05]
        shown = ", ".join(f"{n} p = {self.p(n):.3f}" for n in self.observed)
        verdict = f"Unusual under the model: {', '.join(extreme)}." if extreme else "None is unusual under the model."
        return f"{self.draws} replicates of {what}: {shown}. {verdict}"

    def __repr__(self) -> str:
        return f"{self.to_frame().to_string(index=False)}\n{self.describe()}"

    def _repr_html_(self) -> str:
        return f"<p>{self.describe()}</p>{self.to_frame().to_html(index=False)}"


def predictive_check(
    post: Any,  # noqa: ANN401
    statistics: Sequence[str] | None = None,
    replicate: str = "new",
    draws: int | None = None,
    seed: int | None = None,
    *,
    table: EvidenceTable | None = None,
    source: str = "posterior",
) -> PredictiveCheck:
    """Compare statistics of the data with those of replicated data, p = P(T(y_rep) ≥ T(y)).

    Parameters
    ----------
    post
        Result of `pool_bayes`; or an ArviZ object with ``posterior_predictive``, such as `sample` returns, with
        ``table``.
    statistics
        Of ``q``, ``max``, ``min``, ``range``, ``sd``; for counts also ``zeros`` and ``total``, for estimates
        ``above_zero``. All that apply, when left out. Q alone says little: τ grows until Q fits.
        Read it beside ``max`` and `loo_pit`.
    replicate
        ``new``: each row gets a new true effect, the design stays. ``same``: each row keeps its own (conservative).
    draws, seed
        Number of replicates (4000), and what reproduces them; the seed of the result, or 0, when left out.
    table
        The evidence behind an ArviZ object.
    source
        ``posterior``, or ``prior`` for what the priors alone predict.

    Raises
    ------
    OptionError
        A statistic that does not apply, an unknown ``replicate``, fewer than 100 draws. An ArviZ object with
        ``replicate``, ``draws``, ``seed`` or ``source``, since its replicates are drawn; a result with ``table``.
    InputError
        An ArviZ object without replicates, or without its table.

    References
    ----------
    Gelman, Meng & Stern 1996, Statistica Sinica 6:733.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> post = lam.pool_bayes(table, mu=lam.Normal(0, 20), tau=lam.HalfNormal(4))
    >>> check = lam.predictive_check(post, statistics=["q", "max"], seed=1)
    >>> list(check.to_frame()["statistic"])
    ['q', 'max']
    """
    a_seed(seed)
    size = _DRAWS if draws is None else a_whole("draws", draws, FEW, 10**7)
    a_choice("replicate", replicate, ("new", "same")), a_choice("source", source, ("posterior", "prior"))
    if table is not None:
        an_instance("table", table, EvidenceTable, "give the table the replicates were made for")
    if not isinstance(post, Posterior):
        if draws is not None or seed is not None or (replicate, source) != ("new", "posterior"):
            raise OptionError(
                "the replicates of an ArviZ object are drawn · leave replicate, draws, seed and source out"
            )
        return _of_arviz(post, statistics, table)
    if table is not None:
        raise OptionError("a result of pool_bayes carries its evidence · leave table out")
    seed = next(s for s in (seed, post.seed, 0) if s is not None)
    rows = post.predictive(size, seed, replicate=replicate, source=source)
    return _check(post.table, post.likelihood, statistics, rows, replicate, seed)


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
    from ..bayes.arviz_compat import datasets

    parts = datasets(thing)
    if table is None:
        raise InputError("an ArviZ object does not carry its evidence · give table=")
    name = next((n for n in ("estimate", "events") if n in parts.get("posterior_predictive", {})), None)
    if name is None:
        raise InputError("no 'estimate' or 'events' in the group posterior_predictive · sample with lam.sample(model)")
    drawn = parts["posterior_predictive"][name]
    if tuple(drawn.dims[2:]) != ("study",) or list(map(str, drawn["study"].values)) != list(table.labels):
        raise InputError(f"the replicates are not of the rows of this table: {', '.join(table.labels)}")
    likelihood = "normal" if name == "estimate" else _likelihood_of(table)
    rows = np.asarray(drawn.values, dtype=np.float64).reshape(-1, table.k)
    return _check(table, likelihood, statistics, rows, "as drawn", None)


def _likelihood_of(table: EvidenceTable) -> str:
    from ..bayes.likelihoods import choose_likelihood

    return choose_likelihood(table, "auto").name
