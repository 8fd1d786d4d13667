"""Selection models: what the effect would be if the chance of being seen depends on the p value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError, TooFewStudies
from ...foundation.options import a_choice, a_level, shown
from ...pooling.inverse_variance.refits import Source
from ...results.contract import Result
from ..check_result import CheckResult
from ..small_study.tests import caution, size_predictor
from ..studies import REPORT, Estimates, estimates_of, estimates_remedy
from .fit import best_fit
from .fitted import Fitted, Likelihood, far_off, fitted, likelihood_of, width_of
from .profile import Profile, bound, root
from .rows import SelectionData, unit_of, unselected
from .weights import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SelectionModel", "selection_model"]

TYPES = ("stepfun", *WEIGHTS)
WITHOUT_PRECISION = ("stepfun", "beta")
PRECISIONS = ("sei", "vi", "ninv", "sqrtninv")
ROUNDING = 1e-13
"""Relative gain in log-likelihood that is none."""
HOW = "model='random', tau2='ML'"


@dataclass(frozen=True, slots=True, repr=False)
class SelectionModel(CheckResult):
    """A fitted selection model.

    Attributes
    ----------
    beta, se
        Coefficients adjusted for selection and standard errors (observed information); nan where a selection parameter
        is at the edge of its range, which they would take for known.
    tau2, se_tau2
        Between-study variance; its standard error is nan at 0.
    delta, se_delta
        Selection parameters; nan standard errors where they are fixed. Weights of step functions are relative to the
        first interval that holds a study, whose weight is 1.
    null
        Value of δ without selection.
    log_likelihood, log_likelihood_unselected
        With and without selection.
    lrt_df
        Selection parameters estimated.
    counts
        Studies in each interval of p (step functions).
    interval_kind
        ``z`` or ``profile``.
    likelihood
        What profile intervals are computed from, when they are asked for.
    """

    type: str
    names: tuple[str, ...]
    beta: FloatArray
    se: FloatArray
    tau2: float
    se_tau2: float
    delta: FloatArray
    se_delta: FloatArray
    null: float
    log_likelihood: float
    log_likelihood_unselected: float
    lrt_df: int
    counts: tuple[int, ...]
    k: int
    level: float
    parameters: int
    interval_kind: str
    likelihood: Likelihood
    notes: tuple[str, ...] = ()

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error; the signed root of the likelihood ratio where intervals are profiles."""
        if self.interval_kind == "z":
            return self.beta / self.se
        roots = [root(profile, 0.0) for profile in self.likelihood.coefficients]
        return np.copysign(roots, self.beta)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values of the coefficients, from `statistic`."""
        return np.asarray(2 * special.ndtr(-np.abs(self.statistic)))

    def interval(self, level: float | None = None) -> FloatArray:
        """Return intervals of the coefficients, (p, 2), of the kind that was asked for.

        Profile intervals hold the values at which twice the loss in log-likelihood, all other parameters free to
        move, is at most a quantile of χ²₁. An infinite limit means that no value on that side is worse.
        """
        z = _quantile(self.level if level is None else level)
        if self.interval_kind == "z":
            return np.column_stack([self.beta - z * self.se, self.beta + z * self.se])
        return np.array([_limits(profile, z) for profile in self.likelihood.coefficients])

    def tau2_interval(self, level: float | None = None) -> FloatArray:
        """Return the interval of τ², (2,), of the kind that was asked for; Wald intervals are cut at 0."""
        z = _quantile(self.level if level is None else level)
        if self.interval_kind == "z":
            return np.array([max(0.0, self.tau2 - z * self.se_tau2), self.tau2 + z * self.se_tau2])
        profile = self.likelihood.tau2
        return np.full(2, math.nan) if profile is None else _limits(profile, z)

    @property
    def delta_p_value(self) -> FloatArray:
        """Two-sided Wald p values of each δ against no selection."""
        with np.errstate(invalid="ignore"):
            return np.asarray(2 * special.ndtr(-np.abs(self.delta - self.null) / self.se_delta))

    def delta_interval(self, level: float | None = None) -> FloatArray:
        """Return intervals of δ, of the kind that was asked for; nan where δ is given or has no finite maximum.

        Wald intervals are cut at the edge of its range (0; 10⁻⁵ for ``beta``).
        """
        z = _quantile(self.level if level is None else level)
        if self.interval_kind == "z":
            lowest = 0.0 if self.type == "stepfun" else WEIGHTS[self.type].lowest
            half = z * self.se_delta
            return np.column_stack([np.maximum(lowest, self.delta - half), self.delta + half])
        none = np.full(2, math.nan)
        return np.array([none if profile is None else _limits(profile, z) for profile in self.likelihood.deltas])

    @property
    def lrt(self) -> float:
        """Twice the gain in log-likelihood over no selection, not below 0; descriptive where δ is given."""
        gain = 2 * (self.log_likelihood - self.log_likelihood_unselected)
        return gain if gain > ROUNDING * (1 + abs(self.log_likelihood)) else 0.0

    @property
    def lrt_p(self) -> float:
        """Its p value, nan where δ is given."""
        return float(special.chdtrc(self.lrt_df, self.lrt)) if self.lrt_df else math.nan

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return -2 * self.log_likelihood + math.log(self.k) * self.parameters

    def to_frame(self) -> pd.DataFrame:
        """Return one row a parameter."""
        import pandas as pd

        terms = [*self.names, *(f"delta{i + 1}" for i in range(self.delta.size)), "tau2"]
        limits = np.concatenate([self.interval(), self.delta_interval(), [self.tau2_interval()]])
        columns = {
            "term": terms,
            "estimate": [*self.beta, *self.delta, self.tau2],
            "se": [*self.se, *self.se_delta, self.se_tau2],
            "low": limits[:, 0],
            "high": limits[:, 1],
        }
        return pd.DataFrame(columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a parameter."""
        return self.to_frame().set_index("term")

    def _sentence(self) -> str:
        low, high = self.interval()[0]
        test = f"; test of selection P = {self.lrt_p:.3g}" if self.lrt_df else ""
        kind = "profile likelihood " if self.interval_kind == "profile" else ""
        shown = f"{self.beta[0]:.4g} ({kind}{low:.4g} to {high:.4g})"
        return f"Selection model ({self.type}): {self.names[0]} {shown}{test}."


