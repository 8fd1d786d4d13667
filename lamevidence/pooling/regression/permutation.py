"""Permutation tests: exact, or by random permutations where there are too many.

For a common mean the signs of the estimates are exchanged (2ᵏ ways), for moderators the rows of the design
(all distinct ways). Each permuted data set is fitted as the original was, τ² included, and the statistic is
that of the fit: a Knapp-Hartung test stays one. References: Follmann & Proschan 1999,
doi:10.1111/j.0006-341X.1999.00732.x; Higgins & Thompson 2004, doi:10.1002/sim.1752.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError, PoolingError, TooFewStudies
from ...foundation.options import a_choice, a_flag, a_seed, a_whole, our_words
from ...foundation.printable import one_line
from ..inverse_variance.pooled import Pooled
from ..kernel.kernels import IntArray
from ..scale.batch import ENGINES, INTERVALS_FOR_MANY, fit_many, use_compiled
from .regression import fit_design
from .regression_results import Regression

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PermutationTest", "distinct_arrangements", "permutation_test"]

TIE = 1.5e-8
"""Statistics closer than this are ties: rounding must not decide whether a permutation counts."""
LIMIT = 200_000
MOST = 10_000_000
"""More permutations than this do not fit into memory."""
PIECE = 4096


@dataclass(frozen=True, slots=True, repr=False)
class PermutationTest:
    """P values by permutation.

    Attributes
    ----------
    p_values
        Two-sided, one a coefficient.
    qm_p
        Of the omnibus test of the moderators; nan for a mean.
    permutations
        Number of permutations the p values rest on.
    exact
        True when these are all there are.
    names
        Names of the coefficients.
    model
        What was permuted, in a few words.
    """

    p_values: tuple[float, ...]
    qm_p: float
    permutations: int
    exact: bool
    names: tuple[str, ...]
    model: str = ""

    def tidy(self) -> pd.DataFrame:
        """Return one row a coefficient: ``term p_value``."""
        import pandas as pd

        return pd.DataFrame({"term": list(self.names), "p_value": list(self.p_values)})

    def glance(self) -> pd.DataFrame:
        """Return one row about the test."""
        import pandas as pd

        row = {"model": self.model, "permutations": self.permutations, "exact": self.exact, "qm_p": self.qm_p}
        return pd.DataFrame([row])

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None where a quantity does not exist."""
        return {
            "names": list(self.names),
            "p_values": list(self.p_values),
            "qm_p": self.qm_p if math.isfinite(self.qm_p) else None,
            "permutations": self.permutations,
            "exact": self.exact,
            "model": self.model,
        }

    def describe(self) -> str:
        """Return the Results sentence."""
        kind = "all" if self.exact else "random"
        each = ", ".join(f"{name} P = {p:.3g}" for name, p in zip(self.names, self.p_values, strict=True))
        whole = f"; moderators together P = {self.qm_p:.3g}" if math.isfinite(self.qm_p) else ""
        return one_line(f"Permutation test ({self.model}; {kind} {self.permutations} permutations): {each}{whole}.")

    def __repr__(self) -> str:
        return self.describe()


@our_words()
def permutation_test(
    fit: Pooled | Regression,
    *,
    exact: bool | None = None,
    draws: int = 10_000,
    seed: int | None = None,
    limit: int = LIMIT,
    engine: str = "auto",
) -> PermutationTest:
    """Test the mean, or the coefficients of a meta-regression, by permutation.

    Parameters
    ----------
    fit
        A result of `pool` for estimates and variances. Intervals z, t, HKSJ and HKSJ-floor with the model's own weights
        are fitted side by side; everything else once a permutation, which takes about 0.2 ms each.
    exact
        True for all permutations, False for random ones; default: exact where there are at most ``limit``.
    draws, seed
        Number of random permutations, and the seed they need. The p value is (1 + hits)/(1 + draws).
    limit
        Most permutations that are enumerated.
    engine
        ``numpy``, ``numba`` (common mean only), or ``auto``: as in `pool_many`, for a common mean.

    Returns
    -------
    PermutationTest
        P values of the coefficients, and of the moderators together.

    Raises
    ------
    OptionError
        A result of another model; random permutations without a seed; too many for ``limit``.
    NotEstimable
        A variance of 0, which gives no two permutations the same weights; a fit that a permutation does not have.

    See Also
    --------
    lamevidence.pool : the tests from the normal and t distributions.

    References
    ----------
    Follmann & Proschan 1999, doi:10.1111/j.0006-341X.1999.00732.x; Higgins & Thompson 2004, doi:10.1002/sim.1752.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.2, 0.3, 0.4, 0.5], vi=[0.01, 0.01, 0.02, 0.02])
    >>> permutation_test(lam.pool(table, interval="z")).p_values
    (0.125,)
    """
    batched = _check(fit, engine)
    limit = a_whole("limit", limit, 0, MOST)
    draws, seed = a_whole("draws", draws, 1, MOST), a_seed(seed)
    if exact is not None:
        a_flag("exact", exact)
    total = count_permutations(fit)
    if exact is None:
        exact = total <= limit
    if exact and total > limit:
        raise OptionError(f"{total} permutations are more than limit={limit} · use exact=False, or raise limit")
    if not exact and seed is None:
        raise OptionError("random permutations need a seed · give seed=, any whole number")
    drawn = _all(fit) if exact else _random(fit, draws, np.random.default_rng(seed))
    hits, hits_qm, count = _tally(fit, drawn, engine) if batched else _tally_alone(fit, drawn)
    qm = math.nan
    if isinstance(fit, Regression):
        qm = float(hits_qm / count) if exact else float((1 + hits_qm) / (1 + count))
    shares = hits / count if exact else (1 + hits) / (1 + count)
    p_values = tuple(float(p) for p in shares)
    return PermutationTest(p_values, qm, total if exact else draws, exact, fit.names, fit.spec.label)


