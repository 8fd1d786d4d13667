"""Adverse events of one trial by category: ratios shrunk to each other, and what clustering leaves of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bayes.counts.fitting import fit_two_level
from ..bayes.counts.likelihoods import choose_likelihood
from ..bayes.counts.two_level import TwoLevelState
from ..bayes.exact.distributions import Distribution
from ..bayes.priors.base import HalfNormal, TauPrior
from ..bayes.priors.effect_priors import EffectPrior, Normal
from ..bayes.priors.prior_parsing import PriorLike, mu_prior, tau_prior
from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.measures.base import FloatArray
from ..foundation.doors import through
from ..foundation.errors import OptionError
from ..foundation.options import a_level, a_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AdverseEventProfile", "CategoryFit", "adverse_event_profile"]


@dataclass(frozen=True, slots=True, eq=False)
class CategoryFit:
    """The categories of a trial under one reading of their counts.

    Attributes
    ----------
    power
        Power of the likelihood: 1 where events are independent.
    mu, tau
        Posterior of the log rate ratio of the middle category, and of the spread of categories around it.
    theta
        Posterior of the log rate ratio of each category.
    log_marginal
        Log of the integral of likelihood to its power, times prior; evidence where the power is 1.
    """

    power: float
    mu: Distribution
    tau: Distribution
    theta: tuple[Distribution, ...]
    log_marginal: float

    def ratios(self, level: float) -> FloatArray:
        """Return the rate ratio of each category (exp of the mean log), its bounds and P(ratio > 1), (k, 4)."""
        rows = [(d.mean, *d.interval(level), 1.0 - float(d.cdf(0.0))) for d in self.theta]
        found = np.array(rows, dtype=np.float64)
        found[:, :3] = np.exp(found[:, :3])
        return found


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AdverseEventProfile:
    """Rate ratios of the categories of one trial, shrunk to each other.

    Attributes
    ----------
    table
        The categories with their events and person-time.
    independent, cautious
        The fit that takes events as independent, and the one that allows for their clustering in patients.
    prior_mu, prior_tau
        Priors of both.
    level
        Level of intervals.
    """

    table: EvidenceTable
    independent: CategoryFit
    cautious: CategoryFit
    prior_mu: EffectPrior
    prior_tau: TauPrior
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one line a category: counts, raw ratio, and shrunken ratios with P(ratio > 1) of both readings."""
        import pandas as pd

        c = self.table.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            raw = c["x1i"] / c["t1i"] / (c["x2i"] / c["t2i"])
        columns: dict[str, Any] = {"category": self.table.labels, "events": c["x1i"], "control_events": c["x2i"]}
        columns["raw"] = raw
        for prefix, fit in (("", self.independent), ("cautious_", self.cautious)):
            numbers = fit.ratios(self.level).T
            names = ("ratio", "low", "high", "p_above_1")
            columns |= {f"{prefix}{name}": column for name, column in zip(names, numbers, strict=True)}
        return pd.DataFrame(columns)

    def named(self) -> dict[str, tuple[str, ...]]:
        """Return the categories whose interval leaves 1 out: ``more`` and ``less`` on treatment in both readings, and
        ``unsure``, those of which only the independent reading says so.
        """
        frame = self.to_frame()
        above, below = frame["cautious_low"] > 1, frame["cautious_high"] < 1
        only = ((frame["low"] > 1) | (frame["high"] < 1)) & ~above & ~below
        masks = {"more": above, "less": below, "unsure": only}
        return {name: tuple(frame["category"][mask]) for name, mask in masks.items()}

    def verdict(self) -> str:
        """Return the categories of which something may be said, in words, and those of which only with a condition."""
        treated, control = self.table.arms or ("treatment", "control")
        found = self.named()
        said = [
            f"{word} frequent on {treated} than on {control}: {', '.join(found[word])}"
            for word in ("more", "less")
            if found[word]
        ]
        text = "; ".join(said) if said else "of no single category does the cautious interval leave 1 out"
        if found["unsure"]:
            text += f"; only if events were independent of each other: {', '.join(found['unsure'])}"
        return text

    def describe(self) -> str:
        """Return what may be said, and what not, in sentences."""
        arms = self.table.arms or ("treatment", "control")
        low, high = np.exp(self.cautious.mu.interval(self.level))
        percent = f"{100 * self.level:g}%"
        text = (
            f"{self.table.k} categories of one trial: in the middle category events are"
            f" {np.exp(self.cautious.mu.mean):.2f} times as frequent on {arms[0]} as on {arms[1]} ({percent} credible"
            f" interval {low:.2f} to {high:.2f}, cautious). What may be said: {self.verdict()}."
        )
        return (
            f"{text} Ratios are shrunk to each other. Categories are counted in the same patients, and events cluster"
            " in patients; how much, no count of events says, and the dependence of categories is not modelled: the"
            f" cautious reading takes the likelihood to the power {self.cautious.power:.3g}, as if each event were seen"
            f" {1 / self.cautious.power:.3g} times."
        )

    def plot(self, ax: object = None) -> object:
        """Draw raw ratios (hollow) and shrunken ones (filled) with the intervals of the cautious reading.

        Parameters
        ----------
        ax
            Axes to draw on.
        """
        return through("adverse_events")(self, ax=ax)

    def __repr__(self) -> str:
        frame = self.to_frame().round(3)
        return f"{self.describe()}\n{frame.to_string(index=False)}"


