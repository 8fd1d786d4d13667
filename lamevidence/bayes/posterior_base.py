"""What every posterior answers, whichever engine made it: distributions, draws, predictions, checks of its priors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.formulas import LARGEST
from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError, UnknownName
from ..foundation.options import a_choice, a_flag, a_number, a_whole, shown
from ..foundation.units import a_unit, convert
from ..foundation.values import Interval
from ..results.contract import Result
from ..results.heterogeneity import NO_INTERVAL, Heterogeneity, typical_variance
from ..results.recipe import Recipe
from ..results.subset_fits import Mask, SubsetFits, fit_subsets
from ..results.words import tau_unit
from .alternatives import alternatives
from .design import Design
from .engine import Engine, StudyEffects
from .exact.distributions import Distribution, places
from .exact.mixture import effective_sample_size
from .posterior_text import distribution_json, methods_of, summary_frame
from .predictive.joint_mode import joint_mode
from .predictive.loo import LeaveOneOut, known_without, leave_one_out
from .predictive.sensitivity import sensitivity
from .priors.base import TauPrior, position
from .priors.effect_priors import EffectPrior
from .priors.prior_parsing import PriorLike
from .sampling import draws as drawing
from .sampling.arviz_compat import ArvizObject, to_arviz
from .sampling.draws import Draws
from .spec import BayesSpec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PosteriorBase"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PosteriorBase(Result):
    """What `Posterior` and `PosteriorRegression` share; their docstrings list the attributes."""

    bayesian: ClassVar[bool] = True
    interval_name: ClassVar[str] = "credible interval"

    table: EvidenceTable
    engine: str
    likelihood: str
    # fields without a default, although the contract has properties of these names
    mu: Distribution = field()
    tau: Distribution = field()
    theta: StudyEffects
    theta_new: Distribution
    coefficients: Mapping[str, Distribution]
    prior_mu: tuple[EffectPrior, ...]
    prior_tau: TauPrior
    spec: BayesSpec
    state: Engine
    design: Design
    seed: int | None = None
    numerical_error: float | None = None
    tau_learned: bool = True
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    # ---- other rows ---------------------------------------------------------------------------
    def refit_each(self, masks: Mask, progress: Callable[[], None] | None = None) -> SubsetFits:
        """Return the fits to many subsets; without one row they are read off the nodes of all where these reach."""
        return fit_subsets(self, masks, progress, self._fitted_to)

    def _fitted_to(self, rows: Sequence[int]) -> Result:
        table = self.table.subset(list(rows))
        if self.recipe is not None and len(rows) == self.k - 1:
            (gone,) = set(range(self.k)) - set(rows)
            state = known_without(self, gone)
            if state is not None:
                made: Result = replace(self.recipe, options={**self.recipe.options, "state": state})(table)
                return made
        return self.refit(table)

    # ---- the model ----------------------------------------------------------------------------
    @property
    def X(self) -> FloatArray:
        """Design matrix, (k, p): a column of ones for one mean effect."""
        return self.design.X

    @property
    def proper(self) -> bool:
        """True when all priors are proper."""
        return self.prior_tau.proper and all(p.proper for p in self.prior_mu)

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood of the data.

        Raises
        ------
        OptionError
            A prior is improper, so that it has no value.
        """
        if not self.proper:
            raise OptionError(
                "the marginal likelihood needs proper priors for μ and τ · give mu=Normal(…) and a proper tau"
            )
        return self.state.log_marginal

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def tau2(self) -> float:
        """Posterior mean of τ², infinite where it does not exist."""
        return self.tau.mean**2 + self.tau.sd**2

    @property
    def i2(self) -> float:
        """Posterior median of I² = τ²/(τ² + s̃²) in percent, s̃² the typical variance of the rows; NaN for one row."""
        return self._share(self.tau.median)

    def _usable(self) -> NDArray[np.bool_]:
        """Rows with a normal approximation, which Q and the typical variance are of."""
        return np.asarray(np.isfinite(self.table.yi) & np.isfinite(self.table.vi) & (self.table.vi > 0))

    def _typical(self) -> float:
        rows = self._usable()
        p = self.X.shape[1]
        if rows.sum() <= p or np.linalg.matrix_rank(self.X[rows]) < p:
            return math.nan
        return typical_variance(self.table.vi[rows], None if self.design.one_mean else self.X[rows])

    def _share(self, tau: float) -> float:
        """Return I² in percent at a value of τ."""
        typical = self._typical()
        return 100.0 if math.isinf(tau) and math.isfinite(typical) else 100.0 * tau**2 / (tau**2 + typical)

    def _q(self) -> tuple[float, int]:
        """Return Q of the rows with a normal approximation around their weighted fit, and its degrees of freedom."""
        rows = self._usable()
        root = np.sqrt(self.table.vi[rows])
        X, y = self.X[rows] / root[:, None], self.table.yi[rows] / root
        df = int(rows.sum()) - (int(np.linalg.matrix_rank(X)) if rows.any() else 0)
        if df < 1:
            return math.nan, 0
        gap = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
        return float(gap @ gap), df

    def heterogeneity(self) -> Heterogeneity:
        """Return E τ², posterior median of I² (percent) with their credible intervals, and Q, in one record.

        Q and the typical variance behind I² and H² are of the rows with a finite estimate and variance; the interval of
        I² comes from the quantiles of τ.
        """
        q, df = self._q()
        low, high = self.tau.interval(self.level)
        typical = self._typical()
        known = math.isfinite(typical)
        missing = "" if known else "I² needs two rows with estimates and variances"
        return Heterogeneity(
            q=q,
            df=df,
            p=float(special.chdtrc(df, q)) if df else math.nan,
            i2=self.i2,
            i2_interval=Interval(self._share(low), self._share(high)) if known else NO_INTERVAL,
            h2=1.0 + self.tau.median**2 / typical if known else math.nan,
            tau2=self.tau2,
            tau2_interval=Interval(low**2, high**2),
            note="; ".join(filter(None, (missing, self.tau.moment_note))),
        )

    def _tau_words(self) -> str:
        low, high = self.tau.interval(self.level)
        inner = f"{100 * self.level:g}% {self.interval_name} {low:.3g} to {high:.3g}"
        return f"τ = {self.tau.median:.3g}{tau_unit(self)} ({inner})"

    # ---- distributions ------------------------------------------------------------------------
    def at(self, x: Sequence[float] | Mapping[str, float], *, new: bool = False) -> Distribution:
        """Return the mean effect, or with ``new`` the effect of a new study, where the design row is ``x``.

        Parameters
        ----------
        x
            One value a coefficient, or coefficient name → value (an intercept not named is 1, the rest 0).
        new
            The effect of a new study there, in place of the mean effect.
        """
        names = tuple(self.coefficients)
        if isinstance(x, Mapping):
            for name in x:
                a_choice("coefficient", name, names)
            usual = {n: 1.0 if n == "intercept" else 0.0 for n in names}
            row = np.array([a_number(n, x.get(n, usual[n])) for n in names])
        else:
            row = places("x", x)
            if row.shape != (len(names),) or not np.isfinite(row).all():
                raise OptionError(f"x={shown(x)} · give {len(names)} finite values, one for each of {', '.join(names)}")
        sizes = np.abs(row[row != 0])
        if sizes.size and not 1 / LARGEST <= sizes.min() <= sizes.max() <= LARGEST:
            raise OptionError(f"x={shown(x)} is out of range · give 0, or sizes from {1 / LARGEST:g} to {LARGEST:g}")
        return self.state.at(row, new=a_flag("new", new))

    def new_study(self, *, sd: float, n: int, sd_unit: str | None = None) -> Distribution:
        """Return the distribution of the estimate that a new study would print (all moderators 0).

        Parameters
        ----------
        sd
            Standard deviation between patients, in ``sd_unit``.
        n
            Number of patients; the sampling variance is sd²/n.
        sd_unit
            Unit of ``sd``; left out, that of the estimates.
        """
        n, sd = a_whole("n", n, 1, 10**12), a_number("sd", sd, above=0.0)
        a_unit(sd_unit)
        if sd_unit is not None and sd_unit != self.unit:
            if self.unit is None:
                raise OptionError(f"sd is in {sd_unit} but the estimates are pure numbers · leave sd_unit out")
            sd = convert(sd, sd_unit, self.unit)
        return self.state.at(np.eye(self.X.shape[1])[0], new=True, extra=sd * sd / n)

    def quantity(self, name: str) -> Distribution:
        """Return the distribution called ``name``: ``mu``, ``tau``, ``theta_new``, ``theta[row]`` or a coefficient.

        Raises
        ------
        UnknownName
            No such quantity, or no such row.
        """
        fixed = {"mu": self.mu, "tau": self.tau, "theta_new": self.theta_new, **self.coefficients}
        if isinstance(name, str) and name.startswith("theta[") and name.endswith("]"):
            return self.theta[name[6:-1].strip("\"'")]
        if not isinstance(name, str) or name not in fixed:
            raise UnknownName("quantity", name, [*fixed, "theta[row]"])
        return fixed[name]

    def _below(self, quantity: str, value: float) -> float:
        return float(self.quantity(quantity).cdf(value))

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return median and credible interval of each row's true effect, (k, 3)."""
        level = self._level(level)
        p = np.array([0.5, 0.5 - level / 2, 0.5 + level / 2])
        return np.array([np.asarray(self.theta[label].quantile(p)) for label in self.table.labels]).reshape(-1, 3)

    def bayes_factor(self, **null: float) -> float:
        """Return the Bayes factor in favour of a point null, ``bayes_factor(tau=0)`` or ``bayes_factor(mu=0)``.

        It is 0 or infinite where its logarithm is beyond ±709; `log_bayes_factor` is not.

        Raises
        ------
        OptionError
            The prior of the tested quantity is improper.
        """
        with np.errstate(over="ignore", under="ignore"):
            return float(np.exp(self.log_bayes_factor(**null)))

    def log_bayes_factor(self, **null: float) -> float:
        """Return the natural logarithm of `bayes_factor`: the log evidence at the null less that of the model.

        The evidence at the null is an integral of its own, so that a prior without mass there and extreme data do not
        matter.

        Parameters
        ----------
        **null
            One null: ``tau=0``, or ``mu=`` a value.

        Raises
        ------
        OptionError
            The prior of the tested quantity is improper.
        """
        if len(null) != 1 or next(iter(null)) not in ("tau", "mu"):
            given = ", ".join(null) or "none"
            raise OptionError(f"null {given} · name one null: bayes_factor(tau=0) or bayes_factor(mu=value)")
        ((name, value),) = null.items()
        prior = self.prior_tau if name == "tau" else self.prior_mu[0]
        if not prior.proper:
            raise OptionError(f"a Bayes factor about {name} needs a proper prior, got {prior!r}")
        return self.state.log_bayes_factor(name, position(name, value))

    def joint_mode(self, *, prior: bool = True) -> tuple[float, float]:
        """Return the (τ, μ) where the joint posterior density (or, without ``prior``, the likelihood) is highest.

        Given τ the maximum over μ is closed, so that one dimension is searched: log τ coarsely and τ = 0, then zooms.
        """
        return joint_mode(self, a_flag("prior", prior))

    # ---- draws --------------------------------------------------------------------------------
    def draws(self, draws: int = 1000, chains: int = 4, seed: int | None = None) -> Draws:
        """Return independent draws, ``chains`` × ``draws``, from the posterior."""
        return drawing.posterior_draws(self, draws, chains, seed)

    def prior_draws(self, draws: int = 1000, chains: int = 4, seed: int | None = None) -> Draws:
        """Return independent draws from the prior; it must be proper."""
        return drawing.prior_draws(self, draws, chains, seed)

    def predictive(
        self, draws: int = 1000, seed: int | None = None, *, replicate: str = "new", source: str = "posterior"
    ) -> FloatArray:
        """Return replicated data, (draws, k): estimates, or events for a likelihood of counts.

        Parameters
        ----------
        draws, seed
            Number of replicates, and what reproduces them.
        replicate
            ``new`` draws each row a new true effect (same design, another study); ``same`` keeps its own true effect.
        source
            ``posterior`` or ``prior``.
        """
        return drawing.predictive(self, draws, seed, replicate, source)

    def pointwise_log_likelihood(self, draws: Draws) -> FloatArray:
        """Return the marginal log likelihood of each row at each draw, true effects integrated out, (chains, n, k)."""
        if not isinstance(draws, Draws):
            raise OptionError(f"draws={shown(draws)} are no draws · give what post.draws() returns")
        if (draws.beta.shape[-1], draws.theta.shape[-1]) != (self.X.shape[1], self.k):
            raise OptionError("the draws are of another result · give what post.draws() of this one returns")
        flat = draws.flat()
        return self.state.log_likelihood(flat["tau"], flat["beta"]).reshape(*draws.tau.shape, self.k)

    @property
    def idata(self) -> ArvizObject:
        """The draws as an ArviZ object of the installed line (4 × 1000 for an exact posterior); see `to_arviz`."""
        return to_arviz(self)

    # ---- what it is worth ---------------------------------------------------------------------
    def loo(self) -> LeaveOneOut:
        """Return exact leave-one-out predictions: k posteriors under the priors of this one.

        A prior of τ that the standard errors define (`UniformShrinkage`, `DuMouchel` …) is made anew without the row,
        as in a refit.

        Raises
        ------
        TooFewStudies
            One row alone.
        """
        return leave_one_out(self)

    def ess(self, kind: str = "elir", *, uisd: float) -> float:
        """Return how many patients the prediction for a new study is worth.

        Parameters
        ----------
        kind
            ``elir`` expected local information ratio (Neuenschwander 2020, doi:10.1111/biom.13252), ``moment`` or
            ``vr`` variance ratio, ``mtm`` local information at the mode (Morita 2008).
        uisd
            Unit-information standard deviation: the standard error of the effect times √n.
        """
        return effective_sample_size(self.theta_new, uisd, kind)

    def sensitivity(
        self, tau: Sequence[PriorLike] | None = None, mu: Sequence[PriorLike] | None = None
    ) -> pd.DataFrame:
        """Return μ, τ and θ_new under other priors, one line for each, by exact refits.

        Parameters
        ----------
        tau
            Priors of τ; left out, the one used, the default with its alternatives, or half and double its scale.
        mu
            Priors of the mean effect to try beside the one used.
        """
        return sensitivity(self, tau, mu)

    def alternatives(self) -> pd.DataFrame:
        """Return what the other likelihoods of these rows give under the same priors.

        Standard errors taken as known (``normal``), and as estimated from their patients (``t``) where n is known;
        counts beside the normal approximation of their estimates.

        Returns
        -------
        DataFrame
            One row a likelihood: ``likelihood mu low high tau tau_low tau_high prediction_low prediction_high``
            (medians and central intervals at the level of this fit), ``note`` (why it does not exist for these rows)
            and ``chosen``.
        """
        return alternatives(self)

    # ---- tables and text ----------------------------------------------------------------------
    def _quantities(self) -> dict[str, Distribution]:
        """Return the distributions that `summary` lists."""
        raise NotImplementedError

    def summary(self, level: float | None = None, kind: str = "central") -> pd.DataFrame:
        """Return mean, sd, median, mode and interval of each quantity, one a line.

        Parameters
        ----------
        level
            Level of the intervals; that of the fit when left out.
        kind
            ``central`` or ``shortest``.
        """
        return summary_frame(self._quantities(), self._level(level), kind, self.unit)

    def _glance(self) -> Mapping[str, Any]:
        return {
            "engine": self.engine,
            "likelihood": self.likelihood,
            "log_marginal": self.state.log_marginal if self.proper else math.nan,
            "tau_learned": self.tau_learned,
            "numerical_error": self.numerical_error,
            "fingerprint": self.table.fingerprint,
        }

    def _json(self) -> Mapping[str, Any]:
        found = self.display()
        made = {name: distribution_json(d, self.level) for name, d in self._quantities().items()}
        back = found.to_dict()
        return {
            "mu": distribution_json(self.mu, self.level),
            "tau": made.pop("tau"),
            "theta_new": distribution_json(self.theta_new, self.level),
            "coefficients": {name: distribution_json(d, self.level) for name, d in self.coefficients.items()},
            "theta": {label: distribution_json(self.theta[label], self.level) for label in self.table.labels},
            "engine": self.engine,
            "likelihood": self.likelihood,
            "log_marginal": self.state.log_marginal if self.proper else None,
            "numerical_error": self.numerical_error,
            "tau_learned": self.tau_learned,
            "transformed": back | {"title": back["name"], "mu": back["estimate"]},
        }

    def _methods(self) -> Sequence[tuple[str, str]]:
        return methods_of(self)
