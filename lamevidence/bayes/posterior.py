"""The results of a Bayesian pooling: one mean effect, or the coefficients of moderators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable
from ..foundation.values import Interval
from ..results.contract import CoefficientResult, MeanResult
from ..results.marginal import PopulationAverage, link_of
from .design import NewModerators
from .exact.distributions import Distribution
from .posterior_base import PosteriorBase
from .printed import reading_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["POSTERIORS", "Posterior", "PosteriorBase", "PosteriorRegression"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posterior(PosteriorBase, PopulationAverage, MeanResult):
    """Posterior of a random-effects meta-analysis with one mean effect.

    ``mu``, ``tau``, ``theta_new`` and ``theta[row]`` are distributions; ``estimate`` and ``se`` are the posterior mean
    and standard deviation of μ, ``tau2`` is E τ². A refit keeps priors, likelihood and engine; a prior that is defined
    by the standard errors is made anew for the new rows.

    Attributes
    ----------
    table
        The evidence.
    engine, likelihood
        ``exact`` or ``nuts``; ``normal``, ``t``, ``binomial``, ``poisson``, ``hazard``, ``hypergeometric``,
        ``conditional-binomial``.
    mu, tau
        Mean effect and between-study standard deviation.
    theta
        True effect of each row, drawn towards the mean.
    theta_new
        True effect of a new study.
    coefficients
        ``intercept`` → ``mu``.
    prior_mu, prior_tau
        The priors used, in the unit of the estimates; ``prior_mu`` has one entry.
    spec
        The resolved settings, and why.
    state, design
        What the engine keeps, and the design: a column of ones.
    seed
        What reproduces draws.
    numerical_error
        Bound on the movement of any watched quantity in the last refinement; None for a sampler.
    tau_learned
        False when one study alone says nothing about τ.
    notes
        Sentences that belong under every figure made from this result.
    recipe
        How it was made; what `refit` follows.

    See Also
    --------
    lamevidence.pool_bayes : what makes it.
    lamevidence.pool : the frequentist result with the same members.

    References
    ----------
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5, 8, 0.8], sei=[2, 3, 3.5, 6, 1.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> round(post.estimate, 4), round(post.probability("theta_new > 0"), 2)
    (1.3199, 0.75)
    >>> post.without("1").k
    4
    """

    @property
    def estimate(self) -> float:
        """Posterior mean of the mean effect, NaN where it does not exist."""
        return self.mu.mean

    @property
    def se(self) -> float:
        """Posterior standard deviation of the mean effect, infinite where it does not exist."""
        return self.mu.sd

    @property
    def df(self) -> float:
        """Infinite: intervals are quantiles of the posterior."""
        return math.inf

    @property
    def statistic(self) -> float:
        """NaN: a posterior has no test statistic; see `probability` and `bayes_factor`."""
        return math.nan

    @property
    def p_value(self) -> float:
        """NaN: a posterior has no p value; see `probability` and `bayes_factor`."""
        return math.nan

    def _shown(self) -> FloatArray:
        return np.array([self.mu.median])

    def interval(self, level: float | None = None, kind: str = "central") -> Interval:
        """Return the credible interval of the mean effect.

        Parameters
        ----------
        level
            Probability inside; that of the fit when left out.
        kind
            ``central`` (also the central one after a back-transform), or ``shortest`` on the analysis scale.
        """
        return self.mu.interval(self._level(level), kind)

    def prediction(self, level: float | None = None, kind: str = "central") -> Interval:
        """Return the interval of the true effect of a new study, as `interval`."""
        return self.theta_new.interval(self._level(level), kind)

    def marginal(self) -> Distribution:
        """Return the posterior of the average over studies E{back(θ)}, θ ~ N(μ, τ²): a fraction, or a rate.

        ``display().estimate`` reads the median of μ back: the rate of the middle (median) study. Exact engines sum the
        law of μ over the nodes of τ; draws are averaged one by one.

        Raises
        ------
        NotEstimable
            The result is no proportion or rate of one arm.
        """
        link = link_of(self)
        return self.mu if link == "identity" else self.state.average(link)

    def marginal_interval(self, level: float | None = None, kind: str = "central") -> Interval:
        """Return the credible interval of `marginal`, as `interval`."""
        return self.marginal().interval(self._level(level), kind)

    def _average(self) -> float:
        return self.marginal().median

    @property
    def weights(self) -> FloatArray | None:
        """Posterior mean weight of each row in the mean effect, in percent of all rows; None for counts and chains.

        What the prior of μ weighs beside them is `prior_weight`.
        """
        found = self.state.mean_weights()
        if found is None:
            return None
        rows = found[: self.k]
        return np.asarray(100.0 * rows / rows.sum())

    @property
    def prior_weight(self) -> float | None:
        """Posterior mean weight of the prior of μ in percent of rows and prior together; None where rows have none."""
        found = self.state.mean_weights()
        return None if found is None else float(100.0 * found[self.k] / found.sum())

    def print_readings(self) -> pd.DataFrame:
        """Return each way to read what is printed of each row, with its probability before and after the data.

        Returns
        -------
        DataFrame
            One row a reading: ``label``, ``route`` (the findings it is derived from), ``kind`` of an inferred ±,
            ``rounded`` numbers, the range of an assumed ``r``, ``probability`` and ``posterior`` probability, mean
            ``yi`` and root mean square ``sei``, the ``components`` of the mixture, and a ``note`` where the other kind
            of ± gives no estimate.

        Raises
        ------
        OptionError
            The posterior takes the printed numbers as they are.
        """
        return reading_frame(self)

    def _json(self) -> Mapping[str, Any]:
        found = PosteriorBase._json(self)
        return {**found, "readings": self.print_readings().to_dict("records")} if self.table.printed else found

    def _quantities(self) -> dict[str, Distribution]:
        return {"mu": self.mu, "tau": self.tau, "theta_new": self.theta_new}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PosteriorRegression(PosteriorBase, CoefficientResult):
    """Posterior of a random-effects meta-regression.

    ``estimate`` and ``se`` are posterior means and standard deviations of the coefficients, (p,), with ``names``;
    `interval` maps names to intervals. A refit keeps the coding of a formula (its levels and centres); a level that no
    row has any more keeps its coefficient where its prior is proper, and loses it where the prior is flat.

    Attributes
    ----------
    table, engine, likelihood, tau, theta, spec, state, seed, numerical_error, tau_learned, notes, recipe
        As in `Posterior`.
    coefficients
        Name → distribution of each coefficient.
    mu, theta_new
        The first coefficient (the intercept), and the true effect of a new study whose moderators are all 0.
    prior_mu, prior_tau
        One prior a coefficient, and the prior of τ, in the unit of the estimates.
    design
        Design matrix and coding.

    See Also
    --------
    lamevidence.pool_bayes : what makes it.
    Posterior : the result without moderators.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], moderators={"x": [0, 1, 1]})
    >>> post = lam.pool_bayes(
    ...     table,
    ...     mu=[lam.priors.Normal(0, 20), lam.priors.Normal(0, 10)],
    ...     tau=lam.priors.HalfNormal(4),
    ...     moderators=["x"],
    ... )
    >>> post.names, len(post.predict({"x": [0, 1]}))
    (('intercept', 'x'), 2)
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(self.coefficients)

    @property
    def estimate(self) -> FloatArray:
        """Posterior means of the coefficients, (p,)."""
        return np.array([d.mean for d in self.coefficients.values()])

    @property
    def se(self) -> FloatArray:
        """Posterior standard deviations of the coefficients, (p,)."""
        return np.array([d.sd for d in self.coefficients.values()])

    @property
    def df(self) -> FloatArray:
        """Infinite: intervals are quantiles of the posterior, (p,)."""
        return np.full(len(self.names), np.inf)

    @property
    def statistic(self) -> FloatArray:
        """NaN: a posterior has no test statistic, (p,)."""
        return np.full(len(self.names), np.nan)

    @property
    def p_value(self) -> FloatArray:
        """NaN: a posterior has no p value, (p,)."""
        return np.full(len(self.names), np.nan)

    @property
    def covariance(self) -> FloatArray:
        """Posterior covariance of the coefficients, (p, p)."""
        return self.state.covariance()

    def _shown(self) -> FloatArray:
        return np.array([d.median for d in self.coefficients.values()])

    def interval(self, level: float | None = None, kind: str = "central") -> dict[str, Interval]:
        """Return the credible interval of each coefficient by name, as in `Posterior.interval`."""
        level = self._level(level)
        return {name: d.interval(level, kind) for name, d in self.coefficients.items()}

    def fitted(self) -> FloatArray:
        """Return the posterior mean of each row's mean effect, (k,)."""
        return np.asarray(self.X @ self.estimate)

    def predict(self, new: NewModerators | None = None, level: float | None = None) -> pd.DataFrame:
        """Return mean effect, its credible interval and the interval of a new study's true effect.

        Parameters
        ----------
        new
            Mapping or frame of moderators, or rows of the design with all its columns; the studies of the table when
            left out.
        level
            Level of the intervals; that of the fit when left out.
        """
        import pandas as pd

        rows = self.X if new is None else self.design.rows(new)
        level = self._level(level)
        lines = []
        for x in rows:
            mean, ahead = self.state.at(x), self.state.at(x, new=True)
            (low, high), (new_low, new_high) = mean.interval(level), ahead.interval(level)
            lines.append((mean.mean, mean.sd, low, high, new_low, new_high))
        columns = ["mean", "std_error", "conf_low", "conf_high", "prediction_low", "prediction_high"]
        return pd.DataFrame(lines, columns=columns)

    def _below(self, quantity: str, value: float) -> float:
        if quantity == "theta_new":
            raise NotEstimable(
                f"theta_new has no place yet: the model has {', '.join(self.names)}"
                f" · ask post.at({{{self.names[-1]!r}: …}}, new=True).cdf(…)"
            )
        return PosteriorBase._below(self, quantity, value)

    def _quantities(self) -> dict[str, Distribution]:
        return {**self.coefficients, "tau": self.tau}


POSTERIORS = (Posterior, PosteriorRegression)
"""Both results of `pool_bayes`."""