def adverse_event_profile(
    evidence: EvidenceTable,
    *,
    power: float = 1 / 3,
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
    level: float = 0.95,
) -> AdverseEventProfile:
    """Return the rate ratios of the categories of adverse events of one trial, shrunk to each other.

    Given the events of both arms in a category, those of the treated arm are binomial; the log rate ratios of the
    categories are N(μ, τ²) around a middle one. A category with few events borrows from the others, one with many
    stands for itself. Categories share patients and events cluster in them: the same is done with the likelihood to
    ``power``, a bound that a cautious reader uses, and both are shown.

    Parameters
    ----------
    evidence
        Log rate ratios (IRR) with counts ``x1i t1i x2i t2i``, one row a category, all of one study.
    power
        Power of the likelihood of the cautious reading, above 0 and up to 1; 1/3 as if each event were seen 3 times.
    mu, tau
        Priors of the middle log rate ratio and of the spread of categories; Normal(0, 2.82) and HalfNormal(0.5) when
        left out.
    level
        Level of intervals.

    Returns
    -------
    AdverseEventProfile
        ``to_frame()``, ``describe()``, ``plot()``, and both fits.

    Raises
    ------
    OptionError
        Another measure, rows of several studies, a power or level outside its range, something that is no prior.
    ImproperPosterior, QuadratureError
        The posterior does not exist, or cannot be computed to its error bound.

    See Also
    --------
    lamevidence.pool_bayes : one effect of several studies.

    References
    ----------
    Berry & Berry 2004, doi:10.1111/j.0006-341X.2004.00186.x, for borrowing between categories of adverse events.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.load_registry().evidence("miles-adverse-events-by-category")
    >>> profile = lam.synthesis.adverse_event_profile(table)
    >>> profile.named()["more"]
    ('Dermatologic', 'Gastrointestinal')
    """
    a_table(evidence)
    if evidence.measure != "IRR" or not {"x1i", "t1i", "x2i", "t2i"} <= set(evidence.counts):
        raise OptionError(
            f"a profile of adverse events is made of log rate ratios (IRR) with events and person-time of two arms, not"
            f" of {evidence.measure} · make the table with EvidenceTable.from_frame(frame, 'IRR', events=…,"
            " person_time=…, control_events=…, control_person_time=…)"
        )
    if evidence.k < 2 or len(set(evidence.studies)) > 1:
        raise OptionError(
            f"{evidence.k} rows of {len(set(evidence.studies))} studies are no categories of one trial"
            " · give two or more rows that name one trial (cluster=…), or pool studies with pool_bayes"
        )
    power = a_number("power", power, above=0, most=1)
    level = a_level(level)
    effect = mu_prior(Normal(0, 2.82) if mu is None else mu, evidence.unit)
    spread = tau_prior(HalfNormal(0.5) if tau is None else tau, evidence.unit)
    likelihood = choose_likelihood(evidence, "conditional-binomial")
    fits = [_fitted(fit_two_level(evidence, likelihood, effect, spread, power=a), a, evidence.k) for a in (1.0, power)]
    return AdverseEventProfile(evidence, fits[0], fits[1], effect, spread, level)


def _fitted(state: TwoLevelState, power: float, k: int) -> CategoryFit:
    theta = tuple(state.theta(i) for i in range(k))
    return CategoryFit(power, state.at(np.ones(1)), state.tau, theta, state.log_marginal)