def selection_model(
    fit: Result,
    kind: str = "stepfun",
    *,
    steps: float | Sequence[float] | None = None,
    alternative: str = "greater",
    delta: ArrayLike | None = None,
    precision: str | None = None,
    interval: str | None = None,
) -> SelectionModel:
    """Fit a selection model by maximum likelihood.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances; its moderators stay in the model. Its τ² is
        estimated anew by maximum likelihood together with the selection, which the notes say where the fit had
        another estimator; a common-effect model stays one.
    kind
        ``stepfun``, ``beta``, ``halfnorm``, ``negexp``, ``logistic``, ``power``, ``negexppow``.
    steps
        Step functions: one-sided p values where the weight may change, rising, between 0 and 1 (default 0.025). Other
        one-parameter types: p value up to which the weight is 1.
    alternative
        Direction that is selected: ``greater`` or ``less``.
    delta
        Selection parameters taken as known (sensitivity analysis); for step functions one an interval, the first 1.
    precision
        ``sei``, ``vi``, ``ninv``, ``sqrtninv``: δ is multiplied by this imprecision over its maximum.
    interval
        ``z`` (Wald) or ``profile`` likelihood. Left out it is ``z``, but ``profile`` where a selection parameter is at
        the edge of its range or an interval of p holds no study: Wald intervals would take that parameter for known.

    Returns
    -------
    SelectionModel
        Adjusted estimate, weights, and the test against no selection.

    Raises
    ------
    OptionError, UnknownName
        Models of counts, wrong steps, options that the kind does not have, ``interval="z"`` where a selection parameter
        is at the edge of its range.
    DependentRows
        Rows that share patients.
    TooFewStudies, ConvergenceError
        Fewer studies than coefficients plus two; no finite maximum.

    See Also
    --------
    trim_and_fill : Missing studies by symmetry.
    pet_peese : Adjustment by regression.

    References
    ----------
    Vevea & Hedges 1995, doi:10.1007/BF02294384; Citkowicz & Vevea 2017, doi:10.1037/met0000119; Preston et al. 2004,
    doi:10.1191/0962280204sm344oa.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.9], vi=[0.03, 0.03, 0.05, 0.01, 0.1])
    >>> lam.checks.selection_model(lam.pool(table, tau2="ML"), steps=0.025).counts
    (2, 3)
    """
    a_choice("selection model", kind, TYPES)
    a_choice("alternative", alternative, ("greater", "less"))
    if interval is not None:
        a_choice("interval", interval, ("z", "profile"))
    found = estimates_of(fit, "a selection model", 3, HOW)
    if found.source.k < found.source.p + 2:
        raise TooFewStudies("a selection model", found.source.k, found.source.p + 2, REPORT)
    if not found.own:
        moderators = "" if found.source.X is None else ", with the moderators of this one"
        raise OptionError(
            f"a selection model needs estimates with variances under one model, not {fit.spec.label}"
            f" · {estimates_remedy(fit, HOW, 3)}{moderators}"
        )
    source, anew = _by_likelihood(found.source)
    rows = Estimates(source, True, ())
    cuts = _steps(kind, steps)
    scale = math.sqrt(float(np.mean(rows.v)))
    data = _data(rows, kind, cuts, 1.0 if alternative == "greater" else -1.0, precision, scale)
    counts = tuple(int(n) for n in np.bincount(data.interval, minlength=len(cuts) + 1)) if kind == "stepfun" else ()
    known = _known(kind, delta, len(cuts))
    return _result(source, kind, fitted(data, known), known, counts, scale, alternative, anew, interval)


