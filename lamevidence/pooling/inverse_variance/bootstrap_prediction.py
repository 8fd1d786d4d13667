"""A prediction interval that carries the uncertainty of τ² along (Nagashima, Noma & Furukawa), by simulation.

The distribution function of Cochran's Q at the observed value, as a function of τ², is a confidence distribution of
τ²; the interval propagates it, and the uncertainty of the mean, to a new study. `bootstrap_prediction` takes a seed of
one's own and gives the draws; ``prediction="NNF"`` is the same distribution by quadrature.
Reference: Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, TooFewStudies, UnknownName
from ...foundation.options import a_level, a_whole, our_words
from ...foundation.values import Interval
from ...results.statements import read_statement
from ..counts.new_study import new_study
from ..counts.one_stage_results import GlmmPooled
from ..kernel.distributions import weighted_chi2_cdf
from ..kernel.fitted import Fitted, fit_at
from ..kernel.kernels import centre
from ..rows import checked_rows
from ..tau2.estimators import TAU2, form_eigenvalues, solve_form

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BootstrapPrediction", "bootstrap_prediction", "confidence_draws", "tau2_confidence_draws"]

MOST_DRAWS = 10_000_000
FEWEST_DRAWS = 1000
"""With fewer, the 2.5 % points rest on fewer than 25 draws."""
GRID = 160


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BootstrapPrediction:
    """Where the effect of a new study is expected, with the uncertainty of τ² in it.

    Attributes
    ----------
    mean, tau2
        DerSimonian-Laird estimates, the centre of the simulation; of counts those of the fit, on the link scale.
    k
        Number of studies.
    level
        Level of the intervals unless another is asked for.
    seed
        Seed of the simulation: the same seed gives the same draws.
    effects, means
        Draws of the effect in a new study and of the mean, read-only, (draws,).
    note
        How exact the ends are.
    unit
        Unit of the estimates on the analysis scale, None for pure numbers.

    See Also
    --------
    lamevidence.pool : the same interval as ``prediction="NNF"`` of a fit, by quadrature.
    """

    mean: float
    tau2: float
    k: int
    level: float
    seed: int
    effects: FloatArray
    means: FloatArray
    note: str
    unit: str | None = None

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.effects.size

    def interval(self, level: float | None = None) -> Interval:
        """Return the prediction interval for the true effect of a new study."""
        return self._quantiles(self.effects, level)

    def mean_interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval for the mean that the same draws give."""
        return self._quantiles(self.means, level)

    def _quantiles(self, draws: FloatArray, level: float | None) -> Interval:
        tail = 0.5 - (self.level if level is None else a_level(level)) / 2
        low, high = np.quantile(draws, [tail, 1 - tail])
        return Interval(float(low), float(high))

    def probability(self, statement: str) -> float:
        """Return the share of draws for which a statement holds.

        Parameters
        ----------
        statement
            ``"theta_new > x"`` or ``"mu < x"``, with the unit of the estimates where they have one.

        Raises
        ------
        OptionError
            The statement cannot be read, or speaks of something else.
        """
        found = read_statement(statement, self.unit)
        draws = {"theta_new": self.effects, "mu": self.means}.get(found.quantity)
        if draws is None:
            raise UnknownName("quantity", found.quantity, ("theta_new", "mu"))
        return float(np.mean(draws < found.value if found.sign == "<" else draws > found.value))

    def tidy(self, level: float | None = None) -> pd.DataFrame:
        """Return one row for the mean and one for a new study: ``term estimate std_error conf_low conf_high``."""
        import pandas as pd

        rows = [
            ("mu", self.mean, float(self.means.std()), *self.mean_interval(level)),
            ("theta_new", self.mean, float(self.effects.std()), *self.interval(level)),
        ]
        return pd.DataFrame(rows, columns=["term", "estimate", "std_error", "conf_low", "conf_high"])

    def glance(self) -> pd.DataFrame:
        """Return one row about the simulation."""
        import pandas as pd

        row = {"k": self.k, "tau2": self.tau2, "level": self.level, "draws": self.draws, "seed": self.seed}
        return pd.DataFrame([row])

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the draws left out."""
        return {
            "mean": self.mean,
            "tau2": self.tau2,
            "k": self.k,
            "level": self.level,
            "interval": list(self.interval()),
            "mean_interval": list(self.mean_interval()),
            "seed": self.seed,
            "draws": self.draws,
            "unit": self.unit,
            "note": self.note,
        }

    def describe(self) -> str:
        """Return one sentence: where a new study is expected."""
        low, high = self.interval()
        unit = f" {self.unit}" if self.unit else ""
        percent = f"{100 * self.level:g}%"
        return f"A new study is expected at {low:.4g} to {high:.4g}{unit} ({percent}; k = {self.k}; {self.note})."

    def __repr__(self) -> str:
        return self.describe()


@our_words()
def bootstrap_prediction(
    evidence: EvidenceTable | GlmmPooled, *, level: float = 0.95, draws: int = 25_000, seed: int
) -> BootstrapPrediction:
    """Return the prediction interval of Nagashima, Noma and Furukawa, by parametric bootstrap.

    τ² is drawn from its confidence distribution, the distribution function of Cochran's Q at the observed value
    (an exact weighted sum of χ²₁); given τ², a new study lies at μ̂(τ²) + τZ − t(k − 1)·se_HK(τ²). For a one-stage model
    of counts the distribution of τ² is that of its adjusted profile likelihood, and se(τ²) that of the model.

    Parameters
    ----------
    evidence
        The rows, independent of each other, with finite variances above 0; or a one-stage fit of one mean,
        `lamevidence.counts.glmm`, whose counts need no variances.
    level
        Level of the intervals, a fraction.
    draws
        Number of draws, from 1000 to ten million. The draws are stratified, so the ends are steadier than those of
        independent draws.
    seed
        Seed of the generator, a whole number ≥ 0; recorded in the result.

    Returns
    -------
    BootstrapPrediction
        Intervals, probabilities and the draws themselves.

    Raises
    ------
    TooFewStudies
        Fewer than two studies. With two, the error of the mean has a Cauchy distribution: the interval is
        valid and says next to nothing, and the note says so.
    OptionError
        Level, draws or seed out of range.
    InputError, NotEstimable, DependentRows
        Rows that cannot be pooled; a fit whose τ² has no confidence distribution (common effect, correlated effects).

    See Also
    --------
    lamevidence.pool : ``prediction="NNF"`` gives the same interval by quadrature, next to all else of a fit.
    lamevidence.counts.glmm : ``prediction="profile"``, the same for counts.

    References
    ----------
    Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> found = lam.checks.bootstrap_prediction(table, seed=7)
    >>> found.interval().low < found.mean_interval().low < found.mean
    True
    """
    level = a_level(level)
    draws, seed = a_whole("draws", draws, FEWEST_DRAWS, MOST_DRAWS), a_whole("seed", seed, 0, 2**128)
    if isinstance(evidence, GlmmPooled):
        return _of_counts(evidence, level, draws, seed)
    live = checked_rows(evidence)
    y, v = evidence.yi[live], evidence.vi[live]
    if y.size < 2:
        raise TooFewStudies("the bootstrap prediction interval", y.size, 2, "use the Bayesian model, lam.pool_bayes")
    if (v == 0).any():
        raise NotEstimable("a variance of 0: Cochran's Q divides by it · leave the row out")
    if (y == y[0]).all():
        raise NotEstimable("all estimates are equal: Cochran's Q is 0 and has no distribution of τ² · use pool")
    data = centre(y[None], v[None])
    t = float(TAU2["DL"](data.y, data.v, data.k, None, None).value[0])
    fit = fit_at(data.y[0], data.v[0], t)
    means, effects = confidence_draws(fit, draws, np.random.default_rng(seed))
    offset, scale = float(data.offset[0]), float(data.scale[0])
    return BootstrapPrediction(
        offset + scale * fit.mean,
        scale**2 * t,
        fit.k,
        level,
        seed,
        _frozen(offset + scale * effects),
        _frozen(offset + scale * means),
        f"{draws} draws, seed {seed}; Monte Carlo error of the ends about {_error(scale * effects, level):.1g}"
        + ("; k = 2: Cauchy tails, hardly informative" if y.size == 2 else ""),
        evidence.unit,
    )


def _of_counts(fit: GlmmPooled, level: float, draws: int, seed: int) -> BootstrapPrediction:
    """Return the same for a one-stage fit."""
    likelihood = fit.likelihood
    if likelihood is None or fit.spec.tau2 != "ML" or len(likelihood.slope) > 1:
        raise NotEstimable(
            f"the τ² of {fit.spec.label} has no confidence distribution here: it needs tau2='ML', effects that do not"
            " correlate with baselines, and a finite estimate · fit.prediction_note says what the fit has"
        )
    if fit.k_informative < 3:
        raise TooFewStudies(
            "the bootstrap prediction interval", fit.k_informative, 3, "use the Bayesian model, lam.pool_bayes"
        )
    found = new_study(likelihood, fit.k_informative - 1)
    found.require(level)
    means, effects = found.draws(draws, np.random.default_rng(seed))
    note = f"{draws} draws, seed {seed}; Monte Carlo error of the ends about {_error(effects, level):.1g}"
    unit = fit.table.unit
    return BootstrapPrediction(fit.mu, fit.tau2, fit.k, level, seed, _frozen(effects), _frozen(means), note, unit)


def _frozen(draws: FloatArray) -> FloatArray:
    draws.setflags(write=False)
    return draws


def _error(draws: FloatArray, level: float) -> float:
    """Return the standard error of the upper quantile of as many independent draws."""
    tail = 0.5 - level / 2
    step = math.sqrt(tail * (1 - tail) / draws.size)
    low, high = np.quantile(draws, [1 - tail - step, min(1.0, 1 - tail + step)])
    return float(high - low) / 2


def tau2_confidence_draws(fit: Fitted, u: FloatArray) -> FloatArray:
    """Return the τ² at which P(Q ≤ observed) equals 1 − u, for uniform u; 0 where that is below τ² = 0."""
    w = 1.0 / fit.v
    r = fit.y - float(w.dot(fit.y)) / float(w.sum())
    observed = float((w * r).dot(r))

    def reached(t: float) -> float:
        return 1.0 - weighted_chi2_cdf(observed, form_eigenvalues(fit.v, t, None, w))

    high = max(solve_form(fit.y, fit.v, None, w, 1e-7)[0], float(fit.v.min()))
    low = min(float(fit.v.min()) * 1e-3, high / 2)
    points = np.concatenate([[0.0], np.geomspace(low, high, GRID)])
    share = np.clip(np.maximum.accumulate([reached(float(t)) for t in points]), 1e-15, 1.0 - 1e-15)
    rising = np.concatenate([[True], np.diff(share) > 0])
    from scipy.interpolate import PchipInterpolator

    score = special.ndtri(share[rising])  # on the normal scale the distribution is nearly straight up to its tails
    inverse = PchipInterpolator(score, np.sqrt(points[rising]))
    return np.asarray(np.where(u <= share[0], 0.0, inverse(np.clip(special.ndtri(u), score[0], score[-1]))) ** 2)


def confidence_draws(fit: Fitted, draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return stratified draws of the mean, μ̂(τ²) − t(k − 1)·se_HK(τ²), and of a new study, which adds τZ.

    τ² is drawn from its confidence distribution; each of the three sources is one point a stratum.
    """
    t = tau2_confidence_draws(fit, (np.arange(draws) + rng.random(draws)) / draws)
    w = 1.0 / (fit.v + t[:, None])
    total = w.sum(axis=1)
    mean = w @ fit.y / total
    se = np.sqrt((w * (fit.y - mean[:, None]) ** 2).sum(axis=1) / ((fit.k - 1) * total))
    normal = special.ndtri((rng.permutation(draws) + rng.random(draws)) / draws)
    student = special.stdtrit(fit.k - 1, (rng.permutation(draws) + rng.random(draws)) / draws)
    means = mean - student * se
    return np.asarray(means), np.asarray(means + np.sqrt(t) * normal)
