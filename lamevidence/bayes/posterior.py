"""The one result of a Bayesian pooling, whichever engine made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import MEASURES, FloatArray
from ..errors import OptionError, TooFewStudies, UnknownName
from ..options import a_choice, a_flag, a_level, a_number, a_unit, a_whole, shown
from ..units import convert
from ..values import Interval
from .distributions import Distribution, places
from .draws import Draws
from .effect_priors import EffectPrior
from .priors import TauPrior, position
from .spec import BayesSpec
from .study_effects import StudyEffects

if TYPE_CHECKING:
    import pandas as pd

    from .loo import LeaveOneOut


__all__ = ["Engine", "Posterior", "StudyEffects"]


class Engine(Protocol):
    """What an engine keeps behind a `Posterior`."""

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood, up to the constants of improper priors."""

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> Distribution:
        """Posterior of x'β, of a new study there, plus normal noise of variance ``extra``."""

    def draw(self, rng: np.random.Generator, size: int) -> Mapping[str, FloatArray]:
        """Joint draws: ``tau`` (n,), ``beta`` (n, p), ``theta`` (n, k)."""

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k)."""

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log Bayes factor in favour of ``name = value``."""


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """Posterior of a random-effects meta-analysis.

    Attributes
    ----------
    table
        The evidence.
    engine, likelihood
        ``exact`` or ``nuts``; ``normal``, ``t``, ``binomial``, ``poisson``, ``hypergeometric``,
        ``conditional-binomial``.
    mu, tau
        Mean effect (the intercept of a regression) and between-study standard deviation.
    theta
        True effect of each row, drawn towards the mean.
    theta_new
        True effect of a new study.
    coefficients
        Name → distribution of each coefficient.
    prior_mu, prior_tau
        The priors used, in the unit of the estimates; ``prior_mu`` has one entry a coefficient.
    spec
        The resolved settings, and why.
    numerical_error
        Bound on the movement of any watched quantity in the last refinement; None for a sampler.
    tau_learned
        False when one study alone says nothing about τ.
    notes
        Sentences that belong under every figure made from this result.
    """

    table: EvidenceTable
    engine: str
    likelihood: str
    mu: Distribution
    tau: Distribution
    theta: StudyEffects
    theta_new: Distribution
    coefficients: Mapping[str, Distribution]
    prior_mu: tuple[EffectPrior, ...]
    prior_tau: TauPrior
    spec: BayesSpec
    state: Engine = field(repr=False)
    X: FloatArray = field(repr=False)
    seed: int | None = None
    numerical_error: float | None = None
    tau_learned: bool = True
    notes: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        """Number of rows."""
        return self.table.k

    @property
    def level(self) -> float:
        """Level of intervals when none is given."""
        return self.spec.level

    @property
    def unit(self) -> str | None:
        """Unit of effects and of τ."""
        return self.table.unit

    @property
    def measure(self) -> str:
        """Code of the effect measure."""
        return self.table.measure

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

    @property
    def estimate(self) -> float:
        """Posterior median of the mean effect."""
        return self.mu.median

    def interval(self, level: float | None = None, kind: str = "central") -> Interval:
        """Return the credible interval of the mean effect."""
        return self.mu.interval(self.level if level is None else level, kind)

    def prediction(self, level: float | None = None, kind: str = "central") -> Interval:
        """Return the interval of the true effect of a new study."""
        return self.theta_new.interval(self.level if level is None else level, kind)

    @property
    def weights(self) -> FloatArray:
        """Posterior mean weight of each row in the mean effect; what is missing to 1 is the prior's."""
        maker = getattr(self.state, "mean_weights", None)
        if maker is None or self.X.shape[1] != 1:
            raise OptionError("weights exist for the normal likelihood without moderators")
        return np.asarray(maker()[: self.k])

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
        return self.state.at(row, new=a_flag("new", new))

    def new_study(self, *, sd: float, n: int, sd_unit: str | None = None) -> Distribution:
        """Return the distribution of the estimate that a new study would print.

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
        return self.state.at(self._reference, new=True, extra=sd * sd / n)

    def i2(self) -> float:
        """Return the posterior median of I² = τ²/(τ² + s̃²), s̃² the typical variance (k−1)Σw/((Σw)² − Σw²), w = 1/vᵢ.

        Raises
        ------
        TooFewStudies
            One row has no typical variance.
        """
        if self.k < 2:
            raise TooFewStudies("I²", self.k, 2)
        w = 1.0 / self.table.vi
        typical = float((w.size - 1) * w.sum() / (w.sum() ** 2 - (w * w).sum()))
        return self.tau.median**2 / (self.tau.median**2 + typical)

    def joint_mode(self, *, prior: bool = True) -> tuple[float, float]:
        """Return the (τ, μ) where the joint posterior density (or, without ``prior``, the likelihood) is highest.

        Given τ the maximum over μ is closed, so that one dimension is searched: log τ coarsely and τ = 0, then zooms.
        """
        from .joint import joint_mode

        return joint_mode(self, a_flag("prior", prior))

    @property
    def _reference(self) -> FloatArray:
        row = np.zeros(self.X.shape[1])
        row[0] = 1.0
        return row

    def prob(self, statement: str) -> float:
        """Return the posterior probability of a statement such as ``"mu > 90 mL/year"``.

        Parameters
        ----------
        statement
            ``quantity < number unit`` or ``>``; the quantity is ``mu``, ``tau``, ``theta_new``, ``theta[row]`` or
            the name of a coefficient. A number without a unit is taken only where the estimates have none.

        Raises
        ------
        OptionError
            The statement cannot be read, or lacks its unit.
        UnitMismatch
            The unit has another dimension.
        """
        from .statements import read_statement

        target, sign, value = read_statement(self, statement)
        below = float(target.cdf(value))
        return below if sign == "<" else 1.0 - below

    def quantity(self, name: str) -> Distribution:
        """Return the distribution called ``name``: ``mu``, ``tau``, ``theta_new``, ``theta[row]`` or a coefficient."""
        fixed = {"mu": self.mu, "tau": self.tau, "theta_new": self.theta_new, **self.coefficients}
        if isinstance(name, str) and name.startswith("theta[") and name.endswith("]"):
            return self.theta[name[6:-1].strip("\"'")]
        if not isinstance(name, str) or name not in fixed:
            raise UnknownName("quantity", name, [*fixed, "theta[row]"])
        return fixed[name]

    def bayes_factor(self, **null: float) -> float:
        """Return the Bayes factor in favour of a point null, ``bayes_factor(tau=0)`` or ``bayes_factor(mu=0)``.

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
        with np.errstate(over="ignore"):
            return float(np.exp(self.state.log_bayes_factor(name, position(name, value))))

    def transformed(self, level: float | None = None, kind: str = "central") -> dict[str, Any]:
        """Return median, interval and prediction interval on the scale people read (odds ratio, proportion)."""
        level = a_level(self.level if level is None else level)
        measure = MEASURES[self.measure] if self.measure in MEASURES else None  # noqa: SIM401, a Catalog has no get
        back = measure.back if measure else (lambda x: x)
        ends = [*self.interval(level, kind), *self.prediction(level, kind)]
        mu, a, b, c, d = (float(x) for x in np.asarray(back(np.array([self.mu.median, *ends]))))
        return {
            "title": measure.back_title if measure else "",
            "mu": mu,
            "interval": Interval(a, b),
            "prediction": Interval(c, d),
        }

    def draws(self, n: int = 1000, chains: int = 4, seed: int | None = None) -> Draws:
        """Return independent draws, ``chains`` × ``n``, from the posterior."""
        from .draws import posterior_draws

        return posterior_draws(self, n, chains, seed)

    def prior_draws(self, n: int = 1000, chains: int = 4, seed: int | None = None) -> Draws:
        """Return independent draws from the prior; it must be proper."""
        from .draws import prior_draws

        return prior_draws(self, n, chains, seed)

    def predictive(
        self, n: int = 1000, seed: int | None = None, *, replicate: str = "new", source: str = "posterior"
    ) -> FloatArray:
        """Return replicated data (n, k); see `lamevidence.bayes.draws.predictive`."""
        from .draws import predictive

        return predictive(self, n, seed, replicate, source)

    def pointwise_log_likelihood(self, draws: Draws) -> FloatArray:
        """Return the marginal log likelihood of each row at each draw, true effects integrated out, (chains, n, k)."""
        if not isinstance(draws, Draws):
            raise OptionError(f"draws={shown(draws)} are no draws · give what post.draws() returns")
        if (draws.beta.shape[-1], draws.theta.shape[-1]) != (self.X.shape[1], self.k):
            raise OptionError("the draws are of another result · give what post.draws() of this one returns")
        flat = draws.flat()
        return self.state.log_likelihood(flat["tau"], flat["beta"]).reshape(*draws.tau.shape, self.k)

    @property
    def idata(self) -> Any:
        """The draws as an ArviZ object of the installed line (4 × 1000 for an exact posterior); see `to_arviz`."""
        from .arviz_compat import to_arviz

        return to_arviz(self)

    def loo(self) -> LeaveOneOut:
        """Return exact leave-one-out predictions; see `lamevidence.bayes.loo`."""
        from .loo import leave_one_out

        return leave_one_out(self)

    def ess(self, method: str = "elir", *, uisd: float) -> float:
        """Return how many patients the prediction for a new study is worth; ``uisd`` is the standard error times √n."""
        from .ess import effective_sample_size

        return effective_sample_size(self.theta_new, uisd, method)

    def sensitivity(self, tau: Sequence[Any] | None = None, mu: Sequence[Any] | None = None) -> pd.DataFrame:
        """Return μ, τ and θ_new under other priors; see `lamevidence.bayes.sensitivity`."""
        from .sensitivity import sensitivity

        return sensitivity(self, tau, mu)

    def summary(self, level: float | None = None, kind: str = "central") -> pd.DataFrame:
        """Return one line for each of μ, τ, θ_new and the coefficients, as a DataFrame."""
        from .reporting import summary_frame

        return summary_frame(self, self.level if level is None else a_level(level), kind)

    def tidy(self) -> pd.DataFrame:
        """Return `summary` at the level of the result."""
        return self.summary()

    def glance(self) -> pd.DataFrame:
        """Return one line about the whole fit."""
        from .reporting import glance_frame

        return glance_frame(self)

    def augment(self) -> pd.DataFrame:
        """Return one line a row: estimate, true effect drawn towards the mean, interval."""
        from .reporting import augment_frame

        return augment_frame(self)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain numbers, ready for `json.dumps`."""
        from .reporting import as_json

        return as_json(self)

    def describe(self) -> str:
        """Return the result, its priors and its cautions in words."""
        from .reporting import in_words

        return in_words(self)

    def __repr__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        from .reporting import as_html

        return as_html(self)
