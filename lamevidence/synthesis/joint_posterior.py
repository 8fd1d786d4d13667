"""The result of a joint synthesis of designs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..bayes.exact.distributions import Distribution
from ..bayes.posterior_text import distribution_json, summary_frame
from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from ..foundation.options import a_choice, shown
from ..foundation.values import Interval
from ..results.contract import CoefficientResult
from ..results.heterogeneity import Heterogeneity
from ..results.recipe import Recipe, row_position
from ..results.statements import theta_label, unknown_quantity
from . import joint_designs, joint_text
from .design_rows import KINDS, JointRows
from .joint_fit import SCALES, mean_names
from .joint_spec import JointSpec
from .joint_state import JointState

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JointPosterior", "StudySlopes"]


@dataclass(frozen=True, slots=True)
class StudySlopes:
    """What one study's own values are, given all studies.

    Attributes
    ----------
    baseline
        Untreated slope of its patients.
    effect
        What the drug does to their slope.
    on_treatment
        The sum of both.
    bias
        How far a slope before treatment lies off the untreated one; None where the model has no such term.
    """

    baseline: Distribution
    effect: Distribution
    on_treatment: Distribution
    bias: Distribution | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JointPosterior(CoefficientResult):
    """Posterior of a joint synthesis of designs, by exact integration.

    Every quantity is a `Distribution`: ``mean sd median``, ``cdf(x)``, ``quantile(p)``, ``interval(level)``.
    ``estimate`` and ``se`` are posterior means and standard deviations of ``names``, the effect first.

    Attributes
    ----------
    table
        The evidence.
    rows
        Which row is what, and which design each study has.
    spec
        The resolved choices, and why.
    state
        Nodes of the standard deviations, and the law of the means at each.
    notes
        Sentences that belong under every figure made from this result.
    recipe
        How it was made; what `refit` follows.

    See Also
    --------
    lamevidence.synthesis.joint : what makes it, with the model.

    References
    ----------
    Welton, Ades, Carlin, Altman & Sterne 2009, doi:10.1111/j.1467-985X.2008.00548.x.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> rows = pd.DataFrame(
    ...     {
    ...         "study": ["MILES", "MILES", "Johnson 1999", "NHLBI"],
    ...         "slope": [-144.0, 12.0, -118.0, -89.0],
    ...         "se": [24.0, 24.0, 21.7, 3.6],
    ...         "on": [0, 1, 0, 0],
    ...     }
    ... )
    >>> post = lam.synthesis.joint(rows, yi="slope", sei="se", study="study", treated="on")
    >>> post.names, post.effect.interval().low < 156 < post.effect.interval().high
    (('effect', 'baseline'), True)
    """

    bayesian: ClassVar[bool] = True
    interval_name: ClassVar[str] = "credible interval"

    table: EvidenceTable
    rows: JointRows
    spec: JointSpec
    state: JointState
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    # ---- distributions ------------------------------------------------------------------------
    def _mean(self, *names: str, new: bool = False) -> Distribution:
        """Return the posterior of a sum of mean effects, or of a new study's values."""
        known = mean_names(self.spec)
        c = np.array([float(name in names) for name in known])
        spread = np.array([float(name in names) for name in SCALES]) if new else None
        return self.state.combination(c, spread)

    @property
    def baseline(self) -> Distribution:
        """Mean untreated slope."""
        return self._mean("baseline")

    @property
    def effect(self) -> Distribution:  # type: ignore[override]  # the measure is `MEASURES[post.measure]`
        """Mean effect of the drug on the slope."""
        return self._mean("effect")

    @property
    def bias(self) -> Distribution | None:
        """Mean of what a slope before treatment differs from an untreated one; None without such a term."""
        return None if self.spec.bias is None else self._mean("bias")

    @property
    def effect_new(self) -> Distribution:
        """Effect in a new study."""
        return self._mean("effect", new=True)

    @property
    def on_treatment(self) -> Distribution:
        """Mean slope on the drug: untreated slope plus effect."""
        return self._mean("baseline", "effect")

    @property
    def tau_baseline(self) -> Distribution:
        """Standard deviation of untreated slopes between studies."""
        return self.state.scale(0)

    @property
    def tau_effect(self) -> Distribution:
        """Standard deviation of effects between studies."""
        return self.state.scale(1)

    @property
    def tau_bias(self) -> Distribution | None:
        """Standard deviation of biases between studies; None without such a term."""
        return None if self.spec.bias is None else self.state.scale(2)

    @property
    def study(self) -> Mapping[str, StudySlopes]:
        """Study id → its own untreated slope, effect, slope on treatment and bias, drawn towards the means."""
        return {name: self._of_study(name) for name in self.rows.kinds}

    def _of_study(self, study: str) -> StudySlopes:
        unit = np.eye(3)
        found = [self.state.of_study(study, c) for c in (unit[0], unit[1], unit[0] + unit[1])]
        bias = None if self.spec.bias is None else self.state.of_study(study, unit[2])
        return StudySlopes(found[0], found[1], found[2], bias)

    def _row(self, i: int) -> Distribution:
        """Return the posterior of what a row estimates."""
        return self.state.of_study(self.table.studies[i], self.rows.Z(self.spec.bias is not None)[i])

    def quantity(self, name: str) -> Distribution:
        """Return the distribution called ``name``.

        Parameters
        ----------
        name
            ``effect baseline bias effect_new on_treatment tau_baseline tau_effect tau_bias``, ``theta_new`` (which is
            ``effect_new``) or ``theta[row]``.

        Raises
        ------
        OptionError
            No such quantity (`UnknownName`), or not a name.
        InputError
            No such row.
        """
        label = theta_label(name) if isinstance(name, str) else None
        if label is not None:
            return self._row(row_position(self.table, label))
        names = ["effect", "baseline", "effect_new", "on_treatment", "tau_baseline", "tau_effect"]
        names += [] if self.spec.bias is None else ["bias", "tau_bias"]
        known = [*names, "theta_new", "theta[row]"]
        if not isinstance(name, str):
            raise OptionError(f"quantity {shown(name)} is not a name · choices: {', '.join(known)}")
        found = "effect_new" if name == "theta_new" else name
        if found not in names:
            raise unknown_quantity(name, known)
        made: Distribution = getattr(self, found)
        return made

    def _quantities(self) -> dict[str, Distribution]:
        names = ["effect", "baseline", "bias", "effect_new", "on_treatment", "tau_baseline", "tau_effect", "tau_bias"]
        return {name: found for name in names if (found := getattr(self, name)) is not None}

    def _below(self, quantity: str, value: float) -> float:
        return float(self.quantity(quantity).cdf(value))

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood of the rows.

        Raises
        ------
        OptionError
            A prior is flat, so that it has no value.
        """
        if not self.spec.proper:
            raise OptionError(
                "the marginal likelihood needs proper priors of the means · give baseline=lam.priors.Normal(…) and"
                " effect=lam.priors.Normal(…)"
            )
        return self.state.log_evidence

    @property
    def numerical_error(self) -> float:
        """How far any watched mean or standard deviation moves when every second node of integration is left out.

        In posterior standard deviations (of the log evidence: nats); the error left is near its square.
        """
        return self.state.error

    # ---- the contract -------------------------------------------------------------------------
    @property
    def names(self) -> tuple[str, ...]:
        """``effect``, ``baseline``, and ``bias`` where there is one."""
        return ("effect", "baseline", *(() if self.spec.bias is None else ("bias",)))

    def _coefficients(self) -> list[Distribution]:
        return [self._mean(name) for name in self.names]

    @property
    def estimate(self) -> FloatArray:
        """Posterior means, (p,)."""
        return np.array([d.mean for d in self._coefficients()])

    @property
    def se(self) -> FloatArray:
        """Posterior standard deviations, (p,)."""
        return np.array([d.sd for d in self._coefficients()])

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
        """NaN: a posterior has no p value, (p,); see `probability`."""
        return np.full(len(self.names), np.nan)

    @property
    def covariance(self) -> FloatArray:
        """Posterior covariance of the means, (p, p)."""
        order = [mean_names(self.spec).index(name) for name in self.names]
        return self.state.covariance()[np.ix_(order, order)]

    def _shown(self) -> FloatArray:
        return np.array([d.mean for d in self._coefficients()])

    def interval(self, level: float | None = None, kind: str = "central") -> dict[str, Interval]:
        """Return the credible interval of each mean by name.

        Parameters
        ----------
        level
            Probability inside; that of the fit when left out.
        kind
            ``central`` or ``shortest``.
        """
        level = self._level(level)
        return {name: d.interval(level, kind) for name, d in zip(self.names, self._coefficients(), strict=True)}

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval of the effect in a new study."""
        return self.effect_new.interval(self._level(level))

    @property
    def tau2(self) -> Mapping[str, float]:
        """Posterior means of the variances between studies, by what varies."""
        return {name: self.state.mean_square(i) for i, name in enumerate(SCALES) if name in self.names}

    def heterogeneity(self) -> Heterogeneity:
        """Return E τ² of each component with the credible interval of τ²; Q and I² are of one mean and stay NaN."""
        bounds = {name: self.state.scale(SCALES.index(name)).interval(self.level) for name in self.tau2}
        return Heterogeneity(
            tau2=self.tau2,
            tau2_interval={name: Interval(low**2, high**2) for name, (low, high) in bounds.items()},
            note="Q and I² are of one mean; here are several components",
        )

    def _tau_words(self) -> str:
        found = {name: self.state.scale(SCALES.index(name)).median for name in self.tau2}
        unit = f" {self.unit}" if self.unit else ""
        return "SD between studies: " + ", ".join(f"{name} {x:.3g}{unit}" for name, x in found.items())

    def fitted(self) -> FloatArray:
        """Return the posterior mean of what a row of its kind estimates on average, (k,)."""
        order = [mean_names(self.spec).index(name) for name in self.names]
        Z = self.rows.Z(self.spec.bias is not None)[:, : len(self.names)]
        return np.asarray(Z[:, order] @ self.estimate)

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return median and credible interval of what each row estimates, (k, 3)."""
        level = self._level(level)
        p = np.array([0.5, 0.5 - level / 2, 0.5 + level / 2])
        return np.array([np.asarray(self._row(i).quantile(p)) for i in range(self.k)]).reshape(-1, 3)

    def predict(self, new: Any = None, level: float | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return effect, its credible interval and that of the effect in a new study, as one row."""
        return CoefficientResult.predict(self, new, level)

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

    # ---- designs ------------------------------------------------------------------------------
    def information_by_design(self, of: str = "effect") -> dict[str, float]:
        """Return the share of each kind of design, and of the priors, in the information about a mean, in percent.

        Given the standard deviations the posterior precision is a sum over studies; the share of a study in the
        variance c'A⁻¹c is c'A⁻¹AₛA⁻¹c, averaged over their posterior. The shares sum to 100.

        Parameters
        ----------
        of
            ``effect``, ``baseline``, or ``bias``.

        References
        ----------
        Riley, Ensor, Jackson & Burke 2018, doi:10.1177/0962280216688033.
        """
        known = mean_names(self.spec)
        c = (np.array(known) == a_choice("mean", of, known)).astype(np.float64)
        shares = self.state.shares_of(c)
        out = {kind: 0.0 for kind in KINDS if kind in self.rows.kinds.values()} | {"prior": 100.0 * shares["prior"]}
        for study, kind in self.rows.kinds.items():
            out[kind] += 100.0 * shares[study]
        return out

    def conflict(self) -> pd.DataFrame:
        """Return each kind of design against the others: its own mean effect and theirs, under shared priors.

        The studies of one kind are given a mean effect of their own with the prior of the effect; all else is shared.
        p is two-sided, 2 min(P(difference > 0), P(difference < 0)); p_holm is adjusted over the kinds.

        Returns
        -------
        DataFrame
            ``design``, ``studies``, ``effect_here``, ``effect_elsewhere``, ``difference`` (means), ``low``, ``high``
            (interval of the difference), ``p``, ``p_holm``, ``note`` (why there is none).

        References
        ----------
        Dias, Welton, Caldwell & Ades 2010, doi:10.1002/sim.3767.
        """
        return joint_designs.conflict(self)

    def by_design(self) -> pd.DataFrame:
        """Return the effect from each kind of design alone, from each pair, and from all, under the same choices.

        Returns
        -------
        DataFrame
            ``designs``, ``studies``, ``effect``, ``sd``, ``low``, ``high``, ``share`` (percent of the information of
            all), ``p`` (of `conflict`), ``note`` (why the effect is not identified).
        """
        return joint_designs.by_design(self)

    def design_text(self) -> str:
        """Return the paragraph that says how far each kind of design moved the effect, and whether they agree."""
        return joint_text.design_text(self)

    def sensitivity(self) -> pd.DataFrame:
        """Return the effect under other choices and without each study, one line for each, by exact refits.

        Returns
        -------
        DataFrame
            ``variant``, ``effect``, ``sd``, ``low``, ``high``, ``effect_new_sd``, ``baseline``, ``bias``,
            ``log_marginal``, ``note`` (why the effect is not identified).
        """
        return joint_designs.sensitivity(self)

    # ---- tables and text ----------------------------------------------------------------------
    def _glance(self) -> Mapping[str, Any]:
        return {
            "engine": "exact",
            "likelihood": "normal",
            "log_marginal": self.state.log_evidence if self.spec.proper else math.nan,
            "numerical_error": self.numerical_error,
            "fingerprint": self.table.fingerprint,
        }

    def _json(self) -> Mapping[str, Any]:
        made = {name: distribution_json(d, self.level) for name, d in self._quantities().items()}
        return made | {
            "designs": dict(self.rows.kinds),
            "information_by_design": self.information_by_design(),
            "log_marginal": self.state.log_evidence if self.spec.proper else None,
            "numerical_error": self.numerical_error,
        }

    def _methods(self) -> Sequence[tuple[str, str]]:
        return joint_text.methods_of(self)
