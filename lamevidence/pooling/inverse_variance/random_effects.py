"""Models of estimates and variances with one mean: from a table and options to a `Pooled`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError, InputError, NotEstimable, OptionError
from ...foundation.options import a_number, unknown_argument
from ...results.recipe import Recipe, by_label
from ...results.spec import Spec
from ..kernel.fitted import Fitted, fit_at
from ..kernel.kernels import Centred, centre_one
from ..kernel.likelihood import maximum_of_one
from ..models import Options
from ..policy import again, resolve
from ..rows import checked_rows
from ..tau2.estimators import TAU2
from .intervals import HKSJ_FAMILY, INTERVALS, Inference, henmi_copas
from .pooled import Pooled
from .prediction import PREDICTIONS

__all__ = [
    "between",
    "check_choices",
    "check_zero_variances",
    "inverse_variance",
    "refuse_extra",
    "refuse_no_spread",
    "weights_of",
]

OWN = ("tau2", "interval", "prediction", "level", "weights")
_KNOWN = frozenset(OWN) | {"why_model"}
_UNWEIGHTABLE = ("common", "fixed", "ivhet", "henmi-copas")
OWN_WEIGHTS = ("ivhet", "henmi-copas")
"""Models whose mean has the common-effect weights beside a τ²."""


def refuse_extra(model: str, given: Options) -> None:
    """Refuse options that models of estimates and variances do not have."""
    extra = given.keys() - _KNOWN
    if extra:
        name = min(extra)
        raise unknown_argument(f"pool(…, model={model!r})", name, given[name], ("model", *OWN, "moderators"))


def _is_variance(x: Any) -> bool:  # noqa: ANN401
    try:
        return a_number("tau2", x, least=0) >= 0
    except OptionError:
        return False


def check_choices(spec: Spec, tau2: Any) -> None:  # noqa: ANN401
    """Refuse codes that no catalogue holds, and a τ² that is no variance."""
    INTERVALS.entry(spec.interval)
    if not (isinstance(spec.prediction, str) and spec.prediction == "none"):
        PREDICTIONS.entry(spec.prediction)
    if spec.tau2 not in ("none", "fixed"):
        TAU2.entry(spec.tau2)
    elif spec.tau2 == "fixed" and not _is_variance(tau2):
        raise OptionError(f"tau2={tau2!r} must be a finite number ≥ 0 or one of {', '.join(TAU2)}")


def inverse_variance(model: str, table: EvidenceTable, given: Options) -> Pooled:
    """Return the fit of one of the inverse-variance models of `MODELS`; options as in `pool`."""
    refuse_extra(model, given)
    live = checked_rows(table)
    k = table.k if table.plain else int(live.sum())
    spec = resolve(k, given, table.model, model, given["why_model"], table.plain or bool(table.vi[live].all()))
    value = given.get("tau2") if given.get("tau2") is not None else table.model.get("tau2")
    check_choices(spec, value)
    if model in ("common", "fixed") and spec.tau2 != "none":
        raise OptionError(f"model={model!r} has no tau2 · leave tau2 out or use model='random'")
    if spec.tau2 == "none" and spec.prediction != "none":
        raise OptionError(f"model={model!r} has no prediction interval · leave prediction out or use model='random'")
    if k == 1 and spec.interval != "z" and spec.why.get("interval") == "given":
        raise OptionError(f"interval={spec.interval!r} needs two studies · use interval='z' for one study")
    return _fit(table, live, k, spec, value, given.get("weights"))


def _again(
    table: EvidenceTable,
    *,
    spec: Spec,
    value: Any,  # noqa: ANN401
    weights: Any = None,  # noqa: ANN401
    shared: bool = False,
) -> Pooled:
    """Return a fit with choices already made for the rows of ``table``; one study is reported as it is.

    With ``shared`` the τ² of ``value`` was estimated from these rows and others, and is that of one study too.
    """
    live = checked_rows(table)
    k = table.k if table.plain else int(live.sum())
    if shared and k == 1:
        y, v, shift, stretch = centre_one(table.yi[live], table.vi[live])
        fit = fit_at(y, v, float(value) / stretch**2)
        recipe = Recipe(_again, {"spec": spec, "value": value, "weights": weights, "shared": True})
        one = replace(spec, interval="z", prediction="none")
        return Pooled(table, one, fit, Inference(fit.se, np.inf, fit.mean), shift, stretch, live, recipe=recipe)
    return _fit(table, live, k, again(spec, k, positive=table.plain or bool(table.vi[live].all())), value, weights)


def _fit(
    table: EvidenceTable,
    live: FloatArray,
    k: int,
    spec: Spec,
    value: Any,  # noqa: ANN401
    weights: Any,  # noqa: ANN401
) -> Pooled:
    model = spec.model
    yi, vi = (table.yi, table.vi) if k == table.k else (table.yi[live], table.vi[live])
    y, v, shift, stretch = centre_one(yi, vi)
    recipe = _recipe(table, spec, value, weights)
    if k == 1:
        if v[0] == 0:
            raise NotEstimable("the only study has variance 0: there is no interval")
        return _single(table, spec, fit_at(y, v, 0.0), shift, stretch, live, recipe)
    a = weights_of(model, spec, weights, table, live, vi)
    if not table.plain:
        check_zero_variances(table, spec, vi)
    t, notes = _between_plain(spec, y, v, stretch, a, value, table.plain)
    refuse_no_spread(t, v)
    mean_weights = a if a is not None else (1.0 / v if model in OWN_WEIGHTS else None)
    fit = fit_at(y, v, t, mean_weights)
    inference = _inference(model, spec, fit)
    if k == 2 and spec.interval in HKSJ_FAMILY:
        notes += ("k = 2: the Hartung-Knapp interval rests on one degree of freedom and is hardly informative",)
    return Pooled(table, spec, fit, inference, shift, stretch, live, a, notes, recipe)


def _recipe(table: EvidenceTable, spec: Spec, value: Any, weights: Any) -> Recipe:  # noqa: ANN401
    """Return how the fit is made again; weights follow their rows."""
    if weights is None or isinstance(weights, str):
        return Recipe(_again, {"spec": spec, "value": value, "weights": weights})
    a = floats(weights, "weights", "give one positive number a row")
    if a.shape != table.yi.shape:
        raise InputError(f"weights have shape {a.shape}, the table has {table.k} rows · give one a row")
    return Recipe(_again, {"spec": spec, "value": value}, {"weights": by_label(table, a.tolist())})


def _inference(model: str, spec: Spec, fit: Fitted) -> Inference:
    if model == "henmi-copas":
        if spec.interval != "z":
            raise OptionError("model='henmi-copas' has an interval of its own · leave interval out")
        return henmi_copas(fit)
    return INTERVALS[spec.interval](fit)


def _between_plain(
    spec: Spec,
    y: FloatArray,
    v: FloatArray,
    scale: float,
    a: FloatArray | None,
    value: Any,  # noqa: ANN401
    plain: bool,
) -> tuple[float, tuple[str, ...]]:
    """Return τ² of one data set without a design; likelihoods take the way that is short for one."""
    if spec.tau2 in ("REML", "ML") and (plain or float(np.minimum.reduce(v)) > 0):
        t, modes, gap, lost = maximum_of_one(y, v, spec.tau2 == "REML")
        return t, _cautions(spec, modes, gap, lost)
    one = np.array([float(y.size)])
    return between(spec, Centred(y[None], v[None], 0.0 * one, scale + 0.0 * one, one), a, value, None)


def between(
    spec: Spec,
    data: Centred,
    a: FloatArray | None,
    value: Any,  # noqa: ANN401
    X: FloatArray | None,
) -> tuple[float, tuple[str, ...]]:
    """Return τ² on the centred scale, and cautions about it."""
    if spec.tau2 == "none":
        return 0.0, ()
    if spec.tau2 == "fixed":
        return float(value) / float(data.scale[0]) ** 2, ("τ² was given, not estimated",)
    found = TAU2[spec.tau2](data.y, data.v, data.k, X, None if a is None else a[None])
    modes, gap, lost = (0.0 if x is None else float(x[0]) for x in (found.modes, found.gap, found.status))
    return float(found.value[0]), _cautions(spec, modes, gap, lost)


def _cautions(spec: Spec, modes: float, gap: float, lost: float) -> tuple[str, ...]:
    if lost:
        raise ConvergenceError(f"tau2={spec.tau2!r} did not arrive at its root · please report these data")
    if modes <= 1:
        return ()
    highest = f"the highest is reported (log-likelihood {gap:.3g} above the next)"
    return (f"the likelihood has {int(modes)} maxima; {highest}",)


def _single(
    table: EvidenceTable, spec: Spec, fit: Fitted, shift: float, stretch: float, live: FloatArray, recipe: Recipe
) -> Pooled:
    why = {"model": "k = 1: one study is reported as it is; τ², I² and a prediction interval do not exist"}
    one = Spec("single", "none", "z", "none", spec.level, "inverse-variance", why)
    inference = Inference(fit.se, np.inf, fit.mean)
    return Pooled(table, one, fit, inference, shift, stretch, live, None, (why["model"],), recipe)


def weights_of(
    model: str,
    spec: Spec,
    given: Any,  # noqa: ANN401
    table: EvidenceTable,
    live: FloatArray,
    v: FloatArray,
) -> FloatArray | None:
    """Return the weights of the live rows, the largest 1; None where the model has its own."""
    if given is None:
        if spec.tau2 in ("GENQ", "GENQM"):
            raise OptionError(f"tau2={spec.tau2!r} needs weights · give one positive weight a row, for example 1/vi")
        return None
    if model in _UNWEIGHTABLE:
        raise OptionError(f"model={model!r} has weights of its own · leave weights out or use model='random'")
    if isinstance(given, str):
        if given != "equal":
            raise OptionError(f"weights={given!r} must be 'equal' or one number a row")
        return np.ones(v.size)
    a = floats(given, "weights", "give one positive number a row")
    if a.shape != table.yi.shape:
        raise InputError(f"weights have shape {a.shape}, the table has {table.k} rows · give one a row")
    a = a[live]
    if not (np.isfinite(a).all() and (a > 0).all()):
        raise InputError("weights must be positive and finite")
    return np.asarray(a / a.max())


def refuse_no_spread(t: float, v: FloatArray) -> None:
    """Refuse a variance of 0 where τ² is 0 as well: that study would be known exactly, and nothing else would count."""
    if t == 0 and not v.all():
        raise NotEstimable("τ² is 0 and so is a variance: the weight of that study is infinite · leave the row out")


def check_zero_variances(table: EvidenceTable, spec: Spec, v: FloatArray) -> None:
    """Refuse variances of 0 wherever the method divides by them."""
    zero = int((v == 0).sum())
    if zero == 0:
        return
    if spec.interval in ("HKSJ-IQWiG", "PL", "BC"):
        raise OptionError(f"interval={spec.interval!r} divides by a variance, and one is 0 · use HKSJ-floor, t or z")
    if spec.tau2 == "REML" and zero == 1:
        return
    if spec.tau2 in ("HE", "CA", "SJ", "fixed"):
        return
    names = ", ".join(table.labels[i] for i in np.flatnonzero(table.vi == 0))
    raise NotEstimable(
        f"variance 0 for {names}: {spec.tau2 if spec.tau2 != 'none' else spec.model} divides by it · tau2='HE' or 'SJ'"
        " do not, and REML allows one such study"
    )