def _by_likelihood(source: Source) -> tuple[Source, tuple[str, ...]]:
    """Return the model with τ² by maximum likelihood, and a note where that is another estimator than the fit's."""
    if source.method in ("ML", "none"):
        return source, ()
    was = "a τ² taken as known" if source.method == "fixed" else f"τ² by {source.method}"
    return replace(source, method="ML"), (
        f"the fit had {was}; selection has a likelihood of its own, so τ² was estimated anew by ML",
    )


def _steps(type: str, steps: float | Sequence[float] | None) -> tuple[float, ...]:
    if steps is None:
        return (0.025,) if type == "stepfun" else ()
    values = np.atleast_1d(floats(steps, "steps", "give p values between 0 and 1, for example [0.025, 0.5]"))
    if values.ndim != 1 or not ((values > 0) & (values < 1)).all() or (np.diff(values) <= 0).any() or values.size == 0:
        raise OptionError(
            f"steps={shown(steps)} are not rising p values between 0 and 1 · give for example [0.025, 0.5]"
        )
    if type != "stepfun" and (values.size > 1 or type in ("beta", "negexppow")):
        takes, remedy = (
            ("no steps", "leave steps out") if type in ("beta", "negexppow") else ("one step", "give one p value")
        )
        raise OptionError(f"kind={type!r} takes {takes} · {remedy}")
    return tuple(float(x) for x in values)


def _known(type: str, delta: ArrayLike | None, steps: int) -> FloatArray | None:
    if delta is None:
        return None
    values = np.atleast_1d(floats(delta, "delta", "give finite numbers ≥ 0"))
    size = steps + 1 if type == "stepfun" else WEIGHTS[type].size
    if values.shape != (size,) or not np.isfinite(values).all() or (values < 0).any():
        raise OptionError(f"delta={shown(delta)} does not fit kind={type!r} · give {size} finite numbers ≥ 0")
    if type == "stepfun" and values[0] != 1:
        raise OptionError("the weight of the first interval is 1 by definition · give delta=[1, …]")
    return values


def _data(
    rows: Estimates, type: str, cuts: tuple[float, ...], sign: float, precision: str | None, scale: float
) -> SelectionData:
    source = rows.source
    y, v = sign * rows.y / scale, rows.v / scale**2
    z = y / np.sqrt(v)
    X = source.design if source.X is None else np.linalg.qr(source.X)[0]
    imprecision = np.ones(y.size)
    if precision is not None:
        imprecision = _imprecision(rows, type, precision)
    if type != "stepfun":
        low, weight, none = cuts[0] if cuts else 0.0, WEIGHTS[type], np.empty((0, y.size))
        return SelectionData(
            y, v, X, imprecision, none, None, weight, low, source.method == "ML", unit=unit_of(z, weight)
        )
    steps = np.array(cuts)
    edges = -special.ndtri(steps)[:, None] * np.sqrt(v)
    interval = np.searchsorted(steps, special.ndtr(-z), side="left")
    first, *others = (int(j) for j in np.unique(interval))
    free = tuple(others)
    return SelectionData(y, v, X, imprecision, edges, interval, None, 0.0, source.method == "ML", first, free)


