"""Selection models: what the effect would be if the chance of being seen depends on the p value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import OptionError, TooFewStudies
from ..options import a_choice, shown
from .refits import Fit, Source, source_of
from .selection_fit import Best, best_fit
from .selection_likelihood import SelectionData, unselected
from .selection_weights import WEIGHTS
from .small_study import caution
from .spoken import Spoken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SelectionModel", "selection_model"]

TYPES = ("stepfun", *WEIGHTS)
WITHOUT_PRECISION = ("stepfun", "beta")
PRECISIONS = ("sei", "vi", "ninv", "sqrtninv")


@dataclass(frozen=True, slots=True, repr=False)
class SelectionModel(Spoken):
    """A fitted selection model.

    Attributes
    ----------
    beta, se
        Coefficients adjusted for selection and standard errors (observed information).
    tau2, se_tau2
        Between-study variance; its standard error is nan at 0.
    delta, se_delta
        Selection parameters; nan standard errors where they are fixed.
    null
        Value of δ without selection.
    log_likelihood, log_likelihood_unselected
        With and without selection.
    lrt_df
        Selection parameters estimated.
    counts
        Studies in each interval of p (step functions).
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
    notes: tuple[str, ...] = ()

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error."""
        return self.beta / self.se

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values of the coefficients."""
        return np.asarray(2 * special.ndtr(-np.abs(self.statistic)))

    def interval(self) -> FloatArray:
        """Return Wald intervals of the coefficients, (p, 2)."""
        half = float(special.ndtri(0.5 + self.level / 2)) * self.se
        return np.column_stack([self.beta - half, self.beta + half])

    @property
    def delta_p_value(self) -> FloatArray:
        """Two-sided Wald p values of each δ against no selection."""
        with np.errstate(invalid="ignore"):
            return np.asarray(2 * special.ndtr(-np.abs(self.delta - self.null) / self.se_delta))

    def delta_interval(self) -> FloatArray:
        """Return Wald intervals of δ, cut at the edge of its range (0; 10⁻⁵ for ``beta``)."""
        half = float(special.ndtri(0.5 + self.level / 2)) * self.se_delta
        lowest = 0.0 if self.type == "stepfun" else WEIGHTS[self.type].lowest
        return np.column_stack([np.maximum(lowest, self.delta - half), self.delta + half])

    @property
    def lrt(self) -> float:
        """Twice the gain in log-likelihood over no selection, not below 0; descriptive where δ is given."""
        return max(0.0, 2 * (self.log_likelihood - self.log_likelihood_unselected))

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
        estimates = [*self.beta, *self.delta, self.tau2]
        return pd.DataFrame({"term": terms, "estimate": estimates, "se": [*self.se, *self.se_delta, self.se_tau2]})

    def summary(self) -> pd.DataFrame:
        """Return one row a parameter."""
        return self.to_frame().set_index("term")

    def describe(self) -> str:
        """Return the result in words, with its cautions."""
        low, high = self.interval()[0]
        test = f"; test of selection P = {self.lrt_p:.3g}" if self.lrt_df else ""
        text = f"Selection model ({self.type}): {self.names[0]} {self.beta[0]:.4g} ({low:.4g} to {high:.4g}){test}."
        return " ".join([text, *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])


def selection_model(
    fit: Fit,
    type: str = "stepfun",
    *,
    steps: float | Sequence[float] | None = None,
    alternative: str = "greater",
    delta: ArrayLike | None = None,
    precision: str | None = None,
) -> SelectionModel:
    """Fit a selection model by maximum likelihood.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` with tau2="ML" or a common-effect model; its moderators stay in the model.
    type
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

    Raises
    ------
    OptionError, UnknownName
        Restricted likelihoods, wrong steps, options that the type does not have.
    TooFewStudies, ConvergenceError
        Fewer studies than coefficients plus two; no finite maximum.

    References
    ----------
    Vevea & Hedges 1995, doi:10.1007/BF02294384; Citkowicz & Vevea 2017, doi:10.1037/met0000119; Preston et al. 2004,
    doi:10.1191/0962280204sm344oa.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.9], [0.03, 0.03, 0.05, 0.01, 0.1])
    >>> lam.selection_model(lam.pool(table, tau2="ML"), steps=0.025).counts
    (2, 3)
    """
    a_choice("selection model", type, TYPES)
    a_choice("alternative", alternative, ("greater", "less"))
    source = source_of(fit, "a selection model")
    if source.method not in ("ML", "none"):
        raise OptionError(
            f"tau2={source.method!r} has no likelihood of its own · pool with tau2='ML' or model='common'"
        )
    if source.k < source.p + 2:
        raise TooFewStudies("a selection model", source.k, source.p + 2)
    cuts = _steps(type, steps)
    scale = math.sqrt(float(np.mean(source.table.vi[source.rows])))
    data = _data(source, type, cuts, 1.0 if alternative == "greater" else -1.0, precision, scale)
    counts = tuple(int(n) for n in np.bincount(data.interval, minlength=len(cuts) + 1)) if type == "stepfun" else ()
    known = _known(type, delta, len(cuts))
    found = best_fit(data, known)
    return _result(source, type, data, found, known, counts, scale, alternative)


