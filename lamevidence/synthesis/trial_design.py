"""The next trial: what it would decide, how often rightly, and what earlier evidence saves it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..bayes.priors.effect_priors import Normal
from ..bayes.priors.mixture_priors import MixtureOfBetas, MixtureOfNormals
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..foundation.doors import through
from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_choice, a_number, a_text, a_whole, shown
from .mixture_fit import nodes_of
from .predictive_prior import MapPrior
from .trial_model import CountTrial, Decision, MeanTrial, information_value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NextTrial", "next_trial", "slope_sd"]

Given: TypeAlias = Normal | MixtureOfNormals | MixtureOfBetas | MapPrior
_RULE = re.compile(
    r"^\s*P\(\s*effect\s*([<>])\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*\)\s*>\s*([\d.]+(?:[eE][-+]?\d+)?)\s*$"
)
_MOST_PATIENTS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class NextTrial:
    """A two-arm trial before it is run.

    Attributes
    ----------
    outcome
        ``mean`` or ``proportion``.
    n
        Patients: treated, control.
    sd
        Standard deviation of one patient; None for proportions.
    control, treated
        Priors of the analysis.
    effect
        What is assumed of the true effect: a value, or a law.
    true_control
        What is assumed of the true control.
    true_treated
        What is assumed of the true proportion treated, where that is a law; None where ``effect`` says it.
    decision
        The rule of success.
    unit
        Unit of the outcome.
    """

    outcome: str
    n: tuple[int, int]
    sd: float | None
    control: MixtureOfNormals | MixtureOfBetas
    treated: MixtureOfNormals | MixtureOfBetas
    effect: float | Normal | None
    true_control: float | MixtureOfNormals | MixtureOfBetas
    true_treated: MixtureOfBetas | None
    decision: Decision
    unit: str | None

    def _model(self) -> MeanTrial | CountTrial:
        if isinstance(self.control, MixtureOfBetas):
            assert isinstance(self.treated, MixtureOfBetas)
            return CountTrial(self.n, self.control, self.treated, self.decision)
        assert isinstance(self.treated, MixtureOfNormals)
        assert self.sd is not None
        return MeanTrial(self.n, self.sd, self.control, self.treated, self.decision)

    def probability_of_success(self, control: ArrayLike, effect: ArrayLike) -> FloatArray:
        """Return P(success) at true values of the control arm and of the effect, in the shape of both together.

        Raises
        ------
        InputError
            Values that are not finite, or proportions outside [0, 1].
        """
        given = (_true("control", control), _true("effect", effect))
        try:
            c, d = np.broadcast_arrays(*given)
        except ValueError:
            raise InputError("control and effect have other lengths · give one number, or as many of both") from None
        t = c + d
        if self.outcome == "proportion" and (min(c.min(), t.min()) < 0.0 or max(c.max(), t.max()) > 1.0):
            raise InputError("control and control + effect are proportions · give values within 0 and 1")
        return self._model().success(c.ravel().astype(float), t.ravel().astype(float)).reshape(c.shape)

    def type_one_error(self, controls: ArrayLike) -> pd.DataFrame:
        """Return P(success) where the effect is what the rule tests against, over true values of the control arm."""
        import pandas as pd

        c = _true("controls", controls).ravel()
        return pd.DataFrame({"control": c, "type_one_error": self.probability_of_success(c, self.decision.threshold)})

    def power(self, effects: ArrayLike, *, control: float | None = None) -> pd.DataFrame:
        """Return P(success) over true effects, at a true control: the mean of what is assumed where left out."""
        import pandas as pd

        d = _true("effects", effects).ravel()
        at = self._middle() if control is None else a_number("control", control, error=InputError)
        return pd.DataFrame({"effect": d, "control": at, "power": self.probability_of_success(at, d)})

    def _middle(self) -> float:
        truth = self.true_control
        return truth if isinstance(truth, float) else truth.mean

    @property
    def assurance(self) -> float:
        """P(success) with the true control and the true effect from what is assumed of them."""
        if self.true_treated is not None:
            model, control = self._counts()
            return model.assurance(control, self.true_treated)
        c, share = self._controls()
        if isinstance(self.effect, Normal):
            return float(share @ self._model().success(c, c + self.effect.mean, self.effect.sd))
        return float(share @ self.probability_of_success(c, self._shift()))

    def _shift(self) -> float:
        """Return the mean of what is assumed of the true effect."""
        if self.true_treated is not None:
            return self.true_treated.mean - self._middle()
        assert self.effect is not None
        return self.effect.mean if isinstance(self.effect, Normal) else self.effect

    def _counts(self) -> tuple[CountTrial, float | MixtureOfBetas]:
        """Return the trial of two proportions, and what is assumed of the true control."""
        model = self._model()
        assert isinstance(model, CountTrial)
        assert not isinstance(self.true_control, MixtureOfNormals)
        return model, self.true_control

    def _controls(self) -> tuple[FloatArray, FloatArray]:
        """Nodes of the true control with their probabilities."""
        truth = self.true_control
        if isinstance(truth, float):
            return np.array([truth]), np.ones(1)
        nodes = nodes_of(truth)
        return nodes.x, nodes.share

    def smallest_n(self, target: float, *, of: str = "assurance", most: int = _MOST_PATIENTS) -> tuple[int, int]:
        """Return the fewest patients (treated, control), allocated as now, that reach a target.

        Parameters
        ----------
        target
            Probability to reach.
        of
            ``assurance``; ``power`` at the means of what is assumed.
        most
            Patients in both arms at which the search ends.

        Raises
        ------
        OptionError
            Not reached with ``most`` patients.
        """
        target = a_number("target", target, above=0.0, below=1.0)
        a_choice("of", of, ("assurance", "power"))
        most = a_whole("most", most, 2)
        ratio = self.n[0] / sum(self.n)

        def reached(total: int) -> bool:
            first = min(max(round(total * ratio), 1), total - 1)
            trial = replace(self, n=(first, total - first))
            if of == "assurance":
                return trial.assurance >= target
            return float(trial.probability_of_success(self._middle(), self._shift())) >= target

        low, high = 1, 2
        while not reached(high):
            low, high = high, 2 * high
            if low >= most:
                raise OptionError(
                    f"{of} does not reach {target:g} with {most} patients · ask a lower target or a larger most"
                )
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        first = min(max(round(high * ratio), 1), high - 1)
        return first, high - first

    def value_of_information(self) -> float:
        """Return the expected value of the trial's data for one later patient, in the unit of the outcome.

        E max(0, E(effect | data) − threshold) − max(0, E effect − threshold), under what is assumed of effect and
        control: what deciding after the trial gains over deciding now (its sign turned for a rule of "<").

        Raises
        ------
        OptionError
            An effect that is assumed as one value: nothing is left to learn.

        References
        ----------
        Ades, Lu & Claxton 2004, doi:10.1177/0272989X04263162.
        """
        if self.true_treated is not None:
            model, control = self._counts()
            return model.information_value(control, self.true_treated)
        if not isinstance(self.effect, Normal):
            law = "effect=Normal(…)" if self.outcome == "mean" else "true_treated=MixtureOfBetas(…)"
            raise OptionError(f"of an effect assumed as one value nothing is left to learn · give {law}")
        assert self.sd is not None
        assert not isinstance(self.true_control, MixtureOfBetas)
        return information_value(self.n, self.sd, self.true_control, self.effect, self.decision)

    def describe(self) -> str:
        """The trial in words, with its assurance and the type I error at the assumed control."""
        at = self._middle()
        unit = f" {self.unit}" if self.unit else ""
        error = float(self.probability_of_success(at, self.decision.threshold))
        sign = ">" if self.decision.above else "<"
        return (
            f"{self.n[0]} treated and {self.n[1]} control patients, success if"
            f" P(effect {sign} {self.decision.threshold:g}{unit}) > {self.decision.probability:g}:"
            f" assurance {self.assurance:.3f}; type I error {error:.3f} at a true control of {at:.4g}{unit}"
        )

    def plot(self, ax: object = None, *, of: str = "power") -> object:
        """Draw power over true effects, or type I error over true controls: see `lamevidence.plots.trial_curves`.

        Parameters
        ----------
        ax
            Axes to draw on.
        of
            ``power`` or ``type_one_error``.
        """
        return through("trial_curves")(self, of=of, ax=ax)

    def __repr__(self) -> str:
        return f"<NextTrial {self.describe()}>"


def next_trial(
    *,
    n: Sequence[int],
    control: Given,
    effect: float | Normal | None = None,
    outcome: str = "mean",
    sd: float | None = None,
    treated: Given | None = None,
    true_control: float | Given | None = None,
    true_treated: MixtureOfBetas | MapPrior | None = None,
    decision: str = "P(effect > 0) > 0.975",
) -> NextTrial:
    """Return the operating characteristics of a two-arm trial that is analysed with these priors.

    The analysis knows ``control`` and ``treated`` as independent priors of the arms; success is a posterior
    probability of effect = treated − control. What is true is assumed apart, by ``true_control`` and ``effect``. Means
    are integrated by quadrature, proportions summed over all outcomes: no simulation noise.

    Parameters
    ----------
    n
        Patients: (treated, control).
    control
        Prior of the control arm in the analysis: `map_prior`, a robust mixture, or a `Normal`; betas for proportions.
    effect
        True effect: a value, of a mean also a `Normal` law of it.
    outcome
        ``mean`` (also of slopes: see `slope_sd`) or ``proportion``.
    sd
        Standard deviation of one patient, known; for ``mean``.
    treated
        Prior of the treated arm; left out, for a mean a normal a hundred times as wide as one patient, for a proportion
        Beta(1, 1).
    true_control
        True control: a value or a law; ``control`` where left out.
    true_treated
        Law of the true proportion treated, independent of the control's, instead of ``effect``; for ``proportion``.
    decision
        ``P(effect > 0) > 0.975``, or with ``<``.

    Returns
    -------
    NextTrial

    Raises
    ------
    OptionError, InputError
        Priors in other units or of another outcome, a rule that is not such a rule, ``sd`` missing.

    See Also
    --------
    map_prior : the control arm from earlier studies.
    slope_sd : one patient's slope from visits and variances.

    References
    ----------
    O'Hagan, Stevens & Campbell 2005, doi:10.1002/pst.175; Schmidli et al. 2014, doi:10.1111/biom.12242.

    Examples
    --------
    >>> import lamevidence as lam
    >>> wide = lam.priors.Normal(0, 240)
    >>> trial = lam.synthesis.next_trial(
    ...     n=(30, 15), sd=157.379, control=wide, treated=wide, effect=100.0, true_control=-110.0
    ... )
    >>> round(trial.assurance, 3)
    0.506
    """
    a_choice("outcome", outcome, ("mean", "proportion"))
    sizes = _sizes(n)
    rule = _rule(decision)
    kind = MixtureOfNormals if outcome == "mean" else MixtureOfBetas
    own = _prior("control", control, kind)
    unit = own.unit
    if outcome == "mean":
        if sd is None:
            raise OptionError("the standard deviation of one patient is needed for a mean · give sd=")
        sd = a_number("sd", sd, above=0.0, error=InputError)
        other = (
            _prior("treated", treated, kind)
            if treated is not None
            else MixtureOfNormals((1.0,), (own.mean,), (100.0 * sd,), unit=unit)
        )
    else:
        if sd is not None:
            raise OptionError("sd belongs to outcome='mean' · leave it out")
        other = _prior("treated", treated, kind) if treated is not None else MixtureOfBetas((1.0,), (1.0,), (1.0,))
    truth: Any = own
    if true_control is not None:
        numeric = isinstance(true_control, int | float) and not isinstance(true_control, bool)
        low, high = (0.0, 1.0) if outcome == "proportion" else (-np.inf, np.inf)
        truth = (
            a_number("true_control", true_control, least=low, most=high, error=InputError)
            if numeric
            else _prior("true_control", true_control, kind)
        )
    law: Any = effect
    treatment = None
    if true_treated is not None:
        if outcome == "mean" or effect is not None:
            raise OptionError("true_treated stands instead of effect, for outcome='proportion' · give one of them")
        treatment = _prior("true_treated", true_treated, kind)
    elif isinstance(effect, Normal):
        if outcome == "proportion":
            raise OptionError(
                "the effect on a proportion is one value, a difference of risks · give a number,"
                " or the law of the proportion treated, true_treated=MixtureOfBetas(…)"
            )
    else:
        law = a_number("effect", effect, error=InputError)
    for name, prior in (("treated", other), ("true_control", truth), ("effect", law)):
        if prior is not None and not isinstance(prior, float) and prior.unit != unit:
            raise OptionError(f"{name} is in {prior.unit}, control in {unit} · give both in one unit, by .convert(…)")
    return NextTrial(outcome, sizes, sd, own, other, law, truth, treatment, rule, unit)


def _true(name: str, given: ArrayLike) -> FloatArray:
    """Return true values, at least one and all finite."""
    found = floats(given, name, "give a number, or numbers in an array")
    if found.size == 0 or not np.isfinite(found).all():
        raise InputError(f"{name}={shown(given)}: true values of the trial are finite numbers · give at least one")
    return found


def _sizes(n: object) -> tuple[int, int]:
    """Return the patients of both arms."""
    if not isinstance(n, Sequence) or isinstance(n, str) or len(n) != 2:
        raise OptionError(f"n={shown(n)} · give the patients of both arms, (treated, control), for example n=(30, 15)")
    first, second = (a_whole(f"n[{i}]", one, 1, 100_000) for i, one in enumerate(n))
    return first, second


def _rule(decision: object) -> Decision:
    """Return the rule that a text states."""
    found = _RULE.match(a_text("decision", decision))
    if found is None:
        raise OptionError(f"decision={shown(decision)} is no such rule · write P(effect > 0) > 0.975")
    try:
        threshold, chance = float(found[2]), float(found[3])
    except ValueError:
        raise OptionError(f"decision={shown(decision)} is no such rule · write P(effect > 0) > 0.975") from None
    if not 0.0 < chance < 1.0:
        raise OptionError(
            f"decision={shown(decision)}: a probability lies between 0 and 1 · write P(effect > 0) > 0.975"
        )
    return Decision(threshold, chance, found[1] == ">")


def _prior(name: str, given: object, kind: type[MixtureOfNormals] | type[MixtureOfBetas]) -> Any:  # noqa: ANN401
    """Return a prior as a mixture of the outcome's family."""
    if isinstance(given, MapPrior):
        given = given.prior
    if isinstance(given, Normal) and kind is MixtureOfNormals:
        return MixtureOfNormals((1.0,), (given.loc,), (given.scale,), unit=given.unit)
    if not isinstance(given, kind):
        words = "Normal(…), MixtureOfNormals(…)" if kind is MixtureOfNormals else "MixtureOfBetas(…)"
        raise OptionError(f"{name}={shown(given)} is no prior of this outcome · give {words} or a map_prior of it")
    return given