def _imprecision(rows: Estimates, type: str, name: str) -> FloatArray:
    a_choice("precision", name, PRECISIONS)
    if type in WITHOUT_PRECISION:
        raise OptionError(f"kind={type!r} does not depend on precision · leave precision out")
    values = size_predictor(rows, name, f"precision={name!r}", "use precision='sei'")
    return np.asarray(values / values.max())


def _empty(counts: tuple[int, ...], reference: int) -> tuple[str, ...]:
    """Return what intervals without a study mean for the weights."""
    if 0 not in counts:
        return ()
    if not reference:
        return ("an interval of p holds no study: its weight is estimated as 0",)
    return (
        f"no study has its p in the first {'interval' if reference == 1 else f'{reference} intervals'}: a weight there"
        f" is estimated as 0, and weights are relative to interval {reference + 1}",
    )


def _result(
    source: Source,
    type: str,
    result: Fitted,
    known: FloatArray | None,
    counts: tuple[int, ...],
    scale: float,
    alternative: str,
    anew: tuple[str, ...],
    interval: str | None,
) -> SelectionModel:
    data, found, limit = result.data, result.best, result.limit
    sign = 1.0 if alternative == "greater" else -1.0
    with np.errstate(over="ignore"):
        of_unit = float(np.exp(-data.unit / width_of(data)))
        delta = known if known is not None else found.delta * of_unit if limit is None else limit.delta
    p, free = source.p, 0 if known is not None else delta.size - (type == "stepfun")
    # coefficients of the orthonormal basis → coefficients of the design
    design = np.ones((source.k, 1)) if source.X is None else source.X @ np.linalg.inv(source.back)
    back = np.linalg.lstsq(design, data.X, rcond=None)[0]
    beta = sign * scale * back @ found.beta
    se = scale * np.sqrt(np.diag(back @ found.covariance[:p, :p] @ back.T))
    variances = np.diag(found.covariance)
    se_tau2 = scale**2 * math.sqrt(variances[p]) if data.free_tau2 and not found.at_zero else math.nan
    se_delta = np.full(delta.size, math.nan)
    free_places = list(data.free) if data.weight is None else slice(None)
    if free and limit is None:
        se_delta[free_places] = np.sqrt(variances[p + data.free_tau2 :]) * of_unit
    shift = source.k * math.log(scale)
    null = 1.0 if type == "stepfun" else WEIGHTS[type].null
    reference = best_fit(unselected(data), np.ones(1)).log_likelihood
    notes = anew + (_empty(counts, data.reference) if known is None else ()) + found.notes
    if limit is not None:
        notes += (limit.note,)
    elif np.isinf(delta).any():
        notes += ("δ is so large that there is no double for it; the other estimates rest on its finite value",)
    notes += far_off(design @ beta, sign * scale * data.y)
    notes += caution(source.k)
    if limit is not None and limit.delta.size == 2 and limit.delta[1] == 0:  # δ would be known in its standard error
        se, se_tau2 = np.full(p, math.nan), math.nan
    undefined = bool(np.isnan(se).any())
    if interval == "z" and undefined:
        raise OptionError(
            "interval='z' needs standard errors, and there are none where a selection parameter is at the edge of its"
            " range or the likelihood is flat · leave interval out, or give interval='profile'"
        )
    bounded = known is None and (undefined or limit is not None or 0 in counts)
    kind = interval if interval is not None else "profile" if undefined or bounded else "z"
    return SelectionModel(
        type,
        source.names,
        beta,
        se,
        scale**2 * found.tau2,
        se_tau2,
        delta,
        se_delta,
        null,
        found.log_likelihood - shift,
        reference - shift,
        free,
        counts,
        source.k,
        source.level,
        p + data.free_tau2 + free,
        kind,
        likelihood_of(result, np.asarray(sign * scale * back, float), scale, delta, of_unit if known is None else 1.0),
        notes,
    )


def _limits(profile: Profile, z: float) -> FloatArray:
    return np.array([bound(profile, side, z) for side in (-1.0, 1.0)])


def _quantile(level: float) -> float:
    return float(special.ndtri(0.5 + a_level(level) / 2))