def _steps(type: str, steps: float | Sequence[float] | None) -> tuple[float, ...]:
    if steps is None:
        return (0.025,) if type == "stepfun" else ()
    values = np.atleast_1d(floats(steps, "steps", "give p values between 0 and 1, for example [0.025, 0.5]"))
    if values.ndim != 1 or not ((values > 0) & (values < 1)).all() or (np.diff(values) <= 0).any() or values.size == 0:
        raise OptionError(f"steps={shown(steps)} must be rising p values between 0 and 1, for example [0.025, 0.5]")
    if type != "stepfun" and (values.size > 1 or type in ("beta", "negexppow")):
        raise OptionError(f"type={type!r} takes {'no steps' if type in ('beta', 'negexppow') else 'one step'}")
    return tuple(float(x) for x in values)


def _known(type: str, delta: ArrayLike | None, steps: int) -> FloatArray | None:
    if delta is None:
        return None
    values = np.atleast_1d(floats(delta, "delta", "give finite numbers ≥ 0"))
    size = steps + 1 if type == "stepfun" else WEIGHTS[type].size
    if values.shape != (size,) or not np.isfinite(values).all() or (values < 0).any():
        raise OptionError(f"delta must be {size} finite numbers ≥ 0 for type={type!r}")
    if type == "stepfun" and values[0] != 1:
        raise OptionError("the weight of the first interval is 1 by definition · give delta=[1, …]")
    return values


def _data(
    source: Source, type: str, cuts: tuple[float, ...], sign: float, precision: str | None, scale: float
) -> SelectionData:
    yi, vi = source.table.yi[source.rows], source.table.vi[source.rows]
    y, v = sign * yi / scale, vi / scale**2
    z = y / np.sqrt(v)
    X = source.design if source.X is None else np.linalg.qr(source.X)[0]
    imprecision = np.ones(y.size)
    if precision is not None:
        imprecision = _imprecision(source, type, precision)
    if type != "stepfun":
        low = cuts[0] if cuts else 0.0
        return SelectionData(
            y, v, X, imprecision, np.empty((0, y.size)), None, WEIGHTS[type], low, source.method == "ML"
        )
    steps = np.array(cuts)
    edges = -special.ndtri(steps)[:, None] * np.sqrt(v)
    interval = np.searchsorted(steps, special.ndtr(-z), side="left")
    return SelectionData(y, v, X, imprecision, edges, interval, None, 0.0, source.method == "ML")


def _imprecision(source: Source, type: str, name: str) -> FloatArray:
    from .small_study import size_predictor

    a_choice("precision", name, PRECISIONS)
    if type in WITHOUT_PRECISION:
        raise OptionError(f"type={type!r} does not depend on precision · leave precision out")
    values = size_predictor(source, name)
    return np.asarray(values / values.max())


def _result(
    source: Source,
    type: str,
    data: SelectionData,
    found: Best,
    known: FloatArray | None,
    counts: tuple[int, ...],
    scale: float,
    alternative: str,
) -> SelectionModel:
    sign = 1.0 if alternative == "greater" else -1.0
    p, free = source.p, 0 if known is not None else found.delta.size - (data.weight is None)
    # coefficients of the orthonormal basis → coefficients of the design
    design = np.ones((source.k, 1)) if source.X is None else source.X @ np.linalg.inv(source.back)
    back = np.linalg.lstsq(design, data.X, rcond=None)[0]
    beta = sign * scale * back @ found.beta
    se = scale * np.sqrt(np.diag(back @ found.covariance[:p, :p] @ back.T))
    variances = np.diag(found.covariance)
    se_tau2 = scale**2 * math.sqrt(variances[p]) if data.free_tau2 and not found.at_zero else math.nan
    se_delta = np.full(found.delta.size, math.nan)
    if free:
        se_delta[found.delta.size - free :] = np.sqrt(variances[p + data.free_tau2 :])
    shift = source.k * math.log(scale)
    null = 1.0 if data.weight is None else data.weight.null
    reference = best_fit(unselected(data), np.ones(1)).log_likelihood
    empty = known is None and 0 in counts
    notes = (
        (("an interval of p holds no study: its weight is estimated as 0",) if empty else ())
        + found.notes
        + caution(source.k)
    )
    return SelectionModel(
        type,
        source.names,
        beta,
        se,
        scale**2 * found.tau2,
        se_tau2,
        found.delta,
        se_delta,
        null,
        found.log_likelihood - shift,
        reference - shift,
        free,
        counts,
        source.k,
        source.level,
        p + data.free_tau2 + free,
        notes,
    )
