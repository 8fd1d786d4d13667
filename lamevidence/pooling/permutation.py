"""Permutation tests: exact, or by random permutations where there are too many.

For a common mean the signs of the estimates are exchanged (2ᵏ ways), for moderators the rows of the design
(all distinct ways). Each permuted data set is fitted as the original was, τ² included, and the statistic is
that of the fit: a Knapp-Hartung test stays one. References: Follmann & Proschan 1999,
doi:10.1111/j.0006-341X.1999.00732.x; Higgins & Thompson 2004, doi:10.1002/sim.1752.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import OptionError
from ..options import a_choice, a_flag, a_seed, a_whole, an_instance
from .batch import ENGINES, fit_many, use_compiled
from .kernels import IntArray
from .regression_results import Regression
from .results import Pooled

__all__ = ["PermutationTest", "distinct_arrangements", "permutation_test"]

TIE = 1.5e-8
"""Statistics closer than this are ties: rounding must not decide whether a permutation counts."""
LIMIT = 200_000
MOST = 10_000_000
"""More permutations than this do not fit into memory."""
PIECE = 4096


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """P values by permutation.

    Attributes
    ----------
    p_values
        Two-sided, one a coefficient.
    qm_p
        Of the omnibus test of the moderators; nan for a common mean.
    permutations
        Number of permutations the p values rest on.
    exact
        True when these are all there are.
    names
        Names of the coefficients.
    """

    p_values: tuple[float, ...]
    qm_p: float
    permutations: int
    exact: bool
    names: tuple[str, ...]


def permutation_test(
    fit: Pooled | Regression, *, exact: bool | None = None, permutations: int = 10_000, seed: int | None = None,
    limit: int = LIMIT, engine: str = "auto",
) -> PermutationTest:
    """Test the mean, or the coefficients of a meta-regression, by permutation.

    Parameters
    ----------
    fit
        A result of `pool` with interval z, t, HKSJ or HKSJ-floor and the model's own weights.
    exact
        True for all permutations, False for random ones; default: exact where there are at most ``limit``.
    permutations, seed
        Number of random permutations, and the seed they need. The p value is (1 + hits)/(1 + permutations).
    limit
        Most permutations that are enumerated.
    engine
        ``numpy``, ``numba`` (common mean only), or ``auto``: as in `pool_many`, for a common mean.

    Raises
    ------
    OptionError
        A fit with weights or an interval that has no permutation version; random permutations without a seed.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.2, 0.3, 0.4, 0.5], [0.01, 0.01, 0.02, 0.02])
    >>> permutation_test(lam.pool(table, interval="z")).p_values
    (0.125,)
    """
    _check(fit, engine)
    limit = a_whole("limit", limit, 0, MOST)
    permutations, seed = a_whole("permutations", permutations, 1, MOST), a_seed(seed)
    if exact is not None:
        a_flag("exact", exact)
    total = count_permutations(fit)
    if exact is None:
        exact = total <= limit
    if exact and total > limit:
        raise OptionError(f"{total} permutations are more than limit={limit} · use exact=False, or raise limit")
    if not exact and seed is None:
        raise OptionError("random permutations need a seed · give seed=, any whole number")
    drawn = _all(fit) if exact else _random(fit, permutations, np.random.default_rng(seed))
    hits, hits_qm, count = _tally(fit, drawn, engine)
    names: tuple[str, ...] = ("overall",)
    if isinstance(fit, Pooled):
        qm = math.nan
    else:
        names = fit.names
        qm = float(hits_qm / count) if exact else float((1 + hits_qm) / (1 + count))
    shares = hits / count if exact else (1 + hits) / (1 + count)
    return PermutationTest(tuple(float(p) for p in shares), qm, total if exact else permutations, exact, names)


def _check(fit: Pooled | Regression, engine: str) -> None:
    an_instance("fit", fit, (Pooled, Regression), "fit one with pool(table)")
    a_choice("engine", engine, ENGINES)
    if engine == "numba" and isinstance(fit, Regression):
        raise OptionError("engine='numba' fits common means only · use engine='numpy' with moderators")
    if fit.spec.interval not in ("z", "t", "HKSJ", "HKSJ-floor") or fit.spec.model not in ("random", "common", "fixed"):
        raise OptionError(f"{fit.spec.label} has no permutation version · use interval z, t, HKSJ or HKSJ-floor")
    if not (fit.fit.v if isinstance(fit, Pooled) else fit.data.v).all():
        raise OptionError("a study of variance 0 has no permutation version · leave the row out")
    if fit.spec.weights != "inverse-variance":
        raise OptionError("weights of your own have no permutation version · leave weights out")


def count_permutations(fit: Pooled | Regression) -> int:
    """Return how many permutations there are."""
    if isinstance(fit, Pooled):
        return int(2**fit.k)
    _, labels = np.unique(fit.design.X, axis=0, return_inverse=True)
    total = math.factorial(fit.k)
    for n in np.bincount(np.ravel(labels)):
        total //= math.factorial(int(n))
    return total


def distinct_arrangements(labels: IntArray) -> IntArray:
    """Return all distinct orders of a multiset of labels, one a row.

    Examples
    --------
    >>> distinct_arrangements(np.array([0, 0, 1])).tolist()
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    """
    counts = np.bincount(labels)
    rows = np.zeros((1, 0), dtype=np.int64)
    left = counts[None, :]
    for _ in range(labels.size):
        which, label = np.nonzero(left > 0)
        rows = np.column_stack([rows[which], label])
        left = left[which].copy()
        left[np.arange(which.size), label] -= 1
    return rows


def _all(fit: Pooled | Regression) -> IntArray:
    """Return every permutation: signs (half of them, the others mirror them), or orders of the studies."""
    if isinstance(fit, Pooled):
        flips = (np.arange(2 ** (fit.k - 1)) >> np.arange(-1, fit.k - 1).clip(0)[:, None]) & 1
        flips[0] = 0
        return np.asarray((1 - 2 * flips).T)  # studies outermost in memory, as the kernels want them
    _, labels = np.unique(fit.design.X, axis=0, return_inverse=True)
    return np.argsort(distinct_arrangements(np.ravel(labels)), axis=1, kind="stable")


def _random(fit: Pooled | Regression, n: int, rng: np.random.Generator) -> IntArray:
    if isinstance(fit, Pooled):
        return rng.choice(np.array([-1, 1]), size=(n, fit.k))
    return np.argsort(rng.random((n, fit.k)), axis=1)


def _tally(fit: Pooled | Regression, drawn: IntArray, engine: str) -> tuple[FloatArray, float, int]:
    """Return how often each |statistic| and the omnibus statistic reach the observed ones."""
    X: FloatArray | None = None
    tested: tuple[int, ...] = (0,)
    if isinstance(fit, Pooled):
        null = 0.0 if fit.effect.null is None else fit.effect.null
        y, v = fit.fit.y + (fit.offset - null) / fit.scale, fit.fit.v
    else:
        _, labels = np.unique(fit.design.X, axis=0, return_inverse=True)
        order = np.argsort(np.ravel(labels), kind="stable")
        X, tested = fit.design.X[order], fit.design.tested
        y, v = fit.data.y[order], fit.data.v[order]
    if isinstance(fit, Pooled) and use_compiled(engine, drawn.shape[0], drawn.shape[1], fit.spec.tau2):
        z = _compiled_statistics(fit, drawn * y, np.broadcast_to(v, drawn.shape))
        own = _compiled_statistics(fit, y[None], v[None])
        return np.array([float(np.sum(np.abs(z) >= abs(own[0]) - TIE))]), math.nan, len(drawn)
    observed, observed_qm = _statistics(fit, y[None], v[None], X, tested)
    hits, hits_qm = np.zeros(observed.shape[1]), 0.0
    for i in range(0, len(drawn), PIECE):
        part = drawn[i : i + PIECE]
        rows = (part * y, np.broadcast_to(v, part.shape)) if X is None else (y[part], v[part])
        z, qm = _statistics(fit, *rows, X, tested)
        hits += np.add.reduce(np.abs(z) >= np.abs(observed) - TIE, axis=0)
        hits_qm += float(np.add.reduce(qm >= observed_qm - TIE))
    return hits, hits_qm, len(drawn)


def _compiled_statistics(fit: Pooled, y: FloatArray, v: FloatArray) -> FloatArray:
    """Return the statistic of the mean of every row (m,), by the compiled kernel."""
    from .kernels_compiled import run_compiled

    _, mean, se, _, _, factor = run_compiled(y, v, fit.spec.tau2, fit.fit.t)
    if fit.spec.interval == "HKSJ":
        se = se * np.sqrt(factor)
    elif fit.spec.interval == "HKSJ-floor":
        se = se * np.sqrt(np.maximum(1.0, factor))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(mean / se)


def _statistics(
    fit: Pooled | Regression, y: FloatArray, v: FloatArray, X: FloatArray | None, tested: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return the statistic of every coefficient (m, p), and the omnibus statistic (m,)."""
    t = None
    if fit.spec.tau2 == "fixed":
        t = np.full(y.shape[0], fit.tau2 / fit.scale**2)
    fits = fit_many(y, v, fit.spec.tau2, X, t)
    factor = np.ones(y.shape[0])
    if fit.spec.interval in ("HKSJ", "HKSJ-floor"):
        factor = fits.factor if fit.spec.interval == "HKSJ" else np.maximum(1.0, fits.factor)
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = fits.beta + _shift(fit)
        z = beta / (fits.se * np.sqrt(factor)[:, None])
        if fits.cov is None:
            return z, z[:, 0] ** 2
        at = list(tested)
        b, block = beta[:, at], fits.cov[:, at][:, :, at]
        solved = np.linalg.solve(block, b[..., None])[..., 0]
        return z, np.add.reduce(b * solved, axis=-1) / factor


def _shift(fit: Pooled | Regression) -> FloatArray | float:
    """Return what centring took from the coefficients: the rows of X add up to the constant in any order."""
    if isinstance(fit, Pooled) or fit.design.constant is None:
        return 0.0
    return np.asarray(fit.offset / fit.scale * fit.design.constant)
