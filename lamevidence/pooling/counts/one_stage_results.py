"""What every one-stage result says, and the result with one mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import LamEvidenceError, NotEstimable
from ...foundation.options import a_choice
from ...foundation.values import Interval
from ...results.contract import Result
from ...results.heterogeneity import Heterogeneity, prediction_se
from ...results.marginal import PopulationAverage, average, link_of, recovered
from ..inverse_variance.prediction import ONE_SD
from ..kernel.distributions import below, quantile
from ..models import MODELS
from .count_results import CountPooled, CountSpec
from .likelihood import Likelihood
from .new_study import NewStudy, new_study
from .request import KINDS

__all__ = ["GlmmPooled", "OneStage", "OneStageFit"]


@dataclass(frozen=True, slots=True, eq=False)
class OneStageFit:
    """The optimum of a one-stage likelihood, as numbers.

    Attributes
    ----------
    beta, covariance
        Coefficients of the effect (p,) and their covariance (p, p).
    X
        Design of the effect, (k, p), one row a row of the table.
    informative
        Which rows of the table carry information about the effect, (k,).
    log_likelihood
        Maximised marginal log-likelihood, every constant included.
    conditional_log_likelihood
        Log-likelihood of the data given the modes of the random effects; what metafor prints as ``logLik`` of models
        fitted with one random effect a study. It is not comparable between models.
    parameters, observations
        What AIC and BIC count.
    q_lrt, q_lrt_p
        Likelihood-ratio test of equal effects.
    tau2_error
        Standard error of τ² from the observed information; NaN at τ² = 0.
    sigma2, rho
        UM.RS: variance of the intercepts, and their correlation with the effects; else None.
    modes
        Local maxima found; the highest is reported.
    likelihood
        Model and optimum, what profiles are computed from; None where the estimate is infinite or of one study.
    """

    beta: FloatArray
    covariance: FloatArray
    X: FloatArray
    informative: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    log_likelihood: float = math.nan
    conditional_log_likelihood: float = math.nan
    parameters: int = 0
    observations: int = 0
    q_lrt: float = math.nan
    q_lrt_p: float = math.nan
    tau2_error: float = math.nan
    sigma2: float | None = None
    rho: float | None = None
    modes: int = 1
    likelihood: Likelihood | None = None

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, with the number of count rows as sample size."""
        if self.observations == 0:
            return math.nan
        return -2 * self.log_likelihood + self.parameters * math.log(self.observations)

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        n = max(self.observations, self.parameters + 2)
        return -2 * self.log_likelihood + 2 * self.parameters * n / (n - self.parameters - 1)

    def studies(self) -> tuple[FloatArray, FloatArray]:
        """Return mode and standard deviation of each row's effect given the counts, (k,) each.

        The standard deviation joins the curvature of the row's log-likelihood at its mode with the covariance of the
        coefficients; a row without information has the distribution of a new study.
        """
        assert self.likelihood is not None
        mean = self.X @ self.beta
        variance = np.einsum("kp,pq,kq->k", self.X, self.covariance, self.X)
        theta, sd = mean.copy(), np.sqrt(variance + self.likelihood.tau2)
        theta[self.informative], sd[self.informative] = self.likelihood.study_effects(mean[self.informative])
        return theta, sd


