"""Operating characteristics of planned trials: power over true effects, type I error over true controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from ..foundation.errors import OptionError
from ..foundation.options import a_choice, a_text, an_instance
from ..synthesis.trial_design import NextTrial
from .drawing.canvas import BLUE, GREY, RUST, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["trial_curves"]

_PLACES = 121
_LINES = (("-", BLUE), ("--", RUST), (":", GREY), ("-.", BLUE), ((0, (4, 1, 1, 1, 1, 1)), RUST), ((0, (1, 3)), GREY))
_WORDS = {"power": "P(success)", "type_one_error": "Type I error"}


@in_own_style
def trial_curves(fit: NextTrial | Mapping[str, NextTrial], *, of: str = "power", ax: Axes | None = None) -> Plot:
    """Draw the probability of success of one planned trial, or of several to compare.

    Parameters
    ----------
    fit
        What `lamevidence.synthesis.next_trial` returns, or name → such trials of one outcome and unit.
    of
        ``power``: over true effects, at the middle of what is assumed of the true control. ``type_one_error``: over
        true controls, where the true effect is the one that the rule tests against; the thin dotted line is the error
        of an analysis without prior information.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        No such trial, more than six, or of several outcomes, units or rules.

    See Also
    --------
    lamevidence.synthesis.next_trial : The numbers.

    Examples
    --------
    >>> import lamevidence as lam
    >>> wide = lam.priors.Normal(0, 240)
    >>> trial = lam.synthesis.next_trial(n=(30, 15), sd=157.4, control=wide, effect=100.0, true_control=-110.0)
    >>> trial.plot().description
    'P(success) of one trial over the true effect, from 0.0206 at 0 to 0.999 at 248.9.'
    """
    a_choice("of", of, tuple(_WORDS))
    trials = {"": fit} if isinstance(fit, NextTrial) else _named(fit)
    if not 0 < len(trials) <= len(_LINES):
        raise OptionError(f"{len(trials)} trials · give one to {len(_LINES)}")
    for name, one in trials.items():
        a_text("name", name)
        an_instance("fit", one, NextTrial, "make one with lam.synthesis.next_trial(…)")
    first = next(iter(trials.values()))
    if len({(one.outcome, one.unit, one.decision) for one in trials.values()}) > 1:
        raise OptionError("the trials differ in outcome, unit or rule of success · draw each by itself")
    figure, ax = start(ax, 4.2, 2.8)
    over = _effects(list(trials.values())) if of == "power" else _controls(list(trials.values()))
    values = []
    for (name, one), (line, colour) in zip(trials.items(), _LINES, strict=False):
        found = one.power(over)["power"] if of == "power" else one.type_one_error(over)["type_one_error"]
        values.append(found.to_numpy())
        ax.plot(over, values[-1], ls=line, color=colour, lw=1.3, label=name or None)
    if of == "type_one_error":
        ax.axhline(1.0 - first.decision.probability, color=GREY, lw=0.6, ls=(0, (1, 2)))
    ax.set_ylim(0.0, 1.0 if of == "power" else None)
    ax.set_xlim(over[0], over[-1])
    if len(trials) > 1:
        ax.legend(frameon=False, fontsize=7)
    unit = f" ({first.unit})" if first.unit else ""
    axis = "true effect" if of == "power" else "true control"
    many = "one trial" if len(trials) == 1 else f"{len(trials)} trials"
    ends = f"from {values[0][0]:.3g} at {over[0]:.4g} to {values[0][-1]:.3g} at {over[-1]:.4g}"
    which = "" if len(trials) == 1 else f"{next(iter(trials))!r} "
    return finished(
        figure, ax, f"{axis.capitalize()}{unit}", _WORDS[of], f"{_WORDS[of]} of {many} over the {axis}, {which}{ends}."
    )


def _named(fit: object) -> dict[str, NextTrial]:
    an_instance("fit", fit, Mapping, "make one with lam.synthesis.next_trial(…), or give name → such trials")
    return dict(cast("Mapping[str, NextTrial]", fit))


def _effects(trials: list[NextTrial]) -> NDArray[np.float64]:
    """Return true effects from the one that the rule tests against to one that no trial misses."""
    rule = trials[0].decision
    sign = 1.0 if rule.above else -1.0
    end = rule.threshold + sign * max(5.0 * _se(one) for one in trials)
    if trials[0].outcome == "proportion":
        middles = [_middle(one) for one in trials]
        end = min(end, 1.0 - max(middles)) if rule.above else max(end, -min(middles))
    return np.linspace(rule.threshold, end, _PLACES)


def _controls(trials: list[NextTrial]) -> NDArray[np.float64]:
    """Return true controls that are thought possible: all but a thousandth to each side, or 3 standard errors."""
    ends = [_span(one) for one in trials]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if trials[0].outcome == "proportion":
        shift = trials[0].decision.threshold
        low, high = max(low, 0.0, -shift), min(high, 1.0, 1.0 - shift)
    return np.linspace(low, high, _PLACES)


def _span(trial: NextTrial) -> tuple[float, float]:
    truth = trial.true_control
    if isinstance(truth, float):
        far = 3.0 * (0.5 if trial.sd is None else trial.sd) / trial.n[1] ** 0.5
        return truth - far, truth + far
    return float(truth.quantile(0.001)), float(truth.quantile(0.999))


def _middle(trial: NextTrial) -> float:
    return trial.true_control if isinstance(trial.true_control, float) else trial.true_control.mean


def _se(trial: NextTrial) -> float:
    """Return the standard error of the difference, of proportions the largest that there is."""
    return float((0.5 if trial.sd is None else trial.sd) * (1.0 / trial.n[0] + 1.0 / trial.n[1]) ** 0.5)