def slope_sd(*, between: float, within: float, visits: int, years: float) -> float:
    """Return the standard deviation of one patient's slope, by least squares over equally spaced visits.

    √(between² + within²/Σ(tⱼ − t̄)²): what true slopes vary, and what few visits add.

    Parameters
    ----------
    between
        Standard deviation of true slopes, outcome per year.
    within
        Standard deviation of one measurement around its patient's line.
    visits
        Measurements a patient, at least 2, the first at 0 and the last at ``years``.
    years
        Length of follow-up.

    Returns
    -------
    float
        Outcome per year.

    Raises
    ------
    InputError, OptionError
        Numbers out of range.

    See Also
    --------
    next_trial : where it is ``sd``.

    References
    ----------
    Laird & Ware 1982, doi:10.2307/2529876.

    Examples
    --------
    >>> round(slope_sd(between=100, within=50, visits=3, years=1), 6)
    122.474487
    """
    between = a_number("between", between, least=0.0, error=InputError)
    within = a_number("within", within, least=0.0, error=InputError)
    visits = a_whole("visits", visits, 2, 100_000)
    years = a_number("years", years, above=0.0, error=InputError)
    squares = years**2 * visits * (visits + 1) / (12.0 * (visits - 1))
    return float(np.hypot(between, within / np.sqrt(squares)))