class OneStage(Result):
    """What one-stage results share, with one coefficient or several."""

    __slots__ = ()

    spec: CountSpec
    one_stage: OneStageFit
    tau2: float
    q: float
    q_df: int
    q_p: float
    i2: float
    h2: float

    @property
    def log_likelihood(self) -> float:
        """Maximised marginal log-likelihood, every constant included."""
        return self.one_stage.log_likelihood

    @property
    def conditional_log_likelihood(self) -> float:
        """Log-likelihood given the modes of the random effects (metafor's ``logLik``)."""
        return self.one_stage.conditional_log_likelihood

    @property
    def parameters(self) -> int:
        """Parameters that AIC and BIC count."""
        return self.one_stage.parameters

    @property
    def observations(self) -> int:
        """Count rows that BIC counts."""
        return self.one_stage.observations

    @property
    def q_lrt(self) -> float:
        """Likelihood-ratio statistic of equal effects; ``q`` is the Wald statistic."""
        return self.one_stage.q_lrt

    @property
    def q_lrt_p(self) -> float:
        """P value of the likelihood-ratio test of equal effects."""
        return self.one_stage.q_lrt_p

    @property
    def tau2_error(self) -> float:
        """Standard error of τ² from the observed information; NaN at τ² = 0."""
        return self.one_stage.tau2_error

    se_tau2 = tau2_error

    @property
    def sigma2(self) -> float | None:
        """UM.RS: variance of the baselines; None in other models."""
        return self.one_stage.sigma2

    @property
    def rho(self) -> float | None:
        """UM.RS with correlated effects: correlation of baselines and effects; else None."""
        return self.one_stage.rho

    @property
    def modes(self) -> int:
        """Local maxima found; the highest is reported."""
        return self.one_stage.modes

    @property
    def likelihood(self) -> Likelihood | None:
        """Model and optimum; None where the estimate is infinite or of one study."""
        return self.one_stage.likelihood

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.one_stage.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return self.one_stage.bic

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        return self.one_stage.aicc

    @property
    def k_informative(self) -> int:
        """Studies that carry information about the effect."""
        return int(self.one_stage.informative.sum())

    @property
    def prediction_df(self) -> float:
        """Degrees of freedom behind the prediction interval; inf for the normal distribution."""
        rows = self.k_informative - self.one_stage.beta.size
        return {"HTS": float(rows - 1), "t": float(rows)}.get(self.spec.prediction, math.inf)

    def heterogeneity(self) -> Heterogeneity:
        """Return the Wald Q, I² (percent), H² and τ² in one record.

        The interval of τ² is not in it: it profiles the likelihood, see `tau2_interval`.
        """
        note = "tau2_interval() profiles the likelihood for the interval of τ²"
        if self.likelihood is None:
            note = "how much studies differ cannot be estimated"
        return Heterogeneity(self.q, self.q_df, self.q_p, i2=self.i2, h2=self.h2, tau2=self.tau2, note=note)

    def tau2_interval(self, level: float | None = None, *, kind: str = "profile") -> Interval:
        """Return an interval for τ².

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.
        kind
            ``profile`` likelihood, or ``wald`` on the log scale.

        Raises
        ------
        NotEstimable
            The model has no τ², or it is 0 and ``wald`` was asked for.
        """
        level = self._level(level)
        a_choice("kind of tau2_interval", kind, ("profile", "wald"))
        if self.spec.tau2 != "ML" or self.likelihood is None:
            raise NotEstimable("this result has no between-study variance to put an interval around")
        if kind == "profile":
            return self.likelihood.tau2_interval(level)
        if not self.tau2 > 0 or not math.isfinite(self.tau2_error):
            raise NotEstimable("a Wald interval does not exist at tau2 = 0 · use kind='profile'")
        half = quantile(level) * self.tau2_error / self.tau2
        return Interval(self.tau2 * math.exp(-half), self.tau2 * math.exp(half))

    def fitted(self) -> FloatArray:
        """Return the fitted effect of each row on the analysis scale, (k,)."""
        return np.asarray(self.one_stage.X @ self.one_stage.beta)

    def leverage(self) -> FloatArray:
        """Return NaN for each row, (k,): a likelihood of counts has no hat matrix."""
        return np.full(self.k, np.nan)

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return each row's effect as the model shrinks it: mode and bounds, (k, 3); NaN at an infinite estimate.

        The bounds are mode ± z × SD, the SD from the curvature of the row's likelihood at the mode and from the
        covariance of the coefficients; of a row without information they are those of a new study.
        """
        if self.likelihood is None:
            return np.full((self.k, 3), np.nan)
        theta, sd = self.one_stage.studies()
        half = quantile(self._level(level)) * sd
        return np.column_stack([theta, theta - half, theta + half])

    def _theta_below(self, row: int, value: float) -> float:
        if self.likelihood is None:
            raise NotEstimable("how much studies differ cannot be estimated, so no study has an effect of its own")
        theta, sd = self.one_stage.studies()
        return float(special.ndtr((value - theta[row]) / sd[row]))

    def _glance(self) -> Mapping[str, Any]:
        return {
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "bic": self.bic,
            "q_lrt": self.q_lrt,
            "q_lrt_p": self.q_lrt_p,
            "sigma2": self.sigma2,
            "rho": self.rho,
            "modes": self.modes,
        }

    def _json(self) -> Mapping[str, Any]:
        return dict(self._glance())

    def _methods(self) -> Sequence[tuple[str, str]]:
        code = self.spec.options["likelihood"]
        entry = KINDS.entry(code)
        nodes = self.spec.options.get("nagq", 0)
        effects = "normally distributed study effects" if self.spec.tau2 == "ML" else "one common effect"
        name = MODELS.entry("glmm").title
        clauses = [(f"Counts were pooled in a {name} ({code}: {entry.title}) with {effects}", entry.reference)]
        if self.likelihood is None:
            return [*clauses, (f"The interval is the {self.spec.name.removesuffix(' interval')} interval", "")]
        if nodes and self.spec.tau2 == "ML":
            how = "Laplace's approximation" if nodes == 1 else f"adaptive Gauss-Hermite quadrature ({nodes} nodes)"
            clauses.append(
                (f"The likelihood was integrated by {how}", "Liu & Pierce 1994, doi:10.1093/biomet/81.3.624")
            )
        kind = "normal" if self.spec.interval == "z" else "t"
        clauses.append((f"{100 * self.level:g}% confidence intervals are Wald intervals with {kind} quantiles", ""))
        if self.spec.prediction == "profile":
            clauses.append(
                (
                    "The prediction interval mixes over the confidence distribution of τ² from its adjusted profile"
                    " likelihood",
                    "Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520",
                )
            )
        elif self.spec.prediction != "none":
            clauses.append(
                (
                    "The prediction interval adds τ² to the variance of the mean",
                    "Higgins, Thompson & Spiegelhalter 2009, doi:10.1111/j.1467-985X.2008.00552.x",
                )
            )
        return clauses


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class GlmmPooled(OneStage, PopulationAverage, CountPooled):
    """The mean of a one-stage (binomial-normal, Poisson-normal, hypergeometric-normal) model.

    ``q, q_df, q_p`` are the Wald test of equal effects, ``q_lrt, q_lrt_p`` the likelihood-ratio test.

    Attributes
    ----------
    one_stage
        The optimum: log-likelihood, information criteria, variance components.

    See Also
    --------
    GlmmRegression : The same models with moderators.
    """

    one_stage: OneStageFit = field()

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study, on the link scale.

        Mu ± quantile × √(se² + τ²) with ``HTS``, ``t`` and ``normal``; with ``profile`` quantiles of μ̂(τ) + τZ −
        t(k − p)·se(τ), τ from the confidence distribution of its adjusted profile likelihood (Nagashima, Noma &
        Furukawa 2019, doi:10.1177/0962280218773520, have it for estimates with variances).

        Parameters
        ----------
        level
            Level; that of the fit when left out.

        Raises
        ------
        NotEstimable
            There is none, by choice or by the default for few studies, or the counts leave τ open above; the message
            says why.
        """
        if self.spec.prediction == "none":
            raise NotEstimable(self._no_prediction())
        if self.spec.prediction == "profile":
            return self._new_study().interval(self._level(level))
        half = quantile(self._level(level), self.prediction_df) * self.prediction_se
        return Interval(self.mu - half, self.mu + half)

    @property
    def prediction_se(self) -> float:
        """Standard error behind the prediction interval, √(τ² + se²); half its central 68 % with ``profile``."""
        if self.spec.prediction == "profile":
            return self._new_study().interval(ONE_SD).width / 2
        return prediction_se(self.tau2, self.se**2)

    def _new_study(self) -> NewStudy:
        assert self.likelihood is not None
        return new_study(self.likelihood, self.k_informative - 1)

    def _no_prediction(self) -> str:
        return self.spec.why.get("prediction", "left out, as asked")

    def _below_new(self, value: float) -> float:
        if self.spec.prediction == "none":
            raise NotEstimable(self._no_prediction())
        if self.spec.prediction == "profile":
            return self._new_study().below(value)
        return below((value - self.mu) / self.prediction_se, self.prediction_df)

    def _below_theta(self, row: int, value: float) -> float:
        return self._theta_below(row, value)

    def marginal(self) -> float:
        """Return the mean proportion or rate over studies: E{back(θ)} with θ ~ N(mu, τ²), a fraction.

        ``display().estimate`` is the rate of the middle (median) study; this is the average over studies.

        Raises
        ------
        NotEstimable
            The result is no proportion or rate of one arm.
        """
        return average(link_of(self), self.mu, self.tau2)

    def marginal_interval(self, level: float | None = None) -> Interval:
        """Return an interval for `marginal`, from those of the mean and of τ² (profile), by recovery of variances.

        On the link scale each limit lies √(Δμ² + Δτ²) from the average, the distances it moves where one of the two
        moves to its own limit (Zou, Taleban & Huo 2009, Comput Stat Data Anal 53:3755). With 3 to 10 studies it held
        the average in .94 to .99 of simulated sets; the likelihood ratio with a χ² quantile did in .90.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.

        Raises
        ------
        NotEstimable
            The result is no proportion or rate of one arm.
        """
        level, link = self._level(level), link_of(self)
        if self.likelihood is None or self.spec.tau2 != "ML":
            return Interval(*(average(link, end, 0.0) for end in self.interval(level)))
        return recovered(link, self.mu, self.interval(level), self.tau2, self.tau2_interval(level))

    def profile_interval(self, level: float | None = None) -> Interval:
        """Return the profile-likelihood interval for ``mu``.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.

        Raises
        ------
        NotEstimable
            The estimate is infinite.
        """
        if self.likelihood is None:
            raise NotEstimable("no profile at an infinite estimate or of one study · interval() holds its exact bound")
        return self.likelihood.mu_interval(self.mu, self.se, self._level(level))

    def _json(self) -> Mapping[str, Any]:
        own = dict(self._glance())
        if self.measure not in ("PLO", "IRLN", "HAZ"):
            return own
        try:
            return own | {"marginal": self.marginal(), "marginal_interval": self.marginal_interval()}
        except LamEvidenceError as error:
            return own | {"marginal": self.marginal(), "marginal_interval": None, "marginal_note": str(error)}
