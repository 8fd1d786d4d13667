"""Many meta-analyses at once: simulations, bootstraps, genomes. The same kernels as a single fit.

Studies lie on the last axis; ``vi = inf`` marks an absent study, so that ragged sets are rectangular. The
work is cut into pieces that stay in cache, and a result never depends on where the cuts are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...effects.foreign_data import aligned, unmasked
from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...effects.rows import MAX_MAGNITUDE
from ...foundation.errors import ConvergenceError, InputError, OptionError
from ...foundation.options import a_choice, a_level, a_number, our_words
from ..kernel.kernels import IntArray, Projection, centre, take
from ..kernel.wide_variances import WIDE, is_wide
from ..tau2.estimators import TAU2

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ManyFits", "PooledMany", "fit_many", "pool_many"]

PIECE = 150_000
"""Numbers (fits × studies) worked on at once: about what the second-level cache holds."""
COMPILED_FROM, LOADED_FROM = 4_000_000, 20_000
"""Numbers (fits × studies) from which numba pays: with its import and the loading of the kernels, and once they are."""
COMPILED = "lamevidence.pooling.kernel.kernels_compiled"
FILLED = 100
"""Fewer fits do not fill the lanes of the compiled kernels."""
INTERVALS_FOR_MANY = ("z", "t", "HKSJ", "HKSJ-floor")
ENGINES = ("auto", "numpy", "numba")


class ManyFits(NamedTuple):
    """Coefficients (m, p), Wald standard errors (m, p), covariance or None, τ², Q/(k − p) at τ², status, modes."""

    beta: FloatArray
    se: FloatArray
    cov: FloatArray | None
    t: FloatArray
    factor: FloatArray
    status: IntArray


def fit_many(
    y: FloatArray, v: FloatArray, method: str, X: FloatArray | None = None, t: FloatArray | None = None
) -> ManyFits:
    """Fit m data sets, y and v (m, k), with τ² by ``method`` (``none`` for a common effect); no checks.

    Parameters
    ----------
    y, v
        Centred data, (m, k).
    method
        Code in `TAU2`, or ``none``.
    X
        Design, (k, p) or (m, k, p), or None for the mean.
    t
        τ² (m,) already known.
    """
    p = 1 if X is None else X.shape[-1]
    k = np.add.reduce(v < np.inf, axis=-1, dtype=np.float64)
    status = np.zeros(y.shape[0], dtype=np.int64)
    if t is None and method == "none":
        t = np.zeros(y.shape[0])
    elif t is None:
        found = TAU2[method](y, v, k, X, None)
        t = found.value
        status = status if found.status is None else found.status
    projection = Projection(1.0 / (v + t[..., None]), X)
    beta = projection.coefficients(y)
    r = y - beta if X is None else y - (X @ beta[..., None])[..., 0]
    factor = np.add.reduce(projection.w * r * r, axis=-1) / (k - p)
    if X is None:
        return ManyFits(beta, (1.0 / np.sqrt(projection.W))[..., None], None, t, factor, status)
    cov = projection.G
    return ManyFits(beta, np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1)), cov, t, factor, status)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PooledMany:
    """Results of many meta-analyses; every array has the leading shape of the input.

    Attributes
    ----------
    mu, se, df
        Estimate, standard error under the interval method, degrees of freedom (inf for z).
    tau2, q
        Between-study variance and Cochran's Q.
    k
        Studies that count. With k < 2 everything but ``mu`` and ``se`` of the one study is nan.
    tau2_method, interval_method, level
        How all of them were fitted.

    See Also
    --------
    pool_many : makes it.
    """

    mu: FloatArray
    se: FloatArray
    df: FloatArray
    tau2: FloatArray
    q: FloatArray
    k: FloatArray
    tau2_method: str
    interval_method: str
    level: float

    def interval(self, level: float | None = None) -> FloatArray:
        """Return confidence intervals, (…, 2)."""
        level = self.level if level is None else a_level(level)
        upper = 0.5 + level / 2
        half = self.se * (special.ndtri(upper) if np.isinf(self.df).all() else special.stdtrit(self.df, upper))
        return np.stack([self.mu - half, self.mu + half], axis=-1)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values of a mean of 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            z = -np.abs(self.mu / self.se)
        return np.asarray(2 * (special.ndtr(z) if np.isinf(self.df).all() else special.stdtr(self.df, z)))

    @property
    def i2(self) -> FloatArray:
        """I² from Q, in percent."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(self.q > 0, np.maximum(0.0, 100 * (1 - (self.k - 1) / self.q)), 0.0)
        return np.where(self.k < 2, np.nan, share)

    @property
    def count(self) -> int:
        """Number of meta-analyses."""
        return int(np.size(self.k))

    def tidy(self, level: float | None = None) -> pd.DataFrame:
        """Return one row a meta-analysis, columns as for single results, and ``k tau2 q i2``.

        ``estimate std_error statistic df p_value conf_low conf_high k tau2 q i2``; the test is of a mean of 0.
        """
        import pandas as pd

        bounds = self.interval(level).reshape(-1, 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            statistic = self.mu / self.se
        columns = {
            "estimate": self.mu,
            "std_error": self.se,
            "statistic": statistic,
            "df": self.df,
            "p_value": self.p_value,
            "conf_low": bounds[:, 0],
            "conf_high": bounds[:, 1],
            "k": self.k,
            "tau2": self.tau2,
            "q": self.q,
            "i2": self.i2,
        }
        return pd.DataFrame({name: np.ravel(column) for name, column in columns.items()})

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole batch: how many, how large, how fitted, what τ² and I² are like."""
        import pandas as pd

        row: dict[str, object] = {"count": self.count, "k_least": np.nan, "k_most": np.nan}
        if self.count:
            row |= {"k_least": float(np.min(self.k)), "k_most": float(np.max(self.k))}
        tau2, i2 = (np.ravel(x)[np.isfinite(np.ravel(x))] for x in (self.tau2, self.i2))
        row |= {"tau2_method": self.tau2_method, "interval": self.interval_method, "level": self.level}
        row |= {"median_tau2": float(np.median(tau2)) if tau2.size else np.nan}
        row |= {"median_i2": float(np.median(i2)) if i2.size else np.nan}
        return pd.DataFrame([row])

    def __repr__(self) -> str:
        if not self.count:
            return "no meta-analyses"
        low, high = int(np.min(self.k)), int(np.max(self.k))
        size = f"{low}" if low == high else f"{low} to {high}"
        shape = "" if np.ndim(self.k) == 1 else f", shape {np.shape(self.k)}"
        how = f"{self.tau2_method} + {self.interval_method}"
        return f"{self.count} meta-analyses of {size} studies ({how}, {100 * self.level:g}% CI{shape}) · tidy() has all"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a meta-analysis under the names of the attributes, with ``low`` and ``high``."""
        import pandas as pd

        bounds = self.interval().reshape(-1, 2)
        columns = {"mu": self.mu, "se": self.se, "df": self.df, "tau2": self.tau2, "q": self.q, "k": self.k}
        flat = {name: np.ravel(column) for name, column in columns.items()}
        return pd.DataFrame(flat | {"low": bounds[:, 0], "high": bounds[:, 1]})


@our_words()
def pool_many(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    tau2: str | float = "REML",
    interval: str = "HKSJ",
    level: float = 0.95,
    offsets: ArrayLike | None = None,
    engine: str = "auto",
) -> PooledMany:
    """Pool many meta-analyses in one call.

    Parameters
    ----------
    yi, vi
        Estimates and variances, (…, k), or flat with ``offsets``. ``vi = inf`` marks an absent study.
    tau2
        Code in `TAU2` (not GENQ, GENQM), a number ≥ 0, or ``none`` for common-effect models.
    interval
        ``z``, ``t``, ``HKSJ`` or ``HKSJ-floor``.
    level
        Confidence level.
    offsets
        (m + 1,) positions: meta-analysis i is ``yi[offsets[i]:offsets[i + 1]]``.
    engine
        ``numpy``, ``numba``, or ``auto``: numba, for the methods it has, from 4 million numbers (fits × studies) on, or
        from 20 000 on once an earlier call has loaded it. Both agree to about 1e-12; name one for the same last digits.

    Returns
    -------
    PooledMany
        Arrays of the leading shape of the input.

    Raises
    ------
    InputError
        NaN, negative or zero variances, NaN estimates, shapes or offsets that do not match.
    OptionError, UnknownName
        A choice that does not exist or does not apply.

    See Also
    --------
    lamevidence.pool : one table, with everything about it.
    lamevidence.pool_arrow, lamevidence.pool_dataset : the same for Arrow tables and Parquet files.

    Examples
    --------
    >>> many = pool_many([[0.1, 0.3, 0.5], [0.2, 0.4, 0.1]], [[0.01, 0.02, 0.03], [0.02, 0.02, np.inf]])
    >>> [int(k) for k in many.k]
    [3, 2]
    """
    _check_options(tau2, interval, engine)
    level = a_level(level)
    y, v = _checked(yi, vi)
    if offsets is not None:
        return _ragged(y, v, _checked_offsets(offsets, y), tau2, interval, level, engine)
    if y.ndim == 1:
        y, v = y[None], v[None]
        return _reshaped(_rectangular(y, v, tau2, interval, level, engine), ())
    shape = y.shape[:-1]
    return _reshaped(_rectangular(_rows(y), _rows(v), tau2, interval, level, engine), shape)


def _rows(x: FloatArray) -> FloatArray:
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _check_options(tau2: str | float, interval: str, engine: str) -> None:
    if isinstance(tau2, str):
        if tau2 in ("GENQ", "GENQM"):
            raise OptionError(f"tau2={tau2!r} needs weights of its own · use pool, one table at a time")
        if tau2 != "none":
            TAU2.entry(tau2)
    else:
        a_number(f"tau2 (or one of none, {', '.join(TAU2)})", tau2, least=0)
    a_choice("interval of many", interval, INTERVALS_FOR_MANY)
    a_choice("engine", engine, ENGINES)


def _checked(yi: ArrayLike, vi: ArrayLike) -> tuple[FloatArray, FloatArray]:
    remedy = "give numbers in rectangular arrays, or use offsets for ragged sets"
    aligned(yi=yi, vi=vi)
    y, v = floats(yi, "yi", remedy), floats(vi, "vi", remedy)
    if y.shape != v.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise InputError(f"yi has shape {y.shape}, vi {v.shape} · give two arrays (…, k) of the same shape, k ≥ 1")
    if v.size and not v.min() > 0:
        wrong = int(np.sum(~(v > 0)))
        raise InputError(f"{wrong} variances are NaN, negative or 0 · vi = inf marks an absent study")
    if y.size and not -np.inf < y.min() <= y.max() < np.inf and not np.isfinite(y[v < np.inf]).all():
        raise InputError("NaN or infinite estimates with a finite variance · vi = inf marks an absent study")
    reach = (np.abs(y) < MAX_MAGNITUDE) & (v < MAX_MAGNITUDE) & (v > 1 / MAX_MAGNITUDE)
    if not (reach | (v == np.inf)).all():
        raise InputError(f"estimates or variances beyond {MAX_MAGNITUDE:g}, or below its inverse · use another unit")
    return y, v


def _checked_offsets(offsets: ArrayLike, y: FloatArray) -> IntArray:
    at = np.asarray(unmasked(offsets))
    good = at.ndim == 1 and at.size >= 2 and np.issubdtype(at.dtype, np.integer) and y.ndim == 1
    if not good or at[0] != 0 or at[-1] != y.size or (np.diff(at) < 1).any():
        raise InputError(f"offsets must be integers that rise from 0 to {y.shape[-1]}, with flat yi and vi")
    return at.astype(np.int64)


def _ragged(
    y: FloatArray, v: FloatArray, at: IntArray, tau2: str | float, interval: str, level: float, engine: str
) -> PooledMany:
    """Pool sets of equal size together, so that nothing is padded."""
    sizes = np.diff(at)
    out = {name: np.full(sizes.size, np.nan) for name in ("mu", "se", "df", "tau2", "q", "k")}
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        cells = at[rows][:, None] + np.arange(size)
        part = _rectangular(y[cells], v[cells], tau2, interval, level, engine)
        for name, column in out.items():
            column[rows] = getattr(part, name)
    method = tau2 if isinstance(tau2, str) else "fixed"
    return PooledMany(**out, tau2_method=method, interval_method=interval, level=level)


def _reshaped(many: PooledMany, shape: tuple[int, ...]) -> PooledMany:
    columns = {name: getattr(many, name).reshape(shape) for name in ("mu", "se", "df", "tau2", "q", "k")}
    return PooledMany(**columns, tau2_method=many.tau2_method, interval_method=many.interval_method, level=many.level)


def _rectangular(
    y: FloatArray, v: FloatArray, tau2: str | float, interval: str, level: float, engine: str
) -> PooledMany:
    method = tau2 if isinstance(tau2, str) else "fixed"
    columns = _run(y, v, tau2, method, engine)
    k, mu, se, t, q, factor = columns
    if interval == "HKSJ":
        se = se * np.sqrt(factor)
    elif interval == "HKSJ-floor":
        se = se * np.sqrt(np.maximum(1.0, factor))
    df = np.full(k.shape, np.inf) if interval == "z" else k - 1.0
    few = np.flatnonzero(k < 2)
    for column in (t, q, *(() if interval == "z" else (se, df))):
        column[few] = np.nan
    return PooledMany(mu, se, df, t, q, k, method, interval, level)


def _run(y: FloatArray, v: FloatArray, tau2: str | float, method: str, engine: str) -> tuple[FloatArray, ...]:
    """Return k, mean, Wald standard error, τ², Q and the Knapp-Hartung factor of every row."""
    out = np.full((6, y.shape[0]), np.nan)
    if use_compiled(engine, y.shape[0], y.shape[1], method):
        from ..kernel.kernels_compiled import run_compiled

        done = run_compiled(y, v, method, float(tau2) if method == "fixed" else 0.0)
        wide = _wide_rows(v) if method in ("REML", "ML") else ()
        if len(wide):  # decimals, which the compiled kernels do not have
            rows = np.repeat(wide, 2) if len(wide) == 1 else wide
            done[:, rows] = _piece(y[rows], v[rows], tau2, method)
        return tuple(done)
    for part in _pieces(*y.shape):
        out[:, part] = _piece(y[part], v[part], tau2, method)
    return tuple(out)


def _wide_rows(v: FloatArray) -> IntArray:
    """Return the rows whose variances span too many decades for floats; one look at all where there are none."""
    low, high = float(v.min()), float(v.max())
    if high == np.inf:
        high = float(np.where(v < np.inf, v, 0.0).max())
    return np.flatnonzero(is_wide(v)) if high > WIDE * low else np.zeros(0, dtype=np.intp)


def use_compiled(engine: str, m: int, k: int, method: str) -> bool:
    """Return True when the compiled kernels are asked for, or pay; raise when asked for what they do not have."""
    least = LOADED_FROM if COMPILED in sys.modules else COMPILED_FROM
    if engine == "numpy" or (engine == "auto" and (m < FILLED or m * k < least)):
        return False
    from ..kernel.kernels_compiled import METHODS

    if engine == "numba" and method not in METHODS:
        raise OptionError(f"engine='numba' has no tau2={method!r} · choices: {', '.join(METHODS)}")
    return method in METHODS


def _pieces(m: int, k: int) -> Iterator[slice]:
    step = max(2, PIECE // k)  # one row alone would be added up in another order than rows side by side
    return (slice(max(0, min(i, m - 2)), min(i + step, m)) for i in range(0, m, step))


def _piece(y: FloatArray, v: FloatArray, tau2: str | float, method: str) -> FloatArray:
    out = np.full((6, y.shape[0]), np.nan)
    y, v = np.asfortranarray(y), np.asfortranarray(v)
    data = centre(y, v)
    out[0] = data.k
    rows = np.flatnonzero(data.k > 1)
    one = np.flatnonzero(data.k == 1)
    cy, cv, scale = take(data.y, rows), take(data.v, rows), data.scale[rows]
    known = None if method != "fixed" else np.asarray(float(tau2)) / scale**2
    fits = fit_many(cy, cv, method, None, known)
    if fits.status.any():
        raise ConvergenceError(f"tau2={method!r} did not arrive at its root in {int(fits.status.sum())} data sets")
    w = 1.0 / cv
    r = Projection(w).residuals(cy)
    out[1, rows] = data.offset[rows] + scale * fits.beta[:, 0]
    out[2, rows] = scale * fits.se[:, 0]
    out[3, rows] = scale**2 * fits.t
    out[4, rows] = np.add.reduce(w * r * r, axis=-1)
    out[5, rows] = fits.factor
    out[1, one] = data.offset[one] + data.scale[one] * data.y[one].sum(axis=-1)
    out[2, one] = np.sqrt(np.where(np.isfinite(v[one]), v[one], 0.0).sum(axis=-1))
    return out
