"""Cluster wild bootstrap test of coefficients."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.numbers import p_value
from ...foundation.options import a_choice, a_seed, a_whole, an_instance, our_words, shown
from ...foundation.printable import one_line
from .cluster_robust import ClusterRobust, ClusterRobustRegression
from .inference import RobustInference
from .robust_variance import RobustVariance, RobustVarianceRegression
from .sandwich import sandwich

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BootstrapTest", "wild_bootstrap"]

SIGNS = ("rademacher", "webb")
_WEBB = np.array([-(1.5**0.5), -1.0, -(0.5**0.5), 0.5**0.5, 1.0, 1.5**0.5])
TIE = 1e-9
MOST = 1_000_000
CHUNK = 2_000_000
"""Signs held in memory at a time."""


@dataclass(frozen=True, slots=True)
class BootstrapTest:
    """A cluster wild bootstrap test that coefficients are 0.

    Attributes
    ----------
    statistic
        Cluster-robust F of the data.
    p_value
        Share of bootstrap statistics at least as large.
    draws
        Number of bootstrap samples.
    exact
        Whether every pattern of signs was used once, so that no random number is involved.
    tested
        Names of the coefficients.
    """

    statistic: float
    p_value: float
    draws: int
    exact: bool
    tested: tuple[str, ...]

    def describe(self) -> str:
        """Return one sentence: what was tested, how, and what came out."""
        how = "every pattern of signs" if self.exact else f"{self.draws} random patterns of signs"
        what = ", ".join(self.tested)
        p = p_value(self.p_value)
        return one_line(f"Cluster wild bootstrap with {how} of {what} = 0: F = {self.statistic:.3g}, P {p}.")

    def to_frame(self) -> pd.DataFrame:
        """Return the test as one row: ``tested statistic p_value draws exact``."""
        import pandas as pd

        row = {"tested": ", ".join(self.tested), "statistic": self.statistic, "p_value": self.p_value}
        return pd.DataFrame([row | {"draws": self.draws, "exact": self.exact}])

    def to_json(self) -> dict[str, float | int | bool | list[str]]:
        """Return plain values: numbers, strings, lists."""
        return {
            "statistic": self.statistic,
            "p_value": self.p_value,
            "draws": self.draws,
            "exact": self.exact,
            "tested": list(self.tested),
        }

    def __str__(self) -> str:
        return self.describe()


@our_words(robust="fit", R="draws", auxiliary_dist="signs")
def wild_bootstrap(
    fit: ClusterRobust | ClusterRobustRegression | RobustVariance | RobustVarianceRegression,
    tested: Sequence[int | str] | None = None,
    *,
    draws: int = 1999,
    seed: int | None = None,
    signs: str = "rademacher",
) -> BootstrapTest:
    """Return the cluster wild bootstrap test that some coefficients are 0.

    Residuals of the fit under the hypothesis are multiplied by one random sign a cluster, the model is refitted with
    its weights held, and the cluster-robust Wald statistic is compared with that of the data. With Rademacher signs and
    2^m ≤ ``draws`` every pattern is used once: the test is then free of random numbers.

    Parameters
    ----------
    fit
        Result of `cluster_robust` or `robust_variance`; a multilevel model with ``cluster=`` will do.
    tested
        Positions or names of coefficients; all by default.
    draws
        Number of bootstrap samples, from 99 to a million.
    seed
        Of the random numbers; required unless all patterns are used.
    signs
        ``rademacher`` (±1) or ``webb`` (six values, for few clusters).

    Returns
    -------
    BootstrapTest
        F of the data, its p value, and how many samples it comes from.

    Raises
    ------
    OptionError, UnknownName
        Options that do not apply, a result without clusters.
    NotEstimable
        The robust covariance of the tested coefficients is singular.

    See Also
    --------
    cluster_robust : Standard errors and tests without resampling.

    References
    ----------
    Joshi, Pustejovsky and Beretvas 2022, 10.1002/jrsm.1554; Webb 2023, 10.1111/caje.12661.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, cluster_robust, multilevel
    >>> from lamevidence.checks import wild_bootstrap
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], vi=[0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> test = wild_bootstrap(cluster_robust(multilevel(table), "study", kind="CR1"))
    >>> test.exact, test.draws
    (True, 8)
    """
    robust = _inference(fit)
    a_choice("signs", signs, SIGNS)
    draws = a_whole("draws", draws, 99, MOST)
    seed = a_seed(seed)
    names = robust.coefficients.names
    at = _positions(tested, names)
    m = robust.clusters
    exact = signs == "rademacher" and m < 60 and 2**m <= draws
    if not exact and seed is None:
        raise OptionError("the bootstrap draws random signs · give seed=, any whole number, so that it can be repeated")
    if exact:
        patterns = np.array(list(itertools.product((1.0, -1.0), repeat=m)))
    else:
        generator = np.random.default_rng(seed)
        patterns = generator.choice(np.array([-1.0, 1.0]) if signs == "rademacher" else _WEBB, size=(draws, m))
    observed, null = _under_null(robust, at)
    parts = np.array_split(patterns, 1 + patterns.size // CHUNK)
    statistics = np.concatenate([_statistics(part, null, at) for part in parts])
    beyond = int((statistics >= observed * (1 - TIE)).sum())
    p = beyond / patterns.shape[0] if exact else (1 + beyond) / (1 + patterns.shape[0])
    what = tuple(names[i] for i in at)
    return BootstrapTest(observed / robust.sandwich.factor, float(p), int(patterns.shape[0]), exact, what)


def _inference(fit: object) -> RobustInference:
    """Return the robust inference of a result that has clusters."""
    if isinstance(fit, RobustInference):
        return fit
    if isinstance(fit, ClusterRobust | ClusterRobustRegression):
        return fit.inference
    inner = getattr(fit, "robust", None)
    if isinstance(inner, RobustInference):
        return inner
    an_instance("fit", fit, ClusterRobust, "make one with cluster_robust(fit, cluster)")
    raise AssertionError


def _positions(tested: Sequence[int | str] | None, names: tuple[str, ...]) -> list[int]:
    if tested is None:
        return list(range(len(names)))
    if not isinstance(tested, list | tuple):
        raise OptionError(f"tested={shown(tested)} · give a list of {', '.join(names)}, or of their positions")
    at = []
    for item in tested:
        if isinstance(item, str):
            at.append(names.index(a_choice("coefficient", item, names)))
        else:
            at.append(a_whole("position of a coefficient", item, 0, len(names) - 1))
    if not at or len(set(at)) != len(at):
        raise OptionError("tested must name at least one coefficient, each once")
    return at


@dataclass(frozen=True, slots=True, eq=False)
class _Null:
    """The fit under the hypothesis, by cluster: X'We (m, p), X'WAe (m, p), X'WAX (m, p, p); and C."""

    pulls: FloatArray
    scores: FloatArray
    slopes: FloatArray
    bread: FloatArray


def _under_null(robust: RobustInference, at: list[int]) -> tuple[float, _Null]:
    """Return F of the data without the factor of CR1, which cancels, and the fit under the hypothesis."""
    model, b = robust.model, robust.coefficients.estimate
    C = model.bread
    S = robust.sandwich.covariance[np.ix_(at, at)]
    if np.linalg.matrix_rank(S) < len(at):
        raise NotEstimable(f"{len(at)} coefficients cannot be tested jointly with {robust.clusters} clusters")
    shift = C[:, at] @ np.linalg.solve(C[np.ix_(at, at)], b[at])
    under = replace(model, residual=model.residual + model.X @ shift)
    made = sandwich(under, robust.kind)
    observed = float(b[at] @ np.linalg.solve(S, b[at])) / len(at) * robust.sandwich.factor
    return observed, _Null(sandwich(under, "CR0").scores, made.scores, made.slopes, C)


def _statistics(draws: FloatArray, null: _Null, at: list[int]) -> FloatArray:
    """Return F of every draw (B,); inf where its robust covariance is singular."""
    moved = (draws @ null.pulls) @ null.bread
    scores = draws[:, :, None] * null.scores - np.einsum("gij,bj->bgi", null.slopes, moved)
    projected = scores @ null.bread[:, at]
    S = np.swapaxes(projected, 1, 2) @ projected
    shift = moved[:, at]
    live = np.linalg.matrix_rank(S, hermitian=True) == len(at)
    F = np.full(draws.shape[0], np.inf)
    F[live] = np.einsum("bi,bi->b", shift[live], np.linalg.solve(S[live], shift[live][..., None])[..., 0]) / len(at)
    return F
