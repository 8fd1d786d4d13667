"""What every result with one τ² says about it: heterogeneity, likelihood, true effects, fits to subsets."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError, InputError, NotEstimable, OptionError, PoolingError
from ...foundation.options import shown
from ...foundation.values import Interval
from ...results.contract import Result
from ...results.heterogeneity import NO_INTERVAL, Heterogeneity
from ...results.spec import Spec
from ...results.subset_fits import Mask, SubsetFits, fit_subsets
from ..kernel.fitted import Dispersion, dispersion_of
from ..kernel.likelihood import information, log_likelihood
from ..models import MODELS
from ..scale.batch import INTERVALS_FOR_MANY
from ..tau2.estimators import TAU2
from ..tau2.intervals import TAU2_INTERVALS, Tau2Fit
from .deletions import deletions
from .intervals import INTERVALS
from .refits import CentredFits, Sourced, refit
from .study_effects import StudyEffects

__all__ = ["OneTau2"]

_HIGGINS_THOMPSON = "Higgins & Thompson 2002, doi:10.1002/sim.1186"


class OneTau2(Sourced, Result):
    """A result with one between-study variance, of a mean or of a regression (then the residual one).

    Attributes
    ----------
    spec
        How it was fitted and why.
    stretch
        Of the centred scale of ``data``: value = shift + stretch × centred value.
    """

    __slots__ = ()

    spec: Spec
    stretch: float
    _memo: dict[str, Any]

    @abstractmethod
    def _centred(self) -> Tau2Fit:
        """Return the centred data behind τ² intervals and likelihood."""

    @abstractmethod
    def _linear(self) -> tuple[FloatArray, FloatArray]:
        """Return design (k, p) and residuals (k,) of the mean on the centred scale."""

    @abstractmethod
    def true_effects(self) -> StudyEffects:
        """Return best linear unbiased predictions of the true effects of the studies that count."""

    # ---- the between-study variance -----------------------------------------------------------
    @property
    def se_tau2(self) -> float:
        """Standard error of τ², nan where none is published or τ² is not estimated."""
        if self.spec.tau2 in ("none", "fixed") or self.k == 1:
            return math.nan
        return self.stretch**2 * self._centred().se

    def tau2_interval(self, level: float | None = None, method: str = "QP") -> Interval:
        """Return a confidence interval for τ², unbounded above.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.
        method
            Code in `TAU2_INTERVALS`; ``QP`` is the Q-profile.

        Raises
        ------
        NotEstimable
            One study, a variance of 0, or a model without a between-study variance.
        """
        make, fit = TAU2_INTERVALS[method], self._centred()
        if self.k < 2 or self.spec.tau2 == "none":
            more = ", k ≥ 2" if fit.X is None else ""
            raise NotEstimable(f"there is no between-study variance in this result · use model='random'{more}")
        if not fit.v.all():
            raise NotEstimable("a variance is 0: Q at τ² = 0 is infinite and bounds nothing · leave the row out")
        low, high = make(fit, self._level(level))
        return Interval(self.stretch**2 * low, self.stretch**2 * high)

    def i2_interval(self, level: float | None = None, method: str = "QP") -> Interval:
        """Return an interval for I² in percent, from the interval for τ² of the same name."""
        low, high = self.tau2_interval(level, method)
        return Interval(*(self.dispersion.i2(x / self.stretch**2) for x in (low, high)))

    def h2_interval(self, level: float | None = None, method: str = "QP") -> Interval:
        """Return an interval for H², from the interval for τ² of the same name."""
        low, high = self.tau2_interval(level, method)
        return Interval(*(self.dispersion.h2(x / self.stretch**2) for x in (low, high)))

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def dispersion(self) -> Dispersion:
        """Q, I² and H² of the data alone, residual with moderators; on the centred scale."""
        if "dispersion" not in self._memo:
            fit = self._centred()
            self._memo["dispersion"] = dispersion_of(fit.y, fit.v, fit.X)
        found: Dispersion = self._memo["dispersion"]
        return found

    @property
    def q(self) -> float:
        """Cochran's Q; with moderators the residual Q_E."""
        return self.dispersion.q

    @property
    def q_df(self) -> int:
        """Its degrees of freedom, k − 1 (with moderators k − p)."""
        return self.dispersion.q_df

    @property
    def q_p(self) -> float:
        """Its p value."""
        return self.dispersion.q_p

    @property
    def i2(self) -> float:
        """I² in percent, from τ² in random-effects models and from Q in common-effect models."""
        if self.q_df < 1:
            return math.nan
        return self.dispersion.i2_q if self.spec.tau2 == "none" else self.dispersion.i2(self._centred().t)

    @property
    def h2(self) -> float:
        """H², from τ² in random-effects models and from Q in common-effect models."""
        if self.q_df < 1:
            return math.nan
        return self.dispersion.h2_q if self.spec.tau2 == "none" else self.dispersion.h2(self._centred().t)

    @property
    def typical_variance(self) -> float:
        """The typical sampling variance behind I², in squared units of the estimates."""
        return self.stretch**2 * self.dispersion.typical

    def heterogeneity(self) -> Heterogeneity:
        """Return Q, I² (percent), H² and τ² with their intervals (Q-profile, at the level of the fit)."""
        if "heterogeneity" not in self._memo:
            self._memo["heterogeneity"] = self._heterogeneity()
        found: Heterogeneity = self._memo["heterogeneity"]
        return found

    def _heterogeneity(self) -> Heterogeneity:
        between, share, note, assumed = NO_INTERVAL, NO_INTERVAL, "", self.spec.tau2 == "none" and self.k > 1
        if assumed:
            note = f"the {self.spec.model} model has no between-study variance: I² and H² are from Q"
        elif self.k == 1:
            note = "one study: there is nothing to differ from"
        else:
            try:
                between, share = self.tau2_interval(), self.i2_interval()
            except PoolingError as refused:
                note = str(refused)
        tau2 = self.tau2
        assert isinstance(tau2, float)
        return Heterogeneity(self.q, self.q_df, self.q_p, self.i2, share, self.h2, tau2, between, note, assumed)

    # ---- likelihood ---------------------------------------------------------------------------
    @property
    def log_likelihood(self) -> float:
        """Log-likelihood, restricted for REML."""
        fit, (X, residuals), restricted = self._centred(), self._linear(), self.spec.tau2 == "REML"
        value = log_likelihood(fit.y, fit.v, fit.t, X, restricted=restricted, residuals=residuals)
        size = self.k - X.shape[1] if restricted else self.k
        return value - size * math.log(self.stretch)

    def information(self) -> dict[str, float]:
        """Return log_likelihood, deviance, aic, bic and aicc (restricted ones for REML)."""
        estimated, p = self.spec.tau2 not in ("none", "fixed"), self._linear()[0].shape[1]
        v = self.stretch**2 * self._centred().v
        return information(self.log_likelihood, v, p, estimated, restricted=self.spec.tau2 == "REML")

    # ---- the true effects of the studies ------------------------------------------------------
    def _needs_spread(self) -> None:
        if self.spec.tau2 == "none":
            raise NotEstimable(f"the {self.spec.model} model has no true effects to predict · use model='random'")

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return the best linear unbiased prediction of each row's true effect, with bounds, (k, 3).

        NaN where the model has no between-study variance, and for rows that do not count (infinite variance).
        Formulas in `true_effects`.
        """
        level, out = self._level(level), np.full((self.table.k, 3), np.nan)
        if self.spec.tau2 != "none":
            found, rows = self.true_effects(), self._source().rows
            out[rows, 0] = found.effect
            out[rows, 1], out[rows, 2] = found.bounds(level)
        return out

    def _theta_below(self, row: int, value: float) -> float:
        at = np.flatnonzero(self._source().rows == row)
        if at.size == 0:
            raise NotEstimable(f"{self.table.labels[row]} has an infinite variance and does not count")
        return self.true_effects().below(int(at[0]), value)

    # ---- fits to subsets ----------------------------------------------------------------------
    def refit_each(self, masks: Mask, progress: Callable[[], None] | None = None) -> SubsetFits:
        """Return the fits to many subsets of the rows, as one batch where there is one.

        Intervals z, t, HKSJ and HKSJ-floor with inverse-variance weights are fitted side by side, all single deletions
        for the price of a few fits; everything else one by one, with the same result.

        Parameters
        ----------
        masks
            (m, k) truth values: the rows that stay in each subset.
        progress
            Called once a subset.

        Raises
        ------
        InputError
            ``masks`` is no array of truth values of this shape.
        """
        if progress is not None and not callable(progress):
            raise OptionError(f"progress={shown(progress)} · give a function without arguments, or leave it out")
        usable = isinstance(masks, np.ndarray) and masks.dtype == bool and masks.ndim == 2
        if not usable or masks.shape[1] != self.table.k:
            raise InputError(f"masks={shown(masks)} · give (m, {self.table.k}) truth values, one row a subset")
        found = self._batch(masks)
        if found is None:
            return fit_subsets(self, masks, progress)
        done = self._subset_fits(found)
        lost = np.flatnonzero(np.isnan(done.beta).any(axis=1))
        if progress is not None:
            for _ in range(masks.shape[0] - lost.size):
                progress()
        return done if lost.size == 0 else _merged(done, lost, fit_subsets(self, masks[lost], progress))

    def _batch(self, masks: Mask) -> CentredFits | None:
        """Return the subsets fitted side by side, None where only one by one will do."""
        source = self._source()
        batched = source.interval in INTERVALS_FOR_MANY and not self._weights_of_its_own()
        if masks.shape[0] < 2 or source.k < 2 or not batched or not (source.v > 0).all():
            return None
        live = masks if source.k == masks.shape[1] else masks[:, source.rows]
        try:
            gone = live.argmin(axis=1)
            # a False in every row, and no more Falses than rows: faster than counting row by row
            one_each = np.count_nonzero(live) == live.size - gone.size and not live[np.arange(gone.size), gone].any()
            if source.k > 2 and one_each:
                return deletions(source).rows(gone)
            return refit(source, live)
        except ConvergenceError:
            return None

    def _null(self) -> float:
        """Return the value that coefficients are tested against; nan where there is none."""
        return 0.0

    def _subset_fits(self, found: CentredFits) -> SubsetFits:
        m, p = found.beta.shape
        low, high = found.bounds(self.spec.level)
        statistic, p_value = found.test(self._null())
        q_p, i2, h2 = found.heterogeneity(p, self.spec.tau2 == "none")
        q_df = found.k - p
        q = np.where(q_df > 0, found.q, 0.0)
        df = np.broadcast_to(found.df[:, None], (m, p))
        return SubsetFits(
            self.names,
            found.beta,
            found.se,
            low,
            high,
            statistic,
            p_value,
            found.cov,
            df,
            found.tau2,
            q,
            q_df,
            q_p,
            i2,
            h2,
            found.k,
            ("",) * m,
        )

    # ---- sentences ----------------------------------------------------------------------------
    def _methods(self) -> Sequence[tuple[str, str]]:
        """Return the clauses of the Methods section, from the entries of the catalogues."""
        spec = self.spec
        if spec.model == "single":
            return (("One study was found; its estimate is reported as published", ""),)
        model = MODELS.entry(spec.model)
        clauses = [(f"Estimates were pooled by inverse variance: {model.title}", model.citation)]
        if spec.weights != "inverse-variance":
            clauses.append((f"The weights of the studies were {spec.weights}", ""))
        if spec.tau2 == "fixed":
            clauses.append((f"The between-study variance τ² was taken as known, {self.tau2:.4g}", ""))
        elif spec.tau2 != "none":
            tau2 = TAU2.entry(spec.tau2)
            clauses.append(
                (f"The between-study variance τ² was estimated by {spec.tau2} ({tau2.title})", tau2.citation)
            )
        if spec.model != "henmi-copas":
            interval = INTERVALS.entry(spec.interval)
            percent = f"{100 * spec.level:g}%"
            clauses.append((f"{percent} confidence intervals are of the kind {interval.title}", interval.citation))
        clauses.append(("Heterogeneity is described by Cochran's Q, I² and H²", _HIGGINS_THOMPSON))
        if spec.tau2 != "none":
            profile = TAU2_INTERVALS.entry("QP")
            clauses.append((f"The interval of τ² is the {profile.title}", profile.citation))
        return clauses

    def _glance(self) -> Mapping[str, Any]:
        """Return what this family adds to `glance`."""
        return {
            "tau2_method": self.spec.tau2,
            "interval": self.spec.interval,
            "se_tau2": self.se_tau2,
            "h2": self.h2,
            "log_likelihood": self.log_likelihood,
        }


def _merged(done: SubsetFits, at: np.ndarray[Any, Any], rest: SubsetFits) -> SubsetFits:
    """Return ``done`` with the subsets ``at`` from ``rest``."""
    reasons = list(done.reasons)
    for i, reason in zip(at, rest.reasons, strict=True):
        reasons[int(i)] = reason
    columns: dict[str, Any] = {}
    for name in SubsetFits.__slots__:
        if name not in ("names", "reasons", "k"):
            column = np.array(getattr(done, name))
            column[at] = getattr(rest, name)
            columns[name] = column
    return replace(done, reasons=tuple(reasons), **columns)