def _check(fit: object, engine: str) -> bool:
    """Return whether the permutations can be fitted side by side; refuse what cannot be permuted."""
    if not isinstance(fit, Pooled | Regression):
        kind = type(fit).__name__
        remedy = "give lam.pool(table, model='random'), or 'common'"
        raise OptionError(f"permutation_test permutes estimates with variances, not a {kind} · {remedy}")
    a_choice("engine", engine, ENGINES)
    if engine == "numba" and isinstance(fit, Regression):
        raise OptionError("engine='numba' fits common means only · use engine='numpy' with moderators")
    if fit.k < 2:
        raise TooFewStudies("a permutation test", fit.k, 2)
    if not fit._source().v.all():
        raise NotEstimable("a study of variance 0 has no permutation version · leave the row out")
    batched = fit.spec.interval in INTERVALS_FOR_MANY and not fit._weights_of_its_own()
    if not batched and engine == "numba":
        raise OptionError(f"engine='numba' does not fit {fit.spec.label} · use engine='auto'")
    return batched


def _tally_alone(fit: Pooled | Regression, drawn: IntArray) -> tuple[FloatArray, float, int]:
    """Return what `_tally` does, each permutation fitted like the original; signs mirror to the same |statistic|."""
    observed, observed_qm = _own_statistics(fit)
    hits, hits_qm = np.zeros(observed.size), 0.0
    for permutation in drawn:
        try:
            z, qm = _own_statistics(_permuted(fit, permutation))
        except PoolingError as refused:
            raise NotEstimable(f"a permutation cannot be fitted: {refused}") from None
        hits += np.abs(z) >= np.abs(observed) - TIE
        hits_qm += float(qm >= observed_qm - TIE)
    return hits, hits_qm, len(drawn)


def _own_statistics(fit: Pooled | Regression) -> tuple[FloatArray, float]:
    if isinstance(fit, Pooled):
        return np.array([fit.inference.test((_null(fit) - fit.shift) / fit.stretch)[0]]), math.nan
    return fit.statistic, fit.qm


def _null(fit: Pooled) -> float:
    return 0.0 if fit.effect.null is None else fit.effect.null


def _permuted(fit: Pooled | Regression, permutation: IntArray) -> Pooled | Regression:
    """Return the fit to permuted data: signs about the null value, or rows of the design in another order."""
    table: EvidenceTable = fit.table
    if isinstance(fit, Pooled):
        y = table.yi.copy()
        y[fit.live] = _null(fit) + permutation * (y[fit.live] - _null(fit))
        return fit.refit(replace(table, yi=y))
    assert fit.recipe is not None
    order = _grouped(fit)
    # the design moves against the studies, which keep their variances and weights
    rows = np.empty(fit.k, dtype=np.intp)
    rows[order[permutation]] = order
    design = replace(fit.design, X=fit.design.X[rows], basis=fit.design.basis[rows])
    weights = fit.recipe.options.get("weights")
    own = fit.recipe.per_row.get("weights")
    if own is not None:
        weights = np.array([own[label] for label in table.labels])
    return fit_design(table, design, fit.spec, fit.recipe.options["value"], weights)


def _grouped(fit: Regression) -> IntArray:
    """Return the order of the rows that puts equal rows of the design side by side."""
    _, labels = np.unique(fit.design.X, axis=0, return_inverse=True)
    return np.argsort(np.ravel(labels), kind="stable")


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
        y, v = fit.fit.y + (fit.shift - _null(fit)) / fit.stretch, fit.fit.v
    else:
        order = _grouped(fit)
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
    from ..kernel.kernels_compiled import run_compiled

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
        t = np.full(y.shape[0], fit.tau2 / fit.stretch**2)
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
    return np.asarray(fit.shift / fit.stretch * fit.design.constant)
